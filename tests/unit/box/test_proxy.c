/* test_proxy.c -- box/proxy: what the supervisor takes from a proxy, a lying one
 * included.  The services are of the host's loopback. */
#include "t.h"

#include "rig.h"

#include "place.h"
#include "proxy/msg.h"
#include "proxy/request.h"
#include "proxy/role.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

static struct place place;

static int
listener(const char *ip, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t n = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(s >= 0);
	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 8), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return s;
}

static int
accepted(int s)
{
	int n = 0, c;

	while ((c = accept4(s, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		(void)close(c);
		n++;
	}
	(void)close(s);
	return n;
}

static struct sl_addr
addr(const char *text)
{
	struct sl_addr a;

	assert_true(sl_addr_parse(sl_slice_str(text), &a));
	return a;
}

static const struct sl_obs *
observed(struct rig *r, const char *object, const char *rule)
{
	const struct sl_obs *o;
	struct sl_obs_lost lost;
	size_t n;

	sl_box_observations(r->b, &o, &n, &lost);
	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].class, "proxy") == 0 &&
		    sl_slice_eq(o[i].object, sl_slice_str(object)) &&
		    strcmp(o[i].rule, rule) == 0)
			return &o[i];
	return NULL;
}

/* db.test leads to two addresses, of which one answers. */
static struct rig *
rig_named(uint16_t port, struct sl_grant_net *net, struct sl_box_pin pin[2])
{
	struct rig *r = rig_new();

	*net = (struct sl_grant_net){ SL_LIT("db.test"), port, false };
	pin[0] = (struct sl_box_pin){ 0, addr("127.0.0.8") };
	pin[1] = (struct sl_box_pin){ 0, addr("127.0.0.9") };
	r->g.net = net;
	r->g.n_net = 1;
	r->o.pins = pin;
	r->o.n_pins = 2;
	return r;
}

static void
tries_each_address(void **state)
{
	uint16_t port = 0;
	int s = listener("127.0.0.9", &port);
	struct sl_grant_net net;
	struct sl_box_pin pin[2];
	struct rig *r = rig_named(port, &net, pin);
	struct sl_proxy *p = NULL;
	char script[512], object[128];
	const struct sl_obs *o;

	(void)state;
	assert_int_equal(sl_proxy_start(&p, &r->err), 0);
	r->o.proxy = p;
	assert_int_equal(rig_open(r), 0);
	for (int i = 0; i < 2; i++) { /* one act after another */
		snprintf(script, sizeof(script),
			 "python3 -c 'import socket\n"
			 "c = socket.create_connection((\"127.0.0.1\", 3128))\n"
			 "c.sendall(b\"CONNECT DB.test:%u HTTP/1.0\\r\\n\\r\\nhello\")\n"
			 "print(c.recv(12).decode())'",
			 port);
		assert_int_equal(rig_sh(r, script), 0);
		assert_string_equal(r->out, "HTTP/1.1 200\n");
		snprintf(object, sizeof(object), "db.test:%u (127.0.0.9)", port);
		o = observed(r, object, SL_PROXY_GRANT);
		assert_non_null(o);
		assert_false(o->is_denied);
		assert_int_equal(o->err, 0);
		assert_int_equal(o->count, 1);
		assert_int_equal(o->sent, 5); /* although who wrote it is gone */
	}
	rig_free(r);
	sl_proxy_stop(p);
	assert_int_equal(accepted(s), 2);
}

/* --- a proxy that is ours --- */

struct liar {
	struct sl_proxy role;
	struct sl_chan chan; /* its own end */
};

static const struct sl_chan_op from_proxy[] = {
	{ SL_PXO_OPEN, sizeof(struct sl_pxm_open), 0 },
	{ SL_PXO_REFUSED, sizeof(struct sl_pxm_refused), 0 },
	{ SL_PXO_CLOSED, sizeof(struct sl_pxm_closed), 0 },
	{ SL_PXO_DRAINED, 0, 0 },
};
static const struct sl_chan_op to_proxy[] = {
	{ SL_PXO_LISTEN, 0, 1 },
	{ SL_PXO_OPENED, 4096, 1 },
	{ SL_PXO_DRAIN, 0, 0 },
};

