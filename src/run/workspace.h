/* workspace.h -- the directory that a run works on: frozen, kept an eye on, copied.
 *
 * sl_ws_freeze() walks a directory by descriptors (openat2 beneath it, no symbolic
 * links, no crossing of mounts) and lists every entry below it, `.git` included; the
 * directory's own mode is not part.  The manifest's digest is
 *
 *   SHA-256("sluice-workspace-v1" NUL, then for each entry in bytewise order of path:
 *           type (1 byte, enum sl_ws_type), mode & 07777 (2, big-endian; 0 for links),
 *           size (8, big-endian), digest (32), length of path (4, big-endian), path)
 *
 * digest is the SHA-256 of a file's content, a link's target or, of a special file,
 * "fifo", "socket", "char:MAJOR:MINOR" or "block:MAJOR:MINOR"; zeros for the rest.
 * size is 0 for anything but files.  Owners, times and extended attributes are not
 * part.  Nothing special is opened, nothing is changed: what the caller may not read is
 * recorded as unreadable, what is mounted below as a mount, neither is entered.
 * $SLUICE_HOME, which a box finds masked, counts as a mount.
 *
 * The directory is alive: a file that changes while it is read keeps the stat data from
 * before, so that sl_ws_recheck() names it.
 *
 * Digests are remembered like git's index does: one is taken over while device, inode,
 * size, mode, mtime and ctime are equal and both times lie before the freeze that
 * computed it (a file written in the same tick is hashed again).  The cache is only a
 * cache: a damaged one is ignored, and one that cannot be written is no error.
 *
 * Ownership: everything lives in the caller's arena.  Sizes are bytes, times ns since
 * the epoch.  Paths are relative, bytes of any kind, NUL-terminated beyond their length.
 * Not thread-safe.  Errors: LIMIT (with the path), SYS, NOMEM, FORMAT (sl_ws_load).
 */
#ifndef SL_RUN_WORKSPACE_H
#define SL_RUN_WORKSPACE_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/sha256.h"

#include <sys/types.h>

enum {
	SL_WS_ENTRIES_MAX = 1000000,
	SL_WS_DEPTH_MAX = 256,
	SL_WS_PATH_MAX = 4095,               /* bytes of one path */
	SL_WS_PATHS_MAX = 256 * 1024 * 1024, /* bytes of all paths together */
	SL_WS_ARENA_MAX =
	    1024 * 1024 * 1024,             /* a cap that the largest manifest fits in */
	SL_WS_FILE_MAX = 512 * 1024 * 1024, /* of a stored manifest */
};

/* The values are part of the digest. */
enum sl_ws_type {
	SL_WT_DIR = 'd',
	SL_WT_FILE = 'f',
	SL_WT_LINK = 'l',
	SL_WT_SPECIAL = 's',     /* fifo, socket, device */
	SL_WT_MOUNT = 'm',       /* something else is mounted here */
	SL_WT_CLOSED_FILE = 'u', /* not readable by us */
	SL_WT_CLOSED_DIR = 'U',
	SL_WT_WHITEOUT = 'w', /* in an overlay's upper only: the base's entry is gone */
};

struct sl_ws_entry {
	struct sl_slice path;
	struct sl_slice link; /* a link's target; empty in a manifest that was loaded */
	enum sl_ws_type type;
	uint16_t mode;  /* 07777 bits */
	bool is_opaque; /* in an overlay's upper only: hides the base's directory */
	uint64_t size;
	uint8_t digest[SL_SHA256_LEN];
	uint64_t dev, ino; /* stat data: not in the digest */
	int64_t mtime_ns, ctime_ns;
};

struct sl_ws_manifest {
	const struct sl_ws_entry **entry; /* bytewise order of path */
	size_t n;
	size_t n_closed, n_special, n_mounts; /* recorded by type only */
	uint64_t n_bytes;                     /* of all files */
	size_t n_hashed;                      /* files read by this freeze */
	int64_t stamp_ns;                     /* when the freeze began */
	uint8_t digest[SL_SHA256_LEN];
};

/* cache_fd is the directory `$SLUICE_HOME/cache`, or -1; path names the directory there
 * (its digest does) and is not opened. */
int sl_ws_freeze(int dir_fd, int cache_fd, struct sl_slice path, struct sl_arena *a,
		 const struct sl_ws_manifest **ret, struct sl_err *err) SL_MUST_CHECK;
const struct sl_ws_entry *sl_ws_find(const struct sl_ws_manifest *m,
				     struct sl_slice path);

/* The manifest with its stat data as bytes, for the run's directory (atomic, not synced:
 * no more is what the job left); and back, with everything checked: a bad one is FORMAT,
 * and nothing of it is trusted before its checksum. */
int sl_ws_save(const struct sl_ws_manifest *m, int dir_fd, const char *name,
	       struct sl_err *err) SL_MUST_CHECK;
int sl_ws_load(int dir_fd, const char *name, struct sl_arena *a,
	       const struct sl_ws_manifest **ret, struct sl_err *err) SL_MUST_CHECK;

/* What changed in the directory since it was frozen: names of up to max paths, n in
 * all.  Hashes only where stat data differ or are too young to be told apart. */
struct sl_ws_drift {
	const struct sl_slice *path;
	size_t n_path;
	uint64_t n; /* of all, named or not */
};
int sl_ws_recheck(int dir_fd, const struct sl_ws_manifest *base, size_t max,
		  struct sl_arena *a, struct sl_ws_drift *ret,
		  struct sl_err *err) SL_MUST_CHECK;

/* Opens a plain file as the job that left_fd (its upper, or its copy) belongs to sees it
 * now, without following a link, for reading.  *ret_fd is -1 where an upper says nothing
 * of it: the base's holds.  NOENT: there is no such file; FAILED: it cannot be read. */
int sl_ws_open_live(int left_fd, bool is_overlay, struct sl_slice path, int *ret_fd,
		    struct sl_err *err) SL_MUST_CHECK;

/* Copies what base lists from dir_fd into the empty directory dst_fd, which becomes
 * uid's and gid's ((uid_t)-1: nobody's but the caller's): reflink where the file system
 * can, times kept, set-id bits dropped.  Closed, special and mounted entries, and what
 * is gone or of another type meanwhile, are left out and counted. */
int sl_ws_copy(int dir_fd, const struct sl_ws_manifest *base, int dst_fd, uid_t uid,
	       gid_t gid, uint64_t *ret_left_out, struct sl_err *err) SL_MUST_CHECK;

/* Removes parent_fd/name and everything below it, however deep and whatever the modes;
 * never crosses a mount, never follows a link.  What is absent is removed already. */
int sl_ws_remove(int parent_fd, const char *name, struct sl_err *err) SL_MUST_CHECK;

#endif
