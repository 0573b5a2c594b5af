/* schema.h -- the grammar of workflow and action files as data, and the check of a YAML
 * tree against it.
 *
 * The files data/schema/{workflow,action}.schema are part of the program; their format
 * is described at their top.  Checking gives a tree of tokens: literals converted as the
 * grammar wants them, expressions parsed once, every token with its place.  All that is
 * wrong goes to the diagnostics; a tree comes out all the same, without the parts that
 * were wrong, so that later checks can say more.
 */
#ifndef SL_FLOW_SCHEMA_H
#define SL_FLOW_SCHEMA_H

#include "codec/yaml.h"
#include "flow/diag.h"
#include "flow/expr.h"

enum sl_type_kind {
	SL_TYPE_STRING,
	SL_TYPE_TEXT, /* a string that is not empty */
	SL_TYPE_WORD, /* one of the words */
	SL_TYPE_EXPR, /* an `if`, with or without ${{ }} */
	SL_TYPE_BOOL,
	SL_TYPE_NUMBER,
	SL_TYPE_NULL,
	SL_TYPE_ANY,
	SL_TYPE_SEQ,
	SL_TYPE_MAP,
	SL_TYPE_ONE /* one of the alternatives */
};

struct sl_type;

struct sl_type_key {
	struct sl_slice name;
	bool is_required;
	const struct sl_type *type;
};

struct sl_type {
	struct sl_slice name;
	enum sl_type_kind kind;
	const struct sl_slice *allow; /* contexts and functions; none: the parent's */
	size_t n_allow;
	const struct sl_slice *words;
	size_t n_words;
	const struct sl_type **alt; /* ONE: n of them; SEQ: one */
	size_t n_alt;
	const struct sl_type_key *keys;
	size_t n_keys;
	const struct sl_type *loose; /* of any other key, or NULL */
};

/* The named file of data/schema, as built into the program. */
struct sl_slice sl_schema_text(const char *name);
/* The type `root`.  A fault in the text is BUG: it is ours. */
int sl_schema_load(struct sl_slice text, struct sl_arena *a, const struct sl_type **ret,
		   struct sl_err *err) SL_MUST_CHECK;

enum sl_tok_kind {
	SL_TOK_NULL,
	SL_TOK_BOOL,
	SL_TOK_NUM,
	SL_TOK_STR,
	SL_TOK_SEQ,
	SL_TOK_MAP,
	SL_TOK_EXPR,
	SL_TOK_INSERT /* a member of a mapping: its value's members go in here */
};

struct sl_tok {
	enum sl_tok_kind kind;
	const struct sl_type *type;
	struct sl_yaml_at at;
	bool b;
	double num;
	struct sl_slice text;       /* STR; EXPR: as written */
	const struct sl_expr *expr; /* EXPR */
	bool is_whole;              /* EXPR: keeps its type */
	bool is_insert;             /* a member under the key `${{ insert }}` */
	struct sl_tok *child, *last, *next;
	size_t n;
	struct sl_slice key;            /* a member's key as written */
	const struct sl_expr *key_expr; /* or an expression for it */
	struct sl_yaml_at key_at;
};

int sl_schema_read(const struct sl_yaml *y, const struct sl_type *type,
		   struct sl_diag_list *l, struct sl_arena *a, const struct sl_tok **ret,
		   struct sl_err *err) SL_MUST_CHECK;

const struct sl_tok *sl_tok_get(const struct sl_tok *map, const char *key); /* or NULL */
/* The text of a literal scalar, "" for others. */
struct sl_slice sl_tok_str(const struct sl_tok *t);

/* NOLINTBEGIN(bugprone-macro-parentheses): m is declared here */
#define SL_TOK_EACH(m, t)                                                                \
	for (const struct sl_tok *m = (t) != NULL ? (t)->child : NULL; m != NULL;        \
	     m = m->next)
/* NOLINTEND(bugprone-macro-parentheses) */

/* Evaluates the whole tree under t.  On failure *ret_at is the token's place, and the
 * text is in err (and in env->why where that is given). */
int sl_tok_eval(const struct sl_tok *t, const struct sl_expr_env *env, struct sl_arena *a,
		const struct sl_value **ret, struct sl_yaml_at *ret_at,
		struct sl_err *err) SL_MUST_CHECK;
/* Calls fn for every expression under t. */
int sl_tok_exprs(const struct sl_tok *t,
		 int (*fn)(void *arg, const struct sl_expr *e, const struct sl_tok *t,
			   struct sl_err *err),
		 void *arg, struct sl_err *err) SL_MUST_CHECK;

#endif
