/* door.c -- looks whether a door is open, and does nothing with it: reads a flag, a
 * number or an errno.  Prints "KEY VALUE".  Stands alone: compiled by doors.py, run only
 * inside a box.
 *
 *   cap N           is the capability effective?
 *   status NAME     a line of /proc/self/status
 *   flags PATH      mount flags of what PATH lies on
 *   see PATH        is something there, and what
 *   access r|w PATH may it be read, written?  (by access(2): nothing is opened)
 *   mount PATH      how PATH is mounted, itself
 *   peers PATH      are mounts below it passed on to others, or taken over from them?
 *   ns NAME ID      is it the namespace with this ID?
 *   fds             is a descriptor open that leads out of the tree?
 *   unix PATH       can the socket be connected to?  (nothing is sent; "@": abstract)
 *   tcp ADDR PORT   the same
 *   abstract NAME   is the abstract socket listed?
 *   env NAME        is the variable set?
 *   rlimit          of core files and of the size of a file
 *   others          processes that are not ours
 *   call NR A B C D the call's errno, made in a child: "reached" where it succeeds
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *
name_of(int e)
{
	const char *s = strerrorname_np(e);

	return e == 0 ? "yes" : s != NULL ? s : "?";
}

/* The value of a line "NAME:\tVALUE" of /proc/self/status. */
static int
status(const char *name, char *ret, size_t n)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[512];
	size_t len = strlen(name);
	int found = 0;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			(void)snprintf(ret, n, "%s", line + len + 2);
			ret[strcspn(ret, "\n")] = '\0';
			found = 1;
		}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static void
cap(unsigned bit)
{
	char text[64] = "0";

	(void)status("CapEff", text, sizeof(text));
	printf("cap %s\n", strtoull(text, NULL, 16) >> bit & 1 ? "yes" : "no");
}

static void
flags(const char *path)
{
	struct statvfs v;

	if (statvfs(path, &v) < 0)
		printf("flags %s\n", name_of(errno));
	else
		printf("flags %s %s %s\n", v.f_flag & ST_NOSUID ? "nosuid" : "SUID",
		       v.f_flag & ST_NODEV ? "nodev" : "DEV",
		       v.f_flag & ST_RDONLY ? "ro" : "RW");
}

static void
see(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		printf("see %s\n", name_of(errno));
	else if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
		printf("see %s %u:%u\n", S_ISBLK(st.st_mode) ? "block" : "char",
		       major(st.st_rdev), minor(st.st_rdev));
	else
		printf("see %s\n", S_ISDIR(st.st_mode)    ? "directory"
				   : S_ISSOCK(st.st_mode) ? "socket"
				   : S_ISREG(st.st_mode)  ? "file"
							  : "other");
}

/* Lines of mountinfo: ID PARENT DEV ROOT POINT OPTIONS ... */
static void
mounted(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[1024], opt[256];
	const char *how = "no";

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %*s %*s %*s %1023s %255s", point, opt) == 2 &&
		    strcmp(point, path) == 0)
			how = strncmp(opt, "rw", 2) == 0 ? "RW" : "ro";
	if (f != NULL)
		(void)fclose(f);
	printf("mount %s\n", how);
}

/* The optional fields of mountinfo: "shared:N", "master:N", up to a "-". */
static void
peers(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[1024];
	const char *how = "no-mount";

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %*s %*s %*s %1023s", point) == 1 &&
		    strcmp(point, path) == 0)
			how = strstr(line, " shared:") != NULL   ? "SHARED"
			      : strstr(line, " master:") != NULL ? "SLAVE"
								 : "private";
	if (f != NULL)
		(void)fclose(f);
	printf("peers %s\n", how);
}

static void
ns(const char *name, const char *id)
{
	char path[64], link[128] = "", want[128];

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	(void)snprintf(want, sizeof(want), "%s:[%s]", name, id);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		printf("ns %s\n", name_of(errno));
	else
		printf("ns %s\n", strcmp(link, want) == 0 ? "SHARED" : "other");
}

/* A directory that the box's tree does not reach has no path in it. */
static void
fds(void)
{
	int n = 0;

	for (int fd = 3; fd < 1024; fd++) {
		char path[64], link[4096] = "";
		struct stat a, b;
		ssize_t len;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, link, sizeof(link) - 1);
		if (len <= 0 || fstat(fd, &a) < 0 || !S_ISDIR(a.st_mode))
			continue;
		if (link[0] != '/' || lstat(link, &b) < 0 || a.st_dev != b.st_dev ||
		    a.st_ino != b.st_ino)
			n++;
	}
	printf("fds %d\n", n);
}

