/* issuer.c -- see issuer.h. */
#include "cose/issuer.h"

/* "did:key:z6Mk...", "did:key:z6Mk...#z6Mk...", "#z6Mk..." (did:key section 3.1) */
static bool
is_url_of(struct sl_slice kid, struct sl_slice did)
{
	const size_t skip = sizeof("did:key:") - 1;
	struct sl_slice rest = kid;

	if (sl_slice_starts(kid, did)) {
		rest = sl_slice_skip(kid, did.len);
		if (rest.len == 0)
			return true;
	}
	return rest.len > 1 && rest.p[0] == '#' &&
	       sl_slice_eq(sl_slice_skip(rest, 1), sl_slice_skip(did, skip));
}

static int
check_kid(const struct sl_cose_hdr *h, const uint8_t pub[SL_KEY_LEN], struct sl_err *err)
{
	uint8_t thumb[32];

	sl_key_thumb(pub, thumb);
	if (!h->has_kid || h->is_kid_unprotected)
		return SL_ERR(err, UNSUPPORTED,
			      "an issuer that names its key by a certificate only");
	if (sl_slice_eq(h->kid, (struct sl_slice){ thumb, sizeof(thumb) }) ||
	    sl_slice_eq(h->kid, (struct sl_slice){ pub, SL_KEY_LEN }) ||
	    is_url_of(h->kid, h->iss))
		return 0;
	return SL_ERR(err, FORMAT,
		      "kid (label 4) names another key than iss does: its thumbprint "
		      "(RFC 9679), its DID or a DID URL of it is due");
}

int
sl_issuer_verify(const struct sl_sign1 *s, struct sl_issuer *ret, struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	uint8_t pub[SL_KEY_LEN];
	int r;

	if (!sl_didkey_parse(s->h.iss, pub)) {
		const char *name = sl_cose_alg_name(s->h.alg);

		return SL_ERR(err, UNSUPPORTED,
			      "issuer '%.*s' (%s): a did:key of an Ed25519 key is due",
			      SL_ARG(s->h.iss), name != NULL ? name : "unknown algorithm");
	}
	if ((r = check_kid(&s->h, pub, err)) < 0 ||
	    (r = sl_sign1_verify(s, none, none, pub, err)) < 0)
		return r;
	sl_didkey(pub, ret->key);
	return 0;
}
