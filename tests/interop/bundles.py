"""What the tests of bundles share: questions to both verifiers, and a node with runs."""
import subprocess

import conftest
import forge
from sluice_verify import Bad, Bundle


def why(data):
    """Why a bundle is refused, None where it is not."""
    try:
        Bundle(data)
    except Bad as e:
        return str(e)
    return None


def accepted(cases):
    """The names of those that verify."""
    return [name for name, data in cases if why(data) is None]


def sluice_verify(node, data, *args):
    """Exit status of `sluice verify`, in a home that knows nothing."""
    f = node.base / 'asked.bundle'
    f.write_bytes(data)
    p = subprocess.run([conftest.SLUICE, 'verify', *args, str(f)], capture_output=True, timeout=60,
                       stdin=subprocess.DEVNULL, env={'SLUICE_HOME': str(node.base / 'nobody')})
    return p.returncode


def with_runs(n):
    """A node with a run of a command, of a flow, of a denied one, and of one with a grant."""
    for d in ('in', 'out'):
        (n.base / d).mkdir()
    n.exec_run = n.exec()
    n.flow_run = n.run()
    n.early = n.export(n.flow_run)
    (n.base / (n.flow_run + '.bundle')).unlink()
    n.sl('exec', '--write', '/etc', '--', 'true', status=125)
    n.denied_run = n.rows('runs', '--json')[0]['run']
    n.sl('exec', '--read', n.base / 'in', '--write', n.base / 'out', '--env', 'A=1',
         '--net', '127.0.0.1:1', '--net', '[2001:DB8::0:1]:65535', '--', 'true')
    n.granted_run = n.rows('runs', '--json')[0]['run']
    n.bundles = {r: n.export(r) for r in (n.exec_run, n.flow_run, n.denied_run, n.granted_run)}
    n.store = forge.Store(n.home)
    return n


def without(kind, nth=0, tree=None):
    """A forgery (a change of forge.Forged) that takes an entry out."""
    def do(b):
        for t, (_, rows) in enumerate(b.trees):
            if tree in (None, t):
                hits = [e for e in rows if e.kind == kind]
                if len(hits) > nth:
                    rows.remove(hits[nth])
                    if t != 1:
                        for i, x in enumerate(rows):
                            x.index = i
                    return
    return do
