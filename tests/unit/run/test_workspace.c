/* test_workspace.c -- run/workspace: freeze, cache, drift, copy, remove. */
#include "run/ws_int.h"
#include "ws_t.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static void
tree(int d)
{
	close(ws_t_dir(d, "src"));
	close(ws_t_dir(d, "src/deep"));
	put(d, "a.txt", "hello", 0644);
	put(d, "src/main.c", "int main;", 0644);
	put(d, "src/deep/run.sh", "#!/bin/sh", 0755);
	put(d, "src-x", "", 0600);
	assert_return_code(symlinkat("../../etc/passwd", d, "src/out"), 0);
	assert_return_code(mkfifoat(d, "fifo", 0600), 0);
}

static void
test_lists_everything_in_order(void **state)
{
	static const struct {
		const char *path;
		enum sl_ws_type type;
		unsigned mode;
		uint64_t size;
	} want[] = {
		{ "a.txt", SL_WT_FILE, 0644, 5 },
		{ "fifo", SL_WT_SPECIAL, 0600, 0 },
		{ "src", SL_WT_DIR, 0755, 0 },
		{ "src-x", SL_WT_FILE, 0600, 0 },
		{ "src/deep", SL_WT_DIR, 0755, 0 },
		{ "src/deep/run.sh", SL_WT_FILE, 0755, 9 },
		{ "src/main.c", SL_WT_FILE, 0644, 9 },
		{ "src/out", SL_WT_LINK, 0, 0 },
	};
	struct ws_t t;
	const struct sl_ws_manifest *m;
	uint8_t d[32];

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	m = freeze(&t, t.base);
	assert_int_equal(m->n, SL_ARRAY_LEN(want));
	for (size_t i = 0; i < m->n; i++) {
		assert_string_equal((const char *)m->entry[i]->path.p, want[i].path);
		assert_int_equal(m->entry[i]->type, want[i].type);
		assert_int_equal(m->entry[i]->mode, want[i].mode);
		assert_int_equal(m->entry[i]->size, want[i].size);
		assert_ptr_equal(sl_ws_find(m, m->entry[i]->path), m->entry[i]);
	}
	sl_sha256(SL_LIT("hello"), d);
	assert_memory_equal(m->entry[0]->digest, d, 32);
	sl_sha256(SL_LIT("../../etc/passwd"), d);
	assert_memory_equal(m->entry[7]->digest, d, 32);
	assert_int_equal(m->n_special, 1);
	assert_int_equal(m->n_bytes, 23);
	assert_null(sl_ws_find(m, SL_LIT("src/")));
	ws_t_end(&t);
}

/* The encoding in workspace.h, by hand. */
static void
test_digest_is_as_documented(void **state)
{
	static const char head[] = "sluice-workspace-v1";
	struct ws_t t;
	const struct sl_ws_manifest *m;
	uint8_t want[32], file[32];
	struct sl_sha256 h;

	(void)state;
	ws_t_begin(&t);
	m = freeze(&t, t.base);
	sl_sha256((struct sl_slice){ (const uint8_t *)head, sizeof(head) }, want);
	assert_memory_equal(m->digest, want, 32); /* empty */
	put(t.base, "ab", "hello", 0750);
	m = freeze(&t, t.base);
	sl_sha256(SL_LIT("hello"), file);
	sl_sha256_init(&h);
	sl_sha256_add(&h, head, sizeof(head));
	sl_sha256_add(&h, "f\x01\xe8\0\0\0\0\0\0\0\x05", 11);
	sl_sha256_add(&h, file, 32);
	sl_sha256_add(&h, "\0\0\0\2ab", 6);
	sl_sha256_end(&h, want);
	assert_memory_equal(m->digest, want, 32);
	ws_t_end(&t);
}

