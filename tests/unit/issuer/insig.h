/* insig.h -- the helper's work in this process, for tests. */
#ifndef SL_TESTS_ISSUER_INSIG_H
#define SL_TESTS_ISSUER_INSIG_H

#include "base/hex.h"
#include "crypto/sha256.h"
#include "helpers/sig_do.h"
#include "issuer/foreign.h"

static inline int
in_process(struct sl_sig *s, enum sl_sig_op op, struct sl_slice question,
	   struct sl_err *err)
{
	return sl_sig_reply(op, question, &s->room, err);
}

static inline struct sl_slice
unhex(const char *hex, uint8_t *to)
{
	size_t n = strlen(hex) / 2;

	assert_true(sl_unhex(to, n, sl_slice_str(hex)));
	return (struct sl_slice){ to, n };
}

/* RFC 9052 appendix C.2.1: ES256 over "This is the content." */
static const char c21[] =
    "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c46"
    "5ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a22344454"
    "7e01f11d3b0916e5a4c345cacb36";
static const char c21_jwk[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
			      "\"usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8\","
			      "\"y\":\"IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4\"}";

static inline int
jwk(const char *text, struct sl_pubkey *ret, struct sl_err *err)
{
	const struct sl_limits lim = { 1 << 14, 64, 4 };
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	struct sl_json *v;
	int r;

	*err = (struct sl_err){ 0 };
	r = sl_json_parse(sl_slice_str(text), &lim, &a, &v, err);
	return r < 0 ? r : sl_pubkey_jwk(v, ret, err);
}

#endif
