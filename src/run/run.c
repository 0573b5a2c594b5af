/* run.c -- see run.h: freeze, decide, obey, record. */
#include "run/run.h"

#include "base/auto.h"
#include "base/hex.h"
#include "record/host.h"
#include "run/context.h"
#include "run/run_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>

const char *
sl_run_str(struct run *w, const struct sl_json *o, const char *key)
{
	const char *s = sl_arena_str(w->a, sl_json_get_str(o, key));

	return s != NULL ? s : "";
}

struct sl_slice
sl_run_masked(struct run *w, struct sl_arena *a, struct sl_slice s)
{
	SL_AUTO_BUF out = { .max = 16 << 20 };
	struct sl_slice r;

	sl_masks_apply(&w->masks, s, &out);
	if (out.is_failed)
		return SL_LIT("***");
	r = sl_arena_dup(a, sl_buf_get(&out));
	return r.p != NULL ? r : SL_LIT("***");
}

const char *
sl_run_text(struct run *w, const struct sl_json *o, const char *key)
{
	/* NUL-terminated beyond its length, as all that is copied to an arena. */
	return (const char *)sl_run_masked(w, w->a, sl_json_get_str(o, key)).p;
}

/* --- freeze --- */

static int
freeze_workspace(struct run *w, struct sl_err *err)
{
	SL_AUTO_FD cache = -1;
	int r;

	w->ws_fd = open(w->o->workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->ws_fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open the workspace '%s'",
				  w->o->workspace);
	if ((r = sl_home_dir(w->o->home, "cache", &cache, err)) < 0)
		return r;
	return sl_ws_freeze(w->ws_fd, cache, sl_slice_str(w->o->workspace), &w->ws_a,
			    &w->ws, err);
}

static int
hash_files(void *arg, const struct sl_slice *pattern, size_t n, char ret_hex[65],
	   struct sl_err *err)
{
	struct run *w = arg;

	if (w->carry.box == NULL)
		return SL_ERR(err, NOENT, "hashFiles needs a job");
	return sl_box_hash_files(w->carry.box, pattern, n, ret_hex, err);
}

/* --- what the engine is told --- */

static void
put_github(struct run *w, struct sl_jb *b, struct sl_json *p)
{
	struct sl_json *g = sl_json_set(b, p, "github", sl_json_obj(b));
	const char *base = strrchr(w->o->workspace, '/');
	const char *name = base != NULL && base[1] != '\0' ? base + 1 : "workspace";
	char hex[65], *repo = sl_arena_printf(b->a, "local/%s", name);

	sl_hex(hex, w->ws->digest, 32);
	hex[40] = '\0'; /* a commit's length: what the tree is, where no commit says it */
	(void)sl_json_set(b, g, "sha", sl_json_cstr(b, hex));
	(void)sl_json_set(b, g, "repository",
			  repo != NULL ? sl_json_cstr(b, repo) : NULL);
}

static int
put_pairs(struct run *w, struct sl_jb *b, struct sl_json *p, struct sl_err *err)
{
	struct sl_json *in = sl_json_set(b, p, "inputs", sl_json_obj(b));
	struct sl_json *sec = sl_json_set(b, p, "secrets", sl_json_obj(b));
	struct sl_json *env = sl_json_set(b, p, "env", sl_json_obj(b));

	for (size_t i = 0; i < w->o->n_input; i++) {
		struct sl_slice k = sl_slice_upto(w->o->input[i], '=');

		if (k.len == 0 || k.len == w->o->input[i].len)
			return SL_ERR(err, USAGE, "--input '%.*s' is not NAME=VALUE",
				      SL_ARG(w->o->input[i]));
		(void)sl_json_sets(
		    b, in, k, sl_json_str(b, sl_slice_skip(w->o->input[i], k.len + 1)));
	}
	for (size_t i = 0; i < w->o->n_secret; i++)
		(void)sl_json_sets(b, sec, w->o->secret[i].name,
				   sl_json_str(b, w->o->secret[i].value));
	for (size_t i = 0; i < w->o->n_env; i++) {
		struct sl_slice name = sl_slice_upto(w->o->env[i], '=');

		(void)sl_json_sets(
		    b, env, name,
		    sl_json_str(b, sl_slice_skip(w->o->env[i], name.len + 1)));
	}
	return 0;
}

