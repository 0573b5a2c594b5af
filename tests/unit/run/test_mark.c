/* test_mark.c -- run/mark: who holds a run, and what a crash leaves of that. */
#include "t.h"

#include "base/hex.h"
#include "run/mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct place {
	char path[64];
	struct sl_home home;
	uint8_t run[32];
};

static int
set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct sl_err err = { 0 };

	assert_non_null(p);
	(void)snprintf(p->path, sizeof(p->path), "/tmp/sl-mark.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	assert_int_equal(sl_home_open(p->path, &p->home, &err), 0);
	memset(p->run, 0xab, 32);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const dirs[] = { "runs/open", "runs",   "log",
					    "cas",       "policy", "cache" };
	struct place *p = *state;
	char hex[65], name[96];

	sl_hex(hex, p->run, 32);
	(void)snprintf(name, sizeof(name), "runs/open/%s", hex);
	(void)unlinkat(p->home.fd, name, 0);
	(void)unlinkat(p->home.fd, "runs/spare", 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(dirs); i++)
		(void)unlinkat(p->home.fd, dirs[i], AT_REMOVEDIR);
	assert_int_equal(rmdir(p->path), 0); /* and so nothing else was left */
	sl_home_done(&p->home);
	free(p);
	return 0;
}

static int
count(void *arg, const uint8_t run[32], struct sl_err *err)
{
	(void)err;
	assert_int_equal(run[0], 0xab);
	++*(int *)arg;
	return 0;
}

static int
refuse(void *arg, const uint8_t run[32], struct sl_err *err)
{
	(void)arg;
	(void)run;
	return SL_ERR(err, STORE, "no");
}

static void
stale_is(struct place *p, int want)
{
	struct sl_err err = { 0 };
	int n = 0;

	assert_int_equal(sl_mark_stale(&p->home, count, &n, &err), 0);
	assert_int_equal(n, want);
}

static void
test_life(void **state)
{
	struct place *p = *state;
	struct sl_mark m = { .fd = -1 };
	struct sl_err err = { 0 };

	assert_false(sl_mark_is_live(&p->home, p->run));
	assert_int_equal(sl_mark_pid(&p->home, p->run), 0);
	assert_int_equal(sl_mark_set(&p->home, p->run, &m, &err), 0);
	assert_true(sl_mark_is_live(&p->home, p->run));
	assert_int_equal(sl_mark_pid(&p->home, p->run), getpid());
	stale_is(p, 0);
	sl_mark_clear(&p->home, &m);
	assert_false(sl_mark_is_live(&p->home, p->run));
	sl_mark_clear(&p->home, &m); /* twice is once */
	stale_is(p, 0);
}

static void
test_left(void **state)
{
	struct place *p = *state;
	struct sl_err err = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		struct sl_mark m = { .fd = -1 };

		_exit(sl_mark_set(&p->home, p->run, &m, &err) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(sl_mark_is_live(&p->home, p->run));
	assert_int_equal(sl_mark_pid(&p->home, p->run), 0);
	/* What cannot be closed stays for the next start. */
	assert_int_equal(sl_mark_stale(&p->home, refuse, NULL, &err), SL_E(STORE));
	stale_is(p, 1);
	stale_is(p, 0);
}

/* The file of a run that is over serves the next, and never two at once. */
static void
test_spare(void **state)
{
	struct place *p = *state;
	struct sl_mark m = { .fd = -1 }, other = { .fd = -1 };
	uint8_t run[32] = { 1 };
	struct sl_err err = { 0 };
	struct stat first, st;

	assert_int_equal(sl_mark_set(&p->home, p->run, &m, &err), 0);
	assert_int_equal(fstat(m.fd, &first), 0);
	sl_mark_clear(&p->home, &m);
	stale_is(p, 0);
	assert_int_equal(sl_mark_set(&p->home, p->run, &m, &err), 0);
	assert_int_equal(fstat(m.fd, &st), 0);
	assert_int_equal(st.st_ino, first.st_ino);
	assert_int_equal(sl_mark_pid(&p->home, p->run), getpid());
	assert_int_equal(sl_mark_set(&p->home, run, &other, &err), 0);
	assert_int_equal(fstat(other.fd, &st), 0);
	assert_int_not_equal(st.st_ino, first.st_ino);
	stale_is(p, 0);
	sl_mark_clear(&p->home, &m);
	sl_mark_clear(&p->home, &other);
	assert_false(sl_mark_is_live(&p->home, p->run));
	assert_false(sl_mark_is_live(&p->home, run));
	/* One that is held by somebody about to name it is left to them. */
	m.fd = openat(p->home.fd, "runs/spare", O_RDWR);
	assert_return_code(m.fd, 0);
	assert_int_equal(flock(m.fd, LOCK_EX), 0);
	assert_int_equal(sl_mark_set(&p->home, run, &other, &err), 0);
	assert_int_equal(fstat(other.fd, &st), 0);
	assert_int_not_equal(st.st_ino, first.st_ino);
	sl_mark_clear(&p->home, &other);
	(void)close(m.fd);
}

/* One in the making, or whose maker died in it: never taken for a run. */
static void
test_unnamed(void **state)
{
	const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	struct place *p = *state;
	int fd = openat(p->home.fd, "runs/open/new.77", O_CREAT | O_WRONLY, 0600);

	assert_return_code(fd, 0);
	(void)close(fd);
	stale_is(p, 0);
	assert_return_code(faccessat(p->home.fd, "runs/open/new.77", F_OK, 0), 0);
	assert_return_code(utimensat(p->home.fd, "runs/open/new.77", old, 0), 0);
	stale_is(p, 0);
	assert_int_equal(faccessat(p->home.fd, "runs/open/new.77", F_OK, 0), -1);
}

static void
test_no_room(void **state)
{
	struct place *p = *state;
	struct sl_mark m = { .fd = -1 };
	struct sl_err err = { 0 };

	assert_return_code(unlinkat(p->home.fd, "runs/open", AT_REMOVEDIR), 0);
	assert_int_equal(sl_mark_set(&p->home, p->run, &m, &err), SL_E(SYS));
	assert_int_equal(m.fd, -1);
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_mark_stale(&p->home, refuse, NULL, &err), SL_E(SYS));
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spare, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unnamed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
	};

	return run_suite("mark", t, SL_ARRAY_LEN(t));
}
