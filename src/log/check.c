/* check.c -- sl_log_check(): reads a log from its first byte to its last; reader.h. */
#include "log/reader.h"

#include "base/hex.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "log/keyring.h"
#include "log/reader_priv.h"

#include <stdlib.h>

struct gone {
	uint64_t off;
	uint8_t digest[32];
};

struct check {
	struct sl_reader *r; /* files only: its snapshot is not used */
	sl_log_finding_fn *fn;
	void *arg;
	struct sl_log_report *rep;
	struct sl_buf body;
	uint64_t pos;
	struct sl_state last; /* last good seal */
	struct sl_state cur;  /* that, and the records since */
	bool has_last;        /* last is the seal before: the chain can be checked */
	bool is_bad;          /* something in this batch was reported already */
	uint64_t n_in_batch;
	struct sl_sha256 batch;
	char did[SL_DIDKEY_MAX]; /* that the log is called after */
	struct sl_keyring ring;
	struct gone *gone;   /* erased blobs, as they are met */
	uint8_t (*tomb)[32]; /* digests of tombstones */
	size_t n_gone, cap_gone, n_tomb, cap_tomb;
};

static void
found(struct check *c, uint64_t off, uint32_t tree, uint64_t index, const char *what)
{
	struct sl_log_finding f = {
		.offset = off % SL_SEG_SIZE, .tree = tree, .index = index, .what = what
	};
	char name[SL_SEG_NAME];

	sl_seg_name((uint32_t)(off / SL_SEG_SIZE), name);
	(void)snprintf(f.file, sizeof(f.file), "seg/%s", name);
	c->rep->n_findings++;
	c->is_bad = true;
	if (c->fn != NULL)
		c->fn(c->arg, &f);
}

/* What an error says, without the place that found() gives anyway. */
static void
found_err(struct check *c, const struct sl_rec *r, uint64_t off, const struct sl_err *e)
{
	const char *p = strstr(e->msg, "offset "), *q = p ? strstr(p, ": ") : NULL;

	found(c, off, r ? r->tree : UINT32_MAX, r ? r->index : 0, q ? q + 2 : e->msg);
}

/* Room for one more in a list that grows. */
static void *
grow(void *list, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 64;
	void *p = n < *cap ? list : reallocarray(list, more, size);

	if (n == *cap && p != NULL)
		*cap = more;
	return p;
}

