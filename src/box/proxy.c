/* proxy.c -- see proxy.h. */
#include "box/proxy.h"

#include "box/internal.h"
#include "grant/net.h"
#include "os/proc.h"
#include "proxy/msg.h"
#include "proxy/request.h"
#include "proxy/role.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { FRAME_MS = 2000, DRAIN_MS = SL_PROXY_DRAIN_MS + FRAME_MS };

static const char class[] = "proxy";
static const char *const act_name[SL_PROXY_ACTS] = { [SL_PROXY_HTTP] = "http",
						     [SL_PROXY_CONNECT] = "connect",
						     [SL_PROXY_SOCKS5] = "socks5" };

struct slot {
	enum { FREE, DIALING, OPEN } state;
	uint8_t act;
	int sock;
	int64_t until_ms;
	size_t at; /* the target that is tried, or was reached */
	uint16_t port;
	struct sl_hostport asked;
	const struct sl_obs *row; /* of the connection; NULL: none had room */
};

struct sl_box_proxy {
	struct sl_proxy *role;
	bool is_draining, is_drained;
	unsigned n_dialing;
	struct slot slot[SL_PROXY_CONNS_MAX];
};

int
sl_box_proxy_init(struct sl_box *b, const struct sl_box_opts *o, struct sl_err *err)
{
	if (o->proxy == NULL)
		return 0;
	if (o->launcher != NULL)
		return SL_ERR(err, UNSUPPORTED, "box: a launcher's boxes have no proxy");
	if ((b->proxy = calloc(1, sizeof(*b->proxy))) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a box");
	b->proxy->role = o->proxy;
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
		b->proxy->slot[i].sock = -1;
	return 0;
}

void
sl_box_proxy_done(struct sl_box *b)
{
	for (size_t i = 0; b->proxy != NULL && i < SL_PROXY_CONNS_MAX; i++)
		if (b->proxy->slot[i].state != FREE && b->proxy->slot[i].sock >= 0)
			(void)close(b->proxy->slot[i].sock);
	free(b->proxy);
	b->proxy = NULL;
}

/* A TCP socket that listens where the environment says, in another network than ours:
 * init made it before anything of the request ran, and is checked all the same. */
static bool
is_listener(const struct sl_box *b, int fd)
{
	struct sockaddr_in in = { 0 };
	socklen_t len = sizeof(in), n = sizeof(int);
	int is_listening = 0;

	return fd >= 0 && !sl_dial_is_foreign(b, fd) &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &n) == 0 &&
	       is_listening == 1 && getsockname(fd, (struct sockaddr *)&in, &len) == 0 &&
	       in.sin_family == AF_INET && ntohl(in.sin_addr.s_addr) == INADDR_LOOPBACK &&
	       ntohs(in.sin_port) == sl_grant_net_proxy_port(b->grant);
}

int
sl_box_proxy_listen(struct sl_box *b, int fd, struct sl_err *err)
{
	struct sl_proxy *p = b->proxy->role;
	int r;

	if (!is_listener(b, fd))
		return SL_ERR(err, ENV, "box: init made another listener than it should");
	if (sl_chan_send(&p->chan, SL_PXO_LISTEN, (struct sl_slice){ 0 }, &fd, 1, err) <
	    0)
		return sl_err_ctx(err, "box: its proxy");
	if ((r = sl_box_watch_fd(b, p->chan.fd, EPOLLIN, SL_TAG_PROXY)) < 0)
		return SL_ERR_SYS(err, r, "box: cannot watch its proxy");
	return 0;
}

/* --- answers and records --- */

/* "HOST:PORT (ADDRESS)" as of the connections that a program makes by itself. */
static size_t
object_of(const struct sl_dial_target *to, char *out, size_t n)
{
	char net[SL_NET_TEXT_MAX], ip[SL_ADDR_TEXT_MAX];

	(void)sl_grant_net_text(to->net, net);
	sl_addr_text(&to->addr, ip);
	return (size_t)(to->net->is_address ? snprintf(out, n, "%s", net)
					    : snprintf(out, n, "%s (%s)", net, ip));
}

static const struct sl_obs *
observe(struct sl_box *b, uint8_t act, struct sl_slice object, const char *rule,
	bool is_denied, int e)
{
	return sl_box_observe_rule(b, class, act_name[act], object, rule, is_denied, e);
}

