/* test_act.c -- grant/act: every member of an act is under its digest. */
#include "t.h"

#include "crypto/ed25519.h"
#include "grant/act.h"

static const uint8_t key[32] = { 7 };

/* A compound literal is no constant; this is. */
#define STATIC(s)                                                                        \
	{                                                                                \
		(const uint8_t *)(s), sizeof(s) - 1                                      \
	}

static struct sl_slice argv[] = { STATIC("sh"), STATIC("-c"), STATIC("true") };
static struct sl_slice env[] = { STATIC("A=1"), STATIC("B=2") };
static struct sl_slice get[] = { STATIC("/tmp/o") };
static struct sl_act_file put[] = { { STATIC("/tmp/s"), STATIC("x"), 0700 } };

static struct sl_act
sample(void)
{
	return (struct sl_act){ argv, 3, env, 2, SL_LIT("/w"), put, 1, get, 1, 100 };
}

static void
digest(const struct sl_act *a, uint8_t out[32])
{
	struct sl_err err = { 0 };

	assert_int_equal(sl_act_digest(a, key, out, &err), 0);
}

static void
test_each_member(void **state)
{
	struct sl_slice other[] = { SL_LIT("sh"), SL_LIT("-c"), SL_LIT("false") };
	struct sl_act_file moved[] = { { SL_LIT("/tmp/t"), SL_LIT("x"), 0700 } };
	struct sl_act_file changed[] = { { SL_LIT("/tmp/s"), SL_LIT("y"), 0700 } };
	struct sl_act_file mode[] = { { SL_LIT("/tmp/s"), SL_LIT("x"), 0600 } };
	struct sl_act v[10];
	uint8_t seen[11][32];

	(void)state;
	for (size_t i = 0; i < 10; i++)
		v[i] = sample();
	v[0].argv = other;
	v[1].n_argv = 2;
	v[2].n_env = 1;
	v[3].cwd = SL_LIT("/");
	v[4].put = moved;
	v[5].put = changed;
	v[6].put = mode;
	v[7].n_get = 0;
	v[8].get_max = 99;
	v[9].n_put = 0;
	digest(&(struct sl_act){ argv, 3, env, 2, SL_LIT("/w"), put, 1, get, 1, 100 },
	       seen[10]);
	for (size_t i = 0; i < 10; i++) {
		digest(&v[i], seen[i]);
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], 32);
		assert_memory_not_equal(seen[i], seen[10], 32);
	}
}

/* The boundary between two arguments is part of it, and so is the node's key. */
static void
test_boundaries(void **state)
{
	struct sl_slice ab[] = { SL_LIT("a"), SL_LIT("b") }, one[] = { SL_LIT("ab") };
	struct sl_act x = sample(), y = sample();
	uint8_t d1[32], d2[32], other[32] = { 8 };
	struct sl_err err = { 0 };

	(void)state;
	x.argv = ab;
	x.n_argv = 2;
	y.argv = one;
	y.n_argv = 1;
	digest(&x, d1);
	digest(&y, d2);
	assert_memory_not_equal(d1, d2, 32);
	assert_int_equal(sl_act_digest(&x, other, d2, &err), 0);
	assert_memory_not_equal(d1, d2, 32);
	digest(&x, d2);
	assert_memory_equal(d1, d2, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_member),
		cmocka_unit_test(test_boundaries),
	};

	return run_suite("act", tests, SL_ARRAY_LEN(tests));
}
