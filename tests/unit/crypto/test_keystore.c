/* test_keystore.c -- crypto/keystore. */
#include "crypto/keystore.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int
make_home(char path[64])
{
	(void)snprintf(path, 64, "/tmp/sl-keystore-XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
drop(int home, const char *path)
{
	(void)unlinkat(home, "keys/id", 0);
	(void)unlinkat(home, "keys/other", 0);
	(void)unlinkat(home, "keys", 0);
	(void)unlinkat(home, "keys", AT_REMOVEDIR);
	(void)close(home);
	assert_int_equal(rmdir(path), 0); /* nothing was left behind */
}

static void
test_made_once(void **state)
{
	uint8_t a[32], b[32];
	bool is_new = false;
	struct sl_err err = { 0 }, e2 = { 0 };
	char path[64];
	int home = make_home(path), dir = -1;
	struct stat st;

	(void)state;
	assert_int_equal(sl_keystore_open(home, "keys", &dir, &err), 0);
	assert_int_equal(sl_keystore_seed(dir, "id", false, a, NULL, &e2), SL_E(NOENT));
	assert_int_equal(sl_keystore_seed(dir, "id", true, a, &is_new, &err), 0);
	assert_true(is_new);
	assert_int_equal(fstatat(dir, "id", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 32);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(sl_keystore_seed(dir, "id", true, b, &is_new, &err), 0);
	assert_false(is_new);
	assert_memory_equal(a, b, 32);
	(void)close(dir);
	assert_int_equal(sl_keystore_open(home, "keys", &dir, &err), 0);
	(void)close(dir);
	drop(home, path);
}

/* Processes that start at once end with one key. */
static void
test_race(void **state)
{
	enum { N = 8 };
	uint8_t key[N][32];
	struct sl_err err = { 0 };
	char path[64];
	int home = make_home(path), dir = -1, to[N], go[2];

	(void)state;
	assert_int_equal(sl_keystore_open(home, "keys", &dir, &err), 0);
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < N; i++) {
		int p[2];

		assert_int_equal(pipe(p), 0);
		to[i] = p[0];
		if (fork() == 0) {
			char c;

			(void)close(go[1]);
			if (read(go[0], &c, 1) !=
				0 || /* all start when the end is closed */
			    sl_keystore_seed(dir, "id", true, key[i], NULL, &err) < 0 ||
			    write(p[1], key[i], 32) != 32)
				_exit(1);
			_exit(0);
		}
		(void)close(p[1]);
	}
	(void)close(go[0]);
	(void)close(go[1]);
	for (int i = 0; i < N; i++) {
		assert_int_equal(read(to[i], key[i], 32), 32);
		assert_memory_equal(key[i], key[0], 32);
		(void)close(to[i]);
	}
	for (int i = 0; i < N; i++)
		(void)wait(NULL);
	(void)close(dir);
	drop(home, path);
}

static void
write_file(int dir, const char *name, size_t n, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0123456789012345678901234567890123456789", n),
			 (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void
test_refused(void **state)
{
	static const struct {
		size_t n;
		mode_t mode;
		int code;
	} bad[] = {
		{ 32, 0640, SL_E(ENV) },   { 32, 0604, SL_E(ENV) },
		{ 32, 0400, SL_E(ENV) },   { 32, 04600, SL_E(ENV) },
		{ 31, 0600, SL_E(STORE) }, { 33, 0600, SL_E(STORE) },
		{ 0, 0600, SL_E(STORE) },
	};
	struct sl_err err = { 0 };
	uint8_t key[32] = { 0 }, zero[32] = { 0 };
	char path[64];
	int home = make_home(path), dir = -1;

	(void)state;
	assert_int_equal(sl_keystore_open(home, "keys", &dir, &err), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err e = { 0 };

		write_file(dir, "id", bad[i].n, bad[i].mode);
		assert_int_equal(sl_keystore_seed(dir, "id", true, key, NULL, &e),
				 bad[i].code);
		assert_int_equal(unlinkat(dir, "id", 0), 0);
	}
	write_file(dir, "other", 32, 0600);
	for (int i = 0; i < 3; i++) { /* links, a directory, a FIFO */
		struct sl_err e = { 0 };

		assert_int_equal(i == 0   ? symlinkat("other", dir, "id")
				 : i == 1 ? mkdirat(dir, "id", 0700)
					  : mkfifoat(dir, "id", 0600),
				 0);
		assert_true(sl_keystore_seed(dir, "id", true, key, NULL, &e) < 0);
		assert_int_equal(unlinkat(dir, "id", i == 1 ? AT_REMOVEDIR : 0), 0);
	}
	assert_memory_equal(key, zero, 32);
	(void)close(dir);
	drop(home, path);
}

static void
test_bad_directory(void **state)
{
	struct sl_err e1 = { 0 }, e2 = { 0 };
	char path[64];
	int home = make_home(path), dir = -1;

	(void)state;
	assert_int_equal(mkdirat(home, "keys", 0700), 0);
	assert_int_equal(fchmodat(home, "keys", 0750, 0), 0);
	assert_int_equal(sl_keystore_open(home, "keys", &dir, &e1), SL_E(ENV));
	assert_int_equal(unlinkat(home, "keys", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("/tmp", home, "keys"), 0);
	assert_int_equal(sl_keystore_open(home, "keys", &dir, &e2), SL_E(SYS));
	assert_int_equal(dir, -1);
	drop(home, path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_once),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_directory),
	};

	return run_suite("keystore", tests, SL_ARRAY_LEN(tests));
}
