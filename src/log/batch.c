/* batch.c -- the records and the seal of one batch; see store.h. */
#include "log/store_priv.h"

#include "log/le.h"

static int
put(struct sl_store *s, struct sl_rec *r, struct sl_slice body, struct sl_err *err)
{
	if (body.len > SL_REC_MAX)
		return SL_ERR(err, LIMIT, "record of %zu bytes (at most %d)", body.len,
			      SL_REC_MAX);
	/* room for the seal is kept free */
	if (sl_rec_span((uint32_t)body.len) > SL_BATCH_MAX - SL_SEAL_MAX - s->batch.len)
		return SL_ERR(err, LIMIT, "batch of more than %d bytes",
			      SL_BATCH_MAX - SL_SEAL_MAX);
	r->time_ms = s->next.time_ms;
	sl_rec_put(&s->batch, 0, r, body);
	if (s->batch.is_failed) {
		(void)SL_ERR(err, NOMEM, "no memory for a batch");
		return sl_store_die(s, err); /* half a record is in it */
	}
	sl_sha256_add(&s->hash, r->raw, sizeof(r->raw));
	if (r->type == SL_REC_TREE)
		sl_sha256_add(&s->hash, body.p, body.len);
	s->n_records++;
	return 0;
}

int
sl_store_tree(struct sl_store *s, uint8_t kind, const uint8_t *run, const uint8_t pub[32],
	      struct sl_slice origin, uint32_t *ret_id, struct sl_err *err)
{
	static const char *const names[] = { "platform", "node", "run" };
	struct sl_rec r = { .type = SL_REC_TREE, .tree = s->next.next_tree };
	uint8_t body[32 + 256];
	struct sl_tree_state *t;
	int e;

	if (!s->in_batch || kind > 2 || origin.len > 256 || (kind == 2) != (run != NULL))
		return SL_ERR(err, BUG, "a tree is declared wrongly");
	memcpy(body, pub, 32);
	memcpy(body + 32, origin.p, origin.len);
	(void)snprintf(r.kind, sizeof(r.kind), "%s", names[kind]);
	if (run != NULL)
		memcpy(r.hash, run, 32);
	if (s->next.n_trees >= SL_OPEN_TREES_MAX)
		return SL_ERR(err, LIMIT, "more than %d open trees", SL_OPEN_TREES_MAX);
	if ((e = put(s, &r, (struct sl_slice){ body, 32 + origin.len }, err)) < 0)
		return e;
	if ((t = sl_state_add(&s->next, err)) == NULL)
		return err->code;
	t->kind = kind;
	t->flags = SL_TREE_TOUCHED;
	t->decl = r.off; /* within the batch, until it has its place */
	memcpy(t->pub, pub, 32);
	memcpy(t->run, r.hash, 32);
	*ret_id = t->id;
	return 0;
}

static void
set_root(struct sl_tree_state *t)
{
	struct sl_hash h;

	sl_edge_root(&t->edge, &h);
	memcpy(t->root, h.b, 32);
}

struct sl_tree_state *
sl_store_get(struct sl_store *s, uint32_t tree)
{
	struct sl_tree_state *t = sl_state_tree(&s->next, tree);

	if (t != NULL)
		set_root(t);
	return t;
}

int
sl_store_entry(struct sl_store *s, uint32_t tree, const char *kind, struct sl_slice stmt,
	       uint8_t ret_id[32], uint64_t *ret_index, struct sl_err *err)
{
	struct sl_rec r = { .type = SL_REC_ENTRY, .tree = tree };
	struct sl_tree_state *t = sl_state_tree(&s->next, tree);
	struct sl_hash leaf;
	int e;

	if (!s->in_batch || t == NULL || (t->flags & SL_TREE_CLOSED))
		return SL_ERR(err, BUG, "tree %u is not open", tree);
	if (kind[0] == '\0' || strlen(kind) >= sizeof(r.kind))
		return SL_ERR(err, BUG, "statement kind '%s' is not 1 to 15 bytes", kind);
	memcpy(r.kind, kind, strlen(kind));
	r.index = t->edge.size;
	sl_sha256(stmt, r.hash);
	if ((e = put(s, &r, stmt, err)) < 0)
		return e;
	/* the entry is the digest, not the statement */
	sl_merkle_leaf((struct sl_slice){ r.hash, 32 }, &leaf);
	sl_edge_add(&t->edge, &leaf, NULL, NULL);
	t->flags |= SL_TREE_TOUCHED;
	memcpy(ret_id, r.hash, 32);
	*ret_index = r.index;
	return 0;
}

