"""On a real pseudo-terminal: what the command sees, the window, ^C, and what the display
leaves behind."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

SLUICE, TOP = os.environ["SLUICE"], sys.argv[1]
points = bad = 0


def result(good, name, detail=""):
    global points, bad
    points += 1
    print(f"{'ok' if good else 'not ok'} {points} - {name}", flush=True)
    if not good:
        bad += 1
        for line in repr(detail).splitlines():
            print("# " + line)


def resize(fd, rows, cols):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


class Term:
    """A command on a terminal of its own."""

    def __init__(self, *argv, rows=24, cols=80, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            resize(0, rows, cols)
            os.execve(SLUICE, [SLUICE, *argv], {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})})
        self.out, self.status = b"", None

    def until(self, text, limit=20):
        end = time.monotonic() + limit
        while text not in self.out:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                more = b""
            if not more:
                return text in self.out
            self.out += more
        return True

    def send(self, data):
        os.write(self.fd, data)

    def end(self):
        self.until(b"\0never\0")
        signal.alarm(30)  # SIGALRM ends this test rather than hang
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        signal.alarm(0)
        os.close(self.fd)
        return self.status


t = Term("exec", "--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && tty && stty size", rows=31, cols=97)
result(t.end() == 0, "exec on a terminal gives the command one", t.out)
result(b"/dev/pts/" in t.out, "a private one", t.out)
result(b"31 97" in t.out, "as large as the caller's", t.out)

t = Term("exec", "--", "sh", "-c", "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done")
t.until(b"ready")
resize(t.fd, 40, 132)
result(t.until(b"40 132"), "a window that changes is passed on", t.out)
t.end()

# exec: between vfork and execve of a child dash drops the signal.
t = Term("exec", "--", "sh", "-c", "echo ready; exec sleep 60")
t.until(b"ready")
t.send(b"\x03")
began = time.monotonic()
result(t.end() == 130, "^C ends the command: 128 + 2", (t.status, t.out))
result(time.monotonic() - began < 15, "at once", t.out)

t = Term("exec", "--", "sh", "-c", "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done")
t.until(b"ready")
t.send(b"\x03")
result(t.end() == 7 and b"caught" in t.out, "^C is the command's, which may handle it", (t.status, t.out))

t = Term("exec", "--", "sh", "-c", "echo ready; read x; echo got:$x")
t.until(b"ready")
t.send(b"typed\r")
result(t.end() == 0 and b"got:typed" in t.out, "what is typed reaches it", t.out)

t = Term("exec", "--", "sh", "-c", "echo ready; cat; echo end")
t.until(b"ready")
t.send(b"\x04")
result(t.end() == 0 and b"end" in t.out, "^D ends its input", t.out)

t = Term("exec", "--", "sh", "-c", "echo TERM=$TERM")
t.end()
result(b"TERM=xterm" in t.out, "it knows the kind of terminal", t.out)

# What a command writes may draw, and no more: no titles, clipboard, links, questions to the terminal.
t = Term("exec", "--", "printf", r"\033[31mred\033[0m \033]0;title\007\033]52;c;eA==\033\\a\033[6n\033[c\033P+q\033\\b\302\233c\033[5id\n")
result(t.end() == 0 and b"\x1b[31mred\x1b[0m abcd" in t.out, "exec: colours are shown, the rest is dropped", t.out)
result(not re.search(rb"\x1b[\]P]|\x1b\[(6n|c|5i)|\xc2\x9b", t.out), "nothing that the terminal would answer or obey", t.out)
t = Term("exec", "--", "printf", r"\033[?1049h\033[?1000h\033[?25lfull\016")
t.end()
result(t.out.rfind(b"\x1b[?1049l") > t.out.rfind(b"full") > 0, "a screen that was left is put back", t.out)
result(b"\x1b[?25h" in t.out and b"1000;" in t.out and t.out.rfind(b"\x0f") > t.out.rfind(b"\x0e"), "so are cursor, mouse and letters", t.out)
t = Term("exec", "--", "printf", "plain")
t.end()
result(t.out.replace(b"\r\n", b"").endswith(b"plain"), "plain text needs nothing put back", t.out)
t = Term("exec", "--json", "--", "printf", r"a\302\233b\342\200\256c\033]0;x\007")
t.end()
result(b"a\\u009bb\\u202ec\\u001b]0;x\\u0007" in t.out and b"\xc2\x9b" not in t.out, "events on a terminal: escaped as JSON may", t.out)
# A pipe gets the bytes.
raw = subprocess.run([SLUICE, "exec", "--", "printf", r"\033]0;x\007\302\233"], stdout=subprocess.PIPE).stdout
result(raw == b"\x1b]0;x\x07\xc2\x9b", "a pipe gets every byte", raw)

# The terminal is as it was, whatever the command did.
pid, fd = pty.fork()
if pid == 0:
    before = termios.tcgetattr(0)
    os.spawnv(os.P_WAIT, SLUICE, [SLUICE, "exec", "--", "sh", "-c", "stty raw -echo; exit 3"])
    os._exit(0 if termios.tcgetattr(0) == before else 1)
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
result(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the terminal's modes are restored")

# A run, live: what stays on the screen is what was shown last.
flow = os.path.join(TOP, "flow.yml")
with open(flow, "w", encoding="utf-8") as fh:
    fh.write("""name: live
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - {name: quiet, run: "sleep 0.4"}
      - {name: loud, run: "seq 100"}
      - {name: fails, run: "echo shown; exit 4"}
