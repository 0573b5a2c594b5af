/* sign1.c -- see sign1.h: parsing, verifying, the canonical entry. */
#include "cose/sign1.h"

#include "cose/hdr.h"
#include "crypto/sha256.h"

static const uint8_t head[] = { 0xd2, 0x84 }; /* tag 18, array of 4 */

static int
split(struct sl_slice src, size_t max_bytes, struct sl_sign1 *s, struct sl_err *err)
{
	struct sl_cbor_rd rd;
	size_t at;
	int r;

	if (max_bytes > SL_SIGN1_BYTES_MAX)
		max_bytes = SL_SIGN1_BYTES_MAX;
	if ((r = sl_cbor_open(&rd, src, max_bytes, "COSE_Sign1", err)) < 0)
		return r;
	if (sl_cbor_peek(&rd) != SL_CBOR_TAG || sl_cbor_tag(&rd) != SL_COSE_TAG_SIGN1) {
		rd.pos = 0;
		return sl_cbor_refuse(&rd, SL_E(FORMAT),
				      "not tagged 18 (RFC 9943 section 6)");
	}
	sl_cbor_arr_n(&rd, 4);
	s->bytes = src;
	s->prot = sl_cbor_bstr(&rd);
	if (rd.code == 0 && sl_cbor_peek(&rd) != SL_CBOR_MAP)
		(void)sl_cbor_refuse(&rd, SL_E(FORMAT),
				     "the unprotected header is not a map "
				     "(RFC 9052 section 3)");
	s->unprot = sl_cbor_skip(&rd);
	at = rd.pos;
	s->is_detached = sl_cbor_is_null(&rd);
	if (s->is_detached)
		sl_cbor_null(&rd);
	else
		s->payload = sl_cbor_bstr(&rd);
	s->sig = sl_cbor_bstr(&rd);
	s->tail = sl_slice_skip(src, at);
	return sl_cbor_close(&rd);
}

int
sl_sign1_parse(struct sl_slice src, size_t max_bytes, struct sl_sign1 *ret,
	       struct sl_err *err)
{
	struct sl_sign1 s = { 0 };
	int r;

	if ((r = split(src, max_bytes, &s, err)) < 0 ||
	    (r = sl_cose_hdr_parse(s.prot, s.unprot, &s.h, err)) < 0)
		return r;
	*ret = s;
	return 0;
}

/* RFC 9052 section 4.4.  An empty map is h'' here, however it was sent. */
static int
sig_structure(struct sl_slice prot, struct sl_slice aad, struct sl_slice payload,
	      struct sl_buf *out, struct sl_err *err)
{
	if (prot.len == 1 && prot.p[0] == 0xa0)
		prot.len = 0;
	sl_cbor_put_arr(out, 4);
	sl_cbor_put_tstr(out, SL_LIT("Signature1"));
	sl_cbor_put_bstr(out, prot);
	sl_cbor_put_bstr(out, aad);
	sl_cbor_put_bstr(out, payload);
	return out->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

int
sl_sign1_tbs(const struct sl_sign1 *s, struct sl_slice detached, struct sl_slice aad,
	     struct sl_buf *out, struct sl_err *err)
{
	if (!s->is_detached && detached.len > 0)
		return SL_ERR(err, USAGE,
			      "a payload was given for a message that holds its own");
	return sig_structure(s->prot, aad, s->is_detached ? detached : s->payload, out,
			     err);
}

static int
check_alg(const struct sl_cose_hdr *h, struct sl_err *err)
{
	const char *name = sl_cose_alg_name(h->alg);

	if (!h->has_alg)
		return SL_ERR(err, FORMAT, "no alg (label 1) in the protected header");
	if (h->alg_text.p != NULL)
		return SL_ERR(err, UNSUPPORTED, "signature algorithm '%.*s'",
			      SL_ARG(h->alg_text));
	if (h->alg != SL_ALG_EDDSA && h->alg != SL_ALG_ED25519)
		return SL_ERR(err, UNSUPPORTED,
			      "signature algorithm %s (%lld); Ed25519 only here",
			      name != NULL ? name : "unknown", (long long)h->alg);
	return 0;
}

int
sl_sign1_verify(const struct sl_sign1 *s, struct sl_slice detached, struct sl_slice aad,
		const uint8_t pub[SL_KEY_LEN], struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SIZE_MAX / 4 };
	int r;

