/* check.c -- whether a proof shows what it says, without evaluating: doc/PROTOCOL.policy
 * section 5.  See policy.h.
 *
 * Of the engine only terms, expressions and printed forms are used.  One pass over the
 * nodes, each of which stands on nodes before it; the proof comes from anybody.
 */
#include "policy/run.h"

struct node {
	uint32_t pred, n;
	const struct sl_term *args;
	bool is_used;
};

struct check {
	const struct sl_policy *p;
	const struct sl_policy_facts *f;
	const struct sl_prule **rule; /* by id */
	bool *is_used;                /* rules, by id */
	struct node *node;
	size_t n;        /* those checked */
	bool has_replay; /* something is shown only by deciding again */
	struct sl_arena a, scratch;
	struct sl_err *err;
};

/* A body with values for its variables. */
struct binding {
	const struct sl_term *val[SL_PVARS_MAX];
};

static int
wrong(struct check *c, const char *what)
{
	return SL_ERR(c->err, VERIFY, "proof: %s", what);
}

static int
nomem(struct check *c)
{
	return SL_ERR(c->err, NOMEM, "proof: out of memory");
}

static const struct sl_json *
list(const struct sl_json *o, const char *key)
{
	const struct sl_json *v = sl_json_get(o, key);

	return v != NULL && v->kind == SL_JSON_ARR ? v : NULL;
}

static bool
is_int(const struct sl_json *o, const char *key, int64_t want)
{
	const struct sl_json *v = sl_json_get(o, key);

	return v != NULL && v->kind == SL_JSON_INT && v->i == want;
}

static bool
is_str(const struct sl_json *o, const char *key, struct sl_slice want)
{
	const struct sl_json *v = sl_json_get(o, key);

	return v != NULL && v->kind == SL_JSON_STR && sl_slice_eq(v->s, want);
}

/* The atom is that tuple under the binding, which it may extend. */
static bool
is_instance(const struct sl_patom *m, const struct node *x, struct binding *b)
{
	if (m->pred != x->pred || m->n != x->n)
		return false;
	for (uint32_t k = 0; k < m->n; k++) {
		const struct sl_parg *g = &m->args[k];
		const struct sl_term *have = g->is_var ? b->val[g->var] : g->t;

		if (have == NULL)
			b->val[g->var] = &x->args[k];
		else if (sl_term_cmp(have, &x->args[k]) != 0)
			return false;
	}
	return true;
}

static bool
are_true(struct check *c, const struct sl_pbody *b, const struct binding *at)
{
	for (uint32_t k = 0; k < b->n_exprs; k++) {
		struct sl_peval e = { .scratch = &c->scratch,
				      .max_steps = sl_policy_default_limits.max_work };
		bool v = false;

		for (uint32_t i = 0; i < b->n_vars; i++)
			e.env[i] = (b->params >> i & 1) == 0 ? at->val[i] : NULL;
		if (sl_peval_bool(&e, b->exprs[k].px, &v) != SL_PEV_OK || !v)
			return false;
	}
	return true;
}

/* The body matches the nodes that `from` lists, one an atom. */
static int
check_match(struct check *c, const struct sl_pbody *b, const struct sl_json *from,
	    struct binding *at)
{
	uint32_t k = 0;

	if (from == NULL || from->n != b->n_atoms)
		return wrong(c, "not one tuple for each atom");
	SL_JSON_EACH(m, from)
	{
		if (m->kind != SL_JSON_INT || m->i < 0 || (uint64_t)m->i >= c->n)
			return wrong(c, "a reference to a node that is not before it");
		if (!is_instance(&b->atoms[k++], &c->node[m->i], at))
			return wrong(c, "a tuple that its atom does not match");
		c->node[m->i].is_used = true;
	}
	return are_true(c, b, at) ? 0 : wrong(c, "an expression that is not true");
}

/* ---- nodes ---- */

static bool
is_stated_by_policy(const struct check *c, const struct node *x)
{
	for (const struct sl_pfact *f = c->p->facts; f != NULL; f = f->next) {
		struct binding none = { { NULL } };

		if (is_instance(&f->atom, x, &none))
			return true;
	}
	return false;
}

static int
check_fact(struct check *c, const struct node *x, const struct sl_json *o)
{
	struct sl_pfact_row row = { .pred = c->p->preds[x->pred].name,
				    .source = sl_json_get_str(o, "source"),
				    .args = x->args,
				    .n = x->n,
				    .block = SL_PAUTH };
	bool is_own = sl_slice_eq(row.source, SL_LIT("policy"));

	if (o->n != 3 || sl_json_get(o, "source") == NULL)
		return wrong(c, "a node of another form");
	if ((is_own && is_stated_by_policy(c, x)) || sl_policy_facts_has(c->f, &row))
		return 0;
	return wrong(c, "a fact that nobody has stated so");
}

