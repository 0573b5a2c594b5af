/* expr.h -- workflow expressions: parse once, evaluate often.
 *
 * The language is the one of GitHub's own parser (facts: actions/runner Sdk/
 * Expressions).  What may be named is the caller's choice: `allow` holds entries of a
 * schema's "context" list, either a context ("github") or a function with its arity
 * ("hashFiles(1,255)", "success(0,MAX)").  The functions contains, endsWith, format,
 * join, startsWith, toJson, fromJson and case are always there.
 *
 * Refused: more than 21,000 UTF-16 units, a tree deeper than 50, more than 255
 * arguments, an evaluation that takes more than max_memory bytes.  Parsing keeps its
 * own stacks; evaluation recurses no deeper than the tree.
 *
 * Unlike GitHub's, fromJSON refuses a key that is there twice (codec/json.h); keys that
 * differ in case are one, and the last value counts.
 *
 * A parsed expression borrows its text and lives in the arena given; it is immutable,
 * so any number of evaluations may use it.
 *
 * Errors: *err has code FORMAT (syntax) or FAILED (evaluation), LIMIT, NOMEM, with
 * GitHub's text made printable.  The exact text, with its bytes and its place, goes to
 * *why if the caller wants it.
 */
#ifndef SL_FLOW_EXPR_H
#define SL_FLOW_EXPR_H

#include "flow/value.h"

enum {
	SL_EXPR_LEN_MAX = 21000, /* UTF-16 units */
	SL_EXPR_DEPTH_MAX = 50,
	SL_EXPR_ARGS_MAX = 255
};

struct sl_expr_why {
	struct sl_slice msg; /* in the arena of the call; p == NULL if that was out */
	size_t at, len;      /* bytes in the text given: the symbol concerned */
	bool has_place;      /* at and len mean something */
};

struct sl_expr_syntax {
	const struct sl_slice *allow; /* "github", "always(0,0)", ... */
	size_t n_allow;
	struct sl_expr_why *why; /* or NULL */
};

struct sl_expr; /* NULL is no expression */

int sl_expr_parse(struct sl_slice src, const struct sl_expr_syntax *sx,
		  struct sl_arena *a, const struct sl_expr **ret,
		  struct sl_err *err) SL_MUST_CHECK;
/* The text that was parsed: src, or what a template or an `if` was turned into. */
struct sl_slice sl_expr_text(const struct sl_expr *e);

/* What success(), failure(), cancelled(), always() look at. */
struct sl_expr_status {
	bool is_success, is_failure, is_cancelled; /* values without arguments */
	/* job id -> "success" "failure" "cancelled" "skipped", for success('a', ...):
	 * all succeeded, and failure('a', ...): some failed.  NULL: none. */
	const struct sl_value *results;
};

struct sl_expr_env {
	const struct sl_value *contexts; /* object: "github" -> value; absent is null */
	const struct sl_expr_status *status; /* NULL: all went well so far */
	void *host_arg;
	/* As in flow/engine.h; NULL: hashFiles is an evaluation error. */
	int (*hash_files)(void *arg, const struct sl_slice *pattern, size_t n,
			  char ret_hex[65], struct sl_err *err);
	size_t max_memory;       /* bytes of the arena one evaluation may take */
	struct sl_expr_why *why; /* or NULL */
};

/* The value may share with the contexts and with e, which must outlive it. */
int sl_expr_eval(const struct sl_expr *e, const struct sl_expr_env *env,
		 struct sl_arena *a, const struct sl_value **ret,
		 struct sl_err *err) SL_MUST_CHECK;

/* A scalar that may embed `${{ }}`. */
enum sl_template_kind {
	SL_TEMPLATE_LITERAL, /* no expression, or nothing but a string literal */
	SL_TEMPLATE_EXPR,  /* one `${{ e }}`: e with its type; or format() of the parts */
	SL_TEMPLATE_INSERT /* `${{ insert }}` alone */
};

struct sl_template {
	enum sl_template_kind kind;
	struct sl_slice text;       /* LITERAL */
	const struct sl_expr *expr; /* EXPR */
	bool is_whole;              /* EXPR: exactly one `${{ }}`, so its type is kept */
};

bool sl_expr_is_embedded(struct sl_slice s); /* is there a "${{" */
int sl_expr_template(struct sl_slice src, const struct sl_expr_syntax *sx,
		     struct sl_arena *a, struct sl_template *ret,
		     struct sl_err *err) SL_MUST_CHECK;

/* The value of an `if:`: an expression with or without `${{ }}`; empty is success().
 * Without a status function anywhere it becomes `success() && (...)`. */
int sl_expr_if(struct sl_slice src, const struct sl_expr_syntax *sx, struct sl_arena *a,
	       const struct sl_expr **ret, struct sl_err *err) SL_MUST_CHECK;
/* always, success, failure or cancelled, anywhere in the tree. */
bool sl_expr_has_status(const struct sl_expr *e);
/* Calls this function anywhere (ignoring case). */
bool sl_expr_calls(const struct sl_expr *e, const char *function);

/* What the text refers to: `secrets.A['b']` is secrets, path A, b.  is_all: the context
 * itself is used, or the step after the path is computed or `*`, so anything below may
 * be read (`toJSON(secrets)`, `secrets[matrix.x]`, `secrets.*`). */
struct sl_expr_ref {
	struct sl_slice context;
	const struct sl_slice *path;
	size_t n_path;
	bool is_all;
};

/* Each reference once, in order of place. */
int sl_expr_refs(const struct sl_expr *e, struct sl_arena *a,
		 const struct sl_expr_ref **ret, size_t *ret_n,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
