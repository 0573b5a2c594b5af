/* decl.c -- data/facts.decl: which predicates there are.  See policy.h and ast.h. */
#include "policy/ast.h"

enum {
	ARGS_MAX = 8,
	DECLS_MAX = 400,
	NAME_MAX_LEN = 64,
	T_ANY = SL_TERM_MAP + 1, /* as a type: beside the kinds of terms */
};

struct type {
	uint8_t kind; /* enum sl_term_kind, or T_ANY */
	uint8_t elem; /* of a set */
};

struct decl {
	struct sl_slice name;
	struct type type[ARGS_MAX];
	uint32_t n;
	bool by_policy;
};

struct sl_decls {
	struct decl v[DECLS_MAX];
	size_t n;
};

/* A line while it is read. */
struct line {
	struct sl_slice s;
	const uint8_t *start;
	const char *name; /* of the file */
	size_t no;
	struct sl_err *err;
};

static int
bad(struct line *l, const char *what)
{
	return SL_ERR(l->err, FORMAT, "%s:%zu:%zu: %s", l->name, l->no,
		      (size_t)(l->s.p - l->start) + 1, what);
}

static void
blanks(struct line *l)
{
	while (l->s.len > 0 &&
	       (l->s.p[0] == ' ' || l->s.p[0] == '\t' || l->s.p[0] == '\r')) {
		l->s.p++;
		l->s.len--;
	}
}

static bool
take(struct line *l, const char *lit)
{
	size_t n = strlen(lit);

	blanks(l);
	if (n > l->s.len || memcmp(l->s.p, lit, n) != 0)
		return false;
	l->s.p += n;
	l->s.len -= n;
	return true;
}

static struct sl_slice
word(struct line *l)
{
	struct sl_slice w;

	blanks(l);
	w = (struct sl_slice){ l->s.p, 0 };
	while (w.len < l->s.len &&
	       ((w.p[w.len] >= 'a' && w.p[w.len] <= 'z') || w.p[w.len] == '_' ||
		(w.len > 0 && w.p[w.len] >= '0' && w.p[w.len] <= '9')))
		w.len++;
	l->s.p += w.len;
	l->s.len -= w.len;
	return w;
}

static bool
simple_type(struct sl_slice w, uint8_t *ret)
{
	static const enum sl_term_kind kinds[] = { SL_TERM_BOOL, SL_TERM_INT, SL_TERM_STR,
						   SL_TERM_DATE, SL_TERM_BYTES };

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (sl_slice_eq(w, sl_slice_str(sl_term_kind_name(kinds[k])))) {
			*ret = (uint8_t)kinds[k];
			return true;
		}
	return false;
}

static int
type(struct line *l, struct type *ret)
{
	struct sl_slice w = word(l);

	*ret = (struct type){ T_ANY, T_ANY };
	if (sl_slice_eq(w, SL_LIT("any")) || simple_type(w, &ret->kind))
		return 0;
	if (!sl_slice_eq(w, SL_LIT("set")) || !take(l, "<"))
		return bad(
		    l, "expected integer, string, date, bytes, bool, set<...> or any");
	ret->kind = SL_TERM_SET;
	w = word(l);
	if (!sl_slice_eq(w, SL_LIT("any")) && !simple_type(w, &ret->elem))
		return bad(l, "expected the type of a set's members");
	return take(l, ">") ? 0 : bad(l, "expected '>'");
}

static const struct decl *
find(const struct sl_decls *d, struct sl_slice name)
{
	for (size_t k = 0; k < d->n; k++)
		if (sl_slice_eq(d->v[k].name, name))
			return &d->v[k];
	return NULL;
}

static int
parse_line(struct line *l, struct sl_decls *d)
{
	struct decl x = { 0 };
	int r;

	blanks(l);
	if (l->s.len == 0 || take(l, "//"))
		return 0;
	if (!take(l, "decl "))
		return bad(l, "expected 'decl name(type, ...) by gate|policy;'");
	x.name = word(l);
	if (x.name.len == 0 || x.name.len > NAME_MAX_LEN || !take(l, "("))
		return bad(l, "expected a name and '('");
	do {
		if (x.n == ARGS_MAX)
			return bad(l, "too many types");
		if ((r = type(l, &x.type[x.n++])) < 0)
			return r;
	} while (take(l, ","));
	if (!take(l, ")") || !take(l, "by "))
		return bad(l, "expected ')' and 'by gate' or 'by policy'");
	x.by_policy = take(l, "policy");
	if (!x.by_policy && !take(l, "gate"))
		return bad(l, "expected 'gate' or 'policy'");
	if (!take(l, ";"))
		return bad(l, "expected ';'");
	blanks(l);
	if (l->s.len > 0 && !take(l, "//"))
		return bad(l, "only a comment may follow");
	if (find(d, x.name) != NULL)
		return bad(l, "declared twice");
	if (d->n == DECLS_MAX)
		return bad(l, "too many declarations");
	d->v[d->n++] = x;
	return 0;
}

