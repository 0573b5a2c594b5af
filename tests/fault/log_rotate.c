/* log_rotate.c -- another identity, cut off at every step: the node has its old identity
 * or its new one, never none; what it signed before and after holds. */
#include "t.h"

#include "faultio.h"
#include "faultlog.h"

#include <sys/wait.h>
#include <unistd.h>

static int
identity_of(const struct dir *d, uint8_t ret[32])
{
	struct sl_err err = { 0 };
	struct sl_node n;
	int r = sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err);

	must(r, &err);
	memcpy(ret, n.k.identity.s.pub, 32);
	/* the log and the keys agree on who it is */
	assert_true(sl_own_is_certified(&n.st.st, n.k.working.s.pub));
	sl_node_done(&n);
	return 0;
}

/* A node with something in it, whose first identity goes to before. */
static void
prepare(const struct dir *d, uint8_t before[32], struct acked *a)
{
	struct sl_err err = { 0 };
	struct sl_node n;

	a->n = 0;
	must(sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err), &err);
	must(step(&n, 0, a, &err), &err);
	must(step(&n, 1, a, &err), &err);
	memcpy(before, n.k.identity.s.pub, 32);
	sl_node_done(&n);
}

/* The next rotation works whatever the last one left behind. */
static void
judge(const struct dir *d, const uint8_t before[32], const struct acked *a, bool must_new)
{
	struct sl_admin_done done;
	uint8_t now[32], again[32];
	struct sl_err err = { 0 };
	struct sl_node n;

	identity_of(d, now);
	if (must_new)
		assert_memory_not_equal(now, before, 32);
	check_reopen(d, a);
	identity_of(d, again);
	assert_memory_equal(now, again, 32);
	must(sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err), &err);
	must(sl_node_rotate(&n, &done, &err), &err);
	assert_false(done.is_announced);
	assert_memory_not_equal(n.k.identity.s.pub, now, 32);
	must(add_n(&n, 2, NULL, &err), &err);
	sl_node_done(&n);
	check_reopen(d, a);
}

static bool
one(unsigned long at, enum fault mode)
{
	struct dir d = dir_make();
	struct faultio f = { .mode = mode };
	struct sl_store_io io = faultio_table(&f);
	struct sl_admin_done done;
	struct sl_err err = { 0 };
	static struct acked a;
	uint8_t before[32];
	struct sl_node n;
	int r;

	prepare(&d, before, &a);
	must(sl_node_open(&n, d.fd, &io, build_a, &err), &err);
	f.n = 0;
	f.fail_at = at;
	r = sl_node_rotate(&n, &done, &err);
	f.fail_at = 0;
	assert_int_equal(r < 0, f.has_failed);
	sl_node_done(&n);
	judge(&d, before, &a, r == 0);
	dir_done(&d);
	return f.has_failed;
}

static void
each_fails(void **state)
{
	(void)state;
	for (int mode = 0; mode < FAULT_MODES; mode++) {
		unsigned long k = 1;

		while (one(k, (enum fault)mode))
			k++;
		print_message("# %lu calls failed in turn\n", k - 1);
		assert_true(k > 12);
	}
}

/* The process is gone at call n, which happens or not. */
struct killer {
	struct faultio f;
	bool after;
};

static void
maybe_die(void *ctx, bool after)
{
	struct killer *k = ctx;

	if (k->after == after && k->f.n == k->f.fail_at)
		_exit(9);
}

static int
k_openat(void *c, int dir, const char *name, int flags, mode_t mode)
{
	int r;

	((struct killer *)c)->f.n++;
	maybe_die(c, false);
	r = sl_store_io_sys()->openat(NULL, dir, name, flags, mode);
	maybe_die(c, true);
	return r;
}

static int
k_renameat(void *c, int dir, const char *from, const char *to)
{
	int r;

	((struct killer *)c)->f.n++;
	maybe_die(c, false);
	r = sl_store_io_sys()->renameat(NULL, dir, from, to);
	maybe_die(c, true);
	return r;
}

