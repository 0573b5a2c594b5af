#!/bin/sh
# 0017-policy.sh -- sluice policy: shown, checked, explained, changed.
# needs: box
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
sl policy show >"$T/now.dl"
same "show: exit 0" 0 $?
ok "it is the default" cmp "$T/now.dl" "$src/data/policies/default.dl"
ok "it checks" sl policy check "$T/now.dl"
for k in policy is_edited text; do
	[ -n "$(sl policy show --json | json $k)" ]
	result $? "show --json has $k"
done

# check: place and suggestion
sed 's/^deny if flow_want/deny if flow_wamt/' "$T/now.dl" >"$T/typo.dl"
out=$(sl policy check "$T/typo.dl" 2>&1)
same "a misspelt predicate: exit 2" 2 $?
has "the place" "$out" "typo.dl:$(grep -n flow_wamt "$T/typo.dl" | cut -d: -f1):"
has "a suggestion" "$out" flow_want
printf 'allow if (\n' >"$T/broken.dl"
check 2 'broken.dl:' policy check "$T/broken.dl"
for k in file line col level msg; do
	[ -n "$(sl policy check --json "$T/typo.dl" 2>/dev/null | json $k)" ]
	result $? "check --json has $k"
done
check 2 '' policy check "$T/absent.dl"
check 2 '[usage]' policy check
check 2 '' policy nonsense

# explain
sl exec -- true
id=$(last_run)
out=$(sl policy explain "$id")
same "explain: exit 0" 0 $?
has "the verdict" "$out" 'allow:'
has "the rule" "$out" 'allow if request("exec")'
has "down to who stated each fact" "$out" 'stated by gate'
for k in decision sluice; do
	[ -n "$(sl policy explain --json "$id" | json $k)" ]
	result $? "explain --json has $k"
done
mkdir -p "$T/r/.git/hooks"
sl exec --write "$T/r/.git/hooks" -- true >/dev/null 2>"$T/err"
same "a denied exec: exit 125" 125 $?
has "it says which rule" "$(cat "$T/err")" 'deny if startup_write'
has "and by what" "$(cat "$T/err")" 'want_write('
out=$(sl policy explain "$(sed -n "s/.*policy explain \([0-9a-f]*\).*/\1/p" "$T/err")" 2>&1)
has "explain of a denial" "$out" 'deny:'
has "names the rule" "$out" 'startup_write'
check 2 '' policy explain 00000000

# An edited policy has no effect until it is registered.
printf 'deny if request("exec");\n' | cat - "$T/now.dl" >"$SLUICE_HOME/policy/policy.dl"
out=$(sl exec -- true 2>&1)
same "an edited file decides nothing" 0 $?
has "and that is said" "$out" 'not in force'
same "show --json says so" true "$(sl policy show --json 2>/dev/null | json is_edited)"
before=$(sl log head --json | grep '"kind":"node"' | json size)
out=$(sl policy register 2>&1)
same "register: exit 0" 0 $?
sl exec -- true >/dev/null 2>&1
same "from then on it decides" 125 $?
[ "$(sl log head --json | grep '"kind":"node"' | json size)" -gt "$before" ]
result $? "a change is an entry of the log"
out=$(sl policy register "$T/now.dl" --json)
same "register FILE" true "$(printf '%s' "$out" | json is_changed)"
ok "back to the default" sl exec -- true
same "register of what is in force changes nothing" false "$(sl policy register "$T/now.dl" --json | json is_changed)"
check 2 '' policy register "$T/typo.dl"
ok "what is refused is not in force" sl exec -- true

# A policy that nobody could ever change again is refused.
printf 'deny if request("policy");\n' | cat - "$T/now.dl" >"$T/shut.dl"
check 2 'no later policy could be registered' policy register "$T/shut.dl"
check 0 'good' log check
finish
