/* x5.c -- see x5.h. */
#include "issuer/x5.h"

#include "crypto/sha256.h"

static struct sl_cbor_rd
reader(struct sl_slice item, const char *what, struct sl_err *err)
{
	return (struct sl_cbor_rd){ .src = item, .what = what, .err = err };
}

/* COSE_X509 = bstr / [ 2*bstr ] */
static int
read_chain(struct sl_slice item, struct sl_sig_ask *a, struct sl_err *err)
{
	struct sl_cbor_rd rd = reader(item, "x5chain (label 33)", err);
	size_t n = 1;

	if (sl_cbor_peek(&rd) == SL_CBOR_ARR) {
		n = sl_cbor_arr(&rd);
		if (rd.code == 0 && (n < 2 || n > SL_SIG_CERTS_MAX))
			return sl_cbor_refuse(&rd, n < 2 ? SL_E(FORMAT) : SL_E(LIMIT),
					      "an array of %zu certificates, 2 to %d are "
					      "allowed (RFC 9360 section 2)",
					      n, SL_SIG_CERTS_MAX);
	}
	for (size_t i = 0; i < n && rd.code == 0; i++) {
		a->cert[i] = sl_cbor_bstr(&rd);
		if (rd.code == 0 &&
		    (a->cert[i].len == 0 || a->cert[i].len > SL_SIG_CERT_BYTES))
			return sl_cbor_refuse(&rd, SL_E(LIMIT),
					      "a certificate of %zu bytes",
					      a->cert[i].len);
	}
	a->n_certs = n;
	return sl_cbor_close(&rd);
}

/* COSE_CertHash = [ hashAlg, hashValue ] */
static int
read_thumb(struct sl_slice item, uint8_t ret[32], struct sl_err *err)
{
	struct sl_cbor_rd rd = reader(item, "x5t (label 34)", err);
	struct sl_slice d;
	int64_t alg = 0;

	sl_cbor_arr_n(&rd, 2);
	if (sl_cbor_peek(&rd) != SL_CBOR_TSTR)
		alg = sl_cbor_int(&rd);
	if (rd.code == 0 && alg != SL_ALG_SHA256)
		return sl_cbor_refuse(&rd, SL_E(UNSUPPORTED),
				      "hash algorithm %lld; SHA-256 (-16) only",
				      (long long)alg);
	d = sl_cbor_bstr_n(&rd, 32);
	if (d.len == 32)
		memcpy(ret, d.p, 32);
	return sl_cbor_close(&rd);
}

int
sl_x5_read(const struct sl_cose_hdr *h, struct sl_x5 *ret, struct sl_err *err)
{
	struct sl_x5 x = { 0 };
	struct sl_slice chain = h->x5chain;
	uint8_t own[32];
	int r;

	if (h->has_x5t && !h->has_x5chain)
		chain = h->x5chain_open;
	if (h->has_x5t && (r = read_thumb(h->x5t, x.thumb, err)) < 0)
		return r;
	x.has_thumb = h->has_x5t;
	if (chain.p != NULL && (r = read_chain(chain, &x.ask, err)) < 0)
		return r;
	x.has_chain = chain.p != NULL;
	if (x.has_chain && x.has_thumb) {
		sl_sha256(x.ask.cert[0], own);
		if (memcmp(own, x.thumb, 32) != 0)
			return SL_ERR(err, VERIFY,
				      "x5t (label 34) is not of the first certificate of "
				      "x5chain");
	}
	*ret = x;
	return 0;
}
