#!/bin/sh
# 0019-profile.sh -- sluice profile and exec --profile: shown, checked, used, kept apart.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
own=$SLUICE_HOME/profiles
mkdir "$own" "$T/w" "$T/data" "$T/user"
chmod 700 "$own" "$T/w"
echo content >"$T/w/file"
echo data >"$T/data/d"
HOME=$T/user
export HOME
cd "$T/w" || exit 99

# show: a list, and each one as a grant
out=$(sl profile show)
same "show: exit 0" 0 $?
for p in build offline strict tool; do
	has "it lists $p" "$out" "$p "
	out1=$(sl profile show $p)
	same "show $p: exit 0" 0 $?
	has "with its limits" "$out1" '  memory '
	for k in name origin sha256 description grant; do
		[ -n "$(sl profile show --json $p | json $k)" ]
		result $? "show --json $p has $k"
	done
	same "its digest is that of the file" "$(sha256sum <"$src/data/profiles/$p.yml" | cut -d' ' -f1)" \
		"$(sl profile show --json $p | json sha256)"
	ok "check of its file" sl profile check "$src/data/profiles/$p.yml"
done
for k in name origin sha256 description; do
	[ "$(sl profile show --json | json $k | wc -l)" = 4 ]
	result $? "show --json: $k of each"
done
has "a path is resolved" "$(sl profile show tool)" "read       $T/w"
check 2 "no profile 'nope': shipped are build, offline, strict, tool" profile show nope
check 2 "is not the name of a profile" profile show ../policy/policy
check 2 "is not the name of a profile" profile show ''
check 2 '[usage]' profile
check 2 '[usage]' profile check
check 2 "profile knows show and check" profile forget
check 2 '[input.not-found]' profile check "$T/absent.yml"
check 2 'is a directory' profile check "$T"
check 2 'no plain file' profile check /dev/zero

# check: all that is wrong, each with its place
cat >"$T/bad.yml" <<'EOF'
description: x
read: [., ../x, /]
wirte: [.]
tty: yes
limits:
  memory: 64X
  tmie: 5
EOF
out=$(sl profile check "$T/bad.yml" 2>&1)
same "check: exit 2" 2 $?
has "a path" "$out" "$T/bad.yml:2:11: error: path '../x'"
has "the root" "$out" "$T/bad.yml:2:17: error: path '/' would show everything"
has "an unknown key" "$out" "$T/bad.yml:3:1: error: unknown key 'wirte'; did you mean 'write'?"
has "a word that is no boolean" "$out" "$T/bad.yml:4:6: error: 'tty' is neither"
has "a size" "$out" "$T/bad.yml:6:11: error: limit 'memory': '64X' is no size"
has "an unknown limit" "$out" "$T/bad.yml:7:3: error: unknown limit 'tmie'; did you mean 'time'?"
has "how many" "$out" '6 errors [input.malformed]'
for k in file line col level msg; do
	[ "$(sl profile check --json "$T/bad.yml" 2>/dev/null | json $k | wc -l)" = 6 ]
	result $? "check --json has $k"
done
printf 'description: x\nnet: all\n' >"$T/net.yml"
check 2 "net.yml:2:6: error: 'net' is neither none nor a list" profile check "$T/net.yml"
printf 'description: x\ntier: T0\n' >"$T/tier.yml"
check 2 "tier.yml:2:7: error: tier 'T0' is lower than T1" profile check "$T/tier.yml"
# exec takes a tier by option, too; one that is refused starts nothing and leaves no run.
for t in t1 T10 T1, ' T1' '' best; do
	check 125 "exec: --tier: '$t' is" exec --tier "$t" -- touch "$T/w/tier"
done
check 125 'deny if tier("T0")' exec --tier T0 -- touch "$T/w/tier"
check 125 "--tier: 'T2' is not here" exec --tier T2 -- touch "$T/w/tier"
check 125 '[usage' exec --tier T1 --tier T0 -- true
same "nothing was started" '' "$(ls "$T/w/tier" 2>/dev/null)$(sl runs --json | grep -v '"denied"')"
printf 'description: x\nread: [/a]\nread: [/b]\n' >"$T/dup.yml"
check 2 "dup.yml:3:1: error: 'read' is already defined" profile check "$T/dup.yml"
printf 'description: \033[31m\n' >"$T/esc.yml"
out=$(sl profile check "$T/esc.yml" 2>&1)
lacks "no control character comes through" "$out" "$(printf '\033')"

