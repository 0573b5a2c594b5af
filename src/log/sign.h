/* sign.h -- what a tree's key signs (statements, checkpoints, roots), and how readers
 * put checkpoints and receipts together again from the stored signatures. */
#ifndef SL_LOG_SIGN_H
#define SL_LOG_SIGN_H

#include "cose/receipt.h"
#include "log/seal.h"

enum {
	SL_ORIGIN_MAX = 160,  /* "sluice/" did "/run/" 64 hex digits, with its NUL */
	SL_STMT_MAX = 8 << 20 /* bytes of a statement */
};

struct sl_log_key {
	struct sl_signer s;
	char did[SL_DIDKEY_MAX];
	uint8_t kid[32]; /* thumbprint, RFC 9679 */
};

void sl_log_key_make(struct sl_log_key *k, const uint8_t seed[32]);
void sl_log_key_done(struct sl_log_key *k);

/* "sluice/<did>/platform", ".../node", ".../run/<hex>"; kind is enum sl_tree. */
void sl_log_origin(const char *node_did, uint8_t kind, const uint8_t *run,
		   char out[SL_ORIGIN_MAX]);

/* Appends a COSE_Sign1: payload an in-toto Statement, or, for an envelope, its SHA-256
 * (RFC 9995), which goes to ret_digest as well. */
int sl_log_statement(const struct sl_log_key *k, struct sl_slice sub,
		     struct sl_slice payload, bool is_envelope, uint8_t ret_digest[32],
		     struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* Signs t->edge.size and t->root: sets t->pub, note_sig and receipt_sig. */
int sl_log_sign_root(const struct sl_log_key *k, const char *origin,
		     struct sl_tree_state *t, struct sl_err *err) SL_MUST_CHECK;

/* Appends the checkpoint that t's signature belongs to: C2SP note, one signature. */
int sl_log_note(const struct sl_tree_state *t, const char *origin, struct sl_buf *out,
		struct sl_err *err) SL_MUST_CHECK;
/* Both signatures of a touched tree, by t->pub. */
int sl_log_check_root(const struct sl_tree_state *t, const char *origin,
		      struct sl_err *err) SL_MUST_CHECK;
/* Appends a receipt of inclusion at t's size (above 1). */
int sl_log_receipt(const struct sl_tree_state *t, const char *origin, uint64_t index,
		   const struct sl_proof *path, struct sl_buf *out,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
