/* sha512.h -- SHA-384 and SHA-512 (FIPS 180-4), by libsodium: for hash envelopes of
 * others.  Never fails. */
#ifndef SL_CRYPTO_SHA512_H
#define SL_CRYPTO_SHA512_H

#include "base/slice.h"

struct sl_sha512 {
	uint64_t opaque[32]; /* libsodium's state */
	size_t len;          /* of the digest: 48 or 64 */
};

/* len: 48 for SHA-384, else SHA-512. */
void sl_sha512_init(struct sl_sha512 *h, size_t len);
void sl_sha512_add(struct sl_sha512 *h, const void *p, size_t n);
void sl_sha512_end(struct sl_sha512 *h, uint8_t out[64]); /* len bytes of out count */

#endif
