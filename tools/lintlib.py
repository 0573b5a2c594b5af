"""What the lints share: where the source is, how a finding is printed."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STRIP = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_found = []


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as fh:
        return fh.read()


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


def files(folder, *ends):
    for top, dirs, names in os.walk(os.path.join(ROOT, folder)):
        dirs[:] = sorted(d for d in dirs if d not in ("__pycache__", "corpus"))
        for n in sorted(names):
            if not ends or n.endswith(ends):
                yield os.path.relpath(os.path.join(top, n), ROOT)


def code(path):
    """The text with comments and literals blanked, lines kept."""
    def blank(m):
        t = m.group(0)
        return "\n" * t.count("\n") if t[0] == "/" else t[0] * 2
    return _STRIP.sub(blank, read(path))


def bad(where, what):
    _found.append(f"{where}: {what}")


def done():
    for line in _found:
        print(line)
    sys.exit(1 if _found else 0)