""")


def screen(data, rows, cols):
    """A terminal's screen after data: the part of ECMA-48 that the display uses."""
    lines, r, c = [[]], 0, 0
    for m in re.finditer(rb"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n])|([\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]+)|.", data, re.S):
        arg, op, ctl, char = m.groups()
        if op == b"A":
            r = max(len(lines) - rows, r - int(arg or 1), 0)
        elif op == b"J":
            del lines[r + 1:]
            del lines[r][c:]
        elif ctl == b"\r":
            c = 0
        elif ctl == b"\n":
            r += 1
            while len(lines) <= r:
                lines.append([])
        elif char:
            line = lines[r]
            if c < cols:
                line[c:c + 1] = [char.decode()]
                c += 1
    return ["".join(x) for x in lines]


for cols in (20, 80, 120):
    t = Term("run", flow, cols=cols)
    t.end()
    seen = screen(t.out, 24, 400)
    text = "\n".join(seen)
    result(t.status == 1, f"{cols} columns: a failed run is exit 1", (t.status, t.out))
    result(text.count("quiet") == 1 and text.count("loud") == 1, f"{cols} columns: finished steps are one line each", text)
    result("100 lines" in text and "\n99" not in text, f"{cols} columns: output of a good step folds", text)
    result("shown" in text and "exit 4" in text, f"{cols} columns: that of a failed one stays", text)
    result("verify: sluice verify" in text, f"{cols} columns: the last lines say how to verify", text)
result("\u2717" in text, "marks in UTF-8", text)
t = Term("run", flow, env={"NO_COLOR": "1"})
t.end()
result(re.search(rb"\x1b\[[0-9;]*m", t.out) is None and b"\x1b[" in t.out, "NO_COLOR: motion without colour", t.out)
t = Term("run", flow, env={"TERM": "dumb"})
t.end()
result(b"\x1b" not in t.out, "TERM=dumb: no escape sequences", t.out)
t = Term("run", flow, env={"LC_ALL": "C"})
t.end()
result(all(b < 0x80 for b in t.out), "the C locale: ASCII only", t.out)

# ^C in a run: cancelled, recorded, said.
with open(flow, "w", encoding="utf-8") as fh:
    fh.write("""name: long
on: push
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - {name: waits, run: "echo begun; sleep 60"}
      - {name: always, if: "always()", run: "echo tidied"}
""")
t = Term("run", flow)
t.until(b"1 line")
t.send(b"\x03")
status = t.end()
result(status == 1, "^C ends a run: exit 1", (status, t.out))
result("cancelled" in "\n".join(screen(t.out, 24, 400)), "it is cancelled", t.out)
t = Term("log", "check")
result(t.end() == 0, "the log checks", t.out)
print(f"1..{points}")
os.chmod(TOP, 0o700)
os.system(f"chmod -R u+rwx '{TOP}'; rm -rf '{TOP}'")
sys.exit(1 if bad else 0)
