/* sigreq.h -- what is asked of the signature helper, and what it answers
 * (doc/PROTOCOL.roles, sluice-sig).
 *
 * The helper checks what build/sluice links no library for: ECDSA and RSA-PSS, and X.509
 * paths.  A question and its answer are one CBOR item each; both sides read them with
 * these functions.  Keys are SubjectPublicKeyInfo in DER (RFC 5280 section 4.1).
 */
#ifndef SL_COSE_SIGREQ_H
#define SL_COSE_SIGREQ_H

#include "base/buf.h"
#include "base/err.h"
#include "cose/sign1.h"

enum {
	SL_SIG_CERTS_MAX = 16,       /* of a chain */
	SL_SIG_ROOTS_MAX = 64,       /* that are trusted */
	SL_SIG_CERT_BYTES = 1 << 16, /* of one certificate */
	SL_SIG_SPKI_MAX = 2200,      /* RSA with 16384 bits takes 2086 bytes */
	SL_SIG_ASK_MAX = SL_SIGN1_BYTES_MAX + (1 << 21),
	SL_SIG_ANSWER_MAX = 8192
};

enum sl_sig_op {                    /* of the channel */
		 SL_SIG_VERIFY = 1, /* spki signed tbs by alg? */
		 SL_SIG_CHAIN,      /* does the path hold at time, and fit iss? */
		 SL_SIG_CERT,       /* the key of one certificate */
		 SL_SIG_ANSWER = 16
};

struct sl_sig_ask {
	enum sl_sig_op op;
	int64_t alg;              /* VERIFY */
	struct sl_slice spki;     /* VERIFY */
	struct sl_slice tbs, sig; /* VERIFY */
	int64_t time;             /* CHAIN: s since 1970 */
	struct sl_slice iss;      /* CHAIN: a did:x509 is held to the chain */
	struct sl_slice cert[SL_SIG_CERTS_MAX]; /* CHAIN: leaf first; CERT: one */
	size_t n_certs;
	struct sl_slice root[SL_SIG_ROOTS_MAX]; /* CHAIN */
	size_t n_roots;
};

struct sl_sig_answer {
	int code;             /* 0 or SL_E(...) */
	struct sl_slice msg;  /* why, when code is not 0 */
	struct sl_slice spki; /* CHAIN, CERT: of the leaf */
	bool is_bound; /* CHAIN: the leaf says itself that it speaks for iss: a did:x509,
			  or a name of the same URI or host */
};

void sl_sig_ask_put(const struct sl_sig_ask *a, struct sl_buf *out);
/* Slices point into src. */
int sl_sig_ask_get(enum sl_sig_op op, struct sl_slice src, struct sl_sig_ask *ret,
		   struct sl_err *err) SL_MUST_CHECK;
void sl_sig_answer_put(const struct sl_sig_answer *a, struct sl_buf *out);
int sl_sig_answer_get(struct sl_slice src, struct sl_sig_answer *ret,
		      struct sl_err *err) SL_MUST_CHECK;

#endif
