"""The independent verifier on bundles that the program exports, on damaged ones, and on
forgeries: bundles signed with the node's own keys that are wrong in one respect.  Each
forgery goes to `sluice verify` as well; the two must agree."""
import base64
import copy
import hashlib
import json
import os
import re
import subprocess
import sys

import cbor2
import pytest

import conftest
import forge
import sluice_verify as sv
from forge import Key
from sluice_verify import Bad, Bundle, Tag, dumps, loads, sha256


def why(data):
    """Why a bundle is refused, None where it is not."""
    try:
        Bundle(data)
    except Bad as e:
        return str(e)
    return None


def accepted(cases):
    """The names of those that verify."""
    return [name for name, data in cases if why(data) is None]


@pytest.fixture(scope='module')
def node(make_node):
    n = make_node()
    for d in ('in', 'out'):
        (n.base / d).mkdir()
    n.exec_run = n.exec()
    n.flow_run = n.run()
    early = n.export(n.flow_run)
    (n.base / (n.flow_run + '.bundle')).rename(n.base / 'early')
    n.sl('exec', '--write', '/etc', '--', 'true', status=125)
    n.denied_run = n.rows('runs', '--json')[0]['run']
    n.sl('exec', '--read', n.base / 'in', '--write', n.base / 'out', '--env', 'A=1', '--', 'true')
    n.granted_run = n.rows('runs', '--json')[0]['run']
    n.bundles = {r: n.export(r) for r in (n.exec_run, n.flow_run, n.denied_run, n.granted_run)}
    assert n.bundles[n.flow_run] != early
    n.early = early
    n.store = forge.Store(n.home)
    return n


@pytest.fixture(scope='module')
def other(make_node):
    """Another node; its runs."""
    n = make_node()
    n.flow_run = n.run()
    n.store = forge.Store(n.home)
    return n


def sluice_verify(node, data, *args):
    """Exit status of `sluice verify`, in a home that knows nothing."""
    f = node.base / 'asked.bundle'
    f.write_bytes(data)
    p = subprocess.run([conftest.SLUICE, 'verify', *args, str(f)], capture_output=True, timeout=60,
                       stdin=subprocess.DEVNULL, env={'SLUICE_HOME': str(node.base / 'nobody')})
    return p.returncode


# ---- what is right -------------------------------------------------------------------------

def test_exported_bundles(node):
    want = {node.exec_run: (1, True), node.flow_run: (3, True), node.denied_run: (1, False),
            node.granted_run: (1, True)}
    for run, data in node.bundles.items():
        b = Bundle(data)
        assert (b.did, b.run.hex()) == (node.identity, run)
        assert (b.counts['decisions'], b.counts['sealed'], b.counts['erased']) == (*want[run], 0)
        assert (b.tree is None) == (run == node.denied_run)
        assert sluice_verify(node, data, '--trust', node.identity) == 0
        assert sluice_verify(node, data) == 4
    assert Bundle(node.early).node.checkpoint.size < Bundle(node.bundles[node.flow_run]).node.checkpoint.size


def test_same_bytes(node):
    """A bundle made here from the segments, signed with keys derived here, is the exported
    one to the byte: store, keys, checkpoints and receipts are what the documents say."""
    for run, data in node.bundles.items():
        assert node.store.bundle(run).bytes() == data
    with open(conftest.SLUICE, 'rb') as f:
        assert node.store.builds[-1] == hashlib.sha256(f.read()).digest()


def test_cbor2_agrees(node):
    for data in node.bundles.values():
        assert cbor2.loads(data) == loads(data) and cbor2.dumps(cbor2.loads(data)) == data


def test_checkpoints_are_consistent(node):
    """What an early and a late bundle show of the node's tree is one history."""
    a, b = (Bundle(d).node.checkpoint for d in (node.early, node.bundles[node.flow_run]))
    v, = node.rows('log', 'consistency', a.size, b.size, '--json')
    sv.verify_consistency(a.size, b.size, a.root, b.root, [bytes.fromhex(p) for p in v['path']])
    with pytest.raises(Bad):
        sv.verify_consistency(a.size, b.size, b.root, a.root, [bytes.fromhex(p) for p in v['path']])


def test_log_agrees(node):
    """`log show` and `log prove` say of a run what its bundle says."""
    for run, data in node.bundles.items():
        b = Bundle(data)
        mine = {st.entry.hex(): st for st in b.statements}
        rows = node.entries(run)
        assert {e['entry'] for e in rows} <= set(mine)
        for e in rows:
            st = mine[e['entry']]
            assert (e['index'], e['subject'], e['issuer']) == (st.index, st.sub, st.issuer)
            assert e['statement'] == st.body


def test_command_line(node):
    f = node.base / 'cli.bundle'
    f.write_bytes(node.bundles[node.exec_run])

    def run(*args):
        p = subprocess.run([sys.executable, str(conftest.HERE / 'sluice_verify.py'), *map(str, args)],
                           capture_output=True, text=True, timeout=60)
        return p.returncode, p.stdout.split(':')[0]
    assert run('--trust', node.identity, f) == (0, 'verified')
    assert run(f) == (4, 'unknown-signer')
    f.write_bytes(node.bundles[node.exec_run][:-1])
    assert run('--trust', node.identity, f) == (4, 'failed')
    entry = node.entries(node.flow_run)[0]
    f.write_bytes(node.prove(entry['entry']))
    assert run(f) == (4, 'unknown-signer')
    keys = {r.key for r in sv.verify_transparent(f.read_bytes())[1]}
    trust = [x for k in keys for x in ('--trust', sv.key_to_did(k))] + ['--trust', entry['issuer']]
    assert run(*trust, f) == (0, 'verified')
    assert run(node.base / 'absent') == (4, 'failed') and run()[0] == 2


POLICIES = [  # (text, verdict and reason of an exec)
    ('allow if request("exec");', 'allow', 'allow'),
    ('// no; "x; allow if true;\ndeny if request("exec") /* ; */; allow if true;', 'deny', 'deny'),
    ('check if request("policy");  // "; \n allow if true', 'deny', 'check'),
    ('check if request("policy") or request($x), $x == "exec"; reject if request("run");\n'
     'deny if want_net($h, $p);\nallow if request("exec"), [1, 2].any($i -> $i == 2);', 'allow', 'allow'),
    ('place("a;b//c\\"/*"); other($x) <-\n  place($x), $x.starts_with("a;"); never($x) <- place($x), $x == "";'
     '\nallow if request("exec"), other($x);', 'allow', 'allow'),
    ('check all request($x), $x != "exec"; allow if true;', 'deny', 'check'),
    ('allow if request("run");', 'deny', 'none'),
    ('n(9223372036854775807); allow if request("exec"), n($x), $x + 1 > 0;', 'deny', 'error'),
]


