/* engine_done.c -- see engine.h: what a running step says, and how it ended. */
#include "flow/engine_int.h"

static bool
set_copy(struct sl_arena *a, struct sl_value *obj, struct sl_slice k, struct sl_slice v)
{
	k = sl_arena_dup(a, k);
	v = sl_arena_dup(a, v);
	return k.p != NULL && v.p != NULL &&
	       sl_val_set(a, obj, k, sl_val_str(a, v)) != NULL;
}

/* To the front of PATH; an equal entry further back goes away. */
static int
add_path(struct sl_engine *e, struct sl_slice dir, struct sl_err *err)
{
	struct leg *l = &e->leg;
	size_t i = 0, max = sizeof(l->path) / sizeof(*l->path);

	if (dir.len == 0 || memchr(dir.p, 0, dir.len) != NULL)
		return SL_ERR(err, FAILED, "the directory for PATH is not a path");
	while (i < l->n_path && !sl_slice_eq(l->path[i], dir))
		i++;
	if (i == l->n_path && l->n_path == max)
		return SL_ERR(err, FAILED, "more than %zu directories were added to PATH",
			      max);
	if (i == l->n_path) {
		if ((dir = sl_arena_dup(&e->leg_a, dir)).p == NULL)
			return sl_eng_nomem(err);
		l->n_path++;
	} else {
		dir = l->path[i];
	}
	memmove(l->path + 1, l->path, i * sizeof(*l->path));
	l->path[0] = dir;
	return 0;
}

static void
add_mask(struct sl_engine *e, struct sl_slice value, struct sl_jb *b,
	 struct sl_json **arr, struct sl_json *o)
{
	if (value.len == 0)
		return;
	if (*arr == NULL)
		*arr = sl_json_set(b, o, "mask", sl_json_arr(b));
	(void)sl_json_add(b, *arr, sl_json_str(b, value));
	sl_eng_mask(e, value);
}

static void
annotate(struct sl_engine *e, const struct sl_command *c, struct sl_jb *b,
	 struct sl_json *o)
{
	static const char *const level[] = { "notice", "warning", "error" };
	size_t k = (size_t)c->kind - SL_CMD_NOTICE;

	if (e->n_annotations[k]++ >= SL_ANNOTATIONS_MAX)
		return;
	(void)sl_json_set(b, o, "level", sl_json_cstr(b, level[k]));
	(void)sl_json_set(b, o, "msg", sl_json_str(b, c->data));
	if (c->title.len > 0)
		(void)sl_json_set(b, o, "title", sl_json_str(b, c->title));
	if (c->file.len > 0)
		(void)sl_json_set(b, o, "file", sl_json_str(b, c->file));
	if (c->line > 0)
		(void)sl_json_set(b, o, "line", sl_json_int(b, c->line));
	if (c->end_line > 0)
		(void)sl_json_set(b, o, "end_line", sl_json_int(b, c->end_line));
	if (c->col > 0)
		(void)sl_json_set(b, o, "col", sl_json_int(b, c->col));
	if (c->end_col > 0)
		(void)sl_json_set(b, o, "end_col", sl_json_int(b, c->end_col));
}

/* What a command changes in the engine. */
static int
take(struct sl_engine *e, const struct sl_command *c, struct sl_err *err)
{
	bool is_ok = true;

	switch (c->kind) {
	case SL_CMD_OUTPUT:
		is_ok = set_copy(&e->leg_a, e->cur.outputs, c->name, c->data);
		break;
	case SL_CMD_ENV:
		if (sl_filecmd_env_refused(c->name) != NULL)
			return SL_ERR(err, FAILED, "'%.*s' may not be set",
				      SL_ARG(c->name));
		is_ok = set_copy(&e->leg_a, e->leg.env, c->name, c->data);
		break;
	case SL_CMD_PATH:
		return add_path(e, c->data, err);
	case SL_CMD_NONE:
	case SL_CMD_DEBUG:
	case SL_CMD_NOTICE:
	case SL_CMD_WARNING:
	case SL_CMD_ERROR:
	case SL_CMD_GROUP:
	case SL_CMD_ENDGROUP:
	case SL_CMD_MASK:
	case SL_CMD_STOP:
	case SL_CMD_RESUME:
	case SL_CMD_ECHO:
	case SL_CMD_STATE:
	case SL_CMD_MATCHER_ADD:
	case SL_CMD_MATCHER_REMOVE:
	default:
		break;
	}
	return is_ok ? 0 : sl_eng_nomem(err);
}

