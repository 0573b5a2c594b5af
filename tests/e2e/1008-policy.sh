#!/bin/sh
# 1008-policy.sh -- a policy counts only once it is registered; a wrong one is refused with
# its place; none can lock its owner out; what it asks of the box is done or nothing starts.
# needs: box
# timeout: 60
. "$(dirname "$0")/lib.sh"
need_box
home=$SLUICE_HOME
default=$src/data/policies/default.dl
digest() { sl policy show --json | json policy; }
mkdir "$T/w"
printf 'on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: "true"}]}}\n' >"$T/f.yml"
ok "init" sl init
first=$(digest)

# --- edited is not in force ---
printf 'deny if request("exec");\n' | cat - "$default" >"$home/policy/policy.dl"
check 0 'was edited and is not in force' exec -- true
same "the one in force is the first" "$first" "$(digest)"
check 0 '(edited: sluice policy register)' init
same "its decisions name the first" "$first" \
	"$(sl exec --json -- true 2>/dev/null | grep '"event":"decision"' | json policy)"
check 0 'is in force' policy register
second=$(digest)
[ "$second" != "$first" ]
result $? "registered, it is another one" "$second"
check 125 'deny if request("exec")' exec -- true
check 125 '[policy.denied]' exec -- true
check 0 'success' run "$T/f.yml" --workspace "$T/w"
check 0 '(as before)' policy register
cp "$default" "$home/policy/policy.dl"
check 125 '[policy.denied]' exec -- true
check 0 'is in force' policy register
same "back to the first" "$first" "$(digest)"
check 0 '' exec -- true

# --- a wrong one is refused, with its place, and nothing changes ---
wrong() { # wrong NAME TEXT SAYS
	printf '%b' "$2" >"$T/p.dl"
	out=$(sl policy register "$T/p.dl" 2>&1)
	same "register $1: exit 2" 2 $?
	has "register $1: says where" "$out" "$3"
	same "register $1: the old one is in force" "$first" "$(digest)"
	out=$(sl policy check "$T/p.dl" 2>&1)
	rc=$?
	[ $rc = 2 ] || [ "$1" = "a last one" ] # which is well-formed
	result $? "check $1 finds it too" "$rc: $out"
}
wrong "a misspelt predicate" 'allow if\n  requst("exec");\n' "p.dl:2:3: unknown predicate 'requst'"
wrong "a cut-off text" 'allow if request("exec"' 'p.dl:1:'
wrong "a wrong type" 'allow if request(1);\n' 'p.dl:1:'
wrong "a wrong arity" 'allow if request("exec", "x");\n' 'p.dl:1:'
wrong "an unbound variable" 'x($y) <- request("exec");\n' 'p.dl:1:'
wrong "an unclosed string" 'allow if request("exec);\n' 'p.dl:1:'
wrong "a NUL byte" 'allow if request("ex\000ec");\n' 'p.dl:1:'
wrong "invalid UTF-8" 'allow if request("ex\0377ec");\n' 'p.dl:1:'
wrong "a fact of the gate" 'request("exec");\nallow if true;\n' 'p.dl:1:'
wrong "a last one" 'deny if true;\n' 'no later policy could be registered'
{ printf 'allow if '; head -c 900000 /dev/zero | tr '\0' '('; } >"$T/p.dl"
check 2 'p.dl:1:' policy register "$T/p.dl"
head -c 3000000 /dev/zero | tr '\0' '/' >"$T/p.dl"
check 2 'larger' policy register "$T/p.dl"
check 2 "p-absent" policy register "$T/p-absent"
check 2 'directory' policy register "$T/w"
check 0 '' exec -- true

# --- denying everything else does not lock the owner out ---
printf 'allow if request("policy"), requester($who), node($who);\n' >"$T/p.dl"
check 0 'is in force' policy register "$T/p.dl"
check 125 '[policy.denied]' exec -- true
check 3 'denied' run "$T/f.yml" --workspace "$T/w"
same "a denied run is recorded as that" denied "$(sl runs --json | head -n 1 | json state)"
check 0 'is in force' policy register "$default"
check 0 '' exec -- true

