/* log_cmd.h -- between the files of sluice log. */
#ifndef SL_CLI_LOG_CMD_H
#define SL_CLI_LOG_CMD_H

#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"
#include "log/reader.h"

enum {
	SL_LOG_JSON,
	SL_LOG_OUT,
	SL_LOG_TREE,
	SL_LOG_ALL,
	SL_LOG_FOLLOW,
	SL_LOG_LINES,
	SL_LOG_CONTEXT,
	SL_LOG_RUN,
	SL_LOG_SUBJECT,
	SL_LOG_ISSUER,
	SL_LOG_KIND,
	SL_LOG_SINCE,
	SL_LOG_UNTIL,
	SL_LOG_VERDICT
};

struct sl_log_cmd {
	const struct sl_args *args;
	struct sl_home home;
	struct sl_reader *reader;
	struct sl_out out;
	bool is_json;
};

int sl_log_tree(struct sl_log_cmd *w, struct sl_err *err) SL_MUST_CHECK;
int sl_log_tail(struct sl_log_cmd *w, struct sl_err *err) SL_MUST_CHECK;
int sl_log_search(struct sl_log_cmd *w, struct sl_err *err) SL_MUST_CHECK;
int sl_log_rebuild(struct sl_log_cmd *w, struct sl_err *err) SL_MUST_CHECK;
int sl_log_tiles(struct sl_log_cmd *w, struct sl_err *err) SL_MUST_CHECK;
int sl_log_erase(struct sl_log_cmd *w, struct sl_err *err) SL_MUST_CHECK;

const char *sl_log_kind_name(enum sl_tree k);
int sl_log_number(const char *s, uint64_t *ret); /* decimal, 18 digits at most; -1 */
/* What --tree names; the node's where it is not given. */
int sl_log_find_tree(struct sl_log_cmd *w, uint32_t *ret,
		     struct sl_err *err) SL_MUST_CHECK;
/* One statement in a line, or as an object: tail, search. */
struct sl_log_line {
	struct sl_log_entry e;
	struct sl_slice iss, sub;
	struct sl_slice verdict; /* of a decision; else empty */
	bool is_erased;
};
int sl_log_put_line(struct sl_log_cmd *w, const struct sl_log_line *l,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
