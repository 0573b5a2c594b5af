#!/bin/sh
# check.sh -- ./words against what it should count.
bad=0
check() { # check WANTED TEXT
	got=$(printf '%b' "$2" | ./words)
	if [ "$got" = "$1" ]; then echo "ok - $1"; else echo "not ok - wanted $1, got $got"; bad=1; fi
}
check 0 ''
check 2 'two words'
check 3 '  three\n\twords here \n'
exit $bad
