/* sign1_build.c -- see sign1.h: writing messages. */
#include "cose/sign1.h"

static void
put_text(struct sl_buf *out, int64_t label, struct sl_slice s)
{
	if (s.p == NULL)
		return;
	sl_cbor_put_int(out, label);
	sl_cbor_put_tstr(out, s);
}

static void
put_num(struct sl_buf *out, int64_t label, bool has, int64_t v)
{
	if (!has)
		return;
	sl_cbor_put_int(out, label);
	sl_cbor_put_int(out, v);
}

static size_t
n_claims(const struct sl_sign1_opts *o)
{
	return (size_t)(o->iss.p != NULL) + (o->sub.p != NULL) + o->has_iat;
}

/* Labels ascend, which for integers is the bytewise order of RFC 8949 section 4.2.1. */
void
sl_sign1_put_protected(const struct sl_sign1_opts *o, struct sl_buf *out)
{
	size_t n = 1;

	n += (o->content_type.p != NULL) + (size_t)(o->kid.p != NULL) + (n_claims(o) > 0);
	n += (o->typ.p != NULL) + (size_t)(o->hash_alg != 0) +
	     (o->preimage_type.p != NULL);
	n += (o->location.p != NULL) + (size_t)o->has_vds;
	sl_cbor_put_map(out, n);
	put_num(out, SL_COSE_ALG, true, o->alg != 0 ? o->alg : SL_ALG_EDDSA);
	put_text(out, SL_COSE_CONTENT_TYPE, o->content_type);
	if (o->kid.p != NULL) {
		sl_cbor_put_int(out, SL_COSE_KID);
		sl_cbor_put_bstr(out, o->kid);
	}
	if (n_claims(o) > 0) {
		sl_cbor_put_int(out, SL_COSE_CWT_CLAIMS);
		sl_cbor_put_map(out, n_claims(o));
		put_text(out, SL_CWT_ISS, o->iss);
		put_text(out, SL_CWT_SUB, o->sub);
		put_num(out, SL_CWT_IAT, o->has_iat, o->iat);
	}
	put_text(out, SL_COSE_TYP, o->typ);
	put_num(out, SL_COSE_HASH_ALG, o->hash_alg != 0, o->hash_alg);
	put_text(out, SL_COSE_PREIMAGE_TYPE, o->preimage_type);
	put_text(out, SL_COSE_LOCATION, o->location);
	put_num(out, SL_COSE_VDS, o->has_vds, o->vds);
}

int
sl_sign1_build(const struct sl_sign1_opts *o, const struct sl_signer *k,
	       struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_BUF prot = { .max = SL_SIGN1_BYTES_MAX };
	uint8_t sig[SL_SIG_LEN];
	int r;

	if (o->alg != 0 && o->alg != SL_ALG_EDDSA && o->alg != SL_ALG_ED25519)
		return SL_ERR(err, USAGE, "cannot sign with algorithm %lld",
			      (long long)o->alg);
	if (o->hash_alg != 0 && o->content_type.p != NULL)
		return SL_ERR(err, USAGE,
			      "a hash envelope has no content type (RFC 9995)");
	sl_sign1_put_protected(o, &prot);
	if (prot.is_failed)
		return SL_ERR(err, LIMIT, "the protected header is too long");
	if ((r = sl_sign1_sign(sl_buf_get(&prot), o->aad, o->payload, k, sig, err)) < 0)
		return r;
	sl_sign1_put(sl_buf_get(&prot), o->unprot, o->payload, o->is_detached,
		     (struct sl_slice){ sig, sizeof(sig) }, out);
	return out->is_failed
		   ? SL_ERR(err, LIMIT, "the message is longer than %zu bytes", out->max)
		   : 0;
}
