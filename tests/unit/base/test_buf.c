/* test_buf.c -- base/buf, base/hex, base/slice. */
#include "base/buf.h"
#include "base/hex.h"
#include "t.h"

static void
test_grows_and_ends_in_nul(void **state)
{
	SL_AUTO_BUF b = { .max = 100000 };

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		sl_buf_printf(&b, "%zu,", i % 10);
		assert_int_equal(b.p[b.len], 0);
	}
	assert_false(b.is_failed);
	assert_int_equal(b.len, 10000);
	assert_memory_equal(b.p, "0,1,2,", 6);
	sl_buf_clear(&b);
	sl_buf_str(&b, "x");
	sl_buf_slice(&b, (struct sl_slice){ 0 });
	assert_string_equal((const char *)b.p, "x");
}

static void
test_max_is_sticky(void **state)
{
	SL_AUTO_BUF b = { .max = 10 };

	(void)state;
	sl_buf_str(&b, "1234567890");
	assert_false(b.is_failed);
	sl_buf_byte(&b, 'x');
	assert_true(b.is_failed);
	assert_int_equal(b.len, 10);
	sl_buf_put(&b, "", 0);
	assert_null(sl_buf_room(&b, 0));
	sl_buf_clear(&b);
	assert_false(b.is_failed);
	sl_buf_printf(&b, "%s", "12345678901");
	assert_true(b.is_failed);
	assert_int_equal(b.len, 0);
	sl_buf_done(&b);
	sl_buf_done(&b);
}

static void
test_hex(void **state)
{
	uint8_t raw[2];
	char out[5];

	(void)state;
	sl_hex(out, (const uint8_t *)"\x0f\xa0", 2);
	assert_string_equal(out, "0fa0");
	assert_true(sl_unhex(raw, 2, SL_LIT("0fa0")));
	assert_memory_equal(raw, "\x0f\xa0", 2);
	assert_false(sl_unhex(raw, 2, SL_LIT("0FA0"))); /* upper case */
	assert_false(sl_unhex(raw, 2, SL_LIT("0fa")));
	assert_false(sl_unhex(raw, 2, SL_LIT("0fa00")));
	assert_false(sl_unhex(raw, 2, SL_LIT("0fg0")));
}

static void
test_slice(void **state)
{
	struct sl_slice s = SL_LIT("key=value");

	(void)state;
	assert_true(sl_slice_eq(sl_slice_upto(s, '='), SL_LIT("key")));
	assert_true(sl_slice_eq(sl_slice_upto(s, '#'), s));
	assert_true(sl_slice_eq(sl_slice_skip(s, 4), SL_LIT("value")));
	assert_int_equal(sl_slice_skip(s, 9).len, 0);
	assert_int_equal(sl_slice_skip(s, SIZE_MAX).len, 0);
	assert_true(sl_slice_starts(s, (struct sl_slice){ 0 }));
	assert_false(sl_slice_starts(SL_LIT("ke"), SL_LIT("key")));
	assert_false(sl_slice_eq(s, SL_LIT("key=valuE")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_and_ends_in_nul),
		cmocka_unit_test(test_max_is_sticky),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_slice),
	};

	return run_suite("buf", tests, SL_ARRAY_LEN(tests));
}
