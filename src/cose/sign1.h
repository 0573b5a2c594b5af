/* sign1.h -- COSE_Sign1 (RFC 9052 section 4.2): what statements and receipts are.
 *
 * Parsing is strict and copies nothing: slices point into the caller's bytes, which must
 * outlive the struct.  Refused, each with the label, the rule and the place: everything
 * that codec/cbor.h refuses (in the protected header too), an untagged message, a label
 * in both headers (RFC 9052 section 3), a crit that is unprotected, empty or names a
 * label not understood (3.1), a kid that is not bstr, alg outside the protected header,
 * labels of drafts (-111, -222, 391 to 393, CWT claims at 13), hash envelope parameters
 * outside the protected header or beside a content type (RFC 9995 section 4).
 *
 * Signing uses the bytes as they are, never re-encoded; an empty protected map that was
 * sent as h'a0' counts as h'' (RFC 9052 section 4.4).
 */
#ifndef SL_COSE_SIGN1_H
#define SL_COSE_SIGN1_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/cbor.h"
#include "cose/numbers.h"
#include "crypto/ed25519.h"

enum { SL_SIGN1_BYTES_MAX = 1 << 24 }; /* what sl_sign1_parse() takes at most */

/* What the headers said; a number counts only with its has_. */
struct sl_cose_hdr {
	bool has_alg, has_kid, has_claims, has_x5chain, has_x5t, has_hash_alg, has_vds;
	bool has_type_uint, has_type_text, has_typ, has_vdp;
	bool is_kid_unprotected;
	int64_t alg; /* 0 when it is text */
	struct sl_slice alg_text, kid;
	uint64_t type_uint;            /* content type: CoAP content format */
	struct sl_slice type_text;     /* content type: media type */
	struct sl_slice typ;           /* text; a CoAP number leaves it empty */
	int64_t hash_alg, vds;         /* hash envelope; receipts */
	struct sl_slice preimage_type; /* text; a CoAP number leaves it empty */
	struct sl_slice location;      /* of the preimage */
	struct sl_slice x5chain, x5t;  /* encoded items */
	struct sl_slice x5chain_open;  /* of the unprotected header: counts only beside a
					  protected x5t (RFC 9360 section 2) */
	struct sl_slice receipts, vdp; /* encoded items of the unprotected header */
	bool has_iss, has_sub, has_iat, has_exp, has_nbf; /* claims, RFC 8392 */
	struct sl_slice iss, sub;
	int64_t iat, exp, nbf; /* s since 1970; iat, exp, nbf may arrive tagged 1 */
};

struct sl_sign1 {
	struct sl_slice bytes;   /* the whole message */
	struct sl_slice prot;    /* content of the protected bstr */
	struct sl_slice unprot;  /* the unprotected map, encoded */
	struct sl_slice tail;    /* payload and signature, encoded, as received */
	struct sl_slice payload; /* empty when detached */
	struct sl_slice sig;
	bool is_detached; /* payload is nil */
	struct sl_cose_hdr h;
};

/* FORMAT, LIMIT, UNSUPPORTED (a critical label that is not understood). */
int sl_sign1_parse(struct sl_slice src, size_t max_bytes, struct sl_sign1 *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* Appends what the signature is over (Sig_structure, RFC 9052 section 4.4), for
 * algorithms that are checked elsewhere.  USAGE: a payload beside the message's own. */
int sl_sign1_tbs(const struct sl_sign1 *s, struct sl_slice detached, struct sl_slice aad,
		 struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* The signature over payload, which stands in for a detached one (and must be empty
 * otherwise).  VERIFY when it is wrong; UNSUPPORTED, naming the algorithm, for all but
 * Ed25519 (-8 with a 64-byte signature, -19). */
int sl_sign1_verify(const struct sl_sign1 *s, struct sl_slice detached,
		    struct sl_slice aad, const uint8_t pub[SL_KEY_LEN],
		    struct sl_err *err) SL_MUST_CHECK;

/* The entry of a log: the message with its unprotected header emptied by rewriting that
 * map alone (RFC 9943 section 6.3), and its SHA-256. */
void sl_sign1_canon_put(const struct sl_sign1 *s, struct sl_buf *out);
void sl_sign1_canon(const struct sl_sign1 *s, uint8_t ret_hash[32]);
/* The message as it was before receipts were attached to it: without label 394, every
 * other byte as received. */
void sl_sign1_plain_put(const struct sl_sign1 *s, struct sl_buf *out);

/* What to sign.  A slice with p == NULL, or a false has_, leaves a parameter out. */
struct sl_sign1_opts {
	int64_t alg; /* SL_ALG_EDDSA (0 means that) or SL_ALG_ED25519 */
	struct sl_slice kid, iss, sub;
	struct sl_slice content_type, typ;
	int64_t hash_alg; /* not 0: hash envelope, the payload is a digest */
	struct sl_slice preimage_type, location;
	bool has_iat, has_vds;
	int64_t iat, vds;
	bool is_detached; /* payload goes under the signature, not in */
	struct sl_slice payload, aad;
	struct sl_slice unprot; /* encoded map; empty: {} */
};

/* Appends the protected header's content, deterministic. */
void sl_sign1_put_protected(const struct sl_sign1_opts *o, struct sl_buf *out);
/* Signature over Sig_structure ["Signature1", prot, aad, payload]. */
int sl_sign1_sign(struct sl_slice prot, struct sl_slice aad, struct sl_slice payload,
		  const struct sl_signer *k, uint8_t ret_sig[SL_SIG_LEN],
		  struct sl_err *err) SL_MUST_CHECK;
/* Appends the tagged message from its four parts; is_detached: payload nil. */
void sl_sign1_put(struct sl_slice prot, struct sl_slice unprot, struct sl_slice payload,
		  bool is_detached, struct sl_slice sig, struct sl_buf *out);
/* All of it. */
int sl_sign1_build(const struct sl_sign1_opts *o, const struct sl_signer *k,
		   struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;

#endif
