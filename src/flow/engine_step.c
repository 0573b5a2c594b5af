/* engine_step.c -- see engine_int.h: the next step, and how a step ends. */
#include "flow/engine_int.h"

static struct scope *
top(struct sl_engine *e)
{
	return &e->leg.scope[e->leg.depth];
}

/* What success() ... of a step's `if` look at (facts: a composite's steps look at their
 * action's status, a job's at the job's). */
static struct sl_expr_status
step_status(const struct sl_engine *e, const struct scope *sc)
{
	return (struct sl_expr_status){
		.is_success = sc->status == RES_SUCCESS && !e->leg.is_cancelled,
		.is_failure = sc->status == RES_FAILURE && !e->leg.is_cancelled,
		.is_cancelled = e->leg.is_cancelled,
	};
}

/* github with the step's own members. */
static int
step_github(struct sl_engine *e, const struct scope *sc, const struct step_run *sr,
	    struct sl_value *ctx, struct sl_err *err)
{
	static const char *const files[] = { "env", "output", "path", "state",
					     "step_summary" };
	struct sl_arena *a = &e->step_a;
	struct sl_value *g = sl_val_copy(a, sc->github);
	char *p;

	for (size_t i = 0; i < 5; i++) {
		p = sl_arena_printf(a, SL_BOX_TEMP "/_fc/%zu_%s", sr->index, files[i]);
		if (p == NULL || !sl_eng_puts(a, g, files[i], p))
			return sl_eng_nomem(err);
	}
	if (!sl_eng_put(a, g, "action", sr->s->id) ||
	    sl_val_set(a, ctx, SL_LIT("github"), g) == NULL)
		return sl_eng_nomem(err);
	return 0;
}

const struct sl_sandbox *
sl_eng_sandbox(const struct sl_engine *e)
{
	const struct sl_sandbox *s = e->cur.s->sandbox;

	return s != NULL ? s : e->leg.scope[e->leg.depth].sandbox;
}

void
sl_eng_put_sandbox(struct sl_jb *b, struct sl_json *o, const struct sl_sandbox *s)
{
	if (s != NULL)
		(void)sl_json_set(b, o, "sandbox", sl_json_int(b, (int64_t)s->index));
}

/* A variable that the run was given and that this step does without.  One that the flow
 * has given another value since is the flow's own. */
static bool
is_withheld(const struct sl_engine *e, const struct sl_sandbox *s,
	    const struct sl_member *m)
{
	const struct sl_json *given = sl_json_gets(sl_json_get(e->params, "env"), m->key);

	return given != NULL && given->kind == SL_JSON_STR &&
	       !sl_sandbox_has_env(s, m->key) && m->v->kind == SL_VAL_STR &&
	       sl_slice_eq(m->v->s, given->s);
}

static struct sl_value *
leg_env(struct sl_engine *e)
{
	const struct sl_sandbox *s = sl_eng_sandbox(e);
	struct sl_value *env = sl_val_obj(&e->step_a, true);

	for (size_t i = 0; env != NULL && i < e->leg.env->n; i++) {
		const struct sl_member *m = &e->leg.env->m[i];

		if (!is_withheld(e, s, m) &&
		    sl_val_set(&e->step_a, env, m->key, m->v) == NULL)
			return NULL;
	}
	return env;
}

/* job env, callers' env, then the step's own. */
static int
step_env(struct sl_engine *e, const struct scope *sc, const struct step_run *sr,
	 struct sl_value *ctx, struct sl_value **ret_own, struct sl_yaml_at *at,
	 struct sl_err *err)
{
	struct sl_arena *a = &e->step_a;
	struct sl_value *env = leg_env(e), *own = sl_val_copy(a, sc->env);
	struct sl_expr_status st = step_status(e, sc);
	struct sl_expr_env x;
	int r;

	if (env == NULL || own == NULL)
		return sl_eng_nomem(err);
	for (size_t i = 0; i < own->n; i++)
		if (sl_val_set(a, env, own->m[i].key, own->m[i].v) == NULL)
			return sl_eng_nomem(err);
	if (sl_val_set(a, ctx, SL_LIT("env"), sl_val_copy(a, env)) == NULL)
		return sl_eng_nomem(err);
	*ret_own = own;
	sl_eng_expr_env(e, ctx, &st, &x);
	if ((r = sl_eng_env(sr->s->env, &x, a, own, at, err)) < 0)
		return r;
	for (size_t i = 0; i < own->n; i++)
		if (sl_val_set(a, env, own->m[i].key, own->m[i].v) == NULL)
			return sl_eng_nomem(err);
	return sl_val_set(a, ctx, SL_LIT("env"), env) == NULL ? sl_eng_nomem(err) : 0;
}

