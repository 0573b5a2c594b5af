/* key.c -- see key.h. */
#include "cose/key.h"

#include "codec/cbor.h"
#include "cose/numbers.h"

enum { KEY_BYTES_MAX = 1 << 14, SET_BYTES_MAX = 1 << 20 };

void
sl_cose_key_put(const uint8_t pub[SL_KEY_LEN], int64_t alg, struct sl_buf *out)
{
	uint8_t kid[32];

	sl_key_thumb(pub, kid);
	sl_cbor_put_map(out, 5);
	sl_cbor_put_int(out, SL_KEY_KTY);
	sl_cbor_put_int(out, SL_KTY_OKP);
	sl_cbor_put_int(out, SL_KEY_KID);
	sl_cbor_put_bstr(out, (struct sl_slice){ kid, sizeof(kid) });
	sl_cbor_put_int(out, SL_KEY_ALG);
	sl_cbor_put_int(out, alg != 0 ? alg : SL_ALG_EDDSA);
	sl_cbor_put_int(out, SL_KEY_CRV);
	sl_cbor_put_int(out, SL_CRV_ED25519);
	sl_cbor_put_int(out, SL_KEY_X);
	sl_cbor_put_bstr(out, (struct sl_slice){ pub, SL_KEY_LEN });
}

void
sl_cose_keyset_put(const uint8_t *pubs, size_t n, int64_t alg, struct sl_buf *out)
{
	sl_cbor_put_arr(out, n);
	for (size_t i = 0; i < n; i++)
		sl_cose_key_put(pubs + i * SL_KEY_LEN, alg, out);
}

/* Everything of the key, in the order of its labels; kty decides only at the end. */
struct params {
	struct sl_slice m1, m2, m3; /* -1, -2, -3 as encoded items */
	bool has_private;
};

/* key_ops: [ + ( tstr / int ) ] */
static bool
may_verify(struct sl_cbor_rd *rd)
{
	size_t n = sl_cbor_arr(rd);
	bool is = false;

	for (size_t i = 0; i < n && rd->code == 0; i++)
		is = sl_cbor_is(sl_cbor_key(rd), SL_KEY_OP_VERIFY) || is;
	return is;
}

/* -1, -2, -3 are crv, x, y of OKP and EC2, and n, e, d of RSA (RFC 8230 section 4). */
static void
take_param(struct sl_cbor_rd *rd, struct sl_cose_key *k, struct params *p)
{
	struct sl_cbor_label l = sl_cbor_key(rd);
	bool is_text = sl_cbor_peek(rd) == SL_CBOR_TSTR;

	if (sl_cbor_is(l, SL_KEY_KTY) && !is_text)
		k->kty = sl_cbor_int(rd);
	else if (sl_cbor_is(l, SL_KEY_ALG) && !is_text)
		k->alg = sl_cbor_int(rd);
	else if (sl_cbor_is(l, SL_KEY_KID))
		k->kid = sl_cbor_bstr(rd);
	else if (sl_cbor_is(l, SL_KEY_OPS))
		k->is_not_to_verify = !may_verify(rd);
	else if (sl_cbor_is(l, -1))
		p->m1 = sl_cbor_skip(rd);
	else if (sl_cbor_is(l, -2))
		p->m2 = sl_cbor_skip(rd);
	else if (sl_cbor_is(l, -3))
		p->m3 = sl_cbor_skip(rd);
	else {
		/* -4 and below is private in every key type that we know */
		if (l.s.p == NULL && l.i.neg && l.i.n >= 3 && l.i.n <= 11)
			p->has_private = true;
		(void)sl_cbor_skip(rd);
	}
}

static struct sl_cbor_rd
sub(struct sl_slice item, struct sl_err *err)
{
	return (struct sl_cbor_rd){ .src = item, .what = "COSE_Key", .err = err };
}

static int
take_point(struct sl_cose_key *k, const struct params *p, struct sl_err *err)
{
	struct sl_cbor_rd crv = sub(p->m1, err), x = sub(p->m2, err), y = sub(p->m3, err);

	if (sl_cbor_peek(&crv) != SL_CBOR_TSTR)
		k->crv = sl_cbor_int(&crv);
	if (crv.code != 0)
		return crv.code;
	k->x = sl_cbor_bstr(&x);
	if (x.code != 0)
		return x.code;
	if (k->kty != SL_KTY_EC2)
		return 0;
	k->is_y_sign = sl_cbor_peek(&y) == SL_CBOR_SIMPLE;
	if (k->is_y_sign)
		k->y_sign = sl_cbor_bool(&y);
	else
		k->y = sl_cbor_bstr(&y);
	return y.code;
}

static int
take_key(struct sl_cbor_rd *rd, struct sl_cose_key *ret, struct sl_err *err)
{
	struct sl_cose_key k = { 0 };
	struct params p = { 0 };
	size_t n = sl_cbor_map(rd);
	int r;

	for (size_t i = 0; i < n && rd->code == 0; i++)
		take_param(rd, &k, &p);
	if (rd->code != 0)
		return rd->code;
	if (k.kty == 0)
		return sl_cbor_refuse(rd, SL_E(FORMAT),
				      "no kty (label 1, RFC 9052 section 7)");
	if (p.has_private || (k.kty == SL_KTY_RSA && p.m3.p != NULL))
		return sl_cbor_refuse(rd, SL_E(FORMAT),
				      "a private key, where a public one is due");
	if (k.kty == SL_KTY_OKP || k.kty == SL_KTY_EC2) {
		if ((r = take_point(&k, &p, err)) < 0)
			return r;
	} else if (k.kty == SL_KTY_RSA) {
		struct sl_cbor_rd m = sub(p.m1, err), e = sub(p.m2, err);

		k.x = sl_cbor_bstr(&m);
		k.y = m.code == 0 ? sl_cbor_bstr(&e) : (struct sl_slice){ 0 };
		if (m.code != 0 || e.code != 0)
			return m.code != 0 ? m.code : e.code;
	}
	k.is_ed25519 = k.kty == SL_KTY_OKP && k.crv == SL_CRV_ED25519 &&
		       k.x.len == SL_KEY_LEN &&
		       (k.alg == 0 || k.alg == SL_ALG_EDDSA || k.alg == SL_ALG_ED25519);
	*ret = k;
	return 0;
}

int
sl_cose_key_parse(struct sl_slice src, struct sl_cose_key *ret, struct sl_err *err)
{
	struct sl_cbor_rd rd;
	int r;

	if ((r = sl_cbor_open(&rd, src, KEY_BYTES_MAX, "COSE_Key", err)) < 0)
		return r;
	return take_key(&rd, ret, err);
}

int
sl_cose_keyset_parse(struct sl_slice src, struct sl_cose_key *ret, size_t max,
		     size_t *ret_n, struct sl_err *err)
{
	struct sl_cbor_rd rd;
	size_t n;
	int r;

	if ((r = sl_cbor_open(&rd, src, SET_BYTES_MAX, "COSE_KeySet", err)) < 0)
		return r;
	n = sl_cbor_arr(&rd);
	if (rd.code == 0 && n == 0)
		return sl_cbor_refuse(&rd, SL_E(FORMAT), "no key (RFC 9052 section 7)");
	if (rd.code == 0 && n > max)
		return sl_cbor_refuse(&rd, SL_E(LIMIT), "%zu keys, %zu allowed", n, max);
	for (size_t i = 0; i < n && rd.code == 0; i++)
		if ((r = take_key(&rd, &ret[i], err)) < 0)
			return r;
	if (rd.code != 0)
		return rd.code;
	*ret_n = n;
	return 0;
}
