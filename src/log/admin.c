/* admin.c -- what is done about a node's keys and payloads: another identity, the end of
 * a working key, the erasure of text.  See node.h. */
#include "log/node.h"
#include "log/store_priv.h"

#include "base/auto.h"
#include "crypto/sha256.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { SAME_MAX = 8 }; /* places of one digest that the index keeps */

/* --- which key is ours --- */

/* A blob whose name follows from the key: whether it was retired is then one look-up,
 * which the start of a build that is new here does. */
static void
retired_mark(const uint8_t pub[32], uint8_t text[32 + 22], uint8_t digest[32])
{
	memcpy(text, "sluice-retired-key-v1", 22);
	memcpy(text + 22, pub, 32);
	sl_sha256((struct sl_slice){ text, 32 + 22 }, digest);
}

static int
check_retired(struct sl_node *n, const uint8_t pub[32], struct sl_err *err)
{
	struct sl_view v = sl_store_view(&n->st);
	uint8_t text[32 + 22], digest[32];
	struct sl_rec rec;
	int r;

	retired_mark(pub, text, digest);
	if ((r = sl_find_digest(&v, SL_REC_BLOB, digest, &rec, err)) <= 0)
		return r;
	return SL_ERR(err, ENV,
		      "the working key of this build was retired: another build has to "
		      "be used, or the identity rotated (sluice key rotate)");
}

/* The certificate that was given last is by the identity in force. */
static int
check_in_force(struct sl_node *n, struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	struct sl_view v = sl_store_view(&n->st);
	SL_AUTO_BUF b = { .max = SL_STMT_MAX };
	struct sl_err why = { 0 };
	struct sl_sign1 m;
	struct sl_rec rec;
	int r;

	if (n->st.st.n_keys == 0)
		return 0;
	if ((r = sl_find_at(&v, 1, n->st.st.keys[0].index, &rec, err)) < 0)
		return r;
	if (r == 0 || (r = sl_seg_read(&n->st.g, rec.off, &b, &rec, err)) == 0)
		return SL_ERR(err, STORE,
			      "the certificate of the last working key is "
			      "gone");
	if (r < 0 || (r = sl_sign1_parse(sl_buf_get(&b), SL_STMT_MAX, &m, err)) < 0)
		return r;
	if (sl_sign1_verify(&m, none, none, n->k.identity.s.pub, &why) < 0)
		return SL_ERR(err, STORE,
			      "keys/identity is not the identity in force: it was "
			      "rotated; bring the key back that sluice key show names");
	return 0;
}

/* The keys as they are on disk now; the seeds of runs under way are kept. */
static int
reload(struct sl_node *n, struct sl_err *err)
{
	struct sl_node_keys k;
	int r;

	if ((r = sl_node_keys_resume(n->home_fd, n->io, n->st.st.next_key, err)) < 0 ||
	    (r = sl_node_keys_load(
		 &k, n->home_fd, n->io, false, n->build,
		 n->tpm != NULL && n->tpm->has_identity ? n->tpm->identity : NULL, err)) <
		0)
		return r;
	if (memcmp(k.identity.s.pub, n->k.identity.s.pub, 32) != 0) {
		memmove(n->old_cdi[1], n->old_cdi[0],
			sizeof(n->old_cdi[0]) * (SL_NODE_OLD - 1));
		memcpy(n->old_cdi[0], n->k.cdi, 32);
		n->n_old += n->n_old < SL_NODE_OLD;
	}
	sl_node_keys_done(&n->k);
	n->k = k;
	sl_wipe(&k, sizeof(k));
	return 0;
}

int
sl_node_sync_keys(struct sl_node *n, struct sl_err *err)
{
	int r;

	if (n->st.st.seq == 0 || sl_own_is_certified(&n->st.next, n->k.working.s.pub))
		return 0;
	if ((r = reload(n, err)) < 0 ||
	    sl_own_is_certified(&n->st.next, n->k.working.s.pub))
		return r;
	if ((r = check_in_force(n, err)) < 0 ||
	    (r = check_retired(n, n->k.working.s.pub, err)) < 0)
		return r;
	return sl_own_certify(n, err);
}