static int
make_params(struct run *w, struct sl_jb *b, struct sl_json **ret, struct sl_err *err)
{
	struct sl_json *p = sl_json_obj(b), *o;
	struct utsname u;
	int r;

	if (uname(&u) < 0)
		return SL_ERR_SYS(err, -errno, "cannot name the kernel");
	if (w->o->event_name != NULL)
		(void)sl_json_set(b, p, "event_name", sl_json_cstr(b, w->o->event_name));
	if ((r = put_pairs(w, b, p, err)) < 0)
		return r;
	(void)sl_json_set(b, p, "vars", sl_json_obj(b));
	put_github(w, b, p);
	o = sl_json_set(b, p, "runner", sl_json_obj(b));
	(void)sl_json_set(b, o, "os", sl_json_cstr(b, "Linux"));
	(void)sl_json_set(
	    b, o, "arch",
	    sl_json_cstr(b, strcmp(u.machine, "aarch64") == 0 ? "ARM64" : "X64"));
	(void)sl_json_set(b, o, "name", sl_json_cstr(b, "sluice"));
	o = sl_json_set(b, p, "shells", sl_json_arr(b));
	for (size_t i = 0; w->o->shells[i] != NULL; i++)
		(void)sl_json_add(b, o, sl_json_cstr(b, w->o->shells[i]));
	*ret = p;
	return 0;
}

