/* facts.c -- the fact set of a request.  See policy.h. */
#include "crypto/sha256.h"
#include "policy/run.h"

#include <stdlib.h>

enum { CBOR_MAX = 64 << 20 };

struct sl_policy_facts *
sl_policy_facts_new(struct sl_arena *a)
{
	struct sl_policy_facts *f = SL_NEW(a, struct sl_policy_facts);

	if (f != NULL)
		*f = (struct sl_policy_facts){ .a = a, .is_sorted = true };
	return f;
}

/* As the canonical form needs them: text is UTF-8, dates are not negative. */
static bool
term_ok(const struct sl_term *t)
{
	if (t->kind == SL_TERM_STR)
		return sl_utf8_ok(t->s);
	if (t->kind == SL_TERM_DATE)
		return t->i >= 0;
	for (size_t k = 0; k < t->n; k++)
		if (!term_ok(&t->items[k]))
			return false;
	return true;
}

static bool
name_ok(struct sl_slice s)
{
	return s.len > 0 && s.len <= 200 && sl_utf8_ok(s);
}

static void
fail(struct sl_policy_facts *f, int code)
{
	if (f->failed == 0)
		f->failed = code;
}

static bool
room_for(struct sl_policy_facts *f, size_t n)
{
	struct sl_pfact_row *v;

	if (f->cap - f->n >= n)
		return true;
	v = sl_arena_regrow(f->a, f->v, f->n, 2 * f->cap + n + 30, sizeof(*v));
	if (v == NULL)
		return false;
	f->v = v;
	f->cap = 2 * f->cap + n + 30;
	return true;
}

/* A copy, or the one that the fact before has. */
static struct sl_slice
name_of(struct sl_policy_facts *f, struct sl_slice name, struct sl_slice before)
{
	return before.p != NULL && sl_slice_eq(name, before) ? before
							     : sl_arena_dup(f->a, name);
}

static void
add(struct sl_policy_facts *f, struct sl_slice source, struct sl_slice pred,
    const struct sl_term *args, size_t n)
{
	struct sl_pfact_row row = { .n = (uint32_t)n, .block = SL_PAUTH };
	static const struct sl_slice none = { NULL, 0 };
	struct sl_term *copy;

	if (n == 0 || n > SL_PARITY_MAX || !name_ok(source) || !name_ok(pred)) {
		fail(f, SL_E(FORMAT));
		return;
	}
	if (!room_for(f, 1)) {
		fail(f, SL_E(NOMEM));
		return;
	}
	copy = SL_NEW_N(f->a, struct sl_term, n);
	row.pred = name_of(f, pred, f->n > 0 ? f->v[f->n - 1].pred : none);
	row.source = name_of(f, source, f->n > 0 ? f->v[f->n - 1].source : none);
	for (size_t k = 0; copy != NULL && k < n; k++) {
		if (!term_ok(&args[k]))
			fail(f, SL_E(FORMAT));
		if (!sl_term_copy(f->a, &args[k], &copy[k]))
			copy = NULL;
	}
	if (copy == NULL || row.pred.p == NULL || row.source.p == NULL) {
		fail(f, SL_E(NOMEM));
		return;
	}
	row.args = copy;
	f->v[f->n++] = row;
	f->is_sorted = false;
}

void
sl_policy_fact(struct sl_policy_facts *f, const char *source, const char *pred,
	       const struct sl_term *args, size_t n)
{
	if (f != NULL)
		add(f, sl_slice_str(source), sl_slice_str(pred), args, n);
}

static int
cmp_slice(struct sl_slice a, struct sl_slice b)
{
	struct sl_term x = sl_term_str(a), y = sl_term_str(b);

	return a.p == b.p && a.len == b.len ? 0 : sl_term_cmp(&x, &y);
}

static int
cmp_row(const void *a, const void *b)
{
	const struct sl_pfact_row *x = a, *y = b;
	int r = cmp_slice(x->pred, y->pred);

	if (r == 0)
		r = (x->n > y->n) - (x->n < y->n);
	for (uint32_t k = 0; r == 0 && k < x->n; k++)
		r = sl_term_cmp(&x->args[k], &y->args[k]);
	if (r == 0)
		r = (x->block > y->block) - (x->block < y->block);
	return r != 0 ? r : cmp_slice(x->source, y->source);
}

int
sl_policy_facts_sort(struct sl_policy_facts *f, struct sl_err *err)
{
	size_t n = 0;

	if (f == NULL || f->failed == SL_E(NOMEM))
		return SL_ERR(err, NOMEM, "facts: out of memory");
	if (f->failed != 0)
		return SL_ERR(err, FORMAT,
			      "a fact is malformed: no terms, or text not UTF-8");
	if (f->is_sorted)
		return 0;
	for (size_t k = 1; k < f->n; k++)
		if (cmp_row(&f->v[k - 1], &f->v[k]) > 0) {
			qsort(f->v, f->n, sizeof(*f->v), cmp_row);
			break;
		}
	for (size_t k = 0; k < f->n; k++)
		if (n == 0 || cmp_row(&f->v[n - 1], &f->v[k]) != 0)
			f->v[n++] = f->v[k];
	f->n = n;
	f->is_sorted = true;
	return 0;
}

struct sl_policy_facts *
sl_policy_facts_copy(struct sl_arena *a, const struct sl_policy_facts *f)
{
	struct sl_policy_facts *c = sl_policy_facts_new(a);

	if (c == NULL || !room_for(c, f->n + 1))
		return NULL;
	for (size_t k = 0; k < f->n; k++) {
		add(c, f->v[k].source, f->v[k].pred, f->v[k].args, f->v[k].n);
		if (c->failed != 0)
			return NULL;
		c->v[k].block = f->v[k].block;
	}
	c->is_sorted = true;
	return c;
}

