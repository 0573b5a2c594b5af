/* test_hostport.c -- grant/hostport: what is a host and a port, and what is not. */
#include "t.h"

#include "grant/hostport.h"

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static int
parse(const char *text, size_t len, struct sl_hostport *ret, struct sl_err *err)
{
	return sl_hostport_parse((struct sl_slice){ (const uint8_t *)text, len }, ret,
				 err);
}

static void
taken(void **state)
{
	static const struct {
		const char *text, *host;
		unsigned port, family;
	} t[] = {
		{ "example.org:443", "example.org", 443, 0 },
		{ "EXAMPLE.Org:1", "example.org", 1, 0 },
		{ "localhost:65535", "localhost", 65535, 0 },
		{ "a:80", "a", 80, 0 },
		{ "a-b.c1:80", "a-b.c1", 80, 0 },
		{ "xn--bcher-kva.example:80", "xn--bcher-kva.example", 80, 0 },
		{ "3com.com:80", "3com.com", 80, 0 },
		{ "1.2.3.4.com:80", "1.2.3.4.com", 80, 0 },
		{ "0xg.a:80", "0xg.a", 80, 0 },
		{ "a.0xg:80", "a.0xg", 80, 0 },
		{ L63 ".a:80", L63 ".a", 80, 0 },
		{ "127.0.0.1:5432", "127.0.0.1", 5432, 4 },
		{ "169.254.169.254:80", "169.254.169.254", 80, 4 },
		{ "10.1.2.3:80", "10.1.2.3", 80, 4 },
		{ "[::1]:80", "::1", 80, 6 },
		{ "[2001:DB8::0:1]:80", "2001:db8::1", 80, 6 },
		{ "[2001:db8:0:0:0:0:0:1]:80", "2001:db8::1", 80, 6 },
		{ "[fd00:ec2::254]:80", "fd00:ec2::254", 80, 6 },
		{ "[64:ff9b::1.2.3.4]:80", "64:ff9b::102:304", 80, 6 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_hostport h, again;
		struct sl_err err = { 0 };

		if (parse(t[i].text, strlen(t[i].text), &h, &err) != 0)
			fail_msg("%s: %s", t[i].text, err.msg);
		assert_string_equal(h.host, t[i].host);
		assert_int_equal(h.port, t[i].port);
		assert_int_equal(h.addr.family, t[i].family);
		assert_int_equal(sl_host_parse(sl_slice_str(h.host), &again, &err), 0);
		assert_string_equal(again.host, h.host);
		assert_true(sl_addr_eq(&again.addr, &h.addr));
	}
}

static void
refused(void **state)
{
	/* What the message must say. */
	static const struct {
		const char *text, *says;
		size_t len; /* 0: as a string */
	} t[] = {
		{ "", "no port", 0 },
		{ ":", "no host", 0 },
		{ ":80", "no host", 0 },
		{ "example.org", "no port", 0 },
		{ "example.org:", "no port", 0 },
		{ "example.org:0", "is no port", 0 },
		{ "example.org:00", "is no port", 0 },
		{ "example.org:080", "is no port", 0 },
		{ "example.org:65536", "is no port", 0 },
		{ "example.org:100000", "is no port", 0 },
		{ "example.org:99999999999999999999", "is no port", 0 },
		{ "example.org:-1", "is no port", 0 },
		{ "example.org:+80", "is no port", 0 },
		{ "example.org: 80", "is no port", 0 },
		{ "example.org:80 ", "is no port", 0 },
		{ "example.org:0x50", "is no port", 0 },
		{ "example.org:http", "is no port", 0 },
		{ "example.org:80-90", "is no port", 0 },
		{ "example.org:*", "is no port", 0 },
		{ "example.org:80\0", "is no port", 15 },
		{ "example.org:80/tcp", "is no port", 0 },
		{ "https://example.org:443", "is a URL", 0 },
		{ "http://example.org", "is a URL", 0 },
		{ "example.org/x:443", "'/'", 0 },
		{ "user@example.org:443", "'@'", 0 },
		{ "exa%6dple.org:443", "'%'", 0 },
		{ "my_host.example:443", "'_'", 0 },
		{ "*.example.org:443", "'*'", 0 },
		{ "exa mple.org:443", "white space", 0 },
		{ "\texample.org:443", "white space", 0 },
		{ "example.org\n:443", "white space", 0 },
		{ "example.org\0.evil.test:443", "NUL", 26 },
		{ "b\xc3\xbc"
		  "cher.example:443",
		  "not ASCII", 0 },
		{ "\xff:443", "not ASCII", 0 },
		{ "a,b:443", "no host's name", 0 },
		{ "a\\b:443", "no host's name", 0 },
		{ "a\x7f:443", "control", 0 },
		{ "example.org.:443", "ends in a dot", 0 },
		{ ".:443", "ends in a dot", 0 },
		{ ".example.org:443", "empty label", 0 },
		{ "example..org:443", "empty label", 0 },
		{ "-a.example:443", "hyphen", 0 },
		{ "a-.example:443", "hyphen", 0 },
		{ "a.-b:443", "hyphen", 0 },
		{ "-:443", "hyphen", 0 },
		{ L63 "4.a:443", "label of more than 63", 0 },
		{ L63 "." L63 "." L63 "." L63 ":443", "more than 200", 0 },
		/* Everything inet_aton takes, and what looks like it. */
		{ "2130706433:80", "neither a name nor an address", 0 },
		{ "0x7f000001:80", "neither a name nor an address", 0 },
		{ "0X7F000001:80", "neither a name nor an address", 0 },
		{ "017700000001:80", "neither a name nor an address", 0 },
		{ "0177.0.0.1:80", "neither a name nor an address", 0 },
		{ "127.1:80", "neither a name nor an address", 0 },
		{ "127.0.1:80", "neither a name nor an address", 0 },
		{ "127.0.0.01:80", "neither a name nor an address", 0 },
		{ "127.0.0.0x1:80", "neither a name nor an address", 0 },
		{ "0x7f.0x0.0x0.0x1:80", "neither a name nor an address", 0 },
		{ "0x7f.1:80", "neither a name nor an address", 0 },
		{ "1.0x7f:80", "neither a name nor an address", 0 },
		{ "0x:80", "neither a name nor an address", 0 },
		{ "a.0x:80", "neither a name nor an address", 0 },
		{ "256.0.0.1:80", "neither a name nor an address", 0 },
		{ "1.2.3.4.5:80", "neither a name nor an address", 0 },
		{ "1.2.3.999:80", "neither a name nor an address", 0 },
		{ "0:80", "neither a name nor an address", 0 },
		{ "00000000127.0.0.1:80", "neither a name nor an address", 0 },
		{ "example.123:80", "neither a name nor an address", 0 },
		{ "0.0.0.0:80", "no service can be at", 0 },
		{ "0.1.2.3:80", "no service can be at", 0 },
		{ "224.0.0.1:80", "no service can be at", 0 },
		{ "255.255.255.255:80", "no service can be at", 0 },
		{ "[::]:80", "no service can be at", 0 },
		{ "[ff02::1]:80", "no service can be at", 0 },
		{ "[::ffff:127.0.0.1]:80", "IPv4 address in IPv6's form", 0 },
		{ "[::ffff:7f00:1]:80", "IPv4 address in IPv6's form", 0 },
		{ "[::127.0.0.1]:80", "IPv4 address in IPv6's form", 0 },
		{ "[fe80::1]:80", "zone", 0 },
		{ "[fe80::1%eth0]:80", "zone", 0 },
		{ "[::1%lo]:80", "zone", 0 },
		{ "::1:80", "brackets", 0 },
		{ "2001:db8::1:80", "brackets", 0 },
		{ "example.org:80:90", "brackets", 0 },
		{ "[::1]", "no port", 0 },
		{ "[::1", "lacks its ']'", 0 },
		{ "[", "lacks its ']'", 0 },
		{ "[::1]80", "follow the ']'", 0 },
		{ "[::1]]:80", "follow the ']'", 0 },
		{ "[]:80", "no IPv6 address", 0 },
		{ "[127.0.0.1]:80", "no IPv6 address", 0 },
		{ "[example.org]:80", "no IPv6 address", 0 },
		{ "[1::2::3]:80", "no IPv6 address", 0 },
		{ "[:::1]:80", "no IPv6 address", 0 },
		{ "[ ::1]:80", "no IPv6 address", 0 },
		{ "[::1\0]:80", "no IPv6 address", 9 },
		{ "[::1]:", "no port", 0 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		size_t n = t[i].len != 0 ? t[i].len : strlen(t[i].text);
		struct sl_hostport h = { .port = 7 };
		struct sl_err err = { 0 };

		if (parse(t[i].text, n, &h, &err) != SL_E(FORMAT) ||
		    strstr(err.msg, t[i].says) == NULL)
			fail_msg("%s: '%s' does not say '%s'", t[i].text, err.msg,
				 t[i].says);
		assert_int_equal(h.port, 7);
	}
}

static void
special(void **state)
{
	static const struct {
		const char *text, *what;
	} t[] = {
		{ "93.184.216.34", NULL },    { "1.1.1.1", NULL },
		{ "100.63.255.255", NULL },   { "100.128.0.0", NULL },
		{ "172.15.255.255", NULL },   { "172.32.0.0", NULL },
		{ "169.253.0.1", NULL },      { "198.17.0.1", NULL },
		{ "223.255.255.255", NULL },  { "2606:4700::1111", NULL },
		{ "2001:1::1", NULL },        { "3fff::1", NULL },
		{ "0.0.0.0", "unspec" },      { "127.0.0.1", "loopback" },
		{ "127.255.255.255", "loo" }, { "10.0.0.1", "private" },
		{ "172.16.0.1", "private" },  { "172.31.255.255", "private" },
		{ "192.168.1.1", "private" }, { "100.64.0.1", "shared" },
		{ "100.127.255.255", "sha" }, { "169.254.169.254", "link-local" },
		{ "192.0.0.8", "special" },   { "192.88.99.1", "6to4" },
		{ "198.19.0.1", "private" },  { "224.0.0.1", "multicast" },
		{ "239.1.1.1", "multicast" }, { "240.0.0.1", "reserved" },
		{ "255.255.255.255", "res" }, { "::", "unspecified" },
		{ "::1", "loopback" },        { "::ffff:8.8.8.8", "v4-mapped" },
		{ "::8.8.8.8", "special" },   { "64:ff9b::808:808", "NAT64" },
		{ "64:ff9b:1::1", "NAT64" },  { "2002:7f00:1::", "6to4" },
		{ "2001::1", "Teredo" },      { "fc00::1", "private" },
		{ "fd00:ec2::254", "priv" },  { "fe80::1", "link-local" },
		{ "febf::1", "link-local" },  { "fec0::1", "private" },
		{ "ff02::1", "multicast" },   { "100::1", "special" },
		{ "4000::1", "special" },     { "1fff::1", "special" },
	};
	struct sl_addr none = { 0 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_addr a;
		const char *what;

		assert_true(sl_addr_parse(sl_slice_str(t[i].text), &a));
		what = sl_addr_special(&a);
		if ((what == NULL) != (t[i].what == NULL) ||
		    (what != NULL && strncmp(what, t[i].what, strlen(t[i].what)) != 0))
			fail_msg("%s: %s", t[i].text, what != NULL ? what : "none");
	}
	assert_non_null(sl_addr_special(&none));
}

static void
unmaps(void **state)
{
	struct sl_addr a, b;

	(void)state;
	assert_true(sl_addr_parse(SL_LIT("::ffff:10.0.0.1"), &a));
	assert_true(sl_addr_parse(SL_LIT("10.0.0.1"), &b));
	assert_false(sl_addr_eq(&a, &b));
	sl_addr_unmap(&a);
	assert_true(sl_addr_eq(&a, &b));
	assert_true(sl_addr_parse(SL_LIT("::10.0.0.1"), &a));
	sl_addr_unmap(&a);
	assert_int_equal(a.family, 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(special),
		cmocka_unit_test(unmaps),
	};

	return run_suite("hostport", tests, SL_ARRAY_LEN(tests));
}
