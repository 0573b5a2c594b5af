/* child.c -- the act's process, from fork to exec. */
#include "box/internal.h"
#include "os/jail.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* Tags on the sync socket: the supervisor gets a descriptor, or an errno. */
static _Noreturn void
give_up(int sync, char tag, int e)
{
	char b[5] = { tag };

	memcpy(b + 1, &e, sizeof(int));
	(void)!write(sync, b, sizeof(b));
	_exit(tag == 'x' ? (e == ENOENT || e == ENOTDIR ? 127 : 126) : 125);
}

static int
limit(int what, uint64_t max, uint64_t grace)
{
	struct rlimit l = { max, max == RLIM_INFINITY ? max : max + grace };
	struct rlimit now;

	if (max == RLIM_INFINITY)
		return 0;
	/* A hard limit of the caller's that is lower stays. */
	if (getrlimit((__rlimit_resource_t)what, &now) < 0)
		return -errno;
	if (now.rlim_max < l.rlim_max)
		l.rlim_max = now.rlim_max;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &l) < 0 ? -errno : 0;
}

static int
limits(const struct sl_m_spawn *m)
{
	int r;

	if ((r = limit(RLIMIT_CORE, 0, 0)) < 0 ||
	    (r = limit(RLIMIT_MEMLOCK, 8 << 20, 0)) < 0 ||
	    (r = limit(RLIMIT_DATA, m->rlim_data, 0)) < 0 ||
	    (r = limit(RLIMIT_NPROC, m->rlim_nproc, 0)) < 0 ||
	    /* SIGXCPU can be ignored: a second later the supervisor's watch, which counts
	     * exactly, ends the box, and only after it the kernel, which counts ticks. */
	    (r = limit(RLIMIT_CPU, m->rlim_cpu, 3)) < 0 ||
	    (r = limit(RLIMIT_FSIZE, m->rlim_fsize, 0)) < 0)
		return r;
	return limit(RLIMIT_NOFILE, m->rlim_nofile, 0);
}

/* A private terminal: the master goes to the supervisor, the slave is ours. */
static int
open_tty(const struct sl_m_spawn *m, int sync)
{
	struct winsize w = { .ws_row = (unsigned short)m->rows,
			     .ws_col = (unsigned short)m->cols };
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave,
	    zero = 0, n;
	char path[32];

	if (master < 0 || ioctl(master, TIOCSPTLCK, &zero) < 0 ||
	    ioctl(master, TIOCGPTN, &n) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/dev/pts/%d", n);
	if ((slave = open(path, O_RDWR | O_NOCTTY)) < 0)
		return -errno;
	if (w.ws_row > 0)
		(void)ioctl(slave, TIOCSWINSZ, &w);
	if (sl_os_send_fd(sync, master, 't') < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return -errno;
	(void)close(master);
	return slave;
}

static int
stdio(const struct sl_m_spawn *m, int sync, int in, int out, int errfd)
{
	if (m->is_tty) {
		if ((in = open_tty(m, sync)) < 0)
			return in;
		out = errfd = in;
	} else if (in < 0 && (in = open("/dev/null", O_RDONLY)) < 0) {
		return -errno;
	}
	/* All are above 2: 0 to 2 are init's /dev/null. */
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(errfd, 2) < 0)
		return -errno;
	return 0;
}

/* 'l' with the listener, the length in two bytes, the path: init's memory is closed to an
 * ordinary user's supervisor, so the path of this one exec is told. */
static int
tell_listener(int sync, int listener, const char *prog)
{
	size_t n = strnlen(prog, SL_BOX_OBJ_MAX);
	uint8_t b[3 + SL_BOX_OBJ_MAX] = { 'l', (uint8_t)n, (uint8_t)(n >> 8) };

	memcpy(b + 3, prog, n);
	return sl_os_send_bytes_fd(sync, listener, b, n + 3);
}

/* As execvp: the name itself where it has a slash, else the first file in the act's
 * PATH that may be executed.  Looked at first, so that only what is meant to run shows
 * up as an exec. */
static const char *
find(const char *name, const char *const *env, char *room, size_t cap)
{
	const char *path = "/usr/local/bin:/usr/bin:/bin";
	int e = ENOENT;

	if (strchr(name, '/') != NULL)
		return name;
	for (; *env != NULL; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			path = *env + 5;
	while (name[0] != '\0') {
		size_t n = strcspn(path, ":");
		struct stat st;

		if (snprintf(room, cap, "%.*s%s%s", (int)n, path, n > 0 ? "/" : "./",
			     name) < (int)cap &&
		    stat(room, &st) == 0 && S_ISREG(st.st_mode)) {
			if (access(room, X_OK) == 0)
				return room;
			e = EACCES;
		}
		if (path[n] == '\0')
			break;
		path += n + 1;
	}
	errno = e;
	return NULL;
}

/* In the child of a vfork: init's memory is shared and init waits until the exec, so
 * nothing is allocated here and nothing of init's is changed. */
void
sl_box_child(const struct sl_m_spawn *m, const char **argv, const char **env,
	     const char *cwd, int rules, int sync, int in, int out, int errfd)
{
	/* execve's vectors are of plain char for history's sake; it only reads them. */
	const union {
		const char **in;
		char *const *out;
	} a = { argv }, e = { env };
	char room[4096];
	const char *prog;
	sigset_t none;
	int r;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(022);
	if (setsid() < 0)
		give_up(sync, 's', errno);
	if ((r = stdio(m, sync, in, out, errfd)) < 0)
		give_up(sync, 'i', -r);
	if (chdir(cwd) < 0)
		give_up(sync, 'd', errno);
	if ((prog = find(argv[0], env, room, sizeof(room))) == NULL)
		give_up(sync, 'x', errno);
	if ((r = sl_os_cloexec_from(3)) < 0)
		give_up(sync, 'c', -r);
	if ((r = limits(m)) < 0)
		give_up(sync, 'r', -r);
	if (rules >= 0 && (r = sl_jail_landlock_on(rules)) < 0)
		give_up(sync, 'n', -r);
	/* As with any domain at tier T0, the kernel shows that it is there. */
	if (m->traced == SL_TRACED_LAND && kill(getppid(), 0) == 0)
		give_up(sync, 'n', EIO);
	if (m->is_frozen && (r = sl_box_freeze((int)m->abi)) < 0)
		give_up(sync, 'f', -r);
	/* From here on every watched call waits for the supervisor, which learns of the
	 * descriptor first. */
	if ((r = sl_box_watch_on((enum sl_traced)m->traced)) < 0 ||
	    (r = tell_listener(sync, r, prog)) < 0)
		give_up(sync, 'w', -r);
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): a union hides it */
	(void)execve(prog, a.out, e.out);
	give_up(sync, 'x', errno);
}
