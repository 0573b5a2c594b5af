/* bench_log.c -- the log: append, open and prove, beside what the disk and the primitives
 * take.  One JSON object a line.
 *
 *   bench_log [-n ENTRIES] [-b BATCHES] [-d DIR] [ROW ...]
 *
 * `append batch N` is the whole path: client, recorder process, statements signed, one
 * write and one fdatasync; a large batch is sent while the one before is under way.
 * Peers, in interleaved rounds in the same run: `fdatasync` rewrites as many bytes in
 * place and syncs; `pwrite + SHA-256 + Ed25519` hashes and signs as many entries in this
 * process, then writes and syncs.
 *
 * The large log is made without the recorder, of statements of one form whose signatures
 * are not theirs: what it is measured for looks at none of them.  It lies in a
 * directory of its own in DIR (else TMPDIR, else /var/tmp), removed at the end.
 *
 * Another set of rows is one line in `rows`. */
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "log/node.h"
#include "log/reader.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ENTRY = 1024, ROUNDS = 5, MAX = 512, LARGE = 10000000, SEEN = 2001 };

static struct sl_err err;
static uint8_t payload[ENTRY];
static const uint8_t build[32] = { 1 };

struct bench {
	const char *dir;
	size_t n;       /* entries of the large log */
	size_t batches; /* of one entry, a round */
};

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "bench_log: %s\n", err.msg);
		exit(5);
	}
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static void
row(const char *metric, const char *unit, double ours, double peer, const char *name,
    size_t n)
{
	(void)printf(
	    "{\"bench\":\"log\",\"metric\":\"%s\",\"unit\":\"%s\",\"ours\":%.3f,", metric,
	    unit, ours);
	if (name == NULL)
		(void)printf(
		    "\"peer\":null,\"peer_name\":null,\"ratio\":null,\"n\":%zu}\n", n);
	else
		(void)printf(
		    "\"peer\":%.3f,\"peer_name\":\"%s\",\"ratio\":%.3f,\"n\":%zu}\n",
		    peer, name, ours / peer, n);
	(void)fflush(stdout);
}

