/* model.c -- interning, relations and the least fixpoint.  See run.h. */
#include "policy/run.h"

#include <stdlib.h>

void
sl_prun_stop(struct sl_policy_run *r, enum sl_pstop why)
{
	if (r->stop == SL_PSTOP_NO)
		r->stop = why;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* ---- terms ---- */

static uint64_t
hash_term(const struct sl_term *t)
{
	uint64_t h = mix((uint64_t)t->kind + 1, (uint64_t)t->i);

	for (size_t k = 0; k < t->s.len; k++)
		h = (h ^ t->s.p[k]) * UINT64_C(0x100000001b3);
	h = mix(h, t->s.len);
	for (size_t k = 0; k < t->n; k++)
		h = mix(h, hash_term(&t->items[k]));
	return h;
}

static bool
grow_terms(struct sl_policy_run *r)
{
	uint32_t cap = r->cap_terms > 0 ? 2 * r->cap_terms : 256;
	const struct sl_term **v = SL_NEW_N(r->a, const struct sl_term *, cap);
	uint64_t *h = SL_NEW_N(r->a, uint64_t, cap);
	uint32_t *ix = SL_NEW_N(r->a, uint32_t, (size_t)cap * 2), at;

	if (v == NULL || h == NULL || ix == NULL)
		return false;
	if (r->n_terms > 0) {
		memcpy(v, r->term, r->n_terms * sizeof(*v));
		memcpy(h, r->term_hash, r->n_terms * sizeof(*h));
	}
	for (uint32_t k = 0; k < r->n_terms; k++) {
		for (at = (uint32_t)h[k] & (2 * cap - 1); ix[at] != 0;)
			at = (at + 1) & (2 * cap - 1);
		ix[at] = k + 1;
	}
	r->term = v;
	r->term_hash = h;
	r->term_index = ix;
	r->cap_terms = cap;
	r->cap_index = 2 * cap;
	return true;
}

/* The number of the term, UINT32_MAX when memory is out. */
static uint32_t
intern(struct sl_policy_run *r, const struct sl_term *t)
{
	uint64_t h = hash_term(t);
	uint32_t at, k;

	if (r->n_terms == r->cap_terms && !grow_terms(r)) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return UINT32_MAX;
	}
	for (at = (uint32_t)h & (r->cap_index - 1); (k = r->term_index[at]) != 0;
	     at = (at + 1) & (r->cap_index - 1))
		if (r->term_hash[k - 1] == h && sl_term_cmp(r->term[k - 1], t) == 0)
			return k - 1;
	r->term_index[at] = r->n_terms + 1;
	r->term[r->n_terms] = t;
	r->term_hash[r->n_terms] = h;
	return r->n_terms++;
}

/* ---- relations ---- */

static uint32_t
hash_cells(const uint32_t *c, uint32_t n, uint32_t mask)
{
	uint64_t h = mask;

	for (uint32_t k = 0; k < n; k++)
		if ((mask >> k & 1) != 0)
			h = mix(h, c[k] + UINT64_C(1));
	return (uint32_t)(h ^ h >> 17);
}

static uint32_t
hash_row(const struct sl_prel *l, uint32_t row)
{
	return hash_cells(l->cell + (size_t)row * l->arity, l->arity, UINT32_MAX) ^
	       l->origin[row] * 0x9e3779b1U;
}

static void *
regrow(struct sl_policy_run *r, const void *old, size_t n, size_t cap, size_t size)
{
	void *p = sl_arena_alloc(r->a, cap, size);

	if (p == NULL)
		sl_prun_stop(r, SL_PSTOP_NOMEM);
	else if (n > 0)
		memcpy(p, old, n * size);
	return p;
}

static bool
grow_rel(struct sl_policy_run *r, struct sl_prel *l)
{
	uint32_t cap = l->cap > 0 ? 2 * l->cap : 16, at;

	l->cell = regrow(r, l->cell, l->n, cap, l->arity * sizeof(*l->cell));
	l->origin = regrow(r, l->origin, l->n, cap, sizeof(*l->origin));
	l->height = regrow(r, l->height, l->n, cap, sizeof(*l->height));
	l->source = regrow(r, l->source, l->n, cap, sizeof(*l->source));
	l->hash = regrow(r, NULL, 0, (size_t)cap * 2, sizeof(*l->hash));
	if (r->stop == SL_PSTOP_NOMEM) {
		l->n = 0;
		return false;
	}
	l->cap = cap;
	l->cap_hash = cap * 2;
	for (uint32_t k = 0; k < l->n; k++) {
		for (at = hash_row(l, k) & (l->cap_hash - 1); l->hash[at] != 0;)
			at = (at + 1) & (l->cap_hash - 1);
		l->hash[at] = k + 1;
	}
	return true;
}

