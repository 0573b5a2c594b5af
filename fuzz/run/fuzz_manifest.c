/* fuzz_manifest.c -- run/ws_store: what is accepted is sound, and its checksum is not
 * what keeps the rest out.  Trusted code base: ws_store.o workspace.o sha256.o arena.o.
 */
#include "run/ws_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_ws_manifest *m = NULL;
	struct sl_err err = { 0 };
	uint8_t *b = malloc(n + SL_SHA256_LEN);

	if (b == NULL)
		return 0;
	if (n > 0)
		memcpy(b, d, n);
	sl_sha256((struct sl_slice){ b, n }, b + n);
	sl_arena_init(&a, 1 << 24);
	if (ws_decode((struct sl_slice){ b, n + SL_SHA256_LEN }, &a, &m, &err) != 0) {
		if (m != NULL || err.code == 0)
			abort();
		free(b);
		return 0;
	}
	free(b);
	for (size_t i = 0; i < m->n; i++)
		if (!ws_path_ok(m->entry[i]->path) || m->entry[i]->mode > 07777 ||
		    sl_ws_find(m, m->entry[i]->path) != m->entry[i])
			abort();
	return 0;
}
