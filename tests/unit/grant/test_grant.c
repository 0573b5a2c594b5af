/* test_grant.c -- grant/grant: canonical form, order, intersection. */
#include "t.h"

#include "grant/grant.h"

static const struct sl_limits lim = { 1 << 20, 10000, 16 };

static struct sl_grant
sample(struct sl_grant_fs *fs, size_t n)
{
	struct sl_grant g;

	sl_grant_init(&g);
	g.fs = fs;
	g.n_fs = n;
	return g;
}

static const struct sl_grant *
round_trip(struct sl_arena *a, const struct sl_grant *g)
{
	struct sl_jb b = { .a = a };
	SL_AUTO_BUF text = { .max = 1 << 20 };
	const struct sl_grant *ret = NULL;
	struct sl_json *v = NULL;
	struct sl_err err = { 0 };

	assert_int_equal(sl_json_jcs(sl_grant_json(&b, g), &text, &err), 0);
	assert_int_equal(sl_json_parse(sl_buf_get(&text), &lim, a, &v, &err), 0);
	assert_int_equal(sl_grant_parse(v, a, &ret, &err), 0);
	return ret;
}

static void
test_round_trip(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_grant_fs fs[] = { { SL_LIT("/srv/x"), SL_ACC_READ | SL_ACC_EXEC },
				    { SL_LIT("/srv/y"), SL_ACC_READ | SL_ACC_WRITE } };
	struct sl_slice names[] = { SL_LIT("A"), SL_LIT("B") };
	struct sl_grant_net net[] = { { SL_LIT("example.test"), 443, false },
				      { SL_LIT("10.0.0.1"), 1, true },
				      { SL_LIT("::1"), 65535, true } };
	struct sl_grant g = sample(fs, 2);
	const struct sl_grant *h;
	uint8_t d1[32], d2[32];
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 4 << 20);
	g.root = SL_LIT("sha256:0123456789abcdef0123456789abcdef0123456789abcdef"
			"0123456789abcdef");
	g.env = names;
	g.n_env = 2;
	g.secrets = names;
	g.n_secrets = 1;
	g.ws_mode = SL_WS_OVERLAY;
	g.ws_path = SL_LIT("/home/u/p");
	g.is_tty = true;
	g.net = net;
	g.n_net = 3;
	h = round_trip(&a, &g);
	assert_true(sl_grant_within(h, &g) && sl_grant_within(&g, h));
	assert_int_equal(h->n_net, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(h->net[i].is_address, net[i].is_address);
	assert_int_equal(sl_grant_digest(&g, d1, &err), 0);
	assert_int_equal(sl_grant_digest(h, d2, &err), 0);
	assert_memory_equal(d1, d2, 32);
	g.limit[SL_LIM_PIDS].max++;
	assert_int_equal(sl_grant_digest(&g, d2, &err), 0);
	assert_memory_not_equal(d1, d2, 32);
}

static void
test_paths(void **state)
{
	static const char *const good[] = { "/", "/a", "/a/b", "/a/..b", "/.a" };
	static const char *const bad[] = { "",   "a",     "/a/",   "//",    "/a//b",
					   "/.", "/a/..", "/../a", "/a/./b" };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
		assert_true(sl_path_is_canonical(sl_slice_str(good[i])));
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_false(sl_path_is_canonical(sl_slice_str(bad[i])));
	assert_false(
	    sl_path_is_canonical((struct sl_slice){ (const uint8_t *)"/a\0b", 4 }));
	assert_true(sl_path_is_below(SL_LIT("/a/b"), SL_LIT("/a")));
	assert_true(sl_path_is_below(SL_LIT("/a"), SL_LIT("/a")));
	assert_true(sl_path_is_below(SL_LIT("/a"), SL_LIT("/")));
	assert_false(sl_path_is_below(SL_LIT("/ab"), SL_LIT("/a")));
	assert_false(sl_path_is_below(SL_LIT("/"), SL_LIT("/a")));
}

