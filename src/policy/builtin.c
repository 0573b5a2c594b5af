/* builtin.c -- the files that the binary carries; made by tools/embed.py. */
#include "policy/policy.h"

extern const unsigned char sl_builtin_default_dl[], sl_builtin_facts_decl[];
extern const unsigned long sl_builtin_default_dl_len, sl_builtin_facts_decl_len;

struct sl_slice
sl_policy_default_text(void)
{
	return (struct sl_slice){ sl_builtin_default_dl, sl_builtin_default_dl_len };
}

struct sl_slice
sl_policy_decls_text(void)
{
	return (struct sl_slice){ sl_builtin_facts_decl, sl_builtin_facts_decl_len };
}
