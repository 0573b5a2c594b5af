/* test_land.c -- tier T0: what it refuses to be, its own directory, acts one after
 * another, and which attributes may be changed. */
#include "t.h"

#include "box/internal.h"
#include "os/jail.h"
#include "place.h"
#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct place place;

static struct rig *
t0_new(void)
{
	static char own[SL_BOX_OWN_DIR_MAX];
	struct rig *r = rig_new();

	r->g.tier = SL_LIT("T0");
	assert_return_code(sl_box_own_dir(own, &r->err), 0);
	r->o.own_dir = rig_keep(r, own);
	r->cwd = "/usr";
	return r;
}

static struct rig *
opened(struct rig *r)
{
	if (rig_open(r) < 0)
		fail_msg("%s", r->err.msg);
	return r;
}

/* --- what it refuses to be --- */

static const struct sl_box_trace any_trace;

static void
other_root(struct rig *r)
{
	r->g.root = SL_LIT("sha256:00");
}

static void
workspace(struct rig *r)
{
	r->g.ws_mode = SL_WS_OVERLAY;
	r->g.ws_path = sl_slice_str(place.dir);
}

static void
network(struct rig *r)
{
	static struct sl_grant_net net;

	net = (struct sl_grant_net){ SL_LIT("127.0.0.1"), 80, true };
	r->g.net = &net;
	r->g.n_net = 1;
}

static void
terminal(struct rig *r)
{
	r->g.is_tty = true;
}

static void
trace(struct rig *r)
{
	r->o.trace = &any_trace;
}

static void
secret(struct rig *r)
{
	r->o.holds_secret = true;
}

static void
nested(struct rig *r)
{
	rig_fs(r, place.dir, SL_ACC_READ | SL_ACC_WRITE);
	rig_fs(r, place_path(&place, "r"), SL_ACC_READ);
}

static void
nested_exec(struct rig *r)
{
	rig_fs(r, place_path(&place, "r"), SL_ACC_READ);
	rig_fs(r, place.dir, SL_ACC_READ | SL_ACC_EXEC);
}

static void
mask(struct rig *r, const char *masked, const char *fs)
{
	static const char *list[1];

	list[0] = masked;
	r->o.masked = list;
	r->o.n_masked = 1;
	if (fs != NULL)
		rig_fs(r, fs, SL_ACC_READ);
}

static void
around_mask(struct rig *r)
{
	mask(r, place_path(&place, "r"), place.dir);
}

static void
in_mask(struct rig *r)
{
	mask(r, place.dir, place_path(&place, "r"));
}

static void
mask_in_base(struct rig *r)
{
	mask(r, "/usr/share/doc", NULL);
}

static void
absent(struct rig *r)
{
	rig_fs(r, place_path(&place, "none"), SL_ACC_READ);
}

static void
by_link(struct rig *r)
{
	rig_fs(r, place_path(&place, "link/f"), SL_ACC_READ);
}

static void
in_proc(struct rig *r)
{
	rig_fs(r, "/proc/self", SL_ACC_READ);
}

static void
in_dev(struct rig *r)
{
	rig_fs(r, "/dev/shm", SL_ACC_READ);
}

static void
everything(struct rig *r)
{
	rig_fs(r, "/", SL_ACC_READ);
}

static void
older(struct rig *r)
{
	r->o.max_landlock_abi = 5;
}

static void
aggregate(struct rig *r)
{
	r->g.limit[SL_LIM_MEMORY].class = SL_LC_AGGREGATE;
}

static void
no_own(struct rig *r)
{
	r->o.own_dir = NULL;
}

static void
own_relative(struct rig *r)
{
	r->o.own_dir = "tmp/x";
}

static void
own_there(struct rig *r)
{
	r->o.own_dir = rig_keep(r, place_path(&place, "r"));
}

