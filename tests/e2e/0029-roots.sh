#!/bin/sh
# 0029-roots.sh -- sluice store root, and exec --root: taken in, run in, changed, dropped.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
need ldd
sl init >/dev/null
cd "$T" || exit 99

# A small root from the host's own files: programs, the libraries that they name, a marker.
tree=$T/tree
mkdir -p "$tree/usr/bin" "$tree/etc" "$tree/var/lib/mark" "$tree/srv" "$tree/opt/own" \
	"$tree/proc" "$tree/tmp" "$tree/usr/local/share"
ln -s usr/bin "$tree/bin"
for p in sh cat ls touch readlink sleep; do
	real=$(readlink -f "$(command -v $p)")
	cp "$real" "$tree/usr/bin/$p"
	for l in $(ldd "$real" | grep -o '/[^ ]*'); do
		mkdir -p "$tree$(dirname "$l")"
		cp -L "$l" "$tree$l"
	done
done
echo of-the-root >"$tree/srv/marker"
echo of-the-root >"$tree/etc/own-file"
echo stolen >"$tree/etc/passwd"
echo local >"$tree/usr/local/share/l"
echo hidden >"$tree/tmp/not-taken"
echo v >"$tree/var/lib/mark/v"
cp "$tree/usr/bin/cat" "$tree/usr/bin/setid"
chmod 4755 "$tree/usr/bin/setid"

