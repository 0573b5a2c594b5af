/* test_profile.c -- grant/profile: what is read, what is refused and where. */
#include "t.h"

#include "base/buf.h"
#include "grant/profile.h"

#include <stdio.h>

struct read {
	struct sl_arena a;
	const struct sl_profile *p;
	struct sl_profile_diags d;
	struct sl_err err;
	int r;
};

static void
read_text(struct read *x, const char *text)
{
	size_t n = strlen(text);

	memset(x, 0, sizeof(*x));
	sl_arena_init(&x->a, 8 << 20);
	x->r = sl_profile_parse((struct sl_slice){ at_edge(text, n), n }, "f.yml", &x->a,
				&x->p, &x->d, &x->err);
}

static void
test_good(void **state)
{
	struct sl_grant g;
	struct read x;

	(void)state;
	sl_grant_init(&g);
	read_text(&x, "description: all of it\n"
		      "read: [., ~, ~/src, /srv/data]\n"
		      "write:\n  - ./build\n"
		      "env: [CC, _x9]\n"
		      "tty: true\n"
		      "net: [Example.org:443, \"[2001:DB8::0:1]:80\"]\n"
		      "tier: T1\n"
		      "limits: { memory: 64M, pids: 7, time: \"60\", open-files: 32 }\n");
	assert_int_equal(x.r, 0);
	assert_true(sl_slice_eq(x.p->description, SL_LIT("all of it")));
	assert_int_equal(x.p->n_path, 5);
	assert_true(sl_slice_eq(x.p->path[1].text, SL_LIT("~")));
	assert_int_equal(x.p->path[0].access, SL_ACC_READ | SL_ACC_EXEC);
	assert_int_equal(x.p->path[4].access, SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC);
	assert_int_equal(x.p->path[4].at.line, 4);
	assert_int_equal(x.p->path[4].at.col, 5);
	assert_int_equal(x.p->n_env, 2);
	assert_true(x.p->is_tty);
	assert_int_equal(x.p->n_net, 2);
	assert_true(sl_slice_eq(x.p->net[0].host, SL_LIT("example.org")));
	assert_int_equal(x.p->net[0].port, 443);
	assert_true(sl_slice_eq(x.p->net[1].host, SL_LIT("2001:db8::1")));
	assert_true(x.p->net[1].is_address && !x.p->net[0].is_address);
	assert_int_equal(x.p->limit[SL_LIM_MEMORY].max, 64 << 20);
	assert_int_equal(x.p->limit[SL_LIM_PIDS].max, 7);
	assert_int_equal(x.p->limit[SL_LIM_WALL].max, 60);
	assert_int_equal(x.p->limit[SL_LIM_NOFILE].max, 32);
	/* What is not named keeps its default, and each its class. */
	assert_int_equal(x.p->limit[SL_LIM_DISK].max, g.limit[SL_LIM_DISK].max);
	assert_int_equal(x.p->limit[SL_LIM_MEMORY].class, g.limit[SL_LIM_MEMORY].class);
	sl_arena_free(&x.a);

	read_text(&x, "description: nothing\n");
	assert_int_equal(x.r, 0);
	assert_false(x.p->is_tty);
	assert_int_equal(x.p->n_path + x.p->n_env + x.p->n_net, 0);
	assert_memory_equal(x.p->limit, g.limit, sizeof(g.limit));
	sl_arena_free(&x.a);
}

#define D "description: x\n"

