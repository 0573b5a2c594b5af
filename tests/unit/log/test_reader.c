/* test_reader.c -- what a reader gives out holds for a verifier that has only bytes. */
#include "t.h"

#include "base/hex.h"
#include "cose/checkpoint.h"
#include "cose/receipt.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "lognode.h"

static const uint8_t run_a[32] = { 0xab, 0xcd, 1 }, run_b[32] = { 0xab, 0xce, 2 };

/* A node with two runs: one sealed, one open; 3 + 40 + ... entries in its own tree. */
static void
make(struct dir *d)
{
	struct sl_err err = { 0 };
	struct sl_node n;
	struct sl_entry e[8];
	size_t k;
	struct sl_item a[] = {
		item_stmt(SL_TREE_NODE, NULL, "decision", "{\"run\":1}", false),
		item_stmt(SL_TREE_RUN, run_a, "context", "{}", false),
		item_stmt(SL_TREE_RUN, run_a, "outcome", "{\"secret\":1}", true),
		{ .what = SL_ITEM_BLOB, .bytes = SL_LIT("some text of a policy") },
		{ .what = SL_ITEM_SEAL, .digest = run_a },
	};
	struct sl_item b[] = {
		item_stmt(SL_TREE_RUN, run_b, "context", "{}", false),
		item_stmt(SL_TREE_RUN, run_b, "outcome", "{\"x\":2}", false),
	};

	*d = dir_make();
	must(sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err), &err);
	for (int i = 0; i < 8; i++)
		must(add_n(&n, 5, NULL, &err), &err);
	must(sl_store_idle(&n.st, &err), &err);
	must(sl_node_commit(&n, a, 5, e, &k, &err), &err);
	assert_int_equal(k, 4);
	must(sl_node_commit(&n, b, 2, e, &k, &err), &err);
	sl_node_done(&n);
}

static struct sl_reader *
open_at(const struct dir *d)
{
	struct sl_reader *r = NULL;
	struct sl_err err = { 0 };

	must(sl_reader_open(d->fd, &r, &err), &err);
	return r;
}

static void
count(void *arg, const struct sl_log_finding *f)
{
	print_message("# %s %llu tree %d index %llu: %s\n", f->file,
		      (unsigned long long)f->offset, (int)f->tree,
		      (unsigned long long)f->index, f->what);
	++*(int *)arg;
}

static void
clean(const struct dir *d)
{
	struct sl_log_report rep;
	struct sl_err err = { 0 };
	int n = 0;

	must(sl_log_check(d->fd, count, &n, &rep, &err), &err);
	assert_int_equal(n, 0);
	assert_int_equal(rep.n_findings, 0);
	assert_true(rep.n_signatures > rep.n_entries);
}

static void
trees(void **state)
{
	struct dir d;
	struct sl_reader *r;
	struct sl_log_head h;
	struct sl_log_tree t;
	struct sl_err err = { 0 };

	(void)state;
	make(&d);
	clean(&d);
	r = open_at(&d);
	sl_reader_head(r, &h);
	assert_int_equal(h.n_trees, 4);
	assert_int_equal(h.seq, 11);
	must(sl_reader_tree(r, 0, &t, &err), &err);
	assert_int_equal(t.kind, SL_TREE_PLATFORM);
	assert_int_equal(t.size, 2);
	must(sl_reader_tree(r, 1, &t, &err), &err);
	assert_int_equal(t.size, 3 + 40 + 1 + 1);
	must(sl_reader_tree(r, 2, &t, &err), &err);
	assert_false(t.is_open);
	assert_int_equal(t.size, 2);
	assert_memory_equal(t.run, run_a, 32);
	assert_non_null(strstr(t.origin, "/run/abcd01"));
	must(sl_reader_run(r, SL_LIT("abce"), &t, &err), &err);
	assert_true(t.is_open);
	assert_int_equal(t.id, 3);
	must(sl_reader_run(r, SL_LIT("abcd0"), &t, &err), &err);
	assert_int_equal(sl_reader_tree(r, 4, &t, &err), SL_E(NOENT));
	err.code = 0;
	assert_int_equal(sl_reader_run(r, SL_LIT("abc"), &t, &err), SL_E(FORMAT));
	err.code = 0;
	assert_int_equal(sl_reader_run(r, SL_LIT("ABCD"), &t, &err), SL_E(FORMAT));
	err.code = 0;
	assert_int_equal(sl_reader_run(r, SL_LIT("0000"), &t, &err), SL_E(NOENT));
	sl_reader_close(r);
	dir_done(&d);
}

