/* tpm.c -- see tpm.h. */
#include "log/tpm.h"

#include "base/auto.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "log/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A discrete TPM takes its time to make a key; one that does not answer is none. */
enum { ANSWER_MS = 60000, GRACE_MS = 2000 };

static const struct sl_chan_op ops[] = {
	{ SL_TPM_SEALED, SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN + SL_TPM_BLOB_MAX, 0 },
	{ SL_TPM_SECRET, 32, 0 },
	{ SL_TPM_QUOTED, SL_TPM_QUOTED_MAX, 0 },
	{ SL_TPM_GOOD, 0, 0 },
	{ SL_TPM_FAILED, 1 + SL_TPM_TEXT_MAX, 0 },
};

/* Bytes read, 0 where there is no such file. */
static int
read_file(int home_fd, const char *name, uint8_t *room, size_t n, struct sl_err *err)
{
	SL_AUTO_FD fd = openat(home_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || (got = sl_io_read(fd, room, n, 0)) < 0)
		return SL_ERR_SYS(err, -errno, "cannot read %s", name);
	return got > 0 ? (int)got : SL_ERR(err, STORE, "%s is empty", name);
}

int
sl_tpm_conf(int home_fd, char place[SL_TPM_PLACE_MAX], uint32_t *ret_mask,
	    struct sl_err *err)
{
	char text[SL_TPM_PLACE_MAX + 16], *line, *end;
	unsigned long mask;
	int n = read_file(home_fd, "keys/tpm", (uint8_t *)text, sizeof(text) - 1, err);

	if (n <= 0)
		return n;
	text[n] = '\0';
	line = strchr(text, '\n');
	if (line == NULL || line == text || line - text >= SL_TPM_PLACE_MAX)
		return SL_ERR(err, STORE, "keys/tpm does not name a TPM");
	*line++ = '\0';
	errno = 0;
	mask = strtoul(line, &end, 10);
	if (errno != 0 || end == line || *end != '\n' || mask == 0 ||
	    mask >= 1UL << SL_TPM_PCRS)
		return SL_ERR(err, STORE, "keys/tpm does not name PCRs");
	memcpy(place, text, (size_t)(line - text));
	*ret_mask = (uint32_t)mask;
	return 1;
}

int
sl_tpm_start(struct sl_tpm *t, const char *place, int key_fd, struct sl_err *err)
{
	const char *const args[] = { place, NULL };
	const struct sl_helper_opt o = { .fds = &key_fd,
					 .n_fds = key_fd >= 0,
					 .args = args,
					 .ops = ops,
					 .n_ops = sizeof(ops) / sizeof(ops[0]) };

	*t = (struct sl_tpm){ 0 };
	sl_buf_init(&t->room, SL_TPM_QUOTED_MAX + SL_TPM_BLOB_MAX);
	return sl_helper_start(SL_TPM_HELPER, &o, &t->h, err);
}

void
sl_tpm_done(struct sl_tpm *t)
{
	(void)sl_helper_stop(&t->h, GRACE_MS);
	if (t->room.p != NULL)
		sl_wipe(t->room.p, t->room.cap);
	sl_buf_done(&t->room);
	sl_wipe(t->identity, sizeof(t->identity));
}

static int
failed(struct sl_slice body, struct sl_err *err)
{
	int code = body.len > 0 && body.p[0] < SL_E_NUM_COUNT && body.p[0] != 0
		       ? -(int)body.p[0]
		       : SL_E(ENV);

	body = sl_slice_skip(body, 1);
	return sl_err_raise(err, code, 0, __FILE__, __LINE__, "%.*s", SL_ARG(body));
}

int
sl_tpm_ask(struct sl_tpm *t, uint16_t op, struct sl_slice body, uint16_t want,
	   struct sl_slice *ret, struct sl_err *err)
{
	struct sl_msg m;
	int r = sl_chan_send(&t->h.chan, op, body, NULL, 0, err);

	if (r < 0 || (r = sl_chan_recv(&t->h.chan, &t->room, &m, ANSWER_MS, err)) < 0)
		return r;
	if (r == 0)
		return SL_ERR(err, ENV, "helper %s has ended unexpectedly",
			      SL_TPM_HELPER);
	if (m.op == SL_TPM_FAILED)
		return failed(m.body, err);
	if (m.op != want)
		return SL_ERR(err, ENV, "helper %s answers what was not asked",
			      SL_TPM_HELPER);
	*ret = m.body;
	return 0;
}

