/* test_index.c -- libexec/sluice/sluice-index, asked directly: what it keeps and finds,
 * and that nothing that it is sent or finds in its file takes it down but by its own
 * exit.  HELPER is its path. */
#include "t.h"

#include "log/index_proto.h"
#include "log/le.h"
#include "lognode.h"
#include "priv/chan.h"
#include "priv/helper.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct sl_chan_op said[] = {
	{ SL_INDEX_STATE, SL_INDEX_STATE_LEN, 0 },
	{ SL_INDEX_DONE, 1, 0 },
	{ SL_INDEX_HITS, SL_INDEX_FRAME_MAX, 0 },
};

struct helper {
	struct sl_chan chan;
	struct sl_buf room;
	pid_t pid;
};

static void
start(struct helper *h, const struct dir *d, int flags)
{
	struct sl_err err = { 0 };
	int pair[2], db = openat(d->fd, "index.db", flags | O_CLOEXEC, 0600);

	assert_return_code(db, 0);
	must(sl_chan_pair(pair, &err), &err);
	h->pid = fork();
	if (h->pid == 0) {
		int a = fcntl(pair[1], F_DUPFD, 64), b = fcntl(db, F_DUPFD, 64);

		if (dup2(a, SL_HELPER_FD) < 0 || dup2(b, SL_HELPER_FD + 1) < 0)
			_exit(99);
		execl(HELPER, "sluice-index", (char *)NULL);
		_exit(98);
	}
	close(pair[1]);
	close(db);
	h->chan =
	    (struct sl_chan){ .fd = pair[0], .ops = said, .n_ops = SL_ARRAY_LEN(said) };
	sl_buf_init(&h->room, SL_INDEX_FRAME_MAX);
}

/* Its wait status once its channel is closed. */
static int
stop(struct helper *h)
{
	int st;

	close(h->chan.fd);
	assert_int_equal(waitpid(h->pid, &st, 0), h->pid);
	sl_buf_done(&h->room);
	return st;
}

/* What it answers first: the op, or 0 where it has ended. */
static int
ask(struct helper *h, int op, const void *p, size_t n, struct sl_slice *ret)
{
	struct sl_err err = { 0 };
	struct sl_msg m;

	if (sl_chan_send(&h->chan, (uint16_t)op, (struct sl_slice){ p, n }, NULL, 0,
			 &err) < 0 ||
	    sl_chan_recv(&h->chan, &h->room, &m, 10000, &err) <= 0)
		return 0;
	*ret = m.body;
	return m.op;
}

static void
done(struct helper *h, int op, const void *p, size_t n, int want)
{
	struct sl_slice s = { 0 };

	assert_int_equal(ask(h, op, p, n, &s), SL_INDEX_DONE);
	assert_int_equal(s.len, 1);
	assert_int_equal(s.p[0], want);
}

/* A row of tree 1, whose ID is the index's low byte. */
static size_t
row(uint8_t *p, uint64_t index, const char *kind, const char *verdict, uint8_t flags)
{
	const char *text[4] = { kind, "did:key:zIssuer", "run:abc", verdict };
	size_t n = SL_INDEX_ROW_MIN - 8;

	memset(p, 0, n);
	sl_le32(p, 1);
	sl_le64(p + 4, index);
	sl_le64(p + 12, 1000 + index);
	sl_le64(p + 20, index * 100);
	p[28] = flags;
	memset(p + 29, (int)index, 32);
	memset(p + 61, 0x11, 32);
	memset(p + 93, 0x22, 32);
	memset(p + 125, 0x33, 32);
	for (int i = 0; i < 4; i++) {
		size_t k = strlen(text[i]);

		p[n++] = (uint8_t)k;
		p[n++] = 0;
		memcpy(p + n, text[i], k);
		n += k;
	}
	return n;
}

static size_t
query(uint8_t *p, uint32_t max, uint8_t flags, const char *kind, const char *sub,
      const char *verdict)
{
	const char *text[4] = { kind, "", sub, verdict };
	size_t n = SL_INDEX_QUERY_MIN - 8;

	memset(p, 0, n);
	sl_le32(p, max);
	p[4] = flags;
	sl_le32(p + 5, 1);
	sl_le64(p + 17, INT64_MAX);
	memset(p + 25 + 32, 0xff, 32);
	memset(p + 89 + 32, 0xff, 32);
	for (int i = 0; i < 4; i++) {
		size_t k = strlen(text[i]);

		p[n++] = (uint8_t)k;
		p[n++] = 0;
		memcpy(p + n, text[i], k);
		n += k;
	}
	return n;
}

