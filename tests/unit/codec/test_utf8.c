/* test_utf8.c -- codec/utf8. */
#include "codec/utf8.h"
#include "t.h"

static void
test_valid(void **state)
{
	static const char *const ok[] = {
		"",
		"a",
		"\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(ok); i++) {
		size_t n = strlen(ok[i]);

		assert_true(sl_utf8_ok((struct sl_slice){ at_edge(ok[i], n), n }));
	}
}

static void
test_invalid(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xe0\x9f\xbf",
		"\xe0\xa0",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xfe",
		"\xf8\x88\x80\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		size_t n = strlen(bad[i]);

		assert_int_equal(sl_utf8_bad((struct sl_slice){ at_edge(bad[i], n), n }),
				 0);
	}
	assert_int_equal(sl_utf8_bad(SL_LIT("ab\xff")), 2);
}

/* RFC 8785 section 3.2.3: surrogates sort before U+E000 and up. */
static void
test_order(void **state)
{
	(void)state;
	assert_true(sl_utf16_cmp(SL_LIT("\xf0\x90\x80\x80"), SL_LIT("\xee\x80\x80")) < 0);
	assert_true(sl_utf16_cmp(SL_LIT("\xf0\x9f\x98\x80"), SL_LIT("\xef\xac\xb3")) < 0);
	assert_true(sl_utf16_cmp(SL_LIT("\xf0\x90\x80\x80"), SL_LIT("\xed\x9f\xbf")) > 0);
	assert_true(sl_utf16_cmp(SL_LIT("\xee\x80\x80"), SL_LIT("\xef\x80\x80")) < 0);
	assert_true(sl_utf16_cmp(SL_LIT("a"), SL_LIT("ab")) < 0);
	assert_true(sl_utf16_cmp(SL_LIT("b"), SL_LIT("ab")) > 0);
	assert_int_equal(sl_utf16_cmp(SL_LIT("x"), SL_LIT("x")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_order),
	};

	return run_suite("utf8", tests, SL_ARRAY_LEN(tests));
}
