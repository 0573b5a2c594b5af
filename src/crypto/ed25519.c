/* ed25519.c -- see ed25519.h. */
#include "crypto/ed25519.h"

#include "crypto/sha256.h"

#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/random.h>

_Static_assert(crypto_sign_PUBLICKEYBYTES == SL_KEY_LEN, "key length");
_Static_assert(crypto_sign_BYTES == SL_SIG_LEN, "signature length");
_Static_assert(crypto_auth_hmacsha256_BYTES == SL_KEY_LEN, "MAC length");

enum { DID_RAW = 2 + SL_KEY_LEN, DID_DIGITS_MAX = 48 };

static const char b58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char did_prefix[] = "did:key:z";

int
sl_crypto_init(struct sl_err *err)
{
	if (sodium_init() < 0)
		return SL_ERR(err, ENV, "libsodium cannot be initialised");
	return 0;
}

void
sl_random(void *p, size_t n)
{
	uint8_t *to = p;

	while (n > 0) {
		ssize_t r = getrandom(to, n, 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			abort(); /* a nonce or key that is not random is worse than none
				  */
		to += r;
		n -= (size_t)r;
	}
}

void
sl_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void
sl_signer_from_seed(struct sl_signer *s, const uint8_t seed[SL_KEY_LEN])
{
	/* Best effort: RLIMIT_MEMLOCK may be 0.  Never unlocked, because locks are by
	 * page and a neighbour may hold a key too. */
	(void)mlock(s, sizeof(*s));
	(void)crypto_sign_seed_keypair(s->pub, s->sk, seed);
}

void
sl_signer_done(struct sl_signer *s)
{
	sl_wipe(s, sizeof(*s));
}

void
sl_sign(const struct sl_signer *s, struct sl_slice msg, uint8_t sig[SL_SIG_LEN])
{
	(void)crypto_sign_detached(sig, NULL, msg.p, msg.len, s->sk);
}

bool
sl_verify(const uint8_t pub[SL_KEY_LEN], struct sl_slice msg,
	  const uint8_t sig[SL_SIG_LEN])
{
	return crypto_sign_verify_detached(sig, msg.p, msg.len, pub) == 0;
}

void
sl_hmac(const uint8_t key[SL_KEY_LEN], struct sl_slice msg, uint8_t out[SL_KEY_LEN])
{
	crypto_auth_hmacsha256_state st;

	(void)crypto_auth_hmacsha256_init(&st, key, SL_KEY_LEN);
	if (msg.len > 0)
		(void)crypto_auth_hmacsha256_update(&st, msg.p, msg.len);
	(void)crypto_auth_hmacsha256_final(&st, out);
	sl_wipe(&st, sizeof(st));
}

void
sl_hkdf(const uint8_t secret[SL_KEY_LEN], const char *label, struct sl_slice data,
	uint8_t out[SL_KEY_LEN])
{
	static const uint8_t no_salt[SL_KEY_LEN], first = 1;
	uint8_t prk[SL_KEY_LEN];
	crypto_auth_hmacsha256_state st;

	/* RFC 5869 section 2.2: an absent salt is HashLen zeros; 2.3: T(1) is all we
	 * need. */
	sl_hmac(no_salt, (struct sl_slice){ secret, SL_KEY_LEN }, prk);
	(void)crypto_auth_hmacsha256_init(&st, prk, sizeof(prk));
	(void)crypto_auth_hmacsha256_update(&st, (const uint8_t *)label, strlen(label));
	if (data.len > 0)
		(void)crypto_auth_hmacsha256_update(&st, data.p, data.len);
	(void)crypto_auth_hmacsha256_update(&st, &first, 1);
	(void)crypto_auth_hmacsha256_final(&st, out);
	sl_wipe(&st, sizeof(st));
	sl_wipe(prk, sizeof(prk));
}

void
sl_didkey(const uint8_t pub[SL_KEY_LEN], char out[SL_DIDKEY_MAX])
{
	uint8_t raw[DID_RAW] = { 0xed, 0x01 }; /* multicodec ed25519-pub, as a varint */
	char digits[DID_DIGITS_MAX];
	size_t n = 0, at = sizeof(did_prefix) - 1;

	memcpy(raw + 2, pub, SL_KEY_LEN);
	/* raw[0] is not 0, so there are no leading '1's; 34 bytes give 47 digits at most.
	 */
	for (size_t from = 0; from < DID_RAW;) {
		unsigned rem = 0;

		for (size_t i = from; i < DID_RAW; i++) {
			rem = rem * 256 + raw[i];
			raw[i] = (uint8_t)(rem / 58);
			rem %= 58;
		}
		digits[n++] = b58[rem];
		while (from < DID_RAW && raw[from] == 0)
			from++;
	}
	memcpy(out, did_prefix, at);
	while (n > 0)
		out[at++] = digits[--n];
	out[at] = '\0';
}

bool
sl_didkey_parse(struct sl_slice did, uint8_t pub[SL_KEY_LEN])
{
	struct sl_slice prefix = sl_slice_str(did_prefix),
			d = sl_slice_skip(did, prefix.len);
	uint8_t raw[DID_RAW] = { 0 };

	if (!sl_slice_starts(did, prefix) || d.len == 0 || d.len >= DID_DIGITS_MAX ||
	    d.p[0] == '1')
		return false;
	for (size_t i = 0; i < d.len; i++) {
		const char *c = d.p[i] != 0 ? strchr(b58, d.p[i]) : NULL;
		unsigned carry;

		if (c == NULL)
			return false;
		carry = (unsigned)(c - b58);
		for (size_t k = DID_RAW; k-- > 0;) {
			carry += raw[k] * 58U;
			raw[k] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry != 0)
			return false;
	}
	if (raw[0] != 0xed || raw[1] != 0x01)
		return false;
	memcpy(pub, raw + 2, SL_KEY_LEN);
	return true;
}

void
sl_key_thumb(const uint8_t pub[SL_KEY_LEN], uint8_t out[32])
{
	/* {1: 1 (OKP), -1: 6 (Ed25519), -2: bstr(32)}, deterministic: RFC 9679
	 * section 4.1 */
	uint8_t key[8 + SL_KEY_LEN] = { 0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20 };

	memcpy(key + 8, pub, SL_KEY_LEN);
	sl_sha256((struct sl_slice){ key, sizeof(key) }, out);
}
