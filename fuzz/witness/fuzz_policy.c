/* fuzz_policy.c -- tlog-policy: what is taken is bounded, and no witness counts twice.
 * Trusted code base: witness/policy, cose/note. */
#include "witness/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_err err = { 0 };
	uint64_t w = 0, g = 0;
	struct sl_tpol p;

	if (sl_tpol_parse((struct sl_slice){ d, n }, &p, &err) < 0) {
		if (err.msg[0] == '\0')
			abort();
		return 0;
	}
	for (size_t i = 0; i < p.n_groups; i++) {
		/* members are defined before, and are in no other group */
		if ((p.group[i].witnesses & w) != 0 || (p.group[i].groups & g) != 0 ||
		    (p.group[i].groups >> i) != 0 || p.group[i].k == 0)
			abort();
		w |= p.group[i].witnesses;
		g |= p.group[i].groups;
	}
	if (!sl_tpol_quorum(&p, UINT64_MAX) ||
	    sl_tpol_quorum(&p, 0) != (p.quorum == SL_QUORUM_NONE))
		abort();
	return 0;
}
