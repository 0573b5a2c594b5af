/* rel.c -- interned terms, relations and their indexes.  See run.h. */
#include "policy/run.h"

void
sl_prun_stop(struct sl_policy_run *r, enum sl_pstop why)
{
	if (r->stop == SL_PSTOP_NO)
		r->stop = why;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* ---- terms ---- */

static uint64_t
hash_term(const struct sl_term *t)
{
	uint64_t h = mix((uint64_t)t->kind + 1, (uint64_t)t->i);

	for (size_t k = 0; k < t->s.len; k++)
		h = (h ^ t->s.p[k]) * UINT64_C(0x100000001b3);
	h = mix(h, t->s.len);
	for (size_t k = 0; k < t->n; k++)
		h = mix(h, hash_term(&t->items[k]));
	return h;
}

static bool
grow_terms(struct sl_policy_run *r)
{
	uint32_t cap = r->cap_terms > 0 ? 2 * r->cap_terms : 256;
	const struct sl_term **v = SL_NEW_N(r->a, const struct sl_term *, cap);
	uint64_t *h = SL_NEW_N(r->a, uint64_t, cap);
	uint32_t *ix = SL_NEW_N(r->a, uint32_t, (size_t)cap * 2), at;

	if (v == NULL || h == NULL || ix == NULL)
		return false;
	if (r->n_terms > 0) {
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): a table of pointers */
		memcpy(v, r->term, r->n_terms * sizeof(*v));
		memcpy(h, r->term_hash, r->n_terms * sizeof(*h));
	}
	for (uint32_t k = 0; k < r->n_terms; k++) {
		for (at = (uint32_t)h[k] & (2 * cap - 1); ix[at] != 0;)
			at = (at + 1) & (2 * cap - 1);
		ix[at] = k + 1;
	}
	r->term = v;
	r->term_hash = h;
	r->term_index = ix;
	r->cap_terms = cap;
	r->cap_index = 2 * cap;
	return true;
}

/* The number of the term, UINT32_MAX when memory is out. */
uint32_t
sl_prun_intern(struct sl_policy_run *r, const struct sl_term *t)
{
	uint64_t h = hash_term(t);
	uint32_t at, k;

	if (r->n_terms == r->cap_terms && !grow_terms(r)) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return UINT32_MAX;
	}
	for (at = (uint32_t)h & (r->cap_index - 1); (k = r->term_index[at]) != 0;
	     at = (at + 1) & (r->cap_index - 1))
		if (r->term_hash[k - 1] == h && sl_term_cmp(r->term[k - 1], t) == 0)
			return k - 1;
	r->term_index[at] = r->n_terms + 1;
	r->term[r->n_terms] = t;
	r->term_hash[r->n_terms] = h;
	return r->n_terms++;
}

/* ---- relations ---- */

uint32_t
sl_prel_hash(const uint32_t *c, uint32_t n, uint32_t mask)
{
	uint64_t h = mask;

	for (uint32_t k = 0; k < n; k++)
		if ((mask >> k & 1) != 0)
			h = mix(h, c[k] + UINT64_C(1));
	return (uint32_t)(h ^ h >> 17);
}

static uint32_t
hash_row(const struct sl_prel *l, uint32_t row)
{
	return sl_prel_hash(l->cell + (size_t)row * l->arity, l->arity, UINT32_MAX) ^
	       l->origin[row] * 0x9e3779b1U;
}

void *
sl_prun_regrow(struct sl_policy_run *r, const void *old, size_t n, size_t cap,
	       size_t size)
{
	void *p = sl_arena_alloc(r->a, cap, size);

	if (p == NULL)
		sl_prun_stop(r, SL_PSTOP_NOMEM);
	else if (n > 0)
		memcpy(p, old, n * size);
	return p;
}

static bool
grow_rel(struct sl_policy_run *r, struct sl_prel *l)
{
	uint32_t cap = l->cap > 0 ? 2 * l->cap : 16, at;

	l->cell = sl_prun_regrow(r, l->cell, l->n, cap, l->arity * sizeof(*l->cell));
	l->origin = sl_prun_regrow(r, l->origin, l->n, cap, sizeof(*l->origin));
	l->height = sl_prun_regrow(r, l->height, l->n, cap, sizeof(*l->height));
	l->source = sl_prun_regrow(r, l->source, l->n, cap, sizeof(*l->source));
	l->hash = sl_prun_regrow(r, NULL, 0, (size_t)cap * 2, sizeof(*l->hash));
	if (r->stop == SL_PSTOP_NOMEM) {
		l->n = 0;
		return false;
	}
	l->cap = cap;
	l->cap_hash = cap * 2;
	for (uint32_t k = 0; k < l->n; k++) {
		for (at = hash_row(l, k) & (l->cap_hash - 1); l->hash[at] != 0;)
			at = (at + 1) & (l->cap_hash - 1);
		l->hash[at] = k + 1;
	}
	return true;
}

/* Adds a row unless it is there. */
void
sl_prel_insert(struct sl_policy_run *r, struct sl_prel *l, const uint32_t *cell,
	       uint32_t origin, uint32_t height, uint32_t source)
{
	uint32_t at, k;

	if (l->n == l->cap && !grow_rel(r, l))
		return;
	at = (sl_prel_hash(cell, l->arity, UINT32_MAX) ^ origin * 0x9e3779b1U) &
	     (l->cap_hash - 1);
	for (; (k = l->hash[at]) != 0; at = (at + 1) & (l->cap_hash - 1))
		if (l->origin[k - 1] == origin &&
		    memcmp(l->cell + (size_t)(k - 1) * l->arity, cell,
			   l->arity * sizeof(*cell)) == 0)
			return;
	if (r->n_facts >= r->lim.max_facts || l->n == UINT32_MAX / 4) {
		sl_prun_stop(r, SL_PSTOP_LIMIT);
		return;
	}
	r->n_facts++;
	memcpy(l->cell + (size_t)l->n * l->arity, cell, l->arity * sizeof(*cell));
	l->origin[l->n] = origin;
	l->height[l->n] = height;
	l->source[l->n] = source;
	l->hash[at] = ++l->n;
}

/* ---- indexes ---- */

static void
index_row(struct sl_prel *l, struct sl_pindex *x, uint32_t row)
{
	uint32_t at = sl_prel_hash(l->cell + (size_t)row * l->arity, l->arity, x->mask) &
		      (x->cap - 1);

	x->chain[row] = x->head[at];
	x->head[at] = row + 1;
}

/* Brings the index up to date with the rows of earlier rounds: those of this round are
 * not visible yet, so the chains stand still while a round walks them.  A rebuild goes
 * from the last row to the first, so that chains over a sorted relation are in order. */
static bool
refresh(struct sl_policy_run *r, struct sl_prel *l, struct sl_pindex *x)
{
	if (x->n == l->n_seen && x->head != NULL)
		return true;
	if (x->head == NULL || l->n_seen > x->cap) {
		x->cap = 16;
		while (x->cap < l->n_seen)
			x->cap *= 2;
		x->head = sl_prun_regrow(r, NULL, 0, x->cap, sizeof(*x->head));
		x->chain = sl_prun_regrow(r, NULL, 0, x->cap, sizeof(*x->chain));
		if (x->head == NULL || x->chain == NULL)
			return false;
		for (uint32_t k = l->n_seen; k-- > 0;)
			index_row(l, x, k);
	} else {
		for (uint32_t k = x->n; k < l->n_seen; k++)
			index_row(l, x, k);
	}
	x->n = l->n_seen;
	return true;
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
