# 1034-masked.py -- see 1034-masked.sh; faulty.py starts sluice under tracer.c.
import ctypes
import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys

import fault
import faulty
from fault import T, finish, point

SRC = os.environ["src"]
NEWUSER, NEWNS = 0x10000000, 0x20000
MS_BIND, MS_REC, MS_PRIVATE, MS_RDONLY, MS_REMOUNT = 0x1000, 0x4000, 0x40000, 1, 32
libc = ctypes.CDLL(None, use_errno=True)
E = errno

# What is masked: name in data/tiers.tsv, what it is masked by (faults of tracer.c), as whom, and what must come of it:
# "refused", and what the error says; or "closed", the layer that is then not claimed, and lines of the box's view that
# may differ.  {N} are errnos by name.
REFUSED, CLOSED = "refused", "closed"
MASKS = (
    ("landlock:2", ["*:landlock_create_ruleset:1+:error={EOPNOTSUPP}"], "", REFUSED, r"Landlock ABI 2 .* there is none; .*lsm="),
    ("landlock:2", ["*:landlock_create_ruleset:1+:error={ENOSYS}"], "", REFUSED, r"Landlock ABI 2 .* there is none; .*5\.19"),
    ("landlock:2", ["*:landlock_create_ruleset:1+:only,2&1=1,value=1"], "", REFUSED, r"this kernel has ABI 1; .*5\.19"),
    ("landlock:3", ["*:landlock_create_ruleset:1+:only,2&1=1,value=2"], "", CLOSED, ("landlock:2", "")),
    ("landlock:5", ["*:landlock_create_ruleset:1+:only,2&1=1,value=4"], "", CLOSED, ("landlock:4", "")),
    ("landlock:6", ["*:landlock_create_ruleset:1+:only,2&1=1,value=5"], "", CLOSED, ("landlock:5", "")),
    ("userns", ["*:clone3:1+:error={ENOSYS}"], "", REFUSED, "cannot make namespaces: Function not implemented"),
    ("userns", ["sup:clone3:1+:only,0*0&0x10000000=0x10000000,error={EPERM}"], "user", REFUSED, "user namespaces are forbidden here"),
    ("userns", ["sup:clone3:1+:only,0*0&0x10000000=0x10000000,error={EINVAL}"], "user", REFUSED, "cannot make namespaces"),
    ("userns", ["init:unshare:1+:only,0&0x10000000=0x10000000,error={EINVAL}"], "root", REFUSED, "the box's uid could not be taken"),
    ("cgroupns", ["sup:clone3:1+:only,0*0&0x2000000=0x2000000,error={EINVAL}"], "", REFUSED, "cannot make namespaces"),
    ("clone3", ["sup:clone3:1+:only,0*0&0x100000000=0x100000000,error={EINVAL}"], "", REFUSED, "cannot make namespaces"),
    ("netns", ["*:unshare:1+:only,0&0x40000000=0x40000000,error={EINVAL}"], "", REFUSED, "the box's network could not be made"),
    ("netns-fd", ["*:ioctl:1+:only,1&0xffffffff=0x894c,error={ENOTTY}"], "", REFUSED, "the box's network could not be made"),
    ("mount-api", ["*:fsopen|fsconfig|fsmount|move_mount|open_tree:1+:error={ENOSYS}"], "", REFUSED, "box: .* could not be"),
    ("mount-api", ["*:mount_setattr:1+:error={ENOSYS}"], "", REFUSED, "box: .* could not be"),
    ("mount-api", ["*:mount_setattr:1+:only,2&0x8000=0x8000,error={EINVAL}"], "", REFUSED, "box: .* could not be"),
    ("proc-subset", ["*:fsconfig:1+:only,2=subset,error={EINVAL}"], "", REFUSED, "the box's /proc could not be mounted .*subset"),
    ("proc-subset", ["*:fsconfig:1+:only,2=hidepid,error={EINVAL}"], "", REFUSED, "the box's /proc could not be mounted .*hidepid"),
    ("openat2", ["*:openat2:1+:error={ENOSYS}"], "", REFUSED, "a granted path could not be shown"),
    ("openat2", ["*:openat2:1+:error={EPERM}"], "", REFUSED, "a granted path could not be shown"),
    ("close-range", ["init:close_range:1+:error={ENOSYS}"], "", REFUSED, "the box's init could not start"),
    ("close-range", ["*:close_range:1+:only,2&4=4,error={EINVAL}"], "", REFUSED, "kept from descriptors that are not its own"),
    ("mount-id", ["init:statx:1+:error={ENOSYS}"], "", REFUSED, "the box's root could not be entered"),
    ("no-new-privs", ["init:prctl:1+:only,0&0xff=38,error={EINVAL}"], "", REFUSED, "seccomp"),
    ("no-caps", ["init:prctl:1+:only,0&0xff=47,error={EINVAL}"], "", REFUSED, "capabilities could not be dropped"),
    ("no-caps", ["init:prctl:1+:only,0&0xff=24,error={EINVAL}"], "", REFUSED, "capabilities could not be dropped"),
    ("seccomp", ["*:seccomp:1+:error={ENOSYS}"], "", REFUSED, "seccomp"),
    ("seccomp", ["*:seccomp:1+:only,0&0xff=3,error={EINVAL}"], "", REFUSED, r"no seccomp notification \(Linux 5\.0\)"),
    ("seccomp", ["*:seccomp:1+:only,1&8=8,error={EINVAL}"], "", REFUSED, r"watch filter \(seccomp\)"),
    ("seccomp-killable", ["*:seccomp:1+:only,1&32=32,error={EINVAL}"], "", REFUSED, r"watch filter \(seccomp\)"),
    ("notify-sync", ["sup:ioctl:1+:only,1&0xffffffff=0x40082104,error={EINVAL}"], "", CLOSED, ("", "")),
    ("notify-pidfd", ["sup:pidfd_open:1+:error={ENOSYS}"], "", CLOSED, ("", "")),
    ("notify-pidfd", ["sup:pidfd_getfd:1+:error={ENOSYS}"], "", CLOSED, ("", "")),
    ("notify-addfd", ["sup:ioctl:1+:only,1&0xffffffff=0x40182103,error={EINVAL}"], "", CLOSED, ("", "")),
    ("netns-cookie", ["sup:getsockopt:1+:only,2&0xff=71,error={ENOPROTOOPT}"], "", REFUSED, r"SO_NETNS_COOKIE \(Linux 5\.14\)"),
    ("pidfd", ["sup:pidfd_send_signal:1+:error={ENOSYS}"], "", CLOSED, ("", "")),
    ("idmap", ["init:mount_setattr:1+:only,3*0&0x100000=0x100000,error={EINVAL}"], "root", CLOSED, ("idmap", "GRANTED")),
    ("idmap", ["init:mount_setattr:1+:only,3*0&0x100000=0x100000,error={EPERM}"], "root", CLOSED, ("idmap", "GRANTED")),
    ("overlay", ["init:fsopen:1+:only,0=overlay,error={ENODEV}"], "", CLOSED, ("overlay", "/workspace")),
    ("overlay", ["init:fsconfig:1+:only,2=userxattr,error={EINVAL}"], "", CLOSED, ("overlay", "/workspace")),
    ("overlay", ["init:fsopen:1+:only,0=overlay,error={ENODEV}", "init:copy_file_range:1+:error={ENOSYS}"], "", CLOSED,
     ("overlay", "/workspace")),
)
# Layers that are older than anything that sluice runs on, or that this test cannot take away: said, not passed over.
NOT_MASKED = {
    "mountns": "2.4: always there", "pidns": "2.6: always there", "ipcns": "2.6: always there", "utsns": "2.6: always there",
    "cgroup-limits": "needs a delegated cgroup v2 subtree; without one, as here, each run shows the box without it",
    "idmap-tmpfs": "as idmap", "tmpfs-xattr": "as overlay", "landlock:4": "not used", "landlock:7": "not used",
    "newer-calls": "the probe makes such calls",
}


