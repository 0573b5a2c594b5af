/* log_fail.c -- the n-th call that changes the disk fails, for every n. */
#include "t.h"

#include "faultio.h"
#include "faultlog.h"

/* false: nothing failed, so n is beyond the last call. */
static bool
one(unsigned long n, enum fault mode)
{
	struct dir d = dir_make();
	struct faultio f = { .fail_at = n, .mode = mode };
	struct sl_store_io io = faultio_table(&f);
	struct sl_err err = { 0 };
	static struct acked a;
	struct sl_node node;
	int r = sl_node_open(&node, d.fd, &io, build_a, &err);

	a.n = 0;
	if (r == 0) {
		for (int i = 0; i < 5 && r == 0; i++)
			r = step(&node, i, &a, &err);
		if (r < 0) { /* for good: no later batch may pass */
			struct sl_err again = { 0 };

			assert_int_equal(step(&node, 4, &a, &again), SL_E(STORE));
		}
		sl_node_done(&node);
	}
	assert_int_equal(r < 0, f.has_failed);
	if (r < 0 && err.code != SL_E(SYS))
		fail_msg("call %lu: %s", n, err.msg);
	check_reopen(&d, &a);
	dir_done(&d);
	return f.has_failed;
}

static void
each(enum fault mode)
{
	unsigned long n = 1;

	while (one(n, mode))
		n++;
	print_message("# %lu calls failed in turn\n", n - 1);
	assert_true(n > 40);
}

static void
eio(void **state)
{
	(void)state;
	each(FAULT_EIO);
}

static void
enospc(void **state)
{
	(void)state;
	each(FAULT_ENOSPC);
}

static void
short_write(void **state)
{
	(void)state;
	each(FAULT_SHORT);
}

static void
done_but_reported_failed(void **state)
{
	(void)state;
	each(FAULT_LIE);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(eio),
		cmocka_unit_test(enospc),
		cmocka_unit_test(short_write),
		cmocka_unit_test(done_but_reported_failed),
	};

	return run_suite("log_fail", t, SL_ARRAY_LEN(t));
}
