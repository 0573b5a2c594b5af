/* value_json.c -- see value.h: values from and to JSON, and toJSON()'s text. */
#include "flow/expr_case.h"
#include "flow/value.h"

#include <math.h>

enum { EXACT_INT = 53 }; /* integers below 2^53 are doubles without loss */

struct from {
	struct sl_arena *a;
	struct sl_err *err;
	bool is_exact;
};

static const struct sl_value *from_json(struct from *f, const struct sl_json *j,
					size_t depth);

static const struct sl_value *
from_members(struct from *f, const struct sl_json *j, size_t depth)
{
	bool is_obj = j->kind == SL_JSON_OBJ;
	struct sl_value *v = is_obj ? sl_val_obj(f->a, f->is_exact) : sl_val_arr(f->a);

	if (depth >= SL_VALUE_DEPTH_MAX) {
		(void)SL_ERR(f->err, LIMIT, "value nests deeper than %d",
			     SL_VALUE_DEPTH_MAX);
		return NULL;
	}
	SL_JSON_EACH(m, j)
	{
		const struct sl_value *kid = from_json(f, m, depth + 1);

		if (kid == NULL)
			return NULL;
		if ((is_obj ? sl_val_set(f->a, v, m->key, kid)
			    : sl_val_add(f->a, v, kid)) == NULL)
			return NULL;
	}
	return v;
}

/* Recursion is bounded by depth, counted in from_members. */
static const struct sl_value *
from_json(struct from *f, const struct sl_json *j, size_t depth)
{
	if (j == NULL)
		return sl_val_null();
	switch (j->kind) {
	case SL_JSON_NULL:
		return sl_val_null();
	case SL_JSON_BOOL:
		return sl_val_bool(j->b);
	case SL_JSON_INT:
		return sl_val_num(f->a, (double)j->i);
	case SL_JSON_REAL:
		return sl_val_num(f->a, j->d);
	case SL_JSON_STR:
		return sl_val_str(f->a, j->s);
	case SL_JSON_ARR:
	case SL_JSON_OBJ:
		return from_members(f, j, depth);
	}
	return NULL;
}

int
sl_val_from_json(struct sl_arena *a, const struct sl_json *j, bool is_exact,
		 const struct sl_value **ret, struct sl_err *err)
{
	struct from f = { a, err, is_exact };
	const struct sl_value *v = from_json(&f, j, 0);

	if (v == NULL)
		return err->code != 0 ? err->code
				      : SL_ERR(err, NOMEM, "out of memory for a value");
	*ret = v;
	return 0;
}

static struct sl_json *
number_json(struct sl_jb *b, double d)
{
	char text[SL_NUM_TEXT];

	if (isnan(d) || isinf(d)) {
		(void)sl_val_format_number(text, d);
		return sl_json_cstr(b, text);
	}
	if (d == trunc(d) && fabs(d) < (double)(1LL << EXACT_INT) &&
	    !(d == 0 && signbit(d)))
		return sl_json_int(b, (int64_t)d);
	return sl_json_real(b, d);
}

/* Recursion is bounded by depth. */
static struct sl_json *
to_json(struct sl_jb *b, const struct sl_value *v, size_t depth, struct sl_err *err)
{
	struct sl_json *j;

	if (v == NULL || v->kind == SL_VAL_NULL)
		return sl_json_null(b);
	if (v->kind == SL_VAL_BOOL)
		return sl_json_bool(b, v->b);
	if (v->kind == SL_VAL_NUM)
		return number_json(b, v->d);
	if (v->kind == SL_VAL_STR)
		return sl_json_str(b, v->s);
	if (depth >= SL_VALUE_DEPTH_MAX) {
		(void)SL_ERR(err, LIMIT, "value nests deeper than %d",
			     SL_VALUE_DEPTH_MAX);
		return NULL;
	}
	j = v->kind == SL_VAL_OBJ ? sl_json_obj(b) : sl_json_arr(b);
	for (size_t i = 0; i < v->n && j != NULL; i++) {
		struct sl_json *kid = to_json(b, v->m[i].v, depth + 1, err);

		if (kid == NULL)
			return NULL;
		if (v->kind == SL_VAL_OBJ)
			(void)sl_json_sets(b, j, v->m[i].key, kid);
		else
			(void)sl_json_add(b, j, kid);
	}
	return j;
}

