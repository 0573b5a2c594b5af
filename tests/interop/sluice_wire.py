"""The wire formats that sluice signs in, read strictly: CBOR, JSON, keys, Merkle trees,
COSE statements and receipts, C2SP notes.

Written from RFC 8949, 8785, 9052, 9162, 9679, 9942, 9995 and C2SP's signed-note and
tlog-checkpoint; it shares no code with sluice.  Ed25519 is python3-cryptography's.
Every function that checks raises Bad with the reason; none returns a doubtful value.
"""
import base64
import functools
import hashlib
import json
import struct

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


@functools.lru_cache(100000)
def sign1(data, det=True):
    """A Sign1 that is shared: do not change it."""
    return Sign1(data, det)


@functools.lru_cache(100000)
def receipt(data):
    """A Receipt that is shared: do not change it."""
    return Receipt(data)


@functools.lru_cache(100000)
def receipt_root(data, entry):
    """receipt(data).root(entry)"""
    return receipt(data).root(entry)


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

    entry: SHA-256 of its bytes; key, issuer, sub; digest: payload digest of a hash envelope,
    else None; payload: the JSON; body: the in-toto Statement, None where only the digest is
    here."""

    def __init__(self, data):
        s = sign1(data)
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
        self.payload, self.body = bytes(payload), intoto(bytes(payload))

    @property
    def type(self):
        return self.body['predicateType'] if self.body else None

    @property
    def predicate(self):
        return self.body['predicate']

    @property
    def subject(self):
        return unhex(self.body['subject'][0]['digest']['sha256'])


@functools.lru_cache(100000)
def intoto(payload):
    """An in-toto Statement v1 that is shared: do not change it."""
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
    return v


@functools.lru_cache(100000)
def statement(data):
    """A Statement that is shared: copy it before you open() it."""
    return Statement(data)


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
    need(set(s.unprotected) == {394} and isinstance(receipts, list) and
         1 <= len(receipts) <= 16 and
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
