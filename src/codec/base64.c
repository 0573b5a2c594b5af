/* base64.c -- see base64.h. */
#include "codec/base64.h"

static const char alphabet[2][65] = {
	[SL_BASE64_STD] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[SL_BASE64_URL] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void
sl_base64_put(struct sl_buf *out, enum sl_base64 form, struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i += 3) {
		size_t n = s.len - i < 3 ? s.len - i : 3;
		uint32_t v = (uint32_t)s.p[i] << 16;

		if (n > 1)
			v |= (uint32_t)s.p[i + 1] << 8;
		if (n > 2)
			v |= s.p[i + 2];
		for (size_t k = 0; k < 4; k++) {
			if (k <= n)
				sl_buf_byte(
				    out, (uint8_t)alphabet[form][v >> (18 - 6 * k) & 63]);
			else if (form == SL_BASE64_STD)
				sl_buf_byte(out, '=');
		}
	}
}

static int
value(enum sl_base64 form, uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)alphabet[form][62])
		return 62;
	return c == (uint8_t)alphabet[form][63] ? 63 : -1;
}

bool
sl_unbase64(enum sl_base64 form, struct sl_slice s, uint8_t *out, size_t max,
	    size_t *ret_len)
{
	size_t len = s.len, n = 0;
	uint32_t acc = 0;
	unsigned bits = 0;

	if (form == SL_BASE64_STD) {
		if (len % 4 != 0)
			return false;
		for (int i = 0; i < 2 && len > 0 && s.p[len - 1] == '='; i++)
			len--;
	}
	if (len % 4 == 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		int v = value(form, s.p[i]);

		if (v < 0)
			return false;
		acc = acc << 6 | (uint32_t)v;
		if ((bits += 6) < 8)
			continue;
		bits -= 8;
		if (n == max)
			return false;
		out[n++] = (uint8_t)(acc >> bits);
	}
	if ((acc & ((1U << bits) - 1)) != 0)
		return false;
	*ret_len = n;
	return true;
}