static ssize_t
k_pwritev(void *c, int fd, const struct iovec *v, int n, off_t off)
{
	ssize_t r;

	((struct killer *)c)->f.n++;
	maybe_die(c, false);
	r = sl_store_io_sys()->pwritev(NULL, fd, v, n, off);
	maybe_die(c, true);
	return r;
}

static bool
killed(unsigned long at, bool after)
{
	struct dir d = dir_make();
	static struct acked a;
	uint8_t before[32];
	pid_t pid;
	int st;

	prepare(&d, before, &a);
	if ((pid = fork()) == 0) {
		struct killer k = { .after = after };
		struct sl_store_io io = *sl_store_io_sys();
		struct sl_admin_done done;
		struct sl_err err = { 0 };
		struct sl_node n;

		io.ctx = &k;
		io.openat = k_openat;
		io.renameat = k_renameat;
		io.pwritev = k_pwritev;
		if (sl_node_open(&n, d.fd, &io, build_a, &err) < 0)
			_exit(3);
		k.f.n = 0;
		k.f.fail_at = at;
		_exit(sl_node_rotate(&n, &done, &err) < 0 ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st) && (WEXITSTATUS(st) == 0 || WEXITSTATUS(st) == 9));
	judge(&d, before, &a, WEXITSTATUS(st) == 0);
	dir_done(&d);
	return WEXITSTATUS(st) == 9;
}

static void
each_kills(void **state)
{
	unsigned long n = 1;

	(void)state;
	while (killed(n, n % 2) && killed(n, n % 2 == 0))
		n++;
	print_message("# killed at %lu calls, before and after\n", n - 1);
	assert_true(n > 8);
}

