#!/bin/sh
# 0027-learn.sh -- sluice exec --learn: the grant that it proposes is enough, and without
# any row of it the command fails; what nobody should be offered is not.
# needs: box
# timeout: 240
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
py=/usr/bin/python3
HOME=$T/user LANG=C.UTF-8
export HOME LANG
mkdir -p "$HOME" "$T/p/src" "$T/p/doc" "$T/p/deep/a/b" "$T/out"
cd "$T/p" || exit 99
. "$src/tests/e2e/learnlib.sh"

# Reading.
echo one >src/a
echo two >src/b
echo doc >doc/c
echo deep >deep/a/b/d
lesson --read "$T/p" --cwd "$T/p" -- cat src/a deep/a/b/d
same "the command's status is its own" 0 "$rc"
same "and its output" "one deep" "$(tr '\n' ' ' <"$T/stdout" | sed 's/ $//')"
has "a file that was read" "$line" "--read $T/p/deep/a/b/d --read $T/p/src/a "
lacks "not its neighbour" "$line" "src/b"
has "it is said to be the least" "$out" "the least that it needed"
smallest "two files" :
lesson --read "$T/p" --read "$T/out" -- sh -c "ls $T/p/src >/dev/null; cat $T/p/doc/c"
has "a directory that was listed" "$line" "--read $T/p/src"
has "what was granted for nothing is named" "$out" "left out: $T/out (granted, not used)"
lacks "and not proposed" "$line" "$T/out"
for i in 1 2 3 4 5; do echo $i >deep/a/$i; done
lesson --read "$T/p" -- cat "$T/p/deep/a/1" "$T/p/deep/a/2" "$T/p/deep/a/3" "$T/p/deep/a/4"
same "more than a few files are their directory" "sluice exec --read $T/p/deep/a" "$(printf %s "$line" | sed 's/ --cpu.*//')"
ln -s ../src/a doc/link
lesson --read "$T/p" -- cat "$T/p/doc/link"
has "a link is there with its directory" "$line" "--read $T/p/doc --read $T/p/src/a "
smallest "a link" :
lesson --read "$T/p" -- test -e "$T/p/src/a"
smallest "a question" :
lesson --read "$T/p" --cwd "$T/p" -- true
lacks "what is not used at all" "$line" "$T/p"
has "is named" "$out" "left out: $T/p (the working directory: nothing there was used)"
ok "and the rest does" proposed

# Writing.
lesson --write "$T/p" --cwd "$T/p" -- sh -c 'cat src/a >>doc/c'
has "a file that is changed, and no more" "$line" "--read $T/p/src/a --write $T/p/doc/c --cwd"
smallest "one file changed" :
lesson --write "$T/p" --write "$T/out" -- sh -c "cp $T/p/src/a $T/out/new && rm $T/out/new"
has "what is made and removed: its directory" "$line" "--write $T/out "
has "what is only read is not written" "$line" "--read $T/p/src/a "
has "this is said" "$out" "left out: $T/p (granted to write, only read)"
smallest "made and removed" :
lesson --write "$T/out" -- sh -c "mkdir $T/out/x && mkdir $T/out/x/y"
has "directories that it made are not there yet" "$line" "--write $T/out "
smallest "a directory made" 'rm -rf "$T/out/x"'
lesson --write "$T/p" -- mv "$T/p/src/b" "$T/p/doc/b"
has "a file that moves: both" "$line" "--write $T/p/doc --write $T/p/src "
smallest "moved" 'rm -f doc/b; echo two >src/b'
echo '#!/bin/sh
cat src/a' >run.sh
chmod +x run.sh
lesson --read "$T/p" --cwd "$T/p" -- ./run.sh
has "a script" "$line" "--read $T/p/run.sh --read $T/p/src/a"
smallest "a script" :

# What failed: what to try next, until it does.
lesson -- cat src/a
same "its status" 1 "$rc"
has "the caller's directory is tried" "$line" "--read $T/p --cwd $T/p --"
lacks "nothing is said to be enough" "$out" "the least"
ok "then it does" proposed
lesson --read "$T/p" -- sh -c "echo x >>$T/p/doc/c"
has "what was refused" "$line" "--write $T/p/doc/c"
ok "then it does, writing" proposed
lesson --read "$T/p" -- touch "$T/p/doc/new"
has "a new file: its directory" "$line" "--read $T/p --write $T/p/doc --"
ok "then it does, making" proposed
lesson -- false
has "nothing was missed" "$out" "missed nothing that this host has"
same "so nothing is proposed" "" "$line"
lesson --time 1 -- sleep 30
same "one that a limit ended" 137 "$rc"
lesson -- no-such-program-anywhere
same "one that is not there" 127 "$rc"
mkdir "$T/bin"
cp /usr/bin/true "$T/bin/mytool"
PATH=$T/bin:$PATH lesson -- mytool
has "one that the caller has" "$line" "--read $T/bin/mytool"

