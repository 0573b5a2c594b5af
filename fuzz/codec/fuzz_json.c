/* fuzz_json.c -- JCS of what parses parses again to an equal tree, and JCS of that is the
 * same text. */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_limits lim = { 1 << 14, 1 << 12, 64 },
			       wide = { 1 << 20, 1 << 12, 64 };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	SL_AUTO_BUF b = { .max = 1 << 20 }, b2 = { .max = 1 << 20 },
		    p = { .max = 1 << 22 };
	struct sl_json *v, *w, *x;
	struct sl_err err = { 0 };

	if (sl_json_parse((struct sl_slice){ d, n }, &lim, &a, &v, &err) < 0)
		return 0;
	if (sl_json_jcs(v, &b, &err) < 0 || sl_json_pretty(v, &p, &err) < 0 ||
	    sl_json_parse(sl_buf_get(&b), &wide, &a, &w, &err) < 0 ||
	    sl_json_parse(sl_buf_get(&p), &(struct sl_limits){ 1 << 22, 1 << 12, 64 }, &a,
			  &x, &err) < 0)
		abort();
	if (sl_json_jcs(w, &b2, &err) < 0 ||
	    !sl_slice_eq(sl_buf_get(&b), sl_buf_get(&b2)))
		abort();
	sl_buf_clear(&b2);
	if (sl_json_jcs(x, &b2, &err) < 0 ||
	    !sl_slice_eq(sl_buf_get(&b), sl_buf_get(&b2)))
		abort();
	return 0;
}
