/* bench_flow.c -- what a step costs when it is decided, contained, observed and logged.
 *
 *   bench_flow [-n ROUNDS] [SLUICE]     (default: $SLUICE)
 *
 * Rows (MEASURES, "flow"): `20 steps 20 expressions`, a whole `sluice run` of one job
 * whose 20 steps evaluate one expression each, against the same 20 scripts under bash
 * alone; `100 steps` against ninja with 100 such edges, where ninja is installed; `plan
 * 2000 lines` and `expression`, in this process.  Rounds are interleaved, medians are
 * shown, every exit status is checked, and a row with a failure has no figure.
 */
#include "flow/engine.h"
#include "flow/expr.h"

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

enum {
	ROUNDS_MAX = 500,
	WARM_UP = 2,
	STEPS = 20,
	MANY = 100,
	DEADLINE_S = 120,
	PLAN_LINES = 2000,
	EVALS = 2000
};
enum row { RUN, BASH, RUN_MANY, NINJA, PLAN, EXPR, ROWS };

static const char *const row_name[ROWS] = {
	"20 steps 20 expressions",
	"20 x bash -eo pipefail",
	"100 steps",
	"ninja -j1",
	"plan 2000 lines",
	"expression",
};

struct bench {
	const char *sluice;
	char dir[64];
	char script[STEPS][16];
	struct sl_buf plan;
	double t[ROWS][ROUNDS_MAX];
	int failed[ROWS];
	bool is_off[ROWS];
	int n;
};

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* ---- inputs ---- */

static int
put_file(const char *name, const struct sl_buf *b)
{
	FILE *f = b->is_failed ? NULL : fopen(name, "w");
	bool is_ok = f != NULL && fwrite(b->p, 1, b->len, f) == b->len;

	return f != NULL && fclose(f) == 0 && is_ok ? 0 : -1;
}

static int
write_flow(const char *name, const char *shell, int n, bool has_expr)
{
	SL_AUTO_BUF b = { .max = 1 << 20 };

	sl_buf_printf(&b,
		      "on: push\ndefaults: {run: {shell: %s}}\njobs:\n  bench:\n"
		      "    runs-on: ubuntu-latest\n    steps:\n",
		      shell);
	for (int i = 0; i < n; i++)
		if (has_expr)
			sl_buf_printf(&b,
				      "      - run: test \"${{ format('{0}-{1}', "
				      "github.event_name, %d) }}\" = push-%d\n",
				      i, i);
		else
			sl_buf_printf(&b, "      - run: test %d = %d\n", i, i);
	return put_file(name, &b);
}

static int
write_peers(struct bench *b)
{
	SL_AUTO_BUF out = { .max = 1 << 20 };

	for (int i = 0; i < STEPS; i++) {
		(void)snprintf(b->script[i], sizeof(b->script[i]), "s%d.sh", i);
		sl_buf_clear(&out);
		sl_buf_printf(&out, "test \"push-%d\" = push-%d\n", i, i);
		if (put_file(b->script[i], &out) < 0)
			return -1;
	}
	sl_buf_clear(&out);
	for (int i = 0; i < MANY; i++)
		sl_buf_printf(&out,
			      "rule r%d\n  command = test %d = %d\nbuild o%d: r%d\n", i,
			      i, i, i, i);
	return put_file("build.ninja", &out);
}

/* A workflow of PLAN_LINES lines: 14 a job, two steps each with expressions. */
static void
make_plan(struct bench *b)
{
	b->plan.max = 1 << 20;
	sl_buf_str(&b->plan, "name: plan\non: push\njobs:\n");
	for (int j = 0; 3 + 14 * (j + 1) <= PLAN_LINES; j++) {
		sl_buf_printf(&b->plan, "  job%d:\n    runs-on: ubuntu-latest\n", j);
		if (j == 0)
			sl_buf_str(&b->plan, "    timeout-minutes: 5\n");
		else
			sl_buf_printf(&b->plan, "    needs: job%d\n", j / 2);
		sl_buf_str(&b->plan, "    steps:\n");
		for (int s = 0; s < 2; s++)
			sl_buf_printf(
			    &b->plan,
			    "      - name: step %d of %d\n        if: github.event_name "
			    "== 'push'\n"
			    "        env:\n          A: ${{ format('{0}', %d) }}\n"
			    "        run: echo ${{ github.ref }}\n",
			    s, j, s);
	}
}

/* ---- rows ---- */

