/* test_filecmd.c -- GITHUB_ENV, GITHUB_OUTPUT, GITHUB_STATE, GITHUB_PATH. */
#include "t.h"

#include "base/buf.h"
#include "flow/filecmd.h"

#include <stdlib.h>

enum { CAP = 16 << 20 };

static const struct sl_limits lim = { 1 << 20, 1000, 0 };

typedef int pairs_fn(struct sl_slice, const struct sl_limits *, struct sl_arena *,
		     const struct sl_filecmd_pair **, size_t *, struct sl_err *);

/* "[key=value]" one after the other. */
static void
expect(pairs_fn *fn, struct sl_slice src, const char *want)
{
	SL_AUTO_BUF b = { .max = CAP };
	struct sl_arena a = { .cap = CAP };
	const struct sl_filecmd_pair *p;
	struct sl_err err = { 0 };
	size_t n;
	int r = fn((struct sl_slice){ at_edge(src.p, src.len), src.len }, &lim, &a, &p,
		   &n, &err);

	if (r < 0)
		print_message("# %s: %s\n", want, err.msg);
	assert_int_equal(r, 0);
	sl_buf_str(&b, "");
	for (size_t i = 0; i < n; i++) {
		sl_buf_byte(&b, '[');
		sl_buf_slice(&b, p[i].key);
		sl_buf_byte(&b, '=');
		sl_buf_slice(&b, p[i].value);
		sl_buf_byte(&b, ']');
	}
	assert_string_equal((char *)b.p, want);
	sl_arena_free(&a);
}

static void
fails(pairs_fn *fn, struct sl_slice src, int code, const char *msg)
{
	struct sl_arena a = { .cap = CAP };
	const struct sl_filecmd_pair *p = NULL;
	struct sl_err err = { 0 };
	size_t n = 77;

	assert_int_equal(fn((struct sl_slice){ at_edge(src.p, src.len), src.len }, &lim,
			    &a, &p, &n, &err),
			 code);
	assert_string_equal(err.msg, msg);
	assert_true(p == NULL && n == 77);
	sl_arena_free(&a);
}

static void
test_pairs(void **state)
{
	pairs_fn *fn = sl_filecmd_pairs;

	(void)state;
	expect(fn, SL_LIT(""), "");
	expect(fn, SL_LIT("\n\n"), "");
	expect(fn, SL_LIT("A=1"), "[A=1]");
	expect(fn, SL_LIT("A=1\nB=\nA=2\n"), "[A=1][B=][A=2]");
	expect(fn, SL_LIT("A==x=y"), "[A==x=y]");
	expect(fn, SL_LIT("A=b<<c"), "[A=b<<c]");
	expect(fn, SL_LIT(" A = b \r\n"), "[ A = b \r]");
	expect(fn, SL_LIT("=v"), "[=v]");
	expect(fn,
	       SL_LIT("\xef\xbb\xbf"
		      "A=1"),
	       "[A=1]");
	expect(fn, SL_LIT("A<<EOF\none\ntwo\nEOF\nB=2"), "[A=one\ntwo][B=2]");
	expect(fn, SL_LIT("A<<EOF\nEOF"), "[A=]");
	expect(fn, SL_LIT("A<<EOF\n\nEOF"), "[A=]");
	expect(fn, SL_LIT("A<<EOF\n\n\nEOF"), "[A=\n]");
	expect(fn, SL_LIT("A<<EOF\nEOF \n EOF\nEOF\n"), "[A=EOF \n EOF]");
	expect(fn, SL_LIT("A<<x=y\nv\nx=y\n"), "[A=v]");
	expect(fn, SL_LIT("A<<B<<C\nv\nB<<C\n"), "[A=v]");
	expect(fn, SL_LIT("A<<E\nB=1\nC<<F\nE\n"), "[A=B=1\nC<<F]");
	expect(fn, SL_LIT("A<<E\r\nv\r\nE\r\n"), "[A=v\r]");
	expect(fn, SL_LIT("A<< \nv\n \n"), "[A=v]");
}

static void
test_pairs_wrong(void **state)
{
	pairs_fn *fn = sl_filecmd_pairs;

	(void)state;
	fails(fn, SL_LIT("A"), SL_E(FAILED), "Invalid format 'A'");
	fails(fn, SL_LIT("A=1\nB\nC=1"), SL_E(FAILED), "Invalid format 'B'");
	fails(fn, SL_LIT("A<B"), SL_E(FAILED), "Invalid format 'A<B'");
	fails(fn, SL_LIT("\x1b[2J"), SL_E(FAILED), "Invalid format '\\x1b[2J'");
	fails(fn, SL_LIT("<<E\nE"), SL_E(FAILED),
	      "Invalid format '<<E'. Name must not be empty and delimiter must not be "
	      "empty");
	fails(fn, SL_LIT("A<<\n"), SL_E(FAILED),
	      "Invalid format 'A<<'. Name must not be empty and delimiter must not be "
	      "empty");
	fails(fn, SL_LIT("A<<EOF"), SL_E(FAILED),
	      "Invalid value. Matching delimiter not found 'EOF'");
	fails(fn, SL_LIT("A<<EOF\nx\n"), SL_E(FAILED),
	      "Invalid value. Matching delimiter not found 'EOF'");
	fails(fn, SL_LIT("A<<EOF\nx"), SL_E(FAILED),
	      "Invalid value. EOF marker missing new line.");
	fails(fn, SL_LIT("A<<EOF\neof\n"), SL_E(FAILED),
	      "Invalid value. Matching delimiter not found 'EOF'");
}

