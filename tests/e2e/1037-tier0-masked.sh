#!/bin/sh
# 1037-tier0-masked.sh -- tier T0 on kernels that have less, or say that they have done what they have not: each layer is
# masked in turn.  Partial is refused by name; nothing runs, and nothing is left.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3 cc
cc -O1 -o "$T/tracer" "$src/tests/e2e/tracer.c" -lseccomp 2>"$T/cc" || skip_all "the tracer does not build: $(head -n 1 "$T/cc")"
export T src
alone /usr/bin/python3 -B "$(dirname "$0")/1037-tier0-masked.py"
exit $?
