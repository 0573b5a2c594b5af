/* expr_int.h -- private to expr*.c: the tokens and the tree. */
#ifndef SL_FLOW_EXPR_INT_H
#define SL_FLOW_EXPR_INT_H

#include "flow/expr.h"

/* The operators come first, in the order of the table in expr_parse.c. */
enum sl_tok_kind {
	SL_TOK_NOT,
	SL_TOK_NE,
	SL_TOK_GT,
	SL_TOK_GE,
	SL_TOK_LT,
	SL_TOK_LE,
	SL_TOK_EQ,
	SL_TOK_AND,
	SL_TOK_OR,
	SL_TOK_START_GROUP,
	SL_TOK_START_INDEX,
	SL_TOK_START_PARAMS,
	SL_TOK_END_GROUP,
	SL_TOK_END_INDEX,
	SL_TOK_END_PARAMS,
	SL_TOK_SEPARATOR,
	SL_TOK_DEREF,
	SL_TOK_N_OPERATORS,
	SL_TOK_WILDCARD = SL_TOK_N_OPERATORS,
	SL_TOK_NULL,
	SL_TOK_BOOL,
	SL_TOK_NUM,
	SL_TOK_STR,
	SL_TOK_PROPERTY,
	SL_TOK_FUNCTION,
	SL_TOK_NAMED,
	SL_TOK_UNEXPECTED,
	SL_TOK_NONE /* before the first */
};

struct sl_tok {
	enum sl_tok_kind kind;
	size_t at, len; /* bytes in the text */
	double num;
	bool b;
	struct sl_tok *below; /* on a stack */
};

struct sl_lexer {
	struct sl_slice src;
	size_t at;
	enum sl_tok_kind last;
	struct sl_tok *unclosed; /* stack of starts */
	struct sl_arena *a;
};

/* 1 with *ret set, 0 at the end, or NOMEM. */
int sl_lex_next(struct sl_lexer *lx, struct sl_tok *ret, struct sl_err *err);

enum sl_node_kind {
	SL_NODE_LITERAL,
	SL_NODE_NAMED,
	SL_NODE_WILDCARD,
	SL_NODE_INDEX,
	SL_NODE_NOT,
	SL_NODE_NE,
	SL_NODE_GT,
	SL_NODE_GE,
	SL_NODE_LT,
	SL_NODE_LE,
	SL_NODE_EQ,
	SL_NODE_AND,
	SL_NODE_OR,
	SL_NODE_CALL
};

struct sl_node {
	enum sl_node_kind kind;
	struct sl_slice name;             /* NAMED, CALL: as written */
	const struct sl_value *lit;       /* LITERAL */
	const struct sl_expr_function *f; /* CALL */
	struct sl_node *kid, *last;       /* first and last operand */
	size_t n;
	struct sl_node *next;  /* sibling */
	struct sl_node *below; /* on the parser's stack */
	size_t at, end;        /* bytes in the text */
};

struct sl_expr {
	struct sl_slice text;
	struct sl_node *root; /* NULL: empty, evaluates to null */
};

/* Evaluation of one expression. */
struct sl_eval {
	const struct sl_expr *e;
	const struct sl_expr_env *env;
	struct sl_arena *a;
	struct sl_err *err;
	size_t base; /* a->used at the start */
	size_t depth;
};

/* NULL after raising in ev->err. */
typedef const struct sl_value *sl_expr_fn(struct sl_eval *ev, const struct sl_node *n);

struct sl_expr_function {
	const char *name;
	size_t min, max;
	bool is_builtin; /* needs no entry in `allow` */
	bool is_status;
	sl_expr_fn *fn;
};

const struct sl_expr_function *sl_expr_function(struct sl_slice name);

const struct sl_value *sl_eval_node(struct sl_eval *ev, const struct sl_node *n);
/* Raise; return NULL for convenience. */
const struct sl_value *sl_eval_fail(struct sl_eval *ev, const char *what,
				    struct sl_slice arg);
const struct sl_value *sl_eval_nomem(struct sl_eval *ev, const struct sl_node *n);
/* Bytes this evaluation may still take. */
size_t sl_eval_room(const struct sl_eval *ev);
/* v, or the right error when it is NULL or the evaluation has taken too much. */
const struct sl_value *sl_eval_done(struct sl_eval *ev, const struct sl_node *n,
				    const struct sl_value *v);

#endif
