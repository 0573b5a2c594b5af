/* expr_parse.c -- see expr.h: operators and operands on two stacks, as GitHub's
 * ExpressionParser, so that what is wrong is found in the same order. */
#include "flow/expr_int.h"

static const struct {
	unsigned char precedence, n_operands;
	bool is_right; /* right to left */
	enum sl_node_kind node;
} op_table[SL_TOK_N_OPERATORS] = {
	[SL_TOK_NOT] = { 16, 1, true, SL_NODE_NOT },
	[SL_TOK_NE] = { 10, 2, false, SL_NODE_NE },
	[SL_TOK_GT] = { 11, 2, false, SL_NODE_GT },
	[SL_TOK_GE] = { 11, 2, false, SL_NODE_GE },
	[SL_TOK_LT] = { 11, 2, false, SL_NODE_LT },
	[SL_TOK_LE] = { 11, 2, false, SL_NODE_LE },
	[SL_TOK_EQ] = { 10, 2, false, SL_NODE_EQ },
	[SL_TOK_AND] = { 6, 2, false, SL_NODE_AND },
	[SL_TOK_OR] = { 5, 2, false, SL_NODE_OR },
	[SL_TOK_START_GROUP] = { 20, 0, true, SL_NODE_LITERAL },
	[SL_TOK_START_INDEX] = { 19, 2, false, SL_NODE_INDEX },
	[SL_TOK_START_PARAMS] = { 19, 0, false, SL_NODE_LITERAL },
	[SL_TOK_END_GROUP] = { 1, 0, false, SL_NODE_LITERAL },
	[SL_TOK_END_INDEX] = { 1, 0, false, SL_NODE_LITERAL },
	[SL_TOK_END_PARAMS] = { 1, 0, false, SL_NODE_LITERAL },
	[SL_TOK_SEPARATOR] = { 1, 0, false, SL_NODE_LITERAL },
	[SL_TOK_DEREF] = { 19, 2, false, SL_NODE_INDEX },
};

struct parser {
	struct sl_lexer lx;
	const struct sl_expr_syntax *sx;
	struct sl_arena *a;
	struct sl_err *err;
	struct sl_tok tok, last; /* last.kind NONE before the first */
	struct sl_tok *ops;      /* stack */
	struct sl_node *nodes;   /* stack */
};

static int
nomem(struct parser *p)
{
	return SL_ERR(p->err, NOMEM, "out of memory for an expression");
}

/* "<what>: '<raw>'. Located at position N within expression: <text>", N in UTF-16. */
static int
bad_token(struct parser *p, const char *what, const struct sl_tok *t)
{
	struct sl_slice src = p->lx.src, raw = { src.p + t->at, t->len };
	size_t pos = sl_val_utf16_len((struct sl_slice){ src.p, t->at }) + 1;
	struct sl_expr_why *why = p->sx->why;
	char head[64], mid[64];

	if (why != NULL) {
		SL_AUTO_BUF b = { .max = src.len * 2 + 256 };

		sl_buf_printf(&b, "%s: '", what);
		sl_buf_slice(&b, raw);
		sl_buf_printf(&b, "'. Located at position %zu within expression: ", pos);
		sl_buf_slice(&b, src);
		*why =
		    (struct sl_expr_why){ .at = t->at, .len = t->len, .has_place = true };
		if (!b.is_failed)
			why->msg = sl_arena_dup(p->a, sl_buf_get(&b));
	}
	(void)snprintf(head, sizeof(head), "%s", what);
	(void)snprintf(mid, sizeof(mid),
		       "'. Located at position %zu within expression: ", pos);
	return SL_ERR(p->err, FORMAT, "%s: '%.*s%s%.*s", head, SL_ARG(raw), mid,
		      SL_ARG(src));
}

static int
bad_whole(const struct sl_expr_syntax *sx, struct sl_arena *a, struct sl_err *err,
	  const char *text)
{
	if (sx->why != NULL)
		*sx->why = (struct sl_expr_why){
			.msg = sl_arena_dup(a, sl_slice_str(text)),
		};
	return SL_ERR(err, FORMAT, "%s", text);
}

/* An entry "name(min,max)", or just "name". */
struct entry {
	struct sl_slice name;
	bool is_function;
	size_t min, max;
};

