/* test_tile.c -- log/tile: paths of tiles, each with one spelling. */
#include "t.h"

#include "log/tile.h"

static void
paths_that_are(void **state)
{
	static const struct {
		const char *path;
		struct sl_tile t;
	} row[] = {
		{ "tile/0/000", { false, 0, 0, 256 } },
		{ "tile/0/000.p/1", { false, 0, 0, 1 } },
		{ "tile/1/999.p/255", { false, 1, 999, 255 } },
		{ "tile/7/x001/000", { false, 7, 1000, 256 } },
		{ "tile/entries/x001/x234/067", { true, 0, 1234067, 256 } },
		{ "tile/entries/x001/x000/000.p/17", { true, 0, 1000000, 17 } },
		{ "tile/2/x999/x999/x999/x999/999", { false, 2, 999999999999999, 256 } },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		size_t n = strlen(row[i].path);
		struct sl_tile t = { 0 };
		char out[SL_TILE_PATH_MAX];

		assert_true(
		    sl_tile_parse((struct sl_slice){ at_edge(row[i].path, n), n }, &t));
		assert_int_equal(t.is_entries, row[i].t.is_entries);
		assert_int_equal(t.level, row[i].t.level);
		assert_int_equal(t.n, row[i].t.n);
		assert_int_equal(t.width, row[i].t.width);
		sl_tile_path(&t, out);
		assert_string_equal(out, row[i].path);
	}
}

static void
paths_that_are_not(void **state)
{
	static const char *const row[] = {
		"",
		"tile",
		"tile/",
		"/tile/0/000",
		"tile/0",
		"tile/0/",
		"tile/0/0",
		"tile/0/00",
		"tile/0/0000",
		"tile/00/000",
		"tile/8/000",
		"tile/-1/000",
		"tile/0/001/000",
		"tile/0/x000/001",
		"tile/0/x001",
		"tile/0/x001/",
		"tile/0/x001/x002",
		"tile/0/X001/002",
		"tile/0/000.p",
		"tile/0/000.p/",
		"tile/0/000.p/0",
		"tile/0/000.p/01",
		"tile/0/000.p/256",
		"tile/0/000.p/-1",
		"tile/0/000.p/1/",
		"tile/0/000/",
		"tile/0/000 ",
		"tile/0/../000",
		"tile/entries/",
		"tile/entries/0/000",
		"tile/entries/000.p/999999999999",
		"tile/99999999999999999999/000",
		"tile/0/x001/x001/x001/x001/x001/x001/001",
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		size_t n = strlen(row[i]);
		struct sl_tile t = { .n = 7 };

		if (sl_tile_parse((struct sl_slice){ at_edge(row[i], n), n }, &t))
			fail_msg("taken: %s", row[i]);
		assert_int_equal(t.n, 7);
	}
}

static int
count(void *arg, const struct sl_tile *t, struct sl_err *err)
{
	uint64_t *sum = arg;

	(void)err;
	sum[t->is_entries ? 0 : 1 + t->level] += t->width;
	return 0;
}

static void
each_is_there_once(void **state)
{
	/* entries, level 0, 1, 2: facts of size 70,000 in the specification's text */
	uint64_t sum[2 + SL_TILE_LEVELS] = { 0 };
	struct sl_err err = { 0 };

	(void)state;
	assert_int_equal(sl_tile_each(70000, count, sum, &err), 0);
	assert_int_equal(sum[0], 70000);
	assert_int_equal(sum[1], 70000);
	assert_int_equal(sum[2], 273);
	assert_int_equal(sum[3], 1);
	assert_int_equal(sum[4], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_that_are),
		cmocka_unit_test(paths_that_are_not),
		cmocka_unit_test(each_is_there_once),
	};

	return run_suite("tile", tests, SL_ARRAY_LEN(tests));
}
