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

static void
add(struct sl_policy_facts *f, struct sl_slice source, struct sl_slice pred,
    const struct sl_term *args, size_t n)
{
	struct sl_pfact_row *v, row = { .n = (uint32_t)n, .block = SL_PAUTH };
	struct sl_term *copy;

	if (n == 0 || n > SL_PARITY_MAX || !name_ok(source) || !name_ok(pred)) {
		fail(f, SL_E(FORMAT));
		return;
	}
	if (f->n == f->cap) {
		size_t cap = f->cap > 0 ? 2 * f->cap : 32;

		if ((v = SL_NEW_N(f->a, struct sl_pfact_row, cap)) == NULL) {
			fail(f, SL_E(NOMEM));
			return;
		}
		if (f->n > 0)
			memcpy(v, f->v, f->n * sizeof(*v));
		f->v = v;
		f->cap = cap;
	}
	copy = SL_NEW_N(f->a, struct sl_term, n);
	row.pred = sl_arena_dup(f->a, pred);
	row.source = sl_arena_dup(f->a, source);
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

	return sl_term_cmp(&x, &y);
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
	qsort(f->v, f->n, sizeof(*f->v), cmp_row);
	for (size_t k = 0; k < f->n; k++)
		if (n == 0 || cmp_row(&f->v[n - 1], &f->v[k]) != 0)
			f->v[n++] = f->v[k];
	f->n = n;
	f->is_sorted = true;
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
