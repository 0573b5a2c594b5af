/* policy_in.c -- policies and decisions read for `sluice policy`.  See policy_cmds.h. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/input.h"
#include "cli/policy_cmds.h"
#include "record/statement.h"
#include "run/parser.h"

#include <stdio.h>

enum { BLOB_MAX = 64 << 20, STATEMENT_MEMORY = 64 << 20 };

int
sl_policy_own_decls(struct sl_arena *a, const struct sl_decls **ret, struct sl_err *err)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };

	return sl_decls_parse(sl_policy_decls_text(), "facts.decl", &lim, a, ret, err);
}

static bool
is_yaml(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0);
}

/* In the parser's jail: YAML is not read here. */
static int
compile(struct sl_parser *p, const char *path, struct sl_arena *a,
	struct sl_front_text *ret, struct sl_err *err)
{
	SL_AUTO_BUF yaml = { .max = SL_POLICY_FILE_MAX };
	int r = sl_input_path(path, SL_POLICY_FILE_MAX, &yaml, err);

	return r < 0 ? r : sl_parser_policy(p, sl_buf_get(&yaml), path, a, ret, err);
}

static int
add_principles(struct sl_parser *p, const char *path, struct sl_arena *a,
	       struct sl_policy_source *ret, struct sl_err *err)
{
	SL_AUTO_BUF all = { .max = (size_t)2 * SL_POLICY_FILE_MAX };
	struct sl_front_text t = { 0 };
	int r;

	if ((r = compile(p, path, a, &t, err)) < 0)
		return r;
	for (struct sl_slice s = t.text; s.len > 0;) {
		struct sl_slice line = sl_slice_upto(s, '\n');

		if (!sl_slice_starts(line, SL_LIT("principle(")))
			return SL_ERR(err, FORMAT, "%s: principles alone, no policy",
				      path);
		s = sl_slice_skip(s, line.len + 1);
	}
	sl_buf_slice(&all, ret->text);
	if (ret->text.len > 0 && ret->text.p[ret->text.len - 1] != '\n')
		sl_buf_byte(&all, '\n');
	sl_buf_slice(&all, t.text);
	ret->text = sl_arena_dup(a, sl_buf_get(&all));
	return ret->text.p == NULL ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

static int
read_source(struct sl_parser *p, const char *path, struct sl_arena *a,
	    struct sl_policy_source *ret, struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_POLICY_FILE_MAX };
	struct sl_front_text t = { 0 };
	int r;

	if (is_yaml(path)) {
		if ((r = compile(p, path, a, &t, err)) < 0)
			return r;
		ret->text = t.text;
		ret->at = t.at;
		ret->n_at = t.n;
		return 0;
	}
	if ((r = sl_input_path(path, SL_POLICY_FILE_MAX, &text, err)) < 0)
		return r;
	ret->text = sl_arena_dup(a, sl_buf_get(&text));
	return ret->text.p == NULL ? SL_ERR(err, NOMEM, "out of memory for '%s'", path)
				   : 0;
}

int
sl_policy_source(const char *path, const char *principles, struct sl_arena *a,
		 struct sl_policy_source *ret, struct sl_err *err)
{
	struct sl_parser *p = NULL;
	int r = 0;

	*ret = (struct sl_policy_source){ .path = path };
	/* Before a byte of either file is here. */
	if ((is_yaml(path) || principles != NULL) && (r = sl_parser_start(&p, err)) < 0)
		return r;
	if ((r = read_source(p, path, a, ret, err)) == 0 && principles != NULL)
		r = add_principles(p, principles, a, ret, err);
	sl_parser_stop(p);
	return r;
}

void
sl_policy_place(const struct sl_policy_source *s, size_t *line, size_t *col)
{
	if (*line == 0 || *line > s->n_at)
		return;
	*col = s->at[*line - 1].col;
	*line = s->at[*line - 1].line;
}

int
sl_policy_from_source(const struct sl_policy_source *s, const struct sl_decls *decls,
		      struct sl_arena *a, const struct sl_policy **ret,
		      struct sl_err *err)
{
	const struct sl_policy_diag *d = NULL;
	size_t n = 0;
	int r;

	if (s->n_at == 0)
		return sl_policy_load(s->text, s->path, decls, &sl_policy_text_limits, a,
				      ret, err);
	if ((r = sl_policy_check_text(s->text, decls, &sl_policy_text_limits, a, &d, &n,
				      err)) < 0)
		return r;
	for (size_t k = 0; k < n; k++) {
		size_t line = d[k].line, col = d[k].col;

		sl_policy_place(s, &line, &col);
		if (!d[k].is_warning)
			return sl_err_raise(err, d[k].code, 0, __FILE__, __LINE__,
					    "%s:%zu:%zu: %s", s->path, line, col,
					    d[k].msg);
	}
	return sl_policy_load(s->text, s->path, decls, &sl_policy_text_limits, a, ret,
			      err);
}

int
sl_policy_from_file(const char *path, const struct sl_decls *decls, struct sl_arena *a,
		    const struct sl_policy **ret, struct sl_err *err)
{
	struct sl_policy_source s;
	int r = sl_policy_source(path, NULL, a, &s, err);

	return r < 0 ? r : sl_policy_from_source(&s, decls, a, ret, err);
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
