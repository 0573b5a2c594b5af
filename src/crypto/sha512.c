/* sha512.c -- see sha512.h. */
#include "crypto/sha512.h"

#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha512_state) <= 32 * sizeof(uint64_t), "state fits");

/* SHA-384 is SHA-512 from another start, cut short (FIPS 180-4 sections 5.3.4, 6.5). */
static const uint64_t start_384[8] = {
	UINT64_C(0xcbbb9d5dc1059ed8), UINT64_C(0x629a292a367cd507),
	UINT64_C(0x9159015a3070dd17), UINT64_C(0x152fecd8f70e5939),
	UINT64_C(0x67332667ffc00b31), UINT64_C(0x8eb44a8768581511),
	UINT64_C(0xdb0c2e0d64f98fa7), UINT64_C(0x47b5481dbefa4fa4)
};

/* safe because of the assertion above; files are compiled without strict aliasing */
static crypto_hash_sha512_state *
state(struct sl_sha512 *h)
{
	/* cppcheck-suppress ctuuninitvar ; only the address is taken */
	return (crypto_hash_sha512_state *)(void *)h->opaque;
}

void
sl_sha512_init(struct sl_sha512 *h, size_t len)
{
	(void)crypto_hash_sha512_init(state(h));
	h->len = len == 48 ? 48 : 64;
	if (h->len == 48)
		memcpy(state(h)->state, start_384, sizeof(start_384));
}

void
sl_sha512_add(struct sl_sha512 *h, const void *p, size_t n)
{
	if (n > 0)
		(void)crypto_hash_sha512_update(state(h), p, n);
}

void
sl_sha512_end(struct sl_sha512 *h, uint8_t out[64])
{
	(void)crypto_hash_sha512_final(state(h), out);
}
