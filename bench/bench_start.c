/* bench_start.c -- how long a sandbox takes to start, sluice and bubblewrap in one
 * interleaved run (doc of the method: MEASURES, "start").
 *
 *   bench_start [-n ROUNDS] [-u] SLUICE GATE.bpf QUIET.bpf
 *
 * The rows of a round run in an order that is drawn anew (seed 1), with a pause between.
 *
 * Rows: `exec whole` against `bwrap full`, both cold processes with /bin/true, the same
 * namespaces, tree and seccomp programs; `box own netns` against `vfork`, both from a
 * running process; `box warm`: one that stood ready, from the command to the reaping.
 * `box T0`: one without namespaces, its directory made and removed, where there can be
 * one. Then `boxes`: how many a second two processes start and reap for three seconds,
 * and how many bare processes.  -u: as an ordinary user (root drops to an id that nobody
 * has). Every exit status is checked; a row with a failure has no figure.  `exec whole`
 * is also set against other sandboxes where they are (peers.h).
 */
#include "peers.h"
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

enum { ROUNDS_MAX = 1000, WARM_UP = 2, USER = 61235, PAUSE_US = 3000, WORKERS = 2 };

static const double THROUGHPUT_MS = 3000;

enum row { VFORK, BWRAP, EXEC, COLD, BOX, POOLED, WARM, LAND, PEER, ROWS = PEER + PEERS };

struct bench {
	const char *sluice, *bpf[2];
	char home[64];
	struct sl_launcher *launcher[2]; /* a network namespace on request; one ahead */
	double ms[ROWS][ROUNDS_MAX];
	int failed[ROWS];
	bool has_t0;
	bool is_absent[PEERS]; /* not installed, or it cannot run here */
	int n;
};

static const char *const own_name[PEER] = { "vfork",         "bwrap full",
					    "exec whole",    "box from nothing",
					    "box own netns", "box pooled netns",
					    "box warm",      "box T0" };

static const char *
name_of(enum row row)
{
	return row < PEER ? own_name[row] : peers[row - PEER].name;
}

static char *const true_argv[] = { "/bin/true", NULL };

static char *const bwrap_argv[] = {
	"bwrap",
	"--unshare-all",
	"--ro-bind",
	"/usr",
	"/usr",
	"--symlink",
	"usr/lib64",
	"/lib64",
	"--symlink",
	"usr/lib",
	"/lib",
	"--symlink",
	"usr/bin",
	"/bin",
	"--proc",
	"/proc",
	"--dev",
	"/dev",
	"--tmpfs",
	"/tmp",
	"--die-with-parent",
	"--new-session",
	"--cap-drop",
	"ALL",
	"--add-seccomp-fd",
	"9",
	"--add-seccomp-fd",
	"10",
	NULL,
};

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Spawn to wait, standard input on /dev/null, output there or to out, what it says of
 * itself to a file in home; the programs at 9 and 10. */
static int
spawn(const struct bench *b, char *const *argv, int out)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int st, r;

	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	if (out >= 0)
		(void)posix_spawn_file_actions_adddup2(&fa, out, 1);
	else
		(void)posix_spawn_file_actions_adddup2(&fa, 0, 1);
	(void)posix_spawn_file_actions_addopen(&fa, 2, "said",
					       O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < 2 && strcmp(argv[0], "bwrap") == 0; i++)
		(void)posix_spawn_file_actions_addopen(&fa, 9 + i, b->bpf[i], O_RDONLY,
						       0);
	r = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r != 0 || waitpid(pid, &st, 0) != pid)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}

/* base, then tail, as one command line. */
static int
spawn_with(const struct bench *b, char *const *base, char *const *tail, int out)
{
	char *argv[64];
	size_t n = 0;

	for (; *base != NULL && n < 40; base++)
		argv[n++] = *base;
	for (; *tail != NULL && n < 63; tail++)
		argv[n++] = *tail;
	argv[n] = NULL;
	return spawn(b, argv, out);
}

