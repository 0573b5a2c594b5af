/* test_workspace_changes.c -- run/ws_changes: what an upper says, and applying it. */
#include "run/ws_int.h"
#include "ws_t.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static struct sl_ws_changes
changes(struct ws_t *t, const struct sl_ws_manifest *base)
{
	struct sl_ws_changes c = { 0 };

	if (sl_ws_changes(t->upper, true, base, &t->a, &c, &t->err) != 0)
		fail_msg("%s", t->err.msg);
	return c;
}

/* "kind path[!warnings]" of each, in order, one a line. */
static const char *
text(const struct sl_ws_changes *c)
{
	static char buf[4096];
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < c->n; i++) {
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s %s",
				      sl_ws_kind_name(c->item[i].kind),
				      (const char *)c->item[i].path.p);
		for (unsigned k = 0; k < SL_WW_COUNT; k++)
			if (c->item[i].warn >> k & 1)
				n += (size_t)snprintf(buf + n, sizeof(buf) - n, "!%s",
						      sl_ws_warn_name(k));
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "\n");
	}
	return buf;
}

static const char *
outcome(const struct sl_ws_changes *c, const char *path)
{
	const struct sl_ws_change *x = ws_find_change(c, sl_slice_str(path));

	return x == NULL ? "(no change)" : sl_ws_outcome_name(x->outcome);
}

static int
apply(struct ws_t *t, const struct sl_ws_manifest *base, struct sl_ws_changes *c,
      const char *allow, struct sl_ws_applied *ret)
{
	struct sl_slice a = allow == NULL ? SL_LIT("") : sl_slice_str(allow);
	struct sl_ws_apply o = { .target_fd = t->base,
				 .left_fd = t->upper,
				 .base = base,
				 .allow = &a,
				 .n_allow = allow != NULL };

	t->err = (struct sl_err){ 0 };
	return sl_ws_apply(&o, c, &t->a, ret, &t->err);
}

static void
whiteout(int at, const char *path)
{
	assert_return_code(mknodat(at, path, S_IFCHR | 0000, makedev(0, 0)), 0);
}

static void
opaque(int at, const char *path)
{
	int fd = ws_t_dir(at, path);

	assert_return_code(fsetxattr(fd, "user.overlay.opaque", "y", 1, 0), 0);
	close(fd);
}

static void
base_tree(struct ws_t *t)
{
	close(ws_t_dir(t->base, "d"));
	close(ws_t_dir(t->base, "d/e"));
	put(t->base, "a", "aa", 0644);
	put(t->base, "b", "bb", 0644);
	put(t->base, "d/x", "xx", 0644);
	put(t->base, "d/e/y", "yy", 0644);
	put(t->base, "d-z", "zz", 0644);
}

static void
test_each_kind(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	put(t.upper, "a", "aa", 0644); /* copied up, not changed */
	put(t.upper, "b", "BB", 0755);
	whiteout(t.upper, "d-z");
	whiteout(t.upper, "never-was");
	close(ws_t_dir(t.upper, "d"));
	put(t.upper, "d/x", "xx", 0700);
	close(ws_t_dir(t.upper, "d/e"));
	close(ws_t_dir(t.upper, "new"));
	close(ws_t_dir(t.upper, "new/sub"));
	put(t.upper, "new/sub/f", "f", 0444);
	assert_return_code(symlinkat("sub/f", t.upper, "new/l"), 0);
	assert_return_code(linkat(t.upper, "new/sub/f", t.upper, "new/hard", 0), 0);
	c = changes(&t, m);
	assert_string_equal(text(&c), "modified b\n"
				      "deleted d-z\n"
				      "mode d/x\n"
				      "added new\n"
				      "added new/hard\n"
				      "added new/l\n"
				      "added new/sub\n"
				      "added new/sub/f\n");
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_int_equal(n.n_applied, 8);
	assert_int_equal(n.n_held + n.n_left + n.n_same, 0);
	assert_string_equal(get(t.base, "b"), "BB");
	assert_int_equal(mode_of(t.base, "b"), S_IFREG | 0755);
	assert_int_equal(mode_of(t.base, "d-z"), 0);
	assert_int_equal(mode_of(t.base, "d/x"), S_IFREG | 0700);
	assert_string_equal(get(t.base, "new/hard"), "f");
	assert_int_equal(mode_of(t.base, "new/sub/f"), S_IFREG | 0444);
	assert_int_equal(mode_of(t.base, "new/l"), S_IFLNK | 0777);
	/* once more: everything is there already */
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_int_equal(n.n_same, 8);
	/* nothing of ours is left behind */
	assert_int_equal(freeze(&t, t.base)->n, 6 + 5);
	ws_t_end(&t);
}

