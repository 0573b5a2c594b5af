/* eval.c -- see eval.h; the semantics are those of Biscuit v3.3. */
#include "policy/eval.h"
#include "policy/regex.h"

static enum sl_pev eval(struct sl_peval *e, const struct sl_px *x, struct sl_term *ret);

const char *
sl_pev_text(enum sl_pev v)
{
	static const char *const text[] = {
		[SL_PEV_OK] = "no error",
		[SL_PEV_OVERFLOW] = "integer overflow",
		[SL_PEV_DIVIDE] = "division by zero",
		[SL_PEV_TYPE] = "an operator does not take these types",
		[SL_PEV_PATTERN] = "a pattern that is not supported",
		[SL_PEV_STEPS] = "too many steps",
		[SL_PEV_SPACE] = "a value too large",
		[SL_PEV_NOMEM] = "out of memory",
	};

	return text[v];
}

/* What reading a value costs beyond the operator itself. */
static uint64_t
weight(const struct sl_term *t)
{
	uint64_t w = t->s.len / 64 + t->n;

	for (size_t k = 0; k < t->n; k++)
		w += weight(&t->items[k]);
	return w;
}

static enum sl_pev
spend(struct sl_peval *e, uint64_t n)
{
	if (n > e->max_steps - e->steps) {
		e->steps = e->max_steps;
		return SL_PEV_STEPS;
	}
	e->steps += n;
	return SL_PEV_OK;
}

static enum sl_pev
room(struct sl_peval *e, size_t n, size_t size, void **ret)
{
	size_t want;

	if (__builtin_mul_overflow(n, size, &want) || want > SIZE_MAX - 64 ||
	    want + 64 > e->scratch->cap - e->scratch->used)
		return SL_PEV_SPACE;
	*ret = sl_arena_alloc(e->scratch, n, size);
	return *ret != NULL ? SL_PEV_OK : SL_PEV_NOMEM;
}

static bool
both(const struct sl_term *a, const struct sl_term *b, enum sl_term_kind k)
{
	return a->kind == k && b->kind == k;
}

static enum sl_pev
give_bool(struct sl_term *ret, bool v)
{
	*ret = sl_term_bool(v);
	return SL_PEV_OK;
}

static enum sl_pev
compare(enum sl_px_op op, const struct sl_term *a, const struct sl_term *b,
	struct sl_term *ret)
{
	int c;

	if (!both(a, b, SL_TERM_INT) && !both(a, b, SL_TERM_DATE))
		return SL_PEV_TYPE;
	c = sl_term_cmp(a, b);
	switch ((int)op) {
	case SL_PX_LT:
		return give_bool(ret, c < 0);
	case SL_PX_LE:
		return give_bool(ret, c <= 0);
	case SL_PX_GT:
		return give_bool(ret, c > 0);
	default:
		return give_bool(ret, c >= 0);
	}
}

static enum sl_pev
concat(struct sl_peval *e, struct sl_slice a, struct sl_slice b, struct sl_term *ret)
{
	void *p = NULL;
	enum sl_pev r = room(e, a.len + b.len + 1, 1, &p);

	if (r != SL_PEV_OK)
		return r;
	if (a.len > 0)
		memcpy(p, a.p, a.len);
	if (b.len > 0)
		memcpy((uint8_t *)p + a.len, b.p, b.len);
	*ret = sl_term_str((struct sl_slice){ p, a.len + b.len });
	return SL_PEV_OK;
}

static enum sl_pev
arithmetic(enum sl_px_op op, int64_t a, int64_t b, struct sl_term *ret)
{
	int64_t v = 0;
	bool over = false;

	switch ((int)op) {
	case SL_PX_ADD:
		over = __builtin_add_overflow(a, b, &v);
		break;
	case SL_PX_SUB:
		over = __builtin_sub_overflow(a, b, &v);
		break;
	case SL_PX_MUL:
		over = __builtin_mul_overflow(a, b, &v);
		break;
	case SL_PX_DIV:
		if (b == 0 || (a == INT64_MIN && b == -1))
			return SL_PEV_DIVIDE;
		v = a / b;
		break;
	case SL_PX_BAND:
		v = a & b;
		break;
	case SL_PX_BOR:
		v = a | b;
		break;
	default:
		v = a ^ b;
		break;
	}
	if (over)
		return SL_PEV_OVERFLOW;
	*ret = sl_term_int(v);
	return SL_PEV_OK;
}

