/* test_json.c -- codec/json: reading, building, JCS, pretty. */
#include "codec/json.h"
#include "t.h"

#include <math.h>

static const struct sl_limits lim = { 1 << 16, 1000, 20 };

static void
check_jcs(const char *in, const char *want)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 16 };
	struct sl_err err = { 0 };
	size_t n = strlen(in);
	struct sl_json *v;

	if (sl_json_parse((struct sl_slice){ at_edge(in, n), n }, &lim, &a, &v, &err) <
		0 ||
	    sl_json_jcs(v, &b, &err) < 0)
		fail_msg("%s: %s", in, err.msg);
	assert_string_equal((const char *)b.p, want);
}

static void
test_jcs(void **state)
{
	(void)state;
	check_jcs(" { \"b\" : [ 1 , true , null ] , \"a\" : { } } ",
		  "{\"a\":{},\"b\":[1,true,null]}");
	check_jcs(
	    "\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\\\/\\u20ac\\ud83d\\ude00\x7f\"",
	    "\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"");
	/* RFC 8785 section 3.2.3 */
	check_jcs("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,"
		  "\"\\u0080\":6,"
		  "\"\\u00f6\":7}",
		  "{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
		  "\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}");
	/* RFC 8785 section 3.2.2 */
	check_jcs("{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0."
		  "000000000000000000000000001]}",
		  "{\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27]}");
	check_jcs("9223372036854775807", "9223372036854775807");
	check_jcs("[-9223372036854775808,-0]", "[-9223372036854775808,0]");
	check_jcs("[9223372036854775808,1,\"12345678901234567890123\"]",
		  "[9223372036854776000,1,\"12345678901234567890123\"]");
	check_jcs("[]", "[]");
}

/* RFC 8785 appendix B: IEEE 754 bits and the text. */
static void
test_numbers(void **state)
{
	static const struct {
		uint64_t bits;
		const char *want;
	} kat[] = {
		{ 0x0000000000000000, "0" },
		{ 0x8000000000000000, "0" },
		{ 0x0000000000000001, "5e-324" },
		{ 0x8000000000000001, "-5e-324" },
		{ 0x7fefffffffffffff, "1.7976931348623157e+308" },
		{ 0xffefffffffffffff, "-1.7976931348623157e+308" },
		{ 0x4340000000000000, "9007199254740992" },
		{ 0xc340000000000000, "-9007199254740992" },
		{ 0x4430000000000000, "295147905179352830000" },
		{ 0x44b52d02c7e14af5, "9.999999999999997e+22" },
		{ 0x44b52d02c7e14af6, "1e+23" },
		{ 0x44b52d02c7e14af7, "1.0000000000000001e+23" },
		{ 0x444b1ae4d6e2ef4e, "999999999999999700000" },
		{ 0x444b1ae4d6e2ef4f, "999999999999999900000" },
		{ 0x444b1ae4d6e2ef50, "1e+21" },
		{ 0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7" },
		{ 0x3eb0c6f7a0b5ed8d, "0.000001" },
		{ 0x41b3de4355555553, "333333333.3333332" },
		{ 0x41b3de4355555554, "333333333.33333325" },
		{ 0x41b3de4355555555, "333333333.3333333" },
		{ 0x41b3de4355555556, "333333333.3333334" },
		{ 0x41b3de4355555557, "333333333.33333343" },
		{ 0xbecbf647612f3696, "-0.0000033333333333333333" },
		{ 0x43143ff3c1cb0959, "1424953923781206.2" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(kat); i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 16 };
		SL_AUTO_BUF b = { .max = 1 << 16 };
		struct sl_jb jb = { .a = &a };
		struct sl_err err = { 0 };
		double d;

		memcpy(&d, &kat[i].bits, sizeof(d));
		assert_int_equal(sl_json_jcs(sl_json_real(&jb, d), &b, &err), 0);
		assert_string_equal((const char *)b.p, kat[i].want);
	}
}

static void
test_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"[1,]",
		"{\"a\":1,\"a\":2}",
		"{\"a\\u0000\":1}",
		"1 2",
		"[1]x",
		"01",
		"+1",
		".5",
		"1.",
		"NaN",
		"'a'",
		"\"\x01\"",
		"\"\xff\"",
		"\"\\ud800\"",
		"\"\\x\"",
		"1e999",
		"tru",
		"[1 2]",
		"{1:2}",
		"\"a",
		"\xef\xbb\xbf[]",
		"// c\n1",
		"-",
		"[\"\xed\xa0\x80\"]",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_err err = { 0 };
		size_t n = strlen(bad[i]);
		struct sl_json *v = NULL;

		if (sl_json_parse((struct sl_slice){ at_edge(bad[i], n), n }, &lim, &a,
				  &v, &err) != SL_E(FORMAT))
			fail_msg("'%s' was accepted", bad[i]);
		assert_null(v);
	}
}

static void
test_limits(void **state)
{
	static const char *const over[] = { "[[[1]]]", "{\"a\":{\"b\":[1]}}",
					    "[1,2,3,4,5]",
					    "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}",
					    "\"longer than it may\"" };
	static const char *const fit[] = { "[[1]]", "[1,2,3,4]", "[[],[],{}]",
					   "\"[[[[[[[[\"" };
	const struct sl_limits small = { 16, 5, 2 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(over); i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_err err = { 0 };
		struct sl_json *v;

		assert_int_equal(
		    sl_json_parse(sl_slice_str(over[i]), &small, &a, &v, &err),
		    SL_E(LIMIT));
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(fit); i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		struct sl_err err = { 0 };
		struct sl_json *v;

		assert_int_equal(
		    sl_json_parse(sl_slice_str(fit[i]), &small, &a, &v, &err), 0);
	}
}

