/* form.h -- the one form that statements and receipts of sluice have
 * (doc/PROTOCOL.statement sections 1 and 2, doc/PROTOCOL.receipt section 1).
 *
 * cose/ reads what the RFCs allow; here a protected header is made anew from what it
 * says, and its bytes are compared: no other algorithm, label or claim than ours can
 * stand in it.  A payload is compared with its own canonical form in the same way.
 */
#ifndef SL_RECORD_FORM_H
#define SL_RECORD_FORM_H

#include "codec/json.h"
#include "cose/receipt.h"

/* The header of a statement, or of a hash envelope where it says that it is one; the
 * issuer's key.  VERIFY, NOMEM. */
int sl_form_statement(const struct sl_sign1 *s, uint8_t ret_pub[32],
		      struct sl_err *err) SL_MUST_CHECK;
/* Both headers of a receipt, and that it holds no payload. */
int sl_form_receipt(const struct sl_receipt *rc, uint8_t ret_pub[32],
		    struct sl_err *err) SL_MUST_CHECK;
/* bytes, which were parsed into v, are v in JCS form (RFC 8785). */
int sl_form_jcs(struct sl_slice bytes, const struct sl_json *v,
		struct sl_err *err) SL_MUST_CHECK;
/* The members of an in-toto Statement v1 with one subject, and no others. */
int sl_form_intoto(const struct sl_json *v, struct sl_err *err) SL_MUST_CHECK;

#endif
