/* role.h -- what a forked role gives up before it reads its first message.
 *
 * sl_role_enter(): wipes the inherited environment strings, closes every descriptor but
 * the kept ones, becomes undumpable, dies with its parent where the row says so, sets
 * no_new_privs and the row's limits, and installs a seccomp filter that kills on any call
 * which the row does not list.  In a sanitizer build the filter is left out: its run-time
 * makes calls of its own.
 */
#ifndef SL_PRIV_ROLE_H
#define SL_PRIV_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_role {
	const char *name; /* the process's name in ps */
	const int *calls; /* system calls allowed */
	size_t n_calls;
	const int *refused; /* calls that get EPERM, for a library that can do without */
	size_t n_refused;
	uint64_t max_memory; /* RLIMIT_AS bytes; 0: none */
	bool dies_with_parent;
	bool has_files; /* may keep RLIMIT_NOFILE and FSIZE as they are */
};

/* Moves fd to 3 and closes everything else but 0-2 (which become /dev/null) and the
 * n_keep further descriptors; -errno. */
int sl_role_enter(const struct sl_role *role, int fd, const int *keep, size_t n_keep);

#endif
