/* proof.c -- the derivation of a verdict: doc/PROTOCOL.policy section 5.
 *
 * A tuple of height h is shown by the first rule of the text that has a match whose
 * tuples are all lower than h, and by that rule's first match: atoms in the order of
 * sl_pjoin_order(), tuples in canonical order.  Nothing but the heights
 * is kept during evaluation; the rest is found again here, for the tuples that count.
 */
#include "policy/run.h"

enum { TEXT_MAX = 2000 };

/* A tuple on the way down: its parents come before it. */
struct frame {
	uint32_t pred, row;
	const struct sl_prule *rule; /* NULL: a fact */
	const uint32_t *parents;     /* rows, one for each atom of the rule */
	uint32_t next;
};

struct prover {
	struct sl_policy_run *r;
	struct sl_jb *b;
	struct sl_json *nodes;
	uint32_t n_nodes;
	struct sl_pkeys number; /* of a tuple's node + 1, by predicate and row */
	uint32_t none;          /* where a run that stopped writes */
	bool *is_used;          /* rules, by id */
	struct frame *stack;
	size_t n, cap;
	/* the search for one derivation */
	uint32_t height, origin;
	const struct sl_prule *rule;
	uint32_t *found;
};

static bool
on_row(struct sl_pjoin *j, uint32_t atom, uint32_t row)
{
	const struct prover *p = j->data;

	return sl_prel_height(&j->r->rel[j->b->atoms[atom].pred], row) < p->height;
}

static void
on_match(struct sl_pjoin *j)
{
	struct prover *p = j->data;
	uint32_t origin = UINT32_C(1) << p->rule->block;

	for (uint32_t k = 0; k < j->b->n_atoms; k++)
		origin |= sl_prel_origin(&j->r->rel[j->b->atoms[k].pred], j->row[k]);
	if (origin != p->origin)
		return;
	j->is_done = true;
	if ((p->found = SL_NEW_N(j->r->out, uint32_t, (size_t)j->b->n_atoms + 1)) == NULL)
		sl_prun_stop(j->r, SL_PSTOP_NOMEM);
	else
		memcpy(p->found, j->row, j->b->n_atoms * sizeof(*p->found));
}

static void
derive(struct prover *p, struct frame *f)
{
	struct sl_policy_run *r = p->r;
	const struct sl_prel *l = &r->rel[f->pred];
	struct sl_pjoin j;

	p->height = sl_prel_height(l, f->row);
	p->origin = sl_prel_origin(l, f->row);
	if (p->height == 0)
		return;
	p->found = NULL;
	for (p->rule = r->p->preds[f->pred].rules; p->rule != NULL;
	     p->rule = p->rule->next_of_pred) {
		sl_pjoin_init(&j, r, &p->rule->body, p->rule->id);
		if (!sl_pjoin_bind_head(&j, &p->rule->head,
					l->cell + (size_t)f->row * l->arity))
			continue;
		sl_pjoin_order(&j, 0);
		j.on_row = on_row;
		j.on_expr = sl_pjoin_plain_expr;
		j.on_match = on_match;
		j.data = p;
		sl_pjoin_run(&j);
		if (p->found != NULL || r->stop != SL_PSTOP_NO)
			break;
	}
	f->rule = p->rule;
	f->parents = p->found;
}

const uint32_t *
sl_pproof_step(struct sl_policy_run *r, uint32_t pred, uint32_t row,
	       const struct sl_prule **ret_rule)
{
	struct prover p = { .r = r };
	struct frame f = { .pred = pred, .row = row };

	derive(&p, &f);
	*ret_rule = f.rule;
	return f.parents;
}

static uint32_t *
number(struct prover *p, uint32_t pred, uint32_t row)
{
	uint32_t key[2] = { pred, row }, *v;
	bool is_new;

	v = sl_pkeys_put(p->r, &p->number, key, 2, &is_new);
	return v != NULL ? v : &p->none;
}

