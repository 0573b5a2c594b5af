/* buf.h -- a growing, owned run of bytes with a hard maximum.
 *
 * Failure is sticky: after the maximum or malloc is hit every put is ignored and
 * is_failed stays true, so a writer checks once at the end.  A NUL that is not
 * counted in len always follows the bytes, so .p serves as a C string where the
 * content has none of its own.  Zeroed except for max is a valid empty buffer.
 */
#ifndef SL_BASE_BUF_H
#define SL_BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

struct sl_buf {
	uint8_t *p;
	size_t len, cap; /* bytes used; bytes owned */
	size_t max;      /* len never exceeds it */
	bool is_failed;
};

void sl_buf_init(struct sl_buf *b, size_t max);
void sl_buf_done(struct sl_buf *b);  /* frees; accepts a zeroed one; idempotent */
void sl_buf_clear(struct sl_buf *b); /* keeps the memory, resets is_failed */
/* Room for n more bytes at b->p + b->len, or NULL.  Does not change len. */
uint8_t *sl_buf_room(struct sl_buf *b, size_t n) SL_MUST_CHECK;
void sl_buf_put(struct sl_buf *b, const void *p, size_t n);
void sl_buf_byte(struct sl_buf *b, uint8_t c);
void sl_buf_slice(struct sl_buf *b, struct sl_slice s);
void sl_buf_str(struct sl_buf *b, const char *s);
void sl_buf_printf(struct sl_buf *b, const char *fmt, ...) SL_PRINTF(2, 3);

static inline struct sl_slice
sl_buf_get(const struct sl_buf *b)
{
	return (struct sl_slice){ b->p, b->len };
}

/* Declare as `SL_AUTO_BUF b = { .max = N };` */
#define SL_AUTO_BUF __attribute__((cleanup(sl_buf_done))) struct sl_buf

#endif
