/* sha256.c -- see sha256.h. */
#include "crypto/sha256.h"

#ifdef SL_SHA256_OPENSSL
/* The low-level functions are marked deprecated in OpenSSL 3; they are the ones that
 * need no provider, no fetch and no allocation, hence nothing at start. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#define STATE SHA256_CTX
#else
#include <sodium.h>
#define STATE crypto_hash_sha256_state
#endif

_Static_assert(sizeof(STATE) <= sizeof(struct sl_sha256), "state fits");
_Static_assert(_Alignof(STATE) <= _Alignof(struct sl_sha256), "state is aligned");

/* safe because of the assertions above, and files are compiled without strict aliasing */
static STATE *
state(struct sl_sha256 *h)
{
	/* cppcheck-suppress ctuuninitvar ; only the address is taken */
	return (STATE *)(void *)h->opaque;
}

void
sl_sha256_init(struct sl_sha256 *h)
{
#ifdef SL_SHA256_OPENSSL
	(void)SHA256_Init(state(h));
#else
	(void)crypto_hash_sha256_init(state(h));
#endif
}

void
sl_sha256_add(struct sl_sha256 *h, const void *p, size_t n)
{
	if (n == 0)
		return;
#ifdef SL_SHA256_OPENSSL
	(void)SHA256_Update(state(h), p, n);
#else
	(void)crypto_hash_sha256_update(state(h), p, n);
#endif
}

void
sl_sha256_end(struct sl_sha256 *h, uint8_t out[SL_SHA256_LEN])
{
#ifdef SL_SHA256_OPENSSL
	(void)SHA256_Final(out, state(h));
#else
	(void)crypto_hash_sha256_final(state(h), out);
#endif
}

void
sl_sha256(struct sl_slice s, uint8_t out[SL_SHA256_LEN])
{
	struct sl_sha256 h;

	sl_sha256_init(&h);
	sl_sha256_add(&h, s.p, s.len);
	sl_sha256_end(&h, out);
}

const char *
sl_sha256_impl(void)
{
#ifdef SL_SHA256_OPENSSL
	return "openssl";
#else
	return "libsodium";
#endif
}
