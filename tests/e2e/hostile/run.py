#!/usr/bin/python3
"""run.py -- runs the hostile corpus (README) and judges each case from outside the box."""
import argparse
import ctypes
import fcntl
import json
import os
import pty
import re
import selectors
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)
import judges  # noqa: E402
import world  # noqa: E402

KEYS = ('case why sh py cmd flow args users caller stdin stdout plain signal heavy max_s exit out not err '
        'limit record judge open t0').split()
HEAD = 8 << 20  # bytes of a flood that are looked at
MANY = ('out', 'not', 'record', 'judge', 'open')
# What tier T0 refuses by name.
NOT_T0 = re.compile(r'--(net|trace|learn|learn-profile|root)\b')
SH_HEAD = 'no() { if "$@" >/dev/null 2>&1; then echo "LEAK $*"; fi; }\n'
PY_HEAD = '''import ctypes, errno, fcntl, os, re, resource, signal, socket, stat, struct, subprocess, sys, time
def no(what, f, *a, **k):
    try:
        r = f(*a, **k)
    except OSError as e:
        print(what, errno.errorcode.get(e.errno, e.errno), flush=True)
    else:
        print("LEAK", what, repr(r)[:100], flush=True)
def rd(p, n=64):
    with open(p, "rb") as f: return f.read(n)
def wr(p, s=b"x"):
    with open(p, "wb") as f: f.write(s)
'''


def load_cases():
    cases = []
    for name in sorted(os.listdir(HERE)):
        if not name.endswith('.cases'):
            continue
        cur = key = None
        with open(os.path.join(HERE, name)) as f:
            lines = f.read().split('\n')
        for n, line in enumerate(lines, 1):
            if line.startswith('\t') and key:
                cur[key] += line[1:] + '\n'
            elif not line.strip():
                if key and line == '' and n < len(lines) and lines[n].startswith('\t'):
                    cur[key] += '\n'
                    continue
                cur = key = None
            elif not line.startswith('#'):
                k, _, v = line.partition(':')
                v = v.strip()
                if k not in KEYS:
                    sys.exit(f'{name}:{n}: what is {k!r}?')
                if cur is None:
                    cur = {k: [] for k in MANY}
                    cases.append(cur)
                key = k if v == '|' else None
                if k in MANY:
                    cur[k].append(v)
                else:
                    cur[k] = '' if key else v
    with open(os.path.join(HERE, 'calls.tsv')) as f:
        for line in f:
            if line.startswith('#'):
                continue
            call, cls, act, err, args = line.rstrip('\n').split('\t')
            cases.append({'case': 'call ' + call, 'why': f'{act} ({args}) is refused' if args else f'{act} is refused',
                          'cmd': f'@BIN@/probe {call}', 'args': '--read @BIN@',
                          'out': [f'^{re.escape(call)} ({err.replace(",", "|")})$'], 'not': [], 'judge': [], 'open': [],
                          'record': [f'{cls} {act} denied'] if cls != '-' else []})
    return cases


def load_classes():
    rows = {}
    with open(os.path.join(TOP, 'data/observation.tsv')) as f:
        for line in f:
            if not line.startswith('#') and line.strip():
                r = line.rstrip('\n').split('\t')
                rows[r[0]] = dict(acts=r[1].split(), enforced_by=r[2], observed_by=r[3], complete=r[4] == 'yes')
    return rows


def load_open():
    """Rows of data/t0-open.tsv: id, and whether the corpus shows it."""
    with open(os.path.join(TOP, 'data/t0-open.tsv')) as f:
        rows = [line.rstrip('\n').split('\t') for line in f if not line.startswith('#')]
    return {r[0]: r[3] == 'yes' for r in rows}


class Run:
    """What one invocation of sluice did and said."""

    def __init__(self):
        self.out, self.err, self.events, self.acts = b'', b'', [], []
        self.statements, self.run, self.rc, self.ms, self.n_out = [], None, None, 0, 0
        self.tty_left = 0

    def text(self):
        if self.events:
            return '\n'.join(e['text'] for e in self.events if e.get('event') == 'step.output')
        return self.out.decode('utf-8', 'replace')

    def of(self, name):
        return [e for e in self.events if e.get('event') == name]

    def done(self):
        return (self.of('run.done') or [{}])[-1]


