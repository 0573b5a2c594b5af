/* test_termsafe.c -- cli/termsafe: a terminal is drawn on, and nothing else. */
#include "base/auto.h"
#include "cli/termsafe.h"
#include "t.h"

#include <string.h>

/* Every way of cutting in two must give the same. */
static void
shows(const char *in, size_t n, const char *want, uint64_t dropped)
{
	for (size_t cut = 0; cut <= n; cut++) {
		SL_AUTO_BUF out = { .max = 65536 };
		struct sl_termsafe t = { 0 };
		struct sl_slice s = { (const uint8_t *)in, n };

		sl_buf_str(&out, "");
		sl_termsafe_feed(&t, (struct sl_slice){ s.p, cut }, &out);
		sl_termsafe_feed(&t, sl_slice_skip(s, cut), &out);
		sl_buf_byte(&out, '\0');
		assert_string_equal((const char *)out.p, want);
		assert_int_equal(t.n_dropped, dropped);
	}
}

#define SAME(s) shows((s), sizeof(s) - 1, (s), 0)
#define GONE(s, rest, n) shows((s), sizeof(s) - 1, (rest), (n))

static void
test_draws(void **state)
{
	(void)state;
	SAME("plain\r\n\ttext\b\a");
	SAME("\x1b[31;1mred\x1b[0m");
	SAME("\x1b[38:2::255:0:0mtrue colour");
	SAME("\x1b[2J\x1b[H\x1b[10;20Hx\x1b[K\x1b[1A");
	SAME("\x1b[?1049h\x1b[?25l\x1b[1;24r\x1b[?1049;25l");
	SAME("\x1b[?1000;1006h\x1b[?2004h\x1b[4l");
	SAME("\x1b"
	     "7\x1b"
	     "8\x1bM\x1b(B\x1b)0\x1b=\x1b>\x0e\x0f");
	SAME("\x1b[2 q\x1b[s\x1b[u\x1b[5@\x1b[3P");
	SAME("caf\u00e9 \u65e5\u672c \U0001f600");
}

static void
test_acts_no_further(void **state)
{
	(void)state;
	GONE("a\x1b]0;title\x07"
	     "b",
	     "ab", 1);
	GONE("a\x1b]52;c;cm0gLXJm\x1b\\b", "ab", 1);
	GONE("a\x1b]8;;file:///etc/passwd\x1b\\link\x1b]8;;\x1b\\b", "alinkb", 2);
	GONE("a\x1bP+q544e\x1b\\b", "ab", 1);
	GONE("a\x1b_Gf=100;AAAA\x1b\\b", "ab", 1);
	GONE("a\x1b^pm\x1b\\\x1bXsos\x1b\\b", "ab", 2);
	GONE("a\x1b[6nb", "ab", 1);
	GONE("a\x1b[cb\x1b[>c\x1b[=c", "ab", 3);
	GONE("a\x1b[5ib", "ab", 1);
	GONE("a\x1b[21tb\x1b[3;0;0t", "ab", 2);
	GONE("a\x1b[?6nb\x1b[?5i", "ab", 2);
	GONE("a\x1b[?2004$pb", "ab", 1);
	GONE("a\x1b[>qb\x1b[?u\x1b[>1u", "ab", 3);
	GONE("a\x1b[!pb", "ab", 1);
	GONE("a\x1b[?9999hb", "ab", 1);
	GONE("a\x1b[?1049;9999hb", "ab", 1);
	GONE("a\x1b[2hb", "ab", 1); /* the keyboard is locked */
	GONE("a\x1b[1;2'zb", "ab", 1);
	GONE("a\x05"
	     "b",
	     "ab", 1);
	GONE("a\x7f"
	     "b",
	     "ab", 1);
	GONE("a\x1bZb\x1bn", "ab", 2);
	GONE("a\x1b%Gb", "aGb", 1);
	GONE("a\0b", "ab", 1);
}

