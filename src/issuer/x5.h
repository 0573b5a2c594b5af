/* x5.h -- between the files of issuers: x5chain and x5t (RFC 9360). */
#ifndef SL_ISSUER_X5_H
#define SL_ISSUER_X5_H

#include "issuer/issuer.h"

struct sl_x5 {
	struct sl_sig_ask ask; /* cert, n_certs: what the message holds */
	bool has_chain, has_thumb;
	uint8_t thumb[32]; /* x5t, SHA-256 */
};

/* Reads both; x5t names the first certificate where both are there.  An unprotected
 * x5chain counts only beside a protected x5t. */
int sl_x5_read(const struct sl_cose_hdr *h, struct sl_x5 *ret,
	       struct sl_err *err) SL_MUST_CHECK;

#endif