static void
test_refused(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *msg; /* with the place */
	} t[] = {
		{ "", SL_E(FORMAT), "f.yml:1:1: the file holds no YAML document" },
		{ "{", SL_E(FORMAT), "f.yml:" },
		{ "[]", SL_E(FORMAT), "f.yml:1:1: a profile is a mapping" },
		{ "x", SL_E(FORMAT), "f.yml:1:1: a profile is a mapping" },
		{ "read: []\n", SL_E(FORMAT), "f.yml:1:1: 'description' is missing" },
		{ "description:\n", SL_E(FORMAT), "'description' is not a line" },
		{ "description: 7\n", SL_E(FORMAT), "'description' is not a line" },
		{ "description: \"\"\n", SL_E(FORMAT), "'description' is not a line" },
		{ "description: \"a\\nb\"\n", SL_E(FORMAT), "is not a line" },
		{ "description: \"a\\eb\"\n", SL_E(FORMAT), "is not a line" },
		{ D "description: y\n", SL_E(FORMAT), "f.yml:2:1: 'description' is " },
		{ D "Read: []\n", SL_E(UNKNOWN), "f.yml:2:1: unknown key 'Read'" },
		{ D "files: []\n", SL_E(UNKNOWN), "f.yml:2:1: unknown key 'files'" },
		{ D "secrets: [A]\n", SL_E(UNKNOWN), "unknown key 'secrets'" },
		{ D "root: host\n", SL_E(UNKNOWN), "unknown key 'root'" },
		{ D "---\n" D, SL_E(FORMAT), "f.yml:2" },
		{ D "read: .\n", SL_E(FORMAT), "f.yml:2:7: 'read' is not a list" },
		{ D "read:\n", SL_E(FORMAT), "'read' is not a list" },
		{ D "read: [7]\n", SL_E(FORMAT), "f.yml:2:8: a path must be a string" },
		{ D "read: [null]\n", SL_E(FORMAT), "a path must be a string" },
		{ D "read: [[.]]\n", SL_E(FORMAT), "a path must be a string" },
		{ D "read: [\"\"]\n", SL_E(FORMAT), "path '' begins with none" },
		{ D "read: [src]\n", SL_E(FORMAT), "f.yml:2:8: path 'src' begins" },
		{ D "read: [..]\n", SL_E(FORMAT), "path '..' begins with none" },
		{ D "read: [../x]\n", SL_E(FORMAT), "path '../x' begins with none" },
		{ D "read: [./../x]\n", SL_E(FORMAT), "path './../x' is not plain" },
		{ D "read: [~/../x]\n", SL_E(FORMAT), "path '~/../x' is not plain" },
		{ D "read: [/a/../b]\n", SL_E(FORMAT), "path '/a/../b' is not plain" },
		{ D "read: [./]\n", SL_E(FORMAT), "path './' is not plain" },
		{ D "read: [/a/]\n", SL_E(FORMAT), "path '/a/' is not plain" },
		{ D "read: [//a]\n", SL_E(FORMAT), "path '//a' is not plain" },
		{ D "read: [~root]\n", SL_E(FORMAT), "path '~root' begins with none" },
		{ D "read: [~root/x]\n", SL_E(FORMAT), "begins with none" },
		{ D "read: [$HOME/x]\n", SL_E(FORMAT), "begins with none" },
		{ D "read: [/]\n", SL_E(FORMAT), "path '/' would show everything" },
		{ D "read: [/a, /a]\n", SL_E(FORMAT), "f.yml:2:12: path '/a' is " },
		{ D "read: [.]\nwrite: [.]\n", SL_E(FORMAT), "f.yml:3:9: path '.' is " },
		{ D "env: CC\n", SL_E(FORMAT), "'env' is not a list" },
		{ D "env: {CC: x}\n", SL_E(FORMAT), "'env' is not a list" },
		{ D "env: [CC=1]\n", SL_E(FORMAT), "f.yml:2:7: 'CC=1' is not the name" },
		{ D "env: [9A]\n", SL_E(FORMAT), "'9A' is not the name" },
		{ D "env: [\"\"]\n", SL_E(FORMAT), "'' is not the name" },
		{ D "env: [{}]\n", SL_E(FORMAT), "is not the name" },
		{ D "env: [A, B, A]\n", SL_E(FORMAT), "variable 'A' is listed twice" },
		{ D "tty: yes\n", SL_E(FORMAT), "f.yml:2:6: 'tty' is neither" },
		{ D "tty: \"true\"\n", SL_E(FORMAT), "'tty' is neither" },
		{ D "tty:\n", SL_E(FORMAT), "'tty' is neither" },
		{ D "net: all\n", SL_E(FORMAT), "f.yml:2:6: 'net' is neither none" },
		{ D "net: {a: 1}\n", SL_E(FORMAT), "'net' is neither none" },
		{ D "net: a:1\n", SL_E(FORMAT), "'net' is neither none" },
		{ D "net: [a]\n", SL_E(FORMAT), "f.yml:2:7: net: " },
		{ D "net: [0x7f000001:1]\n", SL_E(FORMAT), "f.yml:2:7: net: " },
		{ D "net: [\"a:0\"]\n", SL_E(FORMAT), "f.yml:2:7: net: " },
		{ D "net: [[a]]\n", SL_E(FORMAT), "a service must be HOST:PORT" },
		{ D "net: [a.org:1, A.org:1]\n", SL_E(FORMAT),
		  "'A.org:1' is listed twice" },
		{ D "tier: T0\n", SL_E(UNSUPPORTED),
		  "f.yml:2:7: tier 'T0' is lower than" },
		{ D "tier: T2\n", SL_E(UNSUPPORTED), "tier 'T2' is not here" },
		{ D "tier: best\n", SL_E(UNSUPPORTED), "tier 'best' is no tier" },
		{ D "tier: [T1]\n", SL_E(UNSUPPORTED), "tier" },
		{ D "wirte: [.]\n", SL_E(UNKNOWN),
		  "unknown key 'wirte'; did you mean 'write'?" },
		{ D "limits: {memroy: 5M}\n", SL_E(UNKNOWN), "did you mean 'memory'?" },
		{ D "limits: {time: 5, wall: 6}\n", SL_E(FORMAT),
		  "f.yml:2:19: limit 'wall' is listed twice" },
		{ D "limits: []\n", SL_E(FORMAT), "'limits' is not a mapping" },
		{ D "limits: 5\n", SL_E(FORMAT), "'limits' is not a mapping" },
		{ D "limits: {seconds: 5}\n", SL_E(UNKNOWN),
		  "f.yml:2:10: unknown limit " },
		{ D "limits: {Memory: 5}\n", SL_E(UNKNOWN), "unknown limit 'Memory'" },
		{ D "limits: {pids: 0}\n", SL_E(FORMAT), "limit 'pids': '0' is zero" },
		{ D "limits: {pids: -1}\n", SL_E(FORMAT), "limit 'pids': '-1' is no " },
		{ D "limits: {pids: 1K}\n", SL_E(FORMAT), "limit 'pids': '1K' is no " },
		{ D "limits: {pids: [1]}\n", SL_E(FORMAT), "'pids' is not a number" },
		{ D "limits: {pids: }\n", SL_E(FORMAT), "limit 'pids': '' is no " },
		{ D "limits: {cpu: 1.5}\n", SL_E(FORMAT), "'1.5' is no whole number" },
		{ D "limits: {disk: 9999999T}\n", SL_E(FORMAT), "'9999999T' is more " },
		{ D "limits: {pids: 1, pids: 2}\n", SL_E(FORMAT), "already defined" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct read x;

		read_text(&x, t[i].text);
		assert_null(x.p);
		assert_true(x.d.n > 0);
		if (strstr(x.err.msg, t[i].msg) == NULL)
			print_message("%s-> %s\n", t[i].text, x.err.msg);
		assert_non_null(strstr(x.err.msg, t[i].msg));
		assert_int_equal(x.r, t[i].code);
		sl_arena_free(&x.a);
	}
}