static void
tell(struct liar *l, uint16_t op, const void *p, size_t n)
{
	struct sl_err err = { 0 };

	assert_int_equal(
	    sl_chan_send(&l->chan, op, (struct sl_slice){ p, n }, NULL, 0, &err), 0);
}

/* A box in which something runs for long, and its proxy, which has the listener. */
static struct rig *
rig_lied_to(struct liar *l, struct sl_grant_net *net, struct sl_box_pin pin[2],
	    uint16_t port)
{
	char *argv[] = { "/bin/sleep", "60", NULL };
	SL_AUTO_BUF room = { .max = 4096 };
	struct rig *r = rig_named(port, net, pin);
	struct sl_msg msg;
	int fd[2];

	assert_int_equal(sl_chan_pair(fd, &r->err), 0);
	*l = (struct liar){
		.role = { .chan = { .fd = fd[0], .ops = from_proxy, .n_ops = 4 },
			  .pid = -1 },
		.chan = { .fd = fd[1], .ops = to_proxy, .n_ops = 3 },
	};
	sl_buf_init(&l->role.room, 4096);
	r->o.proxy = &l->role;
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_spawn(r, argv), 0);
	assert_int_equal(sl_chan_recv(&l->chan, &room, &msg, 5000, &r->err), 1);
	assert_int_equal(msg.op, SL_PXO_LISTEN);
	assert_int_equal(msg.n_fds, 1);
	(void)close(msg.fds[0]);
	return r;
}

static void
done(struct rig *r, struct liar *l)
{
	rig_free(r);
	(void)close(l->role.chan.fd);
	(void)close(l->chan.fd);
	sl_buf_done(&l->role.room);
}

static int
lives(struct rig *r, int ms)
{
	while (ms > 0 && !r->has_died && !r->has_ended) {
		assert_int_equal(sl_box_dispatch(r->b, 10, &r->err), 0);
		ms -= 10;
	}
	return !r->has_died;
}

