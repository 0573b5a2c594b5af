#!/bin/sh
# 0035-log-admin.sh -- sluice log tree, tail, search, rebuild, erase; sluice key.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null 2>&1
did=$(sl init --json | json identity)
sl exec -- true >/dev/null 2>&1
first=$(last_run)
sl exec --write /etc -- true >/dev/null 2>&1 # denied
sl exec -- sh -c 'echo words' >/dev/null 2>&1
run=$(last_run)

# --- tree ---
out=$(sl log tree 2>&1)
same "log tree: exit 0" 0 $?
for k in platform unattested node "$did" "$(printf %.12s "$run")" 'links hold'; do has "it shows $k" "$out" "$k"; done
same "--json: an object a level, then the sum" "platform node run run None" "$(sl log tree --json | /usr/bin/python3 -c '
import json, sys
print(*(json.loads(x).get("kind") for x in sys.stdin))')"
for k in level origin size root key is_open holds attestation identity run request decided_at sealed_at sealed_size links trees findings; do
	[ -n "$(sl log tree --json | json $k)" ]
	result $? "log tree --json has $k"
done
check 2 '[usage]' log tree more
SLUICE_HOME=$T/none check 2 'no log' log tree

# forge OFFSET-OF-KIND NTH: another store, in which the record's body has one bit flipped, and the
# record's checksum made right again, as somebody who can write would
forge() {
	rm -rf "$T/forged"
	cp -r "$SLUICE_HOME" "$T/forged"
	/usr/bin/python3 - "$T/forged/log/seg/000000.log" "$1" "$2" "$3" <<'PY'
import struct, sys
path, kind, nth, at = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]), int(sys.argv[4])
table = []
for i in range(256):
    c = i
    for _ in range(8):
        c = c >> 1 ^ (0x82F63B78 if c & 1 else 0)
    table.append(c)
def crc(b):
    c = 0xffffffff
    for x in b:
        c = table[(c ^ x) & 255] ^ c >> 8
    return c ^ 0xffffffff
d = bytearray(open(path, 'rb').read())
p = 0
while d[p:p + 3] == b'SLR':
    n = struct.unpack_from('<I', d, p + 4)[0]
    if d[p + 3] == 2 and struct.unpack_from('<I', d, p + 12)[0] == 1 and d[p + 64:p + 80].rstrip(b'\0') == kind:
        if nth == 0:
            d[p + 80 + n + at if at < 0 else p + 80 + at] ^= 1
            head = d[p:p + 8] + bytes(4) + d[p + 12:p + 80]
            if crc(d[p:p + 8] + bytes(4) + d[p + 12:p + 80 + n]) is not None:
                struct.pack_into('<I', d, p + 8, crc(head + d[p + 80:p + 80 + n]))
            open(path, 'r+b').write(d)
            sys.exit(0)
        nth -= 1
    p += 80 + n + -n % 8
sys.exit(1)
PY
}
bad=""
for what in 'key 0 -5' 'key 1 -5' 'seal 0 -5' 'seal 1 -5' 'seal 2 -5' 'key 1 200' 'seal 1 300' 'decision 0 120'; do
	# shellcheck disable=SC2086
	forge $what || bad="$bad [$what: not there]"
	out=$(SLUICE_HOME=$T/forged "$SLUICE" log tree 2>&1)
	[ $? = 4 ] || bad="$bad [$what]"
	case $out in *"entry "*"of the node's log"*) ;; *) bad="$bad [$what: not located: $out]" ;; esac
done
same "a forged key, seal or decision breaks the chain, and is located" "" "$bad"
has "--json says where" "$(SLUICE_HOME=$T/forged "$SLUICE" log tree --json 2>/dev/null)" '"node_index":'
has "and what" "$(SLUICE_HOME=$T/forged "$SLUICE" log tree --json 2>/dev/null)" '"broken":'

# --- tail ---
same "tail -n 3" 3 "$(sl log tail -n 3 | wc -l)"
same "the last is the last" "$(sl log show --json "$run" | json entry | tail -n 1)" "$(sl log tail -n 1 --json | json entry)"
same "of one tree" "outcome observation" "$(sl log tail --tree "$run" --json | json kind | tr '\n' ' ' | sed 's/ $//')"
same "more than there is: all" "$(sl log head --json | json size | awk '{n += $1} END {print n}')" "$(sl log tail -n 1000 --json | wc -l)"
same "none" "" "$(sl log tail -n 0)"
for k in time entry tree index kind issuer subject verdict; do
	[ -n "$(sl log tail -n 100 --json | json $k)" ]
	result $? "log tail --json has $k"
