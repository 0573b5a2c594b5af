/* check.c -- see check.h. */
#include "serve/check.h"

#include "cose/issuer.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OP_CHECK = 1, OP_CHECKED, EXIT_JAIL = 70, ROLE_FD = 3 };
enum { ANSWER_MAX = 64 << 10, CHAN_MAX = SL_CHECK_BATCH * ANSWER_MAX };

static const int calls[] = {
	SYS_recvmsg,   SYS_sendmsg,      SYS_brk,           SYS_mmap,          SYS_munmap,
	SYS_mremap,    SYS_madvise,      SYS_mprotect,      SYS_futex,         SYS_getrandom,
	SYS_exit,      SYS_exit_group,   SYS_rt_sigreturn,  SYS_clock_gettime, SYS_getpid,
	SYS_gettid,    SYS_tgkill,       SYS_rt_sigprocmask,
};

const struct sl_role sl_checker_role = {
	.name = "sluice-checker",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.max_memory = (uint64_t)256 << 20,
	.dies_with_parent = true,
};

/* --- one statement --- */

static void
put16(struct sl_buf *b, size_t v)
{
	uint16_t n = htole16((uint16_t)v);

	sl_buf_put(b, &n, sizeof(n));
}

static void
put32(struct sl_buf *b, size_t v)
{
	uint32_t n = htole32((uint32_t)v);

	sl_buf_put(b, &n, sizeof(n));
}

static struct sl_slice
type_of(const struct sl_sign1 *s)
{
	return s->h.has_hash_alg ? s->h.preimage_type : s->h.type_text;
}

static enum sl_check_fault
judge(struct sl_slice stmt, struct sl_sign1 *s, struct sl_issuer *by, struct sl_err *err)
{
	struct sl_slice type;
	int r;

	if (sl_sign1_parse(stmt, stmt.len, s, err) < 0)
		return SL_CHECK_MALFORMED;
	if (s->is_detached) {
		(void)SL_ERR(err, FORMAT,
			     "the payload is detached: without it the signature cannot "
			     "be checked");
		return SL_CHECK_PAYLOAD;
	}
	if (sl_statement_parse(stmt, stmt.len, 0, s, err) < 0)
		return SL_CHECK_MALFORMED;
	type = type_of(s);
	if (type.len > SL_CHECK_TYPE_MAX) {
		(void)SL_ERR(err, LIMIT, "a content type of %zu bytes", type.len);
		return SL_CHECK_MALFORMED;
	}
	if ((r = sl_issuer_verify(s, by, err)) == 0)
		return SL_CHECK_OK;
	if (r == SL_E(UNSUPPORTED))
		return s->h.alg == SL_ALG_EDDSA || s->h.alg == SL_ALG_ED25519
			   ? SL_CHECK_REJECTED
			   : SL_CHECK_ALGORITHM;
	return r == SL_E(FORMAT) ? SL_CHECK_MALFORMED : SL_CHECK_REJECTED;
}

void
sl_check_one(struct sl_slice stmt, struct sl_buf *out)
{
	struct sl_err err = { 0 };
	struct sl_issuer by = { 0 };
	struct sl_sign1 s = { 0 };
	enum sl_check_fault f = judge(stmt, &s, &by, &err);
	const char *alg = f == SL_CHECK_OK ? sl_cose_alg_name(s.h.alg) : NULL;
	struct sl_slice name = sl_slice_str(alg != NULL ? alg : ""), type;

	type = type_of(&s);
	sl_buf_byte(out, (uint8_t)f);
	if (f != SL_CHECK_OK) {
		put16(out, err.len);
		sl_buf_put(out, err.msg, err.len);
		return;
	}
	/* safe because unprot lies inside the message, and tail behind it */
	put32(out, (size_t)(s.unprot.p - s.bytes.p));
	put32(out, (size_t)(s.tail.p - s.bytes.p));
	sl_buf_byte(out, s.h.has_hash_alg);
	put16(out, s.h.iss.len);
	put16(out, s.h.sub.len);
	put16(out, strlen(by.key));
	put16(out, name.len);
	put16(out, type.len);
	sl_buf_slice(out, s.h.iss);
	sl_buf_slice(out, s.h.sub);
	sl_buf_str(out, by.key);
	sl_buf_slice(out, name);
	sl_buf_slice(out, type);
}

/* --- the process --- */

static void
answer_all(struct sl_slice in, struct sl_buf *out)
{
	while (in.len >= 4) {
		uint32_t n;

		memcpy(&n, in.p, 4);
		n = le32toh(n);
		in = sl_slice_skip(in, 4);
		if (n > in.len)
			_exit(EXIT_JAIL);
		sl_check_one((struct sl_slice){ in.p, n }, out);
		in = sl_slice_skip(in, n);
	}
}

