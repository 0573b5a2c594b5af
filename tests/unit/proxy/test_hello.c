/* test_hello.c -- proxy/hello: the server's name in a ClientHello, or that there is no
 * such thing. */
#include "t.h"

#include "proxy/request.h"

/* What a hello is made of; zeroed where it is as it should be. */
struct make {
	const char *name;  /* NULL: no such extension */
	size_t len_name;   /* 0: its length */
	size_t record;     /* bytes of the message in one record; 0: all */
	int type, version; /* of the record; of the message: -1 for none such */
	int n_names, n_ext;
	int more;      /* bytes after the message in its last record */
	int cut;       /* bytes that its length says too many */
	bool is_plain; /* no extensions at all */
	bool is_text;  /* the name's type is not host_name */
	size_t pad;    /* bytes of another extension */
};

static void
num(struct sl_buf *b, size_t v, int n)
{
	while (n-- > 0)
		sl_buf_byte(b, (uint8_t)(v >> (8 * n)));
}

static void
put_name(struct sl_buf *b, const struct make *m)
{
	size_t len = m->len_name != 0 ? m->len_name : strlen(m->name);
	size_t n = m->n_names != 0 ? (size_t)m->n_names : 1;

	num(b, 0, 2);
	num(b, 2 + n * (3 + len), 2);
	num(b, n * (3 + len), 2);
	for (size_t i = 0; i < n; i++) {
		num(b, m->is_text ? 1 : 0, 1);
		num(b, len, 2);
		sl_buf_put(b, m->name, len);
	}
}

static void
put_hello(struct sl_buf *out, const struct make *m)
{
	static const uint8_t random[32] = { 1, 2, 3 };
	SL_AUTO_BUF ext = { .max = 1 << 20 };
	SL_AUTO_BUF b = { .max = 1 << 20 };

	num(&b, 0x0303 + (unsigned)m->version, 2);
	sl_buf_put(&b, random, 32);
	num(&b, 32, 1);
	sl_buf_put(&b, random, 32);
	num(&b, 4, 2);
	num(&b, 0x13011302, 4);
	num(&b, 1, 1);
	num(&b, 0, 1);
	num(&ext, 43, 2);
	num(&ext, 3 + m->pad, 2);
	num(&ext, 0x020304, 3);
	for (size_t i = 0; i < m->pad; i++)
		num(&ext, 0, 1);
	for (int i = 0; m->name != NULL && i < (m->n_ext != 0 ? m->n_ext : 1); i++)
		put_name(&ext, m);
	if (!m->is_plain) {
		num(&b, ext.len, 2);
		sl_buf_slice(&b, sl_buf_get(&ext));
	}
	num(out, 1, 1);
	num(out, b.len + (size_t)m->cut, 3);
	sl_buf_slice(out, sl_buf_get(&b));
	for (int i = 0; i < m->more; i++)
		num(out, 0, 1);
}

/* Whole; and no part of it is more than "not yet", or wrong in the same way. */
static int
parse(const struct make *m, char name[SL_HOST_MAX + 1])
{
	SL_AUTO_BUF hello = { .max = 1 << 20 };
	SL_AUTO_BUF out = { .max = 1 << 20 };
	size_t step;
	int whole;

	put_hello(&hello, m);
	step = m->record != 0 ? m->record : hello.len;
	for (size_t at = 0; at < hello.len; at += step) {
		size_t n = hello.len - at < step ? hello.len - at : step;

		num(&out, m->type != 0 ? (size_t)m->type : 22, 1);
		num(&out, 0x0301, 2);
		num(&out, n, 2);
		sl_buf_put(&out, hello.p + at, n);
	}
	whole =
	    sl_proxy_hello((struct sl_slice){ at_edge(out.p, out.len), out.len }, name);
	for (size_t i = 0; i < out.len && out.len < 2048; i++) {
		char part[SL_HOST_MAX + 1];
		int e = sl_proxy_hello((struct sl_slice){ at_edge(out.p, i), i }, part);

		if (e != 0 && (e > 0 ? i < (size_t)whole : e != whole))
			fail_msg("a prefix of %zu gives %d, the whole %d", i, e, whole);
	}
	if (whole > 0)
		assert_int_equal(whole, out.len);
	return whole;
}

static void
named(void **state)
{
	static const struct {
		struct make m;
		const char *name;
	} t[] = {
		{ { .name = "example.org" }, "example.org" },
		{ { .name = "EXAMPLE.Org" }, "example.org" },
		{ { .name = "example.org", .record = 1 }, "example.org" },
		{ { .name = "example.org", .record = 7 }, "example.org" },
		{ { .name = "example.org", .pad = 9000 }, "example.org" },
		{ { .name = NULL }, "" },
		{ { .is_plain = true }, "" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		char name[SL_HOST_MAX + 1] = "x";

		if (parse(&t[i].m, name) <= 0)
			fail_msg("row %zu: %d", i, parse(&t[i].m, name));
		assert_string_equal(name, t[i].name);
	}
}

static void
refused(void **state)
{
	static const struct {
		struct make m;
		int why;
	} t[] = {
		{ { .name = "a", .type = 23 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .version = -0x100 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .n_names = 2 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .n_ext = 2 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .more = 1 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .more = 1, .cut = 1 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .is_text = true }, SL_PROXY_WHY_TLS },
		{ { .name = "" }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .pad = 16400 }, SL_PROXY_WHY_TLS },
		{ { .name = "a", .pad = 8000, .record = 1 }, SL_PROXY_WHY_TLS },
		{ { .name = "a." }, SL_PROXY_WHY_NAME },
		{ { .name = "127.0.0.1" }, SL_PROXY_WHY_NAME },
		{ { .name = "a\0b", .len_name = 3 }, SL_PROXY_WHY_NAME },
		{ { .name = "a b" }, SL_PROXY_WHY_NAME },
		{ { .name = "::1" }, SL_PROXY_WHY_NAME },
	};
	char name[SL_HOST_MAX + 1];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++)
		if (parse(&t[i].m, name) != -t[i].why)
			fail_msg("row %zu: %d", i, parse(&t[i].m, name));
	assert_int_equal(sl_proxy_hello(SL_LIT("SSH-2.0-x"), name), -SL_PROXY_WHY_TLS);
	assert_int_equal(sl_proxy_hello(SL_LIT("\x16\x02"), name), -SL_PROXY_WHY_TLS);
	assert_int_equal(sl_proxy_hello(SL_LIT("\x16\x03\x01\0\0"), name),
			 -SL_PROXY_WHY_TLS);
	assert_int_equal(sl_proxy_hello(SL_LIT("\x16\x03\x01\0\1\2"), name),
			 -SL_PROXY_WHY_TLS);
	/* It says that more comes: that is waited for. */
	assert_int_equal(parse(&(struct make){ .name = "a", .cut = 1 }, name), 0);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(named),
					cmocka_unit_test(refused) };

	return run_suite("proxy/hello", t, SL_ARRAY_LEN(t));
}
