/* test_bpf.c -- the tree of ranges, walked as the kernel would, for every number. */
#include "t.h"

#include "os/bpf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { X32 = 0x40000000, TREE_MAX = SL_BPF_RANGES_MAX };

/* Where the tree of n ranges sends a number. */
static size_t
walk(const struct sock_filter *p, size_t n, uint32_t nr)
{
	size_t i = 0;

	while (i < n - 1) {
		assert_int_equal(p[i].code, BPF_JMP | BPF_JGE | BPF_K);
		i += 1 + (size_t)(nr >= p[i].k ? p[i].jt : p[i].jf);
	}
	return i - (n - 1);
}

static void
check(const uint16_t *to, uint16_t rest, uint16_t x32)
{
	static struct sl_bpf_range r[SL_BPF_RANGES_MAX];
	static struct sock_filter p[TREE_MAX];
	size_t n = sl_bpf_ranges(to, rest, x32, r);

	assert_int_equal(sl_bpf_tree(p, r, n), 0);
	for (uint32_t nr = 0; nr < SL_BPF_CALLS; nr++)
		assert_int_equal(walk(p, n, nr), to[nr]);
	assert_int_equal(walk(p, n, SL_BPF_CALLS), rest);
	assert_int_equal(walk(p, n, X32 - 1), rest);
	assert_int_equal(walk(p, n, X32), x32);
	assert_int_equal(walk(p, n, X32 + 59), x32);
	assert_int_equal(walk(p, n, UINT32_MAX - 1), x32);
	assert_int_equal(walk(p, n, UINT32_MAX), rest);
}

static void
sends_each_number_to_its_place(void **state)
{
	uint16_t to[SL_BPF_CALLS] = { 0 };
	unsigned seed = 7;

	(void)state;
	check(to, 0, 0); /* one range: no instruction at all */
	check(to, 1, 2);
	for (int round = 0; round < 200; round++) {
		unsigned n = (unsigned)rand_r(&seed) % 60;

		memset(to, 0, sizeof(to));
		for (unsigned i = 0; i < n; i++)
			to[(unsigned)rand_r(&seed) % SL_BPF_CALLS] =
			    (uint16_t)((unsigned)rand_r(&seed) % 4);
		check(to, (uint16_t)(round % 3), (uint16_t)(round % 2));
	}
}

static void
is_as_short_as_it_can_be(void **state)
{
	static struct sl_bpf_range r[SL_BPF_RANGES_MAX];
	uint16_t to[SL_BPF_CALLS] = { 0 };

	(void)state;
	assert_int_equal(sl_bpf_ranges(to, 0, 0, r), 1);
	memset(to + 10, 1, 20 * sizeof(to[0]));
	assert_int_equal(sl_bpf_ranges(to, 0, 0, r), 3);
	to[0] = 5;
	assert_int_equal(sl_bpf_ranges(to, 0, 0, r), 4);
}

static void
refuses_a_jump_that_is_too_long(void **state)
{
	static struct sl_bpf_range r[SL_BPF_RANGES_MAX];
	static struct sock_filter p[TREE_MAX];
	uint16_t to[SL_BPF_CALLS];
	size_t n;

	(void)state;
	for (size_t i = 0; i < SL_BPF_CALLS; i++)
		to[i] = i % 2;
	n = sl_bpf_ranges(to, 0, 0, r);
	assert_int_equal(n, SL_BPF_CALLS + 1);
	assert_int_equal(sl_bpf_tree(p, r, n), -E2BIG);
	memset(to, 0, sizeof(to));
	to[3] = 300; /* few instructions, but far away */
	n = sl_bpf_ranges(to, 0, 0, r);
	assert_int_equal(sl_bpf_tree(p, r, n), -E2BIG);
}

/* The language of tools/gen-seccomp.c, and nothing of another. */
static void
runs_what_it_knows(void **state)
{
	static const struct sock_filter p[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 16, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_filter q[SL_ARRAY_LEN(p)];
	struct seccomp_data d = { .nr = 2, .args = { 0, 0xf10 } };

	(void)state;
	assert_int_equal(sl_bpf_run(p, SL_ARRAY_LEN(p), &d), SECCOMP_RET_USER_NOTIF);
	d.args[1] = 0xfff0000000f;
	assert_int_equal(sl_bpf_run(p, SL_ARRAY_LEN(p), &d), SECCOMP_RET_ALLOW);
	d.nr = 3;
	assert_int_equal(sl_bpf_run(p, SL_ARRAY_LEN(p), &d), SECCOMP_RET_ALLOW);
	/* Its end, a jump beyond it, a load beyond the call, another instruction. */
	assert_int_equal(sl_bpf_run(p, 0, &d), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(sl_bpf_run(p, 3, &d), SECCOMP_RET_KILL_PROCESS);
	memcpy(q, p, sizeof(p));
	q[1].jf = 200;
	assert_int_equal(sl_bpf_run(q, SL_ARRAY_LEN(q), &d), SECCOMP_RET_KILL_PROCESS);
	memcpy(q, p, sizeof(p));
	q[0].k = sizeof(d) - 3;
	assert_int_equal(sl_bpf_run(q, SL_ARRAY_LEN(q), &d), SECCOMP_RET_KILL_PROCESS);
	memcpy(q, p, sizeof(p));
	q[0].code = BPF_LDX | BPF_W | BPF_IMM;
	assert_int_equal(sl_bpf_run(q, SL_ARRAY_LEN(q), &d), SECCOMP_RET_KILL_PROCESS);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(sends_each_number_to_its_place),
		cmocka_unit_test(is_as_short_as_it_can_be),
		cmocka_unit_test(refuses_a_jump_that_is_too_long),
		cmocka_unit_test(runs_what_it_knows),
	};

	return run_suite("bpf", t, SL_ARRAY_LEN(t));
}
