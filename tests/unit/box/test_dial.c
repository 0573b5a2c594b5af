/* test_dial.c -- names that are pinned: what the box is told of them, and that exactly
 * the pinned addresses are reached.  The listeners are of the host's loopback. */
#include "t.h"

#include "rig.h"

#include "place.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static struct place place;

/* A listener that only its queue serves; nobody accepts until the end. */
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

static const struct sl_obs *
observed(struct rig *r, const char *object)
{
	const struct sl_obs *o;
	struct sl_obs_lost lost;
	size_t n;

	sl_box_observations(r->b, &o, &n, &lost);
	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].class, "connect") == 0 &&
		    sl_slice_eq(o[i].object, sl_slice_str(object)))
			return &o[i];
	return NULL;
}

static void
runs(struct rig *r, const char *script, int status)
{
	int e = rig_sh(r, script);

	if (e < 0 || r->end.status != status)
		print_message("# %s: %d: %s%s%s\n", script, r->end.status, r->out,
			      r->errout, r->err.msg);
	assert_int_equal(e, 0);
	assert_int_equal(r->end.status, status);
}

static struct sl_addr
addr(const char *text)
{
	struct sl_addr a;

	assert_true(sl_addr_parse(sl_slice_str(text), &a));
	return a;
}

/* db.test leads to two addresses, of which one answers; it is told once for two ports. */
static void
reaches_what_is_pinned(void **state)
{
	uint16_t port = 0, other = 0;
	int s = listener("127.0.0.9", &port), t = listener("127.0.0.1", &other);
	struct sl_grant_net net[] = { { SL_LIT("db.test"), port, false },
				      { SL_LIT("db.test"), 1, false },
				      { SL_LIT("127.0.0.7"), 1, true } };
	struct sl_box_pin pin[] = { { 0, addr("127.0.0.8") },
				    { 0, addr("127.0.0.9") },
				    { 1, addr("127.0.0.8") },
				    { 1, addr("127.0.0.9") } };
	struct rig *r = rig_new();
	char script[512], object[128];
	const struct sl_obs *o;

	(void)state;
	r->g.net = net;
	r->g.n_net = 3;
	r->o.pins = pin;
	r->o.n_pins = 4;
	assert_int_equal(rig_open(r), 0);
	runs(r, "cat /etc/hosts", 0);
	assert_string_equal(r->out, "127.0.0.1 localhost sluice\n::1 localhost\n"
				    "127.0.0.8 db.test\n127.0.0.9 db.test\n");
	snprintf(script, sizeof(script),
		 "python3 -c 'import socket; c = socket.create_connection((\"DB.test\", "
		 "%u)); print(c.getpeername()[0])'",
		 port);
	runs(r, script, 0);
	assert_string_equal(r->out, "127.0.0.9\n");
	snprintf(object, sizeof(object), "db.test:%u (127.0.0.8)", port);
	o = observed(r, object);
	assert_non_null(o); /* tried first */
	assert_false(o->is_denied);
	assert_int_equal(o->err, ECONNREFUSED);
	snprintf(object, sizeof(object), "db.test:%u (127.0.0.9)", port);
	o = observed(r, object);
	assert_non_null(o);
	assert_false(o->is_denied);
	assert_int_equal(o->err, 0);
	/* Another port of the name is the box's own loopback, as it happens to lie there.
	 */
	snprintf(script, sizeof(script),
		 "python3 -c 'import socket\nfor p in %u, 2: print(socket.socket()."
		 "connect_ex((\"127.0.0.9\", p)))'",
		 other);
	runs(r, script, 0);
	assert_string_equal(r->out, "111\n111\n");
	rig_free(r);
	assert_int_equal(accepted(s), 1);
	assert_int_equal(accepted(t), 0);
}

/* What the box is told of names is in the digest that contexts have. */
static void
digest_has_the_pins(void **state)
{
	struct sl_grant_net net[] = { { SL_LIT("db.test"), 80, false } };
	struct sl_box_pin pin[] = { { 0, addr("192.0.2.1") } };
	char hex[3][65];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rig *r = rig_new();

		r->g.net = net;
		r->g.n_net = 1;
		r->o.pins = pin;
		r->o.n_pins = i > 0;
		pin[0].addr.b[3] = (uint8_t)i;
		assert_int_equal(rig_open(r), 0);
		sl_box_etc(r->b, hex[i]);
		rig_free(r);
	}
	assert_string_not_equal(hex[0], hex[1]);
	assert_string_not_equal(hex[1], hex[2]);
}

/* A name without an address reaches nothing. */
static void
no_pin_no_way(void **state)
{
	uint16_t port = 0;
	int s = listener("127.0.0.1", &port);
	struct sl_grant_net net[] = { { SL_LIT("db.test"), port, false } };
	struct rig *r = rig_new();
	char script[256];

	(void)state;
	r->g.net = net;
	r->g.n_net = 1;
	assert_int_equal(rig_open(r), 0);
	snprintf(script, sizeof(script),
		 "python3 -c 'import socket; socket.create_connection((\"db.test\", "
		 "%u))' 2>/dev/null",
		 port);
	runs(r, script, 1);
	snprintf(script, sizeof(script),
		 "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", "
		 "%u))' 2>/dev/null",
		 port);
	runs(r, script, 1);
	rig_free(r);
	assert_int_equal(accepted(s), 0);
}

static void
refuses_wrong_pins(void **state)
{
	struct sl_grant_net net[] = { { SL_LIT("192.0.2.1"), 80, true },
				      { SL_LIT("db.test"), 80, false } };
	struct sl_box_pin pin[] = { { 0, addr("192.0.2.2") }, { 2, addr("192.0.2.2") } };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rig *r = rig_new();

		if (i == 2)
			net[0].host = SL_LIT("localhost");
		r->g.net = net;
		r->g.n_net = 2;
		r->o.pins = &pin[i % 2];
		r->o.n_pins = i < 2;
		assert_int_equal(rig_open(r), SL_E(BUG));
		rig_free(r);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reaches_what_is_pinned),
		cmocka_unit_test(digest_has_the_pins),
		cmocka_unit_test(no_pin_no_way),
		cmocka_unit_test(refuses_wrong_pins),
	};
	int r;

	rig_is_launched = place_has(argc, argv, "launched");
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 77;
	r = run_suite("dial", tests, SL_ARRAY_LEN(tests));
	place_remove(&place);
	return r;
}
