/* logs.h -- which logs this node is a witness of, and what it keeps of each
 * (doc/PROTOCOL.witness section 2).
 *
 * witness/HEX.log, HEX = SHA-256(origin): the keys that speak for the origin, one vkey a
 * line, each named by the origin.  witness/HEX: the checkpoint cosigned last
 * (log/cosign.h).  witness/HEX.fork: evidence that the log forked.
 */
#ifndef SL_WITNESS_LOGS_H
#define SL_WITNESS_LOGS_H

#include "base/arena.h"
#include "cose/checkpoint.h"
#include "record/home.h"

enum { SL_LOG_KEYS_MAX = 8, SL_FORK_FILE_MAX = 1 << 17 };

struct sl_log_keys {
	struct sl_buf text; /* owned; the keys point into it */
	struct sl_vkey key[SL_LOG_KEYS_MAX];
	size_t n; /* 0: the log is not known */
};

int sl_log_keys_get(const struct sl_home *h, struct sl_slice origin,
		    struct sl_log_keys *ret, struct sl_err *err) SL_MUST_CHECK;
void sl_log_keys_done(struct sl_log_keys *k); /* accepts a zeroed one */
/* From now on the key speaks for the log of its name; again does nothing.  *ret_is_new
 * says which.  FORMAT: not a log's key; LIMIT: the log has SL_LOG_KEYS_MAX. */
int sl_log_keys_add(const struct sl_home *h, const struct sl_vkey *key, bool *ret_is_new,
		    struct sl_err *err) SL_MUST_CHECK;

/* A file of witness/ by a name's ending: ".log", ".fork", "" (the checkpoint cosigned
 * last); appended.  who: an origin, or the 64 hex digits of its digest.  NOENT. */
int sl_witness_read(const struct sl_home *h, struct sl_slice who, const char *ending,
		    size_t max, struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* Written aside, synced, renamed, witness/ synced. */
int sl_witness_write(const struct sl_home *h, struct sl_slice origin, const char *ending,
		     struct sl_slice bytes, struct sl_err *err) SL_MUST_CHECK;
/* The hex names of all logs that are known or have a state, sorted. */
int sl_witness_list(const struct sl_home *h, struct sl_arena *a, const char *const **ret,
		    size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;

#endif
