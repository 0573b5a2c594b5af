"""Statements and receipts of npm @transmute/cose, a JavaScript implementation that we did not
write, in `sluice verify`.  Needs node and the package: in any directory
    npm i --ignore-scripts @transmute/cose@0.2.11
and SL_NPM naming that directory."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import conftest

NPM = pathlib.Path(os.environ.get('SL_NPM', conftest.SRC.parent / 'shared' / 'npm'))
pytestmark = pytest.mark.skipif(
    shutil.which('node') is None or not (NPM / 'node_modules/@transmute/cose').is_dir(),
    reason='no node, or no @transmute/cose below $SL_NPM')


def make(alg, form):
    script = pathlib.Path(__file__).with_name('transmute.js').read_text()
    p = subprocess.run(['node', '-', alg, form], input=script, cwd=NPM, capture_output=True, text=True,
                       timeout=60)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


def verify(tmp, made, data, mode='full-bytes', issuer='issuer'):
    (tmp / 'i.json').write_text(json.dumps(made[issuer]))
    (tmp / 'l.json').write_text(json.dumps(made['log']))
    (tmp / 'list').write_text(f'issuer https://maker.example i.json\nservice https://log.example {mode} l.json\n')
    (tmp / 's.cose').write_bytes(data)
    p = subprocess.run([conftest.SLUICE, 'verify', '--json', '--trust-list', tmp / 'list', tmp / 's.cose'],
                       env={**os.environ, 'SLUICE_HOME': str(tmp / 'home')}, capture_output=True, timeout=60)
    return p.returncode, json.loads(p.stdout)


@pytest.mark.parametrize('alg', ['ES256', 'ES384', 'ES512'])
def test_theirs_in_ours(tmp_path, alg):
    made = make(alg, 'bytes')
    whole = bytes.fromhex(made['whole'])
    rc, out = verify(tmp_path, made, whole)
    assert rc == 0 and out['registered'] == [{'service': 'https://log.example', 'is': 'good', 'leaf': 'full-bytes'}]
    assert out['statement']['algorithm'] == alg
    for mode in ('sha256-as-is', 'sha256-canonical', 'ccf'):
        assert verify(tmp_path, made, whole, mode)[0] == 4
    if alg != 'ES256':
        assert verify(tmp_path, made, whole, issuer='log')[0] == 4
    for i in range(0, len(whole), 3):
        bad = bytearray(whole)
        bad[i] ^= 4
        assert verify(tmp_path, made, bytes(bad))[0] == 4, i
    assert verify(tmp_path, made, bytes.fromhex(made['statement']))[0] == 4


def test_kid_as_text_is_refused_by_its_label(tmp_path):
    made = make('ES256', 'text')
    rc, out = verify(tmp_path, made, bytes.fromhex(made['whole']))
    assert rc == 4 and 'label 4' in out['error'] and 'RFC 9052' in out['error']
