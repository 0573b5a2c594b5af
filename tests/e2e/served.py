"""A service under test: sluice serve on a home of its own."""
import json
import os
import pathlib
import signal
import subprocess
import time

import scrapi
from fault import SLUICE, T

DEFAULT = (pathlib.Path(__file__).resolve().parent.parent.parent / 'data/policies/default.dl').read_text()


def sl(home, *args, stdin=None):
    p = subprocess.run([SLUICE, *args], env={**os.environ, 'SLUICE_HOME': home}, input=stdin,
                       capture_output=True, timeout=60)
    return p.returncode, p.stdout.decode(errors='replace'), p.stderr.decode(errors='replace')


class Served:
    def __init__(self, name, *options, dids=(), policy=None):
        self.home = f'{T}/{name}'
        self.options = options
        assert sl(self.home, 'init')[0] == 0
        self.policy(policy or scrapi.allow(DEFAULT, *dids))
        self.start()

    def policy(self, text):
        path = f'{self.home}.dl'
        pathlib.Path(path).write_text(text)
        code, _, err = sl(self.home, 'policy', 'register', path)
        assert code == 0, err

    def start(self):
        self.log = open(f'{self.home}.err', 'ab')
        self.p = subprocess.Popen([SLUICE, 'serve', *self.options], stderr=self.log,
                                  env={**os.environ, 'SLUICE_HOME': self.home})
        self.socket = f'{self.home}/sock/http'
        until = time.monotonic() + 20
        while True:
            try:
                self.client().keys()
                return
            except OSError:
                assert self.p.poll() is None and time.monotonic() < until, self.said()
                time.sleep(0.05)

    def client(self):
        return scrapi.Service(self.socket)

    def said(self):
        return pathlib.Path(f'{self.home}.err').read_text(errors='replace')

    def children(self, name):
        """PIDs of its children with that name."""
        out = []
        for d in pathlib.Path('/proc').iterdir():
            try:
                stat = (d / 'stat').read_text()
            except OSError:
                continue
            if not d.name.isdigit():
                continue
            comm, _, rest = stat.partition('(')[2].rpartition(')')
            if comm == name[:15] and int(rest.split()[1]) == self.p.pid:
                out.append(int(d.name))
        return out

    def stop(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        code = self.p.wait(timeout=30)
        self.log.close()
        return code

    def heads(self):
        return {h['kind']: h['size'] for h in
                map(json.loads, sl(self.home, 'log', 'head', '--json')[1].splitlines())}

    def kinds(self):
        """How many entries of each kind the node's tree has, from the segments' headers."""
        n = {}
        for seg in sorted(pathlib.Path(self.home, 'log/seg').iterdir()):
            data, at = seg.read_bytes(), 0
            while data[at:at + 3] == b'SLR':
                size = int.from_bytes(data[at + 4:at + 8], 'little')
                if data[at + 3] == 2 and data[at + 12] == 1:
                    kind = data[at + 64:at + 80].rstrip(b'\0').decode()
                    n[kind] = n.get(kind, 0) + 1
                at += 80 + (size + 7 & ~7)
        return n

    def check(self):
        code, out, err = sl(self.home, 'log', 'check')
        return '' if code == 0 else out + err
