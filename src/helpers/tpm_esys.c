/* tpm_esys.c -- sealing, unsealing and quoting by a TPM 2.0 through tpm2-tss's ESAPI.
 *
 * Nothing is left in the TPM: parent and attestation key are primaries of a fixed
 * template, made anew from its seeds each time.  What crosses the bus to or from it in
 * secret is encrypted under a session salted with the parent. */
#include "helpers/tpm.h"

#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

enum {
	RC_FMT1 = 0x80,
	RC_FMT1_BITS = 0xbf,
	MASK_MAX = (1 << SL_TPM_PCRS) - 1,
	READS = 64
};

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

static const TPMT_SYM_DEF aes = { .algorithm = TPM2_ALG_AES,
				  .keyBits.aes = 128,
				  .mode.aes = TPM2_ALG_CFB };

/* A restricted P-256 key: storage parent, or attestation key. */
#define PRIMARY(use, sym, how)                                                           \
	{                                                                                \
		.publicArea = {                                                          \
			.type = TPM2_ALG_ECC,                                            \
			.nameAlg = TPM2_ALG_SHA256,                                      \
			.objectAttributes =                                              \
			    TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |             \
			    TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | \
			    TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | (use),           \
			.parameters.eccDetail = { .symmetric = sym,                      \
						  .scheme = how,                         \
						  .curveID = TPM2_ECC_NIST_P256,         \
						  .kdf.scheme = TPM2_ALG_NULL },         \
		}                                                                        \
	}

#define SYM_AES                                                                          \
	{                                                                                \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB  \
	}
#define SYM_NONE                                                                         \
	{                                                                                \
		.algorithm = TPM2_ALG_NULL                                               \
	}
#define HOW_NONE                                                                         \
	{                                                                                \
		.scheme = TPM2_ALG_NULL                                                  \
	}
#define HOW_ECDSA                                                                        \
	{                                                                                \
		.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256       \
	}

static const TPM2B_PUBLIC storage = PRIMARY(TPMA_OBJECT_DECRYPT, SYM_AES, HOW_NONE);
static const TPM2B_PUBLIC signing =
    PRIMARY(TPMA_OBJECT_SIGN_ENCRYPT, SYM_NONE, HOW_ECDSA);

static int
say(TSS2_RC rc, const char *what, struct sl_err *err)
{
	return SL_ERR(err, ENV, "the TPM cannot %s: %s", what, Tss2_RC_Decode(rc));
}

