#!/usr/bin/python3
"""An independent verifier of what sluice signs: statements, receipts, proofs, bundles.

Written from the RFCs and from doc/PROTOCOL.*; it shares no code with sluice.  It needs
python3-cryptography (Ed25519, SHA-256 from hashlib); everything that decides is here.

    sluice_verify.py [--trust DID]... FILE     a bundle or a transparent statement

Exit status 0: verified; 4: anything else (unknown signer, failed, malformed).
Every function that checks raises Bad with the reason; none returns a doubtful value.
It does not evaluate policies: see `verify_decision` for what is checked of a decision.
"""
import base64
import functools
import hashlib
import json
import struct
import sys
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Bad(Exception):
    """What was given does not verify; the text says why."""


def need(cond, why, *args):
    if not cond:
        raise Bad(why.format(*args))


def sha256(b):
    return hashlib.sha256(b).digest()


# ---- CBOR: RFC 8949; deterministic is section 4.2.1 -------------------------------------

DEPTH = 16


class Tag:
    def __init__(self, tag, value):
        self.tag, self.value = tag, value

    def __eq__(self, other):
        return isinstance(other, Tag) and (self.tag, self.value) == (other.tag, other.value)


class Simple:
    """A simple value other than false, true and null (undefined is Simple(23))."""

    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return isinstance(other, Simple) and self.n == other.n


def _head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if n < 1 << 8 * size:
            return bytes([major << 5 | info]) + n.to_bytes(size, 'big')
    raise Bad('integer beyond 64 bits')


def dumps(v):
    """Core deterministic encoding (map keys in the bytewise order of their encodings)."""
    if v is False or v is True or v is None:
        return {False: b'\xf4', True: b'\xf5', None: b'\xf6'}[v]
    if isinstance(v, int):
        return _head(0, v) if v >= 0 else _head(1, -1 - v)
    if isinstance(v, bytes):
        return _head(2, len(v)) + v
    if isinstance(v, str):
        try:
            b = v.encode()
        except UnicodeEncodeError:
            raise Bad('text with a lone surrogate')
        return _head(3, len(b)) + b
    if isinstance(v, list):
        return _head(4, len(v)) + b''.join(map(dumps, v))
    if isinstance(v, dict):
        rows = sorted((dumps(k), dumps(x)) for k, x in v.items())
        return _head(5, len(rows)) + b''.join(k + x for k, x in rows)
    if isinstance(v, Tag):
        return _head(6, v.tag) + dumps(v.value)
    raise Bad('no CBOR for a ' + type(v).__name__)


class _Reader:
    def __init__(self, data, det):
        self.d, self.pos, self.det = data, 0, det

    def take(self, n):
        need(n <= len(self.d) - self.pos, 'CBOR: ends early at byte {}', self.pos)
        b = self.d[self.pos:self.pos + n]
        self.pos += n
        return b

    def head(self):
        b = self.take(1)[0]
        major, info = b >> 5, b & 31
        if info < 24:
            return major, info, info
        need(info <= 27, 'CBOR: indefinite length or reserved head at byte {}', self.pos - 1)
        n = int.from_bytes(self.take(1 << info - 24), 'big')
        if major != 7:
            need(n >= (24 if info == 24 else 1 << 4 * (1 << info - 24)),
                 'CBOR: head is not the shortest at byte {}', self.pos)
        return major, info, n

    def item(self, depth):
        at = self.pos
        major, info, n = self.head()
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode()
            except UnicodeDecodeError:
                raise Bad('CBOR: text is not UTF-8 at byte %d' % at)
        if major == 7:
            return self.other(info, n, at)
        depth += 1
        need(depth <= DEPTH, 'CBOR: nested deeper than {}', DEPTH)
        if major == 6:
            return Tag(n, self.item(depth))
        need(n <= len(self.d) - self.pos, 'CBOR: ends early at byte {}', self.pos)
        if major == 4:
            return [self.item(depth) for _ in range(n)]
        out, last = {}, None
        for _ in range(n):
            start = self.pos
            k = self.item(depth)
            need(isinstance(k, (int, str)) and not isinstance(k, bool),
                 'CBOR: map key is neither integer nor text at byte {}', start)
            need(k not in out, 'CBOR: key {!r} twice', k)
            raw = self.d[start:self.pos]
            need(not self.det or last is None or last < raw, 'CBOR: map keys out of order')
            last = raw
            out[k] = self.item(depth)
        return out

    def other(self, info, n, at):
        if info >= 25:
            need(not self.det, 'CBOR: float at byte {}', at)
            f = struct.unpack({25: '>e', 26: '>f', 27: '>d'}[info],
                              n.to_bytes(1 << info - 24, 'big'))[0]
            need(self.d[at:self.pos] == _float(f), 'CBOR: float is not the shortest')
            return f
        need(info < 24 or n >= 32, 'CBOR: simple value below 32 in two bytes')
        return {20: False, 21: True, 22: None}.get(n, Simple(n))


def _float(f):
    if f != f:
        return b'\xf9\x7e\x00'
    for head, fmt in ((b'\xf9', '>e'), (b'\xfa', '>f')):
        try:
            b = struct.pack(fmt, f)
        except OverflowError:
            continue
        if struct.unpack(fmt, b)[0] == f:
            return head + b
    return b'\xfb' + struct.pack('>d', f)


def loads(data, det=True):
    """One item, nothing behind it.  det: also sorted keys, no floats, and the bytes are
    exactly those that dumps() writes.  Always refused: indefinite lengths, heads that are
    not the shortest, duplicate keys, bad UTF-8, nesting beyond 16."""
    r = _Reader(bytes(data), det)
    v = r.item(0)
    need(r.pos == len(r.d), 'CBOR: {} bytes behind the item', len(r.d) - r.pos)
    if det:
        need(dumps(v) == r.d, 'CBOR: not the deterministic encoding')
    return v


# ---- JSON: RFC 8785 ----------------------------------------------------------------------