static void
connected(const char *what, int fd, const struct sockaddr *sa, socklen_t len)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t n = sizeof(int);
	int e = 0;

	if (fd < 0) {
		printf("%s socket %s\n", what, name_of(errno));
		return;
	}
	if (connect(fd, sa, len) < 0)
		e = errno;
	if (e == EINPROGRESS &&
	    (poll(&p, 1, 2000) <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0))
		e = ETIMEDOUT;
	printf("%s %s\n", what, name_of(e));
	(void)close(fd);
}

static void
unix_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	size_t len = strlen(path), at = offsetof(struct sockaddr_un, sun_path);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (*path == '@')
		un.sun_path[0] = '\0';
	connected("unix", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		  (struct sockaddr *)&un, (socklen_t)(at + len + (*path != '@')));
}

static void
tcp(const char *addr, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, addr, &in.sin_addr) != 1)
		exit(2);
	connected("tcp", socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		  (struct sockaddr *)&in, sizeof(in));
}

static void
abstract(const char *name)
{
	FILE *f = fopen("/proc/self/net/unix", "re");
	char line[512];
	int found = 0;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		const char *at = strstr(line, " @");

		found = at != NULL && strncmp(at + 2, name, strlen(name)) == 0;
	}
	if (f != NULL)
		(void)fclose(f);
	printf("abstract %s\n", found ? "yes" : "no");
}

static void
rlimits(void)
{
	struct rlimit c = { 0 }, f = { 0 };

	(void)getrlimit(RLIMIT_CORE, &c);
	(void)getrlimit(RLIMIT_FSIZE, &f);
	printf("rlimit core %s files %s\n", c.rlim_max == 0 ? "0" : "SOME",
	       f.rlim_cur == RLIM_INFINITY ? "UNBOUNDED" : "bounded");
}

/* Processes in /proc that are neither pid 1 nor of our own line. */
static void
others(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		long pid = strtol(e->d_name, NULL, 10);

		n += pid > 1 && pid != getpid() && pid != getppid();
	}
	if (d != NULL)
		(void)closedir(d);
	printf("others %s\n", n > 0 ? "SOME" : "none");
}

static void
call(char **a)
{
	int st = 0;
	pid_t pid = fork();

	if (pid == 0) {
		unsigned long v[5] = { 0 };
		long r;

		for (int i = 0; i < 5 && a[i] != NULL; i++)
			v[i] = strtoul(a[i], NULL, 0);
		errno = 0;
		r = syscall((long)v[0], v[1], v[2], v[3], v[4], 0ul, 0ul);
		_exit(r >= 0 ? 0 : errno);
	}
	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		exit(2);
	if (WIFSIGNALED(st))
		printf("call signal %d\n", WTERMSIG(st));
	else
		printf("call %s\n",
		       WEXITSTATUS(st) == 0 ? "reached" : name_of(WEXITSTATUS(st)));
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *a = argc > 2 ? argv[2] : "";
	const char *b = argc > 3 ? argv[3] : "";
	char text[256] = "?";

	if (!strcmp(what, "cap"))
		cap((unsigned)strtoul(a, NULL, 10));
	else if (!strcmp(what, "status"))
		printf("%s %s\n", a, status(a, text, sizeof(text)) ? text : "?");
	else if (!strcmp(what, "flags"))
		flags(a);
	else if (!strcmp(what, "see"))
		see(a);
	else if (!strcmp(what, "access"))
		printf("access %s\n",
		       name_of(access(b, *a == 'w' ? W_OK : R_OK) < 0 ? errno : 0));
	else if (!strcmp(what, "mount"))
		mounted(a);
	else if (!strcmp(what, "peers"))
		peers(a);
	else if (!strcmp(what, "ns"))
		ns(a, b);
	else if (!strcmp(what, "fds"))
		fds();
	else if (!strcmp(what, "unix"))
		unix_socket(a);
	else if (!strcmp(what, "tcp"))
		tcp(a, (unsigned)strtoul(b, NULL, 10));
	else if (!strcmp(what, "abstract"))
		abstract(a);
	else if (!strcmp(what, "env"))
		printf("env %s\n", getenv(a) != NULL ? "SET" : "none");
	else if (!strcmp(what, "rlimit"))
		rlimits();
	else if (!strcmp(what, "others"))
		others();
	else if (!strcmp(what, "call") && argc > 2)
		call(argv + 2);
	else
		return 2;
	return 0;
}
