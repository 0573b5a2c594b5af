/* repair.h -- what would turn a deny into an allow: the smallest sets of changes.
 *
 * A change adds a fact of a predicate that somebody could state (the policy names them:
 * could_add(NAME, RANK)) or withholds a fact of the request.  A repair is a set of
 * changes under which the policy allows; all repairs with the fewest changes are given,
 * ranked.  Added facts are made of terms that the facts or the policy hold already.
 *
 * The search goes from the goals down (what misses in a body, what a deny stands on),
 * never over all facts that could be added.  Each repair was decided again before it is
 * given, or follows from the model alone.  is_complete: nothing of that size, and nothing
 * smaller, was passed over (without any: there is none up to max_changes); it is false
 * where a bound was hit or an expression failed (doc/PROTOCOL.policy section 7).
 * Untrusted: facts and policy.  Bounded by max_work; deterministic.  Results live in the
 * arena.
 */
#ifndef SL_POLICY_REPAIR_H
#define SL_POLICY_REPAIR_H

#include "policy/policy.h"

enum { SL_REPAIR_CHANGES_MAX = 4 };

struct sl_repair_opts {
	const struct sl_slice
	    *withhold; /* predicates whose facts the asker can leave out */
	size_t n_withhold;
	const struct sl_slice *add; /* beside those of could_add, with rank 1 */
	size_t n_add;
	unsigned max_changes; /* of one repair; at most SL_REPAIR_CHANGES_MAX */
	size_t max_repairs;
	uint64_t max_work; /* rows looked at, model building included */
};

/* 4 changes, 200 repairs, 5,000,000 rows; nothing to withhold or add. */
extern const struct sl_repair_opts sl_repair_default_opts;

struct sl_change {
	bool is_add; /* else withheld */
	struct sl_slice pred;
	const struct sl_term *args;
	size_t n;
};

struct sl_repair {
	const struct sl_change *const
	    *change; /* withheld first, then by predicate, terms */
	size_t n;
	uint64_t rank; /* of its added facts, summed; withheld ones count 0 */
};

struct sl_repairs {
	const struct sl_repair *v; /* least rank first, then canonical order */
	size_t n;
	bool is_complete;
};

/* Of a fact set under which p denies.  n is 0 where there is none of that size.  NOMEM;
 * FORMAT where the facts are malformed; LIMIT where their model is beyond the engine. */
int sl_policy_repair(const struct sl_policy *p, struct sl_policy_facts *f,
		     const struct sl_repair_opts *o, struct sl_arena *a,
		     struct sl_repairs *ret, struct sl_err *err) SL_MUST_CHECK;

/* `pred("x", 1)`, printable. */
void sl_change_print(struct sl_buf *out, const struct sl_change *c);
/* {"complete", "repairs": [{"rank", "changes": [{"change", "pred", "args", "text"}]}]} */
struct sl_json *sl_repairs_json(struct sl_jb *b, const struct sl_repairs *v);

#endif
