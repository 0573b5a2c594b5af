/* untar.c -- see untar.h. */
#include "run/untar.h"

#include "run/archive_int.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { GZIP_BITS = 15 + 16 };

/* A name that a header before the member's own gives it. */
struct given {
	uint8_t *p; /* SL_ROOT_PATH_MAX + 1 */
	size_t n;
	bool is_set;
};

struct untar {
	const struct sl_untar_out *out;
	struct sl_err *err;
	uint8_t block[TAR_BLOCK];
	size_t n_block;
	uint64_t left, fill; /* of the content that comes, of what fills its last block */
	uint8_t what;        /* whose content: 'x', 'g', 'L', 'K'; 0: a file's */
	uint8_t *text;       /* of such a header; SL_UNTAR_PAX_MAX */
	size_t n_text;
	struct given name, link;
	uint64_t size;
	bool has_size;
	uint8_t *plain[2]; /* the member's name and its target, in their one form */
	uint64_t n_members, n_zeros;
	bool is_over; /* the end's block was seen */
	char at[128]; /* the member, for messages */
};

/* --- names --- */

static int
refuse(struct untar *u, const char *why)
{
	return SL_ERR(u->err, FORMAT, "member '%s' %s", u->at, why);
}

static void
note_at(struct untar *u, struct sl_slice name)
{
	size_t n = name.len < sizeof(u->at) - 1 ? name.len : sizeof(u->at) - 1;

	memcpy(u->at, name.p, n);
	u->at[n] = '\0';
}

/* Without "." and what ends in "/"; ".." and "/" before it are refused. */
static int
plain_name(struct untar *u, struct sl_slice s, uint8_t *room, struct sl_slice *ret)
{
	size_t n = 0;

	if (s.len > 0 && s.p[0] == '/')
		return refuse(u, "has an absolute name");
	while (s.len > 0) {
		struct sl_slice c = sl_slice_upto(s, '/');

		s = sl_slice_skip(s, c.len + 1);
		if (c.len == 0 || sl_slice_eq(c, SL_LIT(".")))
			continue;
		if (sl_slice_eq(c, SL_LIT("..")))
			return refuse(u, "has '..' in its name");
		if (n + c.len + 1 > SL_ROOT_PATH_MAX)
			return refuse(u, "has too long a name");
		if (n > 0)
			room[n++] = '/';
		memcpy(room + n, c.p, c.len);
		n += c.len;
	}
	*ret = (struct sl_slice){ room, n };
	return 0;
}

static struct sl_slice
field(const uint8_t *p, size_t n)
{
	return (struct sl_slice){ p, strnlen((const char *)p, n) };
}

/* What stands where the name does; ustar's has a part before it. */
static struct sl_slice
own_name(const struct untar *u, uint8_t room[TAR_BLOCK])
{
	struct sl_slice name = field(u->block, 100), prefix = field(u->block + 345, 155);

	if (memcmp(u->block + 257, "ustar\0", 6) != 0 || prefix.len == 0)
		return name;
	memcpy(room, prefix.p, prefix.len);
	room[prefix.len] = '/';
	memcpy(room + prefix.len + 1, name.p, name.len);
	return (struct sl_slice){ room, prefix.len + 1 + name.len };
}

static int
give(struct untar *u, struct given *g, struct sl_slice s)
{
	if (s.len > SL_ROOT_PATH_MAX)
		return refuse(u, "is followed by too long a name");
	if (s.len == 0 || memchr(s.p, '\0', s.len) != NULL)
		return refuse(u, "is followed by a name that is none");
	if (g->is_set && !sl_slice_eq((struct sl_slice){ g->p, g->n }, s))
		return refuse(u, "is followed by two names for one member");
	memcpy(g->p, s.p, s.len);
	g->n = s.len;
	g->is_set = true;
	return 0;
}

/* --- extended headers --- */

static int
pax_size(struct untar *u, struct sl_slice v)
{
	uint64_t n = 0;

	if (v.len == 0 || v.len > 18)
		return refuse(u, "is followed by a size that is none");
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return refuse(u, "is followed by a size that is none");
		n = 10 * n + (uint64_t)(v.p[i] - '0');
	}
	u->size = n;
	u->has_size = true;
	return 0;
}

