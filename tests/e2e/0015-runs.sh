#!/bin/sh
# 0015-runs.sh -- sluice runs and sluice cancel.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
cat >"$T/long.yml" <<'Y'
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo begun; sleep 60
      - {if: "cancelled()", run: "echo tidied up"}
Y
sl exec -- true
sl exec -- false
"$SLUICE" run --json "$T/long.yml" >"$T/ev" 2>"$T/err" &
pid=$!
ok "it runs" wait_for 20 grep -q '"text":"begun"' "$T/ev"
id=$(head -n 1 "$T/ev" | json run)
same "runs shows it as running" running "$(sl runs --json | grep "$id" | json state)"
check 2 'under way' changes "$id"
ok "cancel" sl cancel "$(printf %.12s "$id")"
wait $pid
same "the run ends with exit 1" 1 $?
same "it concludes as cancelled" cancelled "$(grep run.done "$T/ev" | json conclusion)"
has "cancelled() steps are run" "$(json text <"$T/ev")" 'tidied up'
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "its events" "$out"
same "runs shows it as cancelled" cancelled "$(sl runs --json | grep "$id" | json state)"
check 2 'not under way' cancel "$id"
check 2 '[input.not-found]' cancel 00000000
check 2 '[usage]' cancel
ok "what was cancelled verifies" sl verify "$id"
same "the newest is first" "$id" "$(sl runs --json | json run | head -n 1)"
same "states of exec" "failure success" "$(sl runs --json | tail -n 2 | json state | tr '\n' ' ' | sed 's/ $//')"
for k in run time kind state what decision entries; do
	[ -n "$(sl runs --json | head -n 1 | json $k)" ]
	result $? "runs --json has $k"
done

# SIGTERM to sluice does the same; two at once are apart.
"$SLUICE" run --json "$T/long.yml" >"$T/ev1" 2>/dev/null &
one=$!
"$SLUICE" run --json "$T/long.yml" >"$T/ev2" 2>/dev/null &
two=$!
wait_for 20 grep -q '"text":"begun"' "$T/ev1"
wait_for 20 grep -q '"text":"begun"' "$T/ev2"
kill -TERM $one
wait $one
same "SIGTERM cancels" cancelled "$(grep run.done "$T/ev1" | json conclusion)"
kill -0 $two 2>/dev/null
result $? "the other goes on"
sl cancel --json "$(head -n 1 "$T/ev2" | json run)" >"$T/cancel"
same "cancel --json" true "$(json cancelled <"$T/cancel")"
wait $two
same "until it is cancelled too" cancelled "$(grep run.done "$T/ev2" | json conclusion)"
i=0
while [ $i -lt 21 ]; do
	sl exec -- true
	i=$((i + 1))
done
same "runs shows 20" 20 "$(sl runs | wc -l)"
[ "$(sl runs --all | wc -l)" -gt 20 ]
result $? "--all shows all"
check 0 'good' log check
finish
