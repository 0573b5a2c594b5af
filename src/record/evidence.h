/* evidence.h -- what a bundle proves: who signed what, where it stands in which log
 * (doc/PROTOCOL.bundle section 3, a to h).
 *
 * Signatures, key chain, receipts, roots, seals and blobs are checked here; what the
 * statements say is judged by gate/verify.h.  Statements are parsed before they are
 * trusted, so a result counts only when there is no finding.  Slices and trees point into
 * the bundle and the arena.
 */
#ifndef SL_RECORD_EVIDENCE_H
#define SL_RECORD_EVIDENCE_H

#include "cose/sign1.h"
#include "record/bundle.h"
#include "record/statement.h"

enum { SL_FINDINGS_MAX = 32, SL_WORKING_MAX = 1024, SL_TOMBS_MAX = 4096 };

struct sl_finding {
	char where[48]; /* "run entry 3", "bundle" */
	char what[SL_ERR_MSG_MAX];
};

struct sl_findings {
	size_t n; /* all of them; the first SL_FINDINGS_MAX are kept */
	struct sl_finding f[SL_FINDINGS_MAX];
};

struct sl_evident { /* one statement */
	enum sl_tree tree;
	uint64_t index;
	uint8_t id[32]; /* of the entry */
	uint8_t signer[32];
	struct sl_sign1 s;
	const struct sl_statement_row *row; /* NULL: erased, so not known */
	const struct sl_json *statement;    /* NULL: erased */
	const struct sl_json *predicate;
};

struct sl_evidence {
	const struct sl_bundle *b;
	char did[SL_DIDKEY_MAX]; /* identity of the node */
	uint8_t identity[32], platform[32];
	uint8_t run_key[32]; /* zeros: the run has no tree */
	uint8_t now[32];     /* the identity in force, so far; see log/keyring.h */
	bool has_next;
	uint8_t next[32];                    /* digest of the one that may follow it */
	uint8_t working[SL_WORKING_MAX][32]; /* certified by the identity */
	uint64_t certified[SL_WORKING_MAX];  /* at which index of the node tree */
	uint64_t until[SL_WORKING_MAX];      /* index of what ended it, or UINT64_MAX */
	bool is_used[SL_WORKING_MAX];        /* has signed something here */
	size_t n_working;
	struct sl_evident *st;             /* platform, node, run; ascending in each */
	size_t first[SL_BUNDLE_TREES + 1]; /* where each tree begins in st */
	const struct sl_evident *context, *decision; /* of the run */
	const struct sl_evident
	    *late; /* the node's word that it was interrupted, or NULL */
	const struct sl_evident *seal, *platform_seal; /* or NULL */
	uint64_t size[SL_BUNDLE_TREES];
	size_t n_receipts;
	size_t n_erased; /* payloads */
	size_t n_tombs;  /* erased digests that the node says it erased */
	uint8_t tomb[SL_TOMBS_MAX][32];
};

/* Turns an error into a finding: 0; but what says nothing about the evidence (NOMEM, SYS,
 * ENV, BUG) is returned.  Clears *err. */
int sl_finding_add(struct sl_findings *f, const char *where, int code,
		   struct sl_err *err) SL_MUST_CHECK;
void sl_evident_where(const struct sl_evident *e, char ret[48]);

/* 0, with or without findings; NOMEM.  *ret is large: not for the stack of a loop. */
int sl_evidence_check(const struct sl_bundle *b, struct sl_arena *a,
		      struct sl_evidence *ret, struct sl_findings *f,
		      struct sl_err *err) SL_MUST_CHECK;

#endif
