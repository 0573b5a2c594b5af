/* model.c -- facts in, and the least fixpoint of all rules.  See run.h. */
#include "policy/run.h"

/* ---- facts ---- */

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

/* The number of who stated facts. */
static uint32_t
source(struct sl_policy_run *r, struct sl_slice name)
{
	uint32_t k = r->n_sources;

	while (k-- > 0)
		if (sl_slice_eq(r->source[k], name))
			return k;
	if (r->n_sources == r->cap_sources) {
		uint32_t cap = 2 * r->cap_sources + 16;
		struct sl_slice *v =
		    sl_arena_regrow(r->a, r->source, r->n_sources, cap, sizeof(*v));

		if (v == NULL) {
			sl_prun_stop(r, SL_PSTOP_NOMEM);
			return 0;
		}
		r->source = v;
		r->cap_sources = cap;
	}
	r->source[r->n_sources] = name;
	return r->n_sources++;
}

static void
put(struct sl_policy_run *r, uint32_t pred, const uint32_t *cell, uint32_t block,
    uint32_t prov)
{
	sl_prel_put(r, pred, cell, sl_prel_hash(cell, r->rel[pred].arity),
		    UINT32_C(1) << block, prov);
}

static void
policy_facts(struct sl_policy_run *r, const bool *is_wanted)
{
	uint32_t cell[SL_PARITY_MAX];

	for (const struct sl_pfact *f = r->p->facts; f != NULL; f = f->next) {
		if (is_wanted != NULL && !is_wanted[f->atom.pred])
			continue;
		for (uint32_t k = 0; k < f->atom.n; k++)
			cell[k] = sl_prun_intern(r, f->atom.args[k].t);
		if (r->stop != SL_PSTOP_NO)
			return;
		put(r, f->atom.pred, cell, f->block, SL_PFACT);
	}
}

/* Facts of predicates that the policy does not name cannot matter: left out. */
static void
add_facts(struct sl_policy_run *r, const struct sl_policy_facts *facts,
	  const bool *is_wanted)
{
	const struct sl_pfact_row *last = NULL;
	uint32_t cell[SL_PARITY_MAX], pred = 0, from = 0;

	for (size_t i = 0; i < facts->n && r->stop == SL_PSTOP_NO; i++) {
		const struct sl_pfact_row *f = &facts->v[i];

		if (last == NULL || last->pred.p != f->pred.p || last->n != f->n)
			pred = sl_policy_pred(r->p, f->pred, f->n);
		if (last == NULL || last->source.p != f->source.p)
			from = source(r, f->source);
		last = f;
		if (pred == UINT32_MAX || (is_wanted != NULL && !is_wanted[pred]))
			continue;
		for (uint32_t k = 0; k < f->n; k++)
			cell[k] = sl_prun_intern(r, &f->args[k]);
		if (r->stop == SL_PSTOP_NO)
			put(r, pred, cell, f->block, SL_PFACT | from);
	}
}

void
sl_prun_facts(struct sl_policy_run *r, const struct sl_policy_facts *f)
{
	if (r->n_sources == 0) {
		(void)source(r, SL_LIT("policy"));
		intern_policy(r);
		if (r->stop == SL_PSTOP_NO)
			policy_facts(r, NULL);
	}
	if (r->stop == SL_PSTOP_NO)
		add_facts(r, f, NULL);
}

void
sl_prun_facts_of(struct sl_policy_run *r, const struct sl_policy_facts *f,
		 const bool *is_wanted)
{
	policy_facts(r, is_wanted);
	add_facts(r, f, is_wanted);
}

struct sl_policy_run *
sl_prun_new(const struct sl_policy *p, const struct sl_policy_limits *lim,
	    struct sl_arena *a)
{
	struct sl_policy_run *r = SL_NEW(a, struct sl_policy_run);

	if (r == NULL)
		return NULL;
	*r = (struct sl_policy_run){ .p = p, .lim = *lim, .a = a, .out = a };
	sl_arena_init(&r->scratch,
		      lim->max_bytes > SIZE_MAX ? SIZE_MAX : (size_t)lim->max_bytes);
	r->con = SL_NEW_N(a, uint32_t, (size_t)p->n_cons + 1);
	r->n_rels = sl_pmagic_rels(p);
	r->rel = SL_NEW_N(a, struct sl_prel, (size_t)r->n_rels + 1);
	if (r->con == NULL || r->rel == NULL)
		return NULL;
	for (uint32_t k = 0; k < p->n_preds; k++) {
		r->rel[k].arity = p->preds[k].arity;
		r->rel[k].has_rules = p->preds[k].rules != NULL;
	}
	return r;
}

/* ---- fixpoint ---- */

static void
fixpoint(struct sl_policy_run *r)
{
	for (uint32_t round = 1; sl_pprog_next(r) || round == 1; round++) {
		sl_pprog_round(r, r->prog, r->is_rising ? 1 : round);
		if (r->stop != SL_PSTOP_NO)
			return;
	}
}

void
sl_pmodel_rise(struct sl_policy_run *r)
{
	r->is_rising = true;
	if (r->stop == SL_PSTOP_NO)
		fixpoint(r);
}

void
sl_pmodel_build(struct sl_policy_run *r)
{
	r->prog = sl_pprog_new(r);
	for (const struct sl_prule *q = r->p->rules; q != NULL && r->stop == SL_PSTOP_NO;
	     q = q->next)
		sl_pprog_add(r, r->prog, q, false);
	if (r->stop == SL_PSTOP_NO)
		fixpoint(r);
}
