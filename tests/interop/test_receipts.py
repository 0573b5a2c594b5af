"""The independent verifier on published vectors (is it right itself?), then on what the
program's `log prove`, `log consistency` and `log head` say."""
import base64
import hashlib
import json
import subprocess

import cbor2
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding, PublicFormat, load_pem_public_key)

import conftest
import sluice_verify as sv
from sluice_verify import Bad, dumps, loads


def refused(f, *args, **kw):
    try:
        f(*args, **kw)
    except Bad:
        return True
    return False


def lines(path):
    return [json.loads(x) for x in path.read_text().splitlines()]


def flips(data, stride=1):
    """data with one bit flipped, in every `stride`-th byte; the bit differs from byte to
    byte so that all eight occur."""
    for i in range(0, len(data), stride):
        m = bytearray(data)
        m[i] ^= 1 << (i * 5 + 3) % 8
        yield i, bytes(m)


# ---- the verifier itself, on vectors of others --------------------------------------------

def test_cbor_strict(corpus):
    rows = [x.split('\t') for x in corpus('made/cbor-strict.tsv').read_text().splitlines()[1:]]
    assert len(rows) == 91

    def read(b):
        loads(b, det=False)
        if b[:1] in (b'\xd2', b'\x84') or b[:2] == b'\xd8\x12':  # the COSE profile's rows
            sv.Sign1(b, det=False)
    wrong = [(h, why) for h, want, why in rows
             if refused(read, bytes.fromhex(h)) != (want == 'reject')]
    assert wrong == []


CBOR_VALUES = [0, 23, 24, 255, 256, 65535, 65536, 2 ** 32, 2 ** 64 - 1, -1, -24, -25, -2 ** 64,
               b'', b'\x00' * 300, '', 'a\u00e9\U0001f600', [], [1, [2, [3]]], {}, True, False, None,
               {'b': 1, 'a': 2, 'aa': 3}, {1: 1, -1: 2, 24: 3, 'x': 4}]


@pytest.mark.parametrize('v', CBOR_VALUES, ids=lambda v: repr(v)[:30])
def test_cbor_agrees_with_cbor2(v):
    b = dumps(v)
    assert loads(b) == v == cbor2.loads(b)
    if not isinstance(v, dict):
        assert b == cbor2.dumps(v)


def test_cbor_key_order():
    # RFC 8949 section 4.2.1, its own example (integers and texts of it)
    v = {10: 0, 100: 0, -1: 0, 'z': 0, 'aa': 0}
    assert dumps(v).hex() == 'a50a0018640020 00617a0062616100'.replace(' ', '')
    assert refused(loads, bytes.fromhex('a2200018640 0'.replace(' ', '')))
    assert loads(bytes.fromhex('a220001864 00'.replace(' ', '')), det=False)


@pytest.mark.parametrize('text,good', [
    (b'{"a":1,"b":[true,null,"x"]}', True), (b'{"b":1,"a":2}', False), (b'{"a": 1}', False),
    (b'{"a":1,"a":1}', False), (b'{"a":1.0}', False), (b'{"a":1e3}', False), (b'1e+21', True),
    (b'{"a":0.000001}', True), (b'1e-7', True), (b'333333333.3333333', True), (b'-0', False),
    (b'9007199254740993', False), (b'"\\u0041"', False), (b'"\\u000f\\n\\""', True),
    (b'"\\u000F"', False), (b'"\xe2\x82\xac"', True), (b'"\\u20ac"', False), (b'NaN', False),
    (b'\xef\xbb\xbf1', False), (b'"\xff"', False), (b'"\\ud800"', False), (b'1\n', False),
    (b'[' * 5000 + b']' * 5000, False), (b'{"\xf0\x9f\x98\x80":1,"\xef\xac\xb3":2}', True),
    (b'{"\xef\xac\xb3":2,"\xf0\x9f\x98\x80":1}', False), (b'', False), (b'1E400', False)])
def test_jcs(text, good):
    assert refused(sv.json_loads, text) != good


