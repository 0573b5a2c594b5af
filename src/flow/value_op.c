/* value_op.c -- see value.h: coercions and comparison (facts: EvaluationResult.cs and
 * ExpressionUtility.cs of actions/runner). */
#include "flow/expr_case.h"
#include "flow/value.h"

#include <math.h>

enum {
	DIGITS_MAX = 800, /* 768 decide any double; what follows only breaks a tie */
	EXP_MAX = 1 << 29 /* beyond what any number of digits can bring back */
};

bool
sl_val_truthy(const struct sl_value *v)
{
	if (v == NULL)
		return false;
	switch (v->kind) {
	case SL_VAL_NULL:
		return false;
	case SL_VAL_BOOL:
		return v->b;
	case SL_VAL_NUM:
		return !(v->d == 0 || isnan(v->d));
	case SL_VAL_STR:
		return v->s.len > 0;
	case SL_VAL_ARR:
	case SL_VAL_OBJ:
		return true;
	}
	return false;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

struct decimal {
	char text[DIGITS_MAX + 16]; /* significant digits, then "e<exp>" */
	size_t n;
	long exp;
	bool has_digit;
};

/* One digit of the mantissa: leading zeros vanish, digits past DIGITS_MAX leave a trace
 * in the last place, so that strtod rounds as if it saw them. */
static void
put_digit(struct decimal *d, uint8_t c, bool is_fraction)
{
	d->has_digit = true;
	if (d->n == 0 && c == '0') {
		if (is_fraction && d->exp > -EXP_MAX)
			d->exp--;
		return;
	}
	if (d->n < DIGITS_MAX) {
		d->text[d->n++] = (char)c;
		if (is_fraction && d->exp > -EXP_MAX)
			d->exp--;
		return;
	}
	if (c != '0')
		d->text[d->n - 1] = '1';
	if (!is_fraction && d->exp < EXP_MAX)
		d->exp++;
}

/* [eE][+-]?[0-9]+ at i, or nothing; SIZE_MAX for a broken one. */
static size_t
read_exp(struct sl_slice s, size_t i, long *exp)
{
	bool neg = false;
	long e = 0;

	if (i == s.len || (s.p[i] | 0x20) != 'e')
		return i;
	i++;
	if (i < s.len && (s.p[i] == '+' || s.p[i] == '-'))
		neg = s.p[i++] == '-';
	if (i == s.len)
		return SIZE_MAX;
	for (; i < s.len && is_digit(s.p[i]); i++) {
		if (e < 2L * EXP_MAX)
			e = e * 10 + (s.p[i] - '0');
	}
	*exp += neg ? -e : e;
	return i;
}

/* Sign, digits, point, exponent.  The text handed to strtod has no point, hence does
 * not depend on the locale. */
static bool
parse_decimal(struct sl_slice s, double *ret)
{
	struct decimal d = { .n = 0 };
	bool neg = false;
	size_t i = 0;

	if (i < s.len && (s.p[i] == '+' || s.p[i] == '-'))
		neg = s.p[i++] == '-';
	for (; i < s.len && is_digit(s.p[i]); i++)
		put_digit(&d, s.p[i], false);
	if (i < s.len && s.p[i] == '.') {
		for (i++; i < s.len && is_digit(s.p[i]); i++)
			put_digit(&d, s.p[i], true);
	}
	if (!d.has_digit || read_exp(s, i, &d.exp) != s.len)
		return false;
	if (d.n == 0) {
		*ret = neg ? -0.0 : 0.0;
		return true;
	}
	(void)snprintf(d.text + d.n, sizeof(d.text) - d.n, "e%ld", d.exp);
	*ret = strtod(d.text, NULL);
	if (neg)
		*ret = -*ret;
	return true;
}

/* 0x and 0o: 32 bits, of which the first is the sign. */
static bool
parse_radix(struct sl_slice s, double *ret)
{
	unsigned bits = s.len > 2 && s.p[1] == 'x' ? 4 : 3;
	uint64_t v = 0;

	if (s.len < 3 || s.p[0] != '0' || (s.p[1] != 'x' && s.p[1] != 'o'))
		return false;
	for (size_t i = 2; i < s.len; i++) {
		uint8_t c = s.p[i], l = c | 0x20;
		unsigned digit = 99;

		if (is_digit(c))
			digit = (unsigned)(c - '0');
		else if (l >= 'a' && l <= 'f')
			digit = (unsigned)(l - 'a') + 10;

		if (digit >= 1u << bits || (v = v << bits | digit) > UINT32_MAX)
			return false;
	}
	*ret = (double)(int32_t)(uint32_t)v;
	return true;
}

double
sl_val_parse_number(struct sl_slice s)
{
	double d;

	s = sl_case_trim(s);
	if (s.len == 0)
		return 0;
	if (parse_decimal(s, &d) || parse_radix(s, &d))
		return d;
	/* .NET's own parser takes the words in any case, and a plus. */
	if (sl_val_caseeq(s, SL_LIT("Infinity")) || sl_val_caseeq(s, SL_LIT("+Infinity")))
		return (double)INFINITY;
	if (sl_val_caseeq(s, SL_LIT("-Infinity")))
		return -(double)INFINITY;
	return (double)NAN;
}

double
sl_val_number(const struct sl_value *v)
{
	if (v == NULL)
		return 0;
	switch (v->kind) {
	case SL_VAL_NULL:
		return 0;
	case SL_VAL_BOOL:
		return v->b ? 1 : 0;
	case SL_VAL_NUM:
		return v->d;
	case SL_VAL_STR:
		return sl_val_parse_number(v->s);
	case SL_VAL_ARR:
	case SL_VAL_OBJ:
		break;
	}
	return (double)NAN;
}

size_t
sl_val_format_number(char out[SL_NUM_TEXT], double d)
{
	size_t n;

	if (isnan(d) || isinf(d)) {
		n = (size_t)snprintf(out, SL_NUM_TEXT, "%s",
				     isnan(d) ? "NaN"
				     : d > 0  ? "Infinity"
					      : "-Infinity");
		return n;
	}
	n = (size_t)snprintf(out, SL_NUM_TEXT, "%.15g", d == 0 ? 0.0 : d); /* no -0 */
	for (size_t i = 0; i < n; i++) {
		if (out[i] == 'e')
			out[i] = 'E';
		else if (out[i] == ',')
			out[i] = '.';
	}
	return n;
}

struct sl_slice
sl_val_string(struct sl_arena *a, const struct sl_value *v)
{
	char text[SL_NUM_TEXT];
	size_t n;

	if (v == NULL)
		return SL_LIT("");
	switch (v->kind) {
	case SL_VAL_NULL:
		break;
	case SL_VAL_BOOL:
		return v->b ? SL_LIT("true") : SL_LIT("false");
	case SL_VAL_NUM:
		n = sl_val_format_number(text, v->d);
		return sl_arena_dup(a, (struct sl_slice){ (const uint8_t *)text, n });
	case SL_VAL_STR:
		return v->s.p != NULL ? v->s : SL_LIT("");
	case SL_VAL_ARR:
		return SL_LIT("Array");
	case SL_VAL_OBJ:
		return SL_LIT("Object");
	}
	return SL_LIT("");
}

struct pair {
	enum sl_value_kind kind;
	const struct sl_value *x, *y;
	double dx, dy; /* NUM */
};

static enum sl_value_kind
kind_of(const struct sl_value *v)
{
	return v == NULL ? SL_VAL_NULL : v->kind;
}

/* Brings both to one kind; false when they cannot meet.  Null and booleans become
 * numbers, a string becomes a number beside a number; nothing becomes a string. */
static bool
coerce(struct pair *p, const struct sl_value *x, const struct sl_value *y)
{
	enum sl_value_kind k = kind_of(x), l = kind_of(y);

	*p = (struct pair){ .kind = k, .x = x, .y = y };
	if (k == l) {
		if (k == SL_VAL_NUM) {
			p->dx = x->d;
			p->dy = y->d;
		}
		return true;
	}
	if (!sl_val_is_primitive(x) || !sl_val_is_primitive(y))
		return false;
	p->kind = SL_VAL_NUM;
	p->dx = sl_val_number(x);
	p->dy = sl_val_number(y);
	return true;
}

bool
sl_val_eq(const struct sl_value *x, const struct sl_value *y)
{
	struct pair p;

	if (!coerce(&p, x, y))
		return false;
	switch (p.kind) {
	case SL_VAL_NULL:
		return true;
	case SL_VAL_BOOL:
		return x->b == y->b;
	case SL_VAL_NUM:
		return p.dx == p.dy;
	case SL_VAL_STR:
		return sl_val_caseeq(x->s, y->s);
	case SL_VAL_ARR:
	case SL_VAL_OBJ:
		return x == y;
	}
	return false;
}

bool
sl_val_gt(const struct sl_value *x, const struct sl_value *y)
{
	struct pair p;

	if (!coerce(&p, x, y))
		return false;
	switch (p.kind) {
	case SL_VAL_BOOL:
		return x->b && !y->b;
	case SL_VAL_NUM:
		return p.dx > p.dy;
	case SL_VAL_STR:
		return sl_val_casecmp(x->s, y->s) > 0;
	case SL_VAL_NULL:
	case SL_VAL_ARR:
	case SL_VAL_OBJ:
		break;
	}
	return false;
}

bool
sl_val_lt(const struct sl_value *x, const struct sl_value *y)
{
	return sl_val_gt(y, x);
}
