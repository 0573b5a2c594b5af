#!/bin/sh
# bench_log.sh -- registration over HTTP: `http registered`, `http p99 half load`.  The peer is one
# thread that verifies, hashes and writes the same statements, before and after; the load
# generator's own share of a processor is on standard error.
set -eu
: "${SLUICE:=$(pwd)/build/sluice}"
load=$(dirname "$SLUICE")/bench/load_http
src=$(cd "$(dirname "$0")/.." && pwd)
T=$(mktemp -d)
SLUICE_HOME=$T/home
export SLUICE_HOME
pid=
cleanup() {
	[ -z "$pid" ] || { kill -TERM "$pid" && wait "$pid"; } || true
	rm -rf "$T"
}
trap cleanup EXIT
"$SLUICE" init >/dev/null 2>&1
did=$("$load" did)
{
	cat "$src/data/policies/default.dl"
	printf 'may_register("%s") <- issuer("%s");\n' "$did" "$did"
} >"$T/policy.dl"
"$SLUICE" policy register "$T/policy.dl" >/dev/null
"$SLUICE" serve --issuer-rate 0 2>"$T/serve.err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -S "$SLUICE_HOME/sock/http" ] && break
	sleep 0.1
done
a=$("$load" alone 2 "$T")
full=$("$load" "$SLUICE_HOME/sock/http" 256 "${SECONDS_EACH:-10}")
b=$("$load" alone 2 "$T")
rate=$(echo "$full" | sed 's/.*"per_s":\([0-9]*\).*/\1/')
half=$("$load" "$SLUICE_HOME/sock/http" 256 "${SECONDS_EACH:-10}" $((rate / 2)))
/usr/bin/python3 - "$a" "$b" "$full" "$half" <<'P'
import json
import sys

a, b, full, half = map(json.loads, sys.argv[1:])
peer = (a['per_s'] + b['per_s']) / 2


def row(metric, unit, ours, peer, name, n):
    print(json.dumps({'bench': 'log', 'metric': metric, 'unit': unit, 'ours': round(ours, 3), 'peer': peer and round(peer, 1),
                      'peer_name': name, 'ratio': peer and round(ours / peer, 3), 'n': n}))


row('http registered', 'per_s', full['per_s'], peer, 'verify + SHA-256 + pwrite', full['registered'])
row('http p99 half load', 'ms', half['p99_ms'], None, None, half['registered'])
print('load generator: %.0f %% of a processor; p50 at half load %.1f ms' %
      (100 * full['generator_cpu'], half['p50_ms']), file=sys.stderr)
P
