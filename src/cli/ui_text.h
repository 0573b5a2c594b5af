/* ui_text.h -- what the parts of the display share: colours, symbols, figures, and names
 * cut to size.  Private to src/cli/ui*.c.  Everything appends to a buffer. */
#ifndef SL_CLI_UI_TEXT_H
#define SL_CLI_UI_TEXT_H

#include "cli/ui.h"

enum sl_ui_colour { SL_C_OFF, SL_C_BOLD, SL_C_DIM, SL_C_RED, SL_C_GREEN, SL_C_YELLOW };
enum sl_ui_sym {
	SL_S_OK,
	SL_S_FAIL,
	SL_S_SKIP,
	SL_S_RUN,
	SL_S_BAR,
	SL_S_GROUP,
	SL_S_LEAF,
	SL_S_DOT,
	SL_S_MORE,
};

enum { SL_UI_NAME_COLS = 60, SL_UI_PREFIX_COLS = 24, SL_UI_RULE_COLS = 44 };

void sl_ui_col(struct sl_buf *b, const struct sl_ui_opts *o, enum sl_ui_colour c);
const char *sl_ui_sym(const struct sl_ui_opts *o, enum sl_ui_sym s);
/* A name of foreign origin: escaped, at most max columns (then "..."), and padded with
 * blanks to pad columns. */
void sl_ui_name(struct sl_buf *b, const struct sl_ui_opts *o, struct sl_slice s,
		size_t max, size_t pad);
void sl_ui_dur(struct sl_buf *b, int64_t ms); /* 40ms  2.1s  1m02s  1h02m */
void sl_ui_num(struct sl_buf *b, int64_t n);  /* 1,204 */
void sl_ui_count(struct sl_buf *b, int64_t n, const char *one); /* "1 job", "3 jobs" */
/* The first 12 digits of the ID, as people type it. */
void sl_ui_short(struct sl_buf *b, struct sl_slice hex);
/* "file:line:col" of an event, or nothing. */
void sl_ui_place(struct sl_buf *b, const struct sl_ui_opts *o, const struct sl_json *ev);

#endif
