/* http.c -- sluice-http: speaks HTTP on listening sockets that it is given (descriptors
 * 4, 5, ...), and passes requests on (priv/httpmsg.h).  It decides nothing: what is too
 * large, too slow or too much it refuses itself, everything else is asked of the service.
 *
 * One thread.  A connection whose request is with the service is suspended.  What is said
 * to the service never blocks, because the service may be saying something at that time.
 */
#include "priv/chan.h"
#include "priv/helper.h"
#include "priv/httpmsg.h"
#include "priv/problem.h"
#include "priv/role.h"

#include "os/proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	LISTEN_MAX = 4,
	SLOTS = SL_HTTP_CONNS_MAX,
	GENERATIONS = 1 << 20,
	EXIT_SETUP = 70,
	TICK_MS = 1000
};
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a slot's number is masked out of an ID");

/* No file, no socket but those that come by a listening one, no process. */
static const int calls[] = {
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_getrlimit
	SYS_getrlimit,
#endif
	SYS_ppoll,         SYS_epoll_pwait,   SYS_epoll_ctl,
	SYS_epoll_create1, SYS_eventfd2,      SYS_accept4,
	SYS_recvfrom,      SYS_recvmsg,       SYS_sendto,
	SYS_sendmsg,       SYS_read,          SYS_write,
	SYS_writev,        SYS_close,         SYS_shutdown,
	SYS_setsockopt,    SYS_getsockopt,    SYS_getsockname,
	SYS_getpeername,   SYS_fcntl,         SYS_brk,
	SYS_mmap,          SYS_munmap,        SYS_mremap,
	SYS_madvise,       SYS_mprotect,      SYS_futex,
	SYS_getrandom,     SYS_clock_gettime, SYS_exit,
	SYS_exit_group,    SYS_rt_sigreturn,  SYS_rt_sigprocmask,
	SYS_rt_sigaction,  SYS_getpid,        SYS_gettid,
	SYS_tgkill,        SYS_prlimit64,     SYS_restart_syscall,
};

static const struct sl_role role = {
	.name = "sluice-http",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.max_memory = (uint64_t)1 << 30,
	.dies_with_parent = true,
};

static const struct sl_chan_op accepted[] = {
	/* safe because the service is whom this process works for; still each answer is
	 * bounded where it is taken out */
	{ SL_HTTP_ANSWERS, SL_HTTP_FRAME_MAX, 0 },
	{ SL_HTTP_QUIET, 0, 0 },
};

enum state { READING, TOO_LARGE, ASKED, ANSWERED };

struct request {
	struct server *s;
	struct MHD_Connection *conn;
	uint32_t id;
	enum state state;
	uint8_t *body;
	size_t len, cap;
	struct sl_http_answer a; /* ANSWERED; slices point into held */
	uint8_t *held;
};

struct conn { /* its socket's */
	struct conn *next, **prev;
	struct MHD_Connection *c;
	int fd;
	int64_t since_ms; /* of the connection, or the end of its last request */
	bool is_asked;
};

struct server {
	struct sl_chan chan;
	struct MHD_Daemon *d[LISTEN_MAX];
	int epoll_fd[LISTEN_MAX];
	size_t n;
	struct request *slot[SLOTS];
	uint32_t next, generation;
	struct conn *conns;
	size_t n_requests, held;   /* bytes of bodies */
	struct sl_buf room, batch; /* batch: requests of the next message */
	struct sl_buf out;         /* messages that are on their way */
	size_t sent;
	bool is_quiet, is_drained;
};

/* --- to the service --- */

static void
put_frame(struct server *s, uint16_t op, struct sl_slice body)
{
	const uint8_t head[8] = { (uint8_t)body.len,
				  (uint8_t)(body.len >> 8),
				  (uint8_t)(body.len >> 16),
				  (uint8_t)(body.len >> 24),
				  (uint8_t)op,
				  (uint8_t)(op >> 8) };

	sl_buf_put(&s->out, head, sizeof(head));
	sl_buf_slice(&s->out, body);
}