static bool
push(struct prover *p, uint32_t pred, uint32_t row)
{
	if (p->n == p->cap) {
		size_t cap = p->cap > 0 ? 2 * p->cap : 64;
		struct frame *v = SL_NEW_N(p->r->out, struct frame, cap);

		if (v == NULL) {
			sl_prun_stop(p->r, SL_PSTOP_NOMEM);
			return false;
		}
		if (p->n > 0)
			memcpy(v, p->stack, p->n * sizeof(*v));
		p->stack = v;
		p->cap = cap;
	}
	p->stack[p->n] = (struct frame){ .pred = pred, .row = row };
	derive(p, &p->stack[p->n++]);
	return p->r->stop == SL_PSTOP_NO;
}

static struct sl_slice
source_of(const struct sl_policy_run *r, uint32_t prov)
{
	return r->source[prov & ~SL_PFACT];
}

static void
add_parents(struct prover *p, struct sl_json *list, const struct sl_pbody *b,
	    const uint32_t *rows)
{
	for (uint32_t k = 0; k < b->n_atoms; k++)
		sl_json_add(
		    p->b, list,
		    sl_json_int(p->b,
				(int64_t)*number(p, b->atoms[k].pred, rows[k]) - 1));
}

static void
emit(struct prover *p, const struct frame *f)
{
	const struct sl_prel *l = &p->r->rel[f->pred];
	struct sl_json *o = sl_json_add(p->b, p->nodes, sl_json_obj(p->b)), *args;

	*number(p, f->pred, f->row) = ++p->n_nodes;
	sl_json_set(p->b, o, "pred", sl_json_str(p->b, p->r->p->preds[f->pred].name));
	args = sl_json_set(p->b, o, "args", sl_json_arr(p->b));
	for (uint32_t k = 0; k < l->arity; k++)
		sl_json_add(
		    p->b, args,
		    sl_term_json(p->b,
				 p->r->term[l->cell[(size_t)f->row * l->arity + k]]));
	if (f->rule == NULL) {
		sl_json_set(p->b, o, "source",
			    sl_json_str(p->b, source_of(p->r, l->prov[f->row])));
		return;
	}
	p->is_used[f->rule->id] = true;
	sl_json_set(p->b, o, "rule", sl_json_int(p->b, f->rule->id));
	add_parents(p, sl_json_set(p->b, o, "from", sl_json_arr(p->b)), &f->rule->body,
		    f->parents);
}

/* Nodes of the tuple and of what it stands on, parents first. */
static void
prove(struct prover *p, uint32_t pred, uint32_t row)
{
	if (*number(p, pred, row) != 0 || !push(p, pred, row))
		return;
	while (p->n > 0 && !p->b->is_failed) {
		struct frame *f = &p->stack[p->n - 1];
		uint32_t k = f->next++;

		if (f->rule != NULL && k < f->rule->body.n_atoms) {
			uint32_t up = f->rule->body.atoms[k].pred;

			if (*number(p, up, f->parents[k]) == 0 &&
			    !push(p, up, f->parents[k]))
				return;
			continue;
		}
		if (*number(p, f->pred, f->row) == 0)
			emit(p, f);
		p->n--;
	}
}

static const char *
outcome_text(const struct sl_pgoal_result *res)
{
	bool is_policy = res->goal->kind >= SL_PGOAL_ALLOW;

	if (res->outcome == SL_PERROR)
		return "error";
	if (is_policy)
		return res->outcome == SL_PYES ? "match" : "no-match";
	return res->outcome == SL_PYES ? "pass" : "fail";
}

/* Whether one match shows the outcome; else only running again does. */
static bool
has_witness(const struct sl_pgoal_result *res)
{
	switch (res->goal->kind) {
	case SL_PGOAL_CHECK_IF:
	case SL_PGOAL_ALLOW:
	case SL_PGOAL_DENY:
		return res->outcome == SL_PYES;
	case SL_PGOAL_REJECT_IF:
		return res->outcome == SL_PNO;
	case SL_PGOAL_CHECK_ALL:
		break;
	}
	return false;
}

