#!/bin/sh
# 0041-witness.sh -- sluice witness, three nodes: cosignatures, a quorum, a fork and its proof.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
cd "$T" || exit 99

at() { # at NODE ARG... : sluice in the home of that node
	where=$T/$1
	shift
	SLUICE_HOME=$where "$SLUICE" "$@" 2>>"$T/stderr"
}
node() { # node NODE STATUS TEXT ARG... : as check, in the home of that node
	was=$SLUICE_HOME
	SLUICE_HOME=$T/$1
	shift
	check "$@"
	SLUICE_HOME=$was
}
grow() { # grow NODE TEXT : more entries in its log
	at "$1" policy show >"$T/policy.dl"
	echo "// $2" >>"$T/policy.dl"
	at "$1" policy register "$T/policy.dl" >/dev/null
}
tree() { # tree NODE KEY : of its node tree
	at "$1" log head --json | python3 -c 'import json, sys
for l in sys.stdin:
    v = json.loads(l)
    if v["kind"] == "node": print(v[sys.argv[1]])' "$2"
}
exchange() { # exchange FROM WITNESS OLD : request and answer, into the files req and ans
	at "$1" witness request --old "$3" >"$T/req"
	at "$2" witness add-checkpoint "$T/req" >"$T/ans"
}

for x in a b c; do at $x init >/dev/null; done
log=$(at a witness key --json | json log)
name=${log%%+*}
same 'a witness keeps its key' "$(at b witness key)" "$(at b witness key)"
at a witness key | grep '^log ' >policy
for x in b c; do at $x witness key | sed -n "s/^witness [^ ]*/witness $x/p" >>policy; done
printf 'group both all b c\nquorum both\n' >>policy

# --- asked and answered ---
at a witness request >req
node b 4 404 witness add-checkpoint req
node b 0 'no log is witnessed' witness list
node b 0 'from now on' witness trust "$log"
node b 0 'already' witness trust "$log"
node b 2 'the key of a witness' witness trust "$(at b witness key --json | json witness)"
node b 2 'is not NAME+ID+KEY' witness trust x
at c witness trust "$log" >/dev/null
exchange a b 0
same 'b cosigns' 0 $?
node b 4 409 witness add-checkpoint req
same 'and says in JSON what HTTP would' "409 text/x.tlog.size $(tree a size)" \
	"$(at b witness add-checkpoint req --json | python3 -c 'import json, sys
v = json.load(sys.stdin); print(v["status"], v["type"], v["body"].strip())')"
node b 2 400 witness add-checkpoint policy
sed 's/^old 0$/old 9999/' req >bad
node b 2 'above the checkpoint' witness add-checkpoint bad
sed 's/^old 0$/old 00/' req >bad
node b 2 'line 1' witness add-checkpoint bad
node b 0 "$name" witness list
has 'the checkpoint cosigned last is kept, with the cosignature' \
	"$(at b witness checkpoint "$name")" "$(cat ans)"
has 'by its digest too' "$(at b witness checkpoint "$(printf %s "$name" | sha256sum | cut -c-64)")" "$(cat ans)"
node b 2 'no checkpoint' witness checkpoint nobody
node b 2 'no fork' witness fork "$name"

# --- a quorum ---
node a 2 'which policy' witness accept req ans
node a 0 'no quorum yet' witness accept --witness-policy policy req ans
exchange a c 0
node a 0 'a quorum' witness accept --witness-policy policy req ans
: >none
node a 4 'no key that is known' witness accept --witness-policy policy req none
echo 'quorum nobody' >wrong
node a 2 'line 1 column 8' witness accept --witness-policy wrong req ans
at a witness trust "$(at b witness key --json | json log)" >/dev/null
exchange b a 0
same 'witnesses of one another' 0 $?
node a 2 'no log of this node' witness accept --witness-policy policy req ans

# --- evidence that a quorum saw ---
at a exec -- true
run=$(at a runs --json | json run | head -n 1)
entry=$(at a log show "$run" --json | json entry | head -n 1)
node a 0 verified verify "$run"
node a 4 'came later' verify --witness-policy policy "$run"
size=$(at b witness list --json | json size)
exchange a b "$size" && at a witness accept --witness-policy policy req ans >/dev/null
node a 4 'came later' verify --witness-policy policy "$run"
exchange a c "$size" && at a witness accept --witness-policy policy req ans >/dev/null
node a 0 'cosigned by 2 of 2 witnesses' verify --witness-policy policy "$run"
at a export "$run" -o run.bundle >/dev/null
seal=$(at a log show "$run" --json | json entry | tail -n 1)
at a witness proof "$seal" -o seal.tlog-proof
at a witness proof "$entry" >entry.tlog-proof
at a log prove "$entry" -o entry.cose >/dev/null
did=$(at a log head --json | json origin | head -n 1 | cut -d/ -f2)
working=$(at a verify entry.cose --json | json signer)
node d 0 'cosigned by 2 of 2 witnesses' verify --trust "$did" --witness-policy policy --proof seal.tlog-proof run.bundle
node d 0 'cosigned by 2 of 2 witnesses' verify --trust "$working" --witness-policy policy --proof entry.tlog-proof entry.cose
node d 4 'signer unknown' verify --witness-policy policy --proof seal.tlog-proof run.bundle
node d 4 'does not lead to the root' verify --trust "$did" --witness-policy policy --proof entry.tlog-proof run.bundle
node d 4 'no quorum' verify --trust "$did" --witness-policy policy run.bundle
node d 2 'witness-policy FILE' verify --trust "$did" --proof seal.tlog-proof run.bundle
sed '$d' seal.tlog-proof >less # one cosignature fewer
node d 4 '1 of the policy' verify --trust "$did" --witness-policy policy --proof less run.bundle
same 'verdict no-quorum' no-quorum \
	"$(at d verify --trust "$did" --witness-policy policy --proof less run.bundle --json | json verdict)"
