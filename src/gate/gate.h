/* gate.h -- the waist: request -> facts -> policy -> decision -> durable -> permit.
 *
 * The only place where a verdict is made and the only one that mints permits.  A
 * decision starts out queued; sl_gate_sync() makes everything queued durable in one
 * batch; only then does sl_gate_permit() give a permit for an allowed one.  Outcomes
 * and observations go through the same queue, so that the outcome of one step and the
 * decision of the next share one fdatasync.
 *
 * The gate states the facts of the request itself (data/facts.decl says which); what
 * else is known comes from fact sources that others register, and the gate knows none
 * of them.  Single-threaded.  Decisions live as long as the gate.
 */
#ifndef SL_GATE_GATE_H
#define SL_GATE_GATE_H

#include "grant/permit.h"
#include "log/recorder.h"
#include "policy/repair.h"
#include "record/home.h"
#include "record/statement.h"

struct sl_gate;
struct sl_decision;

struct sl_gate_opts {
	const struct sl_home *home;   /* borrowed, as is the recorder */
	struct sl_recorder *recorder; /* started; its info is awaited here */
};

/* A policy file that differs from the policy in force: it decides nothing until it is
 * registered. */
struct sl_gate_info {
	struct sl_node_info node;
	uint8_t policy[32];    /* in force */
	bool is_policy_edited; /* policy/policy.dl differs from it */
	bool is_policy_new;    /* this call registered the first one */
};

/* Registers the first policy (policy/policy.dl, or the default, which is written there).
 * FORMAT or UNKNOWN with a place when that text is wrong. */
int sl_gate_open(const struct sl_gate_opts *o, struct sl_gate **ret,
		 struct sl_err *err) SL_MUST_CHECK;
void sl_gate_free(struct sl_gate *g);
const struct sl_gate_info *sl_gate_info(const struct sl_gate *g);
/* Of the recorder's channel: hangs up when the recorder is gone. */
int sl_gate_fd(const struct sl_gate *g);

/* Adds facts to a request.  Returns 0 or SL_E(...); a failed source denies. */
struct sl_gate_source {
	int (*add)(void *arg, struct sl_policy_facts *facts, struct sl_err *err);
	void *arg;
};

struct sl_gate_request {
	const char *kind; /* "run", "exec", "step", "cancel", "policy", "apply", "drop",
			     "key", "erase", "root-add", "root-drop", "register" */
	struct sl_slice requester;     /* p == NULL: the node itself */
	const struct sl_json *context; /* frozen; holds no grant */
	const struct sl_grant *want;   /* NULL: nothing to run (cancel, policy) */
	const struct sl_grant
	    *outer; /* step: the run's grant, which want must be within */
	const struct sl_step_ref *step;
	const uint8_t *act; /* 32 bytes, exec and step: sl_act_digest() */
	const struct sl_gate_source *sources;
	size_t n_sources;
};

struct sl_decision_view {
	const char *kind;
	uint8_t id[32];  /* run ID; a step's: step ID */
	uint8_t run[32]; /* the run that it belongs to */
	uint8_t context[32];
	bool is_allowed, is_durable;
	const struct sl_grant *grant; /* NULL when denied */
	const char *reason;           /* stable: "allow", "deny", "check", "fuel", ... */
	const char *message;          /* for people */
	const char *rule;             /* text of the policy or check, or "" */
	size_t rule_line;
	size_t n_facts;
	struct sl_entry entry; /* when durable */
	const struct sl_json *proof;
	/* Of a deny: what would lift it (policy/repair.h, sl_repairs_json()), a few of
	 * the smallest; NULL where that was not looked for.  Not recorded: it follows. */
	const struct sl_json *offer;
	const struct sl_slice *require_complete; /* classes that policy wants complete */
	size_t n_require_complete;
	/* Of an allowed run or apply: kind and action of each taint_action that policy
	 * has. */
	const struct sl_slice *taint_action;
	size_t n_taint_action; /* pairs */
	char run_key[64];      /* did:key of the run, or "" */
};

/* The stated facts that the verdict of this proof stands on, as text (foreign; printable
 * once escaped), at most max of them; how many were written to ret. */
size_t sl_decision_because(const struct sl_json *proof, struct sl_arena *a,
			   const char **ret, size_t max);
/* What may be changed of a request: its wants; the bounds are the default ones. */
void sl_gate_repair_opts(struct sl_repair_opts *ret);
/* Decides and queues context and decision.  A deny is a decision, not an error. */
int sl_gate_decide(struct sl_gate *g, const struct sl_gate_request *q,
		   struct sl_decision **ret, struct sl_err *err) SL_MUST_CHECK;
const struct sl_decision_view *sl_decision_view(const struct sl_decision *d);
/* The taint_action pairs that the policy in force would give with q, were it asked now:
 * for a list that a person looks at.  Nothing is recorded, nothing may be done for it. */
int sl_gate_foresee_taint(struct sl_gate *g, const struct sl_gate_request *q,
			  struct sl_arena *a, const struct sl_slice **ret, size_t *ret_n,
			  struct sl_err *err) SL_MUST_CHECK;

/* A statement that somebody else signed and that was verified: what policy judges
 * (data/facts.decl). */
