/* sluice.h -- offline verification of what sluice and other transparency services record:
 * signed statements, receipts, transparent statements (RFC 9943, RFC 9942), bundles.
 *
 * Nothing here opens a file or a connection, starts a thread or a process, or keeps
 * anything between two calls but what the caller put into a verifier.  A verifier may be
 * used by one thread at a time; different ones by different threads at once.
 *
 * Whom is trusted the caller says, key by key; of its own the library trusts nobody.
 *
 * Signatures: Ed25519 (COSE algorithms -8 and -19).  Others, and X.509, are refused with
 * SLUICE_ERR_UNSUPPORTED and their name; `sluice verify` checks them.
 *
 * Every function that can fail returns 0 or a negative SLUICE_ERR_...  Strings are UTF-8
 * or ASCII, end in NUL and live as long as what they were taken from; texts of errors are
 * printable ASCII, every other byte in them is \xNN.  Lengths are bytes.  Input is only
 * read during the call.  NULL handles are accepted where objects are freed.
 *
 * Limits: a statement SLUICE_STATEMENT_MAX bytes with SLUICE_RECEIPTS_MAX receipts, a
 * receipt SLUICE_RECEIPT_MAX, a bundle SLUICE_BUNDLE_MAX; a verifier holds
 * SLUICE_TRUST_MAX keys.  Beyond them: SLUICE_ERR_LIMIT.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

#define SLUICE_KEY_LEN 32
#define SLUICE_TRUST_MAX 64
#define SLUICE_RECEIPTS_MAX 16
#define SLUICE_RECEIPT_MAX 65536
#define SLUICE_STATEMENT_MAX 17825792
#define SLUICE_BUNDLE_MAX 268435456

enum sluice_error {
	SLUICE_OK = 0,
	SLUICE_ERR_USAGE = -1,       /* a call that makes no sense */
	SLUICE_ERR_MALFORMED = -2,   /* not what its format says; of a bundle: FAILED */
	SLUICE_ERR_LIMIT = -3,       /* beyond a stated bound */
	SLUICE_ERR_UNSUPPORTED = -4, /* valid, but not checked here; named */
	SLUICE_ERR_FAILED = -5,      /* it does not verify */
	SLUICE_ERR_SIGNER = -6,      /* consistent, but nobody trusted signed it */
	SLUICE_ERR_MEMORY = -7,
	SLUICE_ERR_INTERNAL = -8
};

/* What a service's Merkle leaf is over: the RFCs leave it open, so it is never guessed.
 */
enum sluice_leaf {
	SLUICE_LEAF_SHA256_CANONICAL = 0, /* SHA-256 of the statement, unprotected {} */
	SLUICE_LEAF_SHA256_AS_IS = 1,     /* SHA-256 of its bytes before any receipt */
	SLUICE_LEAF_FULL_BYTES = 2,       /* its bytes before any receipt */
	SLUICE_LEAF_CCF = 3               /* CCF ledgers (vds 2) */
};

typedef struct sluice_verifier sluice_verifier;
typedef struct sluice_result sluice_result;

/* "0.1.0" */
SLUICE_API const char *sluice_version(void);
/* The stable ID of an error, as in `sluice`'s messages and its JSON: "verify.failed". */
SLUICE_API const char *sluice_error_id(int error);

/* NULL when memory or the cryptographic library is not to be had. */
SLUICE_API sluice_verifier *sluice_verifier_new(void);
SLUICE_API void sluice_verifier_free(sluice_verifier *v);
/* did:key or did:jwk: of nodes (bundles), of issuers, of sluice's own logs. */
SLUICE_API int sluice_trust_did(sluice_verifier *v, const char *did);
/* That Ed25519 key signs statements as iss. */
SLUICE_API int sluice_trust_issuer(sluice_verifier *v, const char *iss,
				   const uint8_t key[SLUICE_KEY_LEN]);
/* That Ed25519 key signs receipts of the service iss (NULL: of one whose receipts name
 * none), whose leaves are as leaf says. */
SLUICE_API int sluice_trust_service(sluice_verifier *v, const char *iss,
				    enum sluice_leaf leaf,
				    const uint8_t key[SLUICE_KEY_LEN]);

