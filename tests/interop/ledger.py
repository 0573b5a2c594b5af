"""An issuer and a ledger of our own making, from the RFCs alone (cbor2 and cryptography):
COSE_Sign1 by every algorithm, X.509 paths, receipts of RFC 9942 in each leaf mode."""
import datetime
import hashlib

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ES256, EDDSA, ED25519, ES384, ES512, PS256, PS384, PS512, RS256, ES256K = (
    -7, -8, -19, -35, -36, -37, -38, -39, -257, -47)
HASH = {-7: hashes.SHA256, -35: hashes.SHA384, -36: hashes.SHA512, -37: hashes.SHA256,
        -38: hashes.SHA384, -39: hashes.SHA512, -257: hashes.SHA256, -47: hashes.SHA256}
CURVE = {-7: ec.SECP256R1, -35: ec.SECP384R1, -36: ec.SECP521R1, -47: ec.SECP256K1}


def sha256(b):
    return hashlib.sha256(b).digest()


def new_key(alg, bits=2048):
    if alg in (EDDSA, ED25519):
        return ed25519.Ed25519PrivateKey.generate()
    if alg in CURVE:
        return ec.generate_private_key(CURVE[alg]())
    return rsa.generate_private_key(65537, bits)


def raw_sign(key, alg, data, salt=None):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    h = HASH[alg]()
    if isinstance(key, rsa.RSAPrivateKey):
        if alg == RS256:
            return key.sign(data, padding.PKCS1v15(), h)
        return key.sign(data, padding.PSS(padding.MGF1(h), salt or h.digest_size), h)
    r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(h)))
    n = (key.curve.key_size + 7) // 8
    return r.to_bytes(n, "big") + s.to_bytes(n, "big")


def sign1(key, prot, payload, unprot=None, detached=False, sign=None):
    """Tagged COSE_Sign1; sign(data) stands in for the key's signature."""
    p = cbor2.dumps(prot)
    tbs = cbor2.dumps(["Signature1", p, b"", payload])
    sig = sign(tbs) if sign else raw_sign(key, prot[1], tbs)
    return b"\xd2" + cbor2.dumps([p, unprot or {}, None if detached else payload, sig])


def statement(key, alg, iss, payload=b"{}", sub="thing", extra=None, **kw):
    prot = {1: alg, 3: "application/json", 4: b"k1", 15: {1: iss, 2: sub}}
    prot.update(extra or {})
    return sign1(key, {k: v for k, v in prot.items() if v is not None}, payload, **kw)


def attach(st, receipts, more=None):
    tag = cbor2.loads(st).value
    return b"\xd2" + cbor2.dumps([tag[0], {**tag[1], **(more or {}), 394: receipts},
                                  tag[2], tag[3]])


def canonical(st):
    tag = cbor2.loads(st).value
    return b"\xd2" + cbor2.dumps([tag[0], {}, tag[2], tag[3]])


def node(left, right):
    return sha256(b"\x01" + left + right)


def entry_of(st, mode):
    return {"sha256-canonical": lambda: sha256(canonical(st)),
            "sha256-as-is": lambda: sha256(st), "full-bytes": lambda: st}[mode]()


def receipt(key, alg, iss, st, mode="sha256-as-is", kid=b"log-1", iat=None, sign=None):
    """Third of a tree of four; or, of mode ccf, a leaf with one hash beside it."""
    claims = {1: iss, 2: "log"} if iss else {}
    if iat is not None:
        claims[6] = iat
    prot = {1: alg, 395: 2 if mode == "ccf" else 1}
    if kid is not None:
        prot[4] = kid
    if claims:
        prot[15] = claims
    a, b = sha256(b"a"), sha256(b"b")
    if mode == "ccf":
        leaf = sha256(a + sha256(b"ev") + sha256(canonical(st)))
        proof = cbor2.dumps({1: [a, "ev", sha256(canonical(st))], 2: [[True, b]]})
        root = sha256(b + leaf)
    else:
        leaf = sha256(b"\x00" + entry_of(st, mode))
        proof = cbor2.dumps([4, 2, [a, b]])
        root = node(b, node(leaf, a))
    p = cbor2.dumps(prot)
    tbs = cbor2.dumps(["Signature1", p, b"", root])
    sig = sign(tbs) if sign else raw_sign(key, alg, tbs)
    return b"\xd2" + cbor2.dumps([p, {396: {-1: [proof]}}, None, sig])


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def b64u(b):
    import base64
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