static int
check_derived(struct check *c, const struct node *x, const struct sl_json *o)
{
	const struct sl_json *id = sl_json_get(o, "rule");
	struct binding at = { { NULL } };
	const struct sl_prule *q;
	int r;

	if (o->n != 4 || id->kind != SL_JSON_INT || id->i < 0 ||
	    (uint64_t)id->i >= c->p->n_rules)
		return wrong(c, "a node of another form, or without its rule");
	q = c->rule[id->i];
	c->is_used[id->i] = true;
	if ((r = check_match(c, &q->body, list(o, "from"), &at)) < 0)
		return r;
	return is_instance(&q->head, x, &at)
		   ? 0
		   : wrong(c, "a tuple that is not its rule's head");
}

static int
check_node(struct check *c, const struct sl_json *o)
{
	const struct sl_json *args = list(o, "args");
	struct node *x = &c->node[c->n];
	struct sl_term *t;
	int r;

	if (args == NULL || args->n == 0 || args->n > SL_PARITY_MAX)
		return wrong(c, "a node without terms");
	if ((t = SL_NEW_N(&c->a, struct sl_term, args->n)) == NULL)
		return nomem(c);
	x->args = t;
	SL_JSON_EACH(m, args)
	if ((r = sl_term_from_json(m, &c->a, 0, &t[x->n++], c->err)) < 0)
		return r == SL_E(NOMEM) ? r : wrong(c, "a term that is none");
	x->pred = sl_policy_pred(c->p, sl_json_get_str(o, "pred"), x->n);
	if (x->pred == UINT32_MAX)
		return wrong(c, "a predicate that the policy does not have");
	r = sl_json_get(o, "rule") != NULL ? check_derived(c, x, o) : check_fact(c, x, o);
	c->n++;
	return r;
}

static int
check_nodes(struct check *c, const struct sl_json *nodes)
{
	int r;

	if (nodes == NULL ||
	    (c->node = SL_NEW_N(&c->a, struct node, nodes->n + 1)) == NULL)
		return nodes == NULL ? wrong(c, "no nodes") : nomem(c);
	SL_JSON_EACH(m, nodes)
	if ((r = check_node(c, m)) < 0)
		return r;
	return 0;
}

/* ---- checks and policies ---- */

/* What the goal's result means for its body: a match shows it, or nothing here does. */
static int
witnessed(enum sl_pgoal_kind kind, struct sl_slice result, bool *ret_match)
{
	bool is_policy = kind >= SL_PGOAL_ALLOW;
	bool is_yes = sl_slice_eq(result, is_policy ? SL_LIT("match") : SL_LIT("pass"));

	if (!is_yes &&
	    !sl_slice_eq(result, is_policy ? SL_LIT("no-match") : SL_LIT("fail")))
		return -1;
	*ret_match =
	    kind == SL_PGOAL_REJECT_IF ? !is_yes : is_yes && kind != SL_PGOAL_CHECK_ALL;
	return is_yes;
}

/* 1 or 0: its result; negative: an error. */
static int
check_goal(struct check *c, const struct sl_pgoal *g, const struct sl_json *o)
{
	struct sl_slice text = sl_policy_goal_text(&c->a, g, 2000);
	const struct sl_json *branch = sl_json_get(o, "branch");
	struct binding at = { { NULL } };
	bool is_match = false;
	int yes, r;

	if (text.p == NULL)
		return nomem(c);
	if (!is_int(o, "line", g->line) || !is_str(o, "text", text) ||
	    (yes = witnessed(g->kind, sl_json_get_str(o, "result"), &is_match)) < 0)
		return wrong(c, "a check or policy that is not the policy's");
	if (!is_match) {
		c->has_replay = true;
		return o->n == 4 && is_str(o, "note", SL_LIT("replay"))
			   ? yes
			   : wrong(c, "a result that a match would not show");
	}
	if (o->n != 5 || branch == NULL || branch->kind != SL_JSON_INT || branch->i < 0 ||
	    (uint64_t)branch->i >= g->n_or)
		return wrong(c, "a result without its branch");
	r = check_match(c, &g->or [branch->i], list(o, "from"), &at);
	return r < 0 ? r : yes;
}

/* The reason that follows from the results; NULL after an error. */
static const char *
check_goals(struct check *c, const struct sl_json *proof, int *ret)
{
	const struct sl_json *checks = list(proof, "checks"),
			     *policies = list(proof, "policies");
	const struct sl_pgoal *g = c->p->checks, *hit = NULL;
	bool has_failed = false;

	*ret = 0;
	if (checks == NULL || policies == NULL || checks->n != c->p->n_checks) {
		*ret = wrong(c, "not a result for each check");
		return NULL;
	}
	SL_JSON_EACH(m, checks)
	{
		if ((*ret = check_goal(c, g, m)) < 0)
			return NULL;
		has_failed |= *ret == 0;
		g = g->next;
	}
	g = c->p->policies;
	SL_JSON_EACH(m, policies)
	{
		if (g == NULL || hit != NULL) {
			*ret = wrong(c, "a policy behind the one that matches");
			return NULL;
		}
		if ((*ret = check_goal(c, g, m)) < 0)
			return NULL;
		hit = *ret == 1 ? g : NULL;
		g = g->next;
	}
	*ret = 0;
	if (hit == NULL && g != NULL) {
		*ret = wrong(c, "a policy is left out");
		return NULL;
	}
	if (has_failed)
		return "check";
	return hit == NULL ? "none" : hit->kind == SL_PGOAL_ALLOW ? "allow" : "deny";
}

