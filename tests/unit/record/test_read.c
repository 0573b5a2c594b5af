/* test_read.c -- a node's runs read back; its home, and what it keeps of the host. */
#include "t.h"

#include "../gate/node.h"
#include "crypto/sha256.h"
#include "record/dcache.h"
#include "record/host.h"
#include "record/read.h"

#include <sys/stat.h>

/* --- runs --- */

static struct node node;
static struct made sealed, open_one;
static struct sl_reader *reader;

static int
setup(void **state)
{
	struct shape s = { 0 };
	struct sl_err err = { 0 };

	(void)state;
	node_start(&node);
	sealed = a_run(&node, &s);
	s.is_open = true;
	open_one = a_run(&node, &s);
	must(sl_reader_open(node.home.fd, &reader, &err), &err);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sl_reader_close(reader);
	node_stop(&node);
	return 0;
}

static void
lookup(void **state)
{
	static const struct {
		const char *hex;
		int code;
	} bad[] = { { "", SL_E(FORMAT) },
		    { "abc", SL_E(FORMAT) },
		    { "ABCDEF", SL_E(FORMAT) },
		    { "00000000000000000000000000000000", SL_E(NOENT) } };
	const struct made *m[] = { &sealed, &open_one };
	struct sl_arena a = { 0 };
	struct sl_run_info i;
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 64 << 20);
	for (size_t k = 0; k < 2; k++) {
		struct sl_stated s;
		bool has = false;

		must(sl_run_lookup(reader,
				   (struct sl_slice){ (const uint8_t *)m[k]->hex, 16 },
				   &a, &i, &err),
		     &err);
		assert_memory_equal(i.run, sl_decision_view(m[k]->run)->run, 32);
		assert_memory_equal(i.decision.e.id,
				    sl_decision_view(m[k]->run)->entry.id, 32);
		assert_string_equal(i.kind, "run");
		assert_true(i.is_allowed && i.has_tree);
		assert_int_equal(i.seal != UINT64_MAX, k == 0);
		must(sl_run_outcome(reader, &i, &a, &s, &has, &err), &err);
		assert_int_equal(has, k == 0);
		if (has)
			assert_true(sl_slice_eq(
			    sl_json_get_str(sl_json_get(s.predicate, "sluice"),
					    "conclusion"),
			    SL_LIT("success")));
	}
	for (size_t k = 0; k < SL_ARRAY_LEN(bad); k++) {
		err = (struct sl_err){ 0 };
		assert_int_equal(
		    sl_run_lookup(reader, sl_slice_str(bad[k].hex), &a, &i, &err),
		    bad[k].code);
	}
	sl_arena_free(&a);
}

struct seen {
	uint8_t run[4][32];
	size_t n;
	int stop; /* returned by the first call */
};

static int
each(void *arg, const struct sl_run_info *i, struct sl_err *err)
{
	struct seen *s = arg;

	(void)err;
	assert_true(s->n < 4);
	memcpy(s->run[s->n++], i->run, 32);
	return s->stop;
}

static void
all_runs(void **state)
{
	struct sl_err err = { 0 };
	struct seen s = { .n = 0 };

	(void)state;
	must(sl_run_each(reader, 10, each, &s, &err), &err);
	assert_int_equal(s.n, 2);
	assert_memory_equal(s.run[0], sl_decision_view(open_one.run)->run, 32);
	assert_memory_equal(s.run[1], sl_decision_view(sealed.run)->run, 32);
	s = (struct seen){ .stop = 7 };
	assert_int_equal(sl_run_each(reader, 10, each, &s, &err), 7);
	assert_int_equal(s.n, 1);
	s = (struct seen){ .n = 0 };
	must(sl_run_each(reader, 1, each, &s, &err), &err);
	assert_int_equal(s.n, 1);
}

static void
stated(void **state)
{
	struct sl_err err = { 0 };
	struct sl_stated s;
	struct sl_arena a = { 0 };

	(void)state;
	sl_arena_init(&a, 64 << 20);
	must(sl_stated_at(reader, SL_NODE_TREE, 0, &a, &s, &err), &err);
	assert_string_equal(s.e.kind, "key");
	assert_true(sl_slice_eq(s.sub, s.iss));
	assert_false(s.is_erased);
	assert_int_equal(sl_stated_at(reader, SL_NODE_TREE, 1000, &a, &s, &err) < 0, 1);
	sl_arena_free(&a);
	for (unsigned long n = 1;; n += 1 + n / 4) {
		int r;

		err = (struct sl_err){ 0 };
		sl_arena_init(&a, 64 << 20);
		a.fail_at = n;
		r = sl_stated_at(reader, SL_NODE_TREE, 0, &a, &s, &err);
		sl_arena_free(&a);
		assert_true(r == 0 || r == SL_E(NOMEM));
		if (r == 0)
			break;
	}
}

/* --- the home --- */

