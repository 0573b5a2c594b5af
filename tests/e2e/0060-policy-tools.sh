#!/bin/sh
# 0060-policy-tools.sh -- sluice policy why-not, test, diff; what a denial offers.
# needs: box
. "$(dirname "$0")/lib.sh"
need_box

# hasnt NAME TEXT WHAT : WHAT is not in TEXT
hasnt() {
	case $2 in
	*"$3"*) result 1 "$1" "'$3' in: $2" ;;
	*) result 0 "$1" ;;
	esac
}

sl init >/dev/null
sl policy show >"$T/now.dl" 2>"$T/err"
has "show says since when, and who signed" "$(cat "$T/err")" 'signed by did:key:'
for k in since entry signer why replaces; do
	[ -n "$(sl policy show --json 2>/dev/null | json $k)" ]
	result $? "show --json has $k"
done

# --- a denial says what would lift it ---
mkdir -p "$T/r/.git/hooks" "$T/fine"
sl exec --write "$T/r/.git/hooks" --write "$T/fine" -- true >/dev/null 2>"$T/err"
same "a denied exec: exit 125" 125 $?
has "what would lift it" "$(cat "$T/err")" "allowed without --write $T/r/.git/hooks"
id=$(sed -n "s/.*policy explain \([0-9a-f]*\).*/\1/p" "$T/err")
out=$(sl policy explain "$id")
has "explain: where the decision is" "$out" 'decision: entry '
has "explain: who stated the facts" "$out" 'gate: that decision, signed by did:key:'
has "explain: since when the policy is in force" "$out" "of the node's log, in force since "
out=$(sl policy why-not "$id")
same "why-not: exit 0" 0 $?
has "why-not: one change" "$out" 'what would lift it, 1 change each'
has "why-not: which" "$out" "1. leave out want_write(\"$T/r/.git/hooks\")"
hasnt "why-not: not what is no matter" "$out" "$T/fine"
for k in decision reason message complete repairs; do
	[ -n "$(sl policy why-not "$id" --json | json $k)" ]
	result $? "why-not --json has $k"
done
mkdir -p "$T/b/.git/hooks"
sl exec --write "$T/r/.git/hooks" --write "$T/b/.git/hooks" -- true >/dev/null 2>"$T/err"
id2=$(sed -n "s/.*policy explain \([0-9a-f]*\).*/\1/p" "$T/err")
has "two wants must go together" "$(sl policy why-not "$id2")" '2 changes each'
cat >"$T/f.yml" <<'X'
on: push
sandbox:
  net: ["example.org:443"]
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
    - run: echo hi
X
(cd "$T/fine" && sl run "$T/f.yml") >"$T/out" 2>&1
has "a denied run offers the option" "$(cat "$T/out")" '1. if you mean it: with --net example.org:443'
(cd "$T/fine" && sl run --json "$T/f.yml") >"$T/out" 2>/dev/null
has "its event has the offer as data" "$(cat "$T/out")" '"pred":"flow_want"'

# --- why-not on a file ---
cat >"$T/w.dl" <<'X'
could_add("vouch", 2); could_add("review", 1);
trusted("a"); wants("f"); vouch("a", "b"); review("g", "b");
trusted($y) <- trusted($x), vouch($x, $y);
allow if wants($f), review($f, $u), trusted($u);
X
out=$(sl policy why-not "$T/w.dl")
has "facts that somebody could state" "$out" '1. state review("f", "a")'
has "all of them" "$out" '2. state review("f", "b")'
hasnt "none that needs more" "$out" 'vouch'
printf 'deny if true;\n' >"$T/shut.dl"
has "nothing to be done is said" "$(sl policy why-not "$T/shut.dl")" 'nothing that could be left out or stated'
printf 'allow if r("x");\n' >"$T/r.dl"
has "without --could nothing can be stated" "$(sl policy why-not "$T/r.dl")" 'nothing that could be'
has "with --could it can" "$(sl policy why-not "$T/r.dl" --could r)" 'state r("x")'
printf 'allow if true;\n' >"$T/open.dl"
check 2 'it is allowed' policy why-not "$T/open.dl"
check 2 '' policy why-not 00000000
check 2 '' policy why-not "$T/absent.dl"
check 2 '[usage]' policy why-not
printf 'allow if (\n' >"$T/broken.dl"
check 2 'broken.dl:' policy why-not "$T/broken.dl"
sl exec -- true
check 2 'was allowed' policy why-not "$(last_run)"

