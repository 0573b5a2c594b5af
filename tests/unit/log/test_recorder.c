/* test_recorder.c -- the recorder end to end: a real process, a real directory. */
#include "t.h"

#include "log/recorder.h"

#include "base/hex.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "logdir.h"

static const uint8_t build[32] = { 7 };
static const uint8_t run_a[32] = { 0xaa, 1 };

static struct sl_recorder *
start(struct dir *d)
{
	struct sl_recorder_opts o = { d->fd, d->path, build };
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
	struct sl_stmt s = { .tree = SL_TREE_NODE, .kind = "decision", .sub = SL_LIT("x"),
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
	s = (struct sl_stmt){ .tree = SL_TREE_NODE, .kind = "decision", .sub = SL_LIT("x"),
			      .payload = SL_LIT("{}") };
	must(sl_recorder_add(r, &s, &err), &err);
	must(sl_recorder_commit(r, &err), &err);
	must(sl_recorder_wait(r, e, 8, &n, &err), &err);
	assert_int_equal(e[0].size, 6);
	sl_recorder_stop(r);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(end_to_end) };

	return run_suite("recorder", t, SL_ARRAY_LEN(t));
}
