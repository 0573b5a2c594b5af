/* role.c -- see role.h. */
#include "priv/role.h"

#include "os/bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no seccomp architecture for this machine"
#endif

/* gcc defines a macro, clang has a feature test. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#if !defined(IS_SANITIZED)
#define IS_SANITIZED 0
#endif

enum { CALLS_MAX = 64, ROLE_FD = 3 };

extern char **environ;

static void
wipe_environment(void)
{
	for (char **e = environ; e != NULL && *e != NULL; e++)
		explicit_bzero(*e, strlen(*e));
	environ = NULL;
}

static int
keep_only(int fd, const int *keep, size_t n_keep)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned from = ROLE_FD + 1;

	if (null_fd < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (dup2(null_fd, i) < 0)
			return -errno;
	if (fd != ROLE_FD && dup3(fd, ROLE_FD, O_CLOEXEC) < 0)
		return -errno;
	/* Close the gaps between what is kept, lowest first. */
	for (;;) {
		unsigned next = ~0U;

		for (size_t i = 0; i < n_keep; i++)
			if (keep[i] >= (int)from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next > from && syscall(SYS_close_range, from, next - 1, 0) < 0)
			return -errno;
		if (next == ~0U)
			return 0;
		from = next + 1;
	}
}

static int
limit(const struct sl_role *role)
{
	const struct rlimit none = { 0, 0 };
	struct rlimit memory = { role->max_memory, role->max_memory }, now;

	if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_AS, &now) < 0)
		return -errno;
	/* Whoever set a lower limit meant it, and a user cannot raise it. */
	if (now.rlim_max < memory.rlim_max)
		memory.rlim_cur = memory.rlim_max = now.rlim_max;
	if (now.rlim_cur < memory.rlim_cur)
		memory.rlim_cur = now.rlim_cur;
	if (!role->has_files &&
	    (setrlimit(RLIMIT_FSIZE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0))
		return -errno;
#if !IS_SANITIZED
	if (role->max_memory != 0 && setrlimit(RLIMIT_AS, &memory) < 0)
		return -errno;
#else
	(void)memory;
#endif
	return 0;
}

static int
filter(const struct sl_role *role)
{
#if IS_SANITIZED
	(void)role;
	return 0;
#else
	enum { KILL, REFUSE, ALLOW, VERDICTS };
	static const uint32_t verdict[VERDICTS] = { [KILL] = SECCOMP_RET_KILL_PROCESS,
						    [REFUSE] = SECCOMP_RET_ERRNO | EPERM,
						    [ALLOW] = SECCOMP_RET_ALLOW };
	/* Each call is at most two ranges more. */
	struct sl_bpf_range range[2 * CALLS_MAX + 4];
	struct sock_filter prog[2 * CALLS_MAX + 16];
	struct sock_fprog p = { .filter = prog };
	uint16_t to[SL_BPF_CALLS] = { 0 };
	unsigned short n = 0;
	size_t n_ranges;
	int r;

	if (role->n_calls + role->n_refused > CALLS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < role->n_refused; i++)
		to[role->refused[i]] = REFUSE;
	for (size_t i = 0; i < role->n_calls; i++)
		to[role->calls[i]] = ALLOW;
	n_ranges = sl_bpf_ranges(to, KILL, KILL, range);
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, arch));
	prog[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	prog[n++] =
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	prog[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	if ((r = sl_bpf_tree(&prog[n], range, n_ranges)) < 0)
		return r;
	n = (unsigned short)(n + n_ranges - 1);
	for (size_t i = 0; i < VERDICTS; i++)
		prog[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict[i]);
	p.len = n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p) < 0 ? -errno : 0;
#endif
}

int
sl_role_enter(const struct sl_role *role, int fd, const int *keep, size_t n_keep)
{
	sigset_t all;
	int r;

	wipe_environment();
	if ((r = keep_only(fd, keep, n_keep)) < 0)
		return r;
	sigfillset(
	    &all); /* a terminal's ^C is for the supervisor, which tells its roles */
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return -errno;
	(void)prctl(PR_SET_NAME, role->name);
	if ((role->dies_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) ||
	    prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if ((r = limit(role)) < 0)
		return r;
	return filter(role);
}
