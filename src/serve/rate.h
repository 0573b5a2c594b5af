/* rate.h -- how much of something one name may have: token buckets in a table of fixed
 * size.  Names that share a row share its tokens: never more than the limit, at worst
 * less. */
#ifndef SL_SERVE_RATE_H
#define SL_SERVE_RATE_H

#include "base/slice.h"

enum { SL_RATE_ROWS = 4096 };

struct sl_rate {
	uint32_t per_s; /* tokens a second, and twice as many at once; 0: no limit */
	uint64_t seed;  /* so that nobody chooses who shares a row */
	struct {
		int64_t at_ms;
		double tokens;
	} row[SL_RATE_ROWS];
};

void sl_rate_init(struct sl_rate *r, uint32_t per_s);
/* Takes one; false where none is left, *ret_wait_s then says when there will be. */
bool sl_rate_take(struct sl_rate *r, struct sl_slice name, int64_t now_ms,
		  uint32_t *ret_wait_s);

#endif
