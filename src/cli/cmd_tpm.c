/* cmd_tpm.c -- sluice tpm: the platform attested, and the node's identity sealed, by a
 * TPM.
 *
 * No secret passes through this process: the key's file is handed to the helper, open,
 * and what comes back only the TPM, or who has the recovery code, can read. */
#include "base/auto.h"
#include "cli/ask.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "log/tpm.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { OPT_DEVICE, OPT_PCRS, OPT_FILE, OPT_JSON };
/* Firmware, boot loader, Secure Boot: what a change of the machine's trust shows in. */
enum { PCRS_DEFAULT = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 7, GROUP = 4 };

static const char device_default[] = "device:/dev/tpmrm0";

static const struct sl_opt opts[] = {
	[OPT_DEVICE] = { "device", 0, "PLACE",
			 "of the TPM: device:PATH, swtpm:path=SOCKET "
			 "(device:/dev/tpmrm0)",
			 false },
	[OPT_PCRS] = { "pcrs", 0, "LIST", "of the SHA-256 bank, as 0,2,4,7 (those)",
		       false },
	[OPT_FILE] = { "to-file", 0, NULL, "recover: as keys/identity, without a TPM",
		       false },
	[OPT_JSON] = { "json", 0, NULL, "one object", false },
	{ 0 },
};

struct work {
	const struct sl_args *args;
	struct sl_home home;
	char place[SL_TPM_PLACE_MAX];
	uint32_t mask;
	bool is_used; /* keys/tpm is there */
};

/* --- where the TPM is --- */

static int
parse_pcrs(const char *s, uint32_t *ret, struct sl_err *err)
{
	uint32_t mask = 0;

	for (;;) {
		char *end;
		unsigned long n = strtoul(s, &end, 10);

		if (end == s || *s < '0' || *s > '9' || n >= SL_TPM_PCRS ||
		    (*end != '\0' && *end != ','))
			return SL_ERR(err, USAGE,
				      "--pcrs: a list of numbers from 0 to %d",
				      SL_TPM_PCRS - 1);
		mask |= 1U << n;
		if (*end == '\0')
			break;
		s = end + 1;
	}
	*ret = mask;
	return 0;
}

/* What keys/tpm says, else the usual place; then what the options say. */
static int
find(struct work *w, struct sl_err *err)
{
	const char *place = sl_arg(w->args, OPT_DEVICE, 0),
		   *pcrs = sl_arg(w->args, OPT_PCRS, 0);
	int r = sl_session_home(&w->home, err);

	if (r < 0 || (r = sl_tpm_conf(w->home.fd, w->place, &w->mask, err)) < 0)
		return r;
	w->is_used = r == 1;
	if (!w->is_used) {
		w->mask = PCRS_DEFAULT;
		(void)snprintf(w->place, sizeof(w->place), "%s", device_default);
	}
	if (place != NULL &&
	    (*place == '\0' || strchr(place, '\n') != NULL ||
	     strcmp(place, SL_TPM_NONE) == 0 ||
	     snprintf(w->place, sizeof(w->place), "%s", place) >= (int)sizeof(w->place)))
		return SL_ERR(err, USAGE, "--device: not the place of a TPM");
	return pcrs != NULL ? parse_pcrs(pcrs, &w->mask, err) : 0;
}

/* --- files of keys/ --- */

static int
sync_dir(int dir, struct sl_err *err)
{
	return fsync(dir) < 0 ? SL_ERR_SYS(err, -errno, "cannot sync keys/") : 0;
}

/* Whole and durable under its name, or not at all. */
static int
put_file(int dir, const char *name, const void *p, size_t n, struct sl_err *err)
{
	SL_AUTO_FD fd = openat(
	    dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || sl_os_write_all(fd, p, n) < 0 || fsync(fd) < 0 ||
	    renameat(dir, "new", dir, name) < 0)
		return SL_ERR_SYS(err, -errno, "cannot write keys/%s", name);
	return sync_dir(dir, err);
}

static int
get_file(int dir, const char *name, uint8_t *room, size_t cap, size_t *ret_n,
	 struct sl_err *err)
{
	ssize_t n = sl_os_read_file(dir, name, room, cap);

