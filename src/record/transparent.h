/* transparent.h -- one statement with its receipts (RFC 9943), or a receipt alone.
 *
 * Checked: the statement's signature by its issuer's did:key, each receipt by its own,
 * and that nothing stands beside them in the unprotected headers.  Where the log is at
 * hand and a receipt is of one of its trees: that the entry is there, that the root at
 * the receipt's size is the log's, and that the key is one of the node's.  A receipt's
 * size is not signed (RFC 9942 section 5.2): without the log it is what the receipt
 * claims.
 */
#ifndef SL_RECORD_TRANSPARENT_H
#define SL_RECORD_TRANSPARENT_H

#include "cose/receipt.h"
#include "log/reader.h"

enum { SL_TRANSPARENT_RECEIPTS = 16, SL_TRANSPARENT_MAX = 17 << 20 };

struct sl_transparent_receipt {
	char origin[160], did[SL_DIDKEY_MAX]; /* of the log; of the key that signed */
	uint64_t index, size;
	bool is_local; /* of a tree of the log at hand, and checked against it */
};

struct sl_transparent {
	char iss[SL_DIDKEY_MAX];
	uint8_t id[32];
	bool is_receipt_alone; /* its statement was found in the log at hand */
	struct sl_transparent_receipt receipt[SL_TRANSPARENT_RECEIPTS];
	size_t n;
};

/* r may be NULL: no log is at hand.  FORMAT, LIMIT, UNSUPPORTED, VERIFY; NOENT: a receipt
 * alone, of no log that is at hand. */
int sl_transparent_check(struct sl_slice src, struct sl_reader *r,
			 struct sl_transparent *ret, struct sl_err *err) SL_MUST_CHECK;
/* One receipt for the statement s, whose entry is id, as sl_transparent_check() does. */
int sl_transparent_receipt(struct sl_slice receipt, const struct sl_sign1 *s,
			   struct sl_reader *r, const uint8_t id[32],
			   struct sl_transparent_receipt *ret,
			   struct sl_err *err) SL_MUST_CHECK;
/* 396 and nothing else in its unprotected header: the rest would be covered by nothing.
 */
bool sl_receipt_is_bare(const struct sl_receipt *rc);

#endif
