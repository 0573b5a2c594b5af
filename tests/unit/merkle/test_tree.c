/* test_tree.c -- merkle/tree; roots of the tree that Certificate Transparency's own tests
 * use (RFC 6962 reference implementation). */
#include "base/hex.h"
#include "merkle/tree.h"
#include "t.h"

static const struct sl_slice entries[] = {
	{ (const uint8_t *)"", 0 },
	{ (const uint8_t *)"\x00", 1 },
	{ (const uint8_t *)"\x10", 1 },
	{ (const uint8_t *)"\x20\x21", 2 },
	{ (const uint8_t *)"\x30\x31", 2 },
	{ (const uint8_t *)"\x40\x41\x42\x43", 4 },
	{ (const uint8_t *)"\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
	{ (const uint8_t
	       *)"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
	  16 },
};

static const char *const roots[] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct heard {
	size_t n;
	unsigned top;
	struct sl_hash last;
};

static void
hear(void *arg, unsigned level, uint64_t index, const struct sl_hash *h)
{
	struct heard *x = arg;

	(void)index;
	x->n++;
	if (level >= x->top) {
		x->top = level;
		x->last = *h;
	}
}

static void
test_roots(void **state)
{
	struct sl_edge e = { 0 };
	struct heard x = { 0 };

	(void)state;
	for (size_t i = 0;; i++) {
		struct sl_hash root, leaf;
		char hex[65];

		sl_edge_root(&e, &root);
		sl_hex(hex, root.b, 32);
		assert_string_equal(hex, roots[i]);
		if (i == SL_ARRAY_LEN(entries))
			break;
		sl_merkle_leaf(entries[i], &leaf);
		sl_edge_add(&e, &leaf, hear, &x);
	}
	assert_int_equal(x.n, 8 + 4 + 2 + 1); /* every perfect subtree once */
	assert_int_equal(x.top, 3);
	assert_memory_equal(x.last.b, e.h[0].b, 32);
}

static void
test_serialised(void **state)
{
	uint8_t out[SL_EDGE_BYTES_MAX + 1];
	struct sl_edge e = { 0 }, back;
	struct sl_hash leaf = { { 1 } };

	(void)state;
	for (uint64_t i = 0; i < 70; i++) {
		struct sl_err err = { 0 }, e1 = { 0 }, e2 = { 0 };
		size_t n = sl_edge_put(&e, out);
		struct sl_hash a, b;

		assert_int_equal(n, 8 + 32 * (size_t)__builtin_popcountll(i));
		assert_int_equal(
		    sl_edge_get((struct sl_slice){ at_edge(out, n), n }, &back, &err), 0);
		sl_edge_root(&e, &a);
		sl_edge_root(&back, &b);
		assert_memory_equal(a.b, b.b, 32);
		assert_int_equal(back.size, i);
		assert_int_equal(sl_edge_get((struct sl_slice){ out, n - 1 }, &back, &e1),
				 SL_E(FORMAT));
		assert_int_equal(sl_edge_get((struct sl_slice){ out, n + 1 }, &back, &e2),
				 SL_E(FORMAT));
		sl_edge_add(&e, &leaf, NULL, NULL);
	}
}

static void
test_largest(void **state)
{
	uint8_t out[SL_EDGE_BYTES_MAX] = { 0xff };
	struct sl_edge e = { .size = SL_TREE_SIZE_MAX };
	struct sl_hash leaf = { { 1 } };
	struct sl_err err = { 0 };

	(void)state;
	sl_edge_add(&e, &leaf, NULL, NULL); /* full */
	assert_int_equal(e.size, SL_TREE_SIZE_MAX);
	assert_int_equal(sl_edge_put(&e, out), SL_EDGE_BYTES_MAX);
	out[0] |= 0x80;
	assert_int_equal(sl_edge_get((struct sl_slice){ out, sizeof(out) }, &e, &err),
			 SL_E(FORMAT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_serialised),
		cmocka_unit_test(test_largest),
	};

	return run_suite("tree", tests, SL_ARRAY_LEN(tests));
}
