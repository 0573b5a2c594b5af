/* parse_sandbox.c -- see workflow.h: the key `sandbox` of a flow, a job, a step.
 *
 * Here each value is read and what can never be is refused.  Whether a level widens what
 * it has from the level above is not known here: profiles and paths are the host's, and
 * so run/sandbox.c decides that, with the places that are kept here. */
#include "flow/workflow.h"
#include "grant/hostport.h"
#include "grant/limit.h"
#include "grant/profile.h"

struct work {
	struct sl_flow_parser *p;
	struct sl_jb b;
	struct sl_json *o; /* what becomes of it */
	struct sl_sandbox *s;
};

static void
put_place(struct work *w, struct sl_json *o, struct sl_yaml_at at)
{
	(void)sl_json_set(&w->b, o, "line", sl_json_int(&w->b, (int64_t)at.line));
	(void)sl_json_set(&w->b, o, "col", sl_json_int(&w->b, (int64_t)at.col));
	(void)sl_json_set(&w->b, o, "width", sl_json_int(&w->b, (int64_t)at.width));
}

static struct sl_json *
put_value(struct work *w, struct sl_json *o, const struct sl_tok *t)
{
	(void)sl_json_set(&w->b, o, "v", sl_json_str(&w->b, sl_tok_str(t)));
	put_place(w, o, t->at);
	return o;
}

static bool
is_listed(const struct sl_json *list, struct sl_slice v)
{
	SL_JSON_EACH(m, list)
	if (sl_slice_eq(sl_json_get_str(m, "v"), v))
		return true;
	return false;
}

static void
take_path(struct work *w, const struct sl_tok *t, struct sl_json *list)
{
	static const char *const own[] = { "/proc", "/dev", "/workspace" };
	struct sl_slice s = sl_tok_str(t);
	const char *why = NULL, *hint = NULL;

	if (s.len > 0 && (s.p[0] == '.' || s.p[0] == '$'))
		hint = "the workspace is given by 'workspace: write', read or none";
	if (s.len == 0 || s.p[0] != '/')
		why = "is not absolute";
	else if (s.len == 1)
		why = "would show everything; name what is needed";
	else if (!sl_path_is_canonical(s))
		why = "is not plain: no '.', '..', '//', no '/' at the end, at most 4095 "
		      "bytes";
	for (size_t i = 0; why == NULL && i < sizeof(own) / sizeof(*own); i++)
		if (sl_path_is_below(s, sl_slice_str(own[i])))
			why =
			    "lies in what is made for the box (/proc, /dev, /workspace)";
	if (why != NULL)
		sl_diag_put(w->p->l, t->at, NULL, hint, "path '%.*s' %s", SL_ARG(s), why);
	else
		(void)sl_json_add(&w->b, list, put_value(w, sl_json_obj(&w->b), t));
}

static void
take_env(struct work *w, const struct sl_tok *t, struct sl_json *list)
{
	if (!sl_env_is_name(sl_tok_str(t)))
		sl_diag_put(w->p->l, t->at, NULL, NULL,
			    "'%.*s' is not the name of a variable",
			    SL_ARG(sl_tok_str(t)));
	else
		(void)sl_json_add(&w->b, list, put_value(w, sl_json_obj(&w->b), t));
}

static void
take_service(struct work *w, const struct sl_tok *t, struct sl_json *list)
{
	struct sl_err why = { 0 };
	struct sl_hostport h;
	struct sl_json *o;

	if (sl_hostport_parse(sl_tok_str(t), &h, &why) < 0) {
		sl_diag_err(w->p->l, t->at, &why);
		return;
	}
	o = put_value(w, sl_json_add(&w->b, list, sl_json_obj(&w->b)), t);
	(void)sl_json_set(&w->b, o, "host", sl_json_cstr(&w->b, h.host));
	(void)sl_json_set(&w->b, o, "port", sl_json_int(&w->b, h.port));
}

