/* fresh.c -- see fresh.h.
 *
 * Level k holds the roots of the perfect subtrees of 2^k leaves that reach into the
 * batch: numbers (base >> k) to (size >> k) - 1.  A perfect subtree that ends before the
 * batch and is asked for is a part of the right edge: had its parent ended there too, a
 * path to an entry of the batch would have taken the parent. */
#include "log/fresh.h"

#include "log/sign.h"

static const struct sl_hash *
of_edge(const struct sl_edge *e, unsigned level)
{
	uint64_t above = e->size >> level >> 1;

	if ((e->size >> level & 1) == 0)
		return NULL;
	return &e->h[__builtin_popcountll(above)];
}

static struct sl_hash *
at(const struct sl_fresh *f, unsigned level, uint64_t number)
{
	if (level >= f->n_levels || number < f->first[level] ||
	    number - f->first[level] >= f->n[level])
		return NULL;
	return (struct sl_hash *)(void *)f->hashes.p + f->start[level] +
	       (number - f->first[level]);
}

static int
node(void *arg, unsigned level, uint64_t index, struct sl_hash *ret, struct sl_err *err)
{
	const struct sl_fresh *f = arg;
	const struct sl_hash *h = at(f, level, index);

	if (h == NULL && index + 1 == f->root->base.size >> level)
		h = of_edge(&f->root->base, level);
	if (h == NULL)
		return SL_ERR(err, BUG, "no subtree %llu at level %u of this batch",
			      (unsigned long long)index, level);
	*ret = *h;
	return 0;
}

/* Where each level begins, and how many hashes all have. */
static size_t
lay_out(struct sl_fresh *f)
{
	uint64_t base = f->root->base.size, size = f->root->size;
	size_t total = 0;

	for (unsigned k = 0; k < SL_EDGE_MAX && size >> k > base >> k; k++) {
		f->start[k] = total;
		f->first[k] = base >> k;
		f->n[k] = (size_t)((size >> k) - (base >> k));
		total += f->n[k];
		f->n_levels = k + 1;
	}
	return total;
}

static int
fill(struct sl_fresh *f, const uint8_t (*id)[32], struct sl_err *err)
{
	int r = 0;

	for (size_t i = 0; i < f->n[0]; i++)
		sl_merkle_leaf((struct sl_slice){ id[i], 32 }, at(f, 0, f->first[0] + i));
	for (unsigned k = 1; k < f->n_levels && r == 0; k++)
		for (size_t i = 0; i < f->n[k] && r == 0; i++) {
			uint64_t number = f->first[k] + i;
			struct sl_hash l = { 0 }, h = { 0 };

			if ((r = node(f, k - 1, 2 * number, &l, err)) == 0 &&
			    (r = node(f, k - 1, 2 * number + 1, &h, err)) == 0)
				sl_merkle_node(&l, &h, at(f, k, number));
		}
	return r;
}

/* The first entry's receipt verifies: so do the others, which differ in the path alone.
 */
static int
check(struct sl_fresh *f, const uint8_t id[32], struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_RECEIPT_BYTES_MAX };
	struct sl_hash leaf, root;
	struct sl_receipt rc;
	int r;

	sl_merkle_leaf((struct sl_slice){ id, 32 }, &leaf);
	if ((r = sl_fresh_receipt(f, f->root->base.size, &b, err)) < 0 ||
	    (r = sl_receipt_parse(sl_buf_get(&b), 0, &rc, err)) < 0)
		return r;
	return sl_receipt_verify(&rc, &leaf, f->root->pub, &root, err);
}

int
sl_fresh_init(struct sl_fresh *f, const struct sl_batch_root *root, const char *origin,
	      const uint8_t (*id)[32], struct sl_err *err)
{
	size_t total;
	int r;

	*f = (struct sl_fresh){ .root = root, .origin = origin };
	if (root->size <= root->base.size)
		return 0; /* nothing was appended: no receipt is of this batch */
	total = lay_out(f);
	sl_buf_init(&f->hashes, total * sizeof(struct sl_hash));
	if (sl_buf_room(&f->hashes, f->hashes.max) == NULL)
		return SL_ERR(err, NOMEM, "no memory for the receipts of a batch");
	if ((r = fill(f, id, err)) < 0 || (r = check(f, id[0], err)) < 0)
		return r;
	return 0;
}

int
sl_fresh_receipt(struct sl_fresh *f, uint64_t index, struct sl_buf *out,
		 struct sl_err *err)
{
	struct sl_tree_state t = { .kind = SL_TREE_NODE };
	struct sl_proof path;
	int r;

	if (index < f->root->base.size || index >= f->root->size)
		return SL_ERR(err, NOENT, "entry %llu is not of this batch",
			      (unsigned long long)index);
	if ((r = sl_proof_inclusion(node, f, index, f->root->size, &path, err)) < 0)
		return r;
	t.edge.size = f->root->size;
	memcpy(t.pub, f->root->pub, 32);
	memcpy(t.receipt_sig, f->root->sig, 64);
	return sl_log_receipt(&t, f->origin, index, &path, out, err);
}

void
sl_fresh_done(struct sl_fresh *f)
{
	sl_buf_done(&f->hashes);
	*f = (struct sl_fresh){ 0 };
}
