# 1003-kill.py -- see 1003-kill.sh.
import os
import random
import time

from fault import (T, Receipts, below, by_role, done, events, finish, flow, gone, is_clean, kill,
                   marked, point, same, sl, start, states, wait_for)

HOME, W, OUT = f"{T}/home", f"{T}/w", f"{T}/out"
ROLES = ("supervisor", "recorder", "parser", "init")
SEED = int(os.environ.get("SL_SEED", random.SystemRandom().randrange(1 << 32)))
rnd = random.Random(SEED)
print(f"# SL_SEED={SEED}", flush=True)
for d in (W, OUT):
    os.mkdir(d)
same("init", 0, sl(["init"], HOME)[0])
receipts = Receipts(HOME, f"{T}/receipts")
faults = [] # of the loops: one point for all
n_kills = 0
seen = {} # final state -> how often


def fault(what, *detail):
    faults.append(" ".join([what, *map(str, detail)])[:600])


def settle(p, run, mark, seconds=5.0):
    """After a kill: the command ends by itself, nothing is left, and the next start knows."""
    try:
        out, err = p.communicate(timeout=seconds)
    except Exception:
        p.kill()
        out, err = p.communicate()
        fault(f"{mark}: the command does not end", err)
    left = gone(3)
    if left or marked(mark):
        fault(f"{mark}: processes survive:", left, marked(mark))
    for e in events(out.decode(errors="replace")):
        run = e.get("run", run)
    clean = is_clean(HOME)
    if clean:
        fault(f"{mark}: before the next start:", clean)
    event = done(out.decode(errors="replace"))
    if p.returncode < 0 and p.returncode != -9:
        fault(f"{mark}: ended by signal {-p.returncode}")
    if p.returncode == 70 or event.get("error_id") == "bug":
        fault(f"{mark}: it calls that a bug of ours:", err, event)
    return run, event, err.decode(errors="replace"), out.decode(errors="replace")


def next_start(run, mark, allowed):
    r, out, err = sl(["init"], HOME)
    if r != 0:
        fault(f"{mark}: the next start: {r} {err}")
    state = states(HOME).get(run, "none")
    seen[state] = seen.get(state, 0) + 1
    if state not in allowed:
        fault(f"{mark}: run {run} is '{state}'")
    marks = [m for m in os.listdir(f"{HOME}/runs/open") if not m.startswith("new.")]
    if marks: # new.PID: its maker was killed before the mark had its name; it goes by age
        fault(f"{mark}: marks are left: {marks}")
    return state


def mark_of(k):
    return f"{71000 + k}.{os.getpid()}"


def victim(p, role):
    return wait_for(3, lambda: by_role(p.pid, role) if p.poll() is None else None)


# While a step runs: each role, for exec and run.
k = 0
for verb in ("exec", "run"):
    for role in ROLES:
        if verb == "exec" and role == "parser":
            continue
        k += 1
        mark = mark_of(k)
        script = f"sleep {mark} & (setsid sleep {mark} &); sleep {mark}"
        args = ["exec", "--json", "--", "sh", "-c", script] if verb == "exec" else \
            ["run", "--json", flow(f"{T}/f.yml", script, "echo never"), "--workspace", W]
        p = start(args, HOME)
        wait_for(5, lambda: len(marked(mark)) >= 3 or p.poll() is not None)
        pid = victim(p, role)
        t = time.monotonic()
        point(kill(pid), f"{verb}: kill -9 of the {role} while a step runs")
        n_kills += 1
        n = len(faults)
        run, event, err, text = settle(p, None, mark)
        took = time.monotonic() - t
        if role == "supervisor":
            want = {"interrupted"}
        elif role == "recorder":
            want = {"interrupted"} # nobody is left who could record the failure
            same(f"{verb}, {role}: exit status", 125 if verb == "exec" else 5, p.returncode, err)
        else:
            want = {"failure"}
            same(f"{verb}, {role}: exit status", 125 if verb == "exec" else 5, p.returncode, err)
        if role != "supervisor":
            same(f"{verb}, {role}: run.done comes, as an error", "error", event.get("conclusion"))
            point("sluice" in err and "[" in err, f"{verb}, {role}: it says why", err)
        state = next_start(run, mark, want)
        point(len(faults) == n, f"{verb}, {role}: nothing survives, log clean, run {state} "
              f"({took * 1000:.0f} ms)", "\n".join(faults[n:]))
        same(f"{verb}, {role}: the next step was not run", False, '"text":"never"' in text)
        if event:
            receipts.take_done(event)

