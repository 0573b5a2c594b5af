/* chan.c -- see chan.h. */
#include "priv/chan.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_LEN = 8 };

static void
put_head(uint8_t h[HEAD_LEN], uint32_t len, uint16_t op, uint16_t n_fds)
{
	for (int i = 0; i < 4; i++)
		h[i] = (uint8_t)(len >> (8 * i));
	h[4] = (uint8_t)op;
	h[5] = (uint8_t)(op >> 8);
	h[6] = (uint8_t)n_fds;
	h[7] = (uint8_t)(n_fds >> 8);
}

int
sl_chan_pair(int ret_fd[2], struct sl_err *err)
{
	int room = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot make a channel");
	/* Best effort: a larger buffer saves wake-ups, nothing depends on it. */
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ret_fd[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return 0;
}

static int
dead(struct sl_chan *c)
{
	c->is_dead = true;
	return -1;
}

/* One sendmsg of what is left of head and body; descriptors go with the first byte. */
static ssize_t
send_some(struct sl_chan *c, uint8_t *head, struct sl_slice body, size_t done,
	  const int *fds, size_t n_fds)
{
	union {
		char buf[CMSG_SPACE(SL_CHAN_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} ctl = { 0 };
	size_t body_done = done > HEAD_LEN ? done - HEAD_LEN : 0;
	struct iovec iov[2] = {
		{ head + (done < HEAD_LEN ? done : HEAD_LEN),
		  done < HEAD_LEN ? HEAD_LEN - done : 0 },
		{ body.len > body_done
		      /* NOLINTNEXTLINE(performance-no-int-to-ptr): only read */
		      ? (void *)(uintptr_t)(body.p + body_done)
		      : NULL,
		  body.len - body_done },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	if (n_fds > 0 && done == 0) {
		struct cmsghdr *cm;

		m.msg_control = ctl.buf;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n_fds * sizeof(int));
	}
	return sendmsg(c->fd, &m, MSG_NOSIGNAL);
}

int
sl_chan_send(struct sl_chan *c, uint16_t op, struct sl_slice body, const int *fds,
	     size_t n_fds, struct sl_err *err)
{
	uint8_t head[HEAD_LEN];
	size_t done = 0;

	if (body.len > UINT32_MAX || n_fds > SL_CHAN_FDS_MAX)
		return SL_ERR(err, BUG, "channel: cannot send operation %u", op);
	if (c->is_dead || c->is_mute)
		return SL_ERR(err, SYS, "the other process is gone");
	put_head(head, (uint32_t)body.len, op, (uint16_t)n_fds);
	while (done < HEAD_LEN + body.len) {
		ssize_t n = send_some(c, head, body, done, fds, n_fds);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int e = errno;

			/* Its last words may still be on their way to us. */
			c->is_mute = true;
			return SL_ERR_SYS(err, -e, "the other process is gone");
		}
		done += (size_t)n;
	}
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait for input: 1 ready, 0 deadline passed. */
static int
wait_in(int fd, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r;

	do {
		int64_t left = until_ms < 0 ? -1 : until_ms - now_ms();

		if (until_ms >= 0 && left < 0)
			left = 0;
		r = poll(&p, 1, (int)left);
	} while (r < 0 && errno == EINTR);
	return r;
}

/* Keep the descriptors that came with a read; every one beyond the message's
 * allowance is closed at once. */
static void
take_fds(struct msghdr *m, struct sl_msg *msg)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(m); cm != NULL; cm = CMSG_NXTHDR(m, cm)) {
		size_t n;

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (msg->n_fds < SL_CHAN_FDS_MAX)
				msg->fds[msg->n_fds++] = fd;
			else
				(void)close(fd);
		}
	}
}

/* Read exactly n bytes: 1, 0 at an end before the first byte, -1 otherwise. */
static int
/* NOLINTNEXTLINE(readability-non-const-parameter): recvmsg writes there */
read_all(struct sl_chan *c, uint8_t *to, size_t n, int64_t until_ms, struct sl_msg *msg,
	 struct sl_err *err)
{
	size_t done = 0;

