/* cbor.c -- see cbor.h: the reader's heads and typed calls. */
#include "codec/cbor_priv.h"

#include <stdarg.h>
#include <stdio.h>

int
sl_cbor_refuse(struct sl_cbor_rd *rd, int code, const char *fmt, ...)
{
	char msg[SL_ERR_MSG_MAX];
	va_list ap;

	if (rd->code != 0)
		return rd->code;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	rd->code = code;
	return sl_err_raise(rd->err, code, 0, __FILE__, __LINE__, "%s, byte %zu: %s",
			    rd->what, rd->pos, msg);
}

static const char *const names[] = {
	[SL_CBOR_UINT] = "an unsigned integer",
	[SL_CBOR_NINT] = "a negative integer",
	[SL_CBOR_BSTR] = "a byte string",
	[SL_CBOR_TSTR] = "a text string",
	[SL_CBOR_ARR] = "an array",
	[SL_CBOR_MAP] = "a map",
	[SL_CBOR_TAG] = "a tag",
	[SL_CBOR_SIMPLE] = "a simple value or float",
	[SL_CBOR_NONE] = "nothing",
};

const char *
sl_cbor_type_name(enum sl_cbor_type t)
{
	return names[t <= SL_CBOR_NONE ? t : SL_CBOR_NONE];
}

/* RFC 8949 section 4.2.2: a float has the shortest form that keeps its value. */
static bool
is_shortest_float(unsigned info, uint64_t bits)
{
	unsigned exp_len = info == 27 ? 11 : 8, frac_len = info == 27 ? 52 : 23;
	unsigned to_frac = info == 27 ? 23 : 10, bias = info == 27 ? 127 : 15;
	uint64_t frac = bits & ((UINT64_C(1) << frac_len) - 1);
	int exp = (int)(bits >> frac_len & ((1U << exp_len) - 1));
	int unbiased = exp - ((1 << (exp_len - 1)) - 1);
	unsigned drop = frac_len - to_frac; /* bits that must be zero to fit */
	int lowest = 1 - (int)bias;

	if (info == 25) /* the shortest there is; of the NaNs 7e00 alone (4.2.2) */
		return (bits & 0x7c00) != 0x7c00 || (bits & 0x3ff) == 0 || bits == 0x7e00;
	if (exp == (1 << exp_len) - 1 || (exp == 0 && frac == 0))
		return false; /* NaN, infinities and zeros fit float16 */
	if (exp == 0)
		return true; /* its subnormals lie below everything shorter */
	if (unbiased > (int)bias)
		return true;
	if (unbiased < lowest) { /* a subnormal there: loses one more bit per step */
		if (unbiased < lowest - (int)to_frac)
			return true;
		drop += (unsigned)(lowest - unbiased);
		frac |= UINT64_C(1) << frac_len;
	}
	return (frac & ((UINT64_C(1) << drop) - 1)) != 0;
}

/* Heads are shortest (RFC 8949 section 4.2.1), lengths fit what is left of the input. */
static bool
head_ok(struct sl_cbor_rd *rd, const struct sl_cbor_head *h, size_t left)
{
	static const uint64_t least[4] = { 24, 1U << 8, 1U << 16, UINT64_C(1) << 32 };

	if (h->type == SL_CBOR_SIMPLE) {
		if (h->info == 24 && h->n < 32)
			REFUSE(
			    rd,
			    "simple value below 32 in two bytes (RFC 8949 section 3.3)");
		if (h->info > 24 && !is_shortest_float(h->info, h->n))
			REFUSE(rd,
			       "float not in its shortest form (RFC 8949 section 4.2.2)");
		return rd->code == 0;
	}
	if (h->info >= 24 && h->n < least[h->info - 24])
		REFUSE(rd, "head not in its shortest form (RFC 8949 section 4.2.1)");
	else if ((h->type == SL_CBOR_BSTR || h->type == SL_CBOR_TSTR) && h->n > left)
		REFUSE(rd, "string of %llu bytes, %zu are left", (unsigned long long)h->n,
		       left);
	else if ((h->type == SL_CBOR_ARR && h->n > left) ||
		 (h->type == SL_CBOR_MAP && h->n > left / 2))
		REFUSE(rd, "%s of %llu, %zu bytes are left", sl_cbor_type_name(h->type),
		       (unsigned long long)h->n, left);
	return rd->code == 0;
}

