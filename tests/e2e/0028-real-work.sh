#!/bin/sh
# 0028-real-work.sh -- real programs with the smallest grant that --learn proposes, found
# from nothing: a C project's build, a Python test-suite, git clone, npm ci, a browser.
# needs: box
# timeout: 600
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
py=/usr/bin/python3
HOME=$T/user
export HOME
mkdir -p "$HOME"
. "$src/tests/e2e/learnlib.sh"

# A C project: make, which makes its directory for objects itself.
if command -v make >/dev/null 2>&1 && command -v cc >/dev/null 2>&1; then
	mkdir -p "$T/c/src" "$T/c/include" "$T/c/private"
	cd "$T/c" || exit 99
	echo '#define WORD "built"' >include/word.h
	printf '#include <stdio.h>\n#include "word.h"\nint main(void)\n{\n\treturn puts(WORD) < 0;\n}\n' >src/main.c
	for i in 1 2 3 4; do echo "int f$i(void);
int f$i(void) { return $i; }" >src/f$i.c; done
	echo 'not for a build' >private/notes
	cat >Makefile <<'END'
OBJ := $(patsubst src/%.c,obj/%.o,$(wildcard src/*.c))
obj/prog: $(OBJ)
	cc -o $@ $^
obj/%.o: src/%.c include/word.h
	cc -Iinclude -c -o $@ $<
END
	mkdir obj
	learn "a C project's build" 'rm -f obj/*' -- make
	has "only what it makes is written" "$line" "--write $T/c/obj --"
	lacks "what it has no business with is not shown" "$line" private
	smallest "a C project's build" 'rm -f obj/*'
	rm -f obj/*
	proposed >/dev/null 2>&1
	same "what was built runs" built "$(obj/prog)"
fi

# A Python test-suite: unittest, with a fixture and a temporary file.
mkdir -p "$T/py/pkg" "$T/py/tests" "$T/py/secret"
cd "$T/py" || exit 99
: >pkg/__init__.py
: >tests/__init__.py
echo 'def double(x): return 2 * x' >pkg/maths.py
echo 21 >tests/fixture.txt
echo KEY >secret/key
cat >tests/test_maths.py <<'END'
import os, tempfile, unittest
from pkg.maths import double
class T(unittest.TestCase):
    def test_double(self):
        with open(os.path.join(os.path.dirname(__file__), "fixture.txt")) as f:
            self.assertEqual(double(int(f.read())), 42)
    def test_file(self):
        with tempfile.TemporaryFile() as f:
            self.assertEqual(f.write(b"x"), 1)
END
learn "a Python test-suite" : --env PYTHONDONTWRITEBYTECODE=1 -- $py -m unittest discover -s tests -t .
lacks "it writes nothing" "$line" "--write"
ok "a Python test-suite: the proposal does" proposed
not "not without its directory" sl exec --env PYTHONDONTWRITEBYTECODE=1 -- $py -m unittest discover -s tests -t .
has "its environment is kept" "$line" "--env PYTHONDONTWRITEBYTECODE=1"
if $py -m pytest --version >/dev/null 2>&1; then
	learn "the same under pytest" : --env PYTHONDONTWRITEBYTECODE=1 -- $py -m pytest -q -p no:cacheprovider tests
	ok "the same under pytest: the proposal does" proposed
fi

# serve FILE PROGRAM ARG... : a server on the loopback, which writes its port to FILE; it
# ends with this script
serve() {
	to=$1
	shift
	"$@" >"$to" 2>"$to.err" &
	servers="${servers:-} $!"
	wait_for 10 test -s "$to" || skip_all "no server: $(cat "$to.err")"
}
trap 'for s in ${servers:-}; do kill "$s" 2>/dev/null; done; cleanup' EXIT

# git clone over HTTP, from a server that knows only files ("dumb" HTTP).
cat >"$T/files.py" <<'END'
import functools, http.server, sys
class H(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(H, directory=sys.argv[1]))
print(s.server_address[1], flush=True)
s.serve_forever()
END
if command -v git >/dev/null 2>&1 && [ -x "$(git --exec-path)/git-remote-http" ]; then
	mkdir -p "$T/git/work" "$T/git/out" "$T/git/here"
	cd "$T/git" || exit 99
	(
		cd work && git init -q -b main . && echo cloned >file &&
			git add file && git -c user.name=t -c user.email=t@example.org commit -q -m one
		git clone -q --bare . ../served.git && cd ../served.git && git repack -q -a -d && git update-server-info
	) >/dev/null 2>&1
	serve "$T/git.port" $py "$T/files.py" "$T/git"
	port=$(cat "$T/git.port")
	url=http://127.0.0.1:$port/served.git
	learn "git clone" "rm -rf '$T/git/out/clone'" --write "$T/git/out" --cwd "$T/git/out" -- git clone -q "$url" clone
	same "what was cloned is there" cloned "$(cat out/clone/file)"
	has "its server is found" "$line" "--net 127.0.0.1:$port "
	has "and where it makes the clone" "$line" "--write $T/git/out "
	smallest "git clone" "rm -rf '$T/git/out/clone'"
	rm -rf out/clone
	got=$(eval "set -- $(printf %s "$line" | sed "s/127.0.0.1:$port /127.0.0.1:1 /")" && shift && "$SLUICE" "$@" 2>&1)
	result $((!$?)) "git clone: not from elsewhere" "$got"
fi

# npm ci against a registry that the test serves itself.
if command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1; then
	mkdir -p "$T/npm/package" "$T/npm/files" "$T/npm/app"
	cd "$T/npm" || exit 99
	echo '{"name":"tiny","version":"1.0.0","main":"index.js"}' >package/package.json
	echo 'module.exports = () => "tiny works";' >package/index.js
	tar -czf files/tiny-1.0.0.tgz package
	serve "$T/npm.port" $py "$T/files.py" "$T/npm/files"
	port=$(cat "$T/npm.port")
	sum=sha512-$($py -c 'import base64, hashlib, sys
print(base64.b64encode(hashlib.sha512(open(sys.argv[1], "rb").read()).digest()).decode())' files/tiny-1.0.0.tgz)
	cd app || exit 99
	echo '{"name":"app","version":"1.0.0","dependencies":{"tiny":"1.0.0"}}' >package.json
	cat >package-lock.json <<END
{ "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {
  "": { "name": "app", "version": "1.0.0", "dependencies": { "tiny": "1.0.0" } },
  "node_modules/tiny": { "version": "1.0.0", "resolved": "http://127.0.0.1:$port/tiny-1.0.0.tgz", "integrity": "$sum" } } }
END
	learn "npm ci" 'rm -rf node_modules' --write "$T/npm" --cwd "$T/npm/app" -- \
		npm ci --no-audit --no-fund --no-update-notifier --registry "http://127.0.0.1:$port/" --fetch-retries 0
	same "what was installed works" "tiny works" "$(node -e 'console.log(require("tiny")())')"
	has "its registry is found" "$line" "--net 127.0.0.1:$port "
	has "only the project is written" "$line" "--write $T/npm/app "
	smallest "npm ci" 'rm -rf node_modules'
else
	result 0 "npm ci # SKIP npm or node is not installed"
fi

# A browser renders a local page.
for chromium in chromium chromium-headless-shell chromium-browser google-chrome ""; do
	command -v "${chromium:-/}" >/dev/null 2>&1 && break
done
if [ -n "$chromium" ]; then
	mkdir "$T/web"
	cd "$T/web" || exit 99
	echo '<title>t</title><body><script>document.body.append("rendered " + 6 * 7)</script>' >page.html
	# Its own sandbox needs namespaces, which no box gives; the box is the sandbox.
	learn "a browser" : --read "$T/web" -- "$chromium" --headless --no-sandbox --disable-gpu \
		--disable-dev-shm-usage --dump-dom "file://$T/web/page.html"
	has "it has rendered" "$(cat "$T/stdout")" "rendered 42"
	has "with the page alone" "$line" "--read $T/web"
	smallest "a browser" :
else
	result 0 "a browser # SKIP chromium is not installed"
fi
finish
