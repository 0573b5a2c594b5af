/* store.h -- the roots that a node keeps: trees by the digest of their manifest.
 *
 * $SLUICE_HOME/roots/HEX/ holds tree/ (read-only to everybody), manifest (whose SHA-256
 * HEX is) and info; roots/names/NAME the HEX that a name means.  An import is whole or
 * absent, whenever it is interrupted.  Whoever uses a root holds it (a shared lock), and
 * what is held is not dropped.  A root that is opened has the stamp that it had when it
 * was last read as a whole; with another one it is refused.
 */
#ifndef SL_ROOTS_STORE_H
#define SL_ROOTS_STORE_H

#include "codec/json.h"
#include "record/home.h"
#include "roots/tree.h"
#include "roots/unpack.h"

enum { SL_ROOT_NAME_MAX = 63 };

struct sl_root {
	char name[SL_ROOT_NAME_MAX + 1]; /* "" where it was asked for by digest */
	char hex[65];
	char *tree; /* absolute path of the tree */
	int fd;     /* the lock that holds it */
	struct sl_tree_size size;
};

/* How an archive is read, by who can: its members go to `to`. */
struct sl_root_reader {
	int (*unpack)(void *arg, int fd, uint64_t size, struct sl_unpack *to,
		      struct sl_err *err);
	void *arg;
};

/* What is about to appear, or to go. */
struct sl_root_change {
	const struct sl_root *root;
	const char *source, *source_kind; /* add: a real path, "directory" or "archive" */
	bool is_gone; /* drop: the tree goes too, not the name alone */
};

/* Asked when all that there is to know of it is known and nothing is seen of it yet.  Not
 * 0: it does not happen, and that is what the caller gets. */
struct sl_root_permit {
	int (*ask)(void *arg, const struct sl_root_change *c, struct sl_err *err);
	void *arg;
};

/* [a-z0-9][a-z0-9._-]*, at most SL_ROOT_NAME_MAX bytes, and no digest. */
bool sl_root_name_ok(const char *name);
/* A directory, or an archive that reader reads.  The same tree under the
 * same name again is no error; another one is USAGE. */
int sl_root_add(const struct sl_home *h, const char *name, const char *source,
		const struct sl_root_reader *reader, const struct sl_root_permit *permit,
		struct sl_root *ret, struct sl_err *err) SL_MUST_CHECK;
/* NAME or sha256:HEX.  VERIFY where the tree was changed. */
int sl_root_open(const struct sl_home *h, const char *which, struct sl_root *ret,
		 struct sl_err *err) SL_MUST_CHECK;
/* Reads all of it.  VERIFY says where it first differs; where it is good, its stamp is
 * taken anew, and *ret_noted says whether it was another one. */
int sl_root_check(const struct sl_home *h, const char *which, struct sl_root *ret,
		  bool *ret_noted, struct sl_err *err) SL_MUST_CHECK;
/* Takes the name, or the digest with all its names, and a tree that has no name left.
 * USAGE while it is in use. */
int sl_root_drop(const struct sl_home *h, const char *which,
		 const struct sl_root_permit *permit, bool *ret_gone,
		 struct sl_err *err) SL_MUST_CHECK;
/* The digest that a name means; NOENT. */
int sl_root_read_name(const struct sl_home *h, const char *name, char hex[65],
		      struct sl_err *err) SL_MUST_CHECK;
/* The digests of all trees that are there, with a name or without, sorted. */
int sl_root_digests(const struct sl_home *h, struct sl_arena *a, const char *const **ret,
		    size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;
/* Names, sorted. */
int sl_root_names(const struct sl_home *h, struct sl_arena *a, const char *const **ret,
		  size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;
/* What a context says of it: name (sha256:HEX), kernel, arch, method, verified. */
int sl_root_json(const struct sl_root *root, struct sl_jb *b, struct sl_json **ret,
		 struct sl_err *err) SL_MUST_CHECK;
void sl_root_done(struct sl_root *root); /* accepts one with fd -1 and no tree */

#endif
