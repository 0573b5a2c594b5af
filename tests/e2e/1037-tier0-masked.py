# 1037-tier0-masked.py -- see 1037-tier0-masked.sh; faulty.py starts sluice under tracer.c.
import ctypes
import errno
import json
import os
import re
import subprocess
import sys

from fault import T, finish, point
from tier0 import Box, own_dirs, stays

SRC = os.environ["src"]
NUMBERS = {name: n for name, n in vars(errno).items() if name.startswith("E")}
REFUSED, CLOSED = "refused", "closed"
RULES, ON, ACT = "landlock_create_ruleset", "landlock_restrict_self", "init/fork1/vfork1"
# Layer of data/tiers.tsv, what masks it (faults of tracer.c), as whom, what must come of it: refused, with this in the
# error; or closed, without that line of what the act says.  Of guard and init the labels are init and init/fork1.
MASKS = (
    ("landlock:6", [f"*:{RULES}:1+:error={{EOPNOTSUPP}}"], "", REFUSED, "tier T0 needs Landlock ABI 6 and there is none; .*lsm="),
    ("landlock:6", [f"*:{RULES}:1+:error={{ENOSYS}}"], "", REFUSED, r"tier T0 needs Landlock ABI 6 and there is none; .*6\.12"),
    *(("landlock:6", [f"*:{RULES}:1+:only,2&1=1,value={n}"], "", REFUSED, f"this kernel has less: ABI {n}; .*6\\.12") for n in range(1, 6)),
    ("landlock:6", [f"init:{RULES}:1+:error={{E2BIG}}"], "", REFUSED, "Landlock could not be applied"),
    ("landlock:6", ["init:landlock_add_rule:3+:error={EINVAL}"], "", REFUSED, "could not be shown"),
    ("landlock:6", [f"init:{ON}:1+:error={{EPERM}}"], "", REFUSED, "Landlock could not be applied"),
    # It says that it was done.
    ("landlock:6", [f"init:{ON}:1+:value=0"], "", REFUSED, "Landlock could not be applied .it does not hold files"),
    ("landlock:6", [f"init/fork1:{ON}:1+:value=0"], "", REFUSED, "Landlock could not be applied .init can reach its guard"),
    ("landlock:6", [f"{ACT}:{ON}:1+:value=0"], "", REFUSED, r"kept to its own places \(Landlock\)"),
    ("landlock:6", [f"init/fork1:{ON}:1+:error={{EPERM}}"], "", REFUSED, "Landlock could not be applied"),
    ("landlock:6", [f"{ACT}:{ON}:1+:error={{EPERM}}"], "", REFUSED, r"kept to its own places \(Landlock\)"),
    ("no-new-privs", ["init:prctl:1+:only,0&0xff=38,error={EINVAL}"], "", REFUSED, "seccomp filter could not be installed"),
    ("no-caps", ["init:prctl:1+:only,0&0xff=47,error={EINVAL}"], "", REFUSED, "capabilities could not be dropped"),
    ("no-caps", ["init:prctl:1+:only,0&0xff=24,error={EINVAL}"], "root", REFUSED, "capabilities could not be dropped"),
    ("no-caps", ["init:capset:1+:error={EPERM}"], "", REFUSED, "capabilities could not be dropped"),
    ("seccomp", ["*:seccomp:1+:error={ENOSYS}"], "", REFUSED, "seccomp"),
    ("seccomp", ["*:seccomp:1+:only,0&0xff=3,error={EINVAL}"], "", REFUSED, r"no seccomp notification \(Linux 5\.0\)"),
    ("seccomp", ["*:seccomp:1+:only,1&8=8,error={EINVAL}"], "", REFUSED, r"watch filter \(seccomp\)"),
    ("seccomp", ["init:seccomp:1+:value=0"], "", REFUSED, "a layer is not in force .*seccomp 0"),
    ("seccomp-killable", ["*:seccomp:1+:only,1&32=32,error={EINVAL}"], "", REFUSED, r"watch filter \(seccomp\)"),
    ("subreaper", ["init:prctl:1+:only,0&0xff=36,error={EINVAL}"], "", REFUSED, "init could not start .guard"),
    ("subreaper", ["init/fork1:prctl:1+:only,0&0xff=36,error={EINVAL}"], "", REFUSED, "init could not start .subreaper"),
    ("openat2", ["*:openat2:1+:error={ENOSYS}"], "", REFUSED, "cannot open|could not be shown"),
    ("openat2", ["init:openat2:1+:error={EPERM}"], "", REFUSED, "could not be shown"),
    ("clone3", ["*:clone3:1+:error={ENOSYS}"], "", REFUSED, "cannot start its guard"),
    ("clone3", ["init:clone|fork|vfork:1+:error={EAGAIN}"], "", REFUSED, "init could not start"),
    ("close-range", ["init:close_range:1+:error={ENOSYS}"], "", REFUSED, "the box's init could not start"),
    ("close-range", ["*:close_range:1+:only,2&4=4,error={EINVAL}"], "", REFUSED, "kept from descriptors that are not its own"),
    ("private-uid", ["init:setresuid:1+:error={EPERM}"], "root", REFUSED, "the box's uid could not be taken"),
    ("private-uid", ["init:setresuid:1+:value=0"], "root", REFUSED, "the box's uid could not be taken"),
    ("private-uid", ["init:setresgid:1+:value=0"], "root", REFUSED, "the box's uid could not be taken"),
    ("private-uid", ["init:setgroups:1+:error={EPERM}"], "root", REFUSED, "the box's uid could not be taken"),
    ("notify-sync", ["sup:ioctl:1+:only,1&0xffffffff=0x40082104,error={EINVAL}"], "", CLOSED, ""),
    ("notify-pidfd", ["sup:pidfd_getfd:1+:error={ENOSYS}"], "", CLOSED, "by descriptor"),
    ("pidfd", ["sup:pidfd_send_signal:1+:error={ENOSYS}"], "", CLOSED, ""),
)
NOT_MASKED = {"proc-children": "a kernel built without it", "landlock:7": "not used"}
def masked(w):
    before = own_dirs()
    rc, err, base = w.show()
    point(rc == 0 and base[-1:] == ["acted"] and "by descriptor" in base and not [x for x in base if x.startswith("OPEN")],
          f"{w.who}: nothing masked: shut", f"{rc} {err} {base}")
    for layer, faults, who, want, more in MASKS:
        if who not in ("", w.who):
            continue
        rc, err, text = w.show([f.format(**NUMBERS) for f in faults])
        left = "; ".join(filter(None, (w.left(False), stays(own_dirs() - before))))
        name = f"{w.who}: without {layer} ({' '.join(faults)})"
        if want == REFUSED:
            point(rc == 125 and not text and re.search(rf"{more}.*\[env\.unavailable\] \(5\)", err) and not left, f"{name}: no box, and why",
                  f"{rc} {err} {text} {left}")
        else:
            point(rc == 0 and text == [x for x in base if x != more] and not left, f"{name}: shut all the same", f"{rc} {err} {text} {left}")


