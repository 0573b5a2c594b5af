/* routes_scitt.c -- SCRAPI (draft-ietf-scitt-scrapi-11): key set, registration, receipts.
 */
#include "serve/service.h"

#include "codec/base64.h"
#include "cose/key.h"
#include "cose/numbers.h"

enum { KEYS_MAX = 8, KEYS_AGE_S = 3600 };

#define TYPE_CBOR "application/cbor"
#define TYPE_COSE "application/cose"

static int
keys_of(struct sl_service *s, uint8_t (*pub)[32], size_t *ret_n, struct sl_err *err)
{
	struct sl_reader *rd = NULL;
	int r = sl_service_reader(s, &rd, err);

	if (r == 0)
		*ret_n = sl_reader_working_keys(rd, pub, KEYS_MAX);
	return r;
}

/* The key that signs receipts, and those before it, whose receipts still count. */
static int
keys(struct sl_service *s, const struct sl_ask_for *q, struct sl_reply *r,
     struct sl_err *err)
{
	uint8_t pub[KEYS_MAX][32];
	size_t n = 0;
	int e = keys_of(s, pub, &n, err);

	(void)q;
	if (e < 0)
		return e;
	sl_cose_keyset_put(pub[0], n, SL_ALG_EDDSA, &r->body);
	r->a.status = 200;
	r->a.type = SL_LIT(TYPE_CBOR);
	r->a.max_age_s = KEYS_AGE_S;
	return SL_ROUTE_ANSWERED;
}

/* kid in base64url, or its 32 bytes as they are: the lengths tell the two apart. */
static int
one_key(struct sl_service *s, const struct sl_ask_for *q, struct sl_reply *r,
	struct sl_err *err)
{
	uint8_t pub[KEYS_MAX][32], want[32], kid[32];
	size_t n = 0, len = 0;
	int e = keys_of(s, pub, &n, err);

	if (e < 0)
		return e;
	if (q->param[0].len == 32)
		memcpy(want, q->param[0].p, 32);
	else if (!sl_unbase64(SL_BASE64_URL, q->param[0], want, 32, &len) || len != 32)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		sl_key_thumb(pub[i], kid);
		if (memcmp(kid, want, 32) != 0)
			continue;
		sl_cose_key_put(pub[i], SL_ALG_EDDSA, &r->body);
		r->a.status = 200;
		r->a.type = SL_LIT(TYPE_CBOR);
		r->a.max_age_s = KEYS_AGE_S;
		return SL_ROUTE_ANSWERED;
	}
	return sl_reply_problem(r, SL_PROBLEM_NO_KEY,
				"no key with this kid has signed receipts of this log");
}

static int
post(struct sl_service *s, const struct sl_ask_for *q, struct sl_reply *r,
     struct sl_err *err)
{
	if (!sl_is_type(q->q->type, TYPE_COSE))
		return sl_reply_problem(r, SL_PROBLEM_MEDIA,
					"a statement is sent as application/cose");
	if (q->q->body.len == 0)
		return sl_reply_problem(r, SL_PROBLEM_MALFORMED, "the body is empty");
	return sl_service_register(s, q->q, r, err);
}

static int
entry(struct sl_service *s, const struct sl_ask_for *q, struct sl_reply *r,
      struct sl_err *err)
{
	struct sl_reader *rd = NULL;
	struct sl_log_entry e;
	uint8_t id[32];
	int x;

	if (!sl_entry_parse(q->param[0], id))
		return sl_reply_problem(r, SL_PROBLEM_LOCATOR,
					"an entry is named by the SHA-256 of its "
					"statement in base64url: 43 characters");
	if ((x = sl_service_reader(s, &rd, err)) < 0)
		return x;
	x = sl_reader_find_in(rd, SL_TREE_NODE, id, &e, err);
	if (x == SL_E(NOENT))
		return sl_reply_problem(r, SL_PROBLEM_NOT_FOUND,
					"no statement with this ID is registered here");
	if (x < 0 ||
	    (x = sl_reader_receipt(rd, SL_TREE_NODE, e.index, 0, &r->body, err)) < 0)
		return x;
	sl_entry_location(id, r->text);
	r->a.location = sl_slice_str(r->text);
	r->a.status = 200;
	r->a.type = SL_LIT(TYPE_COSE);
	return SL_ROUTE_ANSWERED;
}

static const struct sl_route rows[] = {
	{ SL_HTTP_GET, "/.well-known/scitt-keys", TYPE_CBOR, keys },
	{ SL_HTTP_GET, "/.well-known/scitt-keys/{}", TYPE_CBOR, one_key },
	{ SL_HTTP_POST, "/entries", TYPE_COSE, post },
	{ SL_HTTP_GET, "/entries/{}", TYPE_COSE, entry },
};

const struct sl_routes sl_routes_scitt = { "scitt", rows,
					   sizeof(rows) / sizeof(rows[0]) };