	if (n == -ENOENT)
		return SL_ERR(err, NOENT,
			      "the identity is not sealed: there is no keys/%s", name);
	if (n < 0)
		return SL_ERR_SYS(err, (int)n, "cannot read keys/%s", name);
	*ret_n = (size_t)n;
	return 0;
}

static int
open_keys(const struct work *w, struct sl_err *err)
{
	int fd =
	    openat(w->home.fd, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0
		   ? fd
		   : SL_ERR_SYS(err, -errno, "cannot open keys/ (sluice init makes it)");
}

static int
put_conf(const struct work *w, int dir, struct sl_err *err)
{
	char text[SL_TPM_PLACE_MAX + 16];
	int n = snprintf(text, sizeof(text), "%s\n%u\n", w->place, w->mask);

	return put_file(dir, "tpm", text, (size_t)n, err);
}

static int
drop_file(int dir, const char *name, struct sl_err *err)
{
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return SL_ERR_SYS(err, -errno, "cannot remove keys/%s", name);
	return sync_dir(dir, err);
}

/* --- the log --- */

/* Decided by policy, and durable. */
static int
ask(const char *what, struct sl_err *err)
{
	SL_AUTO_SESSION s = { .home.fd = -1 };
	const struct sl_ask q = { .kind = "key", .target = what };
	int r;

	if ((r = sl_session_start(&s, err)) < 0 ||
	    (r = sl_session_gate(&s, true, err)) < 0)
		return r;
	return sl_ask(&s, &q, err);
}

/* The platform's context as it is now: by a session of its own, whose recorder has seen
 * what keys/ holds now. */
static int
attest_now(struct sl_admin_done *ret, struct sl_err *err)
{
	SL_AUTO_SESSION s = { .home.fd = -1 };
	int r;

	if ((r = sl_session_start(&s, err)) < 0 ||
	    (r = sl_session_gate(&s, true, err)) < 0)
		return r;
	return sl_recorder_admin(s.rec, SL_ADMIN_ATTEST, NULL, ret, err);
}

/* code: the recovery code to show, or NULL. */
static int
say(const struct work *w, const char *done, const char *text, const char *code,
    const struct sl_admin_done *d, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	if (sl_arg_is(w->args, OPT_JSON)) {
		(void)sl_json_set(&o.b, v, "done", sl_json_cstr(&o.b, done));
		(void)sl_json_set(&o.b, v, "entry", sl_json_hex(&o.b, d->entry.id, 32));
		if (code != NULL)
			(void)sl_json_set(&o.b, v, "recovery_code",
					  sl_json_cstr(&o.b, code));
		return sl_out_json(&o, v, err);
	}
	printf("%s (entry %llu of the node's log)\n", text,
	       (unsigned long long)d->entry.index);
	if (code != NULL)
		printf(
		    "\nrecovery code  %s\n\nWrite it down and keep it elsewhere: it is "
		    "shown "
		    "once, and brings the identity\nback when the PCRs or the TPM have "
		    "changed (sluice tpm recover).\n",
		    code);
	return sl_out_flush(err);
}

/* --- seal, recover --- */

/* Body of a SEALED to files; the code, in groups, to ret. */
static int
keep(const struct work *w, int dir, struct sl_slice s, char ret[2 * SL_TPM_CODE_LEN],
     struct sl_err *err)
{
	const size_t head = SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN;
	size_t k = 0;
	int r;

	if (s.len <= head)
		return SL_ERR(err, ENV, "helper %s gives a malformed answer",
			      SL_TPM_HELPER);
	for (size_t i = 0; i < SL_TPM_CODE_LEN; i++) {
		if (i > 0 && i % GROUP == 0)
			ret[k++] = '-';
		ret[k++] = (char)s.p[i];
	}
	ret[k] = '\0';
	/* The sealed form first: cut off between the two, the code from before still
	 * opens the same key. */
	if ((r = put_conf(w, dir, err)) < 0 ||
	    (r = put_file(dir, "identity.tpm", s.p + head, s.len - head, err)) < 0)
		return r;
	return put_file(dir, "identity.recovery", s.p + SL_TPM_CODE_LEN,
			SL_TPM_RECOVERY_LEN, err);
}

static void
put_mask(uint8_t p[4], uint32_t mask)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(mask >> (8 * i));
}

/* What is sealed anew is durable, and no earlier code opens it: whatever fails from then
 * on, the code is shown, once. */
