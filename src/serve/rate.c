/* rate.c -- see rate.h. */
#include "serve/rate.h"

#include "crypto/ed25519.h"

void
sl_rate_init(struct sl_rate *r, uint32_t per_s)
{
	memset(r, 0, sizeof(*r));
	r->per_s = per_s;
	sl_random(&r->seed, sizeof(r->seed));
}

/* FNV-1a from a secret start: spreads names over rows, protects nothing else. */
static uint64_t
hash(uint64_t h, struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ s.p[i]) * 0x100000001b3u;
	return h ^ h >> 32;
}

bool
sl_rate_take(struct sl_rate *r, struct sl_slice name, int64_t now_ms,
	     uint32_t *ret_wait_s)
{
	uint64_t i = hash(r->seed, name) % SL_RATE_ROWS;
	double most = 2.0 * r->per_s;

	if (r->per_s == 0)
		return true;
	if (r->row[i].at_ms == 0)
		r->row[i].tokens = most;
	else if (now_ms > r->row[i].at_ms)
		r->row[i].tokens += (double)(now_ms - r->row[i].at_ms) * r->per_s / 1000;
	if (r->row[i].tokens > most)
		r->row[i].tokens = most;
	r->row[i].at_ms = now_ms > 0 ? now_ms : 1;
	if (r->row[i].tokens >= 1) {
		r->row[i].tokens -= 1;
		return true;
	}
	*ret_wait_s = 1;
	return false;
}
