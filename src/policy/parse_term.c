/* parse_term.c -- ground terms.  See parse.h. */
#include "policy/parse.h"

static bool
escape(struct sl_pp *s, uint8_t *out, size_t *n)
{
	uint8_t c = sl_pp_peek(s, 1);
	uint32_t cp = 0;
	size_t k = 3;

	if (c == '"' || c == '\\' || c == 'n') {
		out[(*n)++] = c == 'n' ? '\n' : c;
		s->at += 2;
		return true;
	}
	if (c != 'u' || sl_pp_peek(s, 2) != '{')
		return sl_pp_fail(
		    s, SL_E(FORMAT),
		    "unknown escape; there are \\n, \\\", \\\\ and \\u{HEX}");
	for (; k < 9 && sl_pp_hex_val(sl_pp_peek(s, k)) >= 0; k++)
		cp = cp << 4 | (uint32_t)sl_pp_hex_val(sl_pp_peek(s, k));
	if (k == 3 || sl_pp_peek(s, k) != '}' || cp > 0x10ffff || cp - 0xd800U < 0x800)
		return sl_pp_fail(s, SL_E(FORMAT), "bad \\u{HEX} escape");
	if (cp < 0x80) {
		out[(*n)++] = (uint8_t)cp;
	} else { /* never longer than the escape itself */
		static const uint8_t lead[] = { 0, 0xc0, 0xe0, 0xf0 };
		unsigned more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;

		out[(*n)++] = (uint8_t)(lead[more] | cp >> (6 * more));
		while (more-- > 0)
			out[(*n)++] = (uint8_t)(0x80 | (cp >> (6 * more) & 0x3f));
	}
	s->at += k + 1;
	return true;
}

static bool
string(struct sl_pp *s, struct sl_term *ret)
{
	size_t len = 1, n = 0;
	uint8_t *out;

	for (; s->at + len < s->src.len && sl_pp_peek(s, len) != '"'; len++)
		if (sl_pp_peek(s, len) == '\\')
			len++;
	if (s->at + len >= s->src.len)
		return sl_pp_fail(s, SL_E(FORMAT), "string is not closed");
	if ((out = SL_NEW_N(s->a, uint8_t, len)) == NULL)
		return sl_pp_nomem(s);
	for (s->at++; s->src.p[s->at] != '"';) {
		if (s->src.p[s->at] == '\\') {
			if (!escape(s, out, &n))
				return false;
			continue;
		}
		if (s->src.p[s->at] == '\n')
			sl_pp_newline(s);
		out[n++] = s->src.p[s->at++];
	}
	s->at++;
	*ret = sl_term_str((struct sl_slice){ out, n });
	return true;
}

/* n decimal digits at offset *k; false if there are fewer. */
static bool
digits(const struct sl_pp *s, size_t *k, size_t n, int64_t *ret)
{
	*ret = 0;
	for (size_t end = *k + n; *k < end; (*k)++) {
		if (!sl_pp_is_digit(sl_pp_peek(s, *k)))
			return false;
		*ret = *ret * 10 + (sl_pp_peek(s, *k) - '0');
	}
	return true;
}

