"""reachable.py -- random trees, random grants, and the oracle that says of each act in a box what must come of it.

The oracle is a model of path resolution and of modes (path_resolution(7)) over the tree as it was made; of the box it
knows this: the longest grant above a path decides, what leads to a grant is an empty directory, nothing else of the tree
is there.  As root sluice shows a grant to the box as its top directory's owner; what belongs to others belongs to nobody."""
import os
import shutil
import stat

PLACES = (b"/tmp", b"/home/runner", b"/run", b"/var/tmp", b"/opt/hostedtoolcache", b"/dev/shm")
FOREIGN = 54321
NAMES = (b"a", b"b c", "\u00fcn\u00efc\u00f6de-\u2713".encode(), b"new\nline", b"-rf", b"tab\tx", b"quo'te\"s", b"back\\slash", b"\\x41",
         b"*", b"$(id)", b"a\\012b", b"x" * 200, b" lead", b"trail ", b"#x", b"%s%n", b"co:lon", b"com,ma", b"e=q", b".hid",
         b"...", b"~", "\u202eevil".encode(), b"bad-\xff\xfe", b"esc\x1b[2J", b"run", b"tmp")
MODES = {"f": (0o644, 0o600, 0o666, 0o444, 0o400, 0o200, 0, 0o604, 0o640), "x": (0o755, 0o700, 0o111, 0o500, 0o711, 0o644),
         "d": (0o755, 0o755, 0o755, 0o700, 0o777, 0o555, 0o311, 0o644, 0, 0o750, 0o701)}


class Node:
    def __init__(self, kind, mode=0o777, uid=0, gid=0, data=b"", target=b"", token=None):
        self.kind, self.mode, self.uid, self.gid = kind, mode, uid, gid
        self.data, self.target, self.token = data, target, token # token: what it prints when it is run


SKELETON = Node("d", 0o755)
SPECIAL = Node("?") # outside of the model: the box's own
MASK = Node("d", 0o755) # stands where the node's home lies


def is_below(p, top):
    return p == top or p.startswith(top.rstrip(b"/") + b"/")


def parent(p):
    return p.rpartition(b"/")[0] or b"/"


def wipe(path):
    for d, dirs, _ in os.walk(path):
        for x in dirs:
            q = os.path.join(d, x)
            if not os.path.islink(q):
                os.chmod(q, 0o700)
    shutil.rmtree(path)


