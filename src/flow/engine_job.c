/* engine_job.c -- see engine_int.h: jobs and the legs of their matrices. */
#include "flow/engine_int.h"

/* Every job that this one needs, directly or not. */
static bool
mark_ancestors(const struct sl_engine *e, size_t job, bool *mark)
{
	bool is_any = false;

	/* needs come earlier in the order, so one walk backwards reaches all */
	for (size_t i = 0; i < e->w->job[job].n_needs; i++)
		mark[e->w->job[job].needs[i]] = true;
	for (size_t k = e->at_order; k-- > 0;) {
		size_t j = e->w->order[k];

		for (size_t i = 0; mark[j] && i < e->w->job[j].n_needs; i++)
			mark[e->w->job[j].needs[i]] = true;
		is_any = is_any || mark[j];
	}
	return is_any;
}

/* What success(), failure() ... of a job's `if` look at. */
static int
job_status(struct sl_engine *e, struct sl_expr_status *ret, struct sl_err *err)
{
	bool *mark = SL_NEW_N(&e->job_a, bool, e->w->n_jobs);
	struct sl_value *results = sl_val_obj(&e->job_a, false);

	if (mark == NULL || results == NULL)
		return sl_eng_nomem(err);
	*ret = (struct sl_expr_status){ .is_success = !e->is_cancelled,
					.is_cancelled = e->is_cancelled };
	(void)mark_ancestors(e, e->at_job, mark);
	for (size_t i = 0; i < e->w->n_jobs; i++) {
		if (!mark[i])
			continue;
		ret->is_success = ret->is_success && e->state[i].result == RES_SUCCESS;
		ret->is_failure = ret->is_failure || e->state[i].result == RES_FAILURE;
		if (sl_val_set(&e->job_a, results, e->w->job[i].id,
			       sl_val_str(&e->job_a, sl_slice_str(sl_eng_result(
							 e->state[i].result)))) == NULL)
			return sl_eng_nomem(err);
	}
	ret->results = results;
	return 0;
}

/* github inputs vars needs secrets (what may be named is checked when parsing). */
static int
base_contexts(struct sl_engine *e, const struct sl_job *j, struct sl_value **ret,
	      struct sl_err *err)
{
	struct sl_arena *a = &e->job_a;
	struct sl_value *c = sl_val_obj(a, false), *g = sl_val_copy(a, e->github);
	const struct sl_value *needs = NULL;
	int r;

	if ((r = sl_eng_needs(e, j, a, &needs, err)) < 0)
		return r;
	if (!sl_eng_put(a, g, "job", j->id) ||
	    sl_val_set(a, c, SL_LIT("github"), g) == NULL ||
	    sl_val_set(a, c, SL_LIT("inputs"), e->inputs) == NULL ||
	    sl_val_set(a, c, SL_LIT("vars"), e->vars) == NULL ||
	    sl_val_set(a, c, SL_LIT("secrets"), e->secrets) == NULL ||
	    sl_val_set(a, c, SL_LIT("needs"), needs) == NULL)
		return sl_eng_nomem(err);
	*ret = c;
	return 0;
}

/* strategy: fail-fast, max-parallel, matrix. */
static int
expand(struct sl_engine *e, const struct sl_job *j, const struct sl_expr_env *x,
       struct sl_value *ctx, struct sl_yaml_at *at, struct sl_err *err)
{
	struct sl_arena *a = &e->job_a;
	const struct sl_value *st = NULL, *m, *v;
	struct sl_value *sc = sl_val_obj(a, false);
	int r;

	e->matrix = (struct sl_matrix){ 0 };
	e->n_legs = 1;
	e->fail_fast = true;
	e->has_matrix = false;
	if (j->strategy != NULL) {
		if ((r = sl_tok_eval(j->strategy, x, a, &st, at, err)) < 0)
			return r;
		*at = j->strategy->at;
	}
	if ((v = sl_val_gets(st, "fail-fast")) != NULL)
		e->fail_fast = sl_val_truthy(v);
	if ((m = sl_val_gets(st, "matrix")) != NULL && m->kind != SL_VAL_NULL) {
		if ((r = sl_matrix_build(m, SL_MATRIX_MAX, a, &e->matrix, NULL, err)) < 0)
			return r;
		e->n_legs = e->matrix.n;
		e->has_matrix = true;
	}
	v = sl_val_gets(st, "max-parallel");
	if (sl_val_set(a, sc, SL_LIT("fail-fast"), sl_val_bool(e->fail_fast)) == NULL ||
	    sl_val_set(a, sc, SL_LIT("job-total"), sl_val_num(a, (double)e->n_legs)) ==
		NULL ||
	    sl_val_set(a, sc, SL_LIT("max-parallel"),
		       v != NULL ? v : sl_val_num(a, (double)e->n_legs)) == NULL ||
	    sl_val_set(a, ctx, SL_LIT("strategy"), sc) == NULL)
		return sl_eng_nomem(err);
	return 0;
}

