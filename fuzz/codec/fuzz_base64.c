/* fuzz_base64.c -- what decodes encodes to the very same text. */
#include "codec/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	SL_AUTO_BUF b = { .max = 1 << 16 };
	uint8_t out[4096];
	size_t len = 0;

	for (int form = SL_BASE64_STD; form <= SL_BASE64_URL; form++) {
		if (!sl_unbase64((enum sl_base64)form, (struct sl_slice){ d, n }, out,
				 sizeof(out), &len))
			continue;
		sl_buf_clear(&b);
		sl_base64_put(&b, (enum sl_base64)form, (struct sl_slice){ out, len });
		if (!sl_slice_eq(sl_buf_get(&b), (struct sl_slice){ d, n }))
			abort();
	}
	return 0;
}
