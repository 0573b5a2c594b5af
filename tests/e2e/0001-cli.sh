#!/bin/sh
# 0001-cli.sh -- the command line itself: help, usage, completion, what needs no box.
. "$(dirname "$0")/lib.sh"

out=$(sl 2>&1)
same "without arguments: exit 0" 0 $?
for c in run exec changes verify audit doctor; do has "it shows $c" "$out" "  $c "; done
[ "$(printf '%s\n' "$out" | wc -l)" -le 24 ]
result $? "it fits a screen" "$out"
check 0 'sluice COMMAND' --help
check 2 "unknown command 'x'" x
check 2 '[usage]' run
check 2 "unknown option '--nope'" run --nope
check 2 'given twice' run --json --json f.yml
check 2 'bad\x1b' 'bad'"$(printf '\033')"
check 0 '"version"' version --json
check 0 'sluice ' version
check 0 'sluice ' --version
check 0 '' limits
check 0 '' limits --json
check 125 '[usage]' exec
check 125 '[input.malformed]' exec --net example.org -- true
check 2 '[input.malformed]' run --net example.org "$src/examples/hello/flow.yml"
check 2 '[input.not-found]' run "$T/absent.yml"

# A value on the command line would stand in the list of processes: refused, not repeated.
printf 'on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: "true"}]}}\n' >"$T/f.yml"
out=$(sl run --secret TOKEN=hunter2 "$T/f.yml" 2>&1)
same "a literal secret: exit 2" 2 $?
lacks "it is not repeated" "$out" hunter2

# Each command has --help on standard output, at most 24 lines, and its options complete.
for c in $(sl --complete); do
	out=$(sl "$c" --help 2>/dev/null)
	rc=$?
	[ $rc = 0 ] && [ "$(printf '%s\n' "$out" | wc -l)" -le 24 ]
	result $? "$c --help" "$rc: $out"
	has "$c --complete" "$(sl --complete "$c")" --json
done

check 2 '[input.not-found]' cancel 0123abcd
check 2 '[input.not-found]' changes 0123abcd
check 2 '[input.not-found]' audit 0123abcd
check 0 '' runs
check 0 'did:key:' init --json

sl doctor >"$T/doctor" 2>&1
rc=$?
[ $rc = 0 ] || [ $rc = 5 ]
result $? "doctor says 0 or 5" "$rc: $(cat "$T/doctor")"

sl version >/dev/full 2>/dev/null
same "a result that cannot be written: exit 5" 5 $?
finish
