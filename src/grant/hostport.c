/* hostport.c -- see hostport.h. */
#include "grant/hostport.h"

#include <arpa/inet.h>

enum { LABEL_MAX = 63, TEXT_MAX = 400 };

/* Prefixes that no name may lead to, more exact ones first. */
static const struct special {
	uint8_t family, bits, b[6];
	const char *what;
} specials[] = {
	{ 4, 8, { 0 }, "unspecified" },
	{ 4, 8, { 10 }, "private" },
	{ 4, 10, { 100, 64 }, "shared (carrier NAT)" },
	{ 4, 8, { 127 }, "loopback" },
	{ 4, 16, { 169, 254 }, "link-local" },
	{ 4, 12, { 172, 16 }, "private" },
	{ 4, 24, { 192, 0, 0 }, "special" },
	{ 4, 24, { 192, 88, 99 }, "6to4" },
	{ 4, 16, { 192, 168 }, "private" },
	{ 4, 15, { 198, 18 }, "private (benchmarks)" },
	{ 4, 4, { 224 }, "multicast" },
	{ 4, 4, { 240 }, "reserved" },
	{ 6, 32, { 0x20, 0x01, 0, 0 }, "Teredo" },
	{ 6, 16, { 0x20, 0x02 }, "6to4" },
	{ 6, 48, { 0, 0x64, 0xff, 0x9b, 0, 1 }, "NAT64" },
	{ 6, 48, { 0, 0x64, 0xff, 0x9b, 0, 0 }, "NAT64" },
	{ 6, 7, { 0xfc }, "private" },
	{ 6, 10, { 0xfe, 0x80 }, "link-local" },
	{ 6, 10, { 0xfe, 0xc0 }, "private" },
	{ 6, 8, { 0xff }, "multicast" },
};

static bool
has_prefix(const uint8_t *a, const uint8_t *p, unsigned bits)
{
	unsigned rest = bits % 8, n = bits / 8;

	return memcmp(a, p, n) == 0 && (rest == 0 || (a[n] ^ p[n]) >> (8 - rest) == 0);
}

/* Of the first 96 bits all are 0, but for the last 16 where is_mapped. */
static bool
holds_v4(const struct sl_addr *a, bool is_mapped)
{
	static const uint8_t zero[12], mapped[12] = { [10] = 0xff, [11] = 0xff };

	return a->family == 6 && memcmp(a->b, is_mapped ? mapped : zero, 12) == 0;
}

static bool
is_v6_low(const struct sl_addr *a, uint8_t last)
{
	static const uint8_t zero[15];

	return a->family == 6 && memcmp(a->b, zero, 15) == 0 && a->b[15] == last;
}

const char *
sl_addr_special(const struct sl_addr *a)
{
	if (is_v6_low(a, 0))
		return "unspecified";
	if (is_v6_low(a, 1))
		return "loopback";
	if (holds_v4(a, true))
		return "v4-mapped";
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (specials[i].family == a->family &&
		    has_prefix(a->b, specials[i].b, specials[i].bits))
			return specials[i].what;
	/* Global unicast is 2000::/3; the rest belongs to nobody. */
	if (a->family == 6 && a->b[0] >> 5 != 1)
		return "special";
	return a->family == 4 || a->family == 6 ? NULL : "no address";
}

bool
sl_addr_eq(const struct sl_addr *a, const struct sl_addr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void
sl_addr_unmap(struct sl_addr *a)
{
	if (!holds_v4(a, true))
		return;
	a->family = 4;
	memmove(a->b, a->b + 12, 4);
	memset(a->b + 4, 0, 12);
}

void
sl_addr_text(const struct sl_addr *a, char ret[SL_ADDR_TEXT_MAX])
{
	ret[0] = '\0';
	(void)inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, ret, SL_ADDR_TEXT_MAX);
}

bool
sl_addr_parse(struct sl_slice text, struct sl_addr *ret)
{
	char s[SL_ADDR_TEXT_MAX];
	struct sl_addr a = { 0 };

	if (text.len == 0 || text.len >= sizeof(s) || memchr(text.p, 0, text.len) != NULL)
		return false;
	memcpy(s, text.p, text.len);
	s[text.len] = '\0';
	a.family = strchr(s, ':') != NULL ? 6 : 4;
	/* Of IPv4 inet_pton takes four decimal parts without leading zeros alone. */
	if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, s, a.b) != 1)
		return false;
	*ret = a;
	return true;
}

/* --- what may not be listed --- */

