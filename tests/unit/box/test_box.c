/* test_box.c -- real boxes: what an act gets, what comes back, what is kept out of it. */
#include "t.h"

#include "rig.h"

#include "payload.h"
#include "place.h"

#include <sys/xattr.h>

static struct place place;

static struct rig *
opened(struct rig *r)
{
	int e = rig_open(r);

	if (e < 0)
		print_message("# %s\n", r->err.msg);
	assert_int_equal(e, 0);
	return r;
}

static void
runs(struct rig *r, const char *script, int status)
{
	int e = rig_sh(r, script);

	if (e < 0)
		print_message("# %s\n", r->err.msg);
	assert_int_equal(e, 0);
	if (r->end.status != status)
		print_message("# '%s': status %d signal %d\n# out: %s\n# err: %s\n",
			      script, r->end.status, r->end.signal, r->out, r->errout);
	assert_int_equal(r->end.status, status);
}

static void
gives_statuses(void **state)
{
	struct rig *r = opened(rig_new());
	char *none[] = { "no-such-command", NULL }, *noexec[] = { "/etc/passwd", NULL };

	(void)state;
	runs(r, "exit 0", 0);
	runs(r, "exit 7", 7);
	runs(r, "echo out; echo err >&2", 0);
	assert_string_equal(r->out, "out\n");
	assert_string_equal(r->errout, "err\n");
	assert_int_equal(rig_sh(r, "kill -9 $$"), 0);
	assert_int_equal(r->end.signal, 9);
	assert_int_equal(r->end.status, -1);
	assert_int_equal(rig_run(r, none), 0);
	assert_int_equal(r->end.status, 127);
	assert_true(r->end.is_not_found);
	assert_int_equal(rig_run(r, noexec), 0);
	assert_int_equal(r->end.status, 126);
	assert_true(r->end.is_not_executable);
	rig_free(r);
}

static void
gives_exactly_the_environment(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	assert_int_equal(setenv("SLUICE_TEST_CANARY", "of the caller", 1), 0);
	r->env[1] = SL_LIT("A=b c");
	r->n_env = 2;
	opened(r);
	runs(r, "tr '\\0' '\\n' < /proc/self/environ", 0);
	assert_string_equal(r->out, "PATH=/usr/bin:/bin\nA=b c\n");
	rig_free(r);
}

static void
shows_no_host_files(void **state)
{
	struct rig *r = opened(rig_new());

	(void)state;
	place_put(&place, "secret", "host secret");
	runs(r,
	     "ls /root /workspace /usr/local /home/runner /mnt /sys /etc/shadow "
	     "2>/dev/null",
	     2);
	assert_string_equal(r->out,
			    "/home/runner:\n\n/root:\n\n/usr/local:\n\n/workspace:\n");
	assert_int_equal(rig_sh(r, place_path(&place, "secret")), 0);
	assert_int_equal(r->end.status, 127);
	runs(r, "cat /etc/shadow /proc/kcore /proc/sys/kernel/hostname", 1);
	assert_string_equal(r->out, "");
	runs(r, "cat /etc/hostname; uname -n", 0);
	assert_string_equal(r->out, "sluice\nsluice\n");
	rig_free(r);
}

static void
closes_init(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	for (int secret = 0; secret < 2; secret++) {
		if (secret) {
			r = rig_new();
			r->o.holds_secret = true;
		}
		opened(r);
		runs(r,
		     "for f in environ cmdline exe fd maps mem status; do "
		     "cat /proc/1/$f 2>/dev/null && echo seen $f; ls /proc/1/$f "
		     "2>/dev/null; "
		     "done; true",
		     0);
		assert_string_equal(r->out, "");
		runs(r, "cd /proc; echo [0-9]*", 0);
		assert_null(strstr(r->out, "1 "));
		rig_free(r);
	}
}

static void
leaks_no_descriptor(void **state)
{
	struct rig *r = rig_new();
	int fd;

	(void)state;
	fd = open("/etc/passwd", O_RDONLY); /* no CLOEXEC, on purpose */
	opened(r);
	runs(r,
	     "for f in /proc/$$/fd/*; do case $(readlink $f) in "
	     "pipe:*|/dev/null|/proc/*) ;; "
	     "?*) echo leak $f $(readlink $f);; esac; done",
	     0);
	assert_string_equal(r->out, "");
	(void)close(fd);
	rig_free(r);
}

