/* repair.c -- the search over sets of changes.  See repair.h.
 *
 * A node is a set of changes and the `allow if` that shall decide.  Under its changes the
 * first thing that stands in the way is looked for:
 *   - a match that must not be (a deny before the allow, a reject, a `check all` with a
 *     false expression): whatever repairs it leaves out a fact of any one of its proofs,
 *     so one proof is taken, and each fact of it that can be withheld makes a node;
 *   - a match that is missing (the allow, a check): whatever repairs it adds at least one
 *     of the sets that sl_abduce() finds; each makes a node.
 * Nodes are taken by their number of changes, so the first repairs are the smallest, and
 * no repair of that size is missed (Reiter, A theory of diagnosis from first principles).
 */
#include "policy/repair_int.h"

#include <stdlib.h>

enum {
	NODES_MAX = 20000,
	BUCKETS = 1024,
	MODEL_BYTES = 256 << 20,
};

const struct sl_repair_opts sl_repair_default_opts = {
	.max_changes = SL_REPAIR_CHANGES_MAX,
	.max_repairs = 200,
	.max_work = 5000000,
};

struct node {
	struct sl_change_set s;
	const struct sl_pgoal *target;
	bool is_sure;                 /* solves it, and needs no look */
	const struct sl_pbody **ways; /* what misses, when looked at: bodies */
	size_t n_ways;
	bool is_last; /* nothing else misses */
	struct node *next, *same;
};

struct finder {
	struct sl_repairer x;
	struct sl_policy_facts *facts;
	struct sl_policy_run *base; /* the model without changes */
	struct node *level[SL_REPAIR_CHANGES_MAX + 2], **tail[SL_REPAIR_CHANGES_MAX + 2];
	struct node *missing, **missing_tail; /* looked at; facts could be added */
	struct node *bucket[BUCKETS];
	size_t n_nodes;
	struct sl_change_set *found;
	size_t n_found, cap_found;
	bool is_plain; /* no expression can fail or depend on what is added */
};

bool
sl_repair_work(struct sl_repairer *x, uint64_t n)
{
	if (x->is_nomem)
		return false;
	x->work += n;
	if (x->work > x->o->max_work)
		x->is_cut = true;
	return x->work <= x->o->max_work;
}

/* ---- changes ---- */

static const struct sl_change *
change_of(struct finder *f, const struct sl_policy_run *r, bool is_add, uint32_t pred,
	  const uint32_t *cell)
{
	struct sl_change *c = SL_NEW(f->x.a, struct sl_change);
	uint32_t n = r->p->preds[pred].arity;
	struct sl_term *t = SL_NEW_N(f->x.a, struct sl_term, (size_t)n + 1);

	if (c == NULL || t == NULL) {
		f->x.is_nomem = true;
		return NULL;
	}
	*c = (struct sl_change){ is_add, r->p->preds[pred].name, t, n };
	for (uint32_t k = 0; k < n; k++)
		if (!sl_term_copy(f->x.a, r->term[cell[k]], &t[k])) {
			f->x.is_nomem = true;
			return NULL;
		}
	return c;
}

/* ---- nodes ---- */

static void
add_node(struct finder *f, const struct sl_change_set *s, const struct sl_pgoal *target,
	 bool is_sure)
{
	struct node **b = &f->bucket[sl_change_set_hash(s) % BUCKETS], *n;

	for (n = *b; n != NULL; n = n->same)
		if (n->target == target && sl_change_set_cmp(&n->s, s) == 0)
			return;
	if (f->n_nodes == NODES_MAX) {
		f->x.is_cut = true;
		return;
	}
	if ((n = SL_NEW(f->x.a, struct node)) == NULL) {
		f->x.is_nomem = true;
		return;
	}
	f->n_nodes++;
	*n = (struct node){ .s = *s, .target = target, .is_sure = is_sure, .same = *b };
	*b = n;
	*f->tail[s->n] = n;
	f->tail[s->n] = &n->next;
}

