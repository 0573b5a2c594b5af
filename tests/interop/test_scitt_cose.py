"""scitt-cose, a Python implementation that we did not write: what sluice registers verifies
there, what it makes verifies in `sluice verify`.  Needs a clone of it (CONTRIBUTING), named by
SL_SCITT_COSE."""
import hashlib
import os
import pathlib
import subprocess
import sys

import cbor2
import pytest
from cryptography.hazmat.primitives import serialization as S
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

import conftest
import ledger as L
import sluice_wire as sw

CLONE = pathlib.Path(os.environ.get('SL_SCITT_COSE', conftest.SRC.parent / 'shared' / 'scitt-cose'))
pytestmark = pytest.mark.skipif(not (CLONE / 'scitt_cose').is_dir(), reason='no clone at $SL_SCITT_COSE')
sys.path.insert(0, str(CLONE))


def pem(pub):
    return pub.public_bytes(S.Encoding.PEM, S.PublicFormat.SubjectPublicKeyInfo)


def secret(key):
    return key.private_bytes(S.Encoding.PEM, S.PrivateFormat.PKCS8, S.NoEncryption())


@pytest.fixture(scope='module')
def proved(tmp_path_factory):
    """A run's decision in this node's log, with its receipt: (statement, receipt)."""
    node = conftest.Node(tmp_path_factory.mktemp('node'))
    tag = cbor2.loads(node.prove(node.entries(node.exec())[0]['entry'])).value
    statement = b'\xd2' + cbor2.dumps([tag[0], {}, tag[2], tag[3]])
    return statement, tag[1][394][0]


def key_of(message):
    """The Ed25519 key that the did:key of iss is."""
    claims = cbor2.loads(cbor2.loads(message).value[0])[15]
    return ed25519.Ed25519PublicKey.from_public_bytes(sw.did_to_key(claims[1]))


def test_ours_in_theirs(proved):
    import scitt_cose
    statement, receipt = proved
    log = pem(key_of(receipt))
    leaf = hashlib.sha256(statement).hexdigest()
    assert scitt_cose.verify_receipt(receipt, leaf_entry_hex=leaf, log_public_key_pem=log).ok
    scitt_cose.verify_sign1(statement, public_key_pem=pem(key_of(statement)))
    bad = receipt[:-1] + bytes([receipt[-1] ^ 1])
    assert not scitt_cose.verify_receipt(bad, leaf_entry_hex=leaf, log_public_key_pem=log).ok
    other = hashlib.sha256(statement + b'x').hexdigest()
    assert not scitt_cose.verify_receipt(receipt, leaf_entry_hex=other, log_public_key_pem=log).ok


@pytest.mark.parametrize('alg,make', [('EdDSA', ed25519.Ed25519PrivateKey.generate),
                                      ('ES256', lambda: ec.generate_private_key(ec.SECP256R1()))])
def test_theirs_in_ours(tmp_path, alg, make):
    import scitt_cose
    issuer, log = make(), make()
    statement = scitt_cose.build_signed_statement(
        b'hello', issuer='https://maker.example', subject='thing', content_type='text/plain',
        alg=alg, private_key_pem=secret(issuer))
    leaves = [hashlib.sha256(bytes([i])).hexdigest() for i in range(5)]
    leaves[3] = hashlib.sha256(statement).hexdigest()
    receipt = scitt_cose.build_receipt(leaf_entry_hex=leaves[3], leaf_index=3, tree_entries_hex=leaves,
                                       alg=alg, log_private_key_pem=secret(log))
    (tmp_path / 'i.pem').write_bytes(pem(issuer.public_key()))
    (tmp_path / 'l.pem').write_bytes(pem(log.public_key()))
    st = tmp_path / 's.cose'

    def verify(data, mode='sha256-as-is'):
        (tmp_path / 'list').write_text(f'issuer https://maker.example i.pem\nservice - {mode} l.pem\n')
        st.write_bytes(data)
        return subprocess.run([conftest.SLUICE, 'verify', '--trust-list', tmp_path / 'list', st],
                              env={**os.environ, 'SLUICE_HOME': str(tmp_path / 'home')}, timeout=60).returncode
    assert verify(L.attach(statement, [receipt])) == 0
    assert verify(L.attach(statement, [receipt]), 'full-bytes') == 4
    assert verify(L.attach(statement, [receipt[:-1] + bytes([receipt[-1] ^ 1])])) == 4
