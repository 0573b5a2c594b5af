/* token.c -- see schema.h: reading and evaluating checked tokens. */
#include "flow/schema.h"

const struct sl_tok *
sl_tok_get(const struct sl_tok *map, const char *key)
{
	if (map == NULL || map->kind != SL_TOK_MAP)
		return NULL;
	SL_TOK_EACH(m, map)
	if (m->key_expr == NULL && !m->is_insert &&
	    sl_slice_eq(m->key, sl_slice_str(key)))
		return m;
	return NULL;
}

struct sl_slice
sl_tok_str(const struct sl_tok *t)
{
	if (t == NULL || t->kind == SL_TOK_SEQ || t->kind == SL_TOK_MAP ||
	    t->kind == SL_TOK_EXPR || t->kind == SL_TOK_INSERT || t->text.p == NULL)
		return SL_LIT("");
	return t->text;
}

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

/* The members of an inserted mapping. */
static int
insert(struct sl_value *obj, const struct sl_value *v, struct sl_arena *a,
       struct sl_err *err)
{
	if (v == NULL || v->kind != SL_VAL_OBJ)
		return SL_ERR(err, FAILED, "Expected a mapping");
	for (size_t i = 0; i < v->n; i++)
		if (sl_val_set(a, obj, v->m[i].key, v->m[i].v) == NULL)
			return nomem(err);
	return 0;
}

static int
eval_member(const struct sl_tok *m, const struct sl_expr_env *env, struct sl_arena *a,
	    struct sl_value *obj, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_value *v = NULL, *k = NULL;
	struct sl_slice key = m->key;
	int r;

	if (m->key_expr != NULL) {
		*at = m->key_at;
		if ((r = sl_expr_eval(m->key_expr, env, a, &k, err)) < 0)
			return r;
		if (!sl_val_is_primitive(k))
			return SL_ERR(err, FAILED, "a key must be a scalar");
		if ((key = sl_val_string(a, k)).p == NULL)
			return nomem(err);
	}
	if ((r = sl_tok_eval(m, env, a, &v, at, err)) < 0)
		return r;
	*at = m->at;
	if (m->is_insert)
		return insert(obj, v, a, err);
	return sl_val_set(a, obj, key, v) == NULL ? nomem(err) : 0;
}

static int
eval_collection(const struct sl_tok *t, const struct sl_expr_env *env, struct sl_arena *a,
		const struct sl_value **ret, struct sl_yaml_at *at, struct sl_err *err)
{
	struct sl_value *x = t->kind == SL_TOK_SEQ ? sl_val_arr(a) : sl_val_obj(a, false);
	const struct sl_value *v = NULL;
	int r;

	if (x == NULL)
		return nomem(err);
	SL_TOK_EACH(m, t)
	{
		if (t->kind == SL_TOK_MAP) {
			if ((r = eval_member(m, env, a, x, at, err)) < 0)
				return r;
			continue;
		}
		if ((r = sl_tok_eval(m, env, a, &v, at, err)) < 0)
			return r;
		if (sl_val_add(a, x, v) == NULL)
			return nomem(err);
	}
	*ret = x;
	return 0;
}

/* Depth is bounded by the YAML reader's. */
int
sl_tok_eval(const struct sl_tok *t, const struct sl_expr_env *env, struct sl_arena *a,
	    const struct sl_value **ret, struct sl_yaml_at *ret_at, struct sl_err *err)
{
	const struct sl_value *v = NULL;

	if (t == NULL) {
		*ret = sl_val_null();
		return 0;
	}
	*ret_at = t->at;
	switch (t->kind) {
	case SL_TOK_BOOL:
		v = sl_val_bool(t->b);
		break;
	case SL_TOK_NUM:
		v = sl_val_num(a, t->num);
		break;
	case SL_TOK_STR:
		v = sl_val_str(a, t->text);
		break;
	case SL_TOK_EXPR:
		return sl_expr_eval(t->expr, env, a, ret, err);
	case SL_TOK_SEQ:
	case SL_TOK_MAP:
		return eval_collection(t, env, a, ret, ret_at, err);
	case SL_TOK_NULL:
	case SL_TOK_INSERT:
	default:
		v = sl_val_null();
		break;
	}
	if (v == NULL)
		return nomem(err);
	*ret = v;
	return 0;
}

int
sl_tok_exprs(const struct sl_tok *t,
	     int (*fn)(void *arg, const struct sl_expr *e, const struct sl_tok *t,
		       struct sl_err *err),
	     void *arg, struct sl_err *err)
{
	int r = 0;

	if (t == NULL)
		return 0;
	if (t->key_expr != NULL && (r = fn(arg, t->key_expr, t, err)) < 0)
		return r;
	if (t->kind == SL_TOK_EXPR && (r = fn(arg, t->expr, t, err)) < 0)
		return r;
	SL_TOK_EACH(m, t)
	if ((r = sl_tok_exprs(m, fn, arg, err)) < 0)
		return r;
	return 0;
}
