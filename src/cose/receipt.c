/* receipt.c -- see receipt.h. */
#include "cose/receipt.h"

#include "cose/hdr.h"
#include "cose/receipt_priv.h"
#include "crypto/sha256.h"

static const char *const modes[] = {
	[SL_LEAF_CANONICAL] = "sha256-canonical",
	[SL_LEAF_AS_IS] = "sha256-as-is",
	[SL_LEAF_FULL] = "full-bytes",
	[SL_LEAF_CCF] = "ccf",
};

const char *
sl_leaf_mode_name(enum sl_leaf_mode m)
{
	return (size_t)m < sizeof(modes) / sizeof(modes[0]) ? modes[m] : "unknown";
}

bool
sl_leaf_mode_parse(struct sl_slice s, enum sl_leaf_mode *ret)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (sl_slice_eq(s, sl_slice_str(modes[i]))) {
			*ret = (enum sl_leaf_mode)i;
			return true;
		}
	return false;
}

/* << [ size, index, [ + bstr 32 ] ] >> or << [ size_1, size_2, [ + bstr 32 ] ] >>
 * (RFC 9942 section 5.2).  The first number is the tree's size in an inclusion proof. */
static int
take_proof(struct sl_slice src, struct sl_receipt *rc, struct sl_err *err)
{
	const char *what = rc->is_consistency ? "consistency proof" : "inclusion proof";
	struct sl_cbor_rd rd;
	uint64_t a, b;
	size_t n;
	int r;

	if ((r = sl_cbor_open(&rd, src, SL_RECEIPT_BYTES_MAX, what, err)) < 0)
		return r;
	sl_cbor_arr_n(&rd, 3);
	a = sl_cbor_uint(&rd);
	b = sl_cbor_uint(&rd);
	n = sl_cbor_arr(&rd);
	if (n > SL_PROOF_MAX)
		return sl_cbor_refuse(&rd, SL_E(LIMIT),
				      "a path of %zu hashes, %d allowed", n,
				      SL_PROOF_MAX);
	for (size_t i = 0; i < n && rd.code == 0; i++) {
		struct sl_slice h = sl_cbor_bstr_n(&rd, SL_HASH_LEN);

		if (h.len == SL_HASH_LEN)
			memcpy(rc->path.h[i].b, h.p, SL_HASH_LEN);
	}
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	rc->path.n = n;
	rc->size = rc->is_consistency ? b : a;
	rc->size1 = rc->is_consistency ? a : 0;
	rc->index = rc->is_consistency ? 0 : b;
	/* The CDDL says [ + bstr ]; a path can only be empty where nothing is to be
	 * added. */
	if (n == 0 && (rc->is_consistency ? a != b : a != 1))
		return SL_ERR(err, FORMAT, "%s: empty path (RFC 9942 section 5.2)", what);
	return 0;
}

/* Label 396: { -1 or -2: [ + bstr ] }. */
static int
take_vdp(struct sl_slice vdp, struct sl_receipt *rc, struct sl_err *err)
{
	struct sl_cbor_rd rd = sl_cose_sub(vdp, "vdp (label 396)", err);
	size_t n = sl_cbor_map(&rd), n_proofs;
	struct sl_cbor_label key;
	struct sl_slice proof;
	int r;

	if (rd.code == 0 && n != 1)
		return sl_cbor_refuse(&rd, SL_E(FORMAT),
				      "a map of %zu kinds of proof, 1 is due", n);
	key = sl_cbor_key(&rd);
	rc->is_consistency = sl_cbor_is(key, SL_VDP_CONSISTENCY);
	if (rd.code == 0 && rc->is_ccf && rc->is_consistency)
		return sl_cbor_refuse(&rd, SL_E(UNSUPPORTED),
				      "consistency proof of a CCF ledger (vds 2)");
	if (rd.code == 0 && !rc->is_consistency && !sl_cbor_is(key, SL_VDP_INCLUSION))
		return sl_cbor_refuse(&rd, SL_E(FORMAT),
				      "neither inclusion (-1) nor consistency "
				      "(-2) proof (RFC 9942 section 5.2)");
	n_proofs = sl_cbor_arr(&rd);
	if (rd.code == 0 && n_proofs == 0)
		return sl_cbor_refuse(&rd, SL_E(FORMAT),
				      "no proof (RFC 9942 section 5.2)");
	if (rd.code == 0 && n_proofs > 1)
		return sl_cbor_refuse(&rd, SL_E(UNSUPPORTED), "%zu proofs in one receipt",
				      n_proofs);
	proof = sl_cbor_bstr(&rd);
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	return rc->is_ccf ? sl_ccf_parse(proof, rc, err) : take_proof(proof, rc, err);
}