/* What the run has whatever the flow says: the defaults and the owner's options. */
static int
make_given(struct run *w, struct sl_err *err)
{
	struct sl_slice *names = SL_NEW_N(w->a, struct sl_slice, w->o->n_secret + 1);
	struct sl_slice *env = SL_NEW_N(w->a, struct sl_slice, w->o->n_env + 1);

	if (names == NULL || env == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	for (size_t i = 0; i < w->o->n_env; i++)
		env[i] = sl_slice_upto(w->o->env[i], '=');
	for (size_t i = 0; i < w->o->n_secret; i++)
		names[i] = w->o->secret[i].name;
	w->given = w->o->given;
	w->given.ws_mode = w->o->is_direct ? SL_WS_DIRECT : SL_WS_OVERLAY;
	w->given.ws_path = sl_slice_str(w->o->workspace);
	w->given.env = env;
	w->given.n_env = w->o->n_env;
	w->given.secrets = names;
	w->given.n_secrets = w->o->n_secret;
	return 0;
}

/* What the flow takes of that, and what it asks for beyond. */
static int
make_want(struct run *w, struct sl_err *err)
{
	struct sl_diag_list problems = { .a = w->a, .src = w->o->src };
	const struct sl_sandboxes_in in = { .plan = w->plan,
					    .given = &w->given,
					    .home = w->o->home,
					    .problems = &problems };
	struct sl_err lost = { 0 };
	int r;

	if ((r = make_given(w, err)) < 0)
		return r;
	r = sl_sandboxes_make(&in, w->a, &w->boxes, err);
	if ((r == SL_E(FORMAT) || r == SL_E(UNSUPPORTED)) &&
	    sl_diag_close(&problems, w->a, &w->ret->diags, &lost) < 0) {
		*err = lost;
		r = lost.code;
	}
	return r;
}

int
sl_run_grant(struct run *w, const struct sl_json *action, struct sl_grant *ret,
	     struct sl_err *err)
{
	const struct sl_grant *run = sl_decision_view(w->d)->grant, *g = NULL;
	int r;

	if ((r = sl_sandboxes_of(&w->boxes, action, &g, err)) < 0)
		return r;
	*ret = *g;
	for (int i = 0; i < SL_LIM_COUNT; i++)
		if (ret->limit[i].class < run->limit[i].class)
			ret->limit[i].class = run->limit[i].class;
	return 0;
}

static int
parse(struct run *w, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *params = NULL;
	struct sl_parser_in in = { .src = w->o->src,
				   .path = sl_slice_str(w->o->flow),
				   .event = w->o->event };
	int r;

	sl_arena_init(&a, 64 << 20);
	if ((r = make_params(w, &b, &params, err)) < 0)
		return r;
	in.params = params;
	w->host = (struct sl_engine_host){ w, sl_run_read_file, hash_files };
	sl_parser_host(w->o->parser, &w->host);
	if ((r = sl_parser_new(w->o->parser, &in, w->a, &w->plan, &w->ret->diags, err)) <
	    0)
		return r;
	SL_JSON_EACH(m, sl_json_get(w->plan, "mask"))
	if (r == 0)
		r = sl_masks_add(&w->masks, m->s, true, err);
	return r == 0 ? make_want(w, err) : r;
}

/* --- decide --- */

static struct sl_json *
profiles(struct run *w, struct sl_jb *b)
{
	struct sl_json *o = sl_json_obj(b);

	for (size_t i = 0; i < w->boxes.n_profiles; i++)
		(void)sl_json_set(b, o, w->boxes.profile[i].name,
				  sl_json_hex(b, w->boxes.profile[i].p->digest, 32));
	return o;
}

static struct sl_json *
freeze(struct run *w, struct sl_jb *b, const struct sl_json *root)
{
	const struct sl_gate_info *i = sl_gate_info(w->gate);
	struct sl_json *c = sl_context_new(b, "flow", root, i), *o, *f;
	uint8_t digest[32];

	(void)sl_json_set(b, c, "kind", sl_json_cstr(b, "run"));
	o = sl_json_set(b, c, "flow", sl_json_obj(b));
	sl_sha256(w->o->src, digest);
	(void)sl_json_set(b, o, "sha256", sl_json_hex(b, digest, 32));
	(void)sl_json_set(b, o, "path", sl_json_str(b, sl_slice_str(w->o->flow)));
	f = sl_json_set(b, o, "files", sl_json_obj(b));
	for (const struct frozen_file *x = w->files; x != NULL; x = x->next)
		(void)sl_json_sets(b, f, x->path, sl_json_hex(b, x->digest, 32));
	sl_sha256(w->o->event, digest);
	(void)sl_json_set(b, c, "event", sl_json_hex(b, digest, 32));
	if (w->o->event_name != NULL)
		(void)sl_json_set(b, c, "event_name", sl_json_cstr(b, w->o->event_name));
	(void)sl_json_set(b, c, "env",
			  sl_context_env(b, w->o->env, w->o->n_env, i->node.hmac_key));
	o = sl_json_set(b, c, "inputs", sl_json_obj(b));
	for (size_t k = 0; k < w->o->n_input; k++) {
		struct sl_slice name = sl_slice_upto(w->o->input[k], '=');

		(void)sl_json_sets(
		    b, o, name,
		    sl_json_str(b, sl_slice_skip(w->o->input[k], name.len + 1)));
	}
	o = sl_json_set(b, c, "secrets", sl_json_obj(b));
	for (size_t k = 0; k < w->o->n_secret; k++)
		(void)sl_json_sets(
		    b, o, w->o->secret[k].name,
		    sl_context_tag(b, w->o->secret[k].value, i->node.hmac_key));
	if (w->boxes.n_profiles > 0)
		(void)sl_json_set(b, c, "profiles", profiles(w, b));
	o = sl_json_set(b, c, "workspace", sl_json_obj(b));
	(void)sl_json_set(b, o, "manifest", sl_json_hex(b, w->ws->digest, 32));
	(void)sl_json_set(b, o, "entries", sl_json_int(b, (int64_t)w->ws->n));
	return c;
}

static int
run_facts(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	struct run *w = arg;
	const struct sl_json *uses = sl_json_get(w->plan, "uses");
	uint8_t digest[32];
	char hex[65];

	(void)err;
	sl_sha256(w->o->src, digest);
	sl_hex(hex, digest, 32);
	SL_FACT(f, "flow", "flow", sl_term_cstr(hex), sl_term_cstr(w->o->flow));
	SL_JSON_EACH(m, uses)
	SL_FACT(f, "flow", "uses", sl_term_str(m->s));
	for (size_t i = 0; i < w->boxes.n_profiles; i++) {
		sl_hex(hex, w->boxes.profile[i].p->digest, 32);
		SL_FACT(f, "flow", "profile", sl_term_cstr(w->boxes.profile[i].name),
			sl_term_cstr(hex));
	}
	for (size_t i = 0; i < w->boxes.n_beyond; i++)
		SL_FACT(f, "flow", "flow_want", sl_term_cstr(w->boxes.beyond[i].kind),
			sl_term_str(w->boxes.beyond[i].what));
	return 0;
}

static int
decide(struct run *w, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_gate_source source = { run_facts, w };
	struct sl_gate_request q = {
		.kind = "run", .want = &w->boxes.want, .sources = &source, .n_sources = 1
	};
	struct sl_json *root = NULL;
	int r;

	sl_arena_init(&a, 64 << 20);
	if ((r = sl_host_base(w->o->home, &b, &root, err)) < 0)
		return r;
	q.context = freeze(w, &b, root);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_gate_decide(w->gate, &q, &w->d, err)) < 0)
		return r;
	sl_hex(w->hex, sl_decision_view(w->d)->run, 32);
	memcpy(w->ret->run, sl_decision_view(w->d)->run, 32);
	w->ret->has_run = true;
	w->n_decisions++;
	if (sl_decision_view(w->d)->is_allowed &&
	    (r = sl_mark_set(w->o->home, w->ret->run, &w->mark, err)) < 0)
		return r;
	return sl_gate_sync(w->gate, err);
}