# exec: what each gives
st() { # st WANTED NAME ARG... : sluice exec ARG... returns WANTED
	want=$1 name=$2
	shift 2
	out=$(sl exec "$@" 2>&1 </dev/null)
	rc=$?
	[ $rc = "$want" ]
	result $? "$name" "wanted $want, got $rc: $out"
}
same "tool reads the working directory" content "$(sl exec --profile tool -- cat file)"
st 2 "and does not write there" --profile tool -- sh -c 'echo x >new'
st 1 "or see beside it" --profile tool -- cat "$T/data/d"
st 0 "build writes it" --profile build -- sh -c 'echo x >new'
same "what it wrote is there" x "$(cat "$T/w/new")"
st 0 "so does offline" --profile offline -- sh -c 'echo y >new'
st 1 "strict sees none of it" --profile strict -- cat "$T/w/file"
same "and starts in the box's home" /home/runner "$(sl exec --profile strict -- pwd)"
same "the others in the working directory" "$T/w" "$(sl exec --profile build -- pwd)"
same "unless told otherwise" /tmp "$(sl exec --profile build --cwd /tmp -- pwd)"
same "strict passes input and output" ABC "$(printf abc | sl exec --profile strict -- tr a-z A-Z)"
same "its limits hold" 256 "$(sl exec --profile strict -- sh -c 'ulimit -n')"
CC=mycc SECRET=s
export CC SECRET
same "build passes CC and nothing else" "mycc-" \
	"$(sl exec --profile build -- sh -c 'echo "$CC-${SECRET-}"')"
same "tool passes neither" "-" "$(sl exec --profile tool -- sh -c 'echo "${CC-}-${SECRET-}"')"
unset CC
same "what the caller has not set is not set" unset \
	"$(sl exec --profile build -- sh -c 'echo "${CC-unset}"')"

# A terminal: where the caller has one and the profile says so.
on_tty() { # on_tty ARG... : sluice exec ARG... on a terminal of its own
	/usr/bin/python3 -c 'import pty, sys
pty.spawn(sys.argv[1:])' "$SLUICE" exec "$@" </dev/null | tr -d '\r'
}
same "build gives a terminal on a terminal" tty \
	"$(on_tty --profile build -- sh -c '[ -t 1 ] && echo tty || echo none')"
same "tool gives none there" none \
	"$(on_tty --profile tool -- sh -c '[ -t 1 ] && echo tty || echo none')"
same "build gives none elsewhere" none \
	"$(sl exec --profile build -- sh -c '[ -t 1 ] && echo tty || echo none')"

# Options add paths and variables and replace limits.
same "--read adds" data "$(sl exec --profile strict --read "$T/data" -- cat "$T/data/d")"
st 0 "--write widens a path that the profile reads" --profile tool --write . -- sh -c 'echo z >new'
same "--env adds" s "$(sl exec --profile build --env SECRET -- sh -c 'echo "$SECRET"')"
same "--env with a value replaces" other "$(sl exec --profile build --env CC=other -- sh -c 'echo "$CC"')"
grant() { # grant EXPRESSION of g, the newest run's grant
	sl policy explain --json "$(last_run)" |
		/usr/bin/python3 -c 'import json, sys
g = json.load(sys.stdin)["sluice"]["grant"]; print(eval(sys.argv[1]))' "$1"
}
sl exec --profile strict --memory 128M --pids 40 -- true
same "a limit is lowered" 134217728 "$(grant 'g["limits"]["memory"]["max"]')"
same "one is raised" 40 "$(grant 'g["limits"]["pids"]["max"]')"
same "the others are the profile's" 30 "$(grant 'g["limits"]["cpu"]["max"]')"
sl exec --profile tool -- true
same "the grant is what show says" \
	"$(sl profile show --json tool | json grant | /usr/bin/python3 -c 'import json, sys
print(json.load(sys.stdin))')" "$(grant g)"
sl exec --tier T1 -- true
same "a tier that is asked for is in the grant" T1 "$(grant 'g["tier"]')"
st 0 "a profile with it" --profile tool --tier T1 -- true
st 125 "a profile with a lower one" --profile tool --tier T0 -- true
st 125 "a limit that is wrong" --profile strict --pids 0 -- true
st 125 "no such profile" --profile nope -- true
has "it says where it looked" "$out" "no '$own/nope.yml'"
st 125 "no name at all" --profile '' -- true
st 125 "two" --profile tool --profile build -- true
st 125 "a path in place of a name" --profile "$T/bad.yml" -- true

