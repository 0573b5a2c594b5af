/* sup.c -- the supervisor's side of a running box: events, messages from init, and the
 * end of an act. */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

enum { EVENTS = 16, ROUNDS = 64, REST_MS = 1000, TRACE_MS = 1 };

/* events 0 removes. */
int
sl_box_watch_fd(struct sl_box *b, int fd, uint32_t events, uint64_t what)
{
	struct epoll_event e = { .events = events, .data.u64 = what };

	if (events == 0)
		return epoll_ctl(b->epfd, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
	if (epoll_ctl(b->epfd, EPOLL_CTL_ADD, fd, &e) < 0)
		return -errno;
	return 0;
}

const struct sl_obs *
sl_box_observe_rule(struct sl_box *b, const char *class, const char *act,
		    struct sl_slice object, const char *rule, bool is_denied, int err)
{
	bool is_new;
	const struct sl_obs *o =
	    sl_obs_add_rule(&b->obs, class, act, object, rule, is_denied, err, &is_new);

	if (o != NULL && is_new && b->sink.observed != NULL)
		b->sink.observed(b->sink.arg, o);
	return o;
}

void
sl_box_observe(struct sl_box *b, const char *class, const char *act,
	       struct sl_slice object, bool is_denied, int err)
{
	(void)sl_box_observe_rule(b, class, act, object, NULL, is_denied, err);
}

void
sl_box_kill_all(struct sl_box *b)
{
	struct sl_m_signal m = { .sig = SIGKILL, .is_all = 1 };
	struct sl_err err = { 0 };

	if (b->is_killing)
		return;
	b->is_killing = true;
	b->kill_ms = sl_os_now_ms();
	(void)!sl_chan_send(&b->chan, SL_OP_SIGNAL,
			    (struct sl_slice){ (uint8_t *)&m, sizeof(m) }, NULL, 0, &err);
}

void
sl_box_break(struct sl_box *b, const char *what, int neg_errno)
{
	if (b->broken == NULL) {
		b->broken = what;
		b->broken_err = neg_errno;
	}
	sl_box_kill_all(b);
}

void
sl_box_limit_hit(struct sl_box *b, enum sl_limit l)
{
	if (b->hit == SL_LIM_COUNT) {
		b->hit = l;
		sl_box_observe(b, "limit", sl_limit_name(l), SL_LIT("over"), true, 0);
	}
	sl_box_kill_all(b);
}

static void
close_act(struct sl_box *b)
{
	int *fd[] = { &b->sync_fd, &b->listen_fd, &b->timer_fd };

	sl_dial_drop(b);
	for (size_t i = 0; i < 3; i++) {
		if (*fd[i] >= 0) {
			(void)sl_box_watch_fd(b, *fd[i], 0, 0);
			(void)close(*fd[i]);
		}
		*fd[i] = -1;
	}
	sl_relay_close(b);
	b->sock_used = 0;
}

/* Who ends a pid namespace's init ends all that is in it; at tier T0 the guard does that.
 */
void
sl_box_stop(const struct sl_box *b)
{
	(void)sl_os_pidfd_signal(b->init_pidfd, b->land != NULL ? SIGTERM : SIGKILL);
}

static int
died(struct sl_box *b, const char *why)
{
	if (b->state == SL_BS_DEAD)
		return 0;
	b->state = SL_BS_DEAD;
	(void)!sl_box_proxy_drain(b); /* what was sent and received counts all the same */
	close_act(b);
	if (b->sink.died != NULL)
		b->sink.died(b->sink.arg, why);
	return 0;
}

/* Without it what the grant lists would be reached in one way less, and with no record
 * of what was under way: nothing of the box goes on. */
static int
proxy_died(struct sl_box *b)
{
	sl_box_stop(b);
	return died(b, "its proxy is gone");
}

static enum sl_limit
limit_of_signal(int sig)
{
	if (sig == SIGXCPU)
		return SL_LIM_CPU;
	return sig == SIGXFSZ ? SL_LIM_FILE_SIZE : SL_LIM_COUNT;
}

static int
take_listener(struct sl_box *b, int fd, struct sl_err *err)
{
	int r;

	if (fd < 0 || b->listen_fd >= 0) {
		(void)close(fd);
		return SL_ERR(err, ENV, "box: the act's start is malformed");
	}
	/* Best effort (6.6): the answer then wakes the caller on the same processor. */
	(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	b->listen_fd = fd;
	if ((r = sl_box_watch_fd(b, fd, EPOLLIN, SL_TAG_LISTEN)) < 0)
		return SL_ERR_SYS(err, r, "box: cannot watch the act");
	return 0;
}

static int
take_terminal(struct sl_box *b, int fd, struct sl_err *err)
{
	int r;

	if (fd < 0 || b->relay.out[0] >= 0) {
		(void)close(fd);
		return SL_ERR(err, ENV, "box: the act's start is malformed");
	}
	b->relay.out[0] = b->relay.in_dst = fd;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return SL_ERR_SYS(err, -errno, "box: the terminal would make us wait");
	if ((r = sl_box_watch_fd(b, fd, EPOLLIN, SL_TAG_OUT)) < 0)
		return SL_ERR_SYS(err, r, "box: cannot watch the terminal");
	sl_relay_arm(b);
	return 0;
}

/* What was sent in one piece with its tag, so mostly is there; by ourselves, as the act
 * has not begun. */
static bool
take_bytes(int fd, void *to, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t done = 0;

	while (done < n) {
		ssize_t r = recv(fd, (uint8_t *)to + done, n - done, 0);

		if (r < 0 &&
		    (errno == EINTR || (errno == EAGAIN && poll(&p, 1, REST_MS) == 1)))
			continue;
		if (r <= 0)
			return false;
		done += (size_t)r;
	}
	return true;
}

/* The path of the act's own exec: two bytes of length, then the path, in one message with
 * the listener. */
static int
take_path(struct sl_box *b, struct sl_err *err)
{
	uint8_t n[2] = { 0, 0 };
	size_t len = 0;

	if (take_bytes(b->sync_fd, n, 2))
		len = (size_t)n[0] | (size_t)n[1] << 8;
	if (len >= sizeof(b->first) || !take_bytes(b->sync_fd, b->first, len))
		return SL_ERR(err, ENV, "box: the act's start is malformed");
	b->first[len] = '\0';
	return 0;
}

static int
take_errno(struct sl_box *b, char tag, struct sl_err *err)
{
	static const struct {
		char tag;
		const char *what;
	} why[] = { { 's', "given a session of its own" },
		    { 'p', "given its files" },
		    { 'd', "started in its directory" },
		    { 'i', "given its standard streams" },
		    { 'c', "kept from descriptors that are not its own" },
		    { 'r', "given its limits (rlimits)" },
		    { 'n', "kept to its own places (Landlock)" },
		    { 'f', "kept from changing attributes (Landlock, seccomp)" },
		    { 'w', "put under the watch filter (seccomp)" } };
	const char *what = "started";
	int e = 0;

	if (!take_bytes(b->sync_fd, &e, sizeof(e)))
		e = EIO;
	if (tag == 'x') {
		b->exec_errno = e;
		return 0;
	}
	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++)
		if (why[i].tag == tag)
			what = why[i].what;
	return SL_ERR(err, ENV, "box: the act could not be %s: %s", what, strerror(e));
}

/* It ended, by nobody's will that we know of, before it asked for its exec. */
static bool
is_unbegun(const struct sl_box *b)
{
	return !b->is_begun && b->exec_errno == 0 && b->hit == SL_LIM_COUNT &&
	       !b->is_killing && !b->is_signalled;
}

/* Tags: 'l' listener and path of the exec, 't' terminal, 'x' exec failed, others: set-up
 * of the act failed. */
static int
on_sync(struct sl_box *b, struct sl_err *err)
{
	int r = 0;

	while (r == 0 && b->sync_fd >= 0) {
		char tag = 0;
		int fd = -1, got = sl_os_recv_fd(b->sync_fd, &tag, &fd);

		if (got == -EAGAIN)
			return 0;
		if (got < 0)
			return SL_ERR_SYS(err, got, "box: the act's start was not told");
		if (got == 0) {
			(void)sl_box_watch_fd(b, b->sync_fd, 0, 0);
			(void)close(b->sync_fd);
			b->sync_fd = -1;
			return 0;
		}
		if (tag == 'l') {
			if ((r = take_listener(b, fd, err)) == 0)
				r = take_path(b, err);
			/* All that can come yet is read at the end; until then its
			 * hang-up, which is the exec, need not wake us. */
			(void)sl_box_watch_fd(b, b->sync_fd, 0, 0);
		} else if (tag == 't') {
			r = take_terminal(b, fd, err);
		} else {
			if (fd >= 0)
				(void)close(fd);
			r = take_errno(b, tag, err);
		}
	}
	return r;
}

static int
finish(struct sl_box *b, struct sl_err *err)
{
	struct sl_m_ended *m = &b->m_ended;
	struct sl_proc_end end = { .status = -1, .limit = b->hit };
	int r = on_sync(b, err); /* what was said before the end */

	if (r < 0)
		return r;
	if (b->broken != NULL)
		return SL_ERR_SYS(err, b->broken_err, "box: %s", b->broken);
	if (is_unbegun(b))
		return SL_ERR(err, ENV, "box: the act's process ended before its exec%s",
			      m->code == CLD_EXITED ? "" : " (killed)");
	for (int i = 1; i <= 2; i++)
		sl_relay_out(b, i, true);
	if (m->code == CLD_EXITED)
		end.status = m->value;
	else
		end.signal = m->value;
	if (end.limit == SL_LIM_COUNT &&
	    (end.limit = limit_of_signal(end.signal)) != SL_LIM_COUNT)
		sl_box_observe(b, "limit", sl_limit_name(end.limit), SL_LIT("over"), true,
			       0);
	end.is_not_found = b->exec_errno == ENOENT || b->exec_errno == ENOTDIR;
	end.is_not_executable = b->exec_errno != 0 && !end.is_not_found;
	end.wall_ms = sl_os_now_ms() - b->start_ms;
	end.cpu_ms = (int64_t)(m->cpu_us / 1000);
	end.max_rss = m->max_rss;
	end.n_left = m->n_left;
	if (!sl_box_proxy_drain(b))
		return proxy_died(b);
	sl_image_flush(b);
	if (!b->is_single) /* or with the box, while the end is being recorded */
		close_act(b);
	b->act = b->grant; /* the act's own is its permit's, and gone with it */
	b->state = SL_BS_OPEN;
	if (b->sink.ended != NULL)
		b->sink.ended(b->sink.arg, &end);
	return 0;
}

/* Init was killed because it did not answer when the act had to end (memory of that size
 * takes its time to go): the act's end is known, and so is why. */
static int
ended_with_box(struct sl_box *b, struct sl_err *err)
{
	int r;

	b->m_ended = (struct sl_m_ended){ .code = CLD_KILLED, .value = SIGKILL };
	r = finish(b, err);
	b->state = SL_BS_DEAD;
	return r;
}

int
sl_box_setup_failed(struct sl_slice body, bool is_private, struct sl_err *err)
{
	struct sl_m_fail m;

	memcpy(&m, body.p, sizeof(m));
	m.what[sizeof(m.what) - 1] = '\0';
	return SL_ERR(err, ENV, "box: %s (%s): %s%s", sl_box_step_text((unsigned)m.step),
		      m.what, strerror(m.sys),
		      sl_box_step_advice((unsigned)m.step, m.sys, is_private));
}

/* The root directory of such a file system, not just anything that init sends. */
static bool
is_root_of(int fd, uint64_t magic)
{
	struct statfs fs;
	struct stat st;

	return fstatfs(fd, &fs) == 0 && (uint64_t)fs.f_type == magic &&
	       fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A user's bounding set, which without new privileges gives nobody any. */
static bool
is_bound_idle(const struct sl_box *b)
{
	return b->land != NULL && !b->ids.is_private;
}

static int
check_ready(struct sl_box *b, struct sl_err *err)
{
	const struct sl_m_ready *m = &b->m_ready;

	/* Read back by init after the last layer: anything else is a bug of ours. */
	if (m->cap_eff != 0 || (m->cap_bnd != 0 && !is_bound_idle(b)) ||
	    m->no_new_privs != 1 || m->seccomp_mode != 2 || !b->is_setup_seen)
		return SL_ERR(err, ENV,
			      "box: a layer is not in force (capabilities %llx/%llx, "
			      "no_new_privs %d, seccomp %d)",
			      (unsigned long long)m->cap_eff,
			      (unsigned long long)m->cap_bnd, m->no_new_privs,
			      m->seccomp_mode);
	b->is_ready_seen = true;
	if (b->init_pidfd >= 0)
		b->state = SL_BS_READY;
	return 0;
}

/* Once, from the launcher, perhaps after what init says: they run at the same time. */
static int
on_boxed(struct sl_box *b, struct sl_msg *msg, struct sl_err *err)
{
	int32_t e;

	memcpy(&e, msg->body.p, sizeof(e));
	if (!b->is_launched || b->init_pidfd >= 0)
		return SL_ERR(err, ENV, "box: init was launched twice");
	if (e != 0 || msg->n_fds != 1) {
		b->state = SL_BS_DEAD;
		return sl_box_userns_text(e, b->ids.is_private, err);
	}
	b->init_pidfd = msg->fds[0];
	msg->n_fds = 0;
	if (b->is_ready_seen)
		b->state = SL_BS_READY;
	return 0;
}

static const struct {
	uint16_t op;
	size_t len; /* exact, or 0 */
} lens[] = {
	{ SL_OP_FAIL, sizeof(struct sl_m_fail) },
	{ SL_OP_SETUP, sizeof(struct sl_m_setup) },
	{ SL_OP_READY, sizeof(struct sl_m_ready) },
	{ SL_OP_ENDED, sizeof(struct sl_m_ended) },
	{ SL_OP_DONE, sizeof(struct sl_m_done) },
	{ SL_OP_USAGE, sizeof(struct sl_m_usage) },
	{ SL_OP_BOXED, sizeof(int32_t) },
};

static int
on_message(struct sl_box *b, struct sl_msg *msg, struct sl_err *err)
{
	struct sl_m_done done;
	int r;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		if (lens[i].op == msg->op && lens[i].len != msg->body.len)
			return SL_ERR(err, ENV, "box: init sent a malformed message %u",
				      msg->op);
	switch ((enum sl_box_op)msg->op) {
	case SL_OP_FAIL:
		b->state = SL_BS_DEAD;
		return sl_box_setup_failed(msg->body, b->ids.is_private, err);
	case SL_OP_BOXED:
		return on_boxed(b, msg, err);
	case SL_OP_SETUP:
		if (b->land != NULL && !b->is_setup_seen && msg->n_fds == 0) {
			memcpy(&b->m_setup, msg->body.p, sizeof(b->m_setup));
			b->is_setup_seen = true;
			return 0;
		}
		if (b->land != NULL || b->is_setup_seen ||
		    msg->n_fds != (b->proxy != NULL ? 3 : 2))
			return SL_ERR(err, ENV, "box: init reported its set-up twice");
		memcpy(&b->m_setup, msg->body.p, sizeof(b->m_setup));
		b->m_setup.ws_why[sizeof(b->m_setup.ws_why) - 1] = '\0';
		if (memcmp(b->m_setup.etc, b->etc, sizeof(b->etc)) != 0)
			return SL_ERR(
			    err, ENV,
			    "box: the host's /etc changed while the box was made");
		if (!is_root_of(msg->fds[0], PROC_SUPER_MAGIC) ||
		    !is_root_of(msg->fds[1], TMPFS_MAGIC))
			return SL_ERR(err, ENV,
				      "box: init showed other file systems than it made");
		if (b->proxy != NULL &&
		    (r = sl_box_proxy_listen(b, msg->fds[2], err)) < 0)
			return r;
		if (b->proxy != NULL)
			(void)close(msg->fds[2]);
		b->is_setup_seen = true;
		b->proc_fd = msg->fds[0];
		b->tmpfs_fd = msg->fds[1];
		msg->n_fds = 0;
		return 0;
	case SL_OP_READY:
		memcpy(&b->m_ready, msg->body.p, sizeof(b->m_ready));
		return check_ready(b, err);
	case SL_OP_USAGE:
		memcpy(&b->usage, msg->body.p, sizeof(b->usage));
		return 0;
	case SL_OP_DONE:
		memcpy(&done, msg->body.p, sizeof(done));
		sl_box_on_sock_done(b, &done);
		return 0;
	case SL_OP_ENDED:
		memcpy(&b->m_ended, msg->body.p, sizeof(b->m_ended));
		b->usage = b->m_ended.usage;
		b->is_ended_seen = true;
		return b->state == SL_BS_RUN ? finish(b, err) : 0;
	case SL_OP_SPAWN:
	case SL_OP_SIGNAL:
	case SL_OP_SOCK:
	case SL_OP_GET:
	case SL_OP_HASH:
	case SL_OP_ASK_USAGE:
	case SL_OP_ATTR:
	case SL_OP_FILE:
	case SL_OP_HASHED:
	case SL_OP_BOX:
	case SL_OP_TREE:
	default:
		return SL_ERR(err, ENV, "box: init sent message %u out of turn", msg->op);
	}
}

int
sl_box_hear(struct sl_box *b, struct sl_err *err)
{
	struct sl_msg msg;
	int r, code, value;

	sl_buf_clear(&b->room);
	r = sl_chan_recv(&b->chan, &b->room, &msg, SL_BOX_SETUP_MS, err);
	if (r == 1) {
		r = on_message(b, &msg, err);
		for (size_t i = 0; i < msg.n_fds; i++)
			(void)close(msg.fds[i]);
		return r;
	}
	if (b->state == SL_BS_SETUP) {
		b->state = SL_BS_DEAD;
		return r < 0 ? r
			     : SL_ERR(
				   err, ENV, "box: init ended while it set the box up%s",
				   sl_os_wait(b->init_pidfd, false, &code, &value) == 0 &&
					   code != CLD_EXITED
				       ? " (killed)"
				       : "");
	}
	if (r < 0)
		memset(err, 0, sizeof(*err));
	(void)sl_box_watch_fd(b, b->chan.fd, 0, 0);
	if (b->state == SL_BS_OPEN && b->is_single && b->is_ended_seen) {
		b->state = SL_BS_DEAD; /* as it should */
		return 0;
	}
	if (b->state == SL_BS_RUN && b->hit != SL_LIM_COUNT)
		return ended_with_box(b, err);
	return died(b, "the box's init is gone");
}

static void
on_timer(struct sl_box *b)
{
	uint64_t n;

	(void)!read(b->timer_fd, &n, sizeof(n));
	if (b->state != SL_BS_RUN)
		return;
	sl_box_sample(b);
	sl_dial_tick(b);
	sl_box_proxy_tick(b);
	/* Init does not answer: the namespace goes with it. */
	if (b->is_killing && sl_os_now_ms() - b->kill_ms > SL_BOX_KILL_MS)
		sl_box_stop(b);
}

static void
on_listen(struct sl_box *b, uint32_t events)
{
	if (b->listen_fd < 0)
		return;
	if ((events & EPOLLIN) != 0) {
		sl_box_on_listener(b);
	} else {
		/* No process has the filter any more.  What it takes to close it must not
		 * delay the act's last process, which is just exiting. */
		(void)sl_box_watch_fd(b, b->listen_fd, 0, 0);
	}
}

static int
on_event(struct sl_box *b, const struct epoll_event *e, struct sl_err *err)
{
	switch ((enum sl_box_tag)(e->data.u64 & 0xff)) {
	case SL_TAG_CHAN:
		return sl_box_hear(b, err);
	case SL_TAG_SYNC:
		return on_sync(b, err);
	case SL_TAG_OUT:
		sl_relay_out(b, 1, false);
		if (b->relay.is_pty && b->relay.in_len > 0)
			sl_relay_in(b);
		return 0;
	case SL_TAG_ERR:
		sl_relay_out(b, 2, false);
		return 0;
	case SL_TAG_SRC:
	case SL_TAG_DST:
		sl_relay_in(b);
		return 0;
	case SL_TAG_LISTEN:
		on_listen(b, e->events);
		return 0;
	case SL_TAG_TIMER:
		on_timer(b);
		return 0;
	case SL_TAG_DIAL:
		sl_dial_ready(b, (unsigned)(e->data.u64 >> 8));
		return 0;
	case SL_TAG_PROXY:
		return sl_box_proxy_event(b) ? 0 : proxy_died(b);
	case SL_TAG_PROXY_DIAL:
		sl_box_proxy_ready(b, (unsigned)(e->data.u64 >> 8));
		return 0;
	case SL_TAG_INIT:
	default:
		return 0;
	}
}

/* One wait, then what is ready; bounded, so that a busy box cannot hold its caller. */
static int
pump(struct sl_box *b, int timeout_ms, struct sl_err *err)
{
	/* Traced calls come one after another: to wait here for the next is half the
	 * price of going back to the caller's own wait first. */
	const int again_ms = b->trace.to != NULL && b->state == SL_BS_RUN ? TRACE_MS : 0;
	struct epoll_event e[EVENTS];
	int n, r;

	for (int round = 0; round < ROUNDS; round++) {
		n = epoll_wait(b->epfd, e, EVENTS, round == 0 ? timeout_ms : again_ms);
		if (n < 0 && errno == EINTR)
			return 0;
		if (n < 0)
			return SL_ERR_SYS(err, -errno, "box: cannot wait for events");
		if (n == 0)
			return 0;
		for (int i = 0; i < n; i++) {
			enum sl_box_state was = b->state;

			if ((r = on_event(b, &e[i], err)) < 0)
				return r;
			/* The act has ended: its descriptors are gone, and with them the
			 * sense of what else was ready. */
			if (b->state != was)
				return 0;
		}
		/* All that was ready fitted: what comes now wakes the caller. */
		if (n < EVENTS && again_ms == 0)
			return 0;
	}
	return 0;
}

int
sl_box_pump(struct sl_box *b, int timeout_ms, struct sl_err *err)
{
	int r = pump(b, timeout_ms, err);

	sl_trace_as_self(b);
	return r;
}

/* Send, then wait for the reply of this kind; other messages are handled. */
int
sl_box_request(struct sl_box *b, uint16_t op, struct sl_slice body, uint16_t want,
	       struct sl_msg *ret, struct sl_err *err)
{
	int r;

	if ((r = sl_chan_send(&b->chan, op, body, NULL, 0, err)) < 0)
		return r;
	for (;;) {
		sl_buf_clear(&b->room);
		if ((r = sl_chan_recv(&b->chan, &b->room, ret, 130000, err)) <= 0)
			return r < 0 ? r : SL_ERR(err, ENV, "box: init is gone");
		if (ret->op == want)
			return 0;
		if ((r = on_message(b, ret, err)) < 0)
			return r;
	}
}
