/* exec.c -- see exec.h. */
#include "run/exec.h"

#include "base/auto.h"
#include "base/hex.h"
#include "record/host.h"
#include "run/carry.h"
#include "run/context.h"
#include "run/emit.h"
#include "run/mark.h"
#include "run/outcome.h"
#include "run/output.h"
#include "run/resolve.h"
#include "run/taint_say.h"
#include "run/written.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum {
	EXEC_MEMORY = 64 << 20,
	WRITTEN_MEMORY = 16 << 20,
	EXIT_REFUSED = 125,
	EXIT_CANNOT = 126,
	EXIT_NOT_FOUND = 127
};

#define HOST_NAME "sluice"

struct work {
	struct sl_exec *x;
	struct sl_arena a;
	struct sl_signals sig;
	struct sl_carry carry;
	struct sl_gate *gate;
	struct sl_mark mark;
	struct sl_decision *d;
	const struct sl_box_pin *pins;
	size_t n_pins;
	struct sl_box_vector vector;
	bool has_vector; /* the box was set up */
	struct sl_output out;
	struct sl_emit emit;
	struct sl_carry_end end;
	struct sl_entry seal;
	struct sl_json *observation; /* taken before the box goes */
	struct sl_taint_said taint;  /* of what was written in place */
	struct sl_json *more;        /* of the outcome */
	int64_t started_ms, start_mono, since_ns;
	int write_failed;
	bool is_closed; /* the run's outcome is in the log */
};

