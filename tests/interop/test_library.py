"""libsluice through examples/verify.py: what it says of bundles and statements, and that it
says no more of changed ones."""
import os
import pathlib
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization as S

import conftest
import ledger as L

EXAMPLES = conftest.SRC / 'examples'
LIB = os.environ.get('LIBSLUICE', str(pathlib.Path(conftest.SLUICE).parent / 'libsluice.so.0'))
ISS, LOG = 'https://maker.example', 'https://log.example'
sys.path.insert(0, str(EXAMPLES))
os.environ['LIBSLUICE'] = LIB
pytestmark = pytest.mark.skipif(
    not os.path.exists(LIB) or b'__asan_init' in pathlib.Path(LIB).read_bytes(),
    reason='no library, or one that a sanitizer must be loaded before')

import verify as example  # noqa: E402


def raw(key):
    return key.public_key().public_bytes(S.Encoding.Raw, S.PublicFormat.Raw)


def run(*args):
    p = subprocess.run([sys.executable, EXAMPLES / 'verify.py', *map(str, args)], capture_output=True,
                       text=True, timeout=60)
    return p.returncode, p.stdout + p.stderr


@pytest.fixture(scope='module')
def lib():
    return example.load()


@pytest.fixture(scope='module')
def bundle(tmp_path_factory):
    node = conftest.Node(tmp_path_factory.mktemp('node'))
    out = node.base / 'run.bundle'
    run_id = node.exec()
    node.sl('export', run_id, '-o', out)
    return node, run_id, out


def test_bundle(bundle):
    node, run_id, out = bundle
    rc, text = run('--trust', node.identity, out)
    assert rc == 0 and run_id in text and 'verdict: allow' in text and text.endswith('verified\n')
    rc, text = run(out)
    assert rc == 4 and 'verify.unknown-signer' in text
    other = L.did_key(L.new_key(L.EDDSA))
    assert run('--trust', other, out)[0] == 4
    assert run('--trust', 'did:key:nonsense', out)[0] == 2


def test_bundle_each_byte(lib, bundle):
    node, _, out = bundle
    data = out.read_bytes()
    with example.Verifier(lib) as v:
        v.trust(node.identity)
        assert v.check(data)[0] == 'ok'
        for i in range(0, len(data), 5):
            m = bytearray(data)
            m[i] ^= 1 << i % 8
            error, text, found = v.check(bytes(m))
            assert error != 'ok' and text, i
        for n in range(0, len(data), 97):
            assert v.check(data[:n])[0] != 'ok'
        assert v.check(data + b'\0')[0] != 'ok'


def transparent(alg=L.EDDSA, mode='sha256-canonical'):
    k, log = L.new_key(alg), L.new_key(alg)
    st = L.statement(k, alg, ISS)
    return k, log, L.attach(st, [L.receipt(log, alg, LOG, st, mode)])


@pytest.mark.parametrize('mode', sorted(example.LEAF))
def test_statement(tmp_path, mode):
    k, log, st = transparent(mode=mode)
    f = tmp_path / 'st.cose'
    f.write_bytes(st)
    trust = ['--issuer', f'{ISS}={raw(k).hex()}']
    rc, text = run(*trust, '--service', f'{LOG}={mode}={raw(log).hex()}', f)
    assert rc == 0 and 'algorithm: EdDSA' in text
    other = next(m for m in sorted(example.LEAF, reverse=True) if m != mode and 'sha256' not in m)
    assert run(*trust, '--service', f'{LOG}={other}={raw(log).hex()}', f)[0] == 4
    assert run(*trust, '--service', f'{LOG}={mode}={raw(k).hex()}', f)[0] == 4
    rc, text = run(*trust, f)
    assert rc == 4 and 'verify.unknown-signer' in text
    assert run(*trust, '--service', f'{LOG}=sha1={raw(log).hex()}', f)[0] == 2
    assert run('--issuer', f'{ISS}=00', f)[0] == 2


def test_other_algorithms_are_named(lib):
    _, _, st = transparent(L.ES256)
    with example.Verifier(lib) as v:
        v.issuer(ISS, raw(L.new_key(L.EDDSA)))
        error, text, _ = v.check(st)
        assert error in ('input.unsupported', 'verify.failed') and 'ES256' in text