/* Fails at each allocation in turn, then succeeds; ASan watches jansson's part. */
static void
test_out_of_memory(void **state)
{
	struct sl_slice src =
	    SL_LIT("{\"a\":[1,2.5,\"x\",null,true],\"b\":{\"c\":\"d\"}}");
	unsigned long i;

	(void)state;
	for (i = 1; i < 100; i++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20, .fail_at = i };
		struct sl_err err = { 0 };
		struct sl_json *v;
		int r = sl_json_parse(src, &lim, &a, &v, &err);

		if (r == 0)
			break;
		assert_int_equal(r, SL_E(NOMEM));
	}
	assert_in_range(i, 12, 99);
}

static void
test_build_and_read(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 16 };
	struct sl_jb jb = { .a = &a };
	struct sl_err err = { 0 };
	struct sl_json *o = sl_json_obj(&jb), *arr, *copy;

	(void)state;
	sl_json_set(&jb, o, "n", sl_json_int(&jb, 1));
	arr = sl_json_set(&jb, o, "list", sl_json_arr(&jb));
	sl_json_add(&jb, arr, sl_json_hex(&jb, (const uint8_t *)"\xab", 1));
	sl_json_add(&jb, arr, sl_json_null(&jb));
	sl_json_set(&jb, o, "last", sl_json_bool(&jb, true));
	sl_json_set(&jb, o, "n", sl_json_int(&jb, 2));       /* in place */
	sl_json_set(&jb, o, "last", sl_json_cstr(&jb, "z")); /* the last one */
	sl_json_set(&jb, o, "end", sl_json_int(&jb, 3));
	assert_false(jb.is_failed);
	assert_int_equal(sl_json_pretty(o, &b, &err), 0);
	assert_string_equal((const char *)b.p,
			    "{\n  \"n\": 2,\n  \"list\": [\n    \"ab\",\n    null\n  ],\n"
			    "  \"last\": \"z\",\n  \"end\": 3\n}");
	assert_int_equal(sl_json_get_int(o, "n"), 2);
	assert_int_equal(sl_json_get_int(o, "last"), 0);
	assert_false(sl_json_get_bool(o, "nothing"));
	assert_null(sl_json_get(arr, "n"));
	assert_null(sl_json_get(NULL, "n"));
	assert_true(sl_slice_eq(sl_json_get_str(o, "last"), SL_LIT("z")));
	copy = sl_json_copy(&jb, o);
	assert_true(sl_json_eq(o, copy));
	sl_json_set(&jb, copy, "n", sl_json_int(&jb, 4));
	assert_false(sl_json_eq(o, copy));
	sl_json_set(&jb, copy, "n", sl_json_int(&jb, 2));
	assert_true(sl_json_eq(copy, o));
	assert_true(sl_json_eq(NULL, NULL));
	assert_false(sl_json_eq(o, NULL));
}

static void
test_failed_builder(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 16 };
	struct sl_jb jb = { .a = &a };
	struct sl_err err = { 0 };
	struct sl_json *o = sl_json_obj(&jb);

	(void)state;
	a.fail_at = 1;
	assert_null(sl_json_set(&jb, o, "k", sl_json_int(&jb, 1)));
	assert_true(jb.is_failed);
	assert_null(sl_json_arr(&jb));
	assert_null(sl_json_add(&jb, NULL, NULL));
	assert_int_equal(sl_json_jcs(NULL, &b, &err), SL_E(FORMAT));
}

static void
test_not_text(void **state)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 16 }, tiny = { .max = 2 };
	struct sl_jb jb = { .a = &a };
	struct sl_err e1 = { 0 }, e2 = { 0 }, e3 = { 0 }, e4 = { 0 };
	struct sl_json *o = sl_json_obj(&jb);

	(void)state;
	assert_int_equal(sl_json_jcs(sl_json_str(&jb, SL_LIT("a\xff")), &b, &e1),
			 SL_E(FORMAT));
	sl_json_sets(&jb, o, SL_LIT("\xff"), sl_json_int(&jb, 1));
	assert_int_equal(sl_json_jcs(o, &b, &e2), SL_E(FORMAT));
	assert_int_equal(sl_json_jcs(sl_json_real(&jb, INFINITY), &b, &e3), SL_E(FORMAT));
	assert_int_equal(sl_json_jcs(sl_json_cstr(&jb, "xyz"), &tiny, &e4), SL_E(LIMIT));
	sl_buf_clear(&b);
	assert_int_equal(sl_json_pretty(sl_json_str(&jb, SL_LIT("a\xff"
								"b")),
					&b, &e4),
			 0);
	assert_string_equal((const char *)b.p, "\"a\xef\xbf\xbd"
					       "b\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jcs),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_build_and_read),
		cmocka_unit_test(test_failed_builder),
		cmocka_unit_test(test_not_text),
	};

	return run_suite("json", tests, SL_ARRAY_LEN(tests));
}
