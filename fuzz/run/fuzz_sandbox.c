/* fuzz_sandbox.c -- run/sandbox: a flow's text through the engine, or a plan as the
 * jailed parser might say it: only the flow's own level is ever wider than the one above,
 * and then each part of that is a want.
 * Trusted code base: src/base, src/codec, src/grant, src/flow, sandbox.o. */
#include "flow/engine.h"
#include "run/sandbox.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
check(const struct sl_json *plan, const struct sl_grant *given, struct sl_arena *a)
{
	struct sl_diag_list problems = { .a = a };
	const struct sl_sandboxes_in in = { plan, given, NULL, &problems };
	const struct sl_json *v = sl_json_first(sl_json_get(plan, "sandboxes"));
	struct sl_sandboxes s;
	struct sl_err err = { 0 };
	int r = sl_sandboxes_make(&in, a, &s, &err);

	if ((r == 0) != (err.code == 0) ||
	    (r == 0 && problems.n_errors + problems.n_refusals > 0))
		abort();
	if (r < 0)
		return;
	if ((s.n_beyond > 0) == sl_grant_within(&s.want, given))
		abort();
	for (size_t i = 0; i < s.n; i++, v = v->next) {
		int64_t parent = sl_json_get_int(v, "parent");
		const struct sl_grant *above =
		    parent >= 0 ? s.grant[parent]
		    : sl_slice_eq(sl_json_get_str(v, "level"), SL_LIT("flow"))
			? s.grant[i]
			: &s.want;

		if (!sl_grant_within(s.grant[i], above) ||
		    !sl_grant_within(s.grant[i], &s.want))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	static const struct sl_limits lim = { 1 << 16, 2000, 12 };
	struct sl_slice src = { d, n };
	const struct sl_engine_opts o = { .src = src,
					  .path = SL_LIT("f.yml"),
					  .max_memory = 8 << 20 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_engine *e = NULL;
	struct sl_json *v = NULL;
	const struct sl_json *plan = NULL;
	struct sl_err err = { 0 };
	struct sl_diags diags;
	struct sl_grant given;

	sl_arena_init(&a, 32 << 20);
	sl_grant_init(&given);
	given.ws_mode = SL_WS_OVERLAY;
	given.ws_path = SL_LIT("/w");
	if (n > 0 && d[0] == '{') {
		if (sl_json_parse(src, &lim, &a, &v, &err) == 0)
			check(v, &given, &a);
		return 0;
	}
	if (sl_engine_new(&o, &a, &e, &diags, &err) < 0)
		return 0;
	if (sl_engine_plan(e, &a, &plan, &err) == 0)
		check(plan, &given, &a);
	sl_engine_free(e);
	return 0;
}