void
sl_exec_mark(struct sl_exec *x, const char *phase)
{
	struct timespec t;

	if (x->n_phases == SL_EXEC_PHASES)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	x->phase[x->n_phases++] =
	    (struct sl_exec_phase){ phase,
				    (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 };
}

/* --- output and observations --- */

static int
on_line(void *arg, int stream, struct sl_slice text, bool is_partial)
{
	struct work *w = arg;

	sl_emit_line(&w->emit, stream, text, is_partial);
	return w->emit.failed;
}

static void
on_output(void *arg, int stream, struct sl_slice bytes)
{
	struct work *w = arg;
	int r;

	if (w->x->write == NULL) {
		sl_output_feed(&w->out, stream, bytes);
		w->carry.is_unread |= w->emit.failed < 0;
		return;
	}
	sl_sha256_add(&w->emit.hash, bytes.p, bytes.len);
	w->emit.len_output += bytes.len;
	if (w->write_failed == 0 && (r = w->x->write(w->x->arg, stream, bytes)) < 0) {
		w->write_failed = r;
		w->carry.is_unread = true;
	}
}

static void
on_observed(void *arg, const struct sl_obs *o)
{
	struct work *w = arg;

	sl_emit_observed(&w->emit, o);
	if (w->x->denied != NULL && o->is_denied)
		w->x->denied(w->x->arg, o);
}

/* --- the steps of section "The cycle" of the design --- */

static const char *
tree_of(const struct work *w)
{
	return w->x->root != NULL ? w->x->root->tree : NULL;
}

static int
prepare(struct work *w, const struct sl_grant *grant, struct sl_err *err)
{
	struct sl_box_sink sink;
	const char *masked[] = { w->x->home->path };
	struct sl_box_opts o = { .grant = grant,
				 .sink = &sink,
				 .host_name = HOST_NAME,
				 .root_tree = tree_of(w),
				 .run_fd = -1,
				 .masked = masked,
				 .n_masked = 1,
				 .pins = w->pins,
				 .n_pins = w->n_pins,
				 .proxy = grant->n_net > 0 ? w->x->proxy : NULL,
				 .own_dir = w->x->own_dir,
				 .is_single = true,
				 .is_busy = true,
				 .trace = w->x->trace,
				 .stdin_fd = w->x->stdin_fd };
	int r;

	w->carry = (struct sl_carry){ .signals = &w->sig,
				      .listener = w->x->listener,
				      .output = on_output,
				      .observed = on_observed,
				      .arg = w,
				      .role_fd = { -1, -1 },
				      .has_tty = w->x->want.is_tty,
				      .window_fd = w->x->stdin_fd };
	sink = sl_carry_sink(&w->carry);
	if ((r = sl_box_prepare(&o, &w->carry.box, err)) < 0)
		return r;
	return 0;
}

/* Names are asked for only once that is decided and recorded, as it is an act: the box,
 * whose /etc/hosts has the answer, is prepared after that. */
static bool
has_names(const struct sl_grant *g)
{
	for (size_t i = 0; i < g->n_net; i++)
		if (!g->net[i].is_address)
			return true;
	return false;
}

static int
prepare_late(struct work *w, struct sl_err *err)
{
	const struct sl_grant *g = sl_decision_view(w->d)->grant;
	int r;

	/* Who must wait for an answer can still be interrupted. */
	if ((r = sl_resolve(g, NULL, &w->a, &w->pins, &w->n_pins, err)) < 0)
		return r;
	sl_exec_mark(w->x, "names resolved");
	if ((r = sl_signals_init(&w->sig, err)) < 0 || (r = prepare(w, g, err)) < 0)
		return r;
	sl_exec_mark(w->x, "box begun");
	return 0;
}

static struct sl_json *
freeze(struct work *w, struct sl_jb *b, const struct sl_json *root, const char *etc)
{
	const struct sl_gate_info *i = sl_gate_info(w->gate);
	struct sl_json *c = sl_context_new(b, "flow", root, i), *e;

	(void)sl_json_set(b, c, "kind", sl_json_cstr(b, "exec"));
	e = sl_json_set(b, c, "command", sl_json_arr(b));
	for (size_t k = 0; k < w->x->act.n_argv; k++)
		(void)sl_json_add(b, e, sl_json_str(b, w->x->act.argv[k]));
	(void)sl_json_set(b, c, "cwd", sl_json_str(b, w->x->act.cwd));
	(void)sl_json_set(
	    b, c, "env",
	    sl_context_env(b, w->x->act.env, w->x->act.n_env, i->node.hmac_key));
	if (etc[0] != '\0')
		(void)sl_json_set(b, c, "etc", sl_json_cstr(b, etc));
	if (w->x->profile != NULL) {
		e = sl_json_set(b, c, "profile", sl_json_obj(b));
		(void)sl_json_set(b, e, "name", sl_json_cstr(b, w->x->profile->name));
		(void)sl_json_set(b, e, "sha256",
				  sl_json_hex(b, w->x->profile->p->digest, 32));
	}
	return c;
}

static int
command_facts(void *arg, struct sl_policy_facts *f, struct sl_err *err)
{
	struct work *w = arg;
	char hex[65];

	(void)err;
	SL_FACT(f, "request", "command", sl_term_str(w->x->act.argv[0]));
	if (w->x->profile != NULL) {
		sl_hex(hex, w->x->profile->p->digest, 32);
		SL_FACT(f, "request", "profile", sl_term_cstr(w->x->profile->name),
			sl_term_cstr(hex));
	}
	return 0;
}

static int
decide(struct work *w, struct sl_err *err)
{
	struct sl_jb b = { .a = &w->a };
	struct sl_gate_source source = { command_facts, w };
	uint8_t act[32];
	struct sl_gate_request q = { .kind = "exec",
				     .want = &w->x->want,
				     .act = act,
				     .sources = &source,
				     .n_sources = 1 };
	struct sl_json *root = NULL;
	char etc[65];
	int r;

	if (w->x->own_dir != NULL)
		etc[0] = '\0'; /* the host's, as far as it is shown */
	else if (w->carry.box != NULL)
		sl_box_etc(w->carry.box, etc);
	else if ((r = sl_box_etc_plain(HOST_NAME, tree_of(w), etc, err)) < 0)
		return r;
	r = w->x->root != NULL ? sl_root_json(w->x->root, &b, &root, err)
			       : sl_host_base(w->x->home, &b, &root, err);
	if (r < 0 || (r = sl_act_digest(&w->x->act, sl_gate_info(w->gate)->node.hmac_key,
					act, err)) < 0)
		return r;
	q.context = freeze(w, &b, root, etc);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_gate_decide(w->gate, &q, &w->d, err)) < 0)
		return r;
	sl_exec_mark(w->x, "decided");
	if (sl_decision_view(w->d)->is_allowed &&
	    (r = sl_mark_set(w->x->home, sl_decision_view(w->d)->id, &w->mark, err)) < 0)
		return r;
	r = sl_gate_sync(w->gate, err);
	sl_exec_mark(w->x, "decision durable");
	return r;
}

