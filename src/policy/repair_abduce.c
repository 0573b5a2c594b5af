/* repair_abduce.c -- which facts miss for a body to match.  See repair_int.h.
 *
 * From the body down: an atom is met by a row of the model, by a fact assumed already, by
 * a new one, or by the body of a rule that ends in a new one.  Variables that nothing
 * binds yet stay open, so that a later atom can bind them; what is open at the end, and
 * what an expression needs, goes through all terms at hand.  A rule for a predicate that
 * is being derived already is entered with closed terms only, and never twice for the
 * same tuple: no least derivation needs that, and so every path ends.
 */
#include "policy/repair_int.h"

enum {
	SLOTS_MAX = 8192,
	STEPS_MAX = 2000, /* atoms on one path: C frames */
};

#define FREE UINT32_MAX
#define OPEN UINT32_C(0x80000000)
#define IS_OPEN(code) (((code)&OPEN) != 0)

/* A body being met; copied at each step, so that going back needs no undoing. */
struct goal {
	const struct sl_pbody *b;
	uint32_t base;         /* slot of its first variable */
	uint64_t atoms, exprs; /* still to do */
	const struct goal *up; /* what goes on when this is done */
	/* The tuple that it derives, but for the first. */
	const struct sl_patom *head;
	uint32_t code[SL_PARITY_MAX];
	uint32_t n_used; /* of the search, at its start */
};

struct search {
	const struct sl_abduction *q;
	struct sl_repairer *x;
	struct sl_policy_run *r;
	uint32_t val[SLOTS_MAX]; /* term, OPEN | slot, or FREE */
	uint32_t n_slots;
	uint32_t trail[SLOTS_MAX];
	uint32_t n_trail;
	struct sl_assumed assumed[SL_REPAIR_CHANGES_MAX];
	uint32_t n_assumed, n_used, n_steps;
};

static bool
is_over(const struct search *s)
{
	return s->x->is_nomem || s->x->work > s->x->o->max_work;
}

/* The term, or OPEN | the slot that stands for it. */
static uint32_t
deref(const struct search *s, uint32_t code)
{
	while (IS_OPEN(code) && s->val[code & ~OPEN] != FREE)
		code = s->val[code & ~OPEN];
	return code;
}

static uint32_t
code_of(const struct search *s, const struct goal *g, const struct sl_parg *arg)
{
	if (!arg->is_var)
		return s->r->con[arg->con];
	return deref(s, OPEN | (g->base + arg->var));
}

static void
bind(struct search *s, uint32_t slot_code, uint32_t to)
{
	uint32_t slot = slot_code & ~OPEN;

	s->val[slot] = to;
	s->trail[s->n_trail++] = slot; /* each slot is bound once on a path */
}

static void
undo(struct search *s, uint32_t mark)
{
	while (s->n_trail > mark)
		s->val[s->trail[--s->n_trail]] = FREE;
}

static bool
unify(struct search *s, uint32_t a, uint32_t b)
{
	a = deref(s, a);
	b = deref(s, b);
	if (a == b)
		return true;
	if (IS_OPEN(a))
		bind(s, a, b);
	else if (IS_OPEN(b))
		bind(s, b, a);
	else
		return false;
	return true;
}

static void solve(struct search *s, const struct goal *from);

/* ---- what is open is closed ---- */

typedef void (*step_fn)(struct search *s, const struct goal *g, uint32_t atom);

static void
each_term(struct search *s, const struct goal *g, uint32_t atom, uint32_t open,
	  step_fn then)
{
	uint32_t mark = s->n_trail;

	for (uint32_t k = 0; k < s->r->n_terms && sl_repair_work(s->x, 1); k++) {
		bind(s, open, k);
		then(s, g, atom);
		undo(s, mark);
	}
}

