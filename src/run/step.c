/* step.c -- one step: a request of its own, its process, what it left behind. */
#include "base/auto.h"
#include "run/context.h"
#include "run/proxy_env.h"
#include "run/run_int.h"

#include <stdio.h>
#include <stdlib.h>

/* Everything about the step under way. */
struct step {
	struct run *w;
	const struct sl_json *action;
	struct sl_arena a;
	struct sl_jb b;
	struct sl_act act;
	const struct sl_slice *file_name; /* of act.get, in its order */
	uint8_t digest[32];
	struct sl_grant grant; /* what it wants: within the run's, and its job's box */
	struct sl_decision *d;
	struct sl_carry_end end;
	int64_t started_ms, started_mono;
	struct sl_json *how, *observation;
	const struct sl_json *result;
	const char *refused;
	const char *bad_files; /* why what it left for the runner cannot be taken */
};

/* --- lines of output --- */

static bool
may_be_command(struct sl_slice s)
{
	size_t i = 0;

	while (i < s.len && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	return sl_slice_starts(sl_slice_skip(s, i), SL_LIT("::")) ||
	       memmem(s.p, s.len, "##[", 3) != NULL;
}

static int
add_masks(struct run *w, const struct sl_json *list, struct sl_err *err)
{
	int r = 0;

	SL_JSON_EACH(m, list)
	if (r == 0)
		r = sl_masks_add(&w->masks, m->s, true, err);
	return r;
}

static struct sl_json *
masked(struct run *w, struct sl_jb *b, struct sl_slice s)
{
	SL_AUTO_BUF one = { .max = 16 << 20 }, two = { .max = 16 << 20 };

	sl_masks_apply(&w->masks, s, &one);
	sl_output_utf8(sl_buf_get(&one), &two);
	return one.is_failed || two.is_failed ? NULL : sl_json_str(b, sl_buf_get(&two));
}

static void
annotate(struct run *w, const struct sl_json *v, struct sl_slice level,
	 struct sl_slice msg)
{
	static const char *const texts[] = { "title", "file" }, *const numbers[] = {
		"line", "col"
	};
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;

	sl_arena_init(&a, 32 << 20);
	o = sl_emit_new(&w->emit, &b, "annotation");
	(void)sl_json_set(&b, o, "index", sl_json_int(&b, w->emit.index));
	(void)sl_json_set(&b, o, "level", sl_json_str(&b, level));
	(void)sl_json_set(&b, o, "msg", masked(w, &b, msg));
	for (size_t i = 0; i < 2; i++)
		if (sl_json_get_str(v, texts[i]).len > 0)
			(void)sl_json_set(&b, o, texts[i],
					  masked(w, &b, sl_json_get_str(v, texts[i])));
	for (size_t i = 0; i < 2; i++)
		if (sl_json_get_int(v, numbers[i]) > 0)
			(void)sl_json_set(
			    &b, o, numbers[i],
			    sl_json_int(&b, sl_json_get_int(v, numbers[i])));
	sl_emit_send(&w->emit, &b, o);
}

static void
group(struct run *w, struct sl_slice name, bool is_end)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;

	sl_arena_init(&a, 1 << 20);
	o = sl_emit_new(&w->emit, &b, "group");
	(void)sl_json_set(&b, o, "index", sl_json_int(&b, w->emit.index));
	if (is_end)
		(void)sl_json_set(&b, o, "is_end", sl_json_bool(&b, true));
	else
		(void)sl_json_set(&b, o, "name", masked(w, &b, name));
	sl_emit_send(&w->emit, &b, o);
}

static void
show(struct run *w, int stream, struct sl_slice text, bool is_partial)
{
	SL_AUTO_BUF out = { .max = 64 << 20 };

	sl_masks_apply(&w->masks, text, &out);
	sl_emit_line(&w->emit, stream, sl_buf_get(&out), is_partial);
}

