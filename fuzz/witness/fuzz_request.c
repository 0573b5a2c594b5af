/* fuzz_request.c -- add-checkpoint: every body has an answer, and without a signature of
 * the log it is a refusal that asks no cosigner.  Trusted code base: witness/request,
 * witness/text, cose/checkpoint. */
#include "witness/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static int
keys(void *arg, struct sl_slice origin, struct sl_log_keys *ret, struct sl_err *err)
{
	static const uint8_t pub[32] = { 1 };

	(void)arg;
	if (sl_vkey_make(origin, SL_VKEY_ED25519, pub, &ret->key[0], err) == 0)
		ret->n = 1;
	*err = (struct sl_err){ 0 };
	return 0;
}

static int
cosign(void *arg, const struct sl_cosign *q, struct sl_cosigned *ret, struct sl_buf *note,
       struct sl_err *err)
{
	(void)arg;
	(void)q;
	(void)ret;
	(void)note;
	(void)err;
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_witness w = { NULL, keys, cosign };
	struct sl_slice src = { d, n };
	SL_AUTO_BUF b = { .max = SL_ADD_CHECKPOINT_MAX };
	struct sl_add_checkpoint q = { 0 };
	struct sl_err err = { 0 }, e2 = { 0 };
	struct sl_answer a;

	if (sl_add_checkpoint_parse(src, &q, &err) == 0) {
		sl_add_checkpoint_put(q.old_size, &q.path, q.bytes, &b);
		if (!sl_slice_eq(sl_buf_get(&b), src))
			abort();
	}
	sl_answer_init(&a);
	if (sl_witness_answer(&w, src, &a, &e2) < 0 || a.status < 400 || a.status > 404 ||
	    a.body.len == 0)
		abort();
	sl_answer_done(&a);
	return 0;
}