struct sl_gate_foreign {
	struct sl_slice iss, sub;  /* its claims */
	struct sl_slice how;       /* its issuer's key was known: "did", "list", "x509" */
	struct sl_slice alg, type; /* "EdDSA"; its content type, or empty */
	bool is_envelope;
};

/* Asks policy (request "register") and queues the statement, canonical, for the node's
 * tree; *ret_entry is filled in by the sync, and is an earlier entry where the tree holds
 * the statement already.  The decision goes before it into the same batch, unless there
 * is one: it counts for every statement that looks the same to policy, and is stated once
 * for each (issuer, policy digest, rule).  DENIED, with policy's message: such refusals
 * are counted.  LIMIT: the batch is full, or too many issuers are new.  A wait that fails
 * with DENIED: another policy is in force, nothing of the batch was appended;
 * sl_gate_refresh(). */
int sl_gate_register(struct sl_gate *g, const struct sl_gate_foreign *f,
		     struct sl_slice stmt, struct sl_entry *ret_entry,
		     struct sl_err *err) SL_MUST_CHECK;
/* Queues what refusals were counted since the last call: one decision for each (issuer,
 * policy digest, rule), its context with the count (the first also with that of the
 * issuers who were too many); how many statements. */
int sl_gate_state_refusals(struct sl_gate *g, size_t *ret_n,
			   struct sl_err *err) SL_MUST_CHECK;
/* Takes the policy that is in force now, which another process may have put there; what
 * was refused under the old one is queued. */
int sl_gate_refresh(struct sl_gate *g, struct sl_err *err) SL_MUST_CHECK;
/* Of the batch waited for last (log/recorder.h). */
const struct sl_batch_root *sl_gate_root(const struct sl_gate *g);
const struct sl_entry *sl_gate_entries(const struct sl_gate *g, size_t *ret_n);
bool sl_gate_has_queued(const struct sl_gate *g);

/* Queues another statement (outcome, observation) about the run of d.  *ret_entry, if
 * not NULL, is filled in by the sync. */
int sl_gate_state(struct sl_gate *g, const struct sl_decision *d, enum sl_statement s,
		  struct sl_json *predicate, struct sl_entry *ret_entry,
		  struct sl_err *err) SL_MUST_CHECK;
/* Queues the seal of d's run behind what is queued. */
int sl_gate_seal(struct sl_gate *g, const struct sl_decision *d,
		 struct sl_entry *ret_entry, struct sl_err *err) SL_MUST_CHECK;
/* Closes a run that an earlier process left behind: the outcome goes into the node's
 * tree, for the run's own key may belong to another build; the run's tree is sealed where
 * it was begun and is open. */
int sl_gate_close_run(struct sl_gate *g, const uint8_t run[32], struct sl_json *outcome,
		      bool has_open_tree, struct sl_err *err) SL_MUST_CHECK;
/* Start the batch (returns at once); wait for it.  sync is both.  After success every
 * queued decision is durable. */
int sl_gate_commit(struct sl_gate *g, struct sl_err *err) SL_MUST_CHECK;
/* Nothing is decided or stated after the next batch. */
void sl_gate_last(struct sl_gate *g);
int sl_gate_wait(struct sl_gate *g, struct sl_err *err) SL_MUST_CHECK;
int sl_gate_sync(struct sl_gate *g, struct sl_err *err) SL_MUST_CHECK;

/* One permit of an allowed and durable decision; asking for one of any other is BUG. */
int sl_gate_permit(struct sl_gate *g, struct sl_decision *d, enum sl_permit_kind kind,
		   unsigned uses, struct sl_permit **ret,
		   struct sl_err *err) SL_MUST_CHECK;

/* Puts text in force as the node's policy: checked, decided by the policy in force,
 * recorded, durable when it returns.  DENIED when the policy in force says no; FORMAT
 * when text would let no later policy be registered (so does sl_gate_open for a first
 * one): a node that nobody can mend any more is never wanted. */
int sl_gate_set_policy(struct sl_gate *g, struct sl_slice text, const char *name,
		       uint8_t ret_digest[32], struct sl_err *err) SL_MUST_CHECK;

/* --- offline (rederive.c): needs no gate --- */

struct sl_rederive_in {
	const struct sl_json *statement;             /* the decision, parsed */
	const struct sl_json *context;               /* its context, parsed */
	struct sl_slice facts, policy, decls, proof; /* blobs named in it */
};

/* Its ID and its run's follow from what it says, its context's name from the context
 * (NULL: not at hand): VERIFY. */
int sl_decision_ids(const struct sl_json *statement, const struct sl_json *context,
		    struct sl_err *err) SL_MUST_CHECK;
/* Derives the verdict again and compares context, IDs, facts, verdict, rule, message,
 * grant, required records, fuel and proof byte by byte: VERIFY with what differs.
 * The proof also goes through the checker, which evaluates no rule: *ret_is_shown, the
 * proof shows the verdict by itself; else some of it only deciding again has shown. */
int sl_decision_rederive(const struct sl_rederive_in *in, bool *ret_is_shown,
			 struct sl_err *err) SL_MUST_CHECK;

#endif
