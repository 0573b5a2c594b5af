/* proto.c -- see proto.h. */
#include "log/proto.h"

#include "log/le.h"

static void
put32(struct sl_buf *b, uint32_t v)
{
	uint8_t p[4];

	sl_le32(p, v);
	sl_buf_put(b, p, 4);
}

void
sl_proto_put_stmt(struct sl_buf *b, const struct sl_stmt *s)
{
	size_t n = strlen(s->kind);

	sl_buf_byte(b, SL_ITEM_STMT);
	sl_buf_byte(b, (uint8_t)s->tree);
	sl_buf_byte(b, s->is_envelope);
	sl_buf_byte(b, (uint8_t)(n < SL_REC_KIND ? n : SL_REC_KIND));
	/* safe because a kind that is too long stays too long, and is refused there */
	sl_buf_put(b, s->kind, n < SL_REC_KIND ? n : SL_REC_KIND);
	sl_buf_byte(b, 0);
	if (s->tree == SL_TREE_RUN)
		sl_buf_put(b, s->run, 32);
	put32(b, (uint32_t)s->sub.len);
	sl_buf_slice(b, s->sub);
	put32(b, (uint32_t)s->payload.len);
	sl_buf_slice(b, s->payload);
}

void
sl_proto_put_bytes(struct sl_buf *b, enum sl_item_kind what, struct sl_slice bytes)
{
	sl_buf_byte(b, (uint8_t)what);
	put32(b, (uint32_t)bytes.len);
	sl_buf_slice(b, bytes);
}

