/* index_proto.h -- messages between sluice and libexec/sluice/sluice-index, which keeps
 * index.db: what statements say of themselves, for searching.  Derived, never the truth:
 * whoever asks reads each hit in the log again.
 *
 * Integers are little-endian.  Frames of priv/chan.h; every question has one answer, or
 * (QUERY) any number of HITS before it.  Bodies:
 *
 *   STATE  <-                     -> STATE: 1 whether it holds anything, 8 log offset up
 *                                    to which, 32 digest of the seal that ends there, 32
 *                                    digest of the log's name
 *   RESET  <- 32 digest of name   -> DONE: all is forgotten
 *   ROWS   <- rows                -> DONE
 *   COMMIT <- 8 offset, 32 seal   -> DONE: durable
 *   QUERY  <- query               -> HITS: hits; then DONE
 *
 *   DONE   1: 0, or 1: the file is damaged, 2: it cannot be written
 *   row    4 tree, 8 index, 8 ms, 8 log offset, 1 flags, 32 ID, 32 run, 32 context, 32
 * payload, then kind, issuer, subject, verdict: each 2 length and bytes query  4 most
 * hits, 1 flags, 4 tree, 8 from ms, 8 before ms, 32 + 32 bounds of the run, 32 + 32 of
 * the context, then kind, issuer, subject, verdict ("": any; of a subject: how it begins)
 *   hit    4 tree, 8 index, 32 ID; newest first
 */
#ifndef SL_LOG_INDEX_PROTO_H
#define SL_LOG_INDEX_PROTO_H

enum sl_index_op {
	SL_INDEX_STATE = 1,
	SL_INDEX_RESET,
	SL_INDEX_ROWS,
	SL_INDEX_COMMIT,
	SL_INDEX_QUERY,
	SL_INDEX_HITS,
	SL_INDEX_DONE
};

enum {
	SL_INDEX_HAS_RUN = 1, /* flags of a row, and of a query */
	SL_INDEX_HAS_CONTEXT = 2,
	SL_INDEX_HAS_PAYLOAD = 4,
	SL_INDEX_FORGET = 8, /* a row: what was said in this payload is forgotten */
	SL_INDEX_HAS_TREE = 16,
	SL_INDEX_ROW_MIN = 4 + 8 + 8 + 8 + 1 + 4 * 32 + 4 * 2,
	SL_INDEX_QUERY_MIN = 4 + 1 + 4 + 8 + 8 + 4 * 32 + 4 * 2,
	SL_INDEX_HIT = 4 + 8 + 32,
	SL_INDEX_TEXT_MAX = 8192, /* of one string */
	SL_INDEX_FRAME_MAX = 1 << 20,
	SL_INDEX_HITS_MAX = 100000,
	SL_INDEX_STATE_LEN = 1 + 8 + 32 + 32,
	SL_INDEX_DAMAGED = 1,
	SL_INDEX_UNWRITTEN = 2
};

#endif
