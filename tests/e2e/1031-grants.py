# 1031-grants.py -- see 1031-grants.sh; reach.py is what runs in the box, reachable.py the oracle.
import concurrent.futures
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import reachable as R
from fault import SLUICE, T, finish, known, point

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = int(os.environ.get("SL_SEED") or random.SystemRandom().randrange(1 << 32))
FULL = bool(os.environ.get("SL_FULL"))
N = int(os.environ.get("SL_BOXES") or (10000 if FULL else 400))
SECONDS = int(os.environ.get("SL_SECONDS") or (800 if FULL else 50)) # then it stops, and says how many it were
ONLY = os.environ.get("SL_ONLY")
UID = 61240
ELSEWHERE = os.environ.get("SL_ELSEWHERE") or None
with open(f"{HERE}/reach.py") as f:
    PROBE = f.read()
# Faults that are known: tag of the oracle -> what it is.  Without its row a fault is one like any other.
KNOWN = {}


class Pass:
    def __init__(self, who):
        self.who, self.root = who, os.geteuid() == 0
        drop = self.root and who == "user"
        self.uid, self.gid = (UID, UID) if drop else (os.getuid(), os.getgid())
        self.prefix = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups"] if drop else []
        self.sluice = SLUICE
        if drop:
            os.makedirs(f"{T}/bin", exist_ok=True)
            self.sluice = f"{T}/bin/sluice"
            shutil.copyfile(SLUICE, self.sluice)
            os.chmod(self.sluice, 0o755)
        self.tops = [self.dir(f"{x}/{who}") for x in (T, ELSEWHERE) if x]
        self.env = {**os.environ, "HOME": self.tops[0], "SLUICE_HOME": self.dir(f"{T}/{who}/home")}
        self.is_privileged = self.uid == 0

    def dir(self, path):
        os.makedirs(path)
        os.chmod(path, 0o755)
        os.chown(path, self.uid, self.gid)
        return path

    def start(self, args, cwd, home=None):
        env = {**self.env, "SLUICE_HOME": home} if home else self.env
        return subprocess.Popen([*self.prefix, self.sluice, *args], env=env, cwd=cwd, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)


    def cannot(self):
        """Why this user's boxes are not judged; "" where they are."""
        q = self.start(["exec", "--json", "--read", self.tops[0] + "/probe", "--", "true"], self.dir(self.tops[0] + "/probe"))
        out, err = q.communicate(timeout=30)
        if q.returncode != 0:
            return "no box for this user: " + err.decode(errors="replace").split("\n")[0]
        if self.is_privileged and b'"idmap"' not in out:
            return "no idmapped mounts here: what a grant shows to root's boxes is less than the oracle knows"
        return ""


def one(p, i):
    """One tree, one grant, one box: (what is wrong, tags of known faults met, kind of box)."""
    rnd = random.Random(f"{SEED}:{p.who}:{i}")
    base = f"{rnd.choice(p.tops)}/{i}".encode()
    tree = R.Tree(rnd, base, p.uid, p.gid, is_root=p.is_privileged)
    tree.write()
    asked = R.ask(rnd, tree)
    args = ["exec"]
    for access, path in asked:
        args += ["--read" if access == "r" else "--write", path]
    grants, refused = R.grants_of(tree, asked, p.is_privileged)
    o = R.Oracle(tree, grants)
    acts = o.acts(rnd)
    q = p.start([*args, "--", "/usr/bin/python3", "-I", "-S", "-c", PROBE], base, tree.home)
    try:
        out, err = q.communicate(json.dumps([[n, a.name, a.path.hex(), a.more] for n, a in enumerate(acts)]).encode(),
                                 timeout=60)
    except subprocess.TimeoutExpired:
        q.send_signal(signal.SIGKILL)
        out, err = q.communicate()
        return [f"it hangs: {err[-300:]!r}"], set(), "hang", asked
    if refused:
        bad = [] if q.returncode == 125 and not out else [f"{refused}: status {q.returncode}, {out[:200]!r}"]
        tags = set()
    elif "gone" in KNOWN and q.returncode == 125 and b"init is gone" in err and len(out.splitlines()) == len(acts):
        bad, tags = o.judge(acts, [json.loads(x) for x in out.splitlines()])
        tags.add("gone")
    elif q.returncode != 0:
        bad, tags = [f"no box: status {q.returncode}: {err[-400:].decode(errors='replace')}"], set()
    else:
        bad, tags = o.judge(acts, [json.loads(x) for x in out.splitlines()])
    bad += [f"more is reached than was granted: {t}" for t in tags - set(KNOWN)] + tree.compare()
    if not bad:
        R.wipe(base)
    if tree.home is not None and not refused and o.top(tree.home) is not None:
        return bad, tags, "a masked node", asked
    return bad, tags, "refused" if refused else f"{len(grants)} grants" if len(grants) < 3 else "3 or more", asked


