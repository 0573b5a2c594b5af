/* fuzz_taint.c -- run/taint: any path gets rows of the table, few, strictest first.
 * Trusted code base: taint.o taint_look.o utf8.o. */
#include "run/taint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_taints t = SL_TAINTS_INIT;
	size_t n_rows;
	const struct sl_taint_row *row = sl_taint_rows(&n_rows);

	sl_taint_path((struct sl_slice){ d, n }, n % 2 == 1, &t);
	if (t.n > SL_TAINTS_MAX)
		abort();
	for (size_t i = 0; i < t.n; i++)
		if (t.row[i] >= n_rows || sl_taint_action(&row[t.row[i]]) == SL_TA_PASS ||
		    (i > 0 && sl_taint_action(&row[t.row[i]]) >
				  sl_taint_action(&row[t.row[i - 1]])))
			abort();
	if (t.like != SL_TAINT_NONE && t.like >= n_rows)
		abort();
	(void)sl_taint_text((struct sl_slice){ d, n });
	return 0;
}
