/* key.h -- COSE_Key and COSE_KeySet (RFC 9052 section 7), public halves only.
 *
 * A kid of ours is the key's thumbprint (RFC 9679, sl_key_thumb()).  A key that holds a
 * private part (-4 of OKP and EC2; RSA's -3 to -12) is refused, never shown. */
#ifndef SL_COSE_KEY_H
#define SL_COSE_KEY_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/ed25519.h"

struct sl_cose_key {
	int64_t kty, alg, crv; /* 0 when absent */
	struct sl_slice kid;   /* p == NULL when absent */
	struct sl_slice x, y;  /* y is empty for OKP; RSA: x = n, y = e */
	bool is_y_sign;        /* EC2 with a compressed point: y is its sign */
	bool y_sign;
	bool is_not_to_verify; /* key_ops (4) are there, and verify (2) is none of them */
	bool is_ed25519;       /* usable here: kty OKP, crv Ed25519, 32 bytes, alg fits */
};

void sl_cose_key_put(const uint8_t pub[SL_KEY_LEN], int64_t alg, struct sl_buf *out);
/* Key Set of n keys, 32 bytes each, back to back: a CBOR array. */
void sl_cose_keyset_put(const uint8_t *pubs, size_t n, int64_t alg, struct sl_buf *out);
int sl_cose_key_parse(struct sl_slice src, struct sl_cose_key *ret,
		      struct sl_err *err) SL_MUST_CHECK;
/* At most max keys (else LIMIT); a key that cannot be read spoils the set. */
int sl_cose_keyset_parse(struct sl_slice src, struct sl_cose_key *ret, size_t max,
			 size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;

#endif