static int
note_tombstone(struct check *c, struct sl_slice sub, struct sl_err *err)
{
	void *p = grow(c->tomb, c->n_tomb, &c->cap_tomb, 32);

	if (p == NULL)
		return SL_ERR(err, NOMEM, "no memory for tombstones");
	c->tomb = p;
	c->rep->n_signatures++;
	/* what names no digest excuses nothing */
	if (sl_slice_starts(sub, SL_LIT("blob:")) &&
	    sl_unhex(c->tomb[c->n_tomb], 32, sl_slice_skip(sub, 5)))
		c->n_tomb++;
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Bytes are erased by a statement that says so; zeros without one are damage. */
static void
check_gone(struct check *c)
{
	if (c->n_tomb > 0)
		qsort(c->tomb, c->n_tomb, 32, by_bytes);
	for (size_t i = 0; i < c->n_gone; i++)
		if (c->n_tomb == 0 ||
		    bsearch(c->gone[i].digest, c->tomb, c->n_tomb, 32, by_bytes) == NULL)
			found(c, c->gone[i].off, UINT32_MAX, 0,
			      "bytes are gone, and no tombstone says so");
}

/* The signature of a statement, by the key that may sign in its tree. */
static int
check_statement(struct check *c, const struct sl_rec *r, const struct sl_tree_state *t,
		struct sl_err *err)
{
	struct sl_slice none = { 0 }, s = sl_buf_get(&c->body);
	bool is_key = strcmp(r->kind, "key") == 0 && t->kind != SL_TREE_RUN;
	struct sl_err why = { 0 };
	struct sl_sign1 m;
	uint8_t pub[32], kid[32], id[32];
	int e;

	if (sl_sign1_parse(s, SL_STMT_MAX, &m, &why) < 0) {
		found_err(c, r, r->off, &why);
		return 0;
	}
	sl_sign1_canon(&m, id);
	if (!sl_didkey_parse(m.h.iss, pub)) {
		found(c, r->off, r->tree, r->index,
		      "statement names no key as its issuer");
		return 0;
	}
	sl_key_thumb(pub, kid);
	if (memcmp(id, r->hash, 32) != 0 ||
	    !sl_slice_eq(m.h.kid, (struct sl_slice){ kid, 32 }))
		found(c, r->off, r->tree, r->index, "statement is not canonical");
	else if (is_key                    ? memcmp(pub, c->ring.identity, 32) != 0
		 : t->kind == SL_TREE_NODE ? !sl_keyring_signs(&c->ring, pub, r->index)
					   : memcmp(pub, t->pub, 32) != 0)
		found(c, r->off, r->tree, r->index,
		      "signed by a key that may not sign here");
	else if ((e = is_key && t->kind == SL_TREE_NODE
			  ? sl_keyring_add(&c->ring, r->index, &m, &why)
			  : sl_sign1_verify(&m, none, none, pub, &why)) == SL_E(NOMEM))
		return SL_ERR(err, NOMEM, "no memory for keys");
	else if (e < 0)
		found_err(c, r, r->off, &why);
	else if (t->kind == SL_TREE_NODE && strcmp(r->kind, "tombstone") == 0)
		return note_tombstone(c, m.h.sub, err);
	c->rep->n_signatures++;
	return 0;
}

/* One of somebody else's in the node's tree.  Its signature was verified before it was
 * registered; here it is again where that takes no more than its did:key says. */
static void
check_foreign(struct check *c, const struct sl_rec *r)
{
	struct sl_slice none = { 0 };
	struct sl_err why = { 0 };
	struct sl_sign1 m;
	uint8_t id[32], pub[32];
	int e = sl_statement_parse(sl_buf_get(&c->body), SL_STMT_MAX, 0, &m, &why);

	if (e == 0) {
		sl_sign1_canon(&m, id);
		if (memcmp(id, r->hash, 32) != 0)
			found(c, r->off, r->tree, r->index, "statement is not canonical");
		if (!sl_didkey_parse(m.h.iss, pub))
			return;
		e = sl_sign1_verify(&m, none, none, pub, &why);
		c->rep->n_signatures += e == 0;
	}
	if (e < 0)
		found_err(c, r, r->off, &why);
}

static int
on_entry(struct check *c, const struct sl_rec *r, struct sl_err *err)
{
	struct sl_tree_state *t = sl_state_tree(&c->cur, r->tree);
	struct sl_hash leaf;
	uint8_t d[32];

	c->rep->n_entries++;
	sl_sha256(sl_buf_get(&c->body), d);
	if (memcmp(d, r->hash, 32) != 0)
		found(c, r->off, r->tree, r->index, "digest of the statement differs");
	if (t == NULL || r->index != t->edge.size) {
		/* after damage the state is only known again at the next seal */
		if (!c->is_bad && c->has_last)
			found(c, r->off, r->tree, r->index,
			      "not the next entry of an open tree");
		return 0;
	}
	sl_merkle_leaf((struct sl_slice){ r->hash, 32 }, &leaf);
	sl_edge_add(&t->edge, &leaf, NULL, NULL);
	t->flags |= SL_TREE_TOUCHED;
	if (t->kind == SL_TREE_NODE && strcmp(r->kind, SL_KIND_FOREIGN) == 0) {
		check_foreign(c, r);
		return 0;
	}
	return check_statement(c, r, t, err);
}

static int
on_blob(struct check *c, const struct sl_rec *r, struct sl_err *err)
{
	uint8_t d[32];
	void *p;

	c->rep->n_blobs++;
	sl_sha256(sl_buf_get(&c->body), d);
	if (memcmp(d, r->hash, 32) == 0)
		return 0;
	if (!sl_is_zero(sl_buf_get(&c->body))) {
		found(c, r->off, UINT32_MAX, 0, "digest of the blob differs");
		return 0;
	}
	if ((p = grow(c->gone, c->n_gone, &c->cap_gone, sizeof(*c->gone))) == NULL)
		return SL_ERR(err, NOMEM, "no memory for erased blobs");
	c->gone = p;
	c->gone[c->n_gone].off = r->off;
	memcpy(c->gone[c->n_gone++].digest, r->hash, 32);
	c->rep->n_erased++;
	return 0;
}

static int
on_tree(struct check *c, const struct sl_rec *r, struct sl_err *err)
{
	struct sl_slice o = sl_slice_skip(sl_buf_get(&c->body), 32);
	struct sl_tree_state *t;
	char want[SL_ORIGIN_MAX];
	uint8_t kind = r->tree < 2 ? (uint8_t)r->tree : SL_TREE_RUN;

	c->rep->n_trees++;
	if (r->tree == 0 && c->ring.n == 0 &&
	    o.len > 16) { /* "sluice/" did "/platform" */
		struct sl_slice did = { o.p + 7, o.len - 16 };

		uint8_t first[32];

		if (sl_didkey_parse(did, first)) {
			sl_keyring_done(&c->ring);
			sl_keyring_init(&c->ring, first);
			sl_didkey(first, c->did);
		}
	}
	sl_log_origin(c->did, kind, kind == SL_TREE_RUN ? r->hash : NULL, want);
	if (!sl_slice_eq(o, sl_slice_str(want)))
		found(c, r->off, r->tree, 0,
		      "declaration of a tree under another's name");
	if (r->tree != c->cur.next_tree) {
		if (!c->is_bad && c->has_last)
			found(c, r->off, r->tree, 0, "not the next tree");
		c->cur.next_tree = r->tree;
	}
	if ((t = sl_state_add(&c->cur, err)) == NULL)
		return err->code;
	t->kind = kind;
	t->decl = r->off;
	t->flags = SL_TREE_TOUCHED;
	memcpy(t->run, r->hash, 32);
	if (c->body.len >= 32)
		memcpy(t->pub, c->body.p, 32);
	return 0;
}

/* A tree of the seal against what the records gave. */
static const char *
compare(const struct sl_tree_state *have, const struct sl_tree_state *t)
{
	if (have == NULL || have->kind != t->kind || have->decl != t->decl ||
	    memcmp(have->run, t->run, 32) != 0)
		return "seal lists a tree that was not declared so";
	if (have->edge.size != t->edge.size ||
	    memcmp(have->edge.h, t->edge.h,
		   (size_t)__builtin_popcountll(t->edge.size) * 32) != 0)
		return "seal does not have the tree as its entries make it";
	if ((have->flags & SL_TREE_TOUCHED) != (t->flags & SL_TREE_TOUCHED))
		return "seal signs what was not touched, or does not sign what was";
	if (!(t->flags & SL_TREE_TOUCHED) &&
	    (have->last_seal != t->last_seal || memcmp(have->pub, t->pub, 32) != 0 ||
	     memcmp(have->root, t->root, 32) != 0))
		return "seal does not keep an untouched tree as it was";
	if (t->kind != SL_TREE_NODE && memcmp(have->pub, t->pub, 32) != 0)
		return "tree is signed by another key than it was declared with";
	return NULL;
}

static void
check_trees(struct check *c, const struct sl_state *s)
{
	for (uint32_t i = 0; i < s->n_trees; i++) {
		const struct sl_tree_state *t = &s->tree[i];
		const char *what = compare(sl_state_tree(&c->cur, t->id), t);
		struct sl_err why = { 0 };
		char origin[SL_ORIGIN_MAX];

		if (what != NULL && !c->is_bad && c->has_last)
			found(c, s->off, t->id, t->edge.size, what);
		if (!(t->flags & SL_TREE_TOUCHED))
			continue;
		sl_log_origin(c->did, t->kind, t->kind == SL_TREE_RUN ? t->run : NULL,
			      origin);
		if (sl_log_check_root(t, origin, &why) < 0)
			found(c, s->off, t->id, t->edge.size, why.msg);
		else if (t->kind == SL_TREE_NODE &&
			 !sl_keyring_signs_root(&c->ring, t->pub, t->edge.size))
			found(c, s->off, t->id, t->edge.size,
			      "root signed by an unknown key");
		c->rep->n_signatures += 2;
	}
	if (s->n_trees != c->cur.n_trees && !c->is_bad && c->has_last)
		found(c, s->off, UINT32_MAX, 0, "seal leaves out an open tree");
}

static void
drop_closed(struct sl_state *s)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < s->n_trees; i++)
		if (!(s->tree[i].flags & SL_TREE_CLOSED)) {
			s->tree[k] = s->tree[i];
			s->tree[k++].flags = 0;
		}
	s->n_trees = k;
}

