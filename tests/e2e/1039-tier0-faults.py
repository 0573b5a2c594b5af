# 1039-tier0-faults.py -- see 1039-tier0-faults.sh, faulty.py and tracer.c.
import errno
import os
import random
import time

from fault import T, finish, point
from tier0 import Box, own_dirs, stays

SEED = int(os.environ.get("SL_SEED") or random.SystemRandom().randrange(1 << 32))
SECONDS = 600 if os.environ.get("SL_FULL") else 15
LABELS = ("init", "init/fork1", "init/fork1/vfork1") # guard, init, act
# That they end cannot be made to fail.
NEVER = ("exit", "exit_group", "rt_sigreturn")
ERRNOS = {"openat": "EMFILE EACCES", "openat2": "ENOSYS EMFILE", "prctl": "EINVAL", "landlock_create_ruleset": "ENOMEM",
          "landlock_add_rule": "ENOMEM", "landlock_restrict_self": "E2BIG", "seccomp": "ENOMEM", "clone": "EAGAIN", "fork": "EAGAIN",
          "vfork": "ENOMEM", "socket": "EMFILE", "sendmsg": "ENOBUFS", "recvmsg": "ENOMEM", "signalfd4": "EMFILE", "execve": "ENOMEM"}


with open(f"{os.environ['src']}/data/t0-base.tsv") as f:
    BASE = {line.split("\t")[0] for line in f if not line.startswith("#")}


def sites(path):
    with open(path) as f:
        rows = [line.rstrip("\n").split("\t") for line in f]
    out = []
    for label, call, n, text in rows:
        if label not in LABELS or call in NEVER:
            continue
        at = f"{label}:{call}:{n}"
        # Of what every act has of the host, that it may not be looked up is an answer: it is left out.
        kinds = [e for e in ERRNOS.get(call, "EPERM").split() if e != "EACCES" or text not in BASE]
        out += [(f"{at}:error={getattr(errno, e)}", text) for e in kinds]
        out += [(f"{at}:kill=before", text), (f"{at}:kill=after", text)]
    return out


def judge(w, base, what, text, before):
    rc, err, got = w.show([what])
    bad = [x for x in got if x.startswith("OPEN") and x != "OPEN: nothing was masked"]
    missed = "OPEN: nothing was masked" in got
    got = [x for x in got if not x.startswith("OPEN")]
    if not bad and got not in ([], base) and (rc == 0 or got != base[:len(got)]):
        bad.append(f"another view: {got}")
    if not bad and rc == 0 and got != base:
        bad.append(f"a success that is none: {got}")
    if rc not in (0, 125, 126, 127, 137):
        bad.append(f"status {rc}")
    left = "; ".join(filter(None, (w.left(True), stays(own_dirs() - before))))
    return missed, [*bad, *([f"left: {left}"] if left else [])] and f"{what} ({text}): {bad} {left} {rc} {err[-300:]}"


def faults(w, rnd):
    before = own_dirs()
    trace = f"{w.dir}/trace"
    rc, err, base = w.show(trace=trace)
    point(rc == 0 and base[-1:] == ["acted"], f"{w.who}: a good start", f"{rc} {err}")
    todo = sites(trace)
    calls = {x[0].split(":")[0] for x in todo}
    point(calls == set(LABELS) and len(todo) > 200, f"{w.who}: guard, init and act are seen: {len(todo)} faults", sorted(calls))
    rnd.shuffle(todo)
    until, n, bad = time.monotonic() + SECONDS, 0, []
    for what, text in todo:
        if time.monotonic() > until or len(bad) > 9:
            break
        missed, said = judge(w, base, what, text, before)
        n += not missed
        bad += [said] if said else []
    point(not bad and n >= 20, f"{w.who}: {n} faults: no act, or one as closed as ever; nothing left", "\n".join(bad) or f"{n} alone")
    point(w.node("log", "check")[0] == 0, f"{w.who}: the log checks clean")


def main():
    os.chmod(T, 0o755)
    print(f"# SL_SEED={SEED}", flush=True)
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        w = Box(who, T)
        w.allow()
        rc, _, err = w.node("exec", "--tier", "T0", "--", "true")
        if rc != 0:
            print(f"1..0 # SKIP no tier T0 here: {err}")
            raise SystemExit(0)
        faults(w, random.Random(SEED))
    finish()


main()