static void
test_digest_tells_apart(void **state)
{
	struct ws_t t;
	uint8_t seen[8][32];
	size_t n = 0;

	(void)state;
	ws_t_begin(&t);
	for (int i = 0; i < 8; i++) {
		if (i == 1)
			put(t.base, "f", "", 0644);
		if (i == 2)
			put(t.base, "f", "x", 0644);
		if (i == 3)
			put(t.base, "f", "x", 0600);
		if (i == 4)
			assert_return_code(renameat(t.base, "f", t.base, "g"), 0);
		if (i == 5)
			assert_return_code(symlinkat("x", t.base, "l"), 0);
		if (i == 6)
			close(ws_t_dir(t.base, "d"));
		if (i == 7)
			assert_return_code(renameat(t.base, "g", t.base, "d/g"), 0);
		memcpy(seen[n++], freeze(&t, t.base)->digest, 32);
		for (size_t k = 0; k + 1 < n; k++)
			assert_memory_not_equal(seen[k], seen[n - 1], 32);
	}
	/* owner and times are not part */
	assert_return_code(futimens(t.base, (struct timespec[2]){ { 1, 0 }, { 1, 0 } }),
			   0);
	assert_return_code(
	    utimensat(t.base, "d/g", (struct timespec[2]){ { 1, 0 }, { 1, 0 } }, 0), 0);
	assert_memory_equal(freeze(&t, t.base)->digest, seen[7], 32);
	ws_t_end(&t);
}

static void
test_any_bytes(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;

	(void)state;
	ws_t_begin(&t);
	put(t.base, "\xff\xfe", "", 0644);
	put(t.base, "a\nb\t", "", 0644);
	put(t.base, "\x01", "", 0644);
	put(t.base, "...", "", 0644);
	m = freeze(&t, t.base);
	assert_int_equal(m->n, 4);
	assert_string_equal((const char *)m->entry[0]->path.p, "\x01");
	assert_string_equal((const char *)m->entry[3]->path.p, "\xff\xfe");
	ws_t_end(&t);
}

static void
test_closed_special_mounted(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	int s;

	(void)state;
	ws_t_begin(&t);
	put(t.base, "closed", "secret", 0000);
	close(ws_t_dir(t.base, "shut"));
	put(t.base, "shut/in", "", 0644);
	close(ws_t_dir(t.base, "listed"));
	put(t.base, "listed/in", "", 0644);
	assert_return_code(fchmodat(t.base, "shut", 0000, 0), 0);
	assert_return_code(fchmodat(t.base, "listed", 0400, 0), 0);
	{
		struct sockaddr_un un = { .sun_family = AF_UNIX };

		snprintf(un.sun_path, sizeof(un.sun_path), "%s/base/sock", t.dir);
		assert_return_code(s = socket(AF_UNIX, SOCK_STREAM, 0), 0);
		assert_return_code(bind(s, (struct sockaddr *)&un, sizeof(un)), 0);
		close(s);
	}
	m = freeze(&t, t.base);
	assert_int_equal(sl_ws_find(m, SL_LIT("sock"))->type, SL_WT_SPECIAL);
	if (geteuid() == 0) {
		assert_int_equal(m->n, 6);
		assert_int_equal(m->n_closed, 0);
	} else {
		assert_int_equal(m->n, 5);
		assert_int_equal(sl_ws_find(m, SL_LIT("closed"))->type,
				 SL_WT_CLOSED_FILE);
		assert_int_equal(sl_ws_find(m, SL_LIT("shut"))->type, SL_WT_CLOSED_DIR);
		assert_int_equal(sl_ws_find(m, SL_LIT("listed/in"))->type,
				 SL_WT_CLOSED_FILE);
		assert_int_equal(m->n_closed, 3);
	}
	/* nothing was opened up to look */
	assert_int_equal(mode_of(t.base, "closed"), S_IFREG);
	assert_int_equal(mode_of(t.base, "shut"), S_IFDIR);
	ws_t_end(&t);

	/* another file system below: /dev has several; /dev itself is one */
	ws_t_begin(&t);
	s = open("/", O_RDONLY | O_DIRECTORY);
	{
		struct ws_st st;

		assert_int_equal(ws_stat(s, "proc", &st), 0);
		assert_int_equal(st.type, SL_WT_MOUNT);
		assert_int_equal(ws_open(s, "proc", O_RDONLY | O_DIRECTORY), -EXDEV);
		assert_true(ws_open(s, "../etc", O_RDONLY) < 0);
		assert_true(ws_open(s, "/etc", O_RDONLY) < 0);
	}
	close(s);
	ws_t_end(&t);
}