static void
emit(struct search *s, const struct goal *g, uint32_t atom)
{
	struct sl_assumed v[SL_REPAIR_CHANGES_MAX];

	if (s->n_assumed < s->q->budget)
		return;
	for (uint32_t k = 0; k < s->n_assumed; k++) {
		const struct sl_ppred *p = &s->r->p->preds[s->assumed[k].pred];

		v[k].pred = s->assumed[k].pred;
		memset(v[k].cell, 0, sizeof(v[k].cell));
		for (uint32_t i = 0; i < p->arity; i++) {
			v[k].cell[i] = deref(s, s->assumed[k].cell[i]);
			if (IS_OPEN(v[k].cell[i])) {
				each_term(s, g, atom, v[k].cell[i], emit);
				return;
			}
		}
		if (sl_prel_find(&s->r->rel[v[k].pred], v[k].cell) != UINT32_MAX)
			return; /* found with less */
		for (uint32_t i = 0; i < k; i++)
			if (memcmp(&v[i], &v[k], sizeof(v[k])) == 0)
				return;
	}
	s->q->found(s->q->data, v, s->n_assumed);
}

/* ---- expressions ---- */

static enum sl_poutcome
eval(struct search *s, const struct goal *g, uint32_t k, uint32_t *ret_open)
{
	const struct sl_pexpr *x = &g->b->exprs[k];
	struct sl_peval e;
	bool v = false;

	for (uint64_t set = x->vars; set != 0; set &= set - 1) {
		uint32_t var = (uint32_t)__builtin_ctzll(set);
		uint32_t code = deref(s, OPEN | (g->base + var));

		if (IS_OPEN(code)) {
			*ret_open = code;
			return SL_PERROR;
		}
		e.env[var] = s->r->term[code];
	}
	for (uint64_t set = g->b->params; set != 0; set &= set - 1)
		e.env[__builtin_ctzll(set)] = NULL;
	e.scratch = &s->r->scratch;
	e.steps = 0;
	e.max_steps = s->x->o->max_work - s->x->work;
	if (sl_peval_bool(&e, x->px, &v) != SL_PEV_OK)
		v = false;
	(void)sl_repair_work(s->x, e.steps);
	return v ? SL_PYES : SL_PNO;
}

/* False: one is false.  Those with open variables stay; *ret_open is one of these. */
static bool
expressions(struct search *s, struct goal *g, uint32_t *ret_open)
{
	for (uint64_t set = g->exprs; set != 0; set &= set - 1) {
		uint32_t k = (uint32_t)__builtin_ctzll(set);
		enum sl_poutcome v = eval(s, g, k, ret_open);

		if (v == SL_PNO)
			return false;
		if (v == SL_PYES)
			g->exprs &= ~(UINT64_C(1) << k);
	}
	return true;
}

/* ---- atoms ---- */

/* Next: what only the model can meet, then what has most bound. */
static uint32_t
choose(const struct search *s, const struct goal *g)
{
	uint32_t best = 0, least = UINT32_MAX;

	for (uint64_t set = g->atoms; set != 0; set &= set - 1) {
		uint32_t k = (uint32_t)__builtin_ctzll(set), cost = 0;
		const struct sl_patom *m = &g->b->atoms[k];

		for (uint32_t i = 0; i < m->n; i++)
			cost += IS_OPEN(code_of(s, g, &m->args[i]));
		if (cost == m->n)
			cost += SL_PARITY_MAX;
		if (s->x->depends[m->pred])
			cost += 4 * SL_PARITY_MAX;
		if (cost < least) {
			least = cost;
			best = k;
		}
	}
	return best;
}

static void
try_row(struct search *s, const struct goal *g, const struct sl_patom *m, uint32_t row)
{
	const struct sl_prel *l = &s->r->rel[m->pred];
	const uint32_t *cell = l->cell + (size_t)row * l->arity;
	uint32_t mark = s->n_trail;
	bool ok = sl_repair_work(s->x, 1);

	for (uint32_t i = 0; ok && i < m->n; i++)
		ok = unify(s, code_of(s, g, &m->args[i]), cell[i]);
	if (ok)
		solve(s, g);
	undo(s, mark);
}

