"""Statements and receipts of others, made from the RFCs by ledger.py, in `sluice verify`:
algorithms, issuers, leaf modes, hash envelopes; and what has to be refused."""
import hashlib
import json
import os
import subprocess
import time

import cbor2
import pytest

import ledger as L

SLUICE = os.environ.get("SLUICE", "build/sluice")
ISS, LOG = "https://maker.example", "https://log.example"
ALGS = [L.EDDSA, L.ED25519, L.ES256, L.ES384, L.ES512, L.PS256, L.PS384, L.PS512]
KEYS = {a: L.new_key(a) for a in ALGS}
LOGKEY = KEYS[L.ES256]


@pytest.fixture
def box(tmp_path):
    os.environ["SLUICE_HOME"] = str(tmp_path / "home")
    return tmp_path


def put(box, name, data):
    p = box / name
    p.parent.mkdir(parents=True, exist_ok=True)
    p.write_bytes(data if isinstance(data, bytes) else data.encode())
    return p


def verify(box, st, trust=(), *args):
    """(exit status, object) of a statement against a list's lines."""
    put(box, "list", "".join(line + "\n" for line in trust))
    p = subprocess.run([SLUICE, "verify", "--json", "--trust-list", box / "list", *args,
                        put(box, "st.cose", st)], capture_output=True, timeout=60)
    out = json.loads(p.stdout) if p.stdout else {}
    assert p.returncode in (0, 2, 4), p.stderr
    assert out.get("verdict") in {0: ["verified"], 2: [None],
                                  4: ["failed", "unknown-signer"]}[p.returncode]
    return p.returncode, out


def log_line(box, mode="sha256-as-is", key=LOGKEY, iss=LOG, name="log.pem"):
    put(box, name, L.pem(key))
    return f"service {iss} {mode} {name}"


def iss_line(box, key, iss=ISS, name="iss.pem"):
    put(box, name, L.pem(key))
    return f"issuer {iss} {name}"


def whole(key, alg, iss=ISS, mode="sha256-as-is", receipts=None, **kw):
    st = L.statement(key, alg, iss, **kw)
    return L.attach(st, receipts or [L.receipt(LOGKEY, L.ES256, LOG, st, mode)])


# --- algorithms -------------------------------------------------------------------

@pytest.mark.parametrize("alg", ALGS)
def test_statement_and_receipt_by(box, alg):
    st = L.statement(KEYS[alg], alg, ISS)
    st = L.attach(st, [L.receipt(KEYS[alg], alg, LOG, st)])
    trust = [iss_line(box, KEYS[alg]), log_line(box, key=KEYS[alg])]
    rc, out = verify(box, st, trust)
    assert rc == 0 and out["statement"]["trusted"]
    assert out["registered"] == [{"service": LOG, "is": "good", "leaf": "sha256-as-is"}]
    # each of its signatures, broken
    bad = bytearray(st)
    bad[-1] ^= 1
    rc, out = verify(box, bytes(bad), trust)
    assert rc == 4 and "does not fit" in out["error"]


@pytest.mark.parametrize("alg", ALGS)
def test_key_of_another(box, alg):
    trust = [iss_line(box, L.new_key(alg)), log_line(box)]
    rc, out = verify(box, whole(KEYS[alg], alg), trust)
    assert rc == 4 and out["error_id"] == "verify.failed"


@pytest.mark.parametrize("alg,key", [
    (L.ES384, L.ES256), (L.ES512, L.ES256), (L.ES256, L.ES384), (L.ES256, L.PS256),
    (L.PS256, L.ES256), (L.ES256, L.EDDSA), (L.EDDSA, L.ES256)])
def test_algorithm_of_another_kind_of_key(box, alg, key):
    k = KEYS[key]

    def sign(tbs):  # as RFC 9053 would have it, where it can
        if alg in L.HASH and key in L.CURVE and alg in L.CURVE:
            from cryptography.hazmat.primitives.asymmetric import ec, utils
            r, s = utils.decode_dss_signature(k.sign(tbs, ec.ECDSA(L.HASH[alg]())))
            n = (k.curve.key_size + 7) // 8
            return r.to_bytes(n, "big") + s.to_bytes(n, "big")
        return L.raw_sign(k, key, tbs)

    rc, out = verify(box, whole(k, alg, sign=sign), [iss_line(box, k), log_line(box)])
    assert rc == 4 and out["verdict"] == "failed"


@pytest.mark.parametrize("alg,name", [(L.RS256, "RS256"), (L.ES256K, "ES256K"),
                                      (-53, "Ed448"), (-999, "unknown")])
def test_algorithm_refused_by_name(box, alg, name):
    k = L.new_key(alg) if alg in (L.RS256, L.ES256K) else KEYS[L.EDDSA]
    rc, out = verify(box, whole(k, alg), [iss_line(box, KEYS[L.ES256]), log_line(box)])
    assert rc == 4 and name in out["error"]


