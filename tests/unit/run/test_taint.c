/* test_taint.c -- run/taint: which names and texts are tainted, by which row. */
#include "t.h"
#include "run/taint.h"
#include "run/taint_look.h"

#include <string.h>

static struct sl_taints
taints(const char *path, bool is_dir)
{
	struct sl_taints t = SL_TAINTS_INIT;

	sl_taint_path(sl_slice_str(path), is_dir, &t);
	return t;
}

static const struct sl_taint_row *
row(size_t i)
{
	size_t n;
	const struct sl_taint_row *r = sl_taint_rows(&n);

	assert_true(i < n);
	return &r[i];
}

static bool
has(const struct sl_taints *t, const char *kind, enum sl_taint_action a)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(row(t->row[i])->kind, kind) == 0)
			return sl_taint_action(row(t->row[i])) == a;
	return false;
}

static void
test_tainted(void **state)
{
	static const struct {
		const char *path, *kind;
		enum sl_taint_action action;
	} t[] = {
		{ ".git/hooks/pre-commit", "git-hook", SL_TA_HELD },
		{ "sub/.GIT/Hooks/x", "git-hook", SL_TA_HELD },
		{ ".git/config", "git-config", SL_TA_HELD },
		{ ".git/objects/info/alternates", "git-config", SL_TA_HELD },
		{ ".git/info/attributes", "git-config", SL_TA_HELD },
		{ ".git/worktrees/w/config.worktree", "git-config", SL_TA_HELD },
		{ ".git", "git-config", SL_TA_HELD },
		{ "a/.gitattributes", "git-config", SL_TA_HELD },
		{ ".gitmodules", "git-config", SL_TA_HELD },
		{ "vendor/x/HEAD", "git-config", SL_TA_HELD },
		{ "GIT~1/hooks/x", "git-config", SL_TA_HELD },
		{ ".husky/pre-push", "git-hook", SL_TA_HELD },
		{ ".github/workflows/ci.yml", "ci", SL_TA_HELD },
		{ ".gitlab-ci.yml", "ci", SL_TA_HELD },
		{ ".forgejo/workflows/x.yaml", "ci", SL_TA_HELD },
		{ "Jenkinsfile", "ci", SL_TA_HELD },
		{ "docs/AGENTS.md", "agent", SL_TA_HELD },
		{ "CLAUDE.md", "agent", SL_TA_HELD },
		{ ".cursor/rules/x.mdc", "agent", SL_TA_HELD },
		{ ".mcp.json", "agent", SL_TA_HELD },
		{ ".bashrc", "shell", SL_TA_HELD },
		{ "x/.envrc", "shell", SL_TA_HELD },
		{ "run.desktop", "shell", SL_TA_HELD },
		{ ".vscode/tasks.json", "editor", SL_TA_HELD },
		{ "x.code-workspace", "editor", SL_TA_HELD },
		{ ".devcontainer/devcontainer.json", "editor", SL_TA_HELD },
		{ ".npmrc", "package-config", SL_TA_HELD },
		{ "crate/.cargo/config.toml", "package-config", SL_TA_HELD },
		{ "gradle/wrapper/gradle-wrapper.properties", "package-config",
		  SL_TA_HELD },
		{ ".mvn/extensions.xml", "package-config", SL_TA_HELD },
		{ ".ssh/config", "credentials", SL_TA_HELD },
		{ "Makefile", "build-file", SL_TA_NAMED },
		{ "src/rules.mk", "build-file", SL_TA_NAMED },
		{ "CMakeLists.txt", "build-file", SL_TA_NAMED },
		{ "package.json", "build-file", SL_TA_NAMED },
		{ "tests/conftest.py", "build-file", SL_TA_NAMED },
		{ "build.rs", "build-file", SL_TA_NAMED },
		{ "vite.config.ts", "build-file", SL_TA_NAMED },
		/* as they look */
		{ ".g\u0131thub/workflows/x.yml", "look-alike", SL_TA_HELD },
		{ "\u039cakefile", "look-alike", SL_TA_HELD },
		{ "AG\u0395NTS.md", "look-alike", SL_TA_HELD },
		{ ".g\u200cit/config", "look-alike", SL_TA_HELD },
		{ ".git./config", "look-alike", SL_TA_HELD },
		{ ".git /hooks/x", "look-alike", SL_TA_HELD },
		{ ".git::$INDEX_ALLOCATION/config", "look-alike", SL_TA_HELD },
		{ ".git\\hooks\\pre-commit", "look-alike", SL_TA_HELD },
		{ "C1AUDE.md", "look-alike", SL_TA_HELD },
		{ ".vsc\uff4fde/tasks.json", "look-alike", SL_TA_HELD },
		{ ".ba\u017fhrc", "look-alike", SL_TA_HELD },
		{ "\U0001d402LAUDE.md", "look-alike", SL_TA_HELD },
		{ "pac\u212aage.json", "look-alike", SL_TA_HELD },
		{ ".github\u2215workflows\u2215x.yml", "look-alike", SL_TA_HELD },
		/* names that are not what is seen */
		{ "a\x1b[2Jb", "deceptive-name", SL_TA_HELD },
		{ "a\nb", "deceptive-name", SL_TA_HELD },
		{ "a\rb", "deceptive-name", SL_TA_HELD },
		{ "a\tb", "deceptive-name", SL_TA_HELD },
		{ "a\xff", "deceptive-name", SL_TA_HELD },
		{ "a\xc2\x9b"
		  "31m",
		  "deceptive-name", SL_TA_HELD },
		{ "fdp\u202excod.exe", "deceptive-name", SL_TA_HELD },
		{ "a\u200b.c", "deceptive-name", SL_TA_HELD },
		{ "a\u3164.c", "deceptive-name", SL_TA_HELD },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_taints x = taints(t[i].path, false);

		if (!has(&x, t[i].kind, t[i].action))
			fail_msg("%s: no %s", t[i].path, t[i].kind);
	}
}

