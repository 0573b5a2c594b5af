/* seal.c -- see seal.h. */
#include "log/seal.h"

#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "log/le.h"

#include <stdlib.h>

void
sl_state_done(struct sl_state *s)
{
	free(s->tree);
	*s = (struct sl_state){ 0 };
}

static int
reserve(struct sl_state *s, uint32_t n, struct sl_err *err)
{
	uint32_t cap = s->cap_trees ? s->cap_trees : 8;
	struct sl_tree_state *t;

	if (n > SL_OPEN_TREES_MAX)
		return SL_ERR(err, LIMIT, "more than %d open trees", SL_OPEN_TREES_MAX);
	if (n <= s->cap_trees)
		return 0;
	while (cap < n)
		cap *= 2;
	if ((t = realloc(s->tree, cap * sizeof(*t))) == NULL)
		return SL_ERR(err, NOMEM, "no memory for %u trees", n);
	s->tree = t;
	s->cap_trees = cap;
	return 0;
}

int
sl_state_copy(struct sl_state *to, const struct sl_state *from, struct sl_err *err)
{
	struct sl_tree_state *t;
	uint32_t cap;
	int r;

	if ((r = reserve(to, from->n_trees, err)) < 0)
		return r;
	t = to->tree;
	cap = to->cap_trees;
	*to = *from;
	to->tree = t;
	to->cap_trees = cap;
	if (from->n_trees > 0)
		memcpy(t, from->tree, from->n_trees * sizeof(*t));
	return 0;
}

struct sl_tree_state *
sl_state_tree(const struct sl_state *s, uint32_t id)
{
	for (uint32_t i = 0; i < s->n_trees; i++)
		if (s->tree[i].id == id)
			return &s->tree[i];
	return NULL;
}

struct sl_tree_state *
sl_state_run(const struct sl_state *s, const uint8_t run[32])
{
	for (uint32_t i = s->n_trees; i-- > 0;)
		if (s->tree[i].id > 1 && memcmp(s->tree[i].run, run, 32) == 0)
			return &s->tree[i];
	return NULL;
}

struct sl_tree_state *
sl_state_add(struct sl_state *s, struct sl_err *err)
{
	if (reserve(s, s->n_trees + 1, err) < 0)
		return NULL;
	s->tree[s->n_trees] = (struct sl_tree_state){ .id = s->next_tree };
	s->next_tree++;
	return &s->tree[s->n_trees++];
}

static void
put64(struct sl_buf *b, uint64_t v)
{
	uint8_t p[8];

	sl_le64(p, v);
	sl_buf_put(b, p, 8);
}

static void
put32(struct sl_buf *b, uint32_t v)
{
	uint8_t p[4];

	sl_le32(p, v);
	sl_buf_put(b, p, 4);
}

/* The right edge has a subtree for each one bit of the size. */
static size_t
n_edge(const struct sl_tree_state *t)
{
	return (size_t)__builtin_popcountll(t->edge.size);
}

static void
tree_encode(const struct sl_tree_state *t, struct sl_buf *out)
{
	put32(out, t->id);
	sl_buf_byte(out, t->kind);
	sl_buf_byte(out, t->flags);
	sl_buf_put(out, (const uint8_t[2]){ 0 }, 2);
	put64(out, t->edge.size);
	put64(out, t->decl);
	put64(out, t->last_seal);
	sl_buf_put(out, t->run, 32);
	sl_buf_put(out, t->pub, 32);
	sl_buf_put(out, t->root, 32);
	sl_buf_put(out, t->edge.h, n_edge(t) * 32);
	if (t->flags & SL_TREE_TOUCHED) {
		sl_buf_put(out, t->note_sig, 64);
		sl_buf_put(out, t->receipt_sig, 64);
	}
}

void
sl_seal_encode(const struct sl_state *s, struct sl_buf *out)
{
	put64(out, s->prev_off);
	sl_buf_put(out, s->prev, 32);
	sl_buf_put(out, s->batch, 32);
	sl_buf_put(out, s->policy, 32);
	sl_buf_put(out, s->boot, 32);
	sl_buf_put(out, s->next_key, 32);
	sl_buf_put(out, s->signer, 32);
	put32(out, s->next_tree);
	put32(out, s->n_keys);
	put32(out, s->n_trees);
	put32(out, 0);
	for (uint32_t i = 0; i < s->n_keys; i++) {
		sl_buf_put(out, s->keys[i].pub, 32);
		put64(out, s->keys[i].index);
	}
	for (uint32_t i = 0; i < s->n_trees; i++)
		tree_encode(&s->tree[i], out);
}

void
sl_seal_digest(const struct sl_rec *r, struct sl_slice unsigned_body, uint8_t out[32])
{
	struct sl_sha256 h;
	uint8_t b[16];

	sl_sha256_init(&h);
	sl_sha256_add(&h, "sluice-seal-v1", 15);
	sl_le64(b, r->index);
	sl_le64(b + 8, (uint64_t)r->time_ms);
	sl_sha256_add(&h, b, 16);
	sl_sha256_add(&h, unsigned_body.p, unsigned_body.len);
	sl_sha256_end(&h, out);
}