/* An open batch, with the keys that are in force. */
static int
begin(struct sl_node *n, struct sl_err *err)
{
	int r = sl_store_begin(&n->st, err);

	if (r == 0 && (r = sl_node_sync_keys(n, err)) < 0)
		sl_store_abort(&n->st);
	return r;
}

static int
end(struct sl_node *n, int (*then)(void *arg, struct sl_err *err), void *arg,
    struct sl_entry *e, struct sl_err *err)
{
	int r;

	e->size = sl_state_tree(&n->st.next, 1)->edge.size;
	n->st.then = then;
	n->st.then_arg = arg;
	r = sl_node_end(n, err);
	n->st.then = NULL;
	return r;
}

/* --- the platform --- */

int
sl_node_attest(struct sl_node *n, struct sl_admin_done *ret, struct sl_err *err)
{
	int r = begin(n, err);

	if (r < 0)
		return r;
	if ((r = sl_own_boot(n, &ret->entry, err)) < 0) {
		sl_store_abort(&n->st);
		return r;
	}
	return end(n, NULL, NULL, &ret->entry, err);
}

/* --- another identity --- */

static int
announce(struct sl_node *n, struct sl_admin_done *ret, struct sl_err *err)
{
	struct sl_key_said s = { .role = SL_KEY_IDENTITY, .has_next = true };
	uint8_t seed[32];
	int r = sl_node_keys_next(n->home_fd, n->io, true, seed, err);

	if (r < 0)
		return r;
	sl_seed_digest(seed, s.next);
	sl_wipe(seed, sizeof(seed));
	memcpy(s.pub, n->k.identity.s.pub, 32);
	if ((r = sl_own_key(n, 1, &s, &ret->entry, err)) < 0)
		return r;
	memcpy(n->st.next.next_key, s.next, 32);
	ret->is_announced = true;
	return end(n, NULL, NULL, &ret->entry, err);
}

static int
finish_rotation(void *arg, struct sl_err *err)
{
	struct sl_node *n = arg;

	return sl_node_keys_resume(n->home_fd, n->io, n->st.st.next_key, err);
}

/* States the identity that follows from seed, signed by the one in force. */
static int
put_rotation(struct sl_node *n, const uint8_t seed[32], struct sl_admin_done *ret,
	     struct sl_err *err)
{
	struct sl_key_said s = { .role = SL_KEY_IDENTITY, .has_next = true };
	struct sl_log_key k;
	uint8_t following[32] = { 0 };
	int r = sl_node_keys_prepare(n->home_fd, n->io, &n->k, following, err);

	if (r == 0)
		sl_seed_digest(following, s.next);
	sl_wipe(following, sizeof(following));
	if (r < 0)
		return r;
	sl_log_key_make(&k, seed);
	memcpy(s.pub, k.s.pub, 32);
	sl_log_key_done(&k);
	if ((r = sl_own_key(n, 1, &s, &ret->entry, err)) < 0)
		return r;
	memcpy(n->st.next.next_key, s.next, 32);
	return 0;
}

static int
rotate(struct sl_node *n, struct sl_admin_done *ret, struct sl_err *err)
{
	uint8_t seed[32], d[32];
	int r = sl_node_keys_next(n->home_fd, n->io, false, seed, err);

	if (r < 0)
		return r;
	sl_seed_digest(seed, d);
	if (memcmp(d, n->st.next.next_key, 32) != 0)
		r = SL_ERR(err, STORE,
			   "keys/next is not the key that was announced beforehand");
	if (r == 0 && (r = put_rotation(n, seed, ret, err)) == 0) {
		/* from here on the new one signs; runs under way keep their keys */
		memmove(n->old_cdi[1], n->old_cdi[0],
			sizeof(n->old_cdi[0]) * (SL_NODE_OLD - 1));
		memcpy(n->old_cdi[0], n->k.cdi, 32);
		n->n_old += n->n_old < SL_NODE_OLD;
		sl_log_key_done(&n->k.identity);
		sl_log_key_done(&n->k.working);
		sl_node_keys_derive(&n->k, seed, n->build);
		n->st.next.n_keys = 0;
		if ((r = sl_own_certify(n, err)) == 0)
			r = end(n, finish_rotation, n, &ret->entry, err);
		if (r < 0) /* which identity is in force the next start finds out */
			(void)sl_store_die(&n->st, err);
	}
	sl_wipe(seed, sizeof(seed));
	return r;
}

