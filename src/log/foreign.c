/* foreign.c -- statements that others signed, in the node's tree: each digest once. */
#include "log/node.h"

#include "crypto/sha256.h"
#include "log/store_priv.h"

#include <stdlib.h>

enum { SLOTS = 2 * SL_ITEMS_MAX };

/* The digests of one batch, which no index has yet: an open-addressed table. */
struct sl_foreign {
	struct sl_edge edge; /* of the tree before the batch */
	struct {
		uint8_t id[32];
		uint64_t index;
		bool is_used;
	} slot[SLOTS];
};

int
sl_foreign_begin(struct sl_node *n, struct sl_err *err)
{
	struct sl_tree_state *t = sl_state_tree(&n->st.st, 1);

	if (n->has_root)
		return 0;
	if (t == NULL)
		return SL_ERR(err, BUG, "the node has no tree");
	if (n->foreign == NULL && (n->foreign = malloc(sizeof(*n->foreign))) == NULL)
		return SL_ERR(err, NOMEM, "no memory for a batch");
	memset(n->foreign, 0, sizeof(*n->foreign));
	n->foreign->edge = t->edge;
	n->has_root = true;
	/* What lies behind the index would be searched record by record, for each. */
	return sl_store_catch_up(&n->st, err);
}

int
sl_foreign_put(struct sl_node *n, struct sl_slice stmt, struct sl_entry *ret,
	       struct sl_err *err)
{
	struct sl_view v = sl_store_view(&n->st);
	struct sl_foreign *f = n->foreign;
	uint8_t id[32];
	struct sl_rec rec;
	uint64_t key;
	size_t i;
	int r;

	sl_sha256(stmt, id);
	memcpy(&key, id, sizeof(key));
	for (i = key % SLOTS; f->slot[i].is_used; i = (i + 1) % SLOTS)
		if (memcmp(f->slot[i].id, id, 32) == 0) {
			memcpy(ret->id, id, 32);
			ret->index = f->slot[i].index;
			return 0;
		}
	if ((r = sl_find_entry(&v, 1, id, &rec, err)) < 0)
		return r;
	if (r == 1) {
		memcpy(ret->id, id, 32);
		ret->index = rec.index;
		return 0;
	}
	if ((r = sl_store_entry(&n->st, 1, SL_KIND_FOREIGN, stmt, ret->id, &ret->index,
				err)) < 0)
		return r;
	memcpy(f->slot[i].id, id, 32);
	f->slot[i].index = ret->index;
	f->slot[i].is_used = true;
	return 0;
}

void
sl_foreign_end(struct sl_node *n)
{
	const struct sl_tree_state *t = sl_state_tree(&n->st.st, 1);

	n->root.base = n->foreign->edge;
	n->root.size = t->edge.size;
	memcpy(n->root.pub, t->pub, 32);
	memcpy(n->root.sig, t->receipt_sig, 64);
	memcpy(n->root.policy, n->st.st.policy, 32);
}