# A home whose first policy would be the last makes none.
mkdir -p "$T/other/policy"
printf 'deny if true;\n' >"$T/other/policy/policy.dl"
out=$(SLUICE_HOME=$T/other sl init 2>&1)
same "a first policy that would be the last: exit 2" 2 $?
has "it says so" "$out" 'no later policy'
cp "$default" "$T/other/policy/policy.dl"
out=$(SLUICE_HOME=$T/other sl exec -- true 2>&1)
same "mended, the home works" 0 $?

# A policy that costs more than its fuel denies; where that were so for the next policy too,
# it is refused.
costly() { # costly WHEN : a million derivations, where WHEN holds
	printf 'allow if request("policy"), requester($who), node($who);\n'
	printf 'n("a"); n("b"); n("c"); n("d"); n("e"); n("f"); n("g"); n("h"); n("i"); n("j");\n'
	printf 'm($a,$b,$c,$d,$e,$f) <- %s n($a), n($b), n($c), n($d), n($e), n($f);\n' "$1"
	printf 'allow if m($a,$b,$c,$d,$e,$f), m($f,$e,$d,$c,$b,$a), $a == "z";\n'
}
t=$(date +%s)
costly '' >"$T/p.dl"
check 2 'no later policy' policy register "$T/p.dl"
costly 'request("exec"),' >"$T/p.dl"
check 0 'is in force' policy register "$T/p.dl"
check 125 '[policy.denied]' exec -- true
[ $(($(date +%s) - t)) -le 10 ]
result $? "each ends by its fuel, within seconds"
check 0 'is in force' policy register "$default"

# --- what policy asks of the box ---
requires() { # requires RULES : the default with these
	{ cat "$default"; printf '%s\n' "$1"; } >"$T/p.dl"
	sl policy register "$T/p.dl" >/dev/null 2>&1
	result $? "register: $1"
}
newest() { sl runs --json | head -n 1 | json run; }

requires 'require_complete("exec") <- request("exec");'
check 0 '' exec -- true
check 0 '' audit "$(newest)"
requires 'require_complete("open") <- request("exec");'
check 0 '' exec -- true
check 1 "requires a complete record of 'open'" audit "$(newest)"
check 0 'verified' verify "$(newest)"

requires 'require_limit("output", "watched") <- request("exec");'
check 0 '' exec -- true
# More than the box can give: nothing starts, in exec as in run, and that is no bug.
requires 'require_limit("wall", "process") <- request("exec"); require_limit("wall", "process") <- request("run");'
echo 0 >"$T/w/acted"
check 125 "limit 'wall' is asked for as 'process'" exec --write "$T/w" -- sh -c "echo 1 >$T/w/acted"
same "nothing was started" 0 "$(cat "$T/w/acted")"
same "it is recorded as a failure" failure "$(sl runs --json | head -n 1 | json state)"
check 5 "limit 'wall' is asked for as 'process'" run "$T/f.yml" --workspace "$T/w"
same "that too" failure "$(sl runs --json | head -n 1 | json state)"
# More than was prepared for and can be given: the box is made anew from what was granted.
requires 'require_limit("memory", "process") <- request("exec");'
out=$(sl exec --json -- true 2>&1)
rc=$?
[ $rc = 0 ] || { [ $rc = 125 ] && case $out in *"limit 'memory'"*) true ;; *) false ;; esac; }
result $? "a class above the default is given or refused by name" "$rc: $out"
lacks "and never a bug" "$out" '[bug]'
requires 'require_limit("memmory", "aggregate") <- request("exec");'
check 125 'require_limit("memmory", "aggregate") names no limit or no class' exec -- true
check 0 'is in force' policy register "$default"
check 0 '' exec -- true

check 0 'good' log check
for r in $(sl runs --all --json | json run); do
	sl verify "$r" >/dev/null 2>&1 || result 1 "run $r verifies" "$(sl verify "$r" 2>&1)"
done
result 0 "every run verifies"
finish