static int
check_hdr(const struct sl_cose_hdr *h, unsigned flags, struct sl_err *err)
{
	if (!h->has_alg)
		return SL_ERR(err, FORMAT,
			      "receipt: no alg (label 1) in the protected header");
	if (!h->has_vds)
		return SL_ERR(err, FORMAT,
			      "receipt: no vds (label 395) in the protected header "
			      "(RFC 9942 section 4)");
	if (h->vds != SL_VDS_RFC9162 &&
	    (h->vds != SL_VDS_CCF || (flags & SL_RECEIPT_CCF) == 0))
		return SL_ERR(err, UNSUPPORTED,
			      "receipt: verifiable data structure %lld; 1 "
			      "(RFC9162_SHA256) only",
			      (long long)h->vds);
	if (!h->has_vdp)
		return SL_ERR(err, FORMAT,
			      "receipt: no proofs (label 396) in the unprotected header");
	if ((flags & SL_RECEIPT_ANY_CLAIMS) != 0)
		return 0;
	if (!h->has_kid || h->is_kid_unprotected)
		return SL_ERR(err, FORMAT,
			      "receipt: no kid (label 4) in the protected header");
	if (!h->has_iss || !h->has_sub)
		return SL_ERR(err, FORMAT, "receipt: no %s in the CWT claims (label 15)",
			      h->has_iss ? "sub" : "iss");
	return 0;
}

int
sl_receipt_parse(struct sl_slice src, unsigned flags, struct sl_receipt *ret,
		 struct sl_err *err)
{
	struct sl_receipt rc = { 0 };
	int r;

	if (sl_sign1_parse(src, SL_RECEIPT_BYTES_MAX, &rc.s, err) < 0)
		return sl_err_ctx(err, "receipt");
	if ((r = check_hdr(&rc.s.h, flags, err)) < 0)
		return r;
	rc.is_ccf = rc.s.h.vds == SL_VDS_CCF;
	if (take_vdp(rc.s.h.vdp, &rc, err) < 0)
		return sl_err_ctx(err, "receipt");
	if (!rc.s.is_detached && (!rc.is_consistency || rc.s.payload.len != SL_HASH_LEN))
		return SL_ERR(err, FORMAT,
			      "receipt: the payload must be nil (RFC 9942 section 5.2)");
	*ret = rc;
	return 0;
}

int
sl_receipt_leaf(const struct sl_sign1 *statement, enum sl_leaf_mode mode,
		struct sl_hash *ret, struct sl_err *err)
{
	SL_AUTO_BUF plain = { .max = SL_SIGN1_BYTES_MAX };
	uint8_t entry[32];
	struct sl_slice s = { entry, sizeof(entry) };