def test_ed25519_as_libsodium(corpus):
    vectors = json.loads(corpus('cctv-ed25519/ed25519vectors.json').read_text())
    rows = corpus('cctv-ed25519/verdicts-openssl-libsodium.tsv').read_text().splitlines()[1:]
    want = {int(r.split('\t')[0]): r.split('\t')[2] == '1' for r in rows}
    assert len(vectors) == len(want) == 914
    wrong = [v['number'] for v in vectors if want[v['number']] != sv.ed25519(
        bytes.fromhex(v['key']), v['msg'].encode(), bytes.fromhex(v['sig']))]
    assert wrong == []


def test_keys():
    # did:key method, section "Ed25519"; thumbprint: the key of RFC 8037 as an RFC 9679 OKP
    did = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'
    key = sv.did_to_key(did)
    assert key.hex() == '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29'
    assert sv.key_to_did(key) == did
    assert sv.thumbprint(key) == hashlib.sha256(
        bytes.fromhex('a3010120062158 20'.replace(' ', '')) + key).digest()
    for bad in (did[:-1], did + '1', did[:9] + '1' + did[9:], did.replace('z6', 'z7'), did.upper(),
                did.replace('o', '0'), 'did:web:z6Mk', '', did + '\n', None, 5):
        assert refused(sv.did_to_key, bad), bad


def test_merkle_trees(corpus):
    leaves = [sv.leaf_hash(sv.sha256(b'sluice kat %d' % i)) for i in range(600)]
    for row in corpus('made/tree-roots.tsv').read_text().splitlines()[1:]:
        size, root = row.split('\t')
        assert sv.tree_root(leaves[:int(size)]).hex() == root
    for v in lines(corpus('made/inclusion.jsonl')):
        path = [bytes.fromhex(p) for p in v['path']]
        got = sv.inclusion_root(leaves[v['index']], v['index'], v['size'], path)
        assert got.hex() == v['root']
        assert refused(sv.inclusion_root, leaves[0], v['index'], v['size'], path + [got])
        assert not path or refused(sv.inclusion_root, leaves[0], v['index'], v['size'], path[:-1])
    for v in lines(corpus('made/consistency.jsonl')):
        a = [v['size1'], v['size2'], bytes.fromhex(v['root1']), bytes.fromhex(v['root2']),
             [bytes.fromhex(p) for p in v['path']]]
        sv.verify_consistency(*a)
        assert refused(sv.verify_consistency, *a[:4], a[4] + [a[2]])
        assert not a[4] or refused(sv.verify_consistency, *a[:4], a[4][:-1])


def test_merkle_probes(corpus):
    n = 0

    def proof(v):
        return [base64.b64decode(p) for p in v['proof'] or []]
    for v in lines(corpus('merkle-probes/inclusion.jsonl')):
        def check():
            root = sv.inclusion_root(base64.b64decode(v['leafHash'] or ''), v['leafIdx'],
                                     v['treeSize'], proof(v))
            sv.need(root == base64.b64decode(v['root'] or ''), 'root')
        assert refused(check) == v['wantErr'], v['file']
        n += 1
    for v in lines(corpus('merkle-probes/consistency.jsonl')):
        bad = refused(sv.verify_consistency, v['size1'], v['size2'], base64.b64decode(v['root1'] or ''),
                      base64.b64decode(v['root2'] or ''), proof(v))
        assert bad == v['wantErr'], v['file']
        n += 1
    assert n == 196


def vkey(s):
    name, kid, b = s.split('+', 2)
    raw = base64.b64decode(b)
    assert raw[0] == 1 and sv.key_id(name, raw[1:]).hex() == kid
    return name, raw[1:]


