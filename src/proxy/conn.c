/* conn.c -- one connection of the box's to its proxy: a request, judged by the
 * supervisor, then bytes both ways. */
#include "proxy/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TLS_PORT = 443 };

bool
sl_px_begin(struct sl_px_conn *c, int client)
{
	uint8_t *up = c->up.p != NULL ? c->up.p : malloc(SL_PX_ROOM);
	uint8_t *down = c->down.p != NULL ? c->down.p : malloc(SL_PX_ROOM);

	*c = (struct sl_px_conn){
		.client = client, .service = -1, .up.p = up, .down.p = down
	};
	if (up == NULL || down == NULL)
		return false;
	c->stage = SL_PX_FIRST;
	c->until_ms = sl_px_now_ms() + SL_PROXY_HEAD_MS;
	return true;
}

void
sl_px_close(struct sl_px *x, struct sl_px_conn *c)
{
	struct sl_pxm_closed m = { 0 };

	if (c->client >= 0)
		(void)close(c->client);
	if (c->service >= 0)
		(void)close(c->service);
	if (c->is_open) {
		m.id = (uint32_t)(c - x->conn);
		m.why = c->why;
		m.sent = c->sent;
		m.received = c->received;
		memcpy(m.name, c->name, sizeof(m.name));
		sl_px_tell(x, SL_PXO_CLOSED, &m, sizeof(m));
	}
	c->stage = SL_PX_FREE;
	c->client = c->service = -1;
	c->is_open = false;
}

/* --- answers --- */

static void
say(struct sl_px_conn *c, const void *p, size_t n)
{
	struct sl_px_pipe *d = &c->down;

	if (d->len == 0)
		d->off = 0;
	if (n <= SL_PX_ROOM - d->off - d->len) {
		memcpy(d->p + d->off + d->len, p, n);
		d->len += n;
	}
}

static void
last(struct sl_px_conn *c)
{
	c->stage = SL_PX_LAST;
	c->up.len = 0;
	c->until_ms = sl_px_now_ms() + SL_PX_LAST_MS;
}

static const char *
phrase(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} t[] = { { 400, "Bad Request" },     { 403, "Forbidden" },
		  { 408, "Request Timeout" }, { 431, "Request Header Fields Too Large" },
		  { 502, "Bad Gateway" },     { 504, "Gateway Timeout" } };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (t[i].status == status)
			return t[i].text;
	return "Error";
}

static void
say_http(struct sl_px_conn *c, unsigned status, const char *text)
{
	char s[512];
	int n = snprintf(s, sizeof(s),
			 "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\n"
			 "Content-Length: %zu\r\nConnection: close\r\n\r\nsluice: %s\n",
			 status, phrase(status), strlen(text) + 9, text);

	say(c, s, (size_t)n);
}

static void
say_socks(struct sl_px_conn *c, uint8_t code)
{
	const uint8_t s[] = { 5, code, 0, 1, 0, 0, 0, 0, 0, 0 };

	say(c, s, sizeof(s));
}

/* RFC 1928 section 6. */
static uint8_t
socks_code(int e, enum sl_proxy_why why)
{
	if (why == SL_PROXY_WHY_COMMAND)
		return 7;
	if (why != SL_PROXY_WHY_NONE)
		return 2;
	switch (e) {
	case ENETUNREACH:
		return 3;
	case EHOSTUNREACH:
	case ETIMEDOUT:
		return 4;
	case ECONNREFUSED:
		return 5;
	default:
		return 1;
	}
}

/* A request that the supervisor has not heard of: refused, and told. */
static void
refuse(struct sl_px *x, struct sl_px_conn *c, enum sl_proxy_why why,
       const struct sl_proxy_req *r)
{
	static const uint8_t no_method[] = { 5, 0xff };
	struct sl_pxm_refused m = { .act = c->act, .why = (uint8_t)why };
	char text[SL_HOST_MAX + 10];
	struct sl_slice asked = r != NULL ? r->asked : (struct sl_slice){ 0 };

	if (r != NULL && r->to.host[0] != '\0' && r->to.port != 0) {
		(void)snprintf(text, sizeof(text),
			       r->to.addr.family == 6 ? "[%s]:%u" : "%s:%u", r->to.host,
			       r->to.port);
		asked = sl_slice_str(text);
	}
	m.len = (uint16_t)(asked.len < sizeof(m.text) ? asked.len : sizeof(m.text));
	if (m.len > 0)
		memcpy(m.text, asked.p, m.len);
	sl_px_tell(x, SL_PXO_REFUSED, &m, sizeof(m));
	if (c->act != SL_PROXY_SOCKS5)
		say_http(c, sl_proxy_why_status(why), sl_proxy_why_text(why));
	else if (why == SL_PROXY_WHY_METHOD)
		say(c, no_method, sizeof(no_method));
	else if (c->stage == SL_PX_SOCKS)
		say_socks(c, socks_code(0, why));
	last(c);
}