def test_policies(make_node):
    """Decisions of every kind under policies of many forms; each policy is registered by the
    one before it."""
    n = make_node()
    file = n.home / 'policy' / 'policy.dl'
    for text, verdict, reason in POLICIES:
        file.write_text('allow if request("policy");\n' + text + '\n')  # else it stays for ever
        n.sl('policy', 'register')
        n.sl('exec', '--', 'true', status=0 if verdict == 'allow' else 125)
        run = n.rows('runs', '--json')[0]['run']
        data = n.export(run)
        b = Bundle(data)
        assert (b.top['verdict'], b.top['reason']) == (verdict, reason), text
        assert len(b.policies) == 1 and b.top['policy'] == sha256(file.read_bytes()).hex()
        assert sluice_verify(n, data, '--trust', n.identity) == 0
        assert forge.Store(n.home).bundle(run).bytes() == data


def test_interrupted_run(make_node):
    """Killed in its second step; the next command closes it in the node's tree."""
    n = make_node()
    run = interrupted(n)
    data = n.export(run)
    b = Bundle(data)
    assert [st.predicate['sluice']['conclusion'] for st in b.late].count('interrupted') >= 1
    assert sluice_verify(n, data, '--trust', n.identity) == 0
    assert forge.Store(n.home).bundle(run).bytes() == data
    right = data

    def late(b, nth=-1):
        return [e for e in b.trees[1][1] if e.kind == 'outcome'][nth]

    def ended_well(b):
        late(b).edit(lambda v: v['predicate']['sluice'].update(conclusion='success'))

    def twice(b):
        rows = b.trees[1][1]
        x = copy.deepcopy(late(b))
        seal = rows.pop()
        x.index, seal.index = rows[-1].index + 1, rows[-1].index + 2
        rows += [x, seal]

    def behind_the_seal(b):
        rows = b.trees[1][1]
        i = rows.index(late(b))
        rows[i], rows[-1] = rows[-1], rows[i]
        rows[i].index, rows[-1].index = rows[-1].index, rows[i].index

    def by_the_run(b):
        late(b).by = b.signers[2].public
    bad = []
    for forgery in (ended_well, twice, behind_the_seal, by_the_run):
        b = forge.Store(n.home).bundle(run)
        forgery(b)
        data = b.bytes()
        verdicts = (why(data), sluice_verify(n, data, '--trust', n.identity))
        if data == right or verdicts[0] is None or verdicts[1] != 4:
            bad.append((forgery.__name__, *verdicts))
        print(forgery.__name__, verdicts)
    assert bad == []


def interrupted(n):
    """The ID of a run whose sluice was killed while its second step ran."""
    n.flow.write_text(conftest.FLOW.replace('echo there > made.txt', 'sleep 30'))
    env = {'SLUICE_HOME': str(n.home), 'PATH': os.environ['PATH']}
    p = subprocess.Popen([conftest.SLUICE, 'run', '--json', str(n.flow)], env=env, text=True, cwd=n.base,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    for line in p.stdout:
        event = json.loads(line)
        if event['event'] == 'run.start':
            run = event['run']
        if event['event'] == 'step.start' and event['index'] == 1:
            break
    p.kill()
    p.wait()
    p.stdout.close()
    n.exec()
    return run


def test_two_builds(make_node, monkeypatch, tmp_path):
    """Another build has another working key; bundles of both, exported by either, verify."""
    n = make_node()
    first = n.run()
    old = n.export(first)
    with open(conftest.SLUICE, 'rb') as f:
        program = f.read()
    other = tmp_path / 'sluice'
    other.write_bytes(program + b'another build')
    other.chmod(0o755)
    monkeypatch.setattr(conftest, 'SLUICE', str(other))
    second = n.run()
    (n.base / (first + '.bundle')).unlink()
    store = forge.Store(n.home)
    assert store.builds == [sha256(program), sha256(program + b'another build')]
    for run in (first, second):
        data = n.export(run)
        b = Bundle(data)
        assert len(b.working) == 2 and b.did == n.identity
        assert store.bundle(run).bytes() == data and data != old
        assert sluice_verify(n, data, '--trust', n.identity) == 0
        for nth in (1, 2):  # one certificate less
            x = store.bundle(run)
            without('key', nth, 1)(x)
            assert why(x.bytes()) is not None
            assert sluice_verify(n, x.bytes(), '--trust', n.identity) == 4


# ---- schemas -------------------------------------------------------------------------------

def fits(v, schema, root, at='$'):
    """The part of JSON Schema 2020-12 that data/schema uses; an unknown keyword is an error."""
    for k, x in schema.items():
        if k in ('$schema', '$id', '$defs', '$comment', 'title', 'description', 'format'):
            continue
        if k == '$ref':
            part = root
            for name in x.removeprefix('#/').split('/'):
                part = part[name]
            fits(v, part, root, at)
        elif k == 'type':
            kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int,
                     'null': type(None)}
            names = x if isinstance(x, list) else [x]
            assert any(type(v) is kinds[t] for t in names), (at, v, x)
        elif k == 'const':
            assert type(v) is type(x) and v == x, (at, v)
        elif k == 'enum':
            assert any(type(v) is type(y) and v == y for y in x), (at, v)
        elif k == 'pattern':
            assert not isinstance(v, str) or re.search(x, v), (at, v)
        elif k == 'minimum':
            assert not isinstance(v, int) or v >= x, (at, v)
        elif k == 'maximum':
            assert not isinstance(v, int) or v <= x, (at, v)
        elif k in ('maxLength', 'maxItems'):
            assert not isinstance(v, (str, list)) or len(v) <= x, (at, v)
        elif k in ('minLength', 'minItems'):
            assert not isinstance(v, (str, list)) or len(v) >= x, (at, v)
        elif k == 'required':
            assert not isinstance(v, dict) or set(x) <= set(v), (at, set(x) - set(v))
        elif k == 'properties':
            for name in set(x) & set(v) if isinstance(v, dict) else ():
                fits(v[name], x[name], root, at + '.' + name)
        elif k == 'additionalProperties':
            for name in set(v) - set(schema.get('properties', {})) if isinstance(v, dict) else ():
                assert x is not False, (at, name)
                if isinstance(x, dict):
                    fits(v[name], x, root, at + '.' + name)
        elif k == 'items':
            for i, y in enumerate(v if isinstance(v, list) else ()):
                fits(y, x, root, '%s[%d]' % (at, i))
        else:
            raise AssertionError('keyword %s of a schema' % k)


