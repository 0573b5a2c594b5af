"""world.py -- what surrounds a box in the corpus: things to protect, and whether they changed."""
import ctypes
import errno
import fcntl
import glob
import hashlib
import os
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import termios
import time

UID = 12345  # the ordinary user of a root's corpus
FOREIGN = 54321  # owns what neither pass may read
SEGMENT = 40961  # bytes; tells a corpus's own System V segment from all others
WATCHED = ('/proc/sys/kernel/hostname', '/proc/sys/kernel/domainname', '/proc/sys/kernel/core_pattern',
           '/proc/sys/kernel/modprobe', '/proc/sys/kernel/randomize_va_space', '/proc/sys/vm/overcommit_memory',
           '/proc/sys/net/ipv4/ip_forward', '/proc/self/mountinfo', '/proc/modules', '/proc/swaps')
ESCAPES = ('/', '/tmp', '/var/tmp', '/dev/shm', '/dev', '/run', '/etc', '/usr', '/usr/bin', '/usr/local', '/usr/local/bin', '/root',
           '/home', '/home/*', '/opt', '/var/lib', '/workspace')

# Serves the one port that cases may be granted; each connection says what it wants with its first byte.
SERVER = '''
import socket, struct, sys, threading
def serve(c):
    c.settimeout(20)
    try:
        what = c.recv(1)
        if what == b"r":  # ends it with a reset
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif what:
            c.sendall(b"granted")
    except OSError:
        pass
    c.close()
s = socket.socket(fileno=int(sys.argv[1]))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
'''


def read(path):
    try:
        with open(path, 'rb') as f:
            return f.read()
    except OSError as e:
        return errno.errorcode.get(e.errno, '?').encode()


def term_state(fd):
    return termios.tcgetattr(fd)


def unread(fd):
    n = bytearray(4)
    fcntl.ioctl(fd, termios.FIONREAD, n)
    return struct.unpack('i', n)[0]


def segments():
    """The host's System V segments, by the columns of /proc/sysvipc/shm."""
    return [r.split() for r in read('/proc/sysvipc/shm').decode().splitlines()[1:]]


def wipe(path):
    """Removes a tree whatever its modes; follows no link."""
    for d, dirs, _ in os.walk(path):
        for x in dirs:
            p = os.path.join(d, x)
            if not os.path.islink(p):
                os.chmod(p, 0o700)
    shutil.rmtree(path, ignore_errors=True)


