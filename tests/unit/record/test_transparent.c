/* test_transparent.c -- statements with receipts, and receipts alone. */
#include "t.h"

#include "../log/lognode.h"
#include "cose/statement.h"
#include "crypto/ed25519.h"
#include "record/bundle.h"
#include "record/transparent.h"

struct rig {
	struct dir d;
	struct sl_node node;
	struct sl_reader *r;
	struct sl_buf whole, receipt;
	uint64_t index;
};

static void
rig_make(struct rig *g)
{
	struct sl_buf stmt = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	struct sl_log_entry e;
	struct sl_entry last = { 0 };
	struct sl_slice rc;
	struct sl_sign1 s;
	size_t n = 0;

	*g = (struct rig){ .d = dir_make() };
	must(sl_crypto_init(&err), &err);
	must(sl_node_open(&g->node, g->d.fd, sl_store_io_sys(), build_a, &err), &err);
	/* All different: of equal neighbours either index would be true. */
	for (size_t i = 0; i < 5; i++) {
		char payload[16];
		struct sl_item it;

		snprintf(payload, sizeof(payload), "{\"a\":%zu}", i);
		it = item_stmt(SL_TREE_NODE, NULL, "decision", payload, false);
		must(sl_node_commit(&g->node, &it, 1, &last, &n, &err), &err);
	}
	must(sl_reader_open(g->d.fd, &g->r, &err), &err);
	sl_buf_init(&g->whole, 1 << 20);
	sl_buf_init(&g->receipt, 1 << 20);
	g->index = last.index;
	must(sl_reader_entry(g->r, 1, last.index, &e, &err), &err);
	must(sl_reader_statement(g->r, &e, &stmt, &err), &err);
	must(sl_reader_receipt(g->r, 1, last.index, 0, &g->receipt, &err), &err);
	must(sl_statement_parse(sl_buf_get(&stmt), 1 << 20, 0, &s, &err), &err);
	rc = sl_buf_get(&g->receipt);
	sl_statement_attach(&s, &rc, 1, &g->whole);
	sl_buf_done(&stmt);
}

static void
rig_done(struct rig *g)
{
	sl_buf_done(&g->whole);
	sl_buf_done(&g->receipt);
	sl_reader_close(g->r);
	sl_node_done(&g->node);
	dir_done(&g->d);
}

static void
good(void **state)
{
	struct sl_transparent t;
	struct sl_err err = { 0 };
	struct rig g;

	(void)state;
	rig_make(&g);
	must(sl_transparent_check(sl_buf_get(&g.whole), g.r, &t, &err), &err);
	assert_int_equal(t.n, 1);
	assert_true(t.receipt[0].is_local && !t.is_receipt_alone);
	assert_int_equal(t.receipt[0].index, g.index);
	/* without the log: good, but of nobody known */
	must(sl_transparent_check(sl_buf_get(&g.whole), NULL, &t, &err), &err);
	assert_false(t.receipt[0].is_local);
	must(sl_transparent_check(sl_buf_get(&g.receipt), g.r, &t, &err), &err);
	assert_true(t.is_receipt_alone && t.receipt[0].is_local);
	assert_int_equal(sl_transparent_check(sl_buf_get(&g.receipt), NULL, &t, &err),
			 SL_E(NOENT));
	rig_done(&g);
}

static void
each_bit(void **state)
{
	struct sl_transparent t;
	struct rig g;

	(void)state;
	rig_make(&g);
	for (int k = 0; k < 2; k++) {
		struct sl_buf *b = k == 0 ? &g.whole : &g.receipt;

		for (size_t i = 0; i < b->len * 8; i++) {
			struct sl_err err = { 0 };

			b->p[i / 8] ^= (uint8_t)(1u << (i % 8));
			if (sl_transparent_check(sl_buf_get(b), g.r, &t, &err) == 0)
				fail_msg("bit %zu of byte %zu can be changed", i % 8,
					 i / 8);
			b->p[i / 8] ^= (uint8_t)(1u << (i % 8));
		}
		for (size_t n = 0; n < b->len; n++) {
			struct sl_err err = { 0 };

			assert_true(
			    sl_transparent_check((struct sl_slice){ at_edge(b->p, n), n },
						 g.r, &t, &err) < 0);
		}
	}
	rig_done(&g);
}

/* Of another node with the same history. */
static void
other_log(void **state)
{
	struct sl_transparent t;
	struct sl_err err = { 0 };
	struct rig g, h;

	(void)state;
	rig_make(&g);
	rig_make(&h);
	must(sl_transparent_check(sl_buf_get(&g.whole), h.r, &t, &err), &err);
	assert_false(t.receipt[0].is_local);
	assert_int_equal(sl_transparent_check(sl_buf_get(&g.receipt), h.r, &t, &err),
			 SL_E(NOENT));
	rig_done(&g);
	rig_done(&h);
}

/* The form of a bundle, without any meaning. */
static void
bundle_form(void **state)
{
	static const char *const bad[] = { "",
					   "\x80",
					   "\x86",
					   "\x86\x6dsluice-bundle\x02",
					   "\x86\x6dsluice-bundlf\x01",
					   "\x86\x4dsluice-bundle\x01",
					   "\x9f\xff",
					   "\xd2\x84" };
	struct sl_bundle_entry e[] = { { 0, SL_LIT("s"), SL_LIT("r") },
				       { 1, SL_LIT("t"), SL_LIT("q") } };
	struct sl_bundle_blob blob[] = { { .bytes = SL_LIT("x") } },
			      gone[] = { { .digest = { 1 } } };
	struct sl_bundle b = {
		.n_trees = 2, .blob = blob, .n_blobs = 1, .erased = gone, .n_erased = 1
	};
	struct sl_bundle back;
	struct sl_buf out = { .max = 1 << 16 };
	struct sl_arena a = { 0 };
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		assert_int_not_equal(
		    sl_bundle_decode(sl_slice_str(bad[i]), &a, &back, &err), 0);
		err = (struct sl_err){ 0 };
	}
	b.tree[0] = b.tree[1] = (struct sl_bundle_tree){ SL_LIT("o"), SL_LIT("c"), e, 2 };
	sl_bundle_encode(&b, &out);
	must(sl_bundle_decode(sl_buf_get(&out), &a, &back, &err), &err);
	assert_int_equal(back.tree[1].n, 2);
	assert_int_equal(back.n_erased, 1);
	for (size_t n = 0; n < out.len; n++) {
		assert_int_not_equal(
		    sl_bundle_decode((struct sl_slice){ at_edge(out.p, n), n }, &a, &back,
				     &err),
		    0);
		err = (struct sl_err){ 0 };
	}
	e[1].index = 0; /* the same entry twice */
	sl_buf_clear(&out);
	sl_bundle_encode(&b, &out);
	assert_int_equal(sl_bundle_decode(sl_buf_get(&out), &a, &back, &err),
			 SL_E(FORMAT));
	sl_buf_done(&out);
	sl_arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(good),
					cmocka_unit_test(each_bit),
					cmocka_unit_test(other_log),
					cmocka_unit_test(bundle_form) };

	return run_suite("transparent", t, SL_ARRAY_LEN(t));
}
