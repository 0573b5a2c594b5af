/* lognode.h -- a node in this process, for tests that need no recorder process. */
#ifndef SL_TESTS_LOGNODE_H
#define SL_TESTS_LOGNODE_H

#include "log/node.h"
#include "log/reader.h"
#include "logdir.h"

static const uint8_t build_a[32] = { 1 }, build_b[32] = { 2 };

static inline void
must(int r, const struct sl_err *err)
{
	if (r != 0)
		fail_msg("%s: %s", sl_code_id(r), err->msg);
}

static inline struct sl_item
item_stmt(enum sl_tree tree, const uint8_t *run, const char *kind, const char *payload,
	  bool is_envelope)
{
	return (struct sl_item){ .what = SL_ITEM_STMT,
				 .s = { .tree = tree,
					.kind = kind,
					.sub = SL_LIT("test"),
					.run = run,
					.payload = sl_slice_str(payload),
					.is_envelope = is_envelope } };
}

/* n statements into the node's tree, in one batch; returns the last's index. */
static inline int
add_n(struct sl_node *n, size_t k, struct sl_entry *ret, struct sl_err *err)
{
	static struct sl_item it[512];
	static struct sl_entry e[512];
	size_t got = 0;
	int r;

	for (size_t i = 0; i < k; i++)
		it[i] = item_stmt(SL_TREE_NODE, NULL, "decision", "{\"a\":1}", false);
	r = sl_node_commit(n, it, k, e, &got, err);
	if (r == 0 && ret != NULL)
		*ret = e[got - 1];
	return r;
}

#endif
