"""kernelview.py -- what the kernel itself says about a live box, and whether that is what was promised.

snapshot(pid) walks /proc from a sluice process to all that it started, never by name, and reads each as plain data.
findings(snap, want) compares such data with the bounds of a box (the tables below say them anew; nothing is taken
from the program) and with what the statement of the run claims: a layer that is claimed must be seen, one that is
seen must be claimed.  It gives (check, text) for everything that is not as promised; an empty list is a good box.
The two are apart so that altered snapshots can be fed to the second: a checker that finds nothing wrong in those
would prove nothing.

want: reads writes masked (paths), env (NAME -> VALUE; None: that of a flow), canary (in the caller's environment
only), mode (none overlay copy direct), is_tty, uid gid groups (of who runs sluice), layers classes limits (of the
statements), mandatory (layers), is_landlock_felt (an act that only Landlock refuses was refused), landlock_abi (of
the kernel)."""
import ctypes
import os
import re
import stat

NAMESPACES = {"user": "userns", "mnt": "mountns", "pid": "pidns", "net": "netns", "ipc": "ipcns", "uts": "utsns",
              "cgroup": "cgroupns"}
PLACES = ("/tmp", "/home/runner", "/run", "/var/tmp", "/opt/hostedtoolcache", "/dev/shm")
NODES = ("null", "zero", "full", "random", "urandom", "tty")
HOST_RO = ("/usr", "/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs")
ROOT_NAMES = {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "dev", "etc", "home", "opt", "proc", "root", "run", "tmp",
              "usr", "var", "workspace"}
# What the host would later obey: read-only in a workspace that is given in place.
OBEYED = (".git/hooks", ".git/config", ".github/workflows", ".claude", ".vscode", ".envrc", ".bashrc", ".mcp.json")
# Claims about how a box was set up, which leave nothing that /proc shows.
NOT_SHOWN = {"mount-api", "openat2", "seccomp-killable", "notify-sync"}
LANDLOCK_USED = 6  # the last ABI whose rights sluice uses
# A step's environment: these, what the schema of workflows gives, and what its shell makes for itself.
FLOW_ENV = {"CI": "true", "HOME": "/home/runner", "LANG": "C.UTF-8", "USER": "runner", "SHELL": "/bin/bash"}
FLOW_NAMES = re.compile(r"(GITHUB|RUNNER)_[A-Z0-9_]+|PATH")
SHELL_NAMES = {"PWD", "OLDPWD", "_", "SHLVL"}
CAPS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


# --- reading ---

def text(path):
    """A file's text; None where it cannot be read."""
    try:
        with open(path, "rb") as f:
            return f.read().decode("utf-8", "surrogateescape")
    except OSError:
        return None


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None


def identity(path):
    """(device, inode, owner, kind) of a path, not of what a link leads to; None where it is not there."""
    try:
        st = os.lstat(path)
    except OSError:
        return None
    return [st.st_dev, st.st_ino, st.st_uid, stat.S_IFMT(st.st_mode)]


def names(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return None


def unescape(s):
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), s).encode("latin-1", "surrogateescape").decode(
        "utf-8", "surrogateescape") if "\\" in s else s


def mounts(lines):
    out = []
    for line in lines.splitlines():
        left, _, right = line.partition(" - ")
        f, r = left.split(" "), right.split(" ")
        out.append({"id": int(f[0]), "parent": int(f[1]), "dev": f[2], "root": unescape(f[3]), "at": unescape(f[4]),
                    "opts": f[5].split(","), "tags": f[6:], "type": r[0], "super": r[2].split(",")})
    return out


def fds(pid):
    out = []
    for n in names(f"/proc/{pid}/fd") or []:
        info = text(f"/proc/{pid}/fdinfo/{n}") or ""
        m = re.search(r"^mnt_id:\s*(\d+)", info, re.M)
        target = link(f"/proc/{pid}/fd/{n}")
        if target is not None:
            out.append({"fd": int(n), "target": target, "mnt_id": int(m.group(1)) if m else None})
    return out


