/* payload.h -- what the test program does when it is itself run inside a box: one
 * named attempt, whose errno (0: it worked) is its exit status and its output. */
#ifndef SL_TESTS_BOX_PAYLOAD_H
#define SL_TESTS_BOX_PAYLOAD_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static inline int
pl_sock(int family, int type)
{
	return socket(family, type, 0) < 0 ? errno : 0;
}

static inline int
pl_inet(const char *ip, int port, int is_bind)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)inet_pton(AF_INET, ip, &a.sin_addr);
	return (is_bind ? bind(fd, (struct sockaddr *)&a, sizeof(a))
			: connect(fd, (struct sockaddr *)&a, sizeof(a))) < 0
		   ? errno
		   : 0;
}

static inline int
pl_unix(const char *path, int type, int is_bind)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0)
		return errno;
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	return (is_bind ? bind(fd, (struct sockaddr *)&a, sizeof(a))
			: connect(fd, (struct sockaddr *)&a, sizeof(a))) < 0
		   ? errno
		   : 0;
}

/* A server and a client in one box; the bytes must arrive. */
static inline int
pl_unix_pair(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), d;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char b[3] = "";

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 1) < 0 ||
	    connect(c, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    (d = accept(s, NULL, NULL)) < 0 || write(c, "hi", 2) != 2 ||
	    read(d, b, 2) != 2)
		return errno;
	if (getsockopt(d, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
	    cred.uid != getuid())
		return 200;
	return strcmp(b, "hi") == 0 ? 0 : 201;
}

static volatile int pl_stop;
static struct sockaddr_un pl_addr;
static const char *pl_bad;

static inline void *
pl_flip(void *good)
{
	while (!pl_stop) {
		(void)snprintf(pl_addr.sun_path, 100, "%s", (char *)good);
		(void)snprintf(pl_addr.sun_path, 100, "%s", pl_bad);
	}
	return NULL;
}

/* The address changes under the supervisor's eyes: no connect may reach /grant. */
static inline int
pl_race(const char *good, const char *bad)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), hits = 0;
	pthread_t t;

	pl_bad = bad;
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", good);
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 4096) < 0)
		return 202;
	pl_addr = a;
	if (pthread_create(&t, NULL, pl_flip, (void *)(uintptr_t)good) != 0)
		return 203;
	for (int i = 0; i < 300; i++) {
		struct sockaddr_un peer = { 0 };
		socklen_t len = sizeof(peer);
		int c = socket(AF_UNIX, SOCK_STREAM, 0);

		if (connect(c, (struct sockaddr *)&pl_addr, sizeof(pl_addr)) == 0 &&
		    getpeername(c, (struct sockaddr *)&peer, &len) == 0 &&
		    strcmp(peer.sun_path, bad) == 0)
			hits++;
		(void)close(c);
	}
	pl_stop = 1;
	(void)pthread_join(t, NULL);
	return hits > 0 ? 204 : 0;
}

static inline int
pl_sys(long nr, long a, long b, long c)
{
	return syscall(nr, a, b, c, 0L, 0L) < 0 ? errno : 0;
}

static inline int
pl_tiocsti(int high)
{
	char c = 'x';
	unsigned long cmd = 0x5412 | (high ? 0x100000000UL : 0);

	return syscall(SYS_ioctl, 0, cmd, &c) < 0 ? errno : 0;
}

static inline int
pl_memory(size_t mib)
{
	for (size_t i = 0; i < mib; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return errno;
		memset(p, 1, 1 << 20);
		if (i % 64 == 0)
			(void)usleep(5000);
	}
	for (;;)
		(void)pause();
}

static inline _Noreturn void
pl_fork_bomb(void)
{
	for (;;)
		if (fork() < 0)
			(void)sched_yield();
}

static inline int
pl_daemon(void)
{
	if (fork() == 0) {
		(void)setsid();
		if (fork() == 0) {
			(void)signal(SIGTERM, SIG_IGN);
			(void)!write(1, "daemon\n", 7);
			for (;;)
				(void)pause();
		}
		_exit(0);
	}
	(void)wait(NULL);
	return 0;
}

static inline int
pl_fill(const char *path)
{
	static char b[1 << 20];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		return errno;
	for (int i = 0; i < 4096; i++)
		if (write(fd, b, sizeof(b)) < 0)
			return errno;
	return 0;
}

/* Every call that takes a mode, with a set-id bit in it, as the kernel sees it: its
 * errno, or 0 where the file has the bit then. */
