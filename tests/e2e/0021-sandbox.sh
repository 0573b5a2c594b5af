#!/bin/sh
# 0021-sandbox.sh -- the key `sandbox` of a flow, its jobs and steps: decided, enforced, recorded.
# needs: box
# timeout: 240
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
py=/usr/bin/python3
# A place that no box has for its own: /tmp is every step's.
if [ "$(id -u)" = 0 ]; then out_there=/srv; else out_there=$(cd "${SL_PLACE:-${HOME:-/nonexistent}}" 2>/dev/null && pwd -P); fi
D=$(mktemp -d "$out_there/sluice-e2e.XXXXXX" 2>/dev/null) || skip_all "no directory outside of /tmp"
case $D in /tmp/* | /run/* | /var/tmp/*) rmdir "$D" && skip_all "the home directory lies in /tmp" ;; esac
trap 'rm -rf "$D"; cleanup' EXIT
mkdir "$T/w" "$D/r" "$D/w"
chmod 755 "$D"
echo read-me >"$D/r/f"
echo base >"$T/w/base"

# flow TEXT : the flow file; its workspace is $T/w
flow() { cat >"$T/w/f.yml"; }
run() { sl run "$@" "$T/w/f.yml" 2>&1 </dev/null; }
# grant NAME KEY... : of the decision of the step of that name in the newest run
grant() {
	rm -f "$T/b.bundle"
	sl export "$(last_run)" -o "$T/b.bundle" >/dev/null 2>&1
	$py - "$T/b.bundle" "$@" <<'END'
import json, re, sys
text = open(sys.argv[1], 'rb').read()
# Statements are JSON in the bundle: each decision of a step, in order.
dec = json.JSONDecoder()
found = []
for m in re.finditer(rb'\{"_type":', text):
    try: v, _ = dec.raw_decode(text[m.start():].decode('utf-8', 'replace'))
    except ValueError: continue
    s = v.get('predicate', {}).get('sluice', {})
    if s.get('verdict'): found.append(s)
which = sys.argv[2]
s = [x for x in found if (x['kind'] == 'run' if which == 'run' else x.get('step', {}).get('index') == int(which))][0]
v = s['grant']
for k in sys.argv[3:]: v = v[k]
print(json.dumps(v, sort_keys=True) if not isinstance(v, str) else v)
END
}

# --- strict: what a flow asks for by itself is not given ---
flow <<END
on: push
sandbox: { read: [$D/r] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: cat $D/r/f }] }
END
out=$(run)
same "a place of the host: denied" 3 $?
has "by the rule" "$out" 'deny if flow_want($kind, $what)'
has "for what it asks" "$out" "flow_want(\"read\", \"$D/r\")"
has "and how to give it" "$out" "if you mean it: with --read $D/r
"
lacks "nothing of it is shown" "$out" read-me
has "explain says so too" "$(sl policy explain "$(last_run)")" "flow_want(\"read\", \"$D/r\")   [fact, stated by flow]"
out=$(run --read "$D/r")
same "with the option: exit 0" 0 $?
has "it reads" "$out" "| read-me"
same "that is what is granted" "[{\"access\": \"rx\", \"path\": \"$D/r\"}]" "$(grant run fs)"
out=$(run --read "$D")
same "an option for more covers it" 0 $?
same "but it has what it asked for" "[{\"access\": \"rx\", \"path\": \"$D/r\"}]" "$(grant run fs)"
flow <<END
on: push
sandbox: { read: [], write: [$D] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: touch $D/r/new }] }
END
out=$(run --write "$D" --read "$D/r")
same "a place that an option has narrower in another is not made wider" 3 $?
has "it is a want" "$out" "flow_want(\"write\", \"$D/r\")"
result $(($(ls "$D/r" | grep -c new) != 0)) "nothing was written"
sed -i "s,read: \[\]\, ,," "$T/w/f.yml"
out=$(run --write "$D" --read "$D/r")
same "kept as it is, it is refused inside" 1 $?
has "by the box" "$out" "Read-only file system"
flow <<END
on: push
sandbox: { read: [$D/r] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: cat $D/r/f }] }
END
out=$(run --read "$D/w")
same "an option for another does not" 3 $?
for want in "write: [$D/w]" "env: [SL_TOKEN]" 'net: ["127.0.0.1:9"]' 'limits: { memory: 5G }' 'limits: { time: 30000 }' \
	'limits: { open-files: 5000 }' "read: [/etc]"; do
	flow <<END
on: push
sandbox: { $want }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: "true" }] }
END
	out=$(SL_TOKEN=hunter2 run)
	same "denied: $want" 3 $?
	has "as a want of the flow" "$out" "flow_want("
	lacks "no value is shown" "$out" hunter2
done
has "the value of a limit, and the option" "$(flow <<END
on: push
sandbox: { limits: { open-files: 5000 } }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: "true" }] }
END
run)" 'with --open-files 5000'
out=$(run --open-files 5000)
same "given by option" 0 $?
# What is shown to be typed is one word, whoever wrote it.
for row in '/a b|with --read '"'"'/a b'"'" '/$(touch x)|with --read '"'"'/$(touch x)'"'" "/a'b|with --read what is named above" \
	'/a\\b|with --read what is named above'; do
	flow <<END
on: push
sandbox: { read: ["${row%%|*}"] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: "true" }] }
END
	has "a remedy: ${row%%|*}" "$(run)" "${row#*|}
"
done
# The other rules hold for what an option gives, too.
flow <<END
on: push
sandbox: { read: [/root/.ssh] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: "true" }] }
END
has "keys are never shown" "$(run)" key_access

# --- a policy of one's own ---
sl policy show >"$T/p.dl"
sed "s,^deny if flow_want(\$kind.*,deny if flow_want(\$kind\, \$what)\, \$kind != \"read\" || \$what != \"$D/r\";," "$T/p.dl" >"$T/own.dl"
flow <<END
on: push
sandbox: { read: [$D/r] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: cat $D/r/f }] }
END
ok "a rule for one place" sl policy register "$T/own.dl"
has "is enough" "$(run)" "| read-me"
sed -i "s,r\\],w]," "$T/w/f.yml"
run >/dev/null
same "for that alone" 3 $?
ok "and back" sl policy register "$T/p.dl"

# --- three levels, seen from inside ---
flow <<END
on: push
sandbox:
  read: [$D/r]
  write: [$D/w]
  limits: { open-files: 100, pids: 60 }
jobs:
  a:
    runs-on: ubuntu-latest
    sandbox: { workspace: read, limits: { open-files: 90 } }
    steps:
      - run: |
          echo "a0 \$(ulimit -n) \$(cat $D/r/f) \$(cat base)"
          echo a0 >$D/w/a0 && echo wrote
          ! touch new 2>/dev/null && echo ws-closed
      - run: |
          echo "a1 \$(ulimit -n)"
          ! cat $D/r/f 2>/dev/null && ! ls $D/r 2>/dev/null && echo r-gone
          ! touch $D/w/a1 2>/dev/null && cat $D/w/a0 && echo w-closed
          ! ls / 2>/dev/null && ls /usr >/dev/null && echo x >/tmp/x && echo rest-there
        sandbox: { read: [$D/w], write: [], limits: { open-files: 80 } }
      - run: |
          ! cat base 2>/dev/null && ! ls 2>/dev/null && ! ls /workspace 2>/dev/null && echo ws-gone
          cat $D/r/f && rm $D/w/a0
        sandbox: { workspace: none }
  b:
    runs-on: ubuntu-latest
    sandbox: { read: [], write: [], workspace: none }
    steps:
      - run: |
          test ! -e $D && test -z "\$(ls /workspace)" && echo b-nothing "\$(ulimit -n)"
END
out=$(run --read "$D/r" --write "$D/w")
same "three levels: exit 0" 0 $?
has "the job's limit, the flow's places" "$out" "| a0 90 read-me base"
has "written in place" "$out" "| wrote"
has "the job's workspace is only to read" "$out" "| ws-closed"
has "the step's limit" "$out" "| a1 80"
has "a place given up" "$out" "| r-gone"
has "another only to read" "$out" "| w-closed"
has "all else as ever" "$out" "| rest-there"
has "a step without a workspace" "$out" "| ws-gone"
has "a job without anything: the flow's limit" "$out" "| b-nothing 100"
has "nothing changed" "$(run --read "$D/r" --write "$D/w")" "success · 2 of 2 jobs ·"
same "a job that only reads left no change" '' "$(sl changes "$(last_run)" 2>/dev/null | grep '^  [AMD]')"
same "a step's decision has the step's grant" 80 "$(grant 1 limits nofile max)"
same "its places" "[{\"access\": \"rx\", \"path\": \"$D/w\"}]" "$(grant 1 fs)"
same "its workspace" none "$(grant 2 workspace mode)"
same "the run's has the flow's" 100 "$(grant run limits nofile max)"
check 0 verified verify "$T/b.bundle"
did=$(sl verify --json "$T/b.bundle" 2>/dev/null | json identity)
out=$($py "$src/tests/interop/sluice_verify.py" --trust "$did" "$T/b.bundle" 2>&1)
has "and a verifier that is not ours agrees" "$out" ": run"
lacks "that each step's grant is within" "$out" failed
out=$(sl audit "$(last_run)")
has "every act is covered" "$out" "0 without a grant"

# --- limits of a step end it, and not the next ---
for row in 'memory: 24M|memory|head -c 60000000 /dev/zero >/dev/shm/x; sleep 20' \
	'disk: 2M|disk|head -c 9000000 /dev/zero >/tmp/x; sleep 20' \
	'time: 1|wall|sleep 20' \
	'cpu: 1|cpu|while :; do :; done' \
	'output: 1K|output|head -c 5000 /dev/zero | tr "\\0" x; sleep 20'; do
	limit=${row%%|*} rest=${row#*|}
	name=${rest%%|*} cmd=${rest#*|}
	flow <<END
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          $cmd
        continue-on-error: true
        sandbox: { limits: { $limit } }
      - run: rm -f /tmp/x /dev/shm/x; head -c 5000 /dev/zero | wc -c; sleep 1.2; echo after
END
	out=$(run)
	same "$limit: the next step runs" 0 $?
	has "$limit: it ended the step" "$out" "ended by the limit on $name"
	has "$limit: and not the next" "$out" "| after"
done
flow <<END
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          ulimit -n; trap '' XFSZ
          ! head -c 9000 /dev/zero >/tmp/x 2>/dev/null && wc -c </tmp/x
        sandbox: { limits: { open-files: 77, file-size: 4K } }
      - run: ulimit -n; head -c 9000 /dev/zero >/tmp/x && wc -c </tmp/x
END
out=$(run)
has "open files" "$out" "| 77"
has "the size of a file" "$out" "| 4096"
has "neither of the next step" "$out" "| 9000"

# --- variables ---
flow <<END
on: push
sandbox: { env: [SL_A, SL_UNSET] }
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "1 \${SL_A-unset} \${SL_B-unset} \${SL_UNSET-unset}"
      - run: echo "2 \${SL_A-unset} [\${{ env.SL_A }}]"
        sandbox: { env: [] }
      - run: echo "3 \$SL_A"
        env: { SL_A: own }
END
out=$(SL_A=value SL_B=b run)
same "a variable of the caller's: denied" 3 $?
lacks "its value is nowhere" "$out" value
out=$(SL_A=value SL_B=b run --env SL_A --env SL_B)
has "given by option: what the flow takes of them" "$out" "| 1 value unset unset"
has "a step without it" "$out" "| 2 unset []"
has "the flow's own of that name" "$out" "| 3 own"
same "a name that is not set is not wanted" '["SL_A"]' "$(grant run env)"

# --- profiles ---
flow <<END
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    sandbox: { profile: strict, workspace: read, limits: { pids: 20 } }
    steps:
      - run: ulimit -n; ! touch x 2>/dev/null && cat base
END
out=$(run)
same "a job from a profile: exit 0" 0 $?
has "its limits" "$out" "| 256"
has "and what is added" "$out" "| base"
same "the profile's limit" 268435456 "$(grant 0 limits memory max)"
same "the key's own goes before it" 20 "$(grant 0 limits pids max)"
has "it is a fact" "$(sed 's/^deny if flow_want(\$kind.*/deny if profile("strict", $h);/' "$T/p.dl" >"$T/x.dl"
	sl policy register "$T/x.dl" >/dev/null
	run
	sl policy register "$T/p.dl" >/dev/null)" 'profile("strict", '
