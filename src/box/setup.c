/* setup.c -- what the box's init does between clone and readiness: every layer, in an
 * order in which each needs only rights that it still has; then never again any. */
#include "box/internal.h"
#include "grant/net.h"
#include "os/jail.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *const step_text[] = {
#define X(id, text) text,
	SL_BOX_STEPS(X)
#undef X
};

const char *
sl_box_step_text(unsigned step)
{
	return step < SL_BOX_STEP_COUNT ? step_text[step] : "set-up failed";
}

void
sl_box_at(struct sl_setup *s, enum sl_box_step step, const char *fmt, ...)
{
	va_list ap;

	s->step = step;
	va_start(ap, fmt);
	(void)vsnprintf(s->what, sizeof(s->what), fmt, ap);
	va_end(ap);
}

void
sl_box_fail(struct sl_setup *s, int neg_errno)
{
	struct sl_m_fail m = { .step = (int32_t)s->step, .sys = -neg_errno };
	struct sl_err err = { 0 };

	memcpy(m.what, s->what, sizeof(m.what));
	(void)!sl_chan_send(&s->chan, SL_OP_FAIL,
			    (struct sl_slice){ (uint8_t *)&m, sizeof(m) }, NULL, 0, &err);
	_exit(1);
}

/* Signal handlers are cleared by the clone. */
int
sl_box_leave_supervisor(struct sl_setup *s)
{
	sigset_t none;
	int keep[3] = { s->chan.fd, s->run_fd, s->exe_fd }, null;

	/* The supervisor made run_fd its directory for the clone: only so does it lie in
	 * this mount namespace too. */
	if (s->run_fd >= 0 && (keep[1] = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	for (char **e = environ; e != NULL && *e != NULL; e++)
		explicit_bzero(*e, strlen(*e));
	(void)prctl(PR_SET_NAME, "sluice-init", 0, 0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(0);
	if (setsid() < 0)
		return -errno;
	/* Above everything, then down to 3, 4, 5. */
	for (int i = 0; i < 3; i++)
		if (keep[i] >= 0 && (keep[i] = fcntl(keep[i], F_DUPFD_CLOEXEC, 64)) < 0)
			return -errno;
	for (int i = 0; i < 3; i++)
		if (keep[i] >= 0 && dup3(keep[i], SL_BOX_CHAN_FD + i, O_CLOEXEC) < 0)
			return -errno;
	s->chan.fd = SL_BOX_CHAN_FD;
	s->run_fd = keep[1] >= 0 ? SL_BOX_CHAN_FD + 1 : -1;
	s->exe_fd = keep[2] >= 0 ? SL_BOX_CHAN_FD + 2 : -1;
	for (int i = 1; i < 3; i++)
		if (keep[i] < 0)
			(void)close(SL_BOX_CHAN_FD + i);
	/* 0 to 2 are never free: what is opened from here on must not be what stands
	 * there later. */
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (null != i && dup2(null, i) < 0)
			return -errno;
	if (null > 2)
		(void)close(null);
	return sl_os_close_from(SL_BOX_CHAN_FD + 3);
}

/* --- the network namespace --- */

enum { NET_STACK = 16384, PROXY_QUEUE = 64 };

struct sl_net {
	pid_t pid;
	int fd; /* the namespace, or -errno */
	_Alignas(16) uint8_t stack[NET_STACK];
};

/* A system call that leaves errno, which is init's, alone. */
static long
raw3(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

int
sl_box_net_new(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	long fd, e = raw3(SYS_unshare, CLONE_NEWNET, 0, 0);

	if (e < 0)
		return (int)e;
	if ((fd = raw3(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return (int)fd;
	e = raw3(SYS_ioctl, fd, SIOCSIFFLAGS, (long)(uintptr_t)&r);
	if (e >= 0) /* the namespace itself; by /proc it takes four times as long */
		e = raw3(SYS_ioctl, fd, SIOCGSKNS, 0);
	(void)raw3(SYS_close, fd, 0, 0);
	return (int)e;
}

/* In a process that shares init's memory and descriptors. */
static int
net_make(void *arg)
{
	struct sl_net *n = arg;

	n->fd = sl_box_net_new();
	return 0;
}

/* A network namespace takes as long to make as half of the tree: a process of its own
 * makes it meanwhile.  It shares our memory, as copying the page tables would cost more
 * than it saves. */
static int
net_start(struct sl_setup *s)
{
	sl_box_at(s, SL_BOX_STEP_NET, "network namespace");
	if ((s->net = malloc(sizeof(*s->net))) == NULL)
		return -ENOMEM;
	s->net->fd = -EIO;
	s->net->pid = clone(net_make, s->net->stack + NET_STACK,
			    CLONE_VM | CLONE_FILES | SIGCHLD, s->net);
	if (s->net->pid < 0)
		return -errno;
	if (!s->o->is_busy)
		sl_os_start_elsewhere(s->net->pid);
	return 0;
}

/* The namespace, or -errno: from that process, or from a launcher. */
static int
net_take(struct sl_setup *s)
{
	int fd = -1, r;
	char tag;

	if (s->net == NULL) {
		r = sl_os_recv_fd(s->net_fd, &tag, &fd);
		(void)close(s->net_fd);
		if (r != 1)
			return r < 0 ? r : -EIO;
		return fd >= 0 || tag == 0 ? fd : -(uint8_t)tag;
	}
	while (waitpid(s->net->pid, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	fd = s->net->fd;
	free(s->net);
	s->net = NULL;
	return fd;
}

/* Nothing else is in this network yet: the place is free, and the kernel lets nobody
 * share it. */
static int
proxy_listen(struct sl_setup *s)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(sl_grant_net_proxy_port(s->o->grant)),
	};

	sl_box_at(s, SL_BOX_STEP_NET, "the proxy's listener");
	s->proxy_fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	return s->proxy_fd < 0 ||
		       bind(s->proxy_fd, (struct sockaddr *)&in, sizeof(in)) < 0 ||
		       listen(s->proxy_fd, PROXY_QUEUE) < 0
		   ? -errno
		   : 0;
}

static int
net_join(struct sl_setup *s)
{
	SL_AUTO_FD fd = -1;

	sl_box_at(s, SL_BOX_STEP_NET, "network namespace and lo");
	if ((fd = net_take(s)) < 0)
		return fd;
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	return s->o->proxy != NULL ? proxy_listen(s) : 0;
}

int
sl_box_rules_new(struct sl_setup *s)
{
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "rule set");
	s->rules_fd = sl_jail_landlock_new(s->landlock_abi);
	return s->rules_fd < 0 ? s->rules_fd : 0;
}

int
sl_box_rule(struct sl_setup *s, int fd, uint64_t rights)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return sl_jail_landlock_add(s->rules_fd, s->landlock_abi, fd, rights,
				    S_ISDIR(st.st_mode));
}

static int
add_rule(struct sl_setup *s, const char *path, uint64_t rights)
{
	SL_AUTO_FD fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);

	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "%s", path);
	return fd < 0 ? -errno : sl_box_rule(s, fd, rights);
}

/* Rules are taken inside the finished tree: one on a directory that a mount hides
 * later would be ignored.  The box's own places have theirs (root.c). */
static int
landlock_rules(struct sl_setup *s)
{
	const struct sl_grant *g = s->o->grant;
	const uint64_t ioctl_dev = 1 << 15;
	char path[SL_GRANT_PATH_MAX + 1];
	int r;

	if ((r = add_rule(s, "/", SL_BOX_RO)) < 0 ||
	    (r = add_rule(s, "/dev", SL_LL_WRITE_FILE | ioctl_dev)) < 0)
		return r;
	if (sl_ws_is_writable((enum sl_ws_mode)s->m.ws_mode) &&
	    (r = add_rule(s, "/workspace",
			  SL_BOX_RW |
			      (s->m.ws_mode == SL_WS_DIRECT ? 0 : SL_LL_MAKE_SOCK))) < 0)
		return r;
	for (size_t i = 0; i < g->n_fs; i++) {
		if ((g->fs[i].access & SL_ACC_WRITE) == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%.*s", (int)g->fs[i].path.len,
			       (const char *)g->fs[i].path.p);
		if ((r = add_rule(s, path, SL_BOX_RW)) < 0)
			return r;
	}
	return 0;
}

static int
std_to_null(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (fd != i && dup2(fd, i) < 0)
			return -errno;
	return fd > 2 ? close(fd) : 0;
}

/* In the finished tree: no way back, and none to more. */
static int
confine(struct sl_setup *s)
{
	int r;

	sl_box_at(s, SL_BOX_STEP_HOST, "%s", s->o->host_name);
	if (sethostname(s->o->host_name, strlen(s->o->host_name)) < 0)
		return -errno;
	sl_box_at(s, SL_BOX_STEP_DEV, "/dev/null");
	if ((r = std_to_null()) < 0 || (r = landlock_rules(s)) < 0)
		return r;
	/* Of what follows it refuses nothing; to translate it takes its time. */
	sl_box_at(s, SL_BOX_STEP_SECCOMP, "gate");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if ((r = sl_box_gate_on()) < 0)
		return r;
	/* As late as it may be, for it is made meanwhile; its owner is who we are still.
	 */
	if ((r = net_join(s)) < 0)
		return r;
	if (s->ids.is_private || s->is_launched) {
		sl_box_at(s, SL_BOX_STEP_UID, "%u", s->ids.out_uid);
		r = s->ids.is_private ? sl_box_ids_take(&s->ids)
				      : sl_box_ids_nest(&s->ids);
		if (r < 0)
			return r;
	}
	sl_box_at(s, SL_BOX_STEP_CAPS, "capabilities");
	return sl_jail_no_caps();
}

/* Report, then become pid 1 for good. */
static int
hand_over(struct sl_setup *s)
{
	int fds[3] = { s->proc_fd, s->p_fd, s->proxy_fd };
	char name[] = "sluice-box-init", abi[16], *argv[] = { name, abi, NULL };
	char *env[] = { NULL };
	struct sl_err err = { 0 };

	sl_box_at(s, SL_BOX_STEP_EXEC, "report");
	if (sl_chan_send(&s->chan, SL_OP_SETUP,
			 (struct sl_slice){ (uint8_t *)&s->m, sizeof(s->m) }, fds,
			 s->o->proxy != NULL ? 3 : 2, &err) < 0)
		return -EPIPE;
	if (s->o->proxy != NULL)
		(void)close(s->proxy_fd);
	(void)close(s->proc_fd);
	(void)close(s->p_fd);
	(void)close(s->root_fd);
	if (s->run_fd >= 0)
		(void)close(s->run_fd);
	s->proc_fd = s->p_fd = s->s_fd = s->root_fd = s->run_fd = -1;
	if (s->exe_fd < 0)
		sl_box_init(s, false);
	sl_box_at(s, SL_BOX_STEP_EXEC, "this program");
	(void)snprintf(abi, sizeof(abi), "%d", s->landlock_abi);
	if (dup2(s->rules_fd, SL_BOX_RULES_FD) < 0 ||
	    (s->rules_fd != SL_BOX_RULES_FD && close(s->rules_fd) < 0) ||
	    fcntl(SL_BOX_CHAN_FD, F_SETFD, 0) < 0 ||
	    fcntl(SL_BOX_RULES_FD, F_SETFD, 0) < 0)
		return -errno;
	return sl_os_execveat(s->exe_fd, "", argv, env, 0x1000 /* AT_EMPTY_PATH */);
}

int
sl_box_ids_early(struct sl_setup *s)
{
	if (s->ids.is_private)
		return 0;
	sl_box_at(s, SL_BOX_STEP_MAP, "%u", s->ids.out_uid);
	/* A supervisor that is not dumpable has a /proc/self of root's. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -errno;
	return sl_box_ids_map_self(&s->ids);
}

int
sl_box_pivot(struct sl_setup *s)
{
	sl_box_at(s, SL_BOX_STEP_PIVOT, "pivot_root");
	return sl_mnt_pivot(s->root_fd, 0);
}

void
sl_box_setup(struct sl_setup *s)
{
	int r;

	s->s_fd = s->p_fd = s->root_fd = s->proc_fd = s->rules_fd = -1;
	sl_box_at(s, SL_BOX_STEP_START, "descriptors");
	if ((r = sl_box_leave_supervisor(s)) < 0 ||
	    (r = net_start(s)) < 0 || /* first, as it takes longest */
	    (r = sl_box_ids_early(s)) < 0 || (r = sl_box_root_make(s)) < 0 ||
	    (r = sl_box_grants_mount(s)) < 0 || (r = sl_box_ws_mount(s)) < 0 ||
	    (r = sl_box_pivot(s)) < 0 || (r = confine(s)) < 0 || (r = hand_over(s)) < 0)
		sl_box_fail(s, r);
	sl_box_fail(s, -EIO);
}

void
sl_box_setup_own(struct sl_setup *s)
{
	int r;

	if ((r = sl_box_root_own(s)) < 0 || (r = confine(s)) < 0 ||
	    (r = hand_over(s)) < 0)
		sl_box_fail(s, r);
	sl_box_fail(s, -EIO);
}

/* What root may not do here, or NULL. */
static const char *
root_advice(unsigned step)
{
	if (step <= SL_BOX_STEP_TMPFS)
		return "; root without CAP_SYS_ADMIN (a container?): give it, or run as "
		       "a user "
		       "with user namespaces";
	return step == SL_BOX_STEP_DEV
		   ? "; root without CAP_MKNOD, or of a user namespace (a rootless "
		     "container?): run as an ordinary user in it"
		   : NULL;
}

const char *
sl_box_step_advice(unsigned step, int sys, bool is_root)
{
	const char *text = is_root && sys == EPERM ? root_advice(step) : NULL;

	if (text != NULL)
		return text;
	if (step == SL_BOX_STEP_TMPFS && sys == ENOENT)
		step = SL_BOX_STEP_PROC; /* it stands on /proc/driver for a while */
	switch (step) {
	case SL_BOX_STEP_MAP:
	case SL_BOX_STEP_PRIVATE:
	case SL_BOX_STEP_TMPFS:
		if (sl_os_read_number(
			"/proc/sys/kernel/apparmor_restrict_unprivileged_userns") > 0)
			return "; set sysctl "
			       "kernel.apparmor_restrict_unprivileged_userns=0, or "
			       "install an AppArmor profile for sluice that allows "
			       "userns";
		return "";
	case SL_BOX_STEP_NET:
		return sys == ENOSPC ? "; raise sysctl user.max_net_namespaces" : "";
	case SL_BOX_STEP_PROC:
		return "; a fully visible /proc is needed in this mount namespace (in a "
		       "container: one without masked paths in /proc)";
	case SL_BOX_STEP_USR:
		return sys == ENOTSUP
			   ? "; the host's /bin, /lib and /sbin must be links into /usr "
			     "(usrmerge)"
			   : "";
	case SL_BOX_STEP_GRANT:
		if (sys == ELOOP)
			return "; a symbolic link is in this path: name the real one";
		return sys == ENOENT ? "; nothing is there" : "";
	case SL_BOX_STEP_WS:
		return sys == ELOOP
			   ? "; a symbolic link is in this path: name the real one"
			   : "";
	case SL_BOX_STEP_MASK:
		if (sys == ELOOP)
			return "; it became a symbolic link";
		return sys == ENOENT
			   ? "; it does not exist yet and the box could make it: grant "
			     "a directory below instead"
			   : "";
	case SL_BOX_STEP_LANDLOCK:
		return sys == EOPNOTSUPP || sys == ENOSYS
			   ? "; add landlock to the kernel's lsm= parameter"
			   : "";
	default:
		return "";
	}
}