static void
test_whole_directories(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	close(ws_t_dir(t.base, "to-file"));
	put(t.base, "to-file/in", "in", 0644);
	put(t.base, "to-dir", "", 0644);
	m = freeze(&t, t.base);
	whiteout(t.upper, "d"); /* mv d moved */
	close(ws_t_dir(t.upper, "moved"));
	put(t.upper, "moved/x", "xx", 0644);
	put(t.upper, "to-file", "now a file", 0644);
	opaque(t.upper, "to-dir");
	put(t.upper, "to-dir/f", "f", 0644);
	c = changes(&t, m);
	assert_string_equal(text(&c), "deleted d\n"
				      "deleted d/e\n"
				      "deleted d/e/y\n"
				      "deleted d/x\n"
				      "added moved\n"
				      "added moved/x\n"
				      "type to-dir\n"
				      "added to-dir/f\n"
				      "type to-file\n"
				      "deleted to-file/in\n");
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_int_equal(n.n_applied, 10);
	assert_int_equal(mode_of(t.base, "d"), 0);
	assert_string_equal(get(t.base, "moved/x"), "xx");
	assert_string_equal(get(t.base, "to-dir/f"), "f");
	assert_string_equal(get(t.base, "to-file"), "now a file");
	ws_t_end(&t);
}

static void
test_opaque_hides_and_keeps(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	opaque(t.upper, "d"); /* rm -r d; mkdir d; the same d/x again, another d/e */
	put(t.upper, "d/x", "xx", 0644);
	close(ws_t_dir(t.upper, "d/e"));
	c = changes(&t, m);
	assert_string_equal(text(&c), "deleted d/e/y\n");
	ws_t_end(&t);
}

static void
test_refuses_foreign_marks(void **state)
{
	static const char *const mark[] = { "user.overlay.redirect",
					    "user.overlay.metacopy" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ws_t t;
		const struct sl_ws_manifest *m;
		struct sl_ws_changes c = { 0 };
		int fd;

		ws_t_begin(&t);
		base_tree(&t);
		m = freeze(&t, t.base);
		fd = i == 0 ? ws_t_dir(t.upper, "d")
			    : openat(t.upper, "f", O_RDWR | O_CREAT, 0600);
		assert_return_code(fsetxattr(fd, mark[i], "/etc", 4, 0), 0);
		close(fd);
		assert_int_equal(sl_ws_changes(t.upper, true, m, &t.a, &c, &t.err),
				 SL_E(FORMAT));
		assert_null(c.item);
		ws_t_end(&t);
	}
}

/* A mark that a file carries counts only where overlayfs would take it. */
static void
test_whiteout_by_attribute(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	int fd;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	put(t.upper, "a", "", 0644);
	fd = openat(t.upper, "a", O_RDWR);
	assert_return_code(fsetxattr(fd, "user.overlay.whiteout", "", 0, 0), 0);
	close(fd);
	c = changes(&t, m);
	assert_string_equal(text(&c), "modified a\n");
	assert_return_code(fsetxattr(t.upper, "user.overlay.opaque", "x", 1, 0), 0);
	c = changes(&t, m);
	assert_string_equal(text(&c), "deleted a\n");
	ws_t_end(&t);
}

