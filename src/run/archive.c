/* archive.c -- see archive.h: which kind it is, and gzip. */
#include "run/archive_int.h"

#include "run/inflate.h"
#include "run/ws_int.h"

#include <stdlib.h>

enum { CHUNK = 64 << 10, READ_COST = 64 /* bytes */ };

bool
ar_name_leaves(struct sl_slice name, bool is_dos)
{
	size_t from = 0;

	if (name.len > 0 && (name.p[0] == '/' || (is_dos && name.p[0] == '\\')))
		return true;
	if (is_dos && name.len > 1 && name.p[1] == ':')
		return true;
	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && name.p[i] != '/' && !(is_dos && name.p[i] == '\\'))
			continue;
		if (i - from == 2 && name.p[from] == '.' && name.p[from + 1] == '.')
			return true;
		from = i + 1;
	}
	return false;
}

bool
ar_link_leaves(struct sl_slice name, struct sl_slice target)
{
	size_t n = 0; /* of components; the last one is the link itself */

	while (name.len > 0) {
		struct sl_slice c = sl_slice_upto(name, '/');

		n += c.len > 0 && !sl_slice_eq(c, SL_LIT("."));
		name = sl_slice_skip(name, c.len + 1);
	}
	return ws_target_leaves(n > 0 ? n - 1 : 0, target);
}

/* So few are filled that a longer search is one that somebody made long. */
enum { N_SLOTS = 4 * AR_LINKS_MAX, PROBES_MAX = 64 };

/* The slot of a hash, the empty one where it would go, or the last that was tried. */
static uint64_t *
slot_of(const struct ar_links *l, uint64_t hash)
{
	size_t i = (size_t)(hash >> 20) % N_SLOTS;

	for (int n = 1; n < PROBES_MAX && l->slot[i] != 0 && l->slot[i] != hash; n++)
		i = (i + 1) % N_SLOTS;
	return &l->slot[i];
}

/* FNV-1a over the components; *ret_above: do those before the last make a link's name? */
static uint64_t
hash_of(const struct ar_links *l, struct sl_slice name, bool *ret_above)
{
	uint64_t h = 0xcbf29ce484222325;

	*ret_above = false;
	while (name.len > 0) {
		struct sl_slice c = sl_slice_upto(name, '/');

		name = sl_slice_skip(name, c.len + 1);
		if (c.len == 0 || sl_slice_eq(c, SL_LIT(".")))
			continue;
		*ret_above = *ret_above || (l->slot != NULL && *slot_of(l, h | 1) != 0);
		h = (h ^ '/') * 0x100000001b3;
		for (size_t i = 0; i < c.len; i++) {
			uint8_t b = c.p[i];

			b = b >= 'A' && b <= 'Z' ? (uint8_t)(b | 0x20) : b;
			h = (h ^ b) * 0x100000001b3;
		}
	}
	return h | 1;
}

bool
ar_links_add(struct ar_links *l, struct sl_slice name)
{
	bool is_above;
	uint64_t h = hash_of(l, name, &is_above), *slot;

	if (l->slot == NULL && (l->slot = calloc(N_SLOTS, sizeof(*l->slot))) == NULL)
		return false;
	slot = slot_of(l, h);
	if (*slot == h)
		return true;
	if (*slot != 0 || l->n == AR_LINKS_MAX)
		return false;
	*slot = h;
	l->n++;
	return true;
}

bool
ar_links_has(const struct ar_links *l, struct sl_slice name)
{
	bool is_above;
	uint64_t h = hash_of(l, name, &is_above);

	return l->slot != NULL && *slot_of(l, h) != 0;
}

bool
ar_links_above(const struct ar_links *l, struct sl_slice name)
{
	bool is_above;

	(void)hash_of(l, name, &is_above);
	return is_above;
}

void
ar_links_done(struct ar_links *l)
{
	free(l->slot);
	*l = (struct ar_links){ 0 };
}

bool
ar_spend(struct sl_archive_src *src, uint64_t n)
{
	bool is_enough = n <= src->left;

	src->left = is_enough ? src->left - n : 0;
	return is_enough;
}

bool
ar_read(struct sl_archive_src *src, uint64_t off, void *p, size_t n)
{
	size_t done = 0;

	/* a read costs, however short */
	if (off > src->size || n > src->size - off || !ar_spend(src, n + READ_COST))
		return false;
	while (done < n) {
		long r =
		    src->read_at(src->arg, off + done, (uint8_t *)p + done, n - done);

		if (r <= 0)
			return false;
		done += (size_t)r;
	}
	return true;
}

