# 1033-leaks.py -- see 1033-leaks.sh.
#
# All of it happens in a pid and a mount namespace of the test's own, whose init it is: "nothing is left" is then that
# nobody else is in there.  The ordinary user's is in a user namespace of its own, too, in which few namespaces of each
# kind may be at a time: a kernel object that stays is felt some boxes later, whoever holds it.
import collections
import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import fault
from fault import T, by_role, events, point, same

SEED = int(os.environ.get("SL_SEED") or random.SystemRandom().randrange(1 << 32))
N = int(os.environ.get("SL_BOXES") or (1000 if os.environ.get("SL_FULL") else 60))
UID = 61242
AT_A_TIME = 3
NAMESPACES_MAX = 40
KINDS = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
NEWUSER, NEWPID, NEWNS = 0x10000000, 0x20000000, 0x20000
libc = ctypes.CDLL(None, use_errno=True)
ROLES = ("supervisor", "recorder", "parser", "init", "act", "any")
COMMANDS = ("exec", "exec", "overlay", "direct")


def must(r, what):
    if r != 0:
        raise OSError(ctypes.get_errno(), what)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def others():
    """Everybody in this pid namespace but us, as text."""
    out = []
    for d in os.listdir("/proc"):
        if d.isdigit() and int(d) != os.getpid():
            s = fault._stat(int(d))
            if s and s["state"] not in "ZX":
                out.append(f"{d} {s['comm']}")
    return out


def mounts():
    """Without what a mount of another user of the machine's changes: our own namespace is private."""
    with open("/proc/self/mountinfo") as f:
        return sorted(" ".join(line.split()[3:6]) for line in f)


def tree(top):
    return sorted(os.path.relpath(os.path.join(d, x), top) for d, ds, fs in os.walk(top) for x in ds + fs)


class Node:
    def __init__(self, who, uid):
        self.dir = f"{T}/{who}"
        self.home, self.ws, self.tmp = f"{self.dir}/home", f"{self.dir}/ws", f"{self.dir}/tmp"
        for d in ("", "/rw", "/tmp", "/ws", "/ws/.git"):
            os.makedirs(self.dir + d)
            os.chmod(self.dir + d, 0o755)
        write(f"{self.ws}/f", "f")
        self.flow = fault.flow(f"{self.dir}/flow.yml", "echo a >>f; sleep 0.02", "(setsid sleep 60 &); sleep 60")
        self.short = fault.flow(f"{self.dir}/short.yml", "sleep 0.01", "sleep 0.01")
        self.sluice = shutil.copy(fault.SLUICE, f"{self.dir}/sluice")
        os.chmod(self.sluice, 0o755)
        for x in [self.dir] + [f"{self.dir}/{x}" for x in tree(self.dir)]:
            os.chown(x, uid, uid)
        fault.SLUICE = self.sluice
        self.env = {**os.environ, "SLUICE_HOME": self.home, "HOME": self.dir, "TMPDIR": self.tmp}

    def start(self, rnd):
        """A command that lasts for a while, or ends by itself."""
        kind = rnd.choice(COMMANDS)
        is_short = rnd.random() < 0.3
        if kind == "exec":
            script = "echo x; sleep 0.01" if is_short else "(setsid sleep 60 &); sleep 60 & : >/tmp/x; sleep 60"
            args = ["exec", "--json", "--write", f"{self.dir}/rw", "--net", "127.0.0.1:9", "--", "sh", "-c", script]
        else:
            args = ["run", "--json", "--workspace", self.ws, *(["--direct"] if kind == "direct" else []),
                    self.short if is_short else self.flow]
        return subprocess.Popen([self.sluice, *args], env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE), kind


def victim(p, role, rnd):
    if role in ("supervisor", "recorder", "parser", "init"):
        return by_role(p.pid, role)
    below = list(fault.below(p.pid).values())
    if role == "act":
        below = [s for s in below if not s["comm"].startswith("sluice")]
    return rnd.choice(below)["pid"] if below else None


