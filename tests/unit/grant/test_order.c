/* test_order.c -- grant/grant: the order of grants, by properties of generated ones. */
#include "t.h"

#include "grant/grant.h"

enum { ROUNDS = 4000, FS_MAX = 5 };

/* A fixed seed: what fails fails again. */
struct rng {
	uint64_t s;
};

static unsigned
below(struct rng *r, unsigned n)
{
	r->s = r->s * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(r->s >> 33) % n;
}

/* A small tree, so that places meet: siblings, parents, a name that begins another. */
static const char *const places[] = { "/a",    "/a/b", "/a/b/c", "/a/d",
				      "/a/bb", "/e",   "/e/f",   "/ab" };
static const char *const names[] = { "A", "B", "C" };

static size_t
some_names(struct rng *r, struct sl_slice *to)
{
	size_t n = 0;

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++)
		if (below(r, 2) == 0)
			to[n++] = sl_slice_str(names[i]);
	return n;
}

static const struct sl_grant *
make(struct rng *r, struct sl_arena *a)
{
	struct sl_grant *g = SL_NEW(a, struct sl_grant);
	struct sl_grant_fs *fs = SL_NEW_N(a, struct sl_grant_fs, FS_MAX);
	struct sl_slice *env = SL_NEW_N(a, struct sl_slice, 3),
			*secrets = SL_NEW_N(a, struct sl_slice, 3);
	struct sl_grant_net *net = SL_NEW_N(a, struct sl_grant_net, 3);
	const struct sl_grant_net services[] = { { SL_LIT("a.org"), 1, false },
						 { SL_LIT("a.org"), 2, false },
						 { SL_LIT("192.0.2.1"), 1, true } };
	unsigned n = below(r, FS_MAX + 1);

	assert_true(g != NULL && fs != NULL && env != NULL && secrets != NULL &&
		    net != NULL);
	sl_grant_init(g);
	for (unsigned i = 0; i < n; i++) {
		struct sl_slice path =
		    sl_slice_str(places[below(r, SL_ARRAY_LEN(places))]);
		bool is_there = false;

		for (size_t k = 0; k < g->n_fs; k++)
			is_there |= sl_slice_eq(fs[k].path, path);
		if (!is_there)
			fs[g->n_fs++] = (struct sl_grant_fs){ path, 1 + below(r, 7) };
	}
	g->fs = fs;
	g->env = env;
	g->n_env = some_names(r, env);
	g->secrets = secrets;
	g->n_secrets = some_names(r, secrets);
	g->net = net;
	for (unsigned i = 0; i < SL_ARRAY_LEN(services); i++)
		if (below(r, 2) == 0)
			net[g->n_net++] = services[i];
	g->is_tty = below(r, 2) == 0;
	g->ws_mode = (enum sl_ws_mode)below(r, 5);
	if (g->ws_mode != SL_WS_NONE)
		g->ws_path = below(r, 8) == 0 ? SL_LIT("/other") : SL_LIT("/w");
	if (below(r, 16) == 0)
		g->root = SL_LIT("sha256:00");
	for (int i = 0; i < SL_LIM_COUNT; i++)
		g->limit[i] = (struct sl_grant_limit){ 1 + below(r, 3),
						       (enum sl_limit_class)below(r, 4) };
	return g;
}

/* What options that only remove can do: less of each part.  A place below another stays:
 * it may be the narrower, and without it the wider one would hold there as well. */
static const struct sl_grant *
attenuate(struct rng *r, struct sl_arena *a, const struct sl_grant *g)
{
	struct sl_grant *x = SL_NEW(a, struct sl_grant);
	struct sl_grant_fs *fs = SL_NEW_N(a, struct sl_grant_fs, FS_MAX);
	unsigned less;

	assert_true(x != NULL && fs != NULL);
	*x = *g;
	x->fs = fs;
	x->n_fs = 0;
	for (size_t i = 0; i < g->n_fs; i++) {
		bool is_below = false;

		for (size_t k = 0; k < g->n_fs; k++)
			is_below |=
			    k != i && sl_path_is_below(g->fs[i].path, g->fs[k].path);
		if (!is_below && below(r, 3) == 0)
			continue;
		fs[x->n_fs] = g->fs[i];
		less = g->fs[i].access & (1 + below(r, 7));
		if (less != 0 && below(r, 2) == 0)
			fs[x->n_fs].access = less;
		x->n_fs++;
	}
	x->n_net -= x->n_net > 0 && below(r, 2) == 0;
	x->n_env -= x->n_env > 0 && below(r, 2) == 0;
	x->n_secrets -= x->n_secrets > 0 && below(r, 2) == 0;
	x->is_tty &= below(r, 2) == 0;
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		x->limit[i].max -= below(r, 2);
		if (x->limit[i].class < SL_LC_AGGREGATE && below(r, 3) == 0)
			x->limit[i].class ++;
	}
	return x;
}

