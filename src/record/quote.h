/* quote.h -- the TPM's quote in a context of the platform, checked (priv/tpm_msg.h).
 *
 * It needs no TPM: the helper sluice-tpm verifies the signature, which is of P-256, with
 * OpenSSL.  What it shows is that the holder of the attestation key it names saw these
 * PCRs in this boot of this node.  Whose TPM that key is in, it does not show: that takes
 * its maker's certificate, which is not asked for. */
#ifndef SL_RECORD_QUOTE_H
#define SL_RECORD_QUOTE_H

#include "codec/json.h"

/* did: what the node is called after.  VERIFY: it does not hold; ENV: no helper. */
int sl_quote_check(const struct sl_json *predicate, const char *did,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