static void
by_model(struct search *s, const struct goal *g, const struct sl_patom *m)
{
	uint32_t key[SL_PARITY_MAX], mask = 0;
	size_t from = s->r->n_stack, to;

	for (uint32_t i = 0; i < m->n; i++)
		if (!IS_OPEN(key[i] = code_of(s, g, &m->args[i])))
			mask |= UINT32_C(1) << i;
	if (s->r->rel[m->pred].n == 0)
		return;
	if (!sl_prel_matches(s->r, &s->r->rel[m->pred], mask, key)) {
		s->x->is_nomem |= s->r->stop == SL_PSTOP_NOMEM;
		return;
	}
	to = s->r->n_stack; /* further atoms push behind it, and may move it all */
	for (size_t k = from; k < to && !is_over(s); k++)
		try_row(s, g, m, s->r->stack[k]);
	s->r->n_stack = from;
}

static void
by_assumed(struct search *s, const struct goal *g, const struct sl_patom *m)
{
	for (uint32_t k = 0; k < s->n_assumed && !is_over(s); k++) {
		uint32_t mark = s->n_trail;
		bool ok = s->assumed[k].pred == m->pred;

		for (uint32_t i = 0; ok && i < m->n; i++)
			ok = unify(s, code_of(s, g, &m->args[i]), s->assumed[k].cell[i]);
		s->n_used++;
		if (ok)
			solve(s, g);
		s->n_used--;
		undo(s, mark);
	}
}

/* Whether the atom is closed; its codes. */
static bool
codes(const struct search *s, const struct goal *g, const struct sl_patom *m,
      uint32_t ret[SL_PARITY_MAX], uint32_t *ret_open)
{
	bool is_closed = true;

	for (uint32_t i = 0; i < m->n; i++) {
		ret[i] = code_of(s, g, &m->args[i]);
		if (is_closed && IS_OPEN(ret[i])) {
			is_closed = false;
			*ret_open = ret[i];
		}
	}
	return is_closed;
}

static void
by_new(struct search *s, const struct goal *g, const struct sl_patom *m,
       const uint32_t code[SL_PARITY_MAX])
{
	struct sl_assumed *v;

	if (s->x->could[m->pred] == 0 || s->n_assumed == s->q->budget)
		return;
	v = &s->assumed[s->n_assumed++];
	v->pred = m->pred;
	memcpy(v->cell, code, m->n * sizeof(*code));
	s->n_used++;
	solve(s, g);
	s->n_used--;
	s->n_assumed--;
}

static bool
rule_depends(const struct sl_repairer *x, const struct sl_prule *q)
{
	for (uint32_t k = 0; k < q->body.n_atoms; k++)
		if (x->depends[q->body.atoms[k].pred])
			return true;
	return false;
}

/* 1: the same tuple is being derived further up; 0: the same predicate; -1: neither. */
static int
is_above(const struct search *s, const struct goal *g, uint32_t pred,
	 const uint32_t code[SL_PARITY_MAX])
{
	int found = -1;

	for (; g != NULL && g->head != NULL; g = g->up) {
		bool is_same = true;

		if (g->head->pred != pred)
			continue;
		for (uint32_t i = 0; i < g->head->n; i++)
			is_same &= deref(s, g->code[i]) == code[i];
		if (is_same)
			return 1;
		found = 0;
	}
	return found;
}

