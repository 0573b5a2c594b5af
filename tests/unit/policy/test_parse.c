#include "lib.h"

static void
test_accepts(void **state)
{
	static const char *const texts[] = {
		"",
		"   // nothing\n/* nothing */",
		"a(1)",
		"a(1);",
		"a(-1, \"x\", hex:00fF, true, false, null, 2020-01-01T00:00:00Z);",
		"a({1, 2}, {,}, {}, [1, [\"a\", null]], {\"k\": [1], 2: {3}});",
		"a(2020-01-01T00:00:00.25+01:00);",
		"a(2020-02-29T23:59:59Z);",
		"a(-9223372036854775808, 9223372036854775807);",
		"a(\"\\n\\\"\\\\\\u{e9}\\u{1F600}\");",
		"check(1); deny(2); allow(3); reject(4); or(5); trusting(6);",
		"CHECK IF true; Allow If true; DENY if FALSE(1);",
		"a($x) <- b($x), $x > 1, c($x);",
		"a($0) <- b($0);",
		"ns::a(1); x($a::b) <- y($a::b);",
		"true(1); null(true); a($x) <- true($x), null($y);",
		"check if a($x), {1}.any($p -> $p == $x), {2}.all($p -> $p == 2);",
		"check if 1 | 2 ^ 3 === 0 or true;",
		"check if !true, !{1}.contains(2), (1 + 2).type() == \"integer\";",
		"allow if a($x) // why\n , $x == 1 /* and */ ;",
		"check if 1 -1 == 0, 1 - -1 == 2, 1-1 == 0;",
	};

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(texts); k++) {
		struct world w;

		world_init(&w);
		world_load(&w, texts[k]);
		world_done(&w);
	}
}

