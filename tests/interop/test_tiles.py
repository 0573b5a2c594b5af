"""sluice log tiles, read by the independent reader; and that reader on others' tiles."""
import base64
import hashlib
import json
import shutil

import pytest
from conftest import CORPORA
from sluice_wire import Bad, Checkpoint, did_to_key
from tiles import path, read, read_log

SCITT = CORPORA / 'scitt'


def vkey(text):
    name, _, rest = text.split('+', 2)
    return name, base64.b64decode(rest)[1:]


@pytest.fixture(scope='module')
def log(make_node):
    """A node with more than a tile of entries, as tiles twice: below and above 256."""
    n = make_node()
    n.dir = n.base / 'tiles'
    n.exec()
    n.first = n.rows('log', 'tiles', n.dir, '--json')[0]
    while n.heads_of_node()['size'] < 270:
        n.sl('exec', '--', 'true')
    n.second = n.rows('log', 'tiles', n.dir, '--json')[0]
    return n


@pytest.fixture(scope='module')
def make_node(make_node):
    def make():
        n = make_node()
        n.heads_of_node = lambda: [x for k, x in n.heads().items() if k.endswith('/node')][0]
        return n
    return make


def head(log):
    h = [x for x in log.rows('log', 'tree', '--json') if x.get('level') == 1][0]
    return h['origin'], did_to_key(h['key'])


def test_ours_are_read(log):
    name, key = head(log)
    c, entries = read_log(log.dir, name, key, strict=True)
    assert c.size == log.second['size'] == len(entries) > 256
    assert all(len(e) == 32 for e in entries)
    shown = {x['entry'] for x in log.rows('log', 'tail', '-n', '20', '--tree', 'node', '--json')}
    ids = {e.hex() for e in entries[-20:]}
    assert shown and shown <= ids


def test_tiles_that_were_there_are_kept(log):
    assert log.first['size'] < 256 and (log.dir / 'tile/0' / path(0, log.first['size'])).is_file()
    assert log.rows('log', 'tiles', log.dir, '--json')[0]['tiles'] == 0


def test_a_changed_byte_anywhere_is_found(log, tmp_path):
    name, key = head(log)
    d = tmp_path / 'copy'
    shutil.copytree(log.dir, d)
    c, _ = read_log(d, name, key)
    files = ['checkpoint', 'tile/entries/000', 'tile/0/000',
             'tile/0/' + path(1, c.size - 256), 'tile/entries/' + path(1, c.size - 256), 'tile/1/000.p/1']
    for f in files:
        good = (d / f).read_bytes()
        for at in range(0, len(good), max(1, len(good) // 5)):
            (d / f).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            with pytest.raises((Bad, UnicodeDecodeError)):
                read_log(d, name, key)
        (d / f).unlink()
        with pytest.raises((Bad, FileNotFoundError)):
            read_log(d, name, key)
        (d / f).write_bytes(good)
    read_log(d, name, key)


def test_what_is_no_log_or_directory_is_refused(log, tmp_path):
    (tmp_path / 'file').write_text('')
    log.sl('log', 'tiles', tmp_path / 'file', status=5)
    log.sl('log', 'tiles', status=2)
    log.sl('log', 'tiles', tmp_path / 'd', '--tree', '00000000', status=2)
    assert not (tmp_path / 'd' / 'checkpoint').exists()


@pytest.mark.skipif(not SCITT.is_dir(), reason='no corpora here')
def test_others_tiles():
    name, key = vkey(json.loads((SCITT / 'made/checkpoint-vectors.json').read_text())['log_vkey'])
    c, entries = read_log(SCITT / 'made/tiles600', name, key)
    assert c.size == len(entries) == 600
    name, key = vkey('example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx')
    words = b'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split()
    for size in range(1, 16):
        c = Checkpoint((SCITT / 'tessera-log' / ('checkpoint.%d' % size)).read_bytes(), name, key, False)
        assert read(SCITT / 'tessera-log', c.size, c.root) == words[:size]
    with pytest.raises(Bad):
        read(SCITT / 'tessera-log', 15, hashlib.sha256(b'').digest())
