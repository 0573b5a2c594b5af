#!/bin/sh
# 0024-taint.sh -- what leaves a box and would be run or obeyed outside: named, held back, blocked.
# needs: box
# timeout: 240
. "$(dirname "$0")/lib.sh"
need_box
sl init >/dev/null
mkdir "$T/flows" "$T/w"
flow() { # flow NAME : a workflow of one step from standard input
	{
		printf 'on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n'
		sed 's/^/          /'
	} >"$T/flows/$1.yml"
}
run() { sl run "$T/flows/$1.yml" --workspace "$T/w" --json 2>/dev/null | grep '"event":"run.done"' >"$T/done"; json run <"$T/done"; }

# kinds PATH : "kind:action ..." of a path of the list in $T/list
kinds() {
	/usr/bin/python3 -c '
import json, sys
for line in open(sys.argv[1]):
    v = json.loads(line)
    if v["path"] == sys.argv[2]:
        print(" ".join(t["kind"] + ":" + t["action"] for t in v.get("taint", [])))' "$T/list" "$1"
}

flow all <<'S'
mk() { mkdir -p "$(dirname "$1")" && echo x >"$1"; }
mk .git/hooks/post-checkout; mk .git/config; mk .gitattributes; mk .gitmodules; mk sub/HEAD
mk .github/workflows/ci.yml; mk .gitlab-ci.yml; mk .forgejo/workflows/a.yml
mk Makefile; mk CMakeLists.txt; mk package.json; mk setup.py; mk tests/conftest.py; mk build.rs
mk .cargo/config.toml; mk .npmrc; mk pip.conf; mk .mvn/extensions.xml; mk gradle/wrapper/gradle-wrapper.properties
mk .vscode/tasks.json; mk .idea/workspace.xml; mk .envrc; mk .exrc; mk .bashrc; mk .profile; mk .devcontainer/devcontainer.json
mk CLAUDE.md; mk AGENTS.md; mk .cursor/rules/x.mdc; mk .mcp.json
mk "$(printf '.g\304\261thub/workflows/x.yml')"; mk "$(printf '.git\342\200\213/hooks/pre-commit')"; mk '.git /config'; mk "$(printf 'M\320\260kefile')"
mk "$(printf 'clear\033[2J')"; mk "$(printf 'line\nbreak')"; mk "$(printf 'abc\342\200\256cod.exe')"
printf 'a \033]0;title\007 b\n' >escapes.txt; printf 'hidden\rshown\n' >overwrite.txt; printf 'if \342\200\256 {\n' >bidi.c
printf '#!/bin/sh\n' >tool; chmod 755 tool
ln -s /etc/passwd out; ln -s ../../up up; ln -s Makefile in
mkfifo pipe
tar cf a.tar Makefile; gzip -c Makefile >z.gz
head -c 18000000 /dev/zero | tr '\0' a >big.txt
mk plain.txt; mk src/main.c; mk docs/README.md; mk .github/CODEOWNERS; mk .gitignore; mk .git/refs/heads/x; mk .git/objects/ab/cd
mk Makefile.d/x.c; mk bashrc; mk "$(printf 'caf\303\251.txt')"
S
id=$(run all)
[ -n "$id" ]
result $? "a run that leaves all of it succeeds"
sl changes "$id" --json >"$T/list"
same "changes --json: exit 0" 0 $?
while read -r path want; do
	path=$(printf '%b' "$path")
	same "named: $want" "$want" "$(kinds "$path")"
