/* cosign.h -- the witness's half of the recorder: its key, and for each foreign log the
 * checkpoint that it cosigned last (doc/PROTOCOL.witness section 2).
 *
 * witness/HEX, HEX = SHA-256(origin): that checkpoint as a C2SP note with the log's
 * signature and our cosignature.  Under witness/lock it is compared, replaced (written
 * aside, synced, renamed, the directory synced) and only then answered, so that no two
 * cosignatures of this key contradict each other, whoever asks at once and whenever the
 * process dies.  A state that cannot be read is STORE: it is never taken for none.
 * witness/HEX.fork: this log has forked; nothing of it is cosigned any more.
 *
 * The caller says which key speaks for the origin; that it signed, and that the tree
 * grew from the one cosigned last, is checked here.  keys/witness is made on first use:
 * a key of its own, because a witness's key is pinned in others' policies and must
 * outlast builds and identities.
 */
#ifndef SL_LOG_COSIGN_H
#define SL_LOG_COSIGN_H

#include "cose/checkpoint.h"
#include "log/io.h"
#include "log/recorder.h"
#include "log/sign.h"

struct sl_cosigner {
	int home_fd;
	const struct sl_store_io *io;
	struct sl_log_key key;
	char name[SL_ORIGIN_MAX]; /* "sluice/<did of key>/witness" */
	bool has_key, is_dead;    /* is_dead: a write failed; nothing more is tried */
};

/* name: SL_WITNESS_STATE_NAME bytes: "witness/" 64 hex digits. */
enum { SL_WITNESS_STATE_NAME = 8 + 64 + 1, SL_WITNESS_STATE_MAX = 1 << 16 };
void sl_witness_state_name(struct sl_slice origin, char ret[SL_WITNESS_STATE_NAME]);

/* Loads or makes the key.  STORE: states are there and the key is not. */
int sl_cosigner_open(struct sl_cosigner *c, int home_fd, const struct sl_store_io *io,
		     struct sl_err *err) SL_MUST_CHECK;
void sl_cosigner_done(struct sl_cosigner *c); /* accepts a zeroed one */
/* *ret->note is appended to note: see sl_recorder_cosign(). */
int sl_cosigner_add(struct sl_cosigner *c, const struct sl_cosign *q, int64_t time,
		    struct sl_cosigned *ret, struct sl_buf *note,
		    struct sl_err *err) SL_MUST_CHECK;

#endif
