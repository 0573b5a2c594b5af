/* lint.c -- what is not wrong in a policy, but cannot be meant: warnings.  See policy.h.
 *
 * A rule whose head no check, no policy and no question of the gate comes to; a body that
 * cannot match; a rule that another makes needless; a policy that is never the first to
 * match.  Each says so only where it is certain for every fact set.
 */
#include "policy/lint.h"

/* ---- use ---- */

static bool *
flags(const struct sl_policy *p, size_t n, struct sl_pdiags *d)
{
	bool *v = SL_NEW_N(p->a, bool, n + 1);

	if (v == NULL)
		d->is_nomem = true;
	return v;
}

static bool
mark(const struct sl_pbody *b, bool *is_used)
{
	bool is_new = false;

	for (uint32_t k = 0; k < b->n_atoms; k++) {
		is_new |= !is_used[b->atoms[k].pred];
		is_used[b->atoms[k].pred] = true;
	}
	return is_new;
}

/* Which predicates the verdict or the gate can come to. */
static bool *
reached(const struct sl_policy *p, struct sl_pdiags *d)
{
	bool *is_used = flags(p, p->n_preds, d), is_new = true;

	if (is_used == NULL)
		return NULL;
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? p->policies : p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				(void)mark(&g->or [k], is_used);
	for (uint32_t k = 0; k < p->n_preds; k++)
		is_used[k] |= sl_decls_is_asked(p->decls, p->preds[k].name);
	while (is_new) {
		is_new = false;
		for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
			if (is_used[r->head.pred])
				is_new |= mark(&r->body, is_used);
	}
	return is_used;
}

static void
warn_unused(const struct sl_policy *p, struct sl_pdiags *d)
{
	bool *is_used = reached(p, d), *is_named = flags(p, p->n_preds, d);

	if (is_used == NULL || is_named == NULL)
		return;
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
		(void)mark(&r->body, is_named);
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next) {
		if (is_used[r->head.pred])
			continue;
		is_used[r->head.pred] = true; /* once a predicate */
		if (is_named[r->head.pred])
			sl_pdiag(d, 0, true, r->line, r->col,
				 "no check or policy comes to '%.*s': only rules that "
				 "are not used themselves name it",
				 SL_ARG(r->head.name));
		else
			sl_pdiag(d, 0, true, r->line, r->col, "nothing asks for '%.*s'",
				 SL_ARG(r->head.name));
	}
}

/* ---- bodies that never match ---- */

static bool
is_false(const struct sl_pexpr *x)
{
	return x->px->op == SL_PX_TERM && x->px->t->kind == SL_TERM_BOOL &&
	       x->px->t->i == 0;
}

/* Stated by a fact, the gate, or a rule that can match. */
static bool *
possible(const struct sl_policy *p, struct sl_pdiags *d)
{
	bool *is_possible = flags(p, p->n_preds, d), is_new = true;

	if (is_possible == NULL)
		return NULL;
	for (const struct sl_pfact *f = p->facts; f != NULL; f = f->next)
		is_possible[f->atom.pred] = true;
	for (uint32_t k = 0; k < p->n_preds; k++)
		is_possible[k] |= p->decls == NULL || /* then anybody may state it */
				  (sl_decls_kinds(p->decls, p->preds[k].name, 0) != 0 &&
				   !sl_decls_is_asked(p->decls, p->preds[k].name));
	while (is_new) {
		is_new = false;
		for (const struct sl_prule *r = p->rules; r != NULL; r = r->next) {
			bool can = !is_possible[r->head.pred];

			for (uint32_t k = 0; can && k < r->body.n_atoms; k++)
				can = is_possible[r->body.atoms[k].pred];
			for (uint32_t k = 0; can && k < r->body.n_exprs; k++)
				can = !is_false(&r->body.exprs[k]);
			is_new |= can;
			is_possible[r->head.pred] |= can;
		}
	}
	return is_possible;
}

