/* engine_plan.c -- see engine.h: what is known before anything runs. */
#include "flow/engine_int.h"

struct secrets {
	struct sl_jb *b;
	struct sl_json *names;
	bool is_all;
};

static int
note_secrets(void *arg, const struct sl_expr *ex, const struct sl_tok *t,
	     struct sl_err *err)
{
	struct secrets *x = arg;
	const struct sl_expr_ref *ref = NULL;
	size_t n = 0;
	bool is_known;
	int r;

	(void)t;
	if ((r = sl_expr_refs(ex, x->b->a, &ref, &n, err)) < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (!sl_val_caseeq(ref[i].context, SL_LIT("secrets")))
			continue;
		if (ref[i].n_path == 0) {
			x->is_all = true;
			continue;
		}
		is_known = false;
		SL_JSON_EACH(m, x->names)
		is_known = is_known || sl_val_caseeq(m->s, ref[i].path[0]);
		if (!is_known)
			(void)sl_json_add(x->b, x->names,
					  sl_json_str(x->b, ref[i].path[0]));
	}
	return 0;
}

static struct sl_json *
jobs_json(const struct sl_engine *e, struct sl_jb *b, int64_t *n_steps)
{
	struct sl_json *jobs = sl_json_arr(b), *o, *needs;

	for (size_t i = 0; i < e->w->n_jobs; i++) {
		const struct sl_job *j = &e->w->job[e->w->order[i]];

		o = sl_json_obj(b);
		needs = sl_json_arr(b);
		(void)sl_json_set(b, o, "id", sl_json_str(b, j->id));
		(void)sl_json_set(b, o, "name",
				  sl_json_str(b, j->name != NULL && j->name->text.len > 0
						     ? j->name->text
						     : j->id));
		for (size_t k = 0; k < j->n_needs; k++)
			(void)sl_json_add(b, needs,
					  sl_json_str(b, e->w->job[j->needs[k]].id));
		(void)sl_json_set(b, o, "needs", needs);
		(void)sl_json_set(b, o, "steps", sl_json_int(b, (int64_t)j->steps.n));
		(void)sl_json_set(
		    b, o, "has_matrix",
		    sl_json_bool(b, sl_tok_get(j->strategy, "matrix") != NULL));
		(void)sl_json_add(b, jobs, o);
		*n_steps += (int64_t)j->steps.n;
	}
	return jobs;
}

static struct sl_json *
files_json(const struct sl_engine *e, struct sl_jb *b)
{
	struct sl_json *files = sl_json_arr(b), *o;

	for (const struct local_action *x = e->actions; x != NULL; x = x->next) {
		o = sl_json_obj(b);
		(void)sl_json_set(b, o, "path", sl_json_str(b, x->action->file));
		(void)sl_json_set(b, o, "sha256", sl_json_cstr(b, x->sha256));
		(void)sl_json_add(b, files, o);
	}
	return files;
}

static struct sl_json *
notices_json(const struct sl_engine *e, struct sl_jb *b)
{
	struct sl_json *all = sl_json_arr(b), *o;

	for (size_t i = 0; i < e->parser.n_notices; i++) {
		const struct sl_notice *n = &e->parser.notice[i];

		o = sl_json_obj(b);
		(void)sl_json_set(b, o, "line", sl_json_int(b, (int64_t)n->at.line));
		(void)sl_json_set(b, o, "col", sl_json_int(b, (int64_t)n->at.col));
		(void)sl_json_set(b, o, "msg", sl_json_str(b, n->msg));
		(void)sl_json_add(b, all, o);
	}
	return all;
}

static struct sl_json *
sandboxes_json(const struct sl_engine *e, struct sl_jb *b)
{
	struct sl_json *all = sl_json_arr(b);

	for (const struct sl_sandbox *s = e->parser.sandboxes; s != NULL; s = s->next)
		(void)sl_json_add(b, all, sl_json_copy(b, s->json));
	return all;
}

int
sl_engine_plan(struct sl_engine *e, struct sl_arena *a, const struct sl_json **ret,
	       struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *o = sl_json_obj(&b), *masks = sl_json_arr(&b),
		       *ev = sl_json_obj(&b);
	struct secrets x = { &b, sl_json_arr(&b), false };
	int64_t n_steps = 0;
	int r;

	if ((r = sl_tok_exprs(e->w->root, note_secrets, &x, err)) < 0)
		return r;
	(void)sl_json_set(&b, o, "name",
			  sl_json_str(&b, e->w->name.len > 0 ? e->w->name : e->path));
	(void)sl_json_set(&b, o, "run_name", sl_json_str(&b, e->run_name));
	(void)sl_json_set(
	    &b, o, "event_name",
	    sl_json_str(&b, sl_val_string(a, sl_val_gets(e->github, "event_name"))));
	(void)sl_json_set(&b, o, "jobs", jobs_json(e, &b, &n_steps));
	(void)sl_json_set(&b, o, "n_steps", sl_json_int(&b, n_steps));
	(void)sl_json_set(&b, o, "secrets", x.names);
	(void)sl_json_set(&b, o, "secrets_all", sl_json_bool(&b, x.is_all));
	for (size_t i = 0; i < e->n_masks; i++)
		(void)sl_json_add(&b, masks, sl_json_str(&b, e->mask[i]));
	(void)sl_json_set(&b, o, "mask", masks);
	(void)sl_json_set(&b, o, "files", files_json(e, &b));
	(void)sl_json_set(&b, o, "notices", notices_json(e, &b));
	(void)sl_json_set(&b, o, "sandboxes", sandboxes_json(e, &b));
	(void)sl_json_set(&b, ev, "path", sl_json_cstr(&b, SL_BOX_EVENT));
	(void)sl_json_set(&b, ev, "json", sl_json_str(&b, e->event_json));
	(void)sl_json_set(&b, o, "event", ev);
	if (b.is_failed)
		return sl_eng_nomem(err);
	*ret = o;
	return 0;
}
