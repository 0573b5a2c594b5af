/* tpm.h -- a node's identity and a TPM 2.0, through the helper sluice-tpm
 * (priv/tpm_msg.h).
 *
 * keys/tpm names the TPM and the PCRs: two lines, the place ("device:/dev/tpmrm0") and
 * the mask in decimal.  Where it is there, each new boot's context in the platform tree
 * holds a quote.  Where keys/identity is not there, keys/identity.tpm is, and the
 * recorder has it unsealed before it strips itself; the secret goes from the helper to
 * the recorder alone.
 */
#ifndef SL_LOG_TPM_H
#define SL_LOG_TPM_H

#include "base/buf.h"
#include "priv/helper.h"
#include "priv/tpm_msg.h"

enum { SL_TPM_PLACE_MAX = 256 };

struct sl_tpm {
	struct sl_helper h;
	struct sl_buf room;
	char place[SL_TPM_PLACE_MAX];
	uint32_t mask;
	bool has_identity;
	uint8_t identity[32];
};

struct sl_tpm_quote { /* slices in the answer: good until the next is asked */
	struct sl_slice attest, pcrs;
	const uint8_t *sig, *key; /* 64 bytes each */
};

/* 1: keys/tpm is there and was read; 0: it is not. */
int sl_tpm_conf(int home_fd, char place[SL_TPM_PLACE_MAX], uint32_t *ret_mask,
		struct sl_err *err) SL_MUST_CHECK;
/* key_fd: the helper's fourth descriptor, or -1. */
int sl_tpm_start(struct sl_tpm *t, const char *place, int key_fd,
		 struct sl_err *err) SL_MUST_CHECK;
/* The one that keys/tpm names, with the identity where it is sealed; *ret is NULL where
 * there is no keys/tpm, which costs one look. */
int sl_tpm_open(int home_fd, struct sl_tpm **ret, struct sl_err *err) SL_MUST_CHECK;
void sl_tpm_done(struct sl_tpm *t);  /* of sl_tpm_start() */
void sl_tpm_close(struct sl_tpm *t); /* of sl_tpm_open(); accepts NULL */

/* One question; the answer's body is in t->room.  What the helper says went wrong is
 * raised here as it was there. */
int sl_tpm_ask(struct sl_tpm *t, uint16_t op, struct sl_slice body, uint16_t want,
	       struct sl_slice *ret, struct sl_err *err) SL_MUST_CHECK;
int sl_tpm_quote(struct sl_tpm *t, const uint8_t nonce[32], struct sl_tpm_quote *ret,
		 struct sl_err *err) SL_MUST_CHECK;
/* What a node's quote of a boot is over: SHA-256("sluice-quote" || boot || did). */
void sl_tpm_nonce(const uint8_t boot[32], const char *did, uint8_t ret[32]);

#endif
