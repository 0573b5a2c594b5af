/* test_output.c -- run/output: lines, masks, what is not UTF-8. */
#include "t.h"

#include "run/output.h"

#include <stdlib.h>

struct seen {
	struct sl_buf text; /* "S:line|" or "S:part+" */
	const struct sl_masks *masks;
};

static int
on_line(void *arg, int stream, struct sl_slice text, bool is_partial)
{
	struct seen *s = arg;
	SL_AUTO_BUF out = { .max = 1 << 20 };

	sl_masks_apply(s->masks, text, &out);
	sl_buf_printf(&s->text, "%d:", stream);
	sl_buf_slice(&s->text, sl_buf_get(&out));
	sl_buf_byte(&s->text, is_partial ? '+' : '|');
	return 0;
}

static void
mask(struct sl_masks *m, const char *secret, bool with_encodings)
{
	struct sl_err err = { 0 };

	assert_int_equal(sl_masks_add(m, sl_slice_str(secret), with_encodings, &err), 0);
}

static void
masked_is(const struct sl_masks *m, const char *in, const char *want)
{
	SL_AUTO_BUF out = { .max = 1 << 20 };

	sl_masks_apply(m, sl_slice_str(in), &out);
	assert_string_equal((char *)out.p, want);
}

static void
test_masks(void **state)
{
	struct sl_masks m;

	(void)state;
	sl_masks_init(&m);
	masked_is(&m, "nothing yet", "nothing yet");
	mask(&m, "hunter2", false);
	mask(&m, "hunter2-long", false);
	mask(&m, "x", false); /* would mask everything */
	mask(&m, "", false);
	mask(&m, "two\r\nlines", false);
	masked_is(&m, "a hunter2 b", "a *** b");
	masked_is(&m, "hunter2hunter2", "******");
	masked_is(&m, "hunter2-long", "***"); /* the longest wins */
	masked_is(&m, "hunter", "hunter");
	masked_is(&m, "x", "x");
	masked_is(&m, "two", "***");
	masked_is(&m, "lines and two", "*** and ***");
	sl_masks_done(&m);
}

/* What a program prints when it encodes a secret with other bytes around it. */
static void
test_encodings(void **state)
{
	static const char *const rows[] = {
		"aHVudGVyMg==",     /* "hunter2" */
		"WGh1bnRlcjI=",     /* "Xhunter2" */
		"WFhodW50ZXIyWFg=", /* "XXhunter2XX" */
	};
	struct sl_masks m;

	(void)state;
	sl_masks_init(&m);
	mask(&m, "hunter2", true);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		SL_AUTO_BUF out = { .max = 1 << 20 };

		sl_masks_apply(&m, sl_slice_str(rows[i]), &out);
		assert_non_null(strstr((char *)out.p, "***"));
	}
	sl_masks_done(&m);
	sl_masks_init(&m);
	mask(&m, "p w\"d/", true);
	masked_is(&m, "p%20w%22d%2F", "***");
	masked_is(&m, "\"p w\\\"d/\"", "\"***\"");
	sl_masks_done(&m);
}

static void
test_mask_limits(void **state)
{
	struct sl_masks m;
	struct sl_err err = { 0 };
	char text[16];
	int r = 0;

	(void)state;
	sl_masks_init(&m);
	for (int i = 0; r == 0 && i <= SL_MASKS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "secret-%d", i);
		r = sl_masks_add(&m, sl_slice_str(text), false, &err);
	}
	assert_int_equal(r, SL_E(LIMIT));
	masked_is(&m, "secret-17", "***");
	sl_masks_done(&m);
}

static void
test_lines(void **state)
{
	struct sl_masks m;
	struct seen s = { .text = { .max = 1 << 20 }, .masks = &m };
	struct sl_output o;

	(void)state;
	sl_masks_init(&m);
	sl_output_init(&o, &m, on_line, &s);
	sl_output_feed(&o, 1, SL_LIT("a\nb"));
	sl_output_feed(&o, 2, SL_LIT("err\n"));
	sl_output_feed(&o, 1, SL_LIT("c\n\n"));
	sl_output_feed(&o, 1, SL_LIT("last"));
	sl_output_flush(&o);
	assert_string_equal((char *)s.text.p, "1:a|2:err|1:bc|1:|1:last|");
	assert_int_equal(o.n_lines, 5);
	sl_output_done(&o);
	sl_buf_done(&s.text);
	sl_masks_done(&m);
}

