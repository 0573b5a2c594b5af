/* rec.c -- see rec.h. */
#include "log/rec.h"

#include "log/crc32c.h"
#include "log/io.h"
#include "log/le.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Layout of a header, in bytes. */
enum {
	H_MAGIC = 0, /* "SLR" and the type */
	H_LEN = 4,
	H_CRC = 8, /* over the header with zeros here, and the body but a blob's */
	H_TREE = 12,
	H_INDEX = 16,
	H_TIME = 24,
	H_HASH = 32,
	H_KIND = 64
};

void
sl_seg_init(struct sl_seg *g, int dir_fd)
{
	*g = (struct sl_seg){ .dir_fd = dir_fd, .fd = -1 };
}

void
sl_seg_done(struct sl_seg *g)
{
	if (g->fd >= 0)
		(void)close(g->fd);
	g->fd = -1;
}

void
sl_seg_name(uint32_t no, char out[SL_SEG_NAME])
{
	(void)snprintf(out, SL_SEG_NAME, "%06u.log", no);
}

bool
sl_seg_has(const struct sl_seg *g, uint32_t no)
{
	char name[SL_SEG_NAME];

	sl_seg_name(no, name);
	return faccessat(g->dir_fd, name, F_OK, 0) == 0;
}

int
sl_seg_damage(uint64_t off, const char *what, struct sl_err *err)
{
	char name[SL_SEG_NAME];

	sl_seg_name((uint32_t)(off / SL_SEG_SIZE), name);
	return SL_ERR(err, STORE, "segment %s, offset %llu: %s", name,
		      (unsigned long long)(off % SL_SEG_SIZE), what);
}

