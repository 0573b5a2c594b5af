#include "lib.h"

enum want { PASS, FAIL, ERR };

static const struct {
	const char *expr;
	enum want want;
	const char *error;
} rows[] = {
	{ "1 + 2 * 3 - 4 / 2 === 5", PASS, NULL },
	{ "-7 / 2 == -3", PASS, NULL },
	{ "1 | 2 ^ 3 === 0", PASS, NULL },
	{ "6 & 3 == 2", PASS, NULL },
	{ "9223372036854775807 + 1 == 0", ERR, "overflow" },
	{ "-9223372036854775808 - 1 == 0", ERR, "overflow" },
	{ "4611686018427387904 * 2 == 0", ERR, "overflow" },
	{ "1 / 0 == 0", ERR, "zero" },
	{ "-9223372036854775808 / -1 == 0", ERR, "zero" },
	{ "1 < 2", PASS, NULL },
	{ "2 < 2", FAIL, NULL },
	{ "2 <= 2, 2 >= 2, !(3 <= 2)", PASS, NULL },
	{ "2019-01-01T00:00:00Z < 2020-01-01T00:00:00Z", PASS, NULL },
	{ "\"a\" < \"b\"", ERR, "types" },
	{ "1 < 2019-01-01T00:00:00Z", ERR, "types" },
	{ "1 === \"1\"", ERR, "types" },
	{ "null === 1", ERR, "types" },
	{ "null === null", PASS, NULL },
	{ "1 == \"1\"", FAIL, NULL },
	{ "1 != \"1\"", PASS, NULL },
	{ "1 + \"a\" == 1", ERR, "types" },
	{ "\"a\" + \"b\" == \"ab\"", PASS, NULL },
	{ "\"a\" - \"b\" == \"ab\"", ERR, "types" },
	{ "!1", ERR, "types" },
	{ "1", ERR, "types" },
	{ "\"x\"", ERR, "types" },
	{ "!false && true", PASS, NULL },
	{ "false && 1", FAIL, NULL },
	{ "true || 1", PASS, NULL },
	{ "false || 1", ERR, "types" },
	{ "1 && true", ERR, "types" },
	{ "!true == false", PASS, NULL },
	{ "\"\xc3\xa9\".length() == 2", PASS, NULL },
	{ "hex:0011.length() == 2", PASS, NULL },
	{ "{1, 2, 2}.length() == 2", PASS, NULL },
	{ "{\"a\": 1}.length() == 1", PASS, NULL },
	{ "1.length() == 1", ERR, "types" },
	{ "{,}.type() == \"set\", {}.type() == \"map\", [].type() == \"array\"", PASS,
	  NULL },
	{ "\"abc\".starts_with(\"ab\"), \"abc\".ends_with(\"bc\"), "
	  "\"abc\".contains(\"b\")",
	  PASS, NULL },
	{ "\"abc\".starts_with(\"abcd\")", FAIL, NULL },
	{ "\"\".contains(\"\"), \"a\".ends_with(\"\")", PASS, NULL },
	{ "[1, 2, 3].starts_with([1]), [1, 2].ends_with([2])", PASS, NULL },
	{ "[1].starts_with([1, 2])", FAIL, NULL },
	{ "[1].starts_with(1)", ERR, "types" },
	{ "{1, 2}.contains({2}), {1}.contains(1), {1}.contains({,})", PASS, NULL },
	{ "{1}.contains({1, 2})", FAIL, NULL },
	{ "{1}.contains(\"1\")", FAIL, NULL },
	{ "{1}.contains(null)", ERR, "types" },
	{ "{1}.contains([1])", ERR, "types" },
	{ "[null, [1]].contains([1]), [null].contains(null)", PASS, NULL },
	{ "{\"a\": 1}.contains(\"a\"), !{\"a\": 1}.contains(true)", PASS, NULL },
	{ "1.contains(1)", ERR, "types" },
	{ "{1, 2}.union({2, 3}) == {1, 2, 3}", PASS, NULL },
	{ "{1, 2}.intersection({2, 3}) == {2}", PASS, NULL },
	{ "{1, 2}.intersection({\"a\"}) == {,}", PASS, NULL },
	{ "{1}.union([1]) == {1}", ERR, "types" },
	{ "[1, 2].get(1) == 2, [1].get(1) == null, [1].get(-1) == null", PASS, NULL },
	{ "{\"a\": 1, 2: 3}.get(2) == 3, {\"a\": 1}.get(\"b\") == null", PASS, NULL },
	{ "[1].get(\"a\") == null", ERR, "types" },
	{ "{\"a\": 1}.get(true) == null", ERR, "types" },
	{ "{1, 2}.any($p -> $p == 2), {1, 2}.all($p -> $p > 0)", PASS, NULL },
	{ "{,}.any($p -> true)", FAIL, NULL },
	{ "{,}.all($p -> false), {}.all($p -> false)", PASS, NULL },
	{ "{1}.any($p -> $p)", ERR, "types" },
	{ "{1, 2}.any($p -> $p == 1 || $p)", PASS, NULL },
	{ "{\"a\": 1}.any($p -> $p.get(0) == \"a\" && $p.get(1) == 1)", PASS, NULL },
	{ "1.any($p -> true)", ERR, "types" },
	{ "{1, 2}.all($p -> {1, 2, 3}.any($q -> $q == $p + 1))", PASS, NULL },
	{ "(1 === \"a\").try_or(true)", PASS, NULL },
	{ "(1 / 0 == 1).try_or(false)", FAIL, NULL },
	{ "true.try_or(1 === \"a\")", ERR, "types" },
	{ "\"aaabde\".matches(\"a*c?.e\")", PASS, NULL },
	{ "1.matches(\"a\")", ERR, "types" },
	{ "{1, 2} == {2, 1}, [1, 2] != [2, 1], {\"a\": [1]} == {\"a\": [1]}", PASS,
	  NULL },
};

