/* read.h -- statements read back from the node's logs as data: the signature's envelope
 * opened, a hash envelope's payload fetched and checked against its digest, the in-toto
 * Statement parsed.  Nothing here verifies signatures: `verify` and `log check` do.
 */
#ifndef SL_RECORD_READ_H
#define SL_RECORD_READ_H

#include "codec/json.h"
#include "log/reader.h"

struct sl_stated {
	struct sl_log_entry e;
	struct sl_slice iss, sub;
	const struct sl_json *statement; /* NULL when the payload was erased */
	const struct sl_json
	    *predicate; /* its member; never NULL when statement is not */
	bool is_erased;
	bool is_envelope;
	uint8_t payload[32]; /* an envelope's digest */
};

/* Results live in a.  STORE for a statement that is none. */
int sl_stated_read(struct sl_reader *r, const struct sl_log_entry *e, struct sl_arena *a,
		   struct sl_stated *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_stated_at(struct sl_reader *r, uint32_t tree, uint64_t index, struct sl_arena *a,
		 struct sl_stated *ret, struct sl_err *err) SL_MUST_CHECK;

/* The last tombstone of these bytes: 1, else 0. */
int sl_tombstone_find(struct sl_reader *r, const uint8_t digest[32],
		      struct sl_log_entry *ret, struct sl_err *err) SL_MUST_CHECK;

enum { SL_NODE_TREE = 1 };

/* What the node's log says of one run. */
struct sl_run_info {
	uint8_t run[32];
	struct sl_stated decision;
	uint64_t seal; /* index of its seal in the node tree; UINT64_MAX: none */
	struct sl_log_tree tree; /* kind SL_TREE_RUN when has_tree */
	bool has_tree;
	const char *kind; /* "run", "exec"; "erased": its decision has been */
	bool is_allowed;
};

/* The run whose ID begins with hex (4 digits at least).  NOENT, LIMIT (several), FORMAT.
 */
int sl_run_lookup(struct sl_reader *r, struct sl_slice hex, struct sl_arena *a,
		  struct sl_run_info *ret, struct sl_err *err) SL_MUST_CHECK;
/* As sl_run_lookup(), of a request that changes the roots: kind "root-add" or
 * "root-drop". It has no tree and no seal; its outcome is in the node's. */
int sl_root_request_lookup(struct sl_reader *r, struct sl_slice hex, struct sl_arena *a,
			   struct sl_run_info *ret, struct sl_err *err) SL_MUST_CHECK;
/* Decisions of runs and execs, newest first: calls each until it returns non-zero (which
 * is returned) or max were seen. */
int sl_run_each(struct sl_reader *r, size_t max,
		int (*each)(void *arg, const struct sl_run_info *i, struct sl_err *err),
		void *arg, struct sl_err *err) SL_MUST_CHECK;
/* The outcome of the run as a whole: conclusion, or "interrupted", "open", "none". */
int sl_run_outcome(struct sl_reader *r, const struct sl_run_info *i, struct sl_arena *a,
		   struct sl_stated *ret, bool *ret_has,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