def test_der_signature_is_refused(box):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    k = KEYS[L.ES256]
    st = whole(k, L.ES256, sign=lambda t: k.sign(t, ec.ECDSA(hashes.SHA256())))
    rc, out = verify(box, st, [iss_line(box, k), log_line(box)])
    assert rc == 4 and "64" in out["error"]


def test_short_salt_is_refused(box):
    k = KEYS[L.PS256]
    st = whole(k, L.PS256, sign=lambda t: L.raw_sign(k, L.PS256, t, salt=20))
    assert verify(box, st, [iss_line(box, k), log_line(box)])[0] == 4


def test_rsa_of_1024_bits_is_refused(box):
    k = L.new_key(L.PS256, bits=1024)
    rc, out = verify(box, whole(k, L.PS256), [iss_line(box, k), log_line(box)])
    assert rc == 4 and "1024 bits" in out["error"]


def test_small_order_key_is_refused(box):
    """The zero signature of a point of small order: OpenSSL takes it, libsodium not."""
    from cryptography.hazmat.primitives.asymmetric import ed25519
    small = bytes.fromhex("01" + "00" * 31)  # the neutral element
    k = L.cose_key(KEYS[L.EDDSA])
    k[-2] = small
    put(box, "small.cbor", cbor2.dumps(k))
    st = whole(KEYS[L.EDDSA], L.EDDSA, sign=lambda t: small + bytes(32))
    tag = cbor2.loads(st).value
    tbs = cbor2.dumps(["Signature1", tag[0], b"", tag[2]])
    ed25519.Ed25519PublicKey.from_public_bytes(small).verify(tag[3], tbs)
    rc, _ = verify(box, st, [f"issuer {ISS} small.cbor", log_line(box)])
    assert rc == 4


# --- issuers ----------------------------------------------------------------------

@pytest.mark.parametrize("alg", [L.EDDSA, L.ES256, L.ES384])
def test_did_key(box, alg):
    did = L.did_key(KEYS[alg])
    st = whole(KEYS[alg], alg, iss=did)
    rc, out = verify(box, st, [log_line(box)])
    assert (rc, out["verdict"]) == (4, "unknown-signer")
    assert verify(box, st, [log_line(box)], "--trust", did)[0] == 0
    rc, out = verify(box, whole(L.new_key(alg), alg, iss=did), [log_line(box)],
                     "--trust", did)
    assert (rc, out["verdict"]) == (4, "failed")


@pytest.mark.parametrize("alg", [L.EDDSA, L.ES256, L.ES384, L.PS256])
def test_did_jwk(box, alg):
    did = "did:jwk:" + L.b64u(json.dumps(L.jwk(KEYS[alg])).encode())
    st = whole(KEYS[alg], alg, iss=did)
    assert verify(box, st, [log_line(box)], "--trust", did)[0] == 0
    rc, out = verify(box, whole(L.new_key(alg), alg, iss=did), [log_line(box)],
                     "--trust", did)
    assert (rc, out["verdict"]) == (4, "failed")


@pytest.mark.parametrize("more", [{"d": "AAAA"}, {"use": "enc"}, {"alg": "ES384"},
                                  {"key_ops": ["sign"]}, {"crv": "P-384"}])
def test_jwk_that_is_for_something_else(box, more):
    jwk = {**L.jwk(KEYS[L.ES256]), **more}
    did = "did:jwk:" + L.b64u(json.dumps(jwk).encode())
    assert verify(box, whole(KEYS[L.ES256], L.ES256, iss=did), [log_line(box)])[0] == 4
    put(box, "k.json", json.dumps(jwk))
    rc, _ = verify(box, whole(KEYS[L.ES256], L.ES256),
                   [f"issuer {ISS} k.json", log_line(box)])
    assert rc in (2, 4)


@pytest.mark.parametrize("name,data", [
    ("k.json", lambda k: json.dumps(L.jwk(k, kid="k1"))),
    ("set.json", lambda k: json.dumps({"keys": [L.jwk(L.new_key(L.ES384), kid="k0"),
                                                L.jwk(k, kid="k1")]})),
    ("k.cbor", lambda k: cbor2.dumps(L.cose_key(k, **{}))),
    ("set.cbor", lambda k: cbor2.dumps([{**L.cose_key(L.new_key(L.ES256)), 2: b"k0"},
                                        {**L.cose_key(k), 2: b"k1", 3: -7}])),
    ("half.cbor", lambda k: cbor2.dumps({  # a compressed point, RFC 9053 section 7.1.1
        **L.cose_key(k), -3: bool(k.public_key().public_numbers().y & 1)})),
    ("k.pem", L.pem),
    ("cert.pem", lambda k: L.cert_pem(L.cert("me", k)))])
