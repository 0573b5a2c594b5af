/* verify.c -- see verify.h. */
#include "gate/verify.h"

#include "base/auto.h"
#include "base/hex.h"
#include "gate/gate.h"
#include "gate/index.h"
#include "gate/said.h"

#include <stdio.h>

struct work {
	const struct sl_bundle *b;
	const struct sl_evidence *v;
	struct sl_arena *a;
	struct sl_verify_report *r;
	const struct sl_grant *grant;       /* of the run; NULL: denied or erased */
	struct sl_slice parent;             /* the run's context in hex; empty: erased */
	const struct sl_evident **decision; /* of the bundle, in the log's order */
	uint8_t *seen; /* beside each: 1 it has an outcome, 2 an observation */
	size_t n;
	struct sl_index by_entry; /* places in decision, of all that there will be */
	struct sl_index by_id;    /* indices of st by run or step ID */
	struct sl_index policies; /* indices of st by the policy's digest */
	int64_t time;             /* of the decision before */
};

static bool
is_row(const struct sl_evident *e, enum sl_statement s)
{
	return e->row == sl_statement_row(s);
}

static const struct sl_json *
own_of(const struct sl_evident *e)
{
	return sl_json_get(e->predicate, "sluice");
}

static bool
is_hex(struct sl_slice said, const uint8_t d[32])
{
	char hex[65];

	sl_hex(hex, d, 32);
	return sl_slice_eq(said, sl_slice_str(hex));
}

/* --- decisions --- */

/* Bytes that a decision names: 1; erased: 0. */
static int
input(struct work *w, const struct sl_json *own, const char *key, struct sl_slice *ret,
      struct sl_err *err)
{
	const struct sl_bundle_blob *b;
	bool is_erased = false;
	uint8_t d[32];

	if (!sl_unhex(d, 32, sl_json_get_str(own, key)))
		return SL_ERR(err, VERIFY, "decision: '%s' is no digest", key);
	if ((b = sl_bundle_blob(w->b, d, &is_erased)) == NULL)
		return is_erased
			   ? 0
			   : SL_ERR(err, VERIFY, "decision: its %s is missing", key);
	*ret = b->bytes;
	return 1;
}

/* Derived again, or counted as erased. */
static int
rederive(struct work *w, const struct sl_evident *d, const struct sl_evident *context,
	 struct sl_err *err)
{
	struct sl_rederive_in in = { .statement = d->statement,
				     .context = context->predicate };
	const struct sl_json *own = own_of(d);
	struct {
		const char *key;
		struct sl_slice *to;
	} part[] = { { "facts", &in.facts },
		     { "policy", &in.policy },
		     { "decls", &in.decls },
		     { "proof", &in.proof } };
	bool has_all = context->statement != NULL, is_shown = false;
	int r = sl_decision_ids(d->statement, context->predicate, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < 4; i++) {
		if ((r = input(w, own, part[i].key, part[i].to, err)) < 0)
			return r;
		has_all = has_all && r == 1;
	}
	if (!has_all)
		return 0;
	if ((r = sl_decision_rederive(&in, &is_shown, err)) < 0)
		return r;
	w->r->n_rederived++;
	w->r->n_shown += is_shown;
	return 0;
}

/* The policy was in force: a statement of the node says so, before the decision. */
static int
check_policy(const struct work *w, const struct sl_json *own, struct sl_err *err)
{
	uint8_t d[32];
	size_t at = 0;

	if (!sl_unhex(d, 32, sl_json_get_str(own, "policy")) ||
	    !sl_index_find(&w->policies, d, &at) ||
	    w->v->st[at].index >= w->v->decision->index)
		return SL_ERR(err, VERIFY, "decision: its policy was never put in force");
	return 0;
}

static int
check_common(struct work *w, const struct sl_evident *d, struct sl_err *err)
{
	const struct sl_json *own = own_of(d);
	int64_t time = sl_json_get_int(own, "time");
	uint8_t id[32];
	int r;

	if (!is_hex(sl_json_get_str(own, "run"), w->b->run))
		return SL_ERR(err, VERIFY, "decision: of another run");
	if ((r = sl_said_decision(d->predicate, w->v->did, err)) < 0)
		return r;
	if (time < w->time)
		return SL_ERR(err, VERIFY, "decision: it goes back in time");
	w->time = time;
	if (sl_unhex(id, 32, sl_json_get_str(own, "id")))
		sl_index_add(&w->by_id, id, (size_t)(d - w->v->st));
	return check_policy(w, own, err);
}

