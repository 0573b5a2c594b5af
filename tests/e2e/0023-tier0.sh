#!/bin/sh
# 0023-tier0.sh -- exec --tier T0: a box without namespaces.  What it gives, what it refuses, its limits, how it
# ends, and what the record says of it.
# timeout: 180
. "$(dirname "$0")/lib.sh"
need /usr/bin/python3 flock
mkdir -p "$T/r" "$T/w" "$T/x/deep"
echo granted >"$T/r/f"
echo outside >"$T/x/f"
printf '#!/bin/sh\necho ran\n' >"$T/r/prog"
chmod 755 "$T" "$T/r" "$T/r/prog"
chmod 777 "$T/w"
chmod 644 "$T/r/f" "$T/x/f"
sl init >/dev/null 2>&1

# The policy that is shipped says no; it says yes by an edit that is registered, and for that alone.
check 0 'deny if tier("T0")' policy explain "$(sl exec --json --tier T0 -- true | json run | head -n 1)"
check 125 'deny if tier("T0")' exec --tier T0 -- touch "$T/w/no"
sed 's/^deny if tier("T0");/deny if tier("T0"), command($name), $name == "touch";/' "$SLUICE_HOME/policy/policy.dl" >"$T/p.dl"
cp "$T/p.dl" "$SLUICE_HOME/policy/policy.dl"
not "an edit that is not registered does not count" sl exec --tier T0 -- true
ok "registered" sl policy register
out=$(sl exec --tier T0 -- true 2>&1)
case $out in *'tier T0 needs'*) skip_all "no tier T0 here: $out" ;; esac
check 125 'deny if tier("T0")' exec --tier T0 -- touch "$T/w/no"
same "nothing was started" '' "$(ls "$T/w")"

t0() { sl exec --tier T0 --read "$T/r" --write "$T/w" "$@" 2>&1 </dev/null; }
st() { # st WANTED NAME ARG... : t0 ARG... returns WANTED
	want=$1 name=$2
	shift 2
	out=$(t0 "$@")
	rc=$?
	[ $rc = "$want" ]
	result $? "$name" "wanted $want, got $rc: $out"
}
sh0() { # sh0 NAME SCRIPT : it runs and prints "no LEAK"
	out=$(t0 -- sh -c "leak() { if \"\$@\" >/dev/null 2>&1; then echo LEAK \"\$@\"; fi; }; R=$T/r W=$T/w X=$T/x; $2; echo end")
	same "$1" end "$out"
}
py0() { # py0 NAME SCRIPT : every no(...) fails
	out=$(t0 -- /usr/bin/python3 -I -c "import ctypes, os, resource, signal, socket, struct, sys
R, W, X, P = '$T/r', '$T/w', '$T/x', $$
libc = ctypes.CDLL(None, use_errno=True)
def no(what, f, *a, **k):
    try: r = f(*a, **k)
    except OSError: return
    print('LEAK', what, r)
def call(*a):
    r = libc.syscall(*a)
    if r < 0: raise OSError(ctypes.get_errno(), '')
    return r
$2
print('end')")
	same "$1" end "$out"
}

# --- what it gives ---
same "what is granted can be read" granted "$(t0 -- cat "$T/r/f")"
same "and executed" ran "$(t0 -- "$T/r/prog")"
same "a directory of its own is home, and where it starts" 1 \
	"$(t0 -- sh -c '[ "$PWD" = "$HOME" ] && echo x >"$HOME/a" && echo y >"$TMPDIR/b" && [ "$(cat "$HOME/a")" = x ] && echo 1')"
own=$(t0 -- sh -c 'echo ${HOME%/home}; mkdir -p d/d/d; echo z >d/d/d/e; chmod 0 d/d')
case $own in /tmp/sluice-* | /var/tmp/sluice-*) r=0 ;; *) r=1 ;; esac
result $r "it lies in /tmp or /var/tmp" "$own"
not "and is gone afterwards" ls -d "$own"
own=$(t0 -- sh -c 'echo ${HOME%/home}; mkdir -p d/d; chmod 0 d $HOME $TMPDIR ${HOME%/home}')
not "even when it was closed" ls -d "$own"
# What a sluice that was killed has left goes with the next one: what is empty, old and nobody's.
left=${own%-*}-000000000000000000000000000000
mkdir -p "${left}01/home" "${left}01/tmp" "${left}02/home" "${left}03/home" "${left}03/tmp" "${left}04/home" "${left}0x/home"
: >"${left}03/home/f"
for i in 01 03 04 0x; do touch -d '2 minutes ago' "$left$i"; done
same "an empty one that was left is gone, one that is new, full, in use or named otherwise is not" "02 03 04 0x" \
	"$(flock "${left}04" "$SLUICE" exec --tier T0 -- true; for i in 01 02 03 04 0x; do [ ! -d "$left$i" ] || echo $i; done | paste -sd ' ')"