/* All that is wrong is said, in the order of the text, up to a bound. */
static void
test_many(void **state)
{
	SL_AUTO_BUF text = { .max = 1 << 20 };
	struct read x;

	(void)state;
	read_text(&x, "a: 1\nb: 2\ntty: 3\n");
	assert_int_equal(x.d.n, 4);
	assert_int_equal(x.d.d[2].at.line, 3);
	assert_int_equal(x.d.n_more, 0);
	sl_arena_free(&x.a);
	sl_buf_str(&text, D);
	for (int i = 0; i < 40; i++)
		sl_buf_printf(&text, "k%d: 1\n", i);
	read_text(&x, (const char *)text.p);
	assert_int_equal(x.d.n, SL_PROFILE_DIAGS_MAX);
	assert_int_equal(x.d.n_more, 40 - SL_PROFILE_DIAGS_MAX);
	assert_int_equal(x.d.d[SL_PROFILE_DIAGS_MAX - 1].at.line, 17);
	sl_arena_free(&x.a);
}

static void
test_bounds(void **state)
{
	SL_AUTO_BUF text = { .max = 1 << 20 };
	struct read x;

	(void)state;
	sl_buf_str(&text, D "read: [");
	for (int i = 0; i <= SL_GRANT_FS_MAX; i++)
		sl_buf_printf(&text, "/p%d, ", i);
	sl_buf_str(&text, "]\n");
	read_text(&x, (const char *)text.p);
	assert_int_equal(x.r, SL_E(LIMIT));
	assert_non_null(strstr(x.err.msg, "more than 256 paths"));
	sl_arena_free(&x.a);
	sl_buf_clear(&text);
	sl_buf_str(&text, D "env: [");
	for (int i = 0; i <= SL_GRANT_ENV_MAX; i++)
		sl_buf_printf(&text, "V%d, ", i);
	sl_buf_str(&text, "]\n");
	read_text(&x, (const char *)text.p);
	assert_int_equal(x.r, SL_E(LIMIT));
	assert_non_null(strstr(x.err.msg, "more than 512 variables"));
	sl_arena_free(&x.a);
	sl_buf_clear(&text);
	sl_buf_str(&text, D "#");
	while (text.len <= SL_PROFILE_BYTES_MAX)
		sl_buf_byte(&text, 'x');
	read_text(&x, (const char *)text.p);
	assert_int_equal(x.r, SL_E(LIMIT));
	sl_arena_free(&x.a);
	read_text(&x, D "read: [[[[[[[[[[[[]]]]]]]]]]]]\n");
	assert_int_equal(x.r, SL_E(LIMIT));
	sl_arena_free(&x.a);
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "",    "-a", "_a",    "A",   "a b",
					   "a/b", "..", "a.yml", "a\n", "\xc3\xa4" };

	(void)state;
	assert_true(sl_profile_is_name(SL_LIT("a")));
	assert_true(sl_profile_is_name(SL_LIT("my-tool_2")));
	assert_true(sl_profile_is_name(SL_LIT("0")));
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_false(sl_profile_is_name(sl_slice_str(bad[i])));
	assert_false(sl_profile_is_name(
	    SL_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))); /* 41 */
}