def prepare(top, sluice, here):
    """Compiles the probe, copies the binary to where any user may run it; says why not."""
    binary = os.path.join(top, 'bin')
    os.mkdir(binary)
    os.chmod(binary, 0o755)
    shutil.copyfile(sluice, os.path.join(binary, 'sluice'))
    cc = subprocess.run(['cc', '-O1', '-o', os.path.join(binary, 'probe'), os.path.join(here, 'probe.c')],
                        stderr=subprocess.PIPE)
    if cc.returncode:
        sys.exit('probe.c: ' + cc.stderr.decode())
    for f in os.listdir(binary):
        os.chmod(os.path.join(binary, f), 0o755)
    env = dict(os.environ, SLUICE_HOME=os.path.join(top, 'trial'))
    p = subprocess.run([os.path.join(binary, 'sluice'), 'exec', '--', 'true'], env=env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    if p.returncode == 125 and b'[env.unavailable]' in p.stderr:
        return 'no box here: ' + p.stderr.decode().split('\n')[0]
    return None


def digest_tree(path):
    """Names, kinds, modes, owners, links, times and content of everything below."""
    rows = []
    for d, dirs, files in os.walk(path):
        dirs.sort()
        for x in [''] + sorted(dirs + files):
            p = os.path.join(d, x) if x else d
            st = os.lstat(p)
            row = (p, oct(st.st_mode), st.st_uid, st.st_gid, st.st_rdev)
            if stat.S_ISREG(st.st_mode):
                row += (st.st_nlink, st.st_mtime_ns, st.st_size, hashlib.sha256(read(p)).hexdigest())
            elif stat.S_ISLNK(st.st_mode):
                row += (os.readlink(p),)
            rows.append(row)
    return sorted(set(rows))


class World:
    def __init__(self, who, top, is_t0=False):
        self.is_t0 = is_t0
        self.who, self.top = who, top
        self.root = os.geteuid() == 0
        drop = self.root and who == 'user'
        self.uid, self.gid = (UID, UID) if drop else (os.getuid(), os.getgid())
        self.as_user = ['setpriv', '--reuid', str(UID), '--regid', str(UID), '--clear-groups'] if drop else []
        self.dir = os.path.join(top, who)
        self.sluice = os.path.join(top, 'bin/sluice')
        self.known, self.fds, self.socks, self.vars = set(), [], {}, {}

    # -- making it --

    def own(self, *paths):
        for p in paths:
            if self.root:
                os.chown(p, self.uid, self.gid, follow_symlinks=False)

    def put(self, path, text, mode=0o644):
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)
        self.own(path)

    def mkdir(self, name, mode=0o755):
        p = os.path.join(self.dir, name)
        os.mkdir(p)
        os.chmod(p, mode)
        self.own(p)
        return p

    def build(self):
        tag = secrets.token_hex(8)
        self.mkdir('')
        out, ro = self.mkdir('out'), self.mkdir('ro')
        canary = 'canary-' + secrets.token_hex(12)
        v = self.vars = dict(W=self.dir, OUT=out, RO=ro, RW=os.path.join(self.dir, 'rw'), TMP=os.path.join(self.dir, 'tmp'), WS=os.path.join(self.dir, 'ws'),
                             BIN=os.path.join(self.top, 'bin'), HOME=os.path.join(self.dir, 'home'), CANARY=canary,
                             LOGFILE=os.path.join(self.dir, 'logfile'), WHO=self.who, HOSTNAME=socket.gethostname(),
                             SOCK=os.path.join(self.dir, 'sock', 's'), ABS='hostile-' + tag, TAG=tag)
        self.put(os.path.join(out, 'canary'), f'value={canary}\n', 0o666)
        os.chmod(out, 0o777)
        os.mkdir(os.path.join(out, 'sub'))
        self.own(os.path.join(out, 'sub'))
        self.put(os.path.join(ro, 'f'), 'granted\n', 0o666)
        # A file of somebody else's; who cannot give one away has one that nobody may read.
        self.put(os.path.join(ro, 'foreign'), f'{canary}\n', 0o600 if self.root else 0)
        if self.root:
            os.chown(os.path.join(ro, 'foreign'), FOREIGN, FOREIGN)
        os.symlink(os.path.join(out, 'canary'), os.path.join(ro, 'link'))
        os.chmod(ro, 0o777)
        os.symlink(v['HOME'], os.path.join(self.dir, 'homelink'))
        self.mkdir('sock', 0o777)
        self.listen(v)
        self.env = {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': self.dir,
                    'SLUICE_HOME': v['HOME'], 'HOSTILE_CALLER': canary, 'SSH_AUTH_SOCK': v['SOCK'], 'LANG': 'C.UTF-8',
                    'TERM': 'xterm'}
        self.heavy_lock = os.open(os.path.join(self.top, 'heavy'), os.O_RDWR | os.O_CREAT, 0o666)
        subprocess.run(self.as_user + [self.sluice, 'init'], env=self.env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        self.victim = subprocess.Popen(self.as_user + ['sleep', '3600'], env=dict(self.env), cwd=out,
                                       start_new_session=True, stdin=subprocess.DEVNULL)
        v['VICTIM'] = str(self.victim.pid)
        self.known.add(self.victim.pid)
        self.victim_was = self.held()
        # IPC_PRIVATE; IPC_CREAT and mode 0666
        self.segment = ctypes.CDLL(None, use_errno=True).shmget(0, SEGMENT, 0o1666)
        if self.segment < 0:
            sys.exit('no System V segment can be made here')
        v['SEGMENT'] = str(self.segment)
        with socket.create_server(('127.0.0.1', 0), backlog=256) as k:
            v['OPEN'] = str(k.getsockname()[1])
            self.server = subprocess.Popen([sys.executable, '-c', SERVER, str(k.fileno())], pass_fds=[k.fileno()],
                                           start_new_session=True, stdin=subprocess.DEVNULL)
        self.known.add(self.server.pid)
        # Descriptors that a careless parent leaves open: a file, a directory, a socket, a process.
        self.fds = [os.open(os.path.join(out, 'canary'), os.O_RDWR), os.open(out, os.O_RDONLY | os.O_DIRECTORY),
                    os.open('/', os.O_PATH), self.socks['pair'][0].fileno(), os.pidfd_open(self.victim.pid)]

    def allow_t0(self):
        """The policy that is shipped denies the lower tier."""
        path = os.path.join(self.vars['HOME'], 'policy/policy.dl')
        with open(path) as f:
            text = f.read()
        with open(path, 'w') as f:
            f.write(text.replace('\ndeny if tier("T0");', ''))
        subprocess.run(self.as_user + [self.sluice, 'policy', 'register'], env=self.env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)

    def listen(self, v):
        s = self.socks

        def unix(kind, addr):
            k = socket.socket(socket.AF_UNIX, kind)
            k.bind(addr)
            if isinstance(addr, str):
                os.chmod(addr, 0o777)
                self.own(addr)
            return k
        s['path'] = unix(socket.SOCK_STREAM, v['SOCK'])
        s['abstract'] = unix(socket.SOCK_STREAM, b'\0' + v['ABS'].encode())
        v['DGRAM'] = os.path.join(self.dir, 'sock', 'd')
        s['dgram'] = unix(socket.SOCK_DGRAM, v['DGRAM'])
        s['absdgram'] = unix(socket.SOCK_DGRAM, b'\0d' + v['ABS'].encode())
        s['tcp'] = socket.create_server(('127.0.0.1', 0))
        v['PORT'] = str(s['tcp'].getsockname()[1])
        s['udp'] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s['udp'].bind(('127.0.0.1', 0))
        v['UPORT'] = str(s['udp'].getsockname()[1])
        for k in s.values():
            if k.type == socket.SOCK_STREAM:
                k.listen(16)
            k.setblocking(False)
        s['pair'] = socket.socketpair()
        s['pair'][1].setblocking(False)

    def wipe_rw(self):
        for name in ('rw', 'ws', 'apply', 'tmp'):
            p = os.path.join(self.dir, name)
            if os.path.lexists(p):
                wipe(p)

    def fresh(self):
        """@RW@ and @WS@ as each case finds them, and a secret that no earlier record can have."""
        self.vars['SECRET'] = self.env['HOSTILE_TOKEN'] = 'S3cr-' + secrets.token_hex(10)
        self.wipe_rw()
        # At T0 nothing is mapped: the private uid has what others have.
        rw, ws = self.mkdir('rw', 0o777 if self.is_t0 else 0o755), self.mkdir('ws')
        self.mkdir('apply', 0o777 if self.is_t0 else 0o755)
        self.mkdir('tmp', 0o777)
        self.put(os.path.join(rw, 'f'), 'mine\n', 0o666 if self.is_t0 else 0o644)
        for d in ('.git', '.git/hooks', '.github', '.github/workflows', 'src'):
            self.mkdir('ws/' + d)
        self.put(os.path.join(ws, '.git/config'), '[core]\n')
        self.put(os.path.join(ws, '.git/hooks/pre-commit'), '#!/bin/sh\n', 0o755)
        self.put(os.path.join(ws, '.github/workflows/ci.yml'), 'on: push\n')
        self.put(os.path.join(ws, 'src/a.c'), 'int a;\n')
        shutil.copyfile(os.path.join(self.top, 'bin/probe'), os.path.join(ws, 'probe'))
        os.chmod(os.path.join(ws, 'probe'), 0o755)
        self.own(os.path.join(ws, 'probe'))

    # -- looking at it --

    def look(self):
        v = self.vars
        now = {p: read(p) for p in WATCHED}
        for name, p in (('@OUT@', v['OUT']), ('@RO@', v['RO']), ('keys', v['HOME'] + '/keys'), ('policy', v['HOME'] + '/policy')):
            now[name] = digest_tree(p)
        now['@HOME@'] = os.lstat(v['HOME']).st_ino
        now['interfaces'] = sorted(os.listdir('/sys/class/net')) if os.path.isdir('/sys/class/net') else []
        # Those of a corpus come and go: there may be more than one, and each watches its own.
        now['shm'] = [r for r in segments() if r[3] != str(SEGMENT)]
        if self.root:
            now['.git'] = None
        return now

    def compare(self, before):
        bad = []
        try:
            now = self.look()
        except OSError as e:
            return [f'outside: {e}']
        for k, was in before.items():
            if now[k] != was:
                if isinstance(was, list):
                    bad.append(f'outside: {k} changed: {[x for x in now[k] if x not in was][:3]} '
                               f'was {[x for x in was if x not in now[k]][:3]}')
                else:
                    bad.append(f'outside: {k} changed: {now[k]!r:.200}')
        for d in ESCAPES + (self.vars['OUT'], self.dir, self.top):
            for p in glob.glob(d + '/*hostile-escape*') + glob.glob(d + '/.*hostile-escape*'):
                bad.append(f'outside: {p} was made')
        bad += self.talked() + self.marked()
        if self.victim.poll() is not None:
            bad.append(f'outside: the victim ended ({self.victim.returncode})')
        else:
            st = read(f'/proc/{self.victim.pid}/status').decode()
            if 'TracerPid:\t0' not in st or '\nState:\tS' not in st:
                bad.append('outside: the victim is stopped or traced')
            if os.getpriority(os.PRIO_PROCESS, self.victim.pid) != os.getpriority(os.PRIO_PROCESS, 0):
                bad.append("outside: the victim's priority changed")
            if self.held() != self.victim_was:
                bad.append("outside: the victim's limits, processors or scheduler changed")
        if self.attached():
            bad.append('outside: the System V segment was attached to, or is gone')
        return bad

    def held(self):
        """What others may set of the victim by its number."""
        p = self.victim.pid
        return read(f'/proc/{p}/limits'), os.sched_getaffinity(p), os.sched_getscheduler(p)

    def attached(self):
        """Is anybody attached to the segment, or was it ever?"""
        for r in segments():
            if int(r[1]) == self.segment:
                return r[6] != '0' or r[11] != '0'
        return True  # it is gone

    def talked(self):
        bad = []
        for name, k in self.socks.items():
            try:
                if name == 'pair':
                    bad.append(f'outside: socket pair got {k[1].recv(100)!r}')
                elif k.type == socket.SOCK_STREAM:
                    k.accept()[0].close()
                    bad.append(f'outside: somebody connected to the listener {name}')
                else:
                    bad.append(f'outside: {name} got {k.recv(100)!r}')
            except BlockingIOError:
                pass
        return bad

    def marked(self):
        """Nothing in a granted directory may act as somebody else later."""
        bad = []
        for top in (self.vars['RW'], self.vars['WS']):
            for d, dirs, files in os.walk(top):
                for x in dirs + files:
                    p = os.path.join(d, x)
                    st = os.lstat(p)
                    if stat.S_ISREG(st.st_mode) and st.st_mode & 0o6000 or st.st_mode & 0o4000:
                        bad.append(f'outside: {p} has mode {oct(st.st_mode)}, owner {st.st_uid}')
                    if stat.S_ISCHR(st.st_mode) and st.st_rdev or stat.S_ISBLK(st.st_mode):
                        bad.append(f'outside: {p} is a device')
                    if self.root and st.st_uid != self.uid and not (self.is_t0 and st.st_uid >= 1 << 30):
                        bad.append(f'outside: {p} belongs to {st.st_uid}')
                    if not stat.S_ISLNK(st.st_mode) and 'security.capability' in os.listxattr(p, follow_symlinks=False):
                        bad.append(f'outside: {p} has capabilities')
        return bad

    def children(self):
        kids = []
        for t in os.listdir('/proc/self/task'):
            kids += read(f'/proc/self/task/{t}/children').split()
        return [int(k) for k in kids]

    def leftovers(self):
        """Whatever sluice left becomes a child of the subreaper; a pid namespace may take a moment to die."""
        until = time.monotonic() + 3
        while True:
            left = []
            for pid in self.children():
                if pid in self.known:
                    continue
                try:
                    done, _ = os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    continue
                if not done:
                    left.append(pid)
            if not left or time.monotonic() > until:
                break
            time.sleep(0.01)
        bad = []
        for pid in left:
            bad.append(f'outside: process {pid} is left: {read(f"/proc/{pid}/comm")!r} {read(f"/proc/{pid}/cmdline")[:80]!r}')
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return bad

    def close(self):
        if getattr(self, 'segment', -1) >= 0:
            ctypes.CDLL(None).shmctl(self.segment, 0, None)  # IPC_RMID
        for p in (getattr(self, 'victim', None), getattr(self, 'server', None)):
            if p is not None and p.poll() is None:
                p.kill()
                p.wait()
