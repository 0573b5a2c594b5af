/* test_sign1.c -- cose/sign1. */
#include "cose_t.h"
#include "crypto/sha256.h"

static const struct sl_slice none;

static void
test_round_trip(void **state)
{
	struct sl_sign1_opts o = test_opts();
	struct sl_err err = { 0 };
	struct sl_signer k, other;
	struct sl_sign1 s;

	(void)state;
	test_signer(&k, 1);
	test_signer(&other, 2);
	for (int i = 0; i < 4; i++) {
		SL_AUTO_BUF b = { .max = 4096 };
		struct sl_err e[5] = { 0 };
		struct sl_slice detached = none;

		o.alg = i & 1 ? SL_ALG_ED25519 : 0;
		o.is_detached = i >= 2;
		o.aad = i >= 2 ? SL_LIT("aad") : none;
		if (o.is_detached)
			detached = o.payload;
		assert_int_equal(sl_sign1_build(&o, &k, &b, &err), 0);
		assert_int_equal(sl_sign1_parse(edge(sl_buf_get(&b)), 4096, &s, &err), 0);
		assert_int_equal(s.is_detached, i >= 2);
		assert_int_equal(s.h.alg, i & 1 ? -19 : -8);
		assert_true(sl_slice_eq(s.h.iss, o.iss) && sl_slice_eq(s.h.sub, o.sub));
		assert_true(sl_slice_eq(s.h.kid, o.kid) && !s.h.is_kid_unprotected);
		assert_true(sl_slice_eq(s.h.type_text, o.content_type));
		assert_true(s.h.has_iat && s.h.iat == o.iat);
		assert_int_equal(sl_sign1_verify(&s, detached, o.aad, k.pub, &err), 0);
		assert_int_equal(sl_sign1_verify(&s, detached, o.aad, other.pub, &e[0]),
				 SL_E(VERIFY));
		assert_int_equal(sl_sign1_verify(&s, detached, SL_LIT("x"), k.pub, &e[1]),
				 SL_E(VERIFY));
		assert_true(sl_sign1_verify(&s, SL_LIT("x"), o.aad, k.pub, &e[2]) < 0);
	}
}

/* Every single bit counts: flipped, the message is refused or does not verify; the only
 * exception is the unprotected header, which is {} here, so there is none. */
static void
test_every_bit(void **state)
{
	struct sl_sign1_opts o = test_opts();
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_signer k;
	struct sl_sign1 s;

	(void)state;
	test_signer(&k, 1);
	assert_int_equal(sl_sign1_build(&o, &k, &b, &err), 0);
	for (size_t i = 0; i < b.len * 8; i++) {
		struct sl_err e = { 0 };

		b.p[i / 8] ^= (uint8_t)(1 << i % 8);
		if (sl_sign1_parse(sl_buf_get(&b), 4096, &s, &e) == 0 &&
		    sl_sign1_verify(&s, none, none, k.pub, &e) == 0)
			fail_msg("bit %zu does not count", i);
		b.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < b.len; n++) { /* and every byte is needed */
		struct sl_err e = { 0 };

		assert_true(
		    sl_sign1_parse(edge((struct sl_slice){ b.p, n }), 4096, &s, &e) < 0);
	}
}

