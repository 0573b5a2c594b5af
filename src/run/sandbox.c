/* sandbox.c -- see sandbox.h. */
#include "run/sandbox.h"

#include "box/box.h"
#include "flow/workflow.h"
#include "grant/hostport.h"
#include "grant/limit.h"
#include "run/want.h"

#include <stdlib.h>

enum { ACC_READ = SL_ACC_READ | SL_ACC_EXEC };

/* Where each part of a grant was asked for, in the flow's text. */
struct origin {
	struct sl_yaml_at key, profile, ws;
	struct sl_yaml_at fs[SL_GRANT_FS_MAX], env[SL_GRANT_ENV_MAX];
	struct sl_yaml_at net[SL_GRANT_NET_MAX], limit[SL_LIM_COUNT];
};

struct work {
	const struct sl_sandboxes_in *in;
	struct sl_arena *a;
	struct sl_sandboxes *ret;
	struct sl_named_profile *profile;
	size_t max_beyond;
	/* the level under way */
	const struct sl_json *v;
	const struct sl_grant *parent;
	struct sl_grant *g;
	struct sl_grant_fs *fs;
	struct sl_slice *env;
	struct sl_grant_net *net;
	struct origin *at;
	const struct sl_named_profile *used;
	bool is_flow, is_step;
};

#define BAD(w, place, hint, ...)                                                         \
	sl_diag_put((w)->in->problems, (place), NULL, (hint), __VA_ARGS__)

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

static struct sl_yaml_at
place(const struct sl_json *v)
{
	int64_t line = sl_json_get_int(v, "line"), col = sl_json_get_int(v, "col"),
		width = sl_json_get_int(v, "width");

	return (struct sl_yaml_at){ line > 0 ? (size_t)line : 0,
				    col > 0 ? (size_t)col : 0,
				    width > 0 ? (size_t)width : 1 };
}

/* --- put together --- */

static int
add_fs(struct work *w, struct sl_slice path, unsigned access, struct sl_yaml_at at,
       struct sl_err *err)
{
	for (size_t i = 0; i < w->g->n_fs; i++)
		if (sl_slice_eq(w->fs[i].path, path)) {
			w->fs[i].access |= access;
			w->at->fs[i] = at;
			return 0;
		}
	if (w->g->n_fs == SL_GRANT_FS_MAX)
		return SL_ERR(err, LIMIT, "more than %d paths", SL_GRANT_FS_MAX);
	w->at->fs[w->g->n_fs] = at;
	w->fs[w->g->n_fs++] = (struct sl_grant_fs){ path, access };
	return 0;
}

/* A name that the caller has no value for passes nothing, and is not wanted. */
static int
add_env(struct work *w, struct sl_slice name, struct sl_yaml_at at, struct sl_err *err)
{
	const char *n = sl_arena_str(w->a, name);

	if (n == NULL)
		return nomem(err);
	if (sl_grant_has_env(w->g, name) ||
	    (!sl_grant_has_env(w->in->given, name) && getenv(n) == NULL))
		return 0;
	if (w->g->n_env == SL_GRANT_ENV_MAX)
		return SL_ERR(err, LIMIT, "more than %d variables", SL_GRANT_ENV_MAX);
	w->at->env[w->g->n_env] = at;
	w->env[w->g->n_env++] = name;
	return 0;
}

static int
add_net(struct work *w, struct sl_grant_net n, struct sl_yaml_at at, struct sl_err *err)
{
	if (sl_grant_has_net(w->g, n.host, n.port))
		return 0;
	if (w->g->n_net == SL_GRANT_NET_MAX)
		return SL_ERR(err, LIMIT, "more than %d hosts and ports",
			      SL_GRANT_NET_MAX);
	w->at->net[w->g->n_net] = at;
	w->net[w->g->n_net++] = n;
	return 0;
}

