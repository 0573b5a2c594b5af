/* parse.c -- facts, rules, checks and policies.  See parse.h and ast.h. */
#include "policy/parse.h"

static const struct {
	const char *word, *second;
	enum sl_pgoal_kind kind;
} goal_words[] = {
	{ "check", "if", SL_PGOAL_CHECK_IF },   { "check", "all", SL_PGOAL_CHECK_ALL },
	{ "reject", "if", SL_PGOAL_REJECT_IF }, { "allow", "if", SL_PGOAL_ALLOW },
	{ "deny", "if", SL_PGOAL_DENY },
};

enum { N_GOAL_WORDS = sizeof(goal_words) / sizeof(goal_words[0]) };

/* A body while it is read. */
struct draft {
	struct sl_patom atoms[SL_PATOMS_MAX];
	struct sl_pexpr exprs[SL_PATOMS_MAX];
	uint32_t exprs_line[SL_PATOMS_MAX];
	uint32_t n_atoms, n_exprs;
};

static bool
arg(struct sl_pp *s, struct sl_parg *ret)
{
	struct sl_term *t;

	if (!sl_pp_space(s))
		return false;
	*ret = (struct sl_parg){ 0 };
	if (sl_pp_is(s, "$")) {
		ret->is_var = true;
		return sl_pp_count(s) && sl_pp_var(s, &ret->var);
	}
	if ((t = SL_NEW(s->a, struct sl_term)) == NULL)
		return sl_pp_nomem(s);
	if (!sl_pp_term(s, 1, t))
		return false;
	ret->t = t;
	ret->con = s->p->n_cons++;
	return true;
}

/* name(args), the name being the word at the current place. */
static bool
atom(struct sl_pp *s, struct sl_patom *ret)
{
	struct sl_parg v[SL_PARITY_MAX];
	struct sl_patom m = { .name = sl_pp_word(s),
			      .line = s->line,
			      .col = sl_pp_col(s) };

	if (m.name.len == 0)
		return sl_pp_fail(s, SL_E(FORMAT), "expected the name of a predicate");
	s->at += m.name.len;
	if (!sl_pp_count(s) || !sl_pp_want(s, "("))
		return false;
	if (!sl_pp_take(s, ")")) {
		do {
			if (m.n == SL_PARITY_MAX)
				return sl_pp_fail(s, SL_E(LIMIT), "more than %d terms",
						  SL_PARITY_MAX);
			if (!arg(s, &v[m.n++]))
				return false;
		} while (sl_pp_take(s, ","));
		if (!sl_pp_want(s, ")"))
			return false;
	}
	if (m.n == 0)
		return sl_pp_fail_at(s, m.line, m.col, SL_E(FORMAT),
				     "'%.*s' has no terms; give it at least one",
				     SL_ARG(m.name));
	if ((m.args = SL_NEW_N(s->a, struct sl_parg, m.n)) == NULL)
		return sl_pp_nomem(s);
	memcpy(m.args, v, m.n * sizeof(*v));
	*ret = m;
	return true;
}

/* Whether the word here is followed by an opening parenthesis. */
static bool
is_atom(const struct sl_pp *s)
{
	size_t k = sl_pp_word(s).len;

	if (k == 0)
		return false;
	while (sl_pp_peek(s, k) == ' ' || sl_pp_peek(s, k) == '\t')
		k++;
	return sl_pp_peek(s, k) == '(';
}

static bool
item(struct sl_pp *s, struct draft *b)
{
	const struct sl_px *x;

	if (!sl_pp_space(s))
		return false;
	if (is_atom(s)) {
		if (b->n_atoms == SL_PATOMS_MAX)
			return sl_pp_fail(s, SL_E(LIMIT), "more than %d atoms in a body",
					  SL_PATOMS_MAX);
		return atom(s, &b->atoms[b->n_atoms]) && ++b->n_atoms > 0;
	}
	if (b->n_exprs == SL_PATOMS_MAX)
		return sl_pp_fail(s, SL_E(LIMIT), "more than %d expressions in a body",
				  SL_PATOMS_MAX);
	if ((x = sl_pp_expr(s)) == NULL)
		return false;
	/* Not before the atoms that stand before it in the text: left to right. */
	b->exprs[b->n_exprs++] = (struct sl_pexpr){ .px = x, .at = b->n_atoms };
	return true;
}

