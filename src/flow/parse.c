/* parse.c -- see workflow.h: the file as a whole and its jobs. */
#include "flow/matrix.h"
#include "flow/workflow.h"

#include <stdarg.h>
#include <stdio.h>

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

void
sl_parse_notice(struct sl_flow_parser *p, struct sl_yaml_at at, const char *fmt, ...)
{
	char msg[300];
	va_list ap;
	struct sl_slice s;
	int n;

	if (p->n_notices == sizeof(p->notice) / sizeof(*p->notice))
		return;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	s = sl_arena_dup(
	    p->a,
	    (struct sl_slice){ (const uint8_t *)msg,
			       (size_t)n < sizeof(msg) ? (size_t)n : sizeof(msg) - 1 });
	if (s.p == NULL)
		p->l->is_failed = true;
	else
		p->notice[p->n_notices++] = (struct sl_notice){ at, s };
}

static bool
is_word(struct sl_slice s, const char *w)
{
	return sl_val_caseeq(s, sl_slice_str(w));
}

static bool
starts_any_case(struct sl_slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.len >= n &&
	       sl_val_caseeq((struct sl_slice){ s.p, n }, sl_slice_str(prefix));
}

void
sl_parse_shell(struct sl_flow_parser *p, const struct sl_tok *shell)
{
	static const char *const foreign[] = { "pwsh", "powershell", "cmd" };
	static const char *const known[] = { "bash", "sh", "python" };
	struct sl_slice s = sl_tok_str(shell);
	bool is_known = false, is_there = p->n_shells == 0;

	if (shell == NULL || shell->kind != SL_TOK_STR || s.len == 0)
		return;
	for (size_t i = 0; i < 3; i++)
		if (is_word(s, foreign[i])) {
			sl_diag_put(p->l, shell->at, "F-SHELL", NULL,
				    "shell '%.*s' is not in the root file system",
				    SL_ARG(s));
			return;
		}
	for (size_t i = 0; i < 3; i++)
		is_known = is_known || is_word(s, known[i]);
	for (size_t i = 0; i < p->n_shells; i++)
		is_there = is_there || sl_val_caseeq(s, p->shells[i]);
	if (is_known && !is_there)
		sl_diag_put(p->l, shell->at, "F-SHELL", NULL,
			    "shell '%.*s' is not in the root file system", SL_ARG(s));
	if (!is_known && memmem(s.p, s.len, "{0}", 3) == NULL)
		sl_diag_put(p->l, shell->at, NULL, NULL,
			    "Invalid shell option. Shell must be a valid built-in (bash, "
			    "sh, cmd, "
			    "powershell, pwsh) or a format string containing '{0}'");
}

static void
refuse_runner(struct sl_flow_parser *p, struct sl_yaml_at at, struct sl_slice label)
{
	sl_diag_put(p->l, at, "F-RUNNER",
		    "steps run in a Linux box: ubuntu-latest, self-hosted",
		    "no sandbox profile for runs-on '%.*s'", SL_ARG(label));
}

int
sl_parse_label(struct sl_slice s, bool *ret_is_foreign)
{
	static const char *const exact[] = { "linux", "x64", "x86_64", "amd64",
					     "arm64", "arm", "x86",    "sluice" };

	*ret_is_foreign = starts_any_case(s, "windows") || starts_any_case(s, "macos");
	if (is_word(s, "self-hosted"))
		return 1;
	if (starts_any_case(s, "ubuntu-") || starts_any_case(s, "debian-"))
		return 0;
	for (size_t i = 0; i < sizeof(exact) / sizeof(*exact); i++)
		if (is_word(s, exact[i]))
			return 0;
	return -1;
}

static void
check_labels(struct sl_flow_parser *p, const struct sl_tok *t)
{
	bool is_own = false, is_foreign;

	if (t->kind == SL_TOK_STR) {
		if (sl_parse_label(sl_tok_str(t), &is_foreign) < 0)
			refuse_runner(p, t->at, sl_tok_str(t));
		return;
	}
	if (t->kind != SL_TOK_SEQ)
		return;
	SL_TOK_EACH(m, t)
	is_own = is_own || (m->kind == SL_TOK_STR &&
			    sl_parse_label(sl_tok_str(m), &is_foreign) > 0);
	SL_TOK_EACH(m, t)
	if (m->kind == SL_TOK_STR && sl_parse_label(sl_tok_str(m), &is_foreign) < 0 &&
	    (is_foreign || !is_own))
		refuse_runner(p, m->at, sl_tok_str(m));
}

