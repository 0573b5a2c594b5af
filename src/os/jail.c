/* jail.c -- see jail.h. */
#include "os/jail.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
sl_jail_keep_caps(void)
{
	return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0 ? -errno : 0;
}

/* EINVAL ends the capabilities of this kernel, and not before those that every kernel of
 * ours has: else one such answer would look like an empty rest. */
static bool
is_past_last(int c, int e)
{
	return e == EINVAL && c > CAP_CHECKPOINT_RESTORE; /* Linux 5.9 */
}

int
sl_jail_no_caps(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };
	unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
			     SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
			     SECBIT_KEEP_CAPS_LOCKED;

	for (int c = 0; c < 64; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
			if (is_past_last(c, errno))
				break;
			return -errno;
		}
	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &h, d) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int
sl_jail_no_caps_user(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
		       syscall(SYS_capset, &h, d) < 0 ||
		       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		   ? -errno
		   : 0;
}

int
sl_jail_caps(uint64_t *ret_eff, uint64_t *ret_bnd)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };
	uint64_t bnd = 0;

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	for (int c = 0; c < 64; c++) {
		int r = prctl(PR_CAPBSET_READ, c, 0, 0, 0);

		if (r < 0 && is_past_last(c, errno))
			break;
		if (r < 0)
			return -errno;
		bnd |= (uint64_t)r << c;
	}
	/* Permitted and inheritable count too: what is there can be raised. */
	*ret_eff = (uint64_t)(d[1].effective | d[1].permitted | d[1].inheritable) << 32 |
		   d[0].effective | d[0].permitted | d[0].inheritable;
	*ret_bnd = bnd;
	return 0;
}

int
sl_jail_landlock_abi(void)
{
	long r = syscall(SYS_landlock_create_ruleset, NULL, 0,
			 LANDLOCK_CREATE_RULESET_VERSION);

	return r < 0 ? -errno : (int)r;
}

/* The file-system rights of an ABI: landlock(7), "VERSIONS". */
static uint64_t
fs_rights(int abi)
{
	if (abi >= 5)
		return (1 << 16) - 1; /* + ioctl_dev */
	if (abi >= 3)
		return (1 << 15) - 1; /* + truncate */
	return abi >= 2 ? (1 << 14) - 1 : (1 << 13) - 1;
}

/* Scopes (6): no signal and no abstract socket leaves the domain. */
enum { SCOPES = 3, TCP = 3 };

static int
ruleset(int abi, uint64_t fs, uint64_t net, uint64_t scoped)
{
	/* Own layout: the header of the oldest kernel that we build on ends at fs. */
	struct {
		uint64_t fs, net, scoped;
	} a = { fs, net, scoped };
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	long r = syscall(SYS_landlock_create_ruleset, &a, size, 0);

	return r < 0 ? -errno : (int)r;
}

int
sl_jail_landlock_new(int abi)
{
	/* TCP is left to the network namespace: a rule is per port, not per address. */
	return ruleset(abi, fs_rights(abi), 0, abi >= 6 ? SCOPES : 0);
}

int
sl_jail_landlock_whole(void)
{
	return ruleset(SL_LL_ABI_WHOLE, fs_rights(SL_LL_ABI_WHOLE), TCP, SCOPES);
}

int
sl_jail_landlock_scopes(void)
{
	return ruleset(SL_LL_ABI_WHOLE, 0, 0, SCOPES);
}

int
sl_jail_landlock_add(int ruleset, int abi, int path_fd, uint64_t rights, bool is_dir)
{
	const uint64_t of_files = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;
	struct landlock_path_beneath_attr a = {
		.allowed_access =
		    rights & fs_rights(abi) & (is_dir ? UINT64_MAX : of_files),
		.parent_fd = path_fd,
	};

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a,
		       0) < 0
		   ? -errno
		   : 0;
}

int
sl_jail_landlock_on(int ruleset)
{
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

int
sl_jail_seccomp(const struct sock_filter *prog, size_t n, bool is_listening)
{
	union { /* the kernel only reads it */
		const struct sock_filter *in;
		struct sock_filter *out;
	} p = { prog };
	struct sock_fprog f = { .len = (unsigned short)n, .filter = p.out };
	unsigned long flags = is_listening ? SECCOMP_FILTER_FLAG_NEW_LISTENER |
						 SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
					   : 0;
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &f);

	return r < 0 ? -errno : (int)r;
}
