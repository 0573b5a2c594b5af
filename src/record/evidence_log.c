/* evidence_log.c -- see evidence.h: that every statement stands in its log, the logs in
 * the node's, and that the bundle holds what is named and nothing else. */
#include "record/evidence_priv.h"

#include "base/hex.h"
#include "cose/checkpoint.h"
#include "cose/receipt.h"
#include "crypto/sha256.h"
#include "record/form.h"

#include <stdlib.h>

/* A checkpoint of ours: one signature line, no extension, nothing that is not covered. */
static int
open_note(struct sl_slice bytes, struct sl_slice origin, const uint8_t pub[32],
	  struct sl_checkpoint *ret, struct sl_err *err)
{
	struct sl_vkey key;
	struct sl_note note;
	int r;

	if ((r = sl_vkey_make(origin, SL_VKEY_ED25519, pub, &key, err)) < 0 ||
	    (r = sl_checkpoint_open(bytes, &key, ret, &note, err)) < 0)
		return r;
	if (note.n != 1 || ret->ext.len > 0)
		return SL_ERR(err, VERIFY,
			      "checkpoint: more than one signature or extension");
	return 0;
}

/* Tries the keys that may sign the tree's checkpoint. */
static int
open_checkpoint(struct sl_evidence *v, enum sl_tree tree, struct sl_checkpoint *ret,
		uint8_t ret_pub[32], struct sl_err *err)
{
	const struct sl_bundle_tree *t = &v->b->tree[tree];
	int r = SL_E(VERIFY);

	if (tree != SL_TREE_NODE) {
		memcpy(ret_pub, tree == SL_TREE_RUN ? v->run_key : v->platform, 32);
		return open_note(t->checkpoint, t->origin, ret_pub, ret, err);
	}
	for (size_t i = v->n_working; i-- > 0;) {
		*err = (struct sl_err){ 0 };
		if ((r = open_note(t->checkpoint, t->origin, v->working[i], ret, err)) ==
		    0) {
			if (ret->size <= v->certified[i] || ret->size > v->until[i])
				return SL_ERR(err, VERIFY,
					      "signed by a key that was not in use then");
			memcpy(ret_pub, v->working[i], 32);
			v->is_used[i] = true;
			return 0;
		}
	}
	return v->n_working > 0 ? r : SL_ERR(err, VERIFY, "no working key is certified");
}

static int
check_receipt(const struct sl_evident *e, struct sl_slice bytes, struct sl_slice origin,
	      const struct sl_checkpoint *c, const uint8_t pub[32], struct sl_err *err)
{
	struct sl_hash leaf, root;
	struct sl_receipt rc;
	uint8_t signer[32];
	int r;

	if ((r = sl_receipt_parse(bytes, 0, &rc, err)) < 0 ||
	    (r = sl_form_receipt(&rc, signer, err)) < 0 ||
	    (r = sl_receipt_leaf(&e->s, SL_LEAF_CANONICAL, &leaf, err)) < 0)
		return r;
	if (memcmp(signer, pub, 32) != 0 || !sl_slice_eq(rc.s.h.sub, origin))
		return SL_ERR(err, VERIFY,
			      "receipt: of another log or key than the checkpoint");
	if (rc.is_consistency || rc.index != e->index || rc.size != c->size)
		return SL_ERR(err, VERIFY,
			      "receipt: not of this entry at the checkpoint's size");
	if ((r = sl_receipt_verify(&rc, &leaf, pub, &root, err)) < 0)
		return r;
	if (memcmp(root.b, c->root.b, SL_HASH_LEN) != 0)
		return SL_ERR(err, VERIFY,
			      "receipt: it leads to another root than the checkpoint's");
	return 0;
}

/* The root over the first n entries of a complete tree. */
static int
root_of(const struct sl_evidence *v, enum sl_tree tree, uint64_t n, struct sl_hash *ret,
	struct sl_err *err)
{
	struct sl_edge edge = { 0 };

	for (uint64_t i = 0; i < n; i++) {
		const struct sl_evident *e = &v->st[v->first[tree] + i];
		struct sl_hash leaf;

		if (e->index != i)
			return SL_ERR(err, VERIFY, "entry %llu is missing",
				      (unsigned long long)i);
		sl_merkle_leaf((struct sl_slice){ e->id, 32 }, &leaf);
		sl_edge_add(&edge, &leaf, NULL, NULL);
	}
	sl_edge_root(&edge, ret);
	return 0;
}

