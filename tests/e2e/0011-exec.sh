#!/bin/sh
# 0011-exec.sh -- sluice exec: statuses, grants, environment, directory, input, events.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null

st() { # st WANTED NAME ARG... : sluice exec ARG... returns WANTED
	want=$1 name=$2
	shift 2
	out=$(sl exec "$@" 2>&1 </dev/null)
	rc=$?
	[ $rc = "$want" ]
	result $? "$name" "wanted $want, got $rc: $out"
}

# The command's own status; 125..127 as env(1) and timeout(1) have them.
st 0 "true" -- true
st 1 "false" -- false
st 42 "any status" -- sh -c 'exit 42'
st 255 "255" -- sh -c 'exit 255'
st 127 "a command that is not there" -- no-such-command
has "it is named" "$out" no-such-command
st 126 "a command that cannot be run" -- /etc/passwd
st 143 "128 + n: TERM" -- sh -c 'kill -TERM $$'
st 137 "128 + n: KILL" -- sh -c 'kill -KILL $$'
st 139 "128 + n: SEGV" -- sh -c 'kill -SEGV $$'
st 0 "options of the command are its own" -- sh -c '[ "$1" = --json ]' x --json
st 0 "also without --" sh -c '[ "$1" = --json ]' x --json
st 125 "no command" --
st 125 "an unknown option" --nope -- true
st 125 "a grant of what is not there" --read "$T/absent" -- true
has "it is named" "$out" "$T/absent"
st 125 "a network without a port" --net example.org -- true
st 125 "the node's own home" --read "$SLUICE_HOME" -- true
st 125 "what lies in it" --read "$SLUICE_HOME/keys" -- true
st 125 "a variable that is not set" --env SL_TEST_UNSET -- true
st 125 "a name that is none" --env 'A B=1' -- true
st 125 "a directory that is not there" --cwd /nowhere -- true
st 125 "a relative directory" --cwd here -- true
st 125 "/ as a grant" --read / -- true

# What is granted is shown at its own place; what is not is absent.
mkdir -p "$T/in/sub" "$T/out"
echo content >"$T/in/sub/file"
same "--read shows a tree" content "$(sl exec --read "$T/in" -- cat "$T/in/sub/file")"
same "--read shows a file alone" file "$(sl exec --read "$T/in/sub/file" -- ls "$T/in/sub")"
st 2 "--read is read-only" --read "$T/in" -- sh -c "echo x >'$T/in/new'"
[ ! -e "$T/in/new" ]
result $? "and nothing is there"
st 2 "what is not granted is absent" -- ls "$T/in"
st 0 "--write is writable" --write "$T/out" -- sh -c "echo made >'$T/out/new'"
same "what it wrote is there" made "$(cat "$T/out/new" 2>&1)"
same "as the caller's own" "$(id -u)" "$(stat -c %u "$T/out/new" 2>&1)"
st 0 "--read and --write together" --read "$T/in" --write "$T/out" -- \
	cp "$T/in/sub/file" "$T/out/copy"
st 0 "a relative path is one of the caller's" --read "$(cd "$T" && pwd)/in/." -- ls "$T/in"
(cd "$T" && "$SLUICE" exec --read in -- ls "$T/in") >/dev/null 2>&1
result $? "a relative name"

# The environment: a few constants and what was named.
SL_TEST=mine
export SL_TEST
same "nothing of the caller's environment" "" "$(sl exec -- sh -c 'echo "${SL_TEST-}"')"
same "--env NAME passes the caller's" mine "$(sl exec --env SL_TEST -- sh -c 'echo "$SL_TEST"')"
same "--env NAME=VALUE sets it" 'a=b c' "$(sl exec --env 'SL_TEST=a=b c' -- sh -c 'echo "$SL_TEST"')"
same "--env replaces a constant" /opt "$(sl exec --env HOME=/opt -- /bin/sh -c 'echo "$HOME"')"
same "--cwd" "$T/in/sub" "$(sl exec --read "$T/in" --cwd "$T/in/sub" -- pwd)"