static const struct sl_obs *
observe_at(struct sl_box *b, const struct slot *s, int e)
{
	char obj[SL_BOX_OBJ_MAX];
	size_t n = object_of(&b->dial.target[s->at], obj, sizeof(obj));

	return observe(b, s->act, (struct sl_slice){ (uint8_t *)obj, n }, SL_PROXY_GRANT,
		       false, e);
}

static void
observe_refused(struct sl_box *b, uint8_t act, struct sl_slice object, unsigned why)
{
	(void)observe(b, act, object, sl_proxy_why_id(why), true, EACCES);
}

static bool
is_it(const struct sl_box *b, const struct sl_dial_target *t, const struct slot *s)
{
	if (t->net->port != s->port || !sl_grant_has_net(b->act, t->net->host, s->port))
		return false;
	if (s->asked.addr.family != 0)
		return sl_addr_eq(&t->addr, &s->asked.addr);
	return !t->net->is_address &&
	       sl_slice_eq(t->net->host, sl_slice_str(s->asked.host));
}

/* Whom TLS may name: who was asked for, or who of the grant is at the address. */
static void
put_names(const struct sl_box *b, const struct slot *s, struct sl_pxm_opened *m,
	  struct sl_buf *out)
{
	const struct sl_dial_target *to = &b->dial.target[s->at];

	for (size_t i = 0; i < b->dial.n_targets; i++) {
		const struct sl_dial_target *t = &b->dial.target[i];

		if (t->net->port != s->port || !sl_addr_eq(&t->addr, &to->addr) ||
		    !is_it(b, t, s))
			continue;
		if (t->net->is_address) {
			m->is_bare = 1;
		} else if (m->n_names < SL_PROXY_NAMES_MAX) {
			m->n_names++;
			sl_buf_slice(out, t->net->host);
			sl_buf_byte(out, '\0');
		}
	}
}

/* sock is the proxy's from here on. */
static bool
answer(struct sl_box *b, const struct slot *s, int e, enum sl_proxy_why why)
{
	struct sl_pxm_opened m = { .id = (uint32_t)(s - b->proxy->slot),
				   .err = e,
				   .why = (uint8_t)why };
	SL_AUTO_BUF names = { .max = 4096 };
	SL_AUTO_BUF body = { .max = 8192 };
	struct sl_err err = { 0 };

	if (e == 0)
		put_names(b, s, &m, &names);
	sl_buf_put(&body, &m, sizeof(m));
	sl_buf_slice(&body, sl_buf_get(&names));
	return !body.is_failed && !names.is_failed &&
	       sl_chan_send(&b->proxy->role->chan, SL_PXO_OPENED, sl_buf_get(&body),
			    &s->sock, e == 0 ? 1 : 0, &err) == 0;
}

/* --- connections --- */

static void
forget_sock(struct sl_box *b, struct slot *s)
{
	if (s->sock < 0)
		return;
	/* It may be open in the proxy: closing it would not take it out of the set. */
	if (s->state == DIALING)
		(void)sl_box_watch_fd(b, s->sock, 0, 0);
	/* Whatever the proxy says that it closed, it cannot use any more. */
	(void)shutdown(s->sock, SHUT_RDWR);
	(void)close(s->sock);
	s->sock = -1;
}

/* An open one stays here too, so that it ends with its act whatever the proxy does. */
static void
keep_sock(struct sl_box *b, struct slot *s)
{
	(void)sl_box_watch_fd(b, s->sock, 0, 0);
	s->state = OPEN;
}

/* A channel that cannot be written to is found to be at its end when it is read. */
static void
finish(struct sl_box *b, struct slot *s, int e)
{
	b->proxy->n_dialing--;
	s->row = observe_at(b, s, e);
	(void)answer(b, s, e, SL_PROXY_WHY_NONE);
	if (e == 0) {
		keep_sock(b, s);
		return;
	}
	forget_sock(b, s);
	s->state = FREE;
}

