/* ast.h -- a parsed policy; private to src/policy.
 *
 * Built by parse.c, checked and linked by load.c, read by everything else.  All of it
 * lives in one arena and borrows the text.
 */
#ifndef SL_POLICY_AST_H
#define SL_POLICY_AST_H

#include "policy/policy.h"

enum {
	SL_PVARS_MAX = 64,   /* variables of one body, closure parameters included */
	SL_PARITY_MAX = 32,  /* so that a set of positions fits uint32_t */
	SL_PATOMS_MAX = 64,  /* of one body */
	SL_PBLOCKS_MAX = 31, /* the authorizer is one more: a set of them fits uint32_t */
};

/* Expression nodes; SL_PX_ROWS in print.c gives their text. */
enum sl_px_op {
	SL_PX_TERM,
	SL_PX_VAR,
	SL_PX_PARENS,
	SL_PX_NOT,
	SL_PX_OR,
	SL_PX_AND,
	SL_PX_LT,
	SL_PX_LE,
	SL_PX_GT,
	SL_PX_GE,
	SL_PX_SEQ, /* === */
	SL_PX_SNE, /* !== */
	SL_PX_EQ,
	SL_PX_NE,
	SL_PX_XOR,
	SL_PX_BOR,
	SL_PX_BAND,
	SL_PX_ADD,
	SL_PX_SUB,
	SL_PX_MUL,
	SL_PX_DIV,
	SL_PX_LENGTH,
	SL_PX_TYPE,
	SL_PX_STARTS,
	SL_PX_ENDS,
	SL_PX_MATCHES,
	SL_PX_CONTAINS,
	SL_PX_UNION,
	SL_PX_INTER,
	SL_PX_GET,
	SL_PX_ANY,
	SL_PX_ALL,
	SL_PX_TRY,
	SL_PX_COUNT
};

struct sl_px {
	enum sl_px_op op;
	uint32_t line, col;
	uint32_t depth;          /* 1 for a leaf; at most the depth limit of the parse */
	uint32_t var;            /* VAR; parameter of ANY, ALL */
	const struct sl_term *t; /* TERM */
	const struct sl_px *a, *b;
	const struct sl_pre *re; /* MATCHES with a literal pattern: compiled */
};

struct sl_parg {
	bool is_var;
	uint32_t var;            /* index in the body's variables */
	uint32_t con;            /* index in the program's constants */
	const struct sl_term *t; /* the constant */
};

struct sl_patom {
	struct sl_slice name;
	struct sl_parg *args;
	uint32_t n, line, col;
	uint32_t pred; /* index in the program's predicates, set by the link */
};

struct sl_pexpr {
	const struct sl_px *px;
	uint64_t vars; /* free variables */
	uint32_t at;   /* evaluated when that many atoms, left to right, have matched */
};

struct sl_pscope {
	bool is_given, has_authority, has_previous;
	const struct sl_slice *keys; /* "ed25519/<hex>" */
	uint32_t n_keys, line, col;
};

struct sl_pbody {
	struct sl_patom *atoms;
	struct sl_pexpr *exprs;
	uint32_t n_atoms, n_exprs, n_vars;
	uint32_t trusted;      /* blocks whose facts it sees, set by the link */
	struct sl_slice *vars; /* names without the dollar sign */
	uint64_t params;       /* those that are closure parameters */
	struct sl_pscope scope;
};

struct sl_prule {
	struct sl_patom head;
	struct sl_pbody body;
	uint32_t line, col, block;
	struct sl_prule *next;
	struct sl_prule *next_of_pred; /* same head, in the order of the text */
	const struct sl_prule *shown;  /* of one made up by magic.c, or NULL */
	uint32_t id;                   /* 0, 1, ... in the order of the text */
};

enum sl_pgoal_kind {
	SL_PGOAL_CHECK_IF,
	SL_PGOAL_CHECK_ALL,
	SL_PGOAL_REJECT_IF,
	SL_PGOAL_ALLOW,
	SL_PGOAL_DENY,
};

struct sl_pgoal {
	enum sl_pgoal_kind kind;
	struct sl_pbody * or ; /* branches */
	uint32_t n_or, line, col, block;
	uint32_t id;  /* among the checks of its block, or among the policies */
	uint32_t uid; /* of its first branch; continues the rules' numbers */
	struct sl_pgoal *next;
};

struct sl_pfact {
	struct sl_patom atom; /* constants only */
	uint32_t block;
	struct sl_pfact *next;
};

struct sl_ppred {
	struct sl_slice name;
	uint32_t arity;
	struct sl_prule *rules, *last; /* by next_of_pred */
};