static bool
origin(struct sl_pp *s, struct sl_pscope *sc, struct sl_slice *keys)
{
	struct sl_slice w;
	size_t n, k;

	if (!sl_pp_space(s))
		return false;
	w = sl_pp_word(s);
	if (sl_pp_is_word(s, "authority") || sl_pp_is_word(s, "previous")) {
		*(w.len == 9 ? &sc->has_authority : &sc->has_previous) = true;
		s->at += w.len;
		return true;
	}
	n = w.len;
	if ((!sl_pp_is_word(s, "ed25519") && !sl_pp_is_word(s, "secp256r1")) ||
	    sl_pp_peek(s, n) != '/')
		return sl_pp_fail(s, SL_E(FORMAT),
				  "expected authority, previous or a key");
	for (k = n + 1; (sl_pp_peek(s, k) >= '0' && sl_pp_peek(s, k) <= '9') ||
			(sl_pp_peek(s, k) >= 'a' && sl_pp_peek(s, k) <= 'f');)
		k++;
	if (k - n - 1 != 64 + 2 * (size_t)(n == 9))
		return sl_pp_fail(s, SL_E(FORMAT), "a key of the wrong length");
	if (sc->n_keys == SL_PBLOCKS_MAX)
		return sl_pp_fail(s, SL_E(LIMIT), "more than %d keys", SL_PBLOCKS_MAX);
	keys[sc->n_keys++] = (struct sl_slice){ w.p, k };
	s->at += k;
	return true;
}

/* `trusting ...`, the word being here. */
static bool
scope(struct sl_pp *s, struct sl_pscope *ret)
{
	struct sl_slice keys[SL_PBLOCKS_MAX], *v;
	struct sl_pscope sc = { .is_given = true, .line = s->line, .col = sl_pp_col(s) };

	s->at += strlen("trusting");
	do {
		if (!origin(s, &sc, keys))
			return false;
	} while (sl_pp_take(s, ","));
	if ((v = SL_NEW_N(s->a, struct sl_slice, sc.n_keys + 1)) == NULL)
		return sl_pp_nomem(s);
	memcpy(v, keys, sc.n_keys * sizeof(*v));
	sc.keys = v;
	s->p->has_scopes = true;
	*ret = sc;
	return true;
}

static void
start_body(struct sl_pp *s)
{
	s->n_vars = 0;
	s->params = s->open = 0;
}

static bool
copy_body(struct sl_pp *s, const struct draft *d, struct sl_pbody *b)
{
	b->atoms = SL_NEW_N(s->a, struct sl_patom, d->n_atoms + 1);
	b->exprs = SL_NEW_N(s->a, struct sl_pexpr, d->n_exprs + 1);
	b->vars = SL_NEW_N(s->a, struct sl_slice, s->n_vars + 1);
	if (b->atoms == NULL || b->exprs == NULL || b->vars == NULL)
		return sl_pp_nomem(s);
	memcpy(b->atoms, d->atoms, d->n_atoms * sizeof(*b->atoms));
	memcpy(b->exprs, d->exprs, d->n_exprs * sizeof(*b->exprs));
	memcpy(b->vars, s->vars, s->n_vars * sizeof(*b->vars));
	b->n_atoms = d->n_atoms;
	b->n_exprs = d->n_exprs;
	b->n_vars = s->n_vars;
	b->params = s->params;
	return true;
}

/* Variables of the head, if any, have been read: their slots stay. */
static bool
body(struct sl_pp *s, struct sl_pbody *ret)
{
	struct draft d;
	struct sl_pbody b = { 0 };

	d.n_atoms = d.n_exprs = 0;
	do {
		if (!item(s, &d))
			return false;
	} while (sl_pp_take(s, ","));
	if (!sl_pp_space(s))
		return false;
	if (sl_pp_is_word(s, "trusting") && !scope(s, &b.scope))
		return false;
	if (!copy_body(s, &d, &b))
		return false;
	*ret = b;
	return true;
}

static bool
goal(struct sl_pp *s, enum sl_pgoal_kind kind, uint32_t line, uint32_t col)
{
	struct sl_pbody first[8], *v = first, *w;
	uint32_t n = 0, cap = 8;
	struct sl_pgoal *g = SL_NEW(s->a, struct sl_pgoal);
	bool is_policy = kind >= SL_PGOAL_ALLOW;

	if (g == NULL)
		return sl_pp_nomem(s);
	if (is_policy && s->block != SL_PAUTH)
		return sl_pp_fail_at(s, line, col, SL_E(FORMAT),
				     "a block has no policies");
	for (;;) {
		if (n == cap) {
			if ((w = SL_NEW_N(s->a, struct sl_pbody, (size_t)cap * 2)) ==
			    NULL)
				return sl_pp_nomem(s);
			memcpy(w, v, n * sizeof(*w));
			v = w;
			cap *= 2;
		}
		start_body(s);
		if (!body(s, &v[n++]) || !sl_pp_space(s))
			return false;
		if (!sl_pp_is_word(s, "or"))
			break;
		s->at += 2;
	}
	if ((w = SL_NEW_N(s->a, struct sl_pbody, n)) == NULL)
		return sl_pp_nomem(s);
	memcpy(w, v, n * sizeof(*w));
	*g = (struct sl_pgoal){ .kind = kind,
				.or = w,
				.n_or = n,
				.line = line,
				.col = col,
				.block = s->block,
				.id = is_policy ? s->p->n_policies++ : s->p->n_checks++ };
	if (is_policy) {
		*s->p->policies_tail = g;
		s->p->policies_tail = &g->next;
	} else {
		*s->p->checks_tail = g;
		s->p->checks_tail = &g->next;
	}
	return true;
}

