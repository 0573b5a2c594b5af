/* want.h -- what a command asks for, put together: a profile, then paths and names of
 * variables, on this host.
 *
 * Paths are resolved here, at once: a grant holds the place itself, never a link to it.
 * A place that is named twice is one grant, of all that was asked for it.
 */
#ifndef SL_RUN_WANT_H
#define SL_RUN_WANT_H

#include "run/profile.h"

struct sl_want {
	struct sl_arena *a;
	struct sl_grant g; /* the want so far */
	struct sl_grant_fs *fs;
	struct sl_slice *env;
	struct sl_grant_net *net;
	size_t max_fs, max_env, max_net;
};

/* Room for so many paths, names and services beside those of the profile.  p: NULL for
 * none; with one, all that it has is taken. */
struct sl_want_room {
	size_t fs, env, net;
};
int sl_want_init(struct sl_want *w, struct sl_arena *a, struct sl_want_room room,
		 const struct sl_named_profile *p, struct sl_err *err) SL_MUST_CHECK;
/* Relative paths are the caller's.  NOENT, USAGE, LIMIT. */
int sl_want_path(struct sl_want *w, const char *path, unsigned access,
		 struct sl_err *err) SL_MUST_CHECK;
int sl_want_env(struct sl_want *w, struct sl_slice name,
		struct sl_err *err) SL_MUST_CHECK;
/* HOST:PORT as an owner writes it. */
int sl_want_net(struct sl_want *w, struct sl_slice text,
		struct sl_err *err) SL_MUST_CHECK;
/* The place that a path of a profile means. */
int sl_want_resolve(struct sl_arena *a, const struct sl_profile_path *p,
		    struct sl_slice *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
