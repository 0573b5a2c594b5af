/* sig.h -- a signature checked, by whom that is done: Ed25519 by libsodium in this
 * process, ECDSA, RSA-PSS and X.509 in the helper sluice-sig, which is started at the
 * first question and serves all others.
 */
#ifndef SL_ISSUER_SIG_H
#define SL_ISSUER_SIG_H

#include "issuer/pubkey.h"
#include "priv/helper.h"

enum { SL_SIG_DEADLINE_MS = 20000 };

/* Zeroed: whatever is not Ed25519 is refused as UNSUPPORTED, by name. */
struct sl_sig {
	/* Answers a question (of cose/sigreq.h) into room. */
	int (*ask)(struct sl_sig *s, enum sl_sig_op op, struct sl_slice question,
		   struct sl_err *err);
	void (*stop)(struct sl_sig *s); /* or NULL */
	struct sl_helper helper;
	struct sl_buf room;
};

/* By the helper, started at the first question. */
void sl_sig_helper(struct sl_sig *s);
/* By a helper that somebody else started, over its channel fd (kept by the caller): for a
 * process that may start none. */
void sl_sig_over(struct sl_sig *s, int fd);
void sl_sig_done(struct sl_sig *s);
/* Whether alg is one of those that can be checked at all: 0, else UNSUPPORTED with its
 * name. */
int sl_sig_known(const struct sl_cose_hdr *h, struct sl_err *err) SL_MUST_CHECK;
/* VERIFY; UNSUPPORTED; ENV where the helper is missing. */
int sl_sig_check(struct sl_sig *s, const struct sl_pubkey *k, int64_t alg,
		 struct sl_slice tbs, struct sl_slice sig,
		 struct sl_err *err) SL_MUST_CHECK;
/* CHAIN and CERT questions; *ret_bound as in sl_sig_answer. */
int sl_sig_cert_key(struct sl_sig *s, const struct sl_sig_ask *a, struct sl_pubkey *ret,
		    bool *ret_bound, struct sl_err *err) SL_MUST_CHECK;

#define SL_AUTO_SIG __attribute__((cleanup(sl_sig_done))) struct sl_sig /* s = { 0 } */

#endif