/* As much as goes without waiting; false: the service is gone. */
static bool
push(struct server *s)
{
	if (s->batch.len > 0) {
		put_frame(s, SL_HTTP_REQUESTS, sl_buf_get(&s->batch));
		sl_buf_clear(&s->batch);
	}
	while (s->sent < s->out.len) {
		ssize_t n = send(s->chan.fd, s->out.p + s->sent, s->out.len - s->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		s->sent += (size_t)n;
	}
	sl_buf_clear(&s->out);
	s->sent = 0;
	return true;
}

/* --- answers --- */

static enum MHD_Result
reply(struct MHD_Connection *c, const struct sl_http_answer *a)
{
	struct MHD_Response *r;
	char text[SL_HTTP_FIELD_MAX + 1];
	enum MHD_Result ok;

	/* safe because MHD copies; it asks for a pointer that it could write to */
	r = MHD_create_response_from_buffer(
	    /* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	    a->body.len, (void *)(uintptr_t)a->body.p, MHD_RESPMEM_MUST_COPY);
	if (r == NULL)
		return MHD_NO;
	if (a->type.len > 0) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)a->type.len,
			       (const char *)a->type.p);
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, text);
	}
	if (a->location.len > 0) {
		(void)snprintf(text, sizeof(text), "%.*s", (int)a->location.len,
			       (const char *)a->location.p);
		(void)MHD_add_response_header(r,
					      a->status == 405 ? MHD_HTTP_HEADER_ALLOW
							       : MHD_HTTP_HEADER_LOCATION,
					      text);
	}
	if (a->retry_s > 0) {
		(void)snprintf(text, sizeof(text), "%u", a->retry_s);
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, text);
	}
	if (a->max_age_s >= 0) {
		if (a->max_age_s == 0)
			(void)snprintf(text, sizeof(text), "no-store");
		else
			(void)snprintf(text, sizeof(text), "max-age=%d", a->max_age_s);
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, text);
	}
	ok = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result
refuse(struct MHD_Connection *c, enum sl_problem p, const char *detail)
{
	SL_AUTO_BUF b = { .max = 1024 };
	struct sl_http_answer a = { .status = sl_problem_status(p),
				    .type = SL_LIT(SL_PROBLEM_TYPE) };

	if (p == SL_PROBLEM_UNAVAILABLE)
		a.retry_s = 1;
	sl_problem_put(&b, p, sl_slice_str(detail));
	a.body = sl_buf_get(&b);
	return reply(c, &a);
}

/* --- requests --- */

static struct conn *
conn_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i != NULL ? i->socket_context : NULL;
}

static const char *
field(struct MHD_Connection *c, const char *name)
{
	const char *v = MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);

	return v != NULL ? v : "";
}

/* Address without port, or "" on a unix socket. */
static void
peer_of(struct MHD_Connection *c, char out[INET6_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = i != NULL ? i->client_addr : NULL;

	out[0] = '\0';
	if (a == NULL)
		return;
	if (a->sa_family == AF_INET)
		(void)inet_ntop(AF_INET,
				&((const struct sockaddr_in *)(const void *)a)->sin_addr,
				out, INET6_ADDRSTRLEN);
	else if (a->sa_family == AF_INET6)
		(void)inet_ntop(
		    AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		    out, INET6_ADDRSTRLEN);
}

static struct request *
request_new(struct server *s, struct MHD_Connection *c)
{
	struct request *q = calloc(1, sizeof(*q));
	uint32_t i = 0;

	if (q == NULL)
		return NULL;
	while (i < SLOTS && s->slot[(s->next + i) % SLOTS] != NULL)
		i++;
	if (i == SLOTS) { /* two requests a connection at most, one after the other */
		free(q);
		return NULL;
	}
	s->next = (s->next + i) % SLOTS;
	s->generation = (s->generation + 1) % GENERATIONS;
	q->s = s;
	q->conn = c;
	q->id = s->generation * SLOTS + s->next;
	s->slot[s->next] = q;
	s->n_requests++;
	return q;
}

static enum MHD_Result
on_head(struct server *s, struct MHD_Connection *c, const char *path, void **req)
{
	const char *len = field(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct request *q;

	if (s->is_quiet)
		return refuse(c, SL_PROBLEM_UNAVAILABLE, "the service is ending");
	if (strtoull(len, NULL, 10) > SL_HTTP_BODY_MAX)
		return refuse(c, SL_PROBLEM_TOO_LARGE, "the body is too large");
	if (s->held > SL_HTTP_HELD_MAX)
		return refuse(c, SL_PROBLEM_UNAVAILABLE, "too much is being sent");
	if (strlen(path) > SL_HTTP_FIELD_MAX ||
	    strlen(field(c, MHD_HTTP_HEADER_ACCEPT)) > SL_HTTP_FIELD_MAX ||
	    strlen(field(c, MHD_HTTP_HEADER_CONTENT_TYPE)) > SL_HTTP_FIELD_MAX)
		return refuse(c, SL_PROBLEM_MALFORMED,
			      "the path, Accept or Content-Type is too long");
	if ((q = request_new(s, c)) == NULL)
		return refuse(c, SL_PROBLEM_UNAVAILABLE, "too many requests at once");
	*req = q;
	return MHD_YES;
}

static void
on_body(struct request *q, const char *p, size_t n)
{
	struct server *s = q->s;

	if (q->state != READING)
		return;
	if (n > SL_HTTP_BODY_MAX - q->len) {
		q->state = TOO_LARGE; /* what still comes is dropped */
		return;
	}
	if (q->len + n > q->cap) {
		size_t cap = q->cap * 2 > q->len + n ? q->cap * 2 : q->len + n;
		uint8_t *b = realloc(q->body, cap);

		if (b == NULL) {
			q->state = TOO_LARGE;
			return;
		}
		s->held += cap - q->cap;
		q->body = b;
		q->cap = cap;
	}
	memcpy(q->body + q->len, p, n);
	q->len += n;
}

static void
drop_body(struct request *q)
{
	q->s->held -= q->cap;
	free(q->body);
	q->body = NULL;
	q->cap = q->len = 0;
}

static enum MHD_Result
ask(struct request *q, const char *path, const char *method)
{
	struct server *s = q->s;
	char peer[INET6_ADDRSTRLEN];
	struct sl_http_request m = {
		.id = q->id,
		.method = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0
			      ? SL_HTTP_GET
			  : strcmp(method, "POST") == 0 ? SL_HTTP_POST
							: SL_HTTP_OTHER,
		.path = sl_slice_str(path),
		.accept = sl_slice_str(field(q->conn, MHD_HTTP_HEADER_ACCEPT)),
		.type = sl_slice_str(field(q->conn, MHD_HTTP_HEADER_CONTENT_TYPE)),
		.body = { q->body, q->len },
	};
	struct conn *c = conn_of(q->conn);

	peer_of(q->conn, peer);
	m.peer = sl_slice_str(peer);
	/* One message is bounded, so that the service can hold it. */
	if (s->batch.len + q->len > SL_HTTP_FRAME_MAX / 2) {
		put_frame(s, SL_HTTP_REQUESTS, sl_buf_get(&s->batch));
		sl_buf_clear(&s->batch);
	}
	sl_http_put_request(&s->batch, &m);
	if (s->batch.is_failed || s->out.is_failed)
		_exit(
		    EXIT_SETUP); /* out of memory: nothing that is said can be trusted */
	drop_body(q);
	q->state = ASKED;
	if (c != NULL)
		c->is_asked = true;
	MHD_suspend_connection(q->conn);
	return MHD_YES;
}

static enum MHD_Result
on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
	   const char *version, const char *data, size_t *n, void **req)
{
	struct server *s = arg;
	struct request *q = *req;

	(void)version;
	if (q == NULL)
		return on_head(s, c, path, req);
	if (*n > 0) {
		on_body(q, data, *n);
		*n = 0;
		return MHD_YES;
	}
	if (q->state == TOO_LARGE)
		return refuse(c, SL_PROBLEM_TOO_LARGE, "the body is too large");
	if (q->state == READING)
		return ask(q, path, method);
	return q->state == ANSWERED ? reply(c, &q->a) : MHD_NO;
}

static void
on_completed(void *arg, struct MHD_Connection *mc, void **req,
	     enum MHD_RequestTerminationCode how)
{
	struct request *q = *req;
	struct conn *c = conn_of(mc);
	struct server *s = arg;

	(void)how;
	if (c != NULL) {
		c->since_ms = sl_os_now_ms();
		c->is_asked = false;
	}
	if (q == NULL)
		return;
	drop_body(q);
	s->slot[q->id % SLOTS] = NULL;
	s->n_requests--;
	free(q->held);
	free(q);
	*req = NULL;
}

static void
on_connection(void *arg, struct MHD_Connection *mc, void **ctx,
	      enum MHD_ConnectionNotificationCode what)
{
	struct server *s = arg;
	struct conn *c = *ctx;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *i =
		    MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);

		if (i == NULL || (c = calloc(1, sizeof(*c))) == NULL)
			return;
		*c = (struct conn){ .next = s->conns,
				    .prev = &s->conns,
				    .c = mc,
				    .fd = i->connect_fd,
				    .since_ms = sl_os_now_ms() };
		if (s->conns != NULL)
			s->conns->prev = &c->next;
		s->conns = c;
		*ctx = c;
	} else if (c != NULL) {
		*c->prev = c->next;
		if (c->next != NULL)
			c->next->prev = c->prev;
		free(c);
		*ctx = NULL;
	}
}

