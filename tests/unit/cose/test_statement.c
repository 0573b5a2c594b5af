/* test_statement.c -- cose/statement. */
#include "cose/statement.h"
#include "cose_t.h"

static void
build(const struct sl_sign1_opts *o, struct sl_buf *b)
{
	struct sl_err err = { 0 };
	struct sl_signer k;

	test_signer(&k, 1);
	assert_int_equal(sl_sign1_build(o, &k, b, &err), 0);
}

static void
test_accepted(void **state)
{
	struct sl_sign1_opts o = test_opts();
	SL_AUTO_BUF b = { .max = 4096 }, env = { .max = 4096 }, bare = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_sign1 s;
	uint8_t digest[32] = { 1 };

	(void)state;
	build(&o, &b);
	assert_int_equal(sl_statement_parse(edge(sl_buf_get(&b)), 4096, 0, &s, &err), 0);
	o.content_type = (struct sl_slice){ 0 };
	o.hash_alg = SL_ALG_SHA256;
	o.preimage_type = SL_LIT("application/json");
	o.location = SL_LIT("https://example.com/x");
	o.payload = (struct sl_slice){ digest, 32 };
	build(&o, &env);
	assert_int_equal(sl_statement_parse(edge(sl_buf_get(&env)), 4096, 0, &s, &err),
			 0);
	assert_int_equal(s.h.hash_alg, -16);
	assert_true(sl_slice_eq(s.h.preimage_type, o.preimage_type));
	assert_true(sl_slice_eq(s.h.location, o.location));
	o.kid = (struct sl_slice){ 0 };
	build(&o, &bare);
	assert_int_equal(
	    sl_statement_parse(sl_buf_get(&bare), 4096, SL_STATEMENT_ANY_KEY, &s, &err),
	    0);
}

static void
test_refused(void **state)
{
	uint8_t digest[64] = { 1 };

	(void)state;
	for (int i = 0; i < 9; i++) {
		static const char *const why[] = { "no iss",        "no sub",
						   "none of kid",   "detached",
						   "iss has 0",     "digest has 31",
						   "algorithm -15", "digest has 32",
						   "sub has 8193" };
		static uint8_t big[8193];
		struct sl_sign1_opts o = test_opts();
		SL_AUTO_BUF b = { .max = 16384 };
		struct sl_err err = { 0 };
		struct sl_sign1 s;

		memset(big, 'a', sizeof(big));
		if (i >= 5 && i < 8) {
			o.content_type = (struct sl_slice){ 0 };
			o.hash_alg = i == 5 ? -16 : i == 6 ? -15 : -43;
			o.payload = (struct sl_slice){ digest, i == 5 ? 31 : 32 };
		}
		if (i == 0)
			o.iss = (struct sl_slice){ 0 };
		if (i == 1)
			o.sub = (struct sl_slice){ 0 };
		if (i == 2)
			o.kid = (struct sl_slice){ 0 };
		if (i == 4)
			o.iss = SL_LIT("");
		if (i == 8)
			o.sub = (struct sl_slice){ big, sizeof(big) };
		o.is_detached = i == 3;
		build(&o, &b);
		assert_true(sl_statement_parse(sl_buf_get(&b), 16384, 0, &s, &err) < 0);
		if (strstr(err.msg, why[i]) == NULL)
			fail_msg("%d: %s", i, err.msg);
	}
}

static void
test_receipts(void **state)
{
	const struct sl_slice rc[2] = { SL_LIT("first"), SL_LIT("second") };
	struct sl_sign1_opts o = test_opts();
	SL_AUTO_BUF b = { .max = 4096 }, t = { .max = 4096 }, back = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_sign1 s, ts;
	uint8_t h1[32], h2[32];
	size_t n = 9;

	(void)state;
	build(&o, &b);
	assert_int_equal(sl_statement_parse(sl_buf_get(&b), 4096, 0, &s, &err), 0);
	assert_int_equal(sl_statement_receipts(&s, &n, &err), 0);
	assert_int_equal(n, 0);
	sl_statement_attach(&s, rc, 2, &t);
	assert_int_equal(sl_statement_parse(edge(sl_buf_get(&t)), 4096, 0, &ts, &err), 0);
	assert_int_equal(sl_statement_receipts(&ts, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_true(sl_slice_eq(sl_statement_receipt(&ts, 0), rc[0]));
	assert_true(sl_slice_eq(sl_statement_receipt(&ts, 1), rc[1]));
	sl_sign1_canon(&s, h1);
	sl_sign1_canon(&ts, h2);
	assert_memory_equal(h1, h2, 32);
	sl_statement_attach(&ts, NULL, 0, &back);
	assert_true(sl_slice_eq(sl_buf_get(&back), sl_buf_get(&b)));
}

static void
test_receipts_refused(void **state)
{
	static const struct sl_slice bad[] = {
		{ (const uint8_t *)"\xa1\x19\x01\x8a\x80", 5 },  /* empty */
		{ (const uint8_t *)"\xa1\x19\x01\x8a\x41x", 6 }, /* not an array */
		{ (const uint8_t *)"\xa1\x19\x01\x8a\x82\x41x\x61y",
		  9 }, /* text among them */
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_sign1_opts o = test_opts();
		SL_AUTO_BUF b = { .max = 4096 };
		struct sl_err err = { 0 };
		struct sl_sign1 s;
		size_t n = 9;

		o.unprot = bad[i];
		build(&o, &b);
		assert_int_equal(sl_statement_parse(sl_buf_get(&b), 4096, 0, &s, &err),
				 0);
		assert_int_equal(sl_statement_receipts(&s, &n, &err), SL_E(FORMAT));
		assert_int_equal(n, 9);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_receipts),
		cmocka_unit_test(test_receipts_refused),
	};

	return run_suite("statement", tests, SL_ARRAY_LEN(tests));
}
