/* request.h -- C2SP tlog-witness: POST add-checkpoint, bytes in, status and bytes out.
 *
 * The request is parsed strictly (400 for what is malformed, in whatever way); nothing
 * here touches a key or keeps a state: that is the cosigner's, log/cosign.h, which the
 * caller reaches by a callback.  The order of checks is the specification's: form, 404,
 * 403, 400 (old above size), 409, 422.
 */
#ifndef SL_WITNESS_REQUEST_H
#define SL_WITNESS_REQUEST_H

#include "log/recorder.h"
#include "witness/fork.h"
#include "witness/logs.h"

enum {
	SL_ADD_CHECKPOINT_MAX = 1 << 17, /* bytes of a request */
	SL_ADD_CHECKPOINT_PATH = 63,
	SL_WITNESS_ANSWER_MAX = 1 << 17
};

struct sl_add_checkpoint { /* slices point into the body */
	uint64_t old_size;
	struct sl_proof path;
	struct sl_slice bytes; /* the note */
	struct sl_note note;
	struct sl_checkpoint checkpoint;
};

/* FORMAT, LIMIT. */
int sl_add_checkpoint_parse(struct sl_slice body, struct sl_add_checkpoint *ret,
			    struct sl_err *err) SL_MUST_CHECK;
void sl_add_checkpoint_put(uint64_t old_size, const struct sl_proof *path,
			   struct sl_slice note, struct sl_buf *out);

struct sl_answer {
	int status;         /* of HTTP */
	const char *type;   /* Content-Type */
	struct sl_buf body; /* owned */
	const char *why;    /* of a refusal, for people: static */
	struct sl_buf fork; /* owned; evidence (witness/fork.h) that this request brought,
			       to be kept before the answer is sent; else empty */
	struct sl_buf origin; /* owned; the log's, where the request named one */
	uint64_t size;        /* cosigned last */
};

void sl_answer_init(struct sl_answer *a);
void sl_answer_done(struct sl_answer *a); /* accepts a zeroed one */

/* As sl_recorder_cosign(). */
typedef int sl_cosign_fn(void *arg, const struct sl_cosign *q, struct sl_cosigned *ret,
			 struct sl_buf *note, struct sl_err *err);
/* As sl_log_keys_get(). */
typedef int sl_log_keys_fn(void *arg, struct sl_slice origin, struct sl_log_keys *ret,
			   struct sl_err *err);

struct sl_witness {
	void *arg;
	sl_log_keys_fn *keys;
	sl_cosign_fn *cosign;
};

/* 0 with an answer, whatever it is; NOMEM, STORE, SYS, BUG: none can be given (500). */
int sl_witness_answer(const struct sl_witness *w, struct sl_slice body,
		      struct sl_answer *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