static void
keeps_the_tree_read_only(void **state)
{
	struct rig *r = opened(rig_new());

	(void)state;
	runs(r,
	     "for d in / /etc /usr /usr/local /dev /root /proc/self; do "
	     "touch $d/x 2>/dev/null && echo wrote $d; done; true",
	     0);
	assert_string_equal(r->out, "");
	runs(r,
	     "for d in /tmp /home/runner /run /var/tmp /opt/hostedtoolcache /dev/shm; do "
	     "echo x > $d/x && cat $d/x; done",
	     0);
	assert_string_equal(r->out, "x\nx\nx\nx\nx\nx\n");
	rig_free(r);
}

static void
shows_grants(void **state)
{
	struct rig *r = rig_new();
	char script[512], out[300] = "";
	FILE *f;

	(void)state;
	place_dir(&place, "ro");
	place_dir(&place, "rw");
	place_put(&place, "ro/f", "readable\n");
	place_put(&place, "one", "one file\n");
	assert_int_equal(chmod(place_path(&place, "ro/f"), 0600), 0);
	rig_fs(r, place_path(&place, "ro"), SL_ACC_READ);
	rig_fs(r, place_path(&place, "rw"), SL_ACC_READ | SL_ACC_WRITE);
	rig_fs(r, place_path(&place, "one"), SL_ACC_READ);
	opened(r);
	(void)snprintf(script, sizeof(script),
		       "cd %s && cat ro/f one && echo made > rw/new && "
		       "! echo x 2>/dev/null > ro/f && ! echo x 2>/dev/null > one && ls",
		       place.dir);
	runs(r, script, 0);
	assert_string_equal(r->out, "readable\none file\none\nro\nrw\n");
	rig_free(r);
	f = fopen(place_path(&place, "rw/new"), "r");
	assert_non_null(f);
	assert_non_null(fgets(out, sizeof(out), f));
	(void)fclose(f);
	assert_string_equal(out, "made\n");
}

static void
refuses_grants(void **state)
{
	static const struct {
		const char *path;
		int code;
	} bad[] = {
		{ "/", SL_E(DENIED) },           { "/proc/sys", SL_E(DENIED) },
		{ "/dev", SL_E(DENIED) },        { "/workspace/x", SL_E(DENIED) },
		{ "relative", SL_E(FORMAT) },    { "/tmp/../etc", SL_E(FORMAT) },
		{ "/no/such/place", SL_E(ENV) },
	};
	struct rig *r;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		r = rig_new();
		rig_fs(r, bad[i].path, SL_ACC_READ);
		assert_int_equal(rig_open(r), bad[i].code);
		rig_free(r);
	}
	assert_int_equal(symlink("/etc", place_path(&place, "link")), 0);
	r = rig_new();
	rig_fs(r, place_path(&place, "link"), SL_ACC_READ);
	assert_int_equal(rig_open(r), SL_E(ENV));
	assert_non_null(strstr(r->err.msg, "symbolic link"));
	rig_free(r);
}

static void
masks(void **state)
{
	static const char *masked[1];
	char script[512];
	struct rig *r;

	(void)state;
	place_dir(&place, "home");
	place_dir(&place, "home/.local");
	place_dir(&place, "home/.local/sluice");
	place_put(&place, "home/.local/sluice/key", "private key");
	place_put(&place, "home/f", "file\n");
	masked[0] = strdup(place_path(&place, "home/.local/sluice"));
	for (int i = 0; i < 2; i++) { /* in it, and itself */
		r = rig_new();
		r->o.masked = masked;
		r->o.n_masked = 1;
		rig_fs(r,
		       i == 0 ? masked[0] : place_path(&place, "home/.local/sluice/key"),
		       SL_ACC_READ);
		assert_int_equal(rig_open(r), SL_E(DENIED));
		rig_free(r);
	}
	r = rig_new();
	r->o.masked = masked;
	r->o.n_masked = 1;
	rig_fs(r, place_path(&place, "home"), SL_ACC_READ | SL_ACC_WRITE);
	opened(r);
	(void)snprintf(
	    script, sizeof(script),
	    "cd %s/home && cat f && ls .local/sluice && ! mv .local .l2 2>/dev/null && "
	    "! mv .local/sluice .local/s2 2>/dev/null && "
	    "! touch .local/sluice/x 2>/dev/null && ! rmdir .local/sluice 2>/dev/null",
	    place.dir);
	runs(r, script, 0);
	assert_string_equal(r->out, "file\n");
	rig_free(r);
	free((void *)(uintptr_t)masked[0]);
}

