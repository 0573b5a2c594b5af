/* cbor.h -- strict CBOR (RFC 8949) without a copy: the wire format of statements,
 * receipts and digests.
 *
 * The reader refuses indefinite lengths, heads and floats that are not of the shortest
 * form, reserved additional information, simple values below 32 in two bytes, tstr that
 * is not UTF-8, map keys other than integers and text (COSE labels, RFC 9052 section
 * 1.4), duplicate keys, nesting over SL_CBOR_DEPTH_MAX, trailing bytes.  Unsorted keys
 * are accepted: other people's encoders do not sort.
 *
 * Use: sl_cbor_open() checks all of that over the whole input in one pass and gives a
 * reader; the typed calls then pick it apart.  Failure is sticky: after the first one
 * every call gives zero or an empty slice, and *err tells what, where (byte offset) and
 * the clause; check sl_cbor_close() once at the end.  Nothing is allocated; slices point
 * into the input.
 *
 * The writer appends to an sl_buf, which is sticky too.  It writes shortest heads; order
 * of map keys (bytewise by encoding, RFC 8949 section 4.2.1) is the caller's duty.
 */
#ifndef SL_CODEC_CBOR_H
#define SL_CODEC_CBOR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

enum {
	SL_CBOR_DEPTH_MAX = 16, /* of statements and receipts */
	SL_CBOR_DEPTH_TOP = 64, /* of anything: what sl_cbor_open_lim() allows at most */
	SL_CBOR_UNSORTED_MAX = 64 /* entries of a map whose keys are not in order */
};

enum sl_cbor_type { /* the major types */
		    SL_CBOR_UINT,
		    SL_CBOR_NINT,
		    SL_CBOR_BSTR,
		    SL_CBOR_TSTR,
		    SL_CBOR_ARR,
		    SL_CBOR_MAP,
		    SL_CBOR_TAG,
		    SL_CBOR_SIMPLE, /* false, true, null, undefined, simple values, floats
				     */
		    SL_CBOR_NONE    /* at the end, or failed */
};

enum { SL_CBOR_FALSE = 20, SL_CBOR_TRUE, SL_CBOR_NULL, SL_CBOR_UNDEF };

struct sl_cbor_rd {
	struct sl_slice src;
	size_t pos;       /* offset of the next item */
	const char *what; /* for messages: "COSE_Sign1" */
	struct sl_err *err;
	int code; /* 0, or the first failure */
};

/* An integer, or the head of one: value n, or -1 - n when neg (so -2^64 exists). */
struct sl_cbor_int {
	bool neg;
	uint64_t n;
};

/* Map key of COSE: integer, or text when s.p is not NULL. */
struct sl_cbor_label {
	struct sl_cbor_int i;
	struct sl_slice s;
};

/* Checks src as exactly one item (or max_bytes exceeded: LIMIT; else FORMAT). */
int sl_cbor_open(struct sl_cbor_rd *rd, struct sl_slice src, size_t max_bytes,
		 const char *what, struct sl_err *err) SL_MUST_CHECK;
/* The same with limits of the caller's: bytes, items of all kinds, depth. */
int sl_cbor_open_lim(struct sl_cbor_rd *rd, struct sl_slice src,
		     const struct sl_limits *lim, const char *what,
		     struct sl_err *err) SL_MUST_CHECK;
/* 0 when nothing failed and everything was read. */
int sl_cbor_close(struct sl_cbor_rd *rd) SL_MUST_CHECK;
/* Fails the reader at its place for a reason of the caller's; returns the code. */
int sl_cbor_refuse(struct sl_cbor_rd *rd, int code, const char *fmt, ...) SL_PRINTF(3, 4);

enum sl_cbor_type sl_cbor_peek(const struct sl_cbor_rd *rd);
bool sl_cbor_is_null(const struct sl_cbor_rd *rd); /* next item is null; not read */
uint64_t sl_cbor_uint(struct sl_cbor_rd *rd);
int64_t sl_cbor_int(struct sl_cbor_rd *rd); /* refuses what int64 cannot hold */
struct sl_cbor_int sl_cbor_bigint(struct sl_cbor_rd *rd);
bool sl_cbor_bool(struct sl_cbor_rd *rd);
void sl_cbor_null(struct sl_cbor_rd *rd);
struct sl_slice sl_cbor_bstr(struct sl_cbor_rd *rd);
struct sl_slice sl_cbor_bstr_n(struct sl_cbor_rd *rd,
			       size_t len); /* of exactly len bytes */
struct sl_slice sl_cbor_tstr(struct sl_cbor_rd *rd);
size_t sl_cbor_arr(struct sl_cbor_rd *rd);           /* number of items */
void sl_cbor_arr_n(struct sl_cbor_rd *rd, size_t n); /* of exactly n items */
size_t sl_cbor_map(struct sl_cbor_rd *rd);           /* number of pairs */
uint64_t sl_cbor_tag(struct sl_cbor_rd *rd);
struct sl_cbor_label sl_cbor_key(struct sl_cbor_rd *rd);
/* The next item whole, as bytes; skipped. */
struct sl_slice sl_cbor_skip(struct sl_cbor_rd *rd);

static inline bool
sl_cbor_is(struct sl_cbor_label l, int64_t label)
{
	return l.s.p == NULL && l.i.neg == (label < 0) &&
	       l.i.n == (uint64_t)(label < 0 ? -1 - label : label);
}
bool sl_cbor_label_eq(struct sl_cbor_label a, struct sl_cbor_label b);

void sl_cbor_put_uint(struct sl_buf *b, uint64_t v);
void sl_cbor_put_int(struct sl_buf *b, int64_t v);
void sl_cbor_put_bstr(struct sl_buf *b, struct sl_slice s);
void sl_cbor_put_tstr(struct sl_buf *b, struct sl_slice s); /* caller: valid UTF-8 */
void sl_cbor_put_bstr_head(struct sl_buf *b, size_t len);   /* len bytes follow */
void sl_cbor_put_arr(struct sl_buf *b, size_t n);           /* n items follow */
void sl_cbor_put_map(struct sl_buf *b, size_t n);           /* n pairs follow */
void sl_cbor_put_tag(struct sl_buf *b, uint64_t tag);
void sl_cbor_put_bool(struct sl_buf *b, bool v);
void sl_cbor_put_null(struct sl_buf *b);

#endif
