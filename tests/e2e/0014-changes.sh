#!/bin/sh
# 0014-changes.sh -- sluice changes: listed, applied, held back, dropped.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
mkdir "$T/flows"
cat >"$T/flows/edit.yml" <<'Y'
on: push
jobs:
  edit:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo two >>changed.txt
          rm gone.txt
          mkdir -p new/deep && echo new >new/deep/file
          printf '#!/bin/sh\n' >tool && chmod 755 tool
          ln -s changed.txt inside
          ln -s /etc/passwd outside
          mkfifo pipe
          mkdir -p .git/hooks && echo 'evil' >.git/hooks/pre-commit
Y
base() { # base DIR : the directory that the flows work on
	mkdir -p "$1"
	echo one >"$1/changed.txt"
	echo old >"$1/gone.txt"
	echo same >"$1/same.txt"
}
run() { sl run "$@" --json 2>/dev/null | grep '"event":"run.done"' | json run; }

base "$T/w"
id=$(run "$T/flows/edit.yml" --workspace "$T/w")
same "the directory is as it was" "one old same" "$(cat "$T/w/changed.txt" "$T/w/gone.txt" "$T/w/same.txt" | tr '\n' ' ' | sed 's/ $//')"
out=$(sl changes "$id")
same "changes: exit 0" 0 $?
has "what was changed" "$out" 'M  changed.txt'
has "what was removed" "$out" 'D  gone.txt'
has "what was added" "$out" 'A  new/deep/file'
lacks "what was not changed is not listed" "$out" same.txt
has "a link that leaves the tree is marked" "$out" '! A  outside'
has "so is what runs later" "$out" '! A  .git/hooks/pre-commit'
has "and what is no file" "$out" '! A  pipe'
ok "a prefix of the ID will do" sl changes "$(printf %.8s "$id")"
ok "so will RUN/JOB" sl changes "$id/edit"
check 2 '' changes "$id/nope"
for k in run job path change kind type size sha256; do
	[ -n "$(sl changes --json "$id" | json $k)" ]
	result $? "--json has $k"
done
[ -n "$(sl changes --json "$id" | json held)" ]
result $? "--json says what is held back"

# Applied to another copy: the rest goes over, what is held back stays.
base "$T/x"
out=$(sl changes "$id" --apply "$T/x" 2>&1)
same "--apply with something held back: exit 1" 1 $?
same "changed" "one two" "$(tr '\n' ' ' <"$T/x/changed.txt" | sed 's/ $//')"
[ ! -e "$T/x/gone.txt" ] && [ -x "$T/x/tool" ] && [ -f "$T/x/new/deep/file" ]
result $? "removed, added, with modes" "$(ls -lR "$T/x")"
same "a link in the tree" changed.txt "$(readlink "$T/x/inside")"
[ ! -L "$T/x/outside" ] && [ ! -e "$T/x/pipe" ] && [ ! -e "$T/x/.git/hooks/pre-commit" ]
result $? "what is held back is not there"
same "it is the owner's of the directory" "$(stat -c %u "$T/x")" "$(stat -c %u "$T/x/new/deep/file")"
out=$(sl changes "$id" --apply "$T/x" --with .git/hooks/pre-commit 2>&1)
same "--with applies what is named" evil "$(cat "$T/x/.git/hooks/pre-commit" 2>&1)"
[ ! -L "$T/x/outside" ]
result $? "and nothing else"
ok "all named: exit 0" sl changes "$id" --apply "$T/x" --with outside --with pipe --with .git/hooks/pre-commit
check 2 '' changes "$id" --apply "$T/absent-dir"
check 2 '[usage]' changes "$id" --apply "$T/x" --drop
check 2 '[usage]' changes "$id" --apply "$SLUICE_HOME/runs"
mkdir "$T/safe"
ln -s "$T/safe" "$T/y.link"
base "$T/y"
ln -s "$T/safe" "$T/y/new"
sl changes "$id" --apply "$T/y" >/dev/null 2>&1
same "a link in the target leads nowhere" "" "$(ls "$T/safe")"

# The base changed since: refused by name.
base "$T/z"
id=$(run "$T/flows/edit.yml" --workspace "$T/z")
echo mine >"$T/z/changed.txt"
out=$(sl changes "$id" --apply "$T/z" 2>&1)
same "a path whose base changed: exit 1" 1 $?
same "is left alone" mine "$(cat "$T/z/changed.txt")"
has "and named" "$out" '! M  changed.txt'
[ ! -e "$T/z/gone.txt" ]
result $? "the rest is applied"

# Two jobs changed one path.
cat >"$T/flows/two.yml" <<'Y'
on: push
jobs:
  a: {runs-on: ubuntu-latest, steps: [{run: "echo a >both; echo a >only-a"}]}
  b: {runs-on: ubuntu-latest, steps: [{run: "echo b >both; echo b >only-b"}]}
Y
base "$T/v"
id=$(run "$T/flows/two.yml" --workspace "$T/v")
out=$(sl changes "$id" --apply "$T/v" 2>&1)
same "what two jobs changed is held back: exit 1" 1 $?
[ ! -e "$T/v/both" ] && [ -e "$T/v/only-a" ] && [ -e "$T/v/only-b" ]
result $? "the rest of both is applied" "$out"
ok "a job that is named decides" sl changes "$id/b" --apply "$T/v"
same "its own is applied" b "$(cat "$T/v/both" 2>&1)"

# --drop
ok "--drop" sl changes "$id" --drop
same "the space is freed" "" "$(find "$SLUICE_HOME/runs/$id" -name only-a 2>/dev/null)"
check 2 '' changes "$id"
ok "the evidence stays" sl verify "$id"
id=$(sl exec --json -- true 2>/dev/null | grep run.done | json run)
sl changes "$id" >"$T/out" 2>&1
same "an exec has no changes to list" "" "$(grep '^[! ] [AMD]' "$T/out")"
check 0 'good' log check
finish