def test_checkpoints(corpus):
    d = json.loads(corpus('made/checkpoint-vectors.json').read_text())
    log = vkey(d['log_vkey'])
    for v in d['checkpoints']:
        for note in (v['note'], v['cosigned']):
            assert sv.Checkpoint(note.encode(), *log, strict=False).size == v['size']
        assert not refused(sv.Checkpoint, v['note'].encode(), *log)
        assert refused(sv.Checkpoint, v['cosigned'].encode(), *log)  # one signature with us
    assert len(d['reject_checkpoints']) == 16
    for v in d['reject_checkpoints']:
        assert refused(sv.Checkpoint, v['note'].encode(), *log, strict=False), v['why']
    for v in d['accept_extra']:
        assert not refused(sv.Checkpoint, v['note'].encode(), *log, strict=False), v['why']
    note = d['checkpoints'][-1]['note'].encode()
    assert [i for i, m in flips(note) if not refused(sv.Checkpoint, m, *log, strict=False)] == []


def test_checkpoints_of_others(corpus):
    for v in json.loads(corpus('notes/external-notes.json').read_text()):
        for size in (5, 8, 10):
            if 'checkpoint_%d' % size in v:
                note = v['checkpoint_%d' % size].encode()
                assert sv.Checkpoint(note, *vkey(v['log_vkey'])).size == size
        if 'note' in v:
            sv.open_note(v['note'].encode(), *vkey(v['vkey']))
        if 'consistency_5_8_hex' in v:
            a, b = (sv.Checkpoint(v['checkpoint_%d' % n].encode(), *vkey(v['log_vkey'])) for n in (5, 8))
            sv.verify_consistency(5, 8, a.root, b.root,
                                  [bytes.fromhex(p) for p in v['consistency_5_8_hex']])
    log = vkey('example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx')
    words = ('one two three four five six seven eit nain ten ileven twelf threeten fourten '
             'fivten').split()
    leaves = [sv.leaf_hash(w.encode()) for w in words]
    notes = [p for p in corpus('tessera-log').rglob('checkpoint*') if p.is_file()]
    assert len(notes) == 17  # sizes 0 to 15, and the last once more
    for p in notes:
        c = sv.Checkpoint(p.read_bytes(), *log)
        assert c.root == sv.tree_root(leaves[:c.size])


def raw_key(path):
    pem = path if isinstance(path, bytes) else path.read_bytes()
    return load_pem_public_key(pem).public_bytes(Encoding.Raw, PublicFormat.Raw)


EDDSA = ['valid-eddsa', 'fail-bad-statement-sig', 'fail-tampered-path', 'fail-unsupported-vds']


@pytest.mark.parametrize('case', EDDSA)
def test_scitt_cose(corpus, case):
    d = corpus('scitt-cose/test-vectors/v1/' + case)
    want = json.loads((d / 'expected.json').read_text())
    issuer, log = raw_key(d / 'issuer-key.pub'), raw_key(d / 'log-key.pub')
    data = (d / 'statement.cose').read_bytes()
    st = sv.Sign1(data, det=False)
    good = want['statement_signature_valid']
    assert refused(st.check, issuer) != good

    def receipt():
        r = sv.Receipt((d / 'receipt.cose').read_bytes(), strict=False)
        return r.root(sv.sha256(data), log)  # their leaf mode: the statement as it is
    assert refused(receipt) != want['receipt_valid']
    if want['receipt_valid']:
        assert receipt().hex() == want['reconstructed_root']
        assert refused(sv.Receipt, (d / 'receipt.cose').read_bytes())  # no kid, no claims


def test_shared_vectors(corpus):
    d = corpus('scitt-cose/interop-vcp')
    sv.Sign1((d / 'vcp-statement.cose').read_bytes(), det=False).check(raw_key(d / 'vcp-issuer-pub.pem'))
    v = json.loads(corpus('cose-wg-examples/eddsa-examples/eddsa-sig-01.json').read_text())
    s = sv.Sign1(bytes.fromhex(v['output']['cbor']), det=False)
    k = v['input']['sign0']['key']
    pub = bytes.fromhex(k['x_hex'])
    s.check(pub)
    for i, m in flips(bytes.fromhex(v['output']['cbor'])):
        assert refused(lambda: sv.Sign1(m, det=False).check(pub)) or s.unprotected != sv.Sign1(
            m, det=False).unprotected, i


