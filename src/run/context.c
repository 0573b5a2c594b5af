/* context.c -- see context.h. */
#include "run/context.h"

#include "base/hex.h"
#include "crypto/ed25519.h"

#include <stdio.h>

struct sl_json *
sl_context_new(struct sl_jb *b, const char *level, const struct sl_json *root,
	       const struct sl_gate_info *i)
{
	struct sl_json *o = sl_json_obj(b);

	(void)sl_json_set(b, o, "v", sl_json_int(b, 1));
	(void)sl_json_set(b, o, "level", sl_json_cstr(b, level));
	(void)sl_json_set(b, o, "node", sl_json_cstr(b, i->node.did));
	if (root != NULL)
		(void)sl_json_set(b, o, "root", sl_json_copy(b, root));
	(void)sl_json_set(b, o, "policy", sl_json_hex(b, i->policy, 32));
	return o;
}

struct sl_json *
sl_context_tag(struct sl_jb *b, struct sl_slice value, const uint8_t hmac_key[32])
{
	uint8_t mac[32];
	char text[5 + 64 + 1] = "hmac:";

	sl_hmac(hmac_key, value, mac);
	sl_hex(text + 5, mac, 32);
	return sl_json_cstr(b, text);
}

struct sl_json *
sl_context_env(struct sl_jb *b, const struct sl_slice *env, size_t n,
	       const uint8_t hmac_key[32])
{
	struct sl_json *o = sl_json_obj(b);

	for (size_t i = 0; i < n; i++) {
		struct sl_slice name = sl_slice_upto(env[i], '=');

		(void)sl_json_sets(
		    b, o, name,
		    sl_context_tag(b, sl_slice_skip(env[i], name.len + 1), hmac_key));
	}
	return o;
}
