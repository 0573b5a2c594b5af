/* spki.c -- see spki.h: the few forms of SubjectPublicKeyInfo (RFC 5280 section 4.1). */
#include "issuer/spki.h"

#include "crypto/sha256.h"

#define OID_EC 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01
#define OID_P256 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07

/* AlgorithmIdentifier of each */
static const uint8_t alg_ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };
static const uint8_t alg_p256[] = { 0x30, 0x13, OID_EC, OID_P256 };
static const uint8_t alg_p384[] = { 0x30, 0x10, OID_EC, 0x06, 0x05,
				    0x2b, 0x81, 0x04,   0x00, 0x22 };
static const uint8_t alg_p521[] = { 0x30, 0x10, OID_EC, 0x06, 0x05,
				    0x2b, 0x81, 0x04,   0x00, 0x23 };
static const uint8_t alg_rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
				   0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

static const struct curve {
	int64_t crv;
	size_t half; /* bytes of a coordinate */
	struct sl_slice alg;
} curves[] = {
	{ SL_CRV_P256, 32, { alg_p256, sizeof(alg_p256) } },
	{ SL_CRV_P384, 48, { alg_p384, sizeof(alg_p384) } },
	{ SL_CRV_P521, 66, { alg_p521, sizeof(alg_p521) } },
};

enum { DER_SEQ = 0x30, DER_INT = 0x02, DER_BITS = 0x03, N_CURVES = 3 };

static size_t
len_size(size_t n)
{
	return n < 0x80 ? 1 : n < 0x100 ? 2 : 3;
}

static void
put_head(struct sl_buf *b, uint8_t tag, size_t n)
{
	sl_buf_byte(b, tag);
	if (n >= 0x80)
		sl_buf_byte(b, n < 0x100 ? 0x81 : 0x82);
	if (n >= 0x100)
		sl_buf_byte(b, (uint8_t)(n >> 8));
	sl_buf_byte(b, (uint8_t)n);
}

/* SEQUENCE { alg, BIT STRING (key) } */
static int
put_spki(struct sl_slice alg, struct sl_slice key, struct sl_pubkey *ret,
	 struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_SIG_SPKI_MAX };
	size_t bits = key.len + 1;

	put_head(&b, DER_SEQ, alg.len + 1 + len_size(bits) + bits);
	sl_buf_slice(&b, alg);
	put_head(&b, DER_BITS, bits);
	sl_buf_byte(&b, 0);
	sl_buf_slice(&b, key);
	if (b.is_failed)
		return SL_ERR(err, LIMIT, "a public key of %zu bytes", key.len);
	memcpy(ret->spki, b.p, b.len);
	ret->n_spki = b.len;
	return 0;
}

void
sl_pubkey_ed25519(const uint8_t pub[SL_KEY_LEN], struct sl_pubkey *ret)
{
	struct sl_pubkey k = { .is_ed25519 = true, .has_thumb = true };
	struct sl_err none = { 0 };

	memcpy(k.ed, pub, SL_KEY_LEN);
	sl_key_thumb(pub, k.thumb);
	/* safe because 44 bytes fit; without memory nothing equals the empty key */
	(void)(put_spki((struct sl_slice){ alg_ed25519, sizeof(alg_ed25519) },
			(struct sl_slice){ pub, SL_KEY_LEN }, &k, &none) < 0);
	*ret = k;
}

size_t
sl_spki_coordinate(int64_t crv)
{
	for (size_t i = 0; i < N_CURVES; i++)
		if (curves[i].crv == crv)
			return curves[i].half;
	return 0;
}

/* RFC 9679 section 4.2: {1: 2, -1: crv, -2: x, -3: y} */
static void
ec_thumb(const struct curve *c, struct sl_slice xy, struct sl_pubkey *k)
{
	SL_AUTO_BUF b = { .max = 512 };
	struct sl_slice x = { xy.p, c->half };

	sl_buf_put(&b, "\xa4\x01\x02\x20", 4);
	sl_buf_byte(&b, (uint8_t)c->crv);
	for (int i = 0; i < 2; i++, x.p += c->half) {
		sl_buf_put(&b, i == 0 ? "\x21\x58" : "\x22\x58", 2);
		sl_buf_byte(&b, (uint8_t)c->half);
		sl_buf_slice(&b, x);
	}
	k->has_thumb = !b.is_failed;
	if (k->has_thumb)
		sl_sha256(sl_buf_get(&b), k->thumb);
}

