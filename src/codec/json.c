/* json.c -- see json.h: building, reading, comparing. */
#include "codec/json.h"

#include "base/hex.h"
#include "codec/json_priv.h"

static struct sl_json *
node(struct sl_jb *b, enum sl_json_kind kind)
{
	struct sl_json *v = b->is_failed ? NULL : SL_NEW(b->a, struct sl_json);

	if (v == NULL)
		b->is_failed = true;
	else
		v->kind = kind;
	return v;
}

struct sl_json *
sl_json_null(struct sl_jb *b)
{
	return node(b, SL_JSON_NULL);
}

struct sl_json *
sl_json_bool(struct sl_jb *b, bool v)
{
	struct sl_json *n = node(b, SL_JSON_BOOL);

	if (n != NULL)
		n->b = v;
	return n;
}

struct sl_json *
sl_json_int(struct sl_jb *b, int64_t v)
{
	struct sl_json *n = node(b, SL_JSON_INT);

	if (n != NULL)
		n->i = v;
	return n;
}

struct sl_json *
sl_json_real(struct sl_jb *b, double v)
{
	struct sl_json *n = node(b, SL_JSON_REAL);

	if (n != NULL)
		n->d = v;
	return n;
}

static bool
dup(struct sl_jb *b, struct sl_slice s, struct sl_slice *ret)
{
	if (!b->is_failed)
		*ret = sl_arena_dup(b->a, s);
	b->is_failed = b->is_failed || ret->p == NULL;
	return !b->is_failed;
}

struct sl_json *
sl_json_str(struct sl_jb *b, struct sl_slice v)
{
	struct sl_json *n = node(b, SL_JSON_STR);

	if (n == NULL || !dup(b, v, &n->s))
		return NULL;
	return n;
}

struct sl_json *
sl_json_cstr(struct sl_jb *b, const char *v)
{
	return sl_json_str(b, sl_slice_str(v));
}

struct sl_json *
sl_json_hex(struct sl_jb *b, const uint8_t *p, size_t n)
{
	struct sl_json *v = node(b, SL_JSON_STR);
	size_t room;
	char *s;

	if (v == NULL)
		return NULL;
	if (__builtin_mul_overflow(n, 2, &room) ||
	    __builtin_add_overflow(room, 1, &room) ||
	    (s = sl_arena_alloc(b->a, room, 1)) == NULL) {
		b->is_failed = true;
		return NULL;
	}
	sl_hex(s, p, n);
	v->s = (struct sl_slice){ (const uint8_t *)s, room - 1 };
	return v;
}

struct sl_json *
sl_json_arr(struct sl_jb *b)
{
	return node(b, SL_JSON_ARR);
}

struct sl_json *
sl_json_obj(struct sl_jb *b)
{
	return node(b, SL_JSON_OBJ);
}

static void
append(struct sl_json *to, struct sl_json *val)
{
	if (to->last != NULL)
		to->last->next = val;
	else
		to->child = val;
	to->last = val;
	to->n++;
}

/* A node that could not be made must not vanish from the tree in silence. */
static bool
can_put(struct sl_jb *b, const struct sl_json *to, const struct sl_json *val,
	enum sl_json_kind kind)
{
	if (to == NULL || val == NULL || to->kind != kind || val->next != NULL)
		b->is_failed = true;
	return !b->is_failed;
}

/* As sl_json_sets(), for a key already in the arena and known not to be there yet. */
void
sl_json_append(struct sl_json *obj, struct sl_slice key, struct sl_json *val)
{
	val->key = key;
	append(obj, val);
}

struct sl_json *
sl_json_sets(struct sl_jb *b, struct sl_json *obj, struct sl_slice key,
	     struct sl_json *val)
{
	struct sl_json *prev = NULL, *old;

	if (!can_put(b, obj, val, SL_JSON_OBJ))
		return NULL;
	for (old = obj->child; old != NULL && !sl_slice_eq(old->key, key);
	     old = old->next)
		prev = old;
	if (old == NULL) {
		if (!dup(b, key, &val->key))
			return NULL;
		append(obj, val);
		return val;
	}
	val->key = old->key;
	val->next = old->next;
	if (prev != NULL)
		prev->next = val;
	else
		obj->child = val;
	if (obj->last == old)
		obj->last = val;
	old->next = NULL;
	return val;
}