/* The number of hits; the newest comes first. */
static size_t
hits(struct helper *h, const uint8_t *p, size_t n)
{
	struct sl_slice s = { 0 };
	struct sl_err err = { 0 };
	struct sl_msg m;
	size_t k;

	if (ask(h, SL_INDEX_QUERY, p, n, &s) == SL_INDEX_DONE) {
		assert_int_equal(s.p[0], 0);
		return 0;
	}
	assert_int_equal(s.len % SL_INDEX_HIT, 0);
	k = s.len / SL_INDEX_HIT;
	for (size_t i = 1; i < k; i++)
		assert_true(sl_get64(s.p + (i - 1) * SL_INDEX_HIT + 4) >
			    sl_get64(s.p + i * SL_INDEX_HIT + 4));
	assert_int_equal(sl_chan_recv(&h->chan, &h->room, &m, 10000, &err), 1);
	assert_int_equal(m.op, SL_INDEX_DONE);
	return k;
}

static void
filled(struct helper *h, const struct dir *d)
{
	static const uint8_t name[32] = { 7 }, at[40] = { 9 };
	uint8_t b[2048];
	size_t n;

	start(h, d, O_RDWR | O_CREAT);
	done(h, SL_INDEX_RESET, name, 32, 0);
	n = row(b, 1, "context", "", SL_INDEX_HAS_RUN | SL_INDEX_HAS_CONTEXT);
	n += row(b + n, 2, "decision", "allow",
		 SL_INDEX_HAS_RUN | SL_INDEX_HAS_CONTEXT | SL_INDEX_HAS_PAYLOAD);
	n += row(b + n, 3, "decision", "deny", 0);
	done(h, SL_INDEX_ROWS, b, n, 0);
	done(h, SL_INDEX_COMMIT, at, 40, 0);
}

static void
keeps_and_finds(void **state)
{
	struct dir d = dir_make();
	struct sl_slice s = { 0 };
	struct helper h;
	uint8_t b[2048];
	size_t n;

	(void)state;
	filled(&h, &d);
	assert_int_equal(stop(&h), 0);
	start(&h, &d, O_RDWR);
	assert_int_equal(ask(&h, SL_INDEX_STATE, NULL, 0, &s), SL_INDEX_STATE);
	assert_int_equal(s.p[0], 1);
	assert_int_equal(sl_get64(s.p + 1), 9);
	assert_int_equal(s.p[41], 7);
	assert_int_equal(hits(&h, b, query(b, 100, 0, "", "", "")), 3);
	assert_int_equal(hits(&h, b, query(b, 2, 0, "", "", "")), 2);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "", "")), 2);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "run:a", "deny")), 1);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "run:b", "")), 0);
	assert_int_equal(hits(&h, b, query(b, 9, SL_INDEX_HAS_RUN, "", "", "")), 2);
	assert_int_equal(hits(&h, b, query(b, 9, SL_INDEX_HAS_TREE, "", "", "")), 3);
	/* text is text */
	assert_int_equal(hits(&h, b, query(b, 9, 0, "' OR 1=1 --", "", "")), 0);
	/* a tombstone: what that payload said is forgotten, that it is there is not */
	n = row(b, 4, "tombstone", "", SL_INDEX_FORGET);
	done(&h, SL_INDEX_ROWS, b, n, 0);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "", "allow")), 0);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "", "")), 2);
	/* not committed: not kept */
	assert_int_equal(stop(&h), 0);
	start(&h, &d, O_RDWR);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "", "allow")), 1);
	assert_int_equal(stop(&h), 0);
	dir_done(&d);
}

/* It ends, by itself. */
static void
ends(const struct dir *d, int op, const void *p, size_t n)
{
	struct sl_slice s = { 0 };
	struct helper h;
	int st;

	filled(&h, d);
	assert_int_equal(ask(&h, op, p, n, &s), 0);
	st = stop(&h);
	assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 1);
}

