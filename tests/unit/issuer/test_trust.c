/* test_trust.c -- the operator's list: what it holds, and where it is wrong. */
#include "t.h"

#include "insig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static char dir[64];
static int dirfd_;
static const char own[] = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sluice-trust.XXXXXX");
	assert_non_null(mkdtemp(dir));
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = { "list", "k.json", "empty", "named.json" };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(files); i++)
		(void)unlinkat(dirfd_, files[i], 0);
	(void)close(dirfd_);
	return rmdir(dir);
}

static void
put(const char *name, const char *text, size_t n)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	(void)close(fd);
}

static int
load(const char *text, size_t n, struct sl_trust *t, struct sl_err *err)
{
	struct sl_sig sig = { .ask = in_process };
	int r;

	put("list", text, n);
	*err = (struct sl_err){ 0 };
	r = sl_trust_load(dirfd_, "list", &sig, t, err);
	sl_sig_done(&sig);
	return r;
}

static void
good(void **state)
{
	char text[1024];
	struct sl_trust t = SL_TRUST_NONE;
	struct sl_err err;

	(void)state;
	put("k.json", c21_jwk, strlen(c21_jwk));
	(void)snprintf(text, sizeof(text),
		       "# whom I know\n\n"
		       "issuer\thttps://a.example  %s # mine\n"
		       "  issuer https://b.example k.json\r\n"
		       "service - full-bytes %s\n"
		       "service ledger.example:1 ccf k.json kid=0x6b31\n"
		       "issuer https://c.example k.json kid=k1",
		       own, own);
	assert_int_equal(load(text, strlen(text), &t, &err), 0);
	assert_int_equal(t.n_keys, 5);
	assert_true(t.key[0].key.is_ed25519 && !t.key[1].key.is_ed25519);
	assert_true(!t.key[1].is_service && t.key[2].is_service);
	assert_int_equal(t.key[2].iss.len, 0);
	assert_int_equal(t.key[2].mode, SL_LEAF_FULL);
	assert_int_equal(t.key[3].mode, SL_LEAF_CCF);
	for (int i = 3; i < 5; i++) {
		assert_int_equal(t.key[i].key.n_kid, 2);
		assert_memory_equal(t.key[i].key.kid, "k1", 2);
	}
	assert_int_equal(t.key[1].key.n_kid, 0);
	sl_trust_done(&t);
	assert_int_equal(load("", 0, &t, &err), 0);
	assert_int_equal(t.n_keys, 0);
	sl_trust_done(&t);
	assert_int_equal(unlinkat(dirfd_, "list", 0), 0);
	{
		struct sl_sig sig = { 0 };

		err = (struct sl_err){ 0 };
		assert_int_equal(sl_trust_load(dirfd_, "list", &sig, &t, &err),
				 SL_E(NOENT));
	}
}

static void
wrong(void **state)
{
	static const struct {
		const char *line;
		int code;
	} row[] = {
		{ "trust me", SL_E(UNKNOWN) },
		{ "issuer", SL_E(FORMAT) },
		{ "issuer a", SL_E(FORMAT) },
		{ "issuer a b c d e f", SL_E(FORMAT) },
		{ "issuer a k.json kid=", SL_E(FORMAT) },
		{ "issuer a k.json kid=0x", SL_E(FORMAT) },
		{ "issuer a k.json kid=0x6", SL_E(FORMAT) },
		{ "issuer a k.json kid=0xzz", SL_E(FORMAT) },
		{ "issuer a kid=x", SL_E(FORMAT) },
		{ "issuer a k.json kid=x kid=y", SL_E(FORMAT) },
		{ "issuer a named.json kid=x", SL_E(FORMAT) },
		{ "root k.json kid=x", SL_E(FORMAT) },
		{ "issuer a did:key:z", SL_E(FORMAT) },
		{ "issuer a did:jwk:e30", SL_E(UNSUPPORTED) },
		{ "issuer a did:web:b", SL_E(FORMAT) }, /* a file, and not there */
		{ "issuer a nowhere", SL_E(FORMAT) },
		{ "issuer a .", SL_E(FORMAT) },
		{ "issuer a empty", SL_E(FORMAT) },
		{ "service a sha256 k.json", SL_E(FORMAT) },
		{ "service a SHA256-AS-IS k.json", SL_E(FORMAT) },
		{ "service a ccf", SL_E(FORMAT) },
		{ "root", SL_E(FORMAT) },
		{ "root empty", SL_E(FORMAT) },
		{ "root k.json", SL_E(FORMAT) },
		{ "root nowhere", SL_E(FORMAT) },
		{ "web nowhere", SL_E(SYS) },
		{ "web k.json", SL_E(SYS) },
		{ "web .\nweb .", SL_E(FORMAT) },
	};
	static const char named[] =
	    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
	    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
	struct sl_trust t = SL_TRUST_NONE;
	struct sl_err err;
	char text[256];

	(void)state;
	put("k.json", c21_jwk, strlen(c21_jwk));
	put("empty", "", 0);
	put("named.json", named, strlen(named));
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		int r;

		(void)snprintf(text, sizeof(text), "\n# x\n%s\n", row[i].line);
		r = load(text, strlen(text), &t, &err);
		if (r != row[i].code || strstr(err.msg, "list:") == NULL)
			fail_msg("'%s': %d %s", row[i].line, r, err.msg);
	}
	assert_int_equal(load("issuer a k\0.json", 16, &t, &err), SL_E(FORMAT));
}

/* More keys than there is room for. */
static void
too_much(void **state)
{
	struct sl_trust t = SL_TRUST_NONE;
	static char text[SL_TRUST_LIST_BYTES + 100];
	struct sl_err err;
	size_t n = 0;

	(void)state;
	for (int i = 0; i <= SL_TRUST_KEYS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "issuer a %s\n", own);
	assert_int_equal(load(text, n, &t, &err), SL_E(LIMIT));
	memset(text, '\n', sizeof(text));
	assert_int_equal(load(text, sizeof(text), &t, &err), SL_E(LIMIT));
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(wrong),
		cmocka_unit_test(too_much),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("issuer-trust", t, setup, teardown);
}