static void
take_list(struct work *w, const struct sl_tok *t, size_t max,
	  void (*take)(struct work *w, const struct sl_tok *t, struct sl_json *list))
{
	struct sl_json *list;

	if (t == NULL || t->kind == SL_TOK_NULL)
		return;
	list = sl_json_sets(&w->b, w->o, t->key, sl_json_arr(&w->b));
	if (t->n > max) {
		sl_diag_put(w->p->l, t->at, NULL, NULL, "more than %zu in '%.*s'", max,
			    SL_ARG(t->key));
		return;
	}
	SL_TOK_EACH(m, t)
	if (m->kind == SL_TOK_STR && is_listed(list, sl_tok_str(m)))
		sl_diag_put(w->p->l, m->at, NULL, NULL, "'%.*s' is listed twice",
			    SL_ARG(sl_tok_str(m)));
	else if (m->kind == SL_TOK_STR)
		take(w, m, list);
}

static void
take_limits(struct work *w, const struct sl_tok *t)
{
	struct sl_json *list, *o;
	uint64_t seen = 0, max = 0;
	const char *why;

	if (t == NULL || t->kind != SL_TOK_MAP)
		return;
	list = sl_json_set(&w->b, w->o, "limits", sl_json_arr(&w->b));
	SL_TOK_EACH(m, t)
	{
		enum sl_limit l = sl_limit_named(m->key);

		if (l == SL_LIM_COUNT || m->kind != SL_TOK_STR)
			continue; /* said by the grammar */
		if ((seen >> l & 1) != 0)
			sl_diag_put(w->p->l, m->key_at, NULL, NULL,
				    "limit '%s' is listed twice", sl_limit_name(l));
		else if ((why = sl_limit_parse(l, sl_tok_str(m), &max)) != NULL)
			sl_diag_put(w->p->l, m->at, NULL, NULL, "limit '%.*s': '%.*s' %s",
				    SL_ARG(m->key), SL_ARG(sl_tok_str(m)), why);
		seen |= (uint64_t)1 << l;
		o = put_value(w, sl_json_add(&w->b, list, sl_json_obj(&w->b)), m);
		(void)sl_json_set(&w->b, o, "name",
				  sl_json_cstr(&w->b, sl_limit_name(l)));
		(void)sl_json_set(&w->b, o, "max", sl_json_int(&w->b, (int64_t)max));
	}
}

static void
take_tier(struct work *w, const struct sl_tok *t)
{
	static const char *const known[] = { "T0", "T2", "T3" };
	struct sl_slice s = sl_tok_str(t);
	const char *why, *code = NULL;

	if (t == NULL || t->kind != SL_TOK_STR || (why = sl_tier_problem(s)) == NULL)
		return;
	for (size_t i = 0; i < 3; i++)
		if (sl_slice_eq(s, sl_slice_str(known[i])))
			code = "F-TIER";
	sl_diag_put(w->p->l, t->at, code, NULL, "tier '%.*s' %s", SL_ARG(s), why);
}

/* Those that every box has: a flow can say that it needs them, and needs no others. */
static void
take_devices(struct work *w, const struct sl_tok *t)
{
	static const char *const have[] = { "null",   "zero",    "full",
					    "random", "urandom", "tty" };
	enum { N = sizeof(have) / sizeof(*have) };

	if (t == NULL)
		return;
	if (w->s->level != SL_SANDBOX_FLOW) {
		sl_diag_put(
		    w->p->l, t->key_at, "F-DEVICE", NULL,
		    "the devices of a box cannot be narrowed for a job or a step");
		return;
	}
	SL_TOK_EACH(m, t)
	{
		size_t i = 0;

		while (i < N && !sl_slice_eq(sl_tok_str(m), sl_slice_str(have[i])))
			i++;
		if (i == N && m->kind == SL_TOK_STR)
			sl_diag_put(w->p->l, m->at, "F-DEVICE",
				    "a box has null, zero, full, random, urandom and tty",
				    "device '%.*s' is not given to a box",
				    SL_ARG(sl_tok_str(m)));
	}
}

static void
take_word(struct work *w, const struct sl_tok *t)
{
	if (t != NULL && t->kind == SL_TOK_STR)
		(void)sl_json_sets(&w->b, w->o, t->key,
				   put_value(w, sl_json_obj(&w->b), t));
}

