/* utf8.h -- UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
#ifndef SL_CODEC_UTF8_H
#define SL_CODEC_UTF8_H

#include "base/slice.h"

/* Bytes (1-4) of the sequence that s begins with, or 0 when it is not valid. */
size_t sl_utf8_len(struct sl_slice s);
/* Offset of the first byte that is not part of a valid sequence, or s.len. */
size_t sl_utf8_bad(struct sl_slice s);
static inline bool
sl_utf8_ok(struct sl_slice s)
{
	return sl_utf8_bad(s) == s.len;
}
/* The sequence that s begins with: its bytes, or 0 when it is not valid; *ret its code
 * point. */
size_t sl_utf8_char(struct sl_slice s, uint32_t *ret);
/* Would it move the cursor, hide text or reorder it?  (C0 but for the tab, DEL, C1, what
 * sl_utf8_is_bidi() has, invisible and line-breaking characters: "Trojan Source", Unicode
 * TR 36.) */
bool sl_utf8_is_unsafe(uint32_t c);
/* A control that changes the direction of the text behind it. */
bool sl_utf8_is_bidi(uint32_t c);
/* Order by UTF-16 code units (RFC 8785 section 3.2.3); both must be valid. */
int sl_utf16_cmp(struct sl_slice a, struct sl_slice b);

#endif
