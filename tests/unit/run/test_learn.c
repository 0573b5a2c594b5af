/* test_learn.c -- from looks to a grant: rows, bounds, what is left out, quoting. */
#include "t.h"

#include "grant/profile.h"
#include "run/learn_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], masked[96]; /* a directory of the host */

struct teach {
	struct sl_arena a;
	struct sl_learn *l;
	struct sl_grant g;
	struct sl_grant_fs fs[4];
	struct sl_proc_end end;
	struct sl_act act;
	struct sl_slice argv[3];
	struct sl_learn_from from;
	const struct sl_lesson *x;
	struct sl_err err;
};

static const char *
in(struct teach *t, const char *rest)
{
	return sl_arena_printf(&t->a, "%s%s", dir, rest);
}

static void
begin(struct teach *t, unsigned access)
{
	*t = (struct teach){ .argv = { SL_LIT("do"), SL_LIT("it's") } };
	sl_arena_init(&t->a, SL_LEARN_MEMORY);
	t->l = sl_learn_new(&t->a);
	assert_non_null(t->l);
	sl_grant_init(&t->g);
	t->fs[0] = (struct sl_grant_fs){ sl_slice_str(dir), access };
	t->g.fs = t->fs;
	t->g.n_fs = access != 0;
	t->act = (struct sl_act){ .argv = t->argv,
				  .n_argv = 2,
				  .cwd = SL_LIT("/home/runner") };
	t->from = (struct sl_learn_from){ .want = &t->g,
					  .act = &t->act,
					  .end = &t->end,
					  .masked = masked,
					  .home = "/home/u" };
}

static void
see(struct teach *t, enum sl_look_kind kind, const char *path, int err, bool is_dir)
{
	struct sl_look k = { kind, sl_slice_str(path), sl_slice_str(path), err, is_dir };
	const struct sl_box_trace *tr = sl_learn_trace(t->l);

	tr->look(tr->arg, &k);
}

static void
derive(struct teach *t)
{
	if (sl_learn_derive(t->l, &t->from, &t->x, &t->err) < 0)
		fail_msg("%s", t->err.msg);
}

static void
is_row(struct teach *t, const struct sl_slice *row, size_t n, size_t at, const char *rest)
{
	struct sl_slice want = sl_slice_str(in(t, rest));

	assert_true(at < n);
	if (!sl_slice_eq(row[at], want))
		fail_msg("row %zu is '%.*s', not '%.*s'", at, SL_ARG(row[at]),
			 SL_ARG(want));
}

static const char *
left(struct teach *t, const char *what)
{
	for (size_t i = 0; i < t->x->n_left; i++)
		if (sl_slice_eq(t->x->left[i].what, sl_slice_str(what)))
			return t->x->left[i].why;
	return NULL;
}

static void
make_file(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	(void)fclose(f);
}

static void
gives_files_and_directories(void **state)
{
	enum { RW = SL_ACC_READ | SL_ACC_WRITE };
	struct teach t;

	(void)state;
	begin(&t, RW);
	see(&t, SL_LOOK_READ, in(&t, "/a/1"), 0, false);
	see(&t, SL_LOOK_READ, in(&t, "/a/1"), 0, false);
	see(&t, SL_LOOK_SEEK, in(&t, "/a/2"), 0, false);
	see(&t, SL_LOOK_READ, in(&t, "/a/gone"), 0, false); /* not there any more */
	see(&t, SL_LOOK_READ, in(&t, "/b"), 0, true);
	see(&t, SL_LOOK_READ, in(&t, "/b/1"), 0, false);
	see(&t, SL_LOOK_MAKE, in(&t, "/c/new"), 0, false);
	see(&t, SL_LOOK_WRITE, in(&t, "/c/1"), 0, false);
	see(&t, SL_LOOK_READ, "/etc/passwd", 0, false); /* the box's own */
	see(&t, SL_LOOK_READ, "/usr/bin/cc", 0, false);
	derive(&t);
	assert_true(t.x->is_last);
	assert_int_equal(t.x->n_read, 3);
	is_row(&t, t.x->read, t.x->n_read, 0, "/a/1");
	is_row(&t, t.x->read, t.x->n_read, 1, "/a/2");
	is_row(&t, t.x->read, t.x->n_read, 2, "/b");
	assert_int_equal(t.x->n_write, 1);
	is_row(&t, t.x->write, t.x->n_write, 0, "/c");
	assert_int_equal(t.x->n_lost, 0);
	sl_arena_free(&t.a);
}

