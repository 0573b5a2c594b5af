/* root_audit.h -- the roots that are there beside the decisions that let them in.
 *
 * Each name, and each tree that can be asked for by its digest, stands on the newest
 * allowed "root-add" of just that, unless a "root-drop" came after it.  What is there
 * without one is found, and so is what should be there and is not.  A change that was
 * interrupted may have happened or not: either is covered.
 */
#ifndef SL_RUN_ROOT_AUDIT_H
#define SL_RUN_ROOT_AUDIT_H

#include "roots/store.h"

struct sl_root_audit {
	const char *name;    /* "": the tree itself, by its digest */
	const char *hex;     /* of the tree */
	const char *request; /* hex of the decision's run ID; NULL: there is none */
	int64_t time_ms;     /* of that decision */
	bool is_there, is_good;
};

/* In a, by name, trees without a name last.  NOENT is no error: without a log nothing was
 * decided. */
int sl_root_audit(const struct sl_home *h, struct sl_arena *a,
		  const struct sl_root_audit **ret, size_t *ret_n,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
