/* node.c -- see node.h. */
#include "log/node.h"

#include "crypto/sha256.h"

#include <stdlib.h>

/* The last seal must be by a key of ours: this build's, or one that this identity
 * certified (the certificate is read and checked). */
static int
check_signer(struct sl_node *n, struct sl_err *err)
{
	const struct sl_state *s = &n->st.st;
	struct sl_view v = sl_store_view(&n->st);
	SL_AUTO_BUF b = { .max = SL_STMT_MAX };
	struct sl_err why = { 0 };
	struct sl_sign1 m;
	struct sl_rec rec;
	char did[SL_DIDKEY_MAX];
	uint32_t i = 0;
	int r;

	if (s->seq == 0 || memcmp(s->signer, n->k.working.s.pub, 32) == 0)
		return 0;
	while (i < s->n_keys && memcmp(s->keys[i].pub, s->signer, 32) != 0)
		i++;
	if (i == s->n_keys)
		return sl_seg_damage(s->off, "sealed by a key without a certificate",
				     err);
	if ((r = sl_find_at(&v, 1, s->keys[i].index, &rec, err)) < 0)
		return r;
	if (r == 0 || (r = sl_seg_read(&n->st.g, rec.off, &b, &rec, err)) == 0)
		return sl_seg_damage(s->off, "the certificate of its key is gone", err);
	sl_didkey(s->signer, did);
	if (r < 0 || sl_sign1_parse(sl_buf_get(&b), SL_STMT_MAX, &m, err) < 0)
		return sl_err_ctx(err, "certificate of the key that sealed last");
	if (sl_sign1_verify(&m, (struct sl_slice){ 0 }, (struct sl_slice){ 0 },
			    n->k.identity.s.pub, &why) < 0)
		return SL_ERR(err, STORE,
			      "keys/identity is not what certified the key that sealed "
			      "last: it was rotated since, or is of another node");
	if (!sl_slice_eq(m.h.sub, sl_slice_str(did)))
		return sl_seg_damage(
		    rec.off, "not the certificate of the key that sealed last", err);
	return 0;
}

/* The log is called after its first identity, whichever is in force now. */
static int
name_of(struct sl_node *n, struct sl_err *err)
{
	static const char head[] = "sluice/", tail[] = "/node";
	const struct sl_tree_state *t = sl_state_tree(&n->st.st, 1);
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_slice o;
	struct sl_rec rec;
	uint8_t pub[32];
	int r;

	memcpy(n->did, n->k.identity.did, sizeof(n->did));
	if (t == NULL)
		return 0;
	if ((r = sl_seg_read(&n->st.g, t->decl, &b, &rec, err)) < 0)
		return r;
	o = sl_slice_skip(sl_buf_get(&b), 32 + sizeof(head) - 1);
	if (o.len >= sizeof(tail))
		o.len -= sizeof(tail) - 1;
	if (r == 0 || rec.type != SL_REC_TREE || !sl_didkey_parse(o, pub))
		return sl_seg_damage(t->decl, "not the declaration of the node's tree",
				     err);
	sl_didkey(pub, n->did);
	return 0;
}

static int
open_batch(struct sl_node *n, struct sl_err *err)
{
	bool has_begun = sl_keys_has_begun(n->home_fd);
	int r = sl_store_begin(&n->st, err);

	if (r < 0)
		return r;
	if ((r = sl_node_keys_resume(n->home_fd, n->io, n->st.st.next_key, err)) < 0)
		return r;
	if (n->st.st.seq == 0 && has_begun)
		return SL_ERR(err, STORE,
			      "the log that these keys began is gone; bring it "
			      "back, or move keys/ away to begin as another node");
	if ((r = sl_node_keys_load(
		 &n->k, n->home_fd, n->io, n->st.st.seq == 0, n->build,
		 n->tpm != NULL && n->tpm->has_identity ? n->tpm->identity : NULL, err)) <
		0 ||
	    (r = name_of(n, err)) < 0 || (r = check_signer(n, err)) < 0 ||
	    (r = sl_own_ensure(n, err)) < 0)
		return r;
	return has_begun ? 0 : sl_keys_mark_begun(n->home_fd, n->io, err);
}

