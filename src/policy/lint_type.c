/* lint_type.c -- which kinds of terms each place of each predicate can have, and what
 * never fits them.  See lint.h.
 *
 * Kinds flow from facts, declarations and constants through the rules; a variable has the
 * kinds that all places where it stands have in common.  An empty set is a join that
 * never matches, an operator without a kind that it takes is an expression that always
 * fails.
 */
#include "policy/lint.h"

typedef uint32_t kinds; /* bit k: enum sl_term_kind k */

#define K(name) (UINT32_C(1) << SL_TERM_##name)
#define ANY UINT32_MAX
#define COLLECTIONS (K(SET) | K(ARRAY) | K(MAP))

struct typer {
	const struct sl_policy *p;
	struct sl_pdiags *d;
	kinds *of;       /* by place */
	uint32_t *first; /* place 0 of each predicate */
	kinds var[SL_PVARS_MAX];
};

static kinds
kind_of(const struct sl_term *t)
{
	return UINT32_C(1) << t->kind;
}

static const char *
names(kinds k, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = SL_TERM_NULL; i <= SL_TERM_MAP; i++)
		if ((k >> i & 1) != 0 && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
						len > 0 ? " or " : "",
						sl_term_kind_name((enum sl_term_kind)i));
	return buf;
}

static kinds *
place(const struct typer *t, const struct sl_patom *m, uint32_t k)
{
	return &t->of[t->first[m->pred] + k];
}

/* The kinds of the body's variables; false: one has none.  With ret_atom: the first atom
 * after which that is so. */
static bool
join(struct typer *t, const struct sl_pbody *b, const struct sl_patom **ret_atom)
{
	for (uint32_t k = 0; k < SL_PVARS_MAX; k++)
		t->var[k] = ANY;
	for (uint32_t k = 0; k < b->n_atoms; k++) {
		const struct sl_patom *m = &b->atoms[k];

		for (uint32_t i = 0; i < m->n; i++) {
			kinds have = *place(t, m, i), *v;

			if (!m->args[i].is_var) {
				have &= kind_of(m->args[i].t);
				v = &have;
			} else {
				v = &t->var[m->args[i].var];
				*v &= have;
			}
			if (*v == 0) {
				*ret_atom = m;
				return false;
			}
		}
	}
	return true;
}

static bool
flow(struct typer *t, const struct sl_patom *head)
{
	bool is_new = false;

	for (uint32_t k = 0; k < head->n; k++) {
		kinds *to = place(t, head, k), had = *to;

		*to |= head->args[k].is_var ? t->var[head->args[k].var]
					    : kind_of(head->args[k].t);
		is_new |= *to != had;
	}
	return is_new;
}

static bool
prepare(struct typer *t)
{
	uint32_t n = 0;

	t->first = SL_NEW_N(t->p->a, uint32_t, (size_t)t->p->n_preds + 1);
	for (uint32_t k = 0; t->first != NULL && k < t->p->n_preds; k++) {
		t->first[k] = n;
		n += t->p->preds[k].arity;
	}
	t->of = SL_NEW_N(t->p->a, kinds, (size_t)n + 1);
	if (t->first == NULL || t->of == NULL)
		return false;
	for (uint32_t k = 0; k < t->p->n_preds; k++) {
		const struct sl_ppred *q = &t->p->preds[k];

		for (uint32_t i = 0; i < q->arity; i++)
			t->of[t->first[k] + i] =
			    t->p->decls == NULL ? ANY
						: sl_decls_kinds(t->p->decls, q->name, i);
	}
	for (const struct sl_pfact *f = t->p->facts; f != NULL; f = f->next)
		for (uint32_t i = 0; i < f->atom.n; i++)
			*place(t, &f->atom, i) |= kind_of(f->atom.args[i].t);
	return true;
}

/* ---- operators ---- */

/* What an operator takes on its left and right, and gives; same: both must share a kind.
 */