def batch(node, rnd, seen, receipts):
    """Some commands side by side, each with its kills; what went wrong."""
    bad = []
    todo = []
    for _ in range(rnd.randint(1, AT_A_TIME)):
        p, kind = node.start(rnd)
        begin = time.monotonic()
        for _ in range(rnd.choice((1, 1, 1, 2))):
            todo.append((begin + rnd.random() ** 2 * 0.15, p, rnd.choice(ROLES)))
        todo.append((begin + 0.4, p, "supervisor")) # whatever was not killed till then
    started = {p: None for _, p, _ in todo}
    for at, p, role in sorted(todo, key=lambda x: x[0]):
        time.sleep(max(0, at - time.monotonic()))
        pid = victim(p, role, rnd) if p.poll() is None else None
        if pid and fault.kill(pid):
            seen[f"killed: {role}"] += 1
    for p in started:
        try:
            out, err = p.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            bad.append(f"it does not end: {others()}")
            for pid in fault.below():
                fault.kill(pid)
            out, err = p.communicate()
        text = err.decode(errors="replace")
        seen[f"status {p.returncode}"] += 1
        if p.returncode in (70, 134, 139) or "[bug]" in text or "No space left" in text:
            bad.append(f"{p.args[1]}: status {p.returncode}: {text}")
        for e in events(out.decode(errors="replace")):
            if e.get("event") == "run.done":
                why = receipts.take_done(e)
                if why and p.returncode != -9:
                    bad.append(why)
    return len(started), bad


