/* io.c -- see io.h. */
#include "log/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
ret(int r)
{
	return r < 0 ? -errno : r;
}

static int
sys_openat(void *ctx, int dir_fd, const char *name, int flags, mode_t mode)
{
	(void)ctx;
	return ret(openat(dir_fd, name, flags | O_CLOEXEC | O_NOFOLLOW, mode));
}

static int
sys_mkdirat(void *ctx, int dir_fd, const char *name, mode_t mode)
{
	(void)ctx;
	return ret(mkdirat(dir_fd, name, mode));
}

static int
sys_renameat(void *ctx, int dir_fd, const char *from, const char *to)
{
	(void)ctx;
	return ret(renameat(dir_fd, from, dir_fd, to));
}

static ssize_t
sys_pwritev(void *ctx, int fd, const struct iovec *v, int n, off_t off)
{
	ssize_t r = pwritev(fd, v, n, off);

	(void)ctx;
	return r < 0 ? -errno : r;
}

static int
sys_ftruncate(void *ctx, int fd, off_t len)
{
	(void)ctx;
	return ret(ftruncate(fd, len));
}

static int
sys_fdatasync(void *ctx, int fd)
{
	(void)ctx;
	return ret(fdatasync(fd));
}

static int
sys_fsync(void *ctx, int fd)
{
	(void)ctx;
	return ret(fsync(fd));
}

const struct sl_store_io *
sl_store_io_sys(void)
{
	static const struct sl_store_io io = {
		.openat = sys_openat,
		.mkdirat = sys_mkdirat,
		.renameat = sys_renameat,
		.pwritev = sys_pwritev,
		.ftruncate = sys_ftruncate,
		.fdatasync = sys_fdatasync,
		.fsync = sys_fsync,
	};

	return &io;
}

int
sl_io_write(const struct sl_store_io *io, int fd, const void *p, size_t n, uint64_t off)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): iovec has no const */
	struct iovec v = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	ssize_t r = io->pwritev(io->ctx, fd, &v, 1, (off_t)off);

	if (r < 0)
		return (int)r;
	/* A regular file takes less than asked only when it cannot take the rest. */
	return (size_t)r == n ? 0 : -ENOSPC;
}

int
sl_io_zeros(const struct sl_store_io *io, int fd, size_t n, uint64_t off)
{
	enum { PAGE = 4096, PAGES = 16 };
	static const uint8_t zeros[PAGE];

	while (n > 0) {
		struct iovec v[PAGES];
		size_t k = 0, sum = 0;
		ssize_t w;

		for (; k < PAGES && sum < n; k++) {
			/* NOLINTNEXTLINE(performance-no-int-to-ptr): only read */
			v[k].iov_base = (void *)(uintptr_t)zeros;
			v[k].iov_len = n - sum < PAGE ? n - sum : PAGE;
			sum += v[k].iov_len;
		}
		w = io->pwritev(io->ctx, fd, v, (int)k, (off_t)off);
		if (w < 0)
			return (int)w;
		if ((size_t)w != sum)
			return -ENOSPC;
		n -= sum;
		off += sum;
	}
	return 0;
}

ssize_t
sl_io_read(int fd, void *p, size_t n, uint64_t off)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, (uint8_t *)p + got, n - got, (off_t)(off + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}
