/* fuzz_proof.c -- tlog-proof: one form only.  Trusted code base: witness/proof,
 * witness/text, cose/checkpoint. */
#include "witness/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice src = { d, n };
	SL_AUTO_BUF b = { .max = SL_TLOG_PROOF_MAX };
	struct sl_err err = { 0 }, e2 = { 0 };
	const struct sl_tpol none = { 0 };
	struct sl_tpol_result res;
	struct sl_tlog_proof p;
	struct sl_hash leaf = { 0 };

	if (sl_tlog_proof_parse(src, &p, &err) < 0)
		return 0;
	sl_tlog_proof_put(&p, &b);
	if (!sl_slice_eq(sl_buf_get(&b), src))
		abort();
	if (sl_tlog_proof_check(&p, &leaf, &none, NULL, &res, &e2) == 0)
		abort();
	return 0;
}