/* The next address of those that it has, until one is being connected to. */
static void
dial(struct sl_box *b, struct slot *s, int e)
{
	for (size_t i = s->at + (e != 0); i < b->dial.n_targets; i++) {
		const struct sl_dial_target *t = &b->dial.target[i];
		sa_family_t family = t->addr.family == 4 ? AF_INET : AF_INET6;

		if (!is_it(b, t, s))
			continue;
		forget_sock(b, s);
		s->at = i;
		s->until_ms = sl_os_now_ms() + SL_BOX_DIAL_MS;
		if ((s->sock = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				      IPPROTO_TCP)) < 0) {
			e = errno;
			continue;
		}
		e = sl_dial_connect(s->sock, t, family);
		if (e == EINPROGRESS &&
		    sl_box_watch_fd(b, s->sock, EPOLLOUT,
				    SL_TAG_PROXY_DIAL | (uint64_t)(s - b->proxy->slot)
							    << 8) == 0)
			return;
		if (e == 0)
			break;
	}
	finish(b, s, e);
}

void
sl_box_proxy_ready(struct sl_box *b, unsigned i)
{
	struct slot *s = &b->proxy->slot[i % SL_PROXY_CONNS_MAX];
	const struct sl_dial_target *t = &b->dial.target[s->at];
	int e;

	if (s->state != DIALING)
		return;
	/* As in dial.c: asked again, so that the kernel takes note. */
	e = sl_dial_connect(s->sock, t, t->addr.family == 4 ? AF_INET : AF_INET6);
	if (e == 0)
		finish(b, s, 0);
	else if (e != EALREADY)
		dial(b, s, e);
}

void
sl_box_proxy_tick(struct sl_box *b)
{
	int64_t now;

	if (b->proxy == NULL || b->proxy->n_dialing == 0)
		return;
	now = sl_os_now_ms();
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
		if (b->proxy->slot[i].state == DIALING &&
		    now >= b->proxy->slot[i].until_ms)
			dial(b, &b->proxy->slot[i], ETIMEDOUT);
}

/* --- what the proxy says --- */

static bool
on_open(struct sl_box *b, struct sl_slice body)
{
	struct sl_pxm_open m;
	struct sl_hostport h;
	struct sl_err err = { 0 };
	struct slot *s;
	char text[SL_NET_TEXT_MAX];

	memcpy(&m, body.p, sizeof(m));
	/* Between acts there is nobody who could ask. */
	if (b->state != SL_BS_RUN && !b->proxy->is_draining)
		return false;
	if (m.id >= SL_PROXY_CONNS_MAX || m.act >= SL_PROXY_ACTS || m.port == 0 ||
	    memchr(m.host, 0, sizeof(m.host)) == NULL ||
	    b->proxy->slot[m.id].state != FREE ||
	    sl_host_parse(sl_slice_str(m.host), &h, &err) < 0 ||
	    strcmp(h.host, m.host) != 0)
		return false;
	s = &b->proxy->slot[m.id];
	*s = (struct slot){ .act = m.act, .sock = -1, .port = m.port, .asked = h };
	while (s->at < b->dial.n_targets && !is_it(b, &b->dial.target[s->at], s))
		s->at++;
	if (s->at == b->dial.n_targets) {
		const struct sl_grant_net n = { sl_slice_str(m.host), m.port,
						h.addr.family != 0 };
		size_t len = sl_grant_net_text(&n, text);

		observe_refused(b, m.act, (struct sl_slice){ (uint8_t *)text, len },
				SL_PROXY_WHY_GRANT);
		return answer(b, s, EACCES, SL_PROXY_WHY_GRANT);
	}
	b->proxy->n_dialing++;
	if (b->proxy->is_draining) { /* who asked is gone */
		finish(b, s, EINTR);
		return true;
	}
	s->state = DIALING;
	dial(b, s, 0);
	return true;
}

static bool
on_refused(struct sl_box *b, struct sl_slice body)
{
	struct sl_pxm_refused m;

	memcpy(&m, body.p, sizeof(m));
	if (m.act >= SL_PROXY_ACTS || m.why <= SL_PROXY_WHY_GRANT ||
	    m.why >= SL_PROXY_WHY_COUNT || m.len > sizeof(m.text))
		return false;
	observe_refused(b, m.act, (struct sl_slice){ m.text, m.len }, m.why);
	return true;
}

