/* reader_priv.h -- between reader.c, prove.c, tile.c and check.c. */
#ifndef SL_LOG_READER_PRIV_H
#define SL_LOG_READER_PRIV_H

#include "log/find.h"
#include "log/hashes.h"
#include "log/last.h"
#include "log/reader.h"
#include "log/sign.h"

struct sl_reader {
	int log_fd, seg_fd, head_fd; /* head_fd may be -1 */
	uint8_t boot[32];
	struct sl_seg g;
	struct sl_idx x;
	struct sl_state st;
	struct sl_hashes hashes;
	struct { /* leaf hashes of the tree that was asked for last */
		uint32_t tree;
		struct sl_hash *h;
		size_t n, cap;
	} leaf;
};

/* The files alone, without a snapshot. */
int sl_reader_files(int home_fd, struct sl_reader **ret,
		    struct sl_err *err) SL_MUST_CHECK;
struct sl_view sl_reader_view(struct sl_reader *r);
/* The tree as the last seal that lists it has it. */
int sl_reader_state(struct sl_reader *r, uint32_t tree, struct sl_tree_state *ret,
		    struct sl_err *err) SL_MUST_CHECK;
/* The node of a full subtree of t, 2^level leaves from index << level on. */
int sl_reader_node(struct sl_reader *r, const struct sl_tree_state *t, unsigned level,
		   uint64_t index, struct sl_hash *ret, struct sl_err *err) SL_MUST_CHECK;
void sl_reader_entry_of(const struct sl_rec *rec, struct sl_log_entry *ret);
bool sl_is_zero(struct sl_slice s);

#endif
