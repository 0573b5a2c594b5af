/* tpm.c -- sluice-tpm: seals a node's identity key to a TPM 2.0, unseals it for the
 * recorder, and takes and checks quotes (priv/tpm_msg.h).
 *
 * The one process beside the recorder that has the key in its memory, and that for one
 * message.  Its argument is the TPM's place, or "none". */
#include "helpers/tpm.h"

#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "priv/helper.h"
#include "priv/role.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEY_FD = 4, FDS_SEEN = 64, CODE_BYTES = 20, NONCE = 24, MASK_LEN = 4 };
enum { EXIT_USAGE = 2, EXIT_JAIL = 70 };

/* A TPM is spoken to by reads and writes on what is open already; an emulated one by a
 * connection for each command, so that these calls, the last of the list, come with it.
 */
static const int calls[] = {
	SYS_read,           SYS_write,        SYS_readv,
	SYS_writev,         SYS_recvmsg,      SYS_sendmsg,
	SYS_recvfrom,       SYS_sendto,       SYS_ppoll,
	SYS_close,          SYS_lseek,        SYS_fcntl,
	SYS_fstat,          SYS_newfstatat,   SYS_brk,
	SYS_mmap,           SYS_munmap,       SYS_mremap,
	SYS_madvise,        SYS_mprotect,     SYS_mlock,
	SYS_munlock,        SYS_futex,        SYS_getrandom,
	SYS_getpid,         SYS_gettid,       SYS_clock_gettime,
	SYS_rt_sigreturn,   SYS_rt_sigaction, SYS_tgkill,
	SYS_rt_sigprocmask, SYS_nanosleep,    SYS_sched_yield,
	SYS_exit,           SYS_exit_group,   SYS_clock_nanosleep,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_socket,         SYS_connect,
};
enum { OF_EMULATED = 2 };

/* A library that looks for a file of settings does without. */
static const int refused[] = { SYS_openat, SYS_faccessat, SYS_prctl, SYS_readlinkat,
			       SYS_ioctl };

static struct sl_role
role(const char *place)
{
	const size_t n = sizeof(calls) / sizeof(calls[0]);
	bool is_emulated =
	    strncmp(place, "swtpm", 5) == 0 || strncmp(place, "mssim", 5) == 0;

	return (struct sl_role){ .name = SL_TPM_HELPER,
				 .calls = calls,
				 .n_calls = is_emulated ? n : n - OF_EMULATED,
				 .refused = refused,
				 .n_refused = sizeof(refused) / sizeof(refused[0]),
				 .max_memory = (uint64_t)256 << 20,
				 .dies_with_parent = true,
				 .has_files = true /* one of 32 bytes */ };
}

static const struct sl_chan_op ops[] = {
	{ SL_TPM_SEAL, MASK_LEN, 0 },
	{ SL_TPM_RECOVER, MASK_LEN + SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN, 0 },
	{ SL_TPM_UNSEAL, SL_TPM_BLOB_MAX, 0 },
	{ SL_TPM_OUT, SL_TPM_BLOB_MAX, 0 },
	{ SL_TPM_OUT_CODE, SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN, 0 },
	{ SL_TPM_QUOTE, MASK_LEN + 32, 0 },
	{ SL_TPM_CHECK, MASK_LEN + 32 + SL_TPM_QUOTED_MAX, 0 },
};

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint32_t
take_mask(struct sl_slice *s)
{
	uint32_t v = 0;

	for (size_t i = 0; i < MASK_LEN; i++)
		v |= (uint32_t)s->p[i] << (8 * i);
	*s = (struct sl_slice){ s->p + MASK_LEN, s->len - MASK_LEN };
	return v;
}

static void
encode(const uint8_t code[CODE_BYTES], char out[SL_TPM_CODE_LEN])
{
	for (size_t i = 0; i < SL_TPM_CODE_LEN; i++) {
		size_t bit = i * 5, at = bit / 8;
		unsigned two =
		    (unsigned)code[at] << 8 | (at + 1 < CODE_BYTES ? code[at + 1] : 0U);

		out[i] = letters[two >> (11 - bit % 8) & 31];
	}
}

static bool
decode(const uint8_t in[SL_TPM_CODE_LEN], uint8_t code[CODE_BYTES])
{
	memset(code, 0, CODE_BYTES);
	for (size_t i = 0; i < SL_TPM_CODE_LEN; i++) {
		const char *p = in[i] != '\0' ? strchr(letters, in[i]) : NULL;
		size_t bit = i * 5, at = bit / 8;
		unsigned two;

		if (p == NULL)
			return false;
		two = (unsigned)(p - letters) << (11 - bit % 8);
		code[at] |= (uint8_t)(two >> 8);
		if (at + 1 < CODE_BYTES)
			code[at + 1] |= (uint8_t)two;
	}
	return true;
}