int
sl_decls_parse(struct sl_slice text, const char *name, const struct sl_limits *lim,
	       struct sl_arena *a, const struct sl_decls **ret_decls, struct sl_err *err)
{
	struct sl_decls *d = SL_NEW(a, struct sl_decls);
	struct line l = { .name = name, .err = err };
	int r;

	if (d == NULL)
		return SL_ERR(err, NOMEM, "%s: out of memory", name);
	if (text.len > lim->max_bytes)
		return SL_ERR(err, LIMIT, "%s: more than %zu bytes", name,
			      lim->max_bytes);
	while (text.len > 0) {
		l.s = sl_slice_upto(text, '\n');
		l.start = l.s.p;
		l.no++;
		text = sl_slice_skip(text, l.s.len + 1);
		if ((r = parse_line(&l, d)) < 0)
			return r;
	}
	*ret_decls = d;
	return 0;
}

bool
sl_decls_is_asked(const struct sl_decls *decls, struct sl_slice pred)
{
	const struct decl *x = decls != NULL ? find(decls, pred) : NULL;

	return x != NULL && x->by_policy;
}

uint32_t
sl_decls_kinds(const struct sl_decls *decls, struct sl_slice pred, uint32_t place)
{
	const struct decl *x = decls != NULL ? find(decls, pred) : NULL;

	if (x == NULL || place >= x->n)
		return 0;
	return x->type[place].kind == T_ANY ? UINT32_MAX
					    : UINT32_C(1) << x->type[place].kind;
}

/* Levenshtein distance; both at most NAME_MAX_LEN bytes. */
static size_t
distance(struct sl_slice a, struct sl_slice b)
{
	size_t row[NAME_MAX_LEN + 1], diag, up;

	for (size_t k = 0; k <= b.len; k++)
		row[k] = k;
	for (size_t i = 0; i < a.len; i++) {
		diag = row[0]++;
		for (size_t k = 0; k < b.len; k++) {
			size_t best = diag + (a.p[i] != b.p[k]);

			up = row[k + 1];
			best = up + 1 < best ? up + 1 : best;
			row[k + 1] = row[k] + 1 < best ? row[k] + 1 : best;
			diag = up;
		}
	}
	return row[b.len];
}

/* The nearest declared or derived name, empty when none is near. */
static struct sl_slice
nearest(const struct sl_decls *d, const struct sl_policy *p, struct sl_slice name)
{
	struct sl_slice best = { 0 };
	size_t least = name.len / 3 + 1, k;

	if (name.len > NAME_MAX_LEN)
		return best;
	for (size_t i = 0; i < d->n; i++)
		if ((k = distance(name, d->v[i].name)) <= least &&
		    (best.len == 0 || k < least)) {
			best = d->v[i].name;
			least = k;
		}
	for (uint32_t i = 0; i < p->n_preds; i++)
		if (p->preds[i].rules != NULL && p->preds[i].name.len <= NAME_MAX_LEN &&
		    (k = distance(name, p->preds[i].name)) < least) {
			best = p->preds[i].name;
			least = k;
		}
	return best;
}

struct sl_slice
sl_decls_nearest(const struct sl_decls *decls, struct sl_slice name)
{
	static const struct sl_policy none;

	return nearest(decls, &none, name);
}

static bool
type_ok(const struct type *y, const struct sl_term *t)
{
	if (y->kind == T_ANY)
		return true;
	if (t->kind != (enum sl_term_kind)y->kind)
		return false;
	return t->kind != SL_TERM_SET || y->elem == T_ANY || t->n == 0 ||
	       t->items[0].kind == (enum sl_term_kind)y->elem;
}

static const char *
type_name(const struct type *y)
{
	return y->kind == T_ANY ? "any" : sl_term_kind_name((enum sl_term_kind)y->kind);
}

/* What a check knows: seen[v] is the type of variable v so far. */
struct checker {
	const struct sl_decls *decls;
	const struct sl_policy *p;
	struct sl_pdiags *d;
	bool *is_stated; /* by predicate: head of a rule or a fact of the policy */
	struct type seen[SL_PVARS_MAX];
};

static void
check_args(struct checker *c, const struct sl_patom *m, const struct decl *x,
	   const struct sl_pbody *b)
{
	for (uint32_t k = 0; k < m->n; k++) {
		const struct sl_parg *g = &m->args[k];
		const struct type *y = &x->type[k];

		if (!g->is_var) {
			if (!type_ok(y, g->t))
				sl_pdiag(c->d, SL_E(FORMAT), false, m->line, m->col,
					 "'%.*s' takes %s as term %u, not %s",
					 SL_ARG(m->name), type_name(y), (unsigned)k + 1,
					 sl_term_kind_name(g->t->kind));
			continue;
		}
		if (y->kind == T_ANY)
			continue;
		if (c->seen[g->var].kind != T_ANY && c->seen[g->var].kind != y->kind)
			sl_pdiag(c->d, SL_E(FORMAT), false, m->line, m->col,
				 "variable '$%.*s' is %s here and %s before: never equal",
				 SL_ARG(b->vars[g->var]), type_name(y),
				 type_name(&c->seen[g->var]));
		c->seen[g->var] = *y;
	}
}