static _Noreturn void
checker_main(void)
{
	static const struct sl_chan_op accepted[] = {
		/* safe because nothing else is in this process */
		{ OP_CHECK, SL_CHECK_BYTES + 4 * SL_CHECK_BATCH + (1 << 20), 0 },
	};
	struct sl_chan c = { .fd = ROLE_FD, .ops = accepted, .n_ops = 1 };
	struct sl_buf room, out;
	struct sl_err err = { 0 };
	struct sl_msg m;

	sl_buf_init(&room, accepted[0].max_len);
	sl_buf_init(&out, CHAN_MAX);
	while (sl_chan_recv(&c, &room, &m, -1, &err) == 1) {
		sl_buf_clear(&out);
		answer_all(m.body, &out);
		if (out.is_failed ||
		    sl_chan_send(&c, OP_CHECKED, sl_buf_get(&out), NULL, 0, &err) < 0)
			break;
	}
	_exit(0);
}

static const struct sl_chan_op ops[] = {
	/* safe because every field is bounded and looked at in sl_check_take() */
	{ OP_CHECKED, CHAN_MAX, 0 },
};

int
sl_checker_start(struct sl_checker *c, struct sl_err *err)
{
	int fd[2], r;

	*c = (struct sl_checker){ .chan = { .fd = -1 } };
	/* what libsodium opens it opens now */
	if ((r = sl_crypto_init(err)) < 0 || (r = sl_chan_pair(fd, err)) < 0)
		return r;
	c->pid = fork();
	if (c->pid == 0) {
		if (sl_role_enter(&sl_checker_role, fd[1], NULL, 0) < 0)
			_exit(EXIT_JAIL);
		checker_main();
	}
	(void)close(fd[1]);
	if (c->pid < 0) {
		r = SL_ERR_SYS(err, -errno, "cannot start a checker");
		(void)close(fd[0]);
		return r;
	}
	c->chan = (struct sl_chan){ .fd = fd[0], .ops = ops, .n_ops = 1 };
	sl_buf_init(&c->room, CHAN_MAX);
	return 0;
}

void
sl_checker_stop(struct sl_checker *c)
{
	if (c->pid <= 0)
		return;
	(void)close(c->chan.fd);
	(void)kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	sl_buf_done(&c->room);
	*c = (struct sl_checker){ .chan = { .fd = -1 } };
}

int
sl_checker_send(struct sl_checker *c, const struct sl_slice *stmt, size_t n,
		struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_CHECK_BYTES + 4 * SL_CHECK_BATCH + (1 << 20) };
	int r;

	for (size_t i = 0; i < n; i++) {
		put32(&b, stmt[i].len);
		sl_buf_slice(&b, stmt[i]);
	}
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "no memory for statements to check");
	if ((r = sl_chan_send(&c->chan, OP_CHECK, sl_buf_get(&b), NULL, 0, err)) == 0)
		c->is_busy = true;
	return r;
}

static struct sl_slice
part(struct sl_slice *in, size_t n)
{
	struct sl_slice r = { in->p, n };

	*in = sl_slice_skip(*in, n);
	return r;
}

static size_t
get16(const uint8_t *p)
{
	return (size_t)(p[0] | p[1] << 8);
}

static size_t
get32(const uint8_t *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
}

int
sl_check_take(struct sl_slice *in, size_t len, struct sl_checked *ret, struct sl_err *err)
{
	enum { HEAD = 20 };
	struct sl_checked c = { 0 };
	struct sl_slice *const s[] = { &c.iss, &c.sub, &c.key, &c.alg, &c.type };
	size_t sum = 0;

	if (in->len < 3 || in->p[0] > SL_CHECK_REJECTED)
		return SL_ERR(err, FORMAT, "checker: malformed answer");
	c.fault = (enum sl_check_fault)in->p[0];
	if (c.fault != SL_CHECK_OK) {
		size_t n = get16(in->p + 1);

		if (n > in->len - 3 || n >= SL_ERR_MSG_MAX)
			return SL_ERR(err, FORMAT, "checker: malformed answer");
		(void)part(in, 3);
		c.why = part(in, n);
		*ret = c;
		return 0;
	}
	if (in->len < HEAD)
		return SL_ERR(err, FORMAT, "checker: malformed answer");
	c.head = get32(in->p + 1);
	c.tail = get32(in->p + 5);
	c.is_envelope = in->p[9] != 0;
	for (size_t i = 0; i < 5; i++)
		sum += s[i]->len = get16(in->p + 10 + 2 * i);
	if (c.head >= c.tail || c.tail > len || sum > in->len - HEAD)
		return SL_ERR(err, FORMAT, "checker: malformed answer");
	(void)part(in, HEAD);
	for (size_t i = 0; i < 5; i++)
		*s[i] = part(in, s[i]->len);
	*ret = c;
	return 0;
}

int
sl_checker_take(struct sl_checker *c, const struct sl_slice *stmt, size_t n,
		struct sl_checked *ret, struct sl_err *err)
{
	struct sl_slice in;
	struct sl_msg m;
	int r = sl_chan_recv(&c->chan, &c->room, &m, -1, err);

	c->is_busy = false;
	if (r == 0)
		return SL_ERR(err, FORMAT, "a checker died of what it read");
	if (r < 0)
		return r;
	in = m.body;
	for (size_t i = 0; i < n; i++)
		if ((r = sl_check_take(&in, stmt[i].len, &ret[i], err)) < 0)
			return r;
	return in.len == 0 ? 0 : SL_ERR(err, FORMAT, "checker: more than was asked");
}