/* The source as a stream of bytes. */
struct in {
	struct sl_archive_src *src;
	uint64_t at;
	uint8_t buf[CHUNK];
	size_t n, pos;
	bool is_at_end;
	struct tar tar;
};

/* The next bytes into buf: how many, 0 at the end, -1 where it cannot be read on. */
static long
fill(struct in *in)
{
	long r = in->src->read_at(in->src->arg, in->at, in->buf, CHUNK);

	if (r < 0 || !ar_spend(in->src, (uint64_t)r))
		return -1;
	in->at += (uint64_t)r;
	return r;
}

static int
get(void *arg)
{
	struct in *in = arg;
	long r;

	if (in->pos == in->n) {
		r = fill(in);
		in->is_at_end = r == 0;
		in->n = r > 0 ? (size_t)r : 0;
		in->pos = 0;
		if (in->n == 0)
			return -1;
	}
	return in->buf[in->pos++];
}

static int
put(void *arg, const uint8_t *p, size_t n)
{
	struct in *in = arg;

	return !ar_spend(in->src, n) || tar_feed(&in->tar, p, n) != 0;
}

static bool
skip(struct in *in, size_t n)
{
	while (n > 0 && get(in) >= 0)
		n--;
	return n == 0;
}

static bool
skip_text(struct in *in)
{
	int c;

	while ((c = get(in)) > 0)
		;
	return c == 0;
}

/* RFC 1952 section 2.3, behind the two bytes of its magic. */
static bool
gzip_header(struct in *in)
{
	int method = get(in), flags = get(in), lo, hi;

	if (method != 8 || flags < 0 || (flags & 0xe0) != 0 || !skip(in, 6))
		return false;
	if ((flags & 4) != 0) {
		lo = get(in);
		hi = get(in);
		if (lo < 0 || hi < 0 || !skip(in, (size_t)(lo | hi << 8)))
			return false;
	}
	return ((flags & 8) == 0 || skip_text(in)) &&
	       ((flags & 16) == 0 || skip_text(in)) && ((flags & 2) == 0 || skip(in, 2));
}

/* One member after another; what is no tar inside is no archive. */
static enum sl_archive
gzip_look(struct in *in)
{
	const struct sl_inflate_io io = { get, put, in };
	enum sl_inflate_end end = SL_INFLATE_DONE;
	enum sl_archive r;

	while (end == SL_INFLATE_DONE && get(in) == 0x1f && get(in) == 0x8b) {
		if (!gzip_header(in))
			return SL_AR_UNKNOWN;
		end = sl_inflate(&io);
		if (end == SL_INFLATE_DONE && !skip(in, 8))
			return SL_AR_UNKNOWN;
	}
	r = tar_end(&in->tar);
	if (r == SL_AR_ESCAPES || end != SL_INFLATE_DONE || !in->is_at_end)
		return r == SL_AR_ESCAPES ? r : SL_AR_UNKNOWN;
	return in->tar.has_member ? r : SL_AR_PLAIN;
}

static enum sl_archive
tar_look(struct in *in)
{
	for (;;) {
		long r = fill(in);

		if (r < 0)
			return SL_AR_UNKNOWN;
		if (r == 0 || tar_feed(&in->tar, in->buf, (size_t)r) != 0)
			return tar_end(&in->tar);
	}
}

enum sl_archive
sl_archive_look(struct sl_archive_src *src)
{
	struct in *in = calloc(1, sizeof(*in));
	enum sl_archive r = SL_AR_UNKNOWN;
	uint8_t head[TAR_BLOCK] = { 0 };
	size_t n = src->size < TAR_BLOCK ? (size_t)src->size : TAR_BLOCK;

	if (in == NULL || !tar_begin(&in->tar) || !ar_read(src, 0, head, n)) {
		if (in != NULL)
			tar_done(&in->tar);
		free(in);
		return r;
	}
	in->src = src;
	if (head[0] == 'P' && head[1] == 'K')
		r = zip_look(src);
	else if (head[0] == 0x1f && head[1] == 0x8b)
		r = gzip_look(in);
	else if (sl_tar_is_header((struct sl_slice){ head, n }))
		r = tar_look(in);
	tar_done(&in->tar);
	free(in);
	return r;
}
