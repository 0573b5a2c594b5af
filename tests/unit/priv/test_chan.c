/* test_chan.c -- priv/chan: frames whole or not at all; whatever a table does not list
 * kills the channel. */
#include "t.h"

#include "priv/chan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

static const struct sl_chan_op ops[] = { { 1, 1000, 0 }, { 2, 1 << 20, 2 }, { 3, 0, 0 } };

struct pair {
	struct sl_chan a, b;
};

static struct pair
open_pair(void)
{
	struct pair p;
	struct sl_err err = { 0 };
	int fd[2];

	assert_int_equal(sl_chan_pair(fd, &err), 0);
	p.a = (struct sl_chan){ .fd = fd[0], .ops = ops, .n_ops = 3 };
	p.b = (struct sl_chan){ .fd = fd[1], .ops = ops, .n_ops = 3 };
	return p;
}

static void
close_pair(struct pair *p)
{
	if (p->a.fd >= 0)
		close(p->a.fd);
	if (p->b.fd >= 0)
		close(p->b.fd);
}

static void
test_frames(void **state)
{
	struct pair p = open_pair();
	SL_AUTO_BUF room = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	struct sl_msg m;

	(void)state;
	assert_int_equal(sl_chan_send(&p.a, 1, SL_LIT("hello"), NULL, 0, &err), 0);
	assert_int_equal(sl_chan_send(&p.a, 3, SL_LIT(""), NULL, 0, &err), 0);
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), 1);
	assert_int_equal(m.op, 1);
	assert_true(sl_slice_eq(m.body, SL_LIT("hello")));
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), 1);
	assert_int_equal(m.op, 3);
	assert_int_equal(m.body.len, 0);
	close(p.a.fd);
	p.a.fd = -1;
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), 0);
	assert_true(p.b.is_dead);
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), SL_E(SYS));
	close_pair(&p);
}

/* A body larger than the socket's buffer, written by another process. */
static void
test_large(void **state)
{
	struct pair p = open_pair();
	SL_AUTO_BUF room = { .max = 1 << 20 };
	uint8_t *big = malloc(1 << 20);
	struct sl_err err = { 0 };
	struct sl_msg m;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 1 << 20; i++)
		big[i] = (uint8_t)(i * 7);
	if ((pid = fork()) == 0)
		_exit(sl_chan_send(&p.a, 2, (struct sl_slice){ big, 1 << 20 }, NULL, 0,
				   &err) != 0);
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 10000, &err), 1);
	assert_int_equal(m.body.len, 1 << 20);
	assert_memory_equal(m.body.p, big, 1 << 20);
	waitpid(pid, NULL, 0);
	free(big);
	close_pair(&p);
}

static void
test_descriptors(void **state)
{
	struct pair p = open_pair();
	SL_AUTO_BUF room = { .max = 1 << 20 };
	int fd[2] = { open("/dev/null", O_RDONLY), open("/dev/zero", O_RDONLY) };
	struct sl_err err = { 0 };
	struct sl_msg m;
	char c = 1;

	(void)state;
	assert_int_equal(sl_chan_send(&p.a, 2, SL_LIT("x"), fd, 2, &err), 0);
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), 1);
	assert_int_equal(m.n_fds, 2);
	assert_int_equal(read(m.fds[1], &c, 1), 1);
	assert_int_equal(c, 0);
	assert_int_equal(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(m.fds[0]);
	close(m.fds[1]);
	/* An operation that takes none. */
	assert_int_equal(sl_chan_send(&p.a, 1, SL_LIT("x"), fd, 1, &err), 0);
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), SL_E(LIMIT));
	assert_true(p.b.is_dead);
	close(fd[0]);
	close(fd[1]);
	close_pair(&p);
}

static void
refused(const void *bytes, size_t n, int code)
{
	struct pair p = open_pair();
	SL_AUTO_BUF room = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	struct sl_msg m;

	assert_int_equal(send(p.a.fd, bytes, n, 0), n);
	close(p.a.fd);
	p.a.fd = -1;
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 1000, &err), code);
	assert_true(p.b.is_dead);
	close_pair(&p);
}

static void
test_refused(void **state)
{
	(void)state;
	refused("\5\0\0\0\11\0\0\0hello", 13, SL_E(FORMAT)); /* operation 9 */
	refused("\351\3\0\0\1\0\0\0", 8, SL_E(LIMIT));       /* 1001 bytes */
	refused("\377\377\377\377\2\0\0\0", 8, SL_E(LIMIT)); /* 4 GiB */
	refused("\1\0\0\0\3\0\0\0x", 9, SL_E(LIMIT));        /* takes no body */
	refused("\5\0\0\0\2\0\1\0hello", 13, SL_E(FORMAT));  /* a descriptor said, none */
	refused("\5\0\0\0\1\0\0\0hel", 11, SL_E(SYS));       /* cut */
	refused("\5\0\0", 3, SL_E(SYS));                     /* cut in the head */
}

static void
test_deadline(void **state)
{
	struct pair p = open_pair();
	SL_AUTO_BUF room = { .max = 1 << 20 };
	struct sl_err err = { 0 };
	struct sl_msg m;

	(void)state;
	assert_int_equal(send(p.a.fd, "\5\0\0\0\1\0\0\0hel", 11, 0), 11);
	assert_int_equal(sl_chan_recv(&p.b, &room, &m, 20, &err), SL_E(SYS));
	assert_true(p.b.is_dead);
	close_pair(&p);
}

static void
test_peer_gone(void **state)
{
	struct pair p = open_pair();
	struct sl_err err = { 0 };

	(void)state;
	close(p.b.fd);
	p.b.fd = -1;
	assert_int_equal(sl_chan_send(&p.a, 1, SL_LIT("x"), NULL, 0, &err), SL_E(SYS));
	assert_true(p.a.is_mute);
	assert_int_equal(sl_chan_send(&p.a, 1, SL_LIT("x"), NULL, 0, &err), SL_E(SYS));
	close_pair(&p);
}

/* What the other said before it went is heard, though it cannot be answered, and though
 * it left something unread. */
static void
test_last_words(void **state)
{
	(void)state;
	for (int unread = 0; unread < 2; unread++) {
		struct pair p = open_pair();
		SL_AUTO_BUF room = { .max = 1 << 20 };
		struct sl_err err = { 0 };
		struct sl_msg m;

		if (unread != 0)
			assert_int_equal(
			    sl_chan_send(&p.a, 1, SL_LIT("unread"), NULL, 0, &err), 0);
		assert_int_equal(sl_chan_send(&p.b, 1, SL_LIT("bye"), NULL, 0, &err), 0);
		close(p.b.fd);
		p.b.fd = -1;
		assert_int_equal(sl_chan_send(&p.a, 1, SL_LIT("x"), NULL, 0, &err),
				 SL_E(SYS));
		assert_int_equal(sl_chan_recv(&p.a, &room, &m, 1000, &err), 1);
		assert_int_equal(m.body.len, 3);
		assert_true(sl_chan_recv(&p.a, &room, &m, 1000, &err) <= 0);
		assert_true(p.a.is_dead);
		close_pair(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),      cmocka_unit_test(test_large),
		cmocka_unit_test(test_descriptors), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_deadline),    cmocka_unit_test(test_peer_gone),
		cmocka_unit_test(test_last_words),
	};

	return run_suite("chan", tests, SL_ARRAY_LEN(tests));
}