def test_schemas(node):
    names = {sv.KEY: 'key', sv.CONTEXT: 'context', sv.SEAL: 'seal', sv.POLICY: 'policy',
             sv.DECISION: 'decision', sv.OUTCOME: 'outcome', sv.OBSERVATION: 'observation'}
    place = conftest.SRC / 'data' / 'schema'
    schemas = {t: json.loads((place / (n + '.json')).read_text()) for t, n in names.items()}
    seen = set()
    for data in node.bundles.values():
        for st in Bundle(data).statements:
            fits(st.predicate, schemas[st.type], schemas[st.type])
            seen.add(st.type)
    assert seen == set(names)
    for t, schema in schemas.items():  # they are no schemas that take everything
        with pytest.raises(AssertionError):
            fits({}, schema, schema)


# ---- every byte ----------------------------------------------------------------------------

def flips(data, stride=1, start=0):
    for i in range(start, len(data), stride):
        m = bytearray(data)
        m[i] ^= 1 << (i * 5 + 3) % 8
        yield 'bit of byte %d' % i, bytes(m)


def test_every_byte_of_a_small_bundle(node):
    data = node.bundles[node.denied_run]
    assert accepted(flips(data)) == []


def test_every_eleventh_byte(node):
    for n, run in enumerate((node.flow_run, node.exec_run, node.granted_run)):
        assert accepted(flips(node.bundles[run], 11, n)) == []


def test_every_bit_of_each_part(node):
    """All bits of one statement, one receipt, one checkpoint and one blob."""
    v = loads(node.bundles[node.flow_run])
    row = v[3][2][2][1]
    parts = [(row, 1), (row, 2), (v[3][1], 1), (v[4], 3)]
    for where, k in parts:
        whole = where[k]
        for i in range(len(whole)):
            for bit in range(8) if i % 8 == 0 else [i % 8]:
                m = bytearray(whole)
                m[i] ^= 1 << bit
                where[k] = bytes(m)
                u = [*v[:4], sorted(v[4], key=sha256), v[5]]
                assert why(dumps(u)) is not None, (k, i, bit)
        where[k] = whole
    assert why(dumps(v)) is None


def test_sluice_refuses_flips_too(node):
    data = node.bundles[node.flow_run]
    step = len(data) // 60
    bad = [name for name, m in flips(data, step) if
           sluice_verify(node, m, '--trust', node.identity) != 4]
    assert bad == []


def test_cut_and_lengthened(node):
    data = node.bundles[node.denied_run]
    assert accepted((n, data[:n]) for n in range(0, len(data), 7)) == []
    assert accepted((x, data + x) for x in (b'\0', b'\xf6', data)) == []
    assert why(b'') and why(b'\xf6') and why(dumps([])) and why(b'\x9f' + data[1:] + b'\xff')


def test_other_encodings(node):
    """Encodings of the same item that are not the deterministic one."""
    data = node.bundles[node.exec_run]
    at = data.index(b'sluice-bundle')
    assert data[0] == 0x86 and data[at - 1] == 0x6d
    cases = [('array head', b'\x98\x06' + data[1:]), ('indefinite array', b'\x9f' + data[1:] + b'\xff'),
             ('text head', b'\x86\x78\x0d' + data[at:]),
             ('indefinite text', b'\x86\x7f\x6d' + data[at:at + 13] + b'\xff' + data[at + 13:]),
             ('version in two bytes', data[:at + 13] + b'\x18\x01' + data[at + 14:]),
             ('tag', b'\xd9\xd9\xf7' + data), ('float version', data[:at + 13] + b'\xf9\x3c\x00' + data[at + 14:])]
    for name, m in cases:
        assert m != data and why(m) is not None, name
        assert sluice_verify(node, m, '--trust', node.identity) == 4, name


# ---- parts moved, taken out, put in from elsewhere ------------------------------------------

def rearranged(data):
    def again():
        return loads(data)
    trees = again()[3]
    for t, tree in enumerate(trees):
        rows = tree[2]
        for i in range(len(rows)):
            v = again()
            del v[3][t][2][i]
            yield 'entry %d/%d taken out' % (t, i), v
            v = again()
            v[3][t][2].insert(i, v[3][t][2][i])
            yield 'entry %d/%d twice' % (t, i), v
            for k, what in ((0, 'indexes'), (1, 'statements'), (2, 'receipts')):
                j = (i + 1) % len(rows)
                v = again()
                a, b = v[3][t][2][i], v[3][t][2][j]
                a[k], b[k] = b[k], a[k]
                yield '%s %d/%d exchanged' % (what, t, i), v
            v = again()
            x = v[3][t][2]
            x[i], x[i - 1] = x[i - 1], x[i]
            yield 'entries %d/%d exchanged' % (t, i), v
            u = (t + 1) % len(trees)
            v = again()
            v[3][t][2][i][2] = v[3][u][2][0][2]
            yield 'receipt %d/%d of another tree' % (t, i), v
            v = again()
            v[3][u][2].append(v[3][t][2][i])
            yield 'entry %d/%d in another tree' % (t, i), v
            v = again()
            v[3][t][2][i].append(b'')
            yield 'entry %d/%d of four' % (t, i), v
        for k in (0, 1):
            v = again()
            v[3][t][k] = v[3][t - 1][k]
            yield 'origin or checkpoint of another tree', v
        v = again()
        v[3][t], v[3][t - 1] = v[3][t - 1], v[3][t]
        yield 'trees exchanged', v
        v = again()
        del v[3][t]
        yield 'a tree taken out', v
        v = again()
        v[3].append(v[3][t])
        yield 'a tree twice', v
    for i in range(len(again()[4])):
        v = again()
        del v[4][i]
        yield 'blob taken out', v
        v = again()
        v[4].insert(i, v[4][i])
        yield 'blob twice', v
        v = again()
        v[4][i], v[4][i - 1] = v[4][i - 1], v[4][i]
        yield 'blobs exchanged', v
        v = again()
        v[5] = [sha256(v[4][i])]
        yield 'blob there and erased', v
    for i in range(6):
        v = again()
        del v[i]
        yield 'member %d taken out' % i, v
    v = again()
    v[4] = sorted(v[4] + [b'more'], key=sha256)
    yield 'a blob that nothing names', v
    v = again()
    v[5] = [sha256(b'more')]
    yield 'an erased digest that nothing names', v
    for i, x in ((0, 'sluice-bundlf'), (0, b'sluice-bundle'), (1, 2), (1, 0), (1, True), (2, b''), (2, b'\0' * 32),
                 (3, []), (4, {}), (5, None)):
        v = again()
        v[i] = x
        yield 'member %d is %r' % (i, x), v
    v = again()
    v.append([])
    yield 'seven members', v


