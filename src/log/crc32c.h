/* crc32c.h -- CRC-32C (Castagnoli), which guards each record against torn writes
 * and decayed bits.  Not against people: that is what digests and signatures do. */
#ifndef SL_LOG_CRC32C_H
#define SL_LOG_CRC32C_H

#include "base/slice.h"

/* Continues crc (0 at first) over s.  Uses the processor's instruction if it has one. */
uint32_t sl_crc32c_add(uint32_t crc, struct sl_slice s);
/* The same by table alone: what other machines use, and what tests compare with. */
uint32_t sl_crc32c_table(uint32_t crc, struct sl_slice s);

#endif
