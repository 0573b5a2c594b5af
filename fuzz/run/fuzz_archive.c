/* fuzz_archive.c -- run/archive: any bytes get an answer, in bounds, and the same one
 * twice. Trusted code base: archive.o archive_tar.o archive_zip.o inflate.o libz
 * ws_guard.o.
 */
#include "run/archive.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static long
read_at(void *arg, uint64_t off, void *p, size_t n)
{
	const struct sl_slice *s = arg;

	if (off >= s->len)
		return 0;
	if (n > s->len - off)
		n = s->len - (size_t)off;
	memcpy(p, s->p + off, n);
	return (long)n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice s = { d, n };
	struct sl_archive_src src = { read_at, &s, n, SL_AR_BYTES_MAX };
	enum sl_archive r = sl_archive_look(&src);

	if (r != SL_AR_UNKNOWN && r != SL_AR_PLAIN && r != SL_AR_ESCAPES)
		abort();
	src.left = SL_AR_BYTES_MAX;
	if (sl_archive_look(&src) != r)
		abort();
	return 0;
}
