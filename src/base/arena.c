/* arena.c -- see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct sl_arena_block {
	struct sl_arena_block *next;
	size_t len, cap;
	alignas(max_align_t) unsigned char data[];
};

enum { BLOCK_MIN = 4096 };

static struct sl_arena_block *
grow(struct sl_arena *a, size_t want)
{
	size_t cap = want > BLOCK_MIN ? want : BLOCK_MIN, total;
	struct sl_arena_block *b;

	if (__builtin_add_overflow(sizeof(*b), cap, &total) ||
	    (b = calloc(1, total)) == NULL)
		return NULL;
	b->cap = cap;
	b->next = a->head;
	a->head = b;
	return b;
}

void
sl_arena_init(struct sl_arena *a, size_t cap)
{
	*a = (struct sl_arena){ .cap = cap };
}

void *
sl_arena_alloc(struct sl_arena *a, size_t n, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct sl_arena_block *b = a->head;
	size_t want;
	void *p;

	if (a->fail_at != 0 && --a->fail_at == 0)
		return NULL;
	if (__builtin_mul_overflow(n, size, &want) ||
	    __builtin_add_overflow(want, align - 1, &want))
		return NULL;
	want &= ~(align - 1);
	if (want > a->cap - a->used)
		return NULL;
	if ((b == NULL || want > b->cap - b->len) && (b = grow(a, want)) == NULL)
		return NULL;
	p = b->data + b->len;
	b->len += want;
	a->used += want;
	return p;
}

void
sl_arena_free(struct sl_arena *a)
{
	for (struct sl_arena_block *b = a->head, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	a->head = NULL;
	a->used = 0;
}

char *
sl_arena_str(struct sl_arena *a, struct sl_slice s)
{
	char *p = s.len == SIZE_MAX ? NULL : sl_arena_alloc(a, s.len + 1, 1);

	if (p != NULL && s.len > 0)
		memcpy(p, s.p, s.len);
	return p;
}

struct sl_slice
sl_arena_dup(struct sl_arena *a, struct sl_slice s)
{
	char *p = sl_arena_str(a, s);

	return (struct sl_slice){ (const uint8_t *)p, p != NULL ? s.len : 0 };
}

char *
sl_arena_printf(struct sl_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (p = sl_arena_alloc(a, (size_t)n + 1, 1)) == NULL)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