/* Each is one edit of a good grant that must be refused. */
static void
test_refused(void **state)
{
	static const struct {
		const char *from, *to;
		int code;
	} rows[] = {
		{ "\"net\":\"none\"", "\"net\":\"all\"", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[]", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":{}", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[1]", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{}]", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"a.test\"}]", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"port\":1}]", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"a.test\",\"port\":0}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"a.test\",\"port\":65536}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"a.test\",\"port\":\"1\"}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"A.test\",\"port\":1}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"[::1]\",\"port\":1}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"::01\",\"port\":1}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"010.0.0.1\",\"port\":1}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"",
		  "\"net\":[{\"host\":\"::ffff:1.2.3.4\",\"port\":1}]", SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":[{\"host\":\"a.test:80\",\"port\":1}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"",
		  "\"net\":[{\"host\":\"a.test\",\"port\":1,\"udp\":true}]",
		  SL_E(UNKNOWN) },
		{ "\"net\":\"none\"",
		  "\"net\":[{\"host\":\"a.test\",\"port\":1},{\"host\":\"a.test\","
		  "\"port\":1}]",
		  SL_E(FORMAT) },
		{ "\"net\":\"none\"", "\"net\":\"none\",\"x\":1", SL_E(UNKNOWN) },
		{ "\"access\":\"rx\"", "\"access\":\"xr\"", SL_E(FORMAT) },
		{ "\"access\":\"rx\"", "\"access\":\"\"", SL_E(FORMAT) },
		{ "\"access\":\"rx\"", "\"access\":\"rx\",\"y\":0", SL_E(UNKNOWN) },
		{ "/srv/x", "/srv/../x", SL_E(FORMAT) },
		{ "\"fs\":[", "\"fs\":[{\"access\":\"r\",\"path\":\"/srv/x\"},",
		  SL_E(FORMAT) },
		{ "\"mode\":\"none\"", "\"mode\":\"magic\"", SL_E(FORMAT) },
		{ "\"mode\":\"none\"", "\"mode\":\"direct\"", SL_E(FORMAT) },
		{ "\"pids\":", "\"pigs\":", SL_E(UNKNOWN) },
		{ "\"class\":\"watched\"", "\"class\":\"hoped\"", SL_E(FORMAT) },
		{ "\"env\":[]", "\"env\":[\"\"]", SL_E(FORMAT) },
		{ "\"env\":[]", "\"env\":{}", SL_E(FORMAT) },
		{ "\"host:\"", "\"\"", SL_E(FORMAT) },
		{ "\"host:\"", "\"host:debian\"", SL_E(FORMAT) },
		{ "\"host:\"", "\"sha256:00\"", SL_E(FORMAT) },
		{ "\"host:\"", "\"/srv/root\"", SL_E(FORMAT) },
		{ "\"host:\"",
		  "\"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef"
		  "0123456789abcdef\"",
		  SL_E(FORMAT) },
		{ "\"host:\"", "1", SL_E(FORMAT) },
	};
	SL_AUTO_ARENA a = { 0 };
	struct sl_grant_fs fs[] = { { SL_LIT("/srv/x"), SL_ACC_READ | SL_ACC_EXEC } };
	struct sl_grant g = sample(fs, 1);
	struct sl_jb b = { .a = &a };
	SL_AUTO_BUF text = { .max = 1 << 20 };
	struct sl_err none = { 0 };

	(void)state;
	sl_arena_init(&a, 16 << 20);
	assert_int_equal(sl_json_jcs(sl_grant_json(&b, &g), &text, &none), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		char *at = strstr((char *)text.p, rows[i].from);
		SL_AUTO_BUF edited = { .max = 1 << 20 };
		const struct sl_grant *ret = NULL;
		struct sl_json *v = NULL;
		struct sl_err err = { 0 };

		assert_non_null(at);
		sl_buf_put(&edited, text.p, (size_t)(at - (char *)text.p));
		sl_buf_str(&edited, rows[i].to);
		sl_buf_str(&edited, at + strlen(rows[i].from));
		assert_int_equal(sl_json_parse(sl_buf_get(&edited), &lim, &a, &v, &err),
				 0);
		assert_int_equal(sl_grant_parse(v, &a, &ret, &err), rows[i].code);
		assert_null(ret);
	}
}

static void
test_within(void **state)
{
	struct sl_grant_fs wide[] = { { SL_LIT("/a"), 7 } },
			   deep[] = { { SL_LIT("/a/b"), 1 } };
	struct sl_grant_fs hole[] = { { SL_LIT("/a"), 7 }, { SL_LIT("/a/b"), 1 } };
	struct sl_grant w = sample(wide, 1), d = sample(deep, 1), h = sample(hole, 2), x;
	struct sl_slice name = SL_LIT("S");

	(void)state;
	assert_true(sl_grant_within(&d, &w));
	assert_false(sl_grant_within(&w, &d));
	assert_true(sl_grant_within(&h, &w));
	assert_false(sl_grant_within(&w, &h)); /* w gives more at /a/b */
	x = w;
	x.is_tty = true;
	assert_false(sl_grant_within(&x, &w));
	x = w;
	x.secrets = &name;
	x.n_secrets = 1;
	assert_false(sl_grant_within(&x, &w));
	assert_true(sl_grant_within(&w, &x));
	x = w;
	x.limit[SL_LIM_DISK].max++;
	assert_false(sl_grant_within(&x, &w));
	x = w;
	x.limit[SL_LIM_DISK].class = SL_LC_NONE;
	assert_false(sl_grant_within(&x, &w));
	x = w;
	x.ws_mode = SL_WS_DIRECT;
	x.ws_path = SL_LIT("/a");
	assert_false(sl_grant_within(&x, &w));
	x = w;
	x.tier = SL_LIT("T0");
	assert_false(sl_grant_within(&x, &w));
}