static void
add_found(struct finder *f, const struct sl_change_set *s)
{
	for (size_t k = 0; k < f->n_found; k++)
		if (sl_change_set_cmp(&f->found[k], s) == 0)
			return;
	if (f->n_found == f->cap_found) {
		size_t cap = f->cap_found > 0 ? 2 * f->cap_found : 16;
		struct sl_change_set *v = SL_NEW_N(f->x.a, struct sl_change_set, cap);

		if (v == NULL) {
			f->x.is_nomem = true;
			return;
		}
		if (f->n_found > 0)
			memcpy(v, f->found, f->n_found * sizeof(*v));
		f->found = v;
		f->cap_found = cap;
	}
	f->found[f->n_found++] = *s;
}

/* ---- the model under changes ---- */

static bool
is_withheld(const struct sl_change_set *s, const struct sl_pfact_row *row)
{
	const struct sl_change c = { false, row->pred, row->args, row->n };

	for (uint32_t k = 0; k < s->n; k++)
		if (!s->c[k]->is_add && sl_change_cmp(s->c[k], &c) == 0)
			return true;
	return false;
}

static struct sl_policy_facts *
facts_under(struct finder *f, const struct sl_change_set *s, struct sl_arena *a)
{
	struct sl_policy_facts *v = sl_policy_facts_new(a);
	struct sl_err none = { 0 };

	if (v == NULL)
		return NULL;
	v->cap = f->facts->n + s->n;
	if ((v->v = SL_NEW_N(a, struct sl_pfact_row, v->cap + 1)) == NULL)
		return NULL;
	for (size_t k = 0; k < f->facts->n; k++)
		if (!is_withheld(s, &f->facts->v[k]))
			v->v[v->n++] = f->facts->v[k];
	for (uint32_t k = 0; k < s->n; k++)
		if (s->c[k]->is_add)
			v->v[v->n++] =
			    (struct sl_pfact_row){ s->c[k]->pred, SL_LIT("assumed"),
						   s->c[k]->args, (uint32_t)s->c[k]->n,
						   SL_PAUTH };
	v->is_sorted = false;
	return sl_policy_facts_sort(v, &none) < 0 ? NULL : v;
}

/* NULL: memory, or the model is beyond what may be spent. */
static struct sl_policy_run *
model_of(struct finder *f, const struct sl_change_set *s, struct sl_arena *a)
{
	struct sl_policy_limits lim = sl_policy_default_limits;
	struct sl_policy_facts *v = facts_under(f, s, a);
	struct sl_policy_run *r = v != NULL ? sl_prun_new(f->x.p, &lim, a) : NULL;

	if (r == NULL) {
		f->x.is_nomem = true;
		return NULL;
	}
	r->lim.max_work = f->x.o->max_work - f->x.work;
	sl_prun_facts(r, v);
	sl_pmodel_build(r);
	if (r->stop == SL_PSTOP_NOMEM) {
		f->x.is_nomem = true;
		return NULL;
	}
	(void)sl_repair_work(&f->x, r->work);
	if (r->stop != SL_PSTOP_NO) {
		f->x.is_cut = true;
		return NULL;
	}
	r->lim = sl_policy_default_limits;
	r->work = 0;
	return r;
}

/* ---- what stands in the way ---- */

/* The first match of the body: one with all expressions true, or one with a false one. */
struct hunt {
	bool wants_false;
	bool is_found;
	uint32_t row[SL_PATOMS_MAX];
};

static void
on_match(struct sl_pjoin *j)
{
	struct hunt *h = j->data;

	if ((j->outcome == SL_PYES) == h->wants_false)
		return;
	h->is_found = j->is_done = true;
	memcpy(h->row, j->row, j->b->n_atoms * sizeof(*h->row));
}

static bool
match(struct finder *f, struct sl_policy_run *r, const struct sl_pbody *b, struct hunt *h)
{
	uint64_t before = r->work;
	struct sl_pjoin j;

	h->is_found = false;
	sl_pjoin_init(&j, r, b, 0);
	j.on_expr = sl_pjoin_plain_expr;
	j.on_match = on_match;
	j.keeps_false = h->wants_false;
	j.data = h;
	sl_pjoin_run(&j);
	(void)sl_repair_work(&f->x, r->work - before);
	if (r->stop != SL_PSTOP_NO) {
		f->x.is_cut |= r->stop != SL_PSTOP_NOMEM;
		f->x.is_nomem |= r->stop == SL_PSTOP_NOMEM;
	}
	return h->is_found;
}