static void
test_table(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		char text[400];
		const char *reason;
		struct world w;

		(void)snprintf(text, sizeof(text), "check if %s; allow if true;",
			       rows[k].expr);
		reason = reason_of(&w, text);
		if (strcmp(reason, rows[k].want == PASS   ? "allow"
				   : rows[k].want == FAIL ? "check"
							  : "error") != 0 ||
		    (rows[k].error != NULL && !slice_has(w.v.message, rows[k].error)))
			fail_msg("%s: %s: %.*s", rows[k].expr, reason,
				 (int)w.v.message.len, (const char *)w.v.message.p);
		world_done(&w);
	}
}

static const struct {
	const char *re, *text;
	int want; /* 1 match, 0 none, -1 does not compile */
} res[] = {
	{ "", "", 1 },
	{ "a", "bab", 1 },
	{ "^a", "ba", 0 },
	{ "a$", "ab", 0 },
	{ "^a$", "a", 1 },
	{ "^$", "", 1 },
	{ "^(a|b)*c$", "ababc", 1 },
	{ "^(a|b)*c$", "abadc", 0 },
	{ "^a{2,3}$", "aa", 1 },
	{ "^a{2,3}$", "aaaa", 0 },
	{ "^a{2}$", "aaa", 0 },
	{ "^a{2,}$", "aaaaa", 1 },
	{ "^a+?b$", "aaab", 1 },
	{ "^[a-c]+$", "abcabc", 1 },
	{ "^[^a-c]+$", "abc", 0 },
	{ "^[]a]+$", "]a]", 1 },
	{ "^[a-]+$", "a-a", 1 },
	{ "^\\d+\\.\\w\\s$", "12.x ", 1 },
	{ "^\\D\\W\\S$", "a-b", 1 },
	{ "^[\\d_]+$", "1_2", 1 },
	{ "^.$", "\n", 0 },
	{ "^.$", "\xc3\xa9", 1 },
	{ "^\\x41\\u{e9}$", "A\xc3\xa9", 1 },
	{ "(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", 0 },
	{ "^(?:ab)?c$", "abc", 1 },
	{ "|a", "x", 1 },
	{ "^(a|)$", "", 1 },
	{ "file[0-9]+.txt", "file123.txt", 1 },
	{ "a**", "", 1 },
	{ "(", "", -1 },
	{ ")", "", -1 },
	{ "[a", "", -1 },
	{ "*", "", -1 },
	{ "a{3,2}", "", -1 },
	{ "a{", "", -1 },
	{ "[z-a]", "", -1 },
	{ "\\", "", -1 },
	{ "\\1", "", -1 },
	{ "\\bx", "", -1 },
	{ "(?i)a", "", -1 },
	{ "(?=a)", "", -1 },
	{ "[[:alpha:]]", "", -1 },
	{ "[a&&b]", "", -1 },
	{ "\\pL", "", -1 },
	{ "((a{50}){50}){50}", "", -1 },
	{ "\\q", "", -1 },
};

