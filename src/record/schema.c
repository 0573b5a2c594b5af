/* schema.c -- see schema.h. */
#include "record/schema.h"

enum { DEPTH_MAX = 32 };

#define X(c, kind, type, env)                                                            \
	extern const unsigned char sl_builtin_schema_##c[];                              \
	extern const unsigned long sl_builtin_schema_##c##_len;
SL_STATEMENTS(X)
#undef X

int
sl_schemas_load(struct sl_arena *a, struct sl_schemas *ret, struct sl_err *err)
{
	static const struct sl_limits lim = { 1 << 20, 20000, 64 };
	const struct sl_slice text[] = {
#define X(c, kind, type, env) { sl_builtin_schema_##c, sl_builtin_schema_##c##_len },
		SL_STATEMENTS(X)
#undef X
	};

	for (size_t i = 0; i < SL_STMT_COUNT; i++) {
		struct sl_json *v = NULL;
		int r = sl_json_parse(text[i], &lim, a, &v, err);

		if (r < 0)
			return sl_err_ctx(err, "schema of '%s'",
					  sl_statement_row((enum sl_statement)i)->kind);
		ret->row[i] = v;
	}
	return 0;
}

/* --- patterns --- */

/* One element of a pattern: the characters that it takes. */
struct element {
	struct sl_slice set; /* inside [], or one literal */
	bool is_class;
	size_t n; /* how many of them */
};

static bool
is_taken(const struct element *e, uint8_t c)
{
	const struct sl_slice s = e->set;

	if (!e->is_class)
		return s.p[0] == c;
	for (size_t i = 0; i < s.len; i++) {
		if (i + 2 < s.len && s.p[i + 1] == '-') {
			if (c >= s.p[i] && c <= s.p[i + 2])
				return true;
			i += 2;
		} else if (s.p[i] == c) {
			return true;
		}
	}
	return false;
}

/* The next element; false where the pattern is not of the known form. */
static bool
next_element(struct sl_slice *pat, struct element *ret)
{
	const uint8_t *end;

	*ret = (struct element){ .set = { pat->p, 1 }, .n = 1 };
	if (pat->p[0] == '[') {
		if ((end = memchr(pat->p, ']', pat->len)) == NULL || pat->p[1] == '^')
			return false;
		ret->set = (struct sl_slice){ pat->p + 1, (size_t)(end - pat->p) - 1 };
		ret->is_class = true;
		*pat = sl_slice_skip(*pat, ret->set.len + 2);
	} else if (strchr("\\.*+?()|{}$^", pat->p[0]) != NULL) {
		return false;
	} else {
		*pat = sl_slice_skip(*pat, 1);
	}
	if (pat->len > 0 && strchr("*+?", pat->p[0]) != NULL)
		return false;
	if (pat->len == 0 || pat->p[0] != '{')
		return true;
	ret->n = 0;
	for (*pat = sl_slice_skip(*pat, 1); pat->len > 0 && pat->p[0] != '}';
	     *pat = sl_slice_skip(*pat, 1)) {
		if (pat->p[0] < '0' || pat->p[0] > '9' || ret->n > 1000)
			return false;
		ret->n = 10 * ret->n + (size_t)(pat->p[0] - '0');
	}
	if (pat->len == 0)
		return false;
	*pat = sl_slice_skip(*pat, 1);
	return true;
}

/* 1, 0, or -1: the pattern is not of the known form. */
static int
match(struct sl_slice pat, struct sl_slice s)
{
	struct element e;
	bool fits = true;

	if (pat.len == 0 || pat.p[0] != '^')
		return -1;
	pat = sl_slice_skip(pat, 1);
	while (pat.len > 0) {
		if (pat.len == 1 && pat.p[0] == '$')
			return fits && s.len == 0;
		if (!next_element(&pat, &e))
			return -1;
		for (size_t i = 0; i < e.n && fits; i++) {
			fits = s.len > 0 && is_taken(&e, s.p[0]);
			s = sl_slice_skip(s, 1);
		}
	}
	return fits;
}

