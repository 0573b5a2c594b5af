/* test_note.c -- cose/note. */
#include "cose/note.h"
#include "cose_t.h"

/* The example of C2SP signed-note. */
static const char example_key[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char example[] =
    "This is an example message.\n\n\xe2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfX"
    "ppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

static void
test_example(void **state)
{
	SL_AUTO_BUF b = { .max = 256 };
	struct sl_err err = { 0 };
	struct sl_note n;
	struct sl_vkey k;
	uint64_t mask = 0;

	(void)state;
	assert_int_equal(sl_crypto_init(&err), 0);
	assert_int_equal(sl_vkey_parse(sl_slice_str(example_key), &k, &err), 0);
	sl_vkey_put(&k, &b);
	assert_string_equal((const char *)b.p, example_key);
	assert_int_equal(sl_note_parse(edge(sl_slice_str(example)), &n, &err), 0);
	assert_int_equal(n.n, 1);
	assert_true(sl_slice_eq(n.text, SL_LIT("This is an example message.\n")));
	assert_int_equal(sl_note_verify(&n, &k, 1, &mask, NULL, &err), 0);
	assert_int_equal(mask, 1);
}

static void
test_sign_and_cosign(void **state)
{
	struct sl_slice text = SL_LIT("a\n\nb\n"); /* an empty line of its own */
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_err err = { 0 }, e1 = { 0 }, e2 = { 0 }, e3 = { 0 }, e4 = { 0 };
	struct sl_signer log, wit;
	struct sl_vkey key[2], stranger;
	int64_t time[2] = { 0 };
	uint64_t mask = 0;
	struct sl_note n;

	(void)state;
	test_signer(&log, 1);
	test_signer(&wit, 2);
	assert_int_equal(
	    sl_vkey_make(SL_LIT("log"), SL_VKEY_ED25519, log.pub, &key[0], &err), 0);
	assert_int_equal(
	    sl_vkey_make(SL_LIT("wit"), SL_VKEY_COSIGN, wit.pub, &key[1], &err), 0);
	assert_int_equal(
	    sl_vkey_make(SL_LIT("log"), SL_VKEY_ED25519, wit.pub, &stranger, &err), 0);
	sl_buf_slice(&b, text);
	sl_buf_byte(&b, '\n');
	assert_int_equal(sl_note_sign(text, &key[0], 0, &log, &b, &err), 0);
	assert_int_equal(sl_note_sign(text, &key[1], 1790000000, &wit, &b, &err), 0);
	assert_int_equal(sl_note_parse(edge(sl_buf_get(&b)), &n, &err), 0);
	assert_true(sl_slice_eq(n.text, text));
	assert_int_equal(sl_note_verify(&n, key, 2, &mask, time, &err), 0);
	assert_int_equal(mask, 3);
	assert_int_equal(time[1], 1790000000);
	assert_int_equal(sl_note_verify(&n, &stranger, 1, &mask, NULL, &e1),
			 SL_E(SIGNER));
	/* a cosigner needs a time, a log's key has none, and the key must be its own */
	assert_int_equal(sl_note_sign(text, &key[1], 0, &wit, &b, &e2), SL_E(USAGE));
	assert_int_equal(sl_note_sign(text, &key[0], 5, &log, &b, &e3), SL_E(USAGE));
	assert_int_equal(sl_note_sign(text, &key[0], 0, &wit, &b, &e4), SL_E(USAGE));
}

/* A known key's bad line refuses the note, though another line is good. */
static void
test_bad_line(void **state)
{
	struct sl_slice text = SL_LIT("a\n");
	SL_AUTO_BUF b = { .max = 4096 };
	struct sl_err err = { 0 };
	struct sl_signer one, two;
	struct sl_vkey key[2];
	uint64_t mask = 0;
	struct sl_note n;

	(void)state;
	test_signer(&one, 1);
	test_signer(&two, 2);
	assert_int_equal(
	    sl_vkey_make(SL_LIT("one"), SL_VKEY_ED25519, one.pub, &key[0], &err), 0);
	assert_int_equal(
	    sl_vkey_make(SL_LIT("two"), SL_VKEY_ED25519, two.pub, &key[1], &err), 0);
	sl_buf_str(&b, "a\n\n");
	assert_int_equal(sl_note_sign(text, &key[0], 0, &one, &b, &err), 0);
	assert_int_equal(sl_note_sign(SL_LIT("b\n"), &key[1], 0, &two, &b, &err), 0);
	assert_int_equal(sl_note_parse(sl_buf_get(&b), &n, &err), 0);
	assert_int_equal(sl_note_verify(&n, key, 1, &mask, NULL, &err),
			 0); /* two is unknown */
	assert_int_equal(sl_note_verify(&n, key, 2, &mask, NULL, &err), SL_E(VERIFY));
}

#define D "\xe2\x80\x94 "
static void
test_notes_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		"a\n",
		"a\n\n",
		"a\n\n" D "n AAAAAAA=",
		"a\n" D "n AAAAAAA=\n",
		"a\n\n- n AAAAAAA=\n",
		"a\n\n" D "n AAAA\n",
		"a\n\n" D "n AAAAAAB=\n",
		"a\n\n" D "n+ AAAAAAA=\n",
		"a\n\n" D " AAAAAAA=\n",
		"a\n\n" D "n\n",
		"a\n\n" D "n AAAAAAA=\nx\n",
		"a\r\n\n" D "n AAAAAAA=\n",
		"a\t\n\n" D "n AAAAAAA=\n",
		"\xff\n\n" D "n AAAAAAA=\n",
		"a\n\n" D "n AAAAAAA= \n",
		"a\n\n" D "n\xc2\xa0m AAAAAAA=\n",
		"a\n\n" D "n AAAAAAA=\n\n",
	};
	struct sl_note n;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err err = { 0 };

		if (sl_note_parse(edge(sl_slice_str(bad[i])), &n, &err) != SL_E(FORMAT))
			fail_msg("%zu: '%s'", i, bad[i]);
	}
}