static void
test_limits(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m = NULL;
	struct sl_err err = { 0 };
	char name[201];
	int d, up;

	(void)state;
	ws_t_begin(&t);
	d = dup(t.base);
	for (int i = 0; i < SL_WS_DEPTH_MAX + 1; i++) {
		up = d;
		d = ws_t_dir(up, "d");
		close(up);
	}
	close(d);
	assert_int_equal(sl_ws_freeze(t.base, -1, SL_LIT("/x"), &t.a, &m, &t.err),
			 SL_E(LIMIT));
	assert_null(m);
	assert_non_null(strstr(t.err.msg, "d/d/d"));
	ws_t_end(&t);

	ws_t_begin(&t);
	memset(name, 'n', 200);
	name[200] = '\0';
	d = dup(t.base);
	for (int i = 0; i < 21; i++) {
		up = d;
		d = ws_t_dir(up, name);
		close(up);
	}
	close(d);
	assert_int_equal(sl_ws_freeze(t.base, -1, SL_LIT("/x"), &t.a, &m, &err),
			 SL_E(LIMIT));
	ws_t_end(&t);
}

static void
until_old(void)
{
	int64_t from = ws_now();

	while (ws_now() < from + 20 * 1000 * 1000)
		continue; /* a few ticks of the file systems' clock */
}

static const struct sl_ws_manifest *
cached(struct ws_t *t)
{
	const struct sl_ws_manifest *m = NULL;

	if (sl_ws_freeze(t->base, t->target, SL_LIT("/x"), &t->a, &m, &t->err) != 0)
		fail_msg("%s", t->err.msg);
	return m;
}

static void
test_cache(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m, *first;

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	first = cached(&t);
	assert_int_equal(first->n_hashed, 4);
	assert_int_equal(cached(&t)->n_hashed, 4); /* written in the freeze's own tick */
	until_old();
	assert_int_equal(cached(&t)->n_hashed, 4); /* not told apart by the last cache */
	m = cached(&t);
	assert_int_equal(m->n_hashed, 0);
	assert_memory_equal(m->digest, first->digest, 32);
	/* same size, same mtime, other content: ctime tells */
	{
		struct stat st;

		assert_return_code(fstatat(t.base, "a.txt", &st, 0), 0);
		put(t.base, "a.txt", "HELLO", 0644);
		assert_return_code(
		    utimensat(t.base, "a.txt",
			      (struct timespec[2]){ st.st_atim, st.st_mtim }, 0),
		    0);
	}
	m = cached(&t);
	assert_int_equal(m->n_hashed, 1);
	assert_memory_not_equal(m->digest, first->digest, 32);
	/* another directory does not see it */
	assert_int_equal(sl_ws_freeze(t.base, t.target, SL_LIT("/y"), &t.a, &m, &t.err),
			 0);
	assert_int_equal(m->n_hashed, 4);
	ws_t_end(&t);
}

/* One file in t.target, whatever its name. */
static void
the_cache(struct ws_t *t, char name[80])
{
	uint8_t d[32];

	sl_sha256(SL_LIT("/x"), d);
	memcpy(name, "ws-", 3);
	for (int i = 0; i < 32; i++)
		snprintf(name + 3 + 2 * i, 3, "%02x", d[i]);
	assert_return_code(faccessat(t->target, name, F_OK, 0), 0);
}

static void
test_damaged_cache(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	char name[80];
	uint8_t good[4096], want[32];
	ssize_t n;
	int fd;

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	memcpy(want, cached(&t)->digest, 32);
	until_old();
	(void)cached(&t);
	the_cache(&t, name);
	fd = openat(t.target, name, O_RDONLY);
	n = read(fd, good, sizeof(good));
	close(fd);
	assert_in_range(n, 200, sizeof(good) - 1);
	for (ssize_t i = 0; i < n; i += i < 120 ? 1 : 13) { /* flip, and cut */
		for (int cut = 0; cut < 2; cut++) {
			fd = openat(t.target, name, O_WRONLY | O_TRUNC);
			if (!cut)
				good[i] ^= 0x41;
			assert_int_equal(write(fd, good, cut ? i : n), cut ? i : n);
			if (!cut)
				good[i] ^= 0x41;
			close(fd);
			m = cached(&t);
			assert_int_equal(m->n_hashed, 4);
			assert_memory_equal(m->digest, want, 32);
		}
	}
	/* not a file at all, and nowhere to write */
	assert_return_code(unlinkat(t.target, name, 0), 0);
	close(ws_t_dir(t.target, name));
	assert_memory_equal(cached(&t)->digest, want, 32);
	assert_return_code(unlinkat(t.target, name, AT_REMOVEDIR), 0);
	assert_return_code(symlinkat("/dev/zero", t.target, name), 0);
	assert_memory_equal(cached(&t)->digest, want, 32);
	ws_t_end(&t);
}

