# 1002-signals.py -- see 1002-signals.sh.
import os
import signal
import time

from fault import (T, Receipts, done, events, finish, flow, gone, is_clean, kill, marked, point,
                   same, sl, start, states, wait_for)

HOME, W = f"{T}/home", f"{T}/w"
os.mkdir(W)
same("init", 0, sl(["init"], HOME)[0])
receipts = Receipts(HOME, f"{T}/receipts")
GRACE = 10 # seconds between the first signal to an act and SIGKILL (run/carry.h)
_no = 0


def marker():
    global _no
    _no += 1
    return f"{70000 + _no}.{os.getpid()}"


def running(p, mark, n=1):
    """The marked sleep runs (n of them)."""
    return wait_for(10, lambda: len(marked(mark)) >= n or p.poll() is not None) and p.poll() is None


def ended(name, p, mark, want_status, want_state, seconds=5.0):
    """The command ends in time with that status; nothing is left; the log says so."""
    t = time.monotonic()
    try:
        out, err = p.communicate(timeout=seconds)
    except Exception:
        p.kill()
        out, err = p.communicate()
        err += b"\nTIMEOUT"
    took = time.monotonic() - t
    text = out.decode(errors="replace")
    event = done(text)
    same(f"{name}: exit {want_status}", want_status, p.returncode,
         f"{took:.1f} s\n{text[-400:]}\n{err.decode(errors='replace')}")
    same(f"{name}: nothing survives", ("", []), (gone(3, keep=KEEP), marked(mark)))
    same(f"{name}: run.done says {want_state}", want_state, event.get("conclusion"), text[-400:])
    same(f"{name}: the log says {want_state}", want_state, states(HOME).get(event.get("run")))
    same(f"{name}: its receipt is given", "", receipts.take_done(event))
    return text


KEEP = set()

# A step that does not want to end: the grace is waited for, then it is killed.  It waits
# while the other cases go on.
stubborn_mark = marker()
stubborn = start(["exec", "--json", "--", "sh", "-c",
                  f"trap '' TERM INT HUP; sleep {stubborn_mark}; sleep {stubborn_mark}"], HOME)
point(running(stubborn, stubborn_mark), "a command that ignores TERM runs")
stubborn_began = time.monotonic()
kill(stubborn.pid, signal.SIGTERM)


def stubborn_tree():
    from fault import below
    return {stubborn.pid, *below(stubborn.pid)}


# One signal.
for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    KEEP = stubborn_tree()
    mark = marker()
    p = start(["exec", "--json", "--", "sleep", mark], HOME)
    point(running(p, mark), f"exec sleep runs ({sig.name})")
    kill(p.pid, sig)
    ended(f"exec, {sig.name}", p, mark, 128 + sig, "cancelled")

    mark = marker()
    f = flow(f"{T}/f.yml", f"sleep {mark}", "echo never")
    p = start(["run", "--json", f, "--workspace", W], HOME)
    point(running(p, mark), f"run sleep runs ({sig.name})")
    kill(p.pid, sig)
    text = ended(f"run, {sig.name}", p, mark, 1, "cancelled")
    same(f"run, {sig.name}: the next step is not run", False, '"text":"never"' in text)

# A pipeline with children in the background, in sessions of their own.
mark = marker()
f = flow(f"{T}/f.yml", f"setsid sleep {mark} & (sleep {mark} &) ; sleep {mark} | sleep {mark} | cat")
p = start(["run", "--json", f, "--workspace", W], HOME)
point(running(p, mark, 4), "a pipeline with children and daemons runs")
kill(p.pid, signal.SIGTERM)
ended("a pipeline, SIGTERM", p, mark, 1, "cancelled")

# A terminal's ^C goes to every process of the group, sluice's roles included.
mark = marker()
p = start(["run", "--json", flow(f"{T}/f.yml", f"sleep {mark}"), "--workspace", W], HOME,
          start_new_session=True)
point(running(p, mark), "run sleep runs (process group)")
os.killpg(p.pid, signal.SIGINT)
ended("run, SIGINT to the group", p, mark, 1, "cancelled")

# The third signal does not wait for the grace.
mark = marker()
f = flow(f"{T}/f.yml", f"trap '' TERM INT\nsleep {mark}\nsleep {mark}")
p = start(["run", "--json", f, "--workspace", W], HOME)
point(running(p, mark), "a step that ignores INT runs")
for _ in range(2):
    kill(p.pid, signal.SIGINT)
    time.sleep(0.3)
point(p.poll() is None, "two signals leave it its grace")
kill(p.pid, signal.SIGINT)
ended("run, three signals", p, mark, 1, "cancelled", 3.0)

# After a cancel, what `always()` asks for still runs; a second signal ends that too.
mark, mark2 = marker(), marker()
with open(f"{T}/f.yml", "w") as fd:
    fd.write("on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
             f"      - run: sleep {mark}\n"
             f"      - if: always()\n        run: echo cleaning; sleep {mark2}\n")
p = start(["run", "--json", f"{T}/f.yml", "--workspace", W], HOME)
point(running(p, mark), "a step before an always() step runs")
kill(p.pid, signal.SIGTERM)
point(running(p, mark2), "the always() step runs after the cancel")
kill(p.pid, signal.SIGTERM)
text = ended("run, a signal more in always()", p, mark2, 1, "cancelled")
same("the always() step had its say", True, '"text":"cleaning"' in text)

# Signals between the start and the first step: whenever they come, all ends.
for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.03):
    mark = marker()
    p = start(["run", "--json", flow(f"{T}/f.yml", f"sleep {mark}"), "--workspace", W], HOME)
    time.sleep(delay)
    kill(p.pid, signal.SIGTERM)
    out, err = p.communicate(timeout=10)
    event = done(out.decode())
    # killed before it watched for signals, when nothing was decided; or cancelled in order
    good = (p.returncode == 1 and event.get("conclusion") == "cancelled") or \
        (p.returncode == -signal.SIGTERM and not event)
    point(good and gone(3, keep=KEEP) == "" and not marked(mark),
          f"a signal after {delay * 1000:.0f} ms", f"{p.returncode} {out[-300:]} {err}")

# sluice cancel: a request of its own, decided and recorded.
mark = marker()
p = start(["run", "--json", flow(f"{T}/f.yml", f"sleep {mark}"), "--workspace", W], HOME)
point(running(p, mark), "a run to be cancelled runs")
mine = [r for r, s in states(HOME).items() if s == "running"]
pids = {open(f"{HOME}/runs/open/{r}").read().strip(): r for r in mine}
run = pids.get(str(p.pid))
point(run is not None, "runs shows it as running, its mark names the supervisor", f"{mine} {pids}")
r, out, err = sl(["cancel", run or "0000"], HOME)
same("sluice cancel: exit 0", 0, r, out + err)
ended("sluice cancel", p, mark, 1, "cancelled")
same("cancel of a run that is over: exit 2", 2, sl(["cancel", run or "0000"], HOME)[0])
same("cancel of no run: exit 2", 2, sl(["cancel", "0123abcd"], HOME)[0])

# The stubborn one, by now.
KEEP = set()
ended("a command that ignores TERM", stubborn, stubborn_mark, 137, "cancelled", GRACE + 5)
took = time.monotonic() - stubborn_began
point(GRACE - 1 <= took, f"it had its grace ({took:.1f} s)")
same("the log checks clean", "", is_clean(HOME))
same("every receipt verifies", "", receipts.broken())
point(len(receipts.files) >= 12, f"{len(receipts.files)} receipts were taken")
finish()
