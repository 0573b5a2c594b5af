/* fuzz_front.c -- any bytes as a policy in YAML.
 * Trusted code base: src/policy, src/codec (YAML), src/base; libfyaml.
 * Asserts: an error has a place; each line that comes out has one; no line but those of
 * the five kinds comes out, so that no value of the YAML becomes a rule. */
#include "policy/front.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sl_limits decl_lim = { 1 << 20, 100000, 64 };

static void
check_line(struct sl_slice line)
{
	static const char *const heads[] = { "owner(", "principle(", "check if ",
					     "deny if ", "allow if " };
	bool ok = false;

	for (size_t k = 0; k < sizeof(heads) / sizeof(heads[0]); k++)
		ok |= sl_slice_starts(line, sl_slice_str(heads[k]));
	assert(ok && line.p[line.len - 1] == ';');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SL_AUTO_ARENA a = { .cap = (size_t)256 << 20 };
	struct sl_slice yaml = { size > 0 ? data : NULL, size };
	const struct sl_decls *decls = NULL;
	struct sl_front_text t = { 0 };
	struct sl_err err = { 0 };
	size_t n = 0;

	assert(sl_decls_parse(sl_policy_decls_text(), "d", &decl_lim, &a, &decls, &err) ==
	       0);
	if (sl_policy_front(yaml, "f", decls, &a, &t, &err) < 0) {
		assert(strncmp(err.msg, "f:", 2) == 0);
		return 0;
	}
	for (struct sl_slice s = t.text; s.len > 0; n++) {
		struct sl_slice line = sl_slice_upto(s, '\n');

		check_line(line);
		s = sl_slice_skip(s, line.len + 1);
	}
	assert(n == t.n);
	return 0;
}
