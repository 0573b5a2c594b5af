/* test_pubkey.c -- keys of others in each form, and what is no key. */
#include "t.h"

#include "insig.h"

static int
did(const char *s, struct sl_pubkey *k)
{
	struct sl_err err = { 0 };
	int r =
	    sl_pubkey_did((struct sl_slice){ at_edge(s, strlen(s)), strlen(s) }, k, &err);

	assert_int_equal(r < 0, err.msg[0] != '\0');
	return r;
}

static void
dids(void **state)
{
	/* did:key specification: its test vectors */
	static const char *const good[] = {
		"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
		"did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
		"did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
		"did:key:"
		"z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau"
		"9",
		/* did:jwk specification, section 4.1 */
		"did:jwk:"
		"eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydH"
		"BUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2"
		"Y3NEk1"
		"TEtncmwyR3pIM25TRSJ9",
	};
	static const struct {
		const char *did;
		int code;
	} bad[] = {
		{ "did:key:", SL_E(FORMAT) },
		{ "did:key:z", SL_E(FORMAT) },
		{ "did:key:z1", SL_E(FORMAT) },
		{ "did:key:z6Mk0", SL_E(FORMAT) },
		{ "did:key:u6MkiTBz1", SL_E(FORMAT) },
		/* X25519, secp256k1, RSA: of other multicodecs */
		{ "did:key:z6LSeu9HkTHSfLLeUs2nnzUSNedgDUevfNQgQjQC23ZCit6F",
		  SL_E(UNSUPPORTED) },
		{ "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
		  SL_E(UNSUPPORTED) },
		/* one digit less: not of its length */
		{ "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU216",
		  SL_E(UNSUPPORTED) },
		{ "did:jwk:", SL_E(FORMAT) },
		{ "did:jwk:!!", SL_E(FORMAT) },
		{ "did:jwk:e30", SL_E(UNSUPPORTED) }, /* {} */
		{ "did:web:maker.example", SL_E(UNSUPPORTED) },
		{ "", SL_E(UNSUPPORTED) },
	};
	struct sl_pubkey k;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(good); i++) {
		assert_int_equal(did(good[i], &k), 0);
		assert_int_equal(k.is_ed25519, i == 0);
		assert_true(k.n_spki > 40);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		if (did(bad[i].did, &k) != bad[i].code)
			fail_msg("'%s': %d", bad[i].did, did(bad[i].did, &k));
}

static void
jwks(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		"\"usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8\"}",
		"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}",
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
		"{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}",
		"{\"kty\":\"RSA\",\"n\":\"_____\",\"e\":\"\"}",
		"{\"kty\":\"oct\",\"k\":\"AAAA\"}",
	};
	struct sl_pubkey k, again;
	struct sl_err err;

	(void)state;
	assert_int_equal(jwk(c21_jwk, &k, &err), 0);
	assert_true(k.has_thumb && !k.is_ed25519 && k.n_spki == 91);
	err = (struct sl_err){ 0 };
	assert_int_equal(
	    sl_pubkey_spki((struct sl_slice){ k.spki, k.n_spki }, &again, &err), 0);
	assert_true(sl_pubkey_eq(&k, &again));
	assert_memory_equal(k.thumb, again.thumb, 32);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		if (jwk(bad[i], &k, &err) >= 0)
			fail_msg("'%s' was taken", bad[i]);
}

/* What names a key: its kid, its thumbprint, its digest in both forms; nothing else. */
static void
kids(void **state)
{
	struct sl_pubkey k;
	struct sl_err err;
	uint8_t d[32];
	char hex[65];

	(void)state;
	assert_int_equal(jwk(c21_jwk, &k, &err), 0);
	sl_sha256((struct sl_slice){ k.spki, k.n_spki }, d);
	sl_hex(hex, d, 32);
	assert_true(sl_pubkey_has_kid(&k, sl_slice_str(hex)));
	assert_true(sl_pubkey_has_kid(&k, (struct sl_slice){ d, 32 }));
	assert_true(sl_pubkey_has_kid(&k, (struct sl_slice){ k.thumb, 32 }));
	assert_false(sl_pubkey_has_kid(&k, SL_LIT("")));
	assert_false(sl_pubkey_has_kid(&k, (struct sl_slice){ d, 31 }));
	hex[0] ^= 1;
	assert_false(sl_pubkey_has_kid(&k, sl_slice_str(hex)));
}

/* RFC 9679 appendix: the thumbprint of its example key. */
static void
thumbprint(void **state)
{
	static const char key[] =
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"Ze2loSV3wrroKUN_"
	    "4zhwGhCqo3Xhu1td4QjeQ5wIVR0\","
	    "\"y\":\"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw\"}";
	struct sl_pubkey k;
	struct sl_err err;
	char hex[65];

	(void)state;
	assert_int_equal(jwk(key, &k, &err), 0);
	sl_hex(hex, k.thumb, 32);
	assert_string_equal(
	    hex, "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec");
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(dids),
		cmocka_unit_test(jwks),
		cmocka_unit_test(kids),
		cmocka_unit_test(thumbprint),
	};
	return run_suite("issuer-pubkey", t, SL_ARRAY_LEN(t));
}
