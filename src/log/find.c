/* find.c -- see find.h. */
#include "log/find.h"

#include "crypto/sha256.h"
#include "log/le.h"

/* What is looked for; `what` 0: by digest. */
struct want {
	enum sl_rec_type type;
	enum sl_idx_what what;
	uint32_t tree;
	uint64_t n;
	uint8_t lo[32], hi[32]; /* digests, bounds included */
	bool in_tree;           /* of a digest: an entry of `tree` alone */
	struct sl_state *st;    /* SEALED, CLOSED: the seal's state goes here */
};

int
sl_state_read(struct sl_seg *g, uint64_t off, struct sl_state *ret, struct sl_err *err)
{
	struct sl_buf body;
	struct sl_rec r;
	int e;

	sl_buf_init(&body, SL_REC_MAX + 8);
	e = sl_seg_read(g, off, &body, &r, err);
	if (e == 0 || (e == 1 && r.type != SL_REC_SEAL))
		e = sl_seg_damage(off, "no seal is there", err);
	if (e == 1)
		e = sl_seal_decode(&r, sl_buf_get(&body), ret, err);
	sl_buf_done(&body);
	return e;
}

static int
seal_is(const struct sl_view *v, const struct want *w, const struct sl_rec *r,
	struct sl_err *err)
{
	const struct sl_tree_state *t;
	int e = sl_state_read(v->g, r->off, w->st, err);

	if (e < 0)
		return e;
	t = sl_state_tree(w->st, w->tree);
	if (t == NULL)
		return 0;
	if (w->what == SL_IDX_CLOSED)
		return (t->flags & SL_TREE_CLOSED) != 0;
	return (t->flags & SL_TREE_TOUCHED) && t->edge.size == w->n;
}

static int
is_it(const struct sl_view *v, const struct want *w, const struct sl_rec *r,
      struct sl_err *err)
{
	if (r->type != w->type)
		return 0;
	switch ((int)w->what) {
	case SL_IDX_AT:
		return r->tree == w->tree && r->index == w->n;
	case SL_IDX_DECL:
		return r->tree == w->tree;
	case SL_IDX_SEALED:
	case SL_IDX_CLOSED:
		return seal_is(v, w, r, err);
	default:
		if (r->type == SL_REC_TREE && r->tree < 2)
			return 0; /* not a run's */
		if (w->in_tree && r->tree != w->tree)
			return 0;
		return memcmp(r->hash, w->lo, 32) >= 0 && memcmp(r->hash, w->hi, 32) <= 0;
	}
}

static uint64_t
key_of(const uint8_t d[32])
{
	uint64_t k;

	memcpy(&k, d, 8);
	return be64toh(k);
}

/* A walk over whatever fits. */
struct search {
	struct sl_idx_it it;
	uint64_t pos;          /* of the scan */
	struct sl_err skipped; /* first damage met through the index */
};

static void
start(const struct sl_view *v, const struct want *w, struct search *s)
{
	uint64_t k = sl_idx_key(w->what, w->tree, w->n);

	s->skipped.code = 0;
	/* read before the slots are: what it promises is in them */
	s->pos = sl_idx_covered(v->x);
	s->it = w->what == 0 ? sl_idx_find(v->x, key_of(w->lo), key_of(w->hi))
			     : sl_idx_find(v->x, k, k);
}

static int
next(const struct sl_view *v, const struct want *w, struct search *s, struct sl_rec *ret,
     struct sl_err *err)
{
	uint64_t off;
	int e;

	while (sl_idx_next(v->x, &s->it, &off)) {
		if (off >= v->st->end || off >= s->pos)
			continue; /* the scan will meet it */
		struct sl_err why = { 0 };

		e = sl_seg_read(v->g, off, NULL, ret, &why);
		if (e == 1)
			e = is_it(v, w, ret, &why);
		if (e == 1)
			return e;
		/* the index may be wrong, or the log damaged: told if nothing else fits
		 */
		if (e < 0 && s->skipped.code == 0)
			s->skipped = why;
	}
	while (s->pos < v->st->end) {
		if ((e = sl_seg_read(v->g, s->pos, NULL, ret, err)) < 0)
			return e;
		if (e == 0) {
			s->pos = (s->pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE;
			continue;
		}
		s->pos = ret->end;
		if ((e = is_it(v, w, ret, err)) != 0)
			return e;
	}
	if (s->skipped.code != 0) {
		*err = s->skipped;
		return err->code;
	}
	return 0;
}

static int
first(const struct sl_view *v, const struct want *w, struct sl_rec *ret,
      struct sl_err *err)
{
	struct search s;

	start(v, w, &s);
	return next(v, w, &s, ret, err);
}

int
sl_find_digest(const struct sl_view *v, enum sl_rec_type type, const uint8_t digest[32],
	       struct sl_rec *ret, struct sl_err *err)
{
	struct want w = { .type = type };

	memcpy(w.lo, digest, 32);
	memcpy(w.hi, digest, 32);
	return first(v, &w, ret, err);
}

int
sl_find_entry(const struct sl_view *v, uint32_t tree, const uint8_t digest[32],
	      struct sl_rec *ret, struct sl_err *err)
{
	struct want w = { .type = SL_REC_ENTRY, .tree = tree, .in_tree = true };

