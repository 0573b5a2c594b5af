/* cmd_serve.c -- sluice serve: this node's log as a transparency service. */
#include "base/auto.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"
#include "priv/helper.h"
#include "serve/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	OPT_LISTEN,
	OPT_NO_UNIX,
	OPT_LEGACY,
	OPT_PEER_RATE,
	OPT_ISSUER_RATE,
	OPT_CHECKERS,
	OPT_TRUST,
	OPT_JSON
};
enum { LISTEN_MAX = 4, BACKLOG = 512, GRACE_MS = 2000 };

static const struct sl_opt opts[] = {
	[OPT_LISTEN] = { "listen", 0, "ADDR:PORT", "also on TCP; [ADDR]:PORT for IPv6",
			 true },
	[OPT_NO_UNIX] = { "no-socket", 0, NULL, "not on $SLUICE_HOME/sock/http", false },
	[OPT_LEGACY] = { "legacy", 0, NULL,
			 "answer a registration with 303, as SCRAPI drafts 04 to 10 do",
			 false },
	[OPT_PEER_RATE] = { "peer-rate", 0, "N",
			    "requests a second of one TCP address (1000; 0: no limit)",
			    false },
	[OPT_ISSUER_RATE] = { "issuer-rate", 0, "N",
			      "statements a second of one issuer (20000; 0: no limit)",
			      false },
	[OPT_CHECKERS] = { "checkers", 0, "N", "processes that verify, 1 to 8 (1)",
			   false },
	[OPT_TRUST] = { "trust-list", 0, "FILE",
			"keys and roots of issuers ($SLUICE_HOME/trust/list)", false },
	[OPT_JSON] = { "json", 0, NULL,
		       "on standard output: where it listens, and at the end what it did",
		       false },
	{ 0 },
};

struct work {
	const struct sl_args *args;
	struct sl_session s;
	struct sl_checker checker[SL_SERVE_CHECKERS_MAX];
	size_t n_checkers;
	struct sl_trust trust;
	bool has_trust;
	struct sl_helper http;
	int fd[LISTEN_MAX], lock_fd, stop_fd;
	size_t n;
	struct sl_service_opts o;
};

/* Where it can be reached: for a program on standard output, else for a person. */
static int
say_where(const struct work *w, const char *where, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v;
	int r;

	if (!sl_arg_is(w->args, OPT_JSON)) {
		fprintf(stderr, "sluice: serves on %s\n", where);
		return 0;
	}
	v = sl_out_init(&o);
	(void)sl_json_set(&o.b, v, "serves", sl_json_cstr(&o.b, where));
	r = sl_out_json(&o, v, err);
	return r < 0 ? r : sl_out_flush(err);
}

static int
say_end(const struct work *w, const struct sl_service_stats *st, struct sl_err *err)
{
	const struct {
		const char *key;
		uint64_t n;
	} row[] = { { "registered", st->n_registered },
		    { "batches", st->n_batches },
		    { "again", st->n_again },
		    { "refused", st->n_refused },
		    { "requests", st->n_requests } };
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v;
	int r;

	if (!sl_arg_is(w->args, OPT_JSON)) {
		for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
			fprintf(stderr, "%s%llu %s", i == 0 ? "sluice: " : ", ",
				(unsigned long long)row[i].n, row[i].key);
		fputs("\n", stderr);
		return 0;
	}
	v = sl_out_init(&o);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		(void)sl_json_set(&o.b, v, row[i].key,
				  sl_json_int(&o.b, (int64_t)row[i].n));
	r = sl_out_json(&o, v, err);
	return r < 0 ? r : sl_out_flush(err);
}

static int
number(const struct sl_args *args, int opt, uint32_t most, uint32_t *ret,
       struct sl_err *err)
{
	const char *v = sl_arg(args, opt, 0);
	char *end = NULL;
	unsigned long n;

	if (v == NULL)
		return 0;
	errno = 0;
	n = strtoul(v, &end, 10);
	if (v[0] < '0' || v[0] > '9' || *end != '\0' || errno != 0 || n > most)
		return SL_ERR(err, USAGE, "--%s takes a number up to %u, not '%s'",
			      opts[opt].name, most, v);
	*ret = (uint32_t)n;
	return 0;
}

