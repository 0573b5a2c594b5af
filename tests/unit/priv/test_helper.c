/* test_helper.c -- priv/helper: what a helper gets, and which files are not run as one.
 * The helper is this program itself, linked into place under another name. */
#include "t.h"

#include "priv/helper.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { OP_SAY = 1, SAY_MAX = 256, GRACE_MS = 5000 };

extern char **environ;

static const struct sl_chan_op ops[] = { { OP_SAY, SAY_MAX, 0 } };
static char dir[PATH_MAX], at[PATH_MAX + 64];

/* What the helper sees, as one line; then it echoes until its channel ends. */
static int
helper_main(int argc, char **argv)
{
	struct sl_chan c = { .fd = SL_HELPER_FD, .ops = ops, .n_ops = 1 };
	struct sl_err err = { 0 };
	struct sl_buf room, say;
	struct sl_msg msg;
	int sig = 0;
	char four = '-';

	(void)prctl(PR_GET_PDEATHSIG, &sig);
	if (argc > 1 && strcmp(argv[1], "deaf") == 0)
		for (;;)
			pause();
	sl_buf_init(&room, SAY_MAX);
	sl_buf_init(&say, SAY_MAX);
	if (read(4, &four, 1) < 0)
		four = '!';
	{
		char line[SAY_MAX];
		int n = snprintf(line, sizeof(line),
				 "%s %d env=%d nnp=%d sig=%d four=%c 5=%d",
				 argc > 1 ? argv[1] : "-", argc, *environ != NULL,
				 prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), sig, four,
				 fcntl(5, F_GETFD) >= 0);

		if (sl_chan_send(&c, OP_SAY,
				 (struct sl_slice){ (uint8_t *)line, (size_t)n }, NULL, 0,
				 &err) < 0)
			return 3;
	}
	while (sl_chan_recv(&c, &room, &msg, -1, &err) == 1)
		if (sl_chan_send(&c, OP_SAY, msg.body, NULL, 0, &err) < 0)
			return 4;
	sl_buf_done(&room);
	sl_buf_done(&say);
	return 7;
}

static int
make_place(void)
{
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;

	if (n <= 0)
		return -1;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	*slash = '\0';
	(void)snprintf(at, sizeof(at), "%s/libexec", dir);
	(void)mkdir(at, 0755);
	(void)snprintf(at, sizeof(at), "%s/libexec/sluice", dir);
	(void)mkdir(at, 0755);
	*slash = '/';
	(void)snprintf(at + strlen(at), sizeof(at) - strlen(at), "/sluice-echo");
	(void)unlink(at);
	return link(dir, at);
}

static void
starts_and_echoes(void **state)
{
	static const char *const args[] = { "word", NULL };
	struct sl_err err = { 0 };
	struct sl_helper h = { 0 };
	struct sl_buf room;
	struct sl_msg msg;
	int p[2], stray, status;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "q", 1), 1);
	stray = open("/dev/zero", O_RDONLY); /* not CLOEXEC, and not the helper's */
	assert_int_equal(sl_helper_start("sluice-echo",
					 &(struct sl_helper_opt){ p, 1, args, ops, 1 },
					 &h, &err),
			 0);
	sl_buf_init(&room, SAY_MAX);
	assert_int_equal(sl_chan_recv(&h.chan, &room, &msg, GRACE_MS, &err), 1);
	assert_int_equal(msg.body.len, strlen("word 2 env=0 nnp=1 sig=9 four=q 5=0"));
	assert_memory_equal(msg.body.p, "word 2 env=0 nnp=1 sig=9 four=q 5=0",
			    msg.body.len);
	assert_int_equal(sl_chan_send(&h.chan, OP_SAY,
				      (struct sl_slice){ (const uint8_t *)"hi", 2 }, NULL,
				      0, &err),
			 0);
	assert_int_equal(sl_chan_recv(&h.chan, &room, &msg, GRACE_MS, &err), 1);
	assert_memory_equal(msg.body.p, "hi", 2);
	status = sl_helper_stop(&h, GRACE_MS);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_int_equal(sl_helper_stop(&h, 0), 0); /* again: nothing */
	sl_buf_done(&room);
	(void)close(stray);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
one_that_does_not_end_is_killed(void **state)
{
	static const char *const args[] = { "deaf", NULL };
	struct sl_err err = { 0 };
	struct sl_helper h = { 0 };
	int status;

	(void)state;
	assert_int_equal(sl_helper_start("sluice-echo",
					 &(struct sl_helper_opt){ .args = args }, &h,
					 &err),
			 0);
	status = sl_helper_stop(&h, 20);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
refused(const char *name, const char *why)
{
	struct sl_err err = { 0 };
	struct sl_helper h = { 0 };

	assert_int_equal(sl_helper_start(name, &(struct sl_helper_opt){ 0 }, &h, &err),
			 SL_E(ENV));
	assert_non_null(strstr(err.msg, why));
	assert_int_equal(h.pid, 0);
}

static void
missing_and_writable_ones_are_not_run(void **state)
{
	char other[PATH_MAX + 64];

	(void)state;
	refused("sluice-nothing", "sluice-nothing is missing");
	(void)snprintf(other, sizeof(other), "%.*s/sluice-loose",
		       (int)(strrchr(at, '/') - at), at);
	(void)unlink(other);
	assert_int_equal(symlink("/bin/true", other), 0);
	refused("sluice-loose", "not a file that only its owner can write");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(close(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0700)), 0);
	assert_int_equal(chmod(other, 0722), 0);
	refused("sluice-loose", "not a file that only its owner can write");
	assert_int_equal(unlink(other), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_and_echoes),
		cmocka_unit_test(one_that_does_not_end_is_killed),
		cmocka_unit_test(missing_and_writable_ones_are_not_run),
	};
	int r;

	if (argc > 0 && strcmp(argv[0], "sluice-echo") == 0)
		return helper_main(argc, argv);
	if (make_place() < 0)
		return EXIT_FAILURE;
	r = run_suite("helper", tests, SL_ARRAY_LEN(tests));
	(void)unlink(at);
	return r;
}
