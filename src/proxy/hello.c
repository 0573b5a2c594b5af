/* hello.c -- the server's name in a TLS ClientHello (request.h), RFC 8446 section 4.1.2
 * and RFC 6066 section 3.  What is looked at is not changed. */
#include "proxy/request.h"

enum {
	HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	SERVER_NAME = 0,
	HOST_NAME = 0,
	RECORD_MAX = 16384,
	HELLO_MAX = 16384, /* of the message, its head included */
};

/* A reader that stays at its end once something did not fit. */
struct rd {
	struct sl_slice s;
	bool is_bad;
};

static struct sl_slice
get(struct rd *r, size_t n)
{
	struct sl_slice v = { r->s.p, n };

	if (r->s.len < n) {
		*r = (struct rd){ .is_bad = true };
		return (struct sl_slice){ 0 };
	}
	r->s = sl_slice_skip(r->s, n);
	return v;
}

static size_t
get_num(struct rd *r, size_t n)
{
	struct sl_slice v = get(r, n);
	size_t x = 0;

	for (size_t i = 0; i < v.len; i++)
		x = x << 8 | v.p[i];
	return x;
}

/* A vector with a length of n bytes before it. */
static struct rd
get_vec(struct rd *r, size_t n)
{
	size_t len = get_num(r, n);
	struct rd v = { get(r, len), false };

	v.is_bad = r->is_bad;
	return v;
}

/* One host name, written as a grant could list it. */
static int
take_name(struct rd ext, char ret[SL_HOST_MAX + 1])
{
	struct rd list = get_vec(&ext, 2), name;
	struct sl_hostport h;
	struct sl_err err = { 0 };
	size_t type = get_num(&list, 1);

	name = get_vec(&list, 2);
	if (list.is_bad || ext.is_bad || ext.s.len > 0 || list.s.len > 0 ||
	    type != HOST_NAME || name.s.len == 0)
		return -(int)SL_PROXY_WHY_TLS;
	if (sl_host_parse(name.s, &h, &err) < 0 || h.addr.family != 0)
		return -(int)SL_PROXY_WHY_NAME;
	memcpy(ret, h.host, sizeof(h.host));
	return 0;
}

static int
take_extensions(struct rd r, char ret[SL_HOST_MAX + 1])
{
	bool is_seen = false;
	int e;

	while (r.s.len > 0 && !r.is_bad) {
		size_t type = get_num(&r, 2);
		struct rd ext = get_vec(&r, 2);

		if (r.is_bad || type != SERVER_NAME)
			continue;
		if (is_seen)
			return -(int)SL_PROXY_WHY_TLS;
		is_seen = true;
		if ((e = take_name(ext, ret)) < 0)
			return e;
	}
	return r.is_bad ? -(int)SL_PROXY_WHY_TLS : 0;
}

static int
take_hello(struct rd r, char ret[SL_HOST_MAX + 1])
{
	size_t version = get_num(&r, 2), n_id, n_suites, n_methods;

	(void)get(&r, 32); /* random */
	n_id = get_vec(&r, 1).s.len;
	n_suites = get_vec(&r, 2).s.len;
	n_methods = get_vec(&r, 1).s.len;
	if (r.is_bad || version >> 8 != 3 || n_id > 32 || n_suites < 2 ||
	    n_suites % 2 != 0 || n_methods == 0)
		return -(int)SL_PROXY_WHY_TLS;
	if (r.s.len > 0) {
		struct rd ext = get_vec(&r, 2);

		if (r.is_bad || r.s.len > 0)
			return -(int)SL_PROXY_WHY_TLS;
		return take_extensions(ext, ret);
	}
	return 0;
}

/* The head of a record: its length, 0 for more, or what is wrong. */
static int
record_len(struct sl_slice in)
{
	size_t len;

	if ((in.len > 0 && in.p[0] != HANDSHAKE) || (in.len > 1 && in.p[1] != 3))
		return -(int)SL_PROXY_WHY_TLS;
	if (in.len < 5)
		return 0;
	len = (size_t)in.p[3] << 8 | in.p[4];
	return len == 0 || len > RECORD_MAX ? -(int)SL_PROXY_WHY_TLS : (int)len;
}

int
sl_proxy_hello(struct sl_slice in, char ret_name[SL_HOST_MAX + 1])
{
	uint8_t msg[HELLO_MAX];
	size_t have = 0, want = 0, at = 0;
	int e;

	ret_name[0] = '\0';
	while (want == 0 || have < want) {
		struct sl_slice rest = sl_slice_skip(in, at);
		int len = record_len(rest);

		if (len < 0)
			return len;
		/* The first byte of the message is judged before the rest is awaited. */
		if (rest.len > 5 && have == 0 && rest.p[5] != CLIENT_HELLO)
			return -(int)SL_PROXY_WHY_TLS;
		if ((size_t)len > sizeof(msg) - have)
			return -(int)SL_PROXY_WHY_TLS;
		if (len == 0 || rest.len < 5 + (size_t)len)
			return in.len < SL_PROXY_HEAD_MAX ? 0 : -(int)SL_PROXY_WHY_TLS;
		memcpy(msg + have, rest.p + 5, (size_t)len);
		have += (size_t)len;
		if ((at += 5 + (size_t)len) > SL_PROXY_HEAD_MAX)
			return -(int)SL_PROXY_WHY_TLS;
		if (have >= 4)
			want = 4 + ((size_t)msg[1] << 16 | (size_t)msg[2] << 8 | msg[3]);
		if (want > sizeof(msg) || (want != 0 && have > want))
			return -(int)SL_PROXY_WHY_TLS;
	}
	e = take_hello((struct rd){ { msg + 4, have - 4 }, false }, ret_name);
	return e < 0 ? e : (int)at;
}
