/* receipt_priv.h -- between the files of receipts. */
#ifndef SL_COSE_RECEIPT_PRIV_H
#define SL_COSE_RECEIPT_PRIV_H

#include "cose/receipt.h"

/* The content of one proof of vds 2, into rc->ccf and rc->path. */
int sl_ccf_parse(struct sl_slice src, struct sl_receipt *rc,
		 struct sl_err *err) SL_MUST_CHECK;
int sl_ccf_root(const struct sl_receipt *rc, const struct sl_sign1 *statement,
		struct sl_hash *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
