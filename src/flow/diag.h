/* diag.h -- collects the problems of one input, sorts them by place, keeps the first ten.
 *
 * Errors and refusals go to one list.  Out of memory is sticky and reported when the
 * list is closed.  Texts are foreign: they are stored as they are, and whoever shows
 * them escapes them.
 */
#ifndef SL_FLOW_DIAG_H
#define SL_FLOW_DIAG_H

#include "codec/yaml.h"
#include "flow/engine.h"

enum { SL_DIAG_SHOWN = 10, SL_DIAG_KEPT = 64, SL_DIAG_TEXT = 500 };

struct sl_diag_list {
	struct sl_arena *a;   /* of the texts */
	struct sl_slice file; /* the file being read now; "" is the flow */
	struct sl_slice src;  /* its bytes, for the line shown */
	struct sl_diag d[SL_DIAG_KEPT];
	size_t n, n_more;
	size_t n_errors, n_refusals; /* with those that were not kept */
	bool is_failed;
};

/* code NULL: an error; else a refusal with that code.  hint may be NULL. */
void sl_diag_put(struct sl_diag_list *l, struct sl_yaml_at at, const char *code,
		 const char *hint, const char *fmt, ...) SL_PRINTF(5, 6);
/* As sl_diag_put, with the text of *err, or with these very bytes. */
void sl_diag_err(struct sl_diag_list *l, struct sl_yaml_at at, const struct sl_err *err);
void sl_diag_text(struct sl_diag_list *l, struct sl_yaml_at at, struct sl_slice msg);
/* Sorted and cut, in a; NOMEM if anything was lost on the way. */
int sl_diag_close(struct sl_diag_list *l, struct sl_arena *a, struct sl_diags *ret,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