static void
merges_what_is_much(void **state)
{
	struct teach t;

	(void)state;
	begin(&t, SL_ACC_READ);
	for (int i = 0; i < SL_LEARN_READ_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "/d/%d", i);
		see(&t, SL_LOOK_READ, in(&t, name), 0, true);
	}
	see(&t, SL_LOOK_READ, in(&t, "/a/1"), 0, false);
	derive(&t);
	assert_int_equal(t.x->n_read, 2);
	is_row(&t, t.x->read, t.x->n_read, 0, "/a/1");
	is_row(&t, t.x->read, t.x->n_read, 1, "/d");
	sl_arena_free(&t.a);
	/* Never above what was granted. */
	begin(&t, SL_ACC_READ);
	t.fs[0].path = sl_slice_str(in(&t, "/d"));
	for (int i = 0; i < 2 * SL_LEARN_READ_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "/d/%d", i);
		see(&t, SL_LOOK_READ, in(&t, name), 0, true);
	}
	derive(&t);
	assert_int_equal(t.x->n_read, 1);
	is_row(&t, t.x->read, t.x->n_read, 0, "/d");
	sl_arena_free(&t.a);
}

/* Beyond the bound a directory stands for its names; else they are counted. */
static void
is_bounded(void **state)
{
	struct teach t;

	(void)state;
	begin(&t, SL_ACC_READ | SL_ACC_WRITE);
	see(&t, SL_LOOK_SEEK, in(&t, "/c"), 0, true);
	for (int i = 0; i < SL_LEARN_NAMES_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "/none/%d", i);
		see(&t, SL_LOOK_READ, in(&t, name), ENOENT, false);
	}
	see(&t, SL_LOOK_WRITE, in(&t, "/c/1"), 0, false);
	see(&t, SL_LOOK_READ, "/nowhere/at/all", 0, false);
	derive(&t);
	is_row(&t, t.x->write, t.x->n_write, 0, "/c");
	assert_int_equal(t.x->n_names, SL_LEARN_NAMES_MAX);
	assert_int_equal(t.x->n_lost, 2); /* one that was missed, one that was read */
	sl_arena_free(&t.a);
	/* By bytes too. */
	begin(&t, SL_ACC_READ);
	for (int i = 0; i < SL_LEARN_BYTES_MAX / 4000 + 100; i++) {
		char name[4001];

		(void)snprintf(name, sizeof(name), "/none/%03980d", i);
		see(&t, SL_LOOK_READ, name, ENOENT, false);
	}
	derive(&t);
	assert_in_range(t.x->n_lost, 1, 120);
	sl_arena_free(&t.a);
}

static void
offers_no_secrets(void **state)
{
	static const char *const bar[] = { "/home/u/.ssh", "/home/u/.ssh/id_x",
					   "/etc/shadow",  "/srv/x/.env",
					   "/srv/id_rsa",  "/home/u/.aws/credentials" };
	static const char *const ok[] = {
		"/home/u/.sshx", "/srv/.envx",   "/srv/x.env",
		"/home/v/.aws",  "/etc/shadows", "/srv/sluicex"
	};
	static const char *const obeyed[] = { "/srv/.git/hooks/x", "/home/u/.bashrc",
					      "/srv/.github/workflows" };
	const struct sl_learn_from from = { .home = "/home/u", .masked = "/srv/sluice" };
	const struct sl_learn_from homeless = { 0 };
	struct sl_learn_work w = { .f = &from };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bar); i++)
		assert_non_null(sl_learn_barred(&w, sl_slice_str(bar[i]), false));
	for (size_t i = 0; i < SL_ARRAY_LEN(ok); i++)
		assert_null(sl_learn_barred(&w, sl_slice_str(ok[i]), true));
	for (size_t i = 0; i < SL_ARRAY_LEN(obeyed); i++) {
		assert_null(sl_learn_barred(&w, sl_slice_str(obeyed[i]), false));
		assert_non_null(sl_learn_barred(&w, sl_slice_str(obeyed[i]), true));
	}
	assert_non_null(sl_learn_barred(&w, SL_LIT("/srv/sluice/log"), false));
	assert_non_null(sl_learn_barred(&w, SL_LIT("/a\nb"), false));
	assert_non_null(sl_learn_barred(&w, SL_LIT("/\xc3\xa4"), false));
	w.f = &homeless;
	assert_null(sl_learn_barred(&w, SL_LIT("/home/u/.ssh"), false));
	assert_non_null(sl_learn_barred(&w, SL_LIT("/etc/shadow"), false));
}

static void
leaves_out_what_it_must(void **state)
{
	struct teach t;
	char *name;

	(void)state;
	begin(&t, SL_ACC_READ | SL_ACC_WRITE);
	name = sl_arena_printf(&t.a, "%s/a/\x1b[31m", dir);
	make_file(name);
	see(&t, SL_LOOK_READ, name, 0, false);
	see(&t, SL_LOOK_READ, in(&t, "/home/keys/k"), 0, false);
	see(&t, SL_LOOK_MAKE, in(&t, "/.git/hooks/x"), 0, false);
	derive(&t);
	assert_int_equal(t.x->n_read + t.x->n_write, 0);
	assert_string_equal(left(&t, in(&t, "/a/\\x1b[31m")), "its name cannot be shown");
	assert_string_equal(left(&t, in(&t, "/home/keys/k")),
			    "sluice's own: no grant reaches it");
	assert_string_equal(left(&t, in(&t, "/.git/hooks")), "git runs what is there");
	sl_arena_free(&t.a);
}