static void
test_names_what_is_dangerous(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	close(ws_t_dir(t.upper, ".git"));
	close(ws_t_dir(t.upper, ".git/hooks"));
	put(t.upper, ".git/hooks/post-commit", "evil", 0755);
	put(t.upper, ".git/HEAD", "ref: x", 0644);
	put(t.upper, ".git/config", "[core]", 0644);
	put(t.upper, ".envrc", "evil", 0644);
	put(t.upper, "su", "#!", 04755);
	assert_return_code(symlinkat("/etc/passwd", t.upper, "abs"), 0);
	assert_return_code(symlinkat("a", t.upper, "ok"), 0);
	assert_return_code(mkfifoat(t.upper, "pipe", 0600), 0);
	c = changes(&t, m);
	assert_string_equal(text(&c), "added .envrc!runs-later\n"
				      "added .git\n"
				      "added .git/HEAD\n"
				      "added .git/config!runs-later\n"
				      "added .git/hooks!runs-later\n"
				      "added .git/hooks/post-commit!runs-later\n"
				      "added abs!link-leaves-tree\n"
				      "added ok\n"
				      "added pipe!special-file\n"
				      "added su!set-id\n");
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_int_equal(n.n_applied, 3);
	assert_int_equal(n.n_held, 7);
	assert_int_equal(mode_of(t.base, ".git/hooks"), 0);
	assert_int_equal(mode_of(t.base, "abs"), 0);
	/* by name; the set-id bit is dropped all the same */
	assert_int_equal(apply(&t, m, &c, "su", &n), 0);
	assert_int_equal(n.n_applied, 1);
	assert_int_equal(mode_of(t.base, "su"), S_IFREG | 0755);
	assert_int_equal(apply(&t, m, &c, ".git/hooks/", &n), 0);
	assert_int_equal(n.n_applied, 2);
	assert_string_equal(get(t.base, ".git/hooks/post-commit"), "evil");
	assert_int_equal(mode_of(t.base, ".git/config"), 0);
	assert_int_equal(apply(&t, m, &c, "abs", &n), 0);
	assert_int_equal(mode_of(t.base, "abs"), S_IFLNK | 0777);
	assert_int_equal(apply(&t, m, &c, "pipe", &n), 0);
	assert_int_equal(mode_of(t.base, "pipe"), S_IFIFO | 0600);
	ws_t_end(&t);
}

static void
test_guard(void **state)
{
	static const struct {
		const char *path;
		bool is_obeyed;
	} t[] = {
		{ ".git/hooks/x", true },
		{ "sub/.GIT/Config", true },
		{ ".git/modules/m/config", true },
		{ ".git/commondir", true },
		{ ".git/objects/ab/cd", false },
		{ ".git/objects/info/alternates", true },
		{ ".git/index", false },
		{ ".git", true },
		{ ".github/workflows/x.yml", true },
		{ ".github/CODEOWNERS", false },
		{ "src/.vscode/tasks.json", true },
		{ "x.code-workspace", true },
		{ ".claude/settings.json", true },
		{ "AGENTS.md", true },
		{ ".bashrc", true },
		{ "bashrc", false },
		{ "src/main.c", false },
		{ ".gitignore", false },
		{ "agents.mdx", false },
		{ ".cargo/config.toml", true },
		{ ".cargo/registry/x", false },
	};
	static const struct {
		const char *path, *target;
		bool leaves;
	} l[] = {
		{ "a", "b", false },       { "a", "../b", true },
		{ "d/a", "../b", false },  { "d/a", "../../b", true },
		{ "a", "/etc", true },     { "a", "", true },
		{ "a", "b/../c", true },   { "a", "./b//c", false },
		{ "a", "..", true },       { "d/e/a", "..//../b", false },
		{ "a", "..b/...", false },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_ws_change c = { .path = sl_slice_str(t[i].path),
					  .type = SL_WT_FILE,
					  .mode = 0644 };

		ws_guard(&c);
		if ((c.warn != 0) != t[i].is_obeyed)
			fail_msg("%s", t[i].path);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(l); i++)
		if (ws_link_leaves(sl_slice_str(l[i].path), sl_slice_str(l[i].target)) !=
		    l[i].leaves)
			fail_msg("%s -> %s", l[i].path, l[i].target);
}

