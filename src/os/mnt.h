/* mnt.h -- the mount interface by descriptors (Linux 5.2, mount_setattr 5.12).
 * All return a descriptor or 0, or -errno. */
#ifndef SL_OS_MNT_H
#define SL_OS_MNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

struct sl_mnt_opt {
	const char *key, *val; /* val NULL: a flag */
};

/* A detached mount of a new file system; attr: MOUNT_ATTR_*. */
int sl_mnt_new(const char *fstype, const struct sl_mnt_opt *opt, size_t n, unsigned attr);
/* A detached clone of the tree at dirfd/path ("" means dirfd itself), with attr set
 * on all of it, and private; attr 0: as it is.  idmap_fd >= 0 adds an idmapping (first
 * mount only): -EOPNOTSUPP where just that cannot be had of this file system. */
int sl_mnt_clone(int dirfd, const char *path, bool is_recursive, uint64_t attr,
		 int idmap_fd);
int sl_mnt_allow_dev(int mnt_fd); /* takes NODEV from a mount of ours */
int sl_mnt_move(int mnt_fd, int dirfd, const char *path);
int sl_mnt_private(void); /* everything in this mount namespace, recursively */
/* Enters new_root_fd (a mount) and drops the old root, with n_above mounts that were put
 * over "/" itself; proves that nothing is left above the new one. */
int sl_mnt_pivot(int new_root_fd, unsigned n_above);
uint64_t sl_mnt_id(int fd); /* 0 when unknown */

#endif
