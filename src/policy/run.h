/* run.h -- the model of one decision and the joins over it; private to src/policy.
 *
 * Terms are interned: within a run equal terms have equal numbers.  A relation is an
 * array of rows with a hash of whole rows and, on demand, indexes on sets of columns.
 * sl_pmodel_build() computes the least model, then sorts every relation canonically,
 * so that whatever walks it afterwards (demand.c, proof.c) sees one order on any host.
 */
#ifndef SL_POLICY_RUN_H
#define SL_POLICY_RUN_H

#include "policy/ast.h"
#include "policy/eval.h"

enum sl_pstop { /* why a run ended early */
		SL_PSTOP_NO,
		SL_PSTOP_FUEL,
		SL_PSTOP_LIMIT,
		SL_PSTOP_ERROR, /* an expression of a demanded rule */
		SL_PSTOP_NOMEM,
};

struct sl_pindex {
	uint32_t mask;          /* columns */
	uint32_t *head, *chain; /* bucket -> row + 1; row -> next row + 1 */
	uint32_t n, cap;        /* rows in it; buckets, a power of two */
	struct sl_pindex *next;
};

struct sl_prel {
	uint32_t arity, n, cap;
	uint32_t *cell;   /* row i: cell[i * arity] ... */
	uint32_t *origin; /* sets of blocks */
	uint32_t *height; /* 0: a fact; else the round in which it was first derived */
	uint32_t *source; /* fact: index + 1 of its first entry in the fact set */
	bool *is_demanded;
	uint32_t *hash; /* row + 1 */
	uint32_t cap_hash;
	uint32_t n_old, n_seen; /* rows of earlier rounds; of all rounds but this */
	struct sl_pindex *indexes;
};

/* A set of keys, each a run of numbers, with a value. */
struct sl_pkeys {
	uint32_t *pool;
	size_t len, cap;
	uint32_t *hash; /* offset in pool + 1, by entry */
	uint32_t n, cap_hash;
};

struct sl_policy_run {
	const struct sl_policy *p;
	const struct sl_policy_facts *facts;
	struct sl_policy_limits lim;
	struct sl_arena *a;
	struct sl_arena scratch;
	const struct sl_term **term;
	uint64_t *term_hash;
	uint32_t n_terms, cap_terms;
	uint32_t *term_index; /* number + 1 */
	uint32_t cap_index;
	uint32_t *con;  /* number of each constant of the policy */
	uint32_t *rank; /* canonical place of each number */
	struct sl_prel *rel;
	uint64_t n_facts, work;
	enum sl_pstop stop;
	const struct sl_prule *stop_rule; /* or */
	const struct sl_pgoal *stop_goal;
	enum sl_pev stop_error;
	/* demand.c */
	uint64_t fuel;
	struct sl_pkeys calls, firings, instances;
	struct sl_pgoal_result *results; /* checks, then policies */
};

enum sl_poutcome { SL_PNO, SL_PYES, SL_PERROR };

struct sl_pgoal_result {
	const struct sl_pgoal *goal;
	enum sl_poutcome
	    outcome; /* of the check (YES passes) or the policy (YES matches) */
	enum sl_pev error;
	uint32_t branch;      /* of the first match */
	const uint32_t *rows; /* its rows, one an atom, or NULL */
};

/* One body being matched.  The hooks may be NULL. */
struct sl_pjoin {
	struct sl_policy_run *r;
	const struct sl_pbody *b;
	uint32_t uid; /* of the body: rule or branch */
	uint32_t val[SL_PVARS_MAX];
	uint64_t bound;
	uint8_t order[SL_PATOMS_MAX]; /* of the atoms */
	uint8_t due[SL_PATOMS_MAX];   /* step before which each expression is evaluated */
	uint32_t lo[SL_PATOMS_MAX], hi[SL_PATOMS_MAX]; /* rows looked at, by atom */
	uint32_t row[SL_PATOMS_MAX];                   /* matched, by atom */
	/* Returns false: not this row. */
	bool (*on_row)(struct sl_pjoin *j, uint32_t atom, uint32_t row);
	void (*on_call)(struct sl_pjoin *j, uint32_t atom);
	/* The value of expression k; the run may be stopped on return. */
	enum sl_poutcome (*on_expr)(struct sl_pjoin *j, uint32_t k);
	void (*on_match)(
	    struct sl_pjoin *j); /* `outcome` says what the expressions gave */
	bool keeps_false; /* a false expression does not end the binding (check all) */
	enum sl_poutcome outcome;
	bool is_done; /* set by a hook: enough */
	void *data;
};

