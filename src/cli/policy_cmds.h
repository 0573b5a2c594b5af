/* policy_cmds.h -- the verbs of `sluice policy` that have files of their own, and what
 * they share: a decision's inputs, read back from the store. */
#ifndef SL_CLI_POLICY_CMDS_H
#define SL_CLI_POLICY_CMDS_H

#include "cli/cmd.h"
#include "policy/front.h"
#include "record/read.h"

enum { SL_POLICY_FILE_MAX = 1 << 20 };

/* Options of all verbs; cmd_policy.c has their rows. */
enum {
	SL_PO_JSON,
	SL_PO_COULD,
	SL_PO_DATALOG,
	SL_PO_PRINCIPLES,
	SL_PO_UNDECLARED,
	SL_PO_COUNT,
};

int sl_policy_why_not(const struct sl_args *args, struct sl_err *err) SL_MUST_CHECK;
int sl_policy_diff(const struct sl_args *args, struct sl_err *err) SL_MUST_CHECK;
int sl_policy_test(const struct sl_args *args, struct sl_err *err) SL_MUST_CHECK;

/* The declarations of this build. */
int sl_policy_own_decls(struct sl_arena *a, const struct sl_decls **ret,
			struct sl_err *err) SL_MUST_CHECK;
/* A policy file's text: Datalog, or YAML (.yml, .yaml) made into it in the parser's jail.
 * principles (or NULL): a YAML file of principles whose facts are put behind it. */
struct sl_policy_source {
	const char *path;
	struct sl_slice text;
	const struct sl_front_at *at; /* of YAML: where each line came from */
	size_t n_at;
};

int sl_policy_source(const char *path, const char *principles, struct sl_arena *a,
		     struct sl_policy_source *ret, struct sl_err *err) SL_MUST_CHECK;
/* A place in the text becomes the one in the file. */
void sl_policy_place(const struct sl_policy_source *s, size_t *line, size_t *col);
int sl_policy_from_source(const struct sl_policy_source *s, const struct sl_decls *decls,
			  struct sl_arena *a, const struct sl_policy **ret,
			  struct sl_err *err) SL_MUST_CHECK;
/* NAME:LINE:COL in its errors.  The text is copied. */
int sl_policy_from_file(const char *path, const struct sl_decls *decls,
			struct sl_arena *a, const struct sl_policy **ret,
			struct sl_err *err) SL_MUST_CHECK;

/* What a decision names by digest: own is its predicate.sluice. */
enum sl_policy_blob { SL_PB_FACTS, SL_PB_POLICY, SL_PB_DECLS, SL_PB_PROOF };

/* ret is made; *ret_erased: the blob is gone, on purpose. */
int sl_policy_blob(struct sl_reader *r, const struct sl_json *own,
		   enum sl_policy_blob which, struct sl_buf *ret, bool *ret_erased,
		   struct sl_err *err) SL_MUST_CHECK;
/* The fact set of a decision, as stored. */
int sl_policy_facts_of(struct sl_slice blob, struct sl_arena *a,
		       struct sl_policy_facts **ret, struct sl_err *err) SL_MUST_CHECK;

/* The registration of a policy that was the last one below an index of the node's log. */
struct sl_policy_since {
	uint64_t index; /* UINT64_MAX: none */
	char digest[65];
	char signer[80]; /* did:key */
	char when[32];   /* RFC 3339 */
	char why[32], replaces[65];
};

int sl_policy_since(struct sl_reader *r, uint64_t below, struct sl_policy_since *ret,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
