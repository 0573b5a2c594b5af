#!/bin/sh
# 0025-written.sh -- what `exec --write` leaves in place that the host would run or obey is named.
# needs: box
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null

# wrote [OPTION...] -- COMMAND : "path change kind:action,...", a line each, of its outcome; "partial"
wrote() {
	sl exec --json "$@" >"$T/events" 2>"$T/err"
	grep '"event":"run.done"' "$T/events" >"$T/done"
	sl log show "$(json run <"$T/done")" --json | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    v = json.loads(line)
    if v["kind"] != "outcome":
        continue
    s = v["statement"]["predicate"]["sluice"]
    t = s.get("taint", [])
    counts = {a: sum(any(w["action"] == a for w in x["why"]) for x in t) for a in ("named", "held", "blocked")}
    assert s.get("tainted") == (counts if t else None) or len(t) > 100, s
    for x in t:
        assert "job" not in x
        print(x["path"].replace(sys.argv[1], "T"), x["change"], ",".join(w["kind"] + ":" + w["action"] for w in x["why"]))
    if s.get("taint_partial"):
        print("partial")' "$T"
}

w=$T/w
mkdir -p "$w/.git/hooks" "$w/.git/objects" "$w/.vscode" "$w/src"
for f in .git/hooks/was .git/config .bashrc Makefile .vscode/was; do echo old >"$w/$f"; done
sleep 0.1 # files are stamped by a clock that ticks every few milliseconds
got=$(wrote --write "$w" -- sh -c "cd $w; cat Makefile .bashrc; ls -R")
same "what was there before, and was only read, is not named" "" "$got"
lacks "nor counted" "$(cat "$T/done")" tainted

got=$(wrote --write "$w" -- sh -c "cd $w; echo x >.git/hooks/pre-commit; echo x >.git/objects/ab; echo x >>Makefile; echo x >plain.c
	mkdir -p a/.github/workflows; echo x >a/.github/workflows/ci.yml; ln -s ../../etc out; ln -s plain.c in; mkfifo pipe; mv .vscode/was .vscode/is
	chmod 755 plain.c; rm .bashrc")
same "what is written is, by what it is" "T/w/.git/hooks/pre-commit modified git-hook:named
T/w/.vscode/is modified editor:named
T/w/Makefile modified build-file:named
T/w/a/.github/workflows/ci.yml modified ci:named
T/w/out modified link:named
T/w/pipe modified special:named
T/w/plain.c modified executable:named" "$(echo "$got" | LC_ALL=C sort)"
same "and counted in the event" '{"blocked": 0, "held": 0, "named": 7}' "$(json tainted <"$T/done")"

out=$(sl exec --write "$w" -- sh -c "echo x >$w/.envrc; echo x >$w/CMakeLists.txt; exit 3" 2>&1)
same "a command that fails ends as it did" 3 $?
same "a person is told what is obeyed without being asked, and by whom" "sluice: left for the host to obey: $w/.envrc (shell: direnv (on entering the directory))" "$out"
sleep 0.1 # as above
out=$(sl exec --write "$w" -- sh -c "cd $w && for i in 1 2 3 4 5 6 7; do mkdir -p \$i && echo x >\$i/.envrc; done" 2>&1)
same "in a few lines" "6 sluice: and 2 more" "$(echo "$out" | wc -l) $(echo "$out" | tail -n 1)"
out=$(sl exec --write "$w" -- sh -c "echo x >$w/.git/objects/cd; echo x >$w/b.c" 2>&1)
same "nothing is said of the rest" "" "$out"
out=$(sl exec --write "$w" -- sh -c "echo x >'$w/$(printf 'a\033[2J\342\200\256b')'" 2>&1)
same "the message steers no terminal" 0 "$(printf %s "$out" | tr -d '\n -~' | wc -c)"
has "but names what tries to" "$out" 'deceptive-name'

got=$(wrote --write "$w" -- sh -c "n=$w/\$(printf 'a\377'); mkdir \"\$n\"; echo x >\"\$n/.envrc\"")
same "a name that is no text breaks no statement" "$(printf 'T/w/a\357\277\275/.envrc modified') shell:named,deceptive-name:named" "$got"

mkdir -p "$w/.github/workflows"
got=$(wrote --write "$w/.github/workflows" -- sh -c "echo x >$w/.github/workflows/new.yml")
same "a directory that is obeyed is so when it is granted itself" "T/w/.github/workflows/new.yml modified ci:named" "$got"
got=$(wrote --write "$w/.git/config" -- sh -c "echo x >$w/.git/config")
same "so is a file" "T/w/.git/config modified git-config:named" "$got"
sleep 0.1
got=$(wrote --write "$w/.git/config" -- sh -c "cat $w/.git/config")
same "but not when it is not written" "" "$got"
mkdir "$T/r"
got=$(wrote --read "$T/r" --write "$w/src" -- sh -c "echo x >$w/src/x.c; echo x >$T/r/.envrc; true")
same "what was not granted is not looked at" "" "$got"
ln -s "$T/r" "$w/src/l"
echo x >"$T/r/.envrc"
sleep 0.1
got=$(wrote --write "$w/src" -- true)
same "no link is followed" "" "$got"

mkdir "$T/many" "$T/many/d"
got=$(wrote --write "$T/many" -- sh -c "cd $T/many/d; i=0; while [ \$i -lt 8300 ]; do : >\$i; i=\$((i+1)); done; echo x >../.envrc")
same "where there is too much, the nearest is named, and it is said" "T/many/.envrc modified shell:named
partial" "$got"
id=$(json run <"$T/done")
ok "the outcome is in a bundle that verifies" sh -c "'$SLUICE' export $id -o '$T/b' && '$SLUICE' verify '$T/b'"
verifier() { /usr/bin/python3 -B "$src/tests/interop/sluice_verify.py" "$@" "$T/b" 2>&1; }
node=$(verifier | sed -n 's/.*\(did:key:[A-Za-z0-9]*\).*/\1/p')
has "also by the independent verifier, which knows its schema" "$(verifier --trust "$node")" 'verified'
mkdir "$T/inner"
old=$SLUICE_HOME
SLUICE_HOME=$T/inner/.vscode
sl init >/dev/null
sleep 0.1
got=$(wrote --write "$T/inner" -- sh -c "echo x >$T/inner/.envrc")
same "the home of sluice is not looked into, whatever its name" "T/inner/.envrc modified shell:named" "$got"
SLUICE_HOME=$old
check 0 'good' log check
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && [ -z "${TAINT_AGAIN-}" ]; then
	mkdir "$T/user" "$T/bin"
	cp "$SLUICE" "$T/bin/sluice"
	chmod 755 "$T" "$T/bin" "$T/bin/sluice"
	chown 54321:54321 "$T/user"
	setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=-all --bounding-set=-all \
		env -u SLUICE_HOME HOME="$T/user" TMPDIR="$T/user" SLUICE="$T/bin/sluice" TAINT_AGAIN=1 \
		sh "$src/tests/e2e/0025-written.sh" >"$T/tap" 2>"$T/err"
	result $? "as an ordinary user: $(grep -c '^ok' "$T/tap") points" "$(grep -v '^ok' "$T/tap" | head -n 40; head -n 5 "$T/err")"
fi
finish