static void
announce(struct run *w)
{
	const struct sl_decision_view *d = sl_decision_view(w->d);
	const struct sl_gate_info *i = sl_gate_info(w->gate);
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	const struct sl_json *jobs = sl_json_get(w->plan, "jobs");
	struct sl_json *o;

	sl_arena_init(&a, 4 << 20);
	o = sl_event_new(&b, "run.start");
	(void)sl_json_set(&b, o, "run", sl_json_cstr(&b, w->hex));
	(void)sl_json_set(&b, o, "context", sl_json_hex(&b, d->context, 32));
	(void)sl_json_set(&b, o, "flow", sl_json_cstr(&b, w->o->flow));
	if (sl_json_get_str(w->plan, "name").len > 0)
		(void)sl_json_set(&b, o, "name",
				  sl_json_str(&b, sl_json_get_str(w->plan, "name")));
	(void)sl_json_set(&b, o, "jobs",
			  sl_json_int(&b, jobs != NULL ? (int64_t)jobs->n : 0));
	(void)sl_json_set(&b, o, "steps",
			  sl_json_int(&b, sl_json_get_int(w->plan, "n_steps")));
	(void)sl_json_set(&b, o, "workspace", sl_json_cstr(&b, w->o->workspace));
	(void)sl_json_set(&b, o, "mode",
			  sl_json_cstr(&b, sl_ws_mode_name(w->boxes.want.ws_mode)));
	(void)sl_json_set(&b, o, "tier", sl_json_str(&b, w->boxes.want.tier));
	(void)sl_json_set(&b, o, "identity", sl_json_cstr(&b, i->node.did));
	if (i->node.is_new)
		(void)sl_json_set(&b, o, "new_identity", sl_json_bool(&b, true));
	(void)sl_json_set(&b, o, "home", sl_json_cstr(&b, w->o->home->path));
	sl_emit_send(&w->emit, &b, o);
	sl_emit_decision(&w->emit, d, i->policy, false);
	SL_JSON_EACH(m, sl_json_get(w->plan, "notices"))
	sl_emit_notice(&w->emit, "info", sl_json_get_str(m, "msg"));
}

/* --- obey --- */

static int
obey(struct run *w, const struct sl_json *action, bool *ret_is_over, struct sl_err *err)
{
	struct sl_slice what = sl_json_get_str(action, "do");

	if (sl_slice_eq(what, SL_LIT("job")))
		return sl_run_job_open(w, action, err);
	if (sl_slice_eq(what, SL_LIT("step")))
		return sl_run_step(w, action, err);
	if (sl_slice_eq(what, SL_LIT("job.done")))
		return sl_run_job_close(w, action, err);
	if (sl_slice_eq(what, SL_LIT("skip")))
		sl_run_skip(w, action);
	else if (sl_slice_eq(what, SL_LIT("note")))
		sl_run_note(w, action);
	else if (sl_slice_eq(what, SL_LIT("group")))
		sl_run_group(w, action);
	else if (sl_slice_eq(what, SL_LIT("run.done")))
		*ret_is_over = true;
	else
		return SL_ERR(err, BUG, "the engine asks for '%.*s'", SL_ARG(what));
	return 0;
}

