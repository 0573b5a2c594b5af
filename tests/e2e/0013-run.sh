#!/bin/sh
# 0013-run.sh -- sluice run: every option, outputs, masks, where it works, and its events.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
mkdir "$T/w"
cd "$T/w" || exit 99

flow() { # flow NAME : one job of steps from standard input
	{
		printf 'name: %s\non: [push, workflow_dispatch]\njobs:\n  j:\n    runs-on: ubuntu-latest\n    steps:\n' "$1"
		sed 's/^/      /'
	} >"$1.yml"
}
run() { # run WANTED NAME ARG... : its output in $out
	want=$1 name=$2
	shift 2
	out=$(sl run "$@" 2>&1 </dev/null)
	rc=$?
	[ $rc = "$want" ]
	result $? "$name" "wanted $want, got $rc: $out"
}

# Outputs, environment, path and summary of one step reach the next.
flow pass <<'Y'
- id: one
  run: |
    echo "word=value of one" >>"$GITHUB_OUTPUT"
    echo "FROM_ONE=set" >>"$GITHUB_ENV"
    mkdir bin && printf '#!/bin/sh\necho my tool\n' >bin/mytool && chmod +x bin/mytool
    echo "$PWD/bin" >>"$GITHUB_PATH"
    echo "# done" >>"$GITHUB_STEP_SUMMARY"
- run: echo "got ${{ steps.one.outputs.word }}, $FROM_ONE, $(mytool)"
- {name: skipped, if: "false", run: "exit 9"}
- {name: shell, shell: sh, run: 'echo "in sh $0"'}
- {name: where, working-directory: bin, run: 'echo "in $(basename "$PWD")"'}
Y
run 0 "a run that succeeds" pass.yml
has "outputs, GITHUB_ENV and GITHUB_PATH reach the next step" "$out" 'got value of one, set, my tool'
has "what is skipped is said" "$out" 'skipped'
has "working-directory" "$out" 'in bin'
has "the summary says how to verify" "$out" ' verify: sluice verify '
same "the workspace is as it was" "pass.yml" "$(ls)"
id=$(printf '%s\n' "$out" | sed -n 's/^ run \([0-9a-f]*\).*/\1/p')
ok "the line that it shows works" sl verify "$id"
flow fail <<'Y'
- {id: bad, continue-on-error: true, run: "exit 3"}
- {run: "echo ${{ steps.bad.outcome }} ${{ steps.bad.conclusion }}"}
- {run: "exit 4"}
- {run: "echo never"}
- {if: "failure()", run: "echo cleaning"}
Y
run 1 "a failed step fails the run" fail.yml
has "continue-on-error: outcome and conclusion" "$out" 'failure success'
lacks "what follows is not run" "$out" '| never'
has "failure() is" "$out" '| cleaning'

# --input
cat >in.yml <<'Y'
on:
  workflow_dispatch:
    inputs:
      level: {required: true, type: number}
      who: {default: nobody}
jobs:
  j:
    runs-on: ubuntu-latest
    steps: [{run: 'echo "${{ inputs.level }} ${{ inputs.who }} ${{ github.event_name }}"'}]
Y
run 0 "--input" in.yml --input level=7 --input 'who=you=me'
has "inputs reach the flow" "$out" '7 you=me workflow_dispatch'
run 0 "--input=NAME=VALUE" in.yml --input=level=8
has "with defaults" "$out" '8 nobody'
run 2 "an input that is missing" in.yml
has "is named" "$out" level
run 2 "an input that is unknown" in.yml --input level=1 --input nope=1
has "it is named too" "$out" nope
run 2 "an input of another type" in.yml --input level=many
run 2 "an input that is none" in.yml --input level
run 2 "an input given twice" in.yml --input level=1 --input level=2

# --secret: from the environment, a file, standard input; masked in every form that is shown.
flow secret <<'Y'
- run: |
    echo "it is ${{ secrets.TOKEN }}."
    echo "by variable $T." >&2
    echo "$T" | sha256sum | cut -c1-12
  env: {T: "${{ secrets.TOKEN }}"}
