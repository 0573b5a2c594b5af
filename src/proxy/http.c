/* http.c -- see request.h.  RFC 9112, without what it allows for the sake of old peers.
 */
#include "proxy/request.h"

enum { METHOD_MAX = 32 };

static int
no(enum sl_proxy_why why)
{
	return -(int)why;
}

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool
is_same(struct sl_slice a, struct sl_slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static bool
is_token_byte(uint8_t c)
{
	return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_token_byte(s.p[i]))
			return false;
	return s.len > 0;
}

static struct sl_slice
trim(struct sl_slice s)
{
	while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = sl_slice_skip(s, 1);
	while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* --- lines --- */

/* Where the head ends: every line by CR LF, no other CR, LF or control character.  What
 * is wrong is known as soon as it is there. */
static int
find_end(struct sl_slice in)
{
	size_t line = 0;

	for (size_t i = 0; i < in.len && i < SL_PROXY_HEAD_MAX; i++) {
		uint8_t c = in.p[i];

		if (c == '\n')
			return no(SL_PROXY_WHY_LINE);
		if (c == '\r') {
			if (i + 1 == in.len)
				break;
			if (in.p[i + 1] != '\n')
				return no(SL_PROXY_WHY_LINE);
			if (line == i && i > 0 && i + 2 <= SL_PROXY_HEAD_MAX)
				return (int)(i + 2);
			line = i + 2;
			i++;
		} else if (i == line && i > 0 && (c == ' ' || c == '\t')) {
			return no(SL_PROXY_WHY_LINE);
		} else if ((c < ' ' && c != '\t') || c == 0x7f) {
			return no(SL_PROXY_WHY_FORM);
		}
	}
	return in.len >= SL_PROXY_HEAD_MAX ? no(SL_PROXY_WHY_SIZE) : 0;
}

/* The next line without its CR LF; *s is what comes after it. */
static struct sl_slice
next_line(struct sl_slice *s)
{
	struct sl_slice line = sl_slice_upto(*s, '\r');

	*s = sl_slice_skip(*s, line.len + 2);
	return line;
}

static int
split_field(struct sl_slice line, struct sl_slice *name, struct sl_slice *value)
{
	*name = sl_slice_upto(line, ':');
	if (name->len == line.len || !is_token(*name))
		return no(SL_PROXY_WHY_FORM); /* also a space before the colon */
	*value = trim(sl_slice_skip(line, name->len + 1));
	return 0;
}

/* --- the target --- */

/* HOST[:PORT]; a port that may be left out is the default. */
static int
authority(struct sl_slice text, uint16_t port, struct sl_hostport *ret)
{
	struct sl_err err = { 0 };
	bool is_v6 = text.len > 0 && text.p[0] == '[';
	bool has_port = is_v6 ? text.p[text.len - 1] != ']'
			      : text.len > 0 && memchr(text.p, ':', text.len) != NULL;
	struct sl_slice host = text;

	if (has_port || port == 0)
		return sl_hostport_parse(text, ret, &err) < 0 ? no(SL_PROXY_WHY_HOST) : 0;
	if (is_v6)
		host = (struct sl_slice){ text.p + 1, text.len - 2 };
	if ((is_v6 && text.len < 4) || sl_host_parse(host, ret, &err) < 0 ||
	    is_v6 != (ret->addr.family == 6))
		return no(SL_PROXY_WHY_HOST);
	ret->port = port;
	return 0;
}

/* The record is no place for a password. */
static struct sl_slice
without_user(struct sl_slice s)
{
	size_t n = s.len;

	while (n > 0 && s.p[n - 1] != '@')
		n--;
	return sl_slice_skip(s, n);
}

static bool
is_path(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#')
			return false;
	return true;
}

/* http://AUTHORITY[/PATH][?QUERY] */
static int
absolute(struct sl_slice t, struct sl_proxy_req *r)
{
	const struct sl_slice http = SL_LIT("http://");
	size_t n = 0;

	if (t.len < http.len || !is_same((struct sl_slice){ t.p, http.len }, http)) {
		n = sl_slice_upto(t, ':').len;
		if (n == 0 || !sl_slice_starts(sl_slice_skip(t, n), SL_LIT("://")) ||
		    t.p[0] == '/')
			return no(SL_PROXY_WHY_FORM);
		r->asked = without_user(sl_slice_upto(sl_slice_skip(t, n + 3), '/'));
		return no(SL_PROXY_WHY_SCHEME);
	}
	t = sl_slice_skip(t, http.len);
	while (n < t.len && t.p[n] != '/' && t.p[n] != '?' && t.p[n] != '#')
		n++;
	r->asked = without_user((struct sl_slice){ t.p, n });
	r->path = sl_slice_skip(t, n);
	if (!is_path(r->path))
		return no(SL_PROXY_WHY_FORM);
	return authority((struct sl_slice){ t.p, n }, 80, &r->to);
}

static int
request_line(struct sl_slice line, struct sl_proxy_req *r)
{
	struct sl_slice target, version;
	int e;

	r->method = sl_slice_upto(line, ' ');
	line = sl_slice_skip(line, r->method.len + 1);
	target = sl_slice_upto(line, ' ');
	version = sl_slice_skip(line, target.len + 1);
	if (!is_token(r->method) || r->method.len > METHOD_MAX || target.len == 0)
		return no(SL_PROXY_WHY_FORM);
	r->is_old = sl_slice_eq(version, SL_LIT("HTTP/1.0"));
	if (!r->is_old && !sl_slice_eq(version, SL_LIT("HTTP/1.1")))
		return no(SL_PROXY_WHY_FORM);
	if (is_same(r->method, SL_LIT("CONNECT"))) {
		r->act = SL_PROXY_CONNECT;
		r->asked = without_user(target);
		/* Methods are told apart by case: another one's way would be another's.
		 */
		if (!sl_slice_eq(r->method, SL_LIT("CONNECT")))
			return no(SL_PROXY_WHY_FORM);
		e = authority(target, 0, &r->to);
	} else {
		e = absolute(target, r);
	}
	return e;
}

/* --- fields --- */

/* Between the program and its proxy, or the way to another protocol. */
static const char *const dropped[] = {
	"connection",
	"proxy-connection",
	"proxy-authorization",
	"proxy-authenticate",
	"keep-alive",
	"te",
	"upgrade",
	"http2-settings",
	"host", /* written anew */
};

/* What no Connection may take away. */
static const char *const framing[] = { "host", "content-length", "transfer-encoding",
				       "connection" };

static bool
is_one_of(struct sl_slice name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_same(name, sl_slice_str(list[i])))
			return true;
	return false;
}

