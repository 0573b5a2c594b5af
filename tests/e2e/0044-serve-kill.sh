#!/bin/sh
# 0044-serve-kill.sh -- the service and its helper are killed while clients register: what was acknowledged
# is there, and its receipts verify.
# timeout: 180
. "$(dirname "$0")/lib.sh"
[ -x "$(dirname "$SLUICE")/libexec/sluice/sluice-http" ] ||
	skip_all "no sluice-http beside the program (libmicrohttpd)"
/usr/bin/python3 -c 'import cryptography' 2>/dev/null || skip_all "needs python3-cryptography"
export T
/usr/bin/python3 -B "$(dirname "$0")/0044-serve-kill.py"
exit $?
