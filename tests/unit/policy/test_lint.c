#include "lib.h"

#include <stdio.h>

/* All of these come before the policy's own end, which allows runs. */
#define END " allow if request(\"run\");"

static const struct {
	const char *text, *want; /* "LINE:COL msg" of each, a line each */
} rows[] = {
	/* nothing to say */
	{ "", "" },
	{ "p($x) <- want_read($x); deny if p(\"/a\");", "" },
	{ "require_complete(\"exec\") <- request(\"run\");", "" },
	{ "could_add(\"ok\", 1); ok(\"x\"); check if ok(\"x\");", "" },
	{ "deny if want_net($h, $p), $p < 1024 || $h == \"x\";", "" },
	{ "deny if want_read($x), $x.matches(\"^/a\"), !$x.starts_with(\"/ab\");", "" },
	{ "deny if ([1, \"a\"].get(0) + 1).try_or(0) == 2;", "" },
	{ "deny if time($t), $t < 2030-01-01T00:00:00Z;", "" },
	{ "deny if want_read($x), {\"a\", \"b\"}.any($y -> $x == $y);", "" },
	/* two policies that differ, or go from the special to the general */
	{ "deny if want_net(\"x\", $p); deny if want_net($h, $p);", "" },
	{ "deny if want_net($h, $h2);", "" },
	{ "deny if want_read($x), $x == \"/a\"; deny if want_read($x), $x == \"/b\";",
	  "" },
	{ "p($x) <- want_read($x); p($x) <- want_write($x); deny if p(\"/\");", "" },
	/* unused, unreachable */
	{ "p($x) <- want_read($x);", "1:1 nothing asks for 'p'\n" },
	{ "p($x) <- want_read($x); q($x) <- p($x);",
	  "1:1 no check or policy comes to 'p': only rules that are not used themselves "
	  "name it\n1:25 nothing asks for 'q'\n" },
	{ "p($x) <- p($x), want_read($x);",
	  "1:1 no check or policy comes to 'p': only rules that are not used themselves "
	  "name it\n1:10 never matches: nothing can state 'p'\n" },
	/* never matches */
	{ "deny if require_limit($a, $b);",
	  "1:9 never matches: nothing can state 'require_limit'\n" },
	{ "p($x) <- taint_action($x, $y); deny if p(\"a\");",
	  "1:10 never matches: nothing can state 'taint_action'\n"
	  "1:40 never matches: nothing can state 'p'\n" },
	{ "p($x) <- p($x); deny if p(\"a\");",
	  "1:10 never matches: nothing can state 'p'\n"
	  "1:25 never matches: nothing can state 'p'\n" },
	{ "deny if want_read($x), false;", "1:24 never matches: this is false\n" },
	{ "p(1); p($x) <- want_net($h, $x); deny if p(\"a\");",
	  "1:42 never matches: 'p' has terms of another type there\n" },
	{ "p($x) <- want_net($h, $x); deny if p($x), want_read($x);",
	  "1:43 never matches: 'want_read' has terms of another type there\n" },
	/* always fails */
	{ "deny if want_read($x), $x < \"/b\";",
	  "1:27 always fails: '<' takes integer or date, not string\n" },
	{ "deny if want_net($h, $p), $p + 1 == $h.length() + \"x\";",
	  "1:49 always fails: '+' takes integer, not string\n" },
	{ "p(true); deny if p($x), $x.length() == 1;",
	  "1:28 always fails: '.length()' takes string or bytes or set or array or map, "
	  "not bool\n" },
	{ "deny if want_net($h, $p), $p;",
	  "1:27 always fails: a condition must be true or false\n" },
	{ "deny if want_net($h, $p), $p === $h;",
	  "1:30 always fails: '===' takes integer, not string\n" },
	/* never decides */
	{ "deny if want_read($x); deny if want_read(\"/a\");",
	  "1:24 never decides: whenever it matches, the deny of line 1 matches before "
	  "it\n" },
	{ "allow if request($k), requester($w); deny if requester($who), "
	  "request(\"exec\"), want_write($p), $p == \"/\";",
	  "1:38 never decides: whenever it matches, the allow of line 1 matches before "
	  "it\n" },
	{ "deny if want_read($x), $x == \"/a\"; deny if want_write(\"/\"), "
	  "want_read($y), $y == \"/a\";",
	  "1:36 never decides: whenever it matches, the deny of line 1 matches before "
	  "it\n" },
	{ "deny if want_read(\"/a\") or want_read(\"/b\"); deny if want_read(\"/b\");",
	  "1:45 never decides: whenever it matches, the deny of line 1 matches before "
	  "it\n" },
	/* adds nothing */
	{ "p($x) <- want_read($x); p(\"/a\") <- want_read(\"/a\"), want_tty(true); deny "
	  "if p(\"/\");",
	  "1:25 adds nothing: the rule of line 1 derives all that it does\n" },
};

