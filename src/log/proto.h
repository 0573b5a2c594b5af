/* proto.h -- messages between a recorder and its client (doc/PROTOCOL.log section 7).
 *
 * The recorder begins with INFO; RUN_KEY is answered by RUN_KEY, ADMIN by ADMIN, COMMIT
 * by DONE, in the order of asking.  Integers are little-endian.  The recorder takes
 * nothing else; what it cannot parse ends it. */
#ifndef SL_LOG_PROTO_H
#define SL_LOG_PROTO_H

#include "log/cosign.h"
#include "log/node.h"
#include "priv/chan.h"

/* LAST is a COMMIT after whose answer the recorder ends. */
enum sl_rec_op {
	SL_OP_INFO = 1,
	SL_OP_RUN_KEY,
	SL_OP_COMMIT,
	SL_OP_DONE,
	SL_OP_LAST,
	SL_OP_ADMIN,
	SL_OP_WITNESS_KEY,
	SL_OP_COSIGN
};

enum {
	SL_FRAME_MAX = SL_BATCH_MAX,
	SL_INFO_LEN = 64 + 64 + 32 + 32 + 32 + 8 + 8 + 1,
	SL_ENTRY_LEN = 48,
	SL_ADMIN_LEN = 1 + 32,                 /* asked: what, argument */
	SL_ADMIN_DONE_LEN = SL_ENTRY_LEN + 17, /* answered */
	SL_STATUS_LEN = 12,                    /* code, errno, bytes of the message */
	SL_ROOT_MAX = SL_EDGE_BYTES_MAX + 8 + 32 + 64 + 32,
	SL_COSIGN_MAX = 8 + 8 + 32 + 32 + 64 + 4 + SL_COSIGN_ORIGIN_MAX + 4 +
			SL_COSIGN_EXT_MAX + SL_PROOF_MAX * 32,
	SL_DONE_MAX =
	    SL_STATUS_LEN + SL_ERR_MSG_MAX + 4 + SL_ITEMS_MAX * SL_ENTRY_LEN + SL_ROOT_MAX
};

/* Items of a COMMIT, as sl_recorder_add() and its like append them. */
void sl_proto_put_stmt(struct sl_buf *b, const struct sl_stmt *s);
void sl_proto_put_bytes(struct sl_buf *b, enum sl_item_kind what, struct sl_slice bytes);
void sl_proto_put_digest(struct sl_buf *b, enum sl_item_kind what,
			 const uint8_t digest[32]);
/* Slices and strings of the items point into body.  FORMAT for anything but whole
 * items. */
int sl_proto_items(struct sl_slice body, struct sl_item *ret, size_t max, size_t *ret_n,
		   struct sl_err *err) SL_MUST_CHECK;

/* Every answer begins with a status; code 0: the rest follows. */
void sl_proto_put_status(struct sl_buf *b, int code, const struct sl_err *e);
/* The rest, or the error that the other side met (raised here as it was there). */
int sl_proto_status(struct sl_slice body, struct sl_slice *ret_rest,
		    struct sl_err *err) SL_MUST_CHECK;
void sl_proto_put_info(struct sl_buf *b, const struct sl_node_info *i);
int sl_proto_info(struct sl_slice s, struct sl_node_info *ret,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_proto_put_entry(struct sl_buf *b, const struct sl_entry *e);
void sl_proto_put_admin(struct sl_buf *b, const struct sl_admin_done *d);
int sl_proto_admin(struct sl_slice s, struct sl_admin_done *ret,
		   struct sl_err *err) SL_MUST_CHECK;
void sl_proto_entry(const uint8_t p[SL_ENTRY_LEN], struct sl_entry *ret);
void sl_proto_put_root(struct sl_buf *b, const struct sl_batch_root *x);
/* s is all of it, or empty: *ret_has. */
int sl_proto_root(struct sl_slice s, struct sl_batch_root *ret, bool *ret_has,
		  struct sl_err *err) SL_MUST_CHECK;

void sl_proto_put_cosign(struct sl_buf *b, const struct sl_cosign *q);
/* Slices point into body.  FORMAT. */
int sl_proto_cosign(struct sl_slice body, struct sl_cosign *ret,
		    struct sl_err *err) SL_MUST_CHECK;

/* The child's whole life.  Never returns. */
_Noreturn void sl_recorder_main(int chan_fd, const struct sl_recorder_opts *o);

#endif
