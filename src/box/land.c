/* land.c -- tier T0: a box without namespaces, for hosts that forbid them.
 *
 *   supervisor > guard > init > act
 *
 * The guard takes the rule set of the grant, the gate filter and the private uid (as
 * root), and starts init; each of the three is a Landlock domain within the one before.
 * A domain stands in for the pid namespace: no signal leaves it, so an act reaches
 * neither init nor guard, and kill(-1) of the guard reaches whatever is in the box,
 * however it was started, and nothing else.  When init or the supervisor is gone the
 * guard ends all that is left, waits for it, and empties the box's own directory.
 *
 * That kill(-1) is never called unless the kernel has shown, by refusing a signal to the
 * supervisor, that the domain is in force.
 */
#include "box/internal.h"
#include "os/jail.h"
#include "os/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct base {
	const char *path, *kind;
} base[] = {
#include "land_rows.h"
};

bool
sl_land_is_base(struct sl_slice path)
{
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++)
		if (sl_path_is_below(path, sl_slice_str(base[i].path)))
			return true;
	return false;
}

#define IOCTL_DEV ((uint64_t)1 << 15)

static uint64_t
rights_of(const char *kind)
{
	if (strcmp(kind, "rx") == 0)
		return SL_BOX_RO;
	return strcmp(kind, "rw") == 0 ? SL_LL_READ | SL_LL_WRITE_FILE | IOCTL_DEV
				       : SL_LL_READ;
}

static int
base_rules(struct sl_setup *s)
{
	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++) {
		SL_AUTO_FD fd = open(base[i].path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
		struct stat st;
		int r;

		sl_box_at(s, SL_BOX_STEP_USR, "%s", base[i].path);
		if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
			continue;
		if (fd < 0 || fstat(fd, &st) < 0)
			return -errno;
		if (!S_ISLNK(st.st_mode) &&
		    (r = sl_box_rule(s, fd, rights_of(base[i].kind))) < 0)
			return r;
	}
	return 0;
}

/* A place that may be written stays open: what lies below it is found out by name later,
 * when it may have another. */
static int
place_rule(struct sl_setup *s, struct sl_land_place *place, struct sl_slice path,
	   unsigned access)
{
	const uint64_t rights = SL_LL_READ |
				((access & SL_ACC_EXEC) != 0 ? SL_LL_EXEC : 0) |
				((access & SL_ACC_WRITE) != 0 ? SL_LL_WRITE : 0);
	char text[SL_GRANT_PATH_MAX + 1];
	SL_AUTO_FD fd = -1;
	struct stat st;
	int r;

	(void)snprintf(text, sizeof(text), "%.*s", (int)path.len, (const char *)path.p);
	sl_box_at(s, SL_BOX_STEP_GRANT, "%s", text);
	/* No symlink anywhere: the name that was decided is the place that is given. */
	if ((fd = sl_os_open_abs(text, O_PATH)) < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTSUP;
	if ((r = sl_box_rule(s, fd, rights)) < 0)
		return r;
	if ((access & SL_ACC_WRITE) != 0)
		place[s->n_land++].fd = sl_steal_fd(&fd);
	return 0;
}

static int
rules(struct sl_setup *s, struct sl_land_place *place)
{
	const struct sl_grant *g = s->o->grant;
	int r;

	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "rule set");
	if ((s->rules_fd = sl_jail_landlock_whole()) < 0)
		return s->rules_fd;
	r = place_rule(s, place, sl_slice_str(s->o->own_dir),
		       SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC);
	for (size_t i = 0; r == 0 && i < g->n_fs; i++)
		r = place_rule(s, place, g->fs[i].path, g->fs[i].access);
	s->land = place;
	return r < 0 ? r : base_rules(s);
}

/* --- what the kernel says of itself, since it cannot be asked --- */

/* A socket that was made outside; *a is where it listens. */
static int
abstract_make(struct sockaddr_un *a, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*len = sizeof(*a);
	if (fd < 0 || bind(fd, (struct sockaddr *)a, sizeof(sa_family_t)) < 0 ||
	    listen(fd, 1) < 0 || getsockname(fd, (struct sockaddr *)a, len) < 0)
		return -errno;
	return fd;
}

static bool
is_abstract_shut(const struct sockaddr_un *a, socklen_t len)
{
	SL_AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)a, len) < 0 &&
	       errno == EPERM;
}

/* Where it were not in force a loopback that listens to nobody would be asked. */
static bool
is_tcp_shut(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	SL_AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) /* a kernel without it */
		return errno == EAFNOSUPPORT;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 || errno != EACCES)
		return false;
	a.sin_port = htons(1);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == EACCES;
}

static bool
is_tree_shut(void)
{
	SL_AUTO_FD fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}

/* To whom it could send one outside: with the rights that it still has. */
static bool
is_signal_shut(pid_t to)
{
	return kill(to, 0) < 0 && errno == EPERM;
}

