/* parse_expr.c -- expressions by precedence, loosest first:
 * "||", "&&", comparisons, "^", "|", "&", sums, products, "!", methods.  See parse.h. */
#include "policy/parse.h"
#include "policy/regex.h"

static const struct sl_px *expr(struct sl_pp *s, unsigned depth);

struct binop {
	const char *text;
	enum sl_px_op op;
};

/* Longest first where one is the start of another. */
static const struct binop comparisons[] = {
	{ "===", SL_PX_SEQ }, { "!==", SL_PX_SNE }, { "==", SL_PX_EQ },
	{ "!=", SL_PX_NE },   { "<=", SL_PX_LE },   { ">=", SL_PX_GE },
	{ "<", SL_PX_LT },    { ">", SL_PX_GT },    { 0 },
};

static const struct binop levels[][3] = {
	{ { "^", SL_PX_XOR } },
	{ { "|", SL_PX_BOR } },
	{ { "&", SL_PX_BAND } },
	{ { "+", SL_PX_ADD }, { "-", SL_PX_SUB } },
	{ { "*", SL_PX_MUL }, { "/", SL_PX_DIV } },
};

enum { N_LEVELS = sizeof(levels) / sizeof(levels[0]), LEVEL_ADD = 3 };

static const struct {
	const char *name;
	enum sl_px_op op;
	uint8_t n_args;
} methods[] = {
	{ "length", SL_PX_LENGTH, 0 },
	{ "type", SL_PX_TYPE, 0 },
	{ "starts_with", SL_PX_STARTS, 1 },
	{ "ends_with", SL_PX_ENDS, 1 },
	{ "matches", SL_PX_MATCHES, 1 },
	{ "contains", SL_PX_CONTAINS, 1 },
	{ "union", SL_PX_UNION, 1 },
	{ "intersection", SL_PX_INTER, 1 },
	{ "get", SL_PX_GET, 1 },
	{ "any", SL_PX_ANY, 1 },
	{ "all", SL_PX_ALL, 1 },
	{ "try_or", SL_PX_TRY, 1 },
};

static struct sl_px *
node(struct sl_pp *s, enum sl_px_op op, uint32_t line, uint32_t col,
     const struct sl_px *a, const struct sl_px *b)
{
	uint32_t depth = a != NULL ? a->depth : 0;
	struct sl_px *x;

	if (b != NULL && b->depth > depth)
		depth = b->depth;
	if (!sl_pp_count(s))
		return NULL;
	if (depth >= s->lim->max_depth) {
		sl_pp_fail_at(s, line, col, SL_E(LIMIT),
			      "expression nests deeper than %zu", s->lim->max_depth);
		return NULL;
	}
	if ((x = SL_NEW(s->a, struct sl_px)) == NULL) {
		sl_pp_nomem(s);
		return NULL;
	}
	*x = (struct sl_px){
		.op = op, .line = line, .col = col, .depth = depth + 1, .a = a, .b = b
	};
	return x;
}

static const struct sl_px *
primary(struct sl_pp *s, unsigned depth)
{
	struct sl_term *t;
	struct sl_px *x;
	const struct sl_px *in;
	uint32_t line, col, var;

	if (!sl_pp_space(s))
		return NULL;
	line = s->line;
	col = sl_pp_col(s);
	if (sl_pp_is(s, "(")) {
		s->at++;
		if ((in = expr(s, depth + 1)) == NULL || !sl_pp_want(s, ")"))
			return NULL;
		return node(s, SL_PX_PARENS, line, col, in, NULL);
	}
	if (sl_pp_is(s, "$")) {
		if (!sl_pp_var(s, &var) ||
		    (x = node(s, SL_PX_VAR, line, col, NULL, NULL)) == NULL)
			return NULL;
		x->var = var;
		return x;
	}
	if ((t = SL_NEW(s->a, struct sl_term)) == NULL) {
		sl_pp_nomem(s);
		return NULL;
	}
	if (!sl_pp_term(s, 1, t) ||
	    (x = node(s, SL_PX_TERM, line, col, NULL, NULL)) == NULL)
		return NULL;
	x->t = t;
	return x;
}