	if ((r = check_alg(&s->h, err)) < 0)
		return r;
	if (s->h.alg == SL_ALG_EDDSA && s->sig.len == 114)
		return SL_ERR(err, UNSUPPORTED, "signature algorithm Ed448");
	if (s->sig.len != SL_SIG_LEN)
		return SL_ERR(err, VERIFY, "the signature has %zu bytes, Ed25519 has %d",
			      s->sig.len, SL_SIG_LEN);
	if ((r = sl_sign1_tbs(s, detached, aad, &b, err)) < 0)
		return r;
	if (!sl_verify(pub, sl_buf_get(&b), s->sig.p))
		return SL_ERR(err, VERIFY,
			      "the signature does not fit the key and the content");
	return 0;
}

/* The parts around the unprotected map, with {} in its place. */
static void
canon_parts(const struct sl_sign1 *s, struct sl_slice part[3])
{
	static const uint8_t empty = 0xa0;
	/* safe because unprot lies inside bytes, behind the protected header */
	size_t upto = (size_t)(s->unprot.p - s->bytes.p);

	part[0] = (struct sl_slice){ s->bytes.p, upto };
	part[1] = (struct sl_slice){ &empty, 1 };
	part[2] = s->tail;
}

void
sl_sign1_canon_put(const struct sl_sign1 *s, struct sl_buf *out)
{
	struct sl_slice part[3];

	canon_parts(s, part);
	for (size_t i = 0; i < 3; i++)
		sl_buf_slice(out, part[i]);
}

void
sl_sign1_canon(const struct sl_sign1 *s, uint8_t ret_hash[32])
{
	struct sl_slice part[3];
	struct sl_sha256 h;

	canon_parts(s, part);
	sl_sha256_init(&h);
	for (size_t i = 0; i < 3; i++)
		sl_sha256_add(&h, part[i].p, part[i].len);
	sl_sha256_end(&h, ret_hash);
}

void
sl_sign1_plain_put(const struct sl_sign1 *s, struct sl_buf *out)
{
	enum { LABEL_LEN = 3 }; /* 394 in its one encoding */
	struct sl_cbor_rd rd = { .src = s->unprot, .what = "unprotected header" };
	size_t n, from, to;

	if (s->h.receipts.p == NULL) {
		sl_buf_slice(out, s->bytes);
		return;
	}
	/* safe because receipts lies inside unprot, behind its label, and the map was
	 * checked */
	n = sl_cbor_map(&rd);
	from = (size_t)(s->h.receipts.p - s->unprot.p) - LABEL_LEN;
	to = from + LABEL_LEN + s->h.receipts.len;
	sl_buf_put(out, s->bytes.p, (size_t)(s->unprot.p - s->bytes.p));
	sl_cbor_put_map(out, n - 1);
	sl_buf_put(out, s->unprot.p + rd.pos, from - rd.pos);
	sl_buf_slice(out, sl_slice_skip(s->unprot, to));
	sl_buf_slice(out, s->tail);
}

int
sl_sign1_sign(struct sl_slice prot, struct sl_slice aad, struct sl_slice payload,
	      const struct sl_signer *k, uint8_t ret_sig[SL_SIG_LEN], struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SIZE_MAX / 4 };
	int r;

	if ((r = sig_structure(prot, aad, payload, &b, err)) < 0)
		return r;
	sl_sign(k, sl_buf_get(&b), ret_sig);
	return 0;
}

void
sl_sign1_put(struct sl_slice prot, struct sl_slice unprot, struct sl_slice payload,
	     bool is_detached, struct sl_slice sig, struct sl_buf *out)
{
	sl_buf_put(out, head, sizeof(head));
	sl_cbor_put_bstr(out, prot);
	if (unprot.len > 0)
		sl_buf_slice(out, unprot);
	else
		sl_cbor_put_map(out, 0);
	if (is_detached)
		sl_cbor_put_null(out);
	else
		sl_cbor_put_bstr(out, payload);
	sl_cbor_put_bstr(out, sig);
}
