/* helper.c -- see helper.h. */
#include "priv/helper.h"

#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_START = 127 };

static const char *const place[] = { "libexec/sluice", "../libexec/sluice" };

static int
check_file(int fd, uid_t binary_owner, const char *name, struct sl_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot look at helper %s", name);
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (st.st_uid != 0 && st.st_uid != binary_owner && st.st_uid != geteuid()))
		return SL_ERR(err, ENV,
			      "helper %s is not a file that only its owner can write, of "
			      "root or of sluice's owner: it is not run",
			      name);
	return 0;
}

/* The helper's file, open for execveat(). */
static int
find(const char *name, struct sl_err *err)
{
	char dir[PATH_MAX], path[NAME_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	char *slash;
	struct stat st;
	int dirfd, fd = -1, r;

	if (n <= 0)
		return SL_ERR_SYS(err, -errno, "cannot tell where sluice itself is");
	dir[n] = '\0';
	if (stat("/proc/self/exe", &st) < 0 || (slash = strrchr(dir, '/')) == NULL)
		return SL_ERR(err, ENV, "cannot tell where sluice itself is");
	*slash = '\0';
	dirfd = open(*dir == '\0' ? "/" : dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open %s", dir);
	for (size_t i = 0; fd < 0 && i < sizeof(place) / sizeof(place[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", place[i], name);
		fd = openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	(void)close(dirfd);
	if (fd < 0)
		return SL_ERR(
		    err, ENV,
		    "helper %s is missing: it belongs in libexec/sluice beside %s", name,
		    dir);
	if ((r = check_file(fd, st.st_uid, name, err)) < 0) {
		(void)close(fd);
		return r;
	}
	return fd;
}

/* In the child: nothing here allocates. */
__attribute__((noreturn)) static void
become(pid_t parent, int exe, const int *fd, size_t n_fd, const char *name,
       const char *const *args)
{
	enum { HIGH = 64 };
	static char *const no_env[] = { NULL };
	char *argv[SL_HELPER_ARGS_MAX + 2];
	struct sigaction sa = { .sa_handler = SIG_DFL };
	int high[SL_HELPER_FDS_MAX + 2];
	sigset_t none;
	size_t n = 0;

	/* First out of the way of the numbers that they get. */
	for (size_t i = 0; i < n_fd; i++)
		if ((high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, HIGH)) < 0)
			_exit(EXIT_START);
	if ((exe = fcntl(exe, F_DUPFD_CLOEXEC, HIGH)) < 0)
		_exit(EXIT_START);
	if ((high[n_fd] = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		_exit(EXIT_START);
	for (int i = 0; i < SL_HELPER_FD; i++)
		if (dup2(high[n_fd], i) < 0)
			_exit(EXIT_START);
	for (size_t i = 0; i < n_fd; i++)
		if (dup2(high[i], SL_HELPER_FD + (int)i) < 0)
			_exit(EXIT_START);
	if (sl_os_cloexec_from(SL_HELPER_FD + (unsigned)n_fd) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(EXIT_START);
	for (int s = 1; s < NSIG; s++)
		(void)sigaction(s, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* NOLINTBEGIN(performance-no-int-to-ptr): exec only reads them */
	argv[n++] = (char *)(uintptr_t)name;
	for (; args != NULL && *args != NULL && n <= SL_HELPER_ARGS_MAX; args++)
		argv[n++] = (char *)(uintptr_t)*args;
	/* NOLINTEND(performance-no-int-to-ptr) */
	argv[n] = NULL;
	(void)sl_os_execveat(exe, "", argv, no_env, AT_EMPTY_PATH);
	_exit(EXIT_START);
}

int
sl_helper_start(const char *name, const struct sl_helper_opt *opt, struct sl_helper *ret,
		struct sl_err *err)
{
	int fd[SL_HELPER_FDS_MAX + 1], pair[2], exe, r;
	pid_t pid, parent = getpid();

	if (opt->n_fds > SL_HELPER_FDS_MAX)
		return SL_ERR(err, BUG, "%zu descriptors for %s", opt->n_fds, name);
	if ((exe = find(name, err)) < 0)
		return exe;
	if ((r = sl_chan_pair(pair, err)) < 0) {
		(void)close(exe);
		return r;
	}
	fd[0] = pair[1];
	if (opt->n_fds != 0)
		memcpy(fd + 1, opt->fds, opt->n_fds * sizeof(*fd));
	if ((pid = fork()) == 0)
		become(parent, exe, fd, opt->n_fds + 1, name, opt->args);
	r = pid < 0 ? SL_ERR_SYS(err, -errno, "cannot start helper %s", name) : 0;
	(void)close(exe);
	(void)close(pair[1]);
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	*ret = (struct sl_helper){
		.chan = { .fd = pair[0], .ops = opt->ops, .n_ops = opt->n_ops },
		.pid = pid
	};
	return 0;
}

int
sl_helper_stop(struct sl_helper *h, int grace_ms)
{
	enum { TICK_MS = 5 };
	int status = 0, waited = 0;
	pid_t got;

	if (h->pid <= 0)
		return 0;
	(void)close(h->chan.fd);
	while ((got = waitpid(h->pid, &status, WNOHANG)) == 0 && waited < grace_ms) {
		(void)usleep(TICK_MS * 1000);
		waited += TICK_MS;
	}
	if (got == 0) {
		(void)kill(h->pid, SIGKILL);
		while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	h->pid = 0;
	return status;
}