static int
on_seal(struct check *c, const struct sl_rec *r, struct sl_err *err)
{
	struct sl_state s = { 0 };
	const struct sl_tree_state *node;
	struct sl_err why = { 0 };
	uint8_t batch[32];
	int e = sl_seal_decode(r, sl_buf_get(&c->body), &s, &why);

	c->rep->n_seals++;
	sl_sha256_end(&c->batch, batch);
	sl_sha256_init(&c->batch);
	if (e < 0) {
		found_err(c, r, r->off, &why);
		c->has_last = false;
		sl_state_done(&s);
		return 0;
	}
	if (c->has_last && (s.seq != c->last.seq + 1 || s.prev_off != c->last.off ||
			    memcmp(s.prev, c->last.digest, 32) != 0))
		found(c, r->off, UINT32_MAX, 0, "seal does not follow the one before it");
	if (c->has_last && !c->is_bad && memcmp(batch, s.batch, 32) != 0)
		found(c, r->off, UINT32_MAX, 0,
		      "seal does not cover the records before it");
	if (c->has_last && s.time_ms < c->last.time_ms)
		found(c, r->off, UINT32_MAX, 0, "time goes backwards");
	check_trees(c, &s);
	node = sl_state_tree(&s, 1);
	if (!sl_seal_verify(&s))
		found(c, r->off, UINT32_MAX, 0, "signature of the seal is wrong");
	else if (node == NULL ||
		 !sl_keyring_signs_root(&c->ring, s.signer, node->edge.size))
		found(c, r->off, UINT32_MAX, 0, "sealed by a key without a certificate");
	c->rep->n_signatures++;
	if ((e = sl_state_copy(&c->last, &s, err)) == 0 &&
	    (e = sl_state_copy(&c->cur, &s, err)) == 0)
		drop_closed(&c->cur);
	c->has_last = true;
	c->is_bad = false;
	c->n_in_batch = 0;
	sl_state_done(&s);
	return e;
}

