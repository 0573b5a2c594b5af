/* issuer.h -- who signed a statement, and whether they did: the one place where a
 * statement of somebody else is verified, before it is registered and when a log is
 * checked. */
#ifndef SL_COSE_ISSUER_H
#define SL_COSE_ISSUER_H

#include "cose/statement.h"

struct sl_issuer {
	char key[SL_DIDKEY_MAX]; /* did:key that the signature verifies with */
};

/* The issuer (claim iss) must be a did:key of an Ed25519 key, kid name that key: its
 * thumbprint (RFC 9679), the DID, a DID URL of it, or the key itself.  VERIFY: the
 * signature is wrong; FORMAT: kid is another key's; UNSUPPORTED, naming it: an algorithm
 * or a kind of issuer that cannot be checked here. */
int sl_issuer_verify(const struct sl_sign1 *s, struct sl_issuer *ret,
		     struct sl_err *err) SL_MUST_CHECK;

#endif