class Pass:
    """All cases under one identity."""

    def __init__(self, who, top, opts, emit):
        self.who, self.opts, self.emit = who, opts, emit
        self.classes = load_classes()
        self.w = world.World(who, top, opts.tier is not None)
        self.tier = ['--tier', opts.tier] if opts.tier else []
        self.open, self.shown = load_open(), set()
        self.n = 0

    def subst(self, text):
        return re.sub(r'@([A-Z0-9]+)@', lambda m: self.w.vars.get(m.group(1), m.group(0)), text)

    def argv(self, case):
        s = self.subst
        args = shlex.split(s(case.get('args', '')))
        js = [] if case.get('plain') else ['--json']
        if 'flow' in case:
            path = os.path.join(self.w.dir, 'flow.yml')
            with open(path, 'w') as f:
                f.write(s(case['flow']))
            if '--workspace' not in args:
                args += ['--workspace', self.w.vars['WS']]
            return [self.w.sluice, 'run'] + js + args + [path]
        if 'sh' in case:
            cmd = ['sh', '-c', SH_HEAD + s(case['sh']) + '\necho probed']
        elif 'py' in case:
            cmd = ['/usr/bin/python3', '-c', PY_HEAD + s(case['py']) + '\nprint("probed", flush=True)']
        else:
            cmd = shlex.split(s(case['cmd']))
        return [self.w.sluice, 'exec'] + js + self.tier + args + ['--'] + cmd

    def spawn(self, argv, **kw):
        return subprocess.Popen(self.w.as_user + argv, env=kw.pop('env', self.w.env), cwd=self.w.dir, **kw)

    def carry_out(self, case):
        """Starts sluice as the case says, reads what it prints within bounds, waits for its end."""
        r = Run()
        env = dict(self.w.env)
        for word in shlex.split(self.subst(case.get('caller', ''))):
            k, _, v = word.partition('=')
            env[k] = v.replace('%NL%', '\n')
        master = slave = None
        stdin, stdout = subprocess.DEVNULL, subprocess.PIPE
        if case.get('stdin') == 'file':
            stdin = os.open(os.path.join(self.w.vars['OUT'], 'canary'), os.O_RDONLY)
        if case.get('stdout') == 'file':
            stdout = os.open(self.w.vars['LOGFILE'], os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
            os.fchown(stdout, self.w.uid, self.w.gid)
        stderr = subprocess.PIPE
        pre = None
        if case.get('stdin') == 'tty':
            master, slave = pty.openpty()
            stdin = stdout = stderr = slave
            r.termios = world.term_state(slave)

            def pre():  # the terminal is the caller's own
                os.setsid()
                fcntl.ioctl(0, 0x540e, 0)
        t0 = time.monotonic()
        p = self.spawn(self.argv(case), env=env, stdin=stdin, stdout=stdout, stderr=stderr,
                       pass_fds=self.w.fds, preexec_fn=pre, start_new_session=pre is None)
        self.listen(case, r, p, master, t0)
        r.ms = int((time.monotonic() - t0) * 1000)
        if master is not None:
            r.tty_left = world.unread(slave)
            r.termios_after = world.term_state(slave)
            r.master, r.slave = master, slave
            os.close(master)
            os.close(slave)
        for fd in (stdin, stdout):
            if case.get('stdin') != 'tty' and fd >= 0:
                os.close(fd)
        if case.get('stdout') == 'file':
            with open(self.w.vars['LOGFILE'], 'rb') as f:
                r.out = f.read()
        return r

    def listen(self, case, r, p, master, t0):
        sel = selectors.DefaultSelector()
        bufs, tails = {}, {}
        for name, fd in (('out', p.stdout), ('err', p.stderr), ('out', master)):
            if fd is not None:
                sel.register(fd, selectors.EVENT_READ, name)
        sig, _, mark = case.get('signal', '').partition(' ')
        mark = mark if case.get('plain') else f'"text":"{mark}'  # not the command in run.start
        limit = t0 + float(case.get('max_s', 10))
        seen = b''
        while sel.get_map():
            ready = sel.select(0.1)
            for key, _ in ready:
                try:
                    data = os.read(key.fd, 1 << 18)
                except OSError:
                    data = b''
                if not data:
                    sel.unregister(key.fileobj)
                    continue
                r.n_out += len(data)
                if len(bufs.get(key.data, b'')) < HEAD:
                    bufs[key.data] = bufs.get(key.data, b'') + data
                else:
                    tails[key.data] = (tails.get(key.data, b'') + data)[-(1 << 20):]
                if sig and not seen and mark.encode() in bufs.get('out', b''):
                    seen = b'x'
                    os.kill(p.pid, getattr(signal, 'SIG' + sig))
            if p.poll() is not None and not ready:
                break
            if time.monotonic() > limit:
                r.late = True
                p.kill()
                break
        try:
            p.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            r.late = True
            p.kill()
            p.wait()
        r.rc = p.returncode
        for k, tail in tails.items():  # of a flood the two ends, whole lines
            bufs[k] = bufs[k][:bufs[k].rfind(b'\n') + 1] + tail[tail.find(b'\n') + 1:]
        r.out, r.err = bufs.get('out', b''), bufs.get('err', b'')
        for f in (p.stdout, p.stderr):
            if f is not None:
                f.close()

    def sluice(self, *args):
        return subprocess.run(self.w.as_user + [self.w.sluice] + list(args), env=self.w.env, cwd=self.w.dir,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)

    def recall(self, case, r, bad):
        """The run's events and statements, and whether they are sound by themselves."""
        if not case.get('plain'):
            for line in r.out.decode('utf-8', 'replace').split('\n'):
                if not line:
                    continue
                try:
                    e = json.loads(line)
                    assert isinstance(e, dict) and 'event' in e and 'time' in e
                    r.events.append(e)
                except (ValueError, AssertionError):
                    bad.append(f'not an event: {line[:120]!r}')
        runs = self.sluice('runs', '--json').stdout.decode().split('\n')
        if r.events and r.events[0].get('run'):
            r.run = r.events[0]['run']
        else:
            new = [x for x in (json.loads(l)['run'] for l in runs if l) if x not in self.known_runs]
            r.run = new[0] if new else None
        if r.run is None:
            return
        self.known_runs.add(r.run)
        shown = self.sluice('log', 'show', r.run, '--json')
        r.log_raw = shown.stdout
        for line in shown.stdout.decode('utf-8', 'replace').split('\n'):
            if line:
                r.statements.append(json.loads(line))
        kinds = [s['kind'] for s in r.statements]
        obs = [s['statement']['predicate'] for s in r.statements if s['kind'] == 'observation' and 'statement' in s]
        for o in obs:
            r.acts += o['monitorLog']['acts']
            whole = {c['class'] for c in o['sluice']['classes'] if c['complete']}
            if any(a.get('complete') and a['class'] not in whole for a in o['monitorLog']['acts']):
                bad.append('an act is complete, its class is not')
            if o['sluice'].get('lost') and len(whole) == len(o['sluice']['classes']):
                bad.append(f"the observation lost {o['sluice']['lost']} acts and calls itself complete")
        killed = case.get('signal', '').startswith('KILL')
        refused = r.rc in (125, 3, 2) or r.done().get('conclusion') == 'denied'
        if not killed and not refused:
            if 'outcome' not in kinds or 'observation' not in kinds:
                bad.append(f'no outcome or observation in the log: {kinds}')
        if r.events and not killed:
            names = [e['event'] for e in r.events]
            if names[0] != 'run.start' or names.count('run.start') != 1:
                bad.append(f'run.start is not first and single: {names[:3]}')
            if names[-1] != 'run.done' or names.count('run.done') != 1:
                bad.append(f'run.done is not last and single: {names[-3:]}')
            if r.done() and r.done().get('exit') != r.rc:
                bad.append(f"run.done says exit {r.done().get('exit')}, sluice ended with {r.rc}")
            told = {(e['class'], e['act']) for e in r.of('denial') if e['class'] != 'limit'}
            kept = {(a['class'], a['act']) for a in r.acts if a['verdict'] == 'denied' and a['class'] != 'limit'}
            if told != kept:
                bad.append(f'denials told {sorted(told)}, recorded {sorted(kept)}')

    def check(self, case, r, bad):
        text = r.text()
        err = r.err.decode('utf-8', 'replace')
        if getattr(r, 'late', False):
            bad.append(f"not ended after {case.get('max_s', 10)} s; killed")
        want = case.get('exit', '0')
        if (r.rc < 0 or r.rc == 70) and 'KILL' not in case.get('signal', ''):
            bad.append(f'sluice itself fell: {r.rc}')
        elif want == 'nonzero':
            if r.rc == 0:
                bad.append('ended with 0')
        elif want != 'any' and str(r.rc) not in want.split():
            bad.append(f'ended with {r.rc}, wanted {want}')
        if ('sh' in case or 'py' in case) and not case['out'] and want == '0' and 'probed' not in text.split('\n'):
            bad.append('the probe did not come to its end')
        for pat in case['out']:
            if not re.search(self.subst(pat), text, re.M):
                bad.append(f'no /{pat}/ in the output')
        both = text + err + getattr(r, 'log_raw', b'').decode('utf-8', 'replace')
        for pat in case['not']:
            m = re.search(self.subst(pat), both, re.M)
            if m:
                bad.append(f'/{pat}/ in the output: {m.group(0)[:80]!r}')
        bad += [m.group(0)[:160] for m in re.finditer(r'^.*\bLEAK\b(?! \$).*$', text, re.M)][:40]
        if self.w.vars['CANARY'] in both + r.out.decode('utf-8', 'replace'):
            bad.append("the canary's content came out")
        if 'err' in case and not re.search(self.subst(case['err']), err):
            bad.append(f"sluice did not say /{case['err']}/")
        if 'limit' in case:
            told = [e.get('limit') for e in r.of('step.done')]
            if case['limit'] not in told:
                bad.append(f"no step.done with limit {case['limit']!r}: {told}")
        for rec in case['record']:
            self.check_record(case, r, rec, bad)
        for j in case['judge']:
            name, *args = shlex.split(self.subst(j))
            got = getattr(judges, name)(self, r, *args)
            bad.extend([got] if isinstance(got, str) else got or [])

    def check_record(self, case, r, rec, bad):
        cls, act, verdict, *obj = self.subst(rec).split(' ', 3)
        row = self.classes.get(cls)
        if row is None or act not in row['acts']:
            bad.append(f'data/observation.tsv has no act {act} in class {cls}')
            return
        if not row['complete']:
            return

        def fits(a):
            return (a['class'] == cls and a['act'] == act and verdict in ('any', a.get('verdict', 'denied'))
                    and (not obj or obj[0] in a['object']))
        if not any(fits(a) for a in r.acts):
            have = sorted({(a['class'], a['act'], a['verdict'], a['object'][:60]) for a in r.acts if a['class'] != 'exec'})
            bad.append(f'not in the observation: {self.subst(rec)}; it has {have[:8]}')
        if verdict == 'denied' and not case.get('plain') and not any(fits(e) for e in r.of('denial')):
            bad.append(f'no denial event: {self.subst(rec)}')

    def at_t0(self, case):
        """The case as it is at tier T0; None where it is about what is not there."""
        case = dict(case)
        if 'flow' in case or case.get('t0', '').startswith('skip '):
            return None
        if NOT_T0.search(case.get('args', '')):
            return {**case, 'exit': '125', 'err': "tier 'T0' has no namespaces and so cannot give", 'out': [], 'record': [],
                    'judge': [], 'open': [], 'not': ['probed$'], 'refused': 'yes', 'limit': None, 'signal': ''}
        for k in ('sh', 'py', 'cmd'):  # a place for what a box has in /tmp otherwise
            if k in case:
                case[k] = re.sub(r'(?<![\w@/])/tmp(?=[/"\' ;)\n]|$)', '@TMP@', case[k])
        case['record'] = [re.sub('/tmp/', '@TMP@/', r) for r in case['record']]
        if case['case'].startswith('call socket-'):
            case['out'] = [x.replace(')$', '|EAFNOSUPPORT)$') for x in case['out']]
        case['args'] = case.get('args', '') + ' --write @TMP@'
        return case

    def excused(self, case, bad):
        """Of what was found, what is said to be open at T0; and what is said to be and was not found."""
        for line in case['open']:
            row, pat = line.split(' ', 1)
            if row not in self.open:
                bad.append(f'data/t0-open.tsv has no row {row!r}')
            hit = [b for b in bad if not b.startswith('outside:') and re.search(pat, b)]
            if not hit:
                bad.append(f'said to be open at T0 ({line}); it is shut')
            self.shown.add(row)
            bad[:] = [b for b in bad if b not in hit]

    def one(self, case):
        bad = []
        if self.tier:
            name = case['case']
            case = self.at_t0(case)
            if case is None:
                self.emit({'ok': True, 'name': f'{self.who}: {name} # SKIP not at tier T0', 'detail': [], 'ms': 0})
                return
        self.w.fresh()
        before = self.w.look()
        lock = self.w.heavy_lock if case.get('heavy') else None
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        r = Run()
        try:
            r = self.carry_out(case)
            bad += self.w.leftovers()
            self.recall(case, r, bad)
            if case.get('limit') is None:
                case = {k: v for k, v in case.items() if k != 'limit'}
            self.check(case, r, bad)
            if self.tier:
                self.excused(case, bad)
        except Exception as e:  # a fault of the runner is a failed case, not the end of the corpus
            bad.append(f'{type(e).__name__}: {e}')
            if self.opts.verbose:
                import traceback
                bad.append(traceback.format_exc())
        finally:
            bad += self.w.compare(before)
            if lock is not None:
                self.w.wipe_rw()
                fcntl.flock(lock, fcntl.LOCK_UN)
        detail = []
        if bad or self.opts.verbose:
            detail = [f'{b}' for b in bad]
            detail += ['out: ' + l for l in r.text()[-1500:].split('\n') if l]
            detail += ['err: ' + l for l in r.err.decode('utf-8', 'replace')[-1500:].split('\n') if l]
            if self.opts.verbose:
                detail.append(f'status {r.rc}, {r.ms} ms')
                detail += [f"{a['class']} {a['act']} {a['verdict']} x{a['count']} {a['object'][:80]}" for a in r.acts]
        self.emit({'ok': not bad, 'name': f"{self.who}: {case['case']}", 'detail': detail, 'ms': r.ms})

    def all(self, cases):
        self.known_runs = set()
        try:
            self.w.build()
            if self.tier:
                self.w.allow_t0()
            for case in cases:
                if self.who in case.get('users', 'root user').split() and (self.tier or case.get('t0') != 'only'):
                    self.one(case)
            if self.tier and not self.opts.k:
                left = [r for r, is_shown in self.open.items() if is_shown != (r in self.shown)]
                self.emit({'ok': not left, 'name': f'{self.who}: what is open at T0 was found so, all of it', 'ms': 0,
                           'detail': [f'not so: {left}'] if left else []})
        finally:
            self.w.close()


def child(who, top, opts, cases):
    """One pass in a process of its own: orphans of sluice come to it."""
    rfd, wfd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(rfd)
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
        out = os.fdopen(wfd, 'w', encoding='utf-8', errors='backslashreplace')

        def emit(res):
            out.write(json.dumps(res) + '\n')
            out.flush()
        rc = 0
        try:
            Pass(who, top, opts, emit).all(cases)
        except BaseException as e:
            emit({'ok': False, 'name': f'{who}: the pass itself', 'detail': [f'{type(e).__name__}: {e}'], 'ms': 0})
            if opts.verbose:
                import traceback
                traceback.print_exc()
            rc = 1
        os._exit(rc)
    os.close(wfd)
    return pid, os.fdopen(rfd)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('-k', metavar='TEXT', action='append')
    ap.add_argument('-v', '--verbose', action='store_true')
    ap.add_argument('--as', dest='who', choices=['root', 'user'])
    ap.add_argument('--tier', choices=['T0'])
    ap.add_argument('--list', action='store_true')
    ap.add_argument('--slow', type=int, metavar='N', help='name the N slowest')
    opts = ap.parse_args()
    cases = load_cases()
    names = [c['case'] for c in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    if opts.k:
        cases = [c for c in cases if any(k in c['case'] for k in opts.k)]
    if opts.list:
        for c in cases:
            print(f"{c['case']:40} {c.get('why', '')}")
        return 0
    top = tempfile.mkdtemp(prefix='sluice-hostile.')
    os.chmod(top, 0o755)
    n = bad = 0
    times = []
    try:
        why = world.prepare(top, os.environ['SLUICE'], HERE)
        if why:
            print(f'1..0 # SKIP {why}')
            return 0
        is_root = os.geteuid() == 0
        passes = [w for w in ('root', 'user') if w == (opts.who or w) and (is_root or w == 'user')]
        kids = [child(w, top, opts, cases) for w in passes]
        sel = selectors.DefaultSelector()
        for _, f in kids:
            sel.register(f, selectors.EVENT_READ)
        while sel.get_map():
            for key, _ in sel.select():
                line = key.fileobj.readline()
                if not line:
                    sel.unregister(key.fileobj)
                    continue
                res = json.loads(line)
                n += 1
                bad += not res['ok']
                times.append((res['ms'], res['name']))
                print(f"{'ok' if res['ok'] else 'not ok'} {n} - {res['name']}")
                for d in res['detail']:
                    for part in d.split('\n'):
                        print('#   ' + ''.join(c if c.isprintable() else f'\\x{ord(c):02x}' for c in part)[:400])
                sys.stdout.flush()
        for pid, _ in kids:
            os.waitpid(pid, 0)
        if not is_root and opts.who != 'user':
            for c in cases:
                if 'root' in c.get('users', 'root user').split() and (opts.tier or c.get('t0') != 'only'):
                    n += 1
                    print(f"ok {n} - root: {c['case']} # SKIP needs root")
    finally:
        world.wipe(top)
    print(f'1..{n}')
    for ms, name in sorted(times, reverse=True)[:opts.slow or 0]:
        print(f'# {ms} ms {name}')
    print(f'# {len(cases)} cases, {n} judged, {bad} failed')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