/* One that is open: what came of it is told at its end. */
static void
cut(struct sl_px *x, struct sl_px_conn *c, enum sl_proxy_why why)
{
	c->why = why;
	sl_px_close(x, c);
}

/* --- requests --- */

static struct sl_slice
input(const struct sl_px_conn *c)
{
	return (struct sl_slice){ c->up.p + c->up.off, c->up.len };
}

static void
take(struct sl_px_conn *c, int n)
{
	c->up.off += (size_t)n;
	c->up.len -= (size_t)n;
}

static void
ask(struct sl_px *x, struct sl_px_conn *c, const struct sl_proxy_req *r)
{
	struct sl_pxm_open m = { .id = (uint32_t)(c - x->conn),
				 .port = r->to.port,
				 .act = c->act };

	memcpy(m.host, r->to.host, sizeof(m.host));
	c->port = r->to.port;
	c->stage = SL_PX_ASKED;
	c->until_ms = 0;
	sl_px_tell(x, SL_PXO_OPEN, &m, sizeof(m));
}

/* A plain request: its head becomes what goes on, and all else must be its body. */
static enum sl_proxy_why
make_plain(struct sl_px_conn *c, const struct sl_proxy_req *r, int len_head)
{
	SL_AUTO_BUF out = { .max = SL_PX_ROOM };
	struct sl_slice rest = sl_slice_skip(input(c), (size_t)len_head);
	int n;

	sl_proxy_body_init(&c->body, r);
	if ((n = sl_proxy_body(&c->body, rest)) < 0)
		return (enum sl_proxy_why) - n;
	if ((size_t)n < rest.len)
		return SL_PROXY_WHY_SECOND;
	sl_proxy_http_write(r, &out);
	sl_buf_slice(&out, rest);
	if (out.is_failed)
		return SL_PROXY_WHY_SIZE;
	c->is_plain = true;
	memcpy(c->up.p, out.p, out.len);
	c->up.off = 0;
	c->up.len = out.len;
	return SL_PROXY_WHY_NONE;
}

static void
on_head(struct sl_px *x, struct sl_px_conn *c)
{
	struct sl_proxy_req r;
	int n = sl_proxy_http(input(c), &r);
	enum sl_proxy_why why;

	if (n == 0)
		return;
	c->act = (uint8_t)r.act;
	if (n < 0) {
		refuse(x, c, (enum sl_proxy_why) - n, &r);
		return;
	}
	if (r.act == SL_PROXY_CONNECT) {
		take(c, n);
	} else if ((why = make_plain(c, &r, n)) != SL_PROXY_WHY_NONE) {
		refuse(x, c, why, &r);
		return;
	}
	ask(x, c, &r);
}

static void
on_greeting(struct sl_px *x, struct sl_px_conn *c)
{
	static const uint8_t no_auth[] = { 5, 0 };
	int n = sl_proxy_socks_hello(input(c));

	if (n < 0)
		refuse(x, c, (enum sl_proxy_why) - n, NULL);
	if (n <= 0)
		return;
	take(c, n);
	say(c, no_auth, sizeof(no_auth));
	c->stage = SL_PX_SOCKS;
}

static void
on_socks(struct sl_px *x, struct sl_px_conn *c)
{
	struct sl_proxy_req r;
	int n = sl_proxy_socks(input(c), &r);

	if (n < 0)
		refuse(x, c, (enum sl_proxy_why) - n, &r);
	if (n <= 0)
		return;
	take(c, n);
	ask(x, c, &r);
}

