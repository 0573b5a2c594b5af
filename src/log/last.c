/* last.c -- see last.h. */
#include "log/last.h"

#include "log/crc32c.h"
#include "log/le.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
sl_boot_digest(uint8_t out[32], struct sl_err *err)
{
	char b[64];
	ssize_t n;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot read the kernel's boot ID");
	n = read(fd, b, sizeof(b));
	(void)close(fd);
	if (n <= 0)
		return SL_ERR(err, ENV, "the kernel gives no boot ID");
	sl_sha256((struct sl_slice){ (const uint8_t *)b, (size_t)n }, out);
	return 0;
}

bool
sl_head_read(int head_fd, struct sl_head *ret)
{
	uint8_t b[SL_HEAD_LEN];

	if (head_fd < 0 || sl_io_read(head_fd, b, sizeof(b), 0) != (ssize_t)sizeof(b) ||
	    memcmp(b, "SLH1", 4) != 0 ||
	    sl_get32(b + 4) !=
		sl_crc32c_add(0, (struct sl_slice){ b + 8, sizeof(b) - 8 }))
		return false;
	ret->seq = sl_get64(b + 8);
	ret->off = sl_get64(b + 16);
	memcpy(ret->digest, b + 24, 32);
	memcpy(ret->boot, b + 56, 32);
	ret->is_dirty = sl_get64(b + 88) != 0;
	return true;
}

int
sl_head_write(const struct sl_store_io *io, int head_fd, const struct sl_head *h,
	      struct sl_err *err)
{
	uint8_t b[SL_HEAD_LEN] = "SLH1";
	int r;

	sl_le64(b + 8, h->seq);
	sl_le64(b + 16, h->off);
	memcpy(b + 24, h->digest, 32);
	memcpy(b + 56, h->boot, 32);
	sl_le64(b + 88, h->is_dirty);
	sl_le32(b + 4, sl_crc32c_add(0, (struct sl_slice){ b + 8, sizeof(b) - 8 }));
	if ((r = sl_io_write(io, head_fd, b, sizeof(b), 0)) < 0)
		return SL_ERR_SYS(err, r, "cannot write log/head");
	return 0;
}

int
sl_walk_init(struct sl_walk *w, struct sl_seg *g, const struct sl_state *from,
	     uint64_t pos, struct sl_err *err)
{
	*w = (struct sl_walk){ .g = g, .pos = from ? from->end : pos };
	w->has_prev = from != NULL;
	sl_buf_init(&w->body, SL_REC_MAX + 8);
	sl_sha256_init(&w->batch);
	return from ? sl_state_copy(&w->st, from, err) : 0;
}

void
sl_walk_done(struct sl_walk *w)
{
	sl_buf_done(&w->body);
	sl_state_done(&w->st);
}

static int
pass_seal(struct sl_walk *w, const struct sl_rec *r, struct sl_err *err)
{
	uint8_t prev[32], batch[32];
	uint64_t seq = w->st.seq, off = w->st.off;
	int e;

	memcpy(prev, w->st.digest, 32);
	if ((e = sl_seal_decode(r, sl_buf_get(&w->body), &w->st, err)) < 0)
		return e;
	if (w->has_prev && (w->st.seq != seq + 1 || memcmp(w->st.prev, prev, 32) != 0 ||
			    w->st.prev_off != off))
		return sl_seg_damage(r->off, "seal does not follow the one before it",
				     err);
	sl_sha256_end(&w->batch, batch);
	if (memcmp(batch, w->st.batch, 32) != 0)
		return sl_seg_damage(r->off, "seal does not cover the records before it",
				     err);
	sl_sha256_init(&w->batch);
	w->has_prev = true;
	return 0;
}

