/* rel.c -- interned terms and relations.  See run.h. */
#include "policy/run.h"

void
sl_prun_stop(struct sl_policy_run *r, enum sl_pstop why)
{
	if (r->stop == SL_PSTOP_NO)
		r->stop = why;
}

/* ---- terms ---- */

static uint64_t
hash_term(const struct sl_term *t)
{
	uint64_t h = sl_pmix((uint64_t)t->kind + 1, (uint64_t)t->i), w;
	size_t k = 0;

	for (; k + 8 <= t->s.len; k += 8) {
		memcpy(&w, t->s.p + k, 8);
		h = sl_pmix(h, w);
	}
	for (w = 0; k < t->s.len; k++)
		w = w << 8 | t->s.p[k];
	h = sl_pmix(h ^ w, t->s.len);
	for (k = 0; k < t->n; k++)
		h = sl_pmix(h, hash_term(&t->items[k]));
	return h;
}

static void
index_term(struct sl_policy_run *r, uint32_t k)
{
	uint32_t at = (uint32_t)r->term_hash[k] & (r->cap_index - 1);

	while (r->term_index[at] != 0)
		at = (at + 1) & (r->cap_index - 1);
	r->term_index[at] = k + 1;
}

static bool
grow_terms(struct sl_policy_run *r)
{
	uint32_t cap = r->cap_terms > 0 ? 2 * r->cap_terms : 256;
	const struct sl_term **v =
	    sl_arena_regrow(r->a, r->term, r->n_terms, cap, sizeof(void *));
	uint64_t *h;

	if (v == NULL)
		return false;
	r->term = v;
	h = sl_arena_regrow(r->a, r->term_hash, r->n_terms, cap, sizeof(*h));
	if (h == NULL)
		return false;
	r->term_hash = h;
	r->term_index =
	    sl_arena_renew(r->a, r->term_index, (size_t)cap * 2, sizeof(*r->term_index));
	if (r->term_index == NULL)
		return false;
	r->cap_terms = cap;
	r->cap_index = 2 * cap;
	for (uint32_t k = 0; k < r->n_terms; k++)
		index_term(r, k);
	return true;
}

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

/* Linear probing, and the last that came goes first: no chain is broken by it. */
void
sl_prun_forget(struct sl_policy_run *r, uint32_t n)
{
	while (r->n_terms > n) {
		uint32_t at = (uint32_t)r->term_hash[--r->n_terms] & (r->cap_index - 1);

		while (r->term_index[at] != r->n_terms + 1)
			at = (at + 1) & (r->cap_index - 1);
		r->term_index[at] = 0;
	}
}

/* ---- relations ---- */

static void
hash_add(struct sl_prel *l, uint32_t h, uint32_t row)
{
	uint32_t at = h & (l->cap_hash - 1);

	while (l->hash[at] != 0)
		at = (at + 1) & (l->cap_hash - 1);
	l->hash[at] = (uint64_t)h << 32 | (row + 1);
}

static const uint32_t *
cells(const struct sl_prel *l, uint32_t row)
{
	return l->cell + (size_t)row * l->arity;
}

/* By rows, not by slots: what is taken back must be the last that came. */
static bool
grow_hash(struct sl_policy_run *r, struct sl_prel *l)
{
	uint32_t cap = l->cap_hash > 0 ? 2 * l->cap_hash : 32;

	l->hash = sl_arena_renew(r->a, l->hash, cap, sizeof(*l->hash));
	if (l->hash == NULL) {
		l->cap_hash = 0;
		return false;
	}
	l->cap_hash = cap;
	for (uint32_t k = 0; k < l->n; k++)
		hash_add(l, sl_prel_hash(cells(l, k), l->arity), k);
	return true;
}

static bool
grow_column(struct sl_policy_run *r, uint32_t **v, uint32_t n, uint32_t cap, size_t width)
{
	uint32_t *p = sl_arena_regrow(r->a, *v, n, cap, width * sizeof(**v));

	if (p != NULL)
		*v = p;
	return p != NULL;
}

static bool
grow_rel(struct sl_policy_run *r, struct sl_prel *l)
{
	uint32_t cap = l->cap > 0 ? 2 * l->cap : 16;

	if (!grow_column(r, &l->cell, l->n, cap, l->arity) ||
	    !grow_column(r, &l->prov, l->n, cap, 1) ||
	    (r->p->n_blocks > 0 && !grow_column(r, &l->origin, l->n, cap, 1)))
		return false;
	l->cap = cap;
	return true;
}

/* Lower is: a fact before what is derived, and of two facts the first source. */
static bool
is_lower(const struct sl_policy_run *r, uint32_t prov, uint32_t than)
{
	if ((prov & than & SL_PFACT) != 0) {
		struct sl_term a = sl_term_str(r->source[prov & ~SL_PFACT]),
			       b = sl_term_str(r->source[than & ~SL_PFACT]);

		/* The policy's own come first, whatever they are called. */
		return prov != than && than != SL_PFACT &&
		       (prov == SL_PFACT || sl_term_cmp(&a, &b) < 0);
	}
	return (prov & SL_PFACT) != 0 || ((than & SL_PFACT) == 0 && prov < than);
}