static bool
literal(const struct sl_pp *s, size_t *k, char c)
{
	return sl_pp_peek(s, (*k)++) == (uint8_t)c;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar. */
static int64_t
days(int64_t y, int64_t m, int64_t d)
{
	y -= m <= 2;
	m += m <= 2 ? 9 : -3; /* March is month 0 */
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 1 - 719468;
}

static int64_t
month_len(int64_t y, int64_t m)
{
	return days(m == 12 ? y + 1 : y, m == 12 ? 1 : m + 1, 1) - days(y, m, 1);
}

/* RFC 3339 date-time; the fraction is dropped, the offset applied. */
static bool
date(struct sl_pp *s, struct sl_term *ret)
{
	int64_t y, mo, d, h, mi, sec, oh = 0, om = 0, at;
	size_t k = 0;
	bool ok;
	uint8_t c;

	ok = digits(s, &k, 4, &y) && literal(s, &k, '-') && digits(s, &k, 2, &mo) &&
	     literal(s, &k, '-') && digits(s, &k, 2, &d) &&
	     (sl_pp_peek(s, k++) | 0x20) == 't' && digits(s, &k, 2, &h) &&
	     literal(s, &k, ':') && digits(s, &k, 2, &mi) && literal(s, &k, ':') &&
	     digits(s, &k, 2, &sec);
	if (ok && sl_pp_peek(s, k) == '.') {
		ok = sl_pp_is_digit(sl_pp_peek(s, k + 1));
		for (k++; sl_pp_is_digit(sl_pp_peek(s, k));)
			k++;
	}
	c = sl_pp_peek(s, k++);
	if (ok && (c == '+' || c == '-'))
		ok = digits(s, &k, 2, &oh) && literal(s, &k, ':') &&
		     digits(s, &k, 2, &om) && oh < 24 && om < 60;
	else
		ok = ok && (c | 0x20) == 'z';
	if (!ok || sl_pp_is_name(sl_pp_peek(s, k)) || mo < 1 || mo > 12 || d < 1 ||
	    d > month_len(y, mo) || h > 23 || mi > 59 || sec > 59)
		return sl_pp_fail(
		    s, SL_E(FORMAT),
		    "bad date; write it as 2026-01-31T23:59:59Z (RFC 3339)");
	at = days(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec +
	     (c == '+' ? -1 : 1) * (oh * 3600 + om * 60);
	if (at < 0)
		return sl_pp_fail(s, SL_E(FORMAT), "a date before 1970");
	s->at += k;
	*ret = sl_term_date(at);
	return true;
}

static bool
integer(struct sl_pp *s, struct sl_term *ret)
{
	bool neg = sl_pp_peek(s, 0) == '-';
	size_t k = neg;
	int64_t v = 0;

	for (; sl_pp_is_digit(sl_pp_peek(s, k)); k++) {
		int digit = sl_pp_peek(s, k) - '0';

		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, digit, &v))
			return sl_pp_fail(s, SL_E(FORMAT),
					  "integer does not fit 64 bits");
	}
	if (!neg && __builtin_mul_overflow(v, -1, &v))
		return sl_pp_fail(s, SL_E(FORMAT), "integer does not fit 64 bits");
	if (sl_pp_is_name(sl_pp_peek(s, k)) && sl_pp_peek(s, k) != ':')
		return sl_pp_fail(s, SL_E(FORMAT), "letters in an integer");
	s->at += k;
	*ret = sl_term_int(v);
	return true;
}

static bool
bytes(struct sl_pp *s, struct sl_term *ret)
{
	size_t n = 0;
	uint8_t *out;

	while (sl_pp_hex_val(sl_pp_peek(s, 4 + n)) >= 0)
		n++;
	if (n % 2 != 0 || sl_pp_is_name(sl_pp_peek(s, 4 + n)))
		return sl_pp_fail(s, SL_E(FORMAT),
				  "bytes need an even number of hex digits");
	if ((out = SL_NEW_N(s->a, uint8_t, n / 2 + 1)) == NULL)
		return sl_pp_nomem(s);
	for (size_t k = 0; k < n / 2; k++)
		out[k] =
		    (uint8_t)((unsigned)sl_pp_hex_val(sl_pp_peek(s, 4 + 2 * k)) << 4 |
			      (unsigned)sl_pp_hex_val(sl_pp_peek(s, 5 + 2 * k)));
	s->at += 4 + n;
	*ret = sl_term_bytes((struct sl_slice){ out, n / 2 });
	return true;
}

/* Members of one collection while they are read; doubles in the arena. */
struct items {
	struct sl_term *v;
	size_t n, cap;
};

static bool
push(struct sl_pp *s, struct items *it, const struct sl_term *t)
{
	if (it->n == it->cap) {
		size_t cap = it->cap > 0 ? 2 * it->cap : 4;
		struct sl_term *v = SL_NEW_N(s->a, struct sl_term, cap);

		if (v == NULL)
			return sl_pp_nomem(s);
		if (it->n > 0)
			memcpy(v, it->v, it->n * sizeof(*v));
		it->v = v;
		it->cap = cap;
	}
	it->v[it->n++] = *t;
	return true;
}

static bool
array(struct sl_pp *s, unsigned depth, struct sl_term *ret)
{
	struct items it = { 0 };
	struct sl_term t = { 0 };

	s->at++;
	if (!sl_pp_take(s, "]")) {
		do {
			if (!sl_pp_space(s) || !sl_pp_term(s, depth + 1, &t) ||
			    !push(s, &it, &t))
				return false;
		} while (sl_pp_take(s, ","));
		if (!sl_pp_want(s, "]"))
			return false;
	}
	*ret = (struct sl_term){ .kind = SL_TERM_ARRAY, .items = it.v, .n = it.n };
	return true;
}

