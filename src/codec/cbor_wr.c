/* cbor_wr.c -- see cbor.h: the writer. */
#include "codec/cbor.h"

static void
head(struct sl_buf *b, enum sl_cbor_type type, uint64_t n)
{
	uint8_t h[9];
	size_t len = n < 24            ? 0
		     : n <= UINT8_MAX  ? 1
		     : n <= UINT16_MAX ? 2
		     : n <= UINT32_MAX ? 4
				       : 8;
	static const uint8_t info[9] = { [1] = 24, [2] = 25, [4] = 26, [8] = 27 };

	h[0] = (uint8_t)((unsigned)type << 5 | (len == 0 ? (unsigned)n : info[len]));
	for (size_t i = 0; i < len; i++)
		h[1 + i] = (uint8_t)(n >> 8 * (len - 1 - i));
	sl_buf_put(b, h, 1 + len);
}

void
sl_cbor_put_uint(struct sl_buf *b, uint64_t v)
{
	head(b, SL_CBOR_UINT, v);
}

void
sl_cbor_put_int(struct sl_buf *b, int64_t v)
{
	head(b, v < 0 ? SL_CBOR_NINT : SL_CBOR_UINT, (uint64_t)(v < 0 ? -1 - v : v));
}

void
sl_cbor_put_bstr_head(struct sl_buf *b, size_t len)
{
	head(b, SL_CBOR_BSTR, len);
}

void
sl_cbor_put_bstr(struct sl_buf *b, struct sl_slice s)
{
	head(b, SL_CBOR_BSTR, s.len);
	sl_buf_slice(b, s);
}

void
sl_cbor_put_tstr(struct sl_buf *b, struct sl_slice s)
{
	head(b, SL_CBOR_TSTR, s.len);
	sl_buf_slice(b, s);
}

void
sl_cbor_put_arr(struct sl_buf *b, size_t n)
{
	head(b, SL_CBOR_ARR, n);
}

void
sl_cbor_put_map(struct sl_buf *b, size_t n)
{
	head(b, SL_CBOR_MAP, n);
}

void
sl_cbor_put_tag(struct sl_buf *b, uint64_t tag)
{
	head(b, SL_CBOR_TAG, tag);
}

void
sl_cbor_put_bool(struct sl_buf *b, bool v)
{
	head(b, SL_CBOR_SIMPLE, v ? SL_CBOR_TRUE : SL_CBOR_FALSE);
}

void
sl_cbor_put_null(struct sl_buf *b)
{
	head(b, SL_CBOR_SIMPLE, SL_CBOR_NULL);
}
