/* replay.h -- the log's decisions under another policy: what would have come out.
 *
 * Each decision's own fact set is decided again, as it is stored; nothing is recorded.
 * Counted apart, never guessed: decisions whose facts were erased, and those that cannot
 * be decided again (a fact set that does not read, an expression of the new policy that
 * fails is a verdict like any other).  A step that was refused because it wanted more
 * than its run was granted is refused under any policy.
 */
#ifndef SL_GATE_REPLAY_H
#define SL_GATE_REPLAY_H

#include "gate/gate.h"
#include "record/read.h"

enum { SL_REPLAY_BECAUSE = 5 };

struct sl_replay_side {
	bool is_allowed;
	struct sl_slice reason, message, rule; /* as a decision has them */
	int64_t line;
	const char *because[SL_REPLAY_BECAUSE]; /* facts that it stands on */
	size_t n_because;
};

struct sl_replay_flip {
	const struct sl_stated *decision;
	struct sl_slice kind, run; /* run: hex */
	struct sl_replay_side was, now;
};

struct sl_replay_stats {
	uint64_t n_decisions;                 /* all of the log */
	uint64_t n_same, n_allowed, n_denied; /* the same; now allowed; now denied */
	uint64_t n_erased, n_failed;
	uint64_t n_decided; /* distinct fact sets */
	char first_failure[200];
};

/* Called once for each flip, in the order of the log; non-zero ends it and is returned.
 */
typedef int sl_replay_fn(void *arg, const struct sl_replay_flip *f, struct sl_err *err);

int sl_gate_replay(struct sl_reader *r, const struct sl_policy *p, sl_replay_fn *fn,
		   void *arg, struct sl_replay_stats *ret,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