/* MHD's own limit begins anew with each byte; this one does not. */
static void
end_slow(struct server *s)
{
	int64_t now = sl_os_now_ms();

	for (struct conn *c = s->conns; c != NULL; c = c->next)
		if (!c->is_asked &&
		    now - c->since_ms > (SL_HTTP_IDLE_S + SL_HTTP_REQUEST_S) * 1000)
			(void)shutdown(c->fd, SHUT_RDWR);
}

/* --- from the service --- */

static int
on_answers(struct server *s, struct sl_slice in, struct sl_err *err)
{
	struct sl_http_answer a;
	int r;

	while ((r = sl_http_take_answer(&in, &a, err)) == 1) {
		struct request *q = s->slot[a.id % SLOTS];
		size_t n = a.type.len + a.location.len + a.body.len;
		uint8_t *p;

		if (q == NULL || q->id != a.id || q->state != ASKED)
			return SL_ERR(err, FORMAT, "an answer to nothing");
		if ((q->held = p = malloc(n + 1)) == NULL)
			return SL_ERR(err, NOMEM, "no memory for an answer");
		q->a = a;
		q->a.type.p = p;
		memcpy(p, a.type.p, a.type.len);
		q->a.location.p = p += a.type.len;
		if (a.location.len > 0)
			memcpy(p, a.location.p, a.location.len);
		q->a.body.p = p += a.location.len;
		if (a.body.len > 0)
			memcpy(p, a.body.p, a.body.len);
		q->state = ANSWERED;
		MHD_resume_connection(q->conn);
	}
	return r;
}

