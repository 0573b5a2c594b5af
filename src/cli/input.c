/* input.c -- see input.h. */
#include "cli/input.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 8192 };

static int
cannot_open(const char *path, int e, struct sl_err *err)
{
	if (e == ENOENT || e == ENOTDIR)
		return SL_ERR(err, NOENT, "no file '%.200s'", path);
	if (e == ELOOP || e == ENAMETOOLONG || e == ENXIO)
		return SL_ERR(err, USAGE, "'%.200s' cannot be read: %s", path,
			      strerrordesc_np(e));
	return SL_ERR_SYS(err, -e, "cannot open '%.200s'", path);
}

int
sl_input_fd(int fd, const char *what, size_t max, struct sl_buf *out, struct sl_err *err)
{
	sl_buf_init(out, max + CHUNK);
	for (;;) {
		uint8_t *to = out->len <= max ? sl_buf_room(out, CHUNK) : NULL;
		ssize_t n;

		if (out->len > max)
			return SL_ERR(err, LIMIT, "'%.200s' is larger than %zu bytes",
				      what, max);
		if (to == NULL)
			return SL_ERR(err, NOMEM, "out of memory for '%.200s'", what);
		n = read(fd, to, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SL_ERR_SYS(err, -errno, "cannot read '%.200s'", what);
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		out->p[out->len] = 0;
	}
}

int
sl_input_path(const char *path, size_t max, struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return cannot_open(path, errno, err);
	if (S_ISDIR(st.st_mode))
		return SL_ERR(err, USAGE, "'%.200s' is a directory", path);
	/* A plain file, or a pipe (a shell's <(command)): a device may have no end. */
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return SL_ERR(err, USAGE, "'%.200s' is no plain file", path);
	if (fcntl(fd, F_SETFL, O_RDONLY) < 0) /* a pipe's writer may take its time */
		return SL_ERR_SYS(err, -errno, "cannot read '%.200s'", path);
	return sl_input_fd(fd, path, max, out, err);
}
