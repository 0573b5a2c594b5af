/* sig_do.h -- the work of sluice-sig: one question, one verdict.
 *
 * Signatures: ES256, ES384, ES512, ESP256/384/512, PS256, PS384, PS512 (RFC 9053, 9864),
 * each on its own curve only; RSA keys of 2048 to 16384 bits with an exponent of at least
 * 65537.  ECDSA signatures are r || s, never DER; the salt of PSS is as long as its hash.
 *
 * X.509: the path is built from the certificates of the message to one of the roots that
 * came with the question, at the time that came with it; security level 2 of OpenSSL (no
 * SHA-1, nothing below 112 bits).  Revocation lists are not looked at: there is no
 * network here.  An iss that is a did:x509 is held to the path.
 */
#ifndef SL_HELPERS_SIG_DO_H
#define SL_HELPERS_SIG_DO_H

#include "cose/sigreq.h"

struct sl_sig_found {       /* CHAIN, CERT */
	struct sl_buf spki; /* the caller's, empty; its max at least SL_SIG_SPKI_MAX */
	bool is_bound;      /* see sl_sig_answer */
};

/* 0; VERIFY, FORMAT, UNSUPPORTED, LIMIT, NOMEM. */
int sl_sig_do(const struct sl_sig_ask *a, struct sl_sig_found *ret,
	      struct sl_err *err) SL_MUST_CHECK;

/* A question as it came, answered: always with a verdict, but where out is full. */
int sl_sig_reply(enum sl_sig_op op, struct sl_slice ask, struct sl_buf *out,
		 struct sl_err *err) SL_MUST_CHECK;

/* sig_x509.c */
int sl_sig_chain(const struct sl_sig_ask *a, struct sl_sig_found *ret,
		 struct sl_err *err) SL_MUST_CHECK;
int sl_sig_cert(const struct sl_sig_ask *a, struct sl_sig_found *ret,
		struct sl_err *err) SL_MUST_CHECK;

#endif
