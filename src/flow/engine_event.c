/* engine_event.c -- see engine_int.h: what an event's payload says about the run, as
 * GitHub derives the github context from it (docs: "Events that trigger workflows"). */
#include "flow/engine_int.h"

/* GitHub's kinds of run, by where ref and sha come from; all others run on the default
 * branch. */
enum source {
	FROM_DEFAULT,
	FROM_PUSH,
	FROM_PULL,
	FROM_TARGET,
	FROM_CREATE,
	FROM_RELEASE,
	FROM_DISPATCH,
	FROM_GROUP
};

static const struct {
	const char *event;
	enum source source;
} sources[] = {
	{ "push", FROM_PUSH },
	{ "pull_request", FROM_PULL },
	{ "pull_request_review", FROM_PULL },
	{ "pull_request_review_comment", FROM_PULL },
	{ "pull_request_target", FROM_TARGET },
	{ "create", FROM_CREATE },
	{ "release", FROM_RELEASE },
	{ "workflow_dispatch", FROM_DISPATCH },
	{ "merge_group", FROM_GROUP },
};

struct work {
	struct sl_arena *a;
	struct sl_value *g; /* the github context */
	const struct sl_value *ev;
	bool is_failed; /* memory */
};

/* The scalar at "a.b.c" as text; empty when there is none. */
static struct sl_slice
text(struct work *w, const char *path)
{
	const struct sl_value *v = w->ev;
	struct sl_slice rest = sl_slice_str(path), s = { 0 };

	while (v != NULL && v->kind == SL_VAL_OBJ && rest.len > 0) {
		struct sl_slice key = sl_slice_upto(rest, '.');

		v = sl_val_get(v, key);
		rest = sl_slice_skip(rest, key.len + 1);
	}
	if (v == NULL || rest.len > 0 || (v->kind != SL_VAL_STR && v->kind != SL_VAL_NUM))
		return s;
	s = sl_val_string(w->a, v);
	w->is_failed |= s.p == NULL;
	return s;
}

static void
put(struct work *w, const char *key, struct sl_slice v)
{
	if (v.len > 0)
		w->is_failed |= !sl_eng_put(w->a, w->g, key, v);
}

static void
copy(struct work *w, const char *key, const char *path)
{
	put(w, key, text(w, path));
}

static struct sl_slice
join(struct work *w, const char *before, struct sl_slice s, const char *after)
{
	char *p = s.len == 0
		      ? NULL
		      : sl_arena_printf(w->a, "%s%.*s%s", before, SL_ARG(s), after);

	w->is_failed |= s.len > 0 && p == NULL;
	if (p == NULL)
		return (struct sl_slice){ 0 };
	return sl_slice_str(p);
}

static void
put_who(struct work *w)
{
	struct sl_slice name = text(w, "repository.full_name"),
			owner = text(w, "repository.owner.login");

	copy(w, "actor", "sender.login");
	copy(w, "triggering_actor", "sender.login");
	copy(w, "actor_id", "sender.id");
	put(w, "repository", name);
	if (owner.len == 0 && name.len > 0 && memchr(name.p, '/', name.len) != NULL)
		owner = sl_slice_upto(name, '/');
	put(w, "repository_owner", owner);
	copy(w, "repository_id", "repository.id");
	copy(w, "repository_owner_id", "repository.owner.id");
	copy(w, "repositoryUrl", "repository.git_url");
}

static void
put_pull(struct work *w)
{
	copy(w, "sha", "pull_request.head.sha");
	copy(w, "sha",
	     "pull_request.merge_commit_sha"); /* the merge, once there is one */
	copy(w, "head_ref", "pull_request.head.ref");
	copy(w, "base_ref", "pull_request.base.ref");
}

/* ref; ref_name and ref_type follow from it. */
static void
put_ref(struct work *w, struct sl_slice ref)
{
	struct sl_slice name = ref;

	if (ref.len == 0)
		return;
	if (sl_slice_starts(ref, SL_LIT("refs/heads/")))
		name = sl_slice_skip(ref, 11);
	else if (sl_slice_starts(ref, SL_LIT("refs/tags/")) ||
		 sl_slice_starts(ref, SL_LIT("refs/pull/")))
		name = sl_slice_skip(ref, 10);
	put(w, "ref", ref);
	put(w, "ref_name", name);
	put(w, "ref_type",
	    sl_slice_starts(ref, SL_LIT("refs/tags/")) ? SL_LIT("tag")
						       : SL_LIT("branch"));
}

