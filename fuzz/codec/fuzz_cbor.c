/* fuzz_cbor.c -- what the strict reader accepts can be walked to its end, and what reads
 * as a JSON tree is written again as the same bytes: the encoding is canonical. */
#include "codec/cbor.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_limits lim = { 1 << 16, 1 << 12, SL_CBOR_DEPTH_TOP };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };
	SL_AUTO_BUF b = { .max = 1 << 17 };
	struct sl_err err = { 0 }, e2 = { 0 };
	struct sl_slice src = { d, n }, item;
	struct sl_cbor_rd rd;
	struct sl_json *v;

	if (sl_cbor_open(&rd, src, 1 << 16, "fuzz", &err) == 0) {
		item = sl_cbor_skip(&rd);
		if (item.p != d || item.len != n || sl_cbor_close(&rd) != 0)
			abort();
	}
	if (sl_json_uncbor(src, &lim, &a, &v, &e2) == 0 &&
	    (sl_json_cbor(v, &b, &e2) < 0 || !sl_slice_eq(sl_buf_get(&b), src)))
		abort();
	return 0;
}