sed 's/^witness b .*//; s/^group.*//; s/both/c/' policy >one # the lines are in the order of their coming, last first
node d 0 'cosigned by 1 of 1 witnesses' verify --trust "$did" --witness-policy one --proof less run.bundle
grep -v ^log policy >nolog
node d 4 'no key that is known' verify --trust "$did" --witness-policy nolog --proof seal.tlog-proof run.bundle

# --- two histories under one key ---
size=$(at b witness list --json | json size)
cp -a a fork
grow a 'one history'
grow fork 'another'
same 'two trees of one size' "$(tree a size)" "$(tree fork size)"
exchange a b "$size" # honest
at a witness request >older
exchange fork c "$size" # the other history, shown to somebody else
at fork witness request >newer
sed '1,/^$/d' older >older.note
sed '1,/^$/d' newer >newer.note
node b 4 forked witness add-checkpoint newer
node b 4 '403: this log has forked' witness add-checkpoint older
node b 0 forked witness list
grow a 'more'
at a witness request --old "$(tree b size)" >req
node b 4 403 witness add-checkpoint req
at b witness fork "$name" -o fork.json
node b 4 'signed two trees of size' verify fork.json
node d 4 'the log'"'"'s key is not known here' verify fork.json
node d 4 forked verify --log "$log" fork.json
same 'verdict forked' forked "$(at d verify --log "$log" fork.json --json | json verdict)"
sed 's/"evidence":"size"/"evidence":"path"/' fork.json >bad.json
node d 4 'not verified' verify --log "$log" bad.json
node d 2 'is not NAME+ID+KEY' verify --log x fork.json

# c cosigned the other one: whoever brings both to it is believed
node c 0 'no contradiction' witness compare newer.note newer.note
node c 4 forked witness compare older.note newer.note
node c 4 'was known' witness report fork.json
node d 4 'not known here' witness report fork.json
at d witness trust "$log" >/dev/null
node d 4 'is kept' witness report fork.json
node d 0 forked witness list
# what was found is stated, with a receipt
id=$(at b log head --json | json size | tail -n 1)
id=$(python3 - "$T/b" <<'P'
import hashlib, pathlib, re, sys
log = b"".join(p.read_bytes() for p in sorted(pathlib.Path(sys.argv[1], "log/seg").iterdir()))
at = 0
while log[at:at + 3] == b"SLR":
    n = int.from_bytes(log[at + 4:at + 8], "little")
    if log[at + 64:at + 69] == b"fork\0":
        print(log[at + 32:at + 64].hex())
    at += (80 + n + 7) & ~7
P
)
at b log prove "$id" -o fork.cose >/dev/null
node b 4 'signed two trees of size' verify fork.cose
node d 4 forked verify fork.cose # the evidence needs nobody's word
node e 4 'signer unknown' verify fork.cose
node b 0 good log check

# --- a fork that grew: the path itself shows it ---
for x in f g; do at $x init >/dev/null; done
flog=$(at f witness key --json | json log)
at g witness trust "$flog" >/dev/null
cp -a f f2
while [ $(($(tree f size) & ($(tree f size) - 1))) = 0 ] || [ "$(tree f size)" -lt 6 ]; do grow f "$(tree f size)"; done
exchange f g 0
same 'g cosigns' 0 $?
while [ "$(tree f2 size)" -le "$(tree f size)" ]; do grow f2 "other $(tree f2 size)"; done
at f2 witness request --old "$(tree f size)" >newer
node g 4 forked witness add-checkpoint newer
at g witness fork "${flog%%+*}" -o grown.json
node d 4 'did not grow from it' verify --log "$flog" grown.json
# a path that leads nowhere is no proof: the log is not blamed for what others send
for x in h i; do at $x init >/dev/null; done
at i witness trust "$(at h witness key --json | json log)" >/dev/null
exchange h i 0
before=$(tree h size)
grow h more
at h witness request --old "$before" | awk 'NR == 2 { print "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; next } { print }' >bad
node i 4 422 witness add-checkpoint bad
exchange h i "$before"
same 'and goes on' 0 $?
finish
