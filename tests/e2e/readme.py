#!/usr/bin/python3
"""Runs every command that README.md and the examples show, and holds the shown output to
the real one.  TAP.

In a ```console block, "$ COMMAND" is run; "# exit N" behind it says the status (else 0);
the lines below it must occur in the output in that order, where a number matches any
number, a digest any digest, and "..." any lines.  RUN, and an ID of 12 digits in a command,
stand for the run before.  "./dev run" is taken as "sluice run": this test is run by ./dev.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SRC = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLUICE = os.environ.get("SLUICE", os.path.join(SRC, "build", "sluice"))
NOT_HERE = re.compile(r"^(./dev (test|setup|build|lint|fmt|fuzz|bench|conformance|coverage)\b|git |man |sudo )")
TOKEN = re.compile(r"did:key:\S+|\b[0-9a-f]{8,}\b|\d[\d,.]*|\s+")
points = 0
bad = 0


def result(good, name, detail=""):
    global points, bad
    points += 1
    print(f"{'ok' if good else 'not ok'} {points} - {name}")
    if not good:
        bad += 1
        for line in detail.splitlines()[-40:]:
            print("# " + line)


def pattern(line):
    """The shown line as a regular expression: figures, digests and blanks may differ."""
    out, at = "", 0
    for m in TOKEN.finditer(line):
        out += re.escape(line[at:m.start()])
        t = m.group(0)
        out += (r"did:key:\S+" if t.startswith("did:") else r"\s+" if t.isspace() else
                r"[0-9a-f]{8,}" if re.fullmatch(r"[0-9a-f]{8,}", t) else r"\d[\d,.hms]*")
        at = m.end()
    return re.compile(out + re.escape(line[at:].rstrip()) + r"\s*$")


def check_output(shown, real):
    """None, or the first shown line that does not occur where it should."""
    rest = iter(real)
    for line in shown:
        if line.strip() in ("", "..."):
            continue
        want = pattern(line.strip())
        if not any(want.match(x.strip()) for x in rest):
            return line
    return None


def blocks(text):
    for m in re.finditer(r"^```console\n(.*?)^```", text, re.M | re.S):
        cmd, shown = None, []
        for line in m.group(1).splitlines():
            if line.startswith("$ "):
                if cmd is not None:
                    yield cmd, shown
                cmd, shown = line[2:], []
            else:
                shown.append(line)
        if cmd is not None:
            yield cmd, shown


def document(path):
    with tempfile.TemporaryDirectory(prefix="sluice-readme.") as top:
        shutil.copytree(os.path.join(SRC, "examples"), os.path.join(top, "examples"))
        os.mkdir(os.path.join(top, "bin"))
        os.symlink(SLUICE, os.path.join(top, "bin", "sluice"))
        env = dict(os.environ, PATH=os.path.join(top, "bin") + ":" + os.environ["PATH"], LC_ALL="C.UTF-8",
                   SLUICE_HOME=os.path.join(top, "home"), HOME=top, TMPDIR=top)
        env.pop("XDG_DATA_HOME", None)
        run = "000000000000"
        with open(os.path.join(SRC, path), encoding="utf-8") as fh:
            text = fh.read()
        for cmd, shown in blocks(text):
            m = re.search(r"\s+# exit (\d+)\s*$", cmd)
            status = int(m.group(1)) if m else 0
            line = cmd[:m.start()] if m else cmd
            if NOT_HERE.match(line):
                continue
            line = re.sub(r"\bRUN\b|\b[0-9a-f]{12}\b", run, line.replace("./dev run", "sluice run"))
            line = line.replace("/tmp/", top + "/")
            p = subprocess.run(["sh", "-c", line], cwd=top, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
            out = p.stdout.decode("utf-8", "replace").replace(top + "/", "/tmp/")
            ids = re.findall(r"^ run ([0-9a-f]{8,64})", out, re.M)
            run = ids[-1] if ids else run
            missing = check_output(shown, out.splitlines())
            result(p.returncode == status and missing is None, f"{path}: {cmd}",
                   f"wanted status {status}, got {p.returncode}\n"
                   + (f"not in the output: {missing}\n" if missing else "") + out)
        subprocess.run(["chmod", "-R", "u+rwx", top], check=False)


if __name__ == "__main__":
    if subprocess.run([SLUICE, "doctor"], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 5:
        print("1..0 # SKIP no box here: sluice doctor says why")
        sys.exit(0)
    document("README.md")
    for name in sorted(os.listdir(os.path.join(SRC, "examples"))):
        if os.path.exists(os.path.join(SRC, "examples", name, "README.md")):
            document(os.path.join("examples", name, "README.md"))
    print(f"1..{points}")
    sys.exit(1 if bad else 0)
