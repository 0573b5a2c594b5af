/* ws_fs.c -- see ws_int.h: descriptors, one entry at a time. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

enum { CHUNK = 128 * 1024, HOLE = 4096 };

/* Filled by read() before any use: zeroing it first would cost more than a small file. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNINITIALIZED __attribute__((uninitialized))
#else
#define UNINITIALIZED
#endif

static int64_t
ns_of(const struct statx_timestamp *t)
{
	int64_t s;

	/* A foreign image may carry any second: keep it comparable, not exact. */
	if (__builtin_mul_overflow(t->tv_sec, INT64_C(1000000000), &s) ||
	    __builtin_add_overflow(s, (int64_t)t->tv_nsec, &s))
		return t->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return s;
}

static enum sl_ws_type
type_of(const struct statx *x)
{
	switch (x->stx_mode & S_IFMT) {
	case S_IFDIR:
		return SL_WT_DIR;
	case S_IFREG:
		return SL_WT_FILE;
	case S_IFLNK:
		return SL_WT_LINK;
	case S_IFCHR:
		if (x->stx_rdev_major == 0 && x->stx_rdev_minor == 0)
			return SL_WT_WHITEOUT;
		return SL_WT_SPECIAL;
	default:
		return SL_WT_SPECIAL;
	}
}