static void
refuses_what_it_cannot_hold(void **state)
{
	static const struct {
		void (*change)(struct rig *r);
		int code;
		const char *text;
	} rows[] = {
		{ other_root, SL_E(UNSUPPORTED), "a root other than the host's" },
		{ workspace, SL_E(UNSUPPORTED), "cannot give a workspace" },
		{ network, SL_E(UNSUPPORTED), "cannot give a network" },
		{ terminal, SL_E(UNSUPPORTED), "cannot give a private terminal" },
		{ trace, SL_E(UNSUPPORTED), "cannot give a trace" },
		{ secret, SL_E(UNSUPPORTED), "secrets" },
		{ nested, SL_E(UNSUPPORTED), "cannot take away" },
		{ nested_exec, SL_E(UNSUPPORTED), "cannot take away" },
		{ around_mask, SL_E(DENIED), "cannot mask it" },
		{ in_mask, SL_E(DENIED), "which no grant may reach" },
		{ mask_in_base, SL_E(DENIED), "shows of the host" },
		{ in_proc, SL_E(DENIED), "lies in /proc" },
		{ in_dev, SL_E(DENIED), "lies in /dev" },
		{ everything, SL_E(DENIED), "the box's root" },
		{ older, SL_E(ENV), "needs Landlock ABI 6" },
		{ aggregate, SL_E(ENV), "tier 'T0' has no cgroup" },
		{ absent, SL_E(ENV), "nothing is there" },
		{ by_link, SL_E(ENV), "a symbolic link is in this path" },
		{ no_own, SL_E(BUG), "without a directory" },
		{ own_relative, SL_E(BUG), "without a directory" },
		{ own_there, SL_E(SYS), "cannot make" },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		struct rig *r = t0_new();
		const char *own = r->o.own_dir;

		rows[i].change(r);
		if (rig_open(r) != rows[i].code ||
		    strstr(r->err.msg, rows[i].text) == NULL)
			fail_msg("row %zu: %d %s", i, r->err.code, r->err.msg);
		sl_box_close(r->b);
		r->b = NULL;
		assert_int_equal(access(own, F_OK), -1);
		rig_free(r);
	}
	assert_int_equal(access(place_path(&place, "r/f"), F_OK), 0); /* not ours: left */
}

static void
refuses_a_launcher_and_less(void **state)
{
	struct rig *r = t0_new();
	struct sl_launcher *l = NULL;
	struct sl_grant less;
	char *argv[] = { "/bin/true", NULL };

	(void)state;
	assert_int_equal(sl_launcher_start(&r->o, 1, &l, &r->err), SL_E(UNSUPPORTED));
	assert_null(l);
	rig_fs(r, place_path(&place, "r"), SL_ACC_READ);
	less = r->g;
	less.n_fs = 0;
	r->act = &less;
	memset(&r->err, 0, sizeof(r->err));
	opened(r);
	assert_int_equal(rig_spawn(r, argv), SL_E(UNSUPPORTED));
	rig_free(r);
}

/* --- what it is --- */

static void
says_what_it_is(void **state)
{
	struct rig *r = opened(t0_new());
	struct sl_box_vector v = { 0 };
	struct sl_arena a = { 0 };
	size_t n_open;

	(void)state;
	(void)sl_box_tier_open(&n_open);
	sl_arena_init(&a, 1 << 16);
	assert_return_code(sl_box_vector(r->b, &a, &v, &r->err), 0);
	assert_true(sl_slice_eq(v.tier, SL_LIT("T0")));
	assert_int_equal(v.n_open, n_open);
	assert_true(n_open >= 5);
	assert_int_equal(v.etc_digest.len, 0);
	assert_int_equal(v.ws_mode, SL_WS_NONE);
	for (size_t i = 0; i < v.n_layers; i++)
		for (const char *const *no =
			 (const char *const[]){ "userns", "mountns", "pidns", "netns",
						NULL };
		     *no != NULL; no++)
			assert_false(sl_slice_eq(v.layers[i], sl_slice_str(*no)));
	for (enum sl_limit l = 0; l < SL_LIM_COUNT; l++)
		assert_int_not_equal(v.limit[l], SL_LC_AGGREGATE);
	sl_arena_free(&a);
	rig_free(r);
}