int
sl_spki_ec(int64_t crv, struct sl_slice point, struct sl_pubkey *ret, struct sl_err *err)
{
	struct sl_pubkey k = { 0 };
	const struct curve *c = NULL;
	bool is_whole = point.len > 0 && point.p[0] == 4;
	int r;

	for (size_t i = 0; i < N_CURVES; i++)
		if (curves[i].crv == crv)
			c = &curves[i];
	if (c == NULL)
		return SL_ERR(err, UNSUPPORTED, "a key on curve %lld", (long long)crv);
	if (point.len == 0 || point.len != 1 + c->half * (is_whole ? 2 : 1) ||
	    (!is_whole && point.p[0] != 2 && point.p[0] != 3))
		return SL_ERR(err, FORMAT, "a point that is not of its curve");
	if ((r = put_spki(c->alg, point, &k, err)) < 0)
		return r;
	if (is_whole)
		ec_thumb(c, sl_slice_skip(point, 1), &k);
	*ret = k;
	return 0;
}

static void
put_int(struct sl_buf *b, struct sl_slice v)
{
	size_t pad = v.p[0] >= 0x80;

	put_head(b, DER_INT, v.len + pad);
	if (pad > 0)
		sl_buf_byte(b, 0);
	sl_buf_slice(b, v);
}

int
sl_spki_rsa(struct sl_slice n, struct sl_slice e, struct sl_pubkey *ret,
	    struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_SIG_SPKI_MAX };
	struct sl_pubkey k = { 0 };
	size_t len;
	int r;

	/* Base64urlUInt and COSE's n, e: no leading zero (RFC 8230 section 4) */
	if (n.len == 0 || e.len == 0 || n.p[0] == 0 || e.p[0] == 0 ||
	    n.len + e.len > SL_SIG_SPKI_MAX - 64)
		return SL_ERR(err, FORMAT, "an RSA key whose numbers cannot be");
	len = n.len + (n.p[0] >= 0x80);
	len += 1 + len_size(len);
	len += e.len + (e.p[0] >= 0x80) + 1 + len_size(e.len + (e.p[0] >= 0x80));
	put_head(&b, DER_SEQ, len);
	put_int(&b, n);
	put_int(&b, e);
	r = put_spki((struct sl_slice){ alg_rsa, sizeof(alg_rsa) }, sl_buf_get(&b), &k,
		     err);
	if (r == 0)
		*ret = k;
	return r;
}

/* The last n bytes of der: the key, if der is what put_spki() writes of it. */
static struct sl_slice
key_of(struct sl_slice der, size_t n)
{
	return der.len > n ? sl_slice_skip(der, der.len - n) : (struct sl_slice){ 0 };
}

static bool
is_whole(const struct sl_pubkey *k, struct sl_slice der)
{
	return sl_slice_eq((struct sl_slice){ k->spki, k->n_spki }, der);
}

int
sl_pubkey_spki(struct sl_slice der, struct sl_pubkey *ret, struct sl_err *err)
{
	struct sl_slice key = key_of(der, SL_KEY_LEN);
	struct sl_pubkey k;

	if (der.len == 0 || der.len > SL_SIG_SPKI_MAX)
		return SL_ERR(err, LIMIT, "a public key of %zu bytes", der.len);
	if (key.len == SL_KEY_LEN) {
		sl_pubkey_ed25519(key.p, &k);
		if (is_whole(&k, der)) {
			*ret = k;
			return 0;
		}
	}
	for (size_t i = 0; i < N_CURVES; i++) {
		struct sl_err none = { 0 };

		key = key_of(der, 1 + 2 * curves[i].half);
		if (sl_spki_ec(curves[i].crv, key, &k, &none) == 0 && is_whole(&k, der)) {
			*ret = k;
			return 0;
		}
	}
	/* RSA, or something that the helper will not take. */
	k = (struct sl_pubkey){ .n_spki = der.len };
	memcpy(k.spki, der.p, der.len);
	*ret = k;
	return 0;
}
