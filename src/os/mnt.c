/* mnt.c -- see mnt.h. */
#include "os/mnt.h"

#include "base/auto.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
sl_mnt_new(const char *fstype, const struct sl_mnt_opt *opt, size_t n, unsigned attr)
{
	SL_AUTO_FD fs = fsopen(fstype, FSOPEN_CLOEXEC);
	int r;

	if (fs < 0)
		return -errno;
	for (size_t i = 0; i < n; i++)
		if (fsconfig(fs,
			     opt[i].val != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			     opt[i].key, opt[i].val, 0) < 0)
			return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	r = fsmount(fs, FSMOUNT_CLOEXEC, attr);
	return r < 0 ? -errno : r;
}

int
sl_mnt_clone(int dirfd, const char *path, bool is_recursive, uint64_t attr, int idmap_fd)
{
	unsigned rec = is_recursive ? AT_RECURSIVE : 0;
	SL_AUTO_FD fd = open_tree(dirfd, path,
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				      AT_SYMLINK_NOFOLLOW | rec);
	struct mount_attr a = { .attr_set = attr, .propagation = (unsigned)MS_PRIVATE };

	if (fd < 0)
		return -errno;
	if (attr != 0 && mount_setattr(fd, "", AT_EMPTY_PATH | rec, &a, sizeof(a)) < 0)
		return -errno;
	if (idmap_fd >= 0) {
		a = (struct mount_attr){ .attr_set = MOUNT_ATTR_IDMAP,
					 .userns_fd = (unsigned)idmap_fd };
		if (mount_setattr(fd, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0)
			return errno == EINVAL || errno == EPERM ? -EOPNOTSUPP : -errno;
	}
	return sl_steal_fd(&fd);
}

int
sl_mnt_allow_dev(int mnt_fd)
{
	struct mount_attr a = { .attr_clr = MOUNT_ATTR_NODEV };

	return mount_setattr(mnt_fd, "", AT_EMPTY_PATH, &a, sizeof(a)) < 0 ? -errno : 0;
}

int
sl_mnt_move(int mnt_fd, int dirfd, const char *path)
{
	unsigned f =
	    MOVE_MOUNT_F_EMPTY_PATH | (*path == '\0' ? MOVE_MOUNT_T_EMPTY_PATH : 0);

	return move_mount(mnt_fd, "", dirfd, path, f) < 0 ? -errno : 0;
}

int
sl_mnt_private(void)
{
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

uint64_t
sl_mnt_id(int fd)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0 ||
	    (sx.stx_mask & STATX_MNT_ID) == 0)
		return 0;
	return sx.stx_mnt_id;
}

int
sl_mnt_pivot(int new_root_fd, unsigned n_above)
{
	SL_AUTO_FD top = -1;

	/* pivot_root(".", "."): the old root ends up on top of the new one and is
	 * unmounted there, so no directory for it is needed (pivot_root(2)); what was
	 * mounted over it is on top of it still. */
	if (fchdir(new_root_fd) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	for (unsigned i = 0; i <= n_above; i++)
		if (umount2(".", MNT_DETACH) < 0)
			return -errno;
	if (chdir("/") < 0)
		return -errno;
	/* "/.." follows what is mounted on the root: nothing may be. */
	top = open("/..", O_PATH | O_CLOEXEC);
	return top >= 0 && sl_mnt_id(top) != 0 && sl_mnt_id(top) == sl_mnt_id(new_root_fd)
		   ? 0
		   : -ENOTRECOVERABLE;
}
