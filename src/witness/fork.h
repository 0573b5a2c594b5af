/* fork.h -- two checkpoints of one log that cannot both be true, as evidence that
 * anybody can check offline (doc/PROTOCOL.witness section 4).
 *
 * Both are signed by the log.  Either they have one size and two roots; or the sizes
 * differ, and a consistency path leads from *another* root of the older size to the newer
 * root: SHA-256 lets a tree have one root at each size, so the log has shown two trees.
 * That no path was found would prove nothing, and is no evidence.
 *
 * The evidence is an in-toto Statement, predicate urn:sluice:fork:v1.  It needs nobody's
 * word: who signs it says that they found it.
 */
#ifndef SL_WITNESS_FORK_H
#define SL_WITNESS_FORK_H

#include "codec/json.h"
#include "cose/checkpoint.h"
#include "merkle/proof.h"

struct sl_fork {
	struct sl_vkey log;
	struct sl_slice older, newer; /* notes, as the log signed them */
	uint64_t size1, size2;        /* size1 <= size2 */
	struct sl_hash root1, root2;
	bool has_path;        /* the sizes differ: */
	struct sl_hash other; /* the root at size1 of the tree whose root is root2 */
	struct sl_proof path; /* from other to root2 */
};

/* From two notes: sets all but other and path, which the caller has set where the sizes
 * differ; puts the notes in order.  SIGNER, FORMAT, VERIFY: one of them is no checkpoint
 * by that key.  NOENT: they do not contradict each other, or nothing shows that they
 * do. */
int sl_fork_judge(struct sl_fork *f, struct sl_err *err) SL_MUST_CHECK;
/* Appends the evidence: JCS bytes of the Statement, with the log's signatures alone. */
int sl_fork_put(const struct sl_fork *f, struct sl_buf *out,
		struct sl_err *err) SL_MUST_CHECK;
/* Evidence checked: everything that it claims.  v is the Statement, or anything else;
 * slices point into it and into a.  FORMAT: not of this form; VERIFY: it shows no fork.
 */
int sl_fork_check(const struct sl_json *v, struct sl_fork *ret,
		  struct sl_err *err) SL_MUST_CHECK;
bool sl_fork_is(const struct sl_json *v); /* by its predicateType */

#endif
