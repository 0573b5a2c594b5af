/* ui_text.c -- see ui.h, ui_text.h: text for people, from foreign bytes. */
#include "cli/ui_text.h"
#include "codec/utf8.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void
sl_ui_col(struct sl_buf *b, const struct sl_ui_opts *o, enum sl_ui_colour c)
{
	static const char *const sgr[] = { "0", "1", "2", "31", "32", "33" };

	if (o->has_colour)
		sl_buf_printf(b, "\x1b[%sm", sgr[c]);
}

const char *
sl_ui_sym(const struct sl_ui_opts *o, enum sl_ui_sym s)
{
	static const char *const utf8[] = { "\u2713", "\u2717", "-",
					    "\u2022", "\u2502", "\u25b8",
					    "\u2514", "\u00b7", "\u2026" };
	static const char *const ascii[] = {
		"+", "x", "-", "*", "|", ">", "`", "-", "..."
	};

	return (o->is_utf8 ? utf8 : ascii)[s];
}

/* What a CI system that shows our lines would obey wherever it stands in one: GitHub's
 * runner the older form of its commands, Azure's, TeamCity's. */
static bool
is_marker(struct sl_slice s)
{
	return sl_slice_starts(s, SL_LIT("##[")) ||
	       sl_slice_starts(s, SL_LIT("##vso[")) ||
	       sl_slice_starts(s, SL_LIT("##teamcity["));
}

/* Escapes from s to out until it is used up or max columns are; returns columns. */
static size_t
escape(struct sl_buf *out, struct sl_slice s, bool is_utf8, size_t max,
       struct sl_slice *ret_rest)
{
	size_t cols = 0;

	while (s.len > 0) {
		uint32_t c = 0;
		size_t n = sl_utf8_char(s, &c);
		bool is_plain = n > 0 && !sl_utf8_is_unsafe(c) && (n == 1 || is_utf8) &&
				!is_marker(s);
		size_t bytes = n > 0 ? n : 1, w = is_plain ? 1 : 4 * bytes;

		if (is_plain && n >= 3 && c >= 0x1100) /* East Asian wide, roughly */
			w = (c <= 0x115f || (c >= 0x2e80 && c <= 0xa4cf) ||
			     (c >= 0xac00 && c <= 0xd7a3) ||
			     (c >= 0xf900 && c <= 0xfaff) ||
			     (c >= 0xff00 && c <= 0xff60) || c >= 0x1f300)
				? 2
				: 1;
		if (w > max - cols)
			break;
		if (is_plain)
			sl_buf_put(out, s.p, n);
		for (size_t i = 0; !is_plain && i < bytes; i++)
			sl_buf_printf(out, "\\x%02x", s.p[i]);
		cols += w;
		s = sl_slice_skip(s, bytes);
	}
	*ret_rest = s;
	return cols;
}

void
sl_ui_escape(struct sl_buf *out, struct sl_slice s, bool is_utf8)
{
	struct sl_slice rest;

	(void)escape(out, s, is_utf8, SIZE_MAX, &rest);
}

void
sl_ui_json(struct sl_buf *out, struct sl_slice json)
{
	while (json.len > 0) {
		uint32_t c = 0;
		size_t n = sl_utf8_char(json, &c);

		if (n == 0)
			n = 1; /* JSON is UTF-8: not reached */
		/* below U+0020 JSON escapes itself, and the newline ends it */
		if (c < 0x7f || !sl_utf8_is_unsafe(c))
			sl_buf_put(out, json.p, n);
		else if (c < 0x10000)
			sl_buf_printf(out, "\\u%04x", (unsigned)c);
		else
			sl_buf_printf(out, "\\u%04x\\u%04x",
				      (unsigned)(0xd800 + ((c - 0x10000) >> 10)),
				      (unsigned)(0xdc00 + ((c - 0x10000) & 0x3ff)));
		json = sl_slice_skip(json, n);
	}
}

