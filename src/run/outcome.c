/* outcome.c -- see outcome.h. */
#include "run/outcome.h"

#include "base/hex.h"

#include <errno.h>
#include <string.h>

static void
put_time(struct sl_jb *b, struct sl_json *o, const char *key, int64_t ms)
{
	char when[32];

	sl_time_text(ms, when);
	(void)sl_json_set(b, o, key, sl_json_cstr(b, when));
}

struct sl_json *
sl_vector_json(struct sl_jb *b, const struct sl_box_vector *v)
{
	struct sl_json *o = sl_json_obj(b), *e;

	(void)sl_json_set(b, o, "tier", sl_json_str(b, v->tier));
	e = sl_json_set(b, o, "layers", sl_json_arr(b));
	for (size_t i = 0; i < v->n_layers; i++)
		(void)sl_json_add(b, e, sl_json_str(b, v->layers[i]));
	e = sl_json_set(b, o, "limits", sl_json_obj(b));
	for (int i = 0; i < SL_LIM_COUNT; i++)
		(void)sl_json_set(b, e, sl_limit_name((enum sl_limit)i),
				  sl_json_cstr(b, sl_limit_class_name(v->limit[i])));
	(void)sl_json_set(b, o, "workspace",
			  sl_json_cstr(b, sl_ws_mode_name(v->ws_mode)));
	if (v->ws_why.len > 0)
		(void)sl_json_set(b, o, "workspace_why", sl_json_str(b, v->ws_why));
	if (v->etc_digest.len > 0)
		(void)sl_json_set(b, o, "etc", sl_json_str(b, v->etc_digest));
	if (v->n_open == 0)
		return o;
	e = sl_json_set(b, o, "open", sl_json_arr(b));
	for (size_t i = 0; i < v->n_open; i++)
		(void)sl_json_add(b, e, sl_json_str(b, v->open[i]));
	return o;
}

static void
put_end(struct sl_jb *b, struct sl_json *o, const struct sl_proc_end *e)
{
	if (e->signal != 0)
		(void)sl_json_set(b, o, "signal", sl_json_int(b, e->signal));
	else
		(void)sl_json_set(b, o, "exit", sl_json_int(b, e->status));
	if (e->limit != SL_LIM_COUNT)
		(void)sl_json_set(b, o, "limit",
				  sl_json_cstr(b, sl_limit_name(e->limit)));
	(void)sl_json_set(b, o, "wall_ms", sl_json_int(b, e->wall_ms));
	(void)sl_json_set(b, o, "cpu_ms", sl_json_int(b, e->cpu_ms));
	(void)sl_json_set(b, o, "max_rss", sl_json_int(b, (int64_t)e->max_rss));
	(void)sl_json_set(b, o, "left_behind", sl_json_int(b, (int64_t)e->n_left));
}

static void
put_definition(struct sl_jb *b, struct sl_json *o, const struct sl_decision_view *d)
{
	struct sl_json *def = sl_json_set(b, o, "buildDefinition", sl_json_obj(b)), *e;

	(void)sl_json_set(b, def, "buildType", sl_json_cstr(b, "urn:sluice:run:v1"));
	e = sl_json_set(b, def, "externalParameters", sl_json_obj(b));
	(void)sl_json_set(b, e, "kind", sl_json_cstr(b, d->kind));
	(void)sl_json_set(b, e, "context", sl_json_hex(b, d->context, 32));
	e = sl_json_set(b, def, "internalParameters", sl_json_obj(b));
	(void)sl_json_set(b, e, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, e, "decision", sl_json_hex(b, d->entry.id, 32));
	(void)sl_json_set(b, def, "resolvedDependencies", sl_json_arr(b));
}

static void
put_details(struct sl_jb *b, struct sl_json *root, const struct sl_decision_view *d,
	    const char *did, const struct sl_outcome *o)
{
	struct sl_json *run = sl_json_set(b, root, "runDetails", sl_json_obj(b)), *e, *f;

	e = sl_json_set(b, run, "builder", sl_json_obj(b));
	(void)sl_json_set(b, e, "id", sl_json_cstr(b, did));
	e = sl_json_set(b, run, "metadata", sl_json_obj(b));
	(void)sl_json_set(b, e, "invocationId", sl_json_hex(b, d->id, 32));
	put_time(b, e, "startedOn", o->started_ms);
	/* The wall clock can be set back while something runs. */
	put_time(b, e, "finishedOn",
		 o->finished_ms > o->started_ms ? o->finished_ms : o->started_ms);
	if (o->output == NULL)
		return;
	e = sl_json_set(b, run, "byproducts", sl_json_arr(b));
	e = sl_json_add(b, e, sl_json_obj(b));
	(void)sl_json_set(b, e, "name", sl_json_cstr(b, "output"));
	f = sl_json_set(b, e, "digest", sl_json_obj(b));
	(void)sl_json_set(b, f, "sha256", sl_json_hex(b, o->output, 32));
	f = sl_json_set(b, e, "annotations", sl_json_obj(b));
	(void)sl_json_set(b, f, "bytes", sl_json_int(b, (int64_t)o->len_output));
}

struct sl_json *
sl_outcome_json(struct sl_jb *b, const struct sl_decision_view *d, const char *did,
		const struct sl_outcome *o)
{
	struct sl_json *root = sl_json_obj(b), *e;

	put_definition(b, root, d);
	put_details(b, root, d, did, o);
	e = sl_json_set(b, root, "sluice", sl_json_obj(b));
	(void)sl_json_set(b, e, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, e, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, e, "id", sl_json_hex(b, d->id, 32));
	(void)sl_json_set(b, e, "conclusion", sl_json_cstr(b, o->conclusion));
	if (o->why != NULL)
		(void)sl_json_set(b, e, "why", sl_json_cstr(b, o->why));
	if (o->end != NULL)
		put_end(b, sl_json_set(b, e, "end", sl_json_obj(b)), o->end);
	if (o->vector != NULL)
		(void)sl_json_set(b, e, "box", sl_vector_json(b, o->vector));
	SL_JSON_EACH(m, o->more)
	(void)sl_json_sets(b, e, m->key, sl_json_copy(b, m));
	return root;
}