static void
test_env(void **state)
{
	static const char *const refused[] = {
		"NODE_OPTIONS", "node_options",    "Node_Options",
		"LD_PRELOAD",   "ld_library_path", "LD_",
		"Ld_x",         "BASH_ENV",        "bash_env"
	};
	static const char *const fine[] = {
		"",          "L",   "LD", "LDX", "XLD_A", "NODE_OPTION", "NODE_OPTIONSX",
		"BASH_ENVX", "PATH"
	};
	pairs_fn *fn = sl_filecmd_env;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(refused); i++)
		assert_non_null(sl_filecmd_env_refused(sl_slice_str(refused[i])));
	for (size_t i = 0; i < SL_ARRAY_LEN(fine); i++)
		assert_null(sl_filecmd_env_refused(sl_slice_str(fine[i])));
	expect(fn, SL_LIT("A=1\nB<<E\nx\nE"), "[A=1][B=x]");
	fails(fn, SL_LIT("A=1\nLD_PRELOAD<<E\n/x.so\nE\n"), SL_E(DENIED),
	      "Can't store LD_PRELOAD output parameter using '$GITHUB_ENV' command. (the "
	      "dynamic linker of every "
	      "later program obeys it)");
	fails(fn, SL_LIT("node_options=x"), SL_E(DENIED),
	      "Can't store node_options output parameter using '$GITHUB_ENV' command. "
	      "(it changes what every "
	      "later node program loads)");
	fails(fn, SL_LIT("=x"), SL_E(FAILED),
	      "Invalid format '=x'. Name must not be empty");
	fails(fn, SL_LIT("A=x\0y"), SL_E(FAILED),
	      "Invalid value of 'A'. It holds a NUL byte");
	fails(fn, SL_LIT("A"), SL_E(FAILED), "Invalid format 'A'");
}

static void
test_paths(void **state)
{
	struct sl_arena a = { .cap = CAP };
	struct sl_err err = { 0 };
	const struct sl_slice *p;
	size_t n;

	(void)state;
	assert_int_equal(
	    sl_filecmd_paths(SL_LIT("/a\n\n/b c\r\n/a\r/d"), &lim, &a, &p, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_true(sl_slice_eq(p[0], SL_LIT("/a")) && sl_slice_eq(p[1], SL_LIT("/b c")));
	assert_true(sl_slice_eq(p[2], SL_LIT("/a")) && sl_slice_eq(p[3], SL_LIT("/d")));
	assert_int_equal(sl_filecmd_paths(SL_LIT(""), &lim, &a, &p, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(sl_filecmd_paths(SL_LIT("/a\0b"), &lim, &a, &p, &n, &err),
			 SL_E(FAILED));
	sl_arena_free(&a);
}

static void
test_limits(void **state)
{
	struct sl_limits small = { 8, 2, 0 };
	struct sl_arena a = { .cap = CAP };
	const struct sl_filecmd_pair *p;
	const struct sl_slice *d;
	struct sl_err err = { 0 };
	uint8_t *big = malloc(1 << 20);
	size_t n;

	(void)state;
	assert_int_equal(sl_filecmd_pairs(SL_LIT("A=1\nB=2\n"), &small, &a, &p, &n, &err),
			 0);
	assert_int_equal(
	    sl_filecmd_pairs(SL_LIT("A=1\nB=2\n\n"), &small, &a, &p, &n, &err),
	    SL_E(LIMIT));
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_filecmd_pairs(SL_LIT("A=\nB=\nC="), &small, &a, &p, &n, &err),
			 SL_E(LIMIT));
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_filecmd_paths(SL_LIT("a\nb\nc"), &small, &a, &d, &n, &err),
			 SL_E(LIMIT));
	err = (struct sl_err){ 0 };
	assert_int_equal(
	    sl_filecmd_pairs(SL_LIT("A=1"), &(struct sl_limits){ 0 }, &a, &p, &n, &err),
	    SL_E(LIMIT));
	/* A megabyte of line ends takes one pass. */
	err = (struct sl_err){ 0 };
	memset(big, '\r', 1 << 20);
	assert_int_equal(
	    sl_filecmd_paths((struct sl_slice){ big, 1 << 20 }, &lim, &a, &d, &n, &err),
	    0);
	memset(big, '<', 1 << 20);
	assert_int_equal(
	    sl_filecmd_pairs((struct sl_slice){ big, 1 << 20 }, &lim, &a, &p, &n, &err),
	    SL_E(FAILED));
	free(big);
	sl_arena_free(&a);
}

static void
test_allocation(void **state)
{
	unsigned long n = 0;
	struct sl_arena a;
	int r;

	(void)state;
	do {
		const struct sl_filecmd_pair *p;
		const struct sl_slice *d;
		struct sl_err err = { 0 };
		size_t k;

		sl_arena_init(&a, CAP);
		a.fail_at = ++n;
		if ((r = sl_filecmd_env(SL_LIT("A=1\nB<<E\nx\nE\n"), &lim, &a, &p, &k,
					&err)) == 0)
			r = sl_filecmd_paths(SL_LIT("/a\n/b"), &lim, &a, &d, &k, &err);
		assert_true(r == 0 || r == SL_E(NOMEM));
		sl_arena_free(&a);
	} while (r != 0 && n < 1000);
	assert_int_equal(r, 0);
	assert_true(n >= 3);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(test_pairs),  cmocka_unit_test(test_pairs_wrong),
		cmocka_unit_test(test_env),    cmocka_unit_test(test_paths),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_allocation),
	};

	return run_suite("flow-filecmd", t, SL_ARRAY_LEN(t));
}
