/* log_flip.c -- every byte of a small log, one bit flipped: found, and where it is. */
#include "t.h"

#include "faultlog.h"

struct first {
	uint64_t n, offset;
	uint32_t tree;
};

static void
note(void *arg, const struct sl_log_finding *f)
{
	struct first *w = arg;

	if (w->n++ == 0 && strcmp(f->file, "seg/000000.log") == 0) {
		w->offset = f->offset;
		w->tree = f->tree;
	}
}

static void
flips(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	static struct acked a;
	struct sl_node n;
	struct sl_seg g;
	struct sl_rec rec = { 0 };
	uint64_t end;
	size_t checked = 0;
	int fd;

	(void)state;
	a.n = 0;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(step(&n, 1, &a, &err), &err);
	end = n.st.st.end;
	sl_seg_init(&g, n.st.seg_fd);
	fd = openat(d.fd, "log/seg/000000.log", O_RDWR);
	for (uint64_t i = 0; i < end + 256; i++) {
		struct sl_log_report rep;
		struct first w = { 0 };
		uint8_t c, x;

		if (i >= rec.end && i < end)
			assert_int_equal(sl_seg_read(&g, i, NULL, &rec, &err), 1);
		assert_int_equal(pread(fd, &c, 1, i), 1);
		x = c ^ 1u << (i * 5 % 8);
		assert_int_equal(pwrite(fd, &x, 1, i), 1);
		must(sl_log_check(d.fd, note, &w, &rep, &err), &err);
		/* behind the end: within the header that would be there */
		if (rep.n_findings == 0 ||
		    (i < end ? w.offset != rec.off : w.offset > i || i - w.offset >= 80))
			fail_msg("byte %llu of the record at %llu: %llu findings, first "
				 "at %llu",
				 (unsigned long long)i, (unsigned long long)rec.off,
				 (unsigned long long)rep.n_findings,
				 (unsigned long long)w.offset);
		assert_int_equal(pwrite(fd, &c, 1, i), 1);
		checked++;
	}
	print_message("# %zu bytes, each found\n", checked);
	close(fd);
	sl_seg_done(&g);
	sl_node_done(&n);
	check_clean(&d);
	dir_done(&d);
}

/* Whether the i-th acknowledged entry has a receipt that verifies, as the store is. */
static bool
has_receipt(struct sl_reader *r, const struct acked *a, size_t i)
{
	struct sl_buf rc = { .max = 1 << 20 };
	struct sl_hash leaf, root;
	struct sl_err err = { 0 };
	struct sl_receipt p;
	uint8_t pub[32];
	bool ok = sl_reader_receipt(r, a->tree[i], a->e[i].index, 0, &rc, &err) == 0;

	if (ok) {
		must(sl_receipt_parse(sl_buf_get(&rc), 0, &p, &err), &err);
		assert_true(sl_didkey_parse(p.s.h.iss, pub));
		sl_merkle_leaf((struct sl_slice){ a->e[i].id, 32 }, &leaf);
		must(sl_receipt_verify(&p, &leaf, pub, &root, &err), &err);
	}
	sl_buf_done(&rc);
	return ok;
}

static bool
has_statement(struct sl_reader *r, const struct acked *a, size_t i)
{
	struct sl_buf b = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	struct sl_log_entry e;
	bool ok = sl_reader_entry(r, a->tree[i], a->e[i].index, &e, &err) == 0 &&
		  sl_reader_statement(r, &e, &b, &err) == 0;

	sl_buf_done(&b);
	return ok;
}

/* A bit flipped in a body: every entry has its receipt, and every statement but that one
 * can be read.  In a header: the other trees have theirs. */
static void
others_hold(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	static struct acked a;
	struct sl_node n;
	struct sl_seg g;
	struct sl_rec rec = { 0 };
	size_t n_bodies = 0, n_headers = 0;
	uint64_t last;
	int fd;

	(void)state;
	a.n = 0;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(step(&n, 0, &a, &err), &err);
	must(step(&n, 1, &a, &err), &err);
	must(step(&n, 4, &a, &err), &err);
	last = n.st.st.off;
	sl_seg_init(&g, n.st.seg_fd);
	fd = openat(d.fd, "log/seg/000000.log", O_RDWR);
	for (uint64_t i = 0; i < last; i += 5) {
		struct sl_reader *r = NULL;
		bool is_body;
		uint8_t c, x;

		while (i >= rec.end)
			assert_int_equal(sl_seg_read(&g, rec.end, NULL, &rec, &err), 1);
		is_body = i - rec.off >= SL_REC_HDR;
		if (rec.type != SL_REC_ENTRY && !(rec.type == SL_REC_BLOB && is_body))
			continue;
		assert_int_equal(pread(fd, &c, 1, i), 1);
		x = c ^ 1u << (i % 8);
		assert_int_equal(pwrite(fd, &x, 1, i), 1);
		must(sl_reader_open(d.fd, &r, &err), &err);
		for (size_t k = 0; k < a.n; k++) {
			bool is_it = rec.type == SL_REC_ENTRY && rec.tree == a.tree[k] &&
				     rec.index == a.e[k].index;

			if (is_body || rec.tree != a.tree[k])
				assert_true(has_receipt(r, &a, k));
			assert_int_equal(has_statement(r, &a, k), !is_it);
		}
		sl_reader_close(r);
		assert_int_equal(pwrite(fd, &c, 1, i), 1);
		n_bodies += is_body;
		n_headers += !is_body;
	}
	print_message("# %zu bytes of bodies, %zu of headers\n", n_bodies, n_headers);
	assert_true(n_bodies > 200 && n_headers > 50);
	close(fd);
	sl_seg_done(&g);
	sl_node_done(&n);
	check_clean(&d);
	dir_done(&d);
}

/* Damage to what was acknowledged stops a writer; it is not cut off as a torn tail. */
static void
writer_refuses(void **state)
{
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	static struct acked a;
	struct sl_node n;
	struct sl_reader *r = NULL;
	uint64_t off, end;
	uint8_t c;
	int fd;

	(void)state;
	a.n = 0;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(step(&n, 1, &a, &err), &err);
	off = n.st.st.off;
	end = n.st.st.end;
	sl_node_done(&n);
	fd = openat(d.fd, "log/seg/000000.log", O_RDWR);
	for (uint64_t i = off; i < end; i += 7) {
		assert_int_equal(pread(fd, &c, 1, i), 1);
		c ^= 0x10;
		assert_int_equal(pwrite(fd, &c, 1, i), 1);
		err.code = 0;
		assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
				 SL_E(STORE));
		err.code = 0;
		assert_int_equal(sl_reader_open(d.fd, &r, &err), SL_E(STORE));
		c ^= 0x10;
		assert_int_equal(pwrite(fd, &c, 1, i), 1);
	}
	/* cut short, as a roll-back does */
	assert_return_code(ftruncate(fd, (off_t)off), 0);
	err.code = 0;
	assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
			 SL_E(STORE));
	close(fd);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(flips),
					cmocka_unit_test(others_hold),
					cmocka_unit_test(writer_refuses) };

	return run_suite("log_flip", t, SL_ARRAY_LEN(t));
}
