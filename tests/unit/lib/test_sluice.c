/* test_sluice.c -- libsluice by its public header alone; what it is given is made here.
 */
#include "t.h"

#include "../gate/node.h"
#include "cose/receipt.h"
#include "cose/statement.h"

#include <sluice.h>

static const char iss[] = "https://maker.example", log_iss[] = "https://log.example";
static struct sl_signer issuer, service;
static struct sl_buf plain, receipt, whole; /* statement, its receipt, both */

static void
make_receipt(const struct sl_signer *k, const char *name, enum sl_leaf_mode mode,
	     const struct sl_sign1 *s, struct sl_buf *out)
{
	struct sl_sign1_opts o = { .kid = SL_LIT("log-1"), .sub = SL_LIT("log") };
	struct sl_proof path = { .n = 1, .h[0].b = { 7 } };
	struct sl_err err = { 0 };
	struct sl_hash leaf, root;
	uint8_t sig[SL_SIG_LEN];

	o.iss = sl_slice_str(name);
	must(sl_receipt_leaf(s, mode, &leaf, &err), &err);
	must(sl_proof_root(&path, 1, 2, &leaf, &root, &err), &err);
	must(sl_receipt_sign(&o, &root, k, sig, &err), &err);
	must(sl_receipt_put(&o, 1, 2, &path, sig, out, &err), &err);
}

static void
make_statement(int64_t alg, struct sl_slice payload, struct sl_buf *out)
{
	struct sl_sign1_opts o = { .alg = alg,
				   .kid = SL_LIT("k"),
				   .iss = sl_slice_str(iss),
				   .sub = SL_LIT("thing"),
				   .content_type = SL_LIT("text/plain"),
				   .payload = payload };
	struct sl_err err = { 0 };

	must(sl_sign1_build(&o, &issuer, out, &err), &err);
}

static int
setup(void **state)
{
	uint8_t seed[32] = { 1 };
	struct sl_err err = { 0 };
	struct sl_slice rc;
	struct sl_sign1 s;

	(void)state;
	must(sl_crypto_init(&err), &err);
	sl_signer_from_seed(&issuer, seed);
	seed[0] = 2;
	sl_signer_from_seed(&service, seed);
	plain.max = receipt.max = whole.max = 1 << 20;
	make_statement(SL_ALG_EDDSA, SL_LIT("hello"), &plain);
	must(sl_statement_parse(sl_buf_get(&plain), 1 << 20, 0, &s, &err), &err);
	make_receipt(&service, log_iss, SL_LEAF_AS_IS, &s, &receipt);
	rc = sl_buf_get(&receipt);
	sl_statement_attach(&s, &rc, 1, &whole);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sl_buf_done(&plain);
	sl_buf_done(&receipt);
	sl_buf_done(&whole);
	return 0;
}

static sluice_verifier *
trusting(enum sluice_leaf leaf)
{
	sluice_verifier *v = sluice_verifier_new();

	assert_non_null(v);
	assert_int_equal(sluice_trust_issuer(v, iss, issuer.pub), 0);
	assert_int_equal(sluice_trust_service(v, log_iss, leaf, service.pub), 0);
	return v;
}

static int
transparent(sluice_verifier *v, const uint8_t *p, size_t n)
{
	sluice_result *r = NULL;
	int e = sluice_verify_transparent(v, p, n, &r);

	assert_non_null(r);
	assert_int_equal(sluice_result_error(r), e);
	assert_int_equal(e == 0, sluice_result_text(r)[0] == '\0');
	sluice_result_free(r);
	return e;
}

