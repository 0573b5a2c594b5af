/* engine_ctx.c -- see engine_int.h: the contexts that do not change during a run. */
#include "base/near.h"
#include "flow/engine_int.h"

bool
sl_eng_put(struct sl_arena *a, struct sl_value *obj, const char *key, struct sl_slice v)
{
	return sl_val_set(a, obj, sl_slice_str(key), sl_val_str(a, v)) != NULL;
}

bool
sl_eng_puts(struct sl_arena *a, struct sl_value *obj, const char *key, const char *v)
{
	return sl_eng_put(a, obj, key, sl_slice_str(v));
}

const char *
sl_eng_result(enum result r)
{
	static const char *const names[] = { "success", "failure", "cancelled",
					     "skipped" };

	return names[r];
}

/* What a run of this kind says where the parameters say nothing. */
static const struct {
	const char *key, *value;
} github_defaults[] = {
	{ "repository", "local/workspace" },
	{ "repository_owner", "local" },
	{ "repository_id", "1" },
	{ "repository_owner_id", "1" },
	{ "ref", "refs/heads/main" },
	{ "ref_name", "main" },
	{ "ref_type", "branch" },
	{ "sha", "0000000000000000000000000000000000000000" },
	{ "base_ref", "" },
	{ "head_ref", "" },
	{ "actor", "local" },
	{ "actor_id", "1" },
	{ "triggering_actor", "local" },
	{ "run_id", "1" },
	{ "run_number", "1" },
	{ "run_attempt", "1" },
	{ "retention_days", "90" },
	{ "server_url", "https://github.com" },
	{ "api_url", "https://api.github.com" },
	{ "graphql_url", "https://api.github.com/graphql" },
	{ "repositoryUrl", "" },
	{ "secret_source", "None" },
	{ "token", "" },
};

static int
merge_json(struct sl_arena *a, struct sl_value *obj, const struct sl_json *j,
	   struct sl_err *err)
{
	const struct sl_value *v = NULL;
	int r;

	SL_JSON_EACH(m, j)
	{
		if ((r = sl_val_from_json(a, m, false, &v, err)) < 0)
			return r;
		if (sl_val_set(a, obj, m->key, v) == NULL)
			return sl_eng_nomem(err);
	}
	return 0;
}

/* The event's payload; for workflow_dispatch with the inputs as strings. */
static int
event_of(struct sl_engine *e, struct sl_slice name, struct sl_value **ret,
	 struct sl_err *err)
{
	struct sl_arena *a = &e->run_a;
	const struct sl_value *v = NULL;
	struct sl_value *ev = sl_val_obj(a, false), *in;
	SL_AUTO_BUF text = { .max = e->max_memory };
	struct sl_slice s;
	int r;

	if (ev == NULL)
		return sl_eng_nomem(err);
	if ((r = merge_json(a, ev, sl_json_get(e->params, "event"), err)) < 0)
		return r;
	if (sl_slice_eq(name, SL_LIT("workflow_dispatch")) &&
	    sl_val_gets(ev, "inputs") == NULL) {
		in = sl_val_obj(a, false);
		for (size_t i = 0; i < e->inputs->n; i++) {
			v = e->inputs->m[i].v;
			if ((s = sl_val_string(a, v)).p == NULL ||
			    sl_val_set(a, in, e->inputs->m[i].key, sl_val_str(a, s)) ==
				NULL)
				return sl_eng_nomem(err);
		}
		if (sl_val_set(a, ev, SL_LIT("inputs"), in) == NULL)
			return sl_eng_nomem(err);
	}
	if ((r = sl_val_pretty(ev, &text, err)) < 0)
		return r;
	if (text.is_failed ||
	    (e->event_json = sl_arena_dup(a, sl_buf_get(&text))).p == NULL)
		return sl_eng_nomem(err);
	*ret = ev;
	return 0;
}