static int
open_dir(const struct bench *b, const char *name)
{
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	if ((mkdir(path, 0700) < 0 && access(path, F_OK) < 0) ||
	    (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(path);
		exit(5);
	}
	return fd;
}

/* --- append --- */

static double
ours(struct sl_recorder *r, size_t batch, size_t batches)
{
	static struct sl_entry e[MAX];
	struct sl_stmt s = { .tree = SL_TREE_NODE,
			     .kind = "decision",
			     .sub = SL_LIT("bench"),
			     .payload = { payload, ENTRY } };
	double t = now();

	for (size_t i = 0; i < batches; i++) {
		size_t n;

		for (size_t k = 0; k < batch; k++) {
			(void)snprintf((char *)payload, 32, "%zu %.6f", k, t + (double)i);
			must(sl_recorder_add(r, &s, &err));
		}
		must(sl_recorder_commit(r, &err));
		/* a large batch is made while the one before is written, as whoever has
		 * so much to say does */
		if (batch == 1 || i > 0)
			must(sl_recorder_wait(r, e, MAX, &n, &err));
	}
	if (batch > 1) {
		size_t n;

		must(sl_recorder_wait(r, e, MAX, &n, &err));
	}
	return (double)(batch * batches) / (now() - t);
}

/* Of what the recorder makes of one payload. */
static size_t
statement_len(void)
{
	const uint8_t seed[32] = { 1 };
	struct sl_buf b = { .max = 2 * ENTRY };
	struct sl_log_key k;
	uint8_t unused[32];
	size_t n;

	sl_log_key_make(&k, seed);
	must(sl_log_statement(&k, SL_LIT("bench"), (struct sl_slice){ payload, ENTRY },
			      false, unused, &b, &err));
	n = b.len;
	sl_buf_done(&b);
	return n;
}

static double
disk(int fd, const uint8_t *p, size_t len, size_t batch, size_t batches)
{
	double t = now();

	for (size_t i = 0; i < batches; i++)
		must(pwrite(fd, p, batch * len, (off_t)((i % 8) * MAX * len)) < 0 ||
			     fdatasync(fd) < 0
			 ? -1
			 : 0);
	return (double)(batch * batches) / (now() - t);
}

static double
primitives(int fd, const uint8_t *p, size_t len, size_t batch, size_t batches)
{
	uint8_t seed[32] = { 1 }, d[32], sig[64];
	struct sl_signer k;
	double t;

	sl_signer_from_seed(&k, seed);
	t = now();
	for (size_t i = 0; i < batches; i++) {
		for (size_t j = 0; j <= batch; j++) { /* and once for the root */
			struct sl_slice e = { p + j % MAX * len, j < batch ? len : 64 };

			sl_sha256(e, d);
			sl_sign(&k, e, sig);
		}
		must(pwrite(fd, p, batch * len, (off_t)((i % 8) * MAX * len)) < 0 ||
			     fdatasync(fd) < 0
			 ? -1
			 : 0);
	}
	return (double)(batch * batches) / (now() - t);
}

static void
append(int home, struct sl_recorder *r, size_t batch, size_t batches)
{
	static uint8_t p[MAX * 2 * ENTRY];
	size_t len = statement_len();
	double a[ROUNDS], b[ROUNDS], c[ROUNDS];
	char name[32];
	int fd = openat(home, "peer", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	memset(p, 'p', sizeof(p));
	for (size_t i = 0; i < 8;
	     i++) /* blocks are there, as in a segment filled ahead */
		must(pwrite(fd, p, MAX * len, (off_t)(i * MAX * len)) < 0 ? -1 : 0);
	must(fsync(fd));
	for (int i = 0; i < ROUNDS; i++) {
		a[i] = ours(r, batch, batches);
		b[i] = disk(fd, p, len, batch, batches);
		c[i] = primitives(fd, p, len, batch, batches);
	}
	(void)snprintf(name, sizeof(name), "append batch %zu", batch);
	row(name, "per_s", median(a, ROUNDS), median(b, ROUNDS), "fdatasync",
	    ROUNDS * batch * batches);
	row(name, "per_s", median(a, ROUNDS), median(c, ROUNDS),
	    "pwrite + SHA-256 + Ed25519", ROUNDS * batch * batches);
	(void)close(fd);
}

static void
rows_append(const struct bench *b)
{
	struct sl_recorder_opts o = { .home_fd = open_dir(b, "append"), .build = build };
	struct sl_recorder *r;
	struct sl_node_info info;

	memset(payload, 'a', sizeof(payload));
	must(sl_recorder_start(&o, &r, &err));
	must(sl_recorder_info(r, &info, &err));
	append(o.home_fd, r, 1, b->batches);
	append(o.home_fd, r, 512, b->batches / 20 + 1);
	sl_recorder_stop(r);
	(void)close(o.home_fd);
}

/* --- a large log --- */

static void
name_size(const struct bench *b, const char *what, const char *tail, char out[64])
{
	const char *unit = b->n % 1000000 == 0 ? "M" : b->n % 1000 == 0 ? "k" : "";
	size_t n = *unit == 'M' ? b->n / 1000000 : *unit == 'k' ? b->n / 1000 : b->n;

	(void)snprintf(out, 64, "%s %zu%s%s", what, n, unit, tail);
}

static void
fill(struct sl_node *n, const uint8_t *stmt, size_t len, size_t from, size_t k)
{
	static uint8_t s[4096];

	memcpy(s, stmt, len);
	must(sl_store_begin(&n->st, &err));
	for (size_t i = 0; i < k; i++) {
		uint8_t id[32];
		uint64_t index;

		(void)snprintf((char *)s + len - 80, 16, "%015zu", from + i);
		must(sl_store_entry(&n->st, 1, "decision", (struct sl_slice){ s, len },
				    id, &index, &err));
	}
	must(sl_node_end(n, &err));
	must(sl_store_idle(&n->st, &err));
}

static double
disk_use(int home)
{
	struct stat st;
	double n = 0;
	char name[64];

	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "log/seg/%06u.log", i);
		if (fstatat(home, name, &st, 0) < 0)
			break;
		n += (double)st.st_size;
	}
	return n;
}

static void
make_large(const struct bench *b, int home)
{
	enum { PER = 2048, STMT = 400 };
	static uint8_t stmt[STMT];
	struct sl_node n;
	double at = now();

	memset(stmt, 's', sizeof(stmt));
	must(sl_node_open(&n, home, sl_store_io_sys(), build, &err));
	for (size_t i = 0; i < b->n; i += PER) {
		fill(&n, stmt, STMT, i, b->n - i < PER ? b->n - i : PER);
		if (isatty(2) && i % (PER * 64) == 0)
			(void)fprintf(stderr, "\rbench_log: %zu of %zu entries", i, b->n);
	}
	if (isatty(2))
		(void)fprintf(stderr, "\n");
	row("large log made, entries", "per_s", (double)b->n / (now() - at), 0, NULL,
	    b->n);
	sl_node_done(&n);
}

