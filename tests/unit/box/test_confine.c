/* test_confine.c -- hostile acts in real boxes: refused, without effect, recorded;
 * bounded; gone. */
#include "t.h"

#include "rig.h"

#include "payload.h"
#include "place.h"

static struct place place;

static struct rig *
opened(struct rig *r)
{
	int e;

	rig_fs(r, place.self, SL_ACC_READ | SL_ACC_EXEC);
	r->env[1] = SL_LIT("ASAN_OPTIONS=detect_leaks=0");
	r->n_env = 2;
	if ((e = rig_open(r)) < 0)
		print_message("# %s\n", r->err.msg);
	assert_int_equal(e, 0);
	return r;
}

static int
tries(struct rig *r, const char *what, const char *a, const char *b)
{
	char *argv[] = { place.self,
			 "payload",
			 (char *)(uintptr_t)what,
			 (char *)(uintptr_t)a,
			 (char *)(uintptr_t)b,
			 NULL };
	int e = rig_run(r, argv);

	if (e < 0)
		print_message("# %s\n", r->err.msg);
	assert_int_equal(e, 0);
	return r->end.status;
}

static const struct sl_obs *
seen(struct rig *r, const char *class, bool is_denied)
{
	const struct sl_obs *o;
	struct sl_obs_lost lost;
	size_t n;

	sl_box_observations(r->b, &o, &n, &lost);
	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].class, class) == 0 && o[i].is_denied == is_denied)
			return &o[i];
	return NULL;
}

static void
records_what_it_denies(void **state)
{
	static const struct {
		const char *what, *a, *b, *class;
		int err;
	} row[] = {
		{ "socket", "16", "3", "socket", EAFNOSUPPORT }, /* NETLINK */
		{ "socket", "17", "3", "socket", EAFNOSUPPORT }, /* PACKET */
		{ "socket", "40", "1", "socket", EAFNOSUPPORT }, /* VSOCK */
		{ "socket", "38", "5", "socket", EAFNOSUPPORT }, /* ALG */
		{ "socket", "44", "3", "socket", EAFNOSUPPORT }, /* XDP */
		{ "connect", "1.1.1.1", "", "connect", EACCES },
		{ "connect", "169.254.169.254", "", "connect", EACCES },
		{ "bind", "10.0.0.1", "", "bind", EADDRNOTAVAIL },
		{ "unix-connect", "/var/run/docker.sock", "", "connect", ENOENT },
		{ "unix-connect", "@abstract", "", "connect", EACCES },
		{ "unix-bind", "@abstract", "", "bind", EACCES },
		{ "unix-bind", "/usr/sock", "", "bind", EACCES },
		{ "sys", "165", "0", "mount", EPERM },              /* mount */
		{ "sys", "166", "0", "mount", EPERM },              /* umount2 */
		{ "sys", "155", "0", "mount", EPERM },              /* pivot_root */
		{ "sys", "161", "0", "mount", EPERM },              /* chroot */
		{ "sys", "428", "0", "mount", EPERM },              /* open_tree */
		{ "sys", "430", "0", "mount", EPERM },              /* fsopen */
		{ "sys", "272", "0x10000000", "namespace", EPERM }, /* unshare NEWUSER */
		{ "sys", "272", "0x40000000", "namespace", EPERM }, /* unshare NEWNET */
		{ "sys", "56", "0x10000000", "namespace", EPERM },  /* clone NEWUSER */
		{ "sys", "308", "0", "namespace", EPERM },          /* setns */
		{ "sys", "101", "0", "ptrace", EPERM },
		{ "sys", "310", "1", "ptrace", EPERM }, /* process_vm_readv */
		{ "sys", "438", "0", "ptrace", EPERM }, /* pidfd_getfd */
		{ "sys", "321", "0", "bpf", EPERM },
		{ "sys", "425", "1", "io_uring", EPERM },
		{ "sys", "250", "0", "keyctl", EPERM },
		{ "sys", "248", "0", "keyctl", EPERM },     /* add_key */
		{ "sys", "175", "0", "module", EPERM },     /* init_module */
		{ "sys", "313", "0", "module", EPERM },     /* finit_module */
		{ "sys", "246", "0", "module", EPERM },     /* kexec_load */
		{ "sys", "298", "0", "privileged", EPERM }, /* perf_event_open */
		{ "sys", "323", "0", "privileged", EPERM }, /* userfaultfd */
		{ "sys", "304", "0", "privileged", EPERM }, /* open_by_handle_at */
		{ "sys", "103", "0", "privileged", EPERM }, /* syslog */
		{ "sys", "447", "0", "memory", ENOSYS },    /* memfd_secret */
		{ "setid", "/tmp/s", "", "setid", EPERM },
		{ "creat-setid", "/tmp/s2", "", "setid", EPERM },
		{ "tiocsti", "l", "", "tty", EPERM },
		{ "tiocsti", "h", "", "tty", EPERM },
	};
	struct rig *r = opened(rig_new());

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		int e = tries(r, row[i].what, row[i].a, row[i].b);
		const struct sl_obs *o = seen(r, row[i].class, true);

		/* The file system may refuse before Landlock does. */
		if (e == EROFS)
			e = EACCES;
		if (e != row[i].err || o == NULL)
			print_message("# %s %s %s: %d, %s\n", row[i].what, row[i].a,
				      row[i].b, e, o ? "recorded" : "not recorded");
		assert_int_equal(e, row[i].err);
		assert_non_null(o);
		assert_non_null(seen(r, "exec", false)); /* the act itself, always */
	}
	/* Unknown calls and those that hide their arguments. */
	assert_int_equal(tries(r, "sys", "435", "0"), ENOSYS);
	assert_int_equal(tries(r, "sys", "437", "0"), ENOSYS);
	assert_int_equal(tries(r, "sys", "480", "0"), ENOSYS);
	/* Disk that no watch of writes sees. */
	assert_int_equal(tries(r, "sys", "285", "0"), EOPNOTSUPP); /* fallocate */
	/* x32: killed. */
	(void)tries(r, "sys", "0x40000027", "0");
	assert_int_equal(r->end.signal, SIGSYS);
	rig_free(r);
}