static void
take_profile(struct work *w, const struct sl_tok *t)
{
	if (t != NULL && t->kind == SL_TOK_STR && !sl_profile_is_name(sl_tok_str(t)))
		sl_diag_put(w->p->l, t->at, NULL, NULL,
			    "'%.*s' is not the name of a profile: lower-case letters, "
			    "digits, '-' and '_'",
			    SL_ARG(sl_tok_str(t)));
	else
		take_word(w, t);
}

static void
put_head(struct work *w, const struct sl_tok *t, size_t step)
{
	static const char *const levels[] = { "flow", "job", "step" };
	const struct sl_sandbox *s = w->s;

	(void)sl_json_set(&w->b, w->o, "level", sl_json_cstr(&w->b, levels[s->level]));
	(void)sl_json_set(
	    &w->b, w->o, "parent",
	    sl_json_int(&w->b, s->parent != NULL ? (int64_t)s->parent->index : -1));
	if (s->level != SL_SANDBOX_FLOW)
		(void)sl_json_set(&w->b, w->o, "job", sl_json_str(&w->b, w->p->job));
	if (s->level == SL_SANDBOX_STEP)
		(void)sl_json_set(&w->b, w->o, "step", sl_json_int(&w->b, (int64_t)step));
	put_place(w, w->o, t->key_at);
}

int
sl_parse_sandbox(struct sl_flow_parser *p, const struct sl_tok *t,
		 enum sl_sandbox_level level, size_t step, const struct sl_sandbox **io,
		 struct sl_err *err)
{
	struct work w = { .p = p, .b = { .a = p->a } };
	struct sl_sandbox *s;

	if (t == NULL || t->kind != SL_TOK_MAP)
		return 0;
	if (p->n_sandboxes == SL_FLOW_SANDBOXES_MAX) {
		sl_diag_put(p->l, t->key_at, NULL, NULL, "more than %d of 'sandbox'",
			    SL_FLOW_SANDBOXES_MAX);
		return 0;
	}
	if ((s = SL_NEW(p->a, struct sl_sandbox)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	*s = (struct sl_sandbox){ .parent = *io,
				  .level = level,
				  .index = p->n_sandboxes++,
				  .env = sl_tok_get(t, "env") };
	s->says_env = s->env != NULL || sl_tok_get(t, "profile") != NULL;
	w.s = s;
	w.o = sl_json_obj(&w.b);
	put_head(&w, t, step);
	take_profile(&w, sl_tok_get(t, "profile"));
	take_word(&w, sl_tok_get(t, "workspace"));
	take_tier(&w, sl_tok_get(t, "tier"));
	take_devices(&w, sl_tok_get(t, "devices"));
	take_list(&w, sl_tok_get(t, "read"), SL_GRANT_FS_MAX, take_path);
	take_list(&w, sl_tok_get(t, "write"), SL_GRANT_FS_MAX, take_path);
	take_list(&w, sl_tok_get(t, "env"), SL_GRANT_ENV_MAX, take_env);
	if (sl_tok_str(sl_tok_get(t, "net")).len > 0) /* none */
		(void)sl_json_set(&w.b, w.o, "net", sl_json_arr(&w.b));
	else
		take_list(&w, sl_tok_get(t, "net"), SL_GRANT_NET_MAX, take_service);
	take_limits(&w, sl_tok_get(t, "limits"));
	if (w.b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	s->json = w.o;
	if (p->last_sandbox != NULL)
		p->last_sandbox->next = s;
	else
		p->sandboxes = s;
	p->last_sandbox = s;
	*io = s;
	return 0;
}

bool
sl_sandbox_has_env(const struct sl_sandbox *s, struct sl_slice name)
{
	while (s != NULL && !s->says_env)
		s = s->parent;
	if (s == NULL)
		return true;
	SL_TOK_EACH(m, s->env)
	if (sl_slice_eq(sl_tok_str(m), name))
		return true;
	return false;
}