def test_listed_key(box, name, data):
    k = KEYS[L.ES256]
    put(box, name, data(k))
    st = whole(k, L.ES256)
    assert verify(box, st, [f"issuer {ISS} {name}", log_line(box)])[0] == 0
    rc, out = verify(box, st, [f"issuer https://other.example {name}", log_line(box)])
    assert (rc, out["verdict"]) == (4, "unknown-signer")
    assert "checks" in out and out["checks"] == []


def test_cose_key_that_is_not_to_verify(box):
    k = KEYS[L.ES256]
    for ops, want in (([2], 0), ([1, 2], 0), ([1], 2), ([], 2), ([9, 10], 2)):
        put(box, "k.cbor", cbor2.dumps({**L.cose_key(k), 4: ops}))
        rc, _ = verify(box, whole(k, L.ES256), [f"issuer {ISS} k.cbor", log_line(box)])
        assert rc == want, ops


def test_kid_that_is_not_listed(box):
    k = KEYS[L.ES256]
    put(box, "k.json", json.dumps(L.jwk(k, kid="another")))
    rc, out = verify(box, whole(k, L.ES256), [f"issuer {ISS} k.json", log_line(box)])
    assert (rc, out["error_id"]) == (4, "verify.unknown-signer")


WEB = "did:web:maker.example:team"


def web_doc(key, did=WEB, **more):
    return {"id": did, "verificationMethod": [{
        "id": did + "#k1", "type": "JsonWebKey2020", "controller": did,
        "publicKeyJwk": L.jwk(key)}], "assertionMethod": [did + "#k1"], **more}


def test_did_web(box):
    k = KEYS[L.ES256]
    st = whole(k, L.ES256, iss=WEB)
    put(box, "m/maker.example/team/did.json", json.dumps(web_doc(k)))
    rc, out = verify(box, st, ["web m", log_line(box)])
    assert rc == 0 and out["statement"]["known_by"] == "did:web"
    assert verify(box, st, [log_line(box)])[1]["verdict"] == "unknown-signer"
    assert verify(box, whole(k, L.ES256, iss="did:web:else.example"),
                  ["web m", log_line(box)])[1]["verdict"] == "unknown-signer"
    host = "did:web:maker.example"
    put(box, "m/maker.example/.well-known/did.json", json.dumps(web_doc(k, host)))
    assert verify(box, whole(k, L.ES256, iss=host), ["web m", log_line(box)])[0] == 0


@pytest.mark.parametrize("doc", [
    lambda k: web_doc(L.new_key(L.ES256)),
    lambda k: web_doc(k, did="did:web:else.example"),
    lambda k: {**web_doc(k), "assertionMethod": []},
    lambda k: {**web_doc(k), "assertionMethod": [WEB + "#k2"]},
    lambda k: {**web_doc(k), "verificationMethod": [
        {**web_doc(k)["verificationMethod"][0], "controller": "did:web:else.example"}]},
    lambda k: {**web_doc(k), "verificationMethod": [
        {**web_doc(k)["verificationMethod"][0], "id": WEB + "#k9"}],
        "assertionMethod": [WEB + "#k9"]}])
def test_did_web_document_that_does_not_say_so(box, doc):
    k = KEYS[L.ES256]
    put(box, "m/maker.example/team/did.json", json.dumps(doc(k)))
    assert verify(box, whole(k, L.ES256, iss=WEB), ["web m", log_line(box)])[0] == 4


@pytest.mark.parametrize("did", [
    "did:web:..:secret", "did:web:maker.example:..:team", "did:web:maker.example:",
    "did:web:", "did:web:a/b", "did:web:maker.example:team%2f..", "did:web:.:m"])
def test_did_web_never_leaves_the_mirror(box, did):
    k = KEYS[L.ES256]
    put(box, "m/maker.example/team/did.json", json.dumps(web_doc(k)))
    put(box, "secret/did.json", json.dumps(web_doc(k, did)))
    os.symlink(box / "secret", box / "m/maker.example/link")
    st = whole(k, L.ES256, iss=did)
    assert verify(box, st, ["web m", log_line(box)])[0] == 4
    link = "did:web:maker.example:link"
    put(box, "secret/did.json", json.dumps(web_doc(k, link)))
    assert verify(box, whole(k, L.ES256, iss=link), ["web m", log_line(box)])[0] != 0


# --- X.509 ------------------------------------------------------------------------

