#!/usr/bin/python3
"""bench_observe.py -- `./dev bench observe`: what it costs to be watched.

  bench_observe.py [-n ROUNDS] [SLUICE]    (default: a release build)

One make, on all processors, of a project of 100 C files of 250 lines, each of which includes
a few headers of the C library:
bare; by `sluice exec`, decided, contained, observed and recorded; and with --trace, where
every open stops and is looked at.  Rows (MEASURES, "observe"): `compile 100 files` and
`compile 100 files trace`, both against bare.  Rounds are interleaved and their order turns;
medians are shown, and beside them what a loaded machine says more by: the median of the
rounds' own ratios, the ratio of the best, and that of the processor time of all processes.
Every status and every product is checked.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILES = 100
FUNCTIONS = 16  # of a file: the 250 lines that are usual
SOURCE = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include "all.h"
"""
FUNCTION = """
static int
g%d(int a, const char *s)
{
	char room[64];
	int n = 0;

	if (a < 0 || s == NULL)
		return errno;
	for (int i = 0; i < a; i++)
		n += snprintf(room, sizeof(room), "%%d %%s", a ^ i, s) * %d;
	return n + (int)strlen(room) + atoi(s);
}
"""
MAKEFILE = """S := $(wildcard f*.c)
prog: main.o $(S:.c=.o)
	cc -o $@ $^
%.o: %.c all.h
	cc -O2 -c -o $@ $<
"""
ROWS = ("bare", "compile 100 files", "compile 100 files trace")


def release_build():
    build = os.environ.get("SL_BENCH_BUILD", os.path.join(ROOT, "build-release"))
    if not os.path.exists(os.path.join(build, "build.ninja")):
        subprocess.run(["meson", "setup", "--buildtype", "release", "-Doptimization=s", build], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", build, "sluice"], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(build, "sluice")


def make_project(top):
    os.mkdir(top)
    with open(os.path.join(top, "all.h"), "w", encoding="ascii") as fh:
        fh.writelines(f"int f{i}(int, const char *);\n" for i in range(FILES))
    for i in range(FILES):
        with open(os.path.join(top, f"f{i}.c"), "w", encoding="ascii") as fh:
            fh.write(SOURCE)
            fh.writelines(FUNCTION % (k, k) for k in range(FUNCTIONS))
            fh.write(f"int f{i}(int a, const char *s)\n{{\n\treturn 0")
            fh.writelines(f"\n\t    + g{k}(a, s)" for k in range(FUNCTIONS))
            fh.write(";\n}\n")
    with open(os.path.join(top, "main.c"), "w", encoding="ascii") as fh:
        fh.write('#include "all.h"\nint main(void)\n{\n\tint n = 0;\n')
        fh.writelines(f'\tn += f{i}({i}, "1");\n' for i in range(FILES))
        fh.write("\treturn n == 0;\n}\n")
    with open(os.path.join(top, "Makefile"), "w", encoding="ascii") as fh:
        fh.write(MAKEFILE)


def cpu_s():
    """Of all that was waited for, the box's processes included."""
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime + r.ru_stime


def once(row, sluice, top, jobs):
    for name in os.listdir(top):
        if name.endswith(".o") or name == "prog":
            os.unlink(os.path.join(top, name))
    cmd = ["make", "-s", f"-j{jobs}", "-C", top]
    if row > 0:
        cmd = [sluice, "exec", "--write", top, *(["--trace"] if row == 2 else []), "--", *cmd]
    start, cpu = time.monotonic(), cpu_s()
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    took = (time.monotonic() - start, cpu_s() - cpu)
    good = p.returncode == 0 and subprocess.run([os.path.join(top, "prog")], check=False).returncode == 0
    return took if good else None


def main():
    a = argparse.ArgumentParser()
    a.add_argument("-n", type=int, default=int(os.environ.get("SL_BENCH_N", "7")))
    a.add_argument("-j", type=int, default=os.cpu_count())
    a.add_argument("sluice", nargs="?")
    a = a.parse_args()
    sluice = os.path.abspath(a.sluice or release_build())
    top = tempfile.mkdtemp(prefix="sluice-bench-", dir="/var/tmp")
    os.environ["SLUICE_HOME"] = os.path.join(top, "home")
    project = os.path.join(top, "p")
    t, cpu = [[], [], []], [[], [], []]
    try:
        make_project(project)
        once(0, sluice, project, a.j)  # the page cache
        once(1, sluice, project, a.j)
        for n in range(a.n):
            for k in range(3):
                row = (n + k) % 3
                took = once(row, sluice, project, a.j)
                if took is None:
                    sys.exit(f"bench observe: '{ROWS[row]}' failed")
                t[row].append(took[0])
                cpu[row].append(took[1])
        load = os.getloadavg()[0]
    finally:
        shutil.rmtree(top, ignore_errors=True)
    median = [statistics.median(x) for x in t]
    for row in (1, 2):
        print(json.dumps({"bench": "observe", "metric": ROWS[row], "unit": "s", "ours": round(median[row], 3),
                          "peer": round(median[0], 3), "peer_name": "bare",
                          "ratio": round(median[row] / median[0], 4), "n": a.n}))
    for row in range(3):
        ratio = [x / y for x, y in zip(t[row], t[0])]
        print(f"{ROWS[row]:24} median {median[row]:7.3f} min {min(t[row]):7.3f} max {max(t[row]):7.3f} s  of bare: "
              f"median {statistics.median(ratio):.3f} min {min(t[row]) / min(t[0]):.3f} "
              f"processor {statistics.median(cpu[row]) / statistics.median(cpu[0]):.3f}")
    print(f"make -j{a.j}, load {load:.1f}")


if __name__ == "__main__":
    main()
