/* taint_say.h -- the taint of changes as policy and people have it: rules, facts, JSON.
 */
#ifndef SL_RUN_TAINT_SAY_H
#define SL_RUN_TAINT_SAY_H

#include "codec/json.h"
#include "policy/policy.h"
#include "run/ws_changes.h"

struct sl_taint_rules {
	const struct sl_taint_rule *rule;
	size_t n;
	bool is_in_place; /* it is there already: whatever the action, it is only named */
};

/* From n pairs of kind and action, as a decision's view has them; in a, the kinds
 * borrowed. FORMAT where a kind or an action is none: a rule that is misspelt protects
 * nothing. */
int sl_taint_rules(const struct sl_slice *pair, size_t n, struct sl_arena *a,
		   struct sl_taint_rules *ret, struct sl_err *err) SL_MUST_CHECK;

/* tainted(KIND, N) of all n sets of changes together. */
void sl_taint_facts(struct sl_policy_facts *f, const struct sl_ws_changes *const *set,
		    size_t n);

/* [{ kind, obeyed_by, action, like? }], the strictest first. */
struct sl_json *sl_taint_json(struct sl_jb *b, const struct sl_taints *t,
			      const struct sl_taint_rules *rules);

/* --- what an outcome says of it --- */

enum { SL_TAINT_SAID_MAX = 256 /* of what is held or blocked, and of the rest */ };

struct sl_taint_said {
	struct sl_json *strict, *named; /* lists; NULL until there is one */
	uint64_t n[SL_TA_COUNT];        /* of all changes, listed or not */
};

/* Adds the changes of a job (NULL: of all); text() is masked, and valid UTF-8, in b's
 * arena. */
void sl_taint_say(struct sl_taint_said *s, struct sl_jb *b, const char *job,
		  const struct sl_ws_changes *c, const struct sl_taint_rules *rules,
		  struct sl_slice (*text)(void *, struct sl_slice), void *arg);
/* Sets "tainted", { named, held, blocked }, where there is anything. */
void sl_taint_put_counts(const struct sl_taint_said *s, struct sl_jb *b,
			 struct sl_json *o);
/* Sets "tainted" and "taint" of an outcome, where there is anything. */
void sl_taint_put(const struct sl_taint_said *s, struct sl_jb *b,
		  struct sl_json *outcome);

#endif
