#!/bin/sh
# 0022-proxy.sh -- the box's proxy: what it lets through, what it refuses by which rule,
# and what of both is in the record.  0022-proxy.py has the cases.
# needs: box
# timeout: 180
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
# Names need a network of their own, where one leads to an address that a name may have.
if [ "$(id -u)" = 0 ] && unshare -n -m true 2>/dev/null && command -v ip >/dev/null; then
	printf '127.0.0.1 localhost\n93.184.216.34 web.example other.example\n' >"$T/hosts"
	unshare -n -m sh -c 'mount --make-rprivate / && mount --bind "$1/hosts" /etc/hosts &&
		ip link set lo up && ip addr add 93.184.216.34/32 dev lo &&
		exec /usr/bin/python3 -B "$2" "$1" names' sh "$T" "$src/tests/e2e/0022-proxy.py"
else
	/usr/bin/python3 -B "$src/tests/e2e/0022-proxy.py" "$T" addresses
fi