def limits(pid):
    rows = {}
    for line in (text(f"/proc/{pid}/limits") or "").splitlines()[1:]:
        m = re.match(r"(.+?)\s{2,}(\S+)\s+(\S+)", line)
        if m:
            rows[m.group(1)] = [m.group(2), m.group(3)]
    return rows


def interfaces(pid):
    return [x.split(":")[0].strip() for x in (text(f"/proc/{pid}/net/dev") or "").splitlines()[2:]]


def process(pid):
    d = f"/proc/{pid}"
    status = dict(x.split(":\t", 1) for x in (text(d + "/status") or "").splitlines() if ":\t" in x)
    own = identity(d + "/environ")
    environ, mountinfo = text(d + "/environ"), text(d + "/mountinfo")
    return {"pid": pid, "status": status, "ns": {n: link(f"{d}/ns/{n}") for n in (*NAMESPACES, "time")},
            "mounts": None if mountinfo is None else mounts(mountinfo), "uid_map": (text(d + "/uid_map") or "").split(),
            "gid_map": (text(d + "/gid_map") or "").split(), "setgroups": (text(d + "/setgroups") or "").strip(),
            "limits": limits(pid), "interfaces": interfaces(pid),
            "routes": (text(d + "/net/route") or "").splitlines()[1:],
            "environ": None if environ is None else [x for x in environ.split("\0") if x], "fds": fds(pid),
            "cgroup": (text(d + "/cgroup") or "").split("\n"), "proc_owner": own[2] if own else None,
            "root_names": names(d + "/root/"), "root": identity(d + "/root/"), "cwd": identity(d + "/cwd/")}


def descendants(pid):
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        for t in names(f"/proc/{p}/task") or []:
            for k in (text(f"/proc/{p}/task/{t}/children") or "").split():
                out.append(int(k))
                todo.append(int(k))
    return out


def is_ended(pid):
    return re.search(r"^State:\s+[ZX]", text(f"/proc/{pid}/status") or "State:\tX", re.M) is not None


def snapshot(pid, paths=()):
    """Everything about the sluice process pid, what it started, and how the paths look from both sides."""
    procs = [process(p) for p in [pid, *descendants(pid)] if not is_ended(p)]
    depth = len(procs[0]["status"].get("NSpid", "").split()) if procs else 0
    # a process of the box has a pid in one namespace more than sluice has
    inner = [p for p in procs[1:] if len(p["status"].get("NSpid", "").split()) > depth]
    snap = {"checker": process(os.getpid()), "supervisor": procs[0] if procs else None,
            "outside": [p for p in procs[1:] if p not in inner], "box": inner, "depth": depth, "paths": {}}
    if snap["box"]:
        root = f"/proc/{snap['box'][-1]['pid']}/root"
        for p in paths:
            snap["paths"][p] = {"host": identity(p), "box": identity(root + p), "names": names(root + p)}
    return snap


def landlock_abi():
    r = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)
    return r if r > 0 else 0


# --- judging ---

def is_below(path, top):
    return path == top or path.startswith(top.rstrip("/") + "/")


def is_writable(m):
    return "ro" not in m["opts"] and "ro" not in m["super"]


def number(row, i, default=None):
    v = row[i] if row else None
    return default if v in (None, "unlimited") else int(v)


