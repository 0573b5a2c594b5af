/* quote.c -- see quote.h. */
#include "record/quote.h"

#include "base/auto.h"
#include "base/hex.h"
#include "log/tpm.h"

#include <stdio.h>

/* The digits of a member, n bytes or (n 0) as many as there are. */
static bool
put_hex(struct sl_buf *b, const struct sl_json *v, const char *key, size_t n)
{
	struct sl_slice s = sl_json_get_str(v, key);
	uint8_t *p;

	if (n == 0)
		n = s.len / 2;
	p = sl_buf_room(b, n + 1);
	if (p == NULL || s.len != 2 * n || !sl_unhex(p, n, s))
		return false;
	b->len += n;
	return true;
}

static void
put_le(struct sl_buf *b, uint32_t v, int n)
{
	for (int i = 0; i < n; i++)
		sl_buf_byte(b, (uint8_t)(v >> (8 * i)));
}

/* Body of a CHECK; false where the members are not of their form. */
static bool
put_check(struct sl_buf *b, const struct sl_json *predicate, const char *did)
{
	const struct sl_json *t = sl_json_get(predicate, "tpm"),
			     *pcrs = sl_json_get(t, "pcrs");
	uint8_t boot[32], nonce[32];
	uint32_t mask = 0;
	char name[4];
	size_t n = 0;

	if (pcrs == NULL ||
	    !sl_unhex(boot, 32,
		      sl_json_get_str(sl_json_get(predicate, "boot"), "sha256")))
		return false;
	for (unsigned i = 0; i < SL_TPM_PCRS; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		if (sl_json_get(pcrs, name) != NULL) {
			mask |= 1U << i;
			n++;
		}
	}
	sl_tpm_nonce(boot, did, nonce);
	put_le(b, mask, 4);
	sl_buf_put(b, nonce, sizeof(nonce));
	put_le(b, (uint32_t)(sl_json_get_str(t, "quote").len / 2), 2);
	if (n != pcrs->n || !put_hex(b, t, "quote", 0) ||
	    !put_hex(b, t, "signature", 64) || !put_hex(b, t, "key", 64))
		return false;
	for (unsigned i = 0; i < SL_TPM_PCRS; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		if ((mask & 1U << i) != 0 && !put_hex(b, pcrs, name, 32))
			return false;
	}
	return !b->is_failed;
}

int
sl_quote_check(const struct sl_json *predicate, const char *did, struct sl_err *err)
{
	SL_AUTO_BUF body = { .max = 4 + 32 + SL_TPM_QUOTED_MAX };
	struct sl_slice none;
	struct sl_tpm t;
	int r;

	if (!put_check(&body, predicate, did))
		return SL_ERR(err, VERIFY, "the platform's quote is malformed");
	if ((r = sl_tpm_start(&t, SL_TPM_NONE, -1, err)) == 0)
		r = sl_tpm_ask(&t, SL_TPM_CHECK, sl_buf_get(&body), SL_TPM_GOOD, &none,
			       err);
	sl_tpm_done(&t);
	return r;
}