static int
unseal(struct sl_tpm *t, int home_fd, struct sl_err *err)
{
	uint8_t blob[SL_TPM_BLOB_MAX];
	struct sl_err why = { 0 };
	struct sl_slice secret;
	int n, r;

	if (faccessat(home_fd, "keys/identity", F_OK, 0) == 0)
		return 0;
	if ((n = read_file(home_fd, "keys/identity.tpm", blob, sizeof(blob), err)) <= 0)
		return n;
	r = sl_tpm_ask(t, SL_TPM_UNSEAL, (struct sl_slice){ blob, (size_t)n },
		       SL_TPM_SECRET, &secret, &why);
	/* Not that something does not verify: this node cannot start. */
	if (r == SL_E(VERIFY))
		return SL_ERR(err, ENV,
			      "%s; the identity stays sealed: sluice tpm recover",
			      why.msg);
	if (r < 0) {
		*err = why;
		return r;
	}
	if (secret.len != sizeof(t->identity))
		return SL_ERR(err, ENV, "helper %s gives back no key", SL_TPM_HELPER);
	memcpy(t->identity, secret.p, secret.len);
	t->has_identity = true;
	sl_wipe(t->room.p, t->room.cap);
	return 0;
}

int
sl_tpm_open(int home_fd, struct sl_tpm **ret, struct sl_err *err)
{
	char place[SL_TPM_PLACE_MAX];
	struct sl_tpm *t;
	uint32_t mask;
	int r = sl_tpm_conf(home_fd, place, &mask, err);

	*ret = NULL;
	if (r <= 0)
		return r;
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return SL_ERR(err, NOMEM, "no memory for a TPM");
	if ((r = sl_tpm_start(t, place, -1, err)) < 0) {
		free(t);
		return r;
	}
	memcpy(t->place, place, sizeof(place));
	t->mask = mask;
	if ((r = unseal(t, home_fd, err)) < 0) {
		sl_tpm_close(t);
		return r;
	}
	*ret = t;
	return 0;
}

void
sl_tpm_close(struct sl_tpm *t)
{
	if (t == NULL)
		return;
	sl_tpm_done(t);
	free(t);
}

static struct sl_slice
take(struct sl_slice *s, size_t n)
{
	struct sl_slice head = { s->p, n };

	if (s->len < n)
		return (struct sl_slice){ 0 };
	*s = sl_slice_skip(*s, n);
	return head;
}

int
sl_tpm_quote(struct sl_tpm *t, const uint8_t nonce[32], struct sl_tpm_quote *ret,
	     struct sl_err *err)
{
	const size_t n_pcrs = (size_t)__builtin_popcount(t->mask);
	uint8_t body[4 + 32];
	struct sl_slice s, len;
	int r;

	for (int i = 0; i < 4; i++)
		body[i] = (uint8_t)(t->mask >> (8 * i));
	memcpy(body + 4, nonce, 32);
	if ((r = sl_tpm_ask(t, SL_TPM_QUOTE, (struct sl_slice){ body, sizeof(body) },
			    SL_TPM_QUOTED, &s, err)) < 0)
		return r;
	len = take(&s, 2);
	if (len.p != NULL)
		ret->attest = take(&s, (size_t)len.p[0] | (size_t)len.p[1] << 8);
	ret->sig = take(&s, 64).p;
	ret->key = take(&s, 64).p;
	ret->pcrs = s;
	return len.p != NULL && ret->attest.p != NULL && ret->sig != NULL &&
		       ret->key != NULL && s.len == 32 * n_pcrs
		   ? 0
		   : SL_ERR(err, ENV, "helper %s gives a malformed quote", SL_TPM_HELPER);
}

void
sl_tpm_nonce(const uint8_t boot[32], const char *did, uint8_t ret[32])
{
	struct sl_sha256 h;

	sl_sha256_init(&h);
	sl_sha256_add(&h, "sluice-quote", strlen("sluice-quote"));
	sl_sha256_add(&h, boot, 32);
	sl_sha256_add(&h, did, strlen(did));
	sl_sha256_end(&h, ret);
}
