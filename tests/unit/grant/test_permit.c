/* test_permit.c -- a permit is used once, for its purpose, by its process, or sluice
 * stops: each misuse is made in a child and must end in SIGABRT. */
#include "t.h"

#include "grant/permit_mint.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const uint8_t id[32] = { 1 }, entry[32] = { 2 }, act[32] = { 3 };

static struct sl_permit *
mint(enum sl_permit_kind kind, unsigned uses)
{
	struct sl_grant g;
	struct sl_permit_view v = { kind, id, entry, &g, act };

	sl_grant_init(&g);
	return sl_permit_mint(&v, uses);
}

static void
misuse_twice(void)
{
	struct sl_permit *p = mint(SL_PERMIT_PROC, 1);

	(void)sl_permit_use(p, SL_PERMIT_PROC);
	(void)sl_permit_use(p, SL_PERMIT_PROC);
}

static void
misuse_kind(void)
{
	(void)sl_permit_use(mint(SL_PERMIT_PROC, 1), SL_PERMIT_BOX);
}

static void
misuse_null(void)
{
	(void)sl_permit_use(NULL, SL_PERMIT_BOX);
}

static void
misuse_none(void)
{
	(void)sl_permit_use(mint(SL_PERMIT_APPLY, 0), SL_PERMIT_APPLY);
}

static void
misuse_fork(void)
{
	struct sl_permit *p = mint(SL_PERMIT_BOX, 1);
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		(void)sl_permit_use(p, SL_PERMIT_BOX);
		_exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		abort();
}

static void
dies(void (*f)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)!freopen("/dev/null", "w", stderr);
		signal(SIGABRT, SIG_DFL);
		f();
		_exit(0);
	}
	assert_return_code(waitpid(pid, &status, 0), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
test_misuse(void **state)
{
	(void)state;
	dies(misuse_twice);
	dies(misuse_kind);
	dies(misuse_null);
	dies(misuse_none);
	dies(misuse_fork);
}

static void
test_use(void **state)
{
	struct sl_permit *p = mint(SL_PERMIT_BOX, 2);
	struct sl_permit_view v;

	(void)state;
	assert_non_null(p);
	v = sl_permit_use(p, SL_PERMIT_BOX);
	assert_memory_equal(v.run, id, 32);
	assert_memory_equal(v.decision, entry, 32);
	assert_memory_equal(v.act, act, 32);
	(void)sl_permit_use(p, SL_PERMIT_BOX);
	sl_permit_drop(p);
	sl_permit_drop(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_misuse),
	};

	return run_suite("permit", tests, SL_ARRAY_LEN(tests));
}