static void
malformed(void **state)
{
	struct dir d = dir_make();
	uint8_t b[4096] = { 0 };
	size_t n;

	(void)state;
	ends(&d, 99, b, 0);
	ends(&d, SL_INDEX_STATE, b, 1);
	ends(&d, SL_INDEX_RESET, b, 31);
	ends(&d, SL_INDEX_RESET, b, 33);
	ends(&d, SL_INDEX_COMMIT, b, 39);
	ends(&d, SL_INDEX_QUERY, b, SL_INDEX_QUERY_MIN - 1);
	ends(&d, SL_INDEX_HITS, b, 10);
	n = row(b, 5, "decision", "allow", 0);
	for (size_t cut = 1; cut < n; cut += 7)
		ends(&d, SL_INDEX_ROWS, b, cut);
	b[SL_INDEX_ROW_MIN - 8 + 1] = 0xff; /* a text of 65 kB */
	ends(&d, SL_INDEX_ROWS, b, n);
	n = query(b, SL_INDEX_HITS_MAX + 1, 0, "", "", "");
	ends(&d, SL_INDEX_QUERY, b, n);
	n = query(b, 1, 0, "a", "b", "c");
	ends(&d, SL_INDEX_QUERY, b, n - 1);
	ends(&d, SL_INDEX_QUERY, b, n + 1);
	dir_done(&d);
}

/* Whatever the file is: it says that it holds nothing, or that it is damaged, and RESET
 * begins it anew. */
static void
bad_file(void **state)
{
	static const uint8_t name[32] = { 7 };
	struct dir d = dir_make();
	struct sl_slice s = { 0 };
	struct helper h;
	uint8_t b[1024];
	struct stat st;
	size_t n;

	(void)state;
	for (int i = 0; i < 40; i++) {
		int fd, r;

		filled(&h, &d);
		assert_int_equal(stop(&h), 0);
		fd = openat(d.fd, "index.db", O_RDWR);
		assert_return_code(fstat(fd, &st), 0);
		for (int k = 0; k < 300; k++) { /* xorshift-like places, fixed */
			uint64_t at = (uint64_t)(i * 7919 + k * 104729) * 2654435761u %
				      (uint64_t)st.st_size;
			uint8_t x = (uint8_t)(k * 31 + i);

			assert_int_equal(pwrite(fd, &x, 1, (off_t)at), 1);
		}
		if (i % 4 == 0)
			assert_return_code(ftruncate(fd, st.st_size / (i + 2)), 0);
		close(fd);
		start(&h, &d, O_RDWR);
		assert_int_equal(ask(&h, SL_INDEX_STATE, NULL, 0, &s), SL_INDEX_STATE);
		n = query(b, 9, 0, "decision", "", "");
		r = ask(&h, SL_INDEX_QUERY, b, n, &s);
		if (r == SL_INDEX_HITS) { /* its end follows */
			struct sl_err err = { 0 };
			struct sl_msg m;

			assert_int_equal(sl_chan_recv(&h.chan, &h.room, &m, 10000, &err),
					 1);
		} else {
			assert_int_equal(r, SL_INDEX_DONE);
		}
		done(&h, SL_INDEX_RESET, name, 32, 0);
		n = row(b, 1, "decision", "allow", 0);
		done(&h, SL_INDEX_ROWS, b, n, 0);
		assert_int_equal(hits(&h, b, query(b, 9, 0, "decision", "", "")), 1);
		assert_int_equal(stop(&h), 0);
	}
	dir_done(&d);
}

static void
cannot_write(void **state)
{
	static const uint8_t name[32] = { 7 };
	struct dir d = dir_make();
	struct helper h;
	uint8_t b[1024];

	(void)state;
	filled(&h, &d);
	assert_int_equal(stop(&h), 0);
	start(&h, &d, O_RDONLY);
	assert_int_equal(hits(&h, b, query(b, 9, 0, "", "", "")), 3); /* it can read */
	done(&h, SL_INDEX_RESET, name, 32, SL_INDEX_UNWRITTEN);
	assert_int_equal(stop(&h), 0);
	dir_done(&d);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(keeps_and_finds),
		cmocka_unit_test(malformed),
		cmocka_unit_test(bad_file),
		cmocka_unit_test(cannot_write),
	};

	return run_suite("index", t, SL_ARRAY_LEN(t));
}
