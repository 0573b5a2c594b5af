# 1006-bad-input.py -- see 1006-bad-input.sh.
import os
import re
import signal
import socket
import subprocess
import sys
import time

from fault import SLUICE, T, environment, finish, gone, is_clean, point, same, sl, states

HOME, W, D = f"{T}/home", f"{T}/w", f"{T}/in"
SECONDS, MIB = 1.0, 64
for d in (W, D):
    os.mkdir(d)
os.chdir(D)
same("init", 0, sl(["init"], HOME)[0])


def measured(args, home=HOME, timeout=20, env=None, **kw):
    """(status, both streams, seconds, MiB of the largest process of the command)"""
    with open(f"{T}/out", "w+b") as f:
        t = time.monotonic()
        p = subprocess.Popen([SLUICE, *args], env=env or environment(home), stdout=f, stderr=f,
                             **{"stdin": subprocess.DEVNULL, **kw})
        try: # not Popen.wait: the usage of this child and all it waited for is wanted
            signal.alarm(timeout)
            _, st, use = os.wait4(p.pid, 0)
            signal.alarm(0)
        except InterruptedError:
            p.kill()
            _, st, use = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(st)
        took = time.monotonic() - t
        f.seek(0)
        return p.returncode, f.read().decode(errors="replace"), took, use.ru_maxrss / 1024


def interrupted(*_):
    raise InterruptedError


signal.signal(signal.SIGALRM, interrupted)


def refused(name, args, says, status=2, **kw):
    """Refused with this status, saying so (a regular expression), in time, in memory, in
    printable text of bounded length."""
    r, text, took, mib = measured(args, **kw)
    bad = []
    if r != status:
        bad.append(f"exit {r}")
    if not re.search(says, text):
        bad.append(f"no '{says}'")
    if took > SECONDS:
        bad.append(f"{took:.2f} s")
    if mib > MIB:
        bad.append(f"{mib:.0f} MiB")
    if re.search(r"[^\n\t -~\u00a0-\uffff]", text) or len(text) > 8000:
        bad.append(f"{len(text)} bytes of text, not all printable")
    point(not bad, f"{name}: exit {status}", f"{bad}: {text[:600]}")


# --- flows ---

HEAD = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
GOOD = HEAD + "    steps:\n      - run: \"true\"\n"


def expr(text):
    return GOOD.replace('"true"', "echo ${{ " + text + " }}")


bomb = "".join(f"  a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9 if i else ['x', 'x'])}]\n" for i in range(12))
jobs = "on: push\njobs:\n"


def job(name, needs=""):
    return f"  {name}: {{runs-on: ubuntu-latest, {needs}steps: [{{run: 'true'}}]}}\n"


