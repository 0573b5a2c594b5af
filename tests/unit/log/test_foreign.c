/* test_foreign.c -- statements of others: each once, receipts of a batch as the log gives
 * them, and nothing under another policy than the one that was asked. */
#include "t.h"

#include "log/fresh.h"
#include "log/reader.h"

#include "cose/statement.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "logdir.h"

#include <stdio.h>

static const uint8_t build[32] = { 7 };

static void
must(int r, const struct sl_err *err)
{
	if (r != 0)
		fail_msg("%s: %s", sl_code_id(r), err->msg);
}

static struct sl_recorder *
start(struct dir *d)
{
	struct sl_recorder_opts o = { .home_fd = d->fd, .home = d->path, .build = build };
	struct sl_recorder *r = NULL;
	struct sl_err err = { 0 };

	must(sl_crypto_init(&err), &err);
	must(sl_recorder_start(&o, &r, &err), &err);
	return r;
}

static void
statement(unsigned n, struct sl_buf *out)
{
	uint8_t seed[32] = { 9 }, kid[32];
	char did[SL_DIDKEY_MAX], payload[32];
	struct sl_err err = { 0 };
	struct sl_signer k;
	struct sl_sign1_opts o = { .sub = SL_LIT("x"),
				   .content_type = SL_LIT("text/plain") };

	sl_signer_from_seed(&k, seed);
	sl_didkey(k.pub, did);
	sl_key_thumb(k.pub, kid);
	(void)snprintf(payload, sizeof(payload), "%u", n);
	o.kid = (struct sl_slice){ kid, 32 };
	o.iss = sl_slice_str(did);
	o.payload = sl_slice_str(payload);
	sl_buf_init(out, 4096);
	must(sl_sign1_build(&o, &k, out, &err), &err);
}

/* The receipts of one batch of n, of which the first is in the log already where asked,
 * equal those that a reader makes. */
static void
batch(struct dir *d, struct sl_recorder *r, unsigned from, unsigned n)
{
	static struct sl_entry e[600];
	static uint8_t ids[600][32];
	const struct sl_batch_root *root;
	struct sl_err err = { 0 };
	struct sl_reader *rd;
	struct sl_log_tree t;
	struct sl_fresh f;
	size_t got = 0, k = 0;

	for (unsigned i = 0; i < n; i++) {
		struct sl_buf b;

		statement(from + i, &b);
		must(sl_recorder_foreign(r, sl_buf_get(&b), &err), &err);
		sl_buf_done(&b);
	}
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 600, &got, &err), &err);
	assert_int_equal(got, n);
	root = sl_recorder_root(r);
	assert_non_null(root);
	for (size_t i = 0; i < got; i++)
		if (e[i].index == root->base.size + k)
			memcpy(ids[k++], e[i].id, 32);
	assert_int_equal(k, root->size - root->base.size);
	must(sl_reader_open(d->fd, &rd, &err), &err);
	must(sl_reader_tree(rd, 1, &t, &err), &err);
	must(sl_fresh_init(&f, root, t.origin, (const uint8_t(*)[32])ids, &err), &err);
	for (uint64_t i = root->base.size; i < root->size; i++) {
		struct sl_buf a, b;

		sl_buf_init(&a, 1 << 16);
		sl_buf_init(&b, 1 << 16);
		must(sl_fresh_receipt(&f, i, &a, &err), &err);
		must(sl_reader_receipt(rd, 1, i, 0, &b, &err), &err);
		assert_true(sl_slice_eq(sl_buf_get(&a), sl_buf_get(&b)));
		sl_buf_done(&a);
		sl_buf_done(&b);
	}
	if (root->size > root->base.size) {
		struct sl_buf a;

		sl_buf_init(&a, 1 << 16);
		assert_int_equal(sl_fresh_receipt(&f, root->base.size - 1, &a, &err),
				 SL_E(NOENT));
		sl_buf_done(&a);
	}
	sl_fresh_done(&f);
	sl_reader_close(rd);
}

static void
receipts_of_a_batch(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	unsigned at = 0;

	(void)state;
	for (unsigned n = 1; n < 40; at += n, n++)
		batch(&d, r, at, n);
	batch(&d, r, at, 513);
	sl_recorder_stop(r);
	dir_done(&d);
}

static void
each_once(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_entry e[3];
	struct sl_err err = { 0 };
	struct sl_node_info i;
	uint64_t size;
	size_t n = 0;
	struct sl_buf b;

	(void)state;
	statement(1, &b);
	for (int k = 0; k < 3; k++)
		must(sl_recorder_foreign(r, sl_buf_get(&b), &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 3, &n, &err), &err);
	assert_int_equal(n, 3);
	assert_int_equal(e[0].index, e[1].index);
	assert_int_equal(e[0].index, e[2].index);
	size = e[0].size;
	sl_recorder_stop(r);
	r = start(&d); /* another process finds it in the log */
	must(sl_recorder_foreign(r, sl_buf_get(&b), &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e + 1, 1, &n, &err), &err);
	assert_int_equal(e[1].index, e[0].index);
	must(sl_recorder_again(r, &i, &err), &err);
	assert_int_equal(i.node_size, size);
	sl_buf_done(&b);
	sl_recorder_stop(r);
	dir_done(&d);
}

static void
under_another_policy(void **state)
{
	static const uint8_t other[32] = { 1 }, none[32];
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_err err = { 0 };
	struct sl_node_info was, is;
	struct sl_entry e[2];
	struct sl_buf b;
	size_t n = 0;

	(void)state;
	statement(1, &b);
	must(sl_recorder_info(r, &was, &err), &err);
	must(sl_recorder_under(r, other, &err), &err);
	must(sl_recorder_foreign(r, sl_buf_get(&b), &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	assert_int_equal(sl_recorder_wait(r, e, 2, &n, &err), SL_E(DENIED));
	err = (struct sl_err){ 0 };
	must(sl_recorder_again(r, &is, &err), &err);
	assert_int_equal(is.node_size, was.node_size);
	must(sl_recorder_under(r, none, &err), &err);
	must(sl_recorder_foreign(r, sl_buf_get(&b), &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 2, &n, &err), &err);
	assert_int_equal(n, 1);
	sl_buf_done(&b);
	sl_recorder_stop(r);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receipts_of_a_batch),
		cmocka_unit_test(each_once),
		cmocka_unit_test(under_another_policy),
	};

	return run_suite("foreign", tests, SL_ARRAY_LEN(tests));
}
