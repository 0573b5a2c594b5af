/* fuzz_fork.c -- evidence of a fork: what is taken can be made again from what it says.
 * Trusted code base: witness/fork, cose/checkpoint, codec/json. */
#include "witness/fork.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_limits lim = { 1 << 17, 1000, 16 };
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 17 };
	struct sl_err err = { 0 }, e2 = { 0 };
	struct sl_json *v = NULL;
	struct sl_fork f;

	if (sl_json_parse((struct sl_slice){ d, n }, &lim, &a, &v, &err) < 0 ||
	    sl_fork_check(v, &f, &err) < 0)
		return 0;
	if (f.size1 > f.size2 || (f.size1 == f.size2) == f.has_path ||
	    sl_fork_put(&f, &b, &e2) < 0)
		abort();
	return 0;
}
