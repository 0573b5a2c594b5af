/* test_cbor.c -- codec/cbor. */
#include "codec/cbor.h"
#include "t.h"

static size_t
unhex(const char *s, uint8_t *out)
{
	size_t n = 0;

	for (; s[0] != '\0' && s[1] != '\0'; s += 2) {
		unsigned v = 0;

		assert_int_equal(sscanf(s, "%2x", &v), 1);
		out[n++] = (uint8_t)v;
	}
	return n;
}

static int
open_hex(struct sl_cbor_rd *rd, const char *hex, struct sl_err *err)
{
	static uint8_t raw[512];
	size_t n = unhex(hex, raw);

	return sl_cbor_open(rd, (struct sl_slice){ at_edge(raw, n), n }, 4096, "x", err);
}

static void
test_accepts(void **state)
{
	static const char *const ok[] = {
		"00",
		"17",
		"1818",
		"190100",
		"1a00010000",
		"1b0000000100000000",
		"1bffffffffffffffff",
		"20",
		"3bffffffffffffffff",
		"40",
		"43010203",
		"60",
		"63e282ac",
		"6100",
		"80",
		"8101",
		"a0",
		"a201020304",
		"a202000100",
		"a101a10203",
		"a1617800",
		"c11a68530000",
		"d28440a0f640",
		"f4",
		"f7",
		"f8ff",
		"f820",
		"e0",
		"f90000",
		"f93c00",
		"f97e00",
		"f97c00",
		"fa47c35000",
		"fa33000000",
		"fb3ff199999999999a",
		"8181818181818181818181818181818100",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(ok); i++) {
		struct sl_err err = { 0 };
		struct sl_cbor_rd rd;

		if (open_hex(&rd, ok[i], &err) < 0)
			fail_msg("%s: %s", ok[i], err.msg);
		(void)sl_cbor_skip(&rd);
		assert_int_equal(sl_cbor_close(&rd), 0);
	}
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *hex, *why;
	} bad[] = {
		{ "", "ends" },
		{ "18", "inside a head" },
		{ "1817", "shortest" },
		{ "1900ff", "shortest" },
		{ "1a0000ffff", "shortest" },
		{ "1b00000000ffffffff", "shortest" },
		{ "5800", "shortest" },
		{ "d81241", "shortest" },
		{ "5f40ff", "indefinite" },
		{ "9fff", "indefinite" },
		{ "ff", "lone break" },
		{ "1c", "reserved" },
		{ "f818", "below 32" },
		{ "f800", "below 32" },
		{ "4201", "are left" },
		{ "5bffffffffffffffff", "are left" },
		{ "9bffffffffffffffff", "are left" },
		{ "bb8000000000000000", "are left" },
		{ "bbffffffffffffffff", "are left" },
		{ "61c3", "UTF-8" },
		{ "62c080", "UTF-8" },
		{ "63eda080", "UTF-8" },
		{ "0000", "trailing" },
		{ "a201000100", "duplicate" },
		{ "a3020001000200", "duplicate" },
		{ "a2616100616101", "duplicate" },
		{ "a1f600", "neither integer nor text" },
		{ "a14000", "neither integer nor text" },
		{ "a1810100", "neither integer nor text" },
		{ "a101", "are left" },
		{ "8201", "are left" },
		{ "c1", "ends" },
		{ "818181818181818181818181818181818100", "deep" },
		{ "fb7ff8000000000000", "float" },
		{ "fb3ff8000000000000", "float" },
		{ "fa3f800000", "float" },
		{ "fa33800000", "float" }, /* 2^-24, float16's least */
		{ "fa00000000", "float" },
		{ "fb36a0000000000000", "float" }, /* 2^-149, float32's least */
		{ "fa7f800000", "float" },
		{ "f97e01", "float" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err err = { 0 };
		struct sl_cbor_rd rd;

		if (open_hex(&rd, bad[i].hex, &err) == 0)
			fail_msg("%s was accepted", bad[i].hex);
		if (strstr(err.msg, bad[i].why) == NULL ||
		    strstr(err.msg, "x, byte ") != err.msg)
			fail_msg("%s: %s", bad[i].hex, err.msg);
		assert_int_equal(sl_cbor_close(&rd), err.code);
		assert_int_equal(sl_cbor_uint(&rd), 0); /* sticky */
	}
}

/* Keys out of order are compared pairwise, so their number is bounded; sorted ones pass.
 */
static void
test_many_keys(void **state)
{
	(void)state;
	for (int order = 0; order < 2; order++) {
		SL_AUTO_BUF b = { .max = 65536 };
		struct sl_err err = { 0 };
		struct sl_cbor_rd rd;

		sl_cbor_put_map(&b, 1000);
		for (uint64_t i = 0; i < 1000; i++) {
			sl_cbor_put_uint(&b, order == 0 ? i : 999 - i);
			sl_cbor_put_null(&b);
		}
		assert_int_equal(sl_cbor_open(&rd, sl_buf_get(&b), 65536, "m", &err),
				 order == 0 ? 0 : SL_E(LIMIT));
	}
}