class Pki:
    def __init__(self, box, leaf_alg=L.ES256, leaf=None, mid=None):
        self.root_key, self.mid_key = L.new_key(L.ES384), L.new_key(L.ES256)
        self.key = KEYS[leaf_alg]
        self.root = L.cert("root", self.root_key, ca=True)
        self.mid = L.cert("mid", self.mid_key, self.root, self.root_key,
                          **{"ca": True, **(mid or {})})
        self.leaf = L.cert("leaf", self.key, self.mid, self.mid_key,
                           **{"san": [L.URI(ISS)], "eku": [L.CODE_SIGNING],
                              **(leaf or {})})
        put(box, "root.pem", L.cert_pem(self.root))
        self.lines = ["root root.pem", log_line(box)]
        self.alg = leaf_alg

    def chain(self):
        return [L.der(self.leaf), L.der(self.mid)]

    def statement(self, iss=ISS, extra=None, **kw):
        extra = {4: None, 33: self.chain(),
                 34: [-16, L.sha256(L.der(self.leaf))], **(extra or {})}
        return whole(self.key, self.alg, iss=iss, extra=extra, **kw)

    def did(self, tail, pin=None):
        return "did:x509:0:sha256:" + L.b64u(L.sha256(L.der(pin or self.root))) + tail


@pytest.mark.parametrize("alg", [L.ES256, L.ES384, L.PS256, L.EDDSA])
def test_x509(box, alg):
    p = Pki(box, alg)
    rc, out = verify(box, p.statement(), p.lines)
    assert rc == 0 and out["statement"]["known_by"] == "x509"
    other = L.cert("root", L.new_key(L.ES384), ca=True)
    put(box, "root.pem", L.cert_pem(other))
    assert verify(box, p.statement(), p.lines)[0] == 4
    rc, out = verify(box, p.statement(), [log_line(box)])
    assert (rc, out["verdict"]) == (4, "unknown-signer")


def test_x509_chain_unprotected_beside_x5t(box):
    p = Pki(box)
    st = p.statement(extra={33: None})
    assert verify(box, st, p.lines)[0] == 4
    tag = cbor2.loads(st).value
    st = b"\xd2" + cbor2.dumps([tag[0], {**tag[1], 33: p.chain()}, tag[2], tag[3]])
    # the receipt was over the statement without that chain
    line = p.lines[1].replace("sha256-as-is", "sha256-canonical")
    assert verify(box, st, [p.lines[0], line])[0] == 0
    other = Pki(box)
    st = b"\xd2" + cbor2.dumps([tag[0], {**tag[1], 33: other.chain()}, tag[2], tag[3]])
    rc, out = verify(box, st, [other.lines[0], line])
    assert rc == 4 and "x5t" in out["error"]


@pytest.mark.parametrize("kw", [
    {"leaf": {"start": -60}}, {"leaf": {"start": 10}}, {"mid": {"start": -60}},
    {"mid": {"ca": False}}, {"mid": {"constraints": False, "usage": "key_cert_sign"}},
    {"leaf": {"usage": "key_encipherment"}}])
def test_x509_path_that_does_not_hold(box, kw):
    p = Pki(box, **kw)
    rc, out = verify(box, p.statement(), p.lines)
    assert (rc, out["verdict"]) == (4, "failed")


def test_x509_time_is_that_of_the_receipt(box):
    p = Pki(box, leaf={"start": -60})
    st = L.statement(p.key, p.alg, ISS, extra={4: None, 33: p.chain()})
    then = int(time.time()) - 45 * 86400
    root = Pki(box, leaf={"start": -60}, mid={"start": -90, "days": 180})
    root.root = L.cert("root", root.root_key, ca=True, start=-90, days=180)
    root.mid = L.cert("mid", root.mid_key, root.root, root.root_key, ca=True, start=-90,
                      days=180)
    root.leaf = L.cert("leaf", root.key, root.mid, root.mid_key, start=-60,
                       san=[L.URI(ISS)])
    put(box, "root.pem", L.cert_pem(root.root))
    st = L.statement(root.key, root.alg, ISS, extra={4: None, 33: root.chain()})
    good = L.attach(st, [L.receipt(LOGKEY, L.ES256, LOG, st, iat=then)])
    assert verify(box, good, root.lines)[0] == 0
    late = L.attach(st, [L.receipt(LOGKEY, L.ES256, LOG, st, iat=int(time.time()))])
    assert verify(box, late, root.lines)[0] == 4
    forged = L.attach(st, [L.receipt(L.new_key(L.ES256), L.ES256, LOG, st, iat=then),
                           L.receipt(LOGKEY, L.ES256, LOG, st)])
    assert verify(box, forged, root.lines)[0] == 4
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
    assert verify(box, late, root.lines, "--time", stamp)[0] == 0


@pytest.mark.parametrize("tail", [
    "::eku:1.3.6.1.5.5.7.3.3", "::subject:CN:leaf", "::subject:CN:leaf:O:Tests",
    "::san:uri:https%3A%2F%2Fmaker.example", "::subject:CN:le%61f::eku:1.3.6.1.5.5.7.3.3"])