static struct sl_json *
job_done(struct sl_engine *e, struct sl_jb *b, enum result result, struct sl_slice key)
{
	struct sl_json *o = sl_json_obj(b);

	(void)sl_json_set(b, o, "do", sl_json_cstr(b, "job.done"));
	(void)sl_json_set(b, o, "job", sl_json_str(b, e->w->job[e->at_job].id));
	(void)sl_json_set(b, o, "leg", sl_json_int(b, (int64_t)e->at_leg));
	(void)sl_json_set(b, o, "key", sl_json_str(b, key));
	(void)sl_json_set(b, o, "result", sl_json_cstr(b, sl_eng_result(result)));
	(void)sl_json_set(b, o, "outputs", sl_json_obj(b));
	return o;
}

/* The job ends without a leg. */
static int
end_whole(struct sl_engine *e, enum result result, struct sl_jb *b, struct sl_json **ret)
{
	struct job_state *s = &e->state[e->at_job];

	s->result = result;
	s->is_done = true;
	if (result == RES_FAILURE)
		s->n_failed++;
	e->at_leg = 0;
	e->at_order++;
	e->phase = PH_JOB;
	*ret = job_done(e, b, result, e->w->job[e->at_job].id);
	return 0;
}

static int
begin_job(struct sl_engine *e, const struct sl_job *j, bool *ret_runs,
	  struct sl_yaml_at *at, struct sl_err *err)
{
	struct sl_expr_status st = { 0 };
	const struct sl_value *v = NULL;
	struct sl_value *ctx = NULL;
	struct sl_expr_env x;
	int r;

	if ((r = job_status(e, &st, err)) < 0 || (r = base_contexts(e, j, &ctx, err)) < 0)
		return r;
	sl_eng_expr_env(e, ctx, &st, &x);
	*ret_runs = st.is_success;
	if (j->cond != NULL) {
		if ((r = sl_tok_eval(j->cond, &x, &e->job_a, &v, at, err)) < 0)
			return r;
		*ret_runs = sl_val_truthy(v);
	}
	if (!*ret_runs)
		return 0;
	if ((r = expand(e, j, &x, ctx, at, err)) < 0)
		return r;
	e->job_contexts = ctx;
	return 0;
}

int
sl_eng_job(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret, struct sl_err *err)
{
	const struct sl_job *j;
	struct sl_yaml_at at = { 0, 0, 1 };
	bool is_run = false;
	int r;

	if (e->at_order == e->w->n_jobs) {
		e->phase = PH_END;
		return 0;
	}
	e->at_job = e->w->order[e->at_order];
	j = &e->w->job[e->at_job];
	at = j->at;
	sl_arena_free(&e->job_a);
	r = begin_job(e, j, &is_run, &at, err);
	if (r == SL_E(NOMEM))
		return r;
	if (r < 0) {
		sl_eng_note_at(e, at, err);
		*err = (struct sl_err){ 0 };
		return end_whole(e, RES_FAILURE, b, ret);
	}
	if (!is_run)
		return end_whole(e, e->is_cancelled ? RES_CANCELLED : RES_SKIPPED, b,
				 ret);
	e->at_leg = 0;
	e->is_stopped = false;
	e->saw_cancel = e->is_cancelled; /* and runs all the same: always() */
	e->phase = PH_LEG;
	if (e->n_legs == 0) {
		sl_eng_note(e, "warning", "job '%.*s': the matrix has no configuration",
			    SL_ARG(j->id));
		return end_whole(e, RES_SKIPPED, b, ret);
	}
	return 0;
}

/* ---- legs ---- */

int64_t
sl_eng_seconds(const struct sl_value *minutes, int64_t dflt)
{
	const double year = 365.0 * 24 * 3600;
	double s = sl_val_number(minutes) * 60;
	int64_t whole;

	if (minutes == NULL || minutes->kind == SL_VAL_NULL || !(s > 0))
		return dflt;
	if (s > year)
		return (int64_t)year;
	whole = (int64_t)s;
	return (double)whole < s ? whole + 1 : whole;
}