static size_t
read_count(struct sl_slice *s)
{
	size_t n = 0, i = 0;

	if (sl_slice_starts(*s, SL_LIT("MAX"))) {
		*s = sl_slice_skip(*s, 3);
		return SL_EXPR_ARGS_MAX;
	}
	for (; i < s->len && s->p[i] >= '0' && s->p[i] <= '9'; i++)
		n = n >= SL_EXPR_ARGS_MAX ? SL_EXPR_ARGS_MAX : n * 10 + (s->p[i] - '0');
	*s = sl_slice_skip(*s, i);
	return n > SL_EXPR_ARGS_MAX ? SL_EXPR_ARGS_MAX : n;
}

static struct entry
read_entry(struct sl_slice text)
{
	struct entry e = { .name = sl_slice_upto(text, '(') };
	struct sl_slice rest = sl_slice_skip(text, e.name.len);

	if (rest.len == 0)
		return e;
	e.is_function = true;
	rest = sl_slice_skip(rest, 1);
	e.min = read_count(&rest);
	rest = sl_slice_skip(rest, 1);
	e.max = read_count(&rest);
	return e;
}

static bool
allowed(const struct sl_expr_syntax *sx, struct sl_slice name, bool is_function,
	struct entry *ret)
{
	for (size_t i = 0; i < sx->n_allow; i++) {
		*ret = read_entry(sx->allow[i]);
		if (ret->is_function == is_function && sl_val_caseeq(ret->name, name))
			return true;
	}
	return false;
}

/* The arity that holds for a function of this name here; false: unknown. */
static bool
arity(struct parser *p, struct sl_slice name, const struct sl_expr_function **f,
      struct entry *ret)
{
	*f = sl_expr_function(name);
	if (*f == NULL)
		return false;
	if ((*f)->is_builtin) {
		*ret = (struct entry){ .min = (*f)->min, .max = (*f)->max };
		return true;
	}
	return allowed(p->sx, name, true, ret);
}

static struct sl_node *
new_node(struct parser *p, enum sl_node_kind kind, size_t at, size_t end)
{
	struct sl_node *n = SL_NEW(p->a, struct sl_node);

	if (n == NULL)
		return NULL;
	n->kind = kind;
	n->at = at;
	n->end = end;
	return n;
}

static void
push_node(struct parser *p, struct sl_node *n)
{
	n->below = p->nodes;
	p->nodes = n;
}

static struct sl_node *
pop_node(struct parser *p)
{
	struct sl_node *n = p->nodes;

	p->nodes = n->below;
	n->below = NULL;
	return n;
}

static void
append(struct sl_node *to, struct sl_node *kid)
{
	if (to->last != NULL)
		to->last->next = kid;
	else
		to->kid = kid;
	to->last = kid;
	to->n++;
}

/* `a && b && c` is one node with three operands, however it was bracketed. */
static void
append_flat(struct sl_node *to, struct sl_node *kid)
{
	if (kid->kind != to->kind ||
	    (to->kind != SL_NODE_AND && to->kind != SL_NODE_OR)) {
		append(to, kid);
		return;
	}
	if (to->last != NULL)
		to->last->next = kid->kid;
	else
		to->kid = kid->kid;
	to->last = kid->last;
	to->n += kid->n;
}

/* Strings without their quotes; '' is one quote. */
static struct sl_slice
string_value(struct parser *p, const struct sl_tok *t)
{
	struct sl_slice raw = { p->lx.src.p + t->at + 1, t->len - 2 };
	uint8_t *q;
	size_t n = 0;

	if (raw.len == 0 || memchr(raw.p, '\'', raw.len) == NULL)
		return raw;
	if ((q = sl_arena_alloc(p->a, raw.len, 1)) == NULL)
		return (struct sl_slice){ 0 };
	for (size_t i = 0; i < raw.len; i++) {
		q[n++] = raw.p[i];
		if (raw.p[i] == '\'')
			i++;
	}
	return (struct sl_slice){ q, n };
}

