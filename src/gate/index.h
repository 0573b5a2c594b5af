/* index.h -- places by digest, so that a walk over a run's statements stays linear
 * (times the logarithm of their number) whatever the bundle holds. */
#ifndef SL_GATE_INDEX_H
#define SL_GATE_INDEX_H

#include "base/arena.h"
#include "base/err.h"

struct sl_index_row {
	uint8_t key[32];
	size_t at;
};

struct sl_index {
	struct sl_index_row *row;
	size_t n, cap;
};

/* Room for cap rows, from a.  NOMEM. */
int sl_index_init(struct sl_index *x, struct sl_arena *a, size_t cap,
		  struct sl_err *err) SL_MUST_CHECK;
/* Ignored when there is no room left. */
void sl_index_add(struct sl_index *x, const uint8_t key[32], size_t at);
/* Once, behind the last add. */
void sl_index_sort(struct sl_index *x);
/* The lowest place that was added under key. */
bool sl_index_find(const struct sl_index *x, const uint8_t key[32], size_t *ret_at);
/* The lowest place whose key was added at a lower place too; false: keys differ. */
bool sl_index_twice(const struct sl_index *x, size_t *ret_at);

#endif
