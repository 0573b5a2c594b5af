#!/bin/sh
# 1035-attenuation.sh -- random levels of `sandbox`: each step reaches what an oracle says of its keys alone, never more
# than its job, and a job never more than the flow; what is wider runs nothing; sluice in a box makes none.
# SL_SEED repeats a run, SL_ONLY=N one flow of it, SL_FLOWS=N says how many.
# needs: box
# timeout: 300
. "$(dirname "$0")/lib.sh"
need_box
need /usr/bin/python3
# Below /tmp every step has a place of its own.
if [ "$(id -u)" = 0 ]; then there=/srv; else there=$(cd "${SL_PLACE:-${HOME:-/nonexistent}}" 2>/dev/null && pwd -P); fi
SL_THERE=$(mktemp -d "$there/sluice-e2e.XXXXXX" 2>/dev/null) || skip_all "no directory outside of /tmp"
trap 'cleanup; rm -rf "$SL_THERE"' EXIT
case $SL_THERE in /tmp/* | /run/* | /var/tmp/*) skip_all "the home directory lies in /tmp" ;; esac
export T SL_THERE
/usr/bin/python3 -B "$(dirname "$0")/1035-attenuation.py"
exit $?