static int
spawn(const char *const *argv)
{
	posix_spawn_file_actions_t fa;
	pid_t pid;
	int st, r;

	(void)posix_spawn_file_actions_init(&fa);
	for (int i = 0; i < 3; i++)
		(void)posix_spawn_file_actions_addopen(&fa, i, "/dev/null", O_RDWR, 0);
	r = posix_spawnp(&pid, argv[0], &fa, NULL, (char **)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r != 0)
		return -1;
	(void)alarm(
	    DEADLINE_S); /* what hangs fails the benchmark rather than its reader */
	r = waitpid(pid, &st, 0);
	(void)alarm(0);
	if (r != pid)
		return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128;
}

static int
run_bash(struct bench *b)
{
	for (int i = 0; i < STEPS; i++) {
		const char *argv[] = { "bash",     "--noprofile", "--norc", "-eo",
				       "pipefail", b->script[i],  NULL };

		if (spawn(argv) != 0)
			return -1;
	}
	return 0;
}

static int
run_sluice(const struct bench *b, const char *flow)
{
	const char *argv[] = { b->sluice, "run", "--workspace", "ws", flow, NULL };

	return spawn(argv);
}

static int
plan(const struct bench *b)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_engine_opts o = { .src = sl_buf_get(&b->plan),
				    .path = SL_LIT("plan.yml"),
				    .max_memory = 48 << 20 };
	struct sl_engine *e = NULL;
	struct sl_diags ds = { 0 };
	const struct sl_json *v = NULL;
	struct sl_err err = { 0 };
	int r;

	sl_arena_init(&a, 64 << 20);
	if ((r = sl_engine_new(&o, &a, &e, &ds, &err)) == 0)
		r = sl_engine_plan(e, &a, &v, &err);
	if (r < 0)
		fprintf(stderr, "plan: %s %.*s\n", err.msg,
			ds.n > 0 ? (int)ds.d[0].msg.len : 0,
			ds.n > 0 ? (const char *)ds.d[0].msg.p : "");
	sl_engine_free(e);
	return r;
}

/* Parsed once, evaluated often, as in a matrix; the time of one evaluation. */
static int
expression(void)
{
	static const struct sl_slice allow[] = { { (const uint8_t *)"github", 6 } };
	const struct sl_expr_syntax sx = { .allow = allow, .n_allow = 1 };
	struct sl_slice src =
	    SL_LIT("github.event_name == 'push' && startsWith(github.ref, "
		   "'refs/heads/') && format('{0}-{1}', github.ref, 7) != ''");
	SL_AUTO_ARENA a = { 0 };
	struct sl_expr_env x = { .max_memory = 10 << 20 };
	struct sl_value *c, *g;
	const struct sl_expr *e = NULL;
	struct sl_err err = { 0 };
	int r;

	sl_arena_init(&a, 16 << 20);
	c = sl_val_obj(&a, false);
	g = sl_val_obj(&a, false);
	if (sl_val_set(&a, g, SL_LIT("event_name"), sl_val_str(&a, SL_LIT("push"))) ==
		NULL ||
	    sl_val_set(&a, g, SL_LIT("ref"), sl_val_str(&a, SL_LIT("refs/heads/main"))) ==
		NULL ||
	    sl_val_set(&a, c, SL_LIT("github"), g) == NULL)
		return -1;
	x.contexts = c;
	if ((r = sl_expr_parse(src, &sx, &a, &e, &err)) < 0)
		return r;
	for (int i = 0; r == 0 && i < EVALS; i++) {
		SL_AUTO_ARENA t = { 0 };
		const struct sl_value *v = NULL;

		sl_arena_init(&t, 1 << 20);
		r = sl_expr_eval(e, &x, &t, &v, &err);
		if (r == 0 && !sl_val_truthy(v))
			r = -1;
	}
	return r;
}

static int
run_row(struct bench *b, enum row row)
{
	static const char *const ninja[] = { "ninja", "-j1", "--quiet", NULL };

	switch (row) {
	case RUN:
		return run_sluice(b, "20.yml");
	case BASH:
		return run_bash(b);
	case RUN_MANY:
		return run_sluice(b, "100.yml");
	case NINJA:
		return spawn(ninja);
	case PLAN:
		return plan(b);
	case EXPR:
		return expression();
	case ROWS:
	default:
		return -1;
	}
}

