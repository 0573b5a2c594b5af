#!/bin/sh
# 0045-flow-net.sh -- the network of a flow's jobs and steps: the proxy of their boxes, what
# each step reaches of it, and the record.  0045-flow-net.py has the cases.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
need curl git
sl init >/dev/null
mkdir "$T/w" "$T/www"
# Names need a network of their own, where one leads to an address that a name may have.
if [ "$(id -u)" = 0 ] && unshare -n -m true 2>/dev/null && command -v ip >/dev/null; then
	printf '127.0.0.1 localhost\n93.184.216.34 web.example\n10.1.2.3 inside.example\n' >"$T/hosts"
	unshare -n -m sh -c 'mount --make-rprivate / && mount --bind "$1/hosts" /etc/hosts &&
		ip link set lo up && ip addr add 93.184.216.34/32 dev lo &&
		ip addr add 10.1.2.3/32 dev lo &&
		exec /usr/bin/python3 -B "$2" "$1" names' sh "$T" "$src/tests/e2e/0045-flow-net.py"
else
	/usr/bin/python3 -B "$src/tests/e2e/0045-flow-net.py" "$T" addresses
fi