/* `$p -> expression`; the parameter is visible in it only. */
static const struct sl_px *
closure(struct sl_pp *s, unsigned depth, uint32_t *ret_var)
{
	const struct sl_px *body;
	uint32_t line, col, n = s->n_vars;

	if (!sl_pp_space(s))
		return NULL;
	line = s->line;
	col = sl_pp_col(s);
	if (!sl_pp_is(s, "$")) {
		sl_pp_fail(s, SL_E(FORMAT), "expected a closure: $p -> expression");
		return NULL;
	}
	if (!sl_pp_var(s, ret_var))
		return NULL;
	if (*ret_var != n) { /* not a new one */
		sl_pp_fail_at(s, line, col, SL_E(FORMAT),
			      "closure parameter shadows variable '$%.*s'",
			      SL_ARG(s->vars[*ret_var]));
		return NULL;
	}
	s->params |= UINT64_C(1) << *ret_var;
	s->open |= UINT64_C(1) << *ret_var;
	body = sl_pp_want(s, "->") ? expr(s, depth + 1) : NULL;
	s->open &= ~(UINT64_C(1) << *ret_var);
	return body;
}

/* A literal pattern is compiled, so that a bad one is an error at load. */
static bool
compile(struct sl_pp *s, struct sl_px *x)
{
	char why[100];
	struct sl_pre *re = NULL;

	if (x->b->op != SL_PX_TERM || x->b->t->kind != SL_TERM_STR)
		return true;
	switch (sl_pre_compile(x->b->t->s, s->a, &re, why)) {
	case SL_PRE_OK:
		x->re = re;
		return true;
	case SL_PRE_NOMEM:
		return sl_pp_nomem(s);
	case SL_PRE_BAD:
		return sl_pp_fail_at(s, x->b->line, x->b->col, SL_E(FORMAT),
				     "bad pattern: %s", why);
	case SL_PRE_UNSUPPORTED:
		break;
	}
	return sl_pp_fail_at(s, x->b->line, x->b->col, SL_E(UNSUPPORTED),
			     "pattern: %s is not supported", why);
}

static const struct sl_px *
method(struct sl_pp *s, unsigned depth, const struct sl_px *on)
{
	uint32_t line = s->line, col = sl_pp_col(s), var = 0;
	struct sl_slice w = sl_pp_word(s);
	const struct sl_px *arg = NULL;
	struct sl_px *x;
	size_t m = 0;

	if (sl_slice_starts(w, SL_LIT("extern::"))) {
		sl_pp_fail(s, SL_E(UNSUPPORTED), "foreign call '%.*s' is not supported",
			   SL_ARG(w));
		return NULL;
	}
	while (m < sizeof(methods) / sizeof(methods[0]) &&
	       !sl_slice_eq(w, sl_slice_str(methods[m].name)))
		m++;
	if (m == sizeof(methods) / sizeof(methods[0])) {
		sl_pp_fail(s, SL_E(UNKNOWN), "unknown method '.%.*s'", SL_ARG(w));
		return NULL;
	}
	s->at += w.len;
	if (!sl_pp_want(s, "("))
		return NULL;
	if (methods[m].op == SL_PX_ANY || methods[m].op == SL_PX_ALL)
		arg = closure(s, depth, &var);
	else if (methods[m].n_args == 1)
		arg = expr(s, depth + 1);
	if ((methods[m].n_args == 1 && arg == NULL) || !sl_pp_want(s, ")") ||
	    (x = node(s, methods[m].op, line, col, on, arg)) == NULL)
		return NULL;
	x->var = var;
	if (x->op == SL_PX_MATCHES && !compile(s, x))
		return NULL;
	return x;
}

static const struct sl_px *binary(struct sl_pp *s, unsigned depth, size_t level);