static int
command_failed(struct sl_engine *e, int r, struct sl_jb *b, struct sl_json *o,
	       struct sl_err *err)
{
	struct sl_slice msg = { (const uint8_t *)err->msg, err->len };

	if (r == SL_E(NOMEM) || r == SL_E(BUG))
		return r;
	if (e->cmd_error.p == NULL &&
	    (e->cmd_error = sl_arena_dup(&e->leg_a, msg)).p == NULL)
		return SL_E(NOMEM);
	(void)sl_json_set(b, o, "level", sl_json_cstr(b, "error"));
	(void)sl_json_set(b, o, "msg", sl_json_str(b, msg));
	*err = (struct sl_err){ 0 };
	return 0;
}

int
sl_engine_line(struct sl_engine *e, struct sl_slice line, struct sl_arena *a,
	       const struct sl_json **ret, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *o = sl_json_obj(&b), *masks = NULL;
	struct sl_command c = { 0 };
	int r;

	if (e->phase != PH_WAIT)
		return SL_ERR(err, BUG, "a line without a running step");
	if ((r = sl_command_line(&e->cmd, line, a, &c, err)) == 0)
		r = take(e, &c, err);
	if (r < 0) {
		c = (struct sl_command){ .is_shown = true };
		if ((r = command_failed(e, r, &b, o, err)) < 0)
			return r;
	}
	if (c.is_shown)
		(void)sl_json_set(&b, o, "show", sl_json_str(&b, line));
	add_mask(e, c.mask, &b, &masks, o);
	if (c.kind == SL_CMD_NOTICE || c.kind == SL_CMD_WARNING || c.kind == SL_CMD_ERROR)
		annotate(e, &c, &b, o);
	if (c.kind == SL_CMD_DEBUG)
		(void)sl_json_set(&b, o, "debug", sl_json_str(&b, c.data));
	if (c.kind == SL_CMD_GROUP)
		(void)sl_json_set(&b, o, "group", sl_json_str(&b, c.data));
	if (c.kind == SL_CMD_ENDGROUP)
		(void)sl_json_set(&b, o, "endgroup", sl_json_bool(&b, true));
	if (c.warning.len > 0)
		(void)sl_json_set(&b, o, "warning", sl_json_str(&b, c.warning));
	if (b.is_failed)
		return sl_eng_nomem(err);
	*ret = o;
	return 0;
}

/* ---- the end of a step ---- */

struct ending {
	struct sl_jb *b;
	struct sl_json *errors;
	bool is_failed;
};

static void
complain(struct ending *x, const char *msg)
{
	(void)sl_json_add(x->b, x->errors, sl_json_cstr(x->b, msg));
	x->is_failed = true;
}

/* A file that does not read fails the step; memory that is out ends everything. */
static int
soft(struct ending *x, int r, struct sl_err *err)
{
	if (r == 0 || r == SL_E(NOMEM) || r == SL_E(BUG))
		return r;
	complain(x, err->msg);
	*err = (struct sl_err){ 0 };
	return 0;
}

static const struct sl_limits file_limits = { SL_FILECMD_BYTES_MAX, SL_FILECMD_PAIRS_MAX,
					      1 };

