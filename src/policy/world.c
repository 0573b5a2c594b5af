/* world.c -- one policy and the facts that stand, decided on again and again.  See
 * policy.h, run.h.
 *
 * The model of the standing facts is kept whole.  A request's facts are put on top of it,
 * what follows from them is derived, and all of it is taken back before the next call: of
 * every relation the rows behind a mark, and of rows before it the height where that has
 * sunk.  A fact that goes takes the relations that its own leads to with it: they are
 * derived anew.
 */
#include "policy/run.h"

#include <stdlib.h>

struct sl_policy_world {
	struct sl_arena a;
	const struct sl_policy *p;
	struct sl_policy_facts *facts; /* that stand, sorted */
	struct sl_policy_run *r;
	uint32_t *mark; /* by predicate: rows that stand */
	uint32_t n_terms, n_sources;
	uint64_t n_facts;
	bool is_broken; /* memory ran out in the middle */
};

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "policy: out of memory");
}

/* Nothing is new. */
static void
settle(struct sl_policy_run *r)
{
	for (uint32_t k = 0; k < r->n_rels; k++) {
		r->rel[k].n_old = r->rel[k].n_seen = r->rel[k].n;
		r->rel[k].n_low = r->rel[k].n_low_now = 0;
	}
}

static void
mark(struct sl_policy_world *w)
{
	struct sl_policy_run *r = w->r;

	settle(r);
	for (uint32_t k = 0; k < r->n_rels; k++)
		w->mark[k] = r->rel[k].n;
	w->n_terms = r->n_terms;
	w->n_sources = r->n_sources;
	w->n_facts = r->n_facts;
	r->n_undo = 0;
	r->is_marked = true;
}

/* As it was at the mark, and no decision begun. */
static void
take_back(struct sl_policy_world *w)
{
	static const struct sl_pkeys none;
	struct sl_policy_run *r = w->r;

	if (r->stop == SL_PSTOP_NOMEM)
		w->is_broken = true;
	if (w->is_broken)
		return;
	if (r->is_marked) {
		for (uint32_t k = 0; k < r->n_rels; k++)
			sl_prel_cut(&r->rel[k], w->mark[k]);
		for (; r->n_undo > 0; r->n_undo--) {
			const struct sl_pundo *u = &r->undo[r->n_undo - 1];

			if (u->row < r->rel[u->pred].n)
				r->rel[u->pred].prov[u->row] = u->prov;
		}
		settle(r);
		sl_prun_forget(r, w->n_terms);
		r->n_sources = w->n_sources;
		r->n_facts = w->n_facts;
		r->is_marked = false;
	}
	r->n_stack = 0;
	r->fuel = r->work = 0;
	r->calls = r->firings = r->instances = r->demanded = none;
	r->results = NULL;
	r->stop = SL_PSTOP_NO;
	r->stop_rule = NULL;
	r->stop_goal = NULL;
}

static int
open_world(struct sl_policy_world *w, struct sl_policy_facts *f,
	   const struct sl_policy_limits *lim, struct sl_err *err)
{
	int rc;

	if ((rc = sl_policy_facts_check(w->p, f, err)) < 0)
		return rc;
	if ((w->facts = sl_policy_facts_copy(&w->a, f)) == NULL)
		return nomem(err);
	if ((w->r = sl_prun_new(w->p, lim, &w->a)) == NULL)
		return nomem(err);
	w->r->n_rels = w->p->n_preds; /* no calls are made */
	if ((w->mark = SL_NEW_N(&w->a, uint32_t, (size_t)w->r->n_rels + 1)) == NULL)
		return nomem(err);
	sl_prun_facts(w->r, w->facts);
	sl_pmodel_build(w->r);
	if (w->r->stop == SL_PSTOP_NOMEM)
		return nomem(err);
	if (w->r->stop != SL_PSTOP_NO)
		return SL_ERR(err, LIMIT,
			      "policy: the model of the standing facts is too large");
	w->r->is_rising = true;
	take_back(w);
	return 0;
}

int
sl_policy_world_open(const struct sl_policy *p, struct sl_policy_facts *f,
		     const struct sl_policy_limits *lim, size_t max_memory,
		     struct sl_policy_world **ret, struct sl_err *err)
{
	struct sl_policy_world *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return nomem(err);
	sl_arena_init(&w->a, max_memory);
	w->p = p;
	if ((rc = open_world(w, f, lim, err)) < 0) {
		sl_policy_world_close(w);
		return rc;
	}
	*ret = w;
	return 0;
}

