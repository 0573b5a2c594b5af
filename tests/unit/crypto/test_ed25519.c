/* test_ed25519.c -- crypto/ed25519. */
#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "t.h"

/* RFC 8032 section 7.1, test 2 */
static const char seed_hex[] =
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
static const char pub_hex[] =
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char sig_hex[] =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

static void
signer(struct sl_signer *k)
{
	struct sl_err err = { 0 };
	uint8_t seed[32];

	assert_int_equal(sl_crypto_init(&err), 0);
	assert_true(sl_unhex(seed, 32, sl_slice_str(seed_hex)));
	sl_signer_from_seed(k, seed);
}

static void
test_known(void **state)
{
	struct sl_signer k;
	uint8_t sig[64];
	char hex[129];

	(void)state;
	signer(&k);
	sl_hex(hex, k.pub, 32);
	assert_string_equal(hex, pub_hex);
	sl_sign(&k, SL_LIT("\x72"), sig);
	sl_hex(hex, sig, 64);
	assert_string_equal(hex, sig_hex);
	assert_true(sl_verify(k.pub, SL_LIT("\x72"), sig));
	assert_false(sl_verify(k.pub, SL_LIT("\x73"), sig));
	assert_false(sl_verify(k.pub, (struct sl_slice){ 0 }, sig));
	for (size_t i = 0; i < 64; i++) {
		sig[i] ^= 1;
		assert_false(sl_verify(k.pub, SL_LIT("\x72"), sig));
		sig[i] ^= 1;
	}
	sl_signer_done(&k);
	for (size_t i = 0; i < sizeof(k); i++)
		assert_int_equal(((uint8_t *)&k)[i], 0);
}

/* RFC 5869 appendix A.3 has no salt: its PRK and OKM, with 42 bytes of output cut to 32,
 * take an IKM of 22 bytes; ours is always 32, so the construction is checked instead. */
static void
test_hkdf(void **state)
{
	uint8_t ikm[32] = { 1, 2, 3 }, zero[32] = { 0 }, prk[32], want[32], got[32];

	(void)state;
	sl_hmac(zero, (struct sl_slice){ ikm, 32 }, prk);
	sl_hmac(prk, SL_LIT("labeldata\x01"), want);
	sl_hkdf(ikm, "label", SL_LIT("data"), got);
	assert_memory_equal(got, want, 32);
	sl_hkdf(ikm, "label", (struct sl_slice){ 0 }, got);
	assert_memory_not_equal(got, want, 32);
}

/* RFC 4231 test case 1, its 20-byte key padded with zeros as HMAC does. */
static void
test_hmac(void **state)
{
	uint8_t key[32] = { 0 }, got[32];
	char hex[65];

	(void)state;
	memset(key, 0x0b, 20);
	sl_hmac(key, SL_LIT("Hi There"), got);
	sl_hex(hex, got, 32);
	assert_string_equal(
	    hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

static void
test_didkey(void **state)
{
	static const char *const bad[] = {
		"",
		"did:key:",
		"did:key:z",
		"did:key:u6Mk",
		"did:web:example.com",
		"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooW",   /* short */
		"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWpp", /* long */
		"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDoo0p",  /* not base58
									      */
		"did:key:z16MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp", /* leading
										zero */
		"did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", /* secp256k1
									      */
	};
	char did[SL_DIDKEY_MAX];
	struct sl_signer k;
	uint8_t pub[32];

	(void)state;
	signer(&k);
	sl_didkey(k.pub, did);
	assert_true(sl_didkey_parse(sl_slice_str(did), pub));
	assert_memory_equal(pub, k.pub, 32);
	/* did:key specification, test vector of Ed25519 */
	assert_true(sl_didkey_parse(
	    SL_LIT("did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"), pub));
	sl_didkey(pub, did);
	assert_string_equal(did,
			    "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp");
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		if (sl_didkey_parse(sl_slice_str(bad[i]), pub))
			fail_msg("'%s' was accepted", bad[i]);
	for (int v = 0; v < 256; v += 51) {
		uint8_t key[32];

		memset(key, v, 32);
		sl_didkey(key, did);
		assert_int_equal(strlen(did), 56);
		assert_true(sl_didkey_parse(sl_slice_str(did), pub));
		assert_memory_equal(pub, key, 32);
	}
}

static void
test_thumbprint(void **state)
{
	uint8_t in[40] = { 0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20 }, want[32],
		got[32];

	(void)state;
	memset(in + 8, 0x5a, 32);
	sl_sha256((struct sl_slice){ in, sizeof(in) }, want);
	sl_key_thumb(in + 8, got);
	assert_memory_equal(got, want, 32);
}

static void
test_random(void **state)
{
	uint8_t a[300] = { 0 }, b[300] = { 0 };

	(void)state;
	sl_random(a, sizeof(a));
	sl_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	sl_wipe(a, sizeof(a));
	sl_wipe(a, 0);
	for (size_t i = 0; i < sizeof(a); i++)
		assert_int_equal(a[i], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),      cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_hmac),       cmocka_unit_test(test_didkey),
		cmocka_unit_test(test_thumbprint), cmocka_unit_test(test_random),
	};

	return run_suite("ed25519", tests, SL_ARRAY_LEN(tests));
}