static void
test_base_changed(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	put(t.upper, "a", "job", 0644);
	put(t.upper, "b", "job", 0644);
	put(t.upper, "n", "job", 0644);
	whiteout(t.upper, "d");
	c = changes(&t, m);
	put(t.base, "a", "mine", 0644);
	put(t.base, "n", "mine", 0644);
	put(t.base, "d/e/new", "mine", 0644); /* below what the job removed */
	assert_int_equal(sl_ws_mark_base(t.base, m, &c, &t.a, &t.err), 0);
	assert_string_equal(text(&c), "modified a!base-changed\n"
				      "modified b\n"
				      "deleted d\n"
				      "deleted d/e!base-changed\n"
				      "deleted d/e/y\n"
				      "deleted d/x\n"
				      "added n!base-changed\n");
	assert_int_equal(apply(&t, m, &c, "a", &n), 0); /* naming it does not help */
	assert_int_equal(n.n_applied, 1);
	assert_int_equal(n.n_held, 6);
	assert_string_equal(get(t.base, "a"), "mine");
	assert_string_equal(get(t.base, "b"), "job");
	assert_string_equal(get(t.base, "n"), "mine");
	assert_string_equal(get(t.base, "d/x"), "xx"); /* a tree goes whole or stays */
	assert_string_equal(get(t.base, "d/e/new"), "mine");
	/* touched, not changed: content decides */
	put(t.base, "b", "bb", 0644);
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_string_equal(outcome(&c, "b"), "applied");
	ws_t_end(&t);
}

static void
test_two_jobs(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c[3];
	struct sl_ws_changes *set[3] = { &c[0], &c[1], &c[2] };
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	for (int i = 0; i < 3; i++) {
		int up = ws_t_dir(t.top, i == 0 ? "u0" : i == 1 ? "u1" : "u2");

		if (i < 2) {
			put(up, "a", i ? "one" : "zero", 0644);
			close(ws_t_dir(up, "out"));
			put(up, i ? "out/1" : "out/0", "", 0644);
		}
		if (i == 1) {
			close(ws_t_dir(up, "d"));
			put(up, "d/new", "", 0644);
		}
		if (i == 2)
			whiteout(up, "d");
		assert_int_equal(sl_ws_changes(up, true, m, &t.a, &c[i], &t.err), 0);
		if (i == 0) {
			close(t.upper);
			t.upper = up;
		} else {
			close(up);
		}
	}
	sl_ws_mark_jobs(set, 3);
	assert_string_equal(text(&c[0]), "modified a!two-jobs\nadded out\nadded out/0\n");
	assert_string_equal(text(&c[1]), "modified a!two-jobs\nadded d/new!two-jobs\n"
					 "added out\nadded out/1\n");
	assert_string_equal(
	    text(&c[2]), "deleted d!two-jobs\ndeleted d/e\ndeleted d/e/y\ndeleted d/x\n");
	assert_int_equal(apply(&t, m, &c[0], "a", &n), 0);
	assert_int_equal(n.n_held, 1);
	assert_string_equal(get(t.base, "a"), "aa");
	{
		struct sl_ws_apply o = { .target_fd = t.base,
					 .left_fd = t.upper,
					 .base = m,
					 .is_job_named = true };

		assert_int_equal(sl_ws_apply(&o, &c[0], &t.a, &n, &t.err), 0);
		assert_int_equal(n.n_applied, 1);
		assert_string_equal(get(t.base, "a"), "zero");
	}
	ws_t_end(&t);
}

