/* term.c -- terms: order, text, JSON.  See policy.h and ast.h. */
#include "base/hex.h"
#include "policy/ast.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DEPTH_MAX = 130 }; /* of a term from JSON; the text has its own limit */

static int
cmp_slice(struct sl_slice a, struct sl_slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return r != 0 ? r : (a.len > b.len) - (a.len < b.len);
}

/* Recursion is as deep as the term, which the readers of terms bound. */
int
sl_term_cmp(const struct sl_term *a, const struct sl_term *b)
{
	int r;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	switch (a->kind) {
	case SL_TERM_NULL:
		return 0;
	case SL_TERM_BOOL:
	case SL_TERM_INT:
	case SL_TERM_DATE:
		return (a->i > b->i) - (a->i < b->i);
	case SL_TERM_STR:
	case SL_TERM_BYTES:
		return cmp_slice(a->s, b->s);
	case SL_TERM_SET:
	case SL_TERM_ARRAY:
	case SL_TERM_MAP:
		for (size_t k = 0; k < a->n && k < b->n; k++)
			if ((r = sl_term_cmp(&a->items[k], &b->items[k])) != 0)
				return r;
		return (a->n > b->n) - (a->n < b->n);
	}
	return 0;
}

const char *
sl_term_kind_name(enum sl_term_kind k)
{
	static const char *const names[] = {
		[SL_TERM_NULL] = "null",   [SL_TERM_BOOL] = "bool",
		[SL_TERM_INT] = "integer", [SL_TERM_STR] = "string",
		[SL_TERM_DATE] = "date",   [SL_TERM_BYTES] = "bytes",
		[SL_TERM_SET] = "set",     [SL_TERM_ARRAY] = "array",
		[SL_TERM_MAP] = "map",
	};

	return names[k];
}

static int
cmp_one(const void *a, const void *b)
{
	return sl_term_cmp(a, b);
}

bool
sl_term_canon(struct sl_term *t, struct sl_term *items)
{
	size_t step = t->kind == SL_TERM_MAP ? 2 : 1, n = 0;

	qsort(items, t->n / step, step * sizeof(*items), cmp_one);
	for (size_t k = 0; k < t->n; k += step) {
		if (n > 0 && sl_term_cmp(&items[n - step], &items[k]) == 0) {
			if (step == 2)
				return false;
			continue;
		}
		memmove(&items[n], &items[k], step * sizeof(*items));
		n += step;
	}
	t->items = items;
	t->n = n;
	return true;
}

bool
sl_term_copy(struct sl_arena *a, const struct sl_term *t, struct sl_term *ret)
{
	struct sl_term *items = NULL;

	*ret = *t;
	if (t->kind == SL_TERM_STR || t->kind == SL_TERM_BYTES) {
		ret->s = sl_arena_dup(a, t->s);
		return ret->s.p != NULL;
	}
	if (t->n > 0 && (items = SL_NEW_N(a, struct sl_term, t->n)) == NULL)
		return false;
	for (size_t k = 0; k < t->n; k++)
		if (!sl_term_copy(a, &t->items[k], &items[k]))
			return false;
	ret->items = items;
	return true;
}

