/* value.c -- see value.h: building values, members, equality ignoring case. */
#include "flow/value.h"

#include "flow/expr_case.h"

enum {
	HASH_FROM = 16, /* members from which an object gets a hash of its keys */
	CAP_MIN = 4
};

static const struct sl_value null_value = { .kind = SL_VAL_NULL };
static const struct sl_value false_value = { .kind = SL_VAL_BOOL, .b = false };
static const struct sl_value true_value = { .kind = SL_VAL_BOOL, .b = true };

const struct sl_value *
sl_val_null(void)
{
	return &null_value;
}

const struct sl_value *
sl_val_bool(bool b)
{
	return b ? &true_value : &false_value;
}

static struct sl_value *
new_kind(struct sl_arena *a, enum sl_value_kind kind)
{
	struct sl_value *v = SL_NEW(a, struct sl_value);

	if (v != NULL)
		v->kind = kind;
	return v;
}

struct sl_value *
sl_val_num(struct sl_arena *a, double d)
{
	struct sl_value *v = new_kind(a, SL_VAL_NUM);

	if (v != NULL)
		v->d = d;
	return v;
}

struct sl_value *
sl_val_str(struct sl_arena *a, struct sl_slice s)
{
	struct sl_value *v = new_kind(a, SL_VAL_STR);

	if (v != NULL)
		v->s = s;
	return v;
}

struct sl_value *
sl_val_dup(struct sl_arena *a, struct sl_slice s)
{
	struct sl_slice copy = sl_arena_dup(a, s);

	return copy.p != NULL ? sl_val_str(a, copy) : NULL;
}

struct sl_value *
sl_val_arr(struct sl_arena *a)
{
	return new_kind(a, SL_VAL_ARR);
}

struct sl_value *
sl_val_obj(struct sl_arena *a, bool is_exact)
{
	struct sl_value *v = new_kind(a, SL_VAL_OBJ);

	if (v != NULL)
		v->is_exact = is_exact;
	return v;
}

/* Keys are foreign, and a hash that can be predicted lets them collide at will: the
 * address of the slots, which the sender cannot know, is the multiplier. */
static uint64_t
hash_key(const struct sl_value *obj, struct sl_slice key)
{
	uint64_t mul = (uint64_t)(uintptr_t)obj->slots * 0x9e3779b97f4a7c15u | 1, h = mul;
	uint32_t c;

	for (size_t i = 0; i < key.len;) {
		if (obj->is_exact)
			c = key.p[i++];
		else
			i += sl_case_next(key, i, &c);
		h = (h ^ (obj->is_exact ? c : sl_case_upper(c))) * mul;
		h ^= h >> 29;
	}
	return h;
}

static bool
key_eq(const struct sl_value *obj, struct sl_slice x, struct sl_slice y)
{
	return obj->is_exact ? sl_slice_eq(x, y) : sl_val_caseeq(x, y);
}

/* The slot of key, or the empty one where it belongs.  Never full: see grow_slots. */
static size_t
find_slot(const struct sl_value *obj, struct sl_slice key)
{
	size_t mask = obj->n_slots - 1, i = (size_t)hash_key(obj, key) & mask;

	while (obj->slots[i] != 0 && !key_eq(obj, obj->m[obj->slots[i] - 1].key, key))
		i = (i + 1) & mask;
	return i;
}

static struct sl_member *
find(const struct sl_value *obj, struct sl_slice key)
{
	if (obj->n_slots > 0) {
		size_t i = find_slot(obj, key);

		return obj->slots[i] != 0 ? &obj->m[obj->slots[i] - 1] : NULL;
	}
	for (size_t i = 0; i < obj->n; i++) {
		if (key_eq(obj, obj->m[i].key, key))
			return &obj->m[i];
	}
	return NULL;
}

/* Slots for twice the members there is room for, so a probe always ends. */
static bool
grow_slots(struct sl_arena *a, struct sl_value *obj)
{
	uint32_t *slots;

	if (obj->cap < HASH_FROM)
		return true;
	if (obj->cap > UINT32_MAX / 2 ||
	    (slots = SL_NEW_N(a, uint32_t, obj->cap * 2)) == NULL)
		return false;
	obj->slots = slots;
	obj->n_slots = obj->cap * 2;
	for (size_t i = 0; i < obj->n; i++)
		slots[find_slot(obj, obj->m[i].key)] = (uint32_t)i + 1;
	return true;
}

/* cap is a power of two from the first growth on, and so is n_slots. */
static bool
grow(struct sl_arena *a, struct sl_value *v)
{
	size_t cap = CAP_MIN;
	struct sl_member *m;

	if (v->n < v->cap)
		return true;
	while (cap <= v->n) {
		if (__builtin_mul_overflow(cap, (size_t)2, &cap))
			return false;
	}
	if ((m = SL_NEW_N(a, struct sl_member, cap)) == NULL)
		return false;
	if (v->n > 0)
		memcpy(m, v->m, v->n * sizeof(*m));
	v->m = m;
	v->cap = cap;
	return v->kind != SL_VAL_OBJ || grow_slots(a, v);
}