def test_rearranged(node):
    for run in (node.flow_run, node.denied_run):
        cases = [(name, dumps(v)) for name, v in rearranged(node.bundles[run])]
        assert len(cases) > 80
        same = [n for n, d in cases if d == node.bundles[run]]
        # section 5: without its seal it is the bundle of a run that was not over
        seal = ['entry 1/%d taken out' % (len(loads(node.bundles[run])[3][1][2]) - 1)]
        assert accepted(c for c in cases if c[0] not in same) == (seal if run == node.flow_run else [])
        assert all(not Bundle(d).counts['sealed'] for n, d in cases if n in seal and run == node.flow_run)
    for name, m in cases[::10]:
        if name not in same:
            assert sluice_verify(node, m, '--trust', node.identity) == 4, name


def test_parts_of_other_bundles(node, other):
    mine = node.bundles[node.flow_run]
    for theirs in (node.bundles[node.exec_run], node.early, other.export(other.flow_run)):
        a, b = loads(mine), loads(theirs)
        cases = []
        for i in range(2, 6):
            if a[i] != b[i]:
                cases.append(('member %d' % i, a[:i] + [b[i]] + a[i + 1:]))
        for t in range(3):
            if b[3][t] != a[3][t] and not (theirs == node.early and t == 1):
                v = loads(mine)
                v[3][t] = b[3][t]
                cases.append(('tree %d' % t, v))
            for i in range(len(a[3][t][2])):
                for j in range(len(b[3][t][2])):
                    for k in (1, 2):
                        v = loads(mine)
                        if v[3][t][2][i][k] != b[3][t][2][j][k]:
                            v[3][t][2][i][k] = b[3][t][2][j][k]
                            cases.append(('part %d of %d/%d from %d' % (k, t, i, j), v))
        if theirs == node.early:  # the older node tree is whole in itself: that is no forgery
            cases = [c for c in cases if c[0] != 'member 3']
        assert accepted((n, dumps(v)) for n, v in cases) == []


def test_erased_by_whoever_passes_it_on(node):
    """Section 5: a blob can be taken out and named as erased; that is seen and counted."""
    data = node.bundles[node.flow_run]
    for i in range(len(loads(data)[4])):
        v = loads(data)
        blob = v[4].pop(i)
        v[5] = [sha256(blob)]
        m = dumps(v)
        reason = why(m)
        theirs = sluice_verify(node, m, '--trust', node.identity)
        assert (reason is None) == (theirs == 0), (i, blob[:60], reason, theirs)
        if reason is None:
            assert Bundle(m).counts['erased'] == 1


# ---- forgeries -----------------------------------------------------------------------------

STRANGER = Key(sha256(b'a stranger'))


def to_body(kind, nth=0, tree=None, /, **paths):
    """A forgery that sets members of a payload: a__b is the path a.b of the in-toto Statement,
    a number an index, DEL takes out."""
    def do(b):
        def change(v):
            for path, value in paths.items():
                at = v
                *way, last = [int(x) if x.isdigit() else x for x in path.split('__')]
                for k in way:
                    at = at[k]
                if value is DEL:
                    del at[last]
                else:
                    at[last] = value(at[last]) if callable(value) else value
        b.find(kind, nth, tree).edit(change)
    return do


DEL = object()


def to_sluice(kind, nth=0, tree=None, /, **paths):
    """The same, below the predicate's member "sluice"."""
    return to_body(kind, nth, tree, **{'predicate__sluice__' + k: v for k, v in paths.items()})


def signed_by(kind, who, nth=0, tree=None):
    def do(b):
        key = key_of(b, who)
        b.keys[key.public] = key
        b.find(kind, nth, tree).by = key.public
    return do


def key_of(b, who):
    keys = list(b.store.keys.values())
    return {'identity': keys[0], 'platform': keys[1], 'working': keys[2], 'run': b.signers[2],
            'stranger': STRANGER}[who]


def checkpoint_by(tree, who):
    def do(b):
        b.signers[tree] = key_of(b, who)
    return do


def headers(kind, nth=0, tree=None, unprotected=None, sub=None, detached=False, drop=(), **labels):
    """Signed by the right key under other headers; labels are h_N (negative: h_mN)."""
    def do(b):
        e = b.find(kind, nth, tree)
        s = sv.Sign1(e.old)
        h = {k: v for k, v in s.hdr.items() if k not in drop}
        for k, v in labels.items():
            n = int(k[2:].replace('m', '-'))
            h[n] = v(h.get(n)) if callable(v) else v
        prot = dumps(h)
        sig = b.keys[e.by].private.sign(dumps(['Signature1', prot, b'', s.payload]))
        e.raw = dumps(Tag(18, [prot, unprotected or {}, None if detached else s.payload, sig]))
    return do


def text(kind, change, nth=0, tree=None):
    """Changes the bytes of a payload."""
    def do(b):
        e = b.find(kind, nth, tree)
        e.payload = change(e.payload)
    return do


def copy_of(kind, nth, tree, where, after=None, renumber=True, change=None):
    """Puts a copy of an entry into a tree."""
    def do(b):
        e = copy.deepcopy(b.find(kind, nth, tree))
        rows = b.trees[where][1]
        if change:
            change(b, e)
        at = len(rows) if after is None else after
        rows.insert(at, e)
        if where == 1:
            e.index = rows[at - 1].index + 1 if after is not None else rows[-2].index + 1
        else:
            for i, x in enumerate(rows):
                x.index = i
    return do


def moved(tree, i, j):
    def do(b):
        rows = b.trees[tree][1]
        rows[i], rows[j] = rows[j], rows[i]
        rows[i].index, rows[j].index = rows[j].index, rows[i].index
    return do


def without(kind, nth=0, tree=None):
    def do(b):
        for t, (_, rows) in enumerate(b.trees):
            if tree in (None, t):
                hits = [e for e in rows if e.kind == kind]
                if len(hits) > nth:
                    rows.remove(hits[nth])
                    if t != 1:
                        for i, x in enumerate(rows):
                            x.index = i
                    return
    return do


def noted(tree, change):
    def do(b):
        def note(i, n):
            return change(b, n) if i == tree else n
        b.note = note
    return do


