/* fuzz_request.c -- what parses has a canonical target; what goes on has one request
 * line, one Host, and is refused as a request to a proxy; a body in two parts is the body
 * in one.  Trusted code base: proxy/{http,body,socks}.c, grant/hostport.c, base. */
#include "proxy/request.h"

#include <stdlib.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
check_target(const struct sl_proxy_req *r)
{
	struct sl_hostport h;
	struct sl_err err = { 0 };

	if (sl_host_parse(sl_slice_str(r->to.host), &h, &err) < 0 ||
	    strcmp(h.host, r->to.host) != 0 || r->to.port == 0)
		abort();
}

static void
check_body(const struct sl_proxy_req *r, struct sl_slice in)
{
	struct sl_proxy_body one, two;
	struct sl_slice half = { in.p, in.len / 2 };
	int a, b;

	sl_proxy_body_init(&one, r);
	sl_proxy_body_init(&two, r);
	a = sl_proxy_body(&one, in);
	b = sl_proxy_body(&two, half);
	if (b >= 0 && (size_t)b == half.len) {
		int c = sl_proxy_body(&two, sl_slice_skip(in, half.len));

		b = c < 0 ? c : b + c;
	}
	if (a != b || (a >= 0 && (one.is_done != two.is_done || (size_t)a > in.len)))
		abort();
}

static void
check_plain(const struct sl_proxy_req *r)
{
	SL_AUTO_BUF out = { .max = 2 * SL_PROXY_HEAD_MAX };
	struct sl_proxy_req again;
	size_t n_host = 0;

	sl_proxy_http_write(r, &out);
	/* The proxy makes its answer in the room of the request. */
	if (out.is_failed || out.len > SL_PROXY_HEAD_MAX + 512 ||
	    sl_proxy_http(sl_buf_get(&out), &again) >= 0)
		abort();
	for (size_t i = 0; i + 7 < out.len; i++)
		n_host += strncasecmp((char *)out.p + i, "\r\nhost:", 7) == 0;
	if (n_host != 1)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_slice in = { d, n };
	struct sl_proxy_req r;
	int used;

	if ((used = sl_proxy_http(in, &r)) > 0) {
		if ((size_t)used > n)
			abort();
		check_target(&r);
		if (r.act == SL_PROXY_HTTP)
			check_plain(&r);
		check_body(&r, sl_slice_skip(in, (size_t)used));
	}
	if ((used = sl_proxy_socks(in, &r)) > 0)
		check_target(&r);
	(void)sl_proxy_socks_hello(in);
	check_body(&(struct sl_proxy_req){ .is_chunked = true }, in);
	return 0;
}