int
sl_run_on_line(void *run, int stream, struct sl_slice text, bool is_partial)
{
	struct run *w = run;
	SL_AUTO_ARENA a = { 0 };
	const struct sl_json *v = NULL;
	struct sl_err err = { 0 };
	struct sl_slice level;
	int r;

	if (is_partial || !may_be_command(text)) {
		show(w, stream, text, is_partial);
		return w->emit.failed;
	}
	sl_arena_init(&a, 64 << 20);
	if ((r = sl_parser_line(w->o->parser, text, &a, &v, &err)) < 0 ||
	    (r = add_masks(w, sl_json_get(v, "mask"), &err)) < 0) {
		if (w->emit.failed == 0) {
			w->emit.failed = r;
			w->emit.err = err;
		}
		return r;
	}
	level = sl_json_get_str(v, "level");
	if (level.len > 0)
		annotate(w, v, level, sl_json_get_str(v, "msg"));
	if (sl_json_get_str(v, "warning").len > 0)
		annotate(w, NULL, SL_LIT("warning"), sl_json_get_str(v, "warning"));
	if (sl_json_get(v, "group") != NULL || sl_json_get_bool(v, "endgroup"))
		group(w, sl_json_get_str(v, "group"), sl_json_get_bool(v, "endgroup"));
	if (sl_json_get(v, "show") != NULL)
		show(w, stream, sl_json_get_str(v, "show"), false);
	return w->emit.failed;
}

/* --- the act --- */

static int
take_list(struct step *s, const char *key, const struct sl_slice **ret, size_t *ret_n,
	  struct sl_err *err)
{
	const struct sl_json *list = sl_json_get(s->action, key);
	struct sl_slice *x =
	    SL_NEW_N(&s->a, struct sl_slice, list != NULL ? list->n + 1 : 1);
	size_t n = 0;

	if (x == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, list)
	x[n++] = m->s;
	*ret = x;
	*ret_n = n;
	return 0;
}

/* The value of a variable that is granted and that the flow says nothing of. */
static struct sl_slice
callers(struct step *s, struct sl_slice name)
{
	const struct sl_run_opts *o = s->w->o;
	const char *n = sl_arena_str(&s->a, name), *value;
	char *text;

	for (size_t i = 0; i < o->n_env; i++)
		if (sl_slice_eq(sl_slice_upto(o->env[i], '='), name))
			return o->env[i];
	if (n == NULL || (value = getenv(n)) == NULL)
		return (struct sl_slice){ 0 };
	text = sl_arena_printf(&s->a, "%s=%s", n, value);
	return text != NULL ? sl_slice_str(text) : (struct sl_slice){ 0 };
}