def receipts(change, tree=2):
    """Every receipt of a tree rebuilt: change(s, proof list) -> (unprotected, payload)."""
    def do(b):
        def receipt(i, e, r):
            if i != tree:
                return r
            s = sv.Sign1(r)
            proof = loads(s.unprotected[396][-1][0])
            unprotected, payload = change(s, proof)
            return dumps(Tag(18, [s.protected, unprotected, payload, s.signature]))
        b.receipt = receipt
    return do


def receipts_by(who, tree):
    def do(b):
        key = key_of(b, who)

        def receipt(i, e, r):
            if i != tree:
                return r
            x = sv.Receipt(r)
            root = x.root(sha256(e.data))
            return key.sign1({395: 1, 15: {1: key.did, 2: x.origin}}, None, root,
                             {396: {-1: [dumps([x.size, x.index, x.path])]}})
        b.receipt = receipt
    return do


def receipt_headers(tree, **labels):
    def do(b):
        def receipt(i, e, r):
            if i != tree:
                return r
            x = sv.Receipt(r)
            h = dict(x.s.hdr)
            for k, v in labels.items():
                h[int(k[2:])] = v
            prot = dumps(h)
            key = b.signers[i]
            sig = key.private.sign(dumps(['Signature1', prot, b'', x.root(sha256(e.data))]))
            return dumps(Tag(18, [prot, x.s.unprotected, None, sig]))
        b.receipt = receipt
    return do


def own_seal(**members):
    def do(b):
        b.reseal = False
        to_body('seal', -1, 1, **{'predicate__' + k: v for k, v in members.items()})(b)
    return do


def facts_of(nth, change):
    """Another fact set for the nth decision, with its digest in place."""
    def do(b):
        e = b.find('decision', nth)
        old = bytes.fromhex(e.body['predicate']['sluice']['facts'])
        v = loads(b.others[old])
        v = change(v) or v
        new = dumps(v) if not isinstance(v, bytes) else v
        if sum(old == bytes.fromhex(x.body['predicate']['sluice']['facts']) for _, es in b.trees
               for x in es if x.kind == 'decision') == 1:
            del b.others[old]
        b.others[sha256(new)] = new
        to_sluice('decision', nth, facts=sha256(new).hex())(b)
    return do


def proof_of(nth, change):
    def do(b):
        e = b.find('decision', nth)
        old = bytes.fromhex(e.body['predicate']['sluice']['proof'])
        v = loads(b.others[old])
        change(v)
        new = dumps(v)
        if sum(old == bytes.fromhex(x.body['predicate']['sluice']['proof']) for _, es in b.trees
               for x in es if x.kind == 'decision') == 1:
            del b.others[old]
        b.others[sha256(new)] = new
        to_sluice('decision', nth, proof=sha256(new).hex())(b)
    return do


def behind(kind):
    """Moves an entry of the node tree behind all others."""
    def do(b):
        rows = b.trees[1][1]
        e = b.find(kind, 0, 1)
        rows.remove(e)
        e.index = rows[-1].index + 1
        rows.append(e)
    return do


def second_working(b, e):
    """A second working key, certified by whoever."""
    e.sub = STRANGER.did

    def change(v):
        v['predicate'].update(key=STRANGER.did)
        v['subject'] = [{'name': STRANGER.did, 'digest': {'sha256': sha256(STRANGER.public).hex()}}]
    e.edit(change)


def self_certified(b):
    copy_of('key', 1, 1, 1, after=2, change=second_working)(b)
    rows = b.trees[1][1]
    fake = rows[2]
    fake.by = b.keys[rows[3].by].public
    b.keys[STRANGER.public] = STRANGER
    for e in rows[3:]:
        e.by = STRANGER.public
    b.signers[1] = STRANGER


def certified_late(b):
    """The certificate of the working key stands behind what it signed."""
    rows = b.trees[1][1]
    e = rows.pop(1)
    e.index = rows[-1].index + 1
    rows.append(e)


def recontext(nth, **members):
    """Changes the nth context of a step, with its ID and all that names it in place."""
    def do(b):
        e = b.find('context', nth, 2)
        old = sv.context_id(e.body['predicate']).hex().encode()
        to_body('context', nth, 2, **{'predicate__' + k: v for k, v in members.items()})(b)
        new = sv.context_id(e.body['predicate']).hex().encode()
        for x in b.trees[2][1]:
            x.payload = x.payload.replace(old, new)
    return do


HEX = '11' * 32

