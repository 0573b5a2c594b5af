/* load.c -- links a parsed policy and refuses what is unsafe.  See policy.h, ast.h. */
#include "policy/ast.h"

#include <stdarg.h>

const struct sl_limits sl_policy_text_limits = {
	.max_bytes = 1 << 20,
	.max_items = 200000,
	.max_depth = 128,
};

void
sl_pdiag(struct sl_pdiags *d, int code, bool is_warning, uint32_t line, uint32_t col,
	 const char *fmt, ...)
{
	struct sl_policy_diag *v;
	char raw[400];
	va_list ap;

	if (d->n == SL_PDIAGS_MAX) {
		d->is_full = true;
		return;
	}
	if (d->n == d->cap) {
		size_t cap = d->cap > 0 ? 2 * d->cap : 4;

		if ((v = SL_NEW_N(d->a, struct sl_policy_diag, cap)) == NULL) {
			d->is_nomem = true;
			return;
		}
		if (d->n > 0)
			memcpy(v, d->v, d->n * sizeof(*v));
		d->v = v;
		d->cap = cap;
	}
	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	v = &d->v[d->n];
	*v = (struct sl_policy_diag){ is_warning, code, line, col,
				      sl_arena_str(d->a, sl_slice_str(raw)) };
	if (v->msg == NULL)
		d->is_nomem = true;
	else
		d->n++;
}

void
sl_policy_init(struct sl_policy *p, struct sl_arena *a)
{
	*p = (struct sl_policy){ .a = a };
	p->facts_tail = &p->facts;
	p->rules_tail = &p->rules;
	p->checks_tail = &p->checks;
	p->policies_tail = &p->policies;
}

static uint32_t
pred_hash(struct sl_slice name, size_t arity)
{
	uint32_t h = 2166136261U ^ (uint32_t)arity;

	for (size_t k = 0; k < name.len; k++)
		h = (h ^ name.p[k]) * 16777619U;
	return h ^ h >> 15;
}

uint32_t
sl_policy_pred(const struct sl_policy *p, struct sl_slice name, size_t arity)
{
	uint32_t h = pred_hash(name, arity), k;

	for (; p->cap_hash > 0 && (k = p->pred_hash[h & (p->cap_hash - 1)]) != 0; h++)
		if (p->preds[k - 1].arity == arity &&
		    sl_slice_eq(p->preds[k - 1].name, name))
			return k - 1;
	return UINT32_MAX;
}

static void
hash_add(struct sl_policy *p, uint32_t k)
{
	uint32_t h = pred_hash(p->preds[k].name, p->preds[k].arity);

	while (p->pred_hash[h & (p->cap_hash - 1)] != 0)
		h++;
	p->pred_hash[h & (p->cap_hash - 1)] = k + 1;
}

static bool
grow_preds(struct sl_policy *p)
{
	uint32_t cap = p->cap_preds > 0 ? 2 * p->cap_preds : 32;
	struct sl_ppred *v = SL_NEW_N(p->a, struct sl_ppred, cap);
	uint32_t *h = SL_NEW_N(p->a, uint32_t, (size_t)cap * 2);

	if (v == NULL || h == NULL)
		return false;
	if (p->n_preds > 0)
		memcpy(v, p->preds, p->n_preds * sizeof(*v));
	p->preds = v;
	p->pred_hash = h;
	p->cap_preds = cap;
	p->cap_hash = cap * 2;
	for (uint32_t k = 0; k < p->n_preds; k++)
		hash_add(p, k);
	return true;
}

static bool
link_atom(struct sl_policy *p, struct sl_patom *m)
{
	if ((m->pred = sl_policy_pred(p, m->name, m->n)) != UINT32_MAX)
		return true;
	if (p->n_preds == p->cap_preds && !grow_preds(p))
		return false;
	m->pred = p->n_preds++;
	p->preds[m->pred] = (struct sl_ppred){ .name = m->name, .arity = m->n };
	hash_add(p, m->pred);
	return true;
}

/* Variables of an expression; as deep as the parser allowed. */
static uint64_t
px_vars(const struct sl_px *x)
{
	if (x == NULL)
		return 0;
	if (x->op == SL_PX_VAR)
		return UINT64_C(1) << x->var;
	return px_vars(x->a) | px_vars(x->b);
}

static uint64_t
atom_vars(const struct sl_patom *m)
{
	uint64_t v = 0;

	for (uint32_t k = 0; k < m->n; k++)
		if (m->args[k].is_var)
			v |= UINT64_C(1) << m->args[k].var;
	return v;
}

static struct sl_slice
var_name(const struct sl_pbody *b, uint64_t set)
{
	return b->vars[__builtin_ctzll(set)];
}

/* The first place in x that names a variable of the set, as a closure's parameter or
 * otherwise. */
static const struct sl_px *
find_var(const struct sl_px *x, uint64_t set)
{
	bool has_var =
	    x != NULL && (x->op == SL_PX_VAR || x->op == SL_PX_ANY || x->op == SL_PX_ALL);
	const struct sl_px *found;

	if (x == NULL || (has_var && (set >> x->var & 1) != 0))
		return x;
	found = find_var(x->a, set);
	return found != NULL ? found : find_var(x->b, set);
}

