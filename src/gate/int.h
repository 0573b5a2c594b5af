/* int.h -- what the files of the gate share. */
#ifndef SL_GATE_INT_H
#define SL_GATE_INT_H

#include "gate/gate.h"

enum {
	SL_GATE_MEMORY = 256 << 20,   /* of all decisions of one gate */
	SL_DECIDE_MEMORY = 256 << 20, /* of one evaluation, freed after it */
	SL_POLICY_BYTES = 1 << 20,
	SL_BLOB_BYTES = 64 << 20,
};

/* The message of a deny that is not policy's. */
#define SL_GATE_OUTER "the step wants more than the run was granted"

struct sl_decision {
	struct sl_decision_view view;
	uint8_t act[32];
};

/* What the gate itself states of a request: the facts with source "gate". */
struct sl_gate_facts {
	const char *kind;
	struct sl_slice requester, node;
	int64_t time_s;
	const struct sl_json *context;
	const struct sl_grant *want; /* or NULL */
	const uint8_t *policy;       /* 32 bytes: in force */
	const uint8_t *run;          /* 32 bytes: step, cancel: of which run; else NULL */
};

void sl_gate_facts_add(struct sl_policy_facts *f, const struct sl_gate_facts *in);

/* The grant of an allow: the want, its limits raised to the classes that policy asks
 * for (require_limit). */
int sl_gate_grant(const struct sl_verdict *v, const struct sl_grant *want,
		  struct sl_arena *a, const struct sl_grant **ret,
		  struct sl_err *err) SL_MUST_CHECK;

/* The counter-offer to a verdict that denies, as data in b; NULL: none to be had. */
const struct sl_json *sl_gate_offer(const struct sl_policy *p, const struct sl_verdict *v,
				    struct sl_policy_facts *f, struct sl_jb *b);

struct sl_gate_item {
	struct sl_entry *entry;       /* where the entry goes, or NULL */
	struct sl_decision *decision; /* becomes durable */
};

struct sl_gate {
	const struct sl_home *home;
	struct sl_recorder *rec;
	struct sl_gate_info info;
	struct sl_arena a;
	struct sl_arena policy_a;
	const struct sl_decls *decls;
	const struct sl_policy *policy;
	uint8_t decls_digest[32];
	struct sl_gate_item *item; /* queued since the last wait */
	size_t n_item, cap_item;
	struct sl_entry *last; /* of the batch waited for last */
	size_t n_last;
	bool is_committed;
	bool
	    is_under; /* the batch being queued names the policy that it was decided by */
	bool has_new_decls;               /* queued, and not yet known to be in the log */
	struct sl_gate_admissions *admit; /* register.c; owned */
};

struct sl_gate_foreseen {
	bool is_allowed;
	size_t line; /* of the rule that decided */
	char message[256];
};

/* What policy says now; nothing is recorded. */
int sl_gate_foresee(struct sl_gate *g, const struct sl_gate_request *q,
		    struct sl_gate_foreseen *ret, struct sl_err *err) SL_MUST_CHECK;
/* sl_gate_decide() for a decision of which nobody keeps more than the statement. */
int sl_gate_decide_unkept(struct sl_gate *g, const struct sl_gate_request *q,
			  bool *ret_allowed, struct sl_err *err) SL_MUST_CHECK;
/* register.c: a policy's text was loaded; nothing that was admitted counts any more. */
int sl_gate_admit_look(struct sl_gate *g, struct sl_slice text,
		       struct sl_err *err) SL_MUST_CHECK;
void sl_gate_admit_forget(struct sl_gate *g);
void sl_gate_admit_done(struct sl_gate *g);

/* Queue one statement; item takes what is to be filled in. */
int sl_gate_queue(struct sl_gate *g, const struct sl_stmt *s, struct sl_gate_item item,
		  struct sl_err *err) SL_MUST_CHECK;

int sl_gate_queue_foreign(struct sl_gate *g, struct sl_slice stmt,
			  struct sl_gate_item item, struct sl_err *err) SL_MUST_CHECK;

/* What a policy that is not in force would say to a request; nothing is recorded. */
int sl_gate_would_allow(struct sl_gate *g, const struct sl_policy *p,
			const struct sl_gate_request *q, bool *ret,
			struct sl_err *err) SL_MUST_CHECK;

/* inforce.c: loads the declarations and the policy in force, or registers the first one;
 * the node's info must be there. */
int sl_gate_open_policy(struct sl_gate *g, struct sl_err *err) SL_MUST_CHECK;
/* A batch is durable: what it holds of them is said to be in the log. */
void sl_gate_keep_cached(struct sl_gate *g);

#endif