/* Nothing that is not needed, and each rule that is, in order. */
static int
check_rest(struct check *c, const struct sl_json *rules)
{
	const struct sl_json *m = rules != NULL ? rules->child : NULL;

	if (rules == NULL)
		return wrong(c, "no rules");
	for (size_t k = 0; k < c->n; k++)
		if (!c->node[k].is_used)
			return wrong(c, "a node that nothing stands on");
	for (uint32_t k = 0; k < c->p->n_rules; k++) {
		struct sl_slice text;

		if (!c->is_used[k])
			continue;
		text = sl_policy_rule_text(&c->a, c->rule[k], 2000);
		if (text.p == NULL)
			return nomem(c);
		if (m == NULL || m->n != 3 || !is_int(m, "id", k) ||
		    !is_int(m, "line", c->rule[k]->line) || !is_str(m, "text", text))
			return wrong(c, "a rule that is not the policy's");
		m = m->next;
	}
	return m == NULL ? 0 : wrong(c, "a rule that nothing stands on");
}

/* "fuel", "limit" and "error" show nothing. */
static bool
is_bare(const struct sl_json *proof)
{
	static const char *const keys[] = { "checks", "policies", "rules", "nodes" };
	struct sl_slice r = sl_json_get_str(proof, "reason");

	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		if (list(proof, keys[k]) == NULL || list(proof, keys[k])->n > 0)
			return false;
	return sl_slice_eq(r, SL_LIT("fuel")) || sl_slice_eq(r, SL_LIT("limit")) ||
	       sl_slice_eq(r, SL_LIT("error"));
}

static int
check_proof(struct check *c, const struct sl_json *proof)
{
	const struct sl_json *replay = sl_json_get(proof, "replay");
	const char *reason = NULL;
	int r;

	if (proof->kind != SL_JSON_OBJ || proof->n != 11 || !is_int(proof, "v", 1) ||
	    !is_int(proof, "fuel-version", SL_POLICY_FUEL_V1) || replay == NULL ||
	    replay->kind != SL_JSON_BOOL || sl_json_get(proof, "message") == NULL ||
	    sl_json_get(proof, "fuel") == NULL ||
	    sl_json_get(proof, "fuel")->kind != SL_JSON_INT)
		return wrong(c, "not of version 1");
	if (is_bare(proof)) {
		c->has_replay = true;
		reason = "error";
	} else if ((r = check_nodes(c, list(proof, "nodes"))) < 0 ||
		   (reason = check_goals(c, proof, &r)) == NULL ||
		   (r = check_rest(c, list(proof, "rules"))) < 0) {
		return r;
	} else if (!is_str(proof, "reason", sl_slice_str(reason))) {
		return wrong(c, "another reason than its results give");
	}
	if (!is_str(proof, "verdict",
		    strcmp(reason, "allow") == 0 ? SL_LIT("allow") : SL_LIT("deny")))
		return wrong(c, "another verdict than its results give");
	return replay->b == c->has_replay
		   ? 0
		   : wrong(c, "says wrongly whether deciding again is needed");
}

int
sl_policy_check_proof(const struct sl_policy *p, struct sl_policy_facts *f,
		      const struct sl_json *proof, bool *ret_whole, struct sl_err *err)
{
	struct check c = { .p = p, .f = f, .err = err };
	int r;

	if (p->n_blocks > 0)
		return SL_ERR(err, UNSUPPORTED, "proof: of a token");
	if ((r = sl_policy_facts_sort(f, err)) < 0)
		return r;
	sl_arena_init(&c.a, (size_t)256 << 20);
	sl_arena_init(&c.scratch, (size_t)sl_policy_default_limits.max_bytes);
	c.rule = SL_NEW_N(&c.a, const struct sl_prule *, (size_t)p->n_rules + 1);
	c.is_used = SL_NEW_N(&c.a, bool, (size_t)p->n_rules + 1);
	if (c.rule == NULL || c.is_used == NULL)
		r = nomem(&c);
	for (const struct sl_prule *q = p->rules; r == 0 && q != NULL; q = q->next)
		c.rule[q->id] = q;
	if (r == 0)
		r = check_proof(&c, proof);
	sl_arena_free(&c.scratch);
	sl_arena_free(&c.a);
	*ret_whole = r == 0 && !c.has_replay;
	return r;
}
