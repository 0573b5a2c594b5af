/* pubkey.c -- see pubkey.h. */
#include "issuer/pubkey.h"

#include "base/hex.h"
#include "codec/base64.h"
#include "crypto/sha256.h"
#include "issuer/spki.h"

enum { NUMBER_MAX = 2060, MULTICODEC_MAX = 64, JWK_BYTES_MAX = 1 << 14 };

static const struct sl_limits jwk_limits = { JWK_BYTES_MAX, 64, 4 };

static int
cose_ec(const struct sl_cose_key *k, struct sl_pubkey *p, struct sl_err *err)
{
	uint8_t point[1 + 2 * 66];
	size_t half = sl_spki_coordinate(k->crv);

	if (half == 0)
		return SL_ERR(err, UNSUPPORTED, "a key on curve %lld", (long long)k->crv);
	if (k->x.len != half || (!k->is_y_sign && k->y.len != half))
		return SL_ERR(err, FORMAT,
			      "a coordinate that is not of its curve "
			      "(RFC 9053 section 7.1.1)");
	point[0] = !k->is_y_sign ? 4 : k->y_sign ? 3 : 2;
	memcpy(point + 1, k->x.p, half);
	if (!k->is_y_sign)
		memcpy(point + 1 + half, k->y.p, half);
	return sl_spki_ec(k->crv,
			  (struct sl_slice){ point, 1 + half * (k->is_y_sign ? 1 : 2) },
			  p, err);
}

static int
cose_point(const struct sl_cose_key *k, struct sl_pubkey *p, struct sl_err *err)
{
	if (k->kty == SL_KTY_EC2)
		return cose_ec(k, p, err);
	if (k->kty == SL_KTY_RSA)
		return sl_spki_rsa(k->x, k->y, p, err);
	if (k->kty != SL_KTY_OKP)
		return SL_ERR(err, UNSUPPORTED, "a key of type %lld", (long long)k->kty);
	if (k->crv != SL_CRV_ED25519 || k->x.len != SL_KEY_LEN)
		return SL_ERR(err, UNSUPPORTED,
			      "a key on curve %lld, of octet key pairs Ed25519 only",
			      (long long)k->crv);
	sl_pubkey_ed25519(k->x.p, p);
	return 0;
}

int
sl_pubkey_cose(const struct sl_cose_key *k, struct sl_pubkey *ret, struct sl_err *err)
{
	struct sl_pubkey p = { 0 };
	int r;

	if (k->is_not_to_verify)
		return SL_ERR(
		    err, FORMAT,
		    "a key that is not to verify (label 4, RFC 9052 section 7)");
	if ((r = cose_point(k, &p, err)) < 0)
		return r;
	if (k->kid.len > SL_KID_MAX)
		return SL_ERR(err, LIMIT, "a kid of %zu bytes", k->kid.len);
	if (k->alg != 0 && sl_cose_alg_name(k->alg) == NULL)
		return SL_ERR(err, UNSUPPORTED, "a key for algorithm %lld",
			      (long long)k->alg);
	p.alg = k->alg;
	p.n_kid = k->kid.len;
	if (p.n_kid > 0)
		memcpy(p.kid, k->kid.p, p.n_kid);
	*ret = p;
	return 0;
}

/* --- JWK --- */

static int
number(const struct sl_json *jwk, const char *name, uint8_t to[NUMBER_MAX], size_t *ret_n,
       struct sl_err *err)
{
	if (!sl_unbase64(SL_BASE64_URL, sl_json_get_str(jwk, name), to, NUMBER_MAX,
			 ret_n) ||
	    *ret_n == 0)
		return SL_ERR(err, FORMAT, "JWK: '%s' is no base64url", name);
	return 0;
}

static int
check_use(const struct sl_json *jwk, struct sl_err *err)
{
	static const char *const secret[] = { "d", "p", "q", "dp", "dq", "qi", "k" };
	const struct sl_json *use = sl_json_get(jwk, "use");
	const struct sl_json *ops = sl_json_get(jwk, "key_ops");
	bool may_verify = ops == NULL;

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		if (sl_json_get(jwk, secret[i]) != NULL)
			return SL_ERR(err, FORMAT,
				      "JWK: a secret key, where a public one is due");
	if (use != NULL && !sl_slice_eq(use->s, SL_LIT("sig")))
		return SL_ERR(err, FORMAT, "JWK: a key that is not for signatures");
	SL_JSON_EACH(op, ops)
	{
		may_verify = may_verify || sl_slice_eq(op->s, SL_LIT("verify"));
	}
	return may_verify ? 0 : SL_ERR(err, FORMAT, "JWK: a key that is not to verify");
}

