/* launcher.c -- boxes of one grant, one after another: a process that stands in a mount
 * namespace which already is their tree, and is asked for each.
 *
 * What a box then still needs is its own: namespaces, /proc, the writable places on a
 * tmpfs of its own, and the layers that confine it.  The tree is read-only and made of
 * what the grant shows, so its boxes share nothing by it that they could change.
 *
 * Beside it stands the maker of network namespaces, which take as long to make as all the
 * rest: on request, or some ahead.
 *
 * The launcher is pid 1 of a pid namespace, so that its boxes end with it, and it ends
 * with the supervisor.  It keeps the rights that set-up needs, and hears only the
 * supervisor: nothing foreign is ever read by it, and no box can see it.
 */
#include "box/internal.h"
#include "os/jail.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

enum {
	TREE_ROOM = 1 << 20, /* of the tree's tmpfs: directories, links, /etc */
	NET_SOCK = SL_BOX_CHAN_FD + 1,
};

static const struct sl_chan_op accepts_there[] = { { SL_OP_BOX, 0, 2 } };

static const struct sl_chan_op accepts_here[] = {
	{ SL_OP_FAIL, sizeof(struct sl_m_fail), 0 },
	{ SL_OP_TREE, sizeof(struct sl_m_setup), 0 },
};

/* How the launcher asks the maker: where the namespace is to go, then the bell.  The
 * message alone would wake it on the launcher's processor. */
struct maker {
	pid_t pid;
	int sock, bell;
};

/* --- the process --- */

/* A user namespace may mount proc only where one is in sight.  It shows this process
 * and its boxes' inits, and each box has its own above it. */
static int
mount_proc(struct sl_setup *s)
{
	static const struct sl_mnt_opt opt[] = { { "subset", "pid" },
						 { "hidepid", "invisible" } };
	SL_AUTO_FD fd = -1;

	if (s->ids.is_private)
		return 0;
	sl_box_at(s, SL_BOX_STEP_PROC, "the launcher's proc");
	fd = sl_mnt_new("proc", opt, 2,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, "proc");
}

/* In the new init: of the launcher's it keeps the tree, its own channel, and where the
 * network namespace comes from. */
static _Noreturn void
become_init(struct sl_setup *s, int chan, int net)
{
	s->is_launched = true;
	sl_box_at(s, SL_BOX_STEP_START, "descriptors");
	if ((chan = fcntl(chan, F_DUPFD_CLOEXEC, 64)) < 0 ||
	    (net = fcntl(net, F_DUPFD_CLOEXEC, 64)) < 0 ||
	    dup3(chan, SL_BOX_CHAN_FD, O_CLOEXEC) < 0 ||
	    dup3(net, NET_SOCK, O_CLOEXEC) < 0)
		_exit(1); /* there is no channel to say why: it ends, and so it is seen */
	s->net_fd = NET_SOCK;
	if (sl_os_close_from(NET_SOCK + 1) < 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setsid() < 0)
		sl_box_fail(s, -errno);
	(void)prctl(PR_SET_NAME, "sluice-init", 0, 0, 0);
	sl_box_setup_own(s);
}

/* On the box's own channel. */
static void
answer(int chan, int e, int pidfd)
{
	struct sl_chan c = { .fd = chan };
	int32_t m = e;
	struct sl_err err = { 0 };

	/* Who does not want the box any more has closed it; who could not be told must
	 * not wait for more of it. */
	if (sl_chan_send(&c, SL_OP_BOXED, (struct sl_slice){ (uint8_t *)&m, sizeof(m) },
			 &pidfd, pidfd >= 0, &err) < 0 &&
	    pidfd >= 0)
		(void)sl_os_pidfd_signal(pidfd, SIGKILL);
}

static void
launch(struct sl_setup *s, const struct maker *maker, const struct sl_msg *msg)
{
	int cgroup = msg->n_fds > 1 ? msg->fds[1] : -1, sp[2], pidfd = -1;
	pid_t r;

	if (msg->n_fds < 1)
		_exit(1);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) < 0) {
		answer(msg->fds[0], errno, -1);
		return;
	}
	/* First, as it takes longest; elsewhere, as we go on here. */
	(void)sl_os_keep_elsewhere(maker->pid, true);
	if (sl_os_send_fd(maker->sock, sp[1], 0) < 0 || eventfd_write(maker->bell, 1) < 0)
		_exit(1);
	(void)sl_os_keep_elsewhere(maker->pid, false);
	(void)close(sp[1]);
	r = sl_os_clone(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			    CLONE_NEWCGROUP | CLONE_CLEAR_SIGHAND,
			cgroup, SIGCHLD, &pidfd);
	if (r == 0)
		become_init(s, msg->fds[0], sp[0]);
	(void)close(sp[0]);
	answer(msg->fds[0], r < 0 ? -r : 0, pidfd);
	if (pidfd >= 0)
		(void)close(pidfd);
}

/* --- the maker of network namespaces --- */

