/* run.h -- a flow carried through gate, box and log: what `sluice run` does.
 *
 * The parser role holds the flow; this side obeys what it says, one typed action at a
 * time, and puts each through the gate: the run's decision opens the jobs' boxes, each
 * step's own decision starts its one process.  The outcome of a step and the decision of
 * the next share one batch.
 */
#ifndef SL_RUN_RUN_H
#define SL_RUN_RUN_H

#include "gate/gate.h"
#include "run/event.h"
#include "run/parser.h"

enum { SL_FLOW_BYTES = 1048576 };

struct sl_run_secret {
	struct sl_slice name, value; /* the caller wipes it */
};

struct sl_run_opts {
	const struct sl_home *home;
	struct sl_parser *parser; /* started; borrowed */
	int (*session_gate)(void *session, struct sl_gate **ret, struct sl_err *err);
	void *session;
	const struct sl_listener *listener;
	const char *flow;      /* path as given, for messages */
	const char *workspace; /* absolute, canonical */
	bool is_direct;
	struct sl_grant given;        /* what options give: paths, services, limits */
	struct sl_slice src;          /* the flow's bytes */
	struct sl_slice event;        /* JSON text, or empty */
	const char *event_name;       /* or NULL: the engine takes what `on` asks for */
	const struct sl_slice *input; /* "k=v" */
	size_t n_input;
	const struct sl_slice *env; /* "NAME=VALUE", below the flow's own env */
	size_t n_env;
	const struct sl_run_secret *secret;
	size_t n_secret;
	const char *const *shells; /* found on the host base; NULL at the end */
};

struct sl_run_result {
	struct sl_diags diags; /* in the caller's arena: what is wrong with the flow */
	uint8_t run[32];
	bool has_run;
	const char *conclusion; /* success failure cancelled denied error */
};

/* 0: it succeeded; FAILED: it ran and failed or was cancelled; DENIED; FORMAT, UNKNOWN,
 * UNSUPPORTED with diags where the flow is refused; else what the environment lacks. */
int sl_run(const struct sl_run_opts *o, struct sl_arena *a, struct sl_run_result *ret,
	   struct sl_err *err) SL_MUST_CHECK;

#endif
