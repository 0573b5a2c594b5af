#!/bin/sh
# 0047-root-archives.sh -- store root add NAME TARBALL: the same root as its directory, and
# archives that are refused with member and reason.  0047-root-archives.py has the cases.
# timeout: 180
. "$(dirname "$0")/lib.sh"
sl init >/dev/null
exec /usr/bin/python3 -B "$src/tests/e2e/0047-root-archives.py" "$T"
