/* fuzz_bundle.c -- any bytes as a bundle: decoded, encoded again, judged.
 * Trusted code base: record, log (names only), cose, merkle, codec, crypto, base. */
#include "crypto/ed25519.h"
#include "record/evidence.h"
#include "record/transparent.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sl_evidence *v = calloc(1, sizeof(*v));
	struct sl_slice src = { len > 0 ? data : NULL, len };
	SL_AUTO_BUF out = { .max = SIZE_MAX / 4 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_findings f = { 0 };
	struct sl_transparent t;
	struct sl_err err = { 0 };
	struct sl_bundle b;

	sl_arena_init(&a, 64 << 20);
	if (v == NULL || sl_crypto_init(&err) < 0)
		abort();
	if (sl_bundle_decode(src, &a, &b, &err) == 0) {
		sl_bundle_encode(&b, &out);
		if (!sl_slice_eq(sl_buf_get(&out), src)) /* there is one encoding */
			abort();
		if (sl_evidence_check(&b, &a, v, &f, &err) == 0 && f.n == 0 &&
		    (v->decision == NULL || v->n_receipts != v->first[SL_BUNDLE_TREES]))
			abort();
	}
	err = (struct sl_err){ 0 };
	if (sl_transparent_check(src, NULL, &t, &err) == 0 && t.n == 0)
		abort();
	free(v);
	return 0;
}
