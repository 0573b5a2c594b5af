#!/bin/sh
# hostile/run.sh -- a corpus of programs that try to leave their box, judged from outside.
# needs: box
# timeout: 300
: "${SLUICE:=$(pwd)/build/sluice}"
export SLUICE
exec /usr/bin/python3 -B "$(dirname "$0")/run.py" "$@"
