/* demand.c -- what all checks and policies ask of the final model, left to right, and
 * what that costs: doc/PROTOCOL.policy section 4.  See run.h.
 *
 * Nothing is derived here.  The pass reads a finished model, so every way to compute that
 * model (model.c, magic.c, world.c) is charged the same.
 */
#include "policy/run.h"

/* ---- sets of keys ---- */

static uint32_t
hash_key(const uint32_t *key, uint32_t n)
{
	uint64_t h = n;

	for (uint32_t k = 0; k < n; k++) {
		h = (h ^ key[k]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static void *
grown(struct sl_policy_run *r, const void *old, size_t n, size_t cap)
{
	uint32_t *p = SL_NEW_N(r->out, uint32_t, cap);

	if (p == NULL)
		sl_prun_stop(r, SL_PSTOP_NOMEM);
	else if (n > 0)
		memcpy(p, old, n * sizeof(*p));
	return p;
}

static bool
rehash(struct sl_policy_run *r, struct sl_pkeys *k)
{
	uint32_t cap = k->cap_hash > 0 ? 2 * k->cap_hash : 64,
		 *hash = grown(r, NULL, 0, cap);

	if (hash == NULL)
		return false;
	for (size_t at = 0; at < k->len; at += 2 + k->pool[at]) {
		uint32_t h = hash_key(k->pool + at + 2, k->pool[at]) & (cap - 1);

		while (hash[h] != 0)
			h = (h + 1) & (cap - 1);
		hash[h] = (uint32_t)at + 1;
	}
	k->hash = hash;
	k->cap_hash = cap;
	return true;
}

uint32_t *
sl_pkeys_put(struct sl_policy_run *r, struct sl_pkeys *k, const uint32_t *key, uint32_t n,
	     bool *ret_new)
{
	uint32_t h, at;

	if (2 * (uint64_t)k->n >= k->cap_hash && !rehash(r, k))
		return NULL;
	for (h = hash_key(key, n) & (k->cap_hash - 1); (at = k->hash[h]) != 0;
	     h = (h + 1) & (k->cap_hash - 1))
		if (k->pool[at - 1] == n &&
		    memcmp(k->pool + at + 1, key, n * sizeof(*key)) == 0) {
			*ret_new = false;
			return k->pool + at;
		}
	if (k->len + n + 2 > k->cap) {
		size_t cap = 2 * k->cap + n + 256;
		uint32_t *pool = cap < UINT32_MAX ? grown(r, k->pool, k->len, cap) : NULL;

		if (pool == NULL) {
			sl_prun_stop(r, SL_PSTOP_LIMIT);
			return NULL;
		}
		k->pool = pool;
		k->cap = cap;
	}
	at = (uint32_t)k->len + 1;
	k->pool[at - 1] = n;
	k->pool[at] = 0;
	memcpy(k->pool + at + 1, key, n * sizeof(*key));
	k->len += n + 2;
	k->n++;
	k->hash[h] = at;
	*ret_new = true;
	return k->pool + at;
}

/* ---- the pass ---- */

/* The body being walked. */
struct walk {
	const struct sl_prule *rule; /* or a branch of a goal: */
	struct sl_pgoal_result *result;
	uint32_t branch;
	uint32_t n_yes, n_no, n_error; /* complete bindings of the branch, up to 1 */
	enum sl_pev error;             /* of the last expression that failed */
	enum sl_pev first_error;       /* of a complete binding */
};

static void
spend(struct sl_policy_run *r, uint64_t n)
{
	if (n > r->lim.fuel - r->fuel) {
		r->fuel = r->lim.fuel + 1;
		sl_prun_stop(r, SL_PSTOP_FUEL);
	} else {
		r->fuel += n;
	}
}

static bool
on_row(struct sl_pjoin *j, uint32_t atom, uint32_t row)
{
	uint32_t key[2] = { j->b->atoms[atom].pred, row };
	bool is_new = false;

	if (sl_pkeys_put(j->r, &j->r->demanded, key, 2, &is_new) != NULL && is_new)
		spend(j->r, 1);
	return j->r->stop == SL_PSTOP_NO;
}

static void
on_call(struct sl_pjoin *j, uint32_t atom)
{
	const struct sl_patom *m = &j->b->atoms[atom];
	uint32_t key[2 + SL_PARITY_MAX] = { m->pred, j->b->trusted };
	bool is_new;

	if (j->r->p->preds[m->pred].rules == NULL)
		return;
	for (uint32_t k = 0; k < m->n; k++)
		key[2 + k] = sl_pjoin_arg(j, &m->args[k]);
	(void)sl_pkeys_put(j->r, &j->r->calls, key, 2 + m->n, &is_new);
}

/* Evaluates each distinct instance once. */
static enum sl_poutcome
on_expr(struct sl_pjoin *j, uint32_t k)
{
	struct sl_policy_run *r = j->r;
	struct walk *w = j->data;
	uint32_t key[2 + SL_PVARS_MAX] = { j->uid, k }, n = 2, *memo;
	uint64_t steps;
	bool is_new, v = false;
	enum sl_pev e;

	for (uint64_t set = j->b->exprs[k].vars; set != 0; set &= set - 1)
		key[n++] = j->val[__builtin_ctzll(set)];
	if ((memo = sl_pkeys_put(r, &r->instances, key, n, &is_new)) == NULL)
		return SL_PERROR;
	if (is_new) {
		e = sl_pjoin_eval(j, k, r->lim.fuel - r->fuel, &steps, &v);
		if (e == SL_PEV_STEPS)
			steps = r->lim.fuel - r->fuel + 1;
		if (e == SL_PEV_SPACE)
			sl_prun_stop(r, SL_PSTOP_LIMIT);
		if (e == SL_PEV_NOMEM)
			sl_prun_stop(r, SL_PSTOP_NOMEM);
		spend(r, steps);
		*memo = (uint32_t)e << 1 | v;
	}
	e = (enum sl_pev)(*memo >> 1);
	if (e != SL_PEV_OK)
		w->error = e;
	return e != SL_PEV_OK ? SL_PERROR : *memo & 1 ? SL_PYES : SL_PNO;
}

static void
on_match(struct sl_pjoin *j)
{
	struct sl_policy_run *r = j->r;
	struct walk *w = j->data;
	uint32_t key[1 + SL_PVARS_MAX] = { j->uid }, n = 1, *rows;
	bool is_new;

	if (j->outcome != SL_PYES) {
		if (j->outcome == SL_PERROR && w->n_error++ == 0)
			w->first_error = w->error;
		w->n_no += j->outcome == SL_PNO;
		if (w->rule != NULL) { /* only ERROR comes here */
			r->stop_error = w->error;
			sl_prun_stop(r, SL_PSTOP_ERROR);
		}
		return;
	}
	for (uint32_t k = 0; k < j->b->n_vars; k++)
		if ((j->b->params >> k & 1) == 0)
			key[n++] = j->val[k];
	if (sl_pkeys_put(r, &r->firings, key, n, &is_new) != NULL && is_new)
		spend(r, 1);
	if (w->n_yes++ > 0 || w->result == NULL || w->result->rows != NULL)
		return;
	if ((rows = SL_NEW_N(r->out, uint32_t, (size_t)j->b->n_atoms + 1)) == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	memcpy(rows, j->row, j->b->n_atoms * sizeof(*rows));
	w->result->rows = rows;
	w->result->branch = w->branch;
}

static void
hook(struct sl_pjoin *j, struct walk *w)
{
	j->on_row = on_row;
	j->on_call = on_call;
	j->on_expr = on_expr;
	j->on_match = on_match;
	j->data = w;
}

static void
note_stop(struct sl_policy_run *r, const struct walk *w)
{
	if (r->stop == SL_PSTOP_NO)
		return;
	r->stop_rule = w->rule;
	r->stop_goal = w->result != NULL ? w->result->goal : NULL;
}

/* Whatever is certain wins over an error: no order of bindings shows. */
static enum sl_poutcome
branch_outcome(enum sl_pgoal_kind kind, const struct walk *w)
{
	if (kind == SL_PGOAL_CHECK_ALL && w->n_no > 0)
		return SL_PNO;
	if (kind != SL_PGOAL_CHECK_ALL && w->n_yes > 0)
		return SL_PYES;
	if (w->n_error > 0)
		return SL_PERROR;
	return w->n_yes > 0 ? SL_PYES : SL_PNO;
}

static void
walk_goal(struct sl_policy_run *r, struct sl_pgoal_result *res)
{
	const struct sl_pgoal *g = res->goal;
	bool has_yes = false, has_error = false;
	struct sl_pjoin j;

	for (uint32_t k = 0; k < g->n_or && r->stop == SL_PSTOP_NO; k++) {
		struct walk w = { .result = res, .branch = k };
		enum sl_poutcome v;

		sl_pjoin_init(&j, r, &g->or [k], g -> uid + k);
		hook(&j, &w);
		j.keeps_false = g->kind == SL_PGOAL_CHECK_ALL;
		sl_pjoin_run(&j);
		note_stop(r, &w);
		v = branch_outcome(g->kind, &w);
		has_yes |= v == SL_PYES;
		if (v == SL_PERROR && !has_error)
			res->error = w.first_error;
		has_error |= v == SL_PERROR;
	}
	res->outcome = has_yes ? SL_PYES : has_error ? SL_PERROR : SL_PNO;
	if (g->kind == SL_PGOAL_REJECT_IF && res->outcome != SL_PERROR)
		res->outcome = has_yes ? SL_PNO : SL_PYES;
}

/* The calls from offset `at` on, in the order in which they were first made. */
static void
walk_calls(struct sl_policy_run *r, size_t at)
{
	uint32_t key[2 + SL_PARITY_MAX];
	struct sl_pjoin j;

	for (; r->stop == SL_PSTOP_NO && at < r->calls.len; at += 2 + r->calls.pool[at]) {
		const struct sl_prule *q;

		memcpy(key, r->calls.pool + at + 2, r->calls.pool[at] * sizeof(*key));
		for (q = r->p->preds[key[0]].rules; q != NULL && r->stop == SL_PSTOP_NO;
		     q = q->next_of_pred) {
			struct walk w = { .rule = q };

			if ((key[1] >> q->block & 1) == 0)
				continue; /* none of its facts could be seen */
			sl_pjoin_init(&j, r, &q->body, q->id);
			if (!sl_pjoin_bind_head(&j, &q->head, key + 2))
				continue;
			hook(&j, &w);
			sl_pjoin_run(&j);
			note_stop(r, &w);
		}
	}
}

void
sl_pdemand_goals(struct sl_policy_run *r)
{
	size_t n = (size_t)r->p->n_checks + r->p->n_policies, k = 0;

	r->results = SL_NEW_N(r->out, struct sl_pgoal_result, n + 1);
	if (r->results == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? r->p->policies : r->p->checks;
		     g != NULL; g = g->next) {
			r->results[k].goal = g;
			walk_goal(r, &r->results[k++]);
		}
	walk_calls(r, 0);
}

void
sl_pdemand_pred(struct sl_policy_run *r, uint32_t pred)
{
	uint32_t key[2 + SL_PARITY_MAX] = { pred, UINT32_C(1) << SL_PAUTH | 1 };
	size_t from = r->calls.len;
	bool is_new;

	for (uint32_t k = 0; k < r->rel[pred].arity; k++)
		key[2 + k] = UINT32_MAX;
	r->fuel = 0;
	if (sl_pkeys_put(r, &r->calls, key, 2 + r->rel[pred].arity, &is_new) != NULL)
		walk_calls(r, from);
}
