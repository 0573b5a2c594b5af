/* find.h -- records by name, in a snapshot of the store: through the index where it
 * reaches, by scanning behind that.  All return 1 (found), 0 (there is none) or an
 * error; what is found has been read and compared, so a wrong index costs time only.
 */
#ifndef SL_LOG_FIND_H
#define SL_LOG_FIND_H

#include "log/idx.h"

struct sl_view {
	struct sl_seg *g;
	struct sl_idx *x;
	const struct sl_state *st; /* nothing behind st->end is looked at */
};

/* type: ENTRY (statement), BLOB or TREE (by run ID).  Several records may hold one
 * digest: the first is given. */
int sl_find_digest(const struct sl_view *v, enum sl_rec_type type,
		   const uint8_t digest[32], struct sl_rec *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* The statement with this digest in this tree. */
int sl_find_entry(const struct sl_view *v, uint32_t tree, const uint8_t digest[32],
		  struct sl_rec *ret, struct sl_err *err) SL_MUST_CHECK;
/* The bytes of a blob, into *body; 0 with *ret_erased where all its copies are erased. */
int sl_find_blob(const struct sl_view *v, const uint8_t digest[32], struct sl_buf *body,
		 bool *ret_erased, struct sl_err *err) SL_MUST_CHECK;
/* Every record of that digest: fn returns 0 to go on, else what is returned. */
typedef int sl_find_fn(void *arg, const struct sl_rec *r, struct sl_err *err);
int sl_find_each(const struct sl_view *v, enum sl_rec_type type, const uint8_t digest[32],
		 sl_find_fn *fn, void *arg, struct sl_err *err) SL_MUST_CHECK;
/* By the first hex digits of a digest: FORMAT for what is not 4 to 64 lower-case hex
 * digits, LIMIT where several digests begin so. */
int sl_find_prefix(const struct sl_view *v, enum sl_rec_type type, struct sl_slice hex,
		   struct sl_rec *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_find_at(const struct sl_view *v, uint32_t tree, uint64_t index, struct sl_rec *ret,
	       struct sl_err *err) SL_MUST_CHECK;
/* The TREE record that declares a tree. */
int sl_find_decl(const struct sl_view *v, uint32_t tree, struct sl_rec *ret,
		 struct sl_err *err) SL_MUST_CHECK;
/* The seal that carries the signatures of the tree at this size; or that closed it. */
int sl_find_sealed(const struct sl_view *v, uint32_t tree, uint64_t size,
		   struct sl_state *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_find_closed(const struct sl_view *v, uint32_t tree, struct sl_state *ret,
		   struct sl_err *err) SL_MUST_CHECK;
int sl_state_read(struct sl_seg *g, uint64_t off, struct sl_state *ret,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