static bool
member(struct sl_pp *s, unsigned depth, struct sl_term *ret, struct items *it)
{
	struct sl_term t = { 0 };
	uint32_t line, col;

	if (!sl_pp_space(s))
		return false;
	line = s->line;
	col = sl_pp_col(s);
	if (!sl_pp_term(s, depth + 1, &t) || !push(s, it, &t))
		return false;
	if (it->n == 1)
		ret->kind = sl_pp_take(s, ":") ? SL_TERM_MAP : SL_TERM_SET;
	else if (ret->kind == SL_TERM_MAP && !sl_pp_want(s, ":"))
		return false;
	if (ret->kind == SL_TERM_MAP) {
		if (t.kind != SL_TERM_INT && t.kind != SL_TERM_STR)
			return sl_pp_fail_at(s, line, col, SL_E(FORMAT),
					     "a key of a map is a string or an integer");
		return sl_pp_space(s) && sl_pp_term(s, depth + 1, &t) && push(s, it, &t);
	}
	if (t.kind >= SL_TERM_SET)
		return sl_pp_fail_at(s, line, col, SL_E(FORMAT),
				     "a set may not hold a %s",
				     sl_term_kind_name(t.kind));
	if (t.kind != it->v[0].kind)
		return sl_pp_fail_at(
		    s, line, col, SL_E(FORMAT), "a set holds one type: %s, not %s",
		    sl_term_kind_name(it->v[0].kind), sl_term_kind_name(t.kind));
	return true;
}

static bool
braces(struct sl_pp *s, unsigned depth, struct sl_term *ret)
{
	uint32_t line = s->line, col = sl_pp_col(s);
	struct items it = { 0 };

	s->at++;
	*ret = (struct sl_term){ .kind = SL_TERM_MAP };
	if (sl_pp_take(s, "}"))
		return true;
	if (sl_pp_take(s, ",")) {
		ret->kind = SL_TERM_SET;
		return sl_pp_want(s, "}");
	}
	do {
		if (!member(s, depth, ret, &it))
			return false;
	} while (sl_pp_take(s, ","));
	if (!sl_pp_want(s, "}"))
		return false;
	ret->n = it.n;
	if (!sl_term_canon(ret, it.v))
		return sl_pp_fail_at(s, line, col, SL_E(FORMAT), "a key twice in a map");
	return true;
}

static bool
word_term(struct sl_pp *s, struct sl_term *ret)
{
	struct sl_slice w = sl_pp_word(s);

	if (sl_slice_starts(w, SL_LIT("hex:")))
		return bytes(s, ret);
	if (w.len > 1 && w.p[w.len - 1] == ':')
		w.len--; /* behind a key: the caller says that it may not be one */
	if (sl_slice_eq(w, SL_LIT("true")) || sl_slice_eq(w, SL_LIT("false")))
		*ret = sl_term_bool(w.len == 4);
	else if (sl_slice_eq(w, SL_LIT("null")))
		*ret = (struct sl_term){ .kind = SL_TERM_NULL };
	else
		return sl_pp_fail(s, SL_E(FORMAT), "expected a term before '%.*s'",
				  SL_ARG(sl_pp_shown(s)));
	s->at += w.len;
	return true;
}

bool
sl_pp_term(struct sl_pp *s, unsigned depth, struct sl_term *ret)
{
	uint8_t c = sl_pp_peek(s, 0);

	if (!sl_pp_count(s))
		return false;
	if (depth > s->lim->max_depth)
		return sl_pp_fail(s, SL_E(LIMIT), "terms nest deeper than %zu",
				  s->lim->max_depth);
	if (c == '"')
		return string(s, ret);
	if (c == '{')
		return braces(s, depth, ret);
	if (c == '[')
		return array(s, depth, ret);
	if (sl_pp_is_digit(c) && sl_pp_is_digit(sl_pp_peek(s, 1)) &&
	    sl_pp_is_digit(sl_pp_peek(s, 2)) && sl_pp_is_digit(sl_pp_peek(s, 3)) &&
	    sl_pp_peek(s, 4) == '-' && sl_pp_is_digit(sl_pp_peek(s, 5)) &&
	    sl_pp_is_digit(sl_pp_peek(s, 6)) && sl_pp_peek(s, 7) == '-')
		return date(s, ret);
	if (sl_pp_is_digit(c) || (c == '-' && sl_pp_is_digit(sl_pp_peek(s, 1))))
		return integer(s, ret);
	if (c == '$')
		return sl_pp_fail(s, SL_E(FORMAT), "a variable may not stand here");
	return word_term(s, ret);
}
