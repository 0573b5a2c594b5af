/* notify.c -- calls that stopped at the watch filter: what they are, whether they may
 * go on, and the record of it.
 *
 * CONTINUE is given only where the kernel enforces the outcome anyway (exec, and what
 * stops for the trace alone: the tree, Landlock) or where the decision was on scalar
 * arguments, which cannot change after the stop.  Arguments behind pointers are copied
 * once; a decision on such a copy is carried out by us with that copy (connect, bind),
 * never by letting the call go on: in the box by its init, to what the grant lists by
 * dial.c.
 */
#include "box/internal.h"
#include "os/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* The argument that holds a path worth showing. */
static const struct {
	const char *act;
	int arg;
} path_arg[] = {
	{ "mount", 1 },        { "umount2", 0 },   { "pivot_root", 0 },
	{ "chroot", 0 },       { "open_tree", 1 }, { "move_mount", 3 },
	{ "fsopen", 0 },       { "fspick", 1 },    { "mount_setattr", 1 },
	{ "chmod", 0 },        { "fchmodat", 1 },  { "mkdir", 0 },
	{ "mkdirat", 1 },      { "mknod", 0 },     { "mknodat", 1 },
	{ "creat", 0 },        { "open", 0 },      { "openat", 1 },
	{ "swapon", 0 },       { "swapoff", 0 },   { "acct", 0 },
	{ "memfd_create", 0 }, { "mq_open", 0 },   { "mq_unlink", 0 },
};

static const char *const family[] = {
	[0] = "UNSPEC",   [1] = "UNIX",      [2] = "INET",       [3] = "AX25",
	[4] = "IPX",      [5] = "APPLETALK", [9] = "X25",        [10] = "INET6",
	[15] = "KEY",     [16] = "NETLINK",  [17] = "PACKET",    [21] = "RDS",
	[29] = "CAN",     [30] = "TIPC",     [31] = "BLUETOOTH", [36] = "IEEE802154",
	[38] = "ALG",     [39] = "NFC",      [40] = "VSOCK",     [41] = "KCM",
	[42] = "QIPCRTR", [43] = "SMC",      [44] = "XDP",       [45] = "MCTP",
};

/* --- the stopped process's memory --- */

/* An address of the other process: never followed here. */
static struct iovec
there(uint64_t at, size_t n)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return (struct iovec){ (void *)(uintptr_t)at, n };
}

/* Bytes read; fewer where its memory ends. */
static size_t
read_mem(pid_t pid, uint64_t at, void *out, size_t n)
{
	size_t done = 0;

	while (done < n) {
		/* One page at a time: a string may end just before an unmapped one. */
		size_t part = 4096 - (size_t)((at + done) & 4095);
		struct iovec l, r;

		part = part < n - done ? part : n - done;
		l = (struct iovec){ (char *)out + done, part };
		r = there(at + done, part);
		if (process_vm_readv(pid, &l, 1, &r, 1, 0) != (ssize_t)part)
			break;
		done += part;
		if (memchr((char *)out + done - part, 0, part) != NULL)
			break;
	}
	return done;
}

size_t
sl_box_read_mem(pid_t pid, uint64_t at, void *out, size_t n)
{
	struct iovec l = { out, n }, r = there(at, n);
	ssize_t got = process_vm_readv(pid, &l, 1, &r, 1, 0);

	return got < 0 ? 0 : (size_t)got;
}

struct sl_slice
sl_box_read_path(pid_t pid, uint64_t at, uint8_t *room, bool *ret_is_whole)
{
	size_t n = at != 0 ? read_mem(pid, at, room, SL_BOX_PATH_READ) : 0;
	const uint8_t *e = n > 0 ? memchr(room, 0, n) : NULL;

	*ret_is_whole = e != NULL;
	return (struct sl_slice){ room, e != NULL ? (size_t)(e - room) : n };
}

static struct sl_slice
read_path(pid_t pid, uint64_t at, uint8_t *room)
{
	bool is_whole;

	return sl_box_read_path(pid, at, room, &is_whole);
}

/* A signal may interrupt each of these (SIGCONT does), and whoever waits there goes on
 * waiting: so it is asked again. */
