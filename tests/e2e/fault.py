# fault.py -- what the runners of the 1xxx tests share: points, sluice under observation,
# every process below us, the state of a home after a fault.
#
# A runner is the subreaper of all that it starts: a process of a box that lost its parents
# stays below it, so "nothing survives" is a walk of the process tree, not a guess by name.
import ctypes
import json
import os
import signal
import subprocess
import time

SLUICE = os.environ["SLUICE"]
T = os.environ["T"]
PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

_n = 0
_bad = 0


def point(good, name, detail=""):
    global _n, _bad
    _n += 1
    print(f"{'ok' if good else 'not ok'} {_n} - {name}", flush=True)
    if not good:
        _bad = 1
        for line in str(detail).splitlines()[:20]:
            print("# " + line, flush=True)
    return good


def same(name, want, got, detail=""):
    return point(want == got, name, f"wanted {want!r}, got {got!r}\n{detail}")


def known(is_there, name, why):
    """A fault that is known and not mended yet: expected to fail.  Once it is gone this fails, so that the line goes."""
    global _n, _bad
    _n += 1
    print(f"{'not ok' if is_there else 'ok'} {_n} - {name} # TODO {why}", flush=True)
    if not is_there:
        _bad = 1
        print(f"# '{name}' is mended: expect it from now on", flush=True)


def finish():
    print(f"1..{_n}", flush=True)
    raise SystemExit(_bad)


# --- processes ---

def _stat(pid):
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as f:
            head, _, rest = f.read().rpartition(")")
    except OSError:
        return None
    rest = rest.split()
    return {"pid": pid, "comm": head.partition("(")[2], "state": rest[0], "ppid": int(rest[1])}


def below(root=None):
    """Every live process below root (us), by pid."""
    root = root or os.getpid()
    procs = [s for s in (_stat(int(d)) for d in os.listdir("/proc") if d.isdigit()) if s]
    kids = {}
    for s in procs:
        kids.setdefault(s["ppid"], []).append(s)
    out, todo = {}, [root]
    while todo:
        for s in kids.get(todo.pop(), []):
            todo.append(s["pid"])
            if s["state"] not in "ZX":
                out[s["pid"]] = s
    return out


def marked(marker):
    """Live processes anywhere whose arguments hold marker, but for sluice's own."""
    out = []
    for d in os.listdir("/proc"):
        if not d.isdigit() or int(d) == os.getpid():
            continue
        try:
            with open(f"/proc/{d}/cmdline", "rb") as f:
                args = f.read()
        except OSError:
            continue
        s = _stat(int(d))
        if marker.encode() in args and s and s["state"] not in "ZX" and \
                not s["comm"].startswith(("sluice", "strace", "python3", "sh")):
            out.append(f"{d} {args!r}")
    return out


def reap(keep=()):
    """Take what became ours and ended."""
    for s in list(os.listdir("/proc")):
        if s.isdigit() and int(s) not in keep:
            st = _stat(int(s))
            if st and st["ppid"] == os.getpid() and st["state"] == "Z":
                try:
                    os.waitpid(int(s), os.WNOHANG)
                except ChildProcessError:
                    pass


def gone(seconds=5.0, keep=()):
    """Wait until nothing is below us; what is left, as text ("" when all is well)."""
    until = time.monotonic() + seconds
    while True:
        reap(keep)
        left = {p: s for p, s in below().items() if p not in keep}
        if not left:
            return ""
        if time.monotonic() > until:
            return "\n".join(f"{s['pid']} {s['comm']} {s['state']}" for s in left.values())
        time.sleep(0.01)


def wait_for(seconds, what):
    until = time.monotonic() + seconds
    while True:
        v = what()
        if v or time.monotonic() > until:
            return v
        time.sleep(0.005)


def by_role(pid, role):
    """The pid of a role of the sluice that runs as pid: supervisor, recorder, parser, init."""
    if role == "supervisor":
        return pid
    for s in below(pid).values():
        if s["comm"] == "sluice-" + role:
            return s["pid"]
    return None


# --- sluice ---

def environment(home, **more):
    return {**os.environ, "SLUICE_HOME": home, **more}


def start(args, home, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    env = kw.pop("env", None) or environment(home)
    return subprocess.Popen([SLUICE, *args], env=env, **kw)


def sl(args, home, timeout=30, **kw):
    """(status, standard output, standard error); a status of -9 is a hang."""
    p = start(args, home, **kw)
    try:
        out, err = p.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        err += b"\nTIMEOUT"
    return p.returncode, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")


def events(text):
    out = []
    for line in text.splitlines():
        try:
            out.append(json.loads(line))
        except ValueError:
            pass # the last line of a killed writer
    return out


def done(text):
    """The run.done event of what --json wrote, or {}."""
    return next((e for e in events(text) if e.get("event") == "run.done"), {})


def states(home):
    """run ID -> state, of all runs."""
    r, out, err = sl(["runs", "--all", "--json"], home)
    return {e["run"]: e["state"] for e in events(out)} if r == 0 else {"error": err}


def is_clean(home):
    """What log check says is wrong; "" when nothing is."""
    r, out, err = sl(["log", "check"], home)
    return "" if r == 0 else f"log check: {r} {out}{err}"


class Receipts:
    """Receipts handed out so far; each must verify whatever happens afterwards."""

    def __init__(self, home, where):
        self.home, self.where, self.files, self.runs = home, where, {}, set()
        os.makedirs(where, exist_ok=True)

    def take(self, entry):
        path = os.path.join(self.where, entry[:16])
        r, out, err = sl(["log", "prove", entry, "-o", path], self.home)
        if r == 0:
            self.files[entry] = path
        return "" if r == 0 else f"log prove {entry}: {r} {out}{err}"

    def take_done(self, event):
        if "decision" in event:
            why = self.take(event["decision"])
            if event.get("conclusion") not in ("error", "denied"):
                self.runs.add(event["run"])
            return why
        return ""

    def broken(self):
        """Those that do not verify, as text."""
        bad = []
        for what in [*self.files.values(), *sorted(self.runs)]:
            r, out, err = sl(["verify", what], self.home)
            if r != 0:
                bad.append(f"verify {what}: {r} {out}{err}")
        return "\n".join(bad)


def flow(path, *steps, head="on: push\n"):
    """A flow of one job 'a' of these shell steps."""
    with open(path, "w") as f:
        f.write(head + "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n")
        for s in steps:
            f.write("      - run: |\n" + "".join(f"          {x}\n" for x in s.splitlines()))
    return path


def kill(pid, sig=signal.SIGKILL):
    try:
        os.kill(pid, sig)
        return True
    except (ProcessLookupError, TypeError):
        return False
