/* ui_page.c -- see ui_priv.h: what stands once in a display: what runs, how it was
 * decided and why, how it ended and where the evidence is. */
#include "cli/ui_priv.h"

void
sl_ui_run_start(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_slice flow = sl_json_get_str(ev, "flow"),
			name = sl_json_get_str(ev, "name");
	const struct sl_json *cmd = sl_json_get(ev, "command");
	struct sl_slice why = sl_json_get_str(ev, "mode_why");
	struct sl_buf *h = &ui->head;

	sl_buf_clear(h);
	sl_ui_name(h, &ui->o, flow.len > 0 || cmd == NULL ? flow : cmd->child->s,
		   SL_UI_NAME_COLS, 0);
	if (name.len > 0 && !sl_slice_eq(name, flow)) {
		sl_buf_str(h, "  ");
		sl_ui_name(h, &ui->o, name, SL_UI_NAME_COLS, 0);
	}
	ui->is_exec = cmd != NULL;
	if (!ui->is_exec) {
		sl_buf_str(h, "  ");
		sl_ui_count(h, sl_json_get_int(ev, "jobs"), "job");
		sl_buf_str(h, ", ");
		sl_ui_count(h, sl_json_get_int(ev, "steps"), "step");
	}
	if (why.len > 0) {
		sl_buf_str(&ui->out, " note: the workspace is given as a ");
		sl_ui_name(&ui->out, &ui->o, sl_json_get_str(ev, "mode"), 20, 0);
		sl_buf_str(&ui->out, ": ");
		sl_ui_name(&ui->out, &ui->o, why, 200, 0);
		sl_buf_byte(&ui->out, '\n');
	}
}

/* The rule that denied, what it matched, and what would change it. */
static void
put_denied(struct sl_ui *ui, const struct sl_json *ev)
{
	const struct sl_json *rule = sl_json_get(ev, "rule"),
			     *fix = sl_json_get(ev, "remedies");
	struct sl_buf *b = &ui->out;
	int n = 0;

	if (rule != NULL) {
		sl_buf_str(b, "   ");
		sl_ui_name(b, &ui->o, sl_json_get_str(rule, "text"), 400,
			   SL_UI_RULE_COLS);
		sl_buf_str(b, "   ");
		sl_ui_place(b, &ui->o, rule);
		sl_buf_byte(b, '\n');
	}
	SL_JSON_EACH(f, sl_json_get(ev, "because"))
	{
		sl_buf_printf(b, "   %s ", sl_ui_sym(&ui->o, SL_S_LEAF));
		sl_ui_name(b, &ui->o, sl_json_get_str(f, "fact"), 400,
			   SL_UI_RULE_COLS - 2);
		sl_buf_str(b, "   ");
		sl_ui_place(b, &ui->o, f);
		sl_buf_str(b, "   ");
		sl_ui_name(b, &ui->o, sl_json_get_str(f, "text"), 100, 0);
		while (b->len > 0 && b->p[b->len - 1] == ' ')
			b->len--;
		sl_buf_byte(b, '\n');
	}
	if (fix != NULL && fix->n > 0)
		sl_buf_str(b, " what would lift it (smallest first)\n");
	SL_JSON_EACH(f, fix)
	{
		sl_buf_printf(b, "   %d. ", ++n);
		sl_ui_name(b, &ui->o, f->s, 400, 0);
		sl_buf_byte(b, '\n');
	}
}

void
sl_ui_decision(struct sl_ui *ui, const struct sl_json *ev)
{
	bool is_allow = sl_slice_eq(sl_json_get_str(ev, "verdict"), SL_LIT("allow"));
	struct sl_slice policy = sl_json_get_str(ev, "policy_name");
	struct sl_buf *b = &ui->out;

	sl_buf_byte(b, ' ');
	if (sl_json_get(ev, "step") != NULL) {
		sl_ui_put_step(ui, ev);
		sl_buf_str(b, "  ");
	} else { /* two lines: together they would not fit into 80 columns */
		sl_buf_slice(b, sl_buf_get(&ui->head));
		sl_buf_str(b, "\n ");
	}
	sl_buf_str(b, "decided: ");
	sl_ui_col(b, &ui->o, is_allow ? SL_C_GREEN : SL_C_RED);
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "verdict"), 20, 0);
	sl_ui_col(b, &ui->o, SL_C_OFF);
	sl_ui_col(b, &ui->o, SL_C_DIM);
	sl_buf_str(b, "  (policy ");
	sl_ui_name(b, &ui->o, policy, 40, 0);
	sl_buf_str(b, policy.len > 0 ? " " : "");
	sl_ui_short(b, sl_json_get_str(ev, "policy"));
	sl_buf_printf(b, "%s, ", sl_ui_sym(&ui->o, SL_S_MORE));
	sl_ui_count(b, sl_json_get_int(ev, "facts"), "fact");
	sl_buf_byte(b, ')');
	sl_ui_col(b, &ui->o, SL_C_OFF);
	sl_buf_byte(b, '\n');
	if (!is_allow)
		put_denied(ui, ev);
}