static int
run_exec(const struct bench *b, char *const *tail, int out)
{
	char *base[] = { (char *)(uintptr_t)b->sluice, "exec", "--", NULL };

	return spawn_with(b, base, tail, out);
}

static int
open_box(struct rig *r, struct sl_launcher *l)
{
	r->o.launcher = l;
	r->o.is_single = true; /* as exec's */
	return rig_open(r);
}

static int
run_open(struct rig *r)
{
	int e = r->b == NULL || rig_run(r, true_argv) < 0 ? -1 : r->end.status;

	if (e < 0)
		fprintf(stderr, "box: %s\n", r->err.msg);
	sl_box_close(r->b);
	r->b = NULL;
	return e;
}

static int
run_box(struct rig *r, struct sl_launcher *l)
{
	(void)open_box(r, l); /* a failure is in r, and r->b is NULL */
	return run_open(r);
}

static int
run_t0(struct rig *r)
{
	char own[SL_BOX_OWN_DIR_MAX];
	int e;

	if (sl_box_own_dir(own, &r->err) < 0)
		return -1;
	r->g.tier = SL_LIT("T0");
	r->o.own_dir = own;
	r->cwd = "/usr";
	(void)open_box(r, NULL);
	e = run_open(r);
	r->o.own_dir = NULL;
	return e;
}

/* r: for the box, with its megabytes of room for output, is not what is measured. */
static int
run_row(const struct bench *b, enum row row, struct rig *r)
{
	switch (row) {
	case VFORK:
		return spawn(b, true_argv, -1);
	case BWRAP:
		return spawn_with(b, bwrap_argv, true_argv, -1);
	case EXEC:
		return run_exec(b, true_argv, -1);
	case COLD:
		return run_box(r, NULL);
	case BOX:
		return run_box(r, b->launcher[0]);
	case POOLED:
		return run_box(r, b->launcher[1]);
	case WARM:
		return run_open(r);
	case LAND:
		return b->has_t0 ? run_t0(r) : 0;
	case PEER:
	case ROWS:
	default:
		return b->is_absent[row - PEER] ? 0
						: spawn(b, peers[row - PEER].argv, -1);
	}
}

static int
by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double
at(const struct bench *b, enum row row, double q)
{
	static double v[ROUNDS_MAX];

	memcpy(v, b->ms[row], (size_t)b->n * sizeof(v[0]));
	qsort(v, (size_t)b->n, sizeof(v[0]), by_size);
	return v[(int)(q * (b->n - 1))];
}

/* What must hold inside, one check a line; each prints its name when it does. */
static char *const matrix[] = {
	"/bin/sh", "-c",
	"t() { n=$1; shift; \"$@\" >/dev/null 2>&1 && echo $n; }; "
	"s() { grep -q \"$1\" /proc/self/status; }; "
	"ro() { ! touch /usr/x; }; sh_() { ! cat /etc/shadow; }; "
	"lo() { [ $(tail -n +3 /proc/self/net/dev | wc -l) = 1 ]; }; "
	"pids() { [ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ]; }; "
	"mnt() { ! mount -t tmpfs none /tmp; }; ns() { ! unshare -U true; }; "
	"t own-pids pids; t usr-read-only ro; t only-lo lo; t no-host-shadow sh_; "
	"t CapEff-0 s '^CapEff:.0000000000000000'; t CapBnd-0 s "
	"'^CapBnd:.0000000000000000'; "
	"t no-new-privs s '^NoNewPrivs:.1'; t seccomp s '^Seccomp:.2'; "
	"t mount-refused mnt; t userns-refused ns; true",
	NULL
};

static const char *const feature[] = { "own-pids",       "usr-read-only", "only-lo",
				       "no-host-shadow", "CapEff-0",      "CapBnd-0",
				       "no-new-privs",   "seccomp",       "mount-refused",
				       "userns-refused" };

