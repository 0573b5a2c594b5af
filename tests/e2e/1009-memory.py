# 1009-memory.py -- see 1009-memory.sh.
import os
import re
import resource

from fault import T, done, finish, flow, gone, is_clean, point, same, sl, states

HOME, W = f"{T}/home", f"{T}/w"
os.mkdir(W)
KIB = 1024
same("init", 0, sl(["init"], HOME)[0])
FLOW = flow(f"{T}/f.yml", "for i in 1 2 3 4 5 6 7 8; do echo \"line $i\"; done; echo o=1 >>$GITHUB_OUTPUT",
            "echo ${{ format('{0}-{1}', github.job, fromJSON('[1,2,3]')[1]) }}; echo x >new")
EXEC, RUN = ["exec", "--json", "--", "true"], ["run", "--json", FLOW, "--workspace", W]
LOADER = re.compile("error while loading shared libraries|Fatal glibc error") # not sluice's memory
REASON = r"memory|Too many open files|File too large|No space left|(cannot|could not) \w+.*: |killed"


def limited(what, n, args, home=HOME):
    return sl(args, home, preexec_fn=lambda: resource.setrlimit(what, (n, n)))


def sweep(name, what, values, args, wrapper):
    """Each value: success, or the status of a failure with its reason; nothing else."""
    bad, ended = [], {}
    for n in values:
        r, out, err = limited(what, n, args)
        if LOADER.search(err) and r == 127:
            ended["loader"] = ended.get("loader", 0) + 1
            continue
        ended[r] = ended.get(r, 0) + 1
        # A limit of the caller's holds inside too: there the step's own program may miss memory.
        if r == 1 and done(out).get("conclusion") == "failure":
            continue
        if r not in (0, wrapper):
            bad.append(f"{n}: exit {r}: {err[-300:]} {out[-200:]}")
        if r == wrapper and not re.search(REASON, err):
            bad.append(f"{n}: no reason: {err[-300:]}")
        if r == 0 and done(out).get("conclusion") != "success":
            bad.append(f"{n}: exit 0, and {out[-200:]}")
        left = gone(3)
        if left:
            bad.append(f"{n}: survives: {left}")
    clean = is_clean(HOME)
    point(not bad and clean == "", f"{name}: exits {ended}", "\n".join(bad + [clean]))
    return ended


def least(args, wrapper, low, high):
    """The least address space (KiB, to 64) with which args succeed."""
    while high - low > 64:
        mid = (low + high) // 2
        low, high = (low, mid) if limited(resource.RLIMIT_AS, mid * KIB, args)[0] == 0 else (mid, high)
    return high


# Below this the program is not even loaded: the kernel or its C library ends it before main.
loaded = least(["version"], 0, 1024, 64 * 1024)
for verb, args, wrapper in (("exec", EXEC, 125), ("run", RUN, 5)):
    enough = least(args, wrapper, 1024, 64 * 1024)
    ended = sweep(f"{verb} with less and less address space (enough: {enough} KiB)", resource.RLIMIT_AS,
                  [k * KIB for k in range(max(loaded, enough - 1600), enough + 320, 24)], args, wrapper)
    point(ended.get(wrapper, 0) > 3 and ended.get(0, 0) > 0, f"{verb}: both ends were seen", ended)
    sweep(f"{verb} with little data", resource.RLIMIT_DATA,
          [k * KIB for k in range(256, 2048, 96)], args, wrapper)
    sweep(f"{verb} with few descriptors", resource.RLIMIT_NOFILE, [*range(5, 36)], args, wrapper)
    sweep(f"{verb} with a file size limit", resource.RLIMIT_FSIZE,
          [0, 1, 10, 100, 4096, 65536, 300000, 1 << 20, 8 << 20], args, wrapper)

bad = []
for k, n in enumerate((0, 10, 4096, 100000, 200000, 300000)):
    home = f"{T}/fsize{k}"
    r, out, err = limited(resource.RLIMIT_FSIZE, n, ["init"], home)
    if r not in (0, 5) or (r == 5 and not re.search(REASON, err)):
        bad.append(f"{n}: {r} {err}")
    r, out, err = sl(["exec", "--", "true"], home)
    if r != 0 or is_clean(home):
        bad.append(f"{n}, without the limit: {r} {err} {is_clean(home)}")
point(not bad, "init with a file size limit; then without", "\n".join(bad))

same("without limits all is well", 0, sl(RUN, HOME)[0])
left = set(states(HOME).values())
point(left <= {"success", "failure", "interrupted"}, f"runs ended as {sorted(left)}")
same("no run is left open", [], [m for m in os.listdir(f"{HOME}/runs/open") if not m.startswith("new.")])
same("the log checks clean", "", is_clean(HOME))
finish()