void
sl_policy_world_close(struct sl_policy_world *w)
{
	if (w == NULL)
		return;
	if (w->r != NULL)
		sl_arena_free(&w->r->scratch);
	sl_arena_free(&w->a);
	free(w);
}

int
sl_policy_world_decide(struct sl_policy_world *w, struct sl_policy_facts *f,
		       struct sl_arena *a, struct sl_verdict *ret, struct sl_err *err)
{
	int rc = sl_policy_facts_check(w->p, f, err);

	if (rc < 0)
		return rc;
	take_back(w);
	if (w->is_broken)
		return nomem(err);
	mark(w);
	w->r->out = a;
	sl_prun_facts(w->r, f);
	sl_pmodel_rise(w->r);
	return sl_pconclude(w->r, ret, err);
}

/* The predicates that pred leads to, itself among them. */
static void
spread(const struct sl_policy *p, uint32_t pred, bool *is_hit)
{
	bool has_more = true;

	is_hit[pred] = true;
	while (has_more) {
		has_more = false;
		for (const struct sl_prule *q = p->rules; q != NULL; q = q->next)
			for (uint32_t k = 0; !is_hit[q->head.pred] && k < q->body.n_atoms;
			     k++)
				if (is_hit[q->body.atoms[k].pred])
					is_hit[q->head.pred] = has_more = true;
	}
}

/* All that stood on the facts that went is derived anew. */
static int
derive_anew(struct sl_policy_world *w, const struct sl_policy_facts *gone,
	    struct sl_err *err)
{
	struct sl_policy_run *r = w->r;
	bool *is_hit = calloc((size_t)w->p->n_preds + 1, sizeof(*is_hit));

	if (is_hit == NULL)
		return nomem(err);
	for (size_t k = 0; k < gone->n; k++) {
		uint32_t pred = sl_policy_pred(w->p, gone->v[k].pred, gone->v[k].n);

		if (pred != UINT32_MAX && !is_hit[pred])
			spread(w->p, pred, is_hit);
	}
	for (uint32_t k = 0; k < w->p->n_preds; k++)
		if (is_hit[k]) {
			r->n_facts -= r->rel[k].n;
			sl_prel_cut(&r->rel[k], 0);
		}
	sl_prun_facts_of(r, w->facts, is_hit);
	settle(r);
	sl_pprog_renew(r->prog, is_hit);
	free(is_hit);
	return 0;
}

/* gone is sorted; come is the world's own copy.  Either may be NULL. */
static int
change(struct sl_policy_world *w, struct sl_policy_facts *gone,
       struct sl_policy_facts *come, struct sl_err *err)
{
	int rc;

	if (come != NULL && (rc = sl_policy_facts_insert(w->facts, come, err)) < 0)
		return rc;
	if (gone != NULL && (rc = derive_anew(w, gone, err)) < 0)
		return rc;
	if (come != NULL)
		sl_prun_facts(w->r, come);
	sl_pmodel_rise(w->r);
	if (w->r->stop == SL_PSTOP_NOMEM)
		return nomem(err);
	if (w->r->stop != SL_PSTOP_NO)
		return SL_ERR(err, LIMIT,
			      "policy: the model of the standing facts is too large");
	return 0;
}

int
sl_policy_world_change(struct sl_policy_world *w, struct sl_policy_facts *gone,
		       struct sl_policy_facts *come, struct sl_err *err)
{
	struct sl_policy_facts *own = NULL;
	int rc = 0;

	take_back(w);
	if (w->is_broken)
		return nomem(err);
	if (come != NULL && (rc = sl_policy_facts_check(w->p, come, err)) < 0)
		return rc;
	if (come != NULL && (own = sl_policy_facts_copy(&w->a, come)) == NULL)
		return nomem(err);
	if (gone != NULL && ((rc = sl_policy_facts_sort(gone, err)) < 0 ||
			     (rc = sl_policy_facts_drop(w->facts, gone, err)) < 0))
		return rc;
	w->r->out = &w->a;
	rc = change(w, gone, own, err);
	w->is_broken = rc < 0; /* half of what follows may be missing */
	return rc;
}
