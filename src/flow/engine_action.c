/* engine_action.c -- see engine_int.h: composite actions of the workspace. */
#include "base/hex.h"
#include "crypto/sha256.h"
#include "flow/engine_int.h"

enum { FILES_MAX = 51 }; /* as GitHub: of one run */

/* "./", "..", "//" resolved; false if it leaves the workspace. */
static bool
normal_path(struct sl_engine *e, struct sl_slice p, struct sl_slice *ret)
{
	char *out = sl_arena_str(&e->run_a, p);
	size_t n = 0;

	if (out == NULL)
		return false;
	while (p.len > 0) {
		struct sl_slice w = sl_slice_upto(p, '/');

		p = sl_slice_skip(p, w.len + 1);
		if (w.len == 0 || sl_slice_eq(w, SL_LIT(".")))
			continue;
		if (sl_slice_eq(w, SL_LIT(".."))) {
			if (n == 0)
				return false;
			while (n > 0 && out[n - 1] != '/')
				n--;
			n -= n > 0;
			continue;
		}
		if (n > 0)
			out[n++] = '/';
		memmove(out + n, w.p, w.len); /* out is never ahead of what was read */
		n += w.len;
	}
	*ret = (struct sl_slice){ (const uint8_t *)out, n };
	return true;
}

static int
read_action(struct sl_engine *e, struct sl_slice path, struct sl_slice *ret_file,
	    struct sl_slice *ret_src, struct sl_err *err)
{
	static const char *const names[] = { "action.yml", "action.yaml" };
	char *file;
	int r;

	for (size_t i = 0; i < 2; i++) {
		file = sl_arena_printf(&e->run_a, "%.*s%s%s", (int)path.len,
				       path.len > 0 ? (const char *)path.p : "",
				       path.len > 0 ? "/" : "", names[i]);
		if (file == NULL)
			return sl_eng_nomem(err);
		*ret_file = sl_slice_str(file);
		r = e->host.read_file == NULL
			? SL_ERR(err, NOENT, "no files here")
			: e->host.read_file(e->host.arg, *ret_file, &e->run_a, ret_src,
					    err);
		if (r != SL_E(NOENT))
			return r;
		*err = (struct sl_err){ 0 };
	}
	return SL_ERR(err, NOENT,
		      "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under "
		      "'" SL_BOX_WORKSPACE
		      "/%.*s'. Did you forget to run actions/checkout before "
		      "running your local action?",
		      SL_ARG(path));
}

/* An action that an earlier step made is judged when it is due: what is wrong with it, or
 * is not supported, fails the step that calls it. */
static int
judge_made(struct sl_engine *e, int r, struct sl_err *err)
{
	struct sl_diag_list *l = &e->diags;
	const struct sl_diag *d = l->d;
	size_t n = l->n_errors + l->n_refusals;

	e->n_made++;
	if (n == 0 || r == SL_E(NOMEM))
		return r;
	*err = (struct sl_err){ 0 };
	r = l->n == 0 ? SL_ERR(err, FAILED, "the action is not valid")
		      : SL_ERR(err, FAILED, "%.*s:%zu:%zu: %.*s", SL_ARG(d->file),
			       d->line, d->col, SL_ARG(d->msg));
	l->n = l->n_more = l->n_errors = l->n_refusals = 0;
	return r;
}

int
sl_eng_action(struct sl_engine *e, struct sl_slice path, const struct local_action **ret,
	      struct sl_err *err)
{
	struct local_action *x, **end = &e->actions;
	struct sl_slice file = { 0 }, src = { 0 }, p = { 0 };
	uint8_t sum[SL_SHA256_LEN];
	size_t n = 0;
	int r;

	if (path.len > 1000 || !normal_path(e, path, &p))
		return SL_ERR(err, FAILED, "the action './%.*s' is outside the workspace",
			      SL_ARG(path));
	for (; *end != NULL; end = &(*end)->next, n++)
		if (sl_slice_eq((*end)->path, p)) {
			*ret = *end;
			return 0;
		}
	if (n + e->n_made >= FILES_MAX)
		return SL_ERR(err, LIMIT, "more than %d actions in one run", FILES_MAX);
	if ((x = SL_NEW(&e->run_a, struct local_action)) == NULL)
		return sl_eng_nomem(err);
	x->path = p;
	if ((r = read_action(e, p, &file, &src, err)) == 0) {
		sl_sha256(src, sum);
		sl_hex(x->sha256, sum, sizeof(sum));
		r = sl_action_parse(&e->parser, p, file, src, &x->action, err);
	}
	if (e->phase == PH_STEP)
		r = judge_made(e, r, err);
	if (r < 0)
		return r;
	*ret = x;
	if (e->phase != PH_STEP) /* one that was made is that of this moment */
		*end = x;
	return 0;
}

/* One step that calls an action: what is wrong with the action is a diagnostic; an
 * action that is not there may still be made by an earlier step. */
static int
look_at(struct sl_engine *e, const struct sl_step *s, struct sl_slice file,
	struct sl_slice src, struct sl_err *err)
{
	const struct local_action *x = NULL;
	int r;

