/* fuzz_yaml.c -- a YAML tree: counts, places and links hold, whatever the bytes.
 * Trusted code base: src/base, src/codec/yaml*.c, libfyaml. */
#include "codec/yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

/* Nodes of the tree; aborts where it is not a tree. */
static size_t
count(const struct sl_yaml *y, bool is_member, size_t depth)
{
	size_t n_children = 0, n = 1;

	if (depth > 20 || y->at.line == 0 || y->at.col == 0 || y->at.width == 0 ||
	    (y->key != NULL) != is_member || (y->n == 0) != (y->child == NULL))
		abort();
	SL_YAML_EACH(m, y)
	{
		n_children++;
		n += count(m, y->kind == SL_YAML_MAP, depth + 1) + (m->key != NULL);
	}
	if (n_children != y->n ||
	    (y->text.len > 0 && memchr(y->text.p, 0, y->text.len) != NULL))
		abort();
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_yaml_opts o = { { 1 << 16, 1000, 20 }, true };
	const struct sl_yaml *y = NULL;
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_yaml_at at;
	int r;

	sl_arena_init(&a, 16 << 20);
	r = sl_yaml_parse((struct sl_slice){ d, n }, &o, &a, &y, &at, &err);
	if ((r == 0) != (y != NULL) || (r == 0) != (err.code == 0))
		abort();
	if (y != NULL && count(y, false, 0) > 1000)
		abort();
	return 0;
}