/* The place of a row in a sorted set, or where it would be. */
static size_t
place_of(const struct sl_policy_facts *f, const struct sl_pfact_row *row, bool *ret_there)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cmp_row(&f->v[mid], row) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_there = lo < f->n && cmp_row(&f->v[lo], row) == 0;
	return lo;
}

bool
sl_policy_facts_has(const struct sl_policy_facts *f, const struct sl_pfact_row *row)
{
	bool is_there;

	(void)place_of(f, row, &is_there);
	return is_there;
}

int
sl_policy_facts_insert(struct sl_policy_facts *f, const struct sl_policy_facts *more,
		       struct sl_err *err)
{
	bool is_there;

	if (!room_for(f, more->n))
		return SL_ERR(err, NOMEM, "facts: out of memory");
	for (size_t k = 0; k < more->n; k++) {
		size_t at = place_of(f, &more->v[k], &is_there);

		if (is_there)
			continue;
		memmove(f->v + at + 1, f->v + at, (f->n - at) * sizeof(*f->v));
		f->v[at] = more->v[k];
		f->n++;
	}
	return 0;
}

int
sl_policy_facts_drop(struct sl_policy_facts *f, const struct sl_policy_facts *gone,
		     struct sl_err *err)
{
	bool is_there;

	for (size_t k = 0; k < gone->n; k++) {
		(void)place_of(f, &gone->v[k], &is_there);
		if (!is_there)
			return SL_ERR(err, FORMAT,
				      "facts: one that is to go is not there");
	}
	for (size_t k = 0; k < gone->n; k++) {
		size_t at = place_of(f, &gone->v[k], &is_there);

		memmove(f->v + at, f->v + at + 1, (f->n - at - 1) * sizeof(*f->v));
		f->n--;
	}
	return 0;
}

int
sl_policy_facts_json(struct sl_policy_facts *f, struct sl_jb *b, struct sl_json **ret,
		     struct sl_err *err)
{
	struct sl_json *o, *list, *row, *args;
	int r = sl_policy_facts_sort(f, err);

	if (r < 0)
		return r;
	o = sl_json_obj(b);
	sl_json_set(b, o, "v", sl_json_int(b, 1));
	list = sl_json_set(b, o, "facts", sl_json_arr(b));
	for (size_t k = 0; k < f->n; k++) {
		row = sl_json_add(b, list, sl_json_arr(b));
		sl_json_add(b, row, sl_json_str(b, f->v[k].pred));
		args = sl_json_add(b, row, sl_json_arr(b));
		for (uint32_t i = 0; i < f->v[k].n; i++)
			sl_json_add(b, args, sl_term_json(b, &f->v[k].args[i]));
		sl_json_add(b, row, sl_json_str(b, f->v[k].source));
	}
	if (b->is_failed)
		return SL_ERR(err, NOMEM, "facts: out of memory");
	*ret = o;
	return 0;
}

static int
row_from_json(const struct sl_json *v, struct sl_policy_facts *f, struct sl_err *err)
{
	struct sl_term args[SL_PARITY_MAX];
	const struct sl_json *pred = v->child, *list, *source;
	size_t n = 0;
	int r;

	if (v->kind != SL_JSON_ARR || v->n != 3 || pred->kind != SL_JSON_STR)
		return SL_ERR(err, FORMAT,
			      "a fact is not [predicate, [term, ...], source]");
	list = pred->next;
	source = list->next;
	if (list->kind != SL_JSON_ARR || source->kind != SL_JSON_STR || list->n == 0 ||
	    list->n > SL_PARITY_MAX)
		return SL_ERR(err, FORMAT,
			      "a fact is not [predicate, [term, ...], source]");
	SL_JSON_EACH(m, list)
	if ((r = sl_term_from_json(m, f->a, 0, &args[n++], err)) < 0)
		return r;
	add(f, source->s, pred->s, args, n);
	if (f->n > 1 && cmp_row(&f->v[f->n - 2], &f->v[f->n - 1]) >= 0)
		return SL_ERR(err, FORMAT, "facts are not in canonical order");
	return 0;
}

int
sl_policy_facts_from_json(const struct sl_json *v, struct sl_arena *a,
			  struct sl_policy_facts **ret, struct sl_err *err)
{
	const struct sl_json *list = sl_json_get(v, "facts");
	struct sl_policy_facts *f = sl_policy_facts_new(a);
	int r;

	if (f == NULL)
		return SL_ERR(err, NOMEM, "facts: out of memory");
	if (v == NULL || v->kind != SL_JSON_OBJ || v->n != 2 || list == NULL ||
	    list->kind != SL_JSON_ARR || sl_json_get(v, "v") == NULL ||
	    sl_json_get(v, "v")->kind != SL_JSON_INT || sl_json_get_int(v, "v") != 1)
		return SL_ERR(err, FORMAT, "not a fact set of version 1");
	SL_JSON_EACH(m, list)
	if ((r = row_from_json(m, f, err)) < 0)
		return r;
	f->is_sorted = f->failed == 0;
	if ((r = sl_policy_facts_sort(f, err)) < 0)
		return r;
	*ret = f;
	return 0;
}

int
sl_policy_facts_digest(struct sl_policy_facts *f, uint8_t ret_digest[32],
		       struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = CBOR_MAX };
	struct sl_jb b = { .a = &a };
	struct sl_json *v = NULL;
	int r;

	sl_arena_init(&a, (size_t)4 * CBOR_MAX);
	if ((r = sl_policy_facts_json(f, &b, &v, err)) < 0 ||
	    (r = sl_json_cbor(v, &out, err)) < 0)
		return r;
	sl_sha256(sl_buf_get(&out), ret_digest);
	return 0;
}