static bool
fact(struct sl_pp *s, const struct sl_patom *m)
{
	struct sl_pfact *f = SL_NEW(s->a, struct sl_pfact);

	if (f == NULL)
		return sl_pp_nomem(s);
	for (uint32_t k = 0; k < m->n; k++)
		if (m->args[k].is_var)
			return sl_pp_fail_at(
			    s, m->line, m->col, SL_E(FORMAT),
			    "fact '%.*s' has a variable; did you forget '<-'?",
			    SL_ARG(m->name));
	*f = (struct sl_pfact){ .atom = *m, .block = s->block };
	*s->p->facts_tail = f;
	s->p->facts_tail = &f->next;
	s->p->n_facts++;
	return true;
}

static bool
fact_or_rule(struct sl_pp *s)
{
	struct sl_patom head = { 0 };
	struct sl_prule *r;

	start_body(s);
	if (!atom(s, &head))
		return false;
	if (!sl_pp_take(s, "<-"))
		return fact(s, &head);
	if ((r = SL_NEW(s->a, struct sl_prule)) == NULL)
		return sl_pp_nomem(s);
	if (!body(s, &r->body))
		return false;
	r->head = head;
	r->line = head.line;
	r->col = head.col;
	r->block = s->block;
	r->id = s->p->n_rules++;
	*s->p->rules_tail = r;
	s->p->rules_tail = &r->next;
	return true;
}

/* -1: no goal starts here; else its row, with the two words taken. */
static int
goal_here(struct sl_pp *s)
{
	struct sl_pp at = *s;

	for (int k = 0; k < N_GOAL_WORDS; k++) {
		if (!sl_pp_is_word(s, goal_words[k].word))
			continue;
		s->at += strlen(goal_words[k].word);
		if (sl_pp_space(s) && s->at != at.at &&
		    sl_pp_is_word(s, goal_words[k].second)) {
			s->at += strlen(goal_words[k].second);
			return k;
		}
		s->at = at.at;
		s->line = at.line;
		s->line_start = at.line_start;
	}
	return -1;
}

static bool
element(struct sl_pp *s)
{
	uint32_t line = s->line, col = sl_pp_col(s);
	int k = goal_here(s);

	if (k >= 0)
		return goal(s, goal_words[k].kind, line, col);
	if (!is_atom(s) && sl_pp_is_word(s, "trusting"))
		return scope(s, &s->p->block_scope[s->block]);
	if (is_atom(s))
		return fact_or_rule(s);
	return sl_pp_fail(s, SL_E(FORMAT),
			  "expected a fact, a rule, 'check if', 'check all', "
			  "'reject if', 'allow if' or 'deny if'");
}

static void
skip_string(struct sl_pp *s)
{
	for (s->at++; s->at < s->src.len && s->src.p[s->at] != '"'; s->at++) {
		if (s->src.p[s->at] == '\\' && s->src.len - s->at > 1)
			s->at++;
		if (s->src.p[s->at] == '\n')
			sl_pp_newline(s);
	}
	s->at += s->at < s->src.len;
}

/* To behind the next ';' that is not in a string or comment. */
static void
recover(struct sl_pp *s)
{
	while (s->at < s->src.len) {
		if (!sl_pp_space(s))
			s->at = s->src.len;
		else if (sl_pp_peek(s, 0) == ';') {
			s->at++;
			return;
		} else if (sl_pp_peek(s, 0) == '"') {
			skip_string(s);
		} else {
			s->at += s->at < s->src.len;
		}
	}
}

static bool
text_ok(struct sl_pp *s)
{
	const uint8_t *nul = s->src.len > 0 ? memchr(s->src.p, 0, s->src.len) : NULL;

	if (s->src.len > s->lim->max_bytes)
		return sl_pp_fail(s, SL_E(LIMIT), "more than %zu bytes",
				  s->lim->max_bytes);
	if (nul != NULL)
		return sl_pp_fail(s, SL_E(FORMAT), "a NUL byte at offset %zu",
				  (size_t)(nul - s->src.p));
	if (!sl_utf8_ok(s->src))
		return sl_pp_fail(s, SL_E(FORMAT), "the text is not UTF-8");
	return true;
}

void
sl_policy_parse(struct sl_policy *p, struct sl_slice text, uint32_t block,
		const struct sl_limits *lim, struct sl_pdiags *d)
{
	struct sl_pp s = { .p = p,
			   .a = p->a,
			   .src = text,
			   .line = 1,
			   .block = block,
			   .lim = lim,
			   .d = d };
	bool ok = text_ok(&s);

	if (!ok)
		return;
	while (!d->is_nomem && !d->is_full) {
		size_t n = d->n;

		if (!sl_pp_space(&s) || s.at == s.src.len)
			return;
		if (element(&s) && sl_pp_space(&s) &&
		    (s.at == s.src.len || sl_pp_want(&s, ";")))
			continue;
		if (d->n > n && d->v[d->n - 1].code == SL_E(LIMIT))
			return; /* the same again and again otherwise */
		recover(&s);
	}
}