static enum source
source_of(struct sl_slice event)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (sl_slice_eq(event, sl_slice_str(sources[i].event)))
			return sources[i].source;
	return FROM_DEFAULT;
}

static void
put_place(struct work *w, enum source from)
{
	struct sl_slice branch = text(w, "repository.default_branch");

	put_ref(w, join(w, "refs/heads/", branch, ""));
	switch (from) {
	case FROM_PUSH:
		copy(w, "sha", "after");
		put_ref(w, text(w, "ref"));
		break;
	case FROM_PULL:
		put_pull(w);
		put_ref(w,
			join(w, "refs/pull/", text(w, "pull_request.number"), "/merge"));
		put_ref(w, join(w, "refs/pull/", text(w, "number"), "/merge"));
		break;
	case FROM_TARGET: /* runs what the base holds */
		put_pull(w);
		copy(w, "sha", "pull_request.base.sha");
		put_ref(w, join(w, "refs/heads/", text(w, "pull_request.base.ref"), ""));
		break;
	case FROM_CREATE:
		put_ref(w, join(w,
				sl_slice_eq(text(w, "ref_type"), SL_LIT("tag"))
				    ? "refs/tags/"
				    : "refs/heads/",
				text(w, "ref"), ""));
		break;
	case FROM_RELEASE:
		put_ref(w, join(w, "refs/tags/", text(w, "release.tag_name"), ""));
		break;
	case FROM_DISPATCH:
		put_ref(w, text(w, "ref"));
		break;
	case FROM_GROUP:
		put_ref(w, text(w, "merge_group.head_ref"));
		copy(w, "sha", "merge_group.head_sha");
		break;
	case FROM_DEFAULT:
	default:
		break;
	}
}

int
sl_eng_from_event(struct sl_slice name, const struct sl_value *ev, struct sl_arena *a,
		  struct sl_value *g, struct sl_err *err)
{
	struct work w = { a, g, ev, false };

	put_who(&w);
	put_place(&w, source_of(name));
	return w.is_failed ? sl_eng_nomem(err) : 0;
}

/* ---- which event ---- */

static bool
is_asked_for(const struct sl_tok *on, struct sl_slice name)
{
	if (on == NULL || on->kind == SL_TOK_STR)
		return sl_slice_eq(sl_tok_str(on), name);
	SL_TOK_EACH(m, on)
	if (sl_slice_eq(on->kind == SL_TOK_MAP ? m->key : sl_tok_str(m), name))
		return true;
	return false;
}

/* Inputs given by hand are a dispatch; else a push where `on` has it, a dispatch, or
 * what `on` names first. */
static struct sl_slice
default_event(const struct sl_engine *e)
{
	const struct sl_json *in = sl_json_get(e->params, "inputs");
	const struct sl_tok *on = e->w->on;

	if (in != NULL && in->n > 0)
		return SL_LIT("workflow_dispatch");
	if (is_asked_for(on, SL_LIT("push")))
		return SL_LIT("push");
	if (is_asked_for(on, SL_LIT("workflow_dispatch")))
		return SL_LIT("workflow_dispatch");
	if (on == NULL || on->kind == SL_TOK_STR)
		return sl_tok_str(on);
	return on->kind == SL_TOK_MAP ? on->child->key : sl_tok_str(on->child);
}

struct sl_slice
sl_eng_event_name(const struct sl_engine *e)
{
	struct sl_slice name = sl_json_get_str(e->params, "event_name");

	return name.len > 0 ? name : default_event(e);
}

void
sl_eng_check_event(struct sl_engine *e)
{
	struct sl_slice name = sl_json_get_str(e->params, "event_name");

	if (name.len > 0 && e->w->on != NULL && !is_asked_for(e->w->on, name))
		sl_parse_notice(&e->parser, e->w->on->at,
				"`on` does not ask for the event '%.*s'", SL_ARG(name));
}
