/* sig.c -- sluice-sig: signatures and certificates that build/sluice does not check
 * itself (cose/sigreq.h).  No files, no network, no keys; a question that breaks it costs
 * one answer. */
#include "helpers/sig_do.h"
#include "priv/helper.h"
#include "priv/role.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* Memory, its one socket, the end. */
static const int calls[] = {
	SYS_recvmsg, SYS_sendmsg,   SYS_poll,          SYS_ppoll,  SYS_brk,
	SYS_mmap,    SYS_munmap,    SYS_mremap,        SYS_madvise, SYS_mprotect,
	SYS_futex,   SYS_getrandom, SYS_clock_gettime, SYS_exit,   SYS_exit_group,
	SYS_close,   SYS_getpid,    SYS_gettid,        SYS_tgkill, SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
};

static const struct sl_role role = {
	.name = "sluice-sig",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.max_memory = (uint64_t)256 << 20,
	.dies_with_parent = true,
};

static const struct sl_chan_op ops[] = {
	{ SL_SIG_VERIFY, SL_SIG_ASK_MAX, 0 },
	{ SL_SIG_CHAIN, SL_SIG_ASK_MAX, 0 },
	{ SL_SIG_CERT, 2 * SL_SIG_CERT_BYTES, 0 },
};

static int
answer(struct sl_chan *c, const struct sl_msg *m)
{
	struct sl_sig_found found = { .spki.max = SL_SIG_SPKI_MAX };
	SL_AUTO_BUF out = { .max = SL_SIG_ANSWER_MAX };
	struct sl_sig_ask ask = { 0 };
	struct sl_sig_answer a = { 0 };
	struct sl_err err = { 0 };

	if ((a.code = sl_sig_ask_get((enum sl_sig_op)m->op, m->body, &ask, &err)) == 0)
		a.code = sl_sig_do(&ask, &found, &err);
	ERR_clear_error();
	if (a.code == 0)
		a.spki = sl_buf_get(&found.spki);
	a.is_bound = a.code == 0 && found.is_bound;
	a.msg = (struct sl_slice){ (const uint8_t *)err.msg, a.code == 0 ? 0 : err.len };
	sl_sig_answer_put(&a, &out);
	sl_buf_done(&found.spki);
	if (out.is_failed)
		return SL_E(NOMEM);
	return sl_chan_send(c, SL_SIG_ANSWER, sl_buf_get(&out), NULL, 0, &err);
}

int
main(void)
{
	struct sl_chan c = { .fd = SL_HELPER_FD,
			     .ops = ops,
			     .n_ops = sizeof(ops) / sizeof(ops[0]) };
	SL_AUTO_BUF room = { .max = SL_SIG_ASK_MAX + 1 };
	struct sl_err err = { 0 };
	struct sl_msg m;

	/* Nothing is configured by a file, and nothing is loaded later. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
				    OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				NULL) != 1 ||
	    sl_role_enter(&role, SL_HELPER_FD, NULL, 0) < 0)
		return EXIT_FAILURE;
	for (;;) {
		int r = sl_chan_recv(&c, &room, &m, -1, &err);

		if (r <= 0)
			return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
		if (answer(&c, &m) < 0)
			return EXIT_FAILURE;
	}
}