int
sl_node_rotate(struct sl_node *n, struct sl_admin_done *ret, struct sl_err *err)
{
	static const uint8_t zero[32];
	int r = begin(n, err);

	if (r < 0)
		return r;
	*ret = (struct sl_admin_done){ 0 };
	r = memcmp(n->st.next.next_key, zero, 32) == 0 ? announce(n, ret, err)
						       : rotate(n, ret, err);
	sl_store_abort(&n->st);
	return r;
}

/* --- the end of a working key --- */

static int
check_in_use(struct sl_node *n, const uint8_t pub[32], struct sl_err *err)
{
	struct sl_view v = sl_store_view(&n->st);
	const struct sl_ring_key *k;
	struct sl_keyring ring;
	uint8_t first[32];
	int r = 0;

	if (!sl_didkey_parse(sl_slice_str(n->did), first))
		return SL_ERR(err, BUG, "the node's name is no key");
	sl_keyring_init(&ring, first);
	if ((r = sl_keyring_read(&ring, &v, err)) == 0) {
		k = sl_keyring_find(&ring, pub);
		if (k == NULL)
			r = SL_ERR(err, USAGE, "that is no working key of this node");
		else if (k->until != UINT64_MAX)
			r = SL_ERR(err, USAGE, "that key is %s already",
				   k->is_retired ? "retired" : "ended by a rotation");
	}
	sl_keyring_done(&ring);
	return r;
}

static int
retire(struct sl_node *n, const uint8_t pub[32], struct sl_admin_done *ret,
       struct sl_err *err)
{
	struct sl_key_said s = { .role = SL_KEY_RETIRED };
	struct sl_state *st = &n->st.next;
	uint8_t text[32 + 22], digest[32];
	uint32_t i = 0;
	int r;

	if (memcmp(pub, n->k.working.s.pub, 32) == 0)
		return SL_ERR(err, USAGE,
			      "that is the key of this build, which signs what is asked "
			      "for here; sluice key rotate ends it");
	if ((r = check_in_use(n, pub, err)) < 0)
		return r;
	while (i < st->n_keys && memcmp(st->keys[i].pub, pub, 32) != 0)
		i++;
	memcpy(s.pub, pub, 32);
	s.after = sl_state_tree(st, 1)->edge.size;
	retired_mark(pub, text, digest);
	if ((r = sl_store_blob(&n->st, (struct sl_slice){ text, sizeof(text) }, digest,
			       err)) < 0 ||
	    (r = sl_own_key(n, 1, &s, &ret->entry, err)) < 0)
		return r;
	if (i < st->n_keys) {
		memmove(&st->keys[i], &st->keys[i + 1],
			(st->n_keys - i - 1) * sizeof(st->keys[0]));
		st->n_keys--;
	}
	return end(n, NULL, NULL, &ret->entry, err);
}

int
sl_node_retire(struct sl_node *n, const uint8_t pub[32], struct sl_admin_done *ret,
	       struct sl_err *err)
{
	int r = begin(n, err);

	if (r < 0)
		return r;
	*ret = (struct sl_admin_done){ 0 };
	r = retire(n, pub, ret, err);
	sl_store_abort(&n->st);
	return r;
}

/* --- erasure --- */

struct erase {
	struct sl_node *n;
	const uint8_t *digest;
	struct sl_rec *rec; /* its copies that are not zeros yet */
	size_t k, cap;
	uint64_t n_bytes, n_met;
};

