/* bench_log.c -- append, open and prove, beside what the disk and the primitives take.
 *
 *   bench_log DIR [BATCHES [ENTRIES]]     one JSON object a line (doc: MEASURES)
 *
 * `append batch N` is the whole path: client, recorder process, statements signed, one
 * write and one fdatasync.  Peers, in interleaved rounds in the same run: `fdatasync`
 * rewrites as many bytes in place and syncs; `pwrite + SHA-256 + Ed25519` hashes and
 * signs as many entries in this process, then writes and syncs. */
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "log/node.h"
#include "log/reader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ENTRY = 1024, ROUNDS = 5, MAX = 512 };

static struct sl_err err;
static uint8_t payload[ENTRY];

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
		must(sl_recorder_wait(r, e, MAX, &n, &err));
	}
	return (double)(batch * batches) / (now() - t);
}

static double
disk(int fd, const uint8_t *p, size_t batch, size_t batches)
{
	double t = now();

	for (size_t i = 0; i < batches; i++)
		must(pwrite(fd, p, batch * ENTRY, (off_t)((i % 8) * MAX * ENTRY)) < 0 ||
			     fdatasync(fd) < 0
			 ? -1
			 : 0);
	return (double)(batch * batches) / (now() - t);
}

static double
primitives(int fd, const uint8_t *p, size_t batch, size_t batches)
{
	uint8_t seed[32] = { 1 }, d[32], sig[64];
	struct sl_signer k;
	double t;

	sl_signer_from_seed(&k, seed);
	t = now();
	for (size_t i = 0; i < batches; i++) {
		for (size_t j = 0; j <= batch; j++) { /* and once for the root */
			struct sl_slice e = { p + j % MAX * ENTRY,
					      j < batch ? ENTRY : 64 };

			sl_sha256(e, d);
			sl_sign(&k, e, sig);
		}
		must(pwrite(fd, p, batch * ENTRY, (off_t)((i % 8) * MAX * ENTRY)) < 0 ||
			     fdatasync(fd) < 0
			 ? -1
			 : 0);
	}
	return (double)(batch * batches) / (now() - t);
}

static void
append(int home, struct sl_recorder *r, size_t batch, size_t batches)
{
	static uint8_t p[MAX * ENTRY];
	double a[ROUNDS], b[ROUNDS], c[ROUNDS];
	char name[32];
	int fd = openat(home, "peer", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	memset(p, 'p', sizeof(p));
	for (int i = 0; i < 8; i++) /* blocks are there, as in a segment filled ahead */
		must(pwrite(fd, p, sizeof(p), (off_t)i * MAX * ENTRY) < 0 ? -1 : 0);
	must(fsync(fd));
	for (int i = 0; i < ROUNDS; i++) {
		a[i] = ours(r, batch, batches);
		b[i] = disk(fd, p, batch, batches);
		c[i] = primitives(fd, p, batch, batches);
	}
	(void)snprintf(name, sizeof(name), "append batch %zu", batch);
	row(name, "per_s", median(a, ROUNDS), median(b, ROUNDS), "fdatasync",
	    ROUNDS * batch * batches);
	row(name, "per_s", median(a, ROUNDS), median(c, ROUNDS),
	    "pwrite + SHA-256 + Ed25519", ROUNDS * batch * batches);
	(void)close(fd);
}

/* Opening for reading, a receipt, at the size that the log has now. */
static void
reading(int home)
{
	struct sl_reader *r;
	struct sl_log_tree t;
	struct stat st;
	char name[48];
	double v[101], per;

	for (size_t i = 0; i < 101; i++) {
		double at = now();

		must(sl_reader_open(home, &r, &err));
		v[i] = (now() - at) * 1e3;
		sl_reader_close(r);
	}
	must(sl_reader_open(home, &r, &err));
	must(sl_reader_tree(r, 1, &t, &err));
	(void)snprintf(name, sizeof(name), "open %llu", (unsigned long long)t.size);
	row(name, "ms", median(v, 101), 0, NULL, 101);
	for (size_t i = 0; i < 101; i++) {
		struct sl_buf b = { .max = 1 << 16 };
		double at = now();

		must(sl_reader_receipt(r, 1, (i * 7919) % t.size, 0, &b, &err));
		v[i] = (now() - at) * 1e6;
		sl_buf_done(&b);
	}
	(void)snprintf(name, sizeof(name), "proof %llu warm", (unsigned long long)t.size);
	row(name, "us", median(v, 101), 0, NULL, 101);
	per = fstatat(home, "log/idx", &st, 0) == 0 ? (double)st.st_size / (double)t.size
						    : 0;
	row("index bytes per entry", "B", per, 0, NULL, (size_t)t.size);
	sl_reader_close(r);
}

int
main(int argc, char **argv)
{
	static const uint8_t build[32] = { 1 };
	size_t batches = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	struct sl_recorder_opts o = { .build = build };
	struct sl_recorder *r;
	struct sl_node_info info;

	if (argc < 2 ||
	    (o.home_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		(void)fprintf(stderr, "usage: bench_log DIR [BATCHES [ENTRIES]]\n");
		return 2;
	}
	memset(payload, 'a', sizeof(payload));
	must(sl_crypto_init(&err));
	must(sl_recorder_start(&o, &r, &err));
	must(sl_recorder_info(r, &info, &err));
	append(o.home_fd, r, 1, batches);
	append(o.home_fd, r, 512, batches / 20 + 1);
	for (size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 0, i = 0; i < n; i += 512)
		(void)ours(r, 512, 1);
	sl_recorder_stop(r);
	reading(o.home_fd);
	return 0;
}