struct sl_policy_run *sl_prun_new(const struct sl_policy *p,
				  const struct sl_policy_facts *f,
				  const struct sl_policy_limits *lim, struct sl_arena *a);
/* The facts, then the rules to the least fixpoint, then the order.  May stop. */
void sl_pmodel_build(struct sl_policy_run *r);

void sl_prun_stop(struct sl_policy_run *r, enum sl_pstop why);

/* rel.c.  A larger copy of an array of n items, zeroed behind them; NULL: stopped. */
void *sl_prun_regrow(struct sl_policy_run *r, const void *old, size_t n, size_t cap,
		     size_t size);
/* The number of the term, UINT32_MAX: stopped.  The term is borrowed. */
uint32_t sl_prun_intern(struct sl_policy_run *r, const struct sl_term *t);
/* Adds a row unless it is there. */
void sl_prel_insert(struct sl_policy_run *r, struct sl_prel *l, const uint32_t *cell,
		    uint32_t origin, uint32_t height, uint32_t source);
uint32_t sl_prel_hash(const uint32_t *cell, uint32_t n, uint32_t mask);
/* The index on those columns, of the rows that are seen; NULL: stopped. */
struct sl_pindex *sl_prel_index(struct sl_policy_run *r, struct sl_prel *l,
				uint32_t mask);
/* Text order, all rows. */
void sl_pjoin_init(struct sl_pjoin *j, struct sl_policy_run *r, const struct sl_pbody *b,
		   uint32_t uid);
/* After a change of the order: each expression as early as its variables are bound. */
void sl_pjoin_place(struct sl_pjoin *j);
void sl_pjoin_run(struct sl_pjoin *j);
/* Evaluates expression k of the body on the binding; work or fuel is the caller's. */
enum sl_pev sl_pjoin_eval(struct sl_pjoin *j, uint32_t k, uint64_t max_steps,
			  uint64_t *ret_steps, bool *ret);
/* The number of an argument, UINT32_MAX while it is not bound. */
uint32_t sl_pjoin_arg(const struct sl_pjoin *j, const struct sl_parg *g);
/* Binds the variables of a head to a row or a pattern (UINT32_MAX: free); false where
 * they do not agree. */
bool sl_pjoin_bind_head(struct sl_pjoin *j, const struct sl_patom *head,
			const uint32_t *pattern);

/* An expression as it decides whether a binding lives; errors count as false.  Its
 * steps are work. */
enum sl_poutcome sl_pjoin_plain_expr(struct sl_pjoin *j, uint32_t k);

/* The value's place, zero when the key is new; NULL when memory is out. */
uint32_t *sl_pkeys_put(struct sl_policy_run *r, struct sl_pkeys *k, const uint32_t *key,
		       uint32_t n, bool *ret_new);

/* The demand pass: what all goals ask of the final model, and what they answer. */
void sl_pdemand_goals(struct sl_policy_run *r);
/* The same for one predicate, all of it. */
void sl_pdemand_pred(struct sl_policy_run *r, uint32_t pred);

/* The proof of a verdict; NULL when memory is out or the run was stopped by it. */
struct sl_json *sl_pproof(struct sl_policy_run *r, struct sl_jb *b,
			  const struct sl_verdict *v);
/* One step of it: the rows that a derived row stands on, one for each atom of the rule;
 * NULL for a fact, or when the run was stopped. */
const uint32_t *sl_pproof_step(struct sl_policy_run *r, uint32_t pred, uint32_t row,
			       const struct sl_prule **ret_rule);

/* facts.c: the set in canonical order. */
struct sl_pfact_row {
	struct sl_slice pred, source;
	const struct sl_term *args;
	uint32_t n;
	uint32_t block; /* SL_PAUTH, but for the blocks of a token */
};

struct sl_policy_facts {
	struct sl_arena *a;
	struct sl_pfact_row *v;
	size_t n, cap;
	bool is_sorted;
	int failed; /* SL_E(...), or 0 */
};

int sl_policy_facts_sort(struct sl_policy_facts *f, struct sl_err *err) SL_MUST_CHECK;

#endif
