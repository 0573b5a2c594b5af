/* inflate.c -- see inflate.h. */
#include "run/inflate.h"

#include <stdbool.h>
#include <zlib.h>

enum { WINDOW_BITS = 15 };

struct feed {
	const struct sl_inflate_io *io;
	uint8_t byte; /* one at a time: what follows the stream stays where it is */
	bool is_enough;
};

static unsigned
get(void *arg, z_const unsigned char **ret)
{
	struct feed *f = arg;
	int c = f->io->get(f->io->arg);

	if (c < 0)
		return 0;
	f->byte = (uint8_t)c;
	*ret = &f->byte;
	return 1;
}

static int
put(void *arg, unsigned char *p, unsigned n)
{
	struct feed *f = arg;

	f->is_enough = f->io->put(f->io->arg, p, n) != 0;
	return f->is_enough;
}

enum sl_inflate_end
sl_inflate(const struct sl_inflate_io *io)
{
	uint8_t window[1 << WINDOW_BITS];
	struct feed f = { .io = io };
	z_stream z = { 0 };
	int r;

	/* Out of memory counts as malformed too: it could not be looked into. */
	if (inflateBackInit(&z, WINDOW_BITS, window) != Z_OK)
		return SL_INFLATE_MALFORMED;
	r = inflateBack(&z, get, &f, put, &f);
	(void)inflateBackEnd(&z);
	if (f.is_enough)
		return SL_INFLATE_ENOUGH;
	return r == Z_STREAM_END ? SL_INFLATE_DONE : SL_INFLATE_MALFORMED;
}
