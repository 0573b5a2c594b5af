# 1032-setup-faults.py -- see 1032-setup-faults.sh, faulty.py and tracer.c.
import errno
import json
import multiprocessing
import os
import random
import re
import time

import fault
import faulty
from fault import T, finish, point

SRC = os.environ["src"]
FULL = bool(os.environ.get("SL_FULL"))
ONLY = os.environ.get("SL_ONLY")
SEED = int(os.environ.get("SL_SEED") or random.SystemRandom().randrange(1 << 32))
SECONDS = int(os.environ.get("SL_SECONDS") or (1200 if FULL else 20))
HOWS = ("exec", "overlay", "direct", "tty") + (("launched",) if os.path.exists(faulty.LAUNCHED) else ())

# What a call may fail with, when it is a fault: what says "there is none" (ENOENT, EEXIST) is an answer, not a fault.
OPENS, LOOKS = "EMFILE EACCES EIO", "EACCES EIO ENOMEM"
MOUNTS, MAKES, FORKS = "EPERM EINVAL ENOMEM ENOSYS", "ENOSPC EPERM", "EPERM ENOSPC EAGAIN ENOMEM"
ERRNOS = {
    "openat": OPENS, "openat2": OPENS + " ENOSYS", "open": OPENS, "open_tree": OPENS + " EPERM ENOSYS",
    "newfstatat": LOOKS, "stat": LOOKS, "fstat": LOOKS, "lstat": LOOKS, "statx": LOOKS, "faccessat2": LOOKS, "access": LOOKS,
    "statfs": LOOKS, "fstatfs": LOOKS, "readlink": LOOKS, "getdents64": "EIO", "mount": MOUNTS, "umount2": MOUNTS,
    "pivot_root": MOUNTS, "fsopen": MOUNTS + " ENODEV", "fsconfig": MOUNTS, "fsmount": MOUNTS, "move_mount": MOUNTS,
    "mount_setattr": MOUNTS, "fork": FORKS, "vfork": FORKS, "clone": FORKS, "clone3": FORKS + " ENOSYS", "unshare": FORKS,
    "setns": "EPERM EINVAL", "setgroups": "EPERM", "setresuid": "EPERM EAGAIN", "setresgid": "EPERM", "capset": "EPERM",
    "capget": "EPERM", "prctl": "EPERM EINVAL", "seccomp": "EINVAL ENOMEM EBUSY", "sethostname": "EPERM",
    "landlock_create_ruleset": "EOPNOTSUPP ENOMEM", "landlock_add_rule": "EINVAL ENOMEM",
    "landlock_restrict_self": "EPERM E2BIG", "socket": "EMFILE EAFNOSUPPORT", "socketpair": "EMFILE ENOMEM",
    "sendmsg": "EPIPE ENOBUFS", "recvmsg": "ECONNRESET ENOMEM", "recvfrom": "ECONNRESET", "read": "EIO",
    "pread64": "EIO", "write": "EIO ENOSPC", "mkdirat": MAKES, "mkdir": MAKES, "mknodat": MAKES, "symlinkat": MAKES,
    "fchownat": "EPERM", "brk": "ENOMEM", "mmap": "ENOMEM", "dup2": "EMFILE EBADF", "dup3": "EMFILE EBADF",
    "fcntl": "EMFILE EINVAL", "close": "EIO", "close_range": "ENOSYS EMFILE", "ioctl": "EPERM ENOTTY",
    "epoll_create1": "EMFILE", "epoll_ctl": "ENOMEM ENOSPC", "epoll_wait": "EINVAL", "timerfd_create": "EMFILE",
    "timerfd_settime": "EINVAL", "pipe2": "EMFILE", "signalfd4": "EMFILE", "wait4": "ECHILD", "waitid": "ECHILD",
    "setsid": "EPERM", "fchdir": "EACCES", "chdir": "EACCES", "execve": "ENOMEM EACCES", "execveat": "EACCES",
    "getrlimit": "EFAULT", "setrlimit": "EPERM", "prlimit64": "EPERM", "setxattr": "EOPNOTSUPP", "flock": "ENOLCK",
    "getrandom": "", "rt_sigprocmask": "", "setsockopt": "EPERM", "sched_setaffinity": "EPERM",
    "sched_getaffinity": "EPERM", "renameat2": "EIO", "renameat": "EIO", "fchmodat": "EPERM", "fchmod": "EPERM",
    "unlinkat": "EIO", "fsync": "EIO", "fdatasync": "EIO", "ftruncate": "EIO", "poll": "ENOMEM", "pidfd_send_signal": "EPERM",
    "socketcall": "EPERM", "sendto": "EPIPE", "pwrite64": "EIO ENOSPC", "set_robust_list": "", "set_tid_address": "", "umask": "",
    "getpid": "", "geteuid": "", "getegid": "", "getuid": "", "gettid": "", "exit": "", "exit_group": "", "rseq": "",
    "munmap": "", "rt_sigreturn": "", "alarm": "", "sched_yield": "", "madvise": "", "getcpu": "", "clock_gettime": "",
}
# A signal can cut these short, and they are made again: the box comes up as if nothing had been.
AGAIN = set("read write pread64 pwrite64 recvmsg sendmsg recvfrom wait4 waitid poll epoll_wait openat2 ioctl".split())
INTERRUPTED = AGAIN | set("openat flock".split())
SHORT = set("read write pread64 sendmsg recvmsg recvfrom".split())
BY_FD = set("read newfstatat close lseek flock pwrite64 fstatfs getdents64".split())
# Files of the kernel's that take a write whole or not at all (user_namespaces(7)).
WHOLE = {"/proc/self/setgroups", "/proc/self/uid_map", "/proc/self/gid_map"}

