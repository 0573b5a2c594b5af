/* mark.c -- see mark.h. */
#include "run/mark.h"

#include "base/auto.h"
#include "base/hex.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { NEW_AGE_S = 60 };

#define SPARE "runs/spare" /* what is no mark any more */

static void
name_of(const uint8_t run[32], char out[96])
{
	char hex[65];

	sl_hex(hex, run, 32);
	(void)snprintf(out, 96, "runs/open/%s", hex);
}

/* The mark, locked, when nobody holds it; -1 when somebody does or it is gone. */
static int
take(const struct sl_home *h, const char *name)
{
	SL_AUTO_FD fd = openat(h->fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	/* Its owner may have taken the name off between open and lock. */
	if (!sl_os_same_file(fd, h->fd, name))
		return -1;
	return sl_steal_fd(&fd);
}

/* In one write, padded, so that no end of an older and longer number is ever left. */
static int
put_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%-20ld\n", (long)getpid());

	ssize_t r;

	do
		r = pwrite(fd, text, (size_t)n, 0);
	while (r < 0 && errno == EINTR);
	return r == n ? 0 : -1;
}

int
sl_mark_set(const struct sl_home *h, const uint8_t run[32], struct sl_mark *ret,
	    struct sl_err *err)
{
	SL_AUTO_FD fd = -1;
	char tmp[96];
	int r = 0;

	name_of(run, ret->name);
	/* Locked before it has its name: another start must never see it without its
	 * owner. The file of a run that is over is used again: to make one costs the file
	 * system more than all the rest of a mark. */
	(void)snprintf(tmp, sizeof(tmp), SPARE);
	if ((fd = take(h, tmp)) < 0) {
		(void)snprintf(tmp, sizeof(tmp), "runs/open/new.%ld", (long)getpid());
		(void)unlinkat(h->fd, tmp, 0); /* of a process that died here */
		fd = openat(h->fd, tmp,
			    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || put_pid(fd) < 0 ||
	    renameat(h->fd, tmp, h->fd, ret->name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(h->fd, tmp, 0);
		return SL_ERR_SYS(err, r, "cannot mark the run in '%s/runs/open'",
				  h->path);
	}
	ret->fd = sl_steal_fd(&fd);
	return 0;
}

long
sl_mark_pid(const struct sl_home *h, const uint8_t run[32])
{
	SL_AUTO_FD fd = -1;
	char name[96], text[32] = "", *end;
	long pid;

	if (!sl_mark_is_live(h, run))
		return 0;
	name_of(run, name);
	fd = openat(h->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	pid = strtol(text, &end, 10);
	return (*end == '\n' || *end == ' ') && pid > 1 ? pid : 0;
}

void
sl_mark_clear(const struct sl_home *h, struct sl_mark *m)
{
	if (m->fd < 0)
		return;
	/* Never over another: whoever has that one locked is about to give it a name. */
	if (renameat2(h->fd, m->name, h->fd, SPARE, RENAME_NOREPLACE) < 0)
		(void)unlinkat(h->fd, m->name, 0);
	(void)close(m->fd);
	m->fd = -1;
}

/* A mark whose maker died before it had its name; one in the making is a moment old. */
static void
forget_new(const struct sl_home *h, const char *name)
{
	char path[96];
	struct stat st;

	if (snprintf(path, sizeof(path), "runs/open/%s", name) < (int)sizeof(path) &&
	    fstatat(h->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime + NEW_AGE_S < time(NULL))
		(void)unlinkat(h->fd, path, 0);
}

int
sl_mark_is_live(const struct sl_home *h, const uint8_t run[32])
{
	SL_AUTO_FD fd = -1;
	char name[96];

	name_of(run, name);
	fd = openat(h->fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 &&
	       sl_os_same_file(fd, h->fd, name);
}

int
sl_mark_stale(const struct sl_home *h,
	      int (*each)(void *arg, const uint8_t run[32], struct sl_err *err),
	      void *arg, struct sl_err *err)
{
	int dir_fd = openat(h->fd, "runs/open", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SL_AUTO_DIR d = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	struct dirent *e;

	if (d == NULL)
		return SL_ERR_SYS(err, -errno, "cannot read '%s/runs/open'", h->path);
	while ((e = readdir(d)) != NULL) {
		SL_AUTO_FD fd = -1;
		uint8_t run[32];
		char name[96];
		int r;

		if (strncmp(e->d_name, "new.", 4) == 0)
			forget_new(h, e->d_name);
		if (!sl_unhex(run, 32, sl_slice_str(e->d_name)))
			continue;
		name_of(run, name);
		fd = take(h, name);
		if (fd < 0)
			continue;
		if ((r = each(arg, run, err)) < 0)
			return r;
		(void)unlinkat(h->fd, name, 0);
	}
	return 0;
}
