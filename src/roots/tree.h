/* tree.h -- a tree of files on disk: taken into the store, its manifest, its stamp.
 *
 * The tree that is taken is not trusted: nothing in it is followed, what a box has no use
 * for is refused, everything is bounded, and it may change meanwhile.  What counts is
 * what was stored: the manifest (doc/PROTOCOL.root) is made of that.
 */
#ifndef SL_ROOTS_TREE_H
#define SL_ROOTS_TREE_H

#include "base/buf.h"

#include <sys/stat.h>

enum {
	SL_ROOT_ENTRIES_MAX = 500000,
	SL_ROOT_DEPTH_MAX = 64,          /* levels of directories */
	SL_ROOT_PATH_MAX = 4095,         /* bytes of one path */
	SL_ROOT_SHOWN_MAX = 1024,        /* in /, /etc, /home, /opt, /var together */
	SL_ROOT_MANIFEST_MAX = 256 << 20 /* bytes */
};
#define SL_ROOT_BYTES_MAX ((uint64_t)16 << 30) /* of all files */

struct sl_tree_size {
	uint64_t n_entries, n_bytes;
	uint64_t n_set_id; /* files whose set-id bits were not taken */
};

/* Copies what lies in from_fd into to_fd, an empty directory: files become 0444 or 0555
 * (where any might execute it), directories 0555; owners, times, extended attributes and
 * set-id bits are not taken, nor is what lies in /proc, /sys, /dev, /run and /tmp of it.
 * Devices, sockets and pipes elsewhere: FORMAT.  DENIED where it comes upon `never`. */
int sl_tree_copy(int from_fd, int to_fd, const struct stat *never,
		 struct sl_tree_size *ret, struct sl_err *err) SL_MUST_CHECK;
/* Whether a name below the tree is one of those that are not taken. */
bool sl_tree_is_left_out(struct sl_slice name);
/* Gives the directories of a tree that was written otherwise the mode of stored ones. */
int sl_tree_close(int fd, struct sl_err *err) SL_MUST_CHECK;
/* Reads all of a stored tree; VERIFY where an entry is not as sl_tree_copy() makes it. */
int sl_tree_manifest(int fd, struct sl_buf *ret, struct sl_err *err) SL_MUST_CHECK;
/* Of the inode, mode, size and times of each entry, without reading a file: as long as it
 * is the same, nothing was changed through the file system. */
int sl_tree_stamp(int fd, uint8_t ret[32], struct sl_err *err) SL_MUST_CHECK;
/* Where two manifests first differ: the path in either, escaped by nobody; "" where only
 * the beginning does. */
struct sl_slice sl_tree_differ(struct sl_slice a, struct sl_slice b);
/* Takes it all away, dirfd/name included.  -errno. */
int sl_tree_remove(int dirfd, const char *name);

#endif
