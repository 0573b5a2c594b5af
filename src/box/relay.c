/* relay.c -- the act's standard streams: never the caller's own descriptors, so that
 * nothing inside can reopen, seek or control what is outside. */
#include "box/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ROUNDS = 16 };

void
sl_relay_init(struct sl_relay *r)
{
	/* All but in_buf, which in_len says is empty. */
	r->out[0] = r->out[1] = r->in_src = r->in_dst = -1;
	r->is_src_pollable = r->is_pty = r->is_src_armed = r->is_dst_armed = false;
	r->n_out = 0;
	r->in_len = r->in_off = 0;
}

static void
drop(struct sl_box *b, int *fd)
{
	if (*fd >= 0) {
		(void)sl_box_watch_fd(b, *fd, 0, 0);
		(void)close(*fd);
	}
	*fd = -1;
}

void
sl_relay_close(struct sl_box *b)
{
	struct sl_relay *r = &b->relay;

	/* A pty's master is both ends. */
	if (r->is_pty)
		r->in_dst = -1;
	drop(b, &r->out[0]);
	drop(b, &r->out[1]);
	drop(b, &r->in_dst);
	if (r->in_src >= 0 && r->is_src_armed)
		(void)sl_box_watch_fd(b, r->in_src, 0, 0);
	r->in_src = -1; /* the caller's */
	sl_relay_init(r);
}

/* Deliver what is there.  Past the limit bytes are read and dropped, so that the act
 * ends by the limit and not by a full pipe. */
void
sl_relay_out(struct sl_box *b, int stream, bool is_drain)
{
	struct sl_relay *r = &b->relay;
	int *fd = &r->out[stream - 1];
	uint64_t max = b->act->limit[SL_LIM_OUTPUT].max;
	uint8_t *buf = b->out_buf;

	for (int i = 0; *fd >= 0 && (is_drain || i < ROUNDS); i++) {
		ssize_t n = read(*fd, buf, SL_BOX_OUT_BUF);
		size_t give;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) { /* EIO: no slave is open */
			if (!r->is_pty || b->is_ended_seen)
				drop(b, fd);
			return;
		}
		give =
		    max - r->n_out < (uint64_t)n ? (size_t)(max - r->n_out) : (size_t)n;
		r->n_out += give;
		if (give > 0 && b->sink.output != NULL)
			b->sink.output(b->sink.arg, stream,
				       (struct sl_slice){ buf, give });
		if (give < (size_t)n)
			sl_box_limit_hit(b, SL_LIM_OUTPUT);
	}
}

/* End of input: a pipe is closed; a terminal is told. */
static void
end_input(struct sl_box *b)
{
	struct sl_relay *r = &b->relay;

	if (r->is_src_armed)
		(void)sl_box_watch_fd(b, r->in_src, 0, 0);
	r->is_src_armed = false;
	r->in_src = -1;
	if (r->is_pty) {
		(void)!write(r->in_dst, "\x04", 1);
		r->in_dst = -1;
	} else {
		drop(b, &r->in_dst);
	}
}

/* 0, or -EPERM where its file cannot be polled, as it never makes anybody wait (a regular
 * file, /dev/null).  Any other failure ends the act: its input would just not come. */
static int
watch(struct sl_box *b, int fd, uint32_t events, enum sl_box_tag tag)
{
	int r = sl_box_watch_fd(b, fd, events, tag);

	if (r < 0 && r != -EPERM && events != 0)
		sl_box_break(b, "its input cannot be watched", r);
	return r == -EPERM ? r : 0;
}

void
sl_relay_arm(struct sl_box *b)
{
	struct sl_relay *r = &b->relay;
	bool wants_src = r->in_src >= 0 && r->is_src_pollable && r->in_len == 0;
	bool wants_dst;

	if (r->in_src >= 0 && wants_src != r->is_src_armed) {
		if (watch(b, r->in_src, wants_src ? EPOLLIN : 0, SL_TAG_SRC) < 0)
			r->is_src_pollable = wants_src = false;
		r->is_src_armed = wants_src;
	}
	wants_dst = r->in_dst >= 0 && (r->in_len > 0 || !r->is_src_pollable);
	/* A pty's master is already watched for output: tried again at each round. */
	if (r->in_dst >= 0 && !r->is_pty && wants_dst != r->is_dst_armed) {
		(void)watch(b, r->in_dst, wants_dst ? EPOLLOUT : 0, SL_TAG_DST);
		r->is_dst_armed = wants_dst;
	}
}

void
sl_relay_in(struct sl_box *b)
{
	struct sl_relay *r = &b->relay;

	for (int i = 0; r->in_dst >= 0 && i < ROUNDS; i++) {
		ssize_t n;

		if (r->in_len == 0) {
			if (r->in_src < 0)
				return;
			n = read(r->in_src, r->in_buf, sizeof(r->in_buf));
			if (n < 0 && (errno == EAGAIN || errno == EINTR))
				break;
			if (n <= 0) {
				end_input(b);
				return;
			}
			r->in_off = 0;
			r->in_len = (size_t)n;
		}
		n = write(r->in_dst, r->in_buf + r->in_off, r->in_len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) { /* nobody reads any more */
			r->in_len = 0;
			end_input(b);
			return;
		}
		r->in_off += (size_t)n;
		r->in_len -= (size_t)n;
		if (r->is_src_pollable)
			break; /* its next read might block */
	}
	sl_relay_arm(b);
}
