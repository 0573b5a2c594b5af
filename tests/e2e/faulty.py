"""faulty.py -- sluice under tracer.c: what a good start does, what it does with a fault, and what is left behind.

The box's view of itself is printed by its act (VIEW) and made comparable (normal()), so that "exactly as closed as
without the fault" is an equality of texts."""
import ctypes
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import fault

SRC = os.environ["src"]
TRACER = f"{fault.T}/tracer"
# A box of a launcher, which no command makes: where the unit tests are built, beside sluice.
LAUNCHED = os.path.join(os.path.dirname(fault.SLUICE), "tests/unit/box/launched")
UID = 61241
SECRET = "s3cret-8c1e"
# What an act can see and do.  Each attempt that must be refused says so.
VIEW = r"""set +e; exec 2>&1; export LC_ALL=C; umask; echo VIEW-BEGIN; pwd
grep -E '^(Uid|Gid|Groups|NoNewPrivs|Seccomp|Seccomp_filters|Cap...|SigBlk|SigIgn|Umask):' /proc/self/status
while read -r a b c rest; do echo "mount $rest"; done </proc/self/mountinfo
cd /proc/self; cat limits uid_map gid_map setgroups oom_score_adj net/dev net/fib_trie; cd /etc
cat passwd group hosts hostname nsswitch.conf; uname -n; env | sort; echo processes /proc/[0-9]*
ls -lnN --time-style=+ /proc/self/ns /proc/self/fd
ls -lndN --time-style=+ / /bin /sbin /lib* /dev/* /etc/* /usr/local /usr/local/* /home/* /opt/* /var/* /root /run /tmp /workspace
read -r a b c d e f g h </proc/self/stat; [ "$e$f" = "$a$a" ] || [ "$f" = $$ ] && echo own session
try() { if "$@" 2>/dev/null; then echo "DONE $*"; else echo "refused $*"; fi; }
try mknod /tmp/felt c 0 0; try mkdir /usr/x; try mkdir /etc/x /dev/x /x; try mount -t tmpfs x /tmp
try mkdir /tmp/d; try unshare -n true; try ls /proc/1/fd; try chown 0 /tmp/d
echo VIEW-END"""


def cgroups():
    """Where a box's cgroup would be made: in ours of the unified hierarchy, or above it."""
    with open("/proc/self/cgroup") as f:
        own = next((x.strip()[3:] for x in f if x.startswith("0::")), "/")
    out = []
    for mount in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        at = mount + own.rstrip("/")
        while len(at) >= len(mount):
            if os.path.exists(f"{at}/cgroup.procs"):
                out.append(at)
            at = os.path.dirname(at)
    return out


CGROUPS = cgroups()


def normal(text, host_ns):
    """A view without what is chance: private uids, inode numbers, times; namespaces only as own or the host's."""
    out = []
    for line in text.split("VIEW-BEGIN", 1)[-1].rsplit("VIEW-END", 1)[0].replace("\r", "").splitlines():
        m = re.match(r"l\S+ .* (\S+) -> (\w+):\[(\d+)\]$", line)
        if m:
            line = f"{m[1]} -> {m[2]} {'of the HOST' if f'{m[2]}:[{m[3]}]' in host_ns else ''}"
        line = re.sub(r"\b(1[89]|20|21)\d{8}\b", "PRIVATE", line)
        line = re.sub(r"/proc/\d+", "/proc/N", line)
        line = re.sub(r"[0-9a-f]{40,64}", "HEX", line)
        out.append(re.sub(r"\s+", " ", line).strip())
    return out


