/* fire.c -- rules against what is new: semi-naive evaluation.  See run.h.
 *
 * For each atom of a body that has new rows there is a plan: that atom first, then always
 * the one with the least unbound.  What the last atom yields goes through a buffer, so
 * that the cache misses of many look-ups in the head's table are under way at once.
 */
#include "policy/run.h"

enum { BATCH = 128, SCAN_MAX = 8, FIXED = UINT32_MAX };

/* A column, and the variable that it is compared with, binds or fills. */
struct place {
	uint32_t col, var, con;
	bool is_con;
};

struct step {
	uint32_t pred, atom, mask;
	bool is_old; /* only rows of earlier rounds: the atom stands before the new one */
	const struct place *key, *bind, *same;
	uint8_t n_key, n_bind, n_same;
	const uint8_t *expr; /* evaluated when it has matched */
	uint8_t n_expr;
};

struct plan {
	struct step *step;    /* n_atoms of them */
	const uint8_t *first; /* expressions without variables */
	uint8_t n_first;
};

struct rule {
	const struct sl_prule *q;
	struct place *head;
	struct plan **plan; /* by the atom that has new rows; made when first there are */
	bool is_guarded, is_fresh;
	struct rule *next;
};

struct sl_pprog {
	struct rule *rules, **tail;
};

/* One plan being run. */
struct firing {
	struct sl_pjoin j;
	struct sl_policy_run *r;
	struct rule *rule;
	const struct plan *plan;
	uint32_t n_atoms, arity, round, head;
	uint32_t n; /* tuples in the buffer */
	uint32_t cell[BATCH * SL_PARITY_MAX], hash[BATCH], origin[BATCH], height[BATCH];
};

struct sl_pprog *
sl_pprog_new(struct sl_policy_run *r)
{
	struct sl_pprog *g = SL_NEW(r->a, struct sl_pprog);

	if (g == NULL)
		sl_prun_stop(r, SL_PSTOP_NOMEM);
	else
		g->tail = &g->rules;
	return g;
}

static struct place
place_of(uint32_t col, const struct sl_parg *a)
{
	return (struct place){ col, a->var, a->con, !a->is_var };
}

