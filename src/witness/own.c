/* own.c -- see own.h. */
#include "witness/own.h"

#include "base/auto.h"
#include "witness/proof.h"
#include "witness/request.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

enum { KEPT_MAX = 1 << 17 };

int
sl_own_tree(struct sl_reader *r, struct sl_slice origin, struct sl_log_tree *ret,
	    struct sl_err *err)
{
	struct sl_log_tree t;
	int e;

	for (uint32_t id = 0; id < 2; id++) {
		if ((e = sl_reader_tree(r, id, &t, err)) < 0)
			return e;
		if (sl_slice_eq(sl_slice_str(t.origin), origin)) {
			*ret = t;
			return 0;
		}
	}
	if (origin.len > 64) {
		struct sl_err none = { 0 };

		if (sl_reader_run(r, sl_slice_skip(origin, origin.len - 64), &t, &none) ==
			0 &&
		    sl_slice_eq(sl_slice_str(t.origin), origin)) {
			*ret = t;
			return 0;
		}
	}
	return SL_ERR(err, NOENT, "'%.*s' is no log of this node", SL_ARG(origin));
}

int
sl_own_request(struct sl_reader *r, uint32_t tree, uint64_t old_size, struct sl_buf *out,
	       struct sl_err *err)
{
	SL_AUTO_BUF note = { .max = 1 << 14 };
	struct sl_proof path = { 0 };
	struct sl_log_tree t;
	int e;

	if ((e = sl_reader_tree(r, tree, &t, err)) < 0)
		return e;
	if (old_size > t.size)
		return SL_ERR(err, NOENT, "the log has %llu entries, fewer than %llu",
			      (unsigned long long)t.size, (unsigned long long)old_size);
	if ((e = sl_reader_checkpoint(r, tree, 0, &note, err)) < 0 ||
	    (old_size > 0 && old_size < t.size &&
	     (e = sl_reader_consistency(r, tree, old_size, t.size, &path, err)) < 0))
		return e;
	sl_add_checkpoint_put(old_size, &path, sl_buf_get(&note), out);
	return out->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

/* The note as this node signed it, by what the log holds; *ret_tree is its tree. */
static int
own_note(struct sl_reader *r, const struct sl_add_checkpoint *q, struct sl_buf *out,
	 struct sl_log_tree *ret_tree, struct sl_err *err)
{
	int e;