static void
check_runs_on(struct sl_flow_parser *p, const struct sl_tok *t)
{
	const struct sl_tok *g;

	if (t == NULL)
		return;
	if (t->kind != SL_TOK_MAP) {
		check_labels(p, t);
		return;
	}
	if ((g = sl_tok_get(t, "group")) != NULL)
		refuse_runner(p, g->at,
			      g->kind == SL_TOK_STR ? sl_tok_str(g) : SL_LIT("group"));
	if ((g = sl_tok_get(t, "labels")) != NULL)
		check_labels(p, g);
}

static void
refuse_call(struct sl_flow_parser *p, const struct sl_tok *uses)
{
	struct sl_slice s = sl_tok_str(uses);

	if (sl_slice_starts(s, SL_LIT("./")))
		sl_diag_put(p->l, uses->at, "F-FLOW-CALL", NULL,
			    "calling the workflow '%.*s' is not supported yet",
			    SL_ARG(s));
	else if (memchr(s.p, '@', s.len) != NULL && memchr(s.p, '/', s.len) != NULL)
		sl_diag_put(p->l, uses->at, "F-REMOTE-FLOW", NULL,
			    "workflow '%.*s' is not in the local store", SL_ARG(s));
	else
		sl_diag_put(
		    p->l, uses->at, NULL, NULL,
		    "Expected format {org}/{repo}/.github/workflows/{file}@ref or "
		    "./.github/workflows/{file}. Actual '%.*s'",
		    SL_ARG(s));
}

/* What a job may say and the engine does not do. */
static void
check_job(struct sl_flow_parser *p, const struct sl_tok *t)
{
	const struct sl_tok *m;
	struct sl_slice s;

	if ((m = sl_tok_get(t, "uses")) != NULL && m->kind == SL_TOK_STR)
		refuse_call(p, m);
	if ((m = sl_tok_get(t, "container")) != NULL && m->kind != SL_TOK_NULL) {
		s = sl_tok_str(m->kind == SL_TOK_MAP ? sl_tok_get(m, "image") : m);
		if (m->kind != SL_TOK_MAP && m->kind != SL_TOK_EXPR && s.len == 0)
			sl_diag_put(p->l, m->at, NULL, NULL,
				    "Container image cannot be empty");
		else
			sl_diag_put(p->l, m->key_at, "F-IMAGE", NULL,
				    "image '%.*s' is not available offline", SL_ARG(s));
	}
	if ((m = sl_tok_get(t, "services")) != NULL &&
	    (m->kind == SL_TOK_EXPR || m->n > 0))
		sl_diag_put(p->l, m->key_at, "F-IMAGE", NULL,
			    "services need images, which are not available offline");
	if ((m = sl_tok_get(t, "environment")) != NULL) {
		s = sl_tok_str(m->kind == SL_TOK_MAP ? sl_tok_get(m, "name") : m);
		sl_diag_put(p->l, m->key_at, "F-ENV", NULL,
			    "environment '%.*s' awaits approval", SL_ARG(s));
	}
	if ((m = sl_tok_get(t, "snapshot")) != NULL)
		refuse_runner(p, m->key_at, SL_LIT("snapshot"));
	if ((m = sl_tok_get(t, "concurrency")) != NULL)
		sl_parse_notice(p, m->key_at,
				"concurrency is not enforced: one run at a time");
	check_runs_on(p, sl_tok_get(t, "runs-on"));
}

static void
defaults(struct sl_flow_parser *p, const struct sl_tok *t, const struct sl_tok **shell,
	 const struct sl_tok **cwd)
{
	const struct sl_tok *run = sl_tok_get(sl_tok_get(t, "defaults"), "run");

	*shell = sl_tok_get(run, "shell");
	*cwd = sl_tok_get(run, "working-directory");
	sl_parse_shell(p, *shell);
}

static int
parse_job(struct sl_flow_parser *p, const struct sl_tok *t, struct sl_job *j,
	  struct sl_err *err)
{
	int r;