static void
enter(struct search *s, const struct goal *g, const struct sl_prule *q,
      const uint32_t code[SL_PARITY_MAX])
{
	uint32_t mark = s->n_trail, base = s->n_slots;
	struct goal in = { .b = &q->body,
			   .base = base,
			   .up = g,
			   .head = &q->head,
			   .n_used = s->n_used };
	bool ok = true;

	if (q->body.n_vars > SLOTS_MAX - base) {
		s->x->is_cut = true;
		return;
	}
	s->n_slots += q->body.n_vars;
	for (uint32_t k = base; k < s->n_slots; k++)
		s->val[k] = FREE;
	in.atoms =
	    q->body.n_atoms == 64 ? UINT64_MAX : (UINT64_C(1) << q->body.n_atoms) - 1;
	in.exprs =
	    q->body.n_exprs == 64 ? UINT64_MAX : (UINT64_C(1) << q->body.n_exprs) - 1;
	memcpy(in.code, code, q->head.n * sizeof(*code));
	for (uint32_t i = 0; ok && i < q->head.n; i++)
		ok = unify(s, code_of(s, &in, &q->head.args[i]), code[i]);
	if (ok)
		solve(s, &in);
	undo(s, mark);
	s->n_slots = base;
}

/* g without the atom, which is to be derived. */
static void
by_rules(struct search *s, const struct goal *g, uint32_t atom)
{
	const struct sl_patom *m = &g->b->atoms[atom];
	uint32_t code[SL_PARITY_MAX] = { 0 }, open = 0;
	bool is_closed = codes(s, g, m, code, &open);
	int above = is_above(s, g, m->pred, code);

	if (above == 1 ||
	    (is_closed && sl_prel_find(&s->r->rel[m->pred], code) != UINT32_MAX))
		return;
	if (above == 0 && !is_closed) {
		each_term(s, g, atom, open, by_rules);
		return;
	}
	for (const struct sl_prule *q = s->r->p->preds[m->pred].rules;
	     q != NULL && !is_over(s); q = q->next_of_pred)
		if (rule_depends(s->x, q))
			enter(s, g, q, code);
}

static void
meet(struct search *s, const struct goal *g, uint32_t atom)
{
	const struct sl_patom *m = &g->b->atoms[atom];
	struct goal rest = *g;
	uint32_t code[SL_PARITY_MAX] = { 0 }, open = 0;
	bool is_closed;

	rest.atoms &= ~(UINT64_C(1) << atom);
	by_model(s, &rest, m);
	if (!s->x->depends[m->pred] || is_over(s))
		return;
	is_closed = codes(s, &rest, m, code, &open);
	if (is_closed && sl_prel_find(&s->r->rel[m->pred], code) != UINT32_MAX)
		return;
	by_assumed(s, &rest, m);
	by_new(s, &rest, m, code);
	if (s->n_assumed < s->q->budget || s->n_assumed > 0)
		by_rules(s, &rest, atom);
}

static void
again(struct search *s, const struct goal *g, uint32_t atom)
{
	(void)atom;
	solve(s, g);
}

static void
solve(struct search *s, const struct goal *from)
{
	struct goal g = *from;
	uint32_t open = 0;

	if (is_over(s) || !expressions(s, &g, &open))
		return;
	if (++s->n_steps > STEPS_MAX)
		s->x->is_cut = true;
	else if (g.atoms != 0)
		meet(s, &g, choose(s, &g));
	else if (g.exprs != 0)
		each_term(s, &g, 0, open, again);
	else if (g.up == NULL)
		emit(s, &g, 0);
	else if (s->n_used > g.n_used) /* else the model has it */
		solve(s, g.up);
	s->n_steps--;
}

void
sl_abduce(const struct sl_abduction *q)
{
	struct search *s = SL_NEW(q->r->a, struct search);
	struct goal g = { .b = q->b };

	if (s == NULL) {
		q->x->is_nomem = true;
		return;
	}
	*s = (struct search){ .q = q, .x = q->x, .r = q->r, .n_slots = q->b->n_vars };
	for (uint32_t k = 0; k < s->n_slots; k++)
		s->val[k] = FREE;
	g.atoms = q->b->n_atoms == 64 ? UINT64_MAX : (UINT64_C(1) << q->b->n_atoms) - 1;
	g.exprs = q->b->n_exprs == 64 ? UINT64_MAX : (UINT64_C(1) << q->b->n_exprs) - 1;
	solve(s, &g);
}