static void
measure(struct bench *b, int rounds)
{
	unsigned seed = 1;

	for (int i = -WARM_UP; i < rounds; i++) {
		unsigned first = (unsigned)rand_r(&seed);

		for (unsigned k = 0; k < ROWS; k++) {
			enum row row = (enum row)((first + k) % ROWS);
			double t = now_us();
			int st = b->is_off[row] ? 0 : run_row(b, row);

			t = now_us() - t;
			if (st != 0 && i >= 0)
				b->failed[row]++;
			if (i >= 0)
				b->t[row][i] = row == EXPR ? t / EVALS : t / 1e3;
		}
	}
	b->n = rounds;
}

/* ---- figures ---- */

static int
by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double
median(struct bench *b, enum row row)
{
	qsort(b->t[row], (size_t)b->n, sizeof(double), by_size);
	return b->t[row][b->n / 2];
}

static void
print_row(struct bench *b, enum row ours, enum row peer)
{
	double o = median(b, ours), p = peer < ROWS ? median(b, peer) : 0;
	const char *unit = ours == EXPR ? "us" : "ms";

	printf("{\"bench\":\"flow\",\"metric\":\"%s\",\"unit\":\"%s\",", row_name[ours],
	       unit);
	if (b->failed[ours] > 0)
		printf("\"ours\":null,\"failed\":%d,", b->failed[ours]);
	else
		printf("\"ours\":%.3f,", o);
	if (peer < ROWS && !b->is_off[peer] && b->failed[peer] == 0 &&
	    b->failed[ours] == 0)
		printf("\"peer\":%.3f,\"peer_name\":\"%s\",\"ratio\":%.3f,", p,
		       row_name[peer], o / p);
	else
		printf("\"peer\":null,\"peer_name\":null,\"ratio\":null,");
	printf("\"n\":%d}\n", b->n);
}

static void
print_table(struct bench *b)
{
	for (int i = 0; i < ROWS; i++)
		if (!b->is_off[i])
			printf("%-24s median %9.3f  p10 %9.3f  p90 %9.3f  min %9.3f %s  "
			       "failed %d/%d\n",
			       row_name[i], median(b, (enum row)i), b->t[i][b->n / 10],
			       b->t[i][b->n * 9 / 10], b->t[i][0],
			       i == EXPR ? "us" : "ms", b->failed[i], b->n);
}

static int
prepare(struct bench *b)
{
	static const char *const version[] = { "ninja", "--version", NULL };
	char home[80];

	(void)snprintf(b->dir, sizeof(b->dir), "/var/tmp/sluice-bench-XXXXXX");
	if (mkdtemp(b->dir) == NULL || chdir(b->dir) < 0 || mkdir("ws", 0700) < 0 ||
	    snprintf(home, sizeof(home), "%s/home", b->dir) < 0 ||
	    setenv("SLUICE_HOME", home, 1) < 0 || unsetenv("BASH_ENV") < 0)
		return -1;
	b->is_off[NINJA] = spawn(version) != 0;
	make_plan(b);
	if (b->plan.is_failed || write_peers(b) < 0)
		return -1;
	return write_flow("20.yml", "bash", STEPS, true) < 0 ||
		       write_flow("100.yml", "sh", MANY, false) < 0
		   ? -1
		   : 0;
}

int
main(int argc, char **argv)
{
	static struct bench b;
	const char *remove[] = { "rm", "-rf", b.dir, NULL };
	char *real;
	int c, rounds = 25, bad = 0;

	while ((c = getopt(argc, argv, "n:")) != -1)
		if (c != 'n' || (rounds = (int)strtol(optarg, NULL, 10)) < 1 ||
		    rounds > ROUNDS_MAX)
			return 2;
	b.sluice = optind < argc ? argv[optind] : getenv("SLUICE");
	if (b.sluice == NULL || (real = realpath(b.sluice, NULL)) == NULL) {
		fprintf(stderr,
			"usage: bench_flow [-n ROUNDS] [SLUICE]   (or SLUICE=...)\n");
		return 2;
	}
	b.sluice = real;
	if (prepare(&b) < 0) {
		fprintf(stderr, "bench_flow: %s\n", strerror(errno));
		return 1;
	}
	measure(&b, rounds);
	print_row(&b, RUN, BASH);
	print_row(&b, RUN_MANY, NINJA);
	print_row(&b, PLAN, ROWS);
	print_row(&b, EXPR, ROWS);
	print_table(&b);
	for (int i = 0; i < ROWS; i++)
		bad |= b.failed[i] > 0;
	sl_buf_done(&b.plan);
	free(real);
	if (chdir("/") == 0)
		(void)spawn(remove);
	return bad;
}