def expected():
    rows = {}
    with open(f"{SRC}/tests/e2e/hostile/calls.tsv") as f:
        for line in f:
            if not line.startswith("#"):
                call, _, _, err, _ = line.rstrip("\n").split("\t")
                rows[call] = err.split(",")
    return rows


CALLS = expected()
# Sockets that work: to what the grant names, and inside.
CONNECT = r"""import socket
def say(what, s, to):
    s.settimeout(5)
    try: s.connect(to); print("connect", what, "reached", flush=True)
    except OSError: print("connect", what, "refused", flush=True)
say("inet", socket.socket(), ("127.0.0.1", %d))
l = socket.socket(socket.AF_UNIX)
try: l.bind("/tmp/s"); l.listen()
except OSError: pass
say("unix", socket.socket(socket.AF_UNIX), "/tmp/s")
"""
# What of that is lost without a feature.
LOST = {"notify-pidfd": {"inet", "unix"}, "notify-addfd": {"inet"}}


class Box(faulty.World):
    def __init__(self, who, top):
        super().__init__(who, top)
        os.makedirs(f"{self.dir}/bin")
        shutil.copy(f"{T}/probe", f"{self.dir}/bin/probe")
        for x in ("", "/probe"):
            os.chown(f"{self.dir}/bin{x}", self.uid, self.gid)
        d = self.dir
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        port = self.listener.getsockname()[1]
        script = f"{faulty.VIEW}\nfor c in {' '.join(CALLS)}; do {d}/bin/probe $c </dev/null; done; python3 -I -S -c '{CONNECT % port}'"
        self.args = ["exec", "--json", "--read", f"{d}/r", "--write", f"{d}/rw", "--read", f"{d}/rw/in", "--read", f"{d}/bin",
                     "--net", f"127.0.0.1:{port}", "--", "sh", "-c", script]

    def show(self, how, faults=()):
        """(status, number and text of the error, layers, view, what was found open, connections made)."""
        rc, out, err, told = self.run(self.args if how == "exec" else how, [f.format(**NUMBERS) for f in faults], options=["-k"])
        text = self.output("exec", out)
        layers = next((set(e["layers"]) for e in fault.events(out) if e.get("event") == "job.start"), set())
        has_acted = "VIEW-BEGIN" in text
        holes = self.holes(text) if how == "exec" and has_acted else []
        if faults and "hit " not in told:
            holes = ["nothing was masked"]
        return (rc, err, layers, faulty.normal(text, self.host_ns) if has_acted else None, holes,
                set(re.findall(r"^connect (\w+) reached$", text, re.M)))

    def holes(self, text):
        said = dict(line.split(" ", 1) for line in text.splitlines() if line.split(" ")[0] in CALLS)
        return [f"{c}: {said.get(c)}, not {'|'.join(want)}" for c, want in CALLS.items() if said.get(c) not in want]


