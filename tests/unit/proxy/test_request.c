/* test_request.c -- proxy/request: what is a request, to whom, and what is none. */
#include "t.h"

#include "proxy/request.h"

#define L64 "a234567890123456789012345678901234567890123456789012345678901234"
#define END "\r\n\r\n"

/* Every prefix is either incomplete or refused with what the whole is refused with. */
static int
parse(const char *text, size_t len, struct sl_proxy_req *ret)
{
	const uint8_t *d = at_edge(text, len);
	int whole = sl_proxy_http((struct sl_slice){ d, len }, ret);

	for (size_t i = 0; len < 4096 && i < len; i++) {
		struct sl_proxy_req q;
		int n = sl_proxy_http((struct sl_slice){ at_edge(text, i), i }, &q);

		if (n != 0 && n != whole)
			fail_msg("prefix %zu of %s: %d, whole %d", i, text, n, whole);
	}
	return whole;
}

static void
taken(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port, act;
		const char *out; /* of plain HTTP */
	} t[] = {
		{ "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443" END,
		  "example.org", 443, SL_PROXY_CONNECT, NULL },
		{ "CONNECT EXAMPLE.org:443 HTTP/1.0" END, "example.org", 443,
		  SL_PROXY_CONNECT, NULL },
		{ "CONNECT example.org:8443 HTTP/1.1\r\nHost: Example.ORG" END,
		  "example.org", 8443, SL_PROXY_CONNECT, NULL },
		{ "CONNECT [2001:DB8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443" END,
		  "2001:db8::1", 443, SL_PROXY_CONNECT, NULL },
		{ "CONNECT 127.0.0.9:22 HTTP/1.1\r\nhost:\t127.0.0.9:22 \r\n"
		  "Proxy-Authorization: Basic eDp5" END,
		  "127.0.0.9", 22, SL_PROXY_CONNECT, NULL },
		{ "GET http://example.org/ HTTP/1.1\r\nHost: example.org" END,
		  "example.org", 80, SL_PROXY_HTTP,
		  "GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close" END },
		{ "GET HTTP://Example.Org:80/a?b=c://d HTTP/1.1\r\nHOST: example.org" END,
		  "example.org", 80, SL_PROXY_HTTP,
		  "GET /a?b=c://d HTTP/1.1\r\nHost: example.org\r\nConnection: "
		  "close" END },
		{ "GET http://example.org?x HTTP/1.0" END, "example.org", 80,
		  SL_PROXY_HTTP,
		  "GET /?x HTTP/1.0\r\nHost: example.org\r\nConnection: close" END },
		{ "POST http://[::1]:81/ HTTP/1.1\r\nHost: [::1]:81\r\nA: b\r\n"
		  "Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nUpgrade: h2c\r\n"
		  "Keep-Alive: 1\r\nTE: trailers\r\nContent-Length: 3\r\nZ:" END,
		  "::1", 81, SL_PROXY_HTTP,
		  "POST / HTTP/1.1\r\nHost: [::1]:81\r\nA: b\r\nContent-Length: 3\r\n"
		  "Z: \r\nConnection: close" END },
		{ "PUT http://a:8080/x HTTP/1.1\r\nHost: A:8080\r\n"
		  "Transfer-Encoding: Chunked" END,
		  "a", 8080, SL_PROXY_HTTP,
		  "PUT /x HTTP/1.1\r\nHost: a:8080\r\nTransfer-Encoding: Chunked\r\n"
		  "Connection: close" END },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_BUF out = { .max = 1 << 16 };
		struct sl_proxy_req r, again;
		size_t len = strlen(t[i].text);

		if (parse(t[i].text, len, &r) != (int)len)
			fail_msg("%s: %d", t[i].text, parse(t[i].text, len, &r));
		assert_string_equal(r.to.host, t[i].host);
		assert_int_equal(r.to.port, t[i].port);
		assert_int_equal(r.act, t[i].act);
		if (t[i].out == NULL)
			continue;
		sl_proxy_http_write(&r, &out);
		assert_string_equal((char *)out.p, t[i].out);
		/* What goes on is no request to a proxy again. */
		assert_int_equal(sl_proxy_http(sl_buf_get(&out), &again),
				 -SL_PROXY_WHY_FORM);
	}
}

#define GET "GET http://a/ HTTP/1.1\r\nHost: a"
#define CON "CONNECT a:443 HTTP/1.1\r\nHost: a:443"

