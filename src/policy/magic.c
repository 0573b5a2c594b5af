/* magic.c -- only the part of the model that is asked for: magic sets.  See run.h.
 *
 * For a predicate and the places that a call binds there is a relation of such calls.  A
 * rule runs for the calls of its head (a first atom, its guard), and makes calls for the
 * atoms of its body, left to right, as demand.c does; expressions hold back no call, for
 * one that fails would not either.  Rows still go into the one relation of the predicate:
 * what is derived for one call may be read by another, and is part of the model anyway.
 */
#include "policy/run.h"

struct call { /* a predicate and the places bound */
	uint32_t pred, mask;
};

struct sl_pmagic {
	struct call
	    *v; /* by relation - n_preds; the first n_preds of them bind nothing */
	uint32_t n, cap;
	struct sl_pkeys kinds;  /* place in v + 1, by predicate and mask */
	uint32_t *todo, n_todo; /* places in v whose rules are not in the program yet */
};

enum { MORE_CALLS = 64 };

/* Relations of predicates, then those of calls: one a predicate that binds nothing, and
 * so many more. */
uint32_t
sl_pmagic_rels(const struct sl_policy *p)
{
	return 3 * p->n_preds + MORE_CALLS;
}

/* The relation of such calls; where there are too many kinds, the one for all. */
static uint32_t
call_rel(struct sl_policy_run *r, uint32_t pred, uint32_t *mask)
{
	struct sl_pmagic *m = r->magic;
	uint32_t key[2], *have, k;
	bool is_new;

	if (m->n == m->cap)
		*mask = 0;
	key[0] = pred;
	key[1] = *mask;
	if ((have = sl_pkeys_put(r, &m->kinds, key, 2, &is_new)) == NULL)
		return r->p->n_preds;
	if (is_new) {
		k = *mask == 0 ? pred : m->n++;
		*have = k + 1;
		m->v[k] = (struct call){ pred, *mask };
		m->todo[m->n_todo++] = k;
		r->rel[r->p->n_preds + k].arity =
		    *mask != 0 ? (uint32_t)__builtin_popcount(*mask) : 1;
	}
	return r->p->n_preds + *have - 1;
}

/* The atom that makes or reads a call of m.  One that binds nothing has one place, with
 * the policy's last constant, as a relation has at least one. */
static bool
call_atom(struct sl_policy_run *r, const struct sl_patom *m, uint32_t mask,
	  struct sl_patom *ret)
{
	uint32_t n = 0;

	ret->pred = call_rel(r, m->pred, &mask);
	ret->name = m->name;
	ret->line = m->line;
	ret->args = SL_NEW_N(r->a, struct sl_parg, (size_t)m->n + 1);
	if (ret->args == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return false;
	}
	for (uint32_t k = 0; k < m->n; k++)
		if ((mask >> k & 1) != 0)
			ret->args[n++] = m->args[k];
	if (mask == 0)
		ret->args[n++] = (struct sl_parg){ .con = r->p->n_cons };
	ret->n = n;
	return true;
}

static uint64_t
vars_of(const struct sl_patom *m, uint32_t mask)
{
	uint64_t v = 0;

	for (uint32_t k = 0; k < m->n; k++)
		if ((mask >> k & 1) != 0 && m->args[k].is_var)
			v |= UINT64_C(1) << m->args[k].var;
	return v;
}

static uint32_t
bound_places(const struct sl_patom *m, uint64_t bound)
{
	uint32_t mask = 0;

	for (uint32_t k = 0; k < m->n; k++)
		if (!m->args[k].is_var || (bound >> m->args[k].var & 1) != 0)
			mask |= UINT32_C(1) << k;
	return mask;
}

