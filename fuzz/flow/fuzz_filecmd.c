/* fuzz_filecmd.c -- the content of GITHUB_ENV, GITHUB_OUTPUT and GITHUB_PATH.
 * Trusted code base: src/base, src/flow/{filecmd,value,expr_case}. */
#include "flow/filecmd.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
check_inside(struct sl_slice s, const uint8_t *d, size_t n)
{
	if (s.len > 0 &&
	    (s.p < d || (size_t)(s.p - d) > n || s.len > n - (size_t)(s.p - d)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_limits lim = { 1 << 20, 1 << 16, 0 };
	const struct sl_filecmd_pair *p;
	const struct sl_slice *dir;
	struct sl_err err[3] = { 0 };
	struct sl_slice src = { d, n };
	SL_AUTO_ARENA a = { 0 };
	size_t count;

	sl_arena_init(&a, 64 << 20);
	if (sl_filecmd_pairs(src, &lim, &a, &p, &count, &err[0]) == 0) {
		for (size_t i = 0; i < count; i++) {
			check_inside(p[i].key, d, n);
			check_inside(p[i].value, d, n);
		}
	}
	if (sl_filecmd_env(src, &lim, &a, &p, &count, &err[1]) == 0) {
		for (size_t i = 0; i < count; i++)
			if (sl_filecmd_env_refused(p[i].key) != NULL || p[i].key.len == 0)
				abort();
	}
	if (sl_filecmd_paths(src, &lim, &a, &dir, &count, &err[2]) == 0) {
		for (size_t i = 0; i < count; i++)
			check_inside(dir[i], d, n);
	}
	return 0;
}