/* A secret stands across every possible cut of a line that is too long: never shown. */
static void
test_long_line(void **state)
{
	const size_t n = 3 * (SL_LINE_MAX + SL_MASK_MAX);
	uint8_t *line = malloc(n);

	(void)state;
	for (size_t at = SL_LINE_MAX - 40; at < SL_LINE_MAX + SL_MASK_MAX + 40; at += 7) {
		struct sl_masks m;
		struct seen s = { .text = { .max = 1 << 20 }, .masks = &m };
		struct sl_output o;

		sl_masks_init(&m);
		mask(&m, "correct-horse-battery", false);
		memset(line, '.', n);
		memcpy(line + at, "correct-horse-battery", 21);
		sl_output_init(&o, &m, on_line, &s);
		for (size_t k = 0; k < n; k += 5000)
			sl_output_feed(
			    &o, 1,
			    (struct sl_slice){ line + k, n - k < 5000 ? n - k : 5000 });
		sl_output_flush(&o);
		assert_non_null(strstr((char *)s.text.p, "***"));
		assert_null(strstr((char *)s.text.p, "horse"));
		assert_int_equal(o.n_lines, 1);
		sl_output_done(&o);
		sl_buf_done(&s.text);
		sl_masks_done(&m);
	}
	free(line);
}

static void
test_utf8(void **state)
{
	SL_AUTO_BUF out = { .max = 1 << 10 };

	(void)state;
	sl_output_utf8(
	    (struct sl_slice){ (const uint8_t *)"a\xff\xc3\xa9\xed\xa0\x80z", 8 }, &out);
	assert_string_equal((char *)out.p,
			    "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
}

struct parts {
	size_t n, n_bytes, n_bad;
};

static int
on_part(void *arg, int stream, struct sl_slice text, bool is_partial)
{
	struct parts *p = arg;

	(void)stream;
	assert_in_range(text.len, 1,
			is_partial ? SL_LINE_MAX : SL_LINE_MAX + SL_MASK_MAX);
	p->n++;
	p->n_bytes += text.len;
	for (size_t i = 0; i < text.len; i += 3)
		p->n_bad +=
		    i + 3 > text.len || memcmp(text.p + i, "\xe2\x82\xac", 3) != 0;
	return 0;
}

/* A long line comes in parts of at most SL_LINE_MAX, none of which ends in a character.
 */
static void
test_parts(void **state)
{
	const size_t len = 3 * 100000;
	char *line = malloc(len);
	struct parts p = { 0 };
	struct sl_output o;

	(void)state;
	assert_non_null(line);
	for (size_t i = 0; i < len; i += 3)
		memcpy(line + i, "\xe2\x82\xac", 3);
	for (size_t step = 1000; step <= len; step += 74999) {
		p = (struct parts){ 0 };
		sl_output_init(&o, NULL, on_part, &p);
		for (size_t at = 0; at < len; at += step)
			sl_output_feed(
			    &o, 1,
			    (struct sl_slice){ (uint8_t *)line + at,
					       len - at < step ? len - at : step });
		sl_output_flush(&o);
		assert_int_equal(p.n_bytes, len);
		assert_int_equal(p.n_bad, 0);
		assert_true(p.n > len / (SL_LINE_MAX + SL_MASK_MAX));
		sl_output_done(&o);
	}
	/* What is no UTF-8 at all is cut all the same. */
	memset(line, 0x80, len);
	p = (struct parts){ 0 };
	sl_output_init(&o, NULL, on_part, &p);
	sl_output_feed(&o, 1, (struct sl_slice){ (uint8_t *)line, len });
	sl_output_flush(&o);
	assert_int_equal(p.n_bytes, len);
	sl_output_done(&o);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),       cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_mask_limits), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_line),   cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_parts),
	};

	return run_suite("output", tests, SL_ARRAY_LEN(tests));
}
