/* said.h -- what a statement says twice, and what two statements say of one thing: both
 * must say the same (doc/PROTOCOL.statement sections 5 to 7).
 *
 * The predicates are known to fit their schemas.  A supply-chain tool reads the members
 * that SLSA and in-toto define, sluice its own: a statement in which they differ would
 * tell the two different things.
 */
#ifndef SL_GATE_SAID_H
#define SL_GATE_SAID_H

#include "codec/json.h"

/* A decision of the node did. */
int sl_said_decision(const struct sl_json *predicate, const char *did,
		     struct sl_err *err) SL_MUST_CHECK;
/* A context, of a step or of a run, beside its decision's member "sluice" (NULL:
 * erased). */
int sl_said_context(const struct sl_json *context, const struct sl_json *own,
		    bool is_step, const char *did, struct sl_err *err) SL_MUST_CHECK;
/* An outcome or observation beside its decision's member "sluice" (NULL: erased). */
int sl_said_outcome(const struct sl_json *predicate, const struct sl_json *own,
		    const char *did, struct sl_err *err) SL_MUST_CHECK;
int sl_said_observation(const struct sl_json *predicate, const struct sl_json *own,
			const char *did, struct sl_err *err) SL_MUST_CHECK;

#endif