FORGERIES = {
    # who signs what
    'decision by the run key': signed_by('decision', 'run'),
    'decision by the identity': signed_by('decision', 'identity'),
    'decision by the platform key': signed_by('decision', 'platform'),
    'decision by a stranger': signed_by('decision', 'stranger'),
    'context by the run key': signed_by('context', 'run', 0, 1),
    'seal by the run key': signed_by('seal', 'run', -1, 1),
    'policy by the identity': signed_by('policy', 'identity'),
    'step decision by the working key': signed_by('decision', 'working', 0, 2),
    'outcome by a stranger': signed_by('outcome', 'stranger', 0, 2),
    'observation by the identity': signed_by('observation', 'identity', 0, 2),
    'platform context by the identity': signed_by('context', 'identity', 0, 0),
    'platform key by itself': signed_by('key', 'platform', 0, 0),
    'working key by itself': signed_by('key', 'working', 1, 1),
    'working key by a stranger': signed_by('key', 'stranger', 1, 1),
    'identity by a stranger': signed_by('key', 'stranger', 0, 1),
    'a working key certified by a working key': self_certified,
    'a working key certified behind what it signs': certified_late,
    'no certificate of the working key': without('key', 1, 1),
    'no statement of the identity': without('key', 0, 1),
    'no statement of the platform key': without('key', 0, 0),
    'a certificate that nothing needs': copy_of('key', 1, 1, 1, after=2, change=second_working),
    'role of the working key': to_body('key', 1, 1, predicate__role='platform'),
    'role of the identity': to_body('key', 0, 1, predicate__role='working'),
    'certificate: subject': to_body('key', 1, 1, subject__0__digest__sha256=HEX),
    'certificate: issuer': to_body('key', 1, 1, predicate__issuer=STRANGER.did),
    'run key is another': to_sluice('decision', run_key=STRANGER.did),
    'run key is the working key': lambda b: to_sluice('decision', run_key=key_of(b, 'working').did)(b),
    'no run key': to_sluice('decision', run_key=DEL),
    # headers
    'content type': headers('seal', -1, 1, h_3='application/json'),
    'no content type': headers('seal', -1, 1, drop=(3,)),
    'content type beside 259': headers('decision', h_3=sv.INTOTO),
    'preimage type': headers('decision', h_259='application/json'),
    'envelope of SHA-384': headers('decision', h_258=-43),
    'alg -19': headers('decision', h_1=-19),
    'alg -7': headers('decision', h_1=-7),
    'kid of another key': headers('decision', h_4=b'\x11' * 32),
    'kid as text': headers('decision', h_4=lambda k: k.hex()),
    'no kid': headers('decision', drop=(4,)),
    'iss of another key': headers('decision', h_15=lambda c: {**c, 1: STRANGER.did}),
    'one claim more': headers('decision', h_15=lambda c: {**c, 6: 1}),
    'no claims': headers('decision', drop=(15,)),
    'one header more': headers('decision', h_99=1),
    'crit': headers('decision', h_2=[99], h_99=1),
    'payload location': headers('decision', h_260='https://example.invalid/'),
    'sub is another': headers('decision', h_15=lambda c: {**c, 2: 'run:' + HEX}),
    'sub of a step is another': headers('context', 1, 2, h_15=lambda c: {**c, 2: 'run:' + HEX}),
    'unprotected header': headers('decision', unprotected={99: 1}),
    'receipts in the statement': headers('decision', unprotected={394: [b'']}),
    'detached payload': headers('seal', -1, 1, detached=True),
    # in-toto and JSON
    '_type': to_body('outcome', 0, 2, _type='https://in-toto.io/Statement/v0.1'),
    'predicateType unknown': to_body('outcome', 0, 2, predicateType='https://slsa.dev/provenance/v2'),
    'predicateType of another': to_body('outcome', 0, 2, predicateType=sv.OBSERVATION),
    'two subjects': to_body('outcome', 0, 2, subject=lambda s: s * 2),
    'no subject': to_body('outcome', 0, 2, subject=[]),
    'subject is another': to_body('outcome', 0, 2, subject__0__digest__sha256=HEX),
    'name of the subject': to_body('outcome', 0, 2, subject__0__name='run:' + HEX),
    'digest in capitals': to_body('outcome', 0, 2, subject__0__digest__sha256=lambda s: s.upper()),
    'a member more': text('outcome', lambda p: b'{"A":1,' + p[1:], 0, 2),
    'JSON with a blank': text('outcome', lambda p: p.replace(b',', b', ', 1), 0, 2),
    'JSON with a line end': text('outcome', lambda p: p + b'\n', 0, 2),
    'JSON out of order': text('outcome', lambda p: p.replace(
        b'"bytes":', b'"zz":0,"bytes":', 1) if b'"bytes":' in p else p + b' ', 0, 2),
    'JSON with a key twice': text('outcome', lambda p: b'{"_type":1,' + p[1:], 0, 2),
    'JSON with an escape': text('outcome', lambda p: p.replace(b'"sluice"', b'"slu\\u0069ce"', 1), 0, 2),
    'not UTF-8': text('outcome', lambda p: p.replace(b'sluice', b'slu\xffce', 1), 0, 2),
    'not JSON': text('outcome', lambda p: b'\xa0', 0, 2),
    'JSON of a list': text('outcome', lambda p: b'[]', 0, 2),
    # IDs and contexts
    'context changed under its ID': to_body('context', 0, 1, predicate__node=STRANGER.did),
    'context of another version': to_body('context', 0, 1, predicate__v=2),
    'step context changed under its ID': to_body('context', 0, 2, predicate__cwd='/'),
    'step context of another parent': to_body('context', 0, 2, predicate__parent=HEX),
    'step context of another node': recontext(0, node=STRANGER.did),
    'step context of another policy': recontext(0, policy=HEX),
    'step context of another act': recontext(0, act=HEX),
    'step context of another job': recontext(0, job='two'),
    'step context of another index': recontext(0, index=9),
    'step context of a run': recontext(0, kind='run'),
    'step context on the level of a flow': recontext(0, level='flow'),
    'step context of version 2': recontext(0, v=2),
    'step context of no parent': recontext(0, parent=DEL),
    'platform context of another boot': to_body('context', 0, 0, predicate__boot__sha256=HEX),
    'platform context of level 1': to_body('context', 0, 0, predicate__level=1),
    'platform context attested': to_body('context', 0, 0, predicate__attestation='tpm'),
    'nonce': to_sluice('decision', nonce='22' * 16),
    'nonce too short': to_sluice('decision', nonce='22' * 15),
    'context of the decision': to_sluice('decision', context=HEX),
    'run of the decision': to_sluice('decision', run=HEX),
    'ID of the decision': to_sluice('decision', id=HEX),
    'kind of the decision': to_sluice('decision', kind='step'),
    'index of a step': to_sluice('decision', 0, 2, step__index=7),
    'attempt of a step': to_sluice('decision', 0, 2, step__attempt=2),
    'job of a step': to_sluice('decision', 0, 2, step__job='two'),
    'ID of a step': to_sluice('decision', 0, 2, id=HEX),
    'run of a step': to_sluice('decision', 0, 2, run=HEX),
    'context of a step': to_sluice('decision', 0, 2, context=HEX),
    'bundle of another run': lambda b: setattr(b, 'run', b'\x11' * 32),
    # decisions
    'decision of another version': to_sluice('decision', v=2),
    'verdict': to_sluice('decision', verdict='deny'),
    'verdict and result': lambda b: (to_sluice('decision', verdict='deny', grant=DEL)(b), to_body(
        'decision', predicate__verificationResult='FAILED')(b)),
    'verdict unknown': to_sluice('decision', verdict='maybe'),
    'result': to_body('decision', predicate__verificationResult='FAILED'),
    'verifier': to_body('decision', predicate__verifier__id=STRANGER.did),
    'resource': to_body('decision', predicate__resourceUri='urn:sluice:run:' + HEX),
    'input attestation': to_body('decision', predicate__inputAttestations__0__digest__sha256=HEX),
    'policy of VSA': to_body('decision', predicate__policy__digest__sha256=HEX),
    'policy of the decision': to_sluice('decision', policy=HEX),
    'fuel': to_sluice('decision', fuel=1),
    'fuel version': to_sluice('decision', fuel_version=2),
    'reason': to_sluice('decision', reason='none'),
    'rule': to_sluice('decision', rule__line=1),
    'requester': to_sluice('decision', requester=STRANGER.did),
    'time': to_sluice('decision', time=lambda t: t - 1),
    'times of a step go back': lambda b: to_body(
        'decision', 0, 2, predicate__timeVerified='2020-01-01T00:00:00.000Z', predicate__sluice__time=1577836800)(b),
    'a step with a right that its run lacks': to_sluice('decision', 0, 2, grant__env=['HOME']),
    'a step with more memory': to_sluice('decision', 0, 2, grant__limits__memory__max=lambda m: m + 1),
    'a step with network': to_sluice('decision', 0, 2, grant__net='host'),
    'a step in another workspace': to_sluice('decision', 0, 2, grant__workspace__path='/'),
    'a grant beyond what was wanted': to_sluice('decision', grant__limits__memory__max=lambda m: m + 1),
    'a grant of a path that was not wanted': to_sluice('decision', grant__fs=[{'access': 'r', 'path': '/root'}]),
    'a weaker class of a limit': to_sluice('decision', grant__limits__nofile__class='watched'),
    'wants that no fact states': lambda b: (to_sluice('decision', wants__env=['HOME'])(b), to_sluice(
        'decision', grant__env=['HOME'])(b)),
    'act of a step': to_sluice('decision', 0, 2, act=HEX),
    'no grant': to_sluice('decision', grant=DEL),
    'facts of another decision': lambda b: to_sluice('decision', facts=b.find(
        'decision', 0, 2).body['predicate']['sluice']['facts'])(b),
    'proof of another decision': lambda b: to_sluice('decision', proof=b.find(
        'decision', 0, 2).body['predicate']['sluice']['proof'])(b),
    'decls are the policy': lambda b: to_sluice('decision', decls=b.find(
        'decision').body['predicate']['sluice']['policy'])(b),
    'facts: one more': facts_of(0, lambda v: v['facts'].append(['zz', ['x'], 'gate'])),
    'facts: one less': facts_of(0, lambda v: v['facts'].pop(0)),
    'facts: out of order': facts_of(0, lambda v: v['facts'].reverse()),
    'facts: one twice': facts_of(0, lambda v: v['facts'].insert(0, v['facts'][0])),
    'facts: another version': facts_of(0, lambda v: v.update(v=2)),
    'facts: not CBOR': facts_of(0, lambda v: b'\xff'),
    'facts: another requester': facts_of(0, lambda v: [f.__setitem__(1, [STRANGER.did]) for f in v['facts']
                                                       if f[0] == 'requester'] and None),
    'proof: fuel': proof_of(0, lambda p: p.update(fuel=1)),
    'proof: verdict': proof_of(0, lambda p: p.update(verdict='deny')),
    'proof: a node less': proof_of(0, lambda p: p['nodes'].pop()),
    'proof: another fact': proof_of(0, lambda p: p['nodes'][0].update(args=['cancel'])),
    'proof: another policy line': proof_of(0, lambda p: p['policies'][-1].update(line=1)),
    'proof: a policy left out': proof_of(0, lambda p: p['policies'].pop(0)),
    # outcomes and observations
    'outcome of no decision': to_body('outcome', 0, 2, predicate__buildDefinition__internalParameters__decision=HEX),
    'outcome of another run': to_sluice('outcome', 0, 2, run=HEX),
    'outcome of another ID': to_sluice('outcome', 0, 2, id=HEX),
    'outcome of another version': to_sluice('outcome', 0, 2, v=2),
    'outcome by another builder': to_body('outcome', 0, 2, predicate__runDetails__builder__id=STRANGER.did),
    'outcome of another context': to_body(
        'outcome', 0, 2, predicate__buildDefinition__externalParameters__context=HEX),
    'observation of no decision': to_sluice('observation', 0, 2, decision=HEX),
    'observation of another ID': to_sluice('observation', 0, 2, id=HEX),
    'observation of another version': to_sluice('observation', 0, 2, v=2),
    'a second outcome': copy_of('outcome', 0, 2, 2),
    'a second observation': copy_of('observation', 0, 2, 2),
    'a decision twice': copy_of('decision', 0, 2, 2, after=2),
    'outcome before its decision': moved(2, 1, 2),
    'decision before its context': moved(2, 0, 1),
    'a context without a decision': copy_of('context', 0, 2, 2),
    'a key in the run tree': copy_of('key', 1, 1, 2),
    'a seal in the run tree': copy_of('seal', 0, 1, 2),
    'a key in the platform tree': copy_of('key', 1, 1, 0),
    'a policy in the platform tree': copy_of('policy', 0, 1, 0, change=lambda b, e: setattr(
        e, 'by', b.signers[0].public)),
    'a policy registered behind its decision': behind('policy'),
    'policy of another version': to_body('policy', predicate__v=2),
    'policy: subject': to_body('policy', subject__0__digest__sha256=HEX),
    'policy: decls are the text': lambda b: to_body('policy', predicate__decls=b.find(
        'policy').body['predicate']['policy'])(b),
    'a policy in the run tree': copy_of('policy', 0, 1, 2),
    'a decision more in the node tree': copy_of('decision', 0, 1, 1),
    'an outcome in the node tree': copy_of('outcome', 0, 2, 1, change=lambda b, e: setattr(
        e, 'by', b.find('decision').by)),
    'a seal twice': copy_of('seal', -1, 1, 1),
    'a policy twice': copy_of('policy', 0, 1, 1),
    'no policy': without('policy'),
    'no context': without('context', 0, 1),
    'no seal of the platform': without('seal', 0, 1),
    'context and decision apart': lambda b: [setattr(e, 'index', e.index + 1) for e in b.trees[1][1] if
                                             e.index >= b.find('decision').index],
    # checkpoints, seals, receipts
    'node checkpoint by the identity': checkpoint_by(1, 'identity'),
    'node checkpoint by a stranger': checkpoint_by(1, 'stranger'),
    'node checkpoint by the run key': checkpoint_by(1, 'run'),
    'run checkpoint by the working key': checkpoint_by(2, 'working'),
    'run checkpoint by a stranger': checkpoint_by(2, 'stranger'),
    'platform checkpoint by the working key': checkpoint_by(0, 'working'),
    'checkpoint with an extension': noted(1, lambda b, n: extended(b, n)),
    'checkpoint signed twice': noted(1, lambda b, n: n + n.split(b'\n')[-2] + b'\n'),
    'checkpoint with another signature': noted(1, lambda b, n: n + '\u2014 x AAAAAAAA\n'.encode()),
    'checkpoint without signature': noted(1, lambda b, n: n[:n.index(b'\n\n') + 2]),
    'checkpoint of another size': noted(2, lambda b, n: renoted(b, n, size=lambda s: s + 1)),
    'checkpoint of another root': noted(2, lambda b, n: renoted(b, n, root=sha256)),
    'checkpoint of another origin': noted(2, lambda b, n: renoted(b, n, origin=lambda o: o[:-1] + '0')),
    'seal: size': own_seal(size=1),
    'seal: root': own_seal(root=HEX),
    'seal: key': own_seal(key=STRANGER.did),
    'seal: run': own_seal(run=HEX),
    'seal: origin': own_seal(origin='sluice/x/run/' + HEX),
    'seal: of a shorter run': lambda b: shorter(b),
    'seal of the platform: another root': lambda b: platform_seal(b, 1, sha256(b'x')),
    'seal of the platform: beyond its size': lambda b: platform_seal(b, 9, sha256(b'x')),
    'receipts by the working key': receipts_by('working', 2),
    'receipts by a stranger': receipts_by('stranger', 1),
    'receipts: an empty path': receipts(lambda s, p: ({396: {-1: [dumps([p[0], p[1], []])]}}, None)),
    'receipts: the root is there': receipts(lambda s, p: (s.unprotected, b'\x11' * 32)),
    'receipts: two proofs': receipts(lambda s, p: ({396: {-1: [dumps(p)] * 2}}, None)),
    'receipts: consistency too': receipts(lambda s, p: ({396: {-1: [dumps(p)], -2: [dumps(p)]}}, None)),
    'receipts: something more': receipts(lambda s, p: ({**s.unprotected, 99: 1}, None)),
    'receipts: another size': receipts(lambda s, p: ({396: {-1: [dumps([p[0] + 1, *p[1:]])]}}, None)),
    'receipts: vds 2': receipt_headers(1, h_395=2),
    'receipts: alg -19': receipt_headers(1, h_1=-19),
    'receipts: another origin': receipt_headers(1, h_15={1: STRANGER.did, 2: 'x'}),
    'receipts: sub is another origin': lambda b: receipt_headers(
        1, h_15={1: b.signers[1].did, 2: b.trees[2][0]})(b),
    'receipts: a claim more': lambda b: receipt_headers(
        1, h_15={1: b.signers[1].did, 2: b.trees[1][0], 6: 1})(b),
    'receipts: kid of another key': receipt_headers(1, h_4=b'\x11' * 32),
    'receipts: a header more': receipt_headers(1, h_99=1),
}