/* --- keywords --- */

/* A value on its way through a schema. */
struct at {
	const struct sl_json *v, *schema, *root;
	struct sl_slice name; /* the member it is, for messages */
	unsigned depth;
};

static int fits(const struct at *at, struct sl_err *err);

static int
wrong(const struct at *at, const struct sl_json *keyword, struct sl_err *err)
{
	return SL_ERR(err, VERIFY, "'%.*s' is not what its schema wants (%.*s)",
		      SL_ARG(at->name), SL_ARG(keyword->key));
}

static bool
is_type(const struct sl_json *v, struct sl_slice name)
{
	static const char *const names[] = {
		[SL_JSON_NULL] = "null",   [SL_JSON_BOOL] = "boolean",
		[SL_JSON_INT] = "integer", [SL_JSON_REAL] = "number",
		[SL_JSON_STR] = "string",  [SL_JSON_ARR] = "array",
		[SL_JSON_OBJ] = "object",
	};

	return sl_slice_eq(name, sl_slice_str(names[v->kind]));
}

/* One name, or a list of which one must hold. */
static bool
is_any_type(const struct sl_json *v, const struct sl_json *k)
{
	if (k->kind != SL_JSON_ARR)
		return is_type(v, k->s);
	SL_JSON_EACH(x, k)
	if (is_type(v, x->s))
		return true;
	return false;
}

static bool
is_one_of(const struct sl_json *v, const struct sl_json *list)
{
	SL_JSON_EACH(x, list)
	if (sl_json_eq(v, x))
		return true;
	return false;
}