/* $SLUICE_HOME/sock/http: in a directory that is the owner's alone.  The lock says
 * whether what is there is still somebody's. */
static int
listen_unix(struct work *w, struct sl_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char where[PATH_MAX + 32];
	SL_AUTO_FD dir = -1;
	SL_AUTO_FD fd = -1;
	int r;

	if ((r = sl_home_dir(&w->s.home, "sock", &dir, err)) < 0)
		return r;
	w->lock_fd =
	    openat(dir, "http.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->lock_fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open %s/sock/http.lock",
				  w->s.home.path);
	if (flock(w->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		(void)close(w->lock_fd);
		w->lock_fd = -1; /* what is there is its owner's to remove */
		return SL_ERR(err, ENV, "another service listens on %s/sock/http",
			      w->s.home.path);
	}
	/* by descriptor: a path in sun_path is at most 107 bytes */
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/http", dir);
	if (unlinkat(dir, "http", 0) < 0 && errno != ENOENT)
		return SL_ERR_SYS(err, -errno, "cannot remove %s/sock/http",
				  w->s.home.path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    fchmodat(dir, "http", 0600, 0) < 0 || listen(fd, BACKLOG) < 0)
		return SL_ERR_SYS(err, -errno, "cannot listen on %s/sock/http",
				  w->s.home.path);
	w->fd[w->n++] = sl_steal_fd(&fd);
	(void)snprintf(where, sizeof(where), "unix:%s/sock/http", w->s.home.path);
	return say_where(w, where, err);
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* ADDR:PORT with both in numbers: no name is looked up. */
static bool
parse_address(const char *text, union address *ret, socklen_t *ret_len)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN + 2], *end = NULL;
	unsigned long port;

	if (n == 0 || n >= sizeof(host) || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || port > UINT16_MAX)
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(ret->v6);
		return inet_pton(AF_INET6, host + 1, &ret->v6.sin6_addr) == 1;
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons((uint16_t)port);
	*ret_len = sizeof(ret->v4);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1;
}

static int
listen_tcp(struct work *w, const char *text, struct sl_err *err)
{
	char shown[INET6_ADDRSTRLEN] = "", where[INET6_ADDRSTRLEN + 32];
	SL_AUTO_FD fd = -1;
	union address a;
	socklen_t len = 0;
	int one = 1;

	if (!parse_address(text, &a, &len))
		return SL_ERR(
		    err, USAGE,
		    "--listen takes ADDR:PORT or [ADDR]:PORT in numbers, not '%s'", text);
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, &a.any, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &a.any, &len) < 0)
		return SL_ERR_SYS(err, -errno, "cannot listen on %s", text);
	if (a.any.sa_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &a.v6.sin6_addr, shown, sizeof(shown));
		(void)snprintf(where, sizeof(where), "http://[%s]:%u", shown,
			       ntohs(a.v6.sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &a.v4.sin_addr, shown, sizeof(shown));
		(void)snprintf(where, sizeof(where), "http://%s:%u", shown,
			       ntohs(a.v4.sin_port));
	}
	w->fd[w->n++] = sl_steal_fd(&fd);
	return say_where(w, where, err);
}

