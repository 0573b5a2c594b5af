/* archive_zip.c -- zip (APPNOTE 6.3.10), see archive.h: by its central directory, each
 * entry held against the header that stands before its content. */
#include "run/archive_int.h"

#include "run/inflate.h"

#include <stdlib.h>
#include <string.h>

enum {
	END_LEN = 22,
	END64_LEN = 56,
	LOCATOR_LEN = 20,
	ENTRY_LEN = 46,
	LOCAL_LEN = 30,
	COMMENT_MAX = 65535,
	TARGET_MAX = 4096,
};

static uint64_t
le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

struct zip {
	const struct sl_archive_src *src;
	uint64_t at, n_entries, end; /* of the central directory */
	uint8_t name[AR_NAME_MAX], other[AR_NAME_MAX];
	uint8_t target[TARGET_MAX];
	size_t n_target;
	uint64_t in, in_end; /* of content that is inflated */
};

/* Where the end record stands: the last one whose comment reaches to the end. */
static bool
find_end(struct zip *z, uint8_t *room, uint64_t *ret)
{
	size_t n = END_LEN + COMMENT_MAX;

	if (z->src->size < END_LEN)
		return false;
	if (n > z->src->size)
		n = (size_t)z->src->size;
	if (!ar_read(z->src, z->src->size - n, room, n))
		return false;
	for (size_t i = n - END_LEN + 1; i-- > 0;)
		if (le(room + i, 4) == 0x06054b50 &&
		    i + END_LEN + le(room + i + 20, 2) == n) {
			*ret = z->src->size - n + i;
			return true;
		}
	return false;
}

/* The 64-bit record, where the locator before the end points to one. */
static bool
take_end64(struct zip *z, uint64_t end)
{
	uint8_t b[END64_LEN];

	if (end < LOCATOR_LEN || !ar_read(z->src, end - LOCATOR_LEN, b, LOCATOR_LEN) ||
	    le(b, 4) != 0x07064b50)
		return false;
	if (!ar_read(z->src, le(b + 8, 8), b, END64_LEN) || le(b, 4) != 0x06064b50)
		return false;
	z->n_entries = le(b + 32, 8);
	z->at = le(b + 48, 8);
	return true;
}

static bool
find_directory(struct zip *z)
{
	uint8_t *room = malloc(END_LEN + COMMENT_MAX), b[END_LEN];
	bool is_found = room != NULL && find_end(z, room, &z->end);

	free(room);
	if (!is_found || !ar_read(z->src, z->end, b, END_LEN))
		return false;
	z->n_entries = le(b + 10, 2);
	z->at = le(b + 16, 4);
	if ((z->n_entries == 0xffff || z->at == 0xffffffff) && !take_end64(z, z->end))
		return z->at != 0xffffffff;
	return true;
}

static int
get(void *arg)
{
	struct zip *z = arg;
	uint8_t c;

	return z->in < z->in_end && ar_read(z->src, z->in, &c, 1) ? (void)z->in++, c : -1;
}

static int
put(void *arg, const uint8_t *p, size_t n)
{
	struct zip *z = arg;
	size_t room = TARGET_MAX - z->n_target;

	memcpy(z->target + z->n_target, p, n < room ? n : room);
	z->n_target += n < room ? n : room;
	return n > room;
}

/* The content of a link: where it leads. */
static bool
read_target(struct zip *z, uint64_t at, uint64_t method, uint64_t n_packed)
{
	const struct sl_inflate_io io = { get, put, z };

	z->n_target = 0;
	if (method == 0) {
		z->n_target = n_packed < TARGET_MAX ? (size_t)n_packed : 0;
		return n_packed < TARGET_MAX &&
		       ar_read(z->src, at, z->target, z->n_target);
	}
	z->in = at;
	z->in_end = at + (n_packed < 2 * TARGET_MAX ? n_packed : 0);
	return method == 8 && sl_inflate(&io) == SL_INFLATE_DONE;
}

/* The entry e, whose name is in z->name. */
static enum sl_archive
judge(struct zip *z, const uint8_t *e)
{
	struct sl_slice name = { z->name, (size_t)le(e + 28, 2) };
	uint64_t mode = le(e + 38, 4) >> 16, at = le(e + 42, 4);
	uint8_t b[LOCAL_LEN];
	size_t n;

	if (ar_name_leaves(name, true) || (mode & 06000) != 0 ||
	    (mode & 0170000) == 0020000 || (mode & 0170000) == 0060000)
		return SL_AR_ESCAPES;
	if (at == 0xffffffff) /* 64 bits: of archives beyond 4 GiB */
		return SL_AR_UNKNOWN;
	if (!ar_read(z->src, at, b, LOCAL_LEN) || le(b, 4) != 0x04034b50)
		return SL_AR_UNKNOWN;
	n = (size_t)le(b + 26, 2);
	if (!ar_read(z->src, at + LOCAL_LEN, z->other, n))
		return SL_AR_UNKNOWN;
	/* readers differ in which of the two they believe */
	if (!sl_slice_eq(name, (struct sl_slice){ z->other, n }))
		return SL_AR_ESCAPES;
	if ((mode & 0170000) != 0120000)
		return SL_AR_PLAIN;
	at += LOCAL_LEN + n + le(b + 28, 2);
	if (!read_target(z, at, le(e + 10, 2), le(e + 20, 4)))
		return SL_AR_ESCAPES; /* a link to who knows where */
	return ar_link_leaves(name, (struct sl_slice){ z->target, z->n_target })
		   ? SL_AR_ESCAPES
		   : SL_AR_PLAIN;
}

static enum sl_archive
entries(struct zip *z)
{
	enum sl_archive all = SL_AR_PLAIN;

	if (z->n_entries > SL_AR_MEMBERS_MAX)
		return SL_AR_UNKNOWN;
	for (uint64_t i = 0; i < z->n_entries; i++) {
		uint8_t e[ENTRY_LEN];
		enum sl_archive one;

		if (!ar_read(z->src, z->at, e, ENTRY_LEN) || le(e, 4) != 0x02014b50 ||
		    !ar_read(z->src, z->at + ENTRY_LEN, z->name, (size_t)le(e + 28, 2)))
			return SL_AR_UNKNOWN;
		if ((one = judge(z, e)) == SL_AR_ESCAPES)
			return one;
		if (one == SL_AR_UNKNOWN)
			all = one;
		z->at += ENTRY_LEN + le(e + 28, 2) + le(e + 30, 2) + le(e + 32, 2);
	}
	/* what is behind the last entry, other than its end, is read by some */
	return z->at == z->end || all != SL_AR_PLAIN ? all : SL_AR_UNKNOWN;
}

enum sl_archive
zip_look(const struct sl_archive_src *src)
{
	struct zip *z = calloc(1, sizeof(*z));
	enum sl_archive r = SL_AR_UNKNOWN;

	if (z == NULL)
		return r;
	z->src = src;
	if (find_directory(z))
		r = entries(z);
	free(z);
	return r;
}
