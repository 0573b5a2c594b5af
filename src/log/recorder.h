/* recorder.h -- the client's side of the recorder: the one process that holds keys
 * and appends to the store.
 *
 * sl_recorder_start() forks it (before any foreign byte is read); it then opens the
 * store, loads or makes the identity key, derives the working key, and answers.
 * Statements are queued with sl_recorder_add() and sent, signed, written and synced
 * as one batch by sl_recorder_commit()/sl_recorder_wait(): wait returns success
 * only after fdatasync has.  After any failed write or sync the recorder stops for
 * good, and so does every later call (STORE or SYS).
 */
#ifndef SL_LOG_RECORDER_H
#define SL_LOG_RECORDER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "merkle/proof.h"
#include "merkle/tree.h"

#define SL_KIND_FOREIGN "foreign"

enum sl_tree { SL_TREE_PLATFORM, SL_TREE_NODE, SL_TREE_RUN };

struct sl_recorder;

struct sl_node_info {
	char did[64];         /* identity key */
	char working_did[64]; /* this build's key */
	uint8_t working_pub[32];
	uint8_t hmac_key[32]; /* node-local; for names of secrets, never for signing */
	uint8_t policy[32];   /* digest of the policy in force; all zero: none yet */
	int64_t time_ms;      /* max(wall clock, time of the last seal) at start */
	uint64_t node_size;   /* entries in the node tree */
	bool is_new;          /* the identity was made by this start */
};

struct sl_stmt {
	enum sl_tree tree;
	const char *kind;        /* of the catalogue: "decision", "outcome", ... */
	struct sl_slice sub;     /* CWT sub */
	struct sl_slice payload; /* JCS bytes of an in-toto Statement */
	bool is_envelope;        /* RFC 9995: sign its digest, keep the bytes as a blob */
	const uint8_t *run;      /* 32 bytes, TREE_RUN only: which run's tree and key */
};

struct sl_entry {
	uint8_t id[32]; /* SHA-256 of the canonical statement */
	uint64_t index; /* in its tree */
	uint64_t size;  /* of its tree after the batch */
};

/* What the receipts of a batch are made of (log/fresh.h): the node's tree before it, and
 * the signature over its root after it. */
struct sl_batch_root {
	struct sl_edge base;
	uint64_t size;      /* after the batch */
	uint8_t pub[32];    /* that signed */
	uint8_t sig[64];    /* of the receipts */
	uint8_t policy[32]; /* in force after the batch */
};

/* What is done about keys and payloads; see doc/PROTOCOL.log sections 5 and 8. */
enum sl_admin { SL_ADMIN_ROTATE = 1, SL_ADMIN_RETIRE, SL_ADMIN_ERASE, SL_ADMIN_ATTEST };

struct sl_admin_done {
	struct sl_entry entry;      /* of the statement about it, in the node tree */
	bool is_announced;          /* ROTATE: only the next identity was announced */
	uint64_t n_bytes, n_copies; /* ERASE */
};

struct sl_recorder_opts {
	int home_fd;          /* $SLUICE_HOME, opened by the caller */
	const char *home;     /* for messages */
	const uint8_t *build; /* 32 bytes: digest of the running executable; or NULL: */
	/* asked in the recorder's process, first of all, so that its client need not wait
	 */
	int (*ask_build)(void *arg, uint8_t ret[32], struct sl_err *err);
	void *arg;
	bool is_here; /* the caller has put something else on the other processor */
};

int sl_recorder_start(const struct sl_recorder_opts *o, struct sl_recorder **ret,
		      struct sl_err *err) SL_MUST_CHECK;
/* Blocks until the recorder has opened the store. */
int sl_recorder_info(struct sl_recorder *r, struct sl_node_info *ret,
		     struct sl_err *err) SL_MUST_CHECK;
/* The public half of a run's key: CDI(n+1) = HKDF(CDI(n), run ID). */
int sl_recorder_run_key(struct sl_recorder *r, const uint8_t run[32], uint8_t ret_pub[32],
			struct sl_err *err) SL_MUST_CHECK;
/* The same in two halves, so that it is made while its client does something else; what
 * was asked for is taken before anything else is asked. */
int sl_recorder_ask_run_key(struct sl_recorder *r, const uint8_t run[32],
			    struct sl_err *err) SL_MUST_CHECK;
int sl_recorder_take_run_key(struct sl_recorder *r, uint8_t ret_pub[32],
			     struct sl_err *err) SL_MUST_CHECK;
int sl_recorder_add(struct sl_recorder *r, const struct sl_stmt *s,
		    struct sl_err *err) SL_MUST_CHECK;
/* A statement that somebody else signed, in canonical form, for the node's tree (kind
 * SL_KIND_FOREIGN).  The caller has verified it: the recorder reads nothing of it.  One
 * that the tree holds already, or that stands in the batch before, is not appended again:
 * its entry is the old one. */
