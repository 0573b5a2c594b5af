/* test_role.c -- priv/role: what a role gave up is gone.  Each check runs in a child, for
 * it cannot be undone; the child's exit status is the verdict. */
#include "t.h"

#include "priv/role.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static const int calls[] = { SYS_exit_group, SYS_exit,  SYS_write, SYS_read,
			     SYS_fcntl,      SYS_prctl, SYS_close };
static const int refused[] = { SYS_getpid };
static const struct sl_role role = { "test-role", calls, 7, refused, 1, 0, true, false };

static int
enter(int *keep, size_t n)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 90;
	return sl_role_enter(&role, sv[1], keep, n) < 0 ? 91 : 0;
}

static int
child_fds(void)
{
	int kept = dup2(open("/dev/zero", O_RDONLY), 20), other = dup2(kept, 30);

	if (enter(&kept, 1) != 0)
		return 1;
	if (fcntl(3, F_GETFD) < 0 || fcntl(kept, F_GETFD) < 0)
		return 2;
	return fcntl(other, F_GETFD) < 0 && fcntl(4, F_GETFD) < 0 ? 0 : 3;
}

static int
child_environment(void)
{
	char *secret;

	if (setenv("ROLE_TEST", "sesame", 1) < 0)
		return 1;
	secret = getenv("ROLE_TEST");
	if (enter(NULL, 0) != 0)
		return 2;
	for (size_t i = 0; i < 6; i++)
		if (secret[i] != '\0')
			return 3;
	return environ == NULL ? 0 : 4;
}

static int
child_state(void)
{
	if (enter(NULL, 0) != 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
#if !defined(__SANITIZE_ADDRESS__)
	if (syscall(SYS_getpid) >= 0)
		return 3;
#endif
	return 0;
}

/* A call that the row does not list. */
static int
child_kill(void)
{
	if (enter(NULL, 0) != 0)
		return 1;
	(void)open("/dev/null", O_RDONLY);
	return 2;
}

static int
status_of(int (*f)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(f());
	assert_return_code(waitpid(pid, &status, 0), 0);
	return status;
}

static void
test_given_up(void **state)
{
	(void)state;
	assert_int_equal(status_of(child_fds), 0);
	assert_int_equal(status_of(child_environment), 0);
	assert_int_equal(status_of(child_state), 0);
}

static void
test_unlisted_call(void **state)
{
	int status = status_of(child_kill);

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	assert_true(WIFEXITED(status));
#else
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_unlisted_call),
	};

	return run_suite("role", tests, SL_ARRAY_LEN(tests));
}