/* Another process has a run open, and goes on after the rotation. */
static void
others_go_on(void **state)
{
	struct dir d = dir_make();
	struct sl_admin_done done;
	struct sl_err err = { 0 };
	struct sl_node run, admin;
	static struct acked a;

	(void)state;
	a.n = 0;
	must(sl_node_open(&run, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(step(&run, 0, &a, &err), &err);
	must(step(&run, 1, &a, &err), &err); /* the run's tree is open */
	must(sl_node_open(&admin, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(sl_node_rotate(&admin, &done, &err), &err);
	must(sl_node_rotate(&admin, &done, &err), &err);
	sl_node_done(&admin);
	must(step(&run, 2, &a, &err), &err);
	/* also where the run's key is no longer in memory */
	for (uint8_t i = 0; i < SL_NODE_RUNS + 1; i++)
		(void)sl_node_run_key(&run, (const uint8_t[32]){ 0x77, i });
	must(step(&run, 3, &a, &err), &err); /* and sealed */
	must(step(&run, 4, &a, &err), &err);
	sl_node_done(&run);
	check_reopen(&d, &a);
	dir_done(&d);
}

static void
refused(void **state)
{
	struct dir d = dir_make();
	struct sl_admin_done done;
	struct sl_err err = { 0 };
	static struct acked a;
	uint8_t before[32], seed[32] = { 1 };
	struct sl_node n, other;
	int fd;

	(void)state;
	prepare(&d, before, &a);
	/* the announced key is elsewhere, or is another */
	assert_return_code(renameat(d.fd, "keys/next", d.fd, "away"), 0);
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	assert_int_equal(sl_node_rotate(&n, &done, &err), SL_E(NOENT));
	err.code = 0;
	fd = openat(d.fd, "keys/next", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, seed, 32), 32);
	close(fd);
	assert_int_equal(sl_node_rotate(&n, &done, &err), SL_E(STORE));
	err.code = 0;
	must(add_n(&n, 1, NULL, &err), &err); /* the node goes on */
	assert_return_code(renameat(d.fd, "away", d.fd, "keys/next"), 0);

	/* a working key: of another build, once; never one's own, never a stranger's */
	must(sl_node_open(&other, d.fd, sl_store_io_sys(), build_b, &err), &err);
	assert_int_equal(sl_node_retire(&n, n.k.working.s.pub, &done, &err), SL_E(USAGE));
	err.code = 0;
	assert_int_equal(sl_node_retire(&n, before, &done, &err), SL_E(USAGE));
	err.code = 0;
	must(sl_node_retire(&n, other.k.working.s.pub, &done, &err), &err);
	assert_int_equal(sl_node_retire(&n, other.k.working.s.pub, &done, &err),
			 SL_E(USAGE));
	err.code = 0;
	/* the other build signs nothing more, neither as it runs nor started again */
	assert_int_equal(add_n(&other, 1, NULL, &err), SL_E(ENV));
	err.code = 0;
	sl_node_done(&other);
	assert_int_equal(sl_node_open(&other, d.fd, sl_store_io_sys(), build_b, &err),
			 SL_E(ENV));
	err.code = 0;
	check_clean(&d);
	/* a new identity has new working keys for all builds */
	must(sl_node_rotate(&n, &done, &err), &err);
	sl_node_done(&n);
	must(sl_node_open(&other, d.fd, sl_store_io_sys(), build_b, &err), &err);
	must(add_n(&other, 1, NULL, &err), &err);
	sl_node_done(&other);
	check_reopen(&d, &a);
	dir_done(&d);
}

/* Keys of before a rotation, brought back from a copy, are not taken. */
static void
old_keys(void **state)
{
	struct dir d = dir_make();
	struct sl_admin_done done;
	struct sl_err err = { 0 };
	static struct acked a;
	uint8_t before[32], seed[32];
	struct sl_node n;
	int fd;

	(void)state;
	prepare(&d, before, &a);
	fd = openat(d.fd, "keys/identity", O_RDONLY);
	assert_int_equal(read(fd, seed, 32), 32);
	close(fd);
	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(sl_node_rotate(&n, &done, &err), &err);
	sl_node_done(&n);
	fd = openat(d.fd, "keys/identity", O_WRONLY);
	assert_int_equal(write(fd, seed, 32), 32);
	close(fd);
	assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err),
			 SL_E(STORE));
	err.code = 0;
	assert_int_equal(sl_node_open(&n, d.fd, sl_store_io_sys(), build_b, &err),
			 SL_E(STORE));
	check_clean(&d);
	dir_done(&d);
}

/* A store whose first identity announced nothing: the first rotation does only that. */
static void
not_announced(void **state)
{
	struct dir d = dir_make();
	struct sl_admin_done done;
	struct sl_err err = { 0 };
	static struct acked a;
	uint8_t before[32];
	struct sl_node n = { .home_fd = d.fd, .io = sl_store_io_sys() };

	(void)state;
	a.n = 0;
	memcpy(n.build, build_a, 32);
	must(sl_crypto_init(&err), &err);
	must(sl_store_open(&n.st, d.fd, n.io, &err), &err);
	must(sl_store_begin(&n.st, &err), &err);
	must(sl_node_keys_load(&n.k, d.fd, n.io, true, build_a, NULL, &err), &err);
	n.k.has_next = false;
	memcpy(n.did, n.k.identity.did, sizeof(n.did));
	must(sl_own_ensure(&n, &err), &err);
	must(sl_keys_mark_begun(d.fd, n.io, &err), &err);
	memcpy(before, n.k.identity.s.pub, 32);
	sl_node_done(&n);
	assert_return_code(unlinkat(d.fd, "keys/next", 0), 0);
	check_clean(&d);

	must(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a, &err), &err);
	must(step(&n, 0, &a, &err), &err);
	must(sl_node_rotate(&n, &done, &err), &err);
	assert_true(done.is_announced);
	assert_memory_equal(n.k.identity.s.pub, before, 32);
	check_clean(&d);
	must(sl_node_rotate(&n, &done, &err), &err);
	assert_false(done.is_announced);
	assert_memory_not_equal(n.k.identity.s.pub, before, 32);
	sl_node_done(&n);
	check_reopen(&d, &a);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(each_fails),   cmocka_unit_test(each_kills),
		cmocka_unit_test(others_go_on), cmocka_unit_test(refused),
		cmocka_unit_test(old_keys),     cmocka_unit_test(not_announced),
	};

	return run_suite("log_rotate", t, SL_ARRAY_LEN(t));
}
