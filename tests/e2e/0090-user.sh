#!/bin/sh
# 0090-user.sh -- the same tests as an ordinary user: a copied binary, a home of its own.
# needs: box
# timeout: 600
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "not root: the other files ran as an ordinary user already"
need setpriv
uid=54321
mkdir "$T/user" "$T/bin"
cp "$SLUICE" "$T/bin/sluice" || exit 99
chmod 755 "$T" "$T/bin" "$T/bin/sluice"
chown $uid:$uid "$T/user"
# What is below /tmp every step has for its own.
place=$(mktemp -d /srv/sluice-e2e.XXXXXX) || exit 99
trap 'rm -rf "$place"; cleanup' EXIT
chown $uid:$uid "$place"
user() {
	setpriv --reuid=$uid --regid=$uid --clear-groups --inh-caps=-all --bounding-set=-all \
		env -u SLUICE_HOME -u XDG_DATA_HOME HOME="$T/user" TMPDIR="$T/user" SL_PLACE="$place" \
		SLUICE="$T/bin/sluice" "$@"
}
why=$(user true 2>&1) || skip_all "setpriv cannot become an ordinary user here: $why"
user test -r "$src/tests/e2e/lib.sh" || skip_all "an ordinary user cannot read $src"
why=$(user "$T/bin/sluice" doctor 2>&1)
[ $? != 5 ] || skip_all "an ordinary user can make no box here: $(printf '%s\n' "$why" | grep MISSING | head -n 1)"
for f in "$src"/tests/e2e/001[0-9]-*.sh "$src"/tests/e2e/0021-*.sh "$src"/tests/e2e/0023-*.sh "$src"/tests/e2e/0029-*.sh "$src"/tests/e2e/1035-*.sh; do
	user sh "$f" >"$T/tap" 2>"$T/err"
	rc=$?
	result $((rc != 0)) "$(basename "$f") as uid $uid: $(grep -c '^ok' "$T/tap") points" \
		"$(grep -v '^ok' "$T/tap" | head -n 60; head -n 5 "$T/err")"
done
finish