/* What no proxy of ours would say: the box ends. */
static void
lies(void **state)
{
	static const struct sl_pxm_open good = { .port = 1, .host = "db.test" };
	static const struct {
		uint16_t op;
		int n; /* bytes fewer than the struct */
		struct sl_pxm_open open;
		struct sl_pxm_refused refused;
		struct sl_pxm_closed closed;
	} t[] = {
		{ .op = SL_PXO_OPEN, .open = { .port = 1, .host = "DB.test" } },
		{ .op = SL_PXO_OPEN, .open = { .port = 1, .host = "db.test." } },
		{ .op = SL_PXO_OPEN, .open = { .port = 1, .host = "" } },
		{ .op = SL_PXO_OPEN, .open = { .port = 1, .host = "0x7f.1" } },
		{ .op = SL_PXO_OPEN, .open = { .port = 0, .host = "db.test" } },
		{ .op = SL_PXO_OPEN,
		  .open = { .id = SL_PROXY_CONNS_MAX, .port = 1, .host = "db.test" } },
		{ .op = SL_PXO_OPEN,
		  .open = { .port = 1, .act = SL_PROXY_ACTS, .host = "db.test" } },
		{ .op = SL_PXO_OPEN, .n = 1, .open = good },
		{ .op = SL_PXO_REFUSED, .refused = { .why = SL_PROXY_WHY_NONE } },
		{ .op = SL_PXO_REFUSED, .refused = { .why = SL_PROXY_WHY_GRANT } },
		{ .op = SL_PXO_REFUSED, .refused = { .why = SL_PROXY_WHY_COUNT } },
		{ .op = SL_PXO_REFUSED,
		  .refused = { .why = SL_PROXY_WHY_FORM, .act = SL_PROXY_ACTS } },
		{ .op = SL_PXO_REFUSED,
		  .refused = { .why = SL_PROXY_WHY_FORM, .len = SL_PROXY_TEXT_MAX + 1 } },
		{ .op = SL_PXO_CLOSED, .closed = { .id = 0 } },
		{ .op = SL_PXO_CLOSED, .closed = { .id = UINT32_MAX } },
		{ .op = SL_PXO_DRAINED },
		{ .op = SL_PXO_LISTEN },
		{ .op = 77 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_grant_net net;
		struct sl_box_pin pin[2];
		struct liar l;
		struct rig *r = rig_lied_to(&l, &net, pin, 1);
		const void *body = NULL;
		size_t n = 0;

		if (t[i].op == SL_PXO_OPEN) {
			body = &t[i].open;
			n = sizeof(t[i].open);
		} else if (t[i].op == SL_PXO_REFUSED) {
			body = &t[i].refused;
			n = sizeof(t[i].refused);
		} else if (t[i].op == SL_PXO_CLOSED) {
			body = &t[i].closed;
			n = sizeof(t[i].closed);
		}
		tell(&l, t[i].op, body, n - (size_t)t[i].n);
		if (lives(r, 5000))
			fail_msg("row %zu was taken", i);
		done(r, &l);
	}
}

/* A name without an end. */
static void
lies_without_end(void **state)
{
	struct sl_grant_net net;
	struct sl_box_pin pin[2];
	struct liar l;
	struct rig *r = rig_lied_to(&l, &net, pin, 1);
	struct sl_pxm_open m = { .port = 1 };

	(void)state;
	memset(m.host, 'a', sizeof(m.host));
	tell(&l, SL_PXO_OPEN, &m, sizeof(m));
	assert_false(lives(r, 5000));
	done(r, &l);
}

/* What is not in the grant is refused whatever the proxy thinks of it; what is comes as a
 * connection, and only once. */
static void
asks(void **state)
{
	uint16_t port = 0;
	int s = listener("127.0.0.9", &port);
	SL_AUTO_BUF room = { .max = 4096 };
	struct sl_grant_net net;
	struct sl_box_pin pin[2];
	struct liar l;
	struct rig *r = rig_lied_to(&l, &net, pin, port);
	const struct {
		const char *host;
		uint16_t port;
		bool is_granted;
	} t[] = { { "other.test", port, false },
		  { "db.test", (uint16_t)(port + 1), false },
		  { "127.0.0.1", port, false },
		  { "127.0.0.9", port, true }, /* by its pin */
		  { "db.test", port, true } };
	struct sl_msg msg;
	struct sl_pxm_opened o;
	struct sl_pxm_open m = { 0 };
	struct sl_pxm_closed c = { .id = 3, .sent = UINT64_MAX, .received = 7 };
	const struct sl_obs *row;
	char object[128];

	(void)state;
	for (uint32_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		m = (struct sl_pxm_open){ .id = i, .port = t[i].port };
		snprintf(m.host, sizeof(m.host), "%s", t[i].host);
		tell(&l, SL_PXO_OPEN, &m, sizeof(m));
		assert_true(lives(r, 100));
		assert_int_equal(sl_chan_recv(&l.chan, &room, &msg, 5000, &r->err), 1);
		assert_int_equal(msg.op, SL_PXO_OPENED);
		memcpy(&o, msg.body.p, sizeof(o));
		assert_int_equal(o.id, i);
		assert_int_equal(msg.n_fds, t[i].is_granted);
		assert_int_equal(o.err, t[i].is_granted ? 0 : EACCES);
		assert_int_equal(o.n_names, t[i].is_granted);
		assert_int_equal(o.is_bare, 0);
		if (msg.n_fds > 0)
			(void)close(msg.fds[0]);
		snprintf(object, sizeof(object), "%s:%u", t[i].host, t[i].port);
		if (!t[i].is_granted)
			assert_non_null(observed(r, object, "grant.none"));
	}
	tell(&l, SL_PXO_CLOSED, &c, sizeof(c));
	assert_true(lives(r, 100));
	snprintf(object, sizeof(object), "db.test:%u (127.0.0.9)", port);
	row = observed(r, object, SL_PROXY_GRANT);
	assert_non_null(row);
	assert_int_equal(row->count, 2);
	assert_int_equal(row->sent, INT64_MAX);
	assert_int_equal(row->received, 7);
	m.id = 4; /* its place is taken */
	tell(&l, SL_PXO_OPEN, &m, sizeof(m));
	assert_false(lives(r, 5000));
	done(r, &l);
	assert_int_equal(accepted(s), 2);
}

/* A connection that it was given, and keeps. */
static int
given(struct rig *r, struct liar *l, uint32_t id, uint16_t port)
{
	SL_AUTO_BUF room = { .max = 4096 };
	struct sl_pxm_open m = { .id = id, .port = port, .host = "db.test" };
	struct sl_msg msg;

	tell(l, SL_PXO_OPEN, &m, sizeof(m));
	assert_true(lives(r, 100));
	assert_int_equal(sl_chan_recv(&l->chan, &room, &msg, 5000, &r->err), 1);
	assert_int_equal(msg.op, SL_PXO_OPENED);
	assert_int_equal(msg.n_fds, 1);
	return msg.fds[0];
}

static bool
is_dead(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0 &&
	       send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
}

static void
keeps_none_that_it_closed(void **state)
{
	uint16_t port = 0;
	int s = listener("127.0.0.9", &port), fd, other;
	struct sl_grant_net net;
	struct sl_box_pin pin[2];
	struct liar l;
	struct rig *r = rig_lied_to(&l, &net, pin, port);
	struct sl_pxm_closed c = { .id = 5 };

	(void)state;
	fd = given(r, &l, 5, port);
	other = given(r, &l, 6, port);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	tell(&l, SL_PXO_CLOSED, &c, sizeof(c));
	assert_true(lives(r, 200));
	assert_true(is_dead(fd));
	assert_false(is_dead(other));
	(void)close(fd);
	(void)close(other);
	done(r, &l);
	assert_int_equal(accepted(s), 2);
}

static void *
say_drained(void *liar)
{
	struct liar *l = liar;
	SL_AUTO_BUF room = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_msg msg;

	if (sl_chan_recv(&l->chan, &room, &msg, 10000, &err) == 1 &&
	    msg.op == SL_PXO_DRAIN)
		tell(l, SL_PXO_DRAINED, NULL, 0);
	return NULL;
}

/* What the act had open does not outlive it, and who hides that is no proxy of ours. */
static void
keeps_none_of_an_act(void **state)
{
	uint16_t port = 0;
	int s = listener("127.0.0.9", &port), fd;
	struct sl_grant_net net;
	struct sl_box_pin pin[2];
	struct liar l;
	struct rig *r = rig_lied_to(&l, &net, pin, port);
	pthread_t t;

	(void)state;
	fd = given(r, &l, 5, port);
	assert_int_equal(pthread_create(&t, NULL, say_drained, &l), 0);
	assert_int_equal(sl_box_signal(r->b, SIGKILL), 0);
	assert_false(lives(r, 10000));
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_true(is_dead(fd));
	(void)close(fd);
	done(r, &l);
	assert_int_equal(accepted(s), 1);
}

/* Whoever is told to begin asks for nothing before an act runs. */
static void
asks_between_acts(void **state)
{
	struct sl_grant_net net;
	struct sl_box_pin pin[2];
	struct liar l;
	struct rig *r = rig_lied_to(&l, &net, pin, 1);
	struct sl_pxm_open m = { .port = 1, .host = "db.test" };
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, say_drained, &l), 0);
	assert_int_equal(sl_box_signal(r->b, SIGKILL), 0);
	assert_true(lives(r, 10000));
	assert_true(r->has_ended);
	assert_int_equal(pthread_join(t, NULL), 0);
	r->has_ended = false;
	tell(&l, SL_PXO_OPEN, &m, sizeof(m));
	assert_false(lives(r, 2000));
	done(r, &l);
}

