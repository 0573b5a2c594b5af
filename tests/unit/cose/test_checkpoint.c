/* test_checkpoint.c -- cose/checkpoint. */
#include "cose/checkpoint.h"
#include "cose_t.h"

#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define EMPTY "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static void
test_text(void **state)
{
	static const char *const ok[] = { "o\n1\n" ROOT "\n", "o\n0\n" EMPTY "\n",
					  "o\n9223372036854775807\n" ROOT "\n",
					  "o\n1\n" ROOT "\nx\ny\n" };
	static const char *const bad[] = {
		"",
		"o\n",
		"o\n1\n",
		"o\n1\n" ROOT,
		"\n1\n" ROOT "\n",
		"o\n01\n" ROOT "\n",
		"o\n-1\n" ROOT "\n",
		"o\n+1\n" ROOT "\n",
		"o\n\n" ROOT "\n",
		"o\n9223372036854775808\n" ROOT "\n",
		"o\n0\n" ROOT "\n",
		"o\n18446744073709551616\n" ROOT "\n",
		"o\n1\nAAAA\n",
		"o\n1\n" ROOT "\n\n",
		"o\n1\n" ROOT "\nx",
		"o\n1 \n" ROOT "\n",
		"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		"o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
	};
	struct sl_checkpoint c;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(ok); i++) {
		struct sl_err err = { 0 };

		if (sl_checkpoint_parse(edge(sl_slice_str(ok[i])), &c, &err) < 0)
			fail_msg("'%s': %s", ok[i], err.msg);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err err = { 0 };

		if (sl_checkpoint_parse(edge(sl_slice_str(bad[i])), &c, &err) !=
		    SL_E(FORMAT))
			fail_msg("'%s' was accepted", bad[i]);
	}
}

static void
test_sign_and_open(void **state)
{
	struct sl_checkpoint c = { .origin = SL_LIT("log.example"),
				   .size = 7,
				   .ext = SL_LIT("x 1\n") };
	struct sl_checkpoint back;
	SL_AUTO_BUF b = { .max = 4096 }, tiny = { .max = 30 };
	struct sl_err err = { 0 }, e[6] = { 0 };
	struct sl_signer k, w;
	struct sl_vkey log, other, wit;
	struct sl_note n;

	(void)state;
	test_signer(&k, 3);
	test_signer(&w, 4);
	assert_int_equal(sl_vkey_make(c.origin, SL_VKEY_ED25519, k.pub, &log, &err), 0);
	assert_int_equal(
	    sl_vkey_make(SL_LIT("other"), SL_VKEY_ED25519, k.pub, &other, &err), 0);
	assert_int_equal(sl_vkey_make(c.origin, SL_VKEY_COSIGN, k.pub, &wit, &err), 0);
	sl_buf_str(&b, "in front");
	assert_int_equal(sl_checkpoint_sign(&c, &log, &k, &b, &err), 0);
	assert_int_equal(sl_checkpoint_open(edge(sl_slice_skip(sl_buf_get(&b), 8)), &log,
					    &back, &n, &err),
			 0);
	assert_int_equal(back.size, 7);
	assert_true(sl_slice_eq(back.ext, c.ext));
	assert_int_equal(sl_checkpoint_open(sl_slice_skip(sl_buf_get(&b), 8), &other,
					    &back, &n, &e[0]),
			 SL_E(SIGNER));
	assert_int_equal(
	    sl_checkpoint_open(sl_slice_skip(sl_buf_get(&b), 8), &wit, &back, &n, &e[1]),
	    SL_E(USAGE));
	assert_int_equal(sl_checkpoint_sign(&c, &other, &k, &b, &e[2]), SL_E(USAGE));
	assert_int_equal(sl_checkpoint_sign(&c, &log, &w, &b, &e[3]), SL_E(USAGE));
	assert_int_equal(sl_checkpoint_sign(&c, &log, &k, &tiny, &e[4]), SL_E(LIMIT));
	c.size = 0; /* with a root that is not the empty tree's */
	assert_int_equal(sl_checkpoint_sign(&c, &log, &k, &b, &e[5]), SL_E(FORMAT));
}

/* Signed by the log's key under its name, but for another origin. */
static void
test_origin(void **state)
{
	struct sl_slice text = SL_LIT("elsewhere\n1\n" ROOT "\n");
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_checkpoint c;
	struct sl_signer k;
	struct sl_vkey log;
	struct sl_note n;

	(void)state;
	test_signer(&k, 3);
	assert_int_equal(sl_vkey_make(SL_LIT("log"), SL_VKEY_ED25519, k.pub, &log, &err),
			 0);
	sl_buf_slice(&b, text);
	sl_buf_byte(&b, '\n');
	assert_int_equal(sl_note_sign(text, &log, 0, &k, &b, &err), 0);
	assert_int_equal(sl_checkpoint_open(sl_buf_get(&b), &log, &c, &n, &err),
			 SL_E(VERIFY));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_sign_and_open),
		cmocka_unit_test(test_origin),
	};

	return run_suite("checkpoint", tests, SL_ARRAY_LEN(tests));
}