void
sl_seal_tosign(const uint8_t digest[32], uint8_t out[SL_SEAL_TOSIGN])
{
	memcpy(out, "sluice-seal-v1", 15);
	memcpy(out + 15, digest, 32);
}

bool
sl_seal_verify(const struct sl_state *s)
{
	uint8_t m[SL_SEAL_TOSIGN];

	sl_seal_tosign(s->digest, m);
	return sl_verify(s->signer, (struct sl_slice){ m, sizeof(m) }, s->sig);
}

/* Takes n bytes off the front, or gives NULL and empties s. */
static const uint8_t *
take(struct sl_slice *s, size_t n)
{
	const uint8_t *p = s->p;

	if (s->len < n) {
		*s = (struct sl_slice){ 0 };
		return NULL;
	}
	s->p += n;
	s->len -= n;
	return p;
}

enum { TREE_FIXED = 8 + 24 + 96 };

static bool
tree_decode(struct sl_slice *in, uint64_t seal_off, struct sl_tree_state *t)
{
	const uint8_t *p = take(in, TREE_FIXED);
	struct sl_hash root;

	if (p == NULL)
		return false;
	*t = (struct sl_tree_state){ .id = sl_get32(p),
				     .kind = p[4],
				     .flags = p[5],
				     .edge.size = sl_get64(p + 8),
				     .decl = sl_get64(p + 16),
				     .last_seal = sl_get64(p + 24) };
	memcpy(t->run, p + 32, 32);
	memcpy(t->pub, p + 64, 32);
	memcpy(t->root, p + 96, 32);
	if (t->kind > 2 || t->flags > (SL_TREE_TOUCHED | SL_TREE_CLOSED) || p[6] != 0 ||
	    p[7] != 0 || t->edge.size > SL_TREE_SIZE_MAX ||
	    (p = take(in, n_edge(t) * 32)) == NULL)
		return false;
	memcpy(t->edge.h, p, n_edge(t) * 32);
	sl_edge_root(&t->edge, &root);
	if (memcmp(root.b, t->root, 32) != 0 || t->decl >= seal_off)
		return false;
	if ((t->flags & SL_TREE_TOUCHED) == 0)
		return t->last_seal < seal_off;
	if (t->last_seal != seal_off || (p = take(in, 128)) == NULL)
		return false;
	memcpy(t->note_sig, p, 64);
	memcpy(t->receipt_sig, p + 64, 64);
	return true;
}

static bool
fixed_decode(struct sl_slice *in, struct sl_state *s)
{
	const uint8_t *p = take(in, 8 + 6 * 32 + 16);

	if (p == NULL)
		return false;
	s->prev_off = sl_get64(p);
	memcpy(s->prev, p + 8, 32);
	memcpy(s->batch, p + 40, 32);
	memcpy(s->policy, p + 72, 32);
	memcpy(s->boot, p + 104, 32);
	memcpy(s->next_key, p + 136, 32);
	memcpy(s->signer, p + 168, 32);
	s->next_tree = sl_get32(p + 200);
	s->n_keys = sl_get32(p + 204);
	s->n_trees = sl_get32(p + 208);
	if (s->n_keys > SL_STATE_KEYS || s->n_trees > SL_OPEN_TREES_MAX ||
	    sl_get32(p + 212) != 0)
		return false;
	for (uint32_t i = 0; i < s->n_keys; i++) {
		if ((p = take(in, 40)) == NULL)
			return false;
		memcpy(s->keys[i].pub, p, 32);
		s->keys[i].index = sl_get64(p + 32);
	}
	return true;
}

static bool
decode(const struct sl_rec *r, struct sl_slice body, struct sl_state *s,
       struct sl_err *err, int *e)
{
	struct sl_slice in = body;
	const uint8_t *sig;
	uint32_t n;

	if (!fixed_decode(&in, s))
		return false;
	n = s->n_trees;
	if ((*e = reserve(s, n, err)) < 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!tree_decode(&in, r->off, &s->tree[i]) ||
		    s->tree[i].id >= s->next_tree ||
		    (i > 0 && s->tree[i].id <= s->tree[i - 1].id))
			return false;
	if (in.len != 64 || (sig = take(&in, 64)) == NULL)
		return false;
	memcpy(s->sig, sig, 64);
	s->seq = r->index;
	s->off = r->off;
	s->end = r->end;
	s->time_ms = r->time_ms;
	sl_seal_digest(r, (struct sl_slice){ body.p, body.len - 64 }, s->digest);
	return memcmp(s->digest, r->hash, 32) == 0 && r->tree == SL_TREE_NONE &&
	       s->seq > 0;
}

int
sl_seal_decode(const struct sl_rec *r, struct sl_slice body, struct sl_state *ret,
	       struct sl_err *err)
{
	struct sl_state s = { .tree = ret->tree, .cap_trees = ret->cap_trees };
	int e = 0;
	bool ok = decode(r, body, &s, err, &e);

	/* the memory is ret's, whatever it holds now */
	ret->tree = s.tree;
	ret->cap_trees = s.cap_trees;
	ret->n_trees = 0;
	if (e < 0)
		return e;
	if (!ok)
		return sl_seg_damage(r->off, "seal does not hold together", err);
	*ret = s;
	return 0;
}
