/* test_base64.c -- codec/base64; vectors of RFC 4648 section 10. */
#include "codec/base64.h"
#include "t.h"

static const struct {
	const char *raw, *std, *url;
} kat[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/", "-_-_" },
};

static void
test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(kat); i++)
		for (int url = 0; url < 2; url++) {
			const char *want = url ? kat[i].url : kat[i].std;
			size_t len = strlen(want), n = 99;
			SL_AUTO_BUF b = { .max = 64 };
			uint8_t out[16];

			sl_base64_put(&b, url ? SL_BASE64_URL : SL_BASE64_STD,
				      sl_slice_str(kat[i].raw));
			assert_int_equal(b.len, len);
			assert_int_equal(
			    len, sl_base64_len(url ? SL_BASE64_URL : SL_BASE64_STD,
					       strlen(kat[i].raw)));
			if (len > 0)
				assert_memory_equal(b.p, want, len);
			assert_true(
			    sl_unbase64(url ? SL_BASE64_URL : SL_BASE64_STD,
					(struct sl_slice){ at_edge(want, len), len }, out,
					strlen(kat[i].raw), &n));
			assert_int_equal(n, strlen(kat[i].raw));
			assert_memory_equal(out, kat[i].raw, n);
		}
}

static void
test_refused(void **state)
{
	static const char *const std[] = { "Z",      "Zg",   "Zg=",      "Zh==",
					   "Zm9=",   "====", "Zg==\n",   " Zg==",
					   "Zm9v-_", "Z=g=", "Zg==Zg==", "Zm9vY===" };
	static const char *const url[] = { "Z",      "Zg==", "Zh", "Zm9",
					   "Zm9v+/", "Zg\n", "Zg=" };
	uint8_t out[16];
	size_t n = 7;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(std); i++)
		assert_false(
		    sl_unbase64(SL_BASE64_STD, sl_slice_str(std[i]), out, 16, &n));
	for (size_t i = 0; i < SL_ARRAY_LEN(url); i++)
		assert_false(
		    sl_unbase64(SL_BASE64_URL, sl_slice_str(url[i]), out, 16, &n));
	assert_false(
	    sl_unbase64(SL_BASE64_STD, SL_LIT("Zm9vYmFy"), out, 5, &n)); /* too long */
	assert_int_equal(n, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_refused),
	};

	return run_suite("base64", tests, SL_ARRAY_LEN(tests));
}
