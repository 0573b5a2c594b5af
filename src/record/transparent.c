/* transparent.c -- see transparent.h. */
#include "record/transparent.h"

#include "codec/json.h"
#include "cose/statement.h"
#include "log/keyring.h"
#include "record/form.h"
#include "record/read.h"

#include <stdio.h>

static bool
is_only(struct sl_slice map, uint8_t label, struct sl_slice value)
{
	const uint8_t head[] = { 0xa1, 0x19, 0x01, label };

	return sl_slice_starts(map, (struct sl_slice){ head, sizeof(head) }) &&
	       sl_slice_eq(sl_slice_skip(map, sizeof(head)), value);
}

bool
sl_receipt_is_bare(const struct sl_receipt *rc)
{
	return is_only(rc->s.unprot, SL_COSE_VDP & 0xff, rc->s.h.vdp);
}

/* The tree of that name in the log at hand: 1, else 0. */
static int
find_tree(struct sl_reader *r, const char *origin, struct sl_log_tree *ret,
	  struct sl_err *err)
{
	const char *run = strstr(origin, "/run/");
	struct sl_err none = { 0 };
	int e;

	for (uint32_t id = 0; id < 2; id++) {
		if ((e = sl_reader_tree(r, id, ret, err)) < 0)
			return e;
		if (strcmp(ret->origin, origin) == 0)
			return 1;
	}
	if (run == NULL || strlen(run + 5) != 64 ||
	    sl_reader_run(r, sl_slice_str(run + 5), ret, &none) < 0)
		return 0;
	return strcmp(ret->origin, origin) == 0;
}

/* A key that signs for the tree: the one that signed it last, or one certified then. */
static int
check_key(struct sl_reader *r, const struct sl_log_tree *t, const char *did,
	  uint64_t size, struct sl_err *err)
{
	char last[SL_DIDKEY_MAX];
	struct sl_keyring ring;
	uint8_t pub[32];
	bool is_good;
	int e;

	sl_didkey(t->key, last);
	if (strcmp(last, did) == 0)
		return 0;
	if (t->kind == SL_TREE_NODE && sl_didkey_parse(sl_slice_str(did), pub)) {
		if ((e = sl_reader_keys(r, &ring, err)) < 0)
			return e;
		is_good = sl_keyring_signs_root(&ring, pub, size);
		sl_keyring_done(&ring);
		if (is_good)
			return 0;
	}
	return SL_ERR(err, VERIFY, "receipt: %s never signed for this log", did);
}

/* What the log at hand says of it. */
static int
check_local(struct sl_reader *r, struct sl_transparent_receipt *x, const uint8_t id[32],
	    const struct sl_hash *root, struct sl_err *err)
{
	struct sl_log_entry e;
	struct sl_log_tree t;
	struct sl_hash own;
	int q;

	if (r == NULL || (q = find_tree(r, x->origin, &t, err)) == 0)
		return 0;
	if (q < 0 || (q = check_key(r, &t, x->did, x->size, err)) < 0)
		return q;
	if (x->index >= t.size || x->size > t.size)
		return SL_ERR(err, VERIFY, "receipt: the log has no %llu entries",
			      (unsigned long long)x->size);
	if ((q = sl_reader_entry(r, t.id, x->index, &e, err)) < 0 ||
	    (q = sl_reader_root(r, t.id, x->size, &own, err)) < 0)
		return q;
	if (memcmp(e.id, id, 32) != 0 || memcmp(own.b, root->b, 32) != 0)
		return SL_ERR(err, VERIFY, "receipt: the log has something else there");
	x->is_local = true;
	return 0;
}

static int
parse_receipt(struct sl_slice src, struct sl_receipt *rc, uint8_t ret_pub[32],
	      struct sl_transparent_receipt *x, struct sl_err *err)
{
	int r;

	if ((r = sl_receipt_parse(src, 0, rc, err)) < 0 ||
	    (r = sl_form_receipt(rc, ret_pub, err)) < 0)
		return r;
	if (rc->s.h.sub.len >= sizeof(x->origin))
		return SL_ERR(err, LIMIT, "receipt: the name of its log is too long");
	(void)snprintf(x->origin, sizeof(x->origin), "%.*s", (int)rc->s.h.sub.len,
		       (const char *)rc->s.h.sub.p);
	sl_didkey(ret_pub, x->did);
	x->index = rc->index;
	x->size = rc->size;
	return 0;
}

