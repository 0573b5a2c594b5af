/* test_narrow.c -- an act that has less than its box: places, the workspace, limits. */
#include "t.h"

#include "place.h"
#include "rig.h"

#include <limits.h>
#include <sys/wait.h>

static struct place place;

/* A grant of the box, and room for an act's own. */
struct both {
	struct rig *r;
	struct sl_grant less;
	struct sl_grant_fs fs[4];
};

static unsigned n_runs;

/* The box: r to read, w and v to write, the workspace as an overlay. */
static void
start(struct both *b, int abi)
{
	char run[16];

	(void)snprintf(run, sizeof(run), "run%u", n_runs++);
	place_dir(&place, run);
	b->r = rig_new();
	b->r->o.max_landlock_abi = abi;
	b->r->o.run_fd =
	    open(place_path(&place, run), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rig_fs(b->r, place_path(&place, "r"), SL_ACC_READ | SL_ACC_EXEC);
	rig_fs(b->r, place_path(&place, "w"), SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC);
	rig_fs(b->r, place_path(&place, "v"), SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC);
	b->r->g.ws_mode = SL_WS_OVERLAY;
	b->r->g.ws_path = sl_slice_str(rig_keep(b->r, place_path(&place, "ws")));
	b->less = b->r->g;
	memcpy(b->fs, b->r->fs, sizeof(b->fs));
	b->less.fs = b->fs;
	b->r->act = &b->less;
	if (rig_open(b->r) < 0)
		fail_msg("%s", b->r->err.msg);
}

static void
end(struct both *b)
{
	(void)close(b->r->o.run_fd);
	rig_free(b->r);
}

static void
runs(struct both *b, int status, const char *script)
{
	char text[2048];

	(void)snprintf(
	    text, sizeof(text),
	    "P=%s\n"
	    "no() { if (eval \"$1\") 2>/dev/null; then echo \"CAN $1\"; fi; }\n"
	    "%s",
	    place.dir, script);
	if (rig_sh(b->r, text) < 0)
		fail_msg("%s", b->r->err.msg);
	if (b->r->end.status != status || strstr(b->r->out, "CAN ") != NULL)
		fail_msg("status %d signal %d limit %d: %s%s", b->r->end.status,
			 b->r->end.signal, (int)b->r->end.limit, b->r->out, b->r->errout);
}

static void
gives_up_places(void **state)
{
	struct both b;

	(void)state;
	start(&b, 0);
	b.less.n_fs = 0;
	/* Nothing of them, by no way; all that is the box's own as ever. */
	runs(&b, 0,
	     "no 'cat $P/r/f'; no 'ls $P/r'; no '$P/r/tool'; no 'ls $P'; no 'ls /'\n"
	     "no 'echo x > $P/w/new'; no 'echo x >> $P/v/f'; no 'rm $P/v/f'\n"
	     "no 'mv $P/v/f $P/v/g'; no 'ln -s x $P/v/l'; no 'mkdir $P/w/d'\n"
	     "no 'cp $P/r/f /tmp/x'; no 'ln $P/v/f /tmp/x'; no 'truncate -s 0 $P/v/f'\n"
	     "cd /tmp && echo y > y && cat y /workspace/f && ls /usr /etc /proc/self "
	     ">/dev/null && echo z > /workspace/z && echo n > /dev/null && touch "
	     "/dev/shm/s /home/runner/h && test -e $P/v/f");
	assert_non_null(strstr(b.r->out, "y\nin the workspace\n"));
	/* The next act has what its own decision says. */
	b.less = b.r->g;
	runs(&b, 0,
	     "cat $P/r/f $P/v/f && $P/r/tool && echo x > $P/w/new && ls / >/dev/null "
	     "&& rm $P/w/new && test ! -e /tmp/x");
	end(&b);
}

static void
keeps_some_places(void **state)
{
	struct both b;

	(void)state;
	start(&b, 0);
	b.fs[0] = b.fs[1]; /* w, and v only to read */
	b.fs[1] = b.fs[2];
	b.fs[1].access &= ~(unsigned)SL_ACC_WRITE;
	b.less.n_fs = 2;
	runs(&b, 0,
	     "no 'cat $P/r/f'; no 'echo x >> $P/v/f'; no 'touch $P/v/n'\n"
	     "no 'rm $P/v/f'; no 'mv $P/w/k $P/v/k'\n"
	     "cat $P/v/f && echo k > $P/w/k && mkdir $P/w/d && rm -r $P/w/d $P/w/k");
	end(&b);

	/* Only to read: then nothing is hidden, and / can be listed. */
	start(&b, 0);
	b.fs[1].access = b.fs[2].access = SL_ACC_READ | SL_ACC_EXEC;
	runs(&b, 0,
	     "no 'echo x >> $P/v/f'; no 'touch $P/w/n'\n"
	     "cat $P/r/f $P/v/f && ls / $P/w >/dev/null && echo x > /workspace/x");
	end(&b);
}

static void
narrows_the_workspace(void **state)
{
	struct both b;

	(void)state;
	start(&b, 0);
	b.less.ws_mode = SL_WS_READ;
	runs(&b, 0,
	     "cd /workspace; no 'touch n'; no 'echo x >> f'; no 'rm f'\n"
	     "no 'mv f g'; no 'truncate -s 0 f'; no 'cp f /workspace/g'\n"
	     "cat f && cp f /tmp/g && ls / >/dev/null && echo x > $P/w/x && rm $P/w/x");
	assert_string_equal(b.r->out, "in the workspace\n");
	b.less.ws_mode = SL_WS_NONE;
	b.less.ws_path = SL_LIT("");
	b.r->cwd = "/workspace"; /* where a step begins */
	runs(&b, 0,
	     "no 'cat f'; no 'ls'; no 'ls /workspace'; no 'cat /workspace/f'\n"
	     "no 'touch n'; no 'cat /tmp/../workspace/f'\n"
	     "ln -s /workspace /tmp/w; no 'cat /tmp/w/f'; cat $P/r/f >/dev/null");
	end(&b);
}

/* What Landlock has no right for, or had none. */
static void
freezes(void **state)
{
	struct both b;

	(void)state;
	for (int abi = 0; abi < 3; abi += 2) {
		start(&b, abi);
		b.less.ws_mode = SL_WS_READ;
		runs(&b, 0,
		     "cd /workspace; ls -l f >/tmp/was; test -s f || exit 3; no 'chmod "
		     "777 f'; no 'chmod 600 "
		     "/tmp'\n"
		     "no 'truncate -s 0 f'; no 'python3 -c \"import os; "
		     "os.truncate(\\\"f\\\", 0)\"'\n"
		     "for m in 0 3; do no 'python3 -c \"import os; os.open(\\\"f\\\", "
		     "$m | os.O_TRUNC)\"'; done\n"
		     "no 'chattr +d f'; no 'chattr +d /tmp'; stty -F /dev/null 2>&1 | "
		     "grep -q Inappropriate || echo CAN not ask\n"
		     "no 'python3 -c \"import os; os.setxattr(\\\"f\\\", \\\"user.x\\\", "
		     "b\\\"y\\\")\"'\n"
		     "ls -l f | cmp - /tmp/was && cat f && : > /tmp/t && touch /tmp/t");
		b.less = b.r->g;
		b.less.fs = b.fs;
		b.fs[2].access &= ~(unsigned)SL_ACC_WRITE;
		runs(&b, 0,
		     "no 'chmod 777 $P/v/f'; no 'chmod 777 $P/v'; no ': > $P/v/f'\n"
		     "no 'truncate -s 1 $P/v/f'; cat $P/v/f && echo x > /workspace/x");
		b.less = b.r->g;
		b.less.n_fs = 0; /* not even read */
		runs(&b, 0,
		     "no 'chmod 777 $P/v/f'; no 'truncate -s 0 $P/v/f'; no ': > $P/v/f'");
		/* A place that could not be written to is not missed. */
		b.less = b.r->g;
		b.less.fs = b.fs + 1;
		b.less.n_fs = 2;
		b.fs[2].access = b.fs[1].access;
		runs(&b, 0,
		     "no 'cat $P/r/f'; echo x > /tmp/m && chmod 700 /tmp/m && chmod 644 "
		     "$P/v/f && truncate -s 0 /tmp/m");
		end(&b);
	}
}

/* What only adding rights cannot say is refused, not left wider. */
static void
refuses_what_it_cannot_hold(void **state)
{
	struct sl_slice place_of = { 0 };
	struct rig *r;
	struct sl_grant less;
	struct sl_grant_fs fs[3];
	const unsigned rx = SL_ACC_READ | SL_ACC_EXEC, all = rx | SL_ACC_WRITE;

	(void)state;
	for (int i = 0; i < 4; i++) {
		r = rig_new();
		rig_fs(r, place_path(&place, "w"), all);
		rig_fs(r, place_path(&place, "w/in"), i == 2 ? rx : all);
		rig_fs(r, place_path(&place, "r"), rx);
		less = r->g;
		memcpy(fs, r->fs, sizeof(fs));
		less.fs = fs;
		r->act = &less;
		if (i == 1) /* both: then nothing around it gives more */
			fs[0].access = rx;
		if (i == 3)
			fs[2].access = SL_ACC_READ; /* not to execute */
		else
			fs[1].access = rx;
		if (rig_open(r) < 0)
			fail_msg("%s", r->err.msg);
		if (i == 0 || i == 3) {
			assert_int_equal(rig_sh(r, "echo ran"), SL_E(UNSUPPORTED));
			assert_int_equal(r->n_out, 0);
			assert_non_null(strstr(r->err.msg, i == 0 ? "/w/in'" : "/r'"));
			assert_false(sl_box_can_narrow(&r->g, &less, &place_of));
		} else {
			assert_int_equal(rig_sh(r, "echo ran"), 0);
			assert_string_equal(r->out, "ran\n");
		}
		rig_free(r);
	}
	r = rig_new();
	rig_fs(r, "/tmp/place", all);
	less = r->g;
	less.n_fs = 0;
	assert_false(sl_box_can_narrow(&r->g, &less, &place_of));
	assert_true(sl_slice_eq(place_of, SL_LIT("/tmp/place")));
	rig_free(r);
}

static const char sockets[] =
    "import os, socket, sys\n"
    "def bind(p):\n"
    " s = socket.socket(socket.AF_UNIX)\n"
    " try: s.bind(p); s.listen(1); return s\n"
    " except OSError as e: return None\n"
    "def connect(p):\n"
    " s = socket.socket(socket.AF_UNIX)\n"
    " try: s.connect(p); return s\n"
    " except OSError: return None\n"
    "kept = bind('/tmp/s')\n"
    "w = bind('/workspace/s')\n"
    "print(bool(kept), bool(connect('/tmp/s')), bool(w), bool(connect('/workspace/s')))\n"
    "os.chdir('/workspace')\n"
    "print(bool(bind('t')))\n";

/* A socket is made by init, which is not narrowed: it knows all the same. */
static void
makes_no_socket_there(void **state)
{
	char *argv[] = { "/usr/bin/python3", "-c", (char *)(uintptr_t)sockets, NULL };
	struct both b;

	(void)state;
	if (access(argv[0], X_OK) < 0)
		return;
	start(&b, 0);
	b.less.ws_mode = SL_WS_READ;
	assert_int_equal(rig_run(b.r, argv), 0);
	assert_string_equal(b.r->out, "True True False False\nFalse\n");
	b.less = b.r->g;
	runs(&b, 0, "rm -f /tmp/s; test ! -e /workspace/s && test ! -e /workspace/t");
	assert_int_equal(rig_run(b.r, argv), 0);
	assert_string_equal(b.r->out, "True True True True\nTrue\n");
	end(&b);
}

static void
ended_by(struct both *b, enum sl_limit l, const char *script)
{
	if (rig_sh(b->r, script) < 0)
		fail_msg("%s", b->r->err.msg);
	if (b->r->end.limit != l)
		fail_msg("%s: status %d signal %d limit %d", sl_limit_name(l),
			 b->r->end.status, b->r->end.signal, (int)b->r->end.limit);
}

static void
lowers_limits(void **state)
{
	struct both b;
	char fill[64];

	(void)state;
	start(&b, 0);
	b.less.limit[SL_LIM_NOFILE].max = 37;
	b.less.limit[SL_LIM_PIDS].max = 9;
	b.less.limit[SL_LIM_FILE_SIZE].max = 4096;
	runs(&b, 0,
	     "ulimit -n; ulimit -u 2>/dev/null || sed -n 's/^Max processes *//p' "
	     "/proc/self/limits | cut -d' ' -f1; trap '' XFSZ; "
	     "no 'head -c 5000 /dev/zero > /tmp/big'");
	assert_non_null(strstr(b.r->out, "37\n10\n")); /* with init */
	/* What an earlier act left is not this one's, in disk and in memory. */
	b.less = b.r->g;
	runs(&b, 0, "head -c 24000000 /dev/zero > /tmp/left");
	b.less.limit[SL_LIM_DISK].max = 8 << 20;
	b.less.limit[SL_LIM_MEMORY].max = 16 << 20;
	runs(&b, 0, "head -c 2000000 /dev/zero > /tmp/more; sleep 0.3");
	ended_by(&b, SL_LIM_DISK, "head -c 12000000 /dev/zero > /tmp/much; sleep 20");
	b.less.limit[SL_LIM_DISK].max = b.r->g.limit[SL_LIM_DISK].max;
	runs(&b, 0, "rm -f /tmp/much");
	ended_by(&b, SL_LIM_MEMORY,
		 "head -c 24000000 /dev/zero > "
		 "/dev/shm/m; sleep 20");
	b.less = b.r->g;
	b.less.limit[SL_LIM_OUTPUT].max = 1000;
	(void)snprintf(fill, sizeof(fill), "head -c 5000 /dev/zero; sleep 20");
	ended_by(&b, SL_LIM_OUTPUT, fill);
	assert_int_equal(b.r->total, 1000);
	b.less = b.r->g;
	b.less.limit[SL_LIM_WALL].max = 1;
	ended_by(&b, SL_LIM_WALL, "sleep 20");
	b.less = b.r->g;
	b.less.limit[SL_LIM_CPU].max = 1;
	ended_by(&b, SL_LIM_CPU, "while :; do :; done");
	/* None of it stays. */
	b.less = b.r->g;
	runs(&b, 0, "rm -f /dev/shm/m; head -c 5000 /dev/zero | wc -c; sleep 1.2");
	end(&b);
}

static void
never_more(void **state)
{
	struct both b;

	(void)state;
	for (int i = 0; i < 6; i++) {
		start(&b, 0);
		b.less.limit[SL_LIM_PIDS].max += i == 0;
		b.less.is_tty = i == 1;
		if (i == 2)
			b.fs[0].access |= SL_ACC_WRITE;
		if (i == 3)
			b.less.ws_mode = SL_WS_DIRECT;
		if (i == 4)
			b.fs[b.less.n_fs++] =
			    (struct sl_grant_fs){ SL_LIT("/usr/local/more"),
						  SL_ACC_READ };
		if (i == 5) /* a cgroup's limit is the box's, not one act's */
			b.less.limit[SL_LIM_MEMORY] =
			    (struct sl_grant_limit){ 1 << 20, SL_LC_AGGREGATE };
		assert_int_equal(rig_sh(b.r, "echo ran"), i == 5 ? SL_E(ENV) : SL_E(BUG));
		assert_int_equal(b.r->n_out, 0);
		end(&b);
	}
}

static void
reads_in_place(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->g.ws_mode = SL_WS_READ;
	r->g.ws_path = sl_slice_str(rig_keep(r, place_path(&place, "ws")));
	r->cwd = "/workspace";
	if (rig_open(r) < 0)
		fail_msg("%s", r->err.msg);
	assert_int_equal(rig_sh(r,
				"cat f; touch n 2>/dev/null || echo no; rm f 2>/dev/null "
				"|| echo no; echo x 2>/dev/null >> f || echo no"),
			 0);
	assert_string_equal(r->out, "in the workspace\nno\nno\nno\n");
	rig_free(r);
	assert_int_equal(access(place_path(&place, "ws/n"), F_OK), -1);
}

static int
all(int is_user)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_up_places),
		cmocka_unit_test(keeps_some_places),
		cmocka_unit_test(narrows_the_workspace),
		cmocka_unit_test(freezes),
		cmocka_unit_test(refuses_what_it_cannot_hold),
		cmocka_unit_test(makes_no_socket_there),
		cmocka_unit_test(lowers_limits),
		cmocka_unit_test(never_more),
		cmocka_unit_test(reads_in_place),
	};

	if (is_user && geteuid() == 0 &&
	    (chown(place.dir, PLACE_UID, PLACE_UID) < 0 || setgroups(0, NULL) < 0 ||
	     setresgid(PLACE_UID, PLACE_UID, PLACE_UID) < 0 ||
	     setresuid(PLACE_UID, PLACE_UID, PLACE_UID) < 0 ||
	     prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0))
		return 1;
	place_dir(&place, "r");
	place_dir(&place, "w");
	place_dir(&place, "w/in");
	place_dir(&place, "v");
	place_dir(&place, "ws");
	place_put(&place, "r/f", "to be read\n");
	place_put(&place, "r/tool", "#!/bin/sh\necho tool\n");
	place_put(&place, "v/f", "to be written\n");
	place_put(&place, "ws/f", "in the workspace\n");
	(void)chmod(place_path(&place, "r/tool"), 0755);
	return run_suite("narrow", tests, SL_ARRAY_LEN(tests));
}

/* Not below /tmp, which every act has for its own: where only root may make a directory,
 * it makes and removes it for the user too. */
int
main(int argc, char **argv)
{
	int is_user = argc > 1 && strcmp(argv[1], "user") == 0, st = 1;
	char cwd[PATH_MAX] = "";
	pid_t pid;

	(void)sl_box_init_main(argc, argv);
	if (geteuid() != 0 && getcwd(cwd, 40) == NULL)
		return printf("1..0 # SKIP the build directory's path is long\n") < 0;
	(void)snprintf(place.dir, sizeof(place.dir), "%.40s/sluice-box-XXXXXX",
		       geteuid() == 0 ? "/srv" : cwd);
	if (mkdtemp(place.dir) == NULL)
		return printf("1..0 # SKIP no directory outside /tmp\n") < 0;
	(void)chmod(place.dir, 0755);
	if ((pid = fork()) == 0)
		exit(all(is_user));
	(void)waitpid(pid, &st, 0);
	place_remove(&place);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1;
}