	if (mode == SL_LEAF_AS_IS || mode == SL_LEAF_FULL) {
		sl_sign1_plain_put(statement, &plain);
		if (plain.is_failed)
			return SL_ERR(err, NOMEM, "out of memory for an entry");
		s = sl_buf_get(&plain);
	}
	switch (mode) {
	case SL_LEAF_CANONICAL:
		sl_sign1_canon(statement, entry);
		break;
	case SL_LEAF_AS_IS:
		sl_sha256(s, entry);
		s = (struct sl_slice){ entry, sizeof(entry) };
		break;
	case SL_LEAF_FULL:
		break;
	case SL_LEAF_CCF:
		return SL_ERR(err, UNSUPPORTED,
			      "leaf mode ccf: the leaf takes the receipt too");
	}
	sl_merkle_leaf(s, ret);
	return 0;
}

int
sl_receipt_root(const struct sl_receipt *rc, const struct sl_sign1 *statement,
		enum sl_leaf_mode mode, struct sl_hash *ret, struct sl_err *err)
{
	struct sl_hash leaf;
	int r;

	if (rc->is_consistency)
		return SL_ERR(err, VERIFY,
			      "receipt: of consistency, one of inclusion is due");
	if (rc->is_ccf != (mode == SL_LEAF_CCF))
		return SL_ERR(
		    err, VERIFY,
		    "receipt: verifiable data structure %d, but the leaf mode of "
		    "its service is %s",
		    rc->is_ccf ? SL_VDS_CCF : SL_VDS_RFC9162, sl_leaf_mode_name(mode));
	if (rc->is_ccf)
		return sl_ccf_root(rc, statement, ret, err);
	if ((r = sl_receipt_leaf(statement, mode, &leaf, err)) < 0)
		return r;
	r = sl_proof_root(&rc->path, rc->index, rc->size, &leaf, ret, err);
	return r < 0 ? sl_err_ctx(err, "receipt") : 0;
}

static int
check_signature(const struct sl_receipt *rc, const struct sl_hash *root,
		const uint8_t pub[SL_KEY_LEN], struct sl_err *err)
{
	struct sl_slice payload = { root->b, SL_HASH_LEN };
	int r;

	if (!rc->s.is_detached && !sl_slice_eq(rc->s.payload, payload))
		return SL_ERR(err, VERIFY,
			      "receipt: the root it holds is not the one proven");
	r = sl_sign1_verify(&rc->s, rc->s.is_detached ? payload : (struct sl_slice){ 0 },
			    (struct sl_slice){ 0 }, pub, err);
	return r < 0 ? sl_err_ctx(err, "receipt") : 0;
}

int
sl_receipt_verify(const struct sl_receipt *rc, const struct sl_hash *leaf,
		  const uint8_t pub[SL_KEY_LEN], struct sl_hash *ret_root,
		  struct sl_err *err)
{
	struct sl_hash root;
	int r;

	if (rc->is_consistency)
		return SL_ERR(err, VERIFY,
			      "receipt: of consistency, one of inclusion is due");
	if (rc->is_ccf)
		return SL_ERR(err, UNSUPPORTED, "receipt: of a CCF ledger (vds 2)");
	if (sl_proof_root(&rc->path, rc->index, rc->size, leaf, &root, err) < 0)
		return sl_err_ctx(err, "receipt");
	if ((r = check_signature(rc, &root, pub, err)) < 0)
		return r;
	*ret_root = root;
	return 0;
}

int
sl_receipt_verify_newer(const struct sl_receipt *rc, const struct sl_hash *root1,
			const uint8_t pub[SL_KEY_LEN], struct sl_hash *ret_root,
			struct sl_err *err)
{
	struct sl_hash root;
	int r;

	if (!rc->is_consistency)
		return SL_ERR(err, VERIFY,
			      "receipt: of inclusion, one of consistency is due");
	/* Without the newer root at hand the path must be walked to know what was signed.
	 */
	r = sl_proof_newer_root(&rc->path, rc->size1, rc->size, root1, &root, err);
	if (r < 0)
		return sl_err_ctx(err, "receipt");
	if ((r = check_signature(rc, &root, pub, err)) < 0)
		return r;
	*ret_root = root;
	return 0;
}