static int
check_addr(struct sl_slice text, const struct sl_addr *a, struct sl_err *err)
{
	if (a->family == 4 && (a->b[0] == 0 || a->b[0] >= 224))
		return SL_ERR(err, FORMAT, "no service can be at the address '%.*s'",
			      SL_ARG(text));
	if (a->family == 4)
		return 0;
	if (holds_v4(a, true) ||
	    (holds_v4(a, false) && !is_v6_low(a, 0) && !is_v6_low(a, 1)))
		return SL_ERR(err, FORMAT,
			      "'%.*s' is an IPv4 address in IPv6's form; write the IPv4 "
			      "address",
			      SL_ARG(text));
	if (is_v6_low(a, 0) || a->b[0] == 0xff)
		return SL_ERR(err, FORMAT, "no service can be at the address '%.*s'",
			      SL_ARG(text));
	if (a->b[0] == 0xfe && a->b[1] >> 6 == 2)
		return SL_ERR(err, FORMAT,
			      "the link-local address '%.*s' means nothing without a "
			      "zone, and zones are not supported",
			      SL_ARG(text));
	return 0;
}

static const char *
why_not_byte(uint8_t c)
{
	if (c == 0)
		return "a NUL byte";
	if (c >= 0x80)
		return "a byte that is not ASCII (an international name is written as "
		       "'xn--...')";
	if (c <= ' ' || c == 0x7f)
		return "white space or a control character";
	if (c == '%')
		return "'%' (no zone, no escapes)";
	if (c == '@')
		return "'@' (no user name)";
	if (c == '_')
		return "'_', which no host's name has";
	if (c == '/')
		return "'/' (a host and a port, not a URL)";
	if (c == '*')
		return "'*' (each host is listed by itself)";
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return NULL;
	return (c >= '0' && c <= '9') || c == '-' || c == '.' ? NULL
							      : "a character that "
								"no host's name "
								"has";
}

