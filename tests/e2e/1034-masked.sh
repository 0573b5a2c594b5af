#!/bin/sh
# 1034-masked.sh -- older kernels and hosts that refuse: features of the kernel are masked one by one, and namespaces,
# /proc, /sys and capabilities are taken away in namespaces of the test's own.  Each time there is no box, and the error
# says what to change; or the box is closed all the same, judged by the hostile corpus's probe and by its own view.
# needs: box
# timeout: 200
. "$(dirname "$0")/lib.sh"
need_box
need /usr/bin/python3 cc
cc -O1 -o "$T/tracer" "$src/tests/e2e/tracer.c" -lseccomp 2>"$T/cc" || skip_all "the tracer does not build: $(head -n 1 "$T/cc")"
cc -O1 -w -o "$T/probe" "$src/tests/e2e/hostile/probe.c" 2>"$T/cc" || skip_all "the probe does not build: $(head -n 1 "$T/cc")"
export T src
/usr/bin/python3 -B "$(dirname "$0")/1034-masked.py"
exit $?