static int
pax_pair(struct untar *u, struct sl_slice pair)
{
	struct sl_slice key = sl_slice_upto(pair, '=');
	struct sl_slice v = sl_slice_skip(pair, key.len + 1);
	bool is_path = sl_slice_eq(key, SL_LIT("path"));
	bool is_link = sl_slice_eq(key, SL_LIT("linkpath"));
	bool is_size = sl_slice_eq(key, SL_LIT("size"));

	if (key.len == pair.len)
		return refuse(u, "is followed by a damaged extended header");
	if (sl_slice_starts(key, SL_LIT("GNU.sparse.")))
		return SL_ERR(u->err, UNSUPPORTED,
			      "behind member '%s' is a sparse file; make the archive "
			      "without --sparse",
			      u->at);
	if ((is_path || is_link || is_size) && u->what == 'g')
		return refuse(u, "is followed by a name or size for all members");
	if (is_path)
		return give(u, &u->name, v);
	if (is_link)
		return give(u, &u->link, v);
	return is_size ? pax_size(u, v) : 0;
}

/* "LENGTH KEY=VALUE\n", the length of all of it. */
static int
pax(struct untar *u)
{
	struct sl_slice s = { u->text, u->n_text };
	int r;

	while (s.len > 0) {
		size_t n = 0, i = 0;

		while (i < s.len && i < 8 && s.p[i] >= '0' && s.p[i] <= '9')
			n = 10 * n + (size_t)(s.p[i++] - '0');
		if (i == 0 || i >= s.len || s.p[i] != ' ' || n > s.len || n < i + 3 ||
		    s.p[n - 1] != '\n')
			return refuse(u, "is followed by a damaged extended header");
		if ((r = pax_pair(u, (struct sl_slice){ s.p + i + 1, n - i - 2 })) < 0)
			return r;
		s = sl_slice_skip(s, n);
	}
	return 0;
}

/* GNU's long name ends with a NUL. */
static int
extension_over(struct untar *u)
{
	struct sl_slice s = { u->text, u->n_text };

	if (u->what == 'x' || u->what == 'g')
		return pax(u);
	if (s.len > 0 && s.p[s.len - 1] == '\0')
		s.len--;
	return give(u, u->what == 'K' ? &u->link : &u->name, s);
}

/* --- members --- */

static int
type_of(struct untar *u, struct sl_slice name, enum sl_unpack_type *ret)
{
	const uint8_t type = u->block[156];
	bool is_dir_name = name.len > 0 && name.p[name.len - 1] == '/';

	switch (type) {
	case '\0':
	case '0':
	case '7':
		*ret = is_dir_name ? SL_UNPACK_DIR : SL_UNPACK_FILE;
		return 0;
	case '1':
		*ret = SL_UNPACK_HARD;
		return 0;
	case '2':
		*ret = SL_UNPACK_LINK;
		return 0;
	case '5':
		*ret = SL_UNPACK_DIR;
		return 0;
	case '3':
	case '4':
	case '6':
		*ret = SL_UNPACK_DEVICE;
		return 0;
	case 'S':
		return SL_ERR(u->err, UNSUPPORTED,
			      "member '%s' is a sparse file; make the archive without "
			      "--sparse",
			      u->at);
	default:
		return SL_ERR(u->err, UNSUPPORTED,
			      "member '%s' is of a kind (%02x) that "
			      "is not known",
			      u->at, type);
	}
}

static int
targets(struct untar *u, struct sl_unpack_member *m)
{
	struct sl_slice link = u->link.is_set ? (struct sl_slice){ u->link.p, u->link.n }
					      : field(u->block + 157, 100);

	if (m->type == SL_UNPACK_HARD && link.len > 0 && link.p[0] == '/')
		return refuse(u, "is a hard link to an absolute name");
	if (m->type == SL_UNPACK_HARD)
		return plain_name(u, link, u->plain[1], &m->target);
	if (m->type == SL_UNPACK_LINK)
		m->target = link;
	return 0;
}