	j->id = t->key;
	j->tok = t;
	j->at = t->key_at;
	if (t->kind != SL_TOK_MAP)
		return 0;
	j->name = sl_tok_get(t, "name");
	j->cond = sl_tok_get(t, "if");
	j->strategy = sl_tok_get(t, "strategy");
	j->env = sl_tok_get(t, "env");
	j->outputs = sl_tok_get(t, "outputs");
	j->go_on = sl_tok_get(t, "continue-on-error");
	j->minutes = sl_tok_get(t, "timeout-minutes");
	j->cancel_minutes = sl_tok_get(t, "cancel-timeout-minutes");
	j->runs_on = sl_tok_get(t, "runs-on");
	defaults(p, t, &j->shell, &j->cwd);
	check_job(p, t);
	p->job = j->id;
	if ((r = sl_parse_sandbox(p, sl_tok_get(t, "sandbox"), SL_SANDBOX_JOB, 0,
				  &j->sandbox, err)) < 0)
		return r;
	p->sandbox = j->sandbox;
	r = sl_parse_steps(p, sl_tok_get(t, "steps"), &j->steps, err);
	p->sandbox = NULL;
	return r;
}

/* An id written by a person; a bad one is a diagnostic. */
static int
check_id(struct sl_flow_parser *p, struct sl_ids *ids, const struct sl_tok *t,
	 struct sl_err *err)
{
	int r = sl_ids_add(ids, t->key, err);

	if (r == 0 || r == SL_E(NOMEM))
		return r;
	sl_diag_err(p->l, t->key_at, err);
	*err = (struct sl_err){ 0 };
	return 0;
}

static int
parse_jobs(struct sl_flow_parser *p, struct sl_workflow *w, struct sl_err *err)
{
	const struct sl_tok *jobs = sl_tok_get(w->root, "jobs");
	struct sl_ids ids = { p->a, sl_val_obj(p->a, false) };
	struct sl_job *j;
	int r;

	if (jobs == NULL || jobs->kind != SL_TOK_MAP)
		return 0;
	if (jobs->n > SL_FLOW_JOBS_MAX) {
		sl_diag_put(p->l, jobs->at, NULL, NULL, "more than %d jobs",
			    SL_FLOW_JOBS_MAX);
		return 0;
	}
	j = SL_NEW_N(p->a, struct sl_job, jobs->n + 1);
	if (j == NULL || ids.seen == NULL)
		return nomem(err);
	w->job = j;
	SL_TOK_EACH(t, jobs)
	{
		j->sandbox = w->sandbox;
		if ((r = check_id(p, &ids, t, err)) < 0 ||
		    (r = parse_job(p, t, j, err)) < 0)
			return r;
		j++;
		w->n_jobs++;
	}
	if (w->n_jobs == 0)
		sl_diag_put(
		    p->l, jobs->at, NULL, NULL,
		    "The workflow must contain at least one job with no dependencies.");
	return w->n_jobs == 0 ? 0 : sl_parse_graph(p, w, j - w->n_jobs, err);
}

/* A filter and its -ignore twin exclude each other. */
static void
check_events(struct sl_flow_parser *p, const struct sl_tok *on)
{
	static const char *const pair[][2] = { { "branches", "branches-ignore" },
					       { "tags", "tags-ignore" },
					       { "paths", "paths-ignore" } };

	if (on == NULL || on->kind != SL_TOK_MAP)
		return;
	SL_TOK_EACH(e, on)
	for (size_t i = 0; i < 3; i++) {
		const struct sl_tok *x = sl_tok_get(e, pair[i][1]);

		if (x != NULL && sl_tok_get(e, pair[i][0]) != NULL)
			sl_diag_put(p->l, x->key_at, NULL, NULL,
				    "both '%s' and '%s' are given for '%.*s'", pair[i][0],
				    pair[i][1], SL_ARG(e->key));
	}
}

static int
read_yaml(struct sl_flow_parser *p, struct sl_slice src, const struct sl_yaml **ret,
	  struct sl_err *err)
{
	const struct sl_yaml_opts o = {
		{ SL_FLOW_BYTES_MAX, SL_FLOW_NODES_MAX, SL_FLOW_DEPTH_MAX }, true
	};
	struct sl_yaml_at at;
	int r;

	p->l->src = src;
	if ((r = sl_yaml_parse(src, &o, p->a, ret, &at, err)) == 0 || r == SL_E(NOMEM))
		return r;
	sl_diag_err(p->l, at, err);
	return SL_E(FORMAT);
}