/* Adds a row unless it is there. */
static void
insert(struct sl_policy_run *r, struct sl_prel *l, const uint32_t *cell, uint32_t origin,
       uint32_t height, uint32_t source)
{
	uint32_t at, k;

	if (l->n == l->cap && !grow_rel(r, l))
		return;
	at = (hash_cells(cell, l->arity, UINT32_MAX) ^ origin * 0x9e3779b1U) & (l->cap_hash - 1);
	for (; (k = l->hash[at]) != 0; at = (at + 1) & (l->cap_hash - 1))
		if (l->origin[k - 1] == origin &&
		    memcmp(l->cell + (size_t)(k - 1) * l->arity, cell,
			   l->arity * sizeof(*cell)) == 0)
			return;
	if (r->n_facts >= r->lim.max_facts || l->n == UINT32_MAX / 4) {
		sl_prun_stop(r, SL_PSTOP_LIMIT);
		return;
	}
	r->n_facts++;
	memcpy(l->cell + (size_t)l->n * l->arity, cell, l->arity * sizeof(*cell));
	l->origin[l->n] = origin;
	l->height[l->n] = height;
	l->source[l->n] = source;
	l->hash[at] = ++l->n;
}

/* ---- indexes ---- */

static void
index_row(struct sl_prel *l, struct sl_pindex *x, uint32_t row)
{
	uint32_t at = hash_cells(l->cell + (size_t)row * l->arity, l->arity, x->mask) &
		      (x->cap - 1);

	x->chain[row] = x->head[at];
	x->head[at] = row + 1;
}

/* Brings the index up to date with the rows of earlier rounds: those of this round are
 * not visible yet, so the chains stand still while a round walks them.  A rebuild goes
 * from the last row to the first, so that chains over a sorted relation are in order. */
static bool
refresh(struct sl_policy_run *r, struct sl_prel *l, struct sl_pindex *x)
{
	if (x->n == l->n_seen && x->head != NULL)
		return true;
	if (x->head == NULL || l->n_seen > x->cap) {
		x->cap = 16;
		while (x->cap < l->n_seen)
			x->cap *= 2;
		x->head = regrow(r, NULL, 0, x->cap, sizeof(*x->head));
		x->chain = regrow(r, NULL, 0, x->cap, sizeof(*x->chain));
		if (x->head == NULL || x->chain == NULL)
			return false;
		for (uint32_t k = l->n_seen; k-- > 0;)
			index_row(l, x, k);
	} else {
		for (uint32_t k = x->n; k < l->n_seen; k++)
			index_row(l, x, k);
	}
	x->n = l->n_seen;
	return true;
}

static struct sl_pindex *
get_index(struct sl_policy_run *r, struct sl_prel *l, uint32_t mask)
{
	struct sl_pindex *x = l->indexes;

	while (x != NULL && x->mask != mask)
		x = x->next;
	if (x == NULL) {
		if ((x = SL_NEW(r->a, struct sl_pindex)) == NULL) {
			sl_prun_stop(r, SL_PSTOP_NOMEM);
			return NULL;
		}
		x->mask = mask;
		x->next = l->indexes;
		l->indexes = x;
	}
	return refresh(r, l, x) ? x : NULL;
}

/* ---- joins ---- */

uint32_t
sl_pjoin_arg(const struct sl_pjoin *j, const struct sl_parg *g)
{
	if (!g->is_var)
		return j->r->con[g->con];
	return (j->bound >> g->var & 1) != 0 ? j->val[g->var] : UINT32_MAX;
}

bool
sl_pjoin_bind_head(struct sl_pjoin *j, const struct sl_patom *head, const uint32_t *pattern)
{
	for (uint32_t k = 0; k < head->n; k++) {
		uint32_t have = sl_pjoin_arg(j, &head->args[k]);

		if (pattern[k] == UINT32_MAX)
			continue;
		if (have != UINT32_MAX && have != pattern[k])
			return false;
		if (have == UINT32_MAX) {
			j->val[head->args[k].var] = pattern[k];
			j->bound |= UINT64_C(1) << head->args[k].var;
		}
	}
	return true;
}

enum sl_pev
sl_pjoin_eval(struct sl_pjoin *j, uint32_t k, uint64_t max_steps, uint64_t *ret_steps, bool *ret)
{
	const struct sl_pexpr *x = &j->b->exprs[k];
	struct sl_peval e; /* the environment is filled where it is read */
	enum sl_pev v;

	e.scratch = &j->r->scratch;
	e.steps = 0;
	e.max_steps = max_steps;
	for (uint64_t set = x->vars; set != 0; set &= set - 1) {
		int var = __builtin_ctzll(set);

		e.env[var] = j->r->term[j->val[var]];
	}
	for (uint64_t set = j->b->params; set != 0; set &= set - 1)
		e.env[__builtin_ctzll(set)] = NULL;
	v = sl_peval_bool(&e, x->px, ret);
	*ret_steps = e.steps;
	return v;
}

