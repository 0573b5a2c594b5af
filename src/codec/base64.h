/* base64.h -- base64 and base64url (RFC 4648), canonical only: no white space, no other
 * alphabet, unused bits zero, padding exactly as the form demands. */
#ifndef SL_CODEC_BASE64_H
#define SL_CODEC_BASE64_H

#include "base/buf.h"
#include "base/slice.h"

enum sl_base64 {
	SL_BASE64_STD, /* '+' '/', padded */
	SL_BASE64_URL  /* '-' '_', unpadded */
};

/* Characters that n bytes take; n <= SIZE_MAX / 2. */
static inline size_t
sl_base64_len(enum sl_base64 form, size_t n)
{
	return form == SL_BASE64_STD ? (n + 2) / 3 * 4 : (n * 8 + 5) / 6;
}

/* Appends; out fails when it is full. */
void sl_base64_put(struct sl_buf *out, enum sl_base64 form, struct sl_slice s);
/* Decodes into out (max bytes); false when s is malformed, not canonical or too long.
 * *ret_len is set on success only. */
bool sl_unbase64(enum sl_base64 form, struct sl_slice s, uint8_t *out, size_t max,
		 size_t *ret_len) SL_MUST_CHECK;

#endif