NUMBERS = {name: n for name, n in vars(errno).items() if name.startswith("E")}


def masked(w):
    base = {how: w.show(how) for how in ("exec", "overlay")}
    for how, (rc, err, layers, view, holes, reached) in base.items():
        point(rc == 0 and view and not holes and reached == ({"inet", "unix"} if how == "exec" else set()),
              f"{w.who}: {how}: nothing masked, all closed", f"{rc} {err} {holes} {reached}")
    for name, faults, who, want, more in MASKS:
        if who and who != w.who:
            continue
        how = "overlay" if name == "overlay" else "exec"
        rc, err, layers, view, holes, reached = w.show(how, faults)
        left = w.left(False)
        title = f"{w.who}: without {name} ({' '.join(faults)})"
        if want == REFUSED:
            good = rc == 125 and view is None and re.search(rf"{more}.*\[env\.unavailable\] \(5\)", err) and not left
            point(good, f"{title}: no box, and why", f"{rc} {err}{holes} {left}")
            continue
        lost, differ = more
        bad = [x for x in set(view or []) ^ set(base[how][3]) if not (differ and re.search(differ.replace(
            "GRANTED", f"{w.dir}|/workspace"), x))]
        claims = base[how][2] ^ layers
        if lost.startswith("landlock"): # that one instead of the best
            good = claims == {lost, *(x for x in base[how][2] if x.startswith("landlock"))}
        else:
            good = claims == ({lost} if lost else set())
        point(rc == 0 and view and not bad and not holes and good and not left and reached == base[how][5] - LOST.get(name, set()), f"{title}: closed, and not claimed",
              f"{rc} {err}; differs: {bad[:6]}; open: {holes[:6]}; layers: {claims}; reached: {reached} {left}")


