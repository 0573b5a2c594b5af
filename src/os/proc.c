/* proc.c -- see proc.h. */
#include "os/proc.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

pid_t
sl_os_clone(uint64_t ns_flags, int cgroup_fd, int exit_signal, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args a = {
		.flags = ns_flags | (unsigned)CLONE_PIDFD |
			 (cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0ULL),
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = (unsigned)exit_signal,
		.cgroup = cgroup_fd >= 0 ? (unsigned)cgroup_fd : 0U,
	};
	long r = syscall(SYS_clone3, &a, sizeof(a));

	if (r < 0)
		return -errno;
	if (r > 0)
		*ret_pidfd = pidfd;
	return (pid_t)r;
}

int
sl_os_wait(int pidfd, bool is_nohang, int *ret_code, int *ret_value)
{
	siginfo_t si = { 0 };
	int r;

	do
		r = waitid(P_PIDFD, (id_t)pidfd, &si,
			   WEXITED | __WALL | (is_nohang ? WNOHANG : 0));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (si.si_pid == 0)
		return -EAGAIN;
	*ret_code = si.si_code;
	*ret_value = si.si_status;
	return 0;
}

int
sl_os_wait_end(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Nothing is running or waiting to run but we and the child. */
static bool
is_otherwise_idle(void)
{
	char text[64] = "";
	const char *p = text;

	if (sl_os_read_file(AT_FDCWD, "/proc/loadavg", text, sizeof(text) - 1) <= 0)
		return false;
	for (int i = 0; i < 3 && p != NULL; i++) /* the averages */
		p = (p = strchr(p, ' ')) != NULL ? p + 1 : NULL;
	return p != NULL && strtoul(p, NULL, 10) <= 2;
}

bool
sl_os_keep_elsewhere(pid_t pid, bool is_kept)
{
	cpu_set_t all, set;
	unsigned cpu;

	if (getcpu(&cpu, NULL) < 0 || cpu >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(all), &all) < 0 || CPU_COUNT(&all) != 2)
		return false;
	set = all;
	if (is_kept)
		CPU_CLR(cpu, &set);
	return sched_setaffinity(pid, sizeof(set), &set) == 0;
}

void
sl_os_start_elsewhere(pid_t child)
{
	/* It is moved at once; then it may run anywhere again. */
	if (is_otherwise_idle() && sl_os_keep_elsewhere(child, true))
		(void)sl_os_keep_elsewhere(child, false);
}

int
sl_os_pidfd_open(pid_t pid)
{
	long r = syscall(SYS_pidfd_open, pid, 0);

	return r < 0 ? -errno : (int)r;
}

int
sl_os_pidfd_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int
sl_os_pidfd_getfd(int pidfd, int fd)
{
	long r = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return r < 0 ? -errno : (int)r;
}

int
sl_os_close_from(unsigned first)
{
	return close_range(first, ~0U, 0) < 0 ? -errno : 0;
}

int
sl_os_cloexec_from(unsigned first)
{
	return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

int
sl_os_execveat(int fd, const char *path, char *const *argv, char *const *env, int flags)
{
	(void)syscall(SYS_execveat, fd, path, argv, env, flags);
	return -errno;
}

static int
open2(int dirfd, const char *path, int flags, unsigned mode, uint64_t resolve)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.mode = (flags & O_CREAT) != 0 ? mode : 0,
				.resolve = resolve | (unsigned)RESOLVE_NO_SYMLINKS |
					   (unsigned)RESOLVE_NO_MAGICLINKS };
	long r;

	do
		r = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r < 0 ? -errno : (int)r;
}

int
sl_os_open_abs(const char *path, int flags)
{
	return open2(AT_FDCWD, path, flags, 0, 0);
}

int
sl_os_open_below(int dirfd, const char *path, int flags, unsigned mode)
{
	return open2(dirfd, path, flags, mode, RESOLVE_BENEATH);
}

int
sl_os_walk(int dirfd, const char *rel, bool is_making)
{
	char part[256];
	int at = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		return -errno;

	while (at >= 0 && *rel != '\0') {
		size_t n = strcspn(rel, "/");
		int next;

		if (n >= sizeof(part)) {
			(void)close(at);
			return -ENAMETOOLONG;
		}
		memcpy(part, rel, n);
		part[n] = '\0';
		rel += n + (rel[n] == '/');
		if (n == 0)
			continue;
		next = strcmp(part, ".") == 0 || strcmp(part, "..") == 0 ? -EINVAL : 0;
		if (next == 0 && is_making && mkdirat(at, part, 0755) < 0 &&
		    errno != EEXIST)
			next = -errno;
		if (next == 0 &&
		    (next = openat(at, part,
				   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
			next = -errno;
		(void)close(at);
		at = next;
	}
	return at;
}

int
sl_os_write_all(int fd, const void *p, size_t n)
{
	const char *c = p;

	while (n > 0) {
		ssize_t w = write(fd, c, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		c += w;
		n -= (size_t)w;
	}
	return 0;
}

int
sl_os_write_file(int dirfd, const char *path, int flags, unsigned mode, const void *p,
		 size_t n)
{
	SL_AUTO_FD fd =
	    openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, mode);

	return fd < 0 ? -errno : sl_os_write_all(fd, p, n);
}

ssize_t
sl_os_read_file(int dirfd, const char *path, void *p, size_t cap)
{
	SL_AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t n = 0;

	if (fd < 0)
		return -errno;
	while (n < cap) {
		ssize_t r = read(fd, (char *)p + n, cap - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

int64_t
sl_os_read_number(const char *path)
{
	char b[32] = "";
	ssize_t n = sl_os_read_file(AT_FDCWD, path, b, sizeof(b) - 1);
	char *end;
	long long v;

	if (n < 0)
		return n;
	v = strtoll(b, &end, 10);
	return end == b || v < 0 ? -EINVAL : v;
}

static int64_t
clock_ms(clockid_t c)
{
	struct timespec t;

	(void)clock_gettime(c, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
sl_os_now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t
sl_os_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

bool
sl_os_same_file(int fd, int dirfd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dirfd, path, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
sl_os_send_bytes_fd(int sock, int fd, const void *p, size_t n)
{
	union { /* the kernel only reads it */
		const void *in;
		void *out;
	} bytes = { p };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl = { 0 };
	struct iovec iov = { bytes.out, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *cm;

		m.msg_control = ctl.buf;
		m.msg_controllen = sizeof(ctl.buf);
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	ssize_t r;

	/* The descriptor goes with the first byte. */
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	while (r >= 0 && (size_t)r < n) {
		ssize_t more =
		    send(sock, (const uint8_t *)p + r, n - (size_t)r, MSG_NOSIGNAL);

		if (more < 0 && errno == EINTR)
			continue;
		r = more < 0 ? more : r + more;
	}
	return r < 0 ? -errno : 0;
}

int
sl_os_send_fd(int sock, int fd, char tag)
{
	return sl_os_send_bytes_fd(sock, fd, &tag, 1);
}

int
sl_os_recv_fd(int sock, char *ret_tag, int *ret_fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl;
	char tag = 0;
	struct iovec iov = { &tag, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl.buf,
			    .msg_controllen = sizeof(ctl.buf) };
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&m); cm != NULL; cm = CMSG_NXTHDR(&m, cm))
		if (cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
			memcpy(ret_fd, CMSG_DATA(cm), sizeof(*ret_fd));
	*ret_tag = tag;
	return 1;
}
