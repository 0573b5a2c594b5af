/* eval.h -- evaluation of one expression instance; private to src/policy. */
#ifndef SL_POLICY_EVAL_H
#define SL_POLICY_EVAL_H

#include "policy/ast.h"

/* Every value but OK is an error; those from STEPS on cannot be caught by try_or. */
enum sl_pev {
	SL_PEV_OK,
	SL_PEV_OVERFLOW,
	SL_PEV_DIVIDE,
	SL_PEV_TYPE,
	SL_PEV_PATTERN, /* of .matches(): beyond regex.h */
	SL_PEV_STEPS,
	SL_PEV_SPACE,
	SL_PEV_NOMEM,
};

struct sl_peval {
	const struct sl_term
	    *env[SL_PVARS_MAX];    /* by variable, where the expression has it */
	struct sl_arena *scratch;  /* values made; its cap is the limit of space */
	uint64_t steps, max_steps; /* doc/PROTOCOL.policy section 4; steps only grows */
};

/* The expression must give a boolean (else TYPE). */
enum sl_pev sl_peval_bool(struct sl_peval *e, const struct sl_px *x, bool *ret);
const char *sl_pev_text(enum sl_pev v); /* what happened, for a message */

#endif
