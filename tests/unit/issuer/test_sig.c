/* test_sig.c -- signatures by whom they are checked, and the questions about them. */
#include "t.h"

#include "crypto/sha512.h"
#include "insig.h"

#include <sys/wait.h>

struct c21 { /* the example, taken apart */
	uint8_t raw[128];
	struct sl_sign1 s;
	struct sl_buf tbs;
	struct sl_pubkey key;
};

static void
c21_make(struct c21 *x)
{
	struct sl_slice none = { 0 };
	struct sl_err err = { 0 };
	struct sl_slice src = unhex(c21, x->raw);

	x->tbs = (struct sl_buf){ .max = 4096 };
	assert_int_equal(sl_sign1_parse(src, 4096, &x->s, &err), 0);
	assert_int_equal(sl_sign1_tbs(&x->s, none, none, &x->tbs, &err), 0);
	assert_int_equal(jwk(c21_jwk, &x->key, &err), 0);
}

static int
check(struct c21 *x, int64_t alg, struct sl_slice sig, const char **ret_why)
{
	static struct sl_err err;
	struct sl_sig by = { .ask = in_process };
	int r;

	err = (struct sl_err){ 0 };
	r = sl_sig_check(&by, &x->key, alg, sl_buf_get(&x->tbs), sig, &err);
	*ret_why = err.msg;
	sl_sig_done(&by);
	return r;
}

static void
example(void **state)
{
	static const int16_t wrong[] = { -35, -36, -51, -52, -37, -38, -39, -8, -19 };
	const char *why;
	struct c21 x;

	(void)state;
	c21_make(&x);
	assert_int_equal(check(&x, -7, x.s.sig, &why), 0);
	assert_int_equal(check(&x, -9, x.s.sig, &why), 0); /* ESP256 is the same */
	for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++)
		assert_int_equal(check(&x, wrong[i], x.s.sig, &why), SL_E(VERIFY));
	assert_int_equal(check(&x, -257, x.s.sig, &why), SL_E(UNSUPPORTED));
	assert_non_null(strstr(why, "RS256"));
	assert_int_equal(check(&x, -7, (struct sl_slice){ x.s.sig.p, 63 }, &why),
			 SL_E(VERIFY));
	assert_int_equal(check(&x, -7, (struct sl_slice){ 0 }, &why), SL_E(VERIFY));
	x.tbs.p[x.tbs.len - 1] ^= 1;
	assert_int_equal(check(&x, -7, x.s.sig, &why), SL_E(VERIFY));
	x.tbs.p[x.tbs.len - 1] ^= 1;
	x.key.alg = -35; /* a key for something else */
	assert_int_equal(check(&x, -7, x.s.sig, &why), SL_E(VERIFY));
	x.key.alg = -9;
	assert_int_equal(check(&x, -7, x.s.sig, &why), 0);
	x.key.spki[x.key.n_spki - 1] ^= 1; /* off the curve */
	assert_int_equal(check(&x, -7, x.s.sig, &why), SL_E(FORMAT));
	sl_buf_done(&x.tbs);
}

/* r or s of 0, or of the group's order and more, is no signature. */
static void
edges(void **state)
{
	static const uint8_t order[32] = {
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
		0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51
	};
	uint8_t sig[64];
	const char *why;
	struct c21 x;

	(void)state;
	c21_make(&x);
	for (int i = 0; i < 6; i++) {
		memcpy(sig, x.s.sig.p, 64);
		if (i < 2)
			memset(sig + 32 * i, 0, 32);
		else if (i < 4)
			memcpy(sig + 32 * (i - 2), order, 32);
		else
			memset(sig + 32 * (i - 4), 0xff, 32);
		assert_int_equal(check(&x, -7, (struct sl_slice){ sig, 64 }, &why),
				 SL_E(VERIFY));
	}
	sl_buf_done(&x.tbs);
}

/* Without anybody to ask, what is not Ed25519 is refused by name. */
static void
nobody(void **state)
{
	struct sl_sig by = { 0 };
	struct sl_sig_ask cert = { .op = SL_SIG_CERT, .n_certs = 1 };
	struct sl_err err = { 0 };
	struct sl_pubkey k;
	bool is_bound;
	struct c21 x;

	(void)state;
	c21_make(&x);
	assert_int_equal(sl_sig_check(&by, &x.key, -7, sl_buf_get(&x.tbs), x.s.sig, &err),
			 SL_E(UNSUPPORTED));
	assert_non_null(strstr(err.msg, "ES256"));
	err = (struct sl_err){ 0 };
	assert_int_equal(sl_sig_cert_key(&by, &cert, &k, &is_bound, &err),
			 SL_E(UNSUPPORTED));
	sl_buf_done(&x.tbs);
}

