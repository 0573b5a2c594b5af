/* test_tpm.c -- sluice-tpm against swtpm: a key sealed to PCRs comes back, and not once
 * one of them has changed; the recovery code brings it back; quotes hold, and no changed
 * one. */
#include "t.h"

#include "crypto/ed25519.h"
#include "priv/helper.h"
#include "priv/tpm_msg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { MS = 20000, PCRS = 1 << 0 | 1 << 7 | 1 << 16 };

static const struct sl_chan_op ops[] = {
	{ SL_TPM_SEALED, SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN + SL_TPM_BLOB_MAX, 0 },
	{ SL_TPM_SECRET, 32, 0 },
	{ SL_TPM_QUOTED, SL_TPM_QUOTED_MAX, 0 },
	{ SL_TPM_GOOD, 0, 0 },
	{ SL_TPM_FAILED, 1 + SL_TPM_TEXT_MAX, 0 },
};

static char dir[] = "/tmp/sluice-tpm-XXXXXX", conf[128];
static pid_t swtpm;
static struct sl_buf room = { .max = 8192 };
static uint8_t sealed[8192];
static size_t n_sealed;

/* The last answer, with a helper of its own; key: its fourth descriptor, or -1. */
static uint16_t
ask(const char *place, uint16_t op, const void *body, size_t n, int key,
    struct sl_msg *ret)
{
	const char *const args[] = { place, NULL };
	struct sl_err err = { 0 };
	struct sl_helper h = { 0 };