	memcpy(w.lo, digest, 32);
	memcpy(w.hi, digest, 32);
	return first(v, &w, ret, err);
}

static bool
all_zero(struct sl_slice s)
{
	return s.len == 0 || (s.p[0] == 0 && memcmp(s.p, s.p + 1, s.len - 1) == 0);
}

/* A blob that was erased may have been stored again since. */
int
sl_find_blob(const struct sl_view *v, const uint8_t digest[32], struct sl_buf *body,
	     bool *ret_erased, struct sl_err *err)
{
	struct want w = { .type = SL_REC_BLOB };
	struct sl_err damage = { 0 };
	struct search s;
	struct sl_rec r;
	uint8_t d[32];
	int e;

	memcpy(w.lo, digest, 32);
	memcpy(w.hi, digest, 32);
	*ret_erased = false;
	start(v, &w, &s);
	while ((e = next(v, &w, &s, &r, err)) == 1) {
		if ((e = sl_seg_read(v->g, r.off, body, &r, err)) < 0)
			return e;
		sl_sha256(sl_buf_get(body), d);
		if (memcmp(d, digest, 32) == 0)
			return 1;
		if (all_zero(sl_buf_get(body)))
			*ret_erased = true;
		else
			(void)sl_seg_damage(r.off, "digest of the bytes differs",
					    &damage);
	}
	if (e == 0 && damage.code != 0) {
		*err = damage;
		return damage.code;
	}
	return e;
}

int
sl_find_each(const struct sl_view *v, enum sl_rec_type type, const uint8_t digest[32],
	     sl_find_fn *fn, void *arg, struct sl_err *err)
{
	struct want w = { .type = type };
	struct search s;
	struct sl_rec r;
	int e;

	memcpy(w.lo, digest, 32);
	memcpy(w.hi, digest, 32);
	start(v, &w, &s);
	while ((e = next(v, &w, &s, &r, err)) == 1)
		if ((e = fn(arg, &r, err)) != 0)
			return e;
	return e;
}

static int
bounds(struct sl_slice hex, struct want *w)
{
	memset(w->hi, 0xff, sizeof(w->hi));
	if (hex.len < 4 || hex.len > 64)
		return -1;
	for (size_t i = 0; i < hex.len; i++) {
		int c = hex.p[i], shift = i % 2 ? 0 : 4, d;

		if (c >= '0' && c <= '9')
			d = c - '0';
		else if (c >= 'a' && c <= 'f')
			d = c - 'a' + 10;
		else
			return -1;
		w->lo[i / 2] = (uint8_t)(w->lo[i / 2] | d << shift);
		w->hi[i / 2] = (uint8_t)((w->hi[i / 2] & ~(15 << shift)) | d << shift);
	}
	return 0;
}

int
sl_find_prefix(const struct sl_view *v, enum sl_rec_type type, struct sl_slice hex,
	       struct sl_rec *ret, struct sl_err *err)
{
	struct want w = { .type = type };
	struct search s;
	struct sl_rec one, more;
	int e;

	if (bounds(hex, &w) < 0)
		return SL_ERR(err, FORMAT, "not 4 to 64 hex digits of a digest: '%.*s'",
			      SL_ARG(hex));
	start(v, &w, &s);
	if ((e = next(v, &w, &s, &one, err)) <= 0)
		return e;
	while ((e = next(v, &w, &s, &more, err)) == 1)
		if (memcmp(one.hash, more.hash, 32) != 0)
			return SL_ERR(err, LIMIT, "several digests begin with '%.*s'",
				      SL_ARG(hex));
	if (e == 0)
		*ret = one;
	return e < 0 ? e : 1;
}

int
sl_find_at(const struct sl_view *v, uint32_t tree, uint64_t index, struct sl_rec *ret,
	   struct sl_err *err)
{
	struct want w = {
		.type = SL_REC_ENTRY, .what = SL_IDX_AT, .tree = tree, .n = index
	};

	return first(v, &w, ret, err);
}

int
sl_find_decl(const struct sl_view *v, uint32_t tree, struct sl_rec *ret,
	     struct sl_err *err)
{
	struct want w = { .type = SL_REC_TREE, .what = SL_IDX_DECL, .tree = tree };

	return first(v, &w, ret, err);
}

int
sl_find_sealed(const struct sl_view *v, uint32_t tree, uint64_t size,
	       struct sl_state *ret, struct sl_err *err)
{
	struct want w = { .type = SL_REC_SEAL,
			  .what = SL_IDX_SEALED,
			  .tree = tree,
			  .n = size,
			  .st = ret };
	struct sl_rec r;

	return first(v, &w, &r, err);
}

int
sl_find_closed(const struct sl_view *v, uint32_t tree, struct sl_state *ret,
	       struct sl_err *err)
{
	struct want w = {
		.type = SL_REC_SEAL, .what = SL_IDX_CLOSED, .tree = tree, .st = ret
	};
	struct sl_rec r;

	return first(v, &w, &r, err);
}
