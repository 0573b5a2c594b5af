/* permit.h -- the single-use handle that exists only once a decision is durable.
 *
 * The box acts on nothing else.  Opaque: the constructor is in grant/permit_mint.h,
 * which the layer lint lets gate alone include.  A permit cannot be copied, cannot
 * outlive its process, and is spent by the first sl_permit_use(): a second use, or
 * a use for another purpose, aborts (SL_BUG), for it would be an act without a
 * decision.  Unused permits are dropped with sl_permit_drop().
 */
#ifndef SL_GRANT_PERMIT_H
#define SL_GRANT_PERMIT_H

#include "grant/grant.h"

struct sl_permit;

/* A run's permit opens its jobs' boxes (one use a job, counted when minted); a
 * step's permit starts its one process. */
enum sl_permit_kind { SL_PERMIT_BOX, SL_PERMIT_PROC, SL_PERMIT_APPLY, SL_PERMIT_KILL };

struct sl_permit_view {
	enum sl_permit_kind kind;
	const uint8_t *run;           /* 32 bytes: run or step ID that was decided */
	const uint8_t *decision;      /* 32 bytes: entry of the decision statement */
	const struct sl_grant *grant; /* valid while the permit's gate lives */
	const uint8_t
	    *act; /* 32 bytes: PROC: digest of argv, env, cwd, stdin kind and
		     files as decided (sl_act_digest); BOX: digest of the grant */
};

/* Spend one use.  The view is valid until the permit is dropped. */
struct sl_permit_view sl_permit_use(struct sl_permit *p, enum sl_permit_kind kind);
void sl_permit_drop(struct sl_permit *p); /* accepts NULL */

#endif