_ESC = {8: '\\b', 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\'}
_ESC.update({c: '\\u%04x' % c for c in range(32) if c not in _ESC})


def _number(n):
    """ECMAScript's Number::toString (RFC 8785 section 3.2.2.3)."""
    if isinstance(n, int) and abs(n) <= 1 << 53:
        return str(n)
    f = float(n)
    need(f - f == 0, 'JSON: number beyond a double')
    if f == 0:
        return '0'
    m, _, e = repr(abs(f)).partition('e')
    a, _, b = m.partition('.')
    digits = (a + b).lstrip('0')
    point = len(a) + int(e or 0) - (len(a + b) - len(digits))
    digits = digits.rstrip('0')
    k = len(digits)
    if k <= point <= 21:
        s = digits + '0' * (point - k)
    elif 0 < point <= 21:
        s = digits[:point] + '.' + digits[point:]
    elif -6 < point <= 0:
        s = '0.' + '0' * -point + digits
    else:
        x = point - 1
        s = digits[0] + ('.' + digits[1:] if k > 1 else '') + 'e%+d' % x
    return ('-' if f < 0 else '') + s


def jcs(v):
    if v is None or v is True or v is False:
        return {None: 'null', True: 'true', False: 'false'}[v]
    if isinstance(v, (int, float)):
        return _number(v)
    if isinstance(v, str):
        return '"' + v.translate(_ESC) + '"'
    if isinstance(v, list):
        return '[' + ','.join(map(jcs, v)) + ']'
    keys = sorted(v, key=lambda k: k.encode('utf-16-be', 'surrogatepass'))
    return '{' + ','.join(jcs(k) + ':' + jcs(v[k]) for k in keys) + '}'


def _object(pairs):
    out = dict(pairs)
    need(len(out) == len(pairs), 'JSON: a key twice')
    return out


def _constant(name):
    raise Bad('JSON: ' + name)


@functools.lru_cache(100000)
def _json_text(data):
    try:
        text = data.decode()
        v = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        need(jcs(v).encode() == data, 'JSON: not the canonical form of RFC 8785')
    except (ValueError, RecursionError, OverflowError) as e:
        raise Bad('JSON: %s' % e)
    return v


def json_loads(data):
    """Canonical JSON (RFC 8785), nothing else.  The result is shared: do not change it."""
    return _json_text(bytes(data))


# ---- Keys: RFC 8032, did:key, RFC 9679 ---------------------------------------------------

_P = 2 ** 255 - 19
# y coordinates of the points of small order
_SMALL = {0, 1, _P - 1} | {int.from_bytes(bytes.fromhex(h), 'little') for h in (
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')}


@functools.lru_cache(200000)
def _ed25519(key, msg, sig):
    y = int.from_bytes(key, 'little') & (1 << 255) - 1
    r = int.from_bytes(sig[:32], 'little') & (1 << 255) - 1
    # OpenSSL takes these, libsodium and sluice do not (doc/PROTOCOL.statement)
    if y >= _P or y in _SMALL or r % _P in _SMALL:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(sig, msg)
    except (InvalidSignature, ValueError):
        return False
    return True


def ed25519(key, msg, sig):
    """Strict: no small-order or non-canonical key, no small-order R, S below the order."""
    return len(key) == 32 and len(sig) == 64 and _ed25519(bytes(key), bytes(msg), bytes(sig))


_B58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'


@functools.lru_cache(10000)
def did_to_key(did):
    """The 32 bytes of an Ed25519 did:key ("z", base58btc, multicodec ed 01)."""
    need(isinstance(did, str) and did.startswith('did:key:z'), 'not a did:key: {!r}', did)
    n = 0
    for c in did[9:]:
        need(c in _B58, 'not base58: {!r}', did)
        n = n * 58 + _B58.index(c)
    need(n >> 256 == 0xed01, 'not an Ed25519 did:key: {!r}', did)
    key = (n & (1 << 256) - 1).to_bytes(32, 'big')
    need(key_to_did(key) == did, 'did:key is not canonical: {!r}', did)
    return key


def key_to_did(key):
    n, s = 0xed01 << 256 | int.from_bytes(key, 'big'), ''
    while n:
        n, r = divmod(n, 58)
        s = _B58[r] + s
    return 'did:key:z' + s


def thumbprint(key):
    """RFC 9679: SHA-256 over the required members of an OKP COSE_Key."""
    return sha256(dumps({1: 1, -1: 6, -2: bytes(key)}))


# ---- Merkle trees: RFC 9162 section 2.1 --------------------------------------------------

def leaf_hash(entry):
    return sha256(b'\x00' + entry)


def node_hash(left, right):
    return sha256(b'\x01' + left + right)


def tree_root(leaves):
    """Root over leaf hashes."""
    if not leaves:
        return sha256(b'')
    while len(leaves) > 1:
        # an odd last one moves up as it is: the same tree as MTH's largest power of two
        up = [node_hash(leaves[i], leaves[i + 1]) for i in range(0, len(leaves) - 1, 2)]
        leaves = up + ([leaves[-1]] if len(leaves) % 2 else [])
    return leaves[0]


def inclusion_root(leaf, index, size, path):
    """Section 2.1.3.2, returning the root that the path leads to."""
    need(0 <= index < size, 'inclusion: index {} is not below size {}', index, size)
    need(len(leaf) == 32, 'inclusion: a leaf of {} bytes', len(leaf))
    fn, sn, r = index, size - 1, leaf
    for p in path:
        need(len(p) == 32, 'inclusion: a hash of {} bytes', len(p))
        need(sn != 0, 'inclusion: path is too long')
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, 'inclusion: path is too short')
    return r


def verify_consistency(size1, size2, root1, root2, path):
    """Section 2.1.4.2.  Size 0 proves nothing and is refused."""
    need(0 < size1 <= size2, 'consistency: sizes {} and {}', size1, size2)
    need(all(len(p) == 32 for p in path), 'consistency: a hash is not 32 bytes')
    if size1 == size2:
        need(not path and root1 == root2, 'consistency: equal sizes, different trees')
        return
    path = list(path)
    if size1 & size1 - 1 == 0:
        path.insert(0, root1)
    need(path, 'consistency: empty path')
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        need(sn != 0, 'consistency: path is too long')
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, 'consistency: path is too short')
    need(fr == root1 and sr == root2, 'consistency: the trees differ')


# ---- COSE_Sign1: RFC 9052, 9597, 9942, 9995 ----------------------------------------------

class Sign1:
    """The four members; hdr is the protected header, decoded."""

    def __init__(self, data, det=True):
        v = loads(data, det)
        need(isinstance(v, Tag) and v.tag == 18, 'COSE: no tag 18 (RFC 9052 section 2)')
        v = v.value
        need(isinstance(v, list) and len(v) == 4, 'COSE: not four members')
        self.protected, self.unprotected, self.payload, self.signature = v
        need(isinstance(self.protected, bytes), 'COSE: protected header is no byte string')
        need(isinstance(self.unprotected, dict), 'COSE: unprotected header is no map')
        need(self.payload is None or isinstance(self.payload, bytes),
             'COSE: payload is neither bytes nor nil')
        need(isinstance(self.signature, bytes), 'COSE: signature is no byte string')
        self.hdr = loads(self.protected, det) if self.protected else {}
        need(isinstance(self.hdr, dict), 'COSE: protected header holds no map')
        both = set(self.hdr) & set(self.unprotected)
        need(not both, 'COSE: labels {} in both headers (RFC 9052 section 3)', both)

    def check(self, key, payload=None):
        """The signature, over `payload` where it is detached.  EdDSA with Ed25519 only."""
        need(self.hdr.get(1) in (-8, -19), 'COSE: alg (1) is {}', self.hdr.get(1))
        need(2 not in self.hdr and 2 not in self.unprotected, 'COSE: crit (2) is not known')
        need((self.payload is None) != (payload is None), 'COSE: payload detached or not')
        body = self.payload if payload is None else payload
        prot = b'' if self.hdr == {} else self.protected
        need(ed25519(key, dumps(['Signature1', prot, b'', body]), self.signature),
             'COSE: bad signature')


def signer(s, labels, what):
    """The profile of sluice's headers: exactly `labels`; kid (4) and iss (15: 1) name one
    key.  Returns that key and sub."""
    need(set(s.hdr) == labels, '{}: protected labels {}', what, sorted(s.hdr))
    need(s.hdr[1] == -8, '{}: alg is not EdDSA', what)
    claims = s.hdr[15]
    need(isinstance(claims, dict) and set(claims) == {1, 2}, '{}: claims (15)', what)
    need(isinstance(claims[2], str), '{}: sub is no text', what)
    key = did_to_key(claims[1])
    need(s.hdr[4] == thumbprint(key), '{}: kid is not the thumbprint of iss', what)
    return key, claims[2]


INTOTO = 'application/vnd.in-toto+json'


class Statement:
    """A signed statement in canonical form (unprotected header {}), its signature checked.

    entry: SHA-256 of its bytes; key, issuer, sub; digest: payload digest of a hash
    envelope, else None; body: the in-toto Statement, None where only the digest is here."""

    def __init__(self, data):
        s = Sign1(data)
        need(s.unprotected == {}, 'statement: unprotected header is not empty')
        envelope = 258 in s.hdr
        labels = {1, 4, 15} | ({258, 259} if envelope else {3})
        self.key, self.sub = signer(s, labels, 'statement')
        self.issuer = s.hdr[15][1]
        need(s.payload is not None, 'statement: detached payload')
        need(s.hdr[259 if envelope else 3] == INTOTO, 'statement: content type')
        s.check(self.key)
        self.data, self.entry = bytes(data), sha256(data)
        self.digest = self.body = None
        if envelope:
            need(s.hdr[258] == -16, 'hash envelope: not SHA-256')
            need(len(s.payload) == 32, 'hash envelope: payload of {} bytes', len(s.payload))
            self.digest = s.payload
        else:
            self.open(s.payload)

    def open(self, payload):
        """Takes the payload (of a hash envelope: its preimage): an in-toto Statement v1."""
        if self.digest is not None:
            need(sha256(payload) == self.digest, 'hash envelope: digest of the payload')
        v = json_loads(payload)
        need(isinstance(v, dict) and set(v) == {'_type', 'subject', 'predicateType', 'predicate'},
             'in-toto: members {}', sorted(v) if isinstance(v, dict) else v)
        need(v['_type'] == 'https://in-toto.io/Statement/v1', 'in-toto: _type')
        need(isinstance(v['predicateType'], str), 'in-toto: predicateType')
        need(isinstance(v['predicate'], dict), 'in-toto: predicate')
        need(isinstance(v['subject'], list) and len(v['subject']) > 0, 'in-toto: subject')
        for x in v['subject']:
            need(isinstance(x, dict) and set(x) == {'name', 'digest'}, 'in-toto: subject')
            need(isinstance(x['name'], str), 'in-toto: name of a subject')
            need(isinstance(x['digest'], dict) and set(x['digest']) == {'sha256'},
                 'in-toto: digest of a subject')
            unhex(x['digest']['sha256'])
        self.body = v

    @property
    def type(self):
        return self.body['predicateType'] if self.body else None

    @property
    def predicate(self):
        return self.body['predicate']

    @property
    def subject(self):
        return unhex(self.body['subject'][0]['digest']['sha256'])


def unhex(s, size=32):
    """Lower-case hexadecimal of a fixed size, nothing else."""
    need(isinstance(s, str) and len(s) == 2 * size and
         all(c in '0123456789abcdef' for c in s), 'not {} bytes in hex: {!r}', size, s)
    return bytes.fromhex(s)


class Receipt:
    """An RFC 9942 receipt of inclusion (vds 1), its header read; `root()` verifies.

    strict: the profile of sluice (headers exact, one proof, deterministic CBOR).  Else what
    RFC 9942 demands is enough, and the key has to be given to root()."""

    def __init__(self, data, strict=True):
        s = self.s = Sign1(data, strict)
        need(s.payload is None, 'receipt: payload is not detached')
        vds = s.hdr.get(395)
        need(vds == 1 and not isinstance(vds, bool), 'receipt: vds (395) is {}', vds)
        vdp = s.unprotected.get(396)
        need(isinstance(vdp, dict), 'receipt: no proofs (396)')
        self.key = self.origin = None
        if strict:
            self.key, self.origin = signer(s, {1, 4, 15, 395}, 'receipt')
            need(set(s.unprotected) == {396} and set(vdp) == {-1} and
                 isinstance(vdp[-1], list) and len(vdp[-1]) == 1,
                 'receipt: more in the unprotected header than one proof')
        proofs = vdp.get(-1)
        need(isinstance(proofs, list) and proofs, 'receipt: no proof of inclusion (-1)')
        self.proofs = [self._proof(p, strict) for p in proofs]
        self.size, self.index, self.path = self.proofs[0]

    @staticmethod
    def _proof(p, strict):
        need(isinstance(p, bytes), 'receipt: proof is no byte string')
        v = loads(p, strict)
        need(isinstance(v, list) and len(v) == 3, 'receipt: proof is not three members')
        need(all(type(x) is int and x >= 0 for x in v[:2]), 'receipt: size or index')
        need(isinstance(v[2], list) and all(isinstance(h, bytes) and len(h) == 32
                                            for h in v[2]), 'receipt: path')
        # RFC 9942's CDDL has [+ bstr]; trees of one leaf, of others, have no other way
        need(v[2] or (v[0] == 1 and not strict), 'receipt: empty path')
        return v

    def root(self, entry, key=None):
        """The root that all proofs lead to from this entry, its signature verified."""
        roots = {inclusion_root(leaf_hash(entry), i, n, path) for n, i, path in self.proofs}
        need(len(roots) == 1, 'receipt: proofs lead to different roots')
        root = roots.pop()
        self.s.check(self.key if key is None else key, root)
        return root


def split_transparent(data):
    """A transparent statement: its canonical statement and its receipts (394)."""
    s = Sign1(data)
    receipts = s.unprotected.get(394)
    need(set(s.unprotected) == {394} and isinstance(receipts, list) and receipts and
         all(isinstance(r, bytes) for r in receipts), 'statement: no receipts (394)')
    return dumps(Tag(18, [s.protected, {}, s.payload, s.signature])), receipts


def verify_transparent(data):
    """A statement with receipts of sluice: each must hold.  Returns the statement and its
    receipts; whom to trust is the caller's to say (their keys and origins)."""
    canonical, receipts = split_transparent(data)
    st = Statement(canonical)
    out = [Receipt(r) for r in receipts]
    for r in out:
        r.at = r.root(st.entry)
    return st, out


# ---- C2SP signed notes and checkpoints ---------------------------------------------------

def key_id(name, key, kind=1):
    return sha256(name.encode() + b'\n' + bytes([kind]) + key)[:4]


def _b64(s, what):
    try:
        b = base64.b64decode(s, validate=True)
    except ValueError:
        raise Bad(what + ': not base64')
    need(base64.b64encode(b).decode() == s, '{}: base64 is not canonical', what)
    return b


def open_note(note, name, key):
    """The text of a signed note, with a good Ed25519 signature of this key.  Lines of other
    keys are ignored (signed-note: "Signatures"), a bad one of this key is not."""
    try:
        text = note.decode()
    except UnicodeDecodeError:
        raise Bad('note: not UTF-8')
    need(all(c >= ' ' or c == '\n' for c in text), 'note: control characters')
    cut = text.rfind('\n\n')
    need(cut >= 0 and text.endswith('\n'), 'note: no blank line, or an unfinished one')
    body, lines = text[:cut + 1], text[cut + 2:].split('\n')[:-1]
    need(lines and len(lines) <= 100, 'note: {} signatures', len(lines))
    good = 0
    for line in lines:
        need(line.startswith('\u2014 '), 'note: signature line')
        who, sep, b64 = line[2:].partition(' ')
        need(who and sep and '+' not in who and not any(c.isspace() for c in who),
             'note: name in a signature line')
        sig = _b64(b64, 'note')
        need(len(sig) > 4, 'note: short signature')
        if who == name and sig[:4] == key_id(name, key):
            need(ed25519(key, body.encode(), sig[4:]), 'note: bad signature')
            good += 1
    need(good > 0, 'note: no signature of {}', name)
    return body


class Checkpoint:
    """tlog-checkpoint: origin, size, root, in a signed note."""

    def __init__(self, note, name, key, strict=True):
        body = open_note(note, name, key)
        rows = body[:-1].split('\n')
        need(len(rows) >= 3 and all(rows), 'checkpoint: lines')
        self.origin, size, root = rows[:3]
        need(self.origin == name, 'checkpoint: origin is not {}', name)
        need(size.isascii() and size.isdigit() and (size == '0' or size[0] != '0'),
             'checkpoint: size')
        self.size, self.root = int(size), _b64(root, 'checkpoint')
        need(self.size < 1 << 63, 'checkpoint: size')
        need(len(self.root) == 32, 'checkpoint: root of {} bytes', len(self.root))
        need(self.size or self.root == sha256(b''), 'checkpoint: root of the empty tree')
        if strict:  # what sluice writes: three lines, one signature, nothing else
            sig = note[len(body.encode()) + 1:]
            line = '\u2014 %s ' % name
            need(len(rows) == 3 and sig.count(b'\n') == 1 and
                 sig.startswith(line.encode()), 'checkpoint: more than it should hold')


# ---- What statements say (doc/PROTOCOL.statement, doc/PROTOCOL.log section 6) -------------

KEY, CONTEXT, SEAL, POLICY = ('urn:sluice:%s:v1' % x for x in ('key', 'context', 'seal', 'policy'))
DECISION = 'https://slsa.dev/verification_summary/v1'
OUTCOME = 'https://slsa.dev/provenance/v1'
OBSERVATION = 'https://in-toto.io/attestation/runtime-trace/v0.1'
TYPES = {KEY, CONTEXT, SEAL, POLICY, DECISION, OUTCOME, OBSERVATION}


def run_id(context, nonce):
    return sha256(b'sluice-run' + context + nonce)


def step_id(run, job, leg, index, attempt):
    return sha256(b'sluice-step' + run + job.encode() + b'\0' +
                  struct.pack('>III', leg, index, attempt))


def context_id(predicate):
    """DESIGN section 3: SHA-256 of the deterministic CBOR of the context."""
    return sha256(dumps(predicate))


def member(v, path, kind):
    """v[a][b]... of `path` "a.b", of that type."""
    for k in path.split('.'):
        need(isinstance(v, dict) and k in v, 'statement: no member {}', path)
        v = v[k]
    need(isinstance(v, kind) and (kind is not int or not isinstance(v, bool)),
         'statement: {} is a {}', path, type(v).__name__)
    return v


def seconds(text):
    """RFC 3339 in UTC with milliseconds, as whole seconds since 1970."""
    try:
        t = datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc)
    except ValueError:
        raise Bad('statement: time %r' % text)
    need(len(text) == 24, 'statement: time {!r}', text)
    return int(t.timestamp())


