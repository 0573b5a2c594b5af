# 1004-disk-full.py -- see 1004-disk-full.sh.  Runs as root in a mount namespace of its own.
import os
import shutil
import subprocess

from fault import T, Receipts, done, events, finish, flow, gone, is_clean, point, same, sl, states

DISK, W = f"{T}/disk", f"{T}/w"
HOME, FILLER = f"{DISK}/home", f"{DISK}/filler"
KIB = 1024
for d in (DISK, W):
    os.mkdir(d)
MOUNT = ["mount", "-t", "tmpfs", "-o", "size=24m,nr_inodes=4000,mode=755", "none", DISK]
if subprocess.run(MOUNT).returncode != 0:
    print("1..0 # SKIP no tmpfs here")
    raise SystemExit(0)


def fill(leave):
    v = os.statvfs(DISK)
    with open(FILLER, "wb") as f:
        f.write(b"\0" * max(0, v.f_bavail * v.f_frsize - leave))


def empty():
    for n in os.listdir(DISK):
        p = f"{DISK}/{n}"
        shutil.rmtree(p) if os.path.isdir(p) else os.unlink(p)


def fault(bad, name, good, detail=""):
    if not good:
        bad.append(f"{name}: {detail}")


def after(bad, name, p, want, can_succeed):
    """After a command on a full disk: how it ended, then the same with room again."""
    status, out, err = p
    allowed = {want, 0} if can_succeed else {want}
    fault(bad, name, status in allowed, f"exit {status} {out[-200:]} {err}")
    if status == want:
        fault(bad, name, "No space left" in err or "Read-only" in err, f"no reason in: {err}")
    fault(bad, name, gone(3) == "", "processes survive")
    fault(bad, name, is_clean(HOME) == "", is_clean(HOME))
    fault(bad, name, "running" not in states(HOME).values(), states(HOME))
    event = done(out)
    if status == 0 and event:
        fault(bad, name, states(HOME).get(event["run"]) == "success", f"{states(HOME)} {event}")


def works(bad, name):
    r, out, err = sl(["exec", "--json", "--", "true"], HOME)
    fault(bad, name, r == 0, f"with room again: {r} {err}")
    event = done(out)
    fault(bad, name, sl(["verify", event.get("run", "")], HOME)[0] == 0, "its run does not verify")
    fault(bad, name, is_clean(HOME) == "", is_clean(HOME))
    fault(bad, name, set(states(HOME).values()) <= {"success", "failure", "interrupted"},
          states(HOME))


def pages():
    return [0, 4, 8, 12, 16, 20, 24, 32, 48, 64, 128, 252, 256, 260, 264, 268, 276, 288, 320, 512]


# --- one command on a disk with so much room left ---

ended = {}
bad = []
for leave in pages():
    empty()
    fill(leave * KIB)
    p = sl(["init"], HOME)
    ended[p[0]] = ended.get(p[0], 0) + 1
    after(bad, f"init with {leave} KiB", p, 5, leave >= 256)
    os.unlink(FILLER)
    works(bad, f"init with {leave} KiB")
point(not bad, f"init on a full disk: exits {ended}", "\n".join(bad))
same("init: both ends were seen", {0, 5}, set(ended))

f = flow(f"{T}/f.yml", "echo one", "echo two >two; echo three >three", "echo three")
for verb, args, want in (("exec", ["exec", "--json", "--", "true"], 125),
                         ("run", ["run", "--json", f, "--workspace", W], 5)):
    ended, bad = {}, []
    for leave in [0, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64]:
        empty()
        sl(["init"], HOME)
        fill(leave * KIB)
        p = sl(args, HOME)
        ended[p[0]] = ended.get(p[0], 0) + 1
        # a step that finds no room for a file of its own has failed by itself: 1
        if p[0] == 1 and verb == "run":
            p = (0, "", "")
        after(bad, f"{verb} with {leave} KiB", p, want, leave > 0)
        os.unlink(FILLER)
        works(bad, f"{verb} with {leave} KiB")
    point(not bad, f"{verb} on a full disk: exits {ended}", "\n".join(bad))
    point(want in ended and 0 in ended, f"{verb}: both ends were seen", ended)

# --- until the log itself has no room: its zeros ahead are used up, batch after batch ---

empty()
sl(["init"], HOME)
receipts = Receipts(HOME, f"{T}/receipts")
fill(8 * KIB)
bad, n = [], 0
for n in range(200):
    r, out, err = sl(["exec", "--json", "--", "true"], HOME)
    if r != 0:
        break
    receipts.files.clear() # only the newest few are proved again below
    receipts.take_done(done(out))
