#!/bin/sh
# 0020-net.sh -- sluice exec --net: exactly the hosts and ports that are listed.
# needs: box
# timeout: 120
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
py=/usr/bin/python3

# Services of the host's loopback: one to be listed (o), one not (n), one that answers no
# more connections (f: its queue is full), one of IPv6 (s, where there is IPv6).
cat >"$T/server.py" <<'END'
import socket, sys, threading
o, n, f = (socket.create_server(("127.0.0.1", 0), backlog=b) for b in (64, 64, 0))
try: s = socket.create_server(("::1", 0), family=socket.AF_INET6)
except OSError: s = None
full = [socket.socket() for _ in range(4)]
for c in full:
    c.setblocking(False)
    c.connect_ex(f.getsockname())
print(*(x.getsockname()[1] if x else 0 for x in (o, n, f, s)), flush=True)
def serve(k, word):
    while True:
        c, _ = k.accept()
        c.sendall(word)
        c.close()
for k, word in (o, b"listed\n"), (n, b"LEAK\n"), (s, b"six\n"):
    if k: threading.Thread(target=serve, args=(k, word), daemon=True).start()
sys.stdin.read()
END
mkfifo "$T/hold"
$py "$T/server.py" <"$T/hold" >"$T/ports" 2>"$T/server.err" &
exec 9>"$T/hold"
wait_for 5 test -s "$T/ports" || skip_all "no server: $(cat "$T/server.err")"
read -r open other full six <"$T/ports"

cat >"$T/get.py" <<'END'
import socket, sys
c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
print(c.recv(20).decode().strip(), c.getpeername()[0])
END
get() { # get HOST PORT [OPTION...] : what a program in the box gets of it
	h=$1 p=$2
	shift 2
	sl exec --read "$T/get.py" "$@" -- $py "$T/get.py" "$h" "$p" 2>&1 </dev/null
}
audited() { sl audit "$(last_run)" 2>&1; }

same "a listed address and port" "listed 127.0.0.1" "$(get 127.0.0.1 "$open" --net "127.0.0.1:$open")"
out=$(audited)
has "the audit says what covers it" "$out" "127.0.0.1:$open  <- grant: net 127.0.0.1:$open"
has "and nothing is uncovered" "$out" "0 without a grant"
same "by a shell's own means" listed "$(sl exec --net "127.0.0.1:$open" -- \
	bash -c "exec 5<>/dev/tcp/127.0.0.1/$open && cat <&5" 2>&1 </dev/null)"
out=$(get 127.0.0.1 "$other" --net "127.0.0.1:$open")
has "another port of it is the box's own" "$out" "Connection refused"
has "and is recorded" "$(audited)" "127.0.0.1:$other  <- box: own loopback"
out=$(get 192.0.2.1 "$open" --net "127.0.0.1:$open")
has "another address is refused" "$out" "Permission denied"
has "said" "$out" "denied: connect 192.0.2.1:$open"
has "and recorded" "$(audited)" "192.0.2.1:$open  <- refused"
out=$(get 169.254.169.254 80 --net "127.0.0.1:$open")
has "so is the cloud's metadata" "$out" "denied: connect 169.254.169.254:80"
out=$(get 127.0.0.1 "$open")
has "without --net there is none" "$out" "Connection refused"
same "two of them, one twice" "listed 127.0.0.1" \
	"$(get 127.0.0.1 "$open" --net "127.0.0.1:1" --net "127.0.0.1:$open" --net "127.0.0.1:$open")"
out=$(get 127.0.0.1 1 --net 127.0.0.1:1)
has "an error of the network is passed on" "$out" "Connection refused"
has "as one of the grant" "$(audited)" "127.0.0.1:1  <- grant: net 127.0.0.1:1"
if [ "$six" != 0 ]; then
	same "IPv6" "six ::1" "$(get ::1 "$six" --net "[::1]:$six")"
	has "IPv6 in the audit" "$(audited)" "[::1]:$six  <- grant: net [::1]:$six"
	has "IPv4's port is not IPv6's" "$(get ::1 "$six" --net "127.0.0.1:$six")" "Connection refused"
fi

# The socket that comes is like the one that went.
cat >"$T/like.py" <<'END'
import fcntl, os, socket, sys
a = ("127.0.0.1", int(sys.argv[1]))
def flags(s): return fcntl.fcntl(s, fcntl.F_GETFD), fcntl.fcntl(s, fcntl.F_GETFL)
for cloexec in 0, 1:
    for nonblock in 0, 1:
        s = socket.socket()
        os.set_inheritable(s.fileno(), not cloexec)
        s.setblocking(not nonblock)
        s.setsockopt(6, socket.TCP_NODELAY, 1)
        s.setsockopt(1, socket.SO_KEEPALIVE, 1)
        s.setsockopt(6, socket.TCP_KEEPIDLE, 77)
        was = flags(s)
        e = s.connect_ex(a)
        if e: print("connect", e)
        if flags(s) != was: print("flags", was, flags(s))
        opts = [s.getsockopt(*o) != 0 for o in ((6, 1), (1, 9))] + [s.getsockopt(6, socket.TCP_KEEPIDLE)]
        if opts != [True, True, 77]: print("options", opts)
        if s.connect_ex(a) != 106: print("connected twice")
        s.setblocking(True)
        if s.recv(20) != b"listed\n": print("not reached")
