/* home.c -- see home.h. */
#include "record/home.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* mkdir -p of an absolute path; only the last component must be ours. */
static int
make_parents(char *path, bool *ret_is_new, struct sl_err *err)
{
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		*ret_is_new = mkdir(path, 0700) == 0;
		if (!*ret_is_new && errno != EEXIST) {
			int e = errno;

			return SL_ERR_SYS(err, -e, "cannot make '%.200s'", path);
		}
		*p = c;
		if (c == '\0')
			return 0;
	}
}

int
sl_home_open(const char *path, struct sl_home *ret, struct sl_err *err)
{
	/* The last is made last: where it is, all are. */
	static const char *const dirs[] = { "log",   "cas",  "policy",
					    "cache", "runs", "runs/open" };
	const size_t n = sizeof(dirs) / sizeof(dirs[0]);
	SL_AUTO_FREE char *p = NULL, *real = NULL;
	SL_AUTO_FD fd = -1;
	bool is_new = false;
	struct stat st;
	int r;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return SL_ERR(err, USAGE, "SLUICE_HOME '%.200s' is not an absolute path",
			      path);
	if ((p = strdup(path)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = make_parents(p, &is_new, err)) < 0)
		return r;
	if ((real = realpath(p, NULL)) == NULL ||
	    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): SL_AUTO_FREE frees p */
	    (fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%.200s'", path);
	if (st.st_uid != geteuid())
		return SL_ERR(err, ENV, "'%.200s' belongs to uid %u, and this is uid %u",
			      path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 022) != 0)
		return SL_ERR(err, ENV,
			      "others can write to '%.200s' (mode %o); chmod go-w it",
			      path, (unsigned)st.st_mode & 07777);
	for (size_t i = faccessat(fd, dirs[n - 1], F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? n
										   : 0;
	     i < n; i++)
		if (mkdirat(fd, dirs[i], 0700) < 0 && errno != EEXIST)
			return SL_ERR_SYS(err, -errno, "cannot make '%.200s/%s'", path,
					  dirs[i]);
	ret->path = sl_steal_ptr(&real);
	ret->fd = sl_steal_fd(&fd);
	ret->is_new = is_new;
	return 0;
}

void
sl_home_done(struct sl_home *h)
{
	free(h->path);
	if (h->fd >= 0)
		(void)close(h->fd);
	*h = (struct sl_home){ .fd = -1 };
}

int
sl_home_dir(const struct sl_home *h, const char *name, int *ret_fd, struct sl_err *err)
{
	int fd;

	if (mkdirat(h->fd, name, 0700) < 0 && errno != EEXIST)
		return SL_ERR_SYS(err, -errno, "cannot make '%s/%s'", h->path, name);
	fd = openat(h->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s/%s'", h->path, name);
	*ret_fd = fd;
	return 0;
}

int
sl_home_read(const struct sl_home *h, const char *name, size_t max, struct sl_buf *out,
	     struct sl_err *err)
{
	SL_AUTO_FD fd =
	    openat(h->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return SL_ERR(err, NOENT, "no '%s/%s'", h->path, name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s/%s'", h->path, name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return SL_ERR(err, LIMIT, "'%s/%s' is no file of at most %zu bytes",
			      h->path, name, max);
	for (;;) {
		uint8_t *to = sl_buf_room(out, 4096);
		ssize_t n;

		if (to == NULL)
			return SL_ERR(err, LIMIT, "'%s/%s' is larger than %zu bytes",
				      h->path, name, out->max);
		n = read(fd, to, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SL_ERR_SYS(err, -errno, "cannot read '%s/%s'", h->path,
					  name);
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		out->p[out->len] = 0;
	}
}

static int
write_all(int fd, struct sl_slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.p, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s = sl_slice_skip(s, (size_t)n);
	}
	return 0;
}

int
sl_home_write(const struct sl_home *h, const char *name, struct sl_slice bytes,
	      bool durable, struct sl_err *err)
{
	char tmp[256];
	SL_AUTO_FD fd = -1;
	int r;

	if (snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", name, (long)getpid()) >=
	    (int)sizeof(tmp))
		return SL_ERR(err, BUG, "name '%s' is too long", name);
	(void)unlinkat(h->fd, tmp, 0);
	fd = openat(h->fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot write '%s/%s'", h->path, name);
	r = write_all(fd, bytes);
	if (r == 0 && durable && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(h->fd, tmp, h->fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(h->fd, tmp, 0);
		return SL_ERR_SYS(err, r, "cannot write '%s/%s'", h->path, name);
	}
	return 0;
}