static void
announce(struct work *w)
{
	const struct sl_decision_view *d = sl_decision_view(w->d);
	const struct sl_gate_info *i = sl_gate_info(w->gate);
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o, *e;

	if (w->emit.listener == NULL)
		return;
	sl_arena_init(&a, 1 << 20);
	o = sl_event_new(&b, "run.start");
	(void)sl_json_set(&b, o, "run", sl_json_hex(&b, d->run, 32));
	(void)sl_json_set(&b, o, "context", sl_json_hex(&b, d->context, 32));
	e = sl_json_set(&b, o, "command", sl_json_arr(&b));
	for (size_t k = 0; k < w->x->act.n_argv; k++) {
		SL_AUTO_BUF text = { .max = 1 << 20 };

		sl_output_utf8(w->x->act.argv[k], &text);
		(void)sl_json_add(&b, e, sl_json_str(&b, sl_buf_get(&text)));
	}
	(void)sl_json_set(&b, o, "jobs", sl_json_int(&b, 1));
	(void)sl_json_set(&b, o, "steps", sl_json_int(&b, 1));
	(void)sl_json_set(&b, o, "tier", sl_json_str(&b, w->x->want.tier));
	(void)sl_json_set(&b, o, "identity", sl_json_cstr(&b, i->node.did));
	if (i->node.is_new)
		(void)sl_json_set(&b, o, "new_identity", sl_json_bool(&b, true));
	(void)sl_json_set(&b, o, "home", sl_json_cstr(&b, w->x->home->path));
	sl_emit_send(&w->emit, &b, o);
	sl_emit_decision(&w->emit, d, i->policy, false);
}

/* The box was prepared from the want while the decision was made.  Where policy raised
 * the class of a limit it is made anew from what was granted, or not at all. */
static int
fit(struct work *w, struct sl_err *err)
{
	const struct sl_grant *granted = sl_decision_view(w->d)->grant;
	uint8_t want[32], have[32];
	int r;

	if (w->carry.box == NULL)
		return prepare_late(w, err);
	if ((r = sl_grant_digest(&w->x->want, want, err)) < 0 ||
	    (r = sl_grant_digest(granted, have, err)) < 0)
		return r;
	if (memcmp(want, have, 32) == 0)
		return 0;
	sl_carry_close(&w->carry);
	return prepare(w, granted, err);
}

static int
act(struct work *w, struct sl_err *err)
{
	const uint8_t *key = sl_gate_info(w->gate)->node.hmac_key;
	struct sl_permit *box = NULL, *proc = NULL;
	int r;

	/* What can be done before the box stands is done before that is waited for. */
	if ((r = fit(w, err)) == 0 &&
	    (r = sl_gate_permit(w->gate, w->d, SL_PERMIT_BOX, 1, &box, err)) == 0 &&
	    (r = sl_gate_permit(w->gate, w->d, SL_PERMIT_PROC, 1, &proc, err)) == 0 &&
	    (r = sl_box_open(w->carry.box, box, err)) == 0 &&
	    (sl_exec_mark(w->x, "box ready"), true) &&
	    (r = sl_box_vector(w->carry.box, &w->a, &w->vector, err)) == 0) {
		w->has_vector = true;
		sl_emit_job_start(&w->emit, NULL, 1, &w->vector);
		sl_emit_step_start(&w->emit, sl_decision_view(w->d)->entry.id);
		w->carry.role_fd[0] = sl_gate_fd(w->gate);
		r = sl_carry_act(&w->carry, proc, &w->x->act, key, 0, &w->end, err);
	}
	sl_exec_mark(w->x, "command ended");
	if (r == 0 && w->end.is_box_dead)
		r = SL_ERR(err, SYS, "the box died: %s", w->carry.why);
	sl_permit_drop(box);
	sl_permit_drop(proc);
	sl_output_flush(&w->out);
	return r;
}

static const char *
conclusion_of(const struct work *w)
{
	if (w->end.is_cancelled)
		return "cancelled";
	return w->end.proc.signal == 0 && w->end.proc.status == 0 ? "success" : "failure";
}

/* Take what was seen.  The act's end took everything in the box but its init with it:
 * that goes while the end is being recorded. */
