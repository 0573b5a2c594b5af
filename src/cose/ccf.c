/* ccf.c -- receipts of CCF ledgers (vds 2): see receipt.h. */
#include "cose/receipt_priv.h"
#include "crypto/sha256.h"

enum { CCF_LEAF = 1, CCF_PATH = 2, EVIDENCE_MAX = 1024 };

static void
take_hash(struct sl_cbor_rd *rd, struct sl_hash *ret)
{
	struct sl_slice h = sl_cbor_bstr_n(rd, SL_HASH_LEN);

	if (h.len == SL_HASH_LEN)
		memcpy(ret->b, h.p, SL_HASH_LEN);
}

/* [ internal transaction hash, internal evidence, data hash ] */
static void
take_leaf(struct sl_cbor_rd *rd, struct sl_ccf *c)
{
	sl_cbor_arr_n(rd, 3);
	take_hash(rd, &c->tx);
	c->evidence = sl_cbor_tstr(rd);
	if (rd->code == 0 && (c->evidence.len == 0 || c->evidence.len > EVIDENCE_MAX))
		(void)sl_cbor_refuse(rd, SL_E(LIMIT),
				     "evidence of %zu bytes, 1 to %d are allowed",
				     c->evidence.len, EVIDENCE_MAX);
	take_hash(rd, &c->data);
}

/* [ + [ is left, hash ] ] */
static void
take_path(struct sl_cbor_rd *rd, struct sl_receipt *rc)
{
	size_t n = sl_cbor_arr(rd);

	if (rd->code == 0 && (n == 0 || n > SL_PROOF_MAX)) {
		(void)sl_cbor_refuse(rd, n == 0 ? SL_E(FORMAT) : SL_E(LIMIT),
				     "a path of %zu hashes, 1 to %d are allowed", n,
				     SL_PROOF_MAX);
		return;
	}
	for (size_t i = 0; i < n && rd->code == 0; i++) {
		sl_cbor_arr_n(rd, 2);
		if (sl_cbor_bool(rd))
			rc->ccf.left |= UINT64_C(1) << i;
		take_hash(rd, &rc->path.h[i]);
	}
	rc->path.n = n;
}

int
sl_ccf_parse(struct sl_slice src, struct sl_receipt *rc, struct sl_err *err)
{
	struct sl_cbor_rd rd;
	bool has_leaf = false, has_path = false;
	size_t n;
	int r = sl_cbor_open(&rd, src, SL_RECEIPT_BYTES_MAX, "CCF inclusion proof", err);

	if (r < 0)
		return r;
	n = sl_cbor_map(&rd);
	for (size_t i = 0; i < n && rd.code == 0; i++) {
		struct sl_cbor_label key = sl_cbor_key(&rd);

		if (sl_cbor_is(key, CCF_LEAF)) {
			take_leaf(&rd, &rc->ccf);
			has_leaf = true;
		} else if (sl_cbor_is(key, CCF_PATH)) {
			take_path(&rd, rc);
			has_path = true;
		} else {
			(void)sl_cbor_refuse(&rd, SL_E(FORMAT),
					     "neither leaf (1) nor path (2)");
		}
	}
	if (rd.code == 0 && !(has_leaf && has_path))
		(void)sl_cbor_refuse(&rd, SL_E(FORMAT), "no %s",
				     has_leaf ? "path (2)" : "leaf (1)");
	return sl_cbor_close(&rd);
}

static void
hash_add(struct sl_sha256 *h, const struct sl_hash *x)
{
	sl_sha256_add(h, x->b, SL_HASH_LEN);
}

int
sl_ccf_root(const struct sl_receipt *rc, const struct sl_sign1 *statement,
	    struct sl_hash *ret, struct sl_err *err)
{
	const struct sl_ccf *c = &rc->ccf;
	struct sl_hash acc, own, evidence;
	struct sl_sha256 h;

	sl_sign1_canon(statement, own.b);
	if (memcmp(own.b, c->data.b, SL_HASH_LEN) != 0)
		return SL_ERR(err, VERIFY, "receipt: of another statement");
	sl_sha256(c->evidence, evidence.b);
	sl_sha256_init(&h);
	hash_add(&h, &c->tx);
	hash_add(&h, &evidence);
	hash_add(&h, &c->data);
	sl_sha256_end(&h, acc.b);
	for (size_t i = 0; i < rc->path.n; i++) {
		bool is_left = (c->left >> i & 1) != 0;

		sl_sha256_init(&h);
		hash_add(&h, is_left ? &rc->path.h[i] : &acc);
		hash_add(&h, is_left ? &acc : &rc->path.h[i]);
		sl_sha256_end(&h, acc.b);
	}
	*ret = acc;
	return 0;
}