/* In the batch already?  Few blobs a batch: a walk over its headers. */
static bool
in_batch(const struct sl_store *s, const uint8_t digest[32])
{
	for (size_t i = 0; i < s->batch.len;
	     i += sl_rec_span(sl_get32(s->batch.p + i + 4)))
		if (s->batch.p[i + 3] == SL_REC_BLOB &&
		    memcmp(s->batch.p + i + 32, digest, 32) == 0)
			return true;
	return false;
}

/* An erased blob counts as absent: whoever states the text again has it again. */
static bool
in_store(struct sl_store *s, const uint8_t digest[32])
{
	struct sl_view v = sl_store_view(s);
	struct sl_err e = { 0 };
	struct sl_buf b = { .max = SL_REC_MAX + 8 };
	bool is_erased, is;

	/* without an index it would take a scan: then it is stored once more */
	if (!s->x.is_there)
		return false;
	is = sl_find_blob(&v, digest, &b, &is_erased, &e) == 1;
	sl_buf_done(&b);
	return is;
}

int
sl_store_blob(struct sl_store *s, struct sl_slice bytes, const uint8_t digest[32],
	      struct sl_err *err)
{
	struct sl_rec r = { .type = SL_REC_BLOB, .tree = SL_TREE_NONE };

	if (!s->in_batch)
		return SL_ERR(err, BUG, "no batch is open");
	if (in_batch(s, digest) || in_store(s, digest))
		return 0;
	memcpy(r.hash, digest, 32);
	return put(s, &r, bytes, err);
}

/* Where a batch of n bytes goes: it never crosses a segment. */
static uint64_t
place(const struct sl_store *s, size_t n)
{
	uint64_t at = s->st.end % SL_SEG_SIZE;

	if (at + n <= SL_SEG_SIZE)
		return s->st.end;
	return s->st.end - at + SL_SEG_SIZE;
}

static size_t
seal_len(const struct sl_state *s)
{
	size_t n = 8 + 6 * 32 + 16 + (size_t)s->n_keys * 40 + 64;

	for (uint32_t i = 0; i < s->n_trees; i++)
		n += 128 + (size_t)__builtin_popcountll(s->tree[i].edge.size) * 32 +
		     (s->tree[i].flags & SL_TREE_TOUCHED ? 128 : 0);
	return n;
}

int
sl_store_seal(struct sl_store *s, const struct sl_store_signer *by, struct sl_err *err)
{
	struct sl_state *n = &s->next;
	struct sl_rec r = { .type = SL_REC_SEAL,
			    .tree = SL_TREE_NONE,
			    .time_ms = n->time_ms };
	size_t span = (size_t)sl_rec_span((uint32_t)seal_len(n));
	uint64_t base = place(s, s->batch.len + span), at = base + s->batch.len;
	struct sl_buf body = { .max = SL_SEAL_MAX };
	uint8_t msg[SL_SEAL_TOSIGN];
	int e = 0;

	for (uint32_t i = 0; i < n->n_trees; i++) {
		struct sl_tree_state *t = &n->tree[i];

		if (t->id >= s->st.next_tree)
			t->decl += base;
		if ((t->flags & SL_TREE_TOUCHED) == 0)
			continue;
		set_root(t);
		t->last_seal = at;
		if ((e = by->tree(by->ctx, t, err)) < 0)
			return e;
	}
	memcpy(n->prev, s->st.digest, 32);
	n->prev_off = s->st.off;
	n->seq = r.index = s->st.seq + 1;
	sl_sha256_end(&s->hash, n->batch);
	memcpy(n->signer, by->pub, 32);
	sl_seal_encode(n, &body);
	sl_seal_digest(&r, sl_buf_get(&body), n->digest);
	memcpy(r.hash, n->digest, 32);
	sl_seal_tosign(n->digest, msg);
	by->seal(by->ctx, (struct sl_slice){ msg, sizeof(msg) }, n->sig);
	sl_buf_put(&body, n->sig, 64);
	if (body.is_failed)
		e = SL_ERR(err, NOMEM, "no memory for a seal");
	else
		sl_rec_put(&s->batch, base, &r, sl_buf_get(&body));
	if (e == 0 && (s->batch.is_failed || r.off != at))
		e = SL_ERR(err, NOMEM, "no memory for a batch");
	n->off = r.off;
	n->end = r.end;
	sl_buf_done(&body);
	return e;
}
