/* verify_witness.h -- what verify asks of witnesses: that a quorum saw the log, and
 * whether what it was given shows that a log forked. */
#ifndef SL_CLI_VERIFY_WITNESS_H
#define SL_CLI_VERIFY_WITNESS_H

#include "cli/evidence.h"
#include "codec/json.h"
#include "cose/checkpoint.h"
#include "merkle/tree.h"

enum { SL_VERIFY_TEXT = 240 };

struct sl_quorum_opts {
	const char *policy, *proof; /* paths; proof NULL: made from the log here */
};

/* Whether the entry with this ID stands under a checkpoint that the policy's quorum
 * cosigned.  origin: the log that it must be of, or empty.  QUORUM, VERIFY, SIGNER,
 * FORMAT, NOENT; text: what was found. */
int sl_verify_quorum(struct sl_local *l, const struct sl_quorum_opts *o,
		     const uint8_t id[32], struct sl_slice origin,
		     char text[SL_VERIFY_TEXT], struct sl_err *err) SL_MUST_CHECK;
/* The seal of a bundle's run, and the name of the log that it stands in. */
int sl_verify_seal_id(struct sl_slice bundle, uint64_t index, struct sl_arena *a,
		      uint8_t ret_id[32], struct sl_slice *ret_origin,
		      struct sl_err *err) SL_MUST_CHECK;

/* The payload of a statement (or bytes), where it is evidence of a fork; else NULL. */
const struct sl_json *sl_verify_fork_in(struct sl_slice payload, struct sl_arena *a);
/* FORKED: it shows that a log forked, by a key that is known to be the log's (args'
 * option opt, or `sluice witness trust`); SIGNER: by some key; VERIFY, FORMAT.  Never 0.
 * text: which log, where. */
int sl_verify_fork(struct sl_local *l, const struct sl_args *args, int opt,
		   const struct sl_json *statement, char text[SL_VERIFY_TEXT],
		   struct sl_err *err) SL_MUST_CHECK;

#endif
