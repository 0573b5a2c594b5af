/* index.c -- indexes on columns, and rows in canonical order.  See run.h. */
#include "policy/run.h"

#include <stdlib.h>

enum { SCAN_MAX = 8 }; /* so few rows are quicker looked through */

uint32_t
sl_pkey_hash(const uint32_t *key, uint32_t mask)
{
	uint64_t h = mask;

	for (; mask != 0; mask &= mask - 1) {
		h = (h ^ key[__builtin_ctz(mask)]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

static uint32_t
bucket(const struct sl_prel *l, const struct sl_pindex *x, uint32_t row)
{
	return sl_pkey_hash(l->cell + (size_t)row * l->arity, x->mask) & (x->cap - 1);
}

/* All rows that are seen, by bucket. */
static bool
lay(struct sl_policy_run *r, struct sl_prel *l, struct sl_pindex *x)
{
	uint32_t n = l->n_seen, cap = x->cap > 0 ? x->cap : 16;

	while (cap < n)
		cap *= 2;
	if (cap != x->cap) {
		x->start =
		    sl_arena_renew(r->a, x->start, (size_t)cap + 2, sizeof(*x->start));
		x->is_sorted = sl_arena_renew(r->a, x->is_sorted, cap / 8 + 1, 1);
		x->rows = sl_arena_renew(r->a, x->rows, cap, sizeof(*x->rows));
		x->head = NULL;
		x->cap_chain = 0;
	} else {
		memset(x->start, 0, ((size_t)cap + 2) * sizeof(*x->start));
		memset(x->is_sorted, 0, cap / 8 + 1);
		if (x->head != NULL)
			memset(x->head, 0, cap * sizeof(*x->head));
	}
	if (x->start == NULL || x->rows == NULL || x->is_sorted == NULL)
		return false;
	x->cap = cap;
	for (uint32_t k = 0; k < n; k++)
		x->start[bucket(l, x, k) + 2]++;
	for (uint32_t k = 0; k < cap; k++)
		x->start[k + 2] += x->start[k + 1];
	for (uint32_t k = 0; k < n; k++) /* and moves the starts to their places */
		x->rows[x->start[bucket(l, x, k) + 1]++] = k;
	x->n_csr = x->n = n;
	x->is_laid = true;
	return true;
}

static bool
hang(struct sl_policy_run *r, struct sl_prel *l, struct sl_pindex *x)
{
	uint32_t need = l->n_seen - x->n_csr;

	if (x->head == NULL && (x->head = SL_NEW_N(r->a, uint32_t, x->cap)) == NULL)
		return false;
	if (need > x->cap_chain) {
		uint32_t cap = 2 * need + 16;
		uint32_t *p =
		    sl_arena_regrow(r->a, x->chain, x->n - x->n_csr, cap, sizeof(*p));

		if (p == NULL)
			return false;
		x->chain = p;
		x->cap_chain = cap;
	}
	for (uint32_t k = x->n; k < l->n_seen; k++) {
		uint32_t at = bucket(l, x, k);

		x->chain[k - x->n_csr] = x->head[at];
		x->head[at] = k + 1;
	}
	x->n = l->n_seen;
	return true;
}

/* Up to date with the rows of earlier rounds: those of this round are not visible yet,
 * so nothing moves while a round walks it. */
static bool
refresh(struct sl_policy_run *r, struct sl_prel *l, struct sl_pindex *x)
{
	bool ok = true;

	if (!x->is_laid || l->n_seen - x->n_csr > x->n_csr + 64)
		ok = lay(r, l, x);
	else if (l->n_seen > x->n)
		ok = hang(r, l, x);
	if (!ok)
		sl_prun_stop(r, SL_PSTOP_NOMEM);
	return ok;
}

struct sl_pindex *
sl_prel_index(struct sl_policy_run *r, struct sl_prel *l, uint32_t mask)
{
	struct sl_pindex *x = l->indexes;

	while (x != NULL && x->mask != mask)
		x = x->next;
	if (x == NULL) {
		if ((x = SL_NEW(r->a, struct sl_pindex)) == NULL) {
			sl_prun_stop(r, SL_PSTOP_NOMEM);
			return NULL;
		}
		x->mask = mask;
		x->next = l->indexes;
		l->indexes = x;
	}
	return refresh(r, l, x) ? x : NULL;
}

/* Rows from n on go away: the last of a chain first, and what lies is laid anew. */
void
sl_prel_cut_indexes(struct sl_prel *l, uint32_t n)
{
	for (struct sl_pindex *x = l->indexes; x != NULL; x = x->next) {
		while (x->n > n && x->n > x->n_csr) {
			uint32_t row = --x->n;

			x->head[bucket(l, x, row)] = x->chain[row - x->n_csr];
		}
		if (x->n_csr > n) {
			x->n = x->n_csr = 0;
			x->is_laid = false;
		}
	}
	if (l->n_order > n) {
		uint32_t m = 0;

		for (uint32_t k = 0; k < l->n_order; k++)
			if (l->order[k] < n)
				l->order[m++] = l->order[k];
		l->n_order = m;
	}
}

/* ---- canonical order ---- */

struct sorter {
	const struct sl_policy_run *r;
	const struct sl_prel *l;
};

static int
by_row(const void *a, const void *b, void *data)
{
	const struct sorter *s = data;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b, u, v;
	const uint32_t *p = s->l->cell + (size_t)x * s->l->arity;
	const uint32_t *q = s->l->cell + (size_t)y * s->l->arity;

	for (uint32_t k = 0; k < s->l->arity; k++)
		if (p[k] != q[k])
			return sl_term_cmp(s->r->term[p[k]], s->r->term[q[k]]);
	u = sl_prel_origin(s->l, x);
	v = sl_prel_origin(s->l, y);
	return (u > v) - (u < v);
}

static void
sort(struct sl_policy_run *r, const struct sl_prel *l, uint32_t *v, size_t n)
{
	struct sorter s = { r, l };

	for (size_t k = 1; k < n; k++)
		if (by_row(&v[k - 1], &v[k], &s) > 0) {
			qsort_r(v, n, sizeof(*v), by_row, &s);
			return;
		}
}

static uint32_t *
push(struct sl_policy_run *r, size_t n)
{
	if (r->cap_stack - r->n_stack < n) {
		size_t cap = 2 * r->cap_stack + n + 64;
		uint32_t *p =
		    sl_arena_regrow(r->a, r->stack, r->n_stack, cap, sizeof(*p));

		if (p == NULL) {
			sl_prun_stop(r, SL_PSTOP_NOMEM);
			return NULL;
		}
		r->stack = p;
		r->cap_stack = cap;
	}
	return r->stack + r->n_stack;
}

/* The order of all rows: kept, and mended where rows have come. */
static bool
all_rows(struct sl_policy_run *r, struct sl_prel *l)
{
	uint32_t *v;

	if (l->n_order < l->n) {
		if (l->cap_order < l->n) {
			v = sl_arena_regrow(r->a, l->order, l->n_order, l->cap,
					    sizeof(*v));
			if (v == NULL) {
				sl_prun_stop(r, SL_PSTOP_NOMEM);
				return false;
			}
			l->order = v;
			l->cap_order = l->cap;
		}
		v = l->order;
		for (uint32_t k = l->n_order; k < l->n; k++)
			v[k] = k;
		sort(r, l, v, l->n);
		l->n_order = l->n;
	}
	if ((v = push(r, l->n)) == NULL)
		return false;
	if (l->n > 0)
		memcpy(v, l->order, l->n * sizeof(*v));
	r->n_stack += l->n;
	return true;
}

static bool
has_key(const struct sl_prel *l, uint32_t row, uint32_t mask, const uint32_t *key)
{
	const uint32_t *c = l->cell + (size_t)row * l->arity;

	for (; mask != 0; mask &= mask - 1)
		if (c[__builtin_ctz(mask)] != key[__builtin_ctz(mask)])
			return false;
	return true;
}

static bool
by_index(struct sl_policy_run *r, struct sl_prel *l, uint32_t mask, const uint32_t *key)
{
	struct sl_pindex *x = sl_prel_index(r, l, mask);
	uint32_t b, n, at, *v, *from;
	size_t base = r->n_stack;

	if (x == NULL)
		return false;
	b = sl_pkey_hash(key, mask) & (x->cap - 1);
	n = x->start[b + 1] - x->start[b];
	from = x->rows + x->start[b];
	if (n > 1 && (x->is_sorted[b / 8] >> b % 8 & 1) == 0) {
		sort(r, l, from, n);
		x->is_sorted[b / 8] |= (uint8_t)(1U << b % 8);
	}
	if ((v = push(r, n)) == NULL)
		return false;
	for (uint32_t k = 0; k < n; k++)
		if (has_key(l, from[k], mask, key)) {
			*v++ = from[k];
			r->n_stack++;
		}
	if (x->head == NULL || x->head[b] == 0)
		return true;
	for (at = x->head[b]; at != 0; at = x->chain[at - 1 - x->n_csr])
		if (has_key(l, at - 1, mask, key)) {
			if ((v = push(r, 1)) == NULL)
				return false;
			*v = at - 1;
			r->n_stack++;
		}
	sort(r, l, r->stack + base, r->n_stack - base);
	return true;
}

bool
sl_prel_matches(struct sl_policy_run *r, struct sl_prel *l, uint32_t mask,
		const uint32_t *key)
{
	size_t from = r->n_stack;
	uint32_t *v;

	if (mask == 0)
		return all_rows(r, l);
	if (l->n > SCAN_MAX)
		return by_index(r, l, mask, key);
	if ((v = push(r, l->n)) == NULL)
		return false;
	for (uint32_t k = 0; k < l->n; k++)
		if (has_key(l, k, mask, key)) {
			*v++ = k;
			r->n_stack++;
		}
	sort(r, l, r->stack + from, r->n_stack - from);
	return true;
}