/* One byte with the namespace, or its errno alone. */
static void
send_net(int sock, int net)
{
	char e = (char)-net;

	if (net >= 0)
		(void)sl_os_send_fd(sock, net, 0);
	else
		(void)!send(sock, &e, 1, MSG_NOSIGNAL);
}

/* For as many boxes as the bell has rung. */
static void
hand_out(const struct maker *m, const int *ahead, unsigned *n)
{
	eventfd_t rung = 0;
	char tag;

	if (eventfd_read(m->bell, &rung) < 0)
		_exit(0);
	for (; rung > 0; rung--) {
		int to = -1, net;

		if (sl_os_recv_fd(m->sock, &tag, &to) != 1 || to < 0)
			_exit(0);
		net = *n > 0 ? ahead[--*n] : sl_box_net_new();
		send_net(to, net);
		(void)close(to);
		if (net >= 0)
			(void)close(net);
	}
}

/* Each goes to one box and is never used again.  Up to n_ahead are ready before they are
 * asked for; between requests it stands in home, so that none lives on in it. */
static _Noreturn void
make_nets(const struct maker *m, int home, unsigned n_ahead)
{
	struct pollfd p = { .fd = m->bell, .events = POLLIN };
	int ahead[SL_LAUNCHER_NETS_MAX], net;
	unsigned n = 0;

	(void)prctl(PR_SET_NAME, "sluice-net", 0, 0, 0);
	for (;;) {
		while (n < n_ahead && poll(&p, 1, 0) == 0 &&
		       (net = sl_box_net_new()) >= 0)
			ahead[n++] = net;
		if (setns(home, CLONE_NEWNET) < 0)
			_exit(1);
		hand_out(m, ahead, &n);
	}
}

/* A process beside the launcher: the two work at the same time. */
static int
start_maker(struct sl_setup *s, unsigned n_ahead, struct maker *ret)
{
	int sp[2], home, e;

	sl_box_at(s, SL_BOX_STEP_NET, "the launcher's own");
	/* Not the host's: the launcher and its maker have no network either. */
	if ((home = sl_box_net_new()) < 0)
		return home;
	if ((ret->bell = eventfd(0, EFD_CLOEXEC)) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) < 0)
		return -errno;
	ret->sock = sp[0];
	if ((ret->pid = fork()) == 0) {
		(void)close(SL_BOX_CHAN_FD);
		(void)close(sp[0]);
		ret->sock = sp[1];
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
			_exit(1);
		make_nets(ret, home, n_ahead);
	}
	e = ret->pid < 0 ? -errno : 0;
	(void)close(home);
	(void)close(sp[1]);
	return e;
}

/* --- the launcher --- */

static _Noreturn void
serve(struct sl_setup *s, unsigned n_ahead)
{
	SL_AUTO_BUF room = { .max = 1 << 12 };
	struct sl_err err = { 0 };
	struct sl_msg msg;
	struct maker maker = { 0 };
	int r;

	sl_box_at(s, SL_BOX_STEP_START, "descriptors");
	if ((r = sl_box_leave_supervisor(s)) < 0 || (r = sl_box_ids_early(s)) < 0 ||
	    (r = sl_box_tree_make(s, TREE_ROOM)) < 0 || (r = mount_proc(s)) < 0 ||
	    (r = sl_box_grants_mount(s)) < 0 || (r = sl_box_pivot(s)) < 0)
		sl_box_fail(s, r);
	(void)close(s->root_fd);
	(void)close(s->s_fd);
	s->root_fd = s->s_fd = -1;
	(void)prctl(PR_SET_NAME, "sluice-launcher", 0, 0, 0);
	/* Nobody waits for the inits here: the kernel does. */
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		sl_box_fail(s, -errno);
	if ((r = start_maker(s, n_ahead, &maker)) < 0)
		sl_box_fail(s, r);
	s->chan.ops = accepts_there;
	s->chan.n_ops = sizeof(accepts_there) / sizeof(accepts_there[0]);
	if (sl_chan_send(&s->chan, SL_OP_TREE,
			 (struct sl_slice){ (uint8_t *)&s->m, sizeof(s->m) }, NULL, 0,
			 &err) < 0)
		_exit(0);
	while (sl_chan_recv(&s->chan, &room, &msg, -1, &err) == 1) {
		launch(s, &maker, &msg);
		for (size_t i = 0; i < msg.n_fds; i++)
			(void)close(msg.fds[i]);
	}
	_exit(0);
}

/* --- in the supervisor --- */

static int
check(const struct sl_box_opts *o, struct sl_err *err)
{
	const char *p;

	if (o->grant->ws_mode != SL_WS_NONE)
		return SL_ERR(err, UNSUPPORTED,
			      "launcher: not for boxes with a workspace");
	if (o->holds_secret)
		return SL_ERR(err, UNSUPPORTED,
			      "launcher: not where the supervisor holds a secret");
	for (size_t i = 0; i < o->grant->n_fs; i++)
		for (unsigned k = 0; (p = sl_box_place(k)) != NULL; k++)
			if (sl_path_is_below(o->grant->fs[i].path, sl_slice_str(p)))
				return SL_ERR(
				    err, UNSUPPORTED,
				    "launcher: '%.*s' lies in a place that each "
				    "box has for itself",
				    SL_ARG(o->grant->fs[i].path));
	return 0;
}