/* In a directory of the host: nothing with a set-id bit comes to be, by any call that
 * takes a mode; what is refused for it is recorded. */
static void
makes_nothing_set_id(void **state)
{
	static const char *const how[] = { "open",         "openat",    "creat",
					   "mknod",        "mknodat",   "mkdir",
					   "mkdirat",      "chmod",     "fchmod",
					   "fchmodat",     "fchmodat2", "tmpfile",
					   "tmpfile-open", "xattr" };
	static const char *const bit[] = { "04000", "02000" };
	struct rig *r = rig_new();
	const char *dir;

	(void)state;
	place_dir(&place, "setid");
	dir = place_path(&place, "setid");
	rig_fs(r, dir, SL_ACC_READ | SL_ACC_WRITE);
	opened(r);
	dir = r->kept[0];
	for (size_t i = 0; i < SL_ARRAY_LEN(how) * 2; i++) {
		const char *h = how[i / 2];
		char *argv[] = { place.self,
				 "payload",
				 "setid-by",
				 (char *)(uintptr_t)dir,
				 (char *)(uintptr_t)h,
				 (char *)(uintptr_t)bit[i % 2],
				 NULL };
		bool is_other = strcmp(h, "fchmodat2") == 0 || strcmp(h, "xattr") == 0;
		struct stat st = { 0 };

		assert_int_equal(rig_run(r, argv), 0);
		if (r->end.status == 0 || (!is_other && r->end.status != EPERM))
			print_message("# %s %s: %d\n", h, bit[i % 2], r->end.status);
		assert_true(is_other ? r->end.status != 0 : r->end.status == EPERM);
		if (!is_other)
			assert_non_null(seen(r, "setid", true));
		(void)lstat(place_path(&place, "setid/f"), &st);
		assert_int_equal(st.st_mode & 06000, 0);
		(void)remove(place_path(&place, "setid/f"));
	}
	/* A mode that the kernel does not look at is nobody's attempt at anything. */
	assert_int_equal(tries(r, "open-mode", dir, ""), 0);
	assert_null(seen(r, "setid", true));
	rig_free(r);
}

/* The end of an act is never missed: short acts, and such as leave orphans that end at
 * the same moment. */
static void
sees_every_end(void **state)
{
	static const char *const script[] = {
		"exit 7",
		"(:) & exit 7",
		"(: & : & : &) & (: & (: &) &) & exit 7",
		"(sleep 0.001 &) ; (sleep 0.002 & : &) & exit 7",
	};
	struct rig *r = opened(rig_new());

	(void)state;
	for (int i = 0; i < 400; i++) {
		char *argv[] = {
			"/bin/sh", "-c",
			(char *)(uintptr_t)script[(size_t)i % SL_ARRAY_LEN(script)], NULL
		};
		int e = rig_spawn(r, argv);

		assert_int_equal(e, 0);
		for (int k = 0; k < 20 && !r->has_ended; k++)
			assert_int_equal(sl_box_dispatch(r->b, 1000, &r->err), 0);
		if (!r->has_ended)
			print_message("# act %d: its end was missed\n", i);
		assert_true(r->has_ended);
		assert_int_equal(r->end.status, 7);
	}
	rig_free(r);
}

