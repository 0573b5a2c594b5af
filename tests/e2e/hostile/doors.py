#!/usr/bin/python3
"""doors.py -- each way out of a box (doors.tsv): opened alone in a box of the test's own, where the probe must
find it open; and looked at in every box that is shipped, where it must find it shut."""
import os
import re
import resource
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
SLUICE = os.path.abspath(os.environ['SLUICE'])
RIG = os.path.join(os.path.dirname(SLUICE), 'tests/unit/box/box_doors')
SOCKETS = ['docker.sock', 'containerd.sock', 'broker.sock', 'tmux-0', 'agent.sock', 'X0', 'bus', 'snapd.socket']
UID = 12345
points = bad = 0


def point(good, name, detail=''):
    global points, bad
    points += 1
    print(f"{'ok' if good else 'not ok'} {points} - {name}", flush=True)
    if not good:
        bad += 1
        for line in str(detail).split('\n')[:20]:
            print('# ' + line)


def skipped(name, why):
    global points
    points += 1
    print(f'ok {points} - {name} # SKIP {why}', flush=True)


def load():
    rows = []
    with open(os.path.join(HERE, 'doors.tsv')) as f:
        for line in f:
            if not line.startswith('#') and line.strip():
                r = line.rstrip('\n').split('\t')
                assert len(r) == 6, line
                rows.append(dict(zip(('id', 'door', 'options', 'probe', 'open', 'who'), r)))
    return rows