def test_two_services(corpus):
    """One statement on a tree of one (an empty path, which RFC 9942 has no form for), one at
    the end of a tree of 152; a receipt of another data structure is refused."""
    v = json.loads(corpus('scitt-cose/interop-ccf/shared-vector.json').read_text())
    for r, entry in ((v['our_receipt'], v['leaf_entry']['hex']),
                     (v['direction_flip']['our_receipt'], v['direction_flip']['leaf_entry']['hex'])):
        x = sv.Receipt(bytes.fromhex(r['bytes_hex']), strict=False)
        key = raw_key(r['ts_public_key_pem'].encode())
        assert x.root(bytes.fromhex(entry), key).hex() == r['verify_result']['root']
        assert x.size == r['verify_result']['tree_size']
        assert refused(x.root, b'\x11' * 32, key)
        assert refused(sv.Receipt, bytes.fromhex(r['bytes_hex']))
    st = sv.Sign1(bytes.fromhex(v['statement']['bytes_hex']), det=False)
    st.check(raw_key(v['statement']['issuer_public_key_pem'].encode()))
    assert refused(sv.Receipt, bytes.fromhex(v['ccf_receipt']['receipt_bytes_hex']), strict=False)


def test_tlog_proof(corpus):
    d = json.loads(corpus('made/checkpoint-vectors.json').read_text())
    v = d['tlog_proof']
    head, note = v['text'].split('\n\n', 1)
    first, index, *path = head.split('\n')
    assert first == 'c2sp.org/tlog-proof@v1' and index == 'index %d' % v['entry_index']
    c = sv.Checkpoint(note.encode(), *vkey(d['log_vkey']), strict=False)
    path = [base64.b64decode(p) for p in path]
    leaf = sv.leaf_hash(bytes.fromhex(v['entry_hex']))
    assert sv.inclusion_root(leaf, v['entry_index'], c.size, path) == c.root
    # a fork: two roots of one size have no consistency proof
    f = d['fork']
    a, b = (sv.Checkpoint(f[k].encode(), *vkey(d['log_vkey'])) for k in ('note_a', 'note_b'))
    assert a.size == b.size and refused(sv.verify_consistency, a.size, b.size, a.root, b.root, [])


def test_rfc9942_examples(corpus):
    r = sv.Receipt(corpus('rfc9942-examples/inclusion-receipt.cbor').read_bytes(), strict=False)
    assert (r.size, r.index, len(r.path)) == (5, 3, 3)
    data = corpus('rfc9942-examples/consistency-receipt.cbor').read_bytes()
    assert refused(sv.Receipt, data, strict=False)  # no proof of inclusion in it
    p = loads(sv.Sign1(data, det=False).unprotected[396][-2][0])
    assert p[:2] == [3, 5]


# ---- what the program says ----------------------------------------------------------------

@pytest.fixture(scope='module')
def node(make_node):
    n = make_node()
    n.first = n.heads()
    n.run_a, n.run_b = n.run(), n.exec()
    n.all = n.entries(n.run_a) + n.entries(n.run_b)
    return n


def test_log_head(node):
    heads = node.heads()
    did = node.identity
    want = {'sluice/%s/%s' % (did, x) for x in (
        'platform', 'node', 'run/' + node.run_a, 'run/' + node.run_b)}
    assert set(heads) == want
    biggest = max(heads.values(), key=lambda h: h['size'])
    assert biggest['size'] == heads['sluice/%s/node' % did]['size']


def test_transparent_statements(node):
    heads = node.heads()
    seen = set()
    for e in node.all:
        data = node.prove(e['entry'])
        st, (r,) = sv.verify_transparent(data)
        assert st.entry.hex() == e['entry'] and st.issuer == e['issuer'] and st.sub == e['subject']
        head = heads[r.origin]
        assert (r.size, r.at.hex(), r.index) == (head['size'], head['root'], e['index'])
        if e.get('statement'):
            payload = sv.jcs(e['statement']).encode()
            st.open(payload)  # checks the digest of an envelope
            assert st.body == e['statement'] and (st.digest or payload == sv.Sign1(data).payload)
        seen.add(e['kind'])
        row = node.rows('log', 'prove', e['entry'], '--json')[0]
        assert bytes.fromhex(row['transparent_statement']) == data
        assert (row['entry'], row['index'], row['size'], row['root'], row['origin']) == (
            e['entry'], r.index, r.size, r.at.hex(), r.origin)
    assert seen >= {'context', 'decision', 'outcome', 'observation', 'seal'}


