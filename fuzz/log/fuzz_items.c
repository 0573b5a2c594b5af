/* fuzz_items.c -- what the recorder takes from its client: items lie inside the message.
 */
#include "log/proto.h"

#include <stdlib.h>

/* Trusted code base: log/proto.c */
int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
inside(const uint8_t *d, size_t n, const void *p, size_t len)
{
	const uint8_t *q = p;

	if (q < d || len > n || (size_t)(q - d) > n - len)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	static struct sl_item it[64];
	struct sl_err err = { 0 };
	struct sl_node_info info;
	struct sl_slice rest;
	size_t k = 0;

	if (sl_proto_items((struct sl_slice){ d, n }, it, 64, &k, &err) == 0)
		for (size_t i = 0; i < k; i++) {
			if (it[i].what == SL_ITEM_STMT) {
				inside(d, n, it[i].s.kind, strlen(it[i].s.kind) + 1);
				inside(d, n, it[i].s.sub.p, it[i].s.sub.len);
				inside(d, n, it[i].s.payload.p, it[i].s.payload.len);
			} else if (it[i].what == SL_ITEM_BLOB) {
				inside(d, n, it[i].bytes.p, it[i].bytes.len);
			} else {
				inside(d, n, it[i].digest, 32);
			}
		}
	err.code = 0;
	if (sl_proto_status((struct sl_slice){ d, n }, &rest, &err) == 0 &&
	    sl_proto_info(rest, &info, &err) == 0 && strlen(info.did) > 63)
		abort();
	return 0;
}