/* Unifies the atom with the row; what it binds is in *ret_bound. */
static bool
unify(struct sl_pjoin *j, const struct sl_patom *m, const uint32_t *cell, uint64_t *ret_bound)
{
	uint64_t bound = j->bound;

	for (uint32_t k = 0; k < m->n; k++) {
		const struct sl_parg *g = &m->args[k];

		if (!g->is_var) {
			if (j->r->con[g->con] != cell[k])
				return false;
		} else if ((bound >> g->var & 1) != 0) {
			if (j->val[g->var] != cell[k])
				return false;
		} else {
			j->val[g->var] = cell[k];
			bound |= UINT64_C(1) << g->var;
		}
	}
	*ret_bound = bound;
	return true;
}

static void step(struct sl_pjoin *j, uint32_t at);

static void
try_row(struct sl_pjoin *j, uint32_t at, uint32_t row)
{
	uint32_t atom = j->order[at];
	const struct sl_patom *m = &j->b->atoms[atom];
	struct sl_prel *l = &j->r->rel[m->pred];
	uint64_t before = j->bound, after;
	enum sl_poutcome outcome = j->outcome;

	if ((l->origin[row] & ~j->b->trusted) != 0 ||
	    !unify(j, m, l->cell + (size_t)row * l->arity, &after))
		return;
	if (++j->r->work > j->r->lim.max_work) {
		sl_prun_stop(j->r, SL_PSTOP_LIMIT);
		return;
	}
	if (j->on_row != NULL && !j->on_row(j, atom, row))
		return;
	j->bound = after;
	j->row[atom] = row;
	step(j, at + 1);
	j->bound = before;
	j->outcome = outcome;
}

static bool
expressions(struct sl_pjoin *j, uint32_t at)
{
	for (uint32_t k = 0; k < j->b->n_exprs; k++) {
		enum sl_poutcome v;

		if (j->due[k] != at || j->outcome != SL_PYES)
			continue;
		v = j->on_expr(j, k);
		if (j->r->stop != SL_PSTOP_NO || (v == SL_PNO && !j->keeps_false))
			return false;
		j->outcome = v;
	}
	return true;
}

/* Matches the atoms from the at-th of the order on; as deep as a body has atoms. */
static void
step(struct sl_pjoin *j, uint32_t at)
{
	const struct sl_patom *m;
	struct sl_prel *l;
	struct sl_pindex *x;
	uint32_t key[SL_PARITY_MAX], mask = 0, next;

	if (!expressions(j, at))
		return;
	if (at == j->b->n_atoms) {
		j->on_match(j);
		return;
	}
	m = &j->b->atoms[j->order[at]];
	l = &j->r->rel[m->pred];
	if (j->on_call != NULL)
		j->on_call(j, j->order[at]);
	for (uint32_t k = 0; k < m->n; k++)
		if ((key[k] = sl_pjoin_arg(j, &m->args[k])) != UINT32_MAX)
			mask |= UINT32_C(1) << k;
	if (mask == 0) {
		for (uint32_t k = j->lo[j->order[at]]; k < j->hi[j->order[at]]; k++) {
			if (j->is_done || j->r->stop != SL_PSTOP_NO)
				return;
			try_row(j, at, k);
		}
		return;
	}
	if (l->n_seen == 0 || (x = get_index(j->r, l, mask)) == NULL)
		return;
	next = x->head[hash_cells(key, m->n, mask) & (x->cap - 1)];
	for (; next != 0 && !j->is_done && j->r->stop == SL_PSTOP_NO; next = x->chain[next - 1])
		if (next - 1 >= j->lo[j->order[at]] && next - 1 < j->hi[j->order[at]])
			try_row(j, at, next - 1);
}

void
sl_pjoin_init(struct sl_pjoin *j, struct sl_policy_run *r, const struct sl_pbody *b, uint32_t uid)
{
	*j = (struct sl_pjoin){ .r = r, .b = b, .uid = uid, .outcome = SL_PYES };
	for (uint32_t k = 0; k < b->n_atoms; k++) {
		j->order[k] = (uint8_t)k;
		j->hi[k] = r->rel[b->atoms[k].pred].n;
	}
	for (uint32_t k = 0; k < b->n_exprs; k++)
		j->due[k] = (uint8_t)b->exprs[k].at;
}

