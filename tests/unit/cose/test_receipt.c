/* test_receipt.c -- cose/receipt. */
#include "cose/receipt.h"
#include "cose/statement.h"
#include "cose_t.h"

enum { N = 9, AT = 5 };

struct fixture {
	struct sl_signer k;
	struct sl_hash leaf[N], root4, root9;
	struct sl_proof path, newer;
	struct sl_buf statement, receipt, consistency;
	struct sl_sign1 s;
	struct sl_sign1_opts o;
};

static void
make(struct fixture *f)
{
	struct sl_leaves l = { f->leaf, N };
	struct sl_sign1_opts so = test_opts();
	struct sl_err err = { 0 };
	struct sl_edge e = { 0 };
	uint8_t sig[64];

	test_signer(&f->k, 7);
	f->statement.max = f->receipt.max = f->consistency.max = 4096;
	assert_int_equal(sl_sign1_build(&so, &f->k, &f->statement, &err), 0);
	assert_int_equal(
	    sl_statement_parse(sl_buf_get(&f->statement), 4096, 0, &f->s, &err), 0);
	for (size_t i = 0; i < N; i++) {
		if (i == AT)
			assert_int_equal(
			    sl_receipt_leaf(&f->s, SL_LEAF_CANONICAL, &f->leaf[i], &err),
			    0);
		else
			memset(&f->leaf[i], (int)i, 32);
		if (i == 4)
			sl_edge_root(&e, &f->root4);
		sl_edge_add(&e, &f->leaf[i], NULL, NULL);
	}
	sl_edge_root(&e, &f->root9);
	f->o = (struct sl_sign1_opts){ .kid = SL_LIT("log"),
				       .iss = SL_LIT("did:x"),
				       .sub = SL_LIT("log") };
	assert_int_equal(sl_receipt_sign(&f->o, &f->root9, &f->k, sig, &err), 0);
	assert_int_equal(sl_proof_inclusion(sl_leaves_node, &l, AT, N, &f->path, &err),
			 0);
	assert_int_equal(sl_proof_consistency(sl_leaves_node, &l, 4, N, &f->newer, &err),
			 0);
	assert_int_equal(sl_receipt_put(&f->o, AT, N, &f->path, sig, &f->receipt, &err),
			 0);
	assert_int_equal(
	    sl_receipt_put_newer(&f->o, 4, N, &f->newer, sig, &f->consistency, &err), 0);
}

static void
drop(struct fixture *f)
{
	sl_buf_done(&f->statement);
	sl_buf_done(&f->receipt);
	sl_buf_done(&f->consistency);
}

static void
test_round_trip(void **state)
{
	struct fixture f = { 0 };
	struct sl_err err = { 0 }, e1 = { 0 }, e2 = { 0 }, e3 = { 0 }, e4 = { 0 };
	struct sl_receipt rc;
	struct sl_hash root;

	(void)state;
	make(&f);
	assert_int_equal(sl_receipt_parse(edge(sl_buf_get(&f.receipt)), 0, &rc, &err), 0);
	assert_int_equal(rc.index, AT);
	assert_int_equal(rc.size, N);
	assert_int_equal(sl_receipt_verify(&rc, &f.leaf[AT], f.k.pub, &root, &err), 0);
	assert_memory_equal(root.b, f.root9.b, 32);
	assert_int_equal(sl_receipt_verify(&rc, &f.leaf[0], f.k.pub, &root, &e1),
			 SL_E(VERIFY));
	assert_int_equal(sl_receipt_verify_newer(&rc, &f.root4, f.k.pub, &root, &e2),
			 SL_E(VERIFY));
	assert_int_equal(sl_receipt_parse(edge(sl_buf_get(&f.consistency)), 0, &rc, &err),
			 0);
	assert_true(rc.is_consistency && rc.size1 == 4 && rc.size == N);
	assert_int_equal(sl_receipt_verify_newer(&rc, &f.root4, f.k.pub, &root, &err), 0);
	assert_memory_equal(root.b, f.root9.b, 32);
	assert_int_equal(sl_receipt_verify_newer(&rc, &f.root9, f.k.pub, &root, &e3),
			 SL_E(VERIFY));
	assert_int_equal(sl_receipt_verify(&rc, &f.leaf[AT], f.k.pub, &root, &e4),
			 SL_E(VERIFY));
	drop(&f);
}

/* A receipt has no bit that does not count, but those of the size (see receipt.h). */
static void
test_every_bit(void **state)
{
	struct fixture f = { 0 };
	struct sl_receipt rc;
	struct sl_hash root;

	(void)state;
	make(&f);
	for (size_t i = 0; i < f.receipt.len * 8; i++) {
		struct sl_err e = { 0 };

		f.receipt.p[i / 8] ^= (uint8_t)(1 << i % 8);
		if (sl_receipt_parse(sl_buf_get(&f.receipt), 0, &rc, &e) == 0 &&
		    sl_receipt_verify(&rc, &f.leaf[AT], f.k.pub, &root, &e) == 0 &&
		    (rc.size == N || rc.index != AT || memcmp(&root, &f.root9, 32) != 0))
			fail_msg("bit %zu does not count", i);
		f.receipt.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < f.receipt.len; n++) {
		struct sl_err e = { 0 };

		assert_true(sl_receipt_parse(edge((struct sl_slice){ f.receipt.p, n }), 0,
					     &rc, &e) < 0);
	}
	drop(&f);
}