	if (s->kind != SL_STEP_LOCAL)
		return 0;
	e->diags.file = file;
	e->diags.src = src;
	r = sl_eng_action(e, s->uses, &x, err);
	if (r == 0 || r == SL_E(NOMEM) || r == SL_E(SYS) || r == SL_E(BUG))
		return r;
	if (r != SL_E(FORMAT) && r != SL_E(NOENT))
		sl_diag_err(&e->diags, s->at, err);
	*err = (struct sl_err){ 0 };
	return 0;
}

int
sl_eng_actions(struct sl_engine *e, struct sl_err *err)
{
	struct sl_slice none = { 0 }, src = e->diags.src;
	int r;

	for (size_t i = 0; i < e->w->n_jobs; i++)
		for (size_t k = 0; k < e->w->job[i].steps.n; k++)
			if ((r = look_at(e, &e->w->job[i].steps.s[k], none, src, err)) <
			    0)
				return r;
	/* the list grows while it is walked; no action is in it twice */
	for (struct local_action *x = e->actions; x != NULL; x = x->next)
		for (size_t k = 0; x->action != NULL && k < x->action->steps.n; k++)
			if ((r = look_at(e, &x->action->steps.s[k], x->action->file,
					 x->action->src, err)) < 0)
				return r;
	e->diags.file = none;
	e->diags.src = src;
	return 0;
}

/* ---- entering and leaving ---- */

static bool
is_yes(const struct sl_tok *t)
{
	return t != NULL && ((t->kind == SL_TOK_BOOL && t->b) ||
			     sl_slice_eq(sl_tok_str(t), SL_LIT("true")));
}

static int
given_inputs(struct sl_engine *e, const struct sl_action *x,
	     const struct sl_expr_env *env, struct sl_value *in, struct sl_yaml_at *at,
	     struct sl_err *err)
{
	int r = sl_eng_env(e->cur.s->with, env, &e->leg_a, in, at, err);
	bool is_known;

	for (size_t i = 0; r == 0 && i < in->n; i++) {
		is_known = false;
		SL_TOK_EACH(t, x->inputs)
		is_known = is_known || sl_val_caseeq(t->key, in->m[i].key);
		if (!is_known)
			sl_eng_note(e, "warning",
				    "Unexpected input '%.*s' of the action './%.*s'",
				    SL_ARG(in->m[i].key), SL_ARG(x->path));
	}
	return r;
}

/* The default of an input that was not given, evaluated in the caller's place. */
static int
default_input(struct sl_engine *e, const struct sl_tok *t, const struct sl_expr_env *env,
	      struct sl_value *in, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_tok *dflt = sl_tok_get(t, "default");
	const struct sl_value *v = NULL;
	struct sl_slice s;
	int r;

	if (dflt == NULL && is_yes(sl_tok_get(t, "required")))
		sl_eng_note(e, "warning", "Input required and not supplied: %.*s",
			    SL_ARG(t->key));
	if ((r = sl_tok_eval(dflt, env, &e->leg_a, &v, at, err)) < 0)
		return r;
	s = sl_val_string(&e->leg_a, v);
	if (s.p == NULL ||
	    sl_val_set(&e->leg_a, in, t->key, sl_val_str(&e->leg_a, s)) == NULL)
		return sl_eng_nomem(err);
	return 0;
}

static int
action_inputs(struct sl_engine *e, const struct sl_action *x,
	      const struct sl_expr_env *env, struct sl_value *in, struct sl_yaml_at *at,
	      struct sl_err *err)
{
	const struct sl_tok *note;
	int r = given_inputs(e, x, env, in, at, err);

	SL_TOK_EACH(t, x->inputs)
	{
		if (r < 0)
			return r;
		if (sl_val_get(in, t->key) == NULL)
			r = default_input(e, t, env, in, at, err);
		else if ((note = sl_tok_get(t, "deprecationMessage")) != NULL)
			sl_eng_note(e, "warning",
				    "Input '%.*s' has been deprecated: %.*s",
				    SL_ARG(t->key), SL_ARG(sl_tok_str(note)));
	}
	return r;
}

/* The steps of an action see github, inputs, strategy, matrix, job, runner, and their
 * own steps. */
static int
action_scope(struct sl_engine *e, const struct sl_action *x, struct sl_value *in,
	     struct scope *sc, struct sl_err *err)
{
	static const char *const kept[] = { "strategy", "matrix", "job", "runner" };
	struct sl_arena *a = &e->leg_a;
	const struct sl_value *outer = e->leg.scope[0].contexts;
	struct sl_value *c = sl_val_obj(a, false),
			*g = sl_val_copy(a, e->leg.scope[0].github);
	char *dir = sl_arena_printf(a, SL_BOX_WORKSPACE "%s%.*s",
				    x->path.len > 0 ? "/" : "", (int)x->path.len,
				    x->path.len > 0 ? (const char *)x->path.p : "");