/* The meaning of a grant at a place, said the slow way. */
static unsigned
reaches(const struct sl_grant *g, struct sl_slice place)
{
	for (size_t len = place.len; len > 1; len--)
		for (size_t i = 0; i < g->n_fs; i++)
			if (g->fs[i].path.len == len &&
			    sl_path_is_below(place, g->fs[i].path))
				return g->fs[i].access;
	return 0;
}

static bool
more(const struct sl_grant *g, const struct sl_grant *outer, const char *place)
{
	struct sl_slice p = sl_slice_str(place);

	return (reaches(g, p) & ~reaches(outer, p)) != 0;
}

static bool
fs_covered(const struct sl_grant *g, const struct sl_grant *outer)
{
	static const char *const deeper[] = { "/a/b/c/x", "/a/x", "/e/f/x", "/x" };

	for (size_t i = 0; i < SL_ARRAY_LEN(places); i++)
		if (more(g, outer, places[i]))
			return false;
	for (size_t i = 0; i < SL_ARRAY_LEN(deeper); i++)
		if (more(g, outer, deeper[i]))
			return false;
	return true;
}

static void
test_within(void **state)
{
	struct rng r = { 1 };
	unsigned n_within = 0, n_chain = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_grant *z, *y, *x;

		sl_arena_init(&a, 1 << 20);
		z = make(&r, &a);
		y = below(&r, 3) == 0 ? make(&r, &a) : attenuate(&r, &a, z);
		x = below(&r, 3) == 0 ? make(&r, &a) : attenuate(&r, &a, y);
		assert_true(sl_grant_within(z, z));
		if (sl_grant_within(y, z)) {
			n_within++;
			assert_true(fs_covered(y, z));
		}
		if (!fs_covered(y, z))
			assert_false(sl_grant_within(y, z));
		if (sl_grant_within(x, y) && sl_grant_within(y, z)) {
			n_chain++;
			assert_true(sl_grant_within(x, z));
		}
	}
	assert_true(n_within > ROUNDS / 4 && n_chain > ROUNDS / 10);
}

/* As a profile is by the options of exec that only take away. */
static void
test_attenuated(void **state)
{
	struct rng r = { 2 };
	unsigned n_less = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_grant *g, *x;

		sl_arena_init(&a, 1 << 20);
		g = make(&r, &a);
		x = attenuate(&r, &a, g);
		assert_true(sl_grant_within(x, g));
		n_less += !sl_grant_within(g, x);
	}
	assert_true(n_less > ROUNDS / 2);
}

/* Every single addition leaves the grant. */
static void
test_added(void **state)
{
	struct rng r = { 3 };

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_slice more[4] = { SL_LIT("MORE") };
		struct sl_grant_fs fs[FS_MAX + 1] = { { SL_LIT("/new"), 1 } };
		const struct sl_grant *g;
		struct sl_grant x;

		sl_arena_init(&a, 1 << 20);
		g = make(&r, &a);
		x = *g;
		switch (below(&r, 5)) {
		case 0:
			memcpy(fs + 1, g->fs, g->n_fs * sizeof(*fs));
			x.fs = fs;
			x.n_fs++;
			break;
		case 1:
			memcpy(more + 1, g->env, g->n_env * sizeof(*more));
			x.env = more;
			x.n_env++;
			break;
		case 2:
			memcpy(more + 1, g->secrets, g->n_secrets * sizeof(*more));
			x.secrets = more;
			x.n_secrets++;
			break;
		case 3:
			x.limit[below(&r, SL_LIM_COUNT)].max++;
			break;
		default:
			x.root = SL_LIT("sha256:11");
			break;
		}
		assert_false(sl_grant_within(&x, g));
	}
}

static bool
are_apart(const struct sl_grant *x, const struct sl_grant *y)
{
	return !sl_slice_eq(x->root, y->root) ||
	       (x->ws_mode != SL_WS_NONE && y->ws_mode != SL_WS_NONE &&
		!sl_slice_eq(x->ws_path, y->ws_path));
}

