/* test_archive.c -- run/archive: the verdict of each file of the fuzzer's corpus is in
 * its name; with less to spend it is the same, or none. */
#include "run/archive.h"
#include "t.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
	uint8_t *p;
	size_t n;
	uint64_t n_read; /* bytes */
};

static long
read_at(void *arg, uint64_t off, void *p, size_t n)
{
	struct file *f = arg;

	if (off >= f->n)
		return 0;
	if (n > f->n - off)
		n = f->n - (size_t)off;
	memcpy(p, f->p + off, n);
	f->n_read += n;
	return (long)n;
}

static long
fail_at(void *arg, uint64_t off, void *p, size_t n)
{
	(void)arg, (void)off, (void)p, (void)n;
	return -5;
}

static struct file
load(const char *name)
{
	struct file f = { .p = malloc(1 << 20) };
	char path[1024];
	FILE *in;

	(void)snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	in = fopen(path, "rb");
	assert_non_null(in);
	assert_non_null(f.p);
	f.n = fread(f.p, 1, 1 << 20, in);
	assert_int_equal(fclose(in), 0);
	assert_in_range(f.n, 1, (1 << 20) - 1);
	return f;
}

static enum sl_archive
look(struct file *f, uint64_t left, uint64_t *ret_used)
{
	struct sl_archive_src src = { read_at, f, f->n, left };
	enum sl_archive r = sl_archive_look(&src);

	assert_true(src.left <= left);
	*ret_used = left - src.left;
	return r;
}

static enum sl_archive
named(const char *name)
{
	return strncmp(name, "esc-", 4) == 0     ? SL_AR_ESCAPES
	       : strncmp(name, "plain-", 6) == 0 ? SL_AR_PLAIN
						 : SL_AR_UNKNOWN;
}

static void
each(void (*test)(const char *name, struct file *f))
{
	DIR *d = opendir(CORPUS);
	const struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		struct file f;

		if (strchr(e->d_name, '-') == NULL)
			continue;
		f = load(e->d_name);
		test(e->d_name, &f);
		free(f.p);
		n++;
	}
	assert_int_equal(closedir(d), 0);
	assert_in_range(n, 40, 1000);
}

static void
verdict_of(const char *name, struct file *f)
{
	uint64_t used;
	enum sl_archive r = look(f, SL_AR_BYTES_MAX, &used);

	if (r != named(name))
		fail_msg("%s: %d", name, r);
	if (f->n_read > used)
		fail_msg("%s: read %lu, counted %lu", name, f->n_read, used);
}

static void
test_verdict(void **state)
{
	(void)state;
	each(verdict_of);
}

static void
less_of(const char *name, struct file *f)
{
	uint64_t all, used;
	enum sl_archive r = look(f, SL_AR_BYTES_MAX, &all), less;

	for (uint64_t left = 0; left < all; left += 1 + all / 200) {
		less = look(f, left, &used);
		if (less == SL_AR_PLAIN || (less != r && less != SL_AR_UNKNOWN))
			fail_msg("%s: %d with %lu of %lu", name, less, left, all);
	}
	assert_int_equal(look(f, all + 1, &used), r);
	assert_int_equal(used, all);
}

static void
test_less(void **state)
{
	(void)state;
	each(less_of);
}

/* Cut anywhere, what was plain is not: but for a tar, whose end is no part of it. */
static void
cut_of(const char *name, struct file *f)
{
	uint64_t used;
	size_t n = f->n;

	if (named(name) != SL_AR_PLAIN || strstr(name, ".tar") != NULL)
		return;
	for (f->n = 1; f->n < n; f->n++)
		if (look(f, SL_AR_BYTES_MAX, &used) != SL_AR_UNKNOWN)
			fail_msg("%s: plain when cut at %zu", name, f->n);
}

static void
test_cut(void **state)
{
	(void)state;
	each(cut_of);
}

static void
test_unreadable(void **state)
{
	struct sl_archive_src src = { fail_at, NULL, 1 << 20, SL_AR_BYTES_MAX };

	(void)state;
	assert_int_equal(sl_archive_look(&src), SL_AR_UNKNOWN);
	src.size = 0;
	assert_int_equal(sl_archive_look(&src), SL_AR_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_less),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_unreadable),
	};

	return run_suite("archive", tests, SL_ARRAY_LEN(tests));
}
