/* seal.h -- the seal at the end of each batch: the state of the whole store.
 *
 * A seal lists every open tree with its size, root and right edge, so that opening
 * costs the same at any size; trees that the batch touched carry the signatures of
 * their new root.  Its digest covers the digest of the seal before it and, through
 * `batch`, every record between the two; the working key signs that digest.
 */
#ifndef SL_LOG_SEAL_H
#define SL_LOG_SEAL_H

#include "log/rec.h"
#include "merkle/tree.h"

enum {
	SL_SEAL_TOSIGN = 15 + 32, /* label and digest */
	SL_OPEN_TREES_MAX = 1024,
	SL_STATE_KEYS = 8,
	SL_SEAL_MAX = 4 << 20
};

enum sl_tree_flag {
	SL_TREE_TOUCHED = 1, /* by this batch: signatures follow */
	SL_TREE_CLOSED = 2   /* by this batch: later seals leave it out */
};

struct sl_tree_state {
	uint32_t id;
	uint8_t kind;       /* enum sl_tree of recorder.h */
	uint8_t flags;      /* of enum sl_tree_flag */
	uint64_t decl;      /* log offset of its TREE record */
	uint64_t last_seal; /* log offset of the seal with the signatures of this root */
	uint8_t run[32];    /* zeros but for a run's tree */
	uint8_t pub[32];    /* the key that signed this root */
	uint8_t root[32];
	struct sl_edge edge;                   /* its size and right edge */
	uint8_t note_sig[64], receipt_sig[64]; /* TOUCHED only */
};

struct sl_state_key {
	uint8_t pub[32];
	uint64_t index; /* of its certificate in the node tree */
};

struct sl_state {
	uint64_t seq;      /* of the seal; the first is 1; 0: nothing is sealed */
	uint64_t off, end; /* log offsets of the seal and of what follows it */
	int64_t time_ms;
	uint8_t digest[32]; /* of this seal */
	uint8_t prev[32];   /* of the seal before */
	uint64_t prev_off;
	uint8_t batch[32];    /* SHA-256 over the headers of the batch's records, and the
				 bodies of its TREE records */
	uint8_t policy[32];   /* in force; zeros: none yet */
	uint8_t boot[32];     /* digest of the boot ID that the platform tree has last */
	uint8_t next_key[32]; /* SHA-256 of the next identity key */
	uint8_t signer[32];   /* working key that signed */
	uint8_t sig[64];
	uint32_t next_tree; /* the ID that the next tree gets */
	uint32_t n_keys;    /* working keys certified last, newest first */
	struct sl_state_key keys[SL_STATE_KEYS];
	uint32_t n_trees, cap_trees;
	struct sl_tree_state *tree; /* owned; ascending IDs */
};

void sl_state_done(struct sl_state *s); /* accepts a zeroed one */
int sl_state_copy(struct sl_state *to, const struct sl_state *from,
		  struct sl_err *err) SL_MUST_CHECK; /* keeps to's memory */
struct sl_tree_state *sl_state_tree(const struct sl_state *s, uint32_t id); /* or NULL */
struct sl_tree_state *sl_state_run(const struct sl_state *s, const uint8_t run[32]);
struct sl_tree_state *sl_state_add(struct sl_state *s,
				   struct sl_err *err); /* zeroed, last */

/* The body of a seal without its signature; sl_seal_digest() over it and the header
 * gives s->digest, which is what is signed (sl_seal_tosign). */
void sl_seal_encode(const struct sl_state *s, struct sl_buf *out);
void sl_seal_digest(const struct sl_rec *r, struct sl_slice unsigned_body,
		    uint8_t out[32]);
void sl_seal_tosign(const uint8_t digest[32], uint8_t out[SL_SEAL_TOSIGN]);
/* Strict: counts, order, sizes against edges, roots against edges, the digest against
 * the header.  Does not check the signature: see sl_seal_verify(). */
int sl_seal_decode(const struct sl_rec *r, struct sl_slice body, struct sl_state *ret,
		   struct sl_err *err) SL_MUST_CHECK;
bool sl_seal_verify(const struct sl_state *s); /* by s->signer, whoever that is */

#endif