/* Reads a head; rd->pos stays in front of it on failure, so that messages name it. */
bool
sl_cbor_head(struct sl_cbor_rd *rd, struct sl_cbor_head *h)
{
	size_t at = rd->pos, n = 0;
	uint8_t c;

	*h = (struct sl_cbor_head){ .type = SL_CBOR_NONE };
	if (rd->code != 0)
		return false;
	if (at >= rd->src.len) {
		REFUSE(rd, "the input ends where an item is due");
		return false;
	}
	c = rd->src.p[at++];
	h->type = c >> 5;
	h->info = c & 31U;
	if (h->info > 27) {
		REFUSE(rd, "%s (RFC 8949 section 3)",
		       h->info == 31 ? "indefinite length or lone break"
				     : "reserved additional information");
		return false;
	}
	h->n = h->info;
	if (h->info >= 24) {
		n = (size_t)1 << (h->info - 24);
		if (n > rd->src.len - at) {
			REFUSE(rd, "the input ends inside a head");
			return false;
		}
		h->n = 0;
		for (size_t i = 0; i < n; i++)
			h->n = h->n << 8 | rd->src.p[at + i];
	}
	if (!head_ok(rd, h, rd->src.len - at - n))
		return false;
	rd->pos = at + n;
	return true;
}

int
sl_cbor_close(struct sl_cbor_rd *rd)
{
	if (rd->code == 0 && rd->pos < rd->src.len)
		REFUSE(rd, "%zu bytes were not expected", rd->src.len - rd->pos);
	return rd->code;
}

enum sl_cbor_type
sl_cbor_peek(const struct sl_cbor_rd *rd)
{
	return rd->code == 0 && rd->pos < rd->src.len
		   ? (enum sl_cbor_type)(rd->src.p[rd->pos] >> 5)
		   : SL_CBOR_NONE;
}

bool
sl_cbor_is_null(const struct sl_cbor_rd *rd)
{
	return sl_cbor_peek(rd) == SL_CBOR_SIMPLE && rd->src.p[rd->pos] == 0xf6;
}

static uint64_t
want(struct sl_cbor_rd *rd, enum sl_cbor_type type)
{
	size_t at = rd->pos;
	struct sl_cbor_head h;

	if (!sl_cbor_head(rd, &h))
		return 0;
	if (h.type == type)
		return h.n;
	rd->pos = at;
	REFUSE(rd, "%s is due, here is %s", sl_cbor_type_name(type),
	       sl_cbor_type_name(h.type));
	return 0;
}

uint64_t
sl_cbor_uint(struct sl_cbor_rd *rd)
{
	return want(rd, SL_CBOR_UINT);
}

struct sl_cbor_int
sl_cbor_bigint(struct sl_cbor_rd *rd)
{
	bool neg = sl_cbor_peek(rd) == SL_CBOR_NINT;
	uint64_t n = want(rd, neg ? SL_CBOR_NINT : SL_CBOR_UINT);

	return (struct sl_cbor_int){ rd->code == 0 && neg, n };
}

int64_t
sl_cbor_int(struct sl_cbor_rd *rd)
{
	size_t at = rd->pos;
	struct sl_cbor_int v = sl_cbor_bigint(rd);

	if (v.n > INT64_MAX) {
		rd->pos = at;
		REFUSE(rd, "integer beyond 64 bits with sign");
		return 0;
	}
	return v.neg ? -1 - (int64_t)v.n : (int64_t)v.n;
}

static unsigned
simple(struct sl_cbor_rd *rd, const char *due)
{
	uint8_t c = sl_cbor_peek(rd) == SL_CBOR_SIMPLE ? rd->src.p[rd->pos] & 31 : 0;
	bool is_bool = c == SL_CBOR_FALSE || c == SL_CBOR_TRUE;

	if (rd->code != 0)
		return 0;
	if (due != NULL ? !is_bool : c != SL_CBOR_NULL) {
		REFUSE(rd, "%s is due", due != NULL ? due : "null");
		return 0;
	}
	rd->pos++;
	return c;
}

