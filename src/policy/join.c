/* join.c -- matching one body against the relations.  See run.h. */
#include "policy/run.h"

uint32_t
sl_pjoin_arg(const struct sl_pjoin *j, const struct sl_parg *g)
{
	if (!g->is_var)
		return j->r->con[g->con];
	return (j->bound >> g->var & 1) != 0 ? j->val[g->var] : UINT32_MAX;
}

bool
sl_pjoin_bind_head(struct sl_pjoin *j, const struct sl_patom *head,
		   const uint32_t *pattern)
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
sl_pjoin_eval(struct sl_pjoin *j, uint32_t k, uint64_t max_steps, uint64_t *ret_steps,
	      bool *ret)
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
unify(struct sl_pjoin *j, const struct sl_patom *m, const uint32_t *cell,
      uint64_t *ret_bound)
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

	if ((sl_prel_origin(l, row) & ~j->b->trusted) != 0 || l->prov[row] == SL_PDEAD ||
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
	uint32_t key[SL_PARITY_MAX], mask = 0;
	size_t from = j->r->n_stack, to;

	if (!expressions(j, at))
		return;
	if (at == j->b->n_atoms) {
		j->on_match(j);
		return;
	}
	m = &j->b->atoms[j->order[at]];
	if (j->on_call != NULL)
		j->on_call(j, j->order[at]);
	for (uint32_t k = 0; k < m->n; k++)
		if ((key[k] = sl_pjoin_arg(j, &m->args[k])) != UINT32_MAX)
			mask |= UINT32_C(1) << k;
	if (!sl_prel_matches(j->r, &j->r->rel[m->pred], mask, key))
		return;
	to = j->r->n_stack; /* further levels push behind it, and may move it all */
	for (size_t k = from; k < to && !j->is_done && j->r->stop == SL_PSTOP_NO; k++)
		try_row(j, at, j->r->stack[k]);
	j->r->n_stack = from;
}

void
sl_pjoin_init(struct sl_pjoin *j, struct sl_policy_run *r, const struct sl_pbody *b,
	      uint32_t uid)
{
	j->r = r;
	j->b = b;
	j->uid = uid;
	j->bound = 0;
	j->on_row = NULL;
	j->on_call = NULL;
	j->on_expr = NULL;
	j->on_match = NULL;
	j->keeps_false = j->is_done = false;
	j->outcome = SL_PYES;
	j->data = NULL;
	for (uint32_t k = 0; k < b->n_atoms; k++)
		j->order[k] = (uint8_t)k;
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
				bound |= UINT64_C(1)
					 << j->b->atoms[j->order[at]].args[k].var;
	}
}

void
sl_pjoin_order(struct sl_pjoin *j, uint32_t at)
{
	const struct sl_pbody *b = j->b;
	uint64_t bound = j->bound, done = 0;

	for (uint32_t k = 0; k < at; k++)
		done |= UINT64_C(1) << j->order[k];
	for (; at < b->n_atoms; at++) {
		uint32_t best = 0, least = UINT32_MAX;

		for (uint32_t k = 0; k < b->n_atoms; k++) {
			uint32_t free = 0, cost;

			for (uint32_t i = 0; i < b->atoms[k].n; i++)
				free += b->atoms[k].args[i].is_var &&
					(bound >> b->atoms[k].args[i].var & 1) == 0;
			cost = free + (free == b->atoms[k].n ? SL_PARITY_MAX : 0);
			if ((done >> k & 1) == 0 && cost < least) {
				best = k;
				least = cost;
			}
		}
		j->order[at] = (uint8_t)best;
		done |= UINT64_C(1) << best;
		for (uint32_t i = 0; i < b->atoms[best].n; i++)
			if (b->atoms[best].args[i].is_var)
				bound |= UINT64_C(1) << b->atoms[best].args[i].var;
	}
	sl_pjoin_place(j);
}

void
sl_pjoin_run(struct sl_pjoin *j)
{
	if (j->r->stop == SL_PSTOP_NO)
		step(j, 0);
}

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
