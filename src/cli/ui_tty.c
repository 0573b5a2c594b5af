/* ui_tty.c -- see ui_priv.h: live lines for what runs, folded blocks for what has ended.
 *
 * The live lines are the last ones on the screen.  They are taken off before anything
 * permanent is written and put back after it, in the same write(2), with automatic
 * wrapping off meanwhile, so that one line is one row on any width. */
#include "cli/ui_priv.h"

#include <sys/ioctl.h>

static void
indent(struct sl_buf *b, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		sl_buf_str(b, "  ");
}

static unsigned
rows(const struct sl_ui *ui)
{
	struct winsize ws = { 0 };

	if (ui->o.height > 0)
		return ui->o.height;
	if (ioctl(ui->o.out_fd, TIOCGWINSZ, &ws) < 0 || ws.ws_row < 4)
		return 24;
	return ws.ws_row;
}

void
sl_ui_live_off(struct sl_ui *ui)
{
	if (ui->n_live > 0)
		sl_buf_printf(&ui->out, "\r\x1b[%uA\x1b[J", ui->n_live);
	ui->n_live = 0;
}

static void
live_line(struct sl_ui *ui, unsigned depth, struct sl_slice name, bool is_raw, int64_t ms,
	  size_t lines)
{
	struct sl_buf *b = &ui->out;

	sl_buf_byte(b, ' ');
	indent(b, depth);
	sl_ui_col(b, &ui->o, SL_C_YELLOW);
	sl_buf_str(b, sl_ui_sym(&ui->o, SL_S_RUN));
	sl_ui_col(b, &ui->o, SL_C_OFF);
	sl_buf_byte(b, ' ');
	if (is_raw)
		sl_ui_name(b, &ui->o, name, SL_UI_NAME_COLS, 16);
	else
		sl_buf_slice(b, name);
	sl_buf_str(b, "  ");
	if (ms < 1000) /* what moves shows tenths: milliseconds would only flicker */
		sl_buf_printf(b, "0.%llds", (long long)(ms > 0 ? ms / 100 : 0));
	else
		sl_ui_dur(b, ms);
	if (lines > 0) {
		sl_buf_str(b, "   ");
		sl_ui_count(b, (int64_t)lines, "line");
	}
	sl_buf_byte(b, '\n');
	ui->n_live++;
}

/* The last n lines of what has ended in a job, so that progress is seen before its end.
 */
static void
live_done(struct sl_ui *ui, const struct sl_ui_job *j, unsigned n)
{
	struct sl_slice s = sl_buf_get(&j->done);
	size_t from = s.len;

	while (from > 0 && n > 0) {
		for (from--; from > 0 && s.p[from - 1] != '\n';)
			from--;
		ui->n_live++;
		n--;
	}
	sl_buf_slice(&ui->out, sl_slice_skip(s, from));
}

void
sl_ui_live_on(struct sl_ui *ui)
{
	unsigned max = rows(ui) - 2, each;
	int64_t now = sl_ui_now(ui);

	ui->drawn_ms = now;
	if (ui->n_jobs == 0 || ui->n_live > 0)
		return;
	each = max / ui->n_jobs;
	sl_buf_str(&ui->out, "\x1b[?7l");
	for (const struct sl_ui_job *j = ui->jobs; j != NULL && ui->n_live + 2 <= max;
	     j = j->next) {
		live_line(ui, 0, sl_buf_get(&j->key), true, now - j->start_ms, 0);
		if (each > 2)
			live_done(ui, j, each - 2);
		if (j->step.is_running)
			live_line(ui, 1 + j->step.depth, sl_buf_get(&j->step.name), false,
				  now - j->step.start_ms, j->step.n_lines);
	}
	sl_buf_str(&ui->out, "\x1b[?7h");
}

/* Drops the oldest lines until at most half of the bound is left: each byte is moved a
 * bounded number of times whatever a step prints. */
