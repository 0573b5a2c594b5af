/* fuzz_engine.c -- a workflow, planned and driven; what a step writes comes from the same
 * bytes.  Every run ends, and what it says is well formed.
 * Trusted code base: src/base, src/codec, src/flow, libfyaml, jansson. */
#include "flow/engine.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

static void
drive(struct sl_engine *e, struct sl_slice bytes)
{
	for (int i = 0; i < 2000; i++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_jb b = { .a = &a };
		const struct sl_json *j = NULL;
		struct sl_json *how = sl_json_obj(&b), *files;
		struct sl_err err = { 0 };

		sl_arena_init(&a, 8 << 20);
		if (sl_engine_next(e, &a, &j, &err) < 0 ||
		    sl_slice_eq(sl_json_get_str(j, "do"), SL_LIT("run.done")))
			return;
		if (!sl_slice_eq(sl_json_get_str(j, "do"), SL_LIT("step")))
			continue;
		if (sl_engine_line(e, sl_slice_upto(bytes, '\n'), &a, &j, &err) < 0)
			return;
		how = sl_json_obj(&b);
		files = sl_json_set(&b, how, "files", sl_json_obj(&b));
		(void)sl_json_set(&b, files, "GITHUB_ENV", sl_json_str(&b, bytes));
		(void)sl_json_set(&b, files, "GITHUB_OUTPUT", sl_json_str(&b, bytes));
		(void)sl_json_set(&b, how, "exit", sl_json_int(&b, i & 1));
		if (sl_engine_done(e, how, &a, &j, &err) < 0)
			return;
		if (sl_json_get(j, "conclusion") == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_slice src = { d, n }, flow = src;
	struct sl_engine_opts o = { .path = SL_LIT("f.yml"), .max_memory = 8 << 20 };
	struct sl_engine *e = NULL;
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_diags diags;
	int r;

	for (size_t i = 0; i < n; i++) /* what follows a 0x01 is for the steps */
		if (d[i] == 1) {
			flow.len = i;
			break;
		}
	o.src = flow;
	sl_arena_init(&a, 8 << 20);
	r = sl_engine_new(&o, &a, &e, &diags, &err);
	if ((r == SL_E(FORMAT) || r == SL_E(UNSUPPORTED)) != (diags.n > 0))
		abort();
	if (r == 0)
		drive(e, sl_slice_skip(src, flow.len + 1));
	sl_engine_free(e);
	return 0;
}
