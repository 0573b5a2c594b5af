# 1035-attenuation.py -- see 1035-attenuation.sh; PROBE is what each step runs, Level the oracle.
import json
import os
import random
import shutil
import socket
import subprocess
import threading
import time

from fault import SLUICE, T, finish, point, same

SEED = int(os.environ.get("SL_SEED") or random.SystemRandom().randrange(1 << 32))
ONLY = os.environ.get("SL_ONLY")
N = int(os.environ.get("SL_FLOWS") or 120)
SECONDS = 60 # then it stops, and says how many it were
D = os.environ["SL_THERE"]
BIN = f"{D}/bin" # sluice itself: every level keeps it
PLACES = [f"{D}/{x}" for x in ("a", "a/in", "b", "c", "c/in")]
WORKSPACE = {"none": 0, "read": 1, "write": 2}
DEFAULTS = {"open-files": 4096, "file-size": 2 << 30}

PROBE = r"""
import glob, json, os, resource, socket, subprocess, sys
out = {}
def can(f, *args):
    try: return f(*args)
    except (OSError, subprocess.SubprocessError): return False
def text(p):
    with open(p) as f: return f.read()
def make(p):
    os.close(os.open(p, os.O_WRONLY | os.O_CREAT | os.O_EXCL)); os.unlink(p); return True
def mode(p):
    os.chmod(p, 0o644); return True
def cut(p, how):
    os.close(os.open(p, how | os.O_TRUNC)); return os.stat(p).st_size == 0
def connect(port):
    socket.create_connection(("127.0.0.1", port), 5).close(); return True
def child(p):
    return subprocess.run(["/bin/cat", p], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          start_new_session=True).stdout
for p in PLACES:
    f, want = p + "/f", "in " + p
    out[p] = {
        "names": "f" in (can(os.listdir, p) or ()),
        "read": can(text, f) == want,
        "run": bool(can(lambda: subprocess.run([p + "/tool"], stdout=subprocess.PIPE).stdout.startswith(b"tool"))),
        "write": bool(can(make, p + "/new-" + str(os.getpid()))),
        "append": bool(can(lambda: os.close(os.open(f, os.O_WRONLY | os.O_APPEND)) or True)),
        "mode": bool(can(mode, p + "/m")),
        "cut": [bool(can(cut, p + "/m", how)) for how in (os.O_RDONLY, os.O_WRONLY, 3)],
        "around": any(can(text, q + f) == want for q in
                      ["/proc/self/root", *glob.glob("/proc/[0-9]*/root"), "/proc/self/cwd/../.."]) or can(child, f) == want,
    }
out["workspace"] = [bool(can(text, "/workspace/base")), bool(can(make, "/workspace/new-" + str(os.getpid())))]
out["limits"] = [resource.getrlimit(resource.RLIMIT_NOFILE)[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1]]
out["net"] = [bool(can(connect, p)) for p in PORTS]
q = subprocess.run([BIN + "/sluice", "exec", "--read", HIDDEN, "--", "/bin/cat", HIDDEN + "/f"], stdout=subprocess.PIPE,
                   stderr=subprocess.PIPE, env={"SLUICE_HOME": "/tmp/home", "HOME": "/tmp"}, text=True)
out["nested"] = [q.returncode, q.stdout]
try:
    with open("/tmp/left") as f: os.kill(int(f.read()), 0)
    out["left"] = True
except (OSError, ValueError):
    out["left"] = False
p = os.fork()
if p == 0:
    os.setsid()
    os.execv("/bin/sleep", ["sleep", "60"])
with open("/tmp/left", "w") as f: f.write(str(p))
print("PROBE " + json.dumps(out), flush=True)
"""


class Level:
    """What a level has: places with "r" or "rw", and the rest."""

    def __init__(self, places, workspace, limits, net):
        self.places, self.workspace, self.limits, self.net = places, workspace, limits, net
        self.parent = self

    def access(self, p):
        above = [q for q in self.places if p == q or p.startswith(q + "/")]
        return self.places[max(above, key=len)] if above else ""

    def below(self, key):
        """Of a key `sandbox` under this level: what it does not name stays."""
        places = {}
        for word, access in (("read", "r"), ("write", "rw")):
            for p in key[word] if word in key else [q for q, a in self.places.items() if a == access]:
                places[p] = "rw" if access == "rw" or places.get(p) == "rw" else "r"
        x = Level(places, key.get("workspace", self.workspace), {**self.limits, **key.get("limits", {})},
                  key.get("net", self.net))
        x.parent = self
        return x

    def is_within(self, y):
        return (all(set(self.access(p)) <= set(y.access(p)) for p in PLACES) and set(self.net) <= set(y.net) and
                WORKSPACE[self.workspace] <= WORKSPACE[y.workspace] and
                all(v <= y.limits[k] for k, v in self.limits.items()))

    def can_be_a_step(self):
        """Of a job: whole places, and none less than another that is kept around it."""
        job = self.parent
        less = {p: set(a) - set(self.access(p)) for p, a in job.places.items()}
        kept = {p: set(a) & set(self.access(p)) for p, a in job.places.items()}
        return all(p in job.places for p in self.places) and not any(
            less[p] & kept[q] for p in less for q in kept if p.startswith(q + "/"))

    def is_frozen(self):
        """A step that gives up writing anywhere."""
        job = self.parent
        return (any("w" in a and "w" not in self.access(p) for p, a in job.places.items()) or
                (job.workspace == "write" and self.workspace != "write"))


