/* log_kill.c -- processes: killed at any point, several at once, several first starts. */
#include "t.h"

#include "faultlog.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum {
	KILLS = 60,
	APPENDERS = 3,
	BATCHES = 40,
	INITS = 4,
	COMMANDS = 10,
	COMMAND_ROUNDS = 10,
	SERVED = 2000
};

/* Appends until it is killed; tells each acknowledged entry. */
static void
victim(int home, int out)
{
	struct sl_err err = { 0 };
	struct sl_node n;
	struct sl_entry e;

	if (sl_node_open(&n, home, sl_store_io_sys(), build_a, &err) < 0)
		_exit(3);
	for (;;) {
		struct sl_item it = item_stmt(SL_TREE_NODE, NULL, "decision", "{}", true);
		size_t k;

		if (sl_node_commit(&n, &it, 1, &e, &k, &err) < 0 ||
		    write(out, &e, sizeof(e)) != sizeof(e) ||
		    sl_store_idle(&n.st, &err) < 0)
			_exit(4);
	}
}

static void
killed(void **state)
{
	struct dir d = dir_make();
	static struct acked a;
	uint64_t rnd = 2463534242u;

	(void)state;
	a.n = 0;
	for (int i = 0; i < KILLS; i++) {
		struct timespec ts = { 0 };
		int p[2], st;
		pid_t pid;

		assert_return_code(pipe(p), 0);
		pid = fork();
		if (pid == 0)
			victim(d.fd, p[1]);
		close(p[1]);
		rnd ^= rnd << 13;
		rnd ^= rnd >> 7;
		rnd ^= rnd << 17;
		ts.tv_nsec = rnd % 12000000; /* the moment is the point of this test */
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		while (a.n < ACKED_MAX &&
		       read(p[0], &a.e[a.n], sizeof(a.e[0])) == sizeof(a.e[0]))
			a.tree[a.n++] = 1;
		close(p[0]);
		assert_int_equal(waitpid(pid, &st, 0), pid);
		assert_true(WIFSIGNALED(st));
		assert_true(a.n < ACKED_MAX - 256);
	}
	print_message("# %d kills, %zu acknowledged\n", KILLS, a.n);
	check_reopen(&d, &a);
	dir_done(&d);
}

static int
appender(int home, int which)
{
	struct sl_err err = { 0 };
	struct sl_node n;
	uint8_t run[32] = { 0x55, (uint8_t)which };
	struct sl_item it[] = {
		item_stmt(SL_TREE_NODE, NULL, "decision", "{\"n\":1}", false),
		item_stmt(SL_TREE_RUN, run, "outcome", "{\"r\":1}", true),
		item_stmt(SL_TREE_RUN, run, "outcome", "{\"r\":1}", true),
		{ .what = SL_ITEM_SEAL, .digest = run },
	};
	struct sl_entry e[4];
	size_t k;

	if (sl_node_open(&n, home, sl_store_io_sys(), which == 1 ? build_b : build_a,
			 &err) < 0)
		return 3;
	for (int i = 0; i < BATCHES; i++) {
		run[2] = (uint8_t)i;
		if (sl_node_commit(&n, it, 3, e, &k, &err) < 0 || k != 3 ||
		    sl_node_commit(&n, it, i % 2 ? 4 : 2, e, &k, &err) < 0)
			return 4;
		if (i % 4 == 0 && sl_store_idle(&n.st, &err) < 0)
			return 5;
	}
	sl_node_done(&n);
	return 0;
}

static void
join(pid_t *pid, int n)
{
	int st;

	for (int i = 0; i < n; i++) {
		assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
		assert_true(WIFEXITED(st));
		assert_int_equal(WEXITSTATUS(st), 0);
	}
}

static void
at_once(void **state)
{
	struct dir d = dir_make();
	pid_t pid[APPENDERS];
	struct sl_reader *r = NULL;
	struct sl_log_tree t;
	struct sl_log_head h;
	struct sl_err err = { 0 };

	(void)state;
	for (int i = 0; i < APPENDERS; i++)
		if ((pid[i] = fork()) == 0)
			_exit(appender(d.fd, i));
	join(pid, APPENDERS);
	check_clean(&d);
	must(sl_reader_open(d.fd, &r, &err), &err);
	sl_reader_head(r, &h);
	assert_int_equal(h.n_trees, 2 + APPENDERS * BATCHES);
	must(sl_reader_tree(r, 1, &t, &err), &err);
	/* identity, 2 certificates, platform's seal, and per round 2 and half a seal */
	assert_int_equal(t.size, 4 + APPENDERS * (BATCHES * 2 + BATCHES / 2));
	sl_reader_close(r);
	dir_done(&d);
}

