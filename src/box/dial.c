/* dial.c -- see dial.h. */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_NETNS_COOKIE /* Linux 5.14 */
#define SO_NETNS_COOKIE 71
#endif

/* What a program may have set on its socket before it connects.  Not the sizes of the
 * buffers: to set them, even to what they are, ends their tuning by the kernel. */
static const struct {
	int level, name, family; /* family 0: any */
} kept[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 0 },  { SOL_SOCKET, SO_OOBINLINE, 0 },
	{ SOL_SOCKET, SO_LINGER, 0 },     { SOL_SOCKET, SO_RCVTIMEO, 0 },
	{ SOL_SOCKET, SO_SNDTIMEO, 0 },   { IPPROTO_TCP, TCP_NODELAY, 0 },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 0 }, { IPPROTO_TCP, TCP_KEEPINTVL, 0 },
	{ IPPROTO_TCP, TCP_KEEPCNT, 0 },  { IPPROTO_TCP, TCP_USER_TIMEOUT, 0 },
	{ IPPROTO_IP, IP_TOS, AF_INET },  { IPPROTO_IPV6, IPV6_TCLASS, AF_INET6 },
};

/* --- targets --- */

static uint64_t
cookie_of(int sock)
{
	uint64_t c = 0;
	socklen_t len = sizeof(c);

	return getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &c, &len) == 0 ? c : 0;
}

bool
sl_dial_is_foreign(const struct sl_box *b, int sock)
{
	uint64_t c = b->dial.cookie != 0 ? cookie_of(sock) : 0;

	/* One whose network cannot be known is taken for ours. */
	return b->dial.cookie != 0 && (c == 0 || c == b->dial.cookie);
}

static int
own_cookie(struct sl_box *b, struct sl_err *err)
{
	SL_AUTO_FD s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return SL_ERR_SYS(err, -errno, "box: cannot make a socket");
	if ((b->dial.cookie = cookie_of(s)) == 0)
		return SL_ERR(err, ENV,
			      "box: a network grant needs SO_NETNS_COOKIE (Linux 5.14)");
	return 0;
}

int
sl_dial_check(const struct sl_box_opts *o, struct sl_err *err)
{
	const struct sl_grant *g = o->grant;

	for (size_t i = 0; i < o->n_pins; i++)
		if (o->pins[i].net >= g->n_net || g->net[o->pins[i].net].is_address)
			return SL_ERR(err, BUG, "box: a pin of no name in the grant");
	return 0;
}

int
sl_dial_init(struct sl_box *b, const struct sl_box_opts *o, struct sl_err *err)
{
	const struct sl_grant *g = o->grant;
	struct sl_dial *d = &b->dial;
	int r;

	if ((r = sl_dial_check(o, err)) < 0 || g->n_net == 0)
		return r;
	if ((r = own_cookie(b, err)) < 0)
		return r;
	d->target = calloc(g->n_net + o->n_pins, sizeof(*d->target));
	if (d->target == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a box");
	for (size_t i = 0; i < g->n_net; i++) {
		struct sl_dial_target t = { .net = &g->net[i] };

		if (!g->net[i].is_address)
			continue;
		if (!sl_addr_parse(g->net[i].host, &t.addr))
			return SL_ERR(err, BUG, "box: a grant's address is none");
		d->target[d->n_targets++] = t;
	}
	for (size_t i = 0; i < o->n_pins; i++)
		d->target[d->n_targets++] =
		    (struct sl_dial_target){ o->pins[i].addr, &g->net[o->pins[i].net] };
	return sl_box_proxy_init(b, o, err);
}

void
sl_dial_done(struct sl_box *b)
{
	sl_dial_drop(b);
	sl_box_proxy_done(b);
	free(b->dial.target);
	b->dial.target = NULL;
	b->dial.n_targets = 0;
}

const struct sl_dial_target *
sl_dial_find(const struct sl_box *b, const struct sockaddr *sa)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;
	struct sl_addr a = { 0 };
	uint16_t port;

	if (sa->sa_family == AF_INET) {
		a.family = 4;
		memcpy(a.b, &in->sin_addr, 4);
		port = ntohs(in->sin_port);
	} else {
		a.family = 6;
		memcpy(a.b, &in6->sin6_addr, 16);
		sl_addr_unmap(&a);
		port = ntohs(in6->sin6_port);
	}
	for (size_t i = 0; i < b->dial.n_targets; i++)
		if (b->dial.target[i].net->port == port &&
		    sl_addr_eq(&b->dial.target[i].addr, &a) &&
		    sl_grant_has_net(b->act, b->dial.target[i].net->host, port))
			return &b->dial.target[i];
	return NULL;
}