class Tree:
    def __init__(self, rnd, base, uid, gid, is_root):
        self.rnd, self.base, self.uid, self.gid, self.is_root = rnd, base, uid, gid, is_root
        self.nodes = {base: Node("d", 0o755, uid, gid)}
        self.grow(base + b"/in", 0)
        self.nodes[base + b"/out"] = Node("d", 0o777, uid, gid)
        self.put(base + b"/out/canary", "f", 0o666)
        self.put(base + b"/out/tool", "x", 0o755)
        self.home = None
        if rnd.random() < 0.08: # the node itself lies in what may be granted
            self.home = base + b"/in/keep/node"
            self.nodes[parent(self.home)] = Node("d", 0o755, uid, gid)
            self.nodes[self.home] = Node("d", 0o700, uid, gid)
        links = [p for p, n in self.nodes.items() if n.kind == "l"]
        for p in links:
            self.nodes[p].target = self.target(p)

    def owner(self):
        if not self.is_root or self.rnd.random() < 0.93:
            return self.uid, self.gid
        return self.rnd.choice(((FOREIGN, FOREIGN), (self.uid, FOREIGN), (FOREIGN, self.gid)))

    def put(self, p, kind, mode):
        token = f"tok-{self.rnd.getrandbits(64):016x}"
        data = f"#!/bin/echo {token}\n" if kind == "x" else token + "\n"
        self.nodes[p] = Node("f", mode, *self.owner(), data.encode(), token=token if kind == "x" else None)

    def grow(self, p, depth):
        rnd = self.rnd
        self.nodes[p] = Node("d", rnd.choice(MODES["d"]) if depth else 0o755, *self.owner())
        for name in rnd.sample(NAMES, rnd.randint(2, 4) if depth < 3 else 1):
            q, k = p + b"/" + name, rnd.random()
            if k < 0.34 and depth < 3:
                self.grow(q, depth + 1)
            elif k < 0.62:
                self.put(q, "f", rnd.choice(MODES["f"]))
            elif k < 0.76:
                self.put(q, "x", rnd.choice(MODES["x"]))
            elif k < 0.97:
                self.nodes[q] = Node("l", 0o777, *self.owner())
            else:
                self.nodes[q] = Node("p", 0o666, *self.owner())

    def target(self, p):
        rnd, other = self.rnd, self.rnd.choice(list(self.nodes))
        return rnd.choice((
            other, other, os.path.relpath(other, parent(p)), os.path.relpath(other, parent(p)), self.base + b"/out/canary",
            os.path.relpath(self.base + b"/out", parent(p)), b"..", b".", b"../..", b"absent", p, b"/etc/shadow",
            b"/usr/bin/env", b"/proc/self/root" + self.base + b"/out/canary", b"/", self.base + b"/out"))

    def write(self):
        for p, n in self.nodes.items(): # a directory stands before what lies in it
            if n.kind == "d":
                os.mkdir(p, 0o700)
            elif n.kind == "l":
                os.symlink(n.target, p)
            elif n.kind == "p":
                os.mkfifo(p)
            else:
                with open(p, "wb") as f:
                    f.write(n.data)
            if self.is_root or os.geteuid() == 0:
                os.chown(p, n.uid, n.gid, follow_symlinks=False)
        for p, n in reversed(self.nodes.items()):
            if n.kind != "l":
                os.chmod(p, n.mode)

    def kids(self, p):
        return sorted(q[len(p) + 1:] for q in self.nodes if q != p and parent(q) == p)

    def compare(self):
        """What on the disk is not as the model has it."""
        bad, seen = [], set()
        self.walk(self.base, seen, bad)
        bad += [f"on the host {p!r} is gone" for p in self.nodes if p not in seen]
        return bad

    def walk(self, p, seen, bad):
        st, n = os.lstat(p), self.nodes.get(p)
        seen.add(p)
        kind = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l", stat.S_IFIFO: "p"}.get(stat.S_IFMT(st.st_mode), "?")
        if n is None:
            bad.append(f"on the host there is {p!r}, made by the box ({kind}, mode {st.st_mode:o}, owner {st.st_uid})")
        elif kind != n.kind:
            bad.append(f"on the host {p!r} is {kind}, was {n.kind}")
        elif (st.st_uid, st.st_gid) != (n.uid, n.gid) or (kind != "l" and stat.S_IMODE(st.st_mode) != n.mode):
            bad.append(f"on the host {p!r} has mode {st.st_mode:o}, owner {st.st_uid}:{st.st_gid}; "
                       f"meant {n.mode:o}, {n.uid}:{n.gid}")
        if kind in "df" and os.geteuid() != 0 and st.st_uid == os.geteuid():
            os.chmod(p, 0o700)
        if kind == "l" and n is not None and n.kind == "l" and os.readlink(p) != n.target:
            bad.append(f"on the host {p!r} leads to {os.readlink(p)!r}")
        if kind == "f" and n is not None and n.kind == "f":
            with open(p, "rb") as f:
                got = f.read()
            if got != n.data:
                bad.append(f"on the host {p!r} holds {got[:80]!r}; meant {n.data[:80]!r}")
        if kind == "d" and p != self.home:
            for x in os.listdir(p):
                self.walk(p + b"/" + x, seen, bad)


class Host:
    """The tree as who runs sluice sees it."""

    def __init__(self, tree, is_privileged):
        self.tree, self.is_privileged = tree, is_privileged

    def lookup(self, p):
        if p in self.tree.nodes:
            return self.tree.nodes[p]
        if is_below(p, self.tree.base):
            return None
        return SKELETON if is_below(self.tree.base, p) else SPECIAL

    def may(self, p, n, bit):
        return n is SKELETON or self.is_privileged or n.mode >> 6 & bit != 0