done
"$SLUICE" log tail -f -n 1 --json >"$T/tail" 2>&1 &
pid=$!
wait_for 10 test -s "$T/tail"
sl exec -- true >/dev/null 2>&1
wait_for 10 grep -q "$(last_run)" "$T/tail"
result $? "tail --follow shows what comes" "$(cat "$T/tail")"
kill $pid
wait $pid 2>/dev/null
check 2 '[usage]' log tail -n x
check 2 '[usage]' log tail more
check 2 'no run' log tail --tree 00000000

# --- search ---
ok "search: all" sl log search
same "by verdict" 1 "$(sl log search --verdict deny 2>/dev/null | wc -l)"
same "by run and kind" "$(sl log show --json "$run" | grep '"kind":"outcome"' | json entry)" \
	"$(sl log search --run "$run" --kind outcome --json | json entry)"
same "by a run's first digits" "$(sl log search --run "$run" --json)" "$(sl log search --run "$(printf %.10s "$run")" --json)"
same "its seal is of the run, too" seal "$(sl log search --run "$run" --json | json kind | tail -n 1)"
ctx=$(sl log show --json "$run" | grep '"kind":"decision"' | head -n 1 | /usr/bin/python3 -c '
import json, sys
print(json.loads(sys.stdin.readline())["statement"]["predicate"]["sluice"]["context"])')
same "by context" "context decision outcome" "$(sl log search --context "$ctx" --run "$run" --json | json kind | tr '\n' ' ' | sed 's/ $//')"
same "by issuer" "2" "$(sl log search --issuer "$did" --kind key --tree node --json | wc -l)"
same "by subject, as it begins" policy "$(sl log search --subject pol --json | json kind)"
same "nothing of half a century ago" "" "$(sl log search --until 1971-01-01)"
same "nothing of the future" "" "$(sl log search --since 2926-01-01T00:00:00Z)"
same "-n: the newest" "$(sl log tail -n 2 --json | json entry)" "$(sl log search -n 2 --json | json entry)"
for bad_arg in '--run xyz' '--context 12' '--since yesterday' '--until 2026-13-01' '--verdict maybe' '-n 0' 'more'; do
	# shellcheck disable=SC2086
	check 2 '[usage]' log search $bad_arg
done

# The index is never the truth: gone, foreign, damaged, cut off, lying.
want=$(sl log search --json)
rm "$SLUICE_HOME/index.db"
same "without one: the same" "$want" "$(sl log search --json 2>/dev/null)"
has "it says that it was made anew" "$(
	rm "$SLUICE_HOME/index.db"
	sl log search 2>&1
)" 'made anew: there was none'
head -c 20000 /dev/urandom >"$SLUICE_HOME/index.db"
same "noise: the same" "$want" "$(sl log search --json 2>/dev/null)"
: >"$SLUICE_HOME/index.dirty"
has "cut off: made anew" "$(sl log search 2>&1)" 'cut off'
[ ! -e "$SLUICE_HOME/index.dirty" ]
result $? "and the mark is gone"
SLUICE_HOME=$T/other "$SLUICE" exec -- true >/dev/null 2>&1
SLUICE_HOME=$T/other "$SLUICE" log search >/dev/null 2>&1
cp "$T/other/index.db" "$SLUICE_HOME/index.db"
has "another node's: made anew" "$(sl log search 2>&1)" 'of another log'
same "and the same" "$want" "$(sl log search --json)"
cp -r "$SLUICE_HOME" "$T/older"
sl exec -- true >/dev/null 2>&1
sl log search >/dev/null 2>&1
cp "$SLUICE_HOME/index.db" "$T/older/index.db"
has "of a later state: made anew" "$(SLUICE_HOME=$T/older "$SLUICE" log search 2>&1)" 'what this log does not have'
if /usr/bin/python3 -c 'import sqlite3' 2>/dev/null; then
	want=$(sl log search --json)
	/usr/bin/python3 -c '
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update e set verdict = \"allow\" where verdict = \"deny\"")
c.execute("update e set kind = \"decision\", verdict = \"deny\" where kind = \"context\"")
c.commit()' "$SLUICE_HOME/index.db"
	same "one that lies is found out" 1 "$(sl log search --verdict deny 2>/dev/null | wc -l)"
	same "and made anew" "$want" "$(sl log search --json)"
fi
ln -sf /etc/passwd "$T/link" && rm "$SLUICE_HOME/index.db" && ln -s "$T/link" "$SLUICE_HOME/index.db"
check 5 'index.db' log search
rm "$SLUICE_HOME/index.db"
mkdir "$SLUICE_HOME/index.db"
check 5 'index.db' log search
rmdir "$SLUICE_HOME/index.db"
for i in 1 2 3 4; do sl log search --json >"$T/at.$i" 2>/dev/null & done
wait
same "four at once say the same" 1 "$(for i in 1 2 3 4; do sha256sum <"$T/at.$i"; done | sort -u | wc -l)"

