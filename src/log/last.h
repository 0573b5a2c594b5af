/* last.h -- finding the last seal of a store.
 *
 * log/head points to it: derived, rewritten after each batch, never synced, and
 * checked when used.  It is written only after the batch is durable, so a head that
 * names a seal which is not there means that acknowledged entries were lost: that is
 * refused, not repaired.  Without a head (or with a torn one) the segments are
 * scanned from the last one back.
 */
#ifndef SL_LOG_LAST_H
#define SL_LOG_LAST_H

#include "crypto/sha256.h"
#include "log/io.h"
#include "log/seal.h"

enum { SL_HEAD_LEN = 96 };

struct sl_head {
	uint64_t seq, off; /* of the last seal */
	uint8_t digest[32];
	uint8_t boot[32]; /* of the boot in which it was written */
	bool is_dirty;    /* a batch was begun and not finished since */
};

/* SHA-256 of the kernel's boot ID. */
int sl_boot_digest(uint8_t out[32], struct sl_err *err) SL_MUST_CHECK;
bool sl_head_read(int head_fd, struct sl_head *ret); /* false: none, or torn */
int sl_head_write(const struct sl_store_io *io, int head_fd, const struct sl_head *h,
		  struct sl_err *err) SL_MUST_CHECK;

/* The last good seal into *ret (seq 0 where there is none yet); *ret_clean: nothing
 * can lie behind it, it is the one that was noted in head since the boot, and its
 * signature has not been looked at.  head may be NULL.  STORE: something at or below the
 * last acknowledged seal is damaged. */
int sl_last_find(struct sl_seg *g, const struct sl_head *head, const uint8_t boot[32],
		 struct sl_state *ret, bool *ret_clean, struct sl_err *err) SL_MUST_CHECK;

/* Walks whole batches: gives the records one by one and checks, at each seal, that it
 * chains to the one before it and covers its batch. */
struct sl_walk {
	struct sl_seg *g;
	uint64_t pos;       /* log offset of the next record */
	bool has_prev;      /* st is the seal before pos; else the next one is trusted */
	struct sl_state st; /* last seal passed; owned */
	struct sl_buf body; /* of the record given last */
	struct sl_sha256 batch;
};

/* Starts behind the seal `from`, or at log offset pos where that is NULL. */
int sl_walk_init(struct sl_walk *w, struct sl_seg *g, const struct sl_state *from,
		 uint64_t pos, struct sl_err *err) SL_MUST_CHECK;
void sl_walk_done(struct sl_walk *w);
/* 1: *ret (and w->body; after a SEAL also w->st); 0: the end; STORE: damage at pos. */
int sl_walk_next(struct sl_walk *w, struct sl_rec *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