int
tpm_open(const char *conf, struct tpm **ret, struct sl_err *err)
{
	struct tpm *t = calloc(1, sizeof(*t));
	TSS2_RC rc;
	int r;

	if (t == NULL)
		return SL_ERR(err, NOMEM, "no memory for a TPM");
	if ((rc = Tss2_TctiLdr_Initialize(conf, &t->tcti)) != TSS2_RC_SUCCESS ||
	    (rc = Esys_Initialize(&t->esys, t->tcti, NULL)) != TSS2_RC_SUCCESS) {
		r = SL_ERR(err, ENV, "there is no TPM at '%s': %s", conf,
			   Tss2_RC_Decode(rc));
		tpm_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

void
tpm_close(struct tpm *t)
{
	if (t == NULL)
		return;
	if (t->esys != NULL)
		Esys_Finalize(&t->esys);
	if (t->tcti != NULL)
		Tss2_TctiLdr_Finalize(&t->tcti);
	free(t);
}

static TPML_PCR_SELECTION
selection(uint32_t mask)
{
	return (TPML_PCR_SELECTION){
		.count = 1,
		.pcrSelections[0] = { .hash = TPM2_ALG_SHA256,
				      .sizeofSelect = 3,
				      .pcrSelect = { (uint8_t)mask, (uint8_t)(mask >> 8),
						     (uint8_t)(mask >> 16) } }
	};
}

static int
check_mask(uint32_t mask, struct sl_err *err)
{
	return mask != 0 && mask <= MASK_MAX
		   ? 0
		   : SL_ERR(err, FORMAT, "the PCRs are none, or beyond 23");
}

static void
flush(struct tpm *t, ESYS_TR *h)
{
	if (*h != ESYS_TR_NONE)
		(void)Esys_FlushContext(t->esys, *h);
	*h = ESYS_TR_NONE;
}

static int
primary(struct tpm *t, ESYS_TR hierarchy, const TPM2B_PUBLIC *template, ESYS_TR *ret,
	TPM2B_PUBLIC **ret_pub, struct sl_err *err)
{
	static const TPM2B_SENSITIVE_CREATE no_auth;
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	TSS2_RC rc = Esys_CreatePrimary(
	    t->esys, hierarchy, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &no_auth,
	    template, &no_data, &no_pcrs, ret, ret_pub, NULL, NULL, NULL);

	return rc == TSS2_RC_SUCCESS ? 0 : say(rc, "make a primary key", err);
}

/* attr: what of it is encrypted. */
static int
session(struct tpm *t, ESYS_TR salt, TPM2_SE type, TPMA_SESSION attr, ESYS_TR *ret,
	struct sl_err *err)
{
	TSS2_RC rc =
	    Esys_StartAuthSession(t->esys, salt, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  ESYS_TR_NONE, NULL, type, &aes, TPM2_ALG_SHA256, ret);

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_TRSess_SetAttributes(t->esys, *ret,
					       attr | TPMA_SESSION_CONTINUESESSION, 0xff);
	return rc == TSS2_RC_SUCCESS ? 0 : say(rc, "start a session", err);
}

/* The digest of "these PCRs as they are now". */
static int
policy(struct tpm *t, uint32_t mask, TPM2B_DIGEST **ret, struct sl_err *err)
{
	const TPML_PCR_SELECTION pcrs = selection(mask);
	ESYS_TR s = ESYS_TR_NONE;
	TSS2_RC rc;
	int r = session(t, ESYS_TR_NONE, TPM2_SE_TRIAL, 0, &s, err);

	if (r == 0) {
		rc = Esys_PolicyPCR(t->esys, s, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				    NULL, &pcrs);
		if (rc == TSS2_RC_SUCCESS)
			rc = Esys_PolicyGetDigest(t->esys, s, ESYS_TR_NONE, ESYS_TR_NONE,
						  ESYS_TR_NONE, ret);
		if (rc != TSS2_RC_SUCCESS)
			r = say(rc, "state a policy on PCRs", err);
	}
	flush(t, &s);
	return r;
}

static void
put_u32(struct sl_buf *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		sl_buf_byte(b, (uint8_t)(v >> (8 * i)));
}

static void
put_part(struct sl_buf *b, const uint8_t *p, size_t n)
{
	sl_buf_byte(b, (uint8_t)n);
	sl_buf_byte(b, (uint8_t)(n >> 8));
	sl_buf_put(b, p, n);
}

static int
put_blob(struct sl_buf *ret, uint32_t mask, const TPM2B_PUBLIC *pub,
	 const TPM2B_PRIVATE *priv, struct sl_err *err)
{
	uint8_t room[2][sizeof(TPM2B_PUBLIC)];
	size_t n_pub = 0, n_priv = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Marshal(pub, room[0], sizeof(room[0]), &n_pub) !=
		TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_PRIVATE_Marshal(priv, room[1], sizeof(room[1]), &n_priv) !=
		TSS2_RC_SUCCESS)
		return SL_ERR(err, BUG, "a sealed object cannot be written");
	sl_buf_str(ret, SL_TPM_MAGIC);
	put_u32(ret, mask);
	put_part(ret, room[0], n_pub);
	put_part(ret, room[1], n_priv);
	return ret->is_failed ? SL_ERR(err, BUG, "a sealed object is too large") : 0;
}

int
tpm_seal(struct tpm *t, uint32_t mask, const uint8_t secret[32], struct sl_buf *ret,
	 struct sl_err *err)
{
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	TPM2B_SENSITIVE_CREATE in = { .sensitive.data.size = 32 };
	TPM2B_PUBLIC template = { .publicArea = {
				      .type = TPM2_ALG_KEYEDHASH,
				      .nameAlg = TPM2_ALG_SHA256,
				      .objectAttributes = TPMA_OBJECT_FIXEDTPM |
							  TPMA_OBJECT_FIXEDPARENT |
							  TPMA_OBJECT_NODA,
				      .parameters.keyedHashDetail.scheme.scheme =
					  TPM2_ALG_NULL } };
	ESYS_TR parent = ESYS_TR_NONE, s = ESYS_TR_NONE;
	TPM2B_PRIVATE *priv = NULL;
	TPM2B_PUBLIC *pub = NULL;
	TPM2B_DIGEST *digest = NULL;
	TSS2_RC rc;
	int r;

	if ((r = check_mask(mask, err)) < 0)
		return r;
	memcpy(in.sensitive.data.buffer, secret, 32);
	if ((r = policy(t, mask, &digest, err)) == 0 &&
	    (r = primary(t, ESYS_TR_RH_OWNER, &storage, &parent, NULL, err)) == 0 &&
	    (r = session(t, parent, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT, &s, err)) == 0) {
		template.publicArea.authPolicy = *digest;
		rc = Esys_Create(t->esys, parent, ESYS_TR_PASSWORD, s, ESYS_TR_NONE, &in,
				 &template, &no_data, &no_pcrs, &priv, &pub, NULL, NULL,
				 NULL);
		r = rc != TSS2_RC_SUCCESS ? say(rc, "seal", err)
					  : put_blob(ret, mask, pub, priv, err);
	}
	explicit_bzero(&in, sizeof(in));
	flush(t, &s);
	flush(t, &parent);
	Esys_Free(priv);
	Esys_Free(pub);
	Esys_Free(digest);
	return r;
}

struct blob {
	uint32_t mask;
	TPM2B_PUBLIC pub;
	TPM2B_PRIVATE priv;
};

/* Two bytes of length, then that much; false where there is less. */
static bool
take_part(struct sl_slice *s, struct sl_slice *ret)
{
	size_t n = s->len >= 2 ? (size_t)s->p[0] | (size_t)s->p[1] << 8 : 0;

	if (n == 0 || s->len < 2 + n)
		return false;
	*ret = (struct sl_slice){ s->p + 2, n };
	*s = (struct sl_slice){ s->p + 2 + n, s->len - 2 - n };
	return true;
}

static int
parse_blob(struct sl_slice s, struct blob *ret, struct sl_err *err)
{
	const size_t n_magic = strlen(SL_TPM_MAGIC);
	struct sl_slice pub, priv;
	size_t at[2] = { 0, 0 };

	if (s.len < n_magic + 4 || memcmp(s.p, SL_TPM_MAGIC, n_magic) != 0)
		return SL_ERR(err, FORMAT, "not a key that was sealed to a TPM");
	for (int i = 0; i < 4; i++)
		ret->mask |= (uint32_t)s.p[n_magic + (size_t)i] << (8 * i);
	s = (struct sl_slice){ s.p + n_magic + 4, s.len - n_magic - 4 };
	if (!take_part(&s, &pub) || !take_part(&s, &priv) || s.len != 0 ||
	    Tss2_MU_TPM2B_PUBLIC_Unmarshal(pub.p, pub.len, &at[0], &ret->pub) !=
		TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(priv.p, priv.len, &at[1], &ret->priv) !=
		TSS2_RC_SUCCESS ||
	    at[0] != pub.len || at[1] != priv.len)
		return SL_ERR(err, FORMAT, "the sealed key is damaged");
	return check_mask(ret->mask, err);
}

/* Format one codes have the number of a parameter, handle or session in them. */
static int
say_unseal(TSS2_RC rc, struct sl_err *err)
{
	if (rc == TPM2_RC_PCR_CHANGED ||
	    ((rc & RC_FMT1) != 0 && (rc & RC_FMT1_BITS) == TPM2_RC_POLICY_FAIL))
		return SL_ERR(err, VERIFY,
			      "the TPM's PCRs are not those that the key was sealed to: "
			      "firmware, boot loader or Secure Boot have changed");
	return say(rc, "unseal", err);
}

static int
unseal(struct tpm *t, const struct blob *b, ESYS_TR object, ESYS_TR s, uint8_t ret[32],
       struct sl_err *err)
{
	const TPML_PCR_SELECTION pcrs = selection(b->mask);
	TPM2B_SENSITIVE_DATA *out = NULL;
	TSS2_RC rc = Esys_PolicyPCR(t->esys, s, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				    NULL, &pcrs);
	int r;

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Unseal(t->esys, object, s, ESYS_TR_NONE, ESYS_TR_NONE, &out);
	if (rc != TSS2_RC_SUCCESS)
		r = say_unseal(rc, err);
	else if (out->size != 32)
		r = SL_ERR(err, FORMAT, "what was sealed is not a key");
	else
		r = 0;
	if (r == 0)
		memcpy(ret, out->buffer, 32);
	if (out != NULL)
		explicit_bzero(out, sizeof(*out));
	Esys_Free(out);
	return r;
}

int
tpm_unseal(struct tpm *t, struct sl_slice blob, uint8_t ret[32], struct sl_err *err)
{
	struct blob b = { 0 };
	ESYS_TR parent = ESYS_TR_NONE, object = ESYS_TR_NONE, s = ESYS_TR_NONE;
	TSS2_RC rc;
	int r;

	if ((r = parse_blob(blob, &b, err)) == 0 &&
	    (r = primary(t, ESYS_TR_RH_OWNER, &storage, &parent, NULL, err)) == 0) {
		rc = Esys_Load(t->esys, parent, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			       ESYS_TR_NONE, &b.priv, &b.pub, &object);
		if (rc != TSS2_RC_SUCCESS)
			r = SL_ERR(
			    err, ENV,
			    "this TPM cannot load the key: it was sealed by another, "
			    "or to one that was cleared since: %s",
			    Tss2_RC_Decode(rc));
	}
	if (r == 0 &&
	    (r = session(t, parent, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &s, err)) == 0)
		r = unseal(t, &b, object, s, ret, err);
	flush(t, &s);
	flush(t, &object);
	flush(t, &parent);
	return r;
}

/* A TPM gives at most eight at once. */
static int
read_pcrs(struct tpm *t, uint32_t mask, uint8_t value[SL_TPM_PCRS][32],
	  struct sl_err *err)
{
	uint32_t left = mask;

	for (int i = 0; left != 0; i++) {
		const TPML_PCR_SELECTION want = selection(left);
		TPML_PCR_SELECTION *got = NULL;
		TPML_DIGEST *v = NULL;
		uint32_t bits = 0, n = 0;
		TSS2_RC rc = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE, &want, NULL, &got, &v);

		if (rc == TSS2_RC_SUCCESS && got->count > 0)
			for (int k = 0; k < 3; k++)
				bits |= (uint32_t)got->pcrSelections[0].pcrSelect[k]
					<< (8 * k);
		for (unsigned p = 0; rc == TSS2_RC_SUCCESS && p < SL_TPM_PCRS; p++)
			if ((bits & left & 1U << p) != 0 && n < v->count &&
			    v->digests[n].size == 32)
				memcpy(value[p], v->digests[n++].buffer, 32);
		left &= ~bits;
		Esys_Free(got);
		Esys_Free(v);
		if (rc != TSS2_RC_SUCCESS)
			return say(rc, "read its PCRs", err);
		if (n == 0 || i == READS)
			return SL_ERR(err, ENV,
				      "the TPM has no SHA-256 bank of these PCRs");
	}
	return 0;
}

