#include "lib.h"

#include "policy/cases.h"

static const char policy[] =
    "owner($x) <- boss($x); deny if bad($x), $x < 1;\n"
    "check if owner($x); deny if bad($x); allow if owner(\"a\");";

/* What one file says of that policy: "" for all passed, else the first reason. */
static const struct {
	const char *text, *want;
} rows[] = {
	{ "case a\nboss(\"a\");\nexpect allow\n", "" },
	{ "case a\nboss(\"a\"); expect allow\n", NULL },
	{ "case a\nboss(\"a\");\nexpect deny\n",
	  "allow: the policy in line 2 allows it: allow if owner(\"a\")" },
	{ "common\nboss(\"a\");\ncase a\nexpect allow: allow if owner\ncase b\nbad(1);\n"
	  "expect deny: deny if bad($x)\n",
	  "" },
	{ "common\nboss(\"a\");\ncase b\nbad(1);\nexpect deny: deny if worse\n",
	  "deny, but by line 2: deny if bad($x)" },
	{ "case a\nexpect check: check if owner\n", "" },
	{ "case a\nexpect none\n",
	  "check: the check in line 2 failed: check if owner($x)" },
	{ "case a\nboss(\"b\");\nexpect none\n", "" },
	{ "case a\nboss(\"a\"); bad(\"x\");\nexpect error\n", "" },
	{ "case a\nboss(\"a\");\nholds owner(\"a\")\nlacks owner(\"b\")\nexpect allow\n",
	  "" },
	{ "case a\nboss(\"a\");\nholds owner(\"b\")\nlacks owner(\"a\")\nexpect allow\n",
	  "this does not hold: owner(\"b\")\nthis holds: owner(\"a\")" },
	{ "// a comment\r\ncase a // not a comment: part of the name\r\n/* one\n */ "
	  "boss(\"a\")\r\n  expect   allow  \r\n",
	  "" },
	/* refused, with their place */
	{ "", "t.test: no case in it" },
	{ "boss(\"a\");\n", "t.test: no case in it" },
	{ "case a\nboss(\"a\");\n", "t.test:1:1: no 'expect' in the case 'a'" },
	{ "\ncase a\ncase b\nexpect deny\n", "t.test:2:1: no 'expect' in the case 'a'" },
	{ "case\nexpect deny\n", "t.test:1:1: a case without a name" },
	{ "case a\nexpect deny\ncase a\nexpect deny\n",
	  "t.test:3:1: there is a case already named 'a'" },
	{ "case a\nexpect deny\nexpect allow\n",
	  "t.test:3:1: a second 'expect' in the case 'a'" },
	{ "expect deny\n", "t.test:1:1: 'expect' before the first case" },
	{ "holds a(1)\n", "t.test:1:1: 'holds' or 'lacks' before the first case" },
	{ "case a\nexpect maybe\n",
	  "t.test:2:1: expected allow, deny, none, check, error, fuel or limit, not "
	  "'maybe'" },
	{ "case a\ncommon\nexpect deny\n",
	  "t.test:2:1: 'common' stands alone, before the first case" },
	{ "case a\n\nboss(\"a\"\nexpect deny\n",
	  "t.test:5:1: expected ')' before 'end of text'" },
	{ "case a\nexpect deny\n\n  boss($x);\n",
	  "t.test:4:3: fact 'boss' has a variable; did you forget '<-'?" },
	{ "case a\nexpect deny\n\n p(1) <- boss(1);\n",
	  "t.test:4:2: a case holds facts; rules and policies belong into the policy" },
	{ "case a\nexpect deny\nallow if true;\n",
	  "t.test:3:1: a case holds facts; rules and policies belong into the policy" },
	{ "case a\nexpect deny\nholds owner(\"a\"), owner(\"b\")\n", NULL },
	{ "case a\nexpect deny\nholds owner(\"a\"); owner(\"b\")\n",
	  "t.test:3:1: expected one fact, as in: holds owner(\"x\")" },
	{ "case a\nexpect deny\nholds\n",
	  "t.test:3:1: expected one fact, as in: holds owner(\"x\")" },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		const struct sl_policy_case *c = NULL;
		struct sl_policy_case_end e = { 0 };
		SL_AUTO_BUF got = { .max = 1 << 16 };
		struct world w;
		int r;

		world_init(&w);
		world_load(&w, policy);
		r = sl_policy_cases_parse(sl_slice_str(rows[k].text), "t.test",
					  &sl_policy_cases_limits, &w.a, &c, &w.err);
		if (r < 0)
			sl_buf_str(&got, w.err.msg);
		for (; r == 0 && c != NULL && got.len == 0; c = c->next) {
			assert_return_code(sl_policy_case_run(w.p, c, &w.a, &e, &w.err),
					   0);
			sl_buf_slice(&got, e.why);
			assert_int_equal(e.is_ok, e.why.len == 0);
		}
		sl_buf_byte(&got, 0);
		if (rows[k].want == NULL) /* any refusal */
			assert_int_equal(r, SL_E(FORMAT));
		else if (strcmp((const char *)got.p, rows[k].want) != 0)
			print_message("%s\n", rows[k].text);
		if (rows[k].want != NULL)
			assert_string_equal(got.p, rows[k].want);
		world_done(&w);
	}
}

static void
test_limits(void **state)
{
	const struct sl_limits lim = { 40, 1, 16 };
	const struct sl_policy_case *c = NULL;
	SL_AUTO_ARENA a = { 0 };
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	assert_int_equal(
	    sl_policy_cases_parse(SL_LIT("case a\nexpect deny\ncase b\nexpect deny\n"),
				  "t", &lim, &a, &c, &err),
	    SL_E(LIMIT));
	assert_int_equal(
	    sl_policy_cases_parse(
		SL_LIT("case a\nexpect deny\n//////////////////////////////////////\n"),
		"t", &lim, &a, &c, &err),
	    SL_E(LIMIT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_limits),
	};

	return run_suite("policy-cases", tests, SL_ARRAY_LEN(tests));
}
