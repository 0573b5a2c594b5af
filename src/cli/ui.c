/* ui.c -- see ui.h: events in order to text; the plain lines. */
#include "cli/ui_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool
env_says(const char *name, const char *part)
{
	const char *v = getenv(name);

	return v != NULL && strcasestr(v, part) != NULL;
}

static bool
is_utf8_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);

		if (v != NULL && *v != '\0') /* the first that is set decides (POSIX) */
			return env_says(names[i], "utf-8") || env_says(names[i], "utf8");
	}
	return false;
}

struct sl_ui_opts
sl_ui_detect(int fd, bool is_json)
{
	struct sl_ui_opts o = { .mode = SL_UI_PLAIN,
				.out_fd = fd,
				.is_utf8 = is_utf8_locale(),
				.is_terminal = isatty(fd) == 1 };
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	bool is_dumb = term == NULL || *term == '\0' || strcmp(term, "dumb") == 0;

	if (is_json)
		o.mode = SL_UI_JSON;
	else if (isatty(fd) && !is_dumb)
		o.mode = SL_UI_TTY;
	o.has_colour = o.mode == SL_UI_TTY && (no_colour == NULL || *no_colour == '\0');
	return o;
}

int64_t
sl_ui_now(const struct sl_ui *ui)
{
	struct timespec ts;

	if (ui->o.now_ms != NULL)
		return ui->o.now_ms();
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
sl_ui_new(const struct sl_ui_opts *o, struct sl_ui **ret, struct sl_err *err)
{
	struct sl_ui *ui = calloc(1, sizeof(*ui));

	if (ui == NULL)
		return SL_ERR(err, NOMEM, "no memory for the display");
	ui->o = *o;
	sl_buf_init(&ui->out, SL_UI_OUT_MAX);
	sl_buf_init(&ui->head, 64 << 10);
	*ret = ui;
	return 0;
}

static void
job_free(struct sl_ui_job *j)
{
	sl_buf_done(&j->key);
	sl_buf_done(&j->done);
	sl_buf_done(&j->step.name);
	sl_buf_done(&j->step.full);
	sl_buf_done(&j->step.tail);
	sl_buf_done(&j->step.note);
	free(j);
}

static int
flush_out(struct sl_ui *ui, struct sl_err *err)
{
	bool is_cut = ui->out.is_failed;
	int r = 0;

	if (!ui->is_broken && (r = sl_ui_write(ui->o.out_fd, sl_buf_get(&ui->out))) < 0)
		ui->is_broken = true;
	sl_buf_clear(&ui->out);
	if (r < 0)
		return SL_ERR_SYS(err, r, "cannot write the display");
	return is_cut ? SL_ERR(err, NOMEM, "an event is too large to show") : 0;
}

void
sl_ui_hide(struct sl_ui *ui)
{
	struct sl_err ignored = { 0 }; /* remembered in is_broken */

	sl_ui_live_off(ui);
	(void)flush_out(ui, &ignored);
}

void
sl_ui_free(struct sl_ui *ui)
{
	if (ui == NULL)
		return;
	sl_ui_hide(ui);
	for (struct sl_ui_job *j = ui->jobs, *next; j != NULL; j = next) {
		next = j->next;
		job_free(j);
	}
	sl_buf_done(&ui->out);
	sl_buf_done(&ui->head);
	free(ui);
}

struct sl_ui_job *
sl_ui_job(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_slice key = sl_json_get_str(ev, "key");

	for (struct sl_ui_job *j = ui->jobs; j != NULL; j = j->next)
		if (sl_slice_eq(sl_buf_get(&j->key), key))
			return j;
	return NULL;
}

/* "build (gcc)/make check", each part cut to size. */
static void
put_step(struct sl_ui *ui, const struct sl_json *ev, size_t max)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);
	struct sl_slice step = sl_json_get_str(ev, "step");

	bool is_running = j != NULL && j->step.is_running;

	if (step.len == 0 && is_running)
		step = sl_buf_get(&j->step.full);
	sl_ui_name(&ui->out, &ui->o, sl_json_get_str(ev, "key"), max, 0);
	if (step.len > 0)
		sl_buf_byte(&ui->out, '/');
	sl_ui_name(&ui->out, &ui->o, step, max, 0);
}

void
sl_ui_put_step(struct sl_ui *ui, const struct sl_json *ev)
{
	put_step(ui, ev, SL_UI_NAME_COLS);
}

