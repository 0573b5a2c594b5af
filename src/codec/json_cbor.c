/* json_cbor.c -- see json.h: the tree as deterministic CBOR, and back. */
#include "base/auto.h"
#include "codec/cbor.h"
#include "codec/json_priv.h"
#include "codec/utf8.h"

/* RFC 8949 section 4.2.1: bytewise by encoding; of text keys the shorter comes first,
 * because the head holds the length. */
static int
by_encoding(const void *a, const void *b)
{
	struct sl_slice x = (*(const struct sl_json *const *)a)->key;
	struct sl_slice y = (*(const struct sl_json *const *)b)->key;

	if (x.len != y.len)
		return x.len < y.len ? -1 : 1;
	return x.len > 0 ? memcmp(x.p, y.p, x.len) : 0;
}

static int put(const struct sl_json *v, struct sl_buf *out, unsigned depth,
	       struct sl_err *err);

static int
put_obj(const struct sl_json *v, struct sl_buf *out, unsigned depth, struct sl_err *err)
{
	SL_AUTO_FREE const struct sl_json **sorted = NULL;
	int r;

	sl_cbor_put_map(out, v->n);
	if (v->n == 0)
		return 0;
	if ((sorted = sl_json_sorted(v, by_encoding)) == NULL)
		return SL_ERR(err, NOMEM, "CBOR: out of memory");
	for (size_t i = 0; i < v->n; i++) {
		if (!sl_utf8_ok(sorted[i]->key))
			return SL_ERR(err, FORMAT, "CBOR: key '%.*s' is not UTF-8",
				      SL_ARG(sorted[i]->key));
		sl_cbor_put_tstr(out, sorted[i]->key);
		if ((r = put(sorted[i], out, depth, err)) < 0)
			return r;
	}
	return 0;
}

static int
put_arr(const struct sl_json *v, struct sl_buf *out, unsigned depth, struct sl_err *err)
{
	int r;

	sl_cbor_put_arr(out, v->n);
	SL_JSON_EACH(m, v)
	if ((r = put(m, out, depth, err)) < 0)
		return r;
	return 0;
}

static int
put(const struct sl_json *v, struct sl_buf *out, unsigned depth, struct sl_err *err)
{
	if (v == NULL)
		return SL_ERR(err, FORMAT, "CBOR: no value to write (memory ran out?)");
	switch (v->kind) {
	case SL_JSON_NULL:
		sl_cbor_put_null(out);
		return 0;
	case SL_JSON_BOOL:
		sl_cbor_put_bool(out, v->b);
		return 0;
	case SL_JSON_INT:
		sl_cbor_put_int(out, v->i);
		return 0;
	case SL_JSON_REAL:
		return SL_ERR(err, FORMAT, "CBOR: a number that is no 64-bit integer");
	case SL_JSON_STR:
		if (sl_utf8_ok(v->s))
			sl_cbor_put_tstr(out, v->s);
		else
			sl_cbor_put_bstr(out, v->s);
		return 0;
	case SL_JSON_ARR:
	case SL_JSON_OBJ:
		if (depth >= SL_CBOR_DEPTH_TOP)
			return SL_ERR(err, LIMIT, "CBOR: nested more than %d deep",
				      SL_CBOR_DEPTH_TOP);
		return v->kind == SL_JSON_ARR ? put_arr(v, out, depth + 1, err)
					      : put_obj(v, out, depth + 1, err);
	}
	return SL_ERR(err, BUG, "CBOR: a value has no kind");
}

int
sl_json_cbor(const struct sl_json *v, struct sl_buf *out, struct sl_err *err)
{
	int r = put(v, out, 0, err);

	if (r == 0 && out->is_failed)
		return SL_ERR(err, LIMIT, "CBOR: longer than %zu bytes, or out of memory",
			      out->max);
	return r;
}

/* ---- reading ---- */

static struct sl_json *take(struct sl_cbor_rd *rd, struct sl_jb *b);

static struct sl_json *
take_bytes(struct sl_cbor_rd *rd, struct sl_jb *b)
{
	struct sl_slice s = sl_cbor_bstr(rd);

	if (sl_utf8_ok(s))
		(void)sl_cbor_refuse(rd, SL_E(FORMAT),
				     "a byte string that is valid text");
	return sl_json_str(b, s);
}

static struct sl_json *
take_simple(struct sl_cbor_rd *rd, struct sl_jb *b)
{
	if (!sl_cbor_is_null(rd))
		return sl_json_bool(b, sl_cbor_bool(rd)); /* refuses all else */
	sl_cbor_null(rd);
	return sl_json_null(b);
}

/* Depth is bounded by sl_cbor_open_lim(). */
static struct sl_json *
take_members(struct sl_cbor_rd *rd, struct sl_jb *b, bool is_obj)
{
	struct sl_json *v = is_obj ? sl_json_obj(b) : sl_json_arr(b), *m;
	size_t n = is_obj ? sl_cbor_map(rd) : sl_cbor_arr(rd);
	struct sl_slice prev = { 0 }, key;

	for (size_t i = 0; i < n && rd->code == 0 && !b->is_failed; i++) {
		if (!is_obj) {
			(void)sl_json_add(b, v, take(rd, b));
			continue;
		}
		key = sl_cbor_tstr(rd);
		if (i > 0 && rd->code == 0 &&
		    (key.len < prev.len ||
		     (key.len == prev.len && memcmp(key.p, prev.p, key.len) < 0)))
			(void)sl_cbor_refuse(rd, SL_E(FORMAT),
					     "map keys out of order "
					     "(RFC 8949 section 4.2.1)");
		prev = key;
		m = take(rd, b);
		if (m == NULL || (key = sl_arena_dup(b->a, key)).p == NULL)
			b->is_failed = true;
		else
			sl_json_append(v, key, m);
	}
	return v;
}

static struct sl_json *
take(struct sl_cbor_rd *rd, struct sl_jb *b)
{
	switch (sl_cbor_peek(rd)) {
	case SL_CBOR_UINT:
	case SL_CBOR_NINT:
		return sl_json_int(b, sl_cbor_int(rd));
	case SL_CBOR_BSTR:
		return take_bytes(rd, b);
	case SL_CBOR_TSTR:
		return sl_json_str(b, sl_cbor_tstr(rd));
	case SL_CBOR_ARR:
	case SL_CBOR_MAP:
		return take_members(rd, b, sl_cbor_peek(rd) == SL_CBOR_MAP);
	case SL_CBOR_SIMPLE:
		return take_simple(rd, b);
	case SL_CBOR_TAG:
	case SL_CBOR_NONE:
		break;
	}
	(void)sl_cbor_refuse(rd, SL_E(FORMAT), "a tag, which JSON has no place for");
	return NULL;
}

int
sl_json_uncbor(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
	       struct sl_json **ret, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_cbor_rd rd;
	struct sl_json *v;
	int r;

	if ((r = sl_cbor_open_lim(&rd, src, lim, "CBOR", err)) < 0)
		return r;
	v = take(&rd, &b);
	if (rd.code == 0 && (b.is_failed || v == NULL))
		return SL_ERR(err, NOMEM, "CBOR: out of memory");
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	*ret = v;
	return 0;
}
