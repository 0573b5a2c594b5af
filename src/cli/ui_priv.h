/* ui_priv.h -- the state of the display, shared by ui.c (events, plain lines),
 * ui_page.c (beginning, decision, end) and ui_tty.c (live lines and folded blocks). */
#ifndef SL_CLI_UI_PRIV_H
#define SL_CLI_UI_PRIV_H

#include "cli/ui_text.h"

enum {
	SL_UI_BLOCK_MAX = 4 << 20, /* rendered lines of one job */
	SL_UI_OUT_MAX = 16 << 20,  /* one event's rendering */
	SL_UI_JOBS_MAX = 1024, /* running at once; further ones are shown when they end */
	SL_UI_NOTES_MAX = 10,  /* denials, annotations shown under one step */
};

struct sl_ui_step {
	bool is_running;
	int64_t start_ms;
	unsigned depth, n_notes;
	size_t n_lines;     /* of output, in all */
	size_t n_kept;      /* of them in tail */
	struct sl_buf name; /* escaped and cut */
	struct sl_buf full; /* as it came */
	struct sl_buf tail; /* TTY: the last lines, escaped, each with its newline */
	struct sl_buf note; /* TTY: denials and annotations, rendered */
};

struct sl_ui_job {
	struct sl_ui_job *next;
	int64_t start_ms;
	struct sl_buf key;  /* as it came */
	struct sl_buf done; /* TTY: rendered lines of what has ended */
	struct sl_ui_step step;
};

struct sl_ui {
	struct sl_ui_opts o;
	bool is_broken;          /* a write failed */
	struct sl_buf out;       /* of the event at hand */
	struct sl_buf head;      /* run.start's part of the first line */
	struct sl_ui_job *jobs;  /* running, oldest first */
	unsigned n_jobs, n_live; /* live lines on the screen */
	int64_t drawn_ms;
	bool is_exec;
};

int64_t sl_ui_now(const struct sl_ui *ui);
/* The running job of an event, or NULL. */
struct sl_ui_job *sl_ui_job(struct sl_ui *ui, const struct sl_json *ev);
/* "build (gcc)/make check", each part cut to size. */
void sl_ui_put_step(struct sl_ui *ui, const struct sl_json *ev);
/* "denied: connect 203.0.113.7:443   (why; flow.yml:31)" */
void sl_ui_denial(struct sl_ui *ui, struct sl_buf *b, const struct sl_json *ev);
/* "error: text (file:line)" */
void sl_ui_annotation(struct sl_ui *ui, struct sl_buf *b, const struct sl_json *ev);
/* Why a step ended as it did: "exit 2", "killed by signal 9", "limit memory", ... */
void sl_ui_end(struct sl_ui *ui, struct sl_buf *b, const struct sl_json *ev);

/* Appends to ui->out what takes the live lines off, or puts them (back) on. */
void sl_ui_live_off(struct sl_ui *ui);
void sl_ui_live_on(struct sl_ui *ui);

void sl_ui_run_start(struct sl_ui *ui, const struct sl_json *ev);
void sl_ui_decision(struct sl_ui *ui, const struct sl_json *ev);
void sl_ui_run_done(struct sl_ui *ui, const struct sl_json *ev);

void sl_ui_tty_output(struct sl_ui *ui, const struct sl_json *ev);
void sl_ui_tty_group(struct sl_ui *ui, const struct sl_json *ev);
void sl_ui_tty_note(struct sl_ui *ui, const struct sl_json *ev, bool is_denial);
void sl_ui_tty_step_done(struct sl_ui *ui, const struct sl_json *ev);
void sl_ui_tty_job_done(struct sl_ui *ui, const struct sl_json *ev);

#endif