class World:
    """One identity with its node, its grants and its ways to start a box."""

    def __init__(self, who, top):
        ctypes.CDLL(None).prctl(fault.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        drop = who == "user" and os.geteuid() == 0
        self.who, self.dir = who, f"{top}/{who}"
        self.uid, self.gid = (UID, UID) if drop else (os.getuid(), os.getgid())
        self.prefix = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"] if drop else []
        for d in ("", "r", "rw", "rw/in", "tmp"):
            os.makedirs(f"{self.dir}/{d}".rstrip("/"), exist_ok=True)
        for f in ("r/f", "rw/in/f"):
            with open(f"{self.dir}/{f}", "w") as h:
                h.write(f)
        self.flow = fault.flow(f"{self.dir}/flow.yml", VIEW)
        self.sluice = f"{self.dir}/sluice"
        shutil.copyfile(fault.SLUICE, self.sluice)
        os.chmod(self.sluice, 0o755)
        if os.path.exists(LAUNCHED):
            shutil.copy(LAUNCHED, f"{self.dir}/launched")
        for d, dirs, files in os.walk(self.dir):
            for x in [d] + [f"{d}/{f}" for f in files]:
                os.chown(x, self.uid, self.gid)
        self.new_workspace()
        self.home = f"{self.dir}/rw/home"  # in what is granted: it has to be masked
        self.env = {**os.environ, "HOME": self.dir, "SLUICE_HOME": self.home, "TMPDIR": f"{self.dir}/tmp", "TOKEN": SECRET}
        self.host_ns = {os.readlink(f"/proc/self/ns/{n}") for n in os.listdir("/proc/self/ns")}

    def argv(self, how):
        d = self.dir
        if isinstance(how, list): # arguments of sluice's
            return [self.sluice, *how]
        if how == "exec":
            return [self.sluice, "exec", "--json", "--read", f"{d}/r", "--write", f"{d}/rw", "--read", f"{d}/rw/in",
                    "--net", "127.0.0.1:9", "--", "sh", "-c", VIEW]
        if how == "launched":
            return [f"{d}/launched", VIEW, "/srv"] # what lies in /tmp is no launcher's to show
        if how == "tty":
            return [self.sluice, "exec", "--read", f"{d}/r/f", "--", "sh", "-c", VIEW]
        if how == "direct":
            return [self.sluice, "run", "--json", "--workspace", f"{d}/ws", "--direct", self.flow]
        return [self.sluice, "run", "--json", "--workspace", f"{d}/ws", "--secret", "TOKEN", self.flow]

    def run(self, how, faults=(), trace=None, seconds=20, options=()):
        """(status, what came out, standard error, report of the tracer); with a tty the second is all that was shown."""
        report = f"{self.dir}/report"
        argv = [*self.prefix, TRACER, *options, "-r", report, *(["-t", trace] if trace else []), *faults, "--", *self.argv(how)]
        if how != "tty":
            p = subprocess.Popen(argv, env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            try:
                out, err = p.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.end_all()
                out, err = p.communicate()
                err += b"\nHANGS"
        else:
            master, slave = pty.openpty()
            p = subprocess.Popen(argv, env=self.env, cwd=self.dir, stdin=slave, stdout=slave, stderr=slave,
                                 start_new_session=True)
            os.close(slave)
            out, err = self.read_all(master, p, seconds), b""
            os.close(master)
        try:
            with open(report) as f:
                told = f.read()
            os.unlink(report)
        except OSError:
            told = ""
        return p.wait(), out.decode(errors="replace"), err.decode(errors="replace"), told

    def read_all(self, fd, p, seconds):
        got, until = b"", time.monotonic() + seconds
        while True:
            if time.monotonic() > until:
                self.end_all()
                return got + b"\nHANGS"
            if select.select([fd], [], [], 0.05)[0]:
                try:
                    data = os.read(fd, 65536)
                except OSError: # nobody has the other side any more
                    return got
                got += data
            elif p.poll() is not None and not select.select([fd], [], [], 0)[0]:
                return got

    def end_all(self):
        """What hangs: all of it was started by us, or it would not be below us."""
        for pid in fault.below():
            fault.kill(pid, signal.SIGKILL)

    def output(self, how, out):
        """What the act printed."""
        if how in ("tty", "launched"):
            return out
        return "\n".join(e["text"] for e in fault.events(out) if e.get("event") == "step.output")

    def left(self, is_sup):
        """What a run left behind; "" when nothing.  A supervisor that fell leaves its mark, and the next start sees to
        the rest."""
        bad = []
        procs = fault.gone(5)
        if procs:
            bad.append("processes: " + procs)
            self.end_all()
        if is_sup and (self.marks() or sorted(os.listdir(f"{self.dir}/ws")) != [".git", "f"]):
            self.node("init")
        with open("/proc/self/mountinfo") as f:
            if any(self.dir in line or "sluice" in line for line in f):
                bad.append("a mount")
        if os.listdir(f"{self.dir}/tmp"):
            bad.append(f"in TMPDIR: {os.listdir(self.dir + '/tmp')}")
        if self.marks():
            bad.append(f"marks: {self.marks()}")
        for r in set(os.listdir(f"{self.home}/runs")) - {"open", "spare"}:
            if not os.path.exists(f"{self.home}/runs/{r}/manifest"):
                bad.append(f"runs/{r}: {sorted(os.listdir(f'{self.home}/runs/{r}'))}")
        tree = sorted(os.path.relpath(f"{d}/{x}", f"{self.dir}/ws") for d, ds, fs in os.walk(f"{self.dir}/ws") for x in ds + fs)
        if tree != self.tree:
            bad.append(f"in the workspace: {sorted(set(tree) ^ set(self.tree))}")
            self.new_workspace()
        for at in CGROUPS:
            if any(x.startswith("sluice-") for x in os.listdir(at)):
                bad.append(f"a cgroup in {at}")
        return "; ".join(bad)

    def marks(self):
        try:
            # new.PID: killed before the mark had its name; it goes by age
            return [x for x in os.listdir(f"{self.home}/runs/open") if not x.startswith("new.")]
        except FileNotFoundError:
            return []

    def new_workspace(self):
        shutil.rmtree(f"{self.dir}/ws", ignore_errors=True)
        os.makedirs(f"{self.dir}/ws/.git/hooks")
        with open(f"{self.dir}/ws/f", "w") as h:
            h.write("f")
        for x in ("", "/.git", "/.git/hooks", "/f"):
            os.chown(f"{self.dir}/ws{x}", self.uid, self.gid)
        self.tree = [".git", ".git/hooks", "f"]

    def node(self, *args):
        p = subprocess.run([*self.prefix, self.sluice, *args], env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=60)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
