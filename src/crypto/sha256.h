/* sha256.h -- SHA-256 (FIPS 180-4), by OpenSSL's low-level functions where its
 * static archive is there, else by libsodium.  Never fails. */
#ifndef SL_CRYPTO_SHA256_H
#define SL_CRYPTO_SHA256_H

#include "base/slice.h"

enum { SL_SHA256_LEN = 32 };

struct sl_sha256 {
	uint64_t opaque[32]; /* either library's state */
};

void sl_sha256_init(struct sl_sha256 *h);
void sl_sha256_add(struct sl_sha256 *h, const void *p, size_t n);
void sl_sha256_end(struct sl_sha256 *h, uint8_t out[SL_SHA256_LEN]);
void sl_sha256(struct sl_slice s, uint8_t out[SL_SHA256_LEN]);
const char *sl_sha256_impl(void); /* "openssl" or "libsodium" */

#endif
