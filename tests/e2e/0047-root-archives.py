#!/usr/bin/python3
"""0047-root-archives.py T"""
import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
import time

T = sys.argv[1]
HOME = os.environ["SLUICE_HOME"]
N = BAD = 0
FILE, DIR, SYM, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
GNU, PAX, USTAR = tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT


def result(good, name, detail=""):
    global N, BAD
    N += 1
    print("ok" if good else "not ok", N, "-", name, flush=True)
    if not good:
        BAD = 1
        print("#", str(detail)[:1500].replace("\n", "\n# "), flush=True)


def sluice(*args):
    return subprocess.run([os.environ["SLUICE"], *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=100)


def m(name, type_=FILE, data=b"", link="", mode=0o644, **kw):
    t = tarfile.TarInfo(name)
    t.type, t.linkname, t.mode, t.size = type_, link, mode, len(data)
    for k, v in kw.items():
        setattr(t, k, v)
    return t, data


def tar(*members, fmt=GNU, **kw):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=fmt, **kw) as t:
        for info, data in members:
            t.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


def put(name, data):
    path = os.path.join(T, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def left():
    return [x for x in os.listdir(HOME + "/roots") if x.startswith("new-")] if os.path.isdir(HOME + "/roots") else []


def header(block, **fields):
    """A header with other bytes in it, and the checksum that goes with them."""
    b = bytearray(block)
    for at, data in fields.values():
        b[at:at + len(data)] = data
    b[148:156] = b" " * 8
    b[148:156] = b"%06o\0 " % sum(b)
    return bytes(b)


OK = m("usr/ok", data=b"x" * 700)


def check_good():
    """Each kind of tar gives the root that its directory gives."""
    d = T + "/tree"
    for p in ("usr/bin", "etc", "var/lib", "tmp", "dev", "d" * 120 + "/" + "e" * 120):
        os.makedirs(d + "/" + p)
    for p, data in {"usr/bin/prog": b"p" * 70000, "etc/empty": b"", "tmp/not": b"n", "d" * 120 + "/" + "e" * 120 + "/f" * 1: b"deep",
                    "etc/caf\u00e9": b"u", "etc/block": b"b" * 512}.items():
        with open(d + "/" + p, "wb") as f:
            f.write(data)
    os.chmod(d + "/usr/bin/prog", 0o4755)
    os.link(d + "/usr/bin/prog", d + "/usr/bin/again")
    os.symlink("usr/bin", d + "/bin")
    os.symlink("/usr/bin/prog", d + "/etc/abs")
    os.symlink("../usr/bin/" + "x" * 150, d + "/etc/long")
    r = sluice("store", "root", "add", "dir", d)
    result(r.returncode == 0, "the directory", r)
    want = r.stdout.split("sha256:")[1].split()[0]
    size = r.stdout.split(want)[1].splitlines()[0]
    for fmt, name in ((GNU, "gnu"), (PAX, "pax")):
        for z in ("", ".gz"):
            p = "%s/%s.tar%s" % (T, name, z)
            with tarfile.open(p, "w:gz" if z else "w", format=fmt) as t:
                t.add(d, arcname=".")
            r = sluice("store", "root", "add", name + z, p)
            result(r.returncode == 0 and want in r.stdout, "%s%s: the same root" % (name, z), r)
            result(size in r.stdout and "set-id bits of" in r.stdout, "%s%s: of the same size, set-id bits told" % (name, z), (size, r))
    r = subprocess.run(["tar", "-C", d, "--sort=name", "-czf", T + "/sys.tgz", "."], capture_output=True)
    if r.returncode == 0:
        r = sluice("store", "root", "add", "sys", T + "/sys.tgz")
        result(want in r.stdout, "tar(1)'s", r)
    r = sluice("store", "root", "check", "gnu")
    result(r.returncode == 0 and "good" in r.stdout, "which checks", r)
    result(sluice("audit", "--roots").returncode == 0, "and is on the record")

    def same(name, data, like):
        a = sluice("store", "root", "add", name, put(name + ".tar", data))
        b = sluice("store", "root", "add", name + "-like", put(name + "-like.tar", like))
        one = [x.stdout.split("sha256:")[1].split()[0] if x.returncode == 0 else x.stderr for x in (a, b)]
        result(one[0] == one[1] and a.returncode == 0, name, one)

    like = tar(m("usr", DIR), m("usr/ok", data=b"x" * 700))
    same("dirs-that-are-not-told", tar(OK), like)
    same("dirs-told-late", tar(OK, m("usr", DIR)), like)
    same("dots-and-slashes", tar(m("./", DIR), m(".//usr/./ok", data=b"x" * 700)), like)
    same("two-gzips", gzip.compress(tar(OK)[:1000]) + gzip.compress(tar(OK)[1000:]), like)
    same("devices-in-dev", tar(OK, m("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3), m("run/p", tarfile.FIFOTYPE),
                               m("tmp/f", data=b"y" * 9000)), like)
    same("a-global-comment", tar(OK, fmt=PAX, pax_headers={"comment": "of git archive"}), like)
    same("extended-attributes", tar(m("usr/ok", data=b"x" * 700, pax_headers={"SCHILY.xattr.user.a": "b", "mtime": "1.5"}), fmt=PAX), like)
    same("old-dirs", tar(m("usr/", FILE), OK), like)


def check_bad():
    huge = header(tar(OK)[:512], size=(124, b"77777777777\0"))
    pax = lambda **kw: tar(m("usr/ok", data=b"x", pax_headers=kw), fmt=PAX)
    two = tar(m("usr/" + "n" * 200, data=b"x"))  # GNU's long name, then pax's
    both = two[:1024] + tar(m("usr/a", data=b"x", pax_headers={"path": "usr/b"}), fmt=PAX)
    cases = [
        # name, archive, status, what is said
        ("absolute", tar(OK, m("/etc/x", data=b"x")), 2, "member '/etc/x' has an absolute name"),
        ("up", tar(OK, m("../x", data=b"x")), 2, "member '../x' has '..' in its name"),
        ("up in the middle", tar(m("a/../../x", data=b"x")), 2, "has '..' in its name"),
        ("up at the end", tar(m("a/..", DIR)), 2, "has '..' in its name"),
        ("up by a long name", tar(m("d" * 90 + "/../../../" + "e" * 90, data=b"x")), 2, "has '..' in its name"),
        ("up by pax", pax(path="../x"), 2, "has '..' in its name"),
        ("absolute by pax", pax(path="/x"), 2, "has an absolute name"),
        ("a link that leaves", tar(m("usr/l", SYM, link="../../x")), 2, "member 'usr/l' is a link that leaves the root ('../../x')"),
        ("one in the middle", tar(m("l", SYM, link="a/../../x")), 2, "leaves the root"),
        ("an absolute one that leaves", tar(m("l", SYM, link="/../x")), 2, "leaves the root"),
        ("one to nothing", tar(m("l", SYM, link="")), 2, "is a link to no path"),
        ("behind a link", tar(m("l", SYM, link="usr"), m("usr", DIR), m("l/x", data=b"x")), 2, "member 'l/x' lies behind a link"),
        ("behind an absolute link", tar(m("l", SYM, link="/etc"), m("l/x", data=b"x")), 2, "member 'l/x' lies behind a link"),
        ("a directory in place of a link", tar(m("l", SYM, link="/etc"), m("l", DIR)), 2, "member 'l' is there twice"),
        ("below a file", tar(m("f", data=b"x"), m("f/x", data=b"x")), 2, "in what is no directory"),
        ("a file in place of a link", tar(m("l", SYM, link="/etc/passwd"), m("l", data=b"x")), 2, "member 'l' is there twice"),
        ("twice", tar(OK, OK), 2, "member 'usr/ok' is there twice"),
        ("a hard link out", tar(m("h", HARD, link="/etc/passwd")), 2, "is a hard link to an absolute name"),
        ("a hard link up", tar(m("h", HARD, link="../x")), 2, "member 'h' has '..' in its name"),
        ("a hard link to nothing", tar(m("h", HARD, link="usr/ok"), OK), 2, "which is no file before it"),
        ("a hard link to a link", tar(m("l", SYM, link="/etc/passwd"), m("h", HARD, link="l")), 2, "which is no file before it"),
        ("a hard link through a link", tar(m("l", SYM, link="/etc"), m("h", HARD, link="l/passwd")), 2, "which is no file before it"),
        ("a hard link to a directory", tar(m("d", DIR), m("h", HARD, link="d")), 2, "which is no file before it"),
        ("a hard link to what is left out", tar(m("tmp/f", data=b"x"), m("h", HARD, link="tmp/f")), 2, "which is no file before it"),
        ("a device", tar(m("usr/null", tarfile.CHRTYPE, devmajor=1, devminor=3)), 2, "member 'usr/null' is a device"),
        ("a block device", tar(m("b", tarfile.BLKTYPE, devmajor=7)), 2, "is a device"),
        ("a pipe", tar(m("usr/p", tarfile.FIFOTYPE)), 2, "member 'usr/p' is a device or a pipe"),
        ("deep", tar(m("d/" * 70 + "f", data=b"x")), 2, "levels deep"),
        ("a long part", tar(m("n" * 300, data=b"x")), 2, "no plain relative name"),
        ("a long name", tar(m("/".join(["n" * 200] * 30), data=b"x")), 2, "too long a name"),
        ("a NUL in a name", pax(path="usr/a\0b"), 2, "name that is none"),
        ("two names", both, 2, "two names for one member"),
        ("a name for all", tar(OK, fmt=PAX, pax_headers={"path": "x"}), 2, "name or size for all members"),
        ("a size that is none", tar(OK)[:0] + pax(size="1x"), 2, "size that is none"),
        ("sparse", header(tar(OK)[:512], type=(156, b"S")) + tar(OK)[512:], 2, "is a sparse file"),
        ("sparse by pax", pax(**{"GNU.sparse.major": "1"}), 2, "is a sparse file"),
        ("a kind that is not known", header(tar(OK)[:512], type=(156, b"V")) + tar(OK)[512:], 2, "is of a kind (56)"),
        ("a link with content", header(tar(m("l", SYM, link="x"))[:512], size=(124, b"00000001000\0")) + tar(OK), 2, "has content, though it is no file"),
        ("a directory with content", header(tar(m("d", DIR))[:512], size=(124, b"00000001000\0")) + tar(OK), 2, "has content, though it is no file"),
        ("a size beyond all", huge + tar(OK)[512:], 2, "cut off"),
        ("larger than the bound", header(tar(OK)[:512], size=(124, b"\x80\0\0\0\0\0\0\x05\0\0\0\0")), 2, "more than 17179869184 bytes"),
        ("a checksum", tar(OK)[:1536] + b"y" + tar(OK)[1537:2048] + tar(OK), 2, "damaged header"),
        ("cut in a file", tar(OK)[:900], 2, "is cut off behind member 'usr/ok'"),
        ("cut before its end", tar(OK)[:1536], 2, "is cut off"),
        ("empty", b"", 2, "is cut off"),
        ("more behind its end", tar(OK) + tar(m("../evil", data=b"x")), 2, "behind the archive's end there is more"),
        ("zeros without end", gzip.compress(tar(OK) + bytes(4 << 20)), 2, "behind the archive's end"),
        ("cut gzip", gzip.compress(tar(OK, m("r", data=os.urandom(9000))))[:5000], 2, "cut off"),
        ("a gzip whose checksum is wrong", gzip.compress(tar(OK))[:-8] + bytes(8), 2, "its gzip is damaged"),
        ("no tar in the gzip", gzip.compress(b"hello" * 500), 2, "it is no tar"),
        ("no tar", b"#!/bin/sh\n" * 200, 2, "it is no tar"),
        ("xz", b"\xfd7zXZ\0" + bytes(600), 2, "it is xz"),
        ("zstd", b"\x28\xb5\x2f\xfd" + bytes(600), 2, "it is zstd"),
        ("bzip2", b"BZh9" + bytes(600), 2, "it is bzip2"),
        ("zip", b"PK\3\4" + bytes(600), 2, "it is zip"),
        ("escape codes in a name", tar(m("\x1b[31m/../x", data=b"x")), 2, "x1b[31m/../x' has"),
    ]
    before = sluice("store", "root", "list").stdout
    for i, (name, data, status, said) in enumerate(cases):
        r = sluice("store", "root", "add", "bad%d" % i, put("bad.tar", data))
        result(r.returncode == status and said in r.stderr and not left() and r.stdout == "", "refused: " + name, (r, left()))
    result(sluice("store", "root", "list").stdout == before, "nothing of them is there")
    result(sluice("audit", "--roots").returncode == 0, "and audit knows of none")


def check_policy():
    text = sluice("policy", "show").stdout
    with open(T + "/p.dl", "w") as f:
        f.write('deny if root_source("archive", $path);\n' + text)
    sluice("policy", "register", T + "/p.dl")
    r = sluice("store", "root", "add", "x", put("x.tar", tar(m("usr/other", data=b"x"))))
    result(r.returncode == 3 and not left(), "policy can refuse archives", r)
    with open(T + "/p.dl", "w") as f:
        f.write(text)
    sluice("policy", "register", T + "/p.dl")
    r = sluice("store", "root", "add", "x", T + "/x.tar")
    result(r.returncode == 0, "and allow them", r)
    os.mkfifo(T + "/pipe")
    r = sluice("store", "root", "add", "y", T + "/pipe")
    result(r.returncode == 2 and "neither a directory nor an archive" in r.stderr, "a pipe is none", r)
    r = sluice("store", "root", "add", "y", HOME + "/policy/policy.dl")
    result(r.returncode == 3 and "sluice's own home" in r.stderr, "what lies in sluice's home is not read", r)


def check_interrupted():
    big = tar(*[m("usr/%05d" % i, data=os.urandom(3000)) for i in range(3000)])
    path = put("big.tar", big)
    for wait in (.005, .02, .05, .1):
        p = subprocess.Popen([os.environ["SLUICE"], "store", "root", "add", "big", path], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        time.sleep(wait)
        p.send_signal(signal.SIGKILL)
        p.wait()
        r = sluice("store", "root", "show", "big")
        whole = r.returncode == 0 and sluice("store", "root", "check", "big").returncode == 0
        result(whole or "there is no root" in r.stderr, "killed after %g s: whole or absent" % wait, r)
    r = sluice("store", "root", "add", "big", path)
    result(r.returncode == 0 and not left(), "the next one is whole, and nothing is left", (r, left()))
    if os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0:
        os.mkdir(T + "/small")
        out = subprocess.run(["unshare", "-m", "sh", "-c", """mount -t tmpfs -o size=6m,mode=700 none "$1" || exit 98
            export SLUICE_HOME="$1/home"; "$SLUICE" store root add full "$2"; echo "status $?"
            "$SLUICE" store root list; ls "$1/home/roots" """, "sh", T + "/small", path], capture_output=True, text=True)
        result("No space left" in out.stderr and "member 'usr/" in out.stderr and "status 5" in out.stdout
               and "no root is stored" in out.stdout and "new-" not in out.stdout, "a full disk: said, and nothing is left", out)


check_good()
check_bad()
check_policy()
check_interrupted()
print("1..%d" % N)
sys.exit(BAD)
