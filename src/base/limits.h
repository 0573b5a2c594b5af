/* limits.h -- what a parser may spend on one input.  The caller always passes it;
 * a zero field means "nothing allowed", so a forgotten field fails closed. */
#ifndef SL_BASE_LIMITS_H
#define SL_BASE_LIMITS_H

#include <stddef.h>

struct sl_limits {
	size_t max_bytes; /* of the whole input */
	size_t max_items; /* nodes, members, tokens: whatever the parser counts */
	size_t max_depth; /* nesting */
};

#endif