int sl_recorder_foreign(struct sl_recorder *r, struct sl_slice stmt,
			struct sl_err *err) SL_MUST_CHECK;
/* The batch is refused (DENIED) unless the policy with this digest is in force when it is
 * appended. */
int sl_recorder_under(struct sl_recorder *r, const uint8_t policy[32],
		      struct sl_err *err) SL_MUST_CHECK;
/* A blob named by its SHA-256 (fact set, proof, policy text), kept in the same batch. */
int sl_recorder_blob(struct sl_recorder *r, struct sl_slice bytes, uint8_t ret_digest[32],
		     struct sl_err *err) SL_MUST_CHECK;
/* The policy with this digest is in force from this batch on (its text is a blob). */
int sl_recorder_set_policy(struct sl_recorder *r, const uint8_t digest[32],
			   struct sl_err *err) SL_MUST_CHECK;
/* Registers the last checkpoint of the run's tree in the node tree (kind "seal") in
 * this batch, after the batch's other entries; the run's tree is closed by it. */
int sl_recorder_seal_run(struct sl_recorder *r, const uint8_t run[32],
			 struct sl_err *err) SL_MUST_CHECK;
int sl_recorder_commit(struct sl_recorder *r, struct sl_err *err) SL_MUST_CHECK;
/* The next commit is the last: the recorder ends with its answer, while its client is
 * still busy with it. */
void sl_recorder_last(struct sl_recorder *r);
/* Entries of the statements added, in order (then of the seal, if any). */
int sl_recorder_wait(struct sl_recorder *r, struct sl_entry *ret, size_t n, size_t *ret_n,
		     struct sl_err *err) SL_MUST_CHECK;
/* Of the batch that was waited for last, where it held a foreign statement; else NULL. */
const struct sl_batch_root *sl_recorder_root(const struct sl_recorder *r);
/* Asks for the node's info anew: policy, time and size as they are now. */
int sl_recorder_again(struct sl_recorder *r, struct sl_node_info *ret,
		      struct sl_err *err) SL_MUST_CHECK;
/* One of those, durable when it returns; arg: RETIRE the working key's public half, ERASE
 * the digest; else unused.  Refused (USAGE, NOENT, ENV) it leaves all as it was. */
int sl_recorder_admin(struct sl_recorder *r, enum sl_admin what, const uint8_t arg[32],
		      struct sl_admin_done *ret, struct sl_err *err) SL_MUST_CHECK;
/* --- as a witness of other logs (log/cosign.h) --- */

enum { SL_COSIGN_EXT_MAX = 4096, SL_COSIGN_ORIGIN_MAX = 256 };

struct sl_cosign {         /* a checkpoint that asks for a cosignature */
	uint64_t old_size; /* of the checkpoint that was cosigned last, it is said */
	struct sl_slice origin, ext; /* ext: extension lines with their newlines */
	uint64_t size;
	struct sl_hash root;
	uint8_t pub[32], sig[64]; /* the log's key, and what it signed the text with */
	struct sl_proof path;     /* from old_size to size */
};

enum sl_cosign_result {
	SL_COSIGN_DONE,     /* stored, and cosigned */
	SL_COSIGN_STALE,    /* another size was cosigned last */
	SL_COSIGN_BAD_PATH, /* the path does not show that the tree grew */
	SL_COSIGN_FORK,   /* the checkpoint and the one cosigned last cannot both be true,
			     and the path shows it */
	SL_COSIGN_REFUSED /* the log has forked before */
};

struct sl_cosigned {
	enum sl_cosign_result what;
	uint64_t size; /* cosigned last; 0: none was */
};

/* Compares, stores durably and signs, in this order.  note is appended to: DONE: the
 * checkpoint with the log's signature and our cosignature, its last line; else the one
 * that was cosigned last, or nothing.  VERIFY: the log did not sign it; FORMAT; STORE,
 * SYS: the state cannot be read or written: nothing was signed. */
int sl_recorder_cosign(struct sl_recorder *r, const struct sl_cosign *q,
		       struct sl_cosigned *ret, struct sl_buf *note,
		       struct sl_err *err) SL_MUST_CHECK;
/* Appends the vkey of the witness (cosignature/v1); its key is made on first use. */
int sl_recorder_witness_key(struct sl_recorder *r, struct sl_buf *out,
			    struct sl_err *err) SL_MUST_CHECK;
int sl_recorder_fd(const struct sl_recorder *r); /* readable when a reply is in */
int sl_recorder_pid(const struct sl_recorder *r);
void sl_recorder_stop(struct sl_recorder *r); /* closes, reaps; accepts NULL */

#endif