static void
lets_sockets_work_inside(void **state)
{
	struct rig *r = opened(rig_new());

	(void)state;
	assert_int_equal(tries(r, "unix-pair", "/tmp/s", ""), 0);
	assert_non_null(seen(r, "connect", false));
	assert_non_null(seen(r, "bind", false));
	assert_int_equal(tries(r, "bind", "127.0.0.1", ""), 0);
	assert_int_equal(tries(r, "connect", "127.0.0.1", ""), ECONNREFUSED);
	rig_free(r);
}

/* A socket of the host in a granted directory: stream, datagram, and by a race. */
static void
reaches_no_socket_of_the_host(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct rig *r = rig_new();
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char in[200];

	(void)state;
	place_dir(&place, "grant");
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s",
		       place_path(&place, "grant/sock"));
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(chmod(a.sun_path, 0777), 0);
	assert_int_equal(listen(s, 512), 0);
	rig_fs(r, place_path(&place, "grant"), SL_ACC_READ | SL_ACC_WRITE);
	opened(r);
	assert_int_equal(tries(r, "unix-connect", a.sun_path, ""), EACCES);
	assert_non_null(seen(r, "connect", true));
	assert_int_equal(tries(r, "unix-dgram", a.sun_path, ""), EACCES);
	assert_non_null(seen(r, "socket", true));
	(void)snprintf(in, sizeof(in), "%s/in", place_path(&place, "grant"));
	assert_int_equal(tries(r, "unix-bind", in, ""), EACCES);
	assert_non_null(seen(r, "bind", true));
	assert_int_equal(tries(r, "race", "/tmp/good", a.sun_path), 0);
	assert_int_equal(accept(s, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	(void)close(s);
	rig_free(r);
}

static void
bounds_memory(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->g.limit[SL_LIM_MEMORY].max = 128 << 20;
	opened(r);
	(void)tries(r, "memory", "4096", "");
	assert_int_equal(r->end.limit, SL_LIM_MEMORY);
	assert_int_equal(r->end.signal, SIGKILL);
	assert_non_null(seen(r, "limit", true));
	rig_free(r);
}

static void
bounds_processes(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->g.limit[SL_LIM_PIDS].max = 40;
	r->g.limit[SL_LIM_WALL].max = 1;
	opened(r);
	(void)tries(r, "fork-bomb", "", "");
	assert_int_equal(r->end.limit, SL_LIM_WALL);
	assert_true(r->end.n_left <= 40);
	/* And the box still serves. */
	assert_int_equal(rig_sh(r, "echo alive"), 0);
	assert_string_equal(r->out, "alive\n");
	rig_free(r);
}

static void
bounds_disk(void **state)
{
	struct rig *r = rig_new();
	char script[400];

	(void)state;
	r->g.limit[SL_LIM_DISK].max = 16 << 20;
	place_dir(&place, "disk");
	rig_fs(r, place_path(&place, "disk"), SL_ACC_READ | SL_ACC_WRITE);
	opened(r);
	/* tmpfs is sized: the file system says no, or the watch was faster. */
	if (tries(r, "fill", "/tmp/x", "") != ENOSPC)
		assert_int_equal(r->end.limit, SL_LIM_DISK);
	assert_int_equal(rig_sh(r, "rm -f /tmp/x"), 0);
	/* In a loop, as one burst may end between two samples. */
	(void)snprintf(script, sizeof(script),
		       "while :; do dd if=/dev/zero of=%s/x bs=1M count=4 2>/dev/null; "
		       "sleep 0.01; done",
		       place_path(&place, "disk"));
	assert_int_equal(rig_sh(r, script), 0);
	assert_int_equal(r->end.limit, SL_LIM_DISK);
	rig_free(r);
}

static void
bounds_output(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->g.limit[SL_LIM_OUTPUT].max = 100000;
	opened(r);
	assert_int_equal(rig_sh(r, "yes"), 0);
	assert_int_equal(r->end.limit, SL_LIM_OUTPUT);
	assert_int_equal(r->total, 100000);
	rig_free(r);
}

static void
bounds_time_and_files(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->g.limit[SL_LIM_CPU].max = 1;
	r->g.limit[SL_LIM_FILE_SIZE].max = 1 << 20;
	r->g.limit[SL_LIM_NOFILE].max = 32;
	opened(r);
	assert_int_equal(rig_sh(r, "while :; do :; done"), 0);
	assert_int_equal(r->end.limit, SL_LIM_CPU);
	(void)tries(r, "fill", "/tmp/x", "");
	assert_int_equal(r->end.limit, SL_LIM_FILE_SIZE);
	assert_int_equal(rig_sh(r, "ulimit -n; ulimit -c"), 0);
	assert_string_equal(r->out, "32\n0\n");
	rig_free(r);
}

static void
refuses_a_class_that_it_cannot_give(void **state)
{
	struct rig *r = rig_new();

	(void)state;
	r->o.without_cgroup = true;
	r->g.limit[SL_LIM_MEMORY].class = SL_LC_AGGREGATE;
	assert_int_equal(rig_open(r), SL_E(ENV));
	assert_non_null(strstr(r->err.msg, "limit 'memory' is asked for as 'aggregate'"));
	rig_free(r);
}

static void
ends_what_is_left_behind(void **state)
{
	struct rig *r = opened(rig_new());

	(void)state;
	assert_int_equal(tries(r, "daemon", "", ""), 0);
	assert_true(r->end.n_left <= 1);
	/* It may be killed before it is heard; never after the end. */
	assert_int_equal(rig_sh(r, "cd /proc; for p in [0-9]*; do cat $p/cmdline; done"),
			 0);
	assert_null(strstr(r->out, "daemon"));
	assert_int_equal(rig_sh(r, "sleep 1000 & sleep 1000 & exit 3"), 0);
	assert_int_equal(r->end.status, 3);
	assert_int_equal(r->end.n_left, 2);
	rig_free(r);
}

static void
kills_what_ignores_signals(void **state)
{
	struct rig *r = opened(rig_new());
	char *argv[] = { "/bin/sh", "-c",
			 "trap '' TERM INT HUP; echo ready; while :; do sleep 1; done",
			 NULL };

	(void)state;
	assert_int_equal(rig_spawn(r, argv), 0);
	while (r->n_out == 0)
		assert_int_equal(sl_box_dispatch(r->b, 1000, &r->err), 0);
	assert_int_equal(sl_box_signal(r->b, SIGTERM), 0);
	assert_int_equal(sl_box_signal(r->b, SIGKILL), 0);
	assert_int_equal(rig_wait(r), 0);
	assert_int_equal(r->end.signal, SIGKILL);
	assert_int_equal(sl_box_signal(r->b, SIGKILL), -ESRCH);
	rig_free(r);
}

/* Is a process with this marker in its arguments left on the host? */
static bool
is_running(const char *marker)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while ((e = readdir(d)) != NULL) {
		char path[300], b[4096];
		FILE *f;
		size_t n;

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		if (e->d_name[0] < '0' || e->d_name[0] > '9' ||
		    (f = fopen(path, "r")) == NULL)
			continue;
		n = fread(b, 1, sizeof(b) - 1, f);
		(void)fclose(f);
		b[n] = '\0';
		found |= memmem(b, n, marker, strlen(marker)) != NULL;
	}
	(void)closedir(d);
	return found;
}