# What nobody is offered.
mkdir -p "$HOME/.ssh" "$T/p/.git/hooks"
echo KEY >"$HOME/.ssh/id_x"
echo S=1 >.env
lesson -- cat "$HOME/.ssh/id_x" "$T/p/.env" "$T/p/src/a"
has "what is harmless is" "$line" "--read $T/p/src/a --"
lacks "a key is not" "${line%% -- *}" ".ssh"
has "that is said" "$out" "left out: $HOME/.ssh/id_x (keys)"
has "nor secrets" "$out" "left out: $T/p/.env (secrets, often)"
lesson --read "$HOME" -- cat "$HOME/.ssh/id_x"
lacks "not even where it was granted" "${line%% -- *}" ".ssh"
has "with the reason" "$out" "left out: $HOME/.ssh/id_x (keys)"
lesson --read "$T/p" -- touch "$T/p/.git/hooks/post-checkout"
lacks "nor where git would run it" "$line" "--write"
has "git's hooks" "$out" "left out: $T/p/.git/hooks (git runs what is there)"
lesson -- cat "$SLUICE_HOME/keys/identity" "$SLUICE_HOME/log/0"
lacks "nor sluice's own" "${line%% -- *}" "$SLUICE_HOME"
ln -s "$HOME/.ssh/id_x" "$T/p/innocent"
lesson -- cat "$T/p/innocent"
lacks "a link to a key is a key" "${line%% -- *}" "innocent"
lacks "by its own name too" "${line%% -- *}" ".ssh"

# Names that are foreign: nothing of them is obeyed, by us or by who pastes the line.
evil="$T/p/a'; touch $T/pwned; '\$(touch $T/pwned)"
mkdir -p "$evil"
echo x >"$evil/f"
lesson --read "$T/p" -- cat "$evil/f"
ok "a name with quotes" proposed
not "is not obeyed" test -e "$T/pwned"
printf x >"$T/p/$(printf 'esc\033[31m')"
lesson --read "$T/p" -- $py -c "open('$T/p/esc\\x1b[31m')"
lacks "escapes are not shown" "$out" "$(printf '\033')"
has "but named" "$out" 'esc\x1b[31m (its name cannot be shown)'
lesson -- sh -c "cat /proc/self/root/etc/shadow /../..$T/p/src/a; true"
lacks "no way round" "${line%% -- *}" "shadow"
lesson -- $py -c '
for i in range(40000):
    try: open("/usr/none/%d" % i)
    except OSError: pass'
has "a flood of names: what was lost is said" "$out" "names could not be kept"
lesson --read "$T/p" -- sh -c "for i in 1 2 3; do cat $T/p/doc/c; done >/dev/null; kill -9 \$\$"
same "one that was killed" 137 "$rc"
check 125 "is there already" exec --learn-profile "$T/p/src/a" -- true
same "and is untouched" one "$(cat "$T/p/src/a")"

# As a profile, and as an event.
lesson --learn-profile "$T/mine.yml" --write "$T/p" --env LANG -- sh -c "cat $T/p/src/a >>$T/p/doc/c"
same "a profile is private" 600 "$(stat -c %a "$T/mine.yml")"
mkdir -p "$SLUICE_HOME/profiles"
cp "$T/mine.yml" "$SLUICE_HOME/profiles/mine.yml"
chmod 600 "$SLUICE_HOME/profiles/mine.yml"
check 0 "$T/p/doc/c" profile show mine
ok "it does" sl exec --profile mine -- sh -c "cat $T/p/src/a >>$T/p/doc/c"
not "and no more" sl exec --profile mine -- sh -c "echo x >>$T/p/src/a"
sl exec --learn --json --read "$T/p" -- cat "$T/p/src/a" >"$T/events"
ok "the events are as documented" sh -c "'$src/tools/check-events' <'$T/events'"
has "the lesson is one of them" "$(json read <"$T/events")" "[\"$T/p/src/a\"]"
same "and says that it is the least" true "$(grep '"event":"learn"' "$T/events" | json last)"
lacks "without --learn there is none" "$(sl exec --json -- true)" '"event":"learn"'
finish