static int
take_pairs(struct sl_engine *e, struct sl_slice src, bool is_env, struct sl_value *obj,
	   struct sl_err *err)
{
	const struct sl_filecmd_pair *p = NULL;
	size_t n = 0;
	int r = is_env ? sl_filecmd_env(src, &file_limits, &e->step_a, &p, &n, err)
		       : sl_filecmd_pairs(src, &file_limits, &e->step_a, &p, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (obj != NULL && !set_copy(&e->leg_a, obj, p[i].key, p[i].value))
			return sl_eng_nomem(err);
	return r;
}

static int
take_paths(struct sl_engine *e, struct sl_slice src, struct sl_err *err)
{
	const struct sl_slice *d = NULL;
	size_t n = 0;
	int r = sl_filecmd_paths(src, &file_limits, &e->step_a, &d, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_path(e, d[i], err);
	return r;
}

static int
take_files(struct sl_engine *e, const struct sl_json *files, struct ending *x,
	   struct sl_json *o, struct sl_err *err)
{
	struct sl_slice sum = sl_json_get_str(files, "GITHUB_STEP_SUMMARY");
	int r;

	r = take_pairs(e, sl_json_get_str(files, "GITHUB_ENV"), true, e->leg.env, err);
	if ((r = soft(x, r, err)) < 0)
		return r;
	r = take_paths(e, sl_json_get_str(files, "GITHUB_PATH"), err);
	if ((r = soft(x, r, err)) < 0)
		return r;
	r = take_pairs(e, sl_json_get_str(files, "GITHUB_OUTPUT"), false, e->cur.outputs,
		       err);
	if ((r = soft(x, r, err)) < 0)
		return r;
	r = take_pairs(e, sl_json_get_str(files, "GITHUB_STATE"), false, NULL, err);
	if ((r = soft(x, r, err)) < 0)
		return r;
	if (sum.len > SL_SUMMARY_MAX)
		(void)sl_json_add(
		    x->b, x->errors,
		    sl_json_cstr(x->b, "$GITHUB_STEP_SUMMARY upload aborted, supports "
				       "content up to a size of 1024k"));
	else if (sum.len > 0)
		(void)sl_json_set(x->b, o, "summary", sl_json_str(x->b, sum));
	return 0;
}

/* The outcome by how the process ended, with the sentence that people know. */
static int
outcome_of(struct sl_engine *e, const struct sl_json *how, struct ending *x,
	   enum result *ret, struct sl_err *err)
{
	const struct sl_json *code = sl_json_get(how, "exit");
	struct sl_slice refused = sl_json_get_str(how, "refused");
	char *msg = NULL;

	*ret = RES_FAILURE;
	if (sl_json_get_bool(how, "job_timeout"))
		e->leg.is_cancelled = true;
	if (sl_json_get_bool(how, "cancelled") || sl_json_get_bool(how, "job_timeout")) {
		*ret = RES_CANCELLED;
		msg = sl_json_get_bool(how, "job_timeout")
			  ? sl_arena_printf(&e->step_a,
					    "The job '%.*s' has exceeded its maximum "
					    "execution time.",
					    SL_ARG(e->leg.name))
			  : sl_arena_printf(&e->step_a, "The operation was canceled.");
	} else if (refused.len > 0) {
		msg = sl_arena_printf(&e->step_a, "%.*s", SL_ARG(refused));
	} else if (sl_json_get_bool(how, "timeout")) {
		bool is_whole = e->cur.limit_s % 60 == 0;

		msg = sl_arena_printf(
		    &e->step_a, "The action '%.*s' has timed out after %lld %s.",
		    SL_ARG(e->cur.name),
		    (long long)(is_whole ? e->cur.limit_s / 60 : e->cur.limit_s),
		    is_whole ? "minutes" : "seconds");
	} else if (sl_json_get(how, "signal") != NULL) {
		msg = sl_arena_printf(&e->step_a, "Process ended by signal %lld.",
				      (long long)sl_json_get_int(how, "signal"));
	} else if (code == NULL || code->kind != SL_JSON_INT) {
		return SL_ERR(err, BUG, "done() does not say how the step ended");
	} else if (code->i != 0) {
		msg =
		    sl_arena_printf(&e->step_a, "Process completed with exit code %lld.",
				    (long long)code->i);
	} else {
		*ret = RES_SUCCESS;
		return 0;
	}
	if (msg == NULL)
		return sl_eng_nomem(err);
	complain(x, msg);
	return 0;
}

int
sl_engine_done(struct sl_engine *e, const struct sl_json *how, struct sl_arena *a,
	       const struct sl_json **ret, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_json *o = sl_json_obj(&b);
	struct ending x = { &b, sl_json_arr(&b), false };
	enum result outcome, conclusion;
	int r;

	if (e->phase != PH_WAIT || e->deferred != NULL)
		return SL_ERR(err, BUG, "done() without a running step");
	if ((r = outcome_of(e, how, &x, &outcome, err)) < 0 ||
	    (r = take_files(e, sl_json_get(how, "files"), &x, o, err)) < 0)
		return r;
	if (e->cmd_error.p != NULL)
		complain(&x, "a workflow command of the step was not processed");
	if (outcome == RES_SUCCESS && x.is_failed)
		outcome = RES_FAILURE;
	if ((r = sl_eng_finish(e, &e->cur, outcome, &conclusion, err)) < 0)
		return r;
	(void)sl_json_set(&b, o, "outcome", sl_json_cstr(&b, sl_eng_result(outcome)));
	(void)sl_json_set(&b, o, "conclusion",
			  sl_json_cstr(&b, sl_eng_result(conclusion)));
	(void)sl_json_set(&b, o, "errors", x.errors);
	if (b.is_failed)
		return sl_eng_nomem(err);
	e->phase = PH_STEP;
	*ret = o;
	return 0;
}
