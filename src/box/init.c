/* init.c -- pid 1 of a box: starts the act, reaps, carries out what the supervisor
 * decided about sockets, reads files back, hashes.  It has given up every right that
 * the act does not have; only the watch filter is not on it. */
#include "box/internal.h"
#include "os/jail.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HELPER_MAX = SL_BOX_SOCK_MAX + 1,
	HELPER_S = 120, /* a connect, a bind or a hash may take so long */
	EXIT_OUTSIDE = SL_BOX_EXIT_OUTSIDE,
};

struct helper {
	pid_t pid; /* 0: free */
	uint64_t id;
	int pipe; /* of a hash, else -1 */
};

struct init {
	struct sl_chan *chan;
	struct sl_buf room;
	pid_t act;
	struct helper helper[HELPER_MAX];
	const struct sl_setup *s;
	int abi;   /* of Landlock, in force */
	int rules; /* of the act that is being started, where it has some of its own */
	int io_fd; /* /proc/self/io, opened while it could be */
	/* Where the act's output goes: open here too until it has ended, so that its end
	 * comes as one message and not as a hang-up of each before. */
	int out[2];
	bool is_single; /* ends with its act */
};

static const struct sl_chan_op accepts[] = {
	{ SL_OP_SPAWN, SL_BOX_MSG_MAX, 4 },
	{ SL_OP_SIGNAL, sizeof(struct sl_m_signal), 0 },
	{ SL_OP_SOCK, sizeof(struct sl_m_sock), 2 },
	{ SL_OP_GET, SL_GRANT_PATH_MAX + 16, 0 },
	{ SL_OP_HASH, 1 << 20, 0 },
	{ SL_OP_ASK_USAGE, 0, 0 },
	{ SL_OP_ATTR, sizeof(struct sl_m_attr) + SL_BOX_PATH_READ + 1, 1 },
};

static void
tell(struct init *in, uint16_t op, const void *p, size_t n)
{
	struct sl_err err = { 0 };

	if (sl_chan_send(in->chan, op, (struct sl_slice){ p, n }, NULL, 0, &err) < 0)
		_exit(0); /* the supervisor is gone, and so is the box */
}

/* --- files --- */

/* The directory of a file inside; *ret_name points into path. */
static int
parent_of(const char *path, bool is_making, const char **ret_name)
{
	char parent[SL_GRANT_PATH_MAX + 1];
	const char *last = strrchr(path, '/');
	SL_AUTO_FD root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (last == NULL || last[1] == '\0' || root < 0 ||
	    snprintf(parent, sizeof(parent), "%.*s", (int)(last - path), path) >=
		(int)sizeof(parent))
		return -EINVAL;
	*ret_name = last + 1;
	return sl_os_walk(root, parent, is_making);
}

