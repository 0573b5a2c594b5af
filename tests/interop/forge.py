"""Makes bundles with a node's own keys, for tests: right ones, and ones that are wrong in one
respect while everything else about them is signed and consistent.

It reads a node's segments and derives its keys by doc/PROTOCOL.log; it is written from that
document, from doc/PROTOCOL.bundle and the RFCs, as the verifier is.
"""
import base64
import copy
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import sluice_wire as w
from sluice_wire import Tag, dumps, loads, sha256


class Key:
    def __init__(self, seed):
        self.seed = seed
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.did = w.key_to_did(self.public)

    def derive(self, info):
        """HKDF-SHA-256 (RFC 5869) without salt, 32 bytes."""
        prk = hmac.new(b'\0' * 32, self.seed, hashlib.sha256).digest()
        return Key(hmac.new(prk, info + b'\1', hashlib.sha256).digest())

    def sign1(self, headers, payload, body=None, unprotected=None):
        prot = dumps({1: -8, 4: w.thumbprint(self.public), **headers})
        sig = self.private.sign(dumps(['Signature1', prot, b'', payload if body is None else body]))
        return dumps(Tag(18, [prot, unprotected or {}, payload, sig]))

    def checkpoint(self, origin, size, root):
        text = '%s\n%d\n%s\n' % (origin, size, base64.b64encode(root).decode())
        sig = w.key_id(origin, self.public) + self.private.sign(text.encode())
        return ('%s\n\u2014 %s %s\n' % (text, origin, base64.b64encode(sig).decode())).encode()


def path(leaves, m):
    """PATH(m, D_n) of RFC 9162 section 2.1.3.1."""
    if len(leaves) <= 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return path(leaves[:k], m) + [w.tree_root(leaves[k:])]
    return path(leaves[k:], m - k) + [w.tree_root(leaves[:k])]


class Entry:
    """One statement: from its fields it can be signed again."""

    def __init__(self, index, data):
        s = w.Sign1(data)
        self.index, self.old = index, data
        self.sub, self.by = s.hdr[15][2], w.did_to_key(s.hdr[15][1])
        self.envelope = 258 in s.hdr
        self.payload = s.payload        # of an envelope: the preimage, None where erased
        self.digest = s.payload if self.envelope else None
        self.kind = self.raw = None     # raw: these bytes, whatever the rest says

    @property
    def body(self):
        return w.json_loads(self.payload)

    def edit(self, change):
        """change(in-toto Statement) in place; the result is canonical again."""
        v = copy.deepcopy(self.body)
        change(v)
        self.payload = w.jcs(v).encode()

    def sign(self, key, replace):
        if self.raw is not None:
            return self.raw
        claims = {15: {1: key.did, 2: self.sub}}
        if self.payload is not None:
            for a, b in replace.items():
                self.payload = self.payload.replace(a, b)
        if not self.envelope:
            return key.sign1({3: w.INTOTO, **claims}, self.payload)
        if self.payload is not None:
            self.digest = sha256(self.payload)
        return key.sign1({258: -16, 259: w.INTOTO, **claims}, self.digest)


class Store:
    """The segments of a node (doc/PROTOCOL.log section 2), and its keys (section 5)."""

    def __init__(self, home):
        self.trees, self.blobs, self.runs = {}, {}, {}
        for seg in sorted((home / 'log' / 'seg').iterdir()):
            self._segment(seg.read_bytes())
        self.identity = Key((home / 'keys' / 'identity').read_bytes())
        self.builds = []
        keys = [self.identity, self.identity.derive(b'sluice-platform-key')]
        for e in self.trees[1][1]:
            if e.kind == 'key' and e.body['predicate']['role'] == 'working':
                build = bytes.fromhex(e.body['predicate']['build']['sha256'])
                self.builds.append(build)
                keys.append(self.identity.derive(b'sluice-build' + build))
        keys += [k.derive(b'sluice-run-key' + run) for run in self.runs for k in keys[2:]]
        self.keys = {k.public: k for k in keys}

    def _segment(self, d):
        at = 0
        while d[at:at + 3] == b'SLR':
            kind, size, _, tree, index, _ = (d[at + 3], *struct.unpack_from('<IIIQQ', d, at + 4))
            body, digest = d[at + 80:at + 80 + size], d[at + 32:at + 64]
            if kind == 1:
                self.trees[tree] = (body[32:].decode(), [])
                if tree > 1:
                    self.runs[digest] = tree
            elif kind == 2:
                e = Entry(index, body)
                e.kind = d[at + 64:at + 80].rstrip(b'\0').decode()
                assert sha256(body) == digest and index == len(self.trees[tree][1])
                self.trees[tree][1].append(e)
            elif kind == 3 and any(body):
                self.blobs[digest] = body
            at += 80 + size + (-size % 8)

    def bundle(self, run):
        """The bundle of a run, to be edited, as doc/PROTOCOL.bundle section 2 says."""
        run = bytes.fromhex(run)
        b = Forged()
        b.run, b.keys, b.store = run, dict(self.keys), self
        for e in (e for _, es in self.trees.values() for e in es):
            if e.envelope:
                e.payload = self.blobs.get(e.digest)
        node = self.trees[1][1]
        sub = 'run:' + run.hex()
        mine = [e for e in node if e.sub == sub or e.sub.endswith('/run/' + run.hex())]
        tree = self.runs.get(run)
        policies = {e.body['predicate']['sluice']['policy'] for e in
                    mine + (self.trees[tree][1] if tree else []) if e.kind == 'decision' and e.payload}
        mine += [e for e in node if e.kind == 'policy' and
                 e.body['predicate']['policy'] in policies]
        mine.append([e for e in node if e.sub == self.trees[0][0]][-1])
        last = self.identity.derive(b'sluice-build' + self.builds[-1])
        signers = {e.by for e in mine} | {last.public}
        mine += [e for e in node if e.kind == 'key' and
                 (e.by == w.did_to_key(e.sub) or w.did_to_key(e.sub) in signers)]
        mine.sort(key=lambda e: e.index)
        b.leaves = [w.leaf_hash(sha256(e.old)) for e in node]
        b.trees = [[self.trees[0][0], self.trees[0][1]], [self.trees[1][0], mine]]
        if tree:
            b.trees.append([*self.trees[tree]])
        b.trees = copy.deepcopy(b.trees)
        platform = self.keys[w.did_to_key(self.trees[0][1][0].sub)]
        b.signers = [platform, last, None]
        if tree:
            b.signers[2] = self.keys[self.trees[tree][1][0].by]
        b.others = {}
        for e in (e for _, es in b.trees for e in es):
            for d in named(e):
                if d in self.blobs:
                    b.others[d] = self.blobs[d]
        return b