static const struct {
	const char *text, *place, *what;
	int code;
} bad[] = {
	{ "a()", "t:1:1", "no terms", SL_E(FORMAT) },
	{ "a(1) b(2)", "t:1:6", "expected ';'", SL_E(FORMAT) },
	{ "a(1);\n  b($x);", "t:2:3", "variable", SL_E(FORMAT) },
	{ "a(1", "t:1:4", "expected ')'", SL_E(FORMAT) },
	{ "a(1,);", "t:1:5", "expected a term", SL_E(FORMAT) },
	{ "a(\"x", "t:1:3", "not closed", SL_E(FORMAT) },
	{ "a(\"\\q\");", "t:1:4", "escape", SL_E(FORMAT) },
	{ "a(\"\\u{110000}\");", "t:1:4", "escape", SL_E(FORMAT) },
	{ "a(\"\\u{d800}\");", "t:1:4", "escape", SL_E(FORMAT) },
	{ "/* x", "t:1:1", "comment", SL_E(FORMAT) },
	{ "a(9223372036854775808);", "t:1:3", "64 bits", SL_E(FORMAT) },
	{ "a(-9223372036854775809);", "t:1:3", "64 bits", SL_E(FORMAT) },
	{ "a(12x);", "t:1:3", "letters", SL_E(FORMAT) },
	{ "a(hex:123);", "t:1:3", "even", SL_E(FORMAT) },
	{ "a(hex:zz);", "t:1:3", "even", SL_E(FORMAT) },
	{ "a(2020-13-01T00:00:00Z);", "t:1:3", "date", SL_E(FORMAT) },
	{ "a(2019-02-29T00:00:00Z);", "t:1:3", "date", SL_E(FORMAT) },
	{ "a(1969-12-31T23:59:59Z);", "t:1:3", "1970", SL_E(FORMAT) },
	{ "a(2020-01-01T00:00:00);", "t:1:3", "date", SL_E(FORMAT) },
	{ "a({1, \"a\"});", "t:1:7", "one type", SL_E(FORMAT) },
	{ "a({{1}});", "t:1:4", "may not hold", SL_E(FORMAT) },
	{ "a({[1]});", "t:1:4", "may not hold", SL_E(FORMAT) },
	{ "a({\"k\": 1, \"k\": 2});", "t:1:3", "twice", SL_E(FORMAT) },
	{ "a({true: 1});", "t:1:4", "key of a map", SL_E(FORMAT) },
	{ "a({\"k\": 1, 2});", "t:1:13", "expected ':'", SL_E(FORMAT) },
	{ "a([$x]);", "t:1:4", "variable", SL_E(FORMAT) },
	{ "a({name});", "t:1:4", "expected a term", SL_E(FORMAT) },
	{ "a($x) <- b($y);", "t:1:1", "'$x' of the head", SL_E(FORMAT) },
	{ "check if a($x), $y > 1;", "t:1:17", "'$y' is in no", SL_E(FORMAT) },
	{ "check if 1 < 2 < 3;", "t:1:16", "chain", SL_E(FORMAT) },
	{ "check if 1 === 2 == 3;", "t:1:18", "chain", SL_E(FORMAT) },
	{ "check if ;", "t:1:10", "expected a term", SL_E(FORMAT) },
	{ "check if true,;", "t:1:15", "expected a term", SL_E(FORMAT) },
	{ "check if a($x), {1}.any($x -> true);", "t:1:25", "shadows", SL_E(FORMAT) },
	{ "check if {1}.any($x -> {2}.any($x -> true));", "t:1:32", "shadows",
	  SL_E(FORMAT) },
	{ "check if {1}.any($x -> $x == 1), a($x);", "t:1:14", "shadows", SL_E(FORMAT) },
	{ "check if {1}.any(true);", "t:1:18", "closure", SL_E(FORMAT) },
	{ "check if {1}.any($x == 1);", "t:1:21", "expected '->'", SL_E(FORMAT) },
	{ "check if 1.nothing();", "t:1:12", "unknown method", SL_E(UNKNOWN) },
	{ "check if 1.extern::f();", "t:1:12", "extern::f", SL_E(UNSUPPORTED) },
	{ "check if a(1) trusting authority;", "t:1:15", "trusting", SL_E(UNSUPPORTED) },
	{ "trusting previous; a(1);", "t:1:1", "trusting", SL_E(UNSUPPORTED) },
	{ "check if \"a\".matches(\"(\");", "t:1:22", "not closed", SL_E(FORMAT) },
	{ "check if \"a\".matches(\"\\\\b\");", "t:1:22", "\\x5cb", SL_E(UNSUPPORTED) },
	{ "nonsense", "t:1:1", "expected a fact", SL_E(FORMAT) },
	{ "allow when true;", "t:1:1", "expected a fact", SL_E(FORMAT) },
	{ ";", "t:1:1", "expected a fact", SL_E(FORMAT) },
	{ "a(\xff);", "t:1:1", "UTF-8", SL_E(FORMAT) },
	{ "a(\"\xc0\xaf\");", "t:1:1", "UTF-8", SL_E(FORMAT) },
	{ "\xc3\xa9(1);", "t:1:1", "expected a fact", SL_E(FORMAT) },
};

static void
test_refuses(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(bad); k++) {
		SL_AUTO_ARENA a = { .cap = 16 << 20 };
		struct sl_err err = { 0 };
		const struct sl_policy *p = NULL;
		size_t len = strlen(bad[k].text);
		struct sl_slice s = { at_edge(bad[k].text, len), len };
		int r =
		    sl_policy_load(s, "t", NULL, &sl_policy_text_limits, &a, &p, &err);

		if (r != bad[k].code || strstr(err.msg, bad[k].what) == NULL ||
		    strncmp(err.msg, bad[k].place, strlen(bad[k].place)) != 0 ||
		    err.msg[strlen(bad[k].place)] != ':')
			fail_msg("%s: %d %s", bad[k].text, r, err.msg);
		assert_null(p);
	}
}

static void
test_nul(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	struct sl_err err = { 0 };
	const struct sl_policy *p = NULL;

	(void)state;
	assert_int_equal(sl_policy_load(SL_LIT("a(1);\0b(2);"), "t", NULL,
					&sl_policy_text_limits, &a, &p, &err),
			 SL_E(FORMAT));
	assert_non_null(strstr(err.msg, "NUL"));
}

