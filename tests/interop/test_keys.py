"""Identities that follow one another, and erased text, in both verifiers."""
import hashlib
import json
import os

import pytest
from bundles import sluice_verify, why
from forge import dumps, loads
from sluice_verify import Bundle


def sha256(b):
    return hashlib.sha256(b).digest()


@pytest.fixture(scope='module')
def node(make_node):
    n = make_node()
    n.runs = [n.exec()]
    n.before = n.export(n.runs[0])
    (n.base / (n.runs[0] + '.bundle')).unlink()
    for _ in range(2):
        n.sl('key', 'rotate')
        n.runs.append(n.exec())
    n.bundles = [n.export(r) for r in n.runs]
    return n


def both(node, data):
    """Whether each takes it; they have to agree."""
    ours, theirs = why(data) is None, sluice_verify(node, data, '--trust', node.identity) == 0
    assert ours == theirs, (why(data), theirs)
    return ours


def kinds(v):
    """(index, role) of the key statements of a bundle's node tree, and their rows."""
    out = []
    for row in v[3][1][2]:
        body = row[1]
        if b'urn:sluice:key:v1' in body:
            s = json.loads(body[body.index(b'{"_type"'):-66])  # the signature, 58 40 and 64 bytes
            out.append((s['predicate']['role'], row))
    return out


def test_runs_before_between_and_after(node):
    assert both(node, node.before)
    for data in node.bundles:
        b = Bundle(data)
        assert b.did == node.identity and both(node, data)
        assert [r for r, _ in kinds(loads(data))].count('identity') == 3
    # the name of the node, not the identity in force, is what is trusted
    now = [x for x in node.rows('key', 'show', '--json') if x.get('state') == 'in use' and
           x['role'] == 'identity'][0]['key']
    assert now != node.identity
    assert sluice_verify(node, node.bundles[2], '--trust', now) == 4


def test_nothing_of_the_succession_can_be_left_out(node):
    for data in node.bundles:
        for i in range(len(kinds(loads(data)))):
            v = loads(data)
            role, row = kinds(v)[i]
            v[3][1][2].remove(row)
            assert not both(node, dumps(v)), (i, role)


def test_key_statements_in_another_order(node):
    v = loads(node.bundles[2])
    rows = v[3][1][2]
    at = [rows.index(r) for role, r in kinds(v) if role == 'identity']
    rows[at[1]], rows[at[2]] = rows[at[2]], rows[at[1]]
    assert not both(node, dumps(v))


def test_show_tells_the_succession(node):
    rows = node.rows('key', 'show', '--json')
    ids = [x for x in rows if x.get('role') == 'identity']
    assert len(ids) == 3 and ids[0]['key'] == node.identity
    assert [x['state'] for x in ids] == ['ended', 'ended', 'in use']
    assert [x['until'] for x in ids[:2]] == [x['from'] for x in ids[1:]]
    assert rows[-1]['next'] and len(rows[-1]['next']) == 64


def test_older_receipts_hold_at_home(node):
    for run in node.runs:
        for e in node.entries(run):
            (node.base / 'receipt').write_bytes(node.prove(e['entry']))
            assert node.sl('verify', node.base / 'receipt').returncode == 0


def test_erased(node, make_node):
    n = make_node()
    run = n.exec()
    whole = n.export(run)
    entry = [e for e in n.entries(run) if e['kind'] == 'outcome'][0]
    blob = next(b for b in loads(whole)[4] if sha256(b).hex() == entry['payload'])
    done = n.rows('log', 'erase', entry['payload'], '--json')[0]
    assert done['bytes'] == len(blob) and done['statements'] == 1
    data = b''.join(p.read_bytes() for p in sorted((n.home / 'log' / 'seg').iterdir()))
    assert blob not in data
    (n.base / (run + '.bundle')).unlink()
    gone = n.export(run)
    b = Bundle(gone)
    assert b.counts['erased'] == b.counts['tombstones'] == 1 and both(n, gone)
    shown = [e for e in n.entries(run) if e['entry'] == entry['entry']][0]
    assert shown['erased'] is True and shown['tombstone']['entry'] == done['tombstone']
    assert 'statement' not in shown
    assert n.sl('log', 'check').returncode == 0
    assert n.sl('log', 'tree').returncode == 0
    # older evidence still says what it said
    assert both(n, whole)

    # the node's word that bytes are gone, and the bytes beside it
    v = loads(gone)
    v[4], v[5] = sorted(v[4] + [blob], key=sha256), []
    assert not both(n, dumps(v))
    # a tombstone can be left out: then it is an erasure by whoever passes it on
    v = loads(gone)
    v[3][1][2] = [r for r in v[3][1][2] if b'urn:sluice:tombstone:v1' not in r[1]]
    assert both(n, dumps(v)) and Bundle(dumps(v)).counts['tombstones'] == 0
    # nor can it be brought to a bundle from which nothing is gone
    tomb = [r for r in loads(gone)[3][1][2] if b'urn:sluice:tombstone:v1' in r[1]]
    v = loads(gone)
    w = loads(whole)
    v[4], v[5] = w[4], []
    v[3][1][2] = [r for r in v[3][1][2] if r not in tomb] + tomb
    assert not both(n, dumps(v))

    # what cannot be erased
    decision = [e for e in n.entries(run) if e['kind'] == 'decision'][0]['statement']['predicate']['sluice']
    for digest, status in ((decision['policy'], 2), (decision['decls'], 2), ('00' * 32, 2),
                           (entry['payload'], 2), (entry['entry'], 2), ('abcd', 2), ('', 2)):
        assert n.sl('log', 'erase', digest, status=None).returncode == status, digest
    assert n.sl('policy', 'show').returncode == 0
    # what a decision stands on is text, too
    n.sl('log', 'erase', decision['facts'])
    (n.base / (run + '.bundle')).unlink()
    gone = n.export(run)
    assert Bundle(gone).counts['tombstones'] == 2 and both(n, gone)
    assert n.sl('verify', run).stdout.decode().count('not re-derivable: erased') == 1
    assert n.sl('log', 'check').returncode == 0


def test_zeros_without_a_tombstone(make_node):
    n = make_node()
    run = n.exec()
    digest = bytes.fromhex([e for e in n.entries(run) if e['kind'] == 'outcome'][0]['payload'])
    seg = sorted((n.home / 'log' / 'seg').iterdir())[0]
    d = bytearray(seg.read_bytes())
    at = next(i for i in range(0, len(d), 8) if d[i:i + 4] == b'SLR\3' and d[i + 32:i + 64] == digest)
    size = int.from_bytes(d[at + 4:at + 8], 'little')
    d[at + 80:at + 80 + size] = bytes(size)
    with open(seg, 'r+b') as f:
        f.write(d)
        os.fsync(f.fileno())
    p = n.sl('log', 'check', status=4)
    assert b'no tombstone says so' in p.stdout and b' at %d' % at in p.stdout
    assert 'no tombstone' in [e for e in n.entries(run) if e.get('erased')][0]['note']
