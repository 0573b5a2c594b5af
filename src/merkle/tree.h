/* tree.h -- the Merkle tree of RFC 9162 section 2.1 (SHA-256), as it grows.
 *
 * The right edge is all that appending needs: the hashes of the perfect subtrees that
 * the leaves split into, largest first; as many as size has one bits.  Sizes and
 * indices stay below 2^63.  Nothing is allocated; nothing fails but sl_edge_get().
 */
#ifndef SL_MERKLE_TREE_H
#define SL_MERKLE_TREE_H

#include "base/err.h"
#include "base/slice.h"

enum {
	SL_HASH_LEN = 32,
	SL_EDGE_MAX = 63,                                 /* subtrees */
	SL_EDGE_BYTES_MAX = 8 + SL_EDGE_MAX * SL_HASH_LEN /* serialised */
};
#define SL_TREE_SIZE_MAX INT64_MAX

struct sl_hash {
	uint8_t b[SL_HASH_LEN];
};

struct sl_edge { /* zeroed: the empty tree */
	uint64_t size;
	struct sl_hash h[SL_EDGE_MAX];
};

/* A perfect subtree came to be: the root over leaves [index << level, (index+1) <<
 * level). */
typedef void sl_node_sink(void *arg, unsigned level, uint64_t index,
			  const struct sl_hash *h);

void sl_merkle_leaf(struct sl_slice entry,
		    struct sl_hash *out); /* SHA-256(0x00 || entry) */
void sl_merkle_node(const struct sl_hash *l, const struct sl_hash *r,
		    struct sl_hash *out);
void sl_merkle_empty(struct sl_hash *out); /* SHA-256("") */

/* Appends a leaf hash; sink (or NULL) hears of every perfect subtree that it completes,
 * the leaf itself (level 0) first.  A tree of SL_TREE_SIZE_MAX leaves stays as it is. */
void sl_edge_add(struct sl_edge *e, const struct sl_hash *leaf, sl_node_sink *sink,
		 void *arg);
void sl_edge_root(const struct sl_edge *e, struct sl_hash *out);
/* u64be size, then the hashes; returns the bytes written to out. */
size_t sl_edge_put(const struct sl_edge *e, uint8_t out[SL_EDGE_BYTES_MAX]);
/* Exactly what sl_edge_put() writes, else FORMAT. */
int sl_edge_get(struct sl_slice s, struct sl_edge *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
