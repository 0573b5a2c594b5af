#!/bin/sh
# 0046-root-requests.sh -- store root add and drop are requests: decided and durable before
# anything is seen of them, their outcome in the log, and audit --roots.
# timeout: 120
. "$(dirname "$0")/lib.sh"
cd "$T" || exit 99
sl init >/dev/null
py=/usr/bin/python3
mkdir -p tree/usr other/usr
echo one >tree/usr/f
echo two >other/usr/f
names=$SLUICE_HOME/roots/names

# --- allowed ---
check 0 'sha256:' store root add mini tree
hex=$(sl store root show mini --json | json root)
out=$(sl audit --roots)
same "audit: exit 0" 0 $?
has "it names what let it in" "$out" "mini             $hex  <- "
id=$(sl audit --roots --json | json covered_by)
has "which the log has" "$(sl log show "$id" 2>&1)" ""
check 0 'good:' log check
check 0 dropped store root drop mini
has "and what took it away: nothing is missed" "$(sl audit --roots)" "0 roots, 0 without"
check 0 "$hex" store root add mini tree
check 0 "$hex" store root add again tree
check 0 'the root has others' store root drop again
has "a name that went, its tree stays" "$(sl audit --roots)" "1 root, 0 without"
check 0 "$hex" store root add again tree
check 0 dropped store root drop "$hex"
has "a tree that went with all its names" "$(sl audit --roots)" "0 roots, 0 without"
check 0 "$hex" store root add mini tree

# --- refused ---
sl policy show >p.dl
sed 's/^allow if request("root-add").*/deny if request("root-add"), store_root("no", $d);\nallow if request("root-add"), root_source("directory", $p), $p.ends_with("\/tree");/; s/^allow if request("root-drop").*//' p.dl >own.dl
check 0 'is in force' policy register own.dl
check 3 'policy denies this' store root add no tree
check 3 'policy denies this' store root add x other
check 3 'policy denies this' store root drop mini
same "no name appeared or went" mini "$(ls "$names")"
same "no tree did" 1 "$(find "$SLUICE_HOME/roots" -maxdepth 1 -name '????????????????????????????????????????????????????????????????' | wc -l)"
same "nothing is left of it" '' "$(find "$SLUICE_HOME/roots" -name 'new-*')"
check 0 'good:' log check
has "audit has nothing to say" "$(sl audit --roots)" "1 root, 0 without"
check 0 'sha256:' store root add yes tree
check 0 'is in force' policy register p.dl
# The default lets the owner alone.
sed 's/^owner(\$who).*/owner($who) <- requester($who), $who == "somebody";/; s/^allow if request("policy").*/allow if request("policy");/' p.dl >own.dl
check 0 'is in force' policy register own.dl
check 3 'policy denies this' store root add x other
check 3 'policy denies this' store root drop yes
check 0 'is in force' policy register p.dl
check 0 "the root has others" store root drop yes

# --- behind its back ---
printf '%s\n' "${hex#sha256:}" >"$names/sneaked"
out=$(sl audit --roots 2>&1)
same "a name that nobody decided: exit 1" 1 $?
has "is named" "$out" "sneaked          $hex  <- NOTHING"
has "and counted" "$out" "2 roots, 1 without"
same "in JSON" null "$(sl audit --roots --json 2>/dev/null | grep sneaked | $py -c 'import json,sys; print(json.dumps(json.load(sys.stdin)["covered_by"]))')"
mv "$names/sneaked" "$names/mini.x"
rm "$names/mini.x" "$names/mini"
out=$(sl audit --roots 2>&1)
same "one that went: exit 1" 1 $?
has "is named too" "$out" "mini             $hex  is gone, and nobody decided that"
printf '%s\n' "${hex#sha256:}" >"$names/mini"
fake=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
cp -r "$SLUICE_HOME/roots/${hex#sha256:}" "$SLUICE_HOME/roots/$fake"
out=$(sl audit --roots 2>&1)
has "a tree that was put there" "$out" "-                sha256:$fake  <- NOTHING"
chmod -R u+w "$SLUICE_HOME/roots/$fake"
rm -r "${SLUICE_HOME:?}/roots/$fake"
has "all as it was" "$(sl audit --roots)" "1 root, 0 without"
check 2 'takes a run, or --roots' audit
check 2 'takes a run, or --roots' audit --roots 0123

# --- what fails after it was decided ---
check 0 'sha256:' store root add second other
check 2 'is another root already' store root add second tree
has "a name that is taken is not even asked for" "$(sl audit --roots)" "2 roots, 0 without"

# --- the order, and an end in the middle ---
# strace -e inject ends a process at a call: renameat that shows the root, unlinkat that takes the name.
if command -v strace >/dev/null 2>&1 && strace -o "$T/t" true 2>/dev/null; then
	mkdir -p third/usr
	echo three >third/usr/f
	strace -f -o "$T/add" -e trace=fdatasync,fsync,renameat,renameat2,rename "$SLUICE" store root add third third >/dev/null 2>&1
	$py - "$T/add" <<'END'
import re, sys
lines = open(sys.argv[1]).read().splitlines()
show = [i for i, x in enumerate(lines) if re.search(r'rename(at|at2)?\(.*"new-\d+".*"[0-9a-f]{64}"', x)]
sync = [i for i, x in enumerate(lines) if 'fdatasync(' in x or ('fdatasync resumed' in x)]
done = [i for i in sync if lines[i].rstrip().endswith('= 0')]
if len(show) != 1 or not [i for i in done if i < show[0]]:
    print('\n'.join(lines[-40:]))
    sys.exit(1)
if not [i for i in done if i > show[0]]:
    print('no outcome after it')
    sys.exit(1)
END
	result $? "the decision is synced before the root is shown, the outcome after it"
	check 0 dropped store root drop third
	strace -f -o "$T/t" -e trace=renameat -e inject=renameat:signal=KILL:when=1+ \
		-P "$SLUICE_HOME/roots" "$SLUICE" store root add third third >/dev/null 2>&1
	before=$(sl store root show third 2>&1)
	has "killed when it was to be shown: it is not there" "$before" "there is no root"
	out=$(sl store root add third third 2>&1)
	has "the next start says so" "$out" "recorded as interrupted"
	has "and it can be done again" "$out" sha256:
	out=$(sl audit --roots 2>&1)
	same "which audit knows" 0 $?
	strace -f -o "$T/t" -e trace=unlinkat -e inject=unlinkat:signal=KILL:when=1+ \
		-P "$names/third" -P roots/names/third "$SLUICE" store root drop third >/dev/null 2>&1
	out=$(sl audit --roots 2>&1)
	same "killed in the middle of a drop: audit is content, whether it is there or not" 0 $?
	sl store root drop third >/dev/null 2>&1
	check 0 'sha256:' store root add third third
	check 0 '3 roots, 0 without' audit --roots
	check 0 'good:' log check
fi
finish