static bool
starts_or_ends(bool is_end, struct sl_slice s, struct sl_slice x)
{
	return s.len >= x.len && (x.len == 0 || memcmp(s.p + (is_end ? s.len - x.len : 0),
						       x.p, x.len) == 0);
}

static enum sl_pev
edges(enum sl_px_op op, const struct sl_term *a, const struct sl_term *b,
      struct sl_term *ret)
{
	bool is_end = op == SL_PX_ENDS;

	if (both(a, b, SL_TERM_STR))
		return give_bool(ret, starts_or_ends(is_end, a->s, b->s));
	if (!both(a, b, SL_TERM_ARRAY))
		return SL_PEV_TYPE;
	if (b->n > a->n)
		return give_bool(ret, false);
	for (size_t k = 0; k < b->n; k++)
		if (sl_term_cmp(&a->items[is_end ? a->n - b->n + k : k], &b->items[k]) !=
		    0)
			return give_bool(ret, false);
	return give_bool(ret, true);
}

/* Index in steps of `step` of the item equal to t, or SIZE_MAX. */
static size_t
find(const struct sl_term *in, size_t step, const struct sl_term *t)
{
	for (size_t k = 0; k < in->n; k += step)
		if (sl_term_cmp(&in->items[k], t) == 0)
			return k;
	return SIZE_MAX;
}

static bool
is_superset(const struct sl_term *a, const struct sl_term *b)
{
	for (size_t k = 0, i = 0; k < b->n; k++, i++) { /* both sorted */
		while (i < a->n && sl_term_cmp(&a->items[i], &b->items[k]) < 0)
			i++;
		if (i == a->n || sl_term_cmp(&a->items[i], &b->items[k]) != 0)
			return false;
	}
	return true;
}

static enum sl_pev
contains(const struct sl_term *a, const struct sl_term *b, struct sl_term *ret)
{
	if (both(a, b, SL_TERM_STR))
		return give_bool(ret, b->s.len == 0 || (a->s.len > 0 &&
							memmem(a->s.p, a->s.len, b->s.p,
							       b->s.len) != NULL));
	if (both(a, b, SL_TERM_SET))
		return give_bool(ret, is_superset(a, b));
	if (a->kind == SL_TERM_SET && b->kind < SL_TERM_SET && b->kind != SL_TERM_NULL)
		return give_bool(ret, find(a, 1, b) != SIZE_MAX);
	if (a->kind == SL_TERM_ARRAY)
		return give_bool(ret, find(a, 1, b) != SIZE_MAX);
	if (a->kind == SL_TERM_MAP)
		return give_bool(ret, find(a, 2, b) != SIZE_MAX);
	return SL_PEV_TYPE;
}

/* Union or intersection by merging the sorted items. */
static enum sl_pev
merge(struct sl_peval *e, bool is_union, const struct sl_term *a, const struct sl_term *b,
      struct sl_term *ret)
{
	size_t i = 0, k = 0, n = 0;
	struct sl_term *v;
	void *p = NULL;
	enum sl_pev r;

	if (!both(a, b, SL_TERM_SET))
		return SL_PEV_TYPE;
	if ((r = room(e, a->n + b->n + 1, sizeof(*v), &p)) != SL_PEV_OK)
		return r;
	v = p;
	while (i < a->n || k < b->n) {
		int c = i == a->n   ? 1
			: k == b->n ? -1
				    : sl_term_cmp(&a->items[i], &b->items[k]);

		if (c == 0 || is_union)
			v[n++] = c <= 0 ? a->items[i] : b->items[k];
		i += c <= 0;
		k += c >= 0;
	}
	*ret = (struct sl_term){ .kind = SL_TERM_SET, .items = v, .n = n };
	return SL_PEV_OK;
}

