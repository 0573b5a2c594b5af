/* test_cosign.c -- log/cosign: what is stored before anything is signed, and killed or
 * failed at any call. */
#include "log/cosign.h"
#include "wit_t.h"

#include "../../fault/faultio.h"
#include "logdir.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static struct tree one, two; /* they share the first 100 leaves */
static struct sl_signer log_k;
static struct sl_vkey log_v;

static struct sl_cosign
request(struct tree *t, uint64_t old, uint64_t size)
{
	struct sl_cosign q = { .old_size = old,
			       .origin = log_v.name,
			       .size = size,
			       .root = root_of(t, size) };
	SL_AUTO_BUF text = { .max = 1024 };
	struct sl_checkpoint c = { .origin = q.origin, .size = size, .root = q.root };
	struct sl_err err = { 0 };

	memcpy(q.pub, log_k.pub, 32);
	must(sl_checkpoint_text(&c, &text, &err), &err);
	sl_sign(&log_k, sl_buf_get(&text), q.sig);
	if (old > 0 && old < size)
		must(
		    sl_proof_consistency(sl_leaves_node, &t->l, old, size, &q.path, &err),
		    &err);
	return q;
}

static struct dir
home(void)
{
	struct dir d = dir_make();

	assert_return_code(mkdirat(d.fd, "keys", 0700), 0);
	return d;
}

/* A cosigner anew, as another process would be. */
static int
add(const struct dir *d, const struct sl_store_io *io, const struct sl_cosign *q,
    struct sl_cosigned *ret, struct sl_buf *note, struct sl_err *err)
{
	struct sl_cosigner c = { 0 };
	int r = sl_cosigner_open(&c, d->fd, io, err);

	if (r == 0)
		r = sl_cosigner_add(&c, q, 1790000000, ret, note, err);
	sl_cosigner_done(&c);
	return r;
}

static enum sl_cosign_result
result(const struct dir *d, const struct sl_cosign *q, uint64_t *ret_size)
{
	SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
	struct sl_cosigned got = { 0 };
	struct sl_err err = { 0 };

	must(add(d, sl_store_io_sys(), q, &got, &note, &err), &err);
	if (ret_size != NULL)
		*ret_size = got.size;
	return got.what;
}

static void
conversation(void **state)
{
	static const struct {
		int tree;
		uint64_t old, size;
		enum sl_cosign_result want;
		uint64_t last;
	} t[] = {
		{ 1, 5, 10, SL_COSIGN_STALE, 0 },
		{ 1, 0, 0, SL_COSIGN_DONE, 0 }, /* the empty tree can be cosigned */
		{ 1, 0, 5, SL_COSIGN_DONE, 5 },
		{ 1, 0, 5, SL_COSIGN_STALE, 5 },
		{ 1, 5, 5, SL_COSIGN_DONE, 5 },
		{ 1, 5, 90, SL_COSIGN_DONE, 90 },
		{ 1, 5, 90, SL_COSIGN_STALE, 90 },
		{ 1, 80, 85, SL_COSIGN_STALE, 90 },
		{ 2, 90, 95, SL_COSIGN_DONE, 95 }, /* still the same tree */
		{ 1, 95, 150, SL_COSIGN_DONE, 150 },
		{ 2, 150, 150, SL_COSIGN_FORK, 150 },
		{ 2, 0, 150, SL_COSIGN_FORK, 150 },
		{ 2, 150, 200, SL_COSIGN_FORK, 150 },
		{ 1, 150, 256, SL_COSIGN_DONE, 256 },
		/* a power of two: such a path holds no other root, and proves nothing */
		{ 2, 256, 300, SL_COSIGN_BAD_PATH, 256 },
		{ 1, 256, 300, SL_COSIGN_DONE, 300 },
	};
	struct dir d = home();

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_cosign q =
		    request(t[i].tree == 1 ? &one : &two, t[i].old, t[i].size);
		uint64_t last = 99;

		if (result(&d, &q, &last) != t[i].want || last != t[i].last)
			fail_msg("%zu: %llu", i, (unsigned long long)last);
	}
	dir_done(&d);
}

