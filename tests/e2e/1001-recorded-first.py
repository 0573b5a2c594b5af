# 1001-recorded-first.py -- see 1001-recorded-first.sh.
import os
import re
import subprocess

from fault import SLUICE, T, environment, events, finish, flow, point, same

HOME = f"{T}/home"
CALLS = "trace=fdatasync,fsync,execve,execveat,pwrite64,pwritev,pwritev2,write,sendmsg"


def traced(name, args):
    """Lines of the trace in the order in which calls returned: (pid, call, arguments, result)."""
    log = f"{T}/{name}.trace"
    p = subprocess.run(["strace", "-f", "-s", "4096", "-e", CALLS, "-o", log, SLUICE, *args],
                       env=environment(HOME), stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=50)
    begun, out = {}, []
    with open(log, errors="replace") as f:
        for line in f:
            m = re.match(r"(\d+) +(.*)", line)
            pid, rest = int(m.group(1)), m.group(2)
            if rest.endswith("<unfinished ...>"):
                begun[pid] = rest[: -len("<unfinished ...>")]
                # an execve counts from when it was asked for: strictest
                if rest.startswith("execve"):
                    out.append((pid, "execve-begins", rest, ""))
                continue
            if rest.startswith("<... "):
                rest = begun.pop(pid, "") + rest.partition("resumed>")[2]
            call, _, rest = rest.partition("(")
            args_, _, result = rest.rpartition(" = ")
            out.append((pid, call, args_, result))
    return p, out


def first(trace, what, start=0):
    return next((i for i in range(start, len(trace)) if what(trace[i])), None)


def in_box(trace, supervisor):
    """Indexes of execs by any process but strace's own child."""
    return [i for i, t in enumerate(trace)
            if t[1] in ("execve", "execveat", "execve-begins") and t[0] != supervisor]


def is_sync(t):
    return t[1] in ("fdatasync", "fsync") and t[3].startswith("0")


def syncs(trace):
    """The recorder: whoever synced last.  Its syncs of the log, as indexes."""
    last = next((t[0] for t in reversed(trace) if is_sync(t)), None)
    return [i for i, t in enumerate(trace) if t[0] == last and t[1] == "fdatasync" and is_sync(t)]


def is_opaque(trace, indexes):
    return not any('"' in trace[i][2] for i in indexes)


def written_before(trace, needle, index):
    """Whether needle was written (by pwrite of any kind) before index."""
    return any(needle in t[2] for t in trace[:index] if t[1].startswith("pwrit"))


subprocess.run([SLUICE, "init"], env=environment(HOME), check=True, capture_output=True)

p, trace = traced("exec", ["exec", "--json", "--", "/bin/echo", "hello"])
same("exec under strace: exit 0", 0, p.returncode, p.stderr.decode(errors="replace"))
run = next(e["run"] for e in events(p.stdout.decode()) if e["event"] == "run.start")
supervisor = trace[0][0]
acts, sync = in_box(trace, supervisor), syncs(trace)
if point(acts and sync, "exec: the trace shows the sync and the act", trace[-5:]):
    point(sync[0] < acts[0], "exec: fdatasync returned before the first execve in the box",
          f"sync at {sync[:3]}, execve at {acts[:3]}")
    # strace as a user cannot read the memory of a process that is not dumpable
    if is_opaque(trace, acts):
        print("# arguments are not visible to this user: order alone is judged", flush=True)
    else:
        point(written_before(trace, run, sync[0]), "exec: what was synced holds the run's decision")
    point(sync[-1] > acts[-1], "exec: the outcome is synced after the act")

# To ask where a name leads is an act, too: after the decision, and never where it was no.
p, trace = traced("name", ["exec", "--net", "localhost:80", "--", "true"])
same("a name that leads nowhere: exit 125", 125, p.returncode, p.stderr.decode(errors="replace"))
acts, sync = in_box(trace, trace[0][0]), syncs(trace)
if point(acts and sync, "the trace shows the sync and who asks for the name", trace[-5:]):
    point(sync[0] < acts[0], "fdatasync returned before a name was asked for",
          f"sync at {sync[:3]}, execve at {acts[:3]}")
policy = subprocess.run([SLUICE, "policy", "show"], env=environment(HOME), check=True,
                        capture_output=True, text=True).stdout
with open(f"{T}/no.dl", "w") as out:
    out.write("deny if want_net($h, $p);\n" + policy)
subprocess.run([SLUICE, "policy", "register", f"{T}/no.dl"], env=environment(HOME), check=True,
               capture_output=True)
p, trace = traced("denied", ["exec", "--net", "localhost:80", "--", "true"])
same("a name that policy denies: exit 125", 125, p.returncode, p.stderr.decode(errors="replace"))
same("nobody asks for it", [], in_box(trace, trace[0][0]))

f = flow(f"{T}/f.yml", "echo one", "echo two", "echo three")
os.mkdir(T + "/w")
p, trace = traced("run", ["run", "--json", f, "--workspace", T + "/w"])
same("run under strace: exit 0", 0, p.returncode, p.stderr.decode(errors="replace"))
supervisor = trace[0][0]
acts, sync = in_box(trace, supervisor), syncs(trace)
# The scripts start with the step's shell: one exec of bash a step, the rest are its children.
shells = acts if is_opaque(trace, acts) else \
    [i for i in acts if "/bash\"" in trace[i][2] and ".sh\"" in trace[i][2]]
shells = [i for k, i in enumerate(shells) if k == 0 or trace[i][0] != trace[shells[k - 1]][0]]
if same("run: three steps started their shell", 3, len(shells),
        "\n".join(str(trace[i])[:200] for i in acts)):
    point(sync and sync[0] < acts[0], "run: fdatasync returned before the first execve in the box")
    for k in range(3):
        after = shells[k - 1] if k else -1
        mine = [s for s in sync if after < s < shells[k]]
        point(mine, f"run: a batch was synced between step {k} and the one before it", sync)
    point(sync[-1] > shells[-1], "run: the last outcome is synced after the last step")
finish()