/* The tree stands, or what failed. */
static int
wait_tree(struct sl_launcher *l, struct sl_err *err)
{
	SL_AUTO_BUF room = { .max = 1 << 12 };
	struct sl_msg msg;
	int r = sl_chan_recv(&l->chan, &room, &msg, SL_BOX_SETUP_MS, err);

	if (r < 0)
		return r;
	if (r == 0)
		return SL_ERR(err, ENV, "launcher: it ended while it made its tree");
	if (msg.op == SL_OP_FAIL && msg.body.len == sizeof(struct sl_m_fail))
		return sl_box_setup_failed(msg.body, l->ids.is_private, err);
	if (msg.op != SL_OP_TREE || msg.body.len != sizeof(struct sl_m_setup))
		return SL_ERR(err, ENV, "launcher: a malformed message %u", msg.op);
	if (memcmp(((const struct sl_m_setup *)msg.body.p)->etc, l->etc,
		   sizeof(l->etc)) != 0)
		return SL_ERR(
		    err, ENV,
		    "launcher: the host's /etc changed while its tree was made");
	return 0;
}

static int
start(struct sl_launcher *l, const struct sl_box_opts *o, unsigned n_ahead, int abi,
      struct sl_err *err)
{
	uint64_t ns = CLONE_NEWNS | CLONE_NEWPID | CLONE_CLEAR_SIGHAND;
	struct sl_setup s = { .o = o,
			      .ids = l->ids,
			      .run_fd = -1,
			      .exe_fd = -1,
			      .s_fd = -1,
			      .p_fd = -1,
			      .root_fd = -1,
			      .proc_fd = -1,
			      .rules_fd = -1,
			      .net_fd = -1,
			      .landlock_abi = abi };
	SL_AUTO_FD peer = -1;
	int pair[2], r;

	if ((r = sl_chan_pair(pair, err)) < 0)
		return r;
	l->chan =
	    (struct sl_chan){ .fd = pair[0],
			      .ops = accepts_here,
			      .n_ops = sizeof(accepts_here) / sizeof(accepts_here[0]) };
	peer = s.chan.fd = pair[1];
	if (!l->ids.is_private)
		ns |= CLONE_NEWUSER;
	if ((r = sl_os_clone(ns, -1, 0, &l->pidfd)) < 0)
		return sl_box_userns_text(-r, l->ids.is_private, err);
	if (r == 0)
		serve(&s, n_ahead);
	(void)close(sl_steal_fd(&peer));
	return wait_tree(l, err);
}

int
sl_launcher_start(const struct sl_box_opts *o, unsigned n_ahead, struct sl_launcher **ret,
		  struct sl_err *err)
{
	struct sl_launcher *l;
	int r, abi;

	if (n_ahead > SL_LAUNCHER_NETS_MAX)
		n_ahead = SL_LAUNCHER_NETS_MAX;
	if (sl_land_is(o->grant))
		return SL_ERR(err, UNSUPPORTED, "launcher: tier T0 has no tree to share");
	if ((r = sl_box_opts_check(o, &abi, err)) < 0 || (r = check(o, err)) < 0)
		return r;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a launcher");
	l->chan.fd = l->pidfd = -1;
	if ((r = sl_box_ids_pick(&l->ids, err)) == 0 &&
	    (r = sl_grant_digest(o->grant, l->grant, err)) == 0 &&
	    (r = sl_box_etc_digest(&l->ids, o, l->etc)) < 0)
		r = SL_ERR_SYS(err, r, "launcher: cannot look at the host's /etc");
	if (r == 0)
		r = start(l, o, n_ahead, abi, err);
	if (r < 0) {
		sl_launcher_stop(l);
		return r;
	}
	l->abi = abi;
	*ret = l;
	return 0;
}

int
sl_box_launch(struct sl_launcher *l, int peer, int cgroup_fd, struct sl_err *err)
{
	int fds[2] = { peer, cgroup_fd };
	int r = sl_chan_send(&l->chan, SL_OP_BOX, (struct sl_slice){ NULL, 0 }, fds,
			     cgroup_fd >= 0 ? 2 : 1, err);

	return r < 0 ? sl_err_ctx(err, "box: its launcher") : 0;
}

void
sl_launcher_stop(struct sl_launcher *l)
{
	int code, value;

	if (l == NULL)
		return;
	if (l->pidfd >= 0) {
		(void)sl_os_pidfd_signal(l->pidfd, SIGKILL);
		(void)sl_os_wait(l->pidfd, false, &code, &value);
		(void)close(l->pidfd);
	}
	if (l->chan.fd >= 0)
		(void)close(l->chan.fd);
	free(l);
}
