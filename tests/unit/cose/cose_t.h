/* cose_t.h -- what the tests of this folder share. */
#ifndef SL_TESTS_COSE_T_H
#define SL_TESTS_COSE_T_H

#include "cose/sign1.h"
#include "t.h"

static inline void
test_signer(struct sl_signer *k, uint8_t fill)
{
	struct sl_err err = { 0 };
	uint8_t seed[32];

	assert_int_equal(sl_crypto_init(&err), 0);
	memset(seed, fill, sizeof(seed));
	sl_signer_from_seed(k, seed);
}

/* Hex digits, blanks between them ignored. */
static inline size_t
unhex(const char *s, uint8_t *out)
{
	size_t n = 0;

	while (*s != '\0') {
		unsigned v = 0;

		if (*s == ' ') {
			s++;
			continue;
		}
		assert_int_equal(sscanf(s, "%2x", &v), 1);
		out[n++] = (uint8_t)v;
		s += 2;
	}
	return n;
}

static inline struct sl_slice
edge(struct sl_slice s)
{
	return (struct sl_slice){ at_edge(s.p, s.len), s.len };
}

static inline struct sl_sign1_opts
test_opts(void)
{
	return (struct sl_sign1_opts){
		.kid = SL_LIT("key 1"),
		.iss = SL_LIT("https://example.com"),
		.sub = SL_LIT("thing"),
		.content_type = SL_LIT("application/json"),
		.has_iat = true,
		.iat = 1790000000,
		.payload = SL_LIT("{}"),
	};
}

#endif
