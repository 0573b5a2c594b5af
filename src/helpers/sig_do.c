/* sig_do.c -- see sig_do.h: signatures. */
#include "helpers/sig_do.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 16384, RSA_EXPONENT_MIN = 65537 };

static const struct row {
	int alg;
	const char *name, *group, *md; /* group: NULL for RSA-PSS */
	size_t half;                   /* bytes of r, and of s */
} rows[] = {
	{ SL_ALG_ES256, "ES256", "prime256v1", "SHA256", 32 },
	{ SL_ALG_ESP256, "ESP256", "prime256v1", "SHA256", 32 },
	{ SL_ALG_ES384, "ES384", "secp384r1", "SHA384", 48 },
	{ SL_ALG_ESP384, "ESP384", "secp384r1", "SHA384", 48 },
	{ SL_ALG_ES512, "ES512", "secp521r1", "SHA512", 66 },
	{ SL_ALG_ESP512, "ESP512", "secp521r1", "SHA512", 66 },
	{ SL_ALG_PS256, "PS256", NULL, "SHA256", 0 },
	{ SL_ALG_PS384, "PS384", NULL, "SHA384", 0 },
	{ SL_ALG_PS512, "PS512", NULL, "SHA512", 0 },
};

static void
pkey_free(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void
md_free(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

#define AUTO_PKEY __attribute__((cleanup(pkey_free))) EVP_PKEY *
#define AUTO_MD __attribute__((cleanup(md_free))) EVP_MD_CTX *

static int
check_ec(EVP_PKEY *k, const struct row *w, struct sl_err *err)
{
	char group[64] = "";
	int is_explicit = 1;

	if (EVP_PKEY_get_base_id(k) != EVP_PKEY_EC)
		return SL_ERR(err, VERIFY, "%s takes an elliptic curve key, this is none",
			      w->name);
	if (EVP_PKEY_get_int_param(k, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				   &is_explicit) != 1 ||
	    is_explicit != 0 ||
	    EVP_PKEY_get_group_name(k, group, sizeof(group), NULL) != 1)
		return SL_ERR(err, VERIFY, "the key names no curve");
	if (strcmp(group, w->group) != 0)
		return SL_ERR(err, VERIFY,
			      "%s is of a key on %s (RFC 9864), this one is on %s",
			      w->name, w->group, group);
	return 0;
}

static int
check_rsa(EVP_PKEY *k, const struct row *w, struct sl_err *err)
{
	int kind = EVP_PKEY_get_base_id(k), bits = EVP_PKEY_get_bits(k);
	BIGNUM *e = NULL;
	bool is_small;

	if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS)
		return SL_ERR(err, VERIFY, "%s takes an RSA key, this is none", w->name);
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return SL_ERR(err, VERIFY, "an RSA key of %d bits, %d to %d are allowed",
			      bits, RSA_BITS_MIN, RSA_BITS_MAX);
	if (EVP_PKEY_get_bn_param(k, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return SL_ERR(err, VERIFY, "the RSA key has no exponent");
	is_small = BN_num_bits(e) < 17 || !BN_is_odd(e);
	BN_free(e);
	if (is_small)
		return SL_ERR(err, VERIFY, "the exponent of the RSA key is below %d",
			      RSA_EXPONENT_MIN);
	return 0;
}

/* r || s as the DER that OpenSSL takes; *ret is the caller's, by OPENSSL_free(). */
static int
ecdsa_der(struct sl_slice sig, uint8_t **ret, size_t *ret_len, struct sl_err *err)
{
	ECDSA_SIG *es = ECDSA_SIG_new();
	size_t half = sig.len / 2;
	BIGNUM *r = BN_bin2bn(sig.p, (int)half, NULL);
	BIGNUM *s = BN_bin2bn(sig.p + half, (int)half, NULL);
	int n = -1;

	if (es != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(es, r, s) == 1) {
		r = s = NULL; /* theirs now */
		n = i2d_ECDSA_SIG(es, ret);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(es);
	if (n <= 0)
		return SL_ERR(err, NOMEM, "out of memory for a signature");
	*ret_len = (size_t)n;
	return 0;
}

static bool
set_pss(EVP_PKEY_CTX *pc, const struct row *w)
{
	return EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, RSA_PSS_SALTLEN_DIGEST) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md_name(pc, w->md, NULL) == 1;
}

static int
check_sig(EVP_PKEY *k, const struct row *w, struct sl_slice tbs, struct sl_slice sig,
	  struct sl_err *err)
{
	AUTO_MD c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pc = NULL;

	if (c == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a digest");
	if (EVP_DigestVerifyInit_ex(c, &pc, w->md, NULL, NULL, k, NULL) != 1 ||
	    (w->group == NULL && !set_pss(pc, w)))
		return SL_ERR(err, VERIFY, "%s cannot be used with this key", w->name);
	if (EVP_DigestVerify(c, sig.p, sig.len, tbs.p, tbs.len) != 1)
		return SL_ERR(err, VERIFY,
			      "the signature does not fit the key and the content");
	return 0;
}

static int
verify(const struct sl_sig_ask *a, struct sl_err *err)
{
	const unsigned char *p = a->spki.p;
	const struct row *w = NULL;
	uint8_t *der = NULL;
	AUTO_PKEY k = NULL;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].alg == a->alg)
			w = &rows[i];
	if (w == NULL)
		return SL_ERR(err, UNSUPPORTED, "signature algorithm %s (%lld)",
			      sl_cose_alg_name(a->alg) != NULL ? sl_cose_alg_name(a->alg)
							       : "unknown",
			      (long long)a->alg);
	if (a->spki.len > SL_SIG_SPKI_MAX)
		return SL_ERR(err, LIMIT, "a public key of %zu bytes", a->spki.len);
	k = d2i_PUBKEY(NULL, &p, (long)a->spki.len);
	if (k == NULL || p != a->spki.p + a->spki.len)
		return SL_ERR(err, FORMAT, "the public key cannot be read");
	r = w->group != NULL ? check_ec(k, w, err) : check_rsa(k, w, err);
	if (r < 0)
		return r;
	if (w->group == NULL)
		return check_sig(k, w, a->tbs, a->sig, err);
	if (a->sig.len != 2 * w->half)
		return SL_ERR(err, VERIFY, "the signature has %zu bytes, %s has %zu",
			      a->sig.len, w->name, 2 * w->half);
	if ((r = ecdsa_der(a->sig, &der, &n, err)) < 0)
		return r;
	r = check_sig(k, w, a->tbs, (struct sl_slice){ der, n }, err);
	OPENSSL_free(der);
	return r;
}

int
sl_sig_do(const struct sl_sig_ask *a, struct sl_sig_found *ret, struct sl_err *err)
{
	switch (a->op) {
	case SL_SIG_VERIFY:
		return verify(a, err);
	case SL_SIG_CHAIN:
		return sl_sig_chain(a, ret, err);
	case SL_SIG_CERT:
		return sl_sig_cert(a, ret, err);
	case SL_SIG_ANSWER:
		break;
	}
	return SL_ERR(err, BUG, "no such question");
}

int
sl_sig_reply(enum sl_sig_op op, struct sl_slice ask, struct sl_buf *out,
	     struct sl_err *err)
{
	struct sl_sig_found found = { .spki.max = SL_SIG_SPKI_MAX };
	struct sl_sig_answer answer = { 0 };
	struct sl_sig_ask a = { 0 };
	struct sl_err why = { 0 };

	if ((answer.code = sl_sig_ask_get(op, ask, &a, &why)) == 0)
		answer.code = sl_sig_do(&a, &found, &why);
	ERR_clear_error();
	if (answer.code == 0) {
		answer.spki = sl_buf_get(&found.spki);
		answer.is_bound = found.is_bound;
	} else {
		answer.msg = (struct sl_slice){ (const uint8_t *)why.msg, why.len };
	}
	sl_sig_answer_put(&answer, out);
	sl_buf_done(&found.spki);
	return out->is_failed ? SL_ERR(err, NOMEM, "out of memory for an answer") : 0;
}
