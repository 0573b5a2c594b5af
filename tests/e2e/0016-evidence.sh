#!/bin/sh
# 0016-evidence.sh -- sluice verify, export and log: what is true verifies, nothing else does.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
did=$(sl init --json | json identity)
sl run "$src/examples/hello/flow.yml" >/dev/null 2>&1
id=$(last_run)
short=$(printf %.8s "$id")

check 0 verified verify "$id"
check 0 verified verify "$short"
same "verify --json: verified" verified "$(sl verify --json "$id" | json verdict)"
for k in verdict signer run statements receipts decisions rederived shown acts sealed checks; do
	[ -n "$(sl verify --json "$id" | json $k)" ]
	result $? "verify --json has $k"
done
check 4 'no run' verify 00000000
check 2 '[usage]' verify
check 4 '' verify "$src/README.md"

# export
out=$(sl export "$short" -o "$T/b" 2>&1)
same "export: exit 0" 0 $?
check 0 verified verify "$T/b"
check 2 'there already' export "$short" -o "$T/b"
sl export "$short" -o - >"$T/b2" 2>"$T/err"
same "export -o -: exit 0" 0 $?
ok "the bundle goes to standard output" sl verify "$T/b2"
for k in file bytes sha256 statements run sealed; do
	[ -n "$(sl export --json "$short" -o "$T/b.$k" | json $k)" ]
	result $? "export --json has $k"
done
check 2 '[usage]' export "$short"
check 2 '[usage]' export "$short" -o - --json
check 5 '' export "$short" -o /proc/nope
check 2 '' export 00000000 -o "$T/none"
[ ! -e "$T/none" ]
result $? "nothing is left where there was nothing to write"

# Somebody else's evidence: consistent, signer unknown; nothing is remembered.
far() { SLUICE_HOME=$T/far "$SLUICE" "$@"; }
out=$(far verify "$T/b" 2>&1)
same "an unknown signer: exit 4" 4 $?
has "it is named" "$out" "$did"
same "--json says so" unknown-signer "$(far verify --json "$T/b" 2>/dev/null | json verdict)"
far verify "$T/b" >/dev/null 2>&1
same "nothing is remembered: exit 4 again" 4 $?
ok "--trust KEY" env SLUICE_HOME="$T/far" "$SLUICE" verify --trust "$did" "$T/b"
far init >/dev/null
far verify "$T/b" >/dev/null 2>&1
same "a node of one's own does not change that" 4 $?
SLUICE_HOME=$T/far check 4 '' verify --trust "$(far init --json | json identity)" "$T/b"
check 2 '' verify --trust nonsense "$T/b"

# One byte changed anywhere: exit 4, and it says where.
size=$(stat -c %s "$T/b")
bad_at=""
for part in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	at=$((size * part / 16 + part))
	/usr/bin/python3 -c '
import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[int(sys.argv[3])] ^= 1
open(sys.argv[2], "wb").write(b)' "$T/b" "$T/flip" $at
	sl verify "$T/flip" >"$T/out" 2>&1
	[ $? = 4 ] || bad_at="$bad_at $at"
done
same "a flipped bit is exit 4, wherever" "" "$bad_at"
[ -s "$T/out" ]
result $? "with a reason"
head -c $((size - 7)) "$T/b" >"$T/cut"
check 4 '' verify "$T/cut"
cat "$T/b" "$T/b" >"$T/twice"
check 4 '' verify "$T/twice"
: >"$T/empty"
check 4 '' verify "$T/empty"

# log
node=$(sl log head --json | /usr/bin/python3 -c '
import json, sys
t = [json.loads(x) for x in sys.stdin]
assert all(set(o) >= {"origin", "size", "root", "kind", "is_open"} for o in t)
n = [o for o in t if o["kind"] == "node"]
assert len(n) == 1 and all(o["kind"] != "platform" or o["size"] >= 1 for o in t)
print(n[0]["size"])')
[ -n "$node" ]
result $? "log head --json: an object a tree"
has "log head shows the node" "$(sl log head)" node
out=$(sl log show "$id")
same "log show RUN: exit 0" 0 $?
for k in context decision outcome observation seal; do has "it shows the $k" "$out" "\"kind\": \"$k"; done
entry=$(sl log show --json "$id" | grep '"kind":"outcome"' | json entry | head -n 1)
same "log show ENTRY" "$entry" "$(sl log show --json "$entry" | json entry)"
check 2 '' log show 00000000
check 2 '[usage]' log show
for k in entry origin index size root transparent_statement; do
	[ -n "$(sl log prove --json "$entry" | json $k)" ]
	result $? "log prove --json has $k"
done
ok "log prove -o" sl log prove "$entry" -o "$T/receipt"
check 0 '' verify "$T/receipt"
out=$(far verify "$T/receipt" 2>&1)
same "a receipt of somebody else's: exit 4" 4 $?
size=$(stat -c %s "$T/receipt")
/usr/bin/python3 -c '
import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[len(b) // 3] ^= 4
open(sys.argv[2], "wb").write(b)' "$T/receipt" "$T/flip"
check 4 '' verify "$T/flip"
check 2 '' log prove 00000000
ok "log consistency" sl log consistency 1 "$node"
for k in size1 size2 root1 root2 path; do
	[ -n "$(sl log consistency --json 1 "$node" | json $k)" ]
	result $? "log consistency --json has $k"
done
ok "of a run's tree" sl log consistency 1 2 --tree "$id"
ok "of the platform's" sl log consistency 1 1 --tree platform
check 2 '' log consistency 2 1
check 2 '' log consistency 1 999999
check 2 '' log consistency 1 x
check 0 good log check
for k in findings entries blobs seals trees signatures bytes; do
	[ -n "$(sl log check --json | json $k)" ]
	result $? "log check --json has $k"
done
check 2 '' log nonsense

# A damaged store is found, with the place.
cp -r "$SLUICE_HOME" "$T/hurt"
seg=$(find "$T/hurt/log" -path '*/seg/*' | sort | head -n 1)
/usr/bin/python3 -c '
import sys
f = open(sys.argv[1], "r+b"); f.seek(3000); b = f.read(1); f.seek(3000); f.write(bytes([b[0] ^ 1]))' "$seg"
SLUICE_HOME=$T/hurt check 4 ' at ' log check

# audit
out=$(sl audit "$id" 2>&1)
same "audit: exit 0" 0 $?
has "it lists what was executed" "$out" execve
has "beside what covers it" "$out" '<- grant'
has "and sums up" "$out" '0 without a grant'
for k in class act object denied count first last covered_by; do
	[ -n "$(sl audit --json "$id" | head -n 1 | json $k)" ]
	result $? "audit --json has $k"
done
same "then one a class" "" "$(sl audit --json "$id" | tail -n 1 | /usr/bin/python3 -c '
import json, sys
o = json.loads(sys.stdin.read())
if set(o) != {"class", "enforced_by", "observed_by", "complete"}: print(o)')"
sl exec -- unshare -U true >/dev/null 2>&1
out=$(sl audit "$(last_run)")
has "a refusal is listed as one" "$out" refused
check 2 '' audit 00000000
finish