static void
print_matrix(const struct bench *b)
{
	char text[2][2048] = { "", "" };

	for (int i = 0; i < 2; i++) {
		int p[2];
		size_t n = 0;
		ssize_t r;

		if (pipe(p) < 0)
			return;
		if (i == 0)
			(void)spawn_with(b, bwrap_argv, matrix, p[1]);
		else
			(void)run_exec(b, matrix, p[1]);
		(void)close(p[1]);
		while (n < sizeof(text[i]) - 1 &&
		       (r = read(p[0], text[i] + n, sizeof(text[i]) - 1 - n)) > 0)
			n += (size_t)r;
		(void)close(p[0]);
	}
	printf("%-18s %-12s %s\n", "inside", "bwrap full", "exec whole");
	for (size_t i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
		printf("%-18s %-12s %s\n", feature[i],
		       strstr(text[0], feature[i]) ? "yes" : "no",
		       strstr(text[1], feature[i]) ? "yes" : "no");
}

static void
print_pair(const struct bench *b, enum row ours, enum row peer, const char *who)
{
	double o = at(b, ours, 0.5), p = at(b, peer, 0.5);

	if (b->failed[ours] > 0 || b->failed[peer] > 0)
		printf("{\"bench\":\"start\",\"metric\":\"%s\",\"who\":\"%s\",\"unit\":"
		       "\"ms\","
		       "\"failed\":%d,\"peer_failed\":%d,\"n\":%d}\n",
		       name_of(ours), who, b->failed[ours], b->failed[peer], b->n);
	else
		printf("{\"bench\":\"start\",\"metric\":\"%s\",\"who\":\"%s\",\"unit\":"
		       "\"ms\","
		       "\"ours\":%.3f,\"peer\":%.3f,\"peer_name\":\"%s\",\"ratio\":%.3f,"
		       "\"n\":%d}\n",
		       name_of(ours), who, o, p, name_of(peer), o / p, b->n);
}

static int
become_user(struct bench *b)
{
	if (geteuid() != 0)
		return 0;
	if (chown(b->home, USER, USER) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void
failed(struct bench *b, enum row row, int st)
{
	char text[512] = "";
	int fd = open("said", O_RDONLY | O_CLOEXEC);

	b->failed[row]++;
	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	fprintf(stderr, "bench_start: %s ended with %d: %s\n", name_of(row), st, text);
}

/* A running sluice: it has a launcher for the grant of its boxes. */
static int
start_launchers(struct bench *b)
{
	struct rig *r = rig_new();
	int e = 0;

	for (unsigned i = 0; e == 0 && i < 2; i++)
		e = sl_launcher_start(&r->o, i, &b->launcher[i], &r->err);
	if (e < 0)
		fprintf(stderr, "bench_start: %s\n", r->err.msg);
	rig_free(r);
	return e;
}

static void
find_peers(struct bench *b)
{
	bool is_ready = peers_prepare() == 0;

	for (unsigned i = 0; i < PEERS; i++)
		b->is_absent[i] = !is_ready || spawn(b, peers[i].argv, -1) != 0;
}

static void
measure(struct bench *b, int rounds)
{
	enum row order[ROWS];
	unsigned seed = 1;

	for (unsigned k = 0; k < ROWS; k++)
		order[k] = (enum row)k;
	for (int i = -WARM_UP; i < rounds; i++) {
		for (unsigned k = ROWS - 1; k > 0; k--) {
			unsigned j = (unsigned)rand_r(&seed) % (k + 1);
			enum row x = order[k];

			order[k] = order[j];
			order[j] = x;
		}
		for (unsigned k = 0; k < ROWS; k++) {
			enum row row = order[k];
			struct rig *r = rig_new();
			double t;
			int st;

			/* The kernel takes a network namespace down after its process
			 * has gone: none pays for the one before. */
			(void)usleep(PAUSE_US);
			if (row == WARM) {
				(void)open_box(r, b->launcher[1]);
				(void)usleep(PAUSE_US);
			}
			t = now_ms();
			st = run_row(b, row, r);

			t = now_ms() - t;
			rig_free(r);
			if (st != 0 && i >= 0)
				failed(b, row, st);
			if (i >= 0)
				b->ms[row][i] = t;
		}
	}
	b->n = rounds;
}

/* One of the workers: how many in the time, or -1 where one failed.  ahead -1: bare. */
static int
count(const struct bench *b, int ahead)
{
	struct sl_launcher *l = NULL;
	struct rig *r = rig_new();
	double until;
	int n = 0, st = 0;

	if (ahead >= 0 && sl_launcher_start(&r->o, (unsigned)ahead, &l, &r->err) < 0)
		st = -1;
	rig_free(r);
	until = now_ms() + THROUGHPUT_MS;
	for (; st == 0 && now_ms() < until; n++) {
		if (ahead < 0) {
			st = spawn(b, true_argv, -1);
			continue;
		}
		r = rig_new();
		st = run_box(r, l);
		rig_free(r);
	}
	sl_launcher_stop(l);
	return st == 0 ? n : -1;
}

/* A second; 0 where one of them failed. */
static double
throughput(const struct bench *b, int ahead)
{
	int p[2], n = 0, sum = 0;
	bool is_failed = pipe2(p, O_CLOEXEC) < 0;

	for (int i = 0; i < WORKERS && !is_failed; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			n = count(b, ahead);
			_exit(write(p[1], &n, sizeof(n)) != sizeof(n));
		}
		is_failed = pid < 0;
	}
	if (is_failed)
		return 0;
	for (int i = 0; i < WORKERS; i++) {
		is_failed |= read(p[0], &n, sizeof(n)) != sizeof(n) || n < 0;
		sum += n;
	}
	while (wait(NULL) > 0)
		;
	(void)close(p[0]);
	(void)close(p[1]);
	(void)usleep(200 * PAUSE_US); /* what the kernel still takes down */
	return is_failed ? 0 : sum / (THROUGHPUT_MS / 1e3);
}

static int
print_throughput(const struct bench *b, const char *who)
{
	double bare = throughput(b, -1), own = throughput(b, 0),
	       pooled = throughput(b, SL_LAUNCHER_NETS_MAX);
	const struct {
		const char *name;
		double ours;
	} row[] = { { "boxes", pooled }, { "boxes own netns", own } };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		printf("{\"bench\":\"start\",\"metric\":\"%s\",\"who\":\"%s\",\"unit\":"
		       "\"per_s\",\"ours\":%.0f,\"peer\":%.0f,\"peer_name\":\"bare\","
		       "\"ratio\":%.3f,\"n\":%d}\n",
		       row[i].name, who, row[i].ours, bare,
		       bare > 0 ? row[i].ours / bare : 0, WORKERS);
	return bare > 0 && own > 0 && pooled > 0 ? 0 : -1;
}

/* What the kernel holds for processes, mounts and namespaces, in KiB. */
static long
kernel_kib(void)
{
	static const char *const part[] = { "Slab:", "KernelStack:", "PageTables:",
					    "Percpu:", "VmallocUsed:" };
	char line[256];
	long sum = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++)
			if (strncmp(line, part[i], strlen(part[i])) == 0)
				sum += strtol(line + strlen(part[i]), NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return sum;
}

/* What a standing box costs the kernel, its own network namespace included; the machine's
 * other work is noise of some MiB, which many boxes share. */
static int
print_memory(const struct bench *b, const char *who)
{
	enum { STANDING = 200, SETTLE_US = 300000 };
	static struct rig *r[STANDING];
	long before, after;
	int n = 0, e = 0;

	for (; n < WARM_UP; n++) {
		struct rig *w = rig_new();

		e |= run_box(w, b->launcher[0]);
		rig_free(w);
	}
	(void)usleep(SETTLE_US);
	before = kernel_kib();
	for (n = 0; e == 0 && n < STANDING; n++) {
		r[n] = rig_new();
		e = open_box(r[n], b->launcher[0]);
	}
	after = kernel_kib();
	for (int i = 0; i < n; i++) {
		e |= e == 0 ? run_open(r[i]) : 0;
		rig_free(r[i]);
	}
	if (e == 0)
		printf("{\"bench\":\"start\",\"metric\":\"kernel memory a box\",\"who\":"
		       "\"%s\",\"unit\":\"KiB\",\"ours\":%.0f,\"peer\":null,\"n\":%d}\n",
		       who, (double)(after - before) / STANDING, STANDING);
	return e;
}

/* Needs Linux 6.12. */
static void
find_t0(struct bench *b)
{
	struct rig *r = rig_new();

	b->has_t0 = run_t0(r) == 0;
	rig_free(r);
}

int
main(int argc, char **argv)
{
	static struct bench b;
	int c, rounds = 60, is_user = 0;
	const char *who;

	(void)sl_box_init_main(argc, argv);
	/* Large things stay untouched maps, else a fork copies their page tables. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	while ((c = getopt(argc, argv, "n:u")) != -1) {
		if (c == 'n')
			rounds = (int)strtol(optarg, NULL, 10);
		else if (c == 'u')
			is_user = 1;
		else
			return 2;
	}
	if (argc - optind != 3 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(
		    stderr,
		    "usage: bench_start [-n ROUNDS] [-u] SLUICE GATE.bpf QUIET.bpf\n");
		return 2;
	}
	b.sluice = argv[optind];
	b.bpf[0] = argv[optind + 1];
	b.bpf[1] = argv[optind + 2];
	(void)snprintf(b.home, sizeof(b.home), "/var/tmp/sluice-bench-XXXXXX");
	if (mkdtemp(b.home) == NULL || (is_user && become_user(&b) < 0) ||
	    setenv("SLUICE_HOME", b.home, 1) < 0 || setenv("HOME", b.home, 1) < 0 ||
	    chdir(b.home) < 0) {
		fprintf(stderr, "bench_start: %s\n", strerror(errno));
		return 1;
	}
	who = geteuid() == 0 ? "root" : "user";
	if (start_launchers(&b) < 0)
		return 1;
	find_peers(&b);
	find_t0(&b);
	measure(&b, rounds);
	if (print_memory(&b, who) < 0)
		return 1;
	(void)fflush(stdout);
	for (int i = 0; i < 2; i++)
		sl_launcher_stop(b.launcher[i]);
	print_pair(&b, EXEC, BWRAP, who);
	for (int i = 0; i < PEERS; i++)
		if (b.is_absent[i])
			printf("%-6s %-16s is not installed, or cannot run here\n", who,
			       peers[i].name);
		else
			print_pair(&b, EXEC, (enum row)(PEER + i), who);
	print_pair(&b, COLD, VFORK, who);
	print_pair(&b, BOX, VFORK, who);
	print_pair(&b, POOLED, VFORK, who);
	print_pair(&b, WARM, VFORK, who);
	if (b.has_t0)
		print_pair(&b, LAND, VFORK, who);
	else
		printf("%-6s %-16s cannot be had here\n", who, name_of(LAND));
	for (int i = 0; i < PEER; i++)
		printf("%-6s %-16s median %7.3f p10 %7.3f p90 %7.3f min %7.3f ms failed "
		       "%d/%d\n",
		       who, name_of((enum row)i), at(&b, (enum row)i, 0.5),
		       at(&b, (enum row)i, 0.1), at(&b, (enum row)i, 0.9),
		       at(&b, (enum row)i, 0), b.failed[i], b.n);
	print_matrix(&b);
	(void)fflush(stdout); /* before there are other processes */
	if (print_throughput(&b, who) < 0)
		return 1;
	for (int i = EXEC; i < PEER; i++)
		if (b.failed[i] > 0)
			return 1;
	return 0;
}