void
sl_pprog_add(struct sl_policy_run *r, struct sl_pprog *g, const struct sl_prule *q,
	     bool is_guarded)
{
	struct rule *x = SL_NEW(r->a, struct rule);

	if (x != NULL) {
		x->head = SL_NEW_N(r->a, struct place, (size_t)q->head.n + 1);
		x->plan = SL_NEW_N(r->a, struct plan *, (size_t)q->body.n_atoms + 1);
	}
	if (x == NULL || x->head == NULL || x->plan == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	x->q = q;
	x->is_guarded = is_guarded;
	x->is_fresh = true;
	for (uint32_t k = 0; k < q->head.n; k++)
		x->head[k] = place_of(k, &q->head.args[k]);
	*g->tail = x;
	g->tail = &x->next;
}

/* ---- plans ---- */

static const uint8_t *
due_at(struct sl_policy_run *r, const struct sl_pjoin *j, uint32_t at, uint8_t *ret_n)
{
	uint8_t n = 0, *v;

	for (uint32_t k = 0; k < j->b->n_exprs; k++)
		n = (uint8_t)(n + (j->due[k] == at));
	*ret_n = n;
	if (n == 0)
		return NULL;
	if ((v = SL_NEW_N(r->a, uint8_t, n)) == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		*ret_n = 0;
		return NULL;
	}
	n = 0;
	for (uint32_t k = 0; k < j->b->n_exprs; k++)
		if (j->due[k] == at)
			v[n++] = (uint8_t)k;
	return v;
}

static void
plan_step(struct sl_policy_run *r, struct step *s, const struct sl_patom *m,
	  uint64_t *bound)
{
	struct place *key = SL_NEW_N(r->a, struct place, (size_t)m->n + 1), *bind, *same;
	uint64_t here = 0;

	bind = SL_NEW_N(r->a, struct place, (size_t)m->n + 1);
	same = SL_NEW_N(r->a, struct place, (size_t)m->n + 1);
	if (key == NULL || bind == NULL || same == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return;
	}
	s->pred = m->pred;
	s->key = key;
	s->bind = bind;
	s->same = same;
	for (uint32_t k = 0; k < m->n; k++) {
		const struct sl_parg *a = &m->args[k];
		uint64_t bit = a->is_var ? UINT64_C(1) << a->var : 0;

		if (!a->is_var || (*bound & bit) != 0) {
			key[s->n_key++] = place_of(k, a);
			s->mask |= UINT32_C(1) << k;
		} else if ((here & bit) != 0) {
			same[s->n_same++] = place_of(k, a);
		} else {
			bind[s->n_bind++] = place_of(k, a);
			here |= bit;
		}
	}
	*bound |= here;
}

/* Atom d first. */
static struct plan *
make_plan(struct sl_policy_run *r, const struct rule *x, uint32_t d)
{
	const struct sl_pbody *b = &x->q->body;
	struct plan *p = SL_NEW(r->a, struct plan);
	uint64_t bound = 0;
	struct sl_pjoin j;

	if (p == NULL ||
	    (p->step = SL_NEW_N(r->a, struct step, (size_t)b->n_atoms + 1)) == NULL) {
		sl_prun_stop(r, SL_PSTOP_NOMEM);
		return NULL;
	}
	sl_pjoin_init(&j, r, b, x->q->id);
	if (b->n_atoms > 0) {
		j.order[0] = (uint8_t)d;
		for (uint32_t k = 0; k < b->atoms[d].n; k++)
			if (b->atoms[d].args[k].is_var)
				j.bound |= UINT64_C(1) << b->atoms[d].args[k].var;
		sl_pjoin_order(&j, 1);
	}
	p->first = due_at(r, &j, 0, &p->n_first);
	for (uint32_t at = 0; at < b->n_atoms; at++) {
		struct step *s = &p->step[at];

		s->atom = j.order[at];
		s->is_old = s->atom < d;
		plan_step(r, s, &b->atoms[s->atom], &bound);
		s->expr = due_at(r, &j, at + 1, &s->n_expr);
	}
	return r->stop == SL_PSTOP_NO ? p : NULL;
}

/* ---- a plan being run ---- */

static uint32_t
value(const struct firing *f, const struct place *p)
{
	return p->is_con ? f->r->con[p->con] : f->j.val[p->var];
}

/* What the loops below read again and again, where no store can reach it. */
struct table {
	const uint64_t *hash;
	const uint32_t *cell;
	uint32_t mask, arity;
};

/* Most of what a recursive rule yields is there already, at the first place looked at. */
static inline bool
is_there(const struct table t, const uint32_t *cell, uint32_t h)
{
	uint32_t at = h & t.mask;
	uint64_t k;

	for (; (k = t.hash[at]) != 0; at = (at + 1) & t.mask)
		if (k >> 32 == h &&
		    sl_prel_is_same(t.cell + ((uint32_t)k - 1) * (size_t)t.arity, cell,
				    t.arity))
			return true;
	return false;
}

/* Leaves in the buffer's order the numbers of those that are new.  The table's slots were
 * asked for when the tuples came; now the rows, then both. */
static uint32_t
find_new(const struct firing *f, const struct table t, uint8_t *restrict is_new)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < f->n; k++) {
		uint64_t slot = t.hash[f->hash[k] & t.mask];

		__builtin_prefetch(t.cell + (uint32_t)slot * (size_t)t.arity);
	}
	for (uint32_t k = 0; k < f->n; k++) {
		is_new[n] = (uint8_t)k;
		n += !is_there(t, f->cell + (size_t)k * t.arity, f->hash[k]);
	}
	return n;
}

static void
flush(struct firing *f)
{
	struct sl_prel *l = &f->r->rel[f->head];
	uint8_t is_new[BATCH];
	uint32_t n = 0;

	if (f->r->p->n_blocks == 0 && !f->r->is_rising && l->cap_hash > 0)
		n = find_new(
		    f, (struct table){ l->hash, l->cell, l->cap_hash - 1, l->arity },
		    is_new);
	else
		for (; n < f->n; n++)
			is_new[n] = (uint8_t)n;
	for (uint32_t i = 0; i < n && f->r->stop == SL_PSTOP_NO; i++) {
		uint32_t k = is_new[i];

		sl_prel_put(f->r, f->head, f->cell + (size_t)k * f->arity, f->hash[k],
			    f->r->p->n_blocks > 0 ? f->origin[k]
						  : UINT32_C(1) << SL_PAUTH,
			    f->height[k]);
	}
	f->n = 0;
}