static int
leg_contexts(struct sl_engine *e, struct sl_value **ret, struct sl_err *err)
{
	struct sl_arena *a = &e->leg_a;
	struct sl_value *c = sl_val_copy(a, e->job_contexts),
			*st = sl_val_copy(a, sl_val_gets(e->job_contexts, "strategy"));
	const struct sl_value *m =
	    e->has_matrix ? e->matrix.c[e->at_leg].values : sl_val_null();

	if (sl_val_set(a, st, SL_LIT("job-index"), sl_val_num(a, (double)e->at_leg)) ==
		NULL ||
	    sl_val_set(a, c, SL_LIT("strategy"), st) == NULL ||
	    sl_val_set(a, c, SL_LIT("matrix"), m) == NULL)
		return sl_eng_nomem(err);
	*ret = c;
	return 0;
}

/* runs-on with an expression over needs: only now is it known. */
static int
check_runner(const struct sl_value *v, struct sl_err *err)
{
	struct sl_slice bad;

	if (sl_eng_labels_ok(v, &bad))
		return 0;
	return SL_ERR(err, UNSUPPORTED,
		      "refused[F-RUNNER]: no sandbox profile for runs-on '%.*s'",
		      SL_ARG(bad));
}

static int
leg_names(struct sl_engine *e, const struct sl_job *j, const struct sl_expr_env *x,
	  struct sl_yaml_at *at, struct sl_err *err)
{
	struct sl_slice suffix =
	    e->has_matrix ? e->matrix.c[e->at_leg].suffix : (struct sl_slice){ 0 };
	const struct sl_value *v = NULL;
	struct sl_slice name = j->id;
	int r;

	e->leg.key =
	    suffix.len > 0 ? sl_matrix_job_name(&e->leg_a, j->id, suffix) : j->id;
	if (j->name != NULL) {
		if ((r = sl_tok_eval(j->name, x, &e->leg_a, &v, at, err)) < 0)
			return r;
		if ((name = sl_val_string(&e->leg_a, v)).p == NULL)
			return sl_eng_nomem(err);
	}
	e->leg.name = suffix.len > 0 && (j->name == NULL || j->name->kind != SL_TOK_EXPR)
			  ? sl_matrix_job_name(&e->leg_a, name, suffix)
			  : name;
	return e->leg.key.p == NULL || e->leg.name.p == NULL ? sl_eng_nomem(err) : 0;
}

static int
leg_scope(struct sl_engine *e, const struct sl_job *j, struct sl_value *c,
	  struct sl_err *err)
{
	struct sl_arena *a = &e->leg_a;
	struct scope *s = &e->leg.scope[0];

	*s = (struct scope){ .steps = j->steps,
			     .contexts = c,
			     .sandbox = j->sandbox,
			     .env = sl_val_obj(a, true),
			     .github = sl_val_copy(a, sl_val_gets(c, "github")),
			     .step_results = sl_val_obj(a, false) };
	e->leg.job = sl_val_obj(a, false);
	if (s->env == NULL || !sl_eng_puts(a, e->leg.job, "status", "success") ||
	    sl_val_set(a, c, SL_LIT("github"), s->github) == NULL ||
	    sl_val_set(a, c, SL_LIT("steps"), s->step_results) == NULL ||
	    sl_val_set(a, c, SL_LIT("job"), e->leg.job) == NULL ||
	    sl_val_set(a, c, SL_LIT("runner"), e->runner) == NULL ||
	    sl_val_set(a, c, SL_LIT("env"), e->leg.env) == NULL)
		return sl_eng_nomem(err);
	return 0;
}

static int
begin_leg(struct sl_engine *e, const struct sl_job *j, int64_t limit[2],
	  struct sl_yaml_at *at, struct sl_err *err)
{
	struct sl_arena *a = &e->leg_a;
	const struct sl_value *v = NULL;
	struct sl_value *c = NULL;
	struct sl_expr_env x;
	int r;

