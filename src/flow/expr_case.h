/* expr_case.h -- characters as .NET sees them: decoding of possibly broken UTF-8,
 * white space, and the simple upper-case mapping behind OrdinalIgnoreCase. */
#ifndef SL_FLOW_EXPR_CASE_H
#define SL_FLOW_EXPR_CASE_H

#include "base/slice.h"

/* The character at s.p[i], i < s.len; returns the bytes it takes.  A byte that begins
 * no well-formed character (RFC 3629) counts alone, as 0xDC00 + byte: a lone surrogate,
 * which no well-formed text yields. */
size_t sl_case_next(struct sl_slice s, size_t i, uint32_t *ret);
/* Appends c (as sl_case_next gave it) at out; at most 4 bytes; returns how many. */
size_t sl_case_put(uint8_t *out, uint32_t c);
uint32_t sl_case_upper(uint32_t c);
bool sl_case_is_space(uint32_t c); /* Char.IsWhiteSpace */
struct sl_slice sl_case_trim(struct sl_slice s);
struct sl_slice sl_case_trim_start(struct sl_slice s);
/* As many whole characters as fit into that many UTF-16 units. */
struct sl_slice sl_case_cut(struct sl_slice s, size_t units);

#endif