/* kill -9 of the supervisor: nothing of the box survives. */
static void
dies_with_its_supervisor(void **state)
{
	char marker[32];
	int p[2], st, n = 0;
	char c = 0;
	pid_t pid;

	(void)state;
	(void)snprintf(marker, sizeof(marker), "1000.%d", getpid());
	assert_int_equal(pipe(p), 0);
	if ((pid = fork()) == 0) {
		struct rig *r = rig_new();
		char *argv[] = { "/bin/sh", "-c",
				 "trap '' TERM; sleep $0 & echo ready; sleep $0", marker,
				 NULL };

		if (rig_open(r) < 0 || rig_spawn(r, argv) < 0)
			_exit(1);
		while (r->n_out == 0)
			if (sl_box_dispatch(r->b, 1000, &r->err) < 0)
				_exit(1);
		(void)!write(p[1], "r", 1);
		for (;;)
			(void)!sl_box_dispatch(r->b, 1000, &r->err);
	}
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_true(is_running(marker));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	while (is_running(marker) && n++ < 500)
		(void)usleep(10000);
	assert_false(is_running(marker));
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
tells_when_init_is_gone(void **state)
{
	struct rig *r = opened(rig_new());
	char *argv[] = { "/bin/sleep", "1000", NULL };

	(void)state;
	assert_int_equal(rig_spawn(r, argv), 0);
	/* The box is closed while it runs: no process, no hang. */
	rig_free(r);
}

static int
child_status(void (*fn)(void))
{
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		(void)close(2);
		fn();
		_exit(0);
	}
	(void)waitpid(pid, &st, 0);
	return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

static void
use_a_spent_permit(void)
{
	struct rig *r = rig_new();
	struct rig *twice;

	if (rig_open(r) < 0)
		_exit(1);
	twice = rig_new();
	if (sl_box_prepare(&twice->o, &twice->b, &twice->err) < 0)
		_exit(1);
	(void)!sl_box_open(twice->b, r->permit, &r->err);
}

static void
takes_nothing_but_its_permit(void **state)
{
	const struct sl_slice cmd[] = { SL_LIT("/bin/true") };
	struct sl_act act = { .argv = cmd, .n_argv = 1, .cwd = SL_LIT("/") };
	uint8_t id[32] = { 0 }, d[32] = { 9 };
	struct sl_permit_view v = { SL_PERMIT_BOX, id, id, NULL, d };
	struct sl_grant other;
	struct rig *r = rig_new();

	(void)state;
	/* Another grant. */
	sl_grant_init(&other);
	other.limit[SL_LIM_PIDS].max = 1;
	v.grant = &other;
	assert_int_equal(sl_grant_digest(&other, d, &r->err), 0);
	assert_int_equal(sl_box_prepare(&r->o, &r->b, &r->err), 0);
	r->permit = sl_permit_mint(&v, 1);
	assert_int_equal(sl_box_open(r->b, r->permit, &r->err), SL_E(BUG));
	/* Not open: nothing starts. */
	assert_int_equal(sl_box_spawn(r->b, NULL, &act, r->key, &r->err), SL_E(BUG));
	rig_free(r);
	/* Another act. */
	r = opened(rig_new());
	v = (struct sl_permit_view){ SL_PERMIT_PROC, id, id, &r->g, d };
	sl_permit_drop(r->permit);
	r->permit = sl_permit_mint(&v, 1);
	assert_int_equal(sl_box_spawn(r->b, r->permit, &act, r->key, &r->err), SL_E(BUG));
	rig_free(r);
	/* Spent: abort. */
	assert_int_equal(child_status(use_a_spent_permit), 128 + SIGABRT);
}

static void
refuses_malformed_acts(void **state)
{
	static const char *const tiers[] = { "T00", "T2", "t1", "T1 ", "" };
	const struct sl_slice nul[] = { SL_LIT("/bin/true"), SL_LIT("a\0b") };
	struct sl_act act = { .argv = nul, .n_argv = 2, .cwd = SL_LIT("/") };
	struct rig *r = opened(rig_new());

	(void)state;
	assert_int_equal(sl_box_spawn(r->b, NULL, &act, r->key, &r->err), SL_E(FORMAT));
	act.n_argv = 0;
	memset(&r->err, 0, sizeof(r->err));
	assert_int_equal(sl_box_spawn(r->b, NULL, &act, r->key, &r->err), SL_E(USAGE));
	rig_free(r);
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
		r = rig_new();
		r->g.tier = sl_slice_str(tiers[i]);
		assert_int_equal(rig_open(r), SL_E(UNSUPPORTED));
		rig_free(r);
	}
	r = rig_new();
	r->g.root = SL_LIT("sha256:00");
	assert_int_equal(rig_open(r), SL_E(UNSUPPORTED));
	rig_free(r);
	r = rig_new();
	r->o.host_name = "bad name";
	assert_int_equal(rig_open(r), SL_E(BUG));
	rig_free(r);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_what_it_denies),
		cmocka_unit_test(makes_nothing_set_id),
		cmocka_unit_test(sees_every_end),
		cmocka_unit_test(lets_sockets_work_inside),
		cmocka_unit_test(reaches_no_socket_of_the_host),
		cmocka_unit_test(bounds_memory),
		cmocka_unit_test(bounds_processes),
		cmocka_unit_test(bounds_disk),
		cmocka_unit_test(bounds_output),
		cmocka_unit_test(bounds_time_and_files),
		cmocka_unit_test(refuses_a_class_that_it_cannot_give),
		cmocka_unit_test(ends_what_is_left_behind),
		cmocka_unit_test(kills_what_ignores_signals),
		cmocka_unit_test(dies_with_its_supervisor),
		cmocka_unit_test(tells_when_init_is_gone),
		cmocka_unit_test(takes_nothing_but_its_permit),
		cmocka_unit_test(refuses_malformed_acts),
	};
	int r;

	if (argc > 2 && strcmp(argv[1], "payload") == 0)
		return payload(argc, argv);
	rig_is_launched = place_has(argc, argv, "launched");
	if (place_make(&place, place_has(argc, argv, "user")) < 0)
		return 1;
	r = run_suite("confine", tests, SL_ARRAY_LEN(tests));
	place_remove(&place);
	return r;
}
