/* matrix.c -- see matrix.h (facts: MatrixBuilder.cs, IdBuilder.cs, JobNameBuilder.cs of
 * actions/runner). */
#include "flow/matrix.h"

#include "flow/expr_case.h"

enum {
	NAME_MAX_UNITS = 100, /* beyond, a name is cut to the other and "..." */
	NAME_CUT_UNITS = 97,
	WASTE_MAX = 64 /* rows looked at for each one kept */
};

struct item {
	const struct sl_value *filter; /* members whose key is a vector */
	struct sl_value *extra;        /* include: the others */
	bool is_matched;
};

struct builder {
	struct sl_arena *a;
	struct sl_err *err;
	struct sl_matrix_why *why;
	struct sl_value *vectors; /* name -> non-empty array */
	struct item *include, *exclude;
	size_t n_include, n_exclude;
	struct sl_ids ids;
	struct sl_matrix_config *c;
	size_t n, cap, max;
};

static int
nomem(struct builder *b)
{
	return SL_ERR(b->err, NOMEM, "out of memory for a matrix");
}

/* Raises `before key after`; the exact text and the place go to why. */
static int
wrong(struct builder *b, struct sl_matrix_why where, const char *before,
      const char *after)
{
	SL_AUTO_BUF t = { .max = where.key.len + 256 };

	sl_buf_str(&t, before);
	sl_buf_slice(&t, where.key);
	sl_buf_str(&t, after);
	where.msg = sl_arena_dup(b->a, sl_buf_get(&t));
	if (b->why != NULL)
		*b->why = where;
	return SL_ERR(b->err, FORMAT, "%s%.*s%s", before, SL_ARG(where.key), after);
}

static int
read_vectors(struct builder *b, const struct sl_value *matrix,
	     const struct sl_value **include, const struct sl_value **exclude)
{
	for (size_t i = 0; i < matrix->n; i++) {
		const struct sl_member *m = &matrix->m[i];
		struct sl_matrix_why where = { .key = m->key };

		if (sl_slice_eq(m->key, SL_LIT("include"))) {
			*include = m->v;
		} else if (sl_slice_eq(m->key, SL_LIT("exclude"))) {
			*exclude = m->v;
		} else if (m->v->kind != SL_VAL_ARR) {
			return wrong(b, where, "Matrix vector '", "' must be a sequence");
		} else if (m->v->n == 0) {
			return wrong(b, where, "Matrix vector '",
				     "' does not contain any values");
		} else if (sl_val_set(b->a, b->vectors, m->key, m->v) == NULL) {
			return nomem(b);
		}
	}
	return 0;
}

static int
read_include_item(struct builder *b, const struct sl_value *v, struct sl_matrix_why where,
		  struct item *ret)
{
	struct sl_value *filter = sl_val_obj(b->a, false),
			*extra = sl_val_obj(b->a, false);

	if (filter == NULL || extra == NULL)
		return nomem(b);
	if (v->n == 0)
		return wrong(b, where,
			     "Matrix include mapping does not contain any values", "");
	for (size_t i = 0; i < v->n; i++) {
		bool is_vector = sl_val_get(b->vectors, v->m[i].key) != NULL;

		if (sl_val_set(b->a, is_vector ? filter : extra, v->m[i].key,
			       v->m[i].v) == NULL)
			return nomem(b);
	}
	*ret = (struct item){ .filter = filter, .extra = extra };
	return 0;
}

static int
read_exclude_item(struct builder *b, const struct sl_value *v, struct sl_matrix_why where,
		  struct item *ret)
{
	if (v->n == 0)
		return wrong(b, where, "Matrix exclude filter must not be empty", "");
	for (size_t i = 0; i < v->n; i++) {
		where.key = v->m[i].key;
		if (sl_val_get(b->vectors, where.key) == NULL)
			return wrong(b, where, "Matrix exclude key '",
				     "' does not match any key within the matrix");
	}
	*ret = (struct item){ .filter = v };
	return 0;
}

static int
read_items(struct builder *b, const struct sl_value *list, bool is_include,
	   struct item **ret, size_t *ret_n)
{
	struct sl_matrix_why where = { .is_include = is_include,
				       .is_exclude = !is_include };
	int r;

	if (list == NULL || list->kind == SL_VAL_NULL)
		return 0;
	if (list->kind != SL_VAL_ARR)
		return wrong(b, where,
			     is_include ? "Matrix include must be a sequence"
					: "Matrix exclude must be a sequence",
			     "");
	if ((*ret = SL_NEW_N(b->a, struct item, list->n + 1)) == NULL)
		return nomem(b);
	for (size_t i = 0; i < list->n; i++) {
		const struct sl_value *v = list->m[i].v;

		where.item = i;
		if (v->kind != SL_VAL_OBJ)
			return wrong(b, where, "Expected a mapping", "");
		r = is_include ? read_include_item(b, v, where, &(*ret)[i])
			       : read_exclude_item(b, v, where, &(*ret)[i]);
		if (r < 0)
			return r;
	}
	*ret_n = list->n;
	return 0;
}