/* The name that people see; one that does not evaluate is shown as written. */
static int
step_name(struct sl_engine *e, const struct sl_expr_env *x, struct step_run *sr,
	  struct sl_err *err)
{
	const struct sl_tok *t = sr->s->name != NULL ? sr->s->name : sr->s->run;
	const struct sl_value *v = NULL;
	struct sl_yaml_at at;
	struct sl_slice s = { 0 };
	char *p;

	if (t != NULL && sl_tok_eval(t, x, &e->step_a, &v, &at, err) < 0) {
		if (err->code == SL_E(NOMEM))
			return err->code;
		*err = (struct sl_err){ 0 };
		s = t->text;
	} else if (t != NULL && (s = sl_val_string(&e->step_a, v)).p == NULL) {
		return sl_eng_nomem(err);
	}
	if (sr->s->name == NULL && t == NULL)
		s = sr->s->kind == SL_STEP_LOCAL
			? sl_tok_str(sl_tok_get(sr->s->tok, "uses"))
			: sr->s->uses;
	while (s.len > 0 && (s.p[0] == '\n' || s.p[0] == ' ' || s.p[0] == '\t'))
		s = sl_slice_skip(s, 1);
	s = sl_slice_upto(s, '\n');
	if (s.len > 200)
		s.len = 200;
	p = sl_arena_printf(&e->leg_a, "%s%.*s", sr->s->name == NULL ? "Run " : "",
			    SL_ARG(s));
	if (p == NULL)
		return sl_eng_nomem(err);
	sr->name = sl_slice_str(p);
	return 0;
}

static int
step_limits(struct sl_engine *e, const struct sl_expr_env *x, const struct scope *sc,
	    struct step_run *sr, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_value *v = NULL;
	int r;

	if ((r = sl_tok_eval(sr->s->go_on, x, &e->step_a, &v, at, err)) < 0)
		return r;
	sr->go_on = sl_val_truthy(v);
	if ((r = sl_tok_eval(sr->s->minutes, x, &e->step_a, &v, at, err)) < 0)
		return r;
	sr->limit_s = sl_eng_seconds(v, 0);
	if (sc->limit_s > 0 && (sr->limit_s == 0 || sr->limit_s > sc->limit_s))
		sr->limit_s = sc->limit_s;
	return 0;
}

static struct sl_json *
step_head(struct sl_engine *e, struct sl_jb *b, const char *what,
	  const struct step_run *sr)
{
	struct sl_json *o = sl_eng_head(e, b, what);

	(void)sl_json_set(b, o, "index", sl_json_int(b, (int64_t)sr->index));
	if (sr->s->has_id)
		(void)sl_json_set(b, o, "id", sl_json_str(b, sr->s->id));
	(void)sl_json_set(b, o, "name", sl_json_str(b, sr->name));
	(void)sl_json_set(b, o, "depth", sl_json_int(b, (int64_t)e->leg.depth));
	if (e->leg.depth == 0 && sr->s->at.line > 0)
		(void)sl_json_set(b, o, "line", sl_json_int(b, (int64_t)sr->s->at.line));
	return o;
}

/* steps.ID */
static int
record(struct sl_engine *e, struct scope *sc, const struct step_run *sr,
       enum result outcome, enum result conclusion, struct sl_err *err)
{
	struct sl_arena *a = &e->leg_a;
	struct sl_value *v = sl_val_obj(a, false);

	if (!sr->s->has_id)
		return 0;
	if (sl_val_set(a, v, SL_LIT("outputs"),
		       sr->outputs != NULL ? sr->outputs : sl_val_obj(a, false)) ==
		NULL ||
	    !sl_eng_puts(a, v, "outcome", sl_eng_result(outcome)) ||
	    !sl_eng_puts(a, v, "conclusion", sl_eng_result(conclusion)) ||
	    sl_val_set(a, sc->step_results, sr->s->id, v) == NULL)
		return sl_eng_nomem(err);
	return 0;
}