static int
take_env(struct step *s, struct sl_err *err)
{
	const struct sl_json *o = sl_json_get(s->action, "env");
	const size_t most = (o != NULL ? o->n : 0) + s->grant.n_env + SL_PROXY_VARS + 1;
	struct sl_slice *env = SL_NEW_N(&s->a, struct sl_slice, most);
	SL_AUTO_BUF text = { .max = 16 << 20 };
	size_t n = 0;

	if (env == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, o)
	{
		sl_buf_clear(&text);
		sl_buf_slice(&text, m->key);
		sl_buf_byte(&text, '=');
		sl_buf_slice(&text, m->s);
		if (text.is_failed ||
		    (env[n++] = sl_arena_dup(&s->a, sl_buf_get(&text))).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for the environment");
	}
	if (text.p != NULL)
		explicit_bzero(text.p, text.cap);
	for (size_t i = 0; i < s->grant.n_env; i++)
		if (sl_json_gets(o, s->grant.env[i]) == NULL &&
		    (env[n] = callers(s, s->grant.env[i])).p != NULL)
			n++;
	s->act.env = env;
	s->act.n_env = n;
	return sl_proxy_env(&s->w->job.grant, &s->grant, &s->a, env, &s->act.n_env, err);
}

/* The script, once in a job the event, and the empty GITHUB_* files. */
static int
take_files(struct step *s, struct sl_err *err)
{
	const struct sl_json *files = sl_json_get(s->action, "files");
	const struct sl_json *event = sl_json_get(s->w->plan, "event");
	size_t n = (files != NULL ? files->n : 0), k = 0, g = 0;
	struct sl_act_file *put = SL_NEW_N(&s->a, struct sl_act_file, n + 2);
	struct sl_slice *get = SL_NEW_N(&s->a, struct sl_slice, n + 1);
	struct sl_slice *name = SL_NEW_N(&s->a, struct sl_slice, n + 1);

	if (put == NULL || get == NULL || name == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (sl_json_get_str(s->action, "script_path").len > 0)
		put[k++] =
		    (struct sl_act_file){ sl_json_get_str(s->action, "script_path"),
					  sl_json_get_str(s->action, "script"), 0700 };
	if (!s->w->job.has_event && sl_json_get_str(event, "path").len > 0)
		put[k++] = (struct sl_act_file){ sl_json_get_str(event, "path"),
						 sl_json_get_str(event, "json"), 0600 };
	SL_JSON_EACH(m, files)
	{
		put[k++] = (struct sl_act_file){ m->s, SL_LIT(""), 0600 };
		name[g] = m->key;
		get[g++] = m->s;
	}
	s->act.put = put;
	s->act.n_put = k;
	s->act.get = get;
	s->act.n_get = g;
	s->act.get_max = GET_MAX;
	s->file_name = name;
	return 0;
}

static int
make_act(struct step *s, struct sl_err *err)
{
	const uint8_t *key = sl_gate_info(s->w->gate)->node.hmac_key;
	int r;

	s->act.cwd = sl_json_get_str(s->action, "cwd");
	if ((r = sl_run_grant(s->w, s->action, &s->grant, err)) < 0 ||
	    (r = take_list(s, "argv", &s->act.argv, &s->act.n_argv, err)) < 0 ||
	    (r = take_env(s, err)) < 0 || (r = take_files(s, err)) < 0)
		return r;
	if (s->act.n_argv == 0)
		return SL_ERR(err, BUG, "a step without a command");
	return sl_act_digest(&s->act, key, s->digest, err);
}

/* --- decide --- */

static struct sl_json *
freeze(struct step *s)
{
	const struct sl_gate_info *i = sl_gate_info(s->w->gate);
	struct sl_jb *b = &s->b;
	struct sl_json *c = sl_context_new(b, "step", NULL, i), *o;

	(void)sl_json_set(b, c, "kind", sl_json_cstr(b, "step"));
	(void)sl_json_set(b, c, "parent",
			  sl_json_hex(b, sl_decision_view(s->w->d)->context, 32));
	(void)sl_json_set(b, c, "job", sl_json_cstr(b, s->w->job.job));
	(void)sl_json_set(b, c, "leg", sl_json_int(b, s->w->job.leg));
	(void)sl_json_set(b, c, "index", sl_json_int(b, s->w->emit.index));
	(void)sl_json_set(b, c, "step", sl_json_cstr(b, s->w->emit.step));
	(void)sl_json_set(b, c, "act", sl_json_hex(b, s->digest, 32));
	(void)sl_json_set(b, c, "cwd",
			  sl_json_str(b, sl_run_masked(s->w, &s->a, s->act.cwd)));
	(void)sl_json_set(b, c, "env",
			  sl_context_env(b, s->act.env, s->act.n_env, i->node.hmac_key));
	o = sl_json_set(b, c, "box", sl_json_obj(b));
	(void)sl_json_set(b, o, "etc", sl_json_str(b, s->w->job.vector.etc_digest));
	/* What earlier steps left is not hashed between steps. */
	(void)sl_json_set(b, c, "workspace", sl_json_cstr(b, "unknown"));
	return c;
}

static int
step_facts(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	struct step *s = arg;
	struct sl_slice shell = sl_json_get_str(s->action, "shell");

	(void)err;
	SL_FACT(f, "flow", "step", sl_term_cstr(s->w->job.job),
		sl_term_cstr(s->w->emit.step));
	SL_FACT(f, "flow", "command",
		sl_term_str(sl_run_masked(s->w, &s->a, s->act.argv[0])));
	if (shell.len > 0)
		SL_FACT(f, "flow", "step_shell", sl_term_str(shell));
	return 0;
}

static int
decide(struct step *s, struct sl_err *err)
{
	const struct sl_decision_view *run = sl_decision_view(s->w->d);
	struct sl_gate_source source = { step_facts, s };
	struct sl_step_ref ref = { run->run, sl_slice_str(s->w->job.job),
				   (uint32_t)s->w->job.leg, (uint32_t)s->w->emit.index,
				   1 };
	struct sl_gate_request q = { .kind = "step",
				     .want = &s->grant,
				     .outer = run->grant,
				     .step = &ref,
				     .act = s->digest,
				     .sources = &source,
				     .n_sources = 1 };
	int r;

	q.context = freeze(s);
	if (s->b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_gate_decide(s->w->gate, &q, &s->d, err)) < 0)
		return r;
	s->w->n_decisions++;
	s->w->n_statements += 2;
	return sl_gate_sync(s->w->gate, err);
}

/* --- act --- */

/* Until when the job as a whole may go on (monotonic, 0: no end).  Once its time is over,
 * or it is cancelled, what its conditions still ask for has the cancel timeout. */
static int64_t
job_until(const struct step *s)
{
	const struct job *j = &s->w->job;

	if (j->over_mono > 0)
		return j->over_mono +
		       (j->cancel_timeout_s > 0 ? j->cancel_timeout_s : 1) * 1000;
	return j->timeout_s > 0 ? j->started_mono + j->timeout_s * 1000 : 0;
}

static int64_t
time_left_ms(const struct step *s)
{
	int64_t step = sl_json_get_int(s->action, "timeout_s") * 1000,
		until = job_until(s);
	int64_t job = until > 0 ? until - sl_mono_ms() : 0;

	if (until > 0 && job <= 0)
		job = 1;
	if (step <= 0 || (job > 0 && job < step))
		return job;
	return step;
}

/* Whether it is the job's time that is over, not the step's. */
static bool
is_job_over(const struct step *s)
{
	int64_t until = job_until(s);

	return until > 0 && sl_mono_ms() >= until;
}

static int
act(struct step *s, struct sl_err *err)
{
	struct run *w = s->w;
	struct sl_permit *permit = NULL;
	int r;

	if ((r = sl_gate_permit(w->gate, s->d, SL_PERMIT_PROC, 1, &permit, err)) < 0)
		return r;
	w->job.has_event = true;
	r = sl_carry_act(&w->carry, permit, &s->act, sl_gate_info(w->gate)->node.hmac_key,
			 time_left_ms(s), &s->end, err);
	sl_permit_drop(permit);
	sl_output_flush(&w->out);
	if (r == 0 && s->end.is_box_dead)
		r = SL_ERR(err, SYS, "the box died: %s", w->carry.why);
	return r;
}

/* What ended it from outside, or NULL; the end of the run goes before other reasons. */
static const char *
cut_by(const struct step *s)
{
	if (s->end.is_timeout && s->w->job.over_mono > 0)
		return "cancelled";
	if (s->end.is_timeout && is_job_over(s))
		return "job_timeout";
	if (s->end.is_timeout)
		return "timeout";
	return s->end.is_cancelled ? "cancelled" : NULL;
}

static int
take_results(struct step *s, struct sl_err *err)
{
	struct sl_slice *got = SL_NEW_N(&s->a, struct sl_slice, s->act.n_get + 1);
	const struct sl_proc_end *e = &s->end.proc;
	struct sl_jb *b = &s->b;
	struct sl_err why = { 0 };
	struct sl_json *files;
	const char *cut;
	int r, status = e->is_not_found ? 127 : e->is_not_executable ? 126 : e->status;

	if (got == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	r = sl_box_files(s->w->carry.box, &s->a, got, s->act.n_get, &why);
	if (r == SL_E(LIMIT)) { /* the step's fault: it fails, and the run goes on */
		s->bad_files = sl_arena_str(&s->a, sl_slice_str(why.msg));
		annotate(s->w, NULL, SL_LIT("error"), sl_slice_str(why.msg));
		memset(got, 0, (s->act.n_get + 1) * sizeof(*got));
	} else if (r < 0) {
		*err = why;
		return r;
	}
	s->how = sl_json_obj(b);
	if ((cut = cut_by(s)) != NULL)
		(void)sl_json_set(b, s->how, cut, sl_json_bool(b, true));
	else if (e->signal != 0)
		(void)sl_json_set(b, s->how, "signal", sl_json_int(b, e->signal));
	else
		(void)sl_json_set(
		    b, s->how, "exit",
		    sl_json_int(b, status == 0 && s->bad_files != NULL ? 1 : status));
	files = sl_json_set(b, s->how, "files", sl_json_obj(b));
	for (size_t i = 0; i < s->act.n_get; i++)
		(void)sl_json_sets(b, files, s->file_name[i], sl_json_str(b, got[i]));
	return b->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

/* What was observed, with secrets masked: the names that a step uses are its own choice.
 */
static int
observe(struct step *s, struct sl_err *err)
{
	const struct sl_obs *obs = NULL;
	struct sl_obs *masked;
	struct sl_obs_lost lost;
	size_t n = 0;

	sl_box_observations(s->w->carry.box, &obs, &n, &lost);
	if ((masked = SL_NEW_N(&s->a, struct sl_obs, n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for what was observed");
	for (size_t i = 0; i < n; i++) {
		masked[i] = obs[i];
		masked[i].object = sl_run_masked(s->w, &s->a, obs[i].object);
	}
	s->observation = sl_observation_json(&s->b, sl_decision_view(s->d),
					     sl_gate_info(s->w->gate)->node.did, masked,
					     n, &lost, s->end.proc.n_left);
	return 0;
}

/* --- record and show the end --- */

static const char *
str(struct step *s, const char *key)
{
	const char *v = sl_arena_str(&s->a, sl_json_get_str(s->result, key));

	return v != NULL && v[0] != '\0' ? v : "failure";
}

static int
record(struct step *s, struct sl_err *err)
{
	const struct sl_decision_view *d = sl_decision_view(s->d);
	const char *did = sl_gate_info(s->w->gate)->node.did;
	struct sl_sha256 h = s->w->emit.hash;
	uint8_t digest[32];
	struct sl_box_vector vector = s->w->job.vector;
	struct sl_outcome o = { .conclusion = str(s, "conclusion"),
				.why = s->refused != NULL ? s->refused : s->bad_files,
				.end = s->refused == NULL ? &s->end.proc : NULL,
				.vector = &vector,
				.started_ms = s->started_ms,
				.finished_ms = sl_time_now_ms(),
				.output = digest,
				.len_output = s->w->emit.len_output };
	int r;

	for (enum sl_limit l = 0; l < SL_LIM_COUNT && s->w->carry.box != NULL; l++)
		vector.limit[l] = sl_box_act_class(s->w->carry.box, &s->grant, l);
	sl_sha256_end(&h, digest);
	o.more = sl_json_obj(&s->b);
	(void)sl_json_set(&s->b, o.more, "outcome",
			  sl_json_cstr(&s->b, str(s, "outcome")));
	if ((r = sl_gate_state(s->w->gate, s->d, SL_STMT_OUTCOME,
			       sl_outcome_json(&s->b, d, did, &o), NULL, err)) < 0)
		return r;
	s->w->n_statements++;
	if (s->observation == NULL)
		return 0;
	s->w->n_statements++;
	return sl_gate_state(s->w->gate, s->d, SL_STMT_OBSERVATION, s->observation, NULL,
			     err);
}

static const char *
limit_of(const struct step *s)
{
	if (s->end.is_timeout)
		return "wall";
	return s->refused == NULL && s->end.proc.limit != SL_LIM_COUNT
		   ? sl_limit_name(s->end.proc.limit)
		   : NULL;
}

static int
finish(struct step *s, struct sl_err *err)
{
	struct sl_emit_end e = { .refused = s->refused,
				 .limit = limit_of(s),
				 .wall_ms = sl_mono_ms() - s->started_mono,
				 .end = s->refused == NULL ? &s->end.proc : NULL };
	int r;

	if ((r = sl_parser_done(s->w->o->parser, s->how, &s->a, &s->result, err)) < 0 ||
	    (r = add_masks(s->w, sl_json_get(s->result, "mask"), err)) < 0)
		return r;
	SL_JSON_EACH(m, sl_json_get(s->result, "errors"))
	annotate(s->w, NULL, SL_LIT("error"), m->s);
	e.outcome = str(s, "outcome");
	e.conclusion = str(s, "conclusion");
	sl_emit_step_done(&s->w->emit, &e);
	return record(s, err);
}

static int
run_step(struct step *s, struct sl_err *err)
{
	const struct sl_decision_view *d;
	int r;

	if ((r = make_act(s, err)) < 0 || (r = decide(s, err)) < 0)
		return r;
	d = sl_decision_view(s->d);
	sl_emit_begin(&s->w->emit);
	if (!d->is_allowed) {
		s->refused = d->message;
		s->how = sl_json_obj(&s->b);
		(void)sl_json_set(&s->b, s->how, "refused",
				  sl_json_cstr(&s->b, d->message));
		sl_emit_decision(&s->w->emit, d, sl_gate_info(s->w->gate)->policy, true);
		sl_emit_step_start(&s->w->emit, d->entry.id);
		return finish(s, err);
	}
	sl_emit_step_start(&s->w->emit, d->entry.id);
	if ((r = act(s, err)) < 0 || (r = take_results(s, err)) < 0)
		return r;
	if ((r = observe(s, err)) < 0)
		return r;
	if (s->w->job.over_mono == 0 &&
	    (s->end.is_cancelled || sl_json_get(s->how, "job_timeout") != NULL))
		s->w->job.over_mono = sl_mono_ms();
	if (s->end.is_cancelled && !s->w->is_cancelled) {
		s->w->is_cancelled = true;
		if ((r = sl_parser_cancel(s->w->o->parser, err)) < 0)
			return r;
	}
	return finish(s, err);
}

static void
take_place(struct run *w, const struct sl_json *action)
{
	w->emit.index = sl_json_get_int(action, "index");
	w->emit.depth = sl_json_get_int(action, "depth");
	w->emit.step = sl_run_text(w, action, "name");
	w->emit.id = sl_run_str(w, action, "id");
	w->emit.file = w->o->flow;
	w->emit.line = sl_json_get_int(action, "line");
}

int
sl_run_step(struct run *w, const struct sl_json *action, struct sl_err *err)
{
	struct step s = { .w = w,
			  .action = action,
			  .started_ms = sl_time_now_ms(),
			  .started_mono = sl_mono_ms() };
	int r;

	if (!w->job.is_open)
		return SL_ERR(err, BUG, "a step outside a job");
	sl_arena_init(&s.a, RUN_MEMORY);
	s.b.a = &s.a;
	take_place(w, action);
	w->n_steps++;
	if ((r = run_step(&s, err)) < 0)
		r = sl_err_ctx(err, "step '%s'", w->emit.step);
	sl_arena_free(&s.a);
	return r;
}

/* A step that nothing was run for: its condition was false, or it counts as done. */
void
sl_run_skip(struct run *w, const struct sl_json *action)
{
	struct sl_emit_end e = { .outcome = sl_run_str(w, action, "outcome"),
				 .conclusion = sl_run_str(w, action, "conclusion") };

	take_place(w, action); /* why it was passed over is a notice of the plan */
	sl_emit_begin(&w->emit);
	sl_emit_step_done(&w->emit, &e);
}

/* A note can come before the job that it belongs to. */
void
sl_run_note(struct run *w, const struct sl_json *action)
{
	if (!w->job.is_open)
		w->emit.job = w->emit.key = sl_run_str(w, action, "job");
	w->emit.index = sl_json_get_int(action, "index");
	annotate(w, action, sl_json_get_str(action, "level"),
		 sl_json_get_str(action, "msg"));
}

/* A composite action is no request of its own: its steps are.  It shows as a step whose
 * own steps are one deeper. */
void
sl_run_group(struct run *w, const struct sl_json *action)
{
	struct sl_emit_end e = { .outcome = sl_run_str(w, action, "outcome"),
				 .conclusion = sl_run_str(w, action, "conclusion") };

	take_place(w, action);
	sl_emit_begin(&w->emit);
	if (sl_json_get_bool(action, "is_end"))
		sl_emit_step_done(&w->emit, &e);
}