def test_run_trees_are_complete(node):
    """All statements that `log show` lists hash to the roots that `log head` shows."""
    heads = node.heads()
    for run in (node.run_a, node.run_b):
        head = heads['sluice/%s/run/%s' % (node.identity, run)]
        rows = [e for e in node.entries(run) if sv.Receipt(sv.split_transparent(
            node.prove(e['entry']))[1][0]).origin == head['origin']]
        assert [e['index'] for e in rows] == list(range(head['size']))
        leaves = [sv.leaf_hash(bytes.fromhex(e['entry'])) for e in rows]
        assert sv.tree_root(leaves).hex() == head['root']


def test_every_bit_of_a_transparent_statement(node):
    entries = [next(e for e in node.all if e['kind'] == k) for k in ('decision', 'outcome', 'seal')]
    for e in entries:
        data = node.prove(e['entry'])
        assert [i for i, m in flips(data) if not refused(sv.verify_transparent, m)] == []
        for cut in (0, 1, len(data) // 2, len(data) - 1):
            assert refused(sv.verify_transparent, data[:cut])
        assert refused(sv.verify_transparent, data + b'\x00')


def test_sluice_verifies_the_same(node):
    """`sluice verify` of transparent statements: at home, elsewhere, trusted, damaged."""
    file = node.base / 'asked.scitt'
    away = {'SLUICE_HOME': str(node.base / 'nobody')}

    def ask(data, *args, env=None):
        file.write_bytes(data)
        if env is None:
            return node.sl('verify', file, *args, status=None).returncode
        return subprocess.run([conftest.SLUICE, 'verify', *args, str(file)], env=env, timeout=60,
                              capture_output=True, stdin=subprocess.DEVNULL).returncode
    for kind in ('decision', 'outcome', 'seal'):
        e = next(e for e in node.all if e['kind'] == kind)
        data = node.prove(e['entry'])
        _, (r,) = sv.verify_transparent(data)
        trust = ['--trust', sv.key_to_did(r.key), '--trust', e['issuer']]
        assert ask(data) == 0 and ask(data, env=away) == 4 and ask(data, *trust, env=away) == 0
        assert [i for i, m in flips(data, 23) if ask(m, *trust, env=away) != 4] == []
        assert [i for i, m in flips(data, 61) if ask(m) != 4] == []
    assert node.sl('log', 'check').returncode == 0


def rebuilt(data, receipts):
    s = sv.Sign1(data)
    return dumps(sv.Tag(18, [s.protected, {394: receipts}, s.payload, s.signature]))


def test_receipts_of_others(node):
    """A receipt holds for its statement and for no other, of the same tree or another."""
    proofs = [node.prove(e['entry']) for e in node.all]
    receipts = [sv.split_transparent(p)[1][0] for p in proofs]
    for i, p in enumerate(proofs):
        for j, r in enumerate(receipts):
            assert refused(sv.verify_transparent, rebuilt(p, [r])) == (i != j)
    # one good receipt does not carry a bad one along
    assert refused(sv.verify_transparent, rebuilt(proofs[0], [receipts[0], receipts[1]]))
    assert refused(sv.verify_transparent, rebuilt(proofs[0], []))
    assert not refused(sv.verify_transparent, rebuilt(proofs[0], receipts[:1] * 16))
    assert refused(sv.verify_transparent, rebuilt(proofs[0], receipts[:1] * 17))


def test_receipt_forms(node):
    """Changes that leave the signature alone: the unprotected header is not signed."""
    data = node.prove(node.all[0]['entry'])
    _, (raw,) = sv.split_transparent(data)
    r = sv.Receipt(raw)
    proof = [r.size, r.index, r.path]

    def bad(unprotected, payload=None):
        m = dumps(sv.Tag(18, [r.s.protected, unprotected, payload, r.s.signature]))
        return refused(sv.verify_transparent, rebuilt(data, [m]))
    good = {396: {-1: [dumps(proof)]}}
    assert not bad(good)
    assert bad({}) and bad({396: {}}) and bad({396: {-1: []}}) and bad({396: dumps(proof)})
    assert bad({**good, 5: 1}) and bad({396: {-1: [dumps(proof)], -2: [dumps(proof)]}})
    assert bad({396: {-1: [dumps(proof)] * 2}}) and bad({396: {-1: [proof]}})
    assert bad({395: 1, **good}) and bad({1: -8, **good})
    assert bad(good, r.at if hasattr(r, 'at') else b'\x00' * 32)
    for p in ([r.size + 1, r.index, r.path], [r.size, r.index + 1, r.path],
              [r.size, r.index, r.path[:-1]], [r.size, r.index, r.path + r.path[:1]],
              [r.size, r.index, []], [0, 0, r.path], [r.size, r.index],
              [r.size, r.index, r.path[:-1] + [r.path[-1] + b'\x00']],
              [r.size, r.index, *r.path], [str(r.size), r.index, r.path], [r.size, -1, r.path]):
        if p[:2] == [r.size + 1, r.index]:
            continue  # RFC 9942 section 5.2: the size is not signed; see test_receipt_size
        assert bad({396: {-1: [dumps(p)]}}), p
    assert bad({396: {-1: [dumps(proof) + b'\x00']}})


def test_receipt_size(node):
    """The size in a receipt is unsigned: a bundle's checkpoint has to hold it.  What a
    receipt alone can be made to say is only a size of the same path shape."""
    data = node.prove(node.all[0]['entry'])
    st, (r,) = sv.verify_transparent(data)
    for size in range(1, 4 * r.size):
        p = dumps([size, r.index, r.path])
        m = dumps(sv.Tag(18, [r.s.protected, {396: {-1: [p]}}, None, r.s.signature]))
        try:
            _, (x,) = sv.verify_transparent(rebuilt(data, [m]))
        except Bad:
            continue
        assert x.at == r.at and x.index == r.index


def test_consistency(node):
    after = node.heads()
    origin = 'sluice/%s/node' % node.identity
    old, new = node.first[origin], after[origin]
    assert old['size'] < new['size']

    def ask(a, b, *tree):
        v, = node.rows('log', 'consistency', *tree, a, b, '--json')
        assert (v['size1'], v['size2']) == (a, b)
        return [a, b, *(bytes.fromhex(v[k]) for k in ('root1', 'root2')),
                [bytes.fromhex(p) for p in v['path']]]
    first = ask(old['size'], new['size'])
    assert (first[2].hex(), first[3].hex()) == (old['root'], new['root'])
    roots = {}
    for tree, size in ((), new['size']), (('--tree', node.run_a),
                                          after['sluice/%s/run/%s' % (node.identity, node.run_a)]['size']):
        for a in range(1, size + 1):
            for b in {a, a + 1, size} & set(range(a, size + 1)):
                v = ask(a, b, *tree)
                sv.verify_consistency(*v)
                assert roots.setdefault((tree, a), v[2]) == v[2]  # one root a size
                assert roots.setdefault((tree, b), v[3]) == v[3]
                if a < b:
                    sizes = refused(sv.verify_consistency, a, b + 1, *v[2:])
                    assert sizes or b & b - 1  # a larger size may have the path's shape
                    assert refused(sv.verify_consistency, *v[:2], v[3], v[2], v[4])
                    assert refused(sv.verify_consistency, *v[:4], v[4][::-1] + v[4])
                    for i, p in enumerate(v[4]):
                        m = bytes([p[0] ^ 1]) + p[1:]
                        assert refused(sv.verify_consistency, *v[:4], v[4][:i] + [m] + v[4][i + 1:])
    for a, b in ((0, 3), (3, 2), (1, new['size'] + 1)):
        assert node.sl('log', 'consistency', a, b, '--json', status=None).returncode != 0