static void
end_box(struct work *w)
{
	struct sl_jb b = { .a = &w->a };
	const struct sl_obs *obs = NULL;
	struct sl_obs_lost lost = { 0 };
	struct sl_box_peak peak;
	size_t n = 0;

	if (w->carry.box != NULL)
		sl_box_observations(w->carry.box, &obs, &n, &lost);
	if (w->x->learn != NULL && w->carry.box != NULL) {
		peak = sl_box_peak(w->carry.box);
		sl_learn_observed(w->x->learn, &w->x->want, obs, n, &peak);
	}
	w->observation = sl_observation_json(&b, sl_decision_view(w->d),
					     sl_gate_info(w->gate)->node.did, obs, n,
					     &lost, w->end.proc.n_left);
	sl_box_end(w->carry.box);
}

static struct sl_slice
sayable(void *exec, struct sl_slice path)
{
	struct work *w = exec;
	SL_AUTO_BUF out = { .max = (size_t)8 * SL_WS_PATH_MAX };
	struct sl_slice s;

	sl_output_utf8(path, &out);
	s = sl_arena_dup(&w->a, sl_buf_get(&out));
	return out.is_failed || s.p == NULL ? SL_LIT("***") : s;
}

/* What the act wrote in place and the host would obey.  The act is over, whatever comes
 * of this: what cannot be told is said to be so. */
static void
note_written(struct work *w)
{
	const struct sl_taint_rules rules = { .is_in_place = true };
	SL_AUTO_ARENA a = { 0 }; /* so that nothing of this takes from the record */
	struct sl_jb b = { .a = &w->a };
	struct sl_written out = { 0 };

	sl_arena_init(&a, WRITTEN_MEMORY);
	sl_written_look(sl_decision_view(w->d)->grant, w->x->home->path, w->since_ns, &a,
			&out);
	if (out.changes.n == 0 && !out.is_partial)
		return;
	for (size_t i = 0; i < out.changes.n && w->x->left != NULL; i++)
		if ((out.changes.item[i].warn & (SL_WW_RUNS | SL_WW_MISLEADS)) != 0)
			w->x->left(w->x->arg, &out.changes.item[i]);
	sl_taint_say(&w->taint, &b, NULL, &out.changes, &rules, sayable, w);
	w->more = sl_json_obj(&b);
	sl_taint_put(&w->taint, &b, w->more);
	if (out.is_partial)
		(void)sl_json_set(&b, w->more, "taint_partial", sl_json_bool(&b, true));
}

static int
record(struct work *w, const char *conclusion, const char *why, struct sl_err *err)
{
	const char *did = sl_gate_info(w->gate)->node.did;
	const struct sl_decision_view *d = sl_decision_view(w->d);
	struct sl_jb b = { .a = &w->a };
	struct sl_sha256 h = w->emit.hash;
	uint8_t digest[32];
	struct sl_outcome o = { .conclusion = conclusion,
				.why = why,
				.vector = w->has_vector ? &w->vector : NULL,
				.end = why == NULL ? &w->end.proc : NULL,
				.started_ms = w->started_ms,
				.finished_ms = sl_time_now_ms(),
				.output = digest,
				.len_output = w->emit.len_output,
				.more = w->more };
	int r;

	sl_sha256_end(&h, digest);
	sl_gate_last(w->gate);
	if ((r = sl_gate_state(w->gate, w->d, SL_STMT_OUTCOME,
			       sl_outcome_json(&b, d, did, &o), NULL, err)) < 0 ||
	    (r = sl_gate_state(w->gate, w->d, SL_STMT_OBSERVATION, w->observation, NULL,
			       err)) < 0 ||
	    (r = sl_gate_seal(w->gate, w->d, &w->seal, err)) < 0 ||
	    (r = sl_gate_commit(w->gate, err)) < 0)
		return r;
	sl_carry_close(&w->carry);
	if ((r = sl_gate_wait(w->gate, err)) < 0)
		return r;
	sl_exec_mark(w->x, "outcome durable");
	w->is_closed = true;
	return 0;
}

static int
status_of(const struct work *w)
{
	if (w->end.proc.is_not_found)
		return EXIT_NOT_FOUND;
	if (w->end.proc.is_not_executable)
		return EXIT_CANNOT;
	return w->end.proc.signal != 0 ? 128 + w->end.proc.signal : w->end.proc.status;
}

