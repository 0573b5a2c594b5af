#!/bin/sh
# 0038-tpm.sh -- sluice tpm: the platform attested, the identity sealed, by swtpm.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
command -v swtpm >/dev/null || { echo "1..0 # SKIP swtpm is not installed"; exit 0; }
mkdir "$T/tpm"
tpm() { # an emulator with its state; ends with this script
	swtpm socket --tpm2 --tpmstate dir="$T/tpm" --server type=unixio,path="$T/tpm.sock" \
		--ctrl type=unixio,path="$T/tpm.sock.ctrl" --flags startup-clear >/dev/null 2>&1 &
	tpm_pid=$!
	for _ in $(seq 100); do [ -S "$T/tpm.sock.ctrl" ] && return; sleep 0.05; done
	result 1 'swtpm starts'
}
end_tpm() { kill "$tpm_pid" 2>/dev/null; wait "$tpm_pid" 2>/dev/null; rm -f "$T/tpm.sock" "$T/tpm.sock.ctrl"; }
trap 'end_tpm; cleanup' EXIT
tpm
dev=swtpm:path=$T/tpm.sock

# --- usage ---
sl init >/dev/null 2>&1
did=$(sl init --json | json identity)
check 2 'tpm knows' tpm nonsense
check 2 '[usage]' tpm
check 2 'a list of numbers from 0 to 23' tpm attest --device "$dev" --pcrs 24
check 2 'a list of numbers from 0 to 23' tpm attest --device "$dev" --pcrs 0,,1
check 2 'not the place of a TPM' tpm attest --device none
check 5 'no TPM at' tpm attest --device "swtpm:path=$T/nothing"
not 'what cannot quote is not written down' test -e "$SLUICE_HOME/keys/tpm"
check 2 'is not sealed' tpm unseal
check 2 'is not sealed' tpm recover

# --- attestation ---
has 'without one: unattested' "$(sl log tree)" 'unattested'
check 0 'holds a quote' tpm attest --device "$dev" --pcrs 0,7,16
has 'log tree says so, and has checked the quote' "$(sl log tree)" 'attested by a TPM'
same '--json names it' tpm2 "$(sl log tree --json | json attestation | head -n 1)"
check 0 'good' log check
sl exec -- true
run=$(last_run)
check 0 verified verify "$run"
sl export "$run" -o "$T/b.sluice" >/dev/null
ok 'the independent verifier checks the quote too' /usr/bin/python3 "$src/tests/interop/sluice_verify.py" --trust "$did" "$T/b.sluice"

# --- sealing ---
out=$(sl tpm seal --json)
same 'seal: exit 0' 0 $?
code=$(printf %s "$out" | json recovery_code)
same 'a recovery code of 32 letters in groups of four' 39 "$(printf %s "$code" | wc -c)"
not 'the key is no file any more' test -e "$SLUICE_HOME/keys/identity"
for f in tpm identity.tpm identity.recovery; do same "keys/$f is its owner's alone" 600 "$(stat -c %a "$SLUICE_HOME/keys/$f")"; done
check 0 '' exec -- true
same 'the node is the same' "$did" "$(sl init --json | json identity)"
check 2 'sealed already' tpm seal
check 5 'sealed to a TPM' key rotate
check 0 'good' log check
has 'log tree still holds' "$(sl log tree)" 'links hold'
cp -r "$SLUICE_HOME" "$T/copy"

# --- without its TPM, and with another ---
end_tpm
check 5 'no TPM at' init
mv "$T/tpm" "$T/first"
mkdir "$T/tpm"
tpm
check 5 'sealed by another' init
end_tpm
rm -r "$T/tpm"
mv "$T/first" "$T/tpm"
tpm
check 0 '' init # it is back

# --- another PCR ---
/usr/bin/python3 - "$T/tpm.sock" <<'EOF'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
# TPM2_PCR_Event(16, "hi") with an empty password
s.sendall(bytes.fromhex('8002 0000001f 0000013c 00000010 00000009 40000009 0000 00 0000 0002 6869'.replace(' ', '')))
assert s.recv(512)[6:10] == bytes(4)
EOF
check 5 "PCRs are not those" init
check 125 'sluice tpm recover' exec -- true
not 'the key is nowhere on disk' grep -q -r -F "$did" "$SLUICE_HOME/keys"
for bad_code in '' AAAA "$(printf %s "$code" | tr 'A-Z2-7' 'B-Z2-7A')" "${code}A"; do
	printf '%s\n' "$bad_code" | sl tpm recover >"$T/out" 2>&1
	rc=$?
	result $((rc == 0)) "a wrong code is refused ($rc)" "$(cat "$T/out")"
done
out=$(printf '%s\n' "$code" | tr 'A-Z' 'a-z' | sl tpm recover)
same 'the code, in small letters even, brings it back' 0 $?
has 'sealed as the PCRs are now, and the code is another' "$out" 'the code is new'
same 'the node is the same again' "$did" "$(sl init --json | json identity)"
code2=$(printf '%s\n' "$out" | sed -n 's/^recovery code  //p')
printf '%s\n' "$code" | sl tpm recover >/dev/null 2>&1
same 'the first code is of no use any more' 4 $?
check 0 'good' log check
# What fails once all is sealed anew costs no code: the one before opens nothing any more.
mv "$SLUICE_HOME/keys/hmac" "$T/hmac"
out=$(printf '%s\n' "$code2" | sl tpm recover 2>&1 >/dev/null)
not 'recover fails where the log cannot be written' [ $? -eq 0 ]
mv "$T/hmac" "$SLUICE_HOME/keys/hmac"
code3=$(printf '%s\n' "$out" | sed -n 's/^recovery code  //p')
printf '%s\n' "$code3" | sl tpm recover >"$T/out" 2>&1
same 'and its code, shown all the same, is good' 0 $?

# --- back to a file ---
check 0 'keys/identity again' tpm unseal
same 'a file of its owner' 600 "$(stat -c %a "$SLUICE_HOME/keys/identity")"
not 'the sealed form is gone' test -e "$SLUICE_HOME/keys/identity.tpm"
same 'the node is the same without it' "$did" "$(sl init --json | json identity)"
end_tpm
# On another machine, without any TPM: the copy of the home and the first code.
printf '%s\n' "$code" | SLUICE_HOME=$T/copy sl tpm recover --to-file >/dev/null
same 'recover --to-file needs no TPM' 0 $?
same 'and is the same node' "$did" "$(SLUICE_HOME=$T/copy sl init --json | json identity)"
SLUICE_HOME=$T/copy check 0 'good' log check
[ -n "$code2" ]
result $? 'there was a second code'
finish
