/* bundle.h -- a run's evidence in one file (doc/PROTOCOL.bundle).
 *
 * Decoding is strict and copies nothing but digests: slices point into the source, which
 * must outlive the bundle.  Refused: anything but the one encoding that
 * sl_bundle_encode() gives, entries or blobs out of order or twice, counts and lengths
 * above the limits.  What the bytes say is checked by record/evidence.h.
 */
#ifndef SL_RECORD_BUNDLE_H
#define SL_RECORD_BUNDLE_H

#include "base/arena.h"
#include "codec/json.h"
#include "log/reader.h"

enum {
	SL_BUNDLE_VERSION = 1,
	SL_BUNDLE_BYTES_MAX = 256 << 20,
	SL_BUNDLE_ENTRIES_MAX = 100000,     /* of all trees */
	SL_BUNDLE_BLOBS_MAX = 400000,       /* and erased digests, together */
	SL_BUNDLE_STATEMENT_MAX = 16 << 20, /* bytes */
	SL_BUNDLE_NOTE_MAX = 4096,
	SL_BUNDLE_TREES = 3 /* platform, node, run: index is enum sl_tree */
};

struct sl_bundle_entry {
	uint64_t index; /* in its tree */
	struct sl_slice statement, receipt;
};

struct sl_bundle_tree {
	struct sl_slice origin, checkpoint;
	struct sl_bundle_entry *entry; /* ascending */
	size_t n;
};

struct sl_bundle_blob {
	uint8_t digest[32];
	struct sl_slice bytes; /* p == NULL: erased */
};

struct sl_bundle {
	uint8_t run[32];
	size_t n_trees; /* 2: the run has none; or 3 */
	struct sl_bundle_tree tree[SL_BUNDLE_TREES];
	const struct sl_bundle_blob *blob;   /* ascending */
	const struct sl_bundle_blob *erased; /* ascending */
	size_t n_blobs, n_erased;
};

/* FORMAT, LIMIT, NOMEM.  Arrays live in a. */
int sl_bundle_decode(struct sl_slice src, struct sl_arena *a, struct sl_bundle *ret,
		     struct sl_err *err) SL_MUST_CHECK;
/* Appends; out fails when it is full. */
void sl_bundle_encode(const struct sl_bundle *b, struct sl_buf *out);
/* The blob of that digest, or NULL; *ret_erased (or NULL): it is listed as erased. */
const struct sl_bundle_blob *sl_bundle_blob(const struct sl_bundle *b,
					    const uint8_t digest[32], bool *ret_erased);

/* Appends the bundle of the run whose ID begins with hex (4 digits at least), as the log
 * stands.  NOENT, FORMAT, LIMIT: no such run, several, or larger than a bundle may be;
 * STORE: the log is damaged. */
int sl_bundle_make(struct sl_reader *r, struct sl_slice hex, struct sl_buf *out,
		   struct sl_err *err) SL_MUST_CHECK;

/* The digests that a statement names: its payload's (NULL: no envelope), and those of a
 * decision or a policy.  statement is the payload, parsed, or NULL where it is erased. */
enum { SL_BUNDLE_REFS_MAX = 5 };
size_t sl_bundle_refs(const struct sl_json *statement, const uint8_t *payload_digest,
		      uint8_t ret[SL_BUNDLE_REFS_MAX][32]);

#endif
