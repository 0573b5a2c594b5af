/* output.c -- see output.h. */
#include "run/output.h"

#include "codec/utf8.h"
#include "crypto/ed25519.h"

#include <stdlib.h>

enum { MASK_MEMORY = 4 << 20, ENC_MAX = 4 * SL_MASK_MAX + 16 };

void
sl_masks_init(struct sl_masks *m)
{
	*m = (struct sl_masks){ 0 };
	sl_arena_init(&m->a, MASK_MEMORY);
}

void
sl_masks_done(struct sl_masks *m)
{
	for (size_t i = 0; i < m->n; i++)
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): add_one copied them */
		sl_wipe((void *)(uintptr_t)m->m[i].p, m->m[i].len);
	free(m->m);
	sl_arena_free(&m->a);
	*m = (struct sl_masks){ 0 };
}

static int
add_one(struct sl_masks *m, struct sl_slice s, struct sl_err *err)
{
	size_t i = 0;

	if (s.len > SL_MASK_MAX)
		s.len = SL_MASK_MAX;
	if (s.len < 2)
		return 0;
	while (i < m->n && m->m[i].len > s.len)
		i++;
	for (size_t k = i; k < m->n && m->m[k].len == s.len; k++)
		if (sl_slice_eq(m->m[k], s))
			return 0;
	if (m->n == SL_MASKS_MAX)
		return SL_ERR(err, LIMIT, "more than %d masks", SL_MASKS_MAX);
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 32;
		struct sl_slice *p = reallocarray(m->m, cap, sizeof(*p));

		if (p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for masks");
		m->m = p;
		m->cap = cap;
	}
	if ((s = sl_arena_dup(&m->a, s)).p == NULL)
		return SL_ERR(err, NOMEM, "out of memory for masks");
	memmove(m->m + i + 1, m->m + i, (m->n - i) * sizeof(*m->m));
	m->m[i] = s;
	m->n++;
	if (s.len > m->longest)
		m->longest = s.len;
	return 0;
}

/* The base64 characters that depend on nothing but s when skip bytes come before it. */
static void
base64_core(struct sl_slice s, size_t skip, struct sl_buf *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t total = (skip + s.len) * 8; /* bits */

	for (size_t d = 0; (d + 1) * 6 <= total; d++) {
		unsigned v = 0;

		if (d * 6 < skip * 8) /* shares bits with what comes before */
			continue;
		for (size_t k = 0; k < 6; k++) {
			size_t bit = d * 6 + k - skip * 8;

			v = v << 1 | (s.p[bit / 8] >> (7 - bit % 8) & 1);
		}
		sl_buf_byte(out, (uint8_t)digits[v]);
	}
}

static void
url_escape(struct sl_slice s, struct sl_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || (c != 0 && strchr("-_.~", c) != NULL))
			sl_buf_byte(out, c);
		else
			sl_buf_printf(out, "%%%02X", c);
	}
}

static void
json_escape(struct sl_slice s, struct sl_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (c == '"' || c == '\\')
			sl_buf_byte(out, '\\');
		if (c == '\n' || c == '\t' || c == '\r')
			sl_buf_printf(out, "\\%c",
				      c == '\n'   ? 'n'
				      : c == '\t' ? 't'
						  : 'r');
		else if (c < 0x20)
			sl_buf_printf(out, "\\u%04x", c);
		else
			sl_buf_byte(out, c);
	}
}

static int
add_encodings(struct sl_masks *m, struct sl_slice s, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = ENC_MAX };
	int r = 0;

	if (s.len > SL_MASK_MAX)
		s.len = SL_MASK_MAX;
	for (size_t skip = 0; skip < 3 && r == 0; skip++) {
		sl_buf_clear(&out);
		base64_core(s, skip, &out);
		if (out.len >= 4)
			r = add_one(m, sl_buf_get(&out), err);
	}
	sl_buf_clear(&out);
	url_escape(s, &out);
	if (r == 0)
		r = add_one(m, sl_buf_get(&out), err);
	sl_buf_clear(&out);
	json_escape(s, &out);
	if (r == 0)
		r = add_one(m, sl_buf_get(&out), err);
	if (r == 0 && out.is_failed)
		r = SL_ERR(err, NOMEM, "out of memory for masks");
	if (out.p != NULL)
		sl_wipe(out.p, out.cap);
	return r;
}

int
sl_masks_add(struct sl_masks *m, struct sl_slice secret, bool with_encodings,
	     struct sl_err *err)
{
	int r;

	if (with_encodings && secret.len >= 2 && (r = add_encodings(m, secret, err)) < 0)
		return r;
	while (secret.len > 0) {
		struct sl_slice line = sl_slice_upto(secret, '\n');

		secret = sl_slice_skip(secret, line.len + 1);
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		if ((r = add_one(m, line, err)) < 0)
			return r;
	}
	return 0;
}