/* rm -r .git: its hooks are held, so all of it stays; and a directory became a link. */
static void
test_removed_whole_or_not(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	close(ws_t_dir(t.base, ".git"));
	close(ws_t_dir(t.base, ".git/hooks"));
	put(t.base, ".git/hooks/h", "", 0755);
	put(t.base, ".git/HEAD", "", 0644);
	m = freeze(&t, t.base);
	whiteout(t.upper, ".git");
	assert_return_code(symlinkat("a", t.upper, "d"), 0);
	c = changes(&t, m);
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_string_equal(text(&c), "deleted .git!part-of-held\n"
				      "deleted .git/HEAD!part-of-held\n"
				      "deleted .git/hooks!runs-later\n"
				      "deleted .git/hooks/h!runs-later\n"
				      "type d\n"
				      "deleted d/e\n"
				      "deleted d/e/y\n"
				      "deleted d/x\n");
	assert_int_equal(n.n_held, 4);
	assert_int_equal(mode_of(t.base, ".git/HEAD"), S_IFREG | 0644);
	assert_int_equal(mode_of(t.base, "d"), S_IFLNK | 0777);
	assert_int_equal(apply(&t, m, &c, ".git", &n), 0);
	assert_int_equal(n.n_applied, 4);
	assert_int_equal(mode_of(t.base, ".git"), 0);
	ws_t_end(&t);
}

/* What we could not look into is never replaced or removed; what is held takes what is
 * to go into it along, unless that is asked for; names that only look alike are not. */
static void
test_held_with_all_below(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	close(ws_t_dir(t.base, "shut"));
	put(t.base, "shut/mine", "", 0644);
	assert_return_code(fchmodat(t.base, "shut", 0, 0), 0);
	m = freeze(&t, t.base);
	whiteout(t.upper, "shut");
	close(ws_t_dir(t.upper, ".vscode"));
	close(ws_t_dir(t.upper, ".vscode/sub"));
	put(t.upper, ".vscode/sub/f", "", 0644);
	c = changes(&t, m);
	assert_int_equal(apply(&t, m, &c, ".vscod", &n), 0);
	if (geteuid() == 0) {
		assert_int_equal(n.n_held, 3);
		assert_int_equal(n.n_applied, 2);
	} else {
		assert_int_equal(n.n_held, 4);
		assert_int_equal(n.n_applied, 0);
		assert_int_equal(mode_of(t.base, "shut"), S_IFDIR);
	}
	assert_int_equal(mode_of(t.base, ".vscode"), 0);
	/* asked for by name: so are the directories on the way, and nothing beside */
	put(t.upper, ".vscode/other", "", 0644);
	c = changes(&t, m);
	assert_int_equal(apply(&t, m, &c, ".vscode/sub/f", &n), 0);
	assert_true(S_ISDIR(mode_of(t.base, ".vscode")));
	assert_string_equal(outcome(&c, ".vscode/sub/f"), "applied");
	assert_string_equal(outcome(&c, ".vscode/other"), "held");
	ws_t_end(&t);
}

/* A component of the target became a link: never written through. */
static void
test_not_redirected(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	put(t.target, "x", "precious", 0644);
	put(t.target, "victim", "precious", 0644);
	m = freeze(&t, t.base);
	close(ws_t_dir(t.upper, "d"));
	put(t.upper, "d/x", "job", 0644);
	put(t.upper, "d/n", "job", 0644);
	put(t.upper, "a", "job", 0644);
	put(t.upper, "b", "job", 0644);
	c = changes(&t, m);
	assert_return_code(renameat(t.base, "d", t.base, "d.old"), 0);
	assert_return_code(symlinkat("../target", t.base, "d"), 0);
	assert_return_code(unlinkat(t.base, "a", 0), 0);
	assert_return_code(symlinkat("../target/victim", t.base, "a"), 0);
	/* the same content behind a hard link: replaced, not written through */
	assert_return_code(linkat(t.base, "b", t.target, "b-too", 0), 0);
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_int_equal(n.n_held, 3);
	assert_int_equal(n.n_applied, 1);
	assert_string_equal(get(t.target, "x"), "precious");
	assert_string_equal(get(t.target, "n"), "(none)");
	assert_string_equal(get(t.target, "victim"), "precious");
	assert_string_equal(get(t.base, "b"), "job");
	assert_string_equal(get(t.target, "b-too"), "bb");
	ws_t_end(&t);
}

