"""The independent verifier on bundles that the program exports, and on damaged ones."""
import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys

import cbor2
import pytest

import conftest
import forge
import sluice_verify as sv
from bundles import accepted, sluice_verify, why, with_runs, without
from sluice_verify import Bad, Bundle, dumps, loads, sha256


@pytest.fixture(scope='module')
def node(make_node):
    return with_runs(make_node())


@pytest.fixture(scope='module')
def other(make_node):
    """Another node; its runs."""
    n = make_node()
    n.flow_run = n.run()
    n.store = forge.Store(n.home)
    return n


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


def test_examples(make_node, tmp_path):
    """What people recognise, copied and run: every bundle verifies."""
    n = make_node()
    seen = 0
    for d in sorted((conftest.SRC / 'examples').iterdir()):
        if not (d / 'flow.yml').exists() or d.name == 'c-project':  # that takes a compiler
            continue
        shutil.copytree(d, tmp_path / d.name)
        p = n.sl('run', '--json', tmp_path / d.name / 'flow.yml', status=None)
        assert p.returncode in (0, 1, 3), d.name
        run = n.rows('runs', '--json')[0]['run']
        data = n.export(run)
        assert Bundle(data).run.hex() == run
        assert sluice_verify(n, data, '--trust', n.identity) == 0
        assert forge.Store(n.home).bundle(run).bytes() == data
        seen += 1
    assert seen >= 4


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

def test_schemas(node):
    seen = {st.type for data in node.bundles.values() for st in Bundle(data).statements}
    # Bundle() held each to its schema; tombstones: test_keys.py
    assert seen == sv.TYPES - {sv.TOMBSTONE}
    for t in sv.TYPES:  # they are no schemas that take everything
        with pytest.raises(Bad):
            sv.check_schema(t, {})


# ---- every byte ----------------------------------------------------------------------------

def flips(data, stride=1, start=0):
    for i in range(start, len(data), stride):
        m = bytearray(data)
        m[i] ^= 1 << (i * 5 + 3) % 8
        yield 'bit of byte %d' % i, bytes(m)


def test_every_byte_of_a_small_bundle(node):
    data = node.bundles[node.denied_run]
    assert accepted(flips(data)) == []


def test_every_19th_byte(node):
    for n, run in enumerate((node.flow_run, node.exec_run, node.granted_run)):
        assert accepted(flips(node.bundles[run], 19, n)) == []


def test_every_bit_of_each_part(node):
    """Bits in every second byte of one statement, receipt, checkpoint and blob; the whole is
    encoded anew, so that they reach what is behind the form."""
    v = loads(node.bundles[node.flow_run])
    row = v[3][2][2][1]
    parts = [(row, 1), (row, 2), (v[3][1], 1), (v[4], 3)]
    for where, k in parts:
        whole = where[k]
        for i in range(len(whole)):
            for bit in range(8) if i % 16 == 0 else [i % 8] if i % 2 else []:
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
        assert accepted(c for c in cases if c[0] not in same) == []
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