SAID = "SAID" # in place of that pattern: it ran for a while, and the end is that error
GOES_ON = (
    # process, call and what it is about, kinds: why an act may run all the same; of such a box's view nothing may
    # differ but lines that match the fourth, which stand for an optional layer that the statement then does not claim
    (".*", "close .*", "EIO", "", "the descriptor is free, whatever close() says"),
    (".*", "(brk|mmap) .*", "ENOMEM|no-memory", "", "malloc had room, or another source; what it refuses is refused"),
    (".*", ".*/proc/loadavg|sched_[gs]etaffinity .*", "E.*", "", "where a helper begins is only a matter of speed"),
    ("init|launcher|maker", "prctl .*sluice-.*", "E.*", "", "the name is for people"),
    ("init", "prctl 24,41|prctl 23,41", "EINVAL", "", "it is what the kernel says: there is no such capability"),
    ("init", "openat /proc/self/io", "E.*", "", "bytes written are then not known, and sampled from outside"),
    ("init|launcher", "statfs /dev", "E.*", "", "the flags are then set once more"),
    ("init", "fcntl [34],[12]", "E.*", "", "of a re-executed init; the act marks all that is not its own anew"),
    ("init|launcher", "mount_setattr .*", "EINVAL|EPERM", "GRANTED", "idmapped mounts are optional: shown as it is, which is less"),
    ("init|launcher", "wait4 .*", "ECHILD", "", "what its child made has come"),
    ("init", "prlimit64 0,3|readlink /proc/self/exe", "E.*", "", "asked by the C library at the start of a re-executed init"),
    ("init", "close .*|wait4 .*|vfork .*|poll .*", "kill-.*", "", "the act had begun when init was killed, and ended with it"),
    ("init/vfork1", "(newfstatat|access) .*", "E.*", "SHELL|^_=", "passed over in PATH, as execvp does; what runs is on record"),
    ("init/vfork1", "execve .*", "kill-after", "", "killed when it had begun"),
    ("init/vm1", "exit .*|close .*", "kill-.*|EIO", "", "its work was done"),
    ("init/fork.*", "sendmsg .*", "kill-after", "", "its work was done"),
    ("maker", ".*", ".*", "", "a network namespace ahead is made anew when it is asked for, or the box has its own already"),
    ("launcher", "recvmsg .*", "kill-after", "", "it was at its end"),
    ("sup", "setsockopt .*,1", "E.*", "", "the room of a channel: its messages are small"),
    ("sup", "statfs /sys/fs/cgroup.*", "E.*", "", "limits of a cgroup are optional, and the statement says so"),
    ("sup", ".*cas/.*", "E.*", "", "a copy of what the log has, too"),
    ("sup", ".*policy/policy.dl", "E.*", "", "not in force before it is decided: what is in force stays so"),
    ("sup", ".*(os-release|dpkg/status|cache/digests|localtime)", "E.*", "", "a fact of the host is then not stated; times are UTC"),
    ("sup", ".* (of )?runs/open", "E.*", "", "runs that were interrupted are closed by a later start"),
    ("sup", "read of job.json.*", "EIO", "", "a tick of the samples: the next one comes"),
    ("sup", "process_vm_readv .*", "E.*", "", "the path of the act's own exec was told, too"),
    ("sup", "fcntl \\d+,4", "E.*", "", "what is written to it is one message, there is room, and nobody waits"),
    ("sup", "epoll_ctl \\d+,2", "E.*", "", "it is closed in a moment, which takes it from the list"),
    ("sup", "unlinkat job.json.*", "EIO", "", "there is none of that name; where there is one, the file cannot be made"),
    ("sup", "epoll_ctl \\d+,1", "E.*", SAID, "the input of what runs already: it is ended, and so it is said"),
    ("sup", ".*runs/spare.*", "E.*", "", "a new mark is made"),
)
COPIED = ("init", ".*", ".*", "/workspace", "the overlay is optional: the workspace was copied, and the statement says so")
# Faults after which no act runs, and sluice says so otherwise than with 125 (run: 5) and number 5.
OTHERWISE = (
    ("init/vfork1", "execve .*", "E.*", "^(126|127|1) ", "the command cannot be executed: 126 or 127, and of a step a failure"),
    ("init/vfork1", "(newfstatat|access) .*", "E.*", "^(126|127|1) ", "the command cannot be found"),
)


