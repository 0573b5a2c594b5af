/* hdr.h -- header maps of COSE messages; for the files of this folder. */
#ifndef SL_COSE_HDR_H
#define SL_COSE_HDR_H

#include "cose/sign1.h"

enum { SL_COSE_LABELS_MAX = 64 }; /* parameters in one header map */

/* Fills *h from both maps: prot is the content of the protected bstr, unprot an encoded
 * map already checked by sl_cbor_open(). */
int sl_cose_hdr_parse(struct sl_slice prot, struct sl_slice unprot, struct sl_cose_hdr *h,
		      struct sl_err *err) SL_MUST_CHECK;
/* A reader over an item that was checked as part of its message. */
static inline struct sl_cbor_rd
sl_cose_sub(struct sl_slice item, const char *what, struct sl_err *err)
{
	return (struct sl_cbor_rd){ .src = item, .what = what, .err = err };
}

#endif