static int
check_run(struct work *w, struct sl_err *err)
{
	const struct sl_evident *d = w->v->decision;
	const struct sl_json *own = own_of(d), *grant = sl_json_get(own, "grant");
	struct sl_slice verdict = sl_json_get_str(own, "verdict");
	bool is_allow = sl_slice_eq(verdict, SL_LIT("allow"));
	int r;

	(void)snprintf(w->r->kind, sizeof(w->r->kind), "%.*s",
		       SL_ARG(sl_json_get_str(own, "kind")));
	(void)snprintf(w->r->verdict, sizeof(w->r->verdict), "%.*s", SL_ARG(verdict));
	if ((r = check_common(w, d, err)) < 0)
		return r;
	if (!is_hex(sl_json_get_str(own, "id"), w->b->run) ||
	    (!sl_slice_eq(sl_json_get_str(own, "kind"), SL_LIT("run")) &&
	     !sl_slice_eq(sl_json_get_str(own, "kind"), SL_LIT("exec"))))
		return SL_ERR(err, VERIFY, "decision: not that of a run");
	if (!is_allow && w->b->n_trees == SL_BUNDLE_TREES)
		return SL_ERR(err, VERIFY, "the run was denied, but it has a log");
	if (is_allow && grant != NULL &&
	    (r = sl_grant_parse(grant, w->a, &w->grant, err)) < 0)
		return r;
	return rederive(w, d, w->v->context, err);
}

/* A step's context, in the same batch as its decision; the run's is its parent. */
static int
check_context(struct work *w, const struct sl_evident *c, struct sl_err *err)
{
	const struct sl_evident *d = c + 1;
	struct sl_slice parent = sl_json_get_str(c->predicate, "parent");

	if (d == &w->v->st[w->v->first[SL_BUNDLE_TREES]] ||
	    (d->row != NULL && !is_row(d, SL_STMT_DECISION)))
		return SL_ERR(err, VERIFY, "context: no decision behind it");
	if (parent.len != 64 || (w->parent.len > 0 && !sl_slice_eq(parent, w->parent)))
		return SL_ERR(err, VERIFY, "context: not below the run's");
	return sl_said_context(c->predicate, own_of(d), true, w->v->did, err);
}

/* What a step was granted, and refused, beside what the run was granted. */
static int
check_outer(struct work *w, const struct sl_json *own, struct sl_err *err)
{
	const struct sl_grant *want = NULL, *got = NULL;
	bool is_allow = sl_slice_eq(sl_json_get_str(own, "verdict"), SL_LIT("allow"));
	bool is_outer = sl_slice_eq(sl_json_get_str(own, "reason"), SL_LIT("outer"));
	int r;

	if (w->v->decision->statement == NULL || (!is_allow && !is_outer))
		return 0;
	if (w->grant == NULL || sl_json_get(own, "wants") == NULL)
		return SL_ERR(err, VERIFY,
			      "decision: a step without a grant to be within");
	if ((r = sl_grant_parse(sl_json_get(own, "wants"), w->a, &want, err)) < 0)
		return r;
	if (is_outer)
		return !is_allow && !sl_grant_within(want, w->grant)
			   ? 0
			   : SL_ERR(
				 err, VERIFY,
				 "decision: it wants no more than the run was granted");
	if ((r = sl_grant_parse(sl_json_get(own, "grant"), w->a, &got, err)) < 0)
		return r;
	if (!sl_grant_within(want, w->grant) || !sl_grant_within(got, w->grant))
		return SL_ERR(err, VERIFY, "decision: more than the run was granted");
	return 0;
}

static int
check_step(struct work *w, const struct sl_evident *d, struct sl_err *err)
{
	const struct sl_json *own = own_of(d);
	const struct sl_evident *c = d - 1;
	int r;

	if ((r = check_common(w, d, err)) < 0)
		return r;
	if (!sl_slice_eq(sl_json_get_str(own, "kind"), SL_LIT("step")))
		return SL_ERR(err, VERIFY, "decision: not that of a step");
	if (d->index == 0 || (c->row != NULL && !is_row(c, SL_STMT_CONTEXT)))
		return SL_ERR(err, VERIFY,
			      "decision: its context does not come before it");
	if ((r = check_outer(w, own, err)) < 0)
		return r;
	return rederive(w, d, c, err);
}

/* --- outcomes and observations --- */

/* Outcome and seal of a run are one batch: a bundle with the one has the other. */
static int
check_end(const struct work *w, const struct sl_evident *e, size_t of, struct sl_err *err)
{
	if (e->tree == SL_TREE_NODE &&
	    (of != 0 || !sl_slice_eq(sl_json_get_str(own_of(e), "conclusion"),
				     SL_LIT("interrupted"))))
		return SL_ERR(
		    err, VERIFY,
		    "outcome: in the node's log, but not of an interrupted run");
	if (of == 0 && w->v->seal == NULL && w->b->n_trees == SL_BUNDLE_TREES)
		return SL_ERR(err, VERIFY,
			      "outcome: the run is over, its seal is missing");
	return 0;
}