static int64_t
characters(struct sl_slice s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static bool
has_all(const struct sl_json *v, const struct sl_json *names)
{
	SL_JSON_EACH(x, names)
	if (sl_json_gets(v, x->s) == NULL)
		return false;
	return true;
}

/* "format"; -1: not one that is known. */
static int
is_format(const struct sl_json *v, struct sl_slice name)
{
	int64_t ms;

	if (!sl_slice_eq(name, SL_LIT("date-time")))
		return -1;
	return v->kind != SL_JSON_STR || sl_time_parse(v->s, &ms);
}

/* Keywords that hold or do not: 1, 0; -1: not one of these. */
static int
holds(const struct at *at, const struct sl_json *k)
{
	const struct sl_json *v = at->v;
	bool is_str = v->kind == SL_JSON_STR, is_int = v->kind == SL_JSON_INT;
	struct sl_slice name = k->key;

	if (sl_slice_eq(name, SL_LIT("type")))
		return is_any_type(v, k);
	if (sl_slice_eq(name, SL_LIT("const")))
		return sl_json_eq(v, k);
	if (sl_slice_eq(name, SL_LIT("enum")))
		return is_one_of(v, k);
	if (sl_slice_eq(name, SL_LIT("pattern")))
		return is_str ? match(k->s, v->s) : 1;
	if (sl_slice_eq(name, SL_LIT("format")))
		return is_format(v, k->s);
	if (sl_slice_eq(name, SL_LIT("minimum")))
		return !is_int || v->i >= k->i;
	if (sl_slice_eq(name, SL_LIT("maximum")))
		return !is_int || v->i <= k->i;
	if (sl_slice_eq(name, SL_LIT("minLength")))
		return !is_str || characters(v->s) >= k->i;
	if (sl_slice_eq(name, SL_LIT("maxLength")))
		return !is_str || characters(v->s) <= k->i;
	if (sl_slice_eq(name, SL_LIT("minItems")))
		return v->kind != SL_JSON_ARR || (int64_t)v->n >= k->i;
	if (sl_slice_eq(name, SL_LIT("maxItems")))
		return v->kind != SL_JSON_ARR || (int64_t)v->n <= k->i;
	if (sl_slice_eq(name, SL_LIT("required")))
		return v->kind != SL_JSON_OBJ || has_all(v, k);
	return -1;
}

/* Members that "properties" knows go by it, the others by "additionalProperties". */
static int
members(const struct at *at, bool is_known, const struct sl_json *k, struct sl_err *err)
{
	const struct sl_json *known = sl_json_get(at->schema, "properties");

	if (at->v->kind != SL_JSON_OBJ)
		return 0;
	SL_JSON_EACH(m, at->v)
	{
		const struct sl_json *own = sl_json_gets(known, m->key);
		struct at next = { m, is_known ? own : k, at->root, m->key,
				   at->depth + 1 };
		int r;

		if ((own != NULL) != is_known)
			continue;
		if (next.schema->kind == SL_JSON_BOOL) {
			if (!next.schema->b)
				return SL_ERR(err, VERIFY,
					      "member '%.*s' is not known here",
					      SL_ARG(m->key));
		} else if ((r = fits(&next, err)) < 0) {
			return r;
		}
	}
	return 0;
}

static int
items(const struct at *at, const struct sl_json *k, struct sl_err *err)
{
	int r;

	if (at->v->kind != SL_JSON_ARR)
		return 0;
	SL_JSON_EACH(x, at->v)
	{
		struct at next = { x, k, at->root, at->name, at->depth + 1 };

		if ((r = fits(&next, err)) < 0)
			return r;
	}
	return 0;
}

static int
reference(const struct at *at, const struct sl_json *k, struct sl_err *err)
{
	const struct sl_slice head = SL_LIT("#/$defs/");
	struct at next = *at;

	next.depth++;
	next.schema = sl_slice_starts(k->s, head)
			  ? sl_json_gets(sl_json_get(at->root, "$defs"),
					 sl_slice_skip(k->s, head.len))
			  : NULL;
	if (next.schema == NULL)
		return SL_ERR(err, BUG, "a schema refers to '%.*s'", SL_ARG(k->s));
	return fits(&next, err);
}

static bool
is_remark(struct sl_slice name)
{
	static const char *const names[] = { "$schema",  "$id",   "$defs",
					     "$comment", "title", "description" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sl_slice_eq(name, sl_slice_str(names[i])))
			return true;
	return false;
}

static int
keyword(const struct at *at, const struct sl_json *k, struct sl_err *err)
{
	int r;

	if (is_remark(k->key))
		return 0;
	if (sl_slice_eq(k->key, SL_LIT("$ref")))
		return reference(at, k, err);
	if (sl_slice_eq(k->key, SL_LIT("items")))
		return items(at, k, err);
	if (sl_slice_eq(k->key, SL_LIT("properties")))
		return members(at, true, k, err);
	if (sl_slice_eq(k->key, SL_LIT("additionalProperties")))
		return members(at, false, k, err);
	if ((r = holds(at, k)) < 0)
		return SL_ERR(err, BUG, "a schema says '%.*s', which nothing checks",
			      SL_ARG(k->key));
	return r > 0 ? 0 : wrong(at, k, err);
}

static int
fits(const struct at *at, struct sl_err *err)
{
	int r;

	if (at->depth > DEPTH_MAX)
		return SL_ERR(err, BUG, "a schema is more than %d deep", DEPTH_MAX);
	SL_JSON_EACH(k, at->schema)
	if ((r = keyword(at, k, err)) < 0)
		return r;
	return 0;
}

int
sl_schema_fits(const struct sl_json *v, const struct sl_json *schema,
	       const struct sl_json *root, struct sl_err *err)
{
	const struct at at = { v, schema, root, SL_LIT("predicate"), 0 };

	return fits(&at, err);
}

int
sl_schema_check(const struct sl_schemas *s, enum sl_statement kind,
		const struct sl_json *predicate, struct sl_err *err)
{
	int r = sl_schema_fits(predicate, s->row[kind], s->row[kind], err);

	return r < 0 ? sl_err_ctx(err, "%s", sl_statement_row(kind)->kind) : 0;
}