static void
test_passes(void **state)
{
	static const char *const yes[] = { ".git/objects", "a/b/.git/objects/ab/x",
					   ".GIT/refs", ".git/logs" };
	static const char *const no[] = { "",
					  ".git",
					  ".git/hooks",
					  "objects",
					  "a/b",
					  ".git/objects/info",
					  ".git/x/objects",
					  "src/.git.x/objects" };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(yes); i++)
		if (!sl_taint_passes(sl_slice_str(yes[i])))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < SL_ARRAY_LEN(no); i++)
		if (sl_taint_passes(sl_slice_str(no[i])))
			fail_msg("%s", no[i]);
}

static void
test_clean(void **state)
{
	static const char *const clean[] = {
		"src/main.c",
		"README.md",
		"bashrc",
		"agents.mdx",
		"makefile/x.c",
		".gitignore",
		".github/CODEOWNERS",
		".git/objects/ab/cdef",
		".git/refs/heads/main",
		".git/refs/remotes/origin/HEAD",
		".git/logs/HEAD",
		".git/index",
		".git/HEAD",
		".cargo/registry/x",
		"git/hooks/x",
		"gitconfig",
		"workflows/x.yml",
		"package.jsonl",
		"xMakefile.c",
		"header",
		"HEAD/x",
		"configure.md",
		"\u043a\u043b\u0430\u0441\u0441.c",
		"\u65e5\u672c\u8a9e.txt",
		"caf\u00e9/na\u00efve.txt",
		"a.b./c",
		"v1.0/x",
		"emoji\u2764\ufe0f.txt",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(clean); i++) {
		struct sl_taints x = taints(clean[i], false);

		if (x.n != 0)
			fail_msg("%s: %s %s", clean[i], row(x.row[0])->kind,
				 row(x.row[0])->pattern);
	}
	/* a new directory is nothing yet where only what is in it counts */
	assert_int_equal(taints(".git", true).n, 0);
	assert_int_equal(taints("Makefile", true).n, 0);
	assert_int_equal(taints(".git/hooks", true).n, 1);
}

static void
test_strictest_first(void **state)
{
	struct sl_taints t = SL_TAINTS_INIT, x;

	(void)state;
	sl_taint_property("@executable", &t);
	sl_taint_property("@device", &t);
	sl_taint_property("@set-id", &t);
	assert_int_equal(t.n, 3);
	assert_string_equal(row(t.row[0])->kind, "special");
	assert_string_equal(row(t.row[1])->kind, "set-id");
	assert_string_equal(row(t.row[2])->kind, "executable");
	/* once a kind, and what does not fit is the least */
	sl_taint_property("@fifo", &t);
	assert_int_equal(t.n, 3);
	x = taints("Makefile/.vscode/.envrc/CLAUDE.md/.npmrc/.ssh/\x1b/Makefile", false);
	assert_int_equal(x.n, SL_TAINTS_MAX);
	for (size_t i = 0; i < x.n; i++)
		assert_int_equal(sl_taint_action(row(x.row[i])), SL_TA_HELD);
	/* what it looks like is said */
	x = taints(".g\u0131t/config", false);
	assert_string_equal(row(x.like)->kind, "git-config");
	assert_int_equal(taints("x.c", false).like, SL_TAINT_NONE);
}

