/* load_http.c -- registers statements over HTTP as fast as, or at a rate of, what it is
 * told; one thread, keep-alive connections, one request at a time on each.
 *
 *   load_http SOCKET CONNECTIONS SECONDS [RATE]      one JSON object
 *   load_http did                                    the issuer's DID
 *   load_http alone SECONDS DIR                      one thread: verify, SHA-256, pwrite
 *
 * Every answer has to be 201 with a receipt; every 512th receipt is verified afterwards.
 * Statements are signed before the clock starts.  Latency is from the moment a request
 * was due (with a rate) or sent to the last byte of its answer. */
#include "cose/receipt.h"
#include "cose/statement.h"
#include "crypto/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNS_MAX = 1024, PAYLOAD = 300, KEEP_EVERY = 512, RATE_TOP = 40000 };

static struct sl_err err;

struct stmt {
	struct sl_buf b;
};

struct conn {
	int fd;
	char out[2048];
	size_t out_len, sent;
	char in[4096];
	size_t in_len;
	double due;
	size_t stmt;
	bool is_busy;
};

struct kept {
	size_t stmt;
	struct sl_buf receipt;
};

static struct stmt *stmts;
static size_t n_stmts, next_stmt;
static struct conn conns[CONNS_MAX];
static float *lat;
static size_t n_lat, n_bad;
static struct kept kept[1024];
static size_t n_kept;

static void
die(const char *what)
{
	(void)fprintf(stderr, "load_http: %s: %s\n", what,
		      err.len > 0 ? err.msg : strerror(errno));
	exit(5);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
issuer(struct sl_signer *k)
{
	uint8_t seed[32] = { 'l', 'o', 'a', 'd' };

	sl_signer_from_seed(k, seed);
}

static void
make_statements(size_t n)
{
	struct sl_signer k;
	char did[SL_DIDKEY_MAX];
	uint8_t kid[32], payload[PAYLOAD];
	struct timespec t;

	issuer(&k);
	sl_didkey(k.pub, did);
	sl_key_thumb(k.pub, kid);
	memset(payload, 'p', sizeof(payload));
	(void)clock_gettime(CLOCK_REALTIME, &t);
	stmts = calloc(n, sizeof(*stmts));
	for (size_t i = 0; i < n; i++) {
		const struct sl_sign1_opts o = { .alg = SL_ALG_EDDSA,
						 .kid = { kid, 32 },
						 .iss = sl_slice_str(did),
						 .sub = SL_LIT("pkg:bench/load"),
						 .content_type =
						     SL_LIT("application/json"),
						 .payload = { payload, PAYLOAD } };

		(void)snprintf((char *)payload, 64, "%lld.%ld %zu", (long long)t.tv_sec,
			       t.tv_nsec, i);
		sl_buf_init(&stmts[i].b, 4096);
		if (sl_sign1_build(&o, &k, &stmts[i].b, &err) < 0)
			die("sign");
	}
	n_stmts = n;
}

/* --- HTTP --- */

static int
dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		die("connect");
	return fd;
}

static void
send_rest(struct conn *c)
{
	while (c->sent < c->out_len) {
		ssize_t n =
		    send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			die("send");
		c->sent += (size_t)n;
	}
}

static bool
start(struct conn *c, double due)
{
	const struct sl_buf *b;

	if (next_stmt == n_stmts)
		return false;
	c->stmt = next_stmt++;
	b = &stmts[c->stmt].b;
	c->out_len = (size_t)snprintf(c->out, sizeof(c->out),
				      "POST /entries HTTP/1.1\r\nHost: x\r\n"
				      "Accept: application/cose\r\nContent-Type: "
				      "application/cose\r\nContent-Length: %zu\r\n\r\n",
				      b->len);
	memcpy(c->out + c->out_len, b->p, b->len);
	c->out_len += b->len;
	c->sent = c->in_len = 0;
	c->due = due;
	c->is_busy = true;
	send_rest(c);
	return true;
}

/* true: the answer is complete. */
static bool
receive(struct conn *c)
{
	for (;;) {
		ssize_t n =
		    recv(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, 0);
		const char *end, *len;
		size_t head, body;

		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			die("the service hung up");
		c->in_len += (size_t)n;
		c->in[c->in_len] = '\0';
		if ((end = strstr(c->in, "\r\n\r\n")) == NULL)
			continue;
		head = (size_t)(end - c->in) + 4;
		len = strcasestr(c->in, "content-length: ");
		body = len != NULL && len < end ? strtoul(len + 16, NULL, 10) : 0;
		if (c->in_len < head + body)
			continue;
		if (strncmp(c->in, "HTTP/1.1 201", 12) != 0 || body < 100) {
			if (n_bad++ == 0)
				(void)fprintf(stderr, "load_http: %.*s\n", 60, c->in);
		} else if (c->stmt % KEEP_EVERY == 0 && n_kept < 1024) {
			kept[n_kept].stmt = c->stmt;
			sl_buf_init(&kept[n_kept].receipt, 4096);
			sl_buf_put(&kept[n_kept++].receipt, c->in + head, body);
		}
		return true;
	}
}