static int
jwk_alg(const struct sl_json *jwk, int64_t *ret, struct sl_err *err)
{
	static const int16_t all[] = { SL_ALG_ES256, SL_ALG_EDDSA, SL_ALG_ED25519,
				       SL_ALG_ES384, SL_ALG_ES512, SL_ALG_PS256,
				       SL_ALG_PS384, SL_ALG_PS512 };
	const struct sl_json *alg = sl_json_get(jwk, "alg");

	for (size_t i = 0; alg != NULL && i < sizeof(all) / sizeof(all[0]); i++)
		if (sl_slice_eq(alg->s, sl_slice_str(sl_cose_alg_name(all[i])))) {
			*ret = all[i];
			return 0;
		}
	return alg == NULL
		   ? 0
		   : SL_ERR(err, UNSUPPORTED, "JWK: algorithm '%.*s'", SL_ARG(alg->s));
}

static int
jwk_ec(const struct sl_json *jwk, struct sl_pubkey *p, struct sl_err *err)
{
	struct sl_slice name = sl_json_get_str(jwk, "crv");
	int64_t crv = sl_slice_eq(name, SL_LIT("P-256"))   ? SL_CRV_P256
		      : sl_slice_eq(name, SL_LIT("P-384")) ? SL_CRV_P384
		      : sl_slice_eq(name, SL_LIT("P-521")) ? SL_CRV_P521
							   : 0;
	size_t half = sl_spki_coordinate(crv), nx, ny;
	uint8_t x[NUMBER_MAX], y[NUMBER_MAX], point[1 + 2 * 66] = { 4 };
	int r;

	if (crv == 0)
		return SL_ERR(err, UNSUPPORTED, "JWK: curve '%.*s'", SL_ARG(name));
	if ((r = number(jwk, "x", x, &nx, err)) < 0 ||
	    (r = number(jwk, "y", y, &ny, err)) < 0)
		return r;
	if (nx != half || ny != half)
		return SL_ERR(err, FORMAT, "JWK: a coordinate that is not of its curve");
	memcpy(point + 1, x, half);
	memcpy(point + 1 + half, y, half);
	return sl_spki_ec(crv, (struct sl_slice){ point, 1 + 2 * half }, p, err);
}

static int
jwk_key(const struct sl_json *jwk, struct sl_pubkey *p, struct sl_err *err)
{
	struct sl_slice kty = sl_json_get_str(jwk, "kty");
	uint8_t x[NUMBER_MAX], y[NUMBER_MAX];
	size_t nx, ny;
	int r;

	if (sl_slice_eq(kty, SL_LIT("EC")))
		return jwk_ec(jwk, p, err);
	if (sl_slice_eq(kty, SL_LIT("RSA"))) {
		if ((r = number(jwk, "n", x, &nx, err)) < 0 ||
		    (r = number(jwk, "e", y, &ny, err)) < 0)
			return r;
		return sl_spki_rsa((struct sl_slice){ x, nx }, (struct sl_slice){ y, ny },
				   p, err);
	}
	if (!sl_slice_eq(kty, SL_LIT("OKP")) ||
	    !sl_slice_eq(sl_json_get_str(jwk, "crv"), SL_LIT("Ed25519")))
		return SL_ERR(err, UNSUPPORTED, "JWK: a key of type '%.*s' '%.*s'",
			      SL_ARG(kty), SL_ARG(sl_json_get_str(jwk, "crv")));
	if ((r = number(jwk, "x", x, &nx, err)) < 0)
		return r;
	if (nx != SL_KEY_LEN)
		return SL_ERR(err, FORMAT, "JWK: an Ed25519 key of %zu bytes", nx);
	sl_pubkey_ed25519(x, p);
	return 0;
}

int
sl_pubkey_jwk(const struct sl_json *jwk, struct sl_pubkey *ret, struct sl_err *err)
{
	struct sl_slice kid = sl_json_get_str(jwk, "kid");
	struct sl_pubkey p = { 0 };
	int64_t alg = 0;
	int r;

	if (jwk == NULL || jwk->kind != SL_JSON_OBJ)
		return SL_ERR(err, FORMAT, "JWK: not an object");
	if ((r = check_use(jwk, err)) < 0 || (r = jwk_alg(jwk, &alg, err)) < 0 ||
	    (r = jwk_key(jwk, &p, err)) < 0)
		return r;
	if (kid.len > SL_KID_MAX)
		return SL_ERR(err, LIMIT, "JWK: a kid of %zu bytes", kid.len);
	p.alg = alg;
	p.n_kid = kid.len;
	if (kid.len > 0)
		memcpy(p.kid, kid.p, kid.len);
	*ret = p;
	return 0;
}

/* --- did:key, did:jwk --- */

/* base58btc of at most MULTICODEC_MAX bytes that begin with no zero; their number, 0
 * when it is none. */
