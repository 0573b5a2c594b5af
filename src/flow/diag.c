/* diag.c -- see diag.h. */
#include "flow/diag.h"

#include <stdarg.h>
#include <stdio.h>

/* The line that a diagnostic points at, at most 400 bytes of it. */
static struct sl_slice
source_line(struct sl_slice src, size_t line)
{
	struct sl_slice s;

	if (line == 0)
		return (struct sl_slice){ 0 };
	for (size_t n = 1; n < line; n++) {
		s = sl_slice_upto(src, '\n');
		if (s.len == src.len)
			return (struct sl_slice){ 0 };
		src = sl_slice_skip(src, s.len + 1);
	}
	s = sl_slice_upto(src, '\n');
	if (s.len > 0 && s.p[s.len - 1] == '\r')
		s.len--;
	if (s.len > 400)
		s.len = 400;
	return s;
}

static void
put(struct sl_diag_list *l, struct sl_yaml_at at, const char *code, const char *hint,
    struct sl_slice msg)
{
	struct sl_diag *d;

	if (code != NULL)
		l->n_refusals++;
	else
		l->n_errors++;
	if (l->n == SL_DIAG_KEPT) {
		l->n_more++;
		return;
	}
	if (msg.len > SL_DIAG_TEXT)
		msg.len = SL_DIAG_TEXT;
	d = &l->d[l->n];
	*d = (struct sl_diag){ .line = at.line,
			       .col = at.col,
			       .is_refusal = code != NULL,
			       .width = at.width > 400 ? 400
					: at.width > 0 ? at.width
						       : 1 };
	d->file = sl_arena_dup(l->a, l->file);
	d->code = sl_slice_str(code != NULL ? code : "");
	d->msg = sl_arena_dup(l->a, msg);
	d->hint = sl_arena_dup(l->a, sl_slice_str(hint != NULL ? hint : ""));
	d->text = sl_arena_dup(l->a, source_line(l->src, at.line));
	if (d->file.p == NULL || d->msg.p == NULL || d->hint.p == NULL ||
	    d->text.p == NULL)
		l->is_failed = true;
	else
		l->n++;
}

void
sl_diag_put(struct sl_diag_list *l, struct sl_yaml_at at, const char *code,
	    const char *hint, const char *fmt, ...)
{
	char msg[SL_DIAG_TEXT + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	put(l, at, code, hint,
	    (struct sl_slice){ (const uint8_t *)msg, n < 0              ? 0
						     : n > SL_DIAG_TEXT ? SL_DIAG_TEXT
									: (size_t)n });
}

void
sl_diag_err(struct sl_diag_list *l, struct sl_yaml_at at, const struct sl_err *err)
{
	put(l, at, NULL, NULL, (struct sl_slice){ (const uint8_t *)err->msg, err->len });
}

void
sl_diag_text(struct sl_diag_list *l, struct sl_yaml_at at, struct sl_slice msg)
{
	put(l, at, NULL, NULL, msg);
}

static int
compare(const void *x, const void *y)
{
	const struct sl_diag *a = x, *b = y;
	size_t n = a->file.len < b->file.len ? a->file.len : b->file.len;
	int r = n > 0 ? memcmp(a->file.p, b->file.p, n) : 0;

	if (r != 0)
		return r;
	if (a->file.len != b->file.len)
		return a->file.len < b->file.len ? -1 : 1;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->col != b->col)
		return a->col < b->col ? -1 : 1;
	return (int)a->is_refusal - (int)b->is_refusal;
}

int
sl_diag_close(struct sl_diag_list *l, struct sl_arena *a, struct sl_diags *ret,
	      struct sl_err *err)
{
	size_t n = l->n < SL_DIAG_SHOWN ? l->n : SL_DIAG_SHOWN;
	struct sl_diag *d = SL_NEW_N(a, struct sl_diag, n + 1);

	if (d == NULL || l->is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	/* insertion sort: stable, and there are few */
	for (size_t i = 1; i < l->n; i++) {
		struct sl_diag x = l->d[i];
		size_t k = i;

		for (; k > 0 && compare(&l->d[k - 1], &x) > 0; k--)
			l->d[k] = l->d[k - 1];
		l->d[k] = x;
	}
	for (size_t i = 0; i < n; i++) {
		d[i] = l->d[i];
		d[i].file = sl_arena_dup(a, d[i].file);
		d[i].msg = sl_arena_dup(a, d[i].msg);
		d[i].hint = sl_arena_dup(a, d[i].hint);
		d[i].text = sl_arena_dup(a, d[i].text);
		if (d[i].file.p == NULL || d[i].msg.p == NULL || d[i].hint.p == NULL ||
		    d[i].text.p == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	*ret = (struct sl_diags){ d, n, l->n - n + l->n_more };
	return 0;
}
