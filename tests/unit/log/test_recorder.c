/* test_recorder.c -- the recorder end to end: a real process, a real directory. */
#include "t.h"

#include "log/reader.h"

#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "logdir.h"

#include <sys/resource.h>
#include <sys/wait.h>

static const uint8_t build[32] = { 7 };
static const uint8_t run_a[32] = { 0xaa, 1 };

static struct sl_recorder *
start(struct dir *d)
{
	struct sl_recorder_opts o = { .home_fd = d->fd, .home = d->path, .build = build };
	struct sl_recorder *r = NULL;
	struct sl_err err = { 0 };

	assert_int_equal(sl_recorder_start(&o, &r, &err), 0);
	return r;
}

static void
must(int r, const struct sl_err *err)
{
	if (r != 0)
		fail_msg("%s: %s", sl_code_id(r), err->msg);
}

static void
end_to_end(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_err err = { 0 };
	struct sl_node_info i;
	struct sl_entry e[8];
	struct sl_stmt s = { .tree = SL_TREE_NODE,
			     .kind = "decision",
			     .sub = SL_LIT("x"),
			     .payload = SL_LIT("{}") };
	uint8_t dg[32], pub[32];
	size_t n;

	(void)state;
	must(sl_recorder_info(r, &i, &err), &err);
	assert_true(i.is_new);
	assert_int_equal(i.node_size, 3);
	must(sl_recorder_run_key(r, run_a, pub, &err), &err);
	must(sl_recorder_add(r, &s, &err), &err);
	s.tree = SL_TREE_RUN;
	s.run = run_a;
	s.kind = "observation";
	must(sl_recorder_add(r, &s, &err), &err);
	s.is_envelope = true;
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_blob(r, SL_LIT("policy text"), dg, &err), &err);
	must(sl_recorder_set_policy(r, dg, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 8, &n, &err), &err);
	assert_int_equal(n, 3);
	assert_int_equal(e[0].index, 3);
	assert_int_equal(e[0].size, 4);
	assert_int_equal(e[1].index, 0);
	assert_int_equal(e[2].size, 2);
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_seal_run(r, run_a, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 8, &n, &err), &err);
	assert_int_equal(n, 2);
	assert_int_equal(e[0].index, 2);
	assert_int_equal(e[1].index, 4);
	sl_recorder_stop(r);
	/* again: nothing new, everything still there */
	r = start(&d);
	must(sl_recorder_info(r, &i, &err), &err);
	assert_false(i.is_new);
	assert_int_equal(i.node_size, 5);
	assert_memory_equal(i.policy, dg, 32);
	/* the run is sealed: BUG, and the recorder goes on */
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	assert_int_equal(sl_recorder_wait(r, e, 8, &n, &err), SL_E(BUG));
	err.code = 0;
	s = (struct sl_stmt){ .tree = SL_TREE_NODE,
			      .kind = "decision",
			      .sub = SL_LIT("x"),
			      .payload = SL_LIT("{}") };
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 8, &n, &err), &err);
	assert_int_equal(e[0].size, 6);
	sl_recorder_stop(r);
	dir_done(&d);
}

static struct sl_stmt
node_stmt(void)
{
	return (struct sl_stmt){ .tree = SL_TREE_NODE,
				 .kind = "decision",
				 .sub = SL_LIT("x"),
				 .payload = SL_LIT("{}") };
}

/* Several commits on their way, other questions between them: answers stay in order. */
static void
in_order(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_stmt s = node_stmt();
	struct sl_err err = { 0 };
	struct sl_entry e[4];
	uint8_t pub[32], again[32];
	size_t n;

	(void)state;
	assert_int_equal(sl_recorder_wait(r, e, 4, &n, &err), SL_E(BUG));
	err.code = 0;
	for (int i = 0; i < 6; i++) {
		for (int k = 0; k <= i % 2; k++)
			must(sl_recorder_add(r, &s, &err), &err);
		must(sl_recorder_commit(r, &err), &err);
		if (i % 3 == 2)
			must(sl_recorder_run_key(r, run_a, i == 2 ? pub : again, &err),
			     &err);
	}
	assert_memory_equal(pub, again, 32);
	for (uint64_t i = 0, at = 3; i < 6; i++) {
		must(sl_recorder_wait(r, e, 4, &n, &err), &err);
		assert_int_equal(n, 1 + i % 2);
		assert_int_equal(e[0].index, at);
		at += n;
	}
	/* an answer with more entries than there is room for */
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	assert_int_equal(sl_recorder_wait(r, e, 1, &n, &err), SL_E(BUG));
	sl_recorder_stop(r);
	dir_done(&d);
}

static void
client_refusals(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_stmt s = node_stmt();
	struct sl_err err = { 0 };
	struct sl_entry e[1];
	uint8_t *big = calloc(1, (16 << 20) + 1), dg[32];
	size_t n;

	(void)state;
	s.run = run_a;
	assert_int_equal(sl_recorder_add(r, &s, &err), SL_E(BUG));
	err.code = 0;
	s = node_stmt();
	s.tree = SL_TREE_RUN;
	assert_int_equal(sl_recorder_add(r, &s, &err), SL_E(BUG));
	err.code = 0;
	s = node_stmt();
	s.payload = (struct sl_slice){ big, (16 << 20) + 1 };
	assert_int_equal(sl_recorder_add(r, &s, &err), SL_E(LIMIT));
	err.code = 0;
	assert_int_equal(sl_recorder_blob(r, s.payload, dg, &err), SL_E(LIMIT));
	err.code = 0;
	s = node_stmt();
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 1, &n, &err), &err);
	sl_recorder_stop(r);
	sl_recorder_stop(NULL);
	free(big);
	dir_done(&d);
}

