/* cases.h -- tests of a policy: facts, and what it must say of them (NAME.test).
 *
 * A line whose first word is one of these is theirs; all else is facts, as a policy has
 * them, with // comments:
 *   common                 facts up to the first case, which all cases have
 *   case NAME              begins one
 *   expect VERDICT [: TEXT]  allow, deny (all but allow), none, check, error, fuel,
 * limit; TEXT: how the policy or check that decided, printed, begins holds FACT, lacks
 * FACT  what is, or is not, in the model Each case has one `expect`.  Untrusted: the
 * text.  Results live in the arena.
 */
#ifndef SL_POLICY_CASES_H
#define SL_POLICY_CASES_H

#include "policy/policy.h"

struct sl_policy_claim {
	bool is_lacking;
	struct sl_slice pred;
	const struct sl_term *args;
	size_t n, line;
	struct sl_policy_claim *next;
};

struct sl_policy_case {
	struct sl_slice name;
	size_t line, expect_line;
	struct sl_policy_facts *facts;
	struct sl_slice expect, rule; /* rule empty: any */
	struct sl_policy_claim *claims;
	struct sl_policy_case *next;
};

/* 1 MiB, 10,000 cases. */
extern const struct sl_limits sl_policy_cases_limits;

/* FORMAT with NAME:LINE:COL, LIMIT, NOMEM.  A file without cases is FORMAT. */
int sl_policy_cases_parse(struct sl_slice text, const char *name,
			  const struct sl_limits *lim, struct sl_arena *a,
			  const struct sl_policy_case **ret,
			  struct sl_err *err) SL_MUST_CHECK;

struct sl_policy_case_end {
	bool is_ok;
	struct sl_slice why; /* what was otherwise, for people; printable ASCII */
	struct sl_verdict v;
};

/* Facts that the declarations do not know are a case that fails, not an error. */
int sl_policy_case_run(const struct sl_policy *p, const struct sl_policy_case *c,
		       struct sl_arena *a, struct sl_policy_case_end *ret,
		       struct sl_err *err) SL_MUST_CHECK;

#endif
