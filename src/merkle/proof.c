/* proof.c -- see proof.h. */
#include "merkle/proof.h"

typedef unsigned long long ull; /* for %llu */

/* The largest power of two below n; n > 1 (RFC 9162 section 2.1.1: the split). */
static uint64_t
split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

int
sl_leaves_node(void *arg, unsigned level, uint64_t index, struct sl_hash *ret,
	       struct sl_err *err)
{
	const struct sl_leaves *l = arg;
	struct sl_edge e = { 0 };
	uint64_t n, end;

	if (level > 62 || __builtin_mul_overflow(index + 1, UINT64_C(1) << level, &end) ||
	    end > l->n)
		return SL_ERR(err, BUG, "no subtree %llu at level %u over %llu leaves",
			      (ull)index, level, (ull)l->n);
	n = UINT64_C(1) << level;
	for (uint64_t i = 0; i < n; i++)
		sl_edge_add(&e, &l->h[end - n + i], NULL, NULL);
	*ret = e.h[0];
	return 0;
}

int
sl_merkle_range(sl_node_source *get, void *arg, uint64_t begin, uint64_t end,
		struct sl_hash *ret, struct sl_err *err)
{
	struct sl_hash acc, h;
	bool is_first = true;
	uint64_t at = end;
	int r;

	if (begin >= end || (end - begin > 1 && begin % split(end - begin) != 0))
		return SL_ERR(err, BUG, "no node over leaves %llu to %llu", (ull)begin,
			      (ull)end);
	/* From the right: the smallest perfect subtree first, as in sl_edge_root(). */
	while (at > begin) {
		unsigned level = (unsigned)__builtin_ctzll(at - begin);

		at -= UINT64_C(1) << level;
		if ((r = get(arg, level, at >> level, &h, err)) < 0)
			return r;
		if (is_first)
			acc = h;
		else
			sl_merkle_node(&h, &acc, &acc);
		is_first = false;
	}
	*ret = acc;
	return 0;
}

/* Siblings are met from the root down and stated from the leaf up. */
static void
reverse(struct sl_proof *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		struct sl_hash t = p->h[i];

		p->h[i] = p->h[p->n - 1 - i];
		p->h[p->n - 1 - i] = t;
	}
}

int
sl_proof_inclusion(sl_node_source *get, void *arg, uint64_t index, uint64_t size,
		   struct sl_proof *ret, struct sl_err *err)
{
	uint64_t begin = 0, end = size;
	struct sl_proof p = { 0 };
	int r;

	if (index >= size || size > SL_TREE_SIZE_MAX)
		return SL_ERR(err, USAGE, "no leaf %llu in a tree of %llu", (ull)index,
			      (ull)size);
	while (end - begin > 1) {
		uint64_t mid = begin + split(end - begin);
		bool is_left = index < mid;

		r = sl_merkle_range(get, arg, is_left ? mid : begin, is_left ? end : mid,
				    &p.h[p.n], err);
		if (r < 0)
			return r;
		p.n++;
		if (is_left)
			end = mid;
		else
			begin = mid;
	}
	reverse(&p);
	*ret = p;
	return 0;
}

/* RFC 9162 section 2.1.4.1, SUBPROOF(size1, D[size2], true) without recursion. */
int
sl_proof_consistency(sl_node_source *get, void *arg, uint64_t size1, uint64_t size2,
		     struct sl_proof *ret, struct sl_err *err)
{
	uint64_t begin = 0, end = size2;
	struct sl_proof p = { 0 };
	int r;

	if (size1 == 0 || size1 > size2 || size2 > SL_TREE_SIZE_MAX)
		return SL_ERR(err, USAGE, "no consistency proof from size %llu to %llu",
			      (ull)size1, (ull)size2);
	while (end != size1) {
		uint64_t mid = begin + split(end - begin);
		bool is_left = size1 <= mid;

		r = sl_merkle_range(get, arg, is_left ? mid : begin, is_left ? end : mid,
				    &p.h[p.n], err);
		if (r < 0)
			return r;
		p.n++;
		if (is_left)
			end = mid;
		else
			begin = mid;
	}
	/* begin == 0: the old tree is itself a node of the new one, whose root is known.
	 */
	if (begin > 0) {
		if ((r = sl_merkle_range(get, arg, begin, end, &p.h[p.n], err)) < 0)
			return r;
		p.n++;
	}
	reverse(&p);
	*ret = p;
	return 0;
}

static int
bad_length(const struct sl_proof *p, const char *how, struct sl_err *err)
{
	return SL_ERR(err, VERIFY, "the path of %zu hashes is too %s for the tree", p->n,
		      how);
}