/* The next member of a comma-separated list; p is NULL at its end. */
static struct sl_slice
next_member(struct sl_slice *list)
{
	struct sl_slice m = sl_slice_upto(*list, ',');

	if (list->p == NULL)
		return (struct sl_slice){ 0 };
	*list = sl_slice_skip(*list, m.len + 1);
	m = trim(m);
	return m.p != NULL ? m : SL_LIT("");
}

static int
check_connection(struct sl_slice value)
{
	struct sl_slice m;

	while ((m = next_member(&value)).p != NULL)
		if (m.len > 0 &&
		    (!is_token(m) ||
		     is_one_of(m, framing, sizeof(framing) / sizeof(framing[0]))))
			return no(SL_PROXY_WHY_FORM);
	return 0;
}

static int
parse_length(struct sl_slice v, uint64_t *ret)
{
	uint64_t n = 0;

	if (v.len == 0 || v.len > 18)
		return no(SL_PROXY_WHY_LENGTH);
	for (size_t i = 0; i < v.len; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return no(SL_PROXY_WHY_LENGTH);
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	*ret = n;
	return 0;
}

struct seen {
	unsigned n_host, n_length, n_coding;
};

static int
take_field(struct sl_proxy_req *r, struct seen *seen, struct sl_slice name,
	   struct sl_slice value)
{
	struct sl_hostport h;

	if (is_same(name, SL_LIT("host"))) {
		if (seen->n_host++ > 0 ||
		    authority(value, r->act == SL_PROXY_HTTP ? 80 : r->to.port, &h) < 0 ||
		    strcmp(h.host, r->to.host) != 0 || h.port != r->to.port)
			return no(SL_PROXY_WHY_DIFFERS);
	} else if (is_same(name, SL_LIT("content-length"))) {
		seen->n_length++;
		return parse_length(value, &r->len_body);
	} else if (is_same(name, SL_LIT("transfer-encoding"))) {
		seen->n_coding++;
		r->is_chunked = is_same(value, SL_LIT("chunked"));
		if (!r->is_chunked || r->is_old)
			return no(SL_PROXY_WHY_LENGTH);
	} else if (is_same(name, SL_LIT("connection")) ||
		   is_same(name, SL_LIT("proxy-connection"))) {
		return check_connection(value);
	}
	return 0;
}

static int
check_fields(struct sl_proxy_req *r)
{
	struct sl_slice rest = r->fields, name, value;
	struct seen seen = { 0 };
	unsigned n = 0;
	int e;

	while (rest.len > 0) {
		if (n++ == SL_PROXY_FIELDS_MAX)
			return no(SL_PROXY_WHY_SIZE);
		if ((e = split_field(next_line(&rest), &name, &value)) < 0 ||
		    (e = take_field(r, &seen, name, value)) < 0)
			return e;
	}
	if (seen.n_length + seen.n_coding > 1 ||
	    (r->act == SL_PROXY_CONNECT && seen.n_length + seen.n_coding > 0))
		return no(SL_PROXY_WHY_LENGTH);
	return seen.n_host == 0 && !r->is_old ? no(SL_PROXY_WHY_DIFFERS) : 0;
}

int
sl_proxy_http(struct sl_slice in, struct sl_proxy_req *ret)
{
	struct sl_slice rest, line;
	int n, e;

	*ret = (struct sl_proxy_req){ .act = SL_PROXY_HTTP };
	if (in.len > 0 && !is_token_byte(in.p[0]))
		return no(in.p[0] == '\n' || in.p[0] == '\r' ? SL_PROXY_WHY_LINE
							     : SL_PROXY_WHY_FORM);
	if ((n = find_end(in)) <= 0)
		return n;
	rest = (struct sl_slice){ in.p, (size_t)n - 2 };
	line = next_line(&rest);
	ret->fields = rest;
	if ((e = request_line(line, ret)) < 0 || (e = check_fields(ret)) < 0)
		return e;
	return n;
}

/* --- what goes on --- */

static bool
is_listed(const struct sl_proxy_req *r, struct sl_slice name)
{
	struct sl_slice rest = r->fields, field, value, m;

	while (rest.len > 0) {
		if (split_field(next_line(&rest), &field, &value) < 0 ||
		    (!is_same(field, SL_LIT("connection")) &&
		     !is_same(field, SL_LIT("proxy-connection"))))
			continue;
		while ((m = next_member(&value)).p != NULL)
			if (is_same(m, name))
				return true;
	}
	return false;
}

void
sl_proxy_http_write(const struct sl_proxy_req *r, struct sl_buf *out)
{
	struct sl_slice rest = r->fields, name, value;
	bool is_v6 = r->to.addr.family == 6;

	sl_buf_slice(out, r->method);
	sl_buf_str(out, r->path.len > 0 && r->path.p[0] == '/' ? " " : " /");
	sl_buf_slice(out, r->path);
	sl_buf_printf(out, " HTTP/1.%d\r\nHost: %s%s%s", r->is_old ? 0 : 1,
		      is_v6 ? "[" : "", r->to.host, is_v6 ? "]" : "");
	if (r->to.port != 80)
		sl_buf_printf(out, ":%u", r->to.port);
	sl_buf_str(out, "\r\n");
	while (rest.len > 0) {
		if (split_field(next_line(&rest), &name, &value) < 0 ||
		    is_one_of(name, dropped, sizeof(dropped) / sizeof(dropped[0])) ||
		    is_listed(r, name))
			continue;
		sl_buf_slice(out, name);
		sl_buf_str(out, ": ");
		sl_buf_slice(out, value);
		sl_buf_str(out, "\r\n");
	}
	sl_buf_str(out, "Connection: close\r\n\r\n");
}
