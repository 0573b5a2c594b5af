/* outcome.h -- what happened, as predicates: the outcome (SLSA Provenance v1) and the
 * observation (in-toto runtime-trace v0.1) of a step or a run. */
#ifndef SL_RUN_OUTCOME_H
#define SL_RUN_OUTCOME_H

#include "box/box.h"
#include "gate/gate.h"

struct sl_outcome {
	const char
	    *conclusion; /* success failure cancelled skipped interrupted refused */
	const char *why; /* or NULL: the limit, the time-out, the refusal */
	const struct sl_proc_end *end;      /* or NULL: no process was started */
	const struct sl_box_vector *vector; /* or NULL */
	int64_t started_ms, finished_ms;    /* wall clock */
	const uint8_t *output; /* 32 bytes: SHA-256 of the output as shown; or NULL */
	uint64_t len_output;
	struct sl_json *more; /* further keys of "sluice"; or NULL */
};

struct sl_json *sl_outcome_json(struct sl_jb *b, const struct sl_decision_view *d,
				const char *did, const struct sl_outcome *o);
struct sl_json *sl_observation_json(struct sl_jb *b, const struct sl_decision_view *d,
				    const char *did, const struct sl_obs *obs, size_t n,
				    const struct sl_obs_lost *lost, uint64_t n_left);
/* What the box is, as read back. */
struct sl_json *sl_vector_json(struct sl_jb *b, const struct sl_box_vector *v);

#endif