struct sl_json *
sl_json_set(struct sl_jb *b, struct sl_json *obj, const char *key, struct sl_json *val)
{
	return sl_json_sets(b, obj, sl_slice_str(key), val);
}

struct sl_json *
sl_json_add(struct sl_jb *b, struct sl_json *arr, struct sl_json *val)
{
	if (!can_put(b, arr, val, SL_JSON_ARR))
		return NULL;
	append(arr, val);
	return val;
}

static struct sl_json *
copy(struct sl_jb *b, const struct sl_json *v, unsigned depth)
{
	struct sl_json *n;

	if (v == NULL || depth > SL_JSON_DEPTH_MAX) {
		b->is_failed = true;
		return NULL;
	}
	if (v->kind == SL_JSON_STR)
		return sl_json_str(b, v->s);
	if ((n = node(b, v->kind)) == NULL)
		return NULL;
	n->b = v->b;
	n->i = v->i;
	n->d = v->d;
	SL_JSON_EACH(m, v)
	{
		struct sl_json *c = copy(b, m, depth + 1);

		if (c == NULL || (v->kind == SL_JSON_OBJ && !dup(b, m->key, &c->key)))
			return NULL;
		append(n, c);
	}
	return n;
}

struct sl_json *
sl_json_copy(struct sl_jb *b, const struct sl_json *v)
{
	return copy(b, v, 0);
}

const struct sl_json *
sl_json_gets(const struct sl_json *obj, struct sl_slice key)
{
	if (obj == NULL || obj->kind != SL_JSON_OBJ)
		return NULL;
	SL_JSON_EACH(m, obj)
	if (sl_slice_eq(m->key, key))
		return m;
	return NULL;
}

const struct sl_json *
sl_json_get(const struct sl_json *obj, const char *key)
{
	return sl_json_gets(obj, sl_slice_str(key));
}

struct sl_slice
sl_json_get_str(const struct sl_json *obj, const char *key)
{
	const struct sl_json *v = sl_json_get(obj, key);

	return v != NULL && v->kind == SL_JSON_STR ? v->s : (struct sl_slice){ 0 };
}

int64_t
sl_json_get_int(const struct sl_json *obj, const char *key)
{
	const struct sl_json *v = sl_json_get(obj, key);

	return v != NULL && v->kind == SL_JSON_INT ? v->i : 0;
}

bool
sl_json_get_bool(const struct sl_json *obj, const char *key)
{
	const struct sl_json *v = sl_json_get(obj, key);

	return v != NULL && v->kind == SL_JSON_BOOL && v->b;
}

static bool eq(const struct sl_json *a, const struct sl_json *b, unsigned depth);

static bool
eq_members(const struct sl_json *a, const struct sl_json *b, unsigned depth)
{
	const struct sl_json *m = b->child;

	if (a->n != b->n)
		return false;
	SL_JSON_EACH(x, a)
	{
		const struct sl_json *y = m;

		/* Same place first: equal trees mostly have equal order. */
		if (a->kind == SL_JSON_OBJ && !sl_slice_eq(x->key, m->key))
			y = sl_json_gets(b, x->key);
		if (!eq(x, y, depth + 1))
			return false;
		m = m->next;
	}
	return true;
}

static bool
eq(const struct sl_json *a, const struct sl_json *b, unsigned depth)
{
	if (a == NULL || b == NULL || a->kind != b->kind || depth > SL_JSON_DEPTH_MAX)
		return a == NULL && b == NULL;
	switch (a->kind) {
	case SL_JSON_NULL:
		return true;
	case SL_JSON_BOOL:
		return a->b == b->b;
	case SL_JSON_INT:
		return a->i == b->i;
	case SL_JSON_REAL:
		return !(a->d < b->d) && !(a->d > b->d);
	case SL_JSON_STR:
		return sl_slice_eq(a->s, b->s);
	case SL_JSON_ARR:
	case SL_JSON_OBJ:
		return eq_members(a, b, depth);
	}
	return false;
}

bool
sl_json_eq(const struct sl_json *a, const struct sl_json *b)
{
	return eq(a, b, 0);
}
