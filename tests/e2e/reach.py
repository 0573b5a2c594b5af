"""reach.py -- runs in a box and tries everything: what 1031-grants.py has it do, it does, and says what came of it.

It knows no grant.  Standard input is a list of [number, act, path, more], paths in hex; standard output one answer a
line: [number, true, value] or [number, false, errno]."""
import errno
import json
import os
import stat
import sys

KINDS = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l", stat.S_IFIFO: "p"}


def kind(st):
    return KINDS.get(stat.S_IFMT(st.st_mode), "?")


def look(p, more):
    return kind(os.lstat(p))


def names(p, more):
    return sorted(x.hex() for x in os.listdir(p))


def target(p, more):
    return os.readlink(p).hex()


def content(p, more):
    fd = os.open(p, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        return os.read(fd, 4096).hex() if kind(os.fstat(fd)) == "f" else kind(os.fstat(fd))
    finally:
        os.close(fd)


def run(p, more):
    r, w = os.pipe()
    try:
        pid = os.posix_spawn(p, [p], {}, file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
    finally:
        os.close(w)
        got = os.read(r, 64) if "pid" in locals() else b""
        os.close(r)
    os.waitpid(pid, 0)
    return got.split(b" ")[0].decode(errors="replace")


def add(p, more):
    fd = os.open(p, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        return os.write(fd, more.encode())
    finally:
        os.close(fd)


def cut(p, more):
    os.truncate(p, 0)


def mode(p, more):
    os.chmod(p, stat.S_IMODE(os.lstat(p).st_mode))


def make(p, more):
    os.close(os.open(p, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


def special(p, more):
    os.mknod(p, stat.S_IFSOCK | 0o600 if more == "socket" else stat.S_IFCHR | 0o600, 0)
    os.unlink(p)


def there_and_back(p, more):
    os.rename(p, p + b".r")
    os.rename(p + b".r", p)


def over(p, more):
    os.rename(p, bytes.fromhex(more))


def hard(p, more):
    os.link(p, bytes.fromhex(more))


def remove(p, more):
    if kind(os.lstat(p)) == "d":
        os.rmdir(p)
    else:
        os.unlink(p)


ACTS = {f.__name__: f for f in (look, names, target, content, run, add, cut, mode, make, special, there_and_back, over,
                                hard, remove)}
for n, act, path, more in json.load(sys.stdin):
    try:
        answer = [n, True, ACTS[act](bytes.fromhex(path), more)]
    except OSError as e:
        answer = [n, False, errno.errorcode.get(e.errno, str(e.errno))]
    print(json.dumps(answer))