static int
check_complete(struct sl_evidence *v, enum sl_tree tree, const struct sl_checkpoint *c,
	       struct sl_err *err)
{
	struct sl_hash root;
	int r;

	if (c->size != v->b->tree[tree].n)
		return SL_ERR(err, VERIFY,
			      "it has %llu entries, the bundle holds %zu of them",
			      (unsigned long long)c->size, v->b->tree[tree].n);
	if ((r = root_of(v, tree, c->size, &root, err)) < 0)
		return r;
	if (memcmp(root.b, c->root.b, SL_HASH_LEN) != 0)
		return SL_ERR(err, VERIFY,
			      "its entries do not hash to the checkpoint's root");
	return 0;
}

static int
check_tree(struct sl_evidence *v, enum sl_tree tree, struct sl_findings *f,
	   struct sl_err *err)
{
	static const char *const names[] = { "platform tree", "node tree", "run tree" };
	const struct sl_bundle_tree *t = &v->b->tree[tree];
	struct sl_checkpoint c = { 0 };
	uint8_t pub[32] = { 0 };
	int r;

	if ((size_t)tree >= SL_BUNDLE_TREES) /* the decoder takes no such bundle */
		return SL_ERR(err, BUG, "no such tree");
	if ((r = open_checkpoint(v, tree, &c, pub, err)) < 0)
		return sl_finding_add(f, names[tree], r, err);
	v->size[tree] = c.size;
	for (size_t i = 0; i < t->n; i++) {
		const struct sl_evident *e = &v->st[v->first[tree] + i];

		r = check_receipt(e, t->entry[i].receipt, t->origin, &c, pub, err);
		if ((r = sl_evident_found(f, e, r, err)) < 0)
			return r;
		v->n_receipts++;
	}
	r = tree == SL_TREE_NODE ? 0 : check_complete(v, tree, &c, err);
	return sl_finding_add(f, names[tree], r, err);
}

/* --- seals --- */

static int
check_seal(const struct sl_evidence *v, const struct sl_evident *e, enum sl_tree tree,
	   const uint8_t pub[32], struct sl_err *err)
{
	const struct sl_bundle_tree *t = &v->b->tree[tree];
	const struct sl_json *p = e->predicate;
	struct sl_slice note = sl_json_get_str(p, "checkpoint");
	char did[SL_DIDKEY_MAX], hex[65];
	struct sl_checkpoint c = { 0 };
	struct sl_hash root;
	int r;

	sl_didkey(pub, did);
	if (!sl_slice_eq(sl_json_get_str(p, "origin"), t->origin) ||
	    !sl_slice_eq(e->s.h.sub, t->origin) ||
	    !sl_slice_eq(sl_json_get_str(p, "key"), sl_slice_str(did)))
		return SL_ERR(err, VERIFY, "seal: of another tree or key");
	if (open_note(note, t->origin, pub, &c, err) < 0)
		return sl_err_ctx(err, "seal");
	sl_hex(hex, c.root.b, 32);
	if (sl_json_get_int(p, "size") != (int64_t)c.size ||
	    !sl_slice_eq(sl_json_get_str(p, "root"), sl_slice_str(hex)))
		return SL_ERR(err, VERIFY,
			      "seal: it does not say what its checkpoint says");
	if (tree == SL_TREE_RUN && !sl_slice_eq(note, t->checkpoint))
		return SL_ERR(err, VERIFY,
			      "seal: of another state of the run than the bundle's");
	if (c.size > v->b->tree[tree].n)
		return SL_ERR(err, VERIFY, "seal: of more entries than there are");
	if ((r = root_of(v, tree, c.size, &root, err)) < 0)
		return r;
	if (memcmp(root.b, c.root.b, SL_HASH_LEN) != 0)
		return SL_ERR(err, VERIFY,
			      "seal: its root does not follow from the entries");
	return 0;
}

static int
check_seals(struct sl_evidence *v, struct sl_findings *f, struct sl_err *err)
{
	int r;

	if (v->platform_seal == NULL)
		r = SL_ERR(err, VERIFY, "the platform's seal is missing");
	else
		r = check_seal(v, v->platform_seal, SL_TREE_PLATFORM, v->platform, err);
	if ((r = sl_finding_add(f, "platform seal", r, err)) < 0 || v->seal == NULL)
		return r;
	if (v->b->n_trees < SL_BUNDLE_TREES)
		r = SL_ERR(err, VERIFY, "the run is sealed, but its tree is missing");
	else
		r = check_seal(v, v->seal, SL_TREE_RUN, v->run_key, err);
	return sl_evident_found(f, v->seal, r, err);
}

