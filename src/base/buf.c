/* buf.c -- see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
sl_buf_init(struct sl_buf *b, size_t max)
{
	*b = (struct sl_buf){ .max = max };
}

void
sl_buf_done(struct sl_buf *b)
{
	free(b->p);
	*b = (struct sl_buf){ .max = b->max };
}

void
sl_buf_clear(struct sl_buf *b)
{
	b->len = 0;
	b->is_failed = false;
	if (b->p != NULL)
		b->p[0] = 0;
}

uint8_t *
sl_buf_room(struct sl_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->is_failed || b->max == SIZE_MAX || n > b->max - b->len) {
		b->is_failed = true;
		return NULL;
	}
	if (n < b->cap - b->len) /* strictly: the NUL needs a byte */
		return b->p + b->len;
	while (cap <= b->len + n)
		cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
	if ((p = realloc(b->p, cap)) == NULL) {
		b->is_failed = true;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return p + b->len;
}

void
sl_buf_put(struct sl_buf *b, const void *p, size_t n)
{
	uint8_t *to = sl_buf_room(b, n);

	if (to == NULL)
		return;
	if (n > 0)
		memcpy(to, p, n);
	to[n] = 0;
	b->len += n;
}

void
sl_buf_byte(struct sl_buf *b, uint8_t c)
{
	sl_buf_put(b, &c, 1);
}

void
sl_buf_slice(struct sl_buf *b, struct sl_slice s)
{
	sl_buf_put(b, s.p, s.len);
}

void
sl_buf_str(struct sl_buf *b, const char *s)
{
	sl_buf_put(b, s, strlen(s));
}

void
sl_buf_printf(struct sl_buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (to = sl_buf_room(b, (size_t)n)) == NULL) {
		b->is_failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}
