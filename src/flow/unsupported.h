/* unsupported.h -- what a valid workflow may ask for and is refused, by name, before
 * anything runs.  One table; `sluice limits` prints it. */
#ifndef SL_FLOW_UNSUPPORTED_H
#define SL_FLOW_UNSUPPORTED_H

#include <stddef.h>

struct sl_unsupported {
	const char *code; /* stable: appears in JSON */
	const char *name; /* the feature, as the workflow writes it */
	const char *text; /* why, and what to do instead */
};

const struct sl_unsupported *sl_unsupported_table(size_t *ret_n);

#endif