static int
build_github(struct sl_engine *e, struct sl_err *err)
{
	struct sl_arena *a = &e->run_a;
	struct sl_value *g = sl_val_obj(a, false), *ev = NULL;
	struct sl_slice name = sl_eng_event_name(e), s;
	char *ref;
	int r;

	if ((r = event_of(e, name, &ev, err)) < 0)
		return r;
	for (size_t i = 0; i < sizeof(github_defaults) / sizeof(*github_defaults); i++)
		if (!sl_eng_puts(a, g, github_defaults[i].key, github_defaults[i].value))
			return sl_eng_nomem(err);
	if (!sl_eng_put(a, g, "event_name", name) ||
	    sl_val_set(a, g, SL_LIT("event"), ev) == NULL ||
	    sl_val_set(a, g, SL_LIT("ref_protected"), sl_val_bool(false)) == NULL ||
	    !sl_eng_put(a, g, "workflow", e->w->name.len > 0 ? e->w->name : e->path))
		return sl_eng_nomem(err);
	if ((r = merge_json(a, g, sl_json_get(e->params, "github"), err)) < 0 ||
	    (r = sl_eng_from_event(name, ev, a, g, err)) < 0)
		return r;
	s = sl_val_string(a, sl_val_gets(g, "repository"));
	ref = sl_arena_printf(a, "%.*s/%.*s@%.*s", SL_ARG(s), SL_ARG(e->path),
			      SL_ARG(sl_val_string(a, sl_val_gets(g, "ref"))));
	if (ref == NULL || !sl_eng_puts(a, g, "workflow_ref", ref) ||
	    sl_val_set(a, g, SL_LIT("workflow_sha"), sl_val_gets(g, "sha")) == NULL ||
	    !sl_eng_puts(a, g, "workspace", SL_BOX_WORKSPACE) ||
	    !sl_eng_puts(a, g, "event_path", SL_BOX_EVENT))
		return sl_eng_nomem(err);
	e->github = g;
	return 0;
}

static int
build_runner(struct sl_engine *e, struct sl_err *err)
{
	static const char *const kv[][2] = {
		{ "os", "Linux" },
		{ "arch", "X64" },
		{ "name", "sluice" },
		{ "environment", "self-hosted" },
		{ "temp", SL_BOX_TEMP },
		{ "tool_cache", SL_BOX_TOOLS },
		{ "workspace", SL_BOX_WORKSPACE },
	};
	struct sl_value *v = sl_val_obj(&e->run_a, false);
	int r;

	for (size_t i = 0; i < 3; i++)
		if (!sl_eng_puts(&e->run_a, v, kv[i][0], kv[i][1]))
			return sl_eng_nomem(err);
	if ((r = merge_json(&e->run_a, v, sl_json_get(e->params, "runner"), err)) < 0)
		return r;
	for (size_t i = 3; i < sizeof(kv) / sizeof(*kv); i++)
		if (!sl_eng_puts(&e->run_a, v, kv[i][0], kv[i][1]))
			return sl_eng_nomem(err);
	e->runner = v;
	return 0;
}

/* ---- inputs ---- */

static const struct sl_value *
typed(struct sl_arena *a, struct sl_slice type, struct sl_slice s)
{
	double d;

	if (sl_slice_eq(type, SL_LIT("boolean")))
		return sl_slice_eq(s, SL_LIT("true"))    ? sl_val_bool(true)
		       : sl_slice_eq(s, SL_LIT("false")) ? sl_val_bool(false)
							 : NULL;
	if (sl_slice_eq(type, SL_LIT("number"))) {
		d = sl_val_parse_number(s);
		return s.len > 0 && d == d ? sl_val_num(a, d) : NULL; /* not NaN */
	}
	return sl_val_str(a, s);
}

static bool
is_option(const struct sl_tok *options, struct sl_slice s)
{
	SL_TOK_EACH(m, options)
	if (sl_slice_eq(sl_tok_str(m), s))
		return true;
	return false;
}

/* What was given by hand, or else what the payload holds, as GitHub sends it. */
static const struct sl_json *
given_inputs(const struct sl_engine *e)
{
	const struct sl_json *in = sl_json_get(e->params, "inputs");

	return in != NULL && in->n > 0
		   ? in
		   : sl_json_get(sl_json_get(e->params, "event"), "inputs");
}

