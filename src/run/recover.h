/* recover.h -- runs that a crash left behind, closed in the log (DESIGN section 15): an
 * outcome `interrupted`, and never acted on again. */
#ifndef SL_RUN_RECOVER_H
#define SL_RUN_RECOVER_H

#include "gate/gate.h"

/* Closes every run whose mark nobody holds; *ret_n says how many were closed. */
int sl_recover(const struct sl_home *h, struct sl_gate *g, size_t *ret_n,
	       struct sl_err *err) SL_MUST_CHECK;

#endif