/* All prefixes of a text with everything in it: never past the end, never a crash. */
static void
test_prefixes(void **state)
{
	static const char text[] =
	    "f(1, \"a\\u{e9}\", hex:ab, {1, 2}, [1, {\"k\": 2}], 2020-01-01T00:00:00Z);\n"
	    "h($x) <- f($x, $s), !($x > 1 || $s.matches(\"a[b-c]+\")) && {1}.any($p -> "
	    "$p == $x);\n"
	    "/* c */ check all h($x), $x.try_or(true) or h(1); // e\nreject if h(2); "
	    "allow if h(3);";

	(void)state;
	for (size_t n = 0; n <= sizeof(text) - 1; n++) {
		SL_AUTO_ARENA a = { .cap = 16 << 20 };
		struct sl_err err = { 0 };
		const struct sl_policy *p;
		const struct sl_policy_diag *d;
		size_t n_diags;
		struct sl_slice s = { at_edge(text, n), n };
		int r =
		    sl_policy_load(s, "t", NULL, &sl_policy_text_limits, &a, &p, &err);

		assert_int_equal(sl_policy_check_text(s, NULL, &sl_policy_text_limits, &a,
						      &d, &n_diags, &err) < 0,
				 false);
		if (r < 0)
			assert_true(n_diags > 0);
	}
}

static void
test_print_is_stable(void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{ "check if $x > 1, a($x), true", "check if a($x), $x > 1, true" },
		{ "check  all a(1)or b(2)", "check all a(1) or b(2)" },
		{ "reject if !(1+2*3==7)||false",
		  "reject if !(1 + 2 * 3 == 7) || false" },
		{ "check if [1].any($p->$p==1)", "check if [1].any($p -> $p == 1)" },
		{ "check if a({3,1,2,1}, hex:AB)", "check if a({1, 2, 3}, hex:ab)" },
		{ "check if \"\xc3\xa9\".length()==2",
		  "check if \"\\u{e9}\".length() == 2" },
		{ "check if a(2020-01-01T01:00:00+01:00)",
		  "check if a(2020-01-01T00:00:00Z)" },
	};

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		struct world w;
		struct sl_slice s, again;

		world_init(&w);
		world_load(&w, rows[k].text);
		s = sl_policy_goal_text(&w.a, w.p->checks, 1000);
		assert_string_equal((const char *)s.p, rows[k].printed);
		world_load(&w, (const char *)s.p);
		again = sl_policy_goal_text(&w.a, w.p->checks, 1000);
		assert_true(sl_slice_eq(s, again));
		world_done(&w);
	}
}

static int
load_big(const char *unit, size_t n, const char *before, const char *after,
	 const char *what)
{
	SL_AUTO_ARENA a = { .cap = (size_t)64 << 20 };
	SL_AUTO_BUF b = { .max = 4 << 20 };
	struct sl_err err = { 0 };
	const struct sl_policy *p;
	int r;

	sl_buf_str(&b, before);
	for (size_t k = 0; k < n; k++)
		sl_buf_str(&b, unit);
	sl_buf_str(&b, after);
	r = sl_policy_load(sl_buf_get(&b), "t", NULL, &sl_policy_text_limits, &a, &p,
			   &err);
	if (r < 0 && what != NULL && strstr(err.msg, what) == NULL)
		fail_msg("%s", err.msg);
	return r;
}

static void
test_limits(void **state)
{
	(void)state;
	assert_int_equal(load_big("a(1);", 200000, "", "", NULL),
			 SL_E(LIMIT)); /* terms */
	assert_int_equal(load_big(" ", 1 << 20, "", "a(1);", "bytes"), SL_E(LIMIT));
	assert_int_equal(load_big("a(1);", 90000, "", "", NULL), 0);
	assert_int_equal(load_big("(", 100, "check if ", "true", NULL), SL_E(FORMAT));
	assert_int_equal(load_big("(", 300000, "check if ", "", "nests"), SL_E(LIMIT));
	assert_int_equal(load_big("[", 300000, "a(", "", "nest"), SL_E(LIMIT));
	assert_int_equal(load_big("!", 300000, "check if ", "", "nest"), SL_E(LIMIT));
	assert_int_equal(load_big("1 + ", 300, "check if ", "1 == 1", "nests"),
			 SL_E(LIMIT));
	assert_int_equal(load_big("1 + ", 100, "check if ", "1 == 1", NULL), 0);
	assert_int_equal(load_big("true && ", 5000, "check if ", "true", "nests"),
			 SL_E(LIMIT));
	assert_int_equal(load_big("1,", 40, "a(", "1);", "terms"), SL_E(LIMIT));
	assert_int_equal(load_big("a(1),", 70, "check if ", "a(1);", "atoms"),
			 SL_E(LIMIT));
	assert_int_equal(load_big("true,", 70, "check if ", "true;", "expressions"),
			 SL_E(LIMIT));
	assert_int_equal(load_big("a(1) or ", 5000, "check if ", "a(2);", NULL), 0);
	assert_int_equal(load_big("nonsense;", 100000, "", "", "expected"), SL_E(FORMAT));
	assert_int_equal(load_big("x", 1000000, "a(\"", "\");", NULL), 0);
	assert_int_equal(load_big("x", 1000000, "a", "(1);", NULL), 0);
}