struct leaves {
	struct finder *f;
	struct sl_policy_run *r;
	const struct node *n;
	uint32_t *first;
	bool *is_seen;
	size_t count;
};

static void
leaf(struct leaves *w, uint32_t pred, uint32_t row)
{
	const struct sl_prel *l = &w->r->rel[pred];
	struct sl_change_set s = w->n->s;
	const struct sl_change *c;
	uint32_t source;

	source = l->prov[row] & ~SL_PFACT;
	if (source == 0 || !w->f->x.is_withheld[pred] ||
	    sl_slice_eq(w->r->source[source], SL_LIT("assumed")))
		return; /* of the policy itself, of somebody else, of this search */
	w->count++;
	c = change_of(w->f, w->r, false, pred, l->cell + (size_t)row * l->arity);
	if (c != NULL && s.n < w->f->x.o->max_changes && sl_change_set_add(&s, c))
		add_node(w->f, &s, w->n->target, false);
}

/* Each height once at most on the way down: bounded by the rounds of the model. */
static void
walk(struct leaves *w, uint32_t pred, uint32_t row)
{
	bool *seen = &w->is_seen[w->first[pred] + row];
	const struct sl_prule *rule = NULL;
	const uint32_t *from;

	if (*seen)
		return;
	*seen = true;
	if (sl_prel_height(&w->r->rel[pred], row) == 0) {
		leaf(w, pred, row);
		return;
	}
	from = sl_pproof_step(w->r, pred, row, &rule);
	for (uint32_t k = 0; from != NULL && k < rule->body.n_atoms; k++)
		walk(w, rule->body.atoms[k].pred, from[k]);
}

/* A node for each fact of the match's proof that can be withheld. */
static void
break_match(struct finder *f, const struct node *n, struct sl_policy_run *r,
	    const struct sl_pbody *b, const struct hunt *h)
{
	struct leaves w = { .f = f, .r = r, .n = n };
	uint32_t at = 0;

	w.first = SL_NEW_N(r->a, uint32_t, (size_t)r->p->n_preds + 1);
	for (uint32_t k = 0; w.first != NULL && k < r->p->n_preds; k++) {
		w.first[k] = at;
		at += r->rel[k].n;
	}
	w.is_seen = SL_NEW_N(r->a, bool, (size_t)at + 1);
	if (w.first == NULL || w.is_seen == NULL) {
		f->x.is_nomem = true;
		return;
	}
	for (uint32_t k = 0; k < b->n_atoms; k++)
		walk(&w, b->atoms[k].pred, h->row[k]);
	f->x.is_nomem |= r->stop == SL_PSTOP_NOMEM;
	f->x.is_cut |= r->stop != SL_PSTOP_NO;
}

/* A goal that must not match: true when something was in the way. */
static bool
forbid(struct finder *f, const struct node *n, struct sl_policy_run *r,
       const struct sl_pgoal *g)
{
	struct hunt h = { .wants_false = false };

	for (uint32_t k = 0; k < g->n_or; k++)
		if (match(f, r, &g->or [k], &h)) {
			break_match(f, n, r, &g->or [k], &h);
			return true;
		}
	return false;
}

/* One branch of a `check all` passes: 1 it does, 0 it has no match, -1 a false one. */
static int
all_true(struct finder *f, struct sl_policy_run *r, const struct sl_pbody *b,
	 struct hunt *h)
{
	struct hunt any = { .wants_false = false };

	h->wants_false = true;
	if (match(f, r, b, h))
		return -1;
	return match(f, r, b, &any);
}

static bool
add_way(struct finder *f, struct node *n, const struct sl_pbody *b)
{
	const struct sl_pbody **v =
	    SL_NEW_N(f->x.a, const struct sl_pbody *, n->n_ways + 1);

	if (v == NULL) {
		f->x.is_nomem = true;
		return false;
	}
	for (size_t k = 0; k < n->n_ways; k++)
		v[k] = n->ways[k];
	v[n->n_ways++] = b;
	n->ways = v;
	return true;
}

