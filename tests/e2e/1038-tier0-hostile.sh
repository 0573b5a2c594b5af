#!/bin/sh
# 1038-tier0-hostile.sh -- the hostile corpus at tier T0, as root and as a user: what T1 refuses is refused there too, but
# for what data/t0-open.tsv says is open, and that is found open.
# needs: box
# timeout: 400
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3 cc
sl init >/dev/null 2>&1
sed -i '/^deny if tier("T0");/d' "$SLUICE_HOME/policy/policy.dl"
sl policy register >/dev/null
why=$(sl exec --tier T0 -- true 2>&1) || skip_all "no tier T0 here: $why"
/usr/bin/python3 -B "$(dirname "$0")/hostile/run.py" --tier T0
exit $?
