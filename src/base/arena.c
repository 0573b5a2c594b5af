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

enum { BLOCK_MIN = 4096, OWN_MIN = 32768 };

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

/* The block that holds nothing but old, NULL where old shares one. */
static struct sl_arena_block **
own_block(struct sl_arena *a, const void *old)
{
	struct sl_arena_block **at = &a->head;

	while (old != NULL && *at != NULL && (*at)->data != old)
		at = &(*at)->next;
	return old != NULL && *at != NULL && (*at)->cap >= OWN_MIN &&
		       (*at)->len == (*at)->cap
		   ? at
		   : NULL;
}

/* Its size rounded up to an alignment; false: more than the cap leaves. */
static bool
own_size(const struct sl_arena *a, size_t have, size_t n, size_t size, size_t *ret)
{
	const size_t align = alignof(max_align_t);

	if (__builtin_mul_overflow(n, size, ret) ||
	    __builtin_add_overflow(*ret, align - 1, ret))
		return false;
	*ret &= ~(align - 1);
	return *ret <= a->cap - (a->used - have);
}

/* A block of its own, behind the head, whose free space is still wanted. */
static void *
own_put(struct sl_arena *a, struct sl_arena_block *b, size_t len)
{
	struct sl_arena_block **at = a->head != NULL ? &a->head->next : &a->head;

	b->len = b->cap = len;
	b->next = *at;
	*at = b;
	a->used += len;
	return b->data;
}

void *
sl_arena_regrow(struct sl_arena *a, void *old, size_t n_old, size_t n, size_t size)
{
	struct sl_arena_block **at = own_block(a, old), *b;
	size_t have = at != NULL ? (*at)->len : 0, len;
	void *p;

	if (n < n_old || (a->fail_at != 0 && --a->fail_at == 0) ||
	    !own_size(a, have, n, size, &len))
		return NULL;
	if (at != NULL) {
		if ((b = realloc(*at, sizeof(*b) + len)) == NULL)
			return NULL;
		*at = b->next;
		a->used -= have;
		return own_put(a, b, len);
	}
	if (len >= OWN_MIN) {
		if ((b = malloc(sizeof(*b) + len)) == NULL)
			return NULL;
		p = own_put(a, b, len);
	} else if ((p = sl_arena_alloc(a, n, size)) == NULL) {
		return NULL;
	}
	if (n_old > 0)
		memcpy(p, old, n_old * size);
	return p;
}

void *
sl_arena_renew(struct sl_arena *a, void *old, size_t n, size_t size)
{
	struct sl_arena_block **at = own_block(a, old), *b;
	size_t have = at != NULL ? (*at)->len : 0, len;

	if ((a->fail_at != 0 && --a->fail_at == 0) || !own_size(a, have, n, size, &len))
		return NULL;
	if (at != NULL) { /* first: there need not be room for both */
		b = *at;
		*at = b->next;
		a->used -= have;
		free(b);
	}
	if (len < OWN_MIN)
		return sl_arena_alloc(a, n, size);
	if ((b = calloc(1, sizeof(*b) + len)) == NULL)
		return NULL;
	return own_put(a, b, len);
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