static void
good(void **state)
{
	sluice_verifier *v = trusting(SLUICE_LEAF_SHA256_AS_IS);
	const char *name = NULL, *why = NULL;
	sluice_result *r = NULL;
	const void *p;
	size_t n = 0;

	(void)state;
	assert_int_equal(sluice_verify_transparent(v, whole.p, whole.len, &r), SLUICE_OK);
	assert_string_equal(sluice_result_string(r, SLUICE_ISSUER), iss);
	assert_string_equal(sluice_result_string(r, SLUICE_SUBJECT), "thing");
	assert_string_equal(sluice_result_string(r, SLUICE_ALGORITHM), "EdDSA");
	assert_string_equal(sluice_result_string(r, SLUICE_CONTENT_TYPE), "text/plain");
	assert_string_equal(sluice_result_string(r, SLUICE_HASH), "");
	assert_int_equal(strlen(sluice_result_string(r, SLUICE_ENTRY_ID)), 64);
	assert_string_equal(sluice_result_string(r, (enum sluice_string)999), "");
	assert_int_equal(sluice_result_number(r, SLUICE_RECEIPTS), 1);
	assert_int_equal(sluice_result_number(r, SLUICE_RECEIPTS_GOOD), 1);
	assert_int_equal(sluice_result_number(r, (enum sluice_number)999), 0);
	assert_int_equal(sluice_result_receipt(r, 0, &name, &why), SLUICE_OK);
	assert_string_equal(name, log_iss);
	assert_string_equal(why, "");
	assert_int_equal(sluice_result_receipt(r, 1, NULL, NULL), SLUICE_ERR_USAGE);
	assert_null(sluice_result_finding(r, 0));
	p = sluice_result_payload(r, &n);
	assert_int_equal(n, 5);
	assert_memory_equal(p, "hello", 5);
	assert_int_equal(sluice_result_matches(r, "hello", 5), SLUICE_OK);
	assert_int_equal(sluice_result_matches(r, "hello!", 6), SLUICE_ERR_FAILED);
	assert_int_equal(sluice_result_matches(r, "hell", 4), SLUICE_ERR_FAILED);
	assert_int_equal(sluice_result_matches(r, "", 0), SLUICE_ERR_FAILED);
	assert_int_equal(sluice_result_matches(r, NULL, 1), SLUICE_ERR_USAGE);
	sluice_result_free(r);
	assert_int_equal(sluice_verify_statement(v, plain.p, plain.len, NULL), SLUICE_OK);
	assert_int_equal(
	    sluice_verify_receipt(v, receipt.p, receipt.len, plain.p, plain.len, NULL),
	    SLUICE_OK);
	sluice_verifier_free(v);
}

