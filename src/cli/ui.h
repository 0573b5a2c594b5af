/* ui.h -- what a person, or a program, sees of a run: one stream of events
 * (doc/PROTOCOL.events) in, text out.
 *
 * Three modes: TTY (live lines for what runs, one folded line for what has ended, the
 * output of a failing step left open), PLAIN (one line when a step starts, one when it
 * ends, output prefixed "job/step | ") and JSON (the events themselves, one JCS object
 * a line).  Nothing is shown that is not in an event.
 *
 * Text in events is foreign.  In TTY and PLAIN every control character but tab, every
 * byte of invalid UTF-8, C1 and bidirectional controls appear as \xNN, so output can
 * neither move the cursor nor forge a line of ours; without is_utf8 every byte above
 * 0x7e does.  Lines of ours never begin with a letter; lines of a step's output always
 * begin with the job's key (PLAIN) or stand behind a bar (TTY).
 *
 * Memory: a running step keeps its last SL_UI_TAIL_LINES lines, SL_UI_TAIL_BYTES at most.
 * Not thread-safe.  A failed write to out_fd is remembered: sl_ui_event() returns SYS
 * once and nothing more is written (a run is not ended by a reader that went away, unless
 * the caller wants so).
 */
#ifndef SL_CLI_UI_H
#define SL_CLI_UI_H

#include "codec/json.h"
#include "flow/engine.h"

enum {
	SL_UI_TAIL_LINES = 200,
	SL_UI_TAIL_BYTES = 64 << 10,
	SL_UI_TICK_MS = 100, /* how often sl_ui_tick() wants to be called in TTY mode */
};

enum sl_ui_mode { SL_UI_PLAIN, SL_UI_TTY, SL_UI_JSON };

struct sl_ui_opts {
	enum sl_ui_mode mode;
	int out_fd; /* borrowed */
	bool has_colour, is_utf8;
	bool is_terminal;        /* JSON: control characters as \uXXXX there */
	unsigned width, height;  /* of the terminal; 0: ask it at each drawing */
	int64_t (*now_ms)(void); /* NULL: CLOCK_MONOTONIC */
};

/* What fits fd and the environment: isatty, NO_COLOR, TERM, LC_ALL/LC_CTYPE/LANG.
 * getenv's results are borrowed; is_json wins over all. */
struct sl_ui_opts sl_ui_detect(int fd, bool is_json);

struct sl_ui;

int sl_ui_new(const struct sl_ui_opts *o, struct sl_ui **ret,
	      struct sl_err *err) SL_MUST_CHECK;
void sl_ui_free(struct sl_ui *ui); /* takes live lines off the screen; accepts NULL */

/* Shows one event; ev is not kept.  BUG for an event that PROTOCOL.events does not have.
 */
int sl_ui_event(struct sl_ui *ui, const struct sl_json *ev,
		struct sl_err *err) SL_MUST_CHECK;
/* Redraws the clock of what runs; cheap, and nothing where the mode has no motion. */
void sl_ui_tick(struct sl_ui *ui);
/* Takes live lines off the screen before another writer (a message on stderr, a prompt);
 * the next event or tick brings them back. */
void sl_ui_hide(struct sl_ui *ui);

/* Appends s to out, escaped as above.  A newline is escaped too. */
void sl_ui_escape(struct sl_buf *out, struct sl_slice s, bool is_utf8);
/* Appends JSON text with each such character as \uXXXX: the same value, for a terminal.
 */
void sl_ui_json(struct sl_buf *out, struct sl_slice json);
/* "flow.yml:12:5: error: unknown key 'step' in a job", the source line, a caret with its
 * hint; then "2 errors; nothing was run".  path stands where a diagnostic has no file. */
void sl_ui_diags(struct sl_buf *out, const struct sl_ui_opts *o, const char *path,
		 const struct sl_diags *ds);
/* "sluice: message [id]", from an error; lines of hint (may be NULL) indented below. */
void sl_ui_err(struct sl_buf *out, const struct sl_ui_opts *o, const struct sl_err *err,
	       const char *hint);
/* write(2) until all is out; -errno. */
int sl_ui_write(int fd, struct sl_slice s);

#endif