static const struct sl_value *
literal(struct parser *p, const struct sl_tok *t)
{
	struct sl_slice s = { p->lx.src.p + t->at, t->len };

	if (t->kind == SL_TOK_NULL)
		return sl_val_null();
	if (t->kind == SL_TOK_BOOL)
		return sl_val_bool(t->b);
	if (t->kind == SL_TOK_NUM)
		return sl_val_num(p->a, t->num);
	if (t->kind == SL_TOK_STR && (s = string_value(p, t)).p == NULL)
		return NULL;
	return sl_val_str(p->a, s);
}

static int
push_operand(struct parser *p)
{
	const struct sl_tok *t = &p->tok;
	struct sl_slice raw = { p->lx.src.p + t->at, t->len };
	const struct sl_expr_function *f = NULL;
	struct entry e = { .max = 0 };
	struct sl_node *n;

	if (t->kind == SL_TOK_FUNCTION && !arity(p, raw, &f, &e))
		return bad_token(p, "Unrecognized function", t);
	if (t->kind == SL_TOK_NAMED && !allowed(p->sx, raw, false, &e))
		return bad_token(p, "Unrecognized named-value", t);
	n = new_node(p,
		     t->kind == SL_TOK_FUNCTION   ? SL_NODE_CALL
		     : t->kind == SL_TOK_NAMED    ? SL_NODE_NAMED
		     : t->kind == SL_TOK_WILDCARD ? SL_NODE_WILDCARD
						  : SL_NODE_LITERAL,
		     t->at, t->at + t->len);
	if (n == NULL)
		return nomem(p);
	n->name = raw;
	n->f = f;
	if (n->kind == SL_NODE_LITERAL && (n->lit = literal(p, t)) == NULL)
		return nomem(p);
	push_node(p, n);
	return 0;
}

/* The lexer pairs brackets and lets no operator stand where it lacks an operand, so the
 * stacks hold what is popped; were that wrong, parsing would end here. */
static int
empty_stack(struct parser *p)
{
	return SL_ERR(p->err, BUG, "expression stack is empty");
}

/* The top operator becomes a node.  It is none of the closing ones: they never stay. */
static int
flush_top(struct parser *p)
{
	struct sl_tok *op = p->ops;
	struct sl_node *n, *operand[2] = { NULL, NULL };
	size_t want = op != NULL ? op_table[op->kind].n_operands : 0;

	if (op == NULL)
		return empty_stack(p);
	if ((n = new_node(p, op_table[op->kind].node, op->at, op->at + op->len)) == NULL)
		return nomem(p);
	p->ops = op->below;
	for (size_t i = want; i > 0; i--) {
		if (p->nodes == NULL)
			return empty_stack(p);
		operand[i - 1] = pop_node(p);
	}
	for (size_t i = 0; i < want; i++) {
		n->at = operand[i]->at < n->at ? operand[i]->at : n->at;
		n->end = operand[i]->end > n->end ? operand[i]->end : n->end;
		append_flat(n, operand[i]);
	}
	push_node(p, n);
	return 0;
}

static int
end_index(struct parser *p)
{
	int r = flush_top(p);

	if (r == 0)
		p->nodes->end = p->tok.at + 1;
	return r;
}

/* Operands above the call's own node, one more than there are separators. */
static int
end_params(struct parser *p)
{
	const struct sl_expr_function *f;
	struct sl_node *args = NULL, *call;
	struct sl_tok open;
	struct entry e;
	size_t n = p->last.kind == SL_TOK_START_PARAMS ? 0 : 1;

	for (; p->ops != NULL && p->ops->kind == SL_TOK_SEPARATOR; p->ops = p->ops->below)
		n++;
	for (size_t i = 0; i < n && p->nodes != NULL; i++) {
		struct sl_node *arg = pop_node(p);

		arg->next = args;
		args = arg;
	}
	if ((call = p->nodes) == NULL || p->ops == NULL)
		return empty_stack(p);
	for (struct sl_node *next; args != NULL; args = next) {
		next = args->next;
		args->next = NULL;
		append(call, args);
	}
	call->end = p->tok.at + 1;
	open = *p->ops;
	p->ops = p->ops->below;
	if (!arity(p, call->name, &f, &e))
		return empty_stack(p);
	if (n < e.min)
		return bad_token(p, "Too few parameters supplied", &open);
	if (n > e.max)
		return bad_token(p, "Too many parameters supplied", &open);
	if (n % 2 == 0 && sl_val_caseeq(call->name, SL_LIT("case")))
		return bad_token(p,
				 "Even number of parameters supplied, requires an odd "
				 "number of parameters",
				 &open);
	return 0;
}