# --- taken in ---
check 0 'no root is stored' store root list
check 0 'sha256:' store root add mini "$tree"
has 'set-id bits are said not to be taken' "$out" 'set-id bits of 1 files'
hex=$(sl store root show mini --json | json root)
check 0 "$hex" store root list
check 0 "$hex" store root show "$hex"
check 0 good store root check mini
same 'by digest it has no name' '' "$(sl store root show "$hex" --json | json name)"
check 0 "$hex" store root add mini "$tree"
stored=$SLUICE_HOME/roots/${hex#sha256:}/tree
same 'no set-id bit in the store' '' "$(find "$stored" -perm /7000)"
same 'nothing can be written in the store' '' "$(find "$stored" ! -type l -perm /222)"
not '/tmp of it is not taken' test -e "$stored/tmp"
same 'the digest is the manifest'"'"'s' "${hex#sha256:}" \
	"$(sha256sum "$SLUICE_HOME/roots/${hex#sha256:}/manifest" | cut -d' ' -f1)"

# other owners, times and bits of the same tree: the same root
cp -a "$tree" "$T/again"
touch -d 2001-01-01 "$T/again/srv/marker"
chmod 600 "$T/again/srv/marker"
check 0 "$hex" store root add again "$T/again"
chmod +x "$T/again/srv/marker"
check 2 'is another root already' store root add again "$T/again"
same 'which leaves it as it was' "$hex" "$(sl store root show again --json | json root)"

# --- run in ---
check 0 of-the-root exec --root mini -- cat /srv/marker
check 0 of-the-root exec --root "$hex" -- cat /etc/own-file
check 0 local exec --root mini -- cat /usr/local/share/l
check 0 v exec --root mini -- cat /var/lib/mark/v
check 0 runner exec --root mini -- cat /etc/passwd
lacks 'the root has no say in its passwd' "$out" stolen
check 127 'is not in the box' exec --root mini -- python3 -c ''
for f in /usr/bin/env /usr/lib/os-release /etc/alternatives /etc/ssl "$T" "$SLUICE_HOME"; do
	[ -e "$f" ] || continue
	check 2 'No such file' exec --root mini -- ls "$f"
done
for f in /srv/x /usr/x /x /etc/x /var/lib/mark/x /opt/own/x; do
	check 1 'touch:' exec --root mini -- touch "$f"
done
check 2 'cannot create /srv/marker' exec --root mini -- sh -c 'echo x >>/srv/marker'
for f in /tmp/x /home/runner/x /var/tmp/x /run/x; do
	ok "written: $f" sl exec --root mini -- touch "$f"
done
mkdir "$T/w"
ok 'a grant beside it' sl exec --root mini --write "$T/w" -- touch "$T/w/made"
ok 'is written in place' test -e "$T/w/made"
check 0 of-the-root exec --root mini --profile strict -- cat /srv/marker
check 0 good store root check mini

# the host's base is what it was
not 'the host has no such file' sl exec -- cat /etc/own-file
ok 'and stays the default' sl exec -- /usr/bin/env true

# --- on the record ---
check 0 of-the-root exec --root mini -- cat /srv/marker
sl export "$(last_run)" -o "$T/b" >/dev/null
has 'the bundle names the root' "$(cat "$T/b")" "$hex"
check 0 '' verify "$T/b"
ok 'a statement says how it is kept' grep -q 'read-only bind, stat stamp' "$T/b"


# --- policy sees it ---
cp "$SLUICE_HOME/policy/policy.dl" "$T/p.dl"
{
	echo 'deny if request("exec"), root_verified(false);'
	cat "$T/p.dl"
} >"$SLUICE_HOME/policy/policy.dl"
check 0 'is in force' policy register
check 125 'root_verified(false)' exec -- true
check 0 of-the-root exec --root mini -- cat /srv/marker
{
	echo "deny if request(\"exec\"), root(\"$hex\");"
	cat "$T/p.dl"
} >"$SLUICE_HOME/policy/policy.dl"
check 0 'is in force' policy register
check 125 "root(\"$hex\")" exec --root mini -- cat /srv/marker
check 0 '' exec -- true
cp "$T/p.dl" "$SLUICE_HOME/policy/policy.dl"
check 0 'is in force' policy register

# --- refused ---
check 125 'there is no root' exec --root none -- sh
check 125 '--root and --learn' exec --root mini --learn -- sh
check 125 'neither the name' exec --root ../mini -- sh
check 125 'there is no root' exec --root sha256:0000000000000000000000000000000000000000000000000000000000000000 -- sh
check 2 'is no name for a root' store root add ../x "$tree"
check 2 'is no name for a root' store root add Upper "$tree"
check 2 'is not there' store root add x "$T/absent"
check 2 'it is no tar' store root add x "$SLUICE"
check 2 'sluice runs no debootstrap' store root add x debootstrap:bookworm
check 2 'store root knows' store root frob
check 2 'usage: sluice store root add' store root add x
check 3 "sluice's own home" store root add x "$T"
check 3 "sluice's own home" store root add x "$SLUICE_HOME"
check 3 "sluice's own home" store root add x "$SLUICE_HOME/keys"
mkdir "$T/bad"
mkfifo "$T/bad/pipe"
check 2 'a device, a socket or a pipe' store root add x "$T/bad"
rm "$T/bad/pipe"
deep=$T/bad
i=0
while [ $i -lt 70 ]; do
	deep=$deep/d
	i=$((i + 1))
done
mkdir -p "$deep"
check 2 'levels deep' store root add x "$T/bad"
same 'nothing of these is left' '' "$(find "$SLUICE_HOME/roots" -name 'new-*')"
not 'nor a name' sl store root show x

# links are taken as links, and followed by nobody outside
mkdir "$T/links"
ln -s /etc/shadow "$T/links/a"
ln -s ../../../../../../etc/shadow "$T/links/b"
ok 'links that leave' sl store root add links "$T/links"
same 'are links' /etc/shadow "$(readlink "$SLUICE_HOME"/roots/"$(sl store root show links --json | json root | cut -c8-)"/tree/a)"

# --- two at once ---
mkdir "$T/two"
head -c 20000000 /dev/zero >"$T/two/f"
sl store root add two-a "$T/two" >/dev/null &
a=$!
sl store root add two-b "$T/two" >/dev/null &
wait $a
ra=$?
wait $!
same 'two imports at once are both right' '0 0' "$ra $?"
same 'and one root' "$(sl store root show two-a --json | json root)" "$(sl store root show two-b --json | json root)"
check 0 good store root check two-a

# --- interrupted ---
mkdir "$SLUICE_HOME/roots/new-1" && echo x >"$SLUICE_HOME/roots/new-1/f"
ok 'the next import' sl store root add two-a "$T/two"
not 'sweeps what an interrupted one left' test -e "$SLUICE_HOME/roots/new-1"

# --- the disk is full ---
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$T/small"
	# shellcheck disable=SC2016
	out=$(unshare -m sh -c 'mount -t tmpfs -o size=4m,mode=700 none "$1" || exit 98
		export SLUICE_HOME="$1/home"
		"$SLUICE" store root add full "$2"; echo "status $?"
		"$SLUICE" store root list; ls "$1/home/roots"
		"$SLUICE" store root add fits "$3"; echo "status $?"
		"$SLUICE" store root check fits' sh "$T/small" "$T/two" "$T/links" 2>&1)
	has 'a full disk is said' "$out" 'No space left on device'
	has 'and fails' "$out" 'status 5'
	has 'with no root' "$out" 'no root is stored'
	lacks 'and nothing left of it' "$out" 'new-'
	has 'what fits is taken' "$out" ': good'
fi

# --- killed ---
i=0
while [ $i -lt 3000 ]; do
	echo $i >"$T/two/$i"
	i=$((i + 1))
done
mkdir -p "$T/many/usr"
mv "$T/two"/[0-9]* "$T/many/usr"
"$SLUICE" store root add killed "$T/many" >/dev/null 2>&1 &
pid=$!
sleep 0.02
kill -9 $pid
wait $pid 2>/dev/null
if sl store root show killed >/dev/null 2>&1; then # it was quicker
	check 0 good store root check killed
else
	check 2 'there is no root' store root check killed
fi
check 0 'sha256:' store root add killed "$T/many"
check 0 good store root check killed
same 'nothing is left of a killed one' '' "$(find "$SLUICE_HOME/roots" -maxdepth 1 -name 'new-*')"

# --- changed in the store ---
chmod u+w "$stored/srv/marker"
echo of-the-rooT >"$stored/srv/marker"
chmod u-w "$stored/srv/marker"
check 125 'was touched' exec --root mini -- cat /srv/marker
check 4 "'/srv/marker' is the first that differs" store root check mini
check 4 'error' store root list
check 4 'was touched' store root add mini "$tree"
chmod u+w "$stored/srv/marker"
echo of-the-root >"$stored/srv/marker"
chmod u-w "$stored/srv/marker"
check 125 'was touched' exec --root mini -- cat /srv/marker
check 0 'stamp taken anew' store root check mini
check 0 of-the-root exec --root mini -- cat /srv/marker
chmod u+w "$stored/srv"
echo x >"$stored/srv/more"
chmod 444 "$stored/srv/more"
chmod u-w "$stored/srv"
check 125 'was touched' exec --root mini -- cat /srv/marker
check 4 "'/srv/more' is" store root check mini
chmod u+w "$stored/srv"
rm -f "$stored/srv/more"
check 4 'another kind or mode' store root check mini
chmod u-w "$stored/srv"
check 0 'stamp taken anew' store root check mini

# --- dropped ---
"$SLUICE" exec --root mini -- sleep 60 >/dev/null 2>&1 &
pid=$!
check 0 'the root has others' store root drop again
wait_for 10 sh -c "'$SLUICE' store root drop mini 2>&1 | grep -q 'in use' && exit 0; exit 1"
result $? 'what is used is not dropped'
ok 'nor is its name' sl store root show mini
kill $pid
wait $pid
check 0 dropped store root drop mini
not 'it is gone' test -e "$stored"
check 125 'there is no root' exec --root mini -- sh
check 2 'there is no root' store root drop mini
check 2 'there is no root' store root drop "$hex"
finish
