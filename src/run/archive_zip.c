/* archive_zip.c -- zip (APPNOTE 6.3.10), see archive.h: by its central directory, each
 * entry held against the header that stands before its content.  Some readers go from
 * header to header instead: where they could find another member than the directory
 * names, the archive is not called plain. */
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
	struct sl_archive_src *src;
	uint64_t at, n_entries, end; /* of the central directory */
	uint64_t next;               /* where the next member should begin */
	bool is_loose;               /* it does not */
	struct ar_links links;
	uint8_t name[AR_NAME_MAX], other[AR_NAME_MAX], extra[AR_NAME_MAX];
	size_t n_other, n_extra; /* what the header says of itself */
	uint8_t target[TARGET_MAX], packed[2 * TARGET_MAX];
	size_t n_target, in, n_packed; /* of a link's content */
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

	return z->in < z->n_packed ? z->packed[z->in++] : -1;
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
	if (method != 8 || n_packed > sizeof(z->packed) ||
	    !ar_read(z->src, at, z->packed, (size_t)n_packed))
		return false;
	z->in = 0;
	z->n_packed = (size_t)n_packed;
	return sl_inflate(&io) == SL_INFLATE_DONE;
}

/* Has it Info-ZIP's Unicode path (APPNOTE 4.6.9), which some take for the name, and does
 * that leave, or may it, as the name of a link? */
static bool
is_renamed(const struct zip *z, bool is_link)
{
	struct sl_slice extra = { z->extra, z->n_extra };

	while (extra.len >= 4) {
		size_t n = (size_t)le(extra.p + 2, 2);
		struct sl_slice data = sl_slice_skip(extra, 4);

		if (n > data.len)
			return false;
		if (le(extra.p, 2) == 0x7075 && n >= 5) {
			data = (struct sl_slice){ data.p + 5, n - 5 };
			return is_link || ar_name_leaves(data, true);
		}
		extra = sl_slice_skip(extra, 4 + n);
	}
	return false;
}

/* The link that e is, with its content at at: only one that stays is plain. */
static enum sl_archive
judge_link(struct zip *z, const uint8_t *e, struct sl_slice name, uint64_t at)
{
	if (!read_target(z, at, le(e + 10, 2), le(e + 20, 4)))
		return z->src->left == 0 ? SL_AR_UNKNOWN : SL_AR_ESCAPES; /* who knows */
	if (ar_link_leaves(name, (struct sl_slice){ z->target, z->n_target }) ||
	    ar_links_above(&z->links, name))
		return SL_AR_ESCAPES;
	return ar_links_add(&z->links, name) ? SL_AR_PLAIN : SL_AR_UNKNOWN;
}

/* Reads its own header, at at: where its content begins, or 0. */
static uint64_t
read_header(struct zip *z, const uint8_t *e, uint64_t at)
{
	uint8_t b[LOCAL_LEN];
	uint64_t content;

	if (!ar_read(z->src, at, b, LOCAL_LEN) || le(b, 4) != 0x04034b50)
		return 0;
	z->n_other = (size_t)le(b + 26, 2);
	z->n_extra = (size_t)le(b + 28, 2);
	content = at + LOCAL_LEN + z->n_other;
	if (!ar_read(z->src, at + LOCAL_LEN, z->other, z->n_other) ||
	    !ar_read(z->src, content, z->extra, z->n_extra))
		return 0;
	content += z->n_extra;
	/* without a size before the content, its end is where the inflating ends */
	z->is_loose = z->is_loose || at != z->next || (le(b + 6, 2) & 8) != 0 ||
		      le(b + 18, 4) != le(e + 20, 4);
	z->next = content + le(e + 20, 4);
	return content;
}

/* The next one of the directory, with its name and its extra fields. */
static bool
read_entry(struct zip *z, uint8_t e[ENTRY_LEN])
{
	uint64_t at = z->at + ENTRY_LEN;

	if (!ar_read(z->src, z->at, e, ENTRY_LEN) || le(e, 4) != 0x02014b50)
		return false;
	z->n_extra = (size_t)le(e + 30, 2);
	return ar_read(z->src, at, z->name, (size_t)le(e + 28, 2)) &&
	       ar_read(z->src, at + le(e + 28, 2), z->extra, z->n_extra);
}

/* The entry e, whose name is in z->name and whose extra fields are in z->extra. */
static enum sl_archive
judge(struct zip *z, const uint8_t *e)
{
	struct sl_slice name = { z->name, (size_t)le(e + 28, 2) };
	uint64_t mode = le(e + 38, 4) >> 16, at = le(e + 42, 4);
	bool is_link = (mode & 0170000) == 0120000;

	if (ar_name_leaves(name, true) || (mode & 06000) != 0 ||
	    (mode & 0170000) == 0020000 || (mode & 0170000) == 0060000)
		return SL_AR_ESCAPES;
	if (is_renamed(z, is_link))
		return SL_AR_ESCAPES;
	if (at == 0xffffffff) /* 64 bits: of archives beyond 4 GiB */
		return SL_AR_UNKNOWN;
	if ((at = read_header(z, e, at)) == 0)
		return SL_AR_UNKNOWN;
	/* readers differ in which of the two they believe */
	if (!sl_slice_eq(name, (struct sl_slice){ z->other, z->n_other }) ||
	    is_renamed(z, is_link))
		return SL_AR_ESCAPES;
	return is_link ? judge_link(z, e, name, at) : SL_AR_PLAIN;
}

static enum sl_archive
entries(struct zip *z)
{
	enum sl_archive all = SL_AR_PLAIN;
	uint64_t begin = z->at;

	if (z->n_entries > SL_AR_MEMBERS_MAX)
		return SL_AR_UNKNOWN;
	for (uint64_t i = 0; i < z->n_entries; i++) {
		uint8_t e[ENTRY_LEN];
		enum sl_archive one;

		if (!read_entry(z, e))
			return SL_AR_UNKNOWN;
		if ((one = judge(z, e)) == SL_AR_ESCAPES)
			return one;
		if (one == SL_AR_UNKNOWN)
			all = one;
		z->at += ENTRY_LEN + le(e + 28, 2) + le(e + 30, 2) + le(e + 32, 2);
	}
	/* what is behind the last entry, other than its end, is read by some */
	if (z->at != z->end || z->next != begin || z->is_loose)
		return SL_AR_UNKNOWN;
	return all;
}

enum sl_archive
zip_look(struct sl_archive_src *src)
{
	struct zip *z = calloc(1, sizeof(*z));
	enum sl_archive r = SL_AR_UNKNOWN;

	if (z == NULL)
		return r;
	z->src = src;
	if (find_directory(z))
		r = entries(z);
	ar_links_done(&z->links);
	free(z);
	return r;
}
