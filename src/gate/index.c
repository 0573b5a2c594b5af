/* index.c -- see index.h. */
#include "gate/index.h"

#include <stdlib.h>

int
sl_index_init(struct sl_index *x, struct sl_arena *a, size_t cap, struct sl_err *err)
{
	*x = (struct sl_index){ .row = SL_NEW_N(a, struct sl_index_row, cap + 1),
				.cap = cap };
	return x->row != NULL ? 0 : SL_ERR(err, NOMEM, "out of memory for an index");
}

void
sl_index_add(struct sl_index *x, const uint8_t key[32], size_t at)
{
	if (x->n == x->cap)
		return;
	memcpy(x->row[x->n].key, key, 32);
	x->row[x->n++].at = at;
}

static int
by_key(const void *a, const void *b)
{
	const struct sl_index_row *x = a, *y = b;
	int c = memcmp(x->key, y->key, 32);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

void
sl_index_sort(struct sl_index *x)
{
	if (x->n > 1)
		qsort(x->row, x->n, sizeof(*x->row), by_key);
}

bool
sl_index_find(const struct sl_index *x, const uint8_t key[32], size_t *ret_at)
{
	size_t from = 0, to = x->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (memcmp(x->row[mid].key, key, 32) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	if (from == x->n || memcmp(x->row[from].key, key, 32) != 0)
		return false;
	*ret_at = x->row[from].at;
	return true;
}

bool
sl_index_twice(const struct sl_index *x, size_t *ret_at)
{
	bool is_twice = false;

	for (size_t i = 1; i < x->n; i++) {
		if (memcmp(x->row[i - 1].key, x->row[i].key, 32) != 0)
			continue;
		if (!is_twice || x->row[i].at < *ret_at)
			*ret_at = x->row[i].at;
		is_twice = true;
	}
	return is_twice;
}