/* The recorder is gone: every call says so, and the next start is right again. */
static void
recorder_killed(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_stmt s = node_stmt();
	struct sl_err err = { 0 };
	struct sl_node_info i;
	struct sl_entry e[1];
	uint8_t pub[32];
	size_t n;

	(void)state;
	must(sl_recorder_info(r, &i, &err), &err);
	kill(sl_recorder_pid(r), SIGTERM); /* not this one: it ends with its client */
	must(sl_recorder_run_key(r, run_a, pub, &err), &err);
	kill(sl_recorder_pid(r), SIGKILL);
	must(sl_recorder_add(r, &s, &err), &err);
	if (sl_recorder_commit(r, &err) == 0)
		assert_true(sl_recorder_wait(r, e, 1, &n, &err) < 0);
	err.code = 0;
	assert_true(sl_recorder_commit(r, &err) < 0);
	err.code = 0;
	assert_true(sl_recorder_run_key(r, run_a, pub, &err) < 0);
	assert_true(err.msg[0] != 0);
	sl_recorder_stop(r);
	err.code = 0;
	r = start(&d);
	must(sl_recorder_info(r, &i, &err), &err);
	assert_false(i.is_new);
	sl_recorder_stop(r);
	dir_done(&d);
}

/* A full disk, as a limit on the size of files has it. */
static void
disk_full(void **state)
{
	struct dir d = dir_make();
	struct rlimit old, lim;
	struct sl_recorder *r;
	struct sl_stmt s = node_stmt();
	struct sl_err err = { 0 };
	struct sl_log_report rep;
	struct sl_entry e[1];
	uint8_t dg[32], *b = calloc(1, 100000);
	size_t n, acked = 0;

	(void)state;
	assert_return_code(getrlimit(RLIMIT_FSIZE, &old), 0);
	lim = old;
	lim.rlim_cur = 400000;
	assert_return_code(setrlimit(RLIMIT_FSIZE, &lim), 0);
	r = start(&d);
	assert_return_code(setrlimit(RLIMIT_FSIZE, &old), 0);
	for (int i = 0; i < 8 && err.code == 0; i++) {
		b[0] = (uint8_t)(i + 1);
		if (sl_recorder_blob(r, (struct sl_slice){ b, 100000 }, dg, &err) == 0 &&
		    sl_recorder_add(r, &s, &err) == 0 &&
		    sl_recorder_commit(r, &err) == 0 &&
		    sl_recorder_wait(r, e, 1, &n, &err) == 0)
			acked++;
	}
	/* STORE: it was met while filling ahead, off the path */
	assert_true(err.code == SL_E(SYS) || err.code == SL_E(STORE));
	assert_true(strstr(err.msg, "File too large") ||
		    strstr(err.msg, "No space left"));
	assert_in_range(acked, 1, 4);
	err.code = 0;
	assert_true(sl_recorder_commit(r, &err) < 0); /* for good */
	sl_recorder_stop(r);
	err.code = 0;
	r = start(&d);
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 1, &n, &err), &err);
	assert_int_equal(e[0].index, 3 + acked);
	sl_recorder_stop(r);
	must(sl_log_check(d.fd, NULL, NULL, &rep, &err), &err);
	assert_int_equal(rep.n_findings, 0);
	free(b);
	dir_done(&d);
}

/* Too few descriptors for the recorder to strip itself: it says so, on its own channel,
 * whatever else stands where that should have come to. */
static void
few_descriptors(void **state)
{
	struct dir d = dir_make();
	struct sl_node_info info;
	struct rlimit was, few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	for (rlim_t n = 16; n < 18; n++) { /* the first copy fails; the second */
		struct sl_err err = { 0 };
		struct sl_recorder *r;

		few = (struct rlimit){ n, was.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = start(&d);
		assert_int_equal(sl_recorder_info(r, &info, &err), SL_E(ENV));
		assert_non_null(strstr(err.msg, "strip"));
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
		sl_recorder_stop(r);
	}
	dir_done(&d);
}

/* It ends with the answer to its last batch, by itself and cleanly; what it acknowledged
 * is there for the next one. */
static void
last_batch(void **state)
{
	struct dir d = dir_make();
	struct sl_recorder *r = start(&d);
	struct sl_stmt s = { .tree = SL_TREE_NODE,
			     .kind = "decision",
			     .sub = SL_LIT("x"),
			     .payload = SL_LIT("{}") };
	struct sl_err err = { 0 };
	struct sl_node_info i;
	struct sl_entry e[4];
	siginfo_t end;
	size_t n;

	(void)state;
	must(sl_recorder_add(r, &s, &err), &err);
	sl_recorder_last(r);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 4, &n, &err), &err);
	assert_int_equal(n, 1);
	/* Its client has not closed the channel yet. */
	assert_int_equal(waitid(P_PID, (id_t)sl_recorder_pid(r), &end, WEXITED | WNOWAIT),
			 0);
	assert_int_equal(end.si_code, CLD_EXITED);
	assert_int_equal(end.si_status, 0);
	must(sl_recorder_add(r, &s, &err), &err);
	assert_int_equal(sl_recorder_commit(r, &err), SL_E(BUG));
	sl_recorder_stop(r);
	r = start(&d);
	err = (struct sl_err){ 0 };
	must(sl_recorder_info(r, &i, &err), &err);
	assert_int_equal(i.node_size, 4);
	sl_recorder_stop(r);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(end_to_end),      cmocka_unit_test(in_order),
		cmocka_unit_test(last_batch),      cmocka_unit_test(client_refusals),
		cmocka_unit_test(recorder_killed), cmocka_unit_test(disk_full),
		cmocka_unit_test(few_descriptors),
	};

	return run_suite("recorder", t, SL_ARRAY_LEN(t));
}
