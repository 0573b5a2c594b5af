/* output.h -- what a step writes, cut into lines, with secrets masked, counted and
 * hashed as shown.
 *
 * A mask is replaced by "***" wherever it stands in a line; a mask of several lines
 * masks each of them.  With a secret come its usual encodings: base64 at each of the
 * three alignments, URL- and JSON-escaped.  A line longer than SL_LINE_MAX is handed on
 * in parts, cut so that no mask is split.  Lines are handed on without their end.
 */
#ifndef SL_RUN_OUTPUT_H
#define SL_RUN_OUTPUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/sha256.h"

enum {
	SL_LINE_MAX = 16 << 10,
	SL_MASKS_MAX = 4096,
	SL_MASK_MAX =
	    8 << 10, /* a longer line of a secret is masked by its first bytes */
};

struct sl_masks {
	struct sl_arena a;
	struct sl_slice *m; /* longest first */
	size_t n, cap, longest;
};

void sl_masks_init(struct sl_masks *m);
void sl_masks_done(struct sl_masks *m); /* wipes */
/* Lines shorter than 2 bytes would mask everything: ignored, as GitHub does. */
int sl_masks_add(struct sl_masks *m, struct sl_slice secret, bool with_encodings,
		 struct sl_err *err) SL_MUST_CHECK;
/* Appends s to out with every mask replaced. */
void sl_masks_apply(const struct sl_masks *m, struct sl_slice s, struct sl_buf *out);

struct sl_output {
	const struct sl_masks *masks;
	/* text: one line, not masked yet when it may be a command (the receiver masks
	 * what it shows with sl_masks_apply); see sl_output_feed. */
	int (*line)(void *arg, int stream, struct sl_slice text, bool is_partial);
	void *arg;
	struct sl_buf part[2]; /* the unfinished line of stdout, stderr */
	bool is_part_cut[2];
	uint64_t n_lines;
	int failed; /* what line() returned */
};

void sl_output_init(struct sl_output *o, const struct sl_masks *masks,
		    int (*line)(void *, int, struct sl_slice, bool), void *arg);
void sl_output_done(struct sl_output *o);
/* Splits bytes into lines; line() gets each raw. */
void sl_output_feed(struct sl_output *o, int stream, struct sl_slice bytes);
void sl_output_flush(struct sl_output *o); /* the last lines without an end */

/* Appends s with what is not UTF-8 replaced by U+FFFD, so that it fits JSON. */
void sl_output_utf8(struct sl_slice s, struct sl_buf *out);

#endif