static void
test_typed(void **state)
{
	struct sl_err err = { 0 };
	struct sl_cbor_rd rd;
	struct sl_cbor_label l;

	(void)state;
	/* [1, -1, -2^64, h'0102', "a", true, null, {1: "x", "k": [2]}, 18(3)] */
	assert_int_equal(
	    open_hex(&rd, "8901203bffffffffffffffff4201026161f5f6a2016178616b8102d203",
		     &err),
	    0);
	sl_cbor_arr_n(&rd, 9);
	assert_int_equal(sl_cbor_uint(&rd), 1);
	assert_int_equal(sl_cbor_int(&rd), -1);
	assert_true(sl_cbor_bigint(&rd).neg);
	assert_int_equal(sl_cbor_bstr_n(&rd, 2).len, 2);
	assert_true(sl_slice_eq(sl_cbor_tstr(&rd), SL_LIT("a")));
	assert_true(sl_cbor_bool(&rd));
	assert_true(sl_cbor_is_null(&rd));
	sl_cbor_null(&rd);
	assert_int_equal(sl_cbor_map(&rd), 2);
	l = sl_cbor_key(&rd);
	assert_true(sl_cbor_is(l, 1));
	assert_false(sl_cbor_is(l, -2));
	assert_int_equal(sl_cbor_skip(&rd).len, 2);
	l = sl_cbor_key(&rd);
	assert_false(sl_cbor_is(l, 0));
	assert_true(sl_slice_eq(l.s, SL_LIT("k")));
	assert_true(sl_cbor_label_eq(l, l));
	assert_int_equal(sl_cbor_skip(&rd).len, 2);
	assert_int_equal(sl_cbor_tag(&rd), 18);
	assert_int_equal(sl_cbor_uint(&rd), 3);
	assert_int_equal(sl_cbor_peek(&rd), SL_CBOR_NONE);
	assert_int_equal(sl_cbor_close(&rd), 0);
}

static void
test_typed_refuses(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		static const char *const hex[] = {
			"20",   "00", "60",  "40", "80", "a0", "1b8000000000000000",
			"4101", "f7", "8100"
		};
		struct sl_err err = { 0 };
		struct sl_cbor_rd rd;

		assert_int_equal(open_hex(&rd, hex[i], &err), 0);
		switch (i) {
		case 0:
			(void)sl_cbor_uint(&rd);
			break;
		case 1:
			(void)sl_cbor_bstr(&rd);
			break;
		case 2:
			(void)sl_cbor_bstr(&rd);
			break;
		case 3:
			(void)sl_cbor_tstr(&rd);
			break;
		case 4:
			(void)sl_cbor_map(&rd);
			break;
		case 5:
			(void)sl_cbor_arr(&rd);
			break;
		case 6:
			(void)sl_cbor_int(&rd);
			break;
		case 7:
			(void)sl_cbor_bstr_n(&rd, 2);
			break;
		case 8:
			sl_cbor_null(&rd);
			break;
		default:
			(void)sl_cbor_arr(&rd);
			break; /* leaves an item unread */
		}
		assert_int_equal(sl_cbor_close(&rd), SL_E(FORMAT));
		assert_int_equal(err.code, SL_E(FORMAT));
	}
}

static void
test_writer(void **state)
{
	SL_AUTO_BUF b = { .max = 200 };
	uint8_t want[200];
	size_t n = unhex("00171818190100"
			 "1a00010000"
			 "1b0000000100000000"
			 "20"
			 "387f"
			 "3b7fffffffffffffff"
			 "420102"
			 "6161"
			 "82"
			 "a1"
			 "d2"
			 "f5"
			 "f4"
			 "f6"
			 "5820",
			 want);

	(void)state;
	sl_cbor_put_uint(&b, 0);
	sl_cbor_put_uint(&b, 23);
	sl_cbor_put_uint(&b, 24);
	sl_cbor_put_uint(&b, 256);
	sl_cbor_put_uint(&b, 65536);
	sl_cbor_put_uint(&b, UINT64_C(1) << 32);
	sl_cbor_put_int(&b, -1);
	sl_cbor_put_int(&b, -128);
	sl_cbor_put_int(&b, INT64_MIN);
	sl_cbor_put_bstr(&b, SL_LIT("\1\2"));
	sl_cbor_put_tstr(&b, SL_LIT("a"));
	sl_cbor_put_arr(&b, 2);
	sl_cbor_put_map(&b, 1);
	sl_cbor_put_tag(&b, 18);
	sl_cbor_put_bool(&b, true);
	sl_cbor_put_bool(&b, false);
	sl_cbor_put_null(&b);
	sl_cbor_put_bstr_head(&b, 32);
	assert_int_equal(b.len, n);
	assert_memory_equal(b.p, want, n);
}

static void
test_limits(void **state)
{
	struct sl_limits lim = { 3, 3, 2 };
	struct sl_err e1 = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct sl_cbor_rd rd;

	(void)state;
	assert_int_equal(sl_cbor_open_lim(&rd, SL_LIT("\x81\x81\x01"), &lim, "l", &e1),
			 0);
	assert_int_equal(
	    sl_cbor_open_lim(&rd, SL_LIT("\x83\x01\x02\x03"), &lim, "l", &e1),
	    SL_E(LIMIT));
	lim.max_bytes = 4;
	assert_int_equal(
	    sl_cbor_open_lim(&rd, SL_LIT("\x83\x01\x02\x03"), &lim, "l", &e2),
	    SL_E(LIMIT));
	lim.max_depth = 1;
	assert_int_equal(sl_cbor_open_lim(&rd, SL_LIT("\x81\x81\x01"), &lim, "l", &e3),
			 SL_E(LIMIT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),       cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_many_keys),     cmocka_unit_test(test_typed),
		cmocka_unit_test(test_typed_refuses), cmocka_unit_test(test_writer),
		cmocka_unit_test(test_limits),
	};

	return run_suite("cbor", tests, SL_ARRAY_LEN(tests));
}
