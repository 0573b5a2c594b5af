/* test_json_cbor.c -- codec/json as deterministic CBOR, and back. */
#include "codec/json.h"
#include "t.h"

static const struct sl_limits lim = { 1 << 16, 1000, 64 };

static void
test_round_trip(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 16 }, again = { .max = 1 << 16 };
	struct sl_jb jb = { .a = &a };
	struct sl_err err = { 0 };
	struct sl_json *o = sl_json_obj(&jb), *arr, *back = NULL;

	(void)state;
	sl_json_set(&jb, o, "bb", sl_json_int(&jb, INT64_MIN));
	sl_json_set(&jb, o, "z", sl_json_null(&jb));
	arr = sl_json_set(&jb, o, "aa", sl_json_arr(&jb));
	sl_json_add(&jb, arr, sl_json_str(&jb, SL_LIT("\xff\0")));
	sl_json_add(&jb, arr, sl_json_str(&jb, SL_LIT("")));
	sl_json_add(&jb, arr, sl_json_bool(&jb, false));
	assert_int_equal(sl_json_cbor(o, &b, &err), 0);
	assert_int_equal(b.len, 25);
	assert_memory_equal(b.p,
			    "\xa3\x61z\xf6\x62"
			    "aa\x83\x42\xff\0\x60\xf4\x62"
			    "bb\x3b\x7f\xff\xff\xff\xff\xff\xff\xff",
			    25);
	assert_int_equal(sl_json_uncbor((struct sl_slice){ at_edge(b.p, b.len), b.len },
					&lim, &a, &back, &err),
			 0);
	assert_true(sl_json_eq(o, back));
	assert_int_equal(sl_json_cbor(back, &again, &err), 0);
	assert_true(sl_slice_eq(sl_buf_get(&b), sl_buf_get(&again)));
}

static void
test_write_refuses(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 16 }, tiny = { .max = 2 };
	struct sl_jb jb = { .a = &a };
	struct sl_err e1 = { 0 }, e2 = { 0 }, e3 = { 0 }, e4 = { 0 }, e5 = { 0 };
	struct sl_json *o = sl_json_obj(&jb), *deep = sl_json_arr(&jb), *at = deep;

	(void)state;
	assert_int_equal(sl_json_cbor(sl_json_real(&jb, 1.5), &b, &e1), SL_E(FORMAT));
	sl_json_sets(&jb, o, SL_LIT("\xff"), sl_json_int(&jb, 1));
	assert_int_equal(sl_json_cbor(o, &b, &e2), SL_E(FORMAT));
	assert_int_equal(sl_json_cbor(NULL, &b, &e3), SL_E(FORMAT));
	assert_int_equal(sl_json_cbor(sl_json_cstr(&jb, "abc"), &tiny, &e4), SL_E(LIMIT));
	for (int i = 0; i < 64; i++)
		at = sl_json_add(&jb, at, sl_json_arr(&jb));
	assert_int_equal(sl_json_cbor(deep, &b, &e5), SL_E(LIMIT));
}

static void
test_read_refuses(void **state)
{
	static const struct sl_slice bad[] = {
		{ (const uint8_t *)"\xa1\x01\x02", 3 }, /* integer key */
		{ (const uint8_t *)"\x41"
				   "a",
		  2 },                          /* bytes that are text */
		{ (const uint8_t *)"\x40", 1 }, /* empty bytes are text */
		{ (const uint8_t *)"\xa2\x61"
				   "b\x01\x61"
				   "a\x01",
		  7 }, /* order */
		{ (const uint8_t *)"\xa2\x62"
				   "aa\x01\x61"
				   "b\x01",
		  8 },                                            /* order by length */
		{ (const uint8_t *)"\xf9\x3c\x00", 3 },           /* float */
		{ (const uint8_t *)"\xf7", 1 },                   /* undefined */
		{ (const uint8_t *)"\xc0\x60", 2 },               /* tag */
		{ (const uint8_t *)"\x1b\x80\0\0\0\0\0\0\0", 9 }, /* beyond int64 */
		{ (const uint8_t *)"\x3b\x80\0\0\0\0\0\0\0", 9 },
		{ (const uint8_t *)"\x01\x01", 2 }, /* trailing */
		{ (const uint8_t *)"\xa2\x61"
				   "a\x01\x61"
				   "a\x02",
		  7 }, /* duplicate */
		{ (const uint8_t *)"", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_err err = { 0 };
		struct sl_json *v = NULL;

		assert_int_equal(
		    sl_json_uncbor(
			(struct sl_slice){ at_edge(bad[i].p, bad[i].len), bad[i].len },
			&lim, &a, &v, &err),
		    SL_E(FORMAT));
		assert_null(v);
	}
}

static void
test_out_of_memory(void **state)
{
	struct sl_slice src = SL_LIT("\xa2\x61"
				     "a\x82\x01\x61x\x61"
				     "b\xa0");
	unsigned long i;

	(void)state;
	for (i = 1; i < 100; i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20, .fail_at = i };
		struct sl_err err = { 0 };
		struct sl_json *v;
		int r = sl_json_uncbor(src, &lim, &a, &v, &err);

		if (r == 0)
			break;
		assert_int_equal(r, SL_E(NOMEM));
	}
	assert_in_range(i, 6, 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_write_refuses),
		cmocka_unit_test(test_read_refuses),
		cmocka_unit_test(test_out_of_memory),
	};

	return run_suite("json_cbor", tests, SL_ARRAY_LEN(tests));
}
