/* helper.h -- starts a helper: an executable of libexec/sluice/ that links what the
 * binary itself must not (an HTTP server, SQLite, OpenSSL, ...), and talks one protocol
 * with it.
 *
 * The helper is looked for beside the running binary and nowhere else:
 * DIR/libexec/sluice/NAME in a build tree, DIR/../libexec/sluice/NAME where it is
 * installed, DIR being the directory of /proc/self/exe.  It has to be a regular file that
 * nobody but its owner can write, of root, of the binary's owner or of the caller.  It
 * starts with its channel as descriptor 3, the descriptors that it is given as 4, 5, ...,
 * 0 to 2 on /dev/null, no environment, default signals, no new privileges and a death
 * with its parent.  What else it gives up it does itself, once its libraries are set up
 * (sl_role_enter(), which keeps those descriptors), before it reads a byte.
 *
 * In the helper: int main(void) { ... sl_role_enter(&role, SL_HELPER_FD, keep, n) ... }
 */
#ifndef SL_PRIV_HELPER_H
#define SL_PRIV_HELPER_H

#include "priv/chan.h"

#include <sys/types.h>

enum { SL_HELPER_FD = 3, SL_HELPER_FDS_MAX = 16, SL_HELPER_ARGS_MAX = 8 };

struct sl_helper {
	struct sl_chan chan; /* our end; its ops are the caller's table */
	pid_t pid;
};

struct sl_helper_opt {
	const int *fds; /* borrowed: the helper's 4, 5, ...; at most SL_HELPER_FDS_MAX */
	size_t n_fds;
	const char *const *args;      /* after its name; NULL, or NULL-terminated */
	const struct sl_chan_op *ops; /* what the helper may say; outlives it */
	size_t n_ops;
};

/* name: "sluice-NAME".  ENV where it is missing or cannot be run. */
int sl_helper_start(const char *name, const struct sl_helper_opt *opt,
		    struct sl_helper *ret, struct sl_err *err) SL_MUST_CHECK;
/* Closes the channel, which is its order to end, kills it where it has not within
 * grace_ms, and reaps it.  Returns its wait status; accepts one that was never started
 * (pid 0). */
int sl_helper_stop(struct sl_helper *h, int grace_ms);

#endif