/* Each gives the verdict, and in *ret (when ret is not NULL) what was found, to be freed
 * by the caller; *ret is NULL only with SLUICE_ERR_MEMORY or SLUICE_ERR_USAGE.
 *
 * statement: signature and issuer; its receipts are not looked at.
 * transparent: those, and at least one receipt of a trusted service must verify.
 * receipt: that the receipt is of a trusted service, and for that statement.
 * bundle: a run's evidence whole (doc/PROTOCOL.bundle): signatures, chain of keys,
 *   inclusion, seals, and that each decision follows again from its facts and policy. */
SLUICE_API int sluice_verify_statement(sluice_verifier *v, const void *statement,
				       size_t len, sluice_result **ret);
SLUICE_API int sluice_verify_transparent(sluice_verifier *v, const void *statement,
					 size_t len, sluice_result **ret);
SLUICE_API int sluice_verify_receipt(sluice_verifier *v, const void *receipt,
				     size_t receipt_len, const void *statement,
				     size_t statement_len, sluice_result **ret);
SLUICE_API int sluice_verify_bundle(sluice_verifier *v, const void *bundle, size_t len,
				    sluice_result **ret);
SLUICE_API void sluice_result_free(sluice_result *r);

/* The verdict once more, and why; "" when it is SLUICE_OK. */
SLUICE_API int sluice_result_error(const sluice_result *r);
SLUICE_API const char *sluice_result_text(const sluice_result *r);

/* "" where there is none. */
enum sluice_string {
	/* iss of the statement; of a bundle the did:key of its node */
	SLUICE_ISSUER = 0,
	SLUICE_SUBJECT = 1,      /* sub of the statement */
	SLUICE_ENTRY_ID = 2,     /* SHA-256 of the canonical statement, hex */
	SLUICE_ALGORITHM = 3,    /* "EdDSA", "Ed25519" */
	SLUICE_CONTENT_TYPE = 4, /* of the payload, or of an envelope's preimage */
	SLUICE_HASH = 5,         /* of a hash envelope (RFC 9995): "SHA-256", ... */
	SLUICE_LOCATION = 6,     /* of its preimage */
	SLUICE_RUN = 7,          /* of a bundle: the run's ID, hex */
	SLUICE_RUN_KIND = 8,     /* "run", "exec"; "" when erased */
	SLUICE_RUN_VERDICT = 9   /* "allow", "deny"; "" when erased */
};
SLUICE_API const char *sluice_result_string(const sluice_result *r,
					    enum sluice_string which);

enum sluice_number {
	SLUICE_RECEIPTS = 0,      /* looked at */
	SLUICE_RECEIPTS_GOOD = 1, /* of them, those that verified */
	SLUICE_STATEMENTS = 2,    /* this and the rest: of a bundle */
	SLUICE_DECISIONS = 3,
	SLUICE_REDERIVED = 4, /* decisions that followed again */
	SLUICE_ERASED = 5,    /* payloads */
	SLUICE_ACTS = 6,      /* observed */
	SLUICE_SEALED = 7,    /* 1: the run's log is complete */
	SLUICE_FINDINGS = 8   /* what is wrong with it */
};
SLUICE_API uint64_t sluice_result_number(const sluice_result *r,
					 enum sluice_number which);

/* The statement's payload; of a hash envelope its digest.  *ret_len 0 and NULL when the
 * signature does not hold: then nothing of the statement may be used. */
SLUICE_API const void *sluice_result_payload(const sluice_result *r, size_t *ret_len);

/* That these bytes are what the statement is about: its payload, or the preimage of its
 * hash envelope's digest.  0 or SLUICE_ERR_FAILED; SLUICE_ERR_USAGE where the signature
 * does not hold, or the result is of something else. */
SLUICE_API int sluice_result_matches(const sluice_result *r, const void *data,
				     size_t len);

/* One receipt, i below SLUICE_RECEIPTS: what became of it (0 or an error), the service
 * that it names ("-": none), and why it did not verify ("" if it did). */
SLUICE_API int sluice_result_receipt(const sluice_result *r, size_t i,
				     const char **ret_service, const char **ret_why);
/* One finding of a bundle, i below SLUICE_FINDINGS and 32: "run entry 3: ..."; NULL
 * beyond. */
SLUICE_API const char *sluice_result_finding(const sluice_result *r, size_t i);

#ifdef __cplusplus
}
#endif

#endif