/* The next place behind pos, in its segment, where a whole record is. */
static int
resync(struct check *c, struct sl_err *err)
{
	uint64_t end = (c->pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE;
	int e;

	for (c->pos += 8; c->pos < end; c->pos += 8) {
		struct sl_err why = { 0 };
		struct sl_rec r;

		e = sl_seg_read(&c->r->g, c->pos, &c->body, &r, &why);
		if (e == 1)
			return 0;
		if (e < 0 && e != SL_E(STORE)) {
			*err = why;
			return e;
		}
		if (e == 0) { /* zeros: skipped at once */
			if ((e = sl_seg_tail(&c->r->g, c->pos, &c->pos, err)) < 0)
				return e;
			c->pos = (c->pos & ~(uint64_t)7) - 8;
		}
	}
	c->pos = end;
	return 0;
}

/* Where nothing more is written in a segment. */
static int
on_gap(struct check *c, struct sl_err *err)
{
	uint64_t end = (c->pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE, tail;
	int e = sl_seg_tail(&c->r->g, c->pos, &tail, err);

	if (e < 0)
		return e;
	if (c->n_in_batch > 0 && !c->is_bad)
		found(c, c->last.end, UINT32_MAX, 0, "records behind the last seal");
	if (tail == end) {
		c->pos = end;
		return 0;
	}
	found(c, tail, UINT32_MAX, 0, "unused space is not zero");
	c->pos = tail & ~(uint64_t)7;
	return resync(c, err);
}

static int
on_record(struct check *c, const struct sl_rec *r, struct sl_err *err)
{
	c->n_in_batch++;
	c->pos = r->end;
	if (r->type == SL_REC_SEAL)
		return on_seal(c, r, err);
	sl_sha256_add(&c->batch, r->raw, sizeof(r->raw));
	if (r->type == SL_REC_TREE) {
		sl_sha256_add(&c->batch, c->body.p, c->body.len);
		return on_tree(c, r, err);
	}
	if (r->type == SL_REC_BLOB)
		return on_blob(c, r, err);
	return on_entry(c, r, err);
}

static int
run(struct check *c, uint64_t end, struct sl_err *err)
{
	int e = 0;

	while (e == 0 && c->pos < end) {
		struct sl_err why = { 0 };
		struct sl_rec r, hdr;

		e = sl_seg_read(&c->r->g, c->pos, &c->body, &r, &why);
		if (e == 1) {
			e = on_record(c, &r, err);
		} else if (e == 0) {
			e = on_gap(c, err);
		} else if (e == SL_E(STORE)) {
			struct sl_err unused = { 0 };
			bool has =
			    sl_seg_read(&c->r->g, c->pos, NULL, &hdr, &unused) == 1;

			if (!has || hdr.type == SL_REC_SEAL)
				c->has_last = false; /* a seal may be what is lost */
			found_err(c, has ? &hdr : NULL, c->pos, &why);
			e = resync(c, err);
		} else {
			*err = why;
		}
	}
	return e;
}

/* What was acknowledged must be there. */
static void
check_head(struct check *c)
{
	struct sl_log_finding f = {
		.file = "head",
		.tree = UINT32_MAX,
		.what = "names a sealed batch that is not in the segments"
	};
	struct sl_head h;

	if (!sl_head_read(c->r->head_fd, &h) || h.seq == 0 || (h.seq < c->last.seq) ||
	    (h.seq == c->last.seq && memcmp(h.digest, c->last.digest, 32) == 0))
		return;
	c->rep->n_findings++;
	if (c->fn != NULL)
		c->fn(c->arg, &f);
}

static uint64_t
log_end(struct sl_reader *r)
{
	uint32_t n = 0, seen = 0;
	struct sl_head h;

	if (sl_head_read(r->head_fd, &h))
		seen = (uint32_t)(h.off / SL_SEG_SIZE) + 1;
	while (n < seen || sl_seg_has(&r->g, n))
		n++;
	return (uint64_t)n * SL_SEG_SIZE;
}

int
sl_log_check(int home_fd, sl_log_finding_fn *fn, void *arg, struct sl_log_report *ret,
	     struct sl_err *err)
{
	struct check *c = calloc(1, sizeof(*c));
	uint64_t end;
	int e;

	if (c == NULL)
		return SL_ERR(err, NOMEM, "no memory for a check");
	*ret = (struct sl_log_report){ 0 };
	c->fn = fn;
	c->arg = arg;
	c->rep = ret;
	c->has_last = true; /* of nothing: the first seal must be number 1 */
	sl_buf_init(&c->body, SL_REC_MAX + 8);
	sl_sha256_init(&c->batch);
	if ((e = sl_reader_files(home_fd, &c->r, err)) == 0) {
		end = log_end(c->r);
		e = run(c, end, err);
		if (e == 0)
			check_gone(c);
		if (e == 0)
			check_head(c);
		ret->n_bytes = c->last.end;
	}
	sl_reader_close(c->r);
	sl_state_done(&c->last);
	sl_state_done(&c->cur);
	sl_buf_done(&c->body);
	sl_keyring_done(&c->ring);
	free(c->gone);
	free(c->tomb);
	free(c);
	return e;
}
