/* termsafe.c -- see termsafe.h: the states of ECMA-48, strictly. */
#include "cli/termsafe.h"

#include "codec/utf8.h"

#include <string.h>

enum state {
	IS_TEXT,
	IS_CHAR,    /* in a character of several bytes */
	IS_ESC,     /* after ESC */
	IS_CHARSET, /* after ESC and an intermediate byte: one more */
	IS_CSI,     /* after ESC [ */
	IS_STRING,  /* OSC, DCS, ...: until ST, BEL, or what cancels it */
	IS_STRING_ESC,
	IS_TOO_LONG, /* a CSI that is dropped: until its final byte */
};

static void
drop(struct sl_termsafe *t)
{
	t->n_dropped++;
	t->n_held = 0;
	t->state = IS_TEXT;
}

static void
hold(struct sl_termsafe *t, uint8_t c)
{
	if (t->n_held < SL_TERMSAFE_MAX)
		t->held[t->n_held++] = c;
	else
		t->state = IS_TOO_LONG;
}

static void
pass(struct sl_termsafe *t, struct sl_buf *out)
{
	sl_buf_put(out, t->held, t->n_held);
	t->n_held = 0;
	t->state = IS_TEXT;
}

/* White space, BS, BEL, and the two that choose a character set. */
static bool
is_harmless_c0(uint8_t c)
{
	return (c >= 0x07 && c <= 0x0f);
}

/* ESC and one byte: cursor kept and put back, index, next line, keypad, reset. */
static bool
is_plain_escape(uint8_t c)
{
	return c != 0 && strchr("78DEHMc=>\\", c) != NULL;
}

/* Is the parameter, decimal digits between ';', among those of a private mode that
 * full-screen programs set: cursor keys, wrap, cursor, other screen, mouse, paste,
 * synchronised output. */