/* --- one connection --- */

/* "HOST:PORT (ADDRESS)" and what the network said, or that it was not for the socket. */
static void
observe(struct sl_box *b, const struct sl_dial_target *to, bool is_denied, int e)
{
	const struct sl_bpf_name n = sl_box_call_name(SYS_connect);
	char obj[2 * SL_BOX_OBJ_MAX], net[SL_NET_TEXT_MAX], ip[SL_ADDR_TEXT_MAX];
	bool is_name = !to->net->is_address;
	int len;

	(void)sl_grant_net_text(to->net, net);
	sl_addr_text(&to->addr, ip);
	len = snprintf(obj, sizeof(obj), "%s%s%s%s%s", net, is_name ? " (" : "",
		       is_name ? ip : "", is_name ? ")" : "",
		       is_denied ? ", not a new TCP socket" : "");
	sl_box_observe(b, n.class, n.act,
		       (struct sl_slice){ (uint8_t *)obj, (size_t)len }, is_denied, e);
}

static void
finish(struct sl_box *b, struct sl_dial_op *op, int e)
{
	struct seccomp_notif_addfd add = { .id = op->id,
					   .flags = SECCOMP_ADDFD_FLAG_SETFD,
					   .srcfd = (uint32_t)op->sock,
					   .newfd = (uint32_t)op->their_fd,
					   .newfd_flags =
					       op->is_cloexec ? O_CLOEXEC : 0 };
	int r;

	/* It stays open elsewhere: closing it here would not take it out of the set. */
	(void)sl_box_watch_fd(b, op->sock, 0, 0);
	observe(b, op->to, false, e);
	if (e == 0 && op->is_blocking && fcntl(op->sock, F_SETFL, 0) < 0)
		e = errno;
	if (e == 0 && (r = sl_box_ask(b, SECCOMP_IOCTL_NOTIF_ADDFD, &add)) < 0)
		e = -r;
	sl_box_answer(b, op->id, e);
	(void)close(op->sock);
	b->dial.used &= ~(1U << (op - b->dial.op));
}

static void
keep_options(int theirs, int ours, int family)
{
	union {
		int i;
		struct linger l;
		struct timeval t;
	} v;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		socklen_t len = sizeof(v);

		/* One that cannot be had is one that a program can do without. */
		if ((kept[i].family == 0 || kept[i].family == family) &&
		    getsockopt(theirs, kept[i].level, kept[i].name, &v, &len) == 0)
			(void)setsockopt(ours, kept[i].level, kept[i].name, &v, len);
	}
}

static int
int_option(int sock, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(sock, SOL_SOCKET, name, &v, &len) == 0 ? v : -1;
}

/* 0, or the errno: of a kernel where it would say the same, EACCES for what is closed. */
static int
check_theirs(const struct sl_box *b, int sock, sa_family_t family)
{
	struct sockaddr_in6 in6 = { 0 }; /* the port of both families is there */
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(in6), ti_len = sizeof(ti);

	if (sl_dial_is_foreign(b, sock))
		return EISCONN;
	if (int_option(sock, SO_TYPE) != SOCK_STREAM ||
	    int_option(sock, SO_PROTOCOL) != IPPROTO_TCP ||
	    int_option(sock, SO_DOMAIN) != family ||
	    getsockopt(sock, IPPROTO_TCP, TCP_INFO, &ti, &ti_len) < 0 ||
	    getsockname(sock, (struct sockaddr *)&in6, &len) < 0)
		return EACCES;
	/* Bound or used in the box's network: it has no place in another one. */
	return ti.tcpi_state != TCP_CLOSE || in6.sin6_port != 0 ? EACCES : 0;
}

/* The flags of a descriptor are shown, not told. */
static int
is_cloexec(pid_t tid, int fd, bool *ret)
{
	char path[64], text[512] = "";
	const char *p;

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", tid, fd);
	if (sl_os_read_file(AT_FDCWD, path, text, sizeof(text) - 1) <= 0 ||
	    (p = strstr(text, "flags:")) == NULL)
		return EACCES;
	*ret = (strtoul(p + 6, NULL, 8) & O_CLOEXEC) != 0;
	return 0;
}