static void
bad_paths(void **state)
{
	struct sl_cosign q = request(&one, 0, 150);
	struct dir d = home();

	(void)state;
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_DONE);
	q = request(&one, 150, 200);
	q.path.h[1].b[0] ^= 1;
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_BAD_PATH);
	q = request(&one, 150, 200);
	q.path.n--;
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_BAD_PATH);
	q = request(&one, 150, 200);
	q.path.n++;
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_BAD_PATH);
	q = request(&one, 150, 200);
	q.path.n = 0;
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_BAD_PATH);
	q = request(&one, 150, 150);
	q.path.n = 1;
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_BAD_PATH);
	dir_done(&d);
}

/* What no honest caller sends is refused before the state is looked at. */
static void
bad_requests(void **state)
{
	SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
	struct dir d = home();
	struct sl_cosigned got;

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct sl_cosign q = request(&one, 0, 5);
		struct sl_err err = { 0 };

		if (i == 0)
			q.sig[0] ^= 1;
		if (i == 1)
			q.size++;
		if (i == 2)
			q.old_size = 6;
		if (i == 3)
			q.origin = SL_LIT("two words");
		if (i == 4)
			q.ext = SL_LIT("no end");
		if (i == 5)
			q.origin = SL_LIT("two\nlines");
		assert_true(add(&d, sl_store_io_sys(), &q, &got, &note, &err) < 0);
	}
	assert_int_equal(note.len, 0);
	dir_done(&d);
}

static void
overwrite(const struct dir *d, const char *name, const char *bytes)
{
	int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	close(fd);
}

/* A state that is damaged, or not ours, is never taken for none. */
static void
damaged(void **state)
{
	SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
	struct sl_cosign q = request(&one, 0, 5);
	char name[SL_WITNESS_STATE_NAME], fork[80];
	struct sl_err err = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct dir d = home();
	struct sl_cosigned got;

	(void)state;
	sl_witness_state_name(log_v.name, name);
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_DONE);
	overwrite(&d, name, "");
	assert_int_equal(add(&d, sl_store_io_sys(), &q, &got, &note, &err), SL_E(STORE));
	overwrite(&d, name, "log.example/a\n5\n");
	sl_buf_clear(&note);
	assert_int_equal(add(&d, sl_store_io_sys(), &q, &got, &note, &e2), SL_E(STORE));
	/* without its key the witness does not begin as another one */
	assert_return_code(unlinkat(d.fd, name, 0), 0);
	assert_return_code(unlinkat(d.fd, "keys/witness", 0), 0);
	assert_int_equal(add(&d, sl_store_io_sys(), &q, &got, &note, &e3), SL_E(STORE));
	dir_done(&d);

	d = home();
	(void)snprintf(fork, sizeof(fork), "%s.fork", name);
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_DONE);
	overwrite(&d, fork, "");
	q = request(&one, 5, 6);
	assert_int_equal(result(&d, &q, NULL), SL_COSIGN_REFUSED);
	dir_done(&d);
}

/* The n-th call fails in each way: nothing that was signed is forgotten, and nothing is
 * signed that was not stored. */
static void
failing(void **state)
{
	(void)state;
	for (int mode = 0; mode < FAULT_MODES; mode++)
		for (unsigned long n = 1;; n++) {
			struct faultio f = { .fail_at = n, .mode = (enum fault)mode };
			struct sl_store_io io = faultio_table(&f);
			SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
			struct sl_cosign q = request(&one, 0, 5);
			struct sl_cosigner c = { 0 };
			struct sl_cosigned got = { 0 };
			struct sl_err err = { 0 }, e2 = { 0 };
			struct dir d = home();
			uint64_t last = 0, size;
			int r = sl_cosigner_open(&c, d.fd, &io, &err);

			if (r == 0 &&
			    (r = sl_cosigner_add(&c, &q, 1, &got, &note, &err)) == 0) {
				last = 5;
				q = request(&one, 5, 9);
				sl_buf_clear(&note);
				if ((r = sl_cosigner_add(&c, &q, 1, &got, &note, &err)) ==
				    0)
					last = 9;
			}
			assert_int_equal(r < 0, f.has_failed);
			if (c.is_dead)
				assert_true(sl_cosigner_add(&c, &q, 1, &got, &note, &e2) <
					    0);
			sl_cosigner_done(&c);
			/* another process finds what was signed, or the one behind it
			 * that was never given out */
			q = request(&one, 400, 400);
			assert_int_equal(result(&d, &q, &size), SL_COSIGN_STALE);
			if (size < last || (size != last && f.has_failed == false))
				fail_msg("mode %d call %lu: %llu after %llu", mode, n,
					 (unsigned long long)size,
					 (unsigned long long)last);
			dir_done(&d);
			if (!f.has_failed)
				break;
		}
}

