#!/bin/sh
# 0026-trace.sh -- sluice exec --trace: what is opened, changed and missed; which program
# really ran; and what was lost is stated.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
py=/usr/bin/python3

audited() { sl audit "$(last_run)" 2>&1; }
mkdir "$T/in" "$T/out"
echo data >"$T/in/a"
ln -s a "$T/in/link"
tr() { sl exec --trace --read "$T/in" --write "$T/out" --cwd "$T/in" "$@" 2>&1 </dev/null; }

same "the output is the command's" data "$(tr -- cat link)"
out=$(audited)
has "a link is named by where it leads" "$out" "$T/in/a  <- grant: read $T/in"
lacks "not by itself" "$out" "$T/in/link"
has "the program by its digest" "$out" \
	"/usr/bin/cat  = /usr/bin/cat sha256:$(sha256sum /usr/bin/cat | cut -c 1-12)"
has "nothing is uncovered" "$out" "0 without a grant"
has "and its record does not claim to be complete" "$out" "not complete: open, write, absence"
lacks "nor to have lost anything" "$out" "not listed"
tr -- sh -c "echo x >$T/out/new; rm $T/out/new; ls $T/nothing; echo >>a" >/dev/null
out=$(audited)
has "what is written" "$out" "openat    $T/out/new  <- grant: write $T/out"
has "and removed" "$out" "unlinkat  $T/out/new  <- grant: write $T/out"
has "what is refused" "$out" "$T/in/a  <- refused"
has "in JSON" "$(sl audit --json "$(last_run)")" '"class":"write"'
has "with the image" "$(sl audit --json "$(last_run)")" "\"image\":{\"path\":\"/usr/bin/rm\",\"sha256\":\"$(sha256sum /usr/bin/rm | cut -c 1-64)\"}"
tr -- sh -c ': <missing-one' >/dev/null
has "what is missed" "$(audited)" "$T/in/missing-one  <- absent: nothing is there"
sl exec --read "$T/in" -- cat "$T/in/a" >/dev/null
lacks "without --trace, none of it" "$(audited)" "$T/in/a"
lacks "and no digest" "$(audited)" "sha256:"
check 125 "takes no value" exec --trace=x -- true
check 0 "trace" exec --help

# A script is the interpreter that runs it; a file that is replaced is two programs.
tr -- sh -c 'printf "#!/usr/bin/env true\n" >/tmp/s; chmod +x /tmp/s; /tmp/s
cp /usr/bin/true /tmp/t; /tmp/t; cp /usr/bin/false /tmp/t; /tmp/t' >/dev/null
out=$(audited)
has "a script" "$out" "/tmp/s  = /usr/bin/env sha256:"
has "what it was first" "$out" "/tmp/t  = /tmp/t sha256:$(sha256sum /usr/bin/true | cut -c 1-12)"
has "and then" "$out" "/tmp/t  = /tmp/t sha256:$(sha256sum /usr/bin/false | cut -c 1-12)"

# Names that are foreign.
tr -- $py -c '
import os
for n in (b"/tmp/\x1b[31m\n", b"/tmp/\xff\\x2f", b"/tmp/" + b"a" * 300, b"/tmp/../../tmp/./up", b"/proc/self/root/etc/shadow"):
    try: os.close(os.open(n, os.O_RDONLY))
    except OSError: pass' >/dev/null
out=$(audited)
has "escapes are shown as such" "$out" '/tmp/\x1b[31m\x0a  <-'
has "a backslash too" "$out" '/tmp/\xff\x5cx2f  <-'
has "dots are gone" "$out" '/tmp/up  <-'
has "a name that is cut is counted as lost" "$out" "acts that are counted, not listed: 1"

# Floods: bounded, and said.
out=$(tr -- $py -c '
import os
for i in range(3000):
    try: os.close(os.open("/tmp/none-%d" % i, os.O_RDONLY))
    except OSError: pass
try: os.open("/usr/none", os.O_WRONLY | os.O_CREAT)
except OSError as e: print(e.errno)')
same "the command goes on" 30 "$out"
out=$(audited)
has "loss is stated" "$out" "acts that are counted, not listed: "
has "a refusal has room of its own" "$out" "/usr/none  <- refused"
has "the rest is one row" "$out" "<- box: not listed, only counted"
tr -- $py -c '
import os
os.mkdir("/tmp/d")
for i in range(400):
    p = "/tmp/d/%d" % i
    os.symlink("/usr/bin/true", p)
    if os.fork() == 0: os.execv(p, ["true"])
    os.wait()' >/dev/null
has "execs too" "$(audited)" "not complete: exec,"

tr -- sh -c 'cp /usr/bin/true /tmp/huge; truncate -s 600M /tmp/huge; /tmp/huge; cp /usr/bin/true /tmp/large; truncate -s 20M /tmp/large; /tmp/large' >/dev/null
out=$(audited)
has "a program that is too large is named" "$out" "/tmp/huge  <- box: /tmp"
has "and said not to be known" "$out" "programs whose digest is not known: 1"
has "one that is not is" "$out" "/tmp/large  = /tmp/large sha256:"

# Programs that would rather not be known.
if command -v cc >/dev/null 2>&1; then
	cat >"$T/in/s.c" <<'END'
/* END: ends by the plainest call; else by a fault, before any call. */
void _start(void);
void
_start(void)
{
#ifdef END
	__asm__ volatile("syscall" : : "a"(60), "D"(7));
#endif
	__builtin_trap();
}
END
	cc -static -nostdlib -DEND -o "$T/in/ends" "$T/in/s.c" && cc -static -nostdlib -o "$T/in/traps" "$T/in/s.c"
	tr -- "$T/in/ends"
	same "a program that makes but one call" 7 $?
	has "is known" "$(audited)" "$T/in/ends  = $T/in/ends sha256:$(sha256sum "$T/in/ends" | cut -c 1-12)"
	tr -- "$T/in/traps"
	same "one that makes none" 132 $?
	out=$(audited)
	has "is named" "$out" "$T/in/traps  <- grant: exec $T/in"
	has "and said not to be known" "$out" "programs whose digest is not known: 1"
fi
# Who ends sluice ends the traced too, in the middle of a look.
cat >"$T/in/spin.py" <<'END'
import os, sys
print(os.getpid(), flush=True)
while True:
    try: os.open("/tmp/none", os.O_RDONLY)
    except OSError: pass
END
"$SLUICE" exec --trace --read "$T/in" -- $py "$T/in/spin.py" >"$T/spin.out" 2>&1 </dev/null &
pid=$!
wait_for 10 test -s "$T/spin.out"
kill -KILL $pid
wait $pid 2>/dev/null
not_there() { ! grep -qsa "${T##*/}/in/[s]pin.py" /proc/[0-9]*/cmdline; }
ok "killed with it" wait_for 5 not_there
check 0 "" exec --trace -- true
finish
