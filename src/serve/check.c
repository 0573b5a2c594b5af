/* check.c -- see check.h. */
#include "serve/check.h"

#include "cose/statement.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OP_CHECK = 1, OP_CHECKED, EXIT_JAIL = 70, ROLE_FD = 3 };
enum { ANSWER_MAX = 64 << 10, CHAN_MAX = SL_CHECK_BATCH * ANSWER_MAX };

static const int calls[] = {
	SYS_recvmsg,      SYS_sendmsg,        SYS_brk,     SYS_mmap,
	SYS_munmap,       SYS_mremap,         SYS_madvise, SYS_mprotect,
	SYS_futex,        SYS_getrandom,      SYS_exit,    SYS_exit_group,
	SYS_rt_sigreturn, SYS_clock_gettime,  SYS_getpid,  SYS_gettid,
	SYS_tgkill,       SYS_rt_sigprocmask, SYS_ppoll,
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_time
	SYS_time,
#endif
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

/* "did:key:z6Mk...", "did:key:z6Mk...#z6Mk...", "#z6Mk..." (did:key section 3.1) */
static bool
is_url_of(struct sl_slice kid, struct sl_slice did)
{
	struct sl_slice rest = kid;

	if (sl_slice_starts(kid, did) && (rest = sl_slice_skip(kid, did.len)).len == 0)
		return true;
	return rest.len > 1 && rest.p[0] == '#' &&
	       sl_slice_eq(sl_slice_skip(rest, 1),
			   sl_slice_skip(did, sizeof("did:key:") - 1));
}

/* Where iss is a did:key of an Ed25519 key, a protected kid is a name of that key too. */
static bool
is_kid_its_own(const struct sl_cose_hdr *h)
{
	uint8_t pub[SL_KEY_LEN];
	struct sl_pubkey k;

	if (!h->has_kid || h->is_kid_unprotected || !sl_didkey_parse(h->iss, pub))
		return true;
	sl_pubkey_ed25519(pub, &k);
	return sl_pubkey_has_kid(&k, h->kid) || is_url_of(h->kid, h->iss) ||
	       sl_slice_eq(h->kid, (struct sl_slice){ pub, SL_KEY_LEN });
}

static enum sl_check_fault
judge(struct sl_slice stmt, const struct sl_issuer_env *env, struct sl_sign1 *s,
      struct sl_issuer_found *by, struct sl_err *err)
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
	if (sl_sig_known(&s->h, err) < 0)
		return SL_CHECK_ALGORITHM;
	r = sl_issuer_check(s, env, by, err);
	if (r == 0 && by->how == SL_ISSUER_X509 && !by->is_trusted) {
		(void)SL_ERR(err, SIGNER, "%s", by->why);
		return SL_CHECK_REJECTED;
	}
	if (r == 0 && by->how == SL_ISSUER_SELF && !is_kid_its_own(&s->h)) {
		(void)SL_ERR(err, FORMAT,
			     "kid (label 4) names another key than iss does: its "
			     "thumbprint (RFC 9679), its DID or a DID URL of it is due");
		return SL_CHECK_MALFORMED;
	}
	if (r == 0)
		return SL_CHECK_OK;
	if (r == SL_E(UNSUPPORTED))
		return SL_CHECK_ALGORITHM;
	return r == SL_E(FORMAT) ? SL_CHECK_MALFORMED : SL_CHECK_REJECTED;
}

void
sl_check_one(struct sl_slice stmt, const struct sl_issuer_env *env, struct sl_buf *out)
{
	struct sl_err err = { 0 };
	struct sl_issuer_found by = { 0 };
	struct sl_sign1 s = { 0 };
	enum sl_check_fault f = judge(stmt, env, &s, &by, &err);
	const char *how = f == SL_CHECK_OK ? sl_issuer_how_name(by.how) : "";
	struct sl_slice name = sl_slice_str(by.alg != NULL ? by.alg : ""), type;

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
	put16(out, strlen(how));
	put16(out, name.len);
	put16(out, type.len);
	sl_buf_slice(out, s.h.iss);
	sl_buf_slice(out, s.h.sub);
	sl_buf_str(out, how);
	sl_buf_slice(out, name);
	sl_buf_slice(out, type);
}

/* --- the process --- */

static void
answer_all(struct sl_slice in, struct sl_issuer_env *env, struct sl_buf *out)
{
	env->time = time(NULL);
	while (in.len >= 4) {
		uint32_t n;

		memcpy(&n, in.p, 4);
		n = le32toh(n);
		in = sl_slice_skip(in, 4);
		if (n > in.len)
			_exit(EXIT_JAIL);
		sl_check_one((struct sl_slice){ in.p, n }, env, out);
		in = sl_slice_skip(in, n);
	}
}

/* sluice-sig was started outside; its channel was kept. */
static int
ask_sig(struct sl_sig *s, enum sl_sig_op op, struct sl_slice question, struct sl_err *err)
{
	struct sl_msg m;
	int r;

	if ((r = sl_chan_send(&s->helper.chan, (uint16_t)op, question, NULL, 0, err)) <
		0 ||
	    (r = sl_chan_recv(&s->helper.chan, &s->room, &m, SL_SIG_DEADLINE_MS, err)) <
		0)
		return sl_err_ctx(err, "sluice-sig");
	return r == 1 ? 0 : SL_ERR(err, ENV, "sluice-sig ended without an answer");
}

static _Noreturn void
checker_main(const struct sl_checker *self, const struct sl_trust *trust)
{
	struct sl_trust list = trust != NULL ? *trust : (struct sl_trust)SL_TRUST_NONE;
	struct sl_sig sig = { 0 };
	struct sl_issuer_env env = { .trust = &list, .sig = &sig };

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
	list.web_fd = -1; /* nothing can be opened here */
	if (self->sig.pid > 0) {
		sig.ask = ask_sig;
		sig.helper = self->sig;
		sl_buf_init(&sig.room, SL_SIG_ANSWER_MAX);
	}
	while (sl_chan_recv(&c, &room, &m, -1, &err) == 1) {
		sl_buf_clear(&out);
		answer_all(m.body, &env, &out);
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
sl_checker_start(struct sl_checker *c, const struct sl_trust *trust, struct sl_err *err)
{
	static const struct sl_chan_op sig_ops[] = {
		/* safe because cose/sigreq.h reads it strictly */
		{ SL_SIG_ANSWER, SL_SIG_ANSWER_MAX, 0 },
	};
	const struct sl_helper_opt opt = { .ops = sig_ops, .n_ops = 1 };
	struct sl_err none = { 0 };
	int fd[2], r;

	*c = (struct sl_checker){ .chan = { .fd = -1 } };
	/* what libsodium opens it opens now */
	if ((r = sl_crypto_init(err)) < 0 || (r = sl_chan_pair(fd, err)) < 0)
		return r;
	/* without it the fast algorithms are still there */
	if (sl_helper_start("sluice-sig", &opt, &c->sig, &none) < 0)
		c->sig = (struct sl_helper){ .chan.fd = -1 };
	c->pid = fork();
	if (c->pid == 0) {
		if (sl_role_enter(&sl_checker_role, fd[1], &c->sig.chan.fd,
				  c->sig.pid > 0) < 0)
			_exit(EXIT_JAIL);
		checker_main(c, trust);
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
	(void)sl_helper_stop(&c->sig, 1000);
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
	struct sl_slice *const s[] = { &c.iss, &c.sub, &c.how, &c.alg, &c.type };
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
