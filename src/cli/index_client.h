/* index_client.h -- index.db, kept by the helper sluice-index: what sluice log search
 * asks, and what log rebuild makes anew.
 *
 * The index is derived.  It is brought up to the log's last seal before it is asked; one
 * that is of another log, was cut off, is damaged or says what the log does not is made
 * anew.  The caller reads each hit in the log again. */
#ifndef SL_CLI_INDEX_CLIENT_H
#define SL_CLI_INDEX_CLIENT_H

#include "log/reader.h"
#include "priv/helper.h"
#include "record/home.h"

struct sl_index {
	struct sl_helper helper;
	const struct sl_home *home;
	struct sl_reader *reader;
	int db_fd;
	struct sl_buf room, rows;
	bool is_rebuilt;  /* by this call: it was not there, or could not be used */
	const char *why;  /* is_rebuilt: the reason, static */
	uint64_t n_added; /* statements */
};

struct sl_index_query {
	uint32_t max; /* hits; the newest */
	bool has_tree, has_run, has_context;
	uint32_t tree;
	int64_t from_ms, before_ms;
	uint8_t run[2][32], context[2][32];      /* bounds, included */
	struct sl_slice kind, iss, sub, verdict; /* empty: any; sub: how it begins */
};

struct sl_index_hit {
	uint32_t tree;
	uint64_t index;
	uint8_t id[32];
};

/* Opened, locked against others, and up to date; is_anew: made from nothing.  ENV where
 * the helper is missing. */
int sl_index_open(struct sl_index *x, const struct sl_home *home, struct sl_reader *r,
		  bool is_anew, struct sl_err *err) SL_MUST_CHECK;
/* Newest first; *ret is the caller's to free. */
int sl_index_ask(struct sl_index *x, const struct sl_index_query *q,
		 struct sl_index_hit **ret, size_t *ret_n,
		 struct sl_err *err) SL_MUST_CHECK;
/* It said what the log does not have: forgotten, and made anew. */
int sl_index_distrust(struct sl_index *x, const char *why,
		      struct sl_err *err) SL_MUST_CHECK;
void sl_index_close(struct sl_index *x);

/* What is kept of one statement; slices live in a. */
struct sl_index_row {
	struct sl_log_entry e;
	bool has_run, has_context, has_payload, is_tombstone, is_erased;
	uint8_t run[32], context[32];
	uint8_t payload[32]; /* of an envelope; of a tombstone what it is about */
	struct sl_slice iss, sub, verdict;
};
int sl_index_row(struct sl_reader *r, const struct sl_log_entry *e,
		 struct sl_slice statement, struct sl_arena *a, struct sl_index_row *ret,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
