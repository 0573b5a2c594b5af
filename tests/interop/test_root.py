"""Digests of roots: sluice's and those of sluice_root.py, over trees made at random."""
import json
import os
import pathlib
import random
import subprocess

import pytest

import sluice_root
from conftest import SLUICE

NAMES = [b'a', b'b', b'ab', b'a-b', b'a.b', b'A', b'~', b' ', b'etc', b'usr', b'proc', b'tmp', b'\xff\xfe', b'line\nfeed', b'back\\slash',
         'ä'.encode(), b'n' * 255]


def sl(home, *args):
    env = dict(os.environ, SLUICE_HOME=str(home))
    return subprocess.run([SLUICE, *args], env=env, capture_output=True, stdin=subprocess.DEVNULL, check=False)


def added(home, name, top):
    p = sl(home, 'store', 'root', 'add', name, str(top), '--json')
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)['root']


def make(rnd, top, depth=0):
    for name in rnd.sample(NAMES, rnd.randrange(1, 8)):
        path = os.path.join(os.fsencode(top), name)
        kind = rnd.randrange(4 if depth < 4 else 3)
        if kind == 0:
            os.symlink(rnd.choice([b'/etc/shadow', b'..', b'a b', b'\xff', b'../../../x']), path)
        elif kind in (1, 2):
            with open(path, 'wb') as f:
                f.write(rnd.randbytes(rnd.choice([0, 1, 70000])))
            os.chmod(path, rnd.choice([0o600, 0o644, 0o700, 0o755, 0o4755, 0o641]))
        else:
            os.mkdir(path)
            make(rnd, path, depth + 1)


@pytest.mark.parametrize('seed', range(25))
def test_random(tmp_path, seed):
    top = tmp_path / 'top'
    top.mkdir()
    make(random.Random(seed), top)
    said = added(tmp_path / 'home', 'r', top)
    assert said == sluice_root.name(top)
    kept = tmp_path / 'home' / 'roots' / said[7:]
    assert (kept / 'manifest').read_bytes() == sluice_root.manifest(top)
    assert sluice_root.manifest(kept / 'tree', is_stored=True) == sluice_root.manifest(top)
    assert sl(tmp_path / 'home', 'store', 'root', 'check', 'r').returncode == 0
    assert sl(tmp_path / 'home', 'store', 'root', 'drop', 'r').returncode == 0
    assert not kept.exists()


def test_empty(tmp_path):
    (tmp_path / 'top').mkdir()
    assert added(tmp_path / 'home', 'e', tmp_path / 'top') == sluice_root.name(tmp_path / 'top')


CHANGES = {
    'content': lambda t: (t / 'd' / 'f').write_text('two'),
    'executable': lambda t: (t / 'd' / 'f').chmod(0o755),
    'name': lambda t: (t / 'd' / 'f').rename(t / 'd' / 'g'),
    'place': lambda t: (t / 'd' / 'f').rename(t / 'f'),
    'target': lambda t: ((t / 'l').unlink(), (t / 'l').symlink_to('else')),
    'kind': lambda t: ((t / 'l').unlink(), (t / 'l').write_text('target')),
    'more': lambda t: (t / 'd' / 'more').mkdir(),
    'fewer': lambda t: (t / 'l').unlink(),
}


def plain(base):
    top = base / 'top'
    (top / 'd').mkdir(parents=True)
    (top / 'd' / 'f').write_text('one')
    (top / 'l').symlink_to('target')
    return top


@pytest.mark.parametrize('change', CHANGES)
def test_each_counts(tmp_path, change):
    top = plain(tmp_path)
    before = added(tmp_path / 'home', 'a', top)
    CHANGES[change](top)
    after = added(tmp_path / 'home', 'b', top)
    assert before != after
    assert after == sluice_root.name(top)


SAME = {
    'times': lambda t: os.utime(t / 'd' / 'f', (1, 1)),
    'other bits': lambda t: (t / 'd' / 'f').chmod(0o600),
    'mode of a directory': lambda t: (t / 'd').chmod(0o700),
    'hard link in its place': lambda t: (os.link(t / 'd' / 'f', t / 'x'), (t / 'd' / 'f').unlink(), os.rename(t / 'x', t / 'd' / 'f')),
    'what is left out': lambda t: (t / 'tmp').mkdir(),
}


@pytest.mark.parametrize('change', SAME)
def test_what_does_not_count(tmp_path, change):
    top = plain(tmp_path)
    before = added(tmp_path / 'home', 'a', top)
    SAME[change](top)
    assert added(tmp_path / 'home', 'b', top) == before


@pytest.mark.parametrize('change', CHANGES)
def test_changed_in_the_store(tmp_path, change):
    """Each change is seen by the stamp at once, and by a whole reading."""
    home = tmp_path / 'home'
    root = added(home, 'a', plain(tmp_path))
    tree = pathlib.Path(home / 'roots' / root[7:] / 'tree')
    for path in (tree, tree / 'd', tree / 'd' / 'f'):
        path.chmod(0o755)
    if change == 'executable':
        (tree / 'd' / 'f').chmod(0o444)
    CHANGES[change](tree)
    for path in (tree / 'd', tree):
        path.chmod(0o555)
    assert sl(home, 'store', 'root', 'show', 'a').returncode == 4
    assert sl(home, 'exec', '--root', 'a', '--', 'true').returncode == 125
    p = sl(home, 'store', 'root', 'check', 'a')
    assert p.returncode == 4, p.stdout
    assert sl(home, 'store', 'root', 'drop', 'a').returncode == 0
