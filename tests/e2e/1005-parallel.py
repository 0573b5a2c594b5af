# 1005-parallel.py -- see 1005-parallel.sh.
import json
import os

from fault import (T, Receipts, done, events, finish, flow, gone, is_clean, kill, marked, point, same, sl,
                   start, states, wait_for)

W = f"{T}/w"
os.mkdir(W)


def all_of(ps):
    out = []
    for p in ps:
        o, e = p.communicate(timeout=60)
        out.append((p.returncode, o.decode(errors="replace"), e.decode(errors="replace")))
    return out


def heads(home):
    return {h["origin"]: h["size"] for h in
            map(json.loads, sl(["log", "head", "--json"], home)[1].splitlines())}


# 20 times init on a home that does not exist.
home = f"{T}/twenty"
got = all_of([start(["init", "--json"], home) for _ in range(20)])
same("20 x init at once: all exit 0", [0] * 20, [g[0] for g in got], [g[2] for g in got])
who = {json.loads(g[1])["identity"] for g in got if g[0] == 0}
same("one identity", 1, len(who), who)
same("one command made it", 1, sum(json.loads(g[1])["is_new"] for g in got if g[0] == 0))
same("one policy is in force", 1, len({json.loads(g[1]).get("policy") for g in got if g[0] == 0}))
same("the log checks clean", "", is_clean(home))
same("the identity stays", who, {json.loads(sl(["init", "--json"], home)[1])["identity"]})

# 12 times exec on a home that does not exist: the first command that needs it makes it.
home = f"{T}/fresh"
got = all_of([start(["exec", "--json", "--", "echo", str(i)], home) for i in range(12)])
same("12 x exec on a fresh home: all exit 0", [0] * 12, [g[0] for g in got],
     "\n".join(g[2] for g in got))
same("each has a run of its own", 12, len({done(g[1]).get("run") for g in got}))
same("the log has 12 successes", ["success"] * 12, list(states(home).values()))
same("the log checks clean", "", is_clean(home))

# 10 runs and 6 execs on one home, some of them refused, one cancelled.
home = f"{T}/many"
sl(["init"], home)
before = heads(home)
receipts = Receipts(home, f"{T}/receipts")
mark = f"72001.{os.getpid()}"
slow = start(["run", "--json", flow(f"{T}/slow.yml", f"sleep {mark}"), "--workspace", W], home)
point(wait_for(10, lambda: marked(mark)), "a slow run is under way")
f = flow(f"{T}/f.yml", "echo one; sleep 0.05", "echo two >two", "echo three")
bad = flow(f"{T}/bad.yml", "exit 3")
ps = [start(["run", "--json", f, "--workspace", W], home) for _ in range(9)]
ps.append(start(["run", "--json", bad, "--workspace", W], home))
ps += [start(["exec", "--json", "--", "sh", "-c", f"exit {i % 2}"], home) for i in range(6)]
checks = [start(["log", "check"], home) for _ in range(3)] # while the others append
want = [0] * 9 + [1] + [0, 1] * 3
got = all_of(ps)
same("10 runs and 6 execs at once: their own statuses", want, [g[0] for g in got],
     "\n".join(g[2] for g in got))
same("a check while others append finds no fault", [0] * 3, [g[0] for g in all_of(checks)])
kill(slow.pid, 15)
got.append(all_of([slow])[0])
same("the slow one is cancelled beside them", "cancelled", done(got[-1][1]).get("conclusion"))
same("nothing survives", "", gone(3))
runs = {done(g[1]).get("run"): done(g[1]).get("conclusion") for g in got}
same("17 runs, each with an ID of its own", 17, len(runs))
same("the log says of each what it said itself", runs, states(home))
same("the log checks clean", "", is_clean(home))
why = [w for g in got if (w := receipts.take_done(done(g[1])))]
same("a receipt for each", [], why)
same("every receipt and run verifies", "", receipts.broken())
now = heads(home)
point(all(now.get(o, 0) >= n for o, n in before.items()), "no tree became smaller", (before, now))

# A run whose supervisor was killed is closed once, whoever of many starts comes first.
mark = f"72002.{os.getpid()}"
p = start(["exec", "--json", "--", "sleep", mark], home)
point(wait_for(10, lambda: marked(mark)), "an exec is under way")
kill(p.pid, 9)
text = p.communicate()[0].decode()
same("nothing of it survives", "", gone(3))
run = next(e["run"] for e in events(text) if e["event"] == "run.start")
got = all_of([start(["init"], home) for _ in range(8)])
same("8 starts after a kill: all exit 0", [0] * 8, [g[0] for g in got], [g[2] for g in got])
same("one of them closed the run", 1, sum("recorded as interrupted" in g[2] for g in got))
same("it is interrupted", "interrupted", states(home).get(run))
same("the log checks clean", "", is_clean(home))
same("no run is left open", [], os.listdir(f"{home}/runs/open"))
finish()