/* "failure · 2 of 3 jobs · 1 denial · 3 files changed · 2.1s" */
static void
put_conclusion(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_slice end = sl_json_get_str(ev, "conclusion");
	int64_t jobs = sl_json_get_int(ev, "jobs"), n;
	const char *dot = sl_ui_sym(&ui->o, SL_S_DOT);
	bool is_good = sl_slice_eq(end, SL_LIT("success"));
	struct sl_buf *b = &ui->out;

	sl_buf_str(b, "\n ");
	sl_ui_col(b, &ui->o, is_good ? SL_C_GREEN : SL_C_RED);
	sl_ui_name(b, &ui->o, end, 20, 0);
	sl_ui_col(b, &ui->o, SL_C_OFF);
	if (jobs > 0 && !ui->is_exec) {
		sl_buf_printf(b, " %s %lld of ", dot,
			      (long long)sl_json_get_int(ev, "jobs_ok"));
		sl_ui_count(b, jobs, "job");
	}
	if ((n = sl_json_get_int(ev, "denials")) > 0) {
		sl_buf_printf(b, " %s ", dot);
		sl_ui_count(b, n, "denial");
	}
	if ((n = sl_json_get_int(ev, "changes")) > 0) {
		sl_buf_printf(b, " %s ", dot);
		sl_ui_count(b, n, "file");
		sl_buf_str(b, " changed");
		n = sl_json_get_int(sl_json_get(ev, "tainted"), "held") +
		    sl_json_get_int(sl_json_get(ev, "tainted"), "blocked");
		if (n > 0)
			sl_buf_printf(b, ", %lld held back", (long long)n);
	}
	sl_buf_printf(b, " %s ", dot);
	sl_ui_dur(b, sl_json_get_int(ev, "wall_ms"));
	sl_buf_byte(b, '\n');
}

/* A command that answers what the reader may ask next, to be copied as it is. */
static void
put_next(struct sl_ui *ui, const char *what, const char *verb, struct sl_slice run)
{
	sl_buf_printf(&ui->out, "\n %s: sluice %s ", what, verb);
	sl_ui_short(&ui->out, run);
}

void
sl_ui_run_done(struct sl_ui *ui, const struct sl_json *ev)
{
	struct sl_slice run = sl_json_get_str(ev, "run"),
			error = sl_json_get_str(ev, "error");
	const char *more = sl_ui_sym(&ui->o, SL_S_MORE);
	struct sl_buf *b = &ui->out;

	put_conclusion(ui, ev);
	if (error.len > 0) {
		sl_buf_str(b, " ");
		sl_ui_name(b, &ui->o, error, 400, 0);
		sl_buf_byte(b, '\n');
	}
	sl_buf_str(b, " run ");
	sl_ui_short(b, run);
	sl_buf_printf(b, "%s  ", more);
	if (sl_json_get_str(ev, "decision").len == 0) {
		sl_buf_str(b, "ended before anything was decided\n");
		return;
	}
	sl_ui_count(b, sl_json_get_int(ev, "decisions"), "decision");
	sl_buf_str(b, ", ");
	if (sl_slice_eq(sl_json_get_str(ev, "conclusion"), SL_LIT("denied"))) {
		sl_buf_str(b, "nothing was started");
	} else {
		sl_ui_count(b, sl_json_get_int(ev, "entries"), "statement");
		sl_buf_str(b, ", sealed at ");
		sl_ui_num(b, sl_json_get_int(ev, "node_size"));
		sl_buf_str(b, " in the node log");
	}
	sl_buf_str(b, "\n verify: ");
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "verify"), 200, 0);
	put_next(ui, "why", "policy explain", run);
	if (sl_json_get_int(ev, "jobs") > 0)
		put_next(ui, "what happened", "audit", run);
	if (sl_json_get_int(ev, "changes") > 0)
		put_next(ui, "what changed", "changes", run);
	sl_buf_str(b, "\n evidence: ");
	sl_ui_name(b, &ui->o, sl_json_get_str(ev, "bundle"), 400, 0);
	sl_buf_byte(b, '\n');
}