/* RFC 9162 section 2.1.3.2. */
int
sl_proof_root(const struct sl_proof *p, uint64_t index, uint64_t size,
	      const struct sl_hash *leaf, struct sl_hash *ret_root, struct sl_err *err)
{
	uint64_t fn = index, sn = size - 1;
	struct sl_hash r = *leaf;

	if (index >= size || size > SL_TREE_SIZE_MAX)
		return SL_ERR(err, VERIFY, "leaf index %llu is not in a tree of %llu",
			      (ull)index, (ull)size);
	for (size_t i = 0; i < p->n; i++) {
		if (sn == 0)
			return bad_length(p, "long", err);
		if ((fn & 1) != 0 || fn == sn) {
			sl_merkle_node(&p->h[i], &r, &r);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			sl_merkle_node(&r, &p->h[i], &r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0)
		return bad_length(p, "short", err);
	*ret_root = r;
	return 0;
}

static bool
same(const struct sl_hash *a, const struct sl_hash *b)
{
	return memcmp(a->b, b->b, SL_HASH_LEN) == 0;
}

int
sl_proof_check_inclusion(const struct sl_proof *p, uint64_t index, uint64_t size,
			 const struct sl_hash *leaf, const struct sl_hash *root,
			 struct sl_err *err)
{
	struct sl_hash got;
	int r;

	if ((r = sl_proof_root(p, index, size, leaf, &got, err)) < 0)
		return r;
	if (!same(&got, root))
		return SL_ERR(err, VERIFY,
			      "the inclusion path does not lead to the root");
	return 0;
}

/* RFC 9162 section 2.1.4.2 steps 4 to 6; p->n > 0, or the old tree's root alone. */
static int
walk(const struct sl_proof *p, size_t i, uint64_t fn, uint64_t sn, struct sl_hash *fr,
     struct sl_hash *sr, struct sl_err *err)
{
	for (; i < p->n; i++) {
		if (sn == 0)
			return bad_length(p, "long", err);
		if ((fn & 1) != 0 || fn == sn) {
			sl_merkle_node(&p->h[i], fr, fr);
			sl_merkle_node(&p->h[i], sr, sr);
			while ((fn & 1) == 0 && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			sl_merkle_node(sr, &p->h[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn != 0 ? bad_length(p, "short", err) : 0;
}

int
sl_proof_newer_root(const struct sl_proof *p, uint64_t size1, uint64_t size2,
		    const struct sl_hash *root1, struct sl_hash *ret_root2,
		    struct sl_err *err)
{
	bool is_whole =
	    (size1 & (size1 - 1)) == 0; /* the old root starts the path itself */
	uint64_t fn = size1 - 1, sn = size2 - 1;
	struct sl_hash fr, sr;
	int r;

	/* Every tree is consistent with the empty one: a proof of that proves nothing. */
	if (size1 == 0 || size1 > size2 || size2 > SL_TREE_SIZE_MAX)
		return SL_ERR(err, VERIFY,
			      "sizes %llu and %llu are not an older and a newer tree's",
			      (ull)size1, (ull)size2);
	if (size1 == size2) {
		if (p->n != 0)
			return bad_length(p, "long", err);
		*ret_root2 = *root1;
		return 0;
	}
	if (p->n == 0)
		return bad_length(p, "short", err);
	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	fr = sr = is_whole ? *root1 : p->h[0];
	if ((r = walk(p, is_whole ? 0 : 1, fn, sn, &fr, &sr, err)) < 0)
		return r;
	if (!same(&fr, root1))
		return SL_ERR(err, VERIFY,
			      "the consistency path does not lead to the older root");
	*ret_root2 = sr;
	return 0;
}

int
sl_proof_check_consistency(const struct sl_proof *p, uint64_t size1, uint64_t size2,
			   const struct sl_hash *root1, const struct sl_hash *root2,
			   struct sl_err *err)
{
	struct sl_hash got;
	int r;

	if ((r = sl_proof_newer_root(p, size1, size2, root1, &got, err)) < 0)
		return r;
	if (!same(&got, root2))
		return SL_ERR(err, VERIFY,
			      "the consistency path does not lead to the newer root");
	return 0;
}

int
sl_proof_older_root(const struct sl_proof *p, uint64_t size1, uint64_t size2,
		    struct sl_hash *ret_root1, struct sl_err *err)
{
	uint64_t fn = size1 - 1, sn = size2 - 1;
	struct sl_hash fr, sr;
	int r;

	if (size1 >= size2 || size2 > SL_TREE_SIZE_MAX || (size1 & (size1 - 1)) == 0)
		return SL_ERR(err, USAGE, "no path from size %llu to %llu holds a root",
			      (ull)size1, (ull)size2);
	if (p->n == 0)
		return bad_length(p, "short", err);
	while ((fn & 1) != 0) {
		fn >>= 1;
		sn >>= 1;
	}
	fr = sr = p->h[0];
	if ((r = walk(p, 1, fn, sn, &fr, &sr, err)) < 0)
		return r;
	*ret_root1 = fr;
	return 0;
}