static int
push_operator(struct parser *p)
{
	enum sl_tok_kind k = p->tok.kind;
	struct sl_tok *op;
	int r;

	while (!op_table[k].is_right && p->ops != NULL) {
		enum sl_tok_kind top = p->ops->kind;

		if (op_table[k].precedence > op_table[top].precedence ||
		    top == SL_TOK_START_GROUP || top == SL_TOK_START_INDEX ||
		    top == SL_TOK_START_PARAMS || top == SL_TOK_SEPARATOR)
			break;
		if ((r = flush_top(p)) < 0)
			return r;
	}
	/* The lexer matched brackets, so under a closing one lies its opening one. */
	if (k == SL_TOK_END_INDEX)
		return end_index(p);
	if (k == SL_TOK_END_PARAMS)
		return end_params(p);
	if (k == SL_TOK_END_GROUP) {
		p->ops = p->ops != NULL ? p->ops->below : NULL;
		return 0;
	}
	if ((op = SL_NEW(p->a, struct sl_tok)) == NULL)
		return nomem(p);
	*op = p->tok;
	op->below = p->ops;
	p->ops = op;
	return 0;
}

static int
read_all(struct parser *p)
{
	int r;

	while ((r = sl_lex_next(&p->lx, &p->tok, p->err)) > 0) {
		if (p->tok.kind == SL_TOK_UNEXPECTED)
			return bad_token(p, "Unexpected symbol", &p->tok);
		r = p->tok.kind < SL_TOK_N_OPERATORS ? push_operator(p) : push_operand(p);
		if (r < 0)
			return r;
		p->last = p->tok;
	}
	return r;
}

static int
finish(struct parser *p)
{
	enum sl_tok_kind k = p->last.kind;
	bool is_closing =
	    k == SL_TOK_END_GROUP || k == SL_TOK_END_INDEX || k == SL_TOK_END_PARAMS;
	int r;

	if (p->ops != NULL && ((k < SL_TOK_N_OPERATORS && !is_closing) ||
			       k == SL_TOK_FUNCTION || p->lx.unclosed != NULL))
		return bad_token(p, "Unexpected end of expression", &p->last);
	while (p->ops != NULL) {
		if ((r = flush_top(p)) < 0)
			return r;
	}
	return 0;
}

/* Recursion is bounded by the depth that it checks. */
static bool
is_too_deep(const struct sl_node *n, size_t depth)
{
	if (depth > SL_EXPR_DEPTH_MAX)
		return true;
	for (const struct sl_node *k = n->kid; k != NULL; k = k->next) {
		if (is_too_deep(k, depth + 1))
			return true;
	}
	return false;
}

int
sl_expr_parse(struct sl_slice src, const struct sl_expr_syntax *sx, struct sl_arena *a,
	      const struct sl_expr **ret, struct sl_err *err)
{
	struct parser p = { .lx = { .src = src, .last = SL_TOK_NONE, .a = a },
			    .sx = sx,
			    .a = a,
			    .err = err,
			    .last = { .kind = SL_TOK_NONE } };
	struct sl_expr *e;
	int r;

	/* No UTF-16 unit takes more than three bytes. */
	if (src.len > 3 * (size_t)SL_EXPR_LEN_MAX ||
	    sl_val_utf16_len(src) > SL_EXPR_LEN_MAX)
		return bad_whole(sx, a, err, "Exceeded max expression length 21000");
	if ((e = SL_NEW(a, struct sl_expr)) == NULL)
		return nomem(&p);
	if ((r = read_all(&p)) < 0)
		return r;
	if (p.last.kind != SL_TOK_NONE) {
		if ((r = finish(&p)) < 0)
			return r;
		if (is_too_deep(p.nodes, 1))
			return bad_whole(sx, a, err, "Exceeded max expression depth 50");
	}
	e->text = src;
	e->root = p.nodes;
	*ret = e;
	return 0;
}

struct sl_slice
sl_expr_text(const struct sl_expr *e)
{
	return e->text;
}
