# 1007-output.py -- see 1007-output.sh.
import json
import os
import re
import subprocess
import time

from fault import (T, below, done, environment, events, finish, flow, gone, is_clean, point, same,
                   sl, start, states)

HOME, W = f"{T}/home", f"{T}/w"
os.mkdir(W)
same("init", 0, sl(["init"], HOME)[0])
LIMIT = next(e for e in events(sl(["limits", "--json"], HOME)[1]) if e.get("name") == "box.output")
LIMIT = LIMIT.get("value") or LIMIT.get("max")
GB, SLACK, SECONDS = 10**9, 4 << 20, 3.0


# One that does not care for SIGPIPE has its grace, then it is killed; meanwhile the rest.
deaf = start(["exec", "--", "sh", "-c", "trap '' PIPE; echo x; while :; do echo x; sleep 0.01; done 2>/dev/null"],
             HOME)
deaf.stdout.readline()
deaf.stdout.close()
deaf_since = time.monotonic()


def deaf_tree():
    return {deaf.pid, *below(deaf.pid)}


def newest():
    r, out, err = sl(["runs", "--json"], HOME)
    return json.loads(out.splitlines()[0])


# --- 1 GB, three ways ---

def counted(args):
    """(bytes shown, the last of them, status, MiB of the largest process)"""
    p = start(args, HOME, stderr=subprocess.DEVNULL)
    n, tail = 0, b""
    while block := p.stdout.read(1 << 20):
        n += len(block)
        tail = (tail + block)[-100000:]
    _, st, use = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(st)
    return n, tail.decode(errors="replace"), p.returncode, use.ru_maxrss / 1024


line = "x" * 1000
n, tail, r, mib = counted(["exec", "--", "sh", "-c", f"yes {line} | head -c {GB}; echo rest"])
point(LIMIT <= n <= LIMIT + SLACK, f"exec: 1 GB is cut at the limit ({n} of {LIMIT} bytes)")
same("exec: killed", 137, r)
point(mib < 64, f"exec: in {mib:.0f} MiB")
same("exec: recorded as a failure", "failure", newest()["state"])

f = flow(f"{T}/f.yml", f"yes {line} | head -c {GB}", "echo never")
n, tail, r, mib = counted(["run", "--json", f, "--workspace", W])
step = next((e for e in events(tail) if e["event"] == "step.done" and e["index"] == 0), {})
same("run: the step ended by its limit", ("failure", "output"), (step.get("outcome"), step.get("limit")))
point(LIMIT / 1000 * 0.98 <= step.get("lines", 0) <= (LIMIT + SLACK) / 1000,
      f"run: its lines are counted ({step.get('lines')})")
same("run: exit 1, a failure", (1, "failure"), (r, done(tail).get("conclusion")))
point(mib < 64, f"run: in {mib:.0f} MiB")
run = done(tail)["run"]
same("run: verifies", 0, sl(["verify", run], HOME)[0])
same("nothing survives", "", gone(3, keep=deaf_tree()))

# One line without an end; many empty lines; both kinds of stream at once.
n, tail, r, mib = counted(["run", "--json", flow(f"{T}/f.yml", "head -c 20000000 /dev/zero | tr '\\0' x"),
                           "--workspace", W])
parts = [e for e in events(tail) if e["event"] == "step.output"]
same("a line of 20 MB: exit 0", 0, r)
point(parts and all(len(e["text"]) <= 16384 + 8192 for e in parts) and any(e.get("is_partial") for e in parts),
      "it comes in parts of bounded length")
point(mib < 64, f"in {mib:.0f} MiB")
n, tail, r, mib = counted(["run", "--json", flow(f"{T}/f.yml", "yes '' | head -n 200000; yes '' | head -n 5 >&2"),
                           "--workspace", W])
step = next((e for e in events(tail) if e["event"] == "step.done"), {})
same("200005 empty lines are counted", (0, 200005), (r, step.get("lines")))

# --- files for the runner that nobody can take ---

