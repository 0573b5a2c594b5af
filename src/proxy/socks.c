/* socks.c -- SOCKS5, RFC 1928 (request.h): no authentication, CONNECT. */
#include "proxy/request.h"

enum { VERSION = 5, NO_AUTH = 0, CONNECT = 1, IPV4 = 1, DOMAIN = 3, IPV6 = 4 };

static int
no(enum sl_proxy_why why)
{
	return -(int)why;
}

int
sl_proxy_socks_hello(struct sl_slice in)
{
	size_t n;

	if (in.len > 0 && in.p[0] != VERSION)
		return no(SL_PROXY_WHY_SOCKS);
	if (in.len < 2)
		return 0;
	n = in.p[1];
	if (n == 0)
		return no(SL_PROXY_WHY_SOCKS);
	if (in.len < 2 + n)
		return 0;
	return memchr(in.p + 2, NO_AUTH, n) != NULL ? (int)(2 + n)
						    : no(SL_PROXY_WHY_METHOD);
}

/* The bytes of an address are one by their nature; their text is looked at again, for
 * what may not be listed may not be asked for. */
static int
take_address(struct sl_slice raw, uint8_t family, struct sl_hostport *ret)
{
	struct sl_addr a = { .family = family };
	char text[SL_ADDR_TEXT_MAX];
	struct sl_err err = { 0 };

	memcpy(a.b, raw.p, raw.len);
	sl_addr_text(&a, text);
	return sl_host_parse(sl_slice_str(text), ret, &err) < 0 ? no(SL_PROXY_WHY_HOST)
								: 0;
}

int
sl_proxy_socks(struct sl_slice in, struct sl_proxy_req *ret)
{
	struct sl_err err = { 0 };
	size_t at = 4, n;
	struct sl_slice raw;
	uint16_t port;
	int e = 0;

	*ret = (struct sl_proxy_req){ .act = SL_PROXY_SOCKS5 };
	if (in.len < 5)
		return in.len > 0 && in.p[0] != VERSION ? no(SL_PROXY_WHY_SOCKS) : 0;
	if (in.p[0] != VERSION || in.p[2] != 0)
		return no(SL_PROXY_WHY_SOCKS);
	switch (in.p[3]) {
	case IPV4:
		n = 4;
		break;
	case IPV6:
		n = 16;
		break;
	case DOMAIN:
		n = in.p[at++];
		break;
	default:
		return no(SL_PROXY_WHY_SOCKS);
	}
	if (in.len < at + n + 2)
		return 0;
	raw = (struct sl_slice){ in.p + at, n };
	port = (uint16_t)(in.p[at + n] << 8 | in.p[at + n + 1]);
	if (in.p[3] == DOMAIN) {
		ret->asked = raw;
		e = sl_host_parse(raw, &ret->to, &err) < 0 ? no(SL_PROXY_WHY_HOST) : 0;
		/* IPv6 has a type of its own, and a name no colon. */
		if (e == 0 && ret->to.addr.family == 6)
			e = no(SL_PROXY_WHY_HOST);
	} else {
		e = take_address(raw, n == 4 ? 4 : 6, &ret->to);
	}
	ret->to.port = port;
	if (in.p[1] != CONNECT)
		return no(SL_PROXY_WHY_COMMAND);
	if (e == 0 && port == 0)
		e = no(SL_PROXY_WHY_HOST);
	return e < 0 ? e : (int)(at + n + 2);
}