void
sl_ui_name(struct sl_buf *b, const struct sl_ui_opts *o, struct sl_slice s, size_t max,
	   size_t pad)
{
	struct sl_slice rest;
	size_t cols = escape(b, s, o->is_utf8, max, &rest);

	if (rest.len > 0) {
		sl_buf_str(b, sl_ui_sym(o, SL_S_MORE));
		cols += o->is_utf8 ? 1 : 3;
	}
	for (; cols < pad; cols++)
		sl_buf_byte(b, ' ');
}

void
sl_ui_dur(struct sl_buf *b, int64_t ms)
{
	long long s = ms / 1000;

	if (ms < 1000)
		sl_buf_printf(b, "%lldms", (long long)(ms > 0 ? ms : 0));
	else if (s < 60)
		sl_buf_printf(b, "%lld.%llds", s, (long long)(ms % 1000) / 100);
	else if (s < 3600)
		sl_buf_printf(b, "%lldm%02llds", s / 60, s % 60);
	else
		sl_buf_printf(b, "%lldh%02lldm", s / 3600, s / 60 % 60);
}

void
sl_ui_num(struct sl_buf *b, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		sl_buf_byte(b, (uint8_t)digits[i]);
		if (digits[i] != '-' && i + 1 < len && (len - 1 - i) % 3 == 0)
			sl_buf_byte(b, ',');
	}
}

void
sl_ui_count(struct sl_buf *b, int64_t n, const char *one)
{
	sl_ui_num(b, n);
	sl_buf_printf(b, " %s%s", one, n == 1 ? "" : "s");
}

void
sl_ui_short(struct sl_buf *b, struct sl_slice hex)
{
	sl_ui_escape(b, (struct sl_slice){ hex.p, hex.len < 12 ? hex.len : 12 }, false);
}

void
sl_ui_place(struct sl_buf *b, const struct sl_ui_opts *o, const struct sl_json *ev)
{
	struct sl_slice file = sl_json_get_str(ev, "file");
	int64_t line = sl_json_get_int(ev, "line"), col = sl_json_get_int(ev, "col");

	if (file.len == 0)
		return;
	sl_ui_name(b, o, file, SL_UI_NAME_COLS, 0);
	if (line > 0)
		sl_buf_printf(b, ":%lld", (long long)line);
	if (line > 0 && col > 0)
		sl_buf_printf(b, ":%lld", (long long)col);
}

/* The source line and, below it, the caret under the same columns: what comes before
 * the caret is replaced by blanks of its own displayed width. */
static void
source(struct sl_buf *b, const struct sl_ui_opts *o, const struct sl_diag *d)
{
	size_t before = d->col > 0 ? d->col - 1 : 0, cut = 0, cols;
	struct sl_slice text = d->text, rest;
	SL_AUTO_BUF skip = { .max = 64 << 10 };

	if (before > text.len)
		before = text.len;
	if (before > 60) { /* a long line is shown around the caret */
		cut = before - 40;
		while (cut < before && (text.p[cut] & 0xc0u) == 0x80)
			cut++;
	}
	text = sl_slice_skip(text, cut);
	sl_buf_printf(b, "%5zu | %s", d->line, cut > 0 ? sl_ui_sym(o, SL_S_MORE) : "");
	for (size_t i = 0; i < text.len; i++) { /* a tab would shift the caret */
		if (text.p[i] != '\t')
			continue;
		sl_ui_name(b, o, (struct sl_slice){ text.p, i }, 100, 0);
		sl_buf_byte(b, ' ');
		text = sl_slice_skip(text, i + 1);
		i = (size_t)-1;
	}
	sl_ui_name(b, o, text, 100, 0);
	cols = escape(&skip, (struct sl_slice){ d->text.p + cut, before - cut },
		      o->is_utf8, SIZE_MAX, &rest);
	cols += cut == 0 ? 0 : o->is_utf8 ? 1 : 3;
	sl_buf_printf(b, "\n      | %*s", (int)(cols < 4096 ? cols : 4096), "");
	sl_ui_col(b, o, SL_C_RED);
	sl_buf_byte(b, '^');
	for (size_t i = 1; i < d->width && i < 60; i++)
		sl_buf_byte(b, '~');
	if (d->hint.len > 0) {
		sl_buf_byte(b, ' ');
		sl_ui_escape(b, d->hint, o->is_utf8);
	}
	sl_ui_col(b, o, SL_C_OFF);
	sl_buf_byte(b, '\n');
}