/* row[key], where key is the filter's i-th: by name in an object, by number in an array,
 * whichever the filter is, as an index expression would. */
static const struct sl_value *
step_into(const struct sl_value *row, const struct sl_value *filter, size_t i)
{
	char text[24];
	double d;

	if (row == NULL || sl_val_is_primitive(row))
		return NULL;
	if (filter->kind == SL_VAL_OBJ && row->kind == SL_VAL_OBJ)
		return sl_val_get(row, filter->m[i].key);
	if (row->kind == SL_VAL_OBJ) {
		(void)snprintf(text, sizeof(text), "%zu", i);
		return sl_val_gets(row, text);
	}
	if (filter->kind == SL_VAL_ARR)
		return sl_val_at(row, i);
	d = sl_val_parse_number(filter->m[i].key);
	return d >= 0 && d <= INT32_MAX ? sl_val_at(row, (size_t)d) : NULL;
}

/* Each leaf of the filter is `==` to what the row has in its place.  An empty filter
 * matches.  Recursion is bounded by depth; too deep is no match. */
static bool
matches(const struct sl_value *filter, const struct sl_value *row, size_t depth)
{
	if (sl_val_is_primitive(filter))
		return sl_val_eq(row, filter);
	if (depth > SL_VALUE_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < filter->n; i++) {
		if (!matches(filter->m[i].v, step_into(row, filter, i), depth + 1))
			return false;
	}
	return true;
}

struct segments {
	struct sl_slice *s;
	size_t n, cap;
};

/* The primitive leaves of v that show as text, in order. */
static bool
leaves(struct builder *b, const struct sl_value *v, size_t depth, struct segments *g)
{
	if (sl_val_is_primitive(v)) {
		struct sl_slice s = sl_val_string(b->a, v);

		if (s.p == NULL)
			return false;
		if (s.len == 0)
			return true;
		if (g->n == g->cap) {
			size_t cap = g->cap > 0 ? g->cap * 2 : 8;
			struct sl_slice *t = SL_NEW_N(b->a, struct sl_slice, cap);

			if (t == NULL)
				return false;
			if (g->n > 0)
				memcpy(t, g->s, g->n * sizeof(*t));
			g->s = t;
			g->cap = cap;
		}
		g->s[g->n++] = s;
		return true;
	}
	for (size_t i = 0; i < v->n && depth < SL_VALUE_DEPTH_MAX; i++) {
		if (!leaves(b, v->m[i].v, depth + 1, g))
			return false;
	}
	return true;
}

static struct sl_slice
join(struct sl_arena *a, const struct segments *g)
{
	size_t len = 0;
	uint8_t *p, *q;

	for (size_t i = 0; i < g->n; i++)
		len += g->s[i].len + 2;
	if (g->n == 0)
		return SL_LIT("");
	if ((p = q = sl_arena_alloc(a, len, 1)) == NULL)
		return (struct sl_slice){ 0 };
	for (size_t i = 0; i < g->n; i++) {
		if (i > 0) {
			*q++ = ',';
			*q++ = ' ';
		}
		memcpy(q, g->s[i].p, g->s[i].len);
		q += g->s[i].len;
	}
	return (struct sl_slice){ p, (size_t)(q - p) };
}

/* Adds a leg: name and id come from the row as it is, then extras join. */
static int
add_config(struct builder *b, struct sl_value *row, const struct sl_value *extra)
{
	struct sl_matrix_config *c;
	struct segments g = { 0 };
	int r;

	if (b->n >= b->max)
		return SL_ERR(b->err, LIMIT, "matrix has more than %zu configurations",
			      b->max);
	if (b->n == b->cap) {
		size_t cap = b->cap > 0 ? b->cap * 2 : 8;

		if ((c = SL_NEW_N(b->a, struct sl_matrix_config, cap)) == NULL)
			return nomem(b);
		if (b->n > 0)
			memcpy(c, b->c, b->n * sizeof(*c));
		b->c = c;
		b->cap = cap;
	}
	c = &b->c[b->n];
	if (!leaves(b, row, 0, &g) || (c->suffix = join(b->a, &g)).p == NULL)
		return nomem(b);
	if ((r = sl_ids_build(&b->ids, g.s, g.n, false, &c->id, b->err)) < 0)
		return r;
	for (size_t i = 0; extra != NULL && i < extra->n; i++) {
		if (sl_val_set(b->a, row, extra->m[i].key, extra->m[i].v) == NULL)
			return nomem(b);
	}
	c->values = row;
	b->n++;
	return 0;
}