static void
test_rows(void **state)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		SL_AUTO_BUF out = { .max = 1 << 16 }, text = { .max = 1 << 16 };
		const struct sl_policy_diag *d = NULL;
		const struct sl_decls *decls = NULL;
		SL_AUTO_ARENA a = { 0 };
		struct sl_err err = { 0 };
		size_t n = 0;

		sl_arena_init(&a, 64 << 20);
		sl_buf_printf(&text, "%s%s", rows[k].text, END);
		assert_return_code(
		    sl_decls_parse(sl_policy_decls_text(), "d", &lim, &a, &decls, &err),
		    0);
		assert_return_code(sl_policy_check_text(sl_buf_get(&text), decls,
							&sl_policy_text_limits, &a, &d,
							&n, &err),
				   0);
		for (size_t i = 0; i < n; i++) {
			assert_true(d[i].is_warning);
			sl_buf_printf(&out, "%zu:%zu %s\n", d[i].line, d[i].col,
				      d[i].msg);
		}
		sl_buf_byte(&out, 0);
		if (strcmp((const char *)out.p, rows[k].want) != 0)
			print_message("%s\n", rows[k].text);
		assert_string_equal(out.p, rows[k].want);
	}
}

/* The default policy is an example: nothing may be said about it. */
static void
test_default(void **state)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };
	const struct sl_policy_diag *d = NULL;
	const struct sl_decls *decls = NULL;
	SL_AUTO_ARENA a = { 0 };
	struct sl_err err = { 0 };
	size_t n = 0;

	(void)state;
	sl_arena_init(&a, 64 << 20);
	assert_return_code(
	    sl_decls_parse(sl_policy_decls_text(), "d", &lim, &a, &decls, &err), 0);
	assert_return_code(sl_policy_check_text(sl_policy_default_text(), decls,
						&sl_policy_text_limits, &a, &d, &n, &err),
			   0);
	assert_int_equal(n, 0);
}

/* A warning must hold: what is said never to decide never decides, on random policies
 * with random facts, and what is said to add nothing can be left out. */
static uint64_t seed = 4;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

static void
put_atom(struct sl_buf *b)
{
	static const char *const args[] = { "$x", "$y", "$z", "1", "2" };
	static const char *const name[] = { "a", "b", "p" };

	sl_buf_printf(b, "%s(%s, %s)", name[rnd(3)], args[rnd(5)], args[rnd(5)]);
}

static void
put_policies(struct sl_buf *b)
{
	sl_buf_str(b, "p($x, $y) <- a($x, $y), b($y, $x);\n");
	for (uint32_t k = 0; k < 6; k++) {
		sl_buf_str(b, rnd(2) ? "allow if " : "deny if ");
		for (uint32_t i = 0, n = 1 + rnd(3); i < n; i++) {
			sl_buf_str(b, i > 0 ? ", " : "");
			put_atom(b);
		}
		sl_buf_str(b, ";\n");
	}
	sl_buf_byte(b, 0);
	b->len--;
}

static void
test_shadow_holds(void **state)
{
	unsigned n_warned = 0;

	(void)state;
	for (unsigned k = 0; k < 300; k++) {
		SL_AUTO_BUF text = { .max = 1 << 16 };
		const struct sl_policy_diag *d = NULL;
		struct world w;
		size_t n = 0;

		put_policies(&text);
		world_init(&w);
		world_load(&w, (const char *)text.p);
		assert_return_code(sl_policy_check_text(sl_buf_get(&text), NULL,
							&sl_policy_text_limits, &w.a, &d,
							&n, &w.err),
				   0);
		for (unsigned t = 0; t < 20; t++) {
			SL_AUTO_ARENA a = { 0 };
			struct sl_policy_facts *f;
			struct sl_verdict v = { 0 };

			sl_arena_init(&a, 64 << 20);
			assert_non_null(f = sl_policy_facts_new(&a));
			for (uint32_t i = 0, m = rnd(6); i < m; i++)
				SL_FACT(f, "t", rnd(2) ? "a" : "b",
					sl_term_int(1 + rnd(3)), sl_term_int(1 + rnd(3)));
			assert_return_code(sl_policy_decide(w.p, f,
							    &sl_policy_default_limits, &a,
							    &v, &w.err),
					   0);
			for (size_t i = 0; i < n; i++)
				if (strstr(d[i].msg, "never decides") != NULL)
					assert_true(v.line != d[i].line);
			sl_arena_free(&v.run->scratch);
		}
		for (size_t i = 0; i < n; i++)
			n_warned += strstr(d[i].msg, "never decides") != NULL;
		world_done(&w);
	}
	assert_true(n_warned > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_shadow_holds),
	};

	return run_suite("policy-lint", tests, SL_ARRAY_LEN(tests));
}
