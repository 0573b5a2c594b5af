/* front.h -- the common cases of a policy as YAML, made into Datalog.
 *
 *   owners:     [DID, ...]            who may ask beside the node's own key
 *   principles: [{id, priority, text}]  facts principle(id, priority, text)
 *   require:    [CONDITION, ...]      each must hold (with `for`: of these requests)
 *   deny:       [CONDITION, ...]      tried before any allow
 *   allow:      [CONDITION, ...]
 *
 * A CONDITION is a mapping, all of whose members must hold: `for: KIND` or `[KIND, ...]`,
 * `owner: true`, and PREDICATE: PATTERN for what the gate states (data/facts.decl); a
 * predicate of several terms takes a list of patterns.  A PATTERN is a value, `$name`
 * (the same wherever it stands in the condition), null (whatever), or a mapping of not,
 * in, starts_with, ends_with, contains, matches, below, above, at_least, at_most.
 *
 * Untrusted: the text; it belongs into the parser's jail.  FORMAT, UNKNOWN (with a
 * suggestion) and LIMIT errors begin NAME:LINE:COL.  What comes out is one policy, check
 * or fact a line, so that ret_at, the place in the YAML of each line, carries an error of
 * sl_policy_load() back.
 */
#ifndef SL_POLICY_FRONT_H
#define SL_POLICY_FRONT_H

#include "policy/policy.h"

struct sl_front_at {
	uint32_t line, col;
};

struct sl_front_text {
	struct sl_slice text;
	const struct sl_front_at *at; /* at[k]: of line k + 1 */
	size_t n;
};

/* 1 MiB, 20,000 nodes, nesting 8. */
extern const struct sl_limits sl_policy_front_limits;

int sl_policy_front(struct sl_slice yaml, const char *name, const struct sl_decls *decls,
		    struct sl_arena *a, struct sl_front_text *ret,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