# --- check: what cannot be meant ---
cat >"$T/lint.dl" <<'X'
allow if request($k), requester($w);
deny if request("exec"), requester($w);
deny if want_net($h, $p), $h < 1;
old($x) <- want_read($x);
X
out=$(sl policy check "$T/lint.dl")
same "warnings alone: exit 0" 0 $?
has "a shadowed deny" "$out" 'lint.dl:2:1: warning: never decides: whenever it matches, the allow of line 1'
has "types that never fit" "$out" "lint.dl:3:30: warning: always fails: '<' takes integer or date, not string"
has "an unused rule" "$out" "lint.dl:4:1: warning: nothing asks for 'old'"

# --- test ---
cp "$src/data/policies/default.test" "$T/now.test"
out=$(sl policy test "$T/now.dl")
same "the default's cases pass: exit 0" 0 $?
has "and are counted" "$out" ' 0 failed'
sed 's/^deny if startup_write/deny if startup_write($path), $path == "never"; \/\//' "$T/now.dl" >"$T/weak.dl"
out=$(sl policy test "$T/weak.dl" "$T/now.test")
same "a weakened policy fails them: exit 1" 1 $?
has "the case is named with its place" "$out" "now.test:$(grep -n 'what starts by itself' "$T/now.test" | cut -d: -f1): failed: no write to what starts by itself"
has "what was expected" "$out" 'expected deny: deny if startup_write'
has "what came" "$out" 'got allow: '
sl policy test "$T/weak.dl" "$T/now.test" --json | grep -q '"ok":false'
result $? "test --json has the failed one"
check 2 '' policy test "$T/shut.dl"
printf 'case a\nexpect perhaps\n' >"$T/bad.test"
check 2 'bad.test:2:1: expected allow' policy test "$T/now.dl" "$T/bad.test"
printf 'case a\nallow if true;\nexpect allow\n' >"$T/bad.test"
check 2 'bad.test:2:1: a case holds facts' policy test "$T/now.dl" "$T/bad.test"
printf 'case a\nwant_raed("/x");\nexpect allow\n' >"$T/bad.test"
out=$(sl policy test "$T/now.dl" "$T/bad.test")
same "a fact that nobody declared fails the case" 1 $?
has "and is named" "$out" "want_raed"

printf 'case a\nrequest("exec"); want_write("/etc/x"); tier("T1");\nexpect deny: deny if want_write\n' >"$T/yaml.test"

# --- diff ---
out=$(sl policy diff "$T/now.dl")
same "diff with what is in force: exit 0" 0 $?
has "nothing flips" "$out" ' 0 would be allowed, 0 would be denied'
sed 's/^deny if system_write/deny if request("exec"), want_tty(false);\n&/' "$T/weak.dl" >"$T/new.dl"
out=$(sl policy diff "$T/new.dl")
has "an exec that would be denied" "$out" 'would be denied  exec of run '
has "by which rule" "$out" 'now deny: deny if request("exec"), want_tty(false)'
has "where it was allowed" "$out" 'was allow: allow if request("exec")'
has "because of what" "$out" 'because of want_tty(false)'
out=$(sl policy diff "$T/weak.dl")
has "one that would be allowed" "$out" 'would be allowed  exec of run '
for k in decisions same would_be_allowed would_be_denied erased failed; do
	[ -n "$(sl policy diff "$T/weak.dl" --json | tail -n 1 | json $k)" ]
	result $? "diff --json ends with $k"
done
sl policy diff "$T/weak.dl" --json | head -n 1 | grep -q '"was":{.*"now":{\|"now":{.*"was":{'
result $? "a flip has both sides"
check 2 'broken.dl:' policy diff "$T/broken.dl"
check 2 '[usage]' policy diff