/* Each is good, says what it is for, and is no wider than the defaults. */
static void
test_shipped(void **state)
{
	struct sl_profile_text t[SL_PROFILES_SHIPPED_MAX];
	size_t n = sl_profile_shipped(t);
	struct sl_grant g;

	(void)state;
	sl_grant_init(&g);
	assert_true(n >= 4);
	for (size_t i = 0; i < n; i++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_profile_diags d;
		const struct sl_profile *p = NULL;
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 20);
		assert_true(sl_profile_is_name(sl_slice_str(t[i].name)));
		assert_int_equal(sl_profile_parse(t[i].text, t[i].name, &a, &p, &d, &err),
				 0);
		assert_true(t[i].text.p[0] == '#');
		for (int l = 0; l < SL_LIM_COUNT; l++)
			assert_true(p->limit[l].max <= g.limit[l].max);
	}
}

static void
test_memory(void **state)
{
	static const char text[] =
	    D "read: [., /a]\nenv: [A]\nlimits: {pids: 5}\nnope: 1\n";

	(void)state;
	for (unsigned long n = 1;; n++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_profile_diags d;
		const struct sl_profile *p = NULL;
		struct sl_err err = { 0 };
		int r;

		sl_arena_init(&a, 1 << 20);
		a.fail_at = n;
		r = sl_profile_parse(sl_slice_str(text), "f", &a, &p, &d, &err);
		assert_null(p);
		if (r == SL_E(UNKNOWN))
			break;
		assert_int_equal(r, SL_E(NOMEM));
		assert_true(n < 200);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_many),   cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_names),  cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_memory),
	};

	return run_suite("profile", tests, SL_ARRAY_LEN(tests));
}