static int
member(struct untar *u)
{
	struct sl_unpack_member m = { 0 };
	uint8_t room[TAR_BLOCK];
	struct sl_slice name = u->name.is_set ? (struct sl_slice){ u->name.p, u->name.n }
					      : own_name(u, room);
	uint64_t mode = 0;
	int r;

	note_at(u, name);
	if (++u->n_members > SL_ROOT_ENTRIES_MAX)
		return SL_ERR(u->err, LIMIT, "more than %d members", SL_ROOT_ENTRIES_MAX);
	if ((r = type_of(u, name, &m.type)) < 0 ||
	    (r = plain_name(u, name, u->plain[0], &m.name)) < 0 ||
	    (r = targets(u, &m)) < 0)
		return r;
	if (!ar_number(u->block + 100, 8, &mode))
		return refuse(u, "has a damaged header");
	if (u->has_size)
		u->left = u->size;
	/* Readers differ in whether these have content. */
	if (m.type != SL_UNPACK_FILE && u->left != 0)
		return refuse(u, "has content, though it is no file");
	m.is_exec = (mode & 0111) != 0;
	m.has_set_id = (mode & 06000) != 0;
	m.size = u->left;
	u->name.is_set = u->link.is_set = u->has_size = false;
	return u->out->member(u->out->arg, &m, u->err);
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static int
header(struct untar *u)
{
	const uint8_t type = u->block[156] == 'X' ? 'x' : u->block[156];
	int r = 0;

	if (is_zero(u->block, TAR_BLOCK)) {
		u->is_over = true;
		return u->name.is_set || u->link.is_set || u->has_size
			   ? refuse(u, "is followed by a header without a member")
			   : 0;
	}
	if (!sl_tar_is_header((struct sl_slice){ u->block, TAR_BLOCK }) ||
	    !ar_number(u->block + 124, 12, &u->left))
		return u->n_members == 0 && u->at[0] == '\0'
			   ? SL_ERR(u->err, FORMAT, "it is no tar")
			   : refuse(u, "is followed by a damaged header");
	u->what = type == 'x' || type == 'g' || type == 'L' || type == 'K' ? type : 0;
	u->n_text = 0;
	if (u->what != 0 && u->left > SL_UNTAR_PAX_MAX)
		return SL_ERR(u->err, LIMIT,
			      "behind member '%s' is an extended header of more than %d "
			      "bytes",
			      u->at, SL_UNTAR_PAX_MAX);
	if (u->what == 0)
		r = member(u);
	if (r == 0 && u->left > SL_ROOT_BYTES_MAX)
		return SL_ERR(u->err, LIMIT, "member '%s' is larger than %llu bytes",
			      u->at, (unsigned long long)SL_ROOT_BYTES_MAX);
	u->fill = (TAR_BLOCK - u->left % TAR_BLOCK) % TAR_BLOCK;
	if (r == 0 && u->what != 0 && u->left == 0)
		r = extension_over(u);
	return r;
}

/* --- the stream --- */

/* Up to n bytes of content; how many, or an error. */
static int
content(struct untar *u, const uint8_t *p, size_t n, size_t *ret_used)
{
	int r = 0;

	if (u->left == 0) { /* what fills the block is nobody's */
		*ret_used = n < u->fill ? n : (size_t)u->fill;
		u->fill -= *ret_used;
		return 0;
	}
	if (n > u->left)
		n = (size_t)u->left;
	if (n > SL_UNTAR_CHUNK)
		n = SL_UNTAR_CHUNK;
	if (u->what == 0) {
		r = u->out->bytes(u->out->arg, (struct sl_slice){ p, n }, u->err);
	} else {
		memcpy(u->text + u->n_text, p, n);
		u->n_text += n;
	}
	u->left -= n;
	*ret_used = n;
	return r == 0 && u->left == 0 && u->what != 0 ? extension_over(u) : r;
}

static int
feed(struct untar *u, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t used = 0;
		int r = 0;

		if (u->is_over) {
			if (!is_zero(p, n))
				return SL_ERR(u->err, FORMAT,
					      "behind the archive's end there is more");
			u->n_zeros += n;
			return u->n_zeros > SL_UNTAR_ZEROS_MAX
				   ? SL_ERR(u->err, LIMIT,
					    "more than %d bytes behind the archive's end",
					    SL_UNTAR_ZEROS_MAX)
				   : 0;
		}
		if (u->left > 0 || u->fill > 0) {
			r = content(u, p, n, &used);
		} else {
			used = TAR_BLOCK - u->n_block < n ? TAR_BLOCK - u->n_block : n;
			memcpy(u->block + u->n_block, p, used);
			u->n_block += used;
			if (u->n_block == TAR_BLOCK) {
				u->n_block = 0;
				r = header(u);
			}
		}
		if (r != 0)
			return r;
		p += used;
		n -= used;
	}
	return 0;
}

static int
over(struct untar *u)
{
	if (!u->is_over)
		return SL_ERR(u->err, FORMAT, "the archive is cut off behind member '%s'",
			      u->at);
	return 0;
}

static long
fill_buf(struct sl_archive_src *src, uint64_t *at, uint8_t *buf, size_t n)
{
	long r = src->read_at(src->arg, *at, buf, n);

	*at += r > 0 ? (uint64_t)r : 0;
	return r;
}

static int
plain_tar(struct untar *u, struct sl_archive_src *src)
{
	uint8_t buf[SL_UNTAR_CHUNK];
	uint64_t at = 0;

	for (;;) {
		long n = fill_buf(src, &at, buf, sizeof(buf));
		int r;

		if (n < 0)
			return SL_ERR_SYS(u->err, (int)n, "cannot read the archive");
		if (n == 0)
			return over(u);
		if ((r = feed(u, buf, (size_t)n)) != 0)
			return r;
	}
}