/* false: it has said its last word, or makes no sense. */
static bool
on_service(struct server *s)
{
	struct sl_err err = { 0 };
	struct sl_msg m;
	int r = sl_chan_recv(&s->chan, &s->room, &m, -1, &err);

	if (r <= 0)
		return false;
	if (m.op == SL_HTTP_QUIET) {
		s->is_quiet = true;
		for (size_t i = 0; i < s->n; i++)
			(void)MHD_quiesce_daemon(s->d[i]);
		return true;
	}
	return on_answers(s, m.body, &err) == 0;
}

/* --- the loop --- */

static int
timeout_of(const struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms, least = TICK_MS;

	for (size_t i = 0; i < s->n; i++)
		if (MHD_get_timeout(s->d[i], &ms) == MHD_YES && ms < least)
			least = ms;
	return (int)least;
}

static void
loop(struct server *s)
{
	int64_t ticked = sl_os_now_ms();

	for (;;) {
		struct pollfd p[1 + LISTEN_MAX];
		bool has_more = s->sent < s->out.len;

		p[0] = (struct pollfd){ s->chan.fd,
					(short)(POLLIN | (has_more ? POLLOUT : 0)), 0 };
		for (size_t i = 0; i < s->n; i++)
			p[1 + i] = (struct pollfd){ s->epoll_fd[i], POLLIN, 0 };
		if (poll(p, 1 + s->n, timeout_of(s)) < 0 && errno != EINTR)
			return;
		if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !on_service(s))
			return;
		for (size_t i = 0; i < s->n; i++)
			(void)MHD_run(s->d[i]);
		if (!push(s))
			return;
		if (sl_os_now_ms() - ticked >= TICK_MS) {
			end_slow(s);
			ticked = sl_os_now_ms();
		}
		if (s->is_quiet && !s->is_drained && s->n_requests == 0 &&
		    s->out.len == 0) {
			s->is_drained = true;
			put_frame(s, SL_HTTP_DRAINED, (struct sl_slice){ 0 });
			if (!push(s))
				return;
		}
	}
}

