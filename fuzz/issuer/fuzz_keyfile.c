/* fuzz_keyfile.c -- files of keys, DIDs, questions to the helper and its answers.
 * Trusted code base: issuer/{keyfile,pubkey,spki}.c, cose/{key,sigreq}.c, codec. */
#include "issuer/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice src = { d, n };
	struct sl_err e[4] = { 0 };
	struct sl_sig sig = { 0 };
	struct sl_pubkey k[4];
	struct sl_sig_ask ask;
	struct sl_sig_answer answer;
	size_t n_k = 0;

	if (sl_keyfile_parse(src, &sig, k, 4, &n_k, &e[0]) == 0 && (n_k == 0 || n_k > 4))
		abort();
	for (size_t i = 0; i < n_k; i++)
		if (k[i].n_spki == 0 || k[i].n_spki > sizeof(k[i].spki) ||
		    k[i].n_kid > SL_KID_MAX || !sl_pubkey_eq(&k[i], &k[i]))
			abort();
	if (sl_pubkey_did(src, k, &e[1]) == 0 && k->n_spki == 0)
		abort();
	for (int op = SL_SIG_VERIFY; op <= SL_SIG_CERT; op++)
		if (sl_sig_ask_get((enum sl_sig_op)op, src, &ask, &e[2]) == 0 &&
		    (ask.n_certs > SL_SIG_CERTS_MAX || ask.n_roots > SL_SIG_ROOTS_MAX))
			abort();
	if (sl_sig_answer_get(src, &answer, &e[3]) == 0 && answer.code > 0)
		abort();
	return 0;
}
