/* statement.h -- the catalogue of what sluice states, as in-toto Statements v1.
 *
 * Every statement is {"_type","subject":[{"name","digest":{"sha256"}}],
 * "predicateType","predicate"}; doc/PROTOCOL.statement lists the keys of each
 * predicate, data/schema/ has their JSON Schemas.  Statements that can hold users'
 * text are hash envelopes (DESIGN promise 6): the row says so.
 */
#ifndef SL_RECORD_STATEMENT_H
#define SL_RECORD_STATEMENT_H

#include "codec/json.h"

/* kind (short, stored with the entry), predicateType, whether an envelope */
/* clang-format off */
#define SL_STATEMENTS(X)                                                              \
	X(CONTEXT,     "context",     "urn:sluice:context:v1",                      true)  \
	X(DECISION,    "decision",    "https://slsa.dev/verification_summary/v1",   true)  \
	X(OUTCOME,     "outcome",     "https://slsa.dev/provenance/v1",             true)  \
	X(OBSERVATION, "observation", "https://in-toto.io/attestation/runtime-trace/v0.1", true) \
	X(POLICY,      "policy",      "urn:sluice:policy:v1",                       false) \
	X(KEY,         "key",         "urn:sluice:key:v1",                          false) \
	X(SEAL,        "seal",        "urn:sluice:seal:v1",                         false) \
	X(TOMBSTONE,   "tombstone",   "urn:sluice:tombstone:v1",                    false) \
	X(FORK,        "fork",        "urn:sluice:fork:v1",                         false)

enum sl_statement {
#define X(c, kind, type, env) SL_STMT_##c,
	SL_STATEMENTS(X)
#undef X
	SL_STMT_COUNT
};
/* clang-format on */

struct sl_statement_row {
	const char *kind, *type;
	bool is_envelope;
};

const struct sl_statement_row *sl_statement_row(enum sl_statement s);
enum sl_statement sl_statement_of(const struct sl_statement_row *row);
/* The row of a kind or of a predicateType; NULL when unknown. */
const struct sl_statement_row *sl_statement_find(struct sl_slice s);

/* JCS bytes of a statement about one subject. */
int sl_statement_write(struct sl_jb *b, enum sl_statement s, const char *subject,
		       const uint8_t digest[32], struct sl_json *predicate,
		       struct sl_buf *out, struct sl_err *err) SL_MUST_CHECK;

/* The name of a context: SHA-256 of its deterministic CBOR. */
int sl_context_id(const struct sl_json *context, uint8_t ret[32],
		  struct sl_err *err) SL_MUST_CHECK;
/* SHA-256("sluice-run" || context ID || nonce). */
void sl_run_id(const uint8_t context[32], const uint8_t nonce[16], uint8_t ret[32]);

/* A step's: SHA-256("sluice-step" || run ID || job NUL || matrix leg || index ||
 * attempt), the numbers as 4 bytes big-endian. */
struct sl_step_ref {
	const uint8_t *run; /* 32 bytes */
	struct sl_slice job;
	uint32_t leg, index, attempt;
};

void sl_step_id(const struct sl_step_ref *s, uint8_t ret[32]);

/* RFC 3339, UTC, milliseconds: "2026-11-24T23:18:34.123Z"; out holds 32 bytes. */
void sl_time_text(int64_t ms, char out[32]);
/* The inverse: exactly that form, of a day that there is; false else. */
bool sl_time_parse(struct sl_slice s, int64_t *ret_ms);
int64_t sl_time_now_ms(void); /* wall clock */
int64_t sl_mono_ms(void);     /* monotonic */

#endif
