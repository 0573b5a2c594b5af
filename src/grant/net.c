/* net.c -- see net.h. */
#include "grant/net.h"

#include "grant/hostport.h"

#include <stdio.h>

size_t
sl_grant_net_text(const struct sl_grant_net *n, char ret[SL_NET_TEXT_MAX])
{
	bool is_v6 = n->host.len > 0 && memchr(n->host.p, ':', n->host.len) != NULL;
	int len = snprintf(ret, SL_NET_TEXT_MAX, is_v6 ? "[%.*s]:%u" : "%.*s:%u",
			   (int)(n->host.len > SL_HOST_MAX ? SL_HOST_MAX : n->host.len),
			   (const char *)n->host.p, n->port);

	return (size_t)len;
}

static bool
has(const struct sl_grant_net *net, size_t n, struct sl_slice host, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (net[i].port == port && sl_slice_eq(net[i].host, host))
			return true;
	return false;
}

bool
sl_grant_has_net(const struct sl_grant *g, struct sl_slice host, uint16_t port)
{
	return has(g->net, g->n_net, host, port);
}

struct sl_json *
sl_grant_net_json(struct sl_jb *b, const struct sl_grant *g)
{
	struct sl_json *arr, *e;

	if (g->n_net == 0)
		return sl_json_cstr(b, "none");
	arr = sl_json_arr(b);
	for (size_t i = 0; i < g->n_net; i++) {
		e = sl_json_add(b, arr, sl_json_obj(b));
		(void)sl_json_set(b, e, "host", sl_json_str(b, g->net[i].host));
		(void)sl_json_set(b, e, "port", sl_json_int(b, g->net[i].port));
	}
	return arr;
}

static int
parse_row(const struct sl_json *m, struct sl_arena *a, struct sl_grant_net *ret,
	  struct sl_err *err)
{
	struct sl_slice host = sl_json_get_str(m, "host");
	const struct sl_json *port = sl_json_get(m, "port");
	struct sl_hostport h;
	int r;

	if (m->kind != SL_JSON_OBJ)
		return SL_ERR(err, FORMAT, "'net' holds what is no host and port");
	SL_JSON_EACH(k, m)
	if (!sl_slice_eq(k->key, SL_LIT("host")) && !sl_slice_eq(k->key, SL_LIT("port")))
		return SL_ERR(err, UNKNOWN, "unknown key '%.*s' in a host and port",
			      SL_ARG(k->key));
	if (port == NULL || port->kind != SL_JSON_INT || port->i < 1 ||
	    port->i > UINT16_MAX)
		return SL_ERR(err, FORMAT, "bad port of host '%.*s'", SL_ARG(host));
	if ((r = sl_host_parse(host, &h, err)) < 0)
		return r;
	if (!sl_slice_eq(sl_slice_str(h.host), host))
		return SL_ERR(err, FORMAT, "host '%.*s' is not canonical", SL_ARG(host));
	*ret = (struct sl_grant_net){ sl_arena_dup(a, host), (uint16_t)port->i,
				      h.addr.family != 0 };
	return ret->host.p == NULL ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

int
sl_grant_net_parse(const struct sl_json *v, struct sl_arena *a, struct sl_grant *g,
		   struct sl_err *err)
{
	struct sl_grant_net *net;
	size_t n = 0;
	int r;

	if (v != NULL && v->kind == SL_JSON_STR && sl_slice_eq(v->s, SL_LIT("none")))
		return 0;
	if (v == NULL || v->kind != SL_JSON_ARR || v->n == 0)
		return SL_ERR(err, FORMAT,
			      "'net' is neither \"none\" nor a list of hosts and ports");
	if (v->n > SL_GRANT_NET_MAX)
		return SL_ERR(err, LIMIT, "more than %d hosts and ports",
			      SL_GRANT_NET_MAX);
	if ((net = SL_NEW_N(a, struct sl_grant_net, v->n)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	SL_JSON_EACH(m, v)
	{
		if ((r = parse_row(m, a, &net[n], err)) < 0)
			return r;
		if (has(net, n, net[n].host, net[n].port))
			return SL_ERR(err, FORMAT, "host '%.*s' port %u is listed twice",
				      SL_ARG(net[n].host), net[n].port);
		n++;
	}
	g->net = net;
	g->n_net = n;
	return 0;
}

bool
sl_grant_net_within(const struct sl_grant *x, const struct sl_grant *y)
{
	for (size_t i = 0; i < x->n_net; i++)
		if (!has(y->net, y->n_net, x->net[i].host, x->net[i].port))
			return false;
	return true;
}

int
sl_grant_net_intersect(const struct sl_grant *x, const struct sl_grant *y,
		       struct sl_arena *a, struct sl_grant *g)
{
	struct sl_grant_net *net = SL_NEW_N(a, struct sl_grant_net, x->n_net + 1);
	size_t n = 0;

	if (net == NULL)
		return -1;
	for (size_t i = 0; i < x->n_net; i++)
		if (has(y->net, y->n_net, x->net[i].host, x->net[i].port))
			net[n++] = x->net[i];
	g->net = net;
	g->n_net = n;
	return 0;
}

uint16_t
sl_grant_net_proxy_port(const struct sl_grant *g)
{
	uint16_t port = 3128; /* at most SL_GRANT_NET_MAX steps from here */

	while (has(g->net, g->n_net, SL_LIT("127.0.0.1"), port))
		port++;
	return port;
}