/* What the job left changed between the list and the apply. */
static void
test_content_is_as_listed(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	put(t.upper, "a", "job", 0644);
	put(t.upper, "z", "good", 0644);
	c = changes(&t, m);
	put(t.upper, "z", "evil", 0644);
	assert_int_equal(apply(&t, m, &c, NULL, &n), SL_E(VERIFY));
	assert_int_equal(n.n_applied, 0);
	assert_int_equal(n.n_left, 2);
	assert_string_equal(get(t.base, "a"), "aa");
	assert_int_equal(freeze(&t, t.base)->n, m->n); /* no temporary name is left */
	ws_t_end(&t);
}

/* In a child, because it makes a mount namespace: 0 as expected, 77 not possible. */
static int
full_disk(struct ws_t *t)
{
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;
	char big[70000], path[96];
	int fd;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	snprintf(path, sizeof(path), "%s/base", t->dir);
	if (mount("tmpfs", path, "tmpfs", 0, "size=64k") < 0)
		return 77;
	close(t->base);
	t->base = open(path, O_RDONLY | O_DIRECTORY);
	if (mkdirat(t->base, "ro", 0500) < 0)
		return 1;
	fd = openat(t->base, "a", O_WRONLY | O_CREAT, 0644);
	if (write(fd, "aa", 2) != 2)
		return 2;
	close(fd);
	if (sl_ws_freeze(t->base, -1, SL_LIT("x"), &t->a, &m, &t->err) != 0)
		return 3;
	memset(big, 'x', sizeof(big));
	fd = openat(t->upper, "z-big", O_WRONLY | O_CREAT, 0644);
	if (write(fd, big, sizeof(big)) != sizeof(big))
		return 4;
	close(fd);
	fd = openat(t->upper, "a", O_WRONLY | O_CREAT, 0644);
	if (write(fd, "job", 3) != 3)
		return 5;
	close(fd);
	if (mkdirat(t->upper, "ro", 0700) < 0 || mkdirat(t->upper, "new", 0700) < 0)
		return 6;
	if (sl_ws_changes(t->upper, true, m, &t->a, &c, &t->err) != 0 || c.n != 4)
		return 7;
	if (apply(t, m, &c, NULL, &n) != SL_E(SYS) || t->err.sys != ENOSPC)
		return 8;
	if (n.n_applied != 0 || n.n_left != 4 || strcmp(get(t->base, "a"), "aa") != 0)
		return 9;
	if (mode_of(t->base, "ro") != (S_IFDIR | 0500) || mode_of(t->base, "new") != 0)
		return 10;
	if (sl_ws_freeze(t->base, -1, SL_LIT("x"), &t->a, &m, &t->err) != 0 || m->n != 2)
		return 11;
	return 0;
}

static void
test_full_disk_changes_nothing(void **state)
{
	struct ws_t t;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		return; /* needs a mount */
	ws_t_begin(&t);
	assert_return_code(pid = fork(), 0);
	if (pid == 0)
		_exit(full_disk(&t));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77))
		fail_msg("child: %x", status);
	ws_t_end(&t);
}