struct sl_policy {
	struct sl_arena *a;
	const struct sl_decls *decls; /* or NULL */
	struct sl_pfact *facts, **facts_tail;
	struct sl_prule *rules, **rules_tail;
	struct sl_pgoal *checks, **checks_tail;
	struct sl_pgoal *policies, **policies_tail;
	uint32_t n_rules, n_checks, n_policies, n_facts, n_cons;
	uint32_t n_uids; /* rules and branches of goals */
	struct sl_ppred *preds;
	uint32_t n_preds, cap_preds;
	uint32_t *pred_hash; /* power of two, 0 empty, else index + 1 */
	uint32_t cap_hash;
	/* Blocks of a token; a policy has none and is itself the authorizer. */
	uint32_t n_blocks;
	struct sl_slice block_key[SL_PBLOCKS_MAX]; /* signer, or empty */
	struct sl_pscope
	    block_scope[SL_PBLOCKS_MAX + 1]; /* [SL_PBLOCKS_MAX]: authorizer */
	bool has_scopes;
};

/* The authorizer's bit in sets of blocks. */
enum { SL_PAUTH = SL_PBLOCKS_MAX };

/* Where errors of a text go: all of them, up to a maximum. */
struct sl_pdiags {
	struct sl_arena *a;
	struct sl_policy_diag *v;
	size_t n, cap;
	bool is_full;  /* more were dropped */
	bool is_nomem; /* memory ran out: nothing else counts */
};

enum { SL_PDIAGS_MAX = 100 };

void sl_pdiag(struct sl_pdiags *d, int code, bool is_warning, uint32_t line, uint32_t col,
	      const char *fmt, ...) SL_PRINTF(6, 7);

void sl_policy_init(struct sl_policy *p, struct sl_arena *a);
/* Adds a text as block `block` (SL_PAUTH: the policy itself); errors go to d, and
 * parsing goes on after the next ';'. */
void sl_policy_parse(struct sl_policy *p, struct sl_slice text, uint32_t block,
		     const struct sl_limits *lim, struct sl_pdiags *d);
/* Safety, predicates, constants, scopes: after all texts; once. */
void sl_policy_link(struct sl_policy *p, struct sl_pdiags *d);
/* Index of the predicate, or UINT32_MAX. */
uint32_t sl_policy_pred(const struct sl_policy *p, struct sl_slice name, size_t arity);
/* Checks against the declarations. */
void sl_decls_check(const struct sl_decls *decls, const struct sl_policy *p,
		    struct sl_pdiags *d);
/* Declared `by policy`: the gate asks for it after the verdict.  decls may be NULL. */
bool sl_decls_is_asked(const struct sl_decls *decls, struct sl_slice pred);
/* The kinds (bits) that a declared predicate has in that place; 0: not declared. */
uint32_t sl_decls_kinds(const struct sl_decls *decls, struct sl_slice pred,
			uint32_t place);
/* The declared name that is most like it, empty where none is. */
struct sl_slice sl_decls_nearest(const struct sl_decls *decls, struct sl_slice name);
/* lint.c: warnings about a policy without errors. */
void sl_policy_lint(const struct sl_policy *p, struct sl_pdiags *d);
/* Whether the gate may state it; else why not, in msg. */
bool sl_decls_fact_ok(const struct sl_decls *decls, struct sl_slice pred,
		      const struct sl_term *args, size_t n, char msg[200]);

/* The printed form: atoms, then expressions, then scope. */
void sl_policy_print_rule(struct sl_buf *out, const struct sl_prule *r);
void sl_policy_print_goal(struct sl_buf *out, const struct sl_pgoal *g);
void sl_policy_print_atom(struct sl_buf *out, const struct sl_patom *m,
			  const struct sl_slice *vars);
/* Text of such a print in the arena, at most max bytes and then "..."; p NULL: memory. */
struct sl_slice sl_policy_rule_text(struct sl_arena *a, const struct sl_prule *r,
				    size_t max);
struct sl_slice sl_policy_goal_text(struct sl_arena *a, const struct sl_pgoal *g,
				    size_t max);

const char *sl_term_kind_name(enum sl_term_kind k);
/* Sorts and checks the items of a SET or MAP in place: false for a duplicate map key;
 * duplicates in a set are dropped. */
bool sl_term_canon(struct sl_term *t, struct sl_term *items);
/* Strict inverse of sl_term_json(). */
int sl_term_from_json(const struct sl_json *v, struct sl_arena *a, unsigned depth,
		      struct sl_term *ret, struct sl_err *err) SL_MUST_CHECK;
/* Deep copy; false when memory is out. */
bool sl_term_copy(struct sl_arena *a, const struct sl_term *t, struct sl_term *ret);
bool sl_utf8_ok(struct sl_slice s);

#endif