same("exec after exec: at last exit 125", 125, r, err)
point("No space left" in err, f"it says why, after {n} good ones", err)
point(n > 5, "it took more than one batch")
same("the log checks clean", "", is_clean(HOME))
r2, out, err = sl(["exec", "--json", "--", "true"], HOME)
same("the next one is refused too", 125, r2, err)
same("and nothing is left half", "", is_clean(HOME))
same("receipts handed out verify on the full disk", "", receipts.broken())
os.unlink(FILLER)
bad = []
works(bad, "after the log was full")
point(not bad, "with room again all is well", "\n".join(bad))
same("receipts verify afterwards", "", receipts.broken())

# --- in the middle of a run: a step fills the disk, later decisions find no room ---

empty()
sl(["init"], HOME)
f = flow(f"{T}/f.yml", "cat /dev/zero >fill || true; echo filled", *["echo step"] * 120)
p = sl(["run", "--json", f, "--workspace", W], HOME, timeout=60)
ev = events(p[1])
steps = sum(e["event"] == "step.done" for e in ev)
same("a run that fills its own disk: exit 5", 5, p[0], p[2])
point("No space left" in p[2], "it says why", p[2])
point(1 <= steps < 121, f"it stopped in the middle ({steps} steps)")
same("run.done comes, as an error", ("error", 5), (done(p[1]).get("conclusion"), done(p[1]).get("exit")))
starts = sum(e["event"] == "step.start" for e in ev)
point(starts - steps <= 1, "no step was started without its decision", f"{starts} {steps}")
same("nothing survives", "", gone(3))
same("the log checks clean", "", is_clean(HOME))
run = next(e["run"] for e in ev if e["event"] == "run.start")
same("the run left its workspace", 0, sl(["changes", run], HOME)[0])
shutil.rmtree(f"{HOME}/runs/{run}")
r, out, err = sl(["init"], HOME)
same("with room again the next start closes it", 0, r, err)
same("it is recorded as interrupted", "interrupted", states(HOME).get(run))
same("and verifies", 0, sl(["verify", run], HOME)[0])
same("the log checks clean then", "", is_clean(HOME))

# --- a policy that finds no room does not come into force ---

empty()
sl(["init"], HOME)
old = sl(["policy", "show"], HOME)[1]
with open(f"{T}/p.dl", "w") as fd:
    fd.write(old + "\n// " + "x" * 300000 + "\n")
fill(8 * KIB)
r, out, err = sl(["policy", "register", f"{T}/p.dl"], HOME)
same("policy register on a full disk: exit 5", 5, r, err)
point("No space left" in err, "it says why", err)
same("the old policy is in force", old, sl(["policy", "show"], HOME)[1])
same("the log checks clean", "", is_clean(HOME))
os.unlink(FILLER)
r, out, err = sl(["policy", "register", f"{T}/p.dl"], HOME)
same("with room again it is registered", 0, r, err)
same("the log checks clean then", "", is_clean(HOME))

# --- no inodes ---

empty()
sl(["init"], HOME)
os.mkdir(f"{DISK}/many")
k = 0
try:
    while True:
        os.close(os.open(f"{DISK}/many/{k}", os.O_CREAT | os.O_WRONLY))
        k += 1
except OSError:
    pass
bad = []
after(bad, "exec without inodes", sl(["exec", "--", "true"], HOME), 125, False)
after(bad, "run without inodes", sl(["run", f, "--workspace", W], HOME), 5, False)
shutil.rmtree(f"{DISK}/many")
works(bad, "inodes again")
point(not bad, "no inodes: exit 5, log clean, works again", "\n".join(bad))

# --- read-only ---

bad = []
subprocess.run(["mount", "-o", "remount,ro", DISK], check=True)
after(bad, "exec on a read-only home", sl(["exec", "--", "true"], HOME), 125, False)
after(bad, "run on a read-only home", sl(["run", f, "--workspace", W], HOME), 5, False)
fault(bad, "runs on a read-only home", sl(["runs"], HOME)[0] == 0, sl(["runs"], HOME))
subprocess.run(["mount", "-o", "remount,rw", DISK], check=True)
works(bad, "writable again")
point(not bad, "read-only: exit 5, what was recorded can be read, works again", "\n".join(bad))
subprocess.run(["umount", "-l", DISK])
finish()
