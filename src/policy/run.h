/* run.h -- the model of one decision and the joins over it; private to src/policy.
 *
 * Terms are interned: within a run equal terms have equal numbers.  A relation is an
 * array of rows with a hash of whole rows and, on demand, indexes on sets of columns.
 * Rows stand in the order in which they came; what must not depend on that (demand.c,
 * proof.c, queries) walks them in canonical order, through sl_prel_matches().
 *
 * Three ways to the same model: model.c makes all of it, magic.c what the goals ask for,
 * and world.c keeps one and adds to it, with a way back.
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

/* Rows below n_csr lie together by bucket, later ones hang in chains until there are as
 * many of them. */
struct sl_pindex {
	uint32_t mask;          /* columns */
	uint32_t cap;           /* buckets, a power of two */
	uint32_t *start, *rows; /* bucket k: rows[start[k]] up to rows[start[k + 1]] */
	uint8_t *is_sorted;     /* a bit a bucket: in canonical order */
	uint32_t n_csr, n;      /* rows that lie; rows in it */
	uint32_t *head, *chain; /* bucket -> row + 1; row - n_csr -> next row + 1 */
	uint32_t cap_chain;
	bool is_laid; /* else rows have gone: to be made anew */
	struct sl_pindex *next;
};

/* Of a fact, beside the number of its source; else prov is the height. */
#define SL_PFACT UINT32_C(0x80000000)
/* A row whose tuple has come with fewer blocks behind it. */
#define SL_PDEAD UINT32_C(0x7fffffff)

struct sl_prel {
	uint32_t arity, n, cap;
	uint32_t *cell;   /* row i: cell[i * arity] ... */
	uint32_t *origin; /* sets of blocks; NULL: one block, the authorizer's */
	uint32_t *prov;   /* a fact's source, or the height of what was derived */
	uint64_t *hash;   /* hash << 32 | row + 1 */
	uint32_t cap_hash;
	uint32_t n_old, n_seen; /* rows of earlier rounds; of all rounds but this */
	uint32_t *low, n_low, n_low_now, cap_low; /* rows that became lower: to look at */
	uint32_t *order, n_order, cap_order;      /* canonical, of the first n_order */
	struct sl_pindex *indexes;
	bool has_rules; /* derived by rules, not only facts */
};

/* A set of keys, each a run of numbers, with a value. */
struct sl_pkeys {
	uint32_t *pool;
	size_t len, cap;
	uint32_t *hash; /* offset in pool + 1, by entry */
	uint32_t n, cap_hash;
};

struct sl_pundo { /* a row whose prov has changed */
	uint32_t pred, row, prov;
};

struct sl_pmagic; /* magic.c */
struct sl_pprog;  /* fire.c */

struct sl_policy_run {
	const struct sl_policy *p;
	struct sl_policy_limits lim;
	struct sl_arena *a;   /* the model's */
	struct sl_arena *out; /* the decision's */
	struct sl_arena scratch;
	const struct sl_term **term;
	uint64_t *term_hash;
	uint32_t n_terms, cap_terms;
	uint32_t *term_index; /* number + 1 */
	uint32_t cap_index;
	uint32_t *con; /* number of each constant of the policy; one more, for magic.c */
	struct sl_slice *source; /* who stated facts; [0] is the policy itself */
	uint32_t n_sources, cap_sources;
	struct sl_prel *rel; /* by predicate; then those of magic.c */
	uint32_t n_rels;
	struct sl_pprog *prog; /* the rules being run */
	struct sl_pmagic *magic;
	bool is_rising; /* heights are computed, and may sink: no rounds from nothing */
	uint64_t n_facts, n_asked, work; /* n_asked: rows of magic.c's relations */
	enum sl_pstop stop;
	const struct sl_prule *stop_rule; /* or */
	const struct sl_pgoal *stop_goal;
	enum sl_pev stop_error;
	uint32_t *stack; /* rows to be tried, by level of a join */
	size_t n_stack, cap_stack;
	/* since the mark of world.c */
	bool is_marked;
	struct sl_pundo *undo;
	size_t n_undo, cap_undo;
	/* demand.c */
	uint64_t fuel;
	struct sl_pkeys calls, firings, instances, demanded;
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
	uint32_t row[SL_PATOMS_MAX];  /* matched, by atom */
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
				  const struct sl_policy_limits *lim, struct sl_arena *a);
/* The policy's constants and facts, then those of f.  May stop. */
void sl_prun_facts(struct sl_policy_run *r, const struct sl_policy_facts *f);
/* Both again, of the predicates marked. */
void sl_prun_facts_of(struct sl_policy_run *r, const struct sl_policy_facts *f,
		      const bool *is_wanted);
/* The rules to the least fixpoint, all of it, from nothing. */
void sl_pmodel_build(struct sl_policy_run *r);
/* What has come since, to the least fixpoint again. */
void sl_pmodel_rise(struct sl_policy_run *r);
/* Only what the goals, and the predicates that the gate asks for, demand. */
void sl_pmagic_build(struct sl_policy_run *r);
uint32_t sl_pmagic_rels(const struct sl_policy *p); /* as many as it may need */
/* The same for all of one predicate; nothing where the model is whole. */
void sl_pmagic_ask(struct sl_policy_run *r, uint32_t pred);