rm -rf "${left}01" "${left}02" "${left}03" "${left}04" "${left}0x"
same "what may be written is" written "$(t0 -- sh -c "echo written >$T/w/new; cat $T/w/new"; rm -f "$T/w/new")"
same "modes and times are changed there, and in its own" "600 1 700 9" "$(t0 -- sh -c "
umask 077; : >$T/w/m; chmod 600 $T/w/m; touch -d @1 $T/w/m; mkdir d; chmod 700 d; touch -h -d @9 d; ln -s m $T/w/l
echo \$(stat -c '%a %Y' $T/w/m d); rm $T/w/m $T/w/l")"
same "by descriptor as well" "640 2" "$(t0 -- /usr/bin/python3 -I -c "
import os
fd = os.open('f', os.O_CREAT | os.O_RDWR); os.fchmod(fd, 0o640); os.utime(fd, (2, 2)); os.symlink('f', 'l')
os.utime('l', (5, 5), follow_symlinks=False); os.chmod('l', 0o640)
assert os.lstat('l').st_mtime == 5
st = os.stat('f'); print('%o %d' % (st.st_mode & 0o7777, st.st_mtime))")"
same "a pipe, and its end" abc "$(printf abc | sl exec --tier T0 -- cat)"
same "a variable" "v-" "$(SECRET=s t0 --env A=v -- sh -c 'echo "$A-${SECRET-}"')"
same "processes, and what bash substitutes" "1 2" "$(t0 -- bash -c 'read a < <(echo 1); (sleep 0.01; exit 2) & wait $!; echo $a $?')"
same "a socket pair" 5 "$(t0 -- /usr/bin/python3 -I -c "
import socket; a, b = socket.socketpair(); a.send(b'12345'); print(len(b.recv(9)))")"
if command -v cc >/dev/null 2>&1; then
	printf 'int main(void) { return 7; }\n' >"$T/r/a.c"
	st 7 "a compiler, and what it made" -- sh -c "cc -o a $T/r/a.c && ./a"
fi
if command -v git >/dev/null 2>&1; then
	same "git" 1 "$(t0 -- sh -c "cd $T/w && git init -q g && cd g && echo a >a && git add a &&
		git -c user.name=a -c user.email=a@b commit -qm x && git log --oneline | wc -l" | head -n 1)"
	rm -rf "$T/w/g"
fi
st 0 "the status is the command's" -- true
st 3 "whatever it is" -- sh -c 'exit 3'
st 127 "not found" -- no-such-command
st 126 "not executable" -- "$T/r/f"
st 139 "a signal" -- sh -c 'kill -SEGV $$'
same "the terminal is no terminal" none \
	"$(/usr/bin/python3 -c 'import pty, sys
pty.spawn(sys.argv[1:])' "$SLUICE" exec --tier T0 -- sh -c '[ -t 0 ] || [ -t 1 ] || echo x 2>/dev/null >/dev/tty && echo tty || echo none' </dev/null | tr -d '\r')"
same "no descriptor, no group, a umask, a session of its own" "0 1 2 0022" "$(t0 --env S="$(/usr/bin/python3 -c "import os; print(os.getsid(0))")" -- sh -c '/usr/bin/python3 -c "
import os
def has(i):
    try: os.fstat(i)
    except OSError: return False
    return True
