/* tree.c -- see tree.h. */
#include "merkle/tree.h"

#include "crypto/sha256.h"

void
sl_merkle_leaf(struct sl_slice entry, struct sl_hash *out)
{
	static const uint8_t prefix = 0x00;
	struct sl_sha256 h;

	sl_sha256_init(&h);
	sl_sha256_add(&h, &prefix, 1);
	sl_sha256_add(&h, entry.p, entry.len);
	sl_sha256_end(&h, out->b);
}

void
sl_merkle_node(const struct sl_hash *l, const struct sl_hash *r, struct sl_hash *out)
{
	uint8_t in[1 + 2 * SL_HASH_LEN];
	struct sl_sha256 h;

	in[0] = 0x01;
	memcpy(in + 1, l->b, SL_HASH_LEN);
	memcpy(in + 1 + SL_HASH_LEN, r->b, SL_HASH_LEN);
	sl_sha256_init(&h);
	sl_sha256_add(&h, in, sizeof(in));
	sl_sha256_end(&h, out->b);
}

void
sl_merkle_empty(struct sl_hash *out)
{
	sl_sha256((struct sl_slice){ 0 }, out->b);
}

static size_t
n_subtrees(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void
sl_edge_add(struct sl_edge *e, const struct sl_hash *leaf, sl_node_sink *sink, void *arg)
{
	size_t n = n_subtrees(e->size);
	struct sl_hash h = *leaf;
	unsigned level = 0;

	if (e->size >= SL_TREE_SIZE_MAX)
		return;
	if (sink != NULL)
		sink(arg, 0, e->size, &h);
	/* Like a carry: each trailing one bit of the size is a subtree to merge with. */
	for (uint64_t s = e->size; (s & 1) != 0; s >>= 1) {
		sl_merkle_node(&e->h[--n], &h, &h);
		level++;
		if (sink != NULL)
			sink(arg, level, s >> 1, &h);
	}
	e->h[n] = h;
	e->size++;
}

void
sl_edge_root(const struct sl_edge *e, struct sl_hash *out)
{
	size_t n = n_subtrees(e->size);
	struct sl_hash h;

	if (n == 0) {
		sl_merkle_empty(out);
		return;
	}
	h = e->h[--n];
	while (n > 0)
		sl_merkle_node(&e->h[--n], &h, &h);
	*out = h;
}

size_t
sl_edge_put(const struct sl_edge *e, uint8_t out[SL_EDGE_BYTES_MAX])
{
	size_t n = n_subtrees(e->size);

	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(e->size >> (56 - 8 * i));
	memcpy(out + 8, e->h, n * SL_HASH_LEN);
	return 8 + n * SL_HASH_LEN;
}

int
sl_edge_get(struct sl_slice s, struct sl_edge *ret, struct sl_err *err)
{
	uint64_t size = 0;

	if (s.len < 8)
		return SL_ERR(err, FORMAT, "right edge: %zu bytes, at least 8 are due",
			      s.len);
	for (size_t i = 0; i < 8; i++)
		size = size << 8 | s.p[i];
	if (size > SL_TREE_SIZE_MAX)
		return SL_ERR(err, FORMAT, "right edge: size beyond 2^63-1");
	if (s.len != 8 + n_subtrees(size) * SL_HASH_LEN)
		return SL_ERR(err, FORMAT, "right edge: %zu bytes do not fit size %llu",
			      s.len, (unsigned long long)size);
	*ret = (struct sl_edge){ .size = size };
	memcpy(ret->h, s.p + 8, s.len - 8);
	return 0;
}