static void
trim(struct sl_ui_step *st)
{
	struct sl_slice s = sl_buf_get(&st->tail);
	size_t from = 0;

	if (s.len <= SL_UI_TAIL_BYTES && st->n_kept / 2 <= SL_UI_TAIL_LINES)
		return;
	while (from < s.len &&
	       (s.len - from > SL_UI_TAIL_BYTES / 2 || st->n_kept > SL_UI_TAIL_LINES)) {
		from += sl_slice_upto(sl_slice_skip(s, from), '\n').len + 1;
		st->n_kept--;
	}
	if (from < s.len)
		memmove(st->tail.p, st->tail.p + from, s.len - from);
	st->tail.len = from < s.len ? s.len - from : 0;
	st->tail.p[st->tail.len] = 0;
}

void
sl_ui_tty_output(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);
	struct sl_slice text = sl_json_get_str(ev, "text"), line;

	if (j == NULL)
		return;
	do {
		line = sl_slice_upto(text, '\n');
		/* A line beyond a quarter of the bound is cut: the record has all of it.
		 */
		sl_ui_name(&j->step.tail, &ui->o, line, SL_UI_TAIL_BYTES / 4, 0);
		sl_buf_byte(&j->step.tail, '\n');
		j->step.n_lines++;
		j->step.n_kept++;
		trim(&j->step);
		text = sl_slice_skip(text, line.len);
		text = sl_slice_skip(text, 1);
	} while (text.len > 0);
}

void
sl_ui_tty_group(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);
	struct sl_buf *b;

	if (j == NULL)
		return;
	b = j->step.is_running ? &j->step.tail : &j->done;
	if (!j->step.is_running) {
		sl_buf_str(b, "   ");
		indent(b, (unsigned)(sl_json_get_int(ev, "depth") & 0xf));
	}
	sl_buf_printf(b, "%s ", sl_ui_sym(&ui->o, SL_S_GROUP));
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "name"), 200, 0);
	sl_buf_byte(b, '\n');
	j->step.n_kept += j->step.is_running;
	j->step.n_lines += j->step.is_running; /* kept lines are counted the same way */
}

void
sl_ui_tty_note(struct sl_ui *ui, const struct sl_json *ev, bool is_denial)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);
	struct sl_buf *b = j->step.is_running ? &j->step.note : &j->done;
	bool is_error = sl_slice_eq(sl_json_get_str(ev, "level"), SL_LIT("error"));

	if (j->step.is_running && ++j->step.n_notes > SL_UI_NOTES_MAX)
		return;
	sl_buf_str(b, "     ");
	indent(b, j->step.depth);
	sl_ui_col(b, &ui->o, is_denial || is_error ? SL_C_RED : SL_C_YELLOW);
	sl_buf_str(b, "! ");
	(is_denial ? sl_ui_denial : sl_ui_annotation)(ui, b, ev);
	sl_ui_col(b, &ui->o, SL_C_OFF);
	sl_buf_byte(b, '\n');
}

/* The kept output of a step that failed, behind a bar. */
static void
put_tail(struct sl_ui *ui, struct sl_buf *b, const struct sl_ui_step *st)
{
	struct sl_slice s = sl_buf_get(&st->tail);
	size_t n = st->n_kept;

	for (; n > SL_UI_TAIL_LINES && s.len > 0; n--)
		s = sl_slice_skip(s, sl_slice_upto(s, '\n').len + 1);
	if (st->n_lines > n) {
		sl_buf_str(b, "     ");
		indent(b, st->depth);
		sl_buf_printf(b, "%s %s ", sl_ui_sym(&ui->o, SL_S_BAR),
			      sl_ui_sym(&ui->o, SL_S_MORE));
		sl_ui_count(b, (int64_t)(st->n_lines - n), "earlier line");
		sl_buf_byte(b, '\n');
	}
	while (s.len > 0) {
		struct sl_slice line = sl_slice_upto(s, '\n');

		sl_buf_str(b, "     ");
		indent(b, st->depth);
		sl_buf_printf(b, "%s ", sl_ui_sym(&ui->o, SL_S_BAR));
		sl_buf_slice(b, line);
		sl_buf_byte(b, '\n');
		s = sl_slice_skip(s, line.len + 1);
	}
}

