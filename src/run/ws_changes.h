/* ws_changes.h -- what a job changed in its workspace, and carrying it over.
 *
 * sl_ws_changes() compares what the job left (an overlay's upper, or a copy) with the
 * manifest it started from; an entry that was copied up and is equal to the base is no
 * change.  It needs no box and may run at any later time; directories that the job
 * closed to itself are opened for reading and closed again.
 *
 * sl_ws_apply() carries changes into a directory.  Every component is opened beneath
 * the target without following a link; files are staged under temporary names
 * (".sluice-apply-*") and synced before the first of them is renamed into place, so a
 * full disk leaves the target as it was (after a kill, ".sluice-apply-*" names may be
 * left: they are safe to remove).  Content that is not what sl_ws_changes() saw
 * is refused.  Owner is the target directory's, set-id bits are dropped, hard links are
 * never written through, extended attributes are not carried.
 *
 * Held back, each change by name: (1) its base changed since the freeze; (2) another job
 * changed it too; (3) it has a warning and is not asked for by name; (4) it lies below,
 * or is part of, something held back.  A tree is removed whole or not at all.
 *
 * Ownership: the caller's arena.  Not thread-safe.
 */
#ifndef SL_RUN_WS_CHANGES_H
#define SL_RUN_WS_CHANGES_H

#include "run/archive.h"
#include "run/taint.h"
#include "run/workspace.h"

enum sl_ws_kind {
	SL_WK_ADDED,
	SL_WK_MODIFIED, /* content or target, and perhaps mode */
	SL_WK_DELETED,
	SL_WK_MODE, /* only the mode */
	SL_WK_TYPE, /* another type in the same place */
};

enum sl_ws_warn {
	SL_WW_LINK = 1,    /* a link that leaves the tree, or may */
	SL_WW_SPECIAL = 2, /* fifo, socket, device */
	SL_WW_SETID = 4,   /* set-user-ID or set-group-ID file */
	SL_WW_RUNS = 8,    /* programs outside obey it: hooks, configuration, rc files */
	SL_WW_BASE = 16,   /* the base changed since the freeze */
	SL_WW_JOBS = 32,   /* another job changed it too */
	SL_WW_PART = 64,   /* lies below or is part of something held back */
	SL_WW_MISLEADS = 128, /* its name, or its text, is not what a reader sees */
	SL_WW_BLOCKED = 256,  /* no name lifts it */
	SL_WW_COUNT = 9,      /* number of flags */
};

enum sl_ws_outcome {
	SL_WO_NONE, /* not tried */
	SL_WO_APPLIED,
	SL_WO_SAME, /* the target is like that already */
	SL_WO_HELD, /* warn says why */
};

struct sl_ws_change {
	struct sl_slice path;
	struct sl_slice link; /* new target of a link */
	enum sl_ws_kind kind;
	enum sl_ws_type type; /* the new one; of DELETED the old one */
	uint16_t mode;        /* the new one, 07777 bits */
	uint64_t size;
	uint8_t digest[SL_SHA256_LEN];
	const struct sl_ws_entry *base; /* NULL for ADDED */
	unsigned warn;                  /* enum sl_ws_warn */
	struct sl_taints taint;         /* data/taint.tsv: what the host would obey */
	enum sl_ws_outcome outcome;     /* set by apply */
};

struct sl_ws_changes {
	struct sl_ws_change *item; /* bytewise order of path */
	size_t n;
};

const char *sl_ws_kind_name(enum sl_ws_kind k); /* "added" ... "type" */
const char *sl_ws_type_name(enum sl_ws_type t); /* "directory" "file" "link" ... */
/* i-th flag (0 ... SL_WW_COUNT - 1): its stable name ("link-leaves-tree" ...) */
const char *sl_ws_warn_name(unsigned i);
const char *sl_ws_outcome_name(enum sl_ws_outcome o);

/* left_fd: the upper (is_overlay, mounted with userxattr, redirects off), or the copy.
 * A redirect or metacopy mark in an upper is FORMAT: it was not made by our mounts. */
int sl_ws_changes(int left_fd, bool is_overlay, const struct sl_ws_manifest *base,
		  struct sl_arena *a, struct sl_ws_changes *ret,
		  struct sl_err *err) SL_MUST_CHECK;

/* The same of a job that worked on the directory itself, compared with what it was:
 * whoever else changed it meanwhile is in it.  Nothing is opened up, and what changes
 * while it is looked at is said to be unread. */
int sl_ws_changes_direct(int dir_fd, const struct sl_ws_manifest *base,
			 struct sl_arena *a, struct sl_ws_changes *ret,
			 struct sl_err *err) SL_MUST_CHECK;

/* Looks into archives among the changes ("@archive": not looked into yet) by look(), in a
 * jail; is_ours as with sl_ws_changes(), not with sl_ws_changes_direct().  What escapes
 * is held back.  Of more than SL_WS_ARCHIVES_MAX the rest stays as it is. */
enum { SL_WS_ARCHIVES_MAX = 256 };
struct sl_ws_archives {
	int (*look)(void *arg, int fd, uint64_t size, enum sl_archive *ret,
		    struct sl_err *err);
	void *arg;
};
int sl_ws_look_archives(int left_fd, bool is_ours, struct sl_ws_changes *c,
			const struct sl_ws_archives *by,
			struct sl_err *err) SL_MUST_CHECK;

/* Holds back, or blocks, what rules of a policy ask for beyond data/taint.tsv. */
void sl_ws_tighten(struct sl_ws_changes *c, const struct sl_taint_rule *rule, size_t n);

/* Sets SL_WW_JOBS in each of n jobs' changes that meets another job's: the same path,
 * or one below a path that the other removed or replaced. */
void sl_ws_mark_jobs(struct sl_ws_changes *const *job, size_t n);

/* Sets SL_WW_BASE where target_fd is neither like the manifest nor like the change. */
int sl_ws_mark_base(int target_fd, const struct sl_ws_manifest *base,
		    struct sl_ws_changes *c, struct sl_arena *a,
		    struct sl_err *err) SL_MUST_CHECK;

struct sl_ws_apply {
	int target_fd, left_fd; /* directories, opened for reading */
	const struct sl_ws_manifest *base;
	const struct sl_slice *allow; /* paths asked for by name, what is below them, and
				       * new directories on the way to them */
	size_t n_allow;
	bool is_job_named; /* SL_WW_JOBS does not hold back */
};

struct sl_ws_applied {
	size_t n_applied, n_same, n_held;
	size_t n_left; /* not tried: only after a failure */
};

/* Sets each change's outcome.  allow lifts LINK, SETID (the bits are dropped all the
 * same), RUNS, MISLEADS, and SPECIAL for fifos; BASE and BLOCKED are never lifted.  *ret
 * is filled in on failure too: n_applied == 0 means that the target is as it was. */
int sl_ws_apply(const struct sl_ws_apply *o, struct sl_ws_changes *c, struct sl_arena *a,
		struct sl_ws_applied *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
