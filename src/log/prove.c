/* prove.c -- checkpoints, receipts and proofs out of the store; see reader.h. */
#include "log/reader.h"

#include "log/reader_priv.h"

#include <stdlib.h>

struct source {
	struct sl_reader *r;
	uint32_t tree;
	uint64_t size;              /* of the tree now */
	const struct sl_edge *edge; /* of that size; or NULL */
	bool no_files; /* the derived hashes were wrong: from the entries alone */
};

/* Leaf hashes [0, n) of a tree into memory. */
static int
load_leaves(struct sl_reader *r, uint32_t tree, size_t n, struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_rec rec;
	struct sl_hash *h;
	int e;

	if (r->leaf.tree != tree)
		r->leaf.n = 0;
	r->leaf.tree = tree;
	if (n > r->leaf.cap) {
		if ((h = realloc(r->leaf.h, n * sizeof(*h))) == NULL)
			return SL_ERR(err, NOMEM, "no memory for %zu hashes", n);
		r->leaf.h = h;
		r->leaf.cap = n;
	}
	for (; r->leaf.n < n; r->leaf.n++) {
		if ((e = sl_find_at(&v, tree, r->leaf.n, &rec, err)) < 0)
			return e;
		if (e == 0)
			return SL_ERR(err, STORE,
				      "entry %zu of tree %u is not in the log", r->leaf.n,
				      tree);
		sl_merkle_leaf((struct sl_slice){ rec.hash, 32 }, &r->leaf.h[r->leaf.n]);
	}
	return 0;
}

/* sl_node_source: from the derived hashes where the tree is large, else from leaves. */
static int
node(void *arg, unsigned level, uint64_t index, struct sl_hash *ret, struct sl_err *err)
{
	struct source *s = arg;
	struct sl_view v = sl_reader_view(s->r);
	uint64_t end = (index + 1) << level;
	const struct sl_edge *edge = s->edge;
	struct sl_leaves l;
	int e;

	/* the last seal has the right edge: one of its subtrees is there already */
	if (edge != NULL && level < 63 && (edge->size >> level & 1) &&
	    index == (edge->size >> level) - 1) {
		*ret = edge->h[__builtin_popcountll(edge->size >> (level + 1))];
		return 0;
	}
	if (s->size >= SL_HASHES_FROM)
		return sl_hashes_node(&v, s->r->log_fd, &s->r->hashes, s->tree,
				      !s->no_files, level, index, ret, err);
	if ((e = load_leaves(s->r, s->tree, (size_t)end, err)) < 0)
		return e;
	l = (struct sl_leaves){ s->r->leaf.h, s->r->leaf.n };
	return sl_leaves_node(&l, level, index, ret, err);
}

int
sl_reader_node(struct sl_reader *r, const struct sl_tree_state *t, unsigned level,
	       uint64_t index, struct sl_hash *ret, struct sl_err *err)
{
	struct source s = {
		.r = r, .tree = t->id, .size = t->edge.size, .edge = &t->edge
	};

	return node(&s, level, index, ret, err);
}

/* The tree at a size at which it was sealed, with its signatures. */
static int
sealed(struct sl_reader *r, uint32_t tree, uint64_t size, struct sl_tree_state *ret,
       struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_state st = { 0 };
	struct sl_tree_state *t;
	int e = sl_reader_state(r, tree, ret, err);

	if (e < 0)
		return e;
	if (size == 0 || size == ret->edge.size)
		e = sl_state_read(&r->g, ret->last_seal, &st, err);
	else if ((e = sl_find_sealed(&v, tree, size, &st, err)) == 0)
		e = SL_ERR(err, NOENT, "tree %u was not sealed at size %llu", tree,
			   (unsigned long long)size);
	t = e >= 0 ? sl_state_tree(&st, tree) : NULL;
	if (t != NULL && (t->flags & SL_TREE_TOUCHED))
		*ret = *t;
	else if (e >= 0)
		e = sl_seg_damage(st.off, "the tree's signatures are not here", err);
	sl_state_done(&st);
	return e < 0 ? e : 0;
}

int
sl_reader_checkpoint(struct sl_reader *r, uint32_t tree, uint64_t size,
		     struct sl_buf *out, struct sl_err *err)
{
	struct sl_tree_state t;
	struct sl_log_tree info;
	int e;

	if ((e = sealed(r, tree, size, &t, err)) < 0 ||
	    (e = sl_reader_tree(r, tree, &info, err)) < 0)
		return e;
	return sl_log_note(&t, info.origin, out, err);
}

/* An inclusion proof that leads to root; the derived hashes are not trusted. */
static int
prove(struct sl_reader *r, const struct sl_tree_state *t, uint64_t index,
      struct sl_proof *ret, struct sl_err *err)
{
	struct source s = {
		.r = r, .tree = t->id, .size = t->edge.size, .edge = &t->edge
	};
	struct sl_view v = sl_reader_view(r);
	struct sl_hash leaf, root;
	struct sl_rec rec;
	int e;

