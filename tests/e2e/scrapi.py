"""A client of a transparency service, written from draft-ietf-scitt-scrapi-11, RFC 9943 and
RFC 9942 alone; it shares no code with sluice.  CBOR, COSE and receipts are tests/interop's
verifier.  Ed25519 is python3-cryptography's.
"""
import http.client
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'interop'))

import sluice_wire as w  # noqa: E402
from forge import Key  # noqa: E402
from sluice_wire import Tag, dumps, loads, sha256  # noqa: E402,F401

PROBLEM = 'application/concise-problem-details+cbor'


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, r):
        self.status, self.body = r.status, r.read()
        self.headers = {k.lower(): v for k, v in r.getheaders()}

    @property
    def type(self):
        return self.headers.get('content-type')

    @property
    def location(self):
        return self.headers.get('location')

    def problem(self):
        """(title, detail); both MUST be there, and the body is deterministic CBOR."""
        assert self.type == PROBLEM, (self.status, self.headers, self.body[:80])
        m = loads(self.body)
        assert set(m) == {-1, -2} and dumps(m) == self.body, m
        assert isinstance(m[-1], str) and isinstance(m[-2], str)
        return m[-1], m[-2]


class Service:
    def __init__(self, path):
        self.path, self.conn = path, None

    def ask(self, method, path, body=None, **headers):
        headers = {k.replace('_', '-'): v for k, v in headers.items() if v is not None}
        if self.conn is None:
            self.conn = Unix(self.path)
        try:
            self.conn.request(method, path, body=body, headers=headers)
            return Answer(self.conn.getresponse())
        except (OSError, http.client.HTTPException):
            self.conn.close()
            self.conn = None
            raise

    def post(self, statement, accept='application/cose', content_type='application/cose'):
        return self.ask('POST', '/entries', statement, Accept=accept, Content_Type=content_type)

    def entry(self, location):
        return self.ask('GET', location, Accept='application/cose')

    def keys(self):
        a = self.ask('GET', '/.well-known/scitt-keys', Accept='application/cbor')
        assert a.status == 200 and a.type == 'application/cbor', (a.status, a.headers)
        return loads(a.body)

    def close(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None


def key(seed):
    return Key(sha256(seed.encode() if isinstance(seed, str) else seed))


def statement(by, payload=b'{"a":1}', sub='pkg:demo', unprotected=None, **over):
    """A Signed Statement of RFC 9943 section 6.1; over: labels of the protected header as
    h1, h15, ... (None leaves one out)."""
    h = {1: -8, 3: 'application/json', 4: w.thumbprint(by.public), 15: {1: by.did, 2: sub}}
    for k, v in over.items():
        label = int(k[1:])
        if v is None:
            h.pop(label, None)
        else:
            h[label] = v
    prot = dumps(h)
    sig = by.private.sign(dumps(['Signature1', prot, b'', payload]))
    return dumps(Tag(18, [prot, unprotected or {}, payload, sig]))


def canonical(stmt):
    prot, _, payload, sig = loads(stmt).value
    return dumps(Tag(18, [prot, {}, payload, sig]))


def entry_id(stmt):
    return sha256(canonical(stmt))


def location(stmt):
    import base64
    return '/entries/' + base64.urlsafe_b64encode(entry_id(stmt)).decode().rstrip('=')


def check_receipt(receipt, stmt, keys):
    """RFC 9942 section 5.2: recompute the root, then the signature with the service's key
    whose kid the receipt names.  Returns (index, size)."""
    t = loads(receipt)
    assert t.tag == 18
    prot, unprot, payload, sig = t.value
    h = loads(prot)
    assert payload is None and h[395] == 1 and isinstance(h[15][1], str) and isinstance(h[15][2], str)
    (proof,) = unprot[396][-1]
    size, index, path = loads(proof)
    assert path, 'RFC 9942 has no form for an empty path'
    root = w.sha256(b'\0' + entry_id(stmt))
    fn, sn = index, size - 1
    assert index < size
    for p in path:
        assert sn > 0
        if fn & 1 or fn == sn:
            root = w.sha256(b'\1' + p + root)
            while fn & 1 == 0 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = w.sha256(b'\1' + root + p)
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    (one,) = [k for k in keys if k[2] == h[4]]
    assert one[1] == 1 and one[-1] == 6 and one[3] == h[1] == -8
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    Ed25519PublicKey.from_public_bytes(one[-2]).verify(sig, dumps(['Signature1', prot, b'', root]))
    return index, size


def allow(policy, *dids):
    """The policy text with these issuers listed."""
    return policy + ''.join('may_register("%s") <- issuer("%s");\n' % (d, d) for d in dids)
