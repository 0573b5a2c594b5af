/* model.c -- the least fixpoint, semi-naive, and its canonical order.  See run.h. */
#include "policy/run.h"

#include <stdlib.h>

/* ---- fixpoint ---- */

/* A rule being run; its delta atom is the first of the order. */
struct firing {
	const struct sl_prule *rule;
	uint32_t round;
};

static void
derive(struct sl_pjoin *j)
{
	const struct firing *f = j->data;
	const struct sl_patom *h = &f->rule->head;
	uint32_t cell[SL_PARITY_MAX], origin = UINT32_C(1) << f->rule->block;

	for (uint32_t k = 0; k < h->n; k++)
		cell[k] = sl_pjoin_arg(j, &h->args[k]);
	for (uint32_t k = 0; k < j->b->n_atoms; k++)
		origin |= j->r->rel[j->b->atoms[k].pred].origin[j->row[k]];
	sl_prel_insert(j->r, &j->r->rel[h->pred], cell, origin, f->round, 0);
}

/* Atom d on the rows of the last round, those before it on older ones, those behind it
 * on both: each combination once. */
static void
run_delta(struct sl_policy_run *r, struct firing *f, uint32_t d)
{
	const struct sl_pbody *b = &f->rule->body;
	struct sl_pjoin j;
	uint32_t at = 1;

	sl_pjoin_init(&j, r, b, f->rule->id);
	j.on_expr = sl_pjoin_plain_expr;
	j.on_match = derive;
	j.data = f;
	j.order[0] = (uint8_t)d;
	for (uint32_t k = 0; k < b->n_atoms; k++) {
		const struct sl_prel *l = &r->rel[b->atoms[k].pred];

		if (k != d)
			j.order[at++] = (uint8_t)k;
		j.lo[k] = k == d ? l->n_old : 0;
		j.hi[k] = k < d ? l->n_old : l->n_seen;
	}
	sl_pjoin_place(&j);
	sl_pjoin_run(&j);
}

static void
run_rule(struct sl_policy_run *r, struct firing *f)
{
	const struct sl_pbody *b = &f->rule->body;

	if (b->n_atoms == 0) { /* constants and expressions: once */
		struct sl_pjoin j;

		if (f->round > 1)
			return;
		sl_pjoin_init(&j, r, b, f->rule->id);
		j.on_expr = sl_pjoin_plain_expr;
		j.on_match = derive;
		j.data = f;
		sl_pjoin_run(&j);
		return;
	}
	for (uint32_t d = 0; d < b->n_atoms && r->stop == SL_PSTOP_NO; d++) {
		const struct sl_prel *l = &r->rel[b->atoms[d].pred];

		if (l->n_seen > l->n_old)
			run_delta(r, f, d);
	}
}

static void
fixpoint(struct sl_policy_run *r)
{
	bool has_new = true;

	for (uint32_t round = 1; has_new && r->stop == SL_PSTOP_NO; round++) {
		has_new = false;
		for (uint32_t k = 0; k < r->p->n_preds; k++) {
			r->rel[k].n_old = r->rel[k].n_seen;
			r->rel[k].n_seen = r->rel[k].n;
		}
		for (const struct sl_prule *q = r->p->rules; q != NULL; q = q->next) {
			struct firing f = { q, round };

			run_rule(r, &f);
			if (r->stop == SL_PSTOP_LIMIT && r->stop_rule == NULL)
				r->stop_rule = q;
			if (r->stop != SL_PSTOP_NO)
				return;
		}
		for (uint32_t k = 0; k < r->p->n_preds; k++)
			has_new |= r->rel[k].n > r->rel[k].n_seen;
	}
}

/* ---- the canonical order ---- */

static int
by_term(const void *a, const void *b, void *data)
{
	const struct sl_policy_run *r = data;

	return sl_term_cmp(r->term[*(const uint32_t *)a], r->term[*(const uint32_t *)b]);
}

struct sorter {
	const struct sl_policy_run *r;
	const struct sl_prel *l;
};

static int
by_row(const void *a, const void *b, void *data)
{
	const struct sorter *s = data;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const uint32_t *p = s->l->cell + (size_t)x * s->l->arity;
	const uint32_t *q = s->l->cell + (size_t)y * s->l->arity;

	for (uint32_t k = 0; k < s->l->arity; k++)
		if (p[k] != q[k])
			return s->r->rank[p[k]] < s->r->rank[q[k]] ? -1 : 1;
	return (s->l->origin[x] > s->l->origin[y]) - (s->l->origin[x] < s->l->origin[y]);
}

