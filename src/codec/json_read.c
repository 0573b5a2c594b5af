/* json_read.c -- see json.h: jansson, behind a scan that bounds it, copied out. */
#include "base/auto.h"
#include "codec/json_priv.h"

#include <jansson.h>
#include <sys/auxv.h>

/* What the scan in front of jansson finds; jansson itself bounds neither items nor
 * bytes, and its depth only at 2048. */
struct scan {
	size_t depth, max_depth, items;
	size_t n_big; /* integers beyond int64: to be read as reals */
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* End of the number at s.p[i]; *ret_big when it is an integer beyond int64. */
static size_t
number_end(struct sl_slice s, size_t i, bool *ret_big)
{
	bool is_neg = s.p[i] == '-';
	size_t from = i += is_neg ? 1 : 0;
	uint64_t v = 0, max = (uint64_t)INT64_MAX + (is_neg ? 1 : 0);
	bool over = false;

	for (; i < s.len && is_digit(s.p[i]); i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			over = true;
	*ret_big = i > from && (over || v > max) &&
		   (i == s.len || (s.p[i] != '.' && s.p[i] != 'e' && s.p[i] != 'E'));
	return i;
}

static size_t
string_end(struct sl_slice s, size_t i)
{
	for (i++; i < s.len && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.len ? i + 1 : s.len;
}

/* One step: the token at s.p[i] is counted; returns the offset behind it.  Copies to
 * out (when given) with ".0" behind each integer that jansson would refuse. */
static size_t
step(struct scan *c, struct sl_slice s, size_t i)
{
	uint8_t ch = s.p[i];

	if (ch == '"')
		return string_end(s, i);
	if (ch == '[' || ch == '{') {
		if (++c->depth > c->max_depth)
			c->max_depth = c->depth;
		for (i++; i < s.len && is_space(s.p[i]);)
			i++;
		if (i < s.len && s.p[i] != ']' && s.p[i] != '}')
			c->items++;
		return i;
	}
	if ((ch == ']' || ch == '}') && c->depth > 0)
		c->depth--;
	if (ch == ',')
		c->items++;
	return i + 1;
}

static struct scan
scan(struct sl_slice s, struct sl_buf *out)
{
	struct scan c = { .items = 1 };

	for (size_t i = 0; i < s.len;) {
		size_t from = i;
		bool is_big = false;

		if (is_digit(s.p[i]) || s.p[i] == '-')
			i = number_end(s, i, &is_big);
		else
			i = step(&c, s, i);
		c.n_big += is_big;
		if (out != NULL) {
			sl_buf_put(out, s.p + from, i - from);
			if (is_big)
				sl_buf_str(out, ".0");
		}
	}
	return c;
}

struct copy {
	struct sl_jb b;
	unsigned depth;
};

static struct sl_json *take(struct copy *c, json_t *j);

static struct sl_json *
take_members(struct copy *c, json_t *j)
{
	struct sl_json *v = json_is_array(j) ? sl_json_arr(&c->b) : sl_json_obj(&c->b);
	const char *key;
	size_t i, len;
	json_t *m;

	if (v == NULL || ++c->depth > SL_JSON_DEPTH_MAX) {
		c->b.is_failed = true;
		return NULL;
	}
	if (v->kind == SL_JSON_ARR) {
		json_array_foreach(j, i, m)(void) sl_json_add(&c->b, v, take(c, m));
	} else {
		json_object_keylen_foreach(j, key, len, m)
		{
			/* Keys are distinct here, and setting would look each one up. */
			struct sl_slice k = { (const uint8_t *)key, len };
			struct sl_json *val = take(c, m);

			if (val == NULL || (k = sl_arena_dup(c->b.a, k)).p == NULL)
				c->b.is_failed = true;
			if (c->b.is_failed)
				break;
			sl_json_append(v, k, val);
		}
	}
	c->depth--;
	return c->b.is_failed ? NULL : v;
}

static struct sl_json *
take(struct copy *c, json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return take_members(c, j);
	case JSON_STRING:
		return sl_json_str(
		    &c->b, (struct sl_slice){ (const uint8_t *)json_string_value(j),
					      json_string_length(j) });
	case JSON_INTEGER:
		return sl_json_int(&c->b, json_integer_value(j));
	case JSON_REAL:
		return sl_json_real(&c->b, json_real_value(j));
	case JSON_TRUE:
	case JSON_FALSE:
		return sl_json_bool(&c->b, json_is_true(j));
	case JSON_NULL:
		break;
	}
	return sl_json_null(&c->b);
}

/* jansson would open /dev/urandom for the seed of its hash tables, which a jailed
 * parser cannot; the kernel's 16 bytes at process start need no system call.  They are
 * folded, because libc's stack guard comes from them too. */
static size_t
hash_seed(void)
{
	uint64_t w[2];
	uintptr_t at = getauxval(AT_RANDOM);

	if (at == 0)
		return 1;
	/* safe because the kernel set it */
	memcpy(w, (const void *)at, sizeof(w)); /* NOLINT(performance-no-int-to-ptr) */
	w[0] = (w[0] ^ w[1] << 31) * 0x9e3779b97f4a7c15U;
	return (w[0] >> 33) | 1;
}

static void
json_decref_(json_t **j)
{
	json_decref(*j);
}

static int
check(struct sl_slice src, const struct sl_limits *lim, const struct scan *c,
      struct sl_err *err)
{
	size_t max_depth =
	    lim->max_depth < SL_JSON_DEPTH_MAX ? lim->max_depth : SL_JSON_DEPTH_MAX;

	if (src.len == 0)
		return SL_ERR(err, FORMAT, "JSON: the input is empty");
	/* Legal nowhere, and jansson takes one behind a number for the end. */
	if (memchr(src.p, 0, src.len) != NULL)
		return SL_ERR(err, FORMAT, "JSON: a NUL byte");
	if (c->max_depth > max_depth)
		return SL_ERR(err, LIMIT, "JSON: nested %zu deep, %zu allowed",
			      c->max_depth, max_depth);
	if (c->items > lim->max_items)
		return SL_ERR(err, LIMIT, "JSON: more than %zu values", lim->max_items);
	return 0;
}

int
sl_json_parse(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
	      struct sl_json **ret, struct sl_err *err)
{
	SL_AUTO_BUF big = { .max = SIZE_MAX / 4 };
	__attribute__((cleanup(json_decref_))) json_t *j = NULL;
	struct copy c = { .b = { .a = a } };
	struct sl_json *v;
	json_error_t je;
	struct scan sc;
	int r;

	if (src.len > lim->max_bytes)
		return SL_ERR(err, LIMIT, "JSON: %zu bytes, %zu allowed", src.len,
			      lim->max_bytes);
	sc = scan(src, NULL);
	if ((r = check(src, lim, &sc, err)) < 0)
		return r;
	if (sc.n_big > 0) {
		(void)scan(src, &big);
		if (big.is_failed)
			return SL_ERR(err, NOMEM, "JSON: out of memory");
		src = sl_buf_get(&big);
	}
	json_object_seed(hash_seed());
	j = json_loadb((const char *)src.p, src.len,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &je);
	if (j == NULL && json_error_code(&je) == json_error_out_of_memory)
		return SL_ERR(err, NOMEM, "JSON: out of memory");
	if (j == NULL)
		return SL_ERR(err, FORMAT, "JSON: line %d, column %d: %s", je.line,
			      je.column, je.text);
	if ((v = take(&c, j)) == NULL)
		return SL_ERR(err, NOMEM, "JSON: out of memory");
	*ret = v;
	return 0;
}
