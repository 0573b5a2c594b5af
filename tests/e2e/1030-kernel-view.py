# 1030-kernel-view.py -- see 1030-kernel-view.sh and kernelview.py.
import copy
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import kernelview as kv
from fault import SLUICE, T, finish, flow, known, point

SRC = os.environ["src"]
UID = 61240
CANARY = "canary-6b1f"
BASE = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/home/runner", "LANG": "C.UTF-8", "USER": "runner"}
# What Landlock alone refuses: a device 0:0 is nobody's privilege to make (mknod(2)).
FELT = "LC_ALL=C mknod /tmp/felt c 0 0 2>&1 || :; echo ready; "
# Findings that are known: (check, pattern, what it is).
KNOWN = ()
MANDATORY = set()
with open(f"{SRC}/data/tiers.tsv") as f:
    for row in (line.split("\t") for line in f if not line.startswith("#")):
        if row[0] == "T1" and row[2] == "mandatory":
            MANDATORY.add(row[1])


class Pass:
    """One identity: its directory, its node, its way to start sluice."""

    def __init__(self, who):
        self.who, self.root = who, os.geteuid() == 0
        self.drop = who == "user" and self.root
        self.dir = f"{T}/{who}"
        self.uid, self.gid = (UID, UID) if self.drop else (os.getuid(), os.getgid())
        self.groups = [] if self.drop else os.getgroups()
        self.prefix = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"] if self.drop else []
        self.sluice, self.met = SLUICE, set()
        self.mkdir("")
        if self.drop:
            self.sluice = f"{T}/bin/sluice"
            os.makedirs(f"{T}/bin", exist_ok=True)
            shutil.copyfile(SLUICE, self.sluice)
            os.chmod(self.sluice, 0o755)
        for d in ("home", "ro", "ro/w", "ro/w/r", "ro/w/r/w", "rw", "rw/in", "rw/home", "ws", "ws/.git", "ws/.git/hooks"):
            self.mkdir(d)
        for f in ("ro/f", "rw/f", "ro/w/r/f", "ws/f", "ws/.git/config"):
            with open(f"{self.dir}/{f}", "w") as h:
                h.write(f)
            os.chown(f"{self.dir}/{f}", self.uid, self.gid)
        # somebody else's: as root a grant's owner is the box's, whoever that is
        self.mkdir("theirs")
        if self.root and not self.drop:
            os.chmod(f"{self.dir}/theirs", 0o700)
            os.chown(f"{self.dir}/theirs", 54321, 54321)
        self.env = {**os.environ, "SLUICE_HOME": f"{self.dir}/home", "HOME": self.dir, "SHELL": f"/{CANARY}",
                    "SL_CANARY": CANARY, "GITHUB_TOKEN": CANARY, "CI": CANARY}

    def mkdir(self, name):
        d = f"{self.dir}/{name}".rstrip("/")
        os.makedirs(d, exist_ok=True)
        os.chmod(d, 0o755)
        os.chown(d, self.uid, self.gid)

    def sl(self, *args):
        p = subprocess.run([*self.prefix, self.sluice, *args], env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=30)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")

    def strange(self, bad):
        """What was found, without what is known."""
        out = []
        for check, what in bad:
            hit = next((k for k in KNOWN if k[0] == check and re.search(k[1], what)), None)
            if hit is None:
                out.append((check, what))
            else:
                self.met.add(hit)
        return out

    def can_box(self):
        rc, _, err = self.sl("exec", "--", "true")
        return "" if rc == 0 else err.split("\n", 1)[0]


class Variant:
    def __init__(self, name, reads=(), writes=(), masked=(), env=None, mode="none", flow=None, args=(), stdin="null",
                 home=None):
        self.name, self.reads, self.writes, self.masked, self.mode = name, list(reads), list(writes), list(masked), mode
        self.env, self.flow, self.args, self.stdin, self.home = env or {}, flow, list(args), stdin, home

    def argv(self, p):
        if self.flow:
            return ["run", "--json", "--workspace", f"{p.dir}/ws", *self.args, self.flow]
        a = ["exec"] + ([] if self.stdin == "tty" else ["--json"]) + self.args
        for r in self.reads:
            a += ["--read", r]
        for w in self.writes:
            a += ["--write", w]
        for k, v in self.env.items():
            a += ["--env", f"{k}={v}"]
        return a + ["--", "sh", "-c", FELT + ("exec cat" if self.stdin == "pipe" else "exec sleep 30")]