static int
loop(struct run *w, struct sl_err *err)
{
	bool is_over = false;

	while (!is_over) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_json *action = NULL;
		int r;

		sl_arena_init(&a, RUN_MEMORY);
		sl_signals_poll(&w->sig);
		if (w->sig.n > 0 && !w->is_cancelled) {
			w->is_cancelled = true;
			if ((r = sl_parser_cancel(w->o->parser, err)) < 0)
				return r;
		}
		if ((r = sl_parser_next(w->o->parser, &a, &action, err)) < 0 ||
		    (r = obey(w, action, &is_over, err)) < 0)
			return r;
		if (w->emit.failed < 0) {
			*err = w->emit.err;
			return w->emit.failed;
		}
		if (is_over)
			w->ret->conclusion = sl_run_str(w, action, "conclusion");
	}
	return 0;
}

/* --- record --- */

static int
record(struct run *w, const char *why, struct sl_entry *seal, struct sl_err *err)
{
	const struct sl_decision_view *d = sl_decision_view(w->d);
	const char *did = sl_gate_info(w->gate)->node.did;
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_outcome o = { .conclusion =
				    why != NULL ? "failure" : w->ret->conclusion,
				.why = why,
				.started_ms = w->started_ms,
				.finished_ms = sl_time_now_ms() };
	int r;

	sl_arena_init(&a, 64 << 20);
	o.more = sl_json_obj(&b);
	(void)sl_json_set(&b, o.more, "jobs", sl_json_int(&b, w->n_jobs));
	(void)sl_json_set(&b, o.more, "steps", sl_json_int(&b, w->n_steps));
	(void)sl_json_set(&b, o.more, "denials",
			  sl_json_int(&b, (int64_t)w->emit.n_denials));
	if (w->drift != NULL)
		(void)sl_json_set(&b, o.more, "base_changed", sl_json_copy(&b, w->drift));
	sl_taint_put(&w->taint, &b, o.more);
	if ((r = sl_gate_state(w->gate, w->d, SL_STMT_OUTCOME,
			       sl_outcome_json(&b, d, did, &o), NULL, err)) < 0 ||
	    (r = sl_gate_state(w->gate, w->d, SL_STMT_OBSERVATION,
			       sl_observation_json(&b, d, did, NULL, 0, NULL, 0), NULL,
			       err)) < 0 ||
	    (r = sl_gate_seal(w->gate, w->d, seal, err)) < 0 ||
	    (r = sl_gate_sync(w->gate, err)) < 0)
		return r;
	w->n_statements += 2;
	return 0;
}

static void
finish(struct run *w, int status, uint64_t node_size, const struct sl_err *why)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;
	char text[160];

	sl_arena_init(&a, 1 << 20);
	o = sl_event_new(&b, "run.done");
	(void)sl_json_set(&b, o, "run", sl_json_cstr(&b, w->hex));
	(void)sl_json_set(&b, o, "decision",
			  sl_json_hex(&b, sl_decision_view(w->d)->entry.id, 32));
	(void)sl_json_set(&b, o, "conclusion", sl_json_cstr(&b, w->ret->conclusion));
	(void)sl_json_set(&b, o, "exit", sl_json_int(&b, status));
	if (why != NULL) {
		(void)sl_json_set(&b, o, "error", sl_json_cstr(&b, why->msg));
		(void)sl_json_set(&b, o, "error_id",
				  sl_json_cstr(&b, sl_code_id(why->code)));
	}
	(void)snprintf(text, sizeof(text), "sluice export %.12s -o %.12s.bundle", w->hex,
		       w->hex);
	(void)sl_json_set(&b, o, "bundle", sl_json_cstr(&b, text));
	(void)snprintf(text, sizeof(text), "sluice verify %.12s", w->hex);
	(void)sl_json_set(&b, o, "verify", sl_json_cstr(&b, text));
	(void)sl_json_set(&b, o, "jobs", sl_json_int(&b, w->n_jobs));
	(void)sl_json_set(&b, o, "jobs_ok", sl_json_int(&b, w->n_jobs_ok));
	(void)sl_json_set(&b, o, "denials", sl_json_int(&b, (int64_t)w->emit.n_denials));
	(void)sl_json_set(&b, o, "changes", sl_json_int(&b, (int64_t)w->n_changes));
	sl_taint_put_counts(&w->taint, &b, o);
	(void)sl_json_set(&b, o, "decisions", sl_json_int(&b, w->n_decisions));
	(void)sl_json_set(&b, o, "entries", sl_json_int(&b, w->n_statements));
	(void)sl_json_set(&b, o, "node_size", sl_json_int(&b, (int64_t)node_size));
	(void)sl_json_set(&b, o, "wall_ms",
			  sl_json_int(&b, sl_mono_ms() - w->started_mono));
	sl_emit_send(&w->emit, &b, o);
}

