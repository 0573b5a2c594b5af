/* text.h -- the lines that C2SP's texts are made of. */
#ifndef SL_WITNESS_TEXT_H
#define SL_WITNESS_TEXT_H

#include "base/buf.h"
#include "merkle/proof.h"

/* Takes a line off the front of *s, without its newline; false when none ends. */
bool sl_text_line(struct sl_slice *s, struct sl_slice *ret);
/* Decimal, no sign, no leading zero, at most SL_TREE_SIZE_MAX. */
bool sl_text_number(struct sl_slice s, uint64_t *ret);
/* Lines of one hash in base64, up to and with the empty line behind them; *no counts the
 * lines.  FORMAT: max lines and no end, or a line that is no hash. */
int sl_text_path(struct sl_slice *s, size_t max, unsigned *no, struct sl_proof *ret,
		 struct sl_err *err) SL_MUST_CHECK;
void sl_text_put_path(struct sl_buf *out, const struct sl_proof *p);

#endif
