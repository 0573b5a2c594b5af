/* test_sha256.c -- crypto/sha256; vectors of FIPS 180-4. */
#include "base/hex.h"
#include "crypto/sha256.h"
#include "t.h"

static void
check(struct sl_slice s, const char *want)
{
	uint8_t d[32];
	char hex[65];

	sl_sha256(s, d);
	sl_hex(hex, d, 32);
	assert_string_equal(hex, want);
}

static void
test_known(void **state)
{
	(void)state;
	check((struct sl_slice){ 0 },
	      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check(SL_LIT("abc"),
	      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check(SL_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
	      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* Any cut into pieces gives the same. */
static void
test_pieces(void **state)
{
	uint8_t in[200], whole[32], d[32];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7);
	sl_sha256((struct sl_slice){ in, sizeof(in) }, whole);
	for (size_t cut = 0; cut <= sizeof(in); cut++) {
		struct sl_sha256 h;

		sl_sha256_init(&h);
		sl_sha256_add(&h, in, cut);
		sl_sha256_add(&h, NULL, 0);
		sl_sha256_add(&h, in + cut, sizeof(in) - cut);
		sl_sha256_end(&h, d);
		assert_memory_equal(d, whole, 32);
	}
	assert_non_null(sl_sha256_impl());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_pieces),
	};

	return run_suite("sha256", tests, SL_ARRAY_LEN(tests));
}