static void
test_rules_only_tighten(void **state)
{
	const struct sl_taint_rule rule[] = {
		{ SL_LIT("build-file"), SL_TA_HELD },
		{ SL_LIT("build-file"), SL_TA_BLOCKED },
		{ SL_LIT("git-hook"), SL_TA_NAMED },
	};
	struct sl_taints m = taints("Makefile", false), h = taints(".git/hooks/x", false);

	(void)state;
	assert_int_equal(sl_taint_action_under(row(m.row[0]), NULL, 0), SL_TA_NAMED);
	assert_int_equal(sl_taint_action_under(row(m.row[0]), rule, 1), SL_TA_HELD);
	assert_int_equal(sl_taint_action_under(row(m.row[0]), rule, 3), SL_TA_BLOCKED);
	assert_int_equal(sl_taint_action_under(row(h.row[0]), rule, 3), SL_TA_HELD);
	assert_int_equal(sl_taint_action_by_name(SL_LIT("held")), SL_TA_HELD);
	assert_int_equal(sl_taint_action_by_name(SL_LIT("Held")), SL_TA_COUNT);
	assert_int_equal(sl_taint_action_by_name(SL_LIT("")), SL_TA_COUNT);
	assert_true(sl_taint_is_kind(SL_LIT("ci")));
	assert_false(sl_taint_is_kind(SL_LIT("cis")));
	assert_false(sl_taint_is_kind(SL_LIT("")));
}

/* A misspelt row would protect nothing. */
static void
test_table(void **state)
{
	static const char *const property[] = {
		"@link-leaves",   "@device",          "@fifo",          "@set-id",
		"@executable",    "@look-alike",      "@name-controls", "@name-invisible",
		"@text-escapes",  "@text-bidi",       "@archive",       "@unread",
		"@archive-plain", "@archive-escapes",
	};
	size_t n, n_property = 0;
	const struct sl_taint_row *r = sl_taint_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const char *p = r[i].pattern;

		if (sl_taint_action_by_name(sl_slice_str(r[i].action)) >= SL_TA_COUNT)
			fail_msg("%s: action %s", p, r[i].action);
		if ((p[0] == '@') != (strcmp(r[i].of, "-") == 0) ||
		    (p[0] != '@' && strcmp(r[i].of, "tree") != 0 &&
		     strcmp(r[i].of, "leaf") != 0 && strcmp(r[i].of, "loose") != 0))
			fail_msg("%s: of %s", p, r[i].of);
		for (const char *c = p; *c != '\0'; c++)
			if (*c >= 'A' && *c <= 'Z')
				fail_msg("%s: not in lower case", p);
		for (size_t k = 0; k < i; k++)
			if (strcmp(r[k].pattern, p) == 0)
				fail_msg("%s: twice", p);
		for (size_t k = 0; k < SL_ARRAY_LEN(property); k++)
			n_property += strcmp(p, property[k]) == 0;
	}
	assert_int_equal(n_property, SL_ARRAY_LEN(property));
}

static void
test_text(void **state)
{
	static const struct {
		const char *text;
		unsigned want;
	} t[] = {
		{ "", 0 },
		{ "plain\ttext\r\nwith\flines\v\n", 0 },
		{ "caf\u00e9 \u65e5\u672c \u2764\ufe0f", 0 },
		{ "ends in \r", 0 },
		{ "\x1b[31m", SL_TEXT_ESCAPES },
		{ "\x1b]52;c;eA==\x07", SL_TEXT_ESCAPES },
		{ "a\x08", SL_TEXT_ESCAPES },
		{ "a\x7f", SL_TEXT_ESCAPES },
		{ "\xc2\x9b"
		  "31m",
		  SL_TEXT_ESCAPES },
		{ "hidden\rshown", SL_TEXT_ESCAPES },
		{ "if (x) \u202e{", SL_TEXT_BIDI },
		{ "\u2066x\u2069", SL_TEXT_BIDI },
		{ "a\u200bb", SL_TEXT_INVISIBLE },
		{ "a\U000e0041", SL_TEXT_INVISIBLE },
		{ "\xff", SL_TEXT_BAD },
		{ "\xc0\xae", SL_TEXT_BAD },
		{ "\xed\xa0\x80", SL_TEXT_BAD },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++)
		if (sl_taint_text(sl_slice_str(t[i].text)) != t[i].want)
			fail_msg("%zu: %u", i, sl_taint_text(sl_slice_str(t[i].text)));
}

static void
test_look(void **state)
{
	uint8_t out[TAINT_LOOK_MAX];
	char longest[TAINT_LOOK_MAX + 8];
	size_t n;

	(void)state;
	assert_int_equal(taint_look(SL_LIT("src/main.c"), out), 0);
	n = taint_look(SL_LIT("\uff4d\u0410\u0138e\u0301 . /x:y"), out);
	assert_true(n > 0);
	assert_memory_equal(out, "ma", 2);
	assert_memory_equal(out + n - 2, "/x", 2);
	assert_int_equal(taint_look(SL_LIT(""), out), 0);
	/* nothing but what is dropped */
	assert_int_equal(taint_look(SL_LIT("\u200b"), out), 0);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(taint_look(sl_slice_str(longest), out), 0);
	longest[TAINT_LOOK_MAX - 1] = '\0';
	longest[0] = '1';
	assert_int_equal(taint_look(sl_slice_str(longest), out), TAINT_LOOK_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tainted),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_strictest_first),
		cmocka_unit_test(test_rules_only_tighten),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_look),
	};

	return run_suite("taint", tests, SL_ARRAY_LEN(tests));
}
