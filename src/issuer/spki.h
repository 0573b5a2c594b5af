/* spki.h -- between the files of public keys: writing SubjectPublicKeyInfo. */
#ifndef SL_ISSUER_SPKI_H
#define SL_ISSUER_SPKI_H

#include "issuer/pubkey.h"

/* point: 02/03 || x or 04 || x || y.  FORMAT: not as long as the curve has it. */
int sl_spki_ec(int64_t crv, struct sl_slice point, struct sl_pubkey *ret,
	       struct sl_err *err) SL_MUST_CHECK;
int sl_spki_rsa(struct sl_slice n, struct sl_slice e, struct sl_pubkey *ret,
		struct sl_err *err) SL_MUST_CHECK;
size_t sl_spki_coordinate(int64_t crv); /* bytes; 0: not one of ours */

#endif