static void
home(void **state)
{
	static const char *const bad[] = { "", "relative", "./x" };
	struct sl_buf b = { .max = 1 << 16 };
	struct sl_err err = { 0 };
	struct dir d = dir_make();
	struct sl_home h;
	char path[200];
	int fd = -1;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		err = (struct sl_err){ 0 };
		assert_int_equal(sl_home_open(bad[i], &h, &err), SL_E(USAGE));
	}
	err = (struct sl_err){ 0 };
	snprintf(path, sizeof(path), "%s/a/b", d.path);
	must(sl_home_open(path, &h, &err), &err);
	assert_true(h.is_new);
	must(sl_home_write(&h, "cache/x", SL_LIT("one"), true, &err), &err);
	must(sl_home_write(&h, "cache/x", SL_LIT("two"), false, &err), &err);
	must(sl_home_read(&h, "cache/x", 64, &b, &err), &err);
	assert_true(sl_slice_eq(sl_buf_get(&b), SL_LIT("two")));
	sl_buf_clear(&b);
	assert_int_equal(sl_home_read(&h, "cache/y", 64, &b, &err), SL_E(NOENT));
	err = (struct sl_err){ 0 };
	assert_true(sl_home_read(&h, "cache/x", 2, &b, &err) < 0);
	err = (struct sl_err){ 0 };
	assert_true(sl_home_write(&h, "none/x", SL_LIT("one"), true, &err) < 0);
	err = (struct sl_err){ 0 };
	must(sl_home_dir(&h, "runs/one", &fd, &err), &err);
	close(fd);
	must(sl_home_dir(&h, "runs/one", &fd, &err), &err);
	close(fd);
	sl_home_done(&h);
	must(sl_home_open(path, &h, &err), &err);
	assert_false(h.is_new);
	sl_home_done(&h);
	/* others could change what it holds */
	assert_int_equal(chmod(path, 0770), 0);
	assert_int_equal(sl_home_open(path, &h, &err), SL_E(ENV));
	err = (struct sl_err){ 0 };
	snprintf(path, sizeof(path), "%s/a/b/cache/x/y", d.path);
	assert_true(sl_home_open(path, &h, &err) < 0);
	sl_buf_done(&b);
	dir_done(&d);
}

/* --- the host --- */

static void
digest_of(const char *path, uint8_t ret[32])
{
	FILE *f = fopen(path, "r");
	struct sl_sha256 h;
	char room[4096];
	size_t n;

	assert_non_null(f);
	sl_sha256_init(&h);
	while ((n = fread(room, 1, sizeof(room), f)) > 0)
		sl_sha256_add(&h, room, n);
	sl_sha256_end(&h, ret);
	fclose(f);
}

static void
digests(void **state)
{
	static const char file[] = "/usr/lib/os-release"; /* changed long ago */
	struct sl_buf rows = { .max = 1 << 16 };
	struct sl_err err = { 0 };
	uint8_t got[32], want[32];
	char path[200];

	(void)state;
	digest_of(file, want);
	for (int i = 0; i < 4; i++) {
		memset(got, 0, 32);
		must(sl_dcache_file(&node.home, file, got, &err), &err);
		assert_memory_equal(got, want, 32);
		if (i == 1) { /* what is remembered is what is given */
			must(sl_home_read(&node.home, "cache/digests", 1 << 16, &rows,
					  &err),
			     &err);
			assert_true(rows.len >= 80);
			assert_memory_equal(rows.p + 48, want, 32);
		}
		if (i == 2) /* damaged: made again */
			must(sl_home_write(&node.home, "cache/digests", SL_LIT("x"),
					   false, &err),
			     &err);
	}
	/* A file that has just changed is not remembered. */
	must(sl_home_write(&node.home, "cache/new", SL_LIT("1"), false, &err), &err);
	snprintf(path, sizeof(path), "%s/cache/new", node.home.path);
	must(sl_dcache_file(&node.home, path, got, &err), &err);
	sl_sha256(SL_LIT("1"), want);
	assert_memory_equal(got, want, 32);
	must(sl_home_write(&node.home, "cache/new", SL_LIT("2"), false, &err), &err);
	must(sl_dcache_file(&node.home, path, got, &err), &err);
	sl_sha256(SL_LIT("2"), want);
	assert_memory_equal(got, want, 32);
	assert_int_equal(sl_dcache_file(&node.home, "/nowhere/at/all", got, &err),
			 SL_E(NOENT));
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_dcache_file(&node.home, "/usr", got, &err), SL_E(LIMIT));
	sl_buf_done(&rows);
}

static void
host(void **state)
{
	struct sl_arena a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *v = NULL;
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	must(sl_host_base(&node.home, &b, &v, &err), &err);
	assert_false(b.is_failed);
	assert_true(sl_slice_eq(sl_json_get_str(v, "name"), SL_LIT("host:")));
	assert_true(sl_json_get_str(v, "os").len > 2);
	assert_true(sl_json_get_str(v, "kernel").len > 0);
	assert_true(sl_json_get_str(v, "packages").len > 0);
	assert_false(sl_json_get_bool(v, "verified"));
	sl_arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(lookup),  cmocka_unit_test(all_runs),
		cmocka_unit_test(stated),  cmocka_unit_test(home),
		cmocka_unit_test(digests), cmocka_unit_test(host),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("read", t, setup, teardown);
}