/* An act ends with all that it left; the next one is held as the first. */
static void
takes_one_act_after_another(void **state)
{
	struct rig *r = t0_new();
	pid_t mine = fork(), pid[64];

	(void)state;
	if (mine == 0) { /* of the same user, outside: nobody may end it */
		(void)pause();
		_exit(0);
	}
	rig_fs(r, place_path(&place, "r"), SL_ACC_READ | SL_ACC_EXEC);
	opened(r);
	for (int i = 0; i < 3; i++) {
		char text[512];

		(void)snprintf(text, sizeof(text),
			       "cat %s/r/f; (trap '' TERM; sleep 1000 & sleep 1000) & "
			       "kill -9 %d 2>/dev/null && echo LEAK; "
			       "kill -9 $PPID 2>/dev/null && echo LEAK; "
			       "cat /etc/passwd 2>/dev/null && echo LEAK; exit %d",
			       place.dir, (int)mine, i);
		assert_return_code(rig_sh(r, text), 0);
		assert_string_equal(r->out, "text");
		assert_int_equal(r->end.status, i);
		assert_true(r->end.n_left >= 1);
		assert_int_equal(sl_land_pids(r->b, pid, SL_ARRAY_LEN(pid)), 0);
	}
	assert_int_equal(waitpid(mine, NULL, WNOHANG), 0);
	(void)kill(mine, SIGKILL);
	(void)waitpid(mine, NULL, 0);
	rig_free(r);
}

