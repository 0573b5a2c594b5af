/* ws_remove.c -- removes a tree of any depth with two descriptors: a directory found
 * below is first moved up to the top, so nothing is ever nested. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>

struct removal {
	int top;       /* the tree's root */
	uint64_t next; /* number for a name at the top */
	struct sl_err *err;
};

/* The directory p (O_PATH will do), opened up if its owner closed it. */
static int
open_this(int p)
{
	struct ws_st st = { 0 };
	int r;

	if ((r = ws_stat(p, "", &st)) < 0)
		return r;
	if ((st.mode & 0700) != 0700 && geteuid() != 0 &&
	    (r = ws_chmod(p, st.mode | 0700)) < 0)
		return r;
	return ws_open(p, ".", O_RDONLY | O_DIRECTORY);
}

static int
open_up(int at, const char *name)
{
	SL_AUTO_FD p = ws_open(at, name, O_PATH | O_DIRECTORY);

	return p < 0 ? p : open_this(p);
}

static int
move_up(struct removal *m, int at, const char *name)
{
	SL_AUTO_FD fd = open_up(at, name); /* its ".." changes: it must be writable */
	char up[48];

	if (fd < 0)
		return SL_ERR_SYS(m->err, fd, "cannot open '%s'", name);
	for (;;) {
		(void)snprintf(up, sizeof(up), ".sluice-rm-%llu",
			       (unsigned long long)m->next++);
		if (renameat2(at, name, m->top, up, RENAME_NOREPLACE) == 0)
			return 0;
		/* file systems without the flag: the names are ours, so look first */
		if (errno == EINVAL &&
		    faccessat(m->top, up, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    renameat(at, name, m->top, up) == 0)
			return 0;
		if (errno != EEXIST && errno != EINVAL)
			return SL_ERR_SYS(m->err, -errno, "cannot remove '%s'", name);
	}
}

/* Removes one entry of at; a directory in it moves up.  Returns 1 for the latter. */
static int
remove_entry(struct removal *m, int at, const char *name)
{
	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return SL_ERR_SYS(m->err, -errno, "cannot remove '%s'", name);
	if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR) /* not a directory, then: the first answer counts */
		return SL_ERR_SYS(m->err, -EPERM, "cannot remove '%s'", name);
	if (errno != ENOTEMPTY && errno != EEXIST)
		return SL_ERR_SYS(m->err, -errno, "cannot remove '%s'", name);
	return 1;
}

/* Empties the directory name of at: files go, directories move up. */
static int
empty(struct removal *m, int at, const char *name)
{
	SL_AUTO_DIR d = NULL;
	SL_AUTO_FD fd = open_up(at, name);
	struct dirent *e;
	int r;

	if (fd < 0)
		return SL_ERR_SYS(m->err, fd, "cannot open '%s'", name);
	if ((d = fdopendir(fd)) == NULL)
		return SL_ERR_SYS(m->err, -errno, "cannot list '%s'", name);
	(void)sl_steal_fd(&fd);
	while ((void)(errno = 0), (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = remove_entry(m, dirfd(d), e->d_name);
		if (r > 0)
			r = move_up(m, dirfd(d), e->d_name);
		if (r < 0)
			return r;
	}
	return errno != 0 ? SL_ERR_SYS(m->err, -errno, "cannot list '%s'", name) : 0;
}

/* One look at the top: *ret_n entries were dealt with. */
static int
pass(struct removal *m, size_t *ret_n)
{
	SL_AUTO_DIR d = NULL;
	SL_AUTO_FD fd = ws_open(m->top, ".", O_RDONLY | O_DIRECTORY);
	struct dirent *e;
	int r;

	*ret_n = 0;
	if (fd < 0 || (d = fdopendir(fd)) == NULL)
		return SL_ERR_SYS(m->err, fd < 0 ? fd : -errno,
				  "cannot list a directory");
	(void)sl_steal_fd(&fd);
	while ((void)(errno = 0), (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(*ret_n)++;
		r = remove_entry(m, m->top, e->d_name);
		if (r > 0)
			r = empty(m, m->top, e->d_name);
		if (r < 0)
			return r;
	}
	return errno != 0 ? SL_ERR_SYS(m->err, -errno, "cannot list a directory") : 0;
}

int
sl_ws_remove(int parent_fd, const char *name, struct sl_err *err)
{
	struct removal m = { .err = err };
	struct ws_st st = { 0 };
	SL_AUTO_FD top = -1;
	size_t n = 1;
	int r = ws_stat(parent_fd, name, &st);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return SL_ERR_SYS(err, r, "cannot look at '%s'", name);
	if (st.fmt != S_IFDIR)
		return unlinkat(parent_fd, name, 0) < 0
			   ? SL_ERR_SYS(err, -errno, "cannot remove '%s'", name)
			   : 0;
	{
		SL_AUTO_FD p = openat(parent_fd, name,
				      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (p < 0 || (top = open_this(p)) < 0)
			return SL_ERR_SYS(err, p < 0 ? -errno : top, "cannot open '%s'",
					  name);
	}
	m.top = top;
	while (n > 0)
		if (pass(&m, &n) < 0)
			return sl_err_ctx(err, "'%s'", name);
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0)
		return SL_ERR_SYS(err, -errno, "cannot remove '%s'", name);
	return 0;
}