static bool
is_named(const struct sl_px_conn *c, const char *name)
{
	const char *p = c->names;

	if (name[0] == '\0')
		return c->is_bare;
	for (unsigned i = 0; i < c->n_names; i++, p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return true;
	return false;
}

static void
on_hello(struct sl_px *x, struct sl_px_conn *c)
{
	char name[SL_HOST_MAX + 1];
	int n = sl_proxy_hello(input(c), name);

	if (n == 0)
		return;
	if (n < 0) {
		cut(x, c, (enum sl_proxy_why) - n);
	} else if (!is_named(c, name)) {
		memcpy(c->name, name, sizeof(name));
		cut(x, c, SL_PROXY_WHY_NAME);
	} else {
		c->stage = SL_PX_RELAY;
		c->until_ms = 0;
	}
}

/* As far as what has come goes. */
static void
proceed(struct sl_px *x, struct sl_px_conn *c)
{
	enum sl_px_stage was;

	do {
		was = c->stage;
		if (c->up.len == 0)
			return;
		switch (was) {
		case SL_PX_FIRST:
			c->act = input(c).p[0] == 5 ? SL_PROXY_SOCKS5 : SL_PROXY_HTTP;
			c->stage =
			    c->act == SL_PROXY_SOCKS5 ? SL_PX_GREETING : SL_PX_HEAD;
			break;
		case SL_PX_HEAD:
			on_head(x, c);
			break;
		case SL_PX_GREETING:
			on_greeting(x, c);
			break;
		case SL_PX_SOCKS:
			on_socks(x, c);
			break;
		case SL_PX_HELLO:
			on_hello(x, c);
			break;
		case SL_PX_FREE:
		case SL_PX_ASKED:
		case SL_PX_RELAY:
		case SL_PX_LAST:
		default:
			break;
		}
	} while (c->stage != was);
}

void
sl_px_on_opened(struct sl_px *x, struct sl_px_conn *c, const struct sl_pxm_opened *m,
		struct sl_slice names, int fd)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	bool is_tunnel = c->act != SL_PROXY_HTTP;

	c->service = fd;
	if (m->err != 0 || fd < 0) {
		unsigned status = m->err == ETIMEDOUT ? 504 : 502;

		if (!is_tunnel || c->act == SL_PROXY_CONNECT)
			say_http(c, m->why != 0 ? sl_proxy_why_status(m->why) : status,
				 m->why != 0 ? sl_proxy_why_text(m->why)
					     : strerrordesc_np(m->err));
		else
			say_socks(c, socks_code(m->err, (enum sl_proxy_why)m->why));
		last(c);
		return;
	}
	c->is_open = true;
	c->is_bare = m->is_bare != 0;
	c->n_names = m->n_names;
	if (names.len > 0)
		memcpy(c->names, names.p, names.len);
	if (c->act == SL_PROXY_CONNECT)
		say(c, ok, sizeof(ok) - 1);
	else if (c->act == SL_PROXY_SOCKS5)
		say_socks(c, 0);
	c->stage = SL_PX_RELAY;
	if (is_tunnel && c->port == TLS_PORT) {
		c->stage = SL_PX_HELLO;
		c->until_ms = sl_px_now_ms() + SL_PROXY_HEAD_MS;
		proceed(x, c);
	}
}

void
sl_px_on_time(struct sl_px *x, struct sl_px_conn *c)
{
	if (c->stage == SL_PX_LAST || (c->up.len == 0 && !c->is_open))
		sl_px_close(x, c); /* nothing was asked for */
	else if (c->is_open)
		cut(x, c, SL_PROXY_WHY_SLOW);
	else
		refuse(x, c, SL_PROXY_WHY_SLOW, NULL);
}

/* --- bytes --- */

static bool
is_asking(const struct sl_px_conn *c)
{
	return c->stage == SL_PX_FIRST || c->stage == SL_PX_HEAD ||
	       c->stage == SL_PX_GREETING || c->stage == SL_PX_SOCKS ||
	       c->stage == SL_PX_HELLO;
}

short
sl_px_client_events(const struct sl_px_conn *c)
{
	bool is_in = is_asking(c) || c->stage == SL_PX_LAST ||
		     (c->stage == SL_PX_RELAY && c->up.len == 0 && !c->up.is_in_end);

	return (short)((is_in ? POLLIN : 0) | (c->down.len > 0 ? POLLOUT : 0));
}

short
sl_px_service_events(const struct sl_px_conn *c)
{
	if (c->stage != SL_PX_RELAY)
		return 0;
	return (short)((c->down.len == 0 && !c->down.is_in_end ? POLLIN : 0) |
		       (c->up.len > 0 ? POLLOUT : 0));
}

/* Bytes read behind what is there, up to most in all: 0 at the end, -1 not now, -2 it is
 * broken. */