void
sl_ui_denial(struct sl_ui *ui, struct sl_buf *b, const struct sl_json *ev)
{
	struct sl_slice why = sl_json_get_str(ev, "why");
	bool has_place = sl_json_get_str(ev, "file").len > 0;

	sl_buf_str(b, "denied: ");
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "act"), SL_UI_NAME_COLS, 0);
	sl_buf_byte(b, ' ');
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "object"), 256, 0);
	if (why.len == 0 && !has_place)
		return;
	sl_buf_str(b, "   (");
	sl_ui_name(b, &ui->o, why, 200, 0);
	if (why.len > 0 && has_place)
		sl_buf_str(b, "; ");
	sl_ui_place(b, &ui->o, ev);
	sl_buf_byte(b, ')');
}

void
sl_ui_annotation(struct sl_ui *ui, struct sl_buf *b, const struct sl_json *ev)
{
	struct sl_slice title = sl_json_get_str(ev, "title");

	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "level"), 10, 0);
	sl_buf_str(b, ": ");
	if (title.len > 0) {
		sl_ui_name(b, &ui->o, title, 100, 0);
		sl_buf_str(b, ": ");
	}
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "msg"), 400, 0);
	if (sl_json_get_str(ev, "file").len > 0) {
		sl_buf_str(b, "   (");
		sl_ui_place(b, &ui->o, ev);
		sl_buf_byte(b, ')');
	}
}

void
sl_ui_end(struct sl_ui *ui, struct sl_buf *b, const struct sl_json *ev)
{
	struct sl_slice limit = sl_json_get_str(ev, "limit");
	struct sl_slice refused = sl_json_get_str(ev, "refused");
	int64_t exit_status = sl_json_get_int(ev, "exit"),
		sig = sl_json_get_int(ev, "signal");

	if (refused.len > 0) {
		sl_buf_str(b, "not started: ");
		sl_ui_name(b, &ui->o, refused, 200, 0);
	} else if (limit.len > 0) {
		sl_buf_str(b, "ended by the limit on ");
		sl_ui_name(b, &ui->o, limit, 40, 0);
	} else if (sig > 0) {
		sl_buf_printf(b, "signal %lld", (long long)sig);
	} else if (exit_status != 0) {
		sl_buf_printf(b, "exit %lld", (long long)exit_status);
	}
}

static void
on_notice(struct sl_ui *ui, const struct sl_json *ev)
{
	bool is_warning = sl_slice_eq(sl_json_get_str(ev, "level"), SL_LIT("warning"));

	sl_ui_col(&ui->out, &ui->o, is_warning ? SL_C_YELLOW : SL_C_DIM);
	sl_buf_str(&ui->out, is_warning ? " warning: " : " note: ");
	sl_ui_col(&ui->out, &ui->o, SL_C_OFF);
	sl_ui_name(&ui->out, &ui->o, sl_json_get_str(ev, "msg"), 400, 0);
	if (sl_json_get_str(ev, "file").len > 0) {
		sl_buf_str(&ui->out, "   ");
		sl_ui_place(&ui->out, &ui->o, ev);
	}
	sl_buf_byte(&ui->out, '\n');
}

static void
on_job_start(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job **at = &ui->jobs, *j;

	if (ui->n_jobs >= SL_UI_JOBS_MAX || (j = calloc(1, sizeof(*j))) == NULL)
		return; /* its end is shown all the same */
	sl_buf_init(&j->key, 4096);
	sl_buf_init(&j->done, SL_UI_BLOCK_MAX);
	sl_buf_init(&j->step.name, 4096);
	sl_buf_init(&j->step.full, SL_UI_BLOCK_MAX);
	sl_buf_init(&j->step.tail, (size_t)8 * SL_UI_TAIL_BYTES);
	sl_buf_init(&j->step.note, 64 << 10);
	sl_buf_slice(&j->key, sl_json_get_str(ev, "key"));
	j->start_ms = sl_ui_now(ui);
	while (*at != NULL)
		at = &(*at)->next;
	*at = j;
	ui->n_jobs++;
}

