/* upkeep.c -- what the store does off the path of an acknowledgement; see store.h. */
#include "log/hashes.h"
#include "log/store_priv.h"

#include <unistd.h>

enum { FILL_CHUNK = 1 << 20, FILL_LOW = 128 << 10, BEHIND_MAX = 1 << 20 };

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

	while (ok && r >= 0 && pos < s->st.end) {
		struct sl_rec rec;

		if ((r = sl_seg_read(&s->g, pos, NULL, &rec, err)) < 0)
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
	sl_hashes_feed_done(&feed);
	sl_state_done(&st);
	return r < 0 ? r : 0;
}

static int
mend_index(struct sl_store *s, struct sl_err *err)
{
	struct sl_view v = sl_store_view(s);
	int r;

	if (sl_idx_covered(&s->x) > s->st.end)
		sl_idx_drop(&s->x);
	if (!s->x.is_there && !sl_idx_create(&s->x, s->boot))
		return 0; /* found by scanning, then */
	if ((r = catch_up(s, err)) == 0)
		sl_hashes_update(&v, s->log_fd);
	return r;
}

static int
fill_ahead(struct sl_store *s, struct sl_err *err)
{
	uint64_t used = s->st.end % SL_SEG_SIZE;
	int r;

	if (s->w_fd < 0 || s->st.end / SL_SEG_SIZE != s->w_no ||
	    s->filled >= used + FILL_LOW || s->filled >= SL_SEG_SIZE)
		return 0;
	if ((r = sl_store_fill(s, s->filled + FILL_CHUNK, err)) < 0)
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
	uint64_t used = s->st.end % SL_SEG_SIZE;

	return s->st.end - sl_idx_covered(&s->x) > BEHIND_MAX ||
	       (s->w_fd >= 0 && s->filled < used + FILL_LOW && s->filled < SL_SEG_SIZE);
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
	struct sl_store_rebuilt none;
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
