/* emit.h -- the events that `exec` and `run` have in common, and the record of one act:
 * from its output to its outcome.  Between the box (bytes, observations) and the
 * listener (events) stands one struct sl_emit for the act under way. */
#ifndef SL_RUN_EMIT_H
#define SL_RUN_EMIT_H

#include "box/box.h"
#include "gate/gate.h"
#include "run/event.h"
#include "run/output.h"

struct sl_emit {
	const struct sl_listener *listener; /* or NULL: no events */
	const struct sl_masks *masks;       /* or NULL */
	const char *job, *key, *step;       /* of the act under way */
	int64_t index, depth;
	const char *id;
	const char *file; /* of the flow, where line is not 0: the step's place in it */
	int64_t line;
	bool is_direct;        /* the run writes in place */
	uint64_t n_denials;    /* of the whole run */
	struct sl_sha256 hash; /* over the output as shown */
	uint64_t len_output, n_lines;
	int failed; /* SL_E(...) of the first event that could not be sent */
	struct sl_err err;
};

/* An event of the act: with job, key and index. */
struct sl_json *sl_emit_new(const struct sl_emit *e, struct sl_jb *b, const char *name);
void sl_emit_send(struct sl_emit *e, struct sl_jb *b, const struct sl_json *ev);
void sl_emit_begin(struct sl_emit *e); /* resets what is counted for one act */
/* One line, masked already: hashed, and sent as step.output. */
void sl_emit_line(struct sl_emit *e, int stream, struct sl_slice text, bool is_partial);
/* A refused act of the box. */
void sl_emit_observed(struct sl_emit *e, const struct sl_obs *x);
void sl_emit_job_start(struct sl_emit *e, const char *name, int64_t steps,
		       const struct sl_box_vector *v);
void sl_emit_step_start(struct sl_emit *e, const uint8_t decision[32]);

struct sl_emit_end {
	const char *outcome, *conclusion, *refused;
	const struct sl_proc_end *end; /* or NULL */
	const char *limit;             /* "wall" for a time-out, ... or NULL */
	int64_t wall_ms;
};

void sl_emit_step_done(struct sl_emit *e, const struct sl_emit_end *x);
void sl_emit_job_done(struct sl_emit *e, const char *name, const char *result,
		      int64_t wall_ms);
void sl_emit_decision(struct sl_emit *e, const struct sl_decision_view *d,
		      const uint8_t policy[32], bool is_step);
/* The decision's counter-offer in words, smallest first, at most max of them; how many
 * were written to ret. */
size_t sl_emit_remedies(const struct sl_decision_view *d, bool is_direct, struct sl_jb *b,
			const char **ret, size_t max);
void sl_emit_notice(struct sl_emit *e, const char *level, struct sl_slice msg);

#endif