static void
one_receipt(struct sl_reader *r, const struct sl_log_tree *t, uint64_t index)
{
	struct sl_buf st = { .max = 1 << 20 }, rc = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	struct sl_log_entry e, again;
	struct sl_sign1 s;
	struct sl_receipt p;
	struct sl_hash leaf, root;
	char hex[65];

	must(sl_reader_entry(r, t->id, index, &e, &err), &err);
	must(sl_reader_statement(r, &e, &st, &err), &err);
	must(sl_statement_parse(sl_buf_get(&st), 1 << 20, 0, &s, &err), &err);
	must(sl_reader_receipt(r, t->id, index, 0, &rc, &err), &err);
	must(sl_receipt_parse(sl_buf_get(&rc), 0, &p, &err), &err);
	must(sl_receipt_leaf(&s, SL_LEAF_CANONICAL, &leaf, &err), &err);
	must(sl_receipt_verify(&p, &leaf, t->key, &root, &err), &err);
	assert_memory_equal(root.b, t->root, 32);
	assert_true(sl_slice_eq(p.s.h.sub, sl_slice_str(t->origin)));
	sl_hex(hex, e.id, 32);
	must(sl_reader_find(r, sl_slice_str(hex), &again, &err), &err);
	assert_memory_equal(again.id, e.id, 32);
	leaf.b[0] ^= 1;
	assert_int_equal(sl_receipt_verify(&p, &leaf, t->key, &root, &err), SL_E(VERIFY));
	sl_buf_done(&st);
	sl_buf_done(&rc);
}

static void
receipts(void **state)
{
	struct dir d;
	struct sl_reader *r;
	struct sl_log_tree t;
	struct sl_err err = { 0 };

	(void)state;
	make(&d);
	r = open_at(&d);
	for (uint32_t id = 0; id < 4; id++) {
		must(sl_reader_tree(r, id, &t, &err), &err);
		for (uint64_t i = 0; i < t.size; i++)
			one_receipt(r, &t, i);
	}
	sl_reader_close(r);
	dir_done(&d);
}

static void
checkpoints(void **state)
{
	struct dir d;
	struct sl_reader *r;
	struct sl_log_tree t;
	struct sl_err err = { 0 };
	struct sl_buf b = { .max = 1 << 16 };
	struct sl_vkey key;
	struct sl_checkpoint c;
	struct sl_note note;
	struct sl_proof p;

	(void)state;
	make(&d);
	r = open_at(&d);
	must(sl_reader_tree(r, 1, &t, &err), &err);
	must(sl_vkey_make(sl_slice_str(t.origin), SL_VKEY_ED25519, t.key, &key, &err),
	     &err);
	must(sl_reader_checkpoint(r, 1, 0, &b, &err), &err);
	must(sl_checkpoint_open(sl_buf_get(&b), &key, &c, &note, &err), &err);
	assert_int_equal(c.size, t.size);
	assert_memory_equal(c.root.b, t.root, 32);
	sl_buf_clear(&b);
	must(sl_reader_checkpoint(r, 1, 8, &b, &err), &err);
	must(sl_checkpoint_open(sl_buf_get(&b), &key, &c, &note, &err), &err);
	assert_int_equal(c.size, 8);
	must(sl_reader_consistency(r, 1, 8, t.size, &p, &err), &err);
	memcpy(key.pub, t.root, 32);
	assert_int_equal(sl_reader_checkpoint(r, 1, 9, &b, &err), SL_E(NOENT));
	for (uint64_t i = 1; i <= t.size; i++)
		for (uint64_t j = i; j <= t.size; j++) {
			struct sl_hash r1, r2;

			err.code = 0;
			must(sl_reader_consistency(r, 1, i, j, &p, &err), &err);
			must(sl_reader_root(r, 1, i, &r1, &err), &err);
			must(sl_reader_root(r, 1, j, &r2, &err), &err);
			must(sl_proof_check_consistency(&p, i, j, &r1, &r2, &err), &err);
		}
	assert_int_equal(sl_reader_consistency(r, 1, 0, 5, &p, &err), SL_E(USAGE));
	err.code = 0;
	assert_int_equal(sl_reader_consistency(r, 1, 6, 5, &p, &err), SL_E(USAGE));
	err.code = 0;
	assert_int_equal(sl_reader_consistency(r, 1, 1, t.size + 1, &p, &err),
			 SL_E(NOENT));
	err.code = 0;
	assert_int_equal(sl_reader_receipt(r, 1, t.size, 0, &b, &err), SL_E(NOENT));
	sl_buf_done(&b);
	sl_reader_close(r);
	dir_done(&d);
}

