/* test_tree.c -- roots/tree and roots/store: what is taken, its manifest, what differs.
 */
#include "t.h"

#include "roots/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct place {
	char path[64];
	int fd, from, to;
};

static int
set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	(void)snprintf(p->path, sizeof(p->path), "/tmp/sl-tree.XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(mkdirat(p->fd, "from", 0755), 0);
	assert_int_equal(mkdirat(p->fd, "to", 0755), 0);
	p->from = openat(p->fd, "from", O_RDONLY | O_DIRECTORY);
	p->to = openat(p->fd, "to", O_RDONLY | O_DIRECTORY);
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	close(p->from);
	close(p->to);
	close(p->fd);
	assert_int_equal(sl_tree_remove(AT_FDCWD, p->path), 0);
	assert_int_not_equal(access(p->path, F_OK), 0);
	assert_int_equal(sl_tree_remove(AT_FDCWD, p->path), 0); /* absent already */
	free(p);
	return 0;
}

static void
file(int dir, const char *name, const char *text, unsigned mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int
copy(struct place *p, struct sl_tree_size *size, struct sl_err *err)
{
	return sl_tree_copy(p->from, p->to, NULL, size, err);
}

static void
test_manifest(void **state)
{
	/* SHA-256 of "abc" */
	static const char want[] =
	    "sluice-root 1\0"
	    "d a\0"
	    "x ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad a/x\0"
	    "f ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad a-b\0"
	    "l ../out\0z";
	struct place *p = *state;
	struct sl_tree_size size = { 0 };
	struct sl_err err = { 0 };
	SL_AUTO_BUF out = { .max = 1 << 20 };
	struct stat st;

	assert_int_equal(mkdirat(p->from, "a", 0700), 0);
	assert_int_equal(mkdirat(p->from, "tmp", 0700), 0);
	file(p->from, "a/x", "abc", 04711);
	file(p->from, "a-b", "abc", 0600);
	assert_int_equal(symlinkat("../out", p->from, "z"), 0);
	assert_int_equal(copy(p, &size, &err), 0);
	assert_int_equal(size.n_entries, 4);
	assert_int_equal(size.n_bytes, 6);
	assert_int_equal(size.n_set_id, 1);
	assert_int_equal(sl_tree_manifest(p->to, &out, &err), 0);
	assert_int_equal(out.len, sizeof(want));
	assert_memory_equal(out.p, want, sizeof(want));
	assert_int_equal(fstatat(p->to, "a/x", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0555);
}

static void
test_refused(void **state)
{
	struct place *p = *state;
	struct sl_tree_size size = { 0 };
	struct sl_err err = { 0 };
	struct stat never;
	int fd;

	assert_int_equal(mkfifoat(p->from, "pipe", 0600), 0);
	assert_int_equal(copy(p, &size, &err), SL_E(FORMAT));
	assert_non_null(strstr(err.msg, "'/pipe'"));
	assert_int_equal(unlinkat(p->from, "pipe", 0), 0);

	assert_int_equal(mkdirat(p->from, "home", 0700), 0);
	assert_int_equal(fstatat(p->from, "home", &never, 0), 0);
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_tree_copy(p->from, p->to, &never, &size, &err), SL_E(DENIED));
	assert_int_equal(unlinkat(p->to, "home", AT_REMOVEDIR), 0);
	assert_int_equal(fstat(p->from, &never), 0);
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_tree_copy(p->from, p->to, &never, &size, &err), SL_E(DENIED));

	for (int i = 0; i <= SL_ROOT_SHOWN_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d", i);
		fd = openat(p->from, name, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	err = (struct sl_err){ 0 };
	assert_int_equal(copy(p, &size, &err), SL_E(LIMIT));
}

static void
test_modes_are_held(void **state)
{
	struct place *p = *state;
	struct sl_tree_size size = { 0 };
	struct sl_err err = { 0 };
	SL_AUTO_BUF out = { .max = 1 << 20 };
	static const unsigned bad[] = { 0644, 0400, 04555, 0755, 0 };

	file(p->from, "f", "abc", 0644);
	assert_int_equal(copy(p, &size, &err), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		assert_int_equal(fchmodat(p->to, "f", bad[i], 0), 0);
		err = (struct sl_err){ 0 };
		sl_buf_clear(&out);
		assert_int_equal(sl_tree_manifest(p->to, &out, &err), SL_E(VERIFY));
	}
	assert_int_equal(fchmodat(p->to, "f", 0444, 0), 0);
	err = (struct sl_err){ 0 };
	sl_buf_clear(&out);
	assert_int_equal(sl_tree_manifest(p->to, &out, &err), 0);
	out.max = 16; /* no room: an error, not a shorter manifest */
	sl_buf_done(&out);
	out.max = 16;
	assert_int_equal(sl_tree_manifest(p->to, &out, &err), SL_E(LIMIT));
}

static void
test_stamp(void **state)
{
	struct place *p = *state;
	struct sl_err err = { 0 };
	uint8_t a[32], b[32];
	const struct timespec then[2] = { { 1, 0 }, { 1, 0 } };

	file(p->from, "f", "abc", 0644);
	assert_int_equal(sl_tree_stamp(p->from, a, &err), 0);
	assert_int_equal(sl_tree_stamp(p->from, b, &err), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(utimensat(p->from, "f", then, 0), 0);
	assert_int_equal(sl_tree_stamp(p->from, b, &err), 0);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(renameat(p->from, "f", p->from, "g"), 0);
	assert_int_equal(sl_tree_stamp(p->from, a, &err), 0);
	assert_memory_not_equal(a, b, 32);
}

static void
test_differ(void **state)
{
	static const struct {
		const char *a;
		size_t n_a;
		const char *b;
		size_t n_b;
		const char *at;
	} row[] = {
#define R(x, y, at) { x, sizeof(x), y, sizeof(y), at }
		R("h\0d a\0d b", "h\0d a\0d b", ""),
		R("h\0d a\0d b", "h\0d a\0d a/c\0d b", "a/c"),
		R("h\0d a\0d a/c\0d b", "h\0d a\0d b", "a/c"),
		R("h\0d a\0d a/c\0d a-b", "h\0d a\0d a-b", "a/c"),
		R("h\0d a", "h\0d a\0l t\0z", "z"),
		R("h\0l t\0z", "h\0l u\0z", "z"),
		R("h\0d a", "h\0l x\0a", "a"),
		R("h", "", ""),
#undef R
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		struct sl_slice a = { (const uint8_t *)row[i].a, row[i].n_a };
		struct sl_slice b = { (const uint8_t *)row[i].b, row[i].n_b };
		struct sl_slice at = sl_tree_differ(a, b);

		if (!sl_slice_eq(at, sl_slice_str(row[i].at)))
			fail_msg("row %zu: '%.*s'", i, (int)at.len, (const char *)at.p);
	}
}

static void
test_names(void **state)
{
	static const char *const good[] = { "a", "debian-12", "a.b_c", "0" };
	static const char *const bad[] = {
		"",
		".",
		"..",
		".a",
		"-a",
		"A",
		"a/b",
		"a b",
		"a\n",
		"ä",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(good); i++)
		assert_true(sl_root_name_ok(good[i]));
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_false(sl_root_name_ok(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_manifest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_modes_are_held, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stamp, set_up, tear_down),
		cmocka_unit_test(test_differ),
		cmocka_unit_test(test_names),
	};

	return run_suite("tree", tests, SL_ARRAY_LEN(tests));
}
