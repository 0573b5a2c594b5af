/* utf8.c -- see utf8.h. */
#include "codec/utf8.h"

/* RFC 3629 section 4: the second byte's range depends on the first. */
static size_t
lead(uint8_t c, uint8_t *lo, uint8_t *hi)
{
	*lo = 0x80;
	*hi = 0xbf;
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	if (c < 0xe0)
		return 2;
	if (c < 0xf0) {
		*lo = c == 0xe0 ? 0xa0 : 0x80; /* overlong */
		*hi = c == 0xed ? 0x9f : 0xbf; /* surrogates */
		return 3;
	}
	*lo = c == 0xf0 ? 0x90 : 0x80; /* overlong */
	*hi = c == 0xf4 ? 0x8f : 0xbf; /* above U+10FFFF */
	return 4;
}

size_t
sl_utf8_len(struct sl_slice s)
{
	uint8_t lo, hi;
	size_t n = s.len > 0 ? lead(s.p[0], &lo, &hi) : 0;

	if (n == 0 || n > s.len)
		return 0;
	if (n > 1 && (s.p[1] < lo || s.p[1] > hi))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t
sl_utf8_char(struct sl_slice s, uint32_t *ret)
{
	size_t n = sl_utf8_len(s);
	uint32_t c = n > 1 ? s.p[0] & (0x7fu >> n) : n == 1 ? s.p[0] : 0;

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s.p[i] & 0x3fu);
	*ret = c;
	return n;
}

bool
sl_utf8_is_bidi(uint32_t c)
{
	return c == 0x061c || c == 0x200e || c == 0x200f ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool
sl_utf8_is_unsafe(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0x00, 0x08 },       { 0x0a, 0x1f },       { 0x7f, 0x9f },
		{ 0xad, 0xad },       { 0x034f, 0x034f },   { 0x061c, 0x061c },
		{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
		{ 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },
		{ 0x3164, 0x3164 },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb },   { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0xe0fff },
	};

	if (c >= 0x20 && c < 0x7f)
		return false;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

size_t
sl_utf8_bad(struct sl_slice s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t n = s.p[i] < 0x80 ? 1 : sl_utf8_len(sl_slice_skip(s, i));

		if (n == 0)
			break;
		i += n;
	}
	return i;
}

/* In UTF-16 the surrogates D800-DFFF, so all of U+10000 and up (lead F0-F4), come
 * before U+E000-U+FFFF (lead EE, EF).  Elsewhere byte order is code point order. */
static unsigned
weight(uint8_t c)
{
	if (c >= 0xf0)
		return c - 2U;
	return c >= 0xee ? c + 0x10U : c;
}

int
sl_utf16_cmp(struct sl_slice a, struct sl_slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < n; i++)
		if (a.p[i] != b.p[i])
			return weight(a.p[i]) < weight(b.p[i]) ? -1 : 1;
	if (a.len == b.len)
		return 0;
	return a.len < b.len ? -1 : 1;
}