static void
inits_at_once(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		struct dir d = dir_make();
		pid_t pid[INITS];
		struct sl_reader *r = NULL;
		struct sl_log_tree t;
		struct sl_err err = { 0 };

		for (int i = 0; i < INITS; i++)
			if ((pid[i] = fork()) == 0) {
				struct sl_node n;

				_exit(sl_node_open(&n, d.fd, sl_store_io_sys(), build_a,
						   &err) == 0
					  ? 0
					  : 3);
			}
		join(pid, INITS);
		check_clean(&d);
		must(sl_reader_open(d.fd, &r, &err), &err);
		must(sl_reader_tree(r, 1, &t, &err), &err);
		assert_int_equal(t.size, 3);
		sl_reader_close(r);
		dir_done(&d);
	}
}

static double
seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* As victim(), but it tells no more than a pipe takes that nobody reads meanwhile. */
static void
server_like(int home, int out)
{
	struct sl_err err = { 0 };
	struct sl_node n;
	struct sl_entry e;

	if (sl_node_open(&n, home, sl_store_io_sys(), build_a, &err) < 0)
		_exit(3);
	for (int i = 0; i < SERVED; i++) {
		struct sl_item it = item_stmt(SL_TREE_NODE, NULL, "decision", "{}", true);
		size_t k;

		if (sl_node_commit(&n, &it, 1, &e, &k, &err) < 0 ||
		    write(out, &e, sizeof(e)) != sizeof(e) ||
		    sl_store_idle(&n.st, &err) < 0)
			_exit(4);
	}
	for (;;)
		pause();
}

/* A command: opens, appends, is gone, again and again; tells each acknowledged entry, and
 * ends with the longest that it waited, in ms. */
static void
command(int home, int out)
{
	double longest = 0;

	for (int i = 0; i < COMMAND_ROUNDS; i++) {
		struct sl_item it = item_stmt(SL_TREE_NODE, NULL, "decision", "{}", true);
		struct sl_err err = { 0 };
		double at = seconds();
		struct sl_entry e;
		struct sl_node n;
		size_t k;

		if (sl_node_open(&n, home, sl_store_io_sys(), build_a, &err) < 0)
			_exit(251);
		if (sl_node_commit(&n, &it, 1, &e, &k, &err) < 0 ||
		    write(out, &e, sizeof(e)) != sizeof(e))
			_exit(252);
		at = seconds() - at;
		longest = at > longest ? at : longest;
		sl_node_done(&n);
	}
	/* at idle priority it is the processor that is waited for */
	_exit(longest < (sched_getscheduler(0) == SCHED_IDLE ? 20 : 1) ? 0 : 253);
}

/* Takes the lock, has half a batch, and is killed so. */
static void
holder(int home, int out)
{
	struct sl_err err = { 0 };
	struct sl_entry e = { 0 };
	struct sl_node n;
	uint64_t index;

	if (sl_node_open(&n, home, sl_store_io_sys(), build_a, &err) < 0 ||
	    sl_store_begin(&n.st, &err) < 0 ||
	    sl_store_entry(&n.st, 1, "decision", SL_LIT("half"), e.id, &index, &err) <
		0 ||
	    write(out, "h", 1) != 1)
		_exit(3);
	for (;;)
		pause();
}

/* A server, ten commands, and one that is killed while it holds the lock. */
static void
server_and_commands(void **state)
{
	struct dir d = dir_make();
	static struct acked a;
	pid_t server, hold, pid[COMMANDS];
	int p[2], h[2], st;
	char c;

	(void)state;
	a.n = 0;
	assert_return_code(pipe(p), 0);
	assert_true(fcntl(p[0], F_SETPIPE_SZ, 1 << 18) >= 1 << 18);
	if ((server = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* where this test fails */
		server_like(d.fd, p[1]);
	}
	assert_return_code(pipe(h), 0);
	if ((hold = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		holder(d.fd, h[1]);
	}
	close(h[1]);
	for (int i = 0; i < COMMANDS; i++)
		if ((pid[i] = fork()) == 0)
			command(d.fd, p[1]);
	close(p[1]);
	assert_int_equal(read(h[0], &c, 1), 1); /* it has the lock: nobody else goes on */
	assert_return_code(kill(hold, SIGKILL), 0);
	assert_int_equal(waitpid(hold, &st, 0), hold);
	join(pid, COMMANDS); /* each acknowledged all, and never waited a second */
	assert_return_code(kill(server, SIGKILL), 0);
	assert_int_equal(waitpid(server, &st, 0), server);
	assert_true(WIFSIGNALED(st)); /* until then it went on */
	while (a.n < ACKED_MAX && read(p[0], &a.e[a.n], sizeof(a.e[0])) == sizeof(a.e[0]))
		a.tree[a.n++] = 1;
	assert_true(a.n > COMMANDS * COMMAND_ROUNDS && a.n < ACKED_MAX);
	print_message("# %zu acknowledged\n", a.n);
	close(p[0]);
	close(h[0]);
	check_reopen(&d, &a);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(killed),
					cmocka_unit_test(at_once),
					cmocka_unit_test(inits_at_once),
					cmocka_unit_test(server_and_commands) };

	return run_suite("log_kill", t, SL_ARRAY_LEN(t));
}
