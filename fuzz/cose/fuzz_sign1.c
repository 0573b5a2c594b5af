/* fuzz_sign1.c -- every slice lies inside the input; the canonical form parses and is its
 * own canonical form; attaching nothing gives it too. */
#include "cose/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
inside(struct sl_slice s, const uint8_t *d, size_t n)
{
	if (s.p != NULL && s.len > 0 && (s.p < d || s.p + s.len > d + n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	static const uint8_t pub[SL_KEY_LEN] = { 1 };
	SL_AUTO_BUF b = { .max = 1 << 20 };
	struct sl_err err = { 0 }, e2 = { 0 };
	uint8_t h1[32], h2[32];
	struct sl_sign1 s, c;
	size_t n_rc = 0;

	if (sl_sign1_parse((struct sl_slice){ d, n }, 1 << 16, &s, &err) < 0)
		return 0;
	inside(s.prot, d, n), inside(s.unprot, d, n), inside(s.payload, d, n),
	    inside(s.sig, d, n);
	inside(s.h.kid, d, n), inside(s.h.iss, d, n), inside(s.h.sub, d, n);
	if (sl_statement_receipts(&s, &n_rc, &err) == 0)
		for (size_t i = 0; i < n_rc && i < 8; i++)
			inside(sl_statement_receipt(&s, i), d, n);
	if (sl_sign1_verify(&s, (struct sl_slice){ 0 }, (struct sl_slice){ 0 }, pub,
			    &err) == 0)
		abort();
	sl_sign1_canon_put(&s, &b);
	sl_sign1_canon(&s, h1);
	if (sl_sign1_parse(sl_buf_get(&b), 1 << 17, &c, &e2) < 0)
		abort();
	sl_sign1_canon(&c, h2);
	if (memcmp(h1, h2, 32) != 0)
		abort();
	return 0;
}