assert os.getsid(0) not in (int(os.environ[\"S\"]), 0)
print(*filter(has, range(1000)))"; umask' 9<"$T/x/f" | paste -sd ' ')"
[ "$(id -u)" != 0 ] || same "as root: another user" 1 "$(t0 -- sh -c '[ $(id -u) -gt 100000 ] && [ "$(id -G)" = "$(id -u)" ] && echo 1')"

# --- what it does not ---
sh0 "what is not granted is not read, listed or executed" 'for p in / /etc/passwd /etc/shadow /proc /proc/self/status /proc/1/environ /sys /dev /tmp /var /root /home $X $X/f $SLUICE_HOME; do leak ls $p/; leak cat $p; done; leak $X/f; leak /bin/ls $X; leak cat $R/../x/f; ln -s $X/f l; leak cat l; leak cat /proc/self/root/$X/f; leak cat /proc/self/cwd/../../../..$X/f'
sh0 "nor written" 'for p in $R/new $R/f $X/new $X/f /usr/new /etc/new /tmp/new /var/tmp/new /dev/shm/new; do leak sh -c "echo x >$p"; leak mkdir $p.d; leak ln -s x $p.l; done; leak rm $R/f; leak mv $R/f .; leak mv $R/f $W; leak ln $R/f h; leak ln $X/f h; leak truncate -s 0 $R/f; leak truncate -s 0 $X/f; leak rmdir $X/deep; leak mv $X/deep $W/d'
sh0 "nor its mode or times" 'for p in $R $R/f $X $X/f /usr; do leak chmod 777 $p; leak touch -d @5 $p; leak touch -h -d @5 $p; leak chown "$(id -u)" $p; done; ln -s $R/f l; leak chmod 777 l; leak touch -d @5 l; cd $R; leak chmod 777 f; leak chmod 777 ../x/f; cd $X; leak chmod 777 f; leak chmod 4755 $W'
same "as they were" "755 644 755 644" "$(stat -c '%a' "$T/r/prog" "$T/r/f" "$T/r" "$T/x/f" | tr '\n' ' ' | sed 's/ $//')"
py0 "nor by descriptor, directory or attribute" "
f = os.open(R + '/f', os.O_RDONLY); d = os.open(R, os.O_RDONLY); p = os.open(X, os.O_PATH)
no('fchmod', os.fchmod, f, 0o777); no('futimens', os.utime, f, (1, 1)); no('fchmod dir', os.fchmod, d, 0o777)
no('fchmodat', os.chmod, 'f', 0o777, dir_fd=d); no('fchmodat beside', os.chmod, 'f', 0o777, dir_fd=p)
no('utimensat', os.utime, 'f', (1, 1), dir_fd=p); no('fchown', os.fchown, f, os.getuid(), -1)
no('setxattr', os.setxattr, R + '/f', 'user.a', b'x'); no('fsetxattr', os.setxattr, f, 'user.a', b'x')
no('chattr', call, 16, f, 0x40086602, ctypes.byref(ctypes.c_long(0))); no('truncating', os.open, R + '/f', os.O_TRUNC)
no('truncating', os.open, R + '/f', os.O_TRUNC | 3); no('bad', os.fchmod, 99, 0o777); no('null', call, 90, 0, 0o777)
no('null times', call, 280, -100, 0, 0, 0); no('wild', call, 90, 5, 0o777); no('long', os.chmod, 'x' * 5000, 0o777)
no('empty', os.chmod, '', 0o777); no('times', call, 280, -100, b'.', 5, 0); no('flags', call, 280, -100, b'.', 0, 0x40)"
py0 "no socket but a pair" "
for f in (2, 10, 16, 17, 40, 38, 1): no(f, lambda: socket.socket(f, socket.SOCK_DGRAM))
for f in (2, 10): no(f, lambda: socket.socket(f))
u = lambda: socket.socket(socket.AF_UNIX)
no('bind', u().bind, os.environ['HOME'] + '/s'); no('abstract', u().bind, '\0sluice-e2e'); no('connect', u().connect, '/run/systemd/private')
no('connect abstract', u().connect, '\0x'); no('autobind', call, 49, u().fileno(), struct.pack('H', 1), 2)"
py0 "nobody outside" "
me = os.getppid()
for v in (P, me, 1):
    for s in (0, signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL): no(('kill', v), os.kill, v, s)
    no('tgkill', call, 234, v, v, 9); no('sigqueue', call, 129, v, 9, ctypes.create_string_buffer(128))
    no('prlimit', resource.prlimit, v, 7); no('nice', os.setpriority, 0, v, 19); no('affinity', os.sched_setaffinity, v, {0})
    no('scheduler', os.sched_setscheduler, v, os.SCHED_BATCH, os.sched_param(0)); no('ioprio', call, 251, 1, v, 3 << 13)
    no('ptrace', call, 101, 16, v, 0, 0); no('vm', call, 310, v, 0, 0, 0, 0, 0); no('kcmp', call, 312, v, v, 0, 0, 0)
    for f in ('environ', 'maps', 'mem', 'fd', 'cmdline', 'status'): no(f, os.open, '/proc/%d/%s' % (v, f), 0)
    for f in ('exe', 'cwd', 'root'): no(f, os.readlink, '/proc/%d/%s' % (v, f))
no('nice all', os.setpriority, 2, 0, 19); no('nice group', os.setpriority, 1, P, 19)
fd = os.pidfd_open(me); no('pidfd', signal.pidfd_send_signal, fd, 9); no('getfd', call, 438, fd, 0, 0)"
py0 "no object of the user, no kernel surface" "
b = ctypes.create_string_buffer(256)
for n, a in ((29, (1, 4096, 0o1600)), (30, (0, 0, 0)), (31, (0, 2, b)), (64, (1, 1, 0o1600)), (65, (0, b, 1)), (66, (0, 0, 2, b)),
             (68, (1, 0o1600)), (71, (0, 2, b)), (240, (b'/x', 0x42, 0o600, 0)), (241, (b'/x',)), (253, ()), (294, (0,)), (300, (0, 0)),
             (272, (0x10000000,)), (272, (0x20000,)), (56, (0x10000011, 0, 0, 0, 0)), (308, (3, 0)), (165, (b'x', b'/tmp', b'tmpfs', 0, 0)),
             (161, (b'/',)), (425, (1, b)), (321, (0, b, 48)), (298, (b, 0, -1, -1, 0)), (250, (0, 0)), (248, (b'user', b'a', b'b', 1, -1)),
             (135, (8,)), (304, (0, b, 0)), (319, (b'x', 0))):
    no(n, call, n, *a)"
for f in 0644 04755 02755; do
	st 1 "set-id bits" -- sh -c "cp /bin/true $T/w/s && chmod $f $T/w/s && [ $f = 0644 ] && exit 1; rm -f $T/w/s; exit 1"
done
same "nothing has such a bit" '' "$(find "$T/w" -perm /6000)"
rm -f "$T/w/s"

# --- what cannot be held at T0 is refused by name ---
check 125 "cannot give a network" exec --tier T0 --net 127.0.0.1:80 -- true
check 125 "cannot give a trace" exec --tier T0 --trace -- true
check 125 "cannot give a trace" exec --tier T0 --learn -- true
check 125 "cannot take away" exec --tier T0 --write "$T" --read "$T/r" -- true
check 125 "which no grant may reach; tier 'T0' cannot mask it" exec --tier T0 --read "$T" -- true
check 125 "lies in '$SLUICE_HOME'" exec --tier T0 --read "$SLUICE_HOME/keys" -- true
check 125 "would show everything" exec --tier T0 --read / -- true
check 125 "lies in /proc" exec --tier T0 --read /proc/self -- true
check 125 "lies in /dev" exec --tier T0 --read /dev/shm -- true
check 125 "[" exec --tier T0 --read "$T/nothing" -- true
check 125 "started in its directory" exec --tier T0 --cwd "$T/w/none" -- true
mkdir -p "$SLUICE_HOME/profiles"
printf 'description: x\ntier: T1\n' >"$SLUICE_HOME/profiles/high.yml"
printf 'description: x\ntier: T0\n' >"$SLUICE_HOME/profiles/low.yml"
check 125 "which profile 'high' asks for" exec --tier T0 --profile high -- true
check 125 "tier 'T0' is lower than T1" exec --profile low -- true
st 0 "a profile that says nothing of it" --profile strict -- true
printf 'on: push\nsandbox: { tier: T0 }\njobs: { a: { runs-on: ubuntu-latest, steps: [ { run: "true" } ] } }\n' >"$T/f.yml"
check 2 "tier 'T0' is lower" run "$T/f.yml"
not "a box is T1 unless it is asked for" sh -c "'$SLUICE' exec -- true && '$SLUICE' log show --json \$('$SLUICE' runs --json | head -n 1 | sed 's/.*\"run\":\"//; s/\".*//') | grep -q '\"tier\": *\"T0\"'"
cp "$SLUICE_HOME/policy/policy.dl" "$T/p.dl"
echo 'require_limit("memory", "aggregate") <- request("exec");' >>"$SLUICE_HOME/policy/policy.dl"
sl policy register >/dev/null
check 125 "asked for as 'aggregate' and can be 'watched' here; tier 'T0' has no cgroup" exec --tier T0 -- true
cp "$T/p.dl" "$SLUICE_HOME/policy/policy.dl"
sl policy register >/dev/null

# --- limits ---
lim() { # lim LIMIT STATUS NAME ARG... : ended by that limit
	l=$1 want=$2 name=$3
	shift 3
	out=$(sl exec --tier T0 --json "$@" 2>/dev/null </dev/null)
	rc=$?
	[ $rc = "$want" ] && [ "$(printf '%s\n' "$out" | json limit | tail -n 1)" = "$l" ]
	result $? "$name" "wanted $want by $l, got $rc: $out"
}
lim wall 137 "time" --time 1 -- sh -c 'trap "" TERM; (sleep 100 &); sleep 100'
lim cpu 152 "processor" --cpu 1 -- sh -c 'while :; do :; done'
lim cpu 137 "processor, ignored" --cpu 1 -- sh -c 'trap "" XCPU; (while :; do :; done) & while :; do :; done'
lim file_size 153 "file size" --file-size 1M -- sh -c 'exec head -c 4M /dev/zero >f'
lim output 137 "output" --output 64K -- sh -c 'exec head -c 4M /dev/zero'
lim memory 137 "memory" --memory 64M -- /usr/bin/python3 -I -c 'import time
a = bytearray(200 << 20); time.sleep(20)'
st 0 "open files" --profile strict -- sh -c '[ $(ulimit -n) = 256 ]'
out=$(sl exec --tier T0 --pids 20 -- /usr/bin/python3 -I -c '
import os, time
n = 0
try:
    while n < 500:
        if os.fork() == 0: time.sleep(20); os._exit(0)
        n += 1
except OSError: pass
print("held" if n < 25 else "LEAK %d" % n)' 2>/dev/null </dev/null)
rc=$?
case "$rc $out" in "0 held" | 137*) r=0 ;; *) r=1 ;; esac
result $r "processes" "$rc $out"

# --- ends ---
out=$(t0 --env V=1 -- sh -c 'setsid sh -c "trap \"\" TERM HUP INT; exec sleep 1001" >/dev/null 2>&1 </dev/null &
(setsid sleep 1001 >/dev/null 2>&1 &) ; echo left')
same "what is left behind" left "$out"
ends() { # ends NAME PYTHON : p is sluice, tree() is what it has started; it kills something and all must be gone
	/usr/bin/python3 -B - "$SLUICE" "$T" "$2" <<'P'
import ctypes, os, re, signal, subprocess, sys, time
sluice, top, what = sys.argv[1:]
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
def kids(p):
    out = []
    try: tasks = os.listdir(f"/proc/{p}/task")
    except OSError: return out
    for t in tasks:
        try: mine = open(f"/proc/{p}/task/{t}/children").read().split()
        except OSError: continue
        for k in mine: out += [int(k), *kids(k)]
    return out
def comm(p):
    try: return open(f"/proc/{p}/comm").read().strip()
    except OSError: return ""
p = subprocess.Popen([sluice, "exec", "--tier", "T0", "--", "sh", "-c",
    'echo $HOME; : >"$HOME/f"; trap "" TERM HUP INT; (setsid sh -c "trap \\"\\" TERM; sleep 1002; sleep 1002" &); (sleep 1002 & sleep 1002 &); sleep 1002; sleep 1002'],
    stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
home = p.stdout.readline().decode().strip()
until = time.time() + 5
while sum(comm(k) == "sleep" for k in kids(p.pid)) < 4 and time.time() < until: time.sleep(0.01)
tree = [k for k in kids(p.pid)]
by = {comm(k): k for k in tree}
exec(what)
try: p.communicate(timeout=15)
except subprocess.TimeoutExpired: print("# sluice does not end"); p.kill(); sys.exit(1)
until = time.time() + 10
def left():
    while True:
        try: k, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError: break
        if k == 0: break
    return [k for k in tree if os.path.exists(f"/proc/{k}")]
while left() and time.time() < until: time.sleep(0.02)
bad = left()
if bad: print("# alive:", [(k, comm(k)) for k in bad])
for k in bad: os.kill(k, 9)
if os.path.exists(home + "/f"): print("# its file is still there", home); bad = 1
if sum(1 for k in by if k == "sleep") == 0: print("# it did not start"); bad = 1
try: os.rmdir(home); os.rmdir(home[:-4] + "tmp"); os.rmdir(home[:-5])
except OSError: pass
sys.exit(1 if bad else 0)
P
	result $? "$1"
}
ends "killed: sluice" 'p.kill()'
ends "killed: its guard" 'os.kill(by["sluice-guard"], 9)'
ends "killed: its init" 'os.kill(by["sluice-init"], 9)'
ends "ended: its guard, asked" 'os.kill(by["sluice-guard"], 15)'
ends "ended: sluice, asked twice" 'p.terminate(); time.sleep(0.2); p.terminate(); p.terminate(); time.sleep(0.2); p.terminate()'

# --- the record ---
t0 -- sh -c "chmod 777 $T/r/f; touch $T/r/f; cp /bin/true me; ./me; exit 1" >"$T/out"
has "a refusal is said" "$(cat "$T/out")" "sluice: denied: fchmodat $T/r/f"
run=$(last_run)
log=$(sl log show "$run" --json)
box=$(printf '%s\n' "$log" | /usr/bin/python3 -c 'import json, sys
for line in sys.stdin:
    v = json.loads(line)
    if v["kind"] == "outcome": print(json.dumps(v["statement"]["predicate"]["sluice"]["box"]))')
same "the outcome names the tier" T0 "$(printf '%s\n' "$box" | json tier)"
for l in landlock:6 seccomp seccomp-killable no-new-privs no-caps subreaper; do
	has "and the layer $l" "$(printf '%s\n' "$box" | json layers)" "\"$l\""
done
for l in userns mountns pidns netns ipcns utsns cgroupns idmap; do
	lacks "but no $l" "$(printf '%s\n' "$box" | json layers)" "\"$l\""
done
same "and what it leaves open, all of it" "$(grep -v '^#' "$src/data/t0-open.tsv" | cut -f 1)" \
	"$(printf '%s\n' "$box" | json open | tr -d '[]" ' | tr ',' '\n')"
has "the grant does" "$log" '"tier"'
has "a refusal is in the observation" "$log" '"attribute"'
ok "it verifies" sl verify "$run"
check 0 'fchmodat' audit "$run"
ok "and is exported" sl export "$run" -o "$T/b"
ok "the log checks" sl log check
# What SECURITY.md says is open is what the data says.
grep -v '^#' "$src/data/t0-open.tsv" | cut -f 2,3 | while IFS="$(printf '\t')" read -r what by; do
	grep -qF "| $what | $by |" "$src/SECURITY.md" || echo "$what"
done >"$T/missing"
same "SECURITY.md lists what is open" '' "$(cat "$T/missing")"
finish