class Site:
    """One system call of a good start; before: what its process last opened."""

    def __init__(self, how, label, call, n, text, before="", role=None):
        self.how, self.label, self.call, self.n, self.text, self.before = how, label, call, n, text, before
        self.role = role or label

    def faults(self):
        at = f"{self.label}:{self.call}:{self.n}"
        if self.call in ("exit", "exit_group"):
            return
        # The kernel's side of a notification can be interrupted, and else does not fail.
        is_answer = self.label == "sup" and self.call == "ioctl"
        for e in ["EINTR"] if is_answer else ERRNOS.get(self.call, "EPERM").split():
            yield f"{at}:error={getattr(errno, e)}", e
        # Of an eventfd, which gives all or nothing, and whom no handler interrupts.
        is_whole = self.role in ("launcher", "maker") and self.call in ("read", "write")
        if self.call in INTERRUPTED and not is_whole:
            yield f"{at}:error={errno.EINTR}", "EINTR"
        if self.call in SHORT and not is_whole and not (self.call == "write" and self.before in WHOLE):
            yield f"{at}:short", "short"
        if self.call in ("brk", "mmap"):
            yield f"{self.label}:brk|mmap|mremap:{self.n}+:error={errno.ENOMEM}", "no-memory"
        yield f"{at}:kill=before", "kill-before"
        yield f"{at}:kill=after", "kill-after"


def sites(how, path):
    """From the clone that makes init on, of the good start that was traced."""
    rows = [line.rstrip("\n").split("\t") for line in open(path)]
    first = next(i for i, r in enumerate(rows) if r[0] == "init")
    while rows[first][0] != "sup" or not rows[first][1].startswith("clone"):
        first -= 1
    out, opened = [], {}
    names = roles(rows) if how == "launched" else {}
    for label, call, n, text in rows[first:]:
        if call in BY_FD and text[0] not in "/.abcdefghijklmnopqrstuvwxyz":
            text = f"of {opened.get(label)}"
        out.append(Site(how, label, call, n, text, opened.get(label), role_of(label, names)))
        if call == "openat":
            opened[label] = text
    return out


def roles(rows):
    """Of each label below a launcher, what it is called in the tables: the processes name themselves."""
    named = {"sluice-launcher": "launcher", "sluice-net": "maker", "sluice-init": "init"}
    out = {}
    for label, call, _, text in rows:
        if call == "prctl" and text in named and label != "sup":
            out[label] = named[text] # the launcher was an init at first
    return out


def role_of(label, names):
    top = max((x for x in names if label == x or label.startswith(x + "/")), key=len, default="")
    return (names[top] + label[len(top):]).replace("launcher/", "init/") if top else label


def in_table(table, site, kind):
    return next((r for r in table if re.fullmatch(r[0], site.role) and re.fullmatch(r[1], f"{site.call} {site.text}") and
                 re.fullmatch(r[2], kind)), None)


def is_again(site, kind):
    """Whether the call is made again, so that nothing is lost."""
    return kind == "short" or kind == "EINTR" and site.call in AGAIN and (site.call != "ioctl" or site.label == "sup")