static bool
is_all(struct sl_slice s, bool is_hex)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i] | 0x20;

		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		      (is_hex && c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* inet_aton() and its heirs take what ends in such a label for an address. */
static bool
is_number(struct sl_slice label)
{
	if (label.len >= 2 && label.p[0] == '0' && (label.p[1] | 0x20) == 'x')
		return is_all(sl_slice_skip(label, 2), true);
	return label.len > 0 && is_all(label, false);
}

static int
check_label(struct sl_slice name, struct sl_slice label, struct sl_err *err)
{
	if (label.len == 0)
		return SL_ERR(err, FORMAT, "the host '%.*s' has an empty label",
			      SL_ARG(name));
	if (label.len > LABEL_MAX)
		return SL_ERR(err, FORMAT, "a label of more than %d bytes in '%.*s'",
			      LABEL_MAX, SL_ARG(name));
	if (label.p[0] == '-' || label.p[label.len - 1] == '-')
		return SL_ERR(err, FORMAT,
			      "a label of '%.*s' begins or ends with a hyphen",
			      SL_ARG(name));
	return 0;
}

static int
parse_name(struct sl_slice text, struct sl_hostport *ret, struct sl_err *err)
{
	struct sl_slice label = { 0 };
	size_t at = 0;
	int r;

	if (text.p[text.len - 1] == '.')
		return SL_ERR(err, FORMAT, "the host '%.*s' ends in a dot", SL_ARG(text));
	if (text.len > SL_HOST_MAX)
		return SL_ERR(err, FORMAT, "the host has %zu bytes, more than %d",
			      text.len, SL_HOST_MAX);
	for (; at < text.len; at += label.len + 1) {
		label = sl_slice_upto(sl_slice_skip(text, at), '.');
		if ((r = check_label(text, label, err)) < 0)
			return r;
	}
	if (is_number(label))
		return SL_ERR(err, FORMAT,
			      "'%.*s' is neither a name nor an address: an address has "
			      "four decimal parts of 0 to 255 without leading zeros",
			      SL_ARG(text));
	for (size_t i = 0; i < text.len; i++)
		ret->host[i] =
		    (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20
								: text.p[i]);
	ret->host[text.len] = '\0';
	return 0;
}

/* Anything but IPv6. */
static int
parse_host(struct sl_slice text, struct sl_hostport *ret, struct sl_err *err)
{
	struct sl_hostport h = { 0 };
	int r;

	if (text.len == 0)
		return SL_ERR(err, FORMAT, "no host");
	for (size_t i = 0; i < text.len; i++) {
		const char *why = why_not_byte(text.p[i]);

		if (why != NULL)
			return SL_ERR(err, FORMAT, "the host '%.*s' holds %s",
				      SL_ARG(text), why);
	}
	if (sl_addr_parse(text, &h.addr)) {
		if ((r = check_addr(text, &h.addr, err)) < 0)
			return r;
		sl_addr_text(&h.addr, h.host);
	} else if ((r = parse_name(text, &h, err)) < 0) {
		return r;
	}
	*ret = h;
	return 0;
}

static int
parse_v6(struct sl_slice text, struct sl_hostport *ret, struct sl_err *err)
{
	struct sl_hostport h = { 0 };
	int r;

	if (text.len > 0 && memchr(text.p, '%', text.len) != NULL)
		return SL_ERR(err, FORMAT, "'%.*s' has a zone, which is not supported",
			      SL_ARG(text));
	if (!sl_addr_parse(text, &h.addr) || h.addr.family != 6)
		return SL_ERR(err, FORMAT, "'%.*s' is no IPv6 address", SL_ARG(text));
	if ((r = check_addr(text, &h.addr, err)) < 0)
		return r;
	sl_addr_text(&h.addr, h.host);
	*ret = h;
	return 0;
}

int
sl_host_parse(struct sl_slice text, struct sl_hostport *ret, struct sl_err *err)
{
	return text.len > 0 && memchr(text.p, ':', text.len) != NULL
		   ? parse_v6(text, ret, err)
		   : parse_host(text, ret, err);
}

static int
parse_port(struct sl_slice s, uint16_t *ret, struct sl_err *err)
{
	unsigned v = 0;

	if (s.len == 0)
		return SL_ERR(err, FORMAT, "no port");
	if (s.len > 5 || !is_all(s, false) || s.p[0] == '0')
		return SL_ERR(err, FORMAT,
			      "'%.*s' is no port: a decimal number from 1 to 65535",
			      SL_ARG(s));
	for (size_t i = 0; i < s.len; i++)
		v = v * 10 + (unsigned)(s.p[i] - '0');
	if (v > UINT16_MAX)
		return SL_ERR(err, FORMAT,
			      "'%.*s' is no port: a decimal number from 1 to 65535",
			      SL_ARG(s));
	*ret = (uint16_t)v;
	return 0;
}

/* Where the host ends; brackets are not in it. */
static int
split(struct sl_slice text, struct sl_slice *host, struct sl_slice *port,
      struct sl_err *err)
{
	bool is_v6 = text.len > 0 && text.p[0] == '[';

	*host = sl_slice_upto(sl_slice_skip(text, is_v6), is_v6 ? ']' : ':');
	*port = sl_slice_skip(text, host->len + (is_v6 ? 2 : 0));
	if (is_v6 && host->len + 1 == text.len)
		return SL_ERR(err, FORMAT, "'%.*s' lacks its ']'", SL_ARG(text));
	if (port->len == 0)
		return SL_ERR(err, FORMAT, "'%.*s' has no port: write HOST:PORT",
			      SL_ARG(text));
	if (port->p[0] != ':')
		return SL_ERR(err, FORMAT, "'%.*s': a ':' and the port follow the ']'",
			      SL_ARG(text));
	*port = sl_slice_skip(*port, 1);
	if (port->len >= 2 && port->p[0] == '/' && port->p[1] == '/')
		return SL_ERR(err, FORMAT, "'%.*s' is a URL: write HOST:PORT",
			      SL_ARG(text));
	if (!is_v6 && port->len > 0 && memchr(port->p, ':', port->len) != NULL)
		return SL_ERR(err, FORMAT,
			      "'%.*s' has more than one ':': an IPv6 address stands in "
			      "brackets, [ADDRESS]:PORT",
			      SL_ARG(text));
	return 0;
}

int
sl_hostport_parse(struct sl_slice text, struct sl_hostport *ret, struct sl_err *err)
{
	struct sl_slice host, port;
	struct sl_hostport h;
	int r;

	if (text.len > TEXT_MAX)
		return SL_ERR(err, FORMAT, "a host and port of %zu bytes", text.len);
	if ((r = split(text, &host, &port, err)) < 0)
		return r;
	r = text.p[0] == '[' ? parse_v6(host, &h, err) : parse_host(host, &h, err);
	if (r < 0 || (r = parse_port(port, &h.port, err)) < 0)
		return r;
	*ret = h;
	return 0;
}
