/* receipt.h -- COSE Receipts (RFC 9942): a log's signature over a Merkle root, with the
 * path that leads from an entry (inclusion) or from an older root (consistency) to it.
 *
 * The signature covers protected header and root alone, so one signature serves every
 * receipt of a batch: sl_receipt_sign() once, sl_receipt_put() for each.
 *
 * What is proven is the root and that the leaf lies under it at the index.  The size is
 * not: another one whose tree has the same path (9 and 11, for leaf 5) verifies as well.
 * Who needs the size takes it from a checkpoint of the same root.
 */
#ifndef SL_COSE_RECEIPT_H
#define SL_COSE_RECEIPT_H

#include "cose/sign1.h"
#include "merkle/proof.h"

enum { SL_RECEIPT_BYTES_MAX = 1 << 16 };

/* The RFCs do not fix what a leaf is; it is configured for each trusted log, never
 * guessed.  SL_LEAF_CANONICAL is ours. */
enum sl_leaf_mode {
	SL_LEAF_CANONICAL, /* entry = SHA-256(statement with unprotected {}) */
	SL_LEAF_AS_IS,     /* entry = SHA-256(statement bytes before any receipt) */
	SL_LEAF_FULL,      /* entry = statement bytes before any receipt */
	SL_LEAF_CCF        /* CCF ledgers (vds 2): their own tree, see below */
};
const char *sl_leaf_mode_name(enum sl_leaf_mode m);
bool sl_leaf_mode_parse(struct sl_slice s, enum sl_leaf_mode *ret);

enum {
	SL_RECEIPT_ANY_CLAIMS = 1, /* tolerate missing kid, iss, sub (older issuers) */
	SL_RECEIPT_CCF = 2         /* take vds 2 as well */
};

/* vds 2 (draft-ietf-scitt-receipts-ccf-profile): leaf = SHA-256(tx || SHA-256(evidence)
 * || data), without the prefixes of RFC 9162; data is the canonical statement's digest,
 * and bit i of left says that the i-th hash of the path stands on the left. */
struct sl_ccf {
	struct sl_hash tx, data;
	struct sl_slice evidence; /* text, 1 to 1024 bytes */
	uint64_t left;
};

struct sl_receipt {
	struct sl_sign1 s;
	bool is_consistency;
	uint64_t index;       /* inclusion: of the leaf */
	uint64_t size1, size; /* consistency: of the older tree; of the tree signed */
	struct sl_proof path;
	bool is_ccf; /* index and size are 0: such a receipt tells neither */
	struct sl_ccf ccf;
};

/* FORMAT; UNSUPPORTED for another vds than RFC9162_SHA256 (or CCF where flags take it),
 * or several proofs in one receipt. */
int sl_receipt_parse(struct sl_slice src, unsigned flags, struct sl_receipt *ret,
		     struct sl_err *err) SL_MUST_CHECK;

/* The entry's leaf hash in a log of this mode. */
int sl_receipt_leaf(const struct sl_sign1 *statement, enum sl_leaf_mode mode,
		    struct sl_hash *ret, struct sl_err *err) SL_MUST_CHECK;
/* The root that an inclusion receipt leads to from the statement, in a log of that mode:
 * what its signature has to be over.  VERIFY: a receipt of consistency, a proof that
 * leads nowhere, vds and mode that do not fit each other, CCF data of another statement.
 */
int sl_receipt_root(const struct sl_receipt *rc, const struct sl_sign1 *statement,
		    enum sl_leaf_mode mode, struct sl_hash *ret,
		    struct sl_err *err) SL_MUST_CHECK;
/* Leaf and path give the root, over which pub must have signed.  VERIFY; UNSUPPORTED for
 * other algorithms than Ed25519. */
int sl_receipt_verify(const struct sl_receipt *rc, const struct sl_hash *leaf,
		      const uint8_t pub[SL_KEY_LEN], struct sl_hash *ret_root,
		      struct sl_err *err) SL_MUST_CHECK;
/* Consistency: the older root, known from before, and the path give the newer one. */
int sl_receipt_verify_newer(const struct sl_receipt *rc, const struct sl_hash *root1,
			    const uint8_t pub[SL_KEY_LEN], struct sl_hash *ret_root,
			    struct sl_err *err) SL_MUST_CHECK;

/* o: alg, kid, iss, sub, iat are used; vds and the payload are set here. */
int sl_receipt_sign(const struct sl_sign1_opts *o, const struct sl_hash *root,
		    const struct sl_signer *k, uint8_t ret_sig[SL_SIG_LEN],
		    struct sl_err *err) SL_MUST_CHECK;
/* Appends a receipt.  A tree of size 1 gives an empty path, which RFC 9942 section 5.2
 * has no form for: USAGE.  The same for consistency with equal sizes. */
int sl_receipt_put(const struct sl_sign1_opts *o, uint64_t index, uint64_t size,
		   const struct sl_proof *path, const uint8_t sig[SL_SIG_LEN],
		   struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
int sl_receipt_put_newer(const struct sl_sign1_opts *o, uint64_t size1, uint64_t size2,
			 const struct sl_proof *path, const uint8_t sig[SL_SIG_LEN],
			 struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;

#endif
