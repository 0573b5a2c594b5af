#!/bin/sh
# 0010-node.sh -- sluice init, and what needs neither a run nor a box.
. "$(dirname "$0")/lib.sh"

out=$(sl init 2>&1)
same "init: exit 0" 0 $?
has "it says that the identity is new" "$out" '(new)'
has "it says where" "$out" "$SLUICE_HOME"
id=$(sl init --json | json identity)
case $id in did:key:z6Mk*) result 0 "an identity is a did:key" ;; *) result 1 "an identity is a did:key" "$id" ;; esac
out=$(sl init 2>&1)
lacks "a second init makes nothing new" "$out" '(new)'
has "it is who it was" "$out" "$id"
one=$(sl init --json)
two=$(sl init --json)
same "init --json of a node at rest says the same" "$one" "$two"
for k in identity working_key home policy is_new node_size; do
	[ -n "$(printf '%s' "$one" | json $k)" ]
	result $? "init --json has $k" "$one"
done
same "is_new is false by now" false "$(printf '%s' "$one" | json is_new)"
same "the keys are for nobody else" 700 "$(stat -c %a "$SLUICE_HOME/keys")"
same "nor is any key file" "" "$(find "$SLUICE_HOME/keys" -type f -perm /077)"

# Where the home is: SLUICE_HOME, else XDG_DATA_HOME, else HOME.
for how in "XDG_DATA_HOME=$T/xdg HOME=$T/user:$T/xdg/sluice" "HOME=$T/user:$T/user/.local/share/sluice"; do
	mkdir -p "$T/xdg" "$T/user"
	# shellcheck disable=SC2086
	got=$(env -u SLUICE_HOME ${how%%:*} "$SLUICE" init --json | json home)
	same "home by ${how%%=*}" "${how##*:}" "$got"
done

# Two at once are both right.
for i in 1 2 3 4; do
	SLUICE_HOME=$T/many "$SLUICE" init --json >"$T/init.$i" 2>"$T/err.$i" &
done
wait
cat "$T"/init.? | json identity | sort | uniq -c >"$T/ids"
same "four inits at once: one identity" "4" "$(awk '{print $1}' "$T/ids")"
same "one of them made it" 1 "$(cat "$T"/init.? | json is_new | grep -c true)"
ok "their log checks" env SLUICE_HOME="$T/many" "$SLUICE" log check

# A home that cannot be.
: >"$T/file"
SLUICE_HOME=$T/file/x check 5 'sluice init:' init
SLUICE_HOME=/proc/none check 5 'sluice init:' init

# Completion: commands, then the options of one.
has "--complete lists commands" "$(sl --complete)" changes
has "--complete exec lists its options" "$(sl --complete exec)" '--write='
check 0 '' --complete nosuch
sl --complete | while read -r c; do [ -e "$src/man/sluice-$c.1" ] || echo "$c"; done >"$T/none"
same "each command has a man page" "" "$(cat "$T/none")"

# limits, version: every line of --json an object with its documented keys.
same "limits --json" "" "$(sl limits --json | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if set(o) not in ({"name", "value", "unit", "what"}, {"code", "feature", "what"},
                      {"process", "started", "sees", "never", "calls", "refused", "limits"},
                      {"kind", "pattern", "of", "obeyed_by", "action"}):
        print(line)')"
has "limits says what is not supported" "$(sl limits)" 'uses: owner/repo@ref'
has "limits lists the processes" "$(sl limits)" recorder
for k in version sha256 sodium fuel_version compiler; do
	[ -n "$(sl version --json | json $k)" ]
	result $? "version --json has $k"
done
for k in layer works state why fix; do
	[ -n "$(sl doctor --json 2>/dev/null | head -n 1 | grep -o "\"$k\"")" ]
	result $? "doctor --json has $k"
done
[ -n "$(sl doctor --json 2>/dev/null | json tier)" ]
result $? "doctor --json ends with the tier"
[ "$(sl doctor 2>/dev/null | wc -l)" -le 24 ]
result $? "doctor fits a screen"
check 0 '' runs
same "no runs yet" '' "$(sl runs --json)"
check 2 '[usage]' runs extra
check 2 '[usage]' init extra
finish