# At a random moment of a run that makes its mark once: prepare, decision, start, steps, end.
n = len(faults)
for i in range(44):
    k += 1
    mark = mark_of(k)
    role = ROLES[i % 4]
    verb = "run" if role == "parser" or rnd.random() < 0.6 else "exec"
    where = f"{OUT}/{k}"
    os.mkdir(where)
    script = f"echo {mark} >>{where}/acted; sleep 0.02; : {mark}"
    args = ["exec", "--json", "--write", where, "--", "sh", "-c", script] if verb == "exec" else \
        ["run", "--json", flow(f"{T}/f.yml", "sleep 0.01", "sleep 0.01", "sleep 0.01"),
         "--workspace", W]
    p = start(args, HOME)
    if role != "supervisor":
        pid = victim(p, role)
    else:
        pid = p.pid
    time.sleep(rnd.random() * (0.04 if verb == "exec" else 0.1))
    if p.poll() is None and pid and pid in below() and kill(pid):
        n_kills += 1
    run, event, err, text = settle(p, None, mark)
    state = next_start(run, mark, {"interrupted", "failure", "success", "none"})
    if event.get("conclusion") == "success" and state != "success":
        fault(f"{mark}: it said success and the log says {state}")
    if event:
        receipts.take_done(event)
    if verb == "exec" and os.path.exists(f"{where}/acted"):
        lines = open(f"{where}/acted").read().split()
        if len(lines) != 1:
            fault(f"{mark}: acted {len(lines)} times")
        if state == "none" and run is not None:
            fault(f"{mark}: acted, and the log knows nothing of it")
point(len(faults) == n, f"{n_kills} kills in all; runs ended as {seen}", "\n".join(faults[n:]))

# An act without a durable decision would have left its file: each that acted is in the log.
acted = [d for d in os.listdir(OUT) if os.path.exists(f"{OUT}/{d}/acted")]
r, out, err = sl(["runs", "--all", "--json"], HOME)
what = " ".join(str(e.get("what")) for e in events(out))
missing = [d for d in acted if open(f"{OUT}/{d}/acted").read().split()[0] not in what]
same(f"all {len(acted)} commands that acted are in the log", [], missing)

# The first start of all, killed: the next makes one identity and goes on.
n = len(faults)
for i in range(8):
    home = f"{T}/first{i}"
    p = start(["init"], home)
    pid = victim(p, "recorder") if i % 2 else p.pid
    time.sleep(rnd.random() * 0.012)
    kill(pid)
    n_kills += 1
    p.communicate(timeout=10)
    if gone(3):
        fault(f"first{i}: processes survive")
    r, out, err = sl(["exec", "--json", "--", "true"], home)
    if r != 0:
        fault(f"first{i}: the next start: {r} {err}")
    r, out, err = sl(["log", "check"], home)
    if r != 0:
        fault(f"first{i}: log check: {out}{err}")
point(len(faults) == n, "8 kills of a first start: the next one is right", "\n".join(faults[n:]))

same("the log checks clean at the end", "", is_clean(HOME))
same("every receipt verifies", "", receipts.broken())
point(len(receipts.files) >= 8, f"{len(receipts.files)} receipts were taken, {n_kills} kills")
finish()