def complete():
    """Each layer of data/tiers.tsv is masked above, or it is said why not; and nothing is masked that is in no row."""
    rows = {}
    with open(f"{SRC}/data/tiers.tsv") as f:
        for line in f:
            if not line.startswith("#"):
                tier, layer, need, since, enforces, without = line.rstrip("\n").split("\t")
                if tier == "T1":
                    rows[layer] = (need, since, without)
    done = {m[0] for m in MASKS}
    point(set(rows) == done | set(NOT_MASKED), "every layer of data/tiers.tsv is masked, or it is said why not",
          sorted(set(rows) ^ (done | set(NOT_MASKED))))
    kinds = {m[0]: set() for m in MASKS}
    for m in MASKS:
        kinds[m[0]].add(m[3])
    bad = [x for x in done & set(rows) if kinds[x] != {CLOSED if rows[x][0] == "optional" or x == "pidfd" else REFUSED}]
    point(not bad, "what is mandatory is refused without, what is optional is not", bad)
    bad = [x for x, (need, since, without) in rows.items()
           if need not in ("mandatory", "optional", "set-up", "unused") or need in ("optional", "unused") and without == "-"]
    point(not bad, "each optional layer has somebody who closes its door", bad)


# --- hosts that refuse ---

def must(r, what):
    if r != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(src, to, kind, flags=0, data=None):
    must(libc.mount(src.encode(), to.encode(), kind.encode() if kind else None, flags, data), f"mount on {to}")


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def inside(w, prepare, argv, env=None, ids=None, faults=()):
    """sluice in namespaces of our own that prepare() has changed: (status, output, error).  ids: the map, written by us."""
    r, wr = os.pipe()
    go_r, go_w = os.pipe()
    ready_r, ready_w = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(go_w)
            if os.getuid() != w.uid:
                os.setgroups([])
                os.setresgid(w.gid, w.gid, w.gid)
                os.setresuid(w.uid, w.uid, w.uid)
            must(libc.prctl(4, 1, 0, 0, 0), "prctl")
            must(libc.unshare(NEWNS | (NEWUSER if ids != "none" else 0)), "unshare")
            os.write(ready_w, b"x")
            if ids is None:
                write("/proc/self/setgroups", "deny")
                write("/proc/self/uid_map", f"{w.uid} {w.uid} 1")
                write("/proc/self/gid_map", f"{w.gid} {w.gid} 1")
            os.read(go_r, 1)
            mount("none", "/", None, MS_REC | MS_PRIVATE)
            prepare()
            q = subprocess.run([*([faulty.TRACER, "-r", "/dev/null", *faults, "--"] if faults else []), w.sluice, *argv],
                               env=env or w.env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
            got = [q.returncode, q.stdout.decode(errors="replace"), q.stderr.decode(errors="replace")]
        except BaseException as e:
            got = [None, "", f"the test: {e!r}"]
        os.write(wr, json.dumps(got).encode()[:65000])
        os._exit(0)
    for fd in (wr, go_r, ready_w):
        os.close(fd)
    os.read(ready_r, 1)
    if ids not in (None, "none"):
        write(f"/proc/{pid}/uid_map", ids)
        write(f"/proc/{pid}/gid_map", ids)
    os.write(go_w, b"x")
    data = b""
    while True:
        more = os.read(r, 65536)
        if not more:
            break
        data += more
    os.waitpid(pid, 0)
    for fd in (r, go_w, ready_r):
        os.close(fd)
    return json.loads(data)


def nothing():
    pass


def limit(kind, n):
    return lambda: write(f"/proc/sys/user/max_{kind}_namespaces", str(n))


def hosts(w):
    """Set-ups that an ordinary user meets: containers, hardened machines."""
    run = ["exec", "--", "sh", "-c", "echo acted"]

    def refused(name, pattern, prepare, **more):
        rc, out, err = inside(w, prepare, run, **more)
        left = w.left(False)
        point(rc == 125 and out == "" and re.search(pattern, err) and "[env.unavailable] (5)" in err and not left,
              f"{w.who}: {name}: no box, and what to do", f"{rc} {out} {err} {left}")

    def runs(name, prepare, **more):
        rc, out, err = inside(w, prepare, run, **more)
        left = w.left(False)
        point(rc == 0 and out == "acted\n" and not left, f"{w.who}: {name}: a box all the same", f"{rc} {out} {err} {left}")

    runs("a user namespace around it", nothing)
    refused("user.max_user_namespaces=0", "user.max_user_namespaces to at least 64", limit("user", 0))
    for kind in ("mnt", "pid", "ipc", "uts", "cgroup"):
        refused(f"user.max_{kind}_namespaces=0", r"raise user\.max_\*_namespaces", limit(kind, 0))
    refused("user.max_net_namespaces=0", "raise sysctl user.max_net_namespaces", limit("net", 0))
    refused("/proc with a masked path, as in a container", "fully visible /proc is needed",
            lambda: mount("none", "/proc/acpi" if os.path.isdir("/proc/acpi") else "/proc/fs", "tmpfs"))
    runs("no /sys", lambda: mount("none", "/sys", "tmpfs"))

    def kernel():
        """/proc/sys/kernel with what is in it here, to be added to."""
        keep = {x: open(f"/proc/sys/kernel/{x}").read() for x in ("random/boot_id", "osrelease", "hostname")}
        mount("none", "/proc/sys/kernel", "tmpfs")
        os.mkdir("/proc/sys/kernel/random")
        for x, text in keep.items():
            write(f"/proc/sys/kernel/{x}", text)

    def ubuntu():
        kernel()
        write("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")
    refused("AppArmor's limit, as Ubuntu has it", "kernel.apparmor_restrict_unprivileged_userns=0", ubuntu,
            faults=[f"init:openat:1+:only,1=/proc/self/uid_map,error={E.EPERM}"])

    def debian():
        kernel()
        write("/proc/sys/kernel/unprivileged_userns_clone", "0\n")
    refused("kernel.unprivileged_userns_clone=0", "set sysctl kernel.unprivileged_userns_clone=1", debian,
            faults=[f"sup:clone3:1:error={E.EPERM}"])

    def read_only_tmp():
        mount("/tmp", "/tmp", None, MS_BIND | MS_REC)
        must(libc.mount(None, b"/tmp", None, MS_BIND | MS_REMOUNT | MS_RDONLY | 2 | 4, None), "a read-only /tmp")
    rc, out, err = inside(w, read_only_tmp, run)
    point(rc == 125 and out == "" and re.search(r"\[[a-z.]+\] \(5\)", err), f"{w.who}: a read-only $SLUICE_HOME: refused", f"{rc} {out}{err}")

    def elsewhere():
        mount("none", "/mnt", "tmpfs")
        os.mkdir("/mnt/home", 0o700)
        shutil.copy(w.sluice, "/mnt/sluice")
        read_only_tmp()
    rc, out, err = inside(w, elsewhere, run, env={**w.env, "SLUICE_HOME": "/mnt/home", "TMPDIR": "/tmp"})
    point(rc == 0 and out == "acted\n", f"{w.who}: a read-only /tmp: a box all the same", f"{rc} {out} {err}")


def root_hosts(w):
    run = ["exec", "--", "sh", "-c", "echo acted"]
    q = subprocess.run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", w.sluice, *run], env=w.env, cwd="/",
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    err = q.stderr.decode(errors="replace")
    point(q.returncode == 125 and not q.stdout and "root without CAP_SYS_ADMIN" in err and "[env.unavailable] (5)" in err,
          "root: without CAP_SYS_ADMIN: no box, and what to do", f"{q.returncode} {err}")
    rc, out, err = inside(w, nothing, run, ids="0 0 65536\n")
    point(rc == 125 and not out and "run as an ordinary user in it" in err and "[env.unavailable] (5)" in err,
          "root: of a user namespace with 65536 ids: no box, and what to do", f"{rc} {out} {err}")


def main():
    os.chmod(T, 0o755)
    complete()
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        w = Box(who, T)
        w.node("init")
        masked(w)
        if w.uid == 0:
            root_hosts(w)
        else:
            hosts(w)
        point(w.node("log", "check")[0] == 0, f"{who}: the log checks clean")
    finish()


main()