static void
finds_its_processes(void **state)
{
	struct rig *r = opened(t0_new());
	char *argv[] = {
		"/bin/sh", "-c",
		"(setsid sleep 1000 &) ; sleep 1000 & sleep 1000 & echo up; wait", NULL
	};
	pid_t pid[64];
	size_t n = 0;

	(void)state;
	assert_return_code(rig_spawn(r, argv), 0);
	for (int i = 0; n < 4 && i < 1000; i++) {
		assert_return_code(sl_box_dispatch(r->b, 10, &r->err), 0);
		n = sl_land_pids(r->b, pid, SL_ARRAY_LEN(pid));
	}
	assert_int_equal(n, 4);                          /* the shell and three */
	assert_int_equal(sl_land_pids(r->b, pid, 3), 1); /* the guards have room first */
	assert_int_equal(sl_land_pids(r->b, pid, 0), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(pid[i], getpid());
	assert_true(sl_land_threads() >= 1);
	rig_free(r);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(kill(pid[i], 0), -1);
}

/* --- its own directory --- */

static void
draws_names(void **state)
{
	char a[SL_BOX_OWN_DIR_MAX], b[SL_BOX_OWN_DIR_MAX];
	struct sl_err err = { 0 };

	(void)state;
	assert_return_code(sl_box_own_dir(a, &err), 0);
	assert_return_code(sl_box_own_dir(b, &err), 0);
	assert_string_not_equal(a, b);
	assert_true(sl_path_is_canonical(sl_slice_str(a)));
	assert_int_equal(strlen(strrchr(a, '/')), strlen("/sluice-") + 32);
	assert_int_equal(access(a, F_OK), -1); /* a name, and no more */
}

/* As deep as a path may be and deeper, closed, with every kind of name. */
static void
plant(const char *top)
{
	char name[256];
	int at = open(top, O_RDONLY | O_DIRECTORY), next;

	(void)memset(name, 'n', 200);
	name[200] = '\0';
	for (int i = 0; i < 60; i++) {
		assert_return_code(mkdirat(at, name, 0700), errno);
		next = openat(at, name, O_RDONLY | O_DIRECTORY);
		assert_return_code(symlinkat("/etc", at, "link"), errno);
		assert_return_code(mknodat(at, "-rf *\n", S_IFREG | 0000, 0), errno);
		assert_return_code(mknodat(at, "pipe", S_IFIFO | 0600, 0), errno);
		assert_return_code(mkdirat(at, ".sluice-0", 0700), errno);
		assert_return_code(mkdirat(at, "full", 0700), errno);
		assert_return_code(mkdirat(at, "full/in", 0700), errno);
		assert_return_code(fchmodat(at, "full/in", 0, 0), errno);
		assert_return_code(fchmodat(at, "full", 0500, 0), errno);
		assert_return_code(fchmod(at, i % 2 == 0 ? 0 : 0500), errno);
		(void)close(at);
		at = next;
	}
	(void)close(at);
}

static void
empties_whatever_is_in_it(void **state)
{
	const char *top = place_path(&place, "plant");
	int at = open(place.dir, O_PATH | O_DIRECTORY);

	(void)state;
	assert_return_code(mkdir(top, 0700), errno);
	plant(top);
	assert_return_code(sl_land_empty(at, "plant"), 0);
	assert_return_code(rmdir(top), errno); /* it was empty */
	assert_int_equal(sl_land_empty(at, "none"), -ENOENT);
	assert_int_equal(sl_land_empty(at, "r/f"), -ENOTDIR);
	/* A link is not followed. */
	assert_true(sl_land_empty(at, "link") < 0);
	assert_int_equal(access(place_path(&place, "r/f"), F_OK), 0);
	(void)close(at);
}

/* --- attributes --- */

static int
carry(const char *path, int at, bool is_times)
{
	struct sl_land_place p = { open(place_path(&place, "w"), O_PATH) };
	struct sl_m_attr m = { .is_times = is_times,
			       .mode = 0640,
			       .is_path = path[0] != '\0',
			       .sec = { 5, 6 } };
	int r = sl_attr_carry_out(&m, path, at, &p, 1);

	(void)close(p.fd);
	return r;
}

static void
changes_what_may_be_written_alone(void **state)
{
	enum { OUTSIDE = SL_BOX_EXIT_OUTSIDE };
	static const struct {
		const char *path;
		int want;
	} rows[] = {
		{ "w/f", 0 },
		{ "w/../w/f", 0 },
		{ "w/to-f", 0 },
		{ "r/f", OUTSIDE },
		{ "r", OUTSIDE },
		{ ".", OUTSIDE },
		{ "w/..", OUTSIDE },
		{ "w/../r/f", OUTSIDE },
		{ "w/out", OUTSIDE },
		{ "w/out-dir/f", OUTSIDE },
		{ "wide", OUTSIDE }, /* begins as a place does */
		{ "/", OUTSIDE },
		{ "/etc/passwd", OUTSIDE },
		{ "/proc/self/cwd", OUTSIDE },
		{ "/dev/null", OUTSIDE },
		{ "w/none", ENOENT },
		{ "w/f/x", ENOTDIR },
		{ "w/loop", ELOOP },
		{ "w", 0 }, /* last: nobody can enter it then */
	};
	int at = open(place.dir, O_PATH | O_DIRECTORY), fd, p[2];
	struct stat st;

	(void)state;
	assert_return_code(symlink("f", place_path(&place, "w/to-f")), errno);
	assert_return_code(symlink("../r/f", place_path(&place, "w/out")), errno);
	assert_return_code(symlink("../r", place_path(&place, "w/out-dir")), errno);
	assert_return_code(symlink("loop", place_path(&place, "w/loop")), errno);
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++)
		for (int times = 0; times < 2; times++)
			if (carry(rows[i].path, at, times) != rows[i].want)
				fail_msg("%s, %s", rows[i].path,
					 times ? "times" : "mode");
	(void)chmod(place_path(&place, "w"), 0755);
	assert_return_code(stat(place_path(&place, "w/f"), &st), errno);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_mtime, 6);
	/* By descriptor; of what was deleted meanwhile it may, as it was there. */
	fd = open(place_path(&place, "w/f"), O_RDONLY);
	assert_int_equal(carry("", fd, false), 0);
	(void)close(fd);
	fd = open(place_path(&place, "r/f"), O_RDONLY);
	assert_int_equal(carry("", fd, false), OUTSIDE);
	(void)close(fd);
	assert_return_code(pipe(p), errno);
	assert_int_equal(carry("", p[0], false), OUTSIDE);
	(void)close(p[0]);
	(void)close(p[1]);
	(void)close(at);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_it_cannot_hold),
		cmocka_unit_test(refuses_a_launcher_and_less),
		cmocka_unit_test(says_what_it_is),
		cmocka_unit_test(takes_one_act_after_another),
		cmocka_unit_test(finds_its_processes),
		cmocka_unit_test(draws_names),
		cmocka_unit_test(empties_whatever_is_in_it),
		cmocka_unit_test(changes_what_may_be_written_alone),
	};
	int r;

	if (sl_jail_landlock_abi() < SL_LL_ABI_WHOLE)
		return printf("1..0 # SKIP no Landlock ABI 6\n") < 0;
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 1;
	place_dir(&place, "r");
	place_dir(&place, "w");
	place_put(&place, "r/f", "text");
	place_put(&place, "w/f", "text");
	place_put(&place, "wide", "text");
	if (symlink("r", place_path(&place, "link")) < 0)
		return 1;
	r = run_suite("land", tests, SL_ARRAY_LEN(tests));
	place_remove(&place);
	return r;
}