int
ws_stat(int at, const char *name, struct ws_st *ret)
{
	struct statx x;
	bool is_self = name[0] == '\0';

	if (statx(at, name,
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (is_self ? AT_EMPTY_PATH : 0),
		  STATX_BASIC_STATS, &x) < 0)
		return -errno;
	*ret = (struct ws_st){ .type = type_of(&x),
			       .fmt = x.stx_mode & S_IFMT,
			       .mode = x.stx_mode & 07777,
			       .uid = x.stx_uid,
			       .gid = x.stx_gid,
			       .rdev_major = x.stx_rdev_major,
			       .rdev_minor = x.stx_rdev_minor,
			       .size = x.stx_size,
			       .dev = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor,
			       .ino = x.stx_ino,
			       .mtime_ns = ns_of(&x.stx_mtime),
			       .ctime_ns = ns_of(&x.stx_ctime) };
	if (!is_self && (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
		ret->type = SL_WT_MOUNT;
	return 0;
}

int
ws_open(int at, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	long fd;

	if ((flags & O_PATH) == 0)
		how.flags |= O_NONBLOCK | O_NOCTTY;
	/* EAGAIN: a rename somewhere raced the "beneath" check; it may be tried again */
	for (int i = 0; i < 64; i++) {
		fd = syscall(SYS_openat2, at, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

int
ws_chmod(int path_fd, unsigned mode)
{
	char self[32];

	/* fchmod() refuses O_PATH; the magic link names the very inode that is held */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	return chmod(self, mode) < 0 ? -errno : 0;
}

int
ws_open_dir(int at, const char *name, bool is_ours, int *ret_mode)
{
	SL_AUTO_FD p = -1;
	struct ws_st st = { 0 };
	int fd, r;

	*ret_mode = -1;
	if (!is_ours || geteuid() == 0)
		return ws_open(at, name, O_RDONLY | O_DIRECTORY);
	/* "." of a directory without search permission is not found */
	if (strcmp(name, ".") != 0)
		p = ws_open(at, name, O_PATH | O_DIRECTORY);
	else if ((p = fcntl(at, F_DUPFD_CLOEXEC, 0)) < 0)
		p = -errno;
	if (p < 0)
		return p;
	if ((r = ws_stat(p, "", &st)) < 0)
		return r;
	if ((st.mode & 0500) != 0500) {
		if ((r = ws_chmod(p, st.mode | 0700)) < 0)
			return r;
		*ret_mode = st.mode;
	}
	fd = ws_open(p, ".", O_RDONLY | O_DIRECTORY);
	if (fd < 0 && *ret_mode >= 0) {
		(void)ws_chmod(p, st.mode);
		*ret_mode = -1;
	}
	return fd;
}

/* Opens a closed file by opening it up for a moment. */
static int
open_closed(int at, const char *name, int flags)
{
	SL_AUTO_FD p = ws_open(at, name, O_PATH);
	struct ws_st st = { 0 };
	int fd, r;

	if (p < 0)
		return p;
	if ((r = ws_stat(p, "", &st)) < 0)
		return r;
	if (st.fmt != S_IFREG && st.fmt != S_IFDIR)
		return -EACCES;
	if ((r = ws_chmod(p, st.mode | 0700)) < 0)
		return r;
	fd = ws_open(at, name, flags);
	r = ws_chmod(p, st.mode);
	if (r < 0 && fd >= 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

struct opened {
	int fd, mode; /* the mode to give back, or -1 */
};

/* Walks to the last component; what was opened up on the way is in st[0 ... *n). */
static int
open_chain(int at, const char *path, int flags, struct opened *st, size_t *n)
{
	char name[NAME_MAX + 1];
	int cur = at, fd, mode;

	if ((fd = ws_open_dir(cur, ".", true, &mode)) < 0)
		return fd;
	for (;;) {
		size_t len = strcspn(path, "/");

		st[*n] = (struct opened){ fd, mode };
		(*n)++;
		cur = fd;
		if (path[len] == '\0')
			break;
		if (len >= sizeof(name) || *n > SL_WS_DEPTH_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len + 1;
		if ((fd = ws_open_dir(cur, name, true, &mode)) < 0)
			return fd;
	}
	fd = ws_open(cur, path, flags);
	return fd == -EACCES ? open_closed(cur, path, flags) : fd;
}

int
ws_open_ours(int at, const char *path, int flags)
{
	struct opened st[SL_WS_DEPTH_MAX + 2];
	size_t n = 0;
	int fd = ws_open(at, path, flags);

	if (fd != -EACCES || geteuid() == 0)
		return fd;
	fd = open_chain(at, path, flags, st, &n);
	while (n-- > 0) {
		if (st[n].mode >= 0)
			(void)fchmod(st[n].fd, (mode_t)st[n].mode);
		(void)close(st[n].fd);
	}
	return fd;
}

int
ws_open_parent(int at, const char *path, const char **ret_name)
{
	char dir[SL_WS_PATH_MAX + 1];
	const char *slash = strrchr(path, '/');
	size_t len;

	if (slash == NULL) {
		*ret_name = path;
		return ws_open(at, ".", O_RDONLY | O_DIRECTORY);
	}
	len = (size_t)(slash - path);
	if (len > SL_WS_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	*ret_name = slash + 1;
	return ws_open(at, dir, O_RDONLY | O_DIRECTORY);
}

static ssize_t
read_some(int fd, uint8_t *buf, size_t n)
{
	ssize_t r;

	do
		r = read(fd, buf, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int
ws_hash_fd(int fd, uint8_t out[SL_SHA256_LEN], uint64_t *ret_size)
{
	UNINITIALIZED uint8_t buf[CHUNK];
	struct sl_sha256 h;
	uint64_t size = 0;
	ssize_t n;

	sl_sha256_init(&h);
	while ((n = read_some(fd, buf, sizeof(buf))) > 0) {
		sl_sha256_add(&h, buf, (size_t)n);
		size += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	sl_sha256_end(&h, out);
	*ret_size = size;
	return 0;
}

static bool
is_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* Whole blocks of zeros become a hole. */
static int
put_sparse(int out, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t step = n < HOLE ? n : HOLE;
		int r = 0;

		if (step == HOLE && is_zero(p, step))
			r = lseek(out, HOLE, SEEK_CUR) < 0 ? -errno : 0;
		else
			r = write_all(out, p, step);
		if (r < 0)
			return r;
		p += step;
		n -= step;
	}
	return 0;
}

int
ws_copy_hashed(int in, int out, uint8_t digest[SL_SHA256_LEN], uint64_t *ret_size)
{
	UNINITIALIZED uint8_t buf[CHUNK];
	struct sl_sha256 h;
	uint64_t size = 0;
	ssize_t n;
	int r;

	sl_sha256_init(&h);
	while ((n = read_some(in, buf, sizeof(buf))) > 0) {
		sl_sha256_add(&h, buf, (size_t)n);
		size += (uint64_t)n;
		/* a long run of zeros that was data stays cheap; one chunk at a time */
		r = is_zero(buf, (size_t)n) ? put_sparse(out, buf, (size_t)n)
					    : write_all(out, buf, (size_t)n);
		if (r < 0)
			return r;
	}
	if (n < 0)
		return (int)n;
	if (ftruncate(out, (off_t)size) < 0)
		return -errno;
	sl_sha256_end(&h, digest);
	*ret_size = size;
	return 0;
}

/* One run of data, at the same place in both. */
static int
copy_run(int in, int out, off_t from, off_t to)
{
	off_t dst = from;

	while (from < to) {
		ssize_t n = copy_file_range(in, &from, out, &dst, (size_t)(to - from), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno
				     : -EXDEV; /* says nothing: read it by hand */
	}
	return 0;
}

static int
copy_runs(int in, int out, off_t size)
{
	off_t hole = 0;
	int r;

	while (hole < size) {
		off_t data = lseek(in, hole, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			break; /* a hole up to the end */
		if (data < 0 || (hole = lseek(in, data, SEEK_HOLE)) < 0)
			return -errno;
		if ((r = copy_run(in, out, data, hole)) < 0)
			return r;
	}
	return ftruncate(out, size) < 0 ? -errno : 0;
}

int
ws_copy_fast(int in, int out)
{
	uint8_t digest[SL_SHA256_LEN];
	struct ws_st st = { 0 };
	uint64_t size;
	int r;

	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	if ((r = ws_stat(in, "", &st)) < 0)
		return r;
	if (st.size > 0 && st.size <= INT64_MAX) {
		r = copy_runs(in, out, (off_t)st.size);
		if (r == 0 || r == -ENOSPC || r == -EDQUOT || r == -EIO || r == -EFBIG)
			return r;
	}
	/* across file systems, or one that cannot, or has no sizes */
	if (lseek(in, 0, SEEK_SET) < 0 || lseek(out, 0, SEEK_SET) < 0 ||
	    ftruncate(out, 0) < 0)
		return -errno;
	return ws_copy_hashed(in, out, digest, &size);
}

int
ws_read_link(int at, const char *name, struct sl_arena *a, struct sl_slice *ret)
{
	char buf[PATH_MAX + 1];
	ssize_t n = readlinkat(at, name, buf, sizeof(buf));

	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(buf))
		return -ENAMETOOLONG;
	*ret = sl_arena_dup(a, (struct sl_slice){ (const uint8_t *)buf, (size_t)n });
	return ret->p == NULL ? -ENOMEM : 0;
}

void
ws_special_digest(const struct ws_st *st, uint8_t out[SL_SHA256_LEN])
{
	char s[64];
	int n;

	if (st->fmt == S_IFIFO)
		n = snprintf(s, sizeof(s), "fifo");
	else if (st->fmt == S_IFSOCK)
		n = snprintf(s, sizeof(s), "socket");
	else
		n = snprintf(s, sizeof(s), "%s:%u:%u",
			     st->fmt == S_IFCHR ? "char" : "block", st->rdev_major,
			     st->rdev_minor);
	sl_sha256((struct sl_slice){ (const uint8_t *)s, (size_t)n }, out);
}

int
ws_set_times(int fd, int64_t mtime_ns)
{
	int64_t s = mtime_ns / 1000000000, ns = mtime_ns % 1000000000;

	if (ns < 0) {
		ns += 1000000000;
		s--;
	}
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
				 { .tv_sec = (time_t)s, .tv_nsec = (long)ns } };

	return futimens(fd, t) < 0 ? -errno : 0;
}