static void
none_from_a_launcher(void **state)
{
	struct sl_grant_net net = { SL_LIT("127.0.0.9"), 1, true };
	struct rig *r = rig_new();
	struct sl_proxy *p = NULL;
	int e;

	(void)state;
	r->g.net = &net;
	r->g.n_net = 1;
	assert_int_equal(sl_launcher_start(&r->o, 1, &r->own, &r->err), 0);
	assert_int_equal(sl_proxy_start(&p, &r->err), 0);
	r->o.launcher = r->own;
	r->o.proxy = p;
	e = sl_box_prepare(&r->o, &r->b, &r->err);
	assert_int_equal(e, SL_E(UNSUPPORTED));
	rig_free(r);
	sl_proxy_stop(p);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(tries_each_address),
		cmocka_unit_test(lies),
		cmocka_unit_test(lies_without_end),
		cmocka_unit_test(asks),
		cmocka_unit_test(none_from_a_launcher),
		cmocka_unit_test(keeps_none_that_it_closed),
		cmocka_unit_test(keeps_none_of_an_act),
		cmocka_unit_test(asks_between_acts),
	};
	int r;

	rig_is_launched = false;
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 77;
	r = run_suite("box/proxy", t, SL_ARRAY_LEN(t));
	place_remove(&place);
	return r;
}