/* A parameter may not have the name of a variable that comes later, either. */
static void
check_shadows(const struct sl_pbody *b, struct sl_pdiags *d)
{
	for (uint64_t set = b->params; set != 0; set &= set - 1) {
		uint32_t v = (uint32_t)__builtin_ctzll(set);
		const struct sl_px *x = NULL;

		for (uint32_t k = 0; x == NULL && k < b->n_exprs; k++)
			x = find_var(b->exprs[k].px, UINT64_C(1) << v);
		for (uint32_t w = 0; x != NULL && w < b->n_vars; w++)
			if ((b->params >> w & 1) == 0 &&
			    sl_slice_eq(b->vars[v], b->vars[w]))
				sl_pdiag(d, SL_E(FORMAT), false, x->line, x->col,
					 "closure parameter shadows variable '$%.*s'",
					 SL_ARG(b->vars[w]));
	}
}

/* Every variable of an expression is bound by an atom; says after which one. */
static void
place_exprs(struct sl_pbody *b, uint64_t bound, struct sl_pdiags *d)
{
	for (uint32_t k = 0; k < b->n_exprs; k++) {
		struct sl_pexpr *e = &b->exprs[k];
		uint64_t have = 0;
		uint32_t at = 0;

		e->vars = px_vars(e->px) & ~b->params;
		if ((e->vars & ~bound) != 0) {
			const struct sl_px *x = find_var(e->px, e->vars & ~bound);

			sl_pdiag(d, SL_E(FORMAT), false, x->line, x->col,
				 "variable '$%.*s' is in no predicate of the body",
				 SL_ARG(b->vars[x->var]));
			continue;
		}
		while ((e->vars & ~have) != 0)
			have |= atom_vars(&b->atoms[at++]);
		if (e->at < at)
			e->at = at;
	}
}

static uint32_t
scope_mask(const struct sl_policy *p, const struct sl_pscope *sc, uint32_t block)
{
	uint32_t m = UINT32_C(1) << block | UINT32_C(1) << SL_PAUTH;

	if (!sc->is_given)
		sc = &p->block_scope[block];
	if (!sc->is_given)
		return m | 1;
	if (sc->has_authority)
		m |= 1;
	if (sc->has_previous && block != SL_PAUTH)
		m |= (UINT32_C(1) << block) - 1;
	for (uint32_t k = 0; k < sc->n_keys; k++)
		for (uint32_t n = 0; n < p->n_blocks; n++)
			if (sl_slice_eq(sc->keys[k], p->block_key[n]))
				m |= UINT32_C(1) << n;
	return m;
}

static bool
link_body(struct sl_policy *p, struct sl_pbody *b, uint32_t block, uint64_t *ret_bound,
	  struct sl_pdiags *d)
{
	uint64_t bound = 0;

	for (uint32_t k = 0; k < b->n_atoms; k++) {
		if (!link_atom(p, &b->atoms[k]))
			return false;
		bound |= atom_vars(&b->atoms[k]);
	}
	check_shadows(b, d);
	place_exprs(b, bound, d);
	b->trusted = scope_mask(p, &b->scope, block);
	*ret_bound = bound;
	return true;
}

static bool
link_rule(struct sl_policy *p, struct sl_prule *r, struct sl_pdiags *d)
{
	uint64_t bound, head = atom_vars(&r->head);
	struct sl_ppred *q;

	if (!link_atom(p, &r->head) || !link_body(p, &r->body, r->block, &bound, d))
		return false;
	if ((head & ~bound) != 0)
		sl_pdiag(d, SL_E(FORMAT), false, r->line, r->col,
			 "variable '$%.*s' of the head is in no predicate of the body",
			 SL_ARG(var_name(&r->body, head & ~bound)));
	q = &p->preds[r->head.pred];
	if (q->rules == NULL)
		q->rules = r;
	else
		q->last->next_of_pred = r;
	q->last = r;
	return true;
}

static bool
link_goals(struct sl_policy *p, struct sl_pgoal *g, struct sl_pdiags *d)
{
	uint64_t bound;

	for (; g != NULL; g = g->next) {
		g->uid = p->n_uids;
		p->n_uids += g->n_or;
		for (uint32_t k = 0; k < g->n_or; k++)
			if (!link_body(p, &g->or [k], g -> block, &bound, d))
				return false;
	}
	return true;
}

void
sl_policy_link(struct sl_policy *p, struct sl_pdiags *d)
{
	bool ok = true;

	for (struct sl_pfact *f = p->facts; ok && f != NULL; f = f->next)
		ok = link_atom(p, &f->atom);
	for (struct sl_prule *r = p->rules; ok && r != NULL; r = r->next)
		ok = link_rule(p, r, d);
	p->n_uids = p->n_rules;
	if (!ok || !link_goals(p, p->checks, d) || !link_goals(p, p->policies, d))
		d->is_nomem = true;
}

