# 1036-tier0-view.py -- see 1036-tier0-view.sh; kernelview.py reads /proc.
import copy
import json
import os
import re
import shutil
import signal
import subprocess

import kernelview as kv
from fault import SLUICE, T, finish, point, wait_for

SRC = os.environ["src"]
UID = 61242
CANARY = "canary-77c0"
SHELL = {"PWD", "OLDPWD", "_", "SHLVL"}
# An act that feels what no file of /proc shows of Landlock: each line is one refusal.
FELT = r"""cat /etc/passwd; ls /; (: >/etc/x); kill -0 $PPID; cat /proc/self/status; ls /tmp; chmod 755 /usr; echo ready; exec sleep 30"""
FELT_LINES = 7

with open(f"{SRC}/data/tiers.tsv") as f:
    ROWS = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
MANDATORY = {r[1] for r in ROWS if r[0] == "T0" and r[2] == "mandatory"}
with open(f"{SRC}/data/t0-open.tsv") as f:
    OPEN = [line.split("\t")[0] for line in f if not line.startswith("#")]
# Of how it was set up, or what a counter-example shows; nothing in /proc does.
NOT_SHOWN = {"openat2", "seccomp-killable", "subreaper"}


def parts(snap):
    """guard, init, acts: by who is whose child."""
    up = {p["pid"]: int(p["status"]["PPid"]) for p in snap["all"]}
    sup = snap["supervisor"]["pid"]
    by = {p["pid"]: p for p in snap["all"]}
    guards = [p for p in snap["all"] if up[p["pid"]] == sup and p["status"]["Name"] == "sluice-guard"]
    inits = [p for p in snap["all"] if guards and up[p["pid"]] == guards[0]["pid"]]

    def is_under(pid, top):
        while pid in up:
            if up[pid] == top:
                return True
            pid = up[pid]
        return False
    acts = [p for p in snap["all"] if inits and is_under(p["pid"], inits[0]["pid"])]
    return guards, inits, acts, by


def findings(snap, want):
    out, seen = [], set()

    def need(ok, check, what):
        if not ok:
            out.append((check, what))
        return bool(ok)

    guards, inits, acts, _ = parts(snap)
    need(len(guards) == 1 and len(inits) == 1 and acts, "shape", f"{len(guards)} guards, {len(inits)} inits, {len(acts)} acts")
    ok = {"no-caps": True, "no-new-privs": True, "seccomp": True, "private-uid": True}
    for p in (*guards, *inits, *acts):
        s, who = p["status"], f"process {p['pid']}"
        for c in kv.CAPS:
            if c != "CapBnd" or want["uid"] == 0:
                ok["no-caps"] &= need(int(s.get(c, "1"), 16) == 0, "no-caps", f"{who}: {c} {s.get(c)}")
        ok["no-new-privs"] &= need(s.get("NoNewPrivs") == "1", "no-new-privs", f"{who}: {s.get('NoNewPrivs')}")
        least = 2 if p in acts else 1
        ok["seccomp"] &= need(s.get("Seccomp") == "2" and int(s.get("Seccomp_filters", "0")) >= least, "seccomp",
                              f"{who}: {s.get('Seccomp')} with {s.get('Seccomp_filters')} filters")
        ids = set(s.get("Uid", "0").split()) | set(s.get("Gid", "0").split())
        if want["uid"] == 0:
            ok["private-uid"] &= need(len(ids) == 1 and int(min(ids)) >= 65536, "ids", f"{who}: {ids} is not private")
            need(not s.get("Groups", "").split(), "groups", f"{who}: groups {s.get('Groups')}")
        else:
            need(ids == {str(want["uid"]), str(want["gid"])}, "ids", f"{who}: {ids}")
        need(s.get("TracerPid") == "0", "tracer", f"{who}: traced")
        need(s.get("NSsid") != snap["supervisor"]["status"].get("NSsid"), "session", f"{who}: in the session of sluice")
        fds = [f for f in p["fds"] if f["target"] != "/dev/null"]
        for f in fds:
            kind = "act" if p in acts else "guard"
            if p in acts:
                good = f["fd"] <= 2 and f["target"].startswith("pipe:")
            elif f["target"].startswith("/"):
                good = f["target"] in (*want["writes"], want["own"])
            else:
                good = p in inits and re.match(r"socket:|pipe:|anon_inode:\[?signalfd", f["target"]) is not None
            need(good, "descriptors", f"{who} ({kind}): {f['fd']} is {f['target']}")
        if p in acts:
            env = dict(x.partition("=")[::2] for x in p["environ"] or [])
            need({k: v for k, v in env.items() if k not in SHELL} == want["env"], "environ", f"{who}: {env}")
            for name, limit, more in (("Max file size", "file_size", 0), ("Max open files", "nofile", 0), ("Max cpu time", "cpu", 0)):
                n = kv.number(p["limits"].get(name), 0)
                need(n is not None and n <= want["limits"][limit] + more, "limits", f"{who}: {name} is {n}")
            n = kv.number(p["limits"].get("Max processes"), 0)
            need(n is not None and (want["classes"]["pids"] != "process" or n <= want["limits"]["pids"] + 2), "limits", f"{who}: processes {n}")
            need(p["limits"].get("Max core file size", ["?"])[0] == "0", "limits", f"{who}: core files")
        else:
            need(p["proc_owner"] == 0, "closed", f"{who}: can be looked into")
        need(p["environ"] is None or p in acts or p["environ"] == [], "environ", f"{who}: {p['environ']}")
        # the host's own, as it says itself
        for n in kv.NAMESPACES:
            if p["ns"][n] is not None and p["ns"][n] != snap["checker"]["ns"][n]:
                seen.add(kv.NAMESPACES[n])
    ok["seccomp"] &= need(any("seccomp notify" in f["target"] for f in snap["supervisor"]["fds"]), "observed", "nothing is observed")
    seen |= {k for k, v in ok.items() if v and (k != "private-uid" or want["uid"] == 0)}
    if need(want["felt"] == FELT_LINES, "landlock", f"{want['felt']} of {FELT_LINES} attempts were refused"):
        seen.add("landlock:6")
    claimed = set(want["layers"])
    for x in sorted(claimed - seen - NOT_SHOWN):
        need(False, "claims", f"{x} is claimed; the kernel does not show it")
    for x in sorted(seen - claimed):
        need(False, "claims", f"{x} is there; it is not claimed")
    for x in sorted(MANDATORY - claimed):
        need(False, "claims", f"{x} is mandatory, not claimed")
    need(want["open"] == OPEN, "open", f"said to be open: {want['open']}")
    need(set(want["classes"].values()) <= {"watched", "process"}, "limits", f"classes {want['classes']}")
    return out


