/* parse.h -- what the two halves of the parser share; private to src/policy. */
#ifndef SL_POLICY_PARSE_H
#define SL_POLICY_PARSE_H

#include "policy/ast.h"

struct sl_pp {
	struct sl_policy *p;
	struct sl_arena *a;
	struct sl_slice src;
	size_t at, line_start;
	uint32_t line, block;
	size_t n_nodes;
	const struct sl_limits *lim;
	struct sl_pdiags *d;
	/* the body being read */
	struct sl_slice vars[SL_PVARS_MAX];
	uint32_t n_vars;
	uint64_t params; /* slots that belong to closures */
	uint64_t open;   /* closure parameters in scope here */
};

/* All return false after a diagnosis at the current place. */
bool sl_pp_fail(struct sl_pp *s, int code, const char *fmt, ...) SL_PRINTF(3, 4);
bool sl_pp_fail_at(struct sl_pp *s, uint32_t line, uint32_t col, int code,
		   const char *fmt, ...) SL_PRINTF(5, 6);
bool sl_pp_nomem(struct sl_pp *s);
/* Counts a node against max_items. */
bool sl_pp_count(struct sl_pp *s);

/* The byte k after the current one, 0 at the end. */
static inline uint8_t
sl_pp_peek(const struct sl_pp *s, size_t k)
{
	return k < s->src.len - s->at ? s->src.p[s->at + k] : 0;
}

static inline uint32_t
sl_pp_col(const struct sl_pp *s)
{
	return (uint32_t)(s->at - s->line_start + 1);
}

static inline bool
sl_pp_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static inline bool
sl_pp_is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
sl_pp_is_name(uint8_t c)
{
	return sl_pp_is_alpha(c) || sl_pp_is_digit(c) || c == '_' || c == ':';
}

static inline int
sl_pp_hex_val(uint8_t c)
{
	if (sl_pp_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void sl_pp_newline(struct sl_pp *s); /* the current byte is one */
/* What stands here, for a message. */
struct sl_slice sl_pp_shown(const struct sl_pp *s);
bool sl_pp_space(struct sl_pp *s); /* blanks and comments; false: comment not closed */
bool sl_pp_is(const struct sl_pp *s, const char *lit);
bool sl_pp_take(struct sl_pp *s, const char *lit); /* after blanks; no diagnosis */
bool sl_pp_want(struct sl_pp *s, const char *lit);
/* A word [A-Za-z][A-Za-z0-9_:]*, empty where there is none. */
struct sl_slice sl_pp_word(const struct sl_pp *s);
/* The word at the current place, compared without case. */
bool sl_pp_is_word(const struct sl_pp *s, const char *kw);

/* `$name` as a variable of the body. */
bool sl_pp_var(struct sl_pp *s, uint32_t *ret_var);
bool sl_pp_term(struct sl_pp *s, unsigned depth, struct sl_term *ret); /* ground */
const struct sl_px *sl_pp_expr(struct sl_pp *s); /* NULL after a diagnosis */

#endif