/* --- what is named is there, and nothing else --- */

static int
by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

static int
check_blobs(const struct sl_evidence *v, struct sl_err *err)
{
	size_t n_st = v->first[SL_BUNDLE_TREES], n = 0, distinct = 0;
	uint8_t(*ref)[32] = calloc(n_st * SL_BUNDLE_REFS_MAX + 1, 32);
	int r = 0;

	if (ref == NULL)
		return SL_ERR(err, NOMEM, "out of memory for digests");
	for (size_t i = 0; i < n_st; i++) {
		const struct sl_evident *e = &v->st[i];

		n += sl_bundle_refs(e->statement,
				    e->s.h.has_hash_alg ? e->s.payload.p : NULL, &ref[n]);
	}
	qsort(ref, n, 32, by_bytes);
	for (size_t i = 0; i < n && r == 0; i++) {
		bool is_erased = false;

		if (i > 0 && memcmp(ref[i - 1], ref[i], 32) == 0)
			continue;
		distinct++;
		if ((sl_bundle_blob(v->b, ref[i], &is_erased) != NULL) == is_erased)
			r = SL_ERR(err, VERIFY,
				   is_erased ? "bytes are there that are called erased"
					     : "bytes that are named are missing");
	}
	free(ref);
	if (r == 0 && distinct != v->b->n_blobs + v->b->n_erased)
		return SL_ERR(err, VERIFY, "it holds bytes that no statement names");
	return r;
}

/* The digests of policies that decisions here name, in order; freed by the caller. */
static uint8_t (*named_policies(const struct sl_evidence *v, size_t *ret_n))[32]
{
	uint8_t(*d)[32] = calloc(v->first[SL_BUNDLE_TREES] + 1, 32);
	size_t n = 0;

	for (size_t i = 0; d != NULL && i < v->first[SL_BUNDLE_TREES]; i++)
		if (v->st[i].row == sl_statement_row(SL_STMT_DECISION))
			n += sl_unhex(
			    d[n], 32,
			    sl_json_get_str(sl_json_get(v->st[i].predicate, "sluice"),
					    "policy"));
	if (n > 0)
		qsort(d, n, 32, by_bytes);
	*ret_n = n;
	return d;
}

/* Each policy statement is of a policy that is named, and the only one of it. */
static int
check_policies(const struct sl_evidence *v, uint8_t (*named)[32], size_t n_named,
	       uint8_t (*seen)[32], struct sl_err *err)
{
	size_t n = 0;

	for (size_t i = v->first[SL_TREE_NODE]; i < v->first[SL_TREE_RUN]; i++) {
		if (v->st[i].row != sl_statement_row(SL_STMT_POLICY))
			continue;
		if (!sl_unhex(seen[n], 32,
			      sl_json_get_str(v->st[i].predicate, "policy")) ||
		    n_named == 0 ||
		    bsearch(seen[n], named, n_named, 32, by_bytes) == NULL)
			return SL_ERR(err, VERIFY,
				      "a policy that no decision here names");
		n++;
	}
	if (n > 0)
		qsort(seen, n, 32, by_bytes);
	for (size_t i = 1; i < n; i++)
		if (memcmp(seen[i - 1], seen[i], 32) == 0)
			return SL_ERR(err, VERIFY, "two statements of one policy");
	return 0;
}

/* Statements of the node that nothing here needs. */
static int
check_needed(const struct sl_evidence *v, struct sl_err *err)
{
	uint8_t(*named)[32], (*seen)[32];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < v->n_working; i++)
		if (!v->is_used[i])
			return SL_ERR(err, VERIFY,
				      "a certificate of a key that signed nothing here");
	named = named_policies(v, &n);
	seen = calloc(v->first[SL_BUNDLE_TREES] + 1, 32);
	r = named != NULL && seen != NULL
		? check_policies(v, named, n, seen, err)
		: SL_ERR(err, NOMEM, "out of memory for digests");
	free(named);
	free(seen);
	return r;
}

int
sl_evidence_log(struct sl_evidence *v, struct sl_findings *f, struct sl_err *err)
{
	int r;

	for (size_t t = 0; t < v->b->n_trees; t++)
		if ((r = check_tree(v, (enum sl_tree)t, f, err)) < 0)
			return r;
	if (f->n > 0)
		return 0;
	if ((r = check_seals(v, f, err)) < 0 ||
	    (r = sl_finding_add(f, "bundle", check_needed(v, err), err)) < 0)
		return r;
	return sl_finding_add(f, "bundle", check_blobs(v, err), err);
}