#include "policy/regex.h"

static void
test_regex(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(res); k++) {
		SL_AUTO_ARENA a = { .cap = 16 << 20 };
		struct sl_pre *re = NULL;
		char why[100] = "";
		size_t n = strlen(res[k].re), m = strlen(res[k].text);
		struct sl_slice pattern = { at_edge(res[k].re, n), n };
		struct sl_slice text = { at_edge(res[k].text, m), m };
		int got = sl_pre_compile(pattern, &a, &re, why) != SL_PRE_OK
			      ? -1
			      : sl_pre_search(re, text);

		if (got != res[k].want)
			fail_msg("/%s/ on '%s': %d %s", res[k].re, res[k].text, got, why);
		if (got < 0)
			assert_true(why[0] != '\0');
	}
}

static void
test_regex_deep(void **state)
{
	SL_AUTO_ARENA a = { .cap = 64 << 20 };
	char text[4097], why[100];
	struct sl_pre *re;

	(void)state;
	memset(text, '(', 4096);
	text[4096] = '\0';
	assert_int_equal(sl_pre_compile(sl_slice_str(text), &a, &re, why), SL_PRE_BAD);
	memset(text, '*', 4096);
	text[0] = 'a';
	assert_int_equal(sl_pre_compile(sl_slice_str(text), &a, &re, why), SL_PRE_BAD);
	memset(text, '|', 4096);
	(void)sl_pre_compile(sl_slice_str(text), &a, &re, why);
	(void)snprintf(text, sizeof(text), "%s", "a{500}{500}{500}");
	assert_int_equal(sl_pre_compile(sl_slice_str(text), &a, &re, why), SL_PRE_BAD);
}

/* A pattern that is a value: bad ones match nothing, those beyond us are an error. */
static void
test_regex_value(void **state)
{
	struct world w;

	(void)state;
	assert_string_equal(
	    reason_of(&w, "p(\"(\"); check if p($p), \"a\".matches($p); allow if true;"),
	    "check");
	world_done(&w);
	assert_string_equal(
	    reason_of(&w,
		      "p(\"(?i)a\"); check if p($p), \"a\".matches($p); allow if true;"),
	    "error");
	world_done(&w);
	assert_string_equal(
	    reason_of(&w,
		      "p(\"a+\"); check if p($p), \"ba\".matches($p); allow if true;"),
	    "allow");
	world_done(&w);
}

static void
test_space(void **state)
{
	static const struct sl_policy_limits lim = { 1000000, 1000, 1000000, 1 << 16 };
	SL_AUTO_BUF b = { .max = 1 << 20 };
	struct world w;

	(void)state;
	sl_buf_str(&b, "s(\"");
	for (int k = 0; k < 40000; k++)
		sl_buf_byte(&b, 'x');
	sl_buf_str(&b, "\"); check if s($s), ($s + $s).length() > 1; allow if true;");
	world_init(&w);
	world_load(&w, (const char *)b.p);
	world_decide(&w, &lim);
	assert_string_equal(w.v.reason, "limit");
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),      cmocka_unit_test(test_regex),
		cmocka_unit_test(test_regex_deep), cmocka_unit_test(test_regex_value),
		cmocka_unit_test(test_space),
	};

	return run_suite("policy-eval", tests, SL_ARRAY_LEN(tests));
}
