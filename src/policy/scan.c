/* scan.c -- places, blanks, words and variables.  See parse.h. */
#include "policy/parse.h"

#include <stdarg.h>

static bool fail_va(struct sl_pp *s, uint32_t line, uint32_t col, int code,
		    const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

static bool
fail_va(struct sl_pp *s, uint32_t line, uint32_t col, int code, const char *fmt,
	va_list ap)
{
	char msg[400];

	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	sl_pdiag(s->d, code, false, line, col, "%s", msg);
	return false;
}

bool
sl_pp_fail(struct sl_pp *s, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fail_va(s, s->line, sl_pp_col(s), code, fmt, ap);
	va_end(ap);
	return false;
}

bool
sl_pp_fail_at(struct sl_pp *s, uint32_t line, uint32_t col, int code, const char *fmt,
	      ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fail_va(s, line, col, code, fmt, ap);
	va_end(ap);
	return false;
}

bool
sl_pp_nomem(struct sl_pp *s)
{
	s->d->is_nomem = true;
	return false;
}

bool
sl_pp_count(struct sl_pp *s)
{
	if (++s->n_nodes > s->lim->max_items)
		return sl_pp_fail(s, SL_E(LIMIT), "more than %zu terms and operators",
				  s->lim->max_items);
	return true;
}

void
sl_pp_newline(struct sl_pp *s)
{
	s->line++;
	s->line_start = s->at + 1;
}

static bool
skip_block_comment(struct sl_pp *s)
{
	uint32_t line = s->line, col = sl_pp_col(s);

	for (s->at += 2; s->at < s->src.len; s->at++) {
		if (sl_pp_is(s, "*/")) {
			s->at += 2;
			return true;
		}
		if (s->src.p[s->at] == '\n')
			sl_pp_newline(s);
	}
	return sl_pp_fail_at(s, line, col, SL_E(FORMAT), "comment is not closed");
}

bool
sl_pp_space(struct sl_pp *s)
{
	while (s->at < s->src.len) {
		uint8_t c = s->src.p[s->at];

		if (sl_pp_is(s, "//")) {
			while (s->at < s->src.len && s->src.p[s->at] != '\n')
				s->at++;
		} else if (sl_pp_is(s, "/*")) {
			if (!skip_block_comment(s))
				return false;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			if (c == '\n')
				sl_pp_newline(s);
			s->at++;
		} else {
			break;
		}
	}
	return true;
}

bool
sl_pp_is(const struct sl_pp *s, const char *lit)
{
	size_t n = strlen(lit);

	return n <= s->src.len - s->at && memcmp(s->src.p + s->at, lit, n) == 0;
}

bool
sl_pp_take(struct sl_pp *s, const char *lit)
{
	if (!sl_pp_space(s) || !sl_pp_is(s, lit))
		return false;
	s->at += strlen(lit);
	return true;
}

struct sl_slice
sl_pp_shown(const struct sl_pp *s)
{
	size_t n = 0;

	if (s->at == s->src.len)
		return SL_LIT("end of text");
	while (n < 20 && sl_pp_is_name(sl_pp_peek(s, n)))
		n++;
	return (struct sl_slice){ s->src.p + s->at, n > 0 ? n : 1 };
}

bool
sl_pp_want(struct sl_pp *s, const char *lit)
{
	size_t n = s->d->n;

	if (sl_pp_take(s, lit))
		return true;
	if (s->d->n == n) /* else a comment was not closed, and that was said */
		sl_pp_fail(s, SL_E(FORMAT), "expected '%s' before '%.*s'", lit,
			   SL_ARG(sl_pp_shown(s)));
	return false;
}

struct sl_slice
sl_pp_word(const struct sl_pp *s)
{
	size_t n = 0;

	if (sl_pp_is_alpha(sl_pp_peek(s, 0)))
		while (sl_pp_is_name(sl_pp_peek(s, n)))
			n++;
	return (struct sl_slice){ s->src.p + s->at, n };
}

bool
sl_pp_is_word(const struct sl_pp *s, const char *kw)
{
	struct sl_slice w = sl_pp_word(s);

	if (w.len != strlen(kw))
		return false;
	for (size_t k = 0; k < w.len; k++)
		if ((w.p[k] | 0x20) != kw[k])
			return false;
	return true;
}

bool
sl_pp_var(struct sl_pp *s, uint32_t *ret_var)
{
	struct sl_slice name = { s->src.p + s->at + 1, 0 };

	while (sl_pp_is_name(sl_pp_peek(s, name.len + 1)))
		name.len++;
	if (name.len == 0)
		return sl_pp_fail(s, SL_E(FORMAT), "expected a variable name after '$'");
	for (uint32_t k = s->n_vars; k-- > 0;) {
		uint64_t bit = UINT64_C(1) << k;

		if (sl_slice_eq(s->vars[k], name) &&
		    ((s->params & bit) == 0 || (s->open & bit) != 0)) {
			s->at += name.len + 1;
			*ret_var = k;
			return true;
		}
	}
	if (s->n_vars == SL_PVARS_MAX)
		return sl_pp_fail(s, SL_E(LIMIT), "more than %d variables", SL_PVARS_MAX);
	s->at += name.len + 1;
	s->vars[s->n_vars] = name;
	*ret_var = s->n_vars++;
	return true;
}
