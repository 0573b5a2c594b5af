/* test_limit.c -- grant/limit: sizes, counts and seconds as people write them. */
#include "t.h"

#include "grant/limit.h"

static const char *
read_at_edge(enum sl_limit l, const char *text, uint64_t *v)
{
	size_t n = strlen(text);

	return sl_limit_parse(l, (struct sl_slice){ at_edge(text, n), n }, v);
}

static void
test_good(void **state)
{
	static const struct {
		enum sl_limit l;
		const char *text;
		uint64_t v;
	} t[] = {
		{ SL_LIM_MEMORY, "1", 1 },
		{ SL_LIM_MEMORY, "1048576", 1 << 20 },
		{ SL_LIM_MEMORY, "1K", 1024 },
		{ SL_LIM_MEMORY, "64M", 64 << 20 },
		{ SL_LIM_DISK, "2G", (uint64_t)2 << 30 },
		{ SL_LIM_FILE_SIZE, "3T", (uint64_t)3 << 40 },
		{ SL_LIM_OUTPUT, "8388607T", (uint64_t)8388607 << 40 },
		{ SL_LIM_OUTPUT, "9223372036854775807", INT64_MAX },
		{ SL_LIM_PIDS, "4194304", 4194304 },
		{ SL_LIM_CPU, "0060", 60 },
		{ SL_LIM_WALL, "1000000000", 1000000000 },
		{ SL_LIM_NOFILE, "1048576", 1048576 },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		v = 0;
		assert_null(read_at_edge(t[i].l, t[i].text, &v));
		assert_int_equal(v, t[i].v);
	}
}

static void
test_bad(void **state)
{
	static const struct {
		enum sl_limit l;
		const char *text;
		const char *why;
	} t[] = {
		{ SL_LIM_MEMORY, "", "no size" },
		{ SL_LIM_MEMORY, "M", "no size" },
		{ SL_LIM_MEMORY, "0", "zero" },
		{ SL_LIM_MEMORY, "0G", "zero" },
		{ SL_LIM_MEMORY, "-1", "no size" },
		{ SL_LIM_MEMORY, "+1", "no size" },
		{ SL_LIM_MEMORY, " 1", "no size" },
		{ SL_LIM_MEMORY, "1 ", "no size" },
		{ SL_LIM_MEMORY, "1m", "no size" },
		{ SL_LIM_MEMORY, "1MB", "no size" },
		{ SL_LIM_MEMORY, "1MiB", "no size" },
		{ SL_LIM_MEMORY, "1KK", "no size" },
		{ SL_LIM_MEMORY, "1P", "no size" },
		{ SL_LIM_MEMORY, "1.5G", "no size" },
		{ SL_LIM_MEMORY, "1e9", "no size" },
		{ SL_LIM_MEMORY, "0x10", "no size" },
		{ SL_LIM_MEMORY, "M1", "no size" },
		{ SL_LIM_MEMORY, "8388608T", "more than" },
		{ SL_LIM_MEMORY, "9223372036854775808", "more than" },
		{ SL_LIM_MEMORY, "18446744073709551616", "more than" },
		{ SL_LIM_MEMORY, "99999999999999999999999999", "more than" },
		{ SL_LIM_MEMORY, "18014398509481984K", "more than" }, /* 2^64 */
		{ SL_LIM_MEMORY, "16777217T", "more than" },          /* 2^64 + 2^40 */
		{ SL_LIM_PIDS, "0", "zero" },
		{ SL_LIM_PIDS, "1K", "no whole number" },
		{ SL_LIM_PIDS, "4194305", "more than 4194304" },
		{ SL_LIM_NOFILE, "1048577", "more than 1048576" },
		{ SL_LIM_CPU, "", "no whole number" },
		{ SL_LIM_CPU, "1s", "no whole number" },
		{ SL_LIM_CPU, "1.5", "no whole number" },
		{ SL_LIM_WALL, "1M", "no whole number" },
		{ SL_LIM_WALL, "1000000001", "more than 1000000000" },
	};
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		const char *why = read_at_edge(t[i].l, t[i].text, &v);

		assert_non_null(why);
		assert_non_null(strstr(why, t[i].why));
		assert_int_equal(v, 7);
	}
	assert_non_null(sl_limit_parse(SL_LIM_MEMORY, SL_LIT("1\0"), &v));
	assert_non_null(sl_limit_parse(SL_LIM_MEMORY, (struct sl_slice){ 0 }, &v));
}

static void
test_print(void **state)
{
	static const uint64_t values[] = { 1,
					   1023,
					   1024,
					   1025,
					   1 << 20,
					   (uint64_t)3 << 29,
					   (uint64_t)2 << 40,
					   (uint64_t)1 << 50,
					   INT64_MAX };
	char text[SL_LIMIT_TEXT_MAX];
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(values); i++) {
		sl_limit_print(SL_LIM_DISK, values[i], text);
		assert_null(read_at_edge(SL_LIM_DISK, text, &v));
		assert_int_equal(v, values[i]);
	}
	sl_limit_print(SL_LIM_DISK, (uint64_t)1536 << 20, text);
	assert_string_equal(text, "1536M");
	sl_limit_print(SL_LIM_DISK, (uint64_t)1 << 50, text);
	assert_string_equal(text, "1024T");
	sl_limit_print(SL_LIM_PIDS, 1024, text);
	assert_string_equal(text, "1024");
}

static void
test_names(void **state)
{
	struct sl_grant g;

	(void)state;
	sl_grant_init(&g);
	for (enum sl_limit l = 0; l < SL_LIM_COUNT; l++) {
		char text[SL_LIMIT_TEXT_MAX];
		uint64_t v = 0;

		assert_int_equal(sl_limit_named(sl_slice_str(sl_limit_name(l))), l);
		sl_limit_print(l, g.limit[l].max, text); /* the defaults can be said */
		assert_null(read_at_edge(l, text, &v));
		assert_int_equal(v, g.limit[l].max);
		assert_non_null(sl_limit_unit(l));
	}
	/* as options spell them */
	for (enum sl_limit l = 0; l < SL_LIM_COUNT; l++)
		assert_int_equal(sl_limit_named(sl_slice_str(sl_limit_option(l))), l);
	assert_int_equal(sl_limit_named(SL_LIT("time")), SL_LIM_WALL);
	assert_int_equal(sl_limit_named(SL_LIT("open-files")), SL_LIM_NOFILE);
	assert_int_equal(sl_limit_named(SL_LIT("open_files")), SL_LIM_COUNT);
	assert_int_equal(sl_limit_named(SL_LIT("")), SL_LIM_COUNT);
	assert_int_equal(sl_limit_named(SL_LIT("memor")), SL_LIM_COUNT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_names),
	};

	return run_suite("limit", tests, SL_ARRAY_LEN(tests));
}
