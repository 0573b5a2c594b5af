#!/bin/sh
# 1031-grants.sh -- random grants over random trees: a program in the box reaches exactly what was granted, by an
# oracle that knows the grant alone.  SL_SEED repeats a run, SL_ONLY=N one box of it, SL_BOXES=N says how many and
# SL_SECONDS=N how long at most; SL_FULL (./dev test --full) makes it many thousands.
# needs: box
# timeout: 400
. "$(dirname "$0")/lib.sh"
need_box
need /usr/bin/python3
# A box has its own /tmp: a tree there stands on it.  One elsewhere stands on the box's root.
SL_ELSEWHERE=
[ "$(id -u)" != 0 ] || SL_ELSEWHERE=$(mktemp -d /srv/sluice-e2e.XXXXXX 2>/dev/null)
trap 'cleanup; [ -z "$SL_ELSEWHERE" ] || rm -rf "$SL_ELSEWHERE"' EXIT
export T src SL_ELSEWHERE
/usr/bin/python3 -B "$(dirname "$0")/1031-grants.py"
exit $?