/* All that in can give out. */
static int
inflate_some(struct untar *u, z_stream *z, bool *ret_end)
{
	uint8_t out[SL_UNTAR_CHUNK];
	int r, q;

	do {
		z->next_out = out;
		z->avail_out = sizeof(out);
		q = inflate(z, Z_NO_FLUSH);
		if (q != Z_OK && q != Z_STREAM_END && q != Z_BUF_ERROR)
			return SL_ERR(u->err, FORMAT,
				      "its gzip is damaged behind member "
				      "'%s'",
				      u->at);
		if ((r = feed(u, out, sizeof(out) - z->avail_out)) != 0)
			return r;
		*ret_end = q == Z_STREAM_END;
		/* Another gzip behind it goes on with the same archive. */
		if (*ret_end && z->avail_in > 0 && inflateReset(z) != Z_OK)
			return SL_ERR(u->err, NOMEM, "out of memory");
	} while (z->avail_in > 0 || z->avail_out == 0);
	return 0;
}

static int
gzip_tar(struct untar *u, struct sl_archive_src *src)
{
	uint8_t buf[SL_UNTAR_CHUNK];
	bool is_end = false;
	z_stream z = { 0 };
	uint64_t at = 0;
	long n = 0;
	int r = 0;

	if (inflateInit2(&z, GZIP_BITS) != Z_OK)
		return SL_ERR(u->err, NOMEM, "out of memory");
	while (r == 0 && (n = fill_buf(src, &at, buf, sizeof(buf))) > 0) {
		if (is_end && inflateReset(&z) != Z_OK) {
			r = SL_ERR(u->err, NOMEM, "out of memory");
			break;
		}
		z.next_in = buf;
		z.avail_in = (unsigned)n;
		r = inflate_some(u, &z, &is_end);
	}
	(void)inflateEnd(&z);
	if (r != 0)
		return r;
	if (n < 0)
		return SL_ERR_SYS(u->err, (int)n, "cannot read the archive");
	return is_end ? over(u)
		      : SL_ERR(u->err, FORMAT,
			       "the archive is cut off behind member '%s'", u->at);
}

static int
by_kind(struct untar *u, struct sl_archive_src *src)
{
	static const struct {
		const char *magic, *name, *how;
		size_t n;
	} other[] = {
		{ "\xfd"
		  "7zXZ",
		  "xz", "xz -dk", 5 },
		{ "\x28\xb5\x2f\xfd", "zstd", "zstd -dk", 4 },
		{ "BZh", "bzip2", "bzip2 -dk", 3 },
		{ "\x89LZO", "lzop", "lzop -dk", 4 },
		{ "\x04\x22\x4d\x18", "lz4", "lz4 -dk", 4 },
		{ "PK\x03\x04", "zip", "unzip", 4 },
	};
	uint8_t head[8] = { 0 };
	long n = src->read_at(src->arg, 0, head, sizeof(head));

	if (n < 0)
		return SL_ERR_SYS(u->err, (int)n, "cannot read the archive");
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		if ((size_t)n >= other[i].n &&
		    memcmp(head, other[i].magic, other[i].n) == 0)
			return SL_ERR(u->err, UNSUPPORTED,
				      "it is %s, and only tar and tar in gzip are read; "
				      "'%s' first",
				      other[i].name, other[i].how);
	return head[0] == 0x1f && head[1] == 0x8b ? gzip_tar(u, src) : plain_tar(u, src);
}

int
sl_untar(struct sl_archive_src *src, const struct sl_untar_out *out, struct sl_err *err)
{
	struct untar u = { .out = out, .err = err, .text = malloc(SL_UNTAR_PAX_MAX) };
	int r;

	u.name.p = malloc(SL_ROOT_PATH_MAX + 1);
	u.link.p = malloc(SL_ROOT_PATH_MAX + 1);
	u.plain[0] = malloc(SL_ROOT_PATH_MAX + 1);
	u.plain[1] = malloc(SL_ROOT_PATH_MAX + 1);
	if (u.text == NULL || u.name.p == NULL || u.link.p == NULL ||
	    u.plain[0] == NULL || u.plain[1] == NULL)
		r = SL_ERR(err, NOMEM, "out of memory");
	else
		r = by_kind(&u, src);
	free(u.text);
	free(u.name.p);
	free(u.link.p);
	free(u.plain[0]);
	free(u.plain[1]);
	return r;
}
