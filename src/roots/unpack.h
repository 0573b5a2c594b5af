/* unpack.h -- members of an archive, written into a root that is being taken in.
 *
 * What is told is not trusted, whoever read the archive: names are checked again, each
 * place is opened below the tree through no link (openat2), nothing is replaced, and all
 * is bounded as in tree.h.  What a root has no part in (/proc, /sys, /dev, /run, /tmp) is
 * passed over.  FORMAT and LIMIT name the member.
 */
#ifndef SL_ROOTS_UNPACK_H
#define SL_ROOTS_UNPACK_H

#include "base/slice.h"
#include "roots/tree.h"

enum sl_unpack_type {
	SL_UNPACK_FILE,
	SL_UNPACK_DIR,
	SL_UNPACK_LINK, /* symbolic */
	SL_UNPACK_HARD, /* another name of an earlier file: becomes a file of its own */
	SL_UNPACK_DEVICE,
	SL_UNPACK_TYPES
};

struct sl_unpack_member {
	enum sl_unpack_type type;
	bool is_exec, has_set_id;
	uint64_t size;          /* of a file; its bytes follow */
	struct sl_slice name;   /* "a/b", no "." nor ".."; "" is the top */
	struct sl_slice target; /* of a link as it is; of a hard link as a name */
};

/* n components of a name that has none of "", "." and ".." nor a NUL; -1: it is none. */
int sl_unpack_depth(struct sl_slice name);
/* Whether a symbolic link's target goes above the top; an absolute one means the root's
 * own. */
bool sl_unpack_climbs(struct sl_slice name, struct sl_slice target);

struct sl_unpack;
/* tree_fd: an empty directory, borrowed. */
int sl_unpack_new(int tree_fd, struct sl_unpack **ret, struct sl_err *err) SL_MUST_CHECK;
int sl_unpack_member(struct sl_unpack *u, const struct sl_unpack_member *m,
		     struct sl_err *err) SL_MUST_CHECK;
int sl_unpack_bytes(struct sl_unpack *u, struct sl_slice bytes,
		    struct sl_err *err) SL_MUST_CHECK;
/* All members are there: the modes of a stored tree. */
int sl_unpack_end(struct sl_unpack *u, struct sl_tree_size *ret,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_unpack_free(struct sl_unpack *u); /* accepts NULL */

#endif
