/* job.c -- a job's box: opened by the run's permit, closed with nothing left of it. */
#include "base/auto.h"
#include "run/resolve.h"
#include "run/run_int.h"
#include "run/ws_changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static void
on_output(void *arg, int stream, struct sl_slice bytes)
{
	struct run *w = arg;

	sl_output_feed(&w->out, stream, bytes);
	w->carry.is_unread |= w->emit.failed < 0;
}

static void
on_observed(void *arg, const struct sl_obs *o)
{
	struct run *w = arg;

	sl_emit_observed(&w->emit, o);
}

/* runs/ID/N, and in it what `changes` needs later. */
static int
make_dir(struct run *w, struct sl_err *err)
{
	char name[160];

	(void)snprintf(name, sizeof(name), "runs/%s/%u", w->hex, w->job.n);
	return sl_home_dir(w->o->home, name, &w->job.dir_fd, err);
}

static int
describe(struct run *w, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF out = { .max = 1 << 20 };
	struct sl_jb b = { .a = &a };
	struct sl_home dir = *w->o->home;
	struct sl_json *o;
	int r;

	dir.fd = w->job.dir_fd;
	sl_arena_init(&a, 1 << 20);
	o = sl_json_obj(&b);
	(void)sl_json_set(&b, o, "key", sl_json_cstr(&b, w->job.key));
	(void)sl_json_set(&b, o, "mode",
			  sl_json_cstr(&b, sl_ws_mode_name(w->job.vector.ws_mode)));
	(void)sl_json_set(&b, o, "workspace", sl_json_cstr(&b, w->o->workspace));
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_json_jcs(o, &out, err)) < 0)
		return r;
	return sl_home_write(&dir, "job.json", sl_buf_get(&out), false, err);
}

static int
open_box(struct run *w, struct sl_err *err)
{
	const char *masked[] = { w->o->home->path };
	struct sl_box_sink sink;
	struct sl_permit *permit = NULL;
	struct sl_box_opts o = {
		.grant = &w->job.grant,
		.sink = &sink,
		.host_name = "sluice",
		.run_fd = w->job.dir_fd,
		.masked = masked,
		.n_masked = 1,
		.stdin_fd = -1,
		.holds_secret = w->o->n_secret > 0,
	};
	int r;

	w->carry = (struct sl_carry){ .signals = &w->sig,
				      .listener = w->o->listener,
				      .output = on_output,
				      .observed = on_observed,
				      .arg = w,
				      .role_fd = { sl_gate_fd(w->gate),
						   sl_parser_fd(w->o->parser) } };
	sink = sl_carry_sink(&w->carry);
	/* That a name may be asked for is decided and recorded by now. */
	if ((r = sl_resolve(&w->job.grant, NULL, w->a, &o.pins, &o.n_pins, err)) < 0)
		return r;
	if (w->job.grant.n_net > 0 && (r = sl_proxy_exec(&w->job.proxy, err)) < 0)
		return r;
	o.proxy = w->job.proxy;
	if ((r = sl_box_prepare(&o, &w->carry.box, err)) < 0 ||
	    (r = sl_box_vector(w->carry.box, w->jb.a, &w->job.vector, err)) < 0 ||
	    (r = sl_gate_permit(w->gate, w->d, SL_PERMIT_BOX, 1, &permit, err)) < 0)
		return r;
	r = sl_box_open(w->carry.box, permit, err);
	sl_permit_drop(permit);
	return r;
}

int
sl_run_job_open(struct run *w, const struct sl_json *action, struct sl_err *err)
{
	int r;

	if (w->job.is_open)
		return SL_ERR(err, BUG, "a job begins in a job");
	w->job =
	    (struct job){ .job = sl_run_str(w, action, "job"),
			  .key = sl_run_text(w, action, "key"),
			  .name = sl_run_text(w, action, "name"),
			  .leg = sl_json_get_int(action, "leg"),
			  .timeout_s = sl_json_get_int(action, "timeout_s"),
			  .cancel_timeout_s = sl_json_get_int(action, "cancel_timeout_s"),
			  .started_mono = sl_mono_ms(),
			  .n = w->n_jobs++,
			  .dir_fd = -1,
			  .is_open = true };
	w->emit.job = w->job.job;
	w->emit.key = w->job.key;
	if ((r = sl_run_grant(w, action, &w->job.grant, err)) < 0 ||
	    (r = make_dir(w, err)) < 0 || (r = open_box(w, err)) < 0 ||
	    (r = describe(w, err)) < 0)
		return sl_err_ctx(err, "job '%s'", w->job.key), r;
	sl_emit_job_start(&w->emit, w->job.name, sl_json_get_int(action, "steps"),
			  &w->job.vector);
	if (w->job.vector.ws_mode == SL_WS_COPY && !w->o->is_direct)
		sl_emit_notice(&w->emit, "info", w->job.vector.ws_why);
	return 0;
}