static int
show_anyway(const char *code, int r)
{
	fprintf(stderr, "recovery code  %s\n", code);
	return r;
}

static int
seal(struct work *w, struct sl_err *err)
{
	SL_AUTO_FD key = -1, dir = -1;
	char code[2 * SL_TPM_CODE_LEN];
	struct sl_admin_done d = { 0 };
	struct sl_tpm t;
	struct sl_slice s;
	uint8_t body[4];
	int r;

	if ((r = ask("seal the identity to a TPM", err)) < 0 ||
	    (r = open_keys(w, err)) < 0)
		return r;
	dir = r;
	key = openat(dir, "identity", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (key < 0 && errno == ENOENT && faccessat(dir, "identity.tpm", F_OK, 0) == 0)
		return SL_ERR(err, USAGE, "the identity is sealed already");
	if (key < 0)
		return SL_ERR_SYS(err, -errno, "cannot open keys/identity");
	put_mask(body, w->mask);
	if ((r = sl_tpm_start(&t, w->place, key, err)) == 0 &&
	    (r = sl_tpm_ask(&t, SL_TPM_SEAL, (struct sl_slice){ body, sizeof(body) },
			    SL_TPM_SEALED, &s, err)) == 0)
		r = keep(w, dir, s, code, err);
	sl_tpm_done(&t);
	/* The sealed form is durable, and was unsealed once: only now the file may go. */
	if (r < 0)
		return r;
	if ((r = drop_file(dir, "identity", err)) < 0 || (r = attest_now(&d, err)) < 0)
		return show_anyway(code, r);
	return say(w, "sealed", "the identity is sealed to the TPM", code, &d, err);
}

/* The code from standard input, its letters alone. */
static int
read_code(uint8_t ret[SL_TPM_CODE_LEN], struct sl_err *err)
{
	char line[4 * SL_TPM_CODE_LEN];
	size_t n = 0;

	if (isatty(STDIN_FILENO))
		fprintf(stderr, "recovery code: ");
	if (fgets(line, sizeof(line), stdin) == NULL)
		return SL_ERR(err, USAGE,
			      "the recovery code is read from standard input");
	for (const char *p = line; *p != '\0' && *p != '\n'; p++) {
		if (*p == '-' || *p == ' ')
			continue;
		if (n == SL_TPM_CODE_LEN)
			return SL_ERR(err, USAGE, "a recovery code has %d letters",
				      SL_TPM_CODE_LEN);
		ret[n++] = (uint8_t)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	}
	explicit_bzero(line, sizeof(line));
	return n == SL_TPM_CODE_LEN ? 0
				    : SL_ERR(err, USAGE, "a recovery code has %d letters",
					     SL_TPM_CODE_LEN);
}

/* keys/identity from what op makes of body. */
static int
to_file(int dir, const char *place, uint16_t op, struct sl_slice body, struct sl_err *err)
{
	SL_AUTO_FD fd =
	    openat(dir, "new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct sl_tpm t;
	struct sl_slice s;
	int r;

	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot write into keys/");
	if ((r = sl_tpm_start(&t, place, fd, err)) == 0)
		r = sl_tpm_ask(&t, op, body, SL_TPM_GOOD, &s, err);
	sl_tpm_done(&t);
	if (r < 0)
		return r;
	if (fsync(fd) < 0 || renameat(dir, "new", dir, "identity") < 0)
		return SL_ERR_SYS(err, -errno, "cannot write keys/identity");
	if ((r = sync_dir(dir, err)) < 0)
		return r;
	if ((r = drop_file(dir, "identity.tpm", err)) == 0)
		r = drop_file(dir, "identity.recovery", err);
	return r;
}

/* Without the key there is no log to decide in: this is recorded as soon as there is. */
static int
recover(struct work *w, struct sl_err *err)
{
	uint8_t body[4 + SL_TPM_CODE_LEN + SL_TPM_RECOVERY_LEN],
	    *rec = body + 4 + SL_TPM_CODE_LEN;
	char code[2 * SL_TPM_CODE_LEN];
	struct sl_admin_done d = { 0 };
	bool is_file = sl_arg_is(w->args, OPT_FILE);
	struct sl_tpm t;
	struct sl_slice s;
	size_t n = 0;
	int r = open_keys(w, err);
	SL_AUTO_FD dir = r;

	if (r < 0 ||
	    (r = get_file(dir, "identity.recovery", rec, SL_TPM_RECOVERY_LEN, &n, err)) <
		0 ||
	    (r = read_code(body + 4, err)) < 0)
		return r;
	if (n != SL_TPM_RECOVERY_LEN)
		return SL_ERR(err, STORE, "keys/identity.recovery is cut off");
	put_mask(body, w->mask);
	if (is_file) {
		if ((r = to_file(dir, SL_TPM_NONE, SL_TPM_OUT_CODE,
				 (struct sl_slice){ body + 4, sizeof(body) - 4 }, err)) ==
		    0)
			r = drop_file(dir, "tpm", err);
	} else {
		if ((r = sl_tpm_start(&t, w->place, -1, err)) == 0 &&
		    (r = sl_tpm_ask(&t, SL_TPM_RECOVER,
				    (struct sl_slice){ body, sizeof(body) },
				    SL_TPM_SEALED, &s, err)) == 0)
			r = keep(w, dir, s, code, err);
		sl_tpm_done(&t);
	}
	explicit_bzero(body, sizeof(body));
	if (r < 0)
		return r;
	if ((r = ask("recover the identity", err)) < 0 || (r = attest_now(&d, err)) < 0)
		return is_file ? r : show_anyway(code, r);
	return is_file ? say(w, "recovered", "the identity is in keys/identity again",
			     NULL, &d, err)
		       : say(w, "recovered",
			     "the identity is sealed to the TPM as it is now; the code "
			     "is new",
			     code, &d, err);
}

static int
unseal(struct work *w, struct sl_err *err)
{
	struct sl_admin_done d = { 0 };
	uint8_t blob[SL_TPM_BLOB_MAX];
	size_t n = 0;
	int r = open_keys(w, err);
	SL_AUTO_FD dir = r;

	if (r < 0 ||
	    (r = get_file(dir, "identity.tpm", blob, sizeof(blob), &n, err)) < 0 ||
	    (r = ask("unseal the identity", err)) < 0 ||
	    (r = to_file(dir, w->place, SL_TPM_OUT, (struct sl_slice){ blob, n }, err)) <
		0 ||
	    (r = attest_now(&d, err)) < 0)
		return r;
	return say(w, "unsealed", "the identity is in keys/identity again", NULL, &d,
		   err);
}

static int
attest(struct work *w, struct sl_err *err)
{
	struct sl_admin_done d = { 0 };
	struct sl_tpm t;
	int r = ask("attest the platform by a TPM", err), dir_fd;

	if (r < 0 || (dir_fd = open_keys(w, err)) < 0)
		return r < 0 ? r : dir_fd;
	SL_AUTO_FD dir = dir_fd;
	/* One that cannot quote is not written down: every start would fail with it. */
	if ((r = sl_tpm_start(&t, w->place, -1, err)) == 0) {
		struct sl_tpm_quote q;

		t.mask = w->mask;
		r = sl_tpm_quote(&t, (const uint8_t[32]){ 0 }, &q, err);
	}
	sl_tpm_done(&t);
	if (r < 0 || (r = put_conf(w, dir, err)) < 0 || (r = attest_now(&d, err)) < 0)
		return r;
	return say(w, "attested", "the platform's context holds a quote of the TPM", NULL,
		   &d, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	static const struct {
		const char *name;
		int (*run)(struct work *w, struct sl_err *err);
	} verbs[] = { { "attest", attest },
		      { "seal", seal },
		      { "unseal", unseal },
		      { "recover", recover } };
	struct work w = { .args = args, .home.fd = -1 };
	int r = SL_ERR(err, USAGE, "tpm knows attest, seal, unseal and recover, not '%s'",
		       args->argv[0]);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && args->argc == 1; i++)
		if (strcmp(args->argv[0], verbs[i].name) == 0) {
			*err = (struct sl_err){ 0 };
			if ((r = find(&w, err)) == 0)
				r = verbs[i].run(&w, err);
			break;
		}
	sl_home_done(&w.home);
	return r;
}

const struct sl_cmd sl_cmd_tpm = {
	.name = "tpm",
	.summary = "attest the platform by a TPM 2.0, and seal the node's identity to it",
	.usage = "attest | seal | unseal | recover  [OPTION...]",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