def number_of(how, status, out, err):
    """The reason's number and its ID, as sluice says them."""
    m = re.search(r"\[([a-z.-]+)\](?: \((\d+)\))?", out if how == "tty" else err)
    if m is None:
        return None, None
    return int(m[2]) if m[2] else (status if how in ("overlay", "direct") else None), m[1]


def judge(w, site, kind, base, got):
    """What is wrong, and which row of a table allowed what was not refused."""
    status, out, err, told = got
    how, bad, row = site.how, [], None
    text = w.output(how, out)
    shown = out if how == "tty" else err
    is_sup_killed = site.label == "sup" and kind.startswith("kill")
    left = w.left(site.label == "sup")
    if left:
        bad.append("left behind: " + left)
    if "HANGS" in shown:
        return bad + ["it hangs"], None
    is_libc = re.search(r"^fell sup \d+ libc$", told, re.M) is not None
    if status == 70 or "[bug]" in shown or (128 < status < 160 and status != 128 + 9 and not is_libc):
        bad.append(f"it fell: status {status}")
    # Without any memory the C library's start falls, the program's own too, as it reports that to nobody; all of ours has to say so.
    bad += [f"it fell: {x}" for x in re.findall(r"^fell (.*)", told, re.M) if not x.endswith(" libc")]
    acted = "VIEW-BEGIN" in text
    if is_libc and not acted:
        return bad, None
    if acted:
        view = faulty.normal(text, w.host_ns)
        row = in_table(GOES_ON, site, kind)
        differ = set(view) ^ set(base)
        if "VIEW-END" not in text: # it was ended while it looked, and not as if all were well
            if not kind.startswith("kill") and number_of(how, status, out, err)[0] != 5:
                bad.append(f"cut short, status {status}")
            differ = set(view[:-1]) - set(base)
        layers = set() if how in ("tty", "launched") else {
            x for e in fault.events(out) if e.get("event") == "job.start" for x in e["layers"]}
        if row is None and how == "overlay" and layers and "overlay" not in layers:
            row = COPIED
        if row is not None and row[3] == SAID:
            if number_of(how, status, out, err)[0] != 5:
                bad.append(f"nothing is said: status {status}")
        elif row is not None and row[3]:
            differ = {x for x in differ if not re.search(row[3].replace("GRANTED", f"{w.dir}|/workspace|/srv"), x)}
        if row is None and not is_again(site, kind) and not is_sup_killed:
            bad.append("an act runs")
        if differ:
            bad.append("the box differs: " + " | ".join(sorted(differ)[:6]))
        return bad, row
    if is_again(site, kind):
        bad.append("it is not made again")
    row = in_table(OTHERWISE, site, kind)
    if is_sup_killed:
        if status != 128 + 9:
            bad.append(f"killed, and the status is {status}")
    elif row is not None:
        if not re.search(row[3], f"{status} {shown}"):
            bad.append(f"status {status}")
    else:
        number, name = number_of(how, status, out, err)
        want = 5 if how in ("overlay", "direct") else 125
        if status != want or number != 5:
            bad.append(f"status {status}, number {number} [{name}]")
        elif site.label != "sup" and not re.search(r"(box|launcher): .+ \[(env\.unavailable|sys)\]|the box died: .* \[sys\]", shown):
            bad.append("no layer is named")
    return bad, row


def worker(job):
    """One fault: (name, what is wrong, row that allowed it, what was said).  On a busy machine a supervisor's calls come in
    another order, so that another one is met than was meant: what is wrong is so three times."""
    for _ in range(3):
        got = once(job)
        if not got[1]:
            break
    return got


def once(job):
    who, how, label, call, n, about, spec, kind, role = job
    w, base = WORLDS[who], BASES[(who, how)]
    site = Site(how, label, call, n, about, role=role)
    name = f"{who} {how} {label} {call} {n} {about} {kind}"
    for _ in range(3): # a supervisor's calls come in the order of events
        got = w.run(how, [spec])
        if "hit " in got[3]:
            break
        left = w.left(False)
        if left:
            return name, ["not met, and left behind: " + left], None, got[2][-300:]
    else:
        return name, None, None, ""
    bad, row = judge(w, site, kind, base, got)
    said = (got[1] if how == "tty" else got[2])
    if how not in ("tty", "launched"):
        said += json.dumps({k: v for k, v in fault.done(got[1]).items() if k in ("error", "error_id", "error_exit", "exit")})
    return name, bad, row, said[-400:] if bad else re.sub(r"\s+", " ", said)[:200]