/* A goal that must match: true when it does not. */
static bool
require(struct finder *f, struct node *n, struct sl_policy_run *r,
	const struct sl_pgoal *g, bool is_first)
{
	struct hunt h = { .wants_false = false };

	if (g->kind == SL_PGOAL_CHECK_ALL) {
		for (uint32_t k = 0; k < g->n_or; k++)
			if (all_true(f, r, &g->or [k], &h) == 1)
				return false;
		for (uint32_t k = 0; is_first && k < g->n_or; k++)
			switch (all_true(f, r, &g->or [k], &h)) {
			case -1:
				break_match(f, n, r, &g->or [k], &h);
				break;
			default:
				(void)add_way(f, n, &g->or [k]);
				break;
			}
		return true;
	}
	for (uint32_t k = 0; k < g->n_or; k++)
		if (match(f, r, &g->or [k], &h))
			return false;
	for (uint32_t k = 0; is_first && k < g->n_or; k++)
		if (!add_way(f, n, &g->or [k]))
			break;
	return true;
}

/* True: nothing is in the way.  Otherwise nodes were made, or n->ways says what misses.
 */
static bool
look(struct finder *f, struct node *n, struct sl_policy_run *r)
{
	size_t n_missing = 0, n_universal = 0;

	for (const struct sl_pgoal *g = f->x.p->policies; g != n->target; g = g->next)
		if (g->kind == SL_PGOAL_DENY) {
			n_universal++;
			if (forbid(f, n, r, g))
				return false;
		}
	for (const struct sl_pgoal *g = f->x.p->checks; g != NULL; g = g->next)
		if (g->kind == SL_PGOAL_REJECT_IF) {
			n_universal++;
			if (forbid(f, n, r, g))
				return false;
		}
	for (const struct sl_pgoal *g = f->x.p->checks; g != NULL; g = g->next) {
		n_universal += g->kind == SL_PGOAL_CHECK_ALL;
		if (g->kind != SL_PGOAL_REJECT_IF && require(f, n, r, g, n_missing == 0))
			n_missing++;
	}
	if (require(f, n, r, n->target, n_missing == 0))
		n_missing++;
	n->is_last = n_missing == 1 && n_universal == 0 && f->is_plain;
	return n_missing == 0;
}

/* The engine's own word, with expressions that fail and with fuel. */
static bool
is_allowed(struct finder *f, const struct sl_change_set *s, struct sl_arena *a)
{
	struct sl_policy p = *f->x.p;
	struct sl_policy_facts *v = facts_under(f, s, a);
	struct sl_verdict verdict = { 0 };
	struct sl_err none = { 0 };

	p.decls = NULL; /* an assumed fact may be one that the policy states */
	if (v == NULL ||
	    sl_policy_decide(&p, v, &sl_policy_default_limits, a, &verdict, &none) < 0) {
		f->x.is_nomem = true;
		return false;
	}
	(void)sl_repair_work(&f->x, verdict.run->work);
	if (strcmp(verdict.reason, "error") == 0 || strcmp(verdict.reason, "fuel") == 0 ||
	    strcmp(verdict.reason, "limit") == 0)
		f->x.is_cut = true; /* what would mend that is not searched for */
	return verdict.kind == SL_VERDICT_ALLOW;
}

static void
visit(struct finder *f, struct node *n)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_policy_run *r = f->base;

	if (n->is_sure) {
		add_found(f, &n->s);
		return;
	}
	sl_arena_init(&a, MODEL_BYTES);
	if (n->s.n > 0 && (r = model_of(f, &n->s, &a)) == NULL)
		return;
	if (look(f, n, r) && !f->x.is_nomem && is_allowed(f, &n->s, &a))
		add_found(f, &n->s);
	if (n->n_ways > 0) {
		n->next = NULL;
		*f->missing_tail = n;
		f->missing_tail = &n->next;
	}
	if (n->s.n > 0)
		sl_arena_free(&r->scratch);
}

struct more {
	struct finder *f;
	struct node *n;
	struct sl_policy_run *r;
};

