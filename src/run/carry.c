/* carry.c -- see carry.h. */
#include "run/carry.h"

#include "record/statement.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { TICK_MS = 100 };

int
sl_signals_init(struct sl_signals *s, struct sl_err *err)
{
	sigset_t set, quiet;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	*s = (struct sl_signals){ .fd = -1, .cancel_fd = -1 };
	/* A reader that goes away must end the act, not the process that records it:
	 * EPIPE says so, its signal stays pending. */
	quiet = set;
	sigaddset(&quiet, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &quiet, NULL) < 0 ||
	    (s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return SL_ERR_SYS(err, -errno, "cannot watch for signals");
	return 0;
}

void
sl_signals_done(struct sl_signals *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

void
sl_signals_poll(struct sl_signals *s)
{
	struct signalfd_siginfo si;
	char room[64];

	while (s->fd >= 0 && read(s->fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGWINCH) {
			s->is_resized = true;
			continue;
		}
		if (s->got == 0)
			s->got = (int)si.ssi_signo;
		s->n++;
	}
	if (s->cancel_fd >= 0 && read(s->cancel_fd, room, sizeof(room)) > 0) {
		if (s->got == 0)
			s->got = SIGTERM;
		s->n++;
	}
}

static void
on_output(void *arg, int stream, struct sl_slice bytes)
{
	struct sl_carry *c = arg;

	c->output(c->arg, stream, bytes);
}

static void
on_observed(void *arg, const struct sl_obs *o)
{
	struct sl_carry *c = arg;

	if (c->observed != NULL)
		c->observed(c->arg, o);
}

static void
on_ended(void *arg, const struct sl_proc_end *end)
{
	struct sl_carry *c = arg;

	c->end = *end;
	c->has_ended = true;
}

static void
on_died(void *arg, const char *why)
{
	struct sl_carry *c = arg;

	c->is_dead = true;
	(void)snprintf(c->why, sizeof(c->why), "%s", why);
}

struct sl_box_sink
sl_carry_sink(struct sl_carry *c)
{
	return (struct sl_box_sink){ c, on_output, on_observed, on_ended, on_died };
}

/* Ask the act to end, then make it. */
struct ending {
	int64_t kill_at;  /* 0: nobody asked yet */
	unsigned signals; /* of ours that were passed on */
	bool is_told;     /* that nobody reads it */
};

static void
ask_to_end(struct sl_carry *c, struct ending *e, int sig)
{
	(void)sl_box_signal(c->box, sig);
	if (e->kill_at == 0)
		e->kill_at = sl_mono_ms() + SL_GRACE_MS;
}

static void
pass_window(struct sl_carry *c)
{
	struct winsize w = { 0 };

	if (c->signals->is_resized && c->has_tty &&
	    ioctl(c->window_fd, TIOCGWINSZ, &w) == 0)
		(void)sl_box_resize(c->box, w.ws_row, w.ws_col);
	c->signals->is_resized = false;
}

static void
keep_time(struct sl_carry *c, struct ending *e, int64_t deadline,
	  struct sl_carry_end *ret)
{
	int64_t now = sl_mono_ms();

	sl_signals_poll(c->signals);
	pass_window(c);
	if (c->signals->n > e->signals) {
		e->signals = c->signals->n;
		ret->is_cancelled = true;
		ask_to_end(c, e, c->signals->got);
		if (c->signals->n >
		    2) /* whoever asks a third time does not want to wait */
			(void)sl_box_signal(c->box, SIGKILL);
	}
	if (c->is_unread && !e->is_told) { /* as the kernel would tell a writer */
		e->is_told = true;
		ask_to_end(c, e, SIGPIPE);
	}
	if (deadline > 0 && now >= deadline && !ret->is_timeout) {
		ret->is_timeout = true;
		ask_to_end(c, e, SIGTERM);
	}
	if (e->kill_at > 0 && now >= e->kill_at) {
		(void)sl_box_signal(c->box, SIGKILL);
		e->kill_at = now + SL_GRACE_MS;
	}
}

static int
wait_some(struct sl_carry *c, struct sl_err *err)
{
	struct pollfd p[5] = { { sl_box_fd(c->box), POLLIN, 0 },
			       { c->signals->fd, POLLIN, 0 },
			       { c->signals->cancel_fd, POLLIN, 0 },
			       { c->role_fd[0], 0, 0 }, /* POLLHUP is always told */
			       { c->role_fd[1], 0, 0 } };
	int n = poll(p, 5, TICK_MS);

	if (n < 0 && errno != EINTR)
		return SL_ERR_SYS(err, -errno, "cannot wait for the box");
	for (int i = 3; n > 0 && i < 5; i++) {
		if (p[i].revents == 0)
			continue;
		(void)sl_box_signal(c->box, SIGKILL);
		c->role_fd[i - 3] = -1; /* told once; the next call to it says why */
	}
	if (n > 0 && p[0].revents != 0)
		return sl_box_dispatch(c->box, 0, err);
	if (n == 0 && c->listener != NULL && c->listener->tick != NULL)
		c->listener->tick(c->listener->arg);
	return 0;
}

int
sl_carry_act(struct sl_carry *c, struct sl_permit *permit, const struct sl_act *act,
	     const uint8_t hmac_key[32], int64_t timeout_ms, struct sl_carry_end *ret,
	     struct sl_err *err)
{
	int64_t deadline = timeout_ms > 0 ? sl_mono_ms() + timeout_ms : 0;
	struct ending e = { .signals = c->signals->n };
	int r;

	*ret = (struct sl_carry_end){ 0 };
	c->has_ended = c->is_dead = false;
	if ((r = sl_box_spawn(c->box, permit, act, hmac_key, err)) < 0)
		return r;
	while (!c->has_ended && !c->is_dead) {
		if ((r = wait_some(c, err)) < 0)
			return r;
		keep_time(c, &e, deadline, ret);
	}
	ret->proc = c->end;
	ret->is_box_dead = c->is_dead;
	if (c->is_dead)
		ret->proc = (struct sl_proc_end){ .status = -1,
						  .signal = SIGKILL,
						  .limit = SL_LIM_COUNT };
	return 0;
}

void
sl_carry_close(struct sl_carry *c)
{
	struct sl_box *box = c->box;

	c->box = NULL;
	sl_box_close(box);
}