static int
put_file(const char *path, unsigned mode, const void *p, size_t n)
{
	const char *name = NULL;
	SL_AUTO_FD at = parent_of(path, true, &name);
	SL_AUTO_FD fd = -1;

	if (at < 0)
		return at;
	/* An earlier act may have left anything of this name. */
	if (unlinkat(at, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if ((fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			 0600)) < 0 ||
	    fchmod(fd, mode & 0777) < 0)
		return -errno;
	return sl_os_write_all(fd, p, n);
}

/* The string at the front of s, which it leaves; NULL where none ends in it. */
static const char *
next(struct sl_slice *s)
{
	const void *e = s->len > 0 ? memchr(s->p, 0, s->len) : NULL;
	const char *p = (const char *)s->p;

	if (e == NULL)
		return NULL;
	*s = sl_slice_skip(*s, (size_t)((const uint8_t *)e - s->p) + 1);
	return p;
}

/* Puts are the tail of a spawn's body: path NUL, u32 mode, u32 length, bytes. */
static int
put_files(uint32_t n, struct sl_slice s)
{
	for (uint32_t i = 0; i < n; i++) {
		const char *path = next(&s);
		uint32_t v[2];
		int r;

		if (path == NULL || s.len < sizeof(v))
			return -EINVAL;
		memcpy(v, s.p, sizeof(v));
		s = sl_slice_skip(s, sizeof(v));
		if (s.len < v[1])
			return -EINVAL;
		if ((r = put_file(path, v[0], s.p, v[1])) < 0)
			return r;
		s = sl_slice_skip(s, v[1]);
	}
	return 0;
}

/* Appends the file's bytes to out, or gives the errno. */
static int
get_file(const char *path, uint64_t max, struct sl_buf *out)
{
	const char *name = NULL;
	SL_AUTO_FD at = parent_of(path, false, &name);
	SL_AUTO_FD fd = -1;
	struct stat st;
	size_t end;

	if (at < 0)
		return -at;
	if ((fd = openat(at, name,
			 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0)
		return errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return EINVAL;
	if ((uint64_t)st.st_size > max)
		return EFBIG;
	if (sl_buf_room(out, (size_t)st.st_size) == NULL)
		return ENOMEM;
	end = out->len + (size_t)st.st_size;
	while (out->len < end) {
		ssize_t n = read(fd, out->p + out->len, end - out->len);

		if (n <= 0)
			break; /* it became shorter */
		out->len += (size_t)n;
	}
	return 0;
}

static void
on_get(struct init *in, struct sl_slice body)
{
	SL_AUTO_BUF out = { .max = SL_BOX_GET_MAX + 16 };
	struct sl_slice rest = sl_slice_skip(body, sizeof(uint64_t));
	const char *path = next(&rest);
	uint64_t max = 0;
	int32_t e = EINVAL;

	if (path != NULL)
		memcpy(&max, body.p, sizeof(max));
	sl_buf_put(&out, &e, sizeof(e));
	if (out.is_failed)
		_exit(1);
	if (path != NULL && max <= SL_BOX_GET_MAX)
		e = get_file(path, max, &out);
	memcpy(out.p, &e, sizeof(e));
	tell(in, SL_OP_FILE, out.p, e != 0 ? sizeof(e) : out.len);
}

/* --- helpers: processes of ours that may block --- */

static struct helper *
free_helper(struct init *in)
{
	for (size_t i = 0; i < HELPER_MAX; i++)
		if (in->helper[i].pid == 0)
			return &in->helper[i];
	return NULL;
}

/* Is fd on one of the box's own writable mounts? */
static bool
is_own_place(int fd)
{
	uint64_t id = sl_mnt_id(fd);
	const char *p;

	for (unsigned i = 0; (p = sl_box_place(i)) != NULL; i++) {
		SL_AUTO_FD d = open(p, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (d >= 0 && sl_mnt_id(d) == id)
			return true;
	}
	return false;
}

/* The workspace counts where sockets may be made in it: Landlock says so too. */
static bool
is_own_workspace(int fd, bool is_direct)
{
	SL_AUTO_FD d = open("/workspace", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return !is_direct && d >= 0 && sl_mnt_id(d) == sl_mnt_id(fd);
}

static bool
is_own(int fd, const struct sl_m_sock *m)
{
	return is_own_place(fd) || is_own_workspace(fd, m->is_direct != 0);
}

/* Where a directory of the host is shown, a socket is made by name in the very
 * directory that was looked at (getsockname() then gives the bare name); else with the
 * bytes of the caller, as there is only the box's own to reach. */
static int
bind_path(const struct sl_m_sock *m, int fd, struct sockaddr_un *un, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char dir[sizeof(m->addr)];
	SL_AUTO_FD at = -1;

	(void)umask((mode_t)m->umask);
	if (m->is_strict == 0)
		return bind(fd, (struct sockaddr *)un, m->len) < 0 ? errno : 0;
	(void)snprintf(dir, sizeof(dir), "%.*s/", slash != NULL ? (int)(slash - path) : 1,
		       slash != NULL ? path : ".");
	if ((at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return errno;
	if (!is_own(at, m))
		return EXIT_OUTSIDE;
	if (fchdir(at) < 0)
		return errno;
	(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s", name);
	return bind(fd, (struct sockaddr *)un,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				strlen(un->sun_path) + 1)) < 0
		   ? errno
		   : 0;
}

/* To the very inode that was looked at, by its descriptor. */
static int
connect_path(const struct sl_m_sock *m, int fd, struct sockaddr_un *un, const char *path)
{
	SL_AUTO_FD at = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	int n;

	if (at < 0 || fstat(at, &st) < 0)
		return errno;
	if (!is_own(at, m))
		return EXIT_OUTSIDE;
	if (!S_ISSOCK(st.st_mode))
		return ECONNREFUSED;
	n = snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d", at);
	return connect(fd, (struct sockaddr *)un,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
				   (size_t)n)) < 0
		   ? errno
		   : 0;
}

/* In a helper: what the supervisor decided, under the box's own uid and confinement. */
static int
carry_out(const struct sl_m_sock *m, int fd, int cwd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		uint8_t b[sizeof(m->addr)];
	} a = { 0 };
	char path[sizeof(m->addr)] = "";

	memcpy(a.b, m->addr, sizeof(m->addr));
	if (m->is_path == 0)
		return (m->is_bind != 0 ? bind(fd, &a.sa, m->len)
					: connect(fd, &a.sa, m->len)) < 0
			   ? errno
			   : 0;
	if (cwd < 0 || fchdir(cwd) < 0)
		return EACCES;
	memcpy(path, a.un.sun_path,
	       strnlen(a.un.sun_path, m->len - offsetof(struct sockaddr_un, sun_path)));
	return m->is_bind != 0 ? bind_path(m, fd, &a.un, path)
			       : connect_path(m, fd, &a.un, path);
}

static void
on_sock(struct init *in, struct sl_msg *msg)
{
	struct sl_m_sock m;
	struct sl_m_done d = { 0 };
	struct helper *h = free_helper(in);
	pid_t pid;

	memcpy(&m, msg->body.p, sizeof(m));
	d.id = m.id;
	d.err = EAGAIN;
	if (h == NULL || msg->n_fds < 1 || m.len > sizeof(m.addr) || (pid = fork()) < 0) {
		tell(in, SL_OP_DONE, &d, sizeof(d));
		return;
	}
	if (pid == 0) {
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)alarm(HELPER_S);
		_exit(carry_out(&m, msg->fds[0], msg->n_fds > 1 ? msg->fds[1] : -1));
	}
	*h = (struct helper){ pid, m.id, -1 };
}

/* Tier T0 alone: where the tree does not hold it. */
static void
on_attr(struct init *in, struct sl_msg *msg)
{
	struct helper *h = free_helper(in);
	struct sl_slice rest = sl_slice_skip(msg->body, sizeof(struct sl_m_attr));
	const char *path = next(&rest);
	struct sl_m_attr m;
	struct sl_m_done d = { .err = EAGAIN };
	pid_t pid;

	memcpy(&m, msg->body.p, sizeof(m));
	d.id = m.id;
	if (path == NULL || msg->n_fds != 1 || in->s->n_land == 0)
		_exit(1);
	if (h == NULL || (pid = fork()) < 0) {
		tell(in, SL_OP_DONE, &d, sizeof(d));
		return;
	}
	if (pid == 0) {
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)alarm(HELPER_S);
		_exit(
		    sl_attr_carry_out(&m, path, msg->fds[0], in->s->land, in->s->n_land));
	}
	*h = (struct helper){ pid, m.id, -1 };
}

static void
on_hash(struct init *in, struct sl_slice body)
{
	struct helper *h = free_helper(in);
	int32_t e = EAGAIN;
	int p[2];
	pid_t pid;

	if (h == NULL || pipe2(p, O_CLOEXEC) < 0) {
		tell(in, SL_OP_HASHED, &e, sizeof(e));
		return;
	}
	if ((pid = fork()) == 0) {
		char hex[65] = "";
		SL_AUTO_FD ws = open("/workspace", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		sigset_t none;

		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)alarm(HELPER_S);
		e = ws < 0 ? -errno
			   : sl_box_hash(ws, (const char *)body.p, body.len, hex);
		(void)!write(p[1], hex, strlen(hex));
		_exit(-e);
	}
	(void)close(p[1]);
	*h = (struct helper){ pid, 0, p[0] };
}

static void
helper_ended(struct init *in, struct helper *h, int status)
{
	int e = WIFEXITED(status) ? WEXITSTATUS(status) : ETIMEDOUT;

	if (h->pipe < 0) {
		struct sl_m_done d = { .id = h->id,
				       .err = e == EXIT_OUTSIDE ? EACCES : e,
				       .is_outside = e == EXIT_OUTSIDE };

		tell(in, SL_OP_DONE, &d, sizeof(d));
	} else {
		uint8_t b[4 + 64];
		int32_t e32 = e;
		ssize_t n = e == 0 ? read(h->pipe, b + 4, 64) : 0;

		memcpy(b, &e32, sizeof(e32));
		tell(in, SL_OP_HASHED, b, 4 + (n > 0 ? (size_t)n : 0));
		(void)close(h->pipe);
	}
	h->pid = 0;
}

/* --- the act --- */

/* vfork: the child changes nothing here but its own descriptors, limits and filters,
 * it never returns (so the frame stays ours), and its exec needs the supervisor, not
 * us.  A fork would copy our page tables at every step. */
static int
start(struct init *in, const struct sl_m_spawn *m, struct sl_slice strings,
      struct sl_msg *msg)
{
	SL_AUTO_FREE const char **argv = calloc(m->n_argv + 1UL, sizeof(char *));
	SL_AUTO_FREE const char **env = calloc(m->n_env + 1UL, sizeof(char *));
	const char *cwd;
	pid_t pid;
	int r;

	if (argv == NULL || env == NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): SL_AUTO_FREE frees it */
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_argv; i++)
		if ((argv[i] = next(&strings)) == NULL)
			return -EINVAL;
	for (uint32_t i = 0; i < m->n_env; i++)
		if ((env[i] = next(&strings)) == NULL)
			return -EINVAL;
	if ((cwd = next(&strings)) == NULL || m->n_argv == 0)
		return -EINVAL;
	/* At tier T0 a domain of its own, out of which it reaches nobody. */
	if (in->s->n_land > 0 && (in->rules = sl_jail_landlock_scopes()) < 0)
		return in->rules;
	if (m->is_narrow && (in->rules = sl_box_narrow_rules(m, in->abi, &strings)) < 0)
		return in->rules;
	if ((r = put_files(m->n_put, strings)) < 0)
		return r;
	/* fds: sync, then without a tty out, err and perhaps in */
	if ((pid = vfork()) == 0) /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
		sl_box_child(     /* NOLINT(clang-analyzer-unix.Vfork) */
			     m, argv, env, cwd, in->rules, msg->fds[0],
			     msg->n_fds > 3 ? msg->fds[3] : -1,
			     msg->n_fds > 2 ? msg->fds[1] : -1,
			     msg->n_fds > 2 ? msg->fds[2] : -1);
	if (pid < 0)
		return -errno;
	in->act = pid;
	for (size_t i = 0; i < 2 && msg->n_fds > 2; i++) {
		in->out[i] = msg->fds[i + 1];
		msg->fds[i + 1] = -1;
	}
	return 0;
}

static void
on_spawn(struct init *in, struct sl_msg *msg)
{
	struct sl_m_ended end = { .code = CLD_EXITED,
				  .value = 125,
				  .usage = { .written = UINT64_MAX } };
	struct sl_m_spawn m;
	uint8_t b[5] = { 'p' };
	int r, e;

	memcpy(&m, msg->body.p, sizeof(m));
	m.abi = (uint32_t)in->abi;
	in->is_single = m.is_single != 0;
	if (msg->n_fds < 1)
		_exit(1);
	r = start(in, &m, sl_slice_skip(msg->body, sizeof(m)), msg);
	if (in->rules >= 0)
		(void)close(in->rules);
	in->rules = -1;
	if (r == 0)
		return;
	e = -r;
	memcpy(b + 1, &e, sizeof(e));
	(void)!write(msg->fds[0], b, sizeof(b));
	tell(in, SL_OP_ENDED, &end, sizeof(end));
}

static uint64_t
us(const struct rusage *u)
{
	return (uint64_t)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u->ru_utime.tv_usec + u->ru_stime.tv_usec);
}

static struct sl_m_usage
usage(const struct init *in)
{
	struct sl_m_usage u = { .written = UINT64_MAX };
	struct rusage r;
	char b[512] = "";
	const char *p;

	(void)getrusage(RUSAGE_CHILDREN, &r);
	u.cpu_us = us(&r);
	if (in->io_fd >= 0 && pread(in->io_fd, b, sizeof(b) - 1, 0) > 0 &&
	    (p = strstr(b, "\nwrite_bytes: ")) != NULL)
		u.written = strtoull(p + 14, NULL, 10);
	return u;
}

/* The act's process has ended: so does everything that it left behind, since what runs
 * later runs under another decision. */
static void
act_ended(struct init *in, int status, const struct rusage *u)
{
	struct sl_m_ended m = { .cpu_us = us(u),
				.max_rss = (uint64_t)u->ru_maxrss * 1024 };
	struct rusage left;
	pid_t pid;
	int st;

	m.code = WIFEXITED(status) ? CLD_EXITED : CLD_KILLED;
	m.value = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	in->act = 0;
	while ((pid = wait4(-1, &st, WNOHANG | __WALL, &left)) > 0) {
		for (size_t i = 0; i < HELPER_MAX; i++)
			if (in->helper[i].pid == pid)
				helper_ended(in, &in->helper[i], st);
		m.cpu_us += us(&left);
	}
	for (;;) {
		bool is_ours = false;

		(void)kill(-1, SIGKILL);
		pid = wait4(-1, &st, __WALL, &left);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			break;
		for (size_t i = 0; i < HELPER_MAX; i++)
			if (in->helper[i].pid == pid) {
				helper_ended(in, &in->helper[i], st);
				is_ours = true;
			}
		m.cpu_us += us(&left);
		m.n_left += !is_ours;
	}
	m.usage = usage(in);
	tell(in, SL_OP_ENDED, &m, sizeof(m));
	for (size_t i = 0; i < 2; i++) {
		if (in->out[i] >= 0)
			(void)close(in->out[i]);
		in->out[i] = -1;
	}
	if (in->is_single)
		_exit(0);
}

/* Of tier T0: nobody else would end what runs here. */
static _Noreturn void
guard_gone(void)
{
	int st;

	do
		(void)kill(-1, SIGKILL);
	while (waitpid(-1, &st, __WALL) > 0 || errno == EINTR);
	_exit(1);
}

static void
reap(struct init *in)
{
	struct rusage u;
	int st;
	pid_t pid;

	while ((pid = wait4(-1, &st, WNOHANG | __WALL, &u)) > 0) {
		if (pid == in->act) {
			act_ended(in, st, &u);
			continue;
		}
		for (size_t i = 0; i < HELPER_MAX; i++)
			if (in->helper[i].pid == pid)
				helper_ended(in, &in->helper[i], st);
	}
}

static void
on_signal(struct init *in, struct sl_slice body)
{
	struct sl_m_signal m;

	memcpy(&m, body.p, sizeof(m));
	if (m.is_all)
		(void)kill(-1, m.sig);
	else if (in->act > 0 && kill(-in->act, m.sig) < 0)
		/* It has not made its own group yet. */
		(void)kill(in->act, m.sig);
}

static size_t
min_len(uint16_t op)
{
	if (op == SL_OP_SPAWN)
		return sizeof(struct sl_m_spawn);
	if (op == SL_OP_SOCK)
		return sizeof(struct sl_m_sock);
	if (op == SL_OP_ATTR)
		return sizeof(struct sl_m_attr);
	return op == SL_OP_SIGNAL ? sizeof(struct sl_m_signal) : 0;
}

static void
on_message(struct init *in)
{
	struct sl_err err = { 0 };
	struct sl_m_usage u;
	struct sl_msg msg;

	sl_buf_clear(&in->room);
	if (sl_chan_recv(in->chan, &in->room, &msg, SL_BOX_SETUP_MS, &err) <= 0)
		_exit(0);
	if (msg.body.len < min_len(msg.op))
		_exit(1);
	switch ((enum sl_box_op)msg.op) {
	case SL_OP_SPAWN:
		on_spawn(in, &msg);
		break;
	case SL_OP_SIGNAL:
		on_signal(in, msg.body);
		break;
	case SL_OP_SOCK:
		on_sock(in, &msg);
		break;
	case SL_OP_ATTR:
		on_attr(in, &msg);
		break;
	case SL_OP_GET:
		on_get(in, msg.body);
		break;
	case SL_OP_HASH:
		on_hash(in, msg.body);
		break;
	case SL_OP_ASK_USAGE:
		u = usage(in);
		tell(in, SL_OP_USAGE, &u, sizeof(u));
		break;
	case SL_OP_USAGE:
	case SL_OP_FAIL:
	case SL_OP_SETUP:
	case SL_OP_READY:
	case SL_OP_ENDED:
	case SL_OP_DONE:
	case SL_OP_FILE:
	case SL_OP_HASHED:
	case SL_OP_BOX:
	case SL_OP_TREE:
	case SL_OP_BOXED:
	default:
		_exit(1);
	}
	for (size_t i = 0; i < msg.n_fds; i++)
		if (msg.fds[i] >= 0)
			(void)close(msg.fds[i]);
}

/* What is in force now, as the kernel tells it. */
static void
read_back(struct sl_m_ready *m)
{
	int r;

	if (sl_jail_caps(&m->cap_eff, &m->cap_bnd) < 0)
		m->cap_eff = m->cap_bnd = UINT64_MAX;
	if ((r = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)) >= 0)
		m->no_new_privs = r;
	if ((r = prctl(PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0)
		m->seccomp_mode = r;
}

void
sl_box_init(struct sl_setup *s, bool is_reexec)
{
	struct init in = { .chan = &s->chan,
			   .s = s,
			   .room = { .max = SL_BOX_MSG_MAX },
			   .out = { -1, -1 },
			   .abi = s->landlock_abi,
			   .rules = -1,
			   .io_fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC) };
	struct sl_m_ready ready = { .landlock_abi = s->landlock_abi,
				    .cap_bnd = UINT64_MAX,
				    .cap_eff = UINT64_MAX };
	struct pollfd p[2];
	sigset_t set;
	int r, ended_fd;

	(void)is_reexec;
	s->chan.ops = accepts;
	s->chan.n_ops = sizeof(accepts) / sizeof(accepts[0]);
	sl_box_at(s, SL_BOX_STEP_START, "pid 1");
	/* Again, after the change of uid; not dumpable: /proc/1 is closed to the box.
	 * Without a pid namespace what it has started would outlive it. */
	if (prctl(PR_SET_PDEATHSIG, s->n_land > 0 ? SIGTERM : SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		sl_box_fail(s, -errno);
	sl_box_at(s, SL_BOX_STEP_LANDLOCK, "restrict");
	if ((r = sl_jail_landlock_on(s->rules_fd)) < 0)
		sl_box_fail(s, r);
	(void)close(s->rules_fd);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (s->n_land > 0)
		(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	sl_box_at(s, SL_BOX_STEP_START, "signalfd");
	if ((ended_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		sl_box_fail(s, -errno);
	read_back(&ready);
	tell(&in, SL_OP_READY, &ready, sizeof(ready));
	p[0] = (struct pollfd){ .fd = s->chan.fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = ended_fd, .events = POLLIN };
	/* SIGCHLD is blocked since before anything could be started, so it stays pending
	 * until it is read; a read comes before a round of waits, and that goes on until
	 * nobody is left to wait for: whoever ends after it makes it pending anew. */
	for (;;) {
		struct signalfd_siginfo si;

		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				_exit(1);
			continue; /* revents are those of before */
		}
		if (p[1].revents != 0) {
			if (read(p[1].fd, &si, sizeof(si)) == sizeof(si) &&
			    si.ssi_signo == SIGTERM)
				guard_gone();
			reap(&in);
		}
		if (p[0].revents != 0)
			on_message(&in);
	}
}

int
sl_box_init_main(int argc, char **argv)
{
	struct sl_setup s = { .chan = { .fd = SL_BOX_CHAN_FD },
			      .run_fd = -1,
			      .exe_fd = -1,
			      .rules_fd = SL_BOX_RULES_FD };

	if (argc != 2 || strcmp(argv[0], "sluice-box-init") != 0 || getpid() != 1)
		return -1;
	(void)fcntl(SL_BOX_CHAN_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(SL_BOX_RULES_FD, F_SETFD, FD_CLOEXEC);
	sl_box_at(&s, SL_BOX_STEP_EXEC, "descriptors");
	if (sl_os_close_from(SL_BOX_RULES_FD + 1) < 0)
		sl_box_fail(&s, -errno);
	s.landlock_abi = (int)strtol(argv[1], NULL, 10);
	sl_box_init(&s, true);
}