static void
tries_what_was_missed(void **state)
{
	struct teach t;

	(void)state;
	begin(&t, SL_ACC_READ);
	t.fs[0].path = sl_slice_str(in(&t, "/a"));
	t.end.status = 1;
	see(&t, SL_LOOK_READ, in(&t, "/b/1"), ENOENT, false);
	see(&t, SL_LOOK_READ, in(&t, "/b/none"), ENOENT, false);
	see(&t, SL_LOOK_READ, in(&t, "/home/keys/k"), ENOENT, false);
	see(&t, SL_LOOK_READ, in(&t, "/key"), ENOENT, false); /* a link to it */
	see(&t, SL_LOOK_WRITE, in(&t, "/a/1"), EROFS, false);
	see(&t, SL_LOOK_MAKE, in(&t, "/c/new"), ENOENT, false);
	see(&t, SL_LOOK_READ, "/proc/1/environ", EACCES, false);
	derive(&t);
	assert_false(t.x->is_last);
	assert_true(t.x->is_news);
	assert_int_equal(t.x->n_read, 2);
	is_row(&t, t.x->read, t.x->n_read, 0, "/a");
	is_row(&t, t.x->read, t.x->n_read, 1, "/b/1");
	assert_int_equal(t.x->n_write, 2);
	is_row(&t, t.x->write, t.x->n_write, 0, "/a/1");
	is_row(&t, t.x->write, t.x->n_write, 1, "/c");
	sl_arena_free(&t.a);
	begin(&t, 0);
	t.end.signal = 9;
	see(&t, SL_LOOK_READ, in(&t, "/b/none"), ENOENT, false);
	derive(&t);
	assert_false(t.x->is_last);
	assert_false(t.x->is_news);
	sl_arena_free(&t.a);
}

static struct sl_obs
connected(const char *object, bool is_denied, int err)
{
	return (struct sl_obs){ .class = "connect",
				.act = SL_LIT("connect"),
				.object = sl_slice_str(object),
				.is_denied = is_denied,
				.err = err,
				.count = 1 };
}

static void
knows_the_network(void **state)
{
	const struct sl_grant_net net[] = { { SL_LIT("127.0.0.1"), 80, true },
					    { SL_LIT("db.test"), 5432, false },
					    { SL_LIT("127.0.0.1"), 8, true } };
	const struct sl_obs obs[] = {
		connected("127.0.0.1:80", false, 0),
		connected("db.test:5432 (192.0.2.1)", false, 0),
		connected("192.0.2.7:443", true, EACCES),
		connected("127.0.0.1:9", false, ECONNREFUSED),
		connected("127.0.0.1:10", false, 0), /* the box's own */
		connected("192.0.2.53:53", true, EACCES),
		connected("/run/some.sock", true, ENOENT),
	};
	struct sl_box_peak peak = { 0 };
	struct teach t;

	(void)state;
	for (int failed = 0; failed < 2; failed++) {
		begin(&t, 0);
		t.g.net = net;
		t.g.n_net = SL_ARRAY_LEN(net);
		t.end.status = failed;
		sl_learn_observed(t.l, &t.g, obs, SL_ARRAY_LEN(obs), &peak);
		derive(&t);
		assert_int_equal(t.x->n_net, failed ? 5 : 2);
		assert_true(sl_slice_eq(t.x->net[1], SL_LIT("db.test:5432")));
		if (failed)
			assert_true(sl_slice_eq(t.x->net[4], SL_LIT("127.0.0.1:9")));
		else
			assert_string_equal(left(&t, "127.0.0.1:8"), "granted, not used");
		sl_arena_free(&t.a);
	}
}