static void
on_step_start(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);

	if (j != NULL) {
		j->step.is_running = true;
		j->step.start_ms = sl_ui_now(ui);
		j->step.depth = (unsigned)(sl_json_get_int(ev, "depth") & 0xf);
		j->step.n_notes = 0;
		j->step.n_lines = j->step.n_kept = 0;
		sl_buf_clear(&j->step.name);
		sl_buf_clear(&j->step.full);
		sl_buf_slice(&j->step.full, sl_json_get_str(ev, "step"));
		sl_buf_clear(&j->step.tail);
		sl_buf_clear(&j->step.note);
		sl_ui_name(&j->step.name, &ui->o, sl_json_get_str(ev, "step"),
			   SL_UI_NAME_COLS, 0);
	}
	if (ui->o.mode == SL_UI_PLAIN) {
		sl_buf_str(&ui->out, "> ");
		sl_ui_put_step(ui, ev);
		sl_buf_byte(&ui->out, '\n');
	}
}

/* text holds no newline by the protocol; where it does, each line gets the prefix. */
static void
on_step_output(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_slice text = sl_json_get_str(ev, "text");

	if (ui->o.mode == SL_UI_TTY) {
		sl_ui_tty_output(ui, ev);
		return;
	}
	for (;;) {
		struct sl_slice line = sl_slice_upto(text, '\n');

		put_step(ui, ev, SL_UI_PREFIX_COLS);
		sl_buf_str(&ui->out, " | ");
		sl_ui_escape(&ui->out, line, ui->o.is_utf8);
		sl_buf_byte(&ui->out, '\n');
		if (line.len == text.len)
			break;
		text = sl_slice_skip(text, line.len + 1);
	}
}

static void
on_group(struct sl_ui *ui, const struct sl_json *ev)
{
	if (sl_json_get_bool(ev, "is_end"))
		return;
	if (ui->o.mode == SL_UI_TTY) {
		sl_ui_tty_group(ui, ev);
		return;
	}
	sl_buf_str(&ui->out, "# ");
	sl_ui_put_step(ui, ev);
	sl_buf_str(&ui->out, ": ");
	sl_ui_name(&ui->out, &ui->o, sl_json_get_str(ev, "name"), 200, 0);
	sl_buf_byte(&ui->out, '\n');
}

/* Said once, the number is in the record; a limit is said as the end that it was. */
static bool
is_said_denial(const struct sl_json *ev)
{
	return sl_json_get_int(ev, "count") > 1 ||
	       sl_slice_eq(sl_json_get_str(ev, "class"), SL_LIT("limit"));
}

/* GitHub's words for what the step's own line says. */
static bool
is_said_error(const struct sl_json *ev)
{
	struct sl_slice msg = sl_json_get_str(ev, "msg");

	return sl_slice_starts(msg, SL_LIT("Process completed with exit code ")) ||
	       sl_slice_starts(msg, SL_LIT("Process ended by signal "));
}

static void
on_note(struct sl_ui *ui, const struct sl_json *ev)
{
	bool is_denial = sl_slice_eq(sl_json_get_str(ev, "event"), SL_LIT("denial"));

	if (is_denial ? is_said_denial(ev) : is_said_error(ev))
		return;
	if (ui->o.mode == SL_UI_TTY && sl_ui_job(ui, ev) != NULL) {
		sl_ui_tty_note(ui, ev, is_denial);
		return;
	}
	sl_buf_str(&ui->out, "! ");
	if (sl_json_get(ev, "key") != NULL) {
		sl_ui_put_step(ui, ev);
		sl_buf_byte(&ui->out, ' ');
	}
	(is_denial ? sl_ui_denial : sl_ui_annotation)(ui, &ui->out, ev);
	sl_buf_byte(&ui->out, '\n');
}

/* What was skipped took no time. */
static void
put_took(struct sl_ui *ui, const struct sl_json *ev, struct sl_slice result)
{
	if (sl_slice_eq(result, SL_LIT("skipped")))
		return;
	sl_buf_byte(&ui->out, ' ');
	sl_ui_dur(&ui->out, sl_json_get_int(ev, "wall_ms"));
}