static struct rig *
with_workspace(enum sl_ws_mode mode, const char *run)
{
	struct rig *r = rig_new();

	place_dir(&place, run);
	r->o.run_fd = open(place_path(&place, run), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->g.ws_mode = mode;
	r->g.ws_path = sl_slice_str(rig_keep(r, place_path(&place, "ws")));
	r->cwd = "/workspace";
	return r;
}

static void
overlays_the_workspace(void **state)
{
	struct sl_box_vector v;
	struct sl_arena a;
	struct stat st;
	char x[8] = "";
	struct rig *r;

	(void)state;
	place_dir(&place, "ws");
	place_dir(&place, "ws/d");
	place_put(&place, "ws/a", "base\n");
	place_put(&place, "ws/gone", "base\n");
	place_put(&place, "ws/d/x", "base\n");
	r = opened(with_workspace(SL_WS_OVERLAY, "run1"));
	sl_arena_init(&a, 1 << 16);
	assert_int_equal(sl_box_vector(r->b, &a, &v, &r->err), 0);
	if (v.ws_mode == SL_WS_COPY) {
		print_message("# copy instead: %.*s\n", SL_ARG(v.ws_why));
		assert_true(v.ws_why.len > 0);
	} else {
		runs(r,
		     "cat a && echo new > a && rm gone && rm -r d && mkdir d && echo m > "
		     "d/y",
		     0);
		assert_int_equal(lstat(place_path(&place, "run1/upper/gone"), &st), 0);
		assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
		assert_int_equal(getxattr(place_path(&place, "run1/upper/d"),
					  "user.overlay.opaque", x, 1),
				 1);
		assert_int_equal(x[0], 'y');
		assert_int_equal(access(place_path(&place, "run1/upper/d/y"), F_OK), 0);
	}
	/* The directory itself is as it was. */
	assert_int_equal(access(place_path(&place, "ws/gone"), F_OK), 0);
	assert_int_equal(stat(place_path(&place, "ws/a"), &st), 0);
	assert_int_equal(st.st_size, 5);
	(void)close(r->o.run_fd);
	rig_free(r);
	/* Statements are made of the vector when the box is gone. */
	for (size_t i = 0; i < v.n_layers; i++)
		assert_true(v.layers[i].len > 0 && v.layers[i].p[v.layers[i].len] == 0);
	assert_true(sl_slice_eq(v.layers[0], SL_LIT("userns")));
	assert_int_equal(strspn((const char *)v.etc_digest.p, "0123456789abcdef"), 64);
	assert_int_equal(strlen((const char *)v.ws_why.p), v.ws_why.len);
	sl_arena_free(&a);
}

static void
copies_the_workspace(void **state)
{
	struct stat st;
	struct rig *r = opened(with_workspace(SL_WS_COPY, "run2"));

	(void)state;
	runs(r, "echo newer > a && rm -r d && cat gone", 0);
	assert_int_equal(stat(place_path(&place, "run2/copy/a"), &st), 0);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(access(place_path(&place, "ws/d/x"), F_OK), 0);
	(void)close(r->o.run_fd);
	rig_free(r);
}

static void
exists(const char *name, bool is_there)
{
	struct stat st;

	if ((lstat(place_path(&place, name), &st) == 0) != is_there)
		print_message("# %s: %s\n", name, is_there ? "absent" : "there");
	assert_int_equal(lstat(place_path(&place, name), &st), is_there ? 0 : -1);
}

static void
protects_in_place(void **state)
{
	struct rig *r;

	(void)state;
	place_dir(&place, "ws/.git");
	place_put(&place, "ws/.git/config", "[core]\n");
	r = opened(with_workspace(SL_WS_DIRECT, "run3"));
	runs(r,
	     "echo direct > made && ! mv .git .g2 2>/dev/null && "
	     "! touch .git/hooks/pre-commit 2>/dev/null && ! echo x 2>/dev/null >> "
	     ".git/config "
	     "&& touch .git/index",
	     0);
	assert_int_equal(access(place_path(&place, "ws/made"), F_OK), 0);
	assert_int_equal(access(place_path(&place, "ws/.git/hooks/pre-commit"), F_OK),
			 -1);
	/* git reads another repository where this file says so. */
	runs(r, "! echo /tmp > .git/commondir", 0);
	(void)close(r->o.run_fd);
	rig_free(r);
	exists("ws/.git/hooks", false);
	exists("ws/.git/commondir", false);
	exists("ws/.git/index", true);
}

static struct rig *
in_place(const char *ws, const char *run)
{
	struct rig *r = with_workspace(SL_WS_DIRECT, run);

	r->g.ws_path = sl_slice_str(rig_keep(r, place_path(&place, ws)));
	return r;
}

/* Nothing of what the host obeys can be made, and nothing of the placeholders stays. */
static void
protects_what_is_absent(void **state)
{
	struct rig *r, *second;

	(void)state;
	place_dir(&place, "bare");
	place_dir(&place, "bare/.github");
	r = opened(in_place("bare", "run5"));
	runs(r,
	     "n() { \"$@\" 2>/dev/null && echo \"MADE $*\"; }; "
	     "n mkdir -p .git/hooks; n touch .git/config; n touch .git/x; n mv .git .g; "
	     "n rmdir .git; n touch .github/workflows/x.yml; n mv .github .x; "
	     "n mkdir .forgejo/workflows; n touch .claude/settings.json; n rm -rf "
	     ".claude; "
	     "n ln -sf /etc .envrc; n dd if=/etc/passwd of=.envrc; n mv .envrc e; "
	     "n dd if=/etc/passwd of=.mcp.json; n rm .bashrc; echo ok > made; "
	     "touch .github/CODEOWNERS",
	     0);
	assert_string_equal(r->out, "");
	/* One at a time: the end of one would uncover the other. */
	second = in_place("bare", "run6");
	assert_int_equal(rig_open(second), SL_E(ENV));
	assert_non_null(strstr(second->err.msg, "another run works in place"));
	(void)close(second->o.run_fd);
	rig_free(second);
	exists("bare/.git", true);
	/* What somebody outside began to use meanwhile stays. */
	place_put(&place, "bare/.vscode/settings.json", "{}");
	(void)close(r->o.run_fd);
	rig_free(r);
	exists("bare/made", true);
	exists("bare/.github/CODEOWNERS", true);
	exists("bare/.vscode/settings.json", true);
	exists("bare/.github/workflows", false);
	exists("bare/.git", false);
	exists("bare/.claude", false);
	exists("bare/.envrc", false);
	exists("bare/.zshrc", false);
	/* A box that fails leaves none either. */
	r = in_place("bare", "run7");
	r->g.fs = r->fs;
	rig_fs(r, "/nowhere/at/all", SL_ACC_READ);
	assert_int_equal(rig_open(r) == 0 ? 0 : SL_E(ENV), SL_E(ENV));
	(void)close(r->o.run_fd);
	rig_free(r);
	exists("bare/.git", false);
}

static void
refuses_what_it_cannot_protect(void **state)
{
	struct rig *r;

	(void)state;
	place_dir(&place, "linked");
	place_dir(&place, "linked/real");
	assert_int_equal(symlink("real", place_path(&place, "linked/.claude")), 0);
	r = in_place("linked", "run8");
	assert_int_equal(rig_open(r), SL_E(ENV));
	assert_non_null(strstr(r->err.msg, "'.claude' is a symbolic link"));
	(void)close(r->o.run_fd);
	rig_free(r);
	exists("linked/.git", false);
	/* A linked worktree: .git is a file, and stays that one. */
	assert_int_equal(unlink(place_path(&place, "linked/.claude")), 0);
	place_put(&place, "linked/.git", "gitdir: /elsewhere\n");
	r = opened(in_place("linked", "run9"));
	runs(
	    r,
	    "n() { \"$@\" 2>/dev/null && echo \"MADE $*\"; }; n rm -f .git; n mv .git g; "
	    "n dd if=/etc/passwd of=.git; cat .git",
	    0);
	assert_string_equal(r->out, "gitdir: /elsewhere\n");
	(void)close(r->o.run_fd);
	rig_free(r);
	exists("linked/.git", true);
	exists("linked/.github", false);
}

static void
puts_and_gets_files(void **state)
{
	const struct sl_act_file put[] = {
		{ SL_LIT("/home/runner/a/b/script"),
		  SL_LIT("echo from put; echo k=v > /tmp/out\n"), 0700 },
	};
	struct sl_slice got[2];
	struct sl_arena a;
	struct rig *r = opened(rig_new());

	(void)state;
	sl_arena_init(&a, 1 << 20);
	r->put = put;
	r->n_put = 1;
	r->get[0] = SL_LIT("/tmp/out");
	r->get[1] = SL_LIT("/tmp/link");
	r->n_get = 2;
	runs(r, "sh /home/runner/a/b/script && ln -s /etc/passwd /tmp/link", 0);
	assert_string_equal(r->out, "from put\n");
	assert_int_equal(sl_box_files(r->b, &a, got, 2, &r->err), 0);
	assert_true(sl_slice_eq(got[0], SL_LIT("k=v\n")));
	assert_int_equal(got[1].len, 0); /* a link is not followed */
	r->n_get = 0;
	/* A file that an act left in the way is replaced, a link not followed. */
	runs(r,
	     "rm -rf /home/runner/a/b/script; ln -s /tmp/target /home/runner/a/b/script",
	     0);
	runs(r, "test -f /home/runner/a/b/script && test ! -e /tmp/target", 0);
	sl_arena_free(&a);
	rig_free(r);
}

/* SHA-256 of the binary SHA-256 of "base\n", by Python's hashlib. */
static const char *
hash_of_base(void)
{
	return "be602910393481f2a6719585a71dc4b54dfeafbb100b6b77bc5d600528ecf4dc";
}

static void
hashes_files(void **state)
{
	const struct sl_slice one[] = { SL_LIT("a") },
			      all[] = { SL_LIT("**/x"), SL_LIT("!d/x") };
	char hex[65], want[65], again[65];
	struct rig *r = opened(with_workspace(SL_WS_OVERLAY, "run4"));

	(void)state;
	assert_int_equal(sl_box_hash_files(r->b, one, 1, hex, &r->err), 0);
	assert_int_equal(strlen(hex), 64);
	(void)snprintf(want, sizeof(want), "%s", hash_of_base());
	assert_string_equal(hex, want);
	assert_int_equal(sl_box_hash_files(r->b, all, 2, again, &r->err), 0);
	assert_string_equal(again, ""); /* excluded again */
	assert_int_equal(sl_box_hash_files(r->b, all, 1, again, &r->err), 0);
	assert_int_equal(strlen(again), 64);
	(void)close(r->o.run_fd);
	rig_free(r);
}

static void
gives_a_terminal(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->g.is_tty = true;
	opened(r);
	runs(r, "tty && test -t 0 && test -t 1 && test -t 2", 0);
	assert_string_equal(r->out, "/dev/pts/0\r\n");
	rig_free(r);
}

static void
relays_input(void **state)
{
	struct rig *r = rig_new();
	int fd;

	(void)state;
	place_put(&place, "input", "line 1\nline 2\n");
	fd = open(place_path(&place, "input"), O_RDONLY | O_CLOEXEC);
	r->o.stdin_fd = fd;
	opened(r);
	runs(r, "cat; readlink /proc/self/fd/0", 0);
	assert_non_null(strstr(r->out, "line 1\nline 2\npipe:"));
	rig_free(r);
	(void)close(fd);
}

/* It goes by itself: nobody has died, and nothing more can be started in it. */
static void
ends_with_its_only_act(void **state)
{
	char yes[] = "/bin/true", *argv[] = { yes, NULL };
	struct rig *r = rig_new();

	(void)state;
	r->o.is_single = true;
	opened(r);
	assert_int_equal(rig_run(r, argv), 0);
	assert_int_equal(r->end.status, 0);
	for (int i = 0; i < 20; i++) /* its hang-up is seen in one of them */
		assert_int_equal(sl_box_dispatch(r->b, 20, &r->err), 0);
	assert_false(r->has_died);
	r->has_ended = false;
	assert_true(rig_spawn(r, argv) < 0);
	assert_int_equal(r->err.code, SL_E(ENV));
	rig_free(r);
}

static void
works_without_newer_features(void **state)
{
	struct sl_box_vector v;
	struct sl_arena a;
	bool has_abi2 = false;
	struct rig *r = rig_new();

	(void)state;
	r->o.max_landlock_abi = 2;
	r->o.without_cgroup = true;
	opened(r);
	sl_arena_init(&a, 1 << 16);
	assert_int_equal(sl_box_vector(r->b, &a, &v, &r->err), 0);
	for (size_t i = 0; i < v.n_layers; i++)
		has_abi2 |= sl_slice_eq(v.layers[i], SL_LIT("landlock:2"));
	assert_true(has_abi2);
	assert_int_equal(v.etc_digest.len, 64);
	runs(r, "true", 0);
	rig_free(r);
	sl_arena_free(&a);
	/* No room for it is an error, whichever allocation it is. */
	for (unsigned long n = 1; n < 6; n++) {
		r = opened(rig_new());
		sl_arena_init(&a, 1 << 16);
		a.fail_at = n;
		if (sl_box_vector(r->b, &a, &v, &r->err) == 0)
			assert_true(n > 4);
		else
			assert_int_equal(r->err.code, SL_E(NOMEM));
		sl_arena_free(&a);
		rig_free(r);
	}
}

static void
probes_the_host(void **state)
{
	const struct sl_box_probe *p;
	struct sl_err err = { 0 };
	struct sl_arena a;
	bool has_box = false;
	size_t n;

	(void)state;
	sl_arena_init(&a, 1 << 16);
	assert_int_equal(sl_box_probe(place.dir, &a, &p, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		print_message("# %s: %s %s\n", p[i].name, p[i].text, p[i].how);
		has_box |= strcmp(p[i].name, "box") == 0 && p[i].state == SL_PROBE_OK;
		if (p[i].state == SL_PROBE_LESS)
			assert_true(p[i].how[0] != '\0');
	}
	assert_true(has_box);
	assert_int_equal(access(place_path(&place, "probe-run"), F_OK), -1);
	sl_arena_free(&a);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_statuses),
		cmocka_unit_test(gives_exactly_the_environment),
		cmocka_unit_test(shows_no_host_files),
		cmocka_unit_test(closes_init),
		cmocka_unit_test(leaks_no_descriptor),
		cmocka_unit_test(keeps_the_tree_read_only),
		cmocka_unit_test(shows_grants),
		cmocka_unit_test(refuses_grants),
		cmocka_unit_test(masks),
		cmocka_unit_test(overlays_the_workspace),
		cmocka_unit_test(copies_the_workspace),
		cmocka_unit_test(protects_in_place),
		cmocka_unit_test(protects_what_is_absent),
		cmocka_unit_test(refuses_what_it_cannot_protect),
		cmocka_unit_test(puts_and_gets_files),
		cmocka_unit_test(hashes_files),
		cmocka_unit_test(gives_a_terminal),
		cmocka_unit_test(relays_input),
		cmocka_unit_test(ends_with_its_only_act),
		cmocka_unit_test(works_without_newer_features),
		cmocka_unit_test(probes_the_host),
	};
	int r;

	(void)sl_box_init_main(argc, argv);
	if (argc > 2 && strcmp(argv[1], "payload") == 0)
		return payload(argc, argv);
	rig_is_launched = place_has(argc, argv, "launched");
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 1;
	r = run_suite("box", tests, SL_ARRAY_LEN(tests));
	place_remove(&place);
	return r;
}