f = flow(f"{T}/f.yml", "head -c 20000000 /dev/zero >>$GITHUB_OUTPUT", "echo never")
r, out, err = sl(["run", "--json", f, "--workspace", W], HOME)
same("20 MB of GITHUB_OUTPUT: the step fails, exit 1", 1, r, out[-500:] + err)
point(re.search(r'"level":"error","msg":"[^"]*more than \d+ bytes', out), "it says why", out[-800:])
same("its run is complete", "failure", done(out).get("conclusion"))
for what in ("mkfifo x; rm $GITHUB_OUTPUT; mv x $GITHUB_OUTPUT",
             "rm $GITHUB_OUTPUT; ln -s /etc/passwd $GITHUB_OUTPUT",
             "rm $GITHUB_OUTPUT; mkdir $GITHUB_OUTPUT", "rm $GITHUB_OUTPUT",
             "chmod 0 $GITHUB_OUTPUT", "printf 'a=\\377\\n' >>$GITHUB_OUTPUT"):
    r, out, err = sl(["run", "--json", flow(f"{T}/f.yml", what), "--workspace", W], HOME)
    point(r in (0, 1) and done(out).get("conclusion") in ("success", "failure"),
          f"GITHUB_OUTPUT: {what}", f"{r} {err} {out[-300:]}")

# --- a reader that goes away ---


def one_line(args):
    """Read one line, then no more: (the line, status, standard error, seconds)."""
    t = time.monotonic()
    p = start(args, HOME)
    first = p.stdout.readline()
    p.stdout.close()
    try:
        err = p.stderr.read()
        p.wait(timeout=20)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
    return first.decode(errors="replace"), p.returncode, err.decode(errors="replace"), time.monotonic() - t


endless = flow(f"{T}/endless.yml", "yes", "echo never")
for name, args, want in (
        ("exec", ["exec", "--", "yes"], 128 + 13),
        ("exec of a shell", ["exec", "--", "sh", "-c", "yes | cat; echo never"], 128 + 13),
        ("exec --json", ["exec", "--json", "--", "yes"], 125),
        ("run", ["run", endless, "--workspace", W], 5),
        ("run --json", ["run", "--json", endless, "--workspace", W], 5)):
    first, r, err, took = one_line(args)
    same(f"{name} | head -1: exit {want}", want, r, err)
    point(first != "" and took < SECONDS, f"{name}: its first line came, it ended in {took:.1f} s", first)
    same(f"{name}: nothing survives", "", gone(3, keep=deaf_tree()))
    same(f"{name}: recorded as a failure", "failure", newest()["state"])

# --- what cannot be written ---

with open("/dev/full", "w") as full:
    r, _, err = sl(["exec", "--", "echo", "hi"], HOME, stdout=full)
    same("exec to a full device: exit 125", 125, r, err)
    point("No space left" in err, "it says why", err)
    r, _, err = sl(["run", flow(f"{T}/f.yml", "echo hi"), "--workspace", W], HOME, stdout=full)
    same("run to a full device: exit 5", 5, r, err)
    point("No space left" in err, "it says why", err)

# Closed descriptors must not become files of ours: what is printed would go into them.
before = {d: os.path.getsize(f"{HOME}/keys/{d}") for d in os.listdir(f"{HOME}/keys")}
for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
    for verb in ("exec -- echo hi", "exec --json -- echo hi", "runs", "init"):
        p = subprocess.run(["sh", "-c", f'"$SLUICE" {verb} {closed}'], env=environment(HOME),
                           capture_output=True, timeout=20)
        if p.returncode != 0:
            point(False, f"{verb} {closed}", f"{p.returncode} {p.stderr}")
same("with closed descriptors nothing is written where it should not", before,
     {d: os.path.getsize(f"{HOME}/keys/{d}") for d in os.listdir(f"{HOME}/keys")})

try:
    deaf.wait(timeout=15)
except subprocess.TimeoutExpired:
    deaf.kill()
same("a command that ignores SIGPIPE: killed after its grace", 137, deaf.wait(), deaf.stderr.read())
point(time.monotonic() - deaf_since >= 9, "it had its grace")
same("nothing of it survives", "", gone(3))
same("the log checks clean", "", is_clean(HOME))
point("running" not in states(HOME).values() and "interrupted" not in states(HOME).values(),
      "every run has its end", states(HOME))
finish()