/* Right-aligned in 32 bytes. */
static bool
put_number(struct sl_buf *b, const TPM2B_ECC_PARAMETER *p)
{
	uint8_t v[32] = { 0 };

	if (p->size > 32)
		return false;
	memcpy(v + 32 - p->size, p->buffer, p->size);
	sl_buf_put(b, v, 32);
	return true;
}

static int
put_quoted(struct sl_buf *ret, uint32_t mask, const TPM2B_ATTEST *a,
	   const TPMT_SIGNATURE *s, const TPM2B_PUBLIC *key,
	   uint8_t value[SL_TPM_PCRS][32], struct sl_err *err)
{
	if (a->size > SL_TPM_ATTEST_MAX || s->sigAlg != TPM2_ALG_ECDSA)
		return SL_ERR(err, ENV, "the TPM's quote has an unexpected form");
	put_part(ret, a->attestationData, a->size);
	if (!put_number(ret, &s->signature.ecdsa.signatureR) ||
	    !put_number(ret, &s->signature.ecdsa.signatureS) ||
	    !put_number(ret, &key->publicArea.unique.ecc.x) ||
	    !put_number(ret, &key->publicArea.unique.ecc.y))
		return SL_ERR(err, ENV, "the TPM's quote has an unexpected form");
	for (unsigned p = 0; p < SL_TPM_PCRS; p++)
		if ((mask & 1U << p) != 0)
			sl_buf_put(ret, value[p], 32);
	return ret->is_failed ? SL_ERR(err, BUG, "a quote is too large") : 0;
}

