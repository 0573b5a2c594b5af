/* audit.h -- what a run did beside what it was granted.
 *
 * Each observed act is set beside the row of the grant, or the rule of its class
 * (data/observation.tsv, allowed_by), that covers it.  A finding is: an act that was let
 * through and that nothing covers; an outcome without a decision; a process without an
 * observation; a class whose complete record policy requires and that has none.
 *
 * An exec is noted when it is tried: the tree of the box, not the notice, decides whether
 * there is anything to execute.  A path that the grant does not show is covered by being
 * absent, one below a row without "x" by that row's refusal; both are said.
 */
#ifndef SL_GATE_AUDIT_H
#define SL_GATE_AUDIT_H

#include "grant/grant.h"
#include "record/evidence.h"

struct sl_audit_act {
	struct sl_slice job; /* of a step's; empty: of the run's own process */
	int64_t leg, step;   /* step -1: of the run's own process */
	struct sl_slice class, act, object, first, last;
	struct sl_slice rule; /* of a connection by the proxy; else empty, and no bytes */
	int64_t count, sent, received;
	const struct sl_json *image; /* { path, sha256 }; NULL: not known */
	bool is_denied, is_covered;
	char by[96]; /* what covers it: "refused", "grant fs /src rx", "box: /tmp", ... */
};

struct sl_audit_report {
	size_t n_acts, n_denied, n_uncovered;
	struct sl_findings findings; /* the acts that nothing covers are among them */
};

/* Who covers one act; e is the errno's name or empty.  For tests and for the walk below.
 */
bool sl_audit_covers(const struct sl_grant *g, struct sl_slice class,
		     struct sl_slice object, struct sl_slice errno_name, char ret_by[96]);

/* Walks a verified run.  act is called for each act, in the order of the log; non-zero
 * ends the walk.  0, or AUDIT with findings; VERIFY: the run's own decision is erased. */
int sl_audit(const struct sl_evidence *v, struct sl_arena *a,
	     int (*act)(void *arg, const struct sl_audit_act *act, struct sl_err *err),
	     void *arg, struct sl_audit_report *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
