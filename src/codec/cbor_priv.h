/* cbor_priv.h -- shared by the files of codec/cbor*; nobody else's. */
#ifndef SL_CODEC_CBOR_PRIV_H
#define SL_CODEC_CBOR_PRIV_H

#include "codec/cbor.h"

struct sl_cbor_head {
	enum sl_cbor_type type;
	unsigned info;
	uint64_t n; /* value, length, count or raw float bits */
};

/* Reads and checks one head; on failure rd->pos stays in front of it. */
bool sl_cbor_head(struct sl_cbor_rd *rd, struct sl_cbor_head *h);
const char *sl_cbor_type_name(enum sl_cbor_type t);

#define REFUSE(rd, ...) ((void)sl_cbor_refuse((rd), SL_E(FORMAT), __VA_ARGS__))

#endif
