/* hex.h -- lower-case hexadecimal, both ways. */
#ifndef SL_BASE_HEX_H
#define SL_BASE_HEX_H

#include "base/slice.h"

/* Writes 2n digits and a NUL to out (2n + 1 bytes). */
void sl_hex(char *out, const uint8_t *p, size_t n);
/* Decodes exactly 2n lower-case digits; false for anything else. */
bool sl_unhex(uint8_t *out, size_t n, struct sl_slice s);

#endif