	if (index >= t->edge.size)
		return SL_ERR(err, NOENT, "entry %llu is not below size %llu",
			      (unsigned long long)index,
			      (unsigned long long)t->edge.size);
	if ((e = sl_find_at(&v, t->id, index, &rec, err)) < 0)
		return e;
	if (e == 0)
		return SL_ERR(err, STORE, "entry %llu of tree %u is not in the log",
			      (unsigned long long)index, t->id);
	sl_merkle_leaf((struct sl_slice){ rec.hash, 32 }, &leaf);
	memcpy(root.b, t->root, 32);
	for (int i = 0; i < 2; i++) {
		struct sl_err why = { 0 };

		s.no_files = i > 0;
		if ((e = sl_proof_inclusion(node, &s, index, t->edge.size, ret, err)) < 0)
			return e;
		if (sl_proof_check_inclusion(ret, index, t->edge.size, &leaf, &root,
					     &why) == 0)
			return 0;
	}
	return SL_ERR(err, STORE,
		      "entries of tree %u do not hash to its root at size %llu", t->id,
		      (unsigned long long)t->edge.size);
}

int
sl_reader_inclusion(struct sl_reader *r, uint32_t tree, uint64_t index, uint64_t size,
		    struct sl_proof *ret, struct sl_err *err)
{
	struct sl_tree_state t;
	/* of the latest size the root is enough, whoever signed it */
	int e = size == 0 ? sl_reader_state(r, tree, &t, err)
			  : sealed(r, tree, size, &t, err);

	return e < 0 ? e : prove(r, &t, index, ret, err);
}

int
sl_reader_receipt(struct sl_reader *r, uint32_t tree, uint64_t index, uint64_t size,
		  struct sl_buf *out, struct sl_err *err)
{
	struct sl_tree_state t;
	struct sl_log_tree info;
	struct sl_proof path;
	int e;

	if ((e = sealed(r, tree, size, &t, err)) < 0 ||
	    (e = sl_reader_tree(r, tree, &info, err)) < 0 ||
	    (e = prove(r, &t, index, &path, err)) < 0)
		return e;
	return sl_log_receipt(&t, info.origin, index, &path, out, err);
}

static int
root_at(struct sl_reader *r, uint32_t tree, uint64_t size, bool no_files,
	struct sl_hash *ret, struct sl_err *err)
{
	struct source s = { .r = r, .tree = tree, .no_files = no_files };
	struct sl_tree_state t;
	int e = sl_reader_state(r, tree, &t, err);

	if (e < 0)
		return e;
	s.size = t.edge.size;
	if (size > t.edge.size)
		return SL_ERR(err, NOENT, "tree %u has %llu entries", tree,
			      (unsigned long long)t.edge.size);
	if (size == 0) {
		sl_merkle_empty(ret);
		return 0;
	}
	return sl_merkle_range(node, &s, 0, size, ret, err);
}

/* Where the tree was sealed at that size, the root that was signed; else by hashing. */
static int
best_root(struct sl_reader *r, uint32_t tree, uint64_t size, bool no_files,
	  struct sl_hash *ret, struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_state st = { 0 };
	struct sl_tree_state *t;
	int e = sl_find_sealed(&v, tree, size, &st, err);

	if (e == 1 && (t = sl_state_tree(&st, tree)) != NULL)
		memcpy(ret->b, t->root, 32);
	sl_state_done(&st);
	if (e != 0)
		return e < 0 ? e : 0;
	return root_at(r, tree, size, no_files, ret, err);
}

int
sl_reader_root(struct sl_reader *r, uint32_t tree, uint64_t size, struct sl_hash *ret,
	       struct sl_err *err)
{
	return best_root(r, tree, size, false, ret, err);
}

int
sl_reader_consistency(struct sl_reader *r, uint32_t tree, uint64_t size1, uint64_t size2,
		      struct sl_proof *ret, struct sl_err *err)
{
	struct source s = { .r = r, .tree = tree, .size = size2 };
	struct sl_hash r1, r2;
	int e;

	if (size1 == 0 || size1 > size2)
		return SL_ERR(err, USAGE, "sizes %llu and %llu are not a growing tree's",
			      (unsigned long long)size1, (unsigned long long)size2);
	for (int i = 0; i < 2; i++) {
		struct sl_err why = { 0 };

		s.no_files = i > 0;
		if ((e = best_root(r, tree, size1, s.no_files, &r1, err)) < 0 ||
		    (e = best_root(r, tree, size2, s.no_files, &r2, err)) < 0 ||
		    (e = sl_proof_consistency(node, &s, size1, size2, ret, err)) < 0)
			return e;
		if (sl_proof_check_consistency(ret, size1, size2, &r1, &r2, &why) == 0)
			return 0;
	}
	return SL_ERR(err, STORE, "the hashes of tree %u do not agree", tree);
}