/* " ✓ name             2.0s" */
static void
put_ended(struct sl_ui *ui, struct sl_buf *b, unsigned depth, struct sl_slice name,
	  struct sl_slice result, int64_t ms)
{
	bool is_good = sl_slice_eq(result, SL_LIT("success"));
	bool is_skip = sl_slice_eq(result, SL_LIT("skipped"));
	size_t pad = depth < 8 ? 18 - 2 * depth : 2;

	sl_buf_byte(b, ' ');
	indent(b, depth);
	sl_ui_col(b, &ui->o, is_good ? SL_C_GREEN : is_skip ? SL_C_DIM : SL_C_RED);
	sl_buf_str(b, sl_ui_sym(&ui->o, is_good   ? SL_S_OK
					: is_skip ? SL_S_SKIP
						  : SL_S_FAIL));
	sl_ui_col(b, &ui->o, SL_C_OFF);
	sl_buf_byte(b, ' ');
	sl_ui_name(b, &ui->o, name, SL_UI_NAME_COLS, pad);
	sl_buf_byte(b, ' ');
	if (is_skip)
		sl_buf_str(b, "skipped");
	else
		sl_ui_dur(b, ms);
}

void
sl_ui_tty_step_done(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);
	struct sl_slice outcome = sl_json_get_str(ev, "outcome");
	bool is_good = sl_slice_eq(outcome, SL_LIT("success"));
	bool is_skip = sl_slice_eq(outcome, SL_LIT("skipped"));
	unsigned depth = (unsigned)(sl_json_get_int(ev, "depth") & 0xf);
	int64_t lines = sl_json_get_int(ev, "lines");
	struct sl_buf *b = j != NULL ? &j->done : &ui->out;
	SL_AUTO_BUF why = { .max = 4096 };

	put_ended(ui, b, 1 + depth, sl_json_get_str(ev, "step"), outcome,
		  sl_json_get_int(ev, "wall_ms"));
	sl_ui_end(ui, &why, ev);
	if (why.len > 0) {
		sl_buf_str(b, "   ");
		sl_buf_slice(b, sl_buf_get(&why));
	} else if (lines > 0) {
		sl_buf_str(b, "   ");
		sl_ui_count(b, lines, "line");
	}
	if (!sl_slice_eq(outcome, sl_json_get_str(ev, "conclusion")))
		sl_buf_str(b, "   (goes on)");
	sl_buf_byte(b, '\n');
	if (j == NULL || !j->step.is_running)
		return;
	if (!is_good && !is_skip)
		put_tail(ui, b, &j->step);
	sl_buf_slice(b, sl_buf_get(&j->step.note));
	if (j->step.n_notes > SL_UI_NOTES_MAX)
		sl_buf_printf(b, "     ! %u more\n", j->step.n_notes - SL_UI_NOTES_MAX);
}

void
sl_ui_tty_job_done(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_ui_job *j = sl_ui_job(ui, ev);

	put_ended(ui, &ui->out, 0, sl_json_get_str(ev, "key"),
		  sl_json_get_str(ev, "result"), sl_json_get_int(ev, "wall_ms"));
	sl_buf_byte(&ui->out, '\n');
	if (j == NULL)
		return;
	sl_buf_slice(&ui->out, sl_buf_get(&j->done));
	if (j->done.is_failed) /* more than SL_UI_BLOCK_MAX: say so rather than show a
				  part */
		sl_buf_printf(&ui->out, "     %s not all of it is shown\n",
			      sl_ui_sym(&ui->o, SL_S_MORE));
}