class Judge:
    def __init__(self, snap, want):
        self.snap, self.want, self.out, self.seen = snap, want, [], set()
        self.box = snap["box"]
        # pid 1 of its namespace: the last number of NSpid
        self.init = [p for p in self.box if p["status"].get("NSpid", "").split()[-1:] == ["1"]]
        self.acts = [p for p in self.box if p not in self.init]
        self.is_root = want["uid"] == 0

    def say(self, check, what):
        self.out.append((check, what))

    def need(self, ok, check, what):
        if not ok:
            self.say(check, what)
        return bool(ok)

    # who

    def shape(self):
        self.need(len(self.init) == 1, "pidns", f"{len(self.init)} processes are pid 1 of a box")
        self.need(self.acts, "shape", "no process of the act was found below sluice")
        for p in self.acts:
            self.need(len(p["status"].get("NSpid", "").split()) == self.snap["depth"] + 1, "pidns",
                      f"process {p['pid']} is not one namespace below sluice")

    def ids(self):
        w = self.want
        for p in self.box:
            who = f"process {p['pid']}"
            for key, mapping, own in (("Uid", "uid_map", w["uid"]), ("Gid", "gid_map", w["gid"])):
                v = set(p["status"].get(key, "").split())
                self.need(len(v) == 1, "ids", f"{who}: {key} is {v}")
                out = next(iter(v), "0")
                self.need(out != "0", "ids", f"{who}: {key} is the host's 0")
                m = p[mapping]
                self.need(len(m) == 3 and m[2] == "1" and m[1] == out, "ids", f"{who}: {mapping} is {m}, {key} {out}")
                self.need(m[:1] != ["0"], "ids", f"{who}: {mapping} gives the box a root: {m}")
                if self.is_root:
                    self.need(out != str(own) and int(out) >= 65536, "private-uid", f"{who}: {key} {out} is not private")
                else:
                    self.need(out == str(own), "ids", f"{who}: {key} {out} is not the caller's {own}")
            self.need(p["setgroups"] == "deny", "ids", f"{who}: setgroups is {p['setgroups']!r}")
            groups = set(map(int, p["status"].get("Groups", "").split()))
            self.need(groups <= (set() if self.is_root else set(w["groups"])), "groups", f"{who}: groups {groups}")
        if self.is_root and self.box and not any(c == "private-uid" for c, _ in self.out):
            self.seen.add("private-uid")

    def rights(self):
        ok = {"no-caps": True, "no-new-privs": True, "seccomp": True}
        for p in self.box:
            s, who = p["status"], f"process {p['pid']}"
            for c in CAPS:
                ok["no-caps"] &= self.need(int(s.get(c, "1"), 16) == 0, "no-caps", f"{who}: {c} {s.get(c)}")
            ok["no-new-privs"] &= self.need(s.get("NoNewPrivs") == "1", "no-new-privs", f"{who}: {s.get('NoNewPrivs')}")
            least = 1 if p in self.init else 2  # the gate; and what stops for the supervisor
            ok["seccomp"] &= self.need(s.get("Seccomp") == "2" and int(s.get("Seccomp_filters", "0")) >= least, "seccomp",
                                       f"{who}: mode {s.get('Seccomp')}, filters {s.get('Seccomp_filters')}")
            self.need(s.get("TracerPid") == "0", "tracer", f"{who}: traced by {s.get('TracerPid')}")
            sid = s.get("NSsid", "0").split()[0]
            self.need(sid not in ("0", self.snap["supervisor"]["status"].get("NSsid", "0").split()[0]), "session",
                      f"{who}: in the session of sluice, whose terminal it could have")
        sup = self.snap["supervisor"]["fds"]
        if sup and self.acts:
            ok["seccomp"] &= self.need(any("seccomp notify" in f["target"] for f in sup), "observed",
                                       "sluice holds no notification descriptor: nothing is observed")
        if self.box:
            self.seen |= {k for k, v in ok.items() if v}

    def namespaces(self):
        others = [self.snap["checker"], self.snap["supervisor"], *self.snap["outside"]]
        for n, layer in NAMESPACES.items():
            got = {p["ns"][n] for p in self.box if p["ns"][n] is not None}
            ok = self.need(len(got) == 1, layer, f"the box's processes have {len(got)} namespaces of kind {n}")
            for o in others:
                ok &= self.need(got and o["ns"][n] not in got, layer,
                                f"the {n} namespace is that of process {o['pid']} outside")
            if ok:
                self.seen.add(layer)
        if self.box and self.box[-1]["ns"]["time"] not in (None, self.snap["checker"]["ns"]["time"]):
            self.seen.add("timens")

    # the tree

    def grant_of(self, at):
        """The grant that a place is shown by: the nearest above it."""
        over = [g for g in (*self.want["reads"], *self.want["writes"]) if is_below(at, g)]
        return max(over, key=len, default=None)

    def judge_grant(self, m, g):
        self.need(is_writable(m) == (g in self.want["writes"]), "writable" if is_writable(m) else "grant",
                  f"{m['at']} is {'writable' if is_writable(m) else 'read-only'}, granted by {g}")
        return {"nosuid", "nodev"}, None

    def kind_of(self, m):
        """(what its options must hold, its file system or None) of a mount; None of one that is not promised."""
        at, w = m["at"], self.want
        if at in w["masked"]:
            self.need(not is_writable(m), "writable", f"the mask {at} is writable")
            return {"nosuid", "nodev", "noexec"}, "tmpfs"
        if self.grant_of(at) is not None:
            return self.judge_grant(m, self.grant_of(at))
        if is_below(at, "/workspace"):
            return self.workspace_mount(m)
        if at == "/proc":
            for o in ("subset=pid",):
                self.need(o in m["super"], "proc", f"/proc lacks {o}: {m['super']}")
            self.need({"hidepid=invisible", "hidepid=2"} & set(m["super"]), "proc", f"/proc hides nobody: {m['super']}")
            return {"nosuid", "nodev", "noexec"}, "proc"
        if at in PLACES:
            self.need(is_writable(m), "place", f"{at} is read-only")
            return {"nosuid", "nodev"}, "tmpfs"
        if at == "/dev/pts" and w["is_tty"]:
            return {"nosuid", "noexec"}, "devpts"
        if at.startswith("/dev/") and at[5:] in NODES:
            self.need(m["type"] == "devtmpfs" and m["root"] == at[4:], "mount", f"{at} shows {m['root']} of {m['type']}")
            return {"nosuid", "noexec"}, None
        if at in ("/", "/dev", "/usr/local") or any(is_below(at, h) for h in HOST_RO):
            self.need(not is_writable(m), "writable", f"{at} is writable")
            own = at in ("/", "/dev", "/usr/local")
            return {"nosuid", "noexec" if at == "/dev" else "nodev"}, "tmpfs" if own else None
        return None

    def workspace_mount(self, m):
        mode, at = self.want["mode"], m["at"]
        if mode == "overlay" and at == "/workspace":
            self.need(is_writable(m), "workspace", "the overlay is read-only")
            self.seen.add("overlay")
            return {"nosuid", "nodev"}, "overlay"
        if mode == "copy" and at == "/workspace":
            self.need(is_writable(m), "workspace", "the copy is read-only")
            return {"nosuid", "nodev"}, None
        if mode != "direct":
            return None
        if at == "/workspace":
            self.need(is_writable(m), "workspace", "/workspace is read-only")
        elif is_writable(m):
            inside = at[len("/workspace/"):]
            self.need(not any(is_below(inside, o) for o in OBEYED), "obeyed", f"{at} is writable")
        return {"nosuid", "nodev"}, None

    def tree(self):
        for p in self.box:
            known = {}
            if p["mounts"] is None:
                self.unread(p, "mount")
                continue
            for m in p["mounts"]:
                known[m["at"]] = m  # the last one at a place covers those before
                want = self.kind_of(m)
                if not self.need(want is not None, "mount", f"{m['at']}: {m['type']} {m['root']} is promised by nothing"):
                    if is_writable(m):
                        self.say("writable", f"{m['at']} is writable")
                    continue
                lacks = want[0] - set(m["opts"])
                self.need(not lacks, "mount-flags", f"{m['at']} lacks {','.join(sorted(lacks))}")
                self.need(want[1] in (None, m["type"]), "mount", f"{m['at']} is {m['type']}, not {want[1]}")
                self.need(not [t for t in m["tags"] if t.startswith(("shared", "master"))], "propagation",
                          f"{m['at']}: {m['tags']}")
            w = self.want
            must = ["/", "/usr", "/proc", "/dev", *PLACES, *w["reads"], *w["writes"], *w["masked"]]
            must += ["/workspace"] if w["mode"] != "none" else []
            must += ["/workspace/" + o for o in OBEYED if w["mode"] == "direct"]
            for at in must:
                self.need(at in known or any(is_below(at, "/workspace/" + x) and "/workspace/" + x in known and
                                             not is_writable(known["/workspace/" + x]) for x in (".git", ".github")),
                          "mount", f"nothing is mounted at {at}")
            for m in w["masked"]: # a mask does not survive that what it lies in is renamed: each is held by a mount
                top = self.grant_of(m)
                between = m[len(top or m):].strip("/").split("/")[:-1]
                for i in range(len(between)):
                    at = "/".join([top, *between[:i + 1]])
                    self.need(at in known, "mask", f"{at} can be renamed, and {m} with it")
            if any("idmapped" in m["opts"] for m in p["mounts"]):
                self.seen.add("idmap")
            first = {g.split("/")[1] for g in (*w["reads"], *w["writes"])}
            if p["root_names"] is not None:
                more = set(p["root_names"]) - ROOT_NAMES - first
                self.need(not more, "root", f"/ has {sorted(more)}")
            if p["root"] is not None:
                self.need(p["root"][:2] != self.snap["checker"]["root"][:2], "root", f"/ of {p['pid']} is the host's")

    def shown(self):
        """Grants are the very things of the host, under the box's own name; masks and /usr/local are empty."""
        w, paths = self.want, self.snap["paths"]
        uid = self.acts[-1]["status"].get("Uid", "").split()[:1] if self.acts else []
        for g in (*w["reads"], *w["writes"]):
            x = paths.get(g)
            if x is None or x["host"] is None:
                continue
            self.need(x["box"] is not None and x["box"][:2] == x["host"][:2], "grant", f"{g} is not the host's")
            if self.is_root and x["box"] is not None and "idmap" in w["layers"]:
                self.need([str(x["box"][2])] == uid, "idmap", f"{g} belongs to {x['box'][2]} in the box, not to {uid}")
        for m in w["masked"]:
            x = paths.get(m)
            if x is not None:
                self.need(x["box"] is not None and x["box"][:2] != x["host"][:2] and x["names"] in ([], None), "mask",
                          f"{m} shows {x['names']}")
        ws = paths.get("/workspace")
        if ws is not None and ws["box"] is not None and self.is_root and w["mode"] == "overlay":
            # the lower layer's mount is no part of the tree: its map shows in the owner alone
            if [str(ws["box"][2])] == uid:
                self.seen.add("idmap")

    # the rest

    def network(self):
        for p in self.box:
            self.need(p["interfaces"] == ["lo"], "network", f"process {p['pid']}: interfaces {p['interfaces']}")
            self.need(not p["routes"], "network", f"process {p['pid']}: routes {p['routes']}")

    def environment(self):
        for p in self.box:
            if p["environ"] is None:
                self.unread(p, "environ")
            elif p in self.init:
                self.need(not p["environ"], "environ", f"the box's init still has {p['environ']}")
            else:
                self.variables(dict(x.partition("=")[::2] for x in p["environ"]))

    def unread(self, p, check):
        """What is not to be seen: only of a box's init, only by who is not root."""
        self.need(p in self.init and not self.can_see, check, f"process {p['pid']}: cannot be read")

    def variables(self, got):
        fixed = FLOW_ENV if self.want["env"] is None else self.want["env"]
        for k in set(got) - SHELL_NAMES:
            ok = got[k] == fixed.get(k) or (self.want["env"] is None and k not in fixed and FLOW_NAMES.fullmatch(k))
            self.need(ok, "environ", f"{k}={got[k]!r} was not granted")
        for k in set(fixed) - set(got):
            self.say("environ", f"{k} is missing")
        canary = [k for k in got if self.want["canary"] in got[k]]
        self.need(not canary, "environ", f"{canary} are the caller's")

    @property
    def can_see(self):
        return self.snap["checker"]["status"].get("Uid", "").split()[:1] == ["0"]

    def descriptors(self):
        ours = {f["target"] for f in self.snap["checker"]["fds"]}
        for p in self.box:
            ids = {m["id"] for m in p["mounts"] or []}
            for f in p["fds"]:
                what = f"process {p['pid']}: descriptor {f['fd']} is {f['target']}"
                if f["target"].startswith("/"):
                    self.need(f["mnt_id"] in ids, "descriptors", what + ", which lies outside")
                elif p in self.acts:
                    self.need(f["target"].startswith("pipe:") and f["fd"] <= 2, "descriptors", what)
                else:
                    self.need(re.match(r"pipe:|socket:|anon_inode:\[?signalfd", f["target"]), "descriptors", what)
                self.need(f["target"] not in ours or f["target"].startswith(("/", "anon_inode")), "descriptors",
                          what + ", which the checker has too")

    def init_is_closed(self):
        for p in self.init:
            if p["proc_owner"] is not None:  # root's: the kernel's mark of a process that cannot be dumped
                self.need(p["proc_owner"] == 0, "init", "the box can look into its init")

    def limits(self):
        """(rlimit, limit, what init and a grace add); a class "process" is seen as an rlimit."""
        w, rows = self.want, (("Max processes", "pids", 1, 1), ("Max cpu time", "cpu", 0, 3),
                              ("Max file size", "file_size", 0, 0), ("Max open files", "nofile", 0, 0),
                              ("Max data size", "memory", 0, 0))
        cg = any(p["cgroup"] != self.snap["supervisor"]["cgroup"] for p in self.acts)
        for p in self.acts:
            for name, limit, soft, hard in rows:
                row, most = p["limits"].get(name), w["limits"][limit]
                is_held = number(row, 0) is not None and number(row, 0) <= most + soft and \
                    number(row, 1, 1 << 64) <= most + max(soft, hard)
                cls = w["classes"][limit]
                own = self.snap["supervisor"]["limits"].get(name)
                if cls == "process":
                    self.need(is_held, "limits", f"{limit} is claimed per process; {name} is {row}, granted {most}")
                elif cls != "aggregate":
                    self.need(not is_held or row == own, "limits", f"{limit} is {cls} by claim; {name} is {row}")
                if cls == "aggregate":
                    self.need(cg, "limits", f"{limit} is claimed for the whole box, which has no cgroup of its own")
            self.need(p["limits"].get("Max core file size", ["?"])[0] == "0", "limits", "core files are possible")
            self.need(number(p["limits"].get("Max locked memory"), 0, 1 << 64) <= 8 << 20, "limits", "locked memory")
        if cg and any(v == "aggregate" for v in w["classes"].values()):
            self.seen.add("cgroup-limits")

    def claims(self):
        claimed = set(self.want["layers"])
        land = {x for x in claimed if x.startswith("landlock:")}
        if self.want["is_landlock_felt"]:
            self.seen.add(f"landlock:{min(self.want['landlock_abi'], LANDLOCK_USED)}")
        for x in sorted(claimed - self.seen - NOT_SHOWN):
            self.say("claims", f"{x} is claimed; the kernel does not show it")
        for x in sorted(self.seen - claimed):
            self.say("claims", f"{x} is there; it is not claimed")
        self.need(len(land) == 1, "claims", f"Landlock is claimed as {sorted(land)}")
        for x in sorted(self.want["mandatory"]):
            self.need(x in claimed or (x.startswith("landlock:") and land), "claims", f"{x} is mandatory, not claimed")


def findings(snap, want):
    if snap["supervisor"] is None:
        return [("shape", "there is no process to look at")]
    j = Judge(snap, want)
    for check in (j.shape, j.ids, j.rights, j.namespaces, j.tree, j.shown, j.network, j.environment, j.descriptors,
                  j.init_is_closed, j.limits, j.claims):
        check()
    return j.out