/* Zeros a blob's bytes in the segment, as whoever can write it might. */
static void
zero(const struct dir *d, const char *text)
{
	static char seg[1 << 20];
	int log = openat(d->fd, "log/seg/000000.log", O_RDWR);
	ssize_t n = pread(log, seg, sizeof(seg), 0);
	char *p = memmem(seg, n, text, strlen(text));

	assert_non_null(p);
	memset(p, 0, strlen(text));
	assert_int_equal(pwrite(log, p, strlen(text), p - seg), strlen(text));
	close(log);
}

static void
erase(const struct dir *d, const uint8_t digest[32])
{
	struct sl_admin_done done;
	struct sl_err err = { 0 };
	struct sl_node n;

	must(sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err), &err);
	must(sl_node_erase(&n, digest, &done, &err), &err);
	assert_int_equal(done.n_copies, 1);
	/* once; and never what is not there */
	assert_int_equal(sl_node_erase(&n, digest, &done, &err), SL_E(NOENT));
	err.code = 0;
	assert_int_equal(sl_node_erase(&n, build_a, &done, &err), SL_E(NOENT));
	sl_node_done(&n);
}

/* Bytes that are gone without a statement that says so are damage. */
static void
zeroed(void **state)
{
	struct sl_log_report rep;
	struct sl_err err = { 0 };
	struct dir d;

	(void)state;
	make(&d);
	zero(&d, "{\"secret\":1}");
	must(sl_log_check(d.fd, NULL, NULL, &rep, &err), &err);
	assert_int_equal(rep.n_findings, 1);
	assert_int_equal(rep.n_erased, 1);
	dir_done(&d);
}

static void
blobs(void **state)
{
	struct dir d;
	struct sl_reader *r;
	struct sl_err err = { 0 };
	struct sl_buf b = { .max = 1 << 16 };
	uint8_t dg[32], pl[32];
	bool gone;

	(void)state;
	make(&d);
	sl_sha256(SL_LIT("some text of a policy"), dg);
	sl_sha256(SL_LIT("{\"secret\":1}"), pl);
	r = open_at(&d);
	must(sl_reader_blob(r, dg, &b, &gone, &err), &err);
	assert_true(sl_slice_eq(sl_buf_get(&b), SL_LIT("some text of a policy")));
	must(sl_reader_blob(r, pl, &b, &gone, &err), &err);
	erase(&d, pl);
	must(sl_reader_refresh(r, &err), &err);
	assert_int_equal(sl_reader_blob(r, pl, &b, &gone, &err), SL_E(NOENT));
	assert_true(gone);
	{ /* stated again: there again */
		struct sl_item it =
		    item_stmt(SL_TREE_NODE, NULL, "note", "{\"secret\":1}", true);
		struct sl_entry e;
		struct sl_node n;
		size_t k;

		err.code = 0;
		must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
		must(sl_node_commit(&n, &it, 1, &e, &k, &err), &err);
		must(sl_store_idle(&n.st, &err), &err);
		sl_node_done(&n);
		must(sl_reader_refresh(r, &err), &err);
		must(sl_reader_blob(r, pl, &b, &gone, &err), &err);
	}
	pl[0] ^= 1;
	err.code = 0;
	assert_int_equal(sl_reader_blob(r, pl, &b, &gone, &err), SL_E(NOENT));
	assert_false(gone);
	sl_reader_close(r);
	clean(&d);
	sl_buf_done(&b);
	dir_done(&d);
}

