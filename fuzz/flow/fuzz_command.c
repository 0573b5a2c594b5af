/* fuzz_command.c -- lines of output, one after the other, with the state that they leave.
 * Trusted code base: src/base, src/flow/{command,filecmd,value,expr_case}. */
#include "flow/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *d, size_t n)
{
	struct sl_command_state st = { .allow_unsecure = n > 0 && (d[0] & 1) != 0 };
	struct sl_slice rest = { d, n };
	struct sl_command c;
	SL_AUTO_ARENA a = { 0 };

	sl_arena_init(&a, 64 << 20);
	while (rest.len > 0) {
		struct sl_slice line = sl_slice_upto(rest, '\n');
		struct sl_err err = { 0 };

		rest = sl_slice_skip(rest, line.len + 1);
		if (sl_command_line(&st, line, &a, &c, &err) < 0) {
			if (err.code != SL_E(FAILED))
				abort();
			continue;
		}
		if (c.kind != SL_CMD_NONE && !sl_command_maybe(line))
			abort();
		if (c.data.len > line.len || c.name.len > line.len ||
		    c.mask.len > line.len)
			abort();
		if ((c.end_line != 0 && c.end_line < c.line) ||
		    st.len_token > sizeof(st.token))
			abort();
		if (!st.allow_unsecure && (c.kind == SL_CMD_ENV || c.kind == SL_CMD_PATH))
			abort();
	}
	return 0;
}
