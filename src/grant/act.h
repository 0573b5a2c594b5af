/* act.h -- one process to be started in a box, as data: what a step's decision
 * names by digest and the box then carries out to the letter. */
#ifndef SL_GRANT_ACT_H
#define SL_GRANT_ACT_H

#include "grant/grant.h"

struct sl_act_file {
	struct sl_slice path;  /* inside, on the box's own tmpfs; parents are made */
	struct sl_slice bytes; /* content */
	unsigned mode;         /* 0600, 0700 */
};

struct sl_act {
	const struct sl_slice *argv; /* n_argv >= 1; no NUL inside */
	size_t n_argv;
	const struct sl_slice *env; /* "NAME=VALUE"; the whole environment */
	size_t n_env;
	struct sl_slice cwd;           /* absolute, inside */
	const struct sl_act_file *put; /* written before the start */
	size_t n_put;
	const struct sl_slice *get; /* read after the end, each at most get_max bytes */
	size_t n_get, get_max;
};

/* SHA-256 over the deterministic CBOR of the act.  secrets' values occur in env and
 * put: the digest is keyed with the node-local HMAC key (promise 6). */
int sl_act_digest(const struct sl_act *act, const uint8_t hmac_key[32], uint8_t ret[32],
		  struct sl_err *err) SL_MUST_CHECK;

#endif