/* A rule with the guard, where there is one, and the first n atoms of b as its body. */
static void
add_rule(struct sl_policy_run *r, const struct sl_patom *head,
	 const struct sl_patom *guard, const struct sl_pbody *b, uint32_t n,
	 const struct sl_prule *like)
{
	struct sl_prule *q = SL_NEW(r->a, struct sl_prule);
	uint32_t at = guard != NULL;

	if (q != NULL)
		q->body.atoms = SL_NEW_N(r->a, struct sl_patom, (size_t)n + at + 1);
	if (q == NULL || q->body.atoms == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	if (guard != NULL)
		q->body.atoms[0] = *guard;
	memcpy(q->body.atoms + at, b->atoms, n * sizeof(*b->atoms));
	q->body.n_atoms = n + at;
	q->body.n_vars = b->n_vars;
	q->body.params = b->params;
	q->body.vars = b->vars;
	q->body.trusted = UINT32_MAX;
	if (like != NULL) {
		q->body.exprs = b->exprs;
		q->body.n_exprs = b->n_exprs;
		q->line = like->line;
	}
	q->id = like != NULL ? like->id : 0;
	q->block = SL_PAUTH;
	q->head = *head;
	q->shown = like;
	sl_pprog_add(r, r->prog, q, guard != NULL);
}

/* The calls that a body makes, with `bound` from the start. */
static void
add_calls(struct sl_policy_run *r, const struct sl_patom *guard, uint64_t bound,
	  const struct sl_pbody *b)
{
	for (uint32_t k = 0; k < b->n_atoms && r->stop == SL_PSTOP_NO; k++) {
		const struct sl_patom *m = &b->atoms[k];
		struct sl_patom head = { 0 };

		if (r->p->preds[m->pred].rules != NULL &&
		    call_atom(r, m, bound_places(m, bound), &head))
			add_rule(r, &head, guard, b, k, NULL);
		bound |= vars_of(m, UINT32_MAX);
	}
}

/* The rules of kinds of calls that nobody has made before. */
static void
open_calls(struct sl_policy_run *r)
{
	struct sl_pmagic *m = r->magic;

	while (m->n_todo > 0 && r->stop == SL_PSTOP_NO) {
		struct call c = m->v[m->todo[--m->n_todo]];

		for (const struct sl_prule *q = r->p->preds[c.pred].rules; q != NULL;
		     q = q->next_of_pred) {
			struct sl_patom guard = { 0 };

			if (!call_atom(r, &q->head, c.mask, &guard))
				return;
			add_rule(r, &q->head, &guard, &q->body, q->body.n_atoms, q);
			add_calls(r, &guard, vars_of(&q->head, c.mask), &q->body);
		}
	}
}

void
sl_pmagic_build(struct sl_policy_run *r)
{
	struct sl_pmagic *m = SL_NEW(r->a, struct sl_pmagic);

	r->prog = sl_pprog_new(r);
	if (m != NULL)
		m->v =
		    SL_NEW_N(r->a, struct call, (size_t)2 * r->p->n_preds + MORE_CALLS);
	if (m != NULL)
		m->todo =
		    SL_NEW_N(r->a, uint32_t, (size_t)2 * r->p->n_preds + MORE_CALLS);
	if (m == NULL || m->v == NULL || m->todo == NULL || r->prog == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	m->n = r->p->n_preds;
	m->cap = 2 * r->p->n_preds + MORE_CALLS;
	r->magic = m;
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? r->p->policies : r->p->checks;
		     g != NULL; g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				add_calls(r, NULL, 0, &g->or [k]);
	open_calls(r);
	sl_pmodel_rise(r);
}

void
sl_pmagic_ask(struct sl_policy_run *r, uint32_t pred)
{
	uint32_t mask = 0, rel, zero = 0;

	if (r->magic == NULL || r->p->preds[pred].rules == NULL)
		return;
	rel = call_rel(r, pred, &mask);
	open_calls(r);
	sl_prel_put(r, rel, &zero, sl_prel_hash(&zero, 1), UINT32_C(1) << SL_PAUTH,
		    SL_PFACT);
	sl_pmodel_rise(r);
}