/* A policy has one block: a scope could only take away what the reader expects. */
static void
refuse_scopes(const struct sl_policy *p, struct sl_pdiags *d)
{
	const struct sl_pscope *sc = &p->block_scope[SL_PAUTH];

	if (sc->is_given)
		sl_pdiag(d, SL_E(UNSUPPORTED), false, sc->line, sc->col,
			 "'trusting' is not supported in a policy");
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
		if (r->body.scope.is_given)
			sl_pdiag(d, SL_E(UNSUPPORTED), false, r->body.scope.line,
				 r->body.scope.col,
				 "'trusting' is not supported in a policy");
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? p->policies : p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				if (g->or [k].scope.is_given)
					sl_pdiag(
					    d, SL_E(UNSUPPORTED), false,
					    g->or [k].scope.line, g->or [k].scope.col,
					    "'trusting' is not supported in a policy");
}

static struct sl_policy *
load(struct sl_slice text, const struct sl_decls *decls, const struct sl_limits *lim,
     struct sl_arena *a, struct sl_pdiags *d)
{
	struct sl_policy *p = SL_NEW(a, struct sl_policy);

	*d = (struct sl_pdiags){ .a = a };
	if (p == NULL) {
		d->is_nomem = true;
		return NULL;
	}
	sl_policy_init(p, a);
	p->decls = decls;
	sl_policy_parse(p, text, SL_PAUTH, lim, d);
	if (!d->is_nomem && (d->n == 0 || d->v[d->n - 1].code != SL_E(LIMIT)))
		sl_policy_link(p, d);
	if (!d->is_nomem && p->has_scopes)
		refuse_scopes(p, d);
	/* Not after a syntax error: the rule that states a predicate may be lost. */
	if (!d->is_nomem && decls != NULL && d->n == 0)
		sl_decls_check(decls, p, d);
	return p;
}

int
sl_policy_load(struct sl_slice text, const char *name, const struct sl_decls *decls,
	       const struct sl_limits *lim, struct sl_arena *a,
	       const struct sl_policy **ret_policy, struct sl_err *err)
{
	struct sl_pdiags d;
	const struct sl_policy *p = load(text, decls, lim, a, &d);
	const struct sl_policy_diag *first = NULL;

	if (d.is_nomem)
		return SL_ERR(err, NOMEM, "policy '%s': out of memory", name);
	for (size_t k = 0; k < d.n; k++)
		if (!d.v[k].is_warning &&
		    (first == NULL || d.v[k].line < first->line ||
		     (d.v[k].line == first->line && d.v[k].col < first->col)))
			first = &d.v[k];
	if (first != NULL)
		return sl_err_raise(err, first->code, 0, __FILE__, __LINE__,
				    "%s:%zu:%zu: %s", name, first->line, first->col,
				    first->msg);
	*ret_policy = p;
	return 0;
}

/* `true` alone. */
static bool
is_unconditional(const struct sl_pgoal *g)
{
	for (uint32_t k = 0; k < g->n_or; k++) {
		const struct sl_pbody *b = &g->or [k];

		if (b->n_atoms == 0 && b->n_exprs == 1 &&
		    b->exprs[0].px->op == SL_PX_TERM &&
		    b->exprs[0].px->t->kind == SL_TERM_BOOL && b->exprs[0].px->t->i == 1)
			return true;
	}
	return false;
}

static void
warn_policies(const struct sl_policy *p, struct sl_pdiags *d)
{
	const struct sl_pgoal *all = NULL;
	bool has_allow = false;

	for (const struct sl_pgoal *g = p->policies; g != NULL; g = g->next) {
		if (all != NULL)
			sl_pdiag(d, 0, true, g->line, g->col,
				 "never reached: the policy of line %u always matches",
				 (unsigned)all->line);
		else if (is_unconditional(g))
			all = g;
		has_allow |= g->kind == SL_PGOAL_ALLOW;
	}
	if (!has_allow)
		sl_pdiag(d, 0, true, 1, 1,
			 "no 'allow if': this policy denies everything");
}

static int
diag_cmp(const void *a, const void *b)
{
	const struct sl_policy_diag *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (x->col > y->col) - (x->col < y->col);
}

int
sl_policy_check_text(struct sl_slice text, const struct sl_decls *decls,
		     const struct sl_limits *lim, struct sl_arena *a,
		     const struct sl_policy_diag **ret_diags, size_t *ret_n,
		     struct sl_err *err)
{
	struct sl_pdiags d;
	const struct sl_policy *p = load(text, decls, lim, a, &d);

	if (!d.is_nomem && d.n == 0) {
		warn_policies(p, &d);
		sl_policy_lint(p, &d);
	}
	for (size_t k = 0; k < d.n && !d.is_nomem; k++) {
		struct sl_err e = { 0 }; /* for its escaping */

		(void)SL_ERR(&e, FORMAT, "%s", d.v[k].msg);
		if ((d.v[k].msg = sl_arena_str(a, sl_slice_str(e.msg))) == NULL)
			d.is_nomem = true;
	}
	if (d.is_nomem)
		return SL_ERR(err, NOMEM, "policy: out of memory");
	if (d.n > 0)
		qsort(d.v, d.n, sizeof(*d.v), diag_cmp);
	*ret_diags = d.v;
	*ret_n = d.n;
	return 0;
}