static void
warn_body(const struct sl_pbody *b, const bool *is_possible, struct sl_pdiags *d)
{
	for (uint32_t k = 0; k < b->n_exprs; k++)
		if (is_false(&b->exprs[k])) {
			sl_pdiag(d, 0, true, b->exprs[k].px->line, b->exprs[k].px->col,
				 "never matches: this is false");
			return;
		}
	for (uint32_t k = 0; k < b->n_atoms; k++)
		if (!is_possible[b->atoms[k].pred]) {
			sl_pdiag(d, 0, true, b->atoms[k].line, b->atoms[k].col,
				 "never matches: nothing can state '%.*s'",
				 SL_ARG(b->atoms[k].name));
			return;
		}
}

static void
warn_impossible(const struct sl_policy *p, struct sl_pdiags *d)
{
	bool *is_possible = possible(p, d);

	if (is_possible == NULL)
		return;
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
		warn_body(&r->body, is_possible, d);
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? p->policies : p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				warn_body(&g->or [k], is_possible, d);
}

/* ---- one body matches whenever another does ---- */

enum { STEPS_MAX = 2000 };

/* What each variable of the general body stands for in the special one. */
struct cover {
	const struct sl_pbody *general, *special;
	struct sl_parg to[SL_PVARS_MAX];
	bool is_set[SL_PVARS_MAX];
	unsigned n_steps;
};

static bool
same_arg(const struct sl_parg *x, const struct sl_parg *y)
{
	if (x->is_var || y->is_var)
		return x->is_var == y->is_var && x->var == y->var;
	return sl_term_cmp(x->t, y->t) == 0;
}

static bool
map_arg(struct cover *c, const struct sl_parg *g, const struct sl_parg *s)
{
	if (!g->is_var)
		return !s->is_var && sl_term_cmp(g->t, s->t) == 0;
	if (c->is_set[g->var])
		return same_arg(&c->to[g->var], s);
	c->to[g->var] = *s;
	c->is_set[g->var] = true;
	return true;
}

/* Closure parameters by the depth of the closures that have them. */
static bool
same_px(const struct cover *c, const struct sl_px *g, const struct sl_px *s)
{
	if (g == NULL || s == NULL)
		return g == s;
	if (g->op == SL_PX_VAR && (c->general->params >> g->var & 1) == 0 &&
	    c->is_set[g->var]) {
		const struct sl_parg *to = &c->to[g->var];

		if (to->is_var)
			return s->op == SL_PX_VAR && s->var == to->var;
		return s->op == SL_PX_TERM && sl_term_cmp(s->t, to->t) == 0;
	}
	if (g->op != s->op || g->op == SL_PX_VAR)
		return false; /* a parameter: too rare to follow */
	if (g->op == SL_PX_TERM)
		return sl_term_cmp(g->t, s->t) == 0;
	return g->op != SL_PX_ANY && g->op != SL_PX_ALL && same_px(c, g->a, s->a) &&
	       same_px(c, g->b, s->b);
}

static bool
exprs_covered(const struct cover *c)
{
	for (uint32_t k = 0; k < c->general->n_exprs; k++) {
		const struct sl_px *g = c->general->exprs[k].px;
		bool is_there =
		    g->op == SL_PX_TERM && g->t->kind == SL_TERM_BOOL && g->t->i == 1;

		for (uint32_t i = 0; !is_there && i < c->special->n_exprs; i++)
			is_there = same_px(c, g, c->special->exprs[i].px);
		if (!is_there)
			return false;
	}
	return true;
}