static void
check_kept(void)
{
	for (size_t i = 0; i < n_kept; i++) {
		struct sl_receipt rc;
		struct sl_hash leaf, root;
		struct sl_sign1 s;
		uint8_t pub[32];

		if (sl_receipt_parse(sl_buf_get(&kept[i].receipt), 0, &rc, &err) < 0 ||
		    sl_sign1_parse(sl_buf_get(&stmts[kept[i].stmt].b), 4096, &s, &err) <
			0 ||
		    sl_receipt_leaf(&s, SL_LEAF_CANONICAL, &leaf, &err) < 0 ||
		    !sl_didkey_parse(rc.s.h.iss, pub) ||
		    sl_receipt_verify(&rc, &leaf, pub, &root, &err) < 0)
			die("a receipt does not verify");
	}
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void
run(const char *path, size_t n_conns, double seconds, double rate)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[256];
	double t0, c0, t, due;
	size_t n_due = 0, idle = 0;

	for (size_t i = 0; i < n_conns; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)i };

		conns[i].fd = dial(path);
		(void)epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e);
	}
	t0 = t = now();
	c0 = cpu();
	while (t - t0 < seconds) {
		/* with a rate, a request is late where no connection is free for it */
		for (size_t i = 0; i < n_conns; i++) {
			struct conn *c = &conns[(idle + i) % n_conns];

			due = rate > 0 ? t0 + (double)n_due / rate : t;
			if (due > t)
				break;
			if (c->is_busy)
				continue;
			if (!start(c, due))
				die("more statements are needed");
			n_due++;
			idle = (idle + i + 1) % n_conns;
		}
		int n = epoll_wait(ep, ev, 256, rate > 0 ? 1 : 100);

		for (int i = 0; i < n; i++) {
			struct conn *c = &conns[ev[i].data.u32];

			if (c->sent < c->out_len)
				send_rest(c);
			if (c->is_busy && receive(c)) {
				c->is_busy = false;
				lat[n_lat++] = (float)((now() - c->due) * 1e3);
				if (rate == 0 && !start(c, now()))
					die("more statements are needed");
			}
		}
		t = now();
	}
	qsort(lat, n_lat, sizeof(*lat), by_value);
	(void)printf("{\"registered\":%zu,\"bad\":%zu,\"seconds\":%.3f,\"per_s\":%.1f,"
		     "\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
		     "\"generator_cpu\":%.3f,\"verified\":%zu}\n",
		     n_lat - n_bad, n_bad, t - t0, (double)(n_lat - n_bad) / (t - t0),
		     n_lat ? lat[n_lat / 2] : 0, n_lat ? lat[n_lat * 99 / 100] : 0,
		     n_lat ? lat[n_lat - 1] : 0, (cpu() - c0) / (t - t0), n_kept);
	check_kept();
}

/* What one thread takes for verifying, hashing and writing the same statements. */
static void
alone(double seconds, const char *dir)
{
	struct sl_slice none = { 0 };
	struct sl_signer k;
	double t0 = now(), t = t0;
	char path[4096];
	size_t n = 0;
	off_t at = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/alone", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	issuer(&k);
	for (; t - t0 < seconds; n++, t = now()) {
		const struct sl_buf *b = &stmts[n % n_stmts].b;
		struct sl_sign1 s;
		uint8_t d[32];

		if (sl_statement_parse(sl_buf_get(b), 4096, 0, &s, &err) < 0 ||
		    sl_sign1_verify(&s, none, none, k.pub, &err) < 0)
			die("verify");
		sl_sha256(sl_buf_get(b), d);
		if (pwrite(fd, b->p, b->len, at) < 0)
			die("write");
		at = (at + (off_t)b->len) % (64 << 20);
	}
	(void)unlink(path);
	(void)printf("{\"per_s\":%.1f}\n", (double)n / (t - t0));
}

int
main(int argc, char **argv)
{
	if (sl_crypto_init(&err) < 0)
		die("crypto");
	if (argc == 2 && strcmp(argv[1], "did") == 0) {
		struct sl_signer k;
		char did[SL_DIDKEY_MAX];

		issuer(&k);
		sl_didkey(k.pub, did);
		(void)puts(did);
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "alone") == 0) {
		make_statements(1000);
		alone(strtod(argv[2], NULL), argv[3]);
		return 0;
	}
	if (argc < 4 || strtol(argv[2], NULL, 10) < 1 ||
	    strtol(argv[2], NULL, 10) > CONNS_MAX) {
		(void)fprintf(stderr,
			      "usage: load_http SOCKET CONNECTIONS SECONDS [RATE]\n");
		return 2;
	}
	{
		double rate = argc > 4 ? strtod(argv[4], NULL) : 0,
		       s = strtod(argv[3], NULL);
		size_t n = (size_t)((s + 1) * (rate > 0 ? rate * 1.2 : RATE_TOP)) + 1000;

		make_statements(n);
		if ((lat = malloc(n * sizeof(*lat))) == NULL)
			die("memory");
		run(argv[1], (size_t)strtoul(argv[2], NULL, 10), s, rate);
	}
	return n_bad == 0 ? 0 : 1;
}