static void
found_missing(void *data, const struct sl_assumed *v, uint32_t n)
{
	struct more *m = data;
	struct sl_change_set s = m->n->s;

	for (uint32_t k = 0; k < n; k++) {
		const struct sl_change *c =
		    change_of(m->f, m->r, true, v[k].pred, v[k].cell);

		if (c == NULL)
			return;
		for (uint32_t i = 0; i < s.n; i++) { /* withheld before: no gain */
			struct sl_change back = *c;

			back.is_add = false;
			if (sl_change_cmp(s.c[i], &back) == 0)
				return;
		}
		if (!sl_change_set_add(&s, c))
			return;
	}
	add_node(m->f, &s, m->n->target, m->n->is_last);
}

/* The nodes of that many changes that what misses at n gives. */
static void
add_missing(struct finder *f, struct node *n, uint32_t size)
{
	SL_AUTO_ARENA a = { 0 };
	struct more m = { f, n, f->base };

	if (size <= n->s.n)
		return;
	sl_arena_init(&a, MODEL_BYTES);
	if (n->s.n > 0 && (m.r = model_of(f, &n->s, &a)) == NULL)
		return;
	for (size_t k = 0; k < n->n_ways; k++) {
		struct sl_abduction q = { &f->x,         m.r,           n->ways[k],
					  size - n->s.n, found_missing, &m };

		sl_abduce(&q);
	}
	if (n->s.n > 0)
		sl_arena_free(&m.r->scratch);
}

static void
search(struct finder *f)
{
	static const struct sl_change_set none = { 0 };

	for (const struct sl_pgoal *g = f->x.p->policies; g != NULL; g = g->next)
		if (g->kind == SL_PGOAL_ALLOW)
			add_node(f, &none, g, false);
	for (uint32_t size = 0; size <= f->x.o->max_changes; size++) {
		struct node *next;

		for (struct node *n = f->missing; n != NULL && size > 0; n = n->next)
			add_missing(f, n, size);
		for (struct node *n = f->level[size]; n != NULL; n = next) {
			next = n->next;
			if (f->x.is_nomem || f->x.work > f->x.o->max_work)
				return;
			visit(f, n);
		}
		if (f->n_found > 0)
			return;
	}
}

/* ---- start ---- */

static bool
is_literal(const struct sl_pbody *b)
{
	for (uint32_t k = 0; k < b->n_exprs; k++)
		if (b->exprs[k].px->op != SL_PX_TERM)
			return false;
	return true;
}

static bool
is_plain(const struct sl_policy *p)
{
	for (const struct sl_prule *q = p->rules; q != NULL; q = q->next)
		if (!is_literal(&q->body))
			return false;
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? p->policies : p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				if (!is_literal(&g->or [k]))
					return false;
	return true;
}

static void
mark_could(struct sl_repairer *x, struct sl_slice name, uint64_t rank)
{
	for (uint32_t k = 0; k < x->p->n_preds; k++)
		if (sl_slice_eq(x->p->preds[k].name, name) && x->could[k] == 0)
			x->could[k] = rank + 1;
}

/* could_add(NAME, RANK) of the model, and what the caller names. */
static void
find_could(struct finder *f)
{
	uint32_t pred = sl_policy_pred(f->x.p, SL_LIT("could_add"), 2);
	const struct sl_prel *l = pred != UINT32_MAX ? &f->base->rel[pred] : NULL;

	for (uint32_t k = 0; l != NULL && k < l->n; k++) {
		const struct sl_term *name = f->base->term[l->cell[2 * (size_t)k]],
				     *rank = f->base->term[l->cell[2 * (size_t)k + 1]];

		if (name->kind == SL_TERM_STR && rank->kind == SL_TERM_INT &&
		    rank->i >= 0 && rank->i <= 1000000)
			mark_could(&f->x, name->s, (uint64_t)rank->i);
	}
	for (size_t k = 0; k < f->x.o->n_add; k++)
		mark_could(&f->x, f->x.o->add[k], 1);
}