def about(st, name, digest, sub):
    """Its one subject, and the subject of its claims."""
    s = st.body['subject']
    need(len(s) == 1 and s[0]['name'] == name, 'statement: subject {!r} is not {}', s[0]['name'], name)
    need(st.subject == digest, 'statement: digest of the subject {}', name)
    need(st.sub == sub, 'statement: sub {!r} is not {}', st.sub, sub)


def check_key(st, identity, role):
    """A key statement of this role; returns the key that it certifies."""
    need(st.type == KEY, 'key statement: wanted, found {}', st.type)
    p = st.predicate
    names = {'identity': {'next'}, 'working': {'build'}, 'platform': set()}[role]
    need(set(p) == {'issuer', 'key', 'role'} | names, 'key statement: members {}', sorted(p))
    need(p['role'] == role, 'key statement: role {!r} is not {}', p['role'], role)
    key = did_to_key(p['key'])
    need(p['issuer'] == st.issuer == key_to_did(identity), 'key statement: not by the identity')
    about(st, p['key'], sha256(key), p['key'])
    for n in names:
        need(set(member(p, n, dict)) == {'sha256'}, 'key statement: {}', n)
        unhex(p[n]['sha256'])
    need((key == identity) == (role == 'identity'), 'key statement: key of role {}', role)
    return key


