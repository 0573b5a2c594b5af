#!/bin/sh
# header.sh CC HEADER LIBRARY -- sluice.h alone in C99 and C++, and that the library gives
# what the header declares and nothing else, and takes nothing that starts or connects.
cc=$1 header=$2 lib=$3 n=0 bad=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-header.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
result() { # result STATUS NAME
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" && return
	echo "not ok $n - $2"
	sed 's/^/# /' "$dir/out"
	bad=1
}
cat >"$dir/use.c" <<'C'
#include <sluice.h>
int
main(void)
{
	sluice_verifier *v = sluice_verifier_new();
	int r = sluice_verify_statement(v, "", 0, 0);

	sluice_verifier_free(v);
	return r < SLUICE_OK ? 0 : 1;
}
C
cp "$dir/use.c" "$dir/use.cc"
for std in c99 c11 gnu17; do
	$cc -std=$std -pedantic -Wall -Wextra -Werror -I "$(dirname "$header")" -fsyntax-only "$dir/use.c" 2>"$dir/out"
	result $? "clean in $std"
done
for std in c++98 c++17; do
	if ! command -v g++ >/dev/null 2>&1; then
		n=$((n + 1))
		echo "ok $n - clean in $std # SKIP no g++"
		continue
	fi
	g++ -std=$std -pedantic -Wall -Wextra -Werror -I "$(dirname "$header")" -fsyntax-only "$dir/use.cc" 2>"$dir/out"
	result $? "clean in $std"
done
grep -o 'sluice_[a-z_]*(' "$header" | tr -d '(' | sort -u >"$dir/declared"
nm -D --defined-only "$lib" | sed -n 's/^[0-9a-f]* [A-Za-z] \([^@]*\).*/\1/p' | grep -v '^SLUICE_0$' | sort -u >"$dir/exported"
diff "$dir/declared" "$dir/exported" >"$dir/out"
result $? "exports what the header declares, and nothing else"
if nm -D "$lib" | grep -q __asan_init; then
	n=$((n + 1))
	echo "ok $n - imports # SKIP a sanitizer's are among them"
else
	nm -D --undefined-only "$lib" | sed 's/.* //; s/@.*//' |
		grep -E '^(fork|vfork|clone|execve?|posix_spawn.*|socket|connect|pthread_create|system|popen|unlink.*|write|fopen.*)$' >"$dir/out"
	[ ! -s "$dir/out" ]
	result $? "imports nothing that starts, connects or writes"
fi
echo "1..$n"
exit $bad