static void
on_step_done(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);
	struct sl_slice end = sl_json_get_str(ev, "conclusion");
	struct sl_slice outcome = sl_json_get_str(ev, "outcome");
	SL_AUTO_BUF why = { .max = 4096 };

	if (ui->o.mode == SL_UI_TTY) {
		sl_ui_tty_step_done(ui, ev);
	} else {
		sl_buf_str(&ui->out, "< ");
		sl_ui_put_step(ui, ev);
		sl_buf_str(&ui->out, ": ");
		sl_ui_name(&ui->out, &ui->o, outcome, 20, 0);
		if (!sl_slice_eq(end, outcome))
			sl_buf_str(&ui->out, " (goes on)");
		put_took(ui, ev, outcome);
		sl_ui_end(ui, &why, ev);
		if (why.len > 0)
			sl_buf_str(&ui->out, ", ");
		sl_buf_slice(&ui->out, sl_buf_get(&why));
		sl_buf_byte(&ui->out, '\n');
	}
	if (j != NULL)
		j->step.is_running = false;
}

static void
on_job_done(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev), **at = &ui->jobs;

	if (ui->o.mode == SL_UI_TTY) {
		sl_ui_tty_job_done(ui, ev);
	} else {
		sl_buf_str(&ui->out, "< ");
		sl_ui_name(&ui->out, &ui->o, sl_json_get_str(ev, "key"), SL_UI_NAME_COLS,
			   0);
		sl_buf_str(&ui->out, ": ");
		sl_ui_name(&ui->out, &ui->o, sl_json_get_str(ev, "result"), 20, 0);
		put_took(ui, ev, sl_json_get_str(ev, "result"));
		sl_buf_byte(&ui->out, '\n');
	}
	if (j == NULL)
		return;
	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	job_free(j);
	ui->n_jobs--;
}

/* Of exec alone, which says it itself (lesson.h). */
static void
on_lesson(struct sl_ui *ui, const struct sl_json *ev)
{
	(void)ui;
	(void)ev;
}

static const struct {
	const char *name;
	void (*show)(struct sl_ui *ui, const struct sl_json *ev);
	bool is_inner; /* of a step: does not touch the screen at once in TTY mode */
} events[] = {
	{ "run.start", sl_ui_run_start, false },
	{ "decision", sl_ui_decision, false },
	{ "notice", on_notice, false },
	{ "job.start", on_job_start, false },
	{ "step.start", on_step_start, false },
	{ "step.output", on_step_output, true },
	{ "group", on_group, true },
	{ "annotation", on_note, true },
	{ "denial", on_note, true },
	{ "step.done", on_step_done, false },
	{ "job.done", on_job_done, false },
	{ "learn", on_lesson, false },
	{ "run.done", sl_ui_run_done, false },
};

/* The JCS form; to a terminal without what it would obey. */
static int
put_json(struct sl_ui *ui, const struct sl_json *ev, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = ui->out.max };
	int r;

	if (!ui->o.is_terminal)
		return sl_json_jcs(ev, &ui->out, err);
	if ((r = sl_json_jcs(ev, &text, err)) < 0)
		return r;
	sl_ui_json(&ui->out, sl_buf_get(&text));
	return 0;
}

int
sl_ui_event(struct sl_ui *ui, const struct sl_json *ev, struct sl_err *err)
{
	struct sl_slice name = sl_json_get_str(ev, "event");
	size_t i = 0;
	int r;

	while (i < sizeof(events) / sizeof(events[0]) &&
	       !sl_slice_eq(name, sl_slice_str(events[i].name)))
		i++;
	if (i == sizeof(events) / sizeof(events[0]))
		return SL_ERR(err, BUG, "no event '%.*s'", SL_ARG(name));
	if (ui->is_broken)
		return 0;
	if (ui->o.mode == SL_UI_JSON) {
		if ((r = put_json(ui, ev, err)) < 0)
			return r;
		sl_buf_byte(&ui->out, '\n');
		return flush_out(ui, err);
	}
	if (ui->o.mode == SL_UI_TTY &&
	    !(events[i].is_inner && sl_ui_job(ui, ev) != NULL)) {
		sl_ui_live_off(ui);
		events[i].show(ui, ev);
		sl_ui_live_on(ui);
	} else {
		events[i].show(ui, ev);
	}
	return flush_out(ui, err);
}

void
sl_ui_tick(struct sl_ui *ui)
{
	struct sl_err ignored = { 0 }; /* remembered in is_broken */

	if (ui->o.mode != SL_UI_TTY || ui->jobs == NULL || ui->is_broken ||
	    sl_ui_now(ui) - ui->drawn_ms < SL_UI_TICK_MS)
		return;
	sl_ui_live_off(ui);
	sl_ui_live_on(ui);
	(void)flush_out(ui, &ignored);
}