def check_seal(st, origin, key, run):
    """A seal of the tree `origin`; returns its checkpoint."""
    p = st.predicate
    need(set(p) == {'checkpoint', 'key', 'origin', 'root', 'size'} | ({'run'} if run else set()),
         'seal: members {}', sorted(p))
    need(p['origin'] == origin and p['key'] == key_to_did(key), 'seal: origin or key')
    c = Checkpoint(member(p, 'checkpoint', str).encode(), origin, key)
    need(type(p['size']) is int and p['size'] == c.size, 'seal: size')
    need(unhex(p['root']) == c.root, 'seal: root')
    need(not run or unhex(p['run']) == run, 'seal: run')
    about(st, origin, c.root, origin)
    return c


def check_context(st, run, parent=None):
    """A context of a run or of one of its steps (then with the run's context as parent)."""
    p = st.predicate
    need(p.get('v') == 1, 'context: version {}', p.get('v'))
    about(st, 'context', context_id(p), 'run:' + run.hex())
    if parent is not None:
        need(unhex(member(p, 'parent', str)) == parent, 'context: its parent is not the run\'s')


def check_decision(st, identity, run):
    """A decision, a SLSA Verification Summary; returns its member "sluice".  Not checked
    here: that the verdict follows (check_proof does a part of that)."""
    p, s = st.predicate, member(st.predicate, 'sluice', dict)
    need(s.get('v') == 1, 'decision: version {}', s.get('v'))
    ident, kind = unhex(member(s, 'id', str)), member(s, 'kind', str)
    need(unhex(member(s, 'run', str)) == run, 'decision: of another run')
    context = unhex(member(s, 'context', str))
    if kind == 'step':
        x = member(s, 'step', dict)
        want = step_id(run, member(x, 'job', str), member(x, 'leg', int),
                       member(x, 'index', int), member(x, 'attempt', int))
        name = 'step:'
    else:
        need(kind in ('run', 'exec'), 'decision: kind {!r}', kind)
        want = run_id(context, unhex(member(s, 'nonce', str), 16))
        need(want == run, 'decision: run ID does not follow from context and nonce')
        name = 'run:'
    need(ident == want, 'decision: ID does not follow')
    about(st, name + ident.hex(), ident, 'run:' + run.hex())
    urn = 'urn:sluice:'
    need(member(p, 'resourceUri', str) == urn + name + ident.hex(), 'decision: resourceUri')
    need(member(p, 'inputAttestations', list) == [
        {'digest': {'sha256': s['context']}, 'uri': urn + 'context:' + s['context']}],
        'decision: inputAttestations')
    unhex(member(s, 'policy', str))
    need(member(p, 'policy', dict) == {
        'digest': {'sha256': s['policy']}, 'uri': urn + 'policy:' + s['policy']}, 'decision: policy')
    need(member(p, 'verifier.id', str) == key_to_did(identity), 'decision: verifier')
    need(member(p, 'slsaVersion', str) == '1.0', 'decision: slsaVersion')
    verdict = member(s, 'verdict', str)
    need(verdict in ('allow', 'allow-with-cuts', 'raise-level', 'ask', 'deny'), 'decision: verdict')
    need(member(p, 'verificationResult', str) ==
         ('PASSED' if verdict.startswith('allow') else 'FAILED'), 'decision: verificationResult')
    need(seconds(member(p, 'timeVerified', str)) == member(s, 'time', int), 'decision: time')
    need(member(s, 'fuel_version', int) == 1 and member(s, 'fuel', int) >= 0, 'decision: fuel')
    for k in ('decls', 'facts', 'proof'):
        unhex(member(s, k, str))
    member(s, 'grant', dict)
    did_to_key(member(s, 'requester', str))
    return s