/* With a right checksum, so that what is behind it is tested. */
static int
decode(const uint8_t *p, size_t n)
{
	uint8_t *b = malloc(n);
	struct sl_arena a = { 0 };
	struct sl_ws_manifest *m = NULL;
	struct sl_err err = { 0 };
	int r;

	memcpy(b, p, n);
	sl_sha256((struct sl_slice){ b, n - 32 }, b + n - 32);
	sl_arena_init(&a, 1 << 20);
	r = ws_decode((struct sl_slice){ at_edge(b, n), n }, &a, &m, &err);
	assert_true(r == 0 ? m != NULL : m == NULL && err.code == r);
	sl_arena_free(&a);
	free(b);
	return r;
}

static void
test_decode_checks_everything(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	uint8_t good[4096], bad[4096];
	ssize_t n;
	int fd;
	/* offset, value: all in the header or the first entry ("a.txt") */
	static const struct {
		size_t at;
		uint8_t v;
	} x[] = {
		{ 0, 'X' },   { 8, 9 },     { 8, 7 },     { 15, 1 },  { 24, 'w' },
		{ 24, 0 },    { 25, 1 },    { 27, 0x10 }, { 28, 0 },  { 28, 4 },
		{ 31, 0xff }, { 24, 'd' },  { 104, '/' }, { 104, 0 }, { 104, 'z' },
		{ 105, '/' }, { 108, '/' },
	};

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	m = freeze(&t, t.base);
	assert_int_equal(sl_ws_save(m, t.target, "m", &t.err), 0);
	fd = openat(t.target, "m", O_RDONLY);
	n = read(fd, good, sizeof(good));
	close(fd);
	assert_int_equal(decode(good, n), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(x); i++) {
		memcpy(bad, good, n);
		bad[x[i].at] = x[i].v;
		if (x[i].at == 105) /* "a/txt": a path like any other */
			assert_int_equal(decode(bad, n), 0);
		else if (decode(bad, n) != SL_E(FORMAT))
			fail_msg("%zu = %d", x[i].at, x[i].v);
	}
	for (ssize_t i = 32; i < n; i++)
		assert_int_equal(decode(good, i), SL_E(FORMAT));
	ws_t_end(&t);
}

static void
test_save_and_load(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m, *l = NULL;
	struct sl_err err = { 0 };

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	m = freeze(&t, t.base);
	assert_int_equal(sl_ws_load(t.target, "none", &t.a, &l, &err), SL_E(SYS));
	assert_null(l);
	assert_int_equal(sl_ws_save(m, t.target, "m", &t.err), 0);
	assert_int_equal(sl_ws_load(t.target, "m", &t.a, &l, &t.err), 0);
	assert_int_equal(l->n, m->n);
	assert_memory_equal(l->digest, m->digest, 32);
	for (size_t i = 0; i < m->n; i++) {
		struct sl_ws_entry x = *m->entry[i], y = *l->entry[i];

		assert_string_equal((const char *)x.path.p, (const char *)y.path.p);
		assert_int_equal(x.ino, y.ino);
		assert_int_equal(x.ctime_ns, y.ctime_ns);
		assert_int_equal(x.mtime_ns, y.mtime_ns);
		assert_int_equal(x.dev, y.dev);
	}
	assert_int_equal(l->stamp_ns, m->stamp_ns);
	ws_t_end(&t);
}