static void
recovery_key(const uint8_t code[CODE_BYTES], uint8_t ret[32])
{
	struct sl_sha256 h;

	sl_sha256_init(&h);
	sl_sha256_add(&h, "sluice-recovery", strlen("sluice-recovery"));
	sl_sha256_add(&h, code, CODE_BYTES);
	sl_sha256_end(&h, ret);
	sl_wipe(&h, sizeof(h));
}

/* Body of a SEALED; what was sealed is unsealed again before anyone relies on it. */
static int
seal(struct tpm *t, uint32_t mask, const uint8_t secret[32], struct sl_buf *out,
     struct sl_err *err)
{
	uint8_t code[CODE_BYTES], key[32], back[32], rec[SL_TPM_RECOVERY_LEN];
	char text[SL_TPM_CODE_LEN];
	size_t at;
	int r;

	sl_random(code, sizeof(code));
	sl_random(rec, NONCE);
	recovery_key(code, key);
	(void)crypto_secretbox_easy(rec + NONCE, secret, 32, rec, key);
	encode(code, text);
	sl_buf_put(out, text, sizeof(text));
	sl_buf_put(out, rec, sizeof(rec));
	at = out->len;
	if ((r = tpm_seal(t, mask, secret, out, err)) == 0 &&
	    (r = tpm_unseal(t, (struct sl_slice){ out->p + at, out->len - at }, back,
			    err)) == 0 &&
	    sodium_memcmp(back, secret, 32) != 0)
		r = SL_ERR(err, ENV, "the TPM does not give back what it sealed");
	sl_wipe(code, sizeof(code));
	sl_wipe(key, sizeof(key));
	sl_wipe(back, sizeof(back));
	return r;
}

static int
do_seal(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint8_t secret[33];
	ssize_t n;
	int r;

	if (body.len != MASK_LEN)
		return SL_ERR(err, BUG, "a malformed request");
	n = read(KEY_FD, secret, sizeof(secret));
	r = n == 32 ? seal(t, take_mask(&body), secret, out, err)
		    : SL_ERR(err, STORE, "keys/identity is not a key of 32 bytes");
	sl_wipe(secret, sizeof(secret));
	return r;
}

/* body: code and recovery. */
static int
open_recovery(const uint8_t *body, uint8_t ret[32], struct sl_err *err)
{
	const uint8_t *rec = body + SL_TPM_CODE_LEN;
	uint8_t code[CODE_BYTES], key[32];
	int r = 0;

	if (!decode(body, code))
		return SL_ERR(err, VERIFY, "that is not a recovery code");
	recovery_key(code, key);
	if (crypto_secretbox_open_easy(ret, rec + NONCE, SL_TPM_RECOVERY_LEN - NONCE, rec,
				       key) != 0)
		r = SL_ERR(err, VERIFY, "that is not this key's recovery code");
	sl_wipe(code, sizeof(code));
	sl_wipe(key, sizeof(key));
	return r;
}

static int
do_recover(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint8_t secret[32];
	uint32_t mask;
	int r;

	if (body.len != MASK_LEN + SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN)
		return SL_ERR(err, BUG, "a malformed request");
	mask = take_mask(&body);
	if ((r = open_recovery(body.p, secret, err)) == 0)
		r = seal(t, mask, secret, out, err);
	sl_wipe(secret, sizeof(secret));
	return r;
}

static int
do_unseal(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint8_t secret[32];
	int r = tpm_unseal(t, body, secret, err);

	if (r == 0)
		sl_buf_put(out, secret, sizeof(secret));
	sl_wipe(secret, sizeof(secret));
	return r;
}

static int
put_out(uint8_t secret[32], struct sl_err *err)
{
	ssize_t n = write(KEY_FD, secret, 32);

	return n == 32 ? 0 : SL_ERR(err, SYS, "the key cannot be written");
}

static int
do_out(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint8_t secret[32];
	int r = tpm_unseal(t, body, secret, err);

	(void)out;
	if (r == 0)
		r = put_out(secret, err);
	sl_wipe(secret, sizeof(secret));
	return r;
}

static int
do_out_code(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint8_t secret[32];
	int r;

	(void)t;
	(void)out;
	if (body.len != SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN)
		return SL_ERR(err, BUG, "a malformed request");
	if ((r = open_recovery(body.p, secret, err)) == 0)
		r = put_out(secret, err);
	sl_wipe(secret, sizeof(secret));
	return r;
}