def test_did_x509(box, tail):
    p = Pki(box)
    assert verify(box, p.statement(iss=p.did(tail)), p.lines)[0] == 0
    assert verify(box, p.statement(iss=p.did(tail, pin=p.mid)), p.lines)[0] == 0


@pytest.mark.parametrize("tail,why", [
    ("::eku:1.3.6.1.5.5.7.3.4", "extended key usage"), ("::subject:CN:other", "CN"),
    ("::subject:CN:leaf:O:Other", "O"), ("::san:dns:maker.example", "san"),
    ("::fulcio-issuer:a.example", "fulcio-issuer"), ("", "policy"), ("::", "policy"),
    ("::subject:CN:", "empty"), ("::subject:CN:%", "value"), ("::san:ip:1", "san"),
    ("::subject:CN:leaf%00", "value")])
def test_did_x509_that_the_path_does_not_keep(box, tail, why):
    p = Pki(box)
    rc, out = verify(box, p.statement(iss=p.did(tail)), p.lines)
    assert (rc, out["verdict"]) == (4, "failed") and why in out["error"]


def test_did_x509_pins_an_authority(box):
    p = Pki(box)
    for pin in (p.leaf, L.cert("x", KEYS[L.ES256])):
        did = p.did("::subject:CN:leaf", pin=pin)
        rc, out = verify(box, p.statement(iss=did), p.lines)
        assert rc == 4 and "fingerprint" in out["error"]
    did = p.did("::subject:CN:leaf").replace(":0:", ":1:")
    assert "version" in verify(box, p.statement(iss=did), p.lines)[1]["error"]


def test_certificate_speaks_for_no_other_issuer(box):
    p = Pki(box)
    rc, out = verify(box, p.statement(iss="https://bank.example"), p.lines)
    assert (rc, out["verdict"]) == (4, "unknown-signer")
    dns = Pki(box, leaf={"san": [L.DNS("maker.example")]})
    assert verify(box, dns.statement(iss="https://maker.example/team"), dns.lines)[0] == 0
    for iss in ("https://maker.example.evil", "https://maker.example:x@bank.example/",
                "https://maker.example@bank.example", "http://maker.example",
                "https://bank.example/maker.example", "https://MAKER.example"):
        assert verify(box, dns.statement(iss=iss), dns.lines)[0] == 4, iss
    assert verify(box, dns.statement(iss="https://maker.example:8443/a"), dns.lines)[0] == 0


def test_certificate_and_name_must_agree(box):
    p = Pki(box)
    did = L.did_key(L.new_key(L.ES256))
    rc, out = verify(box, p.statement(iss=did), p.lines, "--trust", did)
    assert (rc, out["verdict"]) == (4, "failed")
    rc, out = verify(box, p.statement(),
                     p.lines + [iss_line(box, L.new_key(L.ES256))])
    assert (rc, out["verdict"]) == (4, "failed")
    assert verify(box, p.statement(), p.lines + [iss_line(box, p.key)])[0] == 0


def test_iss_beside_a_certificate_is_a_uri(box):
    p = Pki(box)
    rc, out = verify(box, p.statement(iss="no uri: at all"), p.lines)
    assert rc == 4 and "URI" in out["error"]


# --- receipts ---------------------------------------------------------------------

MODES = ["sha256-canonical", "sha256-as-is", "full-bytes", "ccf"]


@pytest.mark.parametrize("mode", MODES)
def test_leaf_mode(box, mode):
    k = KEYS[L.ES256]
    st = L.statement(k, L.ES256, ISS, unprot={"note": "x"})
    st = L.attach(st, [L.receipt(LOGKEY, L.ES256, LOG, st, mode)])
    trust = iss_line(box, k)
    for other in MODES:
        rc, out = verify(box, st, [trust, log_line(box, other)])
        assert rc == (0 if other == mode else 4), other
        assert out["registered"][0]["is"] == ("good" if other == mode else "bad")


def test_each_receipt_is_judged_alone(box):
    k = KEYS[L.EDDSA]
    st = L.statement(k, L.EDDSA, ISS)
    good = L.receipt(LOGKEY, L.ES256, LOG, st)
    bad = good[:-1] + bytes([good[-1] ^ 1])
    trust = [iss_line(box, k), log_line(box)]
    strange = L.receipt(KEYS[L.ES384], L.ES384, "https://else.example", st)
    for more in ([bad], [b"\xff"], [b""], [strange], [bad, strange, b"\xd2"]):
        for receipts in (more + [good], [good] + more):
            rc, out = verify(box, L.attach(st, receipts), trust)
            assert rc == 0, out
            assert [r["is"] for r in out["registered"]].count("good") == 1
    rc, out = verify(box, L.attach(st, [bad]), trust)
    assert (rc, out["verdict"], out["registered"][0]["is"]) == (4, "failed", "bad")
    rc, out = verify(box, L.attach(st, [strange]), trust)
    assert (rc, out["verdict"], out["registered"][0]["is"]) == (
        4, "unknown-signer", "unknown")
    other = L.statement(k, L.EDDSA, ISS, sub="other")
    rc, out = verify(box, L.attach(other, [good]), trust)
    assert (rc, out["verdict"]) == (4, "failed")
    rc, out = verify(box, st, trust)
    assert rc == 4 and "without a receipt" in out["error"]
    assert verify(box, st, trust, "--signature-only")[0] == 0