done <<'L'
.git/hooks/post-checkout git-hook:held
.git/config git-config:held
.gitattributes git-config:held
.gitmodules git-config:held
sub/HEAD git-config:held
.github/workflows/ci.yml ci:held
.gitlab-ci.yml ci:held
.forgejo/workflows/a.yml ci:held
.cargo/config.toml package-config:held
.npmrc package-config:held
pip.conf package-config:held
.mvn/extensions.xml package-config:held
gradle/wrapper/gradle-wrapper.properties package-config:held
.vscode/tasks.json editor:held
.idea/workspace.xml editor:held
.exrc editor:held
.devcontainer/devcontainer.json editor:held
.envrc shell:held
.bashrc shell:held
.profile shell:held
CLAUDE.md agent:held
AGENTS.md agent:held
.cursor/rules/x.mdc agent:held
.mcp.json agent:held
.g\0304\0261thub/workflows/x.yml look-alike:held
.git\0342\0200\0213/hooks/pre-commit deceptive-name:held look-alike:held
.git\0040/config look-alike:held
M\0320\0260kefile look-alike:held
clear\0033[2J deceptive-name:held
line\nbreak deceptive-name:held
abc\0342\0200\0256cod.exe deceptive-name:held
out link:held
up link:held
pipe special:held
Makefile build-file:named
CMakeLists.txt build-file:named
package.json build-file:named
setup.py build-file:named
tests/conftest.py build-file:named
build.rs build-file:named
tool executable:named
escapes.txt deceptive-text:named
overwrite.txt deceptive-text:named
bidi.c deceptive-text:named
big.txt unread:named
L
for f in plain.txt src/main.c docs/README.md .github/CODEOWNERS .gitignore .git/refs/heads/x .git/objects/ab/cd \
	Makefile.d/x.c bashrc in "$(printf 'caf\303\251.txt')"; do
	same "not named: $f" "" "$(kinds "$f")"
done
like=$(/usr/bin/python3 -c '
import json, sys
for l in open(sys.argv[1]):
    for t in json.loads(l).get("taint", []):
        assert set(t) - {"like"} == {"kind", "obeyed_by", "action"}, t
        if t.get("like"): print(t["like"])' "$T/list" | sort -u | tr '\n' ' ')
same "what it looks like is said" ".git/* .git/hooks .github/workflows makefile " "$like"
sl changes "$id" >"$T/text"
same "the list steers no terminal" 0 "$(tr -d '\n -~' <"$T/text" | wc -c)"
lacks "nor turns text around" "$(od -An -tx1 "$T/text" | tr -d ' \n')" e280ae
has "it says who obeys" "$(cat "$T/text")" 'git-hook: git (commit'

# The outcome says it, and verifies.
sl log show "$id" --json | grep '"outcome"' | tail -n 1 >"$T/outcome"
out=$(/usr/bin/python3 -c '
import json, sys
o = json.load(open(sys.argv[1]))["statement"]["predicate"]["sluice"]
d = json.load(open(sys.argv[2]))
assert o["tainted"] == d["tainted"], (o["tainted"], d["tainted"])
assert len(o["taint"]) == sum(o["tainted"].values()), len(o["taint"])
by = {t["path"]: [w["kind"] for w in t["why"]] for t in o["taint"]}
print(by[".git/hooks/post-checkout"][0], by["Makefile"][0], o["taint"][0]["job"])' "$T/outcome" "$T/done" 2>&1)
same "the outcome names each" "git-hook build-file job" "$out"
ok "and verifies" sl verify "$id"

# A name that is no UTF-8 breaks no list.
flow bytes <<'S'
touch "$(printf 'a\377b')"
S
bytes=$(run bytes)
same "a name that is no text: in JSON by its bytes" 61ff62 "$(sl changes "$bytes" --json | json path_hex)"
lacks "and in text escaped" "$(sl changes "$bytes" | od -An -tx1)" ff

# Archives are looked into.
rm -rf "$T/w" && mkdir "$T/w"
cp "$src/tests/e2e/archives.py" "$T/w"
flow archives <<'S'
/usr/bin/python3 archives.py a
S
arch=$(run archives)
sl changes "$arch" --json >"$T/list"
out=$(/usr/bin/python3 -c '
import json, sys
want = {"esc": ["archive-escape:held"], "plain": ["archive:named"], "unk": ["archive:named"]}
said = {"plain": "stay below", "unk": "not looked into"}
n = dict.fromkeys(want, 0)
for line in open(sys.argv[1]):
    v = json.loads(line)
    if v["type"] != "file":
        continue
    what = v["path"].split("/")[1].split("-")[0]
    n[what] += 1
    got = [t["kind"] + ":" + t["action"] for t in v.get("taint", [])]
    if got != want[what] or said.get(what, "") not in v["taint"][0]["obeyed_by"]:
        print(v["path"], v.get("taint"))
print(min(n.values()) > 12, n["esc"] > 50, file=sys.stderr)' "$T/list" 2>"$T/n")
same "archives: what escapes is found, and nothing else" "" "$out"
same "all of them were there" "True True" "$(cat "$T/n")"
rm -rf "$T/x" && mkdir "$T/x"
sl changes "$arch" --apply "$T/x" >/dev/null 2>&1
same "an escaping one is held back" "" "$(find "$T/x" -name 'esc-*')"
[ -f "$T/x/a/plain-one.tar" ] && [ -f "$T/x/a/unk-cut.tar" ]
result $? "the others are applied"
rm -rf "$T/x" "$T/w" && mkdir "$T/w"

# Applied: what is held stays, what is named goes.
mkdir "$T/x"
out=$(sl changes "$id" --apply "$T/x" 2>&1)
same "--apply: exit 1" 1 $?
[ -f "$T/x/Makefile" ] && [ -x "$T/x/tool" ] && [ -f "$T/x/escapes.txt" ] && [ -f "$T/x/src/main.c" ]
result $? "what is only named is applied"
for f in .git/hooks .git/config .github/workflows .envrc CLAUDE.md out up pipe '.git /config' "$(printf 'clear\033[2J')" "$(printf 'M\320\260kefile')"; do
	[ ! -e "$T/x/$f" ] && [ ! -L "$T/x/$f" ]
	result $? "held back: $(printf '%s' "$f" | tr -cd ' -~')"
done
sl changes "$id" --apply "$T/x" --with "$(printf 'M\320\260kefile')" --with out >/dev/null 2>&1
[ -f "$T/x/$(printf 'M\320\260kefile')" ] && [ -L "$T/x/out" ]
result $? "by name it is applied"

# What goes is judged too: a hook or a rule that disappears.
mkdir -p "$T/w/.git/hooks" "$T/w/.github/workflows"
echo keep >"$T/w/.git/hooks/pre-push"
echo keep >"$T/w/.github/workflows/scan.yml"
flow gone <<'S'
rm -r .git .github
S
gone=$(run gone)
sl changes "$gone" --json >"$T/list"
same "a hook that goes is held" git-hook:held "$(kinds .git/hooks/pre-push)"
same "a workflow that goes is held" ci:held "$(kinds .github/workflows/scan.yml)"
cp -a "$T/w" "$T/v"
sl changes "$gone" --apply "$T/v" >/dev/null 2>&1
[ -f "$T/v/.git/hooks/pre-push" ] && [ -f "$T/v/.github/workflows/scan.yml" ]
result $? "and stays" "$(find "$T/v")"

# Many named ones crowd out no held one.
rm -rf "$T/w" && mkdir "$T/w"
flow many <<'S'
i=0; while [ $i -lt 400 ]; do printf x >"a$i"; chmod 755 "a$i"; i=$((i + 1)); done
echo x >zz.desktop
S
many=$(run many)
sl log show "$many" --json | grep '"outcome"' | tail -n 1 >"$T/outcome"
out=$(/usr/bin/python3 -c '
import json, sys
o = json.load(open(sys.argv[1]))["statement"]["predicate"]["sluice"]
print(o["tainted"]["named"], o["tainted"]["held"], len(o["taint"]), o["taint"][0]["path"])' "$T/outcome" 2>&1)
same "counts are of all, the list is bounded, the strictest first" "400 1 257 zz.desktop" "$out"

# Secrets in names are masked in what is recorded.
flow secret <<'S'
mkdir -p d && printf x >"d/$(printf %s "$TOKEN").desktop"
S
sed -i 's/^      - run: |/      - env: {TOKEN: "${{ secrets.TOKEN }}"}\n        run: |/' "$T/flows/secret.yml"
TOKEN=hunter2hunter2 sl run "$T/flows/secret.yml" --workspace "$T/w" --secret TOKEN --json >"$T/events" 2>&1
sec=$(grep run.done "$T/events" | json run)
sl log show "$sec" --json >"$T/log"
lacks "a secret in a name is not in the log" "$(cat "$T/log")" hunter2
has "its path is there, masked" "$(cat "$T/log")" '"path":"d/***.desktop"'

# Policy tightens, and cannot loosen.
sl policy show >"$T/p.dl"
cat >>"$T/p.dl" <<'P'
taint_action("build-file", "held") <- node($node);
taint_action("ci", "blocked") <- request("apply");
taint_action("git-hook", "named") <- node($node);
P
ok "a policy that tightens is registered" sl policy register "$T/p.dl"
sl changes "$id" --json >"$T/list"
same "a build file is held now" build-file:held "$(kinds Makefile)"
same "a workflow blocked" ci:blocked "$(kinds .gitlab-ci.yml)"
same "a hook held, not less" git-hook:held "$(kinds .git/hooks/post-checkout)"
mkdir "$T/y"
out=$(sl changes "$id" --apply "$T/y" --with .gitlab-ci.yml --with package.json 2>&1)
same "--apply: exit 1 again" 1 $?
[ ! -e "$T/y/Makefile" ] && [ -f "$T/y/package.json" ]
result $? "held, but for what is named"
[ ! -e "$T/y/.gitlab-ci.yml" ]
result $? "what is blocked no name lifts" "$out"
has "and that is said" "$out" 'blocked'
flow make <<'S'
echo x >Makefile
S
make=$(run make)
same "a run's outcome has the policy's action" 1 "$(/usr/bin/python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["tainted"]["held"])' "$T/done")"
has "policy may deny by kind: registered" "$(printf 'deny if request("apply"), tainted("ci", $n), $n > 2;\n' | cat - "$T/p.dl" >"$T/q.dl"; sl policy register "$T/q.dl" 2>&1 && echo yes)" yes
check 3 'denied' changes "$id" --apply "$T/y"
ok "not a run without" sl changes "$make" --apply "$T/y" --with Makefile
printf 'taint_action("build-fiel", "held") <- node($node);\n' >"$T/bad1"
printf 'taint_action("build-file", "hold") <- node($node);\n' >"$T/bad2"
printf 'taint_action("build-file", "pass") <- node($node);\n' >"$T/bad3"
for b in bad1 bad2 bad3; do
	cat "$T/p.dl" "$T/$b" >"$T/r.dl"
	sl policy register "$T/r.dl" >/dev/null 2>&1
	rm -rf "$T/z" && mkdir "$T/z"
	out=$(sl changes "$id" --apply "$T/z" 2>&1)
	rc=$?
	[ $rc != 0 ] && [ $rc != 1 ] && [ -z "$(ls -A "$T/z")" ]
	result $? "a rule that names nothing applies nothing ($b)" "$rc: $out"
	not "nor runs anything" sl run "$T/flows/make.yml" --workspace "$T/w"
done
sl policy register "$T/p.dl" >/dev/null 2>&1

# In place: nothing can be held back, so it is named.
rm -rf "$T/w" && mkdir "$T/w"
echo old >"$T/w/Makefile"
flow direct <<'S'
echo new >Makefile; echo x >run.desktop; echo x >plain
S
sl run "$T/flows/direct.yml" --workspace "$T/w" --direct --json 2>/dev/null | grep run.done >"$T/done"
same "--direct: what is tainted is counted" '{"blocked": 0, "held": 0, "named": 2}' "$(json tainted <"$T/done")"
same "so are changes" 3 "$(json changes <"$T/done")"

has "limits lists the table" "$(sl limits)" 'git-hook       held     .git/hooks'
for k in kind pattern of obeyed_by action; do
	[ -n "$(sl limits --json | json $k)" ]
	result $? "limits --json has $k"
done
check 0 'good' log check

# The same as an ordinary user.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && [ -z "${TAINT_AGAIN-}" ]; then
	mkdir "$T/user" "$T/bin"
	cp "$SLUICE" "$T/bin/sluice"
	chmod 755 "$T" "$T/bin" "$T/bin/sluice"
	chown 54321:54321 "$T/user"
	setpriv --reuid=54321 --regid=54321 --clear-groups --inh-caps=-all --bounding-set=-all \
		env -u SLUICE_HOME HOME="$T/user" TMPDIR="$T/user" SLUICE="$T/bin/sluice" TAINT_AGAIN=1 \
		sh "$src/tests/e2e/0024-taint.sh" >"$T/tap" 2>"$T/err"
	result $? "as an ordinary user: $(grep -c '^ok' "$T/tap") points" "$(grep -v '^ok' "$T/tap" | head -n 40; head -n 5 "$T/err")"
fi
finish
