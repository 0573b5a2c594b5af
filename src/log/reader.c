/* reader.c -- see reader.h. */
#include "log/reader.h"

#include "crypto/sha256.h"
#include "log/reader_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
sl_reader_refresh(struct sl_reader *r, struct sl_err *err)
{
	struct sl_state st = { 0 };
	struct sl_head h;
	bool has = sl_head_read(r->head_fd, &h), is_clean;
	int e;

	if (has && !h.is_dirty && r->st.seq > 0 && h.seq == r->st.seq &&
	    h.off == r->st.off && memcmp(h.digest, r->st.digest, 32) == 0)
		return 0; /* nothing has been sealed since */
	e = sl_last_find(&r->g, has ? &h : NULL, r->boot, &st, &is_clean, err);
	if (e == 0 && is_clean && !sl_seal_verify(&st))
		e = sl_seg_damage(st.off, "signature of the seal is wrong", err);
	if (e == 0 && st.seq == 0)
		e = SL_ERR(err, NOENT, "the log is empty");
	if (e < 0) {
		sl_state_done(&st);
		return e;
	}
	sl_state_done(&r->st);
	r->st = st;
	sl_hashes_done(&r->hashes); /* others may have made them anew */
	if (!r->x.is_there || sl_idx_is_stale(&r->x)) {
		sl_idx_close(&r->x);
		sl_idx_open(&r->x, r->log_fd, false, r->boot, &r->g);
	}
	return 0;
}

int
sl_reader_files(int home_fd, struct sl_reader **ret, struct sl_err *err)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
	struct sl_reader *r = calloc(1, sizeof(*r));
	int e;

	if (r == NULL)
		return SL_ERR(err, NOMEM, "no memory for a reader");
	r->head_fd = r->seg_fd = -1;
	sl_seg_init(&r->g, -1);
	r->log_fd = openat(home_fd, "log", flags | O_DIRECTORY);
	if (r->log_fd >= 0)
		r->seg_fd = openat(r->log_fd, "seg", flags | O_DIRECTORY);
	if (r->log_fd < 0 || r->seg_fd < 0) {
		e = errno == ENOENT ? SL_ERR(err, NOENT, "there is no log here yet")
				    : SL_ERR_SYS(err, -errno, "cannot open the log");
		sl_reader_close(r);
		return e;
	}
	r->head_fd = openat(r->log_fd, "head", flags);
	sl_seg_init(&r->g, r->seg_fd);
	if ((e = sl_crypto_init(err)) < 0 || (e = sl_boot_digest(r->boot, err)) < 0) {
		sl_reader_close(r);
		return e;
	}
	*ret = r;
	return 0;
}

int
sl_reader_open(int home_fd, struct sl_reader **ret, struct sl_err *err)
{
	struct sl_reader *r = NULL;
	int e = sl_reader_files(home_fd, &r, err);

	if (e < 0)
		return e;
	if ((e = sl_reader_refresh(r, err)) < 0) {
		sl_reader_close(r);
		return e;
	}
	*ret = r;
	return 0;
}

void
sl_reader_close(struct sl_reader *r)
{
	if (r == NULL)
		return;
	sl_seg_done(&r->g);
	sl_idx_close(&r->x);
	sl_hashes_done(&r->hashes);
	sl_state_done(&r->st);
	free(r->leaf.h);
	if (r->head_fd >= 0)
		(void)close(r->head_fd);
	if (r->seg_fd >= 0)
		(void)close(r->seg_fd);
	if (r->log_fd >= 0)
		(void)close(r->log_fd);
	free(r);
}

void
sl_reader_head(const struct sl_reader *r, struct sl_log_head *ret)
{
	*ret = (struct sl_log_head){ .seq = r->st.seq,
				     .time_ms = r->st.time_ms,
				     .n_trees = r->st.next_tree };
	memcpy(ret->policy, r->st.policy, 32);
	memcpy(ret->signer, r->st.signer, 32);
}

struct sl_view
sl_reader_view(struct sl_reader *r)
{
	return (struct sl_view){ &r->g, &r->x, &r->st };
}

/* The tree as the last seal that lists it has it. */
int
sl_reader_state(struct sl_reader *r, uint32_t tree, struct sl_tree_state *ret,
		struct sl_err *err)
{
	struct sl_tree_state *t = sl_state_tree(&r->st, tree);
	struct sl_view v = sl_reader_view(r);
	struct sl_state st = { 0 };
	int e;

	if (tree >= r->st.next_tree)
		return SL_ERR(err, NOENT, "there is no tree %u", tree);
	if (t != NULL) {
		*ret = *t;
		return 0;
	}
	e = sl_find_closed(&v, tree, &st, err);
	if (e == 0)
		e = SL_ERR(err, STORE, "tree %u has no last seal", tree);
	if (e == 1) {
		*ret = *sl_state_tree(&st, tree);
		e = 0;
	}
	sl_state_done(&st);
	return e;
}