int
sl_transparent_receipt(struct sl_slice receipt, const struct sl_sign1 *s,
		       struct sl_reader *r, const uint8_t id[32],
		       struct sl_transparent_receipt *ret, struct sl_err *err)
{
	struct sl_hash leaf, root;
	struct sl_receipt rc;
	uint8_t pub[32];
	int e;

	if ((e = parse_receipt(receipt, &rc, pub, ret, err)) < 0 ||
	    (e = sl_receipt_leaf(s, SL_LEAF_CANONICAL, &leaf, err)) < 0 ||
	    (e = sl_receipt_verify(&rc, &leaf, pub, &root, err)) < 0)
		return e;
	return check_local(r, ret, id, &root, err);
}

static int
check_receipt(struct sl_slice src, const struct sl_sign1 *s, struct sl_reader *r,
	      struct sl_transparent *ret, struct sl_err *err)
{
	int e = sl_transparent_receipt(src, s, r, ret->id, &ret->receipt[ret->n], err);

	if (e == 0)
		ret->n++;
	return e;
}

static int
check_statement(const struct sl_sign1 *s, struct sl_transparent *ret, struct sl_err *err)
{
	const struct sl_slice none = { 0 };
	uint8_t pub[32];
	int r = sl_form_statement(s, pub, err);

	if (r < 0)
		return r;
	sl_didkey(pub, ret->iss);
	sl_sign1_canon(s, ret->id);
	if (sl_sign1_verify(s, none, none, pub, err) < 0)
		return sl_err_ctx(err, "statement");
	return 0;
}

/* A receipt alone: its statement is looked up by tree and index. */
static int
check_alone(struct sl_slice src, struct sl_reader *r, struct sl_transparent *ret,
	    struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = SL_TRANSPARENT_MAX };
	struct sl_transparent_receipt x;
	struct sl_receipt rc;
	struct sl_log_entry e;
	struct sl_log_tree t;
	struct sl_sign1 s;
	uint8_t pub[32];
	int q;

	if ((q = parse_receipt(src, &rc, pub, &x, err)) < 0)
		return q;
	if (rc.is_consistency)
		return SL_ERR(err, UNSUPPORTED,
			      "receipt: of consistency; sluice log consistency "
			      "shows whether it holds");
	q = r != NULL ? find_tree(r, x.origin, &t, err) : 0;
	if (q < 0)
		return q;
	if (q == 0 || x.index >= t.size)
		return SL_ERR(err, NOENT,
			      "a receipt without its statement, and no log here has its "
			      "entry: sluice log prove -o writes both");
	if ((q = sl_reader_entry(r, t.id, x.index, &e, err)) < 0 ||
	    (q = sl_reader_statement(r, &e, &bytes, err)) < 0 ||
	    (q = sl_statement_parse(sl_buf_get(&bytes), SL_TRANSPARENT_MAX, 0, &s, err)) <
		0 ||
	    (q = check_statement(&s, ret, err)) < 0)
		return q;
	ret->is_receipt_alone = true;
	return check_receipt(src, &s, r, ret, err);
}

int
sl_transparent_check(struct sl_slice src, struct sl_reader *r, struct sl_transparent *ret,
		     struct sl_err *err)
{
	struct sl_sign1 s;
	size_t n = 0;
	int e;

	*ret = (struct sl_transparent){ 0 };
	if ((e = sl_sign1_parse(src, SL_TRANSPARENT_MAX, &s, err)) < 0)
		return e;
	if (s.h.has_vds)
		return check_alone(src, r, ret, err);
	if ((e = sl_statement_parse(src, SL_TRANSPARENT_MAX, 0, &s, err)) < 0 ||
	    (e = sl_statement_receipts(&s, &n, err)) < 0 ||
	    (e = check_statement(&s, ret, err)) < 0)
		return e;
	if (n == 0 || n > SL_TRANSPARENT_RECEIPTS)
		return SL_ERR(err, VERIFY,
			      "a statement with %zu receipts, 1 to %d can be checked", n,
			      SL_TRANSPARENT_RECEIPTS);
	if (!is_only(s.unprot, SL_COSE_RECEIPTS & 0xff, s.h.receipts))
		return SL_ERR(err, VERIFY,
			      "statement: more than receipts in its unprotected header");
	for (size_t i = 0; i < n; i++)
		if ((e = check_receipt(sl_statement_receipt(&s, i), &s, r, ret, err)) < 0)
			return e;
	return 0;
}
