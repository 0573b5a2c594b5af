/* gate.c -- opening, the queue, durability, permits.  See gate.h. */
#include "gate/gate.h"

#include "base/auto.h"
#include "base/hex.h"
#include "crypto/sha256.h"
#include "gate/int.h"
#include "grant/permit_mint.h"

#include <stdio.h>

/* --- the queue --- */

static int
room(struct sl_gate *g, struct sl_err *err)
{
	size_t cap = g->cap_item ? 2 * g->cap_item : 16;
	struct sl_gate_item *p;

	if (g->is_committed)
		return SL_ERR(err, BUG, "a batch is under way");
	if (g->n_item < g->cap_item)
		return 0;
	if ((p = reallocarray(g->item, cap, sizeof(*p))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	g->item = p;
	g->cap_item = cap;
	return 0;
}

int
sl_gate_queue(struct sl_gate *g, const struct sl_stmt *s, struct sl_gate_item item,
	      struct sl_err *err)
{
	int r;

	if ((r = room(g, err)) < 0 || (r = sl_recorder_add(g->rec, s, err)) < 0)
		return r;
	g->item[g->n_item++] = item;
	return 0;
}

int
sl_gate_queue_foreign(struct sl_gate *g, struct sl_slice stmt, struct sl_gate_item item,
		      struct sl_err *err)
{
	int r;

	if ((r = room(g, err)) < 0)
		return r;
	/* Policy was asked before the batch; it counts only while it is in force. */
	if (!g->is_under && (r = sl_recorder_under(g->rec, g->info.policy, err)) < 0)
		return r;
	g->is_under = true;
	if ((r = sl_recorder_foreign(g->rec, stmt, err)) < 0)
		return r;
	g->item[g->n_item++] = item;
	return 0;
}

/* Queue a statement about a run or a step of it. */
static int
state(struct sl_gate *g, const struct sl_stmt *where, const uint8_t run[32],
      const uint8_t id[32], struct sl_json *predicate, struct sl_entry *ret_entry,
      struct sl_err *err)
{
	const struct sl_statement_row *row = sl_statement_find(sl_slice_str(where->kind));
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = SL_BLOB_BYTES };
	struct sl_jb b = { .a = &a };
	char hex[65], name[80], sub[80];
	struct sl_stmt st = *where;
	int r;

	sl_arena_init(&a, SL_BLOB_BYTES);
	sl_hex(hex, id, 32);
	(void)snprintf(name, sizeof(name), "%s:%s",
		       memcmp(id, run, 32) == 0 ? "run" : "step", hex);
	sl_hex(hex, run, 32);
	(void)snprintf(sub, sizeof(sub), "run:%s", hex);
	if ((r = sl_statement_write(&b, (enum sl_statement)(row - sl_statement_row(0)),
				    name, id, predicate, &out, err)) < 0)
		return r;
	st.sub = sl_slice_str(sub);
	st.payload = sl_buf_get(&out);
	st.is_envelope = row->is_envelope;
	return sl_gate_queue(g, &st, (struct sl_gate_item){ .entry = ret_entry }, err);
}

int
sl_gate_state(struct sl_gate *g, const struct sl_decision *d, enum sl_statement s,
	      struct sl_json *predicate, struct sl_entry *ret_entry, struct sl_err *err)
{
	const struct sl_stmt where = { .tree = SL_TREE_RUN,
				       .kind = sl_statement_row(s)->kind,
				       .run = d->view.run };

	return state(g, &where, d->view.run, d->view.id, predicate, ret_entry, err);
}

static int
seal(struct sl_gate *g, const uint8_t run[32], struct sl_entry *ret_entry,
     struct sl_err *err)
{
	int r;

	if ((r = room(g, err)) < 0 || (r = sl_recorder_seal_run(g->rec, run, err)) < 0)
		return r;
	g->item[g->n_item++] = (struct sl_gate_item){ .entry = ret_entry };
	return 0;
}

int
sl_gate_seal(struct sl_gate *g, const struct sl_decision *d, struct sl_entry *ret_entry,
	     struct sl_err *err)
{
	return seal(g, d->view.run, ret_entry, err);
}

int
sl_gate_close_run(struct sl_gate *g, const uint8_t run[32], struct sl_json *outcome,
		  bool has_open_tree, struct sl_err *err)
{
	const struct sl_stmt where = { .tree = SL_TREE_NODE, .kind = "outcome" };
	int r;

	if ((r = state(g, &where, run, run, outcome, NULL, err)) < 0 ||
	    (has_open_tree && (r = seal(g, run, NULL, err)) < 0))
		return r;
	return sl_gate_sync(g, err);
}

void
sl_gate_last(struct sl_gate *g)
{
	sl_recorder_last(g->rec);
}

int
sl_gate_commit(struct sl_gate *g, struct sl_err *err)
{
	int r;

	if ((r = sl_recorder_commit(g->rec, err)) < 0)
		return r;
	g->is_committed = true;
	g->is_under = false;
	return 0;
}

int
sl_gate_wait(struct sl_gate *g, struct sl_err *err)
{
	SL_AUTO_FREE struct sl_entry *e = NULL;
	size_t n = 0;
	int r;

	if (!g->is_committed)
		return SL_ERR(err, BUG, "no batch is under way");
	if ((e = calloc(g->n_item + 1, sizeof(*e))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	r = sl_recorder_wait(g->rec, e, g->n_item, &n, err);
	g->is_committed = false;
	if (r < 0) { /* refused as a whole: nothing of it is queued any more */
		g->n_item = 0;
		sl_gate_admit_forget(g);
		return r;
	}
	if (n != g->n_item)
		return SL_ERR(err, BUG, "%zu entries for %zu statements", n, g->n_item);
	for (size_t i = 0; i < n; i++) {
		if (g->item[i].entry != NULL)
			*g->item[i].entry = e[i];
		if (g->item[i].decision != NULL)
			g->item[i].decision->view.is_durable = true;
	}
	g->n_item = 0;
	free(g->last);
	g->last = sl_steal_ptr(&e);
	g->n_last = n;
	sl_gate_keep_cached(g);
	return 0;
}

int
sl_gate_sync(struct sl_gate *g, struct sl_err *err)
{
	int r = sl_gate_commit(g, err);

	return r < 0 ? r : sl_gate_wait(g, err);
}

/* --- permits --- */

int
sl_gate_permit(struct sl_gate *g, struct sl_decision *d, enum sl_permit_kind kind,
	       unsigned uses, struct sl_permit **ret, struct sl_err *err)
{
	struct sl_permit_view v = { kind, d->view.run, d->view.entry.id, d->view.grant,
				    d->act };
	uint8_t digest[32];
	int r;

	(void)g;
	if (!d->view.is_allowed || !d->view.is_durable)
		return SL_ERR(
		    err, BUG,
		    "a permit for a decision that is not durable or not an allow");
	if (kind == SL_PERMIT_BOX) {
		if ((r = sl_grant_digest(d->view.grant, digest, err)) < 0)
			return r;
		v.act = digest;
	}
	if ((*ret = sl_permit_mint(&v, uses)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a permit");
	return 0;
}

int
sl_gate_open(const struct sl_gate_opts *o, struct sl_gate **ret, struct sl_err *err)
{
	struct sl_gate *g = calloc(1, sizeof(*g));
	int r;

	if (g == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	g->home = o->home;
	g->rec = o->recorder;
	sl_arena_init(&g->a, SL_GATE_MEMORY);
	sl_arena_init(&g->policy_a, SL_GATE_MEMORY);
	if ((r = sl_recorder_info(g->rec, &g->info.node, err)) < 0 ||
	    (r = sl_gate_open_policy(g, err)) < 0) {
		sl_gate_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void
sl_gate_free(struct sl_gate *g)
{
	if (g == NULL)
		return;
	sl_gate_admit_done(g);
	sl_arena_free(&g->a);
	sl_arena_free(&g->policy_a);
	free(g->item);
	free(g->last);
	free(g);
}

const struct sl_gate_info *
sl_gate_info(const struct sl_gate *g)
{
	return &g->info;
}

int
sl_gate_fd(const struct sl_gate *g)
{
	return sl_recorder_fd(g->rec);
}

const struct sl_decision_view *
sl_decision_view(const struct sl_decision *d)
{
	return &d->view;
}

const struct sl_batch_root *
sl_gate_root(const struct sl_gate *g)
{
	return sl_recorder_root(g->rec);
}

const struct sl_entry *
sl_gate_entries(const struct sl_gate *g, size_t *ret_n)
{
	*ret_n = g->n_last;
	return g->last;
}

bool
sl_gate_has_queued(const struct sl_gate *g)
{
	return g->n_item > 0;
}