static void
test_many_signatures(void **state)
{
	(void)state;
	for (int n = SL_NOTE_SIGS_MAX; n <= SL_NOTE_SIGS_MAX + 1; n++) {
		SL_AUTO_BUF b = { .max = 1 << 16 };
		struct sl_err err = { 0 };
		struct sl_note note;

		sl_buf_str(&b, "a\n\n");
		for (int i = 0; i < n; i++)
			sl_buf_printf(&b, D "n%d AAAAAAA=\n", i);
		assert_int_equal(sl_note_parse(sl_buf_get(&b), &note, &err),
				 n > SL_NOTE_SIGS_MAX ? SL_E(LIMIT) : 0);
	}
}

static void
test_keys_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"name",
		"name+530d903a",
		"name+530d903a+",
		"+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
		"example.com/"
		"foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* id */
		"example.com/"
		"fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* name
									      */
		"example.com/"
		"foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* case
									      */
		"example.com/"
		"foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", /* type 6
									      */
		"example.com/"
		"foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3Q==", /* short
									      */
		"example.com/ "
		"foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
	};
	struct sl_vkey k;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		struct sl_err err = { 0 };

		if (sl_vkey_parse(edge(sl_slice_str(bad[i])), &k, &err) == 0)
			fail_msg("'%s' was accepted", bad[i]);
	}
	assert_false(sl_vkey_name_ok(SL_LIT("a\xe3\x80\x80")));
	assert_false(sl_vkey_name_ok(SL_LIT("a\xe2\x80\x83")));
	assert_false(sl_vkey_name_ok(SL_LIT("a\xff")));
	assert_false(sl_vkey_name_ok(SL_LIT("a\x01")));
	assert_true(sl_vkey_name_ok(SL_LIT("\xe4\xbe\x8b.example/log")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_sign_and_cosign),
		cmocka_unit_test(test_bad_line),
		cmocka_unit_test(test_notes_refused),
		cmocka_unit_test(test_many_signatures),
		cmocka_unit_test(test_keys_refused),
	};

	return run_suite("note", tests, SL_ARRAY_LEN(tests));
}
