/* scitt.h -- the parts of conf_scitt. */
#ifndef SL_TESTS_CONFORMANCE_SCITT_H
#define SL_TESTS_CONFORMANCE_SCITT_H

#include "codec/json.h"
#include "conf.h"
#include "issuer/foreign.h"

void scitt_cbor(struct conf *c);
void scitt_tree(struct conf *c);
void scitt_ed25519(struct conf *c);
void scitt_cose(struct conf *c);
void scitt_receipts(struct conf *c);
void scitt_notes(struct conf *c);
void scitt_witness(struct conf *c);

/* Parses a whole JSON file or line; NULL when it is none. */
const struct sl_json *scitt_json(struct sl_slice text, struct sl_arena *a);
/* Hex of either case; false when it is none or longer than out->max. */
bool scitt_unhex(struct sl_slice hex, struct sl_buf *out);
/* The one key of a PEM file; false when there is none. */
bool scitt_pem(struct sl_slice pem, struct sl_pubkey *ret);
/* The key of an example: a JWK, perhaps with its secret half, or with x_hex, y_hex. */
bool scitt_key(const struct sl_json *key, struct sl_pubkey *ret);
/* The signature of a message by that key, by whatever algorithm. */
int scitt_check(const struct sl_sign1 *s, struct sl_slice detached, struct sl_slice aad,
		const struct sl_pubkey *key, struct sl_err *err);
struct sl_sig *scitt_sig(void); /* the helper's code, in this process */
void scitt_ccf(struct conf *c);

#endif
