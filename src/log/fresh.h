/* fresh.h -- receipts of a batch that has just become durable, without reading the store:
 * the right edge of the node's tree before the batch and the batch's own entries give
 * every path.
 *
 * Two hashes an entry are made once a batch, then each receipt takes a few copies.
 */
#ifndef SL_LOG_FRESH_H
#define SL_LOG_FRESH_H

#include "base/buf.h"
#include "log/recorder.h"

struct sl_fresh {
	const struct sl_batch_root *root;
	const char *origin;
	size_t n_levels, start[SL_EDGE_MAX + 1], n[SL_EDGE_MAX];
	uint64_t first[SL_EDGE_MAX]; /* number of the first hash that a level has */
	struct sl_buf hashes;        /* of all levels */
};

/* The IDs of the entries [root->base.size, root->size), in order; root and origin are
 * borrowed.  VERIFY unless they hash to a root that root->sig signs: what the recorder
 * says is checked once a batch. */
int sl_fresh_init(struct sl_fresh *f, const struct sl_batch_root *root,
		  const char *origin, const uint8_t (*id)[32],
		  struct sl_err *err) SL_MUST_CHECK;
/* Appends the receipt of the entry with this index (of this batch, else NOENT). */
int sl_fresh_receipt(struct sl_fresh *f, uint64_t index, struct sl_buf *out,
		     struct sl_err *err) SL_MUST_CHECK;
void sl_fresh_done(struct sl_fresh *f); /* accepts a zeroed one */

#endif