/* Cosigns one size after another until it is killed; tells each. */
static void
victim(const struct dir *d, uint64_t from, int out)
{
	for (uint64_t n = from; n < LEAVES; n++) {
		SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
		struct sl_cosign q = request(&one, n, n + 1);
		struct sl_cosigned got = { 0 };
		struct sl_err err = { 0 };

		if (add(d, sl_store_io_sys(), &q, &got, &note, &err) < 0 ||
		    got.what != SL_COSIGN_DONE ||
		    write(out, &got.size, sizeof(got.size)) != sizeof(got.size))
			_exit(3);
	}
	_exit(0);
}

/* Killed between write and answer, wherever: the state is never behind what was told,
 * and at most one ahead of it. */
static void
killed(void **state)
{
	struct dir d = home();
	uint64_t told = 0, last = 0, rnd = 88172645463325252u;
	int kills = 0;

	(void)state;
	for (; kills < 100 && told < LEAVES - 60; kills++) {
		struct sl_cosign q = request(&one, 399, 400);
		struct timespec ts = { 0 };
		int p[2], st;
		pid_t pid;

		assert_return_code(pipe(p), 0);
		assert_return_code(pid = fork(), errno);
		if (pid == 0)
			victim(&d, last, p[1]);
		close(p[1]);
		rnd ^= rnd << 13;
		rnd ^= rnd >> 7;
		rnd ^= rnd << 17;
		ts.tv_nsec = rnd % 4000000; /* the moment is the point of this test */
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		while (read(p[0], &told, sizeof(told)) == sizeof(told))
			;
		close(p[0]);
		assert_int_equal(waitpid(pid, &st, 0), pid);
		assert_false(WIFEXITED(st) && WEXITSTATUS(st) == 3);
		assert_int_equal(result(&d, &q, &last), SL_COSIGN_STALE);
		if (last < told || last > told + 1)
			fail_msg("%llu after %llu was told", (unsigned long long)last,
				 (unsigned long long)told);
		told = last;
	}
	print_message("# %d kills, %llu cosigned\n", kills, (unsigned long long)told);
	dir_done(&d);
}

/* Many at once: each size is cosigned once, and no root beside another. */
static void
at_once(void **state)
{
	enum { N = 4 };
	struct dir d = home();
	struct sl_cosign q = request(&one, 399, 400);
	uint64_t size = 0;
	pid_t pid[N];

	(void)state;
	for (int i = 0; i < N; i++)
		if ((pid[i] = fork()) == 0) {
			int done = 0;

			for (uint64_t n = 0; n < 60; n++) {
				SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
				struct sl_cosign w = request(&one, n, n + 1);
				struct sl_cosigned got = { 0 };
				struct sl_err err = { 0 };

				while (got.size < n + 1) {
					sl_buf_clear(&note);
					if (add(&d, sl_store_io_sys(), &w, &got, &note,
						&err) < 0)
						_exit(200);
					done += got.what == SL_COSIGN_DONE;
				}
			}
			_exit(done);
		}
	for (int i = 0; i < N; i++) {
		int st;

		assert_int_equal(waitpid(pid[i], &st, 0), pid[i]);
		assert_true(WIFEXITED(st) && WEXITSTATUS(st) <= 60);
		size += (uint64_t)WEXITSTATUS(st);
	}
	assert_int_equal(size, 60);
	assert_int_equal(result(&d, &q, &size), SL_COSIGN_STALE);
	assert_int_equal(size, 60);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(conversation), cmocka_unit_test(bad_paths),
		cmocka_unit_test(bad_requests), cmocka_unit_test(damaged),
		cmocka_unit_test(failing),      cmocka_unit_test(killed),
		cmocka_unit_test(at_once),
	};

	tree_make(&one, 1, 100);
	tree_make(&two, 2, 100);
	key_of("log.example/a", SL_VKEY_ED25519, 1, &log_k, &log_v);
	return run_suite("witness-cosign", t, SL_ARRAY_LEN(t));
}
