#!/bin/sh
# 0018-limits.sh -- the limits of sluice exec: read, refused, stated to the policy, held.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null

bad() { # bad TEXT ARG... : a usage error that says TEXT
	text=$1
	shift
	out=$(sl exec "$@" -- touch "$T/ran" 2>&1 </dev/null)
	rc=$?
	[ $rc = 125 ]
	result $? "refused: $*" "status $rc: $out"
	has "it says so" "$out" "$text"
	has "as usage" "$out" '[usage] (2)'
}

for o in memory disk file-size output; do
	bad "--$o: '0' is zero" --$o 0
	bad "--$o: '64X' is no size" --$o 64X
	bad "--$o: '-1' is no size" --$o=-1
	bad "--$o: '8388608T' is more than" --$o 8388608T
	bad "option '--$o' is given twice" --$o 1G --$o 2G
done
for o in pids cpu time; do
	bad "--$o: '0' is zero" --$o 0
	bad "--$o: '1K' is no whole number" --$o 1K
	bad "--$o: '-1' is no whole number" --$o=-1
	bad "--$o: '99999999999999999999' is more than" --$o 99999999999999999999
done
for v in '' ' 1' '1 ' 1m 1MB 1MiB 1KK 1.5G 1e3 0x10 M +1 1G2; do
	bad "--memory: '$v' is no size" --memory "$v"
done
bad "option '--pids' is given twice" --pids 1 --pids 2
[ ! -e "$T/ran" ]
result $? "none of them ran anything"

# Without an option each has its default; with one, that is what is granted and recorded.
granted() { # granted LIMIT : of the newest run
	sl policy explain --json "$(last_run)" |
		/usr/bin/python3 -c 'import json, sys
print(json.load(sys.stdin)["sluice"]["grant"]["limits"][sys.argv[1]]["max"])' "$1"
}
sl exec -- true
same "memory by default" 4294967296 "$(granted memory)"
same "pids by default" 1024 "$(granted pids)"
sl exec --memory 64M --pids 30 --cpu 7 --time 50 --disk 1048576 --file-size 2K --output 1T -- true
same "all at once: exit 0" 0 $?
same "--memory" 67108864 "$(granted memory)"
same "--pids" 30 "$(granted pids)"
same "--cpu" 7 "$(granted cpu)"
same "--time" 50 "$(granted wall)"
same "--disk" 1048576 "$(granted disk)"
same "--file-size" 2048 "$(granted file_size)"
same "--output" 1099511627776 "$(granted output)"
ok "raised to the most there is" sl exec --memory 8388607T --disk 8388607T --file-size 8388607T \
	--output 8388607T --pids 4194304 --cpu 1000000000 --time 1000000000 -- sh -c 'echo x >/tmp/x'

# Each bites, and it is said which.
ends() { # ends STATUS LIMIT OPTION... -- CMD... : ended by the limit
	want=$1 limit=$2
	shift 2
	out=$(sl exec "$@" 2>&1 </dev/null | head -c 100000)
	st=$(sl runs --json | json state | sed -n 1p)
	has "$limit: it is said" "$out" "ended by the limit on $limit ("
	same "$limit: the run failed" failure "$st"
	same "$limit: it is in the record" "$limit" \
		"$(sl audit --json "$(last_run)" 2>/dev/null | grep '"class":"limit","count"' | json act)"
	sl exec "$@" >/dev/null 2>&1 </dev/null
	same "$limit: the status" "$want" $?
}
mkdir "$T/w"
chmod 700 "$T/w"
ends 137 memory --memory 48M -- /usr/bin/python3 -c 'x = b"x" * (200 << 20)
import time; time.sleep(20)'
ends 137 wall --time 1 -- sh -c 'trap "" TERM INT HUP; sleep 20'
ends 152 cpu --cpu 1 -- sh -c 'while :; do :; done'
ends 137 disk --disk 4M --write "$T/w" -- /usr/bin/python3 -c "
import os, time
f = open('$T/w/f', 'wb')
for i in range(64): f.write(b'x' * (1 << 20)); f.flush(); os.fsync(f.fileno()); time.sleep(0.05)
time.sleep(20)"
ends 137 output --output 1000 -- sh -c 'yes; sleep 20'
ends 153 file_size --file-size 1M --write "$T/w" -- sh -c "exec head -c 8M /dev/zero >'$T/w/g'"
same "no file is larger" 1048576 "$(stat -c %s "$T/w/g")"
same "and no byte of output more" 1000 "$(sl exec --output 1000 -- yes 2>/dev/null | wc -c)"
out=$(sl exec --pids 4 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait' 2>&1)
has "pids: fork fails" "$out" 'annot fork'
out=$(sl exec --disk 2M -- sh -c 'head -c 16M /dev/zero >/tmp/x; stat -c %s /tmp/x' 2>&1)
has "disk: /tmp is as large as that" "$out" 'No space left'
out=$(sl exec --file-size 1M -- sh -c 'trap "" XFSZ; head -c 8M /dev/zero >/tmp/x' 2>&1)
has "file_size: EFBIG where the signal is ignored" "$out" 'File too large'

# The owner asks; the policy decides.
sl policy show >"$T/p.dl"
{
	echo 'deny if want_limit("memory", $n), $n > 1073741824, request("exec");'
	echo 'deny if want_limit("pids", $n), $n < 2, request("exec");'
	cat "$T/p.dl"
} >"$T/q.dl"
ok "a policy about limits" sl policy register "$T/q.dl"
ok "within it" sl exec --memory 1G -- true
check 125 'want_limit("memory", 1073741825)' exec --memory 1073741825 -- true
check 125 '[policy.denied] (3)' exec -- true
check 125 'want_limit("pids", 1)' exec --memory 1G --pids 1 -- true
check 0 'good' log check
finish