def variants(p):
    d = p.dir
    deep = [f"{SRC}/data"] if p.root and not p.drop or os.access(f"{SRC}/data", os.R_OK) and not p.drop else []
    step = flow(f"{d}/flow.yml", FELT + "exec sleep 30")
    os.chmod(step, 0o644)
    yield Variant("no grants")
    yield Variant("standard input is a pipe", stdin="pipe", env={"SL_ONE": "1", "HOME": "/opt"})
    yield Variant("a terminal", stdin="tty", env={"TERM": "dumb"})
    yield Variant("--read of a directory, a file and what lies in /usr", [f"{d}/ro", f"{d}/rw/f", "/usr/share", *deep])
    yield Variant("--write", writes=[f"{d}/rw"])
    yield Variant("grants of two owners", [f"{d}/theirs"], [f"{d}/rw"])
    yield Variant("grants in grants", [f"{d}/ro", f"{d}/ro/w/r", f"{d}/rw/f"], [f"{d}/ro/w", f"{d}/ro/w/r/w", f"{d}/rw"])
    # a node whose home lies in what is granted
    yield Variant("a masked place in a grant", writes=[f"{d}/rw"], masked=[f"{d}/rw/in/home"], home=f"{d}/rw/in/home")
    yield Variant("a masked place in what may be read", [f"{d}/rw"], masked=[f"{d}/rw/in/home"], home=f"{d}/rw/in/home")
    yield Variant("a flow over a workspace", mode="overlay", flow=step)
    yield Variant("a flow in place", mode="direct", flow=step, args=["--direct"])