static int
open_dir(struct run *w, struct sl_err *err)
{
	char name[96];
	int r;

	(void)snprintf(name, sizeof(name), "runs/%s", w->hex);
	if ((r = sl_home_dir(w->o->home, name, &w->dir_fd, err)) < 0)
		return r;
	return sl_ws_save(w->ws, w->dir_fd, "manifest", err);
}

/* From the durable decision on: whatever happens, the log says how the run ended. */
static int
decided(struct run *w, struct sl_err *err)
{
	const struct sl_decision_view *d = sl_decision_view(w->d);
	struct sl_entry seal = { .size = d->entry.size };
	struct sl_err why = { 0 };
	int r, status;

	announce(w);
	if (!d->is_allowed) {
		w->ret->conclusion = "denied";
		/* rule, facts and what to do next are in the event */
		r = SL_ERR(err, DENIED, "policy denies this run");
		finish(w, sl_code_exit(r), d->entry.size, NULL);
		return r;
	}
	if ((r = open_dir(w, &why)) == 0 &&
	    (r = sl_taint_rules(d->taint_action, d->n_taint_action, w->a, &w->taint_rules,
				&why)) == 0)
		r = loop(w, &why);
	sl_run_job_drop(w);
	if (r < 0)
		w->ret->conclusion = "error";
	status = r < 0 ? sl_code_exit(r) : strcmp(w->ret->conclusion, "success") != 0;
	/* A recorder that failed cannot record that; what it had acknowledged stands. */
	if (record(w, r < 0 ? why.msg : NULL, &seal, err) < 0) {
		w->ret->conclusion = "error";
		finish(w, sl_code_exit(err->code), seal.size, err);
		return err->code;
	}
	sl_mark_clear(w->o->home, &w->mark);
	finish(w, status, seal.size, r < 0 ? &why : NULL);
	if (r < 0) {
		*err = why;
		return r;
	}
	return status == 0 ? 0 : SL_E(FAILED);
}

static int
run_it(struct run *w, struct sl_err *err)
{
	int r;

	if ((r = sl_signals_init(&w->sig, err)) < 0)
		return r;
	for (size_t i = 0; i < w->o->n_secret; i++)
		if ((r = sl_masks_add(&w->masks, w->o->secret[i].value, true, err)) < 0)
			return r;
	if ((r = freeze_workspace(w, err)) < 0 || (r = parse(w, err)) < 0 ||
	    (r = w->o->session_gate(w->o->session, &w->gate, err)) < 0 ||
	    (r = decide(w, err)) < 0)
		return r;
	return decided(w, err);
}

int
sl_run(const struct sl_run_opts *o, struct sl_arena *a, struct sl_run_result *ret,
       struct sl_err *err)
{
	struct run w = { .o = o,
			 .a = a,
			 .ret = ret,
			 .ws_fd = -1,
			 .dir_fd = -1,
			 .mark.fd = -1,
			 .sig = { .fd = -1, .cancel_fd = -1 },
			 .job.dir_fd = -1,
			 .jb = { .a = a },
			 .step_shown = -1 };
	int r;

	*ret = (struct sl_run_result){ .conclusion = "error" };
	sl_arena_init(&w.ws_a, SL_WS_ARENA_MAX);
	sl_masks_init(&w.masks);
	sl_output_init(&w.out, &w.masks, sl_run_on_line, &w);
	w.emit = (struct sl_emit){ .listener = o->listener,
				   .masks = &w.masks,
				   .is_direct = o->is_direct,
				   .job = "",
				   .key = "",
				   .step = "" };
	w.started_ms = sl_time_now_ms();
	w.started_mono = sl_mono_ms();
	r = run_it(&w, err);
	sl_run_job_drop(&w);
	sl_signals_done(&w.sig);
	sl_output_done(&w.out);
	sl_masks_done(&w.masks);
	sl_arena_free(&w.ws_a);
	if (w.ws_fd >= 0)
		(void)close(w.ws_fd);
	if (w.dir_fd >= 0)
		(void)close(w.dir_fd);
	if (w.mark.fd >= 0)
		(void)close(w.mark.fd);
	return r;
}