def resolve(view, path, is_following=True):
    """(canonical path, node) or None; the node may be SKELETON or SPECIAL."""
    cur, node, todo, n_links = b"/", SKELETON, path.split(b"/")[::-1], 0
    while todo:
        c = todo.pop()
        if c in (b"", b"."):
            if node.kind != "d":
                return None
            continue
        if node.kind != "d" or not view.may(cur, node, 1):
            return None
        q = parent(cur) if c == b".." else cur.rstrip(b"/") + b"/" + c
        t = view.lookup(q)
        if t is None:
            return None
        if t is SPECIAL:
            return q, SPECIAL
        if t.kind == "l" and (is_following or todo):
            n_links += 1
            if n_links > 40:
                return None
            if t.target.startswith(b"/"):
                cur, node = b"/", SKELETON
            todo += t.target.split(b"/")[::-1]
            continue
        cur, node = q, t
    return cur, node


def ask(rnd, tree):
    """What is granted, as it is said on the command line: [(access, path)]."""
    host, out = Host(tree, True), []
    inside = [p for p in tree.nodes if is_below(p, tree.base + b"/in")]
    for _ in range(rnd.choice((0, 1, 1, 2, 2, 3, 3, 4, 5))):
        pool = [tree.base] if rnd.random() < 0.04 else inside
        if out and rnd.random() < 0.6: # in, or above, or at one that is there
            at = rnd.choice(out)[2]
            pool = [p for p in inside if is_below(p, at) or is_below(at, p)] or inside
        dirs = [p for p in pool if tree.nodes[p].kind == "d"]
        p = rnd.choice(dirs if dirs and rnd.random() < 0.7 else pool)
        got = resolve(host, p)
        if got is not None and got[1] in (SKELETON, SPECIAL):
            continue # a link to what is not of this tree: a grant of the box's own, or of the whole test
        said = p
        form = rnd.random()
        if form < 0.1 and tree.nodes[p].kind == "d":
            said = p + b"/"
        elif form < 0.2:
            said = parent(p) + b"/./" + p.rpartition(b"/")[2]
        elif form < 0.3:
            said = os.path.relpath(p, tree.base)
        elif form < 0.35:
            said = tree.base + b"/in/../" + p[len(tree.base) + 1:]
        elif form < 0.38:
            said = p + b"-absent"
        out.append((rnd.choice("rrw"), said, got[0] if got else p))
    return [(a, said) for a, said, _ in out]


def grants_of(tree, asked, is_privileged):
    """({path: access}, why sluice must refuse or "")."""
    host, out = Host(tree, is_privileged), {}
    for access, said in asked:
        got = resolve(host, said if said.startswith(b"/") else tree.base + b"/" + said)
        if got is None:
            return {}, f"{said!r} is not there"
        if got[1].kind not in "df":
            return {}, f"{said!r} is neither a file nor a directory"
        try:
            got[0].decode()
        except UnicodeDecodeError:
            return {}, f"{said!r} is not UTF-8"
        if tree.home is not None and is_below(got[0], tree.home):
            return {}, f"{said!r} is the node's own"
        out[got[0]] = max(access, out.get(got[0], "r")) # "w" goes over "r"
    if is_privileged and (p := unreachable(tree, out)):
        return {}, f"{p!r} stands behind a directory of somebody else's"
    return out, ""


def unreachable(tree, grants):
    """A grant whose place in another cannot be reached: there nobody is privileged over what is nobody's."""
    for g in grants:
        for top in grants:
            p = parent(g)
            while g != top and is_below(p, top):
                n, t = tree.nodes[p], tree.nodes[top]
                nearest = max((x for x in grants if is_below(p, x)), key=len)
                if nearest == top and (n.uid, n.gid) != (t.uid, t.gid) and not n.mode & 1:
                    return g
                p = parent(p)
    return None


class Act:
    def __init__(self, name, path, want, value=None, more="", tag=None):
        self.name, self.path, self.want, self.value, self.more, self.tag = name, path, want, value, more, tag


