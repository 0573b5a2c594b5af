/* test_foreign.c -- statements of others with their receipts: made here, judged there. */
#include "t.h"

#include "cose/statement.h"
#include "insig.h"

static struct sl_signer issuer, service;
static const char iss[] = "https://maker.example", log_iss[] = "https://log.example";

struct rig {
	struct sl_trust_key key[2];
	struct sl_trust t;
	struct sl_sig sig;
	struct sl_issuer_env env;
	struct sl_buf plain, whole;
};

static void
rig_make(struct rig *g, enum sl_leaf_mode mode)
{
	*g = (struct rig){ .plain.max = 1 << 16, .whole.max = 1 << 16 };
	g->key[0].iss = sl_slice_str(iss);
	sl_pubkey_ed25519(issuer.pub, &g->key[0].key);
	g->key[1] = (struct sl_trust_key){ .is_service = true,
					   .mode = mode,
					   .iss = sl_slice_str(log_iss) };
	sl_pubkey_ed25519(service.pub, &g->key[1].key);
	g->t = (struct sl_trust){ .key = g->key, .n_keys = 2, .web_fd = -1 };
	g->sig.ask = in_process;
	g->env = (struct sl_issuer_env){ .trust = &g->t, .sig = &g->sig };
}

static void
rig_done(struct rig *g)
{
	sl_sig_done(&g->sig);
	sl_buf_done(&g->plain);
	sl_buf_done(&g->whole);
}

static void
put_receipt(const struct sl_sign1 *s, enum sl_leaf_mode mode, int64_t iat,
	    struct sl_buf *out)
{
	struct sl_sign1_opts o = { .kid = SL_LIT("log-1"),
				   .iss = sl_slice_str(log_iss),
				   .sub = SL_LIT("log"),
				   .has_iat = iat != 0,
				   .iat = iat };
	struct sl_proof path = { .n = 1, .h[0].b = { 7 } };
	struct sl_err err = { 0 };
	struct sl_hash leaf, root;
	uint8_t sig[SL_SIG_LEN];

	assert_int_equal(sl_receipt_leaf(s, mode, &leaf, &err), 0);
	assert_int_equal(sl_proof_root(&path, 0, 2, &leaf, &root, &err), 0);
	assert_int_equal(sl_receipt_sign(&o, &root, &service, sig, &err), 0);
	assert_int_equal(sl_receipt_put(&o, 0, 2, &path, sig, out, &err), 0);
}

/* A statement with something unprotected, its receipt in that mode, and what more. */
static void
make(struct rig *g, enum sl_leaf_mode mode, const struct sl_slice *more, size_t n_more)
{
	static const uint8_t note[] = { 0xa1, 0x63, 'a', 'b', 'c', 0x01 };
	struct sl_sign1_opts o = { .kid = SL_LIT("k"),
				   .iss = sl_slice_str(iss),
				   .sub = SL_LIT("thing"),
				   .content_type = SL_LIT("text/plain"),
				   .payload = SL_LIT("hello"),
				   .unprot = { note, sizeof(note) } };
	SL_AUTO_BUF rc = { .max = 4096 }, un = { .max = 8192 };
	struct sl_err err = { 0 };
	struct sl_sign1 s;

	sl_buf_clear(&g->plain);
	sl_buf_clear(&g->whole);
	assert_int_equal(sl_sign1_build(&o, &issuer, &g->plain, &err), 0);
	assert_int_equal(sl_statement_parse(sl_buf_get(&g->plain), 1 << 16, 0, &s, &err),
			 0);
	put_receipt(&s, mode, 1000, &rc);
	/* both: the note stays where it was */
	sl_cbor_put_map(&un, 2);
	sl_buf_slice(&un, (struct sl_slice){ note + 1, sizeof(note) - 1 });
	sl_cbor_put_int(&un, SL_COSE_RECEIPTS);
	sl_cbor_put_arr(&un, n_more + 1);
	for (size_t i = 0; i < n_more; i++)
		sl_cbor_put_bstr(&un, more[i]);
	sl_cbor_put_bstr(&un, sl_buf_get(&rc));
	sl_sign1_put(s.prot, sl_buf_get(&un), s.payload, false, s.sig, &g->whole);
}

static int
judge(struct rig *g, struct sl_foreign *f)
{
	struct sl_slice src = sl_buf_get(&g->whole);
	struct sl_err err = { 0 };

	return sl_foreign_check((struct sl_slice){ at_edge(src.p, src.len), src.len },
				&g->env, NULL, 0, f, &err);
}

/* Attaching a receipt changes nothing that the leaf is over. */
static void
modes(void **state)
{
	struct sl_foreign f;
	struct rig g;

	(void)state;
	for (int made = 0; made < SL_LEAF_CCF; made++)
		for (int said = 0; said <= SL_LEAF_CCF; said++) {
			rig_make(&g, (enum sl_leaf_mode)said);
			make(&g, (enum sl_leaf_mode)made, NULL, 0);
			assert_int_equal(judge(&g, &f), 0);
			assert_true(f.who.is_trusted && f.n == 1);
			assert_int_equal(f.n_good, made == said);
			assert_int_equal(f.receipt[0].is,
					 made == said ? SL_JUDGED_GOOD : SL_JUDGED_BAD);
			assert_int_equal(f.time, made == said ? 1000 : 0);
			rig_done(&g);
		}
}

