/* service.c -- see service.h. */
#include "serve/service_int.h"

#include "record/statement.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* safe because every request in it is bounded where it is taken out (priv/httpmsg.c) */
const struct sl_chan_op sl_service_ops[] = {
	{ SL_HTTP_REQUESTS, SL_HTTP_FRAME_MAX, 0 },
	{ SL_HTTP_DRAINED, 0, 0 },
};
const size_t sl_service_n_ops = sizeof(sl_service_ops) / sizeof(sl_service_ops[0]);

enum { FLUSH_AT = 4 << 20 };

int
sl_service_flush(struct sl_service *s, struct sl_err *err)
{
	int r;

	if (s->out.is_failed)
		return SL_ERR(err, NOMEM, "no memory for answers");
	if (s->out.len == 0)
		return 0;
	r = sl_chan_send(s->o->http, SL_HTTP_ANSWERS, sl_buf_get(&s->out), NULL, 0, err);
	sl_buf_clear(&s->out);
	return r;
}

void
sl_service_answer(struct sl_service *s, uint32_t id, struct sl_reply *r)
{
	r->a.id = id;
	if (r->body.is_failed)
		(void)sl_reply_problem(r, SL_PROBLEM_UNAVAILABLE, "no memory");
	r->a.body = sl_buf_get(&r->body);
	sl_http_put_answer(&s->out, &r->a);
	sl_buf_done(&r->body);
}

void
sl_service_refuse(struct sl_service *s, uint32_t id, enum sl_problem p,
		  struct sl_slice why)
{
	struct sl_reply r = { .body = { .max = 1 << 10 } };
	char text[SL_ERR_MSG_MAX];

	(void)snprintf(text, sizeof(text), "%.*s", (int)why.len,
		       why.p != NULL ? (const char *)why.p : "");
	(void)sl_reply_problem(&r, p, text);
	sl_service_answer(s, id, &r);
}

int
sl_service_reader(struct sl_service *s, struct sl_reader **ret, struct sl_err *err)
{
	int r = sl_reader_refresh(s->reader, err);

	if (r == 0)
		*ret = s->reader;
	return r;
}

bool
sl_service_is_legacy(const struct sl_service *s)
{
	return s->o->is_legacy;
}

static enum sl_problem
problem_of(int code)
{
	switch (code) {
	case SL_E(NOENT):
		return SL_PROBLEM_NOT_FOUND;
	case SL_E(FORMAT):
	case SL_E(USAGE):
		return SL_PROBLEM_MALFORMED;
	case SL_E(LIMIT):
		return SL_PROBLEM_TOO_LARGE;
	case SL_E(NOMEM):
		return SL_PROBLEM_UNAVAILABLE;
	default:
		return SL_PROBLEM_INTERNAL;
	}
}

static void
on_request(struct sl_service *s, const struct sl_http_request *q)
{
	struct sl_reply r = { .a = { .max_age_s = -1 },
			      .body = { .max = SL_HTTP_ANSWER_MAX } };
	struct sl_err err = { 0 };
	enum sl_problem p;
	struct sl_ask_for ask;
	const struct sl_route *route;
	const char *allow = "";
	int e;

	s->stats.n_requests++;
	if (q->peer.len > 0 &&
	    !sl_rate_take(&s->peer, q->peer, sl_time_now_ms(), &r.a.retry_s)) {
		(void)sl_reply_problem(&r, SL_PROBLEM_TOO_MANY,
				       "too many requests from this address");
	} else if ((route = sl_route_find(q, &ask, &p, &allow)) == NULL) {
		(void)sl_reply_problem(&r, p, "no such resource, method or media type");
		if (p == SL_PROBLEM_METHOD)
			r.a.location = sl_slice_str(allow);
	} else if ((e = route->handle(s, &ask, &r, &err)) < 0) {
		(void)sl_reply_problem(&r, problem_of(e), err.msg);
	} else if (e == SL_ROUTE_LATER) {
		sl_buf_done(&r.body);
		return;
	}
	sl_service_answer(s, q->id, &r);
}

static int
on_http(struct sl_service *s, struct sl_err *err)
{
	struct sl_http_request q;
	struct sl_slice in;
	struct sl_msg m;
	int r = sl_chan_recv(s->o->http, &s->room, &m, -1, err);

	if (r == 0)
		return SL_ERR(err, SYS, "sluice-http has ended unexpectedly");
	if (r < 0)
		return r;
	if (m.op == SL_HTTP_DRAINED) {
		s->is_drained = true;
		return 0;
	}
	in = m.body;
	while ((r = sl_http_take_request(&in, &q, err)) == 1) {
		on_request(s, &q);
		if (s->out.len > FLUSH_AT && (r = sl_service_flush(s, err)) < 0)
			return r;
	}
	return r;
}

static bool
is_idle(const struct sl_service *s)
{
	bool is = s->waiting.n == 0 && s->ready.n == 0 && !s->is_writing;

	for (size_t i = 0; i < s->o->n_checkers; i++)
		is = is && !s->o->checker[i].is_busy;
	return is;
}