# Standard input, output and error are the command's.
same "input through a pipe" 'abc' "$(printf abc | sl exec -- cat)"
same "a large input" 3000000 "$(head -c 3000000 /dev/zero | sl exec -- wc -c)"
head -c 3000000 /dev/urandom >"$T/in/big"
sl exec --read "$T/in" -- cat "$T/in/big" >"$T/big" 2>"$T/err"
ok "a large output comes whole" cmp "$T/in/big" "$T/big"
same "nothing is added to it" "" "$(cat "$T/err")"
same "errors go to standard error" "" "$(sl exec -- sh -c 'echo e >&2' 2>/dev/null)"
same "and are passed on" e "$(sl exec -- sh -c 'echo e >&2' 2>&1 >/dev/null)"
sl exec -- yes 2>/dev/null | head -n 1 >"$T/yes"
same "a reader that goes away ends it" y "$(cat "$T/yes")"
st 0 "bytes are passed on as they are" -- sh -c 'printf "\000\033\377"'
same "input that is empty ends" "" "$(timeout 20 "$SLUICE" exec -- cat </dev/null 2>&1 || echo "status $?")"
same "no terminal where there is none" "not" "$(sl exec -- sh -c '[ -t 0 ] && echo tty || echo not' </dev/null)"

# A denial is said where the command failed, and only there.
out=$(sl exec -- unshare -U true 2>&1)
has "a failed command's denials are said" "$out" 'denied: unshare'
out=$(sl exec -- sh -c 'unshare -U true 2>/dev/null; true' 2>&1)
lacks "those of one that did not are not" "$out" 'denied:'

# --json: the events of doc/PROTOCOL.events.
sl exec --json -- sh -c 'echo one; echo two >&2; exit 5' >"$T/ev" 2>"$T/err"
same "--json returns the status too" 5 $?
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "its events are those of the table" "$out"
same "the output is in them" "one two" "$(json text <"$T/ev" | sort | tr '\n' ' ' | sed 's/ $//')"
same "run.done has the status" 5 "$(grep run.done "$T/ev" | json exit)"
sl exec --json -- unshare -U true >"$T/ev" 2>/dev/null
same "a denial is an event" unshare "$(grep '"event":"denial"' "$T/ev" | json act | head -n 1)"
sl exec --json -- no-such-command >"$T/ev" 2>/dev/null
same "--json: not found is 127" 127 $?
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "and ends with run.done" "$out"
mkdir -p "$T/g/.git/hooks"
sl exec --json --write "$T/g/.git/hooks" -- true >"$T/ev" 2>/dev/null
same "--json: denied by policy is 125" 125 $?
same "as in run.done" 125 "$(grep run.done "$T/ev" | json exit)"
same "with its number of the table" 3 "$(grep run.done "$T/ev" | json error_exit)"
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "with decision and run.done" "$out"
same "the verdict is deny" deny "$(grep '"event":"decision"' "$T/ev" | json verdict)"

# --timing: the phases, in order, each over after the one before.
phases='box begun,gate open,decided,decision durable,box ready,command ended,outcome durable,'
sl exec --timing -- sh -c 'echo out; exit 3' >"$T/timed" 2>"$T/err"
same "--timing returns the status too" 3 $?
same "the output is the command's alone" out "$(cat "$T/timed")"
same "each phase has its line" "$phases" \
	"$(sed -n 's/^sluice exec: *[0-9][0-9.]* *[0-9][0-9.]*  //p' "$T/err" | tr '\n' ',')"
sl exec --json --timing -- true >"$T/ev" 2>"$T/err"
same "--json: nothing on standard error" "" "$(cat "$T/err")"
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "its events are those of the table" "$out"
same "run.done has them, in order" "$phases" "$(/usr/bin/python3 -c '
import json, sys
t = [e for e in map(json.loads, sys.stdin) if e["event"] == "run.done"][0]["timing"]
us = [x["us"] for x in t]
print(",".join(x["phase"] for x in t if us == sorted(us) and us[0] > 0), end=",")' <"$T/ev")"
sl exec --json -- true >"$T/ev"
lacks "without the option there is none" "$(cat "$T/ev")" '"timing"'

# Nothing outlives it.
sl exec -- sh -c 'setsid sleep 987 >/dev/null 2>&1 & echo started' >/dev/null
sleep 0.1
same "a daemon left behind is gone" "" "$(pgrep -f 'sleep 987' || true)"
check 0 'good' log check
finish
