/* test_ws_live.c -- a file as the job sees it: its own, hidden, or the base's. */
#include "ws_t.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int
open_live(struct ws_t *t, bool is_overlay, const char *path, int *fd)
{
	t->err = (struct sl_err){ 0 };
	return sl_ws_open_live(t->upper, is_overlay, sl_slice_str(path), fd, &t->err);
}

/* The content, "(base)", or "(none)"; other errors are "(failed)". */
static const char *
seen(struct ws_t *t, bool is_overlay, const char *path)
{
	static char buf[64];
	int fd = -1, r = open_live(t, is_overlay, path, &fd);
	ssize_t n;

	if (r < 0) {
		assert_int_equal(fd, -1);
		return r == SL_E(NOENT) ? "(none)" : "(failed)";
	}
	if (fd < 0)
		return "(base)";
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return buf;
}

static void
found(void **state)
{
	struct ws_t t;
	(void)state;

	ws_t_begin(&t);
	close(ws_t_dir(t.upper, "d"));
	close(ws_t_dir(t.upper, "d/e"));
	put(t.upper, "d/e/f", "own", 0644);
	put(t.upper, "top", "one", 0600);
	assert_string_equal(seen(&t, true, "d/e/f"), "own");
	assert_string_equal(seen(&t, true, "top"), "one");
	assert_string_equal(seen(&t, true, "d/g"), "(base)");
	assert_string_equal(seen(&t, true, "x/y/z"), "(base)");
	/* a copy has no base */
	assert_string_equal(seen(&t, false, "top"), "one");
	assert_string_equal(seen(&t, false, "d/g"), "(none)");
	ws_t_end(&t);
}

static void
hidden(void **state)
{
	struct ws_t t;
	int d;
	(void)state;

	ws_t_begin(&t);
	d = ws_t_dir(t.upper, "o");
	close(ws_t_dir(t.upper, "o/p"));
	put(t.upper, "o/p/f", "own", 0644);
	if (fsetxattr(d, "user.overlay.opaque", "y", 1, 0) < 0) {
		close(d);
		ws_t_end(&t);
		skip();
	}
	close(d);
	assert_string_equal(seen(&t, true, "o/p/f"), "own");
	assert_string_equal(seen(&t, true, "o/p/g"), "(none)");
	assert_string_equal(seen(&t, true, "o/q"), "(none)");
	if (mknodat(t.upper, "gone", S_IFCHR | 0600, makedev(0, 0)) == 0) {
		assert_string_equal(seen(&t, true, "gone"), "(none)");
		assert_string_equal(seen(&t, true, "gone/below"), "(none)");
	}
	ws_t_end(&t);
}

static void
refused(void **state)
{
	static const char *const bad[] = { "",       ".",    "..", "/etc/passwd", "../x",
					   "a/../b", "a//b", "a/", "./a" };
	SL_AUTO_BUF longest = { .max = 1 << 16 };
	struct ws_t t;
	(void)state;

	ws_t_begin(&t);
	put(t.top, "secret", "no", 0644);
	put(t.upper, "plain", "p", 0644);
	close(ws_t_dir(t.upper, "dir"));
	assert_return_code(symlinkat("../secret", t.upper, "link"), 0);
	assert_return_code(symlinkat("..", t.upper, "up"), 0);
	assert_return_code(symlinkat("plain", t.upper, "near"), 0);
	assert_return_code(mkfifoat(t.upper, "fifo", 0600), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++)
		assert_string_equal(seen(&t, true, bad[i]), "(none)");
	assert_string_not_equal(seen(&t, true, "link"), "no");
	assert_string_not_equal(seen(&t, true, "up/secret"), "no");
	assert_string_not_equal(seen(&t, true, "near"), "p");
	/* what is no plain file hides what the base has */
	assert_string_equal(seen(&t, true, "link"), "(none)");
	assert_string_equal(seen(&t, true, "up/secret"), "(none)");
	assert_string_equal(seen(&t, true, "fifo"), "(none)");
	assert_string_equal(seen(&t, true, "dir"), "(none)");
	assert_string_equal(seen(&t, true, "plain/below"), "(none)");
	for (int i = 0; i < 4096; i++)
		sl_buf_byte(&longest, 'a');
	sl_buf_byte(&longest, 0);
	assert_string_equal(seen(&t, true, (const char *)longest.p), "(none)");
	longest.p[4095] = 0; /* a name that no file system has */
	assert_string_not_equal(seen(&t, true, (const char *)longest.p), "p");
	ws_t_end(&t);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(hidden),
		cmocka_unit_test(refused),
	};

	return run_suite("ws_live", t, SL_ARRAY_LEN(t));
}