	if ((r = leg_contexts(e, &c, err)) < 0)
		return r;
	e->leg.env = sl_val_obj(a, true);
	e->leg.scope[0].status = RES_SUCCESS;
	if (e->leg.env == NULL)
		return sl_eng_nomem(err);
	if ((r = leg_scope(e, j, c, err)) < 0)
		return r;
	sl_eng_expr_env(e, c, NULL, &x);
	if ((r = leg_names(e, j, &x, at, err)) < 0)
		return r;
	if ((r = sl_tok_eval(j->runs_on, &x, a, &v, at, err)) < 0 ||
	    (r = check_runner(v, err)) < 0)
		return r;
	if ((r = sl_tok_eval(j->minutes, &x, a, &v, at, err)) < 0)
		return r;
	limit[0] = sl_eng_seconds(v, SL_FLOW_JOB_MINUTES * INT64_C(60));
	if ((r = sl_tok_eval(j->cancel_minutes, &x, a, &v, at, err)) < 0)
		return r;
	limit[1] = sl_eng_seconds(v, SL_FLOW_CANCEL_MINUTES * INT64_C(60));
	SL_JSON_EACH(m, sl_json_get(e->params, "env"))
	if (m->kind == SL_JSON_STR && sl_sandbox_has_env(j->sandbox, m->key) &&
	    sl_val_set(a, e->leg.env, m->key, sl_val_str(a, m->s)) == NULL)
		return sl_eng_nomem(err);
	if ((r = sl_eng_env(e->w->env, &x, a, e->leg.env, at, err)) < 0)
		return r;
	return sl_eng_env(j->env, &x, a, e->leg.env, at, err);
}

static void
count_leg(struct sl_engine *e, enum result result)
{
	struct job_state *s = &e->state[e->at_job];

	s->n_ok += result == RES_SUCCESS;
	s->n_failed += result == RES_FAILURE;
	s->n_cancelled += result == RES_CANCELLED;
}

/* The worst leg: a failure shows even where it cancelled the others. */
static void
close_job(struct sl_engine *e)
{
	struct job_state *s = &e->state[e->at_job];

	s->result = s->n_failed > 0      ? RES_FAILURE
		    : s->n_cancelled > 0 ? RES_CANCELLED
					 : RES_SUCCESS;
	s->is_done = true;
	e->at_order++;
	e->phase = PH_JOB;
}

int
sl_eng_leg(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret, struct sl_err *err)
{
	const struct sl_job *j = &e->w->job[e->at_job];
	struct sl_yaml_at at = j->at;
	int64_t limit[2] = { SL_FLOW_JOB_MINUTES * INT64_C(60),
			     SL_FLOW_CANCEL_MINUTES * INT64_C(60) };
	struct sl_json *o;
	int r;

	if (e->at_leg == e->n_legs) {
		close_job(e);
		return 0;
	}
	sl_arena_free(&e->step_a);
	sl_arena_free(&e->leg_a);
	e->leg = (struct leg){ .key = j->id, .name = j->id };
	e->cur = (struct step_run){ 0 };
	if (e->is_stopped || (e->is_cancelled && !e->saw_cancel)) {
		if (e->has_matrix)
			e->leg.key = sl_matrix_job_name(&e->leg_a, j->id,
							e->matrix.c[e->at_leg].suffix);
		count_leg(e, RES_CANCELLED);
		*ret = job_done(e, b, RES_CANCELLED, e->leg.key);
		e->at_leg++;
		return 0;
	}
	r = begin_leg(e, j, limit, &at, err);
	if (r == SL_E(NOMEM))
		return r;
	if (r < 0) {
		sl_eng_note_at(e, at, err);
		*err = (struct sl_err){ 0 };
		count_leg(e, RES_FAILURE);
		e->is_stopped = e->fail_fast;
		*ret = job_done(e, b, RES_FAILURE, e->leg.key);
		e->at_leg++;
		return 0;
	}
	e->phase = PH_STEP;
	o = sl_eng_head(e, b, "job");
	(void)sl_json_set(b, o, "key", sl_json_str(b, e->leg.key));
	(void)sl_json_set(b, o, "name", sl_json_str(b, e->leg.name));
	(void)sl_json_set(b, o, "steps", sl_json_int(b, (int64_t)j->steps.n));
	(void)sl_json_set(b, o, "timeout_s", sl_json_int(b, limit[0]));
	(void)sl_json_set(b, o, "cancel_timeout_s", sl_json_int(b, limit[1]));
	sl_eng_put_sandbox(b, o, j->sandbox);
	*ret = o;
	return 0;
}

/* ---- the end of a leg ---- */