def renoted(b, n, size=lambda s: s, root=lambda r: r, origin=lambda o: o):
    c = sv.Checkpoint(n, n.split(b'\n')[0].decode(), b.signers[2].public)
    return b.signers[2].checkpoint(origin(c.origin), size(c.size), root(c.root))


def extended(b, n):
    head = n[:n.index(b'\n\n') + 1] + b'more\n'
    origin = head.split(b'\n')[0].decode()
    sig = sv.key_id(origin, b.signers[1].public) + b.signers[1].private.sign(head)
    return head + ('\n\u2014 %s %s\n' % (origin, base64.b64encode(sig).decode())).encode()


def shorter(b):
    """The seal is of the run tree as it was two entries before."""
    b.reseal = False
    rows = b.trees[2][1][:-2]
    root = sv.tree_root([sv.leaf_hash(sha256(e.old)) for e in rows])
    note = b.signers[2].checkpoint(b.trees[2][0], len(rows), root)
    to_body('seal', -1, 1, predicate__checkpoint=note.decode(), predicate__size=len(rows),
            predicate__root=root.hex(), subject__0__digest__sha256=root.hex())(b)


def platform_seal(b, size, root):
    b.reseal = False
    note = b.signers[0].checkpoint(b.trees[0][0], size, root)
    to_body('seal', 0, 1, predicate__checkpoint=note.decode(), predicate__size=size,
            predicate__root=root.hex(), subject__0__digest__sha256=root.hex())(b)