static void
test_leaf_modes(void **state)
{
	struct fixture f = { 0 };
	struct sl_err err = { 0 }, e2 = { 0 };
	struct sl_hash a, b, c;
	enum sl_leaf_mode m;

	(void)state;
	make(&f);
	assert_int_equal(sl_receipt_leaf(&f.s, SL_LEAF_CANONICAL, &a, &err), 0);
	assert_int_equal(sl_receipt_leaf(&f.s, SL_LEAF_AS_IS, &b, &err), 0);
	assert_int_equal(sl_receipt_leaf(&f.s, SL_LEAF_FULL, &c, &err), 0);
	assert_memory_equal(a.b, b.b, 32); /* its unprotected header is empty */
	assert_memory_not_equal(a.b, c.b, 32);
	assert_int_equal(sl_receipt_leaf(&f.s, SL_LEAF_CCF, &c, &e2), SL_E(UNSUPPORTED));
	for (int i = 0; i <= SL_LEAF_CCF; i++) {
		assert_true(sl_leaf_mode_parse(sl_slice_str(sl_leaf_mode_name(i)), &m));
		assert_int_equal(m, i);
	}
	assert_false(sl_leaf_mode_parse(SL_LIT("sha256"), &m));
	drop(&f);
}

/* prot and vdp (396) as encoded; what is wrong with them. */
static void
test_refused(void **state)
{
#define PROT "a4 0127 0441 31 0fa2 016161 026162 19018b01"
#define H32 "5820 0000000000000000000000000000000000000000000000000000000000000000"
	static const struct {
		const char *prot, *unprot, *why;
		int code;
	} bad[] = {
		{ "a3 0127 0441 31 19018b01", "a1 19018c a1 20 81 43 83010080", "no iss",
		  SL_E(FORMAT) },
		{ "a3 0127 0fa2 016161 026162 19018b01", "a0", "no proofs",
		  SL_E(FORMAT) },
		{ "a3 0127 0fa2 016161 026162 19018b01", "a1 19018c a1 20 81 44 83010080",
		  "no kid", SL_E(FORMAT) },
		{ "a10127", "a0", "no vds", SL_E(FORMAT) },
		{ "a2 0127 19018b02", "a0", "data structure 2", SL_E(UNSUPPORTED) },
		{ PROT, "a1 19018c a0", "kinds of proof", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 22 8140", "neither inclusion", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 20 80", "no proof", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 20 82 44 83010080 44 83010080", "2 proofs",
		  SL_E(UNSUPPORTED) },
		{ PROT, "a1 19018c a1 20 81 44 83020080", "empty path", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 21 81 44 83010280", "empty path", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 20 81 46 8302008141 00", "32 bytes is due",
		  SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 20 81 45 8301008000", "trailing", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 20 81 44 83200080", "is due", SL_E(FORMAT) },
		{ PROT, "a1 19018c a1 20 81 5825 83 02 00 " H32, "an array is due",
		  SL_E(FORMAT) },
	};
	struct sl_receipt rc;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		uint8_t prot[64], unprot[128];
		struct sl_slice p = { prot, unhex(bad[i].prot, prot) };
		struct sl_slice u = { unprot, unhex(bad[i].unprot, unprot) };
		SL_AUTO_BUF b = { .max = 4096 };
		struct sl_err err = { 0 };
		int r;

		sl_sign1_put(p, u, (struct sl_slice){ 0 }, true, SL_LIT("y"), &b);
		r = sl_receipt_parse(edge(sl_buf_get(&b)), 0, &rc, &err);
		if (i > 0 && (r != bad[i].code || strstr(err.msg, bad[i].why) == NULL))
			fail_msg("%zu: %d %s", i, r, err.msg);
		assert_true(r < 0);
	}
}

/* A tree of one has no path: nobody writes such a receipt, older issuers' are read. */
static void
test_size_one(void **state)
{
	struct fixture f = { 0 };
	struct sl_proof none = { 0 };
	struct sl_err err = { 0 }, e1 = { 0 }, e2 = { 0 };
	SL_AUTO_BUF b = { .max = 4096 }, m = { .max = 4096 }, prot = { .max = 256 };
	struct sl_receipt rc;
	struct sl_hash root;
	uint8_t sig[64];

	(void)state;
	make(&f);
	assert_int_equal(sl_receipt_sign(&f.o, &f.leaf[AT], &f.k, sig, &err), 0);
	assert_int_equal(sl_receipt_put(&f.o, 0, 1, &none, sig, &b, &e1), SL_E(USAGE));
	assert_int_equal(sl_receipt_put_newer(&f.o, 3, 3, &none, sig, &b, &e2),
			 SL_E(USAGE));
	f.o.has_vds = true;
	f.o.vds = 1;
	sl_sign1_put_protected(&f.o, &prot);
	sl_sign1_put(sl_buf_get(&prot),
		     SL_LIT("\xa1\x19\x01\x8c\xa1\x20\x81\x44\x83\x01\x00\x80"),
		     (struct sl_slice){ 0 }, true, (struct sl_slice){ sig, 64 }, &m);
	assert_int_equal(sl_receipt_parse(sl_buf_get(&m), 0, &rc, &err), 0);
	assert_int_equal(sl_receipt_verify(&rc, &f.leaf[AT], f.k.pub, &root, &err), 0);
	drop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_leaf_modes), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_size_one),
	};

	return run_suite("receipt", tests, SL_ARRAY_LEN(tests));
}
