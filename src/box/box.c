/* box.c -- see box.h. */
#include "base/hex.h"
#include "box/internal.h"
#include "os/jail.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

enum { LAYERS_MAX = 24 };

static const struct sl_chan_op accepts[] = {
	{ SL_OP_FAIL, sizeof(struct sl_m_fail), 0 },
	{ SL_OP_SETUP, sizeof(struct sl_m_setup), 3 },
	{ SL_OP_READY, sizeof(struct sl_m_ready), 0 },
	{ SL_OP_ENDED, sizeof(struct sl_m_ended), 0 },
	{ SL_OP_DONE, sizeof(struct sl_m_done), 0 },
	{ SL_OP_FILE, SL_BOX_GET_MAX + 16, 0 },
	{ SL_OP_HASHED, 4 + 64, 0 },
	{ SL_OP_USAGE, sizeof(struct sl_m_usage), 0 },
	{ SL_OP_BOXED, sizeof(int32_t), 1 },
};

static struct sl_box *
new_box(const struct sl_box_opts *o)
{
	struct sl_box *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->grant = b->act = o->grant;
	b->sink = *o->sink;
	b->stdin_fd = o->stdin_fd;
	b->hit = SL_LIM_COUNT;
	b->chan.fd = b->init_pidfd = b->epfd = b->cgroup_fd = b->proc_fd = b->tmpfs_fd =
	    -1;
	b->sync_fd = b->listen_fd = b->timer_fd = b->ws_fd = -1;
	b->usage.written = UINT64_MAX;
	b->is_single = o->is_single;
	b->trace = (struct sl_trace){ .to = o->trace, .root_fd = -1 };
	b->is_launched = o->launcher != NULL;
	b->is_dgram_ok = !sl_land_is(o->grant) && o->grant->n_fs == 0 &&
			 !sl_box_is_host_ws(o->grant->ws_mode);
	sl_relay_init(&b->relay);
	sl_buf_init(&b->room, SL_BOX_MSG_MAX);
	sl_buf_init(&b->get, 1 << 20);
	if (sl_land_is(o->grant) && (b->land = calloc(1, sizeof(*b->land))) == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

/* The kernel says how large its structures are (seccomp_unotify(2)). */
static int
notif_room(struct sl_box *b, struct sl_err *err)
{
	struct seccomp_notif_sizes s = { 0 };

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &s) < 0)
		return SL_ERR(err, ENV,
			      "box: this kernel has no seccomp notification (Linux 5.0)");
	b->notif_size =
	    s.seccomp_notif > sizeof(*b->req) ? s.seccomp_notif : sizeof(*b->req);
	b->resp_size = s.seccomp_notif_resp > sizeof(*b->resp) ? s.seccomp_notif_resp
							       : sizeof(*b->resp);
	b->req = calloc(1, b->notif_size);
	b->resp = calloc(1, b->resp_size);
	if (b->req == NULL || b->resp == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a box");
	return 0;
}

static int
find_landlock(const struct sl_box_opts *o, int *ret_abi, struct sl_err *err)
{
	int abi = sl_jail_landlock_abi();

	if (abi < 2)
		return SL_ERR(
		    err, ENV,
		    "box: Landlock ABI 2 is needed and %s; use Linux 5.19 or later with "
		    "'landlock' in the kernel's lsm= parameter",
		    abi < 0 ? "there is none" : "this kernel has ABI 1");
	/* 6 is the last whose rights we use. */
	if (abi > 6)
		abi = 6;
	if (o->max_landlock_abi > 0 && abi > o->max_landlock_abi)
		abi = o->max_landlock_abi;
	*ret_abi = abi;
	return 0;
}

int
sl_box_opts_check(const struct sl_box_opts *o, int *ret_abi, struct sl_err *err)
{
	size_t n = o->host_name != NULL ? strlen(o->host_name) : 0;
	int r;

	if (sl_land_is(o->grant))
		return sl_land_check(o, ret_abi, err);
	if (!sl_slice_eq(o->grant->tier, SL_LIT("T1")))
		return SL_ERR(err, UNSUPPORTED, "box: tier '%.*s' is not supported",
			      SL_ARG(o->grant->tier));
	if (sl_slice_eq(o->grant->root, SL_LIT("host:")) != (o->root_tree == NULL))
		return SL_ERR(err, UNSUPPORTED, "box: root '%.*s' is not supported here",
			      SL_ARG(o->grant->root));
	if (n == 0 || n > 63 ||
	    strspn(o->host_name, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return SL_ERR(err, BUG, "box: bad host name");
	if ((r = sl_dial_check(o, err)) == 0)
		r = sl_box_grants_check(o, err);
	return r < 0 ? r : find_landlock(o, ret_abi, err);
}

/* Our own place in the unified hierarchy; only where a leaf below can be had. */
static void
find_cgroup(struct sl_box *b)
{
	char text[1024] = "", *p, *end;
	struct statfs fs;

	/* Cheaper than to ask where we are. */
	if (statfs("/sys/fs/cgroup", &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return;
	if (sl_os_read_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text) - 1) <= 0 ||
	    ((p = strstr(text, "0::/")) == NULL || (p != text && p[-1] != '\n')))
		return;
	p += 3;
	if ((end = strchr(p, '\n')) != NULL)
		*end = '\0';
	b->cgroup_fd =
	    sl_box_cgroup_make(b->grant, "/sys/fs/cgroup", p[1] == '\0' ? "" : p,
			       b->cgroup_dir, sizeof(b->cgroup_dir));
}

int
sl_box_userns_text(int e, bool is_private, struct sl_err *err)
{
	const char *how = "";

	if (e == EPERM &&
	    sl_os_read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		how = "; set sysctl kernel.unprivileged_userns_clone=1";
	else if ((e == EPERM || e == ENOSPC || e == EUSERS) &&
		 sl_os_read_number("/proc/sys/user/max_user_namespaces") == 0)
		how = "; set sysctl user.max_user_namespaces to at least 64";
	else if (e == ENOSPC)
		how =
		    "; a limit in /proc/sys/user is reached: raise user.max_*_namespaces";
	else if (e == EPERM && is_private)
		how = "; root without CAP_SYS_ADMIN (a container?): give it, or run as a "
		      "user "
		      "with user namespaces";
	else if (e == EPERM)
		how = "; user namespaces are forbidden here (a container's seccomp "
		      "profile, or "
		      "sysctl kernel.apparmor_restrict_unprivileged_userns)";
	return SL_ERR(err, ENV, "box: cannot make namespaces: %s%s", strerror(e), how);
}

static int
start_init(struct sl_box *b, const struct sl_box_opts *o, int abi, struct sl_err *err)
{
	/* NEWNET is init's: setup.c, net_start(). */
	uint64_t ns = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
		      CLONE_NEWCGROUP | CLONE_CLEAR_SIGHAND;
	struct sl_setup s = { .o = o,
			      .ids = b->ids,
			      .placeholder = b->placeholder,
			      .run_fd = o->run_fd,
			      .exe_fd = -1,
			      .landlock_abi = abi };
	SL_AUTO_FD exe = -1;
	SL_AUTO_FD peer = -1;
	SL_AUTO_FD here = -1;
	int pair[2], r;

	if (o->holds_secret && (exe = open("/proc/self/exe", O_PATH | O_CLOEXEC)) < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot open this program");
	if ((r = sl_chan_pair(pair, err)) < 0)
		return r;
	b->chan = (struct sl_chan){ .fd = pair[0],
				    .ops = accepts,
				    .n_ops = sizeof(accepts) / sizeof(accepts[0]) };
	peer = pair[1];
	if (o->launcher != NULL)
		return sl_box_launch(o->launcher, peer, b->cgroup_fd, err);
	s.chan.fd = peer;
	s.exe_fd = exe;
	if (!b->ids.is_private)
		ns |= CLONE_NEWUSER;
	if (b->land != NULL)
		ns = CLONE_CLEAR_SIGHAND;
	if (o->run_fd >= 0 && ((here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 ||
			       fchdir(o->run_fd) < 0))
		return SL_ERR_SYS(err, -errno, "box: cannot enter its directory");
	r = sl_os_clone(ns, b->cgroup_fd, 0, &b->init_pidfd);
	if (r != 0 && here >= 0 && fchdir(here) < 0)
		return SL_ERR_SYS(err, -errno,
				  "box: cannot return to the working directory");
	if (r < 0 && b->land != NULL)
		return SL_ERR(err, ENV, "box: cannot start its guard (clone3): %s",
			      strerror(-r));
	if (r < 0)
		return sl_box_userns_text(-r, b->ids.is_private, err);
	if (r == 0 && b->land != NULL)
		sl_land_setup(&s);
	if (r == 0)
		sl_box_setup(&s);
	if (o->is_busy)
		sl_os_start_elsewhere(r);
	return 0;
}

/* What a launcher has made is for this grant and no other. */
static int
same_grant(const struct sl_box_opts *o, struct sl_err *err)
{
	uint8_t d[32];
	int r;

	if ((r = sl_grant_digest(o->grant, d, err)) < 0)
		return r;
	return memcmp(d, o->launcher->grant, sizeof(d)) == 0 && !o->holds_secret
		   ? 0
		   : SL_ERR(err, BUG, "box: the launcher is for another grant");
}

static void
from_launcher(struct sl_box *b, const struct sl_launcher *l)
{
	b->ids = l->ids;
	memcpy(b->etc, l->etc, sizeof(b->etc));
}

static int
from_nothing(struct sl_box *b, const struct sl_box_opts *o, struct sl_err *err)
{
	int r = sl_box_ids_pick(&b->ids, err);

	if (r == 0 && b->land != NULL)
		return sl_land_begin(b, o, err);
	if (r == 0 && (r = sl_box_etc_digest(&b->ids, o, b->etc)) < 0)
		r = SL_ERR_SYS(err, r, "box: cannot look at the host's /etc");
	return r;
}

int
sl_box_prepare(const struct sl_box_opts *o, struct sl_box **ret, struct sl_err *err)
{
	struct sl_box *b;
	int r, abi = 0;

	if ((r = o->launcher != NULL ? same_grant(o, err)
				     : sl_box_opts_check(o, &abi, err)) < 0)
		return r;
	if ((b = new_box(o)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a box");
	r = notif_room(b, err);
	if (r == 0)
		r = sl_dial_init(b, o, err);
	if (r == 0 && o->launcher != NULL)
		from_launcher(b, o->launcher);
	else if (r == 0)
		r = from_nothing(b, o, err);
	if (r == 0 && !o->without_cgroup && b->land == NULL)
		find_cgroup(b);
	if (r == 0)
		r = sl_box_classes(b, err);
	if (r == 0 && o->grant->ws_mode == SL_WS_DIRECT)
		r = sl_box_direct_make(b, o->run_fd, err);
	if (r == 0)
		r = start_init(b, o, abi, err);
	if (r == 0 && (b->epfd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		r = SL_ERR_SYS(err, -errno, "box: cannot wait for events");
	if (r == 0 && (r = sl_box_watch_fd(b, b->chan.fd, EPOLLIN, SL_TAG_CHAN)) < 0)
		r = SL_ERR_SYS(err, r, "box: cannot wait for events");
	if (r < 0) {
		sl_box_close(b);
		return r;
	}
	*ret = b;
	return 0;
}

static int
wait_ready(struct sl_box *b, struct sl_err *err)
{
	int64_t until = sl_os_now_ms() + SL_BOX_COPY_MS;
	int r;

	while (b->state == SL_BS_SETUP) {
		if (sl_os_now_ms() > until)
			return SL_ERR(err, ENV, "box: set-up took too long");
		if ((r = sl_box_pump(b, 1000, err)) < 0)
			return r;
	}
	return b->state == SL_BS_DEAD ? SL_ERR(err, ENV, "box: it is gone") : 0;
}

void
sl_box_etc(const struct sl_box *b, char ret_hex[65])
{
	sl_hex(ret_hex, b->etc, sizeof(b->etc));
}

int
sl_box_etc_plain(const char *host_name, const char *root_tree, char ret_hex[65],
		 struct sl_err *err)
{
	const struct sl_box_opts o = { .host_name = host_name, .root_tree = root_tree };
	struct sl_box_ids ids = { 0 };
	uint8_t d[32];
	int r;

	if ((r = sl_box_ids_pick(&ids, err)) < 0)
		return r;
	if ((r = sl_box_etc_digest(&ids, &o, d)) < 0)
		return SL_ERR_SYS(err, r, "box: cannot look at the host's /etc");
	sl_hex(ret_hex, d, sizeof(d));
	return 0;
}

static void
layer(struct sl_slice *l, size_t *n, const char *s)
{
	if (s != NULL)
		l[(*n)++] = sl_slice_str(s);
}

int
sl_box_vector(struct sl_box *b, struct sl_arena *a, struct sl_box_vector *ret,
	      struct sl_err *err)
{
	static const char *const always[] = { "userns",          "mountns",   "pidns",
					      "netns",           "ipcns",     "utsns",
					      "cgroupns",        "mount-api", "openat2",
					      "no-new-privs",    "no-caps",   "seccomp",
					      "seccomp-killable" };
	struct sl_slice *l = SL_NEW_N(a, struct sl_slice, LAYERS_MAX);
	char *hex = SL_NEW_N(a, char, 65), *landlock;
	size_t n = 0;
	int r;

	if ((r = wait_ready(b, err)) < 0)
		return r;
	if (b->land != NULL)
		return sl_land_vector(b, a, ret, err);
	landlock = sl_arena_printf(a, "landlock:%d", b->m_ready.landlock_abi);
	if (l == NULL || hex == NULL || landlock == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a box");
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		layer(l, &n, always[i]);
	layer(l, &n, landlock);
	layer(l, &n, b->ids.is_private ? "private-uid" : NULL);
	layer(l, &n, b->m_setup.is_idmapped != 0 ? "idmap" : NULL);
	layer(l, &n, b->m_setup.ws_mode == SL_WS_OVERLAY ? "overlay" : NULL);
	layer(l, &n, b->cgroup_fd >= 0 ? "cgroup-limits" : NULL);
	sl_hex(hex, b->m_setup.etc, sizeof(b->m_setup.etc));
	*ret = (struct sl_box_vector){
		.tier = SL_LIT("T1"),
		.layers = l,
		.n_layers = n,
		.ws_mode = (enum sl_ws_mode)b->m_setup.ws_mode,
		.ws_why = sl_arena_dup(a, sl_slice_str(b->m_setup.ws_why)),
		.etc_digest = { (uint8_t *)hex, 64 },
	};
	memcpy(ret->limit, b->class, sizeof(ret->limit));
	return ret->ws_why.p == NULL ? SL_ERR(err, NOMEM, "out of memory for a box") : 0;
}

/* --- an act --- */

static void
put_str(struct sl_buf *out, struct sl_slice s)
{
	sl_buf_slice(out, s);
	sl_buf_byte(out, '\0');
}

static bool
has_nul(struct sl_slice s)
{
	return s.len > 0 && memchr(s.p, 0, s.len) != NULL;
}

static int
check_act(const struct sl_act *act, struct sl_err *err)
{
	if (act->n_argv == 0 || act->argv[0].len == 0)
		return SL_ERR(err, USAGE, "no command");
	for (size_t i = 0; i < act->n_argv; i++)
		if (has_nul(act->argv[i]))
			return SL_ERR(err, FORMAT, "an argument holds a NUL byte");
	for (size_t i = 0; i < act->n_env; i++)
		if (has_nul(act->env[i]))
			return SL_ERR(err, FORMAT,
				      "an environment value holds a NUL byte");
	for (size_t i = 0; i < act->n_put; i++)
		if (!sl_path_is_canonical(act->put[i].path))
			return SL_ERR(err, BUG, "a file's place is not a plain path");
	for (size_t i = 0; i < act->n_get; i++)
		if (!sl_path_is_canonical(act->get[i]))
			return SL_ERR(err, BUG, "a file's place is not a plain path");
	return has_nul(act->cwd) ? SL_ERR(err, FORMAT, "the directory holds a NUL byte")
				 : 0;
}

static void
put_act(struct sl_buf *out, struct sl_m_spawn *m, const struct sl_act *act,
	struct sl_slice places)
{
	m->n_argv = (uint32_t)act->n_argv;
	m->n_env = (uint32_t)act->n_env;
	m->n_put = (uint32_t)act->n_put;
	sl_buf_put(out, m, sizeof(*m));
	for (size_t i = 0; i < act->n_argv; i++)
		put_str(out, act->argv[i]);
	for (size_t i = 0; i < act->n_env; i++)
		put_str(out, act->env[i]);
	put_str(out, act->cwd);
	sl_buf_slice(out, places);
	for (size_t i = 0; i < act->n_put; i++) {
		uint32_t v[2] = { act->put[i].mode, (uint32_t)act->put[i].bytes.len };

		put_str(out, act->put[i].path);
		sl_buf_put(out, v, sizeof(v));
		sl_buf_slice(out, act->put[i].bytes);
	}
}

/* One pipe; ours[i] is kept, theirs[i] goes to the act. */
static int
make_pipe(bool is_in, int *ours, int *theirs)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*ours = p[is_in ? 1 : 0];
	*theirs = p[is_in ? 0 : 1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Source of input: can it be polled (a regular file cannot)? */
static void
set_source(struct sl_box *b)
{
	struct stat st;

	b->relay.in_src = b->stdin_fd;
	b->relay.is_src_pollable = b->stdin_fd >= 0 && fstat(b->stdin_fd, &st) == 0 &&
				   !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static void
drop_theirs(struct sl_box *b)
{
	for (size_t i = 0; i < b->n_theirs; i++)
		if (b->theirs[i] >= 0)
			(void)close(b->theirs[i]);
	b->n_theirs = 0;
}

static int *
next_theirs(struct sl_box *b)
{
	int *fd = &b->theirs[b->n_theirs++];

	*fd = -1;
	return fd;
}

static int
watch_streams(struct sl_box *b, struct sl_err *err)
{
	const struct {
		int fd;
		enum sl_box_tag tag;
	} w[] = { { b->sync_fd, SL_TAG_SYNC },
		  { b->relay.out[0], SL_TAG_OUT },
		  { b->relay.out[1], SL_TAG_ERR },
		  { b->timer_fd, SL_TAG_TIMER } };
	int r;

	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++)
		if (w[i].fd >= 0 &&
		    (r = sl_box_watch_fd(b, w[i].fd, EPOLLIN, w[i].tag)) < 0)
			return SL_ERR_SYS(err, r, "box: cannot wait for events");
	return 0;
}

/* For the next act, before there is anything to see on them. */
static int
make_streams(struct sl_box *b, struct sl_err *err)
{
	struct sl_relay *r = &b->relay;
	int sp[2], e;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sp) < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot make a socket");
	b->sync_fd = sp[0];
	*next_theirs(b) = sp[1];
	(void)fcntl(sp[1], F_SETFL, 0);
	sl_relay_init(r);
	r->is_pty = b->grant->is_tty;
	set_source(b);
	if (!r->is_pty) {
		for (int i = 0; i < 2; i++)
			if ((e = make_pipe(false, &r->out[i], next_theirs(b))) < 0)
				return SL_ERR_SYS(err, e, "box: cannot make a pipe");
		if (b->stdin_fd >= 0 &&
		    (e = make_pipe(true, &r->in_dst, next_theirs(b))) < 0)
			return SL_ERR_SYS(err, e, "box: cannot make a pipe");
	}
	b->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (b->timer_fd < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot make a timer");
	return watch_streams(b, err);
}

static int
start_timer(struct sl_box *b, struct sl_err *err)
{
	static const long ms = 1000000;
	const struct itimerspec every = { { 0, SL_BOX_SAMPLE_MS * ms },
					  { 0, SL_BOX_SAMPLE_MS * ms } };

	return timerfd_settime(b->timer_fd, 0, &every, NULL) < 0
		   ? SL_ERR_SYS(err, -errno, "box: cannot set a timer")
		   : 0;
}

int
sl_box_open(struct sl_box *b, struct sl_permit *run, struct sl_err *err)
{
	struct sl_permit_view v;
	uint8_t d[32];
	int r;

	if (b->state == SL_BS_DEAD)
		return SL_ERR(err, ENV, "box: it is gone");
	if (b->state != SL_BS_SETUP && b->state != SL_BS_READY)
		return SL_ERR(err, BUG, "box: opened twice");
	v = sl_permit_use(run, SL_PERMIT_BOX);
	/* What was built is what was decided, or less. */
	if ((r = sl_grant_digest(v.grant, d, err)) < 0)
		return r;
	if (memcmp(d, v.act, sizeof(d)) != 0 || !sl_grant_within(b->grant, v.grant))
		return SL_ERR(err, BUG, "box: the permit is for another grant");
	/* It may still be set up meanwhile. */
	if ((b->is_single && (r = make_streams(b, err)) < 0) ||
	    (r = wait_ready(b, err)) < 0)
		return r;
	b->state = SL_BS_OPEN;
	return 0;
}

static void
window_of(int fd, struct sl_m_spawn *m)
{
	struct winsize w;

	if (fd >= 0 && ioctl(fd, TIOCGWINSZ, &w) == 0) {
		m->rows = w.ws_row;
		m->cols = w.ws_col;
	}
}

static int
keep_gets(struct sl_box *b, const struct sl_act *act, struct sl_err *err)
{
	sl_buf_clear(&b->get);
	for (size_t i = 0; i < act->n_get; i++)
		put_str(&b->get, act->get[i]);
	b->n_get = act->n_get;
	b->get_max = act->get_max < SL_BOX_GET_MAX ? act->get_max : SL_BOX_GET_MAX;
	return b->get.is_failed ? SL_ERR(err, NOMEM, "out of memory for an act") : 0;
}

static int
send_act(struct sl_box *b, const struct sl_act *act, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = SL_BOX_MSG_MAX };
	SL_AUTO_BUF places = { .max = 2 << 20 };
	struct sl_m_spawn m = { .is_tty = b->grant->is_tty,
				.is_single = b->is_single,
				.traced = b->land != NULL
					      ? SL_TRACED_LAND
					      : (uint32_t)sl_trace_kind(&b->trace) };
	int r = 0;

	window_of(b->stdin_fd, &m);
	sl_box_rlimits(b, &m);
	sl_box_narrow_put(b, &m, &places);
	b->is_narrow = m.is_narrow != 0;
	put_act(&out, &m, act, sl_buf_get(&places));
	if (out.is_failed || places.is_failed)
		r = SL_ERR(err, LIMIT, "an act of more than %d bytes", SL_BOX_MSG_MAX);
	else if ((b->n_theirs > 0 || (r = make_streams(b, err)) == 0) &&
		 (r = start_timer(b, err)) == 0 &&
		 (r = sl_chan_send(&b->chan, SL_OP_SPAWN, sl_buf_get(&out), b->theirs,
				   b->n_theirs, err)) < 0)
		r = sl_err_ctx(err, "box: its init");
	drop_theirs(b);
	if (out.p != NULL)
		explicit_bzero(out.p, out.cap); /* may hold secrets */
	return r;
}

/* An act has its box's grant or less, and each limit as its decision asks. */
static int
take_grant(struct sl_box *b, const struct sl_grant *g, struct sl_err *err)
{
	struct sl_slice place = { 0 };

	if (!sl_grant_within(g, b->grant))
		return SL_ERR(err, BUG, "box: the permit is for more than the box has");
	if (b->land != NULL && !sl_grant_within(b->grant, g))
		return SL_ERR(err, UNSUPPORTED,
			      "an act at tier 'T0' has all that its box has");
	if (!sl_box_can_narrow(b->grant, g, &place))
		return SL_ERR(err, UNSUPPORTED,
			      "an act cannot be held to less of '%.*s' than its box has",
			      SL_ARG(place));
	for (enum sl_limit l = 0; l < SL_LIM_COUNT; l++)
		if (g->limit[l].class > sl_box_act_class(b, g, l))
			return SL_ERR(err, ENV,
				      "limit '%s' is asked for as '%s', and can be '%s' "
				      "for a step of its own",
				      sl_limit_name(l),
				      sl_limit_class_name(g->limit[l].class),
				      sl_limit_class_name(sl_box_act_class(b, g, l)));
	b->act = g;
	return 0;
}

int
sl_box_spawn(struct sl_box *b, struct sl_permit *step, const struct sl_act *act,
	     const uint8_t hmac_key[32], struct sl_err *err)
{
	struct sl_permit_view v;
	uint8_t d[32];
	int r;

	if (b->state != SL_BS_OPEN)
		return b->state == SL_BS_DEAD
			   ? SL_ERR(err, ENV, "box: it is gone")
			   : SL_ERR(err, BUG, "box: not open, or something runs in it");
	if ((r = check_act(act, err)) < 0 ||
	    (r = sl_act_digest(act, hmac_key, d, err)) < 0)
		return r;
	v = sl_permit_use(step, SL_PERMIT_PROC);
	if (memcmp(d, v.act, sizeof(d)) != 0)
		return SL_ERR(err, BUG, "box: the permit is for another act");
	if ((r = take_grant(b, v.grant, err)) < 0 || (r = keep_gets(b, act, err)) < 0)
		return r;
	sl_obs_clear(&b->obs);
	if (b->trace.to != NULL)
		sl_image_clear(b);
	b->is_ended_seen = b->is_killing = b->is_begun = b->is_signalled = false;
	b->exec_errno = b->broken_err = 0;
	b->broken = NULL;
	b->first[0] = '\0';
	b->hit = SL_LIM_COUNT;
	b->base_cpu_us = b->usage.cpu_us;
	b->peak = (struct sl_box_peak){ 0 };
	sl_box_base(b);
	b->start_ms = sl_os_now_ms();
	if ((r = send_act(b, act, err)) < 0)
		return r;
	b->state = SL_BS_RUN;
	if (!b->relay.is_pty && b->relay.in_dst >= 0) {
		sl_relay_arm(b);
		if (!b->relay.is_src_pollable)
			sl_relay_in(b);
	}
	return 0;
}

int
sl_box_fd(const struct sl_box *b)
{
	return b->epfd;
}

int
sl_box_dispatch(struct sl_box *b, int timeout_ms, struct sl_err *err)
{
	return sl_box_pump(b, timeout_ms, err);
}

int
sl_box_files(struct sl_box *b, struct sl_arena *a, struct sl_slice *ret, size_t n,
	     struct sl_err *err)
{
	const char *p = (const char *)b->get.p;

	if (b->state != SL_BS_OPEN || n != b->n_get)
		return SL_ERR(err, BUG,
			      "box: files are read back after the end, all of them");
	for (size_t i = 0; i < n; i++, p += strlen(p) + 1) {
		SL_AUTO_BUF req = { .max = SL_GRANT_PATH_MAX + 16 };
		uint64_t max = b->get_max;
		struct sl_msg msg;
		int32_t e;
		int r;

		sl_buf_put(&req, &max, sizeof(max));
		sl_buf_put(&req, p, strlen(p) + 1);
		if (req.is_failed)
			return SL_ERR(err, NOMEM, "out of memory for reading '%s' back",
				      p);
		if ((r = sl_box_request(b, SL_OP_GET, sl_buf_get(&req), SL_OP_FILE, &msg,
					err)) < 0)
			return r;
		if (msg.body.len < sizeof(e))
			return SL_ERR(err, ENV, "box: init sent a malformed file");
		memcpy(&e, msg.body.p, sizeof(e));
		msg.body = sl_slice_skip(msg.body, sizeof(e));
		if (e == EFBIG || msg.body.len > max)
			return SL_ERR(err, LIMIT, "'%s' holds more than %zu bytes", p,
				      b->get_max);
		ret[i] = (struct sl_slice){ (const uint8_t *)"", 0 };
		/* Absent, a link, not a file: as if empty; the act did not write it. */
		if (e == 0 && msg.body.len > 0 &&
		    (ret[i] = sl_arena_dup(a, msg.body)).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for '%s'", p);
	}
	return 0;
}

int
sl_box_hash_files(struct sl_box *b, const struct sl_slice *pattern, size_t n,
		  char ret_hex[65], struct sl_err *err)
{
	SL_AUTO_BUF req = { .max = 1 << 20 };
	struct sl_msg msg;
	int32_t e;
	int r;

	if (b->state != SL_BS_OPEN)
		return SL_ERR(err, BUG, "box: not open, or something runs in it");
	for (size_t i = 0; i < n; i++) {
		if (has_nul(pattern[i]))
			return SL_ERR(err, FORMAT,
				      "hashFiles: a pattern holds a NUL byte");
		put_str(&req, pattern[i]);
	}
	if (req.is_failed)
		return SL_ERR(err, LIMIT, "hashFiles: patterns of more than 1 MiB");
	if ((r = sl_box_request(b, SL_OP_HASH, sl_buf_get(&req), SL_OP_HASHED, &msg,
				err)) < 0)
		return r;
	memcpy(&e, msg.body.p, sizeof(e));
	msg.body = sl_slice_skip(msg.body, sizeof(e));
	if (e != 0)
		return SL_ERR(err, FAILED, "hashFiles: %s", strerror(e));
	if (msg.body.len != 0 && msg.body.len != 64)
		return SL_ERR(err, ENV, "box: init sent a malformed hash");
	if (msg.body.len > 0)
		memcpy(ret_hex, msg.body.p, msg.body.len);
	ret_hex[msg.body.len] = '\0';
	return 0;
}

void
sl_box_observations(const struct sl_box *b, const struct sl_obs **ret, size_t *ret_n,
		    struct sl_obs_lost *ret_lost)
{
	*ret = b->obs.row;
	*ret_n = b->obs.n;
	*ret_lost = b->obs.lost;
	ret_lost->is_traced = b->trace.to != NULL;
	ret_lost->images = b->trace.to != NULL ? b->images.n_lost : 0;
}

int
sl_box_signal(struct sl_box *b, int sig)
{
	struct sl_m_signal m = { .sig = sig };
	struct sl_err err = { 0 };

	if (b->state != SL_BS_RUN)
		return -ESRCH;
	b->is_signalled = true;
	return sl_chan_send(&b->chan, SL_OP_SIGNAL,
			    (struct sl_slice){ (uint8_t *)&m, sizeof(m) }, NULL, 0,
			    &err) < 0
		   ? -EPIPE
		   : 0;
}

int
sl_box_resize(struct sl_box *b, unsigned rows, unsigned cols)
{
	struct winsize w = { .ws_row = (unsigned short)rows,
			     .ws_col = (unsigned short)cols };

	if (!b->relay.is_pty || b->relay.out[0] < 0)
		return -ENOTTY;
	return ioctl(b->relay.out[0], TIOCSWINSZ, &w) < 0 ? -errno : 0;
}

/* The kernel ends every process of a pid namespace with its init, and lets that be
 * reaped only when all are gone. */
static void
kill_init(struct sl_box *b)
{
	struct sl_err err = { 0 };

	/* Of a launcher's it may not have come yet; and there may be no epoll. */
	while (b->is_launched && b->init_pidfd < 0 && b->state == SL_BS_SETUP &&
	       b->chan.fd >= 0)
		if (sl_box_hear(b, &err) < 0)
			break;
	if (b->init_pidfd >= 0)
		sl_box_stop(b);
}

static void
wait_init(struct sl_box *b)
{
	int code, value;

	if (b->init_pidfd < 0)
		return;
	/* A launcher's is not our child. */
	if (sl_os_wait(b->init_pidfd, false, &code, &value) == -ECHILD)
		(void)sl_os_wait_end(b->init_pidfd);
}

void
sl_box_end(struct sl_box *b)
{
	if (b == NULL || b->init_pidfd < 0 || b->state == SL_BS_RUN)
		return;
	if (!b->is_single || !b->is_ended_seen) /* or it ends by itself */
		sl_box_stop(b);
}

void
sl_box_close(struct sl_box *b)
{
	if (b == NULL)
		return;
	/* Its namespaces take their time to go: ours is let go of meanwhile. */
	kill_init(b);
	drop_theirs(b);
	sl_relay_close(b);
	sl_dial_done(b);
	sl_trace_done(&b->trace);
	if (b->trace.to != NULL)
		sl_image_clear(b);
	const int fd[] = { b->chan.fd,  b->epfd,    b->cgroup_fd, b->proc_fd,
			   b->tmpfs_fd, b->sync_fd, b->listen_fd, b->timer_fd };
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
	wait_init(b);
	if (b->init_pidfd >= 0)
		(void)close(b->init_pidfd);
	sl_box_direct_drop(b);
	sl_land_dir_drop(b->land);
	free(b->land);
	sl_box_cgroup_drop(b->cgroup_dir);
	sl_buf_done(&b->room);
	sl_buf_done(&b->get);
	free(b->req);
	free(b->resp);
	free(b);
}