FLOWS = [ # name, bytes, what it must say; most with a place
    ("alias bomb", "on: push\nenv:\n" + bomb + GOOD[9:], r"f\.yml:\d+:\d+: error: .*nodes"),
    ("alias of itself", GOOD + "env: &x {a: *x}\n", r"f\.yml:7:\d+: error"),
    ("10 MB of comment", GOOD + "# " + "x" * (10 << 20), r"larger than \d+ bytes"),
    ("10 MB of steps", GOOD + "      - run: 'true'\n" * 500000, r"larger than \d+ bytes"),
    ("1 MB of steps", GOOD + "      - run: 'true'\n" * 45000, r"f\.yml:\d+:\d+: error: .*nodes"),
    ("NUL byte", GOOD.replace("true", "tr\0ue"), r"f\.yml:6:17: error: a NUL byte"),
    ("invalid UTF-8", GOOD.encode().replace(b"true", b"tr\xffue"), r"f\.yml:6:17: error: .*UTF-8"),
    ("UTF-16", GOOD.encode("utf-16"), r"f\.yml:1:1: error: .*UTF-8"),
    ("overlong UTF-8", GOOD.encode().replace(b"true", b"\xc0\xaf"), r"f\.yml:6:\d+: error: .*UTF-8"),
    ("surrogate", GOOD.encode().replace(b"true", b"\xed\xa0\x80"), r"f\.yml:6:\d+: error: .*UTF-8"),
    ("duplicate job", jobs + job("a") + job("a"), r"f\.yml:4:3: error: 'a' is already defined"),
    ("duplicate on", GOOD + "on: push\n", r"f\.yml:7:1: error: 'on' is already defined"),
    ("cyclic needs", jobs + job("a", "needs: b, ") + job("b", "needs: a, "), r"f\.yml:3:.*cycle"),
    ("needs itself", jobs + job("a", "needs: a, "), r"f\.yml:3:.*cycle"),
    ("needs nobody", jobs + job("a") + job("b", "needs: zz, "), r"f\.yml:4:.*unknown job 'zz'"),
    ("a cycle of 500", jobs + job("r") + "".join(job(f"j{i}", f"needs: j{(i + 1) % 500}, ")
                                                 for i in range(500)), r"f\.yml:\d+:.*cycle"),
    ("undefined output", expr("needs.b.outputs.x"), r"f\.yml:6:\d+: error: .*needs\.b"),
    ("undefined step", expr("steps.zz.outputs.x"), r"f\.yml:6:\d+: error: .*'zz'"),
    ("undefined context", expr("nope.x"), r"f\.yml:6:23: error: .*'nope'"),
    ("undefined function", expr("nope(1)"), r"f\.yml:6:23: error: .*'nope'"),
    ("expression of 1 MB", expr("1 && " * 209000 + "1")[:1048500], r"f\.yml:6:\d+: error"),
    ("string of 1 MB in an expression", expr("'" + "x" * 1048000 + "'")[:1048570],
     r"f\.yml:6:\d+: error"),
    ("expression of 100 KB", expr("1 && " * 20000 + "1"), r"f\.yml:6:\d+: error: .*length"),
    ("calls in an expression", expr("format('{0}', " * 900 + "1" + ")" * 900),
     r"f\.yml:6:\d+: error: .*depth"),
    ("nots in an expression", expr("!" * 20000 + "1"), r"f\.yml:6:\d+: error: .*depth"),
    ("indexes in an expression", expr("github" + "[github" * 2000 + "]" * 2000),
     r"f\.yml:6:\d+: error: .*depth"),
    ("unclosed expression", GOOD.replace('"true"', "echo ${{ github.sha"), r"f\.yml:6:\d+: error"),
    ("bracket bomb", "on: push\njobs: " + "[" * 100000, r"f\.yml:2:\d+: error: .*depth"),
    ("brace bomb", "on: push\njobs: " + "{a: " * 50000, r"f\.yml:2:\d+: error: .*depth"),
    ("deep blocks", "on: push\n" + "".join(" " * i + "a:\n" for i in range(1400)),
     r"f\.yml:\d+:\d+: error: .*depth"),
    ("deep sequences", "on: push\njobs:\n" + "- " * 50000 + "x", r"f\.yml:3:\d+: error: .*depth"),
    ("second document", GOOD + "---\n" + GOOD, r"f\.yml:7:1: error: only one document"),
    ("tag", GOOD.replace("push", "!!python/object:os.system push"), r"f\.yml:1:\d+: error: .*tag"),
    ("merge key", "<<: {on: push}\n" + GOOD[9:], r"f\.yml:1:1: error"),
    ("tab", GOOD.replace("      -", "\t-"), r"f\.yml:6:1: error: tab"),
    ("no end of a string", GOOD.replace('"true"', '"true'), r"f\.yml:6:15: error"),
    ("empty", "", r"f\.yml: error: .*no YAML document"),
    ("a scalar", "hello\n", r"f\.yml:1:1: error"),
    ("escapes in a key", GOOD.replace("runs-on", '"\\u001b[2J\\u202eon"'), r"f\.yml:4:\d+: error"),
    ("3000 jobs", jobs + "".join(job(f"j{i}") for i in range(3000)), r"f\.yml:\d+:\d+: error: .*1024"),
    ("unknown key", GOOD.replace("steps", "step"), r"f\.yml:5:5: error: .*'step'"),
]
for name, text, says in FLOWS:
    with open("f.yml", "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    refused("flow: " + name, ["run", "f.yml", "--workspace", W], says)

# Bad only when it is evaluated: the run fails (1), in time and memory as well.
for name, text, says in (
        ("format bomb", expr("format('" + "{0}" * 1000 + "', format('" + "{0}" * 1000 +
                             "', format('" + "{0}" * 1000 + "', 'xxxxxxxx')))"), "memory"),
        ("matrix bomb", HEAD + "    strategy:\n      matrix:\n" +
         "".join(f"        v{i}: [1,2,3,4,5,6,7,8,9,10]\n" for i in range(8)) +
         "    steps: [{run: 'true'}]\n", "matrix|256"),
        ("fromJSON bomb", expr("fromJSON('" + "[" * 20000 + "')"), "depth|nested|JSON")):
    with open("f.yml", "w") as f:
        f.write(text)
    refused("flow: " + name, ["run", "f.yml", "--workspace", W], says, status=1)

# --- files that are none ---

with open("good.yml", "w") as f:
    f.write(GOOD)
open("empty", "w").close()
os.mkfifo("fifo")
os.symlink("loop", "loop")
socket.socket(socket.AF_UNIX).bind("sock")
RUN = ["run", "good.yml", "--workspace", W]
refused("flow absent", ["run", "absent.yml"], r"no file 'absent\.yml' \[input.not-found\]")
refused("flow below a file", ["run", "good.yml/x"], r"no file 'good\.yml/x'")
refused("flow a directory", ["run", "."], "is a directory")
refused("flow a fifo without a writer", ["run", "fifo", "--workspace", W], "no YAML document")
refused("flow a socket", ["run", "sock"], "cannot be read")
refused("flow /dev/null", ["run", "/dev/null", "--workspace", W], "no plain file")
refused("flow /dev/zero", ["run", "/dev/zero", "--workspace", W], "no plain file")
refused("flow a loop of links", ["run", "loop"], "cannot be read")
refused("flow with a long name", ["run", "a" * 5000], "cannot be read")
r, text, took, mib = measured(["run", "/proc/self/fd/0", "--workspace", W],
                              stdin=subprocess.Popen(["sh", "-c", "sleep 0.2; cat good.yml"],
                                                     stdout=subprocess.PIPE).stdout)
same("flow from a pipe whose writer takes its time: exit 0", 0, r, text)
refused("workspace absent", ["run", "good.yml", "--workspace", "absent"], r"no directory 'absent'")
refused("workspace a file", ["run", "good.yml", "--workspace", "good.yml"], "no directory")
refused("workspace /", ["run", "good.yml", "--workspace", "/"], "cannot be a workspace")
refused("workspace is SLUICE_HOME", ["run", "good.yml", "--workspace", HOME], "no grant may reach",
        status=3)

# --- inputs, events, secrets ---

with open("inputs.yml", "w") as f:
    f.write("on:\n  workflow_dispatch:\n    inputs:\n      b: {type: boolean}\n      n: {type: number}\n"
            "      c: {type: choice, options: [x, y]}\n      r: {required: true}\n"
            "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n")
for value, says in (("", "not NAME=VALUE"), ("x", "not NAME=VALUE"), ("=x", "not NAME=VALUE"),
                    ("b=maybe", r"inputs\.yml:4:.*boolean"), ("n=x", r"inputs\.yml:5:.*number"),
                    ("c=z", r"inputs\.yml:6:.*allowed"), ("zz=1", "'zz' is not declared"),
                    ("r=2", "given twice"), (b"r2=\xff", "not UTF-8")):
    refused(f"--input {value!r}",
            ["run", "inputs.yml", "--workspace", W, "--input", "r=1", "--input", value], says)
refused("an input that is required", ["run", "inputs.yml", "--workspace", W, "--input", "b=true"],
        r"inputs\.yml:7:|'r'")

EVENTS = [("empty", b"", "empty"), ("no JSON", b"x", "line 1, column 1"), ("a list", b"[1]", "not an object"),
          ("a duplicate key", b'{"a":1,"a":2}', "column 10: duplicate"), ("cut off", b'{"a":', "line 1"),
          ("more behind it", b"{} x", "column 4"), ("1e999", b'{"a":1e999}', "overflow"),
          ("half a surrogate", b'{"a":"\\ud800"}', "column 13"), ("invalid UTF-8", b'{"a":"\xff"}', "0xff"),
          ("100000 deep", b'{"a":' * 100000, "nested"), ("2 million values", b'{"a":[' + b"1," * 1900000 + b"1]}",
                                                         "more than"),
          ("5 MB", b'{"a":"' + b"x" * 5000000 + b'"}', "larger than"),
          ("NUL", b'{"a\0":1}', "NUL")]
for name, data, says in EVENTS:
    with open("event.json", "wb") as f:
        f.write(data)
    refused(f"event: {name}", [*RUN, "--event", "event.json"], says)
refused("event absent", [*RUN, "--event", "absent"], "no file 'absent'")
refused("event a directory", [*RUN, "--event", "."], "is a directory")

with open("nul", "wb") as f:
    f.write(b"ab\0cd")
with open("latin1", "wb") as f:
    f.write(b"caf\xe9")
for value, says in (("X_ABSENT", "no such variable"), ("X=@absent", "no file 'absent'"), ("X=@.", "is a directory"),
                    ("=@good.yml", "a name has"), ("", "a name has"), ("A B=@good.yml", "a name has"),
                    ("1A=@good.yml", "a name has"), ("X=@/dev/zero", "no plain file"),
                    ("X=@nul", "not text"), ("X=@latin1", "not text")):
    refused(f"--secret {value!r}", [*RUN, "--secret", value], says)
refused("--secret twice", [*RUN, "--secret", "X=@good.yml", "--secret", "X=@empty"], "given twice")
refused("--secret too long", [*RUN, "--secret", "X=@big"], "larger than") if \
    open("big", "w").write("x" * 70000) else None

# --- a home that is none ---

for name, make, says, status in (
        ("of another owner", lambda h: (os.mkdir(h), os.chown(h, 12345, 12345)), "belongs to uid 12345", 5),
        ("that others can write to", lambda h: (os.mkdir(h), os.chmod(h, 0o777)), "others can write", 5),
        ("that is a file", lambda h: open(h, "w").close(), "Not a directory", 5),
        ("that is a dangling link", lambda h: os.symlink("/nonexistent/x", h), "No such file", 5),
        ("whose keys others can read", lambda h: (sl(["init"], h), os.chmod(h + "/keys/identity", 0o644)),
         "can be read by others", 5),
        ("whose key is cut off", lambda h: (sl(["init"], h), os.truncate(h + "/keys/identity", 7)),
         "not a key of 32 bytes", 5),
        ("that cannot be read", lambda h: (os.mkdir(h), os.chmod(h, 0)), "Permission denied", 5),
        ("with a wrong first policy",
         lambda h: (os.mkdir(h), os.mkdir(h + "/policy"),
                    open(h + "/policy/policy.dl", "w").write("allow if foo(1);\n")),
         r"policy\.dl:1:10: unknown predicate 'foo'", 2)):
    if os.geteuid() != 0 and "owner" in name or os.geteuid() == 0 and "cannot be read" in name:
        continue
    h = f"{T}/home-{name.replace(' ', '-')}"
    make(h)
    refused(f"a home {name}", ["run", "good.yml", "--workspace", W], says, status, home=h)
    refused(f"a home {name}, exec", ["exec", "--", "true"], says, 125, home=h)
    if os.path.isdir(h) and "cannot" in name:
        os.chmod(h, 0o700)
refused("a home by a relative path", RUN, "not an absolute path", home="relative")
refused("a home by a path too long", RUN, "too long", home="/" + "a/" * 3000)

# Files that a home can lose without harm.
h = f"{T}/home-poor"
sl(["init"], h)
for d in ("cas", "cache", "runs"):
    subprocess.run(["rm", "-rf", f"{h}/{d}"], check=True)
same("a home without cas, cache and runs: exit 0", 0, sl(["exec", "--", "true"], h)[0])
for n in os.listdir(f"{h}/cas"):
    with open(f"{h}/cas/{n}", "w") as f:
        f.write("forged")
same("a home with forged files in cas: exit 0", 0, sl(["exec", "--", "true"], h)[0])
same("its runs verify", 0, max(sl(["verify", r], h)[0] for r in states(h)))
same("its log is right", "", is_clean(h))
for n in ("zzz", "ab" * 32):
    open(f"{h}/runs/open/{n}", "w").close()
same("a mark of a run that never was: exit 0", 0, sl(["exec", "--", "true"], h)[0])
same("it is taken away", ["zzz"], os.listdir(f"{h}/runs/open"))

same("nothing survives", "", gone(3))
same("the log of the home that saw all this is right", "", is_clean(HOME))
sys.stdout.flush()
finish()