static void
put_timing(const struct work *w, struct sl_jb *b, struct sl_json *o)
{
	const struct sl_exec *x = w->x;
	struct sl_json *list = sl_json_set(b, o, "timing", sl_json_arr(b));

	for (size_t i = 1; i < x->n_phases; i++) {
		struct sl_json *p = sl_json_add(b, list, sl_json_obj(b));

		(void)sl_json_set(b, p, "phase", sl_json_cstr(b, x->phase[i].name));
		(void)sl_json_set(b, p, "us",
				  sl_json_int(b, x->phase[i].at_us - x->phase[0].at_us));
	}
}

static void
finish(struct work *w, const char *conclusion, int status, const struct sl_err *why)
{
	const struct sl_decision_view *d = sl_decision_view(w->d);
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *o;
	char hex[65], text[160];

	if (w->emit.listener == NULL)
		return;
	sl_arena_init(&a, 1 << 20);
	sl_hex(hex, d->run, 32);
	o = sl_event_new(&b, "run.done");
	(void)sl_json_set(&b, o, "run", sl_json_cstr(&b, hex));
	(void)sl_json_set(&b, o, "decision", sl_json_hex(&b, d->entry.id, 32));
	(void)sl_json_set(&b, o, "conclusion", sl_json_cstr(&b, conclusion));
	(void)sl_json_set(&b, o, "exit", sl_json_int(&b, status));
	if (why != NULL) {
		(void)sl_json_set(&b, o, "error", sl_json_cstr(&b, why->msg));
		(void)sl_json_set(&b, o, "error_id",
				  sl_json_cstr(&b, sl_code_id(why->code)));
		(void)sl_json_set(&b, o, "error_exit",
				  sl_json_int(&b, sl_code_exit(why->code)));
	}
	(void)snprintf(text, sizeof(text), "sluice export %.12s -o %.12s.bundle", hex,
		       hex);
	(void)sl_json_set(&b, o, "bundle", sl_json_cstr(&b, text));
	(void)snprintf(text, sizeof(text), "sluice verify %.12s", hex);
	(void)sl_json_set(&b, o, "verify", sl_json_cstr(&b, text));
	(void)sl_json_set(&b, o, "jobs", sl_json_int(&b, 1));
	(void)sl_json_set(&b, o, "jobs_ok", sl_json_int(&b, status == 0));
	(void)sl_json_set(&b, o, "denials", sl_json_int(&b, (int64_t)w->emit.n_denials));
	(void)sl_json_set(&b, o, "changes", sl_json_int(&b, 0));
	sl_taint_put_counts(&w->taint, &b, o);
	(void)sl_json_set(&b, o, "decisions", sl_json_int(&b, 1));
	(void)sl_json_set(&b, o, "entries", sl_json_int(&b, w->is_closed ? 2 : 0));
	(void)sl_json_set(
	    &b, o, "node_size",
	    sl_json_int(&b, (int64_t)(w->is_closed ? w->seal.size : d->entry.size)));
	(void)sl_json_set(&b, o, "wall_ms",
			  sl_json_int(&b, sl_mono_ms() - w->start_mono));
	if (w->x->is_timed)
		put_timing(w, &b, o);
	sl_emit_send(&w->emit, &b, o);
}

/* Where there is no display, the error is all that a person sees. */
static int
denied(struct work *w, const struct sl_decision_view *d, struct sl_err *err)
{
	const char *fact[1] = { "" }, *lift[1] = { "" };
	size_t n = sl_decision_because(d->proof, &w->a, fact, 1);
	struct sl_jb b = { .a = &w->a };
	size_t n_lift = sl_emit_remedies(d, false, &b, lift, 1);
	char hex[65];

	sl_hex(hex, d->run, 32);
	return SL_ERR(err, DENIED,
		      "%s%s%s%s%s; 'sluice policy explain %.12s' says more, 'why-not' "
		      "what would lift it",
		      d->message, n > 0 ? ", because of " : "", fact[0],
		      n_lift > 0 ? "; allowed " : "", lift[0], hex);
}

