/* store.c -- a stored root (src/roots) as the box's tree.
 *
 * What lies in / of it, and one level below in /etc, /home, /opt and /var, is shown entry
 * by entry: a directory or a file as a read-only mount, a link as a link.  What the box
 * has there itself (its places, /proc, /dev, its own files of /etc) stays.  So the tree
 * in the store needs no mount points, and no byte of it is written to.
 */
#include "box/internal.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define RO (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

enum { SHOWN_MAX = 1024 }; /* as SL_ROOT_SHOWN_MAX of an import */

/* Shown entry by entry; "" is the root. */
static const char *const levels[] = { "", "etc", "home", "opt", "var" };

static bool
is_level(const char *path)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(path, levels[i]) == 0)
			return true;
	return false;
}

/* Never the root's own, whether the box has one or not. */
static bool
is_withheld(const char *path)
{
	static const char *const names[] = { "proc", "sys", "dev", "run", "tmp" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(path, names[i]) == 0)
			return true;
	return false;
}

static int
copy_link(struct sl_setup *s, int fd, const char *name, const char *in_s)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, s->s_fd, in_s) < 0 && errno != EEXIST ? -errno : 0;
}

static int
show_entry(struct sl_setup *s, int fd, const char *name, const char *path)
{
	char in_s[NAME_MAX + 16];
	SL_AUTO_FD mnt = -1;
	struct stat st, own;
	int r;

	if (snprintf(in_s, sizeof(in_s), "r/%s", path) >= (int)sizeof(in_s))
		return -ENAMETOOLONG;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return copy_link(s, fd, name, in_s);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTSUP;
	if (fstatat(s->s_fd, in_s, &own, AT_SYMLINK_NOFOLLOW) == 0) {
		/* the skeleton has an empty place for it; else the box's own stays */
		if (strcmp(path, "usr") != 0)
			return 0;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
	} else if ((S_ISDIR(st.st_mode)
			? mkdirat(s->s_fd, in_s, 0755)
			: mknodat(s->s_fd, in_s, S_IFREG | 0444, 0)) < 0) {
		return -errno;
	}
	if (is_level(path))
		return 0;
	if ((mnt = sl_mnt_clone(fd, name, false, RO, -1)) < 0)
		return mnt;
	if ((r = sl_mnt_move(mnt, s->root_fd, path)) < 0)
		return r;
	return 0;
}

/* One level: the names in fd, which is level of the tree. */
static int
show_level(struct sl_setup *s, int fd, const char *level, unsigned *n)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SL_AUTO_DIR d = own < 0 ? NULL : fdopendir(own);
	const struct dirent *e;
	char path[NAME_MAX + 8];
	int r = 0;

	if (d == NULL)
		return -errno;
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s", level,
			       level[0] != '\0' ? "/" : "", e->d_name);
		if (is_withheld(path))
			continue;
		sl_box_at(s, SL_BOX_STEP_STORE, "/%s", path);
		r = ++*n > SHOWN_MAX ? -E2BIG : show_entry(s, fd, e->d_name, path);
	}
	return r < 0 ? r : -errno;
}

int
sl_box_store_show(struct sl_setup *s)
{
	SL_AUTO_FD tree = -1;
	unsigned n = 0;
	int r = 0;

	sl_box_at(s, SL_BOX_STEP_STORE, "/");
	if ((tree = sl_os_open_abs(s->o->root_tree, O_RDONLY | O_DIRECTORY)) < 0)
		return tree;
	for (size_t i = 0; r == 0 && i < sizeof(levels) / sizeof(levels[0]); i++) {
		SL_AUTO_FD fd = openat(tree, levels[i][0] != '\0' ? levels[i] : ".",
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		/* absent, or a link or a file of that name, shown already */
		if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR))
			continue;
		r = fd < 0 ? -errno : show_level(s, fd, levels[i], &n);
	}
	return r;
}

bool
sl_box_store_has(struct sl_setup *s, const char *path)
{
	struct statx sx;
	char part[SL_GRANT_PATH_MAX + 1];
	const char *end = strchr(path + 1, '/');

	(void)snprintf(part, sizeof(part), "%.*s",
		       end == NULL ? (int)strlen(path + 1) : (int)(end - path - 1),
		       path + 1);
	if (is_level(part) && end != NULL) {
		end = strchr(end + 1, '/');
		(void)snprintf(part, sizeof(part), "%.*s",
			       end == NULL ? (int)strlen(path + 1)
					   : (int)(end - path - 1),
			       path + 1);
	}
	return statx(s->root_fd, part, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx) == 0 &&
	       (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}