def without_namespaces(w, argv):
    """sluice, as an ordinary user, where no further user namespace can be made: (status, output, error)."""
    libc = ctypes.CDLL(None, use_errno=True)
    r, wr = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() != w.uid:
                os.setgroups([])
                os.setresgid(w.gid, w.gid, w.gid)
                os.setresuid(w.uid, w.uid, w.uid)
                libc.prctl(4, 1, 0, 0, 0)
            if libc.unshare(0x10000000) < 0:
                raise OSError(ctypes.get_errno(), "unshare")
            for f, text in (("/proc/self/setgroups", "deny"), ("/proc/self/uid_map", f"{w.uid} {w.uid} 1"),
                            ("/proc/self/gid_map", f"{w.gid} {w.gid} 1"), ("/proc/sys/user/max_user_namespaces", "0")):
                with open(f, "w") as h:
                    h.write(text)
            p = subprocess.run([w.sluice, *argv], env=w.env, cwd=w.dir, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
            got = [p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")]
        except BaseException as e:
            got = [None, "", f"the test: {e!r}"]
        os.write(wr, json.dumps(got).encode())
        os._exit(0)
    os.close(wr)
    with os.fdopen(r) as f:
        data = f.read()
    os.waitpid(pid, 0)
    return json.loads(data)


def hosts(w):
    """What T0 is for."""
    def both(name, run):
        rc, out, err = run(["exec", "--", "echo", "acted"])
        point(rc == 125 and not out and "[env.unavailable] (5)" in err, f"{w.who}: {name}: no box of T1", f"{rc} {out} {err}")
        rc, out, err = run(["exec", "--tier", "T0", "--", "sh", "-c", "id -u; cat /etc/passwd; kill -0 $PPID; echo acted"])
        lines = out.split()
        point(rc == 0 and lines[-1:] == ["acted"] and "root" not in out and lines[0] != "0" and err.count("denied") + err.count("permitted") == 2,
              f"{w.who}: {name}: one of T0", f"{rc} {out} {err}")
        left = w.left(False)
        point(not left, f"{w.who}: {name}: nothing is left", left)
    if w.uid != 0:
        both("user namespaces are forbidden", lambda argv: without_namespaces(w, argv))
    else:
        both("root without CAP_SYS_ADMIN", lambda argv: (lambda p: (p.returncode, p.stdout.decode(), p.stderr.decode()))(subprocess.run(
            ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", w.sluice, *argv], env=w.env, cwd=w.dir,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30)))


def complete():
    with open(f"{SRC}/data/tiers.tsv") as f:
        rows = {r[1]: r[2] for r in (line.split("\t") for line in f if not line.startswith("#")) if r[0] == "T0"}
    done = {m[0] for m in MASKS}
    point(set(rows) == done | set(NOT_MASKED), "every layer of T0 in data/tiers.tsv is masked, or it is said why not",
          sorted(set(rows) ^ (done | set(NOT_MASKED))))
    bad = [x for x in done & set(rows) if rows[x] == "mandatory" and {m[3] for m in MASKS if m[0] == x} != {REFUSED}]
    point(not bad, "what is mandatory is refused without", bad)


def main():
    os.chmod(T, 0o755)
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        w = Box(who, T)
        w.allow()
        rc, _, err = w.node("exec", "--tier", "T0", "--", "true")
        if rc != 0:
            print(f"1..0 # SKIP no tier T0 here: {err}")
            raise SystemExit(0)
        masked(w)
        hosts(w)
        point(w.node("log", "check")[0] == 0, f"{who}: the log checks clean")
    complete()
    finish()


main()
