/* check.h -- statements of others are read and verified in a process of their own, which
 * has nothing but memory and its channel.
 *
 * Any number of statements go in one message, and so do the answers: one batch is with a
 * checker at a time.
 */
#ifndef SL_SERVE_CHECK_H
#define SL_SERVE_CHECK_H

#include "issuer/issuer.h"
#include "priv/chan.h"
#include "priv/role.h"

enum { SL_CHECK_BATCH = 64, SL_CHECK_BYTES = 4 << 20, SL_CHECK_TYPE_MAX = 1024 };

/* How a statement that is not taken is called (priv/problem.h). */
enum sl_check_fault {
	SL_CHECK_OK,
	SL_CHECK_MALFORMED,
	SL_CHECK_ALGORITHM, /* one that is not accepted */
	SL_CHECK_PAYLOAD,   /* detached */
	SL_CHECK_REJECTED   /* wrong signature, issuer that cannot be verified */
};

struct sl_checked {
	enum sl_check_fault fault;
	struct sl_slice why; /* printable, of a fault */
	size_t head, tail;   /* canonical form: [0, head), the byte a0, [tail, end) */
	struct sl_slice iss, sub, how, alg, type; /* how: the issuer's key was known */
	bool is_envelope;
};

struct sl_checker {
	struct sl_chan chan;
	int pid;
	bool is_busy;
	struct sl_buf room; /* of the answer */
	struct sl_helper sig;
};

extern const struct sl_role sl_checker_role;

/* Before anything foreign is read.  trust: the operator's list, borrowed until it returns
 * (keys and roots; a mirror of did:web is not read there), or NULL.  sluice-sig is
 * started beside it; where that is missing, what is not Ed25519 is refused by name. */
int sl_checker_start(struct sl_checker *c, const struct sl_trust *trust,
		     struct sl_err *err) SL_MUST_CHECK;
void sl_checker_stop(struct sl_checker *c);
/* At most SL_CHECK_BATCH statements; it must not be busy. */
int sl_checker_send(struct sl_checker *c, const struct sl_slice *stmt, size_t n,
		    struct sl_err *err) SL_MUST_CHECK;
/* Waits for the answers, as many as statements were sent; slices are valid until the next
 * call.  FORMAT: it died of what it read, or answers what was not asked: stop it. */
int sl_checker_take(struct sl_checker *c, const struct sl_slice *stmt, size_t n,
		    struct sl_checked *ret, struct sl_err *err) SL_MUST_CHECK;

/* What it does, for a test: one statement, appended to out. */
void sl_check_one(struct sl_slice stmt, const struct sl_issuer_env *env,
		  struct sl_buf *out);
int sl_check_take(struct sl_slice *in, size_t len, struct sl_checked *ret,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
