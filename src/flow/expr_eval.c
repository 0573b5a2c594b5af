/* expr_eval.c -- see expr.h: evaluation of the tree. */
#include "flow/expr_int.h"

#include <math.h>

static const struct sl_value *
raise(struct sl_eval *ev, int code, struct sl_slice text)
{
	struct sl_expr_why *why = ev->env->why;

	if (why != NULL && ev->err->code == 0)
		*why = (struct sl_expr_why){ .msg = sl_arena_dup(ev->a, text) };
	if (code == SL_E(LIMIT))
		(void)SL_ERR(ev->err, LIMIT, "%.*s", SL_ARG(text));
	else
		(void)SL_ERR(ev->err, FAILED, "%.*s", SL_ARG(text));
	return NULL;
}

const struct sl_value *
sl_eval_fail(struct sl_eval *ev, const char *what, struct sl_slice arg)
{
	SL_AUTO_BUF b = { .max = arg.len + 512 };

	sl_buf_str(&b, what);
	sl_buf_slice(&b, arg);
	return raise(ev, SL_E(FAILED), sl_buf_get(&b));
}

size_t
sl_eval_room(const struct sl_eval *ev)
{
	size_t taken = ev->a->used - ev->base;

	return taken >= ev->env->max_memory ? 0 : ev->env->max_memory - taken;
}

/* The arena refused, or the evaluation has taken its share. */
const struct sl_value *
sl_eval_nomem(struct sl_eval *ev, const struct sl_node *n)
{
	struct sl_slice text = { ev->e->text.p + n->at, n->end - n->at };
	SL_AUTO_BUF b = { .max = text.len + 512 };

	sl_buf_str(&b,
		   "The maximum allowed memory size was exceeded while evaluating the "
		   "following expression: ");
	sl_buf_slice(&b, text);
	return raise(ev, SL_E(LIMIT), sl_buf_get(&b));
}

const struct sl_value *
sl_eval_done(struct sl_eval *ev, const struct sl_node *n, const struct sl_value *v)
{
	if (ev->err->code != 0)
		return NULL;
	if (ev->a->used - ev->base > ev->env->max_memory)
		return sl_eval_nomem(ev, n);
	if (v == NULL)
		(void)SL_ERR(ev->err, NOMEM, "out of memory for an expression");
	return v;
}

static const struct sl_value *
eval_named(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v = sl_val_get(ev->env->contexts, n->name);

	return v != NULL ? v : sl_val_null();
}

struct index {
	bool is_wild;
	bool has_int, has_str;
	size_t i;
	struct sl_slice s;
};

static int
read_index(struct sl_eval *ev, const struct sl_node *n, struct index *ret)
{
	const struct sl_value *v;
	double d;

	*ret = (struct index){ .is_wild = n->kind == SL_NODE_WILDCARD };
	if (ret->is_wild)
		return 0;
	if ((v = sl_eval_node(ev, n)) == NULL)
		return ev->err->code;
	d = floor(sl_val_number(v));
	if (d >= 0 && d <= INT32_MAX) {
		ret->has_int = true;
		ret->i = (size_t)d;
	}
	if (sl_val_is_primitive(v)) {
		ret->has_str = true;
		if ((ret->s = sl_val_string(ev->a, v)).p == NULL)
			return SL_ERR(ev->err, NOMEM, "out of memory for an expression");
	}
	return 0;
}

/* What a single step selects of a collection; NULL: nothing. */
static const struct sl_value *
pick(const struct sl_value *v, const struct index *x)
{
	if (v->kind == SL_VAL_OBJ)
		return x->has_str ? sl_val_get(v, x->s) : NULL;
	return x->has_int ? sl_val_at(v, x->i) : NULL;
}

static bool
add_all(struct sl_eval *ev, struct sl_value *to, const struct sl_value *from)
{
	for (size_t i = 0; i < from->n; i++) {
		if (sl_eval_room(ev) == 0 || sl_val_add(ev->a, to, from->m[i].v) == NULL)
			return false;
	}
	return true;
}

static bool
add_picked(struct sl_eval *ev, struct sl_value *to, const struct sl_value *from,
	   const struct index *x)
{
	const struct sl_value *v;

	if (sl_val_is_primitive(from))
		return true;
	if (x->is_wild)
		return add_all(ev, to, from);
	v = pick(from, x);
	return v == NULL || (sl_eval_room(ev) > 0 && sl_val_add(ev->a, to, v) != NULL);
}