static enum sl_pev
get(const struct sl_term *a, const struct sl_term *b, struct sl_term *ret)
{
	size_t k;

	*ret = (struct sl_term){ .kind = SL_TERM_NULL };
	if (a->kind == SL_TERM_ARRAY && b->kind == SL_TERM_INT) {
		if (b->i >= 0 && (uint64_t)b->i < a->n)
			*ret = a->items[b->i];
		return SL_PEV_OK;
	}
	if (a->kind != SL_TERM_MAP || (b->kind != SL_TERM_INT && b->kind != SL_TERM_STR))
		return SL_PEV_TYPE;
	if ((k = find(a, 2, b)) != SIZE_MAX)
		*ret = a->items[k + 1];
	return SL_PEV_OK;
}

/* A pattern that was no literal; *ret is NULL for a bad one, which matches nothing, as
 * in Biscuit. */
static enum sl_pev
compile(struct sl_peval *e, struct sl_slice pattern, struct sl_pre **ret)
{
	char why[100];

	switch (sl_pre_compile(pattern, e->scratch, ret, why)) {
	case SL_PRE_OK:
	case SL_PRE_BAD:
		return SL_PEV_OK;
	case SL_PRE_UNSUPPORTED:
		return SL_PEV_PATTERN;
	case SL_PRE_NOMEM:
		break;
	}
	return e->scratch->cap - e->scratch->used < 1 << 20 ? SL_PEV_SPACE : SL_PEV_NOMEM;
}

static enum sl_pev
matches(struct sl_peval *e, const struct sl_px *x, const struct sl_term *a,
	const struct sl_term *b, struct sl_term *ret)
{
	const struct sl_pre *re = x->re;
	struct sl_pre *made = NULL;
	enum sl_pev r;

	if (!both(a, b, SL_TERM_STR))
		return SL_PEV_TYPE;
	if (re == NULL) {
		if ((r = compile(e, b->s, &made)) != SL_PEV_OK)
			return r;
		if (made == NULL)
			return give_bool(ret, false);
		re = made;
	}
	r = spend(e, (uint64_t)(a->s.len + 1) * sl_pre_size(re) / 64);
	return r != SL_PEV_OK ? r : give_bool(ret, sl_pre_search(re, a->s));
}

static enum sl_pev
length(const struct sl_term *a, struct sl_term *ret)
{
	if (a->kind == SL_TERM_STR || a->kind == SL_TERM_BYTES)
		*ret = sl_term_int((int64_t)a->s.len);
	else if (a->kind >= SL_TERM_SET)
		*ret = sl_term_int((int64_t)(a->kind == SL_TERM_MAP ? a->n / 2 : a->n));
	else
		return SL_PEV_TYPE;
	return SL_PEV_OK;
}

/* any, all: the closure on each member until it decides. */
static enum sl_pev
each(struct sl_peval *e, const struct sl_px *x, const struct sl_term *a,
     struct sl_term *ret)
{
	size_t step = a->kind == SL_TERM_MAP ? 2 : 1;
	const struct sl_term *saved = e->env[x->var];
	enum sl_pev r = SL_PEV_OK;
	struct sl_term v;

	if (a->kind < SL_TERM_SET)
		return SL_PEV_TYPE;
	*ret = sl_term_bool(x->op == SL_PX_ALL);
	for (size_t k = 0; k < a->n && r == SL_PEV_OK; k += step) {
		struct sl_term pair = { .kind = SL_TERM_ARRAY,
					.items = &a->items[k],
					.n = 2 };

		e->env[x->var] = step == 2 ? &pair : &a->items[k];
		if ((r = eval(e, x->b, &v)) != SL_PEV_OK)
			break;
		if (v.kind != SL_TERM_BOOL) {
			r = SL_PEV_TYPE;
		} else if ((v.i != 0) == (x->op == SL_PX_ANY)) {
			*ret = v;
			break;
		}
	}
	e->env[x->var] = saved;
	return r;
}

static enum sl_pev
try_or(struct sl_peval *e, const struct sl_px *x, struct sl_term *ret)
{
	struct sl_term other;
	enum sl_pev r;

	if ((r = spend(e, 1)) != SL_PEV_OK || (r = eval(e, x->b, &other)) != SL_PEV_OK)
		return r;
	r = eval(e, x->a, ret);
	if (r == SL_PEV_OK || r >= SL_PEV_STEPS)
		return r;
	*ret = other;
	return SL_PEV_OK;
}

