/* decide.c -- from a policy and facts to a verdict.  See policy.h. */
#include "policy/run.h"

#include <stdarg.h>

enum { TEXT_MAX = 2000 };

const struct sl_policy_limits sl_policy_default_limits = {
	.fuel = 1000000,
	.max_facts = 200000,
	.max_work = 20000000,
	.max_bytes = 64 << 20,
};

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "policy: out of memory");
}

/* A sentence with the text in it, made printable as errors are. */
static struct sl_slice sentence(struct sl_arena *a, const char *fmt, ...) SL_PRINTF(2, 3);

static struct sl_slice
sentence(struct sl_arena *a, const char *fmt, ...)
{
	struct sl_err e = { 0 };
	char raw[SL_ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	(void)SL_ERR(&e, DENIED, "%s", raw);
	return sl_arena_dup(a, sl_slice_str(e.msg));
}

/* What stopped the run. */
static int
stopped(struct sl_policy_run *r, struct sl_verdict *v, struct sl_err *err)
{
	static const char *const what[] = {
		[SL_PSTOP_NO] = "nothing",
		[SL_PSTOP_FUEL] = "the decision needs more fuel than it has",
		[SL_PSTOP_LIMIT] =
		    "the policy needs more memory or work than the engine allows",
		[SL_PSTOP_ERROR] = "an expression failed",
		[SL_PSTOP_NOMEM] = "out of memory",
	};

	if (r->stop == SL_PSTOP_NOMEM)
		return nomem(err);
	v->kind = SL_VERDICT_DENY;
	v->reason = r->stop == SL_PSTOP_FUEL    ? "fuel"
		    : r->stop == SL_PSTOP_LIMIT ? "limit"
						: "error";
	v->policy = -1;
	v->text = SL_LIT("");
	if (r->stop_rule != NULL) {
		v->line = r->stop_rule->line;
		v->text = sl_policy_rule_text(r->out, r->stop_rule, TEXT_MAX);
	} else if (r->stop_goal != NULL) {
		v->line = r->stop_goal->line;
		v->text = sl_policy_goal_text(r->out, r->stop_goal, TEXT_MAX);
	}
	if (r->stop == SL_PSTOP_ERROR)
		v->message =
		    sentence(r->out, "%s (%s) in line %zu: %.*s", what[r->stop],
			     sl_pev_text(r->stop_error), v->line, SL_ARG(v->text));
	else if (v->line > 0)
		v->message = sentence(r->out, "%s, in line %zu: %.*s", what[r->stop],
				      v->line, SL_ARG(v->text));
	else
		v->message = sentence(r->out, "%s", what[r->stop]);
	return v->text.p == NULL || v->message.p == NULL ? nomem(err) : 0;
}

static int
add_failed(struct sl_policy_run *r, struct sl_verdict *v, struct sl_err *err)
{
	struct sl_policy_failed *f =
	    SL_NEW_N(r->out, struct sl_policy_failed, (size_t)r->p->n_checks + 1);
	size_t n = 0;

	if (f == NULL)
		return nomem(err);
	for (uint32_t k = 0; k < r->p->n_checks; k++) {
		const struct sl_pgoal *g = r->results[k].goal;

		if (r->results[k].outcome == SL_PYES)
			continue;
		f[n].index = k;
		f[n].line = g->line;
		f[n].text = sl_policy_goal_text(r->out, g, TEXT_MAX);
		if (f[n++].text.p == NULL)
			return nomem(err);
	}
	v->failed = f;
	v->n_failed = n;
	return 0;
}

/* The first check with an error, then the first policy that errs before one matches. */
static void
find_error(struct sl_policy_run *r)
{
	for (size_t k = 0; k < (size_t)r->p->n_checks + r->p->n_policies; k++) {
		const struct sl_pgoal_result *res = &r->results[k];

		if (k >= r->p->n_checks && res->outcome == SL_PYES)
			return;
		if (res->outcome == SL_PERROR) {
			r->stop_goal = res->goal;
			r->stop_error = res->error;
			sl_prun_stop(r, SL_PSTOP_ERROR);
			return;
		}
	}
}

static int
conclude(struct sl_policy_run *r, struct sl_verdict *v, struct sl_err *err)
{
	const struct sl_pgoal *hit = NULL;
	int rc;

	if (r->stop == SL_PSTOP_NO)
		find_error(r);
	if (r->stop != SL_PSTOP_NO)
		return stopped(r, v, err);
	for (uint32_t k = 0; hit == NULL && k < r->p->n_policies; k++)
		if (r->results[r->p->n_checks + k].outcome == SL_PYES)
			hit = r->results[r->p->n_checks + k].goal;
	v->text = SL_LIT("");
	v->policy = -1;
	if (hit != NULL) {
		v->policy = (long)hit->id;
		v->line = hit->line;
		v->text = sl_policy_goal_text(r->out, hit, TEXT_MAX);
		if (v->text.p == NULL)
			return nomem(err);
	}
	if ((rc = add_failed(r, v, err)) < 0)
		return rc;
	if (v->n_failed > 0) {
		v->kind = SL_VERDICT_DENY;
		v->reason = "check";
		v->message = sentence(r->out, "the check in line %zu failed: %.*s",
				      v->failed[0].line, SL_ARG(v->failed[0].text));
	} else if (hit == NULL) {
		v->kind = SL_VERDICT_NONE;
		v->reason = "none";
		v->message = sentence(r->out, "no policy allows it");
	} else {
		bool is_allow = hit->kind == SL_PGOAL_ALLOW;

		v->kind = is_allow ? SL_VERDICT_ALLOW : SL_VERDICT_DENY;
		v->reason = is_allow ? "allow" : "deny";
		v->message =
		    sentence(r->out, "the policy in line %zu %s it: %.*s", v->line,
			     is_allow ? "allows" : "denies", SL_ARG(v->text));
	}
	return v->message.p == NULL ? nomem(err) : 0;
}

int
sl_policy_facts_check(const struct sl_policy *p, struct sl_policy_facts *f,
		      struct sl_err *err)
{
	char msg[200];
	int r = sl_policy_facts_sort(f, err);

	if (r < 0)
		return r;
	for (size_t k = 0; p->decls != NULL && k < f->n; k++)
		if (!sl_decls_fact_ok(p->decls, f->v[k].pred, f->v[k].args, f->v[k].n,
				      msg))
			return SL_ERR(err, FORMAT, "fact: %s", msg);
	return 0;
}

int
sl_pconclude(struct sl_policy_run *r, struct sl_verdict *ret, struct sl_err *err)
{
	struct sl_verdict v = { .fuel_version = SL_POLICY_FUEL_V1, .run = r };
	struct sl_jb b = { .a = r->out };
	int rc;

	if (r->stop == SL_PSTOP_NO)
		sl_pdemand_goals(r);
	v.fuel = r->fuel;
	if ((rc = conclude(r, &v, err)) < 0)
		return rc;
	v.proof = sl_pproof(r, &b, &v);
	if (v.proof == NULL &&
	    r->stop == SL_PSTOP_LIMIT) { /* the search for it was too long */
		v.failed = NULL;
		v.n_failed = 0;
		if ((rc = stopped(r, &v, err)) < 0)
			return rc;
		v.proof = sl_pproof(r, &b, &v);
	}
	if (v.proof == NULL)
		return nomem(err);
	*ret = v;
	return 0;
}

int
sl_policy_decide_by(enum sl_policy_mode mode, const struct sl_policy *p,
		    struct sl_policy_facts *f, const struct sl_policy_limits *lim,
		    struct sl_arena *a, struct sl_verdict *ret_verdict,
		    struct sl_err *err)
{
	struct sl_policy_run *r;
	int rc = sl_policy_facts_check(p, f, err);

	if (rc < 0)
		return rc;
	if ((r = sl_prun_new(p, lim, a)) == NULL)
		return nomem(err);
	sl_prun_facts(r, f);
	/* A token's scopes are not part of a demand. */
	if (mode == SL_POLICY_WHOLE || p->n_blocks > 0)
		sl_pmodel_build(r);
	else
		sl_pmagic_build(r);
	return sl_pconclude(r, ret_verdict, err);
}

int
sl_policy_decide(const struct sl_policy *p, struct sl_policy_facts *f,
		 const struct sl_policy_limits *lim, struct sl_arena *a,
		 struct sl_verdict *ret_verdict, struct sl_err *err)
{
	return sl_policy_decide_by(SL_POLICY_DEMAND, p, f, lim, a, ret_verdict, err);
}

int
sl_policy_query(const struct sl_verdict *v, const char *pred, size_t arity,
		struct sl_policy_rows *ret_rows, struct sl_err *err)
{
	struct sl_policy_run *r = v->run;
	uint32_t k = sl_policy_pred(r->p, sl_slice_str(pred), arity);
	struct sl_term *t;
	struct sl_prel *l;

	if (r->stop == SL_PSTOP_NO && k != UINT32_MAX)
		sl_pmagic_ask(r, k);
	if (r->stop == SL_PSTOP_NO && k != UINT32_MAX)
		sl_pdemand_pred(r, k);
	if (r->stop == SL_PSTOP_NOMEM)
		return nomem(err);
	if (r->stop == SL_PSTOP_ERROR)
		return SL_ERR(err, FORMAT, "'%s': an expression failed (%s)", pred,
			      sl_pev_text(r->stop_error));
	if (r->stop != SL_PSTOP_NO)
		return SL_ERR(err, LIMIT, "'%s': more fuel or work than allowed", pred);
	if (k == UINT32_MAX) {
		*ret_rows = (struct sl_policy_rows){ .arity = arity };
		return 0;
	}
	l = &r->rel[k];
	r->n_stack = 0;
	if (!sl_prel_matches(r, l, 0, NULL) ||
	    (t = SL_NEW_N(r->out, struct sl_term, (size_t)l->n * arity + 1)) == NULL)
		return nomem(err);
	for (size_t i = 0; i < l->n; i++)
		for (size_t c = 0; c < arity; c++)
			t[i * arity + c] =
			    *r->term[l->cell[(size_t)r->stack[i] * arity + c]];
	*ret_rows = (struct sl_policy_rows){ .t = t, .n = l->n, .arity = arity };
	return 0;
}
