/* near.h -- which word was meant. */
#ifndef SL_BASE_NEAR_H
#define SL_BASE_NEAR_H

#include "base/slice.h"

/* The candidate nearest to word if it is near enough to be meant, or an empty slice. */
struct sl_slice sl_near(struct sl_slice word, const struct sl_slice *candidate, size_t n);

#endif
