/* print.c -- the printed form of rules, checks and policies.  See ast.h. */
#include "policy/ast.h"

/* More than any text of sl_policy_text_limits prints to. */
enum { PRINT_MAX = 64 << 20 };

static const struct {
	const char *text;
	bool is_method;
} ops[SL_PX_COUNT] = {
	[SL_PX_OR] = { "||", false },
	[SL_PX_AND] = { "&&", false },
	[SL_PX_LT] = { "<", false },
	[SL_PX_LE] = { "<=", false },
	[SL_PX_GT] = { ">", false },
	[SL_PX_GE] = { ">=", false },
	[SL_PX_SEQ] = { "===", false },
	[SL_PX_SNE] = { "!==", false },
	[SL_PX_EQ] = { "==", false },
	[SL_PX_NE] = { "!=", false },
	[SL_PX_XOR] = { "^", false },
	[SL_PX_BOR] = { "|", false },
	[SL_PX_BAND] = { "&", false },
	[SL_PX_ADD] = { "+", false },
	[SL_PX_SUB] = { "-", false },
	[SL_PX_MUL] = { "*", false },
	[SL_PX_DIV] = { "/", false },
	[SL_PX_LENGTH] = { "length", true },
	[SL_PX_TYPE] = { "type", true },
	[SL_PX_STARTS] = { "starts_with", true },
	[SL_PX_ENDS] = { "ends_with", true },
	[SL_PX_MATCHES] = { "matches", true },
	[SL_PX_CONTAINS] = { "contains", true },
	[SL_PX_UNION] = { "union", true },
	[SL_PX_INTER] = { "intersection", true },
	[SL_PX_GET] = { "get", true },
	[SL_PX_ANY] = { "any", true },
	[SL_PX_ALL] = { "all", true },
	[SL_PX_TRY] = { "try_or", true },
};

/* As deep as the parser allowed. */
static void
print_px(struct sl_buf *out, const struct sl_px *x, const struct sl_slice *vars)
{
	if (x->op == SL_PX_TERM) {
		sl_term_print(out, x->t);
	} else if (x->op == SL_PX_VAR) {
		sl_buf_byte(out, '$');
		sl_buf_slice(out, vars[x->var]);
	} else if (x->op == SL_PX_PARENS) {
		sl_buf_byte(out, '(');
		print_px(out, x->a, vars);
		sl_buf_byte(out, ')');
	} else if (x->op == SL_PX_NOT) {
		sl_buf_byte(out, '!');
		print_px(out, x->a, vars);
	} else if (!ops[x->op].is_method) {
		print_px(out, x->a, vars);
		sl_buf_printf(out, " %s ", ops[x->op].text);
		print_px(out, x->b, vars);
	} else {
		print_px(out, x->a, vars);
		sl_buf_printf(out, ".%s(", ops[x->op].text);
		if (x->op == SL_PX_ANY || x->op == SL_PX_ALL) {
			sl_buf_byte(out, '$');
			sl_buf_slice(out, vars[x->var]);
			sl_buf_str(out, " -> ");
		}
		if (x->b != NULL)
			print_px(out, x->b, vars);
		sl_buf_byte(out, ')');
	}
}

void
sl_policy_print_atom(struct sl_buf *out, const struct sl_patom *m,
		     const struct sl_slice *vars)
{
	sl_buf_slice(out, m->name);
	sl_buf_byte(out, '(');
	for (uint32_t k = 0; k < m->n; k++) {
		if (k > 0)
			sl_buf_str(out, ", ");
		if (m->args[k].is_var) {
			sl_buf_byte(out, '$');
			sl_buf_slice(out, vars[m->args[k].var]);
		} else {
			sl_term_print(out, m->args[k].t);
		}
	}
	sl_buf_byte(out, ')');
}

static void
print_scope(struct sl_buf *out, const struct sl_pscope *sc)
{
	const char *sep = " trusting ";

	if (sc->has_authority) {
		sl_buf_printf(out, "%sauthority", sep);
		sep = ", ";
	}
	if (sc->has_previous) {
		sl_buf_printf(out, "%sprevious", sep);
		sep = ", ";
	}
	for (uint32_t k = 0; k < sc->n_keys; k++, sep = ", ") {
		sl_buf_str(out, sep);
		sl_buf_slice(out, sc->keys[k]);
	}
}

static void
print_body(struct sl_buf *out, const struct sl_pbody *b)
{
	for (uint32_t k = 0; k < b->n_atoms; k++) {
		if (k > 0)
			sl_buf_str(out, ", ");
		sl_policy_print_atom(out, &b->atoms[k], b->vars);
	}
	for (uint32_t k = 0; k < b->n_exprs; k++) {
		if (k > 0 || b->n_atoms > 0)
			sl_buf_str(out, ", ");
		print_px(out, b->exprs[k].px, b->vars);
	}
	print_scope(out, &b->scope);
}

void
sl_policy_print_rule(struct sl_buf *out, const struct sl_prule *r)
{
	sl_policy_print_atom(out, &r->head, r->body.vars);
	sl_buf_str(out, " <- ");
	print_body(out, &r->body);
}

void
sl_policy_print_goal(struct sl_buf *out, const struct sl_pgoal *g)
{
	static const char *const words[] = {
		[SL_PGOAL_CHECK_IF] = "check if",   [SL_PGOAL_CHECK_ALL] = "check all",
		[SL_PGOAL_REJECT_IF] = "reject if", [SL_PGOAL_ALLOW] = "allow if",
		[SL_PGOAL_DENY] = "deny if",
	};

	sl_buf_str(out, words[g->kind]);
	for (uint32_t k = 0; k < g->n_or; k++) {
		sl_buf_str(out, k > 0 ? " or " : " ");
		print_body(out, &g->or [k]);
	}
}

/* What print wrote, cut to max bytes. */
static struct sl_slice
finish(struct sl_arena *a, const struct sl_buf *out, size_t max)
{
	char *p;

	if (out->is_failed)
		return (struct sl_slice){ 0 };
	if (out->len <= max)
		return sl_arena_dup(a, sl_buf_get(out));
	if ((p = sl_arena_alloc(a, max + 4, 1)) == NULL)
		return (struct sl_slice){ 0 };
	memcpy(p, out->p, max);
	memcpy(p + max, "...", 4);
	return (struct sl_slice){ (const uint8_t *)p, max + 3 };
}

struct sl_slice
sl_policy_rule_text(struct sl_arena *a, const struct sl_prule *r, size_t max)
{
	SL_AUTO_BUF out = { .max = PRINT_MAX };

	sl_policy_print_rule(&out, r);
	return finish(a, &out, max);
}

struct sl_slice
sl_policy_goal_text(struct sl_arena *a, const struct sl_pgoal *g, size_t max)
{
	SL_AUTO_BUF out = { .max = PRINT_MAX };

	sl_policy_print_goal(&out, g);
	return finish(a, &out, max);
}
