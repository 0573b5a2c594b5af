"""tier0.py -- boxes of tier T0 for the tests that mask and fault them: what an act can see and do there, and what a run
leaves behind."""
import glob
import os
import re

import fault
import faulty

SCRIPT = r"""
no() { if "$@" >/dev/null 2>&1; then echo "OPEN $*"; else echo "shut $*"; fi; }
no cat /etc/passwd; no ls /; no ls /proc; no kill -0 $PPID; no mkdir /tmp/t0-masked; no chmod 755 /usr; no unshare -n true
: >f; chmod 600 f && echo "by name"; python3 -I -S -c 'import os; os.fchmod(os.open("f", 0), 0o640)' 2>/dev/null && echo "by descriptor"
id -u | grep -qx 0 && echo "OPEN uid 0"; echo acted"""


ALONE = bool(os.environ.get("SL_ALONE"))  # nobody else writes to /var/tmp


def own_dirs():
    return {d for at in (["/var/tmp"] if ALONE else ["/tmp", "/var/tmp"]) for d in glob.glob(at + "/sluice-*") if re.fullmatch(r"sluice-[0-9a-f]{32}", os.path.basename(d))}


def holds(d):
    """An empty one may stay for the next start to remove, and one that cannot be read is another user's."""
    try:
        return bool(os.listdir(d))
    except OSError:
        return False


def stays(dirs):
    """Those that do not go: another test's box may have made one meanwhile."""
    fault.wait_for(10, lambda: not any(os.path.exists(d) for d in dirs))
    return " ".join(d for d in dirs if (os.path.exists(d) if ALONE else holds(d)))


class Box(faulty.World):
    def allow(self):
        self.node("init")
        path = f"{self.home}/policy/policy.dl"
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace('\ndeny if tier("T0");', ""))
        return self.node("policy", "register")

    def show(self, faults=(), trace=None):
        rc, out, err, told = self.run(["exec", "--json", "--tier", "T0", "--read", f"{self.dir}/r", "--", "sh", "-c", SCRIPT],
                                      faults, trace=trace, options=["-k"])
        text = [re.sub(r"kill -0 \d+", "kill", x) for x in self.output("exec", out).splitlines()]
        if faults and "hit " not in told:
            text.append("OPEN: nothing was masked")
        return rc, err, text
