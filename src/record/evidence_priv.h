/* evidence_priv.h -- between the files of evidence. */
#ifndef SL_RECORD_EVIDENCE_PRIV_H
#define SL_RECORD_EVIDENCE_PRIV_H

#include "log/sign.h"
#include "record/evidence.h"

int sl_evident_found(struct sl_findings *f, const struct sl_evident *e, int code,
		     struct sl_err *err) SL_MUST_CHECK;
/* Fills v->st and v->first. */
int sl_evidence_parse(struct sl_evidence *v, struct sl_arena *a, struct sl_findings *f,
		      struct sl_err *err) SL_MUST_CHECK;
/* Whether pub may sign in that tree at index; notes the use of a working key. */
bool sl_evidence_may_sign(struct sl_evidence *v, enum sl_tree tree, const uint8_t pub[32],
			  uint64_t index);
/* Checkpoints, receipts, roots, seals, blobs. */
int sl_evidence_log(struct sl_evidence *v, struct sl_findings *f,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
