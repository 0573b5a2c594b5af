/* reader.h -- a node's logs, read without keys and without a lock.
 *
 * A reader is a snapshot: it sees what was sealed when it was opened (or refreshed),
 * while others go on appending.  It needs the directory's files to be readable and
 * changes none of them.  Sizes: 0 means the latest; any other must be one at which the
 * tree was sealed (NOENT otherwise).  Buffers are appended to; the caller owns them.
 * NOENT: there is no such thing.  STORE: the log is damaged at the place that is named.
 */
#ifndef SL_LOG_READER_H
#define SL_LOG_READER_H

#include "base/buf.h"
#include "log/recorder.h"
#include "merkle/proof.h"

struct sl_reader;

struct sl_log_head {
	uint64_t seq;       /* number of the last seal */
	int64_t time_ms;    /* its time */
	uint8_t policy[32]; /* in force; zeros: none */
	uint8_t signer[32]; /* working key that signed it */
	uint32_t n_trees;   /* ever made: IDs are 0 (platform), 1 (node), 2 ... (runs) */
};

struct sl_log_tree {
	uint32_t id;
	enum sl_tree kind;
	char origin[160]; /* with its NUL */
	uint8_t run[32];  /* TREE_RUN */
	uint8_t key[32];  /* public key that signed the last root */
	uint64_t size;    /* entries */
	uint8_t root[32];
	int64_t time_ms; /* when it was begun */
	bool is_open;    /* false: sealed, nothing more can come */
};

struct sl_log_entry {
	uint32_t tree;
	uint64_t index;
	uint8_t id[32]; /* SHA-256 of the statement */
	char kind[16];
	int64_t time_ms; /* of its batch */
	uint64_t offset; /* in the log, for messages */
};

int sl_reader_open(int home_fd, struct sl_reader **ret, struct sl_err *err) SL_MUST_CHECK;
int sl_reader_refresh(struct sl_reader *r, struct sl_err *err) SL_MUST_CHECK;
void sl_reader_close(struct sl_reader *r); /* accepts NULL */
void sl_reader_head(const struct sl_reader *r, struct sl_log_head *ret);

int sl_reader_tree(struct sl_reader *r, uint32_t id, struct sl_log_tree *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* A run's tree by its run ID or the first hex digits of it (4 at least): FORMAT, NOENT,
 * LIMIT where several runs begin so. */
int sl_reader_run(struct sl_reader *r, struct sl_slice hex, struct sl_log_tree *ret,
		  struct sl_err *err) SL_MUST_CHECK;
int sl_reader_entry(struct sl_reader *r, uint32_t tree, uint64_t index,
		    struct sl_log_entry *ret, struct sl_err *err) SL_MUST_CHECK;
/* By entry ID, or its first hex digits; errors as sl_reader_run(). */
int sl_reader_find(struct sl_reader *r, struct sl_slice hex, struct sl_log_entry *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* By entry ID in one tree.  NOENT. */
int sl_reader_find_in(struct sl_reader *r, uint32_t tree, const uint8_t id[32],
		      struct sl_log_entry *ret, struct sl_err *err) SL_MUST_CHECK;
/* The working keys that were certified last, newest first, at most max; how many. */
size_t sl_reader_working_keys(const struct sl_reader *r, uint8_t (*ret)[32], size_t max);
/* The canonical statement; checked against its ID. */
int sl_reader_statement(struct sl_reader *r, const struct sl_log_entry *e,
			struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* Bytes by digest, checked.  NOENT: never stored, or *ret_erased: erased since. */
int sl_reader_blob(struct sl_reader *r, const uint8_t digest[32], struct sl_buf *out,
		   bool *ret_erased, struct sl_err *err) SL_MUST_CHECK;

/* The node's keys, as its log says (log/keyring.h); the caller frees it. */
struct sl_keyring;
int sl_reader_keys(struct sl_reader *r, struct sl_keyring *ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* The statements of all trees in the order in which they came, from a log offset on: fn
 * returns 0 to go on, else what is returned.  statement is valid during the call. */
typedef int sl_log_each_fn(void *arg, const struct sl_log_entry *e,
			   struct sl_slice statement, struct sl_err *err);
int sl_reader_each(struct sl_reader *r, uint64_t offset, sl_log_each_fn *fn, void *arg,
		   struct sl_err *err) SL_MUST_CHECK;
/* The same up to log offset end. */
int sl_reader_range(struct sl_reader *r, uint64_t offset, uint64_t end,
		    sl_log_each_fn *fn, void *arg, struct sl_err *err) SL_MUST_CHECK;
void sl_reader_seal(const struct sl_reader *r, uint8_t ret[32]); /* its digest */
/* Whether the seal with that digest ends there (0: the beginning, by zeros). */
bool sl_reader_is_seal(struct sl_reader *r, uint64_t end, const uint8_t digest[32]);
uint64_t sl_reader_end(const struct sl_reader *r); /* log offset behind the last seal */
/* Where a batch begins, going back from the last one: { .seal = UINT64_MAX } is behind
 * it.  begin 0: nothing is before it. */
struct sl_log_place {
	uint64_t begin; /* log offset */
	uint64_t seal;  /* of the seal before that */
};
int sl_reader_back(struct sl_reader *r, struct sl_log_place *p,
		   struct sl_err *err) SL_MUST_CHECK;

/* C2SP checkpoint with the tree's signature. */
int sl_reader_checkpoint(struct sl_reader *r, uint32_t tree, uint64_t size,
			 struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
/* RFC 9942 receipt of inclusion; checked against the root before it is given out. */
int sl_reader_receipt(struct sl_reader *r, uint32_t tree, uint64_t index, uint64_t size,
		      struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;
int sl_reader_inclusion(struct sl_reader *r, uint32_t tree, uint64_t index, uint64_t size,
			struct sl_proof *ret, struct sl_err *err) SL_MUST_CHECK;
/* Between any two sizes above 0 of the tree, size1 <= size2. */
int sl_reader_consistency(struct sl_reader *r, uint32_t tree, uint64_t size1,
			  uint64_t size2, struct sl_proof *ret,
			  struct sl_err *err) SL_MUST_CHECK;
/* The root at any size up to the latest. */
int sl_reader_root(struct sl_reader *r, uint32_t tree, uint64_t size, struct sl_hash *ret,
		   struct sl_err *err) SL_MUST_CHECK;

/* Where sl_log_check() found damage. */
struct sl_log_finding {
	char file[32];    /* "seg/000000.log" */
	uint64_t offset;  /* bytes in it */
	uint32_t tree;    /* UINT32_MAX: none */
	uint64_t index;   /* in the tree */
	const char *what; /* valid during the call */
};
typedef void sl_log_finding_fn(void *arg, const struct sl_log_finding *f);

struct sl_log_report {
	uint64_t n_seals, n_entries, n_blobs, n_erased, n_trees, n_bytes;
	uint64_t n_signatures; /* verified */
	uint64_t n_findings;
};
/* Reads everything: checksums, digests, padding and unused space, the chain of seals,
 * every root (rehashed), every signature of statements, checkpoints, receipts and seals,
 * and that each key is certified by the identity.  A torn batch behind the last seal is
 * a finding too.  Returns 0 when it could read (findings or not); SYS, NOMEM. */
int sl_log_check(int home_fd, sl_log_finding_fn *fn, void *arg, struct sl_log_report *ret,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
