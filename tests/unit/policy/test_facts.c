#include "lib.h"

static void
fill(struct sl_policy_facts *f)
{
	const struct sl_term one_two[] = { sl_term_int(1), sl_term_int(2) };
	const struct sl_term pair[] = { sl_term_cstr("k"), sl_term_bool(true) };
	const struct sl_term set = { .kind = SL_TERM_SET, .items = one_two, .n = 2 };
	const struct sl_term array = { .kind = SL_TERM_ARRAY, .items = one_two, .n = 2 };
	const struct sl_term map = { .kind = SL_TERM_MAP, .items = pair, .n = 2 };
	const struct sl_term null = { .kind = SL_TERM_NULL };

	SL_FACT(f, "request", "z", sl_term_int(-5), sl_term_cstr("\xc3\xa9"),
		sl_term_bool(false));
	SL_FACT(f, "host", "a", sl_term_date(86400), sl_term_bytes(SL_LIT("\x00\xff")));
	SL_FACT(f, "host", "a", set, array);
	SL_FACT(f, "host", "a", map, null);
	SL_FACT(f, "other", "a", map, null);
	SL_FACT(f, "host", "a", map, null);
	SL_FACT(f, "host", "a", sl_term_int(1));
}

static void
test_round_trip(void **state)
{
	SL_AUTO_BUF text = { .max = 1 << 16 }, again = { .max = 1 << 16 };
	struct sl_jb b = { 0 };
	struct sl_json *v = NULL, *v2 = NULL;
	struct sl_policy_facts *f2 = NULL;
	uint8_t d1[32], d2[32];
	struct world w;

	(void)state;
	world_init(&w);
	b.a = &w.a;
	fill(w.f);
	assert_return_code(sl_policy_facts_json(w.f, &b, &v, &w.err), 0);
	assert_return_code(sl_json_jcs(v, &text, &w.err), 0);
	assert_string_equal((const char *)text.p,
			    "{\"facts\":[[\"a\",[1],\"host\"],"
			    "[\"a\",[{\"date\":86400},{\"bytes\":\"00ff\"}],\"host\"],"
			    "[\"a\",[{\"set\":[1,2]},{\"array\":[1,2]}],\"host\"],"
			    "[\"a\",[{\"map\":[[\"k\",true]]},null],\"host\"],"
			    "[\"a\",[{\"map\":[[\"k\",true]]},null],\"other\"],"
			    "[\"z\",[-5,\"\xc3\xa9\",false],\"request\"]],\"v\":1}");
	assert_return_code(sl_policy_facts_from_json(v, &w.a, &f2, &w.err), 0);
	assert_return_code(sl_policy_facts_json(f2, &b, &v2, &w.err), 0);
	assert_return_code(sl_json_jcs(v2, &again, &w.err), 0);
	assert_true(sl_slice_eq(sl_buf_get(&text), sl_buf_get(&again)));
	assert_return_code(sl_policy_facts_digest(w.f, d1, &w.err), 0);
	assert_return_code(sl_policy_facts_digest(f2, d2, &w.err), 0);
	assert_memory_equal(d1, d2, 32);
	world_done(&w);
}

static void
test_refuses_json(void **state)
{
	static const char *const bad[] = {
		"1",
		"{}",
		"{\"v\":2,\"facts\":[]}",
		"{\"v\":1,\"facts\":[],\"x\":1}",
		"{\"v\":1,\"facts\":{}}",
		"{\"v\":true,\"facts\":[]}",
		"{\"v\":1,\"facts\":[1]}",
		"{\"v\":1,\"facts\":[[\"a\",[1]]]}",
		"{\"v\":1,\"facts\":[[\"a\",[1],\"s\",2]]}",
		"{\"v\":1,\"facts\":[[\"a\",[],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"\",[1],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[1],\"\"]]}",
		"{\"v\":1,\"facts\":[[1,[1],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[1.5],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[[1]],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"date\":-1}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"date\":\"x\"}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"bytes\":\"0\"}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"bytes\":\"AA\"}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"bytes\":1}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"set\":[2,1]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"set\":[1,1]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"set\":[1,\"a\"]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"set\":[{\"set\":[]}]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"map\":[[\"b\",1],[\"a\",1]]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"map\":[[true,1]]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"map\":[1]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[{\"list\":[1]}],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"b\",[1],\"s\"],[\"a\",[1],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[1],\"s\"],[\"a\",[1],\"s\"]]}",
		"{\"v\":1,\"facts\":[[\"a\",[2],\"s\"],[\"a\",[1],\"s\"]]}",
	};
	static const struct sl_limits lim = { 4096, 1000, 50 };

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(bad); k++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_policy_facts *f = NULL;
		struct sl_json *v = NULL;
		struct sl_err err = { 0 };

		assert_return_code(
		    sl_json_parse(sl_slice_str(bad[k]), &lim, &a, &v, &err), 0);
		if (sl_policy_facts_from_json(v, &a, &f, &err) != SL_E(FORMAT))
			fail_msg("%s", bad[k]);
		assert_null(f);
	}
}