static bool
is_known_mode(unsigned n)
{
	static const unsigned known[] = { 1,    4,    5,    6,    7,    8,    12,
					  25,   45,   47,   66,   69,   1000, 1002,
					  1003, 1004, 1005, 1006, 1007, 1015, 1016,
					  1034, 1047, 1048, 1049, 2004, 2026 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (n == known[i])
			return true;
	return false;
}

/* "?1049;25h": every mode is a known one; notes which screen is shown. */
static bool
is_mode_change(struct sl_termsafe *t, struct sl_slice param, bool is_set)
{
	bool is_alternate = t->is_alternate;

	while (param.len > 0) {
		struct sl_slice one = sl_slice_upto(param, ';');
		unsigned n = 0;

		if (one.len == 0 || one.len > 5)
			return false;
		for (size_t i = 0; i < one.len; i++) {
			if (one.p[i] < '0' || one.p[i] > '9')
				return false;
			n = 10 * n + (one.p[i] - '0');
		}
		if (!is_known_mode(n))
			return false;
		if (n == 47 || n == 1047 || n == 1049)
			is_alternate = is_set;
		param = sl_slice_skip(param, one.len + 1);
	}
	t->is_alternate = is_alternate;
	return true;
}

/* The whole of a CSI: parameters, perhaps an intermediate byte, the final one. */
static bool
is_drawing(struct sl_termsafe *t)
{
	uint8_t final = t->held[t->n_held - 1];
	struct sl_slice param = { t->held + 2, t->n_held - 3 };

	if (param.len > 0 && param.p[param.len - 1] == ' ')
		return final == 'q'; /* shape of the cursor */
	for (size_t i = 1; i < param.len; i++)
		if (param.p[i] < '0' || param.p[i] > ';')
			return false;
	if (param.len > 0 && param.p[0] == '?')
		return (final == 'h' || final == 'l')
			   ? is_mode_change(t, sl_slice_skip(param, 1), final == 'h')
			   : final == 'J' || final == 'K';
	if (param.len > 0 && (param.p[0] < '0' || param.p[0] > ';'))
		return false;
	/* cursor, erasing, inserting, scrolling, tabs, colours, margins; s and u keep the
	 * cursor: not n, c, x (answered), i (prints), t (window), p, q, r with more */
	if (final == 'h' || final == 'l') /* insert, new line */
		return sl_slice_eq(param, SL_LIT("4")) ||
		       sl_slice_eq(param, SL_LIT("20"));
	return strchr("@ABCDEFGHIJKLMPSTXZ`abdefgmrsu", final) != NULL;
}

static void
begin_char(struct sl_termsafe *t, uint8_t c, struct sl_buf *out)
{
	if (c == 0x1b) {
		t->state = IS_ESC;
		hold(t, c);
	} else if (c >= 0x80) {
		t->state = IS_CHAR;
		hold(t, c);
	} else if ((c >= 0x20 && c < 0x7f) || is_harmless_c0(c)) {
		t->is_dirty = t->is_dirty || c == 0x0e || c == 0x0f;
		sl_buf_byte(out, c);
	} else {
		t->n_dropped++;
	}
}

static void
unreadable(struct sl_termsafe *t, struct sl_buf *out)
{
	sl_buf_str(out, "\xef\xbf\xbd");
	drop(t);
}

/* One more byte of a character; false: it begins something else. */
static bool
in_char(struct sl_termsafe *t, uint8_t c, struct sl_buf *out)
{
	static const uint8_t n_of[16] = { [0xc] = 2, [0xd] = 2, [0xe] = 3, [0xf] = 4 };
	uint32_t point;
	struct sl_slice s;

	if ((c & 0xc0) != 0x80) {
		unreadable(t, out);
		return false;
	}
	hold(t, c);
	if (t->n_held < n_of[t->held[0] >> 4])
		return true;
	s = (struct sl_slice){ t->held, t->n_held };
	if (sl_utf8_char(s, &point) != s.len || sl_utf8_is_bidi(point))
		unreadable(t, out);
	else if (point < 0xa0) /* C1 */
		drop(t);
	else
		pass(t, out);
	return true;
}

static void
in_escape(struct sl_termsafe *t, uint8_t c, struct sl_buf *out)
{
	hold(t, c);
	if (c == 0x1b) {
		drop(t);
		begin_char(t, c, out);
	} else if (c == '[') {
		t->state = IS_CSI;
	} else if (c != 0 && strchr("]PX^_", c) != NULL) {
		t->state = IS_STRING;
	} else if (c == '(' || c == ')' || c == '#') {
		t->state = IS_CHARSET;
	} else if (is_plain_escape(c)) {
		t->is_dirty = true;
		pass(t, out);
	} else {
		drop(t);
	}
}

/* One more byte of a CSI; false: it begins something else. */
static bool
in_csi(struct sl_termsafe *t, uint8_t c, struct sl_buf *out)
{
	bool is_final = c >= 0x40 && c <= 0x7e;

	if (c < 0x20 || c > 0x7e) {
		drop(t); /* terminals obey a control in the middle: ours has none */
		return c != 0x1b && c < 0x80;
	}
	if (t->state == IS_CSI)
		hold(t, c);
	if (!is_final)
		return true;
	if (t->state == IS_CSI && is_drawing(t)) {
		t->is_coloured = t->is_coloured || c == 'm';
		t->is_dirty = t->is_dirty || c == 'h' || c == 'l' || c == 'r';
		pass(t, out);
	} else {
		drop(t);
	}
	return true;
}

static void
in_string(struct sl_termsafe *t, uint8_t c)
{
	if ((t->state == IS_STRING_ESC && c == '\\') || c == 0x07 || c == 0x18 ||
	    c == 0x1a)
		drop(t);
	else
		t->state = c == 0x1b ? IS_STRING_ESC : IS_STRING;
	/* what the string says is not kept */
	t->n_held = 0;
}

static void
feed_byte(struct sl_termsafe *t, uint8_t c, struct sl_buf *out)
{
	switch (t->state) {
	case IS_CHAR:
		if (in_char(t, c, out))
			return;
		break;
	case IS_ESC:
		in_escape(t, c, out);
		return;
	case IS_CHARSET:
		hold(t, c);
		t->is_dirty = true;
		if (c >= 0x30 && c <= 0x7e)
			pass(t, out);
		else
			drop(t);
		return;
	case IS_CSI:
	case IS_TOO_LONG:
		if (in_csi(t, c, out))
			return;
		break;
	case IS_STRING:
	case IS_STRING_ESC:
		in_string(t, c);
		return;
	default:
		break;
	}
	begin_char(t, c, out);
}

void
sl_termsafe_feed(struct sl_termsafe *t, struct sl_slice s, struct sl_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		size_t n = i;

		/* the usual case: a run of plain text */
		while (t->state == IS_TEXT && n < s.len && s.p[n] >= 0x20 &&
		       s.p[n] < 0x7f)
			n++;
		if (n > i) {
			sl_buf_put(out, s.p + i, n - i);
			i = n - 1;
			continue;
		}
		feed_byte(t, s.p[i], out);
	}
}

void
sl_termsafe_end(struct sl_termsafe *t, struct sl_buf *out)
{
	if (t->is_alternate)
		sl_buf_str(out, "\x1b[?1049l");
	/* character set, colours, margins with the cursor where it is, insert mode,
	 * cursor keys and keypad, wrap, cursor, mouse, focus, paste */
	if (t->is_coloured && !t->is_dirty)
		sl_buf_str(out, "\x1b[0m");
	if (t->is_dirty)
		sl_buf_str(out, "\x0f\x1b(B\x1b[0m\x1b"
				"7\x1b[r\x1b"
				"8\x1b[4l\x1b[?1l\x1b>\x1b[?7h\x1b[?25h"
				"\x1b[?1000;1002;1003;1004;1005;1006;1015l\x1b[?2004l");
	*t = (struct sl_termsafe){ 0 };
}
