/* fuzz_untar.c -- run/untar: whatever the bytes, each member told has a plain name below
 * the top, a file's bytes are as many as it said, and only files have any.
 * Trusted code base: untar.o archive_tar.o unpack.o libz.
 */
#include "run/untar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

struct told {
	uint64_t left, sum;
	uint64_t n;
};

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

static int
member(void *arg, const struct sl_unpack_member *m, struct sl_err *err)
{
	struct told *t = arg;

	if (t->left != 0 || sl_unpack_depth(m->name) < 0 || m->type >= SL_UNPACK_TYPES ||
	    (m->type != SL_UNPACK_FILE && m->size != 0) ||
	    (m->type == SL_UNPACK_HARD && sl_unpack_depth(m->target) < 0))
		abort();
	for (size_t i = 0; i < m->target.len; i++)
		t->sum += m->target.p[i];
	t->left = m->size;
	/* one that inflates for ever ends here */
	return ++t->n > 100000 ? SL_ERR(err, LIMIT, "enough") : 0;
}

static int
bytes(void *arg, struct sl_slice b, struct sl_err *err)
{
	struct told *t = arg;

	if (b.len == 0 || b.len > SL_UNTAR_CHUNK || b.len > t->left)
		abort();
	t->left -= b.len;
	t->sum += b.p[0] + b.p[b.len - 1];
	t->n += b.len / 64;
	return t->n > 100000 ? SL_ERR(err, LIMIT, "enough") : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice s = { d, n };
	struct sl_archive_src src = { read_at, &s, n, 0 };
	struct told t = { 0 };
	const struct sl_untar_out out = { member, bytes, &t };
	struct sl_err err = { 0 };
	int r = sl_untar(&src, &out, &err);

	if (r == 0 && t.left != 0)
		abort();
	if (r < 0 && err.code != r)
		abort();
	return 0;
}
