/* proof.h -- C2SP tlog-proof: an entry's index, its inclusion path and the checkpoint,
 * with its cosignatures, in one text file that verifies offline. */
#ifndef SL_WITNESS_PROOF_H
#define SL_WITNESS_PROOF_H

#include "merkle/proof.h"
#include "witness/policy.h"

enum { SL_TLOG_PROOF_MAX = 1 << 20, SL_TLOG_EXTRA_MAX = 1 << 16 };

struct sl_tlog_proof {         /* slices point into the source */
	struct sl_slice extra; /* base64 (valid); authenticated by nothing */
	bool has_extra;
	uint64_t index;
	struct sl_proof path;
	struct sl_slice checkpoint; /* the note */
};

/* FORMAT, with the line; LIMIT. */
int sl_tlog_proof_parse(struct sl_slice src, struct sl_tlog_proof *ret,
			struct sl_err *err) SL_MUST_CHECK;
void sl_tlog_proof_put(const struct sl_tlog_proof *p, struct sl_buf *out);
/* The checkpoint by the policy (sl_tpol_check), and the leaf in its tree. */
int sl_tlog_proof_check(const struct sl_tlog_proof *p, const struct sl_hash *leaf,
			const struct sl_tpol *policy, const struct sl_vkey *log,
			struct sl_tpol_result *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
