/* test_arena.c -- base/arena. */
#include "base/arena.h"
#include "t.h"

#include <stdalign.h>

static void
test_zeroed_aligned_capped(void **state)
{
	SL_AUTO_ARENA a = { 0 };

	(void)state;
	sl_arena_init(&a, 20000);
	for (size_t n = 1; n < 100; n++) {
		unsigned char *p = SL_NEW_N(&a, unsigned char, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_null(SL_NEW_N(&a, char, 20000));
	assert_non_null(SL_NEW_N(&a, char, 9000)); /* larger than a block */
}

static void
test_overflow(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	volatile size_t huge = SIZE_MAX; /* volatile: hide it from -Walloc-size */

	(void)state;
	sl_arena_init(&a, SIZE_MAX);
	assert_null(sl_arena_alloc(&a, huge, 2));
	assert_null(sl_arena_alloc(&a, huge, 1));
	assert_null(sl_arena_alloc(&a, huge - 31, 1));
	sl_arena_free(&a);
	sl_arena_free(&a);
}

static void
test_copies(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_slice s;

	(void)state;
	sl_arena_init(&a, 1 << 16);
	s = sl_arena_dup(&a, SL_LIT("a\0b"));
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.p, "a\0b", 4);
	s = sl_arena_dup(&a, (struct sl_slice){ 0 });
	assert_non_null(s.p);
	assert_int_equal(s.len, 0);
	assert_string_equal(sl_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(sl_arena_str(&a, SL_LIT("abc")), "abc");
	/* each of them fails cleanly */
	for (unsigned long i = 0; i < 3; i++) {
		a.fail_at = 1;
		if (i == 0)
			assert_null(sl_arena_dup(&a, SL_LIT("x")).p);
		else if (i == 1)
			assert_null(sl_arena_str(&a, SL_LIT("x")));
		else
			assert_null(sl_arena_printf(&a, "x"));
	}
}

static void
test_tables(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	uint32_t *v = NULL, *z = NULL;

	(void)state;
	sl_arena_init(&a, 1 << 20);
	for (size_t n = 1; n <= 65536; n *= 2) { /* through both kinds of block */
		v = sl_arena_regrow(&a, v, n / 2, n, sizeof(*v));
		assert_non_null(v);
		for (size_t k = n / 2; k < n; k++)
			v[k] = (uint32_t)k;
		assert_non_null(SL_NEW_N(&a, char, 100));
		z = sl_arena_renew(&a, z, n, sizeof(*z));
		assert_non_null(z);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(z[k], 0);
		memset(z, 0xff, n * sizeof(*z));
	}
	for (uint32_t k = 0; k < 65536; k++)
		assert_int_equal(v[k], k);
	/* What grew gave back what it had: 512 KiB are in use, and little else. */
	assert_true(a.used < 700000);
	assert_null(sl_arena_regrow(&a, v, 65536, 1 << 18, sizeof(*v)));
	assert_int_equal(v[65535], 65535); /* still there */
	assert_null(sl_arena_regrow(&a, v, 65536, SIZE_MAX / 2, sizeof(*v)));
	assert_null(sl_arena_renew(&a, z, SIZE_MAX / 2, sizeof(*z)));
	a.fail_at = 1;
	assert_null(sl_arena_regrow(&a, v, 65536, 70000, sizeof(*v)));
	a.fail_at = 1;
	assert_null(sl_arena_renew(&a, z, 100, sizeof(*z)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeroed_aligned_capped),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_tables),
	};

	return run_suite("arena", tests, SL_ARRAY_LEN(tests));
}
