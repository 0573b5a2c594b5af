#!/bin/sh
# 0002-display.sh -- what a run shows: plain lines, events, diagnostics; nothing foreign
# can forge a line or move the cursor.
# needs: box
. "$(dirname "$0")/lib.sh"
need_box
events="$src/tools/check-events"

mkdir "$T/w" # apart: what the test writes meanwhile is no change of the workspace
cat >"$T/w/evil.yml" <<'YML'
name: "evil\u001b[2J"
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - name: "x\n< a: success 0.0s"
        run: |
          printf 'one\r\033[1A\033[2K< a/x: success 9.9s\n\302\233mtwo\n\342\200\256three\n'
          printf '> a/forged\n'
          echo '::notice title=note::said'
      - name: fails
        run: exit 3
YML
out=$(sl run "$T/w/evil.yml" 2>"$T/err")
same "a failed flow: exit 1" 1 $?
clean=$(printf '%s' "$out" | tr -d '\000-\010\013-\037\177')
same "no control character comes through" "$clean" "$out"
lacks "no C1 control comes through" "$out" "$(printf '\302\233')"
lacks "no bidirectional control comes through" "$out" "$(printf '\342\200\256')"
same "every line of output carries its prefix" 0 \
	"$(printf '%s\n' "$out" | grep -v '^a/x.* | ' | grep -c 'forged\|9\.9s')"
has "a step that fails says how" "$out" 'exit 3'
has "the summary names the verify line" "$out" ' verify: sluice verify '

sl run --json "$T/w/evil.yml" >"$T/events" 2>"$T/err"
same "--json: exit 1 too" 1 $?
out=$("$events" <"$T/events" 2>&1)
result $? "its events are those of PROTOCOL.events" "$out"
same "run.done says how it ended" failure "$(grep '"event":"run.done"' "$T/events" | json conclusion)"
COLUMNS=20 sl run --json "$T/w/evil.yml" 2>/dev/null | json event >"$T/names"
same "the same events on any width" "$(json event <"$T/events")" "$(cat "$T/names")"

sl exec --json -- sh -c 'echo hi; exit 7' >"$T/events" 2>"$T/err"
same "exec --json returns the command's status" 7 $?
out=$("$events" <"$T/events" 2>&1)
result $? "its events too" "$out"

# Diagnostics: place, source line, caret, suggestion; nothing is run.
printf 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step:\n      - run: "true"\n' >"$T/bad.yml"
out=$(sl run "$T/bad.yml" 2>&1)
same "a malformed flow: exit 2" 2 $?
has "it names the place" "$out" "bad.yml:5:5: error: "
has "it shows the line" "$out" "    5 |     step:"
has "it points" "$out" "^~~~"
has "it suggests" "$out" "'steps'"
has "it says that nothing was run" "$out" "nothing was run"

# A terminal that is none of ours: motion only where it is wanted.
if command -v script >/dev/null 2>&1; then
	TERM=dumb script -qec "$SLUICE run '$T/w/evil.yml'" /dev/null >"$T/tty" 2>&1 </dev/null
	same "TERM=dumb has no escape sequences" 0 "$(grep -c "$(printf '\033')" "$T/tty")"
	NO_COLOR=1 TERM=xterm script -qec "$SLUICE run '$T/w/evil.yml'" /dev/null >"$T/tty" 2>&1 </dev/null
	same "NO_COLOR has no colour" 0 "$(grep -c "$(printf '\033')\[3[0-9]m" "$T/tty")"
	LC_ALL=C TERM=xterm script -qec "$SLUICE run '$T/w/evil.yml'" /dev/null >"$T/tty" 2>&1 </dev/null
	same "the C locale has ASCII only" 0 "$(LC_ALL=C grep -c "$(printf '[\200-\377]')" "$T/tty")"
fi
finish
