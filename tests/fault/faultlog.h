/* faultlog.h -- a fixed workload on a log, what was acknowledged of it, and the oracle:
 * every acknowledged entry is there with a receipt that verifies, and the log is clean.
 */
#ifndef SL_TESTS_FAULTLOG_H
#define SL_TESTS_FAULTLOG_H

#include "cose/receipt.h"
#include "lognode.h"

enum { ACKED_MAX = 4096 };

struct acked {
	size_t n;
	struct sl_entry e[ACKED_MAX];
	uint8_t tree[ACKED_MAX]; /* 1: node; 2: the run's */
};

static const uint8_t fault_run[32] = { 0xfa, 0x17 };

/* One step of the workload; 0 to 4. */
static inline int
step(struct sl_node *n, int i, struct acked *a, struct sl_err *err)
{
	struct sl_item node =
	    item_stmt(SL_TREE_NODE, NULL, "decision", "{\"d\":1}", false);
	struct sl_item run =
	    item_stmt(SL_TREE_RUN, fault_run, "outcome", "{\"o\":1}", true);
	struct sl_item blob = { .what = SL_ITEM_BLOB,
				.bytes = SL_LIT("text of a policy") };
	struct sl_item seal = { .what = SL_ITEM_SEAL, .digest = fault_run };
	const struct sl_item steps[5][4] = {
		{ node, blob },      { node, run, run }, { run },
		{ node, run, seal }, { node, node },
	};
	static const size_t len[5] = { 2, 3, 1, 3, 2 };
	struct sl_entry e[4];
	size_t k = 0, j = 0;
	int r = sl_node_commit(n, steps[i], len[i], e, &k, err);

	if (r < 0)
		return r;
	for (size_t m = 0; m < len[i]; m++)
		if (steps[i][m].what == SL_ITEM_STMT ||
		    steps[i][m].what == SL_ITEM_SEAL) {
			a->tree[a->n] = steps[i][m].what == SL_ITEM_STMT &&
						steps[i][m].s.tree == SL_TREE_RUN
					    ? 2
					    : 1;
			a->e[a->n++] = e[j++];
		}
	return sl_store_idle(&n->st, err);
}

static inline void
show(void *arg, const struct sl_log_finding *f)
{
	(void)arg;
	print_message("# %s offset %llu tree %d index %llu: %s\n", f->file,
		      (unsigned long long)f->offset, (int)f->tree,
		      (unsigned long long)f->index, f->what);
}

static inline void
check_clean(const struct dir *d)
{
	struct sl_log_report rep;
	struct sl_err err = { 0 };

	must(sl_log_check(d->fd, show, NULL, &rep, &err), &err);
	assert_int_equal(rep.n_findings, 0);
}

static inline void
check_acked(const struct dir *d, const struct acked *a)
{
	struct sl_reader *r = NULL;
	struct sl_err err = { 0 };
	struct sl_buf rc = { .max = 1 << 20 };

	if (a->n == 0)
		return;
	must(sl_reader_open(d->fd, &r, &err), &err);
	for (size_t i = 0; i < a->n; i++) {
		struct sl_log_entry e;
		struct sl_log_tree t;
		struct sl_receipt p;
		struct sl_hash leaf, root;
		uint8_t pub[32];

		must(sl_reader_entry(r, a->tree[i], a->e[i].index, &e, &err), &err);
		assert_memory_equal(e.id, a->e[i].id, 32);
		must(sl_reader_tree(r, a->tree[i], &t, &err), &err);
		assert_true(t.size >= a->e[i].size);
		sl_buf_clear(&rc);
		/* the receipt that was due at the time of acknowledgement */
		must(sl_reader_receipt(r, a->tree[i], a->e[i].index, a->e[i].size, &rc,
				       &err),
		     &err);
		must(sl_receipt_parse(sl_buf_get(&rc), 0, &p, &err), &err);
		sl_merkle_leaf((struct sl_slice){ e.id, 32 }, &leaf);
		/* the node's key then; that it might sign, check_clean() looks at */
		assert_true(sl_didkey_parse(p.s.h.iss, pub));
		if (a->tree[i] == 2)
			assert_memory_equal(pub, t.key, 32);
		must(sl_receipt_verify(&p, &leaf, pub, &root, &err), &err);
	}
	sl_buf_done(&rc);
	sl_reader_close(r);
}

/* Opens it again, twice (recovery must be idempotent), and appends. */
static inline void
check_reopen(const struct dir *d, const struct acked *a)
{
	struct sl_err err = { 0 };
	struct sl_node n;
	uint64_t end;

	must(sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err), &err);
	end = n.st.st.end;
	sl_node_done(&n);
	check_clean(d);
	check_acked(d, a);
	must(sl_node_open(&n, d->fd, sl_store_io_sys(), build_a, &err), &err);
	assert_int_equal(n.st.st.end, end);
	must(add_n(&n, 2, NULL, &err), &err);
	sl_node_done(&n);
	check_clean(d);
	check_acked(d, a);
}

#endif