static void
test_failure_is_sticky(void **state)
{
	uint8_t digest[32];
	struct world w;

	(void)state;
	world_init(&w);
	world_load(&w, "allow if true;");
	SL_FACT(w.f, "s", "a", sl_term_cstr("\xff"));
	SL_FACT(w.f, "s", "a", sl_term_cstr("fine"));
	assert_int_equal(sl_policy_facts_digest(w.f, digest, &w.err), SL_E(FORMAT));
	w.err = (struct sl_err){ 0 };
	assert_int_equal(
	    sl_policy_decide(w.p, w.f, &sl_policy_default_limits, &w.a, &w.v, &w.err),
	    SL_E(FORMAT));
	w.err = (struct sl_err){ 0 };
	assert_int_equal(
	    sl_policy_decide(w.p, NULL, &sl_policy_default_limits, &w.a, &w.v, &w.err),
	    SL_E(NOMEM));
	sl_policy_fact(NULL, "s", "a", NULL, 0);
	world_done(&w);
}

static void
test_bad_facts(void **state)
{
	struct sl_term t = sl_term_date(-1), many[40];

	(void)state;
	for (int k = 0; k < 4; k++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_policy_facts *f = sl_policy_facts_new(&a);
		struct sl_err err = { 0 };

		for (size_t i = 0; i < 40; i++)
			many[i] = sl_term_int(1);
		if (k == 0)
			sl_policy_fact(f, "s", "a", &t, 1);
		else if (k == 1)
			sl_policy_fact(f, "s", "a", many, 0);
		else if (k == 2)
			sl_policy_fact(f, "s", "a", many, 40);
		else
			sl_policy_fact(f, "", "a", many, 1);
		assert_int_equal(sl_policy_facts_sort(f, &err), SL_E(FORMAT));
	}
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1;; n++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20, .fail_at = n };
		struct sl_policy_facts *f = sl_policy_facts_new(&a);
		struct sl_err err = { 0 };

		if (f != NULL)
			fill(f);
		if (sl_policy_facts_sort(f, &err) == 0) {
			assert_true(n > 10);
			return;
		}
		assert_int_equal(err.code, SL_E(NOMEM));
	}
}

static void
test_order(void **state)
{
	static const char *const sorted[] = {
		"null",
		"false",
		"true",
		"-1",
		"2",
		"\"\"",
		"\"a\"",
		"\"aa\"",
		"\"b\"",
		"1970-01-01T00:00:01Z",
		"2020-01-01T00:00:00Z",
		"hex:",
		"hex:00",
		"hex:01",
		"{,}",
		"{1}",
		"{1, 2}",
		"{2}",
		"[]",
		"[1]",
		"{}",
		"{\"a\": 1}",
	};
	struct world w;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < SL_ARRAY_LEN(sorted); i++)
		for (size_t k = 0; k < SL_ARRAY_LEN(sorted); k++) {
			char text[200];
			int c;

			(void)snprintf(text, sizeof(text), "f(%s, %s);", sorted[i],
				       sorted[k]);
			world_load(&w, text);
			c = sl_term_cmp(w.p->facts->atom.args[0].t,
					w.p->facts->atom.args[1].t);
			assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
		}
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refuses_json),
		cmocka_unit_test(test_failure_is_sticky),
		cmocka_unit_test(test_bad_facts),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_order),
	};

	return run_suite("policy-facts", tests, SL_ARRAY_LEN(tests));
}
