/* ed25519.h -- Ed25519 (RFC 8032), key derivation and did:key, by libsodium alone:
 * registration, replay and receipts must use one library (it refuses 165 edge-case
 * signatures that OpenSSL accepts).  sl_crypto_init() before the first key or signature
 * of a process; a MAC, a digest and random numbers need it not. */
#ifndef SL_CRYPTO_ED25519_H
#define SL_CRYPTO_ED25519_H

#include "base/err.h"
#include "base/slice.h"

enum {
	SL_KEY_LEN = 32, /* public key, seed, derived secret */
	SL_SIG_LEN = 64,
	SL_DIDKEY_MAX = 64 /* "did:key:z6Mk..." with its NUL: 57 bytes */
};

/* A signing key.  Locked in memory; sl_signer_done() wipes it. */
struct sl_signer {
	uint8_t sk[64];
	uint8_t pub[SL_KEY_LEN];
};

int sl_crypto_init(struct sl_err *err) SL_MUST_CHECK;
void sl_random(void *p, size_t n); /* from the kernel; aborts if it cannot */
void sl_wipe(void *p, size_t n);
void sl_signer_from_seed(struct sl_signer *s, const uint8_t seed[SL_KEY_LEN]);
void sl_signer_done(struct sl_signer *s);
void sl_sign(const struct sl_signer *s, struct sl_slice msg, uint8_t sig[SL_SIG_LEN]);
bool sl_verify(const uint8_t pub[SL_KEY_LEN], struct sl_slice msg,
	       const uint8_t sig[SL_SIG_LEN]);
/* HKDF-SHA-256 (RFC 5869): one 32-byte output; salt empty; info = label || data. */
void sl_hkdf(const uint8_t secret[SL_KEY_LEN], const char *label, struct sl_slice data,
	     uint8_t out[SL_KEY_LEN]);
void sl_hmac(const uint8_t key[SL_KEY_LEN], struct sl_slice msg, uint8_t out[SL_KEY_LEN]);
void sl_didkey(const uint8_t pub[SL_KEY_LEN], char out[SL_DIDKEY_MAX]);
bool sl_didkey_parse(struct sl_slice did, uint8_t pub[SL_KEY_LEN]); /* Ed25519 only */
/* kid: COSE Key Thumbprint (RFC 9679), SHA-256 over {1:1,-1:6,-2:pub}. */
void sl_key_thumb(const uint8_t pub[SL_KEY_LEN], uint8_t out[32]);

#endif