static bool
sort_rel(struct sl_policy_run *r, struct sl_prel *l)
{
	struct sorter s = { r, l };
	uint32_t *order, n = l->n;
	struct sl_prel to = { .arity = l->arity, .n = n, .cap = n, .n_seen = n };

	l->indexes = NULL;
	l->is_demanded =
	    sl_prun_regrow(r, NULL, 0, (size_t)n + 1, sizeof(*l->is_demanded));
	if (n == 0)
		return l->is_demanded != NULL;
	order = sl_prun_regrow(r, NULL, 0, n, sizeof(*order));
	to.cell = sl_prun_regrow(r, NULL, 0, n, l->arity * sizeof(*to.cell));
	to.origin = sl_prun_regrow(r, NULL, 0, n, sizeof(*to.origin));
	to.height = sl_prun_regrow(r, NULL, 0, n, sizeof(*to.height));
	to.source = sl_prun_regrow(r, NULL, 0, n, sizeof(*to.source));
	to.is_demanded = l->is_demanded;
	if (r->stop == SL_PSTOP_NOMEM)
		return false;
	for (uint32_t k = 0; k < n; k++)
		order[k] = k;
	qsort_r(order, n, sizeof(*order), by_row, &s);
	for (uint32_t k = 0; k < n; k++) {
		memcpy(to.cell + (size_t)k * l->arity,
		       l->cell + (size_t)order[k] * l->arity,
		       l->arity * sizeof(*to.cell));
		to.origin[k] = l->origin[order[k]];
		to.height[k] = l->height[order[k]];
		to.source[k] = l->source[order[k]];
	}
	*l = to; /* no hash: nothing is inserted any more */
	return true;
}

static void
sort_all(struct sl_policy_run *r)
{
	uint32_t *order =
	    sl_prun_regrow(r, NULL, 0, (size_t)r->n_terms + 1, sizeof(*order));

	r->rank = sl_prun_regrow(r, NULL, 0, (size_t)r->n_terms + 1, sizeof(*r->rank));
	if (order == NULL || r->rank == NULL)
		return;
	for (uint32_t k = 0; k < r->n_terms; k++)
		order[k] = k;
	if (r->n_terms > 0)
		qsort_r(order, r->n_terms, sizeof(*order), by_term, r);
	for (uint32_t k = 0; k < r->n_terms; k++)
		r->rank[order[k]] = k;
	for (uint32_t k = 0; k < r->p->n_preds && r->stop == SL_PSTOP_NO; k++)
		if (!sort_rel(r, &r->rel[k]))
			return;
}

/* ---- start ---- */

static void
intern_atom(struct sl_policy_run *r, const struct sl_patom *m)
{
	for (uint32_t k = 0; k < m->n; k++)
		if (!m->args[k].is_var)
			r->con[m->args[k].con] = sl_prun_intern(r, m->args[k].t);
}

static void
intern_body(struct sl_policy_run *r, const struct sl_pbody *b)
{
	for (uint32_t k = 0; k < b->n_atoms; k++)
		intern_atom(r, &b->atoms[k]);
}

static void
intern_policy(struct sl_policy_run *r)
{
	for (const struct sl_pfact *f = r->p->facts; f != NULL; f = f->next)
		intern_atom(r, &f->atom);
	for (const struct sl_prule *q = r->p->rules; q != NULL; q = q->next) {
		intern_atom(r, &q->head);
		intern_body(r, &q->body);
	}
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? r->p->policies : r->p->checks;
		     g != NULL; g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				intern_body(r, &g->or [k]);
}

/* Facts of predicates that the policy does not name cannot matter: left out. */
static void
add_facts(struct sl_policy_run *r)
{
	uint32_t cell[SL_PARITY_MAX];

	for (const struct sl_pfact *f = r->p->facts; f != NULL; f = f->next) {
		for (uint32_t k = 0; k < f->atom.n; k++)
			cell[k] = r->con[f->atom.args[k].con];
		sl_prel_insert(r, &r->rel[f->atom.pred], cell, UINT32_C(1) << f->block, 0,
			       0);
	}
	for (size_t i = 0; i < r->facts->n && r->stop == SL_PSTOP_NO; i++) {
		const struct sl_pfact_row *f = &r->facts->v[i];
		uint32_t pred = sl_policy_pred(r->p, f->pred, f->n);

		if (pred == UINT32_MAX)
			continue;
		for (uint32_t k = 0; k < f->n; k++)
			cell[k] = sl_prun_intern(r, &f->args[k]);
		if (r->stop == SL_PSTOP_NO)
			sl_prel_insert(r, &r->rel[pred], cell, UINT32_C(1) << f->block, 0,
				       (uint32_t)i + 1);
	}
}

struct sl_policy_run *
sl_prun_new(const struct sl_policy *p, const struct sl_policy_facts *f,
	    const struct sl_policy_limits *lim, struct sl_arena *a)
{
	struct sl_policy_run *r = SL_NEW(a, struct sl_policy_run);

	if (r == NULL)
		return NULL;
	*r = (struct sl_policy_run){ .p = p, .facts = f, .lim = *lim, .a = a };
	sl_arena_init(&r->scratch,
		      lim->max_bytes > SIZE_MAX ? SIZE_MAX : (size_t)lim->max_bytes);
	r->con = SL_NEW_N(a, uint32_t, (size_t)p->n_cons + 1);
	r->rel = SL_NEW_N(a, struct sl_prel, (size_t)p->n_preds + 1);
	if (r->con == NULL || r->rel == NULL)
		return NULL;
	for (uint32_t k = 0; k < p->n_preds; k++)
		r->rel[k].arity = p->preds[k].arity;
	return r;
}

void
sl_pmodel_build(struct sl_policy_run *r)
{
	intern_policy(r);
	if (r->stop == SL_PSTOP_NO)
		add_facts(r);
	if (r->stop == SL_PSTOP_NO)
		fixpoint(r);
	if (r->stop == SL_PSTOP_NO)
		sort_all(r);
}