static int
look_at_theirs(struct sl_box *b, sa_family_t family, struct sl_dial_op *op)
{
	SL_AUTO_FD pidfd = -1;
	SL_AUTO_FD theirs = -1;
	pid_t tid = (pid_t)b->req->pid, pid = sl_box_leader(tid, NULL);
	int e, flags;

	if (pid < 0 || (pidfd = sl_os_pidfd_open(pid)) < 0)
		return ESRCH;
	if ((theirs = sl_os_pidfd_getfd(pidfd, op->their_fd)) < 0)
		return theirs == -EBADF ? EBADF : ESRCH;
	if ((e = check_theirs(b, theirs, family)) != 0 ||
	    (e = is_cloexec(tid, op->their_fd, &op->is_cloexec)) != 0)
		return e;
	if ((flags = fcntl(theirs, F_GETFL)) < 0 ||
	    (op->sock = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       IPPROTO_TCP)) < 0)
		return errno;
	op->is_blocking = (flags & O_NONBLOCK) == 0;
	keep_options(theirs, op->sock, family);
	return 0;
}

/* From the pin, not from what was copied: a scope or a flow label is nobody's grant. */
int
sl_dial_connect(int sock, const struct sl_dial_target *to, sa_family_t family)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(to->net->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(to->net->port) };
	int r;

	if (family == AF_INET) {
		memcpy(&in.sin_addr, to->addr.b, 4);
		r = connect(sock, (struct sockaddr *)&in, sizeof(in));
	} else {
		memcpy(&in6.sin6_addr, to->addr.b, 16);
		if (to->addr.family == 4) {
			memcpy(&in6.sin6_addr, mapped, 12);
			memcpy(&in6.sin6_addr.s6_addr[12], to->addr.b, 4);
		}
		r = connect(sock, (struct sockaddr *)&in6, sizeof(in6));
	}
	return r < 0 ? errno : 0;
}

void
sl_dial_start(struct sl_box *b, const struct sl_dial_target *to, sa_family_t family)
{
	struct sl_dial_op *op;
	unsigned i = 0;
	int e;

	while (i < SL_BOX_DIALS_MAX && (b->dial.used >> i & 1) != 0)
		i++;
	if (i == SL_BOX_DIALS_MAX) {
		sl_box_answer(b, b->req->id, EAGAIN);
		return;
	}
	op = &b->dial.op[i];
	*op = (struct sl_dial_op){ .id = b->req->id,
				   .sock = -1,
				   .their_fd = (int)b->req->data.args[0],
				   .until_ms = sl_os_now_ms() + SL_BOX_DIAL_MS,
				   .to = to };
	if ((e = look_at_theirs(b, family, op)) != 0) {
		if (op->sock >= 0)
			(void)close(op->sock);
		/* No descriptor, already connected, gone: nothing was asked of us. */
		if (e == EACCES)
			observe(b, to, true, e);
		sl_box_answer(b, b->req->id, e);
		return;
	}
	b->dial.used |= 1U << i;
	e = sl_dial_connect(op->sock, to, family);
	if (e == EINPROGRESS &&
	    sl_box_watch_fd(b, op->sock, EPOLLOUT, SL_TAG_DIAL | (uint64_t)i << 8) == 0)
		return;
	finish(b, op, e == EINPROGRESS ? ENOMEM : e);
}

void
sl_dial_ready(struct sl_box *b, unsigned i)
{
	struct sl_dial_op *op;
	int e;

	if (i >= SL_BOX_DIALS_MAX || (b->dial.used >> i & 1) == 0)
		return;
	op = &b->dial.op[i];
	/* Asked again, not SO_ERROR: until then the kernel keeps even an established
	 * socket as one that is connecting, which after its end can be used anew. */
	e = sl_dial_connect(op->sock, op->to,
			    (sa_family_t)int_option(op->sock, SO_DOMAIN));
	if (e != EALREADY)
		finish(b, op, e);
}

void
sl_dial_tick(struct sl_box *b)
{
	int64_t now = b->dial.used != 0 ? sl_os_now_ms() : 0;

	for (unsigned i = 0; i < SL_BOX_DIALS_MAX; i++) {
		struct sl_dial_op *op = &b->dial.op[i];

		if ((b->dial.used >> i & 1) == 0)
			continue;
		if (!sl_box_is_alive(b, op->id))
			finish(b, op, EINTR); /* who asked was killed */
		else if (now >= op->until_ms)
			finish(b, op, ETIMEDOUT);
	}
}

void
sl_dial_drop(struct sl_box *b)
{
	for (unsigned i = 0; i < SL_BOX_DIALS_MAX; i++)
		if ((b->dial.used >> i & 1) != 0) {
			observe(b, b->dial.op[i].to, false, EINTR);
			(void)sl_box_watch_fd(b, b->dial.op[i].sock, 0, 0);
			(void)close(b->dial.op[i].sock);
		}
	b->dial.used = 0;
}