/* What the input says: what was given, its default, or what its type begins with. */
static int
input_text(struct sl_engine *e, const struct sl_tok *t, const struct sl_json *given,
	   struct sl_slice *ret, struct sl_err *err)
{
	const struct sl_tok *dflt = sl_tok_get(t, "default");
	struct sl_slice type = sl_tok_str(sl_tok_get(t, "type"));
	const struct sl_value *v = NULL;
	int r;

	if (given != NULL) {
		if ((r = sl_val_from_json(&e->run_a, given, false, &v, err)) < 0)
			return r;
		*ret = sl_val_string(&e->run_a, v);
		return ret->p == NULL ? sl_eng_nomem(err) : 0;
	}
	*ret = sl_tok_str(dflt);
	if (dflt == NULL && sl_slice_eq(type, SL_LIT("boolean")))
		*ret = SL_LIT("false");
	if (dflt == NULL && sl_slice_eq(type, SL_LIT("number")))
		*ret = SL_LIT("0");
	return 0;
}

/* The typed value, or NULL with a diagnostic. */
static const struct sl_value *
input_value(struct sl_engine *e, struct sl_diag_list *l, const struct sl_tok *t,
	    struct sl_slice s, bool is_given)
{
	struct sl_slice type = sl_tok_str(sl_tok_get(t, "type"));
	const struct sl_value *v;

	if (sl_slice_eq(type, SL_LIT("choice")) && (is_given || s.len > 0) &&
	    !is_option(sl_tok_get(t, "options"), s)) {
		sl_diag_put(l, t->key_at, NULL, NULL,
			    "Provided value '%.*s' for input '%.*s' not in the list of "
			    "allowed values",
			    SL_ARG(s), SL_ARG(t->key));
		return NULL;
	}
	if ((v = typed(&e->run_a, type, s)) == NULL)
		sl_diag_put(l, t->key_at, NULL, NULL,
			    "Provided value '%.*s' for input '%.*s' is not a %.*s",
			    SL_ARG(s), SL_ARG(t->key), SL_ARG(type));
	return v;
}

static int
one_input(struct sl_engine *e, struct sl_diag_list *l, const struct sl_tok *t,
	  struct sl_value *in, struct sl_err *err)
{
	const struct sl_tok *req = sl_tok_get(t, "required");
	const struct sl_json *given = sl_json_gets(given_inputs(e), t->key);
	const struct sl_value *v = NULL;
	bool is_absent = given == NULL && sl_tok_get(t, "default") == NULL;
	struct sl_slice s = { 0 };
	int r = input_text(e, t, given, &s, err);

	if (r < 0)
		return r;
	if (is_absent && req != NULL && req->kind == SL_TOK_BOOL && req->b)
		sl_diag_put(l, t->key_at, NULL, "give it with --input",
			    "Required input '%.*s' not provided", SL_ARG(t->key));
	else
		v = input_value(e, l, t, s, given != NULL);
	if (v == NULL)
		v = sl_val_null();
	return sl_val_set(&e->run_a, in, t->key, v) == NULL ? sl_eng_nomem(err) : 0;
}

/* Those of the event that the run is for.  A reusable workflow that is run by itself has
 * what its caller would give. */
static const struct sl_tok *
declared_inputs(const struct sl_engine *e)
{
	struct sl_slice name = sl_eng_event_name(e);

	if (sl_slice_eq(name, SL_LIT("workflow_dispatch")))
		return e->w->inputs;
	if (sl_slice_eq(name, SL_LIT("workflow_call")))
		return sl_tok_get(sl_tok_get(e->w->on, "workflow_call"), "inputs");
	return NULL;
}

