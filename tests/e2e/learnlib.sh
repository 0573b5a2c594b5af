# learnlib.sh -- for tests of `sluice exec --learn`: a lesson, and whether it is the least.
# shellcheck shell=sh

# lesson ARG... : exec --learn ARG..., its proposal in $line, all it said in $out, $rc
lesson() {
	out=$("$SLUICE" exec --learn "$@" 2>&1 >"$T/stdout" </dev/null)
	rc=$?
	line=$(printf '%s\n' "$out" | grep '^sluice exec --' | head -n 1)
}
# proposed : what it proposes runs, as it was pasted
proposed() { (eval "set -- $line" && shift && "$SLUICE" "$@") </dev/null; }

# smallest NAME RESET : the proposal works, and not without any one of its rows; RESET is
# evaluated before each
smallest() {
	eval "$2"
	got=$(proposed 2>&1)
	result $? "$1: the proposal does" "$line: $got"
	$py - "$line" >"$T/rows" <<'END'
import shlex, sys
words = shlex.split(sys.argv[1])
at = words.index("--")
for i in range(2, at, 2):
    if words[i] in ("--read", "--write", "--net", "--env"):
        print(shlex.join([w for k, w in enumerate(words) if k not in (i, i + 1)]))
        if words[i] == "--write":
            print(shlex.join(words[:i] + ["--read"] + words[i + 1:]))
END
	while read -r less; do
		eval "$2"
		if (eval "set -- $less" && shift && "$SLUICE" "$@") >/dev/null 2>&1 </dev/null; then
			result 1 "$1: it does with less" "$less"
		else
			result 0 "$1: not with $(printf %s "${less#sluice exec }" | cut -c 1-60)..."
		fi
	done <"$T/rows"
}

# learn NAME SETUP ARG... : lessons one after another, each from what the one before it
# proposed, until one succeeds; SETUP is evaluated before each
learn() {
	name=$1 setup=$2
	shift 2
	for round in 1 2 3 4 5 6; do
		eval "$setup"
		lesson "$@"
		case $out in *"the least that it needed"*) break ;; esac
		[ -n "$line" ] || break
		eval "set -- ${line#sluice exec }"
	done
	[ "$rc" = 0 ]
	result $? "$name: learned in $round rounds" "$rc: $out"
}
