/* statement.h -- Signed and Transparent Statements (RFC 9943 section 6). */
#ifndef SL_COSE_STATEMENT_H
#define SL_COSE_STATEMENT_H

#include "cose/sign1.h"

enum {
	SL_STATEMENT_ANY_KEY = 1,  /* tolerate a statement without kid, x5t and x5chain */
	SL_STATEMENT_DETACHED = 2, /* and one that holds no payload */
	SL_STATEMENT_ANY_SUB = 4   /* and one without sub (ledgers before RFC 9943) */
};

/* sl_sign1_parse(), and: claims (15) with iss and sub, both text, not empty, without NUL
 * and at most 8192 bytes; one of kid, x5t, x5chain protected unless flags say otherwise;
 * a payload, because the service cannot check a signature without one; a hash envelope's
 * digest has its algorithm's length. */
int sl_statement_parse(struct sl_slice src, size_t max_bytes, unsigned flags,
		       struct sl_sign1 *ret, struct sl_err *err) SL_MUST_CHECK;
/* Receipts in the unprotected header (394): their number, and the i-th's bytes (i below
 * it; not parsed: a corrupt one must not spoil the others). */
int sl_statement_receipts(const struct sl_sign1 *s, size_t *ret_n,
			  struct sl_err *err) SL_MUST_CHECK;
struct sl_slice sl_statement_receipt(const struct sl_sign1 *s, size_t i);
/* Appends the statement with exactly these receipts in its unprotected header. */
void sl_statement_attach(const struct sl_sign1 *s, const struct sl_slice *receipts,
			 size_t n, struct sl_buf *out);

#endif