def named(e):
    """The digests that an entry's payload names (doc/PROTOCOL.bundle section 2)."""
    if e.payload is None or e.kind not in ('decision', 'policy'):
        return []
    p = e.body['predicate']
    names = {'decision': ('facts', 'proof', 'policy', 'decls'), 'policy': ('policy', 'decls')}
    p = p['sluice'] if e.kind == 'decision' else p
    return [bytes.fromhex(p[k]) for k in names[e.kind]]


class Forged:
    """trees: [origin, entries] each; bytes() signs what changed and all that hangs on it."""

    erased = ()
    reseal = True          # make the seals anew
    receipt = None         # (tree, entry, receipt) -> receipt
    note = None            # (tree, checkpoint) -> checkpoint
    final = None           # changes the decoded bundle

    def find(self, kind, nth=0, tree=None):
        rows = [e for i, (_, es) in enumerate(self.trees) if tree in (None, i)
                for e in es if e.kind == kind]
        return rows[nth]

    def bytes(self):
        replace = {}

        def sign(e):
            data = e.sign(self.keys[e.by], replace)
            old, new = sha256(e.old), sha256(data)
            if old != new:
                replace[old.hex().encode()] = new.hex().encode()
            e.data = data
        for i, (_, es) in enumerate(self.trees):
            for e in es:
                if e.kind != 'seal' or i != 1:
                    sign(e)
        out = [None] * len(self.trees)
        for i in (0, 2, 1):
            if i >= len(self.trees):
                continue
            origin, es = self.trees[i]
            if i == 1:
                for e in es:
                    if e.kind == 'seal':
                        self._seal(e, out)
                        sign(e)
                leaves = list(self.leaves)
                for e in es:
                    leaves += [w.leaf_hash(b'?')] * (e.index + 1 - len(leaves))
                    leaves[e.index] = w.leaf_hash(sha256(e.data))
            else:
                leaves = [w.leaf_hash(sha256(e.data)) for e in es]
            out[i] = self._tree(i, origin, es, leaves)
        blobs = dict(self.others)
        for e in (e for _, es in self.trees for e in es):
            if e.envelope and e.payload is not None:
                blobs[e.digest] = e.payload
        gone = {d for e in (e for _, es in self.trees for e in es)
                for d in named(e) + [e.digest] * e.envelope} - set(blobs) | set(self.erased)
        v = ['sluice-bundle', 1, self.run, out, [blobs[d] for d in sorted(blobs) if d not in gone],
             sorted(gone)]
        if self.final:
            self.final(v)
        return dumps(v)

    def _seal(self, e, out):
        if not self.reseal:
            return
        for t in out:
            if t and t[0] == e.sub:
                size = e.body['predicate']['size']
                if t[0].endswith('/platform') and size < len(t[2]):
                    return

                def change(v):
                    rows = t[1].decode().split('\n')
                    root = base64.b64decode(rows[2]).hex()
                    v['predicate'].update(checkpoint=t[1].decode(), root=root, size=int(rows[1]))
                    v['subject'][0]['digest']['sha256'] = root
                e.edit(change)

    def _tree(self, i, origin, es, leaves):
        key = self.signers[i]
        root, size = w.tree_root(leaves), len(leaves)
        note = key.checkpoint(origin, size, root)
        if self.note:
            note = self.note(i, note)
        rows = []
        for e in es:
            proof = dumps([size, e.index, path(leaves, e.index)])
            r = key.sign1({395: 1, 15: {1: key.did, 2: origin}}, None, root, {396: {-1: [proof]}})
            rows.append([e.index, e.data, self.receipt(i, e, r) if self.receipt else r])
        return [origin, note, rows]
