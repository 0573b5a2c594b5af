/* store.h -- the writing side of the segment store: batches of records, each closed
 * by a seal, each durable by one write and one fdatasync.
 *
 * One batch at a time: sl_store_begin() takes the store's lock and catches up with
 * what other processes sealed; the adders fill the batch; sl_store_end() has the
 * roots signed, writes, syncs and gives the lock back.  A failed write or sync ends
 * the store for good: every later call fails (STORE), and the next process that
 * opens it cuts off what was not acknowledged.  Adders leave the batch usable when
 * they refuse something (BUG, LIMIT); sl_store_abort() drops it.
 */
#ifndef SL_LOG_STORE_H
#define SL_LOG_STORE_H

#include "log/find.h"
#include "log/last.h"

struct sl_store {
	const struct sl_store_io *io;
	int log_fd, seg_fd, lock_fd, head_fd;
	int w_fd; /* segment that is written; -1 none */
	uint32_t w_no;
	uint64_t filled; /* bytes of it that exist, zeros beyond what is written */
	uint8_t boot[32];
	struct sl_seg g;
	struct sl_idx x;
	struct sl_state st;   /* of the last seal */
	struct sl_state next; /* being built, in a batch */
	struct sl_buf batch;
	uint64_t batch_end;    /* log offset behind what is in batch, once it is sealed */
	struct sl_sha256 hash; /* over the batch's records */
	uint64_t n_records;
	bool is_open, in_batch, is_dead, has_seen;
	/* what has to happen after the batch is durable and before anybody else appends;
	 * for one batch */
	int (*then)(void *arg, struct sl_err *err);
	void *then_arg;
	struct sl_err why; /* it is dead */
};

/* Who signs: tree() sets t->pub, note_sig and receipt_sig for t->edge.size and t->root;
 * seal() signs with the key whose public half is pub. */
struct sl_store_signer {
	void *ctx;
	const uint8_t *pub;
	int (*tree)(void *ctx, struct sl_tree_state *t, struct sl_err *err);
	void (*seal)(void *ctx, struct sl_slice msg, uint8_t sig[64]);
};

/* Makes log/ and log/seg where they are missing.  home_fd is the caller's. */
int sl_store_open(struct sl_store *s, int home_fd, const struct sl_store_io *io,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_store_done(struct sl_store *s);

int sl_store_begin(struct sl_store *s, struct sl_err *err) SL_MUST_CHECK;
/* Wall clock in ms, but never less than the last seal's. */
int64_t sl_store_time(const struct sl_store *s);
/* Declares a tree; kind is enum sl_tree, run NULL but for a run's. */
int sl_store_tree(struct sl_store *s, uint8_t kind, const uint8_t *run,
		  const uint8_t pub[32], struct sl_slice origin, uint32_t *ret_id,
		  struct sl_err *err) SL_MUST_CHECK;
/* stmt: canonical statement bytes.  LIMIT: too large; BUG: no such open tree. */
int sl_store_entry(struct sl_store *s, uint32_t tree, const char *kind,
		   struct sl_slice stmt, uint8_t ret_id[32], uint64_t *ret_index,
		   struct sl_err *err) SL_MUST_CHECK;
/* Not stored again where the store has it. */
int sl_store_blob(struct sl_store *s, struct sl_slice bytes, const uint8_t digest[32],
		  struct sl_err *err) SL_MUST_CHECK;
/* A tree of the batch as it stands, root included; NULL: not open. */
struct sl_tree_state *sl_store_get(struct sl_store *s, uint32_t tree);
int sl_store_end(struct sl_store *s, const struct sl_store_signer *by,
		 struct sl_err *err) SL_MUST_CHECK;
void sl_store_abort(struct sl_store *s);
/* What need not be done before a batch is acknowledged: brings the index up to date,
 * fills zeros ahead.  Its failure to fill is a failed write. */
bool sl_store_is_behind(struct sl_store *s); /* it should not wait much longer */
int sl_store_idle(struct sl_store *s, struct sl_err *err) SL_MUST_CHECK;
/* Makes the derived files (head, index, hashes) anew from the segments.  NULL: whoever
 * does not ask what was done. */
struct sl_store_rebuilt {
	uint64_t n_records; /* in the index */
	uint64_t n_hashes;  /* in the hash files */
};
int sl_store_rebuild(struct sl_store *s, struct sl_store_rebuilt *ret,
		     struct sl_err *err) SL_MUST_CHECK;
struct sl_view sl_store_view(struct sl_store *s); /* of the last seal */

#endif