static void
sink(struct sl_policy_run *r, uint32_t pred, uint32_t row, uint32_t prov)
{
	struct sl_prel *l = &r->rel[pred];

	if (r->is_marked) {
		if (r->n_undo == r->cap_undo) {
			size_t cap = 2 * r->cap_undo + 64;
			struct sl_pundo *v =
			    sl_arena_regrow(r->a, r->undo, r->n_undo, cap, sizeof(*v));

			if (v == NULL) {
				sl_prun_stop(r, SL_PSTOP_NOMEM);
				return;
			}
			r->undo = v;
			r->cap_undo = cap;
		}
		r->undo[r->n_undo++] = (struct sl_pundo){ pred, row, l->prov[row] };
	}
	l->prov[row] = prov;
	if (row >= l->n_seen) /* is looked at anyway */
		return;
	if (l->n_low == l->cap_low) {
		uint32_t cap = 2 * l->cap_low + 16;

		if (!grow_column(r, &l->low, l->n_low, cap, 1)) {
			sl_prun_stop(r, SL_PSTOP_NOMEM);
			return;
		}
		l->cap_low = cap;
	}
	l->low[l->n_low++] = row;
}

/* The tuple is there: true where that says all that the new row would. */
static bool
is_known(struct sl_policy_run *r, uint32_t pred, uint32_t row, uint32_t origin,
	 uint32_t prov)
{
	struct sl_prel *l = &r->rel[pred];

	if (l->origin != NULL && l->origin[row] != origin) {
		if ((l->origin[row] & ~origin) == 0 && l->prov[row] != SL_PDEAD)
			return true; /* visible wherever the new one would be */
		if ((origin & ~l->origin[row]) == 0)
			l->prov[row] = SL_PDEAD;
		return false;
	}
	if (r->is_rising && is_lower(r, prov, l->prov[row]))
		sink(r, pred, row, prov);
	return true;
}

void
sl_prel_put(struct sl_policy_run *r, uint32_t pred, const uint32_t *cell, uint32_t h,
	    uint32_t origin, uint32_t prov)
{
	struct sl_prel *l = &r->rel[pred];
	uint64_t k, *count;
	uint32_t at;

	if ((uint64_t)l->n * 8 >= (uint64_t)l->cap_hash * 5 && !grow_hash(r, l)) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	for (at = h & (l->cap_hash - 1); (k = l->hash[at]) != 0;
	     at = (at + 1) & (l->cap_hash - 1)) {
		uint32_t row = (uint32_t)k - 1;

		if (k >> 32 == h && sl_prel_is_same(cells(l, row), cell, l->arity) &&
		    is_known(r, pred, row, origin, prov))
			return;
	}
	count = pred < r->p->n_preds ? &r->n_facts : &r->n_asked;
	if (*count >= r->lim.max_facts || l->n == UINT32_MAX / 8) {
		sl_prun_stop(r, SL_PSTOP_LIMIT);
		return;
	}
	if (l->n == l->cap && !grow_rel(r, l)) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	++*count;
	memcpy(l->cell + (size_t)l->n * l->arity, cell, l->arity * sizeof(*cell));
	if (l->origin != NULL)
		l->origin[l->n] = origin;
	l->prov[l->n] = prov;
	l->hash[at] = (uint64_t)h << 32 | ++l->n;
}

uint32_t
sl_prel_find(const struct sl_prel *l, const uint32_t *cell)
{
	uint32_t h = sl_prel_hash(cell, l->arity), at;
	uint64_t k;

	if (l->cap_hash == 0)
		return UINT32_MAX;
	for (at = h & (l->cap_hash - 1); (k = l->hash[at]) != 0;
	     at = (at + 1) & (l->cap_hash - 1))
		if (k >> 32 == h &&
		    sl_prel_is_same(cells(l, (uint32_t)k - 1), cell, l->arity))
			return (uint32_t)k - 1;
	return UINT32_MAX;
}

void
sl_prel_cut(struct sl_prel *l, uint32_t n)
{
	if (l->n <= n)
		return;
	sl_prel_cut_indexes(l, n);
	while (l->n > n) {
		uint32_t at =
		    sl_prel_hash(cells(l, --l->n), l->arity) & (l->cap_hash - 1);

		while ((uint32_t)l->hash[at] != l->n + 1)
			at = (at + 1) & (l->cap_hash - 1);
		l->hash[at] = 0;
	}
	l->n_seen = l->n_seen < n ? l->n_seen : n;
	l->n_old = l->n_old < n ? l->n_old : n;
	l->n_low = l->n_low_now = 0;
}