static void
set_workspace(struct work *w, enum sl_ws_mode m, struct sl_yaml_at at)
{
	w->g->ws_mode = m;
	w->g->ws_path = m == SL_WS_NONE ? SL_LIT("") : w->in->given->ws_path;
	w->at->ws = at;
}

/* --- a profile: all of it, in the place of what the level above has --- */

static int
find_profile(struct work *w, struct sl_slice name, const struct sl_named_profile **ret,
	     struct sl_err *err)
{
	const char *n = sl_arena_str(w->a, name);
	size_t i = 0;
	int r;

	while (i < w->ret->n_profiles &&
	       !sl_slice_eq(name, sl_slice_str(w->profile[i].name)))
		i++;
	*ret = &w->profile[i];
	if (i < w->ret->n_profiles)
		return 0;
	if (n == NULL)
		return nomem(err);
	if (i == SL_FLOW_PROFILES_MAX)
		return SL_ERR(err, LIMIT, "more than %d profiles", SL_FLOW_PROFILES_MAX);
	if (w->in->home == NULL)
		return SL_ERR(err, NOENT, "no profile '%s' here", n);
	if ((r = sl_profile_find(w->in->home, n, w->a, &w->profile[i], err)) == 0)
		w->ret->n_profiles++;
	return r;
}

/* "." is the workspace; a place of the user's own is the very place, as in a want. */
static int
profile_path(struct work *w, const struct sl_profile_path *p, struct sl_err *err)
{
	const enum sl_ws_mode all = w->in->given->ws_mode;
	struct sl_slice real = { 0 };
	int r;

	if (sl_slice_eq(p->text, SL_LIT("."))) {
		set_workspace(w, (p->access & SL_ACC_WRITE) != 0 ? all : SL_WS_READ,
			      w->at->profile);
		return 0;
	}
	if (p->text.p[0] == '.')
		return SL_ERR(err, USAGE,
			      "'%.*s' is a part of the workspace, which a flow has as a "
			      "whole",
			      SL_ARG(p->text));
	if ((r = sl_want_resolve(w->a, p, &real, err)) < 0)
		return r;
	return add_fs(w, real, p->access, w->at->profile, err);
}

static int
start_profile(struct work *w, const struct sl_json *name, struct sl_err *err)
{
	const struct sl_profile *p;
	int r;

	w->at->profile = place(name);
	if ((r = find_profile(w, sl_json_get_str(name, "v"), &w->used, err)) < 0)
		return r;
	p = w->used->p;
	set_workspace(w, SL_WS_NONE, w->at->profile);
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		w->g->limit[i].max = p->limit[i].max;
		w->at->limit[i] = w->at->profile;
	}
	for (size_t i = 0; i < p->n_path; i++)
		if ((r = profile_path(w, &p->path[i], err)) < 0)
			return r;
	for (size_t i = 0; i < p->n_env; i++)
		if ((r = add_env(w, p->env[i], w->at->profile, err)) < 0)
			return r;
	for (size_t i = 0; i < p->n_net; i++)
		if ((r = add_net(w, p->net[i], w->at->profile, err)) < 0)
			return r;
	return 0;
}

/* Each list that is not given is the one of the level above. */
static int
start_parent(struct work *w, struct sl_err *err)
{
	const struct sl_grant *p = w->parent;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_fs; i++) {
		bool is_rw = (p->fs[i].access & SL_ACC_WRITE) != 0;

		if (sl_json_get(w->v, is_rw ? "write" : "read") == NULL)
			r = add_fs(w, p->fs[i].path, p->fs[i].access, w->at->key, err);
	}
	for (size_t i = 0; r == 0 && i < p->n_env; i++)
		if (sl_json_get(w->v, "env") == NULL)
			r = add_env(w, p->env[i], w->at->key, err);
	for (size_t i = 0; r == 0 && i < p->n_net; i++)
		if (sl_json_get(w->v, "net") == NULL)
			r = add_net(w, p->net[i], w->at->key, err);
	return r;
}

