/* out.h -- results on standard output: one object a line, or text. */
#ifndef SL_CLI_OUT_H
#define SL_CLI_OUT_H

#include "codec/json.h"

struct sl_out {
	struct sl_arena a;
	struct sl_jb b;
};

/* A builder with memory of its own; gives its first object. */
struct sl_json *sl_out_init(struct sl_out *o);
void sl_out_done(struct sl_out *o);
/* Writes v in JCS form and a newline. */
int sl_out_json(struct sl_out *o, const struct sl_json *v,
		struct sl_err *err) SL_MUST_CHECK;
/* Flushes stdout; SYS when the result could not be written. */
int sl_out_flush(struct sl_err *err) SL_MUST_CHECK;
/* Prints foreign text on stdout, escaped. */
void sl_out_text(struct sl_slice s);

#define SL_AUTO_OUT __attribute__((cleanup(sl_out_done))) struct sl_out

#endif
