/* checkpoint.h -- C2SP tlog-checkpoint: origin, size, root, as a signed note's text.
 *
 * Checked beyond what a note is: the origin is the name of the key and not empty; the
 * size is decimal without sign or leading zero and below 2^63; the root is 32 bytes and,
 * for size 0, that of the empty tree; extension lines are not empty.
 */
#ifndef SL_COSE_CHECKPOINT_H
#define SL_COSE_CHECKPOINT_H

#include "cose/note.h"
#include "merkle/tree.h"

struct sl_checkpoint {
	struct sl_slice origin;
	uint64_t size;
	struct sl_hash root;
	struct sl_slice ext; /* extension lines with their newlines; mostly empty */
};

int sl_checkpoint_parse(struct sl_slice text, struct sl_checkpoint *ret,
			struct sl_err *err) SL_MUST_CHECK;
/* Parses the note, checks the log's signature (key of type Ed25519) and origin; other
 * lines are left to the caller's sl_note_verify(*ret_note, ...). */
int sl_checkpoint_open(struct sl_slice note, const struct sl_vkey *log,
		       struct sl_checkpoint *ret, struct sl_note *ret_note,
		       struct sl_err *err) SL_MUST_CHECK;
/* Appends the text alone: origin, size, root, extension lines.  Any origin that is one
 * line; what sl_checkpoint_parse() refuses is refused. */
int sl_checkpoint_text(const struct sl_checkpoint *c, struct sl_buf *out,
		       struct sl_err *err) SL_MUST_CHECK;
/* Appends text, empty line and the log's signature line. */
int sl_checkpoint_sign(const struct sl_checkpoint *c, const struct sl_vkey *log,
		       const struct sl_signer *k, struct sl_buf *out,
		       struct sl_err *err) SL_MUST_CHECK;

#endif