static ssize_t
fill(struct sl_px_pipe *p, int fd, size_t most)
{
	ssize_t n;

	if (p->len == 0)
		p->off = 0;
	if (p->off > 0 && p->off + most > SL_PX_ROOM) {
		memmove(p->p, p->p + p->off, p->len);
		p->off = 0;
	}
	n = read(fd, p->p + p->off + p->len, most - p->len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : -2;
	p->len += (size_t)n;
	return n;
}

/* Bytes written, 0 not now, -1 it is broken. */
static ssize_t
flush(struct sl_px_pipe *p, int fd)
{
	ssize_t n = p->len > 0 ? write(fd, p->p + p->off, p->len) : 0;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	p->off += (size_t)n;
	p->len -= (size_t)n;
	return n;
}

/* Passes an end on, once all before it has gone. */
static void
pass_ends(struct sl_px *x, struct sl_px_conn *c)
{
	if (c->up.is_in_end && c->up.len == 0 && !c->up.is_out_end) {
		(void)shutdown(c->service, SHUT_WR);
		c->up.is_out_end = true;
	}
	if (c->down.is_in_end && c->down.len == 0 && !c->down.is_out_end) {
		(void)shutdown(c->client, SHUT_WR);
		c->down.is_out_end = true;
	}
	/* The end of the one answer is the end of its connection; when the act is over,
	 * nobody is there to read what would come. */
	if ((c->down.is_out_end && (c->up.is_out_end || c->is_plain)) ||
	    (c->up.is_out_end && x->is_draining))
		sl_px_close(x, c);
}

static void
relay_in(struct sl_px *x, struct sl_px_conn *c)
{
	ssize_t n = fill(&c->up, c->client, SL_PROXY_HEAD_MAX);
	int e;

	if (n == -2) {
		sl_px_close(x, c);
		return;
	}
	c->up.is_in_end |= n == 0;
	if (n <= 0 || !c->is_plain)
		return;
	if ((e = sl_proxy_body(&c->body, input(c))) < 0)
		cut(x, c, (enum sl_proxy_why) - e);
	else if ((size_t)e < c->up.len)
		cut(x, c, SL_PROXY_WHY_SECOND);
}

static void
on_readable(struct sl_px *x, struct sl_px_conn *c)
{
	ssize_t n;

	if (c->stage == SL_PX_RELAY) {
		relay_in(x, c);
		return;
	}
	if (c->stage == SL_PX_LAST)
		c->up.len = 0; /* nobody wants it */
	n = fill(&c->up, c->client, SL_PROXY_HEAD_MAX);
	if (n == 0 || n == -2) {
		/* Some of a ClientHello is not one. */
		if (c->stage == SL_PX_HELLO && c->up.len > 0)
			c->why = SL_PROXY_WHY_TLS;
		sl_px_close(x, c);
	} else if (n > 0 && c->stage != SL_PX_LAST) {
		proceed(x, c);
	}
}

void
sl_px_on_client(struct sl_px *x, struct sl_px_conn *c, short events)
{
	short want = sl_px_client_events(c);

	if ((want & POLLOUT) != 0 && events != 0 && flush(&c->down, c->client) < 0) {
		sl_px_close(x, c);
		return;
	}
	if (c->stage == SL_PX_LAST && c->down.len == 0 && !c->down.is_out_end) {
		(void)shutdown(c->client, SHUT_WR);
		c->down.is_out_end = true;
	}
	if ((want & POLLIN) != 0 && (events & ~POLLOUT) != 0)
		on_readable(x, c);
	if (c->stage == SL_PX_RELAY)
		pass_ends(x, c);
}

void
sl_px_on_service(struct sl_px *x, struct sl_px_conn *c, short events)
{
	short want = sl_px_service_events(c);
	ssize_t n;

	if ((want & POLLOUT) != 0 && events != 0) {
		if ((n = flush(&c->up, c->service)) < 0) {
			sl_px_close(x, c);
			return;
		}
		c->sent += (uint64_t)n;
	}
	if ((want & POLLIN) != 0 && (events & ~POLLOUT) != 0) {
		if ((n = fill(&c->down, c->service, SL_PX_ROOM)) == -2) {
			sl_px_close(x, c);
			return;
		}
		c->down.is_in_end |= n == 0;
		c->received += n > 0 ? (uint64_t)n : 0;
	}
	pass_ends(x, c);
}
