/* bench_policy.c -- what a decision costs, and what the engine under it does.
 *
 *   bench_policy [-n ROUNDS]     (data: $SL_CORPORA/policy)
 *   bench_policy closure VARIANT EDGES     (one measurement, in a process of its own)
 *
 * Rows (MEASURES, "policy"): workload W cold and warm, a proof checked, facts loaded, and
 * transitive closures with their variants against corpora/policy/tc/loop.c, built -O2 in
 * this run. Rounds are interleaved, medians are shown, every result is checked against
 * what the corpus expects, and a row with a failure has no figure.
 */
#include "bench_policy.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { ROUNDS_MAX = 1001, DEADLINE_S = 300 };

double
bp_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bp_median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void
bp_row(struct bp *b, const char *metric, const char *unit, double ours, double peer,
       const char *peer_name, int n)
{
	struct bp_row *r = &b->row[b->n_rows++];

	*r = (struct bp_row){ "", unit, ours, peer, peer_name, n };
	(void)snprintf(r->metric, sizeof(r->metric), "%s", metric);
	printf("{\"bench\":\"policy\",\"metric\":\"%s\",\"unit\":\"%s\",\"ours\":%.3f,",
	       metric, unit, ours);
	if (peer_name != NULL)
		printf("\"peer\":%.3f,\"peer_name\":\"%s\",\"ratio\":%.3f,\"n\":%d}\n",
		       peer, peer_name, ours / peer, n);
	else
		printf("\"peer\":null,\"peer_name\":null,\"ratio\":null,\"n\":%d}\n", n);
	(void)fflush(stdout);
}

int
bp_fail(struct bp *b, const char *metric, const char *why)
{
	fprintf(stderr, "bench_policy: %s: %s\n", metric, why);
	b->is_bad = true;
	return -1;
}

bool
bp_read(const struct bp *b, const char *name, struct sl_buf *out)
{
	char path[600], buf[65536];
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/policy/%s", b->corpora, name);
	if ((f = fopen(path, "r")) == NULL)
		return false;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		sl_buf_slice(out, (struct sl_slice){ (const uint8_t *)buf, n });
	(void)fclose(f);
	return !out->is_failed;
}

/* ---- closures ---- */

static const struct {
	const char *name, *suffix, *rules, *of; /* of: whose tuples are the closure */
	int arity;
} variants[] = {
	{ "plain", "", "tc($x, $y) <- e($x, $y); tc($x, $z) <- tc($x, $y), e($y, $z);",
	  "tc", 2 },
	{ "renamed", " renamed",
	  "reaches($from, $to) <- e($from, $to); "
	  "reaches($from, $end) <- reaches($from, $to), e($to, $end);",
	  "reaches", 2 },
	{ "mutual", " mutually recursive",
	  "a($x, $y) <- e($x, $y); a($x, $z) <- b($x, $y), e($y, $z); "
	  "b($x, $y) <- a($x, $y);",
	  "b", 2 },
	{ "3-ary", " 3-ary",
	  "t($g, $x, $y) <- e($g, $x, $y); t($g, $x, $z) <- t($g, $x, $y), e($g, $y, "
	  "$z);",
	  "t", 3 },
};

