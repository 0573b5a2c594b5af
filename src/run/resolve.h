/* resolve.h -- where the names of a grant lead, found out once, outside the box.
 *
 * The host's own getent(1) asks, as the host is set up to: sluice is linked statically,
 * and glibc's resolver would load the host's modules into it.  It is a fresh image with
 * an empty environment and no descriptor but a pipe; it may not write, fork or gain
 * rights, reads what belongs to the system and no home, and is nobody where we are root.
 * It holds no key and sees no byte of what will run.  Its
 * answer is bounded in time and size.  Of the addresses those that a name may not lead
 * to (sl_addr_special) are dropped; a name that keeps none is an error (ENV).
 */
#ifndef SL_RUN_RESOLVE_H
#define SL_RUN_RESOLVE_H

#include "box/box.h"

enum {
	SL_RESOLVE_MS = 10000,    /* for one name */
	SL_RESOLVE_MAX = 8,       /* addresses kept of one name, in the order given */
	SL_RESOLVE_BYTES = 16384, /* of an answer */
};

/* For every row of the grant's net that is a name: pins in the arena.  getent: its
 * path, NULL for the host's. */
int sl_resolve(const struct sl_grant *g, const char *getent, struct sl_arena *a,
	       const struct sl_box_pin **ret, size_t *ret_n,
	       struct sl_err *err) SL_MUST_CHECK;

#endif