static int
build_inputs(struct sl_engine *e, struct sl_diag_list *l, struct sl_err *err)
{
	struct sl_value *in = sl_val_obj(&e->run_a, false);
	const struct sl_tok *declared = declared_inputs(e);
	struct sl_slice names[64], near;
	size_t n = 0;
	int r;

	if (in == NULL)
		return sl_eng_nomem(err);
	e->inputs = in;
	SL_TOK_EACH(t, declared)
	{
		if (n < 64)
			names[n++] = t->key;
		if ((r = one_input(e, l, t, in, err)) < 0)
			return r;
	}
	SL_JSON_EACH(m, sl_json_get(e->params, "inputs"))
	{
		if (sl_val_get(in, m->key) != NULL)
			continue;
		near = sl_near(m->key, names, n);
		sl_diag_put(
		    l, (struct sl_yaml_at){ 0, 0, 1 }, NULL,
		    near.len > 0
			? sl_arena_printf(&e->run_a, "did you mean '%.*s'?", SL_ARG(near))
			: NULL,
		    "input '%.*s' is not declared by the event", SL_ARG(m->key));
	}
	return 0;
}

static int
string_map(struct sl_engine *e, const char *name, const struct sl_value **ret,
	   struct sl_err *err)
{
	struct sl_value *v = sl_val_obj(&e->run_a, false);
	int r;

	if (v == NULL)
		return sl_eng_nomem(err);
	if ((r = merge_json(&e->run_a, v, sl_json_get(e->params, name), err)) < 0)
		return r;
	*ret = v;
	return 0;
}

int
sl_eng_contexts(struct sl_engine *e, struct sl_diag_list *l, struct sl_err *err)
{
	int r;

	sl_eng_check_event(e);
	if ((r = build_inputs(e, l, err)) < 0 ||
	    (r = string_map(e, "vars", &e->vars, err)) < 0 ||
	    (r = string_map(e, "secrets", &e->secrets, err)) < 0 ||
	    (r = build_runner(e, err)) < 0)
		return r;
	for (size_t i = 0; i < e->secrets->n; i++)
		sl_eng_mask(e, sl_val_string(&e->run_a, e->secrets->m[i].v));
	return build_github(e, err);
}

/* ---- per job ---- */

int
sl_eng_needs(struct sl_engine *e, const struct sl_job *j, struct sl_arena *a,
	     const struct sl_value **ret, struct sl_err *err)
{
	struct sl_value *needs = sl_val_obj(a, false);

	for (size_t i = 0; i < j->n_needs; i++) {
		const struct job_state *s = &e->state[j->needs[i]];
		struct sl_value *one = sl_val_obj(a, false);

		if (!sl_eng_puts(a, one, "result", sl_eng_result(s->result)) ||
		    sl_val_set(a, one, SL_LIT("outputs"),
			       s->outputs != NULL ? s->outputs : sl_val_obj(a, false)) ==
			NULL ||
		    sl_val_set(a, needs, e->w->job[j->needs[i]].id, one) == NULL)
			return sl_eng_nomem(err);
	}
	if (needs == NULL)
		return sl_eng_nomem(err);
	*ret = needs;
	return 0;
}

int
sl_eng_env(const struct sl_tok *t, const struct sl_expr_env *x, struct sl_arena *a,
	   struct sl_value *obj, struct sl_yaml_at *at, struct sl_err *err)
{
	const struct sl_value *v = NULL;
	struct sl_slice s;
	int r;

	if (t == NULL)
		return 0;
	if ((r = sl_tok_eval(t, x, a, &v, at, err)) < 0)
		return r;
	*at = t->at;
	if (v->kind == SL_VAL_NULL)
		return 0;
	if (v->kind != SL_VAL_OBJ)
		return SL_ERR(err, FAILED, "Expected a mapping");
	for (size_t i = 0; i < v->n; i++) {
		if (!sl_val_is_primitive(v->m[i].v))
			return SL_ERR(err, FAILED, "'%.*s': Expected a scalar value",
				      SL_ARG(v->m[i].key));
		s = sl_val_string(a, v->m[i].v);
		if (s.p == NULL ||
		    sl_val_set(a, obj, v->m[i].key, sl_val_str(a, s)) == NULL)
			return sl_eng_nomem(err);
	}
	return 0;
}
