/* test_key.c -- cose/key. */
#include "cose/key.h"
#include "cose_t.h"

static void
test_round_trip(void **state)
{
	SL_AUTO_BUF one = { .max = 4096 }, set = { .max = 4096 };
	struct sl_err err = { 0 }, e2 = { 0 };
	struct sl_cose_key k, ks[2];
	struct sl_signer a, b;
	uint8_t pubs[64], kid[32];
	size_t n = 0;

	(void)state;
	test_signer(&a, 1);
	test_signer(&b, 2);
	memcpy(pubs, a.pub, 32);
	memcpy(pubs + 32, b.pub, 32);
	sl_cose_key_put(a.pub, 0, &one);
	assert_int_equal(sl_cose_key_parse(edge(sl_buf_get(&one)), &k, &err), 0);
	assert_true(k.is_ed25519 && k.alg == -8);
	sl_key_thumb(a.pub, kid);
	assert_memory_equal(k.kid.p, kid, 32);
	assert_memory_equal(k.x.p, a.pub, 32);
	sl_cose_keyset_put(pubs, 2, SL_ALG_ED25519, &set);
	assert_int_equal(sl_cose_keyset_parse(edge(sl_buf_get(&set)), ks, 2, &n, &err),
			 0);
	assert_int_equal(n, 2);
	assert_memory_equal(ks[1].x.p, b.pub, 32);
	assert_int_equal(sl_cose_keyset_parse(sl_buf_get(&set), ks, 1, &n, &e2),
			 SL_E(LIMIT));
}

static void
test_other_types(void **state)
{
	uint8_t raw[64];
	struct sl_err err = { 0 };
	struct sl_cose_key k;
	size_t n;

	(void)state;
	n = unhex("a5 0102 2001 214101 224102 6178 f6", raw); /* EC2 */
	assert_int_equal(sl_cose_key_parse((struct sl_slice){ raw, n }, &k, &err), 0);
	assert_true(k.kty == 2 && k.crv == 1 && k.y.len == 1 && !k.is_ed25519);
	n = unhex("a4 0102 2001 214101 22f5", raw); /* compressed point */
	assert_int_equal(sl_cose_key_parse((struct sl_slice){ raw, n }, &k, &err), 0);
	assert_true(k.is_y_sign && k.y_sign);
	n = unhex("a3 0103 2041ff 2143010001", raw); /* RSA */
	assert_int_equal(sl_cose_key_parse((struct sl_slice){ raw, n }, &k, &err), 0);
	assert_int_equal(k.y.len, 3);
	n = unhex("a3 0101 2006 214101", raw); /* Ed25519 of a wrong length */
	assert_int_equal(sl_cose_key_parse((struct sl_slice){ raw, n }, &k, &err), 0);
	assert_false(k.is_ed25519);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"80",
		"a0",
		"a10101",
		"a2 0101 2006",
		"a3 0101 2006 216161",
		"a4 0101 2006 214101 234102",
		"a3 0101 2006 0261 61",
		"a4 0103 204101 214101 224101",
		"a3 0102 2001 214101",
		"a4 0102 2001 214101 2201",
		"a3 0101 20 3bffffffffffffffff 214101",
	};
	static const char *const bad_set[] = { "", "80", "a0", "81a0", "8101" };
	struct sl_cose_key k, ks[4];
	uint8_t raw[64];
	size_t got = 5;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err err = { 0 };
		size_t n = unhex(bad[i], raw);

		if (sl_cose_key_parse(edge((struct sl_slice){ raw, n }), &k, &err) !=
		    SL_E(FORMAT))
			fail_msg("%s: %s", bad[i], err.msg);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(bad_set); i++) {
		struct sl_err err = { 0 };
		size_t n = unhex(bad_set[i], raw);

		assert_int_equal(sl_cose_keyset_parse(edge((struct sl_slice){ raw, n }),
						      ks, 4, &got, &err),
				 SL_E(FORMAT));
	}
	assert_int_equal(got, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_refused),
	};

	return run_suite("key", tests, SL_ARRAY_LEN(tests));
}