static void
refused(void **state)
{
	static const struct {
		const char *text;
		int why;
	} t[] = {
		/* the target */
		{ "CONNECT example.org.:443 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT example.org HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT example.org:0443 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT example.org:0 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT example.org:65536 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT example.org:+443 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT user@example.org:443 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT exa%6dple.org:443 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT [fe80::1%25lo]:443 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT b\xc3\xbc"
		  "cher.example:443 HTTP/1.1" END,
		  SL_PROXY_WHY_HOST },
		{ "CONNECT 2130706433:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT 0177.0.0.1:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT 0x7f000001:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT 127.1:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT 127.0.0.01:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT [::ffff:127.0.0.1]:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT 0.0.0.0:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT [127.0.0.1]:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT ::1:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT " L64 ".a:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT a..b:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT -a.b:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT a_b:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT http://a:80 HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "CONNECT a:80/x HTTP/1.1" END, SL_PROXY_WHY_HOST },
		{ "GET http://a:/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_HOST },
		{ "GET http:/// HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_HOST },
		{ "GET http://a@b/ HTTP/1.1\r\nHost: b" END, SL_PROXY_WHY_HOST },
		{ "GET http://a\\b/ HTTP/1.1\r\nHost: b" END, SL_PROXY_WHY_HOST },
		{ "GET http://[::1/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_HOST },
		{ "GET http://[]/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_HOST },
		{ "GET http://[1.2.3.4]/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_HOST },
		/* the line */
		{ "GET / HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET //a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "OPTIONS * HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET a:80 HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET https://a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_SCHEME },
		{ "GET ftp://a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_SCHEME },
		{ "GET http://a/ HTTP/2.0" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/ HTTP/1.2" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/ http/1.1" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/" END, SL_PROXY_WHY_FORM },
		{ "GET  http://a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/ HTTP/1.1 \r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/b c HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/#b HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET http://a#b HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "GET http://a/\xe4 HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "connect a:443 HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SL_PROXY_WHY_FORM },
		{ " GET http://a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "\r\nGET http://a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_LINE },
		{ "GET\thttp://a/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_FORM },
		{ "\x16\x03\x01", SL_PROXY_WHY_FORM },
		/* the fields */
		{ "GET http://a/ HTTP/1.1\nHost: a\n\n", SL_PROXY_WHY_LINE },
		{ GET "\nX: y" END, SL_PROXY_WHY_LINE },
		{ GET "\rX: y" END, SL_PROXY_WHY_LINE },
		{ GET "\r\r\n", SL_PROXY_WHY_LINE },
		{ GET "\r\n b" END, SL_PROXY_WHY_LINE },
		{ GET "\r\n\tb" END, SL_PROXY_WHY_LINE },
		{ "GET http://a/ HTTP/1.1\r\n Host: a" END, SL_PROXY_WHY_LINE },
		{ GET "\r\nX : y" END, SL_PROXY_WHY_FORM },
		{ GET "\r\n: y" END, SL_PROXY_WHY_FORM },
		{ GET "\r\nXy" END, SL_PROXY_WHY_FORM },
		{ GET "\r\nX\x7f: y" END, SL_PROXY_WHY_FORM },
		{ GET "\r\nX: \x01" END, SL_PROXY_WHY_FORM },
		{ GET "\r\nConnection: Host" END, SL_PROXY_WHY_FORM },
		{ GET "\r\nConnection: close, content-length\r\nContent-Length: 1" END,
		  SL_PROXY_WHY_FORM },
		{ GET "\r\nConnection: a b" END, SL_PROXY_WHY_FORM },
		/* Host */
		{ "GET http://a/ HTTP/1.1" END, SL_PROXY_WHY_DIFFERS },
		{ "CONNECT a:443 HTTP/1.1" END, SL_PROXY_WHY_DIFFERS },
		{ GET "\r\nHost: a" END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a/ HTTP/1.1\r\nHost: b" END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a/ HTTP/1.1\r\nHost: a." END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a/ HTTP/1.1\r\nHost: a:81" END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a:81/ HTTP/1.1\r\nHost: a" END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a/ HTTP/1.1\r\nHost:" END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a/ HTTP/1.1\r\nHost: a, a" END, SL_PROXY_WHY_DIFFERS },
		{ "GET http://a/ HTTP/1.0\r\nHost: b" END, SL_PROXY_WHY_DIFFERS },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: b:443" END, SL_PROXY_WHY_DIFFERS },
		{ "CONNECT a:443 HTTP/1.1\r\nHost: a:80" END, SL_PROXY_WHY_DIFFERS },
		/* smuggling */
		{ GET "\r\nContent-Length: 1\r\nTransfer-Encoding: chunked" END,
		  SL_PROXY_WHY_LENGTH },
		{ GET "\r\nTransfer-Encoding: chunked\r\nContent-Length: 1" END,
		  SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length: 1\r\nContent-Length: 1" END,
		  SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length: 1, 1" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length: +1" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length: -1" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length: 0x1" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length:" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nContent-Length: 1234567890123456789" END,
		  SL_PROXY_WHY_LENGTH },
		{ GET "\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked" END,
		  SL_PROXY_WHY_LENGTH },
		{ GET "\r\nTransfer-Encoding: gzip, chunked" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nTransfer-Encoding: xchunked" END, SL_PROXY_WHY_LENGTH },
		{ GET "\r\nTransfer-Encoding: identity" END, SL_PROXY_WHY_LENGTH },
		{ "GET http://a/ HTTP/1.0\r\nTransfer-Encoding: chunked" END,
		  SL_PROXY_WHY_LENGTH },
		{ CON "\r\nContent-Length: 1" END, SL_PROXY_WHY_LENGTH },
		{ CON "\r\nTransfer-Encoding: chunked" END, SL_PROXY_WHY_LENGTH },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_proxy_req r;
		int n = parse(t[i].text, strlen(t[i].text), &r);

		if (n != -t[i].why)
			fail_msg("%s: %d, not %d", t[i].text, n, -t[i].why);
	}
}

static void
with_nul(void **state)
{
	static const char host[] = "CONNECT a\0b:443 HTTP/1.1\r\nHost: a" END;
	static const char value[] = GET "\r\nX: \0" END;
	struct sl_proxy_req r;

	(void)state;
	assert_int_equal(parse(host, sizeof(host) - 1, &r), -SL_PROXY_WHY_FORM);
	assert_int_equal(parse(value, sizeof(value) - 1, &r), -SL_PROXY_WHY_FORM);
}

/* A head of n fields, or with one field of n bytes. */
static int
large(size_t n, bool is_one)
{
	SL_AUTO_BUF b = { .max = 1 << 20 };
	struct sl_proxy_req r;

	sl_buf_str(&b, GET);
	for (size_t i = 0; i < n && !is_one; i++)
		sl_buf_str(&b, "\r\nA: b");
	if (is_one)
		sl_buf_str(&b, "\r\nA: ");
	for (size_t i = 0; i < n && is_one; i++)
		sl_buf_byte(&b, 'x');
	sl_buf_str(&b, END);
	return sl_proxy_http(sl_buf_get(&b), &r);
}

static void
bounds(void **state)
{
	const size_t rest = strlen(GET "\r\nA: " END);

	(void)state;
	assert_true(large(SL_PROXY_FIELDS_MAX - 1, false) > 0);
	assert_int_equal(large(SL_PROXY_FIELDS_MAX, false), -SL_PROXY_WHY_SIZE);
	assert_int_equal(large(SL_PROXY_HEAD_MAX - rest, true), SL_PROXY_HEAD_MAX);
	assert_int_equal(large(SL_PROXY_HEAD_MAX - rest + 1, true), -SL_PROXY_WHY_SIZE);
}

/* --- SOCKS --- */

static int
socks(const char *d, size_t n, struct sl_proxy_req *r)
{
	int whole = sl_proxy_socks((struct sl_slice){ at_edge(d, n), n }, r);

	for (size_t i = 0; i < n && whole > 0 && i < (size_t)whole; i++) {
		struct sl_proxy_req q;

		assert_int_equal(
		    sl_proxy_socks((struct sl_slice){ at_edge(d, i), i }, &q), 0);
	}
	return whole;
}

static void
socks_taken(void **state)
{
	static const struct {
		const char *d;
		size_t n;
		const char *host;
		unsigned port;
	} t[] = {
		{ "\5\1\0\1\x7f\0\0\x09\x1f\x90", 10, "127.0.0.9", 8080 },
		{ "\5\1\0\3\1a\0\x50", 8, "a", 80 },
		{ "\5\1\0\3\x0b"
		  "Example.ORG\1\xbb",
		  18, "example.org", 443 },
		{ "\5\1\0\3\x09"
		  "127.0.0.9\0\x50",
		  16, "127.0.0.9", 80 },
		{ "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50", 22, "::1", 80 },
	};
	struct sl_proxy_req r;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		assert_int_equal(socks(t[i].d, t[i].n, &r), t[i].n);
		assert_string_equal(r.to.host, t[i].host);
		assert_int_equal(r.to.port, t[i].port);
		assert_int_equal(r.act, SL_PROXY_SOCKS5);
	}
	assert_int_equal(
	    sl_proxy_socks_hello((struct sl_slice){ at_edge("\5\1\0", 3), 3 }), 3);
	assert_int_equal(
	    sl_proxy_socks_hello((struct sl_slice){ at_edge("\5\3\2\1\0x", 6), 6 }), 5);
	assert_int_equal(
	    sl_proxy_socks_hello((struct sl_slice){ at_edge("\5\3\2\1", 4), 4 }), 0);
	assert_int_equal(sl_proxy_socks_hello((struct sl_slice){ at_edge("\5", 1), 1 }),
			 0);
}

static void
socks_refused(void **state)
{
	static const struct {
		const char *d;
		size_t n;
		int why;
	} t[] = {
		{ "\4\1\0\1\x7f\0\0\1\0\x50", 10, SL_PROXY_WHY_SOCKS },
		{ "\5\1\1\1\x7f\0\0\1\0\x50", 10, SL_PROXY_WHY_SOCKS },
		{ "\5\1\0\2\x7f\0\0\1\0\x50", 10, SL_PROXY_WHY_SOCKS },
		{ "\5\2\0\1\x7f\0\0\1\0\x50", 10, SL_PROXY_WHY_COMMAND },
		{ "\5\3\0\1\x7f\0\0\1\0\x50", 10, SL_PROXY_WHY_COMMAND },
		{ "\5\1\0\1\x7f\0\0\1\0\0", 10, SL_PROXY_WHY_HOST },
		{ "\5\1\0\1\0\0\0\0\0\x50", 10, SL_PROXY_WHY_HOST },
		{ "\5\1\0\1\xe0\0\0\1\0\x50", 10, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\0\0\x50", 7, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\3a\0b\0\x50", 10, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\2a.\0\x50", 9, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\4\x61%41\0\x50", 11, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\x0a"
		  "2130706433\0\x50",
		  17, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\3::1\0\x50", 10, SL_PROXY_WHY_HOST },
		{ "\5\1\0\3\4a:80\0\x50", 11, SL_PROXY_WHY_HOST },
		{ "\5\1\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1\0\x50", 22,
		  SL_PROXY_WHY_HOST },
		{ "\5\1\0\4\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50", 22,
		  SL_PROXY_WHY_HOST },
	};
	struct sl_proxy_req r;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++)
		if (socks(t[i].d, t[i].n, &r) != -t[i].why)
			fail_msg("row %zu: %d", i, socks(t[i].d, t[i].n, &r));
	assert_int_equal(sl_proxy_socks_hello(SL_LIT("\4\1\0")), -SL_PROXY_WHY_SOCKS);
	assert_int_equal(sl_proxy_socks_hello(SL_LIT("\5\0")), -SL_PROXY_WHY_SOCKS);
	assert_int_equal(sl_proxy_socks_hello(SL_LIT("\5\1\2")), -SL_PROXY_WHY_METHOD);
}

/* --- bodies --- */

/* Fed in pieces of every size: bytes taken, or what is wrong. */
static int
feed(const char *text, bool is_chunked, uint64_t len, bool *ret_done)
{
	const struct sl_proxy_req r = { .is_chunked = is_chunked, .len_body = len };
	size_t n = strlen(text);
	int first = 0;

	for (size_t step = 1; step <= n; step++) {
		struct sl_proxy_body b;
		int got = 0;

		sl_proxy_body_init(&b, &r);
		for (size_t at = 0; at < n && got >= 0; at += step) {
			size_t part = n - at < step ? n - at : step;
			int e = sl_proxy_body(
			    &b, (struct sl_slice){ (const uint8_t *)text + at, part });

			got = e < 0 ? e : got + e;
			if (e >= 0 && (size_t)e < part)
				break;
		}
		if (step > 1 && (got != first || *ret_done != b.is_done))
			fail_msg("%s in pieces of %zu: %d, not %d", text, step, got,
				 first);
		first = got;
		*ret_done = b.is_done;
	}
	return first;
}

static void
bodies(void **state)
{
	static const struct {
		const char *text;
		bool is_chunked;
		uint64_t len;
		int taken;
		bool is_done;
	} t[] = {
		{ "abc", false, 3, 3, true },
		{ "abcGET http://b/", false, 3, 3, true },
		{ "G", false, 0, 0, true },
		{ "ab", false, 3, 2, false },
		{ "0\r\n\r\n", true, 0, 5, true },
		{ "3\r\nabc\r\n0\r\n\r\nGET", true, 0, 13, true },
		{ "A\r\n0123456789\r\n1\r\nx\r\n00\r\n\r\n", true, 0, 27, true },
		{ "3\r\nabc\r\n", true, 0, 8, false },
		{ "3;x\r\nabc\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "3 \r\nabc\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "0x3\r\nabc\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "\r\nabc", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "-1\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "3\nabc\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "3\r\nabcd\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "3\r\nabc\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "0\r\nHost: b\r\n\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
		{ "000000003\r\nabc\r\n", true, 0, -SL_PROXY_WHY_CHUNK, false },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		bool is_done = false;
		int n = feed(t[i].text, t[i].is_chunked, t[i].len, &is_done);

		if (n != t[i].taken || (n >= 0 && is_done != t[i].is_done))
			fail_msg("%s: %d", t[i].text, n);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(taken),       cmocka_unit_test(refused),
		cmocka_unit_test(with_nul),    cmocka_unit_test(bounds),
		cmocka_unit_test(socks_taken), cmocka_unit_test(socks_refused),
		cmocka_unit_test(bodies),
	};

	return run_suite("proxy/request", t, SL_ARRAY_LEN(t));
}
