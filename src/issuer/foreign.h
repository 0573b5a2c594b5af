/* foreign.h -- a statement of others with the receipts of whatever services (RFC 9943),
 * judged by the operator's list.
 *
 * Each receipt is judged alone, since nothing signs the header that holds them: one that
 * is corrupt, or of a service that is not listed, takes nothing from one that is good.
 * Which leaf a receipt is over is what the list says of its service, never guessed.
 * Certificates are held to the time of the earliest good receipt that has one (its
 * service's word that the statement was there by then), else to the caller's.
 */
#ifndef SL_ISSUER_FOREIGN_H
#define SL_ISSUER_FOREIGN_H

#include "issuer/issuer.h"
#include "record/transparent.h"

enum { SL_SERVICE_MAX = 160 }; /* bytes shown of a service's name, with the NUL */

enum sl_judgement {
	SL_JUDGED_GOOD,
	SL_JUDGED_BAD,    /* it does not verify */
	SL_JUDGED_UNKNOWN /* service or key not listed: nothing could be checked */
};

struct sl_judged {
	enum sl_judgement is;
	char service[SL_SERVICE_MAX]; /* what it says that it is of; "-": nothing */
	enum sl_leaf_mode mode;
	bool has_place, has_time;
	bool is_unsupported;      /* bad, for what is not checked here: why names it */
	uint64_t index, size;     /* has_place: not of CCF */
	int64_t time;             /* has_time: iat, s since 1970 */
	char why[SL_ERR_MSG_MAX]; /* not good */
};

struct sl_foreign {
	struct sl_sign1 s; /* points into the source */
	uint8_t id[32];
	struct sl_issuer_found who;
	struct sl_judged receipt[SL_TRANSPARENT_RECEIPTS];
	size_t n, n_good;
	int64_t time; /* that certificates were held to */
};

enum {
	SL_FOREIGN_NO_RECEIPTS = 1, /* the signature is the question: none is looked at */
	SL_FOREIGN_TIME = 2         /* env's time, also where a receipt has one */
};

/* r may be NULL: no log is at hand.  0: the statement's signature holds; what its
 * receipts are worth and whether the issuer is trusted is in *ret.  Errors are those of
 * sl_issuer_check(), and FORMAT, LIMIT of the statement. */
int sl_foreign_check(struct sl_slice src, const struct sl_issuer_env *env,
		     struct sl_reader *r, unsigned flags, struct sl_foreign *ret,
		     struct sl_err *err) SL_MUST_CHECK;
/* Judges one receipt for the statement s; never fails but for NOMEM, ENV, SYS. */
int sl_foreign_receipt(struct sl_slice receipt, const struct sl_sign1 *s,
		       const struct sl_issuer_env *env, struct sl_judged *ret,
		       struct sl_err *err) SL_MUST_CHECK;
/* What fd gives, to its end, is what the statement is about: the preimage of a hash
 * envelope, or the payload itself.  VERIFY; SYS. */
int sl_payload_check(const struct sl_sign1 *s, int fd, struct sl_err *err) SL_MUST_CHECK;

#endif