pid = os.fork()
if pid == 0:
    c = socket.create_connection(a); os._exit(c.recv(20) != b"listed\n")
print("done", os.waitpid(pid, 0)[1])
END
same "flags and options are kept, also in a child" "done 0" \
	"$(sl exec --read "$T/like.py" --net "127.0.0.1:$open" -- $py "$T/like.py" "$open" 2>&1 </dev/null)"

# A service that does not answer holds up who waits for it, and nothing else.
cat >"$T/slow.py" <<'END'
import errno, os, socket, sys, threading, time
full, open_ = ("127.0.0.1", int(sys.argv[1])), ("127.0.0.1", int(sys.argv[2]))
errs = []
def slow():
    s = socket.socket(); errs.append(s.connect_ex(full))
for _ in range(36): threading.Thread(target=slow, daemon=True).start()
until = time.monotonic() + 5
while len(errs) < 4 and time.monotonic() < until: time.sleep(.02)
print(sorted({errno.errorcode[e] for e in errs}), len(errs), flush=True)
pid = os.fork()
if pid == 0: socket.socket().connect(full)
os.kill(pid, 9); os.waitpid(pid, 0)
if sys.argv[3] == "wait":
    while len(errs) < 36: time.sleep(.05)
    print(sorted({errno.errorcode[e] for e in errs}), flush=True)
    print(socket.create_connection(open_).recv(20), flush=True)
os._exit(0)
END
slow() { sl exec --read "$T/slow.py" --net "127.0.0.1:$full" --net "127.0.0.1:$open" -- \
	$py "$T/slow.py" "$full" "$open" "$1" 2>&1 </dev/null; }
t0=$(date +%s)
same "more than are waited for at once" "['EAGAIN'] 4" "$(slow go)"
[ $(($(date +%s) - t0)) -lt 8 ]
result $? "who ends does not wait for them"
same "after a time it is over, and others get through" "['EAGAIN'] 4
['EAGAIN', 'ETIMEDOUT']
b'listed\\n'" "$(slow wait)"
has "which is recorded" "$(audited)" "127.0.0.1:$full  x32  <- grant: net 127.0.0.1:$full"

# Names: what one leads to must not be something that only an address may be.
check 125 "'localhost' leads to no address that a name may have" exec --net "localhost:$open" -- true
has "what it leads to is said" "$out" loopback
has "with the number of the table" "$out" "(5)"

# What is no host and port, and how that is said; test_hostport.c has the rest.
while IFS='|' read -r arg text; do
	check 125 "$text" exec --net "$arg" -- true
done <<'END'
example.org|has no port
example.org:0|is no port
example.org:65536|is no port
example.org:https|is no port
https://example.org:443|is a URL
2130706433:80|neither a name nor an address
0x7f.1:80|neither a name nor an address
0177.0.0.1:80|neither a name nor an address
127.1:80|neither a name nor an address
::1:80|stands in brackets
[::ffff:127.0.0.1]:80|write the IPv4 address
[fe80::1%eth0]:80|has a zone
0.0.0.0:80|no service can be at
224.0.0.1:80|no service can be at
example.org.:443|ends in a dot
my_host:443|holds '_'
*.example.org:443|holds '*'
user@example.org:443|holds '@'
END
i=0 many=
while [ $i -lt 65 ]; do i=$((i + 1)) many="$many --net 127.0.0.1:$i"; done
# shellcheck disable=SC2086
check 125 "more than 64 hosts and ports" exec $many -- true
check 2 "input.malformed" run --net 127.0.0.1 "$src/examples/hello/flow.yml"

# In the record: wanted, a fact, granted.
sl exec --json --net "127.0.0.1:$open" --net "[2001:DB8::0:1]:443" -- true >"$T/ev" 2>/dev/null
out=$("$src/tools/check-events" <"$T/ev" 2>&1)
result $? "the events are those of the table" "$out"
sl export "$(last_run)" -o "$T/b.bundle" >/dev/null 2>&1
check 0 verified verify "$T/b.bundle"
out=$(strings "$T/b.bundle" 2>/dev/null || cat "$T/b.bundle")
has "the grant lists them in one form" "$out" '{"host":"2001:db8::1","port":443}'

# The owner may forbid it even so.
sl policy show >"$T/p.dl"
sed 's,^// deny if want_net(\$host,deny if want_net($host,' "$T/p.dl" >"$T/no.dl"
not "the rule is there to be switched on" cmp -s "$T/p.dl" "$T/no.dl"
sl policy register "$T/no.dl" >/dev/null 2>&1
check 125 "want_net" exec --net "127.0.0.1:$open" -- true
check 0 "" exec -- true
check 0 good log check
exec 9>&-
finish