static double
rss_mib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	double kib = 0;
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtod(line + 6, NULL);
	if (f != NULL)
		(void)fclose(f);
	return kib / 1024;
}

static void
open_and_prove(const struct bench *b, int home)
{
	static double v[SEEN];
	struct sl_reader *r;
	struct sl_log_tree t;
	struct sl_proof p;
	struct sl_node n;
	char name[64];

	for (size_t i = 0; i < 101; i++) {
		double at = now();

		must(sl_reader_open(home, &r, &err));
		v[i] = (now() - at) * 1e3;
		sl_reader_close(r);
	}
	name_size(b, "open", "", name);
	row(name, "ms", median(v, 101), 0, NULL, 101);
	for (size_t i = 0; i < 21; i++) { /* with keys, to append */
		double at = now();

		must(sl_node_open(&n, home, sl_store_io_sys(), build, &err));
		v[i] = (now() - at) * 1e3;
		sl_node_done(&n);
	}
	name_size(b, "open", " to append", name);
	row(name, "ms", median(v, 21), 0, NULL, 21);
	must(sl_reader_open(home, &r, &err));
	must(sl_reader_tree(r, 1, &t, &err));
	for (int warm = 0; warm < 2; warm++)
		for (size_t i = 0; i < SEEN; i++) {
			double at = now();

			must(sl_reader_inclusion(r, 1, (i * 7919 * 641) % t.size, 0, &p,
						 &err));
			v[i] = (now() - at) * 1e6;
		}
	name_size(b, "proof", " warm", name);
	row(name, "us", median(v, SEEN), 0, NULL, SEEN);
	sl_reader_close(r);
}

/* Reading, proving and appending at that size, in a process that did not make it. */
static void
rows_large(const struct bench *b)
{
	int home = open_dir(b, "large"), st = 0;
	struct statvfs vfs;
	char name[64];
	double was;
	pid_t pid;

	if (statvfs(b->dir, &vfs) < 0 ||
	    (double)vfs.f_bavail * (double)vfs.f_frsize < (double)b->n * 1000) {
		(void)fprintf(stderr,
			      "bench_log: no room for a log of %zu entries (1000 bytes "
			      "each); -n takes fewer\n",
			      b->n);
		exit(5);
	}
	make_large(b, home);
	if ((pid = fork()) == 0) {
		static uint8_t stmt[400];
		struct sl_node n;

		open_and_prove(b, home);
		memset(stmt, 'm', sizeof(stmt));
		must(sl_node_open(&n, home, sl_store_io_sys(), build, &err));
		for (size_t i = 0; i < 64; i++)
			fill(&n, stmt, sizeof(stmt), b->n + i * 512, 512);
		sl_node_done(&n);
		name_size(b, "memory at", "", name);
		row(name, "MiB", rss_mib(), 0, NULL, 1);
		exit(0);
	}
	if (waitpid(pid, &st, 0) != pid || st != 0)
		exit(5);
	was = disk_use(home);
	row("bytes per entry", "B", was / ((double)b->n + 64 * 512), 400,
	    "statement alone", b->n);
	(void)close(home);
}

/* --- */

static const struct {
	const char *name;
	void (*run)(const struct bench *b);
} rows[] = {
	{ "append", rows_append },
	{ "large", rows_large },
};

static int
rm(const char *p, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(p);
}

static char dir[256];
static pid_t owner;

static void
clean_up(void)
{
	if (getpid() == owner)
		(void)nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(int argc, char **argv)
{
	struct bench b = { .n = LARGE, .batches = 200 };
	const char *tmp = getenv("TMPDIR");
	int c;

	while ((c = getopt(argc, argv, "n:b:d:")) != -1) {
		if (c == 'n')
			b.n = strtoul(optarg, NULL, 10);
		else if (c == 'b')
			b.batches = strtoul(optarg, NULL, 10);
		else if (c == 'd')
			tmp = optarg;
		else
			return 2;
	}
	(void)snprintf(dir, sizeof(dir), "%s/bench-log-XXXXXX",
		       tmp != NULL ? tmp : "/var/tmp");
	if (b.n < 1 || mkdtemp(dir) == NULL) {
		perror(dir);
		return 2;
	}
	b.dir = dir;
	owner = getpid();
	(void)atexit(clean_up);
	must(sl_crypto_init(&err));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_asked = optind == argc;

		for (int k = optind; k < argc; k++)
			is_asked |= strcmp(argv[k], rows[i].name) == 0;
		if (is_asked)
			rows[i].run(&b);
	}
	return 0;
}