static const struct {
	enum sl_px_op op;
	const char *text;
	kinds left, right, result;
	bool is_same;
} ops[] = {
	{ SL_PX_LT, "<", K(INT) | K(DATE), K(INT) | K(DATE), K(BOOL), true },
	{ SL_PX_LE, "<=", K(INT) | K(DATE), K(INT) | K(DATE), K(BOOL), true },
	{ SL_PX_GT, ">", K(INT) | K(DATE), K(INT) | K(DATE), K(BOOL), true },
	{ SL_PX_GE, ">=", K(INT) | K(DATE), K(INT) | K(DATE), K(BOOL), true },
	{ SL_PX_SEQ, "===", ANY, ANY, K(BOOL), true },
	{ SL_PX_SNE, "!==", ANY, ANY, K(BOOL), true },
	{ SL_PX_EQ, "==", ANY, ANY, K(BOOL), false },
	{ SL_PX_NE, "!=", ANY, ANY, K(BOOL), false },
	{ SL_PX_ADD, "+", K(INT) | K(STR), K(INT) | K(STR), K(INT) | K(STR), true },
	{ SL_PX_SUB, "-", K(INT), K(INT), K(INT), true },
	{ SL_PX_MUL, "*", K(INT), K(INT), K(INT), true },
	{ SL_PX_DIV, "/", K(INT), K(INT), K(INT), true },
	{ SL_PX_BAND, "&", K(INT), K(INT), K(INT), true },
	{ SL_PX_BOR, "|", K(INT), K(INT), K(INT), true },
	{ SL_PX_XOR, "^", K(INT), K(INT), K(INT), true },
	{ SL_PX_AND, "&&", K(BOOL), ANY, ANY, false },
	{ SL_PX_OR, "||", K(BOOL), ANY, ANY, false },
	{ SL_PX_NOT, "!", K(BOOL), 0, K(BOOL), false },
	{ SL_PX_LENGTH, ".length()", K(STR) | K(BYTES) | COLLECTIONS, 0, K(INT), false },
	{ SL_PX_TYPE, ".type()", ANY, 0, K(STR), false },
	{ SL_PX_STARTS, ".starts_with()", K(STR) | K(ARRAY), K(STR) | K(ARRAY), K(BOOL),
	  true },
	{ SL_PX_ENDS, ".ends_with()", K(STR) | K(ARRAY), K(STR) | K(ARRAY), K(BOOL),
	  true },
	{ SL_PX_MATCHES, ".matches()", K(STR), K(STR), K(BOOL), true },
	{ SL_PX_CONTAINS, ".contains()", K(STR) | COLLECTIONS, ANY, K(BOOL), false },
	{ SL_PX_UNION, ".union()", K(SET), K(SET), K(SET), true },
	{ SL_PX_INTER, ".intersection()", K(SET), K(SET), K(SET), true },
	{ SL_PX_GET, ".get()", K(ARRAY) | K(MAP), K(INT) | K(STR), ANY, false },
	{ SL_PX_ANY, ".any()", COLLECTIONS, ANY, K(BOOL), false },
	{ SL_PX_ALL, ".all()", COLLECTIONS, ANY, K(BOOL), false },
};

static void
warn_operand(struct typer *t, const struct sl_px *x, const char *op, kinds takes,
	     kinds has)
{
	char want[120], got[120];

	sl_pdiag(t->d, 0, true, x->line, x->col, "always fails: '%s' takes %s, not %s",
		 op, names(takes, want, sizeof(want)), names(has, got, sizeof(got)));
}

/* The kinds that it can have; as deep as the parser allowed.  In what may be left out or
 * caught (the right of && and ||, try_or) nothing is said. */
static kinds
type_of(struct typer *t, const struct sl_px *x, bool is_sure)
{
	kinds a, b;

	switch ((int)x->op) {
	case SL_PX_TERM:
		return kind_of(x->t);
	case SL_PX_VAR:
		return t->var[x->var];
	case SL_PX_PARENS:
		return type_of(t, x->a, is_sure);
	case SL_PX_TRY:
		(void)type_of(t, x->b, is_sure);
		return ANY;
	default:
		break;
	}
	for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
		bool is_lazy = x->op == SL_PX_AND || x->op == SL_PX_OR;
		bool is_closure = x->op == SL_PX_ANY || x->op == SL_PX_ALL;

		if (ops[k].op != x->op)
			continue;
		a = type_of(t, x->a, is_sure);
		b = x->b != NULL ? type_of(t, x->b, is_sure && !is_lazy && !is_closure)
				 : 0;
		if (!is_sure)
			return ops[k].result;
		if ((a & ops[k].left) == 0)
			warn_operand(t, x, ops[k].text, ops[k].left, a);
		else if (ops[k].right != 0 && (b & ops[k].right) == 0)
			warn_operand(t, x, ops[k].text, ops[k].right, b);
		else if (ops[k].is_same && (a & b) == 0)
			warn_operand(t, x, ops[k].text, a, b);
		return ops[k].result;
	}
	return ANY;
}

static void
check_body(struct typer *t, const struct sl_pbody *b)
{
	const struct sl_patom *bad = NULL;

	if (!join(t, b, &bad)) {
		sl_pdiag(t->d, 0, true, bad->line, bad->col,
			 "never matches: '%.*s' has terms of another type there",
			 SL_ARG(bad->name));
		return;
	}
	for (uint32_t k = 0; k < b->n_exprs; k++) {
		const struct sl_px *x = b->exprs[k].px;
		kinds v = type_of(t, x, true);

		if ((v & K(BOOL)) == 0)
			sl_pdiag(t->d, 0, true, x->line, x->col,
				 "always fails: a condition must be true or false");
	}
}

/* A predicate that nothing states is warned of already: it has no kinds. */
static bool
has_unstated(const struct typer *t, const struct sl_pbody *b)
{
	for (uint32_t k = 0; k < b->n_atoms; k++)
		if (b->atoms[k].n > 0 && *place(t, &b->atoms[k], 0) == 0)
			return true;
	return false;
}

void
sl_policy_lint_types(const struct sl_policy *p, struct sl_pdiags *d)
{
	struct typer t = { .p = p, .d = d };
	const struct sl_patom *bad;
	bool is_new = true;

	if (!prepare(&t)) {
		d->is_nomem = true;
		return;
	}
	while (is_new) { /* bounded: each place gains each kind once */
		is_new = false;
		for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
			if (join(&t, &r->body, &bad))
				is_new |= flow(&t, &r->head);
	}
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
		if (!has_unstated(&t, &r->body))
			check_body(&t, &r->body);
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? p->policies : p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				if (!has_unstated(&t, &g->or [k]))
					check_body(&t, &g->or [k]);
}
