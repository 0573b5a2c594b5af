/* log_torn.c -- power loss: every prefix of what was written, the last write torn at
 * sector bounds or with sectors missing; then recovery, judged by what was acknowledged.
 *
 * Files are rebuilt from a record of the calls.  What was synced is there; of the write
 * in flight any subset of sectors may be.  log/head is never synced: absent, as written
 * last, or as written before that. */
#include "t.h"

#include "faultlog.h"

#include <assert.h>
#include <sys/stat.h>

enum { OPS_MAX = 512, SECTOR = 512, HEADS_MAX = 128 };

struct op {
	enum { OP_WRITE, OP_CUT, OP_SYNC } what;
	uint8_t *p;
	size_t len;
	uint64_t off;
	size_t n_acked; /* acknowledged before this op */
	size_t n_heads; /* head was written that often before it */
};

struct tape {

	size_t n, n_heads;
	struct op op[OPS_MAX];
	uint8_t heads[HEADS_MAX][SL_HEAD_LEN];
	const struct acked *acked;
};

static int
which(struct tape *t, int fd)
{
	char link[64], path[256];
	ssize_t n;

	(void)t;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return strstr(path, "/seg/000000.log") ? 1 : strstr(path, "/log/head") ? 2 : 0;
}

static void
add_op(struct tape *t, struct op o)
{
	assert(t->n < OPS_MAX);
	o.n_acked = t->acked->n;
	o.n_heads = t->n_heads;
	t->op[t->n++] = o;
}

static ssize_t
rec_pwritev(void *ctx, int fd, const struct iovec *v, int n, off_t off)
{
	struct tape *t = ctx;
	int w = which(t, fd);

	if (w == 1) {
		struct op o = { .what = OP_WRITE, .len = v->iov_len, .off = off };

		o.p = malloc(o.len);
		memcpy(o.p, v->iov_base, o.len);
		add_op(t, o);
	} else if (w == 2) {
		memcpy(t->heads[t->n_heads++], v->iov_base, SL_HEAD_LEN);
	}
	return sl_store_io_sys()->pwritev(NULL, fd, v, n, off);
}

static int
rec_ftruncate(void *ctx, int fd, off_t len)
{
	if (which(ctx, fd) == 1)
		add_op(ctx, (struct op){ .what = OP_CUT, .off = len });
	return sl_store_io_sys()->ftruncate(NULL, fd, len);
}

static int
rec_fdatasync(void *ctx, int fd)
{
	if (which(ctx, fd) == 1)
		add_op(ctx, (struct op){ .what = OP_SYNC });
	return 0;
}

static void
copy_keys(const struct dir *from, const struct dir *to)
{
	static const char *const names[] = { "keys/identity", "keys/next", "keys/hmac" };
	char b[32];

	assert_return_code(mkdirat(to->fd, "keys", 0700), 0);
	for (int i = 0; i < 3; i++) {
		int in = openat(from->fd, names[i], O_RDONLY);
		int out = openat(to->fd, names[i], O_WRONLY | O_CREAT, 0600);

		assert_int_equal(read(in, b, 32), 32);
		assert_int_equal(write(out, b, 32), 32);
		close(in);
		close(out);
	}
}

/* Op k on the image; of a write only the sectors in mask (bit i mod 64) arrive. */
static void
apply(int fd, const struct op *o, uint64_t mask)
{
	if (o->what == OP_CUT)
		assert_return_code(ftruncate(fd, o->off), 0);
	if (o->what != OP_WRITE)
		return;
	for (uint64_t at = o->off; at < o->off + o->len;) {
		uint64_t end = (at / SECTOR + 1) * SECTOR;
		size_t n = (end < o->off + o->len ? end : o->off + o->len) - at;

		if (mask >> ((at / SECTOR - o->off / SECTOR) % 64) & 1)
			assert_int_equal(pwrite(fd, o->p + (at - o->off), n, at), n);
		at += n;
	}
}

/* head: 0 absent, 1 as written last, 2 as written before that. */
static void
lose_power(const struct tape *t, const struct dir *home, size_t k, uint64_t mask,
	   int head)
{
	struct dir d = dir_make();
	static struct acked a;
	int fd, h;

	copy_keys(home, &d);
	assert_return_code(mkdirat(d.fd, "log", 0700), 0);
	assert_return_code(mkdirat(d.fd, "log/seg", 0700), 0);
	fd = openat(d.fd, "log/seg/000000.log", O_RDWR | O_CREAT, 0600);
	for (size_t i = 0; i < k; i++)
		apply(fd, &t->op[i], ~0ull);
	apply(fd, &t->op[k], mask);
	close(fd);
	if (head > 0 && t->op[k].n_heads >= (size_t)head) {
		struct sl_err err = { 0 };
		struct sl_head x;

		h = openat(d.fd, "log/head", O_RDWR | O_CREAT, 0600);
		assert_int_equal(
		    pwrite(h, t->heads[t->op[k].n_heads - (size_t)head], SL_HEAD_LEN, 0),
		    SL_HEAD_LEN);
		assert_true(sl_head_read(h, &x));
		x.boot[0] ^= 1; /* the power came back: another boot */
		must(sl_head_write(sl_store_io_sys(), h, &x, &err), &err);
		close(h);
	}
	a = *t->acked;
	a.n = t->op[k].n_acked;
	check_reopen(&d, &a);
	dir_done(&d);
}

static void
every_prefix(void **state)
{
	static struct tape t;
	static struct acked a;
	struct sl_store_io io = *sl_store_io_sys();
	struct dir d = dir_make();
	struct sl_err err = { 0 };
	struct sl_node n;
	uint64_t rnd = 88172645463325252u;
	size_t cases = 0;

	(void)state;
	t.acked = &a;
	io.ctx = &t;
	io.pwritev = rec_pwritev;
	io.ftruncate = rec_ftruncate;
	io.fdatasync = rec_fdatasync;
	must(sl_node_open(&n, d.fd, &io, build_a, &err), &err);
	for (int i = 0; i < 4; i++)
		must(step(&n, i, &a, &err), &err);
	sl_node_done(&n);
	for (size_t k = 0; k < t.n; k++) {
		size_t sectors = t.op[k].len / SECTOR + 1;

		if (t.op[k].what != OP_WRITE || t.op[k].len == 64 << 10) {
			lose_power(&t, &d, k, ~0ull, k % 3);
			cases++;
			continue;
		}
		for (size_t s = 0; s <= sectors && s < 64; s++, cases++)
			lose_power(&t, &d, k, s ? ~0ull >> (64 - s) : 0, cases % 3);
		for (int s = 0; s < 6; s++, cases++) { /* xorshift64 */
			rnd ^= rnd << 13;
			rnd ^= rnd >> 7;
			rnd ^= rnd << 17;
			lose_power(&t, &d, k, rnd, cases % 3);
		}
	}
	print_message("# %zu operations, %zu states\n", t.n, cases);
	for (size_t k = 0; k < t.n; k++)
		free(t.op[k].p);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(every_prefix) };

	return run_suite("log_torn", t, SL_ARRAY_LEN(t));
}