/* What the kernel's overlay really leaves: in a child, as above. */
static int
real_overlay(struct ws_t *t, const struct sl_ws_manifest *m)
{
	char o[512];
	struct sl_ws_changes c;
	struct sl_ws_applied n;
	int fd;

	close(ws_t_dir(t->top, "work"));
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	snprintf(o, sizeof(o),
		 "lowerdir=%s/base,upperdir=%s/upper,workdir=%s/work,userxattr", t->dir,
		 t->dir, t->dir);
	if (mount("overlay", "/mnt", "overlay", 0, o) < 0)
		return 77;
	fd = open("/mnt", O_RDONLY | O_DIRECTORY);
	if (unlinkat(fd, "d/e/y", 0) < 0 || unlinkat(fd, "d/e", AT_REMOVEDIR) < 0 ||
	    mkdirat(fd, "d/e", 0755) < 0 || renameat(fd, "a", fd, "d/e/a") < 0 ||
	    fchmodat(fd, "d-z", 0600, 0) < 0 || symlinkat("b", fd, "l") < 0 ||
	    unlinkat(fd, "d/x", 0) < 0 || linkat(fd, "b", fd, "b2", 0) < 0)
		return 1;
	close(fd);
	if (umount2("/mnt", 0) < 0)
		return 2;
	if (sl_ws_changes(t->upper, true, m, &t->a, &c, &t->err) != 0)
		return 3;
	if (strcmp(text(&c), "deleted a\nadded b2\nmode d-z\nadded d/e/a\ndeleted d/e/y\n"
			     "deleted d/x\nadded l\n") != 0)
		return 4;
	if (apply(t, m, &c, NULL, &n) != 0 || n.n_applied != 7)
		return 5;
	if (strcmp(get(t->base, "d/e/a"), "aa") != 0 || mode_of(t->base, "d/x") != 0)
		return 6;
	return 0;
}

static void
test_real_overlay(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		return; /* needs a mount */
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	assert_return_code(pid = fork(), 0);
	if (pid == 0)
		_exit(real_overlay(&t, m));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77))
		fail_msg("child: %x", status);
	ws_t_end(&t);
}

/* The target moves while apply runs: whoever wins, nothing outside is written. */
static void
test_race(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	pid_t pid;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	put(t.target, "x", "precious", 0644);
	m = freeze(&t, t.base);
	close(ws_t_dir(t.upper, "d"));
	put(t.upper, "d/x", "job", 0644);
	put(t.upper, "d/n", "job", 0644);
	assert_return_code(symlinkat("../target", t.base, "link"), 0);
	assert_return_code(pid = fork(), 0);
	if (pid == 0)
		for (;;) /* d is the directory, then the link, then the directory ... */
			(void)renameat2(t.base, "d", t.base, "link", RENAME_EXCHANGE);
	for (int i = 0; i < 200; i++) {
		struct sl_ws_changes c = changes(&t, m);
		struct sl_ws_applied n;

		(void)apply(&t, m, &c, NULL, &n);
		assert_int_equal(n.n_applied + n.n_same + n.n_held + n.n_left, c.n);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_string_equal(get(t.target, "x"), "precious");
	assert_int_equal(freeze(&t, t.target)->n, 1);
	ws_t_end(&t);
}

static void
test_copy_mode(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;
	uint64_t left_out;
	struct sl_ws_apply o;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	put(t.base, "suid", "", 04755);
	assert_return_code(mkfifoat(t.base, "pipe", 0600), 0);
	assert_return_code(symlinkat("/nowhere", t.base, "l"), 0);
	m = freeze(&t, t.base);
	assert_int_equal(sl_ws_copy(t.base, m, t.target, -1, -1, &left_out, &t.err), 0);
	assert_int_equal(left_out, 1);
	assert_int_equal(sl_ws_changes(t.target, false, m, &t.a, &c, &t.err), 0);
	assert_string_equal(text(&c), "");
	put(t.target, "a", "AA", 0644);
	assert_return_code(unlinkat(t.target, "d/x", 0), 0);
	assert_int_equal(sl_ws_changes(t.target, false, m, &t.a, &c, &t.err), 0);
	assert_string_equal(text(&c), "modified a\ndeleted d/x\n");
	o = (struct sl_ws_apply){ .target_fd = t.base, .left_fd = t.target, .base = m };
	assert_int_equal(sl_ws_apply(&o, &c, &t.a, &n, &t.err), 0);
	assert_string_equal(get(t.base, "a"), "AA");
	assert_int_equal(mode_of(t.base, "d/x"), 0);
	assert_int_equal(mode_of(t.base, "pipe"), S_IFIFO | 0600);
	ws_t_end(&t);
}

/* As an ordinary user the job's closed directories are opened and closed again; as
 * root what a private uid left becomes the directory owner's. */
static void
test_closed_and_foreign(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	struct sl_ws_changes c;
	struct sl_ws_applied n;
	struct stat st;

	(void)state;
	ws_t_begin(&t);
	m = freeze(&t, t.base);
	close(ws_t_dir(t.upper, "k"));
	close(ws_t_dir(t.upper, "k/l"));
	put(t.upper, "k/l/f", "f", 0000);
	assert_return_code(fchmodat(t.upper, "k/l", 0000, 0), 0);
	assert_return_code(fchmodat(t.upper, "k", 0000, 0), 0);
	assert_return_code(fchmod(t.upper, 0000), 0);
	if (geteuid() == 0) {
		assert_return_code(fchownat(t.upper, "k/l/f", 200000, 200000, 0), 0);
		assert_return_code(fchown(t.base, 1234, 1235), 0);
	}
	c = changes(&t, m);
	assert_string_equal(text(&c), "added k\nadded k/l\nadded k/l/f\n");
	assert_int_equal(c.item[0].mode, 0);
	assert_int_equal(mode_of(t.top, "upper"), S_IFDIR);
	assert_int_equal(apply(&t, m, &c, NULL, &n), 0);
	assert_int_equal(n.n_applied, 3);
	assert_int_equal(mode_of(t.top, "upper"), S_IFDIR);
	assert_return_code(fchmod(t.upper, 0700), 0);
	assert_int_equal(mode_of(t.upper, "k"), S_IFDIR);
	assert_int_equal(mode_of(t.base, "k"), S_IFDIR);
	if (geteuid() == 0) {
		assert_return_code(fstatat(t.base, "k/l/f", &st, 0), 0);
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_gid, 1235);
		assert_int_equal(st.st_mode, S_IFREG);
		assert_return_code(fstatat(t.base, "k", &st, 0), 0);
		assert_int_equal(st.st_uid, 1234);
	}
	ws_t_end(&t);
}

