/* sandbox.h -- what a flow's `sandbox` keys come to: the grant that the run wants, and
 * that of each job and step within it.
 *
 * Pure but for profiles of the user's own, which are read, and their paths, which are
 * looked up.  A path that the flow itself names is looked at by nobody before policy has
 * seen it, and then followed through no link: it is the place, or the box is refused.
 *
 * A level takes from the level above and never adds to it.  What the flow's own level
 * asks for beyond what the run was given is no mistake but a want: policy decides.
 */
#ifndef SL_RUN_SANDBOX_H
#define SL_RUN_SANDBOX_H

#include "flow/diag.h"
#include "run/profile.h"

enum { SL_FLOW_PROFILES_MAX = 64 }; /* that one flow names */

struct sl_sandboxes_in {
	const struct sl_json *plan;    /* of the engine: foreign */
	const struct sl_grant *given;  /* without any key: defaults and options */
	const struct sl_home *home;    /* of profiles */
	struct sl_diag_list *problems; /* where a level is wider than the one above */
};

/* What the flow asks for beyond what was given. */
struct sl_flow_want {
	const char *kind;     /* "read", "write", "env", "net", or the name of a limit */
	struct sl_slice what; /* the path, the name, HOST:PORT, the value */
};

struct sl_sandboxes {
	struct sl_grant want;
	const struct sl_grant **grant; /* of each key, in the order of the plan */
	size_t n;
	struct sl_flow_want *beyond;
	size_t n_beyond;
	const struct sl_named_profile *profile; /* those that keys name, each once */
	size_t n_profiles;
};

/* FORMAT or UNSUPPORTED with problems; else NOMEM, or BUG where the plan is none. */
int sl_sandboxes_make(const struct sl_sandboxes_in *in, struct sl_arena *a,
		      struct sl_sandboxes *ret, struct sl_err *err) SL_MUST_CHECK;
/* The grant of an action of the engine: that of its key, else the run's. */
int sl_sandboxes_of(const struct sl_sandboxes *s, const struct sl_json *action,
		    const struct sl_grant **ret, struct sl_err *err) SL_MUST_CHECK;

#endif
