/* keys.h -- the node's keys on disk and what is derived from them (DESIGN section 4).
 *
 * keys/identity, keys/next, keys/hmac: 32 random bytes each, mode 0600 in a directory of
 * mode 0700.  identity signs key statements alone; next is the seed of the key that
 * will follow it, whose digest is stated beforehand; hmac names secrets.  Derived:
 * CDI1 = HKDF(identity, "sluice-build" || build), the seed of the working key of this
 * build; the seed of a run's key = HKDF(CDI1, "sluice-run-key" || run ID); that of the
 * platform tree's = HKDF(identity, "sluice-platform-key").  keys/witness, where this node
 * has been a witness: the seed of the key that cosigns (log/cosign.h).
 *
 * Another identity comes in three steps, each durable before the next: `following` is
 * made (and keys/platform keeps the platform's seed, whose tree has one key for good);
 * the log states the new identity; next becomes identity, following becomes next.  Cut
 * off before the second step, the old keys are the node's; after it,
 * sl_node_keys_resume() ends what was begun.
 */
#ifndef SL_LOG_KEYS_H
#define SL_LOG_KEYS_H

#include "log/io.h"
#include "log/sign.h"

struct sl_node_keys {
	struct sl_log_key identity, working;
	struct sl_log_key platform; /* sl_platform_key() */
	uint8_t platform_seed[32];
	bool has_platform;
	uint8_t cdi[32];
	uint8_t hmac[32];
	uint8_t next[32]; /* SHA-256 of the next identity key's public half */
	bool has_next;
};

/* sealed: the identity where keys/identity is not there but its sealed form is, or NULL.
 * may_make: what is missing is made (the log is empty and the caller holds its lock);
 * otherwise a missing identity is STORE: a log without its keys is not continued. */
int sl_node_keys_load(struct sl_node_keys *k, int home_fd, const struct sl_store_io *io,
		      bool may_make, const uint8_t build[32], const uint8_t *sealed,
		      struct sl_err *err) SL_MUST_CHECK;
/* keys/begun says that a log was begun with these keys: an empty log beside it has been
 * lost, and beginning another would show two histories under one name.  has: whether it
 * is there; mark: makes it. */
bool sl_keys_has_begun(int home_fd);
int sl_keys_mark_begun(int home_fd, const struct sl_store_io *io,
		       struct sl_err *err) SL_MUST_CHECK;
/* Ends a rotation that the log has and the files do not: next_key is the digest of the
 * next identity that the log states.  Under the store's lock; nothing to do costs one
 * look. */
int sl_node_keys_resume(int home_fd, const struct sl_store_io *io,
			const uint8_t next_key[32], struct sl_err *err) SL_MUST_CHECK;
/* The seed of keys/next; NOENT where it is not there and may_make is false. */
int sl_node_keys_next(int home_fd, const struct sl_store_io *io, bool may_make,
		      uint8_t ret_seed[32], struct sl_err *err) SL_MUST_CHECK;
/* The first step: the seed of keys/following, and keys/platform. */
int sl_node_keys_prepare(int home_fd, const struct sl_store_io *io,
			 const struct sl_node_keys *k, uint8_t ret_following[32],
			 struct sl_err *err) SL_MUST_CHECK;
/* What follows from an identity's seed, for the same node. */
void sl_node_keys_derive(struct sl_node_keys *k, const uint8_t identity[32],
			 const uint8_t build[32]);
void sl_seed_digest(const uint8_t seed[32], uint8_t ret[32]); /* of its public half */
void sl_node_keys_done(struct sl_node_keys *k);
/* Made when it is first asked for: it signs once a boot. */
const struct sl_log_key *sl_platform_key(struct sl_node_keys *k);
void sl_run_key(const uint8_t cdi[32], const uint8_t run[32], struct sl_log_key *ret);

/* keys/witness, made where it is missing; the caller holds witness/lock.  STORE: the
 * witness has a history (witness/ holds a state) and its key is gone. */
int sl_witness_seed(int home_fd, const struct sl_store_io *io, uint8_t ret[32],
		    struct sl_err *err) SL_MUST_CHECK;

#endif