static bool
add_goal(struct prover *p, struct sl_json *list, const struct sl_pgoal_result *res)
{
	struct sl_json *o = sl_json_add(p->b, list, sl_json_obj(p->b));
	struct sl_slice text = sl_policy_goal_text(p->r->out, res->goal, TEXT_MAX);
	const struct sl_pbody *b;

	if (text.p == NULL) {
		sl_prun_stop(p->r, SL_PSTOP_NOMEM);
		return false;
	}
	sl_json_set(p->b, o, "line", sl_json_int(p->b, res->goal->line));
	sl_json_set(p->b, o, "text", sl_json_str(p->b, text));
	sl_json_set(p->b, o, "result", sl_json_cstr(p->b, outcome_text(res)));
	if (!has_witness(res)) {
		sl_json_set(p->b, o, "note", sl_json_cstr(p->b, "replay"));
		return true;
	}
	b = &res->goal->or [res->branch];
	for (uint32_t k = 0; k < b->n_atoms && p->r->stop == SL_PSTOP_NO; k++)
		prove(p, b->atoms[k].pred, res->rows[k]);
	if (p->r->stop != SL_PSTOP_NO)
		return false;
	sl_json_set(p->b, o, "branch", sl_json_int(p->b, res->branch));
	add_parents(p, sl_json_set(p->b, o, "from", sl_json_arr(p->b)), b, res->rows);
	return false;
}

static void
add_rules(struct prover *p, struct sl_json *list)
{
	for (const struct sl_prule *q = p->r->p->rules; q != NULL; q = q->next) {
		struct sl_slice text;
		struct sl_json *o;

		if (!p->is_used[q->id])
			continue;
		if ((text = sl_policy_rule_text(p->r->out, q, TEXT_MAX)).p == NULL) {
			sl_prun_stop(p->r, SL_PSTOP_NOMEM);
			return;
		}
		o = sl_json_add(p->b, list, sl_json_obj(p->b));
		sl_json_set(p->b, o, "id", sl_json_int(p->b, q->id));
		sl_json_set(p->b, o, "line", sl_json_int(p->b, q->line));
		sl_json_set(p->b, o, "text", sl_json_str(p->b, text));
	}
}

struct sl_json *
sl_pproof(struct sl_policy_run *r, struct sl_jb *b, const struct sl_verdict *v)
{
	struct prover p = { .r = r, .b = b };
	struct sl_json *o = sl_json_obj(b), *checks, *policies, *rules;
	bool is_replay = false;
	size_t n = r->p->n_checks;

	sl_json_set(b, o, "v", sl_json_int(b, 1));
	sl_json_set(b, o, "verdict",
		    sl_json_cstr(b, v->kind == SL_VERDICT_ALLOW ? "allow" : "deny"));
	sl_json_set(b, o, "reason", sl_json_cstr(b, v->reason));
	sl_json_set(b, o, "message", sl_json_str(b, v->message));
	sl_json_set(b, o, "fuel", sl_json_int(b, (int64_t)v->fuel));
	sl_json_set(b, o, "fuel-version", sl_json_int(b, v->fuel_version));
	checks = sl_json_set(b, o, "checks", sl_json_arr(b));
	policies = sl_json_set(b, o, "policies", sl_json_arr(b));
	rules = sl_json_set(b, o, "rules", sl_json_arr(b));
	p.nodes = sl_json_set(b, o, "nodes", sl_json_arr(b));
	if (r->stop == SL_PSTOP_NO) {
		if ((p.is_used = SL_NEW_N(r->out, bool, (size_t)r->p->n_rules + 1)) ==
		    NULL) {
			sl_prun_stop(r, SL_PSTOP_NOMEM);
			return NULL;
		}
		for (size_t k = 0; k < n && r->stop == SL_PSTOP_NO; k++)
			is_replay |= add_goal(&p, checks, &r->results[k]);
		for (size_t k = 0; k < r->p->n_policies && r->stop == SL_PSTOP_NO; k++) {
			is_replay |= add_goal(&p, policies, &r->results[n + k]);
			if (r->results[n + k].outcome != SL_PNO)
				break; /* the first match is the last that counts */
		}
		if (r->stop == SL_PSTOP_NO)
			add_rules(&p, rules);
		if (r->stop != SL_PSTOP_NO)
			return NULL;
	} else {
		is_replay = true;
	}
	sl_json_set(b, o, "replay", sl_json_bool(b, is_replay));
	return b->is_failed ? NULL : o;
}
