/* taint_look.c -- see taint_look.h: a skeleton of a name, after Unicode TR 39, and what
 * other file systems fold (HFS+ drops invisible characters, NTFS last dots and blanks,
 * and cuts at ':'). */
#include "run/taint_look.h"

#include "codec/utf8.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *letter, *codes;
} like[] = {
#include "lookalike_rows.h"
};

/* Marks that are put on the character before, and what chooses a variant of it. */
static bool
is_mark(uint32_t c)
{
	return (c >= 0x0300 && c <= 0x036f) || (c >= 0x1ab0 && c <= 0x1aff) ||
	       (c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) ||
	       (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xfe20 && c <= 0xfe2f);
}

static uint8_t
letter_of(uint32_t c)
{
	char hex[16];

	(void)snprintf(hex, sizeof(hex), "%04x", (unsigned)c);
	for (size_t i = 0; c <= 0xffff && i < sizeof(like) / sizeof(like[0]); i++)
		if (strstr(like[i].codes, hex) != NULL)
			return (uint8_t)like[i].letter[0];
	return 0;
}

/* The ASCII character that c looks like, or 0. */
static uint8_t
ascii_of(uint32_t c)
{
	if (c < 0x80)
		return (uint8_t)(c == '0'               ? 'o'
				 : c == '1' || c == '|' ? 'l'
				 : c == '\\'            ? '/'
							: c);
	if (c >= 0xff01 && c <= 0xff5e) /* full width */
		return (uint8_t)(c - 0xff01 + '!');
	if (c >= 0x1d400 && c <= 0x1d6a3) { /* mathematical alphabets */
		c = (c - 0x1d400) % 52;
		return (uint8_t)(c < 26 ? 'a' + c : 'a' + c - 26);
	}
	if (c >= 0x24b6 && c <= 0x24e9) /* circled */
		return (uint8_t)('a' + (c - 0x24b6) % 26);
	if (c == 0xa0 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x3000)
		return ' ';
	return letter_of(c);
}

/* Ends a component that began at from: NTFS takes "a. " and "a:x" for "a". */
static size_t
end_component(uint8_t *out, size_t from, size_t n)
{
	const uint8_t *colon =
	    n > from + 1 ? memchr(out + from + 1, ':', n - from - 1) : NULL;

	if (colon != NULL)
		n = (size_t)(colon - out);
	while (n > from + 1 && (out[n - 1] == '.' || out[n - 1] == ' '))
		n--;
	return n;
}

size_t
taint_look(struct sl_slice path, uint8_t out[TAINT_LOOK_MAX])
{
	size_t n = 0, from = 0;
	struct sl_slice s = path;

	if (path.len >= TAINT_LOOK_MAX)
		return 0;
	while (s.len > 0) {
		uint32_t c = 0;
		size_t len = sl_utf8_char(s, &c);
		uint8_t a = len > 0 ? ascii_of(c) : 0;

		if (len == 0)
			len = 1;
		if (a == '/') {
			n = end_component(out, from, n);
			out[n++] = '/';
			from = n;
		} else if (a >= 0x20 && a != 0x7f) {
			out[n++] = a;
		} else if (a == 0 && c >= 0x80 && !is_mark(c) && !sl_utf8_is_unsafe(c)) {
			memcpy(out + n, s.p, len);
			n += len;
		}
		s = sl_slice_skip(s, len);
	}
	n = end_component(out, from, n);
	return n == path.len && memcmp(out, path.p, n) == 0 ? 0 : n;
}