/* The first mask, longest first, that stands at s. */
static size_t
match(const struct sl_masks *m, struct sl_slice s)
{
	for (size_t i = 0; i < m->n; i++)
		if (sl_slice_starts(s, m->m[i]))
			return m->m[i].len;
	return 0;
}

void
sl_masks_apply(const struct sl_masks *m, struct sl_slice s, struct sl_buf *out)
{
	size_t plain = 0;

	if (m == NULL || m->n == 0) {
		sl_buf_slice(out, s);
		return;
	}
	while (plain < s.len) {
		size_t n = match(m, sl_slice_skip(s, plain));

		if (n == 0) {
			plain++;
			continue;
		}
		sl_buf_put(out, s.p, plain);
		sl_buf_str(out, "***");
		s = sl_slice_skip(s, plain + n);
		plain = 0;
	}
	sl_buf_slice(out, s);
}

void
sl_output_init(struct sl_output *o, const struct sl_masks *masks,
	       int (*line)(void *, int, struct sl_slice, bool), void *arg)
{
	*o = (struct sl_output){ .masks = masks, .line = line, .arg = arg };
	for (int i = 0; i < 2; i++)
		sl_buf_init(&o->part[i], 2 * SL_LINE_MAX + SL_MASK_MAX);
}

void
sl_output_done(struct sl_output *o)
{
	for (int i = 0; i < 2; i++)
		sl_buf_done(&o->part[i]);
}

static void
hand_on(struct sl_output *o, int stream, struct sl_slice text, bool is_partial)
{
	int r = o->failed < 0 ? 0 : o->line(o->arg, stream, text, is_partial);

	if (r < 0 && o->failed == 0)
		o->failed = r;
	if (!is_partial)
		o->n_lines++;
}

/* Where a line that is too long may be cut: before any mask that would be split. */
static size_t
cut_at(const struct sl_masks *m, struct sl_slice s)
{
	size_t at = 0, longest = m != NULL && m->longest > 0 ? m->longest : 1;
	size_t limit = s.len - (longest - 1);

	if (limit > SL_LINE_MAX)
		limit = SL_LINE_MAX;
	while (at < limit) {
		size_t n = m != NULL ? match(m, sl_slice_skip(s, at)) : 0;

		if (n == 0)
			at++;
		else if (at + n > limit && at > 0)
			return at;
		else
			at += n;
	}
	/* Not within a character: each half would be shown as what is no UTF-8. */
	for (int k = 0; k < 3 && at > 1 && at < s.len && (s.p[at] & 0xc0) == 0x80; k++)
		at--;
	return at > s.len ? s.len : at;
}

static void
feed_part(struct sl_output *o, int i, struct sl_slice s)
{
	struct sl_buf *b = &o->part[i];

	sl_buf_slice(b, s);
	if (b->is_failed && o->failed == 0)
		o->failed = SL_E(NOMEM);
	while (b->len > SL_LINE_MAX + SL_MASK_MAX) {
		size_t n = cut_at(o->masks, sl_buf_get(b));

		hand_on(o, i + 1, (struct sl_slice){ b->p, n }, true);
		memmove(b->p, b->p + n, b->len - n);
		b->len -= n;
		o->is_part_cut[i] = true;
	}
}

void
sl_output_feed(struct sl_output *o, int stream, struct sl_slice bytes)
{
	int i = stream == 2;

	while (bytes.len > 0) {
		const uint8_t *nl = memchr(bytes.p, '\n', bytes.len);
		size_t n = nl != NULL ? (size_t)(nl - bytes.p) : bytes.len;
		struct sl_slice line = { bytes.p, n < SL_LINE_MAX ? n : SL_LINE_MAX };

		if (nl != NULL && o->part[i].len == 0 && n <= SL_LINE_MAX) {
			hand_on(o, stream, line, false);
			bytes = sl_slice_skip(bytes, n + 1);
			continue;
		}
		feed_part(o, i, line);
		bytes = sl_slice_skip(bytes, line.len);
		if (nl == NULL || line.len < n)
			continue;
		hand_on(o, stream, sl_buf_get(&o->part[i]), false);
		sl_buf_clear(&o->part[i]);
		o->is_part_cut[i] = false;
		bytes = sl_slice_skip(bytes, 1);
	}
}

void
sl_output_flush(struct sl_output *o)
{
	for (int i = 0; i < 2; i++) {
		if (o->part[i].len > 0)
			hand_on(o, i + 1, sl_buf_get(&o->part[i]), false);
		sl_buf_clear(&o->part[i]);
		o->is_part_cut[i] = false;
	}
}

void
sl_output_utf8(struct sl_slice s, struct sl_buf *out)
{
	while (s.len > 0) {
		size_t n = sl_utf8_len(s);

		if (n == 0) {
			sl_buf_str(out, "\xef\xbf\xbd");
			n = 1;
		} else {
			sl_buf_put(out, s.p, n);
		}
		s = sl_slice_skip(s, n);
	}
}