static void
others_beside(void **state)
{
	const struct sl_slice more[] = { SL_LIT(""), SL_LIT("\xd2\x84"), SL_LIT("\xf6") };
	struct sl_foreign f;
	struct rig g;

	(void)state;
	rig_make(&g, SL_LEAF_AS_IS);
	make(&g, SL_LEAF_AS_IS, more, 3);
	assert_int_equal(judge(&g, &f), 0);
	assert_int_equal(f.n, 4);
	assert_int_equal(f.n_good, 1);
	g.key[1].iss = SL_LIT("https://log.example.evil");
	assert_int_equal(judge(&g, &f), 0);
	assert_int_equal(f.receipt[3].is, SL_JUDGED_UNKNOWN);
	g.key[1].iss = (struct sl_slice){ 0 }; /* of those that name none */
	assert_int_equal(judge(&g, &f), 0);
	assert_int_equal(f.receipt[3].is, SL_JUDGED_UNKNOWN);
	g.key[1].iss = sl_slice_str(log_iss);
	memcpy(g.key[1].key.kid, "x", g.key[1].key.n_kid = 1);
	assert_int_equal(judge(&g, &f), 0);
	assert_int_equal(f.receipt[3].is, SL_JUDGED_UNKNOWN);
	rig_done(&g);
}

/* Seventeen receipts; and the issuer's key where the service's should be. */
static void
refused(void **state)
{
	struct sl_slice many[SL_TRANSPARENT_RECEIPTS];
	struct sl_foreign f;
	struct rig g;

	(void)state;
	for (size_t i = 0; i < SL_TRANSPARENT_RECEIPTS; i++)
		many[i] = SL_LIT("x");
	rig_make(&g, SL_LEAF_AS_IS);
	make(&g, SL_LEAF_AS_IS, many, SL_TRANSPARENT_RECEIPTS);
	assert_int_equal(judge(&g, &f), SL_E(LIMIT));
	make(&g, SL_LEAF_AS_IS, NULL, 0);
	g.key[0].is_service = true; /* then nobody is known as the issuer */
	assert_int_equal(judge(&g, &f), SL_E(SIGNER));
	g.key[0].is_service = false;
	sl_pubkey_ed25519(issuer.pub, &g.key[1].key);
	assert_int_equal(judge(&g, &f), 0);
	assert_int_equal(f.n_good, 0);
	sl_pubkey_ed25519(service.pub, &g.key[0].key);
	assert_int_equal(judge(&g, &f), SL_E(VERIFY));
	rig_done(&g);
}

/* CCF proofs that are none. */
static void
ccf(void **state)
{
	static const struct {
		const char *proof;
		int code;
	} row[] = {
		{ "a0", SL_E(FORMAT) },
		{ "80", SL_E(FORMAT) },
		{ "a10181", SL_E(FORMAT) },
		{ "a102818201", SL_E(FORMAT) },
		{ "a10383010203", SL_E(FORMAT) },
		{ "a10280", SL_E(FORMAT) },
		{ "a20280018340614040", SL_E(FORMAT) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		const struct sl_sign1_opts o = { .kid = SL_LIT("k"),
						 .iss = SL_LIT("i"),
						 .sub = SL_LIT("s"),
						 .has_vds = true,
						 .vds = SL_VDS_CCF };
		SL_AUTO_BUF prot = { .max = 512 }, un = { .max = 512 },
			    m = { .max = 1024 };
		struct sl_err err = { 0 };
		struct sl_receipt rc;
		uint8_t raw[64], sig[64] = { 0 };

		sl_sign1_put_protected(&o, &prot);
		sl_cbor_put_map(&un, 1);
		sl_cbor_put_int(&un, SL_COSE_VDP);
		sl_cbor_put_map(&un, 1);
		sl_cbor_put_int(&un, SL_VDP_INCLUSION);
		sl_cbor_put_arr(&un, 1);
		sl_cbor_put_bstr(&un, unhex(row[i].proof, raw));
		sl_sign1_put(sl_buf_get(&prot), sl_buf_get(&un), (struct sl_slice){ 0 },
			     true, (struct sl_slice){ sig, 64 }, &m);
		assert_int_equal(
		    sl_receipt_parse(sl_buf_get(&m), SL_RECEIPT_CCF, &rc, &err),
		    row[i].code);
		err = (struct sl_err){ 0 };
		assert_int_equal(sl_receipt_parse(sl_buf_get(&m), 0, &rc, &err),
				 SL_E(UNSUPPORTED));
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(modes),
		cmocka_unit_test(others_beside),
		cmocka_unit_test(refused),
		cmocka_unit_test(ccf),
	};
	struct sl_err err = { 0 };
	uint8_t seed[32] = { 3 };

	if (sl_crypto_init(&err) < 0)
		return 1;
	sl_signer_from_seed(&issuer, seed);
	seed[0] = 4;
	sl_signer_from_seed(&service, seed);
	return run_suite("issuer-foreign", t, SL_ARRAY_LEN(t));
}