static size_t
unbase58(struct sl_slice s, uint8_t ret[MULTICODEC_MAX])
{
	static const char digits[] =
	    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint8_t raw[MULTICODEC_MAX] = { 0 };
	size_t first = 0;

	if (s.len == 0 || s.len > 88 || s.p[0] == '1')
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		const char *c = s.p[i] != 0 ? strchr(digits, s.p[i]) : NULL;
		unsigned carry;

		if (c == NULL)
			return 0;
		carry = (unsigned)(c - digits);
		for (size_t k = MULTICODEC_MAX; k-- > 0;) {
			carry += raw[k] * 58U;
			raw[k] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry != 0)
			return 0;
	}
	while (first < MULTICODEC_MAX && raw[first] == 0)
		first++;
	memcpy(ret, raw + first, MULTICODEC_MAX - first);
	return MULTICODEC_MAX - first;
}

int
sl_pubkey_multibase(struct sl_slice s, struct sl_pubkey *ret, struct sl_err *err)
{
	uint8_t raw[MULTICODEC_MAX];
	size_t n = s.len > 1 && s.p[0] == 'z' ? unbase58(sl_slice_skip(s, 1), raw) : 0;
	struct sl_slice key =
	    n > 2 ? (struct sl_slice){ raw + 2, n - 2 } : (struct sl_slice){ 0 };

	if (key.len == 0)
		return SL_ERR(err, FORMAT, "'%.*s' is no multibase key in base58",
			      SL_ARG(s));
	/* multicodec, as varints: ed25519-pub, p256-pub, p384-pub */
	if (raw[0] == 0xed && raw[1] == 0x01 && key.len == SL_KEY_LEN) {
		sl_pubkey_ed25519(key.p, ret);
		return 0;
	}
	if (raw[0] == 0x80 && raw[1] == 0x24 && key.p[0] != 4)
		return sl_spki_ec(SL_CRV_P256, key, ret, err);
	if (raw[0] == 0x81 && raw[1] == 0x24 && key.p[0] != 4)
		return sl_spki_ec(SL_CRV_P384, key, ret, err);
	return SL_ERR(err, UNSUPPORTED,
		      "a multibase key that is none of Ed25519, P-256, P-384");
}

static int
did_jwk(struct sl_slice b64, struct sl_pubkey *ret, struct sl_err *err)
{
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	uint8_t text[SL_DID_MAX];
	struct sl_json *jwk;
	size_t n;
	int r;

	if (!sl_unbase64(SL_BASE64_URL, b64, text, sizeof(text), &n))
		return SL_ERR(err, FORMAT, "did:jwk: it is no base64url");
	r = sl_json_parse((struct sl_slice){ text, n }, &jwk_limits, &a, &jwk, err);
	return r < 0 ? sl_err_ctx(err, "did:jwk") : sl_pubkey_jwk(jwk, ret, err);
}

bool
sl_pubkey_is_did(struct sl_slice s)
{
	return sl_slice_starts(s, SL_LIT("did:key:")) ||
	       sl_slice_starts(s, SL_LIT("did:jwk:"));
}

int
sl_pubkey_did(struct sl_slice did, struct sl_pubkey *ret, struct sl_err *err)
{
	if (did.len > SL_DID_MAX)
		return SL_ERR(err, LIMIT, "an issuer of %zu bytes", did.len);
	if (sl_slice_starts(did, SL_LIT("did:key:")))
		return sl_pubkey_multibase(sl_slice_skip(did, 8), ret, err);
	if (sl_slice_starts(did, SL_LIT("did:jwk:")))
		return did_jwk(sl_slice_skip(did, 8), ret, err);
	return SL_ERR(err, UNSUPPORTED, "'%.*s' is neither did:key nor did:jwk",
		      SL_ARG(did));
}

bool
sl_pubkey_has_kid(const struct sl_pubkey *k, struct sl_slice kid)
{
	struct sl_slice own = { k->kid, k->n_kid }, thumb = { k->thumb, 32 };
	uint8_t d[32];
	char hex[65];

	if (k->n_kid > 0 && sl_slice_eq(kid, own))
		return true;
	if (k->has_thumb && sl_slice_eq(kid, thumb))
		return true;
	sl_sha256((struct sl_slice){ k->spki, k->n_spki }, d);
	sl_hex(hex, d, 32);
	return sl_slice_eq(kid, (struct sl_slice){ d, 32 }) ||
	       sl_slice_eq(kid, sl_slice_str(hex));
}

bool
sl_pubkey_eq(const struct sl_pubkey *a, const struct sl_pubkey *b)
{
	return a->n_spki == b->n_spki && a->n_spki > 0 &&
	       memcmp(a->spki, b->spki, a->n_spki) == 0;
}
