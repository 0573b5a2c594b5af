/* sig.c -- sluice-sig: signatures and certificates that build/sluice does not check
 * itself (cose/sigreq.h).  No files, no network, no keys; a question that breaks it costs
 * one answer. */
#include "helpers/sig_do.h"
#include "priv/helper.h"
#include "priv/role.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* Memory, its one socket, the end. */
static const int calls[] = {
	SYS_recvmsg,       SYS_sendmsg,  SYS_poll,       SYS_ppoll,
	SYS_brk,           SYS_mmap,     SYS_munmap,     SYS_mremap,
	SYS_madvise,       SYS_mprotect, SYS_futex,      SYS_getrandom,
	SYS_clock_gettime, SYS_exit,     SYS_exit_group, SYS_close,
	SYS_getpid,        SYS_gettid,   SYS_tgkill,     SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
};

/* The C library looks for a time zone when certificates' times are compared. */
static const int refused[] = { SYS_openat, SYS_newfstatat, SYS_fstat };

static const struct sl_role role = {
	.name = "sluice-sig",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.refused = refused,
	.n_refused = sizeof(refused) / sizeof(refused[0]),
	.max_memory = (uint64_t)256 << 20,
	.dies_with_parent = true,
};

static const struct sl_chan_op ops[] = {
	{ SL_SIG_VERIFY, SL_SIG_ASK_MAX, 0 },
	{ SL_SIG_CHAIN, SL_SIG_ASK_MAX, 0 },
	{ SL_SIG_CERT, 2 * SL_SIG_CERT_BYTES, 0 },
};

int
main(void)
{
	struct sl_chan c = { .fd = SL_HELPER_FD,
			     .ops = ops,
			     .n_ops = sizeof(ops) / sizeof(ops[0]) };
	SL_AUTO_BUF room = { .max = SL_SIG_ASK_MAX + 1 },
		    out = { .max = SL_SIG_ANSWER_MAX };
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
		sl_buf_clear(&out);
		if (sl_sig_reply((enum sl_sig_op)m.op, m.body, &out, &err) < 0 ||
		    sl_chan_send(&c, SL_SIG_ANSWER, sl_buf_get(&out), NULL, 0, &err) < 0)
			return EXIT_FAILURE;
	}
}