/* SHA-256, SHA-384 and SHA-512 of "abc" (FIPS 180-4), as envelopes. */
static void
envelopes(void **state)
{
	static const struct {
		int64_t alg;
		const char *name, *hex;
	} row[] = {
		{ -16, "SHA-256",
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ -43, "SHA-384",
		  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed808607"
		  "2b"
		  "a1e7cc2358baeca134c825a7" },
		{ -44, "SHA-512",
		  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a219299"
		  "2a"
		  "274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	};
	sluice_verifier *v = trusting(SLUICE_LEAF_SHA256_CANONICAL);

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		struct sl_sign1_opts o = { .kid = SL_LIT("k"),
					   .iss = sl_slice_str(iss),
					   .sub = SL_LIT("thing"),
					   .hash_alg = row[i].alg,
					   .preimage_type = SL_LIT("text/plain"),
					   .location = SL_LIT("https://a.example/") };
		struct sl_buf out = { .max = 4096 };
		struct sl_err err = { 0 };
		sluice_result *r = NULL;
		uint8_t d[64];

		o.payload = (struct sl_slice){ d, strlen(row[i].hex) / 2 };
		assert_true(sl_unhex(d, o.payload.len, sl_slice_str(row[i].hex)));
		must(sl_sign1_build(&o, &issuer, &out, &err), &err);
		assert_int_equal(sluice_verify_statement(v, out.p, out.len, &r),
				 SLUICE_OK);
		assert_string_equal(sluice_result_string(r, SLUICE_HASH), row[i].name);
		assert_string_equal(sluice_result_string(r, SLUICE_CONTENT_TYPE),
				    "text/plain");
		assert_string_equal(sluice_result_string(r, SLUICE_LOCATION),
				    "https://a.example/");
		assert_int_equal(sluice_result_matches(r, "abc", 3), SLUICE_OK);
		assert_int_equal(sluice_result_matches(r, "abd", 3), SLUICE_ERR_FAILED);
		assert_int_equal(sluice_result_matches(r, d, o.payload.len),
				 SLUICE_ERR_FAILED);
		sluice_result_free(r);
		sl_buf_done(&out);
	}
	sluice_verifier_free(v);
}

/* A verifier that trusts too little, or another leaf mode. */
static void
not_trusted(void **state)
{
	sluice_verifier *v = sluice_verifier_new();
	sluice_result *r = NULL;

	(void)state;
	assert_int_equal(transparent(v, whole.p, whole.len), SLUICE_ERR_SIGNER);
	assert_int_equal(sluice_trust_issuer(v, iss, issuer.pub), 0);
	assert_int_equal(transparent(v, whole.p, whole.len), SLUICE_ERR_SIGNER);
	assert_int_equal(sluice_verify_statement(v, whole.p, whole.len, NULL), SLUICE_OK);
	assert_int_equal(
	    sluice_verify_receipt(v, receipt.p, receipt.len, plain.p, plain.len, &r),
	    SLUICE_ERR_SIGNER);
	assert_int_equal(sluice_result_number(r, SLUICE_RECEIPTS_GOOD), 0);
	sluice_result_free(r);
	assert_int_equal(sluice_verify_transparent(v, plain.p, plain.len, NULL),
			 SLUICE_ERR_FAILED);
	sluice_verifier_free(v);
	v = sluice_verifier_new(); /* the key of somebody else */
	assert_int_equal(sluice_trust_issuer(v, iss, service.pub), 0);
	assert_int_equal(sluice_verify_statement(v, plain.p, plain.len, &r),
			 SLUICE_ERR_FAILED);
	assert_string_equal(sluice_result_string(r, SLUICE_ISSUER), "");
	{
		size_t n = 1;

		assert_null(sluice_result_payload(r, &n));
		assert_int_equal(n, 0);
	}
	sluice_result_free(r);
	sluice_verifier_free(v);
	for (int leaf = 0; leaf <= SLUICE_LEAF_CCF; leaf++) {
		v = trusting((enum sluice_leaf)leaf);
		/* Without anything unprotected the first two are the same. */
		assert_int_equal(transparent(v, whole.p, whole.len),
				 leaf <= SLUICE_LEAF_SHA256_AS_IS ? SLUICE_OK
								  : SLUICE_ERR_FAILED);
		sluice_verifier_free(v);
	}
}

static void
each_byte(void **state)
{
	sluice_verifier *v = trusting(SLUICE_LEAF_SHA256_AS_IS);

	(void)state;
	for (size_t i = 0; i < whole.len; i++) {
		uint8_t *p = at_edge(whole.p, whole.len);

		p[i] ^= (uint8_t)(1 << i % 8);
		assert_true(transparent(v, p, whole.len) < 0);
		assert_true(transparent(v, at_edge(whole.p, i), i) < 0);
	}
	for (size_t i = 0; i < receipt.len; i++) {
		receipt.p[i] ^= (uint8_t)(1 << i % 8);
		assert_true(sluice_verify_receipt(v, receipt.p, receipt.len, plain.p,
						  plain.len, NULL) < 0);
		receipt.p[i] ^= (uint8_t)(1 << i % 8);
	}
	sluice_verifier_free(v);
}

/* What is for the helper is refused by its name. */
static void
unsupported(void **state)
{
	static const struct {
		int64_t alg;
		const char *name;
	} row[] = {
		{ -7, "ES256" }, { -35, "ES384" }, { -37, "PS256" }, { -257, "RS256" }
	};
	sluice_verifier *v = sluice_verifier_new();
	static const char es256[] =
	    "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169";

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		struct sl_buf prot = { .max = 4096 }, out = { .max = 4096 };
		const struct sl_sign1_opts o = { .alg = row[i].alg,
						 .kid = SL_LIT("k"),
						 .iss = sl_slice_str(es256),
						 .sub = SL_LIT("s") };
		sluice_result *r = NULL;
		uint8_t sig[64] = { 1 };

		sl_sign1_put_protected(&o, &prot);
		sl_sign1_put(sl_buf_get(&prot), (struct sl_slice){ 0 }, SL_LIT("x"),
			     false, (struct sl_slice){ sig, 64 }, &out);
		assert_int_equal(sluice_verify_statement(v, out.p, out.len, &r),
				 SLUICE_ERR_UNSUPPORTED);
		assert_non_null(strstr(sluice_result_text(r), row[i].name));
		sluice_result_free(r);
		sl_buf_done(&prot);
		sl_buf_done(&out);
	}
	assert_int_equal(sluice_trust_did(v, es256), SLUICE_ERR_UNSUPPORTED);
	assert_int_equal(sluice_trust_did(v, "did:web:a.example"),
			 SLUICE_ERR_UNSUPPORTED);
	assert_int_equal(sluice_trust_did(v, "did:key:z6Mk"), SLUICE_ERR_MALFORMED);
	sluice_verifier_free(v);
}

