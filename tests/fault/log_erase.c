/* log_erase.c -- an erasure that is cut off anywhere: bytes are never gone without a
 * tombstone, and doing it again ends it. */
#include "t.h"

#include "faultio.h"
#include "faultlog.h"

#include "crypto/sha256.h"

static const char text[] = "{\"o\":1}"; /* of step(): a run's outcomes */

static bool
has_text(const struct dir *d)
{
	static char seg[1 << 20];
	int fd = openat(d->fd, "log/seg/000000.log", O_RDONLY);
	ssize_t n = pread(fd, seg, sizeof(seg), 0);

	close(fd);
	return memmem(seg, n, text, strlen(text)) != NULL;
}

static bool
one(unsigned long at, enum fault mode)
{
	struct dir d = dir_make();
	struct faultio f = { .mode = mode };
	struct sl_store_io io = faultio_table(&f);
	struct sl_admin_done done;
	struct sl_log_report rep;
	struct sl_err err = { 0 };
	static struct acked a;
	uint8_t digest[32];
	struct sl_node n;
	int r;

	a.n = 0;
	sl_sha256(sl_slice_str(text), digest);
	must(sl_node_open(&n, d.fd, &io, build_a, &err), &err);
	must(step(&n, 0, &a, &err), &err);
	must(step(&n, 1, &a, &err), &err);
	assert_true(has_text(&d));
	f.n = 0;
	f.fail_at = at;
	r = sl_node_erase(&n, digest, &done, &err);
	f.fail_at = 0;
	assert_int_equal(r < 0, f.has_failed);
	sl_node_done(&n);
	if (r == 0)
		assert_false(has_text(&d));
	/* whatever happened: what is gone has its tombstone */
	err.code = 0;
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(sl_log_check(d.fd, show, NULL, &rep, &err), &err);
	/* half gone is found, and said to be so */
	assert_int_equal(rep.n_findings, !has_text(&d) && rep.n_erased == 0);
	r = sl_node_erase(&n, digest, &done, &err);
	if (r != SL_E(NOENT))
		must(r, &err);
	err.code = 0;
	assert_false(has_text(&d));
	/* stated again it is there again, until it is erased again */
	must(step(&n, 2, &a, &err), &err);
	assert_true(has_text(&d));
	must(sl_node_erase(&n, digest, &done, &err), &err);
	assert_int_equal(done.n_copies, 2);
	assert_false(has_text(&d));
	sl_node_done(&n);
	check_reopen(&d, &a);
	dir_done(&d);
	return f.has_failed;
}

static void
each_fails(void **state)
{
	(void)state;
	for (int mode = 0; mode < FAULT_MODES; mode++) {
		unsigned long n = 1;

		while (one(n, (enum fault)mode))
			n++;
		print_message("# %lu calls failed in turn\n", n - 1);
		assert_true(n > 6);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(each_fails) };

	return run_suite("log_erase", t, SL_ARRAY_LEN(t));
}