- run: echo "::add-mask::later"; echo "now later is hidden"
Y
want=$(printf 'hunter2-hunter2\n' | sha256sum | cut -c1-12)
TOKEN=hunter2-hunter2 run 0 "--secret NAME" secret.yml --secret TOKEN
lacks "the value is masked" "$out" hunter2
has "as GitHub does" "$out" 'it is ***.'
has "on standard error as well" "$out" 'by variable ***.'
has "the step has the real one" "$out" "$want"
has "add-mask" "$out" 'now *** is hidden'
(umask 077 && printf 'hunter2-hunter2\n' >"$T/token")
run 0 "--secret NAME=@FILE" secret.yml --secret "TOKEN=@$T/token"
has "the file's newline is not part of it" "$out" "$want"
lacks "masked too" "$out" hunter2
out=$(sl run secret.yml --secret TOKEN=@- <"$T/token" 2>&1)
same "--secret NAME=@-: exit 0" 0 $?
has "from standard input" "$out" "$want"
out=$(sl run --json secret.yml --secret "TOKEN=@$T/token" 2>&1)
lacks "--json is masked" "$out" hunter2
run 2 "a literal value is refused" secret.yml --secret TOKEN=hunter2
lacks "and not repeated" "$out" hunter2
(unset TOKEN && "$SLUICE" run secret.yml --secret TOKEN) >/dev/null 2>&1
same "a secret that is not in the environment" 2 $?
run 2 "a secret's file that is not there" secret.yml --secret "TOKEN=@$T/absent"
run 2 "a secret given twice" secret.yml --secret "TOKEN=@$T/token" --secret "TOKEN=@$T/token"
same "no secret is in the store" "" "$(grep -rl hunter2 "$SLUICE_HOME" 2>/dev/null)"

# --event, --event-name
flow event <<'Y'
- run: 'echo "${{ github.event_name }} ${{ github.event.pull_request.number }} ${{ github.actor }}"'
Y
echo '{"pull_request":{"number":42},"sender":{"login":"octo"}}' >"$T/event.json"
sed -i 's/^on:.*/on: [push, pull_request]/' event.yml
run 0 "--event" event.yml --event "$T/event.json" --event-name pull_request
has "the event reaches the flow" "$out" 'pull_request 42 octo'
echo '{"a":' >"$T/bad.json"
run 2 "an event that is no JSON" event.yml --event "$T/bad.json"
run 2 "an event that is not there" event.yml --event "$T/absent.json"
run 2 "a name that is none" event.yml --event-name 'Pull Request'

# --env
flow env <<'Y'
- run: 'echo "a=${A-} b=${B-} c=${C-}"'
Y
A=mine C=hidden
export A C
run 0 "--env" env.yml --env A --env B=given
has "what is named reaches a step, the rest does not" "$out" 'a=mine b=given c='
lacks "nothing else" "$out" hidden
run 2 "a variable that is not set" env.yml --env SL_TEST_UNSET

# --workspace, and its default
mkdir -p "$T/tree/.github/workflows" "$T/tree/src" "$T/other"
echo top >"$T/tree/marker"
echo other >"$T/other/marker"
flow mark <<'Y'
- run: 'cat marker; echo "$GITHUB_WORKSPACE"; ls -A'
Y
cp mark.yml "$T/tree/.github/workflows/ci.yml"
cp mark.yml "$T/tree/src/own.yml"
echo src >"$T/tree/src/marker"
run 0 "a flow below .github/workflows" "$T/tree/.github/workflows/ci.yml"
has "works on the tree above" "$out" '| top'
run 0 "another flow" "$T/tree/src/own.yml"
has "works on its own directory" "$out" '| src'
run 0 "--workspace" "$T/tree/src/own.yml" --workspace "$T/other"
has "works on that" "$out" '| other'
run 2 "a workspace that is not there" mark.yml --workspace "$T/absent"
run 2 "a workspace that is no directory" mark.yml --workspace "$T/other/marker"
run 2 "/ is none" mark.yml --workspace /

