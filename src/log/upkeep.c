/* upkeep.c -- what the store does off the path of an acknowledgement; see store.h. */
#include "log/hashes.h"
#include "log/store_priv.h"

#include <unistd.h>

enum {
	FILL_CHUNK = 1 << 20,
	FILL_LOW = 128 << 10,
	FILL_BATCHES = 16,
	FILL_MOST = 16 << 20,
	BEHIND_MAX = 1 << 20,
	MAP_FROM = 64 << 10
};

/* As sl_seg_read() without a body; the last batch is still in memory. */
static int
next_record(struct sl_store *s, uint64_t pos, struct sl_rec *ret, struct sl_err *err)
{
	uint64_t base = s->batch_end - s->batch.len;

	if (s->batch_end == s->st.end && pos >= base && pos < s->batch_end &&
	    sl_rec_parse(s->batch.p + (pos - base), pos, ret))
		return 1;
	return sl_seg_read(&s->g, pos, NULL, ret, err);
}

/* Adds what lies between the index and the last seal. */
static int
catch_up(struct sl_store *s, struct sl_err *err)
{
	uint64_t pos = sl_idx_covered(&s->x);
	struct sl_view v = sl_store_view(s);
	struct sl_hashes_feed feed = { .is_known = false };
	struct sl_state st = { 0 };
	bool ok = true;
	int r = 0;

	if (s->st.end - pos > MAP_FROM)
		sl_idx_begin(&s->x);
	while (ok && r >= 0 && pos < s->st.end) {
		struct sl_rec rec;

		if ((r = next_record(s, pos, &rec, err)) < 0)
			break;
		if (r == 0) { /* the rest of this segment is empty */
			pos = (pos / SL_SEG_SIZE + 1) * SL_SEG_SIZE;
			continue;
		}
		ok = sl_idx_add(&s->x, &rec);
		sl_hashes_feed(&feed, &v, s->log_fd, &rec);
		if (rec.type == SL_REC_SEAL &&
		    (r = sl_state_read(&s->g, pos, &st, err)) == 0)
			ok = ok && sl_idx_add_seal(&s->x, &st);
		pos = rec.end;
	}
	sl_idx_end(&s->x);
	sl_hashes_feed_done(&feed);
	sl_state_done(&st);
	return r < 0 ? r : 0;
}

int
sl_store_catch_up(struct sl_store *s, struct sl_err *err)
{
	if (sl_idx_covered(&s->x) > s->st.end)
		sl_idx_drop(&s->x);
	if (!s->x.is_there && !sl_idx_create(&s->x, s->boot))
		return 0; /* found by scanning, then */
	return catch_up(s, err);
}

static int
mend_index(struct sl_store *s, struct sl_err *err)
{
	struct sl_view v = sl_store_view(s);
	int r = sl_store_catch_up(s, err);

	if (r == 0 && s->x.is_there)
		sl_hashes_update(&v, s->log_fd);
	return r;
}

/* Zeros ahead spare a batch the change of the file's length and blocks, which a journal
 * has to note before it is durable: room for the next of the same size, and made for
 * several at once, as each making is noted. */
static bool
needs_zeros(const struct sl_store *s)
{
	uint64_t used = s->st.end % SL_SEG_SIZE;
	uint64_t low = s->batch.len > FILL_LOW ? s->batch.len : FILL_LOW;

	return s->w_fd >= 0 && s->filled < used + low && s->filled < SL_SEG_SIZE;
}

static int
fill_ahead(struct sl_store *s, struct sl_err *err)
{
	uint64_t more = FILL_BATCHES * (uint64_t)s->batch.len;
	int r;

	if (!needs_zeros(s) || s->st.end / SL_SEG_SIZE != s->w_no)
		return 0;
	more = more < FILL_CHUNK ? FILL_CHUNK : more > FILL_MOST ? FILL_MOST : more;
	if ((r = sl_store_fill(s, s->filled + more, err)) < 0)
		return r;
	if ((r = s->io->fdatasync(s->io->ctx, s->w_fd)) < 0) {
		(void)SL_ERR_SYS(err, r, "cannot sync a segment");
		return sl_store_die(s, err);
	}
	return 0;
}

bool
sl_store_is_behind(struct sl_store *s)
{
	return s->st.end - sl_idx_covered(&s->x) > BEHIND_MAX || needs_zeros(s);
}

int
sl_store_idle(struct sl_store *s, struct sl_err *err)
{
	int r;

	if ((r = sl_store_alive(s, err)) < 0)
		return r;
	if (s->in_batch)
		return SL_ERR(err, BUG, "a batch is open");
	if ((r = sl_store_lock(s, err)) < 0)
		return r;
	if ((r = sl_store_refresh(s, err)) == 0 && (r = mend_index(s, err)) == 0)
		r = fill_ahead(s, err);
	sl_store_unlock(s);
	return r;
}

int
sl_store_rebuild(struct sl_store *s, struct sl_store_rebuilt *ret, struct sl_err *err)
{
	struct sl_store_rebuilt none = { 0 };
	int r;

	ret = ret != NULL ? ret : &none;
	*ret = (struct sl_store_rebuilt){ 0 };
	if ((r = sl_store_alive(s, err)) < 0)
		return r;
	if (s->in_batch)
		return SL_ERR(err, BUG, "a batch is open");
	if ((r = sl_store_lock(s, err)) < 0)
		return r;
	if ((r = sl_store_refresh(s, err)) == 0) {
		struct sl_view v = sl_store_view(s);

		sl_idx_drop(&s->x);
		sl_hashes_drop(&v, s->log_fd);
		r = mend_index(s, err);
		if (r == 0)
			sl_idx_sync(&s->x);
		ret->n_records = s->x.is_there ? s->x.head.used : 0;
		ret->n_hashes = sl_hashes_count(&v, s->log_fd);
	}
	sl_store_unlock(s);
	return r;
}