	for (size_t i = 0; i < 4; i++)
		if (sl_val_gets(outer, kept[i]) != NULL &&
		    sl_val_set(a, c, sl_slice_str(kept[i]),
			       sl_val_gets(outer, kept[i])) == NULL)
			return sl_eng_nomem(err);
	sc->step_results = sl_val_obj(a, false);
	sc->github = g;
	sc->contexts = c;
	if (dir == NULL || !sl_eng_puts(a, g, "action_path", dir) ||
	    !sl_eng_puts(a, g, "action_ref", "") ||
	    !sl_eng_puts(a, g, "action_repository", "") ||
	    !sl_eng_puts(a, g, "action_status", "success") ||
	    sl_val_set(a, c, SL_LIT("github"), g) == NULL ||
	    sl_val_set(a, c, SL_LIT("inputs"), in) == NULL ||
	    sl_val_set(a, c, SL_LIT("steps"), sc->step_results) == NULL)
		return sl_eng_nomem(err);
	return 0;
}

/* Copies what outlives the step. */
static struct sl_value *
keep(struct sl_arena *a, const struct sl_value *v)
{
	struct sl_value *o = sl_val_obj(a, true);

	for (size_t i = 0; i < v->n; i++) {
		struct sl_slice k = sl_arena_dup(a, v->m[i].key);
		struct sl_slice s = sl_arena_dup(a, sl_val_string(a, v->m[i].v));

		if (k.p == NULL || s.p == NULL ||
		    sl_val_set(a, o, k, sl_val_str(a, s)) == NULL)
			return NULL;
	}
	return o;
}

int
sl_eng_enter(struct sl_engine *e, const struct sl_expr_env *x, const struct sl_value *env,
	     struct sl_yaml_at *at, struct sl_err *err)
{
	const struct local_action *la = NULL;
	struct scope *sc;
	struct sl_value *in = sl_val_obj(&e->leg_a, false);
	int r;

	if (e->leg.depth == SL_FLOW_NEST_MAX)
		return SL_ERR(err, FAILED, "Composite action depth exceeded max depth %d",
			      SL_FLOW_NEST_MAX);
	if (in == NULL)
		return sl_eng_nomem(err);
	if ((r = sl_eng_action(e, e->cur.s->uses, &la, err)) < 0 || la == NULL)
		return r == SL_E(NOENT) ? SL_E(FAILED) : r;
	sc = &e->leg.scope[e->leg.depth + 1];
	*sc = (struct scope){ .steps = la->action->steps,
			      .action = la->action,
			      .caller = e->cur,
			      .limit_s = e->cur.limit_s,
			      .sandbox = sl_eng_sandbox(e) };
	if ((r = action_inputs(e, la->action, x, in, at, err)) < 0)
		return r;
	for (size_t i = 0; i < in->n;
	     i++) { /* they were evaluated from the step's values */
		struct sl_slice s =
		    sl_arena_dup(&e->leg_a, sl_val_string(&e->leg_a, in->m[i].v));
		struct sl_slice k = sl_arena_dup(&e->leg_a, in->m[i].key);

		if (s.p == NULL || k.p == NULL)
			return sl_eng_nomem(err);
		in->m[i] = (struct sl_member){ k, sl_val_str(&e->leg_a, s) };
		if (in->m[i].v == NULL)
			return sl_eng_nomem(err);
	}
	if ((sc->env = keep(&e->leg_a, env)) == NULL)
		return sl_eng_nomem(err);
	if ((r = action_scope(e, la->action, in, sc, err)) < 0)
		return r;
	e->leg.depth++;
	return 0;
}

/* The action's outputs become its caller's, also when it failed. */
int
sl_eng_leave(struct sl_engine *e, struct sl_err *err)
{
	struct scope *sc = &e->leg.scope[e->leg.depth];
	const struct sl_value *v = NULL;
	struct sl_expr_env x;
	struct sl_yaml_at at;
	struct sl_value *ctx = sl_val_copy(&e->step_a, sc->contexts),
			*env = sl_val_copy(&e->step_a, e->leg.env);
	struct sl_slice s;
	int r;

	for (size_t i = 0; i < sc->env->n; i++)
		if (sl_val_set(&e->step_a, env, sc->env->m[i].key, sc->env->m[i].v) ==
		    NULL)
			return sl_eng_nomem(err);
	if (sl_val_set(&e->step_a, ctx, SL_LIT("env"), env) == NULL)
		return sl_eng_nomem(err);
	sl_eng_expr_env(e, ctx, NULL, &x);
	SL_TOK_EACH(t, sc->action->outputs)
	{
		r = sl_tok_eval(sl_tok_get(t, "value"), &x, &e->leg_a, &v, &at, err);
		if (r == SL_E(NOMEM))
			return r;
		if (r < 0) {
			sl_eng_note_at(e, at, err);
			*err = (struct sl_err){ 0 };
			sc->status = RES_FAILURE;
			continue;
		}
		s = sl_arena_dup(&e->leg_a, sl_val_string(&e->leg_a, v));
		if (s.p == NULL || sl_val_set(&e->leg_a, sc->caller.outputs, t->key,
					      sl_val_str(&e->leg_a, s)) == NULL)
			return sl_eng_nomem(err);
	}
	return 0;
}
