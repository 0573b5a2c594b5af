# lib.sh -- what every end-to-end test includes: . "$(dirname "$0")/lib.sh"
#
# TAP on standard output.  $SLUICE is the program; $src the source tree; $T a private directory
# that is removed at the end; $SLUICE_HOME lies in it.  A test file says what it needs in a comment that
# tests/meson.build reads:   # needs: box      (suite "box": see need_box)
#                            # timeout: 120    (seconds)
# shellcheck shell=sh
set -u
: "${SLUICE:=$(pwd)/build/sluice}"
src=$(cd "$(dirname "$0")" && pwd -P)
while [ ! -e "$src/src/LAYERS" ] && [ "$src" != / ]; do src=$(dirname "$src"); done
T=$(mktemp -d "${TMPDIR:-/tmp}/sluice-e2e.XXXXXX") || exit 99
SLUICE_HOME=$T/home
export SLUICE SLUICE_HOME
unset XDG_DATA_HOME NO_COLOR
n=0
bad=0

cleanup() {
	cd / || exit 99
	chmod -R u+rwx "$T" 2>/dev/null # an overlay's work directory has mode 000
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 99' INT TERM HUP

sl() { "$SLUICE" "$@"; }

# alone COMMAND... : with a /var/tmp of its own where that can be (root), which $SL_ALONE says: what lies there then is
# of no other test
alone() {
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then "$@"; return; fi
	own=$(mktemp -d /tmp/e2e-own.XXXXXX) && chmod 1777 "$own" || exit 99
	SL_ALONE=1 unshare -m --propagation private sh -c 'mount --bind "$0" /var/tmp && exec "$@"' "$own" "$@"
	rc=$?
	rm -rf "$own"
	return $rc
}

# result 0|1 NAME [DETAIL] : one TAP point
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		[ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
		bad=1
	fi
}

# ok NAME COMMAND... : the command succeeds
ok() {
	name=$1
	shift
	got=$("$@" 2>&1 </dev/null)
	rc=$?
	result $((rc != 0)) "$name" "status $rc: $got"
}

# not NAME COMMAND... : it fails
not() {
	name=$1
	shift
	got=$("$@" 2>&1 </dev/null)
	rc=$?
	result $((rc == 0)) "$name" "succeeded: $got"
}

# check STATUS TEXT ARG... : sluice ARG... ends with STATUS and says TEXT (either stream)
check() {
	want=$1 text=$2
	shift 2
	out=$("$SLUICE" "$@" 2>&1 </dev/null)
	rc=$?
	hit=1
	case $out in *"$text"*) hit=0 ;; esac
	[ $rc = "$want" ] || hit=1
	result $hit "$*" "wanted $want '$text', got $rc: $out"
}

# has NAME TEXT PART : PART occurs in TEXT
has() {
	case $2 in
	*"$3"*) result 0 "$1" ;;
	*) result 1 "$1" "no '$3' in: $2" ;;
	esac
}

# lacks NAME TEXT PART
lacks() {
	case $2 in
	*"$3"*) result 1 "$1" "'$3' in: $2" ;;
	*) result 0 "$1" ;;
	esac
}

# same NAME WANTED GOT
same() { [ "$2" = "$3" ]; result $? "$1" "wanted '$2', got '$3'"; }

# json KEY : the value of a key in each JSON object of standard input
json() {
	/usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    v = json.loads(line).get(sys.argv[1])
    if v is not None:
        print(v if isinstance(v, str) else json.dumps(v))' "$1"
}

# last_run : the ID of the newest run
last_run() { sl runs --json | json run | head -n 1; }

# wait_for SECONDS COMMAND... : until it succeeds
wait_for() {
	until=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $until ] || return 1
		sleep 0.05
	done
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# Skips the file where this machine can make no box; ./dev test fails where all such are.
need_box() {
	why=$(sl doctor 2>&1 </dev/null)
	[ $? != 5 ] || skip_all "no box here: $(printf '%s' "$why" | head -n 1)"
}

need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }

need() { # need PROGRAM...
	for p; do command -v "$p" >/dev/null 2>&1 || skip_all "needs $p"; done
}

finish() {
	echo "1..$n"
	exit $bad
}
