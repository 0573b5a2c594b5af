#!/usr/bin/python3
"""verify.py [--trust DID]... [--issuer ISS=KEYHEX]... [--service ISS=LEAF=KEYHEX]... FILE

Checks a bundle of `sluice export`, or a statement with its receipts, by libsluice: offline,
in this process, trusting the keys that are given and nobody else.  Exit status as of
`sluice verify`: 0 verified, 2 usage, 4 not.  LIBSLUICE names the library where it is not installed."""
import argparse
import ctypes as C
import os
import sys

LEAF = {'sha256-canonical': 0, 'sha256-as-is': 1, 'full-bytes': 2, 'ccf': 3}
ISSUER, SUBJECT, ENTRY_ID, ALGORITHM, RUN, RUN_VERDICT = 0, 1, 2, 3, 7, 9
RECEIPTS, GOOD, STATEMENTS, DECISIONS, REDERIVED, FINDINGS = 0, 1, 2, 3, 4, 8


def load():
    lib = C.CDLL(os.environ.get('LIBSLUICE', 'libsluice.so.0'))
    handle, text, data = C.c_void_p, C.c_char_p, C.POINTER(C.c_uint8)
    for name, result, *args in (
            ('version', text), ('error_id', text, C.c_int),
            ('verifier_new', handle), ('verifier_free', None, handle),
            ('trust_did', C.c_int, handle, text),
            ('trust_issuer', C.c_int, handle, text, text),
            ('trust_service', C.c_int, handle, text, C.c_int, text),
            ('verify_bundle', C.c_int, handle, text, C.c_size_t, C.POINTER(handle)),
            ('verify_transparent', C.c_int, handle, text, C.c_size_t, C.POINTER(handle)),
            ('result_free', None, handle), ('result_text', text, handle),
            ('result_string', text, handle, C.c_int),
            ('result_number', C.c_uint64, handle, C.c_int),
            ('result_payload', data, handle, C.POINTER(C.c_size_t)),
            ('result_receipt', C.c_int, handle, C.c_size_t, C.POINTER(text), C.POINTER(text)),
            ('result_finding', text, handle, C.c_size_t)):
        f = getattr(lib, 'sluice_' + name)
        f.restype, f.argtypes = result, args
    return lib


class Verifier:
    def __init__(self, lib):
        self.lib, self.v = lib, lib.sluice_verifier_new()
        if not self.v:
            raise MemoryError

    def must(self, code):
        if code:
            raise ValueError(self.lib.sluice_error_id(code).decode())

    def trust(self, did):
        self.must(self.lib.sluice_trust_did(self.v, did.encode()))

    def issuer(self, iss, key):
        self.must(self.lib.sluice_trust_issuer(self.v, iss.encode(), key))

    def service(self, iss, leaf, key):
        self.must(self.lib.sluice_trust_service(
            self.v, None if iss == '-' else iss.encode(), LEAF[leaf], key))

    def check(self, data):
        """(error ID, text, strings and numbers) of a bundle or a transparent statement."""
        lib, r = self.lib, C.c_void_p()
        is_bundle = data[:1] != b'\xd2'
        f = lib.sluice_verify_bundle if is_bundle else lib.sluice_verify_transparent
        code = f(self.v, data, len(data), C.byref(r))
        if not r:
            raise ValueError(lib.sluice_error_id(code).decode())
        try:
            def string(i):
                return lib.sluice_result_string(r, i).decode()

            def number(i):
                return lib.sluice_result_number(r, i)
            found = {'issuer': string(ISSUER), 'receipts': number(RECEIPTS), 'good': number(GOOD)}
            if is_bundle:
                found.update(run=string(RUN), verdict=string(RUN_VERDICT), statements=number(STATEMENTS),
                             decisions=number(DECISIONS), rederived=number(REDERIVED))
            else:
                found.update(subject=string(SUBJECT), id=string(ENTRY_ID), algorithm=string(ALGORITHM))
            found['findings'] = [lib.sluice_result_finding(r, i).decode() for i in range(number(FINDINGS))]
            return lib.sluice_error_id(code).decode(), lib.sluice_result_text(r).decode(), found
        finally:
            lib.sluice_result_free(r)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.sluice_verifier_free(self.v)


def key(text):
    raw = bytes.fromhex(text)
    if len(raw) != 32:
        raise ValueError('a key of 32 bytes in hex is due')
    return raw


def main():
    p = argparse.ArgumentParser(description='Checks a bundle or a transparent statement by libsluice.')
    p.add_argument('--trust', action='append', default=[], metavar='DID')
    p.add_argument('--issuer', action='append', default=[], metavar='ISS=KEYHEX')
    p.add_argument('--service', action='append', default=[], metavar='ISS=LEAF=KEYHEX')
    p.add_argument('file')
    a = p.parse_args()
    with Verifier(load()) as v:
        try:
            for did in a.trust:
                v.trust(did)
            for row in a.issuer:
                iss, _, k = row.rpartition('=')
                v.issuer(iss, key(k))
            for row in a.service:
                iss, leaf, k = row.rsplit('=', 2)
                v.service(iss, leaf, key(k))
        except (KeyError, ValueError) as e:
            p.error(f'whom to trust: {e}')
        with open(a.file, 'rb') as f:
            error, text, found = v.check(f.read())
    for name, value in found.items():
        if value not in ('', []):
            print(f'{name}: {value}')
    print('verified' if error == 'ok' else f'not verified: {text} [{error}]')
    return 0 if error == 'ok' else 4


if __name__ == '__main__':
    sys.exit(main())