static int
on_stop(struct sl_service *s, struct sl_err *err)
{
	s->is_draining = true;
	return sl_chan_send(s->o->http, SL_HTTP_QUIET, (struct sl_slice){ 0 }, NULL, 0,
			    err);
}

enum { FD_STOP, FD_HTTP, FD_GATE, FD_CHECK };

static int
on_ready(struct sl_service *s, const struct pollfd *p, struct sl_err *err)
{
	int r = 0;

	if (p[FD_GATE].revents != 0 && !s->is_writing)
		return SL_ERR(err, STORE, "the recorder has ended unexpectedly");
	if (p[FD_GATE].revents != 0)
		r = sl_register_written(s, err);
	for (size_t i = 0; i < s->o->n_checkers && r == 0; i++)
		if (p[FD_CHECK + i].revents != 0)
			r = s->o->checker[i].is_busy
				? sl_register_checked(s, i, err)
				: SL_ERR(err, SYS, "a checker has ended unexpectedly");
	if (r == 0 && p[FD_HTTP].revents != 0)
		r = on_http(s, err);
	if (r == 0 && p[FD_STOP].revents != 0 && !s->is_draining)
		r = on_stop(s, err);
	return r;
}

static int
once(struct sl_service *s, int timeout_ms, struct sl_err *err)
{
	struct pollfd p[FD_CHECK + SL_SERVE_CHECKERS_MAX];
	int r;

	p[FD_STOP] = (struct pollfd){ s->is_draining ? -1 : s->o->stop_fd, POLLIN, 0 };
	p[FD_HTTP] = (struct pollfd){ s->o->http->fd, POLLIN, 0 };
	p[FD_GATE] = (struct pollfd){ sl_gate_fd(s->o->gate), POLLIN, 0 };
	for (size_t i = 0; i < s->o->n_checkers; i++)
		p[FD_CHECK + i] = (struct pollfd){ s->o->checker[i].chan.fd, POLLIN, 0 };
	r = poll(p, FD_CHECK + s->o->n_checkers, timeout_ms);
	if (r < 0)
		return errno == EINTR ? 0 : SL_ERR_SYS(err, -errno, "cannot poll");
	if ((r = on_ready(s, p, err)) < 0 || (r = sl_register_pump(s, err)) < 0)
		return r;
	return sl_service_flush(s, err);
}

static int
loop(struct sl_service *s, struct sl_err *err)
{
	int64_t drained_ms = 0;
	int r = 0;

	s->refusals_ms = sl_time_now_ms() + SL_SERVE_REFUSALS_S * 1000;
	while (r == 0 && !(s->is_draining && s->is_drained && is_idle(s))) {
		if (s->is_draining && drained_ms == 0)
			drained_ms = sl_time_now_ms() + SL_SERVE_DRAIN_MS;
		if (drained_ms != 0 && sl_time_now_ms() > drained_ms && is_idle(s))
			break;
		r = once(s, s->is_draining ? 100 : 1000, err);
		if (r == 0 && !s->is_writing && sl_time_now_ms() >= s->refusals_ms) {
			s->refusals_ms = sl_time_now_ms() + SL_SERVE_REFUSALS_S * 1000;
			r = sl_register_refusals(s, err);
		}
	}
	return r < 0 ? r : sl_register_refusals(s, err);
}

static int
prepare(struct sl_service *s, struct sl_err *err)
{
	struct sl_log_tree t;
	int r;

	sl_buf_init(&s->room, SL_HTTP_FRAME_MAX);
	sl_buf_init(&s->out, SL_HTTP_FRAME_MAX);
	sl_rate_init(&s->peer, s->o->peer_rate);
	sl_rate_init(&s->issuer, s->o->issuer_rate);
	sl_jobs_init(&s->waiting);
	sl_jobs_init(&s->ready);
	sl_jobs_init(&s->batch);
	for (size_t i = 0; i < SL_SERVE_CHECKERS_MAX; i++)
		sl_jobs_init(&s->checking[i]);
	if ((r = sl_reader_open(s->o->home->fd, &s->reader, err)) < 0 ||
	    (r = sl_reader_tree(s->reader, SL_TREE_NODE, &t, err)) < 0)
		return r;
	(void)snprintf(s->origin, sizeof(s->origin), "%s", t.origin);
	return 0;
}

static void
drop(struct sl_jobs *l)
{
	struct sl_job *j;

	while ((j = sl_jobs_take(l)) != NULL)
		sl_job_free(j);
}

int
sl_service_run(const struct sl_service_opts *o, struct sl_service_stats *ret,
	       struct sl_err *err)
{
	struct sl_service *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return SL_ERR(err, NOMEM, "no memory for the service");
	s->o = o;
	if ((r = prepare(s, err)) == 0)
		r = loop(s, err);
	*ret = s->stats;
	sl_reader_close(s->reader);
	sl_buf_done(&s->room);
	sl_buf_done(&s->out);
	drop(&s->waiting);
	drop(&s->ready);
	drop(&s->batch);
	for (size_t i = 0; i < SL_SERVE_CHECKERS_MAX; i++)
		drop(&s->checking[i]);
	free(s->ids);
	free(s);
	return r;
}
