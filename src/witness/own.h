/* own.h -- our logs before other witnesses: what is asked of them, their cosignatures
 * kept, and proofs that carry them (doc/PROTOCOL.witness section 3).
 *
 * witness/HEX.own: the last checkpoint of a tree of this node that met the policy, with
 * its cosignatures; witness/HEX.part: a later one that has not met it yet.  Both can be
 * lost without harm: they are asked for again.
 */
#ifndef SL_WITNESS_OWN_H
#define SL_WITNESS_OWN_H

#include "log/reader.h"
#include "record/home.h"
#include "witness/policy.h"

/* The tree of this node that has the name.  NOENT. */
int sl_own_tree(struct sl_reader *r, struct sl_slice origin, struct sl_log_tree *ret,
		struct sl_err *err) SL_MUST_CHECK;
/* Appends an add-checkpoint request for the tree as it stands: from old_size, which the
 * witness cosigned last (0: never).  NOENT: the tree is smaller. */
int sl_own_request(struct sl_reader *r, uint32_t tree, uint64_t old_size,
		   struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;

struct sl_own_accepted {
	uint64_t size;     /* of the checkpoint */
	uint64_t cosigned; /* witnesses of the policy that have, bit i is witness i */
	bool is_quorum;
};

/* The answer (signature lines) to a request: those of the policy's witnesses that verify
 * are kept, others ignored.  VERIFY: the request is not of a tree of this node as it is;
 * SIGNER: no line is of a witness of the policy; FORMAT. */
int sl_own_accept(const struct sl_home *h, struct sl_reader *r, const struct sl_tpol *p,
		  struct sl_slice request, struct sl_slice answer,
		  struct sl_own_accepted *ret, struct sl_err *err) SL_MUST_CHECK;
/* Appends a tlog-proof of the entry at the checkpoint that met the policy.  NOENT: there
 * is none, or the entry is later than it. */
int sl_own_proof(const struct sl_home *h, struct sl_reader *r,
		 const struct sl_log_entry *e, struct sl_buf *out,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