# --- rebuild ---
want=$(sl log search --json)
rm -f "$SLUICE_HOME"/log/idx "$SLUICE_HOME"/index.db
out=$(sl log rebuild 2>&1)
same "rebuild: exit 0" 0 $?
for k in log/head log/idx log/hash index.db; do has "it names $k" "$out" "$k"; done
same "rebuild --json: an object each" 4 "$(sl log rebuild --json | json rebuilt | wc -l)"
same "what is found is the same" "$want" "$(sl log search --json 2>/dev/null)"
ok "the log checks" sl log check
ok "receipts still verify" sl verify "$run"
SLUICE_HOME=$T/none check 2 'no log' log rebuild
[ ! -e "$T/none/keys" ]
result $? "where there is no log, none is begun"

# --- key ---
check 2 '[usage]' key
check 2 'knows show' key nonsense
check 2 '[usage]' key retire nonsense
check 2 '[usage]' key rotate now
check 2 'no working key' key retire "$did"
check 2 'key of this build' key retire "$(sl init --json | json working_key)"
old=$(sl init --json | json working_key)
same "rotate" rotated "$(sl key rotate --json | json done)"
same "the node keeps its name" "$did" "$(sl init --json | json identity)"
[ "$old" != "$(sl init --json | json working_key)" ]
result $? "and has another working key"
check 2 'ended by a rotation' key retire "$old"
ok "runs from before verify" sl verify "$first"
sl exec -- true >/dev/null 2>&1
ok "and those after" sl verify "$(last_run)"
check 0 'links hold' log tree
check 0 good log check
mv "$SLUICE_HOME/keys/next" "$T/next"
check 2 'keys/next' key rotate
check 0 '' exec -- true
mv "$T/next" "$SLUICE_HOME/keys/next"
check 0 'in force' key rotate
same "show: three identities" 3 "$(sl key show | grep -c ^identity)"
has "key show" "$(sl key show)" 'next '
same "no key file is for others" "" "$(find "$SLUICE_HOME/keys" -type f -perm /077)"
# What policy does not allow is not done.
sl policy show | sed '/request("key")/d; /request("erase")/d' >"$T/p.dl"
sl policy register "$T/p.dl" >/dev/null
was=$(sl key show)
check 3 'denies' key rotate
same "a denied rotation changes nothing" "$was" "$(sl key show)"

# --- erase ---
pay=$(sl log search --run "$run" --kind outcome --json | json entry)
pay=$(sl log show --json "$pay" | json payload)
check 3 'denies' log erase "$pay"
sl policy show >"$T/p2.dl" && {
	cat "$T/p2.dl"
	echo 'allow if request("key"), requester($who), owner($who);'
	echo 'allow if request("erase"), requester($who), owner($who);'
} >"$T/p3.dl"
sl policy register "$T/p3.dl" >/dev/null
check 2 '64 hex' log erase
check 2 '64 hex' log erase "$(printf %.8s "$pay")"
check 2 'only those' log erase "$(printf '%064d' 7)"
check 2 'not erased' log erase "$(sl init --json | json policy)"
for k in erased bytes copies statements tombstone index; do
	[ -n "$(sl log erase --json "$pay" 2>/dev/null | tee -a "$T/erased" | json $k)" ] || [ -n "$(json $k <"$T/erased")" ]
	result $? "log erase --json has $k"
done
check 2 'already' log erase "$pay"
out=$(sl verify "$run" 2>&1)
same "the run verifies: exit 0" 0 $?
has "and says what is gone" "$out" '1 text is erased, 1 of them under a tombstone'
sl export "$run" -o "$T/gone.bundle" >/dev/null 2>&1
ok "so does its bundle" sl verify "$T/gone.bundle"
out=$(sl log show "$run")
has "show says so" "$out" 'not re-derivable: erased'
has "and by which statement" "$out" tombstone
check 0 good log check
for k in observation decision; do
	pay=$(sl log show --json "$run" | grep "\"kind\":\"$k\"" | head -n 1 | json payload)
	ok "the $k is erased" sl log erase "$pay"
	ok "the run verifies" sl verify "$run"
	out=$(sl audit "$run" 2>&1)
	[ $? != 0 ]
	result $? "audit cannot pass it"
	has "and says why" "$out" erased
done
same "log check counts what is erased" 3 "$(sl log check --json | json erased)"
has "runs still lists it" "$(sl runs)" "$(printf %.12s "$run")"
same "as what it is" erased "$(sl runs --json | grep "$run" | json kind)"
check 2 'erased' changes "$run" --drop
check 0 'links hold' log tree
sl log search >/dev/null 2>&1
same "what it said is searched no more" "" "$(sl log search --run "$run" --kind outcome --context "$ctx")"
same "that it is there, still" 1 "$(sl log search --run "$run" --kind outcome | wc -l)"
finish
