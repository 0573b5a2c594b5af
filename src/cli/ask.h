/* ask.h -- a request about a run that is over or under way (cancel, apply, drop): decided
 * by policy, durable, before anything is done about it. */
#ifndef SL_CLI_ASK_H
#define SL_CLI_ASK_H

#include "cli/session.h"
#include "record/read.h"
#include "run/taint_say.h"

struct sl_ask {
	const char *kind;              /* "cancel", "apply", "drop"; "key", "erase" */
	const struct sl_run_info *run; /* NULL: it is about the node */
	const char *job, *target;      /* further keys of the context, or NULL */
	const struct sl_ws_changes *const *changes; /* apply: what their taint says */
	size_t n_changes;
};

/* DENIED where policy says no; the decision is in the log either way. */
int sl_ask(struct sl_session *s, const struct sl_ask *q,
	   struct sl_err *err) SL_MUST_CHECK;
/* As sl_ask(), with what policy asks of the changes' taint, in a. */
int sl_ask_apply(struct sl_session *s, const struct sl_ask *q, struct sl_arena *a,
		 struct sl_taint_rules *ret, struct sl_err *err) SL_MUST_CHECK;
/* What it would ask now; nothing is decided. */
int sl_ask_foresee(struct sl_session *s, const struct sl_ask *q, struct sl_arena *a,
		   struct sl_taint_rules *ret, struct sl_err *err) SL_MUST_CHECK;
/* The run that hex names, read with a reader of its own. */
int sl_ask_run(struct sl_session *s, struct sl_slice hex, struct sl_arena *a,
	       struct sl_run_info *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
