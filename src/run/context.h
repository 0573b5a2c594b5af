/* context.h -- contexts frozen for a run, a command or a step (DESIGN section 3).
 *
 * Values of the environment appear as HMACs under the node's key, secrets by name and
 * HMAC: equal contexts have equal IDs on the node that froze them, and no value can be
 * read from one. */
#ifndef SL_RUN_CONTEXT_H
#define SL_RUN_CONTEXT_H

#include "codec/json.h"
#include "gate/gate.h"
#include "grant/act.h"

/* What every context of this node shares: version, level, root, policy, rule set. */
struct sl_json *sl_context_new(struct sl_jb *b, const char *level,
			       const struct sl_json *root, const struct sl_gate_info *i);
/* "NAME=VALUE" strings as {NAME: "hmac:HEX"}. */
struct sl_json *sl_context_env(struct sl_jb *b, const struct sl_slice *env, size_t n,
			       const uint8_t hmac_key[32]);
/* "hmac:HEX" of a value. */
struct sl_json *sl_context_tag(struct sl_jb *b, struct sl_slice value,
			       const uint8_t hmac_key[32]);

#endif