bool
sl_cbor_bool(struct sl_cbor_rd *rd)
{
	return simple(rd, "false or true") == SL_CBOR_TRUE;
}

void
sl_cbor_null(struct sl_cbor_rd *rd)
{
	(void)simple(rd, NULL);
}

static struct sl_slice
string(struct sl_cbor_rd *rd, enum sl_cbor_type type)
{
	uint64_t n = want(rd, type);
	struct sl_slice s = { 0 };

	if (rd->code == 0) {
		/* safe because head_ok() held n against the bytes left */
		s = (struct sl_slice){ rd->src.p + rd->pos, (size_t)n };
		rd->pos += s.len;
	}
	return s;
}

struct sl_slice
sl_cbor_bstr(struct sl_cbor_rd *rd)
{
	return string(rd, SL_CBOR_BSTR);
}

struct sl_slice
sl_cbor_bstr_n(struct sl_cbor_rd *rd, size_t len)
{
	size_t at = rd->pos;
	struct sl_slice s = string(rd, SL_CBOR_BSTR);

	if (rd->code == 0 && s.len != len) {
		rd->pos = at;
		REFUSE(rd, "a byte string of %zu bytes is due, here are %zu", len, s.len);
	}
	return rd->code == 0 ? s : (struct sl_slice){ 0 };
}

struct sl_slice
sl_cbor_tstr(struct sl_cbor_rd *rd)
{
	return string(rd, SL_CBOR_TSTR);
}

size_t
sl_cbor_arr(struct sl_cbor_rd *rd)
{
	return (size_t)want(rd, SL_CBOR_ARR);
}

void
sl_cbor_arr_n(struct sl_cbor_rd *rd, size_t n)
{
	size_t at = rd->pos, have = sl_cbor_arr(rd);

	if (rd->code == 0 && have != n) {
		rd->pos = at;
		REFUSE(rd, "an array of %zu items is due, here are %zu", n, have);
	}
}

size_t
sl_cbor_map(struct sl_cbor_rd *rd)
{
	return (size_t)want(rd, SL_CBOR_MAP);
}

uint64_t
sl_cbor_tag(struct sl_cbor_rd *rd)
{
	return want(rd, SL_CBOR_TAG);
}

struct sl_cbor_label
sl_cbor_key(struct sl_cbor_rd *rd)
{
	struct sl_cbor_label l = { 0 };

	if (sl_cbor_peek(rd) == SL_CBOR_TSTR)
		l.s = sl_cbor_tstr(rd);
	else
		l.i = sl_cbor_bigint(rd);
	return l;
}

bool
sl_cbor_label_eq(struct sl_cbor_label a, struct sl_cbor_label b)
{
	if ((a.s.p == NULL) != (b.s.p == NULL))
		return false;
	return a.s.p != NULL ? sl_slice_eq(a.s, b.s)
			     : a.i.neg == b.i.neg && a.i.n == b.i.n;
}

/* The whole input passed sl_cbor_open(), so heads alone are followed. */
struct sl_slice
sl_cbor_skip(struct sl_cbor_rd *rd)
{
	size_t from = rd->pos;
	uint64_t left = 1;
	struct sl_cbor_head h;

	while (left > 0 && sl_cbor_head(rd, &h)) {
		left--;
		if (h.type == SL_CBOR_BSTR || h.type == SL_CBOR_TSTR)
			rd->pos += (size_t)h.n; /* safe because head_ok() checked */
		else if (h.type == SL_CBOR_ARR || h.type == SL_CBOR_TAG)
			left += h.type == SL_CBOR_TAG ? 1 : h.n;
		else if (h.type == SL_CBOR_MAP)
			left += 2 * h.n;
	}
	return rd->code == 0 ? (struct sl_slice){ rd->src.p + from, rd->pos - from }
			     : (struct sl_slice){ 0 };
}