static int
do_quote(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint32_t mask;

	if (body.len != MASK_LEN + 32)
		return SL_ERR(err, BUG, "a malformed request");
	mask = take_mask(&body);
	return tpm_quote(t, mask, body.p, out, err);
}

static int
do_check(struct tpm *t, struct sl_slice body, struct sl_buf *out, struct sl_err *err)
{
	uint32_t mask;

	(void)t;
	(void)out;
	if (body.len < MASK_LEN + 32)
		return SL_ERR(err, BUG, "a malformed request");
	mask = take_mask(&body);
	return tpm_check(mask, body.p, (struct sl_slice){ body.p + 32, body.len - 32 },
			 err);
}

static const struct {
	uint16_t op, answer;
	bool is_tpm; /* needs one */
	int (*run)(struct tpm *, struct sl_slice, struct sl_buf *, struct sl_err *);
} rows[] = {
	{ SL_TPM_SEAL, SL_TPM_SEALED, true, do_seal },
	{ SL_TPM_RECOVER, SL_TPM_SEALED, true, do_recover },
	{ SL_TPM_UNSEAL, SL_TPM_SECRET, true, do_unseal },
	{ SL_TPM_OUT, SL_TPM_GOOD, true, do_out },
	{ SL_TPM_OUT_CODE, SL_TPM_GOOD, false, do_out_code },
	{ SL_TPM_QUOTE, SL_TPM_QUOTED, true, do_quote },
	{ SL_TPM_CHECK, SL_TPM_GOOD, false, do_check },
};

/* The answer's operation; its body is in out. */
static uint16_t
answer(struct tpm *t, const struct sl_err *why, const struct sl_msg *m,
       struct sl_buf *out)
{
	struct sl_err err = { 0 };
	size_t i = 0;
	uint8_t code;

	while (rows[i].op != m->op)
		i++; /* the channel took it, so there is a row */
	if (rows[i].is_tpm && t == NULL)
		err = *why;
	else if (rows[i].run(t, m->body, out, &err) == 0)
		return rows[i].answer;
	sl_buf_clear(out);
	code = (uint8_t)-err.code;
	sl_buf_byte(out, code);
	sl_buf_put(out, err.msg, err.len < SL_TPM_TEXT_MAX ? err.len : SL_TPM_TEXT_MAX);
	return SL_TPM_FAILED;
}

static void
serve(struct tpm *t, const struct sl_err *why)
{
	struct sl_chan c = { .fd = SL_HELPER_FD,
			     .ops = ops,
			     .n_ops = sizeof(ops) / sizeof(ops[0]) };
	struct sl_err err = { 0 };
	struct sl_buf room, out;
	struct sl_msg m;

	sl_buf_init(&room, MASK_LEN + 32 + SL_TPM_QUOTED_MAX);
	sl_buf_init(&out, SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN + SL_TPM_BLOB_MAX +
			      SL_TPM_QUOTED_MAX);
	while (sl_chan_recv(&c, &room, &m, -1, &err) == 1) {
		uint16_t op;

		sl_buf_clear(&out);
		op = answer(t, why, &m, &out);
		if (sl_chan_send(&c, op, sl_buf_get(&out), NULL, 0, &err) < 0)
			break;
		if (out.p != NULL)
			sl_wipe(out.p, out.cap);
	}
	sl_buf_done(&room);
	sl_buf_done(&out);
}

/* The key's file, where it was given one, and what the TPM's library has opened. */
static int
jail(const char *place)
{
	const struct sl_role mine = role(place);
	int keep[FDS_SEEN];
	size_t n = 0;

	for (int fd = KEY_FD; fd < FDS_SEEN; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			keep[n++] = fd;
	return sl_role_enter(&mine, SL_HELPER_FD, keep, n);
}

int
main(int argc, char **argv)
{
	struct sl_err why = { 0 };
	struct tpm *t = NULL;

	if (argc != 2)
		return EXIT_USAGE;
	/* Before the jail: what the libraries read and open. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    sl_crypto_init(&why) < 0)
		return EXIT_JAIL;
	/* A failure is the answer to whatever needs one. */
	if (strcmp(argv[1], SL_TPM_NONE) == 0)
		(void)SL_ERR(&why, BUG, "asked for a TPM without one");
	else
		t = tpm_open(argv[1], &t, &why) == 0 ? t : NULL;
	if (jail(argv[1]) < 0)
		return EXIT_JAIL;
	serve(t, &why);
	tpm_close(t);
	return 0;
}
