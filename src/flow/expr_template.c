/* expr_template.c -- see expr.h: expressions inside text, the condition of an `if`, and
 * what an expression refers to (facts: TemplateReader.cs, WorkflowTemplateConverter.cs).
 */
#include "flow/expr_case.h"
#include "flow/expr_int.h"

enum { OPEN_LEN = 3, CLOSE_LEN = 2 };

static int
fail(const struct sl_expr_syntax *sx, struct sl_arena *a, struct sl_err *err,
     const char *text)
{
	if (sx->why != NULL)
		*sx->why = (struct sl_expr_why){
			.msg = sl_arena_dup(a, sl_slice_str(text)),
		};
	return SL_ERR(err, FORMAT, "%s", text);
}

/* Where the next "${{" starts, or s.len. */
static size_t
next_open(struct sl_slice s, size_t from)
{
	const uint8_t *p;

	if (from >= s.len)
		return s.len;
	p = memmem(s.p + from, s.len - from, "${{", OPEN_LEN);
	return p != NULL ? (size_t)(p - s.p) : s.len;
}

bool
sl_expr_is_embedded(struct sl_slice s)
{
	return s.len > 0 && next_open(s, 0) < s.len;
}

/* Behind the "}}" that closes the expression whose body starts at i, or 0.  A quote
 * toggles; '' inside a string toggles twice. */
static size_t
close_of(struct sl_slice s, size_t i)
{
	bool in_string = false;

	for (; i < s.len; i++) {
		if (s.p[i] == '\'')
			in_string = !in_string;
		else if (!in_string && s.p[i] == '}' && s.p[i - 1] == '}')
			return i + 1;
	}
	return 0;
}

/* The body is nothing but one string literal, '' escapes included. */
static bool
is_string(struct sl_slice s)
{
	bool in_string = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '\'')
			in_string = !in_string;
		else if (!in_string)
			return false;
	}
	return s.len >= 2;
}

static const char *const insert_inline = "The directive 'insert' is not allowed in this "
					 "context. Directives are not supported for "
					 "expressions that are embedded within a string. "
					 "Directives are only supported when the "
					 "entire value is an expression.";

/* Parameters behind a directive: runs of anything but white space, where brackets and
 * strings hold together. */
static size_t
count_params(struct sl_slice s)
{
	size_t n = 0, parens = 0;
	bool in_string = false, in_param = false;
	uint32_t c;

	for (size_t i = 0, len; i < s.len; i += len) {
		len = sl_case_next(s, i, &c);
		if (sl_case_is_space(c) && !in_string && parens == 0) {
			in_param = false;
			continue;
		}
		if (!in_param)
			n++;
		in_param = true;
		if (c == '\'')
			in_string = !in_string;
		else if (c == '(' && !in_string)
			parens++;
		else if (c == ')' && !in_string && parens > 0)
			parens--;
	}
	return n;
}

/* 1: the body is `insert`; 0: it is not; negative: a malformed one. */
static int
is_insert(struct sl_slice body, const struct sl_expr_syntax *sx, struct sl_arena *a,
	  struct sl_err *err)
{
	struct sl_slice rest = sl_slice_skip(body, 6);
	char text[128];
	uint32_t c;
	size_t n;

	if (!sl_slice_starts(body, SL_LIT("insert")))
		return 0;
	if (rest.len == 0)
		return 1;
	(void)sl_case_next(rest, 0, &c);
	if (!sl_case_is_space(c))
		return 0;
	if ((n = count_params(rest)) == 0)
		return 1;
	(void)snprintf(
	    text, sizeof(text),
	    "Exactly 0 parameter(s) were expected following the directive 'insert'. "
	    "Actual parameter count: %zu",
	    n);
	return fail(sx, a, err, text);
}

struct segments {
	struct sl_slice src;
	const struct sl_expr_syntax *sx;
	struct sl_arena *a;
	struct sl_err *err;
	struct sl_buf *format, *args; /* the text of format()'s arguments */
	const struct sl_expr *only;   /* the last expression */
	struct sl_slice body;         /* its text */
	size_t n_exprs, n_literals;
	bool is_insert;
};

static void
put_literal(struct segments *g, struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '\'' || c == '{' || c == '}')
			sl_buf_byte(g->format, c);
		sl_buf_byte(g->format, c);
	}
	g->n_literals++;
}

/* The expression whose "${{" is at `at`; returns where it ends through *ret_end. */
static int
put_expr(struct segments *g, size_t at, size_t *ret_end)
{
	size_t end = close_of(g->src, at + OPEN_LEN);
	struct sl_expr_why *why = g->sx->why;
	int r;

	if (end == 0)
		return fail(
		    g->sx, g->a, g->err,
		    "The expression is not closed. An unescaped ${{ sequence was found, "
		    "but the closing }} sequence was not found.");
	g->body = (struct sl_slice){ g->src.p + at + OPEN_LEN,
				     end > at + OPEN_LEN + CLOSE_LEN
					 ? end - at - OPEN_LEN - CLOSE_LEN
					 : 0 };
	g->body = sl_case_trim(g->body);
	if (g->body.len == 0)
		return fail(g->sx, g->a, g->err, "An expression was expected");
	if ((r = is_insert(g->body, g->sx, g->a, g->err)) < 0)
		return r;
	if (r > 0 && (at > 0 || end < g->src.len))
		return fail(g->sx, g->a, g->err, insert_inline);
	g->is_insert = r > 0;
	if (!g->is_insert &&
	    (r = sl_expr_parse(g->body, g->sx, g->a, &g->only, g->err)) < 0) {
		if (why != NULL && why->has_place)
			why->at += (size_t)(g->body.p - g->src.p);
		return r;
	}
	sl_buf_printf(g->format, "{%zu}", g->n_exprs);
	sl_buf_str(g->args, ", ");
	sl_buf_slice(g->args, g->body);
	g->n_exprs++;
	*ret_end = end;
	return 0;
}