int
sl_walk_next(struct sl_walk *w, struct sl_rec *ret, struct sl_err *err)
{
	struct sl_rec r;
	int e = sl_seg_read(w->g, w->pos, &w->body, &r, err);

	/* the rest of a segment may be empty because the next batch did not fit */
	if (e == 0 && w->pos % SL_SEG_SIZE != 0 &&
	    sl_seg_has(w->g, (uint32_t)(w->pos / SL_SEG_SIZE) + 1)) {
		uint64_t next = (w->pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE;

		if ((e = sl_seg_read(w->g, next, &w->body, &r, err)) == 1)
			w->pos = next;
	}
	if (e <= 0)
		return e;
	if (r.type == SL_REC_SEAL) {
		if ((e = pass_seal(w, &r, err)) < 0)
			return e;
	} else {
		sl_sha256_add(&w->batch, r.raw, sizeof(r.raw));
		if (r.type == SL_REC_TREE)
			sl_sha256_add(&w->batch, w->body.p, w->body.len);
	}
	w->pos = r.end;
	*ret = r;
	return 1;
}

/* The seal that head names, or STORE: it was acknowledged, so it must be there. */
static int
from_head(struct sl_seg *g, const struct sl_head *h, struct sl_state *ret,
	  struct sl_err *err)
{
	struct sl_err why = { 0 };
	struct sl_buf body;
	struct sl_rec r;
	int e;

	sl_buf_init(&body, SL_REC_MAX + 8);
	e = sl_seg_read(g, h->off, &body, &r, &why);
	if (e == 1 && (r.type != SL_REC_SEAL || r.index != h->seq ||
		       memcmp(r.hash, h->digest, 32) != 0))
		e = sl_seg_damage(h->off, "not the seal that was written here", &why);
	if (e == 1)
		e = sl_seal_decode(&r, sl_buf_get(&body), ret, &why);
	sl_buf_done(&body);
	if (e == 0 && ret->seq == h->seq)
		return 0;
	if (e == 0)
		e = sl_seg_damage(h->off, "nothing is there", &why);
	if (e != SL_E(STORE)) {
		*err = why;
		return e;
	}
	return SL_ERR(err, STORE,
		      "the last sealed batch (number %llu) is lost or damaged: %s",
		      (unsigned long long)h->seq, why.msg);
}

/* Goes on from *st over whole batches as far as they are good. */
static int
forward(struct sl_seg *g, bool has_st, uint64_t pos, struct sl_state *st,
	struct sl_err *err)
{
	struct sl_err why = { 0 };
	struct sl_walk w;
	struct sl_rec r;
	int e = sl_walk_init(&w, g, has_st ? st : NULL, pos, err);

	while (e == 0 && (e = sl_walk_next(&w, &r, &why)) == 1) {
		e = 0;
		if (r.type == SL_REC_SEAL && !sl_seal_verify(&w.st))
			break; /* only a whole, signed batch counts */
		if (r.type == SL_REC_SEAL)
			e = sl_state_copy(st, &w.st, err);
	}
	sl_walk_done(&w);
	if (e == SL_E(SYS) || e == SL_E(NOMEM)) {
		if (err->code == 0)
			*err = why;
		return e;
	}
	return 0; /* what lies behind is a torn tail */
}

static int
scan_back(struct sl_seg *g, struct sl_state *st, struct sl_err *err)
{
	uint32_t n = 0;
	int e;

	while (sl_seg_has(g, n))
		n++;
	while (n-- > 0) {
		if ((e = forward(g, false, (uint64_t)n * SL_SEG_SIZE, st, err)) < 0)
			return e;
		if (st->seq > 0)
			return 0;
	}
	return 0;
}

int
sl_last_find(struct sl_seg *g, const struct sl_head *head, const uint8_t boot[32],
	     struct sl_state *ret, bool *ret_clean, struct sl_err *err)
{
	int e;

	*ret_clean =
	    head && head->seq > 0 && !head->is_dirty && memcmp(head->boot, boot, 32) == 0;
	ret->seq = 0;
	ret->end = 0;
	ret->n_trees = 0;
	if (head == NULL || head->seq == 0)
		return scan_back(g, ret, err);
	if ((e = from_head(g, head, ret, err)) < 0)
		return e;
	/* What this node wrote since it booted has the digest that it noted. */
	if (*ret_clean)
		return 0;
	if (!sl_seal_verify(ret))
		return sl_seg_damage(head->off, "signature of the seal is wrong", err);
	return forward(g, true, 0, ret, err);
}
