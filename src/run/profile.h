/* profile.h -- profiles by name: the shipped ones, and the user's own in
 * $SLUICE_HOME/profiles/.
 *
 * A file there with the name of a shipped profile is an error for whoever asks for that
 * name: neither hides the other.  Others than the owner of the home must not be able to
 * write to the file or its directory, and neither may be a symlink.
 */
#ifndef SL_RUN_PROFILE_H
#define SL_RUN_PROFILE_H

#include "grant/profile.h"
#include "record/home.h"

enum { SL_PROFILES_OWN_MAX = 256 };

struct sl_named_profile {
	const char *name;
	const char *file; /* "NAME (shipped)", or the path: for messages */
	bool is_shipped;
	const struct sl_profile *p;
};

/* NOENT: there is none of that name; err lists where was looked. */
int sl_profile_find(const struct sl_home *home, const char *name, struct sl_arena *a,
		    struct sl_named_profile *ret, struct sl_err *err) SL_MUST_CHECK;
/* The names of all: the shipped ones, then the user's in order. */
int sl_profile_list(const struct sl_home *home, struct sl_arena *a,
		    const char *const **ret, size_t *ret_n,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