def jwk(key, **more):
    n = key.public_key()
    if isinstance(n, ed25519.Ed25519PublicKey):
        raw = n.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u(raw), **more}
    if isinstance(n, rsa.RSAPublicKey):
        v = n.public_numbers()
        size = (v.n.bit_length() + 7) // 8
        return {"kty": "RSA", "n": b64u(v.n.to_bytes(size, "big")), "e": "AQAB", **more}
    v, size = n.public_numbers(), (n.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{n.curve.key_size}",
            "x": b64u(v.x.to_bytes(size, "big")), "y": b64u(v.y.to_bytes(size, "big")),
            **more}


def cose_key(key, **more):
    n = key.public_key()
    if isinstance(n, ed25519.Ed25519PublicKey):
        raw = n.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {1: 1, -1: 6, -2: raw, **more}
    if isinstance(n, rsa.RSAPublicKey):
        v = n.public_numbers()
        size = (v.n.bit_length() + 7) // 8
        return {1: 3, -1: v.n.to_bytes(size, "big"), -2: b"\x01\x00\x01", **more}
    v, size = n.public_numbers(), (n.curve.key_size + 7) // 8
    return {1: 2, -1: {256: 1, 384: 2, 521: 3}[n.curve.key_size],
            -2: v.x.to_bytes(size, "big"), -3: v.y.to_bytes(size, "big"), **more}


def did_key(key):
    """did:key of Ed25519, P-256 or P-384, points compressed."""
    n = key.public_key()
    if isinstance(n, ed25519.Ed25519PublicKey):
        raw = b"\xed\x01" + n.public_bytes(serialization.Encoding.Raw,
                                           serialization.PublicFormat.Raw)
    else:
        raw = {256: b"\x80\x24", 384: b"\x81\x24"}[n.curve.key_size] + n.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    v, out = int.from_bytes(raw, "big"), ""
    while v:
        v, r = divmod(v, 58)
        out = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[r] + out
    return "did:key:z" + out


def cert(subject, key, issuer=None, issuer_key=None, ca=False, days=30, start=-1,
         san=(), eku=(), usage=None, constraints=True):
    """A certificate; start and days count from today."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")])
    now = datetime.datetime.utcnow()
    b = (x509.CertificateBuilder().subject_name(name)
         .issuer_name(issuer.subject if issuer else name).public_key(key.public_key())
         .serial_number(x509.random_serial_number())
         .not_valid_before(now + datetime.timedelta(days=start))
         .not_valid_after(now + datetime.timedelta(days=start + days)))
    if constraints:
        b = b.add_extension(x509.BasicConstraints(ca=ca, path_length=None), True)
    if usage is not None:
        flags = dict.fromkeys(("digital_signature", "content_commitment",
                               "key_encipherment", "data_encipherment", "key_agreement",
                               "key_cert_sign", "crl_sign", "encipher_only",
                               "decipher_only"), False)
        flags[usage] = True
        b = b.add_extension(x509.KeyUsage(**flags), True)
    if san:
        b = b.add_extension(x509.SubjectAlternativeName(list(san)), False)
    if eku:
        b = b.add_extension(x509.ExtendedKeyUsage(list(eku)), False)
    signer = issuer_key or key
    h = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return b.sign(signer, h)


def der(c):
    return c.public_bytes(serialization.Encoding.DER)


def cert_pem(*certs):
    return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certs)


CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
DNS, URI = x509.DNSName, x509.UniformResourceIdentifier
