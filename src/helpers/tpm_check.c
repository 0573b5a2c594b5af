/* tpm_check.c -- a quote, read by hand (TPM 2.0 Library, part 2, 10.12) and verified with
 * OpenSSL: no TPM, and nothing of tpm2-tss, is needed to believe one. */
#include "helpers/tpm.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <string.h>

enum { ALG_SHA256 = 0x000b, ATTEST_QUOTE = 0x8018, CLOCK_INFO = 17, FIRMWARE = 8 };

static const uint8_t magic[] = { 0xff, 'T', 'C', 'G' };

/* Takes n bytes off the front; p is NULL once they have run out. */
static const uint8_t *
take(struct sl_slice *s, size_t n)
{
	const uint8_t *p = s->p;

	if (p == NULL || s->len < n) {
		*s = (struct sl_slice){ 0 };
		return NULL;
	}
	*s = (struct sl_slice){ p + n, s->len - n };
	return p;
}

static unsigned
take_u16(struct sl_slice *s) /* big-endian; 0x10000: there is none */
{
	const uint8_t *p = take(s, 2);

	return p != NULL ? (unsigned)p[0] << 8 | p[1] : 0x10000;
}

/* TPMS_ATTEST of a quote of exactly these PCRs of the SHA-256 bank. */
static int
check_attest(struct sl_slice a, uint32_t mask, const uint8_t nonce[32],
	     const uint8_t digest[32], struct sl_err *err)
{
	const uint8_t select[8] = { 0, 0, 0, 1, 0, ALG_SHA256, 3, 0 };
	const uint8_t bits[3] = { (uint8_t)mask, (uint8_t)(mask >> 8),
				  (uint8_t)(mask >> 16) };
	const uint8_t *p;

	if ((p = take(&a, 4)) == NULL || memcmp(p, magic, 4) != 0 ||
	    take_u16(&a) != ATTEST_QUOTE || take(&a, take_u16(&a)) == NULL)
		return SL_ERR(err, VERIFY, "what the TPM signed is not a quote");
	if (take_u16(&a) != 32 || (p = take(&a, 32)) == NULL || memcmp(p, nonce, 32) != 0)
		return SL_ERR(err, VERIFY, "the quote is not of this boot and this node");
	if (take(&a, CLOCK_INFO + FIRMWARE) == NULL || (p = take(&a, 7)) == NULL ||
	    memcmp(p, select, 7) != 0 || (p = take(&a, 3)) == NULL ||
	    memcmp(p, bits, 3) != 0)
		return SL_ERR(err, VERIFY, "the quote is of other PCRs");
	if (take_u16(&a) != 32 || (p = take(&a, 32)) == NULL || a.len != 0 ||
	    memcmp(p, digest, 32) != 0)
		return SL_ERR(err, VERIFY,
			      "the PCRs' values are not those that were quoted");
	return 0;
}

static EVP_PKEY *
p256(const uint8_t xy[64])
{
	static char group[] = "prime256v1";
	uint8_t point[65] = { 4 };
	OSSL_PARAM param[] = { OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group,
						      sizeof(group) - 1),
			       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
						       sizeof(point)),
			       OSSL_PARAM_END };
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *k = NULL;

	memcpy(point + 1, xy, 64);
	if (c == NULL || EVP_PKEY_fromdata_init(c) <= 0 ||
	    EVP_PKEY_fromdata(c, &k, EVP_PKEY_PUBLIC_KEY, param) <= 0)
		k = NULL;
	EVP_PKEY_CTX_free(c);
	return k;
}

static bool
is_signed(struct sl_slice attest, const uint8_t rs[64], const uint8_t xy[64])
{
	EVP_PKEY *k = p256(xy);
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, 32, NULL), *t = BN_bin2bn(rs + 32, 32, NULL);
	uint8_t *der = NULL;
	int n = -1;
	bool is_good = false;

	if (s != NULL && r != NULL && t != NULL && ECDSA_SIG_set0(s, r, t) == 1) {
		r = t = NULL; /* the signature's now */
		n = i2d_ECDSA_SIG(s, &der);
	}
	if (k != NULL && m != NULL && n > 0)
		is_good = EVP_DigestVerifyInit(m, NULL, EVP_sha256(), NULL, k) == 1 &&
			  EVP_DigestVerify(m, der, (size_t)n, attest.p, attest.len) == 1;
	OPENSSL_free(der);
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(s);
	EVP_MD_CTX_free(m);
	EVP_PKEY_free(k);
	return is_good;
}

int
tpm_check(uint32_t mask, const uint8_t nonce[32], struct sl_slice q, struct sl_err *err)
{
	const unsigned n_pcrs = (unsigned)__builtin_popcount(mask);
	const uint8_t *len = take(&q, 2), *attest, *rs, *xy, *pcrs;
	size_t n = len != NULL ? (size_t)len[0] | (size_t)len[1] << 8 : 0;
	uint8_t digest[32];

	attest = take(&q, n);
	rs = take(&q, 64);
	xy = take(&q, 64);
	pcrs = take(&q, (size_t)32 * n_pcrs);
	if (pcrs == NULL || q.len != 0 || n_pcrs == 0)
		return SL_ERR(err, VERIFY, "the quote is malformed");
	(void)SHA256(pcrs, (size_t)32 * n_pcrs, digest);
	if (!is_signed((struct sl_slice){ attest, n }, rs, xy))
		return SL_ERR(err, VERIFY, "the quote is not signed by its key");
	return check_attest((struct sl_slice){ attest, n }, mask, nonce, digest, err);
}