static void
test_drift(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_drift d;

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	m = freeze(&t, t.base);
	assert_int_equal(sl_ws_recheck(t.base, m, 10, &t.a, &d, &t.err), 0);
	assert_int_equal(d.n, 0);
	/* touched, written again with the same bytes: no drift */
	put(t.base, "a.txt", "hello", 0644);
	assert_int_equal(sl_ws_recheck(t.base, m, 10, &t.a, &d, &t.err), 0);
	assert_int_equal(d.n, 0);
	put(t.base, "a.txt", "Hello", 0644); /* in the freeze's tick perhaps: seen */
	put(t.base, "new", "", 0644);
	assert_return_code(unlinkat(t.base, "src-x", 0), 0);
	assert_return_code(fchmodat(t.base, "src/main.c", 0600, 0), 0);
	assert_int_equal(sl_ws_recheck(t.base, m, 10, &t.a, &d, &t.err), 0);
	assert_int_equal(d.n, 4);
	assert_int_equal(d.n_path, 4);
	assert_string_equal((const char *)d.path[0].p, "a.txt");
	assert_string_equal((const char *)d.path[1].p, "new");
	assert_string_equal((const char *)d.path[2].p, "src-x");
	assert_string_equal((const char *)d.path[3].p, "src/main.c");
	assert_int_equal(sl_ws_recheck(t.base, m, 2, &t.a, &d, &t.err), 0);
	assert_int_equal(d.n, 4);
	assert_int_equal(d.n_path, 2);
	ws_t_end(&t);
}

static void
test_copy(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m, *c;
	uint64_t left_out = 0;
	struct stat a, b;
	int fd;

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	assert_return_code(unlinkat(t.base, "fifo", 0), 0);
	fd = openat(t.base, "sparse", O_WRONLY | O_CREAT, 0644);
	assert_return_code(ftruncate(fd, 1 << 22), 0);
	assert_int_equal(pwrite(fd, "x", 1, 1 << 21), 1);
	close(fd);
	assert_return_code(fchmodat(t.base, "src/deep", 0555, 0), 0);
	m = freeze(&t, t.base);
	assert_int_equal(sl_ws_copy(t.base, m, t.target, -1, -1, &left_out, &t.err), 0);
	assert_int_equal(left_out, 0);
	c = freeze(&t, t.target);
	assert_memory_equal(c->digest, m->digest, 32);
	assert_return_code(fstatat(t.base, "a.txt", &a, 0), 0);
	assert_return_code(fstatat(t.target, "a.txt", &b, 0), 0);
	assert_memory_equal(&a.st_mtim, &b.st_mtim, sizeof(a.st_mtim));
	assert_true(a.st_ino != b.st_ino);
	/* into a directory that is not empty: refused */
	assert_int_equal(sl_ws_copy(t.base, m, t.target, -1, -1, &left_out, &t.err),
			 SL_E(SYS));
	ws_t_end(&t);
	/* what went or turned into a link meanwhile is left out, never followed */
	ws_t_begin(&t);
	tree(t.base);
	m = freeze(&t, t.base);
	assert_return_code(unlinkat(t.base, "a.txt", 0), 0);
	assert_return_code(symlinkat("/etc/passwd", t.base, "a.txt"), 0);
	assert_return_code(unlinkat(t.base, "src/main.c", 0), 0);
	assert_int_equal(sl_ws_copy(t.base, m, t.target, -1, -1, &left_out, &t.err), 0);
	assert_int_equal(left_out, 3);
	assert_int_equal(mode_of(t.target, "a.txt"), 0);
	assert_int_equal(mode_of(t.target, "src/deep/run.sh"), S_IFREG | 0755);
	ws_t_end(&t);
}