static int
restrict_felt(struct sl_setup *s, pid_t supervisor)
{
	struct sockaddr_un a;
	socklen_t len;
	SL_AUTO_FD outside = -1;
	int r;

	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "a socket to be refused");
	if ((outside = abstract_make(&a, &len)) < 0)
		return outside;
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "a signal outside");
	if (kill(supervisor, 0) < 0)
		return -errno;
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "restrict");
	if ((r = sl_jail_landlock_on(s->rules_fd)) < 0)
		return r;
	(void)close(s->rules_fd);
	s->rules_fd = -1;
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "it does not hold files");
	if (!is_tree_shut())
		return -EIO;
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "it does not hold TCP");
	if (!is_tcp_shut())
		return -EIO;
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "it does not hold abstract sockets");
	if (!is_abstract_shut(&a, len))
		return -EIO;
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "it does not hold signals");
	return is_signal_shut(supervisor) ? 0 : -EIO;
}

/* --- the two processes --- */

static bool
is_become(const struct sl_box_ids *ids)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) < 0 || getresgid(&g[0], &g[1], &g[2]) < 0 ||
	    getgroups(0, NULL) != 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (u[i] != ids->out_uid || g[i] != ids->out_gid)
			return false;
	return true;
}

static int
drop_rights(struct sl_setup *s)
{
	int r;

	if (s->ids.is_private) {
		sl_box_at(s, SL_BOX_STEP_UID, "%u", s->ids.out_uid);
		if ((r = sl_box_ids_become(&s->ids)) < 0)
			return r;
		if (!is_become(&s->ids))
			return -EPERM;
	}
	sl_box_at(s, SL_BOX_STEP_CAPS, "capabilities");
	if ((r = s->ids.is_private ? sl_jail_no_caps() : sl_jail_no_caps_user()) < 0)
		return r;
	/* The change of uid forgot it; nobody looks into this process. */
	return prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 ||
		       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0
		   ? -errno
		   : 0;
}

static void
block(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	(void)sigaddset(set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, set, NULL);
}

/* Init: reports, and goes on as that of any box.  It too has a domain of its own, so that
 * when it ends an act it does not end its guard. */
static _Noreturn void
be_init(struct sl_setup *s, pid_t guard)
{
	struct sl_err err = { 0 };

	(void)prctl(PR_SET_NAME, "sluice-init", 0, 0, 0);
	sl_box_at(s, SL_BOX_STEP_START, "subreaper");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		sl_box_fail(s, -errno);
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "scopes of init");
	if ((s->rules_fd = sl_jail_landlock_scopes()) < 0)
		sl_box_fail(s, s->rules_fd);
	if (sl_jail_landlock_on(s->rules_fd) < 0)
		sl_box_fail(s, -errno);
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "init can reach its guard");
	if (!is_signal_shut(guard))
		sl_box_fail(s, -EIO);
	sl_box_at(s, SL_BOX_STEP_START, "report");
	if (sl_chan_send(&s->chan, SL_OP_SETUP,
			 (struct sl_slice){ (uint8_t *)&s->m, sizeof(s->m) }, NULL, 0,
			 &err) < 0)
		_exit(1);
	sl_box_init(s, false);
}

/* The box's own directory, as far as the box's uid and its domain let us: the directory
 * itself is the supervisor's. */
static void
wipe(const struct sl_setup *s)
{
	for (int i = 0; i < 2; i++)
		(void)!sl_land_empty(s->land[0].fd, i == 0 ? "tmp" : "home");
}

static _Noreturn void
be_guard(const struct sl_setup *s, const sigset_t *set, pid_t init)
{
	int sig, st;

	(void)prctl(PR_SET_NAME, "sluice-guard", 0, 0, 0);
	for (;;) {
		pid_t pid;

		if ((sig = sigwaitinfo(set, NULL)) == SIGTERM)
			break;
		while ((pid = waitpid(-1, &st, WNOHANG | __WALL)) > 0)
			if (pid == init)
				sig = SIGTERM;
		if (sig == SIGTERM)
			break;
	}
	/* All that is in the domain; as long as somebody is left to wait for. */
	do {
		(void)kill(-1, SIGKILL);
		while (waitpid(-1, &st, WNOHANG | __WALL) > 0)
			continue;
	} while (waitpid(-1, &st, __WALL) > 0 || errno == EINTR);
	wipe(s);
	_exit(0);
}

void
sl_land_setup(struct sl_setup *s)
{
	struct sl_land_place place[SL_GRANT_FS_MAX + 1];
	pid_t supervisor = getppid(), guard, init;
	sigset_t set;
	int r;

	s->s_fd = s->p_fd = s->root_fd = s->proc_fd = s->rules_fd = -1;
	sl_box_at(s, SL_BOX_STEP_START, "descriptors");
	if ((r = sl_box_leave_supervisor(s)) < 0)
		sl_box_fail(s, r);
	block(&set);
	sl_box_at(s, SL_BOX_STEP_START, "guard");
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		sl_box_fail(s, -errno);
	if ((r = rules(s, place)) < 0)
		sl_box_fail(s, r);
	sl_box_at(s, SL_BOX_STEP_SECCOMP, "gate");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		sl_box_fail(s, -errno);
	if ((r = sl_box_gate_on()) < 0 || (r = restrict_felt(s, supervisor)) < 0 ||
	    (r = drop_rights(s)) < 0)
		sl_box_fail(s, r);
	sl_box_at(s, SL_BOX_STEP_START, "init");
	guard = getpid();
	if ((init = fork()) < 0)
		sl_box_fail(s, -errno);
	if (init == 0)
		be_init(s, guard);
	(void)close(SL_BOX_CHAN_FD); /* the supervisor hears of init's end alone */
	be_guard(s, &set, init);
}
