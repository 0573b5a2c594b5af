#!/bin/sh
# bench_start.sh -- `./dev bench start`: a release build, static where it can be, as a user
# gets it, against bubblewrap (bench_start.c); as root both as root and as a user.
set -eu
cd "$(dirname "$0")/.."
b=${SL_BENCH_BUILD:-$PWD/build-release} # absolute: what is measured runs elsewhere
command -v bwrap >/dev/null || { echo "bench start: bubblewrap is not installed" >&2; exit 2; }
[ -f "$b/build.ninja" ] || meson setup --buildtype release -Doptimization=s "$b" >/dev/null
ninja -C "$b" sluice bench/start >"$b/bench.log" 2>&1 || { cat "$b/bench.log" >&2; exit 1; }
# The digest of a program that was written a moment ago is not kept: each start would hash it.
while [ $(($(date +%s) - $(stat -c %Z "$b/sluice"))) -lt 4 ]; do sleep 1; done
set -- -n "${SL_BENCH_N:-100}" "$b/sluice" "$b/src/box/box-gate.bpf" "$b/src/box/box-quiet.bpf"
"$b/bench/start" "$@"
[ "$(id -u)" != 0 ] || "$b/bench/start" -u "$@"
