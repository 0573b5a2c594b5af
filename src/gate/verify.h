/* verify.h -- a bundle judged: evidence (record/evidence.h), then what it says of
 * decisions, outcomes and time (doc/PROTOCOL.bundle section 3, i to k).
 *
 * Needs no node, no key and no network.  Nothing is remembered.
 */
#ifndef SL_GATE_VERIFY_H
#define SL_GATE_VERIFY_H

#include "record/evidence.h"

enum { SL_VERIFY_MEMORY = 1 << 30 }; /* bytes: of one bundle's trees */

/* did:key of identities that are trusted. */
struct sl_trusted {
	const struct sl_slice *did;
	size_t n;
};

struct sl_verify_report {
	struct sl_findings findings;
	bool is_good;    /* no finding */
	bool is_trusted; /* the identity is one of the trusted */
	char run[65], did[SL_DIDKEY_MAX],
	    run_key[SL_DIDKEY_MAX]; /* run_key: "" without a tree */
	char kind[16];              /* "run", "exec"; "" when the decision was erased */
	char verdict[8];            /* "allow", "deny"; "" when the decision was erased */
	bool has_tree, is_sealed;
	uint64_t seal;                  /* its index in the node tree */
	uint64_t size[SL_BUNDLE_TREES]; /* of the trees, at the bundle's checkpoints */
	size_t n_statements, n_receipts, n_working, n_blobs, n_erased;
	size_t n_tombs; /* of n_erased: the node says that it erased them */
	size_t n_decisions, n_rederived; /* the rest: not re-derivable, erased */
	size_t n_shown; /* of n_rederived: the proof shows the verdict by itself */
	size_t n_outcomes, n_observations, n_acts;
};

/* The bundle in src.  0 (verified); VERIFY with findings in *ret (malformed input too);
 * SIGNER when all holds but the identity is not trusted; NOMEM, SYS, BUG: not judged. */
int sl_verify_bundle(struct sl_slice src, const struct sl_trusted *trusted,
		     struct sl_verify_report *ret, struct sl_err *err) SL_MUST_CHECK;
/* The same without the question of trust, for who needs the evidence afterwards: it lives
 * in a and counts only if ret->is_good.  0 with or without findings. */
int sl_verify_open(struct sl_slice src, struct sl_arena *a, struct sl_bundle *b,
		   struct sl_evidence *v, struct sl_verify_report *ret,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