class Oracle:
    def __init__(self, tree, grants):
        self.tree, self.grants, self.list = tree, grants, []
        self.is_place = any(is_below(tree.base, x) for x in PLACES)
        self.mounts = set(grants)
        p = tree.home
        while p is not None and self.top(p) is not None and p not in self.grants: # what leads to a mask is held by one
            self.mounts.add(p)
            p = parent(p)

    # the box's view

    def top(self, p):
        return max((g for g in self.grants if is_below(p, g)), key=len, default=None)

    def lookup(self, p):
        if self.top(p) is not None:
            return MASK if p == self.tree.home else self.tree.nodes.get(p)
        if any(is_below(g, p) for g in self.grants) or p == b"/":
            return SKELETON
        if is_below(p, self.tree.base) or (is_below(self.tree.base, p) and p not in PLACES):
            return None
        return SKELETON if is_below(self.tree.base, p) else SPECIAL

    def may(self, p, n, bit):
        if n in (SKELETON, MASK):
            return bit != 2
        if not self.tree.is_root:
            return n.mode >> 6 & bit != 0
        t = self.tree.nodes[self.top(p)]
        shift = 6 if n.uid == t.uid else 3 if n.gid == t.gid else 0
        return n.mode >> shift & bit != 0

    def is_ours(self, p, n):
        """Whether its owner is anybody in the box: the kernel changes nothing of nobody's."""
        t = self.tree.nodes[self.top(p)]
        return not self.tree.is_root or (n.uid, n.gid) == (t.uid, t.gid)

    def can_write(self, p, n):
        top = self.top(p)
        return n is not MASK and top is not None and self.grants[top] == "w" and self.may(p, n, 2) and self.is_ours(p, n)

    def can_change_names(self, p):
        """Whether names can be made and removed in the directory p."""
        got = resolve(self, p)
        return got is not None and got[1] not in (SKELETON, SPECIAL) and got[1].kind == "d" and \
            self.can_write(*got) and self.may(*got, 1)

    # the acts, and what must come of them

    def add(self, name, path, want, **kw):
        self.list.append(Act(name, path, want, **kw))

    def acts(self, rnd):
        paths = list(self.tree.nodes)
        for p in paths:
            self.looks(p)
        self.beside()
        for n, p in enumerate(paths):
            self.writes(p, f"mark-{n}\n")
        for p in paths:
            if self.tree.nodes[p].kind == "d":
                self.makes(p)
        self.across(rnd, paths)
        for p in paths:
            self.renames(p)
        some = [p for p in paths if p != self.tree.base and rnd.random() < 0.5]
        for p in sorted(some, key=lambda x: -x.count(b"/")):
            self.removes(p)
        return self.list

    def looks(self, p):
        n, here, end = self.tree.nodes[p], resolve(self, p, False), resolve(self, p)
        self.add("look", p, here is not None, value=here[1].kind if here else None)
        if n.kind == "l":
            self.add("target", p, here is not None, value=n.target.hex())
            self.through(p)
        if end is not None and end[1] is SPECIAL:
            return
        host = resolve(Host(self.tree, True), p)
        if n.kind == "d" or (n.kind == "l" and host is not None and host[1].kind == "d"):
            self.lists(p, end)
        if n.kind in "fl":
            self.reads(p, end)

    def lists(self, p, end):
        if end is not None and end[1] is SKELETON and not is_below(end[0], self.tree.base):
            return # the box's own: its root, its /tmp
        if end is not None and end[1] is SKELETON:
            depth = len(end[0]) + 1
            kids = sorted({g[depth:].split(b"/")[0] for g in self.grants if is_below(g, end[0])})
        elif end is not None and end[1].kind == "d":
            kids = self.tree.kids(end[0])
        else:
            kids = None
        ok = kids is not None and self.may(*end, 4)
        self.add("names", p, ok, value=sorted(x.hex() for x in kids) if ok else None)

    def reads(self, p, end):
        ok = end is not None and (end[1] is SKELETON or self.may(*end, 4))
        value = None
        if ok:
            value = end[1].data.hex() if end[1].kind == "f" else end[1].kind
        self.add("content", p, ok, value=value)
        if end is None or end[1].kind == "f":
            x = end is not None and end[1].token is not None and self.may(*end, 1)
            self.add("run", p, x, value=end[1].token if x else None)

    def through(self, p):
        """What lies behind a link, by a path that goes through it."""
        host = resolve(Host(self.tree, True), p)
        if host is None or host[1].kind != "d" or host[1] in (SKELETON, SPECIAL):
            return
        for name in self.tree.kids(host[0])[:2]:
            q = p + b"/" + name
            here = resolve(self, q, False)
            if here is None or here[1] is not SPECIAL:
                self.add("look", q, here is not None, value=here[1].kind if here else None)

    def beside(self):
        """Of the host, what no grant here can reach."""
        for p in (b"/", b"/usr", b"/usr/bin", b"/usr/local", b"/etc", b"/root", b"/var", b"/opt", b"/proc", b"/workspace"):
            self.add("make", p.rstrip(b"/") + b"/sluice-reach-new", False)
        for p in (b"/etc/shadow", b"/proc/1/environ", b"/proc/%d/environ" % os.getpid(), b"/proc/sys/kernel/hostname",
                  b"/sys/kernel/uevent_seqnum", b"/var/log/dpkg.log", b"/boot"):
            self.add("content", p, False)
        self.add("names", b"/root", True, value=[])

    def writes(self, p, mark):
        n, end = self.tree.nodes[p], resolve(self, p)
        if end is not None and end[1] is SPECIAL:
            self.add("add", p, False, more=mark) if n.target == b"/etc/shadow" else None
            return
        host = resolve(Host(self.tree, True), p)
        if n.kind == "f" or (n.kind == "l" and host is not None and host[1].kind == "f"):
            ok = end is not None and end[1].kind == "f" and self.can_write(*end)
            self.add("add", p, ok, more=mark)
            if ok:
                end[1].data += mark.encode()
            else:
                self.add("cut", p, False)
        if n.kind in "df" and (end is None or end[1] is not SKELETON or not self.is_place):
            w = end is not None and end[1] not in (SKELETON, MASK) and self.grants[self.top(end[0])] == "w"
            # as the owner; a mode is the box's to change whatever it is
            self.add("mode", p, w and self.is_ours(*end))

    def makes(self, p):
        end = resolve(self, p)
        if end is not None and end[1] is SKELETON and self.is_place:
            return # the box's own memory
        ok = self.can_change_names(p)
        self.add("make", p + b"/.new", ok)
        if ok:
            t = self.tree.nodes[self.top(end[0])] if self.tree.is_root else self.tree
            self.tree.nodes[end[0] + b"/.new"] = Node("f", 0o644, t.uid, t.gid)
        for more in ("socket", "device"): # nothing that the host could take for more than a file
            tag = "socket" if more == "socket" and ok and self.is_place else None
            self.add("special", p + b"/." + more.encode(), False, more=more, tag=tag)

    def across(self, rnd, paths):
        """From one grant into another, or out of it: never by name alone."""
        files = [p for p in paths if self.tree.nodes[p].kind == "f"]
        for _ in range(8):
            a, b = rnd.choice(files), rnd.choice(files)
            if self.top(a) != self.top(b) or self.top(a) is None:
                self.add("over", a, False, more=b.hex())
            if self.top(a) != self.top(parent(b)) or self.top(a) is None:
                self.add("hard", a, False, more=(parent(b) + b"/.hard").hex())

    def can_move(self, p, n):
        """Whether the name p can be taken away: no mount stands on it, and its directory lets."""
        here = resolve(self, p, False)
        return here is not None and p not in self.mounts and self.top(p) is not None and \
            self.can_change_names(parent(p)) and self.is_ours(p, n)

    def renames(self, p):
        n, here = self.tree.nodes[p], resolve(self, p, False)
        if here is not None and here[1] is SKELETON and self.is_place:
            return
        inner = [g for g in self.grants if is_below(g, p) and g != p]
        ok = self.can_move(p, n)
        if ok and inner:
            if any(self.grants[g] == "r" for g in inner):
                self.add("there_and_back", p, False, tag="held")
            return
        self.add("there_and_back", p, ok)

    def removes(self, p):
        n, here = self.tree.nodes.get(p), resolve(self, p, False)
        if n is None or (here is not None and here[1] is SKELETON and self.is_place):
            return
        ok = self.can_move(p, n) and (n.kind != "d" or not self.tree.kids(p))
        self.add("remove", p, ok)
        if ok:
            del self.tree.nodes[p]

    def judge(self, acts, answers):
        """(what is not as it must be, tags of known faults)."""
        got, bad, tags = {a[0]: a[1:] for a in answers}, [], set()
        for n, a in enumerate(acts):
            said = got.get(n)
            if said is None:
                bad.append(f"{a.name} {a.path!r}: no answer")
                continue
            if said[0] == a.want and (not a.want or a.value is None or said[1] == a.value):
                continue
            if a.tag is not None and said[0]:
                tags.add(a.tag)
                continue
            want = f"succeeds with {a.value!r}" if a.want else "is refused"
            bad.append(f"{a.name} {a.path!r} {a.more}: must be that it {want}; {said}")
        return bad, tags


