/* wit_t.h -- a log and witnesses with fixed keys, and trees that share a beginning. */
#ifndef SL_TESTS_WIT_T_H
#define SL_TESTS_WIT_T_H

#include "t.h"

#include "cose/checkpoint.h"
#include "crypto/sha256.h"
#include "merkle/proof.h"

#include <stdio.h>

enum { LEAVES = 400 };

static inline void
must(int r, const struct sl_err *err)
{
	if (r != 0)
		fail_msg("%s: %s", sl_code_id(r), err->msg);
}

static inline struct sl_slice
edge(struct sl_slice s)
{
	return (struct sl_slice){ at_edge(s.p, s.len), s.len };
}

static inline void
key_of(const char *name, enum sl_vkey_type type, uint8_t fill, struct sl_signer *ret_k,
       struct sl_vkey *ret)
{
	struct sl_err err = { 0 };
	uint8_t seed[32];

	must(sl_crypto_init(&err), &err);
	memset(seed, fill, sizeof(seed));
	sl_signer_from_seed(ret_k, seed);
	must(sl_vkey_make(sl_slice_str(name), type, ret_k->pub, ret, &err), &err);
}

/* Leaf i of the branch; both branches share the leaves below `from`. */
static inline void
leaf_of(unsigned branch, uint64_t from, uint64_t i, struct sl_hash *ret)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%u %llu", i < from ? 0 : branch,
		       (unsigned long long)i);
	sl_merkle_leaf(sl_slice_str(text), ret);
}

struct tree {
	struct sl_hash h[LEAVES];
	struct sl_leaves l;
};

static inline void
tree_make(struct tree *t, unsigned branch, uint64_t from)
{
	for (uint64_t i = 0; i < LEAVES; i++)
		leaf_of(branch, from, i, &t->h[i]);
	t->l = (struct sl_leaves){ t->h, LEAVES };
}

static inline struct sl_hash
root_of(struct tree *t, uint64_t size)
{
	struct sl_err err = { 0 };
	struct sl_hash h;

	if (size == 0)
		sl_merkle_empty(&h);
	else
		must(sl_merkle_range(sl_leaves_node, &t->l, 0, size, &h, &err), &err);
	return h;
}

static inline void
note_of(struct tree *t, uint64_t size, const struct sl_vkey *log,
	const struct sl_signer *k, struct sl_buf *out)
{
	struct sl_checkpoint c = { .origin = log->name,
				   .size = size,
				   .root = root_of(t, size) };
	struct sl_err err = { 0 };

	must(sl_checkpoint_sign(&c, log, k, out, &err), &err);
}

#endif
