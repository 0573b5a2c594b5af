#!/bin/sh
# 0003-dev.sh -- ./dev before anything is installed: what it asks of whom, on both families.
. "$(dirname "$0")/lib.sh"

# A machine of our own: the few programs that every system has, and stand-ins for the rest.
mkdir "$T/bin" "$T/src"
cp "$src/dev" "$T/src/dev"
for p in sh true dirname getconf tr cat mktemp tail rm sed grep sleep; do
	[ -x "/usr/bin/$p" ] && ln -s "/usr/bin/$p" "$T/bin/$p" || ln -s "/bin/$p" "$T/bin/$p"
done
fake() { # fake NAME < script
	{ echo '#!/bin/sh'; cat; } >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
dev() { (cd "$T/src" && PATH=$T/bin && export PATH && unset HOME && ./dev "$@") </dev/null >"$T/out" 2>&1; }

fake id <<'X'
echo 1000
X
fake apt-get <<X
echo "\$*" >>"$T/calls"
X
fake dpkg-query <<'X'
echo "installed gcc"
echo "config-files meson"
exit 1
X

dev setup
same "a user without sudo: exit 5" 5 $?
has "it names the command for root" "$(cat "$T/out")" 'apt-get install -y'
has "what is missing is in it" "$(cat "$T/out")" ' meson '
lacks "what is installed is not" "$(cat "$T/out")" ' gcc '
same "in one line" 1 "$(grep -c 'apt-get install' "$T/out")"
[ ! -e "$T/calls" ]
result $? "nothing was tried"

fake sudo <<X
[ "\$1" = -n ] || exit 1
shift
echo "sudo \$*" >>"$T/sudo"
exec "\$@"
X
dev setup
same "a user with sudo that asks for nothing: exit 0" 0 $?
has "it installs by sudo" "$(cat "$T/sudo" "$T/calls" 2>/dev/null)" 'install -y'
rm -f "$T/bin/sudo" "$T/calls"

fake id <<'X'
echo 0
X
dev setup
same "root: exit 0" 0 $?
has "it installs directly" "$(cat "$T/calls")" 'install -y --no-install-recommends'
rm -f "$T/calls"

fake dpkg-query <<'X'
shift 3
for p; do echo "installed $p"; done
X
dev setup
same "nothing is missing: exit 0" 0 $?
[ ! -e "$T/calls" ]
result $? "and nothing is called that could use the network" "$(cat "$T/calls" 2>/dev/null)"

rm "$T/bin/apt-get" "$T/bin/dpkg-query"
fake dnf <<X
echo "\$*" >>"$T/calls"
X
fake rpm <<'X'
exit 1
X
dev setup
same "Fedora, as root: exit 0" 0 $?
has "it installs with dnf" "$(cat "$T/calls" 2>/dev/null)" 'libsodium-devel'

rm "$T/bin/dnf"
dev setup
same "another family: exit 5" 5 $?
dev nonsense
same "an unknown verb: exit 2" 2 $?
dev help
same "help: exit 0" 0 $?
finish
