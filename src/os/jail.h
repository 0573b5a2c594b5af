/* jail.h -- giving up rights: capabilities, Landlock, seccomp.  -errno on failure. */
#ifndef SL_OS_JAIL_H
#define SL_OS_JAIL_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int sl_jail_keep_caps(void); /* caps outlive a change of uid until sl_jail_no_caps() */
/* Drops the bounding, ambient, inheritable, permitted and effective sets, locks the
 * securebits, sets no_new_privs. */
int sl_jail_no_caps(void);
/* The same for who has no capability and so may not touch the bounding set, which without
 * new privileges gives nobody any. */
int sl_jail_no_caps_user(void);
/* What the kernel says: effective, permitted and inheritable together, and bounding. */
int sl_jail_caps(uint64_t *ret_eff, uint64_t *ret_bnd);
int sl_jail_landlock_abi(void); /* or -errno */

/* Rights as of ABI 1..5; a rule is cut to what the ruleset handles. */
enum {
	SL_LL_EXEC = 1 << 0,
	SL_LL_READ = 1 << 2 | 1 << 3,
	SL_LL_WRITE_FILE = 1 << 1 | 1 << 14,
	SL_LL_MAKE_SOCK = 1 << 9,
	/* write, remove and make anything but device nodes and sockets, refer */
	SL_LL_WRITE = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12 |
		      1 << 13 | 1 << 14,
	SL_LL_ALL = (1 << 16) - 1,
};
int sl_jail_landlock_new(int abi); /* a ruleset that handles all of that ABI */
/* Of the first ABI that can stand alone: as new, and no TCP; and its scopes alone, for a
 * domain within one. */
enum { SL_LL_ABI_WHOLE = 6 };
int sl_jail_landlock_whole(void);
int sl_jail_landlock_scopes(void);
int sl_jail_landlock_add(int ruleset, int abi, int path_fd, uint64_t rights, bool is_dir);
int sl_jail_landlock_on(int ruleset);
/* Installs a program; is_listening gives the notification descriptor, else 0. */
int sl_jail_seccomp(const struct sock_filter *prog, size_t n, bool is_listening);

#endif