def test_unknown_kid_is_not_a_bad_signature(box):
    k = KEYS[L.EDDSA]
    st = L.statement(k, L.EDDSA, ISS)
    put(box, "log.json", json.dumps(L.jwk(LOGKEY, kid="log-2")))
    rc, out = verify(box, L.attach(st, [L.receipt(LOGKEY, L.ES256, LOG, st)]),
                     [iss_line(box, k), f"service {LOG} sha256-as-is log.json"])
    assert (rc, out["verdict"], out["registered"][0]["is"]) == (
        4, "unknown-signer", "unknown")
    r = L.receipt(LOGKEY, L.ES256, LOG, st, kid=b"log-2")
    assert verify(box, L.attach(st, [r]),
                  [iss_line(box, k), f"service {LOG} sha256-as-is log.json"])[0] == 0


def test_kid_of_a_line(box):
    k = KEYS[L.ES256]
    st = whole(k, L.ES256)
    iss, log = iss_line(box, k), log_line(box)
    assert verify(box, st, [iss + " kid=k1", log + " kid=0x6c6f672d31"])[0] == 0
    assert verify(box, st, [iss + " kid=k2", log])[1]["verdict"] == "unknown-signer"
    assert verify(box, st, [iss, log + " kid=log-2"])[1]["verdict"] == "unknown-signer"


def test_service_that_names_itself_not(box):
    k = KEYS[L.EDDSA]
    st = L.statement(k, L.EDDSA, ISS)
    st = L.attach(st, [L.receipt(LOGKEY, L.ES256, None, st, kid=None)])
    assert verify(box, st, [iss_line(box, k), log_line(box, iss="-")])[0] == 0
    assert verify(box, st, [iss_line(box, k), log_line(box)])[0] == 4


@pytest.mark.parametrize("at,shown", [(0, "1970-01-01T00:00:00"), (2**62, str(2**62)), (-5, "-5"),
                                      (1763991918, "2025-11-24T13:45:18")])
def test_times_are_shown(box, at, shown):
    k = KEYS[L.EDDSA]
    st = whole(k, L.EDDSA, extra={15: {1: ISS, 2: "thing", 4: at, 5: at}})
    rc, out = verify(box, st, [iss_line(box, k), log_line(box)])
    assert rc == 0 and out["statement"]["not_after"] == out["statement"]["not_before"] == at
    assert sum(shown in c["text"] for c in out["checks"] if c["name"] == "claims") == 2


def test_text_kid_is_refused(box):
    k = KEYS[L.ES256]
    rc, out = verify(box, whole(k, L.ES256, extra={4: "k1"}),
                     [iss_line(box, k), log_line(box)])
    assert rc == 4 and "label 4" in out["error"] and "RFC 9052" in out["error"]


# --- hash envelopes ---------------------------------------------------------------

@pytest.mark.parametrize("alg,fn", [(-16, "sha256"), (-43, "sha384"), (-44, "sha512")])
def test_hash_envelope(box, alg, fn):
    k, data = KEYS[L.ES256], b"the artifact" * 9999
    st = whole(k, L.ES256, payload=hashlib.new(fn, data).digest(),
               extra={3: None, 258: alg, 259: "text/plain", 260: "https://a.example/x"})
    trust = [iss_line(box, k), log_line(box)]
    rc, out = verify(box, st, trust, "--payload", put(box, "data", data))
    assert rc == 0
    assert out["statement"]["hash"] == fn.upper().replace("SHA", "SHA-")
    assert out["statement"]["preimage_type"] == "text/plain"
    assert out["statement"]["location"] == "https://a.example/x"
    for wrong in (data[:-1], data + b"x", b""):
        rc, out = verify(box, st, trust, "--payload", put(box, "data", wrong))
        assert rc == 4 and "preimage" in out["error"]


