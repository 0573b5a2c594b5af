/* serve.c -- the proxy's process (role.h): one poll loop over the channel to the
 * supervisor, the listener inside the box, and the connections. */
#include "proxy/internal.h"
#include "proxy/role.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, SLOTS = 2 + 2 * SL_PROXY_CONNS_MAX };

static const struct sl_chan_op accepts[] = {
	{ SL_PXO_LISTEN, 0, 1 },
	{ SL_PXO_OPENED, sizeof(struct sl_pxm_opened) + SL_PROXY_NAMES_LEN, 1 },
	{ SL_PXO_DRAIN, 0, 0 },
};

int64_t
sl_px_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
sl_px_tell(struct sl_px *x, uint16_t op, const void *body, size_t n)
{
	struct sl_err err = { 0 };

	if (sl_chan_send(&x->chan, op, (struct sl_slice){ body, n }, NULL, 0, &err) < 0)
		_exit(0);
}

/* --- the supervisor --- */

static bool
on_opened(struct sl_px *x, struct sl_msg *msg)
{
	struct sl_pxm_opened m;
	struct sl_slice names = sl_slice_skip(msg->body, sizeof(m));

	if (msg->body.len < sizeof(m))
		return false;
	memcpy(&m, msg->body.p, sizeof(m));
	if (m.id >= SL_PROXY_CONNS_MAX || x->conn[m.id].stage != SL_PX_ASKED ||
	    names.len > sizeof(x->conn[0].names) || m.n_names > SL_PROXY_NAMES_MAX ||
	    (names.len > 0 && names.p[names.len - 1] != '\0'))
		return false;
	sl_px_on_opened(x, &x->conn[m.id], &m, names, msg->n_fds > 0 ? msg->fds[0] : -1);
	return true;
}

static bool
on_message(struct sl_px *x, struct sl_msg *msg)
{
	switch ((enum sl_proxy_op)msg->op) {
	case SL_PXO_LISTEN:
		if (msg->n_fds != 1)
			return false;
		if (x->listener >= 0) /* that box was not the one that was granted */
			(void)close(x->listener);
		x->listener = msg->fds[0];
		return true;
	case SL_PXO_OPENED:
		return on_opened(x, msg);
	case SL_PXO_DRAIN:
		x->is_draining = true;
		x->drain_until_ms = sl_px_now_ms() + SL_PROXY_DRAIN_MS;
		for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
			if (x->conn[i].stage == SL_PX_RELAY && x->conn[i].up.is_out_end)
				sl_px_close(x, &x->conn[i]);
		return true;
	case SL_PXO_OPEN:
	case SL_PXO_REFUSED:
	case SL_PXO_CLOSED:
	case SL_PXO_DRAINED:
	default:
		return false;
	}
}

static bool
on_chan(struct sl_px *x)
{
	struct sl_msg msg;
	struct sl_err err = { 0 };

	return sl_chan_recv(&x->chan, &x->room, &msg, ANSWER_MS, &err) == 1 &&
	       on_message(x, &msg);
}

/* --- the box --- */

static struct sl_px_conn *
free_conn(struct sl_px *x)
{
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
		if (x->conn[i].stage == SL_PX_FREE)
			return &x->conn[i];
	return NULL;
}

/* Whether anybody was there. */
static bool
accept_one(struct sl_px *x)
{
	struct sl_px_conn *c = free_conn(x);
	int fd;

	if (c == NULL || x->listener < 0)
		return false;
	fd = accept4(x->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0 && !sl_px_begin(c, fd))
		sl_px_close(x, c);
	return fd >= 0;
}

static void
add(struct pollfd *p, int fd, int events)
{
	/* Of what is not waited for not even its end is told: it would be told for ever.
	 */
	*p = (struct pollfd){ events != 0 ? fd : -1, (short)events, 0 };
}

/* Milliseconds until the first stage is over; -1: none will be. */
static int
next_ms(const struct sl_px *x, int64_t now)
{
	int64_t first = x->is_draining ? x->drain_until_ms : 0;

	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++) {
		const struct sl_px_conn *c = &x->conn[i];

		if (c->stage != SL_PX_FREE && c->until_ms != 0 &&
		    (first == 0 || c->until_ms < first))
			first = c->until_ms;
	}
	if (first == 0)
		return -1;
	return first <= now ? 0 : (int)(first - now);
}

static void
on_conn(struct sl_px *x, struct sl_px_conn *c, const struct pollfd p[2], int64_t now)
{
	if (c->stage != SL_PX_FREE && p[0].revents != 0)
		sl_px_on_client(x, c, p[0].revents);
	if (c->stage != SL_PX_FREE && p[1].revents != 0)
		sl_px_on_service(x, c, p[1].revents);
	if (c->stage != SL_PX_FREE && c->until_ms != 0 && now >= c->until_ms)
		sl_px_on_time(x, c);
}

/* The act has ended: what it had sent goes on, then all is closed and counted. */
static void
drain(struct sl_px *x, int64_t now)
{
	bool is_over = now >= x->drain_until_ms;
	size_t n = 0;

	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++) {
		struct sl_px_conn *c = &x->conn[i];

		if (c->stage == SL_PX_LAST ||
		    (is_over && c->stage != SL_PX_ASKED && c->stage != SL_PX_FREE))
			sl_px_close(x, c);
		n += c->stage != SL_PX_FREE;
	}
	while (n == 0 && accept_one(x))
		n++;
	if (n > 0)
		return;
	x->is_draining = false;
	sl_px_tell(x, SL_PXO_DRAINED, NULL, 0);
}

/* One wait, then all that came of it: false, there is nothing more to do. */
static bool
turn(struct sl_px *x)
{
	struct pollfd p[SLOTS];
	bool has_room = x->listener >= 0 && free_conn(x) != NULL;
	int64_t now;

	add(&p[0], x->chan.fd, POLLIN);
	add(&p[1], x->listener, has_room ? POLLIN : 0);
	for (size_t i = 0, at = 2; i < SL_PROXY_CONNS_MAX; i++, at += 2) {
		const struct sl_px_conn *c = &x->conn[i];
		bool is_used = c->stage != SL_PX_FREE;

		add(&p[at], c->client, is_used ? sl_px_client_events(c) : 0);
		add(&p[at + 1], c->service, is_used ? sl_px_service_events(c) : 0);
	}
	if (poll(p, SLOTS, next_ms(x, sl_px_now_ms())) < 0 && errno != EINTR)
		return false;
	now = sl_px_now_ms();
	/* Connections first: what follows may use their places for others. */
	for (size_t i = 0, at = 2; i < SL_PROXY_CONNS_MAX; i++, at += 2)
		on_conn(x, &x->conn[i], &p[at], now);
	if (p[0].revents != 0 && !on_chan(x))
		return false;
	if (p[1].revents != 0)
		(void)accept_one(x);
	if (x->is_draining)
		drain(x, now);
	return true;
}

int
sl_proxy_main(int fd)
{
	struct sl_px *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return 1;
	x->chan = (struct sl_chan){ .fd = fd,
				    .ops = accepts,
				    .n_ops = sizeof(accepts) / sizeof(accepts[0]) };
	x->listener = -1;
	sl_buf_init(&x->room, 4096);
	for (size_t i = 0; i < SL_PROXY_CONNS_MAX; i++)
		x->conn[i].client = x->conn[i].service = -1;
	while (turn(x))
		;
	return 0;
}