void
sl_proto_put_digest(struct sl_buf *b, enum sl_item_kind what, const uint8_t digest[32])
{
	sl_buf_byte(b, (uint8_t)what);
	sl_buf_put(b, digest, 32);
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

static bool
take_slice(struct sl_slice *s, struct sl_slice *ret)
{
	const uint8_t *p = take(s, 4);

	if (p == NULL)
		return false;
	ret->len = sl_get32(p);
	ret->p = take(s, ret->len);
	return ret->p != NULL;
}

static bool
take_stmt(struct sl_slice *in, struct sl_stmt *s)
{
	const uint8_t *p = take(in, 3), *kind;

	if (p == NULL || p[0] > SL_TREE_RUN || p[1] > 1 ||
	    (kind = take(in, (size_t)p[2] + 1)) == NULL || kind[p[2]] != 0)
		return false;
	s->tree = (enum sl_tree)p[0];
	s->is_envelope = p[1] != 0;
	s->kind = (const char *)kind;
	if (s->tree == SL_TREE_RUN && (s->run = take(in, 32)) == NULL)
		return false;
	return take_slice(in, &s->sub) && take_slice(in, &s->payload);
}

static bool
take_item(struct sl_slice *in, struct sl_item *it)
{
	const uint8_t *p = take(in, 1);

	if (p == NULL)
		return false;
	*it = (struct sl_item){ .what = (enum sl_item_kind) * p };
	switch (*p) {
	case SL_ITEM_STMT:
		return take_stmt(in, &it->s);
	case SL_ITEM_BLOB:
	case SL_ITEM_FOREIGN:
		return take_slice(in, &it->bytes);
	case SL_ITEM_POLICY:
	case SL_ITEM_UNDER:
	case SL_ITEM_SEAL:
		return (it->digest = take(in, 32)) != NULL;
	default:
		return false;
	}
}

int
sl_proto_items(struct sl_slice body, struct sl_item *ret, size_t max, size_t *ret_n,
	       struct sl_err *err)
{
	size_t n = 0;

	while (body.len > 0) {
		if (n == max)
			return SL_ERR(err, LIMIT, "more than %zu items in a batch", max);
		if (!take_item(&body, &ret[n++]))
			return SL_ERR(err, FORMAT, "recorder: malformed item %zu", n);
	}
	*ret_n = n;
	return 0;
}

void
sl_proto_put_status(struct sl_buf *b, int code, const struct sl_err *e)
{
	put32(b, (uint32_t)code);
	put32(b, code < 0 ? (uint32_t)e->sys : 0);
	put32(b, code < 0 ? e->len : 0);
	if (code < 0)
		sl_buf_put(b, e->msg, e->len);
}

int
sl_proto_status(struct sl_slice body, struct sl_slice *ret_rest, struct sl_err *err)
{
	const uint8_t *p = take(&body, SL_STATUS_LEN), *m;
	int code = p ? (int32_t)sl_get32(p) : 0;
	uint32_t n = p ? sl_get32(p + 8) : 0;

	if (p == NULL || n >= SL_ERR_MSG_MAX || code > 0 || code <= -SL_E_NUM_COUNT ||
	    (m = take(&body, n)) == NULL)
		return SL_ERR(err, BUG, "the recorder's answer is malformed");
	if (code < 0) {
		if (err->code != 0)
			return err->code;
		(void)sl_err_raise(err, code, 0, "recorder", 0, "recorder");
		/* taken over as it is: the other side has escaped it already */
		memcpy(err->msg, m, n);
		err->msg[n] = '\0';
		err->len = (uint16_t)n;
		err->sys = (int)sl_get32(p + 4);
		return code;
	}
	*ret_rest = body;
	return 0;
}

void
sl_proto_put_info(struct sl_buf *b, const struct sl_node_info *i)
{
	uint8_t n[17];

	sl_buf_put(b, i->did, 64);
	sl_buf_put(b, i->working_did, 64);
	sl_buf_put(b, i->working_pub, 32);
	sl_buf_put(b, i->hmac_key, 32);
	sl_buf_put(b, i->policy, 32);
	sl_le64(n, (uint64_t)i->time_ms);
	sl_le64(n + 8, i->node_size);
	n[16] = i->is_new;
	sl_buf_put(b, n, sizeof(n));
}

int
sl_proto_info(struct sl_slice s, struct sl_node_info *ret, struct sl_err *err)
{
	if (s.len != SL_INFO_LEN || s.p[63] != 0 || s.p[127] != 0)
		return SL_ERR(err, BUG, "the recorder's answer is malformed");
	memcpy(ret->did, s.p, 64);
	memcpy(ret->working_did, s.p + 64, 64);
	memcpy(ret->working_pub, s.p + 128, 32);
	memcpy(ret->hmac_key, s.p + 160, 32);
	memcpy(ret->policy, s.p + 192, 32);
	ret->time_ms = (int64_t)sl_get64(s.p + 224);
	ret->node_size = sl_get64(s.p + 232);
	ret->is_new = s.p[240] != 0;
	return 0;
}

void
sl_proto_put_entry(struct sl_buf *b, const struct sl_entry *e)
{
	uint8_t n[16];

	sl_buf_put(b, e->id, 32);
	sl_le64(n, e->index);
	sl_le64(n + 8, e->size);
	sl_buf_put(b, n, sizeof(n));
}

void
sl_proto_entry(const uint8_t p[SL_ENTRY_LEN], struct sl_entry *ret)
{
	memcpy(ret->id, p, 32);
	ret->index = sl_get64(p + 32);
	ret->size = sl_get64(p + 40);
}

void
sl_proto_put_root(struct sl_buf *b, const struct sl_batch_root *x)
{
	uint8_t edge[SL_EDGE_BYTES_MAX], n[8];

	sl_buf_put(b, edge, sl_edge_put(&x->base, edge));
	sl_le64(n, x->size);
	sl_buf_put(b, n, sizeof(n));
	sl_buf_put(b, x->pub, 32);
	sl_buf_put(b, x->sig, 64);
	sl_buf_put(b, x->policy, 32);
}

int
sl_proto_root(struct sl_slice s, struct sl_batch_root *ret, bool *ret_has,
	      struct sl_err *err)
{
	enum { TAIL = 8 + 32 + 64 + 32 };
	struct sl_slice edge = { s.p, s.len > TAIL ? s.len - TAIL : 0 };
	const uint8_t *p = s.p + edge.len;

	*ret_has = false;
	if (s.len == 0)
		return 0;
	if (s.len <= TAIL || sl_edge_get(edge, &ret->base, err) < 0)
		return SL_ERR(err, BUG, "the recorder's answer is malformed");
	ret->size = sl_get64(p);
	memcpy(ret->pub, p + 8, 32);
	memcpy(ret->sig, p + 40, 64);
	memcpy(ret->policy, p + 104, 32);
	*ret_has = true;
	return 0;
}

void
sl_proto_put_admin(struct sl_buf *b, const struct sl_admin_done *d)
{
	uint8_t n[17];

	sl_proto_put_entry(b, &d->entry);
	n[0] = d->is_announced;
	sl_le64(n + 1, d->n_bytes);
	sl_le64(n + 9, d->n_copies);
	sl_buf_put(b, n, sizeof(n));
}

int
sl_proto_admin(struct sl_slice s, struct sl_admin_done *ret, struct sl_err *err)
{
	if (s.len != SL_ADMIN_DONE_LEN || s.p[SL_ENTRY_LEN] > 1)
		return SL_ERR(err, BUG, "the recorder's answer is malformed");
	sl_proto_entry(s.p, &ret->entry);
	ret->is_announced = s.p[SL_ENTRY_LEN] != 0;
	ret->n_bytes = sl_get64(s.p + SL_ENTRY_LEN + 1);
	ret->n_copies = sl_get64(s.p + SL_ENTRY_LEN + 9);
	return 0;
}

void
sl_proto_put_cosign(struct sl_buf *b, const struct sl_cosign *q)
{
	uint8_t n[16];

	sl_le64(n, q->old_size);
	sl_le64(n + 8, q->size);
	sl_buf_put(b, n, sizeof(n));
	sl_buf_put(b, q->root.b, 32);
	sl_buf_put(b, q->pub, 32);
	sl_buf_put(b, q->sig, 64);
	put32(b, (uint32_t)q->origin.len);
	sl_buf_slice(b, q->origin);
	put32(b, (uint32_t)q->ext.len);
	sl_buf_slice(b, q->ext);
	sl_buf_put(b, q->path.h, q->path.n * sizeof(q->path.h[0]));
}

int
sl_proto_cosign(struct sl_slice body, struct sl_cosign *ret, struct sl_err *err)
{
	const uint8_t *p = take(&body, 16 + 32 + 32 + 64);
	struct sl_cosign q = { 0 };

	if (p == NULL || !take_slice(&body, &q.origin) || !take_slice(&body, &q.ext) ||
	    q.origin.len > SL_COSIGN_ORIGIN_MAX || q.ext.len > SL_COSIGN_EXT_MAX ||
	    body.len % 32 != 0 || body.len / 32 > SL_PROOF_MAX)
		return SL_ERR(err, FORMAT, "recorder: malformed checkpoint");
	q.old_size = sl_get64(p);
	q.size = sl_get64(p + 8);
	memcpy(q.root.b, p + 16, 32);
	memcpy(q.pub, p + 48, 32);
	memcpy(q.sig, p + 80, 64);
	q.path.n = body.len / 32;
	if (body.len > 0)
		memcpy(q.path.h, body.p, body.len);
	*ret = q;
	return 0;
}