static inline int
pl_setid(const char *dir, const char *how, mode_t bit)
{
	mode_t mode = 0755 | bit;
	char f[300], fd_path[40];
	struct stat st;
	int fd = -1, r = -1, e;

	(void)snprintf(f, sizeof(f), "%s/f", dir);
	(void)unlink(f);
	(void)umask(0);
	if (strstr(how, "chmod") != NULL && (fd = open(f, O_CREAT | O_RDWR, 0644)) < 0)
		return 220;
	if (strcmp(how, "open") == 0)
		r = (int)syscall(SYS_open, f, O_CREAT | O_RDWR, mode);
	else if (strcmp(how, "openat") == 0)
		r = (int)syscall(SYS_openat, AT_FDCWD, f, O_CREAT | O_RDWR, mode);
	else if (strcmp(how, "creat") == 0)
		r = (int)syscall(SYS_creat, f, mode);
	else if (strcmp(how, "mknod") == 0)
		r = (int)syscall(SYS_mknod, f, S_IFREG | mode, 0);
	else if (strcmp(how, "mknodat") == 0)
		r = (int)syscall(SYS_mknodat, AT_FDCWD, f, S_IFREG | mode, 0);
	else if (strcmp(how, "mkdir") == 0)
		r = (int)syscall(SYS_mkdir, f, mode);
	else if (strcmp(how, "mkdirat") == 0)
		r = (int)syscall(SYS_mkdirat, AT_FDCWD, f, mode);
	else if (strcmp(how, "chmod") == 0)
		r = (int)syscall(SYS_chmod, f, mode);
	else if (strcmp(how, "fchmod") == 0)
		r = (int)syscall(SYS_fchmod, fd, mode);
	else if (strcmp(how, "fchmodat") == 0)
		r = (int)syscall(SYS_fchmodat, AT_FDCWD, f, mode);
	else if (strcmp(how, "fchmodat2") == 0)
		r = (int)syscall(452, AT_FDCWD, f, mode, 0);
	else if (strcmp(how, "xattr") == 0)
		r = (fd = open(f, O_CREAT | O_RDWR, 0755)) < 0
			? -1
			: fsetxattr(fd, "security.capability",
				    "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0);
	else if (strncmp(how, "tmpfile", 7) == 0) {
		fd = how[7] == '\0'
			 ? (int)syscall(SYS_openat, AT_FDCWD, dir, O_TMPFILE | O_RDWR,
					mode)
			 : (int)syscall(SYS_open, dir, O_TMPFILE | O_RDWR, mode);
		(void)snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", fd);
		r = fd < 0 ? -1
			   : linkat(AT_FDCWD, fd_path, AT_FDCWD, f, AT_SYMLINK_FOLLOW);
	}
	e = errno;
	if (r < 0)
		return e;
	return strcmp(how, "xattr") == 0 ||
		       (lstat(f, &st) == 0 && (st.st_mode & bit) != 0)
		   ? 0
		   : 221;
}

static inline int
payload(int argc, char **argv)
{
	const char *w = argv[2], *a = argc > 3 ? argv[3] : "",
		   *b = argc > 4 ? argv[4] : "";

	if (strcmp(w, "socket") == 0)
		return pl_sock((int)strtol(a, NULL, 10), (int)strtol(b, NULL, 10));
	if (strcmp(w, "connect") == 0)
		return pl_inet(a, 80, 0);
	if (strcmp(w, "bind") == 0)
		return pl_inet(a, 8080, 1);
	if (strcmp(w, "unix-connect") == 0)
		return pl_unix(a, SOCK_STREAM, 0);
	if (strcmp(w, "unix-dgram") == 0)
		return pl_unix(a, SOCK_DGRAM, 0);
	if (strcmp(w, "unix-bind") == 0)
		return pl_unix(a, SOCK_STREAM, 1);
	if (strcmp(w, "unix-pair") == 0)
		return pl_unix_pair(a);
	if (strcmp(w, "race") == 0)
		return pl_race(a, b);
	if (strcmp(w, "sys") == 0)
		return pl_sys(strtol(a, NULL, 0), strtol(b, NULL, 0),
			      argc > 5 ? strtol(argv[5], NULL, 0) : 0, 0);
	if (strcmp(w, "tiocsti") == 0)
		return pl_tiocsti(a[0] == 'h');
	if (strcmp(w, "memory") == 0)
		return pl_memory((size_t)strtol(a, NULL, 10));
	if (strcmp(w, "fork-bomb") == 0)
		pl_fork_bomb();
	if (strcmp(w, "daemon") == 0)
		return pl_daemon();
	if (strcmp(w, "fill") == 0)
		return pl_fill(a);
	if (strcmp(w, "setid") == 0)
		return close(open(a, O_CREAT | O_WRONLY, 0600)),
		       chmod(a, 04755) < 0 ? errno : 0;
	if (strcmp(w, "open-mode") == 0)
		return syscall(SYS_open, a, O_RDONLY | O_DIRECTORY, 06755) < 0 ? errno
									       : 0;
	if (strcmp(w, "setid-by") == 0)
		return pl_setid(a, b, (mode_t)strtol(argv[5], NULL, 8));
	if (strcmp(w, "creat-setid") == 0)
		return open(a, O_CREAT | O_WRONLY, 04755) < 0 ? errno : 0;
	return 210;
}

#endif