static const struct sl_px *
unary(struct sl_pp *s, unsigned depth)
{
	const struct sl_px *x;
	uint32_t line, col;

	if (depth > s->lim->max_depth) {
		sl_pp_fail(s, SL_E(LIMIT), "expression nests deeper than %zu",
			   s->lim->max_depth);
		return NULL;
	}
	if (!sl_pp_space(s))
		return NULL;
	line = s->line;
	col = sl_pp_col(s);
	if (sl_pp_is(s, "!") && !sl_pp_is(s, "!=")) {
		s->at++;
		x = binary(s, depth + 1, LEVEL_ADD);
		return x == NULL ? NULL : node(s, SL_PX_NOT, line, col, x, NULL);
	}
	x = primary(s, depth);
	while (x != NULL && sl_pp_take(s, "."))
		x = sl_pp_space(s) ? method(s, depth, x) : NULL;
	return x;
}

/* "|" is not the start of "||", nor "-" that of "->". */
static bool
is_op(struct sl_pp *s, const char *text)
{
	if (!sl_pp_is(s, text))
		return false;
	if (text[1] != '\0')
		return true;
	if (text[0] == '-')
		return sl_pp_peek(s, 1) != '>';
	return (text[0] != '|' && text[0] != '&') || sl_pp_peek(s, 1) != (uint8_t)text[0];
}

static const struct sl_px *
binary(struct sl_pp *s, unsigned depth, size_t level)
{
	const struct sl_px *x, *y;

	if (level == N_LEVELS)
		return unary(s, depth);
	if ((x = binary(s, depth, level + 1)) == NULL)
		return NULL;
	for (;;) {
		const struct binop *o = levels[level];
		uint32_t line, col;

		if (!sl_pp_space(s))
			return NULL;
		while (o < levels[level] + 3 && o->text != NULL && !is_op(s, o->text))
			o++;
		if (o == levels[level] + 3 || o->text == NULL)
			return x;
		line = s->line;
		col = sl_pp_col(s);
		s->at++;
		if ((y = binary(s, depth, level + 1)) == NULL ||
		    (x = node(s, o->op, line, col, x, y)) == NULL)
			return NULL;
	}
}

static const struct binop *
comparison_here(struct sl_pp *s)
{
	const struct binop *o = comparisons;

	while (o->text != NULL && !sl_pp_is(s, o->text))
		o++;
	return o->text != NULL ? o : NULL;
}

static const struct sl_px *
compare(struct sl_pp *s, unsigned depth)
{
	const struct sl_px *x = binary(s, depth, 0), *y;
	const struct binop *o;
	uint32_t line, col;

	if (x == NULL || !sl_pp_space(s) || (o = comparison_here(s)) == NULL)
		return x;
	line = s->line;
	col = sl_pp_col(s);
	s->at += strlen(o->text);
	if ((y = binary(s, depth, 0)) == NULL || !sl_pp_space(s))
		return NULL;
	if (comparison_here(s) != NULL) {
		sl_pp_fail(s, SL_E(FORMAT), "comparisons do not chain; use parentheses");
		return NULL;
	}
	return node(s, o->op, line, col, x, y);
}

static const struct sl_px *
lazy(struct sl_pp *s, unsigned depth, bool is_or)
{
	const struct sl_px *x = is_or ? lazy(s, depth, false) : compare(s, depth), *y;
	const char *text = is_or ? "||" : "&&";

	while (x != NULL && sl_pp_take(s, text)) {
		uint32_t line = s->line, col = sl_pp_col(s) - 2;

		y = is_or ? lazy(s, depth, false) : compare(s, depth);
		if (y == NULL)
			return NULL;
		x = node(s, is_or ? SL_PX_OR : SL_PX_AND, line, col, x, y);
	}
	return x;
}

static const struct sl_px *
expr(struct sl_pp *s, unsigned depth)
{
	return lazy(s, depth, true);
}

const struct sl_px *
sl_pp_expr(struct sl_pp *s)
{
	return expr(s, 1);
}