int
sl_node_open(struct sl_node *n, int home_fd, const struct sl_store_io *io,
	     const uint8_t build[32], struct sl_err *err)
{
	return sl_node_open_tpm(n, home_fd, io, build, NULL, err);
}

int
sl_node_open_tpm(struct sl_node *n, int home_fd, const struct sl_store_io *io,
		 const uint8_t build[32], struct sl_tpm *tpm, struct sl_err *err)
{
	int r;

	memset(n, 0, sizeof(*n));
	n->tpm = tpm;
	n->home_fd = home_fd;
	n->io = io;
	memcpy(n->build, build, 32);
	if ((r = sl_crypto_init(err)) < 0 ||
	    (r = sl_store_open(&n->st, home_fd, io, err)) < 0)
		return r;
	/* under the lock: of two first starts one makes everything, the other finds it */
	if ((r = open_batch(n, err)) < 0)
		sl_node_done(n);
	return r;
}

void
sl_node_done(struct sl_node *n)
{
	for (size_t i = 0; i < SL_NODE_RUNS; i++)
		sl_log_key_done(&n->run[i].key);
	sl_node_keys_done(&n->k);
	sl_store_done(&n->st);
	free(n->foreign);
	n->foreign = NULL;
}

int
sl_node_again(struct sl_node *n, struct sl_err *err)
{
	int r = sl_store_begin(&n->st, err);

	if (r == 0)
		sl_store_abort(&n->st);
	return r;
}

void
sl_node_info(const struct sl_node *n, struct sl_node_info *ret)
{
	const struct sl_state *s = &n->st.st;
	const struct sl_tree_state *t = sl_state_tree(s, 1);

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->did, n->did, sizeof(ret->did));
	memcpy(ret->working_did, n->k.working.did, sizeof(ret->working_did));
	memcpy(ret->working_pub, n->k.working.s.pub, 32);
	memcpy(ret->hmac_key, n->k.hmac, 32);
	memcpy(ret->policy, s->policy, 32);
	ret->time_ms = sl_store_time(&n->st);
	ret->node_size = t ? t->edge.size : 0;
	ret->is_new = n->is_new;
}

const struct sl_log_key *
sl_node_run_key(struct sl_node *n, const uint8_t run[32])
{
	size_t old = 0;

	for (size_t i = 0; i < SL_NODE_RUNS; i++) {
		if (n->run[i].used != 0 && memcmp(n->run[i].run, run, 32) == 0) {
			n->run[i].used = ++n->n_used;
			return &n->run[i].key;
		}
		if (n->run[i].used < n->run[old].used)
			old = i;
	}
	sl_log_key_done(&n->run[old].key);
	memcpy(n->run[old].run, run, 32);
	sl_run_key(n->k.cdi, run, &n->run[old].key);
	n->run[old].used = ++n->n_used;
	return &n->run[old].key;
}

/* The key that the run's tree was declared with: it may be of before a rotation. */
static const struct sl_log_key *
key_of_run(struct sl_node *n, const struct sl_tree_state *t)
{
	const struct sl_log_key *k = sl_node_run_key(n, t->run);

	for (size_t i = 0; i < n->n_old && memcmp(k->s.pub, t->pub, 32) != 0; i++)
		for (size_t j = 0; j < SL_NODE_RUNS; j++)
			if (&n->run[j].key == k) {
				sl_log_key_done(&n->run[j].key);
				sl_run_key(n->old_cdi[i], t->run, &n->run[j].key);
			}
	return k;
}

static int
sign_tree(void *ctx, struct sl_tree_state *t, struct sl_err *err)
{
	struct sl_node *n = ctx;
	char origin[SL_ORIGIN_MAX];
	const struct sl_log_key *k = t->kind == SL_TREE_PLATFORM ? sl_platform_key(&n->k)
				     : t->kind == SL_TREE_NODE   ? &n->k.working
								 : key_of_run(n, t);
	int r;

	/* A run that is sealed has been signed for its seal. */
	if (t->kind == SL_TREE_RUN && t->id == n->sealed.id &&
	    t->edge.size == n->sealed.size && memcmp(t->root, n->sealed.root, 32) == 0) {
		memcpy(t->pub, k->s.pub, 32);
		memcpy(t->note_sig, n->sealed.note_sig, 64);
		memcpy(t->receipt_sig, n->sealed.receipt_sig, 64);
		return 0;
	}
	sl_log_origin(n->did, t->kind, t->kind == SL_TREE_RUN ? t->run : NULL, origin);
	if ((r = sl_log_sign_root(k, origin, t, err)) < 0 || t->kind != SL_TREE_RUN)
		return r;
	n->sealed.id = t->id;
	n->sealed.size = t->edge.size;
	memcpy(n->sealed.root, t->root, 32);
	memcpy(n->sealed.note_sig, t->note_sig, 64);
	memcpy(n->sealed.receipt_sig, t->receipt_sig, 64);
	return 0;
}