def key(rnd, above, ports):
    """A random key: mostly within what is above it."""
    k = {}
    wild = rnd.random() < 0.03
    if rnd.random() < 0.7:
        k["read"] = [p for p in PLACES if (wild or above.access(p)) and rnd.random() < 0.5] + [BIN]
    if rnd.random() < 0.6:
        k["write"] = [p for p in PLACES if (wild or "w" in above.access(p)) and rnd.random() < 0.5]
    if rnd.random() < 0.5:
        k["workspace"] = rnd.choice([w for w in WORKSPACE if wild or WORKSPACE[w] <= WORKSPACE[above.workspace]])
    if rnd.random() < 0.5:
        k["net"] = [p for p in (ports if wild else above.net) if rnd.random() < 0.6]
    if rnd.random() < 0.5:
        k["limits"] = {x: rnd.randint(v // 2, v + wild) for x, v in above.limits.items() if rnd.random() < 0.5}
    return k


def as_yaml(k):
    return json.dumps({x: [f"127.0.0.1:{p}" for p in v] or "none" if x == "net" else
                       {y: str(n) for y, n in v.items()} if x == "limits" else v for x, v in k.items()})


class Flow:
    def __init__(self, rnd, ports):
        self.ports = ports
        most = Level({D: "rw"}, "write", dict(DEFAULTS), ports)
        first = key(rnd, most, ports)
        first.setdefault("read", [BIN])
        first.setdefault("write", [p for p in PLACES if rnd.random() < 0.6])
        self.levels, self.is_good = [], True
        flow = most.below(first)
        self.is_good &= flow.is_within(most)
        text = ["on: push", f"sandbox: {as_yaml(first)}", "jobs:"]
        for j in range(2):
            k = key(rnd, flow, ports)
            job = flow.below(k)
            self.is_good &= job.is_within(flow)
            text += [f"  j{j}:", "    runs-on: ubuntu-latest", f"    sandbox: {as_yaml(k)}", "    steps:"]
            for s in range(3):
                k = key(rnd, job, ports)
                step = job.below(k)
                self.is_good &= step.is_within(job) and step.can_be_a_step()
                self.levels.append(step)
                hidden = next((p for p in PLACES if not step.access(p)), BIN)
                head = f"PLACES, PORTS, BIN, HIDDEN = {PLACES!r}, {ports!r}, {BIN!r}, {hidden!r}\n"
                text += [f"      - sandbox: {as_yaml(k)}", "        shell: /usr/bin/python3 -I -S {0}", "        run: |"]
                text += ["          " + x for x in (head + f"open('/tmp/ran{s}', 'w')\n" + PROBE).splitlines()]
        self.text = "\n".join(text) + "\n"

    def judge(self, step, got):
        bad = []

        def is_so(what, want, real):
            if want != real:
                bad.append(f"{what}: {real}, not {want}")

        for p in PLACES:
            a, g = step.access(p), got[p]
            w = "w" in a
            for what in ("names", "read", "run", "around"):
                is_so(f"{p} {what}", bool(a), g[what])
            for what in ("write", "append"):
                is_so(f"{p} {what}", w, g[what])
            is_so(f"{p} mode", w and not step.is_frozen(), g["mode"])
            # Not to write in: whichever way; where it may, the kernel has its own mind of a mode that is none.
            is_so(f"{p} cut", [w, w], [w and g["cut"][1], w or any(g["cut"])])
        is_so("workspace", [WORKSPACE[step.workspace] > 0, step.workspace == "write"], got["workspace"])
        is_so("limits", list(step.limits.values()), got["limits"])
        is_so("net", [p in step.net for p in self.ports], got["net"])
        is_so("sluice in it", [125, ""], got["nested"])
        is_so("a process that the step before left", False, got["left"])
        return bad


def sluice(*args):
    return subprocess.run([SLUICE, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=120)


def reset():
    for p in PLACES:
        os.makedirs(p, mode=0o755, exist_ok=True)
        for name, text, mode in (("f", f"in {p}", 0o644), ("m", "x", 0o644), ("tool", "#!/bin/echo tool\n", 0o755)):
            with open(f"{p}/{name}", "w") as f:
                f.write(text)
            os.chmod(f"{p}/{name}", mode)


def one(i, ports):
    rnd = random.Random(f"{SEED}:{i}")
    f = Flow(rnd, ports)
    reset()
    with open(f"{T}/ws/f.yml", "w") as out:
        out.write(f.text)
    given = ["--write", D, *[x for p in ports for x in ("--net", f"127.0.0.1:{p}")]]
    q = sluice("run", "--json", *given, f"{T}/ws/f.yml")
    said = [json.loads(x) for x in q.stdout.splitlines()]
    probes = [json.loads(e["text"][6:]) for e in said if e["event"] == "step.output" and e["text"].startswith("PROBE ")]
    if not f.is_good:
        bad = [] if q.returncode == 2 and not any(e["event"] == "step.start" for e in said) else [
            f"wider, and status {q.returncode}"]
        bad += [] if "f.yml:" in q.stderr else [f"no place is said: {q.stderr[-300:]}"]
        return bad, "refused", f.text
    if q.returncode != 0 or len(probes) != len(f.levels):
        return [f"status {q.returncode}, {len(probes)} of {len(f.levels)}: {q.stderr[-600:]}"] + [
            e["text"] for e in said if e["event"] == "step.output"][-5:], "run", f.text
    bad = [f"step {n}: {x}" for n, (s, got) in enumerate(zip(f.levels, probes)) for x in f.judge(s, got)]
    run = next(e["run"] for e in said if e["event"] == "run.start")
    for args, want in (("verify", run), "verified"), (("audit", run), "0 without a grant"):
        v = sluice(*args)
        bad += [] if v.returncode == 0 and want in v.stdout else [f"{args[0]}: {v.returncode} {v.stdout[-300:]}{v.stderr[-300:]}"]
    return bad, "run", f.text


def serve(s):
    while True:
        c, _ = s.accept()
        c.close()


def nested_exec():
    """One command in another's box: with or without options it makes no box, and reaches nothing by it."""
    for args in ([], ["--read", PLACES[2]], ["--write", PLACES[2]], ["--net", "127.0.0.1:9"], ["--profile", "offline"]):
        q = sluice("exec", "--read", BIN, "--read", PLACES[0], "--", "/usr/bin/env", "SLUICE_HOME=/tmp/home",
                   f"{BIN}/sluice", "exec", *args, "--", "/bin/cat", f"{PLACES[2]}/f", f"{PLACES[0]}/f")
        same(f"exec in exec {' '.join(args[:1])}: no box", [125, ""], [q.returncode, q.stdout], q.stderr)
    q = sluice("exec", "--read", BIN, "--read", PLACES[0], "--", "/bin/cat", f"{PLACES[0]}/f")
    same("and that is not for want of the place", [0, f"in {PLACES[0]}"], [q.returncode, q.stdout], q.stderr)


def main():
    print(f"# SL_SEED={SEED}", flush=True)
    os.chmod(D, 0o755)
    os.mkdir(BIN, 0o755)
    shutil.copy(SLUICE, f"{BIN}/sluice")
    os.mkdir(f"{T}/ws")
    with open(f"{T}/ws/base", "w") as f:
        f.write("base")
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    for s in socks:
        threading.Thread(target=serve, args=(s,), daemon=True).start()
    ports = [s.getsockname()[1] for s in socks]
    reset()
    sluice("init")
    nested_exec()
    seen, wrong, began = {"run": 0, "refused": 0}, [], time.monotonic()
    for i in range(N) if ONLY is None else [int(ONLY)]:
        if len(wrong) >= 3 or time.monotonic() - began > SECONDS:
            break
        bad, kind, text = one(i, ports)
        seen[kind] += 1
        if bad:
            keys = "\n".join(x for x in text.splitlines() if "sandbox:" in x)
            wrong.append(f"flow {i}: " + "\n".join(bad[:8]) + "\n" + keys)
    point(not wrong, f"{seen['run']} flows: each step reaches exactly what its keys leave; {seen['refused']} wider ones run nothing",
          "\n".join(wrong))
    if ONLY is None:
        point(min(seen.values()) >= 3, "of both kinds enough", seen)


main()
finish()