/* ---- writing ---- */

static void
put_protected(const struct sl_sign1_opts *o, struct sl_buf *out)
{
	const struct sl_sign1_opts own = {
		.alg = o->alg,
		.kid = o->kid,
		.iss = o->iss,
		.sub = o->sub,
		.has_iat = o->has_iat,
		.iat = o->iat,
		.has_vds = true,
		.vds = SL_VDS_RFC9162,
	};

	sl_sign1_put_protected(&own, out);
}

int
sl_receipt_sign(const struct sl_sign1_opts *o, const struct sl_hash *root,
		const struct sl_signer *k, uint8_t ret_sig[SL_SIG_LEN],
		struct sl_err *err)
{
	SL_AUTO_BUF prot = { .max = SL_RECEIPT_BYTES_MAX / 2 };

	put_protected(o, &prot);
	if (prot.is_failed)
		return SL_ERR(err, LIMIT, "receipt: the protected header is too long");
	return sl_sign1_sign(sl_buf_get(&prot), (struct sl_slice){ 0 },
			     (struct sl_slice){ root->b, SL_HASH_LEN }, k, ret_sig, err);
}

static int
put(const struct sl_sign1_opts *o, int kind, uint64_t a, uint64_t b,
    const struct sl_proof *path, const uint8_t sig[SL_SIG_LEN], struct sl_buf *out,
    struct sl_err *err)
{
	SL_AUTO_BUF prot = { .max = SL_RECEIPT_BYTES_MAX / 2 };
	SL_AUTO_BUF unprot = { .max = SL_RECEIPT_BYTES_MAX / 2 };
	SL_AUTO_BUF proof = { .max = SL_RECEIPT_BYTES_MAX / 2 };

	if (path->n == 0 || path->n > SL_PROOF_MAX)
		return SL_ERR(err, USAGE, "receipt: no form for a path of %zu hashes",
			      path->n);
	put_protected(o, &prot);
	sl_cbor_put_arr(&proof, 3);
	sl_cbor_put_uint(&proof, a);
	sl_cbor_put_uint(&proof, b);
	sl_cbor_put_arr(&proof, path->n);
	for (size_t i = 0; i < path->n; i++)
		sl_cbor_put_bstr(&proof, (struct sl_slice){ path->h[i].b, SL_HASH_LEN });
	sl_cbor_put_map(&unprot, 1);
	sl_cbor_put_int(&unprot, SL_COSE_VDP);
	sl_cbor_put_map(&unprot, 1);
	sl_cbor_put_int(&unprot, kind);
	sl_cbor_put_arr(&unprot, 1);
	sl_cbor_put_bstr(&unprot, sl_buf_get(&proof));
	if (!prot.is_failed && !unprot.is_failed && !proof.is_failed)
		sl_sign1_put(sl_buf_get(&prot), sl_buf_get(&unprot),
			     (struct sl_slice){ 0 }, true,
			     (struct sl_slice){ sig, SL_SIG_LEN }, out);
	if (prot.is_failed || unprot.is_failed || proof.is_failed || out->is_failed)
		return SL_ERR(err, LIMIT, "receipt: too long, or out of memory");
	return 0;
}

int
sl_receipt_put(const struct sl_sign1_opts *o, uint64_t index, uint64_t size,
	       const struct sl_proof *path, const uint8_t sig[SL_SIG_LEN],
	       struct sl_buf *out, struct sl_err *err)
{
	return put(o, SL_VDP_INCLUSION, size, index, path, sig, out, err);
}

int
sl_receipt_put_newer(const struct sl_sign1_opts *o, uint64_t size1, uint64_t size2,
		     const struct sl_proof *path, const uint8_t sig[SL_SIG_LEN],
		     struct sl_buf *out, struct sl_err *err)
{
	return put(o, SL_VDP_CONSISTENCY, size1, size2, path, sig, out, err);
}