def left(node, base):
    """What all that is over left behind."""
    bad = []
    if not fault.wait_for(5, lambda: (fault.reap(), not others())[1]):
        bad.append(f"processes: {others()}")
    q = subprocess.run([node.sluice, "init"], env=node.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    if q.returncode != 0: # the next start closes what was interrupted
        bad.append(f"the next start: {q.returncode} {q.stderr.decode(errors='replace')}")
    if mounts() != base["mounts"]:
        bad.append(f"mounts: {set(mounts()) ^ set(base['mounts'])}")
    if len(os.listdir("/proc/self/fd")) != base["fds"]:
        bad.append(f"descriptors of the starter: {len(os.listdir('/proc/self/fd'))}, were {base['fds']}")
    marks = [m for m in os.listdir(f"{node.home}/runs/open") if not m.startswith("new.")]
    bare = [r for r in os.listdir(f"{node.home}/runs") if len(r) == 64 and not os.path.exists(f"{node.home}/runs/{r}/manifest")]
    for what, got, want in (("marks", marks, []), ("directories of runs without a manifest", bare, []),
                            ("TMPDIR", os.listdir(node.tmp), []), ("the workspace", tree(node.ws), base["ws"]),
                            ("the granted directory", tree(f"{node.dir}/rw"), []),
                            ("temporary files of the home", [x for x in tree(node.home) if x.endswith(".tmp")], [])):
        if got != want:
            bad.append(f"{what}: {sorted(set(got) ^ set(want))}")
    bad += [f"a cgroup: {d}/{x}" for d, x in cgroups()]
    return bad


def cgroups():
    for at in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        for x in os.listdir(at) if os.path.isdir(at) else ():
            if x.startswith("sluice-"):
                yield at, x


def n_held(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except PermissionError: # the roles that hold secrets show nothing to an ordinary user
        return 0


def descriptors(node, who):
    """A supervisor that has made many boxes holds no more of them than one that made a few."""
    n = 12
    path = f"{node.dir}/jobs.yml"
    write(path, "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    strategy:\n      fail-fast: false\n      matrix:\n"
          f"        n: {list(range(n))}\n    steps:\n      - run: (setsid sleep 60 &); echo here; sleep 0.1; kill -9 $$\n")
    p = subprocess.Popen([node.sluice, "run", "--json", "--workspace", node.ws, path], env=node.env, cwd=node.dir,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    held = []
    for line in p.stdout:
        e = json.loads(line)
        if e.get("event") == "step.output" and e["text"] == "here":
            held.append([n_held(by_role(p.pid, r)) for r in ("supervisor", "recorder", "parser")])
    p.wait()
    p.stdout.close()
    p.stderr.close()
    point(len(held) == n and held[1] == held[-1] and held[1][0] > 3, f"{who}: as many descriptors at the {n}th box as at the second",
          held)


def second_in_place(node, base, who):
    """Placeholders of a job that is not the first, as that was skipped."""
    path = f"{node.dir}/second.yml"
    write(path, "on: push\njobs:\n  a:\n    if: ${{ false }}\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"
          "  b:\n    runs-on: ubuntu-latest\n    steps:\n      - run: sleep 60\n")
    p = subprocess.Popen([node.sluice, "run", "--json", "--workspace", node.ws, "--direct", path], env=node.env, cwd=node.dir,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    is_held = fault.wait_for(10, lambda: tree(node.ws) != base["ws"] and fault.below(p.pid))
    fault.kill(p.pid)
    p.wait()
    bad = left(node, base)
    point(is_held and not bad, f"{who}: killed while the second job worked in place, the first skipped: nothing is left", bad)


def teeth(node, base, who):
    """What would be left is seen: one thing of each kind, put there and taken away."""
    seen = []
    p = subprocess.Popen(["sleep", "60"])
    seen.append(others() != [])
    p.kill()
    p.wait()
    fd = os.open("/", os.O_RDONLY)
    seen.append("descriptors" in str(left(node, base)))
    os.close(fd)
    must(libc.mount(b"x", node.tmp.encode(), b"tmpfs", 0, None), "mount of a tmpfs")
    seen.append("mounts" in str(left(node, base)))
    must(libc.umount2(node.tmp.encode(), 0), "umount")
    for what, path in (("TMPDIR", f"{node.tmp}/x"), ("the workspace", f"{node.ws}/.claude"), ("marks", f"{node.home}/runs/open/x"),
                       ("without a manifest", f"{node.home}/runs/{'0' * 64}")):
        os.mkdir(path)
        seen.append(what in str(left(node, base)))
        if os.path.isdir(path):
            os.rmdir(path)
    point(all(seen) and not left(node, base), f"{who}: what is left would be seen", f"{seen} {left(node, base)}")


def in_namespaces(who):
    node = Node(who, os.getuid())
    rnd = random.Random(f"{SEED}:{who}")
    same(f"{who}: init", 0, fault.sl(["init"], node.home, env=node.env)[0])
    receipts = fault.Receipts(node.home, f"{node.dir}/receipts")
    base = {"mounts": mounts(), "ws": tree(node.ws), "fds": len(os.listdir("/proc/self/fd"))}
    subprocess.run([node.sluice, "exec", "--", "true"], env=node.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    teeth(node, base, who)
    second_in_place(node, base, who)
    seen, wrong, n, began = collections.Counter(), [], 0, time.monotonic()
    while n < N / 2 and len(wrong) < 5:
        k, bad = batch(node, rnd, seen, receipts)
        n += k
        bad += left(node, base)
        if bad:
            wrong.append(f"after {n}: " + "; ".join(bad))
    print(f"# {who}: {dict(sorted(seen.items()))}; {time.monotonic() - began:.0f} s", flush=True)
    point(not wrong, f"{who}: {n} commands killed at random, nothing is left of any", "\n".join(wrong))
    states = collections.Counter(fault.states(node.home).values())
    point(set(states) <= {"interrupted", "failure", "success", "cancelled", "error"}, f"{who}: every run is closed", states)
    print(f"# {who}: {dict(states)}", flush=True)
    descriptors(node, who)
    same(f"{who}: the log checks clean", "", fault.is_clean(node.home))
    same(f"{who}: {len(receipts.files)} receipts that were handed out verify", "", receipts.broken())
    point(len(receipts.files) >= n / 20, f"{who}: that were some", len(receipts.files))
    point(not left(node, base), f"{who}: nothing is left at the end", left(node, base))
    if who == "user":
        limits = [open(f"/proc/sys/user/max_{k}_namespaces").read().strip() for k in KINDS]
        same(f"{who}: all that with at most {NAMESPACES_MAX} namespaces of each kind at a time", [str(NAMESPACES_MAX)] * len(KINDS),
             limits)


def enter(who):
    """In a child: namespaces of our own; gives the status of all that happens in them."""
    if who == "user" and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    uid, gid = os.getuid(), os.getgid()
    must(libc.prctl(4, 1, 0, 0, 0), "prctl") # dumpable again: /proc/self is ours
    must(libc.unshare(NEWPID | NEWNS | (NEWUSER if who == "user" else 0)), "unshare")
    if who == "user":
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{uid} {uid} 1")
        write("/proc/self/gid_map", f"{gid} {gid} 1")
    sys.stdout.flush()
    pid = os.fork()
    if pid > 0:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    must(libc.mount(None, b"/", None, 0x4000 | 0x40000, None), "mount")
    must(libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount of /proc")
    if who == "user":
        for k in KINDS:
            write(f"/proc/sys/user/max_{k}_namespaces", str(NAMESPACES_MAX))
    fault._n = START
    in_namespaces(who)
    with open(f"{T}/{who}/points", "w") as f:
        f.write(str(fault._n))
    return fault._bad


START = 0


def main():
    global START
    print(f"# SL_SEED={SEED}", flush=True)
    os.chmod(T, 0o777)
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        pid = os.fork()
        if pid == 0:
            r = 99
            try:
                r = enter(who)
            except OSError as e:
                print(f"# {who}: {e}", flush=True)
            finally:
                sys.stdout.flush()
                os._exit(r)
        r = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            START = fault._n = int(open(f"{T}/{who}/points").read())
        except FileNotFoundError:
            point(False, f"{who}: it came to its end", r)
        fault._bad |= r != 0
    fault.finish()


main()
