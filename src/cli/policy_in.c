/* policy_in.c -- policies and decisions read for `sluice policy`.  See policy_cmds.h. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/input.h"
#include "cli/policy_cmds.h"
#include "record/statement.h"

#include <stdio.h>

enum { BLOB_MAX = 64 << 20, STATEMENT_MEMORY = 64 << 20 };

int
sl_policy_own_decls(struct sl_arena *a, const struct sl_decls **ret, struct sl_err *err)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };

	return sl_decls_parse(sl_policy_decls_text(), "facts.decl", &lim, a, ret, err);
}

int
sl_policy_from_file(const char *path, const struct sl_decls *decls, struct sl_arena *a,
		    const struct sl_policy **ret, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_POLICY_FILE_MAX };
	struct sl_slice own;
	int r;

	if ((r = sl_input_path(path, SL_POLICY_FILE_MAX, &text, err)) < 0)
		return r;
	if ((own = sl_arena_dup(a, sl_buf_get(&text))).p == NULL)
		return SL_ERR(err, NOMEM, "out of memory for '%s'", path);
	return sl_policy_load(own, path, decls, &sl_policy_text_limits, a, ret, err);
}

int
sl_policy_blob(struct sl_reader *reader, const struct sl_json *own,
	       enum sl_policy_blob which, struct sl_buf *ret, bool *ret_erased,
	       struct sl_err *err)
{
	static const char *const key[] = {
		[SL_PB_FACTS] = "facts",
		[SL_PB_POLICY] = "policy",
		[SL_PB_DECLS] = "decls",
		[SL_PB_PROOF] = "proof",
	};
	struct sl_err said = { 0 };
	uint8_t digest[32];
	int r;

	*ret_erased = false;
	ret->max = BLOB_MAX;
	if (!sl_unhex(digest, 32, sl_json_get_str(own, key[which])))
		return SL_ERR(err, STORE, "the decision names no %s", key[which]);
	if ((r = sl_reader_blob(reader, digest, ret, ret_erased, &said)) < 0 &&
	    !*ret_erased)
		*err = said;
	return *ret_erased ? 0 : r;
}

int
sl_policy_facts_of(struct sl_slice blob, struct sl_arena *a, struct sl_policy_facts **ret,
		   struct sl_err *err)
{
	static const struct sl_limits lim = { BLOB_MAX, 4000000, 64 };
	struct sl_json *v = NULL;
	int r = sl_json_uncbor(blob, &lim, a, &v, err);

	return r < 0 ? r : sl_policy_facts_from_json(v, a, ret, err);
}

static void
take(char *ret, size_t size, struct sl_slice s)
{
	(void)snprintf(ret, size, "%.*s", (int)(s.len < size ? s.len : size - 1),
		       s.p != NULL ? (const char *)s.p : "");
}

int
sl_policy_since(struct sl_reader *reader, uint64_t below, struct sl_policy_since *ret,
		struct sl_err *err)
{
	*ret = (struct sl_policy_since){ .index = UINT64_MAX };
	while (below-- > 0) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_log_entry e;
		struct sl_stated s;
		int r = sl_reader_entry(reader, SL_NODE_TREE, below, &e, err);

		if (r < 0)
			return r;
		if (strcmp(e.kind, "policy") != 0)
			continue;
		sl_arena_init(&a, STATEMENT_MEMORY);
		if ((r = sl_stated_read(reader, &e, &a, &s, err)) < 0)
			return r;
		ret->index = below;
		take(ret->digest, sizeof(ret->digest),
		     sl_json_get_str(s.predicate, "policy"));
		take(ret->signer, sizeof(ret->signer), s.iss);
		take(ret->why, sizeof(ret->why), sl_json_get_str(s.predicate, "why"));
		take(ret->replaces, sizeof(ret->replaces),
		     sl_json_get_str(s.predicate, "replaces"));
		sl_time_text(e.time_ms, ret->when);
		return 0;
	}
	return 0;
}