	if (sl_helper_start(SL_TPM_HELPER,
			    &(struct sl_helper_opt){ &key, key >= 0, args, ops, 5 }, &h,
			    &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(
	    sl_chan_send(&h.chan, op, (struct sl_slice){ body, n }, NULL, 0, &err), 0);
	if (sl_chan_recv(&h.chan, &room, ret, MS, &err) != 1)
		fail_msg("no answer: %s", err.msg);
	assert_int_equal(sl_helper_stop(&h, MS), 0);
	return ret->op;
}

static void
put_mask(uint8_t *p, uint32_t mask)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(mask >> (8 * i));
}

/* Helpers are looked for beside the program. */
static int
show_helpers(void)
{
	char path[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);

	if (n <= 0)
		return -1;
	path[n] = '\0';
	(void)snprintf(strrchr(path, '/'), 16, "/libexec");
	return symlink("../../../libexec", path) == 0 || errno == EEXIST ? 0 : -1;
}

static int
start_swtpm(void)
{
	char state[128], server[128], ctrl[128];

	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(conf, sizeof(conf), "swtpm:path=%s/sock", dir);
	(void)snprintf(state, sizeof(state), "dir=%s", dir);
	(void)snprintf(server, sizeof(server), "type=unixio,path=%s/sock", dir);
	(void)snprintf(ctrl, sizeof(ctrl), "type=unixio,path=%s/sock.ctrl", dir);
	if ((swtpm = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* not left behind by a failure */
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state,
		       "--server", server, "--ctrl", ctrl, "--flags", "startup-clear",
		       NULL);
		_exit(127);
	}
	for (int i = 0; i < 200; i++) {
		struct stat st;

		(void)snprintf(state, sizeof(state), "%s/sock.ctrl", dir);
		if (stat(state, &st) == 0)
			return 0;
		if (waitpid(swtpm, NULL, WNOHANG) == swtpm)
			return -1;
		(void)usleep(10000);
	}
	return -1;
}

static void
says(const struct sl_msg *m, const char *text)
{
	char s[SL_TPM_TEXT_MAX + 1] = "";

	assert_int_equal(m->op, SL_TPM_FAILED);
	memcpy(s, m->body.p + 1, m->body.len - 1);
	if (strstr(s, text) == NULL)
		fail_msg("it says: %s", s);
}

/* A file of n bytes of 0x5a, open for reading. */
static int
key_file(size_t n)
{
	char path[128];
	uint8_t b[64];
	int fd;

	memset(b, 0x5a, sizeof(b));
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, b, n) == (ssize_t)n &&
		    lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void
seals_and_gives_back(void **state)
{
	uint8_t mask[4], want[32];
	struct sl_msg m;
	int fd = key_file(32);

	(void)state;
	put_mask(mask, PCRS);
	if (ask(conf, SL_TPM_SEAL, mask, 4, fd, &m) != SL_TPM_SEALED)
		fail_msg("%.*s", (int)m.body.len - 1, m.body.p + 1);
	(void)close(fd);
	n_sealed = m.body.len;
	memcpy(sealed, m.body.p, n_sealed);
	memset(want, 0x5a, sizeof(want));
	assert_null(
	    memmem(sealed, n_sealed, want, 32)); /* the key itself is nowhere in it */
	assert_int_equal(ask(conf, SL_TPM_UNSEAL,
			     sealed + SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN,
			     n_sealed - SL_TPM_CODE_LEN - SL_TPM_RECOVERY_LEN, -1, &m),
			 SL_TPM_SECRET);
	assert_memory_equal(m.body.p, want, 32);
}

static void
keys_of_another_size_and_no_pcrs_are_refused(void **state)
{
	static const size_t sizes[] = { 0, 31, 33 };
	uint8_t mask[4];
	struct sl_msg m;

	(void)state;
	put_mask(mask, PCRS);
	for (size_t i = 0; i < 3; i++) {
		int fd = key_file(sizes[i]);

		ask(conf, SL_TPM_SEAL, mask, 4, fd, &m);
		says(&m, "not a key of 32 bytes");
		(void)close(fd);
	}
	for (uint32_t bad = 0; bad <= 1U << 24; bad += 1U << 24) {
		int fd = key_file(32);

		put_mask(mask, bad);
		ask(conf, SL_TPM_SEAL, mask, 4, fd, &m);
		says(&m, "PCRs are none, or beyond 23");
		(void)close(fd);
	}
}

static void
a_changed_blob_gives_nothing(void **state)
{
	const size_t head = SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN, n = n_sealed - head;
	uint8_t b[SL_TPM_BLOB_MAX];
	struct sl_msg m;

	(void)state;
	for (size_t i = 0; i < n; i += 17) {
		memcpy(b, sealed + head, n);
		b[i] ^= 1;
		assert_int_equal(ask(conf, SL_TPM_UNSEAL, b, n, -1, &m), SL_TPM_FAILED);
	}
	assert_int_equal(ask(conf, SL_TPM_UNSEAL, sealed + head, n - 1, -1, &m),
			 SL_TPM_FAILED);
	says(&m, "damaged");
	assert_int_equal(ask(conf, SL_TPM_UNSEAL, "nonsense, that is", 17, -1, &m),
			 SL_TPM_FAILED);
	says(&m, "not a key that was sealed");
}

static void
quotes_hold_and_changed_ones_do_not(void **state)
{
	uint8_t ask_for[36], check[36 + SL_TPM_QUOTED_MAX];
	struct sl_msg m;
	size_t n;

	(void)state;
	put_mask(ask_for, PCRS);
	memset(ask_for + 4, 0x11, 32);
	assert_int_equal(ask(conf, SL_TPM_QUOTE, ask_for, 36, -1, &m), SL_TPM_QUOTED);
	memcpy(check, ask_for, 36);
	memcpy(check + 36, m.body.p, m.body.len);
	n = 36 + m.body.len;
	assert_int_equal(ask(SL_TPM_NONE, SL_TPM_CHECK, check, n, -1, &m), SL_TPM_GOOD);
	for (size_t i = 0; i < n; i += i < 40 ? 3 : 11) {
		check[i] ^= 4;
		assert_int_equal(ask(SL_TPM_NONE, SL_TPM_CHECK, check, n, -1, &m),
				 SL_TPM_FAILED);
		check[i] ^= 4;
	}
	assert_int_equal(ask(SL_TPM_NONE, SL_TPM_CHECK, check, n - 1, -1, &m),
			 SL_TPM_FAILED);
	assert_int_equal(ask(SL_TPM_NONE, SL_TPM_QUOTE, ask_for, 36, -1, &m),
			 SL_TPM_FAILED);
	says(&m, "without one");
}

/* TPM2_PCR_Event of PCR 16 by hand, over swtpm's socket: its value is another then. */
static void
change_pcr(void)
{
	static const uint8_t cmd[] = { 0x80, 0x02, 0,  0, 0, 31, 0, 0,    0x01, 0x3c, 0,
				       0,    0,    16, 0, 0, 0,  9, 0x40, 0,    0,    9,
				       0,    0,    0,  0, 0, 0,  2, 'h',  'i' };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	uint8_t answer[512];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(write(fd, cmd, sizeof(cmd)), sizeof(cmd));
	assert_true(read(fd, answer, sizeof(answer)) >= 10);
	assert_int_equal(answer[6] | answer[7] | answer[8] | answer[9], 0);
	(void)close(fd);
}

static void
another_pcr_locks_it_and_the_code_unlocks(void **state)
{
	const size_t head = SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN;
	uint8_t body[4 + SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN], want[32];
	struct sl_msg m;

	(void)state;
	change_pcr();
	ask(conf, SL_TPM_UNSEAL, sealed + head, n_sealed - head, -1, &m);
	says(&m, "PCRs are not those");
	put_mask(body, PCRS);
	memcpy(body + 4, sealed, head);
	body[4] = body[4] == 'A' ? 'B' : 'A';
	ask(conf, SL_TPM_RECOVER, body, sizeof(body), -1, &m);
	says(&m, "not this key's recovery code");
	body[4] = '!';
	ask(conf, SL_TPM_RECOVER, body, sizeof(body), -1, &m);
	says(&m, "not a recovery code");
	memcpy(body + 4, sealed, head);
	assert_int_equal(ask(conf, SL_TPM_RECOVER, body, sizeof(body), -1, &m),
			 SL_TPM_SEALED);
	n_sealed = m.body.len;
	assert_memory_not_equal(m.body.p, sealed, SL_TPM_CODE_LEN); /* a new code */
	memcpy(sealed, m.body.p, n_sealed);
	assert_int_equal(ask(conf, SL_TPM_UNSEAL, sealed + head, n_sealed - head, -1, &m),
			 SL_TPM_SECRET);
	memset(want, 0x5a, sizeof(want));
	assert_memory_equal(m.body.p, want, 32);
}

static void
no_tpm_is_said(void **state)
{
	struct sl_msg m;

	(void)state;
	assert_int_equal(
	    ask("swtpm:path=/nonexistent/sock", SL_TPM_UNSEAL, "x", 1, -1, &m),
	    SL_TPM_FAILED);
	says(&m, "no TPM at");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_and_gives_back),
		cmocka_unit_test(keys_of_another_size_and_no_pcrs_are_refused),
		cmocka_unit_test(a_changed_blob_gives_nothing),
		cmocka_unit_test(quotes_hold_and_changed_ones_do_not),
		cmocka_unit_test(another_pcr_locks_it_and_the_code_unlocks),
		cmocka_unit_test(no_tpm_is_said),
	};
	int r;

	if (show_helpers() < 0)
		return EXIT_FAILURE;
	if (start_swtpm() < 0) {
		printf("1..0 # SKIP swtpm is not installed, or does not start\n");
		return 0;
	}
	r = run_suite("tpm", tests, SL_ARRAY_LEN(tests));
	(void)kill(swtpm, SIGTERM);
	(void)waitpid(swtpm, NULL, 0);
	return r;
}