static int
check_about(struct work *w, const struct sl_evident *e, struct sl_err *err)
{
	const struct sl_json *own = own_of(e), *def, *in;
	bool is_outcome = is_row(e, SL_STMT_OUTCOME);
	uint8_t bit = is_outcome ? 1 : 2, said[32] = { 0 };
	const struct sl_evident *d;
	size_t of = 0;
	int r;

	def = sl_json_get(e->predicate, "buildDefinition");
	in = sl_json_get(def, "internalParameters");
	if (!is_hex(sl_json_get_str(own, "run"), w->b->run))
		return SL_ERR(err, VERIFY, "%s: of another run", e->row->kind);
	if (!sl_unhex(said, 32, sl_json_get_str(is_outcome ? in : own, "decision")))
		return SL_ERR(err, VERIFY, "%s: it names no decision", e->row->kind);
	if (!sl_index_find(&w->by_entry, said, &of) || of >= w->n)
		return SL_ERR(err, VERIFY, "%s: its decision does not come before it",
			      e->row->kind);
	d = w->decision[of];
	r = is_outcome ? sl_said_outcome(e->predicate, own_of(d), w->v->did, err)
		       : sl_said_observation(e->predicate, own_of(d), w->v->did, err);
	if (r < 0 || (is_outcome && (r = check_end(w, e, of, err)) < 0))
		return r;
	if ((of == 0) != is_hex(sl_json_get_str(own, "id"), w->b->run))
		return SL_ERR(err, VERIFY, "%s: of another ID than its decision",
			      e->row->kind);
	if ((w->seen[of] & bit) != 0)
		return SL_ERR(err, VERIFY, "%s: a second one of its decision",
			      e->row->kind);
	w->seen[of] |= bit;
	return 0;
}

static void
count(struct work *w, const struct sl_evident *e)
{
	const struct sl_json *acts;

	if (e->row == NULL)
		return;
	w->r->n_outcomes += is_row(e, SL_STMT_OUTCOME);
	if (is_row(e, SL_STMT_OBSERVATION)) {
		acts = sl_json_get(sl_json_get(e->predicate, "monitorLog"), "acts");
		w->r->n_observations++;
		w->r->n_acts += acts != NULL ? acts->n : 0;
	}
}

static int
judge(struct work *w, const struct sl_evident *e, struct sl_err *err)
{
	int r = 0;

	count(w, e);
	if (e->row == NULL) {
		/* Erased: what it was is not known.  It may have been a decision, which
		 * others name by its entry. */
		w->decision[w->n++] = e;
		return 0;
	}
	if (is_row(e, SL_STMT_DECISION)) {
		r = e == w->v->decision ? check_run(w, err) : check_step(w, e, err);
		w->r->n_decisions++;
		w->decision[w->n++] = e;
	} else if (is_row(e, SL_STMT_OUTCOME) || is_row(e, SL_STMT_OBSERVATION)) {
		r = check_about(w, e, err);
	} else if (e == w->v->context) {
		r = sl_said_context(e->predicate, own_of(w->v->decision), false,
				    w->v->did, err);
	} else if (is_row(e, SL_STMT_CONTEXT)) {
		r = check_context(w, e, err);
	}
	return r;
}

static int
judge_at(struct work *w, size_t i, struct sl_err *err)
{
	char where[48];
	int r = judge(w, &w->v->st[i], err);

	sl_evident_where(&w->v->st[i], where);
	return sl_finding_add(&w->r->findings, where, r, err);
}

/* Room, and what is looked up by its digest. */
static int
prepare(struct work *w, struct sl_err *err)
{
	const struct sl_evidence *v = w->v;
	size_t n = v->first[SL_BUNDLE_TREES], at = 0;
	uint8_t d[32];
	int r;

	w->decision = SL_NEW_N(w->a, const struct sl_evident *, n + 1);
	w->seen = SL_NEW_N(w->a, uint8_t, n + 1);
	if (w->decision == NULL || w->seen == NULL)
		return SL_ERR(err, NOMEM, "out of memory for decisions");
	if ((r = sl_index_init(&w->by_entry, w->a, n, err)) < 0 ||
	    (r = sl_index_init(&w->by_id, w->a, n, err)) < 0 ||
	    (r = sl_index_init(&w->policies, w->a, n, err)) < 0)
		return r;
	for (size_t i = v->first[SL_TREE_NODE]; i < v->first[SL_TREE_RUN]; i++)
		if (is_row(&v->st[i], SL_STMT_POLICY) &&
		    sl_unhex(d, 32, sl_json_get_str(v->st[i].predicate, "policy")))
			sl_index_add(&w->policies, d, i);
	sl_index_add(&w->by_entry, v->decision->id, at++);
	for (size_t i = v->first[SL_TREE_RUN]; i < n; i++)
		if (v->st[i].row == NULL || is_row(&v->st[i], SL_STMT_DECISION))
			sl_index_add(&w->by_entry, v->st[i].id, at++);
	sl_index_sort(&w->policies);
	sl_index_sort(&w->by_entry);
	w->parent =
	    v->context->statement != NULL
		? sl_json_get_str(sl_json_get(sl_json_first(sl_json_get(
						  v->context->statement, "subject")),
					      "digest"),
				  "sha256")
		: sl_json_get_str(own_of(v->decision), "context");
	return 0;
}

