/* statement.c -- see statement.h. */
#include "cose/statement.h"

#include "cose/hdr.h"

enum { CLAIM_MAX = 8192 };

static int
check_claim(bool has, struct sl_slice v, const char *name, struct sl_err *err)
{
	if (!has)
		return SL_ERR(err, FORMAT,
			      "statement: no %s in the CWT claims (label 15, "
			      "RFC 9943 section 6.1)",
			      name);
	if (v.len == 0 || v.len > CLAIM_MAX)
		return SL_ERR(err, FORMAT,
			      "statement: %s has %zu bytes, 1 to %d are allowed", name,
			      v.len, CLAIM_MAX);
	if (memchr(v.p, 0, v.len) != NULL) /* it would be shown as another, shorter one */
		return SL_ERR(err, FORMAT, "statement: %s holds a NUL", name);
	return 0;
}

static int
check_digest(const struct sl_sign1 *s, struct sl_err *err)
{
	int64_t a = s->h.hash_alg;
	size_t due = a == SL_ALG_SHA256   ? 32
		     : a == SL_ALG_SHA384 ? 48
		     : a == SL_ALG_SHA512 ? 64
					  : 0;

	if (!s->h.has_hash_alg)
		return 0;
	if (s->is_detached)
		return SL_ERR(err, FORMAT,
			      "statement: a hash envelope that holds no digest "
			      "(RFC 9995 section 4)");
	if (due == 0)
		return SL_ERR(err, UNSUPPORTED,
			      "statement: hash algorithm %lld (label 258)", (long long)a);
	if (s->payload.len != due)
		return SL_ERR(err, FORMAT,
			      "statement: the digest has %zu bytes, algorithm %lld has "
			      "%zu (RFC 9995)",
			      s->payload.len, (long long)a, due);
	return 0;
}

int
sl_statement_parse(struct sl_slice src, size_t max_bytes, unsigned flags,
		   struct sl_sign1 *ret, struct sl_err *err)
{
	struct sl_sign1 s;
	bool has_key;
	int r;

	if ((r = sl_sign1_parse(src, max_bytes, &s, err)) < 0)
		return r;
	has_key =
	    (s.h.has_kid && !s.h.is_kid_unprotected) || s.h.has_x5t || s.h.has_x5chain;
	if (!s.h.has_alg)
		return SL_ERR(err, FORMAT,
			      "statement: no alg (label 1) in the protected header");
	if (!has_key && (flags & SL_STATEMENT_ANY_KEY) == 0)
		return SL_ERR(err, FORMAT,
			      "statement: none of kid (4), x5t (34), x5chain (33) is "
			      "protected (RFC 9943 section 6.1)");
	if (s.is_detached && (flags & SL_STATEMENT_DETACHED) == 0)
		return SL_ERR(err, FORMAT,
			      "statement: the payload is missing (detached)");
	if ((r = check_claim(s.h.has_iss, s.h.iss, "iss", err)) < 0 ||
	    ((s.h.has_sub || (flags & SL_STATEMENT_ANY_SUB) == 0) &&
	     (r = check_claim(s.h.has_sub, s.h.sub, "sub", err)) < 0) ||
	    (r = check_digest(&s, err)) < 0)
		return r;
	*ret = s;
	return 0;
}

int
sl_statement_receipts(const struct sl_sign1 *s, size_t *ret_n, struct sl_err *err)
{
	struct sl_cbor_rd rd = sl_cose_sub(s->h.receipts, "receipts (label 394)", err);
	size_t n;
	int r;

	if (s->h.receipts.p == NULL) {
		*ret_n = 0;
		return 0;
	}
	n = sl_cbor_arr(&rd);
	if (rd.code == 0 && n == 0)
		return sl_cbor_refuse(&rd, SL_E(FORMAT), "empty (RFC 9942 section 4.3)");
	for (size_t i = 0; i < n && rd.code == 0; i++)
		(void)sl_cbor_bstr(&rd);
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	*ret_n = n;
	return 0;
}

struct sl_slice
sl_statement_receipt(const struct sl_sign1 *s, size_t i)
{
	struct sl_err e = { 0 };
	struct sl_cbor_rd rd = sl_cose_sub(s->h.receipts, "receipts", &e);
	size_t n = sl_cbor_arr(&rd);
	struct sl_slice b = { 0 };

	for (size_t k = 0; k <= i && i < n; k++)
		b = sl_cbor_bstr(&rd);
	return b;
}

void
sl_statement_attach(const struct sl_sign1 *s, const struct sl_slice *receipts, size_t n,
		    struct sl_buf *out)
{
	/* safe because unprot lies inside bytes */
	size_t upto = (size_t)(s->unprot.p - s->bytes.p);

	sl_buf_put(out, s->bytes.p, upto);
	sl_cbor_put_map(out, n > 0 ? 1 : 0);
	if (n > 0) {
		sl_cbor_put_int(out, SL_COSE_RECEIPTS);
		sl_cbor_put_arr(out, n);
	}
	for (size_t i = 0; i < n; i++)
		sl_cbor_put_bstr(out, receipts[i]);
	sl_buf_slice(out, s->tail);
}