class Pass:
    """One identity: its directory, listeners and boxes."""

    def __init__(self, who, top):
        self.who, self.dir = who, os.path.join(top, who)
        is_other = who == 'user' and os.getuid() == 0
        self.uid = UID if is_other else os.getuid()
        self.pre = ['setpriv', f'--reuid={UID}', f'--regid={UID}', '--clear-groups', '--inh-caps=-all',
                    '--bounding-set=-all'] if is_other else []
        self.bin = os.path.join(self.dir, 'bin')
        os.makedirs(self.bin)
        for src, name in ((SLUICE, 'sluice'), (RIG, 'box_doors')):
            shutil.copy(src, os.path.join(self.bin, name))
        cc = subprocess.run(['cc', '-O1', '-static', '-o', os.path.join(self.bin, 'door'), os.path.join(HERE, 'door.c')],
                            stderr=subprocess.PIPE)
        if cc.returncode:
            sys.exit('door.c: ' + cc.stderr.decode())
        self.d = os.path.join(self.dir, 'd')
        for path in ('run', 'rw', 'home/.ssh', 'serviceaccount', 'cache', 'peer', 'work', 'HOME'):
            os.makedirs(os.path.join(self.d, path))
        for path in ('home/.ssh/id_ed25519', 'serviceaccount/token', 'peer/file'):
            with open(os.path.join(self.d, path), 'w') as f:
                f.write('canary\n')
        self.listeners = []
        for name in SOCKETS:
            self.listen(socket.AF_UNIX, os.path.join(self.d, 'run', name))
            os.chmod(os.path.join(self.d, 'run', name), 0o777)
        abstract = f'/containerd-shim/{who}{os.getpid()}.sock'
        self.listen(socket.AF_UNIX, '\0' + abstract)
        port = self.listen(socket.AF_INET, ('127.0.0.1', 0)).getsockname()[1]
        subprocess.run(['chown', '-R', f'{self.uid}', self.d], check=True)
        self.vars = {'D': self.d, 'PORT': str(port), 'ABS': '@' + abstract}
        for ns in ('net', 'pid', 'ipc', 'uts', 'cgroup'):
            self.vars[ns.upper()] = re.search(r'\d+', os.readlink(f'/proc/self/ns/{ns}')).group(0)
        # Names that a box must not take over from its caller.
        self.env = dict(PATH='/usr/bin:/bin', HOME=os.path.join(self.d, 'HOME'), SLUICE_HOME=os.path.join(self.d, 'HOME/s'),
                        SSH_AUTH_SOCK='/x', BASH_ENV='/nonexistent', AWS_SECRET_ACCESS_KEY='x')

    def listen(self, family, addr):
        s = socket.socket(family)
        s.bind(addr)
        s.listen(64)
        self.listeners.append(s)
        return s

    def subst(self, text):
        return re.sub(r'@([A-Z]+)@', lambda m: self.vars[m.group(1)], text)

    def probe(self, row):
        return [os.path.join(self.bin, 'door')] + shlex.split(self.subst(row['probe']))

    def seeded(self, door, row, has_options):
        """The probe in a box of ours; its answer, or why there is none."""
        opts = shlex.split(self.subst(row['options'])) if has_options and row['options'] != '-' else []
        fd = os.open(self.d, os.O_RDONLY | os.O_DIRECTORY)  # what would be inherited
        os.set_inheritable(fd, True)
        try:
            p = subprocess.run(self.pre + [os.path.join(self.bin, 'box_doors'), door, '--read', self.bin] + opts + ['--'] +
                               self.probe(row), env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, pass_fds=(fd,), timeout=60)
        finally:
            os.close(fd)
        if p.returncode != 0:
            return f'status {p.returncode}: {p.stderr.decode(errors="replace").strip()}'
        return p.stdout.decode(errors='replace').strip()

    def shipped(self, profile, rows):
        """All probes in one box of sluice's: their answers."""
        lines = []
        for n, r in enumerate(rows):
            lines.append(f'printf "%s " {n}; ' + ' '.join(shlex.quote(w) for w in self.probe(r)) + ' || echo failed')
        args = ['--profile', profile] if profile else []
        env = dict(self.env, LD_PRELOAD='/nonexistent') if not self.pre else self.env
        fd = os.open(self.d, os.O_RDONLY | os.O_DIRECTORY)
        os.set_inheritable(fd, True)
        p = subprocess.run(self.pre + [os.path.join(self.bin, 'sluice'), 'exec'] + args +
                           ['--read', self.bin, '--', 'sh', '-c', '\n'.join(lines)], env=env,
                           cwd=os.path.join(self.d, 'work'), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, pass_fds=(fd,), timeout=120)
        os.close(fd)
        got = {}
        for line in p.stdout.decode(errors='replace').split('\n'):
            n, _, text = line.partition(' ')
            if n.isdigit():
                got[int(n)] = text.strip()
        return got, f'status {p.returncode}: {p.stderr.decode(errors="replace")}'

    def name(self, row):
        return f"{self.who}: {row['id']} {row['probe']}"

    def judge_open(self, row):
        needs = [w[4:] for w in row['door'].split('+') if w.startswith('dev:')]
        needs += [w for w in shlex.split(row['probe']) if w.startswith(('/sys/', '/proc/'))]
        for path in needs:
            if not os.path.lexists(path):
                return skipped(self.name(row) + ': open', f'no {path} here')
        if row['id'] == 'E88' and resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
            return skipped(self.name(row) + ': open', 'no core files here')
        got = self.seeded(row['door'], row, True)
        return point(re.fullmatch(row['open'], got), f"{self.name(row)}: found open where it is ({row['door']})",
                     f"wanted {row['open']!r}, got {got!r}")

    def judge_shut(self, row, got, where):
        # An answer, and not that of an open door: silence would be no proof.
        key = row['probe'].split()[1 if row['probe'].startswith('status') else 0]
        good = got is not None and got.startswith(key + ' ') and not re.fullmatch(row['open'], got)
        return good, f"{row['id']} {row['probe']} in {where}: {got!r}"

    def run(self, rows, profiles):
        rows = [r for r in rows if r['door'] != '-' and r['who'] in ('both', self.who)]
        for r in rows:
            self.judge_open(r)
            good, why = self.judge_shut(r, self.seeded('none', r, False), 'a box of the test without a hole')
            point(good, f'{self.name(r)}: shut where nothing is left out', why)
        for profile in [None] + profiles:
            got, end = self.shipped(profile, rows)
            where = profile or 'exec'
            wrong = [why for n, r in enumerate(rows) for good, why in [self.judge_shut(r, got.get(n), where)] if not good]
            point(not wrong, f'{self.who}: all {len(rows)} doors are shut in {where}', '\n'.join(wrong[:15] + [end]))


def main():
    rows = load()
    ids = {r['id'] for r in rows}
    point(ids == {f'E{n:02}' for n in range(1, 100)}, 'every technique of the catalogue has a row')
    point(all(len(r['who']) > 10 for r in rows if r['door'] == '-'), 'what is not opened says why')
    print(f"# {len({r['id'] for r in rows if r['door'] != '-'})} techniques opened, "
          f"{len({r['id'] for r in rows if r['door'] == '-'})} not, for the reason in doors.tsv")
    with open(SLUICE, 'rb') as f:
        point(b'box_doors' not in f.read(), 'nothing of it is in sluice')
    profiles = sorted(f[:-4] for f in os.listdir(os.path.join(TOP, 'data/profiles')) if f.endswith('.yml'))
    point(len(profiles) >= 4, 'the shipped profiles are there')
    top = tempfile.mkdtemp(prefix='sluice-doors.')
    os.chmod(top, 0o755)
    try:
        if os.getuid() == 0:
            Pass('root', top).run(rows, profiles)
        Pass('user', top).run(rows, profiles)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    print(f'1..{points}')
    return bad != 0


if __name__ == '__main__':
    sys.exit(main())