# The record says which profile it was.
cat >"$own/mine.yml" <<EOF
description: mine
write: [.]
read: [$T/data, ./keep, ~]
env: [SECRET]
limits: { wall: 20 }
EOF
mkdir "$T/w/keep"
echo home >"$HOME/h"
same "one's own is used" "data s" "$(sl exec --profile mine -- sh -c "echo \$(cat '$T/data/d') \$SECRET")"
same "~ is the home directory" home "$(sl exec --profile mine -- cat "$HOME/h")"
st 2 "a read-only place inside a writable one" --profile mine -- sh -c 'echo x >keep/x'
has "it is listed" "$(sl profile show)" "mine             own      mine"
sum=$(sha256sum <"$own/mine.yml" | cut -d' ' -f1)
sl export "$(last_run)" -o "$T/b" >/dev/null
has "the context names it" "$(tr '\0' ' ' <"$T/b" | strings -n 20)" "\"profile\":{\"name\":\"mine\",\"sha256\":\"$sum\"}"
sl policy show >"$T/p.dl"
{
	echo 'deny if request("exec"), profile("tool", $digest);'
	cat "$T/p.dl"
} >"$T/q.dl"
ok "a policy about profiles" sl policy register "$T/q.dl"
check 125 'profile("tool", "' exec --profile tool -- true
ok "another profile" sl exec --profile build -- true
ok "and none" sl exec -- true
ok "back" sl policy register "$T/p.dl"

# A profile is only asked for: the policy decides as over options.
mkdir "$HOME/.ssh"
printf 'description: x\nread: [~/.ssh]\n' >"$own/evil.yml"
st 125 "a directory of keys" --profile evil -- ls "$HOME/.ssh"
has "the policy says no" "$out" 'deny if key_access($path)'
printf 'description: x\nwrite: [/etc/apt]\n' >"$own/evil.yml"
[ ! -d /etc/apt ] || check 125 'deny if system_write($path)' exec --profile evil -- true

# Nothing of the node's home, whoever asks.
deny() { # deny NAME PATH : a profile that names PATH is refused, by name
	printf 'description: x\nread: ["%s"]\n' "$2" >"$own/evil.yml"
	st 125 "$1: refused" --profile evil -- cat "$SLUICE_HOME/keys/identity"
	has "$1: by name" "$out" 'no grant may reach'
}
deny "the node's home" "$SLUICE_HOME"
deny "its keys" "$SLUICE_HOME/keys"
deny "the profile itself" "$own/evil.yml"
ln -s "$SLUICE_HOME/keys" "$T/w/link"
deny "by a link" "$T/w/link"
ln -sfn "$SLUICE_HOME" "$T/user/l"
deny "by a link at home" '~/l'
printf 'description: x\nwrite: ["%s"]\n' "$T" >"$own/evil.yml"
same "a directory above it shows an empty place" "" "$(sl exec --profile evil -- ls -A "$SLUICE_HOME" 2>&1)"
rm "$own/evil.yml"

# What cannot be used is said, and hides nothing.
printf 'description: x\nread: [%s]\n' "$T/absent" >"$own/gone.yml"
st 125 "a path that is not there" --profile gone -- true
has "it says where" "$out" "$own/gone.yml:2:8: cannot grant '$T/absent'"
printf 'description: x\nraed: []\n' >"$own/gone.yml"
st 125 "a key that is unknown" --profile gone -- true
has "it says where" "$out" "$own/gone.yml:2:1: unknown key 'raed'"
printf 'description: no longer strict\nwrite: [/]\n' >"$own/strict.yml"
st 125 "a shipped name is not replaced" --profile strict -- true
has "it says so" "$out" "strict.yml' has the name of a shipped profile"
out=$(sl profile show 2>&1)
same "the list then ends with 2" 2 $?
has "it names that one" "$out" 'strict: error: '
has "and the broken one" "$out" 'gone: error: '
has "and the others" "$out" 'mine '
same "show --json has the errors" 2 "$(sl profile show --json 2>/dev/null | json error | wc -l)"
rm "$own/strict.yml" "$own/gone.yml"
chmod 666 "$own/mine.yml"
st 125 "a file that others can write to" --profile mine -- true
has "it says so" "$out" 'can be written by others'
chmod 600 "$own/mine.yml"
chmod 777 "$own"
st 125 "so with its directory" --profile mine -- true
chmod 700 "$own"
ln -s mine.yml "$own/link.yml"
st 125 "a symlink" --profile link -- true
rm "$own/link.yml"
mkdir "$own/dir.yml"
st 125 "a directory" --profile dir -- true
rmdir "$own/dir.yml"
(cd / && sl exec --profile tool -- true) >"$T/out" 2>&1
same "the working directory is /" 125 $?
has "it says so" "$(cat "$T/out")" 'would show everything'
out=$(env -u HOME "$SLUICE" exec --profile mine -- true 2>&1)
same "~ without HOME" 125 $?
has "it says so" "$out" 'HOME is not set'
ok "the same as before" sl exec --profile mine -- true
check 0 'good' log check
finish
