/* keyring.h -- which keys sign for a node, as the key statements of its log say.
 *
 * Fed with the statements of kind "key" of the node's tree, in order.  The first names
 * the identity that the log is called after; each later identity is signed by the one
 * before and is the one whose digest that one had stated beforehand, so that a stolen
 * identity key alone cannot name its successor.  A new identity ends the working keys
 * before it, whose seeds follow from the old one.  A retired key stays known: what it
 * signed before is good. */
#ifndef SL_LOG_KEYRING_H
#define SL_LOG_KEYRING_H

#include "cose/sign1.h"
#include "log/find.h"

enum { SL_RING_MAX = 1 << 16 };

enum sl_key_role { SL_KEY_IDENTITY, SL_KEY_WORKING, SL_KEY_PLATFORM, SL_KEY_RETIRED };

struct sl_key_said { /* what one key statement says */
	enum sl_key_role role;
	uint8_t pub[32], issuer[32];
	bool has_next;
	uint8_t next[32]; /* SHA-256 of the next identity's public half */
	uint64_t after;   /* RETIRED: entries from here on are not its */
};

struct sl_ring_key {
	uint8_t pub[32];
	uint64_t from;   /* index of its certificate: it signs what comes behind */
	uint64_t until;  /* index of what ended it; UINT64_MAX: nothing has */
	bool is_retired; /* by a statement of its own */
	bool is_used;    /* the caller's */
};

struct sl_keyring {
	uint8_t first[32];      /* the identity that the log is called after */
	uint8_t identity[32];   /* the one in force */
	struct sl_ring_key *id; /* identities, as they followed one another; owned */
	size_t n_ids, cap_ids;
	bool has_next;
	uint8_t next[32];
	struct sl_ring_key *key; /* working keys, as they come; owned */
	size_t n, cap;
};

void sl_keyring_init(struct sl_keyring *k, const uint8_t first[32]);
void sl_keyring_done(struct sl_keyring *k);

/* The payload of a key statement, of any tree.  VERIFY for what is none. */
int sl_key_said(struct sl_slice payload, struct sl_key_said *ret,
		struct sl_err *err) SL_MUST_CHECK;
/* The statement at index of the node's tree: its signature, that its issuer is the
 * identity in force, and what it may say.  VERIFY, and the ring stays as it was. */
int sl_keyring_add(struct sl_keyring *k, uint64_t index, const struct sl_sign1 *s,
		   struct sl_err *err) SL_MUST_CHECK;
/* All key statements of the node's tree, up to the seal of the view. */
int sl_keyring_read(struct sl_keyring *k, const struct sl_view *v,
		    struct sl_err *err) SL_MUST_CHECK;
/* The working key, whatever became of it; or NULL. */
struct sl_ring_key *sl_keyring_find(const struct sl_keyring *k, const uint8_t pub[32]);
/* May pub sign the entry at index of the node's tree; its root at size; a seal then. */
bool sl_keyring_signs(const struct sl_keyring *k, const uint8_t pub[32], uint64_t index);
bool sl_keyring_signs_root(const struct sl_keyring *k, const uint8_t pub[32],
			   uint64_t size);

#endif