mkdir -m 700 "$SLUICE_HOME/profiles"
printf 'description: mine\nread: [%s]\nwrite: [.]\n' "$D/r" >"$SLUICE_HOME/profiles/mine.yml"
sed -i 's/profile: strict.*/profile: mine }/; s/! touch x.*/touch x/' "$T/w/f.yml"
check 2 "f.yml:5:25: error: profile 'mine': read '$D/r' is more than the flow has" run "$T/w/f.yml"
check 0 'success' run --read "$D/r" "$T/w/f.yml"
sed -i 's/profile: mine/profile: nope/' "$T/w/f.yml"
check 2 "f.yml:5:25: error: no profile 'nope': shipped are" run "$T/w/f.yml"
flow <<END
on: push
sandbox: { profile: mine }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: cat $D/r/f }] }
END
run >/dev/null
same "a profile that a flow names is the flow's want" 3 $?

# --- wider, or not to be had: refused with its place ---
refuse() { # refuse PLACE TEXT FLOW JOB STEP
	printf 'on: push\nsandbox: %s\njobs:\n  a:\n    runs-on: ubuntu-latest\n    sandbox: %s\n    steps:\n      - run: touch %s\n        sandbox: %s\n' \
		"$3" "$4" "$D/w/ran" "$5" >"$T/w/f.yml"
	check 2 "f.yml:$1: $2" run --read "$D/r" --write "$D/w" "$T/w/f.yml"
}
refuse 6:43 "error: memory '3G' is more than the flow has" '{ limits: { memory: 2G } }' '{ limits: { pids: 1, memory: 3G } }' '{}'
refuse 9:47 "error: memory '2G' is more than the job has" '{}' '{ limits: { memory: 1G } }' '{ limits: { pids: 9, memory: 2G } }'
refuse 6:23 "error: read '/etc' is more than the flow has" '{}' '{ read: [/etc] }' '{}'
refuse 6:24 "error: write '$D/r' is more than the flow has" '{}' "{ write: [$D/r] }" '{}'
refuse 9:31 "error: workspace 'write' is more than the job has" '{}' '{ workspace: read }' '{ workspace: write }'
refuse 6:22 "error: net '127.0.0.1:1' is more than the flow has" '{}' '{ net: ["127.0.0.1:1"] }' '{}'
refuse 9:27 "not supported: '$D/r/f' is a part of a place" '{}' '{}' "{ read: [$D/r/f] }"
refuse 9:9 "not supported: a step cannot give up '$D/r': it lies in another place" "{ write: [$D, $D/r] }" '{}' "{ write: [$D], read: [$D/r] }"
refuse 2:12 "error: Unexpected value 'raed'" '{ raed: [] }' '{}' '{}'
refuse 2:18 "not supported: tier 'T0' is lower" '{ tier: T0 }' '{}' '{}'
refuse 2:18 "not supported: tier 'T2' is not here" '{ tier: T2 }' '{}' '{}'
refuse 2:22 "not supported: device 'kvm'" '{ devices: [kvm] }' '{}' '{}'
has "with a suggestion" "$(printf 'on: push\nsandbox: { raed: [] }\njobs: {}\n' >"$T/w/f.yml"; run)" "did you mean 'read'?"
[ ! -e "$D/w/ran" ]
result $? "none of them ran anything"
flow <<END
on: push
sandbox: { tier: T1, devices: ["null", tty] }
jobs:
  a: { runs-on: ubuntu-latest, sandbox: { tier: T1 }, steps: [{ run: "true", sandbox: { tier: T1 } }] }
