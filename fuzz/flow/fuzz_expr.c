/* fuzz_expr.c -- an expression, a template and an `if`, evaluated over a small context.
 * Trusted code base: src/base, src/codec/json*, src/flow/{value,expr}*. */
#include "flow/expr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
eval(const struct sl_expr *e, struct sl_arena *a)
{
	const struct sl_value *m = sl_val_str(a, SL_LIT("v")), *v;
	struct sl_value *ctx = sl_val_obj(a, false), *in = sl_val_obj(a, false);
	struct sl_expr_env env = { .contexts = ctx, .max_memory = 1 << 20 };
	const struct sl_expr_ref *ref;
	struct sl_err err = { 0 };
	size_t n_ref;

	if (sl_val_set(a, ctx, SL_LIT("a"), in) == NULL ||
	    sl_val_set(a, in, SL_LIT("b"), m) == NULL)
		abort();
	if (sl_expr_refs(e, a, &ref, &n_ref, &err) < 0)
		abort();
	if ((sl_expr_eval(e, &env, a, &v, &err) == 0) != (err.code == 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	const struct sl_slice allow[] = { SL_LIT("a"), SL_LIT("hashFiles(1,255)"),
					  SL_LIT("success(0,MAX)") };
	struct sl_expr_why why = { .at = 0 };
	struct sl_expr_syntax sx = { .allow = allow, .n_allow = 3, .why = &why };
	struct sl_slice src = { d, n };
	struct sl_err err[3] = { 0 };
	const struct sl_expr *e;
	SL_AUTO_ARENA a = { 0 };
	struct sl_template t;

	sl_arena_init(&a, 64 << 20);
	if (sl_expr_parse(src, &sx, &a, &e, &err[0]) == 0)
		eval(e, &a);
	else if (err[0].code == 0 ||
		 (why.has_place && (why.at > n || why.len > n - why.at)))
		abort();
	if (sl_expr_template(src, &sx, &a, &t, &err[1]) == 0 &&
	    t.kind == SL_TEMPLATE_EXPR)
		eval(t.expr, &a);
	if (sl_expr_if(src, &sx, &a, &e, &err[2]) == 0 && !sl_expr_has_status(e))
		abort();
	return 0;
}