static void
usage(void **state)
{
	sluice_verifier *v = sluice_verifier_new();
	sluice_result *r = (sluice_result *)&v;
	int e = 0;

	(void)state;
	assert_int_equal(sluice_verify_bundle(NULL, "", 0, &r), SLUICE_ERR_USAGE);
	assert_null(r);
	assert_int_equal(sluice_verify_bundle(v, NULL, 1, NULL), SLUICE_ERR_USAGE);
	assert_int_equal(sluice_verify_statement(v, NULL, 1, NULL), SLUICE_ERR_USAGE);
	assert_int_equal(sluice_verify_receipt(v, "", 0, NULL, 0, NULL),
			 SLUICE_ERR_USAGE);
	assert_true(sluice_verify_statement(v, "", 0, NULL) < 0);
	assert_true(sluice_verify_bundle(v, "", 0, NULL) < 0);
	assert_int_equal(sluice_trust_issuer(v, "", issuer.pub), SLUICE_ERR_USAGE);
	assert_int_equal(sluice_trust_issuer(v, NULL, issuer.pub), SLUICE_ERR_USAGE);
	assert_int_equal(sluice_trust_service(v, "a", (enum sluice_leaf)4, issuer.pub),
			 SLUICE_ERR_USAGE);
	assert_int_equal(sluice_trust_did(NULL, "x"), SLUICE_ERR_USAGE);
	for (size_t i = 0; e == 0; i++) {
		e = sluice_trust_service(v, NULL, SLUICE_LEAF_FULL_BYTES, issuer.pub);
		assert_true(i <= SLUICE_TRUST_MAX);
	}
	assert_int_equal(e, SLUICE_ERR_LIMIT);
	sluice_verifier_free(v);
	sluice_verifier_free(NULL);
	sluice_result_free(NULL);
	assert_string_equal(sluice_error_id(0), "ok");
	assert_string_equal(sluice_error_id(SLUICE_ERR_FAILED), "verify.failed");
	assert_string_equal(sluice_error_id(SLUICE_ERR_SIGNER), "verify.unknown-signer");
	assert_string_equal(sluice_error_id(12345), "bug");
	assert_true(strlen(sluice_version()) >= 5);
}