# --direct
flow direct <<'Y'
- run: 'echo made >made; rm -f gone'
Y
mkdir "$T/direct"
: >"$T/direct/gone"
run 0 "an overlay" direct.yml --workspace "$T/direct"
[ ! -e "$T/direct/made" ] && [ -e "$T/direct/gone" ]
result $? "leaves the directory as it was"
run 0 "--direct" direct.yml --workspace "$T/direct" --direct
[ -e "$T/direct/made" ] && [ ! -e "$T/direct/gone" ]
result $? "writes in place"
same "as the directory's owner" "$(stat -c %u "$T/direct")" "$(stat -c %u "$T/direct/made")"
mkdir -p "$T/repo/.git/hooks"
run 3 "--direct into a place that policy keeps: exit 3" direct.yml --workspace "$T/repo/.git/hooks" --direct
has "it shows the rule" "$out" 'deny if startup_write($path)'
has "and what it matched" "$out" 'want_write('
has "and what would lift it" "$out" 'without --direct'
same "nothing was run" "" "$(ls "$T/repo/.git/hooks")"

# Two jobs share outputs and nothing else.
cat >two.yml <<'Y'
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    outputs: {word: "${{ steps.s.outputs.w }}"}
    steps: [{id: s, run: 'touch left; echo w=passed >>"$GITHUB_OUTPUT"'}]
  b:
    needs: a
    runs-on: ubuntu-latest
    strategy: {matrix: {n: [1, 2]}}
    steps: [{run: 'echo "${{ needs.a.outputs.word }} ${{ matrix.n }}"; test ! -e left'}]
Y
run 0 "two jobs" two.yml
has "outputs pass through needs" "$out" 'passed 2'
has "all jobs are counted" "$out" '3 of 3 jobs'

# What is refused, before anything runs.
run 2 "a flow that is not there" absent.yml
flow far <<'Y'
- run: touch ran
- uses: owner/repo@v1
Y
run 2 "a feature that is not supported" far.yml
has "is named" "$out" F-REMOTE-ACTION
has "with its place" "$out" 'far.yml:8:'
printf 'on: push\njobs: {a: {runs-on: windows-latest, steps: [{run: dir}]}}\n' >win.yml
run 2 "another system" win.yml
has "is named too" "$out" F-RUNNER

# --json: on any width the same events in the same order, and those of the table.
for cols in 20 80 200; do
	COLUMNS=$cols sl run --json two.yml >"$T/ev.$cols" 2>"$T/err"
	same "--json at $cols columns: exit 0" 0 $?
	out=$("$src/tools/check-events" <"$T/ev.$cols" 2>&1)
	result $? "its events are those of the table" "$out"
	/usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    print([o.get(k) for k in ("event", "key", "index", "text", "conclusion", "result")])' <"$T/ev.$cols" >"$T/seq.$cols"
done
ok "the same events in the same order" cmp "$T/seq.20" "$T/seq.200"
ok "at any width" cmp "$T/seq.20" "$T/seq.80"
for k in run decision conclusion bundle verify jobs denials changes entries node_size; do
	[ -n "$(grep '"event":"run.done"' "$T/ev.80" | json $k)" ]
	result $? "run.done has $k"
done
sl run --json fail.yml >"$T/ev" 2>/dev/null
same "--json of a failed run: exit 1" 1 $?
same "and in run.done" 1 "$(grep run.done "$T/ev" | json exit)"
sl run --json direct.yml --workspace "$T/repo/.git/hooks" --direct >"$T/ev" 2>/dev/null
same "--json of a denied run: exit 3" 3 $?
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "its events" "$out"
same "it concludes as denied" denied "$(grep run.done "$T/ev" | json conclusion)"
for e in hello matrix composite c-project escape failing; do
	sl run --json "$src/examples/$e/flow.yml" >"$T/ev" 2>/dev/null
	out=$("$src/tools/check-events" <"$T/ev" 2>&1)
	result $? "examples/$e: its events" "$out"
done
check 0 'good' log check
finish