/* Nothing in common at a place, and something above it, which would hold there too. */
static bool
has_hole(const struct sl_grant *x, const struct sl_grant *y)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(places); i++) {
		struct sl_slice p = sl_slice_str(places[i]);

		if (reaches(x, p) == 0 || reaches(y, p) == 0 ||
		    (reaches(x, p) & reaches(y, p)) != 0)
			continue;
		for (size_t k = 0; k < SL_ARRAY_LEN(places); k++) {
			struct sl_slice q = sl_slice_str(places[k]);

			if (sl_path_is_below(p, q) &&
			    (reaches(x, q) & reaches(y, q)) != 0)
				return true;
		}
	}
	return false;
}

static void
test_intersect(void **state)
{
	struct rng r = { 4 };
	unsigned n_made = 0, n_files = 0, n_holes = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_grant *x, *y, *h, *xy = NULL, *yx = NULL, *xx = NULL;
		struct sl_err err = { 0 };
		int q;

		sl_arena_init(&a, 1 << 20);
		x = make(&r, &a);
		y = below(&r, 2) == 0 ? make(&r, &a) : attenuate(&r, &a, x);
		h = attenuate(&r, &a, below(&r, 2) == 0 ? x : y);
		q = sl_grant_intersect(x, y, &a, &xy, &err);
		assert_int_equal(sl_grant_intersect(y, x, &a, &yx, &err), q);
		assert_int_equal(sl_grant_intersect(x, x, &a, &xx, &err), 0);
		assert_true(sl_grant_within(xx, x) && sl_grant_within(x, xx));
		if (q < 0) {
			assert_int_equal(q, SL_E(DENIED));
			assert_null(xy);
			assert_true(has_hole(x, y) || are_apart(x, y));
			n_holes += !are_apart(x, y);
			continue;
		}
		assert_false(has_hole(x, y) || are_apart(x, y));
		n_made++;
		n_files += xy->n_fs > 0;
		assert_true(sl_grant_within(xy, x) && sl_grant_within(xy, y));
		assert_true(sl_grant_within(xy, yx) && sl_grant_within(yx, xy));
		/* The largest: what is within both is within it. */
		if (sl_grant_within(h, x) && sl_grant_within(h, y))
			assert_true(sl_grant_within(h, xy));
		if (sl_grant_within(y, x))
			assert_true(sl_grant_within(y, xy));
	}
	assert_true(n_made > ROUNDS / 4 && n_files > ROUNDS / 8 && n_holes > 0);
}

/* What three have in common does not depend on the order; nor does whether they have. */
static void
test_meet(void **state)
{
	struct rng r = { 5 };
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_grant *x, *y, *z, *xy = NULL, *yz = NULL, *l = NULL,
						  *m = NULL, *again = NULL;
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 20);
		x = make(&r, &a);
		y = below(&r, 3) == 0 ? make(&r, &a) : attenuate(&r, &a, x);
		z = below(&r, 3) == 0 ? make(&r, &a) : attenuate(&r, &a, y);
		if (sl_grant_intersect(x, y, &a, &xy, &err) < 0 ||
		    sl_grant_intersect(y, z, &a, &yz, &err) < 0 ||
		    sl_grant_intersect(xy, z, &a, &l, &err) < 0 ||
		    sl_grant_intersect(x, yz, &a, &m, &err) < 0)
			continue;
		n++;
		assert_true(sl_grant_within(l, m) && sl_grant_within(m, l));
		assert_true(sl_grant_within(l, x) && sl_grant_within(l, y) &&
			    sl_grant_within(l, z));
		assert_int_equal(sl_grant_intersect(l, x, &a, &again, &err), 0);
		assert_true(sl_grant_within(again, l) && sl_grant_within(l, again));
	}
	assert_true(n > ROUNDS / 4);
}

/* Two that share nothing at a place have an intersection without it, unless something
 * wider above would show it all the same. */
static void
test_intersect_apart(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_grant_fs f1[] = { { SL_LIT("/a/b"), 1 }, { SL_LIT("/e"), 1 } };
	struct sl_grant_fs f2[] = { { SL_LIT("/a/b"), 4 }, { SL_LIT("/e"), 3 } };
	struct sl_grant x, y;
	const struct sl_grant *r = NULL;
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	sl_grant_init(&x);
	y = x;
	x.fs = f1;
	y.fs = f2;
	x.n_fs = y.n_fs = 2;
	assert_int_equal(sl_grant_intersect(&x, &y, &a, &r, &err), 0);
	assert_int_equal(r->n_fs, 1);
	assert_true(sl_slice_eq(r->fs[0].path, SL_LIT("/e")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_within), cmocka_unit_test(test_attenuated),
		cmocka_unit_test(test_added),  cmocka_unit_test(test_intersect),
		cmocka_unit_test(test_meet),   cmocka_unit_test(test_intersect_apart),
	};

	return run_suite("grant order", tests, SL_ARRAY_LEN(tests));
}