/* Without the derived files, with wrong ones, and with them made anew: the same. */
static void
derived(void **state)
{
	static const char junk[8192] = "SLIDX01";
	struct dir d;
	struct sl_node n;
	struct sl_reader *r;
	struct sl_log_tree t;
	struct sl_err err = { 0 };
	int fd;

	(void)state;
	make(&d);
	for (int i = 0; i < 3; i++) {
		if (i == 0) {
			assert_return_code(unlinkat(d.fd, "log/idx", 0), 0);
			assert_return_code(unlinkat(d.fd, "log/head", 0), 0);
		} else if (i == 1) {
			fd = openat(d.fd, "log/idx", O_WRONLY | O_TRUNC | O_CREAT, 0600);
			assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
			close(fd);
			fd = openat(d.fd, "log/head", O_WRONLY | O_TRUNC | O_CREAT, 0600);
			assert_int_equal(write(fd, junk, 200), 200);
			close(fd);
		} else {
			must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
			     &err);
			must(sl_store_rebuild(&n.st, NULL, &err), &err);
			assert_true(n.st.x.is_there);
			sl_node_done(&n);
		}
		r = open_at(&d);
		must(sl_reader_tree(r, 2, &t, &err), &err);
		one_receipt(r, &t, 1);
		must(sl_reader_tree(r, 1, &t, &err), &err);
		assert_int_equal(t.size, 45);
		one_receipt(r, &t, 17);
		sl_reader_close(r);
	}
	clean(&d);
	dir_done(&d);
}

static void
nothing_there(void **state)
{
	struct dir d = dir_make();
	struct sl_reader *r = NULL;
	struct sl_err err = { 0 };

	(void)state;
	assert_int_equal(sl_reader_open(d.fd, &r, &err), SL_E(NOENT));
	assert_null(r);
	dir_done(&d);
}

/* Large enough for derived hashes of two levels to matter. */
static void
large(void **state)
{
	struct dir d = dir_make();
	struct sl_node n;
	struct sl_reader *r;
	struct sl_log_tree t;
	struct sl_err err = { 0 };
	struct sl_proof p;
	static const uint8_t junk[64] = { 1, 2, 3 };
	int fd;

	(void)state;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	for (int i = 0; i < 10; i++)
		must(add_n(&n, 512, NULL, &err), &err);
	must(sl_store_idle(&n.st, &err), &err);
	must(add_n(&n, 3, NULL, &err), &err);
	sl_node_done(&n);
	assert_int_equal(faccessat(d.fd, "log/hash/00000001.1", F_OK, 0), 0);
	r = open_at(&d);
	must(sl_reader_tree(r, 1, &t, &err), &err);
	for (uint64_t i = 0; i < t.size; i += 97)
		one_receipt(r, &t, i);
	must(sl_reader_consistency(r, 1, 515, t.size, &p, &err), &err);
	/* wrong derived hashes cost time only */
	fd = openat(d.fd, "log/hash/00000001.1", O_WRONLY);
	assert_int_equal(pwrite(fd, junk, 64, 0), 64);
	close(fd);
	one_receipt(r, &t, 4000);
	must(sl_reader_consistency(r, 1, 515, t.size, &p, &err), &err);
	sl_reader_close(r);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(trees),         cmocka_unit_test(receipts),
		cmocka_unit_test(checkpoints),   cmocka_unit_test(blobs),
		cmocka_unit_test(zeroed),        cmocka_unit_test(derived),
		cmocka_unit_test(nothing_there), cmocka_unit_test(large),
	};

	return run_suite("reader", t, SL_ARRAY_LEN(t));
}