static void
find_depends(struct sl_repairer *x)
{
	bool is_new = true;

	for (uint32_t k = 0; k < x->p->n_preds; k++)
		x->depends[k] = x->could[k] > 0;
	while (is_new && sl_repair_work(x, x->p->n_rules)) {
		is_new = false;
		for (const struct sl_prule *q = x->p->rules; q != NULL; q = q->next)
			for (uint32_t k = 0;
			     k < q->body.n_atoms && !x->depends[q->head.pred]; k++)
				if (x->depends[q->body.atoms[k].pred])
					x->depends[q->head.pred] = is_new = true;
	}
}

static int
by_rank(const void *a, const void *b)
{
	const struct sl_repair *x = a, *y = b;
	int r = (x->rank > y->rank) - (x->rank < y->rank);

	for (size_t k = 0; r == 0 && k < x->n && k < y->n; k++)
		r = sl_change_cmp(x->change[k], y->change[k]);
	return r;
}

static uint64_t
rank_of(const struct sl_repairer *x, const struct sl_change *c)
{
	uint32_t k = sl_policy_pred(x->p, c->pred, c->n);

	return c->is_add && k != UINT32_MAX ? x->could[k] - 1 : 0;
}

static bool
give(struct finder *f, struct sl_repairs *ret)
{
	struct sl_repair *v = SL_NEW_N(f->x.a, struct sl_repair, f->n_found + 1);

	if (v == NULL)
		return false;
	for (size_t k = 0; k < f->n_found; k++) {
		v[k] = (struct sl_repair){ f->found[k].c, f->found[k].n, 0 };
		for (uint32_t i = 0; i < f->found[k].n; i++)
			v[k].rank += rank_of(&f->x, f->found[k].c[i]);
	}
	if (f->n_found > 0)
		qsort(v, f->n_found, sizeof(*v), by_rank);
	ret->v = v;
	ret->n = f->n_found < f->x.o->max_repairs ? f->n_found : f->x.o->max_repairs;
	ret->is_complete = !f->x.is_cut && ret->n == f->n_found;
	return true;
}

static bool
prepare(struct finder *f)
{
	static const struct sl_change_set none = { 0 };
	size_t n = (size_t)f->x.p->n_preds + 1;

	f->x.could = SL_NEW_N(f->x.a, uint64_t, n);
	f->x.depends = SL_NEW_N(f->x.a, bool, n);
	f->x.is_withheld = SL_NEW_N(f->x.a, bool, n);
	if (f->x.could == NULL || f->x.depends == NULL || f->x.is_withheld == NULL)
		return false;
	for (int k = 0; k < SL_REPAIR_CHANGES_MAX + 2; k++)
		f->tail[k] = &f->level[k];
	f->missing_tail = &f->missing;
	f->is_plain = is_plain(f->x.p);
	for (uint32_t k = 0; k < f->x.p->n_preds; k++)
		for (size_t i = 0; i < f->x.o->n_withhold; i++)
			f->x.is_withheld[k] |=
			    sl_slice_eq(f->x.p->preds[k].name, f->x.o->withhold[i]);
	f->base = model_of(f, &none, f->x.a);
	return true;
}

int
sl_policy_repair(const struct sl_policy *p, struct sl_policy_facts *facts,
		 const struct sl_repair_opts *o, struct sl_arena *a,
		 struct sl_repairs *ret, struct sl_err *err)
{
	struct finder *f = SL_NEW(a, struct finder);
	int r = sl_policy_facts_sort(facts, err);

	if (r < 0)
		return r;
	if (o->max_changes > SL_REPAIR_CHANGES_MAX)
		return SL_ERR(err, BUG, "repair: more than %d changes",
			      SL_REPAIR_CHANGES_MAX);
	if (f == NULL)
		return SL_ERR(err, NOMEM, "repair: out of memory");
	*f = (struct finder){ .x = { .p = p, .o = o, .a = a }, .facts = facts };
	if (!prepare(f) || f->x.is_nomem)
		return SL_ERR(err, NOMEM, "repair: out of memory");
	if (f->base == NULL)
		return SL_ERR(err, LIMIT, "repair: the model needs more work than %llu",
			      (unsigned long long)o->max_work);
	find_could(f);
	find_depends(&f->x);
	search(f);
	sl_arena_free(&f->base->scratch);
	if (f->x.is_nomem || !give(f, ret))
		return SL_ERR(err, NOMEM, "repair: out of memory");
	return 0;
}