# --- the oracle itself ---

def self_test():
    """[(what, why it failed or "")]: a right answer passes, each wrong one is found, on the disk too."""
    import random
    top = f"{os.environ['T']}/oracle".encode()
    n_flipped, missed, refused = {}, [], 0
    for i in range(12):
        rnd = random.Random(i)
        tree = Tree(rnd, top, os.getuid(), os.getgid(), is_root=False)
        grants, why = grants_of(tree, ask(rnd, tree), False)
        refused += why != ""
        o = Oracle(tree, grants)
        acts = o.acts(rnd)
        right = [[n, a.want, a.value if a.want else "EACCES"] for n, a in enumerate(acts)]
        if o.judge(acts, right) != ([], set()):
            missed.append(f"tree {i}: right answers are found wrong")
        for n, a in enumerate(acts):
            wrong = [n, not a.want, a.value]
            bad, tags = o.judge(acts, right[:n] + [wrong] + right[n + 1:])
            if not bad and not tags:
                missed.append(f"tree {i}: {a.name} {a.path!r}: the contrary passes")
            if a.want and a.value and not o.judge(acts, right[:n] + [[n, True, "other"]] + right[n + 1:])[0]:
                missed.append(f"tree {i}: {a.name} {a.path!r}: another value passes")
            n_flipped[a.name] = n_flipped.get(a.name, 0) + 1
        if not o.judge(acts, right[:-1])[0]:
            missed.append(f"tree {i}: a missing answer passes")
    yield f"{sum(n_flipped.values())} wrong answers about {len(n_flipped)} acts are each found", "\n".join(missed[:9])
    yield "refusals are foreseen", "" if refused else "none in 12"
    yield "changes on the disk are found", "\n".join(disk_test(random.Random(7), top))


def disk_test(rnd, top):
    missed = []

    def append(p):
        with open(p, "ab") as f:
            f.write(b"x")

    canary = top + b"/out/canary"
    for what, change in (
            ("nothing", lambda: None), ("content", lambda: append(canary)), ("a mode", lambda: os.chmod(canary, 0o600)),
            ("a name more", lambda: open(top + b"/out/more", "w").close()), ("a name less", lambda: os.unlink(canary)),
            ("another kind", lambda: (os.unlink(canary), os.mkdir(canary))),
            ("a name in another place", lambda: os.rename(canary, top + b"/in/canary"))):
        tree = Tree(rnd, top, os.getuid(), os.getgid(), is_root=False)
        tree.write()
        os.chmod(top + b"/in", 0o755)
        change()
        if bool(tree.compare()) != (what != "nothing"):
            missed.append(f"{what}: {tree.compare()}")
        wipe(top)
    return missed