int
sl_eng_finish(struct sl_engine *e, const struct step_run *sr, enum result outcome,
	      enum result *ret_conclusion, struct sl_err *err)
{
	struct scope *sc = top(e);
	enum result conclusion =
	    outcome == RES_FAILURE && sr->go_on ? RES_SUCCESS : outcome;

	*ret_conclusion = conclusion;
	if (conclusion == RES_FAILURE)
		sc->status = RES_FAILURE;
	if (sc->action == NULL &&
	    !sl_eng_puts(&e->leg_a, e->leg.job, "status",
			 sl_eng_result(e->leg.is_cancelled ? RES_CANCELLED : sc->status)))
		return sl_eng_nomem(err);
	if (sc->action != NULL &&
	    !sl_eng_puts(&e->leg_a, sc->github, "action_status",
			 sl_eng_result(e->leg.is_cancelled ? RES_CANCELLED : sc->status)))
		return sl_eng_nomem(err);
	return record(e, sc, sr, outcome, conclusion, err);
}

/* A step that failed before it began: a note says why. */
static int
fail_early(struct sl_engine *e, struct step_run *sr, struct sl_yaml_at at,
	   struct sl_jb *b, struct sl_json **ret, struct sl_err *err)
{
	enum result conclusion;
	struct sl_json *o;
	int r;

	if (err->code == SL_E(NOMEM))
		return err->code;
	sl_eng_note_at(e, at, err);
	*err = (struct sl_err){ 0 };
	if ((r = sl_eng_finish(e, sr, RES_FAILURE, &conclusion, err)) < 0)
		return r;
	o = step_head(e, b, "skip", sr);
	(void)sl_json_set(b, o, "outcome", sl_json_cstr(b, sl_eng_result(RES_FAILURE)));
	(void)sl_json_set(b, o, "conclusion", sl_json_cstr(b, sl_eng_result(conclusion)));
	*ret = o;
	return 0;
}

static int
pass_over(struct sl_engine *e, struct step_run *sr, enum result result, struct sl_jb *b,
	  struct sl_json **ret, struct sl_err *err)
{
	struct sl_json *o = step_head(e, b, "skip", sr);
	int r;

	if ((r = record(e, top(e), sr, result, result, err)) < 0)
		return r;
	(void)sl_json_set(b, o, "outcome", sl_json_cstr(b, sl_eng_result(result)));
	(void)sl_json_set(b, o, "conclusion", sl_json_cstr(b, sl_eng_result(result)));
	if (result == RES_SUCCESS)
		(void)sl_json_set(
		    b, o, "msg", sl_json_cstr(b, "the workspace is what is checked out"));
	*ret = o;
	return 0;
}

static int
begin_run(struct sl_engine *e, const struct sl_expr_env *x, const struct sl_value *env,
	  struct sl_jb *b, struct sl_json **ret, struct sl_yaml_at *at,
	  struct sl_err *err)
{
	struct sl_json *o = step_head(e, b, "step", &e->cur);
	int r;

	if ((r = sl_eng_script(e, x, env, b, o, at, err)) < 0)
		return r;
	if (e->cur.limit_s > 0)
		(void)sl_json_set(b, o, "timeout_s", sl_json_int(b, e->cur.limit_s));
	sl_eng_put_sandbox(b, o, sl_eng_sandbox(e));
	memset(&e->cmd, 0, sizeof(e->cmd));
	memset(e->n_annotations, 0, sizeof(e->n_annotations));
	e->cmd.allow_unsecure =
	    sl_val_truthy(sl_val_gets(env, "ACTIONS_ALLOW_UNSECURE_COMMANDS")) &&
	    sl_val_eq(sl_val_gets(env, "ACTIONS_ALLOW_UNSECURE_COMMANDS"),
		      sl_val_str(&e->step_a, SL_LIT("true")));
	e->cmd.allow_unsecure_tokens =
	    sl_val_eq(sl_val_gets(env, "ACTIONS_ALLOW_UNSECURE_STOPCOMMAND_TOKENS"),
		      sl_val_str(&e->step_a, SL_LIT("true")));
	e->cmd_error = (struct sl_slice){ 0 };
	e->phase = PH_WAIT;
	*ret = o;
	return 0;
}