int
sl_flow_parse(struct sl_flow_parser *p, struct sl_slice src,
	      const struct sl_workflow **ret, struct sl_err *err)
{
	struct sl_workflow *w = SL_NEW(p->a, struct sl_workflow);
	const struct sl_yaml *y = NULL;
	const struct sl_tok *m;
	int r;

	if (w == NULL)
		return nomem(err);
	if ((r = read_yaml(p, src, &y, err)) < 0)
		return r;
	if (p->flow_type == NULL && (r = sl_schema_load(sl_schema_text("workflow"), p->a,
							&p->flow_type, err)) < 0)
		return r;
	if ((r = sl_schema_read(y, p->flow_type, p->l, p->a, &w->root, err)) < 0)
		return r;
	w->on = sl_tok_get(w->root, "on");
	w->env = sl_tok_get(w->root, "env");
	w->run_name = sl_tok_get(w->root, "run-name");
	w->name = sl_tok_str(sl_tok_get(w->root, "name"));
	w->inputs = sl_tok_get(sl_tok_get(w->on, "workflow_dispatch"), "inputs");
	check_events(p, w->on);
	if ((r = sl_parse_sandbox(p, sl_tok_get(w->root, "sandbox"), SL_SANDBOX_FLOW, 0,
				  &w->sandbox, err)) < 0)
		return r;
	defaults(p, w->root, &w->shell, &w->cwd);
	if ((m = sl_tok_get(w->root, "concurrency")) != NULL)
		sl_parse_notice(p, m->key_at,
				"concurrency is not enforced: one run at a time");
	if ((r = parse_jobs(p, w, err)) < 0)
		return r;
	if (p->l->n_errors == 0 && (r = sl_parse_refs(p, w, err)) < 0)
		return r;
	if (p->l->is_failed)
		return nomem(err);
	if (p->l->n_errors > 0)
		return SL_ERR(err, FORMAT, "the workflow is not valid");
	w->notice = p->notice;
	w->n_notices = p->n_notices;
	*ret = w;
	return 0;
}

/* The kind of action behind runs.using; what is not composite is refused. */
static void
check_using(struct sl_flow_parser *p, const struct sl_tok *runs, struct sl_slice path)
{
	const struct sl_tok *u = sl_tok_get(runs, "using"),
			    *image = sl_tok_get(runs, "image");
	struct sl_slice s = sl_tok_str(u), img = sl_tok_str(image);

	if (u == NULL)
		return;
	if (starts_any_case(s, "node"))
		sl_diag_put(p->l, u->at, "F-NODE", NULL,
			    "action './%.*s' needs %.*s: JavaScript actions are not "
			    "supported yet",
			    SL_ARG(path), SL_ARG(s));
	else if (is_word(s, "docker") && starts_any_case(img, "docker://"))
		sl_diag_put(p->l, u->at, "F-IMAGE", NULL,
			    "image '%.*s' is not available offline", SL_ARG(img));
	else if (is_word(s, "docker"))
		sl_diag_put(p->l, u->at, "F-BUILD", NULL,
			    "building images is not supported: '%.*s'", SL_ARG(img));
	else if (!is_word(s, "composite"))
		sl_diag_put(
		    p->l, u->at, NULL, NULL,
		    "'using: %.*s' is not supported, use 'docker', 'node20', 'node24' or "
		    "'composite' instead.",
		    SL_ARG(s));
}

int
sl_action_parse(struct sl_flow_parser *p, struct sl_slice path, struct sl_slice file,
		struct sl_slice src, const struct sl_action **ret, struct sl_err *err)
{
	struct sl_action *x = SL_NEW(p->a, struct sl_action);
	struct sl_slice outer_file = p->l->file, outer_src = p->l->src;
	const struct sl_yaml *y = NULL;
	const struct sl_tok *root = NULL, *runs;
	size_t before = p->l->n_errors;
	int r;

	if (x == NULL)
		return nomem(err);
	p->l->file = file;
	if ((r = read_yaml(p, src, &y, err)) == 0 && p->action_type == NULL)
		r = sl_schema_load(sl_schema_text("action"), p->a, &p->action_type, err);
	if (r == 0)
		r = sl_schema_read(y, p->action_type, p->l, p->a, &root, err);
	if (r == 0) {
		runs = sl_tok_get(root, "runs");
		*x = (struct sl_action){ .path = path,
					 .file = file,
					 .src = src,
					 .inputs = sl_tok_get(root, "inputs"),
					 .outputs = sl_tok_get(root, "outputs"),
					 .name = sl_tok_str(sl_tok_get(root, "name")) };
		check_using(p, runs, path);
		r = sl_parse_steps(p, sl_tok_get(runs, "steps"), &x->steps, err);
	}
	p->l->file = outer_file;
	p->l->src = outer_src;
	if (r < 0)
		return r;
	if (p->l->is_failed)
		return nomem(err);
	if (p->l->n_errors > before)
		return SL_ERR(err, FORMAT, "the action is not valid");
	*ret = x;
	return 0;
}
