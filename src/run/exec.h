/* exec.h -- one command through gate, box and log: what `sluice exec` does, and the
 * shortest walk through the waist. */
#ifndef SL_RUN_EXEC_H
#define SL_RUN_EXEC_H

#include "box/box.h"
#include "gate/gate.h"
#include "grant/act.h"
#include "roots/store.h"
#include "run/event.h"
#include "run/learn.h"
#include "run/profile.h"
#include "run/ws_changes.h"

/* What had been done when, in microseconds of the monotonic clock. */
struct sl_exec_phase {
	const char *name;
	int64_t at_us;
};

enum { SL_EXEC_PHASES = 12 };

struct sl_exec {
	const struct sl_home *home;
	/* Opens the gate once the box is being prepared; the gate stays the caller's. */
	int (*session_gate)(void *session, struct sl_gate **ret, struct sl_err *err);
	void *session;
	struct sl_grant want;
	const struct sl_named_profile *profile; /* that want was made from, or NULL */
	const struct sl_root *root; /* that want names, open; NULL: the host's */
	struct sl_act act;
	const char *own_dir;    /* at tier T0 (sl_box_own_dir), else NULL */
	struct sl_proxy *proxy; /* the caller's, for a want with a network; or NULL */
	int stdin_fd;
	/* Where output goes: raw bytes to write (stream 1 or 2; -errno ends the act), or,
	 * with a listener, as events. */
	int (*write)(void *arg, int stream, struct sl_slice bytes);
	void (*denied)(void *arg,
		       const struct sl_obs *o); /* first of its kind; may be NULL */
	/* Something is left in place that the host would obey; may be NULL. */
	void (*left)(void *arg, const struct sl_ws_change *c);
	void *arg;
	const struct sl_listener *listener; /* or NULL */
	const struct sl_box_trace *trace;   /* or NULL: calls by name are looked at */
	/* Told what was done; what it says of that when the act has ended by itself is in
	 * lesson, and why it can say nothing in learn_err.  learn_from: home, path, cwd,
	 * env by the caller. */
	struct sl_learn *learn; /* or NULL */
	struct sl_learn_from learn_from;
	const struct sl_lesson *lesson;
	struct sl_err learn_err;
	/* The caller's come first: [0] is the beginning. */
	struct sl_exec_phase phase[SL_EXEC_PHASES];
	size_t n_phases;
	bool is_timed;          /* they go into run.done */
	struct sl_proc_end end; /* out: how the command ended, where it was started */
};

/* The command's status as a wrapper gives it (128 + signal, 126, 127), or SL_E(...):
 * DENIED when policy says no. */
int sl_exec(struct sl_exec *x, struct sl_err *err) SL_MUST_CHECK;
void sl_exec_mark(struct sl_exec *x, const char *phase); /* one more: now */

#endif