static int
begin_action(struct sl_engine *e, const struct sl_expr_env *x, const struct sl_value *env,
	     struct sl_jb *b, struct sl_json **ret, struct sl_yaml_at *at,
	     struct sl_err *err)
{
	struct sl_json *o = step_head(e, b, "group", &e->cur);
	int r;

	if ((r = sl_eng_enter(e, x, env, at, err)) < 0)
		return r;
	(void)sl_json_set(b, o, "is_end", sl_json_bool(b, false));
	if (e->cur.limit_s > 0)
		(void)sl_json_set(b, o, "timeout_s", sl_json_int(b, e->cur.limit_s));
	*ret = o;
	return 0;
}

/* The innermost scope has no step left. */
static int
end_scope(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret, struct sl_err *err)
{
	struct scope *sc = top(e);
	struct step_run caller = sc->caller;
	enum result outcome, conclusion;
	struct sl_json *o;
	int r;

	if (sc->action == NULL) {
		e->phase = PH_LEG_END;
		return 0;
	}
	sl_arena_free(&e->step_a);
	if ((r = sl_eng_leave(e, err)) < 0)
		return r;
	caller = sc->caller; /* with its outputs */
	outcome = sc->status;
	if (outcome == RES_SUCCESS && e->leg.is_cancelled)
		outcome = RES_CANCELLED;
	e->leg.depth--;
	if ((r = sl_eng_finish(e, &caller, outcome, &conclusion, err)) < 0)
		return r;
	o = step_head(e, b, "group", &caller);
	(void)sl_json_set(b, o, "is_end", sl_json_bool(b, true));
	(void)sl_json_set(b, o, "outcome", sl_json_cstr(b, sl_eng_result(outcome)));
	(void)sl_json_set(b, o, "conclusion", sl_json_cstr(b, sl_eng_result(conclusion)));
	*ret = o;
	return 0;
}

int
sl_eng_step(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret,
	    struct sl_err *err)
{
	struct scope *sc = top(e);
	struct sl_expr_status st = step_status(e, sc);
	struct sl_value *own = NULL;
	const struct sl_value *v = NULL;
	struct sl_expr_env x;
	struct sl_yaml_at at;
	bool is_run = st.is_success;
	struct sl_err ignored = { 0 };
	int r;

	if (sc->next == sc->steps.n)
		return end_scope(e, b, ret, err);
	sl_arena_free(&e->step_a);
	e->cur =
	    (struct step_run){ .s = &sc->steps.s[sc->next++], .index = e->leg.n_index++ };
	at = e->cur.s->at;
	if ((e->step_contexts = sl_val_copy(&e->step_a, sc->contexts)) == NULL ||
	    (e->cur.outputs = sl_val_obj(&e->leg_a, false)) == NULL)
		return sl_eng_nomem(err);
	sl_eng_expr_env(e, e->step_contexts, &st, &x);
	if ((r = step_github(e, sc, &e->cur, e->step_contexts, err)) < 0)
		return r;
	r = step_env(e, sc, &e->cur, e->step_contexts, &own, &at, err);
	if (r == SL_E(NOMEM) || step_name(e, &x, &e->cur, r < 0 ? &ignored : err) < 0)
		return sl_eng_nomem(err);
	if (r == 0 && e->cur.s->cond != NULL &&
	    (r = sl_tok_eval(e->cur.s->cond, &x, &e->step_a, &v, &at, err)) == 0)
		is_run = sl_val_truthy(v);
	if (r == 0 && !is_run)
		return pass_over(e, &e->cur, RES_SKIPPED, b, ret, err);
	if (r == 0)
		r = step_limits(e, &x, sc, &e->cur, &at, err);
	if (r == 0 && e->cur.s->kind == SL_STEP_CHECKOUT)
		return pass_over(e, &e->cur, RES_SUCCESS, b, ret, err);
	if (r == 0 && e->cur.s->kind == SL_STEP_LOCAL)
		r = begin_action(e, &x, own, b, ret, &at, err);
	else if (r == 0)
		r = begin_run(e, &x, sl_val_gets(e->step_contexts, "env"), b, ret, &at,
			      err);
	return r < 0 ? fail_early(e, &e->cur, at, b, ret, err) : 0;
}
