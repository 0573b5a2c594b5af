/* keep.c -- see keep.h. */
#include "witness/keep.h"

static int
keys(void *arg, struct sl_slice origin, struct sl_log_keys *ret, struct sl_err *err)
{
	const struct sl_witness_node *n = arg;

	return sl_log_keys_get(n->home, origin, ret, err);
}

static int
cosign(void *arg, const struct sl_cosign *q, struct sl_cosigned *ret, struct sl_buf *note,
       struct sl_err *err)
{
	const struct sl_witness_node *n = arg;

	return sl_recorder_cosign(n->rec, q, ret, note, err);
}

static int
state_fork(const struct sl_witness_node *n, struct sl_slice origin,
	   struct sl_slice evidence, uint8_t ret_id[32], struct sl_err *err)
{
	const struct sl_stmt s = {
		.tree = SL_TREE_NODE, .kind = "fork", .sub = origin, .payload = evidence
	};
	struct sl_entry e = { 0 };
	size_t k = 0;
	int r;

	if ((r = sl_recorder_add(n->rec, &s, err)) < 0 ||
	    (r = sl_recorder_commit(n->rec, err)) < 0 ||
	    (r = sl_recorder_wait(n->rec, &e, 1, &k, err)) < 0)
		return r;
	memcpy(ret_id, e.id, 32);
	return 0;
}

int
sl_fork_keep(const struct sl_witness_node *n, struct sl_slice origin,
	     struct sl_slice evidence, bool *ret_is_new, uint8_t ret_id[32],
	     struct sl_err *err)
{
	SL_AUTO_BUF old = { .max = SL_FORK_FILE_MAX };
	struct sl_err none = { 0 };
	int r = sl_witness_read(n->home, origin, ".fork", SL_FORK_FILE_MAX, &old, &none);

	if (r == 0) { /* the first evidence stays */
		*ret_is_new = false;
		return 0;
	}
	if (r != SL_E(NOENT)) {
		*err = none;
		return r;
	}
	/* The file first: it is what stops the cosigner.  Killed before the statement,
	 * the evidence is there all the same. */
	if ((r = sl_witness_write(n->home, origin, ".fork", evidence, err)) < 0 ||
	    (r = state_fork(n, origin, evidence, ret_id, err)) < 0)
		return r;
	*ret_is_new = true;
	return 0;
}

int
sl_witness_serve(const struct sl_witness_node *n, struct sl_slice body,
		 struct sl_answer *ret, struct sl_err *err)
{
	struct sl_witness_node copy = *n;
	const struct sl_witness w = { &copy, keys, cosign };
	bool is_new = false;
	uint8_t id[32];
	int r = sl_witness_answer(&w, body, ret, err);

	if (r == 0 && ret->fork.len > 0)
		r = sl_fork_keep(n, sl_buf_get(&ret->origin), sl_buf_get(&ret->fork),
				 &is_new, id, err);
	return r;
}
