/* matrix.h -- the configurations of strategy.matrix.
 *
 * Input is the matrix after its expressions were evaluated: an object of vectors
 * (arrays) and, under the keys include and exclude, arrays of objects.  Output is one
 * configuration a leg, in the order in which GitHub numbers them: the product of the
 * vectors, the last key fastest, less what exclude matches, with what include adds;
 * then the include items that matched nothing.
 * Refused: more than max_configs, ids that do not come out unique, and whatever the
 * messages in the source say.  Results live in the arena and share the input's values.
 */
#ifndef SL_FLOW_MATRIX_H
#define SL_FLOW_MATRIX_H

#include "flow/value.h"

enum { SL_MATRIX_MAX = 256, SL_MATRIX_ID_MAX = 100 };

struct sl_matrix_config {
	const struct sl_value *values; /* object: the matrix context */
	struct sl_slice suffix; /* "v1, v2": leaf values before extras; may be "" */
	struct sl_slice id;     /* unique within the matrix */
};

struct sl_matrix {
	const struct sl_matrix_config *c;
	size_t n; /* may be 0: everything was excluded */
};

struct sl_matrix_why {
	struct sl_slice key; /* the vector, or the key of the item, concerned; or empty */
	size_t item;         /* index in include or exclude */
	bool is_include, is_exclude;
	struct sl_slice msg; /* the exact text */
};

/* why may be NULL.  FORMAT for a matrix that is wrong, LIMIT over max_configs. */
int sl_matrix_build(const struct sl_value *matrix, size_t max_configs, struct sl_arena *a,
		    struct sl_matrix *ret, struct sl_matrix_why *why,
		    struct sl_err *err) SL_MUST_CHECK;

/* "<job> (<suffix>)", cut to 97 UTF-16 units and "..." beyond 100; NULL p: no memory. */
struct sl_slice sl_matrix_job_name(struct sl_arena *a, struct sl_slice job,
				   struct sl_slice suffix);

/* Ids made from arbitrary text, unique ignoring case: matrix legs, steps without id. */
struct sl_ids {
	struct sl_arena *a;
	struct sl_value *seen; /* object used as a set */
};

/* The n segments joined by `_`, illegal characters become `_`, a leading digit or `-`
 * gets a `_`; empty is "job".  Unless allow_reserved the result never starts with
 * `__`.  A collision gets _2, _3 ...; LIMIT after 999. */
int sl_ids_build(struct sl_ids *ids, const struct sl_slice *segment, size_t n,
		 bool allow_reserved, struct sl_slice *ret,
		 struct sl_err *err) SL_MUST_CHECK;
/* An id written by a person: FORMAT with GitHub's text when it is illegal, reserved, or
 * already there. */
int sl_ids_add(struct sl_ids *ids, struct sl_slice id, struct sl_err *err) SL_MUST_CHECK;

#endif