/* In a child: one answer, then the end. */
static void
answer_one(int fd)
{
	static const struct sl_chan_op ops[] = { { SL_SIG_VERIFY, SL_SIG_ASK_MAX, 0 } };
	struct sl_chan c = { .fd = fd, .ops = ops, .n_ops = 1 };
	struct sl_buf room = { .max = SL_SIG_ASK_MAX + 1 }, out = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_msg m;

	if (sl_chan_recv(&c, &room, &m, 10000, &err) == 1 &&
	    sl_sig_reply((enum sl_sig_op)m.op, m.body, &out, &err) == 0)
		(void)(sl_chan_send(&c, SL_SIG_ANSWER, sl_buf_get(&out), NULL, 0, &err) <
		       0);
	sl_buf_done(&room);
	sl_buf_done(&out);
}

/* Over the channel of a helper that was started elsewhere; and when it is gone. */
static void
over(void **state)
{
	struct sl_sig by = { 0 };
	struct sl_err err = { 0 };
	struct c21 x;
	int fd[2], status, r;
	pid_t pid;

	(void)state;
	c21_make(&x);
	assert_int_equal(sl_chan_pair(fd, &err), 0);
	if ((pid = fork()) == 0) {
		(void)close(fd[0]);
		answer_one(fd[1]);
		_exit(0);
	}
	(void)close(fd[1]);
	sl_sig_over(&by, fd[0]);
	assert_int_equal(sl_sig_check(&by, &x.key, -7, sl_buf_get(&x.tbs), x.s.sig, &err),
			 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	r = sl_sig_check(&by, &x.key, -7, sl_buf_get(&x.tbs), x.s.sig, &err);
	assert_true(r == SL_E(ENV) || r == SL_E(SYS));
	sl_sig_done(&by);
	(void)close(fd[0]);
	sl_buf_done(&x.tbs);
}

/* Bytes that are no question get an answer all the same, and it is no. */
static void
nonsense(void **state)
{
	static const char *const ask[] = { "",           "00",           "80",
					   "8420404040", "ff",           "8181",
					   "8180",       "818140",       "84002040",
					   "8400608080", "840060814080", "8180ff",
					   "a0" };
	uint8_t raw[32];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(ask); i++)
		for (int op = 0; op <= SL_SIG_ANSWER; op++) {
			SL_AUTO_BUF out = { .max = SL_SIG_ANSWER_MAX };
			struct sl_sig_answer a;
			struct sl_err err = { 0 };

			assert_int_equal(sl_sig_reply((enum sl_sig_op)op,
						      unhex(ask[i], raw), &out, &err),
					 0);
			assert_int_equal(sl_sig_answer_get(sl_buf_get(&out), &a, &err),
					 0);
			assert_true(a.code < 0 && a.msg.len > 0);
		}
}

static void
answers(void **state)
{
	static const char *const bad[] = { "",           "8400604", /* odd: no hex */
					   "84006040",   "84006040f6",     "840061784020",
					   "8406604020", "841863617840f4", "8400617840f4",
					   "8406604 0f4" };
	uint8_t raw[32];
	struct sl_sig_answer a;
	struct sl_err err = { 0 };

	(void)state;
	assert_int_equal(sl_sig_answer_get(unhex("84006040f4", raw), &a, &err), 0);
	assert_int_equal(sl_sig_answer_get(unhex("8404617840f4", raw), &a, &err), 0);
	assert_int_equal(a.code, -4);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		size_t n = strlen(bad[i]) / 2;

		if (!sl_unhex(raw, n, sl_slice_str(bad[i])))
			continue;
		err = (struct sl_err){ 0 };
		assert_true(sl_sig_answer_get((struct sl_slice){ raw, n }, &a, &err) < 0);
	}
}

static void
sha512(void **state)
{
	static const struct {
		size_t len;
		const char *hex;
	} row[] = {
		/* FIPS 180-4 examples: "abc" */
		{ 48, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		      "8086072ba1e7cc2358baeca134c825a7" },
		{ 64,
		  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" }
	};
	uint8_t d[64];
	char hex[129];

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		struct sl_sha512 h;

		sl_sha512_init(&h, row[i].len);
		sl_sha512_add(&h, "a", 1);
		sl_sha512_add(&h, "", 0);
		sl_sha512_add(&h, "bc", 2);
		sl_sha512_end(&h, d);
		sl_hex(hex, d, row[i].len);
		assert_string_equal(hex, row[i].hex);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(example), cmocka_unit_test(edges),
		cmocka_unit_test(nobody),  cmocka_unit_test(nonsense),
		cmocka_unit_test(over),    cmocka_unit_test(answers),
		cmocka_unit_test(sha512),
	};
	struct sl_err err = { 0 };

	return sl_crypto_init(&err) < 0 ? 1 : run_suite("issuer-sig", t, SL_ARRAY_LEN(t));
}
