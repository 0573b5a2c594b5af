/* json_write.c -- see json.h: JCS (RFC 8785) and the pretty form. */
#include "codec/json_priv.h"

#include "base/auto.h"
#include "codec/utf8.h"

#include <math.h>

struct wr {
	struct sl_buf *out;
	struct sl_err *err;
	bool is_jcs; /* else pretty: insertion order, two spaces */
};

const struct sl_json **
sl_json_sorted(const struct sl_json *obj, sl_json_cmp *cmp)
{
	const struct sl_json **t = calloc(obj->n, sizeof(const struct sl_json *));
	size_t n = 0;

	if (t == NULL)
		return NULL;
	SL_JSON_EACH(m, obj)
	t[n++] = m;
	qsort(t, n, sizeof(const struct sl_json *), cmp);
	return t;
}

static int
by_utf16(const void *a, const void *b)
{
	return sl_utf16_cmp((*(const struct sl_json *const *)a)->key,
			    (*(const struct sl_json *const *)b)->key);
}

static void
put_escaped(struct sl_buf *out, uint8_t c)
{
	static const char names[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	static const char digits[] = "0123456789abcdef";
	const char *at = c != 0 ? strchr(names, c) : NULL;

	if (at != NULL)
		sl_buf_put(out, (const char[2]){ '\\', letters[at - names] }, 2);
	else
		sl_buf_put(out,
			   (const char[6]){ '\\', 'u', '0', '0', digits[c >> 4],
					    digits[c & 15] },
			   6);
}

/* RFC 8785 section 3.2.2.2.  What is signed must be UTF-8; what is shown may have come
 * from a step's output file, and gets U+FFFD for each byte that is not. */
static int
put_string(struct wr *w, struct sl_slice s)
{
	size_t i = 0, run = 0;

	sl_buf_byte(w->out, '"');
	while (i < s.len) {
		size_t n = sl_utf8_len(sl_slice_skip(s, i));

		if (n > 1 ||
		    (n == 1 && s.p[i] >= 0x20 && s.p[i] != '"' && s.p[i] != '\\')) {
			i += n;
			continue;
		}
		if (n == 0 && w->is_jcs)
			return SL_ERR(w->err, FORMAT,
				      "JSON: byte %zu of '%.*s' is not UTF-8", i,
				      SL_ARG(s));
		if (i > run)
			sl_buf_put(w->out, s.p + run, i - run);
		if (n == 0)
			sl_buf_str(w->out, "\xef\xbf\xbd");
		else
			put_escaped(w->out, s.p[i]);
		run = ++i;
	}
	if (i > run)
		sl_buf_put(w->out, s.p + run, i - run);
	sl_buf_byte(w->out, '"');
	return 0;
}

/* The fewest digits that read back as v (> 0), and the exponent of the first. */
static int
shortest(double v, char digits[18], int *ret_exp)
{
	char s[32];
	int n = 0;

	for (int prec = 0; prec < 17; prec++) {
		(void)snprintf(s, sizeof(s), "%.*e", prec, v);
		if (!(strtod(s, NULL) < v) && !(strtod(s, NULL) > v))
			break;
	}
	for (const char *p = s; *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	*ret_exp = (int)strtol(strchr(s, 'e') + 1, NULL, 10);
	return n;
}

/* ECMAScript Number::toString (ECMA-262 section 6.1.6.1.20), as RFC 8785 3.2.2.3 asks. */
static int
put_real(struct wr *w, double v)
{
	char d[18] = { 0 };
	int n, e;

	if (!isfinite(v))
		return SL_ERR(w->err, FORMAT, "JSON: a number is not finite");
	if (!(v < 0) && !(v > 0)) {
		sl_buf_byte(w->out, '0');
		return 0;
	}
	if (v < 0)
		sl_buf_byte(w->out, '-');
	n = shortest(fabs(v), d, &e);
	if (e >= n - 1 && e < 21)
		sl_buf_printf(w->out, "%s%.*s", d, e - n + 1, "00000000000000000000");
	else if (e >= 0 && e < n - 1)
		sl_buf_printf(w->out, "%.*s.%s", e + 1, d, d + e + 1);
	else if (e < 0 && e >= -6)
		sl_buf_printf(w->out, "0.%.*s%s", -e - 1, "00000", d);
	else
		sl_buf_printf(w->out, "%c%s%se%c%d", d[0], n > 1 ? "." : "", d + 1,
			      e < 0 ? '-' : '+', e < 0 ? -e : e);
	return 0;
}

static void
put_break(struct wr *w, unsigned depth)
{
	if (!w->is_jcs)
		sl_buf_printf(w->out, "\n%*s", (int)depth * 2, "");
}

static int put(struct wr *w, const struct sl_json *v, unsigned depth);

static int
put_member(struct wr *w, const struct sl_json *m, bool has_key, unsigned depth)
{
	int r;

	put_break(w, depth);
	if (has_key) {
		if ((r = put_string(w, m->key)) < 0)
			return r;
		sl_buf_str(w->out, w->is_jcs ? ":" : ": ");
	}
	return put(w, m, depth);
}

/* Keys are checked first: the order is one of valid UTF-8. */
static int
sort(struct wr *w, const struct sl_json *obj, const struct sl_json ***ret)
{
	SL_JSON_EACH(m, obj)
	if (!sl_utf8_ok(m->key))
		return SL_ERR(w->err, FORMAT, "JSON: key '%.*s' is not UTF-8",
			      SL_ARG(m->key));
	if ((*ret = sl_json_sorted(obj, by_utf16)) == NULL)
		return SL_ERR(w->err, NOMEM, "JSON: out of memory");
	return 0;
}

static int
put_members(struct wr *w, const struct sl_json *v, unsigned depth)
{
	bool is_obj = v->kind == SL_JSON_OBJ;
	SL_AUTO_FREE const struct sl_json **sorted = NULL;
	size_t i = 0;
	int r = 0;

	if (w->is_jcs && is_obj && v->n > 0 && (r = sort(w, v, &sorted)) < 0)
		return r;
	sl_buf_byte(w->out, is_obj ? '{' : '[');
	SL_JSON_EACH(m, v)
	{
		if (i > 0)
			sl_buf_byte(w->out, ',');
		r = put_member(w, sorted != NULL ? sorted[i] : m, is_obj, depth + 1);
		if (r < 0)
			return r;
		i++;
	}
	if (i > 0)
		put_break(w, depth);
	sl_buf_byte(w->out, is_obj ? '}' : ']');
	return 0;
}

static int
put(struct wr *w, const struct sl_json *v, unsigned depth)
{
	if (v == NULL)
		return SL_ERR(w->err, FORMAT,
			      "JSON: no value to write (memory ran out?)");
	if (depth > SL_JSON_DEPTH_MAX)
		return SL_ERR(w->err, LIMIT, "JSON: nested more than %d deep",
			      SL_JSON_DEPTH_MAX);
	switch (v->kind) {
	case SL_JSON_NULL:
		sl_buf_str(w->out, "null");
		return 0;
	case SL_JSON_BOOL:
		sl_buf_str(w->out, v->b ? "true" : "false");
		return 0;
	case SL_JSON_INT:
		sl_buf_printf(w->out, "%lld", (long long)v->i);
		return 0;
	case SL_JSON_REAL:
		return put_real(w, v->d);
	case SL_JSON_STR:
		return put_string(w, v->s);
	case SL_JSON_ARR:
	case SL_JSON_OBJ:
		return put_members(w, v, depth);
	}
	return SL_ERR(w->err, BUG, "JSON: a value has no kind");
}

static int
write_all(const struct sl_json *v, struct sl_buf *out, bool is_jcs, struct sl_err *err)
{
	struct wr w = { out, err, is_jcs };
	int r = put(&w, v, 0);

	if (r == 0 && out->is_failed)
		return SL_ERR(err, LIMIT, "JSON: longer than %zu bytes, or out of memory",
			      out->max);
	return r;
}

int
sl_json_jcs(const struct sl_json *v, struct sl_buf *out, struct sl_err *err)
{
	return write_all(v, out, true, err);
}

int
sl_json_pretty(const struct sl_json *v, struct sl_buf *out, struct sl_err *err)
{
	return write_all(v, out, false, err);
}