@pytest.mark.parametrize('name', FORGERIES)
def test_forgery(node, name):
    b = node.store.bundle(node.flow_run)
    right = b.bytes()
    FORGERIES[name](b)
    data = b.bytes()
    assert data != right
    ours = why(data)
    theirs = sluice_verify(node, data, '--trust', node.identity)
    assert ours is not None, 'the Python verifier accepts it (sluice: %d)' % theirs
    assert theirs == 4, 'sluice verify says %d; Python: %s' % (theirs, ours)


def test_resigned_without_change(node):
    """Signing everything anew changes nothing: forgeries fail for what they forge."""
    for run in node.bundles:
        b = node.store.bundle(run)
        for _, rows in b.trees:
            for e in rows:
                e.edit(lambda v: None)
        assert b.bytes() == node.bundles[run]


def test_another_identity(node, other):
    """A bundle right in itself, of another node: consistent, and not by whom we trust."""
    data = other.export(other.flow_run)
    assert Bundle(data).did == other.identity != node.identity
    assert sluice_verify(node, data, '--trust', node.identity) == 4
    assert node.sl('verify', '--json', str(other.base / (other.flow_run + '.bundle')),
                   status=4).stdout.count(b'"verdict":"unknown-signer"') == 1


def test_run_of_another_node(node, other):
    """The run tree of one node under the node tree of another, all signed anew."""
    a, b = node.store.bundle(node.flow_run), other.store.bundle(other.flow_run)
    a.trees[2] = b.trees[2]
    a.keys.update(b.keys)
    a.signers[2] = b.signers[2]
    a.others.update(b.others)
    data = a.bytes()
    assert why(data) is not None and sluice_verify(node, data, '--trust', node.identity) == 4


def test_erased_text(node):
    """Payloads and what they name, erased one by one: still verified, and said so."""
    whole = node.store.bundle(node.flow_run)
    digests = sorted({e.digest for _, rows in whole.trees for e in rows if e.envelope} | set(whole.others))
    differ = []
    for d in digests:
        b = node.store.bundle(node.flow_run)
        b.erased = (d,)
        if any(e.digest == d for _, rows in b.trees for e in rows):
            for e in (e for _, rows in b.trees for e in rows):
                if e.digest == d:
                    e.payload = None
            # what an erased decision or policy named is named no more
            still = {x for _, rows in b.trees for e in rows for x in forge.named(e)}
            b.others = {k: v for k, v in b.others.items() if k in still}
        if not any(e.kind == 'decision' and e.payload for _, rows in b.trees for e in rows):
            continue
        data = b.bytes()
        ours, theirs = why(data), sluice_verify(node, data, '--trust', node.identity)
        if ours is not None or theirs != 0:
            differ.append((d.hex(), ours, theirs))
    assert differ == []
