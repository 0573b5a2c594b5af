/* inflate.h -- RFC 1951 by zlib, for looking into archives: in the parser's jail, in
 * bounded memory. */
#ifndef SL_RUN_INFLATE_H
#define SL_RUN_INFLATE_H

#include <stddef.h>
#include <stdint.h>

struct sl_inflate_io {
	int (*get)(void *arg); /* the next byte, or -1: there is none */
	/* Takes bytes; not 0: enough. */
	int (*put)(void *arg, const uint8_t *p, size_t n);
	void *arg;
};

enum sl_inflate_end {
	SL_INFLATE_DONE,
	SL_INFLATE_ENOUGH,    /* put() wanted no more */
	SL_INFLATE_MALFORMED, /* or cut off */
};

/* One stream: no byte behind it is taken. */
enum sl_inflate_end sl_inflate(const struct sl_inflate_io *io);

#endif