# --- a step that is denied in a run that was allowed ---
sed 's/^deny if flow_want/deny if request("step"), step($j, "never");\n&/' "$T/now.dl" >"$T/step.dl"
ok "a policy against one step" sl policy register "$T/step.dl"
printf 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n    - run: "true"\n    - name: never\n      run: "true"\n' >"$T/g.yml"
(cd "$T/fine" && sl run "$T/g.yml") >"$T/out" 2>&1
has "the step is denied" "$(cat "$T/out")" 'deny if request("step"), step($j, "never")'
out=$(sl policy why-not "$(last_run)")
same "why-not of the run is about the step: exit 0" 0 $?
has "it says so" "$out" 'a step of run '
has "nothing of it can be left out" "$out" 'nothing that could be left out or stated'
has "diff sees steps" "$(sl policy diff "$T/now.dl")" 'would be allowed  step of run '

# --- YAML ---
cat >"$T/p.yml" <<'X'
principles:
  - {id: quiet, priority: 7, text: "No network without need"}
require:
  - for: [run, exec]
    tier: T1
deny:
  - want_net: [null, {below: 1024}]
  - want_write: {starts_with: /etc}
allow:
  - {for: [run, exec, step, apply, drop, cancel, policy], owner: true}
X
out=$(sl policy check "$T/p.yml")
same "a policy in YAML: exit 0" 0 $?
out=$(sl policy check --datalog "$T/p.yml")
has "it is shown as Datalog" "$out" 'deny if want_write($_0), $_0.starts_with("/etc");'
has "principles are facts" "$out" 'principle("quiet", 7, "No network without need");'
[ -n "$(sl policy check --datalog --json "$T/p.yml" | json datalog)" ]
result $? "check --datalog --json has datalog"
printf 'deny:\n  - want_raed: /x\nallow: []\n' >"$T/bad.yml"
check 2 "bad.yml:2:5: unknown 'want_raed'; did you mean 'want_read'?" policy check "$T/bad.yml"
printf 'deny:\n  - want_read: {matches: "("}\nallow: []\n' >"$T/bad.yml"
check 2 "bad.yml:2:5:" policy check "$T/bad.yml"
check 2 "bad.yml:2:5:" policy register "$T/bad.yml"
printf 'deny: [\n' >"$T/bad.yml"
check 2 "bad.yml:" policy register "$T/bad.yml"
out=$(sl policy check "$T/p.yml" --principles "$T/p.yml" 2>&1)
same "principles with a policy among them: exit 2" 2 $?
has "and why" "$out" 'principles alone'
cat >"$T/principles.yml" <<'X'
principles:
  - {id: least, priority: 9, text: "Give the least"}
X
printf 'deny if principle("least", $p, $t), $p > 5, want_tty(true);\n' | cat - "$T/now.dl" >"$T/weigh.dl"
has "a rule that weighs a principle that is not there" "$(sl policy check "$T/weigh.dl")" "nothing can state 'principle'"
has "with it" "$(sl policy check "$T/weigh.dl" --principles "$T/principles.yml")" 'good'
check 2 '[usage]' policy register --principles "$T/principles.yml"
ok "register with principles" sl policy register "$T/weigh.dl" --principles "$T/principles.yml"
has "they are part of what is in force" "$(sl policy show 2>/dev/null)" 'principle("least", 9, "Give the least");'
ok "register YAML" sl policy register "$T/p.yml"
ok "under it an exec is allowed" sl exec -- true
out=$(sl exec --net 127.0.0.1:80 -- true 2>&1)
same "and another denied" 125 $?
has "by its rule" "$out" 'deny if want_net($_0, $_1), $_1 < 1024'
has "with what would lift it" "$out" 'allowed without --net 127.0.0.1:80'
ok "test takes YAML too" sl policy test "$T/p.yml" "$T/yaml.test"
check 2 'bad.yml' policy diff "$T/bad.yml"
check 0 'good' log check
finish