enum { N_VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static const struct {
	const char *name, *nodes, *edges;
	size_t closure;
} graphs[] = {
	{ "1k 10k", "1000", "10000", 1000000 },
	{ "100k 100k", "100000", "100000", 4475237 },
	{ "2k 100k", "2000", "100000", 4000000 },
};

enum { N_GRAPHS = sizeof(graphs) / sizeof(graphs[0]) };

static int
read_edges(const char *file, int arity, struct sl_policy_facts *f)
{
	FILE *in = fopen(file, "r");
	unsigned x, y;

	if (in == NULL)
		return -1;
	while (fscanf(in, "%u %u", &x, &y) == 2) {
		struct sl_term t[3] = { sl_term_int(7), sl_term_int(x), sl_term_int(y) };

		sl_policy_fact(f, "bench", "e", t + 3 - arity, (size_t)arity);
	}
	(void)fclose(in);
	return 0;
}

/* What rusage says would begin with what the parent had. */
static long
peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long v = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			v = strtol(line + 6, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return v;
}

/* In a process of its own, for its memory.  Prints as loop.c does. */
static int
closure(const char *variant, const char *file)
{
	struct sl_policy_limits lim = { 1, 20000000, UINT64_C(10000000000), 1 << 20 };
	const struct sl_policy *p = NULL;
	struct sl_policy_facts *f;
	struct sl_policy_run *r;
	struct sl_arena a = { 0 };
	struct sl_err err = { 0 };
	double t0, t1, t2;
	int v = 0;

	while (v < N_VARIANTS - 1 && strcmp(variants[v].name, variant) != 0)
		v++;
	sl_arena_init(&a, (size_t)2 << 30);
	if (sl_policy_load(sl_slice_str(variants[v].rules), "closure", NULL,
			   &sl_policy_text_limits, &a, &p, &err) < 0)
		return 1;
	t0 = bp_now_us();
	f = sl_policy_facts_new(&a);
	if (read_edges(file, variants[v].arity, f) < 0 ||
	    sl_policy_facts_check(p, f, &err) < 0 ||
	    (r = sl_prun_new(p, &lim, &a)) == NULL)
		return 1;
	sl_prun_facts(r, f);
	t1 = bp_now_us();
	sl_pmodel_build(r);
	t2 = bp_now_us();
	if (r->stop != SL_PSTOP_NO)
		return 1;
	printf("closure %u load_ms %.1f loop_ms %.1f rss_kib %ld\n",
	       r->rel[sl_policy_pred(p, sl_slice_str(variants[v].of),
				     (size_t)variants[v].arity)]
		   .n,
	       (t1 - t0) / 1e3, (t2 - t1) / 1e3, peak_kib());
	return 0;
}

struct measured {
	size_t n;
	double load_ms, loop_ms;
	long rss_kib;
};

/* Runs argv, whose one line says how it went. */
static int
measure(const char *const *argv, struct measured *ret)
{
	posix_spawn_file_actions_t fa;
	char line[200];
	ssize_t n;
	pid_t pid;
	int fd[2], st, r;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, fd[1], 1);
	r = posix_spawnp(&pid, argv[0], &fa, NULL, (char **)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)close(fd[1]);
	if (r != 0)
		return (void)close(fd[0]), -1;
	(void)alarm(DEADLINE_S);
	n = read(fd[0], line, sizeof(line) - 1);
	(void)close(fd[0]);
	r = waitpid(pid, &st, 0);
	(void)alarm(0);
	if (r != pid || !WIFEXITED(st) || WEXITSTATUS(st) != 0 || n <= 0)
		return -1;
	line[n] = '\0';
	ret->rss_kib = 0;
	return sscanf(line, "closure %zu load_ms %lf loop_ms %lf rss_kib %ld", &ret->n,
		      &ret->load_ms, &ret->loop_ms, &ret->rss_kib) >= 3
		   ? 0
		   : -1;
}

