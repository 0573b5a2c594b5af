/* httpmsg.c -- see httpmsg.h. */
#include "priv/httpmsg.h"

#include <endian.h>

static void
put16(struct sl_buf *b, size_t v)
{
	uint16_t n = htole16((uint16_t)v);

	sl_buf_put(b, &n, sizeof(n));
}

static void
put32(struct sl_buf *b, uint32_t v)
{
	v = htole32(v);
	sl_buf_put(b, &v, sizeof(v));
}

void
sl_http_put_request(struct sl_buf *out, const struct sl_http_request *q)
{
	put32(out, q->id);
	sl_buf_byte(out, (uint8_t)q->method);
	put16(out, q->path.len);
	put16(out, q->accept.len);
	put16(out, q->type.len);
	put16(out, q->peer.len);
	put32(out, (uint32_t)q->body.len);
	sl_buf_slice(out, q->path);
	sl_buf_slice(out, q->accept);
	sl_buf_slice(out, q->type);
	sl_buf_slice(out, q->peer);
	sl_buf_slice(out, q->body);
}

void
sl_http_put_answer(struct sl_buf *out, const struct sl_http_answer *a)
{
	put32(out, a->id);
	put16(out, a->status);
	put32(out, a->retry_s);
	put32(out, (uint32_t)a->max_age_s);
	put16(out, a->type.len);
	put16(out, a->location.len);
	put32(out, (uint32_t)a->body.len);
	sl_buf_slice(out, a->type);
	sl_buf_slice(out, a->location);
	sl_buf_slice(out, a->body);
}

/* Takes n bytes, or gives NULL and spoils the rest. */
static const uint8_t *
take(struct sl_slice *s, size_t n)
{
	const uint8_t *p = s->p;

	if (p == NULL || s->len < n) {
		*s = (struct sl_slice){ 0 };
		return NULL;
	}
	s->p += n;
	s->len -= n;
	return p;
}

static size_t
get16(const uint8_t *p)
{
	return (size_t)(p[0] | p[1] << 8);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* Each of the n slices, whose lengths are there already. */
static bool
take_all(struct sl_slice *in, struct sl_slice *const s[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i]->len == 0)
			continue;
		if ((s[i]->p = take(in, s[i]->len)) == NULL)
			return false;
	}
	return true;
}

int
sl_http_take_request(struct sl_slice *in, struct sl_http_request *ret, struct sl_err *err)
{
	struct sl_http_request q = { 0 };
	struct sl_slice *const all[] = { &q.path, &q.accept, &q.type, &q.peer, &q.body };
	const uint8_t *p;

	if (in->len == 0)
		return 0;
	if ((p = take(in, 17)) == NULL || p[4] < SL_HTTP_GET || p[4] > SL_HTTP_OTHER)
		return SL_ERR(err, FORMAT, "http: malformed request");
	q.id = get32(p);
	q.method = (enum sl_http_method)p[4];
	q.path.len = get16(p + 5);
	q.accept.len = get16(p + 7);
	q.type.len = get16(p + 9);
	q.peer.len = get16(p + 11);
	q.body.len = get32(p + 13);
	for (size_t i = 0; i < 4; i++)
		if (all[i]->len > SL_HTTP_FIELD_MAX)
			return SL_ERR(err, LIMIT, "http: a field of %zu bytes",
				      all[i]->len);
	if (q.body.len > SL_HTTP_BODY_MAX)
		return SL_ERR(err, LIMIT, "http: a body of %zu bytes", q.body.len);
	if (!take_all(in, all, sizeof(all) / sizeof(all[0])))
		return SL_ERR(err, FORMAT, "http: half a request");
	*ret = q;
	return 1;
}

int
sl_http_take_answer(struct sl_slice *in, struct sl_http_answer *ret, struct sl_err *err)
{
	struct sl_http_answer a = { 0 };
	struct sl_slice *const all[] = { &a.type, &a.location, &a.body };
	const uint8_t *p;

	if (in->len == 0)
		return 0;
	if ((p = take(in, 22)) == NULL)
		return SL_ERR(err, FORMAT, "http: malformed answer");
	a.id = get32(p);
	a.status = (uint16_t)get16(p + 4);
	a.retry_s = get32(p + 6);
	a.max_age_s = (int32_t)get32(p + 10);
	a.type.len = get16(p + 14);
	a.location.len = get16(p + 16);
	a.body.len = get32(p + 18);
	if (a.status < 100 || a.status > 599)
		return SL_ERR(err, FORMAT, "http: status %u", a.status);
	if (a.type.len > SL_HTTP_FIELD_MAX || a.location.len > SL_HTTP_FIELD_MAX ||
	    a.body.len > SL_HTTP_ANSWER_MAX)
		return SL_ERR(err, LIMIT, "http: an answer of %zu bytes", a.body.len);
	if (!take_all(in, all, sizeof(all) / sizeof(all[0])))
		return SL_ERR(err, FORMAT, "http: half an answer");
	*ret = a;
	return 1;
}
