/* engine.c -- see engine.h: making, planning, stepping. */
#include "flow/engine_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int
sl_eng_nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

void
sl_eng_note(struct sl_engine *e, const char *level, const char *fmt, ...)
{
	char msg[600];
	va_list ap;
	struct sl_slice s;
	int n;

	if (e->n_notes == SL_NOTES_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	s = sl_arena_dup(
	    &e->note_a,
	    (struct sl_slice){ (const uint8_t *)msg,
			       (size_t)n < sizeof(msg) ? (size_t)n : sizeof(msg) - 1 });
	if (s.p != NULL) /* a note that finds no room is not worth the run */
		e->note[e->n_notes++] =
		    (struct note){ level, s, e->at_leg, e->cur.index,
				   e->phase == PH_STEP && e->cur.s != NULL };
}

void
sl_eng_note_at(struct sl_engine *e, struct sl_yaml_at at, const struct sl_err *err)
{
	const struct scope *sc = &e->leg.scope[e->leg.depth];
	struct sl_slice file =
	    e->phase == PH_STEP && sc->action != NULL ? sc->action->file : e->path;

	sl_eng_note(e, "error", "%.*s:%zu:%zu: %.*s", SL_ARG(file), at.line, at.col,
		    (int)err->len, err->msg);
}

/* The value, and each of its lines, for output is seen line by line. */
void
sl_eng_mask(struct sl_engine *e, struct sl_slice v)
{
	while (v.len > 0) {
		struct sl_slice line = sl_slice_upto(v, '\n'), m;
		bool is_known = false;

		v = sl_slice_skip(v, line.len + 1);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		for (size_t i = 0; i < e->n_masks; i++)
			is_known = is_known || sl_slice_eq(e->mask[i], line);
		if (line.len == 0 || is_known ||
		    e->n_masks == sizeof(e->mask) / sizeof(*e->mask))
			continue;
		m = sl_arena_dup(&e->run_a, line);
		if (m.p != NULL)
			e->mask[e->n_masks++] = m;
	}
}

void
sl_eng_expr_env(struct sl_engine *e, const struct sl_value *contexts,
		const struct sl_expr_status *st, struct sl_expr_env *ret)
{
	size_t max = e->step_a.cap / 4 * 3; /* an expression alone does not end the run */

	*ret = (struct sl_expr_env){ .contexts = contexts,
				     .status = st,
				     .host_arg = e->host.arg,
				     .hash_files = e->host.hash_files,
				     .max_memory = max < SL_EXPR_MEMORY_MAX
						       ? max
						       : SL_EXPR_MEMORY_MAX };
}

struct sl_json *
sl_eng_head(struct sl_engine *e, struct sl_jb *b, const char *what)
{
	struct sl_json *o = sl_json_obj(b);

	(void)sl_json_set(b, o, "do", sl_json_cstr(b, what));
	(void)sl_json_set(b, o, "job", sl_json_str(b, e->w->job[e->at_job].id));
	(void)sl_json_set(b, o, "leg", sl_json_int(b, (int64_t)e->at_leg));
	return o;
}

/* ---- new ---- */

static int
copy_params(struct sl_engine *e, const struct sl_engine_opts *o, struct sl_err *err)
{
	struct sl_jb b = { .a = &e->run_a };

	e->params = o->params != NULL ? sl_json_copy(&b, o->params) : sl_json_obj(&b);
	e->path = sl_arena_dup(&e->run_a, o->path);
	if (b.is_failed || e->params == NULL || e->path.p == NULL)
		return sl_eng_nomem(err);
	SL_JSON_EACH(m, sl_json_get(e->params, "shells"))
	if (m->kind == SL_JSON_STR &&
	    e->n_shells < sizeof(e->shells) / sizeof(*e->shells))
		e->shells[e->n_shells++] = m->s;
	return 0;
}

static int
run_name(struct sl_engine *e, struct sl_err *err)
{
	struct sl_value *c = sl_val_obj(&e->run_a, false);
	const struct sl_value *v = NULL;
	struct sl_expr_env x;
	struct sl_yaml_at at;
	int r;

	e->run_name = e->w->name.len > 0 ? e->w->name : e->path;
	if (e->w->run_name == NULL)
		return 0;
	if (sl_val_set(&e->run_a, c, SL_LIT("github"), e->github) == NULL ||
	    sl_val_set(&e->run_a, c, SL_LIT("inputs"), e->inputs) == NULL ||
	    sl_val_set(&e->run_a, c, SL_LIT("vars"), e->vars) == NULL)
		return sl_eng_nomem(err);
	sl_eng_expr_env(e, c, NULL, &x);
	if ((r = sl_tok_eval(e->w->run_name, &x, &e->run_a, &v, &at, err)) == SL_E(NOMEM))
		return r;
	if (r < 0) {
		sl_diag_err(&e->diags, at, err);
		*err = (struct sl_err){ 0 };
		return 0;
	}
	e->run_name = sl_val_string(&e->run_a, v);
	return e->run_name.p == NULL ? sl_eng_nomem(err) : 0;
}

static int
prepare(struct sl_engine *e, const struct sl_engine_opts *o, struct sl_err *err)
{
	int r;

	if ((r = copy_params(e, o, err)) < 0)
		return r;
	e->diags.a = &e->run_a;
	e->parser = (struct sl_flow_parser){ .a = &e->run_a,
					     .l = &e->diags,
					     .shells = e->shells,
					     .n_shells = e->n_shells };
	if ((r = sl_flow_parse(&e->parser, o->src, &e->w, err)) < 0)
		return r;
	e->state = SL_NEW_N(&e->run_a, struct job_state, e->w->n_jobs);
	if (e->state == NULL)
		return sl_eng_nomem(err);
	if ((r = sl_eng_contexts(e, &e->diags, err)) < 0 || (r = run_name(e, err)) < 0 ||
	    (r = sl_eng_actions(e, err)) < 0 || (r = sl_eng_runners(e, err)) < 0)
		return r;
	if (e->diags.n_errors > 0)
		return SL_ERR(err, FORMAT, "the workflow is not valid");
	if (e->diags.n_refusals > 0)
		return SL_ERR(err, UNSUPPORTED,
			      "the workflow asks for what is not supported");
	return 0;
}

int
sl_engine_new(const struct sl_engine_opts *o, struct sl_arena *a, struct sl_engine **ret,
	      struct sl_diags *ret_diags, struct sl_err *err)
{
	struct sl_engine *e = calloc(1, sizeof(*e));
	int r, q;

	*ret_diags = (struct sl_diags){ 0 };
	if (e == NULL)
		return sl_eng_nomem(err);
	e->max_memory = o->max_memory;
	sl_arena_init(&e->run_a, o->max_memory / 16 * 6);
	sl_arena_init(&e->job_a, o->max_memory / 16 * 2);
	sl_arena_init(&e->leg_a, o->max_memory / 16 * 3);
	sl_arena_init(&e->step_a, o->max_memory / 16 * 4);
	sl_arena_init(&e->note_a, o->max_memory / 16);
	if (o->host != NULL)
		e->host = *o->host;
	if ((r = prepare(e, o, err)) == 0) {
		*ret = e;
		return 0;
	}
	/* the cap is ours and the size is the author's, unless the machine is out */
	if (r == SL_E(NOMEM) && e->run_a.used > e->run_a.cap / 2) {
		*err = (struct sl_err){ 0 };
		r = SL_ERR(err, LIMIT, "the workflow takes more than %zu KiB of memory",
			   e->run_a.cap / 1024);
	}
	if (r == SL_E(FORMAT) || r == SL_E(UNSUPPORTED)) {
		struct sl_err lost = { 0 };

		if ((q = sl_diag_close(&e->diags, a, ret_diags, &lost)) < 0) {
			*err = lost;
			r = q;
		}
	}
	sl_engine_free(e);
	return r;
}

void
sl_engine_free(struct sl_engine *e)
{
	if (e == NULL)
		return;
	sl_arena_free(&e->note_a);
	sl_arena_free(&e->step_a);
	sl_arena_free(&e->leg_a);
	sl_arena_free(&e->job_a);
	sl_arena_free(&e->run_a);
	free(e);
}

void
sl_engine_cancel(struct sl_engine *e)
{
	e->is_cancelled = true;
	if (e->phase != PH_STEP && e->phase != PH_WAIT && e->phase != PH_LEG_END)
		return;
	e->leg.is_cancelled = true;
	/* the job context is read by later conditions; without memory they see the old
	 * one */
	(void)sl_eng_puts(&e->leg_a, e->leg.job, "status", "cancelled");
}

/* ---- next ---- */

static int
advance(struct sl_engine *e, struct sl_jb *b, struct sl_json **ret, struct sl_err *err)
{
	int r = 0;

	while (r == 0 && *ret == NULL) {
		switch (e->phase) {
		case PH_JOB:
			r = sl_eng_job(e, b, ret, err);
			break;
		case PH_LEG:
			r = sl_eng_leg(e, b, ret, err);
			break;
		case PH_STEP:
			r = sl_eng_step(e, b, ret, err);
			break;
		case PH_LEG_END:
			r = sl_eng_leg_end(e, b, ret, err);
			break;
		case PH_WAIT:
			return SL_ERR(err, BUG, "next() while a step runs");
		case PH_END:
		default:
			*ret = sl_json_obj(b);
			(void)sl_json_set(b, *ret, "do", sl_json_cstr(b, "run.done"));
			(void)sl_json_set(
			    b, *ret, "conclusion",
			    sl_json_cstr(b, sl_eng_result(sl_eng_conclusion(e))));
			return b->is_failed ? sl_eng_nomem(err) : 0;
		}
		if (r == 0 && b->is_failed)
			r = sl_eng_nomem(err);
	}
	return r;
}

static struct sl_json *
next_note(struct sl_engine *e, struct sl_jb *b)
{
	const struct note *n = &e->note[e->at_note++];
	struct sl_json *o = sl_eng_head(e, b, "note");

	(void)sl_json_set(b, o, "leg", sl_json_int(b, (int64_t)n->leg));
	if (n->has_index)
		(void)sl_json_set(b, o, "index", sl_json_int(b, (int64_t)n->index));
	(void)sl_json_set(b, o, "level", sl_json_cstr(b, n->level));
	(void)sl_json_set(b, o, "msg", sl_json_str(b, n->msg));
	return o;
}

int
sl_engine_next(struct sl_engine *e, struct sl_arena *a, const struct sl_json **ret,
	       struct sl_err *err)
{
	struct sl_jb b = { .a = a }, kept = { .a = &e->note_a };
	struct sl_json *o = NULL;
	int r;

	if (e->deferred == NULL) {
		if ((r = advance(e, &b, &o, err)) < 0)
			return r;
		if (e->n_notes > 0) { /* the notes come first */
			if ((e->deferred = sl_json_copy(&kept, o)) == NULL ||
			    kept.is_failed)
				return sl_eng_nomem(err);
			o = next_note(e, &b);
		}
	} else if (e->at_note < e->n_notes) {
		o = next_note(e, &b);
	} else {
		o = sl_json_copy(&b, e->deferred);
		e->deferred = NULL;
		e->n_notes = e->at_note = 0;
		sl_arena_free(&e->note_a);
	}
	if (b.is_failed)
		return sl_eng_nomem(err);
	*ret = o;
	return 0;
}