static int
note_copy(void *arg, const struct sl_rec *r, struct sl_err *err)
{
	struct erase *x = arg;
	struct sl_rec *p = x->rec;

	x->n_met++;
	x->n_bytes = r->len;
	if (x->k == x->cap) {
		p = reallocarray(x->rec, x->cap + 16, sizeof(*p));
		if (p == NULL)
			return SL_ERR(err, NOMEM, "no memory for places");
		x->rec = p;
		x->cap += 16;
	}
	x->rec[x->k++] = *r;
	return 0;
}

static int
find_copies(struct erase *x, struct sl_err *err)
{
	struct sl_view v = sl_store_view(&x->n->st);
	struct sl_idx none = { 0 };
	int r = sl_find_each(&v, SL_REC_BLOB, x->digest, note_copy, x, err);

	if (r == 0 && x->n_met >= SAME_MAX) { /* the index does not keep more */
		v.x = &none;
		x->k = 0;
		x->n_met = 0;
		r = sl_find_each(&v, SL_REC_BLOB, x->digest, note_copy, x, err);
	}
	return r;
}

static int
zero(struct sl_node *n, const struct sl_rec *r, struct sl_err *err)
{
	const struct sl_store_io *io = n->io;
	char name[SL_SEG_NAME];
	int fd, e;

	sl_seg_name((uint32_t)(r->off / SL_SEG_SIZE), name);
	fd = io->openat(io->ctx, n->st.seg_fd, name, O_RDWR, 0);
	if (fd < 0)
		return SL_ERR_SYS(err, fd, "cannot open a segment");
	e = sl_io_zeros(io, fd, r->len, r->off % SL_SEG_SIZE + SL_REC_HDR);
	if (e >= 0)
		e = io->fdatasync(io->ctx, fd);
	(void)close(fd);
	return e < 0 ? SL_ERR_SYS(err, e,
				  "cannot erase: the tombstone is in the log, the bytes "
				  "may still be there; erase again")
		     : 0;
}

/* Behind the tombstone, under the lock: who states the text again from now on has it
 * again, and nobody in between takes the old bytes for granted. */
static int
wipe_copies(void *arg, struct sl_err *err)
{
	struct erase *x = arg;
	int r = 0;

	for (size_t i = 0; i < x->k && r == 0; i++)
		r = zero(x->n, &x->rec[i], err);
	return r;
}

static int
erase(struct erase *x, struct sl_admin_done *ret, struct sl_err *err)
{
	struct sl_node *n = x->n;
	struct sl_view v = sl_store_view(&n->st);
	SL_AUTO_BUF b = { .max = SL_REC_MAX + 8 };
	struct sl_err why = { 0 };
	bool is_erased = false;
	int r;

	if (memcmp(x->digest, n->st.next.policy, 32) == 0)
		return SL_ERR(err, USAGE, "that is the policy in force");
	if ((r = find_copies(x, err)) < 0)
		return r;
	if (x->k == 0)
		return SL_ERR(err, NOENT, "the log does not have these bytes");
	/* damage may be an erasure that was cut off: it is ended here */
	r = sl_find_blob(&v, x->digest, &b, &is_erased, &why);
	if (r < 0 && r != SL_E(STORE)) {
		*err = why;
		return r;
	}
	if (r == 0)
		return SL_ERR(err, NOENT, "these bytes have been erased already");
	if ((r = sl_own_tombstone(n, x->digest, x->n_bytes, &ret->entry, err)) < 0)
		return r;
	ret->n_bytes = x->n_bytes;
	ret->n_copies = x->k;
	return end(n, wipe_copies, x, &ret->entry, err);
}

int
sl_node_erase(struct sl_node *n, const uint8_t digest[32], struct sl_admin_done *ret,
	      struct sl_err *err)
{
	struct erase x = { .n = n, .digest = digest };
	int r = begin(n, err);

	if (r < 0)
		return r;
	*ret = (struct sl_admin_done){ 0 };
	r = erase(&x, ret, err);
	sl_store_abort(&n->st);
	free(x.rec);
	return r;
}
