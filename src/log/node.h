/* node.h -- a node's logs behind the recorder: keys, trees, and batches of statements.
 *
 * What recorder.h promises is kept here, in one process, without a channel; the
 * recorder's main feeds it.  Opening makes what is missing, under the store's lock, so
 * that two first starts at once agree: keys, the platform tree, the node tree; later a
 * certificate for a new build, and a context for a new boot.
 */
#ifndef SL_LOG_NODE_H
#define SL_LOG_NODE_H

#include "log/keyring.h"
#include "log/keys.h"
#include "log/recorder.h"
#include "log/store.h"
#include "log/tpm.h"

enum { SL_NODE_RUNS = 8, SL_ITEMS_MAX = 4096, SL_NODE_OLD = 4 };

enum sl_item_kind {
	SL_ITEM_STMT = 1,
	SL_ITEM_BLOB,
	SL_ITEM_POLICY,
	SL_ITEM_SEAL,
	SL_ITEM_FOREIGN,
	SL_ITEM_UNDER
};

struct sl_item {
	enum sl_item_kind what;
	struct sl_stmt s;      /* STMT */
	struct sl_slice bytes; /* BLOB, FOREIGN */
	const uint8_t
	    *digest; /* POLICY, UNDER: of the policy; SEAL: the run (32 bytes) */
};

struct sl_node {
	int home_fd;
	const struct sl_store_io *io;
	struct sl_store st;
	struct sl_node_keys k;
	char did[SL_DIDKEY_MAX]; /* the first identity: the node's name for good */
	uint8_t old_cdi[SL_NODE_OLD][32]; /* before the identity was rotated meanwhile */
	size_t n_old;
	uint8_t build[32];
	struct sl_tpm *tpm; /* or NULL */
	bool is_new;
	struct {
		uint8_t run[32];
		struct sl_log_key key;
		uint64_t used; /* 0: free */
	} run[SL_NODE_RUNS];   /* keys derived last */
	uint64_t n_used;
	struct {
		uint32_t id; /* of a tree */
		uint64_t size;
		uint8_t root[32], note_sig[64], receipt_sig[64];
	} sealed; /* the run's root that was signed last: it is signed for its seal, and
		     again by the batch */
	struct sl_foreign *foreign; /* foreign.c: of the batch at hand; owned */
	struct sl_batch_root root;
	bool has_root; /* the last batch held a foreign statement */
};

int sl_node_open(struct sl_node *n, int home_fd, const struct sl_store_io *io,
		 const uint8_t build[32], struct sl_err *err) SL_MUST_CHECK;
/* The same with a TPM (or NULL), which outlives the node: quotes, and a sealed identity.
 */
int sl_node_open_tpm(struct sl_node *n, int home_fd, const struct sl_store_io *io,
		     const uint8_t build[32], struct sl_tpm *tpm,
		     struct sl_err *err) SL_MUST_CHECK;
void sl_node_done(struct sl_node *n);
void sl_node_info(const struct sl_node *n, struct sl_node_info *ret);
const struct sl_log_key *sl_node_run_key(struct sl_node *n, const uint8_t run[32]);
/* One batch.  BUG (nothing is written, the node goes on): a run's first batch of fewer
 * than two entries, a statement for a closed run.  ret gets the entries of statements
 * in order, then those of the seals; it has room for n_items. */
int sl_node_commit(struct sl_node *n, const struct sl_item *item, size_t n_items,
		   struct sl_entry *ret, size_t *ret_n, struct sl_err *err) SL_MUST_CHECK;

/* Looks at the log as it is now; then sl_node_info(). */
int sl_node_again(struct sl_node *n, struct sl_err *err) SL_MUST_CHECK;

/* foreign.c: before the first foreign statement of a batch; one statement; the batch's
 * root once it is durable. */
int sl_foreign_begin(struct sl_node *n, struct sl_err *err) SL_MUST_CHECK;
int sl_foreign_put(struct sl_node *n, struct sl_slice stmt, struct sl_entry *ret,
		   struct sl_err *err) SL_MUST_CHECK;
void sl_foreign_end(struct sl_node *n);

/* --- admin.c: what is done about keys and payloads --- */

/* Puts the announced identity in force, announces the one that follows it and certifies
 * its working key; where none was announced (old stores) only announces one.  NOENT: the
 * announced key is not in keys/.  STORE: keys/next is another. */
int sl_node_rotate(struct sl_node *n, struct sl_admin_done *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* The working key signs nothing more.  USAGE: it is this build's own, or none. */
/* A context of the platform as it is now, quoted by the TPM where keys/tpm names one. */
int sl_node_attest(struct sl_node *n, struct sl_admin_done *ret,
		   struct sl_err *err) SL_MUST_CHECK;
int sl_node_retire(struct sl_node *n, const uint8_t pub[32], struct sl_admin_done *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* A tombstone, durable, then the bytes of every copy are zeros.  NOENT: the store does
 * not have the bytes; USAGE: they are the policy in force. */
int sl_node_erase(struct sl_node *n, const uint8_t digest[32], struct sl_admin_done *ret,
		  struct sl_err *err) SL_MUST_CHECK;
/* In an open batch: another process may have rotated the identity or retired this
 * build's key since this one began.  ENV: it was retired. */
int sl_node_sync_keys(struct sl_node *n, struct sl_err *err) SL_MUST_CHECK;

/* The platform's context as it is now, and in *ret its seal in the node tree. */
int sl_own_boot(struct sl_node *n, struct sl_entry *ret,
		struct sl_err *err) SL_MUST_CHECK;
/* own.c: sluice's own statements.  In the open batch of a store just begun: makes what
 * is missing and ends the batch, or aborts it. */
int sl_own_ensure(struct sl_node *n, struct sl_err *err) SL_MUST_CHECK;
/* Statement of kind "seal" in the node tree: t's checkpoint. */
int sl_own_seal(struct sl_node *n, const struct sl_tree_state *t, struct sl_entry *ret,
		struct sl_err *err) SL_MUST_CHECK;
int sl_own_key(struct sl_node *n, uint32_t tree, const struct sl_key_said *k,
	       struct sl_entry *ret, struct sl_err *err) SL_MUST_CHECK;
/* This build's working key, signed by the identity of n->k; newest in the state. */
int sl_own_certify(struct sl_node *n, struct sl_err *err) SL_MUST_CHECK;
int sl_own_tombstone(struct sl_node *n, const uint8_t digest[32], uint64_t n_bytes,
		     struct sl_entry *ret, struct sl_err *err) SL_MUST_CHECK;
bool sl_own_is_certified(const struct sl_state *s, const uint8_t pub[32]);
/* Signs, writes and syncs the open batch. */
int sl_node_end(struct sl_node *n, struct sl_err *err) SL_MUST_CHECK;

#endif