/* 1: open; 0: there is no such segment. */
static int
seg_open(struct sl_seg *g, uint32_t no, struct sl_err *err)
{
	char name[SL_SEG_NAME];
	int fd;

	if (g->fd >= 0 && g->no == no)
		return 1;
	sl_seg_name(no, name);
	fd = openat(g->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open segment %s", name);
	sl_seg_done(g);
	g->fd = fd;
	g->no = no;
	return 1;
}

/* Bytes read (short at the end of the file). */
static int
seg_pread(struct sl_seg *g, uint64_t off, void *p, size_t n, size_t *ret,
	  struct sl_err *err)
{
	ssize_t k;
	int r = seg_open(g, (uint32_t)(off / SL_SEG_SIZE), err);

	if (r < 0)
		return r;
	k = r == 0 ? 0 : sl_io_read(g->fd, p, n, off % SL_SEG_SIZE);
	if (k < 0)
		return SL_ERR_SYS(err, (int)k, "cannot read segment %06u.log", g->no);
	*ret = (size_t)k;
	return 0;
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

uint32_t
sl_rec_crc(const uint8_t raw[SL_REC_HDR], enum sl_rec_type type, struct sl_slice body)
{
	uint8_t h[SL_REC_HDR];
	uint32_t c;

	memcpy(h, raw, sizeof(h));
	sl_le32(h + H_CRC, 0);
	c = sl_crc32c_add(0, (struct sl_slice){ h, sizeof(h) });
	return type == SL_REC_BLOB ? c : sl_crc32c_add(c, body);
}

static bool
kind_ok(const uint8_t *k)
{
	size_t n = strnlen((const char *)k, SL_REC_KIND);

	return n < SL_REC_KIND && all_zero(k + n, SL_REC_KIND - n);
}

static bool
header_decode(const uint8_t h[SL_REC_HDR], struct sl_rec *r)
{
	if (memcmp(h, "SLR", 3) != 0 || h[3] < SL_REC_TREE || h[3] > SL_REC_SEAL)
		return false;
	r->type = (enum sl_rec_type)h[3];
	r->len = sl_get32(h + H_LEN);
	r->tree = sl_get32(h + H_TREE);
	r->index = sl_get64(h + H_INDEX);
	r->time_ms = (int64_t)sl_get64(h + H_TIME);
	memcpy(r->hash, h + H_HASH, 32);
	memcpy(r->kind, h + H_KIND, SL_REC_KIND);
	memcpy(r->raw, h, SL_REC_HDR);
	return r->len <= SL_REC_MAX && r->time_ms >= 0 && kind_ok(h + H_KIND);
}

bool
sl_rec_parse(const uint8_t raw[SL_REC_HDR], uint64_t off, struct sl_rec *ret)
{
	if (!header_decode(raw, ret))
		return false;
	ret->off = off;
	ret->end = off + sl_rec_span(ret->len);
	return true;
}

static int
read_body(struct sl_seg *g, struct sl_buf *body, const struct sl_rec *r,
	  struct sl_err *err)
{
	size_t want = (size_t)(r->end - r->off) - SL_REC_HDR, got = 0;
	uint8_t *p;
	int e;

	sl_buf_clear(body);
	if ((p = sl_buf_room(body, want)) == NULL)
		return SL_ERR(err, NOMEM, "no memory for a record of %zu bytes", want);
	if ((e = seg_pread(g, r->off + SL_REC_HDR, p, want, &got, err)) < 0)
		return e;
	if (got < want)
		return sl_seg_damage(r->off, "record is cut short", err);
	if (!all_zero(p + r->len, want - r->len))
		return sl_seg_damage(r->off, "padding is not zero", err);
	p[r->len] = 0;
	body->len = r->len;
	return 0;
}

int
sl_seg_read(struct sl_seg *g, uint64_t off, struct sl_buf *body, struct sl_rec *ret,
	    struct sl_err *err)
{
	uint64_t left = SL_SEG_SIZE - off % SL_SEG_SIZE;
	uint8_t h[SL_REC_HDR] = { 0 };
	struct sl_slice b = { 0 };
	struct sl_rec r;
	size_t got = 0;
	int e;

	if (left < SL_REC_HDR)
		return 0;
	if ((e = seg_pread(g, off, h, sizeof(h), &got, err)) < 0)
		return e;
	if (all_zero(h, sizeof(h)))
		return 0;
	if (got < sizeof(h) || !header_decode(h, &r) || sl_rec_span(r.len) > left)
		return sl_seg_damage(off, "not a record", err);
	r.off = off;
	r.end = off + sl_rec_span(r.len);
	if (body != NULL) {
		if ((e = read_body(g, body, &r, err)) < 0)
			return e;
		b = sl_buf_get(body);
	}
	if ((body != NULL || r.type == SL_REC_BLOB) &&
	    sl_get32(h + H_CRC) != sl_rec_crc(h, r.type, b))
		return sl_seg_damage(off, "checksum differs", err);
	*ret = r;
	return 1;
}

int
sl_seg_tail(struct sl_seg *g, uint64_t off, uint64_t *ret, struct sl_err *err)
{
	uint64_t end = off - off % SL_SEG_SIZE + SL_SEG_SIZE;
	uint8_t b[16384];

	while (off < end) {
		size_t n = end - off < sizeof(b) ? (size_t)(end - off) : sizeof(b),
		       got = 0;
		int e = seg_pread(g, off, b, n, &got, err);

		if (e < 0)
			return e;
		if (!all_zero(b, got)) {
			for (size_t i = 0; b[i] == 0; i++)
				off++;
			break;
		}
		if (got < n)
			off = end;
		else
			off += n;
	}
	*ret = off;
	return 0;
}

void
sl_rec_put(struct sl_buf *out, uint64_t base, struct sl_rec *r, struct sl_slice body)
{
	static const uint8_t zeros[8];
	uint8_t *h = r->raw;

	memset(h, 0, SL_REC_HDR);
	h[0] = 'S';
	h[1] = 'L';
	h[2] = 'R';
	h[3] = (uint8_t)r->type;
	r->len = (uint32_t)body.len;
	sl_le32(h + H_LEN, r->len);
	sl_le32(h + H_TREE, r->tree);
	sl_le64(h + H_INDEX, r->index);
	sl_le64(h + H_TIME, (uint64_t)r->time_ms);
	memcpy(h + H_HASH, r->hash, 32);
	memcpy(h + H_KIND, r->kind, SL_REC_KIND);
	sl_le32(h + H_CRC, sl_rec_crc(h, r->type, body));
	r->off = base + out->len;
	sl_buf_put(out, h, SL_REC_HDR);
	sl_buf_slice(out, body);
	sl_buf_put(out, zeros, -body.len & 7);
	r->end = base + out->len;
}