def start(p, v):
    env = {**p.env, "SLUICE_HOME": v.home or p.env["SLUICE_HOME"]}
    argv = [*p.prefix, p.sluice, *v.argv(p)]
    if v.stdin == "tty":
        master, slave = pty.openpty()
        q = subprocess.Popen(argv, env=env, cwd=p.dir, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        return q, master, env
    q = subprocess.Popen(argv, env=env, cwd=p.dir, stdin=subprocess.PIPE if v.stdin == "pipe" else subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return q, q.stdout.fileno(), env


def read_until(fd, word, seconds):
    """What comes from fd, until word does or it ends."""
    got, until = b"", time.monotonic() + seconds
    while word is None or word not in got:
        if not select.select([fd], [], [], max(0, until - time.monotonic()))[0]:
            break
        try:
            data = os.read(fd, 65536)
        except OSError: # a terminal whose other side is closed
            break
        if not data:
            break
        got += data
    return got


def settled(pid):
    """The act's processes: awaited until the one that stays has replaced the shell."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        kids = kv.descendants(pid)
        if any((kv.text(f"/proc/{k}/cmdline") or "").startswith(("sleep\0", "cat\0")) for k in kids):
            return
        time.sleep(0.005)


def statements(p, env, run):
    q = subprocess.run([*p.prefix, p.sluice, "log", "show", run, "--json"], env=env, cwd=p.dir, capture_output=True,
                       stdin=subprocess.DEVNULL, timeout=30)
    rows = [json.loads(x) for x in q.stdout.decode().splitlines() if x]
    kinds = {}
    for r in rows:
        kinds.setdefault(r["kind"], []).append(r["statement"]["predicate"])
    return kinds


def run_one(p, v):
    """(snapshot, want, events) of one live box, or a reason why there is none."""
    paths = [*v.reads, *v.writes, *v.masked, "/workspace"]
    q, fd, env = start(p, v)
    mark = b"ready" if v.stdin == "tty" else b'"text":"ready"'
    got = read_until(fd, mark, 20)
    if mark not in got:
        q.kill()
        q.wait()
        return None, None, f"the act did not come up: {got[-600:]!r}"
    settled(q.pid)
    snap = kv.snapshot(q.pid, paths)
    if v.stdin == "pipe":
        q.stdin.close()
    else: # ours: it was found below what we started
        for a in snap["box"][1:]:
            os.kill(a["pid"], signal.SIGTERM)
    got += read_until(fd, None, 20)
    q.wait(20)
    os.close(fd) if v.stdin == "tty" else q.stdout.close()
    events = []
    for line in got.decode(errors="replace").splitlines():
        if line.startswith("{"):
            events.append(json.loads(line))
    run = next((e["run"] for e in events if e.get("event") == "run.start"), None)
    if run is None:
        out = subprocess.run([*p.prefix, p.sluice, "runs", "--json"], env=env, cwd=p.dir, stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=30).stdout.decode()
        run = json.loads(out.splitlines()[0])["run"]
    kinds = statements(p, env, run)
    box = next((o["sluice"]["box"] for o in kinds.get("outcome", []) if "box" in o["sluice"]), None)
    if box is None:
        return None, None, f"no outcome of {run} has a box"
    grant = next(d["sluice"]["grant"] for d in kinds["decision"] if d["sluice"].get("grant"))
    mode = "copy" if box["workspace"] == "copy" and v.mode == "overlay" else v.mode
    want = {"reads": v.reads, "writes": v.writes, "masked": v.masked, "env": None if v.flow else {**BASE, **v.env},
            "canary": CANARY, "mode": mode, "is_tty": v.stdin == "tty", "uid": p.uid, "gid": p.gid, "groups": p.groups,
            "layers": box["layers"], "classes": box["limits"], "mandatory": MANDATORY,
            "limits": {k: x["max"] for k, x in grant["limits"].items()}, "why_copy": box.get("workspace_why"),
            "is_landlock_felt": b"Permission denied" in got, "landlock_abi": kv.landlock_abi()}
    return snap, want, {"run": run, "events": events, "box": box, "env": env, "mode": box["workspace"]}


def judge(p, v):
    name = f"{p.who}: {v.name}"
    snap, want, x = run_one(p, v)
    if not point(snap is not None, f"{name}: a live box", x):
        return None
    bad = p.strange(kv.findings(snap, want))
    bounds = [f"{c}: {t}" for c, t in bad if c != "claims"]
    point(not bounds, f"{name}: the kernel sees what was promised, nothing else", "\n".join(bounds))
    claims = [t for c, t in bad if c == "claims"]
    start_ = next((e for e in x["events"] if e.get("event") == "job.start"), None)
    if start_ is not None and (set(start_["layers"]) != set(want["layers"]) or start_["limits"] != want["classes"]):
        claims.append(f"the event says {start_['layers']} {start_['limits']}")
    if x["mode"] == "copy" and want["why_copy"]:
        print(f"# {name}: {want['why_copy']}", flush=True)
    elif x["mode"] != v.mode:
        claims.append(f"the workspace is {x['mode']} by claim")
    point(not claims, f"{name}: what is claimed is seen, what is seen is claimed", "\n".join(claims))
    q = subprocess.run([*p.prefix, p.sluice, "verify", "--json", x["run"]], env=x["env"], cwd=p.dir, capture_output=True,
                       stdin=subprocess.DEVNULL, timeout=30)
    point(q.returncode == 0 and json.loads(q.stdout)["verdict"] == "verified", f"{name}: the run verifies",
          q.stdout.decode() + q.stderr.decode())
    return (snap, want) if not bad else None


# --- the checker itself: what it must not miss ---

def act(s):
    return s["box"][-1]


def mount_at(s, at):
    return next(m for m in act(s)["mounts"] if m["at"] == at)


def set_cap(s, w):
    act(s)["status"]["CapEff"] = "0000000000200000"


def set_bound_cap(s, w):
    act(s)["status"]["CapBnd"] = "0000000000000001"


def writable_usr(s, w):
    m = mount_at(s, "/usr")
    m["opts"] = ["rw" if o == "ro" else o for o in m["opts"]]


def add_mount(at, **more):
    def change(s, w):
        m = copy.deepcopy(mount_at(s, "/tmp"))
        m.update(at=at, **more)
        act(s)["mounts"].append(m)
    return change


def drop_option(at, option, where="opts"):
    def change(s, w):
        mount_at(s, at)[where].remove(option)
    return change


def same_ns(name):
    def change(s, w):
        for b in s["box"]:
            b["ns"][name] = s["checker"]["ns"][name]
    return change


def one_ns(name):
    def change(s, w):
        act(s)["ns"][name] = s["supervisor"]["ns"][name]
    return change


def put(key, value, of=act):
    def change(s, w):
        of(s)[key] = value
    return change


def status(key, value, of=act):
    def change(s, w):
        of(s)["status"][key] = value
    return change


def claim(layer):
    def change(s, w):
        w["layers"] = [*w["layers"], layer]
    return change


def deny(layer):
    def change(s, w):
        w["layers"] = [x for x in w["layers"] if not x.startswith(layer)]
    return change


def without(at):
    def change(s, w):
        for b in s["box"]:
            b["mounts"] = b["mounts"] and [m for m in b["mounts"] if m["at"] != at]
    return change


def rlimit(name, value):
    def change(s, w):
        act(s)["limits"][name] = value
    return change


def classed(name, value):
    def change(s, w):
        w["classes"] = {**w["classes"], name: value}
    return change


def fd(number, target, mnt_id=None):
    def change(s, w):
        act(s)["fds"].append({"fd": number, "target": target, "mnt_id": mnt_id})
    return change


def unnotified(s, w):
    s["supervisor"]["fds"] = [f for f in s["supervisor"]["fds"] if "seccomp" not in f["target"]]


def readonly_write(s, w):
    w["reads"], w["writes"] = w["reads"] + w["writes"], []


def other_place(s, w):
    s["paths"][w["writes"][0]]["box"][1] += 1


def no_init(s, w):
    s["box"] = s["box"][1:]


def first(s):
    return s["box"][0]


ALTERED = (
    ("a capability in force", set_cap, "no-caps"),
    ("a capability in the bounding set", set_bound_cap, "no-caps"),
    ("an inheritable capability of init", status("CapInh", "0000000000000002", first), "no-caps"),
    ("no-new-privs off", status("NoNewPrivs", "0"), "no-new-privs"),
    ("no seccomp", status("Seccomp", "0"), "seccomp"),
    ("one filter instead of two", status("Seccomp_filters", "1"), "seccomp"),
    ("nobody listens to the filter", unnotified, "observed"),
    ("the caller's session", lambda s, w: act(s)["status"].update(NSsid=s["supervisor"]["status"]["NSsid"]), "session"),
    ("a tracer", status("TracerPid", "77"), "tracer"),
    ("the host's uid 0", status("Uid", "0\t0\t0\t0"), "ids"),
    ("a saved uid of somebody else", status("Uid", "5\t5\t6\t5"), "ids"),
    ("a map of two ids", put("uid_map", ["1000", "70000", "2"]), "ids"),
    ("root inside", put("uid_map", ["0", "70000", "1"]), "ids"),
    ("a map of groups to the host's 0", put("gid_map", ["1000", "0", "1"]), "ids"),
    ("setgroups allowed", put("setgroups", "allow"), "ids"),
    ("a supplementary group", status("Groups", "27 "), "groups"),
    *((f"the host's {n} namespace", same_ns(n), layer) for n, layer in kv.NAMESPACES.items()),
    *((f"the act alone in the supervisor's {n} namespace", one_ns(n), layer) for n, layer in kv.NAMESPACES.items()),
    ("a time namespace that nobody claims", put("ns", None), "claims"),
    ("no init", no_init, "pidns"),
    ("a writable /usr", writable_usr, "writable"),
    ("a writable mount more", add_mount("/srv"), "writable"),
    ("a read-only mount more", add_mount("/srv", opts=["ro", "nosuid", "nodev"]), "mount"),
    ("the host's /sys", add_mount("/sys", type="sysfs"), "mount"),
    ("something over /etc/passwd", add_mount("/etc/passwd", opts=["ro", "nosuid", "nodev"]), "mount"),
    ("a writable mount over /usr/bin", add_mount("/usr/bin"), "writable"),
    ("a disk among the devices", add_mount("/dev/vda", type="devtmpfs", root="/vda"), "mount"),
    ("another device under the name of null", add_mount("/dev/null", type="devtmpfs", root="/vda",
                                                        opts=["rw", "nosuid", "noexec"]), "mount"),
    ("set-id programs in /tmp", drop_option("/tmp", "nosuid"), "mount-flags"),
    ("devices in /home/runner", drop_option("/home/runner", "nodev"), "mount-flags"),
    ("programs in /proc", drop_option("/proc", "noexec"), "mount-flags"),
    ("all of /proc", drop_option("/proc", "subset=pid", "super"), "proc"),
    ("processes of others in /proc", drop_option("/proc", "hidepid=invisible", "super"), "proc"),
    ("no /proc", without("/proc"), "mount"),
    ("no /tmp of its own", without("/tmp"), "mount"),
    ("a shared mount", lambda s, w: mount_at(s, "/").update(tags=["shared:1"]), "propagation"),
    ("a name more in /", put("root_names", ["bin", "srv", "usr"]), "root"),
    ("the host's root", lambda s, w: act(s).update(root=s["checker"]["root"]), "root"),
    ("a second interface", put("interfaces", ["lo", "eth0"]), "network"),
    ("no interface", put("interfaces", []), "network"),
    ("a route", put("routes", ["eth0\t00000000\t0102A8C0"]), "network"),
    ("a variable of the caller's", lambda s, w: act(s)["environ"].append("SL_CANARY=" + CANARY), "environ"),
    ("another PATH", lambda s, w: act(s)["environ"].append("PATH=/tmp"), "environ"),
    ("an environment that cannot be read", put("environ", None), "environ"),
    ("an environment left in init", put("environ", ["HOME=/root"], first), "environ"),
    ("a file of the host in hand", fd(5, "/etc/shadow", 1), "descriptors"),
    ("a socket in hand", fd(5, "socket:[1]"), "descriptors"),
    ("the caller's own pipe", lambda s, w: act(s)["fds"].append(dict(s["checker"]["fds"][0], fd=0)), "descriptors"),
    ("an init that can be looked into", put("proc_owner", 70000, first), "init"),
    ("no limit on open files", rlimit("Max open files", ["unlimited", "unlimited"]), "limits"),
    ("a hard limit on processes that is higher", rlimit("Max processes", ["1025", "9999"]), "limits"),
    ("core files", rlimit("Max core file size", ["unlimited", "unlimited"]), "limits"),
    ("much locked memory", rlimit("Max locked memory", ["unlimited", "unlimited"]), "limits"),
    ("memory per process that is claimed to be watched", rlimit("Max data size", ["4096", "4096"]), "limits"),
    ("watched memory that is claimed per process", classed("memory", "process"), "limits"),
    ("aggregate limits without a cgroup", classed("memory", "aggregate"), "limits"),
    ("an overlay that is not there", claim("overlay"), "claims"),
    ("cgroup limits that are not there", claim("cgroup-limits"), "claims"),
    ("a layer that nobody knows", claim("moat"), "claims"),
    ("Landlock claimed as another", lambda s, w: w.update(
        layers=[x.replace("landlock:", "landlock:9") for x in w["layers"]]), "claims"),
    ("no effect of Landlock", lambda s, w: w.update(is_landlock_felt=False), "claims"),
    ("a layer that is not claimed", deny("netns"), "claims"),
    ("a mandatory layer that is not claimed", deny("seccomp-killable"), "claims"),
    ("Landlock not claimed", deny("landlock"), "claims"),
    ("a grant that is writable and should not be", readonly_write, "writable"),
    ("a grant that shows another place", other_place, "grant"),
)


def writable_at(at):
    def change(s, w):
        m = mount_at(s, at(w))
        m["opts"] = ["rw" if o == "ro" else o for o in m["opts"]]
    return change


def filled_mask(s, w):
    s["paths"][w["masked"][0]]["names"] = ["keys"]


def host_mask(s, w):
    x = s["paths"][w["masked"][0]]
    x["box"] = x["host"]


def parent_of_mask(s, w):
    without(os.path.dirname(w["masked"][0]))(s, w)


# The same of other kinds of boxes.
ALTERED_OF = {
    "a masked place in a grant": (
        ("a mask that can be written", writable_at(lambda w: w["masked"][0]), "writable"),
        ("no mask", lambda s, w: without(w["masked"][0])(s, w), "mount"),
        ("a mask that shows something", filled_mask, "mask"),
        ("a mask that shows the very place", host_mask, "mask"),
        ("a mask whose parent can be renamed", parent_of_mask, "mask"),
    ),
    "grants in grants": (
        ("a read-only grant in a writable one that is writable", writable_at(lambda w: w["reads"][1]), "writable"),
        ("a grant of a file that is not shown", lambda s, w: without(w["reads"][2])(s, w), "mount"),
        ("a grant that nobody asked for", lambda s, w: w.update(writes=w["writes"][:-1]), "writable"),
    ),
    "a terminal": (
        ("a terminal that nobody asked for", lambda s, w: w.update(is_tty=False), "mount"),
    ),
    "a flow over a workspace": (
        ("the directory itself in place of an overlay", lambda s, w: mount_at(s, "/workspace").update(type="ext4"), "mount"),
        ("an overlay that is not claimed", deny("overlay"), "claims"),
        ("no workspace", without("/workspace"), "mount"),
        ("a writable mount in the workspace", add_mount("/workspace/x"), "writable"),
        ("a token of the caller's", lambda s, w: act(s)["environ"].append("GITHUB_TOKEN=" + CANARY), "environ"),
    ),
    "a flow in place": (
        ("hooks of git that can be written", writable_at(lambda w: "/workspace/.git/hooks"), "obeyed"),
        ("hooks of git that nothing holds", without("/workspace/.git/hooks"), "mount"),
        ("settings of an agent that nothing holds", without("/workspace/.claude"), "mount"),
        ("an overlay by claim", claim("overlay"), "claims"),
    ),
}


def needs_care(name, s):
    if name == "a time namespace that nobody claims": # others of its namespaces stay
        act(s)["ns"] = {**s["box"][0]["ns"], "time": "time:[1]"}


def missed_of(good, rows):
    """Which alterations of a good view were not found out."""
    snap, want = good
    known_ = kv.findings(snap, want)
    missed = []
    for name, change, check in rows:
        s, w = copy.deepcopy(snap), copy.deepcopy(want)
        change(s, w)
        needs_care(name, s)
        bad = [x for x in kv.findings(s, w) if x not in known_]
        if not any(c == check for c, _ in bad):
            missed.append(f"{name}: wanted {check}, found {bad}")
    return missed


def altered(good, who):
    for name, rows in {"--write": ALTERED, **ALTERED_OF}.items():
        if point(name in good, f"{who}: {name}: a good view to alter"):
            missed = missed_of(good[name], rows)
            point(not missed, f"{who}: {name}: {len(rows)} altered views are each found out", "\n".join(missed))
    if "--write" in good:
        impostor(*good["--write"], who)


def impostor(snap, want, who):
    q = subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL)
    bare = kv.snapshot(os.getpid())
    q.kill()
    q.wait()
    point(kv.findings(bare, want), f"{who}: a process without a box is no box", "")
    # A real process of the host, dressed up as the act: everything about it must be found.
    s = copy.deepcopy(snap)
    s["box"][-1] = {**kv.process(os.getpid()), "status": {**kv.process(os.getpid())["status"], "NSpid": "1 2"}}
    got = {c for c, _ in kv.findings(s, want)}
    need = {"ids", "no-new-privs", "seccomp", "mount", "writable", "network", "environ", "limits", *kv.NAMESPACES.values()}
    if os.geteuid() == 0:
        need |= {"no-caps"}
    if kv.interfaces(os.getpid()) == ["lo"]:
        need -= {"network"}
    point(need <= got, f"{who}: an ordinary process in the act's place fails every check", f"not found: {need - got}")


def control(p):
    """The act by which Landlock is felt is refused by nothing else."""
    q = subprocess.run([*p.prefix, "mknod", f"{p.dir}/rw/felt", "c", "0", "0"], capture_output=True)
    ok = q.returncode == 0
    if ok:
        os.unlink(f"{p.dir}/rw/felt")
    name = f"{p.who}: outside, a device 0:0 can be made"
    why = q.stderr.decode().strip()
    point(True, name if ok else f"{name} # SKIP not here, so the box's own /tmp is the only witness: {why}")


def main():
    os.chmod(T, 0o755)
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        p = Pass(who)
        why = p.can_box()
        if why:
            point(True, f"{who}: # SKIP no box for this user: {why}")
            continue
        control(p)
        good = {}
        for v in variants(p):
            got = judge(p, v)
            if got:
                good[v.name] = got
        for k in KNOWN if p.root else (): # nobody else sees into init
            known(k in p.met, f"{who}: no {k[0]} beyond what is promised", k[2])
        altered(good, who)


main()
finish()