static void
put_act(struct sl_jb *b, struct sl_json *o, const struct sl_obs *x,
	const struct sl_obs_lost *lost)
{
	const struct sl_obs_class *c = sl_obs_class(x->class);
	struct sl_json *e;

	(void)sl_json_set(b, o, "class", sl_json_cstr(b, x->class));
	(void)sl_json_set(b, o, "act", sl_json_str(b, x->act));
	(void)sl_json_set(b, o, "object", sl_json_str(b, x->object));
	(void)sl_json_set(b, o, "verdict",
			  sl_json_cstr(b, x->is_denied ? "denied" : "allowed"));
	if (x->err != 0) {
		const char *name = strerrorname_np(x->err);

		(void)sl_json_set(b, o, "errno",
				  sl_json_cstr(b, name != NULL ? name : "?"));
	}
	(void)sl_json_set(b, o, "count", sl_json_int(b, (int64_t)x->count));
	put_time(b, o, "first", x->first_ms);
	put_time(b, o, "last", x->last_ms);
	(void)sl_json_set(b, o, "enforced_by",
			  sl_json_cstr(b, c != NULL ? c->enforced_by : "?"));
	(void)sl_json_set(b, o, "observed_by",
			  sl_json_cstr(b, c != NULL ? sl_obs_observer(c, lost) : "?"));
	(void)sl_json_set(b, o, "complete",
			  sl_json_bool(b, c != NULL && sl_obs_is_complete(c, lost)));
	if (x->image != NULL) {
		e = sl_json_set(b, o, "image", sl_json_obj(b));
		(void)sl_json_set(b, e, "path", sl_json_str(b, x->image->path));
		(void)sl_json_set(b, e, "sha256", sl_json_hex(b, x->image->sha256, 32));
	}
	if (x->rule != NULL) {
		(void)sl_json_set(b, o, "rule", sl_json_cstr(b, x->rule));
		(void)sl_json_set(b, o, "sent", sl_json_int(b, (int64_t)x->sent));
		(void)sl_json_set(b, o, "received", sl_json_int(b, (int64_t)x->received));
	}
	if (x->is_rest)
		(void)sl_json_set(b, o, "rest", sl_json_bool(b, true));
}

/* Which classes were watched, and whether what is listed is all of them. */
static void
put_classes(struct sl_jb *b, struct sl_json *o, const struct sl_obs_lost *lost)
{
	struct sl_json *list = sl_json_set(b, o, "classes", sl_json_arr(b)), *e;
	size_t n = 0;
	const struct sl_obs_class *c = sl_obs_classes(&n);

	for (size_t i = 0; i < n; i++) {
		e = sl_json_add(b, list, sl_json_obj(b));
		(void)sl_json_set(b, e, "class", sl_json_cstr(b, c[i].name));
		(void)sl_json_set(b, e, "enforced_by", sl_json_cstr(b, c[i].enforced_by));
		(void)sl_json_set(b, e, "observed_by",
				  sl_json_cstr(b, sl_obs_observer(&c[i], lost)));
		(void)sl_json_set(b, e, "complete",
				  sl_json_bool(b, sl_obs_is_complete(&c[i], lost)));
	}
}

struct sl_json *
sl_observation_json(struct sl_jb *b, const struct sl_decision_view *d, const char *did,
		    const struct sl_obs *obs, size_t n, const struct sl_obs_lost *lost,
		    uint64_t n_left)
{
	struct sl_json *root = sl_json_obj(b), *e, *acts;

	e = sl_json_set(b, root, "monitor", sl_json_obj(b));
	(void)sl_json_set(b, e, "type", sl_json_cstr(b, "urn:sluice:box:v1"));
	e = sl_json_set(b, root, "monitoredProcess", sl_json_obj(b));
	(void)sl_json_set(b, e, "hostID", sl_json_cstr(b, did));
	(void)sl_json_set(b, e, "type", sl_json_cstr(b, "urn:sluice:run:v1"));
	(void)sl_json_set(b, e, "event", sl_json_hex(b, d->id, 32));
	e = sl_json_set(b, root, "monitorLog", sl_json_obj(b));
	acts = sl_json_set(b, e, "acts", sl_json_arr(b));
	for (size_t i = 0; i < n; i++)
		put_act(b, sl_json_add(b, acts, sl_json_obj(b)), &obs[i], lost);
	e = sl_json_set(b, root, "sluice", sl_json_obj(b));
	(void)sl_json_set(b, e, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, e, "run", sl_json_hex(b, d->run, 32));
	(void)sl_json_set(b, e, "id", sl_json_hex(b, d->id, 32));
	(void)sl_json_set(b, e, "decision", sl_json_hex(b, d->entry.id, 32));
	(void)sl_json_set(b, e, "lost",
			  sl_json_int(b, lost != NULL ? (int64_t)lost->total : 0));
	if (lost != NULL && lost->is_traced)
		(void)sl_json_set(b, e, "images_lost",
				  sl_json_int(b, (int64_t)lost->images));
	(void)sl_json_set(b, e, "left_behind", sl_json_int(b, (int64_t)n_left));
	put_classes(b, e, lost);
	return root;
}