static bool
on_closed(struct sl_box *b, struct sl_slice body)
{
	struct sl_pxm_closed m;
	char obj[SL_BOX_OBJ_MAX];
	struct slot *s;
	size_t n;

	memcpy(&m, body.p, sizeof(m));
	if (m.id >= SL_PROXY_CONNS_MAX || b->proxy->slot[m.id].state != OPEN ||
	    m.why >= SL_PROXY_WHY_COUNT || memchr(m.name, 0, sizeof(m.name)) == NULL)
		return false;
	s = &b->proxy->slot[m.id];
	forget_sock(b, s);
	s->state = FREE;
	sl_obs_bytes(&b->obs, s->row, m.sent, m.received);
	if (m.why == SL_PROXY_WHY_NONE)
		return true;
	n = object_of(&b->dial.target[s->at], obj, sizeof(obj));
	if (m.name[0] != '\0' && n < sizeof(obj))
		n += (size_t)snprintf(obj + n, sizeof(obj) - n, ", TLS for %s", m.name);
	n = n < sizeof(obj) ? n : sizeof(obj) - 1;
	observe_refused(b, s->act, (struct sl_slice){ (uint8_t *)obj, n }, m.why);
	return true;
}

static bool
is_idle(const struct sl_box_proxy *p)
{
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
		if (p->slot[i].state != FREE)
			return false;
	return true;
}

static bool
on_message(struct sl_box *b, const struct sl_msg *msg)
{
	static const struct {
		uint16_t op;
		size_t len;
	} lens[] = { { SL_PXO_OPEN, sizeof(struct sl_pxm_open) },
		     { SL_PXO_REFUSED, sizeof(struct sl_pxm_refused) },
		     { SL_PXO_CLOSED, sizeof(struct sl_pxm_closed) } };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		if (lens[i].op == msg->op && lens[i].len != msg->body.len)
			return false;
	switch ((enum sl_proxy_op)msg->op) {
	case SL_PXO_OPEN:
		return on_open(b, msg->body);
	case SL_PXO_REFUSED:
		return on_refused(b, msg->body);
	case SL_PXO_CLOSED:
		return on_closed(b, msg->body);
	case SL_PXO_DRAINED:
		b->proxy->is_drained = true;
		return b->proxy->is_draining && is_idle(b->proxy);
	case SL_PXO_LISTEN:
	case SL_PXO_OPENED:
	case SL_PXO_DRAIN:
	default:
		return false;
	}
}

static bool
receive(struct sl_box *b, int deadline_ms)
{
	struct sl_proxy *p = b->proxy->role;
	struct sl_err err = { 0 };
	struct sl_msg msg;

	return sl_chan_recv(&p->chan, &p->room, &msg, deadline_ms, &err) == 1 &&
	       on_message(b, &msg);
}

/* The bytes of what was open are nowhere any more. */
static bool
gone(struct sl_box *b)
{
	struct sl_box_proxy *p = b->proxy;

	(void)sl_box_watch_fd(b, p->role->chan.fd, 0, 0);
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++) {
		struct slot *s = &p->slot[i];

		if (s->state == DIALING)
			(void)observe_at(b, s, EINTR);
		if (s->state == OPEN)
			sl_obs_lose(&b->obs, class);
		forget_sock(b, s);
		s->state = FREE;
	}
	p->n_dialing = 0;
	return false;
}

bool
sl_box_proxy_event(struct sl_box *b)
{
	return receive(b, FRAME_MS) || gone(b);
}

bool
sl_box_proxy_drain(struct sl_box *b)
{
	struct sl_box_proxy *p = b->proxy;
	int64_t until;
	struct sl_err err = { 0 };
	bool is_ok;

	if (p == NULL)
		return true;
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
		if (p->slot[i].state == DIALING)
			finish(b, &p->slot[i], EINTR);
	p->is_draining = true;
	p->is_drained = false;
	until = sl_os_now_ms() + DRAIN_MS;
	is_ok = sl_chan_send(&p->role->chan, SL_PXO_DRAIN, (struct sl_slice){ 0 }, NULL,
			     0, &err) == 0;
	while (is_ok && !p->is_drained) {
		int64_t left = until - sl_os_now_ms();

		is_ok = left > 0 && receive(b, (int)left);
	}
	p->is_draining = false;
	return is_ok || gone(b);
}
