/* json_priv.h -- shared by the files of codec/json*; nobody else's. */
#ifndef SL_CODEC_JSON_PRIV_H
#define SL_CODEC_JSON_PRIV_H

#include "codec/json.h"

/* Nesting that any function here follows; jansson's own bound (JSON_PARSER_MAX_DEPTH). */
enum { SL_JSON_DEPTH_MAX = 2048 };

/* Members of an object, in the order that cmp gives, in a malloc'd table that the
 * caller frees; NULL when memory is out.  n must not be 0. */
typedef int sl_json_cmp(const void *a, const void *b);
const struct sl_json **sl_json_sorted(const struct sl_json *obj, sl_json_cmp *cmp);
/* Appends val, whose key lies in the arena already, without looking for the key. */
void sl_json_append(struct sl_json *obj, struct sl_slice key, struct sl_json *val);

#endif