/* A path as a statement may have it. */
static struct sl_slice
sayable(void *run, struct sl_slice path)
{
	struct run *w = run;
	SL_AUTO_BUF out = { .max = (size_t)4 * SL_WS_PATH_MAX };
	struct sl_slice s;

	sl_output_utf8(sl_run_masked(w, w->a, path), &out);
	s = out.is_failed ? SL_LIT("***") : sl_arena_dup(w->a, sl_buf_get(&out));
	return s.p != NULL ? s : SL_LIT("***");
}

/* What changed in the workspace under the job, by name, for the outcome. */
static int
look_underneath(struct run *w, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_ws_drift drift = { 0 };
	struct sl_slice first;
	char *msg;
	int r;

	if (w->o->is_direct || w->drift != NULL)
		return 0;
	sl_arena_init(&a, SL_WS_ARENA_MAX);
	if ((r = sl_ws_recheck(w->ws_fd, w->ws, DRIFT_MAX, &a, &drift, err)) < 0)
		return r;
	if (drift.n == 0)
		return 0;
	w->drift = sl_json_arr(&w->jb);
	for (size_t i = 0; i < drift.n_path; i++)
		(void)sl_json_add(&w->jb, w->drift,
				  sl_json_str(&w->jb, sayable(w, drift.path[i])));
	first = sayable(w, drift.path[0]);
	msg = sl_arena_printf(&a, "the workspace changed while the job ran: '%.*s'%s",
			      SL_ARG(first), drift.n > 1 ? " and more" : "");
	if (msg != NULL)
		sl_emit_notice(&w->emit, "warning", sl_slice_str(msg));
	return 0;
}

static int
look_into(void *run, int fd, uint64_t size, enum sl_archive *ret, struct sl_err *err)
{
	struct run *w = run;

	return sl_parser_archive(w->o->parser, fd, size, ret, err);
}

static int
note_changes(struct run *w, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	bool is_overlay = w->job.vector.ws_mode == SL_WS_OVERLAY;
	SL_AUTO_FD left = -1;
	const struct sl_ws_archives by = { look_into, w };
	struct sl_ws_changes c = { 0 };
	int r;

	sl_arena_init(&a, SL_WS_ARENA_MAX);
	if (w->o->is_direct) { /* all of the run so far, each time */
		if ((r = sl_ws_changes_direct(w->ws_fd, w->ws, &a, &c, err)) < 0 ||
		    (r = sl_ws_look_archives(w->ws_fd, false, &c, &by, err)) < 0)
			return r;
		w->taint = (struct sl_taint_said){ 0 };
		w->taint_rules.is_in_place = true;
		w->n_changes = c.n;
		sl_taint_say(&w->taint, &w->jb, NULL, &c, &w->taint_rules, sayable, w);
		return 0;
	}
	if (!sl_ws_is_writable(w->job.vector.ws_mode))
		return 0;
	left = openat(w->job.dir_fd, is_overlay ? "upper" : "copy",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (left < 0)
		return SL_ERR_SYS(err, -errno, "cannot look at the changes of job '%s'",
				  w->job.key);
	if ((r = sl_ws_changes(left, is_overlay, w->ws, &a, &c, err)) < 0 ||
	    (r = sl_ws_look_archives(left, true, &c, &by, err)) < 0)
		return r;
	w->n_changes += c.n;
	sl_taint_say(&w->taint, &w->jb, w->job.key, &c, &w->taint_rules, sayable, w);
	return 0;
}

int
sl_run_job_close(struct run *w, const struct sl_json *action, struct sl_err *err)
{
	const char *result = sl_run_str(w, action, "result");
	bool is_skipped = !w->job.is_open; /* a job whose `if` is false has no box */
	int64_t wall = is_skipped ? 0 : sl_mono_ms() - w->job.started_mono;
	int r = 0;

	sl_carry_close(&w->carry);
	if (is_skipped) {
		w->emit.job = sl_run_str(w, action, "job");
		w->emit.key = sl_run_text(w, action, "key");
		w->job.name = sl_run_text(w, action, "name");
		w->n_jobs++;
	} else if ((r = look_underneath(w, err)) == 0) {
		r = note_changes(w, err);
	}
	w->n_jobs_ok += strcmp(result, "success") == 0 || strcmp(result, "skipped") == 0;
	sl_emit_job_done(&w->emit, w->job.name, result, wall);
	sl_run_job_drop(w);
	return r;
}

void
sl_run_job_drop(struct run *w)
{
	sl_carry_close(&w->carry);
	sl_proxy_stop(w->job.proxy);
	w->job.proxy = NULL;
	if (w->job.dir_fd >= 0)
		(void)close(w->job.dir_fd);
	w->job.dir_fd = -1;
	w->job.is_open = false;
}
