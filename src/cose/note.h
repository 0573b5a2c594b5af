/* note.h -- C2SP signed notes (signed-note), Ed25519 and cosignature/v1 keys.
 *
 * A note: text that ends in a newline, an empty line, signature lines
 * "EM-DASH name base64(id || signature)".  The split is at the last empty line.  A line
 * of an unknown (name, id) is ignored; a known one that fails refuses the whole note;
 * nobody known refuses it as well.  Slices point into the caller's bytes.
 */
#ifndef SL_COSE_NOTE_H
#define SL_COSE_NOTE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "crypto/ed25519.h"

enum {
	SL_NOTE_BYTES_MAX = 1 << 20,
	SL_NOTE_SIGS_MAX = 64,
	SL_NOTE_BLOB_MAX = 8192, /* bytes of one signature: ML-DSA takes nearly 5 kB */
	SL_VKEY_NAME_MAX = 256
};

enum sl_vkey_type { /* of signed-note's registry; the others are unknown lines to us */
		    SL_VKEY_ED25519 = 0x01,
		    SL_VKEY_COSIGN = 0x04 /* cosignature/v1 */
};

struct sl_vkey {
	struct sl_slice name; /* borrowed */
	enum sl_vkey_type type;
	uint8_t id[4];
	uint8_t pub[SL_KEY_LEN];
};

struct sl_note_sig {
	struct sl_slice name, b64; /* b64: id || signature */
	uint8_t id[4];
	size_t len; /* bytes of the signature, without the id */
};

struct sl_note {
	struct sl_slice text; /* with its last newline */
	size_t n;
	struct sl_note_sig sig[SL_NOTE_SIGS_MAX];
};

/* A name: not empty, UTF-8, no Unicode space, no '+', at most SL_VKEY_NAME_MAX bytes. */
bool sl_vkey_name_ok(struct sl_slice name);
int sl_vkey_make(struct sl_slice name, enum sl_vkey_type type,
		 const uint8_t pub[SL_KEY_LEN], struct sl_vkey *ret,
		 struct sl_err *err) SL_MUST_CHECK;
/* "name+hex8(id)+base64(type || key)"; UNSUPPORTED for a type that is not ours. */
int sl_vkey_parse(struct sl_slice s, struct sl_vkey *ret,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_vkey_put(const struct sl_vkey *k, struct sl_buf *out);

int sl_note_parse(struct sl_slice src, struct sl_note *ret,
		  struct sl_err *err) SL_MUST_CHECK;
/* Bit i of *ret_mask: keys[i] signed (n <= 64).  For a cosigner's key ret_time[i] (when
 * ret_time is given) is the time of its cosignature, s since 1970.  VERIFY when a known
 * key's line is wrong; SIGNER when no key signed. */
int sl_note_verify(const struct sl_note *note, const struct sl_vkey *keys, size_t n,
		   uint64_t *ret_mask, int64_t *ret_time,
		   struct sl_err *err) SL_MUST_CHECK;

/* Appends one signature line over text (a note's text or a note up to its empty line is
 * the caller's to write: text, "\n", lines).  time: cosigners only, above 0. */
int sl_note_sign(struct sl_slice text, const struct sl_vkey *as, int64_t time,
		 const struct sl_signer *k, struct sl_buf *out,
		 struct sl_err *err) SL_MUST_CHECK;

#endif