static bool
has_secret(const struct sl_engine *e, struct sl_slice s)
{
	for (size_t i = 0; i < e->n_masks; i++)
		if (s.len >= e->mask[i].len &&
		    memmem(s.p, s.len, e->mask[i].p, e->mask[i].len) != NULL)
			return true;
	return false;
}

/* Outputs of the leg join those of the job; a later leg's value that is not empty wins.
 */
static int
leg_outputs(struct sl_engine *e, const struct sl_job *j, struct sl_jb *b,
	    struct sl_json *out, struct sl_yaml_at *at, struct sl_err *err)
{
	struct job_state *js = &e->state[e->at_job];
	const struct sl_value *v = NULL;
	struct sl_expr_env x;
	struct sl_slice s, k;
	int r;

	if (j->outputs == NULL)
		return 0;
	sl_eng_expr_env(e, e->leg.scope[0].contexts, NULL, &x);
	if ((r = sl_tok_eval(j->outputs, &x, &e->leg_a, &v, at, err)) < 0)
		return r;
	if (js->outputs == NULL && (js->outputs = sl_val_obj(&e->run_a, false)) == NULL)
		return sl_eng_nomem(err);
	for (size_t i = 0; i < v->n; i++) {
		if ((s = sl_val_string(&e->leg_a, v->m[i].v)).p == NULL)
			return sl_eng_nomem(err);
		if (has_secret(e, s)) {
			sl_eng_note(e, "warning",
				    "Skip output '%.*s' since it may contain secret.",
				    SL_ARG(v->m[i].key));
			continue;
		}
		(void)sl_json_sets(b, out, v->m[i].key, sl_json_str(b, s));
		if (s.len == 0 && sl_val_get(js->outputs, v->m[i].key) != NULL)
			continue;
		s = sl_arena_dup(&e->run_a, s);
		k = sl_arena_dup(&e->run_a, v->m[i].key);
		if (s.p == NULL || k.p == NULL ||
		    sl_val_set(&e->run_a, js->outputs, k, sl_val_str(&e->run_a, s)) ==
			NULL)
			return sl_eng_nomem(err);
	}
	return 0;
}

int
sl_eng_leg_end(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret,
	       struct sl_err *err)
{
	const struct sl_job *j = &e->w->job[e->at_job];
	enum result result = e->leg.is_cancelled ? RES_CANCELLED : e->leg.scope[0].status;
	struct sl_json *out = sl_json_obj(b), *o;
	struct sl_yaml_at at = j->at;
	const struct sl_value *v = NULL;
	struct sl_expr_env x;
	bool go_on = false;
	int r;

	r = leg_outputs(e, j, b, out, &at, err);
	if (r == 0 && result == RES_FAILURE && j->go_on != NULL) {
		sl_eng_expr_env(e, e->leg.scope[0].contexts, NULL, &x);
		r = sl_tok_eval(j->go_on, &x, &e->leg_a, &v, &at, err);
		go_on = r == 0 && sl_val_truthy(v);
	}
	if (r == SL_E(NOMEM))
		return r;
	if (r < 0) {
		sl_eng_note_at(e, at, err);
		*err = (struct sl_err){ 0 };
		result = RES_FAILURE;
	}
	count_leg(e, go_on ? RES_SUCCESS : result);
	e->is_stopped =
	    e->is_stopped || (result == RES_FAILURE && !go_on && e->fail_fast);
	o = job_done(e, b, result, e->leg.key);
	(void)sl_json_set(b, o, "outputs", out);
	if (go_on)
		(void)sl_json_set(b, o, "continued", sl_json_bool(b, true));
	*ret = o;
	e->at_leg++;
	e->phase = PH_LEG;
	return 0;
}

enum result
sl_eng_conclusion(const struct sl_engine *e)
{
	bool is_failed = false, is_cancelled = e->is_cancelled, is_any = false;

	for (size_t i = 0; i < e->w->n_jobs; i++) {
		is_failed = is_failed || e->state[i].result == RES_FAILURE;
		is_cancelled = is_cancelled || e->state[i].result == RES_CANCELLED;
		is_any = is_any || e->state[i].result != RES_SKIPPED;
	}
	return e->is_cancelled ? RES_CANCELLED
	       : is_failed     ? RES_FAILURE
	       : is_cancelled  ? RES_CANCELLED
	       : is_any        ? RES_SUCCESS
			       : RES_SKIPPED;
}