/* The cell of the next tuple is filled: takes it. */
static inline void
take(struct firing *f, uint32_t origin, uint32_t height)
{
	const struct sl_prel *l = &f->r->rel[f->head];
	uint32_t h = sl_prel_hash(f->cell + (size_t)f->n * f->arity, f->arity);

	if (l->cap_hash > 0)
		__builtin_prefetch(l->hash + (h & (l->cap_hash - 1)));
	f->hash[f->n] = h;
	f->origin[f->n] = origin;
	f->height[f->n] = height;
	if (++f->n == BATCH)
		flush(f);
}

/* What the rows matched so far say of the head. */
static void
standing(const struct firing *f, uint32_t n, uint32_t *origin, uint32_t *height)
{
	*origin = UINT32_C(1) << f->rule->q->block;
	*height =
	    f->head < f->r->p->n_preds ? f->round : SL_PFACT; /* a demand has none */
	if (f->r->p->n_blocks == 0 && (!f->r->is_rising || *height == SL_PFACT))
		return;
	for (uint32_t at = 0; at < n; at++) {
		const struct step *s = &f->plan->step[at];
		const struct sl_prel *l = &f->r->rel[s->pred];
		uint32_t row = f->j.row[s->atom], h = sl_prel_height(l, row) + 1;

		*origin |= sl_prel_origin(l, row);
		if (f->r->is_rising && !(f->rule->is_guarded && s->atom == 0))
			*height = h > *height ? h : *height;
	}
}

static void
emit(struct firing *f)
{
	uint32_t *cell = f->cell + (size_t)f->n * f->arity, origin, height;

	for (uint32_t k = 0; k < f->arity; k++)
		cell[k] = value(f, &f->rule->head[k]);
	standing(f, f->n_atoms, &origin, &height);
	take(f, origin, height);
}

static bool
hold(struct firing *f, const uint8_t *expr, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (sl_pjoin_plain_expr(&f->j, expr[k]) != SL_PYES ||
		    f->r->stop != SL_PSTOP_NO)
			return false;
	return true;
}

static void walk(struct firing *f, uint32_t at);

static inline bool
fits(const struct firing *f, const struct step *s, const struct sl_prel *l,
     const uint32_t *key, uint32_t row)
{
	const uint32_t *c = l->cell + (size_t)row * l->arity;

	for (uint32_t k = 0; k < s->n_key; k++)
		if (c[s->key[k].col] != key[s->key[k].col])
			return false;
	return l->origin == NULL ||
	       ((l->origin[row] & ~f->j.b->trusted) == 0 && l->prov[row] != SL_PDEAD);
}

static inline void
try_row(struct firing *f, uint32_t at, const uint32_t *key, uint32_t row)
{
	const struct step *s = &f->plan->step[at];
	const struct sl_prel *l = &f->r->rel[s->pred];
	const uint32_t *c = l->cell + (size_t)row * l->arity;

	if (!fits(f, s, l, key, row))
		return;
	for (uint32_t k = 0; k < s->n_bind; k++)
		f->j.val[s->bind[k].var] = c[s->bind[k].col];
	for (uint32_t k = 0; k < s->n_same; k++)
		if (f->j.val[s->same[k].var] != c[s->same[k].col])
			return;
	f->j.row[s->atom] = row;
	f->r->work++;
	if (s->n_expr > 0 && !hold(f, s->expr, s->n_expr))
		return;
	if (at + 1 == f->n_atoms)
		emit(f);
	else
		walk(f, at + 1);
}

/* Where a column of the head comes from in the last atom's row, FIXED: it stands. */
static uint32_t
column_of(const struct step *s, const struct place *p)
{
	for (uint32_t i = 0; i < s->n_bind && !p->is_con; i++)
		if (s->bind[i].var == p->var)
			return s->bind[i].col;
	return (uint32_t)FIXED;
}

static void
fill_column(uint32_t *restrict to, uint32_t arity, const uint32_t *cell, uint32_t width,
	    const uint32_t *restrict rows, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		to[k * arity] = cell[(size_t)rows[k] * width];
}

static void
fill_fixed(uint32_t *restrict to, uint32_t arity, uint32_t v, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		to[k * arity] = v;
}

static void
fill_hashes(uint32_t *restrict to, const uint32_t *cell, uint32_t arity,
	    const uint64_t *table, uint32_t mask, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++) {
		to[k] = sl_prel_hash(cell + (size_t)k * arity, arity);
		__builtin_prefetch(table + (to[k] & mask));
	}
}