END
check 0 success run "$T/w/f.yml"
# A link is no place: what was decided is what is shown, or nothing is.
ln -s "$D/r" "$D/link"
flow <<END
on: push
sandbox: { read: [$D/link] }
jobs:
  a: { runs-on: ubuntu-latest, steps: [{ run: cat $D/link/f }] }
END
run --read "$D/link" >/dev/null
same "the option is for where it leads, the flow for the name" 3 $?
out=$(run --read "$D")
lacks "and a name that is a link shows nothing" "$out" "| read-me"
has "it is said" "$out" "symbolic link"

# --- a network ---
cat >"$T/server.py" <<'END'
import socket, sys, threading
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(x.getsockname()[1] for x in s), flush=True)
def serve(k, word):
    while True:
        c, _ = k.accept()
        c.sendall(word)
        c.close()
for k, word in zip(s, (b"listed\n", b"LEAK\n")):
    threading.Thread(target=serve, args=(k, word), daemon=True).start()
sys.stdin.read()
END
mkfifo "$T/hold"
$py "$T/server.py" <"$T/hold" >"$T/ports" 2>/dev/null &
exec 9>"$T/hold"
wait_for 5 test -s "$T/ports"
result $? "a server on the loopback"
read -r open other <"$T/ports"
flow <<END
on: push
sandbox: { net: ["127.0.0.1:$open", "127.0.0.1:$other"] }
jobs:
  a:
    runs-on: ubuntu-latest
    sandbox: { net: ["127.0.0.1:$open"] }
    defaults: { run: { shell: bash } }
    steps:
      - run: exec 5<>/dev/tcp/127.0.0.1/$open && echo "1 \$(cat <&5)"
      - run: (exec 5<>/dev/tcp/127.0.0.1/$other) 2>/dev/null || echo 2 closed
      - run: (exec 5<>/dev/tcp/127.0.0.1/$open) 2>/dev/null || echo 3 closed
        sandbox: { net: none }
      - run: exec 5<>/dev/tcp/127.0.0.1/$open && echo "4 \$(cat <&5)"
  b:
    runs-on: ubuntu-latest
    sandbox: { net: none }
    steps:
      - run: (exec 5<>/dev/tcp/127.0.0.1/$open) 2>/dev/null || echo b closed
        shell: bash
END
run >/dev/null
same "a network: denied" 3 $?
run --net "127.0.0.1:$open" >/dev/null
same "one of two by option: denied" 3 $?
out=$(run --net "127.0.0.1:$open" --net "127.0.0.1:$other")
same "both: exit 0" 0 $?
has "the job's service" "$out" "| 1 listed"
has "not the flow's other" "$out" "| 2 closed"
has "a step without any" "$out" "| 3 closed"
has "which the next has" "$out" "| 4 listed"
has "a job without any" "$out" "| b closed"
same "in the step's decision" none "$(grant 2 net)"
out=$(sl audit "$(last_run)")
has "the audit says what covers it" "$out" "127.0.0.1:$open  <- grant: net 127.0.0.1:$open"
has "and nothing is uncovered" "$out" "0 without a grant"
# By option alone: for a flow that says nothing.
flow <<END
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: exec 5<>/dev/tcp/127.0.0.1/$open && echo "o \$(cat <&5)"
        shell: bash
END
has "an option is enough for a flow that says nothing" "$(run --net "127.0.0.1:$open")" "| o listed"
exec 9>&-
check 0 good log check
finish
