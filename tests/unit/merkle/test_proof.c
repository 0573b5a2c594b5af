/* test_proof.c -- merkle/proof: every proof of small trees, and every way to spoil one.
 */
#include "merkle/proof.h"
#include "t.h"

enum { N = 33 };

static struct sl_hash leaf[N], root[N + 1];

static int
setup(void **state)
{
	struct sl_edge e = { 0 };

	(void)state;
	for (size_t i = 0; i < N; i++) {
		uint8_t b = (uint8_t)i;

		sl_edge_root(&e, &root[i]);
		sl_merkle_leaf((struct sl_slice){ &b, 1 }, &leaf[i]);
		sl_edge_add(&e, &leaf[i], NULL, NULL);
	}
	sl_edge_root(&e, &root[N]);
	return 0;
}

static void
test_inclusion(void **state)
{
	struct sl_leaves l = { leaf, N };

	(void)state;
	for (uint64_t size = 1; size <= N; size++)
		for (uint64_t i = 0; i < size; i++) {
			struct sl_err err = { 0 }, e[6] = { 0 };
			struct sl_proof p, q;

			assert_int_equal(
			    sl_proof_inclusion(sl_leaves_node, &l, i, size, &p, &err), 0);
			assert_int_equal(p.n == 0, size == 1);
			assert_int_equal(sl_proof_check_inclusion(&p, i, size, &leaf[i],
								  &root[size], &err),
					 0);
			assert_int_equal(sl_proof_check_inclusion(&p, size, size,
								  &leaf[i], &root[size],
								  &e[0]),
					 SL_E(VERIFY));
			assert_int_equal(sl_proof_check_inclusion(&p, i, size, &root[0],
								  &root[size], &e[1]),
					 SL_E(VERIFY));
			q = p;
			q.h[q.n++] = leaf[0];
			assert_int_equal(sl_proof_check_inclusion(&q, i, size, &leaf[i],
								  &root[size], &e[2]),
					 SL_E(VERIFY));
			if (p.n == 0)
				continue;
			q = p;
			q.n--;
			assert_int_equal(sl_proof_check_inclusion(&q, i, size, &leaf[i],
								  &root[size], &e[3]),
					 SL_E(VERIFY));
			for (size_t k = 0; k < p.n; k++) {
				struct sl_err ek = { 0 };

				q = p;
				q.h[k].b[31] ^= 1;
				assert_int_equal(
				    sl_proof_check_inclusion(&q, i, size, &leaf[i],
							     &root[size], &ek),
				    SL_E(VERIFY));
			}
		}
}

static void
test_consistency(void **state)
{
	struct sl_leaves l = { leaf, N };

	(void)state;
	for (uint64_t b = 1; b <= N; b++)
		for (uint64_t a = 1; a <= b; a++) {
			struct sl_err err = { 0 }, e[5] = { 0 };
			struct sl_hash got;
			struct sl_proof p, q;

			assert_int_equal(
			    sl_proof_consistency(sl_leaves_node, &l, a, b, &p, &err), 0);
			assert_int_equal(p.n == 0, a == b);
			assert_int_equal(sl_proof_check_consistency(&p, a, b, &root[a],
								    &root[b], &err),
					 0);
			assert_int_equal(
			    sl_proof_newer_root(&p, a, b, &root[a], &got, &err), 0);
			assert_memory_equal(got.b, root[b].b, 32);
			assert_int_equal(sl_proof_check_consistency(&p, a, b, &root[a],
								    &root[0], &e[0]),
					 SL_E(VERIFY));
			assert_int_equal(sl_proof_check_consistency(&p, a, b, &root[0],
								    &root[b], &e[1]),
					 SL_E(VERIFY));
			assert_int_equal(sl_proof_check_consistency(&p, 0, b, &root[0],
								    &root[b], &e[2]),
					 SL_E(VERIFY));
			q = p;
			q.h[q.n++] = leaf[0];
			assert_int_equal(sl_proof_check_consistency(&q, a, b, &root[a],
								    &root[b], &e[3]),
					 SL_E(VERIFY));
			for (size_t k = 0; k < p.n; k++) {
				struct sl_err ek = { 0 };

				q = p;
				q.h[k].b[0] ^= 0x80;
				assert_int_equal(sl_proof_check_consistency(
						     &q, a, b, &root[a], &root[b], &ek),
						 SL_E(VERIFY));
			}
		}
}

static void
test_out_of_range(void **state)
{
	struct sl_leaves l = { leaf, N };
	struct sl_err e[7] = { 0 };
	struct sl_proof p = { 0 };
	struct sl_hash h;

	(void)state;
	assert_int_equal(sl_proof_inclusion(sl_leaves_node, &l, 3, 3, &p, &e[0]),
			 SL_E(USAGE));
	assert_int_equal(sl_proof_inclusion(sl_leaves_node, &l, 3, N + 1, &p, &e[1]),
			 SL_E(BUG));
	assert_int_equal(sl_proof_consistency(sl_leaves_node, &l, 0, 3, &p, &e[2]),
			 SL_E(USAGE));
	assert_int_equal(sl_proof_consistency(sl_leaves_node, &l, 4, 3, &p, &e[3]),
			 SL_E(USAGE));
	assert_int_equal(sl_merkle_range(sl_leaves_node, &l, 3, 7, &h, &e[4]), SL_E(BUG));
	assert_int_equal(sl_proof_root(&p, 0, UINT64_MAX, &leaf[0], &h, &e[5]),
			 SL_E(VERIFY));
	assert_int_equal(sl_proof_newer_root(&p, 1, UINT64_MAX, &leaf[0], &h, &e[6]),
			 SL_E(VERIFY));
}

/* The longest paths there are, over a tree that nobody holds. */
static int
same_node(void *arg, unsigned level, uint64_t index, struct sl_hash *ret,
	  struct sl_err *err)
{
	(void)arg;
	(void)index;
	(void)err;
	memset(ret, (int)level, sizeof(*ret));
	return 0;
}

static void
test_largest(void **state)
{
	struct sl_err err = { 0 };
	struct sl_hash zero = { { 0 } }, r;
	struct sl_proof p;

	(void)state;
	assert_int_equal(
	    sl_proof_inclusion(same_node, NULL, 0, SL_TREE_SIZE_MAX, &p, &err), 0);
	assert_int_equal(p.n, 63);
	assert_int_equal(sl_proof_root(&p, 0, SL_TREE_SIZE_MAX, &zero, &r, &err), 0);
	assert_int_equal(sl_proof_consistency(same_node, NULL, SL_TREE_SIZE_MAX - 1,
					      SL_TREE_SIZE_MAX, &p, &err),
			 0);
	assert_in_range(p.n, 60, SL_PROOF_MAX);
	assert_int_equal(
	    sl_proof_consistency(same_node, NULL, 3, SL_TREE_SIZE_MAX, &p, &err), 0);
	assert_in_range(p.n, 60, SL_PROOF_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inclusion),
		cmocka_unit_test(test_consistency),
		cmocka_unit_test(test_out_of_range),
		cmocka_unit_test(test_largest),
	};

	(void)setup(NULL);
	return run_suite("proof", tests, SL_ARRAY_LEN(tests));
}