static int
start(struct server *s, int fd)
{
	const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
	const union MHD_DaemonInfo *i;
	struct MHD_Daemon *d = MHD_start_daemon(
	    flags, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)(SL_HTTP_CONNS_MAX / LISTEN_MAX),
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SL_HTTP_IDLE_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SL_HTTP_HEAD_MAX,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);

	if (d == NULL || (i = MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD)) == NULL)
		return -1;
	s->epoll_fd[s->n] = i->epoll_fd;
	s->d[s->n++] = d;
	return 0;
}

int
main(void)
{
	static struct server s;
	const struct rlimit files = { SL_HTTP_CONNS_MAX + 64, SL_HTTP_CONNS_MAX + 64 };
	int fd[LISTEN_MAX], yes = 0;
	socklen_t len = sizeof(yes);
	size_t n = 0;

	for (int i = SL_HELPER_FD + 1; n < LISTEN_MAX; i++, n++) {
		if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) < 0 || !yes)
			break;
		fd[n] = i;
	}
	/* Fewer than that are met as refused connections. */
	(void)setrlimit(RLIMIT_NOFILE, &files);
	tzset(); /* reads a file, once: for the field Date */
	if (n == 0 || sl_role_enter(&role, SL_HELPER_FD, fd, n) < 0)
		return EXIT_SETUP;
	s.chan = (struct sl_chan){ .fd = SL_HELPER_FD,
				   .ops = accepted,
				   .n_ops = sizeof(accepted) / sizeof(accepted[0]) };
	sl_buf_init(&s.room, SL_HTTP_FRAME_MAX);
	sl_buf_init(&s.batch, SL_HTTP_FRAME_MAX);
	sl_buf_init(&s.out, SIZE_MAX / 4);
	for (size_t i = 0; i < n; i++)
		if (start(&s, fd[i]) < 0)
			return EXIT_SETUP;
	loop(&s);
	for (size_t i = 0; i < s.n; i++) {
		for (size_t k = 0; k < SLOTS; k++)
			if (s.slot[k] != NULL && s.slot[k]->state == ASKED)
				MHD_resume_connection(s.slot[k]->conn);
		MHD_stop_daemon(s.d[i]);
	}
	return 0;
}