static void
test_remove(void **state)
{
	struct ws_t t;
	int d, up;

	(void)state;
	ws_t_begin(&t);
	put(t.target, "keep", "precious", 0644);
	tree(t.base);
	assert_return_code(symlinkat("../target", t.base, "link"), 0);
	d = dup(t.base);
	for (int i = 0; i < 600; i++) { /* deeper than any path could say */
		up = d;
		d = ws_t_dir(up, "a-rather-long-name");
		put(up, "f", "", 0000);
		if (i > 0 && i % 7 == 0)
			assert_return_code(fchmod(up, 0000), 0);
		close(up);
	}
	close(d);
	assert_return_code(fchmodat(t.base, "src/deep", 0000, 0), 0);
	assert_return_code(fchmod(t.base, 0000), 0);
	assert_int_equal(sl_ws_remove(t.top, "base", &t.err), 0);
	assert_int_equal(mode_of(t.top, "base"), 0);
	assert_string_equal(get(t.target, "keep"), "precious");
	assert_int_equal(sl_ws_remove(t.top, "base", &t.err), 0); /* gone already */
	assert_return_code(symlinkat("target", t.top, "l"), 0);
	assert_int_equal(sl_ws_remove(t.top, "l", &t.err), 0);
	assert_string_equal(get(t.target, "keep"), "precious");
	assert_int_equal(sl_ws_remove(AT_FDCWD, "/proc/self/fdinfo", &t.err), SL_E(SYS));
	ws_t_end(&t);
}

static void
test_many(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	char name[32];
	int d;

	(void)state;
	ws_t_begin(&t);
	d = ws_t_dir(t.base, "many");
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_return_code(linkat(t.base, "many/f0", d, name, 0) < 0
				       ? mknodat(d, name, S_IFREG | 0644, 0)
				       : 0,
				   0);
	}
	close(d);
	m = freeze(&t, t.base);
	assert_int_equal(m->n, 5001);
	for (size_t i = 1; i < m->n; i++)
		assert_true(ws_path_cmp(m->entry[i - 1]->path, m->entry[i]->path) < 0);
	ws_t_end(&t);
}

/* The directory changes under the walk: every answer is a manifest or an error. */
static void
test_alive(void **state)
{
	struct ws_t t;
	pid_t pid;

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	assert_return_code(symlinkat("/etc", t.base, "e"), 0);
	assert_return_code(pid = fork(), 0);
	if (pid == 0)
		for (;;) {
			(void)renameat2(t.base, "src", t.base, "e", RENAME_EXCHANGE);
			(void)renameat2(t.base, "a.txt", t.base, "fifo", RENAME_EXCHANGE);
		}
	for (int i = 0; i < 300; i++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_ws_manifest *m = NULL;
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 24);
		if (sl_ws_freeze(t.base, -1, SL_LIT("x"), &a, &m, &err) != 0) {
			assert_int_equal(err.code, SL_E(SYS));
			continue;
		}
		assert_null(sl_ws_find(m, SL_LIT("e/passwd")));
		assert_null(sl_ws_find(m, SL_LIT("src/passwd")));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ws_t_end(&t);
}

static void
test_every_allocation_failing(void **state)
{
	struct ws_t t;
	unsigned long at = 0;
	int r;

	(void)state;
	ws_t_begin(&t);
	tree(t.base);
	(void)cached(&t);
	do {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_ws_manifest *m = NULL, *l = NULL;
		struct sl_ws_drift d = { 0 };
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 22);
		a.fail_at = ++at;
		put(t.base, "a.txt", "hello", 0644);
		r = sl_ws_freeze(t.base, t.target, SL_LIT("/x"), &a, &m, &err);
		assert_true(r == 0 ? m != NULL : r == SL_E(NOMEM) && m == NULL);
		if (r == 0) {
			put(t.base, "a.txt", "other", 0644);
			r = sl_ws_recheck(t.base, m, 4, &a, &d, &err);
			assert_true(r == 0 ? d.n == 1 : r == SL_E(NOMEM) && d.n == 0);
		}
		if (r == 0) {
			assert_int_equal(sl_ws_save(m, t.target, "m", &err), 0);
			r = sl_ws_load(t.target, "m", &a, &l, &err);
			assert_true(r == 0 ? l != NULL : r == SL_E(NOMEM) && l == NULL);
		}
	} while (r != 0);
	assert_in_range(at, 20, 80);
	ws_t_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_everything_in_order),
		cmocka_unit_test(test_digest_is_as_documented),
		cmocka_unit_test(test_digest_tells_apart),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_closed_special_mounted),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_damaged_cache),
		cmocka_unit_test(test_decode_checks_everything),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_drift),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_every_allocation_failing),
	};

	return run_suite("workspace", tests, SL_ARRAY_LEN(tests));
}