static int
judge_all(struct work *w, struct sl_err *err)
{
	const struct sl_evidence *v = w->v;
	char where[48];
	size_t at = 0;
	int r = prepare(w, err);

	if (r < 0)
		return r;
	if (v->decision->statement == NULL)
		w->r->n_decisions++;
	if (v->context->statement != NULL &&
	    (r = judge_at(w, (size_t)(v->context - v->st), err)) < 0)
		return r;
	/* The run's decision, its own log, then what the node said of it later. */
	if ((r = judge_at(w, (size_t)(v->decision - v->st), err)) < 0)
		return r;
	for (size_t i = v->first[SL_TREE_RUN]; i < v->first[SL_BUNDLE_TREES]; i++)
		if ((r = judge_at(w, i, err)) < 0)
			return r;
	if (v->late != NULL && (r = judge_at(w, (size_t)(v->late - v->st), err)) < 0)
		return r;
	sl_index_sort(&w->by_id);
	if (!sl_index_twice(&w->by_id, &at))
		return 0;
	sl_evident_where(&v->st[at], where);
	return sl_finding_add(
	    &w->r->findings, where,
	    SL_ERR(err, VERIFY, "decision: a second one of the same ID"), err);
}

/* --- all of it --- */

static void
fill(struct sl_verify_report *r, const struct sl_bundle *b, const struct sl_evidence *v)
{
	memcpy(r->did, v->did, sizeof(r->did));
	r->has_tree = b->n_trees == SL_BUNDLE_TREES;
	if (r->has_tree)
		sl_didkey(v->run_key, r->run_key);
	r->is_sealed = v->seal != NULL;
	r->seal = v->seal != NULL ? v->seal->index : 0;
	memcpy(r->size, v->size, sizeof(r->size));
	r->n_statements = v->first[SL_BUNDLE_TREES];
	r->n_receipts = v->n_receipts;
	r->n_working = v->n_working;
	r->n_blobs = b->n_blobs;
	r->n_erased = b->n_erased;
	r->n_tombs = v->n_tombs;
}

int
sl_verify_open(struct sl_slice src, struct sl_arena *a, struct sl_bundle *b,
	       struct sl_evidence *v, struct sl_verify_report *ret, struct sl_err *err)
{
	struct work w = { .b = b, .v = v, .a = a, .r = ret };
	int r;

	*ret = (struct sl_verify_report){ 0 };
	r = sl_bundle_decode(src, a, b, err);
	if (r < 0)
		return sl_finding_add(&ret->findings, "bundle", r, err);
	sl_hex(ret->run, b->run, 32);
	if ((r = sl_evidence_check(b, a, v, &ret->findings, err)) < 0)
		return r;
	fill(ret, b, v);
	if (ret->findings.n == 0 && (r = judge_all(&w, err)) < 0)
		return r;
	ret->is_good = ret->findings.n == 0;
	return 0;
}

int
sl_verify_bundle(struct sl_slice src, const struct sl_trusted *trusted,
		 struct sl_verify_report *ret, struct sl_err *err)
{
	SL_AUTO_FREE struct sl_evidence *v = calloc(1, sizeof(*v));
	SL_AUTO_ARENA a = { 0 };
	struct sl_bundle b = { 0 };
	int r;

	if (v == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	sl_arena_init(&a, SL_VERIFY_MEMORY);
	if ((r = sl_verify_open(src, &a, &b, v, ret, err)) < 0)
		return r;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): SL_AUTO_FREE frees v */
	if (!ret->is_good)
		return SL_ERR(err, VERIFY, "%s: %s", ret->findings.f[0].where,
			      ret->findings.f[0].what);
	for (size_t i = 0; i < trusted->n; i++)
		if (sl_slice_eq(trusted->did[i], sl_slice_str(ret->did)))
			ret->is_trusted = true;
	return ret->is_trusted ? 0
			       : SL_ERR(err, SIGNER,
					"consistent, but signed for %s, which is not "
					"known here",
					ret->did);
}
