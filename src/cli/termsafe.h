/* termsafe.h -- what a command writes, on its way to a person's terminal.
 *
 * It may draw: text, colours, the cursor, the modes of full-screen programs.  It may not
 * act beyond the screen, or make the terminal type: strings to the terminal (OSC with
 * titles, links and the clipboard; DCS, APC, PM, SOS), requests that it answers (reports
 * of device, cursor, window, modes), printing, window operations, ENQ and C1 controls are
 * dropped, bidirectional controls are shown as U+FFFD.  A sequence is let through only
 * when it is whole and known; one of more than SL_TERMSAFE_MAX bytes is dropped.
 *
 * A streaming filter: state is kept between calls, memory is bounded.  What waits for its
 * end at the end of the stream is dropped.
 */
#ifndef SL_CLI_TERMSAFE_H
#define SL_CLI_TERMSAFE_H

#include "base/buf.h"

enum { SL_TERMSAFE_MAX = 64 };

struct sl_termsafe {
	int state;
	uint8_t held[SL_TERMSAFE_MAX]; /* of a sequence or character that is not whole */
	size_t n_held;
	bool is_coloured, is_dirty; /* colours, other modes were set */
	bool is_alternate;          /* the other screen is shown */
	uint64_t n_dropped;         /* sequences and controls */
};

/* {0} is the beginning of a stream.  Appends to out what may be shown of s. */
void sl_termsafe_feed(struct sl_termsafe *t, struct sl_slice s, struct sl_buf *out);
/* Appends what takes back the modes that a command may have left, where it set any. */
void sl_termsafe_end(struct sl_termsafe *t, struct sl_buf *out);

#endif