static void
test_every_allocation_failing(void **state)
{
	struct ws_t t;
	const struct sl_ws_manifest *m;
	unsigned long at = 0;
	int r;

	(void)state;
	ws_t_begin(&t);
	base_tree(&t);
	m = freeze(&t, t.base);
	put(t.upper, "a", "job", 0644);
	assert_return_code(symlinkat("a", t.upper, "l"), 0);
	do {
		SL_AUTO_ARENA a = { 0 };
		struct sl_ws_changes c = { 0 };
		struct sl_ws_applied n = { 0 };
		struct sl_ws_apply o = { .target_fd = t.base,
					 .left_fd = t.upper,
					 .base = m };
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 20);
		a.fail_at = ++at;
		r = sl_ws_changes(t.upper, true, m, &a, &c, &err);
		if (r == 0)
			r = sl_ws_apply(&o, &c, &a, &n, &err);
		assert_true(r == 0 || (r == SL_E(NOMEM) && n.n_applied == 0));
	} while (r != 0);
	assert_in_range(at, 8, 40);
	ws_t_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_whole_directories),
		cmocka_unit_test(test_opaque_hides_and_keeps),
		cmocka_unit_test(test_refuses_foreign_marks),
		cmocka_unit_test(test_whiteout_by_attribute),
		cmocka_unit_test(test_names_what_is_dangerous),
		cmocka_unit_test(test_guard),
		cmocka_unit_test(test_base_changed),
		cmocka_unit_test(test_two_jobs),
		cmocka_unit_test(test_removed_whole_or_not),
		cmocka_unit_test(test_held_with_all_below),
		cmocka_unit_test(test_not_redirected),
		cmocka_unit_test(test_content_is_as_listed),
		cmocka_unit_test(test_full_disk_changes_nothing),
		cmocka_unit_test(test_real_overlay),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_copy_mode),
		cmocka_unit_test(test_closed_and_foreign),
		cmocka_unit_test(test_every_allocation_failing),
	};

	return run_suite("workspace_changes", tests, SL_ARRAY_LEN(tests));
}
