/* fuzz_receipt.c -- receipts, keys and key sets: nothing forged verifies. */
#include "cose/key.h"
#include "cose/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	static const uint8_t pub[SL_KEY_LEN] = { 1 };
	static const struct sl_hash leaf = { { 1 } };
	struct sl_slice src = { d, n };
	struct sl_err e1 = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct sl_cose_key k, ks[4];
	struct sl_receipt rc;
	struct sl_hash root;
	size_t n_ks = 0;

	if (sl_receipt_parse(src, SL_RECEIPT_ANY_CLAIMS | SL_RECEIPT_CCF, &rc, &e1) ==
	    0) {
		if (rc.path.n > SL_PROOF_MAX ||
		    sl_receipt_verify(&rc, &leaf, pub, &root, &e1) == 0 ||
		    sl_receipt_verify_newer(&rc, &leaf, pub, &root, &e1) == 0)
			abort();
	}
	if (sl_cose_key_parse(src, &k, &e2) == 0 && k.is_ed25519 && k.x.len != SL_KEY_LEN)
		abort();
	if (sl_cose_keyset_parse(src, ks, 4, &n_ks, &e3) == 0 && (n_ks == 0 || n_ks > 4))
		abort();
	return 0;
}