void sl_prun_stop(struct sl_policy_run *r, enum sl_pstop why);

static inline uint64_t
sl_pmix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

/* Tuples that differ only in the low bits of the last term lie side by side: what a rule
 * yields for one binding is found in few cache lines. */
static inline uint32_t
sl_prel_hash(const uint32_t *c, uint32_t n)
{
	uint32_t last = c[n - 1];
	uint64_t h = 0;

	for (uint32_t k = 0; k + 1 < n; k++)
		h = sl_pmix(h, c[k]);
	return ((uint32_t)sl_pmix(h, last / 8 + UINT64_C(1)) & ~7U) | last % 8;
}

/* fire.c: rules with their plans, tried against what is new. */
struct sl_pprog *sl_pprog_new(struct sl_policy_run *r);
/* is_guarded: the first atom is a demand, which has no part in heights. */
void sl_pprog_add(struct sl_policy_run *r, struct sl_pprog *g, const struct sl_prule *q,
		  bool is_guarded);
/* The rules for the predicates marked are run on everything once more. */
void sl_pprog_renew(struct sl_pprog *g, const bool *is_wanted);
/* One round: every rule on the rows of n_old to n_seen, and on those that sank. */
void sl_pprog_round(struct sl_policy_run *r, struct sl_pprog *g, uint32_t round);
/* A round's rows become those to look at; false: there are none. */
bool sl_pprog_next(struct sl_policy_run *r);

/* rel.c.  The number of the term, UINT32_MAX: stopped.  The term is borrowed. */
uint32_t sl_prun_intern(struct sl_policy_run *r, const struct sl_term *t);
/* Forgets all terms from number n on. */
void sl_prun_forget(struct sl_policy_run *r, uint32_t n);
/* Adds a row, unless it is there as low as that; h is its hash. */
void sl_prel_put(struct sl_policy_run *r, uint32_t pred, const uint32_t *cell, uint32_t h,
		 uint32_t origin, uint32_t prov);
/* The row of the tuple (any origin), UINT32_MAX: none. */
uint32_t sl_prel_find(const struct sl_prel *l, const uint32_t *cell);
/* Takes back all rows from n on. */
void sl_prel_cut(struct sl_prel *l, uint32_t n);
/* index.c.  The index on those columns, of the rows that are seen; NULL: stopped. */
struct sl_pindex *sl_prel_index(struct sl_policy_run *r, struct sl_prel *l,
				uint32_t mask);
uint32_t sl_pkey_hash(const uint32_t *key, uint32_t mask);
void sl_prel_cut_indexes(struct sl_prel *l, uint32_t n);
/* Pushes the rows that have the key's terms in the columns of mask onto the stack, in
 * canonical order; false: stopped. */
bool sl_prel_matches(struct sl_policy_run *r, struct sl_prel *l, uint32_t mask,
		     const uint32_t *key);

static inline uint32_t
sl_prel_origin(const struct sl_prel *l, uint32_t row)
{
	return l->origin != NULL ? l->origin[row] : UINT32_C(1) << SL_PAUTH;
}

/* memcmp() is a call, and most rows are two or three numbers. */
static inline bool
sl_prel_is_same(const uint32_t *a, const uint32_t *b, uint32_t n)
{
	for (uint32_t k = 0; k < n; k++)
		if (a[k] != b[k])
			return false;
	return true;
}

static inline uint32_t
sl_prel_height(const struct sl_prel *l, uint32_t row)
{
	return (l->prov[row] & SL_PFACT) != 0 ? 0 : l->prov[row];
}

/* Text order, all rows. */
void sl_pjoin_init(struct sl_pjoin *j, struct sl_policy_run *r, const struct sl_pbody *b,
		   uint32_t uid);
/* After a change of the order: each expression as early as its variables are bound. */
void sl_pjoin_place(struct sl_pjoin *j);
/* Those with something bound first, then those with less unbound, then text order; from
 * the at-th on.  Places the expressions. */
void sl_pjoin_order(struct sl_pjoin *j, uint32_t at);
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
/* From a finished model to the verdict and its proof, in r->out. */
int sl_pconclude(struct sl_policy_run *r, struct sl_verdict *ret,
		 struct sl_err *err) SL_MUST_CHECK;

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

/* In canonical order, and as the policy's declarations have them. */
int sl_policy_facts_check(const struct sl_policy *p, struct sl_policy_facts *f,
			  struct sl_err *err) SL_MUST_CHECK;
/* Of a sorted set. */
bool sl_policy_facts_has(const struct sl_policy_facts *f, const struct sl_pfact_row *row);
/* Both sorted: what is not there yet, shallow; FORMAT and no change where one to be
 * dropped is missing. */
int sl_policy_facts_insert(struct sl_policy_facts *f, const struct sl_policy_facts *more,
			   struct sl_err *err) SL_MUST_CHECK;
int sl_policy_facts_drop(struct sl_policy_facts *f, const struct sl_policy_facts *gone,
			 struct sl_err *err) SL_MUST_CHECK;
/* A deep copy of a sorted set, NULL when memory is out. */
struct sl_policy_facts *sl_policy_facts_copy(struct sl_arena *a,
					     const struct sl_policy_facts *f);
int sl_policy_facts_sort(struct sl_policy_facts *f, struct sl_err *err) SL_MUST_CHECK;

#endif
