/* json.h -- one tree for all structured data that sluice states: parsed by
 * jansson, written as JCS (RFC 8785) where it is signed or shown, and as
 * deterministic CBOR (RFC 8949 section 4.2.1) where it is named by digest.
 *
 * What sluice itself states uses null, booleans, 64-bit integers, strings, arrays
 * and objects; reals occur only in foreign data (expressions).
 *
 * Building: every function takes the builder; when memory runs out the builder is
 * marked failed, NULL comes back, and further calls are harmless, so the caller
 * checks once, when it encodes.  A node belongs to one parent.  Keys and strings
 * are copied into the arena.  Setting a key again replaces its value in place.
 * Reading: accepts NULL nodes and wrong kinds, giving NULL/0/false/empty.
 */
#ifndef SL_CODEC_JSON_H
#define SL_CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

enum sl_json_kind {
	SL_JSON_NULL,
	SL_JSON_BOOL,
	SL_JSON_INT,
	SL_JSON_REAL,
	SL_JSON_STR,
	SL_JSON_ARR,
	SL_JSON_OBJ
};

struct sl_json {
	enum sl_json_kind kind;
	bool b;
	int64_t i;
	double d;
	struct sl_slice s;            /* STR: UTF-8, may hold NUL */
	struct sl_json *child, *last; /* ARR, OBJ: members in insertion order */
	size_t n;                     /* members */
	struct sl_json *next;         /* sibling */
	struct sl_slice key;          /* when a member of an object */
};

struct sl_jb {
	struct sl_arena *a;
	bool is_failed;
};

struct sl_json *sl_json_null(struct sl_jb *b);
struct sl_json *sl_json_bool(struct sl_jb *b, bool v);
struct sl_json *sl_json_int(struct sl_jb *b, int64_t v);
struct sl_json *sl_json_real(struct sl_jb *b, double v);
struct sl_json *sl_json_str(struct sl_jb *b, struct sl_slice v);
struct sl_json *sl_json_cstr(struct sl_jb *b, const char *v);
struct sl_json *sl_json_hex(struct sl_jb *b, const uint8_t *p, size_t n); /* string */
struct sl_json *sl_json_arr(struct sl_jb *b);
struct sl_json *sl_json_obj(struct sl_jb *b);
/* Return val, so that `x = sl_json_set(b, o, "k", sl_json_obj(b))` nests. */
struct sl_json *sl_json_set(struct sl_jb *b, struct sl_json *obj, const char *key,
			    struct sl_json *val);
struct sl_json *sl_json_sets(struct sl_jb *b, struct sl_json *obj, struct sl_slice key,
			     struct sl_json *val);
struct sl_json *sl_json_add(struct sl_jb *b, struct sl_json *arr, struct sl_json *val);
struct sl_json *sl_json_copy(struct sl_jb *b, const struct sl_json *v); /* deep */

const struct sl_json *sl_json_get(const struct sl_json *obj, const char *key);
const struct sl_json *sl_json_gets(const struct sl_json *obj, struct sl_slice key);
struct sl_slice sl_json_get_str(const struct sl_json *obj, const char *key);
int64_t sl_json_get_int(const struct sl_json *obj, const char *key);
bool sl_json_get_bool(const struct sl_json *obj, const char *key);
bool sl_json_eq(const struct sl_json *a, const struct sl_json *b); /* key order free */

/* Strict RFC 8259 with duplicate keys, trailing bytes, bad UTF-8, and whatever is
 * over lim refused (max_bytes, max_items = nodes, max_depth).  Any value is legal
 * at the top.  Numbers without point or exponent that fit int64 are INT, else REAL. */
int sl_json_parse(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		  struct sl_json **ret, struct sl_err *err) SL_MUST_CHECK;
/* Appends; NULL v or a failed builder's tree is the caller's error: FORMAT. */
int sl_json_jcs(const struct sl_json *v, struct sl_buf *out,
		struct sl_err *err) SL_MUST_CHECK;
/* A string's bytes that are not UTF-8 show as U+FFFD here, and are refused by JCS. */
int sl_json_pretty(const struct sl_json *v, struct sl_buf *out, struct sl_err *err)
    SL_MUST_CHECK; /* 2 spaces, insertion order, as GitHub's toJSON */
/* Deterministic CBOR, at most SL_CBOR_DEPTH_TOP (64) deep; REAL is refused (FORMAT):
 * nothing named by digest holds one.  A STR that is not valid UTF-8 (a step's output file
 * may hold any bytes) is written as a byte string; such a key is refused. */
int sl_json_cbor(const struct sl_json *v, struct sl_buf *out,
		 struct sl_err *err) SL_MUST_CHECK;
/* The inverse, strict: exactly what sl_json_cbor() writes and nothing else (keys in
 * order, no tags, no floats, no integers as keys; a byte string that is valid UTF-8 is
 * refused, because the writer would have written text). */
int sl_json_uncbor(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		   struct sl_json **ret, struct sl_err *err) SL_MUST_CHECK;

/* NOLINTBEGIN(bugprone-macro-parentheses): m is declared here */
static inline const struct sl_json *
sl_json_first(const struct sl_json *v)
{
	return v != NULL ? v->child : NULL;
}

/* m is the name of the loop's variable, so it cannot stand in parentheses. */
#define SL_JSON_EACH(m, v)                                                               \
	for (const struct sl_json *m = sl_json_first(v); m != NULL; m = (m)->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
