/* fuzz_cases.c -- any bytes as the cases of a policy, each run.
 * Trusted code base: src/policy, src/base.
 * Asserts: an error names the file; a case that is wrong says how. */
#include "policy/cases.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sl_limits lim = { 1 << 16, 50, 16 };
static const char policy[] = "p($x) <- a($x); deny if p(1); allow if a($x);";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SL_AUTO_ARENA a = { .cap = (size_t)256 << 20 };
	struct sl_slice text = { size > 0 ? data : NULL, size };
	const struct sl_policy_case *c = NULL;
	const struct sl_policy *p = NULL;
	struct sl_err err = { 0 };

	assert(sl_policy_load(sl_slice_str(policy), "p", NULL, &sl_policy_text_limits, &a,
			      &p, &err) == 0);
	if (sl_policy_cases_parse(text, "f", &lim, &a, &c, &err) < 0) {
		assert(strncmp(err.msg, "f:", 2) == 0);
		return 0;
	}
	for (; c != NULL; c = c->next) {
		struct sl_policy_case_end e = { 0 };

		assert(sl_policy_case_run(p, c, &a, &e, &err) == 0);
		assert(e.is_ok == (e.why.len == 0));
	}
	return 0;
}