_ORDER = {type(None): 0, bool: 1, int: 2, str: 3, 'date': 4, 'bytes': 5, 'set': 6, 'array': 7, 'map': 8}


def _term(t):
    """Sort key of a term (doc/PROTOCOL.policy section 3)."""
    if not isinstance(t, dict):
        need(type(t) in _ORDER, 'facts: a term of type {}', type(t).__name__)
        return (_ORDER[type(t)], t.encode() if isinstance(t, str) else 0 if t is None else t)
    need(len(t) == 1, 'facts: a term of {} members', len(t))
    (kind, v), = t.items()
    need(kind in ('date', 'bytes', 'set', 'array', 'map'), 'facts: a term {!r}', kind)
    if kind == 'date':
        need(type(v) is int and v >= 0, 'facts: a date')
        return (4, v)
    if kind == 'bytes':
        need(isinstance(v, str) and len(v) % 2 == 0, 'facts: bytes')
        return (5, unhex(v, len(v) // 2))
    need(isinstance(v, list), 'facts: a collection')
    rows = [[_term(x) for x in pair] for pair in v] if kind == 'map' else [_term(x) for x in v]
    keys = [r[0] for r in rows] if kind == 'map' else rows
    if kind != 'array':
        need(all(a < b for a, b in zip(keys, keys[1:])), 'facts: a {} out of order', kind)
    need(kind != 'map' or all(len(r) == 2 for r in rows), 'facts: a map')
    return (_ORDER[kind], [x for r in rows for x in r] if kind == 'map' else rows)


@functools.lru_cache(10000)
def read_facts(blob):
    """A fact set in its canonical form: {predicate: [terms, ...]} and the set of facts."""
    v = loads(blob)
    need(isinstance(v, dict) and set(v) == {'v', 'facts'} and v['v'] == 1 and
         isinstance(v['facts'], list), 'facts: form')
    last, out, every = None, {}, set()
    for f in v['facts']:
        need(isinstance(f, list) and len(f) == 3 and isinstance(f[0], str) and
             isinstance(f[1], list) and isinstance(f[2], str), 'facts: form of a fact')
        key = (f[0].encode(), len(f[1]), [_term(t) for t in f[1]], f[2].encode())
        need(last is None or last < key, 'facts: not in canonical order')
        last = key
        out.setdefault(f[0], []).append(f[1])
        every.add(dumps(f))
    return out, every


def check_facts(s, blob, identity):
    """What the facts of a decision say about it."""
    facts, _ = read_facts(blob)

    def one(name, value):
        need(facts.get(name) == [[value]], 'facts: {} is {}', name, facts.get(name))
    one('request', s['kind'])
    one('requester', s['requester'])
    one('node', key_to_did(identity))
    one('time', {'date': s['time']})
    if s['kind'] == 'step':
        one('in_run', s['run'])


def check_proof(s, blob, facts):
    """The proof agrees with the decision, stands on the facts (None: erased), and is a DAG."""
    p = loads(blob)
    need(isinstance(p, dict) and p.get('v') == 1, 'proof: version')
    need(p.get('verdict') == ('allow' if s['verdict'].startswith('allow') else 'deny'), 'proof: verdict')
    for a, b in (('fuel', 'fuel'), ('fuel-version', 'fuel_version'), ('reason', 'reason'),
                 ('message', 'message')):
        need(a in p and p[a] == s.get(b), 'proof: {} is not that of the decision', a)
    lists = [member(p, k, list) for k in ('checks', 'policies', 'rules', 'nodes')]
    checks, policies, rules, nodes = lists
    ids = {member(r, 'id', int) for r in rules}
    for i, n in enumerate(nodes):
        need(isinstance(member(n, 'pred', str), str) and isinstance(member(n, 'args', list), list),
             'proof: node')
        if 'source' in n:
            need(n['source'] == 'policy' or facts is None or
                 dumps([n['pred'], n['args'], n['source']]) in read_facts(facts)[1],
                 'proof: node {} is not among the facts', i)
        else:
            need(member(n, 'rule', int) in ids, 'proof: node {} names no rule', i)
            need(all(type(x) is int and 0 <= x < i for x in member(n, 'from', list)),
                 'proof: node {} does not stand on earlier ones', i)
    for row in checks + policies:
        need(all(type(x) is int and 0 <= x < len(nodes) for x in row.get('from', [])),
             'proof: a check or policy stands on no node')
    if p['reason'] in ('allow', 'deny'):
        need(policies and policies[-1].get('result') == 'match' and
             [r.get('result') for r in policies[:-1]] == ['no-match'] * (len(policies) - 1) and
             all(r.get('result') == 'pass' for r in checks), 'proof: not the first match')
        need(policies[-1]['text'].startswith(p['reason'] + ' if '), 'proof: its policy says else')
        need(s['rule'] == {k: policies[-1][k] for k in ('line', 'text')}, 'proof: rule')


def check_within(step, run):
    """The grant of a step is within that of its run."""
    need(set(step) == set(run), 'grant: members of a step\'s')
    for k, v in step.items():
        r = run[k]
        if k == 'limits':
            need(set(v) == set(r), 'grant: limits')
            for name, x in v.items():
                need(0 < x['max'] <= r[name]['max'] and x['class'] == r[name]['class'],
                     'grant: limit {} of a step', name)
        elif isinstance(v, list):
            need(all(x in r for x in v), 'grant: {} of a step beyond its run', k)
        else:
            need(v == r or v in (False, 'none'), 'grant: {} of a step beyond its run', k)


def check_outcome(st, identity, run):
    """An outcome (SLSA Provenance); returns (member "sluice", digest of its decision)."""
    p, s = st.predicate, member(st.predicate, 'sluice', dict)
    need(s.get('v') == 1, 'outcome: version {}', s.get('v'))
    need(member(p, 'buildDefinition.buildType', str) == 'urn:sluice:run:v1', 'outcome: buildType')
    need(member(p, 'runDetails.builder.id', str) == key_to_did(identity), 'outcome: builder')
    need(member(p, 'buildDefinition.internalParameters.run', str) == run.hex(), 'outcome: run')
    need(member(p, 'runDetails.metadata.invocationId', str) == s.get('id'), 'outcome: invocationId')
    member(s, 'conclusion', str)
    return s, unhex(member(p, 'buildDefinition.internalParameters.decision', str))


def check_observation(st, identity, run):
    """An observation (runtime trace); returns (member "sluice", digest of its decision)."""
    p, s = st.predicate, member(st.predicate, 'sluice', dict)
    need(s.get('v') == 1, 'observation: version {}', s.get('v'))
    need(member(p, 'monitoredProcess.event', str) == s.get('id'), 'observation: event')
    need(member(p, 'monitoredProcess.hostID', str) == key_to_did(identity), 'observation: host')
    member(p, 'monitorLog.acts', list)
    return s, unhex(member(s, 'decision', str))


# ---- Bundles (doc/PROTOCOL.bundle; the letters are those of its section 3) ----------------

class Tree:
    """One tree of a bundle, its form checked."""

    def __init__(self, v):
        need(isinstance(v, list) and len(v) == 3, 'bundle: a tree is three members')
        self.origin, self.note, entries = v
        need(isinstance(self.origin, str) and isinstance(self.note, bytes) and
             isinstance(entries, list) and entries, 'bundle: members of a tree')
        need(len(self.note) <= 4096, 'bundle: a checkpoint above 4 KiB')
        self.rows = []
        for e in entries:
            need(isinstance(e, list) and len(e) == 3, 'bundle: an entry is three members')
            index, st, receipt = e
            need(type(index) is int and index >= 0 and isinstance(st, bytes) and
                 isinstance(receipt, bytes), 'bundle: members of an entry')
            need(len(st) <= 16 << 20 and len(receipt) <= 64 << 10, 'bundle: an entry too large')
            need(not self.rows or index > self.rows[-1][0], 'bundle: entries out of order')
            self.rows.append((index, st, receipt))

    def read(self):
        self.entries = []
        for index, data, receipt in self.rows:
            st = statement(data)
            st.index, st.tree = index, self
            self.entries.append(st)

    def close(self, key):
        """e: the checkpoint by this key; each receipt of its size, root, key and origin."""
        c = self.checkpoint = Checkpoint(self.note, self.origin, key)
        for st, (index, _, data) in zip(self.entries, self.rows):
            r = Receipt(data)
            need(r.origin == self.origin, 'receipt: of the tree {}', r.origin)
            need(r.key == key, 'receipt: by another key than the checkpoint')
            need((r.index, r.size) == (index, c.size), 'receipt: index or size')
            need(r.root(st.entry) == c.root, 'receipt: another root than the checkpoint')

    def whole(self):
        """f: every entry from 0 to the size is here, and they hash to the root."""
        need([st.index for st in self.entries] == list(range(self.checkpoint.size)),
             'bundle: {} is not complete', self.origin)
        need(self.root_at(self.checkpoint.size) == self.checkpoint.root, 'bundle: root')

    def root_at(self, size):
        return tree_root([leaf_hash(st.entry) for st in self.entries[:size]])


def statement(data):
    """A fresh Statement; what is slow in it is cached by bytes."""
    return Statement(data)


class Bundle:
    """Everything is checked by the constructor.  did: the identity; counts: of what."""

    def __init__(self, data):
        self._form(data)
        for t in self.trees:
            t.read()
        self._open()
        self._platform_and_identity()
        self._node()
        self._run()
        self._close()
        self._decisions()
        self._results()
        self._blobs()
        self.counts = {'statements': len(self.statements), 'decisions': len(self.decided),
                       'erased': len(self.erased), 'sealed': self.seal is not None}

    def _form(self, data):
        need(len(data) <= 256 << 20, 'bundle: above 256 MiB')
        v = loads(data)
        need(isinstance(v, list) and len(v) == 6 and v[0] == 'sluice-bundle', 'bundle: not one')
        need(type(v[1]) is int and v[1] == 1, 'bundle: version {}', v[1])
        self.run, trees, blobs, erased = v[2:]
        need(isinstance(self.run, bytes) and len(self.run) == 32, 'bundle: run ID')
        need(isinstance(trees, list) and len(trees) in (2, 3), 'bundle: two or three trees')
        for x in (blobs, erased):
            need(isinstance(x, list) and all(isinstance(b, bytes) for b in x), 'bundle: blobs')
        need(all(len(d) == 32 for d in erased), 'bundle: an erased digest')
        self.trees = [Tree(t) for t in trees]
        names = [sha256(b) for b in blobs]
        for x in (names, erased):
            need(all(a < b for a, b in zip(x, x[1:])), 'bundle: blobs or digests out of order')
        need(len(names) + len(erased) <= 400000, 'bundle: too many blobs')
        need(sum(len(t.rows) for t in self.trees) <= 100000, 'bundle: too many statements')
        self.blobs, self.erased = dict(zip(names, blobs)), set(erased)
        need(not self.erased & set(names), 'bundle: a blob is there and erased')
        self.named = set()
        head, did, tail = (self.trees[0].origin.split('/') + ['', ''])[:3]
        self.did, self.identity = did, did_to_key(did)
        want = ['sluice/%s/%s' % (did, x) for x in ('platform', 'node', 'run/' + self.run.hex())]
        need([t.origin for t in self.trees] == want[:len(trees)], 'bundle: origins')
        self.platform, self.node = self.trees[:2]
        self.tree = self.trees[2] if len(trees) == 3 else None

    def _name(self, digest):
        """The blob of a digest that a statement names, None where it is erased."""
        self.named.add(digest)
        need(digest in self.blobs or digest in self.erased, 'bundle: no blob {}', digest.hex())
        return self.blobs.get(digest)

    def _open(self):
        """b, and what hash envelopes hold."""
        self.statements = [st for t in self.trees for st in t.entries]
        for st in self.statements:
            if st.digest is not None:
                blob = self._name(st.digest)
                if blob is not None:
                    st.open(blob)
            need(st.body is None or st.type in TYPES, 'statement: predicateType {}', st.type)

    def _platform_and_identity(self):
        """c, d: the first keys, and who signs in the platform tree."""
        first = self.node.entries[0]
        need(first.index == 0, 'bundle: no key statement of the identity')
        need(check_key(first, self.identity, 'identity') == first.key, 'identity: not self-signed')
        e = self.platform.entries
        need(e[0].index == 0 and e[0].key == self.identity, 'platform: key not by the identity')
        self.platform_key = check_key(e[0], self.identity, 'platform')
        for st in e[1:]:
            need(st.key == self.platform_key, 'platform: signed by another key')
            need(st.type == CONTEXT, 'platform: a {}', st.type)
            p = st.predicate
            need(set(p) == {'level', 'attestation', 'kernel', 'machine', 'boot'} and
                 p['level'] == 0 and p['attestation'] == 'none', 'platform: context')
            about(st, 'boot', unhex(member(p, 'boot.sha256', str)), 'platform')

    def _node(self):
        """c, d, section 2: what the node tree shows is exactly what it may, in order."""
        self.working, self.policies, rest = {}, {}, []
        self.seal = self.platform_seal = None
        for st in self.node.entries[1:]:
            if st.type == KEY:
                need(st.key == self.identity, 'key statement: not by the identity')
                key = check_key(st, self.identity, 'working')
                need(key not in self.working, 'key statement: a working key twice')
                self.working[key] = st.index
                continue
            need(self.working.get(st.key, st.index) < st.index,
                 'node: entry {} is not by a working key certified before', st.index)
            if st.type == POLICY:
                self._policy(st)
            elif st.type == SEAL and st.sub == self.platform.origin:
                need(self.platform_seal is None, 'bundle: two seals of the platform')
                self.platform_seal = st
            elif st.type == SEAL:
                need(self.tree and self.seal is None, 'bundle: a seal too many')
                self.seal = st
            else:
                rest.append(st)
        need(len(rest) >= 2 and rest[0].type in (CONTEXT, None) and rest[1].type in (DECISION, None) and
             rest[0].index + 1 == rest[1].index, 'bundle: no context with its decision')
        need(all(st.type in (OUTCOME, None) for st in rest[2:]), 'bundle: more than belongs in it')
        need(all(st.sub == 'run:' + self.run.hex() for st in rest), 'bundle: of another run')
        self.context, self.decision, self.late = rest[0], rest[1], rest[2:]
        need(self.seal is None or all(x.index < self.seal.index for x in rest), 'bundle: after the seal')

    def _policy(self, st):
        p = st.predicate
        need(p.get('v') == 1, 'policy: version')
        digest = unhex(member(p, 'policy', str))
        about(st, 'policy', digest, 'policy')
        need(digest not in self.policies, 'bundle: a policy twice')
        self.policies[digest] = st
        self._name(digest)
        self._name(unhex(member(p, 'decls', str)))

    def _run(self):
        """c, d: the run's key, as the decision names it (its seal, where that is erased)."""
        self.run_key = None
        if self.decision.body is not None:
            s = self.decision.predicate.get('sluice', {})
            if 'run_key' in s:
                self.run_key = did_to_key(s['run_key'])
        elif self.seal is not None:
            self.run_key = did_to_key(member(self.seal.predicate, 'key', str))
        if self.tree is None:
            return
        need(self.run_key is not None, 'bundle: nothing names the key of the run')
        need(self.run_key not in {self.identity, self.platform_key, *self.working},
             'bundle: the run\'s key is one of the node\'s')
        for st in self.tree.entries:
            need(st.key == self.run_key, 'run: entry {} is by another key', st.index)
            need(st.sub == 'run:' + self.run.hex(), 'run: entry {} of another run', st.index)

    def _close(self):
        """e, f, g."""
        self.platform.close(self.platform_key)
        signer_of_node = Receipt(self.node.rows[0][2]).key
        need(signer_of_node in self.working, 'node: checkpoint not by a working key')
        self.node.close(signer_of_node)
        used = {st.key for st in self.node.entries} | {signer_of_node}
        need(set(self.working) <= used, 'bundle: the certificate of a key that signed nothing')
        self.platform.whole()
        need(self.platform_seal is not None, 'bundle: no seal of the platform')
        c = check_seal(self.platform_seal, self.platform.origin, self.platform_key, None)
        need(0 < c.size <= self.platform.checkpoint.size and
             self.platform.root_at(c.size) == c.root, 'seal: the platform\'s does not follow')
        if self.tree:
            self.tree.close(self.run_key)
            self.tree.whole()
        if self.seal:
            check_seal(self.seal, self.tree.origin, self.run_key, self.run)
            need(self.seal.predicate['checkpoint'].encode() == self.tree.note,
                 'seal: not the checkpoint of the run')

    def _decisions(self):
        """i, k."""
        self.decided = {}   # digest of the statement -> its member "sluice", None: erased
        self._decided(self.context, self.decision)
        top = self.decided[self.decision.entry]
        self.top = top
        allowed = top is None or top['verdict'].startswith('allow')
        need(allowed or self.tree is None, 'bundle: a denied run has a tree')
        parent = self.context.subject if self.context.body else top and unhex(top['context'])
        last = None
        for st in self.tree.entries if self.tree else []:
            need(st.type in (CONTEXT, DECISION, OUTCOME, OBSERVATION, None), 'run: a {}', st.type)
            if st.type == DECISION:
                need(last is not None and last.type in (CONTEXT, None), 'decision: no context before it')
                self._decided(last, st, parent)
            elif last is not None and last.type == CONTEXT:
                need(st.body is None, 'context: no decision behind it')
                self.decided[st.entry] = None
            elif st.body is None:
                self.decided[st.entry] = None  # may be one
            last = st
        need(last is None or last.type != CONTEXT, 'context: no decision behind it')
        known = [s for s in self.decided.values() if s]
        need(len({s['id'] for s in known}) == len(known), 'decision: an ID twice')
        times = [s['time'] for s in known]
        need(times == sorted(times), 'decision: back in time')
        need(set(self.policies) == {unhex(s['policy']) for s in known},
             'bundle: policies are not those of its decisions')

    def _decided(self, context, st, parent=None):
        if context.body is not None:
            check_context(context, self.run, parent)
        self.decided[st.entry] = None
        if st.body is None:
            return
        s = self.decided[st.entry] = check_decision(st, self.identity, self.run)
        need((s['kind'] == 'step') == (st is not self.decision), 'decision: kind {} here', s['kind'])
        need(context.body is None or unhex(s['context']) == context.subject, 'decision: context')
        facts, proof, _, _ = (self._name(unhex(s[k])) for k in ('facts', 'proof', 'policy', 'decls'))
        policy = self.policies.get(unhex(s['policy']))
        need(policy and (st.tree is not self.node or policy.index < st.index),
             'decision: its policy was not registered before')
        if facts is not None:
            check_facts(s, facts, self.identity)
        if proof is not None:
            check_proof(s, proof, facts)
        if st is not self.decision:
            top = self.decided[self.decision.entry]
            need('run_key' not in s, 'decision: a step with a key')
            if top:
                need(s['time'] >= top['time'], 'decision: back in time')
                if s['verdict'].startswith('allow'):
                    check_within(s['grant'], top['grant'])

    def _results(self):
        """j."""
        seen = set()
        order = [self.decision, *(self.tree.entries if self.tree else []), *self.late]
        at = {st.entry: i for i, st in enumerate(order)}
        for i, st in enumerate(order):
            if st.type == OUTCOME:
                s, decision = check_outcome(st, self.identity, self.run)
            elif st.type == OBSERVATION:
                s, decision = check_observation(st, self.identity, self.run)
            else:
                continue
            need(unhex(member(s, 'run', str)) == self.run, 'result: of another run')
            need(decision in self.decided and at[decision] < i, 'result: names no decision before it')
            need((st.type, decision) not in seen, 'result: a second one of its kind')
            seen.add((st.type, decision))
            d = self.decided[decision]
            ident = unhex(member(s, 'id', str))
            name = 'run:' if decision == self.decision.entry else 'step:'
            about(st, name + ident.hex(), ident, 'run:' + self.run.hex())
            if d is not None:
                need(s['id'] == d['id'], 'result: ID is not that of its decision')
                if st.type == OUTCOME:
                    need(member(st.predicate, 'buildDefinition.externalParameters', dict) ==
                         {'context': d['context'], 'kind': d['kind']}, 'outcome: externalParameters')
            if st in self.late:
                need(s['conclusion'] == 'interrupted', 'outcome: {} in the node tree', s['conclusion'])

    def _blobs(self):
        """h."""
        need(self.named == set(self.blobs) | self.erased, 'bundle: a blob that nothing names')


def main(argv):
    trusted, files = set(), []
    it = iter(argv)
    for a in it:
        if a == '--trust':
            trusted.add(next(it, ''))
        else:
            files.append(a)
    if len(files) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(files[0], 'rb') as f:
            data = f.read()
        if data[:1] == b'\xd2':
            st, receipts = verify_transparent(data)
            dids = {key_to_did(r.key) for r in receipts} | {st.issuer}
            what = '%s in %s at %d' % (st.entry.hex(), receipts[0].origin, receipts[0].index)
            ok = dids <= trusted
        else:
            b = Bundle(data)
            what, ok = 'run %s, %s' % (b.run.hex(), b.counts), b.did in trusted
            dids = {b.did}
    except (Bad, OSError) as e:
        print('failed: %s' % ascii(str(e))[1:-1])
        return 4
    print('%s: %s by %s' % ('verified' if ok else 'unknown-signer', what, ' '.join(sorted(dids))))
    return 0 if ok else 4


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