static int
run_to(const char *const *argv, const char *out)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int st, r;

	(void)posix_spawn_file_actions_init(&fa);
	if (out != NULL)
		(void)posix_spawn_file_actions_addopen(
		    &fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	r = posix_spawnp(&pid, argv[0], &fa, NULL, (char **)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r != 0 || waitpid(pid, &st, 0) != pid)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static int
closure_row(struct bp *b, int g, const char *edges, const char *loop, double plain[2])
{
	double t[N_VARIANTS][ROUNDS_MAX], peer[ROUNDS_MAX];
	long rss[N_VARIANTS] = { 0 };
	int n = b->n < 3 ? b->n : 3;
	struct measured m;
	char name[64];

	for (int k = 0; k < n; k++) {
		const char *peer_argv[] = { loop, edges, NULL };

		if (measure(peer_argv, &m) < 0 || m.n != graphs[g].closure)
			return bp_fail(b, graphs[g].name, "the peer failed");
		peer[k] = m.loop_ms;
		for (int v = 0; v < N_VARIANTS; v++) {
			const char *argv[] = { b->self, "closure", variants[v].name,
					       edges, NULL };

			if (measure(argv, &m) < 0 || m.n != graphs[g].closure)
				return bp_fail(b, graphs[g].name, variants[v].name);
			t[v][k] = m.loop_ms;
			rss[v] = m.rss_kib > rss[v] ? m.rss_kib : rss[v];
		}
	}
	plain[1] = bp_median(peer, n);
	plain[0] = bp_median(t[0], n);
	for (int v = 0; v < N_VARIANTS; v++) {
		(void)snprintf(name, sizeof(name), "closure %s%s", graphs[g].name,
			       variants[v].suffix);
		bp_row(b, name, "ms", v == 0 ? plain[0] : bp_median(t[v], n), plain[1],
		       "C loop", n);
		(void)snprintf(name, sizeof(name), "closure %s%s rss", graphs[g].name,
			       variants[v].suffix);
		bp_row(b, name, "MiB", (double)rss[v] / 1024, 0, NULL, n);
	}
	return 0;
}

static void
closures(struct bp *b)
{
	char dir[] = "/tmp/bench-policy.XXXXXX", loop[64], edges[64], src[600], gen[600];
	double plain[2];

	if (mkdtemp(dir) == NULL) {
		bp_fail(b, "closures", "no directory");
		return;
	}
	(void)snprintf(loop, sizeof(loop), "%s/loop", dir);
	(void)snprintf(edges, sizeof(edges), "%s/edges", dir);
	(void)snprintf(src, sizeof(src), "%s/policy/tc/loop.c", b->corpora);
	(void)snprintf(gen, sizeof(gen), "%s/policy/tc/gen_tc.py", b->corpora);
	const char *cc[] = { "cc", "-O2", "-o", loop, src, NULL };

	if (run_to(cc, NULL) != 0)
		bp_fail(b, "closures", "the peer does not build");
	for (int g = 0; g < N_GRAPHS && !b->is_bad; g++) {
		const char *py[] = { "/usr/bin/python3", gen, graphs[g].nodes,
				     graphs[g].edges, NULL };

		if (run_to(py, edges) != 0)
			bp_fail(b, graphs[g].name, "no graph");
		else
			(void)closure_row(b, g, edges, loop, plain);
	}
	(void)unlink(loop);
	(void)unlink(edges);
	(void)rmdir(dir);
}

/* ---- the table ---- */

static void
table(const struct bp *b)
{
	printf("\n%-36s %12s %12s %8s  %s\n", "metric", "ours", "peer", "ratio",
	       "peer's name");
	for (int k = 0; k < b->n_rows; k++) {
		const struct bp_row *r = &b->row[k];

		if (r->peer_name != NULL)
			printf("%-36s %9.2f %-2s %9.2f %-2s %8.2f  %s\n", r->metric,
			       r->ours, r->unit, r->peer, r->unit, r->ours / r->peer,
			       r->peer_name);
		else
			printf("%-36s %9.2f %s\n", r->metric, r->ours, r->unit);
	}
}

/* One row or some, and what measures them. */
static void (*const measures[])(struct bp *) = { bp_w, bp_load, closures };

int
main(int argc, char **argv)
{
	const char *corpora = getenv("SL_CORPORA");
	struct bp b = { .corpora = corpora != NULL ? corpora : "../shared/corpora",
			.n = 201 };
	char self[600];
	ssize_t n;

	if (argc == 4 && strcmp(argv[1], "closure") == 0)
		return closure(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "-n") == 0)
		b.n = (int)strtol(argv[2], NULL, 10);
	if (b.n < 1 || b.n > ROUNDS_MAX)
		return 2;
	if ((n = readlink("/proc/self/exe", self, sizeof(self) - 1)) <= 0)
		return 1;
	self[n] = '\0';
	b.self = self;
	for (size_t k = 0; k < sizeof(measures) / sizeof(measures[0]); k++)
		measures[k](&b);
	table(&b);
	return b.is_bad;
}