void
sl_pjoin_place(struct sl_pjoin *j)
{
	uint64_t bound = 0;

	memset(j->due, UINT8_MAX, sizeof(j->due));
	for (uint32_t at = 0; at <= j->b->n_atoms; at++) {
		for (uint32_t k = 0; k < j->b->n_exprs; k++)
			if (j->due[k] == UINT8_MAX && (j->b->exprs[k].vars & ~bound) == 0)
				j->due[k] = (uint8_t)at;
		if (at == j->b->n_atoms)
			break;
		for (uint32_t k = 0; k < j->b->atoms[j->order[at]].n; k++)
			if (j->b->atoms[j->order[at]].args[k].is_var)
				bound |= UINT64_C(1) << j->b->atoms[j->order[at]].args[k].var;
	}
}

void
sl_pjoin_run(struct sl_pjoin *j)
{
	if (j->r->stop == SL_PSTOP_NO)
		step(j, 0);
}

/* ---- fixpoint ---- */

/* A rule being run; its delta atom is the first of the order. */
struct firing {
	const struct sl_prule *rule;
	uint32_t round;
};

/* An error derives nothing here: demand.c finds it where it matters. */
enum sl_poutcome
sl_pjoin_plain_expr(struct sl_pjoin *j, uint32_t k)
{
	struct sl_policy_run *r = j->r;
	uint64_t steps;
	bool v = false;
	enum sl_pev e = sl_pjoin_eval(j, k, r->lim.max_work - r->work, &steps, &v);

	r->work += steps;
	if (e == SL_PEV_STEPS)
		sl_prun_stop(r, SL_PSTOP_LIMIT);
	if (e == SL_PEV_NOMEM)
		sl_prun_stop(r, SL_PSTOP_NOMEM);
	return e == SL_PEV_OK && v ? SL_PYES : SL_PNO;
}

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
	insert(j->r, &j->r->rel[h->pred], cell, origin, f->round, 0);
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
	l->is_demanded = regrow(r, NULL, 0, (size_t)n + 1, sizeof(*l->is_demanded));
	if (n == 0)
		return l->is_demanded != NULL;
	order = regrow(r, NULL, 0, n, sizeof(*order));
	to.cell = regrow(r, NULL, 0, n, l->arity * sizeof(*to.cell));
	to.origin = regrow(r, NULL, 0, n, sizeof(*to.origin));
	to.height = regrow(r, NULL, 0, n, sizeof(*to.height));
	to.source = regrow(r, NULL, 0, n, sizeof(*to.source));
	to.is_demanded = l->is_demanded;
	if (r->stop == SL_PSTOP_NOMEM)
		return false;
	for (uint32_t k = 0; k < n; k++)
		order[k] = k;
	qsort_r(order, n, sizeof(*order), by_row, &s);
	for (uint32_t k = 0; k < n; k++) {
		memcpy(to.cell + (size_t)k * l->arity, l->cell + (size_t)order[k] * l->arity,
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
	uint32_t *order = regrow(r, NULL, 0, (size_t)r->n_terms + 1, sizeof(*order));

	r->rank = regrow(r, NULL, 0, (size_t)r->n_terms + 1, sizeof(*r->rank));
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
			r->con[m->args[k].con] = intern(r, m->args[k].t);
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
		for (const struct sl_pgoal *g = pass ? r->p->policies : r->p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				intern_body(r, &g->or[k]);
}

/* Facts of predicates that the policy does not name cannot matter: left out. */
static void
add_facts(struct sl_policy_run *r)
{
	uint32_t cell[SL_PARITY_MAX];

	for (const struct sl_pfact *f = r->p->facts; f != NULL; f = f->next) {
		for (uint32_t k = 0; k < f->atom.n; k++)
			cell[k] = r->con[f->atom.args[k].con];
		insert(r, &r->rel[f->atom.pred], cell, UINT32_C(1) << f->block, 0, 0);
	}
	for (size_t i = 0; i < r->facts->n && r->stop == SL_PSTOP_NO; i++) {
		const struct sl_pfact_row *f = &r->facts->v[i];
		uint32_t pred = sl_policy_pred(r->p, f->pred, f->n);

		if (pred == UINT32_MAX)
			continue;
		for (uint32_t k = 0; k < f->n; k++)
			cell[k] = intern(r, &f->args[k]);
		if (r->stop == SL_PSTOP_NO)
			insert(r, &r->rel[pred], cell, UINT32_C(1) << f->block, 0,
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
	sl_arena_init(&r->scratch, lim->max_bytes > SIZE_MAX ? SIZE_MAX : (size_t)lim->max_bytes);
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