/* What asks it to end, as a descriptor. */
static int
watch_signals(struct work *w, struct sl_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
	    (w->stop_fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		return SL_ERR_SYS(err, -errno, "cannot watch for signals");
	return 0;
}

static int
listen_all(struct work *w, struct sl_err *err)
{
	size_t n = sl_arg_count(w->args, OPT_LISTEN);
	int r = 0;

	if (n + !sl_arg_is(w->args, OPT_NO_UNIX) > LISTEN_MAX)
		return SL_ERR(err, USAGE, "at most %d sockets to listen on", LISTEN_MAX);
	if (n == 0 && sl_arg_is(w->args, OPT_NO_UNIX))
		return SL_ERR(err, USAGE,
			      "nothing to listen on: --no-socket, no --listen");
	if (!sl_arg_is(w->args, OPT_NO_UNIX))
		r = listen_unix(w, err);
	for (size_t i = 0; i < n && r == 0; i++)
		r = listen_tcp(w, sl_arg(w->args, OPT_LISTEN, i), err);
	return r;
}

/* $SLUICE_HOME/trust/list, or what --trust-list names; none is no error for the first. */
static int
load_trust(struct work *w, struct sl_err *err)
{
	const char *path = sl_arg(w->args, OPT_TRUST, 0);
	struct sl_sig sig = { 0 };
	struct sl_err why = { 0 };
	int r;

	sl_sig_helper(&sig);
	r = sl_trust_load(path != NULL ? AT_FDCWD : w->s.home.fd,
			  path != NULL ? path : "trust/list", &sig, &w->trust, &why);
	sl_sig_done(&sig);
	w->has_trust = r == 0;
	if (r == 0 || (r == SL_E(NOENT) && path == NULL))
		return 0;
	*err = why;
	return r;
}

/* Checkers before anything foreign can come, the recorder before them. */
static int
start(struct work *w, struct sl_err *err)
{
	uint32_t n_checkers = 1;
	int r;

	w->o.peer_rate = SL_SERVE_PEER_RATE;
	w->o.issuer_rate = SL_SERVE_ISSUER_RATE;
	if ((r = number(w->args, OPT_PEER_RATE, 1000000, &w->o.peer_rate, err)) < 0 ||
	    (r = number(w->args, OPT_ISSUER_RATE, 1000000, &w->o.issuer_rate, err)) < 0 ||
	    (r = number(w->args, OPT_CHECKERS, SL_SERVE_CHECKERS_MAX, &n_checkers, err)) <
		0)
		return r;
	if ((r = sl_session_start(&w->s, err)) < 0)
		return r;
	if ((r = load_trust(w, err)) < 0)
		return r;
	for (; w->n_checkers < (n_checkers > 0 ? n_checkers : 1); w->n_checkers++)
		if ((r = sl_checker_start(&w->checker[w->n_checkers],
					  w->has_trust ? &w->trust : NULL, err)) < 0)
			return r;
	if ((r = sl_session_gate(&w->s, false, err)) < 0 ||
	    (r = watch_signals(w, err)) < 0 || (r = listen_all(w, err)) < 0)
		return r;
	return sl_helper_start("sluice-http",
			       &(struct sl_helper_opt){ .fds = w->fd,
							.n_fds = w->n,
							.ops = sl_service_ops,
							.n_ops = sl_service_n_ops },
			       &w->http, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .args = args,
			  .s.home.fd = -1,
			  .trust = SL_TRUST_NONE,
			  .lock_fd = -1,
			  .stop_fd = -1,
			  .http.chan.fd = -1 };
	struct sl_service_stats st = { 0 };
	int r = start(&w, err);

	/* the helper has them; here they would keep a backlog alive behind it */
	for (size_t i = 0; i < w.n; i++)
		(void)close(w.fd[i]);
	if (r == 0) {
		w.o.home = &w.s.home;
		w.o.gate = w.s.gate;
		w.o.http = &w.http.chan;
		w.o.checker = w.checker;
		w.o.n_checkers = w.n_checkers;
		w.o.stop_fd = w.stop_fd;
		w.o.is_legacy = sl_arg_is(args, OPT_LEGACY);
		r = sl_service_run(&w.o, &st, err);
		if (r == 0)
			r = say_end(&w, &st, err);
	}
	(void)sl_helper_stop(&w.http, GRACE_MS);
	for (size_t i = 0; i < w.n_checkers; i++)
		sl_checker_stop(&w.checker[i]);
	if (w.lock_fd >= 0) {
		(void)unlinkat(w.s.home.fd, "sock/http", 0);
		(void)close(w.lock_fd);
	}
	sl_trust_done(&w.trust);
	if (w.stop_fd >= 0)
		(void)close(w.stop_fd);
	sl_session_done(&w.s);
	return r;
}

const struct sl_cmd sl_cmd_serve = {
	.name = "serve",
	.summary = "serve this node's log: register statements, give receipts",
	.usage = "[--listen ADDR:PORT]... [--no-socket] [--legacy] [--peer-rate N] "
		 "[--issuer-rate N] [--checkers N] [--trust-list FILE] [--json]",
	.opts = opts,
	.run = run,
};