	while (done < n) {
		union {
			char buf[CMSG_SPACE(SL_CHAN_FDS_MAX * sizeof(int))];
			struct cmsghdr align;
		} ctl;
		struct iovec iov = { to + done, n - done };
		struct msghdr m = { .msg_iov = &iov,
				    .msg_iovlen = 1,
				    .msg_control = ctl.buf,
				    .msg_controllen = sizeof(ctl.buf) };
		ssize_t got;
		/* Mostly it is there already. */
		got = recvmsg(c->fd, &m,
			      MSG_CMSG_CLOEXEC | (until_ms < 0 ? 0 : MSG_DONTWAIT));
		if (got < 0 && errno == EAGAIN && until_ms >= 0 &&
		    wait_in(c->fd, until_ms) == 0)
			return SL_ERR(err, SYS, "the other process does not answer");
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return SL_ERR_SYS(err, -errno, "cannot read from the channel");
		take_fds(&m, msg);
		if ((m.msg_flags & MSG_CTRUNC) != 0)
			return SL_ERR(err, FORMAT, "channel: too many descriptors");
		if (got == 0 && done == 0)
			return 0;
		if (got == 0)
			return SL_ERR(err, SYS, "the other process ended in the middle");
		done += (size_t)got;
	}
	return 1;
}

static const struct sl_chan_op *
find_op(const struct sl_chan *c, uint16_t op)
{
	for (size_t i = 0; i < c->n_ops; i++)
		if (c->ops[i].op == op)
			return &c->ops[i];
	return NULL;
}

static int
recv_body(struct sl_chan *c, const uint8_t head[HEAD_LEN], struct sl_buf *room,
	  struct sl_msg *msg, int64_t until, struct sl_err *err)
{
	uint32_t len = (uint32_t)head[0] | (uint32_t)head[1] << 8 |
		       (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
	size_t n_fds = (size_t)(head[6] | head[7] << 8);
	const struct sl_chan_op *o;
	uint8_t *to;
	int r;

	msg->op = (uint16_t)(head[4] | head[5] << 8);
	if ((o = find_op(c, msg->op)) == NULL)
		return SL_ERR(err, FORMAT, "channel: unknown operation %u", msg->op);
	if (len > o->max_len || n_fds > o->max_fds)
		return SL_ERR(err, LIMIT,
			      "channel: operation %u with %u bytes, %zu descriptors",
			      msg->op, len, n_fds);
	if ((to = sl_buf_room(room, len)) == NULL)
		return SL_ERR(err, NOMEM, "channel: out of memory for %u bytes", len);
	if (len > 0 && (r = read_all(c, to, len, until, msg, err)) <= 0)
		return r < 0 ? r
			     : SL_ERR(err, SYS, "the other process ended in the middle");
	if (msg->n_fds != n_fds)
		return SL_ERR(err, FORMAT, "channel: %zu descriptors, %zu said",
			      msg->n_fds, n_fds);
	to[len] = 0;
	room->len = len;
	msg->body = sl_buf_get(room);
	return 1;
}

int
sl_chan_recv(struct sl_chan *c, struct sl_buf *room, struct sl_msg *ret, int deadline_ms,
	     struct sl_err *err)
{
	int64_t until = deadline_ms < 0 ? -1 : now_ms() + deadline_ms;
	struct sl_msg msg = { 0 };
	uint8_t head[HEAD_LEN];
	int r;

	if (c->is_dead)
		return SL_ERR(err, SYS, "the other process is gone");
	sl_buf_clear(room);
	r = read_all(c, head, HEAD_LEN, until, &msg, err);
	if (r > 0)
		r = recv_body(c, head, room, &msg, until, err);
	if (r <= 0) {
		for (size_t i = 0; i < msg.n_fds; i++)
			(void)close(msg.fds[i]);
		(void)dead(c);
		return r;
	}
	*ret = msg;
	return 1;
}