int
tpm_quote(struct tpm *t, uint32_t mask, const uint8_t nonce[32], struct sl_buf *ret,
	  struct sl_err *err)
{
	const TPML_PCR_SELECTION pcrs = selection(mask);
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	uint8_t value[SL_TPM_PCRS][32];
	TPM2B_DATA extra = { .size = 32 };
	ESYS_TR key = ESYS_TR_NONE;
	TPM2B_PUBLIC *pub = NULL;
	TPM2B_ATTEST *a = NULL;
	TPMT_SIGNATURE *s = NULL;
	TSS2_RC rc;
	int r;

	memcpy(extra.buffer, nonce, 32);
	if ((r = check_mask(mask, err)) == 0 &&
	    (r = read_pcrs(t, mask, value, err)) == 0 &&
	    (r = primary(t, ESYS_TR_RH_ENDORSEMENT, &signing, &key, &pub, err)) == 0) {
		rc = Esys_Quote(t->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &extra, &scheme, &pcrs, &a, &s);
		r = rc != TSS2_RC_SUCCESS ? say(rc, "quote", err)
					  : put_quoted(ret, mask, a, s, pub, value, err);
	}
	flush(t, &key);
	Esys_Free(pub);
	Esys_Free(a);
	Esys_Free(s);
	return r;
}