/* A network: what both list, by host and port together. */
static void
test_net(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_grant_net n1[] = { { SL_LIT("a.test"), 443, false },
				     { SL_LIT("10.0.0.1"), 80, true } },
			    n2[] = { { SL_LIT("a.test"), 80, false },
				     { SL_LIT("10.0.0.1"), 80, true },
				     { SL_LIT("b.test"), 443, false } };
	struct sl_grant x = sample(NULL, 0), y = sample(NULL, 0);
	const struct sl_grant *r = NULL;
	struct sl_err err = { 0 };
	char text[SL_NET_TEXT_MAX];
	uint8_t d1[32], d2[32];

	(void)state;
	sl_arena_init(&a, 1 << 20);
	x.net = n1;
	x.n_net = 2;
	assert_false(sl_grant_within(&x, &y));
	assert_true(sl_grant_within(&y, &x));
	y.net = n2;
	y.n_net = 3;
	assert_false(sl_grant_within(&x, &y));
	assert_false(sl_grant_within(&y, &x));
	assert_int_equal(sl_grant_intersect(&x, &y, &a, &r, &err), 0);
	assert_int_equal(r->n_net, 1);
	assert_true(sl_slice_eq(r->net[0].host, SL_LIT("10.0.0.1")));
	assert_true(sl_grant_within(r, &x) && sl_grant_within(r, &y));
	assert_int_equal(sl_grant_digest(&x, d1, &err), 0);
	n1[0].port++;
	assert_int_equal(sl_grant_digest(&x, d2, &err), 0);
	assert_memory_not_equal(d1, d2, 32);
	n1[0].host = SL_LIT("2001:db8::1");
	(void)sl_grant_net_text(&n1[0], text);
	assert_string_equal(text, "[2001:db8::1]:444");
}

static void
test_intersect(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_grant_fs f1[] = { { SL_LIT("/a"), 5 }, { SL_LIT("/c"), 7 } };
	struct sl_grant_fs f2[] = { { SL_LIT("/a/b"), 3 }, { SL_LIT("/d"), 1 } };
	struct sl_grant x = sample(f1, 2), y = sample(f2, 2);
	const struct sl_grant *r = NULL;
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	y.limit[SL_LIM_PIDS].max = 3;
	assert_int_equal(sl_grant_intersect(&x, &y, &a, &r, &err), 0);
	assert_int_equal(r->n_fs, 1);
	assert_true(sl_slice_eq(r->fs[0].path, SL_LIT("/a/b")));
	assert_int_equal(r->fs[0].access, SL_ACC_READ);
	assert_int_equal(r->limit[SL_LIM_PIDS].max, 3);
	assert_true(sl_grant_within(r, &x) && sl_grant_within(r, &y));
	y.root = SL_LIT("sha256:00");
	assert_int_equal(sl_grant_intersect(&x, &y, &a, &r, &err), SL_E(DENIED));
}

/* /a is common, but at /a/b one only reads and the other only executes. */
static void
test_intersect_hole(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_grant_fs f1[] = { { SL_LIT("/a"), 1 } };
	struct sl_grant_fs f2[] = { { SL_LIT("/a"), 1 }, { SL_LIT("/a/b"), 4 } };
	struct sl_grant x = sample(f1, 1), y = sample(f2, 2);
	const struct sl_grant *r = NULL;
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	assert_int_equal(sl_grant_intersect(&x, &y, &a, &r, &err), SL_E(DENIED));
	assert_null(r);
}

static void
test_memory(void **state)
{
	struct sl_grant_fs fs[] = { { SL_LIT("/a"), 5 }, { SL_LIT("/c"), 7 } };
	struct sl_grant x = sample(fs, 2);

	(void)state;
	for (unsigned long n = 1;; n++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_jb b = { .a = &a };
		const struct sl_grant *r = NULL;
		struct sl_err err = { 0 };
		struct sl_json *v;
		int q;

		sl_arena_init(&a, 1 << 20);
		v = sl_grant_json(&b, &x);
		assert_false(b.is_failed);
		a.fail_at = n;
		q = sl_grant_parse(v, &a, &r, &err);
		if (q == 0)
			break;
		assert_int_equal(q, SL_E(NOMEM));
		assert_null(r);
		assert_true(n < 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_net),
		cmocka_unit_test(test_intersect),
		cmocka_unit_test(test_intersect_hole),
		cmocka_unit_test(test_memory),
	};

	return run_suite("grant", tests, SL_ARRAY_LEN(tests));
}
