/* scitt.h -- the parts of conf_scitt. */
#ifndef SL_TESTS_CONFORMANCE_SCITT_H
#define SL_TESTS_CONFORMANCE_SCITT_H

#include "codec/json.h"
#include "conf.h"

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
/* The Ed25519 key of a PEM SubjectPublicKeyInfo; false for other keys. */
bool scitt_pem(struct sl_slice pem, uint8_t pub[32]);

#endif
