/* repair_int.h -- what the files of the repair search share; private to src/policy. */
#ifndef SL_POLICY_REPAIR_INT_H
#define SL_POLICY_REPAIR_INT_H

#include "policy/repair.h"
#include "policy/run.h"

/* Distinct changes, in order. */
struct sl_change_set {
	const struct sl_change *c[SL_REPAIR_CHANGES_MAX];
	uint32_t n;
};

int sl_change_cmp(const struct sl_change *x, const struct sl_change *y);
int sl_change_set_cmp(const struct sl_change_set *x, const struct sl_change_set *y);
/* There is room for it; false: it is in there already. */
bool sl_change_set_add(struct sl_change_set *s, const struct sl_change *c);
uint32_t sl_change_set_hash(const struct sl_change_set *s);

/* What the search may do and has done. */
struct sl_repairer {
	const struct sl_policy *p;
	const struct sl_repair_opts *o;
	struct sl_arena *a;
	uint64_t *could; /* by predicate: 0, or its rank + 1 where it can be added */
	bool *depends;   /* by predicate: it, or what its rules stand on, can be added */
	bool *is_withheld; /* by predicate: can be left out */
	uint64_t work;
	bool is_cut;   /* something was not looked at */
	bool is_nomem; /* nothing counts any more */
};

/* One more row looked at; false: enough. */
bool sl_repair_work(struct sl_repairer *x, uint64_t n);

/* An assumed fact: terms by their number in the run. */
struct sl_assumed {
	uint32_t pred;
	uint32_t cell[SL_PARITY_MAX];
};

struct sl_abduction {
	struct sl_repairer *x;
	struct sl_policy_run *r;  /* its model is built */
	const struct sl_pbody *b; /* to have a match */
	uint32_t budget;          /* assumed facts: exactly that many */
	/* All distinct, none in the model. */
	void (*found)(void *data, const struct sl_assumed *v, uint32_t n);
	void *data;
};

/* Every set of budget facts (could) with which the body has a match in which all its
 * expressions are true; some more than once. */
void sl_abduce(const struct sl_abduction *q);

#endif