static void
say_unknown(struct checker *c, const struct sl_patom *m)
{
	struct sl_slice n = nearest(c->decls, c->p, m->name);

	if (n.len > 0)
		sl_pdiag(c->d, SL_E(UNKNOWN), false, m->line, m->col,
			 "unknown predicate '%.*s'; did you mean '%.*s'?",
			 SL_ARG(m->name), SL_ARG(n));
	else
		sl_pdiag(c->d, SL_E(UNKNOWN), false, m->line, m->col,
			 "unknown predicate '%.*s': neither declared nor derived here",
			 SL_ARG(m->name));
}

static void
check_atom(struct checker *c, const struct sl_patom *m, const struct sl_pbody *b)
{
	const struct decl *x = find(c->decls, m->name);

	if (x != NULL && x->n != m->n) {
		sl_pdiag(c->d, SL_E(FORMAT), false, m->line, m->col,
			 "'%.*s' takes %u terms, not %u", SL_ARG(m->name), (unsigned)x->n,
			 (unsigned)m->n);
	} else if (x != NULL) {
		check_args(c, m, x, b);
	} else if (!c->is_stated[m->pred]) {
		for (uint32_t k = 0; k < c->p->n_preds; k++)
			if (c->is_stated[k] &&
			    sl_slice_eq(c->p->preds[k].name, m->name)) {
				sl_pdiag(c->d, SL_E(FORMAT), false, m->line, m->col,
					 "'%.*s' takes %u terms, not %u", SL_ARG(m->name),
					 (unsigned)c->p->preds[k].arity, (unsigned)m->n);
				return;
			}
		say_unknown(c, m);
	}
}

static void
check_stated(struct checker *c, const struct sl_patom *m)
{
	const struct decl *x = find(c->decls, m->name);

	if (x != NULL && !x->by_policy)
		sl_pdiag(c->d, SL_E(FORMAT), false, m->line, m->col,
			 "'%.*s' is stated by the gate; a policy may not state it",
			 SL_ARG(m->name));
}

static void
check_body(struct checker *c, const struct sl_pbody *b, const struct sl_patom *head)
{
	for (uint32_t k = 0; k < SL_PVARS_MAX; k++)
		c->seen[k] = (struct type){ T_ANY, T_ANY };
	for (uint32_t k = 0; k < b->n_atoms; k++)
		check_atom(c, &b->atoms[k], b);
	if (head != NULL) {
		check_stated(c, head);
		check_atom(c, head, b);
	}
}

void
sl_decls_check(const struct sl_decls *decls, const struct sl_policy *p,
	       struct sl_pdiags *d)
{
	struct checker c = { .decls = decls, .p = p, .d = d };
	static const struct sl_pbody none = { 0 };

	if ((c.is_stated = SL_NEW_N(p->a, bool, (size_t)p->n_preds + 1)) == NULL) {
		d->is_nomem = true;
		return;
	}
	for (const struct sl_pfact *f = p->facts; f != NULL; f = f->next)
		c.is_stated[f->atom.pred] = true;
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
		c.is_stated[r->head.pred] = true;
	for (const struct sl_pfact *f = p->facts; f != NULL; f = f->next)
		check_body(&c, &none, &f->atom);
	for (const struct sl_prule *r = p->rules; r != NULL; r = r->next)
		check_body(&c, &r->body, &r->head);
	for (int pass = 0; pass < 2; pass++)
		for (const struct sl_pgoal *g = pass ? p->policies : p->checks; g != NULL;
		     g = g->next)
			for (uint32_t k = 0; k < g->n_or; k++)
				check_body(&c, &g->or [k], NULL);
}

bool
sl_decls_fact_ok(const struct sl_decls *decls, struct sl_slice pred,
		 const struct sl_term *args, size_t n, char msg[200])
{
	const struct decl *x = find(decls, pred);

	if (x == NULL || x->by_policy) {
		(void)snprintf(msg, 200, "the gate may not state '%.*s'",
			       (int)(pred.len < 100 ? pred.len : 100),
			       (const char *)pred.p);
		return false;
	}
	if (x->n != n) {
		(void)snprintf(msg, 200, "'%.*s' takes %u terms, not %zu",
			       (int)x->name.len, (const char *)x->name.p, (unsigned)x->n,
			       n);
		return false;
	}
	for (size_t k = 0; k < n; k++)
		if (!type_ok(&x->type[k], &args[k])) {
			(void)snprintf(msg, 200, "'%.*s' takes %s as term %zu, not %s",
				       (int)x->name.len, (const char *)x->name.p,
				       type_name(&x->type[k]), k + 1,
				       sl_term_kind_name(args[k].kind));
			return false;
		}
	return true;
}
