/* store.c -- see store.h. */
#include "log/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FILL_FIRST = 256 << 10 };

static int
make_dir(struct sl_store *s, int at, const char *name, bool *is_new, int *ret_fd,
	 struct sl_err *err)
{
	int r = s->io->mkdirat(s->io->ctx, at, name, 0700);

	if (r < 0 && r != -EEXIST)
		return SL_ERR_SYS(err, r, "cannot make directory '%s'", name);
	*is_new |= r == 0;
	r = s->io->openat(s->io->ctx, at, name, O_RDONLY | O_DIRECTORY, 0);
	if (r < 0)
		return SL_ERR_SYS(err, r, "cannot open directory '%s'", name);
	*ret_fd = r;
	return 0;
}

static int
open_file(struct sl_store *s, const char *name, int *ret_fd, struct sl_err *err)
{
	int r = s->io->openat(s->io->ctx, s->log_fd, name, O_RDWR | O_CREAT, 0600);

	if (r < 0)
		return SL_ERR_SYS(err, r, "cannot open log/%s", name);
	*ret_fd = r;
	return 0;
}

int
sl_store_open(struct sl_store *s, int home_fd, const struct sl_store_io *io,
	      struct sl_err *err)
{
	bool is_new = false;
	int r;

	*s = (struct sl_store){ .io = io,
				.log_fd = -1,
				.seg_fd = -1,
				.lock_fd = -1,
				.head_fd = -1,
				.w_fd = -1 };
	sl_seg_init(&s->g, -1);
	sl_buf_init(&s->batch, SL_BATCH_MAX);
	if ((r = sl_boot_digest(s->boot, err)) < 0 ||
	    (r = make_dir(s, home_fd, "log", &is_new, &s->log_fd, err)) < 0 ||
	    (r = make_dir(s, s->log_fd, "seg", &is_new, &s->seg_fd, err)) < 0 ||
	    (r = open_file(s, "lock", &s->lock_fd, err)) < 0 ||
	    (r = open_file(s, "head", &s->head_fd, err)) < 0) {
		sl_store_done(s);
		return r;
	}
	sl_seg_init(&s->g, s->seg_fd);
	if (is_new && ((r = io->fsync(io->ctx, s->log_fd)) < 0 ||
		       (r = io->fsync(io->ctx, home_fd)) < 0)) {
		r = SL_ERR_SYS(err, r, "cannot sync the directories of the log");
		sl_store_done(s);
		return r;
	}
	s->is_open = true;
	return 0;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
sl_store_done(struct sl_store *s)
{
	sl_store_abort(s);
	sl_seg_done(&s->g);
	sl_idx_close(&s->x);
	shut(&s->w_fd);
	shut(&s->head_fd);
	shut(&s->lock_fd);
	shut(&s->seg_fd);
	shut(&s->log_fd);
	sl_state_done(&s->st);
	sl_state_done(&s->next);
	sl_buf_done(&s->batch);
	s->is_open = false;
}

int
sl_store_lock(struct sl_store *s, struct sl_err *err)
{
	while (flock(s->lock_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return SL_ERR_SYS(err, -errno, "cannot lock the log");
	return 0;
}

void
sl_store_unlock(struct sl_store *s)
{
	(void)flock(s->lock_fd, LOCK_UN);
}

/* After this nothing is appended any more: what the disk holds is no longer known. */
int
sl_store_die(struct sl_store *s, struct sl_err *err)
{
	if (!s->is_dead)
		s->why = *err;
	s->is_dead = true;
	return err->code;
}

int
sl_store_alive(const struct sl_store *s, struct sl_err *err)
{
	if (s->is_dead)
		return SL_ERR(err, STORE, "the log has stopped: %s", s->why.msg);
	return s->is_open ? 0 : SL_ERR(err, BUG, "the log is not open");
}

static int
die(struct sl_store *s, int sys, const char *what, struct sl_err *err)
{
	(void)SL_ERR_SYS(err, sys, "%s", what);
	return sl_store_die(s, err);
}

static int
open_segment(struct sl_store *s, uint32_t no, struct sl_err *err)
{
	char name[SL_SEG_NAME];
	struct stat st;
	bool is_new;
	int r;

	if (s->w_fd >= 0 && s->w_no == no)
		return 0;
	shut(&s->w_fd);
	is_new = !sl_seg_has(&s->g, no);
	sl_seg_name(no, name);
	r = s->io->openat(s->io->ctx, s->seg_fd, name, O_RDWR | O_CREAT, 0600);
	if (r < 0)
		return die(s, r, "cannot open a segment", err);
	s->w_fd = r;
	s->w_no = no;
	if (is_new && (r = s->io->fsync(s->io->ctx, s->seg_fd)) < 0)
		return die(s, r, "cannot sync log/seg", err);
	if (fstat(s->w_fd, &st) < 0)
		return die(s, -errno, "cannot stat a segment", err);
	s->filled = (uint64_t)st.st_size;
	return 0;
}

static int
cut(struct sl_store *s, uint32_t no, uint64_t len, struct sl_err *err)
{
	uint64_t tail;
	int r;

	if ((r = sl_seg_tail(&s->g, (uint64_t)no * SL_SEG_SIZE + len, &tail, err)) < 0)
		return r;
	if (tail == ((uint64_t)no + 1) * SL_SEG_SIZE)
		return 0; /* clean already */
	if ((r = open_segment(s, no, err)) < 0)
		return r;
	if ((r = s->io->ftruncate(s->io->ctx, s->w_fd, (off_t)len)) < 0)
		return die(s, r, "cannot cut off a torn batch", err);
	if ((r = s->io->fdatasync(s->io->ctx, s->w_fd)) < 0)
		return die(s, r, "cannot sync a segment", err);
	s->filled = len;
	return 0;
}

/* Cuts off whatever lies behind the last seal: it was never acknowledged. */
static int
recover(struct sl_store *s, struct sl_err *err)
{
	uint32_t no = (uint32_t)(s->st.end / SL_SEG_SIZE), last = no;
	int r = 0;

	while (sl_seg_has(&s->g, last + 1))
		last++;
	for (; last > no && r == 0; last--)
		r = cut(s, last, 0, err);
	if (r == 0 && s->st.end % SL_SEG_SIZE != 0)
		return cut(s, no, s->st.end % SL_SEG_SIZE, err);
	return r < 0 ? r : cut(s, no, 0, err);
}

static int
write_head(struct sl_store *s, bool is_dirty, struct sl_err *err)
{
	struct sl_head h = { .seq = s->st.seq, .off = s->st.off, .is_dirty = is_dirty };

	memcpy(h.digest, s->st.digest, 32);
	memcpy(h.boot, s->boot, 32);
	if (sl_head_write(s->io, s->head_fd, &h, err) < 0)
		return sl_store_die(s, err);
	return 0;
}

/* Under the lock: the last seal, whoever wrote it, and nothing behind it. */
int
sl_store_refresh(struct sl_store *s, struct sl_err *err)
{
	struct sl_head h;
	bool has = sl_head_read(s->head_fd, &h), is_clean;
	int r;

	if (!s->x.is_there || sl_idx_is_stale(&s->x)) {
		sl_idx_close(&s->x);
		sl_idx_open(&s->x, s->log_fd, true, s->boot, &s->g);
	}
	if (has && s->has_seen && !h.is_dirty && h.seq == s->st.seq &&
	    h.off == s->st.off && memcmp(h.digest, s->st.digest, 32) == 0)
		return 0;
	if ((r = sl_last_find(&s->g, has ? &h : NULL, s->boot, &s->st, &is_clean, err)) <
	    0)
		return r;
	shut(&s->w_fd); /* its length may have changed */
	if (!is_clean &&
	    ((r = recover(s, err)) < 0 || (r = write_head(s, false, err)) < 0))
		return r;
	s->has_seen = true;
	return 0;
}

/* What the last batch closed is gone; nothing is touched yet. */
static void
start_trees(struct sl_state *s)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < s->n_trees; i++)
		if ((s->tree[i].flags & SL_TREE_CLOSED) == 0) {
			s->tree[k] = s->tree[i];
			s->tree[k++].flags = 0;
		}
	s->n_trees = k;
}

int
sl_store_begin(struct sl_store *s, struct sl_err *err)
{
	int r;

	if ((r = sl_store_alive(s, err)) < 0)
		return r;
	if (s->in_batch)
		return SL_ERR(err, BUG, "a batch is open already");
	if ((r = sl_store_lock(s, err)) < 0)
		return r;
	if ((r = sl_store_refresh(s, err)) < 0 ||
	    (r = sl_state_copy(&s->next, &s->st, err)) < 0) {
		sl_store_unlock(s);
		return r;
	}
	start_trees(&s->next);
	sl_buf_clear(&s->batch);
	s->batch_end = 0;
	sl_sha256_init(&s->hash);
	s->n_records = 0;
	s->in_batch = true;
	s->next.time_ms = sl_store_time(s);
	return 0;
}

void
sl_store_abort(struct sl_store *s)
{
	if (s->in_batch)
		sl_store_unlock(s);
	s->in_batch = false;
	s->then = NULL;
}

int64_t
sl_store_time(const struct sl_store *s)
{
	struct timespec t;
	int64_t ms;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	return ms > s->st.time_ms ? ms : s->st.time_ms;
}

struct sl_view
sl_store_view(struct sl_store *s)
{
	return (struct sl_view){ &s->g, &s->x, &s->st };
}

int
sl_store_fill(struct sl_store *s, uint64_t len, struct sl_err *err)
{
	int r;

	if (len > SL_SEG_SIZE)
		len = SL_SEG_SIZE;
	if (s->filled >= len)
		return 0;
	if ((r = sl_io_zeros(s->io, s->w_fd, (size_t)(len - s->filled), s->filled)) < 0)
		return die(s, r, "cannot extend a segment", err);
	s->filled = len;
	return 0;
}

static int
write_batch(struct sl_store *s, struct sl_err *err)
{
	uint64_t base = s->next.end - s->batch.len, at = base % SL_SEG_SIZE;
	int r;

	if ((r = write_head(s, true, err)) < 0 ||
	    (r = open_segment(s, (uint32_t)(base / SL_SEG_SIZE), err)) < 0)
		return r;
	/* new blocks are zeroed first: later batches in them then need no journal */
	if (s->filled == 0 && (r = sl_store_fill(s, FILL_FIRST, err)) < 0)
		return r;
	if ((r = sl_io_write(s->io, s->w_fd, s->batch.p, s->batch.len, at)) < 0)
		return die(s, r, "cannot write a batch", err);
	if ((r = s->io->fdatasync(s->io->ctx, s->w_fd)) < 0)
		return die(s, r, "cannot sync a batch", err);
	if (s->filled < at + s->batch.len)
		s->filled = at + s->batch.len;
	return 0;
}

int
sl_store_end(struct sl_store *s, const struct sl_store_signer *by, struct sl_err *err)
{
	struct sl_state old;
	int r;

	if (!s->in_batch)
		return SL_ERR(err, BUG, "no batch is open");
	if ((r = sl_store_alive(s, err)) == 0 && (r = sl_store_seal(s, by, err)) == 0 &&
	    (r = write_batch(s, err)) == 0) {
		old = s->st;
		s->st = s->next;
		s->next = old;
		s->batch_end = s->st.end;
		r = write_head(s, false, err);
		if (r == 0 && s->then != NULL)
			r = s->then(s->then_arg, err);
	}
	sl_store_abort(s);
	return r;
}
