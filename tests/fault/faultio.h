/* faultio.h -- the store's function table with a counter: the n-th call fails. */
#ifndef SL_TESTS_FAULTIO_H
#define SL_TESTS_FAULTIO_H

#include "log/io.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

enum fault {
	FAULT_EIO,    /* nothing happens, -EIO */
	FAULT_ENOSPC, /* nothing happens, -ENOSPC */
	FAULT_SHORT,  /* half of a write happens and is said so; others as EIO */
	FAULT_LIE,    /* it happens, and is reported as failed */
	FAULT_MODES
};

struct faultio {
	unsigned long n, fail_at; /* calls so far; 0: none fails */
	enum fault mode;
	bool has_failed;
};

/* Whether this call is the one. */
static inline bool
fault_now(void *ctx)
{
	struct faultio *f = ctx;

	if (++f->n != f->fail_at)
		return false;
	f->has_failed = true;
	return true;
}

static inline int
fault_ret(void *ctx)
{
	const struct faultio *f = ctx;

	return f->mode == FAULT_ENOSPC ? -ENOSPC : -EIO;
}

static inline bool
fault_acts(void *ctx)
{
	return ((const struct faultio *)ctx)->mode == FAULT_LIE;
}

static inline int
fio_openat(void *ctx, int dir, const char *name, int flags, mode_t mode)
{
	const struct sl_store_io *s = sl_store_io_sys();
	int fd;

	if (!fault_now(ctx))
		return s->openat(NULL, dir, name, flags, mode);
	if (fault_acts(ctx) && (fd = s->openat(NULL, dir, name, flags, mode)) >= 0)
		(void)close(fd);
	return fault_ret(ctx);
}

static inline int
fio_mkdirat(void *ctx, int dir, const char *name, mode_t mode)
{
	bool now = fault_now(ctx);
	int r = now && !fault_acts(ctx)
		    ? 0
		    : sl_store_io_sys()->mkdirat(NULL, dir, name, mode);

	return now ? fault_ret(ctx) : r;
}

static inline int
fio_renameat(void *ctx, int dir, const char *from, const char *to)
{
	bool now = fault_now(ctx);
	int r = now && !fault_acts(ctx)
		    ? 0
		    : sl_store_io_sys()->renameat(NULL, dir, from, to);

	return now ? fault_ret(ctx) : r;
}

static inline ssize_t
fio_pwritev(void *ctx, int fd, const struct iovec *v, int n, off_t off)
{
	struct faultio *f = ctx;
	bool now = fault_now(ctx);
	struct iovec half = { v[0].iov_base, v[0].iov_len / 2 };
	ssize_t r = 0;

	if (now && f->mode == FAULT_SHORT)
		return sl_store_io_sys()->pwritev(NULL, fd, &half, 1, off);
	if (!now || fault_acts(ctx))
		r = sl_store_io_sys()->pwritev(NULL, fd, v, n, off);
	return now ? fault_ret(ctx) : r;
}

static inline int
fio_ftruncate(void *ctx, int fd, off_t len)
{
	bool now = fault_now(ctx);
	int r = now && !fault_acts(ctx) ? 0 : sl_store_io_sys()->ftruncate(NULL, fd, len);

	return now ? fault_ret(ctx) : r;
}

static inline int
fio_fdatasync(void *ctx, int fd)
{
	bool now = fault_now(ctx);

	(void)fd; /* what is not synced is what this process would see anyway */
	return now ? fault_ret(ctx) : 0;
}

static inline struct sl_store_io
faultio_table(struct faultio *f)
{
	return (struct sl_store_io){ .ctx = f,
				     .openat = fio_openat,
				     .mkdirat = fio_mkdirat,
				     .renameat = fio_renameat,
				     .pwritev = fio_pwritev,
				     .ftruncate = fio_ftruncate,
				     .fdatasync = fio_fdatasync,
				     .fsync = fio_fdatasync };
}

#endif