/* What a shell makes of the line is what was meant. */
static void
quotes_for_a_shell(void **state)
{
	const struct sl_slice odd[] = { SL_LIT("/a b/'c'/$(d)"), SL_LIT("/`e`\\f\"g\"") };
	const struct sl_slice argv[] = { SL_LIT(""), SL_LIT("a\nb"), SL_LIT("*"),
					 SL_LIT("~"), SL_LIT("--x=y z") };
	struct sl_lesson x = { .read = odd,
			       .n_read = 2,
			       .argv = argv,
			       .n_argv = 5,
			       .limit = { [SL_LIM_MEMORY] = 64 << 20 } };
	SL_AUTO_BUF text = { .max = 4096 };
	SL_AUTO_BUF script = { .max = 8192 };
	static const char want[] = "<exec><--read></a b/'c'/$(d)><--read></`e`\\f\"g\">"
				   "<--memory><64M><--><><a\nb><*><~><--x=y z>";
	char got[512] = "";
	size_t n;
	FILE *f;

	(void)state;
	sl_lesson_command(&x, &text);
	sl_buf_printf(&script, "sluice() { printf '<%%s>' \"$@\"; }\n%.*s\n",
		      (int)text.len, (const char *)text.p);
	assert_non_null(f = popen("/bin/sh -s >learned.out", "w"));
	assert_int_equal(fwrite(script.p, 1, script.len, f), script.len);
	assert_int_equal(pclose(f), 0);
	assert_non_null(f = fopen("learned.out", "r"));
	n = fread(got, 1, sizeof(got) - 1, f);
	(void)fclose(f);
	assert_int_equal(n, sizeof(want) - 1);
	assert_string_equal(got, want);
}

static void
writes_a_profile_that_is_one(void **state)
{
	const struct sl_slice read[] = { SL_LIT("/a b/'c': #d"), SL_LIT("/e"),
					 SL_LIT("/w") };
	const struct sl_slice env[] = { SL_LIT("LANG"), SL_LIT("A=secret") };
	struct sl_lesson x = { .read = read,
			       .n_read = 2,
			       .write = read + 2,
			       .n_write = 1,
			       .env = env,
			       .n_env = 2,
			       .net = { SL_LIT("h:1") },
			       .n_net = 1,
			       .limit = {
				   [SL_LIM_MEMORY] = 64 << 20, [SL_LIM_WALL] = 60 } };
	SL_AUTO_BUF text = { .max = 4096 };
	const struct sl_profile *p;
	struct sl_profile_diags d = { 0 };
	struct sl_err err = { 0 };
	struct sl_arena a;

	(void)state;
	sl_arena_init(&a, 1 << 20);
	sl_lesson_profile(&x, &text);
	if (sl_profile_parse(sl_buf_get(&text), "x", &a, &p, &d, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(p->n_path, 3);
	assert_int_equal(p->n_net, 1);
	assert_true(sl_slice_eq(p->path[0].text, read[0]));
	assert_int_equal(p->n_env, 2);
	assert_true(sl_slice_eq(p->env[1], SL_LIT("A")));
	assert_null(strstr((const char *)text.p, "secret"));
	assert_int_equal(p->limit[SL_LIM_MEMORY].max, 64 << 20);
	assert_int_equal(p->limit[SL_LIM_WALL].max, 60);
	sl_arena_free(&a);
}

static void
survives_no_memory(void **state)
{
	struct teach t;
	int r = -1;

	(void)state;
	for (size_t n = 1; r < 0; n++) {
		begin(&t, SL_ACC_READ | SL_ACC_WRITE);
		see(&t, SL_LOOK_READ, in(&t, "/a/1"), 0, false);
		see(&t, SL_LOOK_MAKE, in(&t, "/c/new"), 0, false);
		t.a.fail_at = n;
		r = sl_learn_derive(t.l, &t.from, &t.x, &t.err);
		if (r < 0)
			assert_int_equal(r, SL_E(NOMEM));
		sl_arena_free(&t.a);
		assert_true(n < 50);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_files_and_directories),
		cmocka_unit_test(merges_what_is_much),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(offers_no_secrets),
		cmocka_unit_test(leaves_out_what_it_must),
		cmocka_unit_test(tries_what_was_missed),
		cmocka_unit_test(knows_the_network),
		cmocka_unit_test(quotes_for_a_shell),
		cmocka_unit_test(writes_a_profile_that_is_one),
		cmocka_unit_test(survives_no_memory),
	};
	static const char *const dirs[] = {
		"/a", "/b", "/c", "/d", "/home", "/home/keys", "/.git", "/.git/hooks"
	};
	char path[128];
	int r;

	(void)snprintf(dir, sizeof(dir), "/tmp/sluice-learn-XXXXXX");
	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	for (size_t i = 0; i < SL_ARRAY_LEN(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", dir, dirs[i]);
		(void)mkdir(path, 0700);
	}
	for (int i = 0; i < 2 * SL_LEARN_READ_MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/d/%d", dir, i);
		(void)mkdir(path, 0700);
	}
	(void)snprintf(masked, sizeof(masked), "%s/home", dir);
	make_file("a/1");
	make_file("a/2");
	make_file("b/1");
	make_file("c/1");
	make_file("home/keys/k");
	if (symlink("home/keys/k", "key") < 0)
		return 1;
	r = run_suite("learn", tests, SL_ARRAY_LEN(tests));
	(void)snprintf(path, sizeof(path), "rm -rf '%s'", dir);
	return system(path) == 0 ? r : 1;
}