static void
test_c1_and_order(void **state)
{
	(void)state;
	GONE("\xc2\x9b"
	     "31m",
	     "31m", 1);
	GONE("\xc2\x9d"
	     "0;t\xc2\x9c",
	     "0;t", 2);
	GONE("\x9b"
	     "31m",
	     "\xef\xbf\xbd"
	     "31m",
	     1);
	GONE("a\xe2\x80\xae"
	     "b",
	     "a\xef\xbf\xbd"
	     "b",
	     1);
	GONE("a\xc0\xaf"
	     "b",
	     "a\xef\xbf\xbd"
	     "b",
	     1);
	GONE("a\xed\xa0\x80z", "a\xef\xbf\xbdz", 1);
	GONE("a\xe2\x80"
	     "b",
	     "a\xef\xbf\xbd"
	     "b",
	     1);
}

/* What is broken off, nested or endless hides nothing that acts. */
static void
test_broken(void **state)
{
	char many[400] = "\x1b[";
	size_t n = 2;

	(void)state;
	GONE("a\x1b[31", "a", 0);
	GONE("a\x1b", "a", 0);
	GONE("a\x1b]0;x", "a", 0);
	GONE("a\xe2\x80", "a", 0);
	GONE("a\x1b[3\x1b]0;x\x07"
	     "b",
	     "ab", 2);
	GONE("a\x1b[3\n1mb", "a1mb", 1);
	GONE("a\x1b\x1b]0;x\x07", "a", 2);
	GONE("a\x1b]0;x\x1b[31my\x07"
	     "b",
	     "ab", 1);
	GONE("a\x1b[\xc2\x9b"
	     "6nb",
	     "a6nb", 2);
	GONE("a\x1b(\x1b[6nb", "a[6nb", 1);
	while (n < 300)
		many[n++] = '1';
	many[n++] = 'm';
	many[n++] = 'x';
	shows(many, n, "x", 1);
}

/* Whatever comes: no C1, and ESC only before what is known. */
static void
test_any_three_bytes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1U << 16; i++) {
		uint8_t in[5] = { 0x1b, (uint8_t)(i >> 8), (uint8_t)i, '\\', 'n' };
		SL_AUTO_BUF out = { .max = 100 };
		struct sl_termsafe t = { 0 };

		sl_termsafe_feed(&t, (struct sl_slice){ in, 5 }, &out);
		for (size_t k = 0; k < out.len; k++) {
			if (out.p[k] == 0x1b)
				assert_true(k + 1 < out.len &&
					    strchr("78DEHMc=>\\[()#", out.p[k + 1]));
			assert_true(out.p[k] != 0x05 && out.p[k] != 0x7f &&
				    out.p[k] != 0);
			if (out.p[k] == 0xc2 && k + 1 < out.len)
				assert_true(out.p[k + 1] >= 0xa0);
		}
	}
}

static void
test_end(void **state)
{
	static const char alternate[] = "\x1b[?1049hx", colour[] = "\x1b[31mx",
			  back[] = "\x1b[?1049h\x1b[?1049l";
	struct sl_termsafe t = { 0 };
	SL_AUTO_BUF out = { .max = 4096 };

	(void)state;
	sl_termsafe_feed(&t, SL_LIT("plain\n\x1b]0;x"), &out);
	sl_buf_clear(&out);
	sl_termsafe_end(&t, &out);
	assert_int_equal(out.len, 0);
	sl_termsafe_feed(&t, sl_slice_str(colour), &out);
	sl_buf_clear(&out);
	sl_termsafe_end(&t, &out);
	assert_memory_equal(out.p, "\x1b[0m", 4);
	assert_int_equal(out.len, 4);
	sl_termsafe_feed(&t, sl_slice_str(alternate), &out);
	sl_buf_clear(&out);
	sl_termsafe_end(&t, &out);
	assert_memory_equal(out.p, "\x1b[?1049l", 8);
	sl_termsafe_feed(&t, sl_slice_str(back), &out);
	sl_buf_clear(&out);
	sl_termsafe_end(&t, &out);
	assert_true(out.len > 8 && memcmp(out.p, "\x1b[?1049l", 8) != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_acts_no_further),
		cmocka_unit_test(test_c1_and_order),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_any_three_bytes),
		cmocka_unit_test(test_end),
	};

	return run_suite("termsafe", tests, SL_ARRAY_LEN(tests));
}