int
sl_val_to_json(struct sl_jb *b, const struct sl_value *v, struct sl_json **ret,
	       struct sl_err *err)
{
	struct sl_json *j = to_json(b, v, 0, err);

	if (err->code != 0 && j == NULL)
		return err->code;
	if (j == NULL || b->is_failed)
		return SL_ERR(err, NOMEM, "out of memory for JSON");
	*ret = j;
	return 0;
}

static char
short_escape(uint32_t c)
{
	switch (c) {
	case '\b':
		return 'b';
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\f':
		return 'f';
	case '\r':
		return 'r';
	case '"':
	case '\\':
		return (char)c;
	default:
		return 0;
	}
}

static void
put_string(struct sl_buf *out, struct sl_slice s)
{
	size_t done = 0;
	uint32_t c;

	sl_buf_byte(out, '"');
	for (size_t i = 0, n; i < s.len; i += n) {
		char e;

		n = sl_case_next(s, i, &c);
		e = short_escape(c);
		if (e == 0 && c >= 0x20 && c != 0x85 && c != 0x2028 && c != 0x2029)
			continue;
		sl_buf_put(out, s.p + done, i - done);
		done = i + n;
		if (e != 0)
			sl_buf_printf(out, "\\%c", e);
		else
			sl_buf_printf(out, "\\u%04x", (unsigned)c);
	}
	if (done < s.len)
		sl_buf_put(out, s.p + done, s.len - done);
	sl_buf_byte(out, '"');
}

static void
indent(struct sl_buf *out, size_t depth)
{
	sl_buf_byte(out, '\n');
	for (size_t i = 0; i < depth; i++)
		sl_buf_str(out, "  ");
}

static void
put_primitive(struct sl_buf *out, const struct sl_value *v)
{
	char text[SL_NUM_TEXT];

	if (v == NULL || v->kind == SL_VAL_NULL) {
		sl_buf_str(out, "null");
	} else if (v->kind == SL_VAL_BOOL) {
		sl_buf_str(out, v->b ? "true" : "false");
	} else if (v->kind == SL_VAL_NUM) {
		(void)sl_val_format_number(text, v->d);
		sl_buf_str(out, text);
	} else {
		put_string(out, v->s);
	}
}

/* Recursion is bounded by depth. */
static int
pretty(const struct sl_value *v, struct sl_buf *out, size_t depth, struct sl_err *err)
{
	bool is_obj = v != NULL && v->kind == SL_VAL_OBJ;
	int r;

	if (v == NULL || sl_val_is_primitive(v)) {
		put_primitive(out, v);
		return 0;
	}
	if (v->n == 0) {
		sl_buf_str(out, is_obj ? "{}" : "[]");
		return 0;
	}
	if (depth >= SL_VALUE_DEPTH_MAX)
		return SL_ERR(err, LIMIT, "value nests deeper than %d",
			      SL_VALUE_DEPTH_MAX);
	sl_buf_byte(out, is_obj ? '{' : '[');
	for (size_t i = 0; i < v->n && !out->is_failed; i++) {
		if (i > 0)
			sl_buf_byte(out, ',');
		indent(out, depth + 1);
		if (is_obj) {
			put_string(out, v->m[i].key);
			sl_buf_str(out, ": ");
		}
		if ((r = pretty(v->m[i].v, out, depth + 1, err)) < 0)
			return r;
	}
	indent(out, depth);
	sl_buf_byte(out, is_obj ? '}' : ']');
	return 0;
}

int
sl_val_pretty(const struct sl_value *v, struct sl_buf *out, struct sl_err *err)
{
	int r = pretty(v, out, 0, err);

	if (r < 0)
		return r;
	return out->is_failed
		   ? SL_ERR(err, LIMIT, "JSON text exceeds %zu bytes", out->max)
		   : 0;
}