/* The length of the character at p, or 0 where it is not UTF-8 (RFC 3629 section 4). */
static size_t
utf8_len(const uint8_t *p, size_t n, uint32_t *ret_cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t cp = len == 1 ? p[0] : p[0] & (0x7fU >> len);

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4 || len > n)
		return 0;
	for (size_t k = 1; k < len; k++) {
		if ((p[k] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[k] & 0x3fU);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	*ret_cp = cp;
	return len;
}

bool
sl_utf8_ok(struct sl_slice s)
{
	uint32_t cp;
	size_t len;

	for (size_t k = 0; k < s.len; k += len)
		if ((len = utf8_len(s.p + k, s.len - k, &cp)) == 0)
			return false;
	return true;
}

static void
print_str(struct sl_buf *out, struct sl_slice s)
{
	uint32_t cp = 0;
	size_t len;

	sl_buf_byte(out, '"');
	for (size_t k = 0; k < s.len; k += len) {
		if ((len = utf8_len(s.p + k, s.len - k, &cp)) == 0) {
			len = 1;
			cp = 0xfffd;
		}
		if (cp == '\n')
			sl_buf_str(out, "\\n");
		else if (cp == '"' || cp == '\\')
			sl_buf_printf(out, "\\%c", (int)cp);
		else if (cp >= 0x20 && cp < 0x7f)
			sl_buf_byte(out, (uint8_t)cp);
		else
			sl_buf_printf(out, "\\u{%" PRIx32 "}", cp);
	}
	sl_buf_byte(out, '"');
}

static void
print_date(struct sl_buf *out, int64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm tm = { 0 };

	if (gmtime_r(&at, &tm) == NULL || tm.tm_year > 9999 - 1900) {
		sl_buf_printf(out, "date(%" PRId64 ")", seconds);
		return;
	}
	sl_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
		      tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
print_items(struct sl_buf *out, const struct sl_term *t)
{
	const char *open = t->kind == SL_TERM_ARRAY ? "[" : "{";
	const char *close = t->kind == SL_TERM_ARRAY ? "]" : "}";

	sl_buf_str(out, open);
	if (t->kind == SL_TERM_SET && t->n == 0)
		sl_buf_byte(out, ','); /* {} is the empty map */
	for (size_t k = 0; k < t->n; k++) {
		if (k > 0)
			sl_buf_str(out,
				   t->kind == SL_TERM_MAP && k % 2 == 1 ? ": " : ", ");
		sl_term_print(out, &t->items[k]);
	}
	sl_buf_str(out, close);
}

void
sl_term_print(struct sl_buf *out, const struct sl_term *t)
{
	switch (t->kind) {
	case SL_TERM_NULL:
		sl_buf_str(out, "null");
		return;
	case SL_TERM_BOOL:
		sl_buf_str(out, t->i ? "true" : "false");
		return;
	case SL_TERM_INT:
		sl_buf_printf(out, "%" PRId64, t->i);
		return;
	case SL_TERM_STR:
		print_str(out, t->s);
		return;
	case SL_TERM_DATE:
		print_date(out, t->i);
		return;
	case SL_TERM_BYTES:
		sl_buf_str(out, "hex:");
		for (size_t k = 0; k < t->s.len; k++)
			sl_buf_printf(out, "%02x", t->s.p[k]);
		return;
	case SL_TERM_SET:
	case SL_TERM_ARRAY:
	case SL_TERM_MAP:
		print_items(out, t);
		return;
	}
}

static struct sl_json *
items_json(struct sl_jb *b, const struct sl_term *t)
{
	struct sl_json *arr = sl_json_arr(b), *pair;

	for (size_t k = 0; k < t->n; k++) {
		if (t->kind != SL_TERM_MAP) {
			sl_json_add(b, arr, sl_term_json(b, &t->items[k]));
			continue;
		}
		pair = sl_json_add(b, arr, sl_json_arr(b));
		sl_json_add(b, pair, sl_term_json(b, &t->items[k]));
		sl_json_add(b, pair, sl_term_json(b, &t->items[++k]));
	}
	return arr;
}

struct sl_json *
sl_term_json(struct sl_jb *b, const struct sl_term *t)
{
	struct sl_json *o;

	switch (t->kind) {
	case SL_TERM_NULL:
		return sl_json_null(b);
	case SL_TERM_BOOL:
		return sl_json_bool(b, t->i != 0);
	case SL_TERM_INT:
		return sl_json_int(b, t->i);
	case SL_TERM_STR:
		return sl_json_str(b, t->s);
	case SL_TERM_DATE:
		o = sl_json_obj(b);
		sl_json_set(b, o, "date", sl_json_int(b, t->i));
		return o;
	case SL_TERM_BYTES:
		o = sl_json_obj(b);
		sl_json_set(b, o, "bytes", sl_json_hex(b, t->s.p, t->s.len));
		return o;
	case SL_TERM_SET:
	case SL_TERM_ARRAY:
	case SL_TERM_MAP:
		break;
	}
	o = sl_json_obj(b);
	sl_json_set(b, o, sl_term_kind_name(t->kind), items_json(b, t));
	return o;
}

static int
bytes_from_json(const struct sl_json *v, struct sl_arena *a, struct sl_term *ret,
		struct sl_err *err)
{
	uint8_t *p = SL_NEW_N(a, uint8_t, v->s.len / 2 + 1);

	if (p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (v->kind != SL_JSON_STR || v->s.len % 2 != 0 ||
	    !sl_unhex(p, v->s.len / 2, v->s))
		return SL_ERR(err, FORMAT, "bytes are not lower-case hexadecimal");
	*ret = sl_term_bytes((struct sl_slice){ p, v->s.len / 2 });
	return 0;
}

/* A set or map as read must be what its canonical form is. */
static int
check_canon(struct sl_term *t, struct sl_term *items, struct sl_err *err)
{
	size_t step = t->kind == SL_TERM_MAP ? 2 : 1;

	t->items = items;
	if (t->kind == SL_TERM_ARRAY)
		return 0;
	for (size_t k = 0; k < t->n; k += step) {
		if (items[k].kind >= SL_TERM_SET ||
		    (t->kind == SL_TERM_SET && items[k].kind != items[0].kind) ||
		    (t->kind == SL_TERM_MAP && items[k].kind != SL_TERM_INT &&
		     items[k].kind != SL_TERM_STR))
			return SL_ERR(err, FORMAT, "a %s may not hold that kind",
				      sl_term_kind_name(t->kind));
		if (k > 0 && sl_term_cmp(&items[k - step], &items[k]) >= 0)
			return SL_ERR(err, FORMAT, "members of a %s are not in order",
				      sl_term_kind_name(t->kind));
	}
	return 0;
}

static int
items_from_json(const struct sl_json *v, enum sl_term_kind kind, struct sl_arena *a,
		unsigned depth, struct sl_term *ret, struct sl_err *err)
{
	size_t step = kind == SL_TERM_MAP ? 2 : 1, k = 0;
	struct sl_term *items, t = { .kind = kind };
	int r;

	if (v->kind != SL_JSON_ARR)
		return SL_ERR(err, FORMAT, "a %s is not a list", sl_term_kind_name(kind));
	t.n = v->n * step;
	if ((items = SL_NEW_N(a, struct sl_term, t.n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, v)
	{
		const struct sl_json *val = m;

		if (kind == SL_TERM_MAP) {
			if (m->kind != SL_JSON_ARR || m->n != 2)
				return SL_ERR(err, FORMAT,
					      "a member of a map is no pair");
			r = sl_term_from_json(m->child, a, depth + 1, &items[k++], err);
			if (r < 0)
				return r;
			val = m->child->next;
		}
		if ((r = sl_term_from_json(val, a, depth + 1, &items[k++], err)) < 0)
			return r;
	}
	if ((r = check_canon(&t, items, err)) < 0)
		return r;
	*ret = t;
	return 0;
}

static int
object_from_json(const struct sl_json *v, struct sl_arena *a, unsigned depth,
		 struct sl_term *ret, struct sl_err *err)
{
	const struct sl_json *m = v->child;

	if (v->n != 1)
		return SL_ERR(err, FORMAT, "a term's object has not one member");
	if (sl_slice_eq(m->key, SL_LIT("date"))) {
		if (m->kind != SL_JSON_INT || m->i < 0)
			return SL_ERR(err, FORMAT, "a date is not seconds since 1970");
		*ret = sl_term_date(m->i);
		return 0;
	}
	if (sl_slice_eq(m->key, SL_LIT("bytes")))
		return bytes_from_json(m, a, ret, err);
	for (enum sl_term_kind k = SL_TERM_SET; k <= SL_TERM_MAP; k++)
		if (sl_slice_eq(m->key, sl_slice_str(sl_term_kind_name(k))))
			return items_from_json(m, k, a, depth, ret, err);
	return SL_ERR(err, FORMAT, "unknown kind of term '%.*s'", SL_ARG(m->key));
}

int
sl_term_from_json(const struct sl_json *v, struct sl_arena *a, unsigned depth,
		  struct sl_term *ret, struct sl_err *err)
{
	if (depth > DEPTH_MAX)
		return SL_ERR(err, LIMIT, "a term nests deeper than %d", DEPTH_MAX);
	switch (v->kind) {
	case SL_JSON_NULL:
		*ret = (struct sl_term){ .kind = SL_TERM_NULL };
		return 0;
	case SL_JSON_BOOL:
		*ret = sl_term_bool(v->b);
		return 0;
	case SL_JSON_INT:
		*ret = sl_term_int(v->i);
		return 0;
	case SL_JSON_STR:
		*ret = sl_term_str(v->s);
		return 0;
	case SL_JSON_OBJ:
		return object_from_json(v, a, depth, ret, err);
	case SL_JSON_REAL:
	case SL_JSON_ARR:
		break;
	}
	return SL_ERR(err, FORMAT, "a list or a real number is no term");
}