/* Corrupt receipts beside a good one take nothing from it. */
static void
judged_alone(void **state)
{
	sluice_verifier *v = trusting(SLUICE_LEAF_SHA256_AS_IS);
	struct sl_slice rc[3] = { SL_LIT("\xff"), sl_buf_get(&receipt), SL_LIT("") };
	struct sl_buf out = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	sluice_result *r = NULL;
	struct sl_sign1 s;

	(void)state;
	must(sl_statement_parse(sl_buf_get(&plain), 1 << 20, 0, &s, &err), &err);
	sl_statement_attach(&s, rc, 3, &out);
	assert_int_equal(sluice_verify_transparent(v, out.p, out.len, &r), SLUICE_OK);
	assert_int_equal(sluice_result_number(r, SLUICE_RECEIPTS), 3);
	assert_int_equal(sluice_result_number(r, SLUICE_RECEIPTS_GOOD), 1);
	assert_int_equal(sluice_result_receipt(r, 0, NULL, NULL), SLUICE_ERR_FAILED);
	sluice_result_free(r);
	sl_buf_clear(&out);
	rc[1] = rc[0];
	sl_statement_attach(&s, rc, 3, &out);
	assert_int_equal(transparent(v, out.p, out.len), SLUICE_ERR_FAILED);
	sl_buf_done(&out);
	sluice_verifier_free(v);
}

/* A real node's bundle; SL_STRIDE bytes between two that are changed. */
static void
bundle(void **state)
{
	struct shape shape = { 0 };
	struct node node;
	struct made m;
	struct sl_buf b;
	sluice_verifier *v = sluice_verifier_new();
	sluice_result *r = NULL;
	size_t stride =
	    getenv("SL_STRIDE") ? (size_t)strtol(getenv("SL_STRIDE"), NULL, 10) : 1;
	size_t n_findings = 0;
	char did[SL_DIDKEY_MAX];

	(void)state;
	node_start(&node);
	m = a_run(&node, &shape);
	b = export_of(&node, m.hex);
	(void)snprintf(did, sizeof(did), "%s", sl_gate_info(node.gate)->node.did);
	assert_int_equal(sluice_verify_bundle(v, b.p, b.len, &r), SLUICE_ERR_SIGNER);
	assert_string_equal(sluice_result_string(r, SLUICE_ISSUER), did);
	sluice_result_free(r);
	assert_int_equal(sluice_trust_did(v, did), 0);
	assert_int_equal(sluice_verify_bundle(v, b.p, b.len, &r), SLUICE_OK);
	assert_string_equal(sluice_result_string(r, SLUICE_RUN), m.hex);
	assert_string_equal(sluice_result_string(r, SLUICE_RUN_KIND), "run");
	assert_string_equal(sluice_result_string(r, SLUICE_RUN_VERDICT), "allow");
	assert_int_equal(sluice_result_number(r, SLUICE_DECISIONS), 2);
	assert_int_equal(sluice_result_number(r, SLUICE_REDERIVED), 2);
	assert_int_equal(sluice_result_number(r, SLUICE_SEALED), 1);
	assert_true(sluice_result_number(r, SLUICE_STATEMENTS) > 6);
	assert_int_equal(sluice_result_receipt(r, 0, NULL, NULL), SLUICE_ERR_USAGE);
	sluice_result_free(r);
	for (size_t i = 0; i < b.len; i += stride) {
		b.p[i] ^= (uint8_t)(1 << i % 8);
		assert_true(sluice_verify_bundle(v, b.p, b.len, &r) < 0);
		n_findings += sluice_result_finding(r, 0) != NULL;
		sluice_result_free(r);
		b.p[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_true(n_findings > 0);
	for (size_t n = 0; n < b.len; n += stride * 7)
		assert_true(sluice_verify_bundle(v, b.p, n, NULL) < 0);
	sluice_verifier_free(v);
	sl_buf_done(&b);
	node_stop(&node);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(good),      cmocka_unit_test(not_trusted),
		cmocka_unit_test(each_byte), cmocka_unit_test(unsupported),
		cmocka_unit_test(usage),     cmocka_unit_test(judged_alone),
		cmocka_unit_test(bundle),    cmocka_unit_test(envelopes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(t, setup, teardown);
}
