/* io.h -- the calls by which the store changes the disk, as a table, so that a test
 * can fail, record or cut short the n-th of them.
 *
 * Every function returns what the system call does, or -errno.  Reading is not in
 * the table: a read that fails loses nothing. */
#ifndef SL_LOG_IO_H
#define SL_LOG_IO_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct sl_store_io {
	void *ctx; /* handed to each function */
	int (*openat)(void *ctx, int dir_fd, const char *name, int flags, mode_t mode);
	int (*mkdirat)(void *ctx, int dir_fd, const char *name, mode_t mode);
	int (*renameat)(void *ctx, int dir_fd, const char *from, const char *to);
	ssize_t (*pwritev)(void *ctx, int fd, const struct iovec *v, int n, off_t off);
	int (*ftruncate)(void *ctx, int fd, off_t len);
	int (*fdatasync)(void *ctx, int fd);
	int (*fsync)(void *ctx, int fd); /* of a directory: makes new names durable */
};

const struct sl_store_io *sl_store_io_sys(void); /* the system's own */

/* All n bytes at off, or -errno; a short write is -ENOSPC, for a regular file takes
 * less only when it cannot take the rest.  The caller must not try again. */
int sl_io_write(const struct sl_store_io *io, int fd, const void *p, size_t n,
		uint64_t off);
/* The same of zeros. */
int sl_io_zeros(const struct sl_store_io *io, int fd, size_t n, uint64_t off);
/* Reads until n bytes or the end of the file; bytes read, or -errno. */
ssize_t sl_io_read(int fd, void *p, size_t n, uint64_t off);

#endif