/* --- what the key itself lists --- */

/* The parser is jailed, and what it says is believed no more than the flow. */
static int
distrust(struct sl_err *err)
{
	return SL_ERR(err, BUG, "the plan's sandbox is malformed");
}

static int
own_paths(struct work *w, const char *key, unsigned access, struct sl_err *err)
{
	int r = 0;

	SL_JSON_EACH(m, sl_json_get(w->v, key))
	{
		struct sl_slice path = sl_json_get_str(m, "v");

		if (!sl_path_is_canonical(path) || path.len == 1)
			return distrust(err);
		if ((r = add_fs(w, path, access, place(m), err)) < 0)
			return r;
	}
	return 0;
}

static int
own_names(struct work *w, struct sl_err *err)
{
	int r = 0;

	SL_JSON_EACH(m, sl_json_get(w->v, "env"))
	{
		if (!sl_env_is_name(sl_json_get_str(m, "v")))
			return distrust(err);
		if ((r = add_env(w, sl_json_get_str(m, "v"), place(m), err)) < 0)
			return r;
	}
	return 0;
}

static int
own_net(struct work *w, struct sl_err *err)
{
	struct sl_err why = { 0 };
	struct sl_hostport h;
	int r;

	SL_JSON_EACH(m, sl_json_get(w->v, "net"))
	{
		struct sl_slice host = sl_json_get_str(m, "host");
		int64_t port = sl_json_get_int(m, "port");

		if (sl_host_parse(host, &h, &why) < 0 || port < 1 || port > UINT16_MAX ||
		    !sl_slice_eq(sl_slice_str(h.host), host))
			return distrust(err);
		r = add_net(
		    w, (struct sl_grant_net){ host, (uint16_t)port, h.addr.family != 0 },
		    place(m), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int
own_limits(struct work *w, struct sl_err *err)
{
	SL_JSON_EACH(m, sl_json_get(w->v, "limits"))
	{
		enum sl_limit l = sl_limit_named(sl_json_get_str(m, "name"));
		int64_t max = sl_json_get_int(m, "max");

		if (l == SL_LIM_COUNT || max < 1)
			return distrust(err);
		w->g->limit[l].max = (uint64_t)max;
		w->at->limit[l] = place(m);
	}
	return 0;
}

static int
own_workspace(struct work *w, struct sl_err *err)
{
	const struct sl_json *v = sl_json_get(w->v, "workspace");
	struct sl_slice m = sl_json_get_str(v, "v");

	if (v == NULL)
		return 0;
	if (sl_slice_eq(m, SL_LIT("write")))
		set_workspace(w, w->in->given->ws_mode, place(v));
	else if (sl_slice_eq(m, SL_LIT("read")))
		set_workspace(w, SL_WS_READ, place(v));
	else if (sl_slice_eq(m, SL_LIT("none")))
		set_workspace(w, SL_WS_NONE, place(v));
	else
		return distrust(err);
	return 0;
}

/* What can go wrong in a profile is said at its name. */
static int
build(struct work *w, struct sl_err *err)
{
	const struct sl_json *name = sl_json_get(w->v, "profile");
	int r;

	*w->g = *w->parent;
	w->g->fs = w->fs;
	w->g->env = w->env;
	w->g->net = w->net;
	w->g->n_fs = w->g->n_env = w->g->n_net = 0;
	if ((r = name != NULL ? start_profile(w, name, err) : start_parent(w, err)) < 0) {
		if (name == NULL || r == SL_E(NOMEM))
			return r;
		sl_diag_err(w->in->problems, w->at->profile, err);
		*err = (struct sl_err){ 0 };
		return 0;
	}
	if ((r = own_workspace(w, err)) < 0 ||
	    (r = own_paths(w, "read", ACC_READ, err)) < 0 ||
	    (r = own_paths(w, "write", ACC_READ | SL_ACC_WRITE, err)) < 0 ||
	    (r = own_names(w, err)) < 0 || (r = own_net(w, err)) < 0)
		return r;
	return own_limits(w, err);
}

/* --- against the level above --- */

/* One part that the level above has not, or less of. */
static int
too_much(struct work *w, const char *kind, struct sl_slice what, struct sl_yaml_at at,
	 struct sl_err *err)
{
	struct sl_slice of = w->used != NULL && at.line == w->at->profile.line &&
				     at.col == w->at->profile.col
				 ? sl_slice_str(w->used->name)
				 : (struct sl_slice){ 0 };

	if (!w->is_flow) {
		BAD(w, at,
		    w->is_step ? "a step never has more than its job"
			       : "a job never has more than the flow: what is beyond the "
				 "default is asked for in the flow's own 'sandbox'",
		    "%s%.*s%s%s '%.*s' is more than the %s has",
		    of.len > 0 ? "profile '" : "", SL_ARG(of), of.len > 0 ? "': " : "",
		    kind, SL_ARG(what), w->is_step ? "job" : "flow");
		return 0;
	}
	if (w->ret->n_beyond == w->max_beyond)
		return SL_ERR(err, BUG, "more wants than there are parts");
	w->ret->beyond[w->ret->n_beyond++] = (struct sl_flow_want){ kind, what };
	return 0;
}

static int
too_much_fs(struct work *w, const struct sl_grant_fs *f, struct sl_yaml_at at,
	    struct sl_err *err)
{
	return too_much(w, (f->access & SL_ACC_WRITE) != 0 ? "write" : "read", f->path,
			at, err);
}

/* A place that the level above has narrower, in another that is kept as it was, would be
 * wider here: nothing that is listed says so. */
static int
check_inner(struct work *w, struct sl_err *err)
{
	for (size_t i = 0; i < w->parent->n_fs; i++) {
		struct sl_grant_fs f = w->parent->fs[i];
		unsigned above = f.access;
		bool is_listed = false;
		int r;

		for (size_t k = 0; k < w->g->n_fs; k++)
			is_listed |= sl_slice_eq(w->fs[k].path, f.path);
		f.access = sl_grant_access(w->g, f.path);
		if (!is_listed && (f.access & ~above) != 0 &&
		    (r = too_much_fs(w, &f, w->at->key, err)) < 0)
			return r;
	}
	return 0;
}

static int
check_fs(struct work *w, struct sl_err *err)
{
	for (size_t i = 0; i < w->g->n_fs; i++) {
		const struct sl_grant_fs *f = &w->fs[i];
		int r;

		if ((f->access & ~sl_grant_access(w->parent, f->path)) != 0 &&
		    (r = too_much_fs(w, f, w->at->fs[i], err)) < 0)
			return r;
	}
	return check_inner(w, err);
}

static int
check_names(struct work *w, struct sl_err *err)
{
	char text[SL_NET_TEXT_MAX];
	struct sl_slice s;
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->g->n_env; i++)
		if (!sl_grant_has_env(w->parent, w->env[i]))
			r = too_much(w, "env", w->env[i], w->at->env[i], err);
	for (size_t i = 0; r == 0 && i < w->g->n_net; i++) {
		if (sl_grant_has_net(w->parent, w->net[i].host, w->net[i].port))
			continue;
		(void)sl_grant_net_text(&w->net[i], text);
		if ((s = sl_arena_dup(w->a, sl_slice_str(text))).p == NULL)
			return nomem(err);
		r = too_much(w, "net", s, w->at->net[i], err);
	}
	return r;
}

static int
check_limits(struct work *w, struct sl_err *err)
{
	char text[SL_LIMIT_TEXT_MAX];
	struct sl_slice s;
	int r = 0;

	for (enum sl_limit l = 0; r == 0 && l < SL_LIM_COUNT; l++) {
		if (w->g->limit[l].max <= w->parent->limit[l].max)
			continue;
		sl_limit_print(l, w->g->limit[l].max, text);
		if ((s = sl_arena_dup(w->a, sl_slice_str(text))).p == NULL)
			return nomem(err);
		r = too_much(w, sl_limit_name(l), s, w->at->limit[l], err);
	}
	return r;
}

/* A step's own rules are Landlock's: places as a whole.  What cannot be held to is
 * refused. */
static void
check_step(struct work *w)
{
	const struct sl_grant *p = w->parent;
	struct sl_slice kept = { 0 };

	for (size_t i = 0; i < w->g->n_fs; i++) {
		size_t k = 0;

		while (k < p->n_fs && !sl_slice_eq(p->fs[k].path, w->fs[i].path))
			k++;
		if (k == p->n_fs && sl_grant_access(p, w->fs[i].path) != 0)
			sl_diag_put(w->in->problems, w->at->fs[i], "F-STEP-PATH", NULL,
				    "'%.*s' is a part of a place of the job: a step "
				    "keeps or gives up whole ones",
				    SL_ARG(w->fs[i].path));
	}
	if (!sl_box_can_narrow(p, w->g, &kept))
		sl_diag_put(w->in->problems, w->at->key, "F-STEP-PATH", NULL,
			    "a step cannot give up '%.*s': it lies in another place that "
			    "it keeps, or in one that every step can write to",
			    SL_ARG(kept));
}

static bool
has_more_workspace(const struct sl_grant *g, const struct sl_grant *parent)
{
	return (sl_ws_is_writable(g->ws_mode) && !sl_ws_is_writable(parent->ws_mode)) ||
	       (g->ws_mode != SL_WS_NONE && parent->ws_mode == SL_WS_NONE);
}

/* How much was found so far. */
static size_t
said(const struct work *w)
{
	return w->in->problems->n_errors + w->in->problems->n_refusals + w->ret->n_beyond;
}

static int
check(struct work *w, struct sl_err *err)
{
	const size_t before = said(w);
	int r;

	if (has_more_workspace(w->g, w->parent) &&
	    (r = too_much(w, "workspace",
			  sl_ws_is_writable(w->g->ws_mode) ? SL_LIT("write")
							   : SL_LIT("read"),
			  w->at->ws, err)) < 0)
		return r;
	if ((r = check_fs(w, err)) < 0 || (r = check_names(w, err)) < 0 ||
	    (r = check_limits(w, err)) < 0)
		return r;
	if (w->is_step)
		check_step(w);
	/* What is left of these is our mistake, and no level is ever wider for it. */
	if (before == said(w) && !sl_grant_within(w->g, w->parent))
		return SL_ERR(err, BUG, "a sandbox is wider than the level above");
	return 0;
}

/* --- all levels --- */

static int
begin(struct work *w, const struct sl_json *v, size_t i, struct sl_err *err)
{
	struct sl_slice level = sl_json_get_str(v, "level");
	int64_t parent = sl_json_get_int(v, "parent");

	w->v = v;
	w->used = NULL;
	w->is_flow = sl_slice_eq(level, SL_LIT("flow"));
	w->is_step = sl_slice_eq(level, SL_LIT("step"));
	/* Only one level may be wider than what was given, and only openly. */
	if (parent < -1 || parent >= (int64_t)i || (w->is_flow && i > 0))
		return distrust(err);
	w->parent = parent >= 0  ? w->ret->grant[parent]
		    : w->is_flow ? w->in->given
				 : &w->ret->want;
	if ((w->g = SL_NEW(w->a, struct sl_grant)) == NULL)
		return nomem(err);
	memset(w->at, 0, sizeof(*w->at));
	w->at->key = place(v);
	for (int k = 0; k < SL_LIM_COUNT; k++)
		w->at->limit[k] = w->at->key;
	return 0;
}

/* Into memory of its own size. */
static int
keep(struct work *w, struct sl_err *err)
{
	struct sl_grant_fs *fs = SL_NEW_N(w->a, struct sl_grant_fs, w->g->n_fs + 1);
	struct sl_slice *env = SL_NEW_N(w->a, struct sl_slice, w->g->n_env + 1);
	struct sl_grant_net *net = SL_NEW_N(w->a, struct sl_grant_net, w->g->n_net + 1);

	if (fs == NULL || env == NULL || net == NULL)
		return nomem(err);
	memcpy(fs, w->fs, w->g->n_fs * sizeof(*fs));
	memcpy(env, w->env, w->g->n_env * sizeof(*env));
	memcpy(net, w->net, w->g->n_net * sizeof(*net));
	w->g->fs = fs;
	w->g->env = env;
	w->g->net = net;
	return 0;
}

static int
each(struct work *w, const struct sl_json *list, struct sl_err *err)
{
	size_t i = 0;
	int r;

	SL_JSON_EACH(v, list)
	{
		if ((r = begin(w, v, i, err)) < 0 || (r = build(w, err)) < 0 ||
		    (r = check(w, err)) < 0 || (r = keep(w, err)) < 0)
			return r;
		if (w->is_flow)
			w->ret->want = *w->g;
		w->ret->grant[i++] = w->g;
	}
	w->ret->n = i;
	return 0;
}

int
sl_sandboxes_make(const struct sl_sandboxes_in *in, struct sl_arena *a,
		  struct sl_sandboxes *ret, struct sl_err *err)
{
	const struct sl_json *list = sl_json_get(in->plan, "sandboxes");
	const struct sl_diag_list *p = in->problems;
	struct work w = { .in = in, .a = a, .ret = ret };
	int r;

	*ret = (struct sl_sandboxes){ .want = *in->given };
	if (list == NULL || list->n == 0)
		return 0;
	if (list->kind != SL_JSON_ARR || list->n > SL_FLOW_SANDBOXES_MAX)
		return distrust(err);
	w.max_beyond =
	    2 * SL_GRANT_FS_MAX + SL_GRANT_ENV_MAX + SL_GRANT_NET_MAX + SL_LIM_COUNT + 1;
	ret->grant = SL_NEW_N(a, const struct sl_grant *, list->n);
	ret->beyond = SL_NEW_N(a, struct sl_flow_want, w.max_beyond);
	ret->profile = w.profile =
	    SL_NEW_N(a, struct sl_named_profile, SL_FLOW_PROFILES_MAX + 1);
	w.at = SL_NEW(a, struct origin);
	w.fs = SL_NEW_N(a, struct sl_grant_fs, SL_GRANT_FS_MAX);
	w.env = SL_NEW_N(a, struct sl_slice, SL_GRANT_ENV_MAX);
	w.net = SL_NEW_N(a, struct sl_grant_net, SL_GRANT_NET_MAX);
	if (ret->grant == NULL || ret->beyond == NULL || w.profile == NULL ||
	    w.at == NULL || w.fs == NULL || w.env == NULL || w.net == NULL)
		return nomem(err);
	if ((r = each(&w, list, err)) < 0)
		return r;
	if (p->is_failed)
		return nomem(err);
	if (p->n_errors > 0)
		return SL_ERR(err, FORMAT, "the workflow is not valid");
	return p->n_refusals > 0 ? SL_ERR(err, UNSUPPORTED,
					  "the workflow asks for what is not supported")
				 : 0;
}

int
sl_sandboxes_of(const struct sl_sandboxes *s, const struct sl_json *action,
		const struct sl_grant **ret, struct sl_err *err)
{
	const struct sl_json *v = sl_json_get(action, "sandbox");

	if (v != NULL && (v->kind != SL_JSON_INT || v->i < 0 || (uint64_t)v->i >= s->n))
		return SL_ERR(err, BUG,
			      "an action names a sandbox that the plan has not");
	*ret = v != NULL ? s->grant[v->i] : &s->want;
	return 0;
}