static void
sign_seal(void *ctx, struct sl_slice msg, uint8_t sig[64])
{
	const struct sl_node *n = ctx;

	sl_sign(&n->k.working.s, msg, sig);
}

int
sl_node_end(struct sl_node *n, struct sl_err *err)
{
	const struct sl_store_signer by = { n, n->k.working.s.pub, sign_tree, sign_seal };

	return sl_store_end(&n->st, &by, err);
}

/* The run's tree in the open batch; declared by its first statement. */
static int
run_tree(struct sl_node *n, const uint8_t run[32], bool may_make,
	 struct sl_tree_state **ret, struct sl_err *err)
{
	const struct sl_log_key *k = sl_node_run_key(n, run);
	struct sl_tree_state *t = sl_state_run(&n->st.next, run);
	struct sl_view v = sl_store_view(&n->st);
	char origin[SL_ORIGIN_MAX];
	struct sl_rec rec;
	uint32_t id;
	int r;

	if (t != NULL) {
		*ret = t;
		return 0;
	}
	if ((r = sl_find_digest(&v, SL_REC_TREE, run, &rec, err)) < 0)
		return r;
	if (r == 1)
		return SL_ERR(err, BUG, "the log of the run is sealed already");
	if (!may_make)
		return SL_ERR(err, BUG, "there is no log of that run");
	sl_log_origin(n->did, SL_TREE_RUN, run, origin);
	if ((r = sl_store_tree(&n->st, SL_TREE_RUN, run, k->s.pub, sl_slice_str(origin),
			       &id, err)) < 0)
		return r;
	*ret = sl_state_tree(&n->st.next, id);
	return 0;
}

static int
put_stmt(struct sl_node *n, const struct sl_stmt *s, struct sl_entry *ret,
	 uint32_t *ret_tree, struct sl_err *err)
{
	const struct sl_log_key *k = &n->k.working;
	SL_AUTO_BUF stmt = { .max = SL_STMT_MAX };
	struct sl_tree_state *t = NULL;
	uint8_t digest[32];
	int r;

	*ret_tree = 1;
	if (s->tree == SL_TREE_RUN) {
		if ((r = run_tree(n, s->run, true, &t, err)) < 0 || t == NULL)
			return r;
		*ret_tree = t->id;
		k = key_of_run(n, t);
		if (memcmp(k->s.pub, t->pub, 32) != 0)
			return SL_ERR(err, ENV,
				      "the run was begun by another build of sluice; "
				      "this one cannot sign for it");
	} else if (s->tree != SL_TREE_NODE) {
		return SL_ERR(err, BUG, "the platform's log is written by sluice alone");
	}
	if ((r = sl_log_statement(k, s->sub, s->payload, s->is_envelope, digest, &stmt,
				  err)) < 0)
		return r;
	if (s->is_envelope && (r = sl_store_blob(&n->st, s->payload, digest, err)) < 0)
		return r;
	return sl_store_entry(&n->st, *ret_tree, s->kind, sl_buf_get(&stmt), ret->id,
			      &ret->index, err);
}

/* Closes the run's tree; its last checkpoint goes into the node tree. */
static int
seal_run(struct sl_node *n, const uint8_t run[32], struct sl_entry *ret,
	 struct sl_err *err)
{
	struct sl_state old = { 0 };
	struct sl_tree_state *t = NULL, signed_t;
	int r;

