/* proof.h -- inclusion and consistency proofs (RFC 9162 sections 2.1.3 and 2.1.4).
 *
 * Checking refuses (VERIFY): an index not below the size, a path longer or shorter than
 * the tree asks for, size1 = 0 or size1 > size2, equal sizes with another root or with a
 * path, anything that does not hash to the root.  A path is empty exactly when there is
 * nothing to add: tree size 1, or equal sizes.
 *
 * Making asks a callback for the roots of perfect subtrees; over an array of leaf hashes
 * sl_leaves_node() is that callback.  No recursion, no allocation.
 */
#ifndef SL_MERKLE_PROOF_H
#define SL_MERKLE_PROOF_H

#include "merkle/tree.h"

enum { SL_PROOF_MAX = 64 }; /* hashes: enough for SL_TREE_SIZE_MAX */

struct sl_proof {
	size_t n;
	struct sl_hash h[SL_PROOF_MAX];
};

/* The root over leaves [index << level, (index + 1) << level); 0 or an error code. */
typedef int sl_node_source(void *arg, unsigned level, uint64_t index, struct sl_hash *ret,
			   struct sl_err *err);

struct sl_leaves { /* arg of sl_leaves_node(): O(2^level) hashes a call */
	const struct sl_hash *h;
	uint64_t n;
};
sl_node_source sl_leaves_node;

/* The root of leaves [begin, end); begin < end, and begin a multiple of the largest
 * power of two below end - begin (true for every node that a proof needs), else BUG. */
int sl_merkle_range(sl_node_source *get, void *arg, uint64_t begin, uint64_t end,
		    struct sl_hash *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_proof_inclusion(sl_node_source *get, void *arg, uint64_t index, uint64_t size,
		       struct sl_proof *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_proof_consistency(sl_node_source *get, void *arg, uint64_t size1, uint64_t size2,
			 struct sl_proof *ret, struct sl_err *err) SL_MUST_CHECK;

/* The root that the path leads to from leaf: for receipts, which sign it. */
int sl_proof_root(const struct sl_proof *p, uint64_t index, uint64_t size,
		  const struct sl_hash *leaf, struct sl_hash *ret_root,
		  struct sl_err *err) SL_MUST_CHECK;
int sl_proof_check_inclusion(const struct sl_proof *p, uint64_t index, uint64_t size,
			     const struct sl_hash *leaf, const struct sl_hash *root,
			     struct sl_err *err) SL_MUST_CHECK;
/* Checks the path against root1 and gives the newer root that it leads to. */
int sl_proof_newer_root(const struct sl_proof *p, uint64_t size1, uint64_t size2,
			const struct sl_hash *root1, struct sl_hash *ret_root2,
			struct sl_err *err) SL_MUST_CHECK;
int sl_proof_check_consistency(const struct sl_proof *p, uint64_t size1, uint64_t size2,
			       const struct sl_hash *root1, const struct sl_hash *root2,
			       struct sl_err *err) SL_MUST_CHECK;
/* The older root that the path itself leads to, which is the one that the tree of size2
 * has at size1 where the path is consistent with it.  USAGE: size1 is a power of two,
 * whose root no path holds. */
int sl_proof_older_root(const struct sl_proof *p, uint64_t size1, uint64_t size2,
			struct sl_hash *ret_root1, struct sl_err *err) SL_MUST_CHECK;

#endif