static int
read_segments(struct segments *g)
{
	size_t i = 0;
	int r;

	while (i < g->src.len) {
		size_t open = next_open(g->src, i);

		if (open > i)
			put_literal(g, (struct sl_slice){ g->src.p + i, open - i });
		if (open == g->src.len)
			break;
		if ((r = put_expr(g, open, &i)) < 0)
			return r;
	}
	return 0;
}

/* format('<literals>', e0, e1 ...), parsed anew, so that the limits hold for it. */
static int
combine(struct segments *g, struct sl_template *ret)
{
	SL_AUTO_BUF b = { .max = g->format->len + g->args->len + 64 };
	const struct sl_expr *e;
	struct sl_slice text;
	int r;

	sl_buf_str(&b, "format('");
	sl_buf_slice(&b, sl_buf_get(g->format));
	sl_buf_byte(&b, '\'');
	sl_buf_slice(&b, sl_buf_get(g->args));
	sl_buf_byte(&b, ')');
	if (b.is_failed || g->format->is_failed || g->args->is_failed ||
	    (text = sl_arena_dup(g->a, sl_buf_get(&b))).p == NULL)
		return SL_ERR(g->err, NOMEM, "out of memory for an expression");
	if ((r = sl_expr_parse(text, g->sx, g->a, &e, g->err)) < 0) {
		if (g->sx->why != NULL)
			g->sx->why->has_place = false; /* the place is in another text */
		return r;
	}
	*ret = (struct sl_template){ .kind = SL_TEMPLATE_EXPR, .expr = e };
	return 0;
}

int
sl_expr_template(struct sl_slice src, const struct sl_expr_syntax *sx, struct sl_arena *a,
		 struct sl_template *ret, struct sl_err *err)
{
	SL_AUTO_BUF format = { .max = src.len * 2 + 64 };
	SL_AUTO_BUF args = { .max = src.len * 2 + 64 };
	struct segments g = {
		.src = src, .sx = sx, .a = a, .err = err, .format = &format, .args = &args
	};
	int r;

	if (!sl_expr_is_embedded(src)) {
		*ret = (struct sl_template){ .kind = SL_TEMPLATE_LITERAL, .text = src };
		return 0;
	}
	if ((r = read_segments(&g)) < 0)
		return r;
	if (g.is_insert) {
		*ret =
		    (struct sl_template){ .kind = SL_TEMPLATE_INSERT, .is_whole = true };
		return 0;
	}
	if (g.n_exprs > 1 || g.n_literals > 0)
		return combine(&g, ret);
	*ret = (struct sl_template){ .kind = SL_TEMPLATE_EXPR,
				     .expr = g.only,
				     .is_whole = true };
	if (is_string(g.body) && g.only->root->lit != NULL) {
		ret->kind = SL_TEMPLATE_LITERAL;
		ret->text = g.only->root->lit->s;
		ret->expr = NULL;
	}
	return 0;
}

/* Recursion is bounded by the depth of the tree. */
static bool
any_call(const struct sl_node *n, const char *name)
{
	if (n == NULL)
		return false;
	if (n->kind == SL_NODE_CALL &&
	    (name != NULL ? sl_val_caseeq(n->name, sl_slice_str(name)) : n->f->is_status))
		return true;
	for (const struct sl_node *k = n->kid; k != NULL; k = k->next) {
		if (any_call(k, name))
			return true;
	}
	return false;
}

bool
sl_expr_has_status(const struct sl_expr *e)
{
	return e != NULL && any_call(e->root, NULL);
}

bool
sl_expr_calls(const struct sl_expr *e, const char *function)
{
	return e != NULL && any_call(e->root, function);
}

static int
default_if(struct sl_slice cond, const struct sl_expr_syntax *sx, struct sl_arena *a,
	   const struct sl_expr **ret, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = cond.len + 64 };
	struct sl_slice text;
	int r;

	sl_buf_str(&b, "success()");
	if (cond.len > 0) {
		sl_buf_str(&b, " && (");
		sl_buf_slice(&b, cond);
		sl_buf_byte(&b, ')');
	}
	if (b.is_failed || (text = sl_arena_dup(a, sl_buf_get(&b))).p == NULL)
		return SL_ERR(err, NOMEM, "out of memory for an expression");
	if ((r = sl_expr_parse(text, sx, a, ret, err)) < 0 && sx->why != NULL)
		sx->why->has_place = false;
	return r;
}

int
sl_expr_if(struct sl_slice src, const struct sl_expr_syntax *sx, struct sl_arena *a,
	   const struct sl_expr **ret, struct sl_err *err)
{
	struct sl_template t = { 0 };
	const struct sl_expr *e;
	struct sl_slice cond;
	int r;

	if ((r = sl_expr_template(src, sx, a, &t, err)) < 0)
		return r;
	if (t.kind == SL_TEMPLATE_INSERT)
		return fail(
		    sx, a, err,
		    "The expression directive 'insert' is not supported in this context");
	cond = t.kind == SL_TEMPLATE_EXPR ? sl_expr_text(t.expr) : t.text;
	if (sl_case_trim(cond).len == 0)
		return default_if(SL_LIT(""), sx, a, ret, err);
	if (t.kind == SL_TEMPLATE_EXPR)
		e = t.expr;
	else if ((r = sl_expr_parse(cond, sx, a, &e, err)) < 0)
		return r;
	if (sl_expr_has_status(e)) {
		*ret = e;
		return 0;
	}
	return default_if(cond, sx, a, ret, err);
}