/* Tuples from those rows, column by column; at most what the buffer has room for. */
static void
fill(struct firing *f, const struct sl_prel *l, const struct step *s,
     const uint32_t *rows, uint32_t n)
{
	uint32_t *to = f->cell + (size_t)f->n * f->arity;
	const struct sl_prel *head = &f->r->rel[f->head];

	for (uint32_t c = 0; c < f->arity; c++) {
		uint32_t from = column_of(s, &f->rule->head[c]);

		if (from == (uint32_t)FIXED)
			fill_fixed(to + c, f->arity, value(f, &f->rule->head[c]), n);
		else
			fill_column(to + c, f->arity, l->cell + from, l->arity, rows, n);
	}
	fill_hashes(f->hash + f->n, to, f->arity, head->hash,
		    head->cap_hash > 0 ? head->cap_hash - 1 : 0, n);
	fill_fixed(f->height + f->n, 1, f->round, n);
	f->n += n;
	if (f->n == BATCH)
		flush(f);
}

/* Rows below hi that have the key. */
static uint32_t
pick(const struct sl_prel *l, const struct step *s, const uint32_t *restrict key,
     const uint32_t *restrict rows, uint32_t n, uint32_t hi, uint32_t *restrict hit)
{
	const uint32_t *cell = l->cell, width = l->arity;
	const struct place *place = s->key;
	uint32_t n_hit = 0, n_key = s->n_key;

	for (uint32_t k = 0; k < n; k++) {
		const uint32_t *c = cell + (size_t)rows[k] * width;
		uint32_t off = rows[k] >= hi;

		for (uint32_t i = 0; i < n_key; i++)
			off |= c[place[i].col] ^ key[place[i].col];
		hit[n_hit] = rows[k];
		n_hit += off == 0;
	}
	return n_hit;
}

/* The last atom, and nothing but its columns to fill in: the loop that everything else is
 * for. */
static void
pour(struct firing *f, const struct step *s, const uint32_t *key, const uint32_t *rows,
     uint32_t n, uint32_t hi)
{
	const struct sl_prel *l = &f->r->rel[s->pred];
	uint32_t hit[BATCH];

	while (n > 0 && f->r->stop == SL_PSTOP_NO) {
		uint32_t some = n < BATCH - f->n ? n : BATCH - f->n;
		uint32_t n_hit = pick(l, s, key, rows, some, hi, hit);

		f->r->work += n_hit;
		fill(f, l, s, hit, n_hit);
		rows += some;
		n -= some;
	}
}

static bool
can_pour(const struct firing *f, uint32_t at, const struct step *s)
{
	return at + 1 == f->n_atoms && s->n_expr == 0 && s->n_same == 0 &&
	       !f->r->is_rising && f->r->p->n_blocks == 0;
}

/* Matches the atoms from the at-th of the plan on; as deep as a body has atoms. */
static void
walk(struct firing *f, uint32_t at)
{
	const struct step *s = &f->plan->step[at];
	struct sl_policy_run *r = f->r;
	struct sl_prel *l = &r->rel[s->pred];
	uint32_t key[SL_PARITY_MAX],
	    hi = s->is_old && !r->is_rising ? l->n_old : l->n_seen;
	struct sl_pindex *x;
	uint32_t b, n, *rows;

	if (r->work > r->lim.max_work) {
		sl_prun_stop(r, SL_PSTOP_LIMIT);
		return;
	}
	for (uint32_t k = 0; k < s->n_key; k++)
		key[s->key[k].col] = value(f, &s->key[k]);
	if (s->mask == 0 || l->n_seen <= SCAN_MAX) {
		for (uint32_t k = 0; k < hi && r->stop == SL_PSTOP_NO; k++)
			try_row(f, at, key, k);
		return;
	}
	if ((x = sl_prel_index(r, l, s->mask)) == NULL)
		return;
	b = sl_pkey_hash(key, s->mask) & (x->cap - 1);
	rows = x->rows + x->start[b];
	n = x->start[b + 1] - x->start[b];
	if (can_pour(f, at, s)) {
		pour(f, s, key, rows, n, hi);
	} else {
		for (uint32_t k = 0; k < n && r->stop == SL_PSTOP_NO; k++)
			if (rows[k] < hi)
				try_row(f, at, key, rows[k]);
	}
	if (x->head == NULL)
		return;
	for (b = x->head[b]; b != 0 && r->stop == SL_PSTOP_NO;
	     b = x->chain[b - 1 - x->n_csr])
		if (b - 1 < hi)
			try_row(f, at, key, b - 1);
}