	if ((e = sl_own_tree(r, q->checkpoint.origin, ret_tree, err)) < 0 ||
	    (e = sl_reader_checkpoint(r, ret_tree->id, q->checkpoint.size, out, err)) < 0)
		return e;
	if (!sl_slice_starts(sl_buf_get(out), q->note.text))
		return SL_ERR(err, VERIFY,
			      "the request's checkpoint is not this log's at size %llu",
			      (unsigned long long)q->checkpoint.size);
	return 0;
}

/* Appends the lines of note's witnesses to out; *ret has theirs added.  No line for a
 * witness that out has one of. */
static int
add_lines(const struct sl_tpol *p, struct sl_slice note, struct sl_buf *out,
	  uint64_t *ret, struct sl_err *err)
{
	struct sl_vkey key[SL_TPOL_MAX];
	struct sl_note n;
	uint64_t mask = 0;
	int r;

	for (size_t i = 0; i < p->n_witnesses; i++)
		key[i] = p->witness[i].key;
	if ((r = sl_note_parse(note, &n, err)) < 0 ||
	    (r = sl_note_verify(&n, key, p->n_witnesses, &mask, NULL, err)) < 0)
		return r;
	for (size_t i = 0; i < n.n; i++)
		for (size_t k = 0; k < p->n_witnesses; k++) {
			if ((*ret >> k & 1) != 0 ||
			    !sl_slice_eq(n.sig[i].name, key[k].name) ||
			    memcmp(n.sig[i].id, key[k].id, sizeof(key[k].id)) != 0)
				continue;
			sl_buf_str(out, "\xe2\x80\x94 ");
			sl_buf_slice(out, n.sig[i].name);
			sl_buf_byte(out, ' ');
			sl_buf_slice(out, n.sig[i].b64);
			sl_buf_byte(out, '\n');
			*ret |= UINT64_C(1) << k;
		}
	return out->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

/* The cosignatures kept of the same checkpoint: of either file. */
static int
add_kept(const struct sl_home *h, const struct sl_tpol *p, struct sl_slice origin,
	 struct sl_slice own, struct sl_buf *out, uint64_t *ret, struct sl_err *err)
{
	static const char *const ending[] = { ".own", ".part" };

	for (size_t i = 0; i < 2; i++) {
		SL_AUTO_BUF kept = { .max = KEPT_MAX };
		struct sl_err why = { 0 };
		int r = sl_witness_read(h, origin, ending[i], KEPT_MAX, &kept, &why);

		if (r == 0 && sl_slice_starts(sl_buf_get(&kept), own)) {
			r = add_lines(p, sl_buf_get(&kept), out, ret, &why);
			if (r == SL_E(SIGNER))
				r = 0;
		}
		if (r < 0 && r != SL_E(NOENT)) {
			*err = why;
			return r;
		}
	}
	return 0;
}

static int
lock(const struct sl_home *h, int *ret_fd, struct sl_err *err)
{
	SL_AUTO_FD dir = -1;
	int r = sl_home_dir(h, "witness", &dir, err);

	if (r < 0)
		return r;
	*ret_fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	while (*ret_fd < 0 || flock(*ret_fd, LOCK_EX) < 0)
		if (*ret_fd < 0 || errno != EINTR)
			return SL_ERR_SYS(err, -errno, "cannot lock witness/lock");
	return 0;
}

int
sl_own_accept(const struct sl_home *h, struct sl_reader *r, const struct sl_tpol *p,
	      struct sl_slice request, struct sl_slice answer,
	      struct sl_own_accepted *ret, struct sl_err *err)
{
	SL_AUTO_BUF own = { .max = 1 << 14 }, note = { .max = KEPT_MAX },
		    out = { .max = KEPT_MAX };
	struct sl_own_accepted a = { 0 };
	struct sl_add_checkpoint q = { 0 };
	struct sl_log_tree t;
	SL_AUTO_FD fd = -1;
	int e;

	if ((e = sl_add_checkpoint_parse(request, &q, err)) < 0)
		return sl_err_ctx(err, "request");
	if ((e = own_note(r, &q, &own, &t, err)) < 0 || (e = lock(h, &fd, err)) < 0)
		return e;
	sl_buf_slice(&note, sl_buf_get(&own));
	sl_buf_slice(&note, answer);
	sl_buf_slice(&out, sl_buf_get(&own));
	if (note.is_failed || out.is_failed)
		return SL_ERR(err, LIMIT, "the answer is too long");
	if ((e = add_lines(p, sl_buf_get(&note), &out, &a.cosigned, err)) < 0)
		return sl_err_ctx(err, "answer");
	if ((e = add_kept(h, p, sl_slice_str(t.origin), sl_buf_get(&own), &out,
			  &a.cosigned, err)) < 0)
		return e;
	a.size = q.checkpoint.size;
	a.is_quorum = sl_tpol_quorum(p, a.cosigned);
	e = sl_witness_write(h, sl_slice_str(t.origin), a.is_quorum ? ".own" : ".part",
			     sl_buf_get(&out), err);
	if (e == 0)
		*ret = a;
	return e;
}

int
sl_own_proof(const struct sl_home *h, struct sl_reader *r, const struct sl_log_entry *en,
	     struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_BUF kept = { .max = KEPT_MAX };
	struct sl_tlog_proof p = { .index = en->index };
	struct sl_err why = { 0 };
	struct sl_checkpoint c = { 0 };
	struct sl_log_tree t;
	struct sl_note n;
	int e;

	if ((e = sl_reader_tree(r, en->tree, &t, err)) < 0)
		return e;
	e = sl_witness_read(h, sl_slice_str(t.origin), ".own", KEPT_MAX, &kept, &why);
	if (e == SL_E(NOENT))
		return SL_ERR(err, NOENT,
			      "no checkpoint of %s has been cosigned by a quorum yet: "
			      "sluice witness request, accept",
			      t.origin);
	if (e < 0) {
		*err = why;
		return e;
	}
	if ((e = sl_note_parse(sl_buf_get(&kept), &n, err)) < 0 ||
	    (e = sl_checkpoint_parse(n.text, &c, err)) < 0)
		return e;
	if (en->index >= c.size)
		return SL_ERR(err, NOENT,
			      "the checkpoint that a quorum cosigned has size %llu; the "
			      "entry came later, at %llu",
			      (unsigned long long)c.size, (unsigned long long)en->index);
	if ((e = sl_reader_inclusion(r, en->tree, en->index, c.size, &p.path, err)) < 0)
		return e;
	p.checkpoint = sl_buf_get(&kept);
	sl_tlog_proof_put(&p, out);
	return out->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}