def test_payload_in_the_statement_and_beside_it(box):
    k, data = KEYS[L.ES256], b'{"a":1}' * 20000
    trust = [iss_line(box, k), log_line(box)]
    for detached in (False, True):
        st = whole(k, L.ES256, payload=data, detached=detached)
        assert verify(box, st, trust, "--payload", put(box, "data", data))[0] == 0
        for wrong in (data[:-1], data + b"x", b""):
            assert verify(box, st, trust, "--payload", put(box, "data", wrong))[0] == 4
    rc, out = verify(box, whole(k, L.ES256, payload=data, detached=True), trust)
    assert rc == 4 and "--payload" in out["error"]


def test_payload_of_our_own(box):
    """A decision of this node is a hash envelope: its text, and another."""
    import conftest
    node = conftest.Node(box / "n")
    row = node.entries(node.exec())[0]
    st = put(box, "own.cose", node.prove(row["entry"]))
    shown = node.rows("log", "show", row["entry"], "--json")[0]["statement"]
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    out = json.loads(node.sl("verify", "--json", "--payload", put(box, "t", text), st).stdout)
    assert out["verdict"] == "verified" and "payload" in [c["name"] for c in out["checks"]]
    for wrong in (text + " ", "", text[:-1]):
        node.sl("verify", "--payload", put(box, "t", wrong), st, status=4)


@pytest.mark.parametrize("extra", [{3: "a/b", 258: -16}, {3: None, 259: "a/b"},
                                   {3: None, 258: -45}, {3: None, 258: -43}])
def test_hash_envelope_that_is_none(box, extra):
    k = KEYS[L.ES256]
    st = whole(k, L.ES256, payload=L.sha256(b"x"), extra=extra)
    assert verify(box, st, [iss_line(box, k), log_line(box)])[0] == 4


# --- the list ---------------------------------------------------------------------

@pytest.mark.parametrize("line,why", [
    ("isuer a b", "isuer"), ("issuer a", "fields"), ("issuer a iss.pem x", "fields"),
    ("service a sha-256 iss.pem", "leaf mode"), ("service a ccf", "fields"),
    ("issuer a missing.pem", "missing.pem"), ("issuer a empty", "no key"),
    ("issuer a secret.pem", "PRIVATE"), ("root iss.pem", "PUBLIC KEY"),
    ("root empty", "no certificate"), ("web missing", "missing"),
    ("issuer a did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc", "multibase"),
    ("issuer a junk", "COSE_Key"), ("issuer a half.pem", "end")])
def test_list_that_cannot_be_read(box, line, why):
    from cryptography.hazmat.primitives import serialization as S
    k = KEYS[L.ES256]
    st = whole(k, L.ES256)
    first = iss_line(box, k)
    put(box, "empty", b"\n")
    put(box, "junk", b"\xa1\x01")
    put(box, "half.pem", L.pem(k)[:60])
    put(box, "secret.pem", k.private_bytes(S.Encoding.PEM, S.PrivateFormat.PKCS8,
                                           S.NoEncryption()))
    put(box, "list", f"# one\n{first}\n\n{line} # end\n")
    p = subprocess.run([SLUICE, "verify", "--trust-list", box / "list",
                        put(box, "st.cose", st)], capture_output=True, text=True)
    assert p.returncode in (2, 5) and "list:4" in p.stderr and why in p.stderr
    p = subprocess.run([SLUICE, "verify", "--trust-list", box / "nowhere",
                        box / "st.cose"], capture_output=True, text=True)
    assert p.returncode == 2


def test_list_of_the_home(box):
    k = KEYS[L.ES256]
    st = put(box, "st.cose", whole(k, L.ES256))
    home = box / "home"
    home.mkdir(mode=0o700)
    (home / "trust").mkdir()
    put(home / "trust", "list", iss_line(home / "trust", k) + "\n" +
        log_line(home / "trust") + "\n")
    assert subprocess.run([SLUICE, "verify", st]).returncode == 0
    (home / "trust/list").unlink()
    assert subprocess.run([SLUICE, "verify", st]).returncode == 4


# --- bad input --------------------------------------------------------------------

def test_no_byte_can_be_changed(box):
    """Statement, receipt and path: each byte flipped never verifies; nor crashes."""
    k = KEYS[L.EDDSA]
    st = L.statement(k, L.EDDSA, ISS, payload=b"x")
    st = L.attach(st, [L.receipt(KEYS[L.EDDSA], L.EDDSA, LOG, st)])
    trust = [iss_line(box, k), log_line(box, key=KEYS[L.EDDSA])]
    assert verify(box, st, trust)[0] == 0
    for i in range(0, len(st)):
        bad = bytearray(st)
        bad[i] ^= 1 << (i % 8)
        rc, out = verify(box, bytes(bad), trust)
        assert rc == 4, i
    for n in range(0, len(st), 7):
        assert verify(box, st[:n], trust)[0] == 4


