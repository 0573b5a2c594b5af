/* ws_store.c -- a manifest as bytes: the cache, and what a run keeps.
 *
 *   "SLWS0001", count (8), stamp ns (8), then for each entry in order of path:
 *   type (1), zero (1), mode (2), length of path (4), size (8), digest (32), dev (8),
 *   ino (8), mtime ns (8), ctime ns (8), path; last the SHA-256 of all before it.
 *   Little-endian.
 */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

enum { HEAD_LEN = 24, ENTRY_LEN = 80, FLUSH = 256 * 1024 };

static const char magic[8] = "SLWS0001";

static void
put_le(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t
get_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void
put_entry(uint8_t *p, const struct sl_ws_entry *e)
{
	p[0] = (uint8_t)e->type;
	p[1] = 0;
	put_le(p + 2, e->mode, 2);
	put_le(p + 4, e->path.len, 4);
	put_le(p + 8, e->size, 8);
	memcpy(p + 16, e->digest, SL_SHA256_LEN);
	put_le(p + 48, e->dev, 8);
	put_le(p + 56, e->ino, 8);
	put_le(p + 64, (uint64_t)e->mtime_ns, 8);
	put_le(p + 72, (uint64_t)e->ctime_ns, 8);
}

static bool
is_type(uint8_t t)
{
	return t != 0 && strchr("dflsmuU", t) != NULL;
}

static int
get_entry(struct sl_slice *src, const struct sl_ws_entry *prev, struct sl_arena *a,
	  struct sl_ws_entry *e, struct sl_err *err)
{
	const uint8_t *p = src->p;
	struct sl_slice path;

	if (src->len < ENTRY_LEN)
		return SL_ERR(err, FORMAT, "manifest cut short");
	path = (struct sl_slice){ p + ENTRY_LEN, (size_t)get_le(p + 4, 4) };
	if (path.len > src->len - ENTRY_LEN)
		return SL_ERR(err, FORMAT, "manifest cut short");
	if (!is_type(p[0]) || p[1] != 0 || get_le(p + 2, 2) > 07777 || !ws_path_ok(path))
		return SL_ERR(err, FORMAT, "bad entry in a manifest");
	if (prev != NULL && ws_path_cmp(prev->path, path) >= 0)
		return SL_ERR(err, FORMAT, "manifest out of order");
	e->type = (enum sl_ws_type)p[0];
	e->mode = (uint16_t)get_le(p + 2, 2);
	e->size = get_le(p + 8, 8);
	if (e->type != SL_WT_FILE && e->size != 0)
		return SL_ERR(err, FORMAT, "bad entry in a manifest");
	memcpy(e->digest, p + 16, SL_SHA256_LEN);
	e->dev = get_le(p + 48, 8);
	e->ino = get_le(p + 56, 8);
	e->mtime_ns = (int64_t)get_le(p + 64, 8);
	e->ctime_ns = (int64_t)get_le(p + 72, 8);
	e->path = sl_arena_dup(a, path);
	if (e->path.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a manifest");
	*src = sl_slice_skip(*src, ENTRY_LEN + path.len);
	return 0;
}

static int
get_entries(struct sl_slice src, size_t n, struct sl_arena *a, struct sl_ws_manifest *m,
	    struct sl_err *err)
{
	struct sl_ws_entry *e = SL_NEW_N(a, struct sl_ws_entry, n + 1);
	const struct sl_ws_entry **ptr = SL_NEW_N(a, const struct sl_ws_entry *, n + 1);
	int r;

	if (e == NULL || ptr == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a manifest");
	for (size_t i = 0; i < n; i++) {
		if ((r = get_entry(&src, i > 0 ? &e[i - 1] : NULL, a, &e[i], err)) < 0)
			return r;
		ptr[i] = &e[i];
	}
	if (src.len != 0)
		return SL_ERR(err, FORMAT, "bytes after the end of a manifest");
	m->entry = ptr;
	m->n = n;
	return ws_finish(m, err);
}

int
ws_decode(struct sl_slice src, struct sl_arena *a, struct sl_ws_manifest **ret,
	  struct sl_err *err)
{
	uint8_t sum[SL_SHA256_LEN];
	struct sl_ws_manifest *m;
	uint64_t n;
	int r;

	if (src.len < HEAD_LEN + sizeof(sum) || memcmp(src.p, magic, sizeof(magic)) != 0)
		return SL_ERR(err, FORMAT, "not a manifest");
	src.len -= sizeof(sum);
	sl_sha256(src, sum);
	if (memcmp(sum, src.p + src.len, sizeof(sum)) != 0)
		return SL_ERR(err, FORMAT, "manifest with a wrong checksum");
	n = get_le(src.p + 8, 8);
	if (n > SL_WS_ENTRIES_MAX || n > (src.len - HEAD_LEN) / ENTRY_LEN)
		return SL_ERR(err, FORMAT, "manifest with a wrong count");
	if ((m = SL_NEW(a, struct sl_ws_manifest)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a manifest");
	m->stamp_ns = (int64_t)get_le(src.p + 16, 8);
	if ((r = get_entries(sl_slice_skip(src, HEAD_LEN), (size_t)n, a, m, err)) < 0)
		return r;
	*ret = m;
	return 0;
}

static int
flush(int fd, struct sl_buf *b, struct sl_sha256 *h)
{
	const uint8_t *p = b->p;
	size_t n = b->len;

	if (b->is_failed)
		return -ENOMEM;
	sl_sha256_add(h, p, n);
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	sl_buf_clear(b);
	return 0;
}

static int
write_manifest(const struct sl_ws_manifest *m, int fd)
{
	SL_AUTO_BUF b = { .max = FLUSH + ENTRY_LEN + SL_WS_PATH_MAX };
	uint8_t fixed[ENTRY_LEN];
	struct sl_sha256 h, unused;
	uint8_t sum[SL_SHA256_LEN];
	int r = 0;

	sl_sha256_init(&h);
	sl_buf_put(&b, magic, sizeof(magic));
	put_le(fixed, m->n, 8);
	put_le(fixed + 8, (uint64_t)m->stamp_ns, 8);
	sl_buf_put(&b, fixed, 16);
	for (size_t i = 0; i < m->n && r == 0; i++) {
		put_entry(fixed, m->entry[i]);
		sl_buf_put(&b, fixed, sizeof(fixed));
		sl_buf_slice(&b, m->entry[i]->path);
		if (b.len >= FLUSH)
			r = flush(fd, &b, &h);
	}
	if (r == 0)
		r = flush(fd, &b, &h);
	if (r < 0)
		return r;
	sl_sha256_end(&h, sum);
	sl_sha256_init(&unused);
	sl_buf_put(&b, sum, sizeof(sum));
	return flush(fd, &b, &unused);
}

int
sl_ws_save(const struct sl_ws_manifest *m, int dir_fd, const char *name,
	   struct sl_err *err)
{
	char tmp[64];
	uint64_t id = 0;
	int r;

	/* unique among writers; O_EXCL does the rest */
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return SL_ERR_SYS(err, -errno, "no randomness");
	(void)snprintf(tmp, sizeof(tmp), ".tmp-ws-%016llx", (unsigned long long)id);
	{
		SL_AUTO_FD fd =
		    openat(dir_fd, tmp,
			   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd < 0)
			return SL_ERR_SYS(err, -errno, "cannot write '%s'", name);
		r = write_manifest(m, fd);
	}
	if (r == 0 && renameat(dir_fd, tmp, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, tmp, 0);
		return SL_ERR_SYS(err, r, "cannot write '%s'", name);
	}
	return 0;
}

static int
read_whole(int fd, uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t r = read(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EIO;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

int
sl_ws_load(int dir_fd, const char *name, struct sl_arena *a,
	   const struct sl_ws_manifest **ret, struct sl_err *err)
{
	SL_AUTO_FREE uint8_t *buf = NULL;
	SL_AUTO_FD fd = openat(dir_fd, name,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct sl_ws_manifest *m = NULL;
	struct stat st;
	size_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot read '%s'", name);
	if (!S_ISREG(st.st_mode) || st.st_size < HEAD_LEN || st.st_size > SL_WS_FILE_MAX)
		return SL_ERR(err, FORMAT, "'%s' is no manifest", name);
	n = (size_t)st.st_size;
	if ((buf = malloc(n)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for '%s'", name);
	if ((r = read_whole(fd, buf, n)) < 0)
		return SL_ERR_SYS(err, r, "cannot read '%s'", name);
	if (ws_decode((struct sl_slice){ buf, n }, a, &m, err) < 0)
		return sl_err_ctx(err, "'%s'", name);
	*ret = m;
	return 0;
}