/* From the durable decision on: whatever happens, the log says how the run ended. */
static int
decided(struct work *w, struct sl_err *err)
{
	const struct sl_decision_view *d = sl_decision_view(w->d);
	struct sl_err second = { 0 };
	struct sl_emit_end e = { 0 };
	int r;

	announce(w);
	if (!d->is_allowed) {
		r = denied(w, d, err);
		finish(w, "denied", EXIT_REFUSED, err);
		return r;
	}
	r = act(w, err);
	end_box(w);
	note_written(w);
	if (r < 0) {
		if (record(w, "failure", err->msg, &second) == 0)
			sl_mark_clear(w->x->home, &w->mark);
		finish(w, "error", EXIT_REFUSED, err);
		return r;
	}
	e.outcome = e.conclusion = conclusion_of(w);
	e.end = &w->end.proc;
	e.limit =
	    w->end.proc.limit != SL_LIM_COUNT ? sl_limit_name(w->end.proc.limit) : NULL;
	e.wall_ms = w->end.proc.wall_ms;
	sl_emit_step_done(&w->emit, &e);
	sl_emit_job_done(&w->emit, NULL, e.conclusion, w->end.proc.wall_ms);
	return 0;
}

static int
run_it(struct work *w, struct sl_err *err)
{
	int r;

	/* The box is set up by its own process while the recorder starts and the decision
	 * is made and synced; nothing of the request runs in it before that. */
	if (!has_names(&w->x->want)) {
		if ((r = sl_signals_init(&w->sig, err)) < 0 ||
		    (r = prepare(w, &w->x->want, err)) < 0)
			return r;
		sl_exec_mark(w->x, "box begun");
	}
	if ((r = w->x->session_gate(w->x->session, &w->gate, err)) < 0)
		return r;
	sl_exec_mark(w->x, "gate open");
	if ((r = decide(w, err)) < 0 || (r = decided(w, err)) < 0)
		return r;
	return 0;
}

static void
teach(struct work *w)
{
	struct sl_exec *x = w->x;
	struct sl_jb b = { .a = &w->a };
	struct sl_json *o;

	x->learn_from.want = &x->want;
	x->learn_from.act = &x->act;
	x->learn_from.end = &w->end.proc;
	x->learn_from.masked = x->home->path;
	x->learn_from.len_output = w->emit.len_output;
	if (sl_learn_derive(x->learn, &x->learn_from, &x->lesson, &x->learn_err) < 0)
		return;
	o = sl_event_new(&b, "learn");
	sl_lesson_json(x->lesson, &b, o);
	sl_emit_send(&w->emit, &b, o);
}

/* The act is over.  A recorder that failed cannot record that; what it had acknowledged
 * stands, and the mark stays: the next start closes the run. */
static int
ended(struct work *w, struct sl_err *err)
{
	int r = record(w, conclusion_of(w), NULL, err);

	if (r < 0) {
		finish(w, "error", EXIT_REFUSED, err);
		return r;
	}
	sl_mark_clear(w->x->home, &w->mark);
	w->x->end = w->end.proc;
	r = status_of(w);
	if (w->x->learn != NULL && !w->end.is_cancelled)
		teach(w);
	finish(w, conclusion_of(w), r, NULL);
	/* A reader that went away is told by the command's SIGPIPE; what was lost
	 * otherwise must not look like a success. */
	if (w->write_failed < 0 && w->write_failed != -EPIPE)
		return SL_ERR_SYS(err, w->write_failed,
				  "cannot write the command's output");
	return r;
}

int
sl_exec(struct sl_exec *x, struct sl_err *err)
{
	struct work w = { .x = x, .sig = { .fd = -1, .cancel_fd = -1 }, .mark.fd = -1 };
	int r;

	sl_arena_init(&w.a, EXEC_MEMORY);
	sl_output_init(&w.out, NULL, on_line, &w);
	w.emit = (struct sl_emit){ .listener = x->listener,
				   .job = "exec",
				   .key = "exec",
				   .step = (const char *)x->act.argv[0].p };
	sl_emit_begin(&w.emit);
	w.started_ms = sl_time_now_ms();
	w.since_ns = sl_written_begin();
	w.start_mono = sl_mono_ms();
	r = run_it(&w, err);
	if (r == 0)
		r = ended(&w, err);
	if (w.emit.failed < 0 && r >= 0) {
		*err = w.emit.err;
		r = w.emit.failed;
	}
	sl_box_close(w.carry.box);
	sl_signals_done(&w.sig);
	sl_output_done(&w.out);
	if (w.mark.fd >= 0)
		(void)close(w.mark.fd);
	sl_arena_free(&w.a);
	return r;
}