/* What the matching include items add to a row; NULL when none adds anything. */
static int
extras_of(struct builder *b, const struct sl_value *row, struct sl_value **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < b->n_include; i++) {
		struct item *it = &b->include[i];

		if (!matches(it->filter, row, 0))
			continue;
		it->is_matched = true;
		if (*ret == NULL && (*ret = sl_val_obj(b->a, false)) == NULL)
			return nomem(b);
		for (size_t k = 0; k < it->extra->n; k++) {
			if (sl_val_set(b->a, *ret, it->extra->m[k].key,
				       it->extra->m[k].v) == NULL)
				return nomem(b);
		}
	}
	return 0;
}

static int
add_row(struct builder *b, size_t index, size_t product)
{
	struct sl_value *row = sl_val_obj(b->a, false), *extra;
	size_t block = product;
	int r;

	if (row == NULL)
		return nomem(b);
	for (size_t i = 0; i < b->vectors->n; i++) {
		const struct sl_member *m = &b->vectors->m[i];

		block /= m->v->n;
		if (sl_val_set(b->a, row, m->key, m->v->m[index / block % m->v->n].v) ==
		    NULL)
			return nomem(b);
	}
	for (size_t i = 0; i < b->n_exclude; i++) {
		if (matches(b->exclude[i].filter, row, 0))
			return 0;
	}
	if ((r = extras_of(b, row, &extra)) < 0)
		return r;
	return add_config(b, row, extra);
}

/* Excluded rows do not count, so the product may exceed the cap; not without end. */
static int
add_product(struct builder *b)
{
	size_t product = b->vectors->n > 0 ? 1 : 0;
	int r;

	for (size_t i = 0; i < b->vectors->n; i++) {
		if (__builtin_mul_overflow(product, b->vectors->m[i].v->n, &product) ||
		    product / WASTE_MAX > b->max)
			return SL_ERR(b->err, LIMIT,
				      "matrix has more than %zu configurations", b->max);
	}
	for (size_t i = 0; i < product; i++) {
		if ((r = add_row(b, i, product)) < 0)
			return r;
	}
	return 0;
}

static int
add_unmatched(struct builder *b)
{
	int r;

	for (size_t i = 0; i < b->n_include; i++) {
		struct item *it = &b->include[i];
		struct sl_value *row;

		if (it->is_matched)
			continue;
		if ((row = sl_val_copy(b->a, it->filter)) == NULL)
			return nomem(b);
		for (size_t k = 0; k < it->extra->n; k++) {
			if (sl_val_set(b->a, row, it->extra->m[k].key,
				       it->extra->m[k].v) == NULL)
				return nomem(b);
		}
		if ((r = add_config(b, row, NULL)) < 0)
			return r;
	}
	return 0;
}

int
sl_matrix_build(const struct sl_value *matrix, size_t max, struct sl_arena *a,
		struct sl_matrix *ret, struct sl_matrix_why *why, struct sl_err *err)
{
	struct builder b = {
		.a = a, .err = err, .why = why, .max = max, .ids = { .a = a }
	};
	const struct sl_value *include = NULL, *exclude = NULL;
	struct sl_matrix_why where = { .item = 0 };
	int r;

	if (matrix == NULL || matrix->kind != SL_VAL_OBJ)
		return wrong(&b, where, "Expected a mapping", "");
	if ((b.vectors = sl_val_obj(a, false)) == NULL)
		return nomem(&b);
	if ((r = read_vectors(&b, matrix, &include, &exclude)) < 0)
		return r;
	if (b.vectors->n == 0 && sl_val_at(include, 0) == NULL)
		return wrong(&b, where, "Matrix must define at least one vector", "");
	if ((r = read_items(&b, include, true, &b.include, &b.n_include)) < 0 ||
	    (r = read_items(&b, exclude, false, &b.exclude, &b.n_exclude)) < 0 ||
	    (r = add_product(&b)) < 0 || (r = add_unmatched(&b)) < 0)
		return r;
	*ret = (struct sl_matrix){ b.c, b.n };
	return 0;
}

struct sl_slice
sl_matrix_job_name(struct sl_arena *a, struct sl_slice job, struct sl_slice suffix)
{
	SL_AUTO_BUF b = { .max = job.len + suffix.len + 16 };
	struct sl_slice s;

	sl_buf_slice(&b, job);
	if (suffix.len > 0) {
		sl_buf_str(&b, " (");
		sl_buf_slice(&b, suffix);
		sl_buf_byte(&b, ')');
	}
	if (b.is_failed)
		return (struct sl_slice){ 0 };
	s = sl_buf_get(&b);
	if (sl_val_utf16_len(s) > NAME_MAX_UNITS) {
		b.len = sl_case_cut(s, NAME_CUT_UNITS).len;
		sl_buf_str(&b, "...");
	}
	return sl_arena_dup(a, sl_buf_get(&b));
}
