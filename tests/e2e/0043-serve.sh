#!/bin/sh
# 0043-serve.sh -- the transparency service: a client written from the drafts alone registers
# with it; what must be refused is, and leaves nothing in the log.
# timeout: 180
. "$(dirname "$0")/lib.sh"
[ -x "$(dirname "$SLUICE")/libexec/sluice/sluice-http" ] ||
	skip_all "no sluice-http beside the program (libmicrohttpd)"
/usr/bin/python3 -c 'import cryptography' 2>/dev/null || skip_all "needs python3-cryptography"
export T
/usr/bin/python3 -B "$(dirname "$0")/0043-serve.py"
exit $?
