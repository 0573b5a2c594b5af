/* ws_int.h -- what the workspace's source files share; nobody else includes it.
 *
 * Functions named ws_* return 0 or -errno unless they take a struct sl_err.  Every
 * path is opened beneath a descriptor, without links, without crossing a mount.
 */
#ifndef SL_RUN_WS_INT_H
#define SL_RUN_WS_INT_H

#include "run/ws_changes.h"

#include <sys/stat.h>

/* One statx, of the thing itself (never of what a link points to). */
struct ws_st {
	enum sl_ws_type type; /* DIR, FILE, LINK, SPECIAL, MOUNT, or WHITEOUT for 0:0 */
	uint16_t fmt;         /* S_IFMT bits */
	uint16_t mode;        /* 07777 bits */
	uint32_t uid, gid, rdev_major, rdev_minor;
	uint64_t size, dev, ino;
	int64_t mtime_ns, ctime_ns;
};

int ws_stat(int at, const char *name, struct ws_st *ret);
int ws_open(int at, const char *path, int flags);
/* Opens a directory for reading; with is_ours, one that its owner closed is opened up,
 * and *ret_mode is the mode to give back (else -1). */
int ws_open_dir(int at, const char *name, bool is_ours, int *ret_mode);
/* As ws_open() in a tree that is ours, through directories and files with mode 000,
 * which have their modes back when it returns. */
int ws_open_ours(int at, const char *path, int flags);
int ws_chmod(int path_fd, unsigned mode); /* of an O_PATH descriptor */
/* path's directory and, in *ret_name, its last component (points into path). */
int ws_open_parent(int at, const char *path, const char **ret_name);

int ws_hash_fd(int fd, uint8_t out[SL_SHA256_LEN], uint64_t *ret_size);
/* Copies in's content to the empty file out, keeping holes; hashes what was read. */
int ws_copy_hashed(int in, int out, uint8_t digest[SL_SHA256_LEN], uint64_t *ret_size);
int ws_copy_fast(int in, int out); /* reflink, then copy_file_range, then by hand */
/* The target in the arena: NULL with *ret_err set to -errno (-ENOMEM: the arena). */
int ws_read_link(int at, const char *name, struct sl_arena *a, struct sl_slice *ret);
void ws_special_digest(const struct ws_st *st, uint8_t out[SL_SHA256_LEN]);
int ws_set_times(int fd, int64_t mtime_ns);

struct ws_walk_opts {
	const struct sl_ws_manifest *known; /* digests to take over, or NULL */
	bool is_overlay;                    /* whiteouts and opaque marks count */
	bool is_ours;                       /* open what was closed */
	/* A directory that the box masks, and so as good as mounted over: by its stat
	 * data (ino 0: none), or because known has it so. */
	uint64_t masked_dev, masked_ino;
	bool is_again;
};

int ws_walk(int dir_fd, const struct ws_walk_opts *o, struct sl_arena *a,
	    struct sl_ws_manifest **ret, struct sl_err *err) SL_MUST_CHECK;
/* Equal, and old enough for equal stat data to mean equal content. */
bool ws_is_unchanged(const struct sl_ws_entry *e, const struct ws_st *st,
		     int64_t stamp_ns);
int64_t ws_now(void); /* the clock that file systems stamp with */

int ws_path_cmp(struct sl_slice a, struct sl_slice b);
bool ws_path_ok(struct sl_slice p);
/* The first index whose path is not before p. */
size_t ws_lower_bound(const struct sl_ws_manifest *m, struct sl_slice p);
/* [*from, *to) are the entries strictly below dir. */
void ws_below(const struct sl_ws_manifest *m, struct sl_slice dir, size_t *from,
	      size_t *to);
struct sl_slice ws_parent(struct sl_slice path); /* empty at the top */

/* Sorts, counts and digests; entry and n are set. */
int ws_finish(struct sl_ws_manifest *m, struct sl_err *err) SL_MUST_CHECK;
int ws_decode(struct sl_slice src, struct sl_arena *a, struct sl_ws_manifest **ret,
	      struct sl_err *err) SL_MUST_CHECK;

/* Sets taint and warn of something that is about to appear, or to go: by name, type,
 * mode and target. */
void ws_guard(struct sl_ws_change *c);
/* The flags that its taint gives it under rules of a policy. */
unsigned ws_guard_flags(const struct sl_ws_change *c, const struct sl_taint_rule *rule,
			size_t n);
bool ws_is_fifo(const struct sl_ws_change *c);
/* Adds to the taint and flags of files what their content says, within bounds. */
int ws_look(int left_fd, bool is_ours, struct sl_ws_changes *c,
	    struct sl_err *err) SL_MUST_CHECK;
/* Does a link that lies in depth directories below the top lead out, or may it? */
bool ws_target_leaves(size_t depth, struct sl_slice target);
bool ws_link_leaves(struct sl_slice path, struct sl_slice target);

/* Is what stands at at/path as the entry says?  0 no, 1 yes, or -errno. */
int ws_is_like(int at, const struct sl_ws_entry *e, int64_t stamp_ns, struct sl_arena *a);

struct sl_ws_change *ws_find_change(const struct sl_ws_changes *c, struct sl_slice path);

/* What apply knows of one change beside the change. */
struct ws_task {
	size_t group;    /* index of the top of the tree that is removed with it */
	size_t under;    /* index of the staged directory that it goes into, or WS_TOP */
	bool is_staged;  /* a temporary name of its own exists in its directory */
	bool is_removal; /* a directory goes, with everything below */
	struct ws_st seen; /* what stood there when it was checked */
};

#define WS_TOP SIZE_MAX

/* Sets outcomes (SAME, HELD, else NONE), warnings and the tasks. */
int ws_check(const struct sl_ws_apply *o, struct sl_ws_changes *c, struct sl_arena *a,
	     struct ws_task *task, struct sl_err *err) SL_MUST_CHECK;

#endif