	if ((r = run_tree(n, run, false, &t, err)) < 0 || t == NULL)
		return r;
	if (t->flags & SL_TREE_CLOSED)
		return SL_ERR(err, BUG, "the log of the run is sealed already");
	t->flags |= SL_TREE_CLOSED;
	signed_t = *sl_store_get(&n->st, t->id);
	if (t->flags & SL_TREE_TOUCHED) {
		r = sign_tree(n, &signed_t, err);
	} else { /* nothing new: the signature is in the seal of its last batch */
		r = sl_state_read(&n->st.g, t->last_seal, &old, err);
		t = r == 0 ? sl_state_tree(&old, signed_t.id) : NULL;
		if (r == 0 && t == NULL)
			r = sl_seg_damage(signed_t.last_seal, "a run's tree is missing",
					  err);
		else if (r == 0)
			signed_t = *t;
		sl_state_done(&old);
	}
	return r < 0 ? r : sl_own_seal(n, &signed_t, ret, err);
}

/* A tree of one entry has no receipt (RFC 9942: paths are not empty). */
static int
check_first(struct sl_node *n, struct sl_err *err)
{
	const struct sl_state *s = &n->st.next;

	for (uint32_t i = 0; i < s->n_trees; i++)
		if (s->tree[i].id >= n->st.st.next_tree && s->tree[i].edge.size < 2)
			return SL_ERR(err, BUG,
				      "a run's first batch has fewer than two entries");
	return 0;
}

static int
fill(struct sl_node *n, const struct sl_item *item, size_t n_items, struct sl_entry *ret,
     uint32_t *tree, size_t *ret_n, struct sl_err *err)
{
	size_t k = 0;
	uint8_t d[32];
	int r = 0;

	for (size_t i = 0; i < n_items && r == 0; i++) {
		const struct sl_item *it = &item[i];

		if (it->what == SL_ITEM_STMT) {
			r = put_stmt(n, &it->s, &ret[k], &tree[k], err);
			k++;
		} else if (it->what == SL_ITEM_BLOB) {
			sl_sha256(it->bytes, d);
			r = sl_store_blob(&n->st, it->bytes, d, err);
		} else if (it->what == SL_ITEM_POLICY) {
			memcpy(n->st.next.policy, it->digest, 32);
		} else if (it->what == SL_ITEM_FOREIGN) {
			tree[k] = 1;
			if ((r = sl_foreign_begin(n, err)) == 0)
				r = sl_foreign_put(n, it->bytes, &ret[k++], err);
		} else if (it->what == SL_ITEM_UNDER &&
			   memcmp(n->st.st.policy, it->digest, 32) != 0) {
			r = SL_ERR(err, DENIED, "another policy is in force by now");
		}
	}
	for (size_t i = 0; i < n_items && r == 0; i++)
		if (item[i].what == SL_ITEM_SEAL) {
			r = seal_run(n, item[i].digest, &ret[k], err);
			tree[k++] = 1;
		}
	*ret_n = k;
	return r < 0 ? r : check_first(n, err);
}

/* Of the node's state, which only a seal says. */
static bool
has_change(const struct sl_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item[i].what == SL_ITEM_POLICY || item[i].what == SL_ITEM_SEAL)
			return true;
	return false;
}

int
sl_node_commit(struct sl_node *n, const struct sl_item *item, size_t n_items,
	       struct sl_entry *ret, size_t *ret_n, struct sl_err *err)
{
	uint32_t tree[SL_ITEMS_MAX];
	size_t k = 0;
	int r;

	if (n_items > SL_ITEMS_MAX)
		return SL_ERR(err, LIMIT, "more than %d items in a batch", SL_ITEMS_MAX);
	n->has_root = false;
	if ((r = sl_store_begin(&n->st, err)) < 0)
		return r;
	if ((r = sl_node_sync_keys(n, err)) < 0 ||
	    (r = fill(n, item, n_items, ret, tree, &k, err)) < 0) {
		sl_store_abort(&n->st);
		return r;
	}
	for (size_t i = 0; i < k; i++)
		ret[i].size = sl_state_tree(&n->st.next, tree[i])->edge.size;
	if (n->st.n_records == 0 && !has_change(item, n_items)) {
		/* all of it is in the log already */
		sl_store_abort(&n->st);
		if (n->has_root)
			sl_foreign_end(n);
		*ret_n = k;
		return 0;
	}
	if ((r = sl_node_end(n, err)) < 0)
		return r;
	if (n->has_root)
		sl_foreign_end(n);
	*ret_n = k;
	return 0;
}
