/* fuzz_datalog.c -- any text: load, decide under small limits, explain.
 * Trusted code base: src/policy, src/codec (JSON), src/base.
 * Asserts: what loads prints to what loads; limits hold; deciding twice gives the same
 * bytes; errors have a place. */
#include "policy/run.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sl_limits text_lim = { 1 << 16, 5000, 64 };
static const struct sl_policy_limits lim = { 5000, 2000, 50000, 1 << 20 };

static void
decide(const struct sl_policy *p, struct sl_arena *a, struct sl_buf *out)
{
	struct sl_verdict v = { 0 };
	struct sl_err err = { 0 };
	SL_AUTO_BUF text = { .max = 16 << 20 };

	assert(sl_policy_decide(p, sl_policy_facts_new(a), &lim, a, &v, &err) == 0);
	assert(v.fuel <= lim.fuel + 1 && v.run->n_facts <= lim.max_facts);
	assert(v.kind != SL_VERDICT_ALLOW || strcmp(v.reason, "allow") == 0);
	assert(sl_json_cbor(v.proof, out, &err) == 0);
	assert(sl_policy_explain(v.proof, &text, &err) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SL_AUTO_ARENA a = { .cap = (size_t)256 << 20 };
	SL_AUTO_BUF one = { .max = 16 << 20 }, two = { .max = 16 << 20 };
	struct sl_slice text = { size > 0 ? data : NULL, size };
	const struct sl_policy *p = NULL;
	struct sl_err err = { 0 };

	if (sl_policy_load(text, "f", NULL, &text_lim, &a, &p, &err) < 0) {
		assert(strncmp(err.msg, "f:", 2) == 0);
		return 0;
	}
	decide(p, &a, &one);
	decide(p, &a, &two);
	assert(sl_slice_eq(sl_buf_get(&one), sl_buf_get(&two)));
	return 0;
}
