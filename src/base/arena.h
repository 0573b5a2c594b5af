/* arena.h -- bump allocator with a hard cap; one arena per unit of work
 * (a parsed flow, a request, a statement).
 *
 * Ownership: everything returned lives until sl_arena_free(); nothing is freed
 * singly.  Memory is zeroed.  Returns NULL when the cap or malloc is hit: the
 * caller raises NOMEM.  Not thread-safe.  Sizes are bytes.
 */
#ifndef SL_BASE_ARENA_H
#define SL_BASE_ARENA_H

#include "base/slice.h"

#include <stddef.h>

struct sl_arena {
	struct sl_arena_block *head;
	size_t used, cap;      /* bytes handed out; hard limit */
	unsigned long fail_at; /* tests: fail the n-th allocation from now; 0 is off */
};

void sl_arena_init(struct sl_arena *a, size_t cap);
void *sl_arena_alloc(struct sl_arena *a, size_t n, size_t size)
    __attribute__((alloc_size(2, 3), warn_unused_result));
void sl_arena_free(struct sl_arena *a); /* idempotent; accepts a zeroed arena */

/* For tables that grow.  regrow: old, of n_old items, with room for n; what is behind
 * them is not zeroed.  renew: n zeroed items, and nothing of old.  old (NULL: none) came
 * from one of the two; it is gone, also where renew fails. */
void *sl_arena_regrow(struct sl_arena *a, void *old, size_t n_old, size_t n, size_t size)
    __attribute__((warn_unused_result));
void *sl_arena_renew(struct sl_arena *a, void *old, size_t n, size_t size)
    __attribute__((warn_unused_result));

/* Copies, NUL-terminated beyond their length; a slice with p == NULL on failure
 * (an empty source gives a non-NULL empty slice). */
struct sl_slice sl_arena_dup(struct sl_arena *a, struct sl_slice s)
    __attribute__((warn_unused_result));
char *sl_arena_str(struct sl_arena *a, struct sl_slice s)
    __attribute__((warn_unused_result));
char *sl_arena_printf(struct sl_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

#define SL_NEW(a, T) ((T *)sl_arena_alloc((a), 1, sizeof(T)))
#define SL_NEW_N(a, T, n) ((T *)sl_arena_alloc((a), (n), sizeof(T)))
/* Declare as `SL_AUTO_ARENA a = { 0 };` -- freed at the end of the scope. */
#define SL_AUTO_ARENA __attribute__((cleanup(sl_arena_free))) struct sl_arena

#endif