int
sl_box_ask(const struct sl_box *b, unsigned long what, void *arg)
{
	int r;

	do
		r = ioctl(b->listen_fd, what, arg);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Nobody can be answered any more: what waits would wait for ever, the act's own exec
 * too, as its process holds the descriptor itself. */
static void
give_up(struct sl_box *b, int e)
{
	(void)sl_box_watch_fd(b, b->listen_fd, 0, 0);
	(void)close(b->listen_fd);
	b->listen_fd = -1;
	sl_box_break(b, "the act can no longer be watched (seccomp)", e);
}

bool
sl_box_is_alive(const struct sl_box *b, uint64_t id)
{
	return sl_box_ask(b, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* --- answers --- */

static bool
answered(struct sl_box *b, uint64_t id, int err, bool is_continue)
{
	int r;

	if (b->listen_fd < 0)
		return false;
	memset(b->resp, 0, b->resp_size);
	b->resp->id = id;
	b->resp->error = -err;
	b->resp->flags = is_continue ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	/* ENOENT: it was killed meanwhile; EINPROGRESS: it has its answer. */
	if ((r = sl_box_ask(b, SECCOMP_IOCTL_NOTIF_SEND, b->resp)) < 0 && r != -ENOENT &&
	    r != -EINPROGRESS)
		give_up(b, r);
	return r == 0 || r == -EINPROGRESS;
}

static void
answer(struct sl_box *b, uint64_t id, int err, bool is_continue)
{
	(void)answered(b, id, err, is_continue);
}

void
sl_box_answer(struct sl_box *b, uint64_t id, int err)
{
	answer(b, id, err, false);
}

bool
sl_box_go_on(struct sl_box *b, uint64_t id)
{
	return answered(b, id, 0, true);
}

static void
deny(struct sl_box *b, struct sl_bpf_name n, struct sl_slice object, int err)
{
	sl_box_observe(b, n.class, n.act, object, true, err);
	answer(b, b->req->id, err, false);
}

void
sl_box_deny(struct sl_box *b, struct sl_bpf_name n, struct sl_slice object, int err)
{
	deny(b, n, object, err);
}

static void
allow(struct sl_box *b, struct sl_bpf_name n, struct sl_slice object)
{
	sl_box_observe(b, n.class, n.act, object, false, 0);
	answer(b, b->req->id, 0, true);
}

static void
on_exec(struct sl_box *b, struct sl_bpf_name n)
{
	const struct seccomp_data *d = &b->req->data;
	uint8_t room[SL_BOX_PATH_READ + 32];
	bool is_at = d->nr == SYS_execveat;
	int dfd = is_at ? (int)d->args[0] : AT_FDCWD, len = 0, err = 0;
	bool is_first = b->first[0] != '\0';
	struct sl_slice p =
	    read_path((pid_t)b->req->pid, d->args[is_at ? 1 : 0], room + 32);

	if (b->trace.to != NULL)
		err = sl_trace_exec(b, n, dfd, is_first ? sl_slice_str(b->first) : p);
	/* A descriptor's name is known only inside; an empty path is the descriptor. */
	if (dfd != AT_FDCWD && (p.len == 0 || p.p[0] != '/')) {
		char pre[32];

		len = snprintf(pre, sizeof(pre), "fd:%d/", dfd);
		memcpy(room + 32 - len, pre, (size_t)len);
		p = (struct sl_slice){ room + 32 - len, p.len + (size_t)len };
	}
	if (!sl_box_is_alive(b, b->req->id))
		return;
	b->is_begun = true;
	/* The act's own exec comes out of init's memory, which may be closed to us. */
	if (is_first && p.len == 0)
		p = sl_slice_str(b->first);
	if (b->trace.to == NULL) {
		allow(b, n, p);
	} else {
		sl_image_exec(b, n, p, err, is_first);
		(void)sl_box_go_on(b, b->req->id);
	}
	b->first[0] = '\0';
}

static void
on_socket(struct sl_box *b, struct sl_bpf_name n)
{
	unsigned fam = (unsigned)b->req->data.args[0],
		 type = (unsigned)b->req->data.args[1] & 15;
	char obj[64];
	int len;

	if (fam < sizeof(family) / sizeof(family[0]) && family[fam] != NULL)
		len = snprintf(obj, sizeof(obj), "AF_%s type %u", family[fam], type);
	else
		len = snprintf(obj, sizeof(obj), "family %u type %u", fam, type);
	/* At tier T0 they would be of the host's network. */
	if ((fam == AF_INET || fam == AF_INET6) && b->land == NULL) {
		allow(b, n, (struct sl_slice){ (uint8_t *)obj, (size_t)len });
		return;
	}
	/* A datagram socket can name its target at each send, where no filter sees it:
	 * only where there is nothing of the host's to name.  RAW is DGRAM here. */
	if (fam == AF_UNIX &&
	    (type == SOCK_STREAM || type == SOCK_SEQPACKET || b->is_dgram_ok))
		allow(b, n, (struct sl_slice){ (uint8_t *)obj, (size_t)len });
	else
		deny(b, n, (struct sl_slice){ (uint8_t *)obj, (size_t)len },
		     fam == AF_UNIX ? EACCES : EAFNOSUPPORT);
}

/* --- connect and bind --- */

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		uint8_t b[128];
	} u;
	uint32_t len;
	bool is_path;
	char text[SL_BOX_OBJ_MAX];
	size_t text_len;
};

/* 0, or the errno to refuse with. */
static int
judge_inet(const struct addr *a, bool is_bind)
{
	const struct in6_addr *v6 = &a->u.in6.sin6_addr;
	uint32_t v4 = 0;

	if (a->u.sa.sa_family == AF_INET)
		v4 = ntohl(a->u.in.sin_addr.s_addr);
	else if (IN6_IS_ADDR_LOOPBACK(v6) || IN6_IS_ADDR_UNSPECIFIED(v6))
		return 0;
	else if (IN6_IS_ADDR_V4MAPPED(v6))
		v4 = (uint32_t)v6->s6_addr[12] << 24 | (uint32_t)v6->s6_addr[13] << 16 |
		     (uint32_t)v6->s6_addr[14] << 8 | v6->s6_addr[15];
	else
		return is_bind ? EADDRNOTAVAIL : EACCES;
	if (v4 >> 24 == 127 || v4 == 0)
		return 0;
	return is_bind ? EADDRNOTAVAIL : EACCES;
}

/* Names the address in a->text and judges it by its bytes alone. */
static int
judge(struct addr *a, bool is_bind)
{
	char ip[INET6_ADDRSTRLEN] = "";
	size_t n;

	if (a->len < sizeof(sa_family_t))
		return EINVAL;
	switch (a->u.sa.sa_family) {
	case AF_INET:
		if (a->len < sizeof(a->u.in))
			return EINVAL;
		(void)inet_ntop(AF_INET, &a->u.in.sin_addr, ip, sizeof(ip));
		a->text_len = (size_t)snprintf(a->text, sizeof(a->text), "%s:%u", ip,
					       ntohs(a->u.in.sin_port));
		return judge_inet(a, is_bind);
	case AF_INET6:
		if (a->len < sizeof(a->u.in6) - 4) /* SIN6_LEN_RFC2133 */
			return EINVAL;
		(void)inet_ntop(AF_INET6, &a->u.in6.sin6_addr, ip, sizeof(ip));
		a->text_len = (size_t)snprintf(a->text, sizeof(a->text), "[%s]:%u", ip,
					       ntohs(a->u.in6.sin6_port));
		return judge_inet(a, is_bind);
	case AF_UNIX:
		n = a->len - offsetof(struct sockaddr_un, sun_path);
		if (a->len > sizeof(a->u.un))
			return EINVAL;
		if (n == 0 || a->u.un.sun_path[0] == '\0') {
			/* Abstract: shown with '@', as everywhere. */
			n = n > sizeof(a->text) ? sizeof(a->text) : n;
			a->text_len = n > 0 ? n : 1;
			memcpy(a->text, a->u.un.sun_path, n);
			a->text[0] = '@';
			return EACCES;
		}
		a->is_path = true;
		a->text_len = strnlen(a->u.un.sun_path, n);
		memcpy(a->text, a->u.un.sun_path, a->text_len);
		return 0;
	case AF_UNSPEC: /* dissolves an association; a bind to it is INET's any */
		a->text_len = (size_t)snprintf(a->text, sizeof(a->text), "unspec");
		return 0;
	default:
		a->text_len = (size_t)snprintf(a->text, sizeof(a->text), "family %u",
					       a->u.sa.sa_family);
		return EACCES;
	}
}

/* The process behind a thread, and its umask. */
pid_t
sl_box_leader(pid_t tid, uint32_t *ret_umask)
{
	char path[64], text[1024] = "";
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (sl_os_read_file(AT_FDCWD, path, text, sizeof(text) - 1) <= 0)
		return -1;
	if (ret_umask != NULL && (p = strstr(text, "\nUmask:")) != NULL)
		*ret_umask = (uint32_t)strtoul(p + 7, NULL, 8);
	p = strstr(text, "\nTgid:");
	return p != NULL ? (pid_t)strtol(p + 6, NULL, 10) : -1;
}

struct sl_sock_op *
sl_box_op_free(struct sl_box *b)
{
	for (size_t i = 0; i < SL_BOX_SOCK_MAX; i++)
		if ((b->sock_used >> i & 1) == 0)
			return &b->sock[i];
	return NULL;
}

void
sl_box_op_begin(struct sl_box *b, struct sl_sock_op *op, struct sl_bpf_name call,
		struct sl_slice object, bool is_quiet)
{
	*op = (struct sl_sock_op){ .id = b->req->id,
				   .call = call,
				   .is_quiet = is_quiet,
				   .obj_len = object.len < sizeof(op->obj)
						  ? object.len
						  : sizeof(op->obj) };
	memcpy(op->obj, object.p, op->obj_len);
	b->sock_used |= (uint64_t)1 << (op - b->sock);
}

/* Fetch the socket and its directory and give them, with the copied address, to init,
 * which acts under the box's own uid and confinement. */
static int
start_sock(struct sl_box *b, const struct addr *a, bool is_bind, struct sl_bpf_name n,
	   struct sl_sock_op *op)
{
	struct sl_m_sock m = { .id = b->req->id,
			       .is_bind = is_bind,
			       .is_path = a->is_path,
			       .is_direct = sl_box_is_host_ws(
						(enum sl_ws_mode)b->m_setup.ws_mode) ||
					    !sl_ws_is_writable(b->act->ws_mode),
			       .is_strict = !b->is_dgram_ok || b->is_narrow,
			       .umask = 022,
			       .len = a->len };
	pid_t tid = (pid_t)b->req->pid, pid = sl_box_leader(tid, &m.umask);
	SL_AUTO_FD pidfd = -1;
	SL_AUTO_FD sock = -1;
	SL_AUTO_FD cwd = -1;
	char path[64];
	struct sl_err err = { 0 };
	int fds[2];

	if (pid < 0 || (pidfd = sl_os_pidfd_open(pid)) < 0 ||
	    (sock = sl_os_pidfd_getfd(pidfd, (int)b->req->data.args[0])) < 0)
		return sock == -EBADF ? EBADF : EACCES;
	/* What was connected for the act would otherwise be a socket of the host's. */
	if (sl_dial_is_foreign(b, sock))
		return is_bind ? EINVAL : EISCONN;
	(void)snprintf(path, sizeof(path), "/proc/%d/cwd", tid);
	if (a->is_path && (cwd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return EACCES;
	if (!sl_box_is_alive(b, b->req->id))
		return EINTR;
	memcpy(m.addr, a->u.b, sizeof(m.addr));
	fds[0] = sock;
	fds[1] = cwd;
	if (sl_chan_send(&b->chan, SL_OP_SOCK,
			 (struct sl_slice){ (uint8_t *)&m, sizeof(m) }, fds,
			 a->is_path ? 2 : 1, &err) < 0)
		return EACCES;
	sl_box_op_begin(
	    b, op, n, (struct sl_slice){ (const uint8_t *)a->text, a->text_len }, false);
	return 0;
}

/* glibc asks a name service cache at each look-up of a user; that it is absent is the
 * normal case and no attempt at anything. */
static bool
is_name_cache(struct sl_slice path)
{
	return sl_slice_eq(path, SL_LIT("/var/run/nscd/socket"));
}

/* At tier T0 nothing is: neither a network nor a place where all sockets are its own. */
static void
on_land_connect(struct sl_box *b, struct sl_bpf_name n, const struct addr *a)
{
	struct sl_slice object = { (const uint8_t *)a->text, a->text_len };

	if (a->is_path && is_name_cache(object))
		answer(b, b->req->id, ENOENT, false);
	else
		deny(b, n, object, EACCES);
}

static void
on_connect(struct sl_box *b, struct sl_bpf_name n, bool is_bind)
{
	const struct seccomp_data *d = &b->req->data;
	const struct sl_dial_target *to;
	struct sl_sock_op *op = NULL;
	struct addr a = { .len = (uint32_t)d->args[2] };
	int e;

	if (a.len > sizeof(a.u.b) ||
	    sl_box_read_mem((pid_t)b->req->pid, d->args[1], a.u.b, a.len) != a.len) {
		answer(b, b->req->id, a.len > sizeof(a.u.b) ? EINVAL : EFAULT, false);
		return;
	}
	if (!sl_box_is_alive(b, b->req->id))
		return;
	e = judge(&a, is_bind);
	if (!is_bind && e != EINVAL &&
	    (a.u.sa.sa_family == AF_INET || a.u.sa.sa_family == AF_INET6) &&
	    (to = sl_dial_find(b, &a.u.sa)) != NULL) {
		sl_dial_start(b, to, a.u.sa.sa_family);
		return;
	}
	if (e != 0) {
		deny(b, n, (struct sl_slice){ (uint8_t *)a.text, a.text_len }, e);
		return;
	}
	if (b->land != NULL) {
		on_land_connect(b, n, &a);
		return;
	}
	op = sl_box_op_free(b);
	e = op == NULL ? EAGAIN : start_sock(b, &a, is_bind, n, op);
	if (e == EBADF || e == EAGAIN)
		answer(b, b->req->id, e, false); /* nothing was asked for */
	else if (e != 0)
		deny(b, n, (struct sl_slice){ (uint8_t *)a.text, a.text_len }, e);
}

static bool
is_in_place(struct sl_slice path)
{
	const char *p;

	for (unsigned i = 0; (p = sl_box_place(i)) != NULL; i++)
		if (sl_path_is_below(path, sl_slice_str(p)))
			return true;
	/* A relative path is judged by where it led, not by its name. */
	return path.len == 0 || path.p[0] != '/' ||
	       sl_path_is_below(path, SL_LIT("/workspace"));
}

void
sl_box_on_sock_done(struct sl_box *b, const struct sl_m_done *m)
{
	struct sl_sock_op *op = NULL;
	struct sl_bpf_name n;
	struct sl_slice obj;
	bool is_denied;

	for (size_t i = 0; i < SL_BOX_SOCK_MAX; i++)
		if ((b->sock_used >> i & 1) != 0 && b->sock[i].id == m->id)
			op = &b->sock[i];
	if (op == NULL || m->err < 0 || m->err > 4095)
		return;
	n = op->call;
	obj = (struct sl_slice){ (uint8_t *)op->obj, op->obj_len };
	is_denied = m->is_outside || m->err == EACCES || m->err == EPERM ||
		    m->err == EROFS ||
		    (m->err == ENOENT && !is_in_place(obj) && !is_name_cache(obj));
	if (is_denied || !op->is_quiet)
		sl_box_observe(b, n.class, n.act, obj, is_denied, m->err);
	answer(b, m->id, m->err, false);
	b->sock_used &= ~((uint64_t)1 << (op - b->sock));
}

/* --- everything else --- */

static void
on_refused(struct sl_box *b, struct sl_bpf_name n)
{
	const struct seccomp_data *d = &b->req->data;
	uint8_t room[SL_BOX_PATH_READ];
	struct sl_slice obj = { room, 0 };
	bool is_memory = strcmp(n.class, "memory") == 0;

	for (size_t i = 0; i < sizeof(path_arg) / sizeof(path_arg[0]); i++)
		if (strcmp(path_arg[i].act, n.act) == 0)
			obj =
			    read_path((pid_t)b->req->pid, d->args[path_arg[i].arg], room);
	if (d->nr == SYS_setsockopt)
		obj.len =
		    (size_t)snprintf((char *)room, sizeof(room), "level %d option %d",
				     (int)d->args[1], (int)d->args[2]);
	if (obj.len == 0)
		obj.len = (size_t)snprintf((char *)room, sizeof(room), "0x%llx",
					   (unsigned long long)d->args[0]);
	if (!sl_box_is_alive(b, b->req->id))
		return;
	/* A memory cgroup counts these; a secret one cannot be looked into, ever. */
	if (is_memory && b->cgroup_fd >= 0 && d->nr != SYS_memfd_secret)
		allow(b, n, obj);
	else
		deny(b, n, obj, is_memory ? ENOSYS : EPERM);
}

void
sl_box_on_listener(struct sl_box *b)
{
	struct sl_bpf_name n;

	memset(b->req, 0, b->notif_size);
	if (ioctl(b->listen_fd, SECCOMP_IOCTL_NOTIF_RECV, b->req) < 0) {
		/* The caller was killed before we looked; or we are asked again. */
		if (errno != ENOENT && errno != EINTR)
			give_up(b, -errno);
		return;
	}
	if (b->trace.n_wait > 0)
		sl_image_stopped(b);
	if (b->trace.to != NULL && !sl_box_is_watched(&b->req->data)) {
		sl_trace_call(b);
		return;
	}
	n = sl_box_call_name(b->req->data.nr);
	if (b->land != NULL && !sl_box_is_watched(&b->req->data))
		n = sl_box_land_name(b->req->data.nr);
	if (n.class != NULL && strcmp(n.class, "attribute") == 0)
		sl_attr_call(b, n);
	else if (n.class == NULL)
		answer(b, b->req->id, ENOSYS, false);
	else if (strcmp(n.class, "exec") == 0)
		on_exec(b, n);
	else if (strcmp(n.class, "socket") == 0)
		on_socket(b, n);
	else if (strcmp(n.class, "connect") == 0 || strcmp(n.class, "bind") == 0)
		on_connect(b, n, b->req->data.nr == SYS_bind);
	else
		on_refused(b, n);
}