/* The protected map, then the unprotected one; what the error names. */
static void
test_headers_refused(void **state)
{
	static const struct {
		const char *prot, *unprot, *why;
		int code;
	} bad[] = {
		{ "a10127", "a1 01 27", "protected header occurs here too",
		  SL_E(FORMAT) },
		{ "", "a1 01 27", "label 1) is not protected", SL_E(FORMAT) },
		{ "a10127", "a1 02 81 01", "crit (label 2) is not protected",
		  SL_E(FORMAT) },
		{ "a201270280", "a0", "empty", SL_E(FORMAT) },
		{ "a20127028104", "a0", "not in the protected header", SL_E(FORMAT) },
		{ "a3 0127 02811863 186301", "a0", "99 is not understood",
		  SL_E(UNSUPPORTED) },
		{ "a3 0127 02816178 617801", "a0", "'x' is not understood",
		  SL_E(UNSUPPORTED) },
		{ "a2 0127 0201", "a0", "an array is due", SL_E(FORMAT) },
		{ "a2 0127 046131", "a0", "kid (label 4) must be a byte string",
		  SL_E(FORMAT) },
		{ "a10127", "a1 046131", "kid (label 4) must be a byte string",
		  SL_E(FORMAT) },
		{ "a10127", "a1 0f a0", "CWT claims (label 15) are not protected",
		  SL_E(FORMAT) },
		{ "a2 0127 0da10161 61", "a0", "13 is of a draft", SL_E(FORMAT) },
		{ "a2 0127 386e01", "a0", "-111 is of a draft", SL_E(FORMAT) },
		{ "a10127", "a1 38dda0", "-222 is of a draft", SL_E(FORMAT) },
		{ "a10127", "a1 19018980", "393 is of a draft", SL_E(FORMAT) },
		{ "a10127", "a1 19010238 2a", "258 is not protected", SL_E(FORMAT) },
		{ "a10127", "a1 19018b01", "395) is not protected", SL_E(FORMAT) },
		{ "a2 0127 19018a8140", "a0", "394 is protected", SL_E(FORMAT) },
		{ "a2 0127 1901036161", "a0", "without 258", SL_E(FORMAT) },
		{ "a3 0127 036161 1901022f", "a0", "content type", SL_E(FORMAT) },
		{ "a2 0127 0341 61", "a0", "an unsigned integer is due", SL_E(FORMAT) },
		{ "a2 0127 0f81 01", "a0", "a map is due", SL_E(FORMAT) },
		{ "a2 0127 0fa1 0101", "a0", "a text string is due", SL_E(FORMAT) },
		{ "a2 0127 0fa1 06c201", "a0", "tag other than 1", SL_E(FORMAT) },
		{ "a2 0127 0fa1 066161", "a0", "is due", SL_E(FORMAT) },
		{ "a10140", "a0", "is due", SL_E(FORMAT) },
		{ "f6", "a0", "a map is due", SL_E(FORMAT) },
		{ "a0 00", "a0", "trailing", SL_E(FORMAT) },
		{ "a10127", "80", "not a map", SL_E(FORMAT) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		uint8_t prot[64], unprot[64];
		struct sl_slice p = { prot, unhex(bad[i].prot, prot) };
		struct sl_slice u = { unprot, unhex(bad[i].unprot, unprot) };
		SL_AUTO_BUF b = { .max = 4096 };
		struct sl_err err = { 0 };
		struct sl_sign1 s = { 0 };
		int r;

		sl_sign1_put(p, u, SL_LIT("x"), false, SL_LIT("y"), &b);
		r = sl_sign1_parse(edge(sl_buf_get(&b)), 4096, &s, &err);
		if (r != bad[i].code || strstr(err.msg, bad[i].why) == NULL)
			fail_msg("%zu: %s %s: %d %s", i, bad[i].prot, bad[i].unprot, r,
				 err.msg);
		assert_null(s.bytes.p); /* outputs are left alone */
	}
}

static void
test_headers_accepted(void **state)
{
	static const struct {
		const char *prot, *unprot;
	} ok[] = {
		{ "", "a0" },
		{ "a0", "a0" },
		{ "a3 0f a1 0161 61 03 00 01 27",
		  "a0" },                        /* unsorted; CoAP content format */
		{ "a3 0127 028103 0300", "a0" }, /* crit that is understood */
		{ "a2 0127 0fa3 06c11a68530000 6373766e01 01 6161", "a0" },
		{ "a2 0127 0fa1 06fb41d954fc40000001",
		  "a0" }, /* a time with a fraction: skipped */
		{ "a10127",
		  "a3 0441 31 1821 4130 6178 f5" }, /* x5chain beside, text label */
		{ "a2 0127 3bffffffffffffffff 01", "a0" }, /* a label int64 cannot hold */
		{ "a2 0127 0d41 00", "a0" },               /* kcwt proper */
		{ "a3 0127 1901022f 190104616c", "a0" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(ok); i++) {
		uint8_t prot[64], unprot[64];
		SL_AUTO_BUF b = { .max = 4096 };
		struct sl_err err = { 0 };
		struct sl_slice p, u;
		struct sl_sign1 s;

		p = (struct sl_slice){ prot, unhex(ok[i].prot, prot) };
		u = (struct sl_slice){ unprot, unhex(ok[i].unprot, unprot) };
		sl_sign1_put(p, u, SL_LIT("x"), false, SL_LIT("y"), &b);
		if (sl_sign1_parse(edge(sl_buf_get(&b)), 4096, &s, &err) < 0)
			fail_msg("%s %s: %s", ok[i].prot, ok[i].unprot, err.msg);
	}
}

static void
test_not_sign1(void **state)
{
	static const char *const bad[] = {
		"8440a0f640",     "d18440a0f640",   "d2d28440a0f640", "d28340a0f6",
		"d28540a0f64000", "d284a0a0f640",   "d28440a06040",   "d28440a0f740",
		"d28440a0f660",   "d28440a0f64000", "d240",           ""
	};
	struct sl_err big = { 0 };
	struct sl_sign1 s;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err err = { 0 };
		uint8_t raw[64];
		size_t n = unhex(bad[i], raw);

		assert_int_equal(
		    sl_sign1_parse(edge((struct sl_slice){ raw, n }), 4096, &s, &err),
		    SL_E(FORMAT));
	}
	assert_int_equal(sl_sign1_parse(SL_LIT("\xd2\x84\x40\xa0\xf6\x40"), 5, &s, &big),
			 SL_E(LIMIT));
}

/* RFC 9052 section 4.4: h'a0' in the message, h'' under the signature. */
static void
test_empty_protected(void **state)
{
	struct sl_err err = { 0 };
	struct sl_signer k;
	uint8_t a[64], b[64];

	(void)state;
	test_signer(&k, 1);
	assert_int_equal(sl_sign1_sign(SL_LIT("\xa0"), none, SL_LIT("x"), &k, a, &err),
			 0);
	assert_int_equal(sl_sign1_sign(none, none, SL_LIT("x"), &k, b, &err), 0);
	assert_memory_equal(a, b, 64);
}

static void
test_algorithms(void **state)
{
	static const struct {
		const char *prot, *why;
		size_t sig_len;
		int code;
	} row[] = {
		{ "a10126", "ES256 (-7)", 64, SL_E(UNSUPPORTED) },
		{ "a1013822", "ES384 (-35)", 96, SL_E(UNSUPPORTED) },
		{ "a1013903e6", "unknown (-999)", 64, SL_E(UNSUPPORTED) },
		{ "a10163666f6f", "'foo'", 64, SL_E(UNSUPPORTED) },
		{ "a10127", "Ed448", 114, SL_E(UNSUPPORTED) },
		{ "a10127", "63 bytes", 63, SL_E(VERIFY) },
		{ "a10127", "does not fit", 64, SL_E(VERIFY) },
		{ "a10132", "does not fit", 64, SL_E(VERIFY) },
		{ "a0", "no alg", 64, SL_E(FORMAT) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		uint8_t prot[16], sig[128] = { 0 }, pub[32] = { 9 };
		SL_AUTO_BUF b = { .max = 4096 };
		struct sl_err err = { 0 };
		struct sl_sign1 s;

		sl_sign1_put((struct sl_slice){ prot, unhex(row[i].prot, prot) }, none,
			     SL_LIT("x"), false, (struct sl_slice){ sig, row[i].sig_len },
			     &b);
		assert_int_equal(sl_sign1_parse(sl_buf_get(&b), 4096, &s, &err), 0);
		assert_int_equal(sl_sign1_verify(&s, none, none, pub, &err), row[i].code);
		if (strstr(err.msg, row[i].why) == NULL)
			fail_msg("%s: %s", row[i].prot, err.msg);
	}
}

/* The entry does not change with what is put into the unprotected header. */
static void
test_canonical(void **state)
{
	struct sl_sign1_opts o = test_opts();
	SL_AUTO_BUF plain = { .max = 4096 }, full = { .max = 4096 },
		    canon = { .max = 4096 };
	uint8_t h1[32], h2[32], h3[32];
	struct sl_err err = { 0 };
	struct sl_signer k;
	struct sl_sign1 s;

	(void)state;
	test_signer(&k, 1);
	assert_int_equal(sl_sign1_build(&o, &k, &plain, &err), 0);
	o.unprot = SL_LIT("\xa1\x61z\x83\x01\x02\x41\x00");
	assert_int_equal(sl_sign1_build(&o, &k, &full, &err), 0);
	assert_int_equal(sl_sign1_parse(sl_buf_get(&full), 4096, &s, &err), 0);
	sl_sign1_canon(&s, h1);
	sl_sign1_canon_put(&s, &canon);
	assert_true(sl_slice_eq(sl_buf_get(&canon), sl_buf_get(&plain)));
	sl_sha256(sl_buf_get(&plain), h2);
	assert_memory_equal(h1, h2, 32);
	assert_int_equal(sl_sign1_parse(sl_buf_get(&plain), 4096, &s, &err), 0);
	sl_sign1_canon(&s, h3);
	assert_memory_equal(h3, h2, 32);
}

static void
test_build_refuses(void **state)
{
	struct sl_sign1_opts o = test_opts();
	SL_AUTO_BUF b = { .max = 4096 }, tiny = { .max = 20 };
	struct sl_err e1 = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct sl_signer k;

	(void)state;
	test_signer(&k, 1);
	assert_int_equal(sl_sign1_build(&o, &k, &tiny, &e1), SL_E(LIMIT));
	o.alg = -7;
	assert_int_equal(sl_sign1_build(&o, &k, &b, &e2), SL_E(USAGE));
	o.alg = 0;
	o.hash_alg = SL_ALG_SHA256;
	assert_int_equal(sl_sign1_build(&o, &k, &b, &e3), SL_E(USAGE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_headers_refused),
		cmocka_unit_test(test_headers_accepted),
		cmocka_unit_test(test_not_sign1),
		cmocka_unit_test(test_empty_protected),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_build_refuses),
	};

	return run_suite("sign1", tests, SL_ARRAY_LEN(tests));
}
