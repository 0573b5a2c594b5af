/* value.h -- the values of workflow expressions and the coercions between them.
 *
 * A value is immutable once built and lives in the arena that it was built in.  What
 * it borrows (strings, members, JSON) must live as long.  Numbers are doubles; strings
 * are UTF-8 by intent, but every function accepts any bytes: a byte that is no part
 * of a well-formed character counts as a character of its own, without case.
 * Object keys keep insertion order and are compared ignoring case unless the object
 * says is_exact (env on Linux).  Two arrays or objects are the same only when they are
 * the same instance, hence pointers to const everywhere.
 *
 * Building follows codec/json.h: functions that return a pointer give NULL when the
 * arena is out, and accept NULL input, giving NULL, so that a chain is checked once.
 * Reading accepts NULL and takes it for null.
 */
#ifndef SL_FLOW_VALUE_H
#define SL_FLOW_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"

enum sl_value_kind {
	SL_VAL_NULL,
	SL_VAL_BOOL,
	SL_VAL_NUM,
	SL_VAL_STR,
	SL_VAL_ARR,
	SL_VAL_OBJ
};

enum { SL_VALUE_DEPTH_MAX = 100 }; /* nesting that conversions follow; deeper is LIMIT */

struct sl_value;

struct sl_member {
	struct sl_slice key; /* empty in an array */
	const struct sl_value *v;
};

struct sl_value {
	enum sl_value_kind kind;
	bool b;              /* BOOL */
	bool is_filtered;    /* ARR: the result of `.*`, over which an index maps */
	bool is_exact;       /* OBJ: keys are compared byte by byte */
	double d;            /* NUM */
	struct sl_slice s;   /* STR */
	struct sl_member *m; /* ARR, OBJ: n of them */
	size_t n, cap;
	uint32_t *slots; /* private: hash of the keys of a large object */
	size_t n_slots;
};

const struct sl_value *sl_val_null(void);   /* the same static one each time */
const struct sl_value *sl_val_bool(bool b); /* static as well */
struct sl_value *sl_val_num(struct sl_arena *a, double d);
struct sl_value *sl_val_str(struct sl_arena *a, struct sl_slice s); /* borrows s */
struct sl_value *sl_val_dup(struct sl_arena *a, struct sl_slice s); /* copies s */
struct sl_value *sl_val_arr(struct sl_arena *a);
struct sl_value *sl_val_obj(struct sl_arena *a, bool is_exact);
/* Append / set.  The key is borrowed; a key already there keeps its place and its
 * spelling and gets the new value.  Return v (NULL: out of memory, or v was NULL). */
const struct sl_value *sl_val_add(struct sl_arena *a, struct sl_value *arr,
				  const struct sl_value *v);
const struct sl_value *sl_val_set(struct sl_arena *a, struct sl_value *obj,
				  struct sl_slice key, const struct sl_value *v);
/* A new object with the same members (which are shared): copy on write. */
struct sl_value *sl_val_copy(struct sl_arena *a, const struct sl_value *v);

/* Member of an object by the object's own rule; NULL when absent or not an object. */
const struct sl_value *sl_val_get(const struct sl_value *obj, struct sl_slice key);
const struct sl_value *sl_val_gets(const struct sl_value *obj, const char *key);
const struct sl_value *sl_val_at(const struct sl_value *v, size_t i); /* NULL: no such */

/* Deep; strings are borrowed from the tree, so it must outlive the value.  Integers
 * become doubles.  A key that differs from an earlier one only in case replaces its
 * value unless is_exact.  LIMIT beyond SL_VALUE_DEPTH_MAX. */
int sl_val_from_json(struct sl_arena *a, const struct sl_json *j, bool is_exact,
		     const struct sl_value **ret, struct sl_err *err) SL_MUST_CHECK;
/* Deep; integral numbers within 2^53 become INT; NaN and infinities, which JSON lacks,
 * become the strings "NaN", "Infinity", "-Infinity". */
int sl_val_to_json(struct sl_jb *b, const struct sl_value *v, struct sl_json **ret,
		   struct sl_err *err) SL_MUST_CHECK;
/* The text of toJSON(): two spaces, insertion order; beside what RFC 8259 demands,
 * U+0085, U+2028 and U+2029 are escaped; NaN and infinities stand bare. */
int sl_val_pretty(const struct sl_value *v, struct sl_buf *out,
		  struct sl_err *err) SL_MUST_CHECK;

/* "Null", "Boolean", "Number", "String", "Array", "Object" */
const char *sl_val_kind_name(enum sl_value_kind k);
bool sl_val_is_primitive(const struct sl_value *v); /* null, boolean, number, string */
bool sl_val_truthy(const struct sl_value *v);
double sl_val_number(const struct sl_value *v); /* JavaScript's rules, NaN if none */
double sl_val_parse_number(struct sl_slice s);
enum { SL_NUM_TEXT = 32 };
/* .NET's G15: "1E+20", "0" for -0, "NaN"; returns the length. */
size_t sl_val_format_number(char out[SL_NUM_TEXT], double d);
/* "" for null, "Array", "Object"; a slice with p == NULL when the arena is out. */
struct sl_slice sl_val_string(struct sl_arena *a, const struct sl_value *v);

/* The operators, with their coercions.  `>=` is sl_val_gt || sl_val_eq. */
bool sl_val_eq(const struct sl_value *x, const struct sl_value *y);
bool sl_val_lt(const struct sl_value *x, const struct sl_value *y);
bool sl_val_gt(const struct sl_value *x, const struct sl_value *y);

/* Ordinal comparison ignoring case, as .NET: each character is upper-cased by its
 * simple mapping, dotless i and long s excepted.  <0, 0, >0. */
int sl_val_casecmp(struct sl_slice x, struct sl_slice y);
bool sl_val_caseeq(struct sl_slice x, struct sl_slice y);
/* s in upper case, the form that compares equal exactly when caseeq holds. */
struct sl_slice sl_val_upper(struct sl_arena *a, struct sl_slice s);
/* Length in UTF-16 code units, the unit of GitHub's limits and positions. */
size_t sl_val_utf16_len(struct sl_slice s);

#endif
