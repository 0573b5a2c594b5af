/* result.h -- between the files of libsluice. */
#ifndef SL_LIB_RESULT_H
#define SL_LIB_RESULT_H

#include "gate/verify.h"
#include "issuer/foreign.h"

#include <sluice.h>

struct sluice_verifier {
	struct sl_trust trust; /* its keys are an array of SLUICE_TRUST_MAX */
	struct sl_slice did[SLUICE_TRUST_MAX];
	size_t n_dids;
	struct sl_sig sig; /* zeroed: Ed25519 only */
};

enum {
	SL_RESULT_STRINGS = SLUICE_RUN_VERDICT + 1,
	SL_RESULT_NUMBERS = SLUICE_FINDINGS + 1
};

struct sluice_result {
	struct sl_arena a;
	int error;
	char text[SL_ERR_MSG_MAX];
	const char *string[SL_RESULT_STRINGS]; /* NULL: "" */
	uint64_t number[SL_RESULT_NUMBERS];
	struct sl_slice payload; /* p == NULL: none that may be used */
	int64_t hash_alg;        /* of a hash envelope; 0: it is none */
	struct sl_judged receipt[SLUICE_RECEIPTS_MAX];
	char finding[SL_FINDINGS_MAX][48 + 2 + SL_ERR_MSG_MAX];
};

/* The public code of an internal one. */
int sl_lib_error(int code);
/* What the statement says, copied; false: out of memory. */
bool sl_lib_take_statement(sluice_result *r, const struct sl_sign1 *s, const char *alg);
void sl_lib_take_report(sluice_result *r, const struct sl_verify_report *p);
void sl_lib_take_receipts(sluice_result *r, const struct sl_judged *x, size_t n);

#endif