const struct sl_value *
sl_val_add(struct sl_arena *a, struct sl_value *arr, const struct sl_value *v)
{
	if (arr == NULL || v == NULL || !grow(a, arr))
		return NULL;
	arr->m[arr->n++] = (struct sl_member){ .v = v };
	return v;
}

const struct sl_value *
sl_val_set(struct sl_arena *a, struct sl_value *obj, struct sl_slice key,
	   const struct sl_value *v)
{
	struct sl_member *m;

	if (obj == NULL || v == NULL)
		return NULL;
	if ((m = find(obj, key)) != NULL) {
		m->v = v;
		return v;
	}
	if (!grow(a, obj))
		return NULL;
	obj->m[obj->n] = (struct sl_member){ .key = key, .v = v };
	if (obj->n_slots > 0)
		obj->slots[find_slot(obj, key)] = (uint32_t)obj->n + 1;
	obj->n++;
	return v;
}

struct sl_value *
sl_val_copy(struct sl_arena *a, const struct sl_value *v)
{
	struct sl_value *copy = v != NULL ? SL_NEW(a, struct sl_value) : NULL;

	if (copy == NULL)
		return NULL;
	*copy = *v;
	copy->m = NULL;
	copy->slots = NULL;
	copy->n = copy->cap = copy->n_slots = 0;
	for (size_t i = 0; i < v->n; i++) {
		const struct sl_member *m = &v->m[i];

		if ((v->kind == SL_VAL_OBJ ? sl_val_set(a, copy, m->key, m->v)
					   : sl_val_add(a, copy, m->v)) == NULL)
			return NULL;
	}
	return copy;
}

const struct sl_value *
sl_val_get(const struct sl_value *obj, struct sl_slice key)
{
	const struct sl_member *m;

	if (obj == NULL || obj->kind != SL_VAL_OBJ)
		return NULL;
	m = find(obj, key);
	return m != NULL ? m->v : NULL;
}

const struct sl_value *
sl_val_gets(const struct sl_value *obj, const char *key)
{
	return sl_val_get(obj, sl_slice_str(key));
}

const struct sl_value *
sl_val_at(const struct sl_value *v, size_t i)
{
	return v != NULL && i < v->n ? v->m[i].v : NULL;
}

/* UTF-16 order: surrogates come before U+E000. */
static uint32_t
utf16_rank(uint32_t c)
{
	return c < 0xd800 || (c >= 0xdc80 && c < 0xdd00) ? c
	       : c < 0x10000                             ? c + 0x200000
							 : c + 0x100000;
}

int
sl_val_casecmp(struct sl_slice x, struct sl_slice y)
{
	size_t i = 0, j = 0;
	uint32_t c, d;

	while (i < x.len && j < y.len) {
		if (x.p[i] == y.p[j] && x.p[i] < 0x80) { /* most of most texts */
			i++;
			j++;
			continue;
		}
		i += sl_case_next(x, i, &c);
		j += sl_case_next(y, j, &d);
		if (c == d)
			continue;
		c = sl_case_upper(c);
		d = sl_case_upper(d);
		if (c != d)
			return utf16_rank(c) < utf16_rank(d) ? -1 : 1;
	}
	return i < x.len ? 1 : j < y.len ? -1 : 0;
}

bool
sl_val_caseeq(struct sl_slice x, struct sl_slice y)
{
	return sl_slice_eq(x, y) || sl_val_casecmp(x, y) == 0;
}

struct sl_slice
sl_val_upper(struct sl_arena *a, struct sl_slice s)
{
	size_t len = 0, room;
	uint8_t *p, *q;
	uint32_t c;

	/* The mapping lengthens no character by more than half (2 to 3 bytes). */
	if (__builtin_add_overflow(s.len, s.len / 2 + 4, &room) ||
	    (p = sl_arena_alloc(a, room, 1)) == NULL)
		return (struct sl_slice){ 0 };
	q = p;
	for (size_t i = 0; i < s.len;) {
		i += sl_case_next(s, i, &c);
		q += sl_case_put(q, sl_case_upper(c));
	}
	len = (size_t)(q - p);
	return (struct sl_slice){ p, len };
}

size_t
sl_val_utf16_len(struct sl_slice s)
{
	size_t n = 0;
	uint32_t c;

	for (size_t i = 0; i < s.len; n += c >= 0x10000 ? 2 : 1)
		i += sl_case_next(s, i, &c);
	return n;
}

const char *
sl_val_kind_name(enum sl_value_kind k)
{
	static const char name[][8] = { "Null",   "Boolean", "Number",
					"String", "Array",   "Object" };

	return name[k];
}

bool
sl_val_is_primitive(const struct sl_value *v)
{
	return v == NULL || (v->kind != SL_VAL_ARR && v->kind != SL_VAL_OBJ);
}
