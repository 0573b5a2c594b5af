"""Nodes made by the real program ($SLUICE), for the tests of the independent verifier."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
SRC = HERE.parent.parent
sys.path.insert(0, str(HERE))
SLUICE = os.environ.get('SLUICE', str(SRC / 'build' / 'sluice'))
CORPORA = pathlib.Path(os.environ.get('SL_CORPORA', SRC.parent / 'shared' / 'corpora'))

FLOW = """\
name: two steps
on: workflow_dispatch
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - name: first
        run: echo "a=1" >> "$GITHUB_OUTPUT"
      - name: second
        run: echo there > made.txt
"""


class Node:
    """One $SLUICE_HOME.  sl() runs the program there."""

    def __init__(self, base):
        self.base = base
        self.home = base / 'home'
        self.flow = base / 'ws' / 'flow.yml'
        self.flow.parent.mkdir(parents=True)
        self.flow.write_text(FLOW)
        self.identity = self.rows('init', '--json')[0]['identity']

    def sl(self, *args, status=0):
        env = {k: v for k, v in os.environ.items() if not k.startswith(('SLUICE', 'XDG_'))}
        env['SLUICE_HOME'] = str(self.home)
        p = subprocess.run([SLUICE, *map(str, args)], env=env, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60, cwd=self.base)
        if status is not None:
            assert p.returncode == status, (args, p.returncode, p.stderr.decode())
        return p

    def rows(self, *args):
        return [json.loads(x) for x in self.sl(*args).stdout.splitlines()]

    def heads(self):
        return {x['origin']: x for x in self.rows('log', 'head', '--json')}

    def exec(self):
        """A run of one command; its ID."""
        self.sl('exec', '--', 'true')
        return self.rows('runs', '--json')[0]['run']

    def run(self):
        """A run of a flow of two steps; its ID."""
        done = [x for x in self.rows('run', '--json', self.flow) if x['event'] == 'run.done']
        return done[0]['run']

    def entries(self, run):
        return self.rows('log', 'show', '--json', run)

    def prove(self, entry):
        """The transparent statement of an entry."""
        out = self.base / ('proof-' + entry)
        if not out.exists():
            self.sl('log', 'prove', entry, '-o', out)
        return out.read_bytes()

    def export(self, run):
        out = self.base / (run + '.bundle')
        if not out.exists():
            self.sl('export', run, '-o', out)
        return out.read_bytes()


@pytest.fixture(scope='session')
def make_node(tmp_path_factory):
    """A function that makes nodes; skips where there is no program or no box."""
    if not os.access(SLUICE, os.X_OK):
        (pytest.fail if 'SLUICE' in os.environ else pytest.skip)('no program: ' + SLUICE)
    made = []

    def make(box=True):
        node = Node(tmp_path_factory.mktemp('node'))
        made.append(node)
        if box:
            p = node.sl('doctor', status=None)
            if p.returncode == 5:
                lines = (p.stdout or p.stderr).decode(errors='replace').splitlines()
                pytest.skip('no box here: ' + (lines[0] if lines else 'sluice doctor'))
        return node
    yield make
    for node in made:  # an overlay's work directory has mode 000
        subprocess.run(['chmod', '-R', 'u+rwx', str(node.base)], stderr=subprocess.DEVNULL)
        shutil.rmtree(node.base, ignore_errors=True)


@pytest.fixture(scope='session')
def corpus():
    """A function from a path below corpora/scitt to its place."""
    def find(path):
        p = CORPORA / 'scitt' / path
        if not p.exists():
            pytest.skip('no corpus: %s (set SL_CORPORA)' % p)
        return p
    return find