/* A rule with one atom: it is the last one, too. */
static void
pour_new(struct firing *f, const struct step *s, const uint32_t *key)
{
	const struct sl_prel *l = &f->r->rel[s->pred];
	uint32_t rows[BATCH];

	for (uint32_t k = l->n_old; k < l->n_seen && f->r->stop == SL_PSTOP_NO;) {
		uint32_t n = 0;

		while (n < BATCH && k < l->n_seen)
			rows[n++] = k++;
		pour(f, s, key, rows, n, l->n_seen);
		if (f->r->work > f->r->lim.max_work)
			sl_prun_stop(f->r, SL_PSTOP_LIMIT);
	}
}

/* The first atom of the plan: only what is new. */
static void
walk_new(struct firing *f, bool is_all)
{
	const struct step *s = &f->plan->step[0];
	struct sl_policy_run *r = f->r;
	struct sl_prel *l = &r->rel[s->pred];
	uint32_t key[SL_PARITY_MAX];

	for (uint32_t k = 0; k < s->n_key; k++)
		key[s->key[k].col] = value(f, &s->key[k]);
	if (!is_all && can_pour(f, 0, s)) {
		pour_new(f, s, key);
		return;
	}
	for (uint32_t k = is_all ? 0 : l->n_old; k < l->n_seen; k++) {
		if (r->work > r->lim.max_work)
			sl_prun_stop(r, SL_PSTOP_LIMIT);
		if (r->stop != SL_PSTOP_NO)
			return;
		try_row(f, 0, key, k);
	}
	for (uint32_t k = 0; !is_all && k < l->n_low_now && r->stop == SL_PSTOP_NO; k++)
		if (l->low[k] < l->n_old)
			try_row(f, 0, key, l->low[k]);
}

static void
run(struct sl_policy_run *r, struct firing *f, struct rule *x, uint32_t d, bool is_all)
{
	if (x->plan[d] == NULL && (x->plan[d] = make_plan(r, x, d)) == NULL)
		return;
	f->r = r;
	f->rule = x;
	f->plan = x->plan[d];
	f->n_atoms = x->q->body.n_atoms;
	f->head = x->q->head.pred;
	f->arity = x->q->head.n;
	f->n = 0;
	f->j.r = r;
	f->j.b = &x->q->body;
	if (!hold(f, f->plan->first, f->plan->n_first))
		return;
	if (f->n_atoms == 0)
		emit(f);
	else
		walk_new(f, is_all);
	flush(f);
}

static bool
has_new(const struct sl_prel *l)
{
	return l->n_seen > l->n_old || l->n_low_now > 0;
}

static void
run_rule(struct sl_policy_run *r, struct firing *f, struct rule *x)
{
	const struct sl_pbody *b = &x->q->body;

	if (x->is_fresh) { /* it has seen nothing yet: on all there is, once */
		x->is_fresh = false;
		if (b->n_atoms == 0 || r->is_rising) {
			run(r, f, x, 0, true);
			return;
		}
	}
	for (uint32_t d = 0; d < b->n_atoms && r->stop == SL_PSTOP_NO; d++)
		if (has_new(&r->rel[b->atoms[d].pred]))
			run(r, f, x, d, false);
}

void
sl_pprog_round(struct sl_policy_run *r, struct sl_pprog *g, uint32_t round)
{
	struct firing f; /* filled by run() */

	f.round = round;
	for (struct rule *x = g->rules; x != NULL && r->stop == SL_PSTOP_NO;
	     x = x->next) {
		run_rule(r, &f, x);
		if (r->stop == SL_PSTOP_LIMIT && r->stop_rule == NULL)
			r->stop_rule =
			    x->q->shown != NULL || x->q->line == 0 ? x->q->shown : x->q;
	}
}

bool
sl_pprog_next(struct sl_policy_run *r)
{
	bool has_any = false;

	for (uint32_t k = 0; k < r->n_rels; k++) {
		struct sl_prel *l = &r->rel[k];

		l->n_old = l->n_seen;
		l->n_seen = l->n;
		has_any |= l->n_seen > l->n_old || l->n_low > l->n_low_now;
		/* What sank in the last round stands behind what sank before it. */
		if (l->n_low_now > 0)
			memmove(l->low, l->low + l->n_low_now,
				(l->n_low - l->n_low_now) * sizeof(*l->low));
		l->n_low = l->n_low_now = l->n_low - l->n_low_now;
	}
	return has_any;
}

void
sl_pprog_renew(struct sl_pprog *g, const bool *is_wanted)
{
	for (struct rule *x = g->rules; x != NULL; x = x->next)
		x->is_fresh |= is_wanted[x->q->head.pred];
}
