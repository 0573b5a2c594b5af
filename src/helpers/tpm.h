/* tpm.h -- the two halves of sluice-tpm: what a TPM 2.0 does (tpm_esys.c, tpm2-tss), and
 * what a verifier does without one (tpm_check.c, OpenSSL). */
#ifndef SL_HELPERS_TPM_H
#define SL_HELPERS_TPM_H

#include "base/buf.h"
#include "priv/tpm_msg.h"

struct tpm; /* an open connection */

/* conf: as for Tss2_TctiLdr_Initialize(): "device:/dev/tpmrm0", "swtpm:path=SOCKET". */
int tpm_open(const char *conf, struct tpm **ret, struct sl_err *err) SL_MUST_CHECK;
void tpm_close(struct tpm *t); /* accepts NULL */

/* Appends the blob. */
int tpm_seal(struct tpm *t, uint32_t mask, const uint8_t secret[32], struct sl_buf *ret,
	     struct sl_err *err) SL_MUST_CHECK;
/* FORMAT for a blob that is not one; VERIFY where the PCRs are not those of its making;
 * ENV for whatever else the TPM says. */
int tpm_unseal(struct tpm *t, struct sl_slice blob, uint8_t ret[32],
	       struct sl_err *err) SL_MUST_CHECK;
/* Appends the body of a QUOTED. */
int tpm_quote(struct tpm *t, uint32_t mask, const uint8_t nonce[32], struct sl_buf *ret,
	      struct sl_err *err) SL_MUST_CHECK;

/* VERIFY, with the reason, unless the quote is by its key, over the nonce and the PCRs.
 */
int tpm_check(uint32_t mask, const uint8_t nonce[32], struct sl_slice quoted,
	      struct sl_err *err) SL_MUST_CHECK;

#endif