def begin(top):
    """In each worker: worlds of its own."""
    global WORLDS, BASES
    top = f"{top}/{os.getpid()}"
    os.mkdir(top)
    os.chmod(top, 0o755)
    WORLDS = {who: faulty.World(who, top) for who in WHO}
    BASES = {}
    for who, w in WORLDS.items():
        w.node("init")
        for how in HOWS:
            _, out, err, _ = w.run(how)
            BASES[(who, how)] = faulty.normal(w.output(how, out), w.host_ns)


def good_starts(top):
    """All sites, and whether two good starts look the same."""
    begin(top)
    found = []
    for (who, how), base in BASES.items():
        w = WORLDS[who]
        here = []
        for _ in range(3): # the one with the fewest: a slow one has the supervisor's samples in it
            status, out, err, told = w.run(how, trace=f"{w.dir}/trace")
            view = faulty.normal(w.output(how, out), w.host_ns)
            found_now = sites(how, f"{w.dir}/trace") if status == 0 and "exec" in told else []
            here = found_now if not here or len(found_now) < len(here) else here
        labels = {s.label for s in here}
        point(status == 0 and len(base) > 60 and view == base and {"sup", "init"} <= labels and len(here) > 200,
              f"{who}, {how}: {len(here)} calls in {len(labels)} processes from the clone to the exec",
              f"{status} {err[-500:]}\n" + "\n".join(sorted(set(view) ^ set(base))))
        found += [(who, s) for s in here]
    return found


def main():
    global WHO
    WHO = ["root", "user"] if os.geteuid() == 0 else ["user"]
    print(f"# SL_SEED={SEED}", flush=True)
    os.chmod(T, 0o755)
    jobs = []
    for who, s in good_starts(T):
        for spec, kind in s.faults():
            jobs.append((who, s.how, s.label, s.call, s.n, s.text, spec, kind, s.role))
    n_all = len(jobs)
    if ONLY:
        jobs = [j for j in jobs if ONLY in f"{j[0]} {j[1]} {j[2]} {j[3]} {j[4]} {j[5]} {j[7]}"]
    random.Random(SEED).shuffle(jobs)
    wrong, unmet, rows, began, n = [], [], {}, time.monotonic(), 0
    with multiprocessing.get_context("fork").Pool(min(4, os.cpu_count() or 1), begin, (T,)) as pool:
        for name, bad, row, said in pool.imap_unordered(worker, jobs):
            n += 1
            if bad is None:
                unmet.append(name)
            elif bad:
                wrong.append(f"{name}: {'; '.join(bad)}\n    {said}")
            elif row is not None:
                rows[row] = rows.get(row, 0) + 1
            if os.environ.get("SL_VERBOSE"):
                print(f"# {name}: {said}", flush=True)
            if time.monotonic() - began > SECONDS:
                pool.terminate()
                break
    with open(f"{T}/wrong", "w") as f:
        f.write("\n".join(wrong))
    if os.environ.get("SL_KEEP"):
        with open(os.environ["SL_KEEP"], "w") as f:
            f.write("\n".join(sorted(wrong)) + "\n--- unmet\n" + "\n".join(sorted(unmet)))
    took = time.monotonic() - began
    point(not wrong, f"{n} of {n_all} faults: no act and nothing left, or the box is as closed ({took:.0f} s)",
          f"{len(wrong)} are not so\n" + "\n".join(sorted(wrong)[:12]))
    point(len(unmet) <= n / 50, f"{n - len(unmet)} of them were met", "\n".join(unmet[:20]))
    fault.gone(10) # what a worker that was stopped had begun
    bad = []
    for top in sorted(x for x in os.listdir(T) if x.isdigit()):
        for who in WHO:
            w = faulty.World(who, f"{T}/{top}")
            bad += [f"{top} {who}: {x}" for x in (w.node("init"), w.node("log", "check")) if x[0] != 0]
    point(not bad, "after all that, each log checks clean", bad)
    for r, k in sorted(rows.items()):
        print(f"# {k} times: {r[0]} {r[1]} {r[2]}: {r[4]}", flush=True)
    finish()


main()