static void
diag(struct sl_buf *b, const struct sl_ui_opts *o, struct sl_slice path,
     const struct sl_diag *d)
{
	sl_ui_col(b, o, SL_C_BOLD);
	sl_ui_escape(b, d->file.len > 0 ? d->file : path, o->is_utf8);
	if (d->line > 0)
		sl_buf_printf(b, ":%zu:%zu", d->line, d->col > 0 ? d->col : 1);
	sl_ui_col(b, o, SL_C_OFF);
	sl_ui_col(b, o, SL_C_RED);
	sl_buf_str(b, d->is_refusal ? ": not supported: " : ": error: ");
	sl_ui_col(b, o, SL_C_OFF);
	sl_ui_escape(b, d->msg, o->is_utf8);
	if (d->code.len > 0) {
		sl_buf_str(b, " [");
		sl_ui_escape(b, d->code, o->is_utf8);
		sl_buf_byte(b, ']');
	}
	sl_buf_byte(b, '\n');
	if (d->text.len > 0 && d->line > 0) {
		source(b, o, d);
	} else if (d->hint.len > 0) {
		sl_buf_str(b, "      ");
		sl_ui_escape(b, d->hint, o->is_utf8);
		sl_buf_byte(b, '\n');
	}
}

void
sl_ui_diags(struct sl_buf *out, const struct sl_ui_opts *o, const char *path,
	    const struct sl_diags *ds)
{
	bool has_refusal = false;

	for (size_t i = 0; i < ds->n; i++) {
		diag(out, o, sl_slice_str(path), &ds->d[i]);
		has_refusal = has_refusal || ds->d[i].is_refusal;
	}
	sl_ui_count(out, (int64_t)(ds->n + ds->n_more), "error");
	if (ds->n_more > 0)
		sl_buf_printf(out, " (the first %zu are shown)", ds->n);
	sl_buf_printf(out, "; nothing was run%s\n",
		      has_refusal ? " (what is supported: sluice limits)" : "");
}

void
sl_ui_err(struct sl_buf *out, const struct sl_ui_opts *o, const struct sl_err *err,
	  const char *hint)
{
	sl_ui_col(out, o, SL_C_BOLD);
	sl_buf_str(out, "sluice: ");
	sl_ui_col(out, o, SL_C_OFF);
	/* err->msg is printable ASCII already (err.h). */
	sl_buf_printf(out, "%.*s [%s]\n", (int)err->len, err->msg, sl_code_id(err->code));
	for (; hint != NULL && *hint != '\0';) {
		const char *end = strchrnul(hint, '\n');

		sl_buf_str(out, "  ");
		sl_ui_escape(
		    out, (struct sl_slice){ (const uint8_t *)hint, (size_t)(end - hint) },
		    o->is_utf8);
		sl_buf_byte(out, '\n');
		hint = *end != '\0' ? end + 1 : end;
	}
}

int
sl_ui_write(int fd, struct sl_slice s)
{
	while (s.len > 0) {
		ssize_t n = write(fd, s.p, s.len);

		if (n >= 0) {
			s = sl_slice_skip(s, (size_t)n);
		} else if (errno ==
			   EAGAIN) { /* the terminal is shared, and non-blocking */
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			if (poll(&pfd, 1, 10000) <= 0)
				return -EAGAIN;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}