static enum sl_pev
lazy(struct sl_peval *e, const struct sl_px *x, struct sl_term *ret)
{
	enum sl_pev r;

	if ((r = spend(e, 1)) != SL_PEV_OK || (r = eval(e, x->a, ret)) != SL_PEV_OK)
		return r;
	if (ret->kind != SL_TERM_BOOL)
		return SL_PEV_TYPE;
	return (ret->i != 0) == (x->op == SL_PX_OR) ? SL_PEV_OK : eval(e, x->b, ret);
}

static enum sl_pev
apply1(struct sl_peval *e, const struct sl_px *x, const struct sl_term *a,
       struct sl_term *ret)
{
	switch ((int)x->op) {
	case SL_PX_NOT:
		return a->kind == SL_TERM_BOOL ? give_bool(ret, a->i == 0) : SL_PEV_TYPE;
	case SL_PX_LENGTH:
		return length(a, ret);
	case SL_PX_TYPE:
		*ret = sl_term_cstr(sl_term_kind_name(a->kind));
		return SL_PEV_OK;
	default:
		return each(e, x, a, ret);
	}
}

static enum sl_pev
apply2(struct sl_peval *e, const struct sl_px *x, const struct sl_term *a,
       const struct sl_term *b, struct sl_term *ret)
{
	switch ((int)x->op) {
	case SL_PX_LT:
	case SL_PX_LE:
	case SL_PX_GT:
	case SL_PX_GE:
		return compare(x->op, a, b, ret);
	case SL_PX_SEQ:
	case SL_PX_SNE:
		if (a->kind != b->kind)
			return SL_PEV_TYPE;
		return give_bool(ret, (sl_term_cmp(a, b) == 0) == (x->op == SL_PX_SEQ));
	case SL_PX_EQ:
	case SL_PX_NE:
		return give_bool(ret, (sl_term_cmp(a, b) == 0) == (x->op == SL_PX_EQ));
	case SL_PX_STARTS:
	case SL_PX_ENDS:
		return edges(x->op, a, b, ret);
	case SL_PX_MATCHES:
		return matches(e, x, a, b, ret);
	case SL_PX_CONTAINS:
		return contains(a, b, ret);
	case SL_PX_UNION:
	case SL_PX_INTER:
		return merge(e, x->op == SL_PX_UNION, a, b, ret);
	case SL_PX_GET:
		return get(a, b, ret);
	default:
		if (x->op == SL_PX_ADD && both(a, b, SL_TERM_STR))
			return concat(e, a->s, b->s, ret);
		return both(a, b, SL_TERM_INT) ? arithmetic(x->op, a->i, b->i, ret)
					       : SL_PEV_TYPE;
	}
}

/* As deep as the parser allowed. */
static enum sl_pev
eval(struct sl_peval *e, const struct sl_px *x, struct sl_term *ret)
{
	bool is_unary = x->b == NULL || x->op == SL_PX_ANY || x->op == SL_PX_ALL;
	struct sl_term a, b = { 0 };
	enum sl_pev r;

	switch ((int)x->op) {
	case SL_PX_TERM:
		*ret = *x->t;
		return SL_PEV_OK;
	case SL_PX_VAR:
		*ret = *e->env[x->var];
		return SL_PEV_OK;
	case SL_PX_PARENS:
		return eval(e, x->a, ret);
	case SL_PX_OR:
	case SL_PX_AND:
		return lazy(e, x, ret);
	case SL_PX_TRY:
		return try_or(e, x, ret);
	default:
		break;
	}
	if ((r = eval(e, x->a, &a)) != SL_PEV_OK ||
	    (!is_unary && (r = eval(e, x->b, &b)) != SL_PEV_OK) ||
	    (r = spend(e, 1 + weight(&a) + weight(&b))) != SL_PEV_OK)
		return r;
	return is_unary ? apply1(e, x, &a, ret) : apply2(e, x, &a, &b, ret);
}

enum sl_pev
sl_peval_bool(struct sl_peval *e, const struct sl_px *x, bool *ret)
{
	struct sl_term v;
	enum sl_pev r = eval(e, x, &v);

	if (r == SL_PEV_OK && v.kind != SL_TERM_BOOL)
		r = SL_PEV_TYPE;
	if (r == SL_PEV_OK)
		*ret = v.i != 0;
	if (e->scratch->used > 0)
		sl_arena_free(e->scratch);
	return r;
}
