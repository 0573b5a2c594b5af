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
					cmocka_unit_test(writer_refuses) };

	return run_suite("log_flip", t, SL_ARRAY_LEN(t));
}