static void
test_variables(void **state)
{
	SL_AUTO_BUF b = { .max = 1 << 16 };
	struct world w;
	int r;

	(void)state;
	world_init(&w);
	sl_buf_str(&b, "check if ");
	for (int k = 0; k < 65; k++)
		sl_buf_printf(&b, "%sa($v%d)", k % 2 ? ", " : k ? ", " : "", k);
	r = sl_policy_load(sl_buf_get(&b), "t", NULL, &sl_policy_text_limits, &w.a, &w.p,
			   &w.err);
	assert_int_equal(r, SL_E(LIMIT));
	world_done(&w);
}

static void
test_all_errors(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	const struct sl_policy_diag *d = NULL;
	struct sl_err err = { 0 };
	size_t n = 0;

	(void)state;
	assert_return_code(sl_policy_check_text(
			       SL_LIT("a(1);\nb(;\nc(\"x;y\", ;\ncheck if $x > 1;\nd(2)"),
			       NULL, &sl_policy_text_limits, &a, &d, &n, &err),
			   0);
	assert_int_equal(n, 3);
	assert_int_equal(d[0].line, 2);
	assert_int_equal(d[1].line, 3);
	assert_int_equal(d[2].line, 4);
	assert_int_equal(d[2].col, 10);
	assert_false(d[0].is_warning);
}

static void
test_warnings(void **state)
{
	static const struct {
		const char *text, *msg;
		size_t n, line;
	} rows[] = {
		{ "allow if true;", NULL, 0, 0 },
		{ "deny if true;", "denies everything", 1, 1 },
		{ "\nx($a) <- y($a);\nallow if y(1);", "nothing asks for 'x'", 1, 2 },
		{ "allow if true;\ndeny if a(1);", "never reached", 1, 2 },
		{ "x($a) <- y($a); allow if x(1);", NULL, 0, 0 },
	};

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		const struct sl_policy_diag *d = NULL;
		struct sl_err err = { 0 };
		size_t n = 0;

		assert_return_code(sl_policy_check_text(sl_slice_str(rows[k].text), NULL,
							&sl_policy_text_limits, &a, &d,
							&n, &err),
				   0);
		assert_int_equal(n, rows[k].n);
		if (n > 0) {
			assert_true(d[0].is_warning);
			assert_int_equal(d[0].line, rows[k].line);
			assert_non_null(strstr(d[0].msg, rows[k].msg));
		}
	}
}

static void
test_no_memory(void **state)
{
	static const char text[] =
	    "f(1, {1, 2}, \"a\"); h($x) <- f($x, $y, $z), $z.matches(\"a|b\");"
	    "check if h(1) or h(2); allow if [1].any($p -> $p == 1);";

	(void)state;
	for (unsigned long n = 1;; n++) {
		SL_AUTO_ARENA a = { .cap = 16 << 20, .fail_at = n };
		struct sl_err err = { 0 };
		const struct sl_policy *p = NULL;
		int r = sl_policy_load(sl_slice_str(text), "t", NULL,
				       &sl_policy_text_limits, &a, &p, &err);

		if (r == 0) {
			assert_true(n > 10);
			return;
		}
		assert_int_equal(r, SL_E(NOMEM));
		assert_null(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_print_is_stable),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_no_memory),
	};

	return run_suite("policy-parse", tests, SL_ARRAY_LEN(tests));
}