static const struct sl_value *
eval_index(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *from = sl_eval_node(ev, n->kid), *v;
	struct sl_value *list;
	struct index x;
	bool ok = true;

	if (from == NULL)
		return NULL;
	/* GitHub leaves an index alone when there is nothing to index. */
	if (sl_val_is_primitive(from) && n->last->kind != SL_NODE_WILDCARD)
		return sl_val_null();
	if (read_index(ev, n->last, &x) < 0)
		return NULL;
	if (!x.is_wild && !from->is_filtered) {
		v = pick(from, &x);
		return v != NULL ? v : sl_val_null();
	}
	if ((list = sl_val_arr(ev->a)) == NULL)
		return sl_eval_done(ev, n, NULL);
	list->is_filtered = true;
	if (from->is_filtered) {
		for (size_t i = 0; i < from->n && ok; i++)
			ok = add_picked(ev, list, from->m[i].v, &x);
	} else {
		ok = add_picked(ev, list, from, &x);
	}
	if (!ok && sl_eval_room(ev) == 0)
		return sl_eval_nomem(ev, n);
	return ok ? list : sl_eval_done(ev, n, NULL);
}

static const struct sl_value *
eval_logic(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v = NULL;

	for (const struct sl_node *k = n->kid; k != NULL; k = k->next) {
		if ((v = sl_eval_node(ev, k)) == NULL)
			return NULL;
		if (sl_val_truthy(v) == (n->kind == SL_NODE_OR))
			break;
	}
	return v;
}

static const struct sl_value *
eval_compare(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *x = sl_eval_node(ev, n->kid);
	const struct sl_value *y = x != NULL ? sl_eval_node(ev, n->last) : NULL;

	if (y == NULL)
		return NULL;
	switch (n->kind) {
	case SL_NODE_EQ:
		return sl_val_bool(sl_val_eq(x, y));
	case SL_NODE_NE:
		return sl_val_bool(!sl_val_eq(x, y));
	case SL_NODE_GT:
		return sl_val_bool(sl_val_gt(x, y));
	case SL_NODE_GE:
		return sl_val_bool(sl_val_eq(x, y) || sl_val_gt(x, y));
	case SL_NODE_LT:
		return sl_val_bool(sl_val_lt(x, y));
	case SL_NODE_LE:
		return sl_val_bool(sl_val_eq(x, y) || sl_val_lt(x, y));
	case SL_NODE_LITERAL:
	case SL_NODE_NAMED:
	case SL_NODE_WILDCARD:
	case SL_NODE_INDEX:
	case SL_NODE_NOT:
	case SL_NODE_AND:
	case SL_NODE_OR:
	case SL_NODE_CALL:
		break;
	}
	return NULL;
}

static const struct sl_value *
eval_kind(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v;

	switch (n->kind) {
	case SL_NODE_LITERAL:
		return n->lit;
	case SL_NODE_NAMED:
		return eval_named(ev, n);
	case SL_NODE_WILDCARD:
		return sl_val_null();
	case SL_NODE_INDEX:
		return eval_index(ev, n);
	case SL_NODE_NOT:
		v = sl_eval_node(ev, n->kid);
		return v != NULL ? sl_val_bool(!sl_val_truthy(v)) : NULL;
	case SL_NODE_AND:
	case SL_NODE_OR:
		return eval_logic(ev, n);
	case SL_NODE_CALL:
		return n->f->fn(ev, n);
	case SL_NODE_NE:
	case SL_NODE_GT:
	case SL_NODE_GE:
	case SL_NODE_LT:
	case SL_NODE_LE:
	case SL_NODE_EQ:
		return eval_compare(ev, n);
	}
	return NULL;
}

/* Recursion follows the tree, whose depth the parser bounded; counted all the same. */
const struct sl_value *
sl_eval_node(struct sl_eval *ev, const struct sl_node *n)
{
	const struct sl_value *v;

	if (ev->depth >= SL_EXPR_DEPTH_MAX) {
		(void)SL_ERR(ev->err, BUG, "expression deeper than the parser allows");
		return NULL;
	}
	ev->depth++;
	v = eval_kind(ev, n);
	ev->depth--;
	return sl_eval_done(ev, n, v);
}

int
sl_expr_eval(const struct sl_expr *e, const struct sl_expr_env *env, struct sl_arena *a,
	     const struct sl_value **ret, struct sl_err *err)
{
	struct sl_eval ev = { .e = e, .env = env, .a = a, .err = err, .base = a->used };
	const struct sl_value *v;

	if (e->root == NULL) {
		*ret = sl_val_null();
		return 0;
	}
	if ((v = sl_eval_node(&ev, e->root)) == NULL)
		return err->code;
	*ret = v;
	return 0;
}