@pytest.mark.parametrize("pad", range(4))
def test_long_names_are_cut_in_whole_characters(box, pad):
    k = KEYS[L.EDDSA]
    iss, log = ISS + "/" + "x" * pad + "\U0001f600" * 99, LOG + "x" * pad + "\u20ac" * 99
    st = L.statement(k, L.EDDSA, iss, sub="x" * pad + "\u00e9" * 99)
    for kid in (b"log-1", b"\x00"):
        one = L.attach(st, [L.receipt(k, L.EDDSA, log, st, kid=kid)])
        rc, out = verify(box, one, [iss_line(box, k, iss=iss), log_line(box, key=k, iss=log)])
        assert rc == 0 and out["statement"]["issuer"] == iss
        rc, out = verify(box, one, [iss_line(box, k, iss=iss)])
        assert rc == 4 and log.startswith(out["registered"][0]["service"])
        p = subprocess.run([SLUICE, "verify", "--trust-list", box / "list", box / "st.cose"],
                           capture_output=True)
        assert p.returncode == 4 and p.stdout.decode()


def test_nul_in_a_name_is_refused(box):
    """Shown as text that ends there it would be somebody else."""
    k = KEYS[L.EDDSA]
    trust = [iss_line(box, k), log_line(box, key=k)]
    for st in (whole(k, L.EDDSA, iss=ISS + "\0.evil"), whole(k, L.EDDSA, sub="thing\0")):
        rc, out = verify(box, st, trust)
        assert rc == 4 and "NUL" in out["error"]
    st = L.statement(k, L.EDDSA, ISS)
    rc, out = verify(box, L.attach(st, [L.receipt(k, L.EDDSA, LOG + "\0", st)]), trust)
    assert rc == 4 and out["registered"][0]["is"] == "bad"


def test_helper_gets_what_it_cannot_read(box):
    k = KEYS[L.ES256]
    for chain in (b"", b"\x30\x82", [b"\x30", b"\x30"], b"\x00" * 5000):
        st = whole(k, L.ES256, extra={4: None, 33: chain})
        rc, _ = verify(box, st, [iss_line(box, k), log_line(box)])
        assert rc == 4
    bad = L.cose_key(k)
    bad[-3] = bytes(32)  # not on the curve
    put(box, "bad.cbor", cbor2.dumps(bad))
    rc, out = verify(box, whole(k, L.ES256), [f"issuer {ISS} bad.cbor", log_line(box)])
    assert rc == 4 and "cannot be read" in out["error"]


def test_without_the_helper(box):
    """Nothing is weakened: exit 5, and what needs no helper verifies still."""
    import shutil
    alone = box / "bin" / "sluice"
    alone.parent.mkdir()
    shutil.copy(SLUICE, alone)
    trust = box / "list"
    put(box, "list", "\n".join([iss_line(box, KEYS[L.ES256]), log_line(box)]))
    p = subprocess.run([alone, "verify", "--trust-list", trust,
                        put(box, "st.cose", whole(KEYS[L.ES256], L.ES256))],
                       capture_output=True, text=True)
    assert p.returncode == 5 and "sluice-sig" in p.stderr and "verified" not in p.stdout
    put(box, "list", "\n".join([iss_line(box, KEYS[L.EDDSA]),
                                log_line(box, key=KEYS[L.EDDSA])]))
    st = L.statement(KEYS[L.EDDSA], L.EDDSA, ISS)
    st = L.attach(st, [L.receipt(KEYS[L.EDDSA], L.EDDSA, LOG, st)])
    p = subprocess.run([alone, "verify", "--trust-list", trust, put(box, "st.cose", st)],
                       capture_output=True, text=True)
    assert p.returncode == 0, p.stderr


def test_helper_is_in_a_jail(box):
    """It sees no file and no socket once it runs: what strace shows after its last execve."""
    import shutil
    if shutil.which("strace") is None or b"__asan_init" in open(SLUICE, "rb").read():
        pytest.skip("no strace, or a sanitizer's own calls")
    p = Pki(box)
    put(box, "list", "\n".join(p.lines))
    trace = box / "trace"
    r = subprocess.run(["strace", "-ff", "-o", trace, SLUICE, "verify", "--trust-list",
                        box / "list", put(box, "st.cose", p.statement())],
                       capture_output=True, text=True)
    if "ptrace" in r.stderr:
        pytest.skip("tracing is not allowed here")
    assert r.returncode == 0, r.stderr
    traces = [x.read_text() for x in box.glob("trace.*")]
    mine = next(x for x in traces if "execveat" in x).splitlines()
    at = max(i for i, call in enumerate(mine) if call.startswith(("seccomp", "prctl(PR_SET_SECCOMP")))
    after = mine[at + 1:]
    assert any(c.startswith("recvmsg") for c in after)
    bad = [c for c in after if c.startswith(("open", "socket", "connect", "exec", "clone", "stat"))
           and "EPERM" not in c]
    assert bad == []
