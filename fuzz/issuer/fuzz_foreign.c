/* fuzz_foreign.c -- statements of others, with their receipts: by nobody's key, nothing
 * verifies; and what is shown is inside the input.
 * Trusted code base: issuer/{foreign,issuer,x5}.c, cose, merkle, codec. */
#include "issuer/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	static const char iss[] = "https://maker.example";
	struct sl_trust_key key[2] = { 0 };
	struct sl_trust t = { .key = key, .n_keys = 2, .web_fd = -1 };
	struct sl_sig sig = { 0 };
	struct sl_issuer_env env = { .trust = &t, .sig = &sig };
	struct sl_err err = { 0 };
	struct sl_foreign f;
	const uint8_t pub[SL_KEY_LEN] = { 1 }; /* of small order: signs nothing */

	for (size_t i = 0; i < 2; i++) {
		key[i].iss = sl_slice_str(iss);
		key[i].is_service = i == 1;
		key[i].mode = (enum sl_leaf_mode)(n & 3);
		sl_pubkey_ed25519(pub, &key[i].key);
	}
	if (sl_foreign_check((struct sl_slice){ d, n }, &env, NULL, 0, &f, &err) == 0 &&
	    f.who.is_trusted)
		abort();
	if (f.n > SL_TRANSPARENT_RECEIPTS || f.n_good > 0)
		abort();
	return 0;
}