def loop(p):
    lock, seen, wrong, met, n_done = threading.Lock(), {}, [], {}, 0
    began = time.monotonic()
    todo = iter(range(N // 2)) if ONLY is None else iter([int(ONLY)])

    def worker():
        nonlocal n_done
        while len(wrong) < 5 and time.monotonic() - began < SECONDS / 2:
            with lock:
                i = next(todo, None)
            if i is None:
                return
            bad, tags, sort, asked = one(p, i)
            with lock:
                n_done += 1
                seen[sort] = seen.get(sort, 0) + 1
                for t in tags:
                    met[t] = met.get(t, 0) + 1
                if bad:
                    wrong.append(f"box {i}: {' '.join(f'{a}:{x!r}' for a, x in asked)}\n" + "\n".join(bad[:12]))

    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        for f in [pool.submit(worker) for _ in range(pool._max_workers)]:
            f.result()
    sorts = ", ".join(f"{v} {k}" if k == "refused" else f"{v} with {k}" for k, v in sorted(seen.items()))
    point(not wrong, f"{p.who}: {n_done} boxes reach exactly what was granted", "\n".join(wrong))
    print(f"# {p.who}: {sorts}; {time.monotonic() - began:.1f} s", flush=True)
    if ONLY is None:
        point(n_done >= min(N // 2, 1000 if FULL else 20), f"{p.who}: that were enough of them", n_done)
        point(len(seen) >= 4, f"{p.who}: of each kind", sorts)
    return met


def by_hand(p):
    """The known faults, each in a box of its own: random ones may meet them or not."""
    top = p.dir(f"{p.tops[0]}/hand")
    for d in ("a", "a/b"):
        p.dir(f"{top}/{d}")
    for tag, args, act in (
            ("held", ["--write", top, "--read", f"{top}/a/b"], ["there_and_back", f"{top}/a", ""]),
            ("socket", ["--write", top], ["special", f"{top}/s", "socket"])):
        if tag == "socket" and not any(R.is_below(top.encode(), x) for x in R.PLACES):
            continue
        q = p.start(["exec", *args, "--", "/usr/bin/python3", "-I", "-S", "-c", PROBE], top)
        out, err = q.communicate(json.dumps([[0, act[0], act[1].encode().hex(), act[2]]]).encode(), timeout=30)
        try:
            reaches = json.loads(out)[1]
        except (ValueError, IndexError):
            point(False, f"{p.who}: {tag}: the box answers", err.decode(errors="replace"))
            continue
        name = f"{p.who}: no box reaches more ({tag})"
        known(reaches, name, KNOWN[tag]) if tag in KNOWN else point(not reaches, name)


def main():
    print(f"# SL_SEED={SEED}", flush=True)
    os.chmod(T, 0o755)
    if ELSEWHERE:
        os.chmod(ELSEWHERE, 0o755)
    for name, why in R.self_test():
        point(why == "", f"the oracle: {name}", why)
    for who in ("root", "user") if os.geteuid() == 0 else ("user",):
        p = Pass(who)
        why = p.cannot()
        if why:
            print(f"# {who}: {why}", flush=True)
            continue
        met = loop(p)
        for tag, n in sorted(met.items()):
            print(f"# {who}: in {n} boxes: {KNOWN.get(tag, tag)}", flush=True)
        if "gone" in met and "gone" in KNOWN: # a race: whether it is met is chance
            known(True, f"{who}: each box ends as its act did (gone)", KNOWN["gone"])
        if ONLY is None:
            by_hand(p)


main()
finish()