int
sl_reader_tree(struct sl_reader *r, uint32_t id, struct sl_log_tree *ret,
	       struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_tree_state t = { 0 };
	struct sl_rec rec;
	int e = sl_reader_state(r, id, &t, err);

	if (e < 0 || (e = sl_seg_read(&r->g, t.decl, &b, &rec, err)) < 0)
		return e;
	if (e == 0 || rec.type != SL_REC_TREE || rec.tree != id || b.len < 32 ||
	    b.len - 32 >= sizeof(ret->origin))
		return sl_seg_damage(t.decl, "not the declaration of its tree", err);
	*ret = (struct sl_log_tree){ .id = id,
				     .kind = (enum sl_tree)t.kind,
				     .size = t.edge.size,
				     .time_ms = rec.time_ms,
				     .is_open = (t.flags & SL_TREE_CLOSED) == 0 };
	memcpy(ret->origin, b.p + 32, b.len - 32);
	memcpy(ret->run, t.run, 32);
	memcpy(ret->key, t.pub, 32);
	memcpy(ret->root, t.root, 32);
	return 0;
}

int
sl_reader_run(struct sl_reader *r, struct sl_slice hex, struct sl_log_tree *ret,
	      struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_rec rec;
	int e = sl_find_prefix(&v, SL_REC_TREE, hex, &rec, err);

	if (e == 0)
		return SL_ERR(err, NOENT, "no run '%.*s' in the log", SL_ARG(hex));
	return e < 0 ? e : sl_reader_tree(r, rec.tree, ret, err);
}

void
sl_reader_entry_of(const struct sl_rec *rec, struct sl_log_entry *ret)
{
	*ret = (struct sl_log_entry){ .tree = rec->tree,
				      .index = rec->index,
				      .time_ms = rec->time_ms,
				      .offset = rec->off };
	memcpy(ret->id, rec->hash, 32);
	memcpy(ret->kind, rec->kind, sizeof(ret->kind));
}

int
sl_reader_entry(struct sl_reader *r, uint32_t tree, uint64_t index,
		struct sl_log_entry *ret, struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_rec rec;
	int e = sl_find_at(&v, tree, index, &rec, err);

	if (e == 0)
		return SL_ERR(err, NOENT, "tree %u has no entry %llu", tree,
			      (unsigned long long)index);
	if (e == 1)
		sl_reader_entry_of(&rec, ret);
	return e < 0 ? e : 0;
}

int
sl_reader_find(struct sl_reader *r, struct sl_slice hex, struct sl_log_entry *ret,
	       struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_rec rec;
	int e = sl_find_prefix(&v, SL_REC_ENTRY, hex, &rec, err);

	if (e == 0)
		return SL_ERR(err, NOENT, "no statement '%.*s' in the log", SL_ARG(hex));
	if (e == 1)
		sl_reader_entry_of(&rec, ret);
	return e < 0 ? e : 0;
}

int
sl_reader_find_in(struct sl_reader *r, uint32_t tree, const uint8_t id[32],
		  struct sl_log_entry *ret, struct sl_err *err)
{
	struct sl_view v = sl_reader_view(r);
	struct sl_rec rec;
	int e = sl_find_entry(&v, tree, id, &rec, err);

	if (e == 0)
		return SL_ERR(err, NOENT, "no such statement in tree %u", tree);
	if (e == 1)
		sl_reader_entry_of(&rec, ret);
	return e < 0 ? e : 0;
}

size_t
sl_reader_working_keys(const struct sl_reader *r, uint8_t (*ret)[32], size_t max)
{
	size_t n = r->st.n_keys < max ? r->st.n_keys : max;

	for (size_t i = 0; i < n; i++)
		memcpy(ret[i], r->st.keys[i].pub, 32);
	return n;
}

int
sl_reader_statement(struct sl_reader *r, const struct sl_log_entry *en,
		    struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_REC_MAX + 8 };
	struct sl_rec rec;
	uint8_t d[32];
	int e = sl_seg_read(&r->g, en->offset, &b, &rec, err);

	if (e < 0)
		return e;
	if (e == 1)
		sl_sha256(sl_buf_get(&b), d);
	if (e == 0 || rec.type != SL_REC_ENTRY || memcmp(d, en->id, 32) != 0)
		return sl_seg_damage(en->offset, "not the statement with this digest",
				     err);
	sl_buf_slice(out, sl_buf_get(&b));
	return out->is_failed ? SL_ERR(err, NOMEM, "no memory for a statement") : 0;
}

bool
sl_is_zero(struct sl_slice s)
{
	return s.len == 0 || (s.p[0] == 0 && memcmp(s.p, s.p + 1, s.len - 1) == 0);
}

int
sl_reader_blob(struct sl_reader *r, const uint8_t digest[32], struct sl_buf *out,
	       bool *ret_erased, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_REC_MAX + 8 };
	struct sl_view v = sl_reader_view(r);
	int e = sl_find_blob(&v, digest, &b, ret_erased, err);

	if (e == 0)
		return SL_ERR(err, NOENT,
			      *ret_erased ? "these bytes have been erased"
					  : "the log does not have these bytes");
	if (e < 0)
		return e;
	sl_buf_slice(out, sl_buf_get(&b));
	return out->is_failed ? SL_ERR(err, NOMEM, "no memory for a blob") : 0;
}