class Pass:
    def __init__(self, who):
        drop = who == "user" and os.geteuid() == 0
        self.who, self.dir = who, f"{T}/{who}"
        self.uid, self.gid = (UID, UID) if drop else (os.getuid(), os.getgid())
        self.prefix = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"] if drop else []
        for d in ("", "/rw", "/ro"):
            os.makedirs(self.dir + d)
            os.chown(self.dir + d, self.uid, self.gid)
            os.chmod(self.dir + d, 0o755)
        self.sluice = f"{self.dir}/sluice"
        shutil.copyfile(SLUICE, self.sluice)
        os.chmod(self.sluice, 0o755)
        self.env = {**os.environ, "SLUICE_HOME": f"{self.dir}/home", "HOME": self.dir, "SL_CANARY": CANARY}

    def sl(self, *args):
        return subprocess.run([*self.prefix, self.sluice, *args], env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=30)

    def allow(self):
        self.sl("init")
        path = f"{self.dir}/home/policy/policy.dl"
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace('\ndeny if tier("T0");', ""))
        self.sl("policy", "register")
        return self.sl("exec", "--tier", "T0", "--", "true")

    def live(self):
        args = ["exec", "--json", "--tier", "T0", "--read", f"{self.dir}/ro", "--write", f"{self.dir}/rw", "--env", "SL_ONE=1", "--",
                "sh", "-c", FELT]
        q = subprocess.Popen([*self.prefix, self.sluice, *args], env=self.env, cwd=self.dir, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines = []
        for line in q.stdout:
            lines.append(line.decode(errors="replace"))
            if '"text":"ready"' in lines[-1]:
                break
        wait_for(5, lambda: any((kv.text(f"/proc/{k}/cmdline") or "").startswith("sleep\0") for k in kv.descendants(q.pid)))
        procs = [kv.process(p) for p in kv.descendants(q.pid) if not kv.is_ended(p)]
        snap = {"checker": kv.process(os.getpid()), "supervisor": kv.process(q.pid), "all": procs}
        acts = parts(snap)[2]
        for a in acts:
            os.kill(a["pid"], signal.SIGTERM)
        lines += [x.decode(errors="replace") for x in q.stdout]
        q.wait(20)
        events = [json.loads(x) for x in lines if x.startswith("{")]
        run = events[0]["run"]
        kinds = {}
        for x in self.sl("log", "show", run, "--json").stdout.decode().splitlines():
            r = json.loads(x)
            kinds.setdefault(r["kind"], []).append(r["statement"]["predicate"])
        box = kinds["outcome"][0]["sluice"]["box"]
        grant = kinds["decision"][0]["sluice"]["grant"]
        env = dict(x.partition("=")[::2] for a in acts[:1] for x in a["environ"] or [])
        own = env.get("HOME", "").removesuffix("/home")
        felt = sum(bool(re.search(r"Permission denied|Operation not permitted", e["text"])) for e in events if e.get("event") == "step.output")
        want = {"uid": self.uid, "gid": self.gid, "writes": [f"{self.dir}/rw"], "own": own, "layers": box["layers"], "open": box.get("open"),
                "classes": box["limits"], "limits": {k: x["max"] for k, x in grant["limits"].items()}, "felt": felt,
                "env": {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": own + "/home", "TMPDIR": own + "/tmp", "LANG": "C.UTF-8",
                        "USER": "runner", "SL_ONE": "1"}}
        point(box["tier"] == "T0" and grant["tier"] == "T0" and "etc" not in box, f"{self.who}: the statements name the tier", box)
        point(bool(re.fullmatch(r"(/var)?/tmp/sluice-[0-9a-f]{32}", own)) and not os.path.exists(own), f"{self.who}: its own directory, gone", own)
        return snap, want


def put(which, key, value):
    def change(s, w):
        parts(s)[which][0]["status"][key] = value
    return change


def of_act(key, change):
    def do(s, w):
        parts(s)[2][0][key] = change(parts(s)[2][0][key])
    return do


def of_want(key, change):
    def do(s, w):
        w[key] = change(w[key])
    return do


def no_listener(s, w):
    s["supervisor"]["fds"] = []


def drop_guard(s, w):
    s["all"].remove(parts(s)[0][0])


def open_init(s, w):
    parts(s)[1][0]["proc_owner"] = 1234


# What the checker must not miss: (what it is called, what is altered, the finding).
ALTERED = (
    ("a capability", put(2, "CapEff", "0000000000000400"), "no-caps"), ("one of init's", put(1, "CapPrm", "1"), "no-caps"),
    ("one of the guard's", put(0, "CapInh", "1"), "no-caps"), ("an ambient one", put(2, "CapAmb", "1"), "no-caps"),
    ("new privileges", put(2, "NoNewPrivs", "0"), "no-new-privs"), ("those of the guard", put(0, "NoNewPrivs", "0"), "no-new-privs"),
    ("no filter", put(2, "Seccomp", "0"), "seccomp"), ("one filter", put(2, "Seccomp_filters", "1"), "seccomp"),
    ("none on init", put(1, "Seccomp", "0"), "seccomp"), ("uid 0", put(2, "Uid", "0\t0\t0\t0"), "ids"),
    ("a set uid of 0", put(2, "Uid", "61242\t61242\t0\t61242"), "ids"), ("a tracer", put(2, "TracerPid", "1"), "tracer"),
    ("gid 0", put(1, "Gid", "0\t0\t0\t0"), "ids"), ("no guard", drop_guard, "shape"), ("init open", open_init, "closed"),
    ("a descriptor", of_act("fds", lambda f: [*f, {"fd": 3, "target": "socket:[1]", "mnt_id": 1}]), "descriptors"),
    ("a file", of_act("fds", lambda f: [*f, {"fd": 1, "target": "/etc/shadow", "mnt_id": 1}]), "descriptors"),
    ("a variable", of_act("environ", lambda e: [*e, "SL_CANARY=x"]), "environ"),
    ("a variable less", of_act("environ", lambda e: e[1:]), "environ"),
    ("no limit on files", of_act("limits", lambda v: {**v, "Max open files": ["unlimited", "unlimited"]}), "limits"),
    ("core files", of_act("limits", lambda v: {**v, "Max core file size": ["unlimited", "unlimited"]}), "limits"),
    ("nothing observed", no_listener, "observed"), ("a namespace", of_act("ns", lambda v: {**v, "pid": "pid:[1]"}), "claims"),
    ("a claim", of_want("layers", lambda v: [*v, "pidns"]), "claims"), ("another", of_want("layers", lambda v: [*v, "userns"]), "claims"),
    ("none of seccomp", of_want("layers", lambda v: [x for x in v if x != "seccomp"]), "claims"),
    ("none of Landlock", of_want("layers", lambda v: [x for x in v if x != "landlock:6"]), "claims"),
    ("nothing felt", of_want("felt", lambda v: v - 1), "landlock"), ("less said to be open", of_want("open", lambda v: v[1:]), "open"),
    ("nothing said to be open", of_want("open", lambda v: None), "open"),
    ("an aggregate", of_want("classes", lambda v: {**v, "memory": "aggregate"}), "limits"),
)


def main():
    os.chmod(T, 0o755)
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        p = Pass(who)
        r = p.allow()
        if b"tier T0 needs" in r.stderr:
            print(f"1..0 # SKIP no tier T0 here: {r.stderr.decode()}")
            raise SystemExit(0)
        point(r.returncode == 0, f"{who}: a box", r.stderr.decode())
        snap, want = p.live()
        bad = findings(snap, want)
        point(not bad, f"{who}: the kernel sees what was promised, what is claimed is seen", "\n".join(map(str, bad)))
        for name, change, check in ALTERED:
            s, w = copy.deepcopy(snap), copy.deepcopy(want)
            change(s, w)
            got = findings(s, w)
            point(any(c == check for c, _ in got), f"{who}: the checker sees {name}", got)
    finish()


main()
