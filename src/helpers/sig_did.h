/* sig_did.h -- did:x509 (version 0): an issuer's name that says which authority's
 * certificate is in its path, and what the leaf has to be. */
#ifndef SL_HELPERS_SIG_DID_H
#define SL_HELPERS_SIG_DID_H

#include "base/err.h"
#include "base/slice.h"

#include <openssl/x509.h>

/* path: leaf first, validated.  VERIFY where it is not what the name says; FORMAT;
 * UNSUPPORTED, named, for another version, digest or policy (fulcio-issuer). */
int sl_sig_did(struct sl_slice did, STACK_OF(X509) * path,
	       struct sl_err *err) SL_MUST_CHECK;

#endif