/* From atom k of the general body on; as deep as it has atoms. */
static bool
atoms_covered(struct cover *c, uint32_t k)
{
	const struct sl_patom *g;

	if (k == c->general->n_atoms)
		return exprs_covered(c);
	g = &c->general->atoms[k];
	for (uint32_t i = 0; i < c->special->n_atoms && c->n_steps < STEPS_MAX; i++) {
		const struct sl_patom *s = &c->special->atoms[i];
		struct cover next = *c;
		bool ok = s->pred == g->pred;

		c->n_steps++;
		for (uint32_t n = 0; ok && n < g->n; n++)
			ok = map_arg(&next, &g->args[n], &s->args[n]);
		if (ok && atoms_covered(&next, k + 1)) {
			*c = next;
			return true;
		}
		c->n_steps = next.n_steps > c->n_steps ? next.n_steps : c->n_steps;
	}
	return false;
}

/* An expression that fails in the special body is no match of it either, but could be an
 * error of the general one: only what both have, or what is a plain match, counts. */
static bool
covers(const struct sl_pbody *general, const struct sl_pbody *special)
{
	struct cover c = { .general = general, .special = special };

	return general->n_atoms <= 8 && special->n_atoms <= 16 && atoms_covered(&c, 0);
}

static bool
goal_covers(const struct sl_pgoal *x, const struct sl_pgoal *y)
{
	for (uint32_t k = 0; k < y->n_or; k++) {
		bool is_covered = false;

		for (uint32_t i = 0; !is_covered && i < x->n_or; i++)
			is_covered = covers(&x->or [i], &y -> or [k]);
		if (!is_covered)
			return false;
	}
	return true;
}

static bool
always_matches(const struct sl_pgoal *g)
{
	static const struct sl_pbody none = { 0 };

	for (uint32_t k = 0; k < g->n_or; k++)
		if (covers(&g->or [k], &none))
			return true;
	return false;
}

enum { PAIRS_MAX = 300 }; /* policies, and rules of one predicate, that are compared */

static void
warn_shadowed(const struct sl_policy *p, struct sl_pdiags *d)
{
	uint32_t n = 0;

	for (const struct sl_pgoal *y = p->policies; y != NULL && n < PAIRS_MAX;
	     y = y->next, n++)
		for (const struct sl_pgoal *x = p->policies; x != y; x = x->next) {
			if (always_matches(x))
				return; /* said already of all that follow */
			if (!goal_covers(x, y))
				continue;
			sl_pdiag(d, 0, true, y->line, y->col,
				 "never decides: whenever it matches, the %s of line %u "
				 "matches before it",
				 x->kind == SL_PGOAL_ALLOW ? "allow" : "deny",
				 (unsigned)x->line);
			break;
		}
}

/* The rule x derives whatever y does. */
static bool
rule_covers(const struct sl_prule *x, const struct sl_prule *y)
{
	struct cover c = { .general = &x->body, .special = &y->body };

	for (uint32_t k = 0; k < x->head.n; k++)
		if (!map_arg(&c, &x->head.args[k], &y->head.args[k]))
			return false;
	return x->body.n_atoms <= 8 && y->body.n_atoms <= 16 && atoms_covered(&c, 0);
}

static void
warn_needless(const struct sl_policy *p, struct sl_pdiags *d)
{
	for (uint32_t k = 0; k < p->n_preds; k++) {
		uint32_t n = 0;

		for (const struct sl_prule *y = p->preds[k].rules;
		     y != NULL && n < PAIRS_MAX; y = y->next_of_pred, n++)
			for (const struct sl_prule *x = p->preds[k].rules;
			     x != NULL && x != y; x = x->next_of_pred)
				if (rule_covers(x, y)) {
					sl_pdiag(d, 0, true, y->line, y->col,
						 "adds nothing: the rule of line %u "
						 "derives all that it does",
						 (unsigned)x->line);
					break;
				}
	}
}

void
sl_policy_lint(const struct sl_policy *p, struct sl_pdiags *d)
{
	warn_unused(p, d);
	warn_impossible(p, d);
	warn_shadowed(p, d);
	warn_needless(p, d);
	if (!d->is_nomem)
		sl_policy_lint_types(p, d);
}
